//! The read model: what a city's reports and lists need of the sheets, in memory, brought up to date by their sequence.
//! It keeps facts, not records: no identity number, no whole phone number, no words of a visit.

use super::finder::Finder;
use care::calendar::{Month, local_day};
use care::office::consent::Consent;
use care::office::elder::ElderFile;
use care::office::event::ExtraEvent;
use care::office::facts::Said;
use care::office::visit::Visit;
use care::office::visitor::Pairing;
use care::office::{FrozenMonth, Record, review};
use care::policy::PolicySet;
use care::visit::remote::{DayVerdict, judge_day};
use care::visit::report::CoverDays;
use care::visit::{Facts, tier_on};
use care::{ElderId, HomeId, PersonId, TimeDelta, Timestamp};
use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use store::sheet::Sheet;

/// Contacts that began longer ago than this are not kept in memory: closed months have their reports.
pub(super) const CONTACT_DAYS: i64 = 400;

/// A doubtful day proposes a visit for so many days.
const DOUBT_DAYS: i64 = 3;

/// What lists show of an elder.
#[derive(Debug, Clone, PartialEq)]
pub struct Brief {
    /// Who.
    pub id: ElderId,
    /// Where.
    pub home: HomeId,
    /// The area path.
    pub area: String,
    /// Name.
    pub name: String,
    /// Date of birth.
    pub born: NaiveDate,
    /// The tier today: as the facts have it, or as it was chosen where that is stricter.
    pub tier: Option<String>,
    /// Categories.
    pub categories: Vec<String>,
    /// The next review.
    pub review_due: NaiveDate,
    /// There is a first contact (R26).
    pub has_first_contact: bool,
    /// Where there is a disability card: its last valid day.
    pub card_valid_to: Option<NaiveDate>,
    /// Where the home lies, degrees.
    pub location: Option<(f64, f64)>,
    /// Out of the register since.
    pub left_on: Option<NaiveDate>,
    /// The version of the file.
    pub version: u32,
    /// By what a search finds the elder.
    pub finder: Finder,
}

/// A day of a home as the devices proved it; the sheet of kind `home_day`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HomeDay {
    /// The home.
    pub home: HomeId,
    /// The area path.
    pub area: String,
    /// What was proved.
    pub evidence: care::visit::remote::DayEvidence,
}

impl Record for HomeDay {
    const KIND: &'static str = "home_day";

    fn id(&self) -> String {
        format!("{}.{}", self.home, self.evidence.day)
    }
    fn area(&self) -> &str {
        &self.area
    }
    fn home(&self) -> Option<&HomeId> {
        Some(&self.home)
    }
    fn at(&self) -> Timestamp {
        care::office::order_of(self.evidence.day)
    }
    fn state(&self) -> &'static str {
        "kept"
    }
}

/// A record that is gone for good: tells every read model so. It names nothing but the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// The kind.
    pub kind: String,
    /// The identifier.
    pub id: String,
    /// When.
    pub at: Timestamp,
}

impl Record for Erased {
    const KIND: &'static str = "erased";

    fn id(&self) -> String {
        let digest = Sha256::digest(format!("{}\n{}", self.kind, self.id).as_bytes());
        digest.iter().take(16).map(|b| format!("{b:02x}")).collect()
    }
    fn area(&self) -> &str {
        ""
    }
    fn at(&self) -> Timestamp {
        self.at
    }
    fn state(&self) -> &'static str {
        "erased"
    }
}

/// The model.
#[derive(Default)]
pub(super) struct Model {
    pub(super) seq: u64,
    pub(super) generation: u64,
    pub(super) facts: Facts,
    elder_at: HashMap<ElderId, usize>,
    contact_at: HashMap<String, usize>,
    pub(super) briefs: BTreeMap<ElderId, Brief>,
    pub(super) residents: HashMap<HomeId, BTreeSet<ElderId>>,
    said: HashMap<ElderId, Vec<Said>>,
    pub(super) events: BTreeMap<String, ExtraEvent>,
    numbers: HashMap<[u8; 32], ElderId>,
    number_of: HashMap<ElderId, [u8; 32]>,
    named: HashMap<(String, NaiveDate), BTreeSet<ElderId>>,
    cover: HashMap<HomeId, BTreeMap<Month, BTreeMap<NaiveDate, bool>>>,
    doubts: HashMap<HomeId, BTreeSet<NaiveDate>>,
    pub(super) frozen: BTreeMap<Month, u32>,
    pairs: HashMap<PersonId, BTreeMap<String, Pairing>>,
}

