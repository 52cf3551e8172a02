//! The reasons that the evaluation gives, in both languages.

use super::{Because, Exempt, GapWhen, LeftOut, Owed, State};
use crate::policy::{Mode, Outcome};
use crate::reason::Row;
use crate::Reason;
use std::collections::BTreeMap;

/// Reasons that this module gives.
pub const REASONS: &[Row] = &[
    ("visit_met", "本期应 {min} 次，已计 {count} 次，达标。", "{count} counted of {min} owed: met."),
    (
        "visit_due",
        "本期应 {min} 次，已计 {count} 次，须于 {last} 前（含当日）完成。",
        "{count} counted of {min} owed: to be done by {last}.",
    ),
    (
        "visit_overdue",
        "本期应 {min} 次，至 {last} 期满只计 {count} 次，未达标。",
        "{count} counted of {min} owed when the window ended on {last}: missed.",
    ),
    (
        "visit_exempt_enrolled",
        "期中建档，本期在册仅 {days} 天（全期 {full} 天），免访。",
        "Enrolled within the window, {days} of {full} days remain: nothing is owed.",
    ),
    (
        "visit_exempt_hospital",
        "住院，本期余 {days} 天（全期 {full} 天），免访。",
        "In hospital, {days} of {full} days remain: nothing is owed.",
    ),
    (
        "visit_exempt_away",
        "外出，本期余 {days} 天（全期 {full} 天），免访。",
        "Away, {days} of {full} days remain: nothing is owed.",
    ),
    (
        "visit_exempt_institution",
        "入住机构，本期余 {days} 天（全期 {full} 天），免访。",
        "In an institution, {days} of {full} days remain: nothing is owed.",
    ),
    (
        "visit_exempt_moved_out",
        "迁出，本期余 {days} 天（全期 {full} 天），免访。",
        "Moved out, {days} of {full} days remain: nothing is owed.",
    ),
    (
        "visit_exempt_deceased",
        "已故，本期余 {days} 天（全期 {full} 天），免访。",
        "Deceased, {days} of {full} days remain: nothing is owed.",
    ),
    (
        "visit_exempt_refused",
        "本人拒绝服务，本期余 {days} 天（全期 {full} 天），免访并列名。",
        "Refused the service, {days} of {full} days remain: nothing is owed, and it is listed.",
    ),
    (
        "visit_exempt_other",
        "暂停（{reason}），本期余 {days} 天（全期 {full} 天），免访。",
        "Suspended ({reason}), {days} of {full} days remain: nothing is owed.",
    ),
    (
        "visit_exempt_no_consent",
        "本人未同意或已撤回同意，本期余 {days} 天（全期 {full} 天），免访并列名。",
        "No consent, {days} of {full} days remain: nothing is owed, and it is listed.",
    ),
    ("visit_extra_event", "因事件 {event} 加访。", "Extra because of event {event}."),
    ("visit_extra_spring", "除夕（春节）{day} 前后加访。", "Extra for New Year's Eve (Spring Festival), {day}."),
    ("visit_extra_lantern", "元宵 {day} 加访。", "Extra for the Lantern Festival, {day}."),
    ("visit_extra_qingming", "清明 {day} 加访。", "Extra for Qingming, {day}."),
    ("visit_extra_dragon_boat", "端午 {day} 加访。", "Extra for the Dragon Boat Festival, {day}."),
    ("visit_extra_zhongyuan", "中元 {day} 加访。", "Extra for Zhongyuan, {day}."),
    ("visit_extra_mid_autumn", "中秋 {day} 加访。", "Extra for the Mid-Autumn Festival, {day}."),
    ("visit_extra_double_ninth", "重阳 {day} 加访。", "Extra for Double Ninth, {day}."),
    ("visit_extra_winter_solstice", "冬至 {day} 加访。", "Extra for the Winter Solstice, {day}."),
    ("visit_not_home", "上门 {count} 次，不计入此项。", "Home visits do not count here: {count}."),
    ("visit_not_video", "视频 {count} 次，不计入此项。", "Video calls do not count here: {count}."),
    ("visit_not_phone", "电话 {count} 次，不计入此项。", "Phone calls do not count here: {count}."),
    ("visit_not_remote", "远程监测 {count} 次，不计入此项。", "Remote monitoring does not count here: {count}."),
    ("visit_not_other", "其他方式 {count} 次，不计入此项。", "Contacts in other ways do not count here: {count}."),
    ("visit_no_answer", "{count} 次无人应答，不计。", "Nobody answered: {count}, not counted."),
    ("visit_refused", "{count} 次被拒绝，不计。", "Refused: {count}, not counted."),
    ("visit_proxy", "{count} 次由他人代答，不计。", "Another person answered: {count}, not counted."),
    ("visit_outcome_met", "{count} 次按规定结果不计。", "Not counted with that outcome: {count}."),
    ("visit_unsigned", "{count} 次缺签字且无允许的原因，不计。", "Signature missing without a permitted reason: {count}, not counted."),
    ("visit_no_remote_consent", "{count} 次远程监测时本人未同意，不计。", "Remote monitoring without consent: {count}, not counted."),
    ("visit_not_reviewed", "{count} 次远程监测尚无人复核，不计。", "Remote monitoring that nobody has looked at yet: {count}, not counted."),
    ("visit_late_entry", "{count} 次为补录，照计并标记。", "Entered late: {count}, counted and flagged."),
    ("visit_gap", "{from} 至 {to} 相隔 {days} 天。", "{days} days between {from} and {to}."),
    ("visit_gap_open", "自 {from} 起已 {days} 天（至 {to}）。", "{days} days since {from} (as of {to})."),
    (
        "visit_gap_ahead",
        "两次过近：若下期到 {to} 才访，将相隔 {days} 天（自 {from}）；宜于 {by} 前再访。",
        "Two contacts close together: waiting until {to} would leave {days} days since {from}; better by {by}.",
    ),
];

