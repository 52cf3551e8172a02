//! From the file to a policy: every rule that a file has to keep, and what is odd without being wrong.

use super::file::{self, File, FirstWindowRule};
use super::words::{Few, Force, Mode, Modes, OnRefusal, Outcome, PerElder, SUSPENSIONS};
use super::{
    Category, Condition, Consent, CountRule, Counts, Extra, FILE_BYTES_MAX, FirstWindow, FollowUp, Form,
    Interpretation, Ledger, Loaded, NumberBetween, Obligation, Policy, Problem, Refused, RemoteRule, Risk,
    Suspend, Tier, Trigger,
};
use crate::calendar::{Festival, WindowKind};
use chrono::NaiveDate;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::ops::Range;
use toml::Spanned;

/// The fields of the register that a category may ask for.
const FIELDS: &[&str] = &["disability_card_no"];

/// The things that remote monitoring may require.
const REMOTE_REQUIRES: &[&str] = &["consent.remote", "human_review"];

/// Collects what is wrong and what is odd while a file is read.
pub(super) struct Check<'a> {
    text: &'a str,
    problems: Vec<Problem>,
    notes: Vec<Problem>,
}

impl Check<'_> {
    fn line(&self, span: Range<usize>) -> Option<usize> {
        Some(self.text.get(..span.start)?.matches('\n').count() + 1)
    }

    pub(super) fn wrong(&mut self, span: Range<usize>, zh: impl Into<String>, en: impl Into<String>) {
        let line = self.line(span);
        self.problems.push(Problem::at(line, zh, en));
    }

    pub(super) fn odd(&mut self, span: Range<usize>, zh: impl Into<String>, en: impl Into<String>) {
        let line = self.line(span);
        self.notes.push(Problem::at(line, zh, en));
    }
}

pub(super) fn load(text: &str) -> Result<Loaded, Refused> {
    let mut check = Check { text, problems: Vec::new(), notes: Vec::new() };
    if text.len() > FILE_BYTES_MAX {
        check.wrong(0..0, "文件超过 1 MiB", "the file is larger than 1 MiB");
        return Err(Refused { problems: check.problems });
    }
    let file: File = match toml::from_str(text) {
        Ok(file) => file,
        Err(error) => {
            let line = error.span().and_then(|span| check.line(span));
            let words = error.message().trim().replace('\n', ", ");
            check.problems.push(Problem::at(line, format!("无法读取：{words}"), words));
            return Err(Refused { problems: check.problems });
        }
    };
    let policy = check.file(file);
    let Check { mut problems, notes, .. } = check;
    match policy {
        Some(policy) if problems.is_empty() => Ok(Loaded { policy, notes }),
        _ => {
            problems.sort_by_key(|problem| problem.line);
            Err(Refused { problems })
        }
    }
}

