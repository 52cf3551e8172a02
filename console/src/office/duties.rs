//! What is owed to one elder, window by window with the reasons, and the events that concern the elder.

use super::{Office, OfficeError};
use care::ElderId;
use care::calendar::plus_days;
use care::office::ExtraEvent;
use care::visit::{ElderOwed, Facts, evaluate_since};
use std::sync::{Arc, PoisonError};
use store::register::within;

/// Windows and events that ended longer ago are not shown.
const DAYS: i64 = 184;

impl Office {
    /// Lets somebody see what was owed to an elder in the last half-year, with the facts it was judged by. None: there is no such
    /// elder in the register.
    ///
    /// # Errors
    /// If the register fails.
    pub async fn duties_of<T: Send + 'static>(&self, id: &ElderId, see: impl FnOnce(&Facts, &ElderOwed<'_>) -> T + Send + 'static) -> Result<Option<T>, OfficeError> {
        self.refresh().await?;
        let (model, rules, id, today) = (Arc::clone(&self.model), self.rules(), id.clone(), self.today());
        tokio::task::spawn_blocking(move || {
            let facts = model.read().unwrap_or_else(PoisonError::into_inner).facts_of(&id);
            let owed = evaluate_since(&rules.policies, &facts, |_| true, plus_days(today, -DAYS), today);
            owed.first().map(|of| see(&facts, of))
        })
        .await
        .map_err(|_| OfficeError::NoPolicy)
    }

    /// The events of the last half-year that concern an elder, the newest first: those that name the elder, and those of the place.
    ///
    /// # Errors
    /// If the register fails.
    pub async fn events_about(&self, id: &ElderId) -> Result<Vec<ExtraEvent>, OfficeError> {
        self.refresh().await?;
        let from = care::calendar::start_of_day(plus_days(self.today(), -DAYS), self.zone);
        Ok(self.look(|model| {
            let Some(brief) = model.briefs.get(id) else { return Vec::new() };
            let concerns = |event: &&ExtraEvent| match &event.elder {
                Some(elder) => elder == id,
                None => within(&brief.area, &event.area),
            };
            let mut events: Vec<ExtraEvent> = model.events.values().filter(|event| event.start >= from).filter(concerns).cloned().collect();
            events.sort_by(|a, b| (b.start, &b.id).cmp(&(a.start, &a.id)));
            events
        }))
    }
}
