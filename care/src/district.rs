//! One cause for many homes: when most homes of an area fall silent at the same time, their power or their network is
//! cut, and operators are told once, of the area, instead of once for each home.

use crate::area::within;
use crate::reason::Row;
use crate::{Cause, Reason, TimeDelta, Timestamp};
use std::collections::BTreeMap;

/// Homes that fall silent within this time of each other may have one cause.
const TOGETHER: TimeDelta = TimeDelta::minutes(15);
/// Fewer homes than this are told one by one.
const HOMES_MIN: usize = 5;
/// The cause of an alarm about an area is `technical/district_silent/{area}`.
const CAUSE: &str = "district_silent/";

/// The reasons of this module.
pub(crate) const REASONS: &[Row] = &[
    ("over_district", "{at} 起该片区各户均已恢复。", "Since {at} every home of the area is back."),
    (
        "district_power",
        "{area}：{count} 户（该片区共 {watched} 户）自 {since} 起同时断电或失联，其中 {mains} 户的设备报告市电已断、改用电池：该片区停电。失联各户恢复前的静默不作判断；呼叫、跌倒、烟雾、燃气照常处置。",
        "{area}: {count} of {watched} homes have no mains power or cannot be heard since {since}; in {mains} of them a device says that it runs on battery: the power is cut. The silence of those that cannot be heard is not judged until they are back; calls, falls, smoke and gas are answered as ever.",
    ),
    (
        "district_silent",
        "{area}：{count} 户（该片区共 {watched} 户）自 {since} 起同时失联，可能停电或断网。恢复前各户的静默不作判断；呼叫、跌倒、烟雾、燃气照常处置。",
        "{area}: {count} of {watched} homes cannot be heard since {since}: power or network is probably cut. Their silence is not judged until they are back; calls, falls, smoke and gas are answered as ever.",
    ),
];

/// What is known of a home in the dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dark {
    /// It cannot be heard: its power may be cut, or its network.
    Unheard,
    /// A device says that the mains are gone.
    NoMains,
}

/// A home that cannot be heard, or has no mains power.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blind {
    /// The area path it lies in, `350582/meiling/guishan`; one without area belongs to no district.
    pub area: String,
    /// Since when.
    pub since: Timestamp,
    /// How that is known.
    pub dark: Dark,
}

/// An area most of whose homes fell silent together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct District {
    /// Its path.
    pub area: String,
    /// How many of its homes.
    pub count: usize,
    /// Of how many.
    pub watched: usize,
    /// In how many of them a device says that the mains are gone.
    pub no_mains: usize,
    /// Since when: the first of them.
    pub since: Timestamp,
}

impl District {
    /// What an alarm about it is about. One area has at most one open alarm.
    pub fn cause(&self) -> Cause {
        Cause::Technical(format!("{CAUSE}{}", self.area))
    }

    /// Why, with the area's name as people know it.
    pub fn reason(&self, name: &str) -> Reason {
        let number = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
        let reason = if self.no_mains > 0 {
            Reason::new("district_power").number("mains", number(self.no_mains))
        } else {
            Reason::new("district_silent")
        };
        let reason = reason
            .text("area", name)
            .time("since", self.since);
        reason
            .number("count", number(self.count))
            .number("watched", number(self.watched))
    }
}

/// The area that an alarm stands for, if it is about one.
pub fn area_of(cause: &Cause) -> Option<&str> {
    match cause {
        Cause::Technical(what) => what.strip_prefix(CAUSE),
        Cause::Call
        | Cause::Fall
        | Cause::Smoke
        | Cause::Gas
        | Cause::CarbonMonoxide
        | Cause::WaterLeak
        | Cause::Inactivity
        | Cause::Anomaly(_) => None,
    }
}

/// True for the alarms that an alarm about their area stands for.
pub fn is_symptom(cause: &Cause) -> bool {
    dark(cause).is_some()
}

/// What an alarm of a home says about its power and its being heard.
pub fn dark(cause: &Cause) -> Option<Dark> {
    let Cause::Technical(what) = cause else { return None };
    match what.as_str() {
        "hub_offline" => Some(Dark::Unheard),
        "power_cut" => Some(Dark::NoMains),
        _ => None,
    }
}

