//! Months over the API: the report with its four columns, closing, the league table, the forecast.

use super::{ListAsked, area_of};
use crate::app::App;
use crate::caller::Caller;
use crate::extract::{Asked, Body, Id};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use care::ElderId;
use care::calendar::Month;
use care::office::month::LEAGUE_BY;
use care::visit::report::{Line, percent};
use serde_json::{Value, json};

fn month(text: &str) -> Result<Month, Problem> {
    text.parse().map_err(|_| Problem::Invalid { field: "month", what: |w| w.invalid_field })
}

/// A line with its shares as they are printed: cut, never rounded up.
fn line(line: &Line) -> Value {
    let mut value = serde_json::to_value(line).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.insert("home_rate".into(), percent(line.home_met, line.home_owed).into());
        fields.insert("reach_rate".into(), percent(line.reach_met, line.reach_owed).into());
        fields.insert("cover_rate".into(), percent(line.cover.covered, line.cover.with_devices).into());
    }
    value
}

/// Elders by name, as far as they are still in the register.
fn named(app: &App, ids: &[ElderId]) -> Vec<Value> {
    let mut out = Vec::with_capacity(ids.len());
    for id in ids {
        let brief = app.parts.office.brief_now(id);
        out.push(json!({ "id": id, "name": brief.as_ref().map(|brief| brief.name.as_str()), "area": brief.as_ref().map(|brief| brief.area.as_str()) }));
    }
    out
}

pub(crate) async fn list(State(app): State<App>, _: Caller) -> Result<Json<Value>, Problem> {
    let items: Vec<Value> =
        app.parts.office.closed_months().await?.into_iter().map(|(month, restated)| json!({ "month": month, "restated": restated })).collect();
    Ok(Json(json!({ "closed": items })))
}

pub(crate) async fn report(State(app): State<App>, caller: Caller, Id(text): Id, Asked(asked): Asked<ListAsked>) -> Result<Json<Value>, Problem> {
    let area = area_of(&caller, asked.area.as_deref())?;
    let found = app.parts.office.report(month(&text)?, &area).await?;
    let report = &found.report;
    let areas: serde_json::Map<String, Value> = report.areas.iter().map(|(area, of)| (area.clone(), line(of))).collect();
    Ok(Json(json!({
        "month": report.month, "as_of": report.as_of, "area": area,
        "closed": found.closed.as_ref().map(|(seal, by, at)| json!({ "seal": seal, "by": by, "at": at })),
        "policies": report.policies, "total": line(&report.total), "areas": areas,
        "home_missed": named(&app, &report.home_missed), "not_reached": named(&app, &report.not_reached),
        "remote_only": named(&app, &report.remote_only), "still_owed": named(&app, &report.still_owed),
        "exempt": report.exempt, "unconfirmed": report.unconfirmed,
    })))
}

pub(crate) async fn forecast(State(app): State<App>, caller: Caller, Id(text): Id, Asked(asked): Asked<ListAsked>) -> Result<Json<Value>, Problem> {
    let area = area_of(&caller, asked.area.as_deref())?;
    let found = app.parts.office.forecast(month(&text)?, &area).await?;
    Ok(Json(json!({
        "will_miss": named(&app, &found.will_miss), "not_reached": named(&app, &found.not_reached), "lost": named(&app, &found.lost),
    })))
}

pub(crate) async fn figures(State(app): State<App>, caller: Caller, Id(text): Id, Asked(asked): Asked<ListAsked>) -> Result<Json<Value>, Problem> {
    let area = area_of(&caller, asked.area.as_deref())?;
    let month = month(&text)?;
    let own = super::matters::department(&app, &caller).await?.or(asked.department);
    let all = app.parts.office.figures(month, &area).await?;
    let figures = match own {
        Some(department) => all.of(department),
        None => all,
    };
    Ok(Json(json!({ "month": month, "area": area, "department": own, "figures": figures })))
}

pub(crate) async fn league(State(app): State<App>, _: Caller, Id(text): Id) -> Result<Json<Value>, Problem> {
    let items: Vec<Value> = app
        .parts
        .office
        .league(month(&text)?)
        .await?
        .into_iter()
        .map(|row| json!({ "place": row.place, "area": row.area, "figures": line(&row.line) }))
        .collect();
    let by: Vec<Value> = LEAGUE_BY.iter().map(|(zh, en)| json!({ "zh": zh, "en": en })).collect();
    Ok(Json(json!({ "items": items, "by": by })))
}

pub(crate) async fn close(State(app): State<App>, caller: Caller, Id(text): Id) -> Result<Json<Value>, Problem> {
    let closed = app.parts.office.close_month(month(&text)?, &caller.person).await?;
    Ok(Json(json!({ "month": closed.month, "seal": closed.seal, "towns": closed.towns, "total": line(&closed.report.total) })))
}

pub(crate) async fn restate(State(app): State<App>, caller: Caller, Id(text): Id, Body(body): Body<super::elders::ReasonBody>) -> Result<Json<Value>, Problem> {
    let closed = app.parts.office.restate_month(month(&text)?, &caller.person, &body.reason).await?;
    Ok(Json(json!({ "month": closed.month, "restated": closed.restated, "seal": closed.seal, "total": line(&closed.report.total) })))
}
