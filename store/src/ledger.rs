//! The ledger of alarms and effects: every step is one transaction.

use crate::log::{Offset, Shard};
use crate::ownership::Fence;
use async_trait::async_trait;
use care::alarm::{Attempt, Effect};
use care::plan::Plan;
use care::{Alarm, AlarmId, Cause, DeviceId, EventId, HomeId, Lane, Level, Timestamp};
use tokio::sync::watch;

/// Something with the version it had when it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored<T> {
    /// The thing.
    pub value: T,
    /// Its version, from 1. A write names the version it was made from.
    pub version: u64,
}

/// One transaction: all of it or nothing.
#[derive(Debug, Clone, Default)]
pub struct Tx {
    /// If given, the epoch must still be the current one of its shard.
    pub fence: Option<Fence>,
    /// What is written, in this order.
    pub writes: Vec<Write>,
}

/// A kept message that could not be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// The home.
    pub home: HomeId,
    /// The topic.
    pub topic: String,
    /// The bytes, cut at 4 KB. Sealed at rest.
    pub payload: Vec<u8>,
    /// Why, as a code of the reason table.
    pub reason: String,
    /// When it reached us.
    pub heard_at: Timestamp,
}

/// One write.
#[derive(Debug, Clone)]
pub enum Write {
    /// An alarm as it is now. `expected` is the version it was read with; 0 = it must not exist, and no other
    /// alarm of this home and cause may be open. Otherwise the transaction is a [`LedgerError::Conflict`].
    PutAlarm {
        /// The alarm.
        alarm: Box<Alarm>,
        /// The version it was made from.
        expected: u64,
    },
    /// Attempts of an alarm, new or changed: kept for good, also when the alarm itself forgets them.
    Attempts {
        /// The alarm.
        alarm: AlarmId,
        /// The attempts.
        attempts: Vec<Attempt>,
    },
    /// An effect to be delivered. A second one with the same key (alarm, number) is a conflict.
    Effect {
        /// The alarm.
        alarm: AlarmId,
        /// Its home.
        home: HomeId,
        /// Its level: red ones are delivered first.
        level: Level,
        /// A drill or canary.
        test: bool,
        /// The effect.
        effect: Effect,
        /// When it is due.
        due_at: Timestamp,
    },
    /// An effect is being tried from now on: written before it is tried (ALM-4). A conflict if there is no such effect
    /// or its outcome is known already.
    EffectTrying {
        /// The alarm.
        alarm: AlarmId,
        /// The effect's number.
        no: u32,
        /// When.
        at: Timestamp,
    },
    /// An effect is to be tried again. Nothing happens if its outcome is known already.
    EffectAgain {
        /// The alarm.
        alarm: AlarmId,
        /// The effect's number.
        no: u32,
        /// When.
        due_at: Timestamp,
    },
    /// The outcome of an effect is known: it leaves the outbox; its key stays taken. Nothing happens the second time.
    EffectDone {
        /// The alarm.
        alarm: AlarmId,
        /// The effect's number.
        no: u32,
        /// When.
        at: Timestamp,
    },
    /// An event with an identity of its own has been counted. A second time is a conflict. Kept for 30 days.
    Seen {
        /// The event.
        event: EventId,
        /// When.
        at: Timestamp,
        /// The alarm it went to, if any.
        alarm: Option<AlarmId>,
    },
    /// Everything up to here has been decided. Never goes back.
    Decided {
        /// The shard.
        shard: Shard,
        /// The lane.
        lane: Lane,
        /// The last decided record.
        offset: Offset,
    },
    /// The states of homes, encoded, as of these places in the log.
    Snapshot {
        /// The shard.
        shard: Shard,
        /// Every home of the shard is as of these places of the red and the routine lane, or newer. `None`: a part of
        /// a snapshot that is still being written; the shard's place stays where it was.
        as_of: Option<(Offset, Offset)>,
        /// The states of the homes that changed since the last snapshot.
        homes: Vec<(HomeId, Vec<u8>)>,
    },
    /// A message that could not be understood.
    Quarantine(Quarantined),
    /// A device that nobody registered spoke.
    UnknownDevice {
        /// Its home.
        home: HomeId,
        /// Its name in the topic.
        device: DeviceId,
        /// When.
        at: Timestamp,
    },
    /// A word about an alarm: report, note, close. The text is sealed at rest.
    Note {
        /// The alarm.
        alarm: AlarmId,
        /// When.
        at: Timestamp,
        /// Who (an identifier, or `platform`).
        by: String,
        /// `report`, `note`, `close`, `hand_over`, `step`, ...
        kind: String,
        /// The words.
        text: String,
    },
    /// An entry of the audit chain.
    Audit {
        /// When.
        at: Timestamp,
        /// Who: an identifier, or `platform`.
        who: String,
        /// What was done: `alarm.claim`, `elder.reveal`, ...
        action: String,
        /// To what: an identifier, never personal data.
        subject: String,
    },
    /// A setting of the platform itself (`alive_at`, `calling`, ...).
    Setting {
        /// Its name.
        key: String,
        /// Its value.
        value: String,
    },
}

