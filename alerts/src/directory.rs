//! Where a contact is reached and what a helper needs to know of a home.

use async_trait::async_trait;
use care::{ContactId, HomeId};
use chrono_tz::Tz;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{LedgerError, Register};

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

    /// A home; one that is not in the register has no facts, and is called about all the same.
    async fn home(&self, id: &HomeId) -> Result<HomeFacts, LedgerError>;

    /// The zone that times of day are said in.
    fn zone(&self) -> Tz;
}

/// The directory out of the register.
pub struct RegisterDirectory {
    register: Arc<dyn Register>,
    zone: Tz,
}

impl RegisterDirectory {
    /// Reads from `register`, says times in `zone`.
    pub fn new(register: Arc<dyn Register>, zone: Tz) -> Self {
        Self { register, zone }
    }
}

#[async_trait]
impl Directory for RegisterDirectory {
    async fn contact(&self, id: &ContactId) -> Result<Option<ContactFacts>, LedgerError> {
        let found = self.register.contact(id).await?;
        Ok(found.map(|c| ContactFacts { addresses: c.addresses, language: c.language }))
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
