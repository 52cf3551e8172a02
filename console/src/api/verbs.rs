//! What people do to an alarm: claim, report, close, hand over, let go, say to be on the way, skip, note. Each is one
//! transaction with its note and its line of the audit.

use super::alarms::{NoteShape, seen};
use super::connect::AUTHORITIES;
use super::openapi::{Refusals, VerbRefusals};
use crate::app::App;
use crate::caller::{Caller, Need};
use crate::extract::{Body, Id, Nothing, words, words_or_none};
use crate::pages::district;
use crate::problem::Problem;
use crate::shape::AlarmShape;
use axum::Json;
use axum::extract::State;
use care::alarm::{Claimant, Input, OUTCOMES, State as AlarmState, Step, StepDone};
use care::home::Told;
use care::reason::Param;
use care::{Alarm, AlarmId, Cause, ContactId, Level, PersonId};
use serde::Deserialize;
use store::ledger::{Tx, Write};
use utoipa::ToSchema;

/// What was done.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ReportBody {
    /// In words; 1 to 4,000 characters.
    text: String,
}

/// What it was in the end.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct CloseBody {
    /// One of the outcomes, or a code that the city added.
    #[schema(value_type = OutcomeName)]
    outcome: String,
    /// Some words; needed with `other`.
    #[serde(default)]
    reason: String,
}

/// What an alarm was in the end. A city may add codes of its own.
#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "stands for the document only: a test compares it with the outcomes of care")]
pub(crate) enum OutcomeName {
    TrueEmergency,
    HelpGiven,
    FalsePress,
    Test,
    DeviceFault,
    ElderAway,
    HomeCheck,
    AnimalOrVisitor,
    Normal,
    Over,
    Other,
}

/// Who takes it from here.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct HandOverBody {
    /// The sign-in name of somebody who may take alarms here.
    to: String,
}

/// Whom the platform is to call.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct CallNowBody {
    /// A contact of the alarm's plan.
    contact: String,
}

/// How a step ended.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct StepBody {
    /// One of the alarm's `steps`: `elder/ID`, `authority/NUMBER`, `contact/ID`, `back/ID`.
    step: String,
    /// One of the step's `outcomes`.
    outcome: String,
    /// A few words, or none.
    #[serde(default)]
    words: String,
}

/// Gives an input to an alarm, with a note and a line of the audit.
async fn act(app: &App, caller: &Caller, id: String, input: Input, kind: &str, text: String) -> Result<Alarm, Problem> {
    let alarm = seen(app, caller, &AlarmId::new(id)).await?;
    let now = app.now();
    let who = caller.person.as_str().to_owned();
    let also = vec![
        Write::Note { alarm: alarm.id.clone(), at: now, by: who.clone(), kind: kind.to_owned(), text },
        Write::Audit { at: now, who, action: format!("alarm.{kind}"), subject: alarm.id.as_str().to_owned() },
    ];
    let problem = match store::desk::give(app.parts.ledger.as_ref(), &alarm.id, input, also, now).await {
        Ok(alarm) => return Ok(alarm),
        Err(error) => Problem::from(error),
    };
    if let Problem::Claimed { by, .. } = problem {
        let name = app.places.person_name(&by).await;
        return Err(Problem::Claimed { by, name });
    }
    Err(problem)
}

fn shape(app: &App, alarm: &Alarm) -> Json<AlarmShape> {
    Json(AlarmShape::new(alarm, app.settings.zone))
}

pub(crate) async fn claim_for(app: &App, caller: &Caller, id: String) -> Result<Alarm, Problem> {
    let alarm = seen(app, caller, &AlarmId::new(id.clone())).await?;
    if alarm.is_open() && alarm.claimant() == Some(&caller.claimant()) {
        return Ok(alarm); // asked for twice, done once
    }
    act(app, caller, id, Input::Claim { by: caller.claimant() }, "claim", String::new()).await
}

/// Take an alarm. By the same person again: nothing changes. 409 if somebody else has it, saying who.
#[utoipa::path(post, path = "/api/v1/alarms/{id}/claim", tag = "alarms", params(("id" = String, Path)), request_body = Nothing,
    responses((status = 200, body = AlarmShape), Refusals, VerbRefusals))]
