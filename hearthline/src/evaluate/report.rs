//! A picture of each home, day by day: activity, absences, alerts; as one HTML page that needs nothing else.

use super::recording::{Recording, hours, midnight, text};
use super::replay::{Class, Outcome, Tier};
use anyhow::{Context, Result};
use care::{SignalKind, TimeDelta, Timestamp};
use std::fmt::Write as _;
use std::path::Path;

/// Most days that are drawn per home: the last ones.
const DAYS_MAX: i64 = 120;
/// Pixels per hour and per day.
const HOUR_PX: f64 = 40.0;
const DAY_PX: i64 = 12;

/// Writes `OUT_DIR/report.html`. The names in it are those of the files.
pub fn write(out_dir: &Path, recordings: &[Recording], outcomes: &[Outcome]) -> Result<()> {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Hearthline: what would have been said</title>\
         <style>body{font:14px sans-serif;margin:2em;max-width:70em}svg{background:#fafafa}li{margin:.2em 0}</style>\
         <h1>What would have been said</h1>\
         <p>One line per day, midnight to midnight. Grey: activity. Blue: nobody at home (the exit door, then nothing inside). \
         Amber: attention. Red: urgent. Black: anything else.</p>",
    );
    for (recording, outcome) in recordings.iter().zip(outcomes) {
        home(&mut page, recording, outcome);
    }
    page.push_str("</html>\n");
    let path = out_dir.join("report.html");
    std::fs::write(&path, page).with_context(|| format!("writing {}", path.display()))
}

fn home(page: &mut String, recording: &Recording, outcome: &Outcome) {
    let (Some(first), Some(last)) = (recording.first_midnight(), recording.signals.last()) else { return };
    let days = (last.heard_at - first).num_days() + 3;
    let from = first + TimeDelta::days((days - DAYS_MAX).max(0));
    let shown = days.min(DAYS_MAX);
    let name = escape(&recording.home);
    _ = write!(page, "<h2>{name}</h2><svg width=\"{:.0}\" height=\"{}\" role=\"img\" aria-label=\"{name}\">", HOUR_PX * 24.0 + 90.0, shown * DAY_PX + 20);
    for day in 0..shown {
        let date = (from + TimeDelta::days(day)).format("%Y-%m-%d");
        if day % 7 == 0 {
            _ = write!(page, "<text x=\"0\" y=\"{}\" font-size=\"10\">{date}</text>", day * DAY_PX + 10);
        }
    }
    let mut busy: Vec<Timestamp> =
        recording.signals.iter().map(|signal| signal.heard_at).filter(|at| *at >= from).map(|at| at - TimeDelta::seconds(at.timestamp().rem_euclid(300))).collect();
    busy.dedup();
    for at in busy {
        span(page, from, at, at + TimeDelta::minutes(5), "#777");
    }
    for pair in recording.signals.windows(2) {
        if let [before, after] = pair
            && before.kind == SignalKind::Door
            && after.heard_at - before.heard_at >= TimeDelta::minutes(10)
            && before.heard_at >= from
        {
            span(page, from, before.heard_at, after.heard_at, "#7ab8f5");
        }
    }
    let mut words = String::new();
    for (tier, alert) in &outcome.untouched {
        let colour = match (alert.class, tier) {
            (Class::Inactivity, Tier::Attention) => "#e69500",
            (Class::Inactivity, Tier::Urgent) => "#d00",
            (Class::Away | Class::Other, _) => "#000",
        };
        if alert.at >= from {
            let (x, y) = place(from, alert.at);
            _ = write!(page, "<circle cx=\"{x:.1}\" cy=\"{}\" r=\"5\" fill=\"{colour}\"><title>{}</title></circle>", y + DAY_PX / 2, escape(&alert.why));
        }
        if alert.tiers.first() == Some(tier) || alert.class == Class::Inactivity {
            _ = write!(words, "<li>{} {} {}: {}</li>", text(alert.at), tier.name(), alert.class.name(), escape(&alert.why));
        }
    }
    _ = write!(page, "</svg><ul>{words}</ul>");
}

fn place(from: Timestamp, at: Timestamp) -> (f64, i64) {
    let day = (midnight(at) - from).num_days();
    (90.0 + hours(at - midnight(at)) * HOUR_PX, day * DAY_PX)
}

/// A bar from one instant to another, over as many days as it takes.
fn span(page: &mut String, from: Timestamp, begin: Timestamp, end: Timestamp, colour: &str) {
    let mut at = begin;
    while at < end {
        let until = end.min(midnight(at) + TimeDelta::days(1));
        let (x, y) = place(from, at);
        let width = (hours(until - at) * HOUR_PX).max(1.0);
        _ = write!(page, "<rect x=\"{x:.1}\" y=\"{}\" width=\"{width:.1}\" height=\"{}\" fill=\"{colour}\"/>", y + 1, DAY_PX - 2);
        at = until;
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
