//! The watch: shifts and hand-overs, drills, the figures of the alarms, the wall board.

use super::openapi::{Refusals, VerbRefusals};
use crate::app::App;
use crate::caller::{Caller, Need};
use crate::extract::{Asked, Body, Id, Nothing, words_or_none};
use crate::ports::{FeedKind, FeedState, Figure};
use crate::problem::Problem;
use crate::routes::Table;
use crate::shape::{AlarmShape, LevelName, StateName};
use crate::watch::shift::{self, HandOver};
use crate::watch::{drill, quality};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use care::alarm::{Answers, Quality, State as AlarmState};
use care::{Cause, Level, PersonId};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};

/// Most operators that figures are counted for.
const OPERATORS_MAX: u32 = 1_000;
/// Most alarms on the wall.
const WALL_ROWS: usize = 8;

/// Somebody on shift.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OnShiftShape {
    person: String,
    name: String,
    since: DateTime<Utc>,
}

/// Who is on shift, and the latest hand-overs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ShiftPage {
    on: Vec<OnShiftShape>,
    /// Newest first; those that wait for a signature before all others.
    hand_overs: Vec<HandOver>,
}

/// What the next one must know.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct EndBody {
    /// At most 4,000 characters.
    #[serde(default)]
    notes: String,
    /// Whom it is meant for; left out: whoever comes.
    #[serde(default)]
    to: Option<String>,
}

/// What the one who takes it says to it.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct TakeBody {
    /// At most 4,000 characters.
    #[serde(default)]
    answer: String,
}

/// The drill.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DrillShape {
    /// True while one is on.
    on: bool,
    /// Who began it.
    by: Option<String>,
    /// When it ends by itself.
    until: Option<DateTime<Utc>>,
}

/// How long.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct DrillBody {
    /// 1 to 30.
    minutes: u32,
}

/// What about.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct DrillAlarmBody {
    /// `call`, `fall`, `smoke`, ...; not a technical one.
    cause: String,
}

/// Of which days.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct QualityAsked {
    /// The first local day; left out: six days before the last.
    pub(crate) from: Option<NaiveDate>,
    /// The last local day; left out: today.
    pub(crate) to: Option<NaiveDate>,
    /// How many operators work at the same time, 1 to 1000; left out: those on shift now, at least one.
    #[param(minimum = 1, maximum = 1000)]
    pub(crate) operators: Option<u32>,
}

/// How quickly alarms were answered.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AnswersShape {
    /// Null: of all levels.
    level: Option<LevelName>,
    alarms: u32,
    answered: u32,
    within_60_s: u32,
    within_180_s: u32,
    median_s: Option<i64>,
    p90_s: Option<i64>,
}

impl AnswersShape {
    fn new(level: Option<Level>, it: &Answers) -> Self {
        let Answers { alarms, answered, within_60_s, within_180_s, median_s, p90_s } = *it;
        Self { level: level.map(|level| LevelName::from(&level)), alarms, answered, within_60_s, within_180_s, median_s, p90_s }
    }
}

/// A span in which more came than can be worked on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FloodShape {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    alarms: u32,
}

/// A home and cause that calls again and again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChatterShape {
    home: String,
    cause: String,
    alarms: u32,
    presses: u32,
}

/// A name and how often.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CountShape {
    name: String,
    count: u32,
}

/// How good the alarms of some days were.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QualityShape {
    from: NaiveDate,
    to: NaiveDate,
    operators: u32,
    /// All levels together first, then each.
    answers: Vec<AnswersShape>,
    peak_10_min: u32,
    peak_hour: u32,
    busy_windows: u32,
    crowded_windows: u32,
    floods: Vec<FloodShape>,
    stale: u32,
    closed: u32,
    false_ones: u32,
    outcomes: Vec<CountShape>,
    chattering: Vec<ChatterShape>,
    top_homes: Vec<CountShape>,
    /// True if there were more alarms than are counted at once: these are the newest.
    cut: bool,
}

/// An alarm on the wall: nobody's name, no address.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WallRow {
    pub(crate) cause: String,
    pub(crate) level: LevelName,
    pub(crate) state: StateName,
    /// The town.
    pub(crate) area: String,
    pub(crate) raised_at: DateTime<Utc>,
    pub(crate) test: bool,
    #[serde(skip)]
    pub(crate) of: Option<(Level, Cause)>,
}

