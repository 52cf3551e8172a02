//! What the platform asks of its ledger beside the ports: upkeep, figures, backup, and questions of the pages.

use super::apply::Failure;
use super::dir::sync_dir;
use super::files::nanos;
use super::ledger::SqliteLedger;
use super::ledger_writer::Work;
use super::lock;
use super::read::{decided, row, rows, snapshot_place};
use super::register::{ELDER, elder};
use super::stats::LedgerStats;
use crate::ledger::{Decided, LedgerError};
use crate::log::Shard;
use crate::register::ElderRecord;
use care::alarm::Attempt;
use care::{AlarmId, DeviceId, HomeId, TimeDelta, Timestamp};
use rusqlite::{Connection, params};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How long counted events and outcomes of effects are remembered (ACK-2).
pub const SEEN_FOR: TimeDelta = TimeDelta::days(30);
/// Most unregistered devices remembered: those heard last.
const UNKNOWN_DEVICES_MAX: i64 = 10_000;
/// Rows removed in one transaction, so that no alarm waits long for the writer.
const PURGE_ROWS: i64 = 2_000;
/// Devices noted in one transaction.
const HEARD_MAX: usize = 1_000;

impl SqliteLedger {
    /// Forgets what is older than it must be: counted events and delivered effects after 30 days, ended tokens, and all
    /// but the latest 10,000 unregistered devices. To be called about once an hour. Returns how many rows went.
    ///
    /// # Errors
    /// [`LedgerError`] if a part failed; the parts before it stay done.
    pub async fn purge(&self, now: Timestamp) -> Result<u64, LedgerError> {
        let before = nanos(now - SEEN_FOR);
        let unknown = format!(
            "DELETE FROM unknown_device WHERE (home, device) IN
             (SELECT home, device FROM unknown_device ORDER BY last_at DESC LIMIT -1 OFFSET {UNKNOWN_DEVICES_MAX})"
        );
        let effects = "DELETE FROM effect WHERE (alarm, no) IN (SELECT e.alarm, e.no FROM effect e LEFT JOIN alarm a ON a.id = e.alarm
             WHERE e.done_at < ?1 AND a.open IS NOT 1 LIMIT ?2)";
        let parts = [
            ("DELETE FROM seen WHERE event IN (SELECT event FROM seen WHERE at < ?1 LIMIT ?2)".to_owned(), before),
            (effects.to_owned(), before),
            ("DELETE FROM token WHERE hash IN (SELECT hash FROM token WHERE expires_at < ?1 LIMIT ?2)".to_owned(), nanos(now)),
            (unknown, 0),
        ];
        let mut gone = 0;
        for (sql, before) in parts {
            loop {
                let sql = sql.clone();
                let chore = move |db: &Connection| -> rusqlite::Result<usize> {
                    let mut delete = db.prepare_cached(&sql)?;
                    if delete.parameter_count() == 0 { delete.execute([]) } else { delete.execute(params![before, PURGE_ROWS]) }
                };
                let n = self.write(Work::Chore(Box::new(move |db, _| Ok(chore(db)? as u64)))).await?;
                gone += n;
                if n < PURGE_ROWS.unsigned_abs() {
                    break;
                }
            }
        }
        Ok(gone)
    }

    /// Forgets closed alarms of one home that were raised before an instant, with their attempts, effects and notes: for the
    /// platform's own presses, which are nobody's history. Returns how many alarms went.
    ///
    /// # Errors
    /// [`LedgerError`] if a part failed; the parts before it stay done.
    pub async fn purge_alarms_of(&self, home: &HomeId, before: Timestamp) -> Result<u64, LedgerError> {
        let mut gone = 0;
        loop {
            let home = home.clone();
            let chore = move |db: &Connection| -> Result<u64, Failure> {
                let old = "SELECT id FROM alarm WHERE home = ?1 AND open = 0 AND raised_at < ?2 ORDER BY id LIMIT 200";
                let given = params![home.as_str(), nanos(before)];
                for table in ["attempt", "effect", "note"] {
                    db.prepare_cached(&format!("DELETE FROM {table} WHERE alarm IN ({old})"))?.execute(given)?;
                }
                Ok(db.prepare_cached(&format!("DELETE FROM alarm WHERE id IN ({old})"))?.execute(given)? as u64)
            };
            let n = self.write(Work::Chore(Box::new(move |db, _| chore(db)))).await?;
            gone += n;
            if n < 200 {
                return Ok(gone);
            }
        }
    }

    /// Notes when devices were last heard. The caller gathers and calls at a bounded rate, at most once a minute for
    /// each device; older instants never overwrite newer ones.
    ///
    /// # Errors
    /// [`LedgerError`] if a part failed; the parts before it stay done.
    pub async fn heard(&self, devices: Vec<(HomeId, DeviceId, Timestamp)>) -> Result<(), LedgerError> {
        let devices = Arc::new(devices);
        for from in (0..devices.len()).step_by(HEARD_MAX) {
            let devices = devices.clone();
            let chore = move |db: &Connection| -> Result<u64, Failure> {
                let mut upsert = db.prepare_cached(
                    "INSERT INTO heard (home, device, last_at) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET last_at = max(last_at, excluded.last_at)",
                )?;
                for (home, device, at) in devices.iter().skip(from).take(HEARD_MAX) {
                    upsert.execute(params![home.as_str(), device.as_str(), nanos(*at)])?;
                }
                Ok(0)
            };
            self.write(Work::Chore(Box::new(move |db, _| chore(db)))).await?;
        }
        Ok(())
    }

    /// When the devices of a home were last heard.
    ///
    /// # Errors
    /// [`LedgerError`] if the question failed.
    pub async fn last_heard(&self, home: &HomeId) -> Result<BTreeMap<DeviceId, Timestamp>, LedgerError> {
        let home = home.clone();
        let found = self.ask(move |db, _| {
            rows(db, "SELECT device, last_at FROM heard WHERE home = ?1", [home.as_str()], |r| {
                Ok((DeviceId::new(r.get::<_, String>(0)?), super::files::instant(r.get(1)?)))
            })
        });
        Ok(found.await?.into_iter().collect())
    }

    /// All attempts ever made for an alarm, by number.
    ///
    /// # Errors
    /// [`LedgerError`] if the question failed.
    pub async fn attempts(&self, alarm: &AlarmId) -> Result<Vec<Attempt>, LedgerError> {
        let alarm = alarm.clone();
        self.ask(move |db, _| {
            rows(db, "SELECT body FROM attempt WHERE alarm = ?1 ORDER BY no", [alarm.as_str()], |r| {
                Ok(serde_json::from_str(&r.get::<_, String>(0)?)?)
            })
        })
        .await
    }

    /// The elders with this identity card number, by its keyed hash.
    ///
    /// # Errors
    /// [`LedgerError`] if the question failed.
    pub async fn elders_by_id_number(&self, id_number: &str) -> Result<Vec<ElderRecord>, LedgerError> {
        let hash = self.desk.keys.lookup("elder.id_number", id_number);
        self.ask(move |db, keys| rows(db, &format!("{ELDER} WHERE id_number_hash = ?1 ORDER BY id"), [hash], |r| elder(keys, r))).await
    }

    /// Up to where the log is no longer needed, shard by shard: decided and in a snapshot. For the log's retention.
    ///
    /// # Errors
    /// [`LedgerError`] if the question failed.
    pub async fn kept_after(&self, shards: u16) -> Result<BTreeMap<Shard, Decided>, LedgerError> {
        self.ask(move |db, _| {
            let tx = db.unchecked_transaction()?;
            (0..shards)
                .map(Shard)
                .map(|shard| {
                    let (done, kept) = (decided(&tx, shard)?, snapshot_place(&tx, shard)?);
                    Ok((shard, Decided { red: done.red.min(kept.red), routine: done.routine.min(kept.routine) }))
                })
                .collect()
        })
        .await
    }

    /// How many rows the tables have, for `/metrics`: open alarms, waiting effects, homes, elders.
    ///
    /// # Errors
    /// [`LedgerError`] if the question failed.
    pub async fn counts(&self) -> Result<BTreeMap<&'static str, u64>, LedgerError> {
        let questions = [
            ("alarms_open", "SELECT count(*) FROM alarm WHERE open = 1"),
            ("effects_waiting", "SELECT count(*) FROM effect WHERE done_at IS NULL AND trying = 0"),
            ("effects_trying", "SELECT count(*) FROM effect WHERE done_at IS NULL AND trying = 1"),
            ("homes", "SELECT count(*) FROM home"),
            ("elders", "SELECT count(*) FROM elder"),
            ("quarantined", "SELECT count(*) FROM quarantine"),
            ("unknown_devices", "SELECT count(*) FROM unknown_device"),
        ];
        self.ask(move |db, _| {
            let mut out = BTreeMap::new();
            for (name, sql) in questions {
                let n: Option<i64> = row(db, sql, [], |r| Ok(r.get(0)?))?;
                out.insert(name, super::read::to_u64(n.unwrap_or_default()));
            }
            Ok(out)
        })
        .await
    }

    /// Writes a copy of the ledger as of now into a new file, whole and synced. What is sealed stays sealed; the keys
    /// are not in it. A ledger opened from such a copy starts with calling held (ALM-8).
    ///
    /// # Errors
    /// [`LedgerError`] if the file exists or cannot be written.
    pub async fn backup(&self, to: &Path) -> Result<(), LedgerError> {
        let to = PathBuf::from(to);
        self.ask(move |db, _| {
            let failed = |e: std::io::Error| LedgerError::Failed(format!("backup: {e}"));
            if to.exists() {
                return Err(LedgerError::Failed("the backup's file exists already".into()));
            }
            let copy = || -> Result<(), LedgerError> {
                // Nothing is written here but the copy.
                db.pragma_update(None, "query_only", false)?;
                db.execute("VACUUM INTO ?1", [to.to_string_lossy()])?;
                db.pragma_update(None, "query_only", true)?;
                std::fs::set_permissions(&to, std::os::unix::fs::PermissionsExt::from_mode(0o600)).map_err(failed)?;
                std::fs::File::open(&to).and_then(|f| f.sync_all()).map_err(failed)?;
                sync_dir(to.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))).map_err(failed)
            };
            copy().inspect_err(|_| {
                if let Err(error) = std::fs::remove_file(&to) {
                    tracing::debug!(%error, "an unfinished backup could not be removed");
                }
            })
        })
        .await
    }

    /// Reads the whole file and checks its structure: what is wrong, one sentence each; nothing if it is sound.
    ///
    /// # Errors
    /// [`LedgerError`] if the question failed.
    pub async fn check(&self) -> Result<Vec<String>, LedgerError> {
        let found = self.ask(|db, _| rows(db, "PRAGMA quick_check", [], |r| Ok(r.get::<_, String>(0)?)));
        Ok(found.await?.into_iter().filter(|line| line != "ok").collect())
    }

    /// The figures since the start.
    pub fn stats(&self) -> LedgerStats {
        let desk = &self.desk;
        let of = |n: &AtomicU64| n.load(Ordering::Relaxed);
        let size = |path: PathBuf| std::fs::metadata(path).map(|m| m.len()).unwrap_or_default();
        let queue = {
            let waiting = lock(&desk.waiting);
            (waiting.vital.len() + waiting.other.len()) as u64
        };
        LedgerStats {
            transactions: of(&desk.transactions),
            conflicts: of(&desk.conflicts),
            commit: desk.commit.read(),
            queue,
            refused_full: of(&desk.refused_full),
            failures: of(&desk.failures),
            disk_bytes: size(desk.path.clone()) + size(desk.path.with_extension("db-wal")),
            disk_full: desk.ballast.is_full(),
            ballast_bytes: desk.ballast.bytes(),
        }
    }
}
