//! Copies for other systems (R20): a file with that system's columns, what it is behind, and its receipt.

use super::part::{choices, file as as_file};
use super::{Cell, Desk, Field, Fields, Form, Listing, Page, back};
use crate::api::office::area_of;
use crate::caller::Need;
use crate::extract::{Asked, Id};
use crate::messages::fill;
use crate::office::Kept;
use crate::problem::Problem;
use axum::response::Response;
use care::office::elder::ElderFile;
use care::office::export::{Shown, Target};
use serde::Deserialize;
use store::sheet::SheetAsk;
use wire::workbook::Table;

/// Rows that a page shows; the file is whole.
const SHOWN: usize = 500;
/// Elders that are written in one transaction.
const TOGETHER: usize = 50;

#[derive(Debug, Default, Deserialize)]
pub(crate) struct ExportAsked {
    #[serde(default)]
    area: String,
}

fn target(id: &str) -> Result<Target, Problem> {
    Target::from_code(id).ok_or(Problem::NotFound)
}

async fn files(desk: &Desk, area: &str) -> Result<Vec<Kept<ElderFile>>, Problem> {
    let mut ask = SheetAsk::of("elder");
    ask.area = Some(area.to_owned()).filter(|area| !area.is_empty());
    ask.max = 500;
    Ok(desk.app.parts.office.all::<ElderFile>(ask).await?)
}

/// What a system has and has not, and the copy to look at: masked.
pub(crate) async fn export(desk: Desk, Id(id): Id, Asked(asked): Asked<ExportAsked>) -> Result<Response, Problem> {
    let (o, l) = (desk.o, desk.look.language);
    let target = target(&id)?;
    let area = area_of(&desk.caller, Some(&asked.area))?;
    let office = desk.app.parts.office.clone();
    let (in_force, today) = (office.policy()?, office.today());
    let policy = &*in_force;
    let all = files(&desk, &area).await?;
    let mut table = Listing::new("export", target.name(l), &target.heading());
    let (mut behind, mut unconfirmed) = (0u32, 0u32);
    for kept in &all {
        let tier = kept.record.computed_tier(policy, today);
        behind += u32::from(target.is_behind(&kept.record, tier, today));
        unconfirmed += u32::from(kept.record.exported.get(target.code()).is_some_and(|copy| copy.receipt.is_empty()));
        table.rows.push(target.row(&kept.record, tier, today, Shown::Masked).into_iter().map(Cell::text).collect());
    }
    if super::form::query_value(&desk.query, "format").is_none() {
        table.rows.truncate(SHOWN);
    }
    let mut page = Page::new("import", target.name(l)).link("/office/import", o.tab_import);
    page.lead.push(fill(o.export_state, &[("n", &all.len().to_string()), ("behind", &behind.to_string()), ("open", &unconfirmed.to_string())]));
    page.lead.push(o.export_no_interface.to_owned());
    page.tables.push(table);
    page.notes.push(o.export_masked.to_owned());
    if desk.may(Need::Supervise) {
        page.forms.push(Form::act(
            o.export_whole,
            format!("/office/export/{id}/receipt"),
            o.export_go,
            vec![
                Field::of("hidden", "do", "", "export"),
                Field::of("hidden", "area", "", &area),
                Field::select("format", o.format, choices([("xlsx", "xlsx"), ("csv", "CSV"), ("json", "JSON")], "xlsx", None)),
                Field::select("which", o.show, choices([("behind", o.export_behind), ("all", o.all)], "behind", None)),
            ],
        ));
        page.forms.push(Form::act(
            o.receipt,
            format!("/office/export/{id}/receipt"),
            o.save,
            vec![Field::of("hidden", "do", "", "receipt"), Field::of("hidden", "area", "", &area), Field::of("text", "receipt", o.receipt_no, "").required()],
        ));
    }
    Ok(desk.show(page))
}

/// Hands out the whole copy and notes it, or notes its receipt.
pub(crate) async fn receipt(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    let target = target(&id)?;
    let area = area_of(&desk.caller, Some(fields.text("area")))?;
    let office = desk.app.parts.office.clone();
    let (in_force, today, by) = (office.policy()?, office.today(), desk.caller.person.clone());
    let policy = &*in_force;
    let exports = fields.text("do") == "export";
    if !exports && fields.text("receipt").is_empty() {
        return Err(Problem::Invalid { field: "receipt", what: |w| w.invalid_text_empty });
    }
    let mut table = Table { name: target.zh().to_owned(), heading: target.heading().into_iter().map(str::to_owned).collect(), ..Table::default() };
    let mut entries = Vec::new();
    for kept in files(&desk, &area).await? {
        let mut file = kept.record;
        let tier = file.computed_tier(policy, today);
        if exports {
            if fields.text("which") == "behind" && !target.is_behind(&file, tier, today) {
                continue;
            }
            table.rows.push(target.row(&file, tier, today, Shown::Whole).into_iter().map(wire::workbook::Cell::text).collect());
            target.note(&mut file, kept.version, tier, today, desk.app.now());
        } else if !target.confirm(&mut file, fields.text("receipt"), &by) {
            continue;
        }
        entries.push(office.put_of(&file, kept.version, by.as_str())?);
        if entries.len() >= TOGETHER {
            office.write(std::mem::take(&mut entries)).await?;
        }
    }
    let action = if exports { "elder.export" } else { "elder.export.receipt" };
    entries.push(office.audit(by.as_str(), action, target.code()));
    office.write(entries).await?;
    if exports {
        // Whoever holds the file can be told from it.
        table.notes.push(format!("{} {} {}", desk.when(desk.app.now()), by, target.zh()));
        return as_file(target.code(), &table, fields.text("format")).ok_or(Problem::Invalid { field: "format", what: |w| w.invalid_field });
    }
    Ok(back(&format!("/office/export/{id}")))
}
