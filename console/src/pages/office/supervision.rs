//! Supervision (R68): samples to be called back, findings that go round until another person is content
//! (问题—整改—复核), records that look odd.

use super::matters::{Found, MatterAsked, label, named, records, step_form};
use super::part::choices;
use super::{Cell, Desk, Field, Fields, Form, Listing, Page, back};
use crate::api::office::{area_of, matters, one as kept_one};
use crate::caller::Need;
use crate::extract::{Asked, Body, Id};
use crate::problem::Problem;
use axum::extract::State;
use axum::response::Response;
use care::calendar::{Month, plus_days};
use care::office::sample::Verdict;
use care::office::{Finding, Record, Sample};
use store::sheet::Order;

/// Days that a finding is given where nobody says otherwise.
const FINDING_DAYS: i64 = 7;

const SUPERVISION: [&str; 3] = ["/office/samples", "/office/findings", "/office/flags"];

fn supervision(desk: &Desk, title: &str, here: &str) -> Page {
    let names = [desk.o.samples, desk.o.findings, desk.o.flags];
    // A liaison puts right what was found, and has nothing to do with the sampling.
    let sisters: Vec<(&str, &str)> = SUPERVISION.into_iter().zip(names).filter(|(href, _)| *href == here || desk.may(Need::Supervise)).collect();
    Page::new(if desk.may(Need::Supervise) { "supervision" } else { "matters" }, title).sisters(&sisters, here)
}

pub(crate) async fn samples(desk: Desk, Asked(asked): Asked<MatterAsked>) -> Result<Response, Problem> {
    let (o, l) = (desk.o, desk.look.language);
    let Found { records: found, next } = records::<Sample>(&desk, &asked, "all", Order::NewestFirst).await?;
    let mut page = supervision(&desk, o.samples, SUPERVISION[0]);
    let mut table = Listing::new("samples", o.samples, &[o.month, o.area, o.name, o.visit, o.result, o.who, o.words]);
    let mut open = Vec::new();
    for kept in &found {
        for item in &kept.record.items {
            let (chip, verdict) = match item.verdict {
                None => ("attention", o.not_called_back),
                Some(Verdict::True) => ("ok", Verdict::True.name(l)),
                Some(other) => ("red", other.name(l)),
            };
            if item.verdict.is_none() {
                open.push((format!("{} {}", kept.record.id, item.visit), label(&desk, &item.elder, &item.visit), false));
            }
            table.rows.push(vec![
                Cell::text(kept.record.month.to_string()),
                Cell::text(desk.place(&kept.record.area)),
                desk.elder(&item.elder),
                Cell::link(&item.visit, format!("/office/visits/{}", item.visit)),
                Cell::chip(chip, verdict),
                Cell::text(item.called.as_ref().map(|done| done.by.to_string()).unwrap_or_default()),
                Cell::wide(item.called.as_ref().map(|done| done.words.clone()).unwrap_or_default()),
            ]);
        }
    }
    page.tables.push(Listing { next, ..table });
    let steps = choices(Verdict::ALL.iter().map(|verdict| (verdict.code(), verdict.name(l))), "", None);
    page.forms.extend(step_form(&desk, o.call_back, SUPERVISION[0], open, steps, Vec::new()));
    let last = Month::of(desk.app.parts.office.today()).previous();
    page.forms.push(Form::act(
        o.draw_sample,
        SUPERVISION[0],
        o.draw_go,
        vec![Field::of("month", "month", o.month, last.to_string()), desk.area_field(&desk.caller.area), Field::of("number", "n", o.how_many, "10")],
    ));
    Ok(desk.show(page))
}

pub(crate) async fn draw(desk: Desk, fields: Fields) -> Result<Response, Problem> {
    let area = area_of(&desk.caller, Some(fields.text("area")))?;
    let month: Month = fields.text("month").parse().map_err(|_| Problem::Invalid { field: "month", what: |w| w.invalid_field })?;
    let n = fields.number("n").and_then(|n| usize::try_from(n).ok()).unwrap_or(10).clamp(1, 500);
    desk.app.parts.office.draw_sample(month, &area, n, &desk.caller.person).await?;
    Ok(back(SUPERVISION[0]))
}

pub(crate) async fn called_back(desk: Desk, Id(_): Id, fields: Fields) -> Result<Response, Problem> {
    let (sample, visit) = fields.text("id").split_once(' ').ok_or(Problem::NotFound)?;
    kept_one::<Sample>(&desk.app, &desk.caller, sample).await?;
    let verdict = Verdict::from_code(fields.text("step")).ok_or(Problem::Invalid { field: "step", what: |w| w.invalid_field })?;
    desk.app.parts.office.called_back(sample, visit, verdict, fields.text("words"), &desk.caller.person).await?;
    Ok(back(SUPERVISION[0]))
}

