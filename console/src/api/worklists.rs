//! Lists to be worked off: messages that could not be understood, devices that nobody registered, homes not heard
//! since an outage of ours.

use super::openapi::Refusals;
use crate::app::App;
use crate::caller::Caller;
use crate::extract::{Asked, limit};
use crate::problem::Problem;
use crate::shape::{CoverName, last_seen};
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// How many.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListAsked {
    /// Most items.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<usize>,
}

/// A message that could not be understood.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QuarantinedShape {
    home: String,
    topic: String,
    /// As text; bytes that are none are shown as U+FFFD. At most 4 KB.
    payload: String,
    /// Why: a code of the table of reasons.
    reason: String,
    heard_at: DateTime<Utc>,
}

/// The latest messages that could not be understood.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QuarantinePage {
    items: Vec<QuarantinedShape>,
}

/// A device that spoke without being registered.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnknownDeviceShape {
    home: String,
    device: String,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
    /// How often.
    count: u64,
}

/// Devices that spoke without being registered, latest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnknownDevicesPage {
    items: Vec<UnknownDeviceShape>,
}

/// A home not heard since an outage of the platform.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OutageShape {
    home: String,
    last_seen_at: Option<DateTime<Utc>>,
    /// When it becomes an alarm if it stays silent.
    due_at: Option<DateTime<Utc>>,
    cover: CoverName,
}

/// Homes not heard since an outage of the platform and not fired either.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OutagePage {
    items: Vec<OutageShape>,
}

/// Messages that could not be understood, latest first.
#[utoipa::path(get, path = "/api/v1/quarantine", tag = "worklists", params(ListAsked), responses((status = 200, body = QuarantinePage), Refusals))]
pub(crate) async fn quarantine(State(app): State<App>, caller: Caller, Asked(asked): Asked<ListAsked>) -> Result<Json<QuarantinePage>, Problem> {
    let mut items = Vec::new();
    for it in app.parts.register.quarantined(limit(asked.limit)?).await? {
        if app.sees(&caller, &it.home).await? {
            items.push(QuarantinedShape {
                home: it.home.as_str().to_owned(),
                payload: String::from_utf8_lossy(&it.payload).into_owned(),
                topic: it.topic,
                reason: it.reason,
                heard_at: it.heard_at,
            });
        }
    }
    Ok(Json(QuarantinePage { items }))
}

/// Devices that spoke without being registered, latest first.
#[utoipa::path(get, path = "/api/v1/unknown-devices", tag = "worklists", params(ListAsked), responses((status = 200, body = UnknownDevicesPage), Refusals))]
pub(crate) async fn unknown_devices(State(app): State<App>, caller: Caller, Asked(asked): Asked<ListAsked>) -> Result<Json<UnknownDevicesPage>, Problem> {
    let mut items = Vec::new();
    for it in app.parts.register.unknown_devices(limit(asked.limit)?).await? {
        if app.sees(&caller, &it.home).await? {
            items.push(UnknownDeviceShape {
                home: it.home.as_str().to_owned(),
                device: it.device.as_str().to_owned(),
                first_at: it.first_at,
                last_at: it.last_at,
                count: it.count,
            });
        }
    }
    Ok(Json(UnknownDevicesPage { items }))
}

/// Homes not heard since an outage of the platform: each is heard again, or fires after the grace.
#[utoipa::path(get, path = "/api/v1/outage-worklist", tag = "worklists", params(ListAsked), responses((status = 200, body = OutagePage), Refusals))]
pub(crate) async fn outage(State(app): State<App>, caller: Caller, Asked(asked): Asked<ListAsked>) -> Result<Json<OutagePage>, Problem> {
    let mut items = Vec::new();
    for view in app.parts.homes.outage_worklist(limit(asked.limit)?).await {
        if app.sees(&caller, &view.home).await? {
            items.push(OutageShape {
                home: view.home.as_str().to_owned(),
                last_seen_at: last_seen(&view),
                due_at: view.next.as_ref().map(|d| d.at),
                cover: CoverName::from(&view.cover),
            });
        }
    }
    Ok(Json(OutagePage { items }))
}
