//! The ledger in memory. A transaction writes straight into the maps and keeps a list of how to take it back.

use super::lock;
use crate::ledger::{Decided, Ledger, LedgerError, Note, Quarantined, Stored, Tx, Waiting, Which, Write};
use crate::log::{Offset, Shard};
use crate::ownership::{Fence, Ownership};
use crate::register::{
    Area, AuditLine, ContactRecord, Credential, DeviceRecord, ElderRecord, HomeRecord, PersonRecord, PlanRecord, Token, UnknownDevice, audit_hash,
    nearest,
};
use async_trait::async_trait;
use care::alarm::Attempt;
use care::plan::Plan;
use care::{Alarm, AlarmId, Cause, ContactId, DeviceId, ElderId, EventId, HomeId, Lane, Level, PersonId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// Most quarantined messages kept.
const QUARANTINE_MAX: usize = 10_000;
/// Most bytes kept of a quarantined payload.
pub(crate) const QUARANTINE_BYTES_MAX: usize = 4_096;

/// Ledger, register and ownership that live as long as their last clone.
#[derive(Clone)]
pub struct MemoryLedger {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    changed: watch::Sender<u64>,
}

/// A slot of the outbox; `done` keeps the key taken.
#[derive(Debug, Clone)]
struct Slot {
    waiting: Waiting,
    done: bool,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) alarms: BTreeMap<AlarmId, Stored<Alarm>>,
    open: BTreeMap<(HomeId, Cause), AlarmId>,
    deadlines: BTreeSet<(Timestamp, AlarmId)>,
    attempts: BTreeMap<(AlarmId, u32), Attempt>,
    effects: BTreeMap<(AlarmId, u32), Slot>,
    effects_due: BTreeSet<(Timestamp, AlarmId, u32)>,
    effects_trying: BTreeSet<(AlarmId, u32)>,
    seen: BTreeMap<EventId, (Timestamp, Option<AlarmId>)>,
    decided: BTreeMap<(Shard, Lane), Offset>,
    snapshots: BTreeMap<(Shard, HomeId), Vec<u8>>,
    snapshot_as_of: BTreeMap<Shard, Decided>,
    notes: BTreeMap<AlarmId, Vec<Note>>,
    epochs: BTreeMap<Shard, u64>,
    settings: BTreeMap<String, String>,
    pub(super) quarantine: Vec<Quarantined>,
    pub(super) unknown: BTreeMap<(HomeId, DeviceId), UnknownDevice>,
    pub(super) audit: Vec<AuditLine>,
    pub(super) areas: BTreeMap<String, Area>,
    pub(super) homes: BTreeMap<HomeId, HomeRecord>,
    pub(super) elders: BTreeMap<ElderId, ElderRecord>,
    pub(super) contacts: BTreeMap<ContactId, ContactRecord>,
    pub(super) plans: Vec<PlanRecord>,
    pub(super) devices: BTreeMap<(HomeId, DeviceId), DeviceRecord>,
    pub(super) credentials: BTreeMap<String, Credential>,
    pub(super) people: BTreeMap<PersonId, PersonRecord>,
    pub(super) tokens: BTreeMap<String, Token>,
    pub(super) sheets: super::sheet::Sheets,
    pub(super) sheet_seq: u64,
}

/// How to take one write back.
type Undo = Box<dyn FnOnce(&mut State)>;

impl MemoryLedger {
    /// An empty ledger.
    pub fn new() -> Self {
        Self { shared: Arc::new(Shared { state: Mutex::default(), changed: watch::Sender::new(0) }) }
    }

    /// All attempts ever made for an alarm, by number.
    pub fn attempts(&self, alarm: &AlarmId) -> Vec<Attempt> {
        let state = lock(&self.shared.state);
        state.attempts.range((alarm.clone(), 0)..=(alarm.clone(), u32::MAX)).map(|(_, a)| a.clone()).collect()
    }

