//! Devices: the list, one with its last messages, and what is done with them. How a device enters is in `crate::devices`.

use super::openapi::{GuessRefusals, Refusals, VerbRefusals};
use crate::app::App;
use crate::caller::Caller;
use crate::devices::{self, Asked as Wish, Entry, Fault, Known, State as DeviceState, Test, Wanted};
use crate::extract::{Asked, Body, Id, Ids, Nothing, cursor, limit};
use crate::mask;
use crate::problem::Problem;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use care::HomeId;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use utoipa::{IntoParams, ToSchema};

/// Largest list that is read, bytes.
pub(crate) const LIST_BYTES_MAX: usize = 4 << 20;

/// Which devices.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DevicesAsked {
    /// `next` of the page before.
    #[serde(default)]
    pub(crate) cursor: Option<String>,
    /// About so many: a home's devices stay together.
    #[param(minimum = 1, maximum = 500, default = 100)]
    pub(crate) limit: Option<usize>,
    /// `working`, `silent`, `offline`, `never`, `unregistered`, `retired`; left out: all but the retired.
    #[serde(default)]
    pub(crate) state: String,
    /// `button`, `motion`, `hub`, ...
    #[serde(default)]
    pub(crate) kind: String,
    /// A part of its name, model or serial number, or of its home's.
    #[serde(default)]
    pub(crate) text: String,
}

impl DevicesAsked {
    pub(crate) fn wish(&self) -> Result<Wish, Problem> {
        let state = match self.state.as_str() {
            "" => None,
            code => Some(DeviceState::ALL.into_iter().find(|state| state.code() == code).ok_or(Problem::Invalid { field: "state", what: |w| w.invalid_field })?),
        };
        Ok(Wish { state, kind: self.kind.clone(), text: self.text.clone() })
    }
}

/// A device.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeviceRow {
    home: String,
    id: String,
    state: DeviceState,
    /// Empty: not enrolled.
    kind: String,
    room: String,
    /// When it last reached us; null: never.
    heard_at: Option<DateTime<Utc>>,
    /// It is to be heard once in so many seconds; 0 = it need not.
    every_s: u32,
    /// When it is silent if it says nothing until then.
    due_at: Option<DateTime<Utc>>,
    battery_percent: Option<u8>,
    /// Its battery should be replaced within so many days.
    replace_within_days: Option<u16>,
    /// How well it is heard, percent, lately and usually.
    link_percent: Option<u8>,
    link_usual_percent: Option<u8>,
    /// When a press was last heard in test mode.
    tested_at: Option<DateTime<Utc>>,
    /// When a person last took a call of it and closed it as a test: the whole way.
    proved_at: Option<DateTime<Utc>>,
    test_due_at: Option<DateTime<Utc>>,
    model: String,
    serial: String,
    note: String,
    replaces: Option<String>,
    replaced_by: Option<String>,
    enrolled_at: Option<DateTime<Utc>>,
    retired_at: Option<DateTime<Utc>>,
    /// Its user name at the devices' door.
    credential: Option<String>,
}

/// Devices by home.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DevicePage {
    items: Vec<DeviceRow>,
    next: Option<String>,
}

/// A message as it came, masked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessageRow {
    heard_at: DateTime<Utc>,
    topic: String,
    payload: String,
}

/// A device with its last messages.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeviceDetail {
    #[serde(flatten)]
    row: DeviceRow,
    /// The home is being tested until then.
    test_until: Option<DateTime<Utc>>,
    /// Newest first, at most 3, since the platform's start.
    messages: Vec<MessageRow>,
}

/// A device to enrol or to change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct DeviceBody {
    /// Its name in topics: letters, digits, `-`, `_`, `.`, `:`.
    device: String,
    /// `button`, `motion`, `hub`, ... Not looked at when a device is replaced.
    kind: String,
    room: String,
    /// It stands at the door that leads out.
    exit_door: bool,
    /// It is to be heard once in so many minutes, 1 to 1,440; 0 = it need not. Left out: 15 for a hub, a day for others.
    every_minutes: Option<u32>,
    model: String,
    serial: String,
    note: String,
}

impl DeviceBody {
    fn wanted(self) -> Wanted {
        let Self { device, kind, room, exit_door, every_minutes, model, serial, note } = self;
        Wanted { id: device, kind, room, exit_door, every_minutes, model, serial, note }
    }
}

/// Until when the home is being tested.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TestShape {
    until: DateTime<Utc>,
}

/// A code for a device.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CodeShape {
    /// Good once.
    code: String,
    /// And until then.
    expires_at: DateTime<Utc>,
}

/// The code that a device was given.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct CodeBody {
    code: String,
}

