//! Copies for other systems (R20), over the API and for the page: what a system is behind, the copy with its own columns, its
//! receipt; and the facts behind the reports.

use super::area_of;
use crate::app::App;
use crate::caller::Caller;
use crate::extract::{Asked, Body, Id};
use crate::office::Kept;
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use care::office::elder::ElderFile;
use care::office::export::{Shown, Target};
use serde::Deserialize;
use serde_json::{Value, json};
use store::sheet::SheetAsk;
use wire::workbook::{Cell, Table};

/// Elders that are written in one transaction.
const TOGETHER: usize = 50;

/// A system by its code.
pub(crate) fn target(id: &str) -> Result<Target, Problem> {
    Target::from_code(id).ok_or(Problem::NotFound)
}

async fn files(app: &App, area: &str) -> Result<Vec<Kept<ElderFile>>, Problem> {
    Ok(app.parts.office.all::<ElderFile>(SheetAsk::default().area(area).max(500)).await?)
}

/// A copy to look at: masked.
pub(crate) struct Look {
    pub(crate) rows: Vec<Vec<String>>,
    /// Elders of whom the system has not the latest.
    pub(crate) behind: u32,
    /// Elders of whom there is no receipt.
    pub(crate) unconfirmed: u32,
}

/// What a system has and has not.
pub(crate) async fn look(app: &App, target: Target, area: &str) -> Result<Look, Problem> {
    let (policy, today) = (app.parts.office.policy()?, app.parts.office.today());
    let mut look = Look { rows: Vec::new(), behind: 0, unconfirmed: 0 };
    for kept in files(app, area).await? {
        let tier = kept.record.computed_tier(&policy, today);
        look.behind += u32::from(target.is_behind(&kept.record, tier, today));
        look.unconfirmed += u32::from(kept.record.exported.get(target.code()).is_some_and(|copy| copy.receipt.is_empty()));
        look.rows.push(target.row(&kept.record, tier, today, Shown::Masked));
    }
    Ok(look)
}

/// Whose rows are handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Which {
    /// Of whom the system has not the latest.
    #[default]
    Behind,
    /// Everybody.
    All,
}

/// The whole copy, noted in every file; whoever holds it can be told from it.
pub(crate) async fn hand_out(app: &App, caller: &Caller, target: Target, area: &str, which: Which) -> Result<Table, Problem> {
    let office = &app.parts.office;
    let (policy, today, now) = (office.policy()?, office.today(), app.now());
    let mut table = Table { name: target.zh().to_owned(), heading: target.heading().into_iter().map(str::to_owned).collect(), ..Table::default() };
    let mut entries = Vec::new();
    for kept in files(app, area).await? {
        let mut file = kept.record;
        let tier = file.computed_tier(&policy, today);
        if which == Which::Behind && !target.is_behind(&file, tier, today) {
            continue;
        }
        table.rows.push(target.row(&file, tier, today, Shown::Whole).into_iter().map(Cell::text).collect());
        target.note(&mut file, kept.version, tier, today, now);
        entries.push(office.put_of(&file, kept.version, caller.person.as_str())?);
        if entries.len() >= TOGETHER {
            office.write(std::mem::take(&mut entries)).await?;
        }
    }
    entries.push(office.audit(caller.person.as_str(), "elder.export", target.code()));
    office.write(entries).await?;
    let at = now.with_timezone(&office.zone()).format("%Y-%m-%d %H:%M");
    table.notes.push(format!("{at} {} {}", caller.person, target.zh()));
    Ok(table)
}

/// Notes the receipt of what was handed out and has none; how many those are.
pub(crate) async fn confirm(app: &App, caller: &Caller, target: Target, area: &str, receipt: &str) -> Result<u32, Problem> {
    if receipt.trim().is_empty() {
        return Err(Problem::Invalid { field: "receipt", what: |w| w.invalid_text_empty });
    }
    let office = &app.parts.office;
    let (mut entries, mut confirmed) = (Vec::new(), 0);
    for kept in files(app, area).await? {
        let mut file = kept.record;
        if !target.confirm(&mut file, receipt.trim(), &caller.person) {
            continue;
        }
        confirmed += 1;
        entries.push(office.put_of(&file, kept.version, caller.person.as_str())?);
        if entries.len() >= TOGETHER {
            office.write(std::mem::take(&mut entries)).await?;
        }
    }
    entries.push(office.audit(caller.person.as_str(), "elder.export.receipt", target.code()));
    office.write(entries).await?;
    Ok(confirmed)
}

pub(crate) async fn state(State(app): State<App>, caller: Caller, Id(id): Id, Asked(asked): Asked<super::ListAsked>) -> Result<Json<Value>, Problem> {
    let target = target(&id)?;
    let look = look(&app, target, &area_of(&caller, asked.area.as_deref())?).await?;
    Ok(Json(json!({ "target": target.code(), "heading": target.heading(), "rows": look.rows, "behind": look.behind, "unconfirmed": look.unconfirmed })))
}

/// Which copy.
#[derive(Debug, Deserialize)]
pub(crate) struct ExportBody {
    #[serde(default)]
    area: Option<String>,
    #[serde(default)]
    which: Which,
}

pub(crate) async fn export(State(app): State<App>, caller: Caller, Id(id): Id, Body(body): Body<ExportBody>) -> Result<Json<Value>, Problem> {
    let target = target(&id)?;
    let area = area_of(&caller, body.area.as_deref())?;
    Ok(Json(hand_out(&app, &caller, target, &area, body.which).await?.json()))
}

/// The receipt's number.
#[derive(Debug, Deserialize)]
pub(crate) struct ReceiptBody {
    #[serde(default)]
    area: Option<String>,
    receipt: String,
}

pub(crate) async fn receipt(State(app): State<App>, caller: Caller, Id(id): Id, Body(body): Body<ReceiptBody>) -> Result<Json<Value>, Problem> {
    let target = target(&id)?;
    let area = area_of(&caller, body.area.as_deref())?;
    Ok(Json(json!({ "confirmed": confirm(&app, &caller, target, &area, &body.receipt).await? })))
}

/// The facts behind the reports of the caller's area; goes into the audit.
pub(crate) async fn facts_of(app: &App, caller: &Caller) -> Result<Value, Problem> {
    let office = &app.parts.office;
    let facts = office.facts(&caller.area).await?;
    let area = if caller.area.is_empty() { "all" } else { &caller.area };
    office.write(vec![office.audit(caller.person.as_str(), "facts.export", area)]).await?;
    Ok(facts)
}

pub(crate) async fn facts(State(app): State<App>, caller: Caller) -> Result<Json<Value>, Problem> {
    facts_of(&app, &caller).await.map(Json)
}
