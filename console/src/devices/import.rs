//! A list of devices as offices bring it: CSV or a workbook, one device a row. What is wrong is said by row and column, and
//! nothing is written before the whole list is good.

use super::Wanted;
use crate::messages::{Words, words};
use care::Language;
use wire::workbook::grid;

/// Most devices in one list.
const ROWS_MAX: usize = 5_000;

/// A row of the list.
pub(crate) struct Row {
    /// As the office counts it, from 1.
    pub(crate) row: usize,
    pub(crate) home: String,
    pub(crate) wanted: Wanted,
}

/// Something wrong with a list.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Fault {
    /// The row, from 1; 0: the list as a whole.
    pub(crate) row: usize,
    /// The column's name.
    pub(crate) column: String,
    pub(crate) zh: String,
    pub(crate) en: String,
}

impl Fault {
    pub(crate) fn of(row: usize, column: &str, what: fn(&Words) -> &'static str) -> Self {
        let text = |language| what(words(language)).to_owned();
        Self { row, column: column.to_owned(), zh: text(Language::Zh), en: text(Language::En) }
    }
}

/// The columns: name, and what else it may be called.
const COLUMNS: [(&str, &str); 9] = [
    ("home", "家庭"),
    ("device", "设备"),
    ("kind", "类型"),
    ("room", "房间"),
    ("exit_door", "出户门"),
    ("every_minutes", "间隔分钟"),
    ("model", "型号"),
    ("serial", "序列号"),
    ("note", "备注"),
];

/// The rows of a list, and what is wrong with it.
pub(crate) fn read(bytes: &[u8]) -> (Vec<Row>, Vec<Fault>) {
    let grid = match grid(bytes) {
        Ok(grid) => grid,
        Err(problem) => return (Vec::new(), vec![Fault { row: 0, column: String::new(), zh: problem.zh(), en: problem.to_string() }]),
    };
    let mut lines = grid.rows.into_iter();
    let heading: Vec<String> = lines.next().map(|line| line.cells.iter().map(|cell| cell.trim().to_lowercase()).collect()).unwrap_or_default();
    let place = |index: usize| COLUMNS.get(index).and_then(|(name, zh)| heading.iter().position(|cell| cell == name || cell == zh));
    let places: Vec<Option<usize>> = (0..COLUMNS.len()).map(place).collect();
    let mut faults: Vec<Fault> = COLUMNS.iter().zip(&places).take(3).filter(|(_, place)| place.is_none()).map(|((name, _), _)| Fault::of(1, name, |w| w.import_no_column)).collect();
    if !faults.is_empty() {
        return (Vec::new(), faults);
    }
    let mut rows = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for line in lines {
        if rows.len() >= ROWS_MAX {
            faults.push(Fault::of(line.row, "", |w| w.import_too_many));
            break;
        }
        for flaw in &line.flaws {
            let column = heading.get(flaw.column).cloned().unwrap_or_default();
            faults.push(Fault { row: line.row, column, zh: flaw.kind.zh().to_owned(), en: flaw.kind.en().to_owned() });
        }
        let cell = |index: usize| places.get(index).copied().flatten().and_then(|at| line.cells.get(at)).map(|cell| cell.trim().to_owned()).unwrap_or_default();
        let every = cell(5);
        let every_minutes = if every.is_empty() { None } else { Some(every.parse::<u32>().unwrap_or(u32::MAX)) };
        let wanted = Wanted {
            id: cell(1),
            kind: cell(2),
            room: cell(3),
            exit_door: matches!(cell(4).to_lowercase().as_str(), "1" | "yes" | "true" | "是"),
            every_minutes,
            model: cell(6),
            serial: cell(7),
            note: cell(8),
        };
        if let Some((field, what)) = wanted.fault() {
            faults.push(Fault::of(line.row, field, what));
        }
        if !seen.insert((cell(0), wanted.id.clone())) {
            faults.push(Fault::of(line.row, "device", |w| w.import_twice));
        }
        rows.push(Row { row: line.row, home: cell(0), wanted });
    }
    (rows, faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_list_is_said_by_row_and_column() {
        let list = "家庭,设备,类型,间隔分钟\nhome-1,b1,button,60\nhome-1,b 2,button,60\nhome-1,b3,toaster,60\nhome-1,b4,motion,2000\nhome-1,b1,button,\n";
        let (rows, faults) = read(list.as_bytes());
        assert_eq!(rows.len(), 5);
        let said: Vec<(usize, &str)> = faults.iter().map(|fault| (fault.row, fault.column.as_str())).collect();
        assert_eq!(said, [(3, "device"), (4, "kind"), (5, "every_minutes"), (6, "device")]);
        let (_, faults) = read("home,device\nh,b".as_bytes());
        assert_eq!(faults.iter().map(|fault| (fault.row, fault.column.as_str())).collect::<Vec<_>>(), [(1, "kind")]);
    }
}