/// The areas more than half of whose homes (and five at least) fell silent within fifteen minutes: the largest for which
/// it holds, but its one dark part where the others are lit, and none within it. `watched` counts the homes that lie
/// directly in each area.
pub fn districts(blind: &[Blind], watched: &BTreeMap<String, usize>) -> Vec<District> {
    let mut gone: BTreeMap<&str, Vec<(Timestamp, Dark)>> = BTreeMap::new();
    for home in blind {
        for area in upward(&home.area) {
            gone.entry(area).or_default().push((home.since, home.dark));
        }
    }
    let dark: BTreeMap<&str, District> = gone.into_iter().filter_map(|(area, since)| Some((area, together(area, since, watched)?))).collect();
    let mut out: Vec<District> = Vec::new();
    // a path sorts before all that lie within it
    for area in dark.keys() {
        if out.iter().any(|found| within(area, &found.area)) {
            continue;
        }
        let mut found = dark.get(area);
        while let Some(part) = found.and_then(|district| only_part(district, blind, &dark)) {
            found = Some(part);
        }
        out.extend(found.filter(|district| district.count >= HOMES_MIN && !out.contains(district)).cloned());
    }
    out
}

/// More than half of the homes of an area, together.
fn together(area: &str, mut since: Vec<(Timestamp, Dark)>, watched: &BTreeMap<String, usize>) -> Option<District> {
    since.sort_unstable();
    let all = watched.iter().filter(|(path, _)| within(path, area)).map(|(_, homes)| homes).sum();
    let homes = most_together(&since);
    let (count, no_mains) = (homes.len(), homes.iter().filter(|(_, dark)| *dark == Dark::NoMains).count());
    (count * 2 > all).then_some(District { area: area.to_owned(), count, watched: all, no_mains, since: homes.first()?.0 })
}

/// The one part of an area that is dark, if no other is and no home that lies in no part.
fn only_part<'a>(district: &District, blind: &[Blind], dark: &'a BTreeMap<&str, District>) -> Option<&'a District> {
    let is_part = |path: &str| path.rsplit_once('/').is_some_and(|(around, _)| around == district.area);
    let mut parts = dark.iter().filter(|(path, _)| is_part(path)).map(|(_, part)| part);
    let part = parts.next().filter(|part| part.count >= HOMES_MIN)?;
    let alone = parts.next().is_none() && !blind.iter().any(|home| home.area == district.area);
    alone.then_some(part)
}

/// An area and those around it, `a/b/c`, `a/b`, `a`.
fn upward(area: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(area).filter(|area| !area.is_empty()), |area| {
        area.rsplit_once('/').map(|(around, _)| around)
    })
}