/// An effect that waits in the outbox.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// The alarm.
    pub alarm: AlarmId,
    /// Its home.
    pub home: HomeId,
    /// Its level.
    pub level: Level,
    /// A drill or canary.
    pub test: bool,
    /// The effect.
    pub effect: Effect,
    /// When it is due.
    pub due_at: Timestamp,
    /// How often it was begun.
    pub tries: u32,
    /// True if it was begun and its outcome is not known yet.
    pub trying: bool,
}

/// A word about an alarm, as read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// What kind.
    pub kind: String,
    /// The words.
    pub text: String,
}

/// Which alarms to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// All but closed.
    Open,
    /// Closed only.
    Closed,
    /// All.
    All,
}

/// The last decided record of each lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Decided {
    /// Red lane.
    pub red: Offset,
    /// Routine lane.
    pub routine: Offset,
}

/// Why a transaction or a question failed.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum LedgerError {
    /// Somebody else wrote first: read again and decide anew.
    #[error("the ledger has changed since it was read")]
    Conflict,
    /// Another owner has taken the shard: stop writing.
    #[error("another owner has taken this shard")]
    Fenced,
    /// The disk is full.
    #[error("the disk of the ledger is full")]
    DiskFull,
    /// The storage failed.
    #[error("the ledger failed: {0}")]
    Failed(String),
}

/// Open alarms that [`each_open`] reads in one go.
const OPEN_PAGE: usize = 500;

/// Every open alarm, newest first, a page at a time; with `most` of them read it stops at the end of a page.
///
/// # Errors
/// If the ledger cannot be read; what was read before has been taken.
pub async fn each_open(ledger: &dyn Ledger, most: usize, mut take: impl FnMut(Stored<Alarm>) + Send) -> Result<(), LedgerError> {
    let (mut after, mut read) = (None, 0);
    loop {
        let page = ledger.alarms(Which::Open, after.as_ref(), OPEN_PAGE).await?;
        read += page.len();
        let last = page.len() < OPEN_PAGE || read >= most;
        after = page.last().map(|stored| stored.value.id.clone());
        page.into_iter().for_each(&mut take);
        if last {
            return Ok(());
        }
    }
}

/// The port. Everything that the alarm path needs and nothing else: the simulator drives it.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Commits a transaction durably.
    async fn commit(&self, tx: Tx) -> Result<(), LedgerError>;

    /// One alarm.
    async fn alarm(&self, id: &AlarmId) -> Result<Option<Stored<Alarm>>, LedgerError>;

    /// The open alarm of a home and cause (ALM-6: at most one).
    async fn open_alarm(&self, home: &HomeId, cause: &Cause) -> Result<Option<Stored<Alarm>>, LedgerError>;

    /// Which of these events have been counted already, and the alarm each went to.
    async fn seen(&self, events: &[EventId]) -> Result<Vec<(EventId, Option<AlarmId>)>, LedgerError>;

    /// Alarms, newest first. `after` is the last one of the page before; at most `max` (1 to 500).
    async fn alarms(&self, which: Which, after: Option<&AlarmId>, max: usize) -> Result<Vec<Stored<Alarm>>, LedgerError>;

    /// The version of every open alarm: which of them have changed is known without reading them.
    async fn open_versions(&self) -> Result<Vec<(AlarmId, u64)>, LedgerError>;

    /// Open alarms whose deadline is at or before `now`: red first, then the longest overdue.
    async fn due(&self, now: Timestamp, max: usize) -> Result<Vec<AlarmId>, LedgerError>;

    /// The earliest deadline of any open alarm.
    async fn next_deadline(&self) -> Result<Option<Timestamp>, LedgerError>;

    /// Effects that are due and not being tried, red first, then by due time.
    async fn effects_due(&self, now: Timestamp, max: usize) -> Result<Vec<Waiting>, LedgerError>;

    /// Effects that were begun and have no outcome: after a start, those of the life before.
    async fn effects_trying(&self) -> Result<Vec<Waiting>, LedgerError>;

    /// The earliest due time of any waiting effect that is not being tried.
    async fn next_effect(&self) -> Result<Option<Timestamp>, LedgerError>;

    /// The notes of an alarm, oldest first.
    async fn notes(&self, alarm: &AlarmId) -> Result<Vec<Note>, LedgerError>;

    /// How far a shard has been decided.
    async fn decided(&self, shard: Shard) -> Result<Decided, LedgerError>;

    /// The latest snapshots of a shard's homes and the places in the log (red, routine) they are as of.
    async fn snapshots(&self, shard: Shard) -> Result<(Decided, Vec<(HomeId, Vec<u8>)>), LedgerError>;

    /// The plan of action for a home and cause: the nearest of elder, home, village, city.
    async fn plan(&self, home: &HomeId, cause: &Cause, level: Level) -> Result<Plan, LedgerError>;

    /// A setting of the platform.
    async fn setting(&self, key: &str) -> Result<Option<String>, LedgerError>;

    /// Wakes its holder after every commit that changed an alarm or the outbox. The value has no meaning.
    fn changed(&self) -> watch::Receiver<u64>;
}
