//! Remote monitoring as a visit that records itself (R74 to R78), and alarms that people took care of as contacts (R77).

use super::model::HomeDay;
use super::sheets::Kept;
use super::{Office, OfficeError};
use care::calendar::{local_day, plus_days, start_of_day};
use care::office::facts::consents_by_day;
use care::office::visit::{Asked, Origin};
use care::office::{Consent, ElderFile, Record, Visit, handled, order_of};
use care::policy::{Mode, Outcome};
use care::visit::form::VisitForm;
use care::visit::remote::{DayEvidence, Period, judge_period};
use care::{Alarm, ElderId, HomeId, TimeDelta, Timestamp};
use chrono::NaiveDate;
use store::register::Put;
use store::sheet::SheetAsk;

/// Who writes what records itself.
const BY: &str = "platform";
/// Days written in one transaction.
const DAYS_AT_ONCE: usize = 500;

impl Office {
    /// Keeps the days of homes as their devices proved them. A day that is kept already stays as it is.
    ///
    /// # Errors
    /// If the register fails.
    pub async fn keep_days(&self, days: Vec<(HomeId, DayEvidence)>) -> Result<usize, OfficeError> {
        let mut kept = 0;
        for some in days.chunks(DAYS_AT_ONCE) {
            let mut entries: Vec<Put> = Vec::new();
            for (home, evidence) in some {
                let area = self.register.home(home).await?.map(|home| home.area).unwrap_or_default();
                let day = HomeDay { home: home.clone(), area, evidence: evidence.clone() };
                if self.find::<HomeDay>(&day.id()).await?.is_none() {
                    entries.push(self.put_of(&day, 0, BY)?);
                }
            }
            kept += entries.len();
            if !entries.is_empty() {
                self.write(entries).await?;
            }
        }
        Ok(kept)
    }

    /// Records the remote visits that are due at the end of a day: for every elder in a home of one, with consent on every
    /// day of the period, whose period qualifies and does not overlap the one before. Sensors cannot tell two people
    /// apart: in a home of several nothing is recorded. Returns the new ones.
    ///
    /// # Errors
    /// If the register fails.
    pub async fn record_remote(&self, to: NaiveDate) -> Result<Vec<String>, OfficeError> {
        self.refresh().await?;
        let policy = self.policy_on(to)?;
        if policy.counts.remote.satisfies.is_empty() {
            return Ok(Vec::new());
        }
        let length = i64::from(policy.counts.remote.period_days);
        let first = plus_days(to, 1 - length);
        let alone: Vec<(HomeId, ElderId)> = self.look(|model| {
            let ones = model.residents.iter().filter(|(_, elders)| elders.len() == 1);
            ones.filter_map(|(home, elders)| Some((home.clone(), elders.first()?.clone()))).collect()
        });
        let mut recorded = Vec::new();
        for (home, elder) in alone {
            let consent: Option<Kept<Consent>> = self.find(&Consent::name(&elder, "remote")).await?;
            let Some(consent) = consent.filter(|consent| consent.record.holds()) else { continue };
            let before = SheetAsk::of(Visit::KIND).elder(&elder).from(start_of_day(plus_days(first, -length), self.zone));
            let visits: Vec<Kept<Visit>> = self.all(before).await?;
            let overlaps = visits.iter().filter_map(|kept| kept.record.evidence.as_ref()).any(|evidence| evidence.to >= first);
            if overlaps {
                continue;
            }
            let ask = SheetAsk::of(HomeDay::KIND).home(&home).from(order_of(first)).to(order_of(plus_days(to, 1)));
            let days: Vec<DayEvidence> = self.all::<HomeDay>(ask).await?.into_iter().map(|kept| kept.record.evidence).collect();
            let said = [("remote".to_owned(), consent.record.days(self.zone))];
            let Some(consents) = consents_by_day(&said, first) else { continue };
            let Period::Visit(evidence) = judge_period(&policy, &consents, &days) else { continue };
            let file: Kept<ElderFile> = self.get(elder.as_str()).await?;
            if file.record.left_on.is_some() {
                continue;
            }
            let at = care::calendar::end_of_day(to, self.zone) - TimeDelta::seconds(1);
            let visit = Visit {
                id: format!("remote.{to}.{elder}"),
                elder: elder.clone(),
                home: home.clone(),
                area: file.record.area.clone(),
                visitor: BY.into(),
                organisation: String::new(),
                mode: Mode::Remote,
                origin: Origin::Devices,
                start: at,
                end: Some(at),
                outcome: Outcome::Met,
                form: VisitForm { mode: Some(Mode::Remote), date: Some(to), ..VisitForm::default() },
                asked: Asked::default(),
                no_answer: None,
                distance_m: None,
                check_in: None,
                recorded_at: self.now(),
                recorded_by: BY.into(),
                signed_at: Some(self.now()),
                corrections: Vec::new(),
                alarm: None,
                evidence: Some(evidence),
                reviewed: None,
            };
            self.write(vec![self.put_of(&visit, 0, BY)?, self.audit(BY, "visit.remote", &visit.id)]).await?;
            recorded.push(visit.id);
        }
        Ok(recorded)
    }

    /// A closed alarm as contacts of its elders, each in its real mode. Done again it changes nothing.
    ///
    /// # Errors
    /// If the register fails.
    pub async fn record_handled(&self, alarm: &Alarm) -> Result<Vec<String>, OfficeError> {
        let policy = self.policy_on(local_day(alarm.raised_at, self.zone))?;
        let mut recorded = Vec::new();
        for elder in &alarm.elders {
            let Some(file) = self.find::<ElderFile>(elder.as_str()).await? else { continue };
            let Some(visit) = handled::contact(alarm, elder, &file.record.area, &policy) else { continue };
            if self.find::<Visit>(&visit.id).await?.is_some() {
                continue;
            }
            self.write(vec![self.put_of(&visit, 0, BY)?, self.audit(BY, "visit.handled", &visit.id)]).await?;
            recorded.push(visit.id);
        }
        Ok(recorded)
    }

    /// When somebody spoke with or saw the elders of a home since an instant: what explains a silence.
    ///
    /// # Errors
    /// If the register fails.
    pub async fn seen_since(&self, home: &HomeId, from: Timestamp) -> Result<Vec<Timestamp>, OfficeError> {
        let visits: Vec<Kept<Visit>> = self.all(SheetAsk::of(Visit::KIND).home(home).from(from)).await?;
        let met = |visit: &Visit| visit.outcome == Outcome::Met && visit.mode != Mode::Remote;
        Ok(visits.into_iter().map(|kept| kept.record).filter(met).map(|visit| visit.start).collect())
    }
}
