//! The first steps after `hearthline init`, as the facts say.

use super::openapi::Refusals;
use crate::app::App;
use crate::caller::Caller;
use crate::people::steps::{self, Step};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

/// A step, and whether it is done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StepShape {
    step: Step,
    done: bool,
}

/// The steps in their order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StepsShape {
    items: Vec<StepShape>,
}

/// The first steps after `hearthline init`.
#[utoipa::path(get, path = "/api/v1/first-steps", tag = "people", responses((status = 200, body = StepsShape), Refusals))]
pub(crate) async fn list(State(app): State<App>, caller: Caller) -> Result<Json<StepsShape>, Problem> {
    let items = steps::list(&app, &caller).await?.into_iter().map(|(step, done)| StepShape { step, done }).collect();
    Ok(Json(StepsShape { items }))
}