pub(crate) async fn findings(desk: Desk, Asked(asked): Asked<MatterAsked>) -> Result<Response, Problem> {
    let o = desk.o;
    let Found { records: found, next } = records::<Finding>(&desk, &asked, "all", Order::NewestFirst).await?;
    let mut page = supervision(&desk, o.findings, SUPERVISION[1]);
    let mut table = Listing::new("findings", o.findings, &[o.area, o.about, o.words, o.due_on, o.who, o.rounds, o.result, o.state]);
    let (mut to_fix, mut to_check) = (Vec::new(), Vec::new());
    for kept in &found {
        let it = &kept.record;
        let (chip, state) = match it.state() {
            "closed" => ("ok", o.closed),
            "fixed" => ("attention", o.to_be_checked),
            "again" => ("red", o.not_settled),
            _ => ("urgent", o.open),
        };
        let name = format!("{} · {}", desk.place(&it.area), it.problem.words);
        match it.state() {
            "fixed" => to_check.push((it.id.clone(), name, false)),
            "closed" => {}
            _ => to_fix.push((it.id.clone(), name, false)),
        }
        // Every round: what was put right, and what the check said.
        let rounds = it.rounds.iter().flat_map(|round| std::iter::once(&round.fixed).chain(round.checked.as_ref()));
        let about = if care::id::well_formed(&it.about) && it.sample.is_some() { Cell::link(&it.about, format!("/office/visits/{}", it.about)) } else { Cell::text(&it.about) };
        table.rows.push(vec![
            Cell::text(desk.place(&it.area)),
            about,
            Cell::wide(&it.problem.words),
            Cell::text(it.due_on.to_string()),
            Cell::text(it.problem.by.to_string()),
            Cell::count(u32::try_from(it.rounds.len()).unwrap_or(u32::MAX)),
            Cell::wide(rounds.map(|done| format!("{}：{}", done.by, done.words)).collect::<Vec<_>>().join("；")),
            Cell::chip(chip, state),
        ]);
    }
    page.tables.push(Listing { next, ..table });
    let words = || Field::of("textarea", "words", o.words, "");
    if !to_fix.is_empty() {
        page.forms.push(Form::act(o.finding_fix, "/office/findings/one/fix", o.save, vec![Field::select("id", o.which, to_fix), words().required()]));
    }
    if desk.may(Need::Supervise) {
        if !to_check.is_empty() {
            let verdicts = choices([("yes", o.finding_good), ("no", o.finding_again)], "yes", None);
            let fields = vec![Field::select("id", o.which, to_check), Field::select("accepted", o.result, verdicts), words()];
            page.forms.push(Form::act(o.finding_check, "/office/findings/one/check", o.save, fields));
        }
        let due = plus_days(desk.app.parts.office.today(), FINDING_DAYS);
        page.forms.push(Form::act(
            o.finding_raise,
            "/office/findings",
            o.save,
            vec![
                desk.area_field(&desk.caller.area),
                Field::of("text", "about", o.about, "").hint(o.about_hint).required(),
                Field::of("date", "due_on", o.due_on, due.to_string()).required(),
                words().required(),
            ],
        ));
    }
    Ok(desk.show(page))
}

pub(crate) async fn raise(desk: Desk, fields: Fields) -> Result<Response, Problem> {
    let body = matters::FindingBody {
        area: area_of(&desk.caller, Some(fields.text("area")))?,
        about: fields.own("about"),
        elder: None,
        words: fields.own("words"),
        due_on: fields.day("due_on").ok_or(Problem::Invalid { field: "due_on", what: |w| w.invalid_field })?,
    };
    drop(matters::finding(State(desk.app.clone()), desk.caller.clone(), Body(body)).await?);
    Ok(back(SUPERVISION[1]))
}

pub(crate) async fn fix(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    let body = matters::WordsBody { words: fields.own("words"), accepted: None };
    drop(matters::fix(State(desk.app.clone()), desk.caller.clone(), Id(named(id, &fields)), Body(body)).await?);
    Ok(back(SUPERVISION[1]))
}

pub(crate) async fn check(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    let body = matters::WordsBody { words: fields.own("words"), accepted: fields.answer("accepted") };
    drop(matters::check(State(desk.app.clone()), desk.caller.clone(), Id(named(id, &fields)), Body(body)).await?);
    Ok(back(SUPERVISION[1]))
}

pub(crate) async fn flags(desk: Desk, Asked(asked): Asked<MatterAsked>) -> Result<Response, Problem> {
    let o = desk.o;
    let area = area_of(&desk.caller, Some(&asked.area))?;
    let office = desk.app.parts.office.clone();
    let month = asked.month.parse().unwrap_or(Month::of(office.today()));
    let mut page = supervision(&desk, o.flags, SUPERVISION[2]);
    page.lead.push(o.flags_lead.to_owned());
    page.search.push(Form::search(SUPERVISION[2], o.show_month, vec![Field::of("month", "month", o.month, month.to_string())]));
    let mut table = Listing::new("flags", format!("{} {month}", o.flags), &[o.visit, o.why]);
    table.rows = office
        .flagged(month, &area)
        .await?
        .iter()
        .map(|flag| vec![Cell::link(&flag.record, format!("/office/visits/{}", flag.record)), Cell::wide(flag.why.render(desk.look.language, desk.look.zone))])
        .collect();
    page.tables.push(table);
    Ok(desk.show(page))
}
