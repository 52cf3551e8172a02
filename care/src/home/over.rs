//! What is over: a device that was silent is heard again, a detector clears, the elder is back. Each end is told once,
//! to the alarm that is open about it; what follows is the alarm's to decide ([`crate::alarm::Over`]).

use super::clock::Second;
use super::{Device, Effect, Home};
use crate::alarm::Over;
use crate::cause::{Says, says};
use crate::{Cause, DeviceId, Reason, Signal, Timestamp};

/// The causes whose beginning a device remembers, by their bit.
const LASTING: [&str; 8] =
    ["technical/device_silent", "technical/power_cut", "technical/battery_low", "technical/tamper", "smoke", "gas", "carbon_monoxide", "water_leak"];

/// What was said of a device, or by it, and is not over: a bit for each of [`LASTING`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Lasting(pub(super) u8);

impl Lasting {
    fn bit(cause: &Cause) -> u8 {
        let name = cause.name();
        LASTING.iter().position(|known| *known == name).map_or(0, |at| 1 << at)
    }

    /// It has begun.
    pub(super) fn begin(&mut self, cause: &Cause) {
        self.0 |= Self::bit(cause);
    }

    /// It is over: true if it had begun.
    fn end(&mut self, cause: &Cause) -> bool {
        let bit = Self::bit(cause);
        let begun = self.0 & bit != 0;
        self.0 &= !bit;
        begun
    }

    /// The causes that have begun; none of them any more.
    fn end_all(&mut self) -> impl Iterator<Item = Cause> + use<> {
        let Self(bits) = std::mem::take(self);
        LASTING.iter().enumerate().filter(move |(at, _)| bits & (1 << at) != 0).filter_map(|(_, name)| Cause::parse(name))
    }
}

/// The wish to tell an open alarm that its cause is over.
pub(super) fn over(cause: Cause, device: Option<&DeviceId>, at: Timestamp, reason: Reason) -> Effect {
    let key = format!("{}:{}", device.map_or("", DeviceId::as_str), at.timestamp_millis());
    Effect::Over { cause, over: Over { device: device.cloned(), at, reason }, key }
}

pub(super) fn device_silent() -> Cause {
    Cause::Technical("device_silent".into())
}

impl Device {
    /// What its own word begins or ends. `late`: it has said something newer before.
    pub(super) fn say(&mut self, signal: &Signal, late: bool, effects: &mut Vec<Effect>) {
        match says(signal) {
            Some((cause, Says::On)) => self.lasting.begin(&cause),
            Some((cause, Says::Off)) if !late && self.lasting.end(&cause) => {
                let reason = Reason::new("over_signal").cause("cause", &cause).text("device", self.id.as_str()).time("at", signal.heard_at);
                effects.push(over(cause, Some(&self.id), signal.heard_at, reason));
            }
            Some((_, Says::Off)) | None => {}
        }
    }

    /// It was said to be silent, and is heard.
    pub(super) fn heard_again(&mut self, at: Second, effects: &mut Vec<Effect>) {
        if self.lasting != Lasting::default() && self.lasting.end(&device_silent()) {
            let reason = Reason::new("over_device").text("device", self.id.as_str()).time("at", at.into());
            effects.push(over(device_silent(), Some(&self.id), at.into(), reason));
        }
    }

    /// It stands in its home no longer: nothing that it said lasts.
    pub(super) fn leaves(&mut self, now: Second, effects: &mut Vec<Effect>) {
        for cause in self.lasting.end_all() {
            let reason = Reason::new("over_released").text("device", self.id.as_str()).time("at", now.into());
            effects.push(over(cause, Some(&self.id), now.into(), reason));
        }
    }
}

impl Home {
    /// A sign of life: what was asked in the silence or absence before it has its answer.
    pub(super) fn answer(&mut self, at: Second, place: Option<&str>, effects: &mut Vec<Effect>) {
        let asked = std::mem::take(&mut self.asked);
        if asked.overdue {
            let left = self.exit.unwrap_or(at);
            let reason = Reason::new("over_returned").time("at", at.into()).span("span", at - left);
            effects.push(over(away_overdue(), None, at.into(), reason));
        }
        if asked.attention || asked.urgent {
            let reason = Reason::new("over_activity").time("at", at.into()).text("where", place.unwrap_or("-"));
            effects.push(over(Cause::Inactivity, None, at.into(), reason));
        }
    }
}

pub(super) fn away_overdue() -> Cause {
    Cause::Anomaly("away_overdue".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lasting_cause_is_one() {
        let mut lasting = Lasting(u8::MAX);
        let names: Vec<String> = lasting.end_all().map(|cause| cause.name()).collect();
        assert_eq!(names, LASTING);
        assert!(lasting == Lasting::default() && !lasting.end(&device_silent()));
        lasting.begin(&Cause::Smoke);
        lasting.begin(&Cause::Call);
        assert!(lasting.end(&Cause::Smoke) && lasting == Lasting::default(), "a call is over when a person says so");
    }
}
