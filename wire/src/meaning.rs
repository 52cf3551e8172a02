//! What the names and words of foreign languages mean, whoever made the device. A name has a
//! meaning only if every one of its words is known: `smoke_alarm` is smoke, `smoke_alarm_silenced`
//! is nothing. So an unknown name or value never raises, and it never takes back what was raised.

use crate::json;
use care::{SignalKind, Value};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Longest name or word that is looked at, in bytes.
const WORD_BYTES_MAX: usize = 128;

/// Most listed values of one property that are kept.
const VALUES_MAX: usize = 64;

/// How one property of one device is to be read. Made once from its description.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Reading {
    /// One of two values, by the polarity that its description gives.
    Switch { kind: SignalKind, on: Json, off: Json },
    /// One of several words.
    Choice { subject: Option<SignalKind>, values: Vec<String> },
    /// A measurement: times `factor`, plus `offset`, is the unit of its kind.
    Level { kind: SignalKind, factor: f64, offset: f64 },
    /// What was done to a button.
    Press { values: Vec<String> },
    /// A codec's value of any type, told by its name alone.
    Plain { subject: SignalKind },
}

/// What a value said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Heard {
    /// A signal.
    Says(SignalKind, Value),
    /// Understood, and nothing to say.
    Silent,
    /// Not one of the values that it may have.
    Unknown,
    /// Not one of the values that it may have, but it names a call for help.
    Doubtful(SignalKind),
}

