//! The rights of those whom the records are about: a copy, a deletion, a hold; and what expires by itself.

use super::model::{Erased, HomeDay};
use super::sheets::Kept;
use super::{Office, OfficeError};
use care::calendar::plus_days;
use care::office::privacy::{ABOUT_AN_ELDER, LegalHold, Retention};
use care::office::{ElderFile, Record, Refused, Survey, Visit, order_of};
use care::{ElderId, PersonId, TimeDelta};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::register::{ContactRecord, ElderRecord, Put};
use store::sheet::{Sheet, SheetAsk};

/// Sheets erased in one transaction.
const ERASE_AT_ONCE: usize = 200;

impl Office {
    async fn sheets_about(&self, elder: &ElderId) -> Result<Vec<Sheet>, OfficeError> {
        let mut all = Vec::new();
        for kind in ABOUT_AN_ELDER {
            let mut ask = SheetAsk::of(kind).elder(elder);
            loop {
                let page = self.register.sheets(&ask).await?;
                let full = page.len() >= ask.limit();
                if let Some(last) = page.last() {
                    ask = SheetAsk::of(kind).elder(elder).after(last);
                }
                all.extend(page);
                if !full {
                    break;
                }
            }
        }
        Ok(all)
    }

    /// Everything that is kept about an elder, every version of it, as one document (a right of the person).
    ///
    /// # Errors
    /// If there is no such elder or the audit cannot be written.
    pub async fn copy_of(&self, elder: &ElderId, by: &PersonId) -> Result<Value, OfficeError> {
        let file: Kept<ElderFile> = self.get(elder.as_str()).await?;
        let home = &file.record.home;
        self.write(vec![self.audit(by.as_str(), "elder.copy", elder.as_str())]).await?;
        let mut records: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for sheet in self.sheets_about(elder).await? {
            for version in self.register.sheet_versions(&sheet.kind, &sheet.id).await? {
                records.entry(version.kind).or_default().push(json!({
                    "id": version.id, "version": version.version, "written_at": version.written_at, "written_by": version.written_by, "record": version.body,
                }));
            }
        }
        let days: Vec<Kept<HomeDay>> = self.all(SheetAsk::of(HomeDay::KIND).home(home)).await?;
        Ok(json!({
            "elder": elder,
            "made_at": self.now(),
            "home": self.register.home(home).await?,
            "desk": self.register.elders_of(home).await?.into_iter().find(|record| record.id == *elder),
            "contacts": self.register.contacts_of(home).await?.into_iter().filter(|contact| contact.home.is_some()).collect::<Vec<_>>(),
            "devices": self.register.devices_of(home).await?,
            "records": records,
            "survey_of_the_home": self.find::<Survey>(home.as_str()).await?.map(|kept| kept.record),
            "days_of_the_home": days.into_iter().map(|kept| kept.record.evidence).collect::<Vec<_>>(),
        }))
    }

    /// Orders a hold: nothing about the elder is erased while it stands.
    ///
    /// # Errors
    /// Without a reason, or if one stands already.
    pub async fn hold(&self, elder: &ElderId, reason: &str, by: &PersonId) -> Result<(), OfficeError> {
        if reason.trim().is_empty() {
            return Err(Refused::field("reason", "请写明保全依据", "say who ordered it and why").into());
        }
        self.get::<ElderFile>(elder.as_str()).await?;
        let before: Option<Kept<LegalHold>> = self.find(elder.as_str()).await?;
        if before.as_ref().is_some_and(|hold| hold.record.stands()) {
            return Err(Refused::new("已在保全中", "a hold stands already").into());
        }
        let hold = LegalHold { elder: elder.clone(), ordered: self.done(by, reason), lifted: None };
        self.put(&hold, before.map_or(0, |hold| hold.version), by.as_str()).await
    }

    /// Lifts a hold.
    ///
    /// # Errors
    /// If none stands.
    pub async fn lift_hold(&self, elder: &ElderId, reason: &str, by: &PersonId) -> Result<(), OfficeError> {
        let done = self.done(by, reason);
        self.step(elder.as_str(), "legal_hold.lift", by, |hold: LegalHold| hold.lift(done)).await?;
        Ok(())
    }

    /// True while a hold stands.
    ///
    /// # Errors
    /// If the register fails.
    pub async fn is_held(&self, elder: &ElderId) -> Result<bool, OfficeError> {
        Ok(self.find::<LegalHold>(elder.as_str()).await?.is_some_and(|hold| hold.record.stands()))
    }

