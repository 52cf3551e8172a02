//! What a family sees of its elders, and whose elders an account of a family is bound to.

use super::openapi::{Refusals, VerbRefusals};
use crate::app::App;
use crate::caller::Caller;
use crate::extract::{Body, Id};
use crate::people::family::{self, Seen};
use crate::problem::Problem;
use crate::shape::{CoverName, LevelName, OccupancyName};
use axum::Json;
use axum::extract::State;
use care::alarm::State as Stands;
use care::{Alarm, PersonId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a family sees of an elder.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FamilyElderShape {
    /// The elder's identifier.
    elder: String,
    name: String,
    /// The elder has agreed to share with the family.
    shared: bool,
    /// Everybody in the home has agreed: life and alarms are shown.
    home_shared: bool,
    /// Who is in; null: never heard, or not shared.
    occupancy: Option<OccupancyName>,
    cover: Option<CoverName>,
    last_life_sign_at: Option<DateTime<Utc>>,
    /// True if there was a sign of life on this local day; null: not known.
    active_today: Option<bool>,
    /// Signed visits of the last three months, newest first.
    visits: Vec<FamilyVisitShape>,
    /// Alarms, newest first.
    alarms: Vec<FamilyAlarmShape>,
}

/// A visit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FamilyVisitShape {
    at: DateTime<Utc>,
    /// `home`, `video`, `phone`, ...
    mode: String,
    /// How it ended.
    outcome: String,
}

/// An alarm.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FamilyAlarmShape {
    raised_at: DateTime<Utc>,
    /// `call`, `fall`, ...
    cause: String,
    level: LevelName,
    /// False: somebody is at work on it.
    closed: bool,
    /// What it was in the end; null: open.
    outcome: Option<String>,
}

/// The elders of an account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FamilyShape {
    items: Vec<FamilyElderShape>,
}

fn word(value: impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// How an alarm ended, if it has.
pub(crate) fn outcome_of(alarm: &Alarm) -> Option<&str> {
    match &alarm.state {
        Stands::Closed { outcome, .. } => Some(outcome),
        Stands::Raised | Stands::Claimed { .. } | Stands::Reported { .. } => None,
    }
}

fn shape(seen: Seen) -> FamilyElderShape {
    FamilyElderShape {
        elder: seen.elder.as_str().to_owned(),
        name: seen.name,
        shared: seen.shared,
        home_shared: seen.home_shared,
        occupancy: seen.life.as_ref().map(|life| OccupancyName::from(&life.occupancy)),
        cover: seen.life.as_ref().map(|life| CoverName::from(&life.cover)),
        last_life_sign_at: seen.life.as_ref().and_then(|life| life.last),
        active_today: seen.life.as_ref().map(|life| life.today),
        visits: seen.visits.iter().map(|visit| FamilyVisitShape { at: visit.start, mode: word(visit.mode), outcome: word(visit.outcome) }).collect(),
        alarms: seen
            .alarms
            .iter()
            .map(|alarm| FamilyAlarmShape {
                raised_at: alarm.raised_at,
                cause: alarm.cause.name(),
                level: LevelName::from(&alarm.level),
                closed: !alarm.is_open(),
                outcome: outcome_of(alarm).map(str::to_owned),
            })
            .collect(),
    }
}

/// What the caller's account sees of its elders: what they have agreed to share, and nothing else.
#[utoipa::path(get, path = "/api/v1/family", tag = "people", responses((status = 200, body = FamilyShape), Refusals))]
pub(crate) async fn view(State(app): State<App>, caller: Caller) -> Result<Json<FamilyShape>, Problem> {
    Ok(Json(FamilyShape { items: family::view(&app, &caller).await?.into_iter().map(shape).collect() }))
}

/// The elders that an account of a family is bound to.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct BoundShape {
    /// Identifiers of elders, at most 8; empty: none.
    elders: Vec<String>,
}

/// Binds an account of a family to elders.
#[utoipa::path(post, path = "/api/v1/people/{id}/elders", tag = "people", params(("id" = String, Path)), request_body = BoundShape,
    responses((status = 200, body = BoundShape), Refusals, VerbRefusals))]
pub(crate) async fn bind(State(app): State<App>, caller: Caller, Id(id): Id, Body(body): Body<BoundShape>) -> Result<Json<BoundShape>, Problem> {
    let bound = family::bind(&app, &caller, &PersonId::new(id), &body.elders).await?;
    Ok(Json(BoundShape { elders: bound.into_iter().map(|elder| elder.as_str().to_owned()).collect() }))
}
