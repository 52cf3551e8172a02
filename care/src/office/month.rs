//! A closed month: its report as it was, sealed; the league table of towns by fixed definitions (R69); and, while the
//! month runs, who will be missed if nobody goes.

use super::Record;
use crate::calendar::Month;
use crate::visit::report::{Line, MonthReport};
use crate::{ElderId, PersonId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A month of a town as it was closed, or (with an empty `area`) of the whole city with the seals of its towns. It never
/// changes; a later reading of the same month stands beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrozenMonth {
    /// Which.
    pub month: Month,
    /// 0 for the closing; 1, 2, ... for what was worked out again beside it.
    #[serde(default)]
    pub restated: u32,
    /// The town's area path; empty: the whole, with the figures of all areas and no names.
    pub area: String,
    /// The report.
    pub report: MonthReport,
    /// The seal of the report.
    pub seal: String,
    /// Of the whole: the towns and their seals.
    #[serde(default)]
    pub towns: Vec<(String, String)>,
    /// The area of everybody named in the report, as it was then.
    #[serde(default)]
    pub areas_of: BTreeMap<ElderId, String>,
    /// When.
    pub closed_at: Timestamp,
    /// Who.
    pub closed_by: PersonId,
    /// Why it was worked out again.
    #[serde(default)]
    pub reason: String,
}

impl FrozenMonth {
    /// The name of the whole, or of a town's part.
    pub fn name(month: Month, restated: u32, area: &str) -> String {
        let base = if restated == 0 { month.to_string() } else { format!("{month}.{restated}") };
        if area.is_empty() { base } else { format!("{base}/{area}") }
    }

    /// Closes a month: the whole and a part for each town (an area path cut to `depth` parts).
    pub fn close(report: &MonthReport, areas_of: &BTreeMap<ElderId, String>, depth: usize, at: Timestamp, by: &PersonId) -> Vec<Self> {
        let towns: std::collections::BTreeSet<String> = report.areas.keys().map(|area| cut(area, depth)).collect();
        let part = |area: &str, report: MonthReport, towns: Vec<(String, String)>| {
            let named = report.home_missed.iter().chain(&report.not_reached).chain(&report.remote_only).chain(&report.still_owed);
            let named = named.chain(report.exempt.iter().map(|one| &one.elder));
            Self {
                month: report.month,
                restated: 0,
                area: area.to_owned(),
                areas_of: named.filter_map(|id| Some((id.clone(), areas_of.get(id)?.clone()))).collect(),
                seal: report.seal(),
                report,
                towns,
                closed_at: at,
                closed_by: by.clone(),
                reason: String::new(),
            }
        };
        let mut parts: Vec<Self> = towns
            .iter()
            .map(|town| part(town, report.within(town, |id| areas_of.get(id).map(String::as_str)), Vec::new()))
            .collect();
        let seals = parts.iter().map(|part| (part.area.clone(), part.seal.clone())).collect();
        let nobody = report.within("", |_| None);
        parts.insert(0, part("", nobody, seals));
        parts
    }

    /// True if the report is as it was sealed.
    pub fn is_intact(&self) -> bool {
        self.seal == self.report.seal()
    }

    /// The whole with its towns' names, if every part is as it was sealed.
    pub fn whole(&self, towns: &[Self]) -> Option<MonthReport> {
        let sealed = |part: &Self| part.is_intact() && self.towns.iter().any(|(area, seal)| *area == part.area && *seal == part.seal);
        if !self.is_intact() || towns.len() != self.towns.len() || !towns.iter().all(sealed) {
            return None;
        }
        let reports: Vec<MonthReport> = towns.iter().map(|part| part.report.clone()).collect();
        MonthReport::together(&reports).or_else(|| Some(self.report.clone()))
    }
}

impl Record for FrozenMonth {
    const KIND: &'static str = "month";

    fn id(&self) -> String {
        Self::name(self.month, self.restated, &self.area)
    }
    fn area(&self) -> &str {
        &self.area
    }
    fn at(&self) -> Timestamp {
        super::order_of(self.month.first())
    }
    fn state(&self) -> &'static str {
        if self.restated == 0 { "closed" } else { "restated" }
    }
}

/// The first parts of an area path.
fn cut(area: &str, depth: usize) -> String {
    area.split('/').take(depth).collect::<Vec<_>>().join("/")
}

/// A place in the league table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ranked {
    /// From 1; the same figures share a place.
    pub place: u32,
    /// The town's area path.
    pub area: String,
    /// Its figures.
    pub line: Line,
}

