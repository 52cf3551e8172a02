//! The lane of a message before its commit: by topic and payload, and for languages whose buttons are red only by
//! what their bridge has described, by what was taught; and for a button that people declared a call button, by the
//! register (LANE-1).

use care::{HomeId, Lane};
use gateway::Lanes;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use store::Register;
use store::ledger::LedgerError;
use tokio::time::Instant;
use tracing::warn;

/// Homes whose lessons are remembered; when there are more the lessons start anew, and a bridge teaches again when it
/// connects (LIM-1). What was declared stays: there is no more of it than the register holds.
const HOMES_MAX: usize = 50_000;
/// Homes looked up in one go.
const PAGE: usize = 500;
/// The register is gone through again after this long, or after [`REST`] times as long as it took.
const EVERY: Duration = Duration::from_secs(10);
const REST: u32 = 20;
/// So long the doors wait for the first time; a larger register is read to its end behind open doors.
pub const FIRST_WITHIN: Duration = Duration::from_secs(10);

/// Lanes with a memory of what the bridges of each home have taught, and of what people declared.
#[derive(Default)]
pub struct LearnedLanes {
    learned: RwLock<HashMap<HomeId, wire::Learned>>,
}

impl LearnedLanes {
    /// Takes in what the register says that the devices of every home are.
    ///
    /// # Errors
    /// If the register cannot be read; what was known holds.
    pub async fn read_register(&self, register: &dyn Register) -> Result<(), LedgerError> {
        let mut after: Option<HomeId> = None;
        loop {
            let homes = register.homes(after.as_ref(), PAGE).await?;
            for home in &homes {
                let roles = ingest::declared(register.devices_of(home).await?);
                let mut learned = self.learned.write().unwrap_or_else(PoisonError::into_inner);
                if learned.contains_key(home) || roles.iter().any(|(_, role)| role.is_some()) {
                    let one = learned.entry(home.clone()).or_default();
                    for (device, role) in roles {
                        one.declare(device, role);
                    }
                }
            }
            match homes.last() {
                Some(last) if homes.len() == PAGE => after = Some(last.clone()),
                Some(_) | None => return Ok(()),
            }
        }
    }

    /// Reads the register again and again, so that what is declared holds without a restart.
    pub async fn follow(self: Arc<Self>, register: Arc<dyn Register>) {
        loop {
            let began = Instant::now();
            if let Err(error) = self.read_register(&*register).await {
                warn!(%error, "the register could not be read: the door goes by what was declared before");
            }
            tokio::time::sleep(EVERY.max(began.elapsed() * REST)).await;
        }
    }
}

impl Lanes for LearnedLanes {
    fn lane(&self, home: &HomeId, topic: &str, payload: &[u8]) -> Lane {
        if wire::home_of(topic).is_none() && wire::teaches(topic) {
            let mut learned = self.learned.write().unwrap_or_else(PoisonError::into_inner);
            if learned.len() >= HOMES_MAX && !learned.contains_key(home) {
                learned.retain(|_, one| one.only_declared());
            }
            let message = wire::Message {
                home: Some(home),
                topic,
                payload,
                heard_at: care::Timestamp::UNIX_EPOCH,
                retained: wire::Retained::No,
            };
            let _only_the_lesson_counts = wire::decode(&message, learned.entry(home.clone()).or_default());
            return Lane::Routine;
        }
        wire::lane(topic, payload, self.learned.read().unwrap_or_else(PoisonError::into_inner).get(home))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::memory::MemoryLedger;
    use store::register::{DeviceRecord, HomeRecord, Put};

    #[tokio::test]
    async fn a_button_declared_a_call_button_is_red_at_the_door_without_a_restart_and_no_longer_when_it_is_retired() {
        let (register, lanes) = (MemoryLedger::new(), LearnedLanes::default());
        let home = HomeId::from("home-1");
        let place = HomeRecord { id: home.clone(), area: String::new(), address: String::new(), access_notes: String::new() };
        let at: care::Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let knob = |kind: &str, retired_at| {
            let kind = kind.to_owned();
            Put::Device(DeviceRecord { home: home.clone(), id: "knob".into(), kind, room: String::new(), exit_door: false, enrolled_at: at, retired_at })
        };
        let press = |topic: &str| lanes.lane(&home, topic, br#"{"id":"1"}"#);
        for (put, expected) in [
            (vec![Put::Home(place), knob("button", None)], Lane::Routine),
            (vec![knob("call_button", None)], Lane::Red),
            (vec![knob("call_button", Some(at))], Lane::Routine),
        ] {
            register.put(put).await.unwrap();
            lanes.read_register(&register).await.unwrap();
            assert_eq!(press("care/v1/home-1/knob/button"), expected);
            assert_eq!(press("care/v1/home-1/other/button"), Lane::Routine);
            assert_eq!(press("care/v1/home-1/other/call"), Lane::Red);
        }
    }
}
