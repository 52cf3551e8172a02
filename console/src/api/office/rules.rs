//! Over the API: surveys as phones send them, copies on paper, versions of the policy.

use super::elders::ReasonBody;
use super::matters::WordsBody;
use super::{ListAsked, area_of, elder_of, one, page, shown};
use crate::app::App;
use crate::caller::Caller;
use crate::extract::{Asked, Body, Id};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use care::calendar::Month;
use care::office::copy::Form;
use care::office::survey::Went;
use care::office::{PaperCopy, Proposal, Survey};
use care::policy::show;
use care::{ElderId, HomeId, Language, Timestamp};
use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::{Value, json};

type Answer = Result<Json<Value>, Problem>;

/// Surveys in one synchronisation; a phone that has more sends again.
const SYNC_MAX: usize = 20;

/// What was written without signal.
#[derive(Debug, Deserialize)]
pub(crate) struct SurveysBody {
    surveys: Vec<WentBody>,
}

/// Somebody went to a home, as a phone says.
#[derive(Debug, Deserialize)]
pub(crate) struct WentBody {
    id: String,
    home: HomeId,
    at: Timestamp,
    #[serde(default)]
    nobody_in: bool,
    #[serde(default)]
    found: u8,
    #[serde(default)]
    words: String,
}

async fn go(app: &App, caller: &Caller, body: WentBody) -> Result<(&'static str, bool), Problem> {
    use care::office::Record;
    one::<Survey>(app, caller, body.home.as_str()).await?;
    if !care::id::well_formed(&body.id) {
        return Err(Problem::Invalid { field: "id", what: |w| w.invalid_field });
    }
    let went = Went { id: body.id, at: body.at, by: caller.person.clone(), nobody_in: body.nobody_in, found: body.found, words: body.words };
    let (kept, again) = app.parts.office.go_to_home(&body.home, went, &caller.person).await?;
    Ok((kept.record.state(), again))
}

/// Each is answered by itself: one that is refused keeps no other back. What was stored, or is refused for good, need not be
/// sent again.
pub(crate) async fn sync_surveys(State(app): State<App>, caller: Caller, Body(body): Body<SurveysBody>) -> Answer {
    if body.surveys.len() > SYNC_MAX {
        return Err(Problem::Invalid { field: "surveys", what: |w| w.invalid_limit });
    }
    let mut items = Vec::new();
    for went in body.surveys {
        let (id, home) = (went.id.clone(), went.home.clone());
        items.push(match go(&app, &caller, went).await {
            Ok((state, again)) => json!({ "id": id, "home": home, "stored": true, "again": again, "state": state }),
            // Somebody was faster, or the disk is full: the phone keeps it and sends it again.
            Err(problem @ (Problem::Unavailable | Problem::Changed)) => return Err(problem),
            Err(problem) => {
                let (zh, en) = (problem.text(Language::Zh), problem.text(Language::En));
                json!({ "id": id, "home": home, "stored": false, "status": problem.status().as_u16(), "zh": zh.1, "en": en.1 })
            }
        });
    }
    Ok(Json(json!({ "items": items })))
}

/// By when.
#[derive(Debug, Deserialize)]
pub(crate) struct LayOutBody {
    #[serde(default)]
    area: Option<String>,
    due_on: NaiveDate,
}

pub(crate) async fn lay_out(State(app): State<App>, caller: Caller, Body(body): Body<LayOutBody>) -> Answer {
    let area = area_of(&caller, body.area.as_deref())?;
    let laid = app.parts.office.lay_out_surveys(&area, body.due_on, &caller.person).await?;
    Ok(Json(json!({ "laid_out": laid })))
}

pub(crate) async fn copies(State(app): State<App>, caller: Caller, Asked(asked): Asked<ListAsked>) -> Answer {
    page::<PaperCopy>(&app, &caller, &asked).await.map(Json)
}

/// Which copy lies where.
#[derive(Debug, Deserialize)]
pub(crate) struct ShelveBody {
    elder: ElderId,
    form: Form,
    subject: String,
    number: u8,
    #[serde(default)]
    place: String,
}

pub(crate) async fn shelve(State(app): State<App>, caller: Caller, Body(body): Body<ShelveBody>) -> Answer {
    let elder = elder_of(&app, &caller, body.elder.as_str()).await?;
    Ok(Json(shown(&app.parts.office.shelve_copy(&elder.id, body.form, &body.subject, body.number, &body.place, &caller.person).await?)))
}

