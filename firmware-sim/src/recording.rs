//! Recordings: `ts,sensor,kind,room,value,label` in local wall time, as CSV, packed with gzip or not.

use care::{SignalKind, Value};
use chrono::NaiveDateTime;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// Most events of a recording that are read.
pub const EVENTS_MAX: usize = 20_000_000;

/// What a recorded tap means, for there is no more than "on": litres.
const WATER_ON_LITRES: f64 = 1.0;

/// What a recorded appliance means: watts.
const POWER_ON_WATTS: f64 = 1000.0;

/// One recorded event.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Local wall time.
    pub ts: NaiveDateTime,
    /// The sensor's name.
    pub sensor: String,
    /// What it senses.
    pub kind: SignalKind,
    /// Its room.
    pub room: String,
    /// What it said.
    pub value: Value,
    /// The annotators' word: for evaluators, never sent.
    pub label: String,
}

/// Why a recording cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The file itself.
    #[error("opening the recording {path}")]
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A row that is no row.
    #[error("reading the recording")]
    Read(#[source] csv::Error),
    /// A row that means nothing.
    #[error("line {line} of the recording: {what}")]
    Row {
        /// Counted from 1, the heading included.
        line: u64,
        /// What is wrong.
        what: String,
    },
    /// Writing.
    #[error("writing the recording")]
    Write(#[source] csv::Error),
    /// Finishing the file.
    #[error("finishing the recording")]
    Finish(#[source] io::Error),
}

#[derive(Serialize, Deserialize)]
struct Row {
    ts: String,
    sensor: String,
    kind: String,
    #[serde(default)]
    room: String,
    value: String,
    #[serde(default)]
    label: String,
}

fn value(kind: SignalKind, text: &str) -> Option<Value> {
    let text = text.trim().to_ascii_uppercase();
    let on = match text.as_str() {
        "ON" | "OPEN" | "TRUE" | "PRESENT" | "" => Some(true),
        "OFF" | "CLOSE" | "CLOSED" | "FALSE" | "ABSENT" => Some(false),
        _ => None,
    };
    let measured = |full: f64| match on {
        Some(true) => Some(Value::Number(full)),
        Some(false) => Some(Value::Number(0.0)),
        None => text
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite())
            .map(Value::Number),
    };
    if matches!(kind, SignalKind::Door | SignalKind::Contact) {
        on.map(|open| if open { Value::Open } else { Value::Closed })
    } else if kind == SignalKind::Water {
        measured(WATER_ON_LITRES)
    } else if kind == SignalKind::Power {
        measured(POWER_ON_WATTS)
    } else {
        on.map(Value::Bool)
    }
}

fn text(kind: SignalKind, value: Value) -> &'static str {
    let opens = matches!(kind, SignalKind::Door | SignalKind::Contact);
    match value {
        Value::Open | Value::Bool(true) | Value::None if opens => "OPEN",
        Value::Closed | Value::Bool(false) if opens => "CLOSE",
        Value::Number(number) if number <= 0.0 => "OFF",
        Value::Closed | Value::Bool(false) => "OFF",
        Value::Open | Value::Bool(true) | Value::None | Value::Number(_) => "ON",
    }
}

fn time(text: &str) -> Option<NaiveDateTime> {
    let text = text.trim();
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
}

/// Reads a recording from bytes that are not packed.
pub fn read_from(from: impl Read) -> Result<Vec<Recorded>, RecordingError> {
    let mut events = Vec::new();
    let mut reader = csv::Reader::from_reader(from);
    for (line, row) in (2..).zip(reader.deserialize::<Row>()) {
        let row = row.map_err(RecordingError::Read)?;
        let bad = |what: String| RecordingError::Row { line, what };
        if events.len() >= EVENTS_MAX {
            return Err(bad(format!("more than {EVENTS_MAX} events")));
        }
        let kind = SignalKind::parse(row.kind.trim())
            .ok_or_else(|| bad(format!("unknown kind {:?}", row.kind)))?;
        events.push(Recorded {
            ts: time(&row.ts).ok_or_else(|| bad(format!("no time: {:?}", row.ts)))?,
            value: value(kind, &row.value)
                .ok_or_else(|| bad(format!("no value of a {}: {:?}", kind.name(), row.value)))?,
            sensor: row.sensor,
            kind,
            room: row.room,
            label: row.label,
        });
    }
    Ok(events)
}

