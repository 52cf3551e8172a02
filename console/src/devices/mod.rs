//! The devices of the homes: enrolled, replaced, tried, retired. What the register keeps of a device is its record; what is
//! written beside it (interval, model, serial number, who stood there before) is a sheet of the kind `device`. The home is
//! told through the log what it is to expect, so that it knows after any crash.

mod enrolment;
mod import;

pub(crate) use enrolment::{Entry, code, enter};
pub(crate) use import::{Fault, read};

use crate::api::homes::{Found, find, visible};
use crate::app::App;
use crate::caller::Caller;
use crate::messages::Words;
use crate::problem::Problem;
use care::home::{DEVICES_MAX, DeviceHealth, DeviceView, EVERY_S, Part, TEST_MAX, Told, View};
use care::{DeviceId, HomeId, TimeDelta, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::register::{Credential, DeviceRecord, Put};
use store::sheet::{ID_MAX, Sheet, SheetAsk};

/// The kind of the sheets.
const KIND: &str = "device";
/// Homes that are looked at for one page of the list.
const HOMES_MAX: usize = 2_000;
/// Longest word about a device, characters.
const WORD_MAX: usize = 80;
/// How often a hub is to be heard, if nobody says otherwise, and anything else. Seconds.
const HUB_EVERY_S: u32 = 900;
const DEVICE_EVERY_S: u32 = 86_400;

/// The kinds that a device can be enrolled as.
pub(crate) const KINDS: &[&str] = &[
    "button", "pendant", "motion", "door", "contact", "smoke", "gas", "carbon_monoxide", "water_leak", "fall", "bed", "seat", "water", "power", "presence",
    "temperature", "hub",
];

/// What is written of a device beside its record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct File {
    /// It is to be heard once in so many seconds; 0 = it need not.
    pub(crate) every_s: u32,
    pub(crate) model: String,
    pub(crate) serial: String,
    pub(crate) note: String,
    /// Who stood there before, and who came after.
    pub(crate) replaces: Option<String>,
    pub(crate) replaced_by: Option<String>,
    /// Its credential at the devices' door, and how many it has had.
    pub(crate) credential: Option<String>,
    pub(crate) credentials: u32,
}

/// A device as everything that is known of it says.
pub(crate) struct Known {
    pub(crate) home: HomeId,
    pub(crate) id: DeviceId,
    pub(crate) record: Option<DeviceRecord>,
    pub(crate) file: File,
    pub(crate) version: u32,
    pub(crate) view: Option<DeviceView>,
}

/// How a device is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// Nothing speaks against it.
    Working,
    /// It has missed its time.
    Silent,
    /// Its last will, or its hub, says that it is gone.
    Offline,
    /// Enrolled, and never heard.
    Never,
    /// It speaks, and nobody has enrolled it.
    Unregistered,
    /// Taken out of service.
    Retired,
}

impl State {
    pub(crate) const ALL: [Self; 6] = [Self::Working, Self::Silent, Self::Offline, Self::Never, Self::Unregistered, Self::Retired];

    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Silent => "silent",
            Self::Offline => "offline",
            Self::Never => "never",
            Self::Unregistered => "unregistered",
            Self::Retired => "retired",
        }
    }

    pub(crate) fn word(self, w: &Words) -> &'static str {
        match self {
            Self::Working => w.device_working,
            Self::Silent => w.device_silent,
            Self::Offline => w.device_offline,
            Self::Never => w.device_never,
            Self::Unregistered => w.device_unregistered,
            Self::Retired => w.device_retired,
        }
    }

    /// The class of its chip.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Working => "ok",
            Self::Silent => "urgent",
            Self::Offline => "red",
            Self::Never | Self::Unregistered => "attention",
            Self::Retired => "",
        }
    }
}

impl Known {
    pub(crate) fn state(&self) -> State {
        match (&self.record, &self.view) {
            (Some(record), _) if record.retired_at.is_some() => State::Retired,
            (None, _) => State::Unregistered,
            (Some(_), None) => State::Never,
            (Some(record), Some(view)) => match view.health {
                DeviceHealth::Silent => State::Silent,
                DeviceHealth::Offline => State::Offline,
                // the home takes it as heard when it was enrolled
                DeviceHealth::Working if view.supervision.is_some() && view.last_seen <= record.enrolled_at + TimeDelta::seconds(1) => State::Never,
                DeviceHealth::Working => State::Working,
            },
        }
    }

    pub(crate) fn kind(&self) -> &str {
        self.record.as_ref().map_or("", |record| record.kind.as_str())
    }

