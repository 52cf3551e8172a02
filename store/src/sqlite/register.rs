//! The register on SQLite. Who a person is, where they live and how they are reached is sealed.

use super::apply::{Failure, audit, check_fence, from_word, quarantine_row, word};
use super::files::{instant, nanos, to_i64};
use super::ledger::SqliteLedger;
use super::ledger_writer::Work;
use super::read::{alarm, limit, plan, row, rows, to_u64, unseal};
use super::seal::{Keys, Place};
use crate::ledger::{LedgerError, Quarantined};
use crate::register::{
    Area, AuditAsk, AuditLine, ContactRecord, Credential, DeviceRecord, ElderRecord, HomeRecord, PersonRecord, PlanRecord, PlanScope, Put, Register, Token,
    UnknownDevice, audit_hash,
};
use crate::sheet::{PAGE_MAX, Sheet, SheetAsk};
use async_trait::async_trait;
use care::{Alarm, Cause, ContactId, DeviceId, ElderId, HomeId, PersonId};
use rusqlite::{Connection, Row, params};

/// How the table names a scope.
fn place_of(scope: &PlanScope) -> (&'static str, &str) {
    match scope {
        PlanScope::Elder(elder) => ("elder", elder.as_str()),
        PlanScope::Home(home) => ("home", home.as_str()),
        PlanScope::Area(path) => ("area", path.as_str()),
        PlanScope::City => ("city", ""),
    }
}

/// Audit lines checked in one question.
const VERIFY_PAGE: usize = 10_000;

/// Writes one entry.
pub(super) fn put(db: &Connection, keys: &Keys, entry: &Put) -> Result<(), Failure> {
    match entry {
        Put::Fence(fence) => check_fence(db, fence)?,
        Put::Area(Area { id, name }) => {
            let mut upsert = db.prepare_cached("INSERT INTO area (id, name) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET name = excluded.name")?;
            upsert.execute([id, name])?;
        }
        Put::Home(home) => {
            let seal = |column, text: &str| keys.seal(Place { column, row: home.id.as_str() }, text.as_bytes());
            let mut upsert = db.prepare_cached(
                "INSERT INTO home (id, area, address, access_notes) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET area = excluded.area, address = excluded.address, access_notes = excluded.access_notes",
            )?;
            upsert.execute(params![
                home.id.as_str(),
                home.area,
                seal("home.address", &home.address)?,
                seal("home.access_notes", &home.access_notes)?
            ])?;
        }
        Put::Elder(elder) => put_elder(db, keys, elder)?,
        Put::Contact(contact) => {
            let seal = |column, text: &str| keys.seal(Place { column, row: contact.id.as_str() }, text.as_bytes());
            let mut upsert = db.prepare_cached(
                "INSERT INTO contact (id, home, name, relation, addresses, language) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO UPDATE SET home = excluded.home, name = excluded.name, relation = excluded.relation,
                    addresses = excluded.addresses, language = excluded.language",
            )?;
            upsert.execute(params![
                contact.id.as_str(),
                contact.home.as_ref().map(HomeId::as_str),
                seal("contact.name", &contact.name)?,
                contact.relation,
                seal("contact.addresses", &serde_json::to_string(&contact.addresses)?)?,
                contact.language
            ])?;
        }
        Put::Plan(PlanRecord { scope, cause, level, plan }) => {
            let (kind, id) = place_of(scope);
            let mut upsert = db.prepare_cached(
                "INSERT INTO plan (scope_kind, scope_id, cause, level, body) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET body = excluded.body",
            )?;
            let level = level.as_ref().map(word).transpose()?;
            upsert.execute(params![
                kind,
                id,
                cause.as_ref().map(Cause::name).unwrap_or_default(),
                level.unwrap_or_default(),
                serde_json::to_string(plan)?
            ])?;
        }
        Put::EndPlan { scope, cause, level } => {
            let (kind, id) = place_of(scope);
            let level = level.as_ref().map(word).transpose()?;
            let mut delete = db.prepare_cached("DELETE FROM plan WHERE scope_kind = ?1 AND scope_id = ?2 AND cause = ?3 AND level = ?4")?;
            delete.execute(params![kind, id, cause.as_ref().map(Cause::name).unwrap_or_default(), level.unwrap_or_default()])?;
        }
        Put::Device(device) => {
            let mut upsert = db.prepare_cached(
                "INSERT INTO device (home, id, kind, room, exit_door, enrolled_at, retired_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT DO UPDATE SET kind = excluded.kind, room = excluded.room, exit_door = excluded.exit_door,
                    enrolled_at = excluded.enrolled_at, retired_at = excluded.retired_at",
            )?;
            upsert.execute(params![
                device.home.as_str(),
                device.id.as_str(),
                device.kind,
                device.room,
                device.exit_door,
                nanos(device.enrolled_at),
                device.retired_at.map(nanos)
            ])?;
            let mut delete = db.prepare_cached("DELETE FROM unknown_device WHERE home = ?1 AND device = ?2")?;
            delete.execute([device.home.as_str(), device.id.as_str()])?;
        }
        Put::Credential(credential) => {
            let mut upsert = db.prepare_cached(
                "INSERT INTO credential (name, secret_hash, rights, revoked_at) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET secret_hash = excluded.secret_hash, rights = excluded.rights, revoked_at = excluded.revoked_at",
            )?;
            let rights = serde_json::to_string(&credential.rights)?;
            upsert.execute(params![credential.name, credential.secret_hash, rights, credential.revoked_at.map(nanos)])?;
        }
        Put::Person(person) => {
            let name = keys.seal(Place { column: "person.name", row: person.id.as_str() }, person.name.as_bytes())?;
            let mut upsert = db.prepare_cached(
                "INSERT INTO person (id, name, role, area, password_hash, active) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO UPDATE SET name = excluded.name, role = excluded.role, area = excluded.area,
                    password_hash = excluded.password_hash, active = excluded.active",
            )?;
            upsert.execute(params![person.id.as_str(), name, word(&person.role)?, person.area, person.password_hash, person.active])?;
        }
        Put::Token(token) => {
            let mut upsert = db.prepare_cached(
                "INSERT INTO token (hash, person, kind, created_at, expires_at, used_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO UPDATE SET person = excluded.person, kind = excluded.kind, created_at = excluded.created_at,
                    expires_at = excluded.expires_at, used_at = excluded.used_at",
            )?;
            upsert.execute(params![
                token.hash,
                token.person.as_str(),
                token.kind,
                nanos(token.created_at),
                nanos(token.expires_at),
                nanos(token.used_at)
            ])?;
        }
        Put::EndToken(hash) => {
            db.prepare_cached("DELETE FROM token WHERE hash = ?1")?.execute([hash])?;
        }
        Put::Sheet(sheet) => super::sheet::put(db, keys, sheet)?,
        Put::EraseSheet { kind, id } => super::sheet::erase(db, kind, id)?,
        Put::Audit { at, who, action, subject } => audit(db, *at, who, action, subject)?,
    }
    Ok(())
}

