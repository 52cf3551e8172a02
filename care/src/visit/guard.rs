//! Guards against visits that were not made (R80): flagged for a supervisor, never deleted, never uncounted.

use crate::calendar::local_day;
use crate::policy::Mode;
use crate::reason::Row;
use crate::{ElderId, PersonId, Reason, TimeDelta, Timestamp};
use chrono::Timelike;
use chrono_tz::Tz;
use std::collections::BTreeMap;

/// A visit record as far as the guards look at it.
#[derive(Debug, Clone, PartialEq)]
pub struct VisitRecord {
    /// Which.
    pub id: String,
    /// Who was visited.
    pub elder: ElderId,
    /// Who says to have been there.
    pub visitor: PersonId,
    /// How.
    pub mode: Mode,
    /// When it began.
    pub start: Timestamp,
    /// When it ended.
    pub end: Option<Timestamp>,
    /// When it was entered.
    pub recorded_at: Timestamp,
    /// What the visitor wrote in the visitor's own words.
    pub words: String,
    /// How far from the home it was entered, metres; none: location is off.
    pub distance_m: Option<f64>,
}

/// From where on a record is looked at twice.
#[derive(Debug, Clone, PartialEq)]
pub struct Guards {
    /// A home visit shorter than this.
    pub shortest: TimeDelta,
    /// Further from the home than this, metres.
    pub far_m: f64,
    /// Entered later than this many days afterwards.
    pub late_days: i64,
    /// Begun at or after this local hour, or before `night_until`.
    pub night_from: u32,
    /// See `night_from`.
    pub night_until: u32,
    /// The same words for another elder, if they are at least this long.
    pub copied_chars: usize,
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            shortest: TimeDelta::minutes(10),
            far_m: 500.0,
            late_days: 3,
            night_from: 21,
            night_until: 6,
            copied_chars: 12,
        }
    }
}

/// What is odd about a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Flag {
    /// The record.
    pub record: String,
    /// What is odd, in words.
    pub why: Reason,
}

/// Reasons that this module gives.
pub const REASONS: &[Row] = &[
    ("flag_overlap", "与 {other} 时间重叠，为同一探访人。", "Overlaps with {other} by the same visitor."),
    ("flag_short", "上门仅 {spent}。", "The home visit took only {spent}."),
    ("flag_far", "登记地点距住处 {metres} 米。", "Entered {metres} m from the home."),
    ("flag_late", "{days} 天后才补录。", "Entered {days} days afterwards."),
    ("flag_before", "登记时间早于探访开始。", "Entered before it began."),
    ("flag_ends_first", "结束早于开始。", "Ends before it begins."),
    ("flag_night", "夜间（{at}）探访。", "At night ({at})."),
    ("flag_suspended", "探访人员已暂停服务。", "The visitor was suspended."),
    ("flag_check_in", "设备签到时间与登记时间不符。", "The device's check-in says another time."),
    ("flag_twin", "与 {other} 似为同一次探访。", "Looks like the same visit as {other}."),
    ("flag_copied", "文字与 {other} 相同。", "The same words as {other}."),
];

/// Everything odd among records, in the order of their ids. Two elders of one home visited together (the same
/// start and end) are no overlap (I-12).
pub fn flags(records: &[VisitRecord], guards: &Guards, zone: Tz) -> Vec<Flag> {
    let mut found = Vec::new();
    for record in records {
        found.extend(alone(record, guards, zone).into_iter().map(|why| Flag { record: record.id.clone(), why }));
    }
    let mut by_time: Vec<&VisitRecord> =
        records.iter().filter(|r| r.mode != Mode::Remote && r.end.is_some_and(|end| end > r.start)).collect();
    by_time.sort_by(|a, b| (&a.visitor, a.start, a.end, &a.id).cmp(&(&b.visitor, b.start, b.end, &b.id)));
    let mut longest: Option<&VisitRecord> = None;
    for record in by_time {
        match longest {
            Some(before) if before.visitor == record.visitor && before.end.is_some_and(|end| end > record.start) => {
                if (before.start, before.end) != (record.start, record.end) {
                    for (a, b) in [(before, record), (record, before)] {
                        found.push(Flag { record: a.id.clone(), why: Reason::new("flag_overlap").text("other", &b.id) });
                    }
                }
                if record.end > before.end {
                    longest = Some(record);
                }
            }
            Some(_) | None => longest = Some(record),
        }
    }
    let mut by_id: Vec<&VisitRecord> = records.iter().collect();
    by_id.sort_by(|a, b| (a.start, &a.id).cmp(&(b.start, &b.id)));
    let mut first_with: BTreeMap<String, &VisitRecord> = BTreeMap::new();
    for record in by_id {
        let words: String = record.words.chars().filter(|c| c.is_alphanumeric()).collect();
        if words.chars().count() < guards.copied_chars {
            continue;
        }
        match first_with.get(&words) {
            Some(first) if first.elder != record.elder => {
                let why = Reason::new("flag_copied").text("other", &first.id);
                found.push(Flag { record: record.id.clone(), why });
            }
            Some(_) => {}
            None => {
                first_with.insert(words, record);
            }
        }
    }
    found.sort_by(|a, b| (&a.record, &a.why.code).cmp(&(&b.record, &b.why.code)));
    found.dedup();
    found
}

