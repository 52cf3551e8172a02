//! The page of one visit: every row of Annex 2 as it was signed, what it opened, who else has written the same visit down, its
//! versions; the correction of a signed one, beside the old version (R56); and looking at a remote one (R75).

use super::elders::visit_state;
use super::part::{Choice, choices};
use super::{Cell, Desk, Fact, Field, Fields, Form, Listing, OfficeWords, Page, Section, back};
use crate::api::office::{elder_of, one as kept_one, visits as api};
use crate::caller::Need;
use crate::extract::{Body, Id};
use crate::office::Kept;
use crate::problem::Problem;
use axum::extract::State;
use axum::response::Response;
use care::Timestamp;
use care::office::visit::{Asked, Visit};
use care::policy::{Mode, Outcome};
use care::visit::form::{Change, Illness, People, Safety, Signature, VisitForm};
use chrono::{LocalResult, NaiveDateTime, TimeZone};

/// How a browser writes a local time.
const LOCAL: &str = "%Y-%m-%dT%H:%M";

fn change(desk: &Desk, answer: Option<Change>) -> (&'static str, &'static str) {
    match answer {
        Some(Change::Same) => ("same", desk.o.v_same),
        Some(Change::Better) => ("better", desk.o.v_better),
        Some(Change::Worse) => ("worse", desk.o.v_worse),
        None => ("", ""),
    }
}

fn safety(desk: &Desk, answer: Option<Safety>) -> (&'static str, &'static str) {
    match answer {
        Some(Safety::Safe) => ("safe", desk.o.v_safe),
        Some(Safety::FairlySafe) => ("fairly_safe", desk.o.v_fairly_safe),
        Some(Safety::Unsafe) => ("unsafe", desk.o.v_unsafe),
        None => ("", ""),
    }
}

fn people(desk: &Desk, answer: Option<People>) -> (&'static str, String) {
    match answer {
        Some(People::Same) => ("same", desk.o.v_same.to_owned()),
        Some(People::More(n)) => ("more", format!("{} {n}", desk.o.v_more)),
        Some(People::Fewer(n)) => ("fewer", format!("{} {n}", desk.o.v_fewer)),
        None => ("", String::new()),
    }
}

fn illness(desk: &Desk, answer: Option<&Illness>) -> (&'static str, String) {
    match answer {
        Some(Illness::Same) => ("same", desk.o.v_same.to_owned()),
        Some(Illness::Serious(name)) => ("serious", format!("{} {name}", desk.o.v_serious)),
        Some(Illness::Better) => ("better", desk.o.v_recovering.to_owned()),
        None => ("", String::new()),
    }
}

fn signature(desk: &Desk, answer: Option<&Signature>) -> String {
    match answer {
        Some(Signature::Screen(_)) => desk.o.signed_screen.to_owned(),
        Some(Signature::Photo(place)) => format!("{} {place}", desk.o.signed_photo),
        Some(Signature::Missing(reason)) => match reason.as_str() {
            "cannot_sign" => desk.o.v_cannot_sign.to_owned(),
            "declined_to_sign" => desk.o.v_declined.to_owned(),
            other => other.to_owned(),
        },
        None => String::new(),
    }
}

/// The rows of Annex 2 as they were answered.
fn rows(desk: &Desk, form: &VisitForm) -> Vec<Fact> {
    let o = desk.o;
    let row = |name: &str, answer: &str| (name.to_owned(), answer.to_owned());
    vec![
        row(o.visit_number, &form.number.map(|n| n.to_string()).unwrap_or_default()),
        row(o.v_people, &people(desk, form.people).1),
        row(o.v_speech, change(desk, form.speech).1),
        row(o.v_movement, change(desk, form.movement).1),
        row(o.v_illness_row, &illness(desk, form.illness.as_ref()).1),
        row(o.v_mood, change(desk, form.mood).1),
        row(o.v_gas, safety(desk, form.gas).1),
        row(o.v_water, safety(desk, form.water).1),
        row(o.v_electricity, safety(desk, form.electricity).1),
        row(o.v_personal_hygiene, change(desk, form.personal_hygiene).1),
        row(o.v_home_hygiene, change(desk, form.home_hygiene).1),
        row(o.v_rooms, change(desk, form.rooms).1),
        row(o.v_needs, form.needs.as_deref().unwrap_or_default()),
        row(o.v_visitor_signs, &signature(desk, form.visitor.as_ref())),
        row(o.v_elder_signs, &signature(desk, form.elder.as_ref())),
    ]
}

