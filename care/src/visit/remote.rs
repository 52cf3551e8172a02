//! Remote monitoring as a visit that records itself (R74 to R76): a period qualifies by what the sensors
//! proved, never by silence. What was weighed is kept with the visit and sealed. Pure: the home machine and
//! the cover account bring the days, this says what they amount to.

use super::Dated;
use crate::policy::{Policy, RemoteRule};
use crate::reason::Row;
use crate::{Reason, Timestamp};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What the devices of a home proved on one local day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DayEvidence {
    /// The day.
    pub day: NaiveDate,
    /// The share of the day with proven cover, percent.
    pub coverage_pct: f64,
    /// Signs of a person: movement, a door, a bed, a tap; never a heartbeat.
    pub presence_events: u32,
    /// The longest silence that nobody has explained, hours. A nap that an alarm's call explained is none.
    pub longest_gap_hours: f64,
    /// The devices that bore witness.
    pub devices: Vec<String>,
    /// When signs of a person were seen, to look at.
    pub signs_at: Vec<Timestamp>,
}

/// What a day amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DayVerdict {
    /// Covered, and a person went about.
    Valid,
    /// Cover was too thin to say anything: never "well", never "visited" (R76).
    Unknown,
    /// Covered, but with too few signs of a person or too long a silence: somebody should look.
    Doubtful,
}

/// What one day amounts to under a rule.
pub fn judge_day(rule: &RemoteRule, day: &DayEvidence) -> DayVerdict {
    // A figure that is no number proves nothing.
    let covered = day.coverage_pct >= rule.min_coverage_pct;
    let quiet = day.longest_gap_hours <= f64::from(rule.max_gap_hours);
    if !covered {
        DayVerdict::Unknown
    } else if day.presence_events >= rule.min_presence_events && quiet {
        DayVerdict::Valid
    } else {
        DayVerdict::Doubtful
    }
}

/// A visit by remote monitoring, with what it rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RemoteVisit {
    /// The first day of the period.
    pub from: NaiveDate,
    /// The last day; the visit belongs to it.
    pub to: NaiveDate,
    /// Every day of the period with its verdict.
    pub days: Vec<(DayEvidence, DayVerdict)>,
    /// The version of the policy.
    pub policy_version: String,
    /// The hash of its file.
    pub policy_hash: String,
    /// True if the policy asks for a named person to look first.
    pub review_needed: bool,
    /// SHA-256 over all of the above, hex: the seal.
    pub seal: String,
}

/// What a period amounts to.
#[derive(Debug, Clone, PartialEq)]
pub enum Period {
    /// It qualifies.
    Visit(RemoteVisit),
    /// It does not, and why.
    Not(Reason),
}

/// Reasons that this module gives.
pub const REASONS: &[Row] = &[
    (
        "remote_no_consent",
        "{day} 本人未同意远程监测：不学习、不计入、不共享。",
        "No consent to remote monitoring on {day}: nothing is learnt, counted or shared.",
    ),
    (
        "remote_too_few_days",
        "{days} 天中有效 {valid} 天，应至少 {min} 天；不明 {unknown} 天，存疑 {doubtful} 天。",
        "{valid} valid days of {days}, {min} wanted; {unknown} unknown, {doubtful} doubtful.",
    ),
    (
        "remote_period_incomplete",
        "本期应有 {min} 天的记录，现有 {days} 天。",
        "A period has {min} days, {days} are recorded.",
    ),
];

/// Judges the period that ends with the last of the given days. Consent has to hold on every day of it:
/// after a withdrawal a new period begins from nothing (VIS-3).
pub fn judge_period(policy: &Policy, consents: &Dated<Vec<String>>, days: &[DayEvidence]) -> Period {
    let rule = &policy.counts.remote;
    let wanted = usize::from(rule.period_days);
    let count = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    let mut days: Vec<DayEvidence> = days.to_vec();
    days.sort_by_key(|day| day.day);
    days.dedup_by_key(|day| day.day);
    let days = days.split_off(days.len().saturating_sub(wanted));
    let incomplete = || {
        Reason::new("remote_period_incomplete").number("min", f64::from(rule.period_days)).number("days", count(days.len()))
    };
    let (Some(first), Some(last)) = (days.first(), days.last()) else { return Period::Not(incomplete()) };
    let (from, to) = (first.day, last.day);
    if days.len() < wanted || (to - from).num_days() + 1 != i64::from(rule.period_days) {
        return Period::Not(incomplete());
    }
    let consented = |day: NaiveDate| consents.on(day).is_some_and(|kinds| kinds.iter().any(|kind| kind == "remote"));
    if let Some(without) = days.iter().find(|day| !consented(day.day)) {
        return Period::Not(Reason::new("remote_no_consent").text("day", &without.day.to_string()));
    }
    let judged: Vec<(DayEvidence, DayVerdict)> =
        days.into_iter().map(|day| (judge_day(rule, &day), day)).map(|(verdict, day)| (day, verdict)).collect();
    let of = |wanted: DayVerdict| judged.iter().filter(|(_, verdict)| *verdict == wanted).count();
    let valid = of(DayVerdict::Valid);
    if valid < usize::from(rule.min_valid_days) {
        return Period::Not(
            Reason::new("remote_too_few_days")
                .number("valid", count(valid))
                .number("days", count(judged.len()))
                .number("min", f64::from(rule.min_valid_days))
                .number("unknown", count(of(DayVerdict::Unknown)))
                .number("doubtful", count(of(DayVerdict::Doubtful))),
        );
    }
    let mut visit = RemoteVisit {
        from,
        to,
        days: judged,
        policy_version: policy.version.clone(),
        policy_hash: policy.hash.clone(),
        review_needed: rule.human_review,
        seal: String::new(),
    };
    visit.seal = visit.sealed();
    Period::Visit(visit)
}

