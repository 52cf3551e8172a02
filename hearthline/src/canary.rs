//! Presses the canary: a real MQTT client at the real door, once a minute.

use alerts::canary::Canary;
use firmware_sim::line::{Access, Address, Event, Line, Retain};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tracing::debug;

/// Presses without an acknowledgement that may be on the wire.
const WINDOW: u16 = 4;

/// Presses at once and then as often as the canary asks for, until `stop`. A door that is away is tried again; the canary
/// itself notices that no press comes through.
pub async fn press_canary(door: SocketAddr, user: String, password: String, canary: Arc<Canary>, mut stop: watch::Receiver<bool>) {
    let access = Access {
        address: Address { host: door.ip().to_string(), port: door.port() },
        credentials: Some((user.clone(), password)),
        client_id: user,
    };
    let mut line: Line<u64> = Line::open(&access, WINDOW, Vec::new());
    let every = canary.every().to_std().unwrap_or(Duration::from_secs(60));
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let topic = wire::native::topic(&alerts::engine::CANARY.into(), &"button".into(), care::SignalKind::Call);
    let (mut up, mut pressed) = (false, 0u64);
    loop {
        tokio::select! {
            changed = stop.changed() => {
                if changed.is_err() || *stop.borrow() {
                    break;
                }
            }
            _ = ticks.tick(), if up => {
                pressed += 1;
                canary.pressed();
                if line.try_publish(pressed, topic.clone(), b"{}".to_vec(), Retain::No).is_err() {
                    debug!(pressed, "the canary could not press");
                }
            }
            event = line.next() => match event {
                Some(Event::Up) => up = true,
                Some(Event::Down(why)) => {
                    up = false;
                    debug!(%why, "the canary has no connection");
                }
                Some(Event::Acked(_) | Event::Unsent(_) | Event::Said { .. }) => {}
                None => return,
            },
        }
    }
    line.close().await;
}
