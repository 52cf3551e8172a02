//! Sheets on PostgreSQL: one table, the body sealed. Whoever writes one holds a lock until its commit, so that versions become
//! visible in the order of their `seq`: a follower that has seen one will never be shown an earlier one afterwards.

use super::PgLedger;
use super::apply::{Need, PgFailure, Steps, text, values};
use crate::ledger::LedgerError;
use crate::sheet::{BODY_MAX, PAGE_MAX, Sheet, SheetAsk};
use crate::sqlite::files::{instant, nanos};
use crate::sqlite::read::{limit, to_u64};
use crate::sqlite::seal::Place;
use care::{ElderId, HomeId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

const COLUMNS: &str = "SELECT seq, kind, id, version, area, home, elder, at, state, body, written_at, written_by FROM sheet";
/// The advisory lock of whoever writes sheets.
const LOCK: &str = "SELECT pg_advisory_xact_lock(29384765234110979)";

/// Where the body of a version is sealed to.
fn place(kind: &str, id: &str, version: u32) -> String {
    format!("{kind}/{id}/{version}")
}

/// Writes a version, if it is the next one.
pub(super) fn put(steps: &mut Steps<'_>, sheet: &Sheet) -> Result<(), PgFailure> {
    let refuse = |why: String| PgFailure(LedgerError::Failed(why));
    if let Some(fault) = sheet.fault() {
        return Err(refuse(fault.to_owned()));
    }
    let body = serde_json::to_vec(&sheet.body)?;
    if body.len() > BODY_MAX {
        return Err(refuse(format!("a sheet's body has at most {BODY_MAX} bytes")));
    }
    if sheet.id.contains('\0') {
        return Err(refuse("the identifier of a sheet has no NUL in it".into()));
    }
    let sealed = steps.keys().seal(Place { column: "sheet.body", row: &place(&sheet.kind, &sheet.id, sheet.version) }, &body)?;
    let version = i64::from(sheet.version);
    steps.push(LOCK, Need::Nothing, values![]);
    steps.push(
        "UPDATE sheet SET newest = FALSE WHERE kind = $1 AND id = $2 AND version = $3 - 1::BIGINT AND newest",
        Need::Nothing,
        values![sheet.kind.clone(), sheet.id.clone(), version],
    );
    steps.push(
        "INSERT INTO sheet (kind, id, version, newest, area, home, elder, at, state, body, written_at, written_by)
         SELECT $1::TEXT, $2::TEXT, $3::BIGINT, TRUE, $4::TEXT, $5::TEXT, $6::TEXT, $7::BIGINT, $8::TEXT, $9::BYTEA, $10::BIGINT, $11::TEXT
         WHERE (SELECT COALESCE(max(version), 0) FROM sheet WHERE kind = $1::TEXT AND id = $2::TEXT) = $3::BIGINT - 1",
        Need::Row,
        values![
            sheet.kind.clone(),
            sheet.id.clone(),
            version,
            text(&sheet.area),
            sheet.home.as_ref().map(|h| text(h.as_str())),
            sheet.elder.as_ref().map(|e| text(e.as_str())),
            nanos(sheet.at),
            text(&sheet.state),
            sealed,
            nanos(sheet.written_at),
            text(&sheet.written_by)
        ],
    );
    Ok(())
}

/// Takes away every version.
pub(super) fn erase(steps: &mut Steps<'_>, kind: &str, id: &str) {
    steps.push(LOCK, Need::Nothing, values![]);
    steps.push("DELETE FROM sheet WHERE kind = $1 AND id = $2", Need::Nothing, values![text(kind), text(id)]);
}

impl PgLedger {
    fn sheet_row(&self, r: &Row) -> Result<(u64, Sheet), LedgerError> {
        let (kind, id): (String, String) = (r.try_get(1)?, r.try_get(2)?);
        let version = u32::try_from(r.try_get::<_, i64>(3)?).unwrap_or_default();
        let body = self.keys.open(Place { column: "sheet.body", row: &place(&kind, &id, version) }, r.try_get(9)?)?;
        let sheet = Sheet {
            kind,
            id,
            version,
            area: r.try_get(4)?,
            home: r.try_get::<_, Option<String>>(5)?.map(HomeId::new),
            elder: r.try_get::<_, Option<String>>(6)?.map(ElderId::new),
            at: instant(r.try_get(7)?),
            state: r.try_get(8)?,
            body: serde_json::from_slice(&body)?,
            written_at: instant(r.try_get(10)?),
            written_by: r.try_get(11)?,
        };
        Ok((to_u64(r.try_get(0)?), sheet))
    }

    pub(super) async fn sheet_versions_of(&self, kind: &str, id: &str, newest: bool) -> Result<Vec<Sheet>, LedgerError> {
        let sql = format!("{COLUMNS} WHERE kind = $1 AND id = $2 AND (newest OR NOT $3::BOOLEAN) ORDER BY version");
        self.rows(&sql, &[&text(kind), &text(id), &newest], |r| self.sheet_row(r).map(|(_, s)| s)).await
    }

    pub(super) async fn sheets_asked(&self, ask: &SheetAsk) -> Result<Vec<Sheet>, LedgerError> {
        let mut sql = format!("{COLUMNS} WHERE newest AND kind = $1");
        let mut values: Vec<Box<dyn ToSql + Sync + Send>> = values![text(&ask.kind)];
        // `?` stands for the next value.
        let mut and = |words: &str, more: Vec<Box<dyn ToSql + Sync + Send>>| {
            let mut more = more.into_iter();
            for (i, part) in words.split('?').enumerate() {
                if i > 0 {
                    values.extend(more.next());
                    sql.push_str(&format!("${}", values.len()));
                }
                sql.push_str(part);
            }
        };
        if let Some(home) = &ask.home {
            and(" AND home = ?", values![text(home.as_str())]);
        }
        if let Some(elder) = &ask.elder {
            and(" AND elder = ?", values![text(elder.as_str())]);
        }
        if let Some(area) = ask.area.as_ref().filter(|a| !a.is_empty()) {
            // '0' follows '/': everything between is within the area.
            let area = text(area);
            and(" AND (area = ? OR (area > ? AND area < ?))", values![area.clone(), format!("{area}/"), format!("{area}0")]);
        }
        if let Some(state) = &ask.state {
            and(" AND state = ?", values![text(state)]);
        }
        if let Some(from) = ask.from {
            and(" AND at >= ?", values![nanos(from)]);
        }
        if let Some(to) = ask.to {
            and(" AND at < ?", values![nanos(to)]);
        }
        let (later, by) = ask.order.clauses();
        if let Some((at, id)) = &ask.after {
            and(later, values![nanos(*at), text(id)]);
        }
        and(by, values![limit(ask.limit())]);
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|v| -> &(dyn ToSql + Sync) { &**v }).collect();
        self.rows(&sql, &values, |r| self.sheet_row(r).map(|(_, s)| s)).await
    }

    pub(super) async fn sheets_after(&self, seq: u64, max: usize) -> Result<Vec<(u64, Sheet)>, LedgerError> {
        let seq = i64::try_from(seq).unwrap_or(i64::MAX);
        let sql = format!("{COLUMNS} WHERE seq > $1 ORDER BY seq LIMIT $2");
        self.rows(&sql, &[&seq, &limit(max.clamp(1, PAGE_MAX))], |r| self.sheet_row(r)).await
    }
}
