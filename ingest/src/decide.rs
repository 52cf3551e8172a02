//! From wishes to one transaction: which alarm is raised, told of a second press, or of a copy.

use crate::book::Book;
use care::alarm::{Effect, Input, Over, WELL_AT, WELL_CALL};
use care::cause::Raise;
use care::home::Effect as HomeEffect;
use care::{Alarm, AlarmId, Cause, EventId, HomeId, Level, Timestamp};
use std::collections::BTreeMap;
use store::ledger::{LedgerError, Stored, Write};
use store::{Fence, Ledger, desk};

/// Who asks for an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A message: the same event again is a copy, and is counted.
    Message,
    /// The home's own routine: the same wish again is only a replay.
    Routine,
}

/// What the reading of the log asks of the ledger.
#[derive(Debug, Clone)]
pub(crate) enum Wish {
    /// An alarm.
    Raise {
        /// The event that asks, with an identity for ever (ACK-2).
        event: EventId,
        /// Where.
        home: HomeId,
        /// What.
        raise: Raise,
        /// When it happened in the order that we trust.
        at: Timestamp,
        /// Who asks.
        origin: Origin,
    },
    /// What an alarm is about is over: told to the open one, if there is one.
    Over {
        /// The occurrence, with an identity for ever.
        event: EventId,
        /// Where.
        home: HomeId,
        /// What is over.
        cause: Cause,
        /// The evidence.
        over: Over,
    },
    /// The key "I am well" of a home: it spares or answers the daily call.
    Well {
        /// Where.
        home: HomeId,
        /// When.
        at: Timestamp,
    },
    /// The home takes a call back: shown on its open alarms.
    Cancel {
        /// Where.
        home: HomeId,
    },
}

/// What one transaction did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) raised: u64,
    pub(crate) again: u64,
    pub(crate) copies: u64,
}

struct Work {
    before: Option<Stored<Alarm>>,
    alarm: Alarm,
    effects: Vec<Effect>,
}

/// The causes that a `cancel` is shown on.
const CANCELLABLE: [Cause; 7] =
    [Cause::Call, Cause::Fall, Cause::Smoke, Cause::Gas, Cause::CarbonMonoxide, Cause::WaterLeak, Cause::Inactivity];

/// Decides `wishes` on what the ledger holds now and commits them together with `also`.
///
/// # Errors
/// Those of the ledger; then nothing of it has happened, and it may be asked for again.
pub(crate) async fn decide(
    ledger: &dyn Ledger,
    book: &dyn Book,
    fence: Fence,
    wishes: &[Wish],
    also: &[Write],
    now: Timestamp,
) -> Result<Done, LedgerError> {
    desk::settle(ledger, Some(fence), || async move {
        let mut draft = Draft { ledger, book, now, work: BTreeMap::new(), open: BTreeMap::new(), seen: BTreeMap::new(), writes: Vec::new(), done: Done::default() };
        draft.look_up(wishes).await?;
        for wish in wishes {
            draft.take(wish).await?;
        }
        let (mut writes, done) = draft.finish();
        writes.extend(also.iter().cloned());
        Ok((writes, done))
    })
    .await
}

struct Draft<'a> {
    ledger: &'a dyn Ledger,
    book: &'a dyn Book,
    now: Timestamp,
    work: BTreeMap<AlarmId, Work>,
    open: BTreeMap<(HomeId, Cause), Option<AlarmId>>,
    seen: BTreeMap<EventId, Option<AlarmId>>,
    writes: Vec<Write>,
    done: Done,
}

