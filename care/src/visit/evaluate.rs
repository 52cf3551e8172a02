//! From policy and facts to what is owed: windows, tiers, counted contacts, states.
//!
//! - A window is judged by the version in force on its first day, and by the elder's tier on that day.
//! - A contact belongs to the window in which it began, in local time; what was entered after the day
//!   of the evaluation is not known yet.
//! - A window that the elder was enrolled, suspended or resumed in is owed if enough of its days remain (I-09).
//! - Nothing but `satisfies` lets remote monitoring count, and never without consent (VIS-2, VIS-3).

use super::{
    Because, Contact, Duty, Elder, ElderOwed, Event, Exempt, Facts, Gap, GapWhen, LeftOut, Moment, Owed, State,
};
use crate::Timestamp;
use crate::calendar::{Window, WindowKind, age_on, birthday, day_after, end_of_day, festivals, local_day, plus_days};
use crate::policy::{Few, FirstWindow, Mode, OnRefusal, Policy, PolicySet, Standing, Trigger};
use chrono::NaiveDate;
use chrono_tz::Tz;
use std::collections::BTreeMap;

/// What is owed to every elder, in the order of their ids, at the end of a day.
pub fn evaluate<'a>(set: &'a PolicySet, facts: &'a Facts, as_of: NaiveDate) -> Vec<ElderOwed<'a>> {
    let contacts = Contacts::new(set, facts, as_of);
    let mut elders: Vec<&Elder> = facts.elders.iter().collect();
    elders.sort_by(|a, b| a.id.cmp(&b.id));
    let earliest = elders.iter().map(|elder| elder.enrolled_on).min().unwrap_or(as_of);
    let judges = Judge::all(set, facts, earliest, as_of);
    elders.into_iter().map(|elder| owed(&judges, set, elder, contacts.of(elder), as_of)).collect()
}

/// The same for windows that end on a day or later only: what a report of a month needs of a city. Holes between visits
/// are seen from the first such window on.
pub fn evaluate_since<'a>(
    set: &'a PolicySet,
    facts: &'a Facts,
    wanted: impl Fn(&Elder) -> bool,
    since: NaiveDate,
    as_of: NaiveDate,
) -> Vec<ElderOwed<'a>> {
    let mut elders: Vec<&Elder> = facts.elders.iter().filter(|elder| wanted(elder)).collect();
    elders.sort_by(|a, b| a.id.cmp(&b.id));
    let earliest = elders.iter().map(|elder| elder.enrolled_on).min().unwrap_or(as_of).max(since);
    let judges = Judge::all(set, facts, earliest, as_of);
    // A window that ends then or later began at most so many days before; what lies before that is not looked at.
    let contacts = Contacts::within(set, facts, plus_days(since, -longest_window(set)), as_of);
    let late = |owed: &Owed<'_>| owed.window.last >= since;
    elders
        .into_iter()
        .map(|elder| {
            let mut of = owed(&judges, set, elder, contacts.of(elder), as_of);
            of.owed.retain(late);
            of
        })
        .collect()
}

/// No window of these policies is longer, days.
fn longest_window(set: &PolicySet) -> i64 {
    let regular = |kind: WindowKind| match kind {
        WindowKind::Day => 1,
        WindowKind::Week => 7,
        WindowKind::HalfMonth => 16,
        WindowKind::Month => 31,
        WindowKind::Quarter => 92,
        WindowKind::Rolling { days } => i64::from(days),
    };
    let policies = || set.versions().iter();
    let duties = policies().flat_map(|policy| &policy.obligations).map(|duty| regular(duty.window));
    let extras = policies().flat_map(|policy| &policy.extras).map(|extra| i64::from(extra.days_before) + i64::from(extra.within_hours) / 24 + 2);
    duties.chain(extras).max().unwrap_or(0)
}

