//! What the hub says in the home: words of the platform to its devices, and that nobody can hear it now.

use crate::heard::Standing;
use crate::settings::Unheard;
use care::{DeviceId, HomeId};
use gateway::{BridgeHandle, DoorHandle, Retain};
use std::process::Stdio;
use std::time::Duration;

/// How long the program that buzzes may take.
const COMMAND_WITHIN: Duration = Duration::from_secs(10);

/// The ways to the home's devices.
pub(crate) struct Local {
    pub(crate) home: HomeId,
    pub(crate) name: DeviceId,
    pub(crate) door: Option<DoorHandle>,
    pub(crate) broker: Option<BridgeHandle>,
    pub(crate) unheard: Unheard,
}

impl Local {
    /// Hands a word of the platform on to the device it is for.
    pub(crate) fn hand_on(&self, topic: &str, payload: &[u8], retain: Retain) {
        if let Some(door) = &self.door {
            door.publish(topic, payload, retain);
        }
        if let Some(broker) = &self.broker {
            broker.publish(topic, payload);
        }
    }

    fn say(&self, topic: &str, payload: &[u8], retain: Retain) {
        if let Some(door) = &self.door {
            if wire::native::is_native(topic) {
                door.publish(topic, payload, retain);
            } else {
                door.publish_in(&self.home, topic, payload, retain);
            }
        }
        if let Some(broker) = &self.broker {
            broker.publish(topic, payload);
        }
    }

    /// Tells the home how things stand.
    pub(crate) async fn tell(&self, standing: Standing, calls_waiting: u64) {
        let (heard, word) = match standing {
            Standing::Heard => (true, "heard"),
            Standing::Unheard => (false, "unheard"),
        };
        let payload =
            serde_json::json!({ "heard": heard, "calls_waiting": calls_waiting }).to_string();
        self.say(
            &format!("hearthline/{}/heard", self.name),
            payload.as_bytes(),
            Retain::Yes,
        );
        for (topic, unheard, heard) in &self.unheard.publish {
            let payload = match standing {
                Standing::Heard => heard,
                Standing::Unheard => unheard,
            };
            // A command, not a state: a siren that comes back later must not howl for what is over.
            self.say(topic, payload.as_bytes(), Retain::No);
        }
        if let Some((program, arguments)) = self.unheard.command.split_first() {
            let mut command = tokio::process::Command::new(program);
            command
                .args(arguments)
                .arg(word)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .kill_on_drop(true);
            match tokio::time::timeout(COMMAND_WITHIN, command.status()).await {
                Ok(Ok(status)) if status.success() => {}
                Ok(Ok(status)) => tracing::warn!(%status, "the command that tells the home failed"),
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the command that tells the home could not be run")
                }
                Err(_late) => {
                    tracing::warn!("the command that tells the home took too long and was ended")
                }
            }
        }
    }
}
