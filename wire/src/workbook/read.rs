//! A file as rows of text: CSV in UTF-8 or GB18030, or the first sheet of a workbook that has rows. Dates come out as
//! `2026-11-30`; what a cell cannot be trusted for is a flaw of that cell, and the rest of the file is read.

use super::xml::{Piece, Pieces, attribute};
use super::zip::Archive;
use super::{COLUMNS_MAX, FILE_BYTES_MAX, Flaw, FlawKind, Grid, GridRow, ROWS_MAX, SheetProblem, place};
use chrono::{NaiveDate, TimeDelta};
use std::collections::BTreeMap;

/// Reads a file, whichever it is.
///
/// # Errors
/// If it is none of them, or too long.
pub fn grid(bytes: &[u8]) -> Result<Grid, SheetProblem> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(SheetProblem::TooLong);
    }
    if bytes.starts_with(b"PK\x03\x04") { workbook(bytes) } else { csv(bytes) }
}

fn decode(bytes: &[u8]) -> Result<String, SheetProblem> {
    // The older format of workbooks, and a NUL, are no text.
    if bytes.starts_with(b"\xd0\xcf\x11\xe0") || bytes.contains(&0) {
        return Err(SheetProblem::Encoding);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(text.trim_start_matches('\u{feff}').to_owned());
    }
    let (text, bad) = encoding_rs::GB18030.decode_without_bom_handling(bytes);
    if bad { Err(SheetProblem::Encoding) } else { Ok(text.into_owned()) }
}

fn csv(bytes: &[u8]) -> Result<Grid, SheetProblem> {
    let text = decode(bytes)?;
    let delimiter = if text.lines().next().is_some_and(|line| line.contains('\t') && !line.contains(',')) { b'\t' } else { b',' };
    let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).delimiter(delimiter).from_reader(text.as_bytes());
    let mut grid = Grid::default();
    // Rows as a spreadsheet counts them: empty lines are rows, a line break within a cell is none.
    let (mut row, mut breaks) = (0usize, 0usize);
    for record in reader.records() {
        if grid.rows.len() >= ROWS_MAX {
            return Err(SheetProblem::TooLong);
        }
        row += 1;
        match record {
            Ok(record) => {
                row = record.position().map_or(row, |at| line_of(&text, at).saturating_sub(breaks).max(row));
                breaks += record.iter().map(|cell| cell.matches('\n').count()).sum::<usize>();
                let cells: Vec<String> = record.iter().take(COLUMNS_MAX).map(|cell| cell.trim().to_owned()).collect();
                if cells.iter().any(|cell| !cell.is_empty()) {
                    let flaws = numbers_lost(&cells);
                    grid.rows.push(GridRow { row, cells, flaws });
                }
            }
            Err(_) => grid.rows.push(GridRow { row, cells: Vec::new(), flaws: vec![Flaw { column: 0, kind: FlawKind::Unreadable }] }),
        }
    }
    Ok(grid)
}

/// What a spreadsheet makes of long numbers before it writes CSV: `3.50582E+17`.
fn numbers_lost(cells: &[String]) -> Vec<Flaw> {
    let lost = |cell: &String| {
        let (mantissa, power) = cell.split_once(['E', 'e'])?;
        let power: i32 = power.strip_prefix('+')?.parse().ok()?;
        (power >= 15 && mantissa.parse::<f64>().is_ok()).then_some(())
    };
    let flawed = cells.iter().enumerate().filter(|(_, cell)| lost(cell).is_some());
    flawed.map(|(column, _)| Flaw { column, kind: FlawKind::DigitsLost }).collect()
}

/// The line on which a record begins: its position is that of the empty lines before it.
fn line_of(text: &str, at: &csv::Position) -> usize {
    let rest = usize::try_from(at.byte()).ok().and_then(|byte| text.as_bytes().get(byte..)).unwrap_or_default();
    let empty = rest.iter().take_while(|byte| b"\r\n".contains(byte)).filter(|byte| **byte == b'\n').count();
    usize::try_from(at.line()).unwrap_or(usize::MAX).saturating_add(empty)
}

