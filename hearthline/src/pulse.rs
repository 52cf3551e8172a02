//! The health of the parts, looked at once a second, for the console's header, `/readyz` and `/metrics`.

use alerts::canary::{BUCKETS_MS, Canary};
use alerts::{Engine, Health};
use async_trait::async_trait;
use care::home::{RoutineView, Rules, Told, Trial, View};
use care::{AlarmId, DeviceId, HomeId, TimeDelta, Timestamp};
use console::{Doing, Feed, FeedKind, FeedState, Feeds, Figure, Metrics, Phase, RawMessage, Underway};
use gateway::DoorHandle;
use gateway::receiver::dc09::Dc09Counters;
use gateway::receiver::scaip::ScaipCounters;
use ingest::Handle;
use std::fmt::Write as _;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::sqlite::Histogram;
use store::telemetry::Point;
use store::{Clock, EventLog, LedgerKeeper, LogKeeper, Offset, Shard, TelemetrySink};

/// Routine records waiting beyond this make the ingest degraded.
const BEHIND_MAX: u64 = 50_000;
/// A canary later than this makes the platform degraded.
const CANARY_LATE: TimeDelta = TimeDelta::minutes(3);

/// Seconds between two of the platform's own measurements.
const SERIES_EVERY_S: u64 = 10;

/// The workers of all shards behind one face.
pub struct Workers {
    /// By shard; empty where the shard is another process's.
    posts: Vec<Mutex<Option<Handle>>>,
    /// Of every worker that there was since the start.
    counters: Mutex<Vec<Arc<ingest::Counters>>>,
    elsewhere: Option<Arc<dyn Elsewhere>>,
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    settings: care::home::Settings,
}

/// The workers of other processes.
#[async_trait]
pub trait Elsewhere: Send + Sync {
    /// How a home looks there.
    async fn view(&self, shard: Shard, home: &HomeId) -> Option<View>;
    /// What was learned of a home there.
    async fn routine(&self, shard: Shard, home: &HomeId) -> Option<RoutineView>;
    /// The outage worklist of a shard there.
    async fn outage_worklist(&self, shard: Shard) -> Vec<View>;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Most signals of a home's past that a rule is tried on.
const HISTORY_MAX: usize = 1_000_000;

impl Workers {
    /// For the shards of this log; no worker has reported yet. `elsewhere` asks those of other processes.
    pub fn new(log: Arc<dyn EventLog>, clock: Arc<dyn Clock>, settings: care::home::Settings, elsewhere: Option<Arc<dyn Elsewhere>>) -> Self {
        let posts = (0..log.shards()).map(|_| Mutex::default()).collect();
        Self { posts, counters: Mutex::default(), elsewhere, log, clock, settings }
    }

    /// A worker is at work.
    pub fn began(&self, shard: Shard, handle: Handle, counters: Arc<ingest::Counters>) {
        if let Some(post) = self.posts.get(usize::from(shard.0)) {
            *lock(post) = Some(handle);
            lock(&self.counters).push(counters);
        }
    }

    /// A worker has ended: its shard is another process's now.
    pub fn ended(&self, shard: Shard) {
        if let Some(post) = self.posts.get(usize::from(shard.0)) {
            *lock(post) = None;
        }
    }

    /// The worker of a shard, if it is here.
    pub fn post(&self, shard: Shard) -> Option<Handle> {
        lock(self.posts.get(usize::from(shard.0))?).clone()
    }

    /// The shard of a home.
    pub fn shard_of(&self, home: &HomeId) -> Shard {
        store::log::shard_of(home, self.log.shards())
    }

    /// The worker of a home, if it is here.
    pub fn of(&self, home: &HomeId) -> Option<Handle> {
        self.post(self.shard_of(home))
    }

    fn handles(&self) -> Vec<Handle> {
        self.posts.iter().filter_map(|p| lock(p).clone()).collect()
    }

