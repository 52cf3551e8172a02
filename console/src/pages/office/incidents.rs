//! Incidents: the list, and the page of one, which begins with the emergency call: numbers to dial by hand, the address to
//! read out, the time since it was found (R43 to R47). The platform dials none of these numbers by itself.

use super::matters::{Found, MatterAsked, SISTERS, matters, records};
use super::part::{Dial, choices};
use super::{Cell, Desk, Field, Fields, Form, Listing, Page, Section, back};
use crate::api::office::{elder_of, matters as api, one as kept_one};
use crate::caller::Need;
use crate::extract::{Asked, Body, Id};
use crate::messages::fill;
use crate::office::Kept;
use crate::problem::Problem;
use axum::extract::State;
use axum::response::Response;
use care::office::{Incident, IncidentStep, Record};
use store::sheet::Order;

fn state_of(desk: &Desk, it: &Incident) -> (&'static str, &'static str) {
    match it.state() {
        "closed" => ("ok", desk.o.closed),
        "grave" => ("red", desk.o.grave),
        _ => ("urgent", desk.o.open),
    }
}

fn until(desk: &Desk, it: &Incident) -> Cell {
    match (it.until_call(), &it.no_call) {
        (Some(span), _) => Cell::text(care::reason::span(span.num_seconds().max(0), desk.look.language)),
        (None, Some(why)) => Cell::text(fill(desk.o.no_call_why, &[("why", &why.words)])),
        (None, None) => Cell::chip("red", desk.o.not_called),
    }
}

pub(crate) async fn list(desk: Desk, Asked(asked): Asked<MatterAsked>) -> Result<Response, Problem> {
    let o = desk.o;
    let Found { records: found, next } = records::<Incident>(&desk, &asked, "all", Order::NewestFirst).await?;
    let mut table = Listing::new("incidents", o.incidents, &[o.found, o.name, o.area, o.words, o.until_call, o.called, o.state]);
    for kept in &found {
        let it = &kept.record;
        let (chip, state) = state_of(&desk, it);
        table.rows.push(vec![
            Cell::link(desk.when(it.found_at), format!("/office/incidents/{}", it.id)),
            desk.elder(&it.elder),
            Cell::text(desk.place(&it.area)),
            Cell::wide(&it.words),
            until(&desk, it),
            Cell::count(u32::try_from(it.called.len()).unwrap_or(u32::MAX)),
            Cell::chip(chip, state),
        ]);
    }
    let states = choices([("open", o.open), ("grave", o.grave), ("closed", o.closed)], &asked.state, Some(o.all));
    let mut page = matters(&desk, o.incidents, SISTERS[3], states);
    page.tables.push(Listing { next, ..table });
    Ok(desk.show(page))
}