/// The same for one elder (with the contacts at hand).
pub fn evaluate_elder<'a>(
    set: &'a PolicySet,
    facts: &'a Facts,
    contacts: &Contacts<'_>,
    elder: &'a Elder,
    as_of: NaiveDate,
) -> ElderOwed<'a> {
    owed(&Judge::all(set, facts, elder.enrolled_on, as_of), set, elder, contacts.of(elder), as_of)
}

/// A contact that is known, on its local day.
#[derive(Debug, Clone, Copy)]
struct Seen<'a> {
    place: u32,
    day: NaiveDate,
    days_until_entered: i64,
    contact: &'a Contact,
}

/// The contacts known at the end of a day, by elder, in the order of their start.
#[derive(Debug, Clone)]
pub struct Contacts<'a> {
    by_elder: BTreeMap<&'a str, Vec<Seen<'a>>>,
}

impl<'a> Contacts<'a> {
    /// Sorts the contacts of the facts; those that began or were entered after the day are left out.
    pub fn new(set: &PolicySet, facts: &'a Facts, as_of: NaiveDate) -> Self {
        Self::within(set, facts, NaiveDate::MIN, as_of)
    }

    /// The same without those that began before a day.
    fn within(set: &PolicySet, facts: &'a Facts, from: NaiveDate, as_of: NaiveDate) -> Self {
        let zone = set.on(as_of).map_or(Tz::UTC, |policy| policy.zone);
        let end = end_of_day(as_of, zone);
        let begin = if from == NaiveDate::MIN { Timestamp::MIN_UTC } else { crate::calendar::start_of_day(from, zone) };
        let mut by_elder: BTreeMap<&str, Vec<Seen<'a>>> = BTreeMap::new();
        for (place, contact) in facts.contacts.iter().enumerate() {
            let Ok(place) = u32::try_from(place) else { break };
            if contact.start < begin || contact.start >= end || contact.recorded_at.is_some_and(|at| !known(at, as_of, end)) {
                continue;
            }
            let day = local_day(contact.start, zone);
            let entered = contact.recorded_at.map_or(day, |at| moment_day(at, zone));
            let days_until_entered = (entered - day).num_days();
            let seen = Seen { place, day, days_until_entered, contact };
            by_elder.entry(contact.elder.as_str()).or_default().push(seen);
        }
        for seen in by_elder.values_mut() {
            seen.sort_by(|a, b| (a.contact.start, &a.contact.id).cmp(&(b.contact.start, &b.contact.id)));
        }
        Self { by_elder }
    }

    fn of(&self, elder: &Elder) -> &[Seen<'a>] {
        self.by_elder.get(elder.id.as_str()).map_or(&[], Vec::as_slice)
    }
}

fn known(at: Moment, as_of: NaiveDate, end: Timestamp) -> bool {
    match at {
        Moment::Day(day) => day <= as_of,
        Moment::At(at) => at < end,
    }
}

fn moment_day(at: Moment, zone: Tz) -> NaiveDate {
    match at {
        Moment::Day(day) => day,
        Moment::At(at) => local_day(at, zone),
    }
}

/// One version with everything that is the same for all elders worked out once.
struct Judge<'a> {
    policy: &'a Policy,
    as_of: NaiveDate,
    regular: Vec<Regular<'a>>,
    happenings: Vec<Happening<'a>>,
    ages: Vec<i32>,
    refusal_exempts: bool,
}

struct Regular<'a> {
    duty: Duty<'a>,
    kind: WindowKind,
    gap_days: Option<i64>,
    remote: bool,
    windows: Vec<Window>,
}

struct Happening<'a> {
    duty: Duty<'a>,
    because: Because<'a>,
    remote: bool,
    window: Window,
}

impl<'a> Judge<'a> {
    fn all(set: &'a PolicySet, facts: &'a Facts, earliest: NaiveDate, as_of: NaiveDate) -> Vec<Self> {
        set.versions().iter().map(|policy| Self::new(policy, facts, earliest, as_of)).collect()
    }

