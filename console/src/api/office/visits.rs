//! Visits over the API: the due list, taking, synchronising what was written without signal, correcting, the flags.

use super::{ListAsked, area_of, elder_of, one, only, page, shown};
use crate::app::App;
use crate::caller::{Caller, Need};
use crate::extract::{Asked, Body, Id};
use crate::office::{DueRow, Finish, Kept, Taken};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use care::calendar::Month;
use care::office::{Refused, Visit};
use care::visit::GapWhen;
use serde::Deserialize;
use serde_json::{Value, json};

/// Visits in one synchronisation; a phone that has more sends again.
pub(crate) const SYNC_MAX: usize = 20;

pub(crate) fn due_row(caller: &Caller, row: &DueRow) -> Value {
    let duties: Vec<Value> = row
        .duties
        .iter()
        .map(|duty| {
            let gap = duty.gap.map(|gap| {
                let (when, by) = match gap.when {
                    GapWhen::Past => ("past", None),
                    GapWhen::Open => ("open", None),
                    GapWhen::Ahead(by) => ("ahead", Some(by)),
                };
                json!({ "from": gap.from, "to": gap.to, "days": gap.days, "when": when, "go_by": by })
            });
            json!({
                "id": duty.id, "modes": duty.modes, "window": [duty.first, duty.last], "state": duty.state.code(), "because": duty.because, "gap": gap,
            })
        })
        .collect();
    json!({ "elder": super::elders::brief(caller, &row.elder), "tier": row.tier, "by": row.by(), "last_home_visit": row.last_home_visit, "proposed": row.proposed, "duties": duties })
}

pub(crate) async fn due(State(app): State<App>, caller: Caller, Asked(asked): Asked<ListAsked>) -> Result<Json<Value>, Problem> {
    let area = area_of(&caller, asked.area.as_deref())?;
    let only = only(&app, &caller).await?;
    let max = crate::extract::limit(asked.limit)?;
    let rows = app.parts.office.due(&area, only.as_ref()).await?;
    let items: Vec<Value> = rows.iter().take(max).map(|row| due_row(&caller, row)).collect();
    Ok(Json(json!({ "items": items, "total": rows.len(), "today": app.parts.office.today() })))
}

pub(crate) async fn list(State(app): State<App>, caller: Caller, Asked(asked): Asked<ListAsked>) -> Result<Json<Value>, Problem> {
    page::<Visit>(&app, &caller, &asked).await.map(Json)
}

/// A visit as a phone sends it.
#[derive(Debug, Deserialize)]
pub(crate) struct TakeBody {
    pub(crate) record: Visit,
    /// Finished: it does not change any more.
    #[serde(default)]
    pub(crate) sign: bool,
}

fn taken(taken: &Taken) -> Value {
    let twins: Vec<Value> = taken.twins.iter().map(twin).collect();
    json!({ "visit": shown(&taken.visit), "again": taken.again, "twins": twins })
}

fn twin(other: &Visit) -> Value {
    json!({ "id": other.id, "visitor": other.visitor, "organisation": other.organisation, "start": other.start, "end": other.end, "mode": other.mode })
}

/// A visitor writes visits in the own name; whoever keeps the register may enter what is on paper for another.
async fn take_one(app: &App, caller: &Caller, body: TakeBody) -> Result<Taken, Problem> {
    elder_of(app, caller, body.record.elder.as_str()).await?;
    if body.record.visitor != caller.person && !Need::Office.met_by(caller.role) {
        return Err(Problem::Refused(vec![Refused::field("visitor", "只能登记本人的探访", "one's own visits only")]));
    }
    let finish = if body.sign { Finish::Sign } else { Finish::Draft };
    Ok(app.parts.office.take_visit(body.record, finish, &caller.person).await?)
}

pub(crate) async fn take(State(app): State<App>, caller: Caller, Body(body): Body<TakeBody>) -> Result<Json<Value>, Problem> {
    Ok(Json(taken(&take_one(&app, &caller, body).await?)))
}