/// What a workbook's cells refer to.
#[derive(Default)]
struct Book {
    shared: Vec<String>,
    /// True for the styles that show dates.
    dates: Vec<bool>,
    /// Days are counted from 1904.
    from_1904: bool,
}

fn workbook(bytes: &[u8]) -> Result<Grid, SheetProblem> {
    let archive = Archive::open(bytes)?;
    let main = archive.text("xl/workbook.xml")?.ok_or(SheetProblem::Workbook)?;
    let relations = archive.text("xl/_rels/workbook.xml.rels")?.unwrap_or_default();
    let mut book = Book::default();
    let mut sheets = Vec::new();
    for piece in Pieces::of(&main) {
        if let Piece::Open { name, attributes, .. } = piece {
            match name {
                "sheet" if attribute(attributes, "state").is_none_or(|state| state == "visible") => {
                    sheets.extend(relation_id(attributes));
                }
                "workbookPr" => book.from_1904 = attribute(attributes, "date1904").is_some_and(|v| v == "1" || v == "true"),
                _ => {}
            }
        }
    }
    book.shared = archive.text("xl/sharedStrings.xml")?.map(|text| shared_strings(&text)).unwrap_or_default();
    book.dates = archive.text("xl/styles.xml")?.map(|text| date_styles(&text)).unwrap_or_default();
    for id in &sheets {
        let target = Pieces::of(&relations).find_map(|piece| match piece {
            Piece::Open { name: "Relationship", attributes, .. } if attribute(attributes, "Id").is_some_and(|own| own == id.as_str()) => {
                attribute(attributes, "Target").map(|target| target.into_owned())
            }
            Piece::Open { .. } | Piece::Close(_) | Piece::Text(_) => None,
        });
        let Some(target) = target else { continue };
        let path = target.strip_prefix('/').map_or_else(|| format!("xl/{target}"), str::to_owned);
        let grid = sheet(&archive.text(&path)?.ok_or(SheetProblem::Workbook)?, &book)?;
        if !grid.rows.is_empty() {
            return Ok(grid);
        }
    }
    Ok(Grid::default())
}

/// `r:id`, which stands beside `sheetId`.
fn relation_id(attributes: &str) -> Option<String> {
    attribute(attributes, "id").map(|id| id.into_owned())
}

fn shared_strings(text: &str) -> Vec<String> {
    let (mut strings, mut now, mut in_text, mut phonetic) = (Vec::new(), String::new(), false, false);
    for piece in Pieces::of(text) {
        match piece {
            Piece::Open { name: "si", closed, .. } => {
                now.clear();
                if closed {
                    strings.push(String::new());
                }
            }
            Piece::Open { name: "rPh", closed: false, .. } => phonetic = true,
            Piece::Close("rPh") => phonetic = false,
            Piece::Open { name: "t", closed: false, .. } => in_text = !phonetic,
            Piece::Close("t") => in_text = false,
            Piece::Close("si") => strings.push(std::mem::take(&mut now)),
            Piece::Text(text) if in_text => now.push_str(&text),
            Piece::Open { .. } | Piece::Close(_) | Piece::Text(_) => {}
        }
    }
    strings
}

/// Which of the cell styles show a date: the built-in formats 14 to 17, 22, 27 to 36 and 50 to 58, and those of the
/// file's own that write year and day.
fn date_styles(text: &str) -> Vec<bool> {
    let mut own: BTreeMap<String, bool> = BTreeMap::new();
    let (mut styles, mut in_cells) = (Vec::new(), false);
    for piece in Pieces::of(text) {
        match piece {
            Piece::Open { name: "numFmt", attributes, .. } => {
                let code = attribute(attributes, "formatCode").unwrap_or_default().to_lowercase();
                let bare: String = code.split('"').step_by(2).collect();
                let is_date = bare.contains('y') && bare.contains(['m', 'd']);
                if let Some(id) = attribute(attributes, "numFmtId") {
                    own.insert(id.into_owned(), is_date);
                }
            }
            Piece::Open { name: "cellXfs", .. } => in_cells = true,
            Piece::Close("cellXfs") => in_cells = false,
            Piece::Open { name: "xf", attributes, .. } if in_cells => {
                let id = attribute(attributes, "numFmtId").unwrap_or_default();
                let built_in = id.parse::<u32>().is_ok_and(|id| matches!(id, 14..=17 | 22 | 27..=36 | 50..=58));
                styles.push(own.get(id.as_ref()).copied().unwrap_or(built_in));
            }
            Piece::Open { .. } | Piece::Close(_) | Piece::Text(_) => {}
        }
    }
    styles
}

