//! The states of a shard's homes in memory, their deadlines, and their snapshots.

use care::home::{Effect, Home, Input, Settings};
use care::{DeviceId, HomeId, Lane, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use store::Offset;
use store::ledger::Decided;
use tracing::warn;

/// Version of the snapshot's outer form.
const FORM: u8 = 1;

/// One home in memory.
pub(crate) struct Slot {
    id: HomeId,
    home: Option<Home>,
    pub(crate) learned: wire::Learned,
    /// The places in the log that this state includes.
    applied: Decided,
    /// Where it stands among the deadlines: never later than its own, which a sign of life only puts off.
    armed: Option<Timestamp>,
    dirty: bool,
    /// What is stored of it was written by a newer program, which is to find it again as it was.
    newer: bool,
    /// What is known of each device beside the home's state, the one heard last first. Not kept across a restart.
    recent: Vec<Recent>,
}

/// A device that spoke.
struct Recent {
    device: DeviceId,
    /// Where its last messages stand in the log, newest first.
    places: [Option<(Lane, Offset)>; RECENT_MAX],
    register: Register,
}

/// What the register is known to say of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Register {
    /// It was not asked yet.
    Unasked,
    /// The device is registered.
    Known,
    /// It is not, and that was noted then.
    Stranger(Timestamp),
}

/// Messages of a device whose places are remembered, and devices of a home (LIM-1).
const RECENT_MAX: usize = 3;
const RECENT_DEVICES_MAX: usize = 24;

/// Where a home stands among the slots: found once for each record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(usize);

/// All homes of a shard. None ever leaves.
#[derive(Default)]
pub(crate) struct Homes {
    #[expect(clippy::vec_box, reason = "what belongs to one home lies together, and a longer list moves none of it")]
    slots: Vec<Box<Slot>>,
    index: HashMap<HomeId, Place>,
    deadlines: BTreeSet<(Timestamp, Place)>,
    /// Changed since they were last written.
    dirty: Vec<Place>,
    /// When the register was asked what the devices of each home were declared to be.
    pub(crate) asked_at: BTreeMap<HomeId, Timestamp>,
    /// Homes whose stored states are in a newer form.
    newer: usize,
}

impl Homes {
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn find(&self, id: &HomeId) -> Option<Place> {
        self.index.get(id).copied()
    }

    /// A home's place, made if it is new.
    pub(crate) fn place(&mut self, id: &HomeId, now: Timestamp) -> Place {
        self.find(id).unwrap_or_else(|| {
            let place = self.add(Slot::of(id.clone(), Home::new(id.clone(), now)));
            self.changed(place);
            place
        })
    }

    fn add(&mut self, slot: Slot) -> Place {
        let place = Place(self.slots.len());
        self.index.insert(slot.id.clone(), place);
        self.slots.push(Box::new(slot));
        place
    }

    pub(crate) fn slot(&mut self, place: Place) -> &mut Slot {
        match self.slots.get_mut(place.0) {
            Some(slot) => slot,
            None => unreachable!("places are given for slots alone, and no slot leaves"),
        }
    }

    pub(crate) fn get(&self, place: Place) -> Option<&Home> {
        self.slots.get(place.0).and_then(|slot| slot.home.as_ref())
    }