pub(crate) async fn one(desk: Desk, Id(id): Id) -> Result<Response, Problem> {
    let o = desk.o;
    let kept: Kept<Incident> = kept_one(&desk.app, &desk.caller, &id).await?;
    let it = &kept.record;
    let elder = elder_of(&desk.app, &desk.caller, it.elder.as_str()).await?;
    let home = desk.app.parts.register.home(&it.home).await?;
    let address = home.as_ref().map(|home| home.address.clone()).filter(|address| !address.is_empty()).unwrap_or_else(|| o.address_missing.to_owned());
    let numbers = desk.app.parts.office.policy()?.risk.numbers.clone();
    let (_, state) = state_of(&desk, it);
    let mut page = Page::new("matters", format!("{} · {}", elder.name, desk.when(it.found_at))).link("/office/incidents", o.incidents).link(format!("/office/elders/{}", it.elder), o.elder_file);
    let called = match (&it.emergency, &it.no_call) {
        (Some(call), _) => format!("{} {} {}", call.number, desk.when(call.at), call.by),
        (None, Some(why)) => format!("{}（{} {}）", fill(o.no_call_why, &[("why", &why.words)]), desk.when(why.at), why.by),
        (None, None) => o.not_called.to_owned(),
    };
    if it.call_first() {
        page.dial = Some(Dial {
            lead: o.call_first.to_owned(),
            numbers: numbers.iter().map(|number| (number.clone(), number_name(&desk, number))).collect(),
            read_out: format!("{} {address}", desk.place(&it.area)),
            since: it.found_at.timestamp(),
            since_text: o.since_found.to_owned(),
        });
        let choice = choices(numbers.iter().map(|number| (number.as_str(), number.as_str())), "", None);
        page.forms.push(act(&id, "emergency_call", o.call_dialled, o.call_dialled, vec![Field::select("number", o.number_dialled, choice)]));
        page.forms.push(act(&id, "no_call", o.no_call, o.save, vec![Field::of("text", "words", o.reason, "").required()]));
    }
    page.sections.push(Section {
        title: o.incident.to_owned(),
        facts: vec![
            (o.state.to_owned(), state.to_owned()),
            (o.what.to_owned(), it.words.clone()),
            (o.found.to_owned(), format!("{} {}", desk.when(it.found_at), it.found_by)),
            (o.address.to_owned(), address),
            (o.emergency_call.to_owned(), called),
            (o.until_call.to_owned(), until(&desk, it).text),
            (o.parties.to_owned(), it.parties.join("、")),
            (o.city_review.to_owned(), it.reviewed.as_ref().map(|done| format!("{} {} {}", desk.when(done.at), done.by, done.words)).unwrap_or_default()),
            (o.result.to_owned(), it.closed.as_ref().map(|done| format!("{} {} {}", desk.when(done.at), done.by, done.words)).unwrap_or_default()),
        ],
    });
    let mut chain = Listing::new("called", o.called, &[o.when, o.whom, o.result]);
    chain.rows = it.called.iter().map(|one| vec![Cell::text(desk.when(one.at)), Cell::text(&one.whom), Cell::wide(&one.outcome)]).collect();
    let mut notes = Listing::new("notes", o.notes, &[o.when, o.who, o.words]);
    notes.rows = it.log.iter().map(|line| vec![Cell::text(desk.when(line.at)), Cell::text(&line.by), Cell::wide(&line.words)]).collect();
    page.tables.extend([chain, notes]);
    if it.closed.is_none() {
        let words = || Field::of("textarea", "words", o.words, "").required();
        page.forms.push(act(&id, "called", o.called_new, o.save, vec![Field::of("text", "whom", o.whom, "").required(), Field::of("text", "outcome", o.result, "").required()]));
        page.forms.push(act(&id, "party", o.party_new, o.save, vec![Field::of("text", "party", o.parties, "").required()]));
        page.forms.push(act(&id, "note", o.note_new, o.save, vec![words()]));
        if it.grave && it.reviewed.is_none() && desk.may(Need::City) {
            page.forms.push(act(&id, "review", o.city_review, o.save, vec![words()]));
        }
        if !it.call_first() && (!it.grave || it.reviewed.is_some()) {
            page.forms.push(act(&id, "close", o.incident_close, o.incident_close, vec![words()]));
        }
    }
    Ok(desk.show(page))
}

fn act(id: &str, did: &str, title: &str, submit: &str, mut fields: Vec<Field>) -> Form {
    fields.insert(0, Field::of("hidden", "did", "", did));
    Form::act(title, format!("/office/incidents/{id}"), submit, fields)
}

/// What a number is for; one that a city added stands as it is.
fn number_name(desk: &Desk, number: &str) -> String {
    match number {
        "120" => desk.o.number_120,
        "119" => desk.o.number_119,
        "110" => desk.o.number_110,
        other => other,
    }
    .to_owned()
}

pub(crate) async fn step(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    let words = || fields.own("words");
    let step = match fields.text("did") {
        "emergency_call" => IncidentStep::EmergencyCall { number: fields.own("number") },
        "no_call" => IncidentStep::NoCall { words: words() },
        "called" => IncidentStep::Called { whom: fields.own("whom"), outcome: fields.own("outcome") },
        "party" => IncidentStep::Party { party: fields.own("party") },
        "note" => IncidentStep::Note { words: words() },
        "review" => IncidentStep::Review { words: words() },
        "close" => IncidentStep::Close { words: words() },
        _ => return Err(Problem::Invalid { field: "did", what: |w| w.invalid_field }),
    };
    drop(api::step_incident(State(desk.app.clone()), desk.caller.clone(), Id(id.clone()), Body(step)).await?);
    Ok(back(&format!("/office/incidents/{id}")))
}
