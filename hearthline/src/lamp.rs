//! The channel `device`: the lamp of the button that called. It tells the truth about who has the alarm.

use alerts::channel::Errand;
use alerts::{Channel, Delivery, EffectKey, Health, Job, Reconciled, Take};
use async_trait::async_trait;
use care::alarm::{AttemptOutcome, Help};
use gateway::{BridgeHandle, DoorHandle, Retain};
use std::sync::OnceLock;
use std::time::Duration;
use wire::native::{Down, command};

/// Publishes `help` to the device's `cmd` topic. The word is retained, so that a button that wakes up later still learns
/// how things stand; when all is over the retained word is taken back.
#[derive(Default)]
pub struct Lamps {
    doors: OnceLock<(DoorHandle, Vec<BridgeHandle>)>,
    far: OnceLock<Far>,
}

/// Tells the doors of other processes: topic, payload, retained or not.
pub type Far = Box<dyn Fn(&str, &[u8], Retain) + Send + Sync>;

impl Lamps {
    /// The ways to devices are open: the own door, and brokers that devices may listen at.
    pub fn doors_are_open(&self, door: DoorHandle, bridges: Vec<BridgeHandle>) {
        let _set_once = self.doors.set((door, bridges));
    }

    /// A device may be connected at another process's door: it is told as well.
    pub fn also_far(&self, far: Far) {
        let _set_once = self.far.set(far);
    }

    /// What another process has to say to a device that may be connected here.
    pub fn from_afar(&self, topic: &str, payload: &[u8], retain: Retain) {
        if let Some((door, _)) = self.doors.get() {
            door.publish(topic, payload, retain);
        }
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
        let Some((door, bridges)) = self.doors.get() else { return Delivery::Again(Some(Duration::from_secs(1))) };
        let word = match help {
            Help::Taken => wire::native::Help::Taken,
            Help::Coming => wire::native::Help::Coming,
            Help::Waiting => wire::native::Help::Waiting,
            Help::Over => wire::native::Help::Over,
        };
        let (topic, payload) = command(&job.home, device, &Down::Help(word));
        let tell = |payload: &[u8], retain: Retain| {
            door.publish(&topic, payload, retain);
            if let Some(far) = self.far.get() {
                far(&topic, payload, retain);
            }
        };
        match help {
            Help::Taken | Help::Coming | Help::Waiting => tell(&payload, Retain::Yes),
            Help::Over => {
                tell(&payload, Retain::No);
                tell(&[], Retain::Yes);
            }
        }
        for bridge in bridges {
            bridge.publish(&topic, &payload);
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