/// May correct: whoever made the visit, and whoever keeps the register. Never a remote one: that is evidence.
fn may_correct(desk: &Desk, visit: &Visit) -> bool {
    visit.signed_at.is_some() && visit.mode != Mode::Remote && (visit.visitor == desk.caller.person || desk.may(Need::Office))
}

/// What is asked beside the rows of Annex 2 (R36 to R38): name, question, its answers for yes and no.
pub(super) fn asks(o: &'static OfficeWords) -> [(&'static str, &'static str, &'static str, &'static str); 4] {
    [
        ("reaction_worse", o.v_reaction, o.v_worse, o.v_same),
        ("family_cares", o.v_family_cares, o.yes, o.no),
        ("family_in_touch", o.v_family_in_touch, o.yes, o.no),
        ("benefits_in_order", o.v_benefits, o.yes, o.no),
    ]
}

fn answers(asked: &Asked) -> [Option<bool>; 4] {
    [asked.reaction_worse, asked.family_cares, asked.family_in_touch, asked.benefits_in_order]
}

/// What is written down beside them (R37, R39, R41).
pub(super) fn asked_words(o: &'static OfficeWords) -> [(&'static str, &'static str); 4] {
    [("hardship", o.v_hardship), ("reminded", o.v_reminded), ("told", o.v_told), ("helped", o.v_helped)]
}

fn said(asked: &Asked) -> [&String; 4] {
    [&asked.hardship, &asked.reminded, &asked.told, &asked.helped]
}

fn facts(desk: &Desk, visit: &Visit) -> Vec<Fact> {
    let (o, l) = (desk.o, desk.look.language);
    let mut facts = vec![
        (o.mode.to_owned(), visit.mode.name(l).to_owned()),
        (o.outcome.to_owned(), visit.outcome.name(l).to_owned()),
        (o.v_start.to_owned(), desk.when(visit.start)),
        (o.v_end.to_owned(), visit.end.map(|end| desk.when(end)).unwrap_or_default()),
        (o.visitor.to_owned(), format!("{} {}", visit.visitor, visit.organisation)),
    ];
    if visit.mode != Mode::Remote {
        facts.extend(rows(desk, &visit.form));
        for ((_, text, yes, no), answer) in asks(o).into_iter().zip(answers(&visit.asked)) {
            facts.push((text.to_owned(), answer.map_or("—", |answer| if answer { yes } else { no }).to_owned()));
        }
        facts.extend(asked_words(o).into_iter().zip(said(&visit.asked)).map(|((_, text), words)| (text.to_owned(), words.clone())));
    }
    facts
}