fn body<R: DeserializeOwned>(sheet: &Sheet) -> Option<R> {
    match serde_json::from_value(sheet.body.clone()) {
        Ok(record) => Some(record),
        Err(error) => {
            tracing::error!(kind = %sheet.kind, sheet.id = %sheet.id, %error, "a kept record cannot be read and is left out of reports");
            None
        }
    }
}

/// An identity number as the model knows it: its digest only.
pub(super) fn digest_of(number: &str) -> [u8; 32] {
    Sha256::digest(number.as_bytes()).into()
}

impl Model {
    /// An empty picture that no report of this one is taken for.
    pub(super) fn anew(&self) -> Self {
        Self { generation: self.generation + 1, ..Self::default() }
    }

    /// Takes a version of a sheet. `today` decides what is old.
    pub(super) fn take(&mut self, seq: u64, sheet: &Sheet, policies: &PolicySet, zone: Tz, today: NaiveDate) {
        self.seq = self.seq.max(seq);
        self.generation += 1;
        match sheet.kind.as_str() {
            ElderFile::KIND => {
                if let Some(file) = body::<ElderFile>(sheet) {
                    self.elder(file, sheet.version, policies, today);
                }
            }
            Visit::KIND => {
                if let Some(visit) = body::<Visit>(sheet) {
                    self.visit(&visit, policies, zone, today);
                }
            }
            Consent::KIND => {
                if let Some(consent) = body::<Consent>(sheet) {
                    let said = self.said.entry(consent.elder.clone()).or_default();
                    said.retain(|(purpose, _)| *purpose != consent.purpose);
                    said.push((consent.purpose.clone(), consent.days(zone)));
                    self.consents(&consent.elder);
                }
            }
            ExtraEvent::KIND => {
                if let Some(event) = body::<ExtraEvent>(sheet) {
                    self.events.insert(event.id.clone(), event);
                    self.facts.events = self.events.values().filter_map(ExtraEvent::duty).collect();
                }
            }
            Pairing::KIND => {
                if let Some(pairing) = body::<Pairing>(sheet) {
                    self.pairs.entry(pairing.visitor.clone()).or_default().insert(pairing.id.clone(), pairing);
                }
            }
            HomeDay::KIND => {
                if let Some(day) = body::<HomeDay>(sheet) {
                    let policy = policies.on(day.evidence.day);
                    let covered = policy.is_some_and(|policy| day.evidence.coverage_pct >= policy.counts.remote.min_coverage_pct);
                    let month = Month::of(day.evidence.day);
                    let verdict = policy.map(|policy| judge_day(&policy.counts.remote, &day.evidence));
                    if verdict == Some(DayVerdict::Doubtful) && (today - day.evidence.day).num_days() <= DOUBT_DAYS {
                        self.doubts.entry(day.home.clone()).or_default().insert(day.evidence.day);
                    }
                    self.cover.entry(day.home).or_default().entry(month).or_default().insert(day.evidence.day, covered);
                }
            }
            FrozenMonth::KIND => {
                if let Some(month) = body::<FrozenMonth>(sheet) {
                    let latest = self.frozen.entry(month.month).or_default();
                    *latest = (*latest).max(month.restated);
                }
            }
            Erased::KIND => {
                if let Some(gone) = body::<Erased>(sheet) {
                    self.forget(&gone.kind, &gone.id);
                }
            }
            _ => self.generation -= 1,
        }
    }

