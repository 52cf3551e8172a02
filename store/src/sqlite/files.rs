//! The day files of the event log. `log-20261123.db`, and `log-20261123-01.db` if the first one had to be left
//! because a write to it failed. Places in a lane go on from file to file.

use super::dir::{DataDir, OpenError};
use super::{open_reader, open_writer};
use crate::log::{Entry, LogError, Offset, Record, Shard};
use care::{HomeId, Lane};
use chrono::{DateTime, NaiveDate, Utc};
use rusqlite::{Connection, ErrorCode, params};
use std::io;
use std::path::{Path, PathBuf};

/// The schema of a day file.
const SCHEMA: i64 = 1;
/// Bits of a record's key that hold its offset; the shard stands above, the lane above that.
const OFFSET_BITS: u32 = 50;
const OFFSET_MAX: u64 = (1 << OFFSET_BITS) - 1;
/// How far places are moved on behind a damaged file, whose last ones nobody knows: none may be used twice.
pub(super) const LEAP: u64 = 1 << 36;
/// Most payload bytes that one read returns (LIM-1).
const READ_BYTES_MAX: usize = 4 << 20;

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DayFile {
    pub(super) day: NaiveDate,
    pub(super) part: u32,
    pub(super) path: PathBuf,
    /// The first offset that each lane may have in this file, by [`slot`].
    pub(super) starts: Vec<u64>,
}

/// The place of a lane in vectors over all lanes: red ones first.
pub(super) fn slot(lane: Lane, shard: Shard, shards: u16) -> usize {
    match lane {
        Lane::Red => usize::from(shard.0),
        Lane::Routine => usize::from(shard.0) + usize::from(shards),
    }
}

/// The key of a record: sorts by lane, shard, offset.
pub(super) fn key(lane: Lane, shard: Shard, offset: u64) -> i64 {
    let lane = match lane {
        Lane::Red => 0,
        Lane::Routine => 1_u64,
    };
    let key = (lane << 62) | (u64::from(shard.0) << OFFSET_BITS) | offset.min(OFFSET_MAX);
    i64::try_from(key).unwrap_or(i64::MAX)
}

fn offset_of(key: i64) -> u64 {
    u64::try_from(key).unwrap_or_default() & OFFSET_MAX
}

/// Nanoseconds since 1970; instants outside 1677 to 2262 are held at the ends.
pub(crate) fn nanos(at: care::Timestamp) -> i64 {
    at.timestamp_nanos_opt().unwrap_or(if at.timestamp() < 0 { i64::MIN } else { i64::MAX })
}

/// The reverse of [`nanos`].
pub(crate) fn instant(nanos: i64) -> care::Timestamp {
    DateTime::<Utc>::from_timestamp_nanos(nanos)
}

impl DayFile {
    fn named(dir: &Path, day: NaiveDate, part: u32) -> PathBuf {
        let day = day.format("%Y%m%d");
        dir.join(if part == 0 { format!("log-{day}.db") } else { format!("log-{day}-{part:02}.db") })
    }

    fn parse(name: &str) -> Option<(NaiveDate, u32)> {
        let stem = name.strip_prefix("log-")?.strip_suffix(".db")?;
        let (day, part) = stem.split_once('-').unwrap_or((stem, "0"));
        Some((NaiveDate::parse_from_str(day, "%Y%m%d").ok()?, part.parse().ok()?))
    }

