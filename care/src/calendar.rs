//! Local days: the only place where an instant becomes a date. Windows (day, week, half-month, month,
//! quarter, rolling) tile the calendar; the zone is always an argument.

pub mod festivals;

use crate::Timestamp;
use chrono::{Datelike, Days, Months, NaiveDate, NaiveTime, TimeZone};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

pub use festivals::Festival;

/// The local date of an instant.
pub fn local_day(at: Timestamp, zone: Tz) -> NaiveDate {
    at.with_timezone(&zone).date_naive()
}

/// The first instant of a local day. Where the clock skips midnight, the first instant that exists.
pub fn start_of_day(day: NaiveDate, zone: Tz) -> Timestamp {
    let midnight = day.and_time(NaiveTime::MIN);
    for hours in 0..4 {
        let shifted = midnight + chrono::TimeDelta::hours(hours);
        if let Some(at) = zone.from_local_datetime(&shifted).earliest() {
            return at.to_utc();
        }
    }
    midnight.and_utc()
}

/// The first instant after a local day.
pub fn end_of_day(day: NaiveDate, zone: Tz) -> Timestamp {
    start_of_day(day_after(day), zone)
}

/// The day after; the last day that exists has none and stands for itself.
pub fn day_after(day: NaiveDate) -> NaiveDate {
    day.succ_opt().unwrap_or(day)
}

/// The day `n` days later (or earlier, if negative), within what the calendar can hold.
pub fn plus_days(day: NaiveDate, n: i64) -> NaiveDate {
    let span = Days::new(n.unsigned_abs());
    if n < 0 {
        day.checked_sub_days(span).unwrap_or(NaiveDate::MIN)
    } else {
        day.checked_add_days(span).unwrap_or(NaiveDate::MAX)
    }
}

/// Whole years lived on a day: the birthday itself completes a year; somebody born on 29 February
/// completes it on 1 March where there is no 29th.
pub fn age_on(born: NaiveDate, day: NaiveDate) -> i32 {
    let before_birthday = (day.month(), day.day()) < (born.month(), born.day());
    day.year() - born.year() - i32::from(before_birthday)
}

/// The first day on which somebody is `years` old, by the rule of [`age_on`].
pub fn birthday(born: NaiveDate, years: i32) -> NaiveDate {
    let year = born.year().saturating_add(years);
    NaiveDate::from_ymd_opt(year, born.month(), born.day())
        .or_else(|| NaiveDate::from_ymd_opt(year, 3, 1))
        .unwrap_or(NaiveDate::MAX)
}

/// A span of whole local days, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    /// The first day.
    pub first: NaiveDate,
    /// The last day, never before the first.
    pub last: NaiveDate,
}

impl Window {
    /// A window of the given days; ends given the wrong way round are exchanged.
    pub fn new(first: NaiveDate, last: NaiveDate) -> Self {
        if first <= last { Self { first, last } } else { Self { first: last, last: first } }
    }

    /// Its length in days, at least 1.
    pub fn days(&self) -> i64 {
        (self.last - self.first).num_days() + 1
    }

    /// True if the day lies in it.
    pub fn contains(&self, day: NaiveDate) -> bool {
        self.first <= day && day <= self.last
    }

    /// The days that two windows share.
    pub fn shared(&self, other: &Self) -> i64 {
        let (first, last) = (self.first.max(other.first), self.last.min(other.last));
        ((last - first).num_days() + 1).max(0)
    }
}

/// How the calendar is cut into windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WindowKind {
    /// Each local day.
    Day,
    /// Monday to Sunday (ISO 8601).
    Week,
    /// The 1st to the 15th, and the 16th to the end of the month.
    HalfMonth,
    /// A calendar month.
    Month,
    /// January to March, and so on.
    Quarter,
    /// Blocks of so many days, one after the other, counted for each elder from the day of enrolment.
    Rolling {
        /// 1 to 366.
        days: u16,
    },
}

impl WindowKind {
    /// True if its windows are counted for each elder, not by the calendar.
    pub fn is_rolling(self) -> bool {
        matches!(self, Self::Rolling { .. })
    }

    /// The window that holds a day. `anchor` is where rolling windows begin to count.
    pub fn containing(self, day: NaiveDate, anchor: NaiveDate) -> Window {
        match self {
            Self::Day => Window { first: day, last: day },
            Self::Week => {
                let first = plus_days(day, -i64::from(day.weekday().num_days_from_monday()));
                Window { first, last: plus_days(first, 6) }
            }
            Self::HalfMonth => {
                let month = Month::of(day);
                let (first, last) = (month.first(), month.last());
                if day.day() <= 15 {
                    Window { first, last: plus_days(first, 14) }
                } else {
                    Window { first: plus_days(first, 15), last }
                }
            }
            Self::Month => Month::of(day).window(),
            Self::Quarter => {
                let first_month = (day.month0() / 3) * 3 + 1;
                let first = NaiveDate::from_ymd_opt(day.year(), first_month, 1).unwrap_or(day);
                let next = first.checked_add_months(Months::new(3)).unwrap_or(NaiveDate::MAX);
                Window { first, last: plus_days(next, -1) }
            }
            Self::Rolling { days } => {
                let length = i64::from(days.max(1));
                let block = (day - anchor).num_days().div_euclid(length);
                let first = plus_days(anchor, block * length);
                Window { first, last: plus_days(first, length - 1) }
            }
        }
    }