    fn sum(&self, of: fn(&ingest::Counters) -> &std::sync::atomic::AtomicU64) -> u64 {
        lock(&self.counters).iter().map(|c| of(c).load(Ordering::Relaxed)).sum()
    }
}

#[async_trait]
impl console::Homes for Workers {
    async fn view(&self, home: &HomeId) -> Option<View> {
        match (self.of(home), &self.elsewhere) {
            (Some(handle), _) => handle.view(home).await,
            (None, Some(elsewhere)) => elsewhere.view(self.shard_of(home), home).await,
            (None, None) => None,
        }
    }

    async fn routine(&self, home: &HomeId) -> Option<RoutineView> {
        match (self.of(home), &self.elsewhere) {
            (Some(handle), _) => handle.routine(home).await,
            (None, Some(elsewhere)) => elsewhere.routine(self.shard_of(home), home).await,
            (None, None) => None,
        }
    }

    async fn tell(&self, home: &HomeId, told: Told) -> Result<(), String> {
        ingest::tell(&*self.log, home, &told, self.clock.now()).await.map_err(|e| e.to_string())
    }

    async fn messages(&self, home: &HomeId, device: &DeviceId) -> Vec<RawMessage> {
        let (Some(handle), shard) = (self.of(home), self.shard_of(home)) else { return Vec::new() };
        let mut out = Vec::new();
        for (lane, offset) in handle.recent(home, device).await {
            let before = Offset(offset.0.saturating_sub(1));
            // what has been dropped with its day is no longer there
            let entry = self.log.read(shard, lane, before, 1).await.ok().and_then(|batch| batch.into_iter().next());
            if let Some(entry) = entry.filter(|entry| entry.offset == offset && entry.record.home == *home) {
                let store::Record { topic, payload, heard_at, .. } = entry.record;
                out.push(RawMessage { topic, payload, heard_at });
            }
        }
        out
    }

    async fn trial(&self, home: &HomeId, rules: Rules, days: u32) -> Result<Vec<Trial>, String> {
        let now = self.clock.now();
        let from = now - TimeDelta::days(i64::from(days));
        let signals = ingest::history(&*self.log, home, from, HISTORY_MAX).await.map_err(|e| e.to_string())?;
        let (home, settings) = (home.clone(), self.settings.clone());
        let played = tokio::task::spawn_blocking(move || care::home::trial(&home, &signals, rules, &settings, now));
        played.await.map_err(|e| e.to_string())
    }

    async fn outage_worklist(&self, max: usize) -> Vec<View> {
        let mut out = Vec::new();
        for shard in (0..self.log.shards()).map(Shard) {
            match (self.post(shard), &self.elsewhere) {
                (Some(handle), _) => out.extend(handle.outage_worklist().await),
                (None, Some(elsewhere)) => out.extend(elsewhere.outage_worklist(shard).await),
                (None, None) => {}
            }
        }
        out.sort_by(|a, b| a.home.cmp(&b.home));
        out.truncate(max);
        out
    }
}

#[derive(Default, Clone)]
struct Seen {
    homes: u64,
    red_behind: u64,
    routine_behind: u64,
    workers: bool,
    looked_at: Option<Timestamp>,
}

/// Everything that has a figure.
pub struct Sources {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The event log.
    pub log: Arc<dyn LogKeeper>,
    /// The ledger.
    pub ledger: Arc<dyn LedgerKeeper>,
    /// The workers.
    pub workers: Arc<Workers>,
    /// The engine.
    pub engine: Arc<Engine>,
    /// The canary.
    pub canary: Arc<Canary>,
    /// Where the platform's own series go.
    pub telemetry: Arc<dyn TelemetrySink>,
    /// This process's name in them.
    pub node: String,
}

/// Looks at the parts once a second and remembers what it saw.
pub struct Pulse {
    sources: Sources,
    door: Mutex<Option<DoorHandle>>,
    receivers: Mutex<Receivers>,
    seen: Mutex<Seen>,
}

/// What the receivers beside MQTT count; those that are open.
#[derive(Default, Clone)]
pub struct Receivers {
    /// SIA DC-09.
    pub dc09: Option<Arc<Dc09Counters>>,
    /// SCAIP.
    pub scaip: Option<Arc<ScaipCounters>>,
}

impl Pulse {
    /// A pulse over these parts; the door joins once it is open.
    pub fn new(sources: Sources) -> Self {
        Self { sources, door: Mutex::default(), receivers: Mutex::default(), seen: Mutex::default() }
    }