/// Reads a recording from a file, packed or not: its first bytes tell.
pub fn read(path: &Path) -> Result<Vec<Recorded>, RecordingError> {
    let open = |source| RecordingError::Open {
        path: path.to_owned(),
        source,
    };
    let mut file = BufReader::new(File::open(path).map_err(open)?);
    let packed = io::BufRead::fill_buf(&mut file)
        .map_err(open)?
        .starts_with(&[0x1f, 0x8b]);
    if packed {
        read_from(MultiGzDecoder::new(file))
    } else {
        read_from(file)
    }
}

/// Writes a recording.
pub fn write_to(
    to: impl Write,
    events: impl IntoIterator<Item = Recorded>,
) -> Result<(), RecordingError> {
    let mut writer = csv::Writer::from_writer(to);
    for event in events {
        let row = Row {
            ts: event.ts.format("%Y-%m-%dT%H:%M:%S").to_string(),
            sensor: event.sensor,
            kind: event.kind.name().to_owned(),
            room: event.room,
            value: text(event.kind, event.value).to_owned(),
            label: event.label,
        };
        writer.serialize(row).map_err(RecordingError::Write)?;
    }
    writer.flush().map_err(RecordingError::Finish)
}

/// Writes a recording into a file, packed if its name ends in `.gz`.
pub fn write(
    path: &Path,
    events: impl IntoIterator<Item = Recorded>,
) -> Result<(), RecordingError> {
    let file = File::create(path).map_err(|source| RecordingError::Open {
        path: path.to_owned(),
        source,
    })?;
    let mut file = BufWriter::new(file);
    if path.extension().is_some_and(|end| end == "gz") {
        let mut packer = GzEncoder::new(&mut file, Compression::default());
        write_to(&mut packer, events)?;
        packer.finish().map_err(RecordingError::Finish)?;
    } else {
        write_to(&mut file, events)?;
    }
    file.flush().map_err(RecordingError::Finish)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "ts,sensor,kind,room,value,label\n\
        2026-01-02T03:04:05,Bedroom,motion,bedroom,ON,\n\
        2026-01-02 03:05:06.500,Front,door,,OPEN,\n\
        2026-01-02T03:05:07,Front,door,,CLOSE,\n\
        2026-01-02T03:06:00,Fridge,contact,kitchen,ON,Meal\n\
        2026-01-02T03:07:00,Bed,bed,bedroom,OFF,\n\
        2026-01-02T03:08:00,Tap,water,kitchen,ON,\n\
        2026-01-02T03:09:00,Oven,power,kitchen,1250.5,\n";

    #[test]
    fn the_words_of_recordings_become_values() {
        let events = read_from(TEXT.as_bytes()).unwrap();
        let values: Vec<_> = events.iter().map(|event| event.value).collect();
        let expected = [
            Value::Bool(true),
            Value::Open,
            Value::Closed,
            Value::Open,
            Value::Bool(false),
            Value::Number(1.0),
            Value::Number(1250.5),
        ];
        assert_eq!(values, expected);
    }

    #[test]
    fn what_cannot_be_read_says_where_and_why() {
        for (bad, says) in [
            (
                "ts,sensor,kind,room,value,label\nyesterday,a,motion,,ON,\n",
                "line 2",
            ),
            (
                "ts,sensor,kind,room,value,label\n2026-01-02T03:04:05,a,mood,,ON,\n",
                "unknown kind",
            ),
            (
                "ts,sensor,kind,room,value,label\n2026-01-02T03:04:05,a,door,,7,\n",
                "no value of a door",
            ),
        ] {
            let error = read_from(bad.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn a_recording_survives_being_packed() {
        let folder = tempfile::tempdir().unwrap();
        let events = crate::record::record(
            &crate::Seed::new(3),
            chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap(),
            3,
        );
        for name in ["home.csv", "home.csv.gz"] {
            let path = folder.path().join(name);
            write(&path, events.clone()).unwrap();
            let again = read(&path).unwrap();
            assert_eq!(again.len(), events.len());
            assert!(
                again
                    .iter()
                    .zip(&events)
                    .all(|(a, b)| (a.ts, &a.sensor, a.kind) == (b.ts, &b.sensor, b.kind))
            );
        }
    }
}