    fn new(policy: &'a Policy, facts: &'a Facts, earliest: NaiveDate, as_of: NaiveDate) -> Self {
        let from = policy.effective_from.max(earliest);
        let to = policy.effective_to.map_or(as_of, |to| to.min(as_of));
        let begins = |window: &Window| policy.in_force_on(window.first) && window.first <= as_of;
        let regular = policy.obligations.iter().map(|duty| Regular {
            duty: Duty::Regular(duty),
            kind: duty.window,
            gap_days: duty.warn_gap_days.or(match duty.window {
                WindowKind::Rolling { days } => Some(i64::from(days)),
                WindowKind::Day | WindowKind::Week | WindowKind::HalfMonth | WindowKind::Month | WindowKind::Quarter => None,
            }),
            remote: policy.remote_satisfies(&duty.id),
            windows: if duty.window.is_rolling() {
                Vec::new()
            } else {
                duty.window.between(from, to, from).into_iter().filter(begins).collect()
            },
        });
        let conditions = || policy.tiers.iter().flat_map(|tier| &tier.any);
        let mut ages = vec![policy.elder_age_min];
        ages.extend(conditions().filter_map(|condition| condition.age_min));
        ages.extend(conditions().filter_map(|condition| condition.age_max).map(|age| age.saturating_add(1)));
        ages.sort_unstable();
        ages.dedup();
        let mut happenings: Vec<Happening<'a>> =
            policy.extras.iter().flat_map(|extra| happenings(policy, extra, facts, from, as_of)).collect();
        happenings.retain(|happening| begins(&happening.window));
        Self {
            policy,
            as_of,
            regular: regular.collect(),
            happenings,
            ages,
            refusal_exempts: policy.consent.on_refusal == OnRefusal::ExemptListed,
        }
    }

    /// From which day on the elder is in which tier, the earliest first; asked for from `from` on.
    fn tiers(&self, elder: &Elder, from: NaiveDate) -> Vec<(NaiveDate, Option<usize>)> {
        let to = self.as_of.max(elder.enrolled_on);
        let mut days = vec![from];
        days.extend(self.ages.iter().map(|age| birthday(elder.born, *age)));
        days.extend(elder.categories.changes().map(|(day, _)| day));
        days.extend(elder.ability.changes().map(|(day, _)| day));
        days.extend(elder.disability_level.changes().map(|(day, _)| day));
        days.extend(elder.chosen.changes().map(|(day, _)| day));
        days.extend(elder.numbers.iter().flat_map(|(_, number)| number.changes().map(|(day, _)| day)));
        days.retain(|day| from <= *day && *day <= to);
        days.sort_unstable();
        days.dedup();
        days.into_iter().map(|day| (day, self.tier_on(elder, day))).collect()
    }

    fn tier_on(&self, elder: &Elder, day: NaiveDate) -> Option<usize> {
        tier_place(self.policy, elder, day)
    }
}

/// The tier that an elder is in on a day, by code: as the facts have it, or as it was chosen where that is stricter.
pub fn tier_on<'a>(policy: &'a Policy, elder: &Elder, day: NaiveDate) -> Option<&'a str> {
    policy.tiers.get(tier_place(policy, elder, day)?).map(|tier| tier.code.as_str())
}

fn tier_place(policy: &Policy, elder: &Elder, day: NaiveDate) -> Option<usize> {
    let codes = elder.categories.on(day).map_or(&[][..], Vec::as_slice);
    let numbers: Vec<(String, f64)> =
        elder.numbers.iter().filter_map(|(name, number)| Some((name.clone(), *number.on(day)?))).collect();
    let computed = policy.tier_of(&Standing {
        age: age_on(elder.born, day),
        categories: Few::of(codes.iter().filter_map(|code| policy.category(code))),
        ability: elder.ability.on(day).copied().unwrap_or(crate::policy::Ability::None),
        disability_level: elder.disability_level.on(day).copied().flatten(),
        numbers: &numbers,
    });
    // Tiers stand strictest first. Nobody is chosen into a tier who is in none.
    let chosen = elder.chosen.on(day).and_then(|chosen| chosen.as_ref()).and_then(|code| policy.tier(code));
    computed.map(|computed| chosen.map_or(computed, |chosen| chosen.min(computed)))
}

