//! The ledger's port on PostgreSQL. What is due is claimed in the reading: no two members get the same (`SKIP LOCKED`), and
//! what a member has claimed is free again once its lease has run out.

use super::PgLedger;
use super::apply::{alarm_key, text};
use super::pool::STATEMENT_WITHIN;
use crate::ledger::{Decided, Ledger, LedgerError, Note, Stored, Tx, Waiting, Which};
use crate::log::{Offset, Shard};
use crate::register::{PlanRecord, PlanScope, nearest};
use crate::sqlite::apply::{event_key, from_word, note_row};
use crate::sqlite::files::{instant, nanos};
use crate::sqlite::read::{limit, to_u64, unseal};
use async_trait::async_trait;
use care::plan::Plan;
use care::{Alarm, AlarmId, Cause, ElderId, EventId, HomeId, Level, Timestamp};
use std::collections::BTreeMap;
use tokio::sync::watch;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

/// Free for this member: nobody's, its own, or a dead member's.
macro_rules! free {
    ($me:literal) => {
        concat!("(claimed_by IS NULL OR claimed_by = ", $me, " OR NOT member_lives(claimed_by))")
    };
}

const DUE: &str = concat!(
    "WITH pick AS (SELECT id, claimed_by, next_step_at FROM alarm WHERE open AND red = $1 AND next_step_at <= $2 AND ",
    free!("$4"),
    " ORDER BY next_step_at, id LIMIT $3 FOR UPDATE SKIP LOCKED),
     take AS (UPDATE alarm SET claimed_by = $4 FROM pick WHERE alarm.id = pick.id AND pick.claimed_by IS DISTINCT FROM $4)
     SELECT id FROM pick ORDER BY next_step_at, id"
);
const NEXT_DEADLINE: &str = concat!("SELECT min(next_step_at) FROM alarm WHERE open AND ", free!("$1"));
const EFFECTS_DUE: &str = concat!(
    "WITH pick AS (SELECT * FROM effect WHERE done_at IS NULL AND NOT trying AND red = $1 AND due_at <= $2 AND ",
    free!("$4"),
    " ORDER BY due_at, alarm, no LIMIT $3 FOR UPDATE SKIP LOCKED),
     take AS (UPDATE effect SET claimed_by = $4 FROM pick WHERE effect.alarm = pick.alarm AND effect.no = pick.no AND pick.claimed_by IS DISTINCT FROM $4)
     SELECT alarm, home, level, test, body, due_at, tries, trying FROM pick ORDER BY due_at, alarm, no"
);
const NEXT_EFFECT: &str = concat!("SELECT min(due_at) FROM effect WHERE done_at IS NULL AND NOT trying AND ", free!("$1"));
/// Begun by a life that has ended, or in doubt: claimed in the reading, and shown until it is reconciled.
const EFFECTS_TRYING: &str = "WITH pick AS (SELECT * FROM effect WHERE done_at IS NULL AND trying
         AND (claimed_by IS NULL OR NOT member_lives(claimed_by) OR (claimed_by = $1 AND adopted)) ORDER BY alarm, no FOR UPDATE SKIP LOCKED),
     take AS (UPDATE effect SET claimed_by = $1, adopted = TRUE FROM pick WHERE effect.alarm = pick.alarm AND effect.no = pick.no AND NOT (pick.claimed_by = $1 AND pick.adopted))
     SELECT alarm, home, level, test, body, due_at, tries, trying FROM pick ORDER BY alarm, no";

pub(super) fn alarm(row: &Row) -> Result<Stored<Alarm>, LedgerError> {
    Ok(Stored { version: to_u64(row.try_get(0)?), value: serde_json::from_str(row.try_get(1)?)? })
}

