//! What is learned of a home, what people tell about it, and its rules: chosen, and tried on the past.

use super::homes::find;
use super::openapi::{Refusals, VerbRefusals};
use crate::app::App;
use crate::caller::Caller;
use crate::extract::{Body, Id, Nothing};
use crate::problem::Problem;
use crate::shape::ReasonShape;
use axum::Json;
use axum::extract::State;
use care::HomeId;
use care::home::{Pets, RoutineView, Rules, Switch, Told};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use store::register::Put;
use utoipa::ToSchema;

/// The longest holiday that can be told, days.
const HOLIDAY_DAYS_MAX: i64 = 400;
/// The longest silence that can be called normal.
const NORMAL_MAX: TimeDelta = TimeDelta::days(7);
/// How far back a rule can be tried, days.
const TRIAL_DAYS_MAX: u32 = 90;

/// Rules beside silence: true is on.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RulesShape {
    /// Bed left at night, and for half an hour neither back nor seen elsewhere.
    bed_left: bool,
    /// The exit door moved at night, and for 20 minutes nobody is seen inside.
    door_night: bool,
    /// Water for an hour, a named appliance for six, without a break.
    running_long: bool,
    /// A room below 12 °C or above 35 °C.
    temperature: bool,
    /// The day has not begun an hour and a half after it usually does.
    no_morning: bool,
    /// A night unlike the others. For the next visit.
    restless_night: bool,
    /// Too little or too much water, by the city's preset.
    water_use: bool,
    /// The exit door not opened for a day with somebody at home.
    door_unused: bool,
    /// Slow change. For the next visit.
    decline: bool,
}

impl RulesShape {
    fn new(rules: Rules) -> Self {
        let on = |switch: Switch| switch == Switch::On;
        Self {
            bed_left: on(rules.bed_left),
            door_night: on(rules.door_night),
            running_long: on(rules.running_long),
            temperature: on(rules.temperature),
            no_morning: on(rules.no_morning),
            restless_night: on(rules.restless_night),
            water_use: on(rules.water_use),
            door_unused: on(rules.door_unused),
            decline: on(rules.decline),
        }
    }

    fn rules(self) -> Rules {
        let switch = |on: bool| if on { Switch::On } else { Switch::Off };
        Rules {
            bed_left: switch(self.bed_left),
            door_night: switch(self.door_night),
            running_long: switch(self.running_long),
            temperature: switch(self.temperature),
            no_morning: switch(self.no_morning),
            restless_night: switch(self.restless_night),
            water_use: switch(self.water_use),
            door_unused: switch(self.door_unused),
            decline: switch(self.decline),
        }
    }
}

/// One hour of the learned routine.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HourShape {
    /// 0 to 23, local.
    hour: u8,
    /// A silence that begins in this hour is a check call after so many seconds.
    attention_s: i64,
    /// And goes up the plan of action after so many.
    urgent_s: i64,
    /// The longest one seen in the last 30 to 60 days, seconds.
    longest_s: Option<i64>,
    /// How soon life returns against other homes: 1 is usual, more is livelier.
    activity: f32,
}

/// What was learned of a home.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RoutineShape {
    /// Days learned from.
    learned_days: f64,
    /// By hour of the day.
    hours: Vec<HourShape>,
    /// Minute of the day at which it usually begins; null: not known yet.
    usual_start_min: Option<f32>,
    /// Minute of the day at which a day that has not begun is late.
    late_start_min: Option<f32>,
    /// When today began.
    midnight: DateTime<Utc>,
    rules: RulesShape,
    /// An animal that motion sensors see lives there.
    pets: bool,
}

impl RoutineShape {
    pub(crate) fn new(view: &RoutineView) -> Self {
        let hours = (0u8..).zip(&view.hours).map(|(hour, h)| HourShape {
            hour,
            attention_s: h.attention.num_seconds(),
            urgent_s: h.urgent.num_seconds(),
            longest_s: h.longest.map(|l| l.num_seconds()),
            activity: h.activity,
        });
        Self {
            learned_days: view.learned_days,
            hours: hours.collect(),
            usual_start_min: view.usual_start.map(|s| s.minute),
            late_start_min: view.usual_start.map(|s| s.late),
            midnight: view.midnight,
            rules: RulesShape::new(view.rules),
            pets: view.pets == Pets::SeenByMotion,
        }
    }
}

/// The elder is away.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct AwayBody {
    /// When the elder is expected back.
    until: DateTime<Utc>,
}

/// A silence that was normal.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NormalBody {
    /// Where it began.
    from: DateTime<Utc>,
    /// Where it ended.
    to: DateTime<Utc>,
}

/// Whether an animal lives there.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct PetsBody {
    /// One that motion sensors see: then motion alone is no sign of the elder's life.
    pets: bool,
}

/// Rules to try.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct TrialBody {
    rules: RulesShape,
    /// How many days back, 1 to 90.
    days: u32,
}

/// What a rule would have said.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TrialRow {
    pub(crate) at: DateTime<Utc>,
    /// `anomaly/bed_left`, ...
    pub(crate) cause: String,
    pub(crate) reason: ReasonShape,
}

/// What the rules would have said.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TrialShape {
    pub(crate) days: u32,
    /// In the order of time, at most 500.
    pub(crate) items: Vec<TrialRow>,
}

/// Tells the home something, with a line of the audit.
pub(crate) async fn tell(app: &App, caller: &Caller, id: String, told: Told, action: &str) -> Result<(), Problem> {
    let home = HomeId::new(id);
    find(app, caller, home.clone()).await?;
    app.parts.homes.tell(&home, told).await.map_err(|error| {
        tracing::warn!(%error, "what was told about a home could not be kept");
        Problem::Unavailable
    })?;
    let who = caller.person.as_str().to_owned();
    app.parts.register.put(vec![Put::Audit { at: app.now(), who, action: action.to_owned(), subject: home.as_str().to_owned() }]).await?;
    Ok(())
}

