//! What is said to a contact: little before the key is pressed, everything after it (PRV-1).

use crate::directory::HomeFacts;
use care::reason::{Language, cause_name, span};
use care::{Alarm, Level, Timestamp};
use chrono_tz::Tz;

/// What to say, in the contact's language.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Words {
    /// Before the contact has shown to be the right person: no name, no address.
    pub brief: String,
    /// After the key: who, where, what, since when, how to get in.
    pub full: String,
    /// Why the alarm was raised. Names the device and the time, nobody in person.
    pub reason: String,
    /// Said when somebody else has taken the alarm.
    pub too_late: String,
    /// Said once the acceptance is stored.
    pub confirmed: String,
}

/// The language of a contact: the first two letters decide, Chinese if unknown.
pub fn language_of(text: &str) -> Language {
    if text.starts_with("en") { Language::En } else { Language::Zh }
}

/// What is said before the key.
fn brief(level: Level, test: bool, language: Language) -> String {
    let (kind, drill) = match language {
        Language::Zh => (
            match level {
                Level::Red => "紧急报警",
                Level::Urgent | Level::Attention => "报警",
                Level::Technical => "设备或平台故障",
            },
            "这是演练。",
        ),
        Language::En => (
            match level {
                Level::Red => "emergency alarm",
                Level::Urgent | Level::Attention => "alarm",
                Level::Technical => "fault of a device or of the platform",
            },
            "This is a drill. ",
        ),
    };
    let drill = if test { drill } else { "" };
    match language {
        Language::Zh => format!("{drill}守望平台{kind}。接手请按 1，转下一位请按 2，重听请按 9。"),
        Language::En => format!("{drill}Hearthline: {kind}. Press 1 to take it, 2 to pass on, 9 to hear again."),
    }
}

fn too_late(language: Language) -> &'static str {
    match language {
        Language::Zh => "已有人接手，谢谢。",
        Language::En => "Somebody else has taken it. Thank you.",
    }
}

fn confirmed(language: Language) -> &'static str {
    match language {
        Language::Zh => "已确认，由您接手。",
        Language::En => "Confirmed: it is yours.",
    }
}

/// What calls say whatever the alarm is: made to sound ahead, and recorded in prompt packs.
pub(crate) fn fixed(language: Language) -> Vec<String> {
    let mut out: Vec<String> = [Level::Red, Level::Urgent, Level::Technical].map(|level| brief(level, false, language)).into();
    out.push(brief(Level::Red, true, language));
    out.extend([too_late(language), confirmed(language)].map(str::to_owned));
    out
}

/// Renders what is said about `alarm`.
pub fn words(alarm: &Alarm, home: &HomeFacts, language: Language, zone: Tz, now: Timestamp) -> Words {
    let cause = cause_name(&alarm.cause, language);
    let reason = alarm.reason.render(language, zone);
    let since = span((now - alarm.raised_at).num_seconds().max(0), language);
    let who = home.elders.join(match language {
        Language::Zh => "、",
        Language::En => ", ",
    });
    match language {
        Language::Zh => {
            let drill = if alarm.test { "这是演练。" } else { "" };
            let mut full = format!("{drill}{cause}。{reason}已过 {since}，共按 {} 次。", alarm.presses);
            for (name, text) in [("老人", who.as_str()), ("地址", &home.address), ("进门", &home.access_notes), ("健康", &home.health_notes)] {
                if !text.is_empty() {
                    full.push_str(&format!("{name}：{text}。"));
                }
            }
            Words {
                brief: brief(alarm.level, alarm.test, language),
                full,
                too_late: too_late(language).to_owned(),
                reason,
                confirmed: confirmed(language).to_owned(),
            }
        }
        Language::En => {
            let drill = if alarm.test { "This is a drill. " } else { "" };
            let mut full = format!("{drill}{cause}. {reason} {since} ago, pressed {} times.", alarm.presses);
            for (name, text) in [("Elder", who.as_str()), ("Address", &home.address), ("Access", &home.access_notes), ("Health", &home.health_notes)] {
                if !text.is_empty() {
                    full.push_str(&format!(" {name}: {text}."));
                }
            }
            Words {
                brief: brief(alarm.level, alarm.test, language),
                full,
                too_late: too_late(language).to_owned(),
                reason,
                confirmed: confirmed(language).to_owned(),
            }
        }
    }
}
