//! One press of a button over real MQTT, with as many copies as wanted.

use crate::clock::wall;
use crate::line::{Access, Event, Line, Retain, Why};
use care::{DeviceId, HomeId, Signal, SignalKind, Value};
use std::time::{Duration, Instant};
use wire::native::{Down, Name, encode, parse_command};

/// What to press.
#[derive(Debug, Clone)]
pub struct Press {
    /// The way in.
    pub access: Access,
    /// The home.
    pub home: HomeId,
    /// The device.
    pub device: DeviceId,
    /// What it says: a call, as a rule.
    pub kind: SignalKind,
    /// The message's name.
    pub id: String,
    /// How often it is sent under this name.
    pub copies: u32,
    /// How long to listen afterwards for what the platform says to the device.
    pub watch: Duration,
}

/// What is seen of a press.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// A PUBACK came after so long.
    Acked(Duration),
    /// The platform said something to the device after so long.
    Said(Down, Duration),
}

/// Presses and tells what is seen. Ends when every copy is acked and the watch is over.
pub async fn press(press: &Press, mut tell: impl FnMut(Seen)) -> Result<(), Why> {
    let now = wall();
    let value = if press.kind.is_red() {
        Value::Bool(true)
    } else {
        Value::None
    };
    let signal = Signal {
        home: press.home.clone(),
        device: press.device.clone(),
        kind: press.kind,
        value,
        room: None,
        event: None,
        said_at: Some(now),
        heard_at: now,
    };
    let (topic, payload) = encode(&signal, Some(&Name::Text(press.id.clone())), None);
    let listen = vec![wire::native::cmd_topic(&press.home, &press.device)];
    let mut line: Line<u32> = Line::open(&press.access, 64, listen);
    let mut pressed = Instant::now();
    let mut left: Vec<u32> = (0..press.copies.max(1)).collect();
    let mut unacked = left.len();
    let mut up = false;
    let mut watch_until: Option<tokio::time::Instant> = None;
    loop {
        if up {
            while let Some(copy) = left.pop() {
                if line
                    .try_publish(copy, topic.clone(), payload.clone(), Retain::No)
                    .is_err()
                {
                    left.push(copy);
                    break;
                }
            }
        }
        let over = async {
            match watch_until {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = over => break,
            event = line.next() => match event {
                Some(Event::Up) => {
                    if !up {
                        pressed = Instant::now();
                    }
                    up = true;
                }
                Some(Event::Acked(_)) => {
                    tell(Seen::Acked(pressed.elapsed()));
                    unacked = unacked.saturating_sub(1);
                    if unacked == 0 {
                        watch_until = Some(tokio::time::Instant::now() + press.watch);
                    }
                }
                Some(Event::Unsent(copy)) => left.push(copy),
                Some(Event::Said { payload, .. }) => {
                    if let Some(down) = parse_command(&payload) {
                        tell(Seen::Said(down, pressed.elapsed()));
                    }
                }
                Some(Event::Down(why @ Why::Refused(_))) => return Err(why),
                Some(Event::Down(why)) => tracing::warn!(reason = %why, "no connection"),
                None => return Err(Why::Broken("the line has ended".to_owned())),
            },
        }
    }
    line.close().await;
    Ok(())
}
