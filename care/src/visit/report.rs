//! The month report: home visits done, reached by any mode, reached by remote monitoring only, devices
//! covered (R2, R78), by area and in all, with the names of the missing. Percentages are cut, never rounded
//! up: 100 % stands only where nobody is missing. A frozen month is this value, stored with its seal.

use super::{Duty, ElderOwed, Exempt, Facts, Owed, State};
use crate::ElderId;
use crate::calendar::{Month, local_day};
use crate::policy::{Mode, PolicySet, unconfirmed_notes};
use crate::Language;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Proven cover of an elder's devices in the month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CoverDays {
    /// Days on which devices were there.
    pub with_devices: u32,
    /// Of these, days with proven cover; the others are unknown.
    pub covered: u32,
}

/// The figures of an area, or of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Line {
    /// Elders in a tier in the month.
    pub elders: u32,
    /// Elders to whom a home visit was owed in windows that ended in the month.
    pub home_owed: u32,
    /// Of these, elders with every such window met.
    pub home_met: u32,
    /// Elders to be reached in the month.
    pub reach_owed: u32,
    /// Of these, elders who were reached in any mode.
    pub reach_met: u32,
    /// Of these, elders reached by remote monitoring only.
    pub remote_only: u32,
    /// Elders to whom nothing was owed all month: out of every denominator, and named.
    pub exempt: u32,
    /// Proven cover.
    pub cover: CoverDays,
}

impl Line {
    /// Adds the figures of another area.
    pub fn add(&mut self, other: &Self) {
        self.elders += other.elders;
        self.home_owed += other.home_owed;
        self.home_met += other.home_met;
        self.reach_owed += other.reach_owed;
        self.reach_met += other.reach_met;
        self.remote_only += other.remote_only;
        self.exempt += other.exempt;
        self.cover.with_devices += other.cover.with_devices;
        self.cover.covered += other.cover.covered;
    }
}

/// A share as it is printed: tenths of a percent, cut; a dash where nobody is owed anything.
pub fn percent(part: u32, whole: u32) -> String {
    match (u64::from(part) * 1000).checked_div(u64::from(whole)) {
        None => "—".to_owned(),
        Some(tenths) => format!("{}.{}%", tenths / 10, tenths % 10),
    }
}

/// Why an elder is out of the denominators.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ExemptElder {
    /// Who.
    pub elder: ElderId,
    /// `enrolled`, `no_consent`, or the suspension's reason.
    pub why: String,
}

/// The report of a month.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MonthReport {
    /// Which.
    pub month: Month,
    /// The day at whose end the facts were known.
    pub as_of: NaiveDate,
    /// The versions that judged, with the hashes of their files.
    pub policies: Vec<(String, String)>,
    /// The figures of all.
    pub total: Line,
    /// By area.
    pub areas: BTreeMap<String, Line>,
    /// A home visit was owed and not made in a window that is over.
    pub home_missed: Vec<ElderId>,
    /// To be reached, and not reached.
    pub not_reached: Vec<ElderId>,
    /// Reached by remote monitoring only (VIS-2: named, never hidden in the rate).
    pub remote_only: Vec<ElderId>,
    /// Nothing was owed all month.
    pub exempt: Vec<ExemptElder>,
    /// Still owed in the days that are left, while the month runs: who will be missing if nobody goes.
    pub still_owed: Vec<ElderId>,
    /// Readings of the document that no office has confirmed.
    pub unconfirmed: Vec<String>,
}

