//! The register on PostgreSQL. Who a person is, where they live and how they are reached is sealed.

use super::PgLedger;
use super::apply::{Need, PgFailure, Steps, check_fence, text, values};
use super::pool::TRANSACTION_WITHIN;
use super::read::{plan, scope};
use super::sheet;
use crate::ledger::{LedgerError, Quarantined};
use crate::register::{
    Area, AuditLine, ContactRecord, Credential, DeviceRecord, ElderRecord, HomeRecord, PersonRecord, PlanRecord, PlanScope, Put, Register, Token,
    UnknownDevice, audit_hash,
};
use crate::sheet::{Sheet, SheetAsk};
use crate::sqlite::apply::{from_word, quarantine_row, word};
use crate::sqlite::files::{instant, nanos, to_i64};
use crate::sqlite::read::{limit, to_u64, unseal};
use crate::sqlite::seal::Place;
use async_trait::async_trait;
use care::{Cause, ContactId, DeviceId, ElderId, HomeId, PersonId};
use tokio_postgres::Row;

/// Audit lines checked in one question.
const VERIFY_PAGE: usize = 10_000;

/// How the table names a scope.
fn place_of(scope: &PlanScope) -> (&'static str, &str) {
    match scope {
        PlanScope::Elder(elder) => ("elder", elder.as_str()),
        PlanScope::Home(home) => ("home", home.as_str()),
        PlanScope::Area(path) => ("area", path.as_str()),
        PlanScope::City => ("city", ""),
    }
}