    /// Forgets the events counted before `before`: returns how many.
    pub fn purge_seen(&self, before: Timestamp) -> usize {
        let mut state = lock(&self.shared.state);
        let old = state.seen.len();
        state.seen.retain(|_, (at, _)| *at >= before);
        old - state.seen.len()
    }
}

impl Default for MemoryLedger {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    fn set_alarm(&mut self, id: &AlarmId, new: Option<Stored<Alarm>>) -> Option<Stored<Alarm>> {
        let deadline = |a: &Stored<Alarm>| a.value.deadline().filter(|_| a.value.is_open());
        let place = |a: &Stored<Alarm>| a.value.is_open().then(|| (a.value.home.clone(), a.value.cause.clone()));
        let (new_deadline, new_place) = (new.as_ref().and_then(deadline), new.as_ref().and_then(place));
        let old = match new {
            Some(new) => self.alarms.insert(id.clone(), new),
            None => self.alarms.remove(id),
        };
        let (old_deadline, old_place) = (old.as_ref().and_then(deadline), old.as_ref().and_then(place));
        if old_deadline != new_deadline {
            if let Some(at) = old_deadline {
                self.deadlines.remove(&(at, id.clone()));
            }
            self.deadlines.extend(new_deadline.map(|at| (at, id.clone())));
        }
        if old_place != new_place {
            if let Some(place) = old_place {
                self.open.remove(&place);
            }
            self.open.extend(new_place.map(|place| (place, id.clone())));
        }
        old
    }

    fn set_effect(&mut self, key: &(AlarmId, u32), new: Option<Slot>) -> Option<Slot> {
        let place = |slot: &Slot| (!slot.done).then_some((!slot.waiting.trying).then_some(slot.waiting.due_at));
        let new_place = new.as_ref().and_then(place);
        let old = match new {
            Some(new) => self.effects.insert(key.clone(), new),
            None => self.effects.remove(key),
        };
        match old.as_ref().and_then(place) {
            Some(Some(due_at)) => self.effects_due.remove(&(due_at, key.0.clone(), key.1)),
            Some(None) => self.effects_trying.remove(key),
            None => false,
        };
        match new_place {
            Some(Some(due_at)) => self.effects_due.insert((due_at, key.0.clone(), key.1)),
            Some(None) => self.effects_trying.insert(key.clone()),
            None => false,
        };
        old
    }

    /// Changes a slot that is not done. `None`: there is none.
    fn change_effect(&mut self, key: (AlarmId, u32), change: impl FnOnce(&mut Slot)) -> Option<Undo> {
        let mut slot = self.effects.get(&key).filter(|s| !s.done)?.clone();
        change(&mut slot);
        let old = self.set_effect(&key, Some(slot));
        Some(Box::new(move |s| {
            s.set_effect(&key, old);
        }))
    }

    pub(super) fn push_audit(&mut self, at: Timestamp, who: String, action: String, subject: String) {
        let before = self.audit.last().map(|l| l.hash.clone()).unwrap_or_default();
        let seq = self.audit.len() as u64 + 1;
        let mut line = AuditLine { seq, at, who, action, subject, hash: String::new() };
        line.hash = audit_hash(&before, &line);
        self.audit.push(line);
    }

    fn waiting(&self, alarm: &AlarmId, no: u32) -> Option<Waiting> {
        self.effects.get(&(alarm.clone(), no)).map(|s| s.waiting.clone())
    }

