//! The channel `device`: the lamp of the button that called. It tells the truth about who has the alarm.

use alerts::channel::Errand;
use alerts::{Channel, Delivery, EffectKey, Health, Job, Reconciled, Take};
use async_trait::async_trait;
use care::alarm::{AttemptOutcome, Help};
use gateway::{DoorHandle, Retain};
use std::sync::OnceLock;
use std::time::Duration;
use wire::native::{Down, command};

/// Publishes `help` to the device's `cmd` topic. The word is retained, so that a button that wakes up later still learns
/// how things stand; when all is over the retained word is taken back.
#[derive(Default)]
pub struct Lamps {
    door: OnceLock<DoorHandle>,
}

impl Lamps {
    /// The door is open: lamps can be reached.
    pub fn door_is_open(&self, door: DoorHandle) {
        let _set_once = self.door.set(door);
    }
}

#[async_trait]
impl Channel for Lamps {
    fn name(&self) -> &str {
        care::plan::ChannelName::DEVICE
    }

    fn is_simulated(&self) -> bool {
        false
    }

    async fn deliver(&self, job: &Job, _take: &dyn Take) -> Delivery {
        let Errand::Lamp { device, help } = &job.errand else { return Delivery::Ended(AttemptOutcome::Unreachable) };
        let Some(door) = self.door.get() else { return Delivery::Again(Some(Duration::from_secs(1))) };
        let word = match help {
            Help::Taken => wire::native::Help::Taken,
            Help::Coming => wire::native::Help::Coming,
            Help::Waiting => wire::native::Help::Waiting,
            Help::Over => wire::native::Help::Over,
        };
        let (topic, payload) = command(&job.home, device, &Down::Help(word));
        match help {
            Help::Taken | Help::Coming | Help::Waiting => {
                door.publish(&topic, &payload, Retain::Yes);
            }
            Help::Over => {
                door.publish(&topic, &payload, Retain::No);
                door.publish(&topic, &[], Retain::Yes);
            }
        }
        Delivery::Ended(AttemptOutcome::Delivered)
    }

    async fn release(&self, _key: &EffectKey) {}

    async fn reconcile(&self, _key: &EffectKey) -> Reconciled {
        Reconciled::NotKnown
    }

    fn health(&self) -> Health {
        Health::Up
    }
}
