//! Collapses to be simulated: read from `draws.csv`, or drawn here, so many per hour of the day.

use super::recording::{Recording, hour, hours, instant, text};
use super::replay::Draw;
use anyhow::{Context, Result};
use care::{SignalKind, TimeDelta, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;
use std::path::Path;

/// Draws per hour of the day that are made here.
const PER_HOUR: usize = 20;
/// Tries per hour of the day before an hour in which nobody is at home is given up.
const TRIES_MAX: usize = 4_000;

/// Reads `draw_id, home, collapse_ts`, by home and in order of time.
pub fn read(path: &Path) -> Result<BTreeMap<String, Vec<Draw>>> {
    let mut rows = csv::Reader::from_path(path).with_context(|| format!("opening {}", path.display()))?;
    let header = rows.headers()?.clone();
    let column = |name: &str| {
        let found = header.iter().position(|column| column == name);
        found.with_context(|| format!("{} has no column {name}", path.display()))
    };
    let (id, home, at) = (column("draw_id")?, column("home")?, column("collapse_ts")?);
    let mut draws: BTreeMap<String, Vec<Draw>> = BTreeMap::new();
    for row in rows.records() {
        let row = row?;
        let cell = |column: usize| row.get(column).unwrap_or_default();
        draws.entry(cell(home).to_owned()).or_default().push(Draw { id: cell(id).to_owned(), at: instant(cell(at))? });
    }
    for of_home in draws.values_mut() {
        of_home.sort_by_key(|draw| draw.at);
    }
    Ok(draws)
}

/// Writes draws in the form that [`read`] reads, with the last event before each.
pub fn write(path: &Path, draws: &BTreeMap<String, Vec<Draw>>, recordings: &[Recording]) -> Result<()> {
    let mut out = csv::Writer::from_path(path).with_context(|| format!("writing {}", path.display()))?;
    out.write_record(["draw_id", "home", "collapse_ts", "last_event_ts", "hour"])?;
    for recording in recordings {
        for draw in draws.get(&recording.home).into_iter().flatten() {
            let before = recording.signals.partition_point(|signal| signal.heard_at <= draw.at);
            let last = recording.signals.get(before.saturating_sub(1)).map_or(draw.at, |signal| signal.heard_at);
            out.write_record([&draw.id, &recording.home, &text(draw.at), &text(last), &hour(draw.at).to_string()])?;
        }
    }
    out.flush()?;
    Ok(())
}

/// Draws instants with somebody at home, from day `from` of the recording to its end: in an absence, which
/// begins with the exit door and nothing inside for ten minutes, nobody can collapse at home.
pub fn make(recording: &Recording, from: u32) -> Vec<Draw> {
    let (Some(first), Some(last)) = (recording.first_midnight(), recording.signals.last()) else { return Vec::new() };
    let from = first + TimeDelta::days(i64::from(from));
    let days = hours(last.heard_at - from) / 24.0;
    if days <= 0.0 {
        return Vec::new();
    }
    let seed = recording.home.bytes().fold(1u64, |seed, byte| seed.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte));
    let mut random = StdRng::seed_from_u64(seed);
    let mut draws = Vec::new();
    for hour in 0..24i64 {
        let mut made = 0;
        for _ in 0..TRIES_MAX {
            if made == PER_HOUR {
                break;
            }
            let day = random.random_range(0..recording_days(days));
            let at = from + TimeDelta::days(day) + TimeDelta::hours(hour) + TimeDelta::seconds(random.random_range(0..3600));
            if at < last.heard_at && at_home(recording, at) {
                draws.push(Draw { id: format!("{}-{hour:02}-{made:02}", recording.home), at });
                made += 1;
            }
        }
    }
    draws.sort_by_key(|draw| draw.at);
    draws
}

fn recording_days(days: f64) -> i64 {
    let mut whole = 1;
    while f64::from(i32::try_from(whole).unwrap_or(i32::MAX)) < days {
        whole += 1;
    }
    whole
}

/// Whether somebody was at home, with hindsight: not where nothing followed the exit door
/// for ten minutes, nor in a silence of more than a day.
fn at_home(recording: &Recording, at: Timestamp) -> bool {
    let next = recording.signals.partition_point(|signal| signal.heard_at <= at);
    let (Some(before), Some(after)) = (next.checked_sub(1).and_then(|i| recording.signals.get(i)), recording.signals.get(next)) else {
        return false;
    };
    let away = before.kind == SignalKind::Door && after.heard_at - before.heard_at >= TimeDelta::minutes(10);
    !away && after.heard_at - before.heard_at <= TimeDelta::hours(24)
}
