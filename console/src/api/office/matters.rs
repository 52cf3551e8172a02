//! Hazards, needs, referrals, follow-ups, incidents, spot checks, events over the API.

use super::elders::ReasonBody;
use super::{ListAsked, elder_of, inside, one, page, shown};
use crate::app::App;
use crate::caller::{Caller, Need as Needs};
use crate::extract::{Asked, Body, Id};
use crate::office::WarningTaken;
use crate::problem::Problem;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use care::calendar::{Month, plus_days};
use care::office::event::{EventState, Way};
use care::office::matter::{HazardKind, HazardState, HazardStep, NeedKind, NeedState, ReferralState};
use care::office::sample::Verdict;
use care::office::{DepartmentDesk, ExtraEvent, Finding, FollowUp, Hazard, Incident, IncidentStep, Need, Referral, Refused, Sample};
use care::policy::Colour;
use care::{ElderId, Timestamp};
use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::{Value, json};
use store::register::{Role, within};

type Answer = Result<Json<Value>, Problem>;

pub(crate) async fn hazards(State(app): State<App>, caller: Caller, Asked(asked): Asked<ListAsked>) -> Answer {
    page::<Hazard>(&app, &caller, &asked).await.map(Json)
}

/// A hazard as it is found.
#[derive(Debug, Deserialize)]
pub(crate) struct HazardBody {
    pub(crate) elder: ElderId,
    pub(crate) kind: HazardKind,
    #[serde(default)]
    pub(crate) place: String,
    #[serde(default)]
    pub(crate) words: String,
}

pub(crate) async fn open_hazard(State(app): State<App>, caller: Caller, Body(body): Body<HazardBody>) -> Answer {
    let elder = elder_of(&app, &caller, body.elder.as_str()).await?;
    let office = &app.parts.office;
    let hazard = Hazard {
        id: office.new_id(),
        elder: elder.id,
        home: elder.home,
        area: elder.area,
        kind: body.kind,
        place: body.place,
        words: body.words,
        found_at: app.now(),
        found_by: caller.person.clone(),
        visit: None,
        state: HazardState::Open,
        recheck_on: plus_days(office.today(), 7),
        log: Vec::new(),
    };
    Ok(Json(shown(&office.open_hazard(hazard, &caller.person).await?)))
}

/// A step, in words.
#[derive(Debug, Deserialize)]
pub(crate) struct StepBody<S> {
    pub(crate) step: S,
    #[serde(default)]
    pub(crate) words: String,
}

pub(crate) async fn step_hazard(State(app): State<App>, caller: Caller, Id(id): Id, Body(body): Body<StepBody<HazardStep>>) -> Answer {
    one::<Hazard>(&app, &caller, &id).await?;
    Ok(Json(shown(&app.parts.office.step_hazard(&id, body.step, &body.words, &caller.person).await?)))
}

pub(crate) async fn needs(State(app): State<App>, caller: Caller, Asked(asked): Asked<ListAsked>) -> Answer {
    page::<Need>(&app, &caller, &asked).await.map(Json)
}

/// A need as it is found.
#[derive(Debug, Deserialize)]
pub(crate) struct NeedBody {
    pub(crate) elder: ElderId,
    pub(crate) kind: NeedKind,
    #[serde(default)]
    pub(crate) words: String,
    #[serde(default)]
    pub(crate) urgent: bool,
}

pub(crate) async fn open_need(State(app): State<App>, caller: Caller, Body(body): Body<NeedBody>) -> Answer {
    let elder = elder_of(&app, &caller, body.elder.as_str()).await?;
    let need = Need {
        id: app.parts.office.new_id(),
        elder: elder.id,
        home: elder.home,
        area: elder.area,
        kind: body.kind,
        words: body.words,
        urgent: body.urgent,
        found_at: app.now(),
        found_by: caller.person.clone(),
        visit: None,
        state: NeedState::Open,
        log: Vec::new(),
    };
    Ok(Json(shown(&app.parts.office.open_need(need, &caller.person).await?)))
}

pub(crate) async fn step_need(State(app): State<App>, caller: Caller, Id(id): Id, Body(body): Body<StepBody<NeedState>>) -> Answer {
    one::<Need>(&app, &caller, &id).await?;
    Ok(Json(shown(&app.parts.office.step_need(&id, body.step, &body.words, &caller.person).await?)))
}

