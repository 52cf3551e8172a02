//! What a transaction does in SQL. Its statements are sent one behind the other without waiting for each answer
//! (pipelined): a batch of alarms costs a few round trips, not some hundred.

use super::pool::{TRANSACTION_WITHIN, conflict};
use super::{PgLedger, lock};
use crate::ledger::{LedgerError, Quarantined, Tx, Write};
use crate::memory::{QUARANTINE_BYTES_MAX, wakes};
use crate::ownership::Fence;
use crate::register::{AuditLine, audit_hash};
use crate::sqlite::apply::{event_key, note_row, quarantine_row, word};
use crate::sqlite::files::{nanos, to_i64};
use crate::sqlite::seal::{Keys, Place, SealError};
use care::alarm::EffectKind;
use care::{Alarm, AlarmId, Lane, Level, Timestamp};
use deadpool_postgres::Transaction;
use futures_util::future::join_all;
use tokio_postgres::types::ToSql;

/// Statements sent before their answers are looked at.
const PIPELINE: usize = 30;
/// The advisory lock of whoever adds to the audit chain: its lines must follow each other.
const AUDIT_LOCK: i64 = 0x0068_6561_7274_6802;
/// What listeners wait for.
pub(super) const CHANNEL: &str = "hearthline_changed";
/// Sets a setting.
pub(super) const SETTING: &str = "INSERT INTO setting (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";

pub(super) type Value = Box<dyn ToSql + Sync + Send>;

/// Values of a statement.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$(Box::new($value) as $crate::postgres::apply::Value),*] };
}
pub(super) use values;

/// What a statement must have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Anything.
    Nothing,
    /// At least one row, and no row may be there already: otherwise somebody else was first.
    Row,
}

/// A statement that waits to be sent.
pub(super) struct Step {
    sql: &'static str,
    values: Vec<Value>,
    need: Need,
}

/// An audit line that waits for its place.
struct Line {
    at: Timestamp,
    who: String,
    action: String,
    subject: String,
}

/// Everything that one transaction is to do.
pub(super) struct Steps<'a> {
    keys: &'a Keys,
    me: &'a str,
    steps: Vec<Step>,
    audit: Vec<Line>,
    wakes: bool,
}

impl From<SealError> for PgFailure {
    fn from(error: SealError) -> Self {
        Self(LedgerError::Failed(error.to_string()))
    }
}

impl From<serde_json::Error> for PgFailure {
    fn from(error: serde_json::Error) -> Self {
        Self(LedgerError::Failed(error.to_string()))
    }
}

/// A failure before anything was sent.
pub(super) struct PgFailure(pub(super) LedgerError);

/// PostgreSQL keeps no NUL in a text.
pub(super) fn text(of: &str) -> String {
    if of.contains('\0') { of.replace('\0', "\u{fffd}") } else { of.to_owned() }
}

impl<'a> Steps<'a> {
    pub(super) fn new(keys: &'a Keys, me: &'a str) -> Self {
        Self { keys, me, steps: Vec::new(), audit: Vec::new(), wakes: false }
    }

