//! The month report: four columns, area by area, down to the names; its closing, the league table, the forecast.

use super::form::encode;
use super::{Cell, Desk, Field, Fields, Form, Listing, Page, back};
use crate::api::office::area_of;
use crate::caller::Need;
use crate::extract::{Asked, Id};
use crate::messages::fill;
use crate::problem::Problem;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use care::ElderId;
use care::calendar::Month;
use care::office::month::LEAGUE_BY;
use care::visit::report::{Line, MonthReport, percent};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Names of a list on the page; the file has all of them.
const NAMES_MAX: usize = 300;

fn month(text: &str) -> Result<Month, Problem> {
    text.parse().map_err(|_| Problem::Invalid { field: "month", what: |w| w.invalid_field })
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct MonthAsked {
    #[serde(default)]
    area: String,
    #[serde(default)]
    month: String,
    #[serde(default)]
    format: String,
}

pub(crate) async fn list(desk: Desk, Asked(asked): Asked<MonthAsked>) -> Result<Response, Problem> {
    if !asked.month.is_empty() {
        return Ok(back(&format!("/office/months/{}?area={}", month(&asked.month)?, encode(&asked.area))));
    }
    let o = desk.o;
    let office = desk.app.parts.office.clone();
    let this = Month::of(office.today());
    let closed: BTreeMap<Month, u32> = office.closed_months().await?.into_iter().collect();
    let mut table = Listing::new("months", o.tab_months, &[o.month, o.state]);
    let mut at = this;
    for _ in 0..13 {
        let state = match closed.get(&at) {
            Some(0) => Cell::chip("ok", o.month_closed),
            Some(n) => Cell::chip("urgent", fill(o.month_restated, &[("n", &n.to_string())])),
            None if at == this => Cell::chip("attention", o.month_running),
            None => Cell::chip("", o.month_open),
        };
        table.rows.push(vec![Cell::link(at.to_string(), format!("/office/months/{at}")), state]);
        at = at.previous();
    }
    let mut page = Page::new("months", o.tab_months);
    page.tables.push(table);
    Ok(desk.show(page))
}

fn figures(line: &Line) -> Vec<Cell> {
    vec![
        Cell::count(line.elders),
        Cell::text(format!("{}/{}", line.home_met, line.home_owed)),
        Cell::figure(percent(line.home_met, line.home_owed)),
        Cell::text(format!("{}/{}", line.reach_met, line.reach_owed)),
        Cell::figure(percent(line.reach_met, line.reach_owed)),
        Cell::count(line.remote_only),
        Cell::figure(percent(line.cover.covered, line.cover.with_devices)),
        Cell::count(line.exempt),
    ]
}

/// The areas one step below a path: figures of everything beneath them.
fn steps_below(report: &MonthReport, path: &str) -> BTreeMap<String, Line> {
    let depth = if path.is_empty() { 1 } else { path.split('/').count() + 1 };
    let mut below: BTreeMap<String, Line> = BTreeMap::new();
    for (area, line) in &report.areas {
        let step = area.split('/').take(depth).collect::<Vec<_>>().join("/");
        below.entry(step).or_default().add(line);
    }
    below
}

pub(crate) async fn one(desk: Desk, Id(text): Id, Asked(asked): Asked<MonthAsked>) -> Result<Response, Problem> {
    let o = desk.o;
    let at = month(&text)?;
    let area = area_of(&desk.caller, Some(&asked.area))?;
    let office = desk.app.parts.office.clone();
    let found = office.report(at, &area).await?;
    let report = &found.report;
    let heading = [o.area, o.elders, o.col_home, "%", o.col_reach, "%", o.col_remote_only, o.col_cover, o.col_exempt];
    let mut table = Listing::new("report", fill(o.report_of, &[("month", &at.to_string())]), &heading);
    for (step, line) in steps_below(report, &area) {
        let name = desk.place_name(&step);
        let cell = if step == area { Cell::text(name) } else { Cell::link(name, format!("/office/months/{at}?area={}", encode(&step))) };
        table.rows.push(std::iter::once(cell).chain(figures(&line)).collect());
    }
    table.rows.push(std::iter::once(Cell::text(o.total)).chain(figures(&report.total)).collect());
    let mut page = Page::new("months", format!("{} {}", fill(o.report_of, &[("month", &at.to_string())]), desk.place(&area)));
    page.lead.push(fill(o.as_of, &[("day", &report.as_of.to_string())]));
    match &found.closed {
        Some((seal, by, when)) => page.lead.push(fill(o.closed_by, &[("by", by.as_str()), ("at", &desk.when(*when)), ("seal", seal.get(..12).unwrap_or(seal))])),
        None => page.lead.push(o.not_closed.to_owned()),
    }
    if let Some((above, _)) = area.rsplit_once('/').or((!area.is_empty()).then_some(("", "")))
        && desk.caller.sees_area(above)
    {
        page = page.link(format!("/office/months/{at}?area={}", encode(above)), o.one_up);
    }
    page = page.link(format!("/office/months/{at}/league"), o.league).link(format!("/office/months/{at}/forecast?area={}", encode(&area)), o.forecast);
    page.search.push(Form::search(
        "/office/months",
        o.show_month,
        vec![Field::of("month", "month", o.month, at.to_string()), Field::of("hidden", "area", "", &area)],
    ));
    if desk.may(Need::City) {
        page = page.link("/office/facts", o.facts_file);
    }
    page.tables.push(table);
    let whole = !asked.format.is_empty();
    for (id, title, list) in [
        ("home_missed", o.home_missed, &report.home_missed),
        ("not_reached", o.not_reached, &report.not_reached),
        ("remote_only", o.remote_only, &report.remote_only),
        ("still_owed", o.still_owed, &report.still_owed),
    ] {
        page.tables.push(names(&desk, id, title, list, whole));
    }
    let mut exempt = Listing::new("exempt", format!("{} ({})", o.exempt, report.exempt.len()), &[o.name, o.area, o.why]);
    let shown = if whole { report.exempt.len() } else { NAMES_MAX };
    exempt.rows = report.exempt.iter().take(shown).map(|one| vec![desk.elder(&one.elder), place(&desk, &one.elder), Cell::text(care::policy::reason_name(&one.why, desk.look.language))]).collect();
    page.tables.push(exempt);
    page.notes.extend(report.unconfirmed.iter().map(|note| format!("* {note}")));
    page.notes.extend(report.policies.iter().map(|(version, hash)| format!("{} {version} · {}", o.policy_version, hash.get(..16).unwrap_or(hash))));
    if found.closed.is_none() && at < Month::of(office.today()) && desk.may(Need::City) {
        page.forms.push(Form { class: "danger", ..Form::act(o.close_month, format!("/office/months/{at}/close"), o.close_month_go, vec![Field::of("hidden", "sure", "", "yes")]) });
    }
    if found.closed.is_some() && desk.may(Need::City) {
        let reason = vec![Field::of("text", "reason", o.reason, "").required()];
        page.forms.push(Form { class: "danger", ..Form::act(o.restate, format!("/office/months/{at}/restate"), o.restate, reason) });
    }
    Ok(desk.show(page))
}

fn place(desk: &Desk, id: &ElderId) -> Cell {
    Cell::text(desk.app.parts.office.brief_now(id).map(|brief| desk.place(&brief.area)).unwrap_or_default())
}

fn names(desk: &Desk, id: &'static str, title: &str, list: &[ElderId], whole: bool) -> Listing {
    let mut table = Listing::new(id, format!("{title} ({})", list.len()), &[desk.o.name, desk.o.area, desk.o.tier]);
    let policy = desk.app.parts.office.policy().ok();
    let shown = if whole { list.len() } else { NAMES_MAX };
    table.rows = list
        .iter()
        .take(shown)
        .map(|elder| {
            let brief = desk.app.parts.office.brief_now(elder);
            let tier = brief.and_then(|brief| brief.tier).map(|code| super::due::tier_name(policy.as_deref(), &code)).unwrap_or_default();
            vec![desk.elder(elder), place(desk, elder), Cell::text(tier)]
        })
        .collect();
    table
}

/// Works a closed month out again, beside the closed one.
pub(crate) async fn restate(desk: Desk, Id(text): Id, fields: Fields) -> Result<Response, Problem> {
    let at = month(&text)?;
    desk.app.parts.office.restate_month(at, &desk.caller.person, fields.text("reason")).await?;
    Ok(back(&format!("/office/months/{at}")))
}

pub(crate) async fn close(desk: Desk, Id(text): Id) -> Result<Response, Problem> {
    let at = month(&text)?;
    desk.app.parts.office.close_month(at, &desk.caller.person).await?;
    Ok(back(&format!("/office/months/{at}")))
}

/// The facts behind the reports, for an independent recomputation: identifiers, no names.
pub(crate) async fn facts(desk: Desk) -> Result<Response, Problem> {
    let facts = crate::api::office::exports::facts_of(&desk.app, &desk.caller).await?;
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CONTENT_DISPOSITION, "attachment; filename=\"facts.json\"")];
    Ok((StatusCode::OK, headers, facts.to_string()).into_response())
}