    /// All files of a directory, oldest first, and those that are damaged: they are left where they are, for an
    /// expert's tools, and the platform goes on without them. What a power cut left of a file that was being made is
    /// removed.
    pub(super) fn all(dir: &DataDir) -> Result<(Vec<Self>, Vec<Self>), OpenError> {
        let listing = |e| OpenError::Io("list the data directory".into(), e);
        let mut out = Vec::new();
        for entry in std::fs::read_dir(dir.path()).map_err(listing)? {
            let entry = entry.map_err(listing)?;
            if let Some((day, part)) = entry.file_name().to_str().and_then(Self::parse) {
                out.push(Self { day, part, path: entry.path(), starts: Vec::new() });
            }
        }
        out.sort_by_key(|f| (f.day, f.part));
        let (mut sound, mut damaged) = (Vec::new(), Vec::new());
        for mut file in out {
            match file.look() {
                Ok(0) => file.remove().map_err(|e| OpenError::Io(format!("remove the unfinished {}", file.path.display()), e))?,
                Ok(SCHEMA) => sound.push(file),
                Ok(found) => return Err(OpenError::Newer { file: file.path.display().to_string(), found, known: SCHEMA }),
                Err(error) if is_damaged(&error) => {
                    tracing::error!(file = %file.path.display(), %error, "a day file of the event log is damaged: going on without it");
                    damaged.push(file);
                }
                Err(error) => return Err(OpenError::Sqlite(format!("open {}", file.path.display()), error)),
            }
        }
        Ok((sound, damaged))
    }

    /// Reads the schema's number and, if it is ours, where the lanes start.
    fn look(&mut self) -> rusqlite::Result<i64> {
        let db = open_reader(&self.path)?;
        let schema = db.query_row("PRAGMA user_version", [], |r| r.get(0))?;
        if schema == SCHEMA {
            self.starts = starts(&db)?;
        }
        Ok(schema)
    }

