//! Homes: the list, and the page of one.

use super::card::about;
use super::frame::{Frame, path_of};
use super::presence::Presence;
use super::{html, say};
use crate::api::homes::{Found, HomesAsked, find, visible};
use crate::app::App;
use crate::caller::Caller;
use crate::extract::{Asked, Id, cursor, limit};
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

pub(crate) async fn list(State(app): State<App>, caller: Caller, headers: HeaderMap, uri: Uri, Asked(asked): Asked<HomesAsked>) -> Result<Response, Problem> {
    let look = Look::of(&app, &headers);
    let w = look.words();
    let now = app.now();
    let after = cursor(asked.cursor)?.map(HomeId::new);
    let is_first = after.is_none();
    let (homes, next) = visible(&app, &caller, after, limit(asked.limit)?).await?;
    let rows = homes
        .iter()
        .map(|found| {
            let view = found.view.as_ref();
            Row {
                id: found.id.as_str().to_owned(),
                who: who(found),
                area: found.place.area(),
                cover: say::cover(w, view.map(|v| v.cover)),
                occupancy: view.map(|v| say::occupancy(w, v.occupancy)).unwrap_or_default(),
                silence: view.and_then(|v| v.silence_s).map(|s| span(s, look.language)).unwrap_or_default(),
                seen: view.and_then(last_seen).map_or_else(|| w.never.to_owned(), |at| say::ago(&look, at, now)),
                alarms: app.live.worst_of(&found.id).map(|(count, level)| {
                    let (class, mark) = say::level(level);
                    (class, mark, fill(w.open_alarms, &[("n", &count.to_string())]))
                }),
            }
        })
        .collect();
    let frame = Frame::new(&app, &caller, look, "homes", path_of(&uri));
    Ok(html(StatusCode::OK, &List { look, t: frame.t, v: frame.v, frame, rows, next: next.map(|id| id.as_str().to_owned()), is_first }))
}

pub(crate) async fn one(State(app): State<App>, caller: Caller, headers: HeaderMap, uri: Uri, Id(id): Id) -> Result<Response, Problem> {
    let look = Look::of(&app, &headers);
    let found = find(&app, &caller, HomeId::new(id)).await?;
    let alarms = app
        .live
        .open()
        .await?
        .into_iter()
        .filter(|alarm| alarm.home == found.id)
        .map(|alarm| {
            let (class, mark) = say::level(alarm.level);
            Open {
                id: alarm.id.as_str().to_owned(),
                class,
                mark,
                cause: cause_name(&alarm.cause, look.language),
                reason: alarm.reason.render(look.language, look.zone),
            }
        })
        .collect();
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
