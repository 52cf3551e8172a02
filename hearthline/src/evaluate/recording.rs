//! A home's recorded history: rows of a CSV file as the messages that its devices would have sent, read
//! back by the same decoder that reads live devices. The column `label` is never looked at.

use anyhow::{Context, Result, bail};
use care::{DeviceId, HomeId, Signal, SignalKind, TimeDelta, Timestamp, Value};
use chrono::{NaiveDateTime, NaiveTime, Timelike};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Largest history that is read, rows.
const ROWS_MAX: usize = 20_000_000;

/// A home's history.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The name of the file without its ending.
    pub home: String,
    /// What was heard, in order.
    pub signals: Vec<Signal>,
}

impl Recording {
    /// Reads `DIR/HOME.csv.gz` or `DIR/HOME.csv`. Local time is taken as UTC.
    pub fn read(dir: &Path, home: &str) -> Result<Self> {
        let packed = dir.join(format!("{home}.csv.gz"));
        let plain = dir.join(format!("{home}.csv"));
        let file: Box<dyn Read> = if packed.exists() {
            let file = File::open(&packed).with_context(|| format!("opening {}", packed.display()))?;
            Box::new(flate2::read::MultiGzDecoder::new(file))
        } else {
            Box::new(File::open(&plain).with_context(|| format!("opening {}", plain.display()))?)
        };
        Self::parse(home, file).with_context(|| format!("reading the history of {home}"))
    }

    /// Reads the columns `ts, sensor, kind, room, value`, found by their names.
    pub fn parse(home: &str, from: impl Read) -> Result<Self> {
        let mut rows = csv::ReaderBuilder::new().flexible(true).from_reader(from);
        let header = rows.headers()?.clone();
        let column = |name: &str| header.iter().position(|column| column.trim() == name);
        let (Some(ts), Some(sensor), Some(kind)) = (column("ts"), column("sensor"), column("kind")) else {
            bail!("the columns ts, sensor and kind are needed, found {header:?}");
        };
        let (room, value) = (column("room"), column("value"));
        let id = HomeId::new(home);
        let mut learned = wire::Learned::default();
        let mut signals = Vec::new();
        for (number, row) in rows.records().enumerate() {
            if number >= ROWS_MAX {
                bail!("more than {ROWS_MAX} rows");
            }
            let row = row?;
            let cell = |column: Option<usize>| column.and_then(|column| row.get(column)).unwrap_or_default().trim();
            let at = instant(cell(Some(ts))).with_context(|| format!("row {}", number + 2))?;
            let Some(said) = said(&id, cell(Some(sensor)), cell(Some(kind)), cell(value), at) else {
                bail!("row {}: unknown kind `{}`", number + 2, cell(Some(kind)));
            };
            let name = wire::native::Name::Text(format!("r{number}"));
            let (topic, payload) = wire::native::encode(&said, Some(&name), None);
            let message = wire::Message { home: None, topic: &topic, payload: &payload, heard_at: at, retained: wire::Retained::No };
            for signal in wire::decode(&message, &mut learned).signals() {
                let room = Some(cell(room)).filter(|room| !room.is_empty()).map(str::to_owned);
                signals.push(Signal { room, ..signal.clone() });
            }
        }
        signals.sort_by_key(|signal: &Signal| signal.heard_at);
        Ok(Self { home: home.to_owned(), signals })
    }

    /// Midnight before the first event.
    pub fn first_midnight(&self) -> Option<Timestamp> {
        self.signals.first().map(|signal| midnight(signal.heard_at))
    }

    /// Days from the first midnight to the last event.
    pub fn days(&self) -> f64 {
        match (self.first_midnight(), self.signals.last()) {
            (Some(first), Some(last)) => hours(last.heard_at - first) / 24.0,
            _ => 0.0,
        }
    }

    /// Leaves out what happened after `days` days.
    pub fn cut(&mut self, days: u32) {
        if let Some(first) = self.first_midnight() {
            let end = first + TimeDelta::days(i64::from(days));
            self.signals.retain(|signal| signal.heard_at < end);
        }
    }
}

/// A span in hours.
pub fn hours(span: TimeDelta) -> f64 {
    f64::from(i32::try_from(span.num_seconds()).unwrap_or(i32::MAX)) / 3600.0
}

