//! Who is on shift, and the hand-over from one to the next: open alarms and notes, signed by both.
//!
//! ```text
//! start ──▶ on ──end, nothing open──▶ off         hand-over: given (signed by who goes) ──take──▶ taken (signed by who comes)
//!            └───end, something open: stays on until somebody has taken the hand-over ──▶ off
//! ```

use super::{keep, refresh, sheet};
use crate::app::App;
use crate::caller::{Caller, Need};
use crate::problem::Problem;
use care::alarm::{Claimant, Input};
use care::{AlarmId, PersonId, TimeDelta, Timestamp};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::ledger::{Tx, Write};
use store::sheet::{Sheet, SheetAsk};
use store::shift::{SHIFT, SHIFT_MAX};
use utoipa::ToSchema;

/// The kind of hand-overs.
const HAND_OVER: &str = "hand_over";
/// Most open alarms written down in a hand-over.
const OPEN_MAX: usize = 200;
/// Most hand-overs shown.
const SHOWN: usize = 30;
/// How far back hand-overs are shown.
const SHOWN_DAYS: i64 = 7;

/// Somebody on shift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OnShift {
    pub(crate) person: PersonId,
    pub(crate) name: String,
    pub(crate) area: String,
    pub(crate) since: Timestamp,
}

/// An alarm that was open when a shift was handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct OpenThen {
    /// The alarm.
    pub(crate) alarm: String,
    /// Its cause.
    pub(crate) cause: String,
    /// Its state then: `raised`, `claimed`, `reported`.
    pub(crate) state: String,
    /// Who had it, or null.
    pub(crate) claimed_by: Option<String>,
}

/// A hand-over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct HandOver {
    /// Its name.
    #[serde(default)]
    pub(crate) id: String,
    /// Who goes, and has signed.
    pub(crate) from: String,
    /// When.
    pub(crate) given_at: DateTime<Utc>,
    /// Whom it is meant for; null: whoever comes.
    pub(crate) to: Option<String>,
    /// What the next one must know.
    pub(crate) notes: String,
    /// What was open.
    pub(crate) open: Vec<OpenThen>,
    /// Who has taken it, and has signed; null while nobody has.
    #[serde(default)]
    pub(crate) taken_by: Option<String>,
    /// When.
    #[serde(default)]
    pub(crate) taken_at: Option<DateTime<Utc>>,
    /// What the one who took it says to it.
    #[serde(default)]
    pub(crate) answer: String,
}

/// Who is on shift by the records.
pub(super) async fn read(app: &App) -> Result<Vec<OnShift>, Problem> {
    let on = store::shift::on_shift(&*app.parts.register, app.now()).await?;
    let named = on.into_iter().map(|(found, since)| {
        let name = if found.name.is_empty() { found.id.as_str().to_owned() } else { found.name };
        OnShift { person: found.id, name, area: found.area, since }
    });
    Ok(named.collect())
}

async fn set(app: &App, person: &PersonId, area: &str, state: &str, by: &str) -> Result<(), Problem> {
    let before = app.parts.register.sheet(SHIFT, person.as_str()).await?;
    let same = before.as_ref().is_some_and(|sheet| sheet.state == state && (state != "on" || app.now() - sheet.at < SHIFT_MAX));
    if same {
        return Ok(());
    }
    let mut next = sheet(app, (SHIFT, person.as_str()), before.as_ref(), state, area, json!({}), by);
    next.at = app.now();
    match keep(app, next).await {
        // Two tabs at once: it is done.
        Ok(()) | Err(Problem::Changed) => {}
        Err(other) => return Err(other),
    }
    audit(app, by, &format!("shift.{state}"), person.as_str().to_owned()).await?;
    refresh(app, true).await
}

async fn audit(app: &App, who: &str, action: &str, subject: String) -> Result<(), Problem> {
    let write = Write::Audit { at: app.now(), who: who.to_owned(), action: action.to_owned(), subject };
    Ok(app.parts.ledger.commit(Tx { fence: None, writes: vec![write] }).await?)
}

/// The caller's shift begins; a second time nothing changes.
pub(crate) async fn start(app: &App, caller: &Caller) -> Result<(), Problem> {
    set(app, &caller.person, &caller.area, "on", caller.person.as_str()).await
}

/// The open alarms that a caller sees, as they are written into a hand-over.
async fn open_now(app: &App, caller: &Caller) -> Result<Vec<OpenThen>, Problem> {
    let mut out = Vec::new();
    let mut open = app.live.open().await?;
    open.sort_by_cached_key(|alarm| (alarm.level, alarm.raised_at, alarm.id.clone()));
    for alarm in open {
        if out.len() < OPEN_MAX && !alarm.test && !app.is_canary(&alarm.home) && app.sees(caller, &alarm.home).await? {
            let claimed_by = alarm.claimant().map(|by| by.id().to_owned());
            out.push(OpenThen { alarm: alarm.id.as_str().to_owned(), cause: alarm.cause.name(), state: alarm.state_name().to_owned(), claimed_by });
        }
    }
    Ok(out)
}

