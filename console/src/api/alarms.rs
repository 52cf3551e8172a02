//! Reading alarms.

use super::openapi::Refusals;
use crate::app::App;
use crate::caller::Caller;
use crate::extract::{Asked, Id, cursor, limit};
use crate::ports::{Phase, Underway};
use crate::problem::Problem;
use crate::shape::AlarmShape;
use axum::Json;
use axum::extract::State;
use care::alarm::{Step, StepDone};
use care::plan::Plan;
use care::{Alarm, AlarmId, PersonId, TimeDelta};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use store::Stored;
use store::ledger::{Note, Which};
use utoipa::{IntoParams, ToSchema};

/// Most pages of the ledger that are read for one page of an area.
const SCAN_PAGES_MAX: usize = 20;

/// Which alarms.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AlarmsAsked {
    /// `open` (all but closed), `closed` or `all`.
    #[param(value_type = Option<WhichName>)]
    state: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Most alarms on this page.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<usize>,
}

/// Which alarms.
#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "stands for the document only: the query is read as text, to refuse it in words")]
pub(crate) enum WhichName {
    Open,
    Closed,
    All,
}

/// A page of alarms, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AlarmPage {
    items: Vec<AlarmShape>,
    /// The cursor of the next page; null: this was the last one.
    next: Option<String>,
}

/// A word about an alarm.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NoteShape {
    at: DateTime<Utc>,
    /// Who: an identifier, or `platform`.
    by: String,
    /// `claim`, `report`, `note`, `close`, `hand_over`, `let_go`, `on_the_way`, `skip`, `stop`, `call_now`,
    /// `step` (`elder/ID OUTCOME WORDS`), `call` (`elder/ID ENDED SECONDS`), ...
    kind: String,
    text: String,
}

impl From<Note> for NoteShape {
    fn from(note: Note) -> Self {
        Self { at: note.at, by: note.by, kind: note.kind, text: note.text }
    }
}

/// How far an attempt has come.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PhaseName {
    /// The line is being set up.
    Dialling,
    /// It rings.
    Ringing,
    /// Answered; no key yet.
    Answered,
}

/// Something that is being done at this moment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnderwayShape {
    contact: String,
    channel: String,
    phase: PhaseName,
    since: DateTime<Utc>,
}

impl From<Underway> for UnderwayShape {
    fn from(it: Underway) -> Self {
        let phase = match it.phase {
            Phase::Dialling => PhaseName::Dialling,
            Phase::Ringing => PhaseName::Ringing,
            Phase::Answered => PhaseName::Answered,
        };
        Self { contact: it.contact.as_str().to_owned(), channel: it.channel, phase, since: it.since }
    }
}

/// An alarm with its notes and what is being done about it at this moment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AlarmDetail {
    #[serde(flatten)]
    alarm: AlarmShape,
    /// Oldest first.
    notes: Vec<NoteShape>,
    /// What the channels are doing now.
    underway: Vec<UnderwayShape>,
    /// What an operator does about it, in this order.
    steps: Vec<StepShape>,
    /// While it is red and nobody has taken it: whom it goes to, and how long after it was raised.
    called_up: Vec<CalledUpShape>,
}

/// A step of an operator.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StepShape {
    /// Its name: `elder/ID`, `authority/NUMBER`, `contact/ID`, `back/ID`.
    step: String,
    /// The outcomes that it can have.
    outcomes: Vec<&'static str>,
    /// How it ended the last time; null: not done yet.
    outcome: Option<String>,
    /// Who did it.
    by: Option<String>,
    /// When.
    at: Option<DateTime<Utc>>,
    /// In words.
    words: String,
}

/// Somebody who is called up for a red alarm that nobody takes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CalledUpShape {
    /// Who.
    person: String,
    /// How long after it was raised.
    after_s: i64,
}

/// The steps of an alarm, each with how it ended the last time.
pub(crate) fn steps_of(alarm: &Alarm, plan: &Plan, notes: &[Note]) -> Vec<(Step, Option<(StepDone, Note)>)> {
    let done: Vec<(StepDone, &Note)> = notes.iter().filter(|n| n.kind == "step").filter_map(|n| Some((StepDone::from_note(&n.text)?, n))).collect();
    let mut steps = care::alarm::steps(alarm, plan);
    // What was done beside the list, an authority for instance, stands below it.
    for (one, _) in &done {
        if !steps.contains(&one.step) && steps.len() < care::alarm::STEPS_MAX {
            steps.push(one.step.clone());
        }
    }
    steps
        .into_iter()
        .map(|step| {
            let last = done.iter().rev().find(|(one, _)| one.step == step).map(|(one, note)| (one.clone(), (*note).clone()));
            (step, last)
        })
        .collect()
}

