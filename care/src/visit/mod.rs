//! Visits owed and made: from a policy and the facts to obligations with windows, counted contacts and
//! reasons. Everything here is derived: the same facts and the same policy give the same answer (VIS-1).

pub mod answer;
pub mod days;
mod evaluate;
mod export;
mod facts;
pub mod form;
pub mod guard;
mod reasons;
pub mod remote;
pub mod report;
pub mod trial;
pub mod warning;

use crate::area::within;
use crate::calendar::{Festival, Window};
use crate::policy::{Ability, Colour, Extra, Few, Mode, Modes, Obligation, Outcome, Policy};
use crate::{ElderId, Timestamp};
use chrono::NaiveDate;

pub use evaluate::{Contacts, evaluate, evaluate_elder, evaluate_since, tier_on};
pub use facts::{FactsRead, FactsRefused};
pub use reasons::REASONS;

/// What is known at the end of a day.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Facts {
    /// The local day at whose end this is known; not every source says it.
    pub as_of: Option<NaiveDate>,
    /// The elders in the register.
    pub elders: Vec<Elder>,
    /// Contacts made or tried.
    pub contacts: Vec<Contact>,
    /// Warnings, festivals and other happenings.
    pub events: Vec<Event>,
}

/// A fact that may change: its values with the day from which each holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Dated<T> {
    steps: Vec<(NaiveDate, T)>,
}

impl<T> Dated<T> {
    /// A fact that always held.
    pub fn always(value: T) -> Self {
        Self { steps: vec![(NaiveDate::MIN, value)] }
    }

    /// A fact with its changes, in any order; of two from the same day the later in the list holds.
    pub fn steps(mut steps: Vec<(NaiveDate, T)>) -> Self {
        steps.sort_by_key(|(from, _)| *from);
        Self { steps }
    }

    /// Its value on a day; none before the first.
    pub fn on(&self, day: NaiveDate) -> Option<&T> {
        let after = self.steps.partition_point(|(from, _)| *from <= day);
        self.steps.get(after.checked_sub(1)?).map(|(_, value)| value)
    }

    /// The days on which it changes, and its values.
    pub fn changes(&self) -> impl Iterator<Item = (NaiveDate, &T)> {
        self.steps.iter().map(|(from, value)| (*from, value))
    }
}

/// An elder, as far as visits depend on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Elder {
    /// Which.
    pub id: ElderId,
    /// Where in the area tree, for reports.
    pub area: Option<String>,
    /// The date of birth.
    pub born: NaiveDate,
    /// The categories entered in the register, by code.
    pub categories: Dated<Vec<String>>,
    /// The ability.
    pub ability: Dated<Ability>,
    /// The level of the valid disability card.
    pub disability_level: Dated<Option<u8>>,
    /// Named figures (scores).
    pub numbers: Vec<(String, Dated<f64>)>,
    /// The tier that the office chose, where it did: it holds where it is the stricter one (R29).
    pub chosen: Dated<Option<String>>,
    /// The first day in the register.
    pub enrolled_on: NaiveDate,
    /// Spans in which nothing is owed.
    pub suspensions: Vec<Suspension>,
    /// The consents given, by kind; none: nobody asked, which is taken as consent to enrolment only.
    pub consents: Option<Dated<Vec<String>>>,
}

/// A span in which nothing is owed, both days included.
#[derive(Debug, Clone, PartialEq)]
pub struct Suspension {
    /// Why.
    pub reason: String,
    /// The first day.
    pub from: NaiveDate,
    /// The last day; none: it goes on.
    pub to: Option<NaiveDate>,
}

/// A contact that was made or tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Contact {
    /// Which.
    pub id: String,
    /// With whom.
    pub elder: ElderId,
    /// How.
    pub mode: Mode,
    /// When it began: decides its window.
    pub start: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// The signatures, or a permitted reason for a missing one, are there. Read for home visits only.
    pub signed: bool,
    /// A named person has looked at it. Read for remote monitoring only, where the policy asks for it.
    pub reviewed: bool,
    /// When it was entered; none: at once.
    pub recorded_at: Option<Moment>,
}

/// An instant, or a local day where nothing finer is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// Some time on a local day.
    Day(NaiveDate),
    /// An instant.
    At(Timestamp),
}

/// Something that happened and may ask for more contacts.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Which.
    pub id: String,
    /// `weather`, `festival`, or a kind of the city's own.
    pub kind: String,
    /// Which warning or festival.
    pub event: Option<String>,
    /// The colour of a warning.
    pub level: Option<Colour>,
    /// When it began.
    pub start: Moment,
    /// Whom it concerns; none: everybody.
    pub elder: Option<ElderId>,
    /// The area that it concerns, as a path; none: everywhere.
    pub area: Option<String>,
}

impl Event {
    /// True if it asks for something for this elder.
    pub fn concerns(&self, elder: &Elder) -> bool {
        let here = |area: &String| within(elder.area.as_deref().unwrap_or_default(), area);
        self.elder.as_ref().is_none_or(|named| *named == elder.id) && self.area.as_ref().is_none_or(here)
    }
}