impl Steps<'_> {
    fn sealed(&self, column: &'static str, row: &str, plain: &str) -> Result<Vec<u8>, PgFailure> {
        Ok(self.keys().seal(Place { column, row }, plain.as_bytes())?)
    }

    /// One entry.
    fn entry(&mut self, entry: &Put) -> Result<(), PgFailure> {
        match entry {
            // Looked at before anything is sent.
            Put::Fence(_) => {}
            Put::Area(Area { id, name }) => {
                let sql = "INSERT INTO area (id, name) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET name = excluded.name";
                self.push(sql, Need::Nothing, values![text(id), text(name)]);
            }
            Put::Home(home) => {
                let id = text(home.id.as_str());
                let values = values![
                    id.clone(),
                    text(&home.area),
                    self.sealed("home.address", &id, &home.address)?,
                    self.sealed("home.access_notes", &id, &home.access_notes)?
                ];
                let sql = "INSERT INTO home (id, area, address, access_notes) VALUES ($1, $2, $3, $4)
                     ON CONFLICT (id) DO UPDATE SET area = excluded.area, address = excluded.address, access_notes = excluded.access_notes";
                self.push(sql, Need::Nothing, values);
            }
            Put::Elder(elder) => self.elder(elder)?,
            Put::Contact(contact) => {
                let id = text(contact.id.as_str());
                let values = values![
                    id.clone(),
                    contact.home.as_ref().map(|h| text(h.as_str())),
                    self.sealed("contact.name", &id, &contact.name)?,
                    text(&contact.relation),
                    self.sealed("contact.addresses", &id, &serde_json::to_string(&contact.addresses)?)?,
                    text(&contact.language)
                ];
                let sql = "INSERT INTO contact (id, home, name, relation, addresses, language) VALUES ($1, $2, $3, $4, $5, $6)
                     ON CONFLICT (id) DO UPDATE SET home = excluded.home, name = excluded.name, relation = excluded.relation,
                        addresses = excluded.addresses, language = excluded.language";
                self.push(sql, Need::Nothing, values);
            }
            Put::Plan(PlanRecord { scope, cause, level, plan }) => {
                let (kind, id) = place_of(scope);
                let level = level.as_ref().map(word).transpose()?.unwrap_or_default();
                let cause = cause.as_ref().map(Cause::name).unwrap_or_default();
                let sql = "INSERT INTO plan (scope_kind, scope_id, cause, level, body) VALUES ($1, $2, $3, $4, $5)
                     ON CONFLICT (scope_kind, scope_id, cause, level) DO UPDATE SET body = excluded.body";
                self.push(sql, Need::Nothing, values![kind.to_owned(), text(id), text(&cause), level, serde_json::to_string(plan)?]);
            }
            Put::EndPlan { scope, cause, level } => {
                let (kind, id) = place_of(scope);
                let level = level.as_ref().map(word).transpose()?.unwrap_or_default();
                let cause = cause.as_ref().map(Cause::name).unwrap_or_default();
                let sql = "DELETE FROM plan WHERE scope_kind = $1 AND scope_id = $2 AND cause = $3 AND level = $4";
                self.push(sql, Need::Nothing, values![kind.to_owned(), text(id), text(&cause), level]);
            }
            Put::Device(device) => {
                let (home, id) = (text(device.home.as_str()), text(device.id.as_str()));
                let sql = "INSERT INTO device (home, id, kind, room, exit_door, enrolled_at, retired_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
                     ON CONFLICT (home, id) DO UPDATE SET kind = excluded.kind, room = excluded.room, exit_door = excluded.exit_door,
                        enrolled_at = excluded.enrolled_at, retired_at = excluded.retired_at";
                let values = values![
                    home.clone(),
                    id.clone(),
                    text(&device.kind),
                    text(&device.room),
                    device.exit_door,
                    nanos(device.enrolled_at),
                    device.retired_at.map(nanos)
                ];
                self.push(sql, Need::Nothing, values);
                self.push("DELETE FROM unknown_device WHERE home = $1 AND device = $2", Need::Nothing, values![home, id]);
            }
            Put::Credential(credential) => {
                let sql = "INSERT INTO credential (name, secret_hash, rights, revoked_at) VALUES ($1, $2, $3, $4)
                     ON CONFLICT (name) DO UPDATE SET secret_hash = excluded.secret_hash, rights = excluded.rights, revoked_at = excluded.revoked_at";
                let rights = serde_json::to_string(&credential.rights)?;
                self.push(sql, Need::Nothing, values![text(&credential.name), text(&credential.secret_hash), rights, credential.revoked_at.map(nanos)]);
            }
            Put::Person(person) => {
                let id = text(person.id.as_str());
                let name = self.sealed("person.name", &id, &person.name)?;
                let sql = "INSERT INTO person (id, name, role, area, password_hash, active) VALUES ($1, $2, $3, $4, $5, $6)
                     ON CONFLICT (id) DO UPDATE SET name = excluded.name, role = excluded.role, area = excluded.area,
                        password_hash = excluded.password_hash, active = excluded.active";
                self.push(sql, Need::Nothing, values![id, name, word(&person.role)?, text(&person.area), text(&person.password_hash), person.active]);
            }
            Put::Token(token) => {
                let sql = "INSERT INTO token (hash, person, kind, created_at, expires_at, used_at) VALUES ($1, $2, $3, $4, $5, $6)
                     ON CONFLICT (hash) DO UPDATE SET person = excluded.person, kind = excluded.kind, created_at = excluded.created_at,
                        expires_at = excluded.expires_at, used_at = excluded.used_at";
                let values = values![
                    text(&token.hash),
                    text(token.person.as_str()),
                    text(&token.kind),
                    nanos(token.created_at),
                    nanos(token.expires_at),
                    nanos(token.used_at)
                ];
                self.push(sql, Need::Nothing, values);
            }
            Put::EndToken(hash) => self.push("DELETE FROM token WHERE hash = $1", Need::Nothing, values![text(hash)]),
            Put::Audit { at, who, action, subject } => self.audit(*at, who, action, subject),
            Put::Sheet(sheet) => sheet::put(self, sheet)?,
            Put::EraseSheet { kind, id } => sheet::erase(self, kind, id),
        }
        Ok(())
    }

    fn elder(&mut self, elder: &ElderRecord) -> Result<(), PgFailure> {
        let id = text(elder.id.as_str());
        let hash = (!elder.id_number.is_empty()).then(|| self.keys().lookup("elder.id_number", &elder.id_number));
        let values = values![
            id.clone(),
            text(elder.home.as_str()),
            self.sealed("elder.name", &id, &elder.name)?,
            elder.born_year.map(i64::from),
            text(&elder.sex),
            self.sealed("elder.phone", &id, &elder.phone)?,
            self.sealed("elder.id_number", &id, &elder.id_number)?,
            hash,
            self.sealed("elder.health_notes", &id, &elder.health_notes)?,
            text(&elder.tier),
            self.sealed("elder.speech_notes", &id, &elder.speech_notes)?
        ];
        let sql = "INSERT INTO elder (id, home, name, born_year, sex, phone, id_number, id_number_hash, health_notes, tier, speech_notes)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             ON CONFLICT (id) DO UPDATE SET home = excluded.home, name = excluded.name, born_year = excluded.born_year, sex = excluded.sex,
                phone = excluded.phone, id_number = excluded.id_number, id_number_hash = excluded.id_number_hash,
                health_notes = excluded.health_notes, tier = excluded.tier, speech_notes = excluded.speech_notes";
        self.push(sql, Need::Nothing, values);
        Ok(())
    }
}