/// The department that a caller answers for.
pub(crate) async fn department(app: &App, caller: &Caller) -> Result<Option<care::office::matter::Department>, Problem> {
    if caller.role != Role::Department {
        return Ok(None);
    }
    let desk = app.parts.office.find::<DepartmentDesk>(caller.person.as_str()).await?.ok_or(Problem::NotFound)?;
    Ok(Some(desk.record.department))
}

pub(crate) async fn referrals(State(app): State<App>, caller: Caller, Asked(asked): Asked<ListAsked>) -> Answer {
    let own = department(&app, &caller).await?.or(asked.department);
    let mut answer = page::<Referral>(&app, &caller, &asked).await?;
    if let (Some(own), Some(items)) = (own, answer.get_mut("items").and_then(Value::as_array_mut)) {
        items.retain(|item| item.pointer("/record/to").and_then(Value::as_str) == Some(own.code()));
    }
    Ok(Json(answer))
}

pub(crate) async fn refer(State(app): State<App>, caller: Caller, Body(body): Body<ReferBody>) -> Answer {
    let elder = elder_of(&app, &caller, body.elder.as_str()).await?;
    let referral = Referral {
        id: app.parts.office.new_id(),
        elder: elder.id,
        home: elder.home,
        area: elder.area,
        to: body.to,
        provider: body.provider,
        about: body.about,
        words: body.words,
        sent_at: app.now(),
        sent_by: caller.person.clone(),
        state: ReferralState::Sent,
        outcome: String::new(),
        log: Vec::new(),
    };
    Ok(Json(shown(&app.parts.office.refer(referral, &caller.person).await?)))
}

/// What is asked of whom.
#[derive(Debug, Deserialize)]
pub(crate) struct ReferBody {
    pub(crate) elder: ElderId,
    pub(crate) to: care::office::matter::Department,
    #[serde(default)]
    pub(crate) provider: String,
    #[serde(default)]
    pub(crate) about: Option<String>,
    pub(crate) words: String,
}

pub(crate) async fn step_referral(State(app): State<App>, caller: Caller, Id(id): Id, Body(body): Body<StepBody<ReferralState>>) -> Answer {
    let kept = one::<Referral>(&app, &caller, &id).await?;
    if department(&app, &caller).await?.is_some_and(|own| own != kept.record.to) {
        return Err(Problem::NotFound);
    }
    Ok(Json(shown(&app.parts.office.step_referral(&id, body.step, &body.words, &caller.person).await?)))
}

pub(crate) async fn follow_ups(State(app): State<App>, caller: Caller, Asked(asked): Asked<ListAsked>) -> Answer {
    page::<FollowUp>(&app, &caller, &asked).await.map(Json)
}

/// What was found.
#[derive(Debug, Deserialize)]
pub(crate) struct FinishBody {
    pub(crate) settled: bool,
    #[serde(default)]
    pub(crate) words: String,
    #[serde(default)]
    pub(crate) evidence: String,
}

pub(crate) async fn finish_follow_up(State(app): State<App>, caller: Caller, Id(id): Id, Body(body): Body<FinishBody>) -> Answer {
    one::<FollowUp>(&app, &caller, &id).await?;
    Ok(Json(shown(&app.parts.office.finish_follow_up(&id, body.settled, &body.words, &body.evidence, &caller.person).await?)))
}

pub(crate) async fn incidents(State(app): State<App>, caller: Caller, Asked(asked): Asked<ListAsked>) -> Answer {
    page::<Incident>(&app, &caller, &asked).await.map(Json)
}

/// What happened.
#[derive(Debug, Deserialize)]
pub(crate) struct IncidentBody {
    pub(crate) elder: ElderId,
    pub(crate) words: String,
    #[serde(default)]
    pub(crate) grave: bool,
    #[serde(default)]
    pub(crate) from: Option<String>,
    /// When it was found; left out: now.
    #[serde(default)]
    pub(crate) found_at: Option<Timestamp>,
}

pub(crate) async fn open_incident(State(app): State<App>, caller: Caller, Body(body): Body<IncidentBody>) -> Answer {
    let elder = elder_of(&app, &caller, body.elder.as_str()).await?;
    let incident = Incident {
        id: app.parts.office.new_id(),
        elder: elder.id,
        home: elder.home,
        area: elder.area,
        words: body.words,
        grave: body.grave,
        found_at: body.found_at.unwrap_or(app.now()).min(app.now()),
        found_by: caller.person.clone(),
        from: body.from,
        emergency: None,
        no_call: None,
        called: Vec::new(),
        parties: Vec::new(),
        log: Vec::new(),
        reviewed: None,
        closed: None,
    };
    Ok(Json(shown(&app.parts.office.open_incident(incident, &caller.person).await?)))
}

