//! Signing in and out.

use super::{assets, html};
use crate::app::App;
use crate::caller::{By, Caller, SESSION, cookie_name, new_token, recognise};
use crate::extract as query;
use crate::limits::PASSWORD_BYTES_MAX;
use crate::look::Look;
use crate::messages::{Words, fill};
use crate::password::PasswordError;
use crate::problem::Problem;
use askama::Template;
use axum::Form;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use crate::people::{factor, half};
use care::{PersonId, TimeDelta};
use serde::Deserialize;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use store::register::{PersonRecord, Put};

/// Where to go on.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    pub(super) next: String,
    #[serde(default)]
    out: String,
}

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct Entry {
    name: String,
    password: String,
    #[serde(default)]
    next: String,
}

#[derive(Template)]
#[template(path = "sign-in.html")]
struct Page<'a> {
    look: &'a Look,
    t: &'static Words,
    v: &'static str,
    next: &'a str,
    name: &'a str,
    wrong: String,
    told: &'a str,
    demo: bool,
    /// The city's identity provider: what the way there is called, and the address it begins at.
    provider: Option<(String, String)>,
    /// Where the sign-in at the provider is ended, after the one here.
    end: Option<(String, String)>,
}

/// A path of this console, or its first page: nobody is sent elsewhere.
pub(crate) fn own_path(path: &str) -> &str {
    let fine = path.starts_with('/') && !path.starts_with("//") && !path.contains(['\\', '\r', '\n', '\t']) && path.is_ascii();
    if fine { path } else { "/" }
}

/// The address of the sign-in page that leads back to a path.
pub(crate) fn address(path: &str) -> String {
    address_of("/sign-in", path)
}

fn address_of(page: &str, path: &str) -> String {
    if path == "/" {
        return page.to_owned();
    }
    let mut next = String::new();
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' => next.push(char::from(byte)),
            other => next.push_str(&format!("%{other:02X}")),
        }
    }
    format!("{page}?next={next}")
}

pub(crate) async fn page(State(app): State<App>, headers: HeaderMap, query::Asked(asked): query::Asked<Asked>) -> Result<Response, Problem> {
    if let Some(caller) = recognise(&app, &headers).await? {
        let next = Some(own_path(&asked.next)).filter(|next| *next != "/").unwrap_or_else(|| super::start_of(caller.role));
        return Ok(Redirect::to(next).into_response());
    }
    let look = Look::of(&app, &headers);
    let told = if asked.out.is_empty() { "" } else { look.words().signed_out };
    let mut page = draw(&app, &look, &asked.next, "", String::new(), told);
    if let Some(provider) = app.settings.provider.as_ref().filter(|_| asked.out == "provider") {
        page.end = provider.end_address(&app).await.map(|address| (fill(look.words().provider_end, &[("name", &provider.name)]), address));
    }
    Ok(html(StatusCode::OK, &page))
}

fn draw<'a>(app: &App, look: &'a Look, next: &'a str, name: &'a str, wrong: String, told: &'a str) -> Page<'a> {
    let (t, next) = (look.words(), own_path(next));
    let provider = app.settings.provider.as_ref().map(|it| (fill(t.provider_go, &[("name", &it.name)]), address_of("/sign-in/provider", next)));
    Page { look, t, v: assets::version(), next, name, wrong, told, demo: app.settings.demo, provider, end: None }
}

