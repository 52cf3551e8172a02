//! A policy in plain words, Chinese and English, for people who decide about it and never read TOML.

use super::{Category, Condition, CountRule, FirstWindow, Force, Modes, Policy, SUSPENSIONS, Tier, Trigger};
use crate::Language;
use crate::calendar::{Festival, WindowKind};

/// The whole policy as lines of text.
pub fn show(policy: &Policy, language: Language) -> String {
    let mut out = String::new();
    let l = language;
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    line(policy.title.clone());
    if let Some(document) = &policy.document {
        line(pick(l, format!("依据：{document}"), format!("Document: {document}")));
    }
    if !policy.upper.is_empty() {
        line(pick(l, format!("上位文件：{}", policy.upper.join("、")), format!("Under: {}", policy.upper.join(", "))));
    }
    let until = policy.effective_to.map_or_else(
        || pick(l, "起，现行有效".to_owned(), " on, in force".to_owned()),
        |to| pick(l, format!("至 {to}"), format!(" to {to}")),
    );
    line(pick(
        l,
        format!("编号 {}，版本 {}，自 {} {until}", policy.id, policy.version, policy.effective_from),
        format!("{}, version {}, from {}{until}", policy.id, policy.version, policy.effective_from),
    ));
    line(pick(l, format!("文件指纹 {}", policy.hash), format!("File hash {}", policy.hash)));
    line(pick(
        l,
        format!("日界按 {} 当地时间；{} 岁起为老年人", policy.zone.name(), policy.elder_age_min),
        format!("Days are local days of {}; elders are {} or older", policy.zone.name(), policy.elder_age_min),
    ));

    line(pick(l, "\n一、对象".to_owned(), "\n1. Who".to_owned()));
    for category in &policy.categories {
        line(format!("  · {}", category_text(category, l)));
    }
    for tier in &policy.tiers {
        line(pick(
            l,
            format!("  {}（{}）：符合下列任一条", tier.name, tier.code),
            format!("  {} ({}): any one of", tier.name, tier.code),
        ));
        for condition in &tier.any {
            line(format!("    - {}", condition_text(policy, condition, l)));
        }
    }
    line(pick(
        l,
        "  同时符合多项的，取排在最前（最严）的分级。".to_owned(),
        "  Who matches several is in the first, the strictest.".to_owned(),
    ));

    line(pick(l, "\n二、频次".to_owned(), "\n2. How often".to_owned()));
    for duty in &policy.obligations {
        line(format!("  · {}", duty_text(policy, duty, l)));
        for note in duty_notes(duty.warn_gap_days, duty.target_pct, duty.basis.as_deref(), l) {
            line(format!("    {note}"));
        }
    }
    line(pick(
        l,
        "  跨期时按周期第一天的分级与当日有效的版本评判；探访归入其开始时刻所在的周期。".to_owned(),
        "  A window goes by the tier and the version of its first day; a contact belongs to the window it began in."
            .to_owned(),
    ));

    line(pick(l, "\n三、加访".to_owned(), "\n3. Extra contacts".to_owned()));
    if policy.extras.is_empty() {
        line(pick(l, "  无".to_owned(), "  none".to_owned()));
    }
    for extra in &policy.extras {
        line(format!("  · {}", extra_text(policy, extra, l)));
        for note in duty_notes(None, None, extra.basis.as_deref(), l) {
            line(format!("    {note}"));
        }
    }

    line(pick(l, "\n四、怎样算一次".to_owned(), "\n4. What counts as one".to_owned()));
    let counts = &policy.counts;
    for (name, rule) in [
        (super::Mode::Home, &counts.home),
        (super::Mode::Video, &counts.video),
        (super::Mode::Phone, &counts.phone),
        (super::Mode::Other, &counts.other),
    ] {
        line(format!("  · {}", count_text(name.name(l), rule, l)));
    }
    line(format!("  · {}", remote_text(policy, l)));

    line(pick(l, "\n五、免访与首期".to_owned(), "\n5. When nothing is owed".to_owned()));
    line(pick(
        l,
        format!("  暂停事由：{}", policy.suspend.reasons.iter().map(|r| reason_name(r, l)).collect::<Vec<_>>().join("、")),
        format!("  Suspended while: {}", policy.suspend.reasons.iter().map(|r| reason_name(r, l)).collect::<Vec<_>>().join(", ")),
    ));
    line(format!("  {}", first_window_text(policy.suspend.first_window, l)));
    line(pick(
        l,
        format!("  拒绝服务：{}", policy.consent.on_refusal.zh()),
        format!("  A refusal: {}", policy.consent.on_refusal.en()),
    ));

    line(pick(l, "\n六、台账、风险、督导、存档".to_owned(), "\n6. Register, risk, supervision, paper".to_owned()));
    line(pick(
        l,
        format!("  台账每 {} 个月复核一次", policy.ledger.review_every_months),
        format!("  Register entries are reviewed every {} months", policy.ledger.review_every_months),
    ));
    if !policy.ledger.sync_to.is_empty() {
        line(pick(
            l,
            format!("  同步录入：{}", policy.ledger.sync_to.join("、")),
            format!("  Copied to: {}", policy.ledger.sync_to.join(", ")),
        ));
    }
    let follow_up = policy.risk.follow_up.iter();
    let follow_up: Vec<String> = follow_up
        .map(|f| pick(l, format!("{}{} 天内", f.kind, f.due_days), format!("{} within {} days", f.kind, f.due_days)))
        .collect();
    line(pick(l, format!("  跟踪回访：{}", follow_up.join("、")), format!("  Looked at again: {}", follow_up.join(", "))));
    line(pick(
        l,
        format!("  紧急时先拨 {}", policy.risk.numbers.join("/")),
        format!("  In an emergency first call {}", policy.risk.numbers.join("/")),
    ));
    line(pick(l, format!("  督导：{}", policy.supervision.join("、")), format!("  Supervision: {}", policy.supervision.join(", "))));
    for (zh, en, form) in
        [("登记表", "Registration form", &policy.registration_form), ("探访记录", "Visit record", &policy.visit_form)]
    {
        line(pick(
            l,
            format!("  {zh} {} 份：{}", form.copies.len(), form.copies.join("、")),
            format!("  {en}, {} copies: {}", form.copies.len(), form.copies.join(", ")),
        ));
    }

    let notes = unconfirmed_notes(policy, l);
    if !notes.is_empty() {
        line(pick(l, "\n尚未经主管部门确认的理解".to_owned(), "\nReadings that no office has confirmed".to_owned()));
        for note in notes {
            line(format!("  {note}"));
        }
    }
    out
}

