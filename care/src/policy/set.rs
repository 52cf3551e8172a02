//! The versions of one policy over time. A window is judged by the version in force on its first day;
//! closed months are never judged again.

use super::Policy;
use crate::calendar::{Month, plus_days};
use chrono::NaiveDate;

/// The versions of one policy, in the order of their effective dates, none overlapping.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicySet {
    versions: Vec<Policy>,
}

/// Why versions do not make a set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetProblem {
    /// There is none.
    #[error("no policy is given")]
    Empty,
    /// They are not versions of the same policy.
    #[error("\"{0}\" and \"{1}\" are different policies")]
    OtherPolicy(String, String),
    /// Two have the same name.
    #[error("version {0} stands twice")]
    Twice(String),
    /// Two are in force on the same day.
    #[error("versions {earlier} and {later} are both in force on {day}: end {earlier} with effective_to = {ends}")]
    Overlap {
        /// The one that begins first.
        earlier: String,
        /// The other.
        later: String,
        /// The first such day.
        day: NaiveDate,
        /// When the first should end.
        ends: NaiveDate,
    },
    /// A version would judge a month that is closed.
    #[error("version {version} begins on {from}, but {closed} is closed: a closed month is judged again only with --restate")]
    Closed {
        /// The version.
        version: String,
        /// Its first day.
        from: NaiveDate,
        /// The last closed month.
        closed: Month,
    },
}

impl SetProblem {
    /// The same in Chinese.
    pub fn zh(&self) -> String {
        match self {
            Self::Empty => "没有给出政策文件".to_owned(),
            Self::OtherPolicy(a, b) => format!("{a} 与 {b} 不是同一政策"),
            Self::Twice(version) => format!("版本 {version} 重复"),
            Self::Overlap { earlier, later, day, ends } => {
                format!("版本 {earlier} 与 {later} 在 {day} 同时有效：请为 {earlier} 写明 effective_to = {ends}")
            }
            Self::Closed { version, from, closed } => {
                format!("版本 {version} 自 {from} 生效，而 {closed} 已结账：如确需重算，请加 --restate")
            }
        }
    }
}

impl PolicySet {
    /// A set of versions, given in any order.
    ///
    /// # Errors
    /// What keeps them from being one.
    pub fn new(mut versions: Vec<Policy>) -> Result<Self, SetProblem> {
        versions.sort_by(|a, b| (a.effective_from, &a.version).cmp(&(b.effective_from, &b.version)));
        if versions.is_empty() {
            return Err(SetProblem::Empty);
        }
        for (earlier, later) in versions.iter().zip(versions.iter().skip(1)) {
            if earlier.id != later.id {
                return Err(SetProblem::OtherPolicy(earlier.id.clone(), later.id.clone()));
            }
            if earlier.version == later.version {
                return Err(SetProblem::Twice(later.version.clone()));
            }
            if earlier.effective_to.is_none_or(|to| to >= later.effective_from) {
                return Err(SetProblem::Overlap {
                    earlier: earlier.version.clone(),
                    later: later.version.clone(),
                    day: later.effective_from,
                    ends: plus_days(later.effective_from, -1),
                });
            }
        }
        Ok(Self { versions })
    }

    /// The set with one more version, which is in force from its first day on: one before it without an end ends then.
    ///
    /// # Errors
    /// As [`PolicySet::new`]; a version that begins later than this one and is in the set already overlaps it.
    pub fn followed_by(&self, next: Policy) -> Result<Self, SetProblem> {
        let mut versions = self.versions.clone();
        for before in versions.iter_mut().filter(|before| before.effective_from < next.effective_from) {
            let last = plus_days(next.effective_from, -1);
            before.effective_to = Some(before.effective_to.map_or(last, |to| to.min(last)));
        }
        versions.push(next);
        Self::new(versions)
    }

    /// The versions, the earliest first; never empty.
    pub fn versions(&self) -> &[Policy] {
        &self.versions
    }

    /// The version in force on a day, or else the one nearest to it (the last before it, or the first).
    pub fn on(&self, day: NaiveDate) -> Option<&Policy> {
        let begun = self.versions.iter().rev().find(|version| version.effective_from <= day);
        begun.or(self.versions.first())
    }

    /// Refuses a set in which a version begins in or before a closed month.
    ///
    /// # Errors
    /// [`SetProblem::Closed`] for the first such version.
    pub fn not_before(version: &Policy, closed: Month) -> Result<(), SetProblem> {
        if version.effective_from <= closed.last() {
            return Err(SetProblem::Closed { version: version.version.clone(), from: version.effective_from, closed });
        }
        Ok(())
    }
}

impl From<Policy> for PolicySet {
    /// A set of one version.
    fn from(policy: Policy) -> Self {
        Self { versions: vec![policy] }
    }
}