/// What sets an extra off, with its windows in days.
fn happenings<'a>(
    policy: &'a Policy,
    extra: &'a crate::policy::Extra,
    facts: &'a Facts,
    from: NaiveDate,
    as_of: NaiveDate,
) -> Vec<Happening<'a>> {
    let before = i64::from(extra.days_before);
    let hours = chrono::TimeDelta::hours(i64::from(extra.within_hours));
    let window = |start: Moment| {
        let (first, last) = match start {
            Moment::Day(day) => (day, day + hours),
            Moment::At(at) => (local_day(at, policy.zone), local_day(at + hours, policy.zone)),
        };
        Window::new(plus_days(first, -before), last)
    };
    let of_event = |event: &'a Event| Happening {
        duty: Duty::Extra(extra),
        because: Because::Event(event),
        remote: policy.remote_satisfies(&extra.id),
        window: window(event.start),
    };
    let named = |event: &Event, names: &[String]| event.event.as_ref().is_some_and(|name| names.contains(name));
    let mut found: Vec<Happening<'a>> = match &extra.on {
        Trigger::Weather { events, level_min } => facts
            .events
            .iter()
            .filter(|event| event.kind == "weather" && named(event, events))
            .filter(|event| level_min.is_none_or(|least| event.level.is_some_and(|level| level >= least)))
            .map(of_event)
            .collect(),
        Trigger::Festival { festivals, named: own } => {
            let brought: Vec<&Event> = facts.events.iter().filter(|event| event.kind == "festival").collect();
            if brought.is_empty() {
                festivals::all_between(from, as_of, before)
                    .into_iter()
                    .filter(|(festival, _)| festivals.contains(festival))
                    .map(|(festival, day)| Happening {
                        duty: Duty::Extra(extra),
                        because: Because::Festival(festival, day),
                        remote: policy.remote_satisfies(&extra.id),
                        window: window(Moment::Day(day)),
                    })
                    .collect()
            } else {
                let meant = |event: &Event| {
                    named(event, own) || festivals.iter().any(|festival| event.event.as_deref() == Some(festival.code()))
                };
                brought.into_iter().filter(|event| meant(event)).map(of_event).collect()
            }
        }
        Trigger::Event { events } => facts
            .events
            .iter()
            .filter(|event| events.contains(&event.kind) || named(event, events))
            .map(of_event)
            .collect(),
    };
    found.sort_by(|a, b| (a.window, because_key(&a.because)).cmp(&(b.window, because_key(&b.because))));
    found
}

fn because_key<'a>(because: &Because<'a>) -> &'a str {
    match because {
        Because::Festival(festival, _) => festival.code(),
        Because::Event(event) => &event.id,
    }
}

/// A span in which nothing is owed, and why.
#[derive(Clone, Copy)]
struct Off<'a> {
    window: Window,
    reason: Option<&'a str>,
}

/// The spans in which nothing is owed to an elder under a policy, and the days they cover together.
struct OffDays<'a> {
    spans: Vec<Off<'a>>,
    union: Vec<Window>,
}