    fn elder(&mut self, file: ElderFile, version: u32, policies: &PolicySet, today: NaiveDate) {
        let policy = policies.on(today);
        if let Some(old) = self.number_of.remove(&file.id) {
            self.numbers.remove(&old);
        }
        if !file.id_number.is_empty() {
            let digest = digest_of(&file.id_number);
            self.numbers.insert(digest, file.id.clone());
            self.number_of.insert(file.id.clone(), digest);
        }
        let brief = Brief {
            id: file.id.clone(),
            home: file.home.clone(),
            area: file.area.clone(),
            name: file.name.clone(),
            born: file.born,
            tier: None, // from the facts, whenever somebody asks: birthdays come without a word
            categories: file.categories_on(today).to_vec(),
            review_due: policy.map_or(file.filed_on, |policy| review::due_on(&file, policy)),
            has_first_contact: file.first_contact.is_some(),
            card_valid_to: file.card_valid_to.filter(|_| !file.disability_card.is_empty()),
            location: file.extended.location,
            left_on: file.left_on,
            version,
            finder: Finder::of(&file),
        };
        self.named.entry((brief.name.clone(), brief.born)).or_default().insert(file.id.clone());
        if let Some(before) = self.briefs.insert(file.id.clone(), brief) {
            if (&before.name, before.born) != (&file.name, file.born) {
                self.unname(&before);
            }
            if let Some(residents) = self.residents.get_mut(&before.home) {
                residents.remove(&file.id);
            }
        }
        if file.left_on.is_none() {
            self.residents.entry(file.home.clone()).or_default().insert(file.id.clone());
        }
        let said = self.said.get(&file.id).map_or(&[][..], Vec::as_slice);
        let facts = file.facts(said);
        match self.elder_at.get(&file.id).and_then(|at| self.facts.elders.get_mut(*at)) {
            Some(slot) => *slot = facts,
            None => {
                self.elder_at.insert(file.id, self.facts.elders.len());
                self.facts.elders.push(facts);
            }
        }
    }

    fn consents(&mut self, elder: &ElderId) {
        let said = self.said.get(elder).map_or(&[][..], Vec::as_slice);
        if let Some(slot) = self.elder_at.get(elder).and_then(|at| self.facts.elders.get_mut(*at)) {
            slot.consents = care::office::facts::consents_by_day(said, slot.enrolled_on);
        }
    }

    fn visit(&mut self, visit: &Visit, policies: &PolicySet, zone: Tz, today: NaiveDate) {
        let day = local_day(visit.start, zone);
        let old = (today - day).num_days() > CONTACT_DAYS;
        let contact = policies.on(day).filter(|_| !old).and_then(|policy| visit.contact(policy));
        match (contact, self.contact_at.get(&visit.id).copied()) {
            (Some(contact), Some(at)) => {
                if let Some(slot) = self.facts.contacts.get_mut(at) {
                    *slot = contact;
                }
            }
            (Some(contact), None) => {
                self.contact_at.insert(visit.id.clone(), self.facts.contacts.len());
                self.facts.contacts.push(contact);
            }
            (None, Some(_)) => self.drop_contact(&visit.id),
            (None, None) => {}
        }
    }

    fn drop_contact(&mut self, id: &str) {
        let Some(at) = self.contact_at.remove(id) else { return };
        if at < self.facts.contacts.len() {
            self.facts.contacts.swap_remove(at);
        }
        if let Some(moved) = self.facts.contacts.get(at) {
            self.contact_at.insert(moved.id.clone(), at);
        }
    }

    fn forget(&mut self, kind: &str, id: &str) {
        match kind {
            ElderFile::KIND => {
                let elder = ElderId::new(id);
                if let Some(at) = self.elder_at.remove(&elder) {
                    self.facts.elders.swap_remove(at);
                    if let Some(moved) = self.facts.elders.get(at) {
                        self.elder_at.insert(moved.id.clone(), at);
                    }
                }
                if let Some(digest) = self.number_of.remove(&elder) {
                    self.numbers.remove(&digest);
                }
                if let Some(brief) = self.briefs.remove(&elder) {
                    self.unname(&brief);
                    if let Some(residents) = self.residents.get_mut(&brief.home) {
                        residents.remove(&elder);
                    }
                }
                self.said.remove(&elder);
            }
            Visit::KIND => self.drop_contact(id),
            ExtraEvent::KIND => {
                self.events.remove(id);
                self.facts.events = self.events.values().filter_map(ExtraEvent::duty).collect();
            }
            Pairing::KIND => self.pairs.values_mut().for_each(|pairs| drop(pairs.remove(id))),
            _ => {}
        }
    }