/// What became of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ImportShape {
    /// Devices in the list.
    pub(crate) rows: usize,
    /// Devices that were enrolled: all or none.
    pub(crate) enrolled: usize,
    /// What is wrong, by row and column.
    pub(crate) faults: Vec<Fault>,
}

/// Whether a list is only looked at.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportAsked {
    /// True: enrol them, if nothing is wrong. Otherwise the list is only looked at.
    #[serde(default)]
    apply: bool,
}

pub(crate) fn row(known: &Known) -> DeviceRow {
    let trend = known.view.as_ref().map(|view| view.trend).unwrap_or_default();
    let supervision = known.view.as_ref().and_then(|view| view.supervision);
    let record = known.record.as_ref();
    DeviceRow {
        home: known.home.as_str().to_owned(),
        id: known.id.as_str().to_owned(),
        state: known.state(),
        kind: known.kind().to_owned(),
        room: known.room().to_owned(),
        heard_at: known.heard_at(),
        every_s: supervision.map_or(known.file.every_s, |s| s.every_s),
        due_at: supervision.and_then(|s| s.due_at),
        battery_percent: trend.battery_percent,
        replace_within_days: trend.replace_within_days,
        link_percent: trend.link_percent,
        link_usual_percent: trend.link_usual_percent,
        tested_at: supervision.and_then(|s| s.tested_at),
        proved_at: supervision.and_then(|s| s.proved_at),
        test_due_at: supervision.and_then(|s| s.test_due_at),
        model: known.file.model.clone(),
        serial: known.file.serial.clone(),
        note: known.file.note.clone(),
        replaces: known.file.replaces.clone(),
        replaced_by: known.file.replaced_by.clone(),
        enrolled_at: record.map(|r| r.enrolled_at),
        retired_at: record.and_then(|r| r.retired_at),
        credential: known.file.credential.clone(),
    }
}

/// Devices by home, filtered.
#[utoipa::path(get, path = "/api/v1/devices", tag = "devices", params(DevicesAsked), responses((status = 200, body = DevicePage), Refusals))]
pub(crate) async fn list(State(app): State<App>, caller: Caller, Asked(asked): Asked<DevicesAsked>) -> Result<Json<DevicePage>, Problem> {
    let wish = asked.wish()?;
    let after = cursor(asked.cursor)?.map(HomeId::new);
    let (found, next) = devices::list(&app, &caller, &wish, after, limit(asked.limit)?).await?;
    Ok(Json(DevicePage { items: found.iter().map(|(_, known)| row(known)).collect(), next: next.map(|id| id.as_str().to_owned()) }))
}

/// One device with its last messages.
#[utoipa::path(get, path = "/api/v1/homes/{id}/devices/{device}", tag = "devices", params(("id" = String, Path), ("device" = String, Path)),
    responses((status = 200, body = DeviceDetail), Refusals))]
pub(crate) async fn one(State(app): State<App>, caller: Caller, Ids(home, device): Ids) -> Result<Json<DeviceDetail>, Problem> {
    let (found, known) = devices::one(&app, &caller, &home, &device).await?;
    let messages = app.parts.homes.messages(&found.id, &known.id).await.into_iter();
    let messages = messages.map(|m| MessageRow { heard_at: m.heard_at, payload: mask::payload(&m.payload), topic: m.topic }).collect();
    Ok(Json(DeviceDetail { row: row(&known), test_until: found.view.as_ref().and_then(|view| view.test_until), messages }))
}

/// Enrols a device, or changes what was entered of it. Again is no error.
#[utoipa::path(post, path = "/api/v1/homes/{id}/devices", tag = "devices", params(("id" = String, Path)), request_body = DeviceBody,
    responses((status = 204), Refusals, VerbRefusals))]
pub(crate) async fn enrol(State(app): State<App>, caller: Caller, Id(home): Id, Body(body): Body<DeviceBody>) -> Result<StatusCode, Problem> {
    devices::enrol(&app, &caller, &home, &body.wanted()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts a new device in the place of one; its history stays.
#[utoipa::path(post, path = "/api/v1/homes/{id}/devices/{device}/replace", tag = "devices", params(("id" = String, Path), ("device" = String, Path)),
    request_body = DeviceBody, responses((status = 204), Refusals, VerbRefusals))]
pub(crate) async fn replace(State(app): State<App>, caller: Caller, Ids(home, device): Ids, Body(body): Body<DeviceBody>) -> Result<StatusCode, Problem> {
    devices::replace(&app, &caller, &home, &device, &body.wanted()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a device out of service; its credential is refused from now on.
#[utoipa::path(post, path = "/api/v1/homes/{id}/devices/{device}/retire", tag = "devices", params(("id" = String, Path), ("device" = String, Path)),
    request_body = Nothing, responses((status = 204), Refusals, VerbRefusals))]
