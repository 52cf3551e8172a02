//! What a transaction of a caller does in SQL. Each runs in a savepoint of its own and fails alone.

use super::files::{nanos, to_i64};
use super::seal::{Keys, Place, SealError};
use crate::ledger::{LedgerError, Quarantined, Tx, Write};
use crate::log::Shard;
use crate::memory::QUARANTINE_BYTES_MAX;
use crate::ownership::Fence;
use crate::register::{AuditLine, audit_hash};
use care::alarm::Attempt;
use care::{Alarm, AlarmId, Cause, EventId, Lane, Level, Timestamp};
use rusqlite::{Connection, ErrorCode, OptionalExtension, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Most quarantined messages kept.
const QUARANTINE_MAX: i64 = 10_000;

/// Why a transaction was not done.
#[derive(Debug)]
pub(super) enum Failure {
    /// It alone: it conflicts, or it is fenced off.
    Alone(LedgerError),
    /// SQLite failed: nothing of the whole group is done.
    Group(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => Self::Alone(LedgerError::Failed(error.to_string())),
            Some(_) => Self::Group(error),
            None => Self::Alone(LedgerError::Failed(error.to_string())),
        }
    }
}

impl From<SealError> for Failure {
    fn from(error: SealError) -> Self {
        Self::Alone(LedgerError::Failed(error.to_string()))
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Alone(LedgerError::Failed(error.to_string()))
    }
}

/// A row that is there already is a conflict.
fn conflict(error: rusqlite::Error) -> Failure {
    match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation) => Failure::Alone(LedgerError::Conflict),
        Some(_) | None => error.into(),
    }
}

/// An enum of bare variants as the word that serde gives it.
pub(crate) fn word<T: Serialize>(value: &T) -> Result<String, serde_json::Error> {
    serde_json::from_value(serde_json::to_value(value)?)
}

/// The reverse of [`word`].
pub(crate) fn from_word<T: DeserializeOwned>(word: &str) -> Result<T, serde_json::Error> {
    serde_json::from_value(serde_json::Value::from(word))
}