impl<'a> OffDays<'a> {
    fn new(judge: &Judge<'_>, elder: &'a Elder) -> Self {
        let policy = judge.policy;
        let mut spans = Vec::new();
        for suspension in &elder.suspensions {
            let permitted = policy.suspend.reasons.contains(&suspension.reason);
            if permitted && (judge.refusal_exempts || suspension.reason != "refused") {
                let window = Window::new(suspension.from, suspension.to.unwrap_or(NaiveDate::MAX));
                spans.push(Off { window, reason: Some(&suspension.reason) });
            }
        }
        let asked = judge.refusal_exempts && policy.consent.kinds.iter().any(|kind| kind == "enrolment");
        if let Some(consents) = elder.consents.as_ref().filter(|_| asked) {
            let ends = consents.changes().skip(1).map(|(day, _)| plus_days(day, -1));
            let ends = ends.chain(std::iter::once(NaiveDate::MAX));
            for ((first, kinds), last) in consents.changes().zip(ends) {
                if first <= last && !kinds.iter().any(|kind| kind == "enrolment") {
                    spans.push(Off { window: Window { first, last }, reason: None });
                }
            }
        }
        let mut sorted: Vec<Window> = spans.iter().map(|off| off.window).collect();
        sorted.sort_unstable();
        let mut union: Vec<Window> = Vec::new();
        for window in sorted {
            match union.last_mut() {
                Some(last) if window.first <= day_after(last.last) => last.last = last.last.max(window.last),
                Some(_) | None => union.push(window),
            }
        }
        Self { spans, union }
    }

    /// The days of a window that are off.
    fn in_window(&self, window: &Window) -> i64 {
        self.union.iter().map(|off| off.shared(window)).sum()
    }

    /// I-09: why nothing is owed in a window, if nothing is.
    fn exempt(&self, policy: &Policy, elder: &'a Elder, window: &Window) -> Option<Exempt<'a>> {
        if elder.enrolled_on <= window.first && self.union.is_empty() {
            return None;
        }
        let full = window.days();
        let inside = Window { first: window.first.max(elder.enrolled_on), last: window.last };
        if inside.first > inside.last {
            return Some(Exempt::Enrolled { days: 0 });
        }
        let days = inside.days() - self.in_window(&inside);
        let owed = match policy.suspend.first_window {
            _ if days == full => true,
            _ if days <= 0 => false,
            #[expect(clippy::cast_precision_loss, reason = "a window has at most 366 days")]
            FirstWindow::DueIfRemaining { pct } => days as f64 * 100.0 >= pct * full as f64,
            FirstWindow::Due => true,
            FirstWindow::Grace => false,
        };
        if owed {
            return None;
        }
        let before = full - inside.days();
        let most = self.spans.iter().map(|off| (off.window.shared(&inside), off)).rev().max_by_key(|(shared, _)| *shared);
        Some(match most {
            Some((shared, off)) if shared >= before && shared > 0 => match off.reason {
                Some(reason) => Exempt::Suspended { reason, days },
                None => Exempt::NoConsent { days },
            },
            Some(_) | None => Exempt::Enrolled { days },
        })
    }
}

fn owed<'a>(
    judges: &[Judge<'a>],
    set: &'a PolicySet,
    elder: &'a Elder,
    contacts: &[Seen<'_>],
    as_of: NaiveDate,
) -> ElderOwed<'a> {
    let mut tier = None;
    let mut all = Vec::new();
    for judge in judges {
        let from = plus_days(elder.enrolled_on, -366);
        let case = Case { judge, elder, contacts, tiers: judge.tiers(elder, from), off: OffDays::new(judge, elder) };
        if set.on(as_of).is_some_and(|current| std::ptr::eq(current, judge.policy)) {
            let place = case.tier(as_of.max(from));
            tier = place.and_then(|place| judge.policy.tiers.get(place)).map(|tier| tier.code.as_str());
        }
        // Nothing is owed yet to whoever is enrolled only later.
        if elder.enrolled_on > as_of {
            continue;
        }
        for regular in &judge.regular {
            case.regular(regular, &mut all);
        }
        for happening in &judge.happenings {
            all.extend(case.happening(happening));
        }
    }
    ElderOwed { elder, tier, owed: all }
}

/// One elder before one version.
struct Case<'a, 'c> {
    judge: &'c Judge<'a>,
    elder: &'a Elder,
    contacts: &'c [Seen<'c>],
    tiers: Vec<(NaiveDate, Option<usize>)>,
    off: OffDays<'a>,
}

