//! The policy file: what a city may decide differently. Loaded from TOML, checked as a whole, hashed;
//! a window is judged by the version in force on its first day (VIS-1).

mod check;
mod diff;
mod file;
mod set;
mod show;
mod whole;
mod words;

#[cfg(test)]
mod tests;

use crate::Language;
use crate::calendar::{Festival, WindowKind};
use chrono::NaiveDate;
use chrono_tz::Tz;
use std::fmt;

pub use whole::{review_due, unreadable_quotes};
pub use diff::{Change, at_least_as_strict, diff};
pub use set::{PolicySet, SetProblem};
pub use show::{duty_text, event_name, extra_text, force_text, reason_name, show, unconfirmed_notes, window_text};
pub(crate) use words::words;
pub use words::{Ability, Colour, Few, Force, Mode, Modes, OnRefusal, Outcome, PerElder, SUSPENSIONS};

/// Longest policy file accepted, bytes.
pub const FILE_BYTES_MAX: usize = 1 << 20;

/// A policy that passed every check.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Its name for ever, the same in all versions.
    pub id: String,
    /// The version's name.
    pub version: String,
    /// What people call it.
    pub title: String,
    /// The number of the document it puts into rules.
    pub document: Option<String>,
    /// The documents above it.
    pub upper: Vec<String>,
    /// The first day on which a window may begin under it.
    pub effective_from: NaiveDate,
    /// The last such day; none: in force.
    pub effective_to: Option<NaiveDate>,
    /// Where its days begin and end.
    pub zone: Tz,
    /// The language of its paper.
    pub locale: String,
    /// From which age on somebody is an elder (I-01).
    pub elder_age_min: i32,
    /// Who is meant.
    pub categories: Vec<Category>,
    /// The tiers, strictest first: the first that matches is the elder's (I-16).
    pub tiers: Vec<Tier>,
    /// What is owed, window by window.
    pub obligations: Vec<Obligation>,
    /// What is owed beside that, when something happens.
    pub extras: Vec<Extra>,
    /// What counts as a contact.
    pub counts: Counts,
    /// The register.
    pub ledger: Ledger,
    /// Consents.
    pub consent: Consent,
    /// When nothing is owed.
    pub suspend: Suspend,
    /// What a plan for one elder may change.
    pub per_elder: PerElder,
    /// What to do at a risk, and when to look again.
    pub risk: Risk,
    /// The levels of supervision, lowest first.
    pub supervision: Vec<String>,
    /// Who keeps a copy of Annex 1.
    pub registration_form: Form,
    /// Who keeps a copy of Annex 2.
    pub visit_form: Form,
    /// How doubtful words of the document are read.
    pub interpretations: Vec<Interpretation>,
    /// SHA-256 of the file, hex.
    pub hash: String,
}

/// A category of elders.
#[derive(Debug, Clone, PartialEq)]
pub struct Category {
    /// Its name in files and facts.
    pub code: String,
    /// Its name on paper.
    pub name: String,
    /// The abilities that the category needs; none: any.
    pub ability_in: Option<Vec<Ability>>,
    /// The disability levels that it needs; none: any.
    pub disability_level_in: Option<Vec<u8>>,
    /// The field of the register that proves it.
    pub field: Option<String>,
}

/// A tier of elders.
#[derive(Debug, Clone, PartialEq)]
pub struct Tier {
    /// Its name in files and results.
    pub code: String,
    /// Its name on paper.
    pub name: String,
    /// Any one of these is enough.
    pub any: Vec<Condition>,
}

/// All that is given must hold.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Condition {
    /// The category (its place in the policy's list).
    pub category: Option<usize>,
    /// Any category at all.
    pub any_category: bool,
    /// Completed years, at least.
    pub age_min: Option<i32>,
    /// Completed years, at most.
    pub age_max: Option<i32>,
    /// The ability is one of these.
    pub ability_in: Option<Vec<Ability>>,
    /// The disability level is one of these.
    pub disability_level_in: Option<Vec<u8>>,
    /// A figure of the register is within bounds (a risk score, for instance).
    pub number: Option<NumberBetween>,
}

