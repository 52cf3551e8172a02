//! The queue of the duty desk: one row for each open alarm, red first, then who has waited longest. Every open desk asks
//! for it with every change: it is drawn once for all who see the same.

use super::frame::{Lamp, epoch, lamps};
use super::say;
use crate::api::alarms::called_up_of;
use crate::app::App;
use crate::caller::Caller;
use crate::limits::QUEUE_ROWS_MAX;
use crate::look::Look;
use crate::messages::{Words, fill};
use crate::packed;
use crate::places::Place;
use crate::problem::Problem;
use crate::watch::drill::is_drill_home;
use askama::Template;
use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use care::alarm::{Ladder, State};
use care::reason::cause_name;
use care::{Alarm, TimeDelta};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A row.
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) class: &'static str,
    pub(crate) mark: &'static str,
    pub(crate) level: &'static str,
    pub(crate) cause: String,
    pub(crate) who: String,
    pub(crate) place: String,
    pub(crate) doing: String,
    pub(crate) state: &'static str,
    pub(crate) since: i64,
    pub(crate) wait: String,
    pub(crate) test: bool,
    /// Whom it goes to while nobody takes it: `SECONDS:PERSON` each.
    pub(crate) up: String,
    pub(crate) selected: bool,
}

/// The queue with its totals and the lamps: what is refreshed when something changes.
#[derive(Template)]
#[template(path = "queue.html")]
pub(crate) struct Queue {
    pub(crate) t: &'static Words,
    pub(crate) rows: Vec<Row>,
    pub(crate) all: usize,
    pub(crate) more: String,
    pub(crate) totals: String,
    pub(crate) lamps: Vec<Lamp>,
    pub(crate) now_ms: i64,
    /// Some alarms stand under one about their area, and are no rows of their own.
    pub(crate) folds: bool,
}

/// A drawn queue is shown this long if nothing has changed: clocks go on in the browser, lamps may wait.
const DRAWN_FRESH: Duration = Duration::from_millis(500);
/// Drawn queues that are kept.
const DRAWN_KEPT: usize = 256;