fn waiting(row: &Row) -> Result<Waiting, LedgerError> {
    Ok(Waiting {
        alarm: AlarmId::new(row.try_get::<_, String>(0)?),
        home: HomeId::new(row.try_get::<_, String>(1)?),
        level: from_word(row.try_get(2)?)?,
        test: row.try_get(3)?,
        effect: serde_json::from_str(row.try_get(4)?)?,
        due_at: instant(row.try_get(5)?),
        tries: u32::try_from(row.try_get::<_, i64>(6)?).unwrap_or(u32::MAX),
        trying: row.try_get(7)?,
    })
}

impl PgLedger {
    /// All rows of a question to the primary.
    pub(super) async fn rows<T>(
        &self,
        sql: &str,
        values: &[&(dyn ToSql + Sync)],
        read: impl Fn(&Row) -> Result<T, LedgerError>,
    ) -> Result<Vec<T>, LedgerError> {
        let ask = async {
            let client = self.pools.get().await?;
            let statement = client.prepare_cached(sql).await?;
            Ok::<_, LedgerError>(client.query(&statement, values).await?)
        };
        in_time(ask).await?.iter().map(read).collect()
    }

    /// All rows of a question that may be answered some seconds late.
    pub(super) async fn report<T>(
        &self,
        sql: &str,
        values: &[&(dyn ToSql + Sync)],
        read: impl Fn(&Row) -> Result<T, LedgerError>,
    ) -> Result<Vec<T>, LedgerError> {
        let ask = async {
            let client = self.pools.reports().await?;
            let statement = client.prepare_cached(sql).await?;
            Ok::<_, LedgerError>(client.query(&statement, values).await?)
        };
        in_time(ask).await?.iter().map(read).collect()
    }

    /// At most one row.
    pub(super) async fn row<T>(
        &self,
        sql: &str,
        values: &[&(dyn ToSql + Sync)],
        read: impl Fn(&Row) -> Result<T, LedgerError>,
    ) -> Result<Option<T>, LedgerError> {
        Ok(self.rows(sql, values, read).await?.pop())
    }

    async fn earliest(&self, sql: &str) -> Result<Option<Timestamp>, LedgerError> {
        Ok(self.row(sql, &[&self.me], |r| Ok(r.try_get::<_, Option<i64>>(0)?)).await?.flatten().map(instant))
    }

    pub(super) async fn decided_of(&self, shard: Shard) -> Result<Decided, LedgerError> {
        let places = self
            .rows("SELECT red_lane, place FROM decided WHERE shard = $1", &[&i64::from(shard.0)], |r| {
                Ok((r.try_get::<_, bool>(0)?, Offset(to_u64(r.try_get(1)?))))
            })
            .await?;
        let mut out = Decided::default();
        for (red, place) in places {
            *(if red { &mut out.red } else { &mut out.routine }) = place;
        }
        Ok(out)
    }

    pub(super) async fn snapshot_place(&self, shard: Shard) -> Result<Decided, LedgerError> {
        let place = self.row("SELECT red, routine FROM snapshot_place WHERE shard = $1", &[&i64::from(shard.0)], place).await?;
        Ok(place.unwrap_or_default())
    }
}

async fn in_time<T>(ask: impl Future<Output = Result<T, LedgerError>>) -> Result<T, LedgerError> {
    let late = || LedgerError::Failed("the database did not answer in time".into());
    tokio::time::timeout(STATEMENT_WITHIN, ask).await.unwrap_or_else(|_| Err(late()))
}

fn place(row: &Row) -> Result<Decided, LedgerError> {
    Ok(Decided { red: Offset(to_u64(row.try_get(0)?)), routine: Offset(to_u64(row.try_get(1)?)) })
}

/// `cause, level, body` of a plan, from column `from` on.
pub(super) fn plan(row: &Row, from: usize, scope: PlanScope) -> Result<PlanRecord, LedgerError> {
    let (cause, level, body): (&str, &str, &str) = (row.try_get(from)?, row.try_get(from + 1)?, row.try_get(from + 2)?);
    let unknown = || LedgerError::Failed(format!("a plan is for the unknown cause `{cause}`"));
    Ok(PlanRecord {
        scope,
        cause: if cause.is_empty() { None } else { Some(Cause::parse(cause).ok_or_else(unknown)?) },
        level: if level.is_empty() { None } else { Some(from_word(level)?) },
        plan: serde_json::from_str(body)?,
    })
}

