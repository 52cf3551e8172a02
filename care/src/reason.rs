//! Why something was decided: a code with parameters, rendered in both languages from one table, so
//! that the text on the screen and the text that is spoken are the same (WHY-1).

use crate::{Cause, TimeDelta, Timestamp};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The languages that everything is complete in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Chinese (Mandarin, simplified).
    #[default]
    Zh,
    /// English.
    En,
}

/// A parameter of a reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Param {
    /// Words that need no translation: a device id, a room.
    Text(String),
    /// A count or a measurement.
    Number(f64),
    /// A length of time, seconds.
    Span(i64),
    /// An instant, shown as local time of day (with the date if it is not within a day of another instant).
    Time(Timestamp),
    /// An instant, shown as a local date.
    Date(Timestamp),
    /// A cause of alarm, by its name in the language.
    Cause(Cause),
}

/// A reason: `code` names a row of the table, `params` fill its blanks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// The row of the table.
    pub code: String,
    /// What fills the blanks `{name}` of the row's texts.
    pub params: BTreeMap<String, Param>,
}

/// A row of the reason table: code, Chinese, English. `{name}` stands for a parameter.
pub type Row = (&'static str, &'static str, &'static str);

/// The tables of all modules. A code stands in exactly one of them.
pub const TABLES: &[&[Row]] = &[
    ROWS,
    crate::alarm::REASONS,
    crate::home::REASONS,
    crate::district::REASONS,
    crate::visit::REASONS,
    crate::visit::remote::REASONS,
    crate::visit::guard::REASONS,
    crate::office::category::REASONS,
];

const ROWS: &[Row] = &[
    ("device_signal", "{at} 设备 {device} 报警：{cause}。", "{cause} at {at}, device {device}."),
    (
        "unreadable_call",
        "{at} 设备 {device} 报警：{cause}（内容无法解读，按报警处理）。",
        "{cause} at {at}, device {device} (its content could not be read: taken as an alarm).",
    ),
    ("disk_full", "磁盘已满：只有红色报警仍会保存，其他消息被拒收。", "The disk is full: red alarms are still stored, everything else is refused."),
    ("log_late", "事件日志超过两秒没有确认写入：按钮的灯可能不亮，请立即检查日志服务器。", "The event log has not confirmed a write for more than two seconds: a button's lamp may stay dark. Look at its servers now."),
    ("second_process", "另有一个进程打开了同一账本：较早的进程已自行停止，由后启动的进程继续呼叫。请查明原因，只保留一个。", "Another process has opened the same ledger: the older one has ended by itself, the younger one goes on calling. Find out why there were two and keep one."),
    ("second_copy", "另有一个进程正在使用本账本的副本：在操作员确认之前，不会呼叫任何人。", "Another process works on a copy of this ledger: nobody is called until an operator has looked."),
    (
        "log_damaged",
        "{files} 个消息日志文件损坏，已搁置，其中的消息无法重读。",
        "{files} day files of the event log are damaged and were left aside: what they hold cannot be read again.",
    ),
    (
        "clock_set_back",
        "系统时钟被拨回 {by}，平台沿用自己的时间。",
        "The system clock was set back by {by}: the platform goes on with its own time.",
    ),
    ("unknown_device", "未登记的设备 {device} 发来消息。", "Device {device} is not registered and has sent a message."),
];

impl Reason {
    /// A reason without parameters yet.
    pub fn new(code: &str) -> Self {
        Self { code: code.to_owned(), params: BTreeMap::new() }
    }

    fn with(mut self, name: &str, param: Param) -> Self {
        self.params.insert(name.to_owned(), param);
        self
    }

    /// Adds words.
    pub fn text(self, name: &str, text: &str) -> Self {
        self.with(name, Param::Text(text.to_owned()))
    }

    /// Adds a count or a measurement.
    pub fn number(self, name: &str, number: f64) -> Self {
        self.with(name, Param::Number(number))
    }

    /// Adds a length of time.
    pub fn span(self, name: &str, span: TimeDelta) -> Self {
        self.with(name, Param::Span(span.num_seconds()))
    }

    /// Adds an instant, shown as a local time of day.
    pub fn time(self, name: &str, at: Timestamp) -> Self {
        self.with(name, Param::Time(at))
    }

    /// Adds an instant, shown as a local date.
    pub fn date(self, name: &str, at: Timestamp) -> Self {
        self.with(name, Param::Date(at))
    }

    /// Adds a cause.
    pub fn cause(self, name: &str, cause: &Cause) -> Self {
        self.with(name, Param::Cause(cause.clone()))
    }

    /// The text of this reason. An unknown code renders as the code itself: never nothing.
    pub fn render(&self, language: Language, zone: Tz) -> String {
        let Some((_, zh, en)) = TABLES.iter().flat_map(|t| t.iter()).find(|(code, _, _)| *code == self.code) else {
            return self.code.clone();
        };
        let mut rest = match language {
            Language::Zh => *zh,
            Language::En => *en,
        };
        let mut out = String::new();
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let Some((name, after)) = after.split_once('}') else { break };
            match self.params.get(name) {
                Some(param) => out.push_str(&param.render(language, zone)),
                None => out.push('?'),
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }
}

impl Param {
    fn render(&self, language: Language, zone: Tz) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) if number.fract().abs() < 1e-9 => format!("{number:.0}"),
            Self::Number(number) => format!("{number:.1}"),
            Self::Span(seconds) => span(*seconds, language),
            Self::Time(at) => at.with_timezone(&zone).format("%H:%M").to_string(),
            Self::Date(at) => at.with_timezone(&zone).format("%Y-%m-%d").to_string(),
            Self::Cause(cause) => cause_name(cause, language),
        }
    }
}

