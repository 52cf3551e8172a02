//! Who is asking: sessions by cookie, programs by token, and what each role may do.

use crate::app::App;
use crate::problem::Problem;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use care::alarm::Claimant;
use care::{PersonId, TimeDelta, Timestamp};
use sha2::{Digest, Sha256};
use store::register::{Put, Role, Token, within};

/// What a route asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Nothing: sign-in, assets.
    Nothing,
    /// Nothing of the caller: the request itself is signed, and the handler looks.
    Signed,
    /// Nothing on loopback, a sign-in elsewhere: probes.
    Loopback,
    /// A sign-in of any role.
    SignedIn,
    /// To see alarms and homes.
    See,
    /// To see figures without anybody's name: the wall board.
    Wall,
    /// To take alarms and to reveal what is masked.
    Act,
    /// To change plans of action, rotas and daily calls.
    Plan,
    /// To say who may sign in, and as what.
    People,
    /// To see what an elder shares with the family.
    Family,
    /// To read the audit.
    Audit,
    /// To see the elders one visits, and to write visits.
    Visit,
    /// To keep the office's registers.
    Office,
    /// To see over others' work: spot checks, copies, holds.
    Supervise,
    /// To decide for the city: closing months, erasing.
    City,
    /// To work on referrals: the office, and departments on their own.
    Refer,
}

impl Need {
    /// True if a role fulfils it. The two needs without a sign-in are fulfilled by everybody.
    pub fn met_by(self, role: Role) -> bool {
        match self {
            Self::Nothing | Self::Signed | Self::Loopback | Self::SignedIn => true,
            Self::See => match role {
                Role::Operator
                | Role::ShiftLead
                | Role::VillageLiaison
                | Role::TownGuide
                | Role::CitySupervisor
                | Role::Responder
                | Role::Administrator => true,
                Role::Department | Role::Visitor | Role::Family | Role::WallBoard => false,
            },
            Self::Act => store::shift::is_at_the_desk(role),
            Self::Visit => match role {
                Role::Operator
                | Role::ShiftLead
                | Role::VillageLiaison
                | Role::TownGuide
                | Role::CitySupervisor
                | Role::Visitor
                | Role::Administrator => true,
                Role::Department | Role::Family | Role::Responder | Role::WallBoard => false,
            },
            Self::Office => match role {
                Role::VillageLiaison | Role::TownGuide | Role::CitySupervisor | Role::Administrator => true,
                Role::Operator
                | Role::ShiftLead
                | Role::Department
                | Role::Visitor
                | Role::Family
                | Role::Responder
                | Role::WallBoard => false,
            },
            Self::Wall => Self::See.met_by(role) || role == Role::WallBoard,
            Self::People => role == Role::Administrator,
            Self::Family => role == Role::Family,
            Self::Supervise => Self::Office.met_by(role) && role != Role::VillageLiaison,
            Self::City => Self::Supervise.met_by(role) && role != Role::TownGuide,
            Self::Refer => Self::Office.met_by(role) || role == Role::Department,
            Self::Audit | Self::Plan => match role {
                Role::ShiftLead | Role::CitySupervisor | Role::Administrator => true,
                Role::Operator
                | Role::VillageLiaison
                | Role::TownGuide
                | Role::Department
                | Role::Visitor
                | Role::Family
                | Role::Responder
                | Role::WallBoard => false,
            },
        }
    }
}

/// How the caller proved who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// A browser's session that a password began.
    Cookie,
    /// A browser's session that the city's identity provider began: a second factor is the provider's to ask for.
    Provider,
    /// A token in the Authorization header.
    Bearer,
}

impl By {
    /// True for a session in a cookie.
    pub(crate) fn is_browser(self) -> bool {
        match self {
            Self::Cookie | Self::Provider => true,
            Self::Bearer => false,
        }
    }
}

/// Somebody signed in.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) person: PersonId,
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) area: String,
    pub(crate) by: By,
    pub(crate) token: String,
}

impl Caller {
    /// The platform, which carries out what somebody has begun: it sees everything, and the audit names who began it.
    pub(crate) fn platform(person: &str) -> Self {
        Self { person: PersonId::from(person), name: String::new(), role: Role::Administrator, area: String::new(), by: By::Bearer, token: String::new() }
    }

    /// As the claimant of an alarm.
    pub(crate) fn claimant(&self) -> Claimant {
        Claimant::Person(self.person.clone())
    }