    /// Drops contacts that have become old.
    pub(super) fn prune(&mut self, now: Timestamp) {
        let oldest = now - TimeDelta::days(CONTACT_DAYS + 1);
        let old: Vec<String> = self.facts.contacts.iter().filter(|contact| contact.start < oldest).map(|contact| contact.id.clone()).collect();
        for id in old {
            self.drop_contact(&id);
        }
    }

    /// What lists show of an elder, with the tier of a day.
    pub(super) fn brief(&self, id: &ElderId, policies: &PolicySet, day: NaiveDate) -> Option<Brief> {
        let brief = self.briefs.get(id)?;
        Some(Brief { tier: self.tier(id, policies, day).map(str::to_owned), ..brief.clone() })
    }

    /// The tier of an elder on a day.
    pub(super) fn tier<'a>(&self, id: &ElderId, policies: &'a PolicySet, day: NaiveDate) -> Option<&'a str> {
        let elder = self.facts.elders.get(*self.elder_at.get(id)?)?;
        tier_on(policies.on(day)?, elder, day)
    }

    /// The facts of one elder.
    pub(super) fn facts_of(&self, id: &ElderId) -> Facts {
        let elder = self.elder_at.get(id).and_then(|at| self.facts.elders.get(*at));
        Facts {
            as_of: None,
            elders: elder.into_iter().cloned().collect(),
            contacts: self.facts.contacts.iter().filter(|contact| contact.elder == *id).cloned().collect(),
            events: self.facts.events.clone(),
        }
    }

    /// The elder with this identity number.
    pub(super) fn by_number(&self, number: &str) -> Option<&ElderId> {
        self.numbers.get(&digest_of(number))
    }

    fn unname(&mut self, brief: &Brief) {
        let name = (brief.name.clone(), brief.born);
        if let Some(same) = self.named.get_mut(&name) {
            same.remove(&brief.id);
            if same.is_empty() {
                self.named.remove(&name);
            }
        }
    }

    /// The first elder of that name born on that day.
    pub(super) fn by_name(&self, name: &str, born: NaiveDate) -> Option<&ElderId> {
        self.named.get(&(name.to_owned(), born))?.first()
    }

    /// Every pairing of a visitor.
    pub(super) fn pairings(&self, visitor: &PersonId) -> Vec<Pairing> {
        self.pairs.get(visitor).into_iter().flat_map(BTreeMap::values).cloned().collect()
    }

    /// The elders that a visitor is paired with on a day.
    pub(super) fn paired(&self, visitor: &PersonId, day: NaiveDate) -> BTreeSet<ElderId> {
        self.pairs.get(visitor).into_iter().flat_map(BTreeMap::values).filter(|pair| pair.on(day)).map(|pair| pair.elder.clone()).collect()
    }

    /// The latest day within the last three on which the devices of the elder's home saw too little: somebody should go
    /// and look (R79). A proposal, never a visit and never a fault of the elder.
    pub(super) fn doubt(&self, home: &HomeId, today: NaiveDate) -> Option<NaiveDate> {
        let last = self.doubts.get(home)?.last().copied()?;
        ((today - last).num_days() <= DOUBT_DAYS).then_some(last)
    }

    /// Proven cover in a month, of elders in homes with devices.
    pub(super) fn cover(&self, month: Month) -> BTreeMap<ElderId, CoverDays> {
        let mut cover = BTreeMap::new();
        for (home, months) in &self.cover {
            let Some(days) = months.get(&month) else { continue };
            let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            let of = CoverDays { with_devices: count(days.len()), covered: count(days.values().filter(|covered| **covered).count()) };
            for elder in self.residents.get(home).into_iter().flatten() {
                cover.insert(elder.clone(), of);
            }
        }
        cover
    }
}
