//! Tables as offices exchange them: workbooks (xlsx) and CSV, read into one grid and written from one table. A workbook
//! is a zip file of XML pages; what of it is needed is read and written here, with limits on everything.

mod read;
mod write;
mod xml;
mod zip;

pub use read::grid;

use crate::sheet::SheetProblem;

/// Longest file that is read, bytes.
pub const FILE_BYTES_MAX: usize = 64 << 20;
/// Longest page within a workbook, bytes after unpacking.
pub const PAGE_BYTES_MAX: usize = 512 << 20;
/// Most rows of a file.
pub const ROWS_MAX: usize = 200_000;
/// Most columns that are read.
pub const COLUMNS_MAX: usize = 256;

/// A row as the office counts it, with its cells as text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GridRow {
    /// From 1.
    pub row: usize,
    /// The cells, from the first column on, without blanks around them.
    pub cells: Vec<String>,
    /// What is wrong with cells of this row before anybody knows what they mean.
    pub flaws: Vec<Flaw>,
}

/// Something wrong with a cell as a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flaw {
    /// Its column, from 0.
    pub column: usize,
    /// What.
    pub kind: FlawKind,
}

/// What can be wrong with a cell as a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FlawKind {
    /// Part of a merged range: nobody can say whose value it is.
    Merged,
    /// Kept as a number of more than 15 digits: the last ones are lost.
    DigitsLost,
    /// A formula that failed (`#N/A`, `#REF!`).
    Formula,
    /// The row cannot be read.
    Unreadable,
}

impl FlawKind {
    /// In Chinese.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Merged => "合并单元格：请取消合并后每行各填",
            Self::DigitsLost => "以数字格式保存，末几位已丢失：请将该列设为文本格式后重填",
            Self::Formula => "公式出错",
            Self::Unreadable => "该行无法读取",
        }
    }

    /// In English.
    pub fn en(self) -> &'static str {
        match self {
            Self::Merged => "a merged cell: unmerge it and fill in every row",
            Self::DigitsLost => "kept as a number, its last digits are lost: make the column a text column and enter it again",
            Self::Formula => "a formula that failed",
            Self::Unreadable => "the row cannot be read",
        }
    }
}

/// A sheet of cells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grid {
    /// The rows that are not empty.
    pub rows: Vec<GridRow>,
}

/// A cell to be written.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Text, whatever it looks like: an identity number stays one.
    Text(String),
    /// A number to reckon with.
    Number(f64),
}

impl Cell {
    /// Text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A count.
    pub fn count(n: u32) -> Self {
        Self::Number(f64::from(n))
    }

    /// As text.
    pub fn show(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
        }
    }
}

/// A table to be written.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// The name of the sheet.
    pub name: String,
    /// The headings.
    pub heading: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
    /// Lines beneath: notes, whose copy it is.
    pub notes: Vec<String>,
}

impl Table {
    /// As a workbook.
    pub fn xlsx(&self) -> Vec<u8> {
        write::xlsx(std::slice::from_ref(self))
    }

    /// As CSV in UTF-8 with a mark at the beginning, by which spreadsheets know it. What would be taken for a formula
    /// has an apostrophe before it.
    pub fn csv(&self) -> Vec<u8> {
        let mut out = csv::WriterBuilder::new().flexible(true).from_writer(b"\xef\xbb\xbf".to_vec());
        let lines = std::iter::once(self.heading.clone()).chain(self.rows.iter().map(|row| row.iter().map(plain).collect()));
        for line in lines.chain(self.notes.iter().map(|note| vec![note.clone()])) {
            // A vector takes everything.
            if out.write_record(&line).is_err() {
                break;
            }
        }
        out.into_inner().unwrap_or_default()
    }

    /// As JSON: an object for every row.
    pub fn json(&self) -> serde_json::Value {
        let object = |row: &Vec<Cell>| {
            let cells = self.heading.iter().zip(row).map(|(name, cell)| {
                let value = match cell {
                    Cell::Text(text) => serde_json::Value::from(text.as_str()),
                    Cell::Number(number) => serde_json::Number::from_f64(*number).map_or(serde_json::Value::Null, serde_json::Value::Number),
                };
                (name.clone(), value)
            });
            serde_json::Value::Object(cells.collect())
        };
        serde_json::json!({ "name": self.name, "rows": self.rows.iter().map(object).collect::<Vec<_>>(), "notes": self.notes })
    }
}

/// Several tables as one workbook.
pub fn xlsx(tables: &[Table]) -> Vec<u8> {
    write::xlsx(tables)
}

fn plain(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r']) => format!("'{text}"),
        Cell::Text(text) => text.clone(),
        Cell::Number(number) => number.to_string(),
    }
}

/// The letters of a column: 0 is A, 26 is AA.
pub fn letters(column: usize) -> String {
    let mut name = Vec::new();
    let mut rest = column + 1;
    while rest > 0 {
        let digit = u8::try_from((rest - 1) % 26).unwrap_or(0);
        name.push(char::from(b'A' + digit));
        rest = (rest - 1) / 26;
    }
    name.iter().rev().collect()
}

/// The column and row of a reference like `AB12`, both as they are counted: the column from 0, the row from 1.
fn place(reference: &str) -> Option<(usize, usize)> {
    let split = reference.find(|c: char| c.is_ascii_digit())?;
    let (name, row) = reference.split_at_checked(split)?;
    let mut column = 0usize;
    for c in name.chars().filter(|c| *c != '$') {
        column = column.checked_mul(26)?.checked_add(usize::try_from(c.to_digit(36)?).ok()?.checked_sub(9)?)?;
    }
    Some((column.checked_sub(1)?, row.trim_start_matches('$').parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_letters() {
        for (column, name) in [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA")] {
            assert_eq!(letters(column), name);
            assert_eq!(place(&format!("{name}7")), Some((column, 7)));
        }
        assert_eq!((place("7"), place("A"), place("")), (None, None, None));
    }

    #[test]
    fn csv_is_no_program() {
        let table = Table { heading: vec!["姓名".to_owned()], rows: vec![vec![Cell::text("=1+1")], vec![Cell::count(3)]], ..Table::default() };
        assert_eq!(String::from_utf8(table.csv()).unwrap(), "\u{feff}姓名\n'=1+1\n3\n");
        assert_eq!(table.json()["rows"][1]["姓名"], 3.0);
    }
}
