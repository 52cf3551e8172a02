//! Reading homes: who lives there, which devices, how the home is doing.

use super::openapi::Refusals;
use crate::app::App;
use crate::caller::Caller;
use crate::directory;
use crate::extract::{Asked, Id, cursor, limit};
use crate::places::Place;
use crate::problem::Problem;
use crate::shape::{ContactShape, CoverName, DeviceHealthName, DeviceShape, ElderShape, OccupancyName, PresenceShape, last_seen};
use axum::Json;
use axum::extract::State;
use care::home::View;
use care::HomeId;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::register::DeviceRecord;
use utoipa::{IntoParams, ToSchema};

/// Longest text of a search, characters.
const SEARCH_CHARS_MAX: usize = 64;
/// Most homes looked at for one page of an area.
const SCAN_MAX: usize = 10_000;

/// Which homes.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct HomesAsked {
    /// Leads to homes by a name, its first letters in pinyin, three digits or more of the end of a phone number, an address
    /// (for those who take alarms) or the home's identifier. Then there is one page.
    #[param(max_length = 64)]
    pub(crate) text: Option<String>,
    /// `next` of the page before.
    pub(crate) cursor: Option<String>,
    /// Most homes on this page.
    #[param(minimum = 1, maximum = 500, default = 100)]
    pub(crate) limit: Option<usize>,
}

/// A home in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HomeRow {
    pub(crate) id: String,
    /// The area's path.
    pub(crate) area: String,
    /// The names of town, village, grid.
    pub(crate) area_name: String,
    pub(crate) elders: Vec<ElderShape>,
    /// Null: never heard.
    pub(crate) occupancy: Option<OccupancyName>,
    pub(crate) cover: Option<CoverName>,
    /// Length of the silence at home, seconds.
    pub(crate) silence_s: Option<i64>,
    /// When any device was last heard.
    pub(crate) last_seen_at: Option<DateTime<Utc>>,
    /// Open alarms of this home.
    pub(crate) open_alarms: usize,
}

/// A page of homes, by identifier.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HomePage {
    items: Vec<HomeRow>,
    /// The cursor of the next page; null: this was the last one.
    next: Option<String>,
}

/// A home with everything that may be shown without asking.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HomeDetail {
    #[serde(flatten)]
    row: HomeRow,
    /// The address as an ambulance needs it; empty for roles that do not take alarms.
    address: String,
    /// Key, door, dog, stairs; empty for roles that do not take alarms.
    access_notes: String,
    /// Null: never heard.
    presence: Option<PresenceShape>,
    devices: Vec<DeviceShape>,
    contacts: Vec<ContactShape>,
}

/// A home as it was found.
pub(crate) struct Found {
    pub(crate) id: HomeId,
    pub(crate) place: Arc<Place>,
    pub(crate) view: Option<View>,
}

/// The elders of a place.
pub(crate) fn elders(place: &Place) -> Vec<ElderShape> {
    place
        .elders
        .iter()
        .map(|e| ElderShape {
            id: e.id.as_str().to_owned(),
            name: e.name.clone(),
            born_year: e.born_year,
            sex: e.sex.clone(),
            tier: e.tier.clone(),
            phone_masked: e.phone_masked.clone(),
            has_health_notes: e.has_health_notes,
        })
        .collect()
}

/// The devices of a home: those registered, and those heard without being registered.
pub(crate) fn devices(registered: &[DeviceRecord], view: Option<&View>) -> Vec<DeviceShape> {
    let heard = view.map(|v| v.devices.as_slice()).unwrap_or_default();
    let mut out: Vec<DeviceShape> = heard
        .iter()
        .map(|d| {
            let record = registered.iter().find(|r| r.id == d.device);
            DeviceShape {
                id: d.device.as_str().to_owned(),
                kind: record.map(|r| r.kind.clone()),
                room: d.room.clone().or_else(|| record.map(|r| r.room.clone())).filter(|r| !r.is_empty()),
                last_seen_at: Some(d.last_seen),
                health: Some(DeviceHealthName::from(&d.health)),
                registered: record.is_some(),
            }
        })
        .collect();
    let silent = registered.iter().filter(|r| r.retired_at.is_none() && !heard.iter().any(|d| d.device == r.id));
    out.extend(silent.map(|r| DeviceShape {
        id: r.id.as_str().to_owned(),
        kind: Some(r.kind.clone()),
        room: Some(r.room.clone()).filter(|r| !r.is_empty()),
        last_seen_at: None,
        health: None,
        registered: true,
    }));
    out
}