/// A named figure and its bounds.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberBetween {
    /// The figure's name in the facts.
    pub name: String,
    /// Not less than this.
    pub at_least: Option<f64>,
    /// Not more than this.
    pub at_most: Option<f64>,
}

/// What is owed to each elder of some tiers in every window.
#[derive(Debug, Clone, PartialEq)]
pub struct Obligation {
    /// Its name.
    pub id: String,
    /// To whom (places in the policy's list of tiers).
    pub tiers: Few,
    /// What counts.
    pub modes: Modes,
    /// How many contacts.
    pub min: u32,
    /// In which windows.
    pub window: WindowKind,
    /// A longer hole between two counted contacts is shown, though not failed.
    pub warn_gap_days: Option<i64>,
    /// The share of elders for whom it is to be met, percent.
    pub target_pct: Option<f64>,
    /// The sentence of the document.
    pub basis: Option<String>,
    /// How binding.
    pub force: Force,
}

/// What is owed when something happens.
#[derive(Debug, Clone, PartialEq)]
pub struct Extra {
    /// Its name.
    pub id: String,
    /// What has to happen.
    pub on: Trigger,
    /// To whom.
    pub tiers: Few,
    /// What counts.
    pub modes: Modes,
    /// How many contacts.
    pub min: u32,
    /// The window begins so many days before the event.
    pub days_before: u16,
    /// The deadline, hours after the event's start.
    pub within_hours: u16,
    /// The sentence of the document.
    pub basis: Option<String>,
    /// How binding.
    pub force: Force,
}

/// What sets off an extra.
#[derive(Debug, Clone, PartialEq)]
pub enum Trigger {
    /// A weather warning.
    Weather {
        /// The kinds of warning.
        events: Vec<String>,
        /// From this colour on; none: any.
        level_min: Option<Colour>,
    },
    /// A festival.
    Festival {
        /// Which.
        festivals: Vec<Festival>,
        /// Festivals of the office's own that only facts can date.
        named: Vec<String>,
    },
    /// Anything else that facts bring.
    Event {
        /// Which.
        events: Vec<String>,
    },
}

/// What counts as a contact, by mode.
#[derive(Debug, Clone, PartialEq)]
pub struct Counts {
    /// At home.
    pub home: CountRule,
    /// By video.
    pub video: CountRule,
    /// By phone.
    pub phone: CountRule,
    /// In another way.
    pub other: CountRule,
    /// By remote monitoring.
    pub remote: RemoteRule,
}

/// When a contact made by a person counts.
#[derive(Debug, Clone, PartialEq)]
pub struct CountRule {
    /// With one of these outcomes.
    pub outcome_in: Vec<Outcome>,
    /// With this record.
    pub record: Option<String>,
    /// With the signatures of these.
    pub signatures: Vec<String>,
    /// Or with one of these reasons for a missing one.
    pub unsigned_ok: Vec<String>,
    /// Entered later than this many days after the visit: counted, and flagged.
    pub late_entry_after_days: Option<i64>,
}

/// When remote monitoring counts (R74, R75). Consent to remote monitoring is needed always (VIS-3).
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteRule {
    /// The obligations and extras it may satisfy; never one of home visits only (VIS-2).
    pub satisfies: Vec<String>,
    /// A named person has to look at it first.
    pub human_review: bool,
    /// The length of a period, days.
    pub period_days: u16,
    /// Valid days needed in a period.
    pub min_valid_days: u16,
    /// Coverage that a valid day needs, percent.
    pub min_coverage_pct: f64,
    /// Signs of a person that a valid day needs.
    pub min_presence_events: u32,
    /// The longest unresolved silence of a valid day, hours.
    pub max_gap_hours: u16,
    /// How it stands in reports.
    pub report: String,
    /// The box of Annex 2 that it is entered in.
    pub form_mode: String,
}