/// The wall board.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WallShape {
    pub(crate) now: DateTime<Utc>,
    /// Red and not claimed.
    pub(crate) red_unclaimed: usize,
    /// Red and being handled.
    pub(crate) red_taken: usize,
    /// Urgent, open.
    pub(crate) urgent: usize,
    /// Everything else that is open.
    pub(crate) other: usize,
    /// Since when the longest unclaimed red or urgent one has waited.
    pub(crate) oldest: Option<DateTime<Utc>>,
    /// Today's red and urgent alarms.
    pub(crate) today: u32,
    pub(crate) answered: u32,
    pub(crate) within_60_s: u32,
    pub(crate) within_180_s: u32,
    /// How many are on shift.
    pub(crate) on_shift: usize,
    /// Homes that have been heard.
    pub(crate) homes_heard: u64,
    /// Homes with an open alarm because their hub is silent.
    pub(crate) homes_offline: usize,
    /// Parts of the platform that do not work as they should.
    pub(crate) parts_down: usize,
    /// When the drill that is on ends.
    pub(crate) drill_until: Option<DateTime<Utc>>,
    /// Warnings that hold now.
    pub(crate) warnings: Vec<String>,
    /// The gravest open alarms.
    pub(crate) rows: Vec<WallRow>,
}

/// The routes of the watch.
pub(crate) fn routes(table: Table) -> Table {
    use Need::{Act, Plan, See, Wall};
    table
        .get("/api/v1/shifts", See, shifts)
        .post("/api/v1/shifts/start", Act, start_shift)
        .post("/api/v1/shifts/end", Act, end_shift)
        .post("/api/v1/hand-overs/{id}/take", Act, take)
        .get("/api/v1/drill", See, drill)
        .post("/api/v1/drill/start", Plan, start_drill)
        .post("/api/v1/drill/end", Plan, end_drill)
        .post("/api/v1/drill/alarms", Plan, drill_alarm)
        .get("/api/v1/alarm-quality", See, alarm_quality)
        .get("/api/v1/wall", Wall, wall)
}

#[derive(OpenApi)]
#[openapi(paths(shifts, start_shift, end_shift, take, drill, start_drill, end_drill, drill_alarm, alarm_quality, wall))]
struct Document;

/// Adds these routes to the document.
pub(crate) fn add_to_document(document: &mut utoipa::openapi::OpenApi) {
    document.merge(Document::openapi());
}

/// Who is on shift, and the hand-overs of the last seven days.
#[utoipa::path(get, path = "/api/v1/shifts", tag = "watch", responses((status = 200, body = ShiftPage), Refusals))]
pub(crate) async fn shifts(State(app): State<App>, caller: Caller) -> Result<Json<ShiftPage>, Problem> {
    crate::watch::refresh(&app, true).await?;
    let on = app.watch.on_shift();
    let on = on.iter().map(|one| OnShiftShape { person: one.person.as_str().to_owned(), name: one.name.clone(), since: one.since }).collect();
    Ok(Json(ShiftPage { on, hand_overs: shift::hand_overs(&app, &caller).await? }))
}

/// Begin the caller's shift. A second time: nothing changes.
#[utoipa::path(post, path = "/api/v1/shifts/start", tag = "watch", request_body = Nothing, responses((status = 204), Refusals, VerbRefusals))]
pub(crate) async fn start_shift(State(app): State<App>, caller: Caller, Body(Nothing {}): Body<Nothing>) -> Result<StatusCode, Problem> {
    shift::start(&app, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sign the hand-over and go. With open alarms the caller stays on shift until somebody has taken it.
#[utoipa::path(post, path = "/api/v1/shifts/end", tag = "watch", request_body = EndBody, responses((status = 200, body = HandOver), Refusals, VerbRefusals))]
pub(crate) async fn end_shift(State(app): State<App>, caller: Caller, Body(body): Body<EndBody>) -> Result<Json<HandOver>, Problem> {
    let notes = words_or_none("notes", &body.notes)?;
    let to = body.to.filter(|to| !to.is_empty());
    if to.as_ref().is_some_and(|to| !care::id::well_formed(to)) {
        return Err(Problem::Invalid { field: "to", what: |w| w.invalid_person });
    }
    Ok(Json(shift::end(&app, &caller, notes, to.map(PersonId::new)).await?))
}

/// Read and sign a hand-over: what the other one had claimed is the caller's. 409 if somebody else has signed it.
#[utoipa::path(post, path = "/api/v1/hand-overs/{id}/take", tag = "watch", params(("id" = String, Path)), request_body = TakeBody,
    responses((status = 200, body = HandOver), Refusals, VerbRefusals))]