/// The readings that stand under every report until an office confirms them, a line each.
pub fn unconfirmed_notes(policy: &Policy, language: Language) -> Vec<String> {
    policy
        .unconfirmed()
        .map(|reading| {
            let others: Vec<&str> =
                reading.options.iter().filter(|o| **o != reading.chosen).map(String::as_str).collect();
            match language {
                Language::Zh => format!(
                    "{}「{}」{}？暂按 {}（另可：{}）",
                    reading.id,
                    reading.quote,
                    reading.question,
                    reading.chosen,
                    if others.is_empty() { "无".to_owned() } else { others.join("、") }
                ),
                Language::En => format!(
                    "{} \"{}\" ({}): taken as {}{}",
                    reading.id,
                    reading.quote,
                    reading.question,
                    reading.chosen,
                    if others.is_empty() { String::new() } else { format!("; could be {}", others.join(", ")) }
                ),
            }
        })
        .collect()
}

pub(super) fn pick(language: Language, zh: String, en: String) -> String {
    match language {
        Language::Zh => zh,
        Language::En => en,
    }
}

fn join(language: Language, words: Vec<String>) -> String {
    words.join(match language {
        Language::Zh => "、",
        Language::En => ", ",
    })
}

/// A suspension's reason in words; a reason of the file's own stands for itself.
pub fn reason_name(code: &str, language: Language) -> String {
    match SUSPENSIONS.iter().find(|(known, _, _)| *known == code) {
        Some((_, zh, en)) => pick(language, (*zh).to_owned(), (*en).to_owned()),
        None => code.to_owned(),
    }
}

/// A window kind in words.
pub fn window_text(kind: WindowKind, language: Language) -> String {
    let (zh, en) = match kind {
        WindowKind::Day => ("每日".to_owned(), "every day".to_owned()),
        WindowKind::Week => ("每周（周一至周日）".to_owned(), "every week (Monday to Sunday)".to_owned()),
        WindowKind::HalfMonth => {
            ("每半月（1–15 日、16 日至月末）".to_owned(), "every half-month (1st-15th, 16th-end)".to_owned())
        }
        WindowKind::Month => ("每月".to_owned(), "every month".to_owned()),
        WindowKind::Quarter => ("每季度".to_owned(), "every quarter".to_owned()),
        WindowKind::Rolling { days } => {
            (format!("每 {days} 天（自建档日起连续计算）"), format!("every {days} days, counted from enrolment"))
        }
    };
    pick(language, zh, en)
}

fn modes_text(modes: Modes, language: Language) -> String {
    join(language, modes.iter().map(|mode| mode.name(language).to_owned()).collect())
}

