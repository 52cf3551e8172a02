//! Plans of action, rotas, daily calls, and the worklist of homes whose plan reaches too few people.

use super::openapi::{Refusals, VerbRefusals};
use crate::app::App;
use crate::caller::Caller;
use crate::extract::{Asked, Body, cursor, limit};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use care::plan::{Lack, Plan, Rota, SPEAKING_DEVICE, is_authority_number, is_round_the_clock, lack, rota_of};
use care::{Cause, ContactId, ElderId, HomeId, Level, Timestamp};
use serde::{Deserialize, Serialize};
use store::LedgerError;
use store::register::{ContactRecord, PlanRecord, PlanScope, Put, within};
use store::sheet::{Sheet, SheetAsk};
use utoipa::{IntoParams, ToSchema};

/// The kind of sheet that holds rotas.
pub(crate) const ROTA: &str = "rota";
/// The kind of sheet that holds daily calls.
const WELL_CALL: &str = "well_call";
/// Homes looked through for one page of the worklist.
const SCAN_MAX: usize = 2_000;

/// Which plans.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PlansAsked {
    /// Only the plans that can hold for this home: its elders', its own, its areas', the city's.
    pub(crate) home: Option<String>,
}

/// A plan of action and where it holds.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct PlanShape {
    /// `{"kind":"elder"|"home"|"area","id":...}` or `{"kind":"city"}`.
    #[schema(value_type = Object)]
    pub(crate) scope: PlanScope,
    /// The home of the elder, if the scope is an elder's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) home: Option<String>,
    /// For which cause; left out = every cause without a plan of its own.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub(crate) cause: Option<Cause>,
    /// For which level; left out = every level.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub(crate) level: Option<Level>,
    /// Rungs, waits, check call, hours.
    #[schema(value_type = Object)]
    pub(crate) plan: Plan,
}

/// Plans of action.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlanPage {
    pub(crate) items: Vec<PlanShape>,
}

/// Which plan ends.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct EndBody {
    #[schema(value_type = Object)]
    pub(crate) scope: PlanScope,
    #[serde(default)]
    pub(crate) home: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub(crate) cause: Option<Cause>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub(crate) level: Option<Level>,
}

/// Who is on duty when.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct RotaShape {
    /// A rung names it as the contact `rota.NAME`.
    pub(crate) name: String,
    /// The area it belongs to.
    #[serde(default)]
    pub(crate) area: String,
    /// The version this one replaces; 0 = it is new.
    #[serde(default)]
    pub(crate) version: u32,
    /// Shifts with contact, from, to, stand-in; who has the duty otherwise.
    #[schema(value_type = Object)]
    pub(crate) rota: Rota,
    /// Who is on duty now, the best first.
    #[serde(default, skip_deserializing)]
    pub(crate) on_duty: Vec<String>,
}

/// Rotas.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RotaPage {
    pub(crate) items: Vec<RotaShape>,
}

/// An elder's wish for a daily call.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct WellCallShape {
    pub(crate) home: String,
    pub(crate) elder: String,
    /// Minute of the local day at which the first call is made.
    #[schema(minimum = 0, maximum = 1439)]
    pub(crate) minute: u32,
    /// False: the wish is taken back.
    pub(crate) on: bool,
}

/// Elders with a daily call.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WellCallPage {
    pub(crate) items: Vec<WellCallShape>,
}

/// Where to go on.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct WorklistAsked {
    /// `next` of the page before.
    pub(crate) cursor: Option<String>,
    /// Most items.
    #[param(minimum = 1, maximum = 500, default = 100)]
    pub(crate) limit: Option<usize>,
}

/// What a plan lacks.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LackName {
    /// Nobody is called: only the operators' queue.
    NoRungs,
    /// Fewer than three people, and nobody round the clock.
    TooFew,
}

/// A home whose plan for a press of the button reaches too few people.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LackShape {
    pub(crate) home: String,
    pub(crate) elders: Vec<String>,
    pub(crate) lack: LackName,
}

/// Homes whose plan reaches too few people.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LackPage {
    pub(crate) items: Vec<LackShape>,
    /// The cursor of the next page; null: this was the last one.
    pub(crate) next: Option<String>,
}

/// Refuses what lies outside the caller's area.
pub(crate) async fn may(app: &App, caller: &Caller, scope: &PlanScope, home: Option<&str>) -> Result<(), Problem> {
    let bad = Problem::Invalid { field: "scope", what: |w| w.invalid_scope };
    let fine = match scope {
        PlanScope::City => caller.sees_everything(),
        PlanScope::Area(path) => caller.sees_area(path),
        PlanScope::Home(home) => app.sees(caller, home).await? && app.parts.register.home(home).await?.is_some(),
        PlanScope::Elder(elder) => {
            let home = HomeId::new(home.filter(|h| care::id::well_formed(h)).ok_or(bad.clone())?);
            app.sees(caller, &home).await? && app.parts.register.elder_ids_of(&home).await?.contains(elder)
        }
    };
    if fine { Ok(()) } else { Err(bad) }
}