    pub(crate) fn room(&self) -> &str {
        let view = self.view.as_ref().and_then(|view| view.room.as_deref());
        self.record.as_ref().map(|record| record.room.as_str()).filter(|room| !room.is_empty()).or(view).unwrap_or_default()
    }

    /// When it last reached us.
    pub(crate) fn heard_at(&self) -> Option<Timestamp> {
        let view = self.view.as_ref().filter(|_| self.state() != State::Never)?;
        view.heard_at.or(Some(view.last_seen))
    }
}

/// What a device is to its home.
pub(crate) fn part_of(kind: &str) -> Part {
    match kind {
        "hub" => Part::Hub,
        "button" | "pendant" => Part::Button,
        _ => Part::Sensor,
    }
}

fn sheet_id(home: &HomeId, device: &DeviceId) -> String {
    format!("{home}/{device}")
}

/// The devices of a home: those of the register, retired ones too, and those that were heard.
pub(crate) async fn of(app: &App, home: &HomeId, view: Option<&View>) -> Result<Vec<Known>, Problem> {
    let register = &app.parts.register;
    let mut all: BTreeMap<DeviceId, Known> = BTreeMap::new();
    let blank = |id: &DeviceId| Known { home: home.clone(), id: id.clone(), record: None, file: File::default(), version: 0, view: None };
    for record in register.devices_of(home).await? {
        let known = blank(&record.id);
        all.insert(record.id.clone(), Known { record: Some(record), ..known });
    }
    for device in view.map(|view| view.devices.as_slice()).unwrap_or_default() {
        all.entry(device.device.clone()).or_insert_with(|| blank(&device.device)).view = Some(device.clone());
    }
    for sheet in register.sheets(&SheetAsk::of(KIND).home(home)).await? {
        let id = sheet.id.split_once('/').map(|(_, id)| DeviceId::from(id));
        if let Some(known) = id.and_then(|id| all.get_mut(&id)) {
            known.version = sheet.version;
            known.file = serde_json::from_value(sheet.body).unwrap_or_default();
        }
    }
    Ok(all.into_values().collect())
}

/// One device.
pub(crate) async fn one(app: &App, caller: &Caller, home: &str, device: &str) -> Result<(Found, Known), Problem> {
    let found = find(app, caller, HomeId::from(home)).await?;
    let all = of(app, &found.id, found.view.as_ref()).await?;
    let known = all.into_iter().find(|known| known.id.as_str() == device).ok_or(Problem::NotFound)?;
    Ok((found, known))
}

/// Which devices are asked for.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) state: Option<State>,
    pub(crate) kind: String,
    /// A part of its name, its model, its serial number, its home's name or its elders'.
    pub(crate) text: String,
}

impl Asked {
    fn wants(&self, found: &Found, known: &Known) -> bool {
        let text = self.text.to_lowercase();
        let names = found.place.names();
        let said = [known.id.as_str(), known.file.model.as_str(), known.file.serial.as_str(), found.id.as_str(), names.as_str()];
        let state = known.state();
        self.state.map_or(state != State::Retired, |wanted| state == wanted)
            && (self.kind.is_empty() || self.kind == known.kind())
            && (text.is_empty() || said.iter().any(|word| word.to_lowercase().contains(&text)))
    }
}

/// The devices that are asked for, by home, and where the next page begins: at least `most` of them if there are so many.
pub(crate) async fn list(app: &App, caller: &Caller, asked: &Asked, mut after: Option<HomeId>, most: usize) -> Result<(Vec<(Found, Known)>, Option<HomeId>), Problem> {
    let mut out = Vec::new();
    let mut looked = 0;
    loop {
        let (homes, next) = visible(app, caller, after, 50).await?;
        looked += homes.len();
        for found in homes {
            for known in of(app, &found.id, found.view.as_ref()).await? {
                if asked.wants(&found, &known) {
                    let found = Found { id: found.id.clone(), place: found.place.clone(), view: None };
                    out.push((found, known));
                }
            }
        }
        after = next;
        if after.is_none() || out.len() >= most || looked >= HOMES_MAX {
            return Ok((out, after));
        }
    }
}

/// A field and what is wrong with it.
pub(crate) type Flaw = (&'static str, fn(&Words) -> &'static str);

/// What is entered of a device.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) room: String,
    pub(crate) exit_door: bool,
    /// In minutes, 0 = it need not be heard; none: what is usual for its kind.
    pub(crate) every_minutes: Option<u32>,
    pub(crate) model: String,
    pub(crate) serial: String,
    pub(crate) note: String,
}

