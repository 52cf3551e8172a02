//! Sheets on SQLite: one table, the body sealed.

use super::apply::Failure;
use super::files::{instant, nanos};
use super::read::{limit, row, rows, to_u64};
use super::seal::{Keys, Place};
use crate::ledger::LedgerError;
use crate::sheet::{BODY_MAX, Sheet, SheetAsk};
use care::{ElderId, HomeId};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

const COLUMNS: &str = "SELECT seq, kind, id, version, area, home, elder, at, state, body, written_at, written_by FROM sheet";

/// Where the body of a version is sealed to.
fn place(kind: &str, id: &str, version: u32) -> String {
    format!("{kind}/{id}/{version}")
}

/// Writes a version, if it is the next one.
pub(super) fn put(db: &Connection, keys: &Keys, sheet: &Sheet) -> Result<(), Failure> {
    if let Some(fault) = sheet.fault() {
        return Err(Failure::Alone(LedgerError::Failed(fault.to_owned())));
    }
    let body = serde_json::to_vec(&sheet.body)?;
    if body.len() > BODY_MAX {
        return Err(Failure::Alone(LedgerError::Failed(format!("a sheet's body has at most {BODY_MAX} bytes"))));
    }
    let mut newest = db.prepare_cached("SELECT version FROM sheet WHERE kind = ?1 AND id = ?2 ORDER BY version DESC LIMIT 1")?;
    let version: u32 = newest.query_row([&sheet.kind, &sheet.id], |r| r.get(0)).optional()?.unwrap_or(0);
    if sheet.version != version.saturating_add(1) {
        return Err(Failure::Alone(LedgerError::Conflict));
    }
    if version > 0 {
        let mut aside = db.prepare_cached("UPDATE sheet SET newest = 0 WHERE kind = ?1 AND id = ?2 AND version = ?3")?;
        aside.execute(params![sheet.kind, sheet.id, version])?;
    }
    let sealed = keys.seal(Place { column: "sheet.body", row: &place(&sheet.kind, &sheet.id, sheet.version) }, &body)?;
    let mut insert = db.prepare_cached(
        "INSERT INTO sheet (kind, id, version, newest, area, home, elder, at, state, body, written_at, written_by)
         VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    insert.execute(params![
        sheet.kind,
        sheet.id,
        sheet.version,
        sheet.area,
        sheet.home.as_ref().map(HomeId::as_str),
        sheet.elder.as_ref().map(ElderId::as_str),
        nanos(sheet.at),
        sheet.state,
        sealed,
        nanos(sheet.written_at),
        sheet.written_by
    ])?;
    Ok(())
}

/// Takes away every version.
pub(super) fn erase(db: &Connection, kind: &str, id: &str) -> Result<(), Failure> {
    db.prepare_cached("DELETE FROM sheet WHERE kind = ?1 AND id = ?2")?.execute([kind, id])?;
    Ok(())
}

fn sheet(keys: &Keys, r: &Row<'_>) -> Result<(u64, Sheet), LedgerError> {
    let (kind, id, version): (String, String, u32) = (r.get(1)?, r.get(2)?, r.get(3)?);
    let body = keys.open(Place { column: "sheet.body", row: &place(&kind, &id, version) }, r.get_ref(9)?.as_blob().unwrap_or_default())?;
    let sheet = Sheet {
        kind,
        id,
        version,
        area: r.get(4)?,
        home: r.get::<_, Option<String>>(5)?.map(HomeId::new),
        elder: r.get::<_, Option<String>>(6)?.map(ElderId::new),
        at: instant(r.get(7)?),
        state: r.get(8)?,
        body: serde_json::from_slice(&body)?,
        written_at: instant(r.get(10)?),
        written_by: r.get(11)?,
    };
    Ok((to_u64(r.get(0)?), sheet))
}

/// The newest version.
pub(super) fn one(db: &Connection, keys: &Keys, kind: &str, id: &str) -> Result<Option<Sheet>, LedgerError> {
    row(db, &format!("{COLUMNS} WHERE kind = ?1 AND id = ?2 ORDER BY version DESC LIMIT 1"), [kind, id], |r| sheet(keys, r).map(|(_, s)| s))
}

/// Every version, oldest first.
pub(super) fn versions(db: &Connection, keys: &Keys, kind: &str, id: &str) -> Result<Vec<Sheet>, LedgerError> {
    rows(db, &format!("{COLUMNS} WHERE kind = ?1 AND id = ?2 ORDER BY version"), [kind, id], |r| sheet(keys, r).map(|(_, s)| s))
}

/// What is asked for.
pub(super) fn ask(db: &Connection, keys: &Keys, ask: &SheetAsk) -> Result<Vec<Sheet>, LedgerError> {
    let mut sql = format!("{COLUMNS} WHERE newest = 1 AND kind = ?");
    let mut values = vec![Value::from(ask.kind.clone())];
    let mut and = |text: &str, more: Vec<Value>| {
        sql.push_str(text);
        values.extend(more);
    };
    if let Some(home) = &ask.home {
        and(" AND home = ?", vec![home.as_str().to_owned().into()]);
    }
    if let Some(elder) = &ask.elder {
        and(" AND elder = ?", vec![elder.as_str().to_owned().into()]);
    }
    if let Some(area) = ask.area.as_ref().filter(|a| !a.is_empty()) {
        // '0' follows '/': everything between is within the area.
        and(" AND (area = ? OR (area > ? AND area < ?))", vec![area.clone().into(), format!("{area}/").into(), format!("{area}0").into()]);
    }
    if let Some(state) = &ask.state {
        and(" AND state = ?", vec![state.clone().into()]);
    }
    if let Some(from) = ask.from {
        and(" AND at >= ?", vec![nanos(from).into()]);
    }
    if let Some(to) = ask.to {
        and(" AND at < ?", vec![nanos(to).into()]);
    }
    let (later, by) = ask.order.clauses();
    if let Some((at, id)) = &ask.after {
        and(later, vec![nanos(*at).into(), id.clone().into()]);
    }
    and(by, vec![limit(ask.limit()).into()]);
    rows(db, &sql, params_from_iter(values), |r| sheet(keys, r).map(|(_, s)| s))
}

/// Every version written after `seq`.
pub(super) fn since(db: &Connection, keys: &Keys, seq: u64, max: usize) -> Result<Vec<(u64, Sheet)>, LedgerError> {
    let seq = i64::try_from(seq).unwrap_or(i64::MAX);
    rows(db, &format!("{COLUMNS} WHERE seq > ?1 ORDER BY seq LIMIT ?2"), params![seq, limit(max)], |r| sheet(keys, r))
}