/// The register's rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Ledger {
    /// An entry is due for review after so many months.
    pub review_every_months: u32,
    /// The sentence of the document.
    pub basis: Option<String>,
    /// The systems that get a copy.
    pub sync_to: Vec<String>,
}

/// The consents that are asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Consent {
    /// What for.
    pub kinds: Vec<String>,
    /// What a refusal does.
    pub on_refusal: OnRefusal,
}

/// When nothing is owed, and what the window in which that begins or ends still owes (I-09).
#[derive(Debug, Clone, PartialEq)]
pub struct Suspend {
    /// The reasons that suspend.
    pub reasons: Vec<String>,
    /// Proof is asked for.
    pub evidence: bool,
    /// Windows that an elder was in our care for only in part.
    pub first_window: FirstWindow,
}

/// What a window owes that an elder was enrolled, suspended or resumed in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FirstWindow {
    /// Due if at least this share of its days remains.
    DueIfRemaining {
        /// Percent, 0 to 100.
        pct: f64,
    },
    /// Due if a single day remains.
    Due,
    /// Never due.
    Grace,
}

/// What to do at a risk.
#[derive(Debug, Clone, PartialEq)]
pub struct Risk {
    /// First.
    pub first_step: String,
    /// The emergency numbers, in order.
    pub numbers: Vec<String>,
    /// Whom to call then, in order.
    pub then: Vec<String>,
    /// What is looked at again, and after how many days.
    pub follow_up: Vec<FollowUp>,
}

/// A kind of follow-up.
#[derive(Debug, Clone, PartialEq)]
pub struct FollowUp {
    /// What is followed up.
    pub kind: String,
    /// Within so many days.
    pub due_days: u16,
}

/// A printed form.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    /// Which print template.
    pub template: String,
    /// Who keeps a copy.
    pub copies: Vec<String>,
}

/// How a doubtful passage is read, until an office decides.
#[derive(Debug, Clone, PartialEq)]
pub struct Interpretation {
    /// Its number.
    pub id: String,
    /// The words in doubt.
    pub quote: String,
    /// The question.
    pub question: String,
    /// The readings.
    pub options: Vec<String>,
    /// The reading taken.
    pub chosen: String,
    /// Who confirmed it; empty: nobody has.
    pub decided_by: String,
    /// When.
    pub decided_on: Option<NaiveDate>,
}

impl Interpretation {
    /// True once an office has put its name to it; until then it stands under every report.
    pub fn confirmed(&self) -> bool {
        !self.decided_by.trim().is_empty()
    }
}

/// Something that is wrong (or odd) in a policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line of the file, from 1, where one can be named.
    pub line: Option<usize>,
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

impl Problem {
    pub(crate) fn at(line: Option<usize>, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { line, zh: zh.into(), en: en.into() }
    }

    /// One line of text.
    pub fn text(&self, language: Language) -> String {
        let words = match language {
            Language::Zh => &self.zh,
            Language::En => &self.en,
        };
        match (self.line, language) {
            (None, _) => words.clone(),
            (Some(line), Language::Zh) => format!("第 {line} 行：{words}"),
            (Some(line), Language::En) => format!("line {line}: {words}"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Language::En))
    }
}

/// A policy file that cannot be used, with everything that was found wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the policy file is refused: {}", problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("; "))]
pub struct Refused {
    /// What is wrong, in the order of the file; never empty.
    pub problems: Vec<Problem>,
}

/// A policy and what is odd about it without being wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The policy.
    pub policy: Policy,
    /// Oddities for people to look at.
    pub notes: Vec<Problem>,
}

/// What is true of an elder on one day, as far as tiers depend on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing<'a> {
    /// Completed years.
    pub age: i32,
    /// The categories entered in the register (places in the policy's list).
    pub categories: Few,
    /// The ability.
    pub ability: Ability,
    /// The level of the disability card, 1 to 4.
    pub disability_level: Option<u8>,
    /// Named figures.
    pub numbers: &'a [(String, f64)],
}