    /// The door is open.
    pub fn door_is_open(&self, door: DoorHandle) {
        *self.door.lock().unwrap_or_else(PoisonError::into_inner) = Some(door);
    }

    /// The receivers are open.
    pub fn receivers_are_open(&self, receivers: Receivers) {
        *self.receivers.lock().unwrap_or_else(PoisonError::into_inner) = receivers;
    }

    /// Looks once a second, for good.
    pub async fn run(&self) {
        for second in 0_u64.. {
            self.look().await;
            if second.is_multiple_of(SERIES_EVERY_S) {
                self.offer_series();
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    async fn look(&self) {
        let mut seen = Seen { workers: true, ..Seen::default() };
        for handle in self.sources.workers.handles() {
            match tokio::time::timeout(Duration::from_secs(2), handle.lag()).await {
                Ok(Some(lag)) => {
                    seen.homes += lag.homes as u64;
                    seen.red_behind += lag.red;
                    seen.routine_behind += lag.routine;
                }
                Ok(None) | Err(_) => seen.workers = false,
            }
        }
        seen.looked_at = Some(self.sources.clock.now());
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }

    /// The platform's own series, for charts.
    fn offer_series(&self) {
        let Sources { clock, log, ledger, workers, canary, telemetry, node, .. } = &self.sources;
        let (seen, log, ledger, at) = (self.seen(), log.stats(), ledger.stats(), clock.now());
        let series = [
            ("platform_homes", seen.homes),
            ("platform_red_waiting", seen.red_behind),
            ("platform_routine_waiting", seen.routine_behind),
            ("platform_records", workers.sum(|c| &c.records)),
            ("platform_alarms", workers.sum(|c| &c.raised)),
            ("platform_canary_ms", canary.view().last_ms.unwrap_or_default()),
            ("platform_transactions", ledger.transactions),
            ("platform_ledger_failures", ledger.failures),
            ("platform_log_rows", log.red_rows + log.routine_rows),
            ("platform_log_failures", log.failures + log.busy + log.refused_full),
            ("platform_telemetry_dropped", telemetry.dropped()),
        ];
        for (series, value) in series {
            let value = f64::from(u32::try_from(value).unwrap_or(u32::MAX));
            telemetry.offer(Point { series, tags: vec![("node", node.clone())], value, at });
        }
    }

    fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn door_counts(&self) -> Option<gateway::Count> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(DoorHandle::counters)
    }
}

impl Feeds for Pulse {
    fn feeds(&self) -> Vec<Feed> {
        let seen = self.seen();
        let state = |good: bool| if good { FeedState::Working } else { FeedState::Down };
        let door = self.door_counts();
        let ingest = match (seen.workers, seen.routine_behind > BEHIND_MAX) {
            (false, _) => FeedState::Down,
            (true, true) => FeedState::Degraded,
            (true, false) => FeedState::Working,
        };
        let log_full = self.sources.log.disk_full() || self.sources.log.is_late();
        let ledger = self.sources.ledger.stats();
        let mut out = vec![
            Feed { kind: FeedKind::Door, name: String::new(), state: state(door.is_some()), figure: Some(Figure::Homes(seen.homes)) },
            Feed { kind: FeedKind::Log, name: String::new(), state: if log_full { FeedState::Degraded } else { FeedState::Working }, figure: None },
            Feed { kind: FeedKind::Ledger, name: String::new(), state: if ledger.disk_full { FeedState::Degraded } else { FeedState::Working }, figure: None },
            Feed { kind: FeedKind::Ingest, name: String::new(), state: ingest, figure: Some(Figure::Waiting(seen.red_behind + seen.routine_behind)) },
        ];
        for line in self.sources.engine.lines() {
            if line.name == "device" || line.name == alerts::engine::CANARY {
                continue;
            }
            // A channel whose own account is good but some of whose routes (trunks, addresses) fail is degraded, not gone.
            let state = match (matches!(line.health, Health::Up), line.routes_down) {
                (true, 0) => FeedState::Working,
                (true, _) => FeedState::Degraded,
                (false, _) => FeedState::Down,
            };
            let figure = (line.routes_down > 0).then_some(Figure::RoutesDown(line.routes_down as u64));
            out.push(Feed { kind: FeedKind::Channel, name: line.name.clone(), state, figure });
        }
        let canary = self.sources.canary.view();
        let ago = canary.last_at.map(|at| self.sources.clock.now() - at);
        let canary_state = match ago {
            Some(ago) if ago <= CANARY_LATE => FeedState::Working,
            Some(_) => FeedState::Down,
            None => FeedState::Degraded,
        };
        out.push(Feed { kind: FeedKind::Canary, name: String::new(), state: canary_state, figure: ago.map(Figure::Ago) });
        out
    }
}

impl Metrics for Pulse {
    fn text(&self) -> String {
        let mut page = Page::default();
        let seen = self.seen();
        page.gauge("hearthline_homes", "Homes that have been heard.", seen.homes);
        page.gauge("hearthline_ingest_red_waiting", "Records of the red lane not decided yet.", seen.red_behind);
        page.gauge("hearthline_ingest_routine_waiting", "Records of the routine lane not decided yet.", seen.routine_behind);
        let sum = |of: fn(&ingest::Counters) -> &std::sync::atomic::AtomicU64| self.sources.workers.sum(of);
        page.counter("hearthline_ingest_records_total", "Records read from the log.", sum(|c| &c.records));
        page.counter("hearthline_ingest_signals_total", "Signals in them.", sum(|c| &c.signals));
        page.counter("hearthline_alarms_raised_total", "Alarms raised.", sum(|c| &c.raised));
        page.counter("hearthline_presses_again_total", "Second presses.", sum(|c| &c.again));
        page.counter("hearthline_copies_total", "Copies of events that were counted before.", sum(|c| &c.copies));
        page.counter("hearthline_quarantined_total", "Messages in quarantine.", sum(|c| &c.quarantined));
        page.counter("hearthline_unknown_devices_total", "Messages of unregistered devices that were noted.", sum(|c| &c.unknown_devices));
        page.counter("hearthline_ingest_retries_total", "Transactions that had to be tried again.", sum(|c| &c.retries));
        let log = self.sources.log.stats();
        page.counter("hearthline_log_red_rows_total", "Red records made durable.", log.red_rows);
        page.counter("hearthline_log_routine_rows_total", "Routine records made durable.", log.routine_rows);
        page.counter("hearthline_log_busy_total", "Records refused because the queue was full.", log.busy);
        page.counter("hearthline_log_refused_full_total", "Records refused because the disk was full.", log.refused_full);
        page.counter("hearthline_log_failures_total", "Commits that failed.", log.failures);
        page.gauge("hearthline_log_disk_bytes", "Size of the log's files.", log.disk_bytes);
        page.gauge("hearthline_log_disk_full", "1 while the log's disk is full.", u64::from(log.disk_full));
        page.gauge("hearthline_log_damaged_files", "Day files that could not be opened and were left aside.", log.damaged_files);
        page.commits("hearthline_log_commit_seconds", "Time of a commit of the log, fdatasync included.", &log.commit);
        let ledger = self.sources.ledger.stats();
        page.counter("hearthline_ledger_transactions_total", "Transactions committed.", ledger.transactions);
        page.counter("hearthline_ledger_conflicts_total", "Transactions decided anew because somebody else wrote first.", ledger.conflicts);
        page.counter("hearthline_ledger_refused_full_total", "Transactions refused because the disk was full.", ledger.refused_full);
        page.counter("hearthline_ledger_failures_total", "Commits that failed.", ledger.failures);
        page.gauge("hearthline_ledger_disk_bytes", "Size of the ledger's files.", ledger.disk_bytes);
        page.gauge("hearthline_ledger_disk_full", "1 while the ledger's disk is full.", u64::from(ledger.disk_full));
        page.commits("hearthline_ledger_commit_seconds", "Time of a commit of the ledger, fdatasync included.", &ledger.commit);
        page.counter("hearthline_telemetry_dropped_total", "Measurements for charts that were dropped.", self.sources.telemetry.dropped());
        if let Some(door) = self.door_counts() {
            for (name, value) in door.named() {
                page.counter(&format!("hearthline_door_{name}"), "See the door's counters.", value);
            }
        }
        let Receivers { dc09, scaip } = self.receivers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (receiver, counts) in [("dc09", dc09.map(|c| c.named())), ("scaip", scaip.map(|c| c.named()))] {
            for (name, words, value) in counts.into_iter().flatten() {
                page.counter(&format!("hearthline_{receiver}_{name}_total"), words, value);
            }
        }
        let canary = self.sources.canary.view();
        page.counter("hearthline_canary_missed_total", "Canary presses that did not come through in time.", canary.missed);
        if let Some(ms) = canary.last_ms {
            page.gauge("hearthline_canary_last_milliseconds", "Time of the last canary press from the door to its call.", ms);
        }
        let mut total = 0;
        let buckets: Vec<(String, u64)> = BUCKETS_MS
            .iter()
            .zip(canary.buckets)
            .map(|(le, n)| {
                total += n;
                ((f64::from(*le) / 1000.0).to_string(), total)
            })
            .collect();
        let count = canary.buckets.iter().sum();
        let sum_s = Duration::from_millis(canary.sum_ms).as_secs_f64();
        page.histogram("hearthline_canary_seconds", "Time of a canary press through the whole way.", &buckets, sum_s, count);
        page.gauge("hearthline_calling_held", "1 while calling is held.", u64::from(self.sources.engine.is_held()));
        page.0
    }
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn head(&mut self, name: &str, help: &str, kind: &str) {
        let _never_fails = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, help, "counter");
        let _never_fails = writeln!(self.0, "{name} {value}");
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, help, "gauge");
        let _never_fails = writeln!(self.0, "{name} {value}");
    }