/// The most that lie together. `since` is sorted.
fn most_together(since: &[(Timestamp, Dark)]) -> &[(Timestamp, Dark)] {
    let mut best: &[(Timestamp, Dark)] = &[];
    for (n, (first, _)) in since.iter().enumerate() {
        let from = since.get(n..).unwrap_or_default();
        let count = from.iter().take_while(|(at, _)| *at - *first <= TOGETHER).count();
        if count > best.len() {
            best = from.get(..count).unwrap_or_default();
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        "2026-11-23T00:00:00Z".parse::<Timestamp>().unwrap() + TimeDelta::minutes(minute)
    }

    fn gone(area: &str, minutes: impl IntoIterator<Item = i64>) -> Vec<Blind> {
        minutes
            .into_iter()
            .map(|minute| Blind {
                area: area.to_owned(),
                since: at(minute),
                dark: Dark::Unheard,
            })
            .collect()
    }

    fn watched(areas: &[(&str, usize)]) -> BTreeMap<String, usize> {
        areas
            .iter()
            .map(|(area, homes)| ((*area).to_owned(), *homes))
            .collect()
    }

    fn told(blind: &[Blind], areas: &[(&str, usize)]) -> Vec<(String, usize, usize)> {
        districts(blind, &watched(areas))
            .into_iter()
            .map(|d| (d.area, d.count, d.watched))
            .collect()
    }

    #[test]
    fn most_homes_of_an_area_at_once_are_one_district() {
        let areas = [("c/v1", 10), ("c/v2", 40)];
        assert_eq!(
            told(&gone("c/v1", 0..7), &areas),
            [("c/v1".to_owned(), 7, 10)]
        );
        assert_eq!(told(&gone("c/v1", 0..5), &areas), [], "half is not most");
        assert_eq!(
            told(&gone("c/v1", (0..7).map(|n| n * 16)), &areas),
            [],
            "one after another is no cut"
        );
        assert_eq!(
            told(&gone("c/v1", 0..4), &[("c/v1", 4)]),
            [],
            "four homes are told one by one"
        );
        assert_eq!(
            told(&gone("", 0..9), &[("", 9)]),
            [],
            "who lies nowhere belongs to no district"
        );
    }

    #[test]
    fn the_largest_area_is_told_and_none_within_it() {
        let areas = [("c/v1/g1", 6), ("c/v1/g2", 6), ("c/v2", 100)];
        let both: Vec<_> = gone("c/v1/g1", [0; 6])
            .into_iter()
            .chain(gone("c/v1/g2", [3; 5]))
            .collect();
        assert_eq!(told(&both, &areas), [("c/v1".to_owned(), 11, 12)]);
        assert_eq!(
            told(&gone("c/v1/g1", [0; 6]), &areas),
            [("c/v1/g1".to_owned(), 6, 6)],
            "half of the village is a part of it"
        );
        assert_eq!(
            told(&gone("c/v", [0; 6]), &[("c/v", 6), ("c/v10", 90)]),
            [("c/v".to_owned(), 6, 6)],
            "a name that begins alike lies elsewhere"
        );
    }

    #[test]
    fn one_dark_part_beside_lit_ones_is_named_itself() {
        let areas = [("c/v1", 8), ("c/v2", 3)];
        assert_eq!(told(&gone("c/v1", [0; 8]), &areas), [("c/v1".to_owned(), 8, 8)], "most of the city, but only the village is dark");
        let one_more: Vec<_> = gone("c/v1", [0; 8]).into_iter().chain(gone("c/v2", [2])).collect();
        assert_eq!(told(&one_more, &areas), [("c/v1".to_owned(), 8, 8)], "whatever befell one home elsewhere");
        let small = [("c/v/g1", 2), ("c/v/g2", 2), ("c/v/g3", 2)];
        let all: Vec<_> = ["c/v/g1", "c/v/g2", "c/v/g3"].iter().flat_map(|area| gone(area, [0; 2])).collect();
        assert_eq!(told(&all, &small), [("c/v".to_owned(), 6, 6)], "a village of small grids");
    }

    #[test]
    fn homes_that_say_that_the_mains_are_gone_are_evidence_and_are_named() {
        let mut blind = gone("c/v1", 0..7);
        assert_eq!(districts(&blind, &watched(&[("c/v1", 10)])).first().unwrap().reason("V").code, "district_silent");
        for home in blind.iter_mut().take(5) {
            home.dark = Dark::NoMains;
        }
        let found = districts(&blind, &watched(&[("c/v1", 10)]));
        let told = found.first().unwrap().reason("V").render(crate::Language::En, chrono_tz::UTC);
        assert!(told.starts_with("V: 7 of 10 homes have no mains power or cannot be heard since 00:00; in 5 of them"), "{told}");
        assert_eq!(dark(&Cause::Technical("power_cut".into())), Some(Dark::NoMains));
    }

    #[test]
    fn its_alarm_names_the_area() {
        let found = districts(&gone("c/v1", 2..9), &watched(&[("c/v1", 8)]));
        let district = found.first().unwrap();
        assert_eq!(
            (area_of(&district.cause()), district.since),
            (Some("c/v1"), at(2))
        );
        assert_eq!(
            crate::reason::cause_name(&district.cause(), crate::Language::En),
            "Area cannot be heard"
        );
        assert!(
            !is_symptom(&district.cause()) && is_symptom(&Cause::Technical("hub_offline".into()))
        );
    }
}