    /// Makes a new file that goes on at `starts`, durable under its name.
    pub(super) fn create(dir: &DataDir, day: NaiveDate, part: u32, starts: &[u64]) -> Result<(Self, Connection), OpenError> {
        let path = Self::named(dir.path(), day, part);
        let failed = |e| OpenError::Sqlite(format!("make {}", path.display()), e);
        let mut db = open_writer(&path).map_err(failed)?;
        let write = |db: &mut Connection| -> rusqlite::Result<()> {
            let tx = db.transaction()?;
            tx.execute_batch(
                "CREATE TABLE record (key INTEGER PRIMARY KEY, home TEXT NOT NULL, source TEXT NOT NULL, topic TEXT NOT NULL,
                    heard_at INTEGER NOT NULL, payload BLOB NOT NULL);
                 CREATE TABLE start (slot INTEGER PRIMARY KEY, offset INTEGER NOT NULL);",
            )?;
            {
                let mut insert = tx.prepare("INSERT INTO start (slot, offset) VALUES (?1, ?2)")?;
                for (slot, offset) in starts.iter().enumerate() {
                    insert.execute(params![to_i64(slot as u64), to_i64(*offset)])?;
                }
            }
            tx.pragma_update(None, "user_version", SCHEMA)?;
            tx.commit()
        };
        if let Err(error) = write(&mut db) {
            drop(db);
            let file = Self { day, part, path: path.clone(), starts: Vec::new() };
            if let Err(left) = file.remove() {
                tracing::warn!(error = %left, "an unfinished day file could not be removed");
            }
            return Err(failed(error));
        }
        dir.sync().map_err(|e| OpenError::Io(format!("make durable the name of {}", path.display()), e))?;
        Ok((Self { day, part, path, starts: starts.to_vec() }, db))
    }

    /// The last offset of every lane, as far as this file knows.
    pub(super) fn ends(&self, db: &Connection) -> rusqlite::Result<Vec<u64>> {
        let shards = self.starts.len() / 2;
        let mut last = db.prepare("SELECT max(key) FROM record WHERE key BETWEEN ?1 AND ?2")?;
        let mut out = Vec::with_capacity(self.starts.len());
        for (i, start) in self.starts.iter().enumerate() {
            let lane = if i < shards { Lane::Red } else { Lane::Routine };
            let shard = Shard(u16::try_from(i % shards.max(1)).unwrap_or_default());
            let max: Option<i64> = last.query_row(params![key(lane, shard, 0), key(lane, shard, OFFSET_MAX)], |r| r.get(0))?;
            out.push(max.map_or(0, offset_of).max(start.saturating_sub(1)));
        }
        Ok(out)
    }

    /// Adds up to `max` records of a lane to `out`: those after `after`, up to `end`.
    pub(super) fn read(
        db: &Connection,
        (shard, lane): (Shard, Lane),
        after: Offset,
        end: u64,
        max: usize,
        out: &mut Vec<Entry>,
    ) -> Result<Full, LogError> {
        let failed = |e: rusqlite::Error| LogError::Failed(e.to_string());
        let mut select = db
            .prepare_cached("SELECT key, home, source, topic, heard_at, payload FROM record WHERE key > ?1 AND key <= ?2 ORDER BY key LIMIT ?3")
            .map_err(failed)?;
        let want = to_i64(max.saturating_sub(out.len()) as u64);
        let mut rows = select.query(params![key(lane, shard, after.0), key(lane, shard, end), want]).map_err(failed)?;
        let mut bytes: usize = out.iter().map(|e| e.record.payload.len()).sum();
        while let Some(row) = rows.next().map_err(failed)? {
            let entry = || -> rusqlite::Result<Entry> {
                Ok(Entry {
                    offset: Offset(offset_of(row.get(0)?)),
                    record: Record {
                        lane,
                        home: HomeId::new(row.get::<_, String>(1)?),
                        source: row.get(2)?,
                        topic: row.get(3)?,
                        heard_at: instant(row.get(4)?),
                        payload: row.get(5)?,
                    },
                })
            };
            let entry = entry().map_err(failed)?;
            bytes = bytes.saturating_add(entry.record.payload.len());
            out.push(entry);
            if bytes >= READ_BYTES_MAX {
                return Ok(Full::Yes);
            }
        }
        Ok(if out.len() >= max { Full::Yes } else { Full::No })
    }

    /// Removes the file and what stands beside it.
    pub(super) fn remove(&self) -> io::Result<()> {
        for suffix in ["-wal", "-shm", ""] {
            let mut path = self.path.clone().into_os_string();
            path.push(suffix);
            match std::fs::remove_file(&path) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Its bytes on disk, the WAL included.
    pub(super) fn disk_bytes(&self) -> u64 {
        ["", "-wal"]
            .iter()
            .map(|suffix| {
                let mut path = self.path.clone().into_os_string();
                path.push(suffix);
                std::fs::metadata(&path).map(|m| m.len()).unwrap_or_default()
            })
            .sum()
    }
}

/// True if the file itself is no sound database, whatever the reason.
pub(super) fn is_damaged(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// Whether a read has all it wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    Yes,
    No,
}

/// SQLite's integers are signed; nothing here comes near their end.
pub(crate) fn to_i64(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn starts(db: &Connection) -> rusqlite::Result<Vec<u64>> {
    let mut select = db.prepare("SELECT offset FROM start ORDER BY slot")?;
    let rows = select.query_map([], |r| r.get::<_, i64>(0))?;
    rows.map(|n| n.map(|n| u64::try_from(n).unwrap_or_default())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_by_lane_then_shard_then_offset() {
        let keys = [
            key(Lane::Red, Shard(0), 1),
            key(Lane::Red, Shard(0), OFFSET_MAX),
            key(Lane::Red, Shard(1), 1),
            key(Lane::Red, Shard(4095), OFFSET_MAX),
            key(Lane::Routine, Shard(0), 1),
            key(Lane::Routine, Shard(4095), OFFSET_MAX),
        ];
        assert!(keys.is_sorted(), "{keys:?}");
        assert_eq!(offset_of(key(Lane::Routine, Shard(77), 12_345)), 12_345);
    }

    #[test]
    fn names_go_there_and_back() {
        let day = NaiveDate::from_ymd_opt(2026, 11, 23).unwrap();
        for part in [0, 1, 12, 100] {
            let path = DayFile::named(Path::new(""), day, part);
            assert_eq!(DayFile::parse(path.to_str().unwrap()), Some((day, part)));
        }
        assert_eq!(DayFile::parse("log-20261123.db-wal"), None);
        assert_eq!(DayFile::parse("ledger.db"), None);
    }
}
