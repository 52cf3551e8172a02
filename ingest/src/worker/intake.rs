//! Taking records in: a record is decoded, steps its home, and becomes wishes.

use super::Worker;
use crate::decide::{Origin, Wish, wishes};
use crate::homes::Register;
use crate::told::told;
use care::cause::raised_by;
use care::home::Input;
use care::{DeviceId, EventId, HomeId, Lane, SignalKind, TimeDelta, Timestamp};
use std::sync::atomic::Ordering;
use store::Entry;
use store::ledger::{Quarantined, Write};
use store::telemetry::Point;
use tracing::warn;

/// Quarantined messages kept per home and hour; more are counted only (LIM-1).
const QUARANTINE_PER_HOUR: u32 = 20;
/// An unregistered device is written down at most this often.
const UNKNOWN_EVERY: TimeDelta = TimeDelta::minutes(1);

/// What has been decided in memory and waits for the ledger.
#[derive(Default)]
pub(super) struct Pending {
    pub(super) wishes: Vec<Wish>,
    pub(super) writes: Vec<Write>,
    /// Devices that spoke and are not known to be registered.
    strangers: Vec<(HomeId, DeviceId, Timestamp)>,
}

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        self.wishes.is_empty() && self.writes.is_empty()
    }
}

impl Register {
    fn is_to_be_asked(self, now: Timestamp) -> bool {
        match self {
            Self::Unasked => true,
            Self::Known => false,
            Self::Stranger(noted) => now - noted >= UNKNOWN_EVERY,
        }
    }
}

impl Worker {
    /// Takes records in: steps the homes, gathers what is asked for.
    pub(super) async fn take_in(&mut self, lane: Lane, batch: Vec<Entry>, pending: &mut Pending) {
        self.homes.look_up(&*self.book, lane, &batch, self.clock.now()).await;
        for entry in batch {
            let Entry { offset, record } = entry;
            self.counters.records.fetch_add(1, Ordering::Relaxed);
            self.last_heard_at = self.last_heard_at.max(Some(record.heard_at));
            let place = self.homes.find(&record.home);
            let included = place.is_some_and(|place| self.homes.slot(place).includes(lane, offset));
            let decided_before = match lane {
                Lane::Red => offset <= self.decided.red,
                Lane::Routine => offset <= self.decided.routine,
            };
            match lane {
                Lane::Red => self.read.red = offset,
                Lane::Routine => self.read.routine = offset,
            }
            if included && decided_before {
                continue;
            }
            let place = place.unwrap_or_else(|| self.homes.place(&record.home, record.heard_at));
            if let Some(told) = told(&record) {
                if !included {
                    let effects = self.homes.step(place, Input::Told(told), &self.settings.homes, record.heard_at);
                    pending.wishes.extend(wishes(&record.home, effects, record.heard_at));
                }
                self.homes.slot(place).applied(lane, offset);
                continue;
            }
            let message = wire::Message {
                home: Some(&record.home),
                topic: &record.topic,
                payload: &record.payload,
                heard_at: record.heard_at,
                retained: wire::Retained::No,
            };
            let decoded = wire::decode(&message, &mut self.homes.slot(place).learned);
            if let (wire::Decoded::Quarantine { fault, .. }, false) = (&decoded, decided_before) {
                let reason = fault.to_string();
                self.quarantine(&record, reason, pending);
            }
            for (index, signal) in decoded.signals().iter().enumerate() {
                self.counters.signals.fetch_add(1, Ordering::Relaxed);
                let of = if signal.home == record.home { place } else { self.homes.place(&signal.home, record.heard_at) };
                let register = self.homes.slot(of).note(&signal.device, lane, offset);
                if !included {
                    let effects = self.homes.step(of, Input::Heard(signal), &self.settings.homes, record.heard_at);
                    pending.wishes.extend(wishes(&signal.home, effects, record.heard_at));
                }
                if decided_before {
                    continue;
                }
                let event = signal.event.clone().unwrap_or_else(|| {
                    // Without a name of its own a message is known by its place in the log: rather twice than never.
                    let place = format!("log:{}:{lane:?}:{}:{index}", self.shard.0, offset.0);
                    EventId::named(&signal.home, &signal.device, signal.kind.name(), &place)
                });
                let raise = raised_by(signal, event.as_str());
                let until = self.homes.get(of).and_then(|home| home.test_until(record.heard_at));
                if let (Some(raise), Some(until)) = (&raise, until) {
                    if let Some(raise) = care::cause::raised_in_test(raise.clone(), until) {
                        pending.wishes.push(Wish::Raise { event, home: signal.home.clone(), raise, at: record.heard_at, origin: Origin::Message });
                    }
                } else if let Some(raise) = raise {
                    pending.wishes.push(Wish::Raise { event, home: signal.home.clone(), raise, at: record.heard_at, origin: Origin::Message });
                } else if signal.kind == SignalKind::Cancel {
                    pending.wishes.push(Wish::Cancel { home: signal.home.clone() });
                } else if signal.kind == SignalKind::Well && !matches!(signal.value, care::Value::Bool(false)) {
                    pending.wishes.push(Wish::Well { home: signal.home.clone(), at: record.heard_at });
                }
                self.measure(signal);
                if register.is_to_be_asked(record.heard_at) {
                    pending.strangers.push((signal.home.clone(), signal.device.clone(), record.heard_at));
                }
            }
            self.homes.slot(place).applied(lane, offset);
        }
    }

    /// Looks the devices that spoke up in the register and notes those that are not there.
    pub(super) async fn fill_in(&mut self, pending: &mut Pending) {
        for (home, device, at) in std::mem::take(&mut pending.strangers) {
            let Some(place) = self.homes.find(&home) else { continue };
            if self.homes.slot(place).register(&device).is_some_and(|register| !register.is_to_be_asked(at)) {
                continue; // said twice in this batch
            }
            let says = match self.book.knows(&home, &device).await {
                Ok(true) => Register::Known,
                Ok(false) => {
                    self.counters.unknown_devices.fetch_add(1, Ordering::Relaxed);
                    pending.writes.push(Write::UnknownDevice { home, device: device.clone(), at });
                    Register::Stranger(at)
                }
                Err(error) => {
                    warn!(%error, "the register could not be asked about a device");
                    continue;
                }
            };
            if let Some(register) = self.homes.slot(place).register(&device) {
                *register = says;
            }
        }
    }

    fn quarantine(&mut self, record: &store::Record, reason: String, pending: &mut Pending) {
        self.counters.quarantined.fetch_add(1, Ordering::Relaxed);
        let hour = record.heard_at.timestamp() / 3600;
        if hour != self.quarantine_hour {
            self.quarantine_hour = hour;
            self.quarantined.clear();
        }
        let kept = self.quarantined.entry(record.home.clone()).or_default();
        if *kept >= QUARANTINE_PER_HOUR {
            return;
        }
        *kept += 1;
        let payload = record.payload.iter().copied().take(4096).collect();
        pending.writes.push(Write::Quarantine(Quarantined {
            home: record.home.clone(),
            topic: record.topic.clone(),
            payload,
            reason,
            heard_at: record.heard_at,
        }));
    }

    fn measure(&self, signal: &care::Signal) {
        if let care::Value::Number(value) = signal.value {
            self.telemetry.offer(Point {
                series: signal.kind.name(),
                tags: vec![("home", signal.home.to_string()), ("device", signal.device.to_string())],
                value,
                at: signal.at(self.settings.homes.late_max),
            });
        }
    }
}
