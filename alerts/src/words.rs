//! What is said to a contact: little before the key is pressed, everything after it (PRV-1).

use crate::directory::HomeFacts;
use care::reason::{Language, cause_name, span};
use care::{Alarm, Cause, Level, Timestamp};
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
    /// What a written message says: no name, no address, no keys to press; the link, if there is one.
    pub message: String,
    /// The page on which the contact can take the alarm. A secret.
    pub link: Option<String>,
}

impl Words {
    /// With a one-time link to the page where the alarm can be taken.
    pub fn with_link(self, link: Option<String>) -> Self {
        let message = match &link {
            Some(link) => format!("{} {link}", self.message),
            None => self.message,
        };
        Self { message, link, ..self }
    }
}

/// What a written message says.
fn message(cause: &str, level: Level, test: bool, language: Language) -> String {
    match language {
        Language::Zh => {
            let kind = match level {
                Level::Red => "紧急报警",
                Level::Urgent | Level::Attention => "报警",
                Level::Technical => "设备或平台故障",
            };
            format!("{}守望平台{kind}：{cause}。请接手或致电值班台。", if test { "【演练】" } else { "" })
        }
        Language::En => {
            let kind = match level {
                Level::Red => "emergency alarm",
                Level::Urgent | Level::Attention => "alarm",
                Level::Technical => "fault of a device or of the platform",
            };
            format!("{}Hearthline {kind}: {cause}. Take it, or call the duty desk.", if test { "[drill] " } else { "" })
        }
    }
}

/// Most homes that are read out one by one.
const READ_OUT_MAX: usize = 10;

/// What is said about several homes at once.
pub fn bundle_words(cause: &Cause, homes: &[HomeFacts], language: Language) -> Words {
    let (n, what) = (homes.len(), cause_name(cause, language));
    let places: Vec<_> = homes.iter().take(READ_OUT_MAX).map(|h| format!("{} {}", h.address, h.elders.join(" "))).collect();
    match language {
        Language::Zh => Words {
            brief: format!("守望平台：{n} 户同时报警，{what}。全部接手请按 1，转下一位请按 2，重听请按 9。"),
            full: format!("{n} 户：{what}。{}{}", places.join("；"), if n > READ_OUT_MAX { "；其余请看值守台。" } else { "。" }),
            reason: String::new(),
            too_late: too_late(language).to_owned(),
            confirmed: confirmed(language).to_owned(),
            message: format!("守望平台：{n} 户同时报警，{what}。请致电值班台。"),
            link: None,
        },
        Language::En => Words {
            brief: format!("Hearthline: {n} homes at once, {what}. Press 1 to take them all, 2 to pass on, 9 to hear again."),
            full: format!("{n} homes: {what}. {}{}", places.join("; "), if n > READ_OUT_MAX { "; the others are on the duty desk." } else { "." }),
            reason: String::new(),
            too_late: too_late(language).to_owned(),
            confirmed: confirmed(language).to_owned(),
            message: format!("Hearthline: {n} homes at once, {what}. Call the duty desk."),
            link: None,
        },
    }
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
    let check = check_words(language);
    out.extend([check.brief, check.confirmed, check.too_late]);
    out
}

/// What the elder hears in a check call.
pub fn check_words(language: Language) -> Words {
    match language {
        Language::Zh => Words {
            brief: "您好，这里是守望平台。如果一切都好，请按 1；需要帮助，请按 2；重听请按 9。".to_owned(),
            full: "知道了，祝您平安。".to_owned(),
            reason: String::new(),
            too_late: "好的。已经有人在联系您的家人。".to_owned(),
            confirmed: "知道了，祝您平安。".to_owned(),
            message: "您好，这里是守望平台。如果一切都好，请按报平安键或致电值班台。".to_owned(),
            link: None,
        },
        Language::En => Words {
            brief: "Hello, this is Hearthline. Press 1 if all is well, 2 if you need help, 9 to hear again.".to_owned(),
            full: "Thank you. Take care.".to_owned(),
            reason: String::new(),
            too_late: "Thank you. Your family is being called already.".to_owned(),
            confirmed: "Thank you. Take care.".to_owned(),
            message: "Hello, this is Hearthline. If all is well press the key \"I am well\", or call the duty desk.".to_owned(),
            link: None,
        },
    }
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
                message: message(&cause, alarm.level, alarm.test, language),
                link: None,
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
                message: message(&cause, alarm.level, alarm.test, language),
                link: None,
            }
        }
    }
}
