//! The office's desk: the records of `care::office`, kept as sheets, and the read model that answers for a whole city at
//! once. Pages, the API, imports and the platform's own jobs all go through [`Office`].

mod consents;
mod elders;
mod events;
mod facts;
mod figures;
mod matters;
mod model;
mod months;
mod privacy;
mod remote;
mod sheets;
mod visits;

pub use elders::{MASKED, Worklist, faults, masked};
pub use events::{WarningTaken, event_id};
pub use visits::{Finish, Taken};
pub use model::{Brief, Erased, HomeDay};
pub use months::{DueDuty, DueRow, Report};
pub use sheets::{Kept, OfficeError, Page};

use care::Timestamp;
use care::policy::{Policy, PolicySet};
use care::visit::guard::Guards;
use chrono::NaiveDate;
use chrono_tz::Tz;
use model::Model;
use std::sync::{Arc, PoisonError, RwLock};
use store::{Clock, Fence, Register};

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
    rules: Arc<Rules>,
    zone: Tz,
    model: Arc<RwLock<Model>>,
    /// One reader of the sheets at a time.
    reading: Arc<tokio::sync::Mutex<()>>,
    reports: Arc<months::Reports>,
    /// What is written must be the word of who is on duty.
    fence: Option<Fence>,
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
        Self { register, clock, rules: Arc::new(rules), zone, model: Arc::default(), reading: Arc::default(), reports: Arc::default(), fence: None }
    }

    /// The same office, for the jobs of the process that is on duty: nothing is written any more once another has taken the duty.
    #[must_use]
    pub fn on_duty(&self, fence: Fence) -> Self {
        let Self { register, clock, rules, zone, model, reading, reports, fence: _ } = self;
        Self {
            register: register.clone(),
            clock: clock.clone(),
            rules: rules.clone(),
            zone: *zone,
            model: model.clone(),
            reading: reading.clone(),
            reports: reports.clone(),
            fence: Some(fence),
        }
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

    /// Brings the read model up to date with the sheets. Cheap when nothing was written.
    ///
    /// # Errors
    /// If the register fails.
    pub async fn refresh(&self) -> Result<(), OfficeError> {
        let _turn = self.reading.lock().await;
        let today = self.today();
        let mut seq = self.look(|model| model.seq);
        loop {
            let sheets = self.register.sheets_since(seq, READ_AT_ONCE).await?;
            let Some((last, _)) = sheets.last() else { return Ok(()) };
            let full = sheets.len() >= READ_AT_ONCE;
            seq = *last;
            let mut model = self.model.write().unwrap_or_else(PoisonError::into_inner);
            for (seq, sheet) in &sheets {
                model.take(*seq, sheet, &self.rules.policies, self.zone, today);
            }
            if !full {
                model.prune(self.clock.now());
                return Ok(());
            }
        }
    }

    fn look<T>(&self, see: impl FnOnce(&Model) -> T) -> T {
        see(&self.model.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Sheets read in one go.
const READ_AT_ONCE: usize = 5_000;
