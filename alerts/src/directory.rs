//! Where a contact is reached and what a helper needs to know of a home.

use crate::channel::EffectKey;
use async_trait::async_trait;
use care::alarm::{LEAD, LEAD_AFTER, SECOND, SECOND_AFTER};
use care::plan::{Rota, rota_of};
use care::{Alarm, ContactId, HomeId, Timestamp};
use chrono_tz::Tz;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::link::Links;
use store::{Clock, LedgerError, Register, shift};

/// The kind of sheet that holds a rota, by its name.
pub const ROTA_SHEET: &str = "rota";

/// A contact as the channels need it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContactFacts {
    /// Address by channel name.
    pub addresses: BTreeMap<String, String>,
    /// `zh`, `en`, or a dialect's name.
    pub language: String,
}

/// A home as a helper needs it. Personal data: spoken after the key, never logged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HomeFacts {
    /// Names of the elders.
    pub elders: Vec<String>,
    /// The address.
    pub address: String,
    /// Key, door, dog, stairs.
    pub access_notes: String,
    /// What a responder must know.
    pub health_notes: String,
}

/// Looks contacts and homes up.
#[async_trait]
pub trait Directory: Send + Sync {
    /// A contact, or `None` if the register does not have it.
    async fn contact(&self, id: &ContactId) -> Result<Option<ContactFacts>, LedgerError>;

    /// Those who stand for a contact of a plan at this moment, the best first: of a rota whoever is on duty and the
    /// stand-in, of [`SECOND`] and [`LEAD`] those of the shift to whom the alarm goes now, otherwise the contact.
    async fn standing_for(&self, id: &ContactId, _alarm: &Alarm) -> Result<Vec<ContactId>, LedgerError> {
        Ok(vec![id.clone()])
    }

    /// The address of the page on which the person of this attempt can take the alarm, if there is one.
    fn link(&self, _key: &EffectKey, _now: Timestamp) -> Option<String> {
        None
    }

    /// An elder of a home, as a contact of the check call.
    async fn elder(&self, _home: &HomeId, _id: &ContactId) -> Result<Option<ContactFacts>, LedgerError> {
        Ok(None)
    }

    /// A home; one that is not in the register has no facts, and is called about all the same.
    async fn home(&self, id: &HomeId) -> Result<HomeFacts, LedgerError>;

    /// The zone that times of day are said in.
    fn zone(&self) -> Tz;
}

/// The directory out of the register.
pub struct RegisterDirectory {
    register: Arc<dyn Register>,
    zone: Tz,
    clock: Arc<dyn Clock>,
    links: Option<Links>,
}

impl RegisterDirectory {
    /// Reads from `register`, says times in `zone`; `clock` tells whose turn a rota says it is.
    pub fn new(register: Arc<dyn Register>, zone: Tz, clock: Arc<dyn Clock>) -> Self {
        Self { register, zone, clock, links: None }
    }

    /// Messages carry a one-time link.
    pub fn with_links(self, links: Option<Links>) -> Self {
        Self { links, ..self }
    }

    /// Those of the shift to whom an alarm goes that nobody takes, as the consoles say it, each as the contact of their own
    /// sign-in name; then whoever the rota of that name says (`second`, `lead`). Without a second person it is the lead.
    async fn called_up(&self, id: &ContactId, alarm: &Alarm) -> Result<Vec<ContactId>, LedgerError> {
        let now = self.clock.now();
        let home = self.register.home(&alarm.home).await?;
        let on = shift::on_shift(&*self.register, now).await?;
        let leads = shift::leads(&*self.register).await?;
        let on = on.iter().map(|(person, _)| (&person.id, person.area.as_str()));
        let mut up = shift::called_up(alarm, home.as_ref().map(|h| h.area.as_str()), on, &leads);
        let is_lead = |person: &care::PersonId| leads.iter().any(|(lead, _)| lead == person);
        let (after, rotas): (_, &[&str]) = if id.as_str() == SECOND { (SECOND_AFTER, &["second", "lead"]) } else { (LEAD_AFTER, &["lead"]) };
        // A lead on shift may have been the first or the second for this alarm; as the lead they are called all the same.
        up.retain(|(at, person)| if after == SECOND_AFTER { *at >= after || is_lead(person) } else { is_lead(person) });
        let mut out: Vec<ContactId> = up.into_iter().map(|(_, person)| ContactId::new(person.as_str())).collect();
        for rota in rotas {
            out.extend(self.on_duty(rota, now).await?);
        }
        Ok(out)
    }

    async fn on_duty(&self, rota: &str, now: Timestamp) -> Result<Vec<ContactId>, LedgerError> {
        let rota = self.register.sheet(ROTA_SHEET, rota).await?.and_then(|sheet| serde_json::from_value::<Rota>(sheet.body).ok());
        Ok(rota.map(|rota| rota.on_duty(now)).unwrap_or_default())
    }
}