impl Draft<'_> {
    async fn look_up(&mut self, wishes: &[Wish]) -> Result<(), LedgerError> {
        let events: Vec<EventId> = wishes
            .iter()
            .filter_map(|w| match w {
                Wish::Raise { event, .. } | Wish::Over { event, .. } => Some(event.clone()),
                Wish::Cancel { .. } | Wish::Well { .. } => None,
            })
            .collect();
        if !events.is_empty() {
            self.seen.extend(self.ledger.seen(&events).await?);
        }
        Ok(())
    }

    async fn take(&mut self, wish: &Wish) -> Result<(), LedgerError> {
        match wish {
            Wish::Raise { event, home, raise, at, origin } => {
                if let Some(went_to) = self.seen.get(event).cloned() {
                    if let (Origin::Message, Some(alarm)) = (origin, went_to) {
                        self.step(&alarm, Input::Copied).await?;
                        self.done.copies += 1;
                    }
                    return Ok(());
                }
                let alarm = match self.open(home, &raise.cause).await? {
                    Some(alarm) => {
                        self.step(&alarm, Input::Again(raise.clone())).await?;
                        self.done.again += 1;
                        alarm
                    }
                    None => self.raise(event, home, raise, *at).await?,
                };
                self.seen.insert(event.clone(), Some(alarm.clone()));
                self.writes.push(Write::Seen { event: event.clone(), at: self.now, alarm: Some(alarm) });
            }
            Wish::Over { event, home, cause, over } => {
                if self.seen.contains_key(event) {
                    return Ok(());
                }
                if let Some(alarm) = self.open(home, cause).await? {
                    self.step(&alarm, Input::Over(over.clone())).await?;
                    self.seen.insert(event.clone(), Some(alarm.clone()));
                    self.writes.push(Write::Seen { event: event.clone(), at: self.now, alarm: Some(alarm) });
                }
            }
            Wish::Well { home, at } => {
                self.writes.push(Write::Setting { key: format!("{WELL_AT}{home}"), value: at.to_rfc3339() });
                if let Some(alarm) = self.open(home, &Cause::Anomaly(WELL_CALL.to_owned())).await? {
                    self.step(&alarm, Input::Well).await?;
                }
            }
            Wish::Cancel { home } => {
                for cause in &CANCELLABLE {
                    if let Some(alarm) = self.open(home, cause).await? {
                        self.step(&alarm, Input::Cancelled).await?;
                    }
                }
            }
        }
        Ok(())
    }

    async fn raise(&mut self, event: &EventId, home: &HomeId, raise: &Raise, at: Timestamp) -> Result<AlarmId, LedgerError> {
        let id = AlarmId::derive(at, &format!("{home}|{}|{event}", raise.cause));
        let plan = self.ledger.plan(home, &raise.cause, raise.level).await?;
        let elders = self.book.elders(home).await?;
        let test = self.book.is_test(home);
        let (mut alarm, effects) = Alarm::raise(id.clone(), home.clone(), elders, raise.clone(), test, &plan, self.now);
        alarm.raised_at = at.min(self.now);
        self.open.insert((home.clone(), raise.cause.clone()), Some(id.clone()));
        self.work.insert(id.clone(), Work { before: None, alarm, effects });
        self.done.raised += 1;
        Ok(id)
    }

    /// The open alarm of a home and cause, as this draft would leave it.
    async fn open(&mut self, home: &HomeId, cause: &Cause) -> Result<Option<AlarmId>, LedgerError> {
        let key = (home.clone(), cause.clone());
        if let Some(known) = self.open.get(&key) {
            return Ok(known.clone());
        }
        let found = self.ledger.open_alarm(home, cause).await?;
        let id = found.as_ref().map(|s| s.value.id.clone());
        if let (Some(id), Some(stored)) = (&id, found) {
            self.work.entry(id.clone()).or_insert_with(|| Work { alarm: stored.value.clone(), before: Some(stored), effects: Vec::new() });
        }
        self.open.insert(key, id.clone());
        Ok(id)
    }

    async fn step(&mut self, id: &AlarmId, input: Input) -> Result<(), LedgerError> {
        if !self.work.contains_key(id) {
            let Some(stored) = self.ledger.alarm(id).await? else { return Ok(()) };
            self.work.insert(id.clone(), Work { alarm: stored.value.clone(), before: Some(stored), effects: Vec::new() });
        }
        if let Some(work) = self.work.get_mut(id) {
            let plan = self.ledger.plan(&work.alarm.home, &work.alarm.cause, work.alarm.level).await?;
            let (alarm, effects) = work.alarm.clone().step(input, &plan, self.now);
            work.alarm = alarm;
            work.effects.extend(effects);
        }
        Ok(())
    }

    fn finish(mut self) -> (Vec<Write>, Done) {
        let mut writes = Vec::new();
        for work in self.work.values() {
            let unchanged = work.effects.is_empty() && work.before.as_ref().is_some_and(|b| b.value == work.alarm);
            if !unchanged {
                writes.extend(desk::writes(work.before.as_ref(), &work.alarm, &work.effects, self.now));
            }
        }
        writes.append(&mut self.writes);
        (writes, self.done)
    }
}

/// What a home asks for, each with an identity that a replay asks for again.
pub(crate) fn wishes(home: &HomeId, effects: Vec<HomeEffect>, at: Timestamp) -> impl Iterator<Item = Wish> {
    effects.into_iter().map(move |effect| {
        let raise = match effect {
            HomeEffect::Raise(raise) => raise,
            // Nobody is called about a notice: it stands in the operators' queue as the least of things.
            HomeEffect::Notice(notice) => Raise { cause: notice.cause, level: Level::Technical, reason: notice.reason, key: notice.key, device: None },
            HomeEffect::Over { cause, over, key } => {
                let event = EventId::named(home, &"@home".into(), &cause.name(), &format!("over:{key}"));
                return Wish::Over { event, home: home.clone(), cause, over };
            }
        };
        let name = format!("{:?}:{}", raise.level, raise.key);
        let event = EventId::named(home, &"@home".into(), &raise.cause.name(), &name);
        Wish::Raise { event, home: home.clone(), raise, at, origin: Origin::Routine }
    })
}