/// A cell while it is read.
#[derive(Default)]
struct Open {
    column: usize,
    kind: String,
    style: usize,
    value: String,
    inline: String,
}

fn sheet(text: &str, book: &Book) -> Result<Grid, SheetProblem> {
    let mut grid = Grid::default();
    let (mut row, mut next_column) = (0usize, 0usize);
    let mut line = GridRow::default();
    let mut cell: Option<Open> = None;
    let (mut in_value, mut in_inline) = (false, false);
    let mut merged = Vec::new();
    for piece in Pieces::of(text) {
        match piece {
            Piece::Open { name: "row", attributes, closed } => {
                row = attribute(attributes, "r").and_then(|r| r.parse().ok()).unwrap_or(row + 1);
                next_column = 0;
                line = GridRow { row, ..GridRow::default() };
                if closed {
                    continue;
                }
            }
            Piece::Open { name: "c", attributes, closed } => {
                let column = attribute(attributes, "r").and_then(|r| place(&r)).map_or(next_column, |(column, _)| column);
                next_column = column + 1;
                if !closed {
                    let kind = attribute(attributes, "t").map(|t| t.into_owned()).unwrap_or_default();
                    let style = attribute(attributes, "s").and_then(|s| s.parse().ok()).unwrap_or(0);
                    cell = Some(Open { column, kind, style, ..Open::default() });
                }
            }
            Piece::Open { name: "v", closed: false, .. } => in_value = true,
            Piece::Close("v") => in_value = false,
            Piece::Open { name: "t", closed: false, .. } => in_inline = true,
            Piece::Close("t") => in_inline = false,
            Piece::Text(text) => {
                if let Some(cell) = cell.as_mut() {
                    if in_value {
                        cell.value.push_str(&text);
                    } else if in_inline {
                        cell.inline.push_str(&text);
                    }
                }
            }
            Piece::Close("c") => {
                if let Some(cell) = cell.take().filter(|cell| cell.column < COLUMNS_MAX) {
                    let column = cell.column;
                    let (text, flaw) = value_of(cell, book);
                    if line.cells.len() <= column {
                        line.cells.resize(column + 1, String::new());
                    }
                    if let Some(slot) = line.cells.get_mut(column) {
                        *slot = text;
                    }
                    line.flaws.extend(flaw.map(|kind| Flaw { column, kind }));
                }
            }
            Piece::Close("row") => {
                if line.cells.iter().any(|cell| !cell.is_empty()) || !line.flaws.is_empty() {
                    if grid.rows.len() >= ROWS_MAX {
                        return Err(SheetProblem::TooLong);
                    }
                    grid.rows.push(std::mem::take(&mut line));
                }
            }
            Piece::Open { name: "mergeCell", attributes, .. } => {
                let range = attribute(attributes, "ref").unwrap_or_default().into_owned();
                if let Some((from, to)) = range.split_once(':')
                    && let (Some(from), Some(to)) = (place(from), place(to))
                {
                    merged.push((from, to));
                }
            }
            Piece::Open { .. } | Piece::Close(_) => {}
        }
    }
    for ((left, top), (right, bottom)) in merged {
        for line in grid.rows.iter_mut().filter(|line| (top..=bottom).contains(&line.row)) {
            let columns = left..=right.min(COLUMNS_MAX);
            line.flaws.extend(columns.map(|column| Flaw { column, kind: FlawKind::Merged }));
        }
    }
    Ok(grid)
}