/// A length of time in words: seconds below a minute, minutes below a hundred, then hours and days.
pub fn span(seconds: i64, language: Language) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600, seconds / 60);
    match language {
        Language::Zh => match seconds {
            ..60 => format!("{seconds} 秒"),
            60..3_600 => format!("{minutes} 分钟"),
            3_600..172_800 if minutes % 60 == 0 => format!("{hours} 小时"),
            3_600..172_800 => format!("{hours} 小时 {} 分钟", minutes % 60),
            _ if hours % 24 == 0 => format!("{days} 天"),
            _ => format!("{days} 天 {} 小时", hours % 24),
        },
        Language::En => match seconds {
            ..60 => format!("{seconds} s"),
            60..3_600 => format!("{minutes} m"),
            3_600..172_800 if minutes % 60 == 0 => format!("{hours} h"),
            3_600..172_800 => format!("{hours} h {} m", minutes % 60),
            _ if hours % 24 == 0 => format!("{days} d"),
            _ => format!("{days} d {} h", hours % 24),
        },
    }
}

/// The causes with a name of their own; a cause outside this table shows its own name.
const CAUSES: &[Row] = &[
    ("call", "紧急呼叫", "Call for help"),
    ("fall", "跌倒", "Fall"),
    ("smoke", "烟雾", "Smoke"),
    ("gas", "燃气", "Gas"),
    ("carbon_monoxide", "一氧化碳", "Carbon monoxide"),
    ("water_leak", "漏水", "Water leak"),
    ("inactivity", "久无动静", "No activity"),
    ("anomaly/bed_left", "离床未归", "Left bed, not back"),
    ("anomaly/door_night", "夜间开门", "Door open at night"),
    ("anomaly/no_morning", "未见起床", "No morning start"),
    ("anomaly/restless_night", "夜间不安", "Restless night"),
    ("anomaly/water_long", "长流水", "Water running"),
    ("anomaly/water_unused", "长时间未用水", "Water unused"),
    ("anomaly/water_much", "用水过多", "Too much water"),
    ("anomaly/water_leak_suspected", "疑似漏水", "Perhaps a leak"),
    ("anomaly/door_unused", "整天未开门", "Door not used"),
    ("anomaly/decline_kitchen", "用厨房变化", "Kitchen use changes"),
    ("anomaly/decline_toilet", "夜间如厕变化", "Night toilet visits change"),
    ("anomaly/decline_night", "夜间活动变化", "Nights change"),
    ("anomaly/decline_start", "起床时间变化", "Mornings change"),
    ("anomaly/power_long", "电器长时间未关", "Appliance left on"),
    ("anomaly/too_cold", "室温过低", "Room too cold"),
    ("anomaly/too_hot", "室温过高", "Room too hot"),
    ("anomaly/away_overdue", "外出未归", "Away longer than expected"),
    ("anomaly/decline", "状态变化", "Slow change"),
    ("technical/battery_low", "电量低", "Battery low"),
    ("technical/tamper", "设备被拆动", "Device tampered with"),
    ("technical/device_silent", "设备失联", "Device silent"),
    ("technical/hub_offline", "网关离线", "Hub offline"),
    ("technical/district_silent", "片区失联", "Area cannot be heard"),
    ("technical/outage", "平台中断", "Platform outage"),
    ("technical/power_cut", "停电", "Power cut"),
    ("technical/self_audit", "平台自检", "Self-audit"),
    ("technical/log_damaged", "消息日志损坏", "Event log damaged"),
    ("technical/clock_set_back", "时钟被拨回", "Clock set back"),
    ("technical/disk_full", "磁盘已满", "Disk full"),
    ("technical/log_late", "事件日志写入延迟", "Event log late"),
    ("technical/second_process", "账本被两个进程打开", "Two processes on one ledger"),
    ("technical/second_copy", "账本存在第二个副本", "Second copy of the ledger"),
    ("technical/calling_held", "对外呼叫已暂停", "Calling held"),
    ("technical/canary", "平台自测未通过", "Canary missed"),
    ("technical/channel_down", "呼叫线路中断", "Calling channel down"),
    ("technical/unknown_device", "未登记设备", "Unregistered device"),
];