impl MonthReport {
    /// Sums up a month from what `evaluate` found at the end of `as_of`.
    pub fn new(
        set: &PolicySet,
        facts: &Facts,
        elders: &[ElderOwed<'_>],
        month: Month,
        as_of: NaiveDate,
        cover: &BTreeMap<ElderId, CoverDays>,
    ) -> Self {
        let policies = set.versions().iter().filter(|policy| policy.effective_from <= month.last());
        let mut report = Self {
            month,
            as_of,
            policies: policies.map(|policy| (policy.version.clone(), policy.hash.clone())).collect(),
            total: Line::default(),
            areas: BTreeMap::new(),
            home_missed: Vec::new(),
            not_reached: Vec::new(),
            remote_only: Vec::new(),
            exempt: Vec::new(),
            still_owed: Vec::new(),
            unconfirmed: set.on(month.last()).map(|p| unconfirmed_notes(p, Language::Zh)).unwrap_or_default(),
        };
        for elder in elders {
            report.elder(facts, elder, cover);
        }
        report
    }

    /// A report without any elder yet, of the same month and policies.
    fn empty(&self) -> Self {
        Self {
            month: self.month,
            as_of: self.as_of,
            policies: self.policies.clone(),
            total: Line::default(),
            areas: BTreeMap::new(),
            home_missed: Vec::new(),
            not_reached: Vec::new(),
            remote_only: Vec::new(),
            exempt: Vec::new(),
            still_owed: Vec::new(),
            unconfirmed: self.unconfirmed.clone(),
        }
    }

    /// The part of it that lies within an area (its path, and below); `area_of` says where each named elder belongs.
    #[must_use]
    pub fn within<'a>(&self, path: &str, area_of: impl Fn(&ElderId) -> Option<&'a str>) -> Self {
        let inside = |area: &str| path.is_empty() || area.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let here = |ids: &[ElderId]| ids.iter().filter(|id| area_of(id).is_some_and(inside)).cloned().collect();
        let mut part = self.empty();
        for (area, line) in self.areas.iter().filter(|(area, _)| inside(area)) {
            part.total.add(line);
            part.areas.insert(area.clone(), *line);
        }
        part.home_missed = here(&self.home_missed);
        part.not_reached = here(&self.not_reached);
        part.remote_only = here(&self.remote_only);
        part.still_owed = here(&self.still_owed);
        part.exempt = self.exempt.iter().filter(|one| area_of(&one.elder).is_some_and(inside)).cloned().collect();
        part
    }

    /// Reports of areas that do not overlap, put together: the names in order.
    pub fn together(parts: &[Self]) -> Option<Self> {
        let mut whole = parts.first()?.empty();
        for part in parts {
            whole.total.add(&part.total);
            for (area, line) in &part.areas {
                whole.areas.entry(area.clone()).or_default().add(line);
            }
            whole.home_missed.extend(part.home_missed.iter().cloned());
            whole.not_reached.extend(part.not_reached.iter().cloned());
            whole.remote_only.extend(part.remote_only.iter().cloned());
            whole.still_owed.extend(part.still_owed.iter().cloned());
            whole.exempt.extend(part.exempt.iter().cloned());
        }
        for ids in [&mut whole.home_missed, &mut whole.not_reached, &mut whole.remote_only, &mut whole.still_owed] {
            ids.sort();
        }
        whole.exempt.sort();
        Some(whole)
    }

    fn elder(&mut self, facts: &Facts, of: &ElderOwed<'_>, cover: &BTreeMap<ElderId, CoverDays>) {
        let days = self.month.window();
        let ended: Vec<&Owed<'_>> = of
            .owed
            .iter()
            .filter(|owed| matches!(owed.duty, Duty::Regular(_)) && days.contains(owed.window.last))
            .collect();
        let touching = || {
            let regular = of.owed.iter().filter(|owed| matches!(owed.duty, Duty::Regular(_)));
            regular.filter(|owed| owed.window.shared(&days) > 0)
        };
        if touching().next().is_none() {
            return;
        }
        let id = &of.elder.id;
        let mut line = Line { elders: 1, cover: cover.get(id).copied().unwrap_or_default(), ..Line::default() };

        let home: Vec<&&Owed<'_>> =
            ended.iter().filter(|owed| owed.duty.modes().home_only() && owed.state != State::Exempt).collect();
        if !home.is_empty() {
            line.home_owed = 1;
            line.home_met = u32::from(home.iter().all(|owed| owed.met()));
        }
        if home.iter().any(|owed| owed.state == State::Overdue) {
            self.home_missed.push(id.clone());
        }

        // A policy with a target names what "reached" means; without one, any counted contact reaches.
        let targeted = |owed: &&Owed<'_>| matches!(owed.duty, Duty::Regular(duty) if duty.target_pct.is_some());
        let reach: Vec<&Owed<'_>> = ended.iter().copied().filter(|owed| targeted(owed)).collect();
        let named = touching().any(|owed| targeted(&owed));
        let pool: Vec<&Owed<'_>> = if named { reach } else { touching().collect() };
        let mut modes = BTreeSet::new();
        for owed in &pool {
            for place in &owed.counted {
                let contact = usize::try_from(*place).ok().and_then(|place| facts.contacts.get(place));
                modes.extend(
                    contact.filter(|c| days.contains(local_day(c.start, owed.policy.zone))).map(|contact| contact.mode),
                );
            }
        }
        let asked = pool.iter().any(|owed| owed.state != State::Exempt);
        let reached = if named { asked && pool.iter().filter(|o| o.state != State::Exempt).all(|o| o.met()) } else { !modes.is_empty() };
        if asked {
            line.reach_owed = 1;
            line.reach_met = u32::from(reached);
            if !reached {
                self.not_reached.push(id.clone());
            } else if modes.iter().all(|mode| *mode == Mode::Remote) {
                line.remote_only = 1;
                self.remote_only.push(id.clone());
            }
        }
        if touching().all(|owed| owed.state == State::Exempt) {
            line.exempt = 1;
            let why = touching().find_map(|owed| owed.exempt.as_ref()).map_or("enrolled", |exempt| match exempt {
                Exempt::Enrolled { .. } => "enrolled",
                Exempt::NoConsent { .. } => "no_consent",
                Exempt::Suspended { reason, .. } => reason,
            });
            self.exempt.push(ExemptElder { elder: id.clone(), why: why.to_owned() });
        }
        if ended.iter().any(|owed| owed.state == State::Due) {
            self.still_owed.push(id.clone());
        }
        self.total.add(&line);
        if let Some(area) = &of.elder.area {
            self.areas.entry(area.clone()).or_default().add(&line);
        }
    }

