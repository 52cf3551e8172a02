//! Half a sign-in: the password was right, the code of the second factor is still to come. It lives for five minutes in
//! a cookie of its own, opens nothing, and ends with the first right code.

use super::factor;
use crate::app::App;
use crate::caller::{Caller, cookie, hash_of, new_token};
use crate::problem::Problem;
use axum::http::HeaderMap;
use care::{PersonId, TimeDelta};
use store::register::{PersonRecord, Put};

/// The kind of its token.
const KIND: &str = "half";
/// How long a code is waited for.
pub(crate) const LIFETIME: TimeDelta = TimeDelta::minutes(5);

/// The name of its cookie.
pub(crate) fn cookie_name(app: &App) -> &'static str {
    if app.secure() { "__Host-hearthline-half" } else { "hearthline-half" }
}

/// Refuses who has tried too many codes.
pub(crate) fn may_try(app: &App, person: &PersonId) -> Result<(), Problem> {
    match app.failures_code.wait(&person.as_str().to_owned(), app.now()) {
        Some(_) => Err(Problem::Invalid { field: "code", what: |w| w.invalid_code_wait }),
        None => Ok(()),
    }
}

/// Begins it: the secret for the cookie, and what is to be kept.
pub(crate) fn begin(app: &App, person: &PersonId) -> (String, Put) {
    let (secret, token) = new_token(person, KIND, app.now(), LIFETIME);
    (secret, Put::Token(token))
}

/// Whose half sign-in the request brings, and the hash of its token.
pub(crate) async fn recognise(app: &App, headers: &HeaderMap) -> Result<Option<(PersonRecord, String)>, Problem> {
    let Some(secret) = cookie(headers, cookie_name(app)).filter(|secret| !secret.is_empty() && secret.len() <= 256) else { return Ok(None) };
    let hash = hash_of(secret);
    if app.has_ended(&hash) {
        return Ok(None);
    }
    let token = app.parts.register.token(&hash).await?.filter(|token| token.kind == KIND && token.expires_at > app.now());
    let Some(token) = token else { return Ok(None) };
    let person = app.parts.register.person(&token.person).await?.filter(|person| person.active);
    Ok(person.map(|person| (person, hash)))
}

/// Turns the caller's own second factor off, with a code of it.
pub(crate) async fn turn_off(app: &App, caller: &Caller, code: &str) -> Result<(), Problem> {
    may_try(app, &caller.person)?;
    if !factor::check(app, &caller.person, code).await? {
        app.failures_code.count(caller.person.as_str().to_owned(), app.now());
        return Err(Problem::Invalid { field: "code", what: |w| w.invalid_code });
    }
    factor::remove(app, caller, &caller.person).await
}
