//! Consents: taken with their proof, withdrawn at once.

use super::sheets::Kept;
use super::{Office, OfficeError};
use care::office::{Consent, ConsentStep, ElderFile, Refused};
use care::{ElderId, HomeId, PersonId};
use std::collections::BTreeMap;
use store::sheet::SheetAsk;

impl Office {
    /// Takes a step of a consent.
    ///
    /// # Errors
    /// A purpose that the policy does not know, or a step that does not fit.
    pub async fn consent(&self, elder: &ElderId, purpose: &str, step: ConsentStep, by: &PersonId) -> Result<Kept<Consent>, OfficeError> {
        if !self.policy()?.consent.kinds.iter().any(|kind| kind == purpose) {
            return Err(Refused::field("purpose", "政策中没有这一同意事项", "the policy asks for no such consent").into());
        }
        if step.at > self.now() {
            return Err(Refused::field("at", "时间在将来", "the time lies in the future").into());
        }
        let file: Kept<ElderFile> = self.get(elder.as_str()).await?;
        let id = Consent::name(elder, purpose);
        let (consent, version) = match self.find::<Consent>(&id).await? {
            Some(kept) => (kept.record, kept.version),
            None => (Consent::new(elder.clone(), file.record.home.clone(), file.record.area.clone(), purpose.to_owned()), 0),
        };
        self.put(&consent.step(step)?, version, by.as_str()).await?;
        self.get(&id).await
    }

    /// The consents of an elder.
    ///
    /// # Errors
    /// If the register fails.
    pub async fn consents_of(&self, elder: &ElderId) -> Result<Vec<Kept<Consent>>, OfficeError> {
        self.all(SheetAsk::of("consent").elder(elder)).await
    }

    /// The homes where somebody has said something about remote monitoring, and whether it may go on: where any
    /// resident has withdrawn or refused, it may not, for sensors cannot tell people apart (VIS-3).
    ///
    /// # Errors
    /// If the register fails.
    pub async fn monitored(&self) -> Result<BTreeMap<HomeId, bool>, OfficeError> {
        let consents: Vec<Kept<Consent>> = self.all(SheetAsk::of("consent")).await?;
        let mut homes = BTreeMap::new();
        for consent in consents.into_iter().map(|kept| kept.record).filter(|consent| consent.purpose == "remote" && !consent.steps.is_empty()) {
            let may = homes.entry(consent.home.clone()).or_insert(true);
            *may &= consent.holds();
        }
        Ok(homes)
    }
}
