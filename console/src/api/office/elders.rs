//! The register: elders, consents, reviews, surveys, family contacts, visitors, pairings; and the rights of the person.

use super::{ListAsked, area_of, elder_of, inside, only, page, page_with, shown};
use crate::app::App;
use crate::caller::{Caller, Need};
use crate::extract::{Asked, Body, Id, Ids, cursor, limit};
use crate::look::Look;
use crate::mask;
use crate::office::{Brief, Kept, Worklist, changes_masked, masked};
use crate::people::reads;
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use care::office::elder::SourceKind;
use care::office::{Consent, ConsentState, ConsentStep, ElderFile, FamilyContact, Pairing, Proof, Record, Refused, Review, Survey, Visitor, category};
use care::visit::answer::ElderAnswer;
use care::{ElderId, Timestamp};
use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::{Value, json};
use store::register::Role;

/// The elder of a list. Those who do not keep the register or visit see no names.
pub(super) fn brief(caller: &Caller, brief: &Brief) -> Value {
    let name = if Need::Visit.met_by(caller.role) { brief.name.clone() } else { mask::name(&brief.name) };
    json!({
        "id": brief.id, "home": brief.home, "area": brief.area, "name": name, "born": brief.born, "tier": brief.tier, "categories": brief.categories,
        "review_due": brief.review_due, "has_first_contact": brief.has_first_contact, "left_on": brief.left_on, "version": brief.version,
    })
}

pub(crate) async fn list(State(app): State<App>, caller: Caller, Asked(asked): Asked<ListAsked>) -> Result<Json<Value>, Problem> {
    let area = area_of(&caller, asked.area.as_deref())?;
    let which = match asked.list.as_deref() {
        None | Some("all") => Worklist::All,
        Some("no_first_contact") => Worklist::NoFirstContact,
        Some("review_due") => Worklist::ReviewDue,
        Some("card_ends") => Worklist::CardEnds,
        Some("no_tier") => Worklist::NoTier,
        Some("left") => Worklist::Left,
        Some(_) => return Err(Problem::Invalid { field: "list", what: |w| w.invalid_field }),
    };
    let max = limit(asked.limit)?;
    let after = cursor(asked.cursor)?.map(ElderId::new);
    let text = asked.text.unwrap_or_default();
    let only = only(&app, &caller).await?;
    let found = app.parts.office.elders(&area, which, text.trim(), after.as_ref(), max).await?;
    let next = (found.len() >= max).then(|| found.last().map(|last| last.id.clone())).flatten();
    let items: Vec<Value> = found.iter().filter(|one| only.as_ref().is_none_or(|only| only.contains(&one.id))).map(|one| brief(&caller, one)).collect();
    Ok(Json(json!({ "items": items, "next": next })))
}

pub(crate) async fn one_elder(State(app): State<App>, caller: Caller, Id(id): Id) -> Result<Json<Value>, Problem> {
    let brief = elder_of(&app, &caller, &id).await?;
    let office = &app.parts.office;
    let kept: Kept<ElderFile> = office.get(&id).await?;
    reads::opened(&app, &caller, "elder.read", &id).await?;
    let today = office.today();
    let decisions: Vec<Value> = category::decisions(&kept.record, today)
        .into_iter()
        .map(|one| {
            let why = |language| one.why.render(language, office.zone());
            json!({ "category": one.category, "verdict": one.verdict, "entered": one.entered, "differs": one.differs(),
                    "why": { "zh": why(care::Language::Zh), "en": why(care::Language::En) } })
        })
        .collect();
    let consents: Vec<Value> = office.consents_of(&brief.id).await?.iter().map(shown).collect();
    let policy = office.policy()?;
    let tier = kept.record.computed_tier(&policy, today);
    Ok(Json(json!({
        "version": kept.version, "written_at": kept.written_at, "written_by": kept.written_by, "record": masked(&kept.record),
        "computed_tier": tier, "review_due": brief.review_due, "decisions": decisions, "consents": consents,
        "may_be_destitute": category::may_be_destitute(&kept.record, today), "suggestions": category::suggestions(&kept.record, today), "held": office.is_held(&brief.id).await?,
    })))
}

