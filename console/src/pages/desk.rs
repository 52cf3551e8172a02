//! The duty desk: queue, card, home. The page itself, and the two pieces of it that the script fetches anew.

use super::card::{self, Card, Opened, Side};
use super::frame::{Frame, path_of};
use super::queue::{self, Queue};
use super::{html, say};
use crate::api::alarms::seen;
use crate::app::App;
use crate::caller::{Caller, Need};
use crate::extract::{Asked, Id};
use crate::look::Look;
use crate::messages::Words;
use crate::problem::Problem;
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use care::AlarmId;
use care::alarm::OUTCOMES;
use serde::Deserialize;

/// Which alarm is on the card.
#[derive(Debug, Deserialize)]
pub(crate) struct Chosen {
    alarm: Option<String>,
}

#[derive(Template)]
#[template(path = "desk.html")]
struct Page {
    look: Look,
    t: &'static Words,
    v: &'static str,
    frame: Frame,
    queue: Queue,
    opened: Option<Opened>,
    /// Code and name of each outcome.
    outcomes: Vec<(String, String)>,
    /// Sign-in name and display name of those who may take over.
    others: Vec<(String, String)>,
}

/// Card and side panel alone.
#[derive(Template)]
#[template(source = "{{ card|safe }}{{ side|safe }}", ext = "html")]
struct Pieces {
    card: Card,
    side: Side,
}

/// The alarm that was asked for, if it can be seen.
async fn chosen(app: &App, caller: &Caller, look: &Look, id: Option<&str>) -> Result<Option<Opened>, Problem> {
    let Some(id) = id.filter(|id| care::id::well_formed(id)) else { return Ok(None) };
    match seen(app, caller, &AlarmId::new(id)).await {
        Ok(alarm) => Ok(Some(card::build(app, caller, look, &alarm).await?)),
        Err(Problem::NotFound) => Ok(None),
        Err(other) => Err(other),
    }
}

pub(crate) async fn page(State(app): State<App>, caller: Caller, headers: HeaderMap, uri: Uri, Asked(asked): Asked<Chosen>) -> Result<Response, Problem> {
    let look = Look::of(&app, &headers);
    let mut queue = queue::build(&app, &caller, &look, asked.alarm.as_deref()).await?;
    let mut opened = chosen(&app, &caller, &look, asked.alarm.as_deref()).await?;
    if opened.is_none() {
        let first = queue.rows.first().map(|row| row.id.clone());
        opened = chosen(&app, &caller, &look, first.as_deref()).await?;
    }
    for row in &mut queue.rows {
        row.selected = opened.as_ref().is_some_and(|o| o.card.id == row.id);
    }
    let own = app.settings.outcomes.iter().map(|code| (code.clone(), code.clone()));
    let outcomes = OUTCOMES.iter().map(|(code, _, _)| ((*code).to_owned(), say::outcome(look.language, code))).chain(own).collect();
    let people = if caller.acts() { app.parts.register.people().await? } else { Vec::new() };
    let others = people
        .into_iter()
        .filter(|p| p.active && p.id != caller.person && Need::Act.met_by(p.role))
        .map(|p| (p.id.as_str().to_owned(), if p.name.is_empty() { p.id.as_str().to_owned() } else { p.name }))
        .collect();
    let frame = Frame::new(&app, &caller, look, "desk", path_of(&uri));
    Ok(html(StatusCode::OK, &Page { look, t: frame.t, v: frame.v, frame, queue, opened, outcomes, others }))
}

/// The queue alone.
pub(crate) async fn queue(State(app): State<App>, caller: Caller, headers: HeaderMap, Asked(asked): Asked<Chosen>) -> Result<Response, Problem> {
    let look = Look::of(&app, &headers);
    let drawn = queue::drawn(&app, &caller, &look).await?;
    if drawn.is_for(asked.alarm.as_deref()) {
        return Ok(drawn.answer(&headers));
    }
    Ok(html(StatusCode::OK, &queue::build(&app, &caller, &look, asked.alarm.as_deref()).await?))
}

/// The card of one alarm alone.
pub(crate) async fn alarm(State(app): State<App>, caller: Caller, headers: HeaderMap, Id(id): Id) -> Result<Response, Problem> {
    let look = Look::of(&app, &headers);
    let alarm = seen(&app, &caller, &AlarmId::new(id)).await?;
    let Opened { card, side } = card::build(&app, &caller, &look, &alarm).await?;
    Ok(html(StatusCode::OK, &Pieces { card, side }))
}