/// The caller goes: signs what is open and what the next one must know. With nothing open the shift ends now, otherwise
/// when somebody has taken it.
pub(crate) async fn end(app: &App, caller: &Caller, notes: String, to: Option<PersonId>) -> Result<HandOver, Problem> {
    if let Some(to) = &to {
        let person = app.parts.register.person(to).await?.filter(|p| p.active && Need::Act.met_by(p.role) && p.id != caller.person);
        person.ok_or(Problem::Invalid { field: "to", what: |w| w.invalid_person })?;
    }
    let now = app.now();
    let open = open_now(app, caller).await?;
    let nothing_open = open.is_empty();
    let id = format!("{}.{}", now.timestamp_millis(), caller.person);
    let by = caller.person.as_str().to_owned();
    let to = to.map(|to| to.as_str().to_owned());
    let hand_over = HandOver { id: id.clone(), from: by.clone(), given_at: now, to, notes, open, taken_by: None, taken_at: None, answer: String::new() };
    keep(app, sheet(app, (HAND_OVER, &id), None, "given", &caller.area, body(&hand_over), &by)).await?;
    audit(app, &by, "shift.hand_over", id).await?;
    if nothing_open {
        set(app, &caller.person, &caller.area, "off", &by).await?;
    }
    Ok(hand_over)
}

fn body(hand_over: &HandOver) -> serde_json::Value {
    serde_json::to_value(hand_over).unwrap_or_default()
}

fn read_back(sheet: Sheet) -> Option<HandOver> {
    serde_json::from_value::<HandOver>(sheet.body).ok().map(|it| HandOver { id: sheet.id, ..it })
}

/// The caller has read a hand-over and signs: what the other one had claimed is the caller's from now on.
pub(crate) async fn take(app: &App, caller: &Caller, id: &str, answer: String) -> Result<HandOver, Problem> {
    let before = app.parts.register.sheet(HAND_OVER, id).await?.filter(|sheet| caller.sees_area(&sheet.area)).ok_or(Problem::NotFound)?;
    if before.state != "given" {
        return Err(Problem::Changed);
    }
    let hand_over = read_back(before.clone()).ok_or(Problem::Unavailable)?;
    if hand_over.from == caller.person.as_str() {
        return Err(Problem::Invalid { field: "id", what: |w| w.hand_over_own });
    }
    let by = caller.person.as_str().to_owned();
    let hand_over = HandOver { taken_by: Some(by.clone()), taken_at: Some(app.now()), answer, ..hand_over };
    let mut next = sheet(app, (HAND_OVER, id), Some(&before), "taken", &before.area, body(&hand_over), &by);
    next.at = before.at;
    keep(app, next).await?;
    audit(app, &by, "shift.taken", id.to_owned()).await?;
    start(app, caller).await?;
    let from = PersonId::new(hand_over.from.clone());
    let giver = app.parts.register.person(&from).await?;
    for one in &hand_over.open {
        pass_on(app, caller, &from, &AlarmId::new(one.alarm.clone())).await?;
    }
    set(app, &from, giver.as_ref().map_or("", |p| p.area.as_str()), "off", &by).await?;
    Ok(hand_over)
}

/// An alarm that `from` has goes to the caller; what has moved on meanwhile stays where it is.
async fn pass_on(app: &App, caller: &Caller, from: &PersonId, id: &AlarmId) -> Result<(), Problem> {
    let Some(stored) = app.parts.ledger.alarm(id).await? else { return Ok(()) };
    let giver = Claimant::Person(from.clone());
    if !stored.value.is_open() || stored.value.claimant() != Some(&giver) || !app.sees(caller, &stored.value.home).await? {
        return Ok(());
    }
    let now = app.now();
    let note = Write::Note { alarm: id.clone(), at: now, by: from.as_str().to_owned(), kind: "hand_over".to_owned(), text: caller.person.as_str().to_owned() };
    let line = Write::Audit { at: now, who: caller.person.as_str().to_owned(), action: "alarm.hand_over".to_owned(), subject: id.as_str().to_owned() };
    let input = Input::HandOver { by: giver, to: caller.claimant() };
    match store::desk::give(app.parts.ledger.as_ref(), id, input, vec![note, line], now).await {
        Ok(_) | Err(store::desk::DeskError::Refused(_)) => Ok(()),
        Err(other) => Err(other.into()),
    }
}

/// The latest hand-overs, newest first; those that wait for a signature are among them however old they are.
pub(crate) async fn hand_overs(app: &App, caller: &Caller) -> Result<Vec<HandOver>, Problem> {
    let since = app.now() - TimeDelta::days(SHOWN_DAYS);
    let register = &app.parts.register;
    let mut sheets = register.sheets(&SheetAsk::of(HAND_OVER).from(since)).await?;
    sheets.extend(register.sheets(&SheetAsk::of(HAND_OVER).state("given").to(since).max(SHOWN)).await?);
    sheets.retain(|sheet| caller.sees_area(&sheet.area));
    sheets.sort_by(|a, b| (b.state == "given", b.at, &b.id).cmp(&(a.state == "given", a.at, &a.id)));
    Ok(sheets.into_iter().take(SHOWN).filter_map(read_back).collect())
}