pub(crate) async fn page(desk: Desk, Id(id): Id) -> Result<Response, Problem> {
    let (o, l) = (desk.o, desk.look.language);
    let kept: Kept<Visit> = kept_one(&desk.app, &desk.caller, &id).await?;
    let visit = &kept.record;
    let office = desk.app.parts.office.clone();
    let name = elder_of(&desk.app, &desk.caller, visit.elder.as_str()).await?.name;
    let (_, state) = visit_state(&desk, visit);
    let mut page = Page::new("elders", format!("{name} · {}", desk.when(visit.start))).link(format!("/office/elders/{}", visit.elder), o.elder_file);
    page = page.link(format!("/office/visits/{id}/annex-2"), o.annex_2);
    if may_correct(&desk, visit) {
        page = page.link(format!("/office/visits/{id}/correct"), o.correct);
    }
    let mut shown = facts(&desk, visit);
    shown.extend([
        (o.state.to_owned(), state.to_owned()),
        (o.recorded.to_owned(), format!("{} {}", desk.when(visit.recorded_at), visit.recorded_by)),
        (o.opened.to_owned(), visit.opens().iter().map(|(_, row)| *row).collect::<Vec<_>>().join("、")),
    ]);
    if let Some(done) = &visit.reviewed {
        shown.push((o.looked_at.to_owned(), format!("{} {} {}", desk.when(done.at), done.by, done.words)));
    }
    page.sections.push(Section { title: o.visit.to_owned(), facts: shown });
    if let Some(evidence) = &visit.evidence {
        let mut days = Listing::new("evidence", o.evidence_days, &[o.when, o.col_cover, o.presence, o.longest_gap]);
        days.rows = evidence
            .days
            .iter()
            .map(|(day, _)| vec![Cell::text(day.day.to_string()), Cell::figure(format!("{:.1} %", day.coverage_pct)), Cell::count(day.presence_events), Cell::figure(format!("{:.1} h", day.longest_gap_hours))])
            .collect();
        page.tables.push(days);
    }
    let mut twins = Listing::new("twins", o.twins, &[o.when, o.mode, o.visitor]);
    twins.rows = office
        .twins(visit)
        .await?
        .iter()
        .map(|twin| vec![Cell::link(desk.when(twin.start), format!("/office/visits/{}", twin.id)), Cell::text(twin.mode.name(l)), Cell::text(format!("{} {}", twin.visitor, twin.organisation))])
        .collect();
    let mut versions = Listing::new("versions", o.versions, &[o.version, o.when, o.who, o.reason, o.changed]);
    let all = office.versions::<Visit>(&id).await?;
    let mut before: Option<Vec<Fact>> = None;
    for one in &all {
        let reason = one.record.corrections.last().map(|correction| correction.reason.clone()).unwrap_or_default();
        let now = facts(&desk, &one.record);
        // What a version says otherwise than the one before.
        let changed: Vec<String> = match &before {
            Some(before) => before.iter().zip(&now).filter(|(old, new)| old != new).map(|(old, new)| format!("{}：{} → {}", new.0, old.1, new.1)).collect(),
            None => Vec::new(),
        };
        versions.rows.push(vec![Cell::count(one.version), Cell::text(desk.when(one.written_at)), Cell::text(&one.written_by), Cell::wide(reason), Cell::wide(changed.join("；"))]);
        before = Some(now);
    }
    if !twins.rows.is_empty() {
        page.tables.push(twins);
    }
    page.tables.push(versions);
    if visit.evidence.as_ref().is_some_and(|evidence| evidence.review_needed) && visit.reviewed.is_none() && desk.may(Need::Office) {
        page.forms.push(Form::act(o.look_at_remote, format!("/office/visits/{id}/look"), o.save, vec![Field::of("textarea", "words", o.words, "").required()]));
    }
    Ok(desk.show(page))
}

pub(crate) async fn look(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    let body = api::WordsBody { words: fields.own("words") };
    drop(api::look(State(desk.app.clone()), desk.caller.clone(), Id(id.clone()), Body(body)).await?);
    Ok(back(&format!("/office/visits/{id}")))
}

