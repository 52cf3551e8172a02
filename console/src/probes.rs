//! `/healthz`, `/readyz`, `/metrics`: for supervisors, load balancers and Prometheus. Without a sign-in on loopback.

use crate::app::App;
use crate::ports::{FeedKind, FeedState, Figure};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// The state of a part.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct PartState {
    /// Which: `log`, `ledger`, `door`, `ingest`, `channel`, `canary`.
    part: &'static str,
    /// The channel's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    /// `working`, `degraded`, `down`.
    state: &'static str,
    /// Seconds behind, where that is measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    behind_s: Option<i64>,
}

/// Whether everything is there that is needed to take in and answer calls.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Readiness {
    ready: bool,
    parts: Vec<PartState>,
}

pub(crate) fn part_name(kind: FeedKind) -> &'static str {
    match kind {
        FeedKind::Log => "log",
        FeedKind::Ledger => "ledger",
        FeedKind::Door => "door",
        FeedKind::Ingest => "ingest",
        FeedKind::Channel => "channel",
        FeedKind::Canary => "canary",
    }
}

pub(crate) fn state_name(state: FeedState) -> &'static str {
    match state {
        FeedState::Working => "working",
        FeedState::Degraded => "degraded",
        FeedState::Down => "down",
    }
}

/// The process lives and answers.
#[utoipa::path(get, path = "/healthz", tag = "probes", responses((status = 200, description = "alive", body = String, content_type = "text/plain")), security((), ("token" = []), ("session" = [])))]
pub(crate) async fn healthz() -> &'static str {
    "alive\n"
}

/// Log, ledger, door and ingest are there. A channel that is down does not make the platform unready: it still takes
/// in calls, and its other channels and the operators are there.
#[utoipa::path(get, path = "/readyz", tag = "probes", responses((status = 200, body = Readiness), (status = 503, body = Readiness)), security((), ("token" = []), ("session" = [])))]
pub(crate) async fn readyz(State(app): State<App>) -> Response {
    let feeds = app.parts.feeds.feeds();
    let needed = |kind: FeedKind| match kind {
        FeedKind::Log | FeedKind::Ledger | FeedKind::Door | FeedKind::Ingest => true,
        FeedKind::Channel | FeedKind::Canary => false,
    };
    let mut ready = !feeds.iter().any(|f| needed(f.kind) && f.state == FeedState::Down);
    let mut parts: Vec<_> = feeds
        .into_iter()
        .map(|feed| PartState {
            part: part_name(feed.kind),
            name: feed.name,
            state: state_name(feed.state),
            behind_s: match feed.figure {
                Some(Figure::Behind(span)) => Some(span.num_seconds()),
                Some(Figure::Homes(_) | Figure::Ago(_) | Figure::Waiting(_) | Figure::RoutesDown(_)) | None => None,
            },
        })
        .collect();
    if let Err(error) = app.parts.ledger.next_deadline().await {
        tracing::error!(%error, "the ledger does not answer");
        ready = false;
        parts.push(PartState { part: "ledger", name: String::new(), state: "down", behind_s: None });
    }
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, parts })).into_response()
}

/// Prometheus exposition text.
#[utoipa::path(get, path = "/metrics", tag = "probes", responses((status = 200, description = "Prometheus text", body = String, content_type = "text/plain")), security((), ("token" = []), ("session" = [])))]
pub(crate) async fn metrics(State(app): State<App>) -> Response {
    let mut text = app.parts.metrics.text();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str("# HELP hearthline_console_streams Event streams open at this moment.\n# TYPE hearthline_console_streams gauge\n");
    text.push_str(&format!("hearthline_console_streams {}\n", app.live.streams()));
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
