//! Sheets in memory.

use super::ledger::State;
use crate::ledger::LedgerError;
use crate::register::Put;
use crate::sheet::{Order, Sheet, SheetAsk};
use std::collections::BTreeMap;

/// Every version of every sheet, by kind and identifier, each with its place in the order of writing.
pub(super) type Sheets = BTreeMap<(String, String), Vec<(u64, Sheet)>>;

fn key(kind: &str, id: &str) -> (String, String) {
    (kind.to_owned(), id.to_owned())
}

impl State {
    /// Why one of the sheets among these entries cannot be written now.
    pub(super) fn sheets_fault(&self, entries: &[Put]) -> Option<LedgerError> {
        let mut ahead: BTreeMap<(&str, &str), u32> = BTreeMap::new();
        for entry in entries {
            if let Put::EraseSheet { kind, id } = entry {
                ahead.insert((kind, id), 0);
            }
            let Put::Sheet(sheet) = entry else { continue };
            if let Some(fault) = sheet.fault() {
                return Some(LedgerError::Failed(fault.to_owned()));
            }
            let place = (sheet.kind.as_str(), sheet.id.as_str());
            let before = ahead.get(&place).copied().unwrap_or_else(|| self.newest(place.0, place.1).map_or(0, |s| s.version));
            if sheet.version != before.saturating_add(1) {
                return Some(LedgerError::Conflict);
            }
            ahead.insert(place, sheet.version);
        }
        None
    }

    pub(super) fn put_sheet(&mut self, sheet: Sheet) {
        self.sheet_seq += 1;
        self.sheets.entry(key(&sheet.kind, &sheet.id)).or_default().push((self.sheet_seq, sheet));
    }

    pub(super) fn erase_sheet(&mut self, kind: &str, id: &str) {
        self.sheets.remove(&key(kind, id));
    }

    pub(super) fn newest(&self, kind: &str, id: &str) -> Option<&Sheet> {
        self.sheets.get(&key(kind, id))?.last().map(|(_, sheet)| sheet)
    }

    pub(super) fn sheet_versions(&self, kind: &str, id: &str) -> Vec<Sheet> {
        self.sheets.get(&key(kind, id)).into_iter().flatten().map(|(_, sheet)| sheet.clone()).collect()
    }

    pub(super) fn ask_sheets(&self, ask: &SheetAsk) -> Vec<Sheet> {
        let of_kind = self.sheets.range(key(&ask.kind, "")..).take_while(|((kind, _), _)| *kind == ask.kind);
        let mut wanted: Vec<Sheet> = of_kind.filter_map(|(_, versions)| versions.last()).map(|(_, s)| s).filter(|s| ask.wants(s)).cloned().collect();
        wanted.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        if ask.order == Order::NewestFirst {
            wanted.reverse();
        }
        wanted.truncate(ask.limit());
        wanted
    }

    pub(super) fn sheets_since(&self, seq: u64, max: usize) -> Vec<(u64, Sheet)> {
        let mut later: Vec<_> = self.sheets.values().flatten().filter(|(n, _)| *n > seq).cloned().collect();
        later.sort_by_key(|(n, _)| *n);
        later.truncate(max);
        later
    }
}