    /// Erases everything about an elder, for good: every version of every record, what the alarm desk knows, the days of
    /// the home. Closed months keep figures and the bare identifier. Returns how many records are gone.
    ///
    /// # Errors
    /// While a hold stands, without a reason, or if there is no such elder.
    pub async fn erase_elder(&self, elder: &ElderId, reason: &str, by: &PersonId) -> Result<usize, OfficeError> {
        if reason.trim().is_empty() {
            return Err(Refused::field("reason", "请写明删除依据", "say on what ground").into());
        }
        let file: Kept<ElderFile> = self.get(elder.as_str()).await?;
        if self.is_held(elder).await? {
            return Err(Refused::new("该老人的资料正在依法保全，不得删除", "a legal hold stands: nothing about this elder is erased").into());
        }
        let home = file.record.home.clone();
        let alone = self.register.elder_ids_of(&home).await?.iter().all(|other| other == elder);
        let mut gone: Vec<(String, String)> = self.sheets_about(elder).await?.into_iter().map(|sheet| (sheet.kind, sheet.id)).collect();
        if alone {
            let days: Vec<Kept<HomeDay>> = self.all(SheetAsk::of(HomeDay::KIND).home(&home)).await?;
            gone.extend(days.into_iter().map(|kept| (HomeDay::KIND.to_owned(), kept.record.id())));
            // What was seen in the home at a survey goes with the last who lived there.
            gone.extend(self.find::<Survey>(home.as_str()).await?.map(|kept| (Survey::KIND.to_owned(), kept.record.id())));
        }
        // The file goes last: what is interrupted is done again from it.
        gone.sort_by_key(|(kind, _)| kind == ElderFile::KIND);
        let mut desk = vec![self.audit(by.as_str(), "elder.erase", elder.as_str())];
        desk.push(Put::Elder(ElderRecord {
            id: elder.clone(),
            home: home.clone(),
            name: String::new(),
            born_year: None,
            sex: String::new(),
            phone: String::new(),
            id_number: String::new(),
            health_notes: String::new(),
            tier: String::new(),
            speech_notes: String::new(),
        }));
        if alone {
            for contact in self.register.contacts_of(&home).await?.into_iter().filter(|contact| contact.home.is_some()) {
                desk.push(Put::Contact(ContactRecord { name: String::new(), addresses: BTreeMap::new(), ..contact }));
            }
        }
        self.write(desk).await?;
        self.erase(&gone, by.as_str()).await?;
        self.refresh().await?;
        Ok(gone.len())
    }

    /// Erases records, and tells every read model so.
    async fn erase(&self, gone: &[(String, String)], by: &str) -> Result<(), OfficeError> {
        for some in gone.chunks(ERASE_AT_ONCE) {
            let mut entries = Vec::new();
            for (kind, id) in some {
                let erased = Erased { kind: kind.clone(), id: id.clone(), at: self.now() };
                let before = self.find::<Erased>(&erased.id()).await?.map_or(0, |kept| kept.version);
                entries.push(Put::EraseSheet { kind: kind.clone(), id: id.clone() });
                entries.push(self.put_of(&erased, before, by)?);
            }
            self.write(entries).await?;
        }
        Ok(())
    }

    /// Erases what has been kept long enough. A hold keeps everything about its elder and the home. Returns how many
    /// records are gone.
    ///
    /// # Errors
    /// If the register fails.
    pub async fn expire(&self, retention: &Retention) -> Result<usize, OfficeError> {
        const BY: &str = "platform";
        let (today, now) = (self.today(), self.now());
        let holds: Vec<Kept<LegalHold>> = self.all(SheetAsk::of(LegalHold::KIND).state("standing")).await?;
        let mut held_homes = Vec::new();
        for hold in &holds {
            if let Some(file) = self.find::<ElderFile>(hold.record.elder.as_str()).await? {
                held_homes.push(file.record.home);
            }
        }
        let held = |elder: &ElderId| holds.iter().any(|hold| hold.record.elder == *elder);
        let mut gone = Vec::new();
        let oldest = order_of(plus_days(today, -i64::from(retention.home_days)));
        for day in self.all::<HomeDay>(SheetAsk::of(HomeDay::KIND).to(oldest)).await? {
            if !held_homes.contains(&day.record.home) {
                gone.push((HomeDay::KIND.to_owned(), day.record.id()));
            }
        }
        let oldest = now - TimeDelta::days(i64::from(retention.drafts));
        for draft in self.all::<Visit>(SheetAsk::of(Visit::KIND).state("draft").to(oldest)).await? {
            if !held(&draft.record.elder) {
                gone.push((Visit::KIND.to_owned(), draft.record.id));
            }
        }
        self.erase(&gone, BY).await?;
        let mut count = gone.len();
        let left = plus_days(today, -i64::from(retention.after_leaving));
        for file in self.all::<ElderFile>(SheetAsk::of(ElderFile::KIND).state("left")).await? {
            if file.record.left_on.is_some_and(|on| on <= left) && !held(&file.record.id) {
                count += self.erase_elder(&file.record.id, "retention", &BY.into()).await?;
            }
        }
        if count > 0 {
            tracing::info!(records = count, "records whose time had come were erased");
        }
        self.refresh().await?;
        Ok(count)
    }
}
