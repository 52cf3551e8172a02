//! The stream of changes (server-sent events): `alarm` with the alarm as it is now, `beat` every 10 s, `reset` when
//! everything must be read anew, `signed_out` when the session has ended.

use super::openapi::Refusals;
use crate::app::App;
use crate::caller::{Caller, by_hash};
use crate::live::Change;
use crate::problem::Problem;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, Sse};
use care::Timestamp;
use futures_util::Stream;
use serde_json::json;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, watch};

/// A beat at least this often.
const BEAT: Duration = Duration::from_secs(10);
/// Most changes taken from the ring at once.
const BATCH: usize = 64;
/// How long a browser waits before it comes back.
const RETRY: Duration = Duration::from_secs(2);

struct Reader {
    app: App,
    caller: Caller,
    sent: u64,
    waiting: VecDeque<Change>,
    first: Option<Event>,
    woken: watch::Receiver<u64>,
    next_beat: tokio::time::Instant,
    ended: bool,
    _place: OwnedSemaphorePermit,
}

fn at(now: Timestamp) -> String {
    json!({ "now": now }).to_string()
}

impl Reader {
    fn reset(&mut self) -> Event {
        self.sent = self.app.live.last();
        self.waiting.clear();
        Event::default().event("reset").id(self.app.live.event_id(self.sent)).data(at(self.app.now()))
    }

    async fn next(&mut self) -> Option<Event> {
        if self.ended {
            return None;
        }
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        loop {
            self.woken.borrow_and_update();
            if self.waiting.is_empty() {
                match self.app.live.after(self.sent, BATCH) {
                    Some(changes) => self.waiting = changes.into(),
                    None => return Some(self.reset()),
                }
            }
            if tokio::time::Instant::now() >= self.next_beat {
                self.next_beat = tokio::time::Instant::now() + BEAT;
                return Some(self.beat().await);
            }
            while let Some(change) = self.waiting.pop_front() {
                self.sent = change.no;
                let Ok(sees) = self.app.sees(&self.caller, &change.alarm.home).await else {
                    return Some(self.reset()); // rather read everything anew than lose one
                };
                if sees && !self.app.is_canary(&change.alarm.home) {
                    let event = Event::default().event("alarm").id(self.app.live.event_id(change.no));
                    return Some(event.data(change.text(self.app.settings.zone)));
                }
            }
            if !self.waiting.is_empty() || self.app.live.last() > self.sent {
                continue;
            }
            tokio::select! {
                _ = self.woken.changed() => {}
                () = tokio::time::sleep_until(self.next_beat) => {}
            }
        }
    }

    /// A beat, or the end: the session may have been ended elsewhere.
    async fn beat(&mut self) -> Event {
        let beat = Event::default().event("beat").data(at(self.app.now()));
        match by_hash(&self.app, &self.caller.token, self.caller.by).await {
            Ok(Some(caller)) if caller.role == self.caller.role => {
                self.caller = caller;
                beat
            }
            Ok(_) => {
                self.ended = true;
                Event::default().event("signed_out").data(at(self.app.now()))
            }
            // A ledger that does not answer for a moment must not take the desk away.
            Err(_) => beat,
        }
    }
}

/// Changes as they happen, as server-sent events. `Last-Event-ID` goes on after that one; without it the stream begins
/// with `reset`: read the open alarms then.
#[utoipa::path(get, path = "/api/v1/events", tag = "alarms", params(("Last-Event-ID" = Option<String>, Header)),
    responses((status = 200, description = "server-sent events `alarm`, `beat`, `reset`, `signed_out`", body = String, content_type = "text/event-stream"), Refusals))]
pub(crate) async fn stream(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let place = app.live.enter()?;
    let known = headers.get("last-event-id").and_then(|v| v.to_str().ok()).and_then(|id| app.live.known(id));
    let woken = app.live.watch();
    let mut reader = Reader {
        caller,
        sent: known.unwrap_or(0),
        waiting: VecDeque::new(),
        first: None,
        woken,
        next_beat: tokio::time::Instant::now() + BEAT,
        ended: false,
        _place: place,
        app,
    };
    reader.first = Some(match known {
        Some(_) => Event::default().event("beat").data(at(reader.app.now())).retry(RETRY),
        None => reader.reset().retry(RETRY),
    });
    Ok(Sse::new(futures_util::stream::unfold(reader, |mut reader| async move {
        let event = reader.next().await?;
        Some((Ok(event), reader))
    })))
}