/// How a property is described.
pub(crate) enum Shape<'a> {
    /// Two values.
    Binary { on: &'a Json, off: &'a Json },
    /// Words; none listed means that any may come.
    Choice(Vec<&'a str>),
    /// A number in a unit.
    Number { unit: &'a str },
}

/// The words of a name: parts between signs and at capital letters, lower case, without trailing digits.
pub(crate) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let (mut word, mut before_lower) = (String::new(), false);
    for c in name.chars().take(WORD_BYTES_MAX) {
        if !c.is_alphanumeric() || (c.is_uppercase() && before_lower) {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        before_lower = c.is_lowercase() || c.is_ascii_digit();
    }
    words.push(word);
    for word in &mut words {
        let bare = word.trim_end_matches(|c: char| c.is_ascii_digit());
        // The digit of CO2 and of fine dust is no number of a channel.
        if !matches!(bare, "co" | "pm" | "o" | "no") && word != "ch4" {
            word.truncate(bare.len());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

const CALL: &[&str] = &["sos", "panic", "emergency", "distress", "help", "nurse", "pullcord", "personalalarm"];
const FALL: &[&str] = &["fall", "falls", "falling", "fallen", "falldown", "fell"];
const SMOKE: &[&str] = &["smoke", "fire"];
const MONOXIDE: &[&str] = &["monoxide", "co"];
const GAS: &[&str] = &["gas", "methane", "lpg", "propane", "butane", "ch4"];
const LEAK: &[&str] = &["leak", "leakage", "leaking", "flood", "flooding", "flooded", "waterleak", "watersensor"];
const TAMPER: &[&str] = &["tamper", "tampered", "tampering", "dismantled"];
const BED: &[&str] = &["bed", "mattress"];
const SEAT: &[&str] = &["seat", "chair"];
const CONTACT: &[&str] = &["contact", "door", "reed", "magnet", "opening"];
const MOTION: &[&str] = &["occupancy", "occupied", "motion", "moving", "movement", "pir"];
const PRESENCE: &[&str] = &["presence", "human", "person"];
const VIBRATION: &[&str] = &["vibration", "shock"];
const MAINS: &[&str] = &["mains"];

/// Words that change nothing about what a name means.
const NEUTRAL: &[&str] = &[
    "alarm", "alert", "detected", "detection", "detect", "detector", "sensor", "state", "status", "active", "event", "triggered",
    "input", "channel", "ch", "zone", "zones", "area", "region", "both", "line", "wire", "port", "left", "right", "main", "l", "s", "ep",
    "endpoint", "is", "current", "condition", "button", "pressed", "mmwave", "radar", "a", "b", "c", "d", "any", "all", "general", "indoor",
];

fn any(words: &[String], known: &[&str]) -> bool {
    words.iter().any(|word| known.contains(&word.as_str()))
}

/// The kind of signal that a name is about, if all its words are known.
pub(crate) fn subject(name: &str) -> Option<SignalKind> {
    if let Some(kind) = chinese(name) {
        return Some(kind);
    }
    let words = words(name);
    let has = |known: &[&str]| any(&words, known);
    let only = |more: &[&[&str]]| {
        words.iter().all(|w| NEUTRAL.contains(&w.as_str()) || more.iter().any(|known| known.contains(&w.as_str())))
    };
    let table: [(SignalKind, &[&str], &[&str]); 13] = [
        (SignalKind::Fall, FALL, &["down", "human", "person", "body"]),
        (SignalKind::Call, CALL, &["call", "cord", "pull", "key", "personal", "assistance"]),
        (SignalKind::Smoke, SMOKE, &[]),
        (SignalKind::CarbonMonoxide, MONOXIDE, &["carbon"]),
        (SignalKind::Gas, GAS, &["natural", "combustible", "leak", "leakage"]),
        (SignalKind::WaterLeak, LEAK, &["water"]),
        (SignalKind::Tamper, TAMPER, &["anti", "case", "cover"]),
        (SignalKind::Bed, BED, &["occupancy", "occupied", "presence", "in", "on", "of", "out", "person"]),
        (SignalKind::Seat, SEAT, &["occupancy", "occupied", "presence", "in", "on", "person"]),
        (SignalKind::Contact, CONTACT, &["open", "opened", "garage", "gate", "window"]),
        (SignalKind::Motion, MOTION, &["human", "body", "person", "presence", "in", "out", "or", "and"]),
        (SignalKind::Vibration, VIBRATION, &[]),
        // that it is there, never that it is not: a name of the other polarity is not read
        (SignalKind::Mains, MAINS, &["power", "connected", "present", "supply", "available"]),
    ];
    for (kind, known, beside) in table {
        if has(known) && only(&[known, beside]) {
            return Some(kind);
        }
    }
    if has(PRESENCE) && only(&[PRESENCE, &["body", "in", "room"]]) {
        return Some(SignalKind::Presence);
    }
    let call_for_help = words.iter().any(|w| w == "call") && any(&words, &["button", "cord", "assistance", "emergency"]);
    if call_for_help && only(&[&["call", "cord", "pull", "assistance"]]) {
        return Some(SignalKind::Call);
    }
    let water = words.iter().any(|w| w == "water") && any(&words, &["alarm", "detected", "alert"]);
    if water && only(&[&["water"]]) {
        return Some(SignalKind::WaterLeak);
    }
    let battery = words.iter().any(|w| w == "battery" || w == "lowbattery");
    (battery && only(&[&["battery", "lowbattery", "low", "level"]])).then_some(SignalKind::Battery)
}

/// What people call their sensors in Chinese.
fn chinese(name: &str) -> Option<SignalKind> {
    if name.is_ascii() {
        return None;
    }
    let table: [(SignalKind, &[&str]); 8] = [
        (SignalKind::Call, &["求助", "呼救", "紧急呼叫", "紧急按钮", "一键呼叫"]),
        (SignalKind::Fall, &["跌倒", "摔倒"]),
        (SignalKind::CarbonMonoxide, &["一氧化碳"]),
        (SignalKind::Smoke, &["烟雾", "烟感", "火警"]),
        (SignalKind::Gas, &["燃气", "煤气", "天然气"]),
        (SignalKind::WaterLeak, &["水浸", "漏水"]),
        (SignalKind::Contact, &["门磁"]),
        (SignalKind::Presence, &["人体", "存在感应"]),
    ];
    table.into_iter().find(|(_, known)| known.iter().any(|k| name.contains(k))).map(|(kind, _)| kind)
}

/// Words of settings and of things that are not about people: a choice so named says nothing.
const NO_REPORT: &[&str] = &[
    "mode", "type", "config", "setting", "settings", "test", "selftest", "hush", "siren", "led", "light", "indicator", "control", "switch",
    "volume", "tone", "ringtone", "sensitivity", "link", "result", "learning", "scan", "weather", "wifi", "server", "camera",
    "window", "break", "fault", "power", "charge", "charging", "update", "calibration", "effect", "motor", "fan", "hvac", "running",
    "system", "lock", "relay", "preset", "schedule", "program", "silence", "mute", "muted", "action", "network",
];

/// What moves by a motor: its moving tells of nobody.
const MACHINES: &[&str] = &["valve", "cover", "curtain", "blind", "shade", "shutter", "window", "vent", "opener", "motor", "gate", "lock", "pump"];

/// True if a value of no named subject is not to be believed: a machine's moving is not a person's.
fn of_a_machine(kind: SignalKind, words: &[String]) -> bool {
    is_life(kind) && any(words, MACHINES)
}

/// How to read a property, or `None` if it says nothing about people. `about` describes the device.
pub(crate) fn reading(name: &str, about: &str, shape: &Shape<'_>) -> Option<Reading> {
    let kind = subject(name).map(|kind| refined(kind, about));
    match shape {
        Shape::Binary { .. } => {
            let kind = kind?;
            let level = kind == SignalKind::Battery && !words(name).iter().any(|w| w.contains("low") || w == "alarm");
            if level { None } else { reading_of_kind(kind, name, about, shape) }
        }
        Shape::Choice(values) => {
            if kind.is_none() {
                let words = words(name);
                let reports = any(&words, &["state", "status", "alert", "alarm", "event", "posture", "activity", "behavior"]);
                if !reports || any(&words, NO_REPORT) {
                    return None;
                }
            }
            if kind == Some(SignalKind::Fall) && !persons(about) {
                return None;
            }
            let values: Vec<String> = values.iter().map(|v| (*v).to_owned()).collect();
            let of_what = if kind.is_none() { [words(name), words(about)].concat() } else { Vec::new() };
            let heard = |v: &String| choose(kind, v).is_some_and(|(said, _)| !of_a_machine(said, &of_what));
            let tells = values.is_empty() || values.iter().any(heard);
            let tells = tells && (kind.is_some() || !values.is_empty());
            tells.then(|| Reading::Choice { subject: kind, values: kept(values) })
        }
        Shape::Number { unit } => level(name, unit),
    }
}

/// How to read a property whose name says only that there is an alarm (`alarm`, `alarm_status`,
/// `detected`), or water: what about stands in its description, or else in its device's.
pub(crate) fn reading_by_text(name: &str, text: &str, about: &str, shape: &Shape<'_>) -> Option<Reading> {
    let words = words(name);
    let alarm = any(&words, &["alarm", "alert", "detected", "triggered"]);
    // `water` alone may be a meter's; that it is detected makes it a leak
    if let (Shape::Binary { .. }, true) = (shape, any(&words, &["water"]) && any(&self::words(text), &["detects", "detected"])) {
        let known = words.iter().all(|word| word == "water" || NEUTRAL.contains(&word.as_str()));
        return if known { reading_of_kind(SignalKind::WaterLeak, name, about, shape) } else { None };
    }
    if !alarm || !words.iter().all(|word| NEUTRAL.contains(&word.as_str())) {
        return None;
    }
    let kind = sole_kind(text).or_else(|| sole_kind(about))?;
    match shape {
        Shape::Binary { .. } => reading_of_kind(kind, name, about, shape),
        Shape::Choice(values) => {
            let told = |truth: bool| values.iter().any(|v| choose(Some(kind), v) == Some((kind, Value::Bool(truth))));
            let of_a_thing = kind == SignalKind::Fall && !persons(about);
            let values: Vec<String> = values.iter().map(|v| (*v).to_owned()).collect();
            (told(true) && told(false) && !of_a_thing).then(|| Reading::Choice { subject: Some(kind), values: kept(values) })
        }
        Shape::Number { .. } => None,
    }
}

/// The one kind that a description speaks of; none if it speaks of two.
fn sole_kind(text: &str) -> Option<SignalKind> {
    let words = words(text);
    let table = [
        (SignalKind::Fall, FALL),
        (SignalKind::Call, &["sos", "panic", "emergency"]),
        (SignalKind::Smoke, SMOKE),
        (SignalKind::CarbonMonoxide, MONOXIDE),
        (SignalKind::Gas, GAS),
        (SignalKind::WaterLeak, LEAK),
        (SignalKind::Vibration, VIBRATION),
        (SignalKind::Motion, &["motion", "occupancy", "presence", "pir"]),
    ];
    let mut found = table.into_iter().filter(|(_, known)| any(&words, known)).map(|(kind, _)| kind);
    match (found.next(), found.next()) {
        // A leak of gas is gas.
        (Some(SignalKind::Gas), Some(SignalKind::WaterLeak)) if !words.iter().any(|w| w == "water") => Some(SignalKind::Gas),
        (kind, None) => kind,
        (_, Some(_)) => None,
    }
}

/// How to read a two-valued property whose kind is known.
pub(crate) fn reading_of_kind(kind: SignalKind, name: &str, about: &str, shape: &Shape<'_>) -> Option<Reading> {
    let Shape::Binary { on, off } = shape else { return reading(name, about, shape) };
    let of_a_thing = kind == SignalKind::Fall && !persons(about);
    let told = !of_a_thing && small(on) && small(off);
    told.then(|| Reading::Switch { kind: refined(kind, about), on: (*on).clone(), off: (*off).clone() })
}

/// True if a name given by people says that this is for calling help, whatever else it says.
pub(crate) fn calls_for_help(name: &str) -> bool {
    let words = words(name);
    let named = any(&words, &["sos", "panic"]) || chinese(name) == Some(SignalKind::Call);
    named && !any(&words, NO_REPORT)
}

/// How to read what was done to a button; no values listed means that any may come.
pub(crate) fn press_reading(values: &[&str]) -> Reading {
    Reading::Press { values: kept(values.iter().map(|v| (*v).to_owned()).collect()) }
}

/// A list that is too long to keep is none: any value may come.
fn kept(values: Vec<String>) -> Vec<String> {
    let sound = values.len() <= VALUES_MAX && values.iter().all(|v| v.len() <= WORD_BYTES_MAX);
    if sound { values } else { Vec::new() }
}

/// A bed's or a chair's occupancy by what the device is.
fn refined(kind: SignalKind, about: &str) -> SignalKind {
    if !matches!(kind, SignalKind::Motion | SignalKind::Presence) {
        return kind;
    }
    let about = words(about);
    if any(&about, &["bed", "mattress", "pillow"]) {
        SignalKind::Bed
    } else if any(&about, &["chair", "seat"]) {
        SignalKind::Seat
    } else {
        kind
    }
}

/// A cube falls too. A `fall` is a person's only where the device does not watch an object.
fn persons(about: &str) -> bool {
    !any(&words(about), &["cube", "object", "multi", "vibration", "shock", "drop", "asset", "parcel"])
}

fn small(value: &Json) -> bool {
    match value {
        Json::Bool(_) | Json::Number(_) => true,
        Json::String(text) => text.len() <= WORD_BYTES_MAX,
        Json::Null | Json::Array(_) | Json::Object(_) => false,
    }
}

fn level(name: &str, unit: &str) -> Option<Reading> {
    let words = words(name);
    let only = |known: &[&str]| !words.is_empty() && words.iter().all(|w| known.contains(&w.as_str()));
    let (kind, factor, offset) = match unit.trim() {
        "%" | "" if words.iter().any(|w| w == "battery") && only(&["battery", "percent", "percentage", "level", "remaining"]) => {
            (SignalKind::Battery, 1.0, 0.0)
        }
        "°C" | "℃" | "C" | "" if temperature(&words) => (SignalKind::Temperature, 1.0, 0.0),
        "°F" | "℉" | "F" if temperature(&words) => (SignalKind::Temperature, 5.0 / 9.0, -160.0 / 9.0),
        "W" if only(&["power", "active", "apower", "total", "instantaneous"]) => (SignalKind::Power, 1.0, 0.0),
        "kW" if only(&["power", "active", "apower", "total", "instantaneous"]) => (SignalKind::Power, 1000.0, 0.0),
        _ => return None,
    };
    Some(Reading::Level { kind, factor, offset })
}

fn temperature(words: &[String]) -> bool {
    let known = ["temperature", "temp", "tempc", "air", "room", "ambient", "indoor", "local", "current", "sensor", "measured"];
    any(words, &["temperature", "temp", "tempc"]) && words.iter().all(|w| known.contains(&w.as_str()))
}

impl Reading {
    /// The kind of signal that this is about, where it is about one.
    pub(crate) fn kind(&self) -> Option<SignalKind> {
        match self {
            Self::Switch { kind, .. } | Self::Level { kind, .. } | Self::Plain { subject: kind } => Some(*kind),
            Self::Choice { subject, .. } => *subject,
            Self::Press { .. } => Some(SignalKind::Button),
        }
    }

    /// What a value says. Absent and unknown-yet (`null`) values are silent.
    pub(crate) fn read(&self, value: &Json) -> Heard {
        if value.is_null() {
            return Heard::Silent;
        }
        match self {
            Self::Switch { kind, on, off } => match (same(value, on), same(value, off)) {
                (true, false) => Heard::Says(*kind, truth_of(*kind, true)),
                (false, true) => Heard::Says(*kind, truth_of(*kind, false)),
                (true, true) | (false, false) => Heard::Unknown,
            },
            Self::Choice { subject, values } => {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                match choose(*subject, &text) {
                    Some((kind, value)) => Heard::Says(kind, value),
                    None if values.is_empty() || listed(values, &text) => Heard::Silent,
                    None => Heard::Unknown,
                }
            }
            Self::Level { kind, factor, offset } => match json::number(value).map(|n| n * factor + offset) {
                Some(n) if within(*kind, n) => Heard::Says(*kind, Value::Number(n)),
                Some(_) | None => Heard::Unknown,
            },
            Self::Press { values } => match value {
                Json::String(text) => press(text, values),
                Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) | Json::Null => Heard::Unknown,
            },
            Self::Plain { subject } => plain(*subject, value),
        }
    }
}

/// Equal, or the same word in another spelling: `true` and `"True"`, `"ON"` and `"on"`.
fn same(value: &Json, expected: &Json) -> bool {
    if value == expected {
        return true;
    }
    let text = |json: &Json| match json {
        Json::String(text) => Some(text.trim().to_ascii_lowercase()),
        Json::Bool(truth) => Some(truth.to_string()),
        Json::Number(number) => Some(number.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    };
    matches!((text(value), text(expected)), (Some(a), Some(b)) if a == b)
}

/// A contact that is "on" stands open.
fn truth_of(kind: SignalKind, on: bool) -> Value {
    match (kind, on) {
        (SignalKind::Contact | SignalKind::Door, true) => Value::Open,
        (SignalKind::Contact | SignalKind::Door, false) => Value::Closed,
        (_, truth) => Value::Bool(truth),
    }
}

pub(crate) fn within(kind: SignalKind, number: f64) -> bool {
    if kind == SignalKind::Battery {
        (0.0..=100.0).contains(&number)
    } else if kind == SignalKind::Temperature {
        (-60.0..=150.0).contains(&number)
    } else {
        (-1e6..=1e6).contains(&number)
    }
}

fn listed(values: &[String], text: &str) -> bool {
    values.iter().any(|v| match v.split_once('*') {
        Some((head, tail)) => text.len() >= head.len() + tail.len() && text.starts_with(head) && text.ends_with(tail),
        None => v.eq_ignore_ascii_case(text),
    })
}

/// Words that leave it open whether anything happened, or that say that it is over or a trial.
const DOUBT: &[&str] = &[
    "maybe", "pre", "prealarm", "possible", "suspected", "test", "testing", "tested", "unknown", "error", "fault", "silenced", "silent",
    "mute", "muted", "lost", "checking", "preheat", "preheating", "cancel", "cancelled", "canceled", "disabled", "enabled", "end", "ended",
];
const OFF: &[&str] = &[
    "none", "no", "not", "normal", "clear", "cleared", "ok", "off", "false", "dry", "safe", "idle", "standby", "inactive", "released", "0",
    "restored", "absence", "absent", "unoccupied", "empty", "vacant", "good", "installed", "nobody", "unmanned", "non",
];
const ALARMED: &[&str] = &[
    "alarm", "alarmed", "alarming", "detected", "detect", "leak", "leaking", "leaked", "leakage", "wet", "water", "smoke", "fire", "gas",
    "flood", "flooded", "flooding", "triggered", "trigger", "on", "yes", "true", "active", "critical", "danger", "emergency", "pressed",
    "press", "sos", "panic", "help", "co", "carbon", "monoxide", "1", "fall", "falling", "fallen", "fell", "falldown", "down", "warning", "serious",
    "short", "long", "double", "call",
];
const PRESENT: &[&str] = &[
    "presence", "present", "occupied", "small", "large", "big", "micro", "static", "stationary", "moving", "move", "moved", "movement",
    "motion", "active", "activity", "peaceful", "breath", "breathing", "breathe", "human", "someone", "somebody", "on", "true", "yes", "1", "detected", "detect",
    "trigger", "triggered", "approaching", "approach", "departing", "enter", "entered", "still", "standing", "sitting", "lying", "near",
    "far", "walking", "in", "bed", "the", "person", "and", "vibration", "alarm",
];

/// Somebody who crouches or sits on the floor. `low` by itself is a level.
const LOW_POSTURE: &[&str] = &["low", "posture"];

const TAMPERED: &[&str] =
    &["tamper", "tampered", "alarm", "on", "true", "yes", "removed", "detached", "uninstalled", "triggered", "opened", "1"];

/// Signs between things that one value tells at once.
const TOGETHER: &[char] = &[',', '&', '+', ';'];

/// What a word says about its subject; without one only words that are plain by themselves count.
fn choose(subject: Option<SignalKind>, text: &str) -> Option<(SignalKind, Value)> {
    // of several things told at once, one is enough: `water_shortage & water_leakage`
    if subject.is_none() && text.contains(TOGETHER) {
        return text.split(TOGETHER).find_map(|part| choose(None, part).filter(|(_, value)| *value == Value::Bool(true)));
    }
    let words = words_of_value(text);
    if words.is_empty() {
        return None;
    }
    let all = |known: &[&str]| words.iter().all(|w| known.contains(&w.as_str()));
    let doubt = any(&words, DOUBT) || (any(&words, &["warning"]) && !any(&words, &["alarm"]));
    if doubt {
        return None;
    }
    let off = any(&words, OFF);
    let Some(kind) = subject else { return if off { absence(&words) } else { by_itself(&words) } };
    let said = |truth: bool| Some((kind, Value::Bool(truth)));
    if kind.is_red() || kind == SignalKind::WaterLeak {
        return if off { said(false) } else { all(ALARMED).then_some((kind, Value::Bool(true))) };
    }
    if kind == SignalKind::Contact || kind == SignalKind::Door {
        return if all(&["open", "opened", "door"]) {
            Some((kind, Value::Open))
        } else {
            all(&["closed", "close", "shut", "door"]).then_some((kind, Value::Closed))
        };
    }
    if kind == SignalKind::Tamper {
        return if off { said(false) } else { all(TAMPERED).then_some((kind, Value::Bool(true))) };
    }
    if kind == SignalKind::Battery {
        return if all(&["low", "very", "critical", "empty", "replace", "now", "alarm", "battery"]) {
            said(true)
        } else {
            all(&["high", "middle", "medium", "normal", "ok", "good", "full", "usb", "mains"]).then_some((kind, Value::Bool(false)))
        };
    }
    if !is_life(kind) {
        return None;
    }
    if any(&words, &["enter", "entered", "entering"]) {
        return said(true);
    }
    if off || any(&words, &["leave", "left", "leaving", "out", "away"]) {
        return said(false);
    }
    match hazard(&words) {
        Some((SignalKind::Fall, value)) => Some((SignalKind::Fall, value)),
        Some(_) | None => (all(PRESENT) || words == LOW_POSTURE).then_some((kind, Value::Bool(true))),
    }
}

/// Kinds that tell of a person being there.
fn is_life(kind: SignalKind) -> bool {
    matches!(kind, SignalKind::Motion | SignalKind::Presence | SignalKind::Bed | SignalKind::Seat | SignalKind::Vibration)
}

fn words_of_value(text: &str) -> Vec<String> {
    if text.len() > WORD_BYTES_MAX {
        return Vec::new();
    }
    let split: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|part| !part.is_empty())
        .flat_map(|part| {
            // `fallAlarm` has two words, `ALARM` has one.
            if part.chars().any(char::is_lowercase) { words(part) } else { vec![part.to_lowercase()] }
        })
        .collect();
    split
}

/// A word that names its own subject, in a property that is a state or an alert of no named kind.
fn by_itself(words: &[String]) -> Option<(SignalKind, Value)> {
    if let Some(found) = hazard(words) {
        return Some(found);
    }
    let all = |known: &[&str]| words.iter().all(|w| known.contains(&w.as_str()));
    let on = Value::Bool(true);
    if all(&["on", "in", "the", "bed", "lying"]) && any(words, &["bed"]) {
        return Some((SignalKind::Bed, on));
    }
    if all(&["sitting", "seated"]) {
        return Some((SignalKind::Seat, on));
    }
    let present = ["occupied", "presence", "present", "moving", "move", "movement", "motion", "stationary", "standing", "walking", "approaching"];
    if all(&present) || words == LOW_POSTURE || all(&["activity"]) || all(&["small", "large", "movement", "motion"]) && words.len() > 1 {
        return Some((SignalKind::Presence, on));
    }
    None
}

fn hazard(words: &[String]) -> Option<(SignalKind, Value)> {
    let beside = ["alarm", "alert", "detected", "active", "interconnect", "down", "water", "carbon", "button", "pressed", "call"];
    let table = [
        (SignalKind::Fall, FALL),
        (SignalKind::Call, CALL),
        (SignalKind::Smoke, SMOKE),
        (SignalKind::CarbonMonoxide, MONOXIDE),
        (SignalKind::Gas, GAS),
        (SignalKind::WaterLeak, LEAK),
    ];
    table
        .into_iter()
        .find(|(_, known)| {
            any(words, known) && words.iter().all(|w| known.contains(&w.as_str()) || beside.contains(&w.as_str()))
        })
        .map(|(kind, _)| (kind, Value::Bool(true)))
}

fn absence(words: &[String]) -> Option<(SignalKind, Value)> {
    any(words, &["unoccupied", "absence", "absent", "vacant", "nobody", "unmanned"])
        .then_some((SignalKind::Presence, Value::Bool(false)))
}

/// What was done to a button, a remote control or a keypad.
fn press(text: &str, values: &[String]) -> Heard {
    let words = words_of_value(text);
    if words.is_empty() || any(&words, &["none", "unknown"]) || any(&words, &["delay"]) && any(&words, &["exit", "entry"]) {
        return Heard::Silent;
    }
    let known = values.is_empty() || listed(values, text);
    let over = ["cancel", "canceled", "cancelled", "clear", "cleared", "stop", "end", "off", "release", "released", "reset", "disarm", "no", "not", "restore", "restored", "test", "disable", "disabled", "enable", "enabled"];
    // A keypad's fire key is pressed by somebody who needs help.
    let calls = any(&words, CALL) || words.iter().all(|word| word == "fire");
    if calls && !any(&words, &over) {
        return if known { Heard::Says(SignalKind::Call, Value::Bool(true)) } else { Heard::Doubtful(SignalKind::Call) };
    }
    if known { Heard::Says(SignalKind::Button, Value::Bool(true)) } else { Heard::Unknown }
}

/// True for the end of a press: of a button that was declared a call button, only its beginning calls.
pub(crate) fn is_release(text: &str) -> bool {
    text == "btn_up" || any(&words_of_value(text), &["release", "released"])
}

/// A codec's value of any type, by its name alone. `None`: the name says nothing about people.
pub(crate) fn plain_heard(name: &str, about: &str, value: &Json) -> Option<Heard> {
    if value.is_null() {
        return None;
    }
    if let Some(level) = level(name, "").filter(|_| json::number(value).is_some()) {
        return Some(level.read(value));
    }
    let words = words(name);
    if any(&words, &["button", "press", "pressed", "click", "clicked", "action"]) && words.iter().all(|w| PRESSED.contains(&w.as_str())) {
        return Some(match (value, json::truth(value)) {
            (_, Some(true)) => Heard::Says(SignalKind::Button, Value::Bool(true)),
            (_, Some(false)) => Heard::Silent,
            (Json::String(text), None) => press(text, &[]),
            (_, None) => Heard::Silent,
        });
    }
    let Some(kind) = subject(name).map(|kind| refined(kind, about)) else {
        let reports = any(&words, &["state", "status", "alert", "alarm", "event"]) && !any(&words, NO_REPORT);
        let text = value.as_str().filter(|_| reports)?;
        return choose(None, text).filter(|(kind, _)| !of_a_machine(*kind, &words)).map(|(kind, value)| Heard::Says(kind, value));
    };
    let says_so = any(&words, &["alarm", "alert", "status", "state", "detected", "detection", "leak", "leakage", "low"]);
    let measurable = matches!(kind, SignalKind::Gas | SignalKind::CarbonMonoxide | SignalKind::Smoke | SignalKind::Battery);
    let ambiguous = kind == SignalKind::Contact && !any(&words, &["open", "opened"]);
    match value {
        // A bare number under the name of a gas is its concentration, not an alarm.
        Json::Number(_) if measurable && !says_so => None,
        Json::Bool(_) | Json::Number(_) if ambiguous => Some(Heard::Unknown),
        _ if kind == SignalKind::Fall && !persons(about) => None,
        Json::Bool(_) | Json::Number(_) | Json::String(_) => Some(Reading::Plain { subject: kind }.read(value)),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

const PRESSED: &[&str] = &["button", "press", "pressed", "click", "clicked", "action", "event", "status", "state", "key", "type", "mode"];

fn plain(subject: SignalKind, value: &Json) -> Heard {
    match (value, json::truth(value)) {
        (_, Some(truth)) => Heard::Says(subject, truth_of(subject, truth)),
        (Json::String(text), None) => match choose(Some(subject), text) {
            Some((kind, value)) => Heard::Says(kind, value),
            None => Heard::Unknown,
        },
        (_, None) => Heard::Unknown,
    }
}