pub(crate) fn row(app: &App, found: &Found) -> HomeRow {
    HomeRow {
        id: found.id.as_str().to_owned(),
        area: found.place.record.as_ref().map(|r| r.area.clone()).unwrap_or_default(),
        area_name: found.place.area(),
        elders: elders(&found.place),
        occupancy: found.view.as_ref().map(|v| OccupancyName::from(&v.occupancy)),
        cover: found.view.as_ref().map(|v| CoverName::from(&v.cover)),
        silence_s: found.view.as_ref().and_then(|v| v.silence_s),
        last_seen_at: found.view.as_ref().and_then(last_seen),
        open_alarms: app.live.open_of(&found.id),
    }
}

/// A page of the homes that a caller may see.
pub(crate) async fn visible(app: &App, caller: &Caller, mut after: Option<HomeId>, most: usize) -> Result<(Vec<Found>, Option<HomeId>), Problem> {
    let mut out = Vec::new();
    let mut scanned = 0;
    while scanned < SCAN_MAX {
        let batch = app.parts.register.homes(after.as_ref(), most).await?;
        let is_last = batch.len() < most;
        scanned += batch.len();
        for id in batch {
            after = Some(id.clone());
            if app.sees(caller, &id).await? {
                let place = app.places.seen_by(caller, &id).await?;
                let view = app.parts.homes.view(&id).await;
                out.push(Found { id, place, view });
                if out.len() == most {
                    return Ok((out, after));
                }
            }
        }
        if is_last {
            return Ok((out, None));
        }
    }
    Ok((out, after))
}

/// One home, if the caller may see it. A home that was heard or has an alarm need not be registered.
pub(crate) async fn find(app: &App, caller: &Caller, id: HomeId) -> Result<Found, Problem> {
    if !app.sees(caller, &id).await? {
        return Err(Problem::NotFound);
    }
    let place = app.places.seen_by(caller, &id).await?;
    let view = app.parts.homes.view(&id).await;
    if place.record.is_none() && view.is_none() && app.live.open_of(&id) == 0 {
        return Err(Problem::NotFound);
    }
    Ok(Found { id, place, view })
}

/// What was asked for: a page by identifier, or what a text leads to.
pub(crate) async fn asked(app: &App, caller: &Caller, asked: HomesAsked) -> Result<(Vec<Found>, Option<HomeId>), Problem> {
    let (after, most) = (cursor(asked.cursor)?.map(HomeId::new), limit(asked.limit)?);
    let Some(text) = asked.text.as_deref().map(str::trim).filter(|text| !text.is_empty()) else { return visible(app, caller, after, most).await };
    if text.chars().count() > SEARCH_CHARS_MAX {
        return Err(Problem::Invalid { field: "text", what: |w| w.invalid_search });
    }
    let mut out = Vec::new();
    for home in directory::find(app, caller, text, most).await? {
        match find(app, caller, home).await {
            Ok(found) => out.push(found),
            // It has left the register, or the area, since it was read.
            Err(Problem::NotFound) => {}
            Err(other) => return Err(other),
        }
    }
    Ok((out, None))
}

/// Homes, by identifier, or those that a text leads to.
#[utoipa::path(get, path = "/api/v1/homes", tag = "homes", params(HomesAsked), responses((status = 200, body = HomePage), Refusals))]
pub(crate) async fn list(State(app): State<App>, caller: Caller, Asked(query): Asked<HomesAsked>) -> Result<Json<HomePage>, Problem> {
    let (homes, next) = asked(&app, &caller, query).await?;
    let items = homes.iter().map(|found| row(&app, found)).collect();
    Ok(Json(HomePage { items, next: next.map(|id| id.as_str().to_owned()) }))
}

/// One home: last seen, presence, silence, devices, contacts.
#[utoipa::path(get, path = "/api/v1/homes/{id}", tag = "homes", params(("id" = String, Path)), responses((status = 200, body = HomeDetail), Refusals))]
pub(crate) async fn one(State(app): State<App>, caller: Caller, Id(id): Id) -> Result<Json<HomeDetail>, Problem> {
    let found = find(&app, &caller, HomeId::new(id)).await?;
    let registered = app.parts.register.devices_of(&found.id).await?;
    let record = found.place.record.as_ref();
    Ok(Json(HomeDetail {
        row: row(&app, &found),
        address: record.map(|r| r.address.clone()).unwrap_or_default(),
        access_notes: record.map(|r| r.access_notes.clone()).unwrap_or_default(),
        presence: found.view.as_ref().map(|v| PresenceShape::new(v, app.settings.zone)),
        devices: devices(&registered, found.view.as_ref()),
        contacts: found
            .place
            .contacts
            .iter()
            .map(|c| ContactShape {
                id: c.id.as_str().to_owned(),
                name: c.name.clone(),
                relation: c.relation.clone(),
                addresses_masked: c.addresses.iter().cloned().collect(),
                shared: c.shared,
            })
            .collect(),
    }))
}