/// The name of a cause in a language.
pub fn cause_name(cause: &Cause, language: Language) -> String {
    let name = cause.name();
    // `technical/district_silent/350582/meiling`: what follows says where
    let named = |code: &str| name.strip_prefix(code).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    match CAUSES.iter().find(|(code, _, _)| named(code)) {
        Some((_, zh, en)) => match language {
            Language::Zh => (*zh).to_owned(),
            Language::En => (*en).to_owned(),
        },
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn every_code_stands_once_and_both_texts_have_the_same_blanks() {
        let blanks = |text: &str| -> BTreeSet<String> {
            text.split('{').skip(1).filter_map(|p| p.split_once('}')).map(|(n, _)| n.to_owned()).collect()
        };
        let mut seen = BTreeMap::new();
        for (code, zh, en) in TABLES.iter().flat_map(|t| t.iter()).chain(CAUSES) {
            assert!(seen.insert(*code, ()).is_none(), "{code} stands twice");
            assert!(!zh.is_empty() && !en.is_empty(), "{code} has an empty text");
            assert_eq!(blanks(zh), blanks(en), "{code}: the languages differ in their blanks");
        }
    }

    #[test]
    fn a_reason_reads_the_same_facts_in_both_languages() {
        let at = "2026-11-23T01:41:13Z".parse().unwrap();
        let reason = Reason::new("device_signal").text("device", "b1").cause("cause", &Cause::Call).time("at", at);
        assert_eq!(reason.render(Language::Zh, chrono_tz::Asia::Shanghai), "09:41 设备 b1 报警：紧急呼叫。");
        assert_eq!(reason.render(Language::En, chrono_tz::Asia::Shanghai), "Call for help at 09:41, device b1.");
    }

    #[test]
    fn spans_read_naturally() {
        assert_eq!(span(11_400, Language::En), "3 h 10 m");
        assert_eq!(span(11_400, Language::Zh), "3 小时 10 分钟");
        assert_eq!(span(59, Language::En), "59 s");
        assert_eq!(span(200_000, Language::En), "2 d 7 h");
    }
}