fn put_elder(db: &Connection, keys: &Keys, elder: &ElderRecord) -> Result<(), Failure> {
    let seal = |column, text: &str| keys.seal(Place { column, row: elder.id.as_str() }, text.as_bytes());
    let hash = (!elder.id_number.is_empty()).then(|| keys.lookup("elder.id_number", &elder.id_number));
    let mut upsert = db.prepare_cached(
        "INSERT INTO elder (id, home, name, born_year, sex, phone, id_number, id_number_hash, health_notes, tier, speech_notes)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT DO UPDATE SET home = excluded.home, name = excluded.name, born_year = excluded.born_year, sex = excluded.sex,
            phone = excluded.phone, id_number = excluded.id_number, id_number_hash = excluded.id_number_hash,
            health_notes = excluded.health_notes, tier = excluded.tier, speech_notes = excluded.speech_notes",
    )?;
    upsert.execute(params![
        elder.id.as_str(),
        elder.home.as_str(),
        seal("elder.name", &elder.name)?,
        elder.born_year,
        elder.sex,
        seal("elder.phone", &elder.phone)?,
        seal("elder.id_number", &elder.id_number)?,
        hash,
        seal("elder.health_notes", &elder.health_notes)?,
        elder.tier,
        seal("elder.speech_notes", &elder.speech_notes)?
    ])?;
    Ok(())
}

/// A sealed column of a row, as text.
fn sealed(keys: &Keys, r: &Row<'_>, i: usize, column: &'static str, id: &str) -> Result<String, LedgerError> {
    unseal(keys, column, id, r.get_ref(i)?.as_blob().unwrap_or_default())
}

pub(super) const ELDER: &str = "SELECT id, home, name, born_year, sex, phone, id_number, health_notes, tier, speech_notes FROM elder";