    fn commits(&mut self, name: &str, help: &str, of: &Histogram) {
        let mut total = 0;
        let buckets: Vec<(String, u64)> = store::sqlite::HISTOGRAM_S
            .iter()
            .zip(of.buckets)
            .map(|(le, n)| {
                total += n;
                (le.to_string(), total)
            })
            .collect();
        self.histogram(name, help, &buckets, of.sum_s, of.count);
    }

    fn histogram(&mut self, name: &str, help: &str, buckets: &[(String, u64)], sum: f64, count: u64) {
        self.head(name, help, "histogram");
        for (le, n) in buckets {
            let _never_fails = writeln!(self.0, "{name}_bucket{{le=\"{le}\"}} {n}");
        }
        let _never_fails = writeln!(self.0, "{name}_bucket{{le=\"+Inf\"}} {count}\n{name}_sum {sum}\n{name}_count {count}");
    }
}

/// What the simulated exchange is doing, for the desk.
pub struct ExchangeDoing(pub Option<Arc<alerts::exchange::Exchange>>);

impl Doing for ExchangeDoing {
    fn underway(&self, alarm: &AlarmId) -> Vec<Underway> {
        use alerts::exchange::Phase as Call;
        let calls = self.0.as_ref().map(|e| e.calls()).unwrap_or_default();
        calls
            .into_iter()
            .filter(|c| c.alarm == alarm.as_str())
            .map(|c| Underway {
                contact: c.contact,
                channel: "voice".into(),
                phase: match c.phase {
                    Call::Ringing => Phase::Ringing,
                    Call::Answered | Call::Confirmed | Call::Released => Phase::Answered,
                },
                since: c.since,
            })
            .collect()
    }
}