pub(crate) async fn enter(
    State(app): State<App>,
    peer: Option<axum::Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
    Form(entry): Form<Entry>,
) -> Result<Response, Problem> {
    let look = Look::of(&app, &headers);
    let now = app.now();
    let from = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |axum::Extension(ConnectInfo(peer))| peer.ip());
    let name = entry.name.trim().to_owned();
    let known = care::id::well_formed(&name);
    let key = if known { name.clone() } else { String::new() };
    let waits = [app.failures_here.wait(&(key.clone(), from), now), app.failures_address.wait(&from, now), app.failures_name.wait(&key, now)];
    if let Some(wait) = waits.into_iter().flatten().max() {
        return Ok(too_many(&app, &look, &entry, wait));
    }
    if entry.password.len() > PASSWORD_BYTES_MAX {
        return Ok(wrong(&app, &look, &entry));
    }
    let person = if known { app.parts.register.person(&PersonId::new(name)).await?.filter(|p| p.active) } else { None };
    let hash = person.as_ref().map(|p| p.password_hash.clone());
    let right = match app.passwords.check(entry.password.clone(), hash).await {
        Ok(right) => right,
        Err(PasswordError::Busy) => return Ok(too_many(&app, &look, &entry, TimeDelta::seconds(2))),
        Err(PasswordError::TooLong) => false,
        Err(error @ PasswordError::Failed(_)) => {
            tracing::error!(%error, "a password could not be checked");
            return Err(Problem::Unavailable);
        }
    };
    let known = person.is_some();
    let Some(person) = person.filter(|_| right) else {
        app.failures_here.count((key.clone(), from), now);
        app.failures_address.count(from, now);
        app.failures_name.count(key.clone(), now);
        if known && app.failures_here.wait(&(key.clone(), from), now).is_some() {
            locked(&app, &key).await?;
        }
        return Ok(wrong(&app, &look, &entry));
    };
    app.failures_here.forget(&(key.clone(), from));
    app.failures_name.forget(&key);
    if factor::on(&app, &person.id).await? {
        let (secret, token) = half::begin(&app, &person.id);
        app.parts.register.put(vec![token]).await?;
        let next = address_of("/sign-in/code", own_path(&entry.next));
        let mut response = Redirect::to(&next).into_response();
        set_cookie(&app, &mut response, half::cookie_name(&app), &secret, half::LIFETIME.num_seconds());
        return Ok(response);
    }
    begin(&app, &headers, &person, &entry.next, SESSION, Vec::new()).await
}

/// A new session. It never goes on with an old one: no fixation.
pub(super) async fn begin(app: &App, headers: &HeaderMap, person: &PersonRecord, next: &str, kind: &str, more: Vec<Put>) -> Result<Response, Problem> {
    let now = app.now();
    let (secret, token) = new_token(&person.id, kind, now, app.settings.session_lifetime);
    let subject = person.id.as_str().to_owned();
    let mut puts = vec![Put::Token(token), Put::Audit { at: now, who: subject.clone(), action: "session.begin".to_owned(), subject }];
    puts.extend(more);
    if let Some(old) = crate::caller::cookie(headers, cookie_name(app)) {
        let old = crate::caller::hash_of(old);
        app.end(&old);
        puts.push(Put::EndToken(old));
    }
    app.parts.register.put(puts).await?;
    // Who does not look at alarms begins where the own work is.
    let next = match own_path(next) {
        "/" => super::start_of(person.role),
        next => next,
    };
    let mut response = Redirect::to(next).into_response();
    set_cookie(app, &mut response, cookie_name(app), &secret, app.settings.session_lifetime.num_seconds());
    Ok(response)
}

/// What the form of the second factor sends.
#[derive(Deserialize)]
pub(crate) struct CodeEntry {
    code: String,
    #[serde(default)]
    next: String,
}

#[derive(Template)]
#[template(path = "code.html")]
struct CodePage<'a> {
    look: &'a Look,
    t: &'static Words,
    v: &'static str,
    next: &'a str,
    wrong: String,
}

fn draw_code(look: &Look, status: StatusCode, next: &str, wrong: String) -> Response {
    html(status, &CodePage { look, t: look.words(), v: assets::version(), next: own_path(next), wrong })
}

/// Asks for the code of the second factor, once the password was right.
pub(crate) async fn code_page(State(app): State<App>, headers: HeaderMap, query::Asked(asked): query::Asked<Asked>) -> Result<Response, Problem> {
    let look = Look::of(&app, &headers);
    Ok(match half::recognise(&app, &headers).await? {
        Some(_) => draw_code(&look, StatusCode::OK, &asked.next, String::new()),
        None => Redirect::to(&address(own_path(&asked.next))).into_response(),
    })
}