impl Wanted {
    /// Why it cannot be enrolled: the field and what is wrong with it.
    pub(crate) fn fault(&self) -> Option<Flaw> {
        let long = |text: &str| text.chars().count() > WORD_MAX;
        let minutes = EVERY_S.start() / 60..=EVERY_S.end() / 60;
        if !care::id::well_formed(&self.id) {
            Some(("device", |w| w.invalid_device_id))
        } else if !KINDS.contains(&self.kind.as_str()) {
            Some(("kind", |w| w.invalid_device_kind))
        } else if self.every_minutes.is_some_and(|every| every != 0 && !minutes.contains(&every)) {
            Some(("every_minutes", |w| w.invalid_every))
        } else if long(&self.room) || long(&self.model) || long(&self.serial) || long(&self.note) {
            Some(("room", |w| w.invalid_device_word))
        } else {
            None
        }
    }

    fn every_s(&self) -> u32 {
        self.every_minutes.map_or(if self.kind == "hub" { HUB_EVERY_S } else { DEVICE_EVERY_S }, |minutes| minutes * 60)
    }
}

fn sheet(app: &App, caller: &Caller, found: &Found, id: &DeviceId, file: &File, version: u32, state: &str) -> Result<Put, Problem> {
    let at = app.now();
    let sheet = Sheet {
        kind: KIND.to_owned(),
        id: sheet_id(&found.id, id),
        version: version + 1,
        area: found.place.record.as_ref().map(|record| record.area.clone()).unwrap_or_default(),
        home: Some(found.id.clone()),
        elder: None,
        at,
        state: state.to_owned(),
        body: serde_json::to_value(file).map_err(|_| Problem::Unavailable)?,
        written_at: at,
        written_by: caller.person.as_str().to_owned(),
    };
    if sheet.id.len() > ID_MAX {
        return Err(Problem::Invalid { field: "device", what: |w| w.invalid_device_id });
    }
    Ok(Put::Sheet(sheet))
}

fn audit(app: &App, caller: &Caller, action: &str, home: &HomeId, device: &DeviceId) -> Put {
    Put::Audit { at: app.now(), who: caller.person.as_str().to_owned(), action: action.to_owned(), subject: sheet_id(home, device) }
}

async fn keep(app: &App, puts: Vec<Put>) -> Result<(), Problem> {
    match app.parts.register.put(puts).await {
        Err(store::LedgerError::Conflict) => Err(Problem::Changed),
        other => Ok(other?),
    }
}

async fn tell(app: &App, home: &HomeId, told: Told) -> Result<(), Problem> {
    app.parts.homes.tell(home, told).await.map_err(|error| {
        tracing::warn!(%error, "what was decided about a device could not be kept");
        Problem::Unavailable
    })
}

/// Enrols a device, or changes what was entered of it. Again is no error: what could not be told is told then.
pub(crate) async fn enrol(app: &App, caller: &Caller, home: &str, wanted: &Wanted) -> Result<(Found, DeviceId), Problem> {
    let found = find(app, caller, HomeId::from(home)).await?;
    if found.place.record.is_none() {
        return Err(Problem::NotFound);
    }
    if let Some((field, what)) = wanted.fault() {
        return Err(Problem::Invalid { field, what });
    }
    let all = of(app, &found.id, found.view.as_ref()).await?;
    let id = DeviceId::from(wanted.id.as_str());
    let before = all.iter().find(|known| known.id == id);
    let others = all.iter().filter(|known| known.id != id && known.file.every_s > 0 && known.state() != State::Retired).count();
    let every_s = wanted.every_s();
    if every_s > 0 && others >= DEVICES_MAX {
        return Err(Problem::Invalid { field: "every_minutes", what: |w| w.invalid_device_many });
    }
    let enrolled_at = before.and_then(|known| known.record.as_ref()).filter(|record| record.retired_at.is_none()).map_or(app.now(), |record| record.enrolled_at);
    let record = DeviceRecord {
        home: found.id.clone(),
        id: id.clone(),
        kind: wanted.kind.clone(),
        room: wanted.room.clone(),
        exit_door: wanted.exit_door,
        enrolled_at,
        retired_at: None,
    };
    let old = before.map(|known| known.file.clone()).unwrap_or_default();
    let file = File { every_s, model: wanted.model.clone(), serial: wanted.serial.clone(), note: wanted.note.clone(), ..old };
    let version = before.map_or(0, |known| known.version);
    let puts = vec![Put::Device(record), sheet(app, caller, &found, &id, &file, version, "active")?, audit(app, caller, "device.enrol", &found.id, &id)];
    keep(app, puts).await?;
    tell(app, &found.id, Told::Supervise { device: id.clone(), every_s, part: part_of(&wanted.kind) }).await?;
    Ok((found, id))
}

