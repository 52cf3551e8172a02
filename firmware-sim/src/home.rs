//! A home: a resident, a button, sensors and a hub, behind one step.

use crate::button::{self, Button, Lamp};
use crate::fault::{self, Faults};
use crate::resident::{PLACES, Resident};
use crate::seed::Seed;
use crate::sensor::{self, Sensor};
use crate::uplink::{self, Publish, Token, Uplink};
use care::{DeviceId, HomeId, SignalKind, TimeDelta, Timestamp, Value};
use chrono::{FixedOffset, NaiveDate, NaiveTime};
use std::collections::VecDeque;
use std::ops::Range;
use wire::native::Down;

/// The name of every home's call button.
pub const BUTTON: &str = "button";

/// The name of every home's hub.
pub const HUB: &str = "hub";

/// The detectors beside the sensors of daily life.
const DETECTORS: [(&str, SignalKind); 3] = [
    ("smoke", SignalKind::Smoke),
    ("fall-1", SignalKind::Fall),
    ("leak-1", SignalKind::WaterLeak),
];

/// What befalls a resident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Emergency {
    /// Presses the button.
    Press,
    /// Takes the call back.
    Cancel,
    /// Falls.
    Fall,
    /// Something burns.
    Smoke,
    /// Water where none should be.
    Leak,
}

impl Emergency {
    /// As often as in life: mostly the button.
    pub fn any(seed: &mut Seed) -> Self {
        match seed.between(0, 99) {
            0..=79 => Self::Press,
            80..=89 => Self::Fall,
            90..=94 => Self::Smoke,
            _ => Self::Leak,
        }
    }

    fn detector(self) -> Option<SignalKind> {
        match self {
            Self::Press | Self::Cancel => None,
            Self::Fall => Some(SignalKind::Fall),
            Self::Smoke => Some(SignalKind::Smoke),
            Self::Leak => Some(SignalKind::WaterLeak),
        }
    }
}

/// One of a home's devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Device {
    /// The call button.
    Button,
    /// The hub.
    Hub,
    /// A sensor, by its place in the home.
    Sensor(u8),
}

/// What happens to a home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Time went on: the day goes its way.
    TimePassed,
    /// Something befalls the resident.
    Emergency(Emergency),
    /// The door answered.
    PubAck(Device, Token),
    /// The platform said something to a device.
    Command(DeviceId, Down),
    /// The bridge's own connection came or went, for the whole home.
    Connected,
    /// See [`Input::Connected`].
    Lost,
}

