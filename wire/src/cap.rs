//! Weather warnings in the Common Alerting Protocol 1.2 (OASIS), read strictly, and in the dialect of Chinese
//! warning centres (GB/T 35965.1), read leniently: Beijing time, colours in words, kinds in Chinese.
//! Both come out as [`care::visit::warning::Warning`].

use care::Timestamp;
use care::policy::Colour;
use care::visit::warning::{MessageKind, Warning, WarningName};
use chrono::{DateTime, FixedOffset, NaiveDateTime, TimeZone};
use roxmltree::{Document, Node, ParsingOptions};

/// Longest message that is read, bytes.
pub const CAP_BYTES_MAX: usize = 1 << 20;

/// Most elements of a message.
const NODES_MAX: u32 = 20_000;

const CAP_1_2: &str = "urn:oasis:names:tc:emergency:cap:1.2";

/// How strictly a message is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// As the standard has it: every required element, every word from its list.
    Strict,
    /// As Chinese centres write it.
    Lenient,
}

/// Why a message is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CapProblem {
    /// Too long.
    #[error("longer than {CAP_BYTES_MAX} bytes")]
    TooLong,
    /// No XML.
    #[error("not readable as XML: {0}")]
    Xml(String),
    /// Some other document.
    #[error("not a CAP 1.2 alert")]
    NotCap,
    /// An element is missing or empty.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// An element says something that it cannot say.
    #[error("{element} \"{value}\" is not allowed")]
    NotAllowed {
        /// Which.
        element: &'static str,
        /// What it says.
        value: String,
    },
    /// An exercise, a test, a draft, a private message or an acknowledgement: it warns nobody.
    #[error("{0}: it warns nobody")]
    NotAWarning(String),
}

struct Message<'a, 'input> {
    alert: Node<'a, 'input>,
    reading: Reading,
}

/// Reads a message. The kinds of weather that a policy knows by name are `typhoon`, `rainstorm`, `heat`,
/// `cold_wave`, `blizzard`, `gale`, `fog`, `thunderstorm`, `hail`, `icy_road`, `frost`, `sandstorm`, `haze`;
/// any other keeps the words of the message.
///
/// # Errors
/// What is wrong with it.
pub fn read(bytes: &[u8], reading: Reading) -> Result<Vec<Warning>, CapProblem> {
    if bytes.len() > CAP_BYTES_MAX {
        return Err(CapProblem::TooLong);
    }
    let text = std::str::from_utf8(bytes).map_err(|error| CapProblem::Xml(error.to_string()))?;
    let options = ParsingOptions { allow_dtd: false, nodes_limit: NODES_MAX, ..ParsingOptions::default() };
    let text = text.trim_start_matches('\u{feff}');
    let document = Document::parse_with_options(text, options).map_err(|error| CapProblem::Xml(error.to_string()))?;
    let alert = match (document.root_element(), reading) {
        (root, Reading::Strict) if root.has_tag_name((CAP_1_2, "alert")) => root,
        (root, Reading::Lenient) => {
            root.descendants().find(|node| node.tag_name().name().eq_ignore_ascii_case("alert")).ok_or(CapProblem::NotCap)?
        }
        (_, Reading::Strict) => return Err(CapProblem::NotCap),
    };
    Message { alert, reading }.warnings()
}

impl<'a, 'input> Message<'a, 'input> {
    fn children(&self, of: Node<'a, 'input>, name: &'static str) -> impl Iterator<Item = Node<'a, 'input>> + use<'a, 'input> {
        let strict = self.reading == Reading::Strict;
        of.children().filter(move |node| {
            if strict { node.has_tag_name((CAP_1_2, name)) } else { node.tag_name().name().eq_ignore_ascii_case(name) }
        })
    }