    /// SHA-256 of the report, hex: what a closed month is known by.
    pub fn seal(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        Sha256::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
    }

    /// The report as lines of text, with its footnotes.
    pub fn show(&self, language: Language) -> String {
        let zh = language == Language::Zh;
        let mut out = String::new();
        let mut line = |text: String| {
            out.push_str(&text);
            out.push('\n');
        };
        line(if zh {
            format!("{} 月报（截至 {}）", self.month, self.as_of)
        } else {
            format!("Report of {} (as of {})", self.month, self.as_of)
        });
        line(
            if zh { "地区\t人数\t上门达标\t月探访率（任一方式）\t其中仅远程\t设备在线覆盖\t免访" } else {
                "area\telders\thome visits\treached by any mode\tof these remote only\tdevice cover\texempt"
            }
            .to_owned(),
        );
        let row = |name: &str, line: &Line| {
            format!(
                "{name}\t{}\t{}/{} {}\t{}/{} {}\t{}\t{}\t{}",
                line.elders,
                line.home_met,
                line.home_owed,
                percent(line.home_met, line.home_owed),
                line.reach_met,
                line.reach_owed,
                percent(line.reach_met, line.reach_owed),
                line.remote_only,
                percent(line.cover.covered, line.cover.with_devices),
                line.exempt
            )
        };
        for (area, figures) in &self.areas {
            line(row(area, figures));
        }
        line(row(if zh { "合计" } else { "all" }, &self.total));
        let names = |ids: &[ElderId]| ids.iter().map(ElderId::as_str).collect::<Vec<_>>().join(" ");
        for (zh_title, en_title, ids) in [
            ("上门未达标", "home visit missed", &self.home_missed),
            ("未探访", "not reached", &self.not_reached),
            ("仅远程监测", "reached by remote monitoring only", &self.remote_only),
            ("本月仍须探访", "still owed this month", &self.still_owed),
        ] {
            if !ids.is_empty() {
                line(format!("{} {}: {}", if zh { zh_title } else { en_title }, ids.len(), names(ids)));
            }
        }
        if !self.exempt.is_empty() {
            let list: Vec<String> = self.exempt.iter().map(|exempt| format!("{}({})", exempt.elder, exempt.why)).collect();
            line(format!("{} {}: {}", if zh { "免访" } else { "exempt" }, list.len(), list.join(" ")));
        }
        for note in &self.unconfirmed {
            line(format!("* {note}"));
        }
        for (version, hash) in &self.policies {
            line(format!("{} {version} {hash}", if zh { "政策版本" } else { "policy version" }));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;
    use crate::visit::evaluate;

    fn report(name: &str, facts: &str, month: &str) -> MonthReport {
        let text = match name {
            "jinjiang" => include_str!("../../../docs/policies/jinjiang.toml"),
            _ => include_str!("../../../docs/policies/inner-mongolia.toml"),
        };
        let set = PolicySet::from(Policy::load(text).unwrap().policy);
        let facts = Facts::read(facts).unwrap().facts;
        let as_of = facts.as_of.unwrap();
        let owed = evaluate(&set, &facts, as_of);
        let cover = BTreeMap::from([(ElderId::from("remote"), CoverDays { with_devices: 30, covered: 29 })]);
        MonthReport::new(&set, &facts, &owed, month.parse().unwrap(), as_of, &cover)
    }

    const FACTS: &str = r#"{"as_of":"2026-11-30","elders":[
        {"id":"met","born":"1950-01-01","categories":["no_kin"],"enrolled_on":"2026-01-01","area":"A"},
        {"id":"half","born":"1950-01-01","categories":["no_kin"],"enrolled_on":"2026-01-01","area":"A"},
        {"id":"remote","born":"1950-01-01","categories":["empty_nest"],"enrolled_on":"2026-01-01","area":"B","consents":["enrolment","remote"]},
        {"id":"none","born":"1950-01-01","categories":["empty_nest"],"enrolled_on":"2026-01-01","area":"B"},
        {"id":"away","born":"1950-01-01","categories":["empty_nest"],"enrolled_on":"2026-01-01","area":"B",
         "suspensions":[{"reason":"hospital","from":"2026-10-01"}]},
        {"id":"young","born":"1980-01-01","categories":["empty_nest"],"enrolled_on":"2026-01-01","area":"B"}],
      "contacts":[
        {"id":"1","elder":"met","mode":"home","start":"2026-11-02T09:00:00+08:00","outcome":"met","signed":true},
        {"id":"2","elder":"met","mode":"home","start":"2026-11-20T09:00:00+08:00","outcome":"met","signed":true},
        {"id":"3","elder":"half","mode":"home","start":"2026-11-20T09:00:00+08:00","outcome":"met","signed":true},
        {"id":"4","elder":"remote","mode":"remote","start":"2026-11-07T09:00:00+08:00","outcome":"met"}]}"#;

