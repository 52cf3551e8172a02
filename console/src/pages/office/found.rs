//! What is found at an elder's: a page for the phone with a form for each of hazard, need, referral and incident.

use super::part::{Choice, choices};
use super::{Desk, Field, Fields, Form, Page, back};
use crate::api::office::{elder_of, matters};
use crate::caller::Need;
use crate::extract::{Body, Id};
use crate::problem::Problem;
use axum::extract::State;
use axum::response::Response;
use care::office::matter::{Department, HazardKind, NeedKind, NeedState};
use care::office::{Need as NeedRecord, Record};
use care::{ElderId, Language};
use store::sheet::SheetAsk;

fn all<T: Copy>(kinds: &[T], code: fn(T) -> &'static str, name: fn(T, Language) -> &'static str, language: Language) -> Vec<Choice> {
    choices(kinds.iter().map(|kind| (code(*kind), name(*kind, language))), "", None)
}

pub(crate) async fn page(desk: Desk, Id(id): Id) -> Result<Response, Problem> {
    let (o, l) = (desk.o, desk.look.language);
    let brief = elder_of(&desk.app, &desk.caller, &id).await?;
    let mut page = Page::new("elders", format!("{} · {}", brief.name, o.found_new)).link(format!("/office/elders/{id}"), o.elder_file);
    let elder = || Field::of("hidden", "elder", "", &id);
    let words = || Field::of("textarea", "words", o.words, "").required();
    let grave = Field { options: vec![("yes".to_owned(), o.incident_grave.to_owned(), false)], ..Field::of("checks", "grave", o.grave, "") };
    // What cannot wait stands first.
    let incident = vec![elder(), words(), grave];
    page.forms.push(Form::act(o.incident_open, "/office/incidents", o.incident_go, incident));
    let hazard = vec![
        elder(),
        Field::select("kind", o.kind, all(HazardKind::ALL, HazardKind::code, HazardKind::name, l)),
        Field::of("text", "place", o.where_in_house, ""),
        words(),
    ];
    page.forms.push(Form::act(o.hazard_open, "/office/hazards", o.save, hazard));
    let urgent = Field { options: vec![("yes".to_owned(), o.need_urgent.to_owned(), false)], ..Field::of("checks", "urgent", o.urgency, "") };
    let need = vec![elder(), Field::select("kind", o.kind, all(NeedKind::ALL, NeedKind::code, NeedKind::name, l)), words(), urgent];
    page.forms.push(Form::act(o.need_open, "/office/needs", o.save, need));
    if desk.may(Need::Office) {
        let open = desk.app.parts.office.page::<NeedRecord>(SheetAsk::of(NeedRecord::KIND).elder(&brief.id)).await?.records;
        let open: Vec<(String, String)> = open
            .into_iter()
            .filter(|kept| !matches!(kept.record.state, NeedState::Met | NeedState::Declined | NeedState::Referred))
            .map(|kept| (kept.record.id.clone(), format!("{} · {}", kept.record.kind.name(l), kept.record.words)))
            .collect();
        let refer = vec![
            elder(),
            Field::select("to", o.referred_to, all(Department::ALL, Department::code, Department::name, l)),
            Field::of("text", "provider", o.provider, ""),
            Field::select("about", o.for_need, choices(open.iter().map(|(id, name)| (id.as_str(), name.as_str())), "", Some("—"))),
            words(),
        ];
        page.forms.push(Form::act(o.refer_open, "/office/referrals", o.refer_go, refer));
    }
    Ok(desk.show(page))
}

fn field_of<T>(found: Option<T>, field: &'static str) -> Result<T, Problem> {
    found.ok_or(Problem::Invalid { field, what: |w| w.invalid_field })
}

pub(crate) async fn hazard(desk: Desk, fields: Fields) -> Result<Response, Problem> {
    let kind = field_of(HazardKind::from_code(fields.text("kind")), "kind")?;
    let body = matters::HazardBody { elder: ElderId::new(fields.text("elder")), kind, place: fields.own("place"), words: fields.own("words") };
    drop(matters::open_hazard(State(desk.app.clone()), desk.caller.clone(), Body(body)).await?);
    Ok(back("/office/hazards"))
}

pub(crate) async fn need(desk: Desk, fields: Fields) -> Result<Response, Problem> {
    let kind = field_of(NeedKind::from_code(fields.text("kind")), "kind")?;
    let body = matters::NeedBody { elder: ElderId::new(fields.text("elder")), kind, words: fields.own("words"), urgent: fields.ticked("urgent.yes") };
    drop(matters::open_need(State(desk.app.clone()), desk.caller.clone(), Body(body)).await?);
    Ok(back("/office/needs"))
}

pub(crate) async fn referral(desk: Desk, fields: Fields) -> Result<Response, Problem> {
    let to = field_of(Department::from_code(fields.text("to")), "to")?;
    let about = Some(fields.own("about")).filter(|about| !about.is_empty());
    let body = matters::ReferBody { elder: ElderId::new(fields.text("elder")), to, provider: fields.own("provider"), about, words: fields.own("words") };
    drop(matters::refer(State(desk.app.clone()), desk.caller.clone(), Body(body)).await?);
    Ok(back("/office/referrals"))
}

pub(crate) async fn incident(desk: Desk, fields: Fields) -> Result<Response, Problem> {
    let body = matters::IncidentBody { elder: ElderId::new(fields.text("elder")), words: fields.own("words"), grave: fields.ticked("grave.yes"), from: None, found_at: None };
    let opened = matters::open_incident(State(desk.app.clone()), desk.caller.clone(), Body(body)).await?;
    let id = opened.0.pointer("/record/id").and_then(serde_json::Value::as_str).unwrap_or_default();
    Ok(back(&format!("/office/incidents/{id}")))
}