    fn text(&self, of: Node<'a, 'input>, name: &'static str) -> Option<&'a str> {
        self.children(of, name).next().and_then(|node| node.text()).map(str::trim).filter(|text| !text.is_empty())
    }

    fn needed(&self, of: Node<'a, 'input>, name: &'static str) -> Result<&'a str, CapProblem> {
        self.text(of, name).ok_or(CapProblem::Missing(name))
    }

    /// The text of an element, which has to be one of a list; where reading is lenient it may be missing.
    fn one_of(&self, of: Node<'a, 'input>, name: &'static str, words: &[&str]) -> Result<&'a str, CapProblem> {
        match (self.text(of, name), self.reading) {
            (Some(text), Reading::Lenient) => Ok(text),
            (Some(text), Reading::Strict) if words.contains(&text) => Ok(text),
            (Some(text), Reading::Strict) => Err(CapProblem::NotAllowed { element: name, value: text.to_owned() }),
            (None, Reading::Lenient) => Ok(""),
            (None, Reading::Strict) => Err(CapProblem::Missing(name)),
        }
    }

    fn time(&self, of: Node<'a, 'input>, name: &'static str) -> Result<Option<Timestamp>, CapProblem> {
        let Some(text) = self.text(of, name) else { return Ok(None) };
        let read = match self.reading {
            // The standard's form has an offset in figures; "Z" is not allowed.
            Reading::Strict => DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%:z").ok().filter(|_| !text.ends_with('Z')),
            Reading::Lenient => lenient_time(text),
        };
        match read {
            Some(at) => Ok(Some(at.to_utc())),
            None => Err(CapProblem::NotAllowed { element: name, value: text.to_owned() }),
        }
    }

    fn warnings(&self) -> Result<Vec<Warning>, CapProblem> {
        let alert = self.alert;
        let identifier = self.needed(alert, "identifier")?;
        let sender = self.needed(alert, "sender").or_else(|missing| match self.reading {
            Reading::Strict => Err(missing),
            Reading::Lenient => self.text(alert, "senderCode").ok_or(missing),
        })?;
        for (element, value) in [("identifier", identifier), ("sender", sender)] {
            if self.reading == Reading::Strict && value.contains([' ', ',', '<', '&']) {
                return Err(CapProblem::NotAllowed { element, value: value.to_owned() });
            }
        }
        let sent = match (self.time(alert, "sent")?, self.reading) {
            (Some(sent), _) => sent,
            (None, Reading::Lenient) => self.time(alert, "sendTime")?.ok_or(CapProblem::Missing("sent"))?,
            (None, Reading::Strict) => return Err(CapProblem::Missing("sent")),
        };
        let status = self.one_of(alert, "status", &["Actual", "Exercise", "System", "Test", "Draft"])?;
        let kind = self.one_of(alert, "msgType", &["Alert", "Update", "Cancel", "Ack", "Error"])?;
        let scope = self.one_of(alert, "scope", &["Public", "Restricted", "Private"])?;
        if self.reading == Reading::Strict {
            if scope == "Restricted" {
                self.needed(alert, "restriction")?;
            }
            if scope == "Private" {
                self.needed(alert, "addresses")?;
            }
        }
        if !status.is_empty() && !status.eq_ignore_ascii_case("actual") {
            return Err(CapProblem::NotAWarning(format!("status {status}")));
        }
        let kind = match kind.to_ascii_lowercase().as_str() {
            "" | "alert" => MessageKind::Alert,
            "update" => MessageKind::Update,
            "cancel" => MessageKind::Cancel,
            "ack" | "error" => return Err(CapProblem::NotAWarning(format!("msgType {kind}"))),
            _ => return Err(CapProblem::NotAllowed { element: "msgType", value: kind.to_owned() }),
        };
        let references = self.references(kind)?;
        let name = WarningName { sender: sender.to_owned(), identifier: identifier.to_owned() };
        let plain = Warning {
            name,
            kind,
            sent,
            references,
            event: String::new(),
            level: None,
            areas: Vec::new(),
            onset: None,
            expires: None,
        };
        let infos: Vec<Node<'a, 'input>> = self.children(alert, "info").collect();
        if infos.is_empty() && kind == MessageKind::Cancel {
            return Ok(vec![plain]);
        }
        // One warning for a message: several `info` are the same in several languages, or parts of one event.
        let mut warnings = Vec::new();
        for info in infos {
            self.info(info, &plain, &mut warnings)?;
        }
        if warnings.is_empty() { Err(CapProblem::Missing("info")) } else { Ok(warnings) }
    }

    fn references(&self, kind: MessageKind) -> Result<Vec<WarningName>, CapProblem> {
        let text = self.text(self.alert, "references").unwrap_or_default();
        if text.is_empty() && kind != MessageKind::Alert && self.reading == Reading::Strict {
            return Err(CapProblem::Missing("references"));
        }
        let mut names = Vec::new();
        for reference in text.split_whitespace() {
            let mut parts = reference.split(',');
            match (parts.next(), parts.next()) {
                (Some(sender), Some(identifier)) if !sender.is_empty() && !identifier.is_empty() => {
                    names.push(WarningName { sender: sender.to_owned(), identifier: identifier.to_owned() });
                }
                (Some(identifier), None) if self.reading == Reading::Lenient => {
                    let sender = self.text(self.alert, "sender").or_else(|| self.text(self.alert, "senderCode"));
                    let sender = sender.unwrap_or_default().to_owned();
                    names.push(WarningName { sender, identifier: identifier.to_owned() });
                }
                _ if self.reading == Reading::Strict => {
                    return Err(CapProblem::NotAllowed { element: "references", value: reference.to_owned() });
                }
                // The time of a reference, cut off by the blank within it.
                _ => {}
            }
        }
        Ok(names)
    }

    fn info(&self, info: Node<'a, 'input>, plain: &Warning, warnings: &mut Vec<Warning>) -> Result<(), CapProblem> {
        const CATEGORIES: &[&str] = &[
            "Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra", "CBRNE", "Other",
        ];
        self.one_of(info, "category", CATEGORIES)?;
        let urgency = &["Immediate", "Expected", "Future", "Past", "Unknown"];
        self.one_of(info, "urgency", urgency)?;
        let severity = self.one_of(info, "severity", &["Extreme", "Severe", "Moderate", "Minor", "Unknown"])?;
        self.one_of(info, "certainty", &["Observed", "Likely", "Possible", "Unlikely", "Unknown"])?;
        let headline = self.text(info, "headline").unwrap_or_default();
        let event = match self.reading {
            Reading::Strict => self.needed(info, "event")?,
            Reading::Lenient => self.text(info, "event").or_else(|| self.text(info, "eventType")).unwrap_or(headline),
        };
        if event.is_empty() {
            return Err(CapProblem::Missing("event"));
        }
        let event = kind_of_weather(event).or_else(|| kind_of_weather(headline)).map_or_else(|| event.to_owned(), str::to_owned);
        let parameters = self.children(info, "parameter").chain(self.children(info, "eventCode"));
        let parameters = parameters.filter_map(|parameter| self.text(parameter, "value"));
        let level = colour_word(severity)
            .or_else(|| parameters.map(colour_word).find_map(|colour| colour))
            .or_else(|| colour_word(headline))
            .or(match severity {
                "Minor" => Some(Colour::Blue),
                "Moderate" => Some(Colour::Yellow),
                "Severe" => Some(Colour::Orange),
                "Extreme" => Some(Colour::Red),
                _ => None,
            });
        let mut areas = Vec::new();
        for area in self.children(info, "area") {
            if self.reading == Reading::Strict {
                self.needed(area, "areaDesc")?;
            }
            for geocode in self.children(area, "geocode") {
                let value = self.text(geocode, "value").or_else(|| geocode.text().map(str::trim));
                areas.extend(value.into_iter().flat_map(|value| value.split([',', ' '])).filter(|code| {
                    code.len() >= 2 && code.chars().all(|c| c.is_ascii_digit())
                }).map(str::to_owned));
            }
        }
        let onset = match self.time(info, "onset")? {
            Some(onset) => Some(onset),
            None => self.time(info, "effective")?,
        };
        let expires = self.time(info, "expires")?;
        match warnings.first_mut() {
            // Another language or another part of the same: the worse colour, the wider area, the longer time.
            Some(first) if first.event == event => {
                first.level = first.level.max(level);
                if areas.is_empty() {
                    first.areas.clear();
                } else if !first.areas.is_empty() {
                    first.areas.extend(areas);
                    first.areas.sort_unstable();
                    first.areas.dedup();
                }
                first.onset = first.onset.min(onset).or(first.onset).or(onset);
                first.expires = first.expires.zip(expires).map(|(a, b)| a.max(b));
            }
            Some(first) => {
                // A second kind of weather in one message is a warning of its own.
                let name = WarningName {
                    sender: first.name.sender.clone(),
                    identifier: format!("{}#{}", plain.name.identifier, warnings.len() + 1),
                };
                warnings.push(Warning { name, event, level, areas, onset, expires, ..plain.clone() });
            }
            None => warnings.push(Warning { event, level, areas, onset, expires, ..plain.clone() }),
        }
        Ok(())
    }
}

/// The colour named in words, if one is.
fn colour_word(text: &str) -> Option<Colour> {
    let lower = text.to_ascii_lowercase();
    let named = |colour: &&Colour| {
        lower == colour.code() || lower.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == colour.code()) || text.contains(colour.zh())
    };
    // The worst colour that is named: a headline may say from what it was raised.
    Colour::ALL.iter().rev().find(named).copied()
}

/// The word of policy files for a kind of weather, from Chinese or English words.
fn kind_of_weather(text: &str) -> Option<&'static str> {
    const KINDS: &[(&str, &str, &str)] = &[
        ("台风", "typhoon", "typhoon"),
        ("暴雨", "rain", "rainstorm"),
        ("高温", "heat", "heat"),
        ("寒潮", "cold wave", "cold_wave"),
        ("暴雪", "snow", "blizzard"),
        ("雷", "thunder", "thunderstorm"),
        ("冰雹", "hail", "hail"),
        ("道路结冰", "icy road", "icy_road"),
        ("霜冻", "frost", "frost"),
        ("沙尘", "sand", "sandstorm"),
        ("大雾", "fog", "fog"),
        ("霾", "haze", "haze"),
        ("大风", "gale", "gale"),
    ];
    let lower = text.to_lowercase().replace('_', " ");
    KINDS.iter().find(|(zh, en, _)| text.contains(zh) || lower.contains(en)).map(|(_, _, code)| *code)
}

/// A time as Chinese centres write it: with or without the T, with or without the offset (Beijing).
fn lenient_time(text: &str) -> Option<DateTime<FixedOffset>> {
    let text = text.trim().replacen(' ', "T", 1);
    if let Ok(at) = DateTime::parse_from_rfc3339(&text) {
        return Some(at);
    }
    let local = NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S").ok()?;
    FixedOffset::east_opt(8 * 3600)?.from_local_datetime(&local).single()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
  <identifier>35058241600000_20260801080000</identifier><sender>weather.example</sender>
  <sent>2026-08-01T08:00:00+08:00</sent><status>Actual</status><msgType>Alert</msgType><scope>Public</scope>
  <info><language>en</language><category>Met</category><event>Typhoon</event><urgency>Expected</urgency>
    <severity>Severe</severity><certainty>Likely</certainty>
    <onset>2026-08-01T12:00:00+08:00</onset><expires>2026-08-02T12:00:00+08:00</expires>
    <area><areaDesc>Jinjiang</areaDesc><geocode><valueName>GB/T 2260</valueName><value>350582</value></geocode></area>
  </info>
</alert>"#;

    const CHINESE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<alert>
  <identifier>35058241600000_20260801080000_1</identifier><sender>晋江市气象台</sender>
  <sent>2026-08-01 08:00:00+08:00</sent><status>Actual</status><msgType>Update</msgType>
  <references>晋江市气象台,35058241600000_20260801060000_0,2026-08-01 06:00:00+08:00</references>
  <info><eventType>暴雨</eventType><severity>Orange</severity><headline>晋江市气象台将暴雨黄色预警升级为橙色预警</headline>
    <effective>2026-08-01 08:00:00</effective><expires>2026-08-01 20:00:00</expires>
    <area><areaDesc>晋江市</areaDesc><geocode>350582000000</geocode></area>
  </info>
</alert>"#;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_good_alert_is_read_whole() {
        let warning = read(STRICT.as_bytes(), Reading::Strict).unwrap().remove(0);
        assert_eq!(warning.event, "typhoon");
        assert_eq!(warning.level, Some(Colour::Orange));
        assert_eq!(warning.areas, ["350582"]);
        assert_eq!(warning.onset, Some(at("2026-08-01T04:00:00Z")));
        assert_eq!(warning.expires, Some(at("2026-08-02T04:00:00Z")));
        assert_eq!(warning.kind, MessageKind::Alert);
        assert_eq!(read(STRICT.as_bytes(), Reading::Lenient).unwrap().remove(0), warning);
    }

