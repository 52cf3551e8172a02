//! The schema, step by step, as on SQLite: a step that was ever shipped is never changed. Two versions of the program may work
//! side by side while one is rolled out: each step says from which schema on a program must know to bear with it.

use super::pool::{PgError, Pools};

/// The advisory lock of everybody who changes the schema.
pub(super) const LOCK: i64 = 0x0068_6561_7274_6801;

/// One step.
struct Step {
    sql: &'static str,
    /// The oldest schema whose program still works after this step.
    readable_from: i64,
}

const STEPS: &[Step] = &[Step { sql: include_str!("migrations/0001_ledger.sql"), readable_from: 1 }];

/// Brings the schema up to date: each step in a transaction of its own, one process at a time.
pub(super) async fn migrate(pools: &Pools) -> Result<(), PgError> {
    let mut client = pools.primary().await?;
    let encoding: String = client.query_one("SHOW server_encoding", &[]).await.map_err(PgError::asking("ask for the encoding"))?.get(0);
    if encoding != "UTF8" {
        return Err(PgError::Encoding(encoding));
    }
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    for number in 1..=known.saturating_add(1) {
        let tx = client.transaction().await.map_err(PgError::asking("begin"))?;
        tx.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await.map_err(PgError::asking("wait for the schema's lock"))?;
        let make = "CREATE TABLE IF NOT EXISTS schema_step (number BIGINT PRIMARY KEY, readable_from BIGINT NOT NULL, done_at TIMESTAMPTZ NOT NULL DEFAULT now())";
        tx.batch_execute(make).await.map_err(PgError::asking("make the list of schema steps"))?;
        let row = tx
            .query_one("SELECT COALESCE(max(number), 0), COALESCE(max(readable_from), 0) FROM schema_step", &[])
            .await
            .map_err(PgError::asking("read the schema's version"))?;
        let (found, readable_from): (i64, i64) = (row.get(0), row.get(1));
        if readable_from > known {
            return Err(PgError::Newer { found, readable_from, known });
        }
        let step = usize::try_from(number).ok().and_then(|n| n.checked_sub(1)).and_then(|n| STEPS.get(n));
        if let Some(step) = step.filter(|_| number > found) {
            tx.batch_execute(step.sql).await.map_err(PgError::asking("bring the schema up to date"))?;
            tx.execute("INSERT INTO schema_step (number, readable_from) VALUES ($1, $2)", &[&number, &step.readable_from])
                .await
                .map_err(PgError::asking("note the schema's version"))?;
        }
        tx.commit().await.map_err(PgError::asking("commit the schema"))?;
    }
    Ok(())
}