/// Which copy was destroyed, on what ground.
#[derive(Debug, Deserialize)]
pub(crate) struct DestroyBody {
    form: Form,
    subject: String,
    number: u8,
    #[serde(default)]
    ground: String,
}

pub(crate) async fn destroy(State(app): State<App>, caller: Caller, Body(body): Body<DestroyBody>) -> Answer {
    let name = PaperCopy::name(body.form, &body.subject, body.number);
    one::<PaperCopy>(&app, &caller, &name).await?;
    Ok(Json(shown(&app.parts.office.destroy_copy(&name, &body.ground, &caller.person).await?)))
}

/// The policy in force: in plain words, with what it reads into the document.
pub(crate) async fn policy(State(app): State<App>, _: Caller) -> Answer {
    let office = &app.parts.office;
    office.refresh().await?;
    let policy = office.policy()?;
    let readings: Vec<Value> = policy
        .interpretations
        .iter()
        .map(|one| json!({ "id": one.id, "quote": one.quote, "question": one.question, "chosen": one.chosen, "confirmed": one.confirmed() }))
        .collect();
    Ok(Json(json!({
        "version": policy.version, "hash": policy.hash, "effective_from": policy.effective_from, "readings": readings,
        "zh": show(&policy, Language::Zh), "en": show(&policy, Language::En),
    })))
}

/// What is kept for how long; the audit stays for good.
pub(crate) async fn retention(State(app): State<App>, _: Caller) -> Answer {
    let office = &app.parts.office;
    let (policy, rules) = (office.policy()?, office.rules());
    let kept = &rules.retention;
    Ok(Json(json!({
        "days": { "raw": rules.raw_days, "home_days": kept.home_days, "drafts": kept.drafts, "after_leaving": kept.after_leaving, "backups": kept.backups, "audit": null },
        "copies": { "annex-1": policy.registration_form.copies, "annex-2": policy.visit_form.copies },
    })))
}

pub(crate) async fn policies(State(app): State<App>, caller: Caller, Asked(asked): Asked<ListAsked>) -> Answer {
    let whole = Caller { area: String::new(), ..caller };
    let mut answer = page::<Proposal>(&app, &whole, &asked).await?;
    let in_force: Vec<Value> = app
        .parts
        .office
        .rules()
        .policies
        .versions()
        .iter()
        .map(|one| json!({ "version": one.version, "effective_from": one.effective_from, "effective_to": one.effective_to, "hash": one.hash }))
        .collect();
    if let Some(fields) = answer.as_object_mut() {
        fields.insert("versions".into(), in_force.into());
    }
    Ok(Json(answer))
}

/// A policy file, and why.
#[derive(Debug, Deserialize)]
pub(crate) struct ProposeBody {
    text: String,
    #[serde(default)]
    words: String,
}

pub(crate) async fn propose(State(app): State<App>, caller: Caller, Body(body): Body<ProposeBody>) -> Answer {
    Ok(Json(shown(&app.parts.office.propose(&body.text, &body.words, &caller.person).await?)))
}

pub(crate) async fn try_policy(State(app): State<App>, _: Caller, Id(id): Id, Asked(asked): Asked<ListAsked>) -> Answer {
    let office = &app.parts.office;
    let kept = office.get::<Proposal>(&id).await?;
    let month = asked.month.unwrap_or(Month::of(office.today()).previous());
    let (moved, of) = office.try_policy(&kept.record.text, month).await?;
    let items: Vec<Value> = moved.iter().map(|one| json!({ "elder": one.elder, "from": one.from, "to": one.to, "gone": one.gone, "new": one.new })).collect();
    Ok(Json(json!({ "month": month, "of": of, "items": items })))
}

pub(crate) async fn activate(State(app): State<App>, caller: Caller, Id(id): Id, Body(body): Body<WordsBody>) -> Answer {
    Ok(Json(shown(&app.parts.office.activate(&id, &body.words, &caller.person).await?)))
}

pub(crate) async fn refuse(State(app): State<App>, caller: Caller, Id(id): Id, Body(body): Body<ReasonBody>) -> Answer {
    Ok(Json(shown(&app.parts.office.refuse_policy(&id, &body.reason, &caller.person).await?)))
}