pub(crate) async fn take(State(app): State<App>, caller: Caller, Id(id): Id, Body(body): Body<TakeBody>) -> Result<Json<HandOver>, Problem> {
    let answer = words_or_none("answer", &body.answer)?;
    Ok(Json(shift::take(&app, &caller, &id, answer).await?))
}

fn drill_shape(app: &App) -> Json<DrillShape> {
    let on = app.watch.drill(app.now());
    Json(DrillShape { on: on.is_some(), by: on.as_ref().map(|d| d.by.as_str().to_owned()), until: on.map(|d| d.until) })
}

/// Whether a drill is on.
#[utoipa::path(get, path = "/api/v1/drill", tag = "watch", responses((status = 200, body = DrillShape), Refusals))]
pub(crate) async fn drill(State(app): State<App>) -> Result<Json<DrillShape>, Problem> {
    crate::watch::refresh(&app, true).await?;
    Ok(drill_shape(&app))
}

/// Begin a drill; it ends by itself. Real alarms are called all the same. 409 if one is on.
#[utoipa::path(post, path = "/api/v1/drill/start", tag = "watch", request_body = DrillBody, responses((status = 200, body = DrillShape), Refusals, VerbRefusals))]
pub(crate) async fn start_drill(State(app): State<App>, caller: Caller, Body(body): Body<DrillBody>) -> Result<Json<DrillShape>, Problem> {
    drill::start(&app, &caller, body.minutes).await?;
    Ok(drill_shape(&app))
}

/// End the drill: its alarms are closed as tests. Without a drill nothing changes.
#[utoipa::path(post, path = "/api/v1/drill/end", tag = "watch", request_body = Nothing, responses((status = 200, body = DrillShape), Refusals, VerbRefusals))]
pub(crate) async fn end_drill(State(app): State<App>, caller: Caller, Body(Nothing {}): Body<Nothing>) -> Result<Json<DrillShape>, Problem> {
    if let Some(on) = app.watch.drill(app.now()) {
        drill::finish(&app, &on, Some(&caller)).await?;
    }
    Ok(drill_shape(&app))
}

/// Raise an alarm of the drill, in a home that exists for drills alone.
#[utoipa::path(post, path = "/api/v1/drill/alarms", tag = "watch", request_body = DrillAlarmBody, responses((status = 200, body = AlarmShape), Refusals, VerbRefusals))]
pub(crate) async fn drill_alarm(State(app): State<App>, caller: Caller, Body(body): Body<DrillAlarmBody>) -> Result<Json<AlarmShape>, Problem> {
    let cause = Cause::parse(&body.cause).ok_or(Problem::Invalid { field: "cause", what: |w| w.invalid_field })?;
    let alarm = drill::raise(&app, &caller, cause).await?;
    Ok(Json(AlarmShape::new(&alarm, app.settings.zone)))
}

/// How many operators figures are counted for.
pub(crate) fn operators(app: &App, asked: Option<u32>) -> Result<u32, Problem> {
    match asked {
        None => Ok(u32::try_from(app.watch.on_shift().len()).unwrap_or(OPERATORS_MAX).clamp(1, OPERATORS_MAX)),
        Some(n) if (1..=OPERATORS_MAX).contains(&n) => Ok(n),
        Some(_) => Err(Problem::Invalid { field: "operators", what: |w| w.invalid_field }),
    }
}

/// How good the alarms of some days were: answered in time, floods, stale, chattering, false ones, the homes with the most.
#[utoipa::path(get, path = "/api/v1/alarm-quality", tag = "watch", params(QualityAsked), responses((status = 200, body = QualityShape), Refusals))]
pub(crate) async fn alarm_quality(State(app): State<App>, caller: Caller, Asked(asked): Asked<QualityAsked>) -> Result<Json<QualityShape>, Problem> {
    let operators = operators(&app, asked.operators)?;
    let days = quality::days(&app, asked.from, asked.to)?;
    let quality::Counted { days, quality: q, cut } = quality::count(&app, &caller, days, operators).await?;
    Ok(Json(quality_shape(days, operators, &q, cut)))
}