impl Check<'_> {
    fn file(&mut self, file: File) -> Option<Policy> {
        if *file.schema.get_ref() != 1 {
            self.wrong(file.schema.span(), "只支持 schema = 1", "only schema = 1 is known");
            return None;
        }
        self.names_once(&file);
        let head = file.policy;
        for name in [&head.id, &head.version] {
            if name.get_ref().trim().is_empty() {
                self.wrong(name.span(), "不能为空", "must not be empty");
            }
        }
        let effective_from = self.date(&head.effective_from);
        let effective_to = head.effective_to.as_ref().and_then(|to| self.date(to).map(|date| (date, to.span())));
        if let (Some(from), Some((to, span))) = (effective_from, &effective_to)
            && *to < from
        {
            self.wrong(span.clone(), "effective_to 早于 effective_from", "effective_to is before effective_from");
        }
        let zone = head.timezone.get_ref().parse::<chrono_tz::Tz>();
        if zone.is_err() {
            let name = head.timezone.get_ref().clone();
            self.wrong(head.timezone.span(), format!("未知时区 {name}"), format!("unknown time zone \"{name}\""));
        }
        let age = i32::try_from(*head.elder_age_min.get_ref()).ok().filter(|age| (0..=120).contains(age));
        if age.is_none() {
            self.wrong(head.elder_age_min.span(), "elder_age_min 应在 0 至 120 之间", "elder_age_min is 0 to 120");
        }
        let categories = self.categories(&file.category);
        let tiers = self.tiers(&file.tier, &categories);
        let obligations = self.obligations(&file.obligation, &file.tier);
        let extras = self.extras(&file.extra, &file.tier);
        let remote = self.remote(file.counts.remote.as_ref(), &file.obligation, &file.extra);
        let signed = |rule: Option<file::CountRule>, default: CountRule| rule.map_or(default, count_rule);
        let counts = Counts {
            home: signed(file.counts.home, jinjiang_home()),
            video: signed(file.counts.video, plain_rule()),
            phone: signed(file.counts.phone, plain_rule()),
            other: signed(file.counts.other, plain_rule()),
            remote,
        };
        let ledger = self.ledger(file.ledger);
        let (consent, suspend) = (consent(file.consent), self.suspend(file.suspend));
        let interpretations = self.interpretations(&file.interpretation);
        let policy = Policy {
            id: head.id.into_inner(),
            version: head.version.into_inner(),
            title: head.title,
            document: head.document,
            upper: head.upper,
            effective_from: effective_from?,
            effective_to: effective_to.map(|(date, _)| date),
            zone: zone.ok()?,
            locale: head.locale,
            elder_age_min: age?,
            categories,
            tiers,
            obligations,
            extras,
            counts,
            ledger,
            consent,
            suspend,
            per_elder: file.overrides.map_or(PerElder::StricterOnly, |overrides| overrides.per_elder),
            risk: risk(file.risk),
            supervision: file.supervision.map_or_else(
                || list(&["村（社区）联络员", "镇（街道）指导员", "市级督导员"]),
                |supervision| supervision.levels,
            ),
            registration_form: form(file.forms.registration, "annex1", &["市民政局", "镇（街道）"]),
            visit_form: form(file.forms.visit, "annex2", &["市民政局", "镇（街道）", "服务力量所在单位"]),
            interpretations,
            hash: Sha256::digest(self.text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect(),
        };
        if self.problems.is_empty() {
            self.reachable(&policy, &file.tier);
            self.whole_windows(&policy, head.effective_from.span());
            self.readings(&policy, &file.interpretation);
        }
        Some(policy)
    }

    fn date(&mut self, at: &Spanned<toml::value::Datetime>) -> Option<NaiveDate> {
        let date = at.get_ref().date.filter(|_| at.get_ref().time.is_none());
        let date = date.and_then(|d| NaiveDate::from_ymd_opt(d.year.into(), d.month.into(), d.day.into()));
        if date.is_none() {
            self.wrong(at.span(), "应为日期，如 2023-08-08", "a date is wanted, such as 2023-08-08");
        }
        date
    }

    fn categories(&mut self, raw: &[file::Category]) -> Vec<Category> {
        if raw.len() > 64 {
            self.wrong(0..0, "类别不得超过 64 个", "at most 64 categories");
        }
        for category in raw {
            if let Some(field) = &category.needs.field
                && !FIELDS.contains(&field.get_ref().as_str())
            {
                let name = field.get_ref();
                self.wrong(field.span(), format!("未知字段 {name}"), format!("unknown field \"{name}\""));
            }
            if let Some(levels) = &category.needs.disability_level_in
                && levels.iter().any(|level| !(1..=4).contains(level))
            {
                self.wrong(category.code.span(), "残疾等级为 1 至 4", "disability levels are 1 to 4");
            }
        }
        raw.iter()
            .map(|category| Category {
                code: category.code.get_ref().clone(),
                name: category.name.clone(),
                ability_in: category.needs.ability_in.clone(),
                disability_level_in: category.needs.disability_level_in.clone(),
                field: category.needs.field.as_ref().map(|field| field.get_ref().clone()),
            })
            .collect()
    }

    fn tiers(&mut self, raw: &[file::Tier], categories: &[Category]) -> Vec<Tier> {
        if raw.is_empty() || raw.len() > 64 {
            self.wrong(0..0, "应有 1 至 64 个分级", "1 to 64 tiers are wanted");
        }
        let mut tiers = Vec::new();
        for tier in raw {
            let mut any = Vec::new();
            for condition in &tier.any {
                any.extend(self.condition(condition, categories));
            }
            if tier.any.is_empty() {
                self.wrong(tier.code.span(), "该分级没有任何条件", "this tier has no condition");
            }
            tiers.push(Tier { code: tier.code.get_ref().clone(), name: tier.name.clone(), any });
        }
        tiers
    }

    fn condition(&mut self, raw: &Spanned<file::Condition>, categories: &[Category]) -> Option<Condition> {
        let (span, raw) = (raw.span(), raw.get_ref());
        let category = match &raw.category {
            None => None,
            Some(code) => {
                let place = categories.iter().position(|category| category.code == *code.get_ref());
                if place.is_none() {
                    let name = code.get_ref();
                    self.wrong(code.span(), format!("未知类别 {name}"), format!("unknown category \"{name}\""));
                    return None;
                }
                place
            }
        };
        let number = match (&raw.number, raw.at_least, raw.at_most) {
            (Some(name), at_least, at_most) if at_least.is_some() || at_most.is_some() => {
                Some(NumberBetween { name: name.clone(), at_least, at_most })
            }
            (None, None, None) => None,
            _ => {
                self.wrong(span, "number 须与 at_least 或 at_most 同用", "number goes with at_least or at_most");
                return None;
            }
        };
        let condition = Condition {
            category,
            any_category: raw.any_category == Some(true),
            age_min: raw.age_min,
            age_max: raw.age_max,
            ability_in: raw.ability_in.clone(),
            disability_level_in: raw.disability_level_in.clone(),
            number,
        };
        if raw.any_category == Some(false) {
            self.wrong(span, "any_category 只能为 true", "any_category can only be true");
            return None;
        }
        if condition.category.is_some() && condition.any_category {
            self.wrong(span, "category 与 any_category 只能择一", "category and any_category exclude each other");
            return None;
        }
        if condition == Condition::default() {
            self.wrong(span, "空条件", "an empty condition");
            return None;
        }
        Some(condition)
    }

    fn tier_names(&mut self, named: &[Spanned<String>], tiers: &[file::Tier], of: Range<usize>) -> Few {
        let mut places = Few::default();
        for name in named {
            match tiers.iter().position(|tier| tier.code.get_ref() == name.get_ref()) {
                Some(place) => places.insert(place),
                None => {
                    let code = name.get_ref();
                    self.wrong(name.span(), format!("未知分级 {code}"), format!("unknown tier \"{code}\""));
                }
            }
        }
        if named.is_empty() {
            self.wrong(of, "未写明适用的分级", "no tier is named");
        }
        places
    }

    fn modes(&mut self, raw: &Spanned<Vec<Mode>>) -> Modes {
        if raw.get_ref().is_empty() {
            self.wrong(raw.span(), "未写明探访方式", "no mode is named");
        }
        Modes::of(raw.get_ref())
    }

    fn min(&mut self, raw: &Spanned<u32>) -> u32 {
        if !(1..=100).contains(raw.get_ref()) {
            self.wrong(raw.span(), "min 应在 1 至 100 之间", "min is 1 to 100");
        }
        *raw.get_ref()
    }

    fn basis(&mut self, basis: Option<&Spanned<String>>, force: Force, id: &Spanned<String>) -> Option<String> {
        let words = basis.map(|basis| basis.get_ref().trim().to_owned()).filter(|words| !words.is_empty());
        if words.is_none() && force == Force::Must {
            let name = id.get_ref();
            self.wrong(
                id.span(),
                format!("{name} 为必须（must），须引原文 basis"),
                format!("{name} is a must and needs a basis: the words of the document"),
            );
        }
        words
    }

    fn obligations(&mut self, raw: &[file::Obligation], tiers: &[file::Tier]) -> Vec<Obligation> {
        let mut obligations = Vec::new();
        for duty in raw {
            let window = duty.window.get_ref();
            let days = window.days.filter(|days| (1..=366).contains(days));
            let kind = match (window.kind, window.days) {
                (file::WindowKind::Day, None) => Some(WindowKind::Day),
                (file::WindowKind::Week, None) => Some(WindowKind::Week),
                (file::WindowKind::HalfMonth, None) => Some(WindowKind::HalfMonth),
                (file::WindowKind::Month, None) => Some(WindowKind::Month),
                (file::WindowKind::Quarter, None) => Some(WindowKind::Quarter),
                (file::WindowKind::Rolling, _) => days.map(|days| WindowKind::Rolling { days }),
                (_, Some(_)) => None,
            };
            if kind.is_none() {
                self.wrong(
                    duty.window.span(),
                    "days 只用于 rolling，取 1 至 366",
                    "days goes with rolling windows only, 1 to 366",
                );
            }
            if let Some(target) = &duty.target_pct
                && !(0.0..=100.0).contains(target.get_ref())
            {
                self.wrong(target.span(), "target_pct 应在 0 至 100 之间", "target_pct is 0 to 100");
            }
            let modes = self.modes(&duty.modes);
            let basis = self.basis(duty.basis.as_ref(), duty.force, &duty.id);
            if basis.as_ref().is_some_and(|basis| basis.contains("上门")) && !modes.home_only() {
                self.odd(
                    duty.modes.span(),
                    "所引原文写明“上门”，此处却允许其他方式",
                    "the quoted words ask for a visit at home (上门), but other modes are allowed here",
                );
            }
            obligations.push(Obligation {
                id: duty.id.get_ref().clone(),
                tiers: self.tier_names(&duty.tier, tiers, duty.id.span()),
                modes,
                min: self.min(&duty.min),
                window: kind.unwrap_or(WindowKind::Month),
                warn_gap_days: duty.warn_gap_days.as_ref().map(|days| i64::from(*days.get_ref())),
                target_pct: duty.target_pct.as_ref().map(|target| *target.get_ref()),
                basis,
                force: duty.force,
            });
        }
        if raw.is_empty() {
            self.wrong(0..0, "没有任何义务（obligation）", "there is no obligation");
        }
        obligations
    }

    fn extras(&mut self, raw: &[file::Extra], tiers: &[file::Tier]) -> Vec<Extra> {
        let mut extras = Vec::new();
        for extra in raw {
            let on = extra.on.get_ref();
            let trigger = match (&on.cap_event_in, &on.festival_in, &on.event_in) {
                (Some(events), None, None) => {
                    Some(Trigger::Weather { events: events.clone(), level_min: on.level_min })
                }
                (None, Some(names), None) if on.level_min.is_none() => {
                    let named = names.iter().filter(|name| Festival::from_code(name).is_none()).cloned().collect::<Vec<_>>();
                    if !named.is_empty() {
                        let names = named.join(", ");
                        self.odd(
                            extra.on.span(),
                            format!("节日表中没有 {names}：日期须由 events 提供"),
                            format!("the table of festivals has no {names}: its date has to come with the events"),
                        );
                    }
                    let festivals = names.iter().filter_map(|name| Festival::from_code(name)).collect();
                    Some(Trigger::Festival { festivals, named })
                }
                (None, None, Some(events)) if on.level_min.is_none() => Some(Trigger::Event { events: events.clone() }),
                _ => None,
            };
            let Some(trigger) = trigger else {
                self.wrong(
                    extra.on.span(),
                    "on 须为 cap_event_in（可加 level_min）、festival_in、event_in 之一",
                    "on is one of cap_event_in (with level_min), festival_in, event_in",
                );
                continue;
            };
            let days_before = extra.days_before.as_ref().map_or(0, |days| *days.get_ref());
            let within_hours = extra.within_hours.as_ref().map_or(0, |hours| *hours.get_ref());
            if extra.days_before.is_none() && extra.within_hours.is_none() {
                self.wrong(extra.id.span(), "须有 within_hours 或 days_before", "within_hours or days_before is wanted");
            }
            if days_before > 60 || within_hours > 24 * 60 {
                self.wrong(extra.id.span(), "期限不得超过 60 天", "the deadline is at most 60 days away");
            }
            extras.push(Extra {
                id: extra.id.get_ref().clone(),
                on: trigger,
                tiers: self.tier_names(&extra.tier, tiers, extra.id.span()),
                modes: self.modes(&extra.modes),
                min: extra.min.as_ref().map_or(1, |min| self.min(min)),
                days_before,
                within_hours,
                basis: self.basis(extra.basis.as_ref(), extra.force, &extra.id),
                force: extra.force,
            });
        }
        extras
    }

    fn names_once(&mut self, file: &File) {
        let categories = file.category.iter().map(|category| &category.code);
        let tiers = file.tier.iter().map(|tier| &tier.code);
        let duties = file.obligation.iter().map(|duty| &duty.id).chain(file.extra.iter().map(|extra| &extra.id));
        let readings = file.interpretation.iter().map(|reading| &reading.id);
        let mut twice = Vec::new();
        for group in [&mut categories.into_iter() as &mut dyn Iterator<Item = &Spanned<String>>, &mut tiers.into_iter(), &mut duties.into_iter(), &mut readings.into_iter()] {
            let mut seen = BTreeSet::new();
            for name in group {
                if name.get_ref().trim().is_empty() || !seen.insert(name.get_ref().clone()) {
                    twice.push((name.span(), name.get_ref().clone()));
                }
            }
        }
        for (span, name) in twice {
            self.wrong(span, format!("“{name}”重复或为空"), format!("\"{name}\" stands twice or is empty"));
        }
    }

    /// VIS-2: remote monitoring only where the file allows it, never for a home visit.
    fn remote(&mut self, raw: Option<&file::Remote>, duties: &[file::Obligation], extras: &[file::Extra]) -> RemoteRule {
        let mut rule = RemoteRule {
            satisfies: Vec::new(),
            human_review: false,
            period_days: 7,
            min_valid_days: 6,
            min_coverage_pct: 80.0,
            min_presence_events: 4,
            max_gap_hours: 12,
            report: "separate".to_owned(),
            form_mode: "其他".to_owned(),
        };
        let Some(raw) = raw else { return rule };
        for named in &raw.satisfies {
            let name = named.get_ref();
            let duty = duties.iter().find(|duty| duty.id.get_ref() == name).map(|duty| duty.modes.get_ref());
            let extra = extras.iter().find(|extra| extra.id.get_ref() == name).map(|extra| extra.modes.get_ref());
            match duty.or(extra) {
                None => self.wrong(
                    named.span(),
                    format!("satisfies 中的 {name} 不是任何义务"),
                    format!("satisfies names \"{name}\", which is no obligation"),
                ),
                Some(modes) if Modes::of(modes).home_only() => self.wrong(
                    named.span(),
                    format!("{name} 只能上门，远程监测不得抵作上门"),
                    format!("\"{name}\" is for home visits only: remote monitoring can never satisfy it"),
                ),
                Some(modes) if !modes.contains(&Mode::Remote) => self.wrong(
                    named.span(),
                    format!("{name} 的 modes 中没有 remote，与 satisfies 矛盾"),
                    format!("\"{name}\" does not have remote among its modes: the file contradicts itself"),
                ),
                Some(_) => rule.satisfies.push(name.clone()),
            }
        }
        for duty in duties {
            if duty.modes.get_ref().contains(&Mode::Remote) && !rule.satisfies.contains(duty.id.get_ref()) {
                let name = duty.id.get_ref();
                self.odd(
                    duty.modes.span(),
                    format!("{name} 列有 remote，但 counts.remote.satisfies 未列 {name}：远程监测不计"),
                    format!("{name} lists remote, but counts.remote.satisfies does not name it: remote does not count"),
                );
            }
        }
        for needed in raw.requires.iter().flatten() {
            if !REMOTE_REQUIRES.contains(&needed.get_ref().as_str()) {
                let name = needed.get_ref();
                self.wrong(needed.span(), format!("未知要求 {name}"), format!("unknown requirement \"{name}\""));
            }
        }
        if let Some(requires) = &raw.requires {
            rule.human_review = requires.iter().any(|needed| needed.get_ref() == "human_review");
            if !requires.iter().any(|needed| needed.get_ref() == "consent.remote") {
                let span = raw.satisfies.first().map_or(0..0, Spanned::span);
                self.odd(
                    span,
                    "即使不写 consent.remote，也只在老人同意远程监测时计入",
                    "consent.remote is needed even where it is not written",
                );
            }
        }
        if let Some(days) = &raw.period_days {
            rule.period_days = *days.get_ref();
            if !(1..=31).contains(days.get_ref()) {
                self.wrong(days.span(), "period_days 应在 1 至 31 之间", "period_days is 1 to 31");
            }
        }
        if let Some(days) = &raw.min_valid_days {
            rule.min_valid_days = *days.get_ref();
        }
        if rule.min_valid_days < 1 || rule.min_valid_days > rule.period_days {
            let span = raw.min_valid_days.as_ref().map_or(0..0, Spanned::span);
            self.wrong(span, "min_valid_days 应在 1 至 period_days 之间", "min_valid_days is 1 to period_days");
        }
        if let Some(valid) = &raw.valid_day {
            let (span, valid) = (valid.span(), valid.get_ref());
            rule.min_coverage_pct = valid.min_coverage_pct.unwrap_or(rule.min_coverage_pct);
            rule.min_presence_events = valid.min_presence_events.unwrap_or(rule.min_presence_events);
            rule.max_gap_hours = valid.max_gap_hours.unwrap_or(rule.max_gap_hours);
            if !(0.0..=100.0).contains(&rule.min_coverage_pct) || rule.max_gap_hours > 24 {
                self.wrong(
                    span,
                    "min_coverage_pct 应在 0 至 100 之间，max_gap_hours 不超过 24",
                    "min_coverage_pct is 0 to 100, max_gap_hours at most 24",
                );
            }
        }
        rule.report = raw.report.clone().unwrap_or(rule.report);
        rule.form_mode = raw.form_mode.clone().unwrap_or(rule.form_mode);
        rule
    }

    fn ledger(&mut self, raw: Option<file::Ledger>) -> Ledger {
        let Some(raw) = raw else {
            return Ledger { review_every_months: 6, basis: None, sync_to: Vec::new() };
        };
        if let Some(months) = &raw.review_every_months
            && !(1..=60).contains(months.get_ref())
        {
            self.wrong(months.span(), "review_every_months 应在 1 至 60 之间", "review_every_months is 1 to 60");
        }
        let review_every_months = raw.review_every_months.map_or(6, Spanned::into_inner);
        Ledger { review_every_months, basis: raw.basis, sync_to: raw.sync_to }
    }

    fn suspend(&mut self, raw: Option<file::Suspend>) -> Suspend {
        let mut suspend = Suspend {
            reasons: SUSPENSIONS.iter().map(|(code, _, _)| (*code).to_owned()).collect(),
            evidence: true,
            first_window: FirstWindow::DueIfRemaining { pct: 50.0 },
        };
        let Some(raw) = raw else { return suspend };
        suspend.reasons = raw.reasons.unwrap_or(suspend.reasons);
        suspend.evidence = raw.evidence.unwrap_or(suspend.evidence);
        if let Some(first) = raw.first_window {
            let (span, first) = (first.span(), first.into_inner());
            match (first.rule, first.pct) {
                (FirstWindowRule::DueIfRemainingPct, pct) => {
                    let pct = pct.unwrap_or(50.0);
                    if !(0.0..=100.0).contains(&pct) {
                        self.wrong(span, "pct 应在 0 至 100 之间", "pct is 0 to 100");
                    }
                    suspend.first_window = FirstWindow::DueIfRemaining { pct };
                }
                (FirstWindowRule::Due, None) => suspend.first_window = FirstWindow::Due,
                (FirstWindowRule::Grace, None) => suspend.first_window = FirstWindow::Grace,
                (FirstWindowRule::Due | FirstWindowRule::Grace, Some(_)) => {
                    self.wrong(span, "pct 只用于 due_if_remaining_pct", "pct goes with due_if_remaining_pct only");
                }
            }
        }
        suspend
    }

    fn interpretations(&mut self, raw: &[file::Interpretation]) -> Vec<Interpretation> {
        let mut readings = Vec::new();
        for reading in raw {
            if !reading.options.contains(reading.chosen.get_ref()) {
                let (id, chosen) = (reading.id.get_ref(), reading.chosen.get_ref());
                self.wrong(
                    reading.chosen.span(),
                    format!("{id} 所选 {chosen} 不在 options 中"),
                    format!("{id}: \"{chosen}\" is not among its options"),
                );
            }
            readings.push(Interpretation {
                id: reading.id.get_ref().clone(),
                quote: reading.quote.clone(),
                question: reading.question.clone(),
                options: reading.options.clone(),
                chosen: reading.chosen.get_ref().clone(),
                decided_by: reading.decided_by.clone(),
                decided_on: reading.decided_on.as_ref().and_then(|on| self.date(on)),
            });
        }
        readings
    }
}

