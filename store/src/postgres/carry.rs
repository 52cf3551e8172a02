//! Carries a whole ledger between SQLite and PostgreSQL, table by table: what is sealed stays sealed under the same keys. Whatever
//! is opened from it is a copy, and starts with calling held (ALM-8).

use super::pool::{PgError, Pools};
use super::{PgLedger, PgSettings, schema};
use crate::ledger::LedgerError;
use crate::log::shard_of;
use crate::sqlite::migrations::migrate;
use crate::sqlite::{open_reader, open_writer};
use care::HomeId;
use deadpool_postgres::Transaction;
use futures_util::future::join_all;
use futures_util::{StreamExt, pin_mut};
use rusqlite::types::{Value, ValueRef};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;
use tokio_postgres::types::ToSql;

/// The tables and the order in which their rows were written, if it matters.
const TABLES: &[(&str, &str)] = &[
    ("setting", ""),
    ("alarm", ""),
    ("attempt", ""),
    ("effect", ""),
    ("seen", ""),
    ("decided", ""),
    ("snapshot", ""),
    ("snapshot_place", ""),
    ("quarantine", "ORDER BY id"),
    ("unknown_device", ""),
    ("note", "ORDER BY id"),
    ("audit", "ORDER BY seq"),
    ("area", ""),
    ("home", ""),
    ("elder", ""),
    ("contact", ""),
    ("plan", ""),
    ("device", ""),
    ("credential", ""),
    ("person", ""),
    ("token", ""),
    ("sheet", "ORDER BY seq"),
];
/// Tables of SQLite that are not carried: epochs begin anew, and when devices were last heard is heard again.
pub const NOT_CARRIED: &[&str] = &["owner", "heard"];
/// Columns that are made anew.
const ANEW: &[&str] = &["claimed_by", "adopted"];
/// Rows handed over at a time.
const BATCH: usize = 500;
/// Rows sent before their answers are looked at.
const PIPELINE: usize = 30;

/// The places in the log.
#[derive(Clone, Copy)]
pub enum Places {
    /// The same log stands beside the ledger.
    Kept,
    /// The log begins anew with so many shards: everything was decided. The states of homes forget their places.
    Anew(u16, fn(&[u8]) -> Vec<u8>),
}

/// How many rows each table had.
pub type Carried = BTreeMap<&'static str, u64>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Truth,
    Text,
    Bytes,
}

struct Column {
    name: String,
    kind: Kind,
}

type Row = Vec<Value>;

fn lost() -> PgError {
    PgError::Ledger("carry the ledger", LedgerError::Failed("the other side has ended".into()))
}

fn sqlite(error: rusqlite::Error) -> PgError {
    PgError::Ledger("carry the ledger", error.into())
}

async fn columns(tx: &Transaction<'_>, table: &str) -> Result<Vec<Column>, PgError> {
    let sql = "SELECT column_name::TEXT, data_type::TEXT FROM information_schema.columns
         WHERE table_schema = current_schema() AND table_name = $1 AND is_identity = 'NO' ORDER BY ordinal_position";
    let rows = tx.query(sql, &[&table]).await.map_err(PgError::asking("read the columns"))?;
    let column = |row: &tokio_postgres::Row| {
        let kind = match row.get::<_, &str>(1) {
            "bigint" => Kind::Number,
            "boolean" => Kind::Truth,
            "bytea" => Kind::Bytes,
            _ => Kind::Text,
        };
        Column { name: row.get(0), kind }
    };
    Ok(rows.iter().map(column).filter(|c| !ANEW.contains(&c.name.as_str())).collect())
}

/// What becomes of a row; `None`: it is left behind.
fn changed(table: &str, columns: &[Column], mut row: Row, places: Places) -> Option<Row> {
    let at = |name: &str| columns.iter().position(|c| c.name == name);
    if table == "setting" && matches!(row.first(), Some(Value::Text(key)) if key == "fingerprint" || key == "instance_id") {
        return None;
    }
    let Places::Anew(shards, forget) = places else { return Some(row) };
    match table {
        "decided" | "snapshot_place" => None,
        "snapshot" => {
            let (shard, home, state) = (at("shard")?, at("home")?, at("state")?);
            let Some(Value::Text(id)) = row.get(home) else { return None };
            let new = shard_of(&HomeId::new(id.clone()), shards);
            let Some(Value::Blob(bytes)) = row.get(state) else { return None };
            let bytes = forget(bytes);
            *row.get_mut(shard)? = Value::Integer(i64::from(new.0));
            *row.get_mut(state)? = Value::Blob(bytes);
            Some(row)
        }
        _ => Some(row),
    }
}

