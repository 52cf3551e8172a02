//! The read log: whose file was opened by whom stands in the audit, once in ten minutes for the same reader and file.

use crate::app::App;
use crate::caller::Caller;
use crate::problem::Problem;
use care::{TimeDelta, Timestamp};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use store::register::Put;

/// How long the same reader of the same file is not written down again.
const AGAIN: TimeDelta = TimeDelta::minutes(10);
/// Readers and files that are remembered. Above it some are written down twice.
const KEPT_MAX: usize = 20_000;

/// What was written down lately.
#[derive(Default)]
pub(crate) struct Reads(Mutex<HashMap<(String, String), Timestamp>>);

impl Reads {
    /// True if this is to be written down.
    fn fresh(&self, who: &str, what: &str, now: Timestamp) -> bool {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (who.to_owned(), what.to_owned());
        if kept.get(&key).is_some_and(|at| now - *at < AGAIN && *at <= now) {
            return false;
        }
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(key, now);
        true
    }
}

/// Writes down that the caller opened a file. What cannot be written down is not shown.
pub(crate) async fn opened(app: &App, caller: &Caller, action: &str, subject: &str) -> Result<(), Problem> {
    let now = app.now();
    let who = caller.person.as_str();
    if app.reads.fresh(who, &format!("{action} {subject}"), now) {
        app.parts.register.put(vec![Put::Audit { at: now, who: who.to_owned(), action: action.to_owned(), subject: subject.to_owned() }]).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_is_written_down_again_after_ten_minutes() {
        let reads = Reads::default();
        let at = |minute: i64| Timestamp::from_timestamp(minute * 60, 0).unwrap();
        assert!(reads.fresh("a", "e1", at(0)));
        assert!(!reads.fresh("a", "e1", at(9)));
        assert!(reads.fresh("b", "e1", at(9)) && reads.fresh("a", "e2", at(9)) && reads.fresh("a", "e1", at(10)));
    }
}
