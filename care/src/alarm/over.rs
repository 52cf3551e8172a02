//! What an alarm is about may be over before anybody has acted: the mains are back, a device is heard again, the elder
//! has come home. That is shown with its reason. It closes nothing that is about a person (ALM-3, ALM-6); a technical alarm
//! that nobody has taken ends by itself when it has been over for [`ENDS_AFTER`].
//!
//! ```text
//!                    the cause is over                  ENDS_AFTER, and nobody has taken it
//!   Raised, calling ───────────────────▶ Raised, at rest ──────────────────────────────────▶ Closed: over
//!          ▲                                   │               (technical alarms only)
//!          └───────── the cause is back ◀──────┘
//! ```

use super::{Alarm, Claimant, DEVICES_MAX, Effect, Ladder, State};
use crate::{DeviceId, Level, Reason, TimeDelta, Timestamp};
use serde::{Deserialize, Serialize};

/// A technical alarm whose cause has been over for so long ends by itself: what comes and goes is one alarm.
pub const ENDS_AFTER: TimeDelta = TimeDelta::minutes(15);
/// The outcome of an alarm whose cause was over.
pub const OVER: &str = "over";
/// Who closes an alarm that ends by itself.
const PLATFORM: &str = "platform";

/// Evidence that what an alarm is about is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Over {
    /// The device for which it is over; none: for the whole home.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// Since when.
    pub at: Timestamp,
    /// Why, in words that an operator can read out (WHY-1).
    pub reason: Reason,
}

impl Claimant {
    /// The platform, which closes what ends by itself.
    pub(super) fn platform() -> Self {
        Self::Person(PLATFORM.into())
    }

    /// True for [`Claimant::platform`]: nobody has acted.
    pub fn is_platform(&self) -> bool {
        *self == Self::platform()
    }
}

impl Alarm {
    /// The last evidence that the whole cause is over; none while any of the devices that called has not said so. Of more
    /// devices than are named nobody can tell.
    pub fn cause_over(&self) -> Option<&Over> {
        let whole = self.over.iter().any(|over| over.device.is_none());
        let said = |device: &DeviceId| self.over.iter().any(|over| over.device.as_ref() == Some(device));
        let each = !self.devices.is_empty() && self.devices.len() < DEVICES_MAX && self.devices.iter().all(said);
        if whole || each { self.over.iter().max_by_key(|over| over.at) } else { None }
    }

    /// When it ends by itself, if nobody takes it and the cause does not come back.
    pub fn ends_at(&self) -> Option<Timestamp> {
        self.next_step_at.filter(|_| self.ends_by_itself())
    }

    pub(super) fn ends_by_itself(&self) -> bool {
        self.level == Level::Technical && self.state == State::Raised && self.cause_over().is_some()
    }

    /// Evidence came in.
    pub(super) fn note_over(&mut self, over: Over, now: Timestamp, out: &mut Vec<Effect>) {
        let named = over.device.as_ref().is_none_or(|device| self.devices.contains(device));
        if !self.is_open() || !named || over.at < self.raised_at {
            return;
        }
        let before = self.ends_by_itself();
        self.over.retain(|known| known.device != over.device);
        self.over.push(over);
        if !before && self.ends_by_itself() {
            self.rest_until_end(now, out);
        }
    }

    /// Nobody is called any more; the end has a stored deadline (ALM-1).
    pub(super) fn rest_until_end(&mut self, now: Timestamp, out: &mut Vec<Effect>) {
        self.ladder = Ladder::Resting;
        self.next_step_at = Some(now + ENDS_AFTER);
        self.release_all(out);
    }

    /// The same cause was reported again, by a device or without one: what was over is not.
    pub(super) fn not_over(&mut self, device: Option<&DeviceId>) {
        match device {
            Some(device) => self.over.retain(|over| over.device.as_ref().is_some_and(|known| known != device)),
            None => self.over.clear(),
        }
    }
}
