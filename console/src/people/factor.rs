//! The second factor: a code by the clock ([`super::totp`]), or one of the recovery codes that are handed out once.
//! It is a sheet of its own, sealed at rest: `pending` while its first code is awaited, then `on`.

use super::totp;
use super::said;
use crate::app::App;
use crate::caller::{Caller, hash_of};
use crate::problem::Problem;
use care::{PersonId, Timestamp};
use serde::{Deserialize, Serialize};
use store::LedgerError;
use store::register::{Put, Role};
use store::sheet::Sheet;

/// The kind of the sheets.
pub(crate) const KIND: &str = "second_factor";
/// Recovery codes that are handed out together.
const RECOVERY_CODES: usize = 8;
/// Bytes of a recovery code: 50 bits, too many to guess at five tries in a quarter of an hour.
const RECOVERY_BYTES: usize = 7;
const RECOVERY_CHARS: usize = 10;

/// Who has to show a second factor at the sign-in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondFactor {
    /// Whoever has set one up.
    #[default]
    Optional,
    /// Administrators, and whoever has set one up. An administrator without one can do nothing but set one up.
    Administrators,
    /// Everybody.
    Everybody,
}

impl SecondFactor {
    /// True if a role has to have one. A wall board has nobody who could type a code.
    pub(crate) fn asked_of(self, role: Role) -> bool {
        match self {
            Self::Optional => false,
            Self::Administrators => role == Role::Administrator,
            Self::Everybody => role != Role::WallBoard,
        }
    }
}

/// What is kept of somebody's second factor.
#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    /// In base 32.
    secret: String,
    /// The last step whose code was used.
    last_step: i64,
    /// SHA-256 of the recovery codes that are left, hex.
    recovery: Vec<String>,
}

/// How far somebody's second factor is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// There is none.
    Off,
    /// A secret is made, and its first code awaited.
    Pending {
        /// The secret in base 32.
        secret: String,
    },
    /// It is asked for at every sign-in.
    On {
        /// Recovery codes that are left.
        recovery_left: usize,
    },
}

async fn kept(app: &App, person: &PersonId) -> Result<Option<(Sheet, Kept)>, Problem> {
    let Some(sheet) = app.parts.register.sheet(KIND, person.as_str()).await? else { return Ok(None) };
    let kept = serde_json::from_value(sheet.body.clone()).map_err(|error| {
        tracing::error!(%error, "a second factor could not be read");
        Problem::Unavailable
    })?;
    Ok(Some((sheet, kept)))
}

fn sheet(person: &PersonId, version: u32, state: &str, kept: &Kept, now: Timestamp) -> Result<Put, Problem> {
    let body = serde_json::to_value(kept).map_err(|_| Problem::Unavailable)?;
    Ok(Put::Sheet(Sheet {
        kind: KIND.to_owned(),
        id: person.as_str().to_owned(),
        version,
        area: String::new(),
        home: None,
        elder: None,
        at: now,
        state: state.to_owned(),
        body,
        written_at: now,
        written_by: person.as_str().to_owned(),
    }))
}

/// How far somebody's second factor is.
pub(crate) async fn standing(app: &App, person: &PersonId) -> Result<Standing, Problem> {
    Ok(match kept(app, person).await? {
        None => Standing::Off,
        Some((sheet, kept)) if sheet.state == "pending" => Standing::Pending { secret: kept.secret },
        Some((_, kept)) => Standing::On { recovery_left: kept.recovery.len() },
    })
}

/// True if a second factor is asked of somebody at the sign-in.
pub(crate) async fn on(app: &App, person: &PersonId) -> Result<bool, Problem> {
    Ok(matches!(standing(app, person).await?, Standing::On { .. }))
}

