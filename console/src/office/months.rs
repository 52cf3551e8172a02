//! What a month comes to: the report, its closing, the league table, the forecast, and the list of who is to be visited.

use super::sheets::{Kept, read};
use super::{Brief, Office, OfficeError};
use care::calendar::{Month, plus_days};
use care::office::month::{Forecast, FrozenMonth, Ranked, forecast, league};
use care::office::{Record, Refused};
use care::policy::Mode;
use care::visit::report::MonthReport;
use care::visit::{Because, Duty, Elder, Gap, State, evaluate_since};
use care::{ElderId, PersonId};
use chrono::NaiveDate;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use store::register::{Put, within};
use store::sheet::SheetAsk;

/// Reports kept in memory; the oldest go first.
const REPORTS_KEPT: usize = 64;
/// Parts of an area path that make a town.
const TOWN_DEPTH: usize = 2;

type Asked = (Month, String, NaiveDate);

/// Reports that were worked out, by what was asked, each with the state of the facts it was made from.
#[derive(Default)]
pub(super) struct Reports(Mutex<Vec<(Asked, u64, Arc<MonthReport>)>>);

/// A report, and whether it is closed.
#[derive(Debug, Clone)]
pub struct Report {
    /// The report.
    pub report: Arc<MonthReport>,
    /// The seal of a closed month, and who closed it when; of what was worked out again, the last.
    pub closed: Option<(String, PersonId, care::Timestamp)>,
}

/// A duty of somebody on the list.
#[derive(Debug, Clone, PartialEq)]
pub struct DueDuty {
    /// The duty, by the name that the policy gives it.
    pub id: String,
    /// What would count.
    pub modes: Vec<Mode>,
    /// The first day.
    pub first: NaiveDate,
    /// The last day.
    pub last: NaiveDate,
    /// How it stands.
    pub state: State,
    /// The event or festival that set it off.
    pub because: Option<String>,
    /// A hole between visits that should not be.
    pub gap: Option<Gap>,
}

/// Somebody to be visited.
#[derive(Debug, Clone, PartialEq)]
pub struct DueRow {
    /// Who.
    pub elder: Brief,
    /// The tier today.
    pub tier: Option<String>,
    /// What is owed now or was missed in the window before; the most urgent first.
    pub duties: Vec<DueDuty>,
    /// The last home visit that met the elder.
    pub last_home_visit: Option<NaiveDate>,
    /// The devices saw too little on this day: a visit is proposed (R79).
    pub proposed: Option<NaiveDate>,
}

impl DueRow {
    /// The last day for something that is still owed.
    pub fn by(&self) -> Option<NaiveDate> {
        self.duties.iter().filter(|duty| duty.state == State::Due).map(|duty| duty.last).min()
    }
}

impl Office {
    /// The report of a month for an area (empty: the city). A closed month is shown as it was closed.
    ///
    /// # Errors
    /// If the register fails, or a closed month is not as it was sealed.
    pub async fn report(&self, month: Month, area: &str) -> Result<Report, OfficeError> {
        self.refresh().await?;
        match self.look(|model| model.frozen.get(&month).copied()) {
            Some(restated) => self.closed(month, restated, area).await,
            None => Ok(Report { report: self.worked_out(month, area).await?, closed: None }),
        }
    }