/// What is known of everybody whom a plan calls.
pub(crate) struct People {
    contacts: Vec<(ContactId, Option<ContactRecord>, Option<Rota>)>,
    now: Timestamp,
}

impl People {
    pub(crate) async fn of(app: &App, plan: &Plan) -> Result<Self, LedgerError> {
        let mut contacts: Vec<(ContactId, Option<ContactRecord>, Option<Rota>)> = Vec::new();
        for entry in plan.rungs.iter().flat_map(|r| &r.contacts) {
            if contacts.iter().any(|(id, _, _)| *id == entry.contact) {
                continue;
            }
            let (record, rota) = match rota_of(&entry.contact) {
                Some(name) => (None, app.parts.register.sheet(ROTA, name).await?.and_then(|s| serde_json::from_value(s.body).ok())),
                None => (app.parts.register.contact(&entry.contact).await?, None),
            };
            contacts.push((entry.contact.clone(), record, rota));
        }
        Ok(Self { contacts, now: app.now() })
    }

    pub(crate) fn round_the_clock(&self, id: &ContactId) -> bool {
        let found = self.contacts.iter().find(|(contact, _, _)| contact == id);
        found.is_some_and(|(id, record, rota)| {
            is_round_the_clock(id, record.as_ref().map_or("", |r| r.relation.as_str()), rota.as_ref(), self.now)
        })
    }

    /// Why a plan may not call them.
    fn refused(&self, app: &App) -> Option<Problem> {
        let nobody = |record: &Option<ContactRecord>| record.as_ref().is_none_or(|r| r.relation == SPEAKING_DEVICE);
        if self.contacts.iter().any(|(_, record, rota)| nobody(record) && rota.is_none()) {
            return Some(Problem::Invalid { field: "plan", what: |w| w.invalid_plan_contact });
        }
        let numbers = self.contacts.iter().filter_map(|(_, record, _)| record.as_ref()).flat_map(|r| ["voice", "sms"].map(|c| r.addresses.get(c)));
        let authority = numbers.flatten().any(|n| is_authority_number(n) && !app.settings.consents.contains(n));
        authority.then_some(Problem::Invalid { field: "plan", what: |w| w.invalid_plan_authority })
    }
}

/// Plans of action that the caller may see.
#[utoipa::path(get, path = "/api/v1/plans", tag = "plans", params(PlansAsked), responses((status = 200, body = PlanPage), Refusals))]
pub(crate) async fn list(State(app): State<App>, caller: Caller, Asked(asked): Asked<PlansAsked>) -> Result<Json<PlanPage>, Problem> {
    let plans = app.parts.register.plans().await?;
    let home = asked.home.filter(|h| care::id::well_formed(h)).map(HomeId::new);
    let (area, elders) = match &home {
        Some(home) if app.sees(&caller, home).await? => {
            (app.parts.register.home(home).await?.map(|r| r.area), app.parts.register.elder_ids_of(home).await?)
        }
        Some(_) => return Err(Problem::NotFound),
        None => (None, Vec::new()),
    };
    let mut items = Vec::new();
    for PlanRecord { scope, cause, level, plan } in plans {
        let wanted = match (&scope, &home) {
            (PlanScope::City, _) => true,
            (PlanScope::Area(path), Some(_)) => area.as_deref().is_some_and(|a| within(a, path)),
            (PlanScope::Home(id), Some(home)) => id == home,
            (PlanScope::Elder(id), Some(_)) => elders.contains(id),
            (PlanScope::Area(path), None) => caller.sees_area(path) || within(&caller.area, path),
            (PlanScope::Home(id), None) => !app.is_canary(id) && app.sees(&caller, id).await?,
            (PlanScope::Elder(_), None) => caller.sees_everything(),
        };
        if wanted {
            let home = if let (PlanScope::Elder(_), Some(home)) = (&scope, &home) { Some(home.to_string()) } else { None };
            items.push(PlanShape { scope, home, cause, level, plan });
        }
    }
    Ok(Json(PlanPage { items }))
}

