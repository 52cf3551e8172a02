//! Drills: alarms that are clearly marked and reach no real person, in homes that exist for nobody else. A drill ends by
//! itself within half an hour. It changes nothing about real homes: a signal of a real device is called all the same,
//! because a drill's alarm never stands in a real home's place.

use super::{keep, refresh, sheet};
use crate::app::App;
use crate::caller::Caller;
use crate::problem::Problem;
use care::alarm::{Claimant, Input};
use care::cause::Raise;
use care::{Alarm, AlarmId, Cause, HomeId, PersonId, Reason, TimeDelta, Timestamp};
use serde::{Deserialize, Serialize};
use store::desk;
use store::ledger::{Tx, Write};

/// The kind of the sheet; there is one, with every drill as a version.
const DRILL: &str = "drill";
/// The longest drill.
pub(crate) const DRILL_MAX: TimeDelta = TimeDelta::minutes(30);
/// Homes of drills: `drill-1` to this number.
pub(crate) const HOMES: u32 = 9;

/// A drill that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Drill {
    /// Who began it.
    pub(crate) by: PersonId,
    /// When.
    pub(crate) since: Timestamp,
    /// When it ends by itself.
    pub(crate) until: Timestamp,
}

/// True for the homes of drills.
pub(crate) fn is_drill_home(home: &HomeId) -> bool {
    home.as_str().strip_prefix("drill-").and_then(|n| n.parse::<u32>().ok()).is_some_and(|n| (1..=HOMES).contains(&n))
}

/// The drill that is on by the record.
pub(super) async fn read(app: &App) -> Result<Option<Drill>, Problem> {
    let sheet = app.parts.register.sheet(DRILL, DRILL).await?.filter(|sheet| sheet.state == "on");
    Ok(sheet.and_then(|sheet| serde_json::from_value(sheet.body).ok()))
}

async fn write(app: &App, drill: &Drill, state: &str, by: &str) -> Result<(), Problem> {
    let before = app.parts.register.sheet(DRILL, DRILL).await?;
    let body = serde_json::to_value(drill).unwrap_or_default();
    keep(app, sheet(app, (DRILL, DRILL), before.as_ref(), state, "", body, by)).await?;
    let line = Write::Audit { at: app.now(), who: by.to_owned(), action: format!("drill.{state}"), subject: DRILL.to_owned() };
    app.parts.ledger.commit(Tx { fence: None, writes: vec![line] }).await?;
    refresh(app, true).await
}

/// Begins a drill of 1 to 30 minutes.
pub(crate) async fn start(app: &App, caller: &Caller, minutes: u32) -> Result<Drill, Problem> {
    let length = TimeDelta::minutes(i64::from(minutes));
    if minutes == 0 || length > DRILL_MAX {
        return Err(Problem::Invalid { field: "minutes", what: |w| w.invalid_drill_minutes });
    }
    let now = app.now();
    if read(app).await?.is_some_and(|on| now < on.until) {
        return Err(Problem::Changed);
    }
    let drill = Drill { by: caller.person.clone(), since: now, until: now + length };
    write(app, &drill, "on", caller.person.as_str()).await?;
    Ok(drill)
}

/// Ends it; `by` nobody: its time is over. Its alarms are closed as tests.
pub(crate) async fn finish(app: &App, drill: &Drill, by: Option<&Caller>) -> Result<(), Problem> {
    let who = by.map_or("platform", |caller| caller.person.as_str());
    for alarm in app.live.open().await?.iter().filter(|alarm| alarm.test && is_drill_home(&alarm.home)) {
        close(app, &alarm.id, &drill.by).await?;
    }
    match write(app, drill, "off", who).await {
        // Another process was faster.
        Err(Problem::Changed) => refresh(app, true).await,
        other => other,
    }
}

async fn close(app: &App, id: &AlarmId, by: &PersonId) -> Result<(), Problem> {
    let now = app.now();
    let ledger = app.parts.ledger.as_ref();
    let me = || Claimant::Person(by.clone());
    let Some(stored) = ledger.alarm(id).await? else { return Ok(()) };
    let holder = stored.value.claimant().cloned();
    let mut inputs = Vec::new();
    if holder.is_none() {
        inputs.push((Input::Claim { by: me() }, Vec::new()));
    }
    let note = Write::Note { alarm: id.clone(), at: now, by: "platform".to_owned(), kind: "close".to_owned(), text: String::new() };
    inputs.push((Input::Close { by: holder.unwrap_or_else(me), outcome: "test".to_owned() }, vec![note]));
    for (input, note) in inputs {
        match desk::give(ledger, id, input, note, now).await {
            Ok(_) | Err(desk::DeskError::Refused(_) | desk::DeskError::Unknown) => {}
            Err(other) => return Err(other.into()),
        }
    }
    Ok(())
}

/// Raises an alarm of the drill that is on, in the first of its homes that has none of this cause.
pub(crate) async fn raise(app: &App, caller: &Caller, cause: Cause) -> Result<Alarm, Problem> {
    let now = app.now();
    app.watch.drill(now).ok_or(Problem::Invalid { field: "drill", what: |w| w.invalid_no_drill })?;
    if matches!(cause, Cause::Technical(_)) {
        return Err(Problem::Invalid { field: "cause", what: |w| w.invalid_field });
    }
    let ledger = app.parts.ledger.as_ref();
    for n in 1..=HOMES {
        let home = HomeId::new(format!("drill-{n}"));
        if ledger.open_alarm(&home, &cause).await?.is_some() {
            continue;
        }
        let level = cause.level();
        let plan = ledger.plan(&home, &cause, level).await?;
        let key = format!("drill/{n}/{cause}/{}", now.timestamp_millis());
        let reason = Reason::new("drill_alarm").time("at", now);
        let raise = Raise { level, reason, key: key.clone(), device: None, cause: cause.clone() };
        let (alarm, effects) = Alarm::raise(AlarmId::derive(now, &key), home, Vec::new(), raise, true, &plan, now);
        let mut writes = desk::writes(None, &alarm, &effects, now);
        writes.push(Write::Audit { at: now, who: caller.person.as_str().to_owned(), action: "drill.alarm".to_owned(), subject: alarm.id.as_str().to_owned() });
        match ledger.commit(Tx { fence: None, writes }).await {
            Ok(()) => return Ok(alarm),
            Err(store::LedgerError::Conflict) => {}
            Err(other) => return Err(other.into()),
        }
    }
    Err(Problem::Invalid { field: "cause", what: |w| w.invalid_drill_full })
}
