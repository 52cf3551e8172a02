//! The office's desk: the records of `care::office`, kept as sheets, and the read model that answers for a whole city at
//! once. Pages, the API, imports and the platform's own jobs all go through [`Office`].

mod consents;
mod copies;
mod duties;
mod elders;
mod events;
mod facts;
mod figures;
mod finder;
mod matters;
mod model;
mod months;
mod privacy;
mod remote;
mod rules;
mod sheets;
mod surveys;
mod visits;

pub use elders::{MASKED, Worklist, changes_masked, faults, masked};
pub use events::{WarningTaken, event_id};
pub use visits::{Finish, Taken};
pub use finder::Finder;
pub use model::{Brief, Erased, HomeDay};
pub use months::{DueDuty, DueRow, Report};
pub use copies::CopyDue;
pub use rules::Rules;
pub use sheets::{Kept, OfficeError, Page};

use care::Timestamp;
use care::office::Record;
use chrono::NaiveDate;
use chrono_tz::Tz;
use model::Model;
use std::sync::{Arc, PoisonError, RwLock};
use store::{Clock, Fence, Register};

/// The office.
pub struct Office {
    register: Arc<dyn Register>,
    clock: Arc<dyn Clock>,
    /// As the settings say.
    settings: Arc<Rules>,
    standing: Arc<RwLock<Arc<rules::Standing>>>,
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
        let standing = Arc::new(RwLock::new(rules::Standing::new(rules.clone())));
        let (model, reading, reports) = (Arc::default(), Arc::default(), Arc::default());
        Self { register, clock, settings: Arc::new(rules), standing, zone, model, reading, reports, fence: None }
    }

    /// The same office, for the jobs of the process that is on duty: nothing is written any more once another has taken the duty.
    #[must_use]
    pub fn on_duty(&self, fence: Fence) -> Self {
        let Self { register, clock, settings, standing, zone, model, reading, reports, fence: _ } = self;
        Self {
            register: register.clone(),
            clock: clock.clone(),
            settings: settings.clone(),
            standing: standing.clone(),
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

    /// Brings the read model up to date with the sheets. Cheap when nothing was written.
    ///
    /// # Errors
    /// If the register fails.
    pub async fn refresh(&self) -> Result<(), OfficeError> {
        let _turn = self.reading.lock().await;
        let mut seq = self.look(|model| model.seq);
        if seq == 0 {
            self.take_up().await?;
        }
        loop {
            let sheets = self.register.sheets_since(seq, READ_AT_ONCE).await?;
            let Some((last, _)) = sheets.last() else { return Ok(()) };
            let full = sheets.len() >= READ_AT_ONCE;
            seq = *last;
            let activated = self.taken(&sheets, full);
            if activated && self.take_up().await? {
                seq = 0; // the picture is made anew by the new rules
            } else if !full {
                return Ok(());
            }
        }
    }

    /// Takes sheets into the picture. True if a version of the policy was activated among them.
    fn taken(&self, sheets: &[(u64, store::sheet::Sheet)], more: bool) -> bool {
        let (rules, today) = (self.rules(), self.today());
        let mut model = self.model.write().unwrap_or_else(PoisonError::into_inner);
        for (seq, sheet) in sheets {
            model.take(*seq, sheet, &rules.policies, self.zone, today);
        }
        if !more {
            model.prune(self.clock.now());
        }
        sheets.iter().any(|(_, sheet)| sheet.kind == care::office::Proposal::KIND && sheet.state == "activated")
    }

    fn look<T>(&self, see: impl FnOnce(&Model) -> T) -> T {
        see(&self.model.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Sheets read in one go.
const READ_AT_ONCE: usize = 5_000;