const ELDER: &str = "SELECT id, home, name, born_year, sex, phone, id_number, health_notes, tier, speech_notes FROM elder";
const CONTACT: &str = "SELECT id, home, name, relation, addresses, language FROM contact";
const PERSON: &str = "SELECT id, name, role, area, password_hash, active FROM person";
const AUDIT: &str = "SELECT seq, at, who, action, subject, hash FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2";

fn audit_line(r: &Row) -> Result<AuditLine, LedgerError> {
    Ok(AuditLine {
        seq: to_u64(r.try_get(0)?),
        at: instant(r.try_get(1)?),
        who: r.try_get(2)?,
        action: r.try_get(3)?,
        subject: r.try_get(4)?,
        hash: r.try_get(5)?,
    })
}

impl PgLedger {
    /// A sealed column of a row, as text.
    fn opened(&self, r: &Row, i: usize, column: &'static str, id: &str) -> Result<String, LedgerError> {
        unseal(&self.keys, column, id, r.try_get(i)?)
    }

    pub(super) fn elder_row(&self, r: &Row) -> Result<ElderRecord, LedgerError> {
        let id: String = r.try_get(0)?;
        Ok(ElderRecord {
            home: HomeId::new(r.try_get::<_, String>(1)?),
            name: self.opened(r, 2, "elder.name", &id)?,
            born_year: r.try_get::<_, Option<i64>>(3)?.and_then(|y| i32::try_from(y).ok()),
            sex: r.try_get(4)?,
            phone: self.opened(r, 5, "elder.phone", &id)?,
            id_number: self.opened(r, 6, "elder.id_number", &id)?,
            health_notes: self.opened(r, 7, "elder.health_notes", &id)?,
            tier: r.try_get(8)?,
            speech_notes: self.opened(r, 9, "elder.speech_notes", &id)?,
            id: ElderId::new(id),
        })
    }

    fn contact_row(&self, r: &Row) -> Result<ContactRecord, LedgerError> {
        let id: String = r.try_get(0)?;
        Ok(ContactRecord {
            home: r.try_get::<_, Option<String>>(1)?.map(HomeId::new),
            name: self.opened(r, 2, "contact.name", &id)?,
            relation: r.try_get(3)?,
            addresses: serde_json::from_str(&self.opened(r, 4, "contact.addresses", &id)?)?,
            language: r.try_get(5)?,
            id: ContactId::new(id),
        })
    }

    fn person_row(&self, r: &Row) -> Result<PersonRecord, LedgerError> {
        let id: String = r.try_get(0)?;
        Ok(PersonRecord {
            name: self.opened(r, 1, "person.name", &id)?,
            role: from_word(r.try_get(2)?)?,
            area: r.try_get(3)?,
            password_hash: r.try_get(4)?,
            active: r.try_get(5)?,
            id: PersonId::new(id),
        })
    }

    async fn put_once(&self, entries: &[Put]) -> Result<(), LedgerError> {
        let mut steps = Steps::new(&self.keys, &self.me);
        for entry in entries {
            steps.entry(entry).map_err(|e| e.0)?;
        }
        let mut client = self.pools.get().await?;
        let tx = client.transaction().await?;
        for entry in entries {
            if let Put::Fence(fence) = entry {
                check_fence(&tx, fence).await?;
            }
        }
        steps.run(&tx).await?;
        Ok(tx.commit().await?)
    }