/// What was owed to an elder in the last half-year, as `policy evaluate` answers, and the events that concern the elder.
pub(crate) async fn duties(State(app): State<App>, caller: Caller, Id(id): Id, headers: HeaderMap) -> Result<Json<Value>, Problem> {
    let elder = elder_of(&app, &caller, &id).await?;
    let language = Look::of(&app, &headers).language;
    let owed = app.parts.office.duties_of(&elder.id, move |facts, of| serde_json::to_value(ElderAnswer::new(facts, of, language)).unwrap_or_default()).await?;
    let events = app.parts.office.events_about(&elder.id).await?;
    Ok(Json(json!({ "owed": owed, "events": events })))
}

/// A file, and the version that it was made from; 0 for a new one.
#[derive(Debug, Deserialize)]
pub(crate) struct SaveBody {
    #[serde(default)]
    pub(crate) version: u32,
    /// Where the facts come from.
    #[serde(default)]
    pub(crate) source: Option<SourceKind>,
    pub(crate) record: ElderFile,
}

async fn may_write(app: &App, caller: &Caller, body: &SaveBody) -> Result<(), Problem> {
    inside(caller, &body.record.area)?;
    if body.version > 0 {
        elder_of(app, caller, body.record.id.as_str()).await?;
    }
    if let Some(home) = app.parts.register.home(&body.record.home).await?
        && home.area != body.record.area
    {
        return Err(Problem::Refused(vec![Refused::field("area", "与住所登记的区域不一致", "the home is registered in another area")]));
    }
    Ok(())
}

pub(crate) async fn save(State(app): State<App>, caller: Caller, Body(body): Body<SaveBody>) -> Result<Json<Value>, Problem> {
    may_write(&app, &caller, &body).await?;
    let id = body.record.id.clone();
    let source = body.source.unwrap_or(SourceKind::Survey);
    app.parts.office.save_elder(body.record, body.version, &caller.person, source, None).await?;
    one_elder(State(app), caller, Id(id.to_string())).await
}

pub(crate) async fn review(State(app): State<App>, caller: Caller, Id(id): Id, Body(body): Body<SaveBody>) -> Result<Json<Value>, Problem> {
    may_write(&app, &caller, &body).await?;
    if body.record.id.as_str() != id {
        return Err(Problem::NotFound);
    }
    let mut review = app.parts.office.review_elder(body.record, body.version, &caller.person).await?;
    changes_masked(&mut review.changes);
    Ok(Json(json!({ "record": review })))
}

/// A field, and why it must be seen.
#[derive(Debug, Deserialize)]
pub(crate) struct RevealBody {
    pub(crate) field: String,
    pub(crate) reason: Why,
}

/// Why a masked field must be seen.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Why {
    Alarm,
    CallBack,
    Identity,
    Correction,
    Visit,
    Referral,
}

impl Why {
    fn word(self) -> &'static str {
        match self {
            Self::Alarm => "alarm",
            Self::CallBack => "call_back",
            Self::Identity => "identity",
            Self::Correction => "correction",
            Self::Visit => "visit",
            Self::Referral => "referral",
        }
    }
}

pub(crate) async fn reveal(State(app): State<App>, caller: Caller, Id(id): Id, Body(body): Body<RevealBody>) -> Result<Json<Value>, Problem> {
    let elder = elder_of(&app, &caller, &id).await?;
    let value = app.parts.office.reveal(&elder.id, &body.field, body.reason.word(), &caller.person).await?;
    Ok(Json(json!({ "value": value })))
}

pub(crate) async fn versions(State(app): State<App>, caller: Caller, Id(id): Id) -> Result<Json<Value>, Problem> {
    elder_of(&app, &caller, &id).await?;
    let versions: Vec<Kept<ElderFile>> = app.parts.office.versions(&id).await?;
    let items: Vec<Value> = versions
        .iter()
        .map(|kept| json!({ "version": kept.version, "written_at": kept.written_at, "written_by": kept.written_by, "record": masked(&kept.record) }))
        .collect();
    Ok(Json(json!({ "items": items })))
}

