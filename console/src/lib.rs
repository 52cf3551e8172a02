//! The people's door: what operators, liaisons and supervisors look at, and the JSON API for programs.
//!
//! ```text
//! routes (who may use what) ──▶ api/    JSON under /api/v1, problem details, OpenAPI, event stream
//!                           └─▶ pages/  HTML: the duty desk, homes, sign-in
//! watch: who is on shift, hand-overs, drills, figures of the alarms
//! live: one reader of the ledger for all open pages        places: who lives where, masked
//! ```
//!
//! Everything it shows comes from the ledger and the register; what only another room knows comes through [`ports`].
//! What a person does to an alarm goes through [`store::desk`], in one transaction with its note and its audit line.
//!
//! ```no_run
//! # async fn go(parts: console::Parts) -> Result<(), console::ServeError> {
//! let settings = console::ConsoleSettings::new(([127, 0, 0, 1], 8080).into());
//! let bound = console::Console::new(settings, parts)?.bind().await?;
//! println!("http://{}", bound.addr());
//! bound.serve(std::future::pending()).await;
//! # Ok(())
//! # }
//! ```

mod api;
mod app;
mod caller;
mod devices;
mod directory;
mod extract;
mod finish;
mod imports;
pub mod limits;
mod live;
mod look;
mod mask;
mod messages;
pub mod office;
mod packed;
mod pages;
pub mod password;
mod places;
pub mod ports;
mod probes;
mod problem;
mod routes;
mod serve;
mod people;
mod shape;
mod watch;
mod word_table;

pub use api::hubs::HUB_SETTING;
pub use api::openapi::openapi;
pub use app::{ConsoleSettings, Parts, Transport};
pub use caller::{API, Need, SESSION, hash_of, new_token};
pub use messages::ROWS as MESSAGES;
pub use ports::{Connection, Doing, Feed, FeedKind, FeedState, Feeds, Fetch, Figure, Homes, Metrics, NoConnection, NoSwitchboard, Party, Phase, Question, RawMessage, Switchboard, Underway, Warnings};
pub use people::factor::SecondFactor;
pub use people::provider::{Provider, may_be_asked};
pub use routes::Route;
pub use serve::{Bound, ServeError};

use app::App;
use std::future::Future;
use std::net::SocketAddr;
use tokio::sync::oneshot;

/// The people's door, put together but not open yet.
pub struct Console {
    app: App,
    router: axum::Router,
    routes: Vec<Route>,
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console").field("routes", &self.routes.len()).finish_non_exhaustive()
    }
}

impl Console {
    /// Puts the door together.
    ///
    /// # Errors
    /// [`ServeError::Passwords`] if no password can be hashed on this machine.
    pub fn new(settings: ConsoleSettings, parts: Parts) -> Result<Self, ServeError> {
        let app = App::new(settings, parts).map_err(ServeError::Passwords)?;
        let (router, routes) = routes::build(&app);
        Ok(Self { app, router, routes })
    }

    /// The table of routes.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The router, for requests without a socket. Pages that show the open alarms need [`Console::follow`] to run.
    pub fn router(&self) -> axum::Router {
        self.router.clone()
    }

    /// Follows the ledger until dropped; [`Bound::serve`] does so by itself.
    pub fn follow(&self) -> impl Future<Output = ()> + Send + 'static {
        live::follow(self.app.clone())
    }

    /// Takes the port.
    ///
    /// # Errors
    /// [`ServeError::Listen`] if it is taken.
    pub async fn bind(self) -> Result<Bound, ServeError> {
        Bound::new(self.app, self.router).await
    }
}

/// Takes the port, tells the address to `bound`, and serves until `stop` is done.
///
/// # Errors
/// [`ServeError::Listen`] if the port is taken.
pub async fn serve(console: Console, bound: oneshot::Sender<SocketAddr>, stop: impl Future<Output = ()> + Send) -> Result<(), ServeError> {
    let door = console.bind().await?;
    if bound.send(door.addr()).is_err() {
        tracing::debug!("nobody waits for the console's address");
    }
    door.serve(stop).await;
    Ok(())
}
