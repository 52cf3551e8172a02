//! The rights of the person whom a file is about: to see a masked field with a reason, a copy of everything, a hold, an
//! erasure. Each goes into the audit, and an erasure is confirmed by typing the identifier.

use super::part::{Choice, choices};
use super::{Desk, Field, Fields, Form, Page, back};
use crate::api::office::elder_of;
use crate::caller::Need;
use crate::extract::Id;
use crate::messages::fill;
use crate::office::MASKED;
use crate::problem::Problem;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use care::office::LegalHold;

/// Why a masked field must be seen: the codes of the audit.
fn reasons(desk: &Desk) -> Vec<Choice> {
    let o = desk.o;
    choices(
        [
            ("visit", o.why_visit),
            ("identity", o.why_identity),
            ("correction", o.why_correction),
            ("referral", o.why_referral),
            ("call_back", o.why_call_back),
            ("alarm", o.why_alarm),
        ],
        "",
        None,
    )
}

fn field_name(desk: &Desk, field: &str) -> String {
    let o = desk.o;
    match field {
        "phone" => o.phone,
        "id_number" => o.id_number,
        "emergency" => o.emergency,
        "family" => o.family,
        "past_illness" => o.past_illness,
        "disability_card" => o.card,
        "medicines" => o.medicines,
        "allergies" => o.allergies,
        "first_contact" => o.first_contact,
        other => other,
    }
    .to_owned()
}

pub(crate) async fn page(desk: Desk, Id(id): Id) -> Result<Response, Problem> {
    drawn(desk, &id, Vec::new()).await
}

async fn drawn(desk: Desk, id: &str, seen: Vec<String>) -> Result<Response, Problem> {
    let o = desk.o;
    let brief = elder_of(&desk.app, &desk.caller, id).await?;
    let office = desk.app.parts.office.clone();
    let hold = office.find::<LegalHold>(id).await?.filter(|hold| hold.record.stands());
    let mut page = Page::new("elders", format!("{} · {}", brief.name, o.rights)).link(format!("/office/elders/{id}"), o.elder_file);
    page.told = seen.join("；");
    if let Some(hold) = &hold {
        let ordered = &hold.record.ordered;
        page.lead.push(fill(o.held_since, &[("at", &desk.when(ordered.at)), ("by", ordered.by.as_str()), ("why", &ordered.words)]));
    }
    let at = |verb: &str| format!("/office/elders/{id}/{verb}");
    let reason = || Field::of("text", "reason", o.reason, "").required();
    let masked: Vec<(String, String)> = MASKED.iter().map(|field| ((*field).to_owned(), field_name(&desk, field))).collect();
    let fields = choices(masked.iter().map(|(code, name)| (code.as_str(), name.as_str())), "phone", None);
    page.forms.push(Form::act(o.reveal, at("reveal"), o.reveal_go, vec![Field::select("field", o.field, fields), Field::select("reason", o.reason, reasons(&desk))]));
    if desk.may(Need::Supervise) {
        page.notes.push(o.copy_note.to_owned());
        page.forms.push(Form::act(o.copy_of, at("copy"), o.copy_go, Vec::new()));
    }
    if desk.may(Need::City) {
        if hold.is_some() {
            page.forms.push(Form { class: "danger", ..Form::act(o.hold_lift, at("lift-hold"), o.hold_lift, vec![reason()]) });
        } else {
            page.forms.push(Form::act(o.hold, at("hold"), o.hold, vec![reason()]));
            let confirm = Field::of("text", "confirm", o.erase_confirm, "").hint(&fill(o.erase_hint, &[("id", id)])).required();
            page.forms.push(Form { class: "danger", ..Form::act(o.erase, at("erase"), o.erase, vec![reason(), confirm]) });
        }
        page.notes.push(fill(o.erase_note, &[("days", &office.rules().retention.backups.to_string())]));
    }
    Ok(desk.show(page))
}

pub(crate) async fn reveal(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    let elder = elder_of(&desk.app, &desk.caller, &id).await?;
    if !reasons(&desk).iter().any(|(code, _, _)| code == fields.text("reason")) {
        return Err(Problem::Invalid { field: "reason", what: |w| w.invalid_field });
    }
    let value = desk.app.parts.office.reveal(&elder.id, fields.text("field"), fields.text("reason"), &desk.caller.person).await?;
    let shown = format!("{}：{}", field_name(&desk, fields.text("field")), said(&value));
    drawn(desk, &id, vec![shown]).await
}

/// A value as words: the texts and numbers in it.
fn said(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::Null => "—".to_owned(),
        Value::Bool(yes) => if *yes { "✓" } else { "✗" }.to_owned(),
        Value::Number(n) => n.to_string(),
        Value::String(text) if text.is_empty() => "—".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(said).collect::<Vec<_>>().join("；"),
        Value::Object(fields) => fields.values().filter(|value| !value.is_null()).map(said).collect::<Vec<_>>().join(" "),
    }
}

/// Everything that is kept about the elder as a file.
pub(crate) async fn copy(desk: Desk, Id(id): Id) -> Result<Response, Problem> {
    let elder = elder_of(&desk.app, &desk.caller, &id).await?;
    let copy = desk.app.parts.office.copy_of(&elder.id, &desk.caller.person).await?;
    let text = serde_json::to_string_pretty(&copy).map_err(|_| Problem::Unavailable)?;
    let disposition = format!("attachment; filename=\"{id}.json\"");
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, "application/json".to_owned()), (header::CONTENT_DISPOSITION, disposition)], text).into_response())
}

pub(crate) async fn hold(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    let elder = elder_of(&desk.app, &desk.caller, &id).await?;
    desk.app.parts.office.hold(&elder.id, fields.text("reason"), &desk.caller.person).await?;
    Ok(back(&format!("/office/elders/{id}/rights")))
}

pub(crate) async fn lift_hold(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    let elder = elder_of(&desk.app, &desk.caller, &id).await?;
    desk.app.parts.office.lift_hold(&elder.id, fields.text("reason"), &desk.caller.person).await?;
    Ok(back(&format!("/office/elders/{id}/rights")))
}

pub(crate) async fn erase(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    let elder = elder_of(&desk.app, &desk.caller, &id).await?;
    if fields.text("confirm") != id {
        return Err(Problem::Invalid { field: "confirm", what: |w| w.invalid_field });
    }
    let gone = desk.app.parts.office.erase_elder(&elder.id, fields.text("reason"), &desk.caller.person).await?;
    let mut page = Page::new("elders", desk.o.erase);
    page.told = fill(desk.o.erased, &[("n", &gone.to_string()), ("id", &id)]);
    let all = desk.o.tab_elders;
    Ok(desk.show(page.link("/office/elders", all)))
}
