//! Homes: the list, and the page of one.

use super::card::about;
use super::frame::{Frame, path_of};
use super::office::{Cell, Listing, encode};
use super::presence::Presence;
use super::{html, say};
use crate::api::homes::{Found, HomesAsked, asked, find};
use crate::app::App;
use crate::caller::Caller;
use crate::extract::{Asked, Id};
use crate::limits::{FILE_ROWS_MAX, PAGE_MAX};
use crate::look::Look;
use crate::messages::{Words, fill};
use crate::problem::Problem;
use crate::shape::last_seen;
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use care::HomeId;
use care::reason::{cause_name, span};
use serde::Deserialize;

/// A home in the list.
struct Row {
    id: String,
    who: String,
    area: String,
    cover: (&'static str, &'static str, &'static str),
    occupancy: &'static str,
    silence: String,
    seen: String,
    alarms: Option<(&'static str, &'static str, String)>,
}

#[derive(Template)]
#[template(path = "homes.html")]
struct List {
    look: Look,
    t: &'static Words,
    v: &'static str,
    frame: Frame,
    rows: Vec<Row>,
    next: Option<String>,
    is_first: bool,
    /// What was searched for.
    text: String,
    /// The address of the list as a file, up to the format.
    file: String,
}

/// An open alarm of a home.
struct Open {
    id: String,
    class: &'static str,
    mark: &'static str,
    cause: String,
    reason: String,
}

#[derive(Template)]
#[template(path = "home.html")]
struct One {
    look: Look,
    t: &'static Words,
    v: &'static str,
    frame: Frame,
    who: String,
    about: String,
    area: String,
    address: String,
    access: String,
    alarms: Vec<Open>,
    presence: Presence,
}

/// The names of a home's elders, or the home's identifier.
fn who(found: &Found) -> String {
    let names = found.place.names();
    if names.is_empty() { found.id.as_str().to_owned() } else { names }
}

/// As what the list is wanted.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct As {
    #[serde(default)]
    format: String,
}

/// The whole list as a file to be saved.
async fn file(app: &App, caller: &Caller, look: &Look, query: HomesAsked, format: &str) -> Result<Response, Problem> {
    let w = look.words();
    let mut list = Listing::new("homes", w.homes_title, &[w.column_home, w.column_elder, w.column_area, w.cover, w.occupancy, w.silence, w.last_seen, w.column_alarms]);
    let mut cursor = None;
    loop {
        let (homes, next) = asked(app, caller, HomesAsked { text: query.text.clone(), cursor: cursor.take(), limit: Some(PAGE_MAX) }).await?;
        for row in homes.iter().map(|found| row(app, look, found)) {
            let alarms = row.alarms.map(|(_, _, text)| text).unwrap_or_default();
            let texts = [row.id, row.who, row.area, row.cover.2.to_owned(), row.occupancy.to_owned(), row.silence, row.seen, alarms];
            list.rows.push(texts.into_iter().map(Cell::text).collect());
        }
        cursor = next.map(|id| id.as_str().to_owned()).filter(|_| list.rows.len() < FILE_ROWS_MAX);
        if cursor.is_none() {
            break;
        }
    }
    list.to_file(format, &[]).ok_or(Problem::Invalid { field: "format", what: |w| w.invalid_field })
}

fn row(app: &App, look: &Look, found: &Found) -> Row {
    let (w, view) = (look.words(), found.view.as_ref());
    Row {
        id: found.id.as_str().to_owned(),
        who: who(found),
        area: found.place.area(),
        cover: say::cover(w, view.map(|v| v.cover)),
        occupancy: view.map(|v| say::occupancy(w, v.occupancy)).unwrap_or_default(),
        silence: view.and_then(|v| v.silence_s).map(|s| span(s, look.language)).unwrap_or_default(),
        seen: view.and_then(last_seen).map_or_else(|| w.never.to_owned(), |at| say::ago(look, at, app.now())),
        alarms: app.live.worst_of(&found.id).map(|(count, level)| {
            let (class, mark) = say::level(level);
            (class, mark, fill(w.open_alarms, &[("n", &count.to_string())]))
        }),
    }
}

pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    uri: Uri,
    Asked(query): Asked<HomesAsked>,
    Asked(wanted): Asked<As>,
) -> Result<Response, Problem> {
    let look = Look::of(&app, &headers);
    if !wanted.format.is_empty() {
        return file(&app, &caller, &look, query, &wanted.format).await;
    }
    let is_first = query.cursor.is_none();
    let text = query.text.clone().unwrap_or_default();
    let file = if text.is_empty() { "/homes?".to_owned() } else { format!("/homes?text={}&", encode(&text)) };
    let (homes, next) = asked(&app, &caller, query).await?;
    let rows = homes.iter().map(|found| row(&app, &look, found)).collect();
    let frame = Frame::new(&app, &caller, look, "homes", path_of(&uri));
    Ok(html(StatusCode::OK, &List { look, t: frame.t, v: frame.v, frame, rows, next: next.map(|id| id.as_str().to_owned()), is_first, text, file }))
}

pub(crate) async fn one(State(app): State<App>, caller: Caller, headers: HeaderMap, uri: Uri, Id(id): Id) -> Result<Response, Problem> {
    let look = Look::of(&app, &headers);
    let found = find(&app, &caller, HomeId::new(id)).await?;
    let mut alarms = Vec::new();
    for alarm in app.live.open().await?.into_iter().filter(|alarm| alarm.home == found.id) {
        let (class, mark) = say::level(alarm.level);
        alarms.push(Open {
            id: alarm.id.as_str().to_owned(),
            class,
            mark,
            cause: cause_name(&alarm.cause, look.language),
            reason: super::card::reason(&app, &look, &alarm).await?,
        });
    }
    let record = found.place.record.as_ref();
    let frame = Frame::new(&app, &caller, look, "homes", path_of(&uri));
    let page = One {
        look,
        t: frame.t,
        v: frame.v,
        who: who(&found),
        about: about(&app, &look, &found.place),
        area: found.place.area(),
        address: record.map(|r| r.address.clone()).unwrap_or_default(),
        access: record.map(|r| r.access_notes.clone()).unwrap_or_default(),
        alarms,
        presence: Presence { linked: false, ..Presence::build(&app, &caller, &look, &found.id, &found.place).await? },
        frame,
    };
    Ok(html(StatusCode::OK, &page))
}