/// What a home does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// A device publishes.
    Publish(Device, Publish),
    /// The button's lamp changes.
    Lamp(Lamp),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Planned {
    Sensed(usize, Value),
    HubOff,
    HubBack,
    PowerCut,
    PowerBack,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bridge {
    Up,
    Down,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HubState {
    OnAir,
    OffAir,
}

/// A home.
#[derive(Debug, Clone, PartialEq)]
pub struct Home {
    resident: Resident,
    seed: Seed,
    zone: FixedOffset,
    button: Button,
    hub: Uplink,
    sensors: Vec<Sensor>,
    plan: VecDeque<(Timestamp, Planned)>,
    next_day: NaiveDate,
    bridge: Bridge,
    hub_state: HubState,
    cuts: Vec<Range<Timestamp>>,
}

impl Home {
    /// A home of this seed in this time zone. `boot` tells this life of its devices from earlier ones: the same
    /// home started again with the same number would repeat its messages' names.
    pub fn new(
        id: &HomeId,
        seed: &Seed,
        zone: FixedOffset,
        faults: &Faults,
        boot: u32,
        now: Timestamp,
    ) -> Self {
        let mut dice = seed.branch(1);
        let mut uplink = |device: &str| {
            Uplink::new(id.clone(), DeviceId::from(device), now)
                .with_boot(boot)
                .with_skew(fault::skew(faults, &mut dice))
                .with_battery_percent(fault::battery_percent(faults, &mut dice))
        };
        let button = Button::new(uplink(BUTTON));
        let hub = Uplink::new(id.clone(), DeviceId::from(HUB), now).with_boot(boot);
        let radios: Vec<_> = PLACES
            .iter()
            .map(|place| (place.device, place.kind))
            .chain(DETECTORS)
            .map(|(device, kind)| (uplink(device), kind))
            .collect();
        let mut hearts = seed.branch(2);
        let beat_s = sensor::HEARTBEAT_EVERY.num_seconds();
        let sensors = radios
            .into_iter()
            .map(|(radio, kind)| {
                Sensor::new(
                    radio,
                    kind,
                    now + TimeDelta::seconds(hearts.between(1, beat_s)),
                )
            })
            .collect();
        Self {
            resident: Resident::new(seed),
            seed: seed.clone(),
            zone,
            button,
            hub,
            sensors,
            plan: VecDeque::new(),
            next_day: now.with_timezone(&zone).date_naive(),
            bridge: Bridge::Down,
            hub_state: HubState::OnAir,
            cuts: Vec::new(),
        }
    }

    /// The same home, without power from and to these instants.
    #[must_use]
    pub fn with_power_cuts(mut self, cuts: Vec<Range<Timestamp>>) -> Self {
        self.cuts = cuts;
        self
    }

    /// Its button.
    pub fn button(&self) -> &Button {
        &self.button
    }

    /// Messages that wait in its devices.
    pub fn waiting(&self) -> usize {
        let sensors: usize = self
            .sensors
            .iter()
            .map(|sensor| sensor.uplink().waiting())
            .sum();
        sensors + self.button.uplink().waiting() + self.hub.waiting()
    }

    /// When to be woken if nothing happens.
    pub fn deadline(&self) -> Option<Timestamp> {
        let devices = self.sensors.iter().filter_map(Sensor::deadline);
        let ends = self
            .next_day
            .and_time(NaiveTime::MIN)
            .and_local_timezone(self.zone)
            .single();
        devices
            .chain(self.button.deadline())
            .chain(self.hub.deadline())
            .chain(self.plan.front().map(|(at, _)| *at))
            .chain(ends.map(|at| at.to_utc()))
            .min()
    }

    /// The only way it ever changes.
    pub fn step(mut self, input: Input, faults: &Faults, now: Timestamp) -> (Self, Vec<Effect>) {
        let effects = self.advance(input, faults, now);
        (self, effects)
    }

    /// [`Home::step`] in place.
    pub(crate) fn advance(&mut self, input: Input, faults: &Faults, now: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::TimePassed => self.go_on(faults, now, &mut effects),
            Input::Emergency(Emergency::Press) => {
                effects.extend(self.button_takes(button::Input::Pressed, now))
            }
            Input::Emergency(Emergency::Cancel) => {
                effects.extend(self.button_takes(button::Input::Cancelled, now))
            }
            Input::Emergency(
                emergency @ (Emergency::Fall | Emergency::Smoke | Emergency::Leak),
            ) => {
                let kind = emergency.detector();
                if let Some(index) = self
                    .sensors
                    .iter()
                    .position(|sensor| Some(sensor.kind()) == kind)
                {
                    effects.extend(self.sensor_takes(
                        index,
                        sensor::Input::Sensed(Value::Bool(true)),
                        now,
                    ));
                }
            }
            Input::PubAck(device, token) => {
                let link = uplink::Input::PubAck(token);
                match device {
                    Device::Button => {
                        effects.extend(self.button_takes(button::Input::Link(link), now))
                    }
                    Device::Sensor(index) => effects.extend(self.sensor_takes(
                        usize::from(index),
                        sensor::Input::Link(link),
                        now,
                    )),
                    Device::Hub => effects.extend(
                        self.hub
                            .advance(link, now)
                            .into_iter()
                            .map(|p| Effect::Publish(Device::Hub, p)),
                    ),
                }
            }
            Input::Command(device, down) if device.as_str() == BUTTON => {
                effects.extend(self.button_takes(button::Input::Command(down), now));
            }
            Input::Command(..) => {}
            Input::Connected => {
                self.bridge = Bridge::Up;
                effects.extend(
                    self.hub
                        .advance(uplink::Input::Connected, now)
                        .into_iter()
                        .map(|p| Effect::Publish(Device::Hub, p)),
                );
                if self.hub_state == HubState::OnAir {
                    self.hub_says(SignalKind::Online, now, &mut effects);
                    self.all_take(uplink::Input::Connected, now, &mut effects);
                }
            }
            Input::Lost => {
                self.bridge = Bridge::Down;
                effects.extend(
                    self.hub
                        .advance(uplink::Input::Lost, now)
                        .into_iter()
                        .map(|p| Effect::Publish(Device::Hub, p)),
                );
                self.all_take(uplink::Input::Lost, now, &mut effects);
            }
        }
        effects
    }

    fn button_takes(&mut self, input: button::Input, now: Timestamp) -> Vec<Effect> {
        let of_home = |effect| match effect {
            button::Effect::Publish(publish) => Effect::Publish(Device::Button, publish),
            button::Effect::Lamp(lamp) => Effect::Lamp(lamp),
        };
        self.button
            .advance(input, now)
            .into_iter()
            .map(of_home)
            .collect()
    }

    fn sensor_takes(&mut self, index: usize, input: sensor::Input, now: Timestamp) -> Vec<Effect> {
        let Some(sensor) = self.sensors.get_mut(index) else {
            return Vec::new();
        };
        let device = Device::Sensor(u8::try_from(index).unwrap_or(u8::MAX));
        sensor
            .advance(input, now)
            .into_iter()
            .map(|publish| Effect::Publish(device, publish))
            .collect()
    }

    fn all_take(&mut self, link: uplink::Input, now: Timestamp, effects: &mut Vec<Effect>) {
        effects.extend(self.button_takes(button::Input::Link(link), now));
        for index in 0..self.sensors.len() {
            effects.extend(self.sensor_takes(index, sensor::Input::Link(link), now));
        }
    }

    /// What the hub's last will says for it, and its greeting.
    fn hub_says(&mut self, kind: SignalKind, now: Timestamp, effects: &mut Vec<Effect>) {
        effects.extend(
            self.hub
                .say(kind, Value::None, now)
                .1
                .into_iter()
                .map(|p| Effect::Publish(Device::Hub, p)),
        );
    }

    fn go_on(&mut self, faults: &Faults, now: Timestamp, effects: &mut Vec<Effect>) {
        while self.next_day <= now.with_timezone(&self.zone).date_naive() {
            self.plan_day(faults, now);
        }
        while let Some((_, planned)) = self.plan.pop_front_if(|(at, _)| *at <= now) {
            self.happen(planned, now, effects);
        }
        if self.button.deadline().is_some_and(|at| at <= now) {
            effects.extend(self.button_takes(button::Input::Link(uplink::Input::TimePassed), now));
        }
        if self.hub.deadline().is_some_and(|at| at <= now) {
            effects.extend(
                self.hub
                    .advance(uplink::Input::TimePassed, now)
                    .into_iter()
                    .map(|p| Effect::Publish(Device::Hub, p)),
            );
        }
        for index in 0..self.sensors.len() {
            if self
                .sensors
                .get(index)
                .and_then(Sensor::deadline)
                .is_some_and(|at| at <= now)
            {
                effects.extend(self.sensor_takes(
                    index,
                    sensor::Input::Link(uplink::Input::TimePassed),
                    now,
                ));
            }
        }
    }

    fn happen(&mut self, planned: Planned, now: Timestamp, effects: &mut Vec<Effect>) {
        match planned {
            Planned::Sensed(index, value) => {
                effects.extend(self.sensor_takes(index, sensor::Input::Sensed(value), now))
            }
            Planned::HubOff => {
                self.hub_state = HubState::OffAir;
                self.all_take(uplink::Input::Lost, now, effects);
                self.hub_says(SignalKind::Offline, now, effects);
            }
            Planned::PowerCut => {
                self.hub_state = HubState::OffAir;
                self.all_take(uplink::Input::Lost, now, effects);
                self.all_take(uplink::Input::PowerCut, now, effects);
                self.hub_says(SignalKind::Offline, now, effects);
            }
            Planned::HubBack | Planned::PowerBack => {
                self.hub_state = HubState::OnAir;
                if planned == Planned::PowerBack {
                    self.all_take(uplink::Input::PowerBack, now, effects);
                }
                self.hub_says(SignalKind::Online, now, effects);
                if self.bridge == Bridge::Up {
                    self.all_take(uplink::Input::Connected, now, effects);
                }
            }
        }
    }

    fn plan_day(&mut self, faults: &Faults, now: Timestamp) {
        let date = self.next_day;
        self.next_day = date.succ_opt().unwrap_or(date);
        let Some(midnight) = date
            .and_time(NaiveTime::MIN)
            .and_local_timezone(self.zone)
            .single()
        else {
            return;
        };
        let midnight = midnight.to_utc();
        let mut coming: Vec<_> = self
            .resident
            .day(date)
            .into_iter()
            .map(|happening| {
                (
                    midnight + happening.at,
                    Planned::Sensed(happening.sense.index(), happening.value),
                )
            })
            .collect();
        let day = u64::try_from(midnight.timestamp()).unwrap_or(0);
        if let Some(off) = fault::hub_off(faults, &mut self.seed.branch(day), midnight) {
            coming.extend([(off.start, Planned::HubOff), (off.end, Planned::HubBack)]);
        }
        let today = midnight..midnight + TimeDelta::days(1);
        for cut in self.cuts.iter().filter(|cut| today.contains(&cut.start)) {
            coming.extend([
                (cut.start, Planned::PowerCut),
                (cut.end, Planned::PowerBack),
            ]);
        }
        // What is past when the town starts in the middle of a day has not been sent.
        coming.retain(|(at, _)| *at >= now - TimeDelta::minutes(1));
        self.plan.extend(coming);
        self.plan.make_contiguous().sort_by_key(|(at, _)| *at);
        self.plan.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn at(s: i64) -> Timestamp {
        // 2026-11-23 00:00 in China.
        Timestamp::from_timestamp(1_795_363_200 + s, 0).unwrap()
    }

    fn home(faults: &Faults) -> Home {
        let zone = FixedOffset::east_opt(8 * 3600).unwrap();
        Home::new(&"home-0001".into(), &Seed::new(9), zone, faults, 1, at(0))
    }

    /// Lets a home live for so many hours with a door that acks at once; what came out, by kind.
    fn live(mut home: Home, faults: &Faults, hours: i64) -> (Home, BTreeMap<SignalKind, usize>) {
        let mut said = BTreeMap::new();
        let mut effects = home.advance(Input::Connected, faults, at(0));
        loop {
            while let Some(effect) = effects.pop() {
                if let Effect::Publish(device, publish) = effect {
                    *said.entry(publish.kind).or_default() += 1;
                    effects.extend(home.advance(
                        Input::PubAck(device, publish.token),
                        faults,
                        at(0),
                    ));
                }
            }
            let next = home.deadline().unwrap();
            if next >= at(hours * 3600) {
                return (home, said);
            }
            effects = home.advance(Input::TimePassed, faults, next);
        }
    }

    #[test]
    fn a_day_in_a_home_says_what_a_home_says() {
        let (home, said) = live(home(&Faults::none()), &Faults::none(), 24);
        assert_eq!(home.waiting(), 0);
        for kind in [
            SignalKind::Motion,
            SignalKind::Bed,
            SignalKind::Seat,
            SignalKind::Water,
            SignalKind::Power,
            SignalKind::Contact,
        ] {
            assert!(said[&kind] >= 2, "{kind:?} {said:?}");
        }
        assert_eq!(
            said[&SignalKind::Heartbeat],
            14 * 24,
            "fourteen sensors, every hour"
        );
        assert_eq!(said[&SignalKind::Online], 1);
        assert!(!said.contains_key(&SignalKind::Call));
    }

    #[test]
    fn a_power_cut_is_seen_as_offline_and_nothing_is_said_until_the_power_is_back() {
        let cut = at(9 * 3600)..at(10 * 3600);
        let (home, said) = live(
            home(&Faults::none()).with_power_cuts(vec![cut]),
            &Faults::none(),
            24,
        );
        assert_eq!(
            (
                said[&SignalKind::Offline],
                said[&SignalKind::Online],
                home.waiting()
            ),
            (1, 2, 0)
        );
    }

    #[test]
    fn a_press_while_the_hub_is_off_the_air_is_heard_when_it_is_back() {
        let faults = Faults {
            hub_off_permille: 1000,
            hub_off_max: TimeDelta::hours(2),
            ..Faults::none()
        };
        let mut home = home(&faults);
        home.advance(Input::Connected, &faults, at(0));
        home.advance(Input::TimePassed, &faults, at(1));
        let off = home
            .plan
            .iter()
            .find(|(_, planned)| *planned == Planned::HubOff)
            .unwrap()
            .0;
        let back = home
            .plan
            .iter()
            .find(|(_, planned)| *planned == Planned::HubBack)
            .unwrap()
            .0;
        home.advance(Input::TimePassed, &faults, off);
        let pressed = home.advance(
            Input::Emergency(Emergency::Press),
            &faults,
            off + TimeDelta::seconds(5),
        );
        assert_eq!(pressed, [Effect::Lamp(Lamp::Sending)]);
        let said = home.advance(Input::TimePassed, &faults, back);
        let call = |effect: &Effect| matches!(effect, Effect::Publish(Device::Button, publish) if publish.kind == SignalKind::Call);
        assert_eq!(said.iter().filter(|effect| call(effect)).count(), 1);
    }
}
