//! The half-yearly review of an elder's file (R19): who looked, when, what changed.

use super::{ElderFile, about_an_elder, order_of};
use crate::policy::{Policy, review_due};
use crate::{ElderId, HomeId, PersonId};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A field that changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Its path in the file: `living.water_safe`.
    pub field: String,
    /// What it was.
    pub before: Value,
    /// What it is.
    pub after: Value,
}

/// A review.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Review {
    /// The identifier.
    pub id: String,
    /// Whose file.
    pub elder: ElderId,
    /// Where the elder lives.
    pub home: HomeId,
    /// The area path.
    pub area: String,
    /// When.
    pub on: NaiveDate,
    /// Who.
    pub by: PersonId,
    /// The version of the file before.
    pub from_version: u32,
    /// What changed; empty: looked at, nothing to change.
    pub changes: Vec<FieldChange>,
}

about_an_elder!(Review = "review", it => order_of(it.on), if it.changes.is_empty() { "unchanged" } else { "changed" });

/// The day by which a file is to be looked at again.
pub fn due_on(file: &ElderFile, policy: &Policy) -> NaiveDate {
    review_due(file.reviewed_on.unwrap_or(file.filed_on), policy.ledger.review_every_months)
}

/// What differs between two versions of a file, by path. Bookkeeping (sources, exports, the review itself) is no change.
pub fn diff(before: &ElderFile, after: &ElderFile) -> Vec<FieldChange> {
    let value = |file: &ElderFile| {
        let mut value = serde_json::to_value(file).unwrap_or_default();
        if let Some(fields) = value.as_object_mut() {
            for bookkeeping in ["sources", "exported", "reviewed_on"] {
                fields.remove(bookkeeping);
            }
        }
        value
    };
    let mut changes = Vec::new();
    compare("", &value(before), &value(after), &mut changes);
    changes
}

fn compare(path: &str, before: &Value, after: &Value, changes: &mut Vec<FieldChange>) {
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            let mut keys: Vec<&String> = old.keys().chain(new.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                compare(&path, old.get(key).unwrap_or(&Value::Null), new.get(key).unwrap_or(&Value::Null), changes);
            }
        }
        (old, new) if old != new => {
            changes.push(FieldChange { field: path.to_owned(), before: old.clone(), after: new.clone() });
        }
        (_, _) => {}
    }
}