/// Puts the revocation of a device's credential beside what is done with it.
async fn revoked(app: &App, file: &File, puts: &mut Vec<Put>) -> Result<(), Problem> {
    let Some(name) = &file.credential else { return Ok(()) };
    if let Some(credential) = app.parts.register.credential(name).await?.filter(|credential| credential.revoked_at.is_none()) {
        puts.push(Put::Credential(Credential { revoked_at: Some(app.now()), ..credential }));
    }
    Ok(())
}

/// Takes a device out of service. Its history stays; its credential is refused from now on.
pub(crate) async fn retire(app: &App, caller: &Caller, home: &str, device: &str) -> Result<(), Problem> {
    let (found, known) = one(app, caller, home, device).await?;
    let record = known.record.clone().ok_or(Problem::NotFound)?;
    let retired_at = record.retired_at.or(Some(app.now()));
    let mut puts = vec![
        Put::Device(DeviceRecord { retired_at, ..record }),
        sheet(app, caller, &found, &known.id, &known.file, known.version, "retired")?,
        audit(app, caller, "device.retire", &found.id, &known.id),
    ];
    revoked(app, &known.file, &mut puts).await?;
    keep(app, puts).await?;
    tell(app, &found.id, Told::Release { device: known.id }).await
}

/// Puts a new device in the place of one: kind, room, interval and what was learned of the place go over to it. Under the
/// same name it is the same device with another battery, serial number and credential.
pub(crate) async fn replace(app: &App, caller: &Caller, home: &str, device: &str, by: &Wanted) -> Result<DeviceId, Problem> {
    let (found, known) = one(app, caller, home, device).await?;
    let record = known.record.clone().filter(|record| record.retired_at.is_none()).ok_or(Problem::NotFound)?;
    let new = DeviceId::from(by.id.as_str());
    let wanted = Wanted { kind: record.kind.clone(), ..by.clone() };
    if let Some((field, what)) = wanted.fault().filter(|(field, _)| *field != "kind") {
        return Err(Problem::Invalid { field, what });
    }
    let now = app.now();
    let mut puts = vec![audit(app, caller, "device.replace", &found.id, &known.id)];
    revoked(app, &known.file, &mut puts).await?;
    let fresh = File { model: by.model.clone(), serial: by.serial.clone(), note: by.note.clone(), credential: None, ..known.file.clone() };
    if new == known.id {
        puts.push(sheet(app, caller, &found, &new, &fresh, known.version, "active")?);
    } else {
        let taken = of(app, &found.id, found.view.as_ref()).await?.into_iter().find(|other| other.id == new);
        if taken.as_ref().is_some_and(|other| other.record.is_some()) {
            return Err(Problem::Invalid { field: "device", what: |w| w.invalid_device_taken });
        }
        let old = File { replaced_by: Some(new.as_str().to_owned()), ..known.file.clone() };
        let fresh = File { replaces: Some(known.id.as_str().to_owned()), replaced_by: None, credentials: 0, ..fresh };
        puts.push(Put::Device(DeviceRecord { retired_at: Some(now), ..record.clone() }));
        puts.push(Put::Device(DeviceRecord { id: new.clone(), enrolled_at: now, ..record.clone() }));
        puts.push(sheet(app, caller, &found, &known.id, &old, known.version, "retired")?);
        puts.push(sheet(app, caller, &found, &new, &fresh, taken.map_or(0, |other| other.version), "active")?);
    }
    keep(app, puts).await?;
    tell(app, &found.id, Told::Replace { old: known.id, new: new.clone() }).await?;
    tell(app, &found.id, Told::Supervise { device: new.clone(), every_s: known.file.every_s, part: part_of(&record.kind) }).await?;
    Ok(new)
}

/// Begins a test of a home, or ends it. It ends by itself; a call in it is answered all the same (ALM-7).
pub(crate) async fn test(app: &App, caller: &Caller, home: &str, device: &str, on: Test) -> Result<Timestamp, Problem> {
    let (found, known) = one(app, caller, home, device).await?;
    let now = app.now();
    let (until, action) = match on {
        Test::Begin => (now + TEST_MAX, "device.test"),
        Test::End => (now, "device.test_over"),
    };
    tell(app, &found.id, Told::Test { until }).await?;
    keep(app, vec![audit(app, caller, action, &found.id, &known.id)]).await?;
    Ok(until)
}

/// What is done with a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Test {
    /// It begins.
    Begin,
    /// It is over.
    End,
}
