//! The people who sign in: listed, added, changed, and let go. Whoever is let go is out at once, on every device.

use super::me::RoleName;
use super::openapi::{Refusals, VerbRefusals};
use crate::app::App;
use crate::caller::Caller;
use crate::extract::{Body, Id, Nothing, words};
use crate::limits::PASSWORD_BYTES_MAX;
use crate::password;
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use care::PersonId;
use serde::{Deserialize, Serialize};
use store::register::{PersonRecord, Put, Role};
use utoipa::ToSchema;

/// Shortest password, characters.
const PASSWORD_CHARS_MIN: usize = 10;

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
    let people = app.parts.register.people().await?;
    Ok(Json(PeopleShape { items: people.into_iter().filter(|p| caller.sees_area(&p.area)).map(PersonShape::new).collect() }))
}

/// Adds somebody, or changes name, role, area or password. Nobody changes their own role or area.
#[utoipa::path(post, path = "/api/v1/people", tag = "people", request_body = PersonBody, responses((status = 200, body = PersonShape), Refusals, VerbRefusals))]
pub(crate) async fn put(State(app): State<App>, caller: Caller, Body(body): Body<PersonBody>) -> Result<Json<PersonShape>, Problem> {
    let wrong = |field| Problem::Invalid { field, what: |w| w.invalid_person_field };
    if !care::id::well_formed(&body.id) {
        return Err(wrong("id"));
    }
    let name = words("name", &body.name)?;
    let id = PersonId::new(body.id);
    let before = app.parts.register.person(&id).await?;
    let known = body.area.is_empty() || app.parts.register.areas().await?.iter().any(|area| area.id == body.area);
    if !known || !caller.sees_area(&body.area) || before.as_ref().is_some_and(|p| !caller.sees_area(&p.area)) {
        return Err(wrong("area"));
    }
    if id == caller.person && before.as_ref().is_some_and(|p| p.role != body.role || p.area != body.area) {
        return Err(wrong("role"));
    }
    let password_hash = match (body.password, &before) {
        (Some(password), _) => {
            if password.chars().count() < PASSWORD_CHARS_MIN || password.len() > PASSWORD_BYTES_MAX {
                return Err(wrong("password"));
            }
            let hashed = tokio::task::spawn_blocking(move || password::hash(&password)).await;
            hashed.map_err(|_| Problem::Unavailable)?.map_err(|_| Problem::Unavailable)?
        }
        (None, Some(before)) => before.password_hash.clone(),
        (None, None) => return Err(wrong("password")),
    };
    let person = PersonRecord { id, name, role: body.role, area: body.area, password_hash, active: true };
    keep(&app, &caller, person.clone(), "person.put").await?;
    Ok(Json(PersonShape::new(person)))
}

/// Lets somebody go: every session and token of theirs ends at once. Nobody lets themselves go.
#[utoipa::path(post, path = "/api/v1/people/{id}/let-go", tag = "people", params(("id" = String, Path)), request_body = Nothing,
    responses((status = 200, body = PersonShape), Refusals, VerbRefusals))]
pub(crate) async fn let_go(State(app): State<App>, caller: Caller, Id(id): Id, Body(Nothing {}): Body<Nothing>) -> Result<Json<PersonShape>, Problem> {
    let id = PersonId::new(id);
    let person = app.parts.register.person(&id).await?.filter(|p| caller.sees_area(&p.area)).ok_or(Problem::NotFound)?;
    if id == caller.person {
        return Err(Problem::Invalid { field: "id", what: |w| w.invalid_person_field });
    }
    let person = PersonRecord { active: false, ..person };
    keep(&app, &caller, person.clone(), "person.let_go").await?;
    Ok(Json(PersonShape::new(person)))
}

async fn keep(app: &App, caller: &Caller, person: PersonRecord, action: &str) -> Result<(), Problem> {
    let audit = Put::Audit { at: app.now(), who: caller.person.as_str().to_owned(), action: action.to_owned(), subject: person.id.as_str().to_owned() };
    app.parts.register.put(vec![Put::Person(person), audit]).await?;
    Ok(())
}
