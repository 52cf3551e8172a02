//! The office over the API: registers, visits, matters, months. Every answer is held to the caller's area; a visitor
//! sees the elders that the visitor is paired with; a department sees its own referrals.

mod document;
pub(crate) mod elders;
pub(crate) mod exports;
pub(crate) mod imports;
pub(crate) mod matters;
mod months;
mod rules;
mod shapes;
pub(crate) mod visits;

pub(crate) use document::add_to as add_to_document;
pub(crate) use matters::department;

use crate::app::App;
use crate::caller::{Caller, Need};
use crate::extract::limit;
use crate::office::{Brief, Kept, Page};
use crate::problem::Problem;
use crate::routes::Table;
use care::office::Record;
use care::{ElderId, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use store::register::{Role, within};
use store::sheet::SheetAsk;
use wire::workbook::FILE_BYTES_MAX;

/// What a list is asked for.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ListAsked {
    /// An area path; empty: the caller's.
    #[serde(default)]
    pub(super) area: Option<String>,
    /// A state.
    #[serde(default)]
    pub(super) state: Option<String>,
    /// An elder.
    #[serde(default)]
    pub(super) elder: Option<String>,
    /// From this instant.
    #[serde(default)]
    pub(super) from: Option<Timestamp>,
    /// Before this instant.
    #[serde(default)]
    pub(super) to: Option<Timestamp>,
    /// Words or a name, where the list can be searched.
    #[serde(default)]
    pub(super) text: Option<String>,
    /// A department, where the list is of one.
    #[serde(default)]
    pub(super) department: Option<care::office::matter::Department>,
    /// Which worklist.
    #[serde(default)]
    pub(super) list: Option<String>,
    /// A month, where the list is of one.
    #[serde(default)]
    pub(super) month: Option<care::calendar::Month>,
    /// Most items.
    #[serde(default)]
    pub(super) limit: Option<usize>,
    /// Where to go on: `next` of the page before.
    #[serde(default)]
    pub(super) cursor: Option<String>,
}

/// The area that is asked for: the caller's own, or one within it.
pub(crate) fn area_of(caller: &Caller, asked: Option<&str>) -> Result<String, Problem> {
    match asked {
        None | Some("") => Ok(caller.area.clone()),
        Some(area) if caller.sees_area(area) => Ok(area.to_owned()),
        Some(_) => Err(Problem::NotFound),
    }
}

/// The elders that the caller is held to beside the area: those a visitor is paired with.
pub(crate) async fn only(app: &App, caller: &Caller) -> Result<Option<BTreeSet<ElderId>>, Problem> {
    Ok(if caller.role == Role::Visitor { Some(app.parts.office.paired_with(&caller.person).await?) } else { None })
}

/// An elder that the caller may see.
pub(crate) async fn elder_of(app: &App, caller: &Caller, id: &str) -> Result<Brief, Problem> {
    let brief = app.parts.office.brief(&ElderId::new(id)).await?.ok_or(Problem::NotFound)?;
    let paired = only(app, caller).await?.is_none_or(|only| only.contains(&brief.id));
    if caller.sees_area(&brief.area) && paired { Ok(brief) } else { Err(Problem::NotFound) }
}

/// A record with its version.
pub(super) fn shown<R: Record>(kept: &Kept<R>) -> Value {
    json!({ "version": kept.version, "written_at": kept.written_at, "written_by": kept.written_by, "state": kept.record.state(), "record": kept.record })
}

/// A record of the caller's area.
pub(crate) async fn one<R: Record>(app: &App, caller: &Caller, id: &str) -> Result<Kept<R>, Problem> {
    let kept: Kept<R> = app.parts.office.get(id).await?;
    let paired = match (kept.record.elder(), only(app, caller).await?) {
        (Some(elder), Some(only)) => only.contains(elder),
        (_, None) => true,
        (None, Some(_)) => false,
    };
    if caller.sees_area(kept.record.area()) && paired { Ok(kept) } else { Err(Problem::NotFound) }
}

/// A page of a kind, held to the caller.
pub(super) async fn page<R: Record>(app: &App, caller: &Caller, asked: &ListAsked) -> Result<Value, Problem> {
    page_with::<R>(app, caller, asked, |_| {}).await
}

