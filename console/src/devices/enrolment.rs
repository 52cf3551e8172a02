//! How a device comes to its credential: somebody asks for a code, the device (or whoever installs it) gives the code to the
//! platform, once, and gets a user name and a password for the devices' door. Every entry makes a new credential and revokes
//! the one before, so that a change of the secret also shows whoever has the old one out within seconds.

use super::{Known, audit, keep, one, revoked, sheet};
use crate::app::App;
use crate::caller::{Caller, hash_of};
use crate::problem::Problem;
use care::{DeviceId, HomeId, TimeDelta, Timestamp};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use store::register::{Credential, CredentialRights, Put};
use store::sheet::Sheet;

const KIND: &str = "enrolment";
/// How long a code is good for.
const GOOD_FOR: TimeDelta = TimeDelta::hours(24);
/// Letters and digits that are not taken for one another.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Letters of a code: 60 bits, guessed at most a few times a minute.
const CODE_LETTERS: usize = 12;
/// Letters of a password: 130 bits, so that a plain hash keeps it.
const PASSWORD_LETTERS: usize = 26;

/// What a code is for.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Body {
    home: String,
    device: String,
}

/// What a device gets for its code.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Entry {
    /// Its home.
    pub(crate) home: String,
    /// Its name in topics.
    pub(crate) device: String,
    /// The user name at the devices' door.
    pub(crate) user: String,
    /// The password: told once, kept only as a hash.
    pub(crate) password: String,
    /// What its topics begin with.
    pub(crate) topic: String,
}

fn letters(count: usize) -> String {
    let mut random = rand::rng();
    (0..count).filter_map(|_| ALPHABET.get(random.random_range(0..ALPHABET.len())).map(|b| char::from(*b))).collect()
}

/// As it is typed: small letters, without blanks and dashes.
fn plain(code: &str) -> String {
    code.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_lowercase()).take(64).collect()
}

/// Makes a code for a device: good once, for a day.
pub(crate) async fn code(app: &App, caller: &Caller, home: &str, device: &str) -> Result<(String, Timestamp), Problem> {
    let (found, known) = one(app, caller, home, device).await?;
    if known.record.as_ref().is_none_or(|record| record.retired_at.is_some()) {
        return Err(Problem::NotFound);
    }
    let (code, now) = (letters(CODE_LETTERS), app.now());
    let body = Body { home: home.to_owned(), device: device.to_owned() };
    let sheet = Sheet {
        kind: KIND.to_owned(),
        id: hash_of(&code),
        version: 1,
        area: String::new(),
        home: Some(found.id.clone()),
        elder: None,
        at: now + GOOD_FOR,
        state: "open".to_owned(),
        body: serde_json::to_value(body).map_err(|_| Problem::Unavailable)?,
        written_at: now,
        written_by: caller.person.as_str().to_owned(),
    };
    keep(app, vec![Put::Sheet(sheet), audit(app, caller, "device.code", &found.id, &known.id)]).await?;
    let shown: Vec<&str> = [code.get(..4), code.get(4..8), code.get(8..)].into_iter().flatten().collect();
    Ok((shown.join("-"), now + GOOD_FOR))
}

/// Gives a device its credential for a code. A wrong, used or expired code is not signed in; too many of them have to wait.
pub(crate) async fn enter(app: &App, code: &str, peer: IpAddr) -> Result<Entry, Problem> {
    let now = app.now();
    if let Some(wait) = app.failures_code.wait(&peer, now) {
        return Err(Problem::Guessed(wait));
    }
    let refused = || {
        app.failures_code.count(peer, now);
        Problem::NotSignedIn
    };
    let open = app.parts.register.sheet(KIND, &hash_of(&plain(code))).await?;
    let Some(open) = open.filter(|sheet| sheet.state == "open" && sheet.at > now) else { return Err(refused()) };
    let body: Body = serde_json::from_value(open.body.clone()).map_err(|_| Problem::Unavailable)?;
    let maker = Caller::platform(&open.written_by);
    let Ok((found, known)) = one(app, &maker, &body.home, &body.device).await else { return Err(refused()) };
    let Known { record: Some(record), mut file, id, version, .. } = known else { return Err(refused()) };
    if record.retired_at.is_some() {
        return Err(refused());
    }
    let (home, device) = (HomeId::from(body.home.as_str()), DeviceId::from(body.device.as_str()));
    let mut puts = Vec::new();
    revoked(app, &file, &mut puts).await?;
    file.credentials += 1;
    let name = format!("{home}.{device}.{}", file.credentials);
    file.credential = Some(name.clone());
    let password = letters(PASSWORD_LETTERS);
    let rights = if record.kind == "hub" { CredentialRights::Hub { home: home.clone() } } else { CredentialRights::Device { home: home.clone(), device: device.clone() } };
    puts.push(Put::Credential(Credential { name: name.clone(), secret_hash: format!("sha256${}", hash_of(&password)), rights, revoked_at: None }));
    puts.push(sheet(app, &maker, &found, &id, &file, version, "active")?);
    puts.push(Put::Sheet(Sheet { version: open.version + 1, state: "used".to_owned(), written_at: now, ..open }));
    puts.push(audit(app, &maker, "device.entered", &home, &device));
    // whoever comes second finds the sheet changed
    keep(app, puts).await.map_err(|problem| if matches!(problem, Problem::Changed) { refused() } else { problem })?;
    app.failures_code.forget(&peer);
    Ok(Entry { topic: format!("care/v1/{home}/{device}/"), home: body.home, device: body.device, user: name, password })
}
