//! The ledger's port on SQLite: commits go to the writer, questions to read connections.

use super::apply::{event_key, from_word, note_row};
use super::files::{instant, nanos};
use super::ledger::SqliteLedger;
use super::lock;
use super::seal::{Keys, Place, SealError};
use crate::ledger::{Decided, Ledger, LedgerError, Note, Stored, Tx, Waiting, Which};
use crate::log::{Offset, Shard};
use crate::register::{PlanRecord, PlanScope, nearest};
use async_trait::async_trait;
use care::plan::Plan;
use care::{Alarm, AlarmId, Cause, ElderId, EventId, HomeId, Level, Timestamp};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use std::sync::atomic::Ordering;
use tokio::sync::watch;

/// Most plans remembered.
const PLANS_MAX: usize = 4_096;

impl From<rusqlite::Error> for LedgerError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<serde_json::Error> for LedgerError {
    fn from(error: serde_json::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<SealError> for LedgerError {
    fn from(error: SealError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// All rows of a query.
pub(super) fn rows<T>(
    db: &Connection,
    sql: &str,
    params: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<T, LedgerError>,
) -> Result<Vec<T>, LedgerError> {
    let mut select = db.prepare_cached(sql)?;
    let mut rows = select.query(params)?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        out.push(read(row)?);
    }
    Ok(out)
}

/// At most one row of a query.
pub(super) fn row<T>(
    db: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> Result<T, LedgerError>,
) -> Result<Option<T>, LedgerError> {
    Ok(rows(db, sql, params, read)?.pop())
}

/// A sealed column as text.
pub(crate) fn unseal(keys: &Keys, column: &'static str, row: &str, sealed: &[u8]) -> Result<String, LedgerError> {
    let plain = keys.open(Place { column, row }, sealed)?;
    String::from_utf8(plain).map_err(|e| LedgerError::Failed(e.to_string()))
}

/// An unsigned number from SQLite's signed one.
pub(crate) fn to_u64(n: i64) -> u64 {
    u64::try_from(n).unwrap_or_default()
}

/// SQLite's LIMIT.
pub(crate) fn limit(max: usize) -> i64 {
    i64::try_from(max).unwrap_or(i64::MAX)
}

/// `version, body` of an alarm.
pub(super) fn alarm(row: &Row<'_>) -> Result<Stored<Alarm>, LedgerError> {
    Ok(Stored { version: to_u64(row.get(0)?), value: serde_json::from_str(&row.get::<_, String>(1)?)? })
}

const WAITING: &str = "SELECT alarm, home, level, test, body, due_at, tries, trying FROM effect";

fn waiting(row: &Row<'_>) -> Result<Waiting, LedgerError> {
    Ok(Waiting {
        alarm: AlarmId::new(row.get::<_, String>(0)?),
        home: HomeId::new(row.get::<_, String>(1)?),
        level: from_word(&row.get::<_, String>(2)?)?,
        test: row.get(3)?,
        effect: serde_json::from_str(&row.get::<_, String>(4)?)?,
        due_at: instant(row.get(5)?),
        tries: row.get(6)?,
        trying: row.get(7)?,
    })
}

/// Two questions, the second for what the first left room for: red before all others.
fn red_first<T>(max: usize, mut ask: impl FnMut(bool, i64) -> Result<Vec<T>, LedgerError>) -> Result<Vec<T>, LedgerError> {
    let mut out = ask(true, limit(max))?;
    let room = max.saturating_sub(out.len());
    if room > 0 {
        out.extend(ask(false, limit(room))?);
    }
    Ok(out)
}

#[async_trait]
impl Ledger for SqliteLedger {
    async fn commit(&self, tx: Tx) -> Result<(), LedgerError> {
        self.commit_tx(tx).await
    }

    async fn alarm(&self, id: &AlarmId) -> Result<Option<Stored<Alarm>>, LedgerError> {
        self.look(|db, _| row(db, "SELECT version, body FROM alarm WHERE id = ?1", [id.as_str()], alarm))
    }

    async fn open_alarm(&self, home: &HomeId, cause: &Cause) -> Result<Option<Stored<Alarm>>, LedgerError> {
        let cause = cause.name();
        self.look(|db, _| row(db, "SELECT version, body FROM alarm WHERE home = ?1 AND cause = ?2 AND open = 1", [home.as_str(), &cause], alarm))
    }

    async fn seen(&self, events: &[EventId]) -> Result<Vec<(EventId, Option<AlarmId>)>, LedgerError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        self.look(|db, _| {
            let mut select = db.prepare_cached("SELECT alarm FROM seen WHERE event = ?1")?;
            let mut out = Vec::new();
            for event in events {
                let found: Option<Option<String>> = select.query_row([event_key(event)], |r| r.get(0)).optional()?;
                if let Some(alarm) = found {
                    out.push((event.clone(), alarm.map(AlarmId::new)));
                }
            }
            Ok(out)
        })
    }

    async fn alarms(&self, which: Which, after: Option<&AlarmId>, max: usize) -> Result<Vec<Stored<Alarm>>, LedgerError> {
        // Behind every identifier, if there is no page before.
        let after = after.map_or_else(|| "\u{10ffff}".to_owned(), |a| a.as_str().to_owned());
        let max = limit(max.clamp(1, 500));
        self.ask(move |db, _| match which {
            Which::All => rows(db, "SELECT version, body FROM alarm WHERE id < ?1 ORDER BY id DESC LIMIT ?2", params![after, max], alarm),
            Which::Open | Which::Closed => rows(
                db,
                "SELECT version, body FROM alarm WHERE open = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
                params![which == Which::Open, after, max],
                alarm,
            ),
        })
        .await
    }

    async fn open_versions(&self) -> Result<Vec<(AlarmId, u64)>, LedgerError> {
        self.ask(|db, _| rows(db, "SELECT id, version FROM alarm WHERE open = 1", [], |r| Ok((AlarmId::new(r.get::<_, String>(0)?), to_u64(r.get(1)?))))).await
    }

    async fn due(&self, now: Timestamp, max: usize) -> Result<Vec<AlarmId>, LedgerError> {
        let sql = "SELECT id FROM alarm WHERE open = 1 AND red = ?1 AND next_step_at <= ?2 ORDER BY next_step_at, id LIMIT ?3";
        let id = |r: &Row<'_>| Ok(AlarmId::new(r.get::<_, String>(0)?));
        self.look(|db, _| red_first(max, |red, max| rows(db, sql, params![red, nanos(now), max], id)))
    }

    async fn next_deadline(&self) -> Result<Option<Timestamp>, LedgerError> {
        self.look(|db, _| {
            earliest(db, "SELECT next_step_at FROM alarm WHERE open = 1 AND red = ?1 AND next_step_at IS NOT NULL ORDER BY next_step_at LIMIT 1")
        })
    }

    async fn effects_due(&self, now: Timestamp, max: usize) -> Result<Vec<Waiting>, LedgerError> {
        let sql = format!("{WAITING} WHERE done_at IS NULL AND trying = 0 AND red = ?1 AND due_at <= ?2 ORDER BY due_at, alarm, no LIMIT ?3");
        self.look(|db, _| red_first(max, |red, max| rows(db, &sql, params![red, nanos(now), max], waiting)))
    }

    async fn effects_trying(&self) -> Result<Vec<Waiting>, LedgerError> {
        self.look(|db, _| rows(db, &format!("{WAITING} WHERE done_at IS NULL AND trying = 1 ORDER BY alarm, no"), [], waiting))
    }

    async fn next_effect(&self) -> Result<Option<Timestamp>, LedgerError> {
        self.look(|db, _| earliest(db, "SELECT due_at FROM effect WHERE done_at IS NULL AND trying = 0 AND red = ?1 ORDER BY due_at LIMIT 1"))
    }

    async fn notes(&self, alarm: &AlarmId) -> Result<Vec<Note>, LedgerError> {
        let alarm = alarm.clone();
        self.ask(move |db, keys| {
            rows(db, "SELECT at, by, kind, text FROM note WHERE alarm = ?1 ORDER BY id", [alarm.as_str()], |r| {
                let (at, by, kind): (i64, String, String) = (r.get(0)?, r.get(1)?, r.get(2)?);
                let text = unseal(keys, "note.text", &note_row(alarm.as_str(), at, &by, &kind), r.get_ref(3)?.as_blob().unwrap_or_default())?;
                Ok(Note { at: instant(at), by, kind, text })
            })
        })
        .await
    }

    async fn decided(&self, shard: Shard) -> Result<Decided, LedgerError> {
        self.look(|db, _| decided(db, shard))
    }

    async fn snapshots(&self, shard: Shard) -> Result<(Decided, Vec<(HomeId, Vec<u8>)>), LedgerError> {
        self.ask(move |db, _| {
            // One view of both tables.
            let tx = db.unchecked_transaction()?;
            let homes = rows(&tx, "SELECT home, state FROM snapshot WHERE shard = ?1 ORDER BY home", [shard.0], |r| {
                Ok((HomeId::new(r.get::<_, String>(0)?), r.get(1)?))
            })?;
            Ok((snapshot_place(&tx, shard)?, homes))
        })
        .await
    }

    async fn plan(&self, home: &HomeId, cause: &Cause, level: Level) -> Result<Plan, LedgerError> {
        // Taken before the question, so that an answer from before a write is never kept for after it.
        let version = self.desk.plans_version.load(Ordering::Acquire);
        let key = (home.clone(), cause.name(), level);
        {
            let mut plans = lock(&self.plans);
            if plans.version != version {
                plans.version = version;
                plans.found.clear();
            }
            if let Some(plan) = plans.found.get(&key) {
                return Ok(plan.clone());
            }
        }
        let plan = self.look(|db, _| resolve(db, home, cause, level))?;
        let mut plans = lock(&self.plans);
        if plans.version == version {
            if plans.found.len() >= PLANS_MAX {
                plans.found.clear();
            }
            plans.found.insert(key, plan.clone());
        }
        Ok(plan)
    }

    async fn setting(&self, key: &str) -> Result<Option<String>, LedgerError> {
        self.look(|db, _| row(db, "SELECT value FROM setting WHERE key = ?1", [key], |r| Ok(r.get(0)?)))
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.desk.changed.subscribe()
    }
}

fn earliest(db: &Connection, sql: &str) -> Result<Option<Timestamp>, LedgerError> {
    let mut select = db.prepare_cached(sql)?;
    let mut first = |red: bool| select.query_row([red], |r| r.get::<_, i64>(0)).optional();
    let both = [first(true)?, first(false)?];
    Ok(both.into_iter().flatten().min().map(instant))
}

pub(super) fn decided(db: &Connection, shard: Shard) -> Result<Decided, LedgerError> {
    let mut out = Decided::default();
    for (red, place) in rows(db, "SELECT red_lane, place FROM decided WHERE shard = ?1", [shard.0], |r| Ok((r.get::<_, bool>(0)?, r.get(1)?)))? {
        *(if red { &mut out.red } else { &mut out.routine }) = Offset(to_u64(place));
    }
    Ok(out)
}

pub(super) fn snapshot_place(db: &Connection, shard: Shard) -> Result<Decided, LedgerError> {
    let place = row(db, "SELECT red, routine FROM snapshot_place WHERE shard = ?1", [shard.0], |r| {
        Ok(Decided { red: Offset(to_u64(r.get(0)?)), routine: Offset(to_u64(r.get(1)?)) })
    })?;
    Ok(place.unwrap_or_default())
}

/// `cause, level, body` of a plan.
pub(super) fn plan(row: &Row<'_>, scope: PlanScope) -> Result<PlanRecord, LedgerError> {
    let (cause, level): (String, String) = (row.get(0)?, row.get(1)?);
    let unknown = || LedgerError::Failed(format!("a plan is for the unknown cause `{cause}`"));
    Ok(PlanRecord {
        scope,
        cause: if cause.is_empty() { None } else { Some(Cause::parse(&cause).ok_or_else(unknown)?) },
        level: if level.is_empty() { None } else { Some(from_word(&level)?) },
        plan: serde_json::from_str(&row.get::<_, String>(2)?)?,
    })
}

/// The plan nearest to a home: only the plans that can be meant are read.
fn resolve(db: &Connection, home: &HomeId, cause: &Cause, level: Level) -> Result<Plan, LedgerError> {
    let tx = db.unchecked_transaction()?;
    let area: Option<String> = row(&tx, "SELECT area FROM home WHERE id = ?1", [home.as_str()], |r| Ok(r.get(0)?))?;
    let mut candidates = Vec::new();
    let mut look = |kind: &str, id: &str, scope: PlanScope| -> Result<(), LedgerError> {
        let sql = "SELECT cause, level, body FROM plan WHERE scope_kind = ?1 AND scope_id = ?2 AND cause IN ('', ?3)";
        candidates.extend(rows(&tx, sql, params![kind, id, cause.name()], |r| plan(r, scope.clone()))?);
        Ok(())
    };
    let elders = rows(&tx, "SELECT id FROM elder WHERE home = ?1 ORDER BY id", [home.as_str()], |r| Ok(ElderId::new(r.get::<_, String>(0)?)))?;
    for elder in &elders {
        look("elder", elder.as_str(), PlanScope::Elder(elder.clone()))?;
    }
    look("home", home.as_str(), PlanScope::Home(home.clone()))?;
    if let Some(area) = &area {
        let ends = area.match_indices('/').map(|(i, _)| i).chain([0, area.len()]);
        let mut paths: Vec<_> = ends.filter_map(|end| area.get(..end)).collect();
        paths.dedup();
        for path in paths {
            look("area", path, PlanScope::Area(path.to_owned()))?;
        }
    }
    look("city", "", PlanScope::City)?;
    Ok(nearest(&candidates, home, &elders, area.as_deref(), cause, level).map(|p| p.plan.clone()).unwrap_or_default())
}