    #[test]
    fn the_chinese_dialect_is_read_leniently_and_refused_strictly() {
        let warning = read(CHINESE.as_bytes(), Reading::Lenient).unwrap().remove(0);
        assert_eq!((warning.event.as_str(), warning.level), ("rainstorm", Some(Colour::Orange)));
        assert_eq!(warning.sent, at("2026-08-01T00:00:00Z"));
        assert_eq!(warning.expires, Some(at("2026-08-01T12:00:00Z")));
        assert_eq!(warning.areas, ["350582000000"]);
        let before = WarningName { sender: "晋江市气象台".into(), identifier: "35058241600000_20260801060000_0".into() };
        assert!(warning.references.contains(&before));
        assert_eq!(read(CHINESE.as_bytes(), Reading::Strict), Err(CapProblem::NotCap));
    }

    #[test]
    fn every_word_of_the_standard_is_held() {
        let refused = |from: &str, to: &str| {
            assert!(STRICT.contains(from), "{from}");
            read(STRICT.replacen(from, to, 1).as_bytes(), Reading::Strict).unwrap_err().to_string()
        };
        assert_eq!(refused("<severity>Severe", "<severity>Orange"), "severity \"Orange\" is not allowed");
        assert_eq!(refused("08:00:00+08:00</sent>", "00:00:00Z</sent>"), "sent \"2026-08-01T00:00:00Z\" is not allowed");
        assert_eq!(refused("<status>Actual</status>", ""), "status is missing");
        assert_eq!(refused("<event>Typhoon</event>", "<event> </event>"), "event is missing");
        assert_eq!(refused("<areaDesc>Jinjiang</areaDesc>", ""), "areaDesc is missing");
        assert_eq!(refused("<msgType>Alert", "<msgType>Update"), "references is missing");
        assert_eq!(refused("<scope>Public", "<scope>Private"), "addresses is missing");
        assert_eq!(refused("cap:1.2", "cap:1.1"), "not a CAP 1.2 alert");
        assert!(refused("<alert ", "<alert").starts_with("not readable as XML"));
    }