    /// The homes, in the order in which they came.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Home> {
        self.slots.iter().filter_map(|slot| slot.home.as_ref())
    }

    /// Every home with its place, sorted by name.
    pub(crate) fn ids(&self) -> Vec<(HomeId, Place)> {
        let mut ids: Vec<_> = self.index.iter().map(|(id, place)| (id.clone(), *place)).collect();
        ids.sort();
        ids
    }

    /// It is to be written, unless what is stored of it is a newer program's.
    fn changed(&mut self, place: Place) {
        let slot = self.slot(place);
        if !slot.newer && !std::mem::replace(&mut slot.dirty, true) {
            self.dirty.push(place);
        }
    }

    /// Steps a home and keeps its deadline in order.
    pub(crate) fn step(&mut self, place: Place, input: Input<'_>, settings: &Settings, now: Timestamp) -> Vec<Effect> {
        let slot = self.slot(place);
        let home = slot.home.take().unwrap_or_else(|| Home::new(slot.id.clone(), now));
        let (home, effects) = home.step(input, settings, now);
        let next = home.deadline();
        slot.home = Some(home);
        if next.is_some_and(|next| slot.armed.is_none_or(|armed| next < armed)) {
            self.arm(place, next);
        }
        self.changed(place);
        effects
    }

    fn arm(&mut self, place: Place, at: Option<Timestamp>) {
        let before = std::mem::replace(&mut self.slot(place).armed, at);
        if let Some(before) = before {
            self.deadlines.remove(&(before, place));
        }
        if let Some(at) = at {
            self.deadlines.insert((at, place));
        }
    }

    /// Takes in what a home's devices were declared to be. A home that was never heard of and has nothing declared stays unknown.
    pub(crate) fn declare(&mut self, id: &HomeId, roles: Vec<(DeviceId, Option<wire::Role>)>, now: Timestamp) {
        if self.find(id).is_none() && roles.iter().all(|(_, role)| role.is_none()) {
            return;
        }
        let place = self.place(id, now);
        for (device, role) in roles {
            let learned = &mut self.slot(place).learned;
            if learned.role(&device) != role {
                learned.declare(device, role);
                self.changed(place);
            }
        }
    }

    /// The first home whose deadline is at or before `now`.
    pub(crate) fn due(&mut self, now: Timestamp) -> Option<(Timestamp, Place)> {
        loop {
            let (at, place) = self.deadlines.first().copied().filter(|(at, _)| *at <= now)?;
            let own = self.get(place).and_then(Home::deadline);
            if own == Some(at) {
                return Some((at, place));
            }
            self.arm(place, own); // it was put off meanwhile
        }
    }

    /// No deadline is earlier than this.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Up to `max` homes that changed since they were last written, encoded. They count as written.
    pub(crate) fn take_dirty(&mut self, max: usize) -> Vec<(HomeId, Vec<u8>)> {
        let rest = self.dirty.len().saturating_sub(max);
        let taken = self.dirty.split_off(rest);
        taken
            .into_iter()
            .map(|place| {
                let slot = self.slot(place);
                slot.dirty = false;
                (slot.id.clone(), slot.encode())
            })
            .collect()
    }

    /// Homes that were taken but could not be written are dirty again.
    pub(crate) fn give_back(&mut self, ids: impl Iterator<Item = HomeId>) {
        for id in ids {
            if let Some(place) = self.find(&id) {
                self.changed(place);
            }
        }
    }

    /// Takes the stored states in. What a newer program has written is not written over: it is to find it again as it was.
    pub(crate) fn load(&mut self, states: Vec<(HomeId, Vec<u8>)>) {
        self.slots.reserve(states.len());
        self.index.reserve(states.len());
        let mut damaged = 0u32;
        for (id, bytes) in states {
            let slot = match Slot::decode(&id, &bytes) {
                Ok(slot) => slot,
                Err(Unread::Newer(slot)) => {
                    self.newer += 1;
                    *slot
                }
                Err(Unread::Damaged) => {
                    damaged += 1;
                    continue;
                }
            };
            let deadline = slot.home.as_ref().and_then(Home::deadline);
            let place = self.add(slot);
            self.arm(place, deadline);
        }
        if damaged > 0 {
            warn!(homes = damaged, "states could not be read: these homes start anew from the log");
        }
        if self.newer > 0 {
            warn!(homes = self.newer, "a newer program has written these homes' states: it finds them again as they were; here their routine is unknown");
        }
    }

    /// True if states of a newer form are kept. They can be brought up to date only from the place in the log that they
    /// were written at: it must not be moved.
    pub(crate) fn keeps_newer(&self) -> bool {
        self.newer > 0
    }
}

/// Why a stored state cannot be taken in as it is.
enum Unread {
    /// It is in a newer form; what an older program may know of the home.
    Newer(Box<Slot>),
    /// It is in none.
    Damaged,
}

/// What a snapshot's home has taught about its devices.
pub(crate) fn learned_of(id: &HomeId, bytes: &[u8]) -> Option<wire::Learned> {
    Slot::decode(id, bytes).ok().map(|slot| slot.learned)
}