pub(crate) async fn step_incident(State(app): State<App>, caller: Caller, Id(id): Id, Body(step): Body<IncidentStep>) -> Answer {
    one::<Incident>(&app, &caller, &id).await?;
    if matches!(step, IncidentStep::Review { .. }) && !Needs::City.met_by(caller.role) {
        return Err(Problem::Forbidden);
    }
    Ok(Json(shown(&app.parts.office.step_incident(&id, step, &caller.person).await?)))
}

pub(crate) async fn samples(State(app): State<App>, caller: Caller, Asked(asked): Asked<ListAsked>) -> Answer {
    page::<Sample>(&app, &caller, &asked).await.map(Json)
}

/// From what to draw, and how many.
#[derive(Debug, Deserialize)]
pub(crate) struct DrawBody {
    pub(crate) month: Month,
    #[serde(default)]
    pub(crate) area: Option<String>,
    pub(crate) n: usize,
}

pub(crate) async fn draw(State(app): State<App>, caller: Caller, Body(body): Body<DrawBody>) -> Answer {
    let area = super::area_of(&caller, body.area.as_deref())?;
    Ok(Json(shown(&app.parts.office.draw_sample(body.month, &area, body.n, &caller.person).await?)))
}

/// What calling back showed.
#[derive(Debug, Deserialize)]
pub(crate) struct CalledBackBody {
    pub(crate) visit: String,
    pub(crate) verdict: Verdict,
    #[serde(default)]
    pub(crate) words: String,
}

pub(crate) async fn called_back(State(app): State<App>, caller: Caller, Id(id): Id, Body(body): Body<CalledBackBody>) -> Answer {
    one::<Sample>(&app, &caller, &id).await?;
    Ok(Json(shown(&app.parts.office.called_back(&id, &body.visit, body.verdict, &body.words, &caller.person).await?)))
}

pub(crate) async fn findings(State(app): State<App>, caller: Caller, Asked(asked): Asked<ListAsked>) -> Answer {
    page::<Finding>(&app, &caller, &asked).await.map(Json)
}

/// A problem, and by when to put it right.
#[derive(Debug, Deserialize)]
pub(crate) struct FindingBody {
    pub(crate) area: String,
    pub(crate) about: String,
    #[serde(default)]
    pub(crate) elder: Option<ElderId>,
    pub(crate) words: String,
    pub(crate) due_on: NaiveDate,
}

pub(crate) async fn finding(State(app): State<App>, caller: Caller, Body(body): Body<FindingBody>) -> Answer {
    inside(&caller, &body.area)?;
    let office = &app.parts.office;
    let finding = Finding {
        id: office.new_id(),
        area: body.area,
        about: body.about,
        elder: body.elder,
        sample: None,
        problem: office.done(&caller.person, &body.words),
        due_on: body.due_on,
        rounds: Vec::new(),
    };
    office.put(&finding, 0, caller.person.as_str()).await?;
    Ok(Json(shown(&office.get::<Finding>(&finding.id).await?)))
}

/// Some words.
#[derive(Debug, Deserialize)]
pub(crate) struct WordsBody {
    #[serde(default)]
    pub(crate) words: String,
    #[serde(default)]
    pub(crate) accepted: Option<bool>,
}

pub(crate) async fn fix(State(app): State<App>, caller: Caller, Id(id): Id, Body(body): Body<WordsBody>) -> Answer {
    one::<Finding>(&app, &caller, &id).await?;
    let done = app.parts.office.done(&caller.person, &body.words);
    Ok(Json(shown(&app.parts.office.step(&id, "finding.fix", &caller.person, |finding: Finding| finding.fix(done)).await?)))
}

pub(crate) async fn check(State(app): State<App>, caller: Caller, Id(id): Id, Body(body): Body<WordsBody>) -> Answer {
    one::<Finding>(&app, &caller, &id).await?;
    let Some(accepted) = body.accepted else { return Err(Problem::Invalid { field: "accepted", what: |w| w.invalid_field }) };
    let done = app.parts.office.done(&caller.person, &body.words);
    Ok(Json(shown(&app.parts.office.step(&id, "finding.check", &caller.person, |finding: Finding| finding.check(done, accepted)).await?)))
}