impl RemoteVisit {
    /// True if nothing was changed since it was sealed.
    pub fn is_intact(&self) -> bool {
        self.seal == self.sealed()
    }

    fn sealed(&self) -> String {
        let open = Self { seal: String::new(), ..self.clone() };
        // Fields in a fixed order and no maps: the same visit gives the same text.
        let text = serde_json::to_string(&open).unwrap_or_default();
        Sha256::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Language;

    const JINJIANG: &str = include_str!("../../../docs/policies/jinjiang.toml");

    fn day(n: u32, coverage_pct: f64, presence_events: u32, longest_gap_hours: f64) -> DayEvidence {
        DayEvidence {
            day: NaiveDate::from_ymd_opt(2026, 11, n).unwrap(),
            coverage_pct,
            presence_events,
            longest_gap_hours,
            devices: vec!["motion-1".to_owned()],
            signs_at: Vec::new(),
        }
    }

    fn consents(from: u32) -> Dated<Vec<String>> {
        Dated::steps(vec![(NaiveDate::from_ymd_opt(2026, 11, from).unwrap(), vec!["enrolment".into(), "remote".into()])])
    }

    fn policy() -> Policy {
        Policy::load(JINJIANG).unwrap().policy
    }

    fn why_not(consents: &Dated<Vec<String>>, days: &[DayEvidence]) -> String {
        match judge_period(&policy(), consents, days) {
            Period::Visit(visit) => panic!("a visit: {visit:?}"),
            Period::Not(reason) => reason.render(Language::En, chrono_tz::Asia::Shanghai),
        }
    }

    fn good_week() -> Vec<DayEvidence> {
        (1..=7).map(|n| day(n, 95.0, 12, 9.5)).collect()
    }

    #[test]
    fn a_good_week_is_a_visit_with_its_evidence_sealed() {
        let Period::Visit(visit) = judge_period(&policy(), &consents(1), &good_week()) else { panic!("no visit") };
        assert_eq!((visit.from.to_string(), visit.to.to_string()), ("2026-11-01".to_owned(), "2026-11-07".to_owned()));
        assert_eq!(visit.days.len(), 7);
        assert!(visit.is_intact() && !visit.review_needed);
        let mut forged = visit.clone();
        forged.days[2].0.presence_events += 1;
        assert!(!forged.is_intact());
        let text = serde_json::to_string(&visit).unwrap();
        assert!(serde_json::from_str::<RemoteVisit>(&text).unwrap().is_intact());
    }

    #[test]
    fn one_bad_day_is_allowed_and_two_are_not() {
        let mut days = good_week();
        days[3] = day(4, 40.0, 0, 24.0);
        assert!(matches!(judge_period(&policy(), &consents(1), &days), Period::Visit(_)));
        days[5] = day(6, 95.0, 2, 9.0);
        assert_eq!(why_not(&consents(1), &days), "5 valid days of 7, 6 wanted; 1 unknown, 1 doubtful.");
    }

    #[test]
    fn a_day_without_cover_is_unknown_and_never_well() {
        let rule = policy().counts.remote;
        assert_eq!(judge_day(&rule, &day(1, 79.9, 50, 1.0)), DayVerdict::Unknown);
        assert_eq!(judge_day(&rule, &day(1, f64::NAN, 50, 1.0)), DayVerdict::Unknown);
        assert_eq!(judge_day(&rule, &day(1, 80.0, 4, 12.0)), DayVerdict::Valid);
        assert_eq!(judge_day(&rule, &day(1, 100.0, 3, 1.0)), DayVerdict::Doubtful);
        assert_eq!(judge_day(&rule, &day(1, 100.0, 9, 12.5)), DayVerdict::Doubtful);
        assert_eq!(judge_day(&rule, &day(1, 100.0, 9, f64::NAN)), DayVerdict::Doubtful);
    }

    #[test]
    fn without_consent_on_every_day_there_is_no_visit() {
        assert_eq!(
            why_not(&consents(3), &good_week()),
            "No consent to remote monitoring on 2026-11-01: nothing is learnt, counted or shared."
        );
    }

    #[test]
    fn a_missing_day_is_no_day() {
        let mut days = good_week();
        days.remove(3);
        assert_eq!(why_not(&consents(1), &days), "A period has 7 days, 6 are recorded.");
        days.insert(0, day(9, 95.0, 12, 9.5));
        assert!(why_not(&consents(1), &days).starts_with("A period has 7 days"));
    }
}