fn step_shape((step, done): (Step, Option<(StepDone, Note)>)) -> StepShape {
    let outcomes = care::alarm::step_outcomes(&step).to_vec();
    let (outcome, words, by, at) = match done {
        Some((done, note)) => (Some(done.outcome), done.words, Some(note.by), Some(note.at)),
        None => (None, String::new(), None, None),
    };
    StepShape { step: step.to_string(), outcomes, outcome, by, at, words }
}

/// A page of the alarms that a caller may see.
pub(crate) async fn visible(
    app: &App,
    caller: &Caller,
    which: Which,
    mut after: Option<AlarmId>,
    most: usize,
) -> Result<(Vec<Stored<Alarm>>, Option<AlarmId>), Problem> {
    let mut out = Vec::new();
    for _ in 0..SCAN_PAGES_MAX {
        let batch = app.parts.ledger.alarms(which, after.as_ref(), most).await?;
        let is_last = batch.len() < most;
        for stored in batch {
            after = Some(stored.value.id.clone());
            // The platform's own presses are no alarms of anybody (ALM-8); one that was missed is an alarm of its own.
            if app.is_canary(&stored.value.home) {
                continue;
            }
            if app.sees(caller, &stored.value.home).await? {
                out.push(stored);
                if out.len() == most {
                    return Ok((out, after));
                }
            }
        }
        if is_last {
            return Ok((out, None));
        }
    }
    Ok((out, after))
}

/// One alarm, if the caller may see it.
pub(crate) async fn seen(app: &App, caller: &Caller, id: &AlarmId) -> Result<Alarm, Problem> {
    let stored = app.parts.ledger.alarm(id).await?.ok_or(Problem::NotFound)?;
    if app.sees(caller, &stored.value.home).await? { Ok(stored.value) } else { Err(Problem::NotFound) }
}

/// Whom an alarm goes to while nobody takes it; nobody, unless it is red and unclaimed.
pub(crate) async fn called_up_of(app: &App, alarm: &Alarm) -> Result<Vec<(TimeDelta, PersonId)>, Problem> {
    let practised = !alarm.test || crate::watch::drill::is_drill_home(&alarm.home);
    if !practised || care::alarm::stage(alarm, app.now()).is_none() {
        return Ok(Vec::new());
    }
    let place = app.places.of(&alarm.home).await?;
    Ok(app.watch.called_up(alarm, place.record.as_ref().map(|r| r.area.as_str())))
}

/// Alarms, newest first. The presses that the platform gives itself every minute are not among them.
#[utoipa::path(get, path = "/api/v1/alarms", tag = "alarms", params(AlarmsAsked), responses((status = 200, body = AlarmPage), Refusals))]
pub(crate) async fn list(State(app): State<App>, caller: Caller, Asked(asked): Asked<AlarmsAsked>) -> Result<Json<AlarmPage>, Problem> {
    let which = match asked.state.as_deref() {
        None | Some("open") => Which::Open,
        Some("closed") => Which::Closed,
        Some("all") => Which::All,
        Some(_) => return Err(Problem::Invalid { field: "state", what: |w| w.invalid_state }),
    };
    let after = cursor(asked.cursor)?.map(AlarmId::new);
    let (alarms, next) = visible(&app, &caller, which, after, limit(asked.limit)?).await?;
    let items = alarms.iter().map(|a| AlarmShape::new(&a.value, app.settings.zone)).collect();
    Ok(Json(AlarmPage { items, next: next.map(|id| id.as_str().to_owned()) }))
}

/// One alarm with its notes.
#[utoipa::path(get, path = "/api/v1/alarms/{id}", tag = "alarms", params(("id" = String, Path)), responses((status = 200, body = AlarmDetail), Refusals))]
pub(crate) async fn one(State(app): State<App>, caller: Caller, Id(id): Id) -> Result<Json<AlarmDetail>, Problem> {
    let alarm = seen(&app, &caller, &AlarmId::new(id)).await?;
    let notes = app.parts.ledger.notes(&alarm.id).await?;
    let plan = app.parts.ledger.plan(&alarm.home, &alarm.cause, alarm.level).await?;
    let steps = steps_of(&alarm, &plan, &notes).into_iter().map(step_shape).collect();
    let called_up = called_up_of(&app, &alarm).await?.into_iter().map(|(after, person)| CalledUpShape { person: person.as_str().to_owned(), after_s: after.num_seconds() }).collect();
    let notes = notes.into_iter().map(NoteShape::from).collect();
    let underway = app.parts.doing.underway(&alarm.id).into_iter().map(UnderwayShape::from).collect();
    Ok(Json(AlarmDetail { alarm: AlarmShape::new(&alarm, app.settings.zone), notes, underway, steps, called_up }))
}
