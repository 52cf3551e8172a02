//! The register: areas, homes, elders, contacts, plans, devices, credentials, people, sessions, audit. It shares the
//! ledger's database. Names, addresses, phone numbers, ID numbers and health notes are sealed at rest (PRV-1).

use crate::ledger::LedgerError;
use crate::ownership::Fence;
use crate::sheet::{Sheet, SheetAsk};
use async_trait::async_trait;
use care::plan::Plan;
use care::{Alarm, Cause, ContactId, DeviceId, ElderId, HomeId, Level, PersonId, SignalKind, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A place in the tree city > town > village > grid. Its id is a path, `350582/meiling/guishan/g03`: a role with an
/// area sees everything whose area starts with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Area {
    /// Path of identifiers, joined by `/`.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// A dwelling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HomeRecord {
    /// Its identifier.
    pub id: HomeId,
    /// Where it lies in the tree.
    pub area: String,
    /// The address as an ambulance needs it. Sealed.
    pub address: String,
    /// Key, door, dog, stairs. Sealed.
    pub access_notes: String,
}

/// A person in our care. The fields of the registration form join them with later migrations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElderRecord {
    /// The identifier.
    pub id: ElderId,
    /// Where the person lives.
    pub home: HomeId,
    /// Name. Sealed.
    pub name: String,
    /// Year of birth, if known.
    pub born_year: Option<i32>,
    /// `female`, `male` or empty.
    pub sex: String,
    /// Phone. Sealed.
    pub phone: String,
    /// Identity card number. Sealed, with a keyed hash for look-up.
    pub id_number: String,
    /// Health notes for responders. Sealed.
    pub health_notes: String,
    /// The policy's tier: `key`, `general` or empty.
    pub tier: String,
    /// How to speak with the person: hearing, dialect. Sealed.
    pub speech_notes: String,
}

/// Somebody who can be called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactRecord {
    /// The identifier.
    pub id: ContactId,
    /// The home for whose alarms this contact stands, or `None` for one shared by many (a liaison, a webhook).
    pub home: Option<HomeId>,
    /// Name. Sealed.
    pub name: String,
    /// What the contact is to the elder: `daughter`, `village_liaison`, `neighbour`, ...
    pub relation: String,
    /// Where the contact is reached, by channel name: phone number, URL, address. Sealed.
    pub addresses: std::collections::BTreeMap<String, String>,
    /// `zh`, `en`, or a dialect pack's name.
    pub language: String,
}

/// Where a plan of action holds. The nearest wins: elder, home, area (longest path), the city.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "id")]
pub enum PlanScope {
    /// One elder; in a home of two it holds for alarms of the home.
    Elder(ElderId),
    /// One home.
    Home(HomeId),
    /// An area by its path.
    Area(String),
    /// Everywhere.
    City,
}

/// A plan of action and where it holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanRecord {
    /// Where.
    pub scope: PlanScope,
    /// For which cause; `None` = every cause without a plan of its own.
    pub cause: Option<Cause>,
    /// For which level; `None` = every level.
    pub level: Option<Level>,
    /// The plan.
    pub plan: Plan,
}

/// A registered device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRecord {
    /// Its home.
    pub home: HomeId,
    /// Its identifier in the home.
    pub id: DeviceId,
    /// `button`, `motion`, `hub`, ...: a free word for the screen.
    pub kind: String,
    /// Its room.
    pub room: String,
    /// True for the door that leads out.
    pub exit_door: bool,
    /// When it was enrolled.
    pub enrolled_at: Timestamp,
    /// When it was retired.
    pub retired_at: Option<Timestamp>,
}

/// What a credential may do at the devices' door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum CredentialRights {
    /// One device of one home.
    Device {
        /// The home.
        home: HomeId,
        /// The device.
        device: DeviceId,
    },
    /// A home's hub: any device of its home, in any language.
    Hub {
        /// The home.
        home: HomeId,
    },
    /// A bridge for listed homes; the entry `*` stands for every home.
    Bridge {
        /// The homes.
        homes: Vec<String>,
    },
}

/// A credential at the devices' door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// The user name.
    pub name: String,
    /// The password's hash (argon2id), or empty if a certificate with this name is needed.
    pub secret_hash: String,
    /// What it may do.
    pub rights: CredentialRights,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Roles at the people's door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Takes alarms.
    Operator,
    /// Operators' lead of a shift.
    ShiftLead,
    /// 联络员.
    VillageLiaison,
    /// 指导员.
    TownGuide,
    /// 督导员.
    CitySupervisor,
    /// 委办局.
    Department,
    /// 服务力量.
    Visitor,
    /// Family, with the elder's consent.
    Family,
    /// First responder.
    Responder,
    /// Kiosk, masked.
    WallBoard,
    /// Everything.
    Administrator,
}

impl Role {
    /// Every role, in the order in which they are offered.
    pub const ALL: [Self; 11] = [
        Self::Operator,
        Self::ShiftLead,
        Self::VillageLiaison,
        Self::TownGuide,
        Self::CitySupervisor,
        Self::Department,
        Self::Visitor,
        Self::Family,
        Self::Responder,
        Self::WallBoard,
        Self::Administrator,
    ];
}

