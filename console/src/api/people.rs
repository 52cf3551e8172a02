//! The people who sign in: listed, added, changed, and let go. Whoever is let go is out at once, on every device.

use super::me::RoleName;
use super::openapi::{Refusals, VerbRefusals};
use crate::app::App;
use crate::caller::Caller;
use crate::extract::{Body, Id, Nothing};
use crate::people::roll;
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use care::PersonId;
use serde::{Deserialize, Serialize};
use store::register::{PersonRecord, Role};
use utoipa::ToSchema;

/// It is done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Done {
    /// Always true.
    pub(crate) done: bool,
}

/// Somebody with a sign-in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PersonShape {
    /// The sign-in name.
    id: String,
    name: String,
    #[schema(value_type = RoleName)]
    role: Role,
    /// The area it holds in; empty: everywhere.
    area: String,
    /// False: let go.
    active: bool,
}

/// Everybody with a sign-in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PeopleShape {
    items: Vec<PersonShape>,
}

/// Somebody to add or to change.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct PersonBody {
    /// The sign-in name.
    id: String,
    /// 1 to 4,000 characters.
    name: String,
    #[schema(value_type = RoleName)]
    role: Role,
    /// The area's path; left out or empty: everywhere.
    #[serde(default)]
    area: String,
    /// At least 10 characters. Left out: as it was. Needed for somebody new.
    password: Option<String>,
}

impl PersonShape {
    fn new(person: PersonRecord) -> Self {
        let PersonRecord { id, name, role, area, password_hash: _, active } = person;
        Self { id: id.as_str().to_owned(), name, role, area, active }
    }
}

/// Everybody with a sign-in, within the caller's area.
#[utoipa::path(get, path = "/api/v1/people", tag = "people", responses((status = 200, body = PeopleShape), Refusals))]
pub(crate) async fn list(State(app): State<App>, caller: Caller) -> Result<Json<PeopleShape>, Problem> {
    Ok(Json(PeopleShape { items: roll::list(&app, &caller).await?.into_iter().map(PersonShape::new).collect() }))
}

/// Adds somebody, or changes name, role, area or password. Nobody changes their own role or area. A new password ends the
/// sessions opened with the old one.
#[utoipa::path(post, path = "/api/v1/people", tag = "people", request_body = PersonBody, responses((status = 200, body = PersonShape), Refusals, VerbRefusals))]
pub(crate) async fn put(State(app): State<App>, caller: Caller, Body(body): Body<PersonBody>) -> Result<Json<PersonShape>, Problem> {
    let PersonBody { id, name, role, area, password } = body;
    Ok(Json(PersonShape::new(roll::put(&app, &caller, roll::Wish { id, name, role, area, password }).await?)))
}

/// Lets somebody go: every session and token of theirs ends at once. Nobody lets themselves go.
#[utoipa::path(post, path = "/api/v1/people/{id}/let-go", tag = "people", params(("id" = String, Path)), request_body = Nothing,
    responses((status = 200, body = PersonShape), Refusals, VerbRefusals))]
pub(crate) async fn let_go(State(app): State<App>, caller: Caller, Id(id): Id, Body(Nothing {}): Body<Nothing>) -> Result<Json<PersonShape>, Problem> {
    Ok(Json(PersonShape::new(roll::let_go(&app, &caller, &PersonId::new(id)).await?)))
}

/// Lets somebody who was locked out of the sign-in try again at once.
#[utoipa::path(post, path = "/api/v1/people/{id}/unlock", tag = "people", params(("id" = String, Path)), request_body = Nothing,
    responses((status = 200, body = Done), Refusals, VerbRefusals))]
pub(crate) async fn unlock(State(app): State<App>, caller: Caller, Id(id): Id, Body(Nothing {}): Body<Nothing>) -> Result<Json<Done>, Problem> {
    roll::unlock(&app, &caller, &PersonId::new(id)).await?;
    Ok(Json(Done { done: true }))
}

/// Takes away the second factor of somebody who has lost it.
#[utoipa::path(post, path = "/api/v1/people/{id}/second-factor/reset", tag = "people", params(("id" = String, Path)), request_body = Nothing,
    responses((status = 200, body = Done), Refusals, VerbRefusals))]
pub(crate) async fn reset_factor(State(app): State<App>, caller: Caller, Id(id): Id, Body(Nothing {}): Body<Nothing>) -> Result<Json<Done>, Problem> {
    roll::reset_factor(&app, &caller, &PersonId::new(id)).await?;
    Ok(Json(Done { done: true }))
}