    /// All windows from the one that holds `from` to the one that holds `to`.
    pub fn between(self, from: NaiveDate, to: NaiveDate, anchor: NaiveDate) -> Vec<Window> {
        let mut windows = Vec::new();
        let mut day = from;
        while day <= to {
            let window = self.containing(day, anchor);
            windows.push(window);
            if day_after(window.last) <= day {
                break;
            }
            day = day_after(window.last);
        }
        windows
    }
}

/// A calendar month, written `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month {
    year: i32,
    month: u32,
}

impl Month {
    /// The month of a day.
    pub fn of(day: NaiveDate) -> Self {
        Self { year: day.year(), month: day.month() }
    }

    /// Its first day.
    pub fn first(self) -> NaiveDate {
        NaiveDate::from_ymd_opt(self.year, self.month, 1).unwrap_or(NaiveDate::MIN)
    }

    /// Its last day.
    pub fn last(self) -> NaiveDate {
        plus_days(self.next().first(), -1)
    }

    /// The month before.
    pub fn previous(self) -> Self {
        Self::of(plus_days(self.first(), -1))
    }

    /// The month after.
    pub fn next(self) -> Self {
        if self.month >= 12 {
            Self { year: self.year.saturating_add(1), month: 1 }
        } else {
            Self { year: self.year, month: self.month + 1 }
        }
    }

    /// From its first to its last day.
    pub fn window(self) -> Window {
        Window { first: self.first(), last: self.last() }
    }
}

/// The text is not a month.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a month: write it as 2026-11")]
pub struct NotAMonth(String);

impl FromStr for Month {
    type Err = NotAMonth;

    fn from_str(text: &str) -> Result<Self, NotAMonth> {
        let refuse = || NotAMonth(text.to_owned());
        let (year, month) = text.split_once('-').ok_or_else(refuse)?;
        if year.len() != 4 || month.len() != 2 {
            return Err(refuse());
        }
        let (year, month) = (year.parse().map_err(|_| refuse())?, month.parse().map_err(|_| refuse())?);
        NaiveDate::from_ymd_opt(year, month, 1).ok_or_else(refuse)?;
        Ok(Self { year, month })
    }
}

impl TryFrom<String> for Month {
    type Error = NotAMonth;

    fn try_from(text: String) -> Result<Self, NotAMonth> {
        text.parse()
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn check(kind: WindowKind, on: &str, first: &str, last: &str) {
        let window = kind.containing(day(on), day("2026-01-05"));
        assert_eq!((window.first, window.last), (day(first), day(last)), "{kind:?} on {on}");
    }

    #[test]
    fn a_window_is_found_by_any_of_its_days() {
        check(WindowKind::Week, "2026-11-29", "2026-11-23", "2026-11-29");
        check(WindowKind::Week, "2026-11-30", "2026-11-30", "2026-12-06");
        check(WindowKind::HalfMonth, "2026-11-15", "2026-11-01", "2026-11-15");
        check(WindowKind::HalfMonth, "2026-11-16", "2026-11-16", "2026-11-30");
        check(WindowKind::HalfMonth, "2028-02-29", "2028-02-16", "2028-02-29");
        check(WindowKind::HalfMonth, "2026-12-31", "2026-12-16", "2026-12-31");
        check(WindowKind::Month, "2027-02-03", "2027-02-01", "2027-02-28");
        check(WindowKind::Quarter, "2026-12-31", "2026-10-01", "2026-12-31");
        check(WindowKind::Quarter, "2026-05-01", "2026-04-01", "2026-06-30");
        check(WindowKind::Rolling { days: 15 }, "2026-01-19", "2026-01-05", "2026-01-19");
        check(WindowKind::Rolling { days: 15 }, "2026-01-20", "2026-01-20", "2026-02-03");
        check(WindowKind::Rolling { days: 15 }, "2026-01-04", "2025-12-21", "2026-01-04");
    }

    #[test]
    fn a_local_day_is_not_the_day_in_utc() {
        let at = "2026-11-15T16:30:00Z".parse().unwrap();
        assert_eq!(local_day(at, chrono_tz::Asia::Shanghai), day("2026-11-16"));
        assert_eq!(end_of_day(day("2026-11-15"), chrono_tz::Asia::Shanghai).to_rfc3339(), "2026-11-15T16:00:00+00:00");
        // Midnight does not exist on this day in Santiago.
        assert_eq!(start_of_day(day("2026-09-06"), chrono_tz::America::Santiago).to_rfc3339(), "2026-09-06T04:00:00+00:00");
    }

    #[test]
    fn ages_change_on_the_birthday() {
        assert_eq!(age_on(day("1946-11-16"), day("2026-11-15")), 79);
        assert_eq!(age_on(day("1946-11-16"), day("2026-11-16")), 80);
        assert_eq!(age_on(day("1948-02-29"), day("2026-02-28")), 77);
        assert_eq!(age_on(day("1948-02-29"), day("2026-03-01")), 78);
        assert_eq!(birthday(day("1948-02-29"), 78), day("2026-03-01"));
        assert_eq!(birthday(day("1948-02-29"), 80), day("2028-02-29"));
    }

    #[test]
    fn months_are_read_and_written() {
        assert_eq!("2026-11".parse::<Month>().unwrap().to_string(), "2026-11");
        assert_eq!("2028-02".parse::<Month>().unwrap().last(), day("2028-02-29"));
        for bad in ["2026-13", "2026-1", "26-11", "2026", "2026-00", ""] {
            assert!(bad.parse::<Month>().is_err(), "{bad}");
        }
    }
}