    pub(super) fn keys(&self) -> &'a Keys {
        self.keys
    }

    pub(super) fn push(&mut self, sql: &'static str, need: Need, values: Vec<Value>) {
        self.steps.push(Step { sql, values, need });
    }

    pub(super) fn audit(&mut self, at: Timestamp, who: &str, action: &str, subject: &str) {
        self.audit.push(Line { at, who: text(who), action: text(action), subject: text(subject) });
    }

    /// Sends everything, and the audit lines last, so that their lock is held for a moment only.
    pub(super) async fn run(self, tx: &Transaction<'_>) -> Result<(), LedgerError> {
        let mut waiting = self.steps.iter();
        loop {
            let mut sent = Vec::with_capacity(PIPELINE);
            for step in waiting.by_ref().take(PIPELINE) {
                let statement = tx.prepare_cached(step.sql).await?;
                sent.push(async move {
                    let values = step.values.iter().map(|v| -> &(dyn ToSql + Sync) { &**v });
                    match tx.execute_raw(&statement, values).await {
                        Ok(0) if step.need == Need::Row => Err(LedgerError::Conflict),
                        Ok(_) => Ok(()),
                        Err(error) if step.need == Need::Row => Err(conflict(error)),
                        Err(error) => Err(error.into()),
                    }
                });
            }
            if sent.is_empty() {
                break;
            }
            // The first failure is the true one: what follows it in an aborted transaction fails because of it.
            join_all(sent).await.into_iter().collect::<Result<Vec<()>, _>>()?;
        }
        for line in &self.audit {
            audit(tx, line.at, &line.who, &line.action, &line.subject).await?;
        }
        if self.wakes {
            let notify = tx.prepare_cached("SELECT pg_notify($1, $2)").await?;
            tx.query(&notify, &[&CHANNEL, &self.me]).await?;
        }
        Ok(())
    }

    pub(super) fn write(&mut self, write: &Write) -> Result<(), PgFailure> {
        self.wakes |= wakes(write);
        match write {
            Write::PutAlarm { alarm, expected } => self.put_alarm(alarm, *expected)?,
            Write::Attempts { alarm, attempts } => {
                for attempt in attempts {
                    let sql = "INSERT INTO attempt (alarm, no, body) VALUES ($1, $2, $3) ON CONFLICT (alarm, no) DO UPDATE SET body = excluded.body";
                    self.push(sql, Need::Nothing, values![text(alarm.as_str()), i64::from(attempt.no), serde_json::to_string(attempt)?]);
                }
            }
            Write::Effect { alarm, home, level, test, effect, due_at } => {
                // A call is ended by the member that has it on its line.
                let ends = if let EffectKind::Release { attempt, .. } = &effect.kind { Some(i64::from(*attempt)) } else { None };
                let values = values![
                    text(alarm.as_str()),
                    i64::from(effect.no),
                    text(home.as_str()),
                    word(level)?,
                    *level == Level::Red,
                    *test,
                    serde_json::to_string(effect)?,
                    nanos(*due_at),
                    ends
                ];
                let sql = "INSERT INTO effect (alarm, no, home, level, red, test, body, due_at, tries, trying, claimed_by)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, FALSE, (SELECT claimed_by FROM effect WHERE alarm = $1 AND no = $9))";
                self.push(sql, Need::Row, values);
            }
            Write::EffectTrying { alarm, no, at } => self.push(
                "UPDATE effect SET trying = TRUE, adopted = FALSE, tries = tries + 1, tried_at = $3, claimed_by = $4
                 WHERE alarm = $1 AND no = $2 AND done_at IS NULL AND (claimed_by IS NULL OR claimed_by = $4 OR NOT member_lives(claimed_by))",
                Need::Row,
                values![text(alarm.as_str()), i64::from(*no), nanos(*at), self.me.to_owned()],
            ),
            Write::EffectAgain { alarm, no, due_at } => self.push(
                "UPDATE effect SET trying = FALSE, adopted = FALSE, due_at = $3 WHERE alarm = $1 AND no = $2 AND done_at IS NULL",
                Need::Nothing,
                values![text(alarm.as_str()), i64::from(*no), nanos(*due_at)],
            ),
            Write::EffectDone { alarm, no, at } => self.push(
                "UPDATE effect SET done_at = $3 WHERE alarm = $1 AND no = $2 AND done_at IS NULL",
                Need::Nothing,
                values![text(alarm.as_str()), i64::from(*no), nanos(*at)],
            ),
            Write::Seen { event, at, alarm } => self.push(
                "INSERT INTO seen (event, at, alarm) VALUES ($1, $2, $3)",
                Need::Row,
                values![event_key(event), nanos(*at), alarm.as_ref().map(|a| text(a.as_str()))],
            ),
            Write::Decided { shard, lane, offset } => self.push(
                "INSERT INTO decided (shard, red_lane, place) VALUES ($1, $2, $3)
                 ON CONFLICT (shard, red_lane) DO UPDATE SET place = greatest(decided.place, excluded.place)",
                Need::Nothing,
                values![i64::from(shard.0), *lane == Lane::Red, to_i64(offset.0)],
            ),
            Write::Snapshot { shard, as_of, homes } => {
                for (home, state) in homes {
                    let sql = "INSERT INTO snapshot (shard, home, state) VALUES ($1, $2, $3) ON CONFLICT (shard, home) DO UPDATE SET state = excluded.state";
                    self.push(sql, Need::Nothing, values![i64::from(shard.0), text(home.as_str()), state.clone()]);
                }
                if let Some((red, routine)) = as_of {
                    let sql = "INSERT INTO snapshot_place (shard, red, routine) VALUES ($1, $2, $3)
                         ON CONFLICT (shard) DO UPDATE SET red = excluded.red, routine = excluded.routine";
                    self.push(sql, Need::Nothing, values![i64::from(shard.0), to_i64(red.0), to_i64(routine.0)]);
                }
            }
            Write::Quarantine(message) => self.quarantine(message)?,
            Write::UnknownDevice { home, device, at } => self.push(
                "INSERT INTO unknown_device (home, device, first_at, last_at, count) VALUES ($1, $2, $3, $3, 1)
                 ON CONFLICT (home, device) DO UPDATE SET last_at = greatest(unknown_device.last_at, excluded.last_at), count = unknown_device.count + 1",
                Need::Nothing,
                values![text(home.as_str()), text(device.as_str()), nanos(*at)],
            ),
            Write::Note { alarm, at, by, kind, text: words } => {
                let (by, kind) = (text(by), text(kind));
                let place = note_row(alarm.as_str(), nanos(*at), &by, &kind);
                let sealed = self.keys.seal(Place { column: "note.text", row: &place }, words.as_bytes())?;
                let sql = "INSERT INTO note (alarm, at, by, kind, text) VALUES ($1, $2, $3, $4, $5)";
                self.push(sql, Need::Nothing, values![text(alarm.as_str()), nanos(*at), by, kind, sealed]);
            }
            Write::Audit { at, who, action, subject } => self.audit(*at, who, action, subject),
            Write::Setting { key, value } => self.push(SETTING, Need::Nothing, values![text(key), text(value)]),
        }
        Ok(())
    }

    fn put_alarm(&mut self, alarm: &Alarm, expected: u64) -> Result<(), PgFailure> {
        let mut values = values![
            text(alarm.id.as_str()),
            to_i64(expected.saturating_add(1)),
            text(alarm.home.as_str()),
            text(&alarm.cause.name()),
            alarm.level == Level::Red,
            alarm.is_open(),
            alarm.test,
            nanos(alarm.raised_at),
            alarm.deadline().map(nanos),
            serde_json::to_string(alarm)?
        ];
        if expected == 0 {
            let sql = "INSERT INTO alarm (id, version, home, cause, red, open, test, raised_at, next_step_at, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
            self.push(sql, Need::Row, values);
        } else {
            values.extend(values![to_i64(expected)]);
            let sql = "UPDATE alarm SET version = $2, home = $3, cause = $4, red = $5, open = $6, test = $7, raised_at = $8, next_step_at = $9,
                 claimed_by = NULL, body = $10 WHERE id = $1 AND version = $11";
            self.push(sql, Need::Row, values);
        }
        Ok(())
    }

    fn quarantine(&mut self, message: &Quarantined) -> Result<(), PgFailure> {
        let Quarantined { home, topic, payload, reason, heard_at } = message;
        let (home, topic) = (text(home.as_str()), text(topic));
        let kept = payload.get(..QUARANTINE_BYTES_MAX).unwrap_or(payload);
        let row = quarantine_row(&home, &topic, nanos(*heard_at));
        let sealed = self.keys.seal(Place { column: "quarantine.payload", row: &row }, kept)?;
        // The newest 10,000 are kept.
        let sql = "WITH kept AS (INSERT INTO quarantine (home, topic, payload, reason, heard_at) VALUES ($1, $2, $3, $4, $5) RETURNING id)
             DELETE FROM quarantine WHERE id <= (SELECT id FROM kept) - 10000";
        self.push(sql, Need::Nothing, values![home, topic, sealed, text(reason), nanos(*heard_at)]);
        Ok(())
    }
}

