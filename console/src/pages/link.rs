//! The page behind a one-time link in a message. Opening only shows, so that a preview takes nothing; a button takes.
//! Before the button it says no name and no address. A link ends with its time and is used once.

use super::{assets, html};
use crate::app::App;
use crate::look::Look;
use crate::messages::Words;
use crate::problem::Problem;
use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use care::alarm::{Claimant, Input, State as Stands};
use care::reason::cause_name;
use care::{Alarm, ContactId};
use store::desk::DeskError;
use store::ledger::Write;
use store::link::Opened;
use store::register::Put;
use store::sheet::Sheet;
use store::LedgerError;

/// The kind of sheet that remembers that a link was used.
const USED: &str = "link_used";

#[derive(Template)]
#[template(path = "link.html")]
struct Page<'a> {
    look: &'a Look,
    t: &'static Words,
    v: &'static str,
    /// Empty: no button.
    token: &'a str,
    cause: String,
    since: String,
    told: &'static str,
    lines: Vec<String>,
}

/// What a link leads to.
struct Found {
    opened: Opened,
    alarm: Alarm,
    contact: ContactId,
}

async fn find(app: &App, token: &str) -> Result<Option<Found>, Problem> {
    let Some(opened) = app.settings.links.as_ref().and_then(|links| links.open(token, app.now())) else { return Ok(None) };
    let Some(alarm) = app.parts.ledger.alarm(&opened.alarm).await?.map(|s| s.value) else { return Ok(None) };
    let contact = alarm.attempts.iter().find(|a| a.no == opened.attempt).map(|a| a.contact.clone());
    Ok(contact.map(|contact| Found { opened, alarm, contact }))
}

fn draw(app: &App, look: &Look, token: &str, alarm: Option<&Alarm>, told: &'static str, lines: Vec<String>, status: StatusCode) -> Response {
    let cause = alarm.map(|a| cause_name(&a.cause, look.language)).unwrap_or_default();
    let since = alarm.map(|a| super::say::clock(look, a.raised_at, app.now())).unwrap_or_default();
    let mut response = html(status, &Page { look, t: look.words(), v: assets::version(), token, cause, since, told, lines });
    // The address is the secret: it is kept nowhere and told to nobody.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert("x-robots-tag", HeaderValue::from_static("noindex, nofollow"));
    response
}

/// Shows what the message was about, with a button if it can still be taken.
pub(crate) async fn show(State(app): State<App>, headers: HeaderMap, Path(token): Path<String>) -> Result<Response, Problem> {
    let look = Look::of(&app, &headers);
    let w = look.words();
    let Some(found) = find(&app, &token).await? else { return Ok(draw(&app, &look, "", None, w.link_over, Vec::new(), StatusCode::NOT_FOUND)) };
    let used = app.parts.register.sheet(USED, &name(&found)).await?.is_some();
    let told = if used { w.link_used } else { standing(w, &found) };
    let token = if told.is_empty() { token.as_str() } else { "" };
    Ok(draw(&app, &look, token, Some(&found.alarm), told, Vec::new(), StatusCode::OK))
}

/// Why it cannot be taken, or nothing.
fn standing(w: &'static Words, found: &Found) -> &'static str {
    match &found.alarm.state {
        Stands::Raised => "",
        Stands::Closed { .. } => w.link_closed,
        Stands::Claimed { by, .. } | Stands::Reported { by, .. } if *by == Claimant::Contact(found.contact.clone()) => w.link_used,
        Stands::Claimed { .. } | Stands::Reported { .. } => w.link_too_late,
    }
}

fn name(found: &Found) -> String {
    format!("{}.{}", found.opened.alarm, found.opened.attempt)
}

/// The button: takes the alarm, once, and then says who and where.
pub(crate) async fn take(State(app): State<App>, headers: HeaderMap, Path(token): Path<String>) -> Result<Response, Problem> {
    let look = Look::of(&app, &headers);
    let w = look.words();
    let Some(found) = find(&app, &token).await? else { return Ok(draw(&app, &look, "", None, w.link_over, Vec::new(), StatusCode::NOT_FOUND)) };
    let told = standing(w, &found);
    if !told.is_empty() || found.alarm.is_elder(&found.contact) {
        return Ok(draw(&app, &look, "", Some(&found.alarm), if told.is_empty() { w.link_over } else { told }, Vec::new(), StatusCode::CONFLICT));
    }
    let now = app.now();
    let who = found.contact.to_string();
    let mark = Sheet {
        kind: USED.to_owned(),
        id: name(&found),
        version: 1,
        area: String::new(),
        home: Some(found.alarm.home.clone()),
        elder: None,
        at: now,
        state: "used".to_owned(),
        body: serde_json::Value::Null,
        written_at: now,
        written_by: who.clone(),
    };
    // Marked first: after a crash in between the link is spent and the alarm goes on ringing.
    match app.parts.register.put(vec![Put::Sheet(mark)]).await {
        Ok(()) => {}
        Err(LedgerError::Conflict) => return Ok(draw(&app, &look, "", Some(&found.alarm), w.link_used, Vec::new(), StatusCode::CONFLICT)),
        Err(error) => return Err(error.into()),
    }
    let also = vec![
        Write::Note { alarm: found.opened.alarm.clone(), at: now, by: who.clone(), kind: "claim".to_owned(), text: String::new() },
        Write::Audit { at: now, who, action: "alarm.claim_by_link".to_owned(), subject: found.opened.alarm.to_string() },
    ];
    let by = Claimant::Contact(found.contact.clone());
    match store::desk::give(app.parts.ledger.as_ref(), &found.opened.alarm, Input::Claim { by: by.clone() }, also, now).await {
        Ok(alarm) if alarm.claimant() == Some(&by) => {
            let place = app.places.of(&alarm.home).await?;
            let record = place.record.as_ref();
            let lines = [place.names(), record.map(|r| r.address.clone()).unwrap_or_default(), record.map(|r| r.access_notes.clone()).unwrap_or_default()];
            let lines = lines.into_iter().filter(|l| !l.is_empty()).collect();
            Ok(draw(&app, &look, "", Some(&alarm), w.link_taken, lines, StatusCode::OK))
        }
        Ok(alarm) => Ok(draw(&app, &look, "", Some(&alarm), w.link_too_late, Vec::new(), StatusCode::CONFLICT)),
        Err(DeskError::Refused(_)) => Ok(draw(&app, &look, "", Some(&found.alarm), w.link_too_late, Vec::new(), StatusCode::CONFLICT)),
        Err(error) => Err(error.into()),
    }
}
