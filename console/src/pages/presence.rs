//! What is known of a home: cover, occupancy, silence, devices, contacts, and the strip that shows it over a day.

use super::say;
use crate::app::App;
use crate::caller::Caller;
use crate::look::Look;
use crate::messages::{Words, fill};
use crate::places::Place;
use crate::problem::Problem;
use care::home::{DeviceHealth, View};
use care::reason::span;
use care::{HomeId, TimeDelta, Timestamp};
use chrono::Timelike;
use store::register::DeviceRecord;

/// Hours behind and ahead of now on the strip.
const BEHIND: TimeDelta = TimeDelta::hours(24);
const AHEAD: TimeDelta = TimeDelta::hours(6);
/// Width of the strip in its own units.
const WIDTH: i64 = 300;
/// What is outside the strip stands at its edge, still to be seen.
const EDGE: i64 = 4;
/// Rows of the strip.
const ROWS_MAX: usize = 8;
const ROW_HEIGHT: i64 = 9;
/// Above them: when life was seen.
const LIFE_HEIGHT: i64 = 16;

/// A device, in words.
pub(crate) struct Device {
    pub(crate) name: String,
    pub(crate) room: String,
    pub(crate) class: &'static str,
    pub(crate) health: &'static str,
    pub(crate) seen: String,
    pub(crate) seen_at: String,
}

/// A contact, in words.
pub(crate) struct Contact {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) relation: String,
    /// Channel code, its name, masked address.
    pub(crate) addresses: Vec<(String, String, String)>,
}

impl Contact {
    /// True if there is a number to call.
    pub(crate) fn callable(&self) -> bool {
        self.addresses.iter().any(|(channel, _, _)| channel == "voice")
    }
}

/// What of an elder may be asked for.
pub(crate) struct Hidden {
    pub(crate) elder: String,
    pub(crate) name: String,
    pub(crate) phone: String,
    pub(crate) health: bool,
}

/// A mark on the strip.
pub(crate) struct Mark {
    pub(crate) x: i64,
    pub(crate) y: i64,
    pub(crate) class: &'static str,
}

/// The strip: when life was seen, the last signal of each device, the silence, now, the next deadline.
pub(crate) struct Strip {
    pub(crate) height: i64,
    pub(crate) base: i64,
    pub(crate) label_y: i64,
    pub(crate) now_x: i64,
    pub(crate) silence_x: i64,
    pub(crate) silence_width: i64,
    pub(crate) deadline_x: Option<i64>,
    pub(crate) marks: Vec<Mark>,
    /// Where life was seen: from, width, and the times in words.
    pub(crate) life: Vec<(i64, i64, String)>,
    pub(crate) hours: Vec<(i64, String)>,
}