/// What makes two callers' queues the same: where they look, whether names are masked, the language.
type Sight = (String, bool, &'static str);

/// A queue as it goes over the wire, with no row selected.
pub(crate) struct Drawn {
    text: Bytes,
    packed: Bytes,
    ids: Vec<String>,
    folds: bool,
    change: u64,
    at: Instant,
}

impl Drawn {
    /// As an answer, packed for who takes that.
    pub(crate) fn answer(&self, headers: &HeaderMap) -> Response {
        let kind = (header::CONTENT_TYPE, "text/html; charset=utf-8");
        if packed::taken(headers) {
            ([kind, (header::CONTENT_ENCODING, "gzip")], self.packed.clone()).into_response()
        } else {
            ([kind], self.text.clone()).into_response()
        }
    }

    /// True if it shows what the queue of somebody shows who has this alarm on the card.
    pub(crate) fn is_for(&self, selected: Option<&str>) -> bool {
        !self.folds || selected.is_none_or(|id| self.ids.iter().any(|row| row == id))
    }
}

/// Where one queue is drawn, by one at a time.
type Easel = Arc<tokio::sync::Mutex<Option<Arc<Drawn>>>>;

/// The queues that were drawn last.
#[derive(Default)]
pub(crate) struct Queues(Mutex<HashMap<Sight, Easel>>);

/// The queue of all who see what the caller sees. Who asks while it is being drawn waits for that drawing.
pub(crate) async fn drawn(app: &App, caller: &Caller, look: &Look) -> Result<Arc<Drawn>, Problem> {
    let sight = (caller.area.clone(), caller.acts(), look.html_language());
    let easel = {
        let mut all = app.queues.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= DRAWN_KEPT && !all.contains_key(&sight) {
            all.clear();
        }
        Arc::clone(all.entry(sight).or_default())
    };
    let mut last = easel.lock().await;
    let change = app.live.last();
    if let Some(drawn) = last.as_ref().filter(|drawn| drawn.change == change && drawn.at.elapsed() < DRAWN_FRESH) {
        return Ok(Arc::clone(drawn));
    }
    let at = Instant::now();
    let queue = build(app, caller, look, None).await?;
    let text = queue.render().map_err(|_| Problem::Unavailable)?;
    let packed = packed::pack(text.as_bytes()).map_err(|_| Problem::Unavailable)?;
    let drawn = Arc::new(Drawn { text: text.into(), packed, ids: queue.rows.into_iter().map(|row| row.id).collect(), folds: queue.folds, change, at });
    *last = Some(Arc::clone(&drawn));
    Ok(drawn)
}

/// Whom an alarm is about, as the desk shows it.
pub(crate) fn who(w: &Words, alarm: &Alarm, place: &Place) -> String {
    let names = place.names();
    if !names.is_empty() {
        names
    } else if alarm.home.as_str() == "platform" {
        w.platform_home.to_owned()
    } else if is_drill_home(&alarm.home) {
        fill(w.drill_home, &[("home", alarm.home.as_str())])
    } else {
        fill(w.unregistered_home, &[("home", alarm.home.as_str())])
    }
}

pub(crate) async fn build(app: &App, caller: &Caller, look: &Look, selected: Option<&str>) -> Result<Queue, Problem> {
    let now = app.now();
    let w = look.words();
    let mut alarms: Vec<Arc<Alarm>> = Vec::new();
    for alarm in app.live.open().await? {
        // A home that cannot be read must not hide its alarm from those who take alarms.
        if !app.is_canary(&alarm.home) && app.sees(caller, &alarm.home).await.unwrap_or_else(|_| caller.acts()) {
            alarms.push(alarm);
        }
    }
    let (mut alarms, under) = super::district::fold(app, alarms, selected).await?;
    alarms.sort_by_cached_key(|a| (a.level, a.state != State::Raised, a.raised_at, a.id.clone()));
    let raised = alarms.iter().filter(|a| a.state == State::Raised).count();
    let longest = alarms.iter().filter(|a| a.state == State::Raised).map(|a| now - a.raised_at).max();
    let totals = match longest {
        None if alarms.is_empty() => w.totals_none.to_owned(),
        longest => fill(
            w.totals,
            &[
                ("raised", &raised.to_string()),
                ("taken", &(alarms.len() - raised).to_string()),
                ("longest", &say::wait(look, longest.unwrap_or(TimeDelta::zero()))),
            ],
        ),
    };
    let mut rows = Vec::new();
    for alarm in alarms.iter().take(QUEUE_ROWS_MAX) {
        let place = app.places.seen_by(caller, &alarm.home).await.unwrap_or_default();
        let mut row = row(app, look, alarm, &place, selected).await?;
        if let Some(homes) = under.get(&alarm.id) {
            row.place = fill(w.stands_for, &[("n", &homes.to_string())]);
        }
        rows.push(row);
    }
    let hidden = alarms.len() - rows.len();
    let more = if hidden > 0 { fill(w.queue_more, &[("n", &hidden.to_string())]) } else { String::new() };
    Ok(Queue { t: w, rows, all: alarms.len(), more, totals, lamps: lamps(app, look), now_ms: now.timestamp_millis(), folds: !under.is_empty() })
}

async fn row(app: &App, look: &Look, alarm: &Alarm, place: &Place, selected: Option<&str>) -> Result<Row, Problem> {
    let w = look.words();
    let (class, mark) = say::level(alarm.level);
    let mut about = Vec::new();
    if let Some(born) = place.elders.first().and_then(|e| e.born_year) {
        about.push(fill(w.age, &[("n", &age(app, look, born).to_string())]));
    }
    if !place.area().is_empty() {
        about.push(place.area());
    }
    about.extend(Some(say::again(w, alarm)).filter(|words| !words.is_empty()));
    Ok(Row {
        id: alarm.id.as_str().to_owned(),
        class,
        mark,
        level: say::level_word(w, alarm.level),
        cause: cause_name(&alarm.cause, look.language),
        who: who(w, alarm, place),
        place: about.join(" · "),
        doing: doing(app, look, alarm, place).await?,
        state: alarm.state_name(),
        since: epoch(alarm.raised_at),
        wait: say::wait(look, app.now() - alarm.raised_at),
        test: alarm.test,
        up: called_up_of(app, alarm).await?.iter().map(|(after, person)| format!("{}:{person}", after.num_seconds())).collect::<Vec<_>>().join(" "),
        selected: selected == Some(alarm.id.as_str()),
    })
}

/// One line on where an alarm stands.
pub(crate) async fn doing(app: &App, look: &Look, alarm: &Alarm, place: &Place) -> Result<String, Problem> {
    let w = look.words();
    Ok(match &alarm.state {
        State::Raised => {
            let calling: Vec<String> = alarm.attempts.iter().filter(|a| a.is_open()).map(|a| contact_name(look, place, &a.contact)).collect();
            let mut line = if matches!(alarm.ladder, Ladder::Stopped { .. }) { w.state_stopped.to_owned() } else if calling.is_empty() { w.state_raised.to_owned() } else { fill(w.now_calling, &[("who", &calling.join(w.and_who))]) };
            if alarm.cause_over().is_some() {
                line = format!("{line} · {}", w.state_over);
            }
            line
        }
        State::Claimed { by, .. } => fill(w.state_claimed, &[("by", say::called_up(w, &app.places.person_name(by.id()).await))]),
        State::Reported { by, .. } => fill(w.state_reported, &[("by", say::called_up(w, &app.places.person_name(by.id()).await))]),
        State::Closed { by, outcome, .. } => {
            let by = if by.is_platform() { w.by_platform.to_owned() } else { say::called_up(w, &app.places.person_name(by.id()).await).to_owned() };
            fill(w.state_closed, &[("by", &by), ("outcome", &say::outcome(look.language, outcome))])
        }
    })
}

/// A contact with the relation: `女儿 陈丽`.
pub(crate) fn contact_name(look: &Look, place: &Place, id: &care::ContactId) -> String {
    match place.contact(id) {
        Some(contact) => format!("{} {}", say::relation(look.words(), &contact.relation), contact.name).trim().to_owned(),
        None => say::called_up(look.words(), id.as_str()).to_owned(),
    }
}

/// Age this year.
pub(crate) fn age(app: &App, look: &Look, born: i32) -> i32 {
    use chrono::Datelike;
    (app.now().with_timezone(&look.zone).year() - born).max(0)
}
