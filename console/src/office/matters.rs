//! Hazards, needs, referrals, follow-ups, incidents, spot checks: opened, stepped, and never closed by themselves.

use super::sheets::Kept;
use super::{Office, OfficeError};
use care::calendar::{Month, plus_days};
use care::office::matter::{FollowUp, FollowUpKind, Hazard, HazardStep, Need, NeedState, Referral, ReferralState};
use care::office::sample::{Sample, Verdict, draw};
use care::office::{Done, ElderFile, Finding, Incident, IncidentStep, Record, Refused};
use care::PersonId;
use store::register::Put;

/// A finding is to be put right within so many days.
const FINDING_DAYS: i64 = 7;

impl Office {
    /// Changes a record by one of its verbs, with a line in the audit.
    ///
    /// # Errors
    /// What the verb refuses; [`OfficeError::Conflict`] if somebody was faster.
    pub async fn step<R: Record>(&self, id: &str, action: &str, by: &PersonId, verb: impl FnOnce(R) -> Result<R, Refused> + Send) -> Result<Kept<R>, OfficeError> {
        let kept: Kept<R> = self.get(id).await?;
        let changed = verb(kept.record)?;
        let entries = vec![self.put_of(&changed, kept.version, by.as_str())?, self.audit(by.as_str(), action, id)];
        self.write(entries).await?;
        self.get(id).await
    }

    /// The words of somebody, now.
    pub fn done(&self, by: &PersonId, words: &str) -> Done {
        Done { at: self.now(), by: by.clone(), words: words.trim().to_owned() }
    }

    /// An identifier that nothing else has: the time and chance.
    pub fn new_id(&self) -> String {
        format!("{:x}{:08x}", self.now().timestamp_millis(), rand::random::<u32>())
    }

    fn follow(&self, kind: FollowUpKind, about: &str, elder: &ElderFile) -> Result<FollowUp, OfficeError> {
        Ok(FollowUp {
            id: format!("{about}.f"),
            elder: elder.id.clone(),
            home: elder.home.clone(),
            area: elder.area.clone(),
            kind,
            about: about.to_owned(),
            due_on: plus_days(self.today(), i64::from(kind.due_days(&*self.policy()?))),
            done: None,
            settled: None,
            evidence: String::new(),
        })
    }

    async fn open<R: Record>(&self, record: &R, elder: &ElderFile, follow: Option<FollowUpKind>, by: &PersonId) -> Result<Kept<R>, OfficeError> {
        let id = record.id();
        let mut entries = vec![self.put_of(record, 0, by.as_str())?];
        if let Some(kind) = follow {
            entries.push(self.put_of(&self.follow(kind, &id, elder)?, 0, by.as_str())?);
        }
        entries.push(self.audit(by.as_str(), &format!("{}.open", R::KIND), &id));
        self.write(entries).await?;
        self.get(&id).await
    }

    /// Opens a hazard, with its follow-up.
    ///
    /// # Errors
    /// If there is no such elder.
    pub async fn open_hazard(&self, mut hazard: Hazard, by: &PersonId) -> Result<Kept<Hazard>, OfficeError> {
        let elder: Kept<ElderFile> = self.get(hazard.elder.as_str()).await?;
        (hazard.home, hazard.area) = (elder.record.home.clone(), elder.record.area.clone());
        self.open(&hazard, &elder.record, Some(FollowUpKind::Hazard), by).await
    }

    /// Opens a need; an urgent one with its follow-up.
    ///
    /// # Errors
    /// If there is no such elder.
    pub async fn open_need(&self, mut need: Need, by: &PersonId) -> Result<Kept<Need>, OfficeError> {
        let elder: Kept<ElderFile> = self.get(need.elder.as_str()).await?;
        (need.home, need.area) = (elder.record.home.clone(), elder.record.area.clone());
        let follow = need.urgent.then_some(FollowUpKind::Hardship);
        self.open(&need, &elder.record, follow, by).await
    }