fn quality_shape(days: quality::Days, operators: u32, q: &Quality, cut: bool) -> QualityShape {
    let all = std::iter::once(AnswersShape::new(None, &q.all));
    let count = |name: String, count: u32| CountShape { name, count };
    QualityShape {
        from: days.from,
        to: days.to,
        operators,
        answers: all.chain(q.levels.iter().map(|(level, it)| AnswersShape::new(Some(*level), it))).collect(),
        peak_10_min: q.peak_10_min,
        peak_hour: q.peak_hour,
        busy_windows: q.busy_windows,
        crowded_windows: q.crowded_windows,
        floods: q.floods.iter().map(|f| FloodShape { from: f.from, to: f.to, alarms: f.alarms }).collect(),
        stale: q.stale,
        closed: q.closed,
        false_ones: q.false_ones,
        outcomes: q.outcomes.iter().map(|(name, n)| count(name.clone(), *n)).collect(),
        chattering: q.chattering.iter().map(|c| ChatterShape { home: c.home.as_str().to_owned(), cause: c.cause.name(), alarms: c.alarms, presses: c.presses }).collect(),
        top_homes: q.top_homes.iter().map(|(home, n)| count(home.as_str().to_owned(), *n)).collect(),
        cut,
    }
}

/// The wall board's figures, as far as the caller's area goes.
pub(crate) async fn on_the_wall(app: &App, caller: &Caller) -> Result<WallShape, Problem> {
    let mut open = Vec::new();
    for alarm in app.live.open().await? {
        if !app.is_canary(&alarm.home) && app.sees(caller, &alarm.home).await? {
            open.push(alarm);
        }
    }
    open.sort_by_cached_key(|a| (a.level, a.state != AlarmState::Raised, a.raised_at, a.id.clone()));
    let real = || open.iter().filter(|a| !a.test);
    let of = |level: Level, raised: bool| real().filter(|a| a.level == level && (a.state == AlarmState::Raised) == raised).count();
    let grave = |level: Level| level <= Level::Urgent;
    let oldest = real().filter(|a| grave(a.level) && a.state == AlarmState::Raised).map(|a| a.raised_at).min();
    let counted = quality::of_today(app, caller).await?;
    let answers = counted.levels.iter().filter(|(level, _)| grave(*level)).map(|(_, it)| *it);
    let (mut all, mut answered, mut within_60_s, mut within_180_s) = (0, 0, 0, 0);
    for it in answers {
        all += it.alarms;
        answered += it.answered;
        within_60_s += it.within_60_s;
        within_180_s += it.within_180_s;
    }
    let feeds = app.parts.feeds.feeds();
    let homes_heard = feeds.iter().find_map(|feed| match (feed.kind, feed.figure) {
        (FeedKind::Door, Some(Figure::Homes(n))) => Some(n),
        _ => None,
    });
    let hub = |cause: &Cause| matches!(cause, Cause::Technical(what) if what == "hub_offline");
    let mut rows = Vec::new();
    for alarm in open.iter().filter(|a| grave(a.level)).take(WALL_ROWS) {
        let place = app.places.of(&alarm.home).await?;
        rows.push(WallRow {
            cause: alarm.cause.name(),
            level: LevelName::from(&alarm.level),
            state: StateName::from(&alarm.state),
            // The town, not the village: a village and a cause may be one person.
            area: place.areas.get(usize::from(place.areas.len() > 1)).cloned().unwrap_or_default(),
            raised_at: alarm.raised_at,
            test: alarm.test,
            of: Some((alarm.level, alarm.cause.clone())),
        });
    }
    Ok(WallShape {
        now: app.now(),
        red_unclaimed: of(Level::Red, true),
        red_taken: of(Level::Red, false),
        urgent: of(Level::Urgent, true) + of(Level::Urgent, false),
        other: real().filter(|a| !grave(a.level)).count(),
        oldest,
        today: all,
        answered,
        within_60_s,
        within_180_s,
        on_shift: app.watch.on_shift().len(),
        homes_heard: homes_heard.unwrap_or_default(),
        homes_offline: open.iter().filter(|a| hub(&a.cause)).map(|a| &a.home).collect::<std::collections::BTreeSet<_>>().len(),
        parts_down: feeds.iter().filter(|feed| feed.state != FeedState::Working).count(),
        drill_until: app.watch.drill(app.now()).map(|d| d.until),
        warnings: app.parts.office.warnings_now().await,
        rows,
    })
}

/// The wall board: figures and nobody's name.
#[utoipa::path(get, path = "/api/v1/wall", tag = "watch", responses((status = 200, body = WallShape), Refusals))]
pub(crate) async fn wall(State(app): State<App>, caller: Caller) -> Result<Json<WallShape>, Problem> {
    Ok(Json(on_the_wall(&app, &caller).await?))
}