/// Makes a new secret for the caller, who has none that is on; gives it in base 32.
pub(crate) async fn begin(app: &App, caller: &Caller) -> Result<String, Problem> {
    if on(app, &caller.person).await? {
        return Err(Problem::Invalid { field: "second_factor", what: |w| w.invalid_factor_on });
    }
    let secret = totp::base32(&rand::random::<[u8; totp::SECRET_BYTES]>());
    let fresh = Kept { secret: secret.clone(), last_step: 0, recovery: Vec::new() };
    let erase = Put::EraseSheet { kind: KIND.to_owned(), id: caller.person.as_str().to_owned() };
    app.parts.register.put(vec![erase, sheet(&caller.person, 1, "pending", &fresh, app.now())?]).await?;
    Ok(secret)
}

/// Turns the caller's second factor on by its first code; gives the recovery codes, which are shown this once.
pub(crate) async fn confirm(app: &App, caller: &Caller, code: &str) -> Result<Vec<String>, Problem> {
    let wrong = Problem::Invalid { field: "code", what: |w| w.invalid_code };
    let Some((was, mut kept)) = kept(app, &caller.person).await?.filter(|(sheet, _)| sheet.state == "pending") else { return Err(wrong) };
    super::half::may_try(app, &caller.person)?;
    let step = totp::from_base32(&kept.secret).and_then(|secret| totp::step_of(&secret, code, app.now(), kept.last_step));
    let Some(step) = step else {
        app.failures_code.count(caller.person.as_str().to_owned(), app.now());
        return Err(wrong);
    };
    let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| recovery_code()).collect();
    kept.last_step = step;
    kept.recovery = codes.iter().map(|code| hash_of(code)).collect();
    let on = sheet(&caller.person, was.version + 1, "on", &kept, app.now())?;
    let audit = said(app, caller, "second_factor.on", caller.person.as_str());
    app.parts.register.put(vec![on, audit]).await.map_err(changed)?;
    app.failures_code.forget(&caller.person.as_str().to_owned());
    Ok(codes)
}

fn recovery_code() -> String {
    totp::base32(&rand::random::<[u8; RECOVERY_BYTES]>()).to_ascii_lowercase().chars().take(RECOVERY_CHARS).collect()
}

fn changed(error: LedgerError) -> Problem {
    match error {
        LedgerError::Conflict => Problem::Changed,
        error @ (LedgerError::Fenced | LedgerError::DiskFull | LedgerError::Failed(_)) => error.into(),
    }
}

/// True if a code is right for somebody; it is used up by that. Of two who use the same code at once, one gets in.
pub(crate) async fn check(app: &App, person: &PersonId, code: &str) -> Result<bool, Problem> {
    let Some((was, mut kept)) = kept(app, person).await?.filter(|(sheet, _)| sheet.state == "on") else { return Ok(false) };
    let now = app.now();
    let mut puts = Vec::new();
    let step = totp::from_base32(&kept.secret).and_then(|secret| totp::step_of(&secret, code, now, kept.last_step));
    if let Some(step) = step {
        kept.last_step = step;
    } else {
        let typed: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
        let hash = hash_of(&typed.to_ascii_lowercase());
        let Some(at) = kept.recovery.iter().position(|left| *left == hash) else { return Ok(false) };
        kept.recovery.remove(at);
        let who = person.as_str().to_owned();
        puts.push(Put::Audit { at: now, who: who.clone(), action: "second_factor.recovery_code".to_owned(), subject: who });
    }
    puts.push(sheet(person, was.version + 1, "on", &kept, now)?);
    match app.parts.register.put(puts).await {
        Ok(()) => Ok(true),
        Err(LedgerError::Conflict) => Ok(false),
        Err(error @ (LedgerError::Fenced | LedgerError::DiskFull | LedgerError::Failed(_))) => Err(error.into()),
    }
}

/// Takes somebody's second factor away: their own with a code of it, another's by who keeps the people.
pub(crate) async fn remove(app: &App, caller: &Caller, person: &PersonId) -> Result<(), Problem> {
    let erase = Put::EraseSheet { kind: KIND.to_owned(), id: person.as_str().to_owned() };
    app.parts.register.put(vec![erase, said(app, caller, "second_factor.off", person.as_str())]).await?;
    Ok(())
}
