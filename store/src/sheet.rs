//! Sheets: dated records of many kinds — a visit, a hazard, a rota, a shift — in one form, so that a new kind of record
//! costs no table and no method of an adapter. A change is a new version; the older ones stay beside it.

use care::{ElderId, HomeId, Timestamp};

/// Longest kind, in bytes.
pub const KIND_MAX: usize = 40;
/// Longest identifier, in bytes.
pub const ID_MAX: usize = 120;
/// Largest body, in bytes of JSON.
pub const BODY_MAX: usize = 1 << 20;
/// Most sheets in one answer.
pub const PAGE_MAX: usize = 10_000;

/// One version of a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    /// What it is: `visit`, `hazard`, `rota`, ... Lower-case letters, digits, `_`, at most [`KIND_MAX`].
    pub kind: String,
    /// Its name within the kind, 1 to [`ID_MAX`] bytes. Not sealed: nothing personal.
    pub id: String,
    /// 1, 2, ...: the next one replaces the one before.
    pub version: u32,
    /// The area path it belongs to, or empty.
    pub area: String,
    /// The home it is about.
    pub home: Option<HomeId>,
    /// The elder it is about.
    pub elder: Option<ElderId>,
    /// The instant it is about: the start of a visit, the day something is due.
    pub at: Timestamp,
    /// A short word, as its kind defines it: `open`, `closed`, ... Not sealed.
    pub state: String,
    /// The record itself. Sealed at rest, at most [`BODY_MAX`].
    pub body: serde_json::Value,
    /// When this version was written.
    pub written_at: Timestamp,
    /// Who wrote it: a person's identifier or a part of the platform.
    pub written_by: String,
}

impl Sheet {
    /// Why this sheet cannot be kept, if so.
    pub fn fault(&self) -> Option<&'static str> {
        let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
        if self.kind.is_empty() || self.kind.len() > KIND_MAX || !self.kind.bytes().all(plain) {
            Some("the kind of a sheet is 1 to 40 of a-z, 0-9 and _")
        } else if self.id.is_empty() || self.id.len() > ID_MAX {
            Some("the identifier of a sheet has 1 to 120 bytes")
        } else if self.version == 0 {
            Some("versions of a sheet count from 1")
        } else {
            None
        }
    }
}

/// In which order sheets are answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// By (`at`, `id`).
    #[default]
    OldestFirst,
    /// The other way round.
    NewestFirst,
}

impl Order {
    /// In SQL: what follows the last of a page, and the order with the most that are wanted.
    pub(crate) fn clauses(self) -> (&'static str, &'static str) {
        match self {
            Self::OldestFirst => (" AND (at, id) > (?, ?)", " ORDER BY at, id LIMIT ?"),
            Self::NewestFirst => (" AND (at, id) < (?, ?)", " ORDER BY at DESC, id DESC LIMIT ?"),
        }
    }
}

/// Which sheets of a kind are asked for: their newest versions. What is left out does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SheetAsk {
    /// The kind.
    pub kind: String,
    /// Of this home.
    pub home: Option<HomeId>,
    /// Of this elder.
    pub elder: Option<ElderId>,
    /// Of this area and everything within.
    pub area: Option<String>,
    /// In this state.
    pub state: Option<String>,
    /// At this instant or later.
    pub from: Option<Timestamp>,
    /// Before this instant.
    pub to: Option<Timestamp>,
    /// In which order.
    pub order: Order,
    /// After this one in that order, as the last of the page before had it.
    pub after: Option<(Timestamp, String)>,
    /// At most so many; 0 = [`PAGE_MAX`], which is the most.
    pub max: usize,
}

impl SheetAsk {
    /// Every sheet of a kind.
    pub fn of(kind: &str) -> Self {
        Self { kind: kind.to_owned(), ..Self::default() }
    }

    /// Of this home.
    #[must_use]
    pub fn home(self, home: &HomeId) -> Self {
        Self { home: Some(home.clone()), ..self }
    }

    /// Of this elder.
    #[must_use]
    pub fn elder(self, elder: &ElderId) -> Self {
        Self { elder: Some(elder.clone()), ..self }
    }

    /// Of this area and everything within.
    #[must_use]
    pub fn area(self, path: &str) -> Self {
        Self { area: Some(path.to_owned()), ..self }
    }

    /// In this state.
    #[must_use]
    pub fn state(self, state: &str) -> Self {
        Self { state: Some(state.to_owned()), ..self }
    }

    /// From this instant on.
    #[must_use]
    pub fn from(self, from: Timestamp) -> Self {
        Self { from: Some(from), ..self }
    }

    /// Before this instant.
    #[must_use]
    pub fn to(self, to: Timestamp) -> Self {
        Self { to: Some(to), ..self }
    }

    /// The other way round.
    #[must_use]
    pub fn newest_first(self) -> Self {
        Self { order: Order::NewestFirst, ..self }
    }

    /// The page after this sheet.
    #[must_use]
    pub fn after(self, last: &Sheet) -> Self {
        Self { after: Some((last.at, last.id.clone())), ..self }
    }

    /// At most so many.
    #[must_use]
    pub fn max(self, max: usize) -> Self {
        Self { max, ..self }
    }

    /// The most that are answered.
    pub fn limit(&self) -> usize {
        if self.max == 0 { PAGE_MAX } else { self.max.min(PAGE_MAX) }
    }

    /// True if this sheet is asked for.
    pub fn wants(&self, sheet: &Sheet) -> bool {
        sheet.kind == self.kind
            && self.home.as_ref().is_none_or(|home| sheet.home.as_ref() == Some(home))
            && self.elder.as_ref().is_none_or(|elder| sheet.elder.as_ref() == Some(elder))
            && self.area.as_ref().is_none_or(|area| crate::register::within(&sheet.area, area))
            && self.state.as_ref().is_none_or(|state| sheet.state == *state)
            && self.from.is_none_or(|from| sheet.at >= from)
            && self.to.is_none_or(|to| sheet.at < to)
            && self.after.as_ref().is_none_or(|(at, id)| {
                let here = (sheet.at, sheet.id.as_str()).cmp(&(*at, id.as_str()));
                match self.order {
                    Order::OldestFirst => here.is_gt(),
                    Order::NewestFirst => here.is_lt(),
                }
            })
    }
}