fn parameter(kind: Kind, value: Value) -> Box<dyn ToSql + Sync + Send> {
    match (kind, value) {
        (Kind::Number, Value::Integer(n)) => Box::new(n),
        (Kind::Number, _) => Box::new(None::<i64>),
        (Kind::Truth, Value::Integer(n)) => Box::new(n != 0),
        (Kind::Truth, _) => Box::new(None::<bool>),
        (Kind::Text, Value::Text(text)) => Box::new(super::apply::text(&text)),
        (Kind::Text, _) => Box::new(None::<String>),
        (Kind::Bytes, Value::Blob(bytes)) => Box::new(bytes),
        // SQLite takes an empty text for empty bytes.
        (Kind::Bytes, Value::Text(text)) => Box::new(text.into_bytes()),
        (Kind::Bytes, _) => Box::new(None::<Vec<u8>>),
    }
}

fn select(table: &str, columns: &[Column], order: &str) -> String {
    let names: Vec<_> = columns.iter().map(|c| format!("\"{}\"", c.name)).collect();
    format!("SELECT {} FROM \"{table}\" {order}", names.join(", "))
}

impl PgLedger {
    /// Fills a new, empty database from a ledger's file: all of it or nothing.
    ///
    /// # Errors
    /// [`PgError`] if the database is in use already, or a part could not be read or written.
    pub async fn receive(settings: &PgSettings, file: &Path, places: Places) -> Result<Carried, PgError> {
        let pools = Pools::new(settings)?;
        schema::migrate(&pools).await?;
        let mut client = pools.primary().await?;
        let tx = client.transaction().await.map_err(PgError::asking("begin"))?;
        tx.batch_execute("SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL lock_timeout = 0")
            .await
            .map_err(PgError::asking("begin"))?;
        let used = "SELECT EXISTS (SELECT 1 FROM alarm) OR EXISTS (SELECT 1 FROM home) OR EXISTS (SELECT 1 FROM person)";
        if tx.query_one(used, &[]).await.map_err(PgError::asking("look at the database"))?.get(0) {
            return Err(PgError::Ledger("carry the ledger", LedgerError::Failed("the database is not empty: name a new one".into())));
        }
        tx.batch_execute("DELETE FROM setting").await.map_err(PgError::asking("empty the settings"))?;
        let mut carried = Carried::new();
        for (table, order) in TABLES {
            let columns = columns(&tx, table).await?;
            let names: Vec<_> = columns.iter().map(|c| format!("\"{}\"", c.name)).collect();
            let marks: Vec<_> = (1..=columns.len()).map(|n| format!("${n}")).collect();
            let insert = format!("INSERT INTO \"{table}\" ({}) VALUES ({})", names.join(", "), marks.join(", "));
            let statement = tx.prepare(&insert).await.map_err(PgError::asking("prepare to write rows"))?;
            let mut batches = read_table(file.to_owned(), select(table, &columns, order));
            let mut count = 0;
            while let Some(batch) = batches.recv().await {
                let rows: Vec<_> = batch.map_err(sqlite)?.into_iter().filter_map(|row| changed(table, &columns, row, places)).collect();
                count += rows.len() as u64;
                let mut rows = rows.into_iter().map(|row| columns.iter().map(|c| c.kind).zip(row).map(|(k, v)| parameter(k, v)).collect::<Vec<_>>());
                loop {
                    let some: Vec<_> = rows.by_ref().take(PIPELINE).collect();
                    if some.is_empty() {
                        break;
                    }
                    let sent = some.iter().map(|row| tx.execute_raw(&statement, row.iter().map(|v| -> &(dyn ToSql + Sync) { &**v })));
                    join_all(sent).await.into_iter().collect::<Result<Vec<_>, _>>().map_err(PgError::asking("write rows"))?;
                }
            }
            carried.insert(*table, count);
        }
        tx.commit().await.map_err(PgError::asking("commit what was carried"))?;
        Ok(carried)
    }

    /// Writes the whole ledger as of one moment into a new SQLite file, synced: a backup, and what a machine of its own can open.
    ///
    /// # Errors
    /// [`PgError`] if the file exists, or a part could not be read or written.
    pub async fn copy_to(&self, file: &Path, places: Places) -> Result<Carried, PgError> {
        if file.exists() {
            return Err(PgError::Ledger("carry the ledger", LedgerError::Failed("the file exists already".into())));
        }
        let mut client = self.pools.primary().await?;
        let tx = client.build_transaction().isolation_level(tokio_postgres::IsolationLevel::RepeatableRead).read_only(true);
        let tx = tx.start().await.map_err(PgError::asking("begin"))?;
        tx.batch_execute("SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0").await.map_err(PgError::asking("begin"))?;
        let (send, writer) = write_file(file.to_owned());
        let mut carried = Carried::new();
        for (table, order) in TABLES {
            let columns = columns(&tx, table).await?;
            let marks = vec!["?"; columns.len()].join(", ");
            let names: Vec<_> = columns.iter().map(|c| format!("\"{}\"", c.name)).collect();
            let insert = format!("INSERT INTO \"{table}\" ({}) VALUES ({marks})", names.join(", "));
            let none: [&(dyn ToSql + Sync); 0] = [];
            let rows = tx.query_raw(&select(table, &columns, order), none).await.map_err(PgError::asking("read rows"))?;
            pin_mut!(rows);
            let mut count = 0;
            let mut batch = Vec::with_capacity(BATCH);
            while let Some(row) = rows.next().await {
                let row = row.map_err(PgError::asking("read rows"))?;
                let values: Row = columns.iter().enumerate().map(|(i, c)| value(&row, i, c.kind)).collect::<Result<_, _>>()?;
                if let Some(row) = changed(table, &columns, values, places) {
                    count += 1;
                    batch.push(row);
                }
                if batch.len() >= BATCH {
                    send.send((insert.clone(), std::mem::take(&mut batch))).await.map_err(|_| lost())?;
                }
            }
            if !batch.is_empty() {
                send.send((insert, batch)).await.map_err(|_| lost())?;
            }
            carried.insert(*table, count);
        }
        drop(send);
        writer.await.map_err(|_| lost())?.map_err(sqlite)?;
        Ok(carried)
    }
}