/// What was learned of a home, and its rules.
#[utoipa::path(get, path = "/api/v1/homes/{id}/routine", tag = "homes", params(("id" = String, Path)), responses((status = 200, body = RoutineShape), Refusals))]
pub(crate) async fn routine(State(app): State<App>, caller: Caller, Id(id): Id) -> Result<Json<RoutineShape>, Problem> {
    let found = find(&app, &caller, HomeId::new(id)).await?;
    let view = app.parts.homes.routine(&found.id).await.ok_or(Problem::NotFound)?;
    Ok(Json(RoutineShape::new(&view)))
}

/// The elder is away until then: silence is not judged.
#[utoipa::path(post, path = "/api/v1/homes/{id}/away", tag = "homes", params(("id" = String, Path)), request_body = AwayBody,
    responses((status = 204), Refusals, VerbRefusals))]
pub(crate) async fn away(State(app): State<App>, caller: Caller, Id(id): Id, Body(body): Body<AwayBody>) -> Result<axum::http::StatusCode, Problem> {
    let now = app.now();
    if body.until <= now || body.until > now + TimeDelta::days(HOLIDAY_DAYS_MAX) {
        return Err(Problem::Invalid { field: "until", what: |w| w.invalid_until });
    }
    tell(&app, &caller, id, Told::Holiday { until: body.until }, "home.away").await?;
    Ok(axum::http::StatusCode::NO_CONTENT)
}

/// The elder is back.
#[utoipa::path(post, path = "/api/v1/homes/{id}/back", tag = "homes", params(("id" = String, Path)), request_body = Nothing,
    responses((status = 204), Refusals, VerbRefusals))]
pub(crate) async fn back(State(app): State<App>, caller: Caller, Id(id): Id, Body(Nothing {}): Body<Nothing>) -> Result<axum::http::StatusCode, Problem> {
    tell(&app, &caller, id, Told::BackHome, "home.back").await?;
    Ok(axum::http::StatusCode::NO_CONTENT)
}

/// That silence was normal: it is learned from, with weight.
#[utoipa::path(post, path = "/api/v1/homes/{id}/normal", tag = "homes", params(("id" = String, Path)), request_body = NormalBody,
    responses((status = 204), Refusals, VerbRefusals))]
pub(crate) async fn normal(State(app): State<App>, caller: Caller, Id(id): Id, Body(body): Body<NormalBody>) -> Result<axum::http::StatusCode, Problem> {
    if body.to <= body.from || body.to - body.from > NORMAL_MAX || body.to > app.now() {
        return Err(Problem::Invalid { field: "to", what: |w| w.invalid_until });
    }
    tell(&app, &caller, id, Told::Normal { from: body.from, to: body.to }, "home.normal").await?;
    Ok(axum::http::StatusCode::NO_CONTENT)
}

/// The rules that hold in this home from now on; those left out are off.
#[utoipa::path(post, path = "/api/v1/homes/{id}/rules", tag = "homes", params(("id" = String, Path)), request_body = RulesShape,
    responses((status = 204), Refusals, VerbRefusals))]
pub(crate) async fn rules(State(app): State<App>, caller: Caller, Id(id): Id, Body(body): Body<RulesShape>) -> Result<axum::http::StatusCode, Problem> {
    tell(&app, &caller, id, Told::Rules(body.rules()), "home.rules").await?;
    Ok(axum::http::StatusCode::NO_CONTENT)
}

/// Whether an animal lives there.
#[utoipa::path(post, path = "/api/v1/homes/{id}/pets", tag = "homes", params(("id" = String, Path)), request_body = PetsBody,
    responses((status = 204), Refusals, VerbRefusals))]
pub(crate) async fn pets(State(app): State<App>, caller: Caller, Id(id): Id, Body(body): Body<PetsBody>) -> Result<axum::http::StatusCode, Problem> {
    let pets = if body.pets { Pets::SeenByMotion } else { Pets::None };
    tell(&app, &caller, id, Told::Pets(pets), "home.pets").await?;
    Ok(axum::http::StatusCode::NO_CONTENT)
}

/// What these rules would have said about this home's past, before they are switched on.
#[utoipa::path(post, path = "/api/v1/homes/{id}/rules/trial", tag = "homes", params(("id" = String, Path)), request_body = TrialBody,
    responses((status = 200, body = TrialShape), Refusals, VerbRefusals))]
pub(crate) async fn trial(State(app): State<App>, caller: Caller, Id(id): Id, Body(body): Body<TrialBody>) -> Result<Json<TrialShape>, Problem> {
    let found = find(&app, &caller, HomeId::new(id)).await?;
    Ok(Json(tried(&app, &found.id, body.rules.rules(), body.days).await?))
}

/// The most lines of a trial.
const TRIAL_ROWS_MAX: usize = 500;

pub(crate) async fn tried(app: &App, home: &HomeId, rules: Rules, days: u32) -> Result<TrialShape, Problem> {
    if !(1..=TRIAL_DAYS_MAX).contains(&days) {
        return Err(Problem::Invalid { field: "days", what: |w| w.invalid_days });
    }
    let would = app.parts.homes.trial(home, rules, days).await.map_err(|error| {
        tracing::warn!(%error, "a home's history could not be read");
        Problem::Unavailable
    })?;
    let items = would.into_iter().take(TRIAL_ROWS_MAX);
    let items = items.map(|t| TrialRow { at: t.at, cause: t.cause.name(), reason: ReasonShape::new(&t.reason, app.settings.zone) });
    Ok(TrialShape { days, items: items.collect() })
}