pub(super) fn elder(keys: &Keys, r: &Row<'_>) -> Result<ElderRecord, LedgerError> {
    let id: String = r.get(0)?;
    Ok(ElderRecord {
        home: HomeId::new(r.get::<_, String>(1)?),
        name: sealed(keys, r, 2, "elder.name", &id)?,
        born_year: r.get(3)?,
        sex: r.get(4)?,
        phone: sealed(keys, r, 5, "elder.phone", &id)?,
        id_number: sealed(keys, r, 6, "elder.id_number", &id)?,
        health_notes: sealed(keys, r, 7, "elder.health_notes", &id)?,
        tier: r.get(8)?,
        speech_notes: sealed(keys, r, 9, "elder.speech_notes", &id)?,
        id: ElderId::new(id),
    })
}

const CONTACT: &str = "SELECT id, home, name, relation, addresses, language FROM contact";

fn contact(keys: &Keys, r: &Row<'_>) -> Result<ContactRecord, LedgerError> {
    let id: String = r.get(0)?;
    Ok(ContactRecord {
        home: r.get::<_, Option<String>>(1)?.map(HomeId::new),
        name: sealed(keys, r, 2, "contact.name", &id)?,
        relation: r.get(3)?,
        addresses: serde_json::from_str(&sealed(keys, r, 4, "contact.addresses", &id)?)?,
        language: r.get(5)?,
        id: ContactId::new(id),
    })
}

const PERSON: &str = "SELECT id, name, role, area, password_hash, active FROM person";

fn person(keys: &Keys, r: &Row<'_>) -> Result<PersonRecord, LedgerError> {
    let id: String = r.get(0)?;
    Ok(PersonRecord {
        name: sealed(keys, r, 1, "person.name", &id)?,
        role: from_word(&r.get::<_, String>(2)?)?,
        area: r.get(3)?,
        password_hash: r.get(4)?,
        active: r.get(5)?,
        id: PersonId::new(id),
    })
}

fn audit_line(r: &Row<'_>) -> Result<AuditLine, LedgerError> {
    Ok(AuditLine { seq: to_u64(r.get(0)?), at: instant(r.get(1)?), who: r.get(2)?, action: r.get(3)?, subject: r.get(4)?, hash: r.get(5)? })
}

/// The audit by [`AuditAsk`]: every part of the question is a parameter, and null or empty means that it does not matter.
const AUDIT_LATEST: &str = "SELECT seq, at, who, action, subject, hash FROM audit
    WHERE seq < ?1 AND at >= ?2 AND at < ?3 AND (?4 IS NULL OR who = ?4)
        AND (json_array_length(?5) = 0 OR EXISTS (SELECT 1 FROM json_each(?5) WHERE substr(action, 1, length(value)) = value))
        AND (?6 IS NULL OR subject = ?6 OR substr(subject, 1, length(?6) + 1) = ?6 || '/')
    ORDER BY seq DESC LIMIT ?7";

fn audit_latest(db: &Connection, ask: &AuditAsk, max: usize) -> Result<Vec<AuditLine>, LedgerError> {
    let actions = serde_json::to_string(&ask.actions)?;
    let (before, from, to) = (ask.before.map_or(i64::MAX, to_i64), ask.from.map_or(i64::MIN, nanos), ask.to.map_or(i64::MAX, nanos));
    rows(db, AUDIT_LATEST, params![before, from, to, ask.who, actions, ask.subject, limit(max)], audit_line)
}

const TOKEN: &str = "SELECT hash, person, kind, created_at, expires_at, used_at FROM token";

fn token(r: &Row<'_>) -> Result<Token, LedgerError> {
    Ok(Token {
        hash: r.get(0)?,
        person: PersonId::new(r.get::<_, String>(1)?),
        kind: r.get(2)?,
        created_at: instant(r.get(3)?),
        expires_at: instant(r.get(4)?),
        used_at: instant(r.get(5)?),
    })
}

fn audit_after(db: &Connection, after: u64, max: usize) -> Result<Vec<AuditLine>, LedgerError> {
    let sql = "SELECT seq, at, who, action, subject, hash FROM audit WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    rows(db, sql, params![to_i64(after), limit(max)], audit_line)
}

#[async_trait]
impl Register for SqliteLedger {
    async fn put(&self, entries: Vec<Put>) -> Result<(), LedgerError> {
        self.write(Work::Put(entries)).await.map(|_| ())
    }

    async fn areas(&self) -> Result<Vec<Area>, LedgerError> {
        self.ask(|db, _| rows(db, "SELECT id, name FROM area ORDER BY id", [], |r| Ok(Area { id: r.get(0)?, name: r.get(1)? }))).await
    }

    async fn home(&self, id: &HomeId) -> Result<Option<HomeRecord>, LedgerError> {
        self.look(|db, keys| {
            row(db, "SELECT area, address, access_notes FROM home WHERE id = ?1", [id.as_str()], |r| {
                Ok(HomeRecord {
                    id: id.clone(),
                    area: r.get(0)?,
                    address: sealed(keys, r, 1, "home.address", id.as_str())?,
                    access_notes: sealed(keys, r, 2, "home.access_notes", id.as_str())?,
                })
            })
        })
    }