fn tiers_text(policy: &Policy, tiers: super::Few, language: Language) -> String {
    let names = tiers.iter().filter_map(|place| policy.tiers.get(place)).map(|tier: &Tier| match language {
        Language::Zh => tier.name.clone(),
        Language::En => format!("{} ({})", tier.code, tier.name),
    });
    join(language, names.collect())
}

fn category_text(category: &Category, l: Language) -> String {
    let mut needs = Vec::new();
    if let Some(abilities) = &category.ability_in {
        needs.push(join(l, abilities.iter().map(|ability| ability.name(l).to_owned()).collect()));
    }
    if let Some(levels) = &category.disability_level_in {
        let levels = join(l, levels.iter().map(u8::to_string).collect());
        needs.push(pick(l, format!("残疾等级 {levels}"), format!("disability level {levels}")));
    }
    if category.field.is_some() {
        needs.push(pick(l, "须有残疾证号".to_owned(), "with a disability card".to_owned()));
    }
    let needs = join(l, needs);
    match (l, needs.is_empty()) {
        (Language::Zh, true) => format!("{}（{}）", category.name, category.code),
        (Language::En, true) => format!("{} ({})", category.code, category.name),
        (Language::Zh, false) => format!("{}（{}）：{needs}", category.name, category.code),
        (Language::En, false) => format!("{} ({}): {needs}", category.code, category.name),
    }
}

fn condition_text(policy: &Policy, condition: &Condition, l: Language) -> String {
    let mut parts = Vec::new();
    if let Some(category) = condition.category.and_then(|place| policy.categories.get(place)) {
        parts.push(pick(l, category.name.clone(), format!("{} ({})", category.code, category.name)));
    }
    if condition.any_category {
        parts.push(pick(l, "任何一类".to_owned(), "any category".to_owned()));
    }
    if let Some(age) = condition.age_min {
        parts.push(pick(l, format!("年满 {age} 岁"), format!("aged {age} or more")));
    }
    if let Some(age) = condition.age_max {
        parts.push(pick(l, format!("不超过 {age} 岁"), format!("aged {age} or less")));
    }
    if let Some(abilities) = &condition.ability_in {
        let names: Vec<String> = abilities.iter().map(|ability| ability.name(l).to_owned()).collect();
        parts.push(match l {
            Language::Zh => names.join("、"),
            Language::En => names.join(" or "),
        });
    }
    if let Some(levels) = &condition.disability_level_in {
        let levels = join(l, levels.iter().map(u8::to_string).collect());
        parts.push(pick(l, format!("残疾等级 {levels}"), format!("disability level {levels}")));
    }
    if let Some(number) = &condition.number {
        let mut text = number.name.clone();
        if let Some(least) = number.at_least {
            text.push_str(&format!(" ≥ {least}"));
        }
        if let Some(most) = number.at_most {
            text.push_str(&format!(" ≤ {most}"));
        }
        parts.push(text);
    }
    match l {
        Language::Zh => parts.join("，且"),
        Language::En => parts.join(", and "),
    }
}

/// An obligation in one sentence.
pub fn duty_text(policy: &Policy, duty: &super::Obligation, l: Language) -> String {
    let (tiers, modes) = (tiers_text(policy, duty.tiers, l), modes_text(duty.modes, l));
    let window = window_text(duty.window, l);
    pick(
        l,
        format!("{}：{tiers}，{window}至少 {} 次（{modes}），{}", duty.id, duty.min, duty.force.zh()),
        format!("{}: {tiers}: at least {} {window} by {modes} ({})", duty.id, duty.min, duty.force.en()),
    )
}

fn duty_notes(gap: Option<i64>, target: Option<f64>, basis: Option<&str>, l: Language) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(days) = gap {
        notes.push(pick(
            l,
            format!("两次间隔超过 {days} 天时提示，不判为未完成"),
            format!("a hole of more than {days} days is shown, not failed"),
        ));
    }
    if let Some(target) = target {
        notes.push(pick(l, format!("目标 {target}%"), format!("target {target} %")));
    }
    if let Some(basis) = basis {
        notes.push(pick(l, format!("原文：“{basis}”"), format!("in the words of the document: “{basis}”")));
    }
    notes
}

