//! What stands around every page: navigation, who is signed in, and the lamps of the platform's parts.

use super::{assets, say};
use crate::app::App;
use crate::caller::{Caller, Need};
use crate::look::Look;
use crate::messages::{Words, fill};
use crate::ports::{Feed, FeedKind, FeedState, Figure};
use care::Timestamp;
use care::reason::span;

/// A lamp in the header.
pub(crate) struct Lamp {
    pub(crate) class: &'static str,
    pub(crate) text: String,
}

/// The frame of a page.
pub(crate) struct Frame {
    pub(crate) t: &'static Words,
    pub(crate) v: &'static str,
    /// `desk`, `watch`, `homes`, `plans` or `office`.
    pub(crate) here: &'static str,
    /// The path of this page, for the forms that come back to it.
    pub(crate) next: String,
    pub(crate) who: String,
    pub(crate) acts: bool,
    /// May look at alarms and homes.
    pub(crate) sees: bool,
    /// Has something to do in the office.
    pub(crate) office: bool,
    /// The caller's sign-in name.
    pub(crate) me: String,
    /// The caller's shift has begun.
    pub(crate) on_shift: bool,
    /// A drill is on until then: as a time of day, and in seconds since 1970.
    pub(crate) drill: Option<(String, i64)>,
    pub(crate) lamps: Vec<Lamp>,
    /// Milliseconds since 1970 at the server, against which the browser sets its clocks.
    pub(crate) now_ms: i64,
}

impl Frame {
    pub(crate) fn new(app: &App, caller: &Caller, look: Look, here: &'static str, next: String) -> Self {
        Self {
            t: look.words(),
            v: assets::version(),
            here,
            next,
            who: if caller.name.is_empty() { caller.person.as_str().to_owned() } else { caller.name.clone() },
            acts: caller.acts(),
            sees: Need::See.met_by(caller.role),
            office: Need::Visit.met_by(caller.role) || Need::Refer.met_by(caller.role),
            me: caller.person.as_str().to_owned(),
            on_shift: app.watch.on_shift().iter().any(|one| one.person == caller.person),
            drill: app.watch.drill(app.now()).map(|drill| (say::minute(&look, drill.until, app.now()), epoch(drill.until))),
            lamps: lamps(app, &look),
            now_ms: app.now().timestamp_millis(),
        }
    }
}

/// The lamps of the platform's parts.
pub(crate) fn lamps(app: &App, look: &Look) -> Vec<Lamp> {
    app.parts.feeds.feeds().iter().map(|feed| lamp(look, feed)).collect()
}

fn lamp(look: &Look, feed: &Feed) -> Lamp {
    let w = look.words();
    let name = match feed.kind {
        FeedKind::Log => w.feed_log,
        FeedKind::Ledger => w.feed_ledger,
        FeedKind::Door => w.feed_door,
        FeedKind::Ingest => w.feed_ingest,
        FeedKind::Canary => w.feed_canary,
        FeedKind::Channel => say::channel(w, &feed.name),
    };
    let figure = match feed.figure {
        Some(Figure::Homes(n)) => fill(w.feed_homes, &[("n", &n.to_string())]),
        Some(Figure::Behind(late)) if late.num_seconds() > 0 => fill(w.feed_behind, &[("span", &span(late.num_seconds(), look.language))]),
        Some(Figure::Ago(past)) => fill(w.ago, &[("span", &span(past.num_seconds().max(0), look.language))]),
        Some(Figure::Waiting(n)) if n > 0 => fill(w.feed_waiting, &[("n", &n.to_string())]),
        Some(Figure::RoutesDown(n)) => fill(w.feed_routes_down, &[("n", &n.to_string())]),
        Some(Figure::Behind(_) | Figure::Waiting(_)) | None => String::new(),
    };
    let (class, state) = match feed.state {
        FeedState::Working => ("ok", ""),
        FeedState::Degraded => ("warn", w.feed_degraded),
        FeedState::Down => ("down", w.feed_down),
    };
    let text = [name, state, figure.as_str()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    Lamp { class, text }
}

/// The path of a page and its query, as they are put into a form.
pub(crate) fn path_of(uri: &axum::http::Uri) -> String {
    uri.path_and_query().map(|p| p.as_str().to_owned()).unwrap_or_else(|| "/".to_owned())
}

/// Seconds since 1970, for a clock in the page.
pub(crate) fn epoch(at: Timestamp) -> i64 {
    at.timestamp()
}
