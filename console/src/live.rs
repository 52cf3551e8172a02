//! The open alarms as the console sees them, and what changed when: one reader of the ledger for all open pages.
//!
//! ```text
//! ledger.changed() ──▶ follow: compare versions, read what is new ──▶ numbered changes (a ring) ──▶ every stream
//! ```
//!
//! A stream holds nothing but the number of the last change it sent. One that comes back with a number reads on from
//! there; if the ring no longer reaches back that far it is told to read everything anew.

use crate::app::App;
use crate::limits::{CHANGES_KEPT, STREAMS_MAX};
use crate::problem::Problem;
use crate::shape::AlarmShape;
use care::{Alarm, AlarmId, HomeId, Level};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use store::ledger::each_open;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// The shortest pause between two readings of the ledger.
const PAUSE_MIN: Duration = Duration::from_millis(20);
/// Read at least this often, whatever the ledger says: another process may write too.
const REREAD: Duration = Duration::from_secs(5);

/// Changed alarms that are read one by one; of more, all that are open are read in pages.
const ONE_BY_ONE_MAX: usize = 200;
/// How long a page waits for the first reading after the start.
const FIRST_WITHIN: Duration = Duration::from_secs(5);

/// One change of one alarm.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) no: u64,
    pub(crate) alarm: Arc<Alarm>,
    /// As it goes over the wire: written once, however many consoles are open.
    text: Arc<OnceLock<String>>,
}

impl Change {
    /// As it goes over the wire.
    pub(crate) fn text(&self, zone: chrono_tz::Tz) -> &str {
        self.text.get_or_init(|| serde_json::to_string(&AlarmShape::new(&self.alarm, zone)).unwrap_or_default())
    }
}

type Open = BTreeMap<AlarmId, (u64, Arc<Alarm>)>;

#[derive(Default)]
struct State {
    open: Open,
    by_home: HashMap<HomeId, (usize, Level)>,
    changes: VecDeque<Change>,
    last: u64,
}

/// See the file's head.
pub(crate) struct Live {
    life: String,
    state: Mutex<State>,
    last: watch::Sender<u64>,
    read_once: watch::Sender<bool>,
    places: Arc<Semaphore>,
}

impl Live {
    pub(crate) fn new() -> Self {
        Self {
            life: rand::random::<[u8; 4]>().iter().map(|b| format!("{b:02x}")).collect(),
            state: Mutex::default(),
            last: watch::channel(0).0,
            read_once: watch::channel(false).0,
            places: Arc::new(Semaphore::new(STREAMS_MAX)),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many streams are open.
    pub(crate) fn streams(&self) -> usize {
        STREAMS_MAX.saturating_sub(self.places.available_permits())
    }

    /// A place for a stream.
    pub(crate) fn enter(&self) -> Result<OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|_| Problem::Full)
    }

    /// The number of the last change.
    pub(crate) fn last(&self) -> u64 {
        self.state().last
    }

    /// The name of a change on the wire.
    pub(crate) fn event_id(&self, no: u64) -> String {
        format!("{}-{no}", self.life)
    }

    /// The number of a change by its name, if it is of this life and the ring reaches back to it.
    pub(crate) fn known(&self, event_id: &str) -> Option<u64> {
        let (life, no) = event_id.split_once('-')?;
        let no: u64 = no.parse().ok()?;
        let state = self.state();
        let reaches = state.changes.front().is_none_or(|first| no + 1 >= first.no);
        (life == self.life && no <= state.last && reaches).then_some(no)
    }

    /// The changes after a number, at most `most`; `None` if the ring no longer reaches back that far.
    pub(crate) fn after(&self, no: u64, most: usize) -> Option<Vec<Change>> {
        let state = self.state();
        if state.changes.front().is_some_and(|first| no + 1 < first.no) {
            return None;
        }
        // The numbers follow each other without a gap: the place in the ring is known.
        let first = state.changes.front().map_or(0, |first| first.no);
        let skip = usize::try_from((no + 1).saturating_sub(first)).unwrap_or(usize::MAX);
        Some(state.changes.iter().skip(skip).take(most).cloned().collect())
    }

    /// Wakes with every change.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }

