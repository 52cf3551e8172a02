//! The tree of areas: city > town > village > grid. A role with an area sees what lies within.

use super::said;
use crate::app::App;
use crate::caller::Caller;
use crate::extract::words;
use crate::problem::Problem;
use store::register::{Area, Put};

/// Deepest path: city, town, village, grid, and one to spare.
const DEPTH_MAX: usize = 5;

/// The areas that the caller sees, in the order of their paths.
pub(crate) async fn list(app: &App, caller: &Caller) -> Result<Vec<Area>, Problem> {
    Ok(app.parts.register.areas().await?.into_iter().filter(|area| caller.sees_area(&area.id)).collect())
}

/// Adds an area below one that is there, or gives one another name. Only who sees everything adds a city.
pub(crate) async fn put(app: &App, caller: &Caller, id: &str, name: &str) -> Result<Area, Problem> {
    let wrong = Problem::Invalid { field: "id", what: |w| w.invalid_area_path };
    let parts: Vec<&str> = id.split('/').collect();
    let fine = parts.len() <= DEPTH_MAX && parts.iter().all(|part| care::id::well_formed(part)) && caller.sees_area(id);
    let name = words("name", name)?;
    if !fine {
        return Err(wrong);
    }
    if let Some((above, _)) = id.rsplit_once('/')
        && !app.parts.register.areas().await?.iter().any(|area| area.id == above)
    {
        return Err(wrong);
    }
    let area = Area { id: id.to_owned(), name };
    app.parts.register.put(vec![Put::Area(area.clone()), said(app, caller, "area.put", id)]).await?;
    Ok(area)
}
