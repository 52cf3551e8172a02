//! The facts behind the reports, handed out: whoever has them and the policy file can work the reports out anew.

use super::{Office, OfficeError};
use serde_json::Value;
use std::collections::BTreeSet;
use store::register::within;

impl Office {
    /// The facts of an area (empty: of the whole city) as they are known now: identifiers, no names.
    ///
    /// # Errors
    /// If the register fails.
    pub async fn facts(&self, area: &str) -> Result<Value, OfficeError> {
        self.refresh().await?;
        let today = self.today();
        let mut facts = self.look(|model| model.facts.to_json(today));
        if !area.is_empty() {
            keep(&mut facts, area);
        }
        Ok(facts)
    }
}

/// Leaves the elders of an area, their contacts, and the events that concern them or everybody.
fn keep(facts: &mut Value, area: &str) {
    let text = |record: &Value, field: &str| record.get(field).and_then(Value::as_str).map(str::to_owned);
    let mut ids = BTreeSet::new();
    if let Some(elders) = facts.get_mut("elders").and_then(Value::as_array_mut) {
        elders.retain(|elder| text(elder, "area").is_some_and(|at| within(&at, area)));
        ids.extend(elders.iter().filter_map(|elder| text(elder, "id")));
    }
    for part in ["contacts", "events"] {
        if let Some(records) = facts.get_mut(part).and_then(Value::as_array_mut) {
            records.retain(|record| text(record, "elder").map_or(part == "events", |id| ids.contains(&id)));
        }
    }
}
