//! Credentials at the devices' door: taken back with one click. The door shows a revoked one out within seconds.

use super::openapi::{Refusals, VerbRefusals};
use crate::app::App;
use crate::caller::Caller;
use crate::extract::Id;
use crate::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use care::HomeId;
use store::register::{Credential, CredentialRights, Put};

/// Revoke a credential: it is refused from now on, and its connections end within 5 s. Again is no error.
#[utoipa::path(post, path = "/api/v1/credentials/{id}/revoke", tag = "homes", params(("id" = String, Path)), responses((status = 204), Refusals, VerbRefusals))]
pub(crate) async fn revoke(State(app): State<App>, caller: Caller, Id(name): Id) -> Result<StatusCode, Problem> {
    let credential = app.parts.register.credential(&name).await?.ok_or(Problem::NotFound)?;
    let sees = match &credential.rights {
        CredentialRights::Device { home, .. } | CredentialRights::Hub { home } => app.sees(&caller, home).await?,
        CredentialRights::Bridge { homes } => sees_all(&app, &caller, homes).await?,
    };
    if !sees {
        return Err(Problem::NotFound);
    }
    if credential.revoked_at.is_none() {
        let at = app.now();
        let audit = Put::Audit { at, who: caller.person.to_string(), action: "credential.revoke".to_owned(), subject: format!("credential/{name}") };
        app.parts.register.put(vec![Put::Credential(Credential { revoked_at: Some(at), ..credential }), audit]).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// True if the caller sees every home that a bridge speaks for.
async fn sees_all(app: &App, caller: &Caller, homes: &[String]) -> Result<bool, Problem> {
    if caller.sees_everything() {
        return Ok(true);
    }
    for home in homes {
        if home == "*" || !app.sees(caller, &HomeId::from(home.as_str())).await? {
            return Ok(false);
        }
    }
    Ok(true)
}
