//! Connections: a pool to the primary, one to a replica for reports if there is one, and limits on everything that could hang.

use super::tls;
use crate::ledger::LedgerError;
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime, Timeouts};
use std::path::PathBuf;
use std::time::Duration;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use tokio_postgres::error::SqlState;

/// A statement of ours never takes this long; a server that hangs is not waited for.
pub(super) const STATEMENT_WITHIN: Duration = Duration::from_secs(10);
/// How long a whole transaction may take, waiting for a connection included.
pub(super) const TRANSACTION_WITHIN: Duration = Duration::from_secs(15);
/// What the server is told at connect: a statement of a client that died is given up at once, a transaction that a paused
/// client holds open ends before its shard's next owner has waited long.
const OPTIONS: &str = "-c statement_timeout=10s -c lock_timeout=5s -c idle_in_transaction_session_timeout=3s \
     -c client_connection_check_interval=500ms -c synchronous_commit=on -c default_transaction_isolation=read\\ committed";

/// Where the database is.
#[derive(Clone)]
pub struct PgSettings {
    /// `postgresql://user:password@host1,host2/database?target_session_attrs=read-write`, or in key=value form.
    pub url: String,
    /// A read replica for reports; `None` = the primary answers them.
    pub replica_url: Option<String>,
    /// Authorities (PEM) that the server's certificate must come from: then TLS is required.
    pub authorities: Option<PathBuf>,
    /// Connections to the primary. 2 to 200.
    pub connections: usize,
}

impl PgSettings {
    /// Settings with defaults for a database at `url`.
    pub fn at(url: impl Into<String>) -> Self {
        Self { url: url.into(), replica_url: None, authorities: None, connections: 16 }
    }
}

impl std::fmt::Debug for PgSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The address carries a password.
        f.debug_struct("PgSettings").field("connections", &self.connections).finish_non_exhaustive()
    }
}

/// Why the ledger could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum PgError {
    /// The settings are wrong.
    #[error("the address of the database: {0}")]
    Settings(String),
    /// The authorities for TLS cannot be used.
    #[error("the authorities for the database's certificate: {0}")]
    Tls(String),
    /// No connection.
    #[error("the database cannot be reached: {0}")]
    Connect(String),
    /// It answered with an error.
    #[error("could not {0}")]
    Asking(&'static str, #[source] tokio_postgres::Error),
    /// A write of ours failed.
    #[error("could not {0}")]
    Ledger(&'static str, #[source] LedgerError),
    /// The database was written by a newer version of this program.
    #[error("the database was written by a newer version (schema {found}, readable from {readable_from} on; this version knows {known}): start the newer version, or restore a backup")]
    Newer {
        /// Its schema.
        found: i64,
        /// The oldest schema that a program must know to work on it.
        readable_from: i64,
        /// The newest schema known here.
        known: i64,
    },
    /// Its encoding is not UTF-8.
    #[error("the database's encoding is {0}: make it with ENCODING 'UTF8'")]
    Encoding(String),
    /// The keys belong to another ledger.
    #[error("the key file belongs to another ledger")]
    Key,
}

impl PgError {
    pub(super) fn asking(what: &'static str) -> impl Fn(tokio_postgres::Error) -> Self {
        move |e| Self::Asking(what, e)
    }
}

/// The pools.
pub(crate) struct Pools {
    primary: Pool,
    replica: Option<Pool>,
}

pub(super) fn config(url: &str, tls: bool) -> Result<tokio_postgres::Config, PgError> {
    let mut config: tokio_postgres::Config = url.parse().map_err(|e: tokio_postgres::Error| PgError::Settings(e.to_string()))?;
    config.options(OPTIONS);
    config.application_name("hearthline");
    config.connect_timeout(Duration::from_secs(3));
    config.tcp_user_timeout(Duration::from_secs(6));
    config.keepalives(true);
    config.keepalives_idle(Duration::from_secs(5));
    config.keepalives_interval(Duration::from_secs(2));
    config.keepalives_retries(3);
    config.ssl_mode(if tls { SslMode::Require } else { SslMode::Disable });
    Ok(config)
}

impl Pools {
    pub(super) fn new(settings: &PgSettings) -> Result<Self, PgError> {
        let connector = settings.authorities.as_deref().map(tls::connector).transpose().map_err(PgError::Tls)?;
        let pool = |mut config: tokio_postgres::Config, primary: bool| {
            if primary && config.get_hosts().len() > 1 {
                config.target_session_attrs(TargetSessionAttrs::ReadWrite);
            }
            let recycle = ManagerConfig { recycling_method: RecyclingMethod::Fast };
            let manager = match connector.clone() {
                Some(tls) => Manager::from_config(config, tls, recycle),
                None => Manager::from_config(config, tokio_postgres::NoTls, recycle),
            };
            let timeouts = Timeouts { wait: Some(STATEMENT_WITHIN), create: Some(Duration::from_secs(5)), recycle: Some(Duration::from_secs(1)) };
            Pool::builder(manager)
                .max_size(settings.connections.clamp(2, 200))
                .timeouts(timeouts)
                .runtime(Runtime::Tokio1)
                .build()
                .map_err(|e| PgError::Settings(e.to_string()))
        };
        let tls = connector.is_some();
        let primary = pool(config(&settings.url, tls)?, true)?;
        let replica = settings.replica_url.as_deref().map(|url| pool(config(url, tls)?, false)).transpose()?;
        Ok(Self { primary, replica })
    }

    pub(super) async fn primary(&self) -> Result<Object, PgError> {
        self.primary.get().await.map_err(|e| PgError::Connect(reason(&e)))
    }

    /// A connection for the ledger's ports.
    pub(super) async fn get(&self) -> Result<Object, LedgerError> {
        self.primary.get().await.map_err(|e| LedgerError::Failed(format!("no connection to the database: {}", reason(&e))))
    }

    /// A connection for reports, which may be some seconds behind: of the replica, or of the primary while that is away.
    pub(super) async fn reports(&self) -> Result<Object, LedgerError> {
        if let Some(replica) = &self.replica {
            match replica.get().await {
                Ok(client) => return Ok(client),
                Err(error) => tracing::warn!(error = reason(&error), "the replica cannot be reached: the primary answers"),
            }
        }
        self.get().await
    }
}

fn reason(error: &deadpool_postgres::PoolError) -> String {
    match error {
        deadpool_postgres::PoolError::Backend(inner) => sentence(inner),
        deadpool_postgres::PoolError::Timeout(_)
        | deadpool_postgres::PoolError::Closed
        | deadpool_postgres::PoolError::NoRuntimeSpecified
        | deadpool_postgres::PoolError::PostCreateHook(_) => error.to_string(),
    }
}

/// What went wrong with its causes, without the rows that the server's detail would show.
fn sentence(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} ({})", db.message(), db.code().code()),
        None => std::error::Error::source(error).map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}")),
    }
}

impl From<tokio_postgres::Error> for LedgerError {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.code() {
            Some(code) if *code == SqlState::T_R_DEADLOCK_DETECTED || *code == SqlState::T_R_SERIALIZATION_FAILURE => Self::Conflict,
            Some(code) if *code == SqlState::DISK_FULL => Self::DiskFull,
            Some(_) | None => Self::Failed(sentence(&error)),
        }
    }
}

/// A row that is there already is a conflict.
pub(super) fn conflict(error: tokio_postgres::Error) -> LedgerError {
    if error.code() == Some(&SqlState::UNIQUE_VIOLATION) { LedgerError::Conflict } else { error.into() }
}
