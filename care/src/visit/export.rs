//! Facts as they are read by [`Facts::read`], to be handed to somebody who wants to work the reports out anew: who is in
//! the register by identifier, never by name, and what was done.

use super::{Contact, Dated, Elder, Event, Facts, Moment};
use chrono::NaiveDate;
use serde_json::{Value, json};

/// A dated fact: its steps, or the plain value where it never changed.
fn dated<T>(fact: &Dated<T>, value: impl Fn(&T) -> Value) -> Value {
    let steps: Vec<(NaiveDate, &T)> = fact.changes().collect();
    match steps.as_slice() {
        [(from, only)] if *from == NaiveDate::MIN => value(only),
        steps => steps.iter().map(|(from, is)| json!({ "from": (*from).max(NaiveDate::from_ymd_opt(1800, 1, 1).unwrap_or(*from)), "is": value(is) })).collect(),
    }
}

fn moment(moment: Moment) -> Value {
    match moment {
        Moment::Day(day) => day.to_string().into(),
        Moment::At(at) => at.to_rfc3339().into(),
    }
}

fn elder(elder: &Elder) -> Value {
    let mut out = json!({
        "id": elder.id,
        "born": elder.born,
        "categories": dated(&elder.categories, |codes| json!(codes)),
        "ability": dated(&elder.ability, |ability| json!(ability.code())),
        "disability_level": dated(&elder.disability_level, |level| json!(level)),
        "enrolled_on": elder.enrolled_on,
        "suspensions": elder.suspensions.iter().map(|one| json!({ "reason": one.reason, "from": one.from, "to": one.to })).collect::<Vec<_>>(),
    });
    if let Some(fields) = out.as_object_mut() {
        if let Some(area) = &elder.area {
            fields.insert("area".into(), area.as_str().into());
        }
        if let Some(consents) = &elder.consents {
            fields.insert("consents".into(), dated(consents, |kinds| json!(kinds)));
        }
    }
    out
}

fn contact(contact: &Contact) -> Value {
    let mut out = json!({
        "id": contact.id,
        "elder": contact.elder,
        "mode": contact.mode.code(),
        "start": contact.start.to_rfc3339(),
        "outcome": contact.outcome.code(),
        "signed": contact.signed,
    });
    if let Some(fields) = out.as_object_mut() {
        if contact.reviewed {
            fields.insert("reviewed_by".into(), "somebody".into());
        }
        if let Some(at) = contact.recorded_at {
            fields.insert("recorded_at".into(), moment(at));
        }
    }
    out
}

fn event(event: &Event) -> Value {
    json!({
        "id": event.id,
        "kind": event.kind,
        "event": event.event,
        "level": event.level.map(|level| level.code()),
        "start": moment(event.start),
        "elder": event.elder,
    })
}

impl Facts {
    /// The facts as [`Facts::read`] reads them, as known at the end of a day.
    pub fn to_json(&self, as_of: NaiveDate) -> Value {
        json!({
            "as_of": as_of,
            "elders": self.elders.iter().map(elder).collect::<Vec<_>>(),
            "contacts": self.contacts.iter().map(contact).collect::<Vec<_>>(),
            "events": self.events.iter().map(event).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_the_same() {
        let text = r#"{"as_of":"2026-11-30","elders":[
            {"id":"a","born":"1944-05-01","categories":["living_alone"],"ability":"mild","enrolled_on":"2026-01-01","area":"A/B","consents":["enrolment","remote"]},
            {"id":"b","born":"1950-05-01","categories":[{"from":"2026-02-01","is":["no_kin"]}],"ability":[{"from":"2026-02-01","is":"none"},{"from":"2026-05-01","is":"total"}],
             "disability_level":2,"enrolled_on":"2026-02-01","suspensions":[{"reason":"hospital","from":"2026-03-01","to":"2026-03-05"}]}],
          "contacts":[{"id":"1","elder":"a","mode":"home","start":"2026-11-02T09:00:00+08:00","outcome":"met","signed":true,"recorded_at":"2026-11-04T09:00:00+08:00"},
            {"id":"2","elder":"b","mode":"remote","start":"2026-11-02T09:00:00+08:00","outcome":"met"}],
          "events":[{"id":"w","kind":"weather","event":"typhoon","level":"red","start":"2026-08-02T09:00:00+08:00"}]}"#;
        let facts = Facts::read(text).unwrap().facts;
        let again = Facts::read(&facts.to_json("2026-11-30".parse().unwrap()).to_string()).unwrap().facts;
        assert_eq!(again.elders, facts.elders);
        assert_eq!(again.contacts, facts.contacts);
        assert_eq!(again.events, facts.events);
    }
}
