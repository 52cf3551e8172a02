//! One's own account: where one is signed in, the password, the second factor. And, for who keeps the people, where
//! everybody is signed in.

use super::openapi::{Refusals, VerbRefusals};
use super::people::Done;
use crate::app::App;
use crate::caller::Caller;
use crate::extract::{Body, Id, Nothing};
use crate::people::factor::{self, Standing};
use crate::people::sessions::{self, Session};
use crate::people::{half, roll, totp};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A sign-in that holds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionShape {
    /// Its name, which opens nothing.
    id: String,
    /// Whose.
    person: String,
    /// True for a program's token, false for a browser's session.
    program: bool,
    /// True for the one that asks.
    own: bool,
    began_at: DateTime<Utc>,
    /// To the minute.
    used_at: DateTime<Utc>,
    /// When it ends whatever happens.
    ends_at: DateTime<Utc>,
    /// When it ends if nothing is asked of it; null: it does not.
    idle_ends_at: Option<DateTime<Utc>>,
}

/// Sign-ins that hold, latest use first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionsShape {
    items: Vec<SessionShape>,
}

impl SessionsShape {
    fn new(sessions: Vec<Session>) -> Self {
        Self { items: sessions.into_iter().map(SessionShape::new).collect() }
    }
}

impl SessionShape {
    fn new(session: Session) -> Self {
        Self {
            id: session.id,
            person: session.person.as_str().to_owned(),
            program: session.program,
            own: session.own,
            began_at: session.began,
            used_at: session.used,
            ends_at: session.ends,
            idle_ends_at: session.idle_ends,
        }
    }
}

/// Everybody's sign-ins, within the caller's area.
#[utoipa::path(get, path = "/api/v1/sessions", tag = "people", responses((status = 200, body = SessionsShape), Refusals))]
pub(crate) async fn everybodys(State(app): State<App>, caller: Caller) -> Result<Json<SessionsShape>, Problem> {
    Ok(Json(SessionsShape::new(sessions::list(&app, &caller, None).await?)))
}

/// Ends anybody's sign-in, within the caller's area.
#[utoipa::path(post, path = "/api/v1/sessions/{id}/end", tag = "people", params(("id" = String, Path)), request_body = Nothing,
    responses((status = 200, body = SessionShape), Refusals, VerbRefusals))]
pub(crate) async fn end_anybodys(State(app): State<App>, caller: Caller, Id(id): Id, Body(Nothing {}): Body<Nothing>) -> Result<Json<SessionShape>, Problem> {
    Ok(Json(SessionShape::new(sessions::end(&app, &caller, None, &id).await?)))
}

/// Where the caller is signed in.
#[utoipa::path(get, path = "/api/v1/me/sessions", tag = "people", responses((status = 200, body = SessionsShape), Refusals))]
pub(crate) async fn own(State(app): State<App>, caller: Caller) -> Result<Json<SessionsShape>, Problem> {
    Ok(Json(SessionsShape::new(sessions::list(&app, &caller, Some(&caller.person)).await?)))
}

/// Ends one of the caller's own sign-ins.
#[utoipa::path(post, path = "/api/v1/me/sessions/{id}/end", tag = "people", params(("id" = String, Path)), request_body = Nothing,
    responses((status = 200, body = SessionShape), Refusals, VerbRefusals))]
pub(crate) async fn end_own(State(app): State<App>, caller: Caller, Id(id): Id, Body(Nothing {}): Body<Nothing>) -> Result<Json<SessionShape>, Problem> {
    Ok(Json(SessionShape::new(sessions::end(&app, &caller, Some(&caller.person), &id).await?)))
}

/// A new password.
#[derive(Deserialize, ToSchema)]
pub(crate) struct PasswordBody {
    /// The one that holds now.
    old: String,
    /// At least 10 characters.
    new: String,
}

/// Changes the caller's password; every other session of theirs ends.
#[utoipa::path(post, path = "/api/v1/me/password", tag = "people", request_body = PasswordBody, responses((status = 200, body = Done), Refusals, VerbRefusals))]
pub(crate) async fn password(State(app): State<App>, caller: Caller, Body(body): Body<PasswordBody>) -> Result<Json<Done>, Problem> {
    roll::change_password(&app, &caller, body.old, body.new).await?;
    Ok(Json(Done { done: true }))
}

/// The caller's second factor.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FactorShape {
    /// Asked for at every sign-in.
    on: bool,
    /// A secret was made, and its first code is awaited.
    pending: bool,
    /// Recovery codes that are left.
    recovery_left: usize,
}

/// The caller's second factor.
#[utoipa::path(get, path = "/api/v1/me/second-factor", tag = "people", responses((status = 200, body = FactorShape), Refusals))]
pub(crate) async fn factor_standing(State(app): State<App>, caller: Caller) -> Result<Json<FactorShape>, Problem> {
    let (on, pending, recovery_left) = match factor::standing(&app, &caller.person).await? {
        Standing::Off => (false, false, 0),
        Standing::Pending { .. } => (false, true, 0),
        Standing::On { recovery_left } => (true, false, recovery_left),
    };
    Ok(Json(FactorShape { on, pending, recovery_left }))
}

/// A new secret for an authenticator.
#[derive(Serialize, ToSchema)]
pub(crate) struct SecretShape {
    /// In base 32, for typing.
    secret: String,
    /// As authenticators read it: `otpauth://totp/...`.
    address: String,
}

/// Makes a secret; the factor is on once its first code has come to `confirm`.
#[utoipa::path(post, path = "/api/v1/me/second-factor", tag = "people", request_body = Nothing, responses((status = 200, body = SecretShape), Refusals, VerbRefusals))]
pub(crate) async fn factor_begin(State(app): State<App>, caller: Caller, Body(Nothing {}): Body<Nothing>) -> Result<Json<SecretShape>, Problem> {
    let secret = factor::begin(&app, &caller).await?;
    Ok(Json(SecretShape { address: totp::address(caller.person.as_str(), &secret), secret }))
}

/// A code.
#[derive(Deserialize, ToSchema)]
pub(crate) struct CodeBody {
    /// Six digits, or a recovery code where there are some.
    code: String,
}

/// Codes for the day on which the authenticator is lost. Each is good once.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecoveryShape {
    recovery_codes: Vec<String>,
}

/// Turns the second factor on by its first code. The recovery codes are handed out this once.
#[utoipa::path(post, path = "/api/v1/me/second-factor/confirm", tag = "people", request_body = CodeBody,
    responses((status = 200, body = RecoveryShape), Refusals, VerbRefusals))]
pub(crate) async fn factor_confirm(State(app): State<App>, caller: Caller, Body(body): Body<CodeBody>) -> Result<Json<RecoveryShape>, Problem> {
    Ok(Json(RecoveryShape { recovery_codes: factor::confirm(&app, &caller, &body.code).await? }))
}

/// Turns the second factor off, with a code of it.
#[utoipa::path(post, path = "/api/v1/me/second-factor/off", tag = "people", request_body = CodeBody, responses((status = 200, body = Done), Refusals, VerbRefusals))]
pub(crate) async fn factor_off(State(app): State<App>, caller: Caller, Body(body): Body<CodeBody>) -> Result<Json<Done>, Problem> {
    half::turn_off(&app, &caller, &body.code).await?;
    Ok(Json(Done { done: true }))
}