/// An event as the key of `seen`: its 16 bytes if it is 32 hex digits, else its text.
pub(crate) fn event_key(event: &EventId) -> Vec<u8> {
    let text = event.as_str();
    let half = |i: usize| text.get(i..i + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes = (0..text.len()).step_by(2).map(half).collect::<Option<Vec<_>>>();
    match bytes {
        Some(bytes) if bytes.len() == 16 && !text.bytes().any(|b| b.is_ascii_uppercase() || b == b'+') => bytes,
        Some(_) | None => text.as_bytes().to_vec(),
    }
}

/// Fails if another owner has taken the shard.
pub(super) fn check_fence(db: &Connection, fence: &Fence) -> Result<(), Failure> {
    let mut select = db.prepare_cached("SELECT epoch FROM owner WHERE shard = ?1")?;
    let epoch: Option<i64> = select.query_row([fence.shard.0], |r| r.get(0)).optional()?;
    if epoch.unwrap_or_default() == to_i64(fence.epoch) { Ok(()) } else { Err(Failure::Alone(LedgerError::Fenced)) }
}

/// Runs a whole transaction.
pub(super) fn tx(db: &Connection, keys: &Keys, tx: &Tx) -> Result<(), Failure> {
    if let Some(fence) = &tx.fence {
        check_fence(db, fence)?;
    }
    tx.writes.iter().try_for_each(|write| one(db, keys, write))
}

fn one(db: &Connection, keys: &Keys, write: &Write) -> Result<(), Failure> {
    match write {
        Write::PutAlarm { alarm, expected } => put_alarm(db, alarm, *expected),
        Write::Attempts { alarm, attempts } => put_attempts(db, alarm, attempts),
        Write::Effect { alarm, home, level, test, effect, due_at } => {
            let mut insert = db.prepare_cached(
                "INSERT INTO effect (alarm, no, home, level, red, test, body, due_at, tries, trying) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, 0)",
            )?;
            insert
                .execute(params![
                    alarm.as_str(),
                    effect.no,
                    home.as_str(),
                    word(level)?,
                    *level == Level::Red,
                    test,
                    serde_json::to_string(effect)?,
                    nanos(*due_at)
                ])
                .map_err(conflict)?;
            Ok(())
        }
        Write::EffectTrying { alarm, no, at } => {
            let mut update =
                db.prepare_cached("UPDATE effect SET trying = 1, tries = tries + 1, tried_at = ?3 WHERE alarm = ?1 AND no = ?2 AND done_at IS NULL")?;
            match update.execute(params![alarm.as_str(), no, nanos(*at)])? {
                0 => Err(Failure::Alone(LedgerError::Conflict)),
                _ => Ok(()),
            }
        }
        Write::EffectAgain { alarm, no, due_at } => {
            let mut update = db.prepare_cached("UPDATE effect SET trying = 0, due_at = ?3 WHERE alarm = ?1 AND no = ?2 AND done_at IS NULL")?;
            update.execute(params![alarm.as_str(), no, nanos(*due_at)])?;
            Ok(())
        }
        Write::EffectDone { alarm, no, at } => {
            let mut update = db.prepare_cached("UPDATE effect SET done_at = ?3 WHERE alarm = ?1 AND no = ?2 AND done_at IS NULL")?;
            update.execute(params![alarm.as_str(), no, nanos(*at)])?;
            Ok(())
        }
        Write::Seen { event, at, alarm } => {
            let mut insert = db.prepare_cached("INSERT INTO seen (event, at, alarm) VALUES (?1, ?2, ?3)")?;
            insert.execute(params![event_key(event), nanos(*at), alarm.as_ref().map(AlarmId::as_str)]).map_err(conflict)?;
            Ok(())
        }
        Write::Decided { shard, lane, offset } => {
            let mut upsert = db.prepare_cached(
                "INSERT INTO decided (shard, red_lane, place) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET place = max(place, excluded.place)",
            )?;
            upsert.execute(params![shard.0, *lane == Lane::Red, to_i64(offset.0)])?;
            Ok(())
        }
        Write::Snapshot { shard, as_of, homes } => {
            let mut upsert = db.prepare_cached(
                "INSERT INTO snapshot (shard, home, state) VALUES (?1, ?2, ?3) ON CONFLICT (shard, home) DO UPDATE SET state = excluded.state",
            )?;
            for (home, state) in homes {
                upsert.execute(params![shard.0, home.as_str(), state])?;
            }
            if let Some((red, routine)) = as_of {
                let mut upsert = db.prepare_cached(
                    "INSERT INTO snapshot_place (shard, red, routine) VALUES (?1, ?2, ?3)
                     ON CONFLICT DO UPDATE SET red = excluded.red, routine = excluded.routine",
                )?;
                upsert.execute(params![shard.0, to_i64(red.0), to_i64(routine.0)])?;
            }
            Ok(())
        }
        Write::Quarantine(message) => quarantine(db, keys, message),
        Write::UnknownDevice { home, device, at } => {
            let mut upsert = db.prepare_cached(
                "INSERT INTO unknown_device (home, device, first_at, last_at, count) VALUES (?1, ?2, ?3, ?3, 1)
                 ON CONFLICT DO UPDATE SET last_at = max(last_at, excluded.last_at), count = count + 1",
            )?;
            upsert.execute(params![home.as_str(), device.as_str(), nanos(*at)])?;
            Ok(())
        }
        Write::Note { alarm, at, by, kind, text } => {
            let place = note_row(alarm.as_str(), nanos(*at), by, kind);
            let sealed = keys.seal(Place { column: "note.text", row: &place }, text.as_bytes())?;
            let mut insert = db.prepare_cached("INSERT INTO note (alarm, at, by, kind, text) VALUES (?1, ?2, ?3, ?4, ?5)")?;
            insert.execute(params![alarm.as_str(), nanos(*at), by, kind, sealed])?;
            Ok(())
        }
        Write::Audit { at, who, action, subject } => audit(db, *at, who, action, subject),
        Write::Setting { key, value } => setting(db, key, value),
    }
}

/// What the text of a note is bound to.
pub(crate) fn note_row(alarm: &str, at: i64, by: &str, kind: &str) -> String {
    format!("{alarm}/{at}/{kind}/{by}")
}

/// What the payload of a quarantined message is bound to.
pub(crate) fn quarantine_row(home: &str, topic: &str, heard_at: i64) -> String {
    format!("{home}/{heard_at}/{topic}")
}

fn put_alarm(db: &Connection, alarm: &Alarm, expected: u64) -> Result<(), Failure> {
    let body = serde_json::to_string(alarm)?;
    let (red, open) = (alarm.level == Level::Red, alarm.is_open());
    let deadline = alarm.deadline().map(nanos);
    let version = to_i64(expected.saturating_add(1));
    let changed = if expected == 0 {
        let mut insert = db.prepare_cached(
            "INSERT INTO alarm (id, version, home, cause, red, open, test, raised_at, next_step_at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?;
        insert
            .execute(params![
                alarm.id.as_str(),
                version,
                alarm.home.as_str(),
                alarm.cause.name(),
                red,
                open,
                alarm.test,
                nanos(alarm.raised_at),
                deadline,
                body
            ])
            .map_err(conflict)?
    } else {
        let mut update = db.prepare_cached(
            "UPDATE alarm SET version = ?2, home = ?3, cause = ?4, red = ?5, open = ?6, test = ?7, raised_at = ?8, next_step_at = ?9, body = ?10
             WHERE id = ?1 AND version = ?11",
        )?;
        update
            .execute(params![
                alarm.id.as_str(),
                version,
                alarm.home.as_str(),
                alarm.cause.name(),
                red,
                open,
                alarm.test,
                nanos(alarm.raised_at),
                deadline,
                body,
                to_i64(expected)
            ])
            .map_err(conflict)?
    };
    if changed == 1 { Ok(()) } else { Err(Failure::Alone(LedgerError::Conflict)) }
}

fn put_attempts(db: &Connection, alarm: &AlarmId, attempts: &[Attempt]) -> Result<(), Failure> {
    let mut upsert = db.prepare_cached("INSERT INTO attempt (alarm, no, body) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET body = excluded.body")?;
    for attempt in attempts {
        upsert.execute(params![alarm.as_str(), attempt.no, serde_json::to_string(attempt)?])?;
    }
    Ok(())
}

fn quarantine(db: &Connection, keys: &Keys, message: &Quarantined) -> Result<(), Failure> {
    let Quarantined { home, topic, payload, reason, heard_at } = message;
    let kept = payload.get(..QUARANTINE_BYTES_MAX).unwrap_or(payload);
    let row = quarantine_row(home.as_str(), topic, nanos(*heard_at));
    let sealed = keys.seal(Place { column: "quarantine.payload", row: &row }, kept)?;
    let mut insert = db.prepare_cached("INSERT INTO quarantine (home, topic, payload, reason, heard_at) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    insert.execute(params![home.as_str(), topic, sealed, reason, nanos(*heard_at)])?;
    let mut delete = db.prepare_cached("DELETE FROM quarantine WHERE id <= ?1")?;
    delete.execute([db.last_insert_rowid().saturating_sub(QUARANTINE_MAX)])?;
    Ok(())
}

/// Adds a line to the audit chain.
pub(super) fn audit(db: &Connection, at: Timestamp, who: &str, action: &str, subject: &str) -> Result<(), Failure> {
    let mut last = db.prepare_cached("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")?;
    let last: Option<(i64, String)> = last.query_row([], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
    let (seq, before) = last.unwrap_or_default();
    let seq = seq.saturating_add(1);
    let line = AuditLine {
        seq: u64::try_from(seq).unwrap_or_default(),
        at,
        who: who.to_owned(),
        action: action.to_owned(),
        subject: subject.to_owned(),
        hash: String::new(),
    };
    let mut insert = db.prepare_cached("INSERT INTO audit (seq, at, who, action, subject, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    insert.execute(params![seq, nanos(at), who, action, subject, audit_hash(&before, &line)])?;
    Ok(())
}

/// Sets a setting.
pub(super) fn setting(db: &Connection, key: &str, value: &str) -> Result<(), Failure> {
    let mut upsert = db.prepare_cached("INSERT INTO setting (key, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value")?;
    upsert.execute([key, value])?;
    Ok(())
}

/// A new epoch for a shard.
pub(super) fn take(db: &Connection, shard: Shard) -> Result<u64, Failure> {
    let mut upsert =
        db.prepare_cached("INSERT INTO owner (shard, epoch) VALUES (?1, 1) ON CONFLICT DO UPDATE SET epoch = epoch + 1 RETURNING epoch")?;
    let epoch: i64 = upsert.query_row([shard.0], |r| r.get(0))?;
    Ok(u64::try_from(epoch).unwrap_or_default())
}

/// True if a transaction must get in even when the disk is full: it belongs to a red alarm, to the outbox, to the
/// platform's alarm about itself, or is a mere word of the platform (LIM-1).
pub(super) fn is_vital(tx: &Tx) -> bool {
    let own = |cause: &Cause| matches!(cause, Cause::Technical(what) if what == "disk_full" || what == "self_audit");
    let red = |write: &Write| match write {
        Write::PutAlarm { alarm, .. } => alarm.level == Level::Red || own(&alarm.cause),
        Write::Effect { level, .. } => *level == Level::Red,
        Write::Decided { lane, .. } => *lane == Lane::Red,
        Write::EffectTrying { .. } | Write::EffectAgain { .. } | Write::EffectDone { .. } => true,
        Write::Attempts { .. }
        | Write::Seen { .. }
        | Write::Snapshot { .. }
        | Write::Quarantine(_)
        | Write::UnknownDevice { .. }
        | Write::Note { .. }
        | Write::Audit { .. }
        | Write::Setting { .. } => false,
    };
    let word = |write: &Write| matches!(write, Write::Audit { .. } | Write::Setting { .. });
    tx.writes.iter().any(red) || tx.writes.iter().all(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_key_is_short_for_hex_and_never_mixes_two_up() {
        assert_eq!(event_key(&"00112233445566778899aabbccddeeff".into()).len(), 16);
        assert_ne!(event_key(&"00112233445566778899AABBCCDDEEFF".into()), event_key(&"00112233445566778899aabbccddeeff".into()));
        assert_eq!(event_key(&"odd".into()), b"odd");
        assert_eq!(event_key(&"守望守望守望守望守望守望".into()), "守望守望守望守望守望守望".as_bytes());
    }

    #[test]
    fn words_are_those_of_the_interfaces() {
        assert_eq!(word(&Level::Red).unwrap(), "red");
        assert_eq!(from_word::<Level>("attention").unwrap(), Level::Attention);
    }
}
