//! The family's view: an account of a family is bound to elders, and sees of each what the elder has agreed to share
//! (同意事项 `share_family`): whether all is well, when there was a last sign of life, the visits, the alarms. Nothing else,
//! and nothing once the consent is withdrawn. What a home's sensors say, they say of everybody who lives there: it is
//! shared only while every resident agrees.

use super::said;
use crate::app::App;
use crate::caller::Caller;
use crate::problem::Problem;
use care::home::{Cover, Occupancy};
use care::office::visit::Visit;
use care::office::{Consent, Record};
use care::{Alarm, ElderId, HomeId, PersonId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use store::register::{Put, Role};
use store::sheet::{Sheet, SheetAsk};

/// The kind of the sheets that bind accounts to elders.
pub(crate) const KIND: &str = "family_account";
/// The purpose of the consent.
const PURPOSE: &str = "share_family";
/// Elders that one account may be bound to.
const ELDERS_MAX: usize = 8;
/// Visits and alarms that are shown of each.
const SHOWN: usize = 12;

#[derive(Serialize, Deserialize)]
struct Kept {
    elders: Vec<ElderId>,
}

/// How a home is.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    pub(crate) occupancy: Occupancy,
    pub(crate) cover: Cover,
    /// The last sign of life.
    pub(crate) last: Option<Timestamp>,
    /// True if there was one on this local day.
    pub(crate) today: bool,
}

/// What a family sees of an elder.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) elder: ElderId,
    pub(crate) name: String,
    /// The elder has agreed.
    pub(crate) shared: bool,
    /// Everybody in the home has agreed.
    pub(crate) home_shared: bool,
    /// None: nothing was ever heard of the home, or it is not shared.
    pub(crate) life: Option<Life>,
    /// Signed visits, newest first.
    pub(crate) visits: Vec<Visit>,
    /// Alarms of the home, newest first, tests left out.
    pub(crate) alarms: Vec<Alarm>,
}

async fn kept(app: &App, person: &PersonId) -> Result<(u32, Vec<ElderId>), Problem> {
    let Some(sheet) = app.parts.register.sheet(KIND, person.as_str()).await? else { return Ok((0, Vec::new())) };
    let kept: Kept = serde_json::from_value(sheet.body).map_err(|_| Problem::Unavailable)?;
    Ok((sheet.version, kept.elders))
}

/// The elders that an account is bound to.
pub(crate) async fn elders_of(app: &App, person: &PersonId) -> Result<Vec<ElderId>, Problem> {
    Ok(kept(app, person).await?.1)
}

/// Binds an account of a family to elders of the caller's area; an empty list binds it to nobody.
pub(crate) async fn bind(app: &App, caller: &Caller, person: &PersonId, elders: &[String]) -> Result<Vec<ElderId>, Problem> {
    let wrong = Problem::Invalid { field: "elders", what: |w| w.invalid_family_elders };
    let account = super::roll::one(app, caller, person).await?;
    if account.role != Role::Family || elders.len() > ELDERS_MAX {
        return Err(wrong);
    }
    let mut bound = Vec::new();
    for id in elders.iter().map(ElderId::new) {
        match app.parts.office.brief(&id).await? {
            Some(brief) if caller.sees_area(&brief.area) => bound.push(id),
            Some(_) | None => return Err(wrong),
        }
    }
    let now = app.now();
    let (version, before) = kept(app, person).await?;
    if before == bound {
        return Ok(bound);
    }
    let sheet = Sheet {
        kind: KIND.to_owned(),
        id: person.as_str().to_owned(),
        version: version + 1,
        area: String::new(),
        home: None,
        elder: None,
        at: now,
        state: "bound".to_owned(),
        body: serde_json::to_value(Kept { elders: bound.clone() }).map_err(|_| Problem::Unavailable)?,
        written_at: now,
        written_by: caller.person.as_str().to_owned(),
    };
    app.parts.register.put(vec![Put::Sheet(sheet), said(app, caller, "family.bind", person.as_str())]).await?;
    Ok(bound)
}

async fn agrees(app: &App, elder: &ElderId) -> Result<bool, Problem> {
    Ok(app.parts.office.find::<Consent>(&Consent::name(elder, PURPOSE)).await?.is_some_and(|kept| kept.record.holds()))
}

/// What the caller's account sees.
pub(crate) async fn view(app: &App, caller: &Caller) -> Result<Vec<Seen>, Problem> {
    let mut out = Vec::new();
    for elder in elders_of(app, &caller.person).await? {
        let Some(brief) = app.parts.office.brief(&elder).await? else { continue };
        let shared = agrees(app, &elder).await?;
        let mut home_shared = shared;
        if shared {
            for other in residents(app, &brief.home).await? {
                home_shared &= other == elder || agrees(app, &other).await?;
            }
        }
        let mut seen = Seen { elder: elder.clone(), name: brief.name, shared, home_shared, life: None, visits: Vec::new(), alarms: Vec::new() };
        if shared {
            seen.visits = visits(app, &elder).await?;
        }
        if home_shared {
            seen.life = life(app, &brief.home).await;
            let alarms = app.parts.register.alarms_of(&brief.home, SHOWN * 2).await?;
            seen.alarms = alarms.into_iter().filter(|alarm| !alarm.test).take(SHOWN).collect();
            super::reads::opened(app, caller, "elder.family", elder.as_str()).await?;
        }
        out.push(seen);
    }
    Ok(out)
}

async fn residents(app: &App, home: &HomeId) -> Result<BTreeSet<ElderId>, Problem> {
    Ok(app.parts.register.elder_ids_of(home).await?.into_iter().collect())
}

async fn life(app: &App, home: &HomeId) -> Option<Life> {
    let view = app.parts.homes.view(home).await?;
    let zone = app.settings.zone;
    let last = view.last_activity.as_ref().map(|last| last.at);
    let today = last.is_some_and(|at| care::calendar::local_day(at, zone) == care::calendar::local_day(app.now(), zone));
    Some(Life { occupancy: view.occupancy, cover: view.cover, last, today })
}

async fn visits(app: &App, elder: &ElderId) -> Result<Vec<Visit>, Problem> {
    let since = app.now() - care::TimeDelta::days(92);
    let kept = app.parts.office.all::<Visit>(SheetAsk::of(Visit::KIND).elder(elder).from(since)).await?;
    let mut visits: Vec<Visit> = kept.into_iter().map(|kept| kept.record).filter(|visit| visit.signed_at.is_some()).collect();
    visits.sort_by(|a, b| b.start.cmp(&a.start));
    visits.truncate(SHOWN);
    Ok(visits)
}
