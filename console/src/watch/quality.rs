//! How good the alarms of some days were: the ledger's alarms that a caller may see, counted by `care::alarm::quality`.

use crate::app::App;
use crate::caller::Caller;
use crate::limits::PAGE_MAX;
use crate::problem::Problem;
use care::alarm::{Quality, quality};
use care::{Alarm, AlarmId, TimeDelta, Timestamp};
use chrono::{Datelike, NaiveDate};
use std::sync::PoisonError;
use store::ledger::Which;

/// Most alarms that are counted at once; the newest are.
const ALARMS_MAX: usize = 50_000;
/// Areas whose figures of today are kept in memory.
const AREAS_KEPT: usize = 64;
/// The longest span, days.
pub(crate) const DAYS_MAX: i64 = 92;

/// A span of local days, the last one included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Days {
    pub(crate) from: NaiveDate,
    pub(crate) to: NaiveDate,
}

/// The figures, and whether they are of everything.
pub(crate) struct Counted {
    pub(crate) days: Days,
    pub(crate) quality: Quality,
    /// True if there were more alarms than are counted at once.
    pub(crate) cut: bool,
}

/// The start of a local day.
fn start_of(app: &App, day: NaiveDate) -> Timestamp {
    let local = day.and_time(chrono::NaiveTime::MIN);
    local.and_local_timezone(app.settings.zone).earliest().map_or_else(|| local.and_utc(), |at| at.to_utc())
}

/// Today's local day.
pub(crate) fn today(app: &App) -> NaiveDate {
    app.now().with_timezone(&app.settings.zone).date_naive()
}

/// The days that are asked for: both ends, or the last seven.
pub(crate) fn days(app: &App, from: Option<NaiveDate>, to: Option<NaiveDate>) -> Result<Days, Problem> {
    let possible = |day: &NaiveDate| (2000..=9000).contains(&day.year());
    if [from, to].iter().flatten().any(|day| !possible(day)) {
        return Err(Problem::Invalid { field: "from", what: |w| w.invalid_span });
    }
    let to = to.unwrap_or_else(|| today(app));
    let from = from.unwrap_or_else(|| to - TimeDelta::days(6));
    if from > to || (to - from).num_days() >= DAYS_MAX {
        return Err(Problem::Invalid { field: "from", what: |w| w.invalid_span });
    }
    Ok(Days { from, to })
}

/// Today's figures for the wall, counted anew when an alarm has changed.
pub(crate) async fn of_today(app: &App, caller: &Caller) -> Result<Quality, Problem> {
    let (today, last) = (today(app), app.live.last());
    if let Some(known) = app.watch.today.lock().unwrap_or_else(PoisonError::into_inner).get(&caller.area).filter(|it| (it.0, it.1) == (today, last)) {
        return Ok(known.2.clone());
    }
    let counted = count(app, caller, Days { from: today, to: today }, 1).await?.quality;
    let mut kept = app.watch.today.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() >= AREAS_KEPT {
        kept.clear();
    }
    kept.insert(caller.area.clone(), (today, last, counted.clone()));
    Ok(counted)
}

/// Counts the alarms that were raised on these days. `operators`: how many work at the same time.
pub(crate) async fn count(app: &App, caller: &Caller, days: Days, operators: u32) -> Result<Counted, Problem> {
    let (from, to) = (start_of(app, days.from), start_of(app, days.to + TimeDelta::days(1)));
    let mut after: Option<AlarmId> = None;
    let mut kept: Vec<Alarm> = Vec::new();
    let mut cut = false;
    'pages: loop {
        let page = app.parts.ledger.alarms(Which::All, after.as_ref(), PAGE_MAX).await?;
        let is_last = page.len() < PAGE_MAX;
        for stored in page {
            after = Some(stored.value.id.clone());
            // Newest first. An identifier may be a little younger than what it names.
            if stored.value.raised_at < from - TimeDelta::hours(1) {
                break 'pages;
            }
            if stored.value.raised_at < from || stored.value.raised_at >= to || app.is_canary(&stored.value.home) {
                continue;
            }
            if app.sees(caller, &stored.value.home).await? {
                if kept.len() >= ALARMS_MAX {
                    cut = true;
                    break 'pages;
                }
                kept.push(stored.value);
            }
        }
        if is_last {
            break;
        }
    }
    Ok(Counted { days, quality: quality(&kept, operators, app.now()), cut })
}