/// Somebody with a sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRecord {
    /// The sign-in name.
    pub id: PersonId,
    /// Display name. Sealed.
    pub name: String,
    /// The role.
    pub role: Role,
    /// The area path it holds in (empty = everywhere).
    pub area: String,
    /// argon2id hash.
    pub password_hash: String,
    /// False once the person has left.
    pub active: bool,
}

/// A session or an API token, known by the SHA-256 of its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Hash of the secret, hex.
    pub hash: String,
    /// Whose.
    pub person: PersonId,
    /// `session` or `api`.
    pub kind: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was last used (to the minute).
    pub used_at: Timestamp,
}

/// A line of the audit chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLine {
    /// Its place.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: String,
    /// What.
    pub action: String,
    /// To what.
    pub subject: String,
    /// SHA-256 over the line and the hash of the one before, hex.
    pub hash: String,
}

/// Which lines of the audit are asked for, newest first. What is left out does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditAsk {
    /// Older than this line.
    pub before: Option<u64>,
    /// By exactly this one.
    pub who: Option<String>,
    /// Actions that start with one of these; empty: every action.
    pub actions: Vec<String>,
    /// To exactly this, or to a part of it (`e1` finds `e1/phone/call`).
    pub subject: Option<String>,
    /// At this instant or later.
    pub from: Option<Timestamp>,
    /// Before this instant.
    pub to: Option<Timestamp>,
}

impl AuditAsk {
    /// True if this line is asked for.
    pub fn wants(&self, line: &AuditLine) -> bool {
        let part = |of: &str| line.subject.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.before.is_none_or(|before| line.seq < before)
            && self.who.as_ref().is_none_or(|who| line.who == *who)
            && (self.actions.is_empty() || self.actions.iter().any(|action| line.action.starts_with(action.as_str())))
            && self.subject.as_ref().is_none_or(|subject| part(subject))
            && self.from.is_none_or(|from| line.at >= from)
            && self.to.is_none_or(|to| line.at < to)
    }
}

/// A device that spoke without being registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownDevice {
    /// Its home.
    pub home: HomeId,
    /// Its name in the topic.
    pub device: DeviceId,
    /// First time.
    pub first_at: Timestamp,
    /// Last time.
    pub last_at: Timestamp,
    /// How often.
    pub count: u64,
}

/// A kind of signal and the devices of a home, to tell the exit door and unknown devices apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HomeDevices {
    /// Device, kind word, room, is exit door.
    pub devices: Vec<DeviceRecord>,
    /// Generic buttons declared to be call buttons (signal kind as heard).
    pub call_buttons: Vec<(DeviceId, SignalKind)>,
}

/// The plan of action that is nearest to a home: an elder who lives there, the home, then the longest area path, then the city; within a scope the
/// cause's own before the one for every cause, then the level's own before the one for every level.
pub fn nearest<'a>(
    plans: impl IntoIterator<Item = &'a PlanRecord>,
    home: &HomeId,
    elders: &[ElderId],
    area: Option<&str>,
    cause: &Cause,
    level: Level,
) -> Option<&'a PlanRecord> {
    let rank = |plan: &PlanRecord| {
        let scope = match &plan.scope {
            PlanScope::Elder(id) if elders.contains(id) => usize::MAX,
            PlanScope::Home(id) if id == home => usize::MAX - 1,
            PlanScope::Area(path) if area.is_some_and(|a| within(a, path)) => path.len().saturating_add(1),
            PlanScope::City => 0,
            PlanScope::Elder(_) | PlanScope::Home(_) | PlanScope::Area(_) => return None,
        };
        if plan.cause.as_ref().is_some_and(|c| c != cause) || plan.level.is_some_and(|l| l != level) {
            return None;
        }
        Some((scope, plan.cause.is_some(), plan.level.is_some()))
    };
    plans.into_iter().filter_map(|plan| Some((rank(plan)?, plan))).max_by_key(|(rank, _)| *rank).map(|(_, plan)| plan)
}

pub use care::area::within;

