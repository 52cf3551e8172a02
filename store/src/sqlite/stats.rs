//! Figures for `/metrics`: counted without locks, read at leisure.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the latency buckets, seconds. One more bucket takes the rest.
pub const HISTOGRAM_S: [f64; 13] = [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

/// A latency histogram as read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histogram {
    /// Observations at or below each bound of [`HISTOGRAM_S`], cumulated.
    pub buckets: [u64; HISTOGRAM_S.len()],
    /// All observations.
    pub count: u64,
    /// Their sum, seconds.
    pub sum_s: f64,
}

/// A latency histogram being counted.
#[derive(Debug, Default)]
pub(super) struct Latency {
    buckets: [AtomicU64; HISTOGRAM_S.len()],
    count: AtomicU64,
    sum_us: AtomicU64,
}

impl Latency {
    pub(super) fn observe(&self, took: Duration) {
        if let Some((bucket, _)) = self.buckets.iter().zip(HISTOGRAM_S).find(|(_, bound)| took.as_secs_f64() <= *bound) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Histogram {
        let mut out = Histogram::default();
        let mut sum = 0;
        for (to, from) in out.buckets.iter_mut().zip(&self.buckets) {
            sum += from.load(Ordering::Relaxed);
            *to = sum;
        }
        out.count = self.count.load(Ordering::Relaxed);
        out.sum_s = Duration::from_micros(self.sum_us.load(Ordering::Relaxed)).as_secs_f64();
        out
    }
}

/// The figures of an event log since its start.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LogStats {
    /// Red records stored.
    pub red_rows: u64,
    /// Routine records stored.
    pub routine_rows: u64,
    /// Payload and topic bytes stored.
    pub bytes: u64,
    /// Time from the beginning of a transaction to its end on disk.
    pub commit: Histogram,
    /// Red records waiting now.
    pub red_queue: u64,
    /// Routine records waiting now.
    pub routine_queue: u64,
    /// Records refused because the queue was full.
    pub busy: u64,
    /// Records refused because the disk was full.
    pub refused_full: u64,
    /// Transactions that failed for another reason.
    pub failures: u64,
    /// Day files.
    pub files: u64,
    /// Day files that were found damaged at the start and left aside.
    pub damaged_files: u64,
    /// Bytes of all day files on disk.
    pub disk_bytes: u64,
    /// True while the disk is full: red records only, from the ballast.
    pub disk_full: bool,
    /// Bytes of ballast left.
    pub ballast_bytes: u64,
}

/// The figures of a ledger since its start.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LedgerStats {
    /// Transactions of callers that were committed.
    pub transactions: u64,
    /// Transactions refused because somebody else wrote first, or another owner has the shard.
    pub conflicts: u64,
    /// Time from the beginning of a group of transactions to its end on disk.
    pub commit: Histogram,
    /// Transactions that wait now.
    pub queue: u64,
    /// Transactions refused because the disk was full.
    pub refused_full: u64,
    /// Groups that failed for another reason.
    pub failures: u64,
    /// Bytes on disk, the WAL included.
    pub disk_bytes: u64,
    /// True while the disk is full: what red alarms need only, from the ballast.
    pub disk_full: bool,
    /// Bytes of ballast left.
    pub ballast_bytes: u64,
}
