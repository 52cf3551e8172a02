//! What a home's bridges and devices have told about themselves. One per home; bounded; the same
//! messages in the same order give the same [`Learned`], and it can be stored with the home's state.

use crate::{homeassistant, native, zigbee2mqtt};
use care::{DeviceId, SignalKind, Value};
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

    /// Most devices per home and language.
    pub const DEVICES_MAX: usize = 512;
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