/// Put a plan, replacing the one of the same scope, cause and level. An elder's or a home's plan must reach three
/// people, or somebody round the clock.
#[utoipa::path(post, path = "/api/v1/plans", tag = "plans", request_body = PlanShape, responses((status = 204), Refusals, VerbRefusals))]
pub(crate) async fn put(State(app): State<App>, caller: Caller, Body(body): Body<PlanShape>) -> Result<StatusCode, Problem> {
    may(&app, &caller, &body.scope, body.home.as_deref()).await?;
    body.plan.check().map_err(|_| Problem::Invalid { field: "plan", what: |w| w.invalid_plan })?;
    let people = People::of(&app, &body.plan).await?;
    if let Some(problem) = people.refused(&app) {
        return Err(problem);
    }
    let near = matches!(body.scope, PlanScope::Elder(_) | PlanScope::Home(_));
    let quiet = matches!(body.level, Some(Level::Technical | Level::Attention));
    if near && !quiet && lack(&body.plan, |c| people.round_the_clock(c)).is_some() {
        return Err(Problem::Invalid { field: "plan", what: |w| w.invalid_plan_few });
    }
    let subject = subject(&body.scope, body.cause.as_ref());
    let record = PlanRecord { scope: body.scope, cause: body.cause, level: body.level, plan: body.plan };
    write(&app, &caller, Put::Plan(record), "plan.put", subject).await
}

/// End a plan: the next nearest holds from now on. The city's plan for red alarms can be replaced, not ended.
#[utoipa::path(post, path = "/api/v1/plans/end", tag = "plans", request_body = EndBody, responses((status = 204), Refusals, VerbRefusals))]
pub(crate) async fn end(State(app): State<App>, caller: Caller, Body(body): Body<EndBody>) -> Result<StatusCode, Problem> {
    may(&app, &caller, &body.scope, body.home.as_deref()).await?;
    let city = body.scope == PlanScope::City && body.cause.is_none() && body.level.is_none_or(|l| l == Level::Red);
    if city {
        return Err(Problem::Invalid { field: "scope", what: |w| w.invalid_plan_last });
    }
    let known = app.parts.register.plans().await?;
    if !known.iter().any(|p| p.scope == body.scope && p.cause == body.cause && p.level == body.level) {
        return Err(Problem::NotFound);
    }
    let subject = subject(&body.scope, body.cause.as_ref());
    write(&app, &caller, Put::EndPlan { scope: body.scope, cause: body.cause, level: body.level }, "plan.end", subject).await
}

fn subject(scope: &PlanScope, cause: Option<&Cause>) -> String {
    let place = match scope {
        PlanScope::Elder(id) => format!("elder/{id}"),
        PlanScope::Home(id) => format!("home/{id}"),
        PlanScope::Area(path) => format!("area/{path}"),
        PlanScope::City => "city".to_owned(),
    };
    cause.map_or(place.clone(), |cause| format!("{place} {cause}"))
}

async fn write(app: &App, caller: &Caller, put: Put, action: &str, subject: String) -> Result<StatusCode, Problem> {
    let audit = Put::Audit { at: app.now(), who: caller.person.to_string(), action: action.to_owned(), subject };
    match app.parts.register.put(vec![put, audit]).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(LedgerError::Conflict) => Err(Problem::Invalid { field: "version", what: |w| w.invalid_version }),
        Err(error) => Err(error.into()),
    }
}

/// Rotas of the caller's area, with who is on duty now.
#[utoipa::path(get, path = "/api/v1/rotas", tag = "plans", responses((status = 200, body = RotaPage), Refusals))]
pub(crate) async fn rotas(State(app): State<App>, caller: Caller) -> Result<Json<RotaPage>, Problem> {
    let now = app.now();
    let sheets = app.parts.register.sheets(&SheetAsk::of(ROTA).area(&caller.area).max(500)).await?;
    let items = sheets.into_iter().filter_map(|sheet| {
        let rota: Rota = serde_json::from_value(sheet.body).ok()?;
        let on_duty = rota.on_duty(now).iter().map(ToString::to_string).collect();
        Some(RotaShape { name: sheet.id, area: sheet.area, version: sheet.version, rota, on_duty })
    });
    Ok(Json(RotaPage { items: items.collect() }))
}

/// Put a rota. `version` is the one that it replaces.
#[utoipa::path(post, path = "/api/v1/rotas", tag = "plans", request_body = RotaShape, responses((status = 204), Refusals, VerbRefusals))]
pub(crate) async fn put_rota(State(app): State<App>, caller: Caller, Body(body): Body<RotaShape>) -> Result<StatusCode, Problem> {
    if !care::id::well_formed(&body.name) || body.name.len() > 50 {
        return Err(Problem::Invalid { field: "name", what: |w| w.invalid_field });
    }
    if !caller.sees_area(&body.area) {
        return Err(Problem::Invalid { field: "area", what: |w| w.invalid_scope });
    }
    if let Some(before) = app.parts.register.sheet(ROTA, &body.name).await?
        && !caller.sees_area(&before.area)
    {
        return Err(Problem::NotFound);
    }
    if body.rota.fault().is_some() {
        return Err(Problem::Invalid { field: "rota", what: |w| w.invalid_rota });
    }
    let everybody = body.rota.shifts.iter().flat_map(|s| [Some(&s.contact), s.stand_in.as_ref()]).chain([body.rota.otherwise.as_ref()]).flatten();
    for id in everybody.collect::<std::collections::BTreeSet<_>>() {
        if app.parts.register.contact(id).await?.is_none() {
            return Err(Problem::Invalid { field: "rota", what: |w| w.invalid_plan_contact });
        }
    }
    let now = app.now();
    let sheet = Sheet {
        kind: ROTA.to_owned(),
        id: body.name.clone(),
        version: body.version.saturating_add(1),
        area: body.area,
        home: None,
        elder: None,
        at: now,
        state: "on".to_owned(),
        body: serde_json::to_value(&body.rota).map_err(|_| Problem::Unavailable)?,
        written_at: now,
        written_by: caller.person.to_string(),
    };
    write(&app, &caller, Put::Sheet(sheet), "rota.put", body.name).await
}