/// The hash of an audit line, given the hash of the line before (empty for the first): SHA-256 over all parts, each
/// with its length, as hex. `line.hash` is not looked at.
pub fn audit_hash(before: &str, line: &AuditLine) -> String {
    let mut hash = Sha256::new();
    let at = line.at.timestamp_nanos_opt().unwrap_or(i64::MAX);
    for part in [before.as_bytes(), &line.seq.to_be_bytes(), &at.to_be_bytes(), line.who.as_bytes(), line.action.as_bytes(), line.subject.as_bytes()]
    {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

/// The port.
#[async_trait]
pub trait Register: Send + Sync {
    /// Adds or changes areas, homes, elders, contacts, plans, devices, credentials, people: all or nothing.
    async fn put(&self, entries: Vec<Put>) -> Result<(), LedgerError>;
    /// All areas.
    async fn areas(&self) -> Result<Vec<Area>, LedgerError>;
    /// A home.
    async fn home(&self, id: &HomeId) -> Result<Option<HomeRecord>, LedgerError>;
    /// The identifiers of all homes, sorted, after `after`, at most `max` (1 to 10,000).
    async fn homes(&self, after: Option<&HomeId>, max: usize) -> Result<Vec<HomeId>, LedgerError>;
    /// The elders of a home.
    async fn elders_of(&self, home: &HomeId) -> Result<Vec<ElderRecord>, LedgerError>;
    /// Only their identifiers: what the alarm path needs.
    async fn elder_ids_of(&self, home: &HomeId) -> Result<Vec<ElderId>, LedgerError>;
    /// The contacts of a home, and those shared by all.
    async fn contacts_of(&self, home: &HomeId) -> Result<Vec<ContactRecord>, LedgerError>;
    /// One contact.
    async fn contact(&self, id: &ContactId) -> Result<Option<ContactRecord>, LedgerError>;
    /// All plans.
    async fn plans(&self) -> Result<Vec<PlanRecord>, LedgerError>;
    /// The devices of a home.
    async fn devices_of(&self, home: &HomeId) -> Result<Vec<DeviceRecord>, LedgerError>;
    /// A credential by name.
    async fn credential(&self, name: &str) -> Result<Option<Credential>, LedgerError>;
    /// Somebody with a sign-in.
    async fn person(&self, id: &PersonId) -> Result<Option<PersonRecord>, LedgerError>;
    /// Everybody with a sign-in.
    async fn people(&self) -> Result<Vec<PersonRecord>, LedgerError>;
    /// A token by the hash of its secret.
    async fn token(&self, hash: &str) -> Result<Option<Token>, LedgerError>;
    /// Sessions and API tokens that have not been ended, of somebody or of everybody, latest use first, at most `max`.
    /// Some may be past their time.
    async fn tokens(&self, person: Option<&PersonId>, max: usize) -> Result<Vec<Token>, LedgerError>;
    /// Devices that spoke without being registered, latest first, at most `max`.
    async fn unknown_devices(&self, max: usize) -> Result<Vec<UnknownDevice>, LedgerError>;
    /// The latest quarantined messages, at most `max`.
    async fn quarantined(&self, max: usize) -> Result<Vec<crate::ledger::Quarantined>, LedgerError>;
    /// The alarms of a home, newest first, at most `max`: for who looks back, not for the alarm path.
    async fn alarms_of(&self, home: &HomeId, max: usize) -> Result<Vec<Alarm>, LedgerError>;
    /// Audit lines after `seq`, at most `max`.
    async fn audit(&self, after: u64, max: usize) -> Result<Vec<AuditLine>, LedgerError>;
    /// The audit lines that are asked for, newest first, at most `max`.
    async fn audit_latest(&self, ask: &AuditAsk, max: usize) -> Result<Vec<AuditLine>, LedgerError>;
    /// Checks the whole audit chain: the first broken line, if any.
    async fn verify_audit(&self) -> Result<Option<u64>, LedgerError>;
    /// The newest version of a sheet.
    async fn sheet(&self, kind: &str, id: &str) -> Result<Option<Sheet>, LedgerError>;
    /// Every version of a sheet, oldest first.
    async fn sheet_versions(&self, kind: &str, id: &str) -> Result<Vec<Sheet>, LedgerError>;
    /// The newest versions that are asked for, in the order of (`at`, `id`).
    async fn sheets(&self, ask: &SheetAsk) -> Result<Vec<Sheet>, LedgerError>;
    /// Every version written after `seq`, in the order of writing, at most `max` (1 to 10,000), each with its own `seq`:
    /// for whoever keeps a picture of them in memory. What was erased is not told.
    async fn sheets_since(&self, seq: u64, max: usize) -> Result<Vec<(u64, Sheet)>, LedgerError>;
}

/// An entry to add or change in the register.
#[derive(Debug, Clone)]
pub enum Put {
    /// Everything beside it is written only while this is the newest epoch of its shard; otherwise [`LedgerError::Fenced`].
    Fence(Fence),
    /// An area.
    Area(Area),
    /// A home.
    Home(HomeRecord),
    /// An elder.
    Elder(ElderRecord),
    /// A contact.
    Contact(ContactRecord),
    /// A plan, replacing the one of the same scope, cause and level.
    Plan(PlanRecord),
    /// Ends the plan of this scope, cause and level: the next nearest holds from now on.
    EndPlan {
        /// Where it held.
        scope: PlanScope,
        /// For which cause.
        cause: Option<Cause>,
        /// For which level.
        level: Option<Level>,
    },
    /// A device.
    Device(DeviceRecord),
    /// A credential.
    Credential(Credential),
    /// A person.
    Person(PersonRecord),
    /// A token.
    Token(Token),
    /// Ends a token, by its hash.
    EndToken(String),
    /// A version of a sheet: 1 makes it, n + 1 replaces n, anything else is a conflict.
    Sheet(Sheet),
    /// Takes away every version of a sheet.
    EraseSheet {
        /// Its kind.
        kind: String,
        /// Its identifier.
        id: String,
    },
    /// An audit line beside the change.
    Audit {
        /// When.
        at: Timestamp,
        /// Who.
        who: String,
        /// What.
        action: String,
        /// To what.
        subject: String,
    },
}