pub(crate) async fn league(desk: Desk, Id(text): Id) -> Result<Response, Problem> {
    let o = desk.o;
    let at = month(&text)?;
    let ranked = desk.app.parts.office.league(at).await?;
    let heading = [o.place, o.area, o.elders, o.col_home, "%", o.col_reach, "%", o.col_remote_only, o.col_cover, o.col_exempt];
    let mut table = Listing::new("league", fill(o.league_of, &[("month", &at.to_string())]), &heading);
    table.rows = ranked
        .iter()
        .map(|row| {
            let name = desk.place_name(&row.area);
            [Cell::count(row.place), Cell::text(name)].into_iter().chain(figures(&row.line)).collect()
        })
        .collect();
    let mut page = Page::new("months", fill(o.league_of, &[("month", &at.to_string())])).link(format!("/office/months/{at}"), o.back_to_report);
    page.tables.push(table);
    page.notes.extend(LEAGUE_BY.iter().map(|(zh, en)| desk.pick(zh, en).to_owned()));
    Ok(desk.show(page))
}

pub(crate) async fn forecast(desk: Desk, Id(text): Id, Asked(asked): Asked<MonthAsked>) -> Result<Response, Problem> {
    let o = desk.o;
    let at = month(&text)?;
    let area = area_of(&desk.caller, Some(&asked.area))?;
    let found = desk.app.parts.office.forecast(at, &area).await?;
    let mut page = Page::new("months", fill(o.forecast_of, &[("month", &at.to_string())])).link(format!("/office/months/{at}"), o.back_to_report);
    page.lead.push(fill(o.will_miss_n, &[("n", &found.will_miss.len().to_string())]));
    let whole = !asked.format.is_empty();
    for (id, title, list) in [("will_miss", o.will_miss, &found.will_miss), ("not_yet_reached", o.not_yet_reached, &found.not_reached), ("lost", o.lost, &found.lost)] {
        page.tables.push(names(&desk, id, title, list, whole));
    }
    Ok(desk.show(page))
}