/// The same with something done to each record before it is shown.
pub(super) async fn page_with<R: Record>(app: &App, caller: &Caller, asked: &ListAsked, mut mask: impl FnMut(&mut R)) -> Result<Value, Problem> {
    let area = area_of(caller, asked.area.as_deref())?;
    let after = cursor_of(asked.cursor.as_deref())?;
    let ask = SheetAsk {
        kind: R::KIND.to_owned(),
        home: None,
        elder: asked.elder.as_deref().map(ElderId::new),
        area: Some(area).filter(|area| !area.is_empty()),
        state: asked.state.clone(),
        from: asked.from,
        to: asked.to,
        after,
        max: limit(asked.limit)?,
        ..SheetAsk::default()
    };
    let Page { mut records, next } = app.parts.office.page::<R>(ask).await?;
    records.iter_mut().for_each(|kept| mask(&mut kept.record));
    let only = only(app, caller).await?;
    let mine = |kept: &&Kept<R>| only.as_ref().is_none_or(|only| kept.record.elder().is_some_and(|elder| only.contains(elder)));
    let items: Vec<Value> = records.iter().filter(mine).map(shown).collect();
    Ok(json!({ "items": items, "next": next.map(|next| cursor_text(&next)) }))
}

/// Where a page of records begins: after that one.
pub(crate) fn cursor_of(text: Option<&str>) -> Result<Option<(Timestamp, String)>, Problem> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let read = text.split_once('~').and_then(|(at, id)| Some((at.parse::<Timestamp>().ok()?, id.to_owned())));
    read.map(Some).ok_or(Problem::Invalid { field: "cursor", what: |w| w.invalid_cursor })
}