    #[test]
    fn exercises_and_tests_warn_nobody() {
        for word in ["Exercise", "Test", "Draft", "System"] {
            let text = STRICT.replacen("Actual", word, 1);
            assert!(matches!(read(text.as_bytes(), Reading::Strict), Err(CapProblem::NotAWarning(_))), "{word}");
            assert!(matches!(read(text.as_bytes(), Reading::Lenient), Err(CapProblem::NotAWarning(_))), "{word}");
        }
    }

    #[test]
    fn a_cancellation_needs_no_info() {
        let begin = STRICT.find("<info>").unwrap();
        let end = STRICT.find("</alert>").unwrap();
        let text = format!("{}<references>weather.example,1,2026-08-01T07:00:00+08:00</references>{}", &STRICT[..begin], &STRICT[end..]);
        let warning = read(text.replacen("<msgType>Alert", "<msgType>Cancel", 1).as_bytes(), Reading::Strict).unwrap().remove(0);
        assert_eq!(warning.kind, MessageKind::Cancel);
        assert_eq!(warning.references, [WarningName { sender: "weather.example".into(), identifier: "1".into() }]);
    }

    #[test]
    fn entities_and_endless_messages_are_refused() {
        let bomb = format!("<!DOCTYPE a [<!ENTITY b \"bb\">]>{STRICT}");
        assert!(matches!(read(bomb.as_bytes(), Reading::Lenient), Err(CapProblem::Xml(_))));
        assert_eq!(read(&vec![b' '; CAP_BYTES_MAX + 1], Reading::Lenient), Err(CapProblem::TooLong));
        let many = format!("<alert>{}</alert>", "<info/>".repeat(30_000));
        assert!(matches!(read(many.as_bytes(), Reading::Lenient), Err(CapProblem::Xml(_))));
    }
}
