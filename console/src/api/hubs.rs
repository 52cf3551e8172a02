//! What home hubs are set to from afar. The platform tells the hub, which keeps it, and says with its heartbeat which
//! version it goes by.

use super::openapi::{Refusals, VerbRefusals};
use crate::app::App;
use crate::caller::Caller;
use crate::extract::Body;
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use care::HomeId;
use serde::{Deserialize, Serialize};
use store::LedgerError;
use store::register::Put;
use store::sheet::{Sheet, SheetAsk};
use utoipa::ToSchema;

/// The kind of sheet that holds what a hub is set to; its identifier is `HOME/HUB`.
pub const HUB_SETTING: &str = "hub_setting";

/// What a hub is set to. What is left out is as in the hub's own file.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct HubShape {
    /// Its home.
    home: String,
    /// Its name among the home's devices.
    hub: String,
    /// The version this one replaces; 0 = it is new.
    #[serde(default)]
    version: u32,
    /// How often it says that it lives, seconds.
    #[serde(default)]
    #[schema(minimum = 10, maximum = 3600)]
    heartbeat_s: Option<u32>,
    /// After which silence of the platform the home is told, seconds.
    #[serde(default)]
    #[schema(minimum = 30, maximum = 86400)]
    unheard_after_s: Option<u32>,
    /// Only this path, by its name in the hub's file; left out: all in their order.
    #[serde(default)]
    path: Option<String>,
}

/// Hubs with a setting.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HubPage {
    items: Vec<HubShape>,
}

impl HubShape {
    fn fault(&self) -> Option<&'static str> {
        let out = |value: Option<u32>, range: std::ops::RangeInclusive<u32>| {
            value.is_some_and(|value| !range.contains(&value))
        };
        if !care::id::well_formed(&self.hub) {
            Some("hub")
        } else if out(self.heartbeat_s, 10..=3_600) {
            Some("heartbeat_s")
        } else if out(self.unheard_after_s, 30..=86_400) {
            Some("unheard_after_s")
        } else if self
            .path
            .as_ref()
            .is_some_and(|path| !(1..=64).contains(&path.len()))
        {
            Some("path")
        } else {
            None
        }
    }
}

/// What the hubs of the caller's area are set to.
#[utoipa::path(get, path = "/api/v1/hubs", tag = "homes", responses((status = 200, body = HubPage), Refusals))]
pub(crate) async fn list(State(app): State<App>, caller: Caller) -> Result<Json<HubPage>, Problem> {
    let sheets = app
        .parts
        .register
        .sheets(&SheetAsk::of(HUB_SETTING).area(&caller.area).max(1_000))
        .await?;
    let items = sheets.into_iter().filter_map(|sheet| {
        let shape: HubShape = serde_json::from_value(sheet.body).ok()?;
        Some(HubShape {
            version: sheet.version,
            ..shape
        })
    });
    Ok(Json(HubPage {
        items: items.collect(),
    }))
}

/// Set a hub. `version` is the one that it replaces. The hub is told within seconds if it is connected, or as soon as it is.
#[utoipa::path(post, path = "/api/v1/hubs", tag = "homes", request_body = HubShape, responses((status = 204), Refusals, VerbRefusals))]
pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<HubShape>,
) -> Result<StatusCode, Problem> {
    let home = HomeId::from(body.home.as_str());
    if !app.sees(&caller, &home).await? {
        return Err(Problem::NotFound);
    }
    if let Some(field) = body.fault() {
        return Err(Problem::Invalid {
            field,
            what: |w| w.invalid_field,
        });
    }
    let area = app
        .parts
        .register
        .home(&home)
        .await?
        .ok_or(Problem::NotFound)?
        .area;
    let now = app.now();
    let id = format!("{}/{}", body.home, body.hub);
    let sheet = Sheet {
        kind: HUB_SETTING.to_owned(),
        id: id.clone(),
        version: body.version.saturating_add(1),
        area,
        home: Some(home),
        elder: None,
        at: now,
        state: "on".to_owned(),
        body: serde_json::to_value(&body).map_err(|_| Problem::Unavailable)?,
        written_at: now,
        written_by: caller.person.to_string(),
    };
    let audit = Put::Audit {
        at: now,
        who: caller.person.to_string(),
        action: "hub.set".to_owned(),
        subject: format!("hub/{id}"),
    };
    match app.parts.register.put(vec![Put::Sheet(sheet), audit]).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(LedgerError::Conflict) => Err(Problem::Invalid {
            field: "version",
            what: |w| w.invalid_version,
        }),
        Err(error) => Err(error.into()),
    }
}