/// The midnight (UTC) that begins the day of an instant.
pub fn midnight(at: Timestamp) -> Timestamp {
    at.date_naive().and_time(NaiveTime::MIN).and_utc()
}

/// The hour of the day (UTC).
pub fn hour(at: Timestamp) -> u32 {
    at.hour()
}

/// `2011-06-15T01:03:39`, with a fraction or a zone if it must be.
pub fn instant(text: &str) -> Result<Timestamp> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"] {
        if let Ok(at) = NaiveDateTime::parse_from_str(text, format) {
            return Ok(at.and_utc());
        }
    }
    bail!("`{text}` is not a time")
}

/// The way times are written in the files.
pub fn text(at: Timestamp) -> String {
    at.format("%Y-%m-%dT%H:%M:%S").to_string()
}

/// What the device of a row would say in the native language.
fn said(home: &HomeId, sensor: &str, kind: &str, value: &str, at: Timestamp) -> Option<Signal> {
    let kind = SignalKind::parse(kind)?;
    let on = !matches!(value.to_ascii_uppercase().as_str(), "OFF" | "FALSE" | "0" | "CLOSE" | "CLOSED");
    let number = value.parse::<f64>().ok().filter(|number| number.is_finite());
    let value = match kind {
        SignalKind::Door | SignalKind::Contact if on => Value::Open,
        SignalKind::Door | SignalKind::Contact => Value::Closed,
        SignalKind::Water => Value::Number(number.unwrap_or(if on { 1.0 } else { 0.0 })),
        // a switch that says on and off: what an appliance draws
        SignalKind::Power => Value::Number(number.unwrap_or(if on { 1000.0 } else { 0.0 })),
        SignalKind::Temperature | SignalKind::Battery | SignalKind::Link => Value::Number(number?),
        SignalKind::Heartbeat
        | SignalKind::Well
        | SignalKind::Away
        | SignalKind::Back
        | SignalKind::CheckIn
        | SignalKind::CheckOut
        | SignalKind::Cancel
        | SignalKind::Online
        | SignalKind::Offline => Value::None,
        SignalKind::Call
        | SignalKind::Fall
        | SignalKind::Smoke
        | SignalKind::Gas
        | SignalKind::CarbonMonoxide
        | SignalKind::WaterLeak
        | SignalKind::Motion
        | SignalKind::Presence
        | SignalKind::Vibration
        | SignalKind::Bed
        | SignalKind::Seat
        | SignalKind::Mains
        | SignalKind::Tamper
        | SignalKind::Button => Value::Bool(on),
    };
    let device: String =
        sensor.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.:".contains(c) { c } else { '_' }).take(64).collect();
    let device = DeviceId::new(if device.is_empty() { "unnamed".to_owned() } else { device });
    Some(Signal { home: home.clone(), device, kind, value, room: None, event: None, said_at: Some(at), heard_at: at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_never_read() {
        let with = "ts,sensor,kind,room,value,label\n2011-06-15T01:03:39,M1,motion,bedroom,ON,Sleep\n2011-06-15T02:03:39,D1,door,entrance,OPEN,Leave\n";
        let without = "ts,sensor,kind,room,value\n2011-06-15T01:03:39,M1,motion,bedroom,ON\n2011-06-15T02:03:39,D1,door,entrance,OPEN\n";
        let read = |text: &str| Recording::parse("h", text.as_bytes()).unwrap().signals;
        assert_eq!(read(with), read(without));
        assert_eq!(read(with).len(), 2);
    }

    #[test]
    fn a_row_is_heard_as_its_device_would_say_it() {
        let text = "ts,sensor,kind,room,value,label\n2011-06-15T01:03:39,M 1,power,kitchen,ON,\n";
        let signals = Recording::parse("h", text.as_bytes()).unwrap().signals;
        let [signal] = signals.as_slice() else { panic!("{signals:?}") };
        assert_eq!((signal.kind, signal.value, signal.device.as_str()), (SignalKind::Power, Value::Number(1000.0), "M_1"));
        assert_eq!(signal.room.as_deref(), Some("kitchen"));
    }
}