    async fn homes(&self, after: Option<&HomeId>, max: usize) -> Result<Vec<HomeId>, LedgerError> {
        let (after, max) = (after.map(|h| h.as_str().to_owned()).unwrap_or_default(), limit(max.clamp(1, 10_000)));
        self.ask(move |db, _| {
            rows(db, "SELECT id FROM home WHERE id > ?1 ORDER BY id LIMIT ?2", params![after, max], |r| Ok(HomeId::new(r.get::<_, String>(0)?)))
        })
        .await
    }

    async fn elders_of(&self, home: &HomeId) -> Result<Vec<ElderRecord>, LedgerError> {
        self.look(|db, keys| rows(db, &format!("{ELDER} WHERE home = ?1 ORDER BY id"), [home.as_str()], |r| elder(keys, r)))
    }

    async fn elder_ids_of(&self, home: &HomeId) -> Result<Vec<ElderId>, LedgerError> {
        self.look(|db, _| rows(db, "SELECT id FROM elder WHERE home = ?1 ORDER BY id", [home.as_str()], |r| Ok(ElderId::new(r.get::<_, String>(0)?))))
    }

    async fn contacts_of(&self, home: &HomeId) -> Result<Vec<ContactRecord>, LedgerError> {
        let home = home.clone();
        self.ask(move |db, keys| {
            let mut all = rows(db, &format!("{CONTACT} WHERE home = ?1"), [home.as_str()], |r| contact(keys, r))?;
            all.extend(rows(db, &format!("{CONTACT} WHERE home IS NULL"), [], |r| contact(keys, r))?);
            all.sort_by(|a, b| a.id.cmp(&b.id));
            Ok(all)
        })
        .await
    }

    async fn contact(&self, id: &ContactId) -> Result<Option<ContactRecord>, LedgerError> {
        self.look(|db, keys| row(db, &format!("{CONTACT} WHERE id = ?1"), [id.as_str()], |r| contact(keys, r)))
    }

    async fn plans(&self) -> Result<Vec<PlanRecord>, LedgerError> {
        self.ask(|db, _| {
            let mut all = rows(db, "SELECT cause, level, body, scope_kind, scope_id FROM plan", [], |r| {
                let (kind, id): (String, String) = (r.get(3)?, r.get(4)?);
                let scope = match kind.as_str() {
                    "elder" => PlanScope::Elder(ElderId::new(id)),
                    "home" => PlanScope::Home(HomeId::new(id)),
                    "area" => PlanScope::Area(id),
                    _ => PlanScope::City,
                };
                plan(r, scope)
            })?;
            all.sort_by(|a, b| (&a.scope, &a.cause, &a.level).cmp(&(&b.scope, &b.cause, &b.level)));
            Ok(all)
        })
        .await
    }

    async fn devices_of(&self, home: &HomeId) -> Result<Vec<DeviceRecord>, LedgerError> {
        self.look(|db, _| {
            let sql = "SELECT id, kind, room, exit_door, enrolled_at, retired_at FROM device WHERE home = ?1 ORDER BY id";
            rows(db, sql, [home.as_str()], |r| {
                Ok(DeviceRecord {
                    home: home.clone(),
                    id: DeviceId::new(r.get::<_, String>(0)?),
                    kind: r.get(1)?,
                    room: r.get(2)?,
                    exit_door: r.get(3)?,
                    enrolled_at: instant(r.get(4)?),
                    retired_at: r.get::<_, Option<i64>>(5)?.map(instant),
                })
            })
        })
    }

    async fn credential(&self, name: &str) -> Result<Option<Credential>, LedgerError> {
        self.look(|db, _| {
            row(db, "SELECT secret_hash, rights, revoked_at FROM credential WHERE name = ?1", [name], |r| {
                Ok(Credential {
                    name: name.to_owned(),
                    secret_hash: r.get(0)?,
                    rights: serde_json::from_str(&r.get::<_, String>(1)?)?,
                    revoked_at: r.get::<_, Option<i64>>(2)?.map(instant),
                })
            })
        })
    }

    async fn person(&self, id: &PersonId) -> Result<Option<PersonRecord>, LedgerError> {
        self.look(|db, keys| row(db, &format!("{PERSON} WHERE id = ?1"), [id.as_str()], |r| person(keys, r)))
    }

