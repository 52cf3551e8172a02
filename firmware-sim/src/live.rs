//! A town against a real door: the shell around [`Town`].

use crate::clock::Clock;
use crate::home::Emergency;
use crate::line::{Access, Event, Line, Retain, Why};
use crate::town::{Effect, Input, Town, TownPlan};
use care::{DeviceId, HomeId};
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use wire::native::parse_command;

/// Most messages of a town on the wire without a PUBACK.
const WINDOW: u16 = 256;

/// What a town has done so far, to be read while it runs.
#[derive(Debug, Default)]
pub struct Progress {
    /// Messages handed to the line, copies included.
    pub published: AtomicU64,
    /// PUBACKs.
    pub acked: AtomicU64,
    /// Messages that found the line full: the devices repeat them.
    pub held_back: AtomicU64,
    /// Presses of buttons.
    pub pressed: AtomicU64,
    /// Falls, smoke, water.
    pub befallen: AtomicU64,
    /// Words from the platform to devices.
    pub commands: AtomicU64,
    /// Connections made.
    pub connections: AtomicU64,
}

impl Progress {
    fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// A town, the way in and the clock it lives by.
#[derive(Debug, Clone)]
pub struct Live {
    /// The way in: a credential that may speak for every home of the town.
    pub access: Access,
    /// The town.
    pub plan: TownPlan,
    /// Its time.
    pub clock: Clock,
}

impl Live {
    /// Lets the town live until `stop`. A door that is away is waited for; one that refuses the
    /// credentials is an error.
    pub async fn run(self, progress: &Progress, stop: impl Future<Output = ()>) -> Result<(), Why> {
        let mut stop = pin!(stop);
        let mut line = Line::open(&self.access, WINDOW, vec!["care/v1/+/+/cmd".to_owned()]);
        let mut town = Town::new(self.plan, self.clock.now());
        loop {
            let wait = town
                .deadline()
                .map_or(Duration::from_secs(60), |at| self.clock.until(at));
            let input = tokio::select! {
                () = &mut stop => {
                    line.close().await;
                    return Ok(());
                }
                event = line.next() => match event {
                    Some(Event::Up) => {
                        Progress::count(&progress.connections);
                        Input::Connected
                    }
                    Some(Event::Down(why @ Why::Refused(_))) => return Err(why),
                    Some(Event::Down(why)) => {
                        tracing::warn!(reason = %why, "the town has no connection");
                        Input::Lost
                    }
                    Some(Event::Acked(handle)) => {
                        Progress::count(&progress.acked);
                        Input::PubAck(handle)
                    }
                    Some(Event::Unsent(_)) => Input::TimePassed,
                    Some(Event::Said { topic, payload }) => match command(&topic, &payload) {
                        Some(input) => {
                            Progress::count(&progress.commands);
                            input
                        }
                        None => continue,
                    },
                    None => return Ok(()),
                },
                () = tokio::time::sleep(wait) => Input::TimePassed,
            };
            for effect in town.step(input, self.clock.now()) {
                match effect {
                    Effect::Publish(sending) => {
                        let retain = if sending.is_retained() {
                            Retain::Yes
                        } else {
                            Retain::No
                        };
                        let counter = match line.try_publish(
                            sending.handle,
                            sending.topic,
                            sending.payload,
                            retain,
                        ) {
                            Ok(()) => &progress.published,
                            Err(_) => &progress.held_back,
                        };
                        Progress::count(counter);
                    }
                    Effect::Lamp(home, lamp) => tracing::debug!(home.id = %home, ?lamp, "lamp"),
                    Effect::Befell(home, emergency) => {
                        tracing::debug!(home.id = %home, ?emergency, "emergency");
                        match emergency {
                            Emergency::Press => Progress::count(&progress.pressed),
                            Emergency::Fall | Emergency::Smoke | Emergency::Leak => {
                                Progress::count(&progress.befallen)
                            }
                            Emergency::Cancel => {}
                        }
                    }
                }
            }
        }
    }
}

/// What the platform said to which device.
fn command(topic: &str, payload: &[u8]) -> Option<Input> {
    let (home, device) = topic
        .strip_prefix("care/v1/")?
        .strip_suffix("/cmd")?
        .split_once('/')?;
    Some(Input::Command(
        HomeId::from(home),
        DeviceId::from(device),
        parse_command(payload)?,
    ))
}