    /// Refers to a department or provider, with its follow-up; the need that it is for goes on to "referred".
    ///
    /// # Errors
    /// If there is no such elder, or nothing is asked for.
    pub async fn refer(&self, mut referral: Referral, by: &PersonId) -> Result<Kept<Referral>, OfficeError> {
        if referral.words.trim().is_empty() {
            return Err(Refused::field("words", "请写明转介事项", "say what is asked for").into());
        }
        let elder: Kept<ElderFile> = self.get(referral.elder.as_str()).await?;
        (referral.home, referral.area) = (elder.record.home.clone(), elder.record.area.clone());
        let need: Option<Kept<Need>> = match &referral.about {
            Some(about) => self.find(about).await?,
            None => None,
        };
        let mut entries = vec![
            self.put_of(&referral, 0, by.as_str())?,
            self.put_of(&self.follow(FollowUpKind::Referral, &referral.id, &elder.record)?, 0, by.as_str())?,
            self.audit(by.as_str(), "referral.open", &referral.id),
        ];
        if let Some(need) = need.filter(|need| !matches!(need.record.state, NeedState::Referred | NeedState::Met | NeedState::Declined)) {
            let stepped = need.record.step(NeedState::Referred, by, &referral.words, self.now())?;
            entries.push(self.put_of(&stepped, need.version, by.as_str())?);
        }
        self.write(entries).await?;
        self.get(&referral.id).await
    }

    /// A step of a hazard.
    ///
    /// # Errors
    /// What does not fit.
    pub async fn step_hazard(&self, id: &str, step: HazardStep, words: &str, by: &PersonId) -> Result<Kept<Hazard>, OfficeError> {
        let now = self.now();
        self.step(id, "hazard.step", by, |hazard: Hazard| hazard.step(step, by, words, now)).await
    }

    /// A step of a need.
    ///
    /// # Errors
    /// What does not fit.
    pub async fn step_need(&self, id: &str, to: NeedState, words: &str, by: &PersonId) -> Result<Kept<Need>, OfficeError> {
        let now = self.now();
        self.step(id, "need.step", by, |need: Need| need.step(to, by, words, now)).await
    }

    /// A step of a referral.
    ///
    /// # Errors
    /// What does not fit.
    pub async fn step_referral(&self, id: &str, to: ReferralState, words: &str, by: &PersonId) -> Result<Kept<Referral>, OfficeError> {
        let now = self.now();
        self.step(id, "referral.step", by, |referral: Referral| referral.step(to, by, words, now)).await
    }

    /// Ends a follow-up with a result; what is not settled is followed up again.
    ///
    /// # Errors
    /// If it is done already or has no words.
    pub async fn finish_follow_up(&self, id: &str, settled: bool, words: &str, evidence: &str, by: &PersonId) -> Result<Kept<FollowUp>, OfficeError> {
        let kept: Kept<FollowUp> = self.get(id).await?;
        let (done, next) = kept.record.finish(self.done(by, words), settled, evidence, &*self.policy()?, self.today())?;
        let mut entries = vec![self.put_of(&done, kept.version, by.as_str())?, self.audit(by.as_str(), "follow_up.finish", id)];
        if let Some(next) = next {
            entries.push(self.put_of(&next, 0, by.as_str())?);
        }
        self.write(entries).await?;
        self.get(id).await
    }

    /// Opens an incident. A grave one is the city's at once (R47): it stands in the state `grave` until reviewed there.
    ///
    /// # Errors
    /// If there is no such elder, or no words.
    pub async fn open_incident(&self, mut incident: Incident, by: &PersonId) -> Result<Kept<Incident>, OfficeError> {
        if incident.words.trim().is_empty() {
            return Err(Refused::field("words", "请写明事件经过", "say what happened").into());
        }
        let elder: Kept<ElderFile> = self.get(incident.elder.as_str()).await?;
        (incident.home, incident.area) = (elder.record.home.clone(), elder.record.area.clone());
        self.open(&incident, &elder.record, None, by).await
    }