/// A cell's text, and what is wrong with it.
fn value_of(cell: Open, book: &Book) -> (String, Option<FlawKind>) {
    let plain = |text: &str| text.trim().to_owned();
    match cell.kind.as_str() {
        "s" => {
            let text = cell.value.trim().parse().ok().and_then(|n: usize| book.shared.get(n));
            text.map_or((String::new(), Some(FlawKind::Unreadable)), |text| (plain(text), None))
        }
        "inlineStr" => (plain(&cell.inline), None),
        "str" => (plain(&cell.value), None),
        "d" => (cell.value.trim().chars().take(10).collect(), None),
        "e" => (String::new(), Some(FlawKind::Formula)),
        "b" => (if cell.value.trim() == "1" { "是" } else { "否" }.to_owned(), None),
        _ => number(cell.value.trim(), book.dates.get(cell.style).copied().unwrap_or(false), book.from_1904),
    }
}

fn number(text: &str, is_date: bool, from_1904: bool) -> (String, Option<FlawKind>) {
    let Ok(value) = text.parse::<f64>() else { return (text.to_owned(), None) };
    if is_date {
        return (date(value, from_1904).map_or_else(|| text.to_owned(), |day| day.to_string()), None);
    }
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return (format!("{value:.0}"), None);
    }
    // Spreadsheets keep 15 digits: of an identity number the last three are gone.
    if value.abs() >= 1e15 { (String::new(), Some(FlawKind::DigitsLost)) } else { (text.to_owned(), None) }
}

/// The day of a serial number. Spreadsheets believe in 29 February 1900, so that day 60 is one too many.
fn date(serial: f64, from_1904: bool) -> Option<NaiveDate> {
    if !(1.0..3_000_000.0).contains(&serial) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "between 1 and 3,000,000")]
    let days = serial.floor() as i64;
    let first = if from_1904 { NaiveDate::from_ymd_opt(1904, 1, 1)? } else { NaiveDate::from_ymd_opt(1899, 12, 30)? };
    let days = if !from_1904 && days < 60 { days + 1 } else { days };
    first.checked_add_signed(TimeDelta::try_days(days)?)
}

#[cfg(test)]
mod tests {
    use super::super::zip::pack;
    use super::super::{Cell, Table, xlsx};
    use super::*;

    fn cells(grid: &Grid) -> Vec<(usize, Vec<&str>)> {
        grid.rows.iter().map(|row| (row.row, row.cells.iter().map(String::as_str).collect())).collect()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let table = Table {
            name: "名册/2026".to_owned(),
            heading: vec!["姓名".to_owned(), "身份证号码".to_owned(), "次数".to_owned()],
            rows: vec![
                vec![Cell::text("喆堃𬭎 <&\"'>"), Cell::text("350582194401010019"), Cell::count(12)],
                vec![Cell::text("=HYPERLINK(1)"), Cell::text(""), Cell::Number(0.5)],
            ],
            notes: vec!["注".to_owned()],
        };
        let bytes = xlsx(&[table.clone(), table.clone()]);
        assert_eq!(bytes, xlsx(&[table.clone(), table]), "the same tables are the same file");
        let grid = grid(&bytes).unwrap();
        assert_eq!(
            cells(&grid),
            [
                (1, vec!["姓名", "身份证号码", "次数"]),
                (2, vec!["喆堃𬭎 <&\"'>", "350582194401010019", "12"]),
                (3, vec!["=HYPERLINK(1)", "", "0.5"]),
                (4, vec!["注"]),
            ]
        );
        assert!(grid.rows.iter().all(|row| row.flaws.is_empty()));
    }