    async fn audit_page(&self, after: u64, max: usize) -> Result<Vec<AuditLine>, LedgerError> {
        self.report(AUDIT, &[&to_i64(after), &limit(max)], audit_line).await
    }
}

#[async_trait]
impl Register for PgLedger {
    async fn put(&self, entries: Vec<Put>) -> Result<(), LedgerError> {
        let late = || LedgerError::Failed("the database did not answer in time".into());
        let result = tokio::time::timeout(TRANSACTION_WITHIN, self.put_once(&entries)).await.unwrap_or_else(|_| Err(late()));
        self.count(&result);
        result
    }

    async fn areas(&self) -> Result<Vec<Area>, LedgerError> {
        self.rows("SELECT id, name FROM area ORDER BY id", &[], |r| Ok(Area { id: r.try_get(0)?, name: r.try_get(1)? })).await
    }

    async fn home(&self, id: &HomeId) -> Result<Option<HomeRecord>, LedgerError> {
        self.row("SELECT area, address, access_notes FROM home WHERE id = $1", &[&text(id.as_str())], |r| {
            Ok(HomeRecord {
                id: id.clone(),
                area: r.try_get(0)?,
                address: self.opened(r, 1, "home.address", id.as_str())?,
                access_notes: self.opened(r, 2, "home.access_notes", id.as_str())?,
            })
        })
        .await
    }

    async fn homes(&self, after: Option<&HomeId>, max: usize) -> Result<Vec<HomeId>, LedgerError> {
        let (after, max) = (after.map(|h| text(h.as_str())).unwrap_or_default(), limit(max.clamp(1, 10_000)));
        self.rows("SELECT id FROM home WHERE id > $1 ORDER BY id LIMIT $2", &[&after, &max], |r| Ok(HomeId::new(r.try_get::<_, String>(0)?))).await
    }

    async fn elders_of(&self, home: &HomeId) -> Result<Vec<ElderRecord>, LedgerError> {
        self.rows(&format!("{ELDER} WHERE home = $1 ORDER BY id"), &[&text(home.as_str())], |r| self.elder_row(r)).await
    }

    async fn elder_ids_of(&self, home: &HomeId) -> Result<Vec<ElderId>, LedgerError> {
        self.rows("SELECT id FROM elder WHERE home = $1 ORDER BY id", &[&text(home.as_str())], |r| Ok(ElderId::new(r.try_get::<_, String>(0)?))).await
    }

    async fn contacts_of(&self, home: &HomeId) -> Result<Vec<ContactRecord>, LedgerError> {
        self.rows(&format!("{CONTACT} WHERE home = $1 OR home IS NULL ORDER BY id"), &[&text(home.as_str())], |r| self.contact_row(r)).await
    }

    async fn contact(&self, id: &ContactId) -> Result<Option<ContactRecord>, LedgerError> {
        self.row(&format!("{CONTACT} WHERE id = $1"), &[&text(id.as_str())], |r| self.contact_row(r)).await
    }

    async fn plans(&self) -> Result<Vec<PlanRecord>, LedgerError> {
        let sql = "SELECT scope_kind, scope_id, cause, level, body FROM plan";
        let mut all = self.rows(sql, &[], |r| plan(r, 2, scope(r.try_get(0)?, r.try_get(1)?))).await?;
        all.sort_by(|a, b| (&a.scope, &a.cause, &a.level).cmp(&(&b.scope, &b.cause, &b.level)));
        Ok(all)
    }

    async fn devices_of(&self, home: &HomeId) -> Result<Vec<DeviceRecord>, LedgerError> {
        let sql = "SELECT id, kind, room, exit_door, enrolled_at, retired_at FROM device WHERE home = $1 ORDER BY id";
        self.rows(sql, &[&text(home.as_str())], |r| {
            Ok(DeviceRecord {
                home: home.clone(),
                id: DeviceId::new(r.try_get::<_, String>(0)?),
                kind: r.try_get(1)?,
                room: r.try_get(2)?,
                exit_door: r.try_get(3)?,
                enrolled_at: instant(r.try_get(4)?),
                retired_at: r.try_get::<_, Option<i64>>(5)?.map(instant),
            })
        })
        .await
    }