/// Elders with a daily call, of homes that the caller may see.
#[utoipa::path(get, path = "/api/v1/well-calls", tag = "plans", responses((status = 200, body = WellCallPage), Refusals))]
pub(crate) async fn well_calls(State(app): State<App>, caller: Caller) -> Result<Json<WellCallPage>, Problem> {
    let sheets = app.parts.register.sheets(&SheetAsk::of(WELL_CALL).area(&caller.area).state("on").max(1_000)).await?;
    let items = sheets.into_iter().filter_map(|sheet| {
        let minute = u32::try_from(sheet.body.get("minute")?.as_u64()?).ok()?;
        Some(WellCallShape { home: sheet.home?.to_string(), elder: sheet.elder?.to_string(), minute, on: true })
    });
    Ok(Json(WellCallPage { items: items.collect() }))
}

/// Begin, change or end an elder's daily call.
#[utoipa::path(post, path = "/api/v1/well-calls", tag = "plans", request_body = WellCallShape, responses((status = 204), Refusals, VerbRefusals))]
pub(crate) async fn put_well_call(State(app): State<App>, caller: Caller, Body(body): Body<WellCallShape>) -> Result<StatusCode, Problem> {
    if body.minute > 1439 {
        return Err(Problem::Invalid { field: "minute", what: |w| w.invalid_minute });
    }
    let scope = PlanScope::Elder(ElderId::new(body.elder.as_str()));
    may(&app, &caller, &scope, Some(&body.home)).await?;
    let home = HomeId::new(body.home);
    let area = app.parts.register.home(&home).await?.map(|r| r.area).unwrap_or_default();
    let before = app.parts.register.sheet(WELL_CALL, &body.elder).await?.map_or(0, |s| s.version);
    let now = app.now();
    let sheet = Sheet {
        kind: WELL_CALL.to_owned(),
        id: body.elder.clone(),
        version: before.saturating_add(1),
        area,
        home: Some(home),
        elder: Some(ElderId::new(body.elder.as_str())),
        at: now,
        state: if body.on { "on" } else { "off" }.to_owned(),
        body: serde_json::json!({ "minute": body.minute }),
        written_at: now,
        written_by: caller.person.to_string(),
    };
    write(&app, &caller, Put::Sheet(sheet), if body.on { "well_call.on" } else { "well_call.off" }, body.elder).await
}

/// Homes whose plan for a press of the button reaches fewer than three people and nobody round the clock.
#[utoipa::path(get, path = "/api/v1/worklists/plans", tag = "worklists", params(WorklistAsked), responses((status = 200, body = LackPage), Refusals))]
pub(crate) async fn lacking(State(app): State<App>, caller: Caller, Asked(asked): Asked<WorklistAsked>) -> Result<Json<LackPage>, Problem> {
    let most = limit(asked.limit)?;
    let after = cursor(asked.cursor)?.map(HomeId::new);
    let homes = app.parts.register.homes(after.as_ref(), SCAN_MAX).await?;
    let is_last = homes.len() < SCAN_MAX;
    let (mut items, mut last) = (Vec::new(), None);
    for home in homes {
        last = Some(home.to_string());
        if app.is_canary(&home) || !app.sees(&caller, &home).await? {
            continue;
        }
        let elders = app.parts.register.elder_ids_of(&home).await?;
        if elders.is_empty() {
            continue;
        }
        let plan = app.parts.ledger.plan(&home, &Cause::Call, Level::Red).await?;
        let people = People::of(&app, &plan).await?;
        if let Some(lack) = lack(&plan, |c| people.round_the_clock(c)) {
            let lack = match lack {
                Lack::NoRungs => LackName::NoRungs,
                Lack::TooFew => LackName::TooFew,
            };
            items.push(LackShape { home: home.to_string(), elders: elders.iter().map(ToString::to_string).collect(), lack });
            if items.len() == most {
                return Ok(Json(LackPage { items, next: last }));
            }
        }
    }
    Ok(Json(LackPage { items, next: if is_last { None } else { last } }))
}
