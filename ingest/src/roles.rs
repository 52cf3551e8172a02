//! What the register declares of the devices that speak: looked up again while a home speaks, so that a button that is
//! declared a call button, or a contact on the exit door, is one without a restart.

use crate::book::Book;
use crate::homes::Homes;
use care::{HomeId, Lane, TimeDelta, Timestamp};
use std::collections::BTreeSet;
use store::Entry;
use tracing::warn;

/// How old a home's declarations may be when one of its messages is read, by lane.
const RED_AGE: TimeDelta = TimeDelta::seconds(5);
const ROUTINE_AGE: TimeDelta = TimeDelta::seconds(60);
/// Homes remembered as looked up; when there are more the memory starts anew (LIM-1).
const REMEMBERED_MAX: usize = 100_000;

impl Homes {
    /// Looks up the homes of a batch whose declarations are old. Where the register fails, what was known holds.
    pub(crate) async fn look_up(&mut self, book: &dyn Book, lane: Lane, batch: &[Entry], now: Timestamp) {
        let age = match lane {
            Lane::Red => RED_AGE,
            Lane::Routine => ROUTINE_AGE,
        };
        let old = |home: &&HomeId| self.asked_at.get(*home).is_none_or(|at| now < *at || now - *at >= age);
        let asked: BTreeSet<HomeId> = batch.iter().map(|entry| &entry.record.home).filter(old).cloned().collect();
        for home in asked {
            match book.roles(&home).await {
                Ok(roles) => {
                    self.declare(&home, roles, now);
                    if self.asked_at.len() >= REMEMBERED_MAX {
                        self.asked_at.clear();
                    }
                    self.asked_at.insert(home, now);
                }
                Err(error) => warn!(%error, "the register could not be asked what devices were declared to be"),
            }
        }
    }
}