/// Adds a line to the audit chain.
pub(super) async fn audit(tx: &Transaction<'_>, at: Timestamp, who: &str, action: &str, subject: &str) -> Result<(), LedgerError> {
    tx.execute("SELECT pg_advisory_xact_lock($1)", &[&AUDIT_LOCK]).await?;
    let last = tx.query_opt("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", &[]).await?;
    let (seq, before): (i64, String) = last.map(|row| (row.get(0), row.get(1))).unwrap_or_default();
    let seq = seq.saturating_add(1);
    let line = AuditLine {
        seq: u64::try_from(seq).unwrap_or_default(),
        at,
        who: who.to_owned(),
        action: action.to_owned(),
        subject: subject.to_owned(),
        hash: String::new(),
    };
    let sql = "INSERT INTO audit (seq, at, who, action, subject, hash) VALUES ($1, $2, $3, $4, $5, $6)";
    tx.execute(sql, &[&seq, &nanos(at), &who, &action, &subject, &audit_hash(&before, &line)]).await?;
    Ok(())
}

/// Fails if another owner has taken the shard. Held until the commit: whoever takes the shard waits for it, and nobody writes
/// beside its new owner.
pub(super) async fn check_fence(tx: &Transaction<'_>, fence: &Fence) -> Result<(), LedgerError> {
    let select = tx.prepare_cached("SELECT epoch FROM owner WHERE shard = $1 FOR SHARE").await?;
    let epoch = tx.query_opt(&select, &[&i64::from(fence.shard.0)]).await?.map(|row| row.get::<_, i64>(0));
    if epoch.unwrap_or_default() == to_i64(fence.epoch) { Ok(()) } else { Err(LedgerError::Fenced) }
}