/// An extra in one sentence.
pub fn extra_text(policy: &Policy, extra: &super::Extra, l: Language) -> String {
    let (tiers, modes) = (tiers_text(policy, extra.tiers, l), modes_text(extra.modes, l));
    let on = match &extra.on {
        Trigger::Weather { events, level_min } => {
            let events = join(l, events.iter().map(|event| event_name(event, l)).collect());
            match level_min {
                Some(level) => pick(
                    l,
                    format!("{events}{}及以上预警", level.zh()),
                    format!("a warning of {events}, {} or worse", level.en()),
                ),
                None => pick(l, format!("{events}预警"), format!("a warning of {events}")),
            }
        }
        Trigger::Festival { festivals, named } => {
            let names = festivals.iter().map(|festival| match l {
                Language::Zh => festival.name_zh().to_owned(),
                Language::En => festival.name_en().to_owned(),
            });
            join(l, names.chain(named.iter().cloned()).collect())
        }
        Trigger::Event { events } => join(l, events.iter().map(|event| event_name(event, l)).collect()),
    };
    let mut when = Vec::new();
    if extra.days_before > 0 {
        when.push(pick(
            l,
            format!("前 {} 天起", extra.days_before),
            format!("from {} days before", extra.days_before),
        ));
    }
    if extra.within_hours > 0 {
        when.push(pick(l, format!("后 {} 小时内", extra.within_hours), format!("within {} hours", extra.within_hours)));
    }
    let when = join(l, when);
    pick(
        l,
        format!("{}：{on}{when}，{tiers}至少加访 {} 次（{modes}），{}", extra.id, extra.min, extra.force.zh()),
        format!("{}: {on}: {tiers}: at least {} {when} by {modes} ({})", extra.id, extra.min, extra.force.en()),
    )
}

/// The name of a kind of warning or event; an unknown one stands for itself.
pub fn event_name(code: &str, l: Language) -> String {
    let known = match code {
        "typhoon" => ("台风", "typhoon"),
        "rainstorm" => ("暴雨", "rainstorm"),
        "heat" => ("高温", "heat"),
        "cold_wave" => ("寒潮", "cold wave"),
        "blizzard" => ("暴雪", "blizzard"),
        "gale" => ("大风", "gale"),
        "major_change" => ("重大变化", "a major change"),
        _ => match Festival::from_code(code) {
            Some(festival) => (festival.name_zh(), festival.name_en()),
            None => (code, code),
        },
    };
    pick(l, known.0.to_owned(), known.1.to_owned())
}

fn count_text(name: &str, rule: &CountRule, l: Language) -> String {
    let outcomes = join(l, rule.outcome_in.iter().map(|outcome| outcome.name(l).to_owned()).collect());
    let mut text = pick(l, format!("{name}：{outcomes}"), format!("{name}: {outcomes}"));
    if !rule.signatures.is_empty() {
        text.push_str(&pick(
            l,
            "，双方签字（或有允许的未签原因）".to_owned(),
            ", signed (or with a permitted reason for a missing signature)".to_owned(),
        ));
    }
    if let Some(days) = rule.late_entry_after_days {
        text.push_str(&pick(l, format!("；{days} 天后补录的照计并标记"), format!("; entered after {days} days: counted and flagged")));
    }
    text
}

fn remote_text(policy: &Policy, l: Language) -> String {
    let rule = &policy.counts.remote;
    if rule.satisfies.is_empty() {
        return pick(l, "远程监测：不抵任何义务".to_owned(), "remote monitoring: satisfies nothing".to_owned());
    }
    let review = if rule.human_review {
        pick(l, "，须有人复核".to_owned(), ", after a person has looked at it".to_owned())
    } else {
        String::new()
    };
    let ids = rule.satisfies.join(", ");
    pick(
        l,
        format!(
            "远程监测：可计入 {ids}，不得抵作上门；须本人同意{review}；每 {} 天中至少 {} 个有效日（在线不低于 {}%，至少 {} 次人员活动，无超过 {} 小时的不明静默）；单独列栏",
            rule.period_days, rule.min_valid_days, rule.min_coverage_pct, rule.min_presence_events, rule.max_gap_hours
        ),
        format!(
            "remote monitoring: may count for {ids}, never for a home visit; with consent{review}; at least {} valid days in {} (cover {} % or more, {} signs of a person or more, no unexplained silence over {} h); a column of its own",
            rule.min_valid_days, rule.period_days, rule.min_coverage_pct, rule.min_presence_events, rule.max_gap_hours
        ),
    )
}

fn first_window_text(rule: FirstWindow, l: Language) -> String {
    match rule {
        FirstWindow::DueIfRemaining { pct } => pick(
            l,
            format!("期中建档、暂停或恢复的，在册天数达到该期 {pct}% 的应访，否则免访"),
            format!("A window with enrolment, suspension or return in it is due if {pct} % of its days remain"),
        ),
        FirstWindow::Due => {
            pick(l, "期中建档、暂停或恢复的，当期应访".to_owned(), "A window with enrolment or return in it is due".to_owned())
        }
        FirstWindow::Grace => {
            pick(l, "期中建档、暂停或恢复的，当期免访".to_owned(), "A window with enrolment or return in it is not due".to_owned())
        }
    }
}

/// How binding, in words.
pub fn force_text(force: Force, language: Language) -> &'static str {
    force.name(language)
}