    fn write(&mut self, write: Write) -> Result<Option<Undo>, LedgerError> {
        Ok(match write {
            Write::PutAlarm { alarm, expected } => {
                if self.alarms.get(&alarm.id).map_or(0, |s| s.version) != expected {
                    return Err(LedgerError::Conflict);
                }
                let other = self.open.get(&(alarm.home.clone(), alarm.cause.clone()));
                if alarm.is_open() && other.is_some_and(|other| *other != alarm.id) {
                    return Err(LedgerError::Conflict);
                }
                let id = alarm.id.clone();
                let old = self.set_alarm(&id, Some(Stored { value: *alarm, version: expected.saturating_add(1) }));
                Some(Box::new(move |s| {
                    s.set_alarm(&id, old);
                }))
            }
            Write::Attempts { alarm, attempts } => {
                let old: Vec<_> = attempts
                    .into_iter()
                    .map(|a| {
                        let key = (alarm.clone(), a.no);
                        let old = self.attempts.insert(key.clone(), a);
                        (key, old)
                    })
                    .collect();
                Some(Box::new(move |s| old.into_iter().rev().for_each(|(key, old)| restore(&mut s.attempts, key, old))))
            }
            Write::Effect { alarm, home, level, test, effect, due_at } => {
                let key = (alarm.clone(), effect.no);
                if self.effects.contains_key(&key) {
                    return Err(LedgerError::Conflict);
                }
                let waiting = Waiting { alarm, home, level, test, effect, due_at, tries: 0, trying: false };
                self.set_effect(&key, Some(Slot { waiting, done: false }));
                Some(Box::new(move |s| {
                    s.set_effect(&key, None);
                }))
            }
            Write::EffectTrying { alarm, no, at: _ } => {
                let undo = self.change_effect((alarm, no), |slot| {
                    slot.waiting.tries = slot.waiting.tries.saturating_add(1);
                    slot.waiting.trying = true;
                });
                Some(undo.ok_or(LedgerError::Conflict)?)
            }
            Write::EffectAgain { alarm, no, due_at } => self.change_effect((alarm, no), |slot| {
                slot.waiting.trying = false;
                slot.waiting.due_at = due_at;
            }),
            Write::EffectDone { alarm, no, at: _ } => self.change_effect((alarm, no), |slot| slot.done = true),
            Write::Seen { event, at, alarm } => {
                if self.seen.contains_key(&event) {
                    return Err(LedgerError::Conflict);
                }
                self.seen.insert(event.clone(), (at, alarm));
                Some(Box::new(move |s| {
                    s.seen.remove(&event);
                }))
            }
            Write::Decided { shard, lane, offset } => {
                let key = (shard, lane);
                let old = self.decided.get(&key).copied();
                self.decided.insert(key, old.unwrap_or_default().max(offset));
                Some(Box::new(move |s| restore(&mut s.decided, key, old)))
            }
            Write::Snapshot { shard, as_of, homes } => {
                let place = self.snapshot_as_of.get(&shard).copied();
                if let Some((red, routine)) = as_of {
                    self.snapshot_as_of.insert(shard, Decided { red, routine });
                }
                let old: Vec<_> = homes
                    .into_iter()
                    .map(|(home, state)| {
                        let key = (shard, home);
                        let old = self.snapshots.insert(key.clone(), state);
                        (key, old)
                    })
                    .collect();
                Some(Box::new(move |s| {
                    restore(&mut s.snapshot_as_of, shard, place);
                    old.into_iter().rev().for_each(|(key, old)| restore(&mut s.snapshots, key, old));
                }))
            }
            Write::Quarantine(mut message) => {
                message.payload.truncate(QUARANTINE_BYTES_MAX);
                self.quarantine.push(message);
                Some(Box::new(|s| {
                    s.quarantine.pop();
                }))
            }
            Write::UnknownDevice { home, device, at } => {
                let key = (home.clone(), device.clone());
                let old = self.unknown.get(&key).cloned();
                let new = old.clone().map_or(UnknownDevice { home, device, first_at: at, last_at: at, count: 1 }, |old| UnknownDevice {
                    last_at: old.last_at.max(at),
                    count: old.count.saturating_add(1),
                    ..old
                });
                self.unknown.insert(key.clone(), new);
                Some(Box::new(move |s| restore(&mut s.unknown, key, old)))
            }
            Write::Note { alarm, at, by, kind, text } => {
                self.notes.entry(alarm.clone()).or_default().push(Note { at, by, kind, text });
                Some(Box::new(move |s| {
                    if let Some(notes) = s.notes.get_mut(&alarm) {
                        notes.pop();
                    }
                }))
            }
            Write::Audit { at, who, action, subject } => {
                self.push_audit(at, who, action, subject);
                Some(Box::new(|s| {
                    s.audit.pop();
                }))
            }
            Write::Setting { key, value } => {
                let old = self.settings.insert(key.clone(), value);
                Some(Box::new(move |s| restore(&mut s.settings, key, old)))
            }
        })
    }