    /// A step of an incident: the emergency call that a person has made (R43), who was told, its review, its end.
    ///
    /// # Errors
    /// What does not fit.
    pub async fn step_incident(&self, id: &str, step: IncidentStep, by: &PersonId) -> Result<Kept<Incident>, OfficeError> {
        let (now, numbers) = (self.now(), self.policy()?.risk.numbers.clone());
        let action = match &step {
            IncidentStep::EmergencyCall { .. } => "incident.emergency_call",
            IncidentStep::NoCall { .. } => "incident.no_call",
            IncidentStep::Called { .. } => "incident.called",
            IncidentStep::Party { .. } => "incident.party",
            IncidentStep::Note { .. } => "incident.note",
            IncidentStep::Review { .. } => "incident.review",
            IncidentStep::Close { .. } => "incident.close",
        };
        self.step(id, action, by, |incident: Incident| incident.step(step, by, now, &numbers)).await
    }

    /// Draws a sample of a month's signed visits in an area (R68). The seed is kept: the draw can be repeated.
    ///
    /// # Errors
    /// If there is nothing to draw from.
    pub async fn draw_sample(&self, month: Month, area: &str, n: usize, by: &PersonId) -> Result<Kept<Sample>, OfficeError> {
        let flagged: std::collections::BTreeSet<String> = self.flagged(month, area).await?.into_iter().map(|flag| flag.record).collect();
        let visits: Vec<_> = self
            .visits_of_month(month, area)
            .await?
            .into_iter()
            .map(|kept| kept.record)
            .filter(|visit| visit.signed_at.is_some() && visit.mode != care::policy::Mode::Remote)
            .map(|visit| (visit.id.clone(), visit.elder.clone(), flagged.contains(&visit.id)))
            .collect();
        if visits.is_empty() || n == 0 {
            return Err(Refused::field("n", "没有可抽查的记录", "there is nothing to draw from").into());
        }
        let id = self.new_id();
        let sample = Sample {
            seed: id.clone(),
            area: area.to_owned(),
            month,
            of: u32::try_from(visits.len()).unwrap_or(u32::MAX),
            drawn_at: self.now(),
            drawn_by: by.clone(),
            items: draw(&id, &visits, n),
            id,
        };
        self.put(&sample, 0, by.as_str()).await?;
        self.get(&sample.id).await
    }

    /// Notes what calling back showed. What is false or inexact opens a finding for the area (问题).
    ///
    /// # Errors
    /// If the visit is not in the sample, or was called back already.
    pub async fn called_back(&self, sample: &str, visit: &str, verdict: Verdict, words: &str, by: &PersonId) -> Result<Kept<Sample>, OfficeError> {
        let kept: Kept<Sample> = self.get(sample).await?;
        let elder = kept.record.items.iter().find(|item| item.visit == visit).map(|item| item.elder.clone());
        let changed = kept.record.called(visit, verdict, self.done(by, words))?;
        let mut entries = vec![self.put_of(&changed, kept.version, by.as_str())?, self.audit(by.as_str(), "sample.called_back", sample)];
        if matches!(verdict, Verdict::False | Verdict::Inexact) {
            let area = match self.find::<care::office::Visit>(visit).await? {
                Some(visit) => visit.record.area,
                None => changed.area.clone(),
            };
            let words = if words.trim().is_empty() { verdict.zh() } else { words };
            let finding = Finding {
                id: format!("{sample}.{}", self.new_id()),
                area,
                about: visit.to_owned(),
                elder,
                sample: Some(sample.to_owned()),
                problem: self.done(by, words),
                due_on: plus_days(self.today(), FINDING_DAYS),
                rounds: Vec::new(),
            };
            entries.push(self.put_of(&finding, 0, by.as_str())?);
        }
        self.write(entries).await?;
        self.get(sample).await
    }

    /// Writes several records that are new, as one: what seeding and imports use.
    ///
    /// # Errors
    /// If one of them is there already.
    pub async fn write_new<R: Record>(&self, records: &[R], by: &str) -> Result<(), OfficeError> {
        let entries: Vec<Put> = records.iter().map(|record| self.put_of(record, 0, by)).collect::<Result<_, _>>()?;
        self.write(entries).await
    }
}