fn alone(record: &VisitRecord, guards: &Guards, zone: Tz) -> Vec<Reason> {
    let mut why = Vec::new();
    if record.mode == Mode::Remote {
        return why;
    }
    match record.end.map(|end| end - record.start) {
        Some(spent) if spent < TimeDelta::zero() => why.push(Reason::new("flag_ends_first")),
        Some(spent) if record.mode == Mode::Home && spent < guards.shortest => {
            why.push(Reason::new("flag_short").span("spent", spent));
        }
        Some(_) | None => {}
    }
    if let Some(metres) = record.distance_m.filter(|metres| record.mode == Mode::Home && *metres > guards.far_m) {
        why.push(Reason::new("flag_far").number("metres", metres.round()));
    }
    let days = (local_day(record.recorded_at, zone) - local_day(record.start, zone)).num_days();
    if record.recorded_at < record.start {
        why.push(Reason::new("flag_before"));
    } else if days > guards.late_days {
        why.push(Reason::new("flag_late").number("days", f64::from(i32::try_from(days).unwrap_or(i32::MAX))));
    }
    let hour = record.start.with_timezone(&zone).hour();
    if hour >= guards.night_from || hour < guards.night_until {
        why.push(Reason::new("flag_night").time("at", record.start));
    }
    why
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Language;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-{text}:00+08:00").parse().unwrap()
    }

    fn visit(id: &str, elder: &str, start: &str, end: &str) -> VisitRecord {
        VisitRecord {
            id: id.to_owned(),
            elder: elder.into(),
            visitor: "v".into(),
            mode: Mode::Home,
            start: at(start),
            end: Some(at(end)),
            recorded_at: at(end),
            words: String::new(),
            distance_m: None,
        }
    }

    fn check(records: &[VisitRecord], expected: &[&str]) {
        let zone = chrono_tz::Asia::Shanghai;
        let found = flags(records, &Guards::default(), zone);
        let found: Vec<String> =
            found.iter().map(|flag| format!("{} {}", flag.record, flag.why.render(Language::En, zone))).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn an_honest_day_has_no_flag() {
        check(&[visit("1", "a", "03T09:00", "03T09:30"), visit("2", "b", "03T09:30", "03T10:00")], &[]);
    }

    #[test]
    fn a_visitor_in_two_places_is_flagged_on_both() {
        check(
            &[visit("1", "a", "03T09:00", "03T10:00"), visit("2", "b", "03T09:50", "03T10:20"), visit("3", "c", "03T10:10", "03T10:40")],
            &[
                "1 Overlaps with 2 by the same visitor.",
                "2 Overlaps with 1 by the same visitor.",
                "2 Overlaps with 3 by the same visitor.",
                "3 Overlaps with 2 by the same visitor.",
            ],
        );
    }

    #[test]
    fn two_elders_of_one_home_are_visited_together() {
        check(&[visit("1", "a", "03T09:00", "03T09:30"), visit("2", "b", "03T09:00", "03T09:30")], &[]);
    }

    #[test]
    fn short_far_late_and_night_visits_are_flagged() {
        let mut record = visit("1", "a", "03T22:00", "03T22:04");
        record.distance_m = Some(2_400.4);
        record.recorded_at = at("08T09:00");
        check(
            &[record],
            &["1 Entered 2400 m from the home.", "1 Entered 5 days afterwards.", "1 At night (22:00).", "1 The home visit took only 4 m."],
        );
    }

    #[test]
    fn copied_words_are_flagged_for_another_elder_only() {
        let with = |id: &str, elder: &str, hour: u32, words: &str| VisitRecord {
            words: words.to_owned(),
            ..visit(id, elder, &format!("03T{hour}:00"), &format!("03T{hour}:20"))
        };
        let words = "老人精神良好，水电燃气正常，已提醒防滑。";
        check(
            &[with("1", "a", 10, words), with("2", "b", 11, words), with("3", "a", 12, words), with("4", "c", 13, "一切正常")],
            &["2 The same words as 1."],
        );
    }

    #[test]
    fn impossible_times_are_flagged() {
        let mut record = visit("1", "a", "03T10:00", "03T09:30");
        record.recorded_at = at("03T09:00");
        check(&[record], &["1 Entered before it began.", "1 Ends before it begins."]);
    }
}