/// What was said about a purpose.
#[derive(Debug, Deserialize)]
pub(crate) struct ConsentBody {
    pub(crate) state: ConsentState,
    /// When; left out: now.
    #[serde(default)]
    pub(crate) at: Option<Timestamp>,
    /// Who said it.
    pub(crate) said_by: String,
    #[serde(default)]
    pub(crate) proof: Option<Proof>,
    #[serde(default)]
    pub(crate) reason: String,
    #[serde(default)]
    pub(crate) ask_again_on: Option<NaiveDate>,
}

pub(crate) async fn consent(State(app): State<App>, caller: Caller, Ids(id, purpose): Ids, Body(body): Body<ConsentBody>) -> Result<Json<Value>, Problem> {
    let elder = elder_of(&app, &caller, &id).await?;
    let step = ConsentStep {
        state: body.state,
        at: body.at.unwrap_or(app.now()),
        said_by: body.said_by,
        taken_by: caller.person.clone(),
        proof: body.proof,
        reason: body.reason,
        ask_again_on: body.ask_again_on,
    };
    Ok(Json(shown(&app.parts.office.consent(&elder.id, &purpose, step, &caller.person).await?)))
}

pub(crate) async fn copy(State(app): State<App>, caller: Caller, Id(id): Id) -> Result<Json<Value>, Problem> {
    let elder = elder_of(&app, &caller, &id).await?;
    Ok(Json(app.parts.office.copy_of(&elder.id, &caller.person).await?))
}

/// On what ground.
#[derive(Debug, Deserialize)]
pub(crate) struct ReasonBody {
    #[serde(default)]
    pub(crate) reason: String,
}

pub(crate) async fn erase(State(app): State<App>, caller: Caller, Id(id): Id, Body(body): Body<ReasonBody>) -> Result<Json<Value>, Problem> {
    let elder = elder_of(&app, &caller, &id).await?;
    let gone = app.parts.office.erase_elder(&elder.id, &body.reason, &caller.person).await?;
    Ok(Json(json!({ "records": gone })))
}

pub(crate) async fn hold(State(app): State<App>, caller: Caller, Id(id): Id, Body(body): Body<ReasonBody>) -> Result<Json<Value>, Problem> {
    let elder = elder_of(&app, &caller, &id).await?;
    app.parts.office.hold(&elder.id, &body.reason, &caller.person).await?;
    Ok(Json(json!({ "held": true })))
}

pub(crate) async fn lift_hold(State(app): State<App>, caller: Caller, Id(id): Id, Body(body): Body<ReasonBody>) -> Result<Json<Value>, Problem> {
    let elder = elder_of(&app, &caller, &id).await?;
    app.parts.office.lift_hold(&elder.id, &body.reason, &caller.person).await?;
    Ok(Json(json!({ "held": false })))
}

pub(crate) async fn consents(State(app): State<App>, caller: Caller, Asked(asked): Asked<ListAsked>) -> Result<Json<Value>, Problem> {
    page::<Consent>(&app, &caller, &asked).await.map(Json)
}

pub(crate) async fn reviews(State(app): State<App>, caller: Caller, Asked(asked): Asked<ListAsked>) -> Result<Json<Value>, Problem> {
    page_with::<Review>(&app, &caller, &asked, |review| changes_masked(&mut review.changes)).await.map(Json)
}

pub(crate) async fn surveys(State(app): State<App>, caller: Caller, Asked(asked): Asked<ListAsked>) -> Result<Json<Value>, Problem> {
    page::<Survey>(&app, &caller, &asked).await.map(Json)
}

/// A record, and the version that it was made from; 0 for a new one.
#[derive(Debug, Deserialize)]
pub(crate) struct RecordBody<R> {
    #[serde(default)]
    pub(crate) version: u32,
    pub(crate) record: R,
}

