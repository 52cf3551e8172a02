//! A town: many homes behind one bridge, the way with its faults, and an emergency now and then. Pure and
//! cheap: ten thousand homes are one process's small task.

use crate::button::Lamp;
use crate::fault::{Faults, Way};
use crate::home::{self, Device, Emergency, Home};
use crate::seed::Seed;
use crate::uplink::Token;
use care::{DeviceId, HomeId, SignalKind, TimeDelta, Timestamp};
use chrono::FixedOffset;
use std::collections::{BTreeMap, BTreeSet};
use wire::native::Down;

/// Most messages that are held up on the way at one time; more are lost, as on a real one.
pub const HELD_UP_MAX: usize = 100_000;

/// What a town is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TownPlan {
    /// Everything random comes from here.
    pub seed: u64,
    /// The homes.
    pub homes: Vec<HomeId>,
    /// The residents' local time.
    pub zone: FixedOffset,
    /// How long it is between two emergencies in the whole town, on average; `None` for a town in peace.
    pub emergency_every: Option<TimeDelta>,
    /// What goes wrong.
    pub faults: Faults,
    /// Tells this life of the devices from earlier ones (see [`Home::new`]).
    pub boot: u32,
}

impl TownPlan {
    /// A town of so many homes called `home-0001` and so on, in China's time, in peace and without faults.
    pub fn of(homes: usize, seed: u64) -> Self {
        Self {
            seed,
            homes: (1..=homes).map(home_id).collect(),
            zone: china(),
            emergency_every: None,
            faults: Faults::none(),
            boot: 1,
        }
    }
}

/// The name of a demonstration's home: `home-0001` is the first.
pub fn home_id(number: usize) -> HomeId {
    HomeId::new(format!("home-{number:04}"))
}

/// UTC+8, all the year.
pub fn china() -> FixedOffset {
    match FixedOffset::east_opt(8 * 3600) {
        Some(zone) => zone,
        None => chrono::Offset::fix(&chrono::Utc),
    }
}

/// A message of a device of a home.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle {
    home: usize,
    device: Device,
    token: Token,
}

/// A message to be published now, QoS 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// To be handed back with the PUBACK.
    pub handle: Handle,
    /// What it says.
    pub kind: SignalKind,
    /// Where.
    pub topic: String,
    /// What.
    pub payload: Vec<u8>,
}

impl Sending {
    /// Whether the door is asked to keep it for later subscribers: a status is.
    pub fn is_retained(&self) -> bool {
        matches!(self.kind, SignalKind::Online | SignalKind::Offline)
    }
}

/// What happens to a town.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Time went on.
    TimePassed,
    /// The bridge has a connection.
    Connected,
    /// The bridge has none any more.
    Lost,
    /// The PUBACK of a message came.
    PubAck(Handle),
    /// The platform said something to a device.
    Command(HomeId, DeviceId, Down),
    /// Something befalls the resident of this home, by its number.
    Emergency(usize, Emergency),
}

/// What a town does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Publish.
    Publish(Sending),
    /// The lamp of a home's button changes.
    Lamp(HomeId, Lamp),
    /// Something befell the resident of a home.
    Befell(HomeId, Emergency),
}

/// A town.
#[derive(Debug, Clone)]
pub struct Town {
    plan: TownPlan,
    homes: Vec<Home>,
    numbers: BTreeMap<HomeId, usize>,
    wakes: BTreeSet<(Timestamp, usize)>,
    wake_of: Vec<Option<Timestamp>>,
    way: Way,
    held_up: BTreeMap<(Timestamp, u64), Sending>,
    held_count: u64,
    fate: Seed,
    emergency_at: Option<Timestamp>,
}

impl Town {
    /// A town that begins now.
    pub fn new(plan: TownPlan, now: Timestamp) -> Self {
        let seed = Seed::new(plan.seed);
        let homes: Vec<_> = plan
            .homes
            .iter()
            .enumerate()
            .map(|(number, id)| {
                let own = seed.branch(u64::try_from(number).unwrap_or(0) + 100);
                let cuts = plan
                    .faults
                    .power_cuts
                    .iter()
                    .filter(|cut| cut.homes.contains(&number));
                Home::new(id, &own, plan.zone, &plan.faults, plan.boot, now)
                    .with_power_cuts(cuts.map(|cut| cut.from..cut.to).collect())
            })
            .collect();
        let mut town = Self {
            numbers: plan
                .homes
                .iter()
                .cloned()
                .enumerate()
                .map(|(number, id)| (id, number))
                .collect(),
            wakes: (0..homes.len()).map(|number| (now, number)).collect(),
            wake_of: vec![Some(now); homes.len()],
            way: Way::new(plan.faults.clone(), seed.branch(1)),
            held_up: BTreeMap::new(),
            held_count: 0,
            fate: seed.branch(u64::from(plan.boot) + 2),
            emergency_at: None,
            homes,
            plan,
        };
        town.emergency_at = town.next_emergency(now);
        town
    }