/// The definitions that the table prints below itself: what it goes by, in this order.
pub const LEAGUE_BY: &[(&str, &str)] = &[
    ("上门达标率：本月结束的全部上门周期均已完成的老人数 ÷ 应上门老人数", "home visits: elders with every home window that ended in the month met, of those owed one"),
    ("月探访率：本月以任一计入方式探访到的老人数 ÷ 应探访老人数", "reach: elders reached in any counted mode, of those to be reached"),
    ("同分者以仅靠远程监测的人数少者在前", "equal shares: fewer reached by remote monitoring only go first"),
];

/// The league table: areas cut to `depth` parts of their path (2: towns of a city), the best first. Shares are compared
/// exactly, not as they are printed; an area to which nothing was owed stands last.
pub fn league(report: &MonthReport, depth: usize) -> Vec<Ranked> {
    let mut towns: BTreeMap<String, Line> = BTreeMap::new();
    for (area, line) in &report.areas {
        towns.entry(cut(area, depth)).or_default().add(line);
    }
    let share = |part: u32, whole: u32| (whole > 0).then_some((part, whole));
    let order = |a: Option<(u32, u32)>, b: Option<(u32, u32)>| match (a, b) {
        (Some((a, of_a)), Some((b, of_b))) => (u64::from(b) * u64::from(of_a)).cmp(&(u64::from(a) * u64::from(of_b))),
        (Some(_), None) => std::cmp::Ordering::Less,
        (None, Some(_)) => std::cmp::Ordering::Greater,
        (None, None) => std::cmp::Ordering::Equal,
    };
    let compare = |a: &Line, b: &Line| {
        order(share(a.home_met, a.home_owed), share(b.home_met, b.home_owed))
            .then_with(|| order(share(a.reach_met, a.reach_owed), share(b.reach_met, b.reach_owed)))
            .then_with(|| a.remote_only.cmp(&b.remote_only))
    };
    let mut rows: Vec<(String, Line)> = towns.into_iter().collect();
    rows.sort_by(|(area_a, a), (area_b, b)| compare(a, b).then_with(|| area_a.cmp(area_b)));
    let mut table: Vec<Ranked> = Vec::new();
    for (n, (area, line)) in rows.into_iter().enumerate() {
        let place = match table.last() {
            Some(before) if compare(&before.line, &line).is_eq() => before.place,
            Some(_) | None => u32::try_from(n + 1).unwrap_or(u32::MAX),
        };
        table.push(Ranked { place, area, line });
    }
    table
}

/// What a running month comes to if nobody goes any more (R2): who will be missed, named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    /// A home visit of a window that is over was missed: nothing can be done any more.
    pub lost: Vec<ElderId>,
    /// Will miss unless somebody goes.
    pub will_miss: Vec<ElderId>,
    /// Will not be reached in the month unless somebody does something.
    pub not_reached: Vec<ElderId>,
}

/// The forecast that a report of a running month holds.
pub fn forecast(report: &MonthReport) -> Forecast {
    Forecast { lost: report.home_missed.clone(), will_miss: report.still_owed.clone(), not_reached: report.not_reached.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(home_met: u32, home_owed: u32, remote_only: u32) -> Line {
        Line { elders: home_owed, home_owed, home_met, reach_owed: home_owed, reach_met: home_owed, remote_only, ..Line::default() }
    }

    #[test]
    fn towns_stand_by_exact_shares_and_share_a_place() {
        let mut report: MonthReport = serde_json::from_value(serde_json::json!({
            "month": "2026-11", "as_of": "2026-11-30", "policies": [], "total": Line::default(), "areas": {}, "home_missed": [],
            "not_reached": [], "remote_only": [], "exempt": [], "still_owed": [], "unconfirmed": []
        }))
        .unwrap();
        report.areas = BTreeMap::from([
            ("c/a/1".into(), line(99_998, 99_999, 0)),
            ("c/b/1".into(), line(99_999, 100_000, 0)),
            ("c/d/1".into(), line(10, 10, 1)),
            ("c/d/2".into(), line(10, 10, 0)),
            ("c/e/1".into(), line(20, 20, 1)),
            ("c/f/1".into(), line(0, 0, 0)),
        ]);
        let table: Vec<(u32, String)> = league(&report, 2).into_iter().map(|row| (row.place, row.area)).collect();
        assert_eq!(
            table,
            [(1, "c/d".into()), (1, "c/e".into()), (3, "c/b".into()), (4, "c/a".into()), (5, "c/f".into())]
        );
    }
}
