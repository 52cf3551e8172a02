//! The lane of a message before its commit: by topic and payload, and for languages whose buttons are red only by
//! what their bridge has described, by what was taught (LANE-1).

use care::{HomeId, Lane};
use gateway::Lanes;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// Homes whose lessons are remembered; when there are more the memory starts anew, and a bridge teaches again when it
/// connects (LIM-1).
const HOMES_MAX: usize = 50_000;

/// Lanes with a memory of what the bridges of each home have taught.
#[derive(Default)]
pub struct LearnedLanes {
    learned: RwLock<HashMap<HomeId, wire::Learned>>,
}

impl Lanes for LearnedLanes {
    fn lane(&self, home: &HomeId, topic: &str, payload: &[u8]) -> Lane {
        if wire::home_of(topic).is_none() && wire::teaches(topic) {
            let mut learned = self.learned.write().unwrap_or_else(PoisonError::into_inner);
            if learned.len() >= HOMES_MAX && !learned.contains_key(home) {
                learned.clear();
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
        match wire::home_of(topic) {
            Some(_) => wire::lane(topic, payload, None),
            None => wire::lane(topic, payload, self.learned.read().unwrap_or_else(PoisonError::into_inner).get(home)),
        }
    }
}