pub(crate) async fn claim(State(app): State<App>, caller: Caller, Id(id): Id, Body(Nothing {}): Body<Nothing>) -> Result<Json<AlarmShape>, Problem> {
    Ok(shape(&app, &claim_for(&app, &caller, id).await?))
}

/// Say what was done.
#[utoipa::path(post, path = "/api/v1/alarms/{id}/report", tag = "alarms", params(("id" = String, Path)), request_body = ReportBody,
    responses((status = 200, body = AlarmShape), Refusals, VerbRefusals))]
pub(crate) async fn report(State(app): State<App>, caller: Caller, Id(id): Id, Body(body): Body<ReportBody>) -> Result<Json<AlarmShape>, Problem> {
    let text = words("text", &body.text)?;
    let alarm = act(&app, &caller, id, Input::Report { by: caller.claimant() }, "report", text).await?;
    Ok(shape(&app, &alarm))
}

/// What an alarm was in the end is a lesson for the home: a silence that was normal, or days that are no routine.
async fn learn(app: &App, alarm: &Alarm) {
    let since = match alarm.reason.params.get("since") {
        Some(Param::Time(since)) => Some(*since),
        Some(_) | None => None,
    };
    let AlarmState::Closed { outcome, .. } = &alarm.state else { return };
    if outcome == "test" && alarm.level == Level::Red {
        for device in &alarm.devices {
            let told = Told::Proved { device: device.clone(), at: alarm.raised_at };
            if let Err(error) = app.parts.homes.tell(&alarm.home, told).await {
                tracing::warn!(%error, alarm = alarm.id.as_str(), "the home could not be told that its button was tried");
            }
        }
    }
    let told = match (outcome.as_str(), since) {
        ("normal" | "home_check", Some(from)) if alarm.cause == Cause::Inactivity => Told::Normal { from, to: alarm.raised_at },
        ("true_emergency" | "help_given", _) if !matches!(alarm.cause, Cause::Technical(_)) => Told::Emergency { at: alarm.raised_at },
        _ => return,
    };
    if let Err(error) = app.parts.homes.tell(&alarm.home, told).await {
        tracing::warn!(%error, alarm = alarm.id.as_str(), "the home could not be told what its alarm was");
    }
}

/// Close an alarm.
#[utoipa::path(post, path = "/api/v1/alarms/{id}/close", tag = "alarms", params(("id" = String, Path)), request_body = CloseBody,
    responses((status = 200, body = AlarmShape), Refusals, VerbRefusals))]
pub(crate) async fn close(State(app): State<App>, caller: Caller, Id(id): Id, Body(body): Body<CloseBody>) -> Result<Json<AlarmShape>, Problem> {
    let known = OUTCOMES.iter().any(|(code, _, _)| *code == body.outcome) || app.settings.outcomes.contains(&body.outcome);
    if !known {
        return Err(Problem::Invalid { field: "outcome", what: |w| w.invalid_outcome });
    }
    let reason = words_or_none("reason", &body.reason)?;
    if body.outcome == "other" && reason.is_empty() {
        return Err(Problem::Invalid { field: "reason", what: |w| w.invalid_outcome_reason });
    }
    let input = Input::Close { by: caller.claimant(), outcome: body.outcome };
    let alarm = act(&app, &caller, id, input.clone(), "close", reason.clone()).await?;
    learn(&app, &alarm).await;
    // What an alarm about an area stood for is closed with it, but for homes where it is not over.
    for under in district::symptoms(&app, &caller, &alarm).await? {
        // as the ledger has it now: what a desk was last told may be older
        if app.parts.ledger.alarm(&under.id).await?.is_some_and(|now| now.value.cause_over().is_some()) {
            // one that somebody has taken meanwhile stays theirs
            act(&app, &caller, under.id.as_str().to_owned(), input.clone(), "close", reason.clone()).await.ok();
        }
    }
    Ok(shape(&app, &alarm))
}

