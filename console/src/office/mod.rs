//! The office's desk: the records of `care::office`, kept as sheets, and the read model that answers for a whole city at
//! once. Pages, the API, imports and the platform's own jobs all go through [`Office`].

mod sheets;

pub use sheets::{Kept, OfficeError, Page};

use care::Timestamp;
use care::policy::{Policy, PolicySet};
use care::visit::guard::Guards;
use chrono::NaiveDate;
use chrono_tz::Tz;
use std::sync::Arc;
use store::{Clock, Register};

/// What the office goes by.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The versions of the city's policy.
    pub policies: PolicySet,
    /// When a visit record is looked at twice.
    pub guards: Guards,
}

/// The office.
pub struct Office {
    register: Arc<dyn Register>,
    clock: Arc<dyn Clock>,
    rules: Rules,
    zone: Tz,
}

impl std::fmt::Debug for Office {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Office").finish_non_exhaustive()
    }
}

impl Office {
    /// An office over a register. Its days are those of the policy's zone.
    pub fn new(register: Arc<dyn Register>, clock: Arc<dyn Clock>, rules: Rules) -> Self {
        let zone = rules.policies.versions().last().map_or(chrono_tz::Asia::Shanghai, |policy| policy.zone);
        Self { register, clock, rules, zone }
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The zone of its days.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The local day.
    pub fn today(&self) -> NaiveDate {
        care::calendar::local_day(self.now(), self.zone)
    }

    /// What it goes by.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The version of the policy that is in force today.
    ///
    /// # Errors
    /// If there is none at all.
    pub fn policy(&self) -> Result<&Policy, OfficeError> {
        self.rules.policies.on(self.today()).ok_or(OfficeError::NoPolicy)
    }
}