pub(crate) async fn retire(State(app): State<App>, caller: Caller, Ids(home, device): Ids, Body(Nothing {}): Body<Nothing>) -> Result<StatusCode, Problem> {
    devices::retire(&app, &caller, &home, &device).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Begins a test of the home: half an hour at most. A call in it is answered like any other.
#[utoipa::path(post, path = "/api/v1/homes/{id}/devices/{device}/test", tag = "devices", params(("id" = String, Path), ("device" = String, Path)),
    request_body = Nothing, responses((status = 200, body = TestShape), Refusals, VerbRefusals))]
pub(crate) async fn test(State(app): State<App>, caller: Caller, Ids(home, device): Ids, Body(Nothing {}): Body<Nothing>) -> Result<Json<TestShape>, Problem> {
    let until = devices::test(&app, &caller, &home, &device, Test::Begin).await?;
    Ok(Json(TestShape { until }))
}

/// Ends a test before its time.
#[utoipa::path(post, path = "/api/v1/homes/{id}/devices/{device}/test-over", tag = "devices", params(("id" = String, Path), ("device" = String, Path)),
    request_body = Nothing, responses((status = 204), Refusals, VerbRefusals))]
pub(crate) async fn test_over(State(app): State<App>, caller: Caller, Ids(home, device): Ids, Body(Nothing {}): Body<Nothing>) -> Result<StatusCode, Problem> {
    devices::test(&app, &caller, &home, &device, Test::End).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a code by which the device gets its credential: good once, for a day.
#[utoipa::path(post, path = "/api/v1/homes/{id}/devices/{device}/code", tag = "devices", params(("id" = String, Path), ("device" = String, Path)),
    request_body = Nothing, responses((status = 200, body = CodeShape), Refusals, VerbRefusals))]
pub(crate) async fn code(State(app): State<App>, caller: Caller, Ids(home, device): Ids, Body(Nothing {}): Body<Nothing>) -> Result<Json<CodeShape>, Problem> {
    let (code, expires_at) = devices::code(&app, &caller, &home, &device).await?;
    Ok(Json(CodeShape { code, expires_at }))
}

/// Enrols a list of devices, CSV or xlsx with the columns home, device, kind and perhaps room, exit_door, every_minutes, model,
/// serial, note. All or none.
#[utoipa::path(post, path = "/api/v1/devices/import", tag = "devices", params(ImportAsked), request_body(content = String, content_type = "text/csv"),
    responses((status = 200, body = ImportShape), Refusals, VerbRefusals))]
pub(crate) async fn import(State(app): State<App>, caller: Caller, Asked(asked): Asked<ImportAsked>, bytes: Bytes) -> Result<Json<ImportShape>, Problem> {
    Ok(Json(imported(&app, &caller, &bytes, asked.apply).await?))
}

pub(crate) async fn imported(app: &App, caller: &Caller, bytes: &[u8], apply: bool) -> Result<ImportShape, Problem> {
    let (rows, mut faults) = devices::read(bytes);
    let mut homes = std::collections::BTreeMap::new();
    for line in &rows {
        if !homes.contains_key(&line.home) {
            let known = care::id::well_formed(&line.home) && super::homes::find(app, caller, HomeId::from(line.home.as_str())).await.is_ok_and(|found| found.place.record.is_some());
            homes.insert(line.home.clone(), known);
        }
        if homes.get(&line.home) != Some(&true) {
            faults.push(Fault::of(line.row, "home", |w| w.import_no_home));
        }
    }
    faults.sort_by_key(|fault| fault.row);
    let mut enrolled = 0;
    if apply && faults.is_empty() {
        for line in &rows {
            match devices::enrol(app, caller, &line.home, &line.wanted).await {
                Ok(_) => enrolled += 1,
                Err(Problem::Invalid { field, what }) => faults.push(Fault::of(line.row, field, what)),
                Err(problem) => return Err(problem),
            }
        }
    }
    Ok(ImportShape { rows: rows.len(), enrolled, faults })
}

/// A device gives its code and gets its credential, once. The code itself is the proof: there is no sign-in. 401: the code is
/// wrong, used or expired. 429: too many wrong codes from this address; `Retry-After` says when to try again.
#[utoipa::path(post, path = "/api/v1/enrolment", tag = "devices", request_body = CodeBody, responses((status = 200, body = Entry), Refusals, GuessRefusals), security(()))]
pub(crate) async fn enter(State(app): State<App>, peer: Option<axum::Extension<ConnectInfo<SocketAddr>>>, bytes: Bytes) -> Result<Json<Entry>, Problem> {
    let from = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |axum::Extension(ConnectInfo(peer))| peer.ip());
    let body: CodeBody = serde_json::from_slice(&bytes).map_err(|_| Problem::NotSignedIn)?;
    Ok(Json(devices::enter(&app, &body.code, from).await?))
}