/// Where a plan holds.
pub(super) fn scope(kind: &str, id: String) -> PlanScope {
    match kind {
        "elder" => PlanScope::Elder(ElderId::new(id)),
        "home" => PlanScope::Home(HomeId::new(id)),
        "area" => PlanScope::Area(id),
        _ => PlanScope::City,
    }
}

#[async_trait]
impl Ledger for PgLedger {
    async fn commit(&self, tx: Tx) -> Result<(), LedgerError> {
        self.commit_tx(tx).await
    }

    async fn alarm(&self, id: &AlarmId) -> Result<Option<Stored<Alarm>>, LedgerError> {
        self.row("SELECT version, body FROM alarm WHERE id = $1", &[&alarm_key(id)], alarm).await
    }

    async fn open_alarm(&self, home: &HomeId, cause: &Cause) -> Result<Option<Stored<Alarm>>, LedgerError> {
        let sql = "SELECT version, body FROM alarm WHERE home = $1 AND cause = $2 AND open";
        self.row(sql, &[&text(home.as_str()), &text(&cause.name())], alarm).await
    }

    async fn seen(&self, events: &[EventId]) -> Result<Vec<(EventId, Option<AlarmId>)>, LedgerError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<_> = events.iter().map(event_key).collect();
        let found: BTreeMap<Vec<u8>, Option<String>> = self
            .rows("SELECT event, alarm FROM seen WHERE event = ANY($1)", &[&keys], |r| Ok((r.try_get(0)?, r.try_get(1)?)))
            .await?
            .into_iter()
            .collect();
        let known = |(event, key): (&EventId, &Vec<u8>)| Some((event.clone(), found.get(key)?.clone().map(AlarmId::new)));
        Ok(events.iter().zip(&keys).filter_map(known).collect())
    }

    async fn alarms(&self, which: Which, after: Option<&AlarmId>, max: usize) -> Result<Vec<Stored<Alarm>>, LedgerError> {
        // Behind every identifier, if there is no page before.
        let after = after.map_or_else(|| "\u{10ffff}".to_owned(), alarm_key);
        let max = limit(max.clamp(1, 500));
        match which {
            Which::All => self.rows("SELECT version, body FROM alarm WHERE id < $1 ORDER BY id DESC LIMIT $2", &[&after, &max], alarm).await,
            Which::Open | Which::Closed => {
                let sql = "SELECT version, body FROM alarm WHERE open = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
                self.rows(sql, &[&(which == Which::Open), &after, &max], alarm).await
            }
        }
    }

    async fn open_versions(&self) -> Result<Vec<(AlarmId, u64)>, LedgerError> {
        self.rows("SELECT id, version FROM alarm WHERE open", &[], |r| Ok((AlarmId::new(r.try_get::<_, String>(0)?), to_u64(r.try_get(1)?)))).await
    }

    async fn due(&self, now: Timestamp, max: usize) -> Result<Vec<AlarmId>, LedgerError> {
        let mut out = Vec::new();
        for red in [true, false] {
            let room = max.saturating_sub(out.len());
            if room > 0 {
                out.extend(self.rows(DUE, &[&red, &nanos(now), &limit(room), &self.me], |r| Ok(AlarmId::new(r.try_get::<_, String>(0)?))).await?);
            }
        }
        Ok(out)
    }

    async fn next_deadline(&self) -> Result<Option<Timestamp>, LedgerError> {
        self.earliest(NEXT_DEADLINE).await
    }

    async fn effects_due(&self, now: Timestamp, max: usize) -> Result<Vec<Waiting>, LedgerError> {
        self.clear_doubts().await?;
        let mut out = Vec::new();
        for red in [true, false] {
            let room = max.saturating_sub(out.len());
            if room > 0 {
                out.extend(self.rows(EFFECTS_DUE, &[&red, &nanos(now), &limit(room), &self.me], waiting).await?);
            }
        }
        Ok(out)
    }

    async fn effects_trying(&self) -> Result<Vec<Waiting>, LedgerError> {
        self.clear_doubts().await?;
        self.rows(EFFECTS_TRYING, &[&self.me], waiting).await
    }

    async fn next_effect(&self) -> Result<Option<Timestamp>, LedgerError> {
        self.earliest(NEXT_EFFECT).await
    }

    async fn notes(&self, alarm: &AlarmId) -> Result<Vec<Note>, LedgerError> {
        self.rows("SELECT at, by, kind, text FROM note WHERE alarm = $1 ORDER BY id", &[&alarm_key(alarm)], |r| {
            let (at, by, kind): (i64, String, String) = (r.try_get(0)?, r.try_get(1)?, r.try_get(2)?);
            let text = unseal(&self.keys, "note.text", &note_row(alarm.as_str(), at, &by, &kind), r.try_get(3)?)?;
            Ok(Note { at: instant(at), by, kind, text })
        })
        .await
    }

    async fn decided(&self, shard: Shard) -> Result<Decided, LedgerError> {
        self.decided_of(shard).await
    }

    async fn snapshots(&self, shard: Shard) -> Result<(Decided, Vec<(HomeId, Vec<u8>)>), LedgerError> {
        // The place first: the homes may only be newer than it, which replaying the log does not mind.
        let place = self.snapshot_place(shard).await?;
        let homes = self
            .rows("SELECT home, state FROM snapshot WHERE shard = $1 ORDER BY home", &[&i64::from(shard.0)], |r| {
                Ok((HomeId::new(r.try_get::<_, String>(0)?), r.try_get(1)?))
            })
            .await?;
        Ok((place, homes))
    }

    async fn plan(&self, home: &HomeId, cause: &Cause, level: Level) -> Result<Plan, LedgerError> {
        // Not remembered: another console may change it, and an alarm that is raised must ring as it says now.
        let sql = "WITH at AS (SELECT area FROM home WHERE id = $1)
             SELECT scope_kind, scope_id, (SELECT area FROM at), cause, level, body FROM plan WHERE cause IN ('', $2) AND level IN ('', $3)
             AND (scope_kind = 'city' OR (scope_kind = 'home' AND scope_id = $1)
                OR (scope_kind = 'elder' AND EXISTS (SELECT 1 FROM elder WHERE elder.id = scope_id AND elder.home = $1))
                OR (scope_kind = 'area' AND EXISTS (SELECT 1 FROM at WHERE scope_id = '' OR area = scope_id OR starts_with(area, scope_id || '/'))))";
        let level_word: String = crate::sqlite::apply::word(&level)?;
        let found = self
            .rows(sql, &[&text(home.as_str()), &text(&cause.name()), &level_word], |r| {
                Ok((r.try_get::<_, Option<String>>(2)?, plan(r, 3, scope(r.try_get(0)?, r.try_get(1)?))?))
            })
            .await?;
        let area = found.first().and_then(|(area, _)| area.clone());
        // Only those of elders who live there were read.
        let elders: Vec<ElderId> = found.iter().filter_map(|(_, p)| if let PlanScope::Elder(id) = &p.scope { Some(id.clone()) } else { None }).collect();
        Ok(nearest(found.iter().map(|(_, plan)| plan), home, &elders, area.as_deref(), cause, level).map(|p| p.plan.clone()).unwrap_or_default())
    }

    async fn setting(&self, key: &str) -> Result<Option<String>, LedgerError> {
        self.row("SELECT value FROM setting WHERE key = $1", &[&text(key)], |r| Ok(r.try_get(0)?)).await
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}