async fn put<R: Record>(app: &App, caller: &Caller, body: RecordBody<R>) -> Result<Json<Value>, Problem> {
    inside(caller, body.record.area())?;
    let id = body.record.id();
    if body.version > 0 {
        super::one::<R>(app, caller, &id).await?;
    }
    app.parts.office.put(&body.record, body.version, caller.person.as_str()).await?;
    Ok(Json(shown(&app.parts.office.get::<R>(&id).await?)))
}

pub(crate) async fn survey(State(app): State<App>, caller: Caller, Body(mut body): Body<RecordBody<Survey>>) -> Result<Json<Value>, Problem> {
    if let Some(done) = &mut body.record.done {
        (done.at, done.by) = (app.now(), caller.person.clone());
    }
    put(&app, &caller, body).await
}

pub(crate) async fn family_contacts(State(app): State<App>, caller: Caller, Asked(asked): Asked<ListAsked>) -> Result<Json<Value>, Problem> {
    page::<FamilyContact>(&app, &caller, &asked).await.map(Json)
}

pub(crate) async fn family_contact(State(app): State<App>, caller: Caller, Body(mut body): Body<RecordBody<FamilyContact>>) -> Result<Json<Value>, Problem> {
    let elder = elder_of(&app, &caller, body.record.elder.as_str()).await?;
    (body.record.home, body.record.area, body.record.by) = (elder.home, elder.area, caller.person.clone());
    if body.record.id.is_empty() {
        body.record.id = app.parts.office.new_id();
    }
    put(&app, &caller, body).await
}

pub(crate) async fn visitors(State(app): State<App>, caller: Caller, Asked(asked): Asked<ListAsked>) -> Result<Json<Value>, Problem> {
    page::<Visitor>(&app, &caller, &asked).await.map(Json)
}

pub(crate) async fn visitor(State(app): State<App>, caller: Caller, Body(body): Body<RecordBody<Visitor>>) -> Result<Json<Value>, Problem> {
    put(&app, &caller, body).await
}

pub(crate) async fn suspend(State(app): State<App>, caller: Caller, Id(id): Id, Body(body): Body<ReasonBody>) -> Result<Json<Value>, Problem> {
    super::one::<Visitor>(&app, &caller, &id).await?;
    let now = app.now();
    let by = caller.person.clone();
    let kept = app.parts.office.step(&id, "visitor.suspend", &by, |visitor: Visitor| visitor.suspend(&by, &body.reason, now)).await?;
    Ok(Json(shown(&kept)))
}

pub(crate) async fn resume(State(app): State<App>, caller: Caller, Id(id): Id) -> Result<Json<Value>, Problem> {
    super::one::<Visitor>(&app, &caller, &id).await?;
    Ok(Json(shown(&app.parts.office.step(&id, "visitor.resume", &caller.person, Visitor::resume).await?)))
}

pub(crate) async fn pairings(State(app): State<App>, caller: Caller, Asked(asked): Asked<ListAsked>) -> Result<Json<Value>, Problem> {
    page::<Pairing>(&app, &caller, &asked).await.map(Json)
}

pub(crate) async fn pairing(State(app): State<App>, caller: Caller, Body(mut body): Body<RecordBody<Pairing>>) -> Result<Json<Value>, Problem> {
    let elder = elder_of(&app, &caller, body.record.elder.as_str()).await?;
    (body.record.home, body.record.area) = (elder.home, elder.area);
    if body.record.id.is_empty() {
        body.record.id = app.parts.office.new_id();
    }
    if app.parts.register.person(&body.record.visitor).await?.is_some_and(|person| !matches!(person.role, Role::Visitor | Role::VillageLiaison))
        && app.parts.office.find::<Visitor>(body.record.visitor.as_str()).await?.is_none()
    {
        return Err(Problem::Refused(vec![Refused::field("visitor", "不是登记的探访人员", "this is no registered visitor")]));
    }
    put(&app, &caller, body).await
}