    pub(crate) fn sees_everything(&self) -> bool {
        self.area.is_empty()
    }

    pub(crate) fn sees_area(&self, area: &str) -> bool {
        within(area, &self.area)
    }

    pub(crate) fn acts(&self) -> bool {
        Need::Act.met_by(self.role)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or(Problem::NotSignedIn)
    }
}

/// The kind of a token that lives in a browser's cookie.
pub const SESSION: &str = "session";
/// The kind of a browser's token that the identity provider began.
pub(crate) const PROVIDED: &str = "provided";
/// The kind of a token for programs.
pub const API: &str = "api";

/// A new token: the secret, which is handed out once, and the record, which is kept.
pub fn new_token(person: &PersonId, kind: &str, now: Timestamp, lifetime: TimeDelta) -> (String, Token) {
    let secret = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
    let token = Token {
        hash: hash_of(&secret),
        person: person.clone(),
        kind: kind.to_owned(),
        created_at: now,
        expires_at: now + lifetime,
        used_at: now,
    };
    (secret, token)
}

/// The name under which the register keeps a token: SHA-256 of its secret, hex.
pub fn hash_of(secret: &str) -> String {
    Sha256::digest(secret.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}

/// The name of the session's cookie.
pub(crate) fn cookie_name(app: &App) -> &'static str {
    if app.secure() { "__Host-hearthline" } else { "hearthline" }
}

/// A cookie's value.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// Longest secret that is looked up, bytes.
const SECRET_BYTES_MAX: usize = 256;

/// Who is asking, if a valid session or token says so. A bearer token goes before a cookie.
pub(crate) async fn recognise(app: &App, headers: &HeaderMap) -> Result<Option<Caller>, Problem> {
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, secret)| secret.trim());
    let (secret, by) = match (headers.contains_key(header::AUTHORIZATION), bearer, cookie(headers, cookie_name(app))) {
        (true, Some(secret), _) => (secret, By::Bearer),
        (true, None, _) => return Ok(None),
        (false, _, Some(secret)) => (secret, By::Cookie),
        (false, _, None) => return Ok(None),
    };
    if secret.is_empty() || secret.len() > SECRET_BYTES_MAX {
        return Ok(None);
    }
    by_hash(app, &hash_of(secret), by).await
}

/// Who a token belongs to, if it is valid now; notes its use.
pub(crate) async fn by_hash(app: &App, hash: &str, by: By) -> Result<Option<Caller>, Problem> {
    if app.has_ended(hash) {
        return Ok(None);
    }
    let Some(mut token) = app.parts.register.token(hash).await? else { return Ok(None) };
    let now = app.now();
    let by = match (by, token.kind.as_str()) {
        (By::Cookie | By::Provider, SESSION) => By::Cookie,
        (By::Cookie | By::Provider, PROVIDED) => By::Provider,
        (By::Bearer, API) => By::Bearer,
        (By::Cookie | By::Provider | By::Bearer, _) => return Ok(None),
    };
    let idle = by.is_browser() && now - token.used_at >= app.settings.session_idle;
    if token.expires_at <= now || idle {
        return Ok(None);
    }
    let Some(person) = app.parts.register.person(&token.person).await?.filter(|p| p.active) else { return Ok(None) };
    if now - token.used_at >= TimeDelta::minutes(1) {
        token.used_at = now;
        // A use that cannot be noted must not lock people out while the disk is full.
        if let Err(error) = app.parts.register.put(vec![Put::Token(token)]).await {
            tracing::warn!(%error, "the use of a token could not be noted");
        }
    }
    Ok(Some(Caller { person: person.id, name: person.name, role: person.role, area: person.area, by, token: hash.to_owned() }))
}

/// True if a request that changes something was made by a page of this console. Browsers say so by `Sec-Fetch-Site`
/// (over TLS and on loopback) and by `Origin` (with every POST); a request with neither is not from a browser that can
/// be trusted with a cookie.
pub(crate) fn same_site(app: &App, method: &Method, headers: &HeaderMap) -> bool {
    if method.is_safe() {
        return true;
    }
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return site == "same-origin";
    }
    let Some(origin) = text("origin") else { return false };
    let scheme = if app.secure() { "https://" } else { "http://" };
    let own = text("host").is_some_and(|host| origin.strip_prefix(scheme) == Some(host));
    own || app.settings.origins.iter().any(|o| o == origin)
}