/// Give an alarm to somebody else.
#[utoipa::path(post, path = "/api/v1/alarms/{id}/hand-over", tag = "alarms", params(("id" = String, Path)), request_body = HandOverBody,
    responses((status = 200, body = AlarmShape), Refusals, VerbRefusals))]
pub(crate) async fn hand_over(State(app): State<App>, caller: Caller, Id(id): Id, Body(body): Body<HandOverBody>) -> Result<Json<AlarmShape>, Problem> {
    let alarm = seen(&app, &caller, &AlarmId::new(id.clone())).await?;
    let nobody = Problem::Invalid { field: "to", what: |w| w.invalid_person };
    if !care::id::well_formed(&body.to) {
        return Err(nobody);
    }
    let to = PersonId::new(body.to);
    let person = app.parts.register.person(&to).await?.filter(|p| p.active && Need::Act.met_by(p.role)).ok_or(nobody.clone())?;
    let place = app.places.of(&alarm.home).await?;
    if place.record.as_ref().is_some_and(|r| !store::register::within(&r.area, &person.area)) {
        return Err(nobody);
    }
    let input = Input::HandOver { by: caller.claimant(), to: Claimant::Person(to.clone()) };
    let alarm = act(&app, &caller, id, input, "hand_over", to.as_str().to_owned()).await?;
    Ok(shape(&app, &alarm))
}

/// Let go of an alarm: it rings again.
#[utoipa::path(post, path = "/api/v1/alarms/{id}/let-go", tag = "alarms", params(("id" = String, Path)), request_body = Nothing,
    responses((status = 200, body = AlarmShape), Refusals, VerbRefusals))]
pub(crate) async fn let_go(State(app): State<App>, caller: Caller, Id(id): Id, Body(Nothing {}): Body<Nothing>) -> Result<Json<AlarmShape>, Problem> {
    let alarm = act(&app, &caller, id, Input::LetGo { by: caller.claimant() }, "let_go", String::new()).await?;
    Ok(shape(&app, &alarm))
}

/// Say that somebody is on the way: the lamp of the button tells the elder.
#[utoipa::path(post, path = "/api/v1/alarms/{id}/on-the-way", tag = "alarms", params(("id" = String, Path)), request_body = Nothing,
    responses((status = 200, body = AlarmShape), Refusals, VerbRefusals))]
pub(crate) async fn on_the_way(State(app): State<App>, caller: Caller, Id(id): Id, Body(Nothing {}): Body<Nothing>) -> Result<Json<AlarmShape>, Problem> {
    let alarm = act(&app, &caller, id, Input::OnTheWay { by: caller.claimant() }, "on_the_way", String::new()).await?;
    Ok(shape(&app, &alarm))
}

/// Call the next one now instead of at its time.
#[utoipa::path(post, path = "/api/v1/alarms/{id}/skip", tag = "alarms", params(("id" = String, Path)), request_body = Nothing,
    responses((status = 200, body = AlarmShape), Refusals, VerbRefusals))]
pub(crate) async fn skip(State(app): State<App>, caller: Caller, Id(id): Id, Body(Nothing {}): Body<Nothing>) -> Result<Json<AlarmShape>, Problem> {
    let alarm = act(&app, &caller, id, Input::Skip, "skip", String::new()).await?;
    Ok(shape(&app, &alarm))
}

/// Stop the calls for two minutes: what rings is hung up. They go on by themselves, or at once with `skip`.
#[utoipa::path(post, path = "/api/v1/alarms/{id}/stop", tag = "alarms", params(("id" = String, Path)), request_body = Nothing,
    responses((status = 200, body = AlarmShape), Refusals, VerbRefusals))]
pub(crate) async fn stop(State(app): State<App>, caller: Caller, Id(id): Id, Body(Nothing {}): Body<Nothing>) -> Result<Json<AlarmShape>, Problem> {
    let alarm = act(&app, &caller, id, Input::Stop, "stop", String::new()).await?;
    Ok(shape(&app, &alarm))
}

/// Let the platform call a contact of the plan now, wherever the ladder stands.
#[utoipa::path(post, path = "/api/v1/alarms/{id}/call-now", tag = "alarms", params(("id" = String, Path)), request_body = CallNowBody,
    responses((status = 200, body = AlarmShape), Refusals, VerbRefusals))]
