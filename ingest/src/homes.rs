//! The states of a shard's homes in memory, their deadlines, and their snapshots.

use care::home::{Effect, Home, Input, Settings};
use care::{DeviceId, HomeId, Lane, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use store::ledger::Decided;
use store::Offset;
use tracing::warn;

/// Version of the snapshot's outer form.
const FORM: u8 = 1;

/// One home in memory.
pub(crate) struct Slot {
    pub(crate) home: Option<Home>,
    pub(crate) learned: wire::Learned,
    /// The places in the log that this state includes.
    pub(crate) applied: Decided,
    deadline: Option<Timestamp>,
    dirty: bool,
    /// Where the last messages of each device stand in the log, newest first. Not kept across a restart.
    recent: Vec<(DeviceId, Vec<(Lane, Offset)>)>,
}

/// Messages of a device whose places are remembered, and devices of a home (LIM-1).
const RECENT_MAX: usize = 3;
const RECENT_DEVICES_MAX: usize = 24;

/// All homes of a shard.
#[derive(Default)]
pub(crate) struct Homes {
    slots: BTreeMap<HomeId, Slot>,
    deadlines: BTreeSet<(Timestamp, HomeId)>,
    /// When the register was asked what the devices of each home were declared to be.
    pub(crate) asked_at: BTreeMap<HomeId, Timestamp>,
    /// Homes whose stored states are in a newer form: a newer program wrote them and is to find them again as they were.
    newer: BTreeSet<HomeId>,
}

impl Homes {
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn get(&self, id: &HomeId) -> Option<&Home> {
        self.slots.get(id).and_then(|s| s.home.as_ref())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Home> {
        self.slots.values().filter_map(|s| s.home.as_ref())
    }

    pub(crate) fn ids(&self) -> Vec<HomeId> {
        let mut ids: Vec<_> = self.slots.keys().cloned().collect();
        ids.sort();
        ids
    }

    /// The slot of a home, made if it is new.
    pub(crate) fn slot(&mut self, id: &HomeId, now: Timestamp) -> &mut Slot {
        if !self.slots.contains_key(id) {
            self.slots.insert(id.clone(), Slot::of(Home::new(id.clone(), now)));
        }
        match self.slots.get_mut(id) {
            Some(slot) => slot,
            None => unreachable!("the slot was inserted above"),
        }
    }

    /// Steps a home and keeps its deadline in order.
    pub(crate) fn step(&mut self, id: &HomeId, input: Input<'_>, settings: &Settings, now: Timestamp) -> Vec<Effect> {
        let slot = self.slot(id, now);
        let home = slot.home.take().unwrap_or_else(|| Home::new(id.clone(), now));
        let (home, effects) = home.step(input, settings, now);
        let next = home.deadline();
        slot.home = Some(home);
        slot.dirty = true;
        let before = std::mem::replace(&mut slot.deadline, next);
        if before != next {
            if let Some(at) = before {
                self.deadlines.remove(&(at, id.clone()));
            }
            if let Some(at) = next {
                self.deadlines.insert((at, id.clone()));
            }
        }
        effects
    }

    /// Takes in what a home's devices were declared to be. A home that was never heard of and has nothing declared stays unknown.
    pub(crate) fn declare(&mut self, id: &HomeId, roles: Vec<(DeviceId, Option<wire::Role>)>, now: Timestamp) {
        if !self.slots.contains_key(id) && roles.iter().all(|(_, role)| role.is_none()) {
            return;
        }
        let slot = self.slot(id, now);
        for (device, role) in roles {
            if slot.learned.role(&device) != role {
                slot.learned.declare(device, role);
                slot.dirty = true;
            }
        }
    }

    /// Notes where a message of a device stands.
    pub(crate) fn note(&mut self, id: &HomeId, device: &DeviceId, lane: Lane, offset: Offset) {
        let Some(slot) = self.slots.get_mut(id) else { return };
        let mut places = match slot.recent.iter().position(|(known, _)| known == device) {
            Some(at) => slot.recent.remove(at).1,
            None => Vec::with_capacity(RECENT_MAX),
        };
        if places.first() != Some(&(lane, offset)) {
            places.insert(0, (lane, offset));
            places.truncate(RECENT_MAX);
        }
        slot.recent.insert(0, (device.clone(), places));
        slot.recent.truncate(RECENT_DEVICES_MAX);
    }

    /// Where the last messages of a device stand, newest first.
    pub(crate) fn recent(&self, id: &HomeId, device: &DeviceId) -> Vec<(Lane, Offset)> {
        let slot = self.slots.get(id);
        slot.and_then(|slot| slot.recent.iter().find(|(known, _)| known == device)).map(|(_, places)| places.clone()).unwrap_or_default()
    }

    /// Marks a record as included in its home's state.
    pub(crate) fn applied(&mut self, id: &HomeId, lane: Lane, offset: Offset) {
        if let Some(slot) = self.slots.get_mut(id) {
            match lane {
                Lane::Red => slot.applied.red = slot.applied.red.max(offset),
                Lane::Routine => slot.applied.routine = slot.applied.routine.max(offset),
            }
        }
    }

    /// True if the home's state already includes the record.
    pub(crate) fn includes(&self, id: &HomeId, lane: Lane, offset: Offset) -> bool {
        self.slots.get(id).is_some_and(|s| match lane {
            Lane::Red => s.applied.red >= offset,
            Lane::Routine => s.applied.routine >= offset,
        })
    }

    /// The first home whose deadline is at or before `now`.
    pub(crate) fn due(&self, now: Timestamp) -> Option<(Timestamp, HomeId)> {
        self.deadlines.first().filter(|(at, _)| *at <= now).cloned()
    }

    /// The earliest deadline.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Up to `max` homes that changed since they were last written, encoded. They count as written.
    pub(crate) fn take_dirty(&mut self, max: usize) -> Vec<(HomeId, Vec<u8>)> {
        let ids: Vec<HomeId> = self.slots.iter().filter(|(id, s)| s.dirty && !self.newer.contains(*id)).map(|(id, _)| id.clone()).take(max).collect();
        let mut out = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(slot) = self.slots.get_mut(&id) {
                slot.dirty = false;
                out.push((id, slot.encode()));
            }
        }
        out
    }

    /// Homes that were taken but could not be written are dirty again.
    pub(crate) fn give_back(&mut self, ids: impl Iterator<Item = HomeId>) {
        for id in ids {
            if let Some(slot) = self.slots.get_mut(&id) {
                slot.dirty = true;
            }
        }
    }

    /// Takes the stored states in. What a newer program has written is not written over: it is to find it again as it was.
    pub(crate) fn load(&mut self, states: Vec<(HomeId, Vec<u8>)>) {
        let mut damaged = 0u32;
        for (id, bytes) in states {
            let slot = match Slot::decode(&id, &bytes) {
                Ok(slot) => slot,
                Err(Unread::Newer(slot)) => {
                    self.newer.insert(id.clone());
                    *slot
                }
                Err(Unread::Damaged) => {
                    damaged += 1;
                    continue;
                }
            };
            if let Some(at) = slot.deadline {
                self.deadlines.insert((at, id.clone()));
            }
            self.slots.insert(id, slot);
        }
        if damaged > 0 {
            warn!(homes = damaged, "states could not be read: these homes start anew from the log");
        }
        if !self.newer.is_empty() {
            warn!(homes = self.newer.len(), "a newer program has written these homes' states: it finds them again as they were; here their routine is unknown");
        }
    }

    /// True if states of a newer form are kept. They can be brought up to date only from the place in the log that they
    /// were written at: it must not be moved.
    pub(crate) fn keeps_newer(&self) -> bool {
        !self.newer.is_empty()
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
            (Ok(home), Ok(learned)) => Ok(Self { applied, deadline: home.deadline(), learned, dirty: false, ..Self::of(home) }),
            // Whole, but with something that this program has no name for.
            (Ok(home), Err(error)) if error.is_data() => Err(Unread::Newer(Box::new(Self { applied, deadline: home.deadline(), ..Self::of(home) }))),
            // How far it is up to date means nothing here: it begins where the shard's states were written.
            (Err(_), learned) => Err(Home::of_a_newer_form(id.clone(), home).map_or(Unread::Damaged, |home| {
                Unread::Newer(Box::new(Self { learned: learned.unwrap_or_default(), ..Self::of(home) }))
            })),
            (Ok(_), Err(_)) => Err(Unread::Damaged),
        }
    }

    /// A home of which nothing is stored yet.
    fn of(home: Home) -> Self {
        Self { home: Some(home), learned: wire::Learned::default(), applied: Decided::default(), deadline: None, dirty: true, recent: Vec::new() }
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