pub(crate) async fn correction(desk: Desk, Id(id): Id) -> Result<Response, Problem> {
    let (o, l) = (desk.o, desk.look.language);
    let kept: Kept<Visit> = kept_one(&desk.app, &desk.caller, &id).await?;
    let visit = &kept.record;
    if !may_correct(&desk, visit) {
        return Err(Problem::NotFound);
    }
    let name = elder_of(&desk.app, &desk.caller, visit.elder.as_str()).await?.name;
    let form = &visit.form;
    let local = |at: Timestamp| at.with_timezone(&desk.look.zone).format(LOCAL).to_string();
    let changes = [("same", o.v_same), ("better", o.v_better), ("worse", o.v_worse)];
    let safeties = [("safe", o.v_safe), ("fairly_safe", o.v_fairly_safe), ("unsafe", o.v_unsafe)];
    let three = |name: &str, label: &str, of: [(&'static str, &'static str); 3], chosen: &str| Field::select(name, label, choices(of, chosen, Some("—")));
    let modes: Vec<Choice> = choices(Mode::ALL.iter().filter(|mode| **mode != Mode::Remote).map(|mode| (mode.code(), mode.name(l))), visit.mode.code(), None);
    let outcomes = choices(Outcome::ALL.iter().map(|outcome| (outcome.code(), outcome.name(l))), visit.outcome.code(), None);
    let n = match form.people {
        Some(People::More(n) | People::Fewer(n)) => n.to_string(),
        Some(People::Same) | None => String::new(),
    };
    let named = match &form.illness {
        Some(Illness::Serious(name)) => name.clone(),
        Some(Illness::Same | Illness::Better) | None => String::new(),
    };
    let mut fields = vec![
        Field::of("hidden", "version", "", kept.version.to_string()),
        Field::of("text", "reason", o.correct_why, "").required(),
        Field::select("mode", o.v_mode, modes),
        Field::select("outcome", o.v_outcome, outcomes),
        Field::of("datetime-local", "start", o.v_start, local(visit.start)).required(),
        Field::of("datetime-local", "end", o.v_end, visit.end.map(local).unwrap_or_default()).required(),
        three("people", o.v_people, [("same", o.v_same), ("more", o.v_more), ("fewer", o.v_fewer)], people(&desk, form.people).0),
        Field::of("number", "people_n", o.v_how_many, n),
        three("speech", o.v_speech, changes, change(&desk, form.speech).0),
        three("movement", o.v_movement, changes, change(&desk, form.movement).0),
        three("illness", o.v_illness_row, [("same", o.v_same), ("serious", o.v_serious), ("better", o.v_recovering)], illness(&desk, form.illness.as_ref()).0),
        Field::of("text", "illness_name", o.v_illness, named),
        three("mood", o.v_mood, changes, change(&desk, form.mood).0),
        three("gas", o.v_gas, safeties, safety(&desk, form.gas).0),
        three("water", o.v_water, safeties, safety(&desk, form.water).0),
        three("electricity", o.v_electricity, safeties, safety(&desk, form.electricity).0),
        three("personal_hygiene", o.v_personal_hygiene, changes, change(&desk, form.personal_hygiene).0),
        three("home_hygiene", o.v_home_hygiene, changes, change(&desk, form.home_hygiene).0),
        three("rooms", o.v_rooms, changes, change(&desk, form.rooms).0),
        Field::of("textarea", "needs", o.v_needs, form.needs.clone().unwrap_or_default()),
        Field::of("textarea", "result", o.v_result, visit.no_answer.as_ref().map(|done| done.result.clone()).unwrap_or_default()).hint(o.v_result_hint),
    ];
    for ((name, text, yes, no), answer) in asks(o).into_iter().zip(answers(&visit.asked)) {
        let chosen = answer.map_or("", |answer| if answer { "yes" } else { "no" });
        fields.push(Field::select(name, text, choices([("no", no), ("yes", yes)], chosen, Some("—"))));
    }
    fields.extend(asked_words(o).into_iter().zip(said(&visit.asked)).map(|((name, text), words)| Field::of("textarea", name, text, words)));
    let mut page = Page::new("elders", format!("{name} · {} · {}", desk.when(visit.start), o.correct)).link(format!("/office/visits/{id}"), o.cancel);
    page.lead.push(o.correct_lead.to_owned());
    page.forms.push(Form::act("", format!("/office/visits/{id}/correct"), o.correct_go, fields));
    Ok(desk.show(page))
}

fn change_of(text: &str) -> Option<Change> {
    match text {
        "same" => Some(Change::Same),
        "better" => Some(Change::Better),
        "worse" => Some(Change::Worse),
        _ => None,
    }
}