/// See the file's head.
pub(crate) struct Presence {
    pub(crate) t: &'static Words,
    pub(crate) home: String,
    pub(crate) acts: bool,
    /// True where the home's own page is elsewhere.
    pub(crate) linked: bool,
    pub(crate) heard: bool,
    pub(crate) cover: (&'static str, &'static str, &'static str),
    pub(crate) cover_reason: String,
    pub(crate) occupancy: String,
    pub(crate) silence: String,
    pub(crate) last_activity: String,
    pub(crate) deadline: String,
    pub(crate) deadline_reason: String,
    pub(crate) outage: bool,
    pub(crate) strip: Option<Strip>,
    pub(crate) devices: Vec<Device>,
    pub(crate) contacts: Vec<Contact>,
    pub(crate) hidden: Vec<Hidden>,
}

impl Presence {
    pub(crate) async fn build(app: &App, caller: &Caller, look: &Look, home: &HomeId, place: &Place) -> Result<Self, Problem> {
        let now = app.now();
        let w = look.words();
        let view = app.parts.homes.view(home).await;
        let registered = app.parts.register.devices_of(home).await?;
        let acts = caller.acts();
        let contacts = place
            .contacts
            .iter()
            .map(|c| Contact {
                id: c.id.as_str().to_owned(),
                name: c.name.clone(),
                relation: say::relation(w, &c.relation).to_owned(),
                addresses: c.addresses.iter().map(|(ch, at)| (ch.clone(), say::channel(w, ch).to_owned(), at.clone())).collect(),
            })
            .collect();
        let hidden = place
            .elders
            .iter()
            .filter(|e| acts && (e.has_health_notes || !e.phone_masked.is_empty()))
            .map(|e| Hidden { elder: e.id.as_str().to_owned(), name: e.name.clone(), phone: e.phone_masked.clone(), health: e.has_health_notes })
            .collect();
        let v = view.as_ref();
        Ok(Self {
            t: w,
            home: home.as_str().to_owned(),
            acts,
            linked: true,
            heard: v.is_some(),
            cover: say::cover(w, v.map(|v| v.cover)),
            cover_reason: v.map(|v| v.cover_reason.render(look.language, look.zone)).unwrap_or_default(),
            occupancy: v.map(|v| occupancy(look, v, now)).unwrap_or_default(),
            silence: v.map(|v| silence(look, v)).unwrap_or_default(),
            last_activity: v.map(|v| last_activity(look, v, &registered, now)).unwrap_or_default(),
            deadline: v.and_then(|v| v.next.as_ref()).map(|d| deadline(look, d, now)).unwrap_or_else(|| w.next_deadline_none.to_owned()),
            deadline_reason: v.and_then(|v| v.next.as_ref()).map(|d| d.reason.render(look.language, look.zone)).unwrap_or_default(),
            outage: v.is_some_and(|v| v.outage_worklist),
            strip: v.map(|v| strip(look, v, now)),
            devices: devices(look, v, &registered, now),
            contacts,
            hidden,
        })
    }
}

fn occupancy(look: &Look, view: &View, now: Timestamp) -> String {
    let w = look.words();
    let word = say::occupancy(w, view.occupancy);
    match view.since {
        Some(since) => format!("{word} · {}", fill(w.since, &[("at", &say::minute(look, since, now))])),
        None => word.to_owned(),
    }
}

fn silence(look: &Look, view: &View) -> String {
    match view.silence_s {
        Some(seconds) => span(seconds, look.language),
        None => look.words().silence_none.to_owned(),
    }
}

fn last_activity(look: &Look, view: &View, registered: &[DeviceRecord], now: Timestamp) -> String {
    let w = look.words();
    match &view.last_activity {
        Some(last) => {
            let at = say::clock(look, last.at, now);
            let named = |id: &care::DeviceId| match registered.iter().find(|record| record.id == *id) {
                Some(record) => say::kind(w, &record.kind).to_owned(),
                None => fill(w.device_nobodys, &[("device", id.as_str())]),
            };
            let place = last.room.clone().or_else(|| last.device.as_ref().map(named)).unwrap_or_default();
            format!("{at} {place}").trim().to_owned()
        }
        None => look.words().never.to_owned(),
    }
}

fn deadline(look: &Look, deadline: &care::home::Deadline, now: Timestamp) -> String {
    let (_, mark) = say::level(deadline.level);
    format!("{} {mark} {}", say::minute(look, deadline.at, now), say::level_word(look.words(), deadline.level))
}

fn devices(look: &Look, view: Option<&View>, registered: &[DeviceRecord], now: Timestamp) -> Vec<Device> {
    let w = look.words();
    let heard = view.map(|v| v.devices.as_slice()).unwrap_or_default();
    let mut out: Vec<Device> = heard
        .iter()
        .map(|d| {
            let record = registered.iter().find(|r| r.id == d.device);
            let (class, health) = match record {
                None => ("urgent", w.device_unregistered),
                Some(_) => say::health(w, d.health),
            };
            Device {
                name: record.map(|r| say::kind(w, &r.kind).to_owned()).unwrap_or_else(|| d.device.as_str().to_owned()),
                room: d.room.clone().or_else(|| record.map(|r| r.room.clone())).unwrap_or_default(),
                class,
                health,
                seen: say::ago(look, d.last_seen, now),
                seen_at: say::clock(look, d.last_seen, now),
            }
        })
        .collect();
    let never = registered.iter().filter(|r| r.retired_at.is_none() && !heard.iter().any(|d| d.device == r.id));
    out.extend(never.map(|r| Device {
        name: say::kind(w, &r.kind).to_owned(),
        room: r.room.clone(),
        class: "technical",
        health: w.never,
        seen: String::new(),
        seen_at: String::new(),
    }));
    out
}

/// Where an instant stands on the strip.
fn x(at: Timestamp, now: Timestamp) -> i64 {
    let whole = (BEHIND + AHEAD).num_seconds();
    (((at - (now - BEHIND)).num_seconds().clamp(0, whole) * WIDTH) / whole).clamp(EDGE, WIDTH - EDGE)
}

fn strip(look: &Look, view: &View, now: Timestamp) -> Strip {
    let rows = view.devices.len().clamp(1, ROWS_MAX);
    let base = i64::try_from(rows).unwrap_or(1) * ROW_HEIGHT + LIFE_HEIGHT;
    let marks = view
        .devices
        .iter()
        .take(ROWS_MAX)
        .zip(0i64..)
        .map(|(d, i)| Mark {
            x: x(d.last_seen, now),
            y: LIFE_HEIGHT + i * ROW_HEIGHT,
            class: match d.health {
                DeviceHealth::Working => "working",
                DeviceHealth::Silent => "silent",
                DeviceHealth::Offline => "offline",
            },
        })
        .collect();
    let life = view
        .signs
        .iter()
        .map(|(from, to)| {
            let words = format!("{} {}–{}", look.words().presence_life, say::minute(look, *from, now), say::minute(look, *to, now));
            (x(*from, now), (x(*to, now) - x(*from, now)).max(2), words)
        })
        .collect();
    let silent_since = view.last_activity.as_ref().filter(|_| view.silence_s.is_some()).map_or(now, |last| last.at);
    let silence_x = x(silent_since, now);
    let first = (now - BEHIND).with_timezone(&look.zone);
    let hours = (0..30i64)
        .filter_map(|h| {
            let at = first + TimeDelta::hours(h);
            let whole = at.with_minute(0)?.with_second(0)?;
            (whole.hour() % 6 == 0 && x(whole.to_utc(), now) > EDGE).then(|| (x(whole.to_utc(), now), whole.format("%H:00").to_string()))
        })
        .collect();
    Strip {
        height: base + 16,
        base,
        label_y: base + 13,
        now_x: x(now, now),
        silence_x,
        silence_width: (x(now, now) - silence_x).max(1),
        deadline_x: view.next.as_ref().filter(|d| d.at <= now + AHEAD).map(|d| x(d.at, now)),
        marks,
        life,
        hours,
    }
}