/// Takes the code: a right one makes the sign-in whole; too many wrong ones end it.
pub(crate) async fn code(State(app): State<App>, headers: HeaderMap, Form(entry): Form<CodeEntry>) -> Result<Response, Problem> {
    let look = Look::of(&app, &headers);
    let Some((person, token)) = half::recognise(&app, &headers).await? else {
        return Ok(Redirect::to(&address(own_path(&entry.next))).into_response());
    };
    let key = person.id.as_str().to_owned();
    if let Some(wait) = app.failures_factor.wait(&key, app.now()) {
        let seconds = wait.num_seconds().max(1);
        let told = fill(look.words().sign_in_wait, &[("wait", &care::reason::span(seconds, look.language))]);
        let mut response = draw_code(&look, StatusCode::TOO_MANY_REQUESTS, &entry.next, told);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        return Ok(response);
    }
    if entry.code.len() > PASSWORD_BYTES_MAX || !factor::check(&app, &person.id, &entry.code).await? {
        app.failures_factor.count(key.clone(), app.now());
        if app.failures_factor.wait(&key, app.now()).is_some() {
            locked(&app, &key).await?;
        }
        return Ok(draw_code(&look, StatusCode::UNAUTHORIZED, &entry.next, look.words().sign_in_code_wrong.to_owned()));
    }
    app.failures_factor.forget(&key);
    app.end(&token);
    let mut response = begin(&app, &headers, &person, &entry.next, SESSION, vec![Put::EndToken(token)]).await?;
    set_cookie(&app, &mut response, half::cookie_name(&app), "", 0);
    Ok(response)
}

/// Writes down that somebody is locked out: a guess at a sign-in is for the audit.
async fn locked(app: &App, who: &str) -> Result<(), Problem> {
    let line = Put::Audit { at: app.now(), who: who.to_owned(), action: "session.locked".to_owned(), subject: who.to_owned() };
    app.parts.register.put(vec![line]).await?;
    Ok(())
}

fn wrong(app: &App, look: &Look, entry: &Entry) -> Response {
    let wrong = look.words().sign_in_wrong.to_owned();
    html(StatusCode::UNAUTHORIZED, &draw(app, look, &entry.next, &entry.name, wrong, ""))
}

/// The page with what went wrong beside the form.
pub(super) fn refused(app: &App, look: &Look, status: StatusCode, next: &str, why: &str) -> Response {
    html(status, &draw(app, look, next, "", why.to_owned(), ""))
}

fn too_many(app: &App, look: &Look, entry: &Entry, wait: TimeDelta) -> Response {
    waits(app, look, &entry.next, &entry.name, wait)
}

/// Says how long to wait.
pub(super) fn waits(app: &App, look: &Look, next: &str, name: &str, wait: TimeDelta) -> Response {
    let seconds = wait.num_seconds().max(1);
    let wrong = fill(look.words().sign_in_wait, &[("wait", &care::reason::span(seconds, look.language))]);
    let mut response = html(StatusCode::TOO_MANY_REQUESTS, &draw(app, look, next, name, wrong, ""));
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

pub(super) fn set_cookie(app: &App, response: &mut Response, name: &str, secret: &str, seconds: i64) {
    let secure = if app.secure() { "; Secure" } else { "" };
    let cookie = format!("{name}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

pub(crate) async fn leave(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    app.end(&caller.token);
    let who = caller.person.as_str().to_owned();
    let audit = Put::Audit { at: app.now(), who: who.clone(), action: "session.end".to_owned(), subject: who };
    app.parts.register.put(vec![Put::EndToken(caller.token), audit]).await?;
    // Not by a redirect: a form of ours leads nowhere else, so the browser would not go.
    let out = if caller.by == By::Provider { "provider" } else { "1" };
    let mut response = Redirect::to(&format!("/sign-in?out={out}")).into_response();
    set_cookie(&app, &mut response, cookie_name(&app), "", 0);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site() {
        for bad in ["https://evil.example", "//evil.example", "/\\evil.example", "", "javascript:alert(1)", "/a\r\nSet-Cookie: x"] {
            assert_eq!(own_path(bad), "/", "{bad}");
        }
        assert_eq!(own_path("/homes?x=1"), "/homes?x=1");
        assert_eq!(address("/?alarm=a&b"), "/sign-in?next=/%3Falarm%3Da%26b");
    }
}
