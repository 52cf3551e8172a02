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

/// A step.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StepName {
    Password,
    Areas,
    Operators,
    Plan,
    Channel,
    Home,
    Contact,
    Device,
    Press,
    Closed,
}

impl From<Step> for StepName {
    fn from(step: Step) -> Self {
        match step {
            Step::Password => Self::Password,
            Step::Areas => Self::Areas,
            Step::Operators => Self::Operators,
            Step::Plan => Self::Plan,
            Step::Channel => Self::Channel,
            Step::Home => Self::Home,
            Step::Contact => Self::Contact,
            Step::Device => Self::Device,
            Step::Press => Self::Press,
            Step::Closed => Self::Closed,
        }
    }
}

/// A step, and whether it is done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StepShape {
    step: StepName,
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
    let items = steps::list(&app, &caller).await?.into_iter().map(|(step, done)| StepShape { step: step.into(), done }).collect();
    Ok(Json(StepsShape { items }))
}