impl Policy {
    /// Reads and checks a policy file.
    ///
    /// # Errors
    /// [`Refused`] with every problem found, each with its line.
    pub fn load(text: &str) -> Result<Loaded, Refused> {
        check::load(text)
    }

    /// The place of a category.
    pub fn category(&self, code: &str) -> Option<usize> {
        self.categories.iter().position(|category| category.code == code)
    }

    /// The place of a tier.
    pub fn tier(&self, code: &str) -> Option<usize> {
        self.tiers.iter().position(|tier| tier.code == code)
    }

    /// The rule for contacts of a mode that a person makes; none for remote monitoring.
    pub fn count_rule(&self, mode: Mode) -> Option<&CountRule> {
        match mode {
            Mode::Home => Some(&self.counts.home),
            Mode::Video => Some(&self.counts.video),
            Mode::Phone => Some(&self.counts.phone),
            Mode::Other => Some(&self.counts.other),
            Mode::Remote => None,
        }
    }

    /// The entered categories whose needs are met.
    pub fn categories_held(&self, standing: &Standing<'_>) -> Few {
        let holds = |place: &usize| {
            self.categories.get(*place).is_some_and(|category| {
                category.ability_in.as_ref().is_none_or(|list| list.contains(&standing.ability))
                    && category
                        .disability_level_in
                        .as_ref()
                        .is_none_or(|list| standing.disability_level.is_some_and(|level| list.contains(&level)))
            })
        };
        Few::of(standing.categories.iter().filter(holds))
    }

    /// The tier (its place) of somebody with that standing: the first that matches, none for who is too
    /// young or in no category (R29, I-01, I-16).
    pub fn tier_of(&self, standing: &Standing<'_>) -> Option<usize> {
        if standing.age < self.elder_age_min {
            return None;
        }
        let held = self.categories_held(standing);
        self.tiers.iter().position(|tier| tier.any.iter().any(|condition| condition.holds(standing, held)))
    }

    /// True if a window that begins on the day is judged by this version.
    pub fn in_force_on(&self, day: NaiveDate) -> bool {
        self.effective_from <= day && self.effective_to.is_none_or(|to| day <= to)
    }

    /// The same policy without dates: for trying it on any month.
    pub fn as_if_always_in_force(self) -> Self {
        Self { effective_from: NaiveDate::MIN, effective_to: None, ..self }
    }

    /// The readings that no office has confirmed: they stand under every report.
    pub fn unconfirmed(&self) -> impl Iterator<Item = &Interpretation> {
        self.interpretations.iter().filter(|reading| !reading.confirmed())
    }

    /// True if remote monitoring may satisfy the obligation or extra of that name.
    pub fn remote_satisfies(&self, id: &str) -> bool {
        self.counts.remote.satisfies.iter().any(|named| named == id)
    }
}

impl Condition {
    fn holds(&self, standing: &Standing<'_>, held: Few) -> bool {
        self.category.is_none_or(|category| held.has(category))
            && (!self.any_category || !held.is_empty())
            && self.age_min.is_none_or(|min| standing.age >= min)
            && self.age_max.is_none_or(|max| standing.age <= max)
            && self.ability_in.as_ref().is_none_or(|list| list.contains(&standing.ability))
            && self
                .disability_level_in
                .as_ref()
                .is_none_or(|list| standing.disability_level.is_some_and(|level| list.contains(&level)))
            && self.number.as_ref().is_none_or(|number| number.holds(standing.numbers))
    }
}

impl NumberBetween {
    fn holds(&self, numbers: &[(String, f64)]) -> bool {
        numbers.iter().find(|(name, _)| *name == self.name).is_some_and(|(_, value)| {
            self.at_least.is_none_or(|least| *value >= least) && self.at_most.is_none_or(|most| *value <= most)
        })
    }
}