fn value(row: &tokio_postgres::Row, i: usize, kind: Kind) -> Result<Value, PgError> {
    let failed = PgError::asking("read a column");
    Ok(match kind {
        Kind::Number => row.try_get::<_, Option<i64>>(i).map_err(failed)?.map_or(Value::Null, Value::Integer),
        Kind::Truth => row.try_get::<_, Option<bool>>(i).map_err(failed)?.map_or(Value::Null, |t| Value::Integer(t.into())),
        Kind::Text => row.try_get::<_, Option<String>>(i).map_err(failed)?.map_or(Value::Null, Value::Text),
        Kind::Bytes => row.try_get::<_, Option<Vec<u8>>>(i).map_err(failed)?.map_or(Value::Null, Value::Blob),
    })
}

/// Reads a table on a thread of its own, some rows at a time.
fn read_table(file: PathBuf, sql: String) -> mpsc::Receiver<rusqlite::Result<Vec<Row>>> {
    let (send, batches) = mpsc::channel(4);
    tokio::task::spawn_blocking(move || {
        let read = || -> rusqlite::Result<()> {
            let db = open_reader(&file)?;
            let mut select = db.prepare(&sql)?;
            let width = select.column_count();
            let mut rows = select.query([])?;
            let mut batch = Vec::with_capacity(BATCH);
            while let Some(row) = rows.next()? {
                batch.push((0..width).map(|i| Ok(owned(row.get_ref(i)?))).collect::<rusqlite::Result<Row>>()?);
                if batch.len() >= BATCH && send.blocking_send(Ok(std::mem::take(&mut batch))).is_err() {
                    return Ok(());
                }
            }
            let _nobody_waits = send.blocking_send(Ok(batch));
            Ok(())
        };
        if let Err(error) = read() {
            let _nobody_waits = send.blocking_send(Err(error));
        }
    });
    batches
}

fn owned(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(n) => Value::Integer(n),
        ValueRef::Real(n) => Value::Real(n),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}

type Writing = (mpsc::Sender<(String, Vec<Row>)>, tokio::task::JoinHandle<rusqlite::Result<()>>);

/// Writes a new ledger's file on a thread of its own: whole, or not there.
fn write_file(file: PathBuf) -> Writing {
    let (send, mut batches) = mpsc::channel::<(String, Vec<Row>)>(4);
    let writer = tokio::task::spawn_blocking(move || {
        let mut write = || -> rusqlite::Result<()> {
            let mut db = open_writer(&file)?;
            migrate(&mut db, "the copy").map_err(|_| rusqlite::Error::InvalidQuery)?;
            let tx = db.transaction()?;
            while let Some((sql, rows)) = batches.blocking_recv() {
                let mut insert = tx.prepare_cached(&sql)?;
                for row in rows {
                    insert.execute(rusqlite::params_from_iter(row))?;
                }
            }
            tx.commit()?;
            crate::sqlite::checkpoint(&db, "TRUNCATE")?;
            db.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
            drop(db);
            std::fs::File::open(&file).and_then(|f| f.sync_all()).map_err(|_| rusqlite::Error::InvalidQuery)
        };
        write().inspect_err(|_| {
            if let Err(error) = std::fs::remove_file(&file) {
                tracing::debug!(%error, "an unfinished copy could not be removed");
            }
        })
    });
    (send, writer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_carried_or_said_not_to_be() {
        let mut db = rusqlite::Connection::open_in_memory().unwrap();
        migrate(&mut db, "ledger.db").unwrap();
        let mut names = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").unwrap();
        let names: Vec<String> = names.query_map([], |r| r.get(0)).unwrap().map(Result::unwrap).collect();
        for name in names {
            assert!(TABLES.iter().any(|(t, _)| *t == name) || NOT_CARRIED.contains(&name.as_str()), "the table {name} would be left behind");
        }
    }
}