fn list(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn jinjiang_home() -> CountRule {
    CountRule {
        outcome_in: vec![Outcome::Met],
        record: Some("annex2".to_owned()),
        signatures: list(&["worker", "elder"]),
        unsigned_ok: list(&["cannot_sign", "declined_to_sign"]),
        late_entry_after_days: Some(3),
    }
}

fn plain_rule() -> CountRule {
    CountRule {
        outcome_in: vec![Outcome::Met],
        record: Some("annex2".to_owned()),
        signatures: Vec::new(),
        unsigned_ok: Vec::new(),
        late_entry_after_days: None,
    }
}

fn count_rule(raw: file::CountRule) -> CountRule {
    CountRule {
        outcome_in: raw.outcome_in.unwrap_or_else(|| vec![Outcome::Met]),
        record: raw.record,
        signatures: raw.signatures,
        unsigned_ok: raw.unsigned_ok,
        late_entry_after_days: raw.late_entry_after_days.map(i64::from),
    }
}

fn consent(raw: Option<file::Consent>) -> Consent {
    let kinds = || list(&["enrolment", "remote", "video", "share_family", "share_service"]);
    let (given, on_refusal) = raw.map_or((None, None), |raw| (raw.kinds, raw.on_refusal));
    Consent { kinds: given.unwrap_or_else(kinds), on_refusal: on_refusal.unwrap_or(OnRefusal::ExemptListed) }
}

fn risk(raw: Option<file::Risk>) -> Risk {
    let then = ["family", "emergency_contact", "first_visitor", "village_liaison", "town_guide", "city_supervisor"];
    let follow = |kind: &str, due_days| FollowUp { kind: kind.to_owned(), due_days };
    let mut risk = Risk {
        first_step: "emergency_call".to_owned(),
        numbers: list(&["120", "119", "110"]),
        then: list(&then),
        follow_up: vec![follow("风险隐患排除", 7), follow("急需困难缓解", 15), follow("转介服务落实", 30)],
    };
    if let Some(raw) = raw {
        risk.first_step = raw.first_step.unwrap_or(risk.first_step);
        risk.numbers = raw.numbers.unwrap_or(risk.numbers);
        risk.then = raw.then.unwrap_or(risk.then);
        if !raw.follow_up.is_empty() {
            let given = raw.follow_up.into_iter();
            risk.follow_up = given.map(|f| FollowUp { kind: f.kind, due_days: f.due_days.into_inner() }).collect();
        }
    }
    risk
}

fn form(raw: Option<file::Form>, template: &str, copies: &[&str]) -> Form {
    raw.map_or_else(
        || Form { template: template.to_owned(), copies: list(copies) },
        |form| Form { template: form.template, copies: form.copies },
    )
}
