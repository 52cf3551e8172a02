//! The watch: who is on shift, what is handed over, whether a drill is on, and how good the alarms were.
//!
//! What everybody's page needs at once (who is on shift, the drill) is read every few seconds into memory; the records
//! themselves are sheets, one kind each, with every version kept.

pub(crate) mod drill;
pub(crate) mod quality;
pub(crate) mod shift;

use crate::app::App;
use crate::problem::Problem;
use care::alarm::Quality;
use care::{Alarm, HomeId, PersonId, TimeDelta, Timestamp};
use chrono::NaiveDate;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::register::Put;
use store::sheet::Sheet;

pub(crate) use drill::Drill;
pub(crate) use shift::OnShift;

/// The records are read anew this often.
const FRESH: Duration = Duration::from_secs(3);
/// The list of leads is read anew this often: it is the whole register of people.
const LEADS_FRESH: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Seen {
    on: Arc<Vec<OnShift>>,
    /// Leads with their areas.
    leads: Arc<Vec<(PersonId, String)>>,
    drill: Option<Drill>,
    read: Option<tokio::time::Instant>,
    leads_read: Option<tokio::time::Instant>,
}

/// What every page shows of the watch.
#[derive(Default)]
pub(crate) struct Watch {
    seen: Mutex<Seen>,
    /// Today's figures by area: of which day, as of which change.
    today: Mutex<BTreeMap<String, (NaiveDate, u64, Quality)>>,
}

impl Watch {
    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who is on shift.
    pub(crate) fn on_shift(&self) -> Arc<Vec<OnShift>> {
        Arc::clone(&self.seen().on)
    }

    /// The drill, while it is on.
    pub(crate) fn drill(&self, now: Timestamp) -> Option<Drill> {
        self.seen().drill.clone().filter(|drill| now < drill.until)
    }

    /// The drill whose end has come but which has not been ended yet.
    fn overdue(&self, now: Timestamp) -> Option<Drill> {
        self.seen().drill.clone().filter(|drill| now >= drill.until)
    }

    /// Whom a red alarm goes to that nobody takes, and after how long; `area`: of its home, or none for a home that nobody
    /// has entered: then everybody's.
    pub(crate) fn called_up(&self, alarm: &Alarm, area: Option<&str>) -> Vec<(TimeDelta, PersonId)> {
        let (on, leads) = {
            let seen = self.seen();
            (Arc::clone(&seen.on), Arc::clone(&seen.leads))
        };
        store::shift::called_up(alarm, area, on.iter().map(|one| (&one.person, one.area.as_str())), &leads)
    }
}

/// Reads the records if it is time, or at once after something was written.
pub(crate) async fn refresh(app: &App, at_once: bool) -> Result<(), Problem> {
    let now = tokio::time::Instant::now();
    let stale = |read: Option<tokio::time::Instant>, fresh: Duration| read.is_none_or(|at| now - at >= fresh);
    let (due, leads_due) = {
        let seen = app.watch.seen();
        (at_once || stale(seen.read, FRESH), at_once || stale(seen.leads_read, LEADS_FRESH))
    };
    if !due {
        return Ok(());
    }
    let on = Arc::new(shift::read(app).await?);
    let drill = drill::read(app).await?;
    let leads = if leads_due { Some(store::shift::leads(&*app.parts.register).await?) } else { None };
    let mut seen = app.watch.seen();
    seen.on = on;
    seen.drill = drill;
    seen.read = Some(now);
    if let Some(leads) = leads {
        seen.leads = Arc::new(leads);
        seen.leads_read = Some(now);
    }
    Ok(())
}

/// What has to be done without anybody asking: a drill ends by itself.
pub(crate) async fn tend(app: &App) -> Result<(), Problem> {
    refresh(app, false).await?;
    match app.watch.overdue(app.now()) {
        Some(drill) => drill::finish(app, &drill, None).await,
        None => Ok(()),
    }
}

/// A sheet of the watch by its kind and identifier: the next version of `before`, or the first.
fn sheet(app: &App, (kind, id): (&str, &str), before: Option<&Sheet>, state: &str, area: &str, body: Value, by: &str) -> Sheet {
    let now = app.now();
    Sheet {
        kind: kind.to_owned(),
        id: id.to_owned(),
        version: before.map_or(1, |sheet| sheet.version.saturating_add(1)),
        area: area.to_owned(),
        home: None::<HomeId>,
        elder: None,
        at: before.map_or(now, |sheet| if sheet.state == state { sheet.at } else { now }),
        state: state.to_owned(),
        body,
        written_at: now,
        written_by: by.to_owned(),
    }
}

/// Writes a sheet; somebody else who was faster is a [`Problem::Changed`].
async fn keep(app: &App, sheet: Sheet) -> Result<(), Problem> {
    match app.parts.register.put(vec![Put::Sheet(sheet)]).await {
        Ok(()) => Ok(()),
        Err(store::LedgerError::Conflict) => Err(Problem::Changed),
        Err(error) => Err(error.into()),
    }
}