    #[test]
    fn the_four_columns_stand_apart_and_the_missing_are_named() {
        let report = report("jinjiang", FACTS, "2026-11");
        let line = report.total;
        assert_eq!((line.elders, line.exempt), (5, 1));
        assert_eq!((line.home_owed, line.home_met), (4, 1));
        assert_eq!((line.reach_owed, line.reach_met, line.remote_only), (4, 3, 1));
        assert_eq!(report.areas["A"].home_met, 1);
        let ids = |list: &[ElderId]| list.iter().map(ElderId::as_str).collect::<Vec<_>>().join(" ");
        assert_eq!(ids(&report.home_missed), "half none remote");
        assert_eq!(ids(&report.not_reached), "none");
        assert_eq!(ids(&report.remote_only), "remote");
        assert_eq!(report.exempt, [ExemptElder { elder: "away".into(), why: "hospital".to_owned() }]);
        let text = report.show(Language::Zh);
        assert!(text.contains("合计\t5\t1/4 25.0%\t3/4 75.0%\t1\t96.6%\t1"), "{text}");
        assert!(text.contains("* I-05"), "unconfirmed readings stand under every report: {text}");
    }

    #[test]
    fn without_a_target_any_counted_contact_reaches() {
        let report = report("inner-mongolia", FACTS, "2026-11");
        // No remote here, and no home visit ends its quarter in November.
        assert_eq!((report.total.reach_owed, report.total.reach_met, report.total.remote_only), (2, 0, 0));
        assert_eq!(report.total.home_owed, 0);
    }

    #[test]
    fn a_share_is_cut_and_never_rounded_up_to_a_hundred() {
        assert_eq!(percent(99_999, 100_000), "99.9%");
        assert_eq!(percent(3, 3), "100.0%");
        assert_eq!(percent(0, 3), "0.0%");
        assert_eq!(percent(0, 0), "—");
    }

    #[test]
    fn while_the_month_runs_who_is_still_owed_is_named() {
        let running = FACTS.replace("\"as_of\":\"2026-11-30\"", "\"as_of\":\"2026-11-10\"");
        let report = report("jinjiang", &running, "2026-11");
        let ids: Vec<&str> = report.still_owed.iter().map(ElderId::as_str).collect();
        assert_eq!(ids, ["half", "none", "remote"]);
        assert!(report.home_missed.is_empty());
    }

    #[test]
    fn the_same_facts_give_the_same_seal() {
        assert_eq!(report("jinjiang", FACTS, "2026-11").seal(), report("jinjiang", FACTS, "2026-11").seal());
    }
}
