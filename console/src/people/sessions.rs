//! Where somebody is signed in: browsers' sessions and programs' tokens, listed and ended.

use super::said;
use crate::app::App;
use crate::caller::{API, Caller, PROVIDED, SESSION};
use crate::limits::SESSIONS_SHOWN;
use crate::problem::Problem;
use care::{PersonId, Timestamp};
use store::register::{Put, Token};

/// A sign-in that holds.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// Its name here: the head of its secret's hash.
    pub(crate) id: String,
    /// Whose.
    pub(crate) person: PersonId,
    /// True for a program's token.
    pub(crate) program: bool,
    /// True for the one that asks.
    pub(crate) own: bool,
    pub(crate) began: Timestamp,
    pub(crate) used: Timestamp,
    /// When it ends whatever happens.
    pub(crate) ends: Timestamp,
    /// When it ends if nothing is asked of it.
    pub(crate) idle_ends: Option<Timestamp>,
    hash: String,
}

/// Characters of a hash that name a session: 64 bits.
const NAME_CHARS: usize = 16;

fn is_browsers(token: &Token) -> bool {
    token.kind == SESSION || token.kind == PROVIDED
}

/// The sign-ins that hold, of somebody or of everybody in the caller's area, latest use first.
pub(crate) async fn list(app: &App, caller: &Caller, of: Option<&PersonId>) -> Result<Vec<Session>, Problem> {
    let now = app.now();
    let tokens = app.parts.register.tokens(of, SESSIONS_SHOWN).await?;
    let people = app.parts.register.people().await?;
    let seen = |token: &Token| people.iter().any(|p| p.id == token.person && p.active && (p.id == caller.person || caller.sees_area(&p.area)));
    let holds = |token: &Token| {
        let idle = is_browsers(token) && now - token.used_at >= app.settings.session_idle;
        (is_browsers(token) || token.kind == API) && token.expires_at > now && !idle && !app.has_ended(&token.hash)
    };
    let session = |token: Token| Session {
        id: token.hash.chars().take(NAME_CHARS).collect(),
        program: token.kind == API,
        own: token.hash == caller.token,
        began: token.created_at,
        used: token.used_at,
        ends: token.expires_at,
        idle_ends: is_browsers(&token).then(|| token.used_at + app.settings.session_idle),
        person: token.person,
        hash: token.hash,
    };
    Ok(tokens.into_iter().filter(|token| seen(token) && holds(token)).map(session).collect())
}

/// Ends one of somebody's sign-ins, or of anybody's in the caller's area.
pub(crate) async fn end(app: &App, caller: &Caller, of: Option<&PersonId>, id: &str) -> Result<Session, Problem> {
    let session = list(app, caller, of).await?.into_iter().find(|session| session.id == id).ok_or(Problem::NotFound)?;
    app.end(&session.hash);
    let audit = said(app, caller, "session.revoke", session.person.as_str());
    app.parts.register.put(vec![Put::EndToken(session.hash.clone()), audit]).await?;
    Ok(session)
}

/// What ends every sign-in of somebody but the caller's own: browsers' only, or programs' too.
pub(crate) async fn all_ended(app: &App, caller: &Caller, person: &PersonId, programs_too: bool) -> Result<Vec<Put>, Problem> {
    let tokens = app.parts.register.tokens(Some(person), usize::from(u16::MAX)).await?;
    let ends = tokens.into_iter().filter(|token| token.hash != caller.token && (programs_too || token.kind != API));
    Ok(ends
        .map(|token| {
            app.end(&token.hash);
            Put::EndToken(token.hash)
        })
        .collect())
}