/// A home's state that forgets which places of the log it includes: for a log that begins anew. What cannot be read stays as it is.
pub fn without_place(state: &[u8]) -> Vec<u8> {
    let mut out = state.to_vec();
    if let Some([FORM, places @ ..]) = out.get_mut(..17) {
        places.fill(0);
    }
    out
}

impl Slot {
    /// True if the state already includes the record.
    pub(crate) fn includes(&self, lane: Lane, offset: Offset) -> bool {
        match lane {
            Lane::Red => self.applied.red >= offset,
            Lane::Routine => self.applied.routine >= offset,
        }
    }

    /// Marks a record as included.
    pub(crate) fn applied(&mut self, lane: Lane, offset: Offset) {
        match lane {
            Lane::Red => self.applied.red = self.applied.red.max(offset),
            Lane::Routine => self.applied.routine = self.applied.routine.max(offset),
        }
    }

    /// Notes where a message of a device stands, and says what the register is known to say of the device.
    pub(crate) fn note(&mut self, device: &DeviceId, lane: Lane, offset: Offset) -> Register {
        match self.recent.iter().position(|known| known.device == *device) {
            Some(at) => self.recent.get_mut(..=at).unwrap_or_default().rotate_right(1),
            None => {
                self.recent.truncate(RECENT_DEVICES_MAX - 1);
                self.recent.insert(0, Recent { device: device.clone(), places: [None; RECENT_MAX], register: Register::Unasked });
            }
        }
        let Some(recent) = self.recent.first_mut() else { return Register::Unasked };
        if recent.places.first() != Some(&Some((lane, offset))) {
            recent.places.rotate_right(1);
            if let Some(newest) = recent.places.first_mut() {
                *newest = Some((lane, offset));
            }
        }
        recent.register
    }

    /// What the register is known to say of a device that spoke.
    pub(crate) fn register(&mut self, device: &DeviceId) -> Option<&mut Register> {
        self.recent.iter_mut().find(|known| known.device == *device).map(|known| &mut known.register)
    }

    /// Where the last messages of a device stand, newest first.
    pub(crate) fn recent(&self, device: &DeviceId) -> Vec<(Lane, Offset)> {
        self.recent.iter().find(|known| known.device == *device).map(|known| known.places.iter().flatten().copied().collect()).unwrap_or_default()
    }

