//! Who lives where, remembered for half a minute: the queue shows names for every row, and the register unseals each
//! name that it is asked for.

use crate::caller::Caller;
use crate::mask;
use crate::problem::Problem;
use care::{ContactId, ElderId, HomeId, TimeDelta, Timestamp};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use store::register::{ContactRecord, ElderRecord, HomeRecord};
use store::{Clock, Register};

/// How long a place is taken as it was read.
const FRESH: TimeDelta = TimeDelta::seconds(30);

/// An elder, masked: what must be asked for is not kept in memory.
#[derive(Debug, Clone)]
pub(crate) struct Elder {
    pub(crate) id: ElderId,
    pub(crate) name: String,
    pub(crate) born_year: Option<i32>,
    pub(crate) sex: String,
    pub(crate) tier: String,
    pub(crate) speech_notes: String,
    pub(crate) phone_masked: String,
    pub(crate) has_health_notes: bool,
}

impl From<ElderRecord> for Elder {
    fn from(record: ElderRecord) -> Self {
        Self {
            phone_masked: mask::phone(&record.phone),
            has_health_notes: !record.health_notes.is_empty(),
            id: record.id,
            name: record.name,
            born_year: record.born_year,
            sex: record.sex,
            tier: record.tier,
            speech_notes: record.speech_notes,
        }
    }
}

/// A contact, masked.
#[derive(Debug, Clone)]
pub(crate) struct Contact {
    pub(crate) id: ContactId,
    pub(crate) name: String,
    pub(crate) relation: String,
    /// Channel and masked address.
    pub(crate) addresses: Vec<(String, String)>,
    /// True if it stands for many homes.
    pub(crate) shared: bool,
}

impl From<ContactRecord> for Contact {
    fn from(record: ContactRecord) -> Self {
        Self {
            addresses: record.addresses.iter().map(|(channel, at)| (channel.clone(), mask::address(channel, at))).collect(),
            shared: record.home.is_none(),
            id: record.id,
            name: record.name,
            relation: record.relation,
        }
    }
}

/// A home with the people who belong to it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place {
    /// The home, if it is registered.
    pub(crate) record: Option<HomeRecord>,
    /// Who lives there.
    pub(crate) elders: Vec<Elder>,
    /// Who is called, shared contacts included.
    pub(crate) contacts: Vec<Contact>,
    /// The names of the areas it lies in, city first.
    pub(crate) areas: Vec<String>,
}

impl Place {
    /// For those who do not take alarms: names masked, nothing about how to speak or where the key lies.
    pub(crate) fn masked(&self) -> Self {
        let mut place = self.clone();
        for elder in &mut place.elders {
            elder.name = mask::name(&elder.name);
            elder.speech_notes.clear();
        }
        for contact in &mut place.contacts {
            contact.name = mask::name(&contact.name);
        }
        if let Some(record) = &mut place.record {
            record.address.clear();
            record.access_notes.clear();
        }
        place
    }

    /// The names of those who live there, or an empty text.
    pub(crate) fn names(&self) -> String {
        self.elders.iter().map(|e| e.name.as_str()).collect::<Vec<_>>().join("、")
    }

    /// A contact of this home.
    pub(crate) fn contact(&self, id: &ContactId) -> Option<&Contact> {
        self.contacts.iter().find(|c| c.id == *id)
    }

    /// The areas below the city, as people say them.
    pub(crate) fn area(&self) -> String {
        self.areas.iter().skip(usize::from(self.areas.len() > 1)).map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

type Kept = HashMap<HomeId, (Timestamp, Arc<Place>)>;
type Areas = (Timestamp, Arc<HashMap<String, String>>);

/// The memory.
pub(crate) struct Places {
    register: Arc<dyn Register>,
    clock: Arc<dyn Clock>,
    most: usize,
    kept: Mutex<Kept>,
    areas: Mutex<Option<Areas>>,
    people: Mutex<HashMap<String, (Timestamp, String)>>,
}

impl Places {
    pub(crate) fn new(register: Arc<dyn Register>, clock: Arc<dyn Clock>, most: usize) -> Self {
        Self { register, clock, most, kept: Mutex::default(), areas: Mutex::default(), people: Mutex::default() }
    }

    /// The place of a home as a caller may see it.
    pub(crate) async fn seen_by(&self, caller: &Caller, home: &HomeId) -> Result<Arc<Place>, Problem> {
        let place = self.of(home).await?;
        Ok(if caller.acts() { place } else { Arc::new(place.masked()) })
    }

    /// The place of a home. An unregistered home is a place without a record.
    pub(crate) async fn of(&self, home: &HomeId) -> Result<Arc<Place>, Problem> {
        let now = self.clock.now();
        {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, place)) = kept.get(home).filter(|(at, _)| now - *at < FRESH && *at <= now) {
                return Ok(Arc::clone(place));
            }
        }
        let record = self.register.home(home).await?;
        let elders = self.register.elders_of(home).await?.into_iter().map(Elder::from).collect();
        let contacts = self.register.contacts_of(home).await?.into_iter().map(Contact::from).collect();
        let names = self.areas(now).await?;
        let areas = record.as_ref().map(|r| area_names(&r.area, &names)).unwrap_or_default();
        let place = Arc::new(Place { record, elders, contacts, areas });
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= self.most {
            kept.clear();
        }
        kept.insert(home.clone(), (now, Arc::clone(&place)));
        Ok(place)
    }

    async fn areas(&self, now: Timestamp) -> Result<Arc<HashMap<String, String>>, Problem> {
        {
            let areas = self.areas.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((at, names)) = areas.as_ref()
                && now - *at < FRESH
            {
                return Ok(Arc::clone(names));
            }
        }
        let names: HashMap<_, _> = self.register.areas().await?.into_iter().map(|a| (a.id, a.name)).collect();
        let names = Arc::new(names);
        *self.areas.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&names)));
        Ok(names)
    }

    /// The name to show for whoever has an alarm: a person's or a contact's name, else the identifier.
    pub(crate) async fn person_name(&self, id: &str) -> String {
        let now = self.clock.now();
        {
            let people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, name)) = people.get(id).filter(|(at, _)| now - *at < FRESH && *at <= now) {
                return name.clone();
            }
        }
        let name = self.look_up(id).await.filter(|name| !name.is_empty()).unwrap_or_else(|| id.to_owned());
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        if people.len() >= self.most {
            people.clear();
        }
        people.insert(id.to_owned(), (now, name.clone()));
        name
    }

    async fn look_up(&self, id: &str) -> Option<String> {
        if let Ok(Some(person)) = self.register.person(&care::PersonId::new(id)).await {
            return Some(person.name);
        }
        self.register.contact(&ContactId::new(id)).await.ok().flatten().map(|contact| contact.name)
    }
}

/// The names of an area and of those above it: `a/b/c` has those of `a`, `a/b` and `a/b/c`.
fn area_names(path: &str, names: &HashMap<String, String>) -> Vec<String> {
    let mut out = Vec::new();
    let ends = path.match_indices('/').map(|(i, _)| i).chain([path.len()]);
    for end in ends {
        if let Some(name) = path.get(..end).and_then(|p| names.get(p)) {
            out.push(name.clone());
        }
    }
    out
}