impl<'a> Case<'a, '_> {
    fn tier(&self, day: NaiveDate) -> Option<usize> {
        let after = self.tiers.partition_point(|(from, _)| *from <= day);
        self.tiers.get(after.checked_sub(1)?).and_then(|(_, tier)| *tier)
    }

    /// The tier that a window goes by: that of its first day; where the facts begin only with the
    /// enrolment, that of the day of enrolment.
    fn tier_of(&self, window: &Window) -> Option<usize> {
        let enrolled = self.elder.enrolled_on;
        let first = self.tier(window.first);
        if first.is_none() && window.first < enrolled && window.contains(enrolled) { self.tier(enrolled) } else { first }
    }

    fn regular(&self, regular: &Regular<'a>, all: &mut Vec<Owed<'a>>) {
        let (elder, as_of) = (self.elder, self.judge.as_of);
        let own;
        let windows = if regular.kind.is_rolling() {
            let from = elder.enrolled_on.max(self.judge.policy.effective_from);
            own = regular.kind.between(from, as_of, elder.enrolled_on);
            own.as_slice()
        } else {
            let begin = regular.windows.partition_point(|window| window.last < elder.enrolled_on);
            regular.windows.get(begin..).unwrap_or_default()
        };
        let (mut next, mut before) = (0, None);
        let mut last_of_all = None;
        for window in windows {
            if !self.judge.policy.in_force_on(window.first) || window.first > as_of {
                continue;
            }
            let Some(tier) = self.tier_of(window).filter(|tier| regular.duty.tiers().has(*tier)) else { continue };
            let mut owed = self.judge_window(regular.duty, tier, *window, regular.remote, &mut next);
            if let Some(allowed) = regular.gap_days {
                let begin = *last_of_all.get_or_insert(window.first.max(elder.enrolled_on));
                self.gap(&mut owed, allowed, begin, &mut before);
            }
            all.push(owed);
        }
        if let (Some(allowed), Some(owed)) = (regular.gap_days, all.last_mut())
            && owed.duty == regular.duty
        {
            self.gap_at_the_end(owed, regular.kind, allowed, before);
        }
    }

    fn happening(&self, happening: &Happening<'a>) -> Option<Owed<'a>> {
        let window = happening.window;
        if let Because::Event(event) = happening.because
            && !event.concerns(self.elder)
        {
            return None;
        }
        if window.last < self.elder.enrolled_on {
            return None;
        }
        let tier = self.tier_of(&window).filter(|tier| happening.duty.tiers().has(*tier))?;
        let mut next = 0;
        let owed = self.judge_window(happening.duty, tier, window, happening.remote, &mut next);
        Some(Owed { because: Some(happening.because), ..owed })
    }

    /// Counts the contacts of a window. `next` is the first contact that may lie in it or after it.
    fn judge_window(&self, duty: Duty<'a>, tier: usize, window: Window, remote: bool, next: &mut usize) -> Owed<'a> {
        let policy = self.judge.policy;
        let rest = self.contacts.get(*next..).unwrap_or_default();
        let skipped = rest.partition_point(|seen| seen.day < window.first);
        let rest = rest.get(skipped..).unwrap_or_default();
        let inside = rest.get(..rest.partition_point(|seen| seen.day <= window.last)).unwrap_or_default();
        *next += skipped;
        let (mut counted, mut left_out, mut late) = (Vec::new(), Vec::new(), Vec::new());
        for seen in inside {
            match self.count(duty, remote, seen) {
                Ok(()) => {
                    counted.push(seen.place);
                    let rule = policy.count_rule(seen.contact.mode);
                    let limit = rule.and_then(|rule| rule.late_entry_after_days);
                    if limit.is_some_and(|limit| seen.days_until_entered > limit) {
                        late.push(seen.place);
                    }
                }
                Err(why) => left_out.push((seen.place, why)),
            }
        }
        let exempt = self.off.exempt(policy, self.elder, &window);
        let enough = usize::try_from(duty.min()).is_ok_and(|min| counted.len() >= min);
        let state = match &exempt {
            _ if enough => State::Met,
            Some(_) => State::Exempt,
            None if window.last <= self.judge.as_of => State::Overdue,
            None => State::Due,
        };
        if enough {
            left_out = Vec::new();
        }
        Owed { policy, duty, tier, window, state, counted, left_out, late, exempt, gap: None, because: None }
    }

    fn count(&self, duty: Duty<'a>, remote: bool, seen: &Seen<'_>) -> Result<(), LeftOut> {
        let (policy, contact) = (self.judge.policy, seen.contact);
        if !duty.modes().has(contact.mode) {
            return Err(LeftOut::Mode(contact.mode));
        }
        match policy.count_rule(contact.mode) {
            Some(rule) => {
                if !rule.outcome_in.contains(&contact.outcome) {
                    return Err(LeftOut::Outcome(contact.outcome));
                }
                if contact.mode == Mode::Home && !rule.signatures.is_empty() && !contact.signed {
                    return Err(LeftOut::Unsigned);
                }
            }
            None => {
                if !remote {
                    return Err(LeftOut::RemoteNotAllowed);
                }
                if contact.outcome != crate::policy::Outcome::Met {
                    return Err(LeftOut::Outcome(contact.outcome));
                }
                let consents = self.elder.consents.as_ref().and_then(|consents| consents.on(seen.day));
                if !consents.is_some_and(|kinds| kinds.iter().any(|kind| kind == "remote")) {
                    return Err(LeftOut::NoConsent);
                }
                if policy.counts.remote.human_review && !contact.reviewed {
                    return Err(LeftOut::NotReviewed);
                }
            }
        }
        Ok(())
    }

    /// The days between two contacts, without those on which nothing was owed.
    fn hole(&self, from: NaiveDate, to: NaiveDate) -> i64 {
        let days = (to - from).num_days();
        if days < 2 || self.off.union.is_empty() {
            return days;
        }
        days - self.off.in_window(&Window::new(day_after(from), plus_days(to, -1)))
    }

    /// Looks for a hole that ends in this window; `before` is the last counted day before it.
    fn gap(&self, owed: &mut Owed<'a>, allowed: i64, begin: NaiveDate, before: &mut Option<NaiveDate>) {
        let mut from = before.unwrap_or(begin);
        let inside = self.contacts.partition_point(|seen| seen.day < owed.window.first);
        for seen in self.contacts.get(inside..).unwrap_or_default() {
            if seen.day > owed.window.last {
                break;
            }
            if !owed.counted.contains(&seen.place) {
                continue;
            }
            let days = self.hole(from, seen.day);
            if days > allowed && owed.gap.is_none_or(|gap| gap.days < days) {
                owed.gap = Some(Gap { from, to: seen.day, days, when: GapWhen::Past });
            }
            from = seen.day;
            *before = Some(seen.day);
        }
    }

    /// Looks for a hole that is open today, or that two contacts close together will lead to.
    fn gap_at_the_end(&self, owed: &mut Owed<'a>, kind: WindowKind, allowed: i64, last: Option<NaiveDate>) {
        let (Some(last), State::Met) = (last, owed.state) else { return };
        if owed.gap.is_some() {
            return;
        }
        let open = self.hole(last, self.judge.as_of);
        if open > allowed {
            owed.gap = Some(Gap { from: last, to: self.judge.as_of, days: open, when: GapWhen::Open });
            return;
        }
        let counted_before = self.contacts.iter().rev().filter(|seen| seen.day <= last);
        let counted_before = counted_before.filter(|seen| owed.duty.modes().has(seen.contact.mode)).nth(1);
        let next_end = kind.containing(day_after(owed.window.last), self.elder.enrolled_on).last;
        let close_together = counted_before.is_some_and(|seen| (last - seen.day).num_days() * 2 < owed.window.days());
        let days = (next_end - last).num_days();
        if close_together && days > allowed {
            let by = plus_days(last, allowed);
            owed.gap = Some(Gap { from: last, to: next_end, days, when: GapWhen::Ahead(by) });
        }
    }
}