    async fn credential(&self, name: &str) -> Result<Option<Credential>, LedgerError> {
        self.row("SELECT secret_hash, rights, revoked_at FROM credential WHERE name = $1", &[&text(name)], |r| {
            Ok(Credential {
                name: name.to_owned(),
                secret_hash: r.try_get(0)?,
                rights: serde_json::from_str(r.try_get(1)?)?,
                revoked_at: r.try_get::<_, Option<i64>>(2)?.map(instant),
            })
        })
        .await
    }

    async fn person(&self, id: &PersonId) -> Result<Option<PersonRecord>, LedgerError> {
        self.row(&format!("{PERSON} WHERE id = $1"), &[&text(id.as_str())], |r| self.person_row(r)).await
    }

    async fn people(&self) -> Result<Vec<PersonRecord>, LedgerError> {
        self.rows(&format!("{PERSON} ORDER BY id"), &[], |r| self.person_row(r)).await
    }

    async fn token(&self, hash: &str) -> Result<Option<Token>, LedgerError> {
        self.row("SELECT person, kind, created_at, expires_at, used_at FROM token WHERE hash = $1", &[&text(hash)], |r| {
            Ok(Token {
                hash: hash.to_owned(),
                person: PersonId::new(r.try_get::<_, String>(0)?),
                kind: r.try_get(1)?,
                created_at: instant(r.try_get(2)?),
                expires_at: instant(r.try_get(3)?),
                used_at: instant(r.try_get(4)?),
            })
        })
        .await
    }

    async fn unknown_devices(&self, max: usize) -> Result<Vec<UnknownDevice>, LedgerError> {
        let sql = "SELECT home, device, first_at, last_at, count FROM unknown_device ORDER BY last_at DESC, home, device LIMIT $1";
        self.report(sql, &[&limit(max)], |r| {
            Ok(UnknownDevice {
                home: HomeId::new(r.try_get::<_, String>(0)?),
                device: DeviceId::new(r.try_get::<_, String>(1)?),
                first_at: instant(r.try_get(2)?),
                last_at: instant(r.try_get(3)?),
                count: to_u64(r.try_get(4)?),
            })
        })
        .await
    }

    async fn quarantined(&self, max: usize) -> Result<Vec<Quarantined>, LedgerError> {
        let sql = "SELECT home, topic, payload, reason, heard_at FROM quarantine ORDER BY id DESC LIMIT $1";
        self.report(sql, &[&limit(max)], |r| {
            let (home, topic, heard_at): (String, String, i64) = (r.try_get(0)?, r.try_get(1)?, r.try_get(4)?);
            let place = quarantine_row(&home, &topic, heard_at);
            let payload = self.keys.open(Place { column: "quarantine.payload", row: &place }, r.try_get(2)?)?;
            Ok(Quarantined { home: HomeId::new(home), topic, payload, reason: r.try_get(3)?, heard_at: instant(heard_at) })
        })
        .await
    }

    async fn audit(&self, after: u64, max: usize) -> Result<Vec<AuditLine>, LedgerError> {
        self.audit_page(after, max).await
    }

    async fn verify_audit(&self) -> Result<Option<u64>, LedgerError> {
        let (mut before, mut seq) = (String::new(), 0);
        loop {
            let page = self.audit_page(seq, VERIFY_PAGE).await?;
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

    async fn sheet(&self, kind: &str, id: &str) -> Result<Option<Sheet>, LedgerError> {
        Ok(self.sheet_versions_of(kind, id, true).await?.pop())
    }

    async fn sheet_versions(&self, kind: &str, id: &str) -> Result<Vec<Sheet>, LedgerError> {
        self.sheet_versions_of(kind, id, false).await
    }

    async fn sheets(&self, ask: &SheetAsk) -> Result<Vec<Sheet>, LedgerError> {
        self.sheets_asked(ask).await
    }

    async fn sheets_since(&self, seq: u64, max: usize) -> Result<Vec<(u64, Sheet)>, LedgerError> {
        self.sheets_after(seq, max).await
    }
}