/// What was written without signal.
#[derive(Debug, Deserialize)]
pub(crate) struct SyncBody {
    pub(crate) visits: Vec<TakeBody>,
}

/// Every visit is answered by itself: one that is refused keeps no other back. What was stored or is refused for good
/// need not be sent again.
pub(crate) async fn sync(State(app): State<App>, caller: Caller, Body(body): Body<SyncBody>) -> Result<Json<Value>, Problem> {
    if body.visits.len() > SYNC_MAX {
        return Err(Problem::Invalid { field: "visits", what: |w| w.invalid_limit });
    }
    let mut items = Vec::new();
    for visit in body.visits {
        let id = visit.record.id.clone();
        items.push(match take_one(&app, &caller, visit).await {
            Ok(done) => json!({ "id": id, "stored": true, "again": done.again, "version": done.visit.version, "twins": done.twins.iter().map(twin).collect::<Vec<_>>() }),
            Err(Problem::Unavailable) => return Err(Problem::Unavailable),
            Err(problem) => {
                let (zh, en) = (problem.text(care::Language::Zh), problem.text(care::Language::En));
                json!({ "id": id, "stored": false, "status": problem.status().as_u16(), "zh": zh.1, "en": en.1 })
            }
        });
    }
    Ok(Json(json!({ "items": items })))
}

pub(crate) async fn one_visit(State(app): State<App>, caller: Caller, Id(id): Id) -> Result<Json<Value>, Problem> {
    let kept: Kept<Visit> = one(&app, &caller, &id).await?;
    let office = &app.parts.office;
    let twins: Vec<Value> = office.twins(&kept.record).await?.iter().map(twin).collect();
    let versions: Vec<Value> = office.versions::<Visit>(&id).await?.iter().map(shown).collect();
    Ok(Json(json!({ "visit": shown(&kept), "twins": twins, "versions": versions })))
}

/// The visit as it should be, and why.
#[derive(Debug, Deserialize)]
pub(crate) struct CorrectBody {
    pub(crate) record: Visit,
    #[serde(default)]
    pub(crate) reason: String,
}

pub(crate) async fn correct(State(app): State<App>, caller: Caller, Id(id): Id, Body(body): Body<CorrectBody>) -> Result<Json<Value>, Problem> {
    let kept: Kept<Visit> = one(&app, &caller, &id).await?;
    let own = kept.record.visitor == caller.person;
    if body.record.id != id || (!own && !Need::Office.met_by(caller.role)) {
        return Err(Problem::NotFound);
    }
    Ok(Json(shown(&app.parts.office.correct_visit(body.record, &body.reason, &caller.person).await?)))
}

/// Some words.
#[derive(Debug, Deserialize)]
pub(crate) struct WordsBody {
    #[serde(default)]
    pub(crate) words: String,
}

pub(crate) async fn look(State(app): State<App>, caller: Caller, Id(id): Id, Body(body): Body<WordsBody>) -> Result<Json<Value>, Problem> {
    one::<Visit>(&app, &caller, &id).await?;
    Ok(Json(shown(&app.parts.office.look_at_remote(&id, &body.words, &caller.person).await?)))
}

pub(crate) async fn flags(State(app): State<App>, caller: Caller, Asked(asked): Asked<ListAsked>) -> Result<Json<Value>, Problem> {
    let area = area_of(&caller, asked.area.as_deref())?;
    let office = &app.parts.office;
    let month = asked.month.unwrap_or(Month::of(office.today()));
    let items: Vec<Value> = office
        .flagged(month, &area)
        .await?
        .into_iter()
        .map(|flag| {
            let why = |language| flag.why.render(language, office.zone());
            json!({ "visit": flag.record, "code": flag.why.code, "zh": why(care::Language::Zh), "en": why(care::Language::En) })
        })
        .collect();
    Ok(Json(json!({ "month": month, "items": items })))
}