    fn book(sheet: &str) -> Vec<u8> {
        let files = [
            ("xl/workbook.xml", r#"<x:workbook xmlns:x="m"><x:sheets><x:sheet name="h" sheetId="1" r:id="rId9" state="hidden"/><x:sheet name="a" sheetId="2" r:id="rId1"/></x:sheets></x:workbook>"#.to_owned()),
            ("xl/_rels/workbook.xml.rels", r#"<Relationships><Relationship Id="rId1" Target="/xl/worksheets/one.xml"/></Relationships>"#.to_owned()),
            ("xl/sharedStrings.xml", r#"<sst><si><t>姓名</t></si><si><r><t>陈</t></r><r><t>阿婆</t></r><rPh><t>chen</t></rPh></si><si/></sst>"#.to_owned()),
            ("xl/styles.xml", r#"<styleSheet><numFmts><numFmt numFmtId="164" formatCode="yyyy&quot;年&quot;m&quot;月&quot;"/></numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/></cellXfs></styleSheet>"#.to_owned()),
            ("xl/worksheets/one.xml", format!("<worksheet><sheetData>{sheet}</sheetData><mergeCells><mergeCell ref=\"A3:B4\"/></mergeCells></worksheet>")),
        ];
        pack(&files.map(|(name, text)| (name.to_owned(), text.into_bytes())))
    }

    #[test]
    fn other_peoples_workbooks_are_read_with_their_dates_and_flaws() {
        let sheet = r#"<row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1" t="str"><f>1</f><v>x</v></c></row>
            <row r="2"><c r="A2" t="s"><v>1</v></c><c r="B2" s="1"><v>46356</v></c><c r="C2" s="2"><v>59</v></c><c t="b"><v>1</v></c></row>
            <row r="3"><c r="A3" t="s"><v>1</v></c></row>
            <row r="4"><c r="C4" t="e"><v>#N/A</v></c></row>
            <row r="6"><c r="A6"><v>3.5058219440101E17</v></c><c r="B6"><v>13800138000</v></c></row>"#;
        let grid = grid(&book(sheet)).unwrap();
        assert_eq!(
            cells(&grid),
            [
                (1, vec!["姓名", "", "x"]),
                (2, vec!["陈阿婆", "2026-11-30", "1900-02-28", "是"]),
                (3, vec!["陈阿婆"]),
                (4, vec!["", "", ""]),
                (6, vec!["", "13800138000"]),
            ]
        );
        let flaws: Vec<(usize, usize, FlawKind)> = grid.rows.iter().flat_map(|row| row.flaws.iter().map(|flaw| (row.row, flaw.column, flaw.kind))).collect();
        use FlawKind::{DigitsLost, Formula, Merged};
        assert_eq!(flaws, [(3, 0, Merged), (3, 1, Merged), (4, 2, Formula), (4, 0, Merged), (4, 1, Merged), (6, 0, DigitsLost)]);
    }

    #[test]
    fn csv_is_read_in_both_encodings_and_with_tabs() {
        let text = "姓名,号\n甲,\"a\nb\"\n\n乙,3.50582E+17\n";
        let read = grid(text.as_bytes()).unwrap();
        assert_eq!(cells(&read), [(1, vec!["姓名", "号"]), (2, vec!["甲", "a\nb"]), (4, vec!["乙", "3.50582E+17"])]);
        assert_eq!(read.rows[2].flaws, [Flaw { column: 1, kind: FlawKind::DigitsLost }]);
        let (gb, _, _) = encoding_rs::GB18030.encode(text);
        assert_eq!(grid(&gb).unwrap(), read);
        assert_eq!(cells(&grid("姓名\t号\n甲\t1\n".as_bytes()).unwrap()), [(1, vec!["姓名", "号"]), (2, vec!["甲", "1"])]);
    }

    #[test]
    fn what_is_no_workbook_is_refused() {
        assert_eq!(grid(b"PK\x03\x04....").unwrap_err(), SheetProblem::Workbook);
        assert_eq!(grid(b"\xd0\xcf\x11\xe0old").unwrap_err(), SheetProblem::Encoding);
        assert_eq!(grid(&pack(&[("a".to_owned(), vec![])])).unwrap_err(), SheetProblem::Workbook);
        let good = book("<row><c t=\"s\"><v>0</v></c></row>");
        for end in (0..good.len()).step_by(7) {
            drop(grid(&good[..end]));
        }
    }
}