fn safety_of(text: &str) -> Option<Safety> {
    match text {
        "safe" => Some(Safety::Safe),
        "fairly_safe" => Some(Safety::FairlySafe),
        "unsafe" => Some(Safety::Unsafe),
        _ => None,
    }
}

/// A local time of a form as an instant. One that a clock change skips is none; of two, the earlier.
fn instant(desk: &Desk, text: &str) -> Option<Timestamp> {
    let local = NaiveDateTime::parse_from_str(text, LOCAL).ok()?;
    match desk.look.zone.from_local_datetime(&local) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Some(at.to_utc()),
        LocalResult::None => None,
    }
}

pub(crate) async fn correct(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    let kept: Kept<Visit> = kept_one(&desk.app, &desk.caller, &id).await?;
    if fields.number("version") != Some(kept.version) {
        return Err(Problem::Changed);
    }
    let invalid = |field: &'static str| Problem::Invalid { field, what: |w| w.invalid_field };
    let mut visit = kept.record;
    visit.mode = Mode::from_code(fields.text("mode")).ok_or_else(|| invalid("mode"))?;
    visit.outcome = Outcome::from_code(fields.text("outcome")).ok_or_else(|| invalid("outcome"))?;
    // To the minute is how a form shows a time: what was not changed keeps its seconds.
    let untouched = |at: Timestamp, text: &str| at.with_timezone(&desk.look.zone).format(LOCAL).to_string() == text;
    if !untouched(visit.start, fields.text("start")) {
        visit.start = instant(&desk, fields.text("start")).ok_or_else(|| invalid("start"))?;
        visit.form.date = None;
    }
    if !visit.end.is_some_and(|end| untouched(end, fields.text("end"))) {
        visit.end = Some(instant(&desk, fields.text("end")).ok_or_else(|| invalid("end"))?);
    }
    let form = &mut visit.form;
    form.mode = Some(visit.mode);
    let n = fields.number("people_n").and_then(|n| u8::try_from(n).ok());
    form.people = match (fields.text("people"), n) {
        ("same", _) => Some(People::Same),
        ("more", Some(n)) => Some(People::More(n)),
        ("fewer", Some(n)) => Some(People::Fewer(n)),
        ("more" | "fewer", None) => return Err(invalid("people_n")),
        _ => None,
    };
    form.illness = match fields.text("illness") {
        "same" => Some(Illness::Same),
        "better" => Some(Illness::Better),
        "serious" => Some(Illness::Serious(fields.own("illness_name"))),
        _ => None,
    };
    (form.speech, form.movement, form.mood) = (change_of(fields.text("speech")), change_of(fields.text("movement")), change_of(fields.text("mood")));
    (form.gas, form.water, form.electricity) = (safety_of(fields.text("gas")), safety_of(fields.text("water")), safety_of(fields.text("electricity")));
    form.personal_hygiene = change_of(fields.text("personal_hygiene"));
    form.home_hygiene = change_of(fields.text("home_hygiene"));
    form.rooms = change_of(fields.text("rooms"));
    form.needs = Some(fields.own("needs")).filter(|needs| !needs.is_empty());
    visit.asked = Asked {
        reaction_worse: fields.answer("reaction_worse"),
        family_cares: fields.answer("family_cares"),
        family_in_touch: fields.answer("family_in_touch"),
        benefits_in_order: fields.answer("benefits_in_order"),
        hardship: fields.own("hardship"),
        reminded: fields.own("reminded"),
        told: fields.own("told"),
        helped: fields.own("helped"),
    };
    let result = fields.own("result");
    if visit.outcome == Outcome::NoAnswer && !result.is_empty() {
        visit.no_answer.get_or_insert_default().result = result;
    }
    let body = api::CorrectBody { record: visit, reason: fields.own("reason") };
    drop(api::correct(State(desk.app.clone()), desk.caller.clone(), Id(id.clone()), Body(body)).await?);
    Ok(back(&format!("/office/visits/{id}")))
}
