//! A recording sent over real MQTT, as if its home stood there: QoS 1, a window, every message
//! acked at last, whatever happens to the connection.

use crate::clock::Clock;
use crate::line::{Access, Event, Line, Retain, Why};
use crate::recording::Recorded;
use care::id::{ID_BYTES_MAX, well_formed};
use care::{DeviceId, HomeId, Signal, TimeDelta, Timestamp};
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;
use wire::native::{Name, encode};

/// Which event is at "now": the others are shifted with it, and the shifted time is given as the device's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// The last one: the past is told.
    Last,
    /// The first one: the times run along with a door whose clock runs at the same speed.
    First,
}

/// How to replay.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The way in.
    pub access: Access,
    /// The home that is spoken for.
    pub home: HomeId,
    /// Recorded seconds per second; 0 is as fast as the acks allow.
    pub speed: u32,
    /// Where "now" is.
    pub align: Align,
    /// Most messages without a PUBACK.
    pub window: u16,
    /// What tells the messages of this replay from those of another one; the same name again is the same messages again.
    pub run: String,
}

/// What a replay has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Messages.
    pub events: usize,
    /// PUBACKs.
    pub acked: usize,
    /// Messages that had to be sent again.
    pub repeated: usize,
    /// Connections made.
    pub connections: usize,
}

/// A sensor's name as a device's: what may not stand in a topic becomes a hyphen.
pub fn device_of(sensor: &str) -> DeviceId {
    let mut name: String = sensor
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-_.:".contains(c) {
                c
            } else {
                '-'
            }
        })
        .take(ID_BYTES_MAX)
        .collect();
    if !well_formed(&name) {
        name = "sensor".to_owned();
    }
    DeviceId::new(name)
}

/// The topic and payload of an event at this time of the device.
fn message(
    settings: &Settings,
    number: usize,
    event: &Recorded,
    at: Timestamp,
) -> (String, Vec<u8>) {
    let signal = Signal {
        home: settings.home.clone(),
        device: device_of(&event.sensor),
        kind: event.kind,
        value: event.value,
        room: None,
        event: None,
        said_at: Some(at),
        heard_at: at,
    };
    encode(
        &signal,
        Some(&Name::Text(format!("{}-{number}", settings.run))),
        None,
    )
}

/// Sends a recording. `report` is told how it goes about twice a second.
pub async fn replay(
    settings: &Settings,
    events: &[Recorded],
    mut report: impl FnMut(Summary),
) -> Result<Summary, Why> {
    let mut summary = Summary {
        events: events.len(),
        ..Summary::default()
    };
    let (Some(first), Some(last)) = (
        events.iter().map(|e| e.ts).min(),
        events.iter().map(|e| e.ts).max(),
    ) else {
        return Ok(summary);
    };
    let real = Clock::real();
    let start = real.now();
    let shown = match settings.align {
        Align::Last => last,
        Align::First => first,
    };
    let due = |ts: chrono::NaiveDateTime| {
        start + (ts - first) / i32::try_from(settings.speed.max(1)).unwrap_or(i32::MAX)
    };
    let mut line: Line<usize> = Line::open(&settings.access, settings.window, Vec::new());
    let window = usize::from(settings.window.max(1));
    let mut under_way = BTreeSet::new();
    let mut again = VecDeque::new();
    let mut next = 0;
    let mut ticks = tokio::time::interval(Duration::from_millis(500));
    while summary.acked < events.len() {
        let mut wait = Duration::from_secs(60);
        while under_way.len() < window {
            let number = match again.pop_front() {
                Some(number) => {
                    summary.repeated += 1;
                    number
                }
                None if next < events.len() => next,
                None => break,
            };
            let Some(event) = events.get(number) else {
                break;
            };
            if number == next {
                if settings.speed > 0 && due(event.ts) > real.now() {
                    wait = real.until(due(event.ts));
                    break;
                }
                next += 1;
            }
            let (topic, payload) = message(settings, number, event, start + (event.ts - shown));
            under_way.insert(number);
            if line
                .try_publish(number, topic, payload, Retain::No)
                .is_err()
            {
                under_way.remove(&number);
                again.push_front(number);
                break;
            }
        }
        tokio::select! {
            event = line.next() => match event {
                Some(Event::Acked(number)) => {
                    if under_way.remove(&number) {
                        summary.acked += 1;
                    }
                }
                Some(Event::Unsent(number)) => {
                    if under_way.remove(&number) {
                        again.push_back(number);
                    }
                }
                Some(Event::Up) => summary.connections += 1,
                Some(Event::Down(why @ Why::Refused(_))) => return Err(why),
                Some(Event::Down(why)) => tracing::warn!(reason = %why, "the replay has no connection"),
                Some(Event::Said { .. }) => {}
                None => return Err(Why::Broken("the line has ended".to_owned())),
            },
            () = tokio::time::sleep(wait) => {}
            _ = ticks.tick() => report(summary),
        }
    }
    line.close().await;
    Ok(summary)
}

/// The events of the last so many days.
pub fn last_days(events: Vec<Recorded>, days: u16) -> Vec<Recorded> {
    let Some(last) = events.iter().map(|event| event.ts).max() else {
        return events;
    };
    let from = last - TimeDelta::days(i64::from(days));
    events.into_iter().filter(|event| event.ts > from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sensor_of_any_name_is_a_device() {
        for (sensor, device) in [
            ("Bedroom", "Bedroom"),
            ("Küche 1/2", "K-che-1-2"),
            ("", "sensor"),
            ("..", "sensor"),
        ] {
            assert_eq!(device_of(sensor).as_str(), device);
        }
        assert!(well_formed(device_of(&"長".repeat(100)).as_str()));
    }
}
