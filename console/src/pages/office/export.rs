//! Copies for other systems (R20): a file with that system's columns, what it is behind, and its receipt.

use super::part::{choices, file as as_file};
use super::{Cell, Desk, Field, Fields, Form, Listing, Page, back};
use crate::api::office::{area_of, exports};
use crate::caller::Need;
use crate::extract::{Asked, Id};
use crate::messages::fill;
use crate::problem::Problem;
use axum::response::Response;
use serde::Deserialize;

/// Rows that a page shows; the file is whole.
const SHOWN: usize = 500;

#[derive(Debug, Default, Deserialize)]
pub(crate) struct ExportAsked {
    #[serde(default)]
    area: String,
}

/// What a system has and has not, and the copy to look at: masked.
pub(crate) async fn export(desk: Desk, Id(id): Id, Asked(asked): Asked<ExportAsked>) -> Result<Response, Problem> {
    let (o, l) = (desk.o, desk.look.language);
    let target = exports::target(&id)?;
    let area = area_of(&desk.caller, Some(&asked.area))?;
    let look = exports::look(&desk.app, target, &area).await?;
    let (all, behind, unconfirmed) = (look.rows.len(), look.behind, look.unconfirmed);
    let mut table = Listing::new("export", target.name(l), &target.heading());
    table.rows = look.rows.into_iter().map(|row| row.into_iter().map(Cell::text).collect()).collect();
    if super::form::query_value(&desk.query, "format").is_none() {
        table.rows.truncate(SHOWN);
    }
    let mut page = Page::new("import", target.name(l)).link("/office/import", o.tab_import);
    page.lead.push(fill(o.export_state, &[("n", &all.to_string()), ("behind", &behind.to_string()), ("open", &unconfirmed.to_string())]));
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
    let target = exports::target(&id)?;
    let area = area_of(&desk.caller, Some(fields.text("area")))?;
    if fields.text("do") == "export" {
        let which = if fields.text("which") == "behind" { exports::Which::Behind } else { exports::Which::All };
        let table = exports::hand_out(&desk.app, &desk.caller, target, &area, which).await?;
        return as_file(target.code(), &table, fields.text("format")).ok_or(Problem::Invalid { field: "format", what: |w| w.invalid_field });
    }
    exports::confirm(&desk.app, &desk.caller, target, &area, fields.text("receipt")).await?;
    Ok(back(&format!("/office/export/{id}")))
}