    fn encode(&self) -> Vec<u8> {
        let home = self.home.as_ref().map(Home::encode).unwrap_or_default();
        let learned = match self.learned == wire::Learned::default() {
            true => Vec::new(),
            false => serde_json::to_vec(&self.learned).unwrap_or_default(),
        };
        let mut out = Vec::with_capacity(21 + home.len() + learned.len());
        out.push(FORM);
        out.extend(self.applied.red.0.to_le_bytes());
        out.extend(self.applied.routine.0.to_le_bytes());
        out.extend(u32::try_from(home.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend(home);
        out.extend(learned);
        out
    }

    fn decode(id: &HomeId, bytes: &[u8]) -> Result<Self, Unread> {
        let Parts { applied, home, learned } = Parts::of(bytes).ok_or(Unread::Damaged)?;
        let learned = if learned.is_empty() { Ok(wire::Learned::default()) } else { serde_json::from_slice(learned) };
        match (Home::decode(id.clone(), home), learned) {
            (Ok(home), Ok(learned)) => Ok(Self { applied, learned, ..Self::of(id.clone(), home) }),
            // Whole, but with something that this program has no name for.
            (Ok(home), Err(error)) if error.is_data() => Err(Unread::Newer(Box::new(Self { applied, newer: true, ..Self::of(id.clone(), home) }))),
            // How far it is up to date means nothing here: it begins where the shard's states were written.
            (Err(_), learned) => Err(Home::of_a_newer_form(id.clone(), home).map_or(Unread::Damaged, |home| {
                Unread::Newer(Box::new(Self { learned: learned.unwrap_or_default(), newer: true, ..Self::of(id.clone(), home) }))
            })),
            (Ok(_), Err(_)) => Err(Unread::Damaged),
        }
    }

    /// A home of which nothing else is known.
    fn of(id: HomeId, home: Home) -> Self {
        Self { id, home: Some(home), learned: wire::Learned::default(), applied: Decided::default(), armed: None, dirty: false, newer: false, recent: Vec::new() }
    }
}

/// The outer form of a stored state. It stays: what is new goes into the home's own form, with a number of its own.
struct Parts<'a> {
    applied: Decided,
    home: &'a [u8],
    learned: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let (_, rest) = bytes.split_first().filter(|(form, _)| **form == FORM)?;
        let (red, rest) = rest.split_first_chunk::<8>()?;
        let (routine, rest) = rest.split_first_chunk::<8>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (home, learned) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        let applied = Decided { red: Offset(u64::from_le_bytes(*red)), routine: Offset(u64::from_le_bytes(*routine)) };
        Some(Self { applied, home, learned })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use care::{Signal, SignalKind, TimeDelta, Value};

    fn at(hour: i64) -> Timestamp {
        "2026-11-23T00:00:00Z".parse::<Timestamp>().unwrap() + TimeDelta::hours(hour)
    }

    fn hear(homes: &mut Homes, home: &str, now: Timestamp) -> Place {
        let place = homes.place(&home.into(), now);
        let signal = Signal { home: home.into(), device: "m".into(), kind: SignalKind::Motion, value: Value::None, room: None, event: None, said_at: None, heard_at: now };
        homes.step(place, Input::Heard(&signal), &Settings::default(), now);
        place
    }

    #[test]
    fn a_deadline_that_was_put_off_fires_at_its_own_time_and_one_that_came_nearer_too() {
        let mut homes = Homes::default();
        let place = hear(&mut homes, "h", at(0));
        hear(&mut homes, "h", at(5));
        assert_eq!(homes.next_deadline(), Some(at(12)), "looked at no later than before");
        assert_eq!(homes.due(at(12)), None);
        assert_eq!(homes.next_deadline(), Some(at(17)));
        assert_eq!(homes.due(at(17)), Some((at(17), place)));
        let told = Input::Told(care::home::Told::Supervise { device: "m".into(), every_s: 60, part: care::home::Part::Sensor });
        homes.step(place, told, &Settings::default(), at(6));
        let nearer = homes.get(place).and_then(Home::deadline).unwrap();
        assert!(nearer < at(7));
        assert_eq!(homes.due(at(7)), Some((nearer, place)));
        assert_eq!(homes.deadlines.len(), 1, "a home stands there once");
    }

    #[test]
    fn a_changed_home_is_written_once_and_again_if_it_could_not_be() {
        let mut homes = Homes::default();
        for home in ["a", "b", "a", "c", "a"] {
            hear(&mut homes, home, at(0));
        }
        let written = |homes: &mut Homes| {
            let mut out = Vec::new();
            loop {
                let some = homes.take_dirty(2);
                out.extend(some.iter().map(|(id, _)| id.to_string()));
                if some.len() < 2 {
                    out.sort();
                    return out;
                }
            }
        };
        assert_eq!(written(&mut homes), ["a", "b", "c"]);
        assert_eq!(written(&mut homes), [""; 0]);
        homes.give_back(["b".into(), "b".into()].into_iter());
        assert_eq!(written(&mut homes), ["b"]);
    }

    #[test]
    fn the_last_places_of_a_device_are_known_and_what_the_register_said_of_it() {
        let mut homes = Homes::default();
        let place = hear(&mut homes, "h", at(0));
        let slot = homes.slot(place);
        for (n, device) in [(1, "m"), (2, "d"), (3, "m"), (3, "m"), (4, "m"), (5, "m")] {
            slot.note(&device.into(), Lane::Routine, Offset(n));
        }
        assert_eq!(slot.recent(&"m".into()).iter().map(|(_, offset)| offset.0).collect::<Vec<_>>(), [5, 4, 3]);
        assert_eq!(slot.recent(&"x".into()), []);
        *slot.register(&"m".into()).unwrap() = Register::Known;
        assert_eq!(slot.note(&"m".into(), Lane::Routine, Offset(6)), Register::Known);
        for n in 0..30 {
            slot.note(&DeviceId::new(format!("d{n}")), Lane::Routine, Offset(n));
        }
        assert_eq!((slot.recent.len(), slot.note(&"m".into(), Lane::Routine, Offset(7))), (RECENT_DEVICES_MAX, Register::Unasked));
    }
}
