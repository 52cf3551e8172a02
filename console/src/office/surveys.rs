//! Surveys of homes: laid out for a whole area, taken once however often a phone sends them.

use super::sheets::Kept;
use super::{Office, OfficeError};
use care::office::survey::Went;
use care::office::{Record, Refused, Survey};
use care::{HomeId, PersonId};
use chrono::NaiveDate;
use store::register::{HomeRecord, Put, within};

/// Homes read, and surveys written, in one go.
const AT_ONCE: usize = 500;

impl Office {
    /// Lays out a survey for every home of an area that has none yet. Returns how many were laid out.
    ///
    /// # Errors
    /// If the day has passed, or the register fails.
    pub async fn lay_out_surveys(&self, area: &str, due_on: NaiveDate, by: &PersonId) -> Result<usize, OfficeError> {
        if due_on < self.today() {
            return Err(Refused::field("due_on", "到期日已过", "this day has passed").into());
        }
        let mut after: Option<HomeId> = None;
        let mut laid = 0;
        loop {
            let homes = self.register.homes(after.as_ref(), AT_ONCE).await?;
            let full = homes.len() >= AT_ONCE;
            after = homes.last().cloned();
            let mut entries: Vec<Put> = Vec::new();
            for id in homes {
                let Some(home) = self.register.home(&id).await?.filter(|home| within(&home.area, area)) else { continue };
                if self.find::<Survey>(id.as_str()).await?.is_none() {
                    entries.push(self.put_of(&Survey::new(id, home.area, due_on), 0, by.as_str())?);
                }
            }
            laid += entries.len();
            if !entries.is_empty() {
                self.write(entries).await?;
            }
            if !full {
                break;
            }
        }
        self.write(vec![self.audit(by.as_str(), "survey.lay_out", area)]).await?;
        Ok(laid)
    }

    /// A home that nobody knew of, to be surveyed.
    ///
    /// # Errors
    /// If it is known, or has no address.
    pub async fn survey_home(&self, home: HomeRecord, due_on: NaiveDate, by: &PersonId) -> Result<Kept<Survey>, OfficeError> {
        if home.address.trim().is_empty() {
            return Err(Refused::field("address", "请填写地址", "the address is missing").into());
        }
        if self.register.home(&home.id).await?.is_some() {
            return Err(Refused::field("home", "该住所编号已存在", "there is a home of that name").into());
        }
        let survey = Survey::new(home.id.clone(), home.area.clone(), due_on);
        let entries = vec![self.put_of(&survey, 0, by.as_str())?, self.audit(by.as_str(), "survey.create", home.id.as_str()), Put::Home(home)];
        self.write(entries).await?;
        self.get(&survey.id()).await
    }

    /// Notes that somebody went to a home. Sent twice, it is one. True: it was there already.
    ///
    /// # Errors
    /// Without a survey of that home; what does not fit.
    pub async fn go_to_home(&self, home: &HomeId, went: Went, by: &PersonId) -> Result<(Kept<Survey>, bool), OfficeError> {
        let kept: Kept<Survey> = self.get(home.as_str()).await?;
        let Some(changed) = kept.record.clone().go(went, self.now())? else { return Ok((kept, true)) };
        let entries = vec![self.put_of(&changed, kept.version, by.as_str())?, self.audit(by.as_str(), "survey.go", home.as_str())];
        self.write(entries).await?;
        Ok((self.get(home.as_str()).await?, false))
    }
}
