//! What the platform asks of its ledger beside the ports: upkeep and figures.

use super::PgLedger;
use super::apply::text;
use crate::ledger::{Decided, LedgerError};
use crate::log::Shard;
use crate::sqlite::files::nanos;
use crate::sqlite::read::to_u64;
use crate::sqlite::SEEN_FOR;
use care::alarm::Attempt;
use care::{AlarmId, HomeId, Timestamp};
use std::collections::BTreeMap;

/// Rows removed in one transaction, so that no alarm waits long behind them.
const PURGE_ROWS: u64 = 2_000;

impl PgLedger {
    async fn purge_one(&self, sql: &str, before: i64) -> Result<u64, LedgerError> {
        let mut gone = 0;
        loop {
            let client = self.pools.get().await?;
            let n = client.execute(sql, &[&before]).await?;
            gone += n;
            if n < PURGE_ROWS {
                return Ok(gone);
            }
        }
    }

    /// Forgets what is older than it must be: counted events and delivered effects after 30 days, ended tokens, members that
    /// died a day ago. To be called about once an hour by any one process. Returns how many rows went.
    ///
    /// # Errors
    /// [`LedgerError`] if a part failed; the parts before it stay done.
    pub async fn purge(&self, now: Timestamp) -> Result<u64, LedgerError> {
        let before = nanos(now - SEEN_FOR);
        let parts = [
            ("DELETE FROM seen WHERE event IN (SELECT event FROM seen WHERE at < $1 LIMIT 2000)", before),
            (
                "DELETE FROM effect WHERE (alarm, no) IN (SELECT e.alarm, e.no FROM effect e LEFT JOIN alarm a ON a.id = e.alarm
                 WHERE e.done_at < $1 AND a.open IS NOT TRUE LIMIT 2000)",
                before,
            ),
            ("DELETE FROM token WHERE hash IN (SELECT hash FROM token WHERE expires_at < $1 LIMIT 2000)", nanos(now)),
            (
                "DELETE FROM unknown_device WHERE (home, device) IN (SELECT home, device FROM unknown_device ORDER BY last_at DESC OFFSET $1 LIMIT 2000)",
                10_000,
            ),
        ];
        let mut gone = 0;
        for (sql, before) in parts {
            gone += self.purge_one(sql, before).await?;
        }
        let client = self.pools.get().await?;
        gone += client.execute("DELETE FROM member WHERE lease_until < clock_timestamp() - INTERVAL '1 day'", &[]).await?;
        Ok(gone)
    }

    /// Forgets closed alarms of one home that were raised before an instant, with their attempts, effects and notes: for the
    /// platform's own presses, which are nobody's history. Returns how many alarms went.
    ///
    /// # Errors
    /// [`LedgerError`] if a part failed; the parts before it stay done.
    pub async fn purge_alarms_of(&self, home: &HomeId, before: Timestamp) -> Result<u64, LedgerError> {
        let sql = "WITH old AS (SELECT id FROM alarm WHERE home = $1 AND NOT open AND raised_at < $2 ORDER BY id LIMIT 200),
             a AS (DELETE FROM attempt WHERE alarm IN (SELECT id FROM old)), e AS (DELETE FROM effect WHERE alarm IN (SELECT id FROM old)),
             n AS (DELETE FROM note WHERE alarm IN (SELECT id FROM old))
             DELETE FROM alarm WHERE id IN (SELECT id FROM old)";
        let mut gone = 0;
        loop {
            let client = self.pools.get().await?;
            let n = client.execute(sql, &[&text(home.as_str()), &nanos(before)]).await?;
            gone += n;
            if n < 200 {
                return Ok(gone);
            }
        }
    }

    /// All attempts ever made for an alarm, by number.
    ///
    /// # Errors
    /// [`LedgerError`] if the question failed.
    pub async fn attempts(&self, alarm: &AlarmId) -> Result<Vec<Attempt>, LedgerError> {
        self.rows("SELECT body FROM attempt WHERE alarm = $1 ORDER BY no", &[&text(alarm.as_str())], |r| Ok(serde_json::from_str(r.try_get(0)?)?)).await
    }

    /// Up to where the log is no longer needed, shard by shard: decided and in a snapshot. For the log's retention.
    ///
    /// # Errors
    /// [`LedgerError`] if the question failed.
    pub async fn kept_after(&self, shards: u16) -> Result<BTreeMap<Shard, Decided>, LedgerError> {
        let mut out = BTreeMap::new();
        for shard in (0..shards).map(Shard) {
            let (done, kept) = (self.decided_of(shard).await?, self.snapshot_place(shard).await?);
            out.insert(shard, Decided { red: done.red.min(kept.red), routine: done.routine.min(kept.routine) });
        }
        Ok(out)
    }

    /// How many rows the tables have, for `/metrics`.
    ///
    /// # Errors
    /// [`LedgerError`] if the question failed.
    pub async fn counts(&self) -> Result<BTreeMap<String, u64>, LedgerError> {
        let sql = "SELECT 'alarms_open', count(*) FROM alarm WHERE open
             UNION ALL SELECT 'effects_waiting', count(*) FROM effect WHERE done_at IS NULL AND NOT trying
             UNION ALL SELECT 'effects_trying', count(*) FROM effect WHERE done_at IS NULL AND trying
             UNION ALL SELECT 'homes', count(*) FROM home UNION ALL SELECT 'elders', count(*) FROM elder
             UNION ALL SELECT 'quarantined', count(*) FROM quarantine UNION ALL SELECT 'unknown_devices', count(*) FROM unknown_device";
        Ok(self.rows(sql, &[], |r| Ok((r.try_get(0)?, to_u64(r.try_get(1)?)))).await?.into_iter().collect())
    }
}
