//! Ledger, register and ownership on PostgreSQL 15 or later, for more than one machine. The same meaning as on SQLite, table
//! by table; what is added is who claims what: every process is a member with a lease, a shard has one owner with an
//! epoch, and deadlines and effects are claimed with `SKIP LOCKED`, so that no two engines ring the same contact.

mod apply;
mod carry;
mod follow;
mod member;
mod pool;
mod read;
mod register;
mod schema;
mod sheet;
mod tls;
mod upkeep;

pub use carry::{Carried, NOT_CARRIED, Places};
pub use member::{LEASE, Member, MemberView, Membership, ShardView};
pub use pool::{PgError, PgSettings};

use crate::ledger::LedgerError;
use crate::sqlite::seal::{Keys, Place, hex};
use care::Timestamp;
use pool::Pools;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// What the seal check seals.
const SEAL_CHECK: &[u8] = b"hearthline";

/// What was found when the ledger was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PgOpened {
    /// There was none: a new one was made.
    New,
    /// The same database as last time.
    Same,
    /// A restored or copied one: calling is held until an operator releases it (ALM-8).
    Copied,
}

/// Ledger, register and ownership on PostgreSQL.
pub struct PgLedger {
    pub(super) pools: Pools,
    pub(super) keys: Arc<Keys>,
    /// Who claims: a new name for each life of a process.
    pub(super) me: String,
    pub(super) changed: watch::Sender<u64>,
    /// Effects whose beginning may or may not have been committed when the connection broke.
    pub(super) doubtful: Mutex<BTreeSet<(String, i64)>>,
    pub(super) figures: Figures,
    pub(super) settings: PgSettings,
}

/// Counters since the start.
#[derive(Debug, Default)]
pub struct Figures {
    /// Transactions committed.
    pub transactions: AtomicU64,
    /// Transactions decided anew because somebody else wrote first.
    pub conflicts: AtomicU64,
    /// Commits that failed.
    pub failures: AtomicU64,
    /// Commits of an owner whose shard was taken by another.
    pub fenced: AtomicU64,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PgLedger {
    /// Connects, brings the schema up to date, checks the keys, and looks whether this is still the same database.
    ///
    /// # Errors
    /// [`PgError`] if the database cannot be reached, was written by a newer version, or its keys do not fit.
    pub async fn open(settings: PgSettings, keys: Arc<Keys>, now: Timestamp) -> Result<(Self, PgOpened), PgError> {
        let pools = Pools::new(&settings)?;
        schema::migrate(&pools).await?;
        let ledger = Self {
            pools,
            keys,
            me: hex(&rand::random::<[u8; 8]>()),
            changed: watch::Sender::new(0),
            doubtful: Mutex::default(),
            figures: Figures::default(),
            settings,
        };
        let opened = ledger.recognise(now).await?;
        Ok((ledger, opened))
    }

    /// The name under which this life claims.
    pub fn id(&self) -> &str {
        &self.me
    }

    /// The figures since the start.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// A database cluster has an identifier that a dump restored elsewhere does not share, and a dump restored beside the
    /// original has another oid: whatever is not the database that was left is a copy.
    async fn recognise(&self, now: Timestamp) -> Result<PgOpened, PgError> {
        let mut client = self.pools.primary().await?;
        let tx = client.transaction().await.map_err(PgError::asking("begin"))?;
        // Two processes may open a new database at once.
        tx.execute("SELECT pg_advisory_xact_lock($1)", &[&schema::LOCK]).await.map_err(PgError::asking("wait for the schema's lock"))?;
        let failed = PgError::asking("look at the database's identity");
        let row = tx
            .query_one(
                "SELECT (SELECT system_identifier::TEXT FROM pg_control_system()), oid::BIGINT FROM pg_database WHERE datname = current_database()",
                &[],
            )
            .await
            .map_err(failed)?;
        let is = format!("cluster {} database {}", row.get::<_, String>(0), row.get::<_, i64>(1));
        let mut known = std::collections::BTreeMap::new();
        for row in tx.query("SELECT key, value FROM setting", &[]).await.map_err(PgError::asking("read the settings"))? {
            known.insert(row.get::<_, String>(0), row.get::<_, String>(1));
        }
        let place = Place { column: "setting.value", row: "seal_check" };
        let unfit = || PgError::Key;
        if let Some(sealed) = known.get("seal_check")
            && !self.keys.open(place, &unhex(sealed)).is_ok_and(|plain| plain == SEAL_CHECK)
        {
            return Err(unfit());
        }
        let opened = match known.get("fingerprint") {
            None if !known.contains_key("ledger_id") => PgOpened::New,
            Some(was) if *was == is => PgOpened::Same,
            Some(_) | None => PgOpened::Copied,
        };
        let mut writes = vec![("fingerprint", is.clone())];
        if opened == PgOpened::New {
            writes.push(("ledger_id", hex(&rand::random::<[u8; 16]>())));
            writes.push(("seal_check", hex(&self.keys.seal(place, SEAL_CHECK).map_err(|_| unfit())?)));
        }
        if opened == PgOpened::Copied {
            writes.push(("calling", "held".into()));
            let was = known.get("fingerprint").cloned().unwrap_or_default();
            apply::audit(&tx, now, "platform", "ledger.copied", &format!("was {was}")).await.map_err(|e| PgError::Ledger("note the copy", e))?;
        }
        if opened != PgOpened::Same {
            for (key, value) in &writes {
                tx.execute(apply::SETTING, &[key, value]).await.map_err(PgError::asking("write the settings"))?;
            }
        }
        tx.commit().await.map_err(PgError::asking("commit the settings"))?;
        Ok(opened)
    }

    pub(super) fn tell_changed(&self) {
        self.changed.send_modify(|n| *n = n.wrapping_add(1));
    }

    pub(super) fn count(&self, result: &Result<(), LedgerError>) {
        let counter = match result {
            Ok(()) => &self.figures.transactions,
            Err(LedgerError::Conflict) => &self.figures.conflicts,
            Err(LedgerError::Fenced) => &self.figures.fenced,
            Err(LedgerError::DiskFull | LedgerError::Failed(_)) => &self.figures.failures,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).filter_map(|i| u8::from_str_radix(text.get(i..i + 2)?, 16).ok()).collect()
}