    /// Its homes' devices hold so many messages that are not acked.
    pub fn waiting(&self) -> usize {
        self.homes.iter().map(Home::waiting).sum()
    }

    /// A home by its number.
    pub fn home(&self, number: usize) -> Option<&Home> {
        self.homes.get(number)
    }

    /// When to be woken if nothing happens.
    pub fn deadline(&self) -> Option<Timestamp> {
        let wake = self.wakes.first().map(|(at, _)| *at);
        let held = self.held_up.keys().next().map(|(at, _)| *at);
        wake.into_iter().chain(held).chain(self.emergency_at).min()
    }

    /// The only way it ever changes.
    pub fn step(&mut self, input: Input, now: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::TimePassed => self.go_on(now, &mut effects),
            Input::Connected => self.all_take(&home::Input::Connected, now, &mut effects),
            Input::Lost => self.all_take(&home::Input::Lost, now, &mut effects),
            Input::PubAck(handle) => {
                if self.way.ack_arrives() {
                    self.home_takes(
                        handle.home,
                        home::Input::PubAck(handle.device, handle.token),
                        now,
                        &mut effects,
                    );
                }
            }
            Input::Command(id, device, down) => {
                if let Some(number) = self.numbers.get(&id) {
                    self.home_takes(
                        *number,
                        home::Input::Command(device, down),
                        now,
                        &mut effects,
                    );
                }
            }
            Input::Emergency(number, emergency) => {
                self.befall(number, emergency, now, &mut effects)
            }
        }
        effects
    }

    fn go_on(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        while let Some(entry) = self.held_up.first_entry()
            && entry.key().0 <= now
        {
            effects.push(Effect::Publish(entry.remove()));
        }
        while let Some((_, number)) = self.wakes.first().filter(|(at, _)| *at <= now).copied() {
            self.home_takes(number, home::Input::TimePassed, now, effects);
        }
        if self.emergency_at.is_some_and(|at| at <= now) {
            let last = i64::try_from(self.homes.len()).unwrap_or(1) - 1;
            let number = usize::try_from(self.fate.between(0, last)).unwrap_or(0);
            let emergency = Emergency::any(&mut self.fate);
            self.emergency_at = self.next_emergency(now);
            self.befall(number, emergency, now, effects);
        }
    }

    fn befall(
        &mut self,
        number: usize,
        emergency: Emergency,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let Some(id) = self.plan.homes.get(number) else {
            return;
        };
        effects.push(Effect::Befell(id.clone(), emergency));
        self.home_takes(number, home::Input::Emergency(emergency), now, effects);
    }

    fn next_emergency(&mut self, now: Timestamp) -> Option<Timestamp> {
        let every = self.plan.emergency_every?.num_milliseconds();
        Some(now + TimeDelta::milliseconds(self.fate.between(every / 4, every * 7 / 4)))
    }

    fn all_take(&mut self, input: &home::Input, now: Timestamp, effects: &mut Vec<Effect>) {
        for number in 0..self.homes.len() {
            self.home_takes(number, input.clone(), now, effects);
        }
    }

    fn home_takes(
        &mut self,
        number: usize,
        input: home::Input,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let Some(home) = self.homes.get_mut(number) else {
            return;
        };
        let done = home.advance(input, &self.plan.faults, now);
        // Strictly later, so that a home that has nothing left to do now cannot be woken for ever.
        let wake = home
            .deadline()
            .map(|at| at.max(now + TimeDelta::milliseconds(1)));
        if let Some(slot) = self.wake_of.get_mut(number)
            && *slot != wake
        {
            if let Some(before) = slot.take() {
                self.wakes.remove(&(before, number));
            }
            self.wakes.extend(wake.map(|at| (at, number)));
            *slot = wake;
        }
        for effect in done {
            match effect {
                home::Effect::Lamp(lamp) => {
                    if let Some(id) = self.plan.homes.get(number) {
                        effects.push(Effect::Lamp(id.clone(), lamp));
                    }
                }
                home::Effect::Publish(device, publish) => {
                    let handle = Handle {
                        home: number,
                        device,
                        token: publish.token,
                    };
                    let sending = Sending {
                        handle,
                        kind: publish.kind,
                        topic: publish.topic,
                        payload: publish.payload,
                    };
                    self.carry(sending, now, effects);
                }
            }
        }
    }

    fn carry(&mut self, sending: Sending, now: Timestamp, effects: &mut Vec<Effect>) {
        for at in self.way.carry(now) {
            if at <= now {
                effects.push(Effect::Publish(sending.clone()));
            } else if self.held_up.len() < HELD_UP_MAX {
                self.held_count += 1;
                self.held_up.insert((at, self.held_count), sending.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_timestamp(1_795_363_200 + s, 0).unwrap()
    }

    /// Lets a town live against a door that stores and acks everything at once; the distinct messages that were stored.
    fn live(plan: TownPlan, hours: i64) -> (Town, BTreeSet<(String, Vec<u8>)>, usize) {
        let mut town = Town::new(plan, at(0));
        let mut stored = BTreeSet::new();
        let mut copies = 0;
        let mut now = at(0);
        let mut effects = town.step(Input::Connected, now);
        while now < at(hours * 3600) {
            while let Some(effect) = effects.pop() {
                if let Effect::Publish(sending) = effect {
                    let name = String::from_utf8(sending.payload.clone()).unwrap();
                    let name = name
                        .split("\"battery\"")
                        .nth(1)
                        .and_then(|rest| rest.split_once(','))
                        .map(|(_, rest)| rest.to_owned());
                    copies += usize::from(
                        !stored
                            .insert((sending.topic.clone(), name.unwrap_or_default().into_bytes())),
                    );
                    effects.extend(town.step(Input::PubAck(sending.handle), now));
                }
            }
            now = town.deadline().unwrap();
            effects = town.step(Input::TimePassed, now);
        }
        (town, stored, copies)
    }

    #[test]
    fn a_town_is_the_same_again_from_the_same_seed() {
        let run = || {
            live(
                TownPlan {
                    faults: Faults::harsh(),
                    ..TownPlan::of(3, 4)
                },
                6,
            )
        };
        let ((_, first, copies), (_, again, _)) = (run(), run());
        assert_eq!(first, again);
        assert!(copies > 10, "{copies}");
    }

    #[test]
    fn every_press_of_a_bad_day_arrives_at_last() {
        let every = Some(TimeDelta::minutes(10));
        let plan = TownPlan {
            faults: Faults {
                flat_battery_permille: 0,
                ..Faults::harsh()
            },
            emergency_every: every,
            ..TownPlan::of(5, 8)
        };
        let mut town = Town::new(plan, at(0));
        let (mut pressed, mut heard) = (0, BTreeSet::new());
        let mut now = at(0);
        let mut effects = town.step(Input::Connected, now);
        while now < at(48 * 3600) {
            while let Some(effect) = effects.pop() {
                match effect {
                    Effect::Publish(sending) => {
                        if sending.kind == SignalKind::Call {
                            heard.insert(sending.handle);
                        }
                        effects.extend(town.step(Input::PubAck(sending.handle), now));
                    }
                    Effect::Befell(_, Emergency::Press) => pressed += 1,
                    Effect::Befell(..) | Effect::Lamp(..) => {}
                }
            }
            if now > at(24 * 3600) {
                town.emergency_at = None;
            }
            now = town.deadline().unwrap();
            effects = town.step(Input::TimePassed, now);
        }
        assert!(pressed > 80, "{pressed}");
        assert_eq!(heard.len(), pressed);
    }

    #[test]
    fn ten_thousand_homes_are_cheap() {
        let mut town = Town::new(TownPlan::of(10_000, 1), at(12 * 3600));
        let mut effects = town.step(Input::Connected, at(12 * 3600));
        effects.extend(town.step(Input::TimePassed, at(12 * 3600)));
        assert!(effects.len() >= 10_000);
        assert!(
            size_of::<crate::sensor::Sensor>() <= 256,
            "{}",
            size_of::<crate::sensor::Sensor>()
        );
    }
}
