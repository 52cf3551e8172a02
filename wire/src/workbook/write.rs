//! Tables as a workbook: text cells in place, a bold frozen heading, a filter over it. The same tables give the same
//! bytes. Every text column is formatted as text, so that an identity number typed into it later stays one.

use super::xml::escape;
use super::zip::pack;
use super::{Cell, Table, letters};
use std::fmt::Write;

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";

/// Style 0: numbers; 1: text; 2: heading.
const STYLES: &str = "<fonts count=\"2\"><font><sz val=\"11\"/><name val=\"宋体\"/></font><font><b/><sz val=\"11\"/><name val=\"宋体\"/></font></fonts>\
<fills count=\"2\"><fill><patternFill patternType=\"none\"/></fill><fill><patternFill patternType=\"gray125\"/></fill></fills>\
<borders count=\"1\"><border/></borders><cellStyleXfs count=\"1\"><xf/></cellStyleXfs>\
<cellXfs count=\"3\"><xf xfId=\"0\"/><xf xfId=\"0\" numFmtId=\"49\" applyNumberFormat=\"1\"/><xf xfId=\"0\" numFmtId=\"49\" fontId=\"1\" applyNumberFormat=\"1\" applyFont=\"1\"/></cellXfs>";

/// Longest text of a cell that spreadsheets take, characters.
const CELL_CHARS_MAX: usize = 32_767;

/// See the file's head.
pub(super) fn xlsx(tables: &[Table]) -> Vec<u8> {
    let mut types = format!(
        "{HEAD}<Types xmlns=\"{PACKAGE}/content-types\"><Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/><Default Extension=\"xml\" ContentType=\"application/xml\"/><Override PartName=\"/xl/workbook.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml\"/><Override PartName=\"/xl/styles.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml\"/>"
    );
    let mut sheets = String::new();
    let mut relations = format!("<Relationship Id=\"rId0\" Type=\"{RELATIONS}/styles\" Target=\"styles.xml\"/>");
    let mut pages = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for (n, table) in tables.iter().enumerate() {
        let n = n + 1;
        let name = sheet_name(&table.name, n, &names);
        let mut escaped = String::new();
        escape(&name, &mut escaped);
        names.push(name);
        sheets.push_str(&format!("<sheet name=\"{escaped}\" sheetId=\"{n}\" r:id=\"rId{n}\"/>"));
        relations.push_str(&format!("<Relationship Id=\"rId{n}\" Type=\"{RELATIONS}/worksheet\" Target=\"worksheets/sheet{n}.xml\"/>"));
        types.push_str(&format!("<Override PartName=\"/xl/worksheets/sheet{n}.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml\"/>"));
        pages.push((format!("xl/worksheets/sheet{n}.xml"), page(table).into_bytes()));
    }
    types.push_str("</Types>");
    let mut entries = vec![
        ("[Content_Types].xml".to_owned(), types.into_bytes()),
        (
            "_rels/.rels".to_owned(),
            format!("{HEAD}<Relationships xmlns=\"{PACKAGE}/relationships\"><Relationship Id=\"rId1\" Type=\"{RELATIONS}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>").into_bytes(),
        ),
        (
            "xl/workbook.xml".to_owned(),
            format!("{HEAD}<workbook xmlns=\"{MAIN}\" xmlns:r=\"{RELATIONS}\"><sheets>{sheets}</sheets></workbook>").into_bytes(),
        ),
        (
            "xl/_rels/workbook.xml.rels".to_owned(),
            format!("{HEAD}<Relationships xmlns=\"{PACKAGE}/relationships\">{relations}</Relationships>").into_bytes(),
        ),
        ("xl/styles.xml".to_owned(), format!("{HEAD}<styleSheet xmlns=\"{MAIN}\">{STYLES}</styleSheet>").into_bytes()),
    ];
    entries.extend(pages);
    pack(&entries)
}

/// A name that spreadsheets take: 1 to 31 characters, none of `[]:*?/\`, no two the same.
fn sheet_name(name: &str, n: usize, taken: &[String]) -> String {
    let plain: String = name.chars().map(|c| if "[]:*?/\\'".contains(c) { '-' } else { c }).take(28).collect();
    if plain.is_empty() || taken.contains(&plain) { format!("{plain}{n}") } else { plain }
}

fn page(table: &Table) -> String {
    let columns = table.heading.len().max(1);
    let mut out = String::with_capacity(table.rows.len() * columns * 40 + 1_000);
    out.push_str(HEAD);
    out.push_str(&format!("<worksheet xmlns=\"{MAIN}\"><sheetViews><sheetView workbookViewId=\"0\"><pane ySplit=\"1\" topLeftCell=\"A2\" activePane=\"bottomLeft\" state=\"frozen\"/></sheetView></sheetViews><cols>"));
    for (n, heading) in table.heading.iter().enumerate() {
        let longest = table.rows.iter().take(200).filter_map(|row| row.get(n)).map(|cell| width(&cell.show())).max().unwrap_or(0);
        let wide = longest.max(width(heading)).clamp(6, 60) + 2;
        out.push_str(&format!("<col min=\"{0}\" max=\"{0}\" width=\"{wide}\" style=\"1\" customWidth=\"1\"/>", n + 1));
    }
    out.push_str("</cols><sheetData>");
    let mut row = 0usize;
    let mut line = |cells: &mut dyn Iterator<Item = (Cell, u8)>, out: &mut String| {
        row += 1;
        out.push_str(&format!("<row r=\"{row}\">"));
        for (n, (cell, style)) in cells.enumerate() {
            let name = letters(n);
            match cell {
                Cell::Text(text) if text.is_empty() => {}
                Cell::Text(text) => {
                    let cut: String = text.chars().take(CELL_CHARS_MAX).collect();
                    out.push_str(&format!("<c r=\"{name}{row}\" s=\"{style}\" t=\"inlineStr\"><is><t xml:space=\"preserve\">"));
                    escape(&cut, out);
                    out.push_str("</t></is></c>");
                }
                // Writing into a string does not fail.
                Cell::Number(number) => drop(write!(out, "<c r=\"{name}{row}\" s=\"0\"><v>{number}</v></c>")),
            }
        }
        out.push_str("</row>");
    };
    line(&mut table.heading.iter().map(|heading| (Cell::text(heading), 2)), &mut out);
    for cells in &table.rows {
        line(&mut cells.iter().map(|cell| (cell.clone(), 1)), &mut out);
    }
    for note in &table.notes {
        line(&mut std::iter::once((Cell::text(note), 1)), &mut out);
    }
    out.push_str("</sheetData>");
    if !table.heading.is_empty() && !table.rows.is_empty() {
        out.push_str(&format!("<autoFilter ref=\"A1:{}{}\"/>", letters(columns - 1), table.rows.len() + 1));
    }
    out.push_str("</worksheet>");
    out
}

/// The width of a text in half characters: those of Chinese are twice as wide.
fn width(text: &str) -> usize {
    text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum()
}
