//! The figures of a month for the departments, worked out from the records.

use super::{Office, OfficeError};
use care::calendar::{Month, end_of_day, start_of_day};
use care::office::figures::{Figures, Made};
use care::office::{ElderFile, Hazard, Incident, Record, Referral, Visitor};
use care::visit::{Elder, evaluate_since};
use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use store::register::within;
use store::sheet::SheetAsk;

impl Office {
    /// The figures of a month for an area (empty: the city).
    ///
    /// # Errors
    /// If the register fails.
    pub async fn figures(&self, month: Month, area: &str) -> Result<Figures, OfficeError> {
        self.refresh().await?;
        let visits = self.visits_of_month(month, area).await?;
        let (from, to) = (start_of_day(month.first(), self.zone), end_of_day(month.last(), self.zone));
        let found = |kind: &str| SheetAsk::of(kind).area(area).from(from).to(to);
        let elders = self.all::<ElderFile>(SheetAsk::of(ElderFile::KIND).area(area)).await?;
        // A provider's people may belong to the city and visit in a village.
        let visitors = self.all::<Visitor>(SheetAsk::of(Visitor::KIND)).await?;
        let hazards = self.all::<Hazard>(found(Hazard::KIND)).await?;
        let incidents = self.all::<Incident>(found(Incident::KIND)).await?;
        let referrals = self.all::<Referral>(found(Referral::KIND)).await?;
        let (model, rules, path, today) = (Arc::clone(&self.model), self.rules(), area.to_owned(), self.today());
        let counted: BTreeSet<String> = tokio::task::spawn_blocking(move || {
            let model = model.read().unwrap_or_else(PoisonError::into_inner);
            let wanted = |elder: &Elder| within(elder.area.as_deref().unwrap_or_default(), &path);
            let owed = evaluate_since(&rules.policies, &model.facts, wanted, month.first(), today);
            let places = owed.iter().flat_map(|of| &of.owed).flat_map(|owed| owed.counted.iter().copied());
            places.filter_map(|place| Some(model.facts.contacts.get(usize::try_from(place).ok()?)?.id.clone())).collect()
        })
        .await
        .map_err(|_| OfficeError::NoPolicy)?;
        let made = Made {
            elders: elders.iter().map(|kept| &kept.record).collect(),
            visitors: visitors.iter().map(|kept| &kept.record).collect(),
            visits: visits.iter().map(|kept| &kept.record).collect(),
            counted: counted.iter().map(String::as_str).collect(),
            hazards: hazards.iter().map(|kept| &kept.record).collect(),
            incidents: incidents.iter().map(|kept| &kept.record).collect(),
            referrals: referrals.iter().map(|kept| &kept.record).collect(),
        };
        Ok(Figures::new(month, &made, self.zone))
    }
}