impl Owed<'_> {
    /// Why it stands as it stands: the state first, then what set it off and what was not counted.
    pub fn reasons(&self) -> Vec<Reason> {
        let mut reasons = vec![self.state_reason()];
        match self.because {
            Some(Because::Festival(festival, day)) => {
                let code = format!("visit_extra_{}", festival.code());
                reasons.push(Reason::new(&code).text("day", &day.to_string()));
            }
            Some(Because::Event(event)) => reasons.push(Reason::new("visit_extra_event").text("event", &event.id)),
            None => {}
        }
        let mut left_out: BTreeMap<&'static str, u32> = BTreeMap::new();
        for (_, why) in &self.left_out {
            *left_out.entry(code(*why)).or_default() += 1;
        }
        for (code, count) in left_out {
            reasons.push(Reason::new(code).number("count", f64::from(count)));
        }
        if !self.late.is_empty() {
            reasons.push(Reason::new("visit_late_entry").number("count", count(self.late.len())));
        }
        reasons.extend(self.gap_reason());
        reasons
    }

    /// The hole that is shown and not failed, in words.
    pub fn gap_reason(&self) -> Option<Reason> {
        let gap = self.gap?;
        let reason = |code| {
            let reason = Reason::new(code).text("from", &gap.from.to_string()).text("to", &gap.to.to_string());
            #[expect(clippy::cast_precision_loss, reason = "days of a lifetime")]
            reason.number("days", gap.days as f64)
        };
        Some(match gap.when {
            GapWhen::Past => reason("visit_gap"),
            GapWhen::Open => reason("visit_gap_open"),
            GapWhen::Ahead(by) => reason("visit_gap_ahead").text("by", &by.to_string()),
        })
    }

    fn state_reason(&self) -> Reason {
        let counting = |code| {
            Reason::new(code)
                .number("min", f64::from(self.duty.min()))
                .number("count", count(self.counted.len()))
                .text("last", &self.window.last.to_string())
        };
        match (self.state, &self.exempt) {
            (State::Met, _) => counting("visit_met"),
            (State::Due, _) | (State::Exempt, None) => counting("visit_due"),
            (State::Overdue, _) => counting("visit_overdue"),
            (State::Exempt, Some(exempt)) => self.exempt_reason(exempt),
        }
    }

    fn exempt_reason(&self, exempt: &Exempt<'_>) -> Reason {
        let (reason, days) = match exempt {
            Exempt::Enrolled { days } => (Reason::new("visit_exempt_enrolled"), *days),
            Exempt::NoConsent { days } => (Reason::new("visit_exempt_no_consent"), *days),
            Exempt::Suspended { reason, days } => {
                let code = format!("visit_exempt_{reason}");
                let known = crate::policy::SUSPENSIONS.iter().any(|(known, _, _)| known == reason);
                let reason = if known { Reason::new(&code) } else { Reason::new("visit_exempt_other").text("reason", reason) };
                (reason, *days)
            }
        };
        #[expect(clippy::cast_precision_loss, reason = "a window has at most 366 days")]
        reason.number("days", days as f64).number("full", self.window.days() as f64)
    }
}

fn count(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

fn code(why: LeftOut) -> &'static str {
    match why {
        LeftOut::Mode(Mode::Home) => "visit_not_home",
        LeftOut::Mode(Mode::Video) => "visit_not_video",
        LeftOut::Mode(Mode::Phone) => "visit_not_phone",
        LeftOut::Mode(Mode::Remote) | LeftOut::RemoteNotAllowed => "visit_not_remote",
        LeftOut::Mode(Mode::Other) => "visit_not_other",
        LeftOut::Outcome(Outcome::NoAnswer) => "visit_no_answer",
        LeftOut::Outcome(Outcome::Refused) => "visit_refused",
        LeftOut::Outcome(Outcome::Proxy) => "visit_proxy",
        LeftOut::Outcome(Outcome::Met) => "visit_outcome_met",
        LeftOut::Unsigned => "visit_unsigned",
        LeftOut::NoConsent => "visit_no_remote_consent",
        LeftOut::NotReviewed => "visit_not_reviewed",
    }
}
