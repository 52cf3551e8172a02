//! The register of copies on paper (R72): the policy names who keeps how many of each form; here stands where each lies.

use super::sheets::Kept;
use super::{Office, OfficeError};
use care::office::copy::{Form, PaperCopy};
use care::office::{Refused, Visit};
use care::{ElderId, PersonId};
use store::sheet::SheetAsk;

/// A copy that ought to be somewhere, and the entry if it is.
#[derive(Debug, Clone, PartialEq)]
pub struct CopyDue {
    /// Which form.
    pub form: Form,
    /// The visit, or the elder.
    pub subject: String,
    /// Which of the copies, from 1.
    pub number: u8,
    /// Who keeps it by the policy.
    pub keeper: String,
    /// Where it lies; none: not handed over yet.
    pub kept: Option<PaperCopy>,
}

/// Visits of an elder whose copies are listed, the latest.
const VISITS: usize = 24;

impl Office {
    fn keepers(&self, form: Form) -> Result<Vec<String>, OfficeError> {
        let policy = self.policy()?;
        Ok(match form {
            Form::Registration => policy.registration_form.copies.clone(),
            Form::Visit => policy.visit_form.copies.clone(),
        })
    }

    /// The copies of an elder's papers: of the registration, and of the latest signed visits with a record on paper, each with
    /// where it lies.
    ///
    /// # Errors
    /// If the register fails.
    pub async fn copies_of(&self, elder: &ElderId) -> Result<Vec<CopyDue>, OfficeError> {
        let entered: Vec<Kept<PaperCopy>> = self.all(SheetAsk::of("paper_copy").elder(elder)).await?;
        let visits: Vec<Kept<Visit>> = self.all(SheetAsk::of("visit").elder(elder)).await?;
        let signed = visits.iter().rev().filter(|kept| kept.record.signed_at.is_some() && kept.record.evidence.is_none());
        let subjects = std::iter::once((Form::Registration, elder.to_string())).chain(signed.take(VISITS).map(|kept| (Form::Visit, kept.record.id.clone())));
        let mut due = Vec::new();
        for (form, subject) in subjects {
            for (number, keeper) in (1u8..).zip(self.keepers(form)?) {
                let name = PaperCopy::name(form, &subject, number);
                let kept = entered.iter().find(|kept| PaperCopy::name(kept.record.form, &kept.record.subject, kept.record.number) == name);
                due.push(CopyDue { form, subject: subject.clone(), number, keeper, kept: kept.map(|kept| kept.record.clone()) });
            }
        }
        Ok(due)
    }

    /// A copy lies somewhere: handed over for the first time, or moved.
    ///
    /// # Errors
    /// If the policy asks for no such copy, the subject is not the elder's, or there is no place.
    pub async fn shelve_copy(&self, elder: &ElderId, form: Form, subject: &str, number: u8, place: &str, by: &PersonId) -> Result<Kept<PaperCopy>, OfficeError> {
        let name = PaperCopy::name(form, subject, number);
        let (before, copy) = match self.find::<PaperCopy>(&name).await? {
            Some(kept) if kept.record.elder == *elder => (kept.version, kept.record),
            Some(_) => return Err(OfficeError::NotFound),
            None => {
                let keeper = usize::from(number).checked_sub(1).and_then(|at| self.keepers(form).ok()?.get(at).cloned());
                let keeper = keeper.ok_or_else(|| Refused::field("number", "政策未规定该份", "the policy asks for no such copy"))?;
                let file: Kept<care::office::ElderFile> = self.get(elder.as_str()).await?;
                match form {
                    Form::Registration if subject != elder.as_str() => return Err(OfficeError::NotFound),
                    Form::Registration => {}
                    Form::Visit => {
                        let visit: Kept<Visit> = self.get(subject).await?;
                        if visit.record.elder != *elder || visit.record.signed_at.is_none() {
                            return Err(OfficeError::NotFound);
                        }
                    }
                }
                let copy = PaperCopy {
                    form,
                    subject: subject.to_owned(),
                    elder: elder.clone(),
                    home: file.record.home,
                    area: file.record.area,
                    number,
                    keeper,
                    place: String::new(),
                    since: self.now(),
                    gone: false,
                    log: Vec::new(),
                };
                (0, copy)
            }
        };
        let copy = copy.shelve(place, by, self.now())?;
        self.put(&copy, before, by.as_str()).await?;
        self.get(&name).await
    }

    /// A copy was destroyed, on what ground.
    ///
    /// # Errors
    /// If it was never handed over, or is gone already.
    pub async fn destroy_copy(&self, name: &str, ground: &str, by: &PersonId) -> Result<Kept<PaperCopy>, OfficeError> {
        let now = self.now();
        self.step(name, "paper_copy.destroy", by, |copy: PaperCopy| copy.destroy(ground, by, now)).await
    }
}