impl PgLedger {
    pub(super) async fn commit_tx(&self, tx: Tx) -> Result<(), LedgerError> {
        let result = match tokio::time::timeout(TRANSACTION_WITHIN, self.commit_once(&tx)).await {
            Ok(result) => result,
            Err(_) => Err(LedgerError::Failed("the database did not answer in time".into())),
        };
        if matches!(result, Err(LedgerError::Failed(_))) {
            // The commit may have gone through before its answer was lost.
            let begun = tx.writes.iter().filter_map(|w| if let Write::EffectTrying { alarm, no, .. } = w { Some((alarm, no)) } else { None });
            lock(&self.doubtful).extend(begun.map(|(alarm, no)| (alarm.as_str().to_owned(), i64::from(*no))));
        }
        if result.is_ok() && tx.writes.iter().any(wakes) {
            self.tell_changed();
        }
        self.count(&result);
        result
    }

    async fn commit_once(&self, tx: &Tx) -> Result<(), LedgerError> {
        let mut steps = Steps::new(&self.keys, &self.me);
        for write in &tx.writes {
            steps.write(write).map_err(|e| e.0)?;
        }
        let mut client = self.pools.get().await?;
        let db = client.transaction().await?;
        if let Some(fence) = &tx.fence {
            check_fence(&db, fence).await?;
        }
        steps.run(&db).await?;
        Ok(db.commit().await?)
    }

    /// Effects whose beginning was in doubt: if it was committed, nobody is delivering them; they are to be reconciled.
    pub(super) async fn clear_doubts(&self) -> Result<(), LedgerError> {
        let doubts: Vec<_> = lock(&self.doubtful).iter().take(1_000).cloned().collect();
        if doubts.is_empty() {
            return Ok(());
        }
        let client = self.pools.get().await?;
        for (alarm, no) in &doubts {
            let sql = "UPDATE effect SET adopted = TRUE WHERE alarm = $1 AND no = $2 AND trying AND claimed_by = $3 AND done_at IS NULL";
            client.execute(sql, &[alarm, no, &self.me]).await?;
            lock(&self.doubtful).remove(&(alarm.clone(), *no));
        }
        Ok(())
    }
}

/// The identifier of an alarm as it stands in the tables.
pub(super) fn alarm_key(id: &AlarmId) -> String {
    text(id.as_str())
}