pub(crate) async fn events(State(app): State<App>, caller: Caller, Asked(asked): Asked<ListAsked>) -> Answer {
    // What concerns the whole city concerns everybody in it.
    let whole = Caller { area: String::new(), ..caller.clone() };
    let mut answer = page::<ExtraEvent>(&app, &whole, &asked).await?;
    if let Some(items) = answer.get_mut("items").and_then(Value::as_array_mut) {
        items.retain(|item| {
            let record = item.get("record").cloned().and_then(|record| serde_json::from_value::<ExtraEvent>(record).ok());
            record.is_some_and(|event| event_concerns(&caller.area, &event))
        });
    }
    Ok(Json(answer))
}

/// True if an event concerns an area: it lies within, or the area lies within what it concerns and no single elder is meant.
pub(crate) fn event_concerns(area: &str, event: &ExtraEvent) -> bool {
    within(&event.area, area) || (event.elder.is_none() && within(area, &event.area))
}

/// An event as it is entered by hand.
#[derive(Debug, Deserialize)]
pub(crate) struct EventBody {
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) event: Option<String>,
    #[serde(default)]
    pub(crate) level: Option<Colour>,
    #[serde(default)]
    pub(crate) area: Option<String>,
    #[serde(default)]
    pub(crate) elder: Option<ElderId>,
    #[serde(default)]
    pub(crate) start: Option<Timestamp>,
    #[serde(default)]
    pub(crate) words: String,
}

pub(crate) async fn declare(State(app): State<App>, caller: Caller, Body(body): Body<EventBody>) -> Answer {
    let mut area = super::area_of(&caller, body.area.as_deref())?;
    if let Some(elder) = &body.elder {
        area = elder_of(&app, &caller, elder.as_str()).await?.area;
    }
    let event = ExtraEvent {
        id: app.parts.office.new_id(),
        kind: body.kind,
        event: body.event,
        level: body.level,
        codes: Vec::new(),
        area,
        elder: body.elder,
        start: body.start.unwrap_or(app.now()),
        end: None,
        words: body.words,
        way: Way::Hand,
        taken_at: app.now(),
        by: String::new(),
        state: EventState::Standing,
        replaced_by: None,
    };
    Ok(Json(shown(&app.parts.office.declare(event, caller.person.as_str()).await?)))
}

pub(crate) async fn withdraw(State(app): State<App>, caller: Caller, Id(id): Id, Body(_): Body<ReasonBody>) -> Answer {
    one::<ExtraEvent>(&app, &caller, &id).await?;
    Ok(Json(shown(&app.parts.office.withdraw_event(&id, caller.person.as_str()).await?)))
}

/// What became of a warning, as a word.
pub(crate) fn outcome(taken: &WarningTaken) -> Value {
    match taken {
        WarningTaken::Standing { event, amends } => json!({ "taken": "standing", "event": event, "amends": amends }),
        WarningTaken::Withdrew(events) => json!({ "taken": "withdrew", "events": events }),
        WarningTaken::Copy => json!({ "taken": "copy" }),
        WarningTaken::Expired => json!({ "taken": "expired" }),
        WarningTaken::Superseded => json!({ "taken": "superseded" }),
        WarningTaken::Elsewhere => json!({ "taken": "elsewhere" }),
    }
}

/// A warning by CAP, as the weather service pushes it.
pub(crate) async fn warn(State(app): State<App>, caller: Caller, body: Bytes) -> Answer {
    let warnings = app.parts.warnings.read(&body).map_err(|(zh, en)| Problem::Refused(vec![Refused::new(zh, en)]))?;
    let mut items = Vec::new();
    for warning in &warnings {
        items.push(outcome(&app.parts.office.take_warning(warning, Way::Push, caller.person.as_str()).await?));
    }
    Ok(Json(json!({ "items": items })))
}

pub(crate) async fn desks(State(app): State<App>, caller: Caller, Asked(asked): Asked<ListAsked>) -> Answer {
    let whole = Caller { area: String::new(), ..caller };
    page::<DepartmentDesk>(&app, &whole, &asked).await.map(Json)
}

pub(crate) async fn desk(State(app): State<App>, caller: Caller, Body(desk): Body<DepartmentDesk>) -> Answer {
    let before = app.parts.office.find::<DepartmentDesk>(desk.person.as_str()).await?.map_or(0, |kept| kept.version);
    app.parts.office.put(&desk, before, caller.person.as_str()).await?;
    Ok(Json(shown(&app.parts.office.get::<DepartmentDesk>(desk.person.as_str()).await?)))
}

