//! The schema of the ledger, step by step. A step that was ever shipped is never changed: a new one is added below.

use super::dir::OpenError;
use rusqlite::Connection;

/// One SQL text for each step; `user_version` is the number of steps done.
const STEPS: &[&str] = &[include_str!("migrations/0001_ledger.sql"), include_str!("migrations/0002_sheet.sql")];

/// Brings the schema up to date: each step in a transaction of its own.
pub(crate) fn migrate(db: &mut Connection, file: &str) -> Result<(), OpenError> {
    let failed = |what: String| move |e| OpenError::Sqlite(what, e);
    let found: i64 = db.query_row("PRAGMA user_version", [], |r| r.get(0)).map_err(failed(format!("read the schema of {file}")))?;
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(OpenError::Newer { file: file.to_owned(), found, known });
    }
    for (number, step) in (1_i64..).zip(STEPS).filter(|(number, _)| *number > found) {
        let mut run = || -> rusqlite::Result<()> {
            let tx = db.transaction()?;
            tx.execute_batch(step)?;
            tx.pragma_update(None, "user_version", number)?;
            tx.commit()
        };
        run().map_err(failed(format!("bring {file} to schema {number}")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_of_a_newer_version_is_refused_with_a_sentence() {
        let mut db = Connection::open_in_memory().unwrap();
        migrate(&mut db, "ledger.db").unwrap();
        migrate(&mut db, "ledger.db").unwrap();
        db.pragma_update(None, "user_version", 99).unwrap();
        let error = migrate(&mut db, "ledger.db").unwrap_err();
        assert!(error.to_string().contains("ledger.db was written by a newer version (schema 99"), "{error}");
    }

    #[test]
    fn the_audit_refuses_to_be_changed() {
        let mut db = Connection::open_in_memory().unwrap();
        migrate(&mut db, "ledger.db").unwrap();
        db.execute("INSERT INTO audit VALUES (1, 0, 'w', 'a', 's', 'h')", []).unwrap();
        for sql in ["UPDATE audit SET who = 'x'", "DELETE FROM audit", "INSERT OR REPLACE INTO audit VALUES (1, 0, 'x', 'a', 's', 'h')"] {
            assert!(db.execute(sql, []).is_err(), "{sql}");
        }
    }
}
