//! The tree of areas.

use super::openapi::{Refusals, VerbRefusals};
use crate::app::App;
use crate::caller::Caller;
use crate::extract::Body;
use crate::people::areas;
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use store::register::Area;
use utoipa::ToSchema;

/// An area.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct AreaShape {
    /// Its path: `350582/meiling/guishan`. A role with an area sees what lies within.
    id: String,
    /// Its name.
    name: String,
}

/// The areas that the caller sees.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AreasShape {
    items: Vec<AreaShape>,
}

impl AreaShape {
    fn new(area: Area) -> Self {
        Self { id: area.id, name: area.name }
    }
}

/// The areas that the caller sees, by their paths.
#[utoipa::path(get, path = "/api/v1/areas", tag = "people", responses((status = 200, body = AreasShape), Refusals))]
pub(crate) async fn list(State(app): State<App>, caller: Caller) -> Result<Json<AreasShape>, Problem> {
    Ok(Json(AreasShape { items: areas::list(&app, &caller).await?.into_iter().map(AreaShape::new).collect() }))
}

/// Adds an area below one that is there, or gives one another name.
#[utoipa::path(post, path = "/api/v1/areas", tag = "people", request_body = AreaShape, responses((status = 200, body = AreaShape), Refusals, VerbRefusals))]
pub(crate) async fn put(State(app): State<App>, caller: Caller, Body(body): Body<AreaShape>) -> Result<Json<AreaShape>, Problem> {
    Ok(Json(AreaShape::new(areas::put(&app, &caller, &body.id, &body.name).await?)))
}