    pub(super) fn is_fenced_off(&self, fence: &Fence) -> bool {
        self.epochs.get(&fence.shard).copied().unwrap_or_default() != fence.epoch
    }

    fn commit(&mut self, tx: Tx) -> Result<(), LedgerError> {
        if tx.fence.is_some_and(|fence| self.is_fenced_off(&fence)) {
            return Err(LedgerError::Fenced);
        }
        let mut undo: Vec<Undo> = Vec::new();
        for write in tx.writes {
            match self.write(write) {
                Ok(back) => undo.extend(back),
                Err(error) => {
                    undo.into_iter().rev().for_each(|back| back(self));
                    return Err(error);
                }
            }
        }
        if let Some(over) = self.quarantine.len().checked_sub(QUARANTINE_MAX) {
            self.quarantine.drain(..over);
        }
        Ok(())
    }
}

fn restore<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, old: Option<V>) {
    match old {
        Some(old) => map.insert(key, old),
        None => map.remove(&key),
    };
}

/// True if a write concerns an alarm or the outbox: then those who watch the ledger are woken.
pub(crate) fn wakes(write: &Write) -> bool {
    match write {
        Write::PutAlarm { .. }
        | Write::Attempts { .. }
        | Write::Effect { .. }
        | Write::EffectTrying { .. }
        | Write::EffectAgain { .. }
        | Write::EffectDone { .. }
        | Write::Note { .. } => true,
        Write::Seen { .. }
        | Write::Decided { .. }
        | Write::Snapshot { .. }
        | Write::Quarantine(_)
        | Write::UnknownDevice { .. }
        | Write::Audit { .. }
        | Write::Setting { .. } => false,
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn commit(&self, tx: Tx) -> Result<(), LedgerError> {
        let wakes = tx.writes.iter().any(wakes);
        lock(&self.shared.state).commit(tx)?;
        if wakes {
            self.shared.changed.send_modify(|n| *n = n.wrapping_add(1));
        }
        Ok(())
    }

    async fn alarm(&self, id: &AlarmId) -> Result<Option<Stored<Alarm>>, LedgerError> {
        Ok(lock(&self.shared.state).alarms.get(id).cloned())
    }

    async fn open_alarm(&self, home: &HomeId, cause: &Cause) -> Result<Option<Stored<Alarm>>, LedgerError> {
        let state = lock(&self.shared.state);
        Ok(state.open.get(&(home.clone(), cause.clone())).and_then(|id| state.alarms.get(id)).cloned())
    }

    async fn seen(&self, events: &[EventId]) -> Result<Vec<(EventId, Option<AlarmId>)>, LedgerError> {
        let state = lock(&self.shared.state);
        Ok(events.iter().filter_map(|e| state.seen.get(e).map(|(_, alarm)| (e.clone(), alarm.clone()))).collect())
    }

    async fn alarms(&self, which: Which, after: Option<&AlarmId>, max: usize) -> Result<Vec<Stored<Alarm>>, LedgerError> {
        let state = lock(&self.shared.state);
        let fits = |a: &Stored<Alarm>| match which {
            Which::Open => a.value.is_open(),
            Which::Closed => !a.value.is_open(),
            Which::All => true,
        };
        let page = |all: &mut dyn Iterator<Item = &Stored<Alarm>>| all.filter(|a| fits(a)).take(max.clamp(1, 500)).cloned().collect();
        Ok(match after {
            Some(after) => page(&mut state.alarms.range(..after.clone()).rev().map(|(_, a)| a)),
            None => page(&mut state.alarms.values().rev()),
        })
    }

    async fn open_versions(&self) -> Result<Vec<(AlarmId, u64)>, LedgerError> {
        let state = lock(&self.shared.state);
        Ok(state.alarms.iter().filter(|(_, a)| a.value.is_open()).map(|(id, a)| (id.clone(), a.version)).collect())
    }

    async fn due(&self, now: Timestamp, max: usize) -> Result<Vec<AlarmId>, LedgerError> {
        let state = lock(&self.shared.state);
        let mut due: Vec<_> = state
            .deadlines
            .iter()
            .take_while(|(at, _)| *at <= now)
            .map(|(at, id)| (state.alarms.get(id).is_none_or(|a| a.value.level != Level::Red), at, id))
            .collect();
        due.sort();
        Ok(due.into_iter().take(max).map(|(_, _, id)| id.clone()).collect())
    }

    async fn next_deadline(&self) -> Result<Option<Timestamp>, LedgerError> {
        Ok(lock(&self.shared.state).deadlines.first().map(|(at, _)| *at))
    }

    async fn effects_due(&self, now: Timestamp, max: usize) -> Result<Vec<Waiting>, LedgerError> {
        let state = lock(&self.shared.state);
        let mut due: Vec<_> =
            state.effects_due.iter().take_while(|(at, _, _)| *at <= now).filter_map(|(_, alarm, no)| state.waiting(alarm, *no)).collect();
        due.sort_by_key(|w| (w.level != Level::Red, w.due_at));
        due.truncate(max);
        Ok(due)
    }

    async fn effects_trying(&self) -> Result<Vec<Waiting>, LedgerError> {
        let state = lock(&self.shared.state);
        Ok(state.effects_trying.iter().filter_map(|(alarm, no)| state.waiting(alarm, *no)).collect())
    }

    async fn next_effect(&self) -> Result<Option<Timestamp>, LedgerError> {
        Ok(lock(&self.shared.state).effects_due.first().map(|(at, _, _)| *at))
    }

    async fn notes(&self, alarm: &AlarmId) -> Result<Vec<Note>, LedgerError> {
        Ok(lock(&self.shared.state).notes.get(alarm).cloned().unwrap_or_default())
    }

    async fn decided(&self, shard: Shard) -> Result<Decided, LedgerError> {
        let state = lock(&self.shared.state);
        let of = |lane| state.decided.get(&(shard, lane)).copied().unwrap_or_default();
        Ok(Decided { red: of(Lane::Red), routine: of(Lane::Routine) })
    }

    async fn snapshots(&self, shard: Shard) -> Result<(Decided, Vec<(HomeId, Vec<u8>)>), LedgerError> {
        let state = lock(&self.shared.state);
        let first = (shard, HomeId::new(""));
        let homes = state.snapshots.range(first..).take_while(|((s, _), _)| *s == shard).map(|((_, home), bytes)| (home.clone(), bytes.clone()));
        Ok((state.snapshot_as_of.get(&shard).copied().unwrap_or_default(), homes.collect()))
    }

    async fn plan(&self, home: &HomeId, cause: &Cause, level: Level) -> Result<Plan, LedgerError> {
        let state = lock(&self.shared.state);
        let area = state.homes.get(home).map(|h| h.area.as_str());
        let elders: Vec<_> = state.elders.values().filter(|e| e.home == *home).map(|e| e.id.clone()).collect();
        Ok(nearest(&state.plans, home, &elders, area, cause, level).map(|p| p.plan.clone()).unwrap_or_default())
    }

    async fn setting(&self, key: &str) -> Result<Option<String>, LedgerError> {
        Ok(lock(&self.shared.state).settings.get(key).cloned())
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.shared.changed.subscribe()
    }
}

#[async_trait]
impl Ownership for MemoryLedger {
    async fn take(&self, shard: Shard) -> Result<Fence, LedgerError> {
        let mut state = lock(&self.shared.state);
        let epoch = state.epochs.entry(shard).or_default();
        *epoch = epoch.saturating_add(1);
        Ok(Fence { shard, epoch: *epoch })
    }
}