/// How it stands with one window of one obligation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Enough contacts counted.
    Met,
    /// Still time.
    Due,
    /// The window is over.
    Overdue,
    /// Nothing is owed, and it is listed.
    Exempt,
}

impl State {
    /// The word in answers.
    pub fn code(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Due => "due",
            Self::Overdue => "overdue",
            Self::Exempt => "exempt",
        }
    }
}

/// What is owed: an obligation or an extra of a policy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Duty<'a> {
    /// In every window.
    Regular(&'a Obligation),
    /// Because something happened.
    Extra(&'a Extra),
}

impl<'a> Duty<'a> {
    /// Its name.
    pub fn id(&self) -> &'a str {
        match self {
            Self::Regular(duty) => &duty.id,
            Self::Extra(extra) => &extra.id,
        }
    }

    /// What counts.
    pub fn modes(&self) -> Modes {
        match self {
            Self::Regular(duty) => duty.modes,
            Self::Extra(extra) => extra.modes,
        }
    }

    /// How many.
    pub fn min(&self) -> u32 {
        match self {
            Self::Regular(duty) => duty.min,
            Self::Extra(extra) => extra.min,
        }
    }

    /// To whom.
    pub fn tiers(&self) -> Few {
        match self {
            Self::Regular(duty) => duty.tiers,
            Self::Extra(extra) => extra.tiers,
        }
    }
}

/// Why a contact in the window does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    /// Made in a way that does not count here.
    Mode(Mode),
    /// Not with that outcome.
    Outcome(Outcome),
    /// A signature is missing without a permitted reason.
    Unsigned,
    /// The elder had not consented to remote monitoring on that day (VIS-3).
    NoConsent,
    /// Nobody has looked at it yet.
    NotReviewed,
    /// The policy does not let remote monitoring count here (R74).
    RemoteNotAllowed,
}

/// Why nothing is owed in a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exempt<'a> {
    /// Enrolled too late in it.
    Enrolled {
        /// The days of the window in the register.
        days: i64,
    },
    /// Suspended for too much of it.
    Suspended {
        /// The reason that covers most of it.
        reason: &'a str,
        /// The days of the window that remain.
        days: i64,
    },
    /// The elder has not consented (or has withdrawn): exempt and listed (I-08).
    NoConsent {
        /// The days of the window with consent.
        days: i64,
    },
}

/// A hole between contacts that is longer than the policy likes: shown, not failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The day before the hole: a contact or the beginning.
    pub from: NaiveDate,
    /// The day after it: a contact, today, or the end of the next window.
    pub to: NaiveDate,
    /// Its length.
    pub days: i64,
    /// Where it lies.
    pub when: GapWhen,
}

/// Where a hole lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GapWhen {
    /// It has been.
    Past,
    /// It is not over.
    Open,
    /// It will come about if the next contact is made only at the end of the next window; to be avoided
    /// by a contact on this day at the latest.
    Ahead(NaiveDate),
}

/// One window of one duty of one elder.
#[derive(Debug, Clone, PartialEq)]
pub struct Owed<'a> {
    /// The version that judges it.
    pub policy: &'a Policy,
    /// What is owed.
    pub duty: Duty<'a>,
    /// The elder's tier on the window's first day (its place in the policy).
    pub tier: usize,
    /// From when to when.
    pub window: Window,
    /// How it stands.
    pub state: State,
    /// The contacts that count (places in the facts), in the order of their start.
    pub counted: Vec<u32>,
    /// The contacts of the window that do not count; only where the duty is not met.
    pub left_out: Vec<(u32, LeftOut)>,
    /// Contacts that count and were entered late.
    pub late: Vec<u32>,
    /// Why nothing is owed; also where it was met all the same.
    pub exempt: Option<Exempt<'a>>,
    /// A hole.
    pub gap: Option<Gap>,
    /// What set off an extra.
    pub because: Option<Because<'a>>,
}

/// What set off an extra.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Because<'a> {
    /// A festival of the built-in table.
    Festival(Festival, NaiveDate),
    /// An event among the facts.
    Event(&'a Event),
}

impl Owed<'_> {
    /// True if enough contacts counted.
    pub fn met(&self) -> bool {
        self.state == State::Met
    }

    /// The code of the tier.
    pub fn tier_code(&self) -> &str {
        self.policy.tiers.get(self.tier).map_or("", |tier| tier.code.as_str())
    }
}

/// What is owed to one elder, and whether it was done.
#[derive(Debug, Clone, PartialEq)]
pub struct ElderOwed<'a> {
    /// Who.
    pub elder: &'a Elder,
    /// The tier on the day of the evaluation, by code.
    pub tier: Option<&'a str>,
    /// Every window begun between enrolment and that day: by version, duty, time.
    pub owed: Vec<Owed<'a>>,
}