    /// All open alarms, once the ledger has been read for the first time.
    pub(crate) async fn open(&self) -> Result<Vec<Arc<Alarm>>, Problem> {
        let mut read_once = self.read_once.subscribe();
        let read = tokio::time::timeout(FIRST_WITHIN, read_once.wait_for(|read| *read)).await;
        if !matches!(read, Ok(Ok(_))) {
            return Err(Problem::Unavailable);
        }
        Ok(self.state().open.values().map(|(_, alarm)| Arc::clone(alarm)).collect())
    }

    /// How many alarms of a home are open.
    pub(crate) fn open_of(&self, home: &HomeId) -> usize {
        self.worst_of(home).map_or(0, |(count, _)| count)
    }

    /// How many alarms of a home are open, and the level of the worst.
    pub(crate) fn worst_of(&self, home: &HomeId) -> Option<(usize, Level)> {
        self.state().by_home.get(home).copied()
    }

    fn apply(&self, now_open: Open, gone: Vec<Arc<Alarm>>) {
        let mut state = self.state();
        let changed: Vec<Arc<Alarm>> = now_open
            .iter()
            .filter(|(id, (version, _))| state.open.get(*id).is_none_or(|(old, _)| old != version))
            .map(|(_, (_, alarm))| Arc::clone(alarm))
            .chain(gone)
            .collect();
        let is_first = !*self.read_once.borrow();
        state.by_home.clear();
        for (_, alarm) in now_open.values() {
            let (count, worst) = state.by_home.entry(alarm.home.clone()).or_insert((0, alarm.level));
            *count += 1;
            *worst = (*worst).min(alarm.level);
        }
        state.open = now_open;
        if !is_first {
            for alarm in changed {
                state.last += 1;
                let no = state.last;
                state.changes.push_back(Change { no, alarm, text: Arc::default() });
                if state.changes.len() > CHANGES_KEPT {
                    state.changes.pop_front();
                }
            }
        }
        let last = state.last;
        drop(state);
        self.last.send_if_modified(|seen| std::mem::replace(seen, last) != last);
        self.read_once.send_if_modified(|read| !std::mem::replace(read, true));
    }
}

/// Reads the open alarms and tells what changed.
async fn read(app: &App) -> Result<(), Problem> {
    let ledger = app.parts.ledger.as_ref();
    let versions: BTreeMap<AlarmId, u64> = ledger.open_versions().await?.into_iter().collect();
    let mut open = app.live.state().open.clone();
    let stale = |id: &AlarmId, open: &Open| open.get(id).map(|(version, _)| version) != versions.get(id);
    let ids: BTreeSet<&AlarmId> = open.keys().chain(versions.keys()).filter(|id| stale(id, &open)).collect();
    let ids: Vec<AlarmId> = ids.into_iter().cloned().collect();
    let mut gone = Vec::new();
    // A flood, or the start: pages cost less than one question for each.
    if ids.len() > ONE_BY_ONE_MAX {
        each_open(ledger, usize::MAX, |stored| {
            open.insert(stored.value.id.clone(), (stored.version, Arc::new(stored.value)));
        })
        .await?;
    }
    for id in ids.into_iter().filter(|id| stale(id, &open)).collect::<Vec<_>>() {
        open.remove(&id);
        if let Some(stored) = ledger.alarm(&id).await? {
            if stored.value.is_open() {
                open.insert(id, (stored.version, Arc::new(stored.value)));
            } else {
                gone.push(Arc::new(stored.value));
            }
        }
    }
    app.live.apply(open, gone);
    Ok(())
}

/// Follows the ledger until dropped. Changes that come while it reads are read together the next time.
pub(crate) async fn follow(app: App) {
    let mut changed = app.parts.ledger.changed();
    loop {
        changed.borrow_and_update();
        let began = tokio::time::Instant::now();
        if read(&app).await.is_err() {
            tokio::time::sleep(Duration::from_secs(1)).await;
            continue;
        }
        if crate::watch::tend(&app).await.is_err() {
            tracing::warn!("who is on shift and whether a drill is on could not be read");
        }
        // Half of the time at most goes into reading, however many alarms are open.
        tokio::time::sleep(began.elapsed().max(PAUSE_MIN)).await;
        tokio::select! {
            told = changed.changed() => if told.is_err() { tokio::time::sleep(REREAD).await },
            () = tokio::time::sleep(REREAD) => {}
        }
    }
}