    /// The report of a month as the facts are now, whether it is closed or not.
    ///
    /// # Errors
    /// If the register fails.
    pub async fn worked_out(&self, month: Month, area: &str) -> Result<Arc<MonthReport>, OfficeError> {
        self.refresh().await?;
        let today = self.today();
        let asked = (month, area.to_owned(), today);
        let generation = self.look(|model| model.generation);
        {
            let kept = self.reports.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, _, report)) = kept.iter().find(|(of, at, _)| *of == asked && *at == generation) {
                return Ok(Arc::clone(report));
            }
        }
        let (model, rules, path) = (Arc::clone(&self.model), self.rules(), area.to_owned());
        let report = tokio::task::spawn_blocking(move || {
            let model = model.read().unwrap_or_else(PoisonError::into_inner);
            let wanted = |elder: &Elder| within(elder.area.as_deref().unwrap_or_default(), &path);
            let owed = evaluate_since(&rules.policies, &model.facts, wanted, month.first(), today);
            MonthReport::new(&rules.policies, &model.facts, &owed, month, today, &model.cover(month))
        })
        .await
        .map_err(|_| OfficeError::NoPolicy)?;
        let report = Arc::new(report);
        let mut kept = self.reports.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(of, _, _)| *of != asked);
        if kept.len() >= REPORTS_KEPT {
            kept.remove(0);
        }
        kept.push((asked, generation, Arc::clone(&report)));
        Ok(report)
    }

    async fn closed(&self, month: Month, restated: u32, area: &str) -> Result<Report, OfficeError> {
        let whole: Kept<FrozenMonth> = self.get(&FrozenMonth::name(month, restated, "")).await?;
        let mut parts = Vec::new();
        for (town, _) in &whole.record.towns {
            let name = FrozenMonth::name(month, restated, town);
            let sheet = self.register.sheet(FrozenMonth::KIND, &name).await?.ok_or(OfficeError::NotFound)?;
            parts.push(read::<FrozenMonth>(sheet)?.record);
        }
        let Some(report) = whole.record.whole(&parts) else {
            tracing::error!(%month, "a closed month is not as it was sealed");
            return Err(OfficeError::Unreadable { kind: FrozenMonth::KIND, id: month.to_string() });
        };
        let areas: BTreeMap<&ElderId, &str> = parts.iter().flat_map(|part| &part.areas_of).map(|(id, area)| (id, area.as_str())).collect();
        let report = report.within(area, |id| areas.get(id).copied());
        Ok(Report { report: Arc::new(report), closed: Some((whole.record.seal, whole.record.closed_by, whole.record.closed_at)) })
    }

    /// Closes a month that is over: the report as the facts are now, sealed. It never changes.
    ///
    /// # Errors
    /// If the month is not over, is closed already, or the register fails.
    pub async fn close_month(&self, month: Month, by: &PersonId) -> Result<FrozenMonth, OfficeError> {
        self.close(month, 0, by, "").await
    }

    /// Works a closed month out again beside the closed one, which stays as it is.
    ///
    /// # Errors
    /// If the month is not closed, there is no reason, or the register fails.
    pub async fn restate_month(&self, month: Month, by: &PersonId, reason: &str) -> Result<FrozenMonth, OfficeError> {
        self.refresh().await?;
        if reason.trim().is_empty() {
            return Err(Refused::field("reason", "重算须写明原因", "say why it is worked out again").into());
        }
        let Some(last) = self.look(|model| model.frozen.get(&month).copied()) else {
            return Err(Refused::field("month", "该月尚未结账", "this month is not closed").into());
        };
        self.close(month, last.saturating_add(1), by, reason.trim()).await
    }

    async fn close(&self, month: Month, restated: u32, by: &PersonId, reason: &str) -> Result<FrozenMonth, OfficeError> {
        if self.today() <= month.last() {
            return Err(Refused::field("month", "该月尚未结束", "this month is not over").into());
        }
        let report = self.worked_out(month, "").await?;
        if restated == 0 && self.look(|model| model.frozen.contains_key(&month)) {
            return Err(Refused::field("month", "该月已结账，不再更改", "this month is closed and does not change").into());
        }
        let areas_of: BTreeMap<ElderId, String> = self.look(|model| model.briefs.values().map(|brief| (brief.id.clone(), brief.area.clone())).collect());
        let mut parts = FrozenMonth::close(&report, &areas_of, TOWN_DEPTH, self.now(), by);
        let mut entries: Vec<Put> = Vec::new();
        for part in &mut parts {
            part.restated = restated;
            reason.clone_into(&mut part.reason);
            entries.push(self.put_of(part, 0, by.as_str())?);
        }
        let action = if restated == 0 { "month.close" } else { "month.restate" };
        entries.push(self.audit(by.as_str(), action, &month.to_string()));
        self.write(entries).await?;
        self.refresh().await?;
        parts.into_iter().next().ok_or(OfficeError::NotFound)
    }

    /// The months that are closed, and how often each was worked out again.
    ///
    /// # Errors
    /// If the register fails.
    pub async fn closed_months(&self) -> Result<Vec<(Month, u32)>, OfficeError> {
        self.refresh().await?;
        Ok(self.look(|model| model.frozen.iter().map(|(month, restated)| (*month, *restated)).collect()))
    }

    /// The league table of the towns (R69).
    ///
    /// # Errors
    /// As [`Office::report`].
    pub async fn league(&self, month: Month) -> Result<Vec<Ranked>, OfficeError> {
        Ok(league(&self.report(month, "").await?.report, TOWN_DEPTH))
    }

    /// Who will be missed in a month if nobody goes.
    ///
    /// # Errors
    /// As [`Office::report`].
    pub async fn forecast(&self, month: Month, area: &str) -> Result<Forecast, OfficeError> {
        Ok(forecast(&self.report(month, area).await?.report))
    }

    /// Who is to be visited in an area, the most urgent first (R33). Given elders only, where a list is given.
    ///
    /// # Errors
    /// If the register fails.
    pub async fn due(&self, area: &str, only: Option<&std::collections::BTreeSet<ElderId>>) -> Result<Vec<DueRow>, OfficeError> {
        self.refresh().await?;
        let today = self.today();
        let (model, rules, path, only) = (Arc::clone(&self.model), self.rules(), area.to_owned(), only.cloned());
        let zone = self.zone;
        tokio::task::spawn_blocking(move || {
            let model = model.read().unwrap_or_else(PoisonError::into_inner);
            let wanted = |elder: &Elder| {
                within(elder.area.as_deref().unwrap_or_default(), &path) && only.as_ref().is_none_or(|only| only.contains(&elder.id))
            };
            // From the month before on: the window that was missed last is still shown.
            let owed = evaluate_since(&rules.policies, &model.facts, wanted, plus_days(Month::of(today).first(), -31), today);
            let mut last_home: BTreeMap<&ElderId, NaiveDate> = BTreeMap::new();
            for contact in model.facts.contacts.iter().filter(|c| c.mode == Mode::Home && c.outcome == care::policy::Outcome::Met) {
                let day = care::calendar::local_day(contact.start, zone);
                let last = last_home.entry(&contact.elder).or_insert(day);
                *last = (*last).max(day);
            }
            let mut rows: Vec<DueRow> = owed
                .into_iter()
                .filter_map(|of| {
                    let elder = Brief { tier: of.tier.map(str::to_owned), ..model.briefs.get(&of.elder.id)?.clone() };
                    let mut duties: Vec<DueDuty> = of
                        .owed
                        .iter()
                        .filter(|owed| {
                            let open = owed.state == State::Due;
                            let just_missed = owed.state == State::Overdue && (today - owed.window.last).num_days() <= 31;
                            let gap = owed.gap.is_some() && owed.window.contains(today);
                            open || gap || (just_missed && matches!(owed.duty, Duty::Regular(_)) && is_last(&of.owed, owed))
                        })
                        .map(|owed| DueDuty {
                            id: owed.duty.id().to_owned(),
                            modes: Mode::ALL.iter().copied().filter(|mode| owed.duty.modes().has(*mode)).collect(),
                            first: owed.window.first,
                            last: owed.window.last,
                            state: owed.state,
                            because: owed.because.map(|because| match because {
                                Because::Festival(festival, _) => festival.code().to_owned(),
                                Because::Event(event) => event.id.clone(),
                            }),
                            gap: owed.gap,
                        })
                        .collect();
                    duties.sort_by_key(|duty| (duty.state != State::Due, duty.last));
                    let tier = of.tier.map(str::to_owned);
                    let went = last_home.get(&elder.id).copied();
                    let proposed = model.doubt(&elder.home, today).filter(|day| went.is_none_or(|went| went <= *day));
                    (!duties.is_empty() || proposed.is_some()).then(|| DueRow { proposed, last_home_visit: last_home.get(&elder.id).copied(), elder, tier, duties })
                })
                .collect();
            rows.sort_by(|a, b| (a.proposed.is_none(), a.by().is_none(), a.by(), &a.elder.area, &a.elder.id).cmp(&(b.proposed.is_none(), b.by().is_none(), b.by(), &b.elder.area, &b.elder.id)));
            rows
        })
        .await
        .map_err(|_| OfficeError::NoPolicy)
    }

    /// The closed parts of a month as they are kept: for those who want to check the seals.
    ///
    /// # Errors
    /// If the register fails.
    pub async fn closed_parts(&self, month: Month) -> Result<Vec<Kept<FrozenMonth>>, OfficeError> {
        let from = care::office::order_of(month.first());
        let ask = SheetAsk::of(FrozenMonth::KIND).from(from).to(care::office::order_of(month.next().first()));
        self.all(ask).await
    }
}

/// No later window of the same duty has ended.
fn is_last(all: &[care::visit::Owed<'_>], owed: &care::visit::Owed<'_>) -> bool {
    !all.iter().any(|other| other.duty == owed.duty && other.window.first > owed.window.first && other.state != State::Due)
}