    async fn people(&self) -> Result<Vec<PersonRecord>, LedgerError> {
        self.ask(|db, keys| rows(db, &format!("{PERSON} ORDER BY id"), [], |r| person(keys, r))).await
    }

    async fn token(&self, hash: &str) -> Result<Option<Token>, LedgerError> {
        self.look(|db, _| row(db, &format!("{TOKEN} WHERE hash = ?1"), [hash], token))
    }

    async fn tokens(&self, person: Option<&PersonId>, max: usize) -> Result<Vec<Token>, LedgerError> {
        let person = person.map(|p| p.as_str().to_owned());
        let sql = format!("{TOKEN} WHERE ?1 IS NULL OR person = ?1 ORDER BY used_at DESC, hash LIMIT ?2");
        self.ask(move |db, _| rows(db, &sql, params![person, limit(max)], token)).await
    }

    async fn unknown_devices(&self, max: usize) -> Result<Vec<UnknownDevice>, LedgerError> {
        self.ask(move |db, _| {
            let sql = "SELECT home, device, first_at, last_at, count FROM unknown_device ORDER BY last_at DESC, home, device LIMIT ?1";
            rows(db, sql, [limit(max)], |r| {
                Ok(UnknownDevice {
                    home: HomeId::new(r.get::<_, String>(0)?),
                    device: DeviceId::new(r.get::<_, String>(1)?),
                    first_at: instant(r.get(2)?),
                    last_at: instant(r.get(3)?),
                    count: to_u64(r.get(4)?),
                })
            })
        })
        .await
    }

    async fn quarantined(&self, max: usize) -> Result<Vec<Quarantined>, LedgerError> {
        self.ask(move |db, keys| {
            let sql = "SELECT home, topic, payload, reason, heard_at FROM quarantine ORDER BY id DESC LIMIT ?1";
            rows(db, sql, [limit(max)], |r| {
                let (home, topic, heard_at): (String, String, i64) = (r.get(0)?, r.get(1)?, r.get(4)?);
                let place = quarantine_row(&home, &topic, heard_at);
                let payload = keys.open(Place { column: "quarantine.payload", row: &place }, r.get_ref(2)?.as_blob().unwrap_or_default())?;
                Ok(Quarantined { home: HomeId::new(home), topic, payload, reason: r.get(3)?, heard_at: instant(heard_at) })
            })
        })
        .await
    }

    async fn alarms_of(&self, home: &HomeId, max: usize) -> Result<Vec<Alarm>, LedgerError> {
        let home = home.as_str().to_owned();
        let sql = "SELECT version, body FROM alarm WHERE home = ?1 ORDER BY id DESC LIMIT ?2";
        self.ask(move |db, _| rows(db, sql, params![home, limit(max)], |r| alarm(r).map(|stored| stored.value))).await
    }

    async fn audit(&self, after: u64, max: usize) -> Result<Vec<AuditLine>, LedgerError> {
        self.ask(move |db, _| audit_after(db, after, max)).await
    }

    async fn audit_latest(&self, ask: &AuditAsk, max: usize) -> Result<Vec<AuditLine>, LedgerError> {
        let ask = ask.clone();
        self.ask(move |db, _| audit_latest(db, &ask, max)).await
    }

    async fn sheet(&self, kind: &str, id: &str) -> Result<Option<Sheet>, LedgerError> {
        self.look(|db, keys| super::sheet::one(db, keys, kind, id))
    }

    async fn sheet_versions(&self, kind: &str, id: &str) -> Result<Vec<Sheet>, LedgerError> {
        self.look(|db, keys| super::sheet::versions(db, keys, kind, id))
    }

    async fn sheets(&self, ask: &SheetAsk) -> Result<Vec<Sheet>, LedgerError> {
        let ask = ask.clone();
        self.ask(move |db, keys| super::sheet::ask(db, keys, &ask)).await
    }

    async fn sheets_since(&self, seq: u64, max: usize) -> Result<Vec<(u64, Sheet)>, LedgerError> {
        self.ask(move |db, keys| super::sheet::since(db, keys, seq, max.clamp(1, PAGE_MAX))).await
    }

    async fn verify_audit(&self) -> Result<Option<u64>, LedgerError> {
        let (mut before, mut seq) = (String::new(), 0);
        loop {
            let page = self.ask(move |db, _| audit_after(db, seq, VERIFY_PAGE)).await?;
            let end = page.len() < VERIFY_PAGE;
            for line in page {
                seq += 1;
                if line.seq != seq || audit_hash(&before, &line) != line.hash {
                    return Ok(Some(seq));
                }
                before = line.hash;
            }
            if end {
                return Ok(None);
            }
        }
    }
}
