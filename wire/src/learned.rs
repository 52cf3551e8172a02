//! What a home's bridges and devices have told about themselves. One per home; bounded; the same
//! messages in the same order give the same [`Learned`], and it can be stored with the home's state.

use crate::{homeassistant, native, zigbee2mqtt};
use care::{DeviceId, EventId, Signal, SignalKind, TimeDelta, Timestamp, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is known of a home's devices beyond single messages.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Learned {
    /// What people declared, by device.
    roles: BTreeMap<DeviceId, Role>,
    /// What zigbee2mqtt bridges described.
    pub(crate) bridges: zigbee2mqtt::Bridges,
    /// What was discovered in Home Assistant's way.
    pub(crate) entities: homeassistant::Entities,
    /// Since when a state holds that its device repeats.
    episodes: BTreeMap<DeviceId, BTreeMap<SignalKind, Timestamp>>,
}

/// What people declared a device to be, where the device itself cannot know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A generic button that is this home's call button: every press is a call.
    CallButton,
    /// A contact that sits on the exit door.
    ExitDoor,
    /// A contact that sits on a drawer, a cupboard, a window or an inner door.
    Contact,
    /// Occupancy of a bed.
    Bed,
    /// Occupancy of a chair.
    Seat,
}

impl Role {
    /// The role that the register's words for a device give it: its kind, and whether it hangs on the exit door.
    pub fn registered(kind: &str, exit_door: bool) -> Option<Self> {
        if exit_door {
            return Some(Self::ExitDoor);
        }
        match kind {
            "call_button" | "call" | "pendant" | "sos" | "pull_cord" => Some(Self::CallButton),
            "exit_door" => Some(Self::ExitDoor),
            "contact" | "drawer" | "window" | "cupboard" => Some(Self::Contact),
            "bed" => Some(Self::Bed),
            "seat" | "chair" => Some(Self::Seat),
            _ => None,
        }
    }

    /// What a signal means from a device that was declared to be something. `release` is true for the
    /// end of a press: only its beginning calls.
    pub(crate) fn apply(role: Option<Self>, kind: SignalKind, value: Value, release: bool) -> (SignalKind, Value) {
        match (role, kind) {
            (Some(Self::CallButton), SignalKind::Button) if !release => (SignalKind::Call, Value::Bool(true)),
            (Some(Self::ExitDoor), SignalKind::Contact) => (SignalKind::Door, value),
            (Some(Self::Contact), SignalKind::Door) => (SignalKind::Contact, value),
            (Some(Self::Bed), SignalKind::Motion | SignalKind::Presence | SignalKind::Seat) => (SignalKind::Bed, value),
            (Some(Self::Seat), SignalKind::Motion | SignalKind::Presence | SignalKind::Bed) => (SignalKind::Seat, value),
            (_, kind) => (kind, value),
        }
    }
}

/// A device as its bridge describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// Its identifier in signals.
    pub device: DeviceId,
    /// The name that people gave it, where they did.
    pub name: String,
    /// Maker and model, for the register.
    pub model: String,
}

impl Learned {
    /// Declares what a device is; `None` takes the declaration back. At the limit of
    /// [`Learned::DEVICES_MAX`] a new one is refused with `false`.
    pub fn declare(&mut self, device: DeviceId, role: Option<Role>) -> bool {
        match role {
            None => {
                self.roles.remove(&device);
            }
            Some(_) if self.roles.len() >= Self::DEVICES_MAX && !self.roles.contains_key(&device) => return false,
            Some(role) => {
                self.roles.insert(device, role);
            }
        }
        true
    }

    /// What a device was declared to be.
    pub fn role(&self, device: &DeviceId) -> Option<Role> {
        self.roles.get(device).copied()
    }

    /// Lets go of everything but what people declared. False if nothing remains.
    pub fn only_declared(&mut self) -> bool {
        *self = Self { roles: std::mem::take(&mut self.roles), ..Self::default() };
        !self.roles.is_empty()
    }

    /// Gives a repeated state the identity of its beginning. Foreign languages say a state again with
    /// every message (`smoke` with each battery report): that is one event with copies, not a press each
    /// time. A state that went away and came back is a new event, and so is one that lasts longer than
    /// its episode. A call is never folded: a button that stays on may have been pressed again.
    pub(crate) fn remember(&mut self, signal: &mut Signal) {
        let Some(longest) = episode(signal.kind).filter(|_| signal.event.is_none()) else { return };
        if !holds(signal) {
            if let Some(kinds) = self.episodes.get_mut(&signal.device) {
                kinds.remove(&signal.kind);
            }
            self.episodes.retain(|_, kinds| !kinds.is_empty());
            return;
        }
        if self.episodes.len() >= Self::DEVICES_MAX && !self.episodes.contains_key(&signal.device) {
            return;
        }
        let kinds = self.episodes.entry(signal.device.clone()).or_default();
        let since = kinds.entry(signal.kind).or_insert(signal.heard_at);
        if signal.heard_at < *since || signal.heard_at - *since >= longest {
            *since = signal.heard_at;
        }
        let name = format!("since {}", since.timestamp_millis());
        signal.event = Some(EventId::named(&signal.home, &signal.device, signal.kind.name(), &name));
    }

    /// Most devices per home and language.
    pub const DEVICES_MAX: usize = 512;
}

/// How long a repeated state counts as one event; `None` for what is no state or is never folded.
fn episode(kind: SignalKind) -> Option<TimeDelta> {
    if matches!(kind, SignalKind::Fall | SignalKind::Smoke | SignalKind::Gas | SignalKind::CarbonMonoxide | SignalKind::WaterLeak) {
        Some(TimeDelta::minutes(5))
    } else if matches!(kind, SignalKind::Tamper | SignalKind::Mains) {
        Some(TimeDelta::hours(1))
    } else {
        (kind == SignalKind::Battery).then(|| TimeDelta::hours(24))
    }
}

/// True while a state asks for an alarm.
fn holds(signal: &Signal) -> bool {
    match signal.value {
        // of the mains it is their being gone that lasts
        Value::Bool(truth) => truth != (signal.kind == SignalKind::Mains),
        Value::Number(percent) => percent <= care::cause::BATTERY_LOW_PERCENT,
        Value::None | Value::Open | Value::Closed => false,
    }
}

/// The identifier of a device from a foreign language: its own if it can stand in a topic, else a
/// readable remainder with a hash of the whole, the same for ever.
pub(crate) fn device_id(text: &str) -> DeviceId {
    if care::id::well_formed(text) {
        return DeviceId::new(text);
    }
    let mut readable: String =
        text.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).take(32).collect();
    if !readable.is_empty() {
        readable.push('-');
    }
    readable.push_str(&native::short_hash(text));
    DeviceId::new(readable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_register_tells_where_a_contact_hangs_and_what_a_button_is_for() {
        assert_eq!(Role::registered("contact", true), Some(Role::ExitDoor));
        assert_eq!(Role::registered("contact", false), Some(Role::Contact));
        assert_eq!(Role::registered("pendant", false), Some(Role::CallButton));
        assert_eq!(Role::registered("motion", false), None);
    }

    #[test]
    fn names_that_cannot_stand_in_a_topic_get_one_that_can() {
        assert_eq!(device_id("0x01").as_str(), "0x01");
        let (one, two) = (device_id("客厅/人体"), device_id("卧室/人体"));
        assert_ne!(one, two);
        assert!(care::id::well_formed(one.as_str()) && care::id::well_formed(device_id(&"é".repeat(500)).as_str()));
    }
}