/// The same as it stands in addresses.
pub(crate) fn cursor_text((at, id): &(Timestamp, String)) -> String {
    format!("{}~{id}", at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
}

/// True if the area lies within the caller's.
pub(crate) fn inside(caller: &Caller, area: &str) -> Result<(), Problem> {
    if within(area, &caller.area) { Ok(()) } else { Err(Problem::NotFound) }
}

/// The routes of the office.
pub(crate) fn routes(table: Table) -> Table {
    use Need::{City, Office, Refer, Supervise, Visit};
    table
        .get("/api/v1/elders", Visit, elders::list)
        .post("/api/v1/elders", Office, elders::save)
        .get("/api/v1/elders/{id}", Visit, elders::one_elder)
        .post("/api/v1/elders/{id}/review", Office, elders::review)
        .post("/api/v1/elders/{id}/reveal", Visit, elders::reveal)
        .get("/api/v1/elders/{id}/versions", Office, elders::versions)
        .get("/api/v1/elders/{id}/duties", Visit, elders::duties)
        .post("/api/v1/elders/{id}/consents/{purpose}", Visit, elders::consent)
        .get("/api/v1/elders/{id}/copy", Supervise, elders::copy)
        .post("/api/v1/elders/{id}/erase", City, elders::erase)
        .post("/api/v1/elders/{id}/hold", City, elders::hold)
        .post("/api/v1/elders/{id}/lift-hold", City, elders::lift_hold)
        .get("/api/v1/consents", Office, elders::consents)
        .get("/api/v1/reviews", Office, elders::reviews)
        .get("/api/v1/surveys", Office, elders::surveys)
        .post("/api/v1/surveys", Office, elders::survey)
        .post("/api/v1/surveys/lay-out", Office, rules::lay_out)
        .post("/api/v1/surveys/sync", Office, rules::sync_surveys)
        .get("/api/v1/paper-copies", Office, rules::copies)
        .post("/api/v1/paper-copies", Office, rules::shelve)
        .post("/api/v1/paper-copies/destroy", Supervise, rules::destroy)
        .get("/api/v1/policy", Visit, rules::policy)
        .get("/api/v1/retention", Office, rules::retention)
        .get("/api/v1/policies", City, rules::policies)
        .post("/api/v1/policies", City, rules::propose)
        .get("/api/v1/policies/{id}/trial", City, rules::try_policy)
        .post("/api/v1/policies/{id}/activate", City, rules::activate)
        .post("/api/v1/policies/{id}/refuse", City, rules::refuse)
        .get("/api/v1/family-contacts", Office, elders::family_contacts)
        .post("/api/v1/family-contacts", Visit, elders::family_contact)
        .get("/api/v1/visitors", Office, elders::visitors)
        .post("/api/v1/visitors", Supervise, elders::visitor)
        .post("/api/v1/visitors/{id}/suspend", Supervise, elders::suspend)
        .post("/api/v1/visitors/{id}/resume", Supervise, elders::resume)
        .get("/api/v1/pairings", Office, elders::pairings)
        .post("/api/v1/pairings", Office, elders::pairing)
        .post_file("/api/v1/imports/preview", Office, FILE_BYTES_MAX, imports::preview)
        .post_file("/api/v1/imports", Office, FILE_BYTES_MAX + 1_000_000, imports::apply)
        .get("/api/v1/imports/{id}", Office, imports::progress)
        .get("/api/v1/exports/{target}", Office, exports::state)
        .post("/api/v1/exports/{target}", Supervise, exports::export)
        .post("/api/v1/exports/{target}/receipt", Supervise, exports::receipt)
        .get("/api/v1/facts", City, exports::facts)
        .get("/api/v1/due", Visit, visits::due)
        .get("/api/v1/visits", Visit, visits::list)
        .post("/api/v1/visits", Visit, visits::take)
        .post("/api/v1/visits/sync", Visit, visits::sync)
        .get("/api/v1/visits/flags", Supervise, visits::flags)
        .get("/api/v1/visits/{id}", Visit, visits::one_visit)
        .post("/api/v1/visits/{id}/correct", Visit, visits::correct)
        .post("/api/v1/visits/{id}/look", Office, visits::look)
        .get("/api/v1/hazards", Visit, matters::hazards)
        .post("/api/v1/hazards", Visit, matters::open_hazard)
        .post("/api/v1/hazards/{id}", Visit, matters::step_hazard)
        .get("/api/v1/needs", Visit, matters::needs)
        .post("/api/v1/needs", Visit, matters::open_need)
        .post("/api/v1/needs/{id}", Visit, matters::step_need)
        .get("/api/v1/referrals", Refer, matters::referrals)
        .post("/api/v1/referrals", Office, matters::refer)
        .post("/api/v1/referrals/{id}", Refer, matters::step_referral)
        .get("/api/v1/follow-ups", Office, matters::follow_ups)
        .post("/api/v1/follow-ups/{id}", Office, matters::finish_follow_up)
        .get("/api/v1/incidents", Visit, matters::incidents)
        .post("/api/v1/incidents", Visit, matters::open_incident)
        .post("/api/v1/incidents/{id}", Visit, matters::step_incident)
        .get("/api/v1/samples", Supervise, matters::samples)
        .post("/api/v1/samples", Supervise, matters::draw)
        .post("/api/v1/samples/{id}/called-back", Supervise, matters::called_back)
        .get("/api/v1/findings", Office, matters::findings)
        .post("/api/v1/findings", Supervise, matters::finding)
        .post("/api/v1/findings/{id}/fix", Office, matters::fix)
        .post("/api/v1/findings/{id}/check", Supervise, matters::check)
        .get("/api/v1/extra-events", Visit, matters::events)
        .post("/api/v1/extra-events", Supervise, matters::declare)
        .post("/api/v1/extra-events/{id}/withdraw", Supervise, matters::withdraw)
        .post("/api/v1/warnings", Supervise, matters::warn)
        .get("/api/v1/departments", City, matters::desks)
        .post("/api/v1/departments", City, matters::desk)
        .get("/api/v1/months", Office, months::list)
        .get("/api/v1/months/{month}/report", Office, months::report)
        .get("/api/v1/months/{month}/forecast", Office, months::forecast)
        .get("/api/v1/months/{month}/figures", Refer, months::figures)
        .get("/api/v1/months/{month}/league", Office, months::league)
        .post("/api/v1/months/{month}/close", City, months::close)
        .post("/api/v1/months/{month}/restate", City, months::restate)
}
