//! Hours of the day and rotas: who may be called when, who is on duty now, and who stands in.

use crate::{ContactId, TimeDelta, Timestamp};
use chrono::{Datelike, Timelike};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// Most spans of hours for one contact, and most shifts of one rota (LIM-1).
pub const SHIFTS_MAX: usize = 400;
/// What the contact of a rung is called that stands for whoever a rota says: `rota.` and the rota's name.
pub const ROTA: &str = "rota.";

/// Hours of the day in local time. `from` later than `to` goes over midnight; equal = the whole day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    /// First minute of the day that counts, 0 to 1439.
    pub from_min: u32,
    /// First minute that no longer counts, 0 to 1440.
    pub to_min: u32,
    /// Days of the week on which they begin, 1 = Monday to 7 = Sunday; empty = every day.
    #[serde(default)]
    pub days: Vec<u32>,
}

impl Hours {
    /// True if `at` lies within them in `zone`.
    pub fn hold(&self, at: Timestamp, zone: Tz) -> bool {
        let local = at.with_timezone(&zone);
        let minute = local.hour() * 60 + local.minute();
        let today = local.weekday().number_from_monday();
        let yesterday = if today == 1 { 7 } else { today - 1 };
        let on = |day: u32| self.days.is_empty() || self.days.contains(&day);
        if self.from_min < self.to_min {
            (self.from_min..self.to_min).contains(&minute) && on(today)
        } else {
            (minute >= self.from_min && on(today)) || (minute < self.to_min && on(yesterday))
        }
    }

    /// True if the numbers can be times of day and days of the week.
    pub fn is_sound(&self) -> bool {
        self.from_min < 1440 && self.to_min <= 1440 && self.days.iter().all(|d| (1..=7).contains(d))
    }
}

/// One person's time on a rota.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shift {
    /// Who.
    pub contact: ContactId,
    /// From when, inclusive.
    pub from: Timestamp,
    /// Until when, exclusive.
    pub to: Timestamp,
    /// Who stands in if the contact is away or cannot be reached by any channel.
    #[serde(default)]
    pub stand_in: Option<ContactId>,
    /// The contact is away (ill, on leave): the stand-in has the duty.
    #[serde(default)]
    pub away: bool,
}

/// Who is on duty when. Kept as a sheet; a rung names it as the contact `rota.NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rota {
    /// In any order; where two overlap the one that began later counts.
    pub shifts: Vec<Shift>,
    /// Who has the duty where no shift says so.
    #[serde(default)]
    pub otherwise: Option<ContactId>,
}

impl Rota {
    /// Those on duty at `at`, the best first: the shift's contact unless away, the stand-in, whoever has it otherwise.
    pub fn on_duty(&self, at: Timestamp) -> Vec<ContactId> {
        let shift = self.shifts.iter().filter(|s| s.from <= at && at < s.to).max_by_key(|s| s.from);
        let mut out: Vec<ContactId> = Vec::new();
        if let Some(shift) = shift {
            out.extend((!shift.away).then(|| shift.contact.clone()));
            out.extend(shift.stand_in.clone());
        }
        out.extend(self.otherwise.clone());
        out.dedup();
        out
    }

    /// True if somebody is on duty at every moment of `[from, to)`.
    pub fn is_whole(&self, from: Timestamp, to: Timestamp) -> bool {
        let mut at = from;
        while at < to {
            if self.on_duty(at).is_empty() {
                return false;
            }
            let change = self.shifts.iter().flat_map(|s| [s.from, s.to]).filter(|t| *t > at).min();
            at = change.unwrap_or(to);
        }
        true
    }

    /// What is wrong with it, if anything.
    pub fn fault(&self) -> Option<&'static str> {
        if self.shifts.len() > SHIFTS_MAX {
            Some("a rota has at most 400 shifts")
        } else if self.shifts.iter().any(|s| s.to <= s.from) {
            Some("a shift ends before it begins")
        } else if self.shifts.iter().any(|s| s.to - s.from > TimeDelta::days(31)) {
            Some("a shift lasts at most 31 days")
        } else if self.shifts.is_empty() && self.otherwise.is_none() {
            Some("a rota without shifts says nothing")
        } else {
            None
        }
    }
}

/// The rota that a contact of a rung stands for, if it stands for one.
pub fn rota_of(contact: &ContactId) -> Option<&str> {
    contact.as_str().strip_prefix(ROTA)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn hours_go_over_midnight_and_keep_to_their_days() {
        let night = Hours { from_min: 22 * 60, to_min: 6 * 60, days: vec![5] };
        let zone = chrono_tz::Asia::Shanghai;
        assert!(night.hold(at("2026-11-27T15:00:00Z"), zone), "Friday 23:00");
        assert!(night.hold(at("2026-11-27T21:59:00Z"), zone), "Saturday 05:59 belongs to Friday's night");
        assert!(!night.hold(at("2026-11-28T15:00:00Z"), zone), "Saturday 23:00");
        assert!(Hours { from_min: 0, to_min: 0, days: vec![] }.hold(at("2026-11-28T15:00:00Z"), zone));
    }

    #[test]
    fn a_rota_says_who_is_on_duty_and_who_stands_in() {
        let shift = |who: &str, from: &str, to: &str| Shift { contact: who.into(), from: at(from), to: at(to), stand_in: Some("deputy".into()), away: false };
        let mut rota = Rota {
            shifts: vec![shift("lin", "2026-11-23T00:00:00Z", "2026-11-23T12:00:00Z"), shift("chen", "2026-11-23T12:00:00Z", "2026-11-24T00:00:00Z")],
            otherwise: None,
        };
        assert_eq!(rota.on_duty(at("2026-11-23T11:59:59Z")), ["lin".into(), "deputy".into()]);
        assert_eq!(rota.on_duty(at("2026-11-23T12:00:00Z")), ["chen".into(), "deputy".into()]);
        rota.shifts[1].away = true;
        assert_eq!(rota.on_duty(at("2026-11-23T12:00:00Z")), ["deputy".into()]);
        assert!(rota.is_whole(at("2026-11-23T00:00:00Z"), at("2026-11-24T00:00:00Z")));
        assert!(!rota.is_whole(at("2026-11-23T00:00:00Z"), at("2026-11-24T00:00:01Z")));
        rota.otherwise = Some("duty-phone".into());
        assert!(rota.is_whole(at("2026-11-23T00:00:00Z"), at("2027-11-24T00:00:01Z")));
    }
}