#[async_trait]
impl Directory for RegisterDirectory {
    async fn contact(&self, id: &ContactId) -> Result<Option<ContactFacts>, LedgerError> {
        let found = self.register.contact(id).await?;
        Ok(found.map(|c| ContactFacts { addresses: c.addresses, language: c.language }))
    }

    async fn standing_for(&self, id: &ContactId, alarm: &Alarm) -> Result<Vec<ContactId>, LedgerError> {
        if [SECOND, LEAD].contains(&id.as_str()) {
            return self.called_up(id, alarm).await;
        }
        let Some(name) = rota_of(id) else { return Ok(vec![id.clone()]) };
        self.on_duty(name, self.clock.now()).await
    }

    fn link(&self, key: &EffectKey, now: Timestamp) -> Option<String> {
        self.links.as_ref()?.mint(&key.alarm, key.no, now)
    }

    async fn elder(&self, home: &HomeId, id: &ContactId) -> Result<Option<ContactFacts>, LedgerError> {
        let elder = self.register.elders_of(home).await?.into_iter().find(|e| e.id.as_str() == id.as_str());
        let Some(elder) = elder.filter(|e| !e.phone.is_empty()) else { return Ok(None) };
        let addresses = ["voice", "sms"].map(|channel| (channel.to_owned(), elder.phone.clone()));
        Ok(Some(ContactFacts { addresses: BTreeMap::from(addresses), language: "zh".to_owned() }))
    }

    async fn home(&self, id: &HomeId) -> Result<HomeFacts, LedgerError> {
        let home = self.register.home(id).await?;
        let elders = self.register.elders_of(id).await?;
        let (address, access_notes) = home.map(|h| (h.address, h.access_notes)).unwrap_or_default();
        let notes: Vec<_> = elders.iter().flat_map(|e| [e.health_notes.as_str(), e.speech_notes.as_str()]).filter(|n| !n.is_empty()).collect();
        Ok(HomeFacts { health_notes: notes.join("; "), elders: elders.into_iter().map(|e| e.name).collect(), address, access_notes })
    }

    fn zone(&self) -> Tz {
        self.zone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestClock, start_of_time};
    use care::TimeDelta;
    use store::memory::MemoryLedger;
    use store::register::{ElderRecord, Put};
    use store::sheet::Sheet;

    #[tokio::test(start_paused = true)]
    async fn a_rota_stands_for_whoever_is_on_duty_now_and_an_elder_for_the_own_phone() {
        let ledger = MemoryLedger::new();
        let now = start_of_time();
        let shift = |who: &str, from: i64| {
            let (from, to) = (now + TimeDelta::hours(from), now + TimeDelta::hours(from + 8));
            serde_json::json!({ "contact": who, "from": from, "to": to, "stand_in": "deputy" })
        };
        let sheet = Sheet {
            kind: ROTA_SHEET.into(),
            id: "guishan".into(),
            version: 1,
            area: String::new(),
            home: None,
            elder: None,
            at: now,
            state: "on".into(),
            body: serde_json::json!({ "shifts": [shift("lin", 0), shift("chen", 8)] }),
            written_at: now,
            written_by: "test".into(),
        };
        let elder = ElderRecord {
            id: "li".into(),
            home: "home-1".into(),
            name: String::new(),
            born_year: None,
            sex: String::new(),
            phone: "+8613800000001".into(),
            id_number: String::new(),
            health_notes: String::new(),
            tier: String::new(),
            speech_notes: String::new(),
        };
        ledger.put(vec![Put::Sheet(sheet), Put::Elder(elder)]).await.unwrap();
        let directory = RegisterDirectory::new(Arc::new(ledger), chrono_tz::Asia::Shanghai, Arc::new(TestClock::new()));
        let raise = care::cause::Raise { cause: care::Cause::Call, level: care::Level::Red, reason: care::Reason::new("x"), key: "k".into(), device: None };
        let (alarm, _) = Alarm::raise("a".into(), "home-1".into(), vec![], raise, false, &care::plan::Plan::default(), now);
        let ask = async |id: &str| directory.standing_for(&id.into(), &alarm).await.unwrap();
        assert_eq!(ask("rota.guishan").await, ["lin".into(), "deputy".into()]);
        tokio::time::sleep(std::time::Duration::from_secs(8 * 3600)).await;
        assert_eq!(ask("rota.guishan").await, ["chen".into(), "deputy".into()], "the shift has changed");
        assert_eq!(ask("rota.nowhere").await, Vec::<ContactId>::new());
        assert_eq!(ask("son").await, ["son".into()]);
        let phone = directory.elder(&"home-1".into(), &"li".into()).await.unwrap().unwrap();
        assert_eq!(phone.addresses["voice"], "+8613800000001");
        assert_eq!(directory.elder(&"home-2".into(), &"li".into()).await.unwrap(), None, "only an elder of this home");
    }
}