pub(crate) async fn call_now(State(app): State<App>, caller: Caller, Id(id): Id, Body(body): Body<CallNowBody>) -> Result<Json<AlarmShape>, Problem> {
    let alarm = seen(&app, &caller, &AlarmId::new(id.clone())).await?;
    let plan = app.parts.ledger.plan(&alarm.home, &alarm.cause, alarm.level).await?;
    let contact = ContactId::new(body.contact);
    if !plan.rungs.iter().flat_map(|r| &r.contacts).any(|c| c.contact == contact) {
        return Err(Problem::Invalid { field: "contact", what: |w| w.invalid_plan_contact });
    }
    let text = contact.as_str().to_owned();
    let alarm = act(&app, &caller, id, Input::CallNow { contact }, "call_now", text).await?;
    Ok(shape(&app, &alarm))
}

/// Write down how a step ended: whom the caller has spoken with, and what came of it.
#[utoipa::path(post, path = "/api/v1/alarms/{id}/steps", tag = "alarms", params(("id" = String, Path)), request_body = StepBody,
    responses((status = 200, body = Vec<NoteShape>), Refusals, VerbRefusals))]
pub(crate) async fn step(State(app): State<App>, caller: Caller, Id(id): Id, Body(body): Body<StepBody>) -> Result<Json<Vec<NoteShape>>, Problem> {
    let alarm = seen(&app, &caller, &AlarmId::new(id)).await?;
    if !alarm.is_open() {
        return Err(Problem::Closed);
    }
    let plan = app.parts.ledger.plan(&alarm.home, &alarm.cause, alarm.level).await?;
    let known = care::alarm::steps(&alarm, &plan);
    let step = Step::parse(&body.step).filter(|step| known.contains(step) || matches!(step, Step::Authority(number) if AUTHORITIES.contains(&number.as_str())));
    let step = step.ok_or(Problem::Invalid { field: "step", what: |w| w.invalid_step })?;
    if !care::alarm::step_outcomes(&step).contains(&body.outcome.as_str()) {
        return Err(Problem::Invalid { field: "outcome", what: |w| w.invalid_outcome });
    }
    let words = words_or_none("words", &body.words)?;
    let text = StepDone { step: step.clone(), outcome: body.outcome, words }.to_note();
    let now = app.now();
    let who = caller.person.as_str().to_owned();
    let writes = vec![
        Write::Note { alarm: alarm.id.clone(), at: now, by: who.clone(), kind: "step".to_owned(), text },
        Write::Audit { at: now, who, action: "alarm.step".to_owned(), subject: format!("{}/{step}", alarm.id) },
    ];
    app.parts.ledger.commit(Tx { fence: None, writes }).await?;
    Ok(Json(app.parts.ledger.notes(&alarm.id).await?.into_iter().map(NoteShape::from).collect()))
}

/// Add a word, also to a closed alarm.
#[utoipa::path(post, path = "/api/v1/alarms/{id}/notes", tag = "alarms", params(("id" = String, Path)), request_body = ReportBody,
    responses((status = 200, body = Vec<NoteShape>), Refusals, VerbRefusals))]
pub(crate) async fn note(State(app): State<App>, caller: Caller, Id(id): Id, Body(body): Body<ReportBody>) -> Result<Json<Vec<NoteShape>>, Problem> {
    let text = words("text", &body.text)?;
    let alarm = seen(&app, &caller, &AlarmId::new(id)).await?;
    let now = app.now();
    let who = caller.person.as_str().to_owned();
    let writes = vec![
        Write::Note { alarm: alarm.id.clone(), at: now, by: who.clone(), kind: "note".to_owned(), text },
        Write::Audit { at: now, who, action: "alarm.note".to_owned(), subject: alarm.id.as_str().to_owned() },
    ];
    app.parts.ledger.commit(Tx { fence: None, writes }).await?;
    Ok(Json(app.parts.ledger.notes(&alarm.id).await?.into_iter().map(NoteShape::from).collect()))
}
