//! Visits in: kept once however often they are sent, signed for good, with the hazards and needs that they open, and the
//! other record of the same visit, if somebody else has written one.

use super::sheets::Kept;
use super::{Office, OfficeError};
use care::calendar::{Month, end_of_day, local_day, plus_days, start_of_day};
use care::office::matter::{FollowUp, FollowUpKind, Hazard, HazardKind, HazardState, Need, NeedKind, NeedState};
use care::office::visit::{Correction, VisitCount};
use care::office::{ElderFile, Record, Refused, Visit, Visitor};
use care::policy::Mode;
use care::visit::form::Opens;
use care::visit::guard::{Flag, flags};
use care::{ElderId, PersonId, Reason, TimeDelta};
use std::collections::{BTreeMap, BTreeSet};
use store::register::Put;
use store::sheet::SheetAsk;

/// How often a visit is taken in anew because something else was written at the same moment.
const TRIES: usize = 8;

/// Whether a visit is finished when it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// Kept as it is, to be changed.
    Draft,
    /// Signed: it does not change any more.
    Sign,
}

/// What became of a visit that was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// The visit as it is kept.
    pub visit: Kept<Visit>,
    /// It was there already: nothing was written.
    pub again: bool,
    /// Other records that look like the same visit.
    pub twins: Vec<Visit>,
}

/// What a visitor wrote, without what the platform adds.
fn as_sent(visit: &Visit) -> Visit {
    let mut sent = visit.clone();
    sent.area = String::new();
    sent.organisation = String::new();
    sent.recorded_at = care::Timestamp::default();
    sent.signed_at = None;
    sent.form.number = None;
    sent.alarm = None;
    sent
}

fn hazard_kind(row: &str) -> HazardKind {
    match row {
        "燃气安全" => HazardKind::Gas,
        "水暖安全" => HazardKind::Water,
        "用电安全" => HazardKind::Electricity,
        "室内环境" => HazardKind::Rooms,
        _ => HazardKind::Other,
    }
}

fn need_kind(row: &str) -> NeedKind {
    match row {
        "疾病状况" => NeedKind::Medical,
        "行动能力" => NeedKind::Nursing,
        "情绪状态" | "表达能力" => NeedKind::Comfort,
        "个人卫生" | "家庭卫生" => NeedKind::DailyCare,
        _ => NeedKind::Other,
    }
}

impl Office {
    /// Takes a visit. Sent twice with the same identifier and words, it is one; what is signed is not changed.
    ///
    /// # Errors
    /// What is wrong or open; [`OfficeError::NotFound`] without such an elder.
    pub async fn take_visit(&self, visit: Visit, finish: Finish, by: &PersonId) -> Result<Taken, OfficeError> {
        for _ in 0..TRIES {
            match self.take_visit_once(visit.clone(), finish, by).await {
                // another visit to the same elder was signed meanwhile, or this one was sent twice
                Err(OfficeError::Conflict) => {}
                done => return done,
            }
        }
        Err(OfficeError::Conflict)
    }

    async fn take_visit_once(&self, mut visit: Visit, finish: Finish, by: &PersonId) -> Result<Taken, OfficeError> {
        let elder: Kept<ElderFile> = self.get(visit.elder.as_str()).await?;
        let now = self.now();
        visit.home = elder.record.home.clone();
        visit.area.clone_from(&elder.record.area);
        visit.recorded_by = by.clone();
        visit.recorded_at = now;
        visit.signed_at = None;
        visit.corrections = Vec::new();
        visit.evidence = None;
        visit.reviewed = None;
        visit.form.mode = visit.form.mode.or(Some(visit.mode));
        visit.form.date = visit.form.date.or(Some(local_day(visit.start, self.zone)));
        if visit.organisation.is_empty()
            && let Some(visitor) = self.find::<Visitor>(visit.visitor.as_str()).await?
        {
            visit.organisation = visitor.record.organisation;
        }
        let kept: Option<Kept<Visit>> = self.find(&visit.id).await?;
        if let Some(kept) = &kept {
            if kept.record.elder != visit.elder {
                return Err(Refused::field("id", "该编号已用于另一位老人的探访", "this identifier belongs to a visit to another elder").into());
            }
            let mut same = as_sent(&kept.record) == as_sent(&Visit { recorded_by: kept.record.recorded_by.clone(), ..visit.clone() });
            same &= finish == Finish::Draft || kept.record.signed_at.is_some();
            if same {
                let twins = self.twins(&kept.record).await?;
                return Ok(Taken { visit: kept.clone(), again: true, twins });
            }
            visit = kept.record.clone().redraft(visit)?;
        }
        let before = kept.as_ref().map_or(0, |kept| kept.version);
        let faults = visit.faults(now);
        if !faults.is_empty() {
            return Err(faults.into());
        }
        let mut entries = Vec::new();
        if finish == Finish::Sign {
            let (count, counted_before) = self.counted(&visit).await?;
            visit.form.number = Some(count.last);
            entries.push(self.put_of(&count, counted_before, by.as_str())?);
            let policy = self.policy_of(&visit)?;
            visit = visit.sign(&policy, now)?;
            entries.extend(self.opened_by(&visit, by)?);
        }
        entries.insert(0, self.put_of(&visit, before, by.as_str())?);
        let action = match finish {
            Finish::Draft => "visit.draft",
            Finish::Sign => "visit.sign",
        };
        entries.push(self.audit(by.as_str(), action, &visit.id));
        self.write(entries).await?;
        let kept: Kept<Visit> = self.get(&visit.id).await?;
        let twins = self.twins(&kept.record).await?;
        Ok(Taken { visit: kept, again: false, twins })
    }

    /// Corrects a signed visit: a new version with its reason beside the old ones.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn correct_visit(&self, new: Visit, reason: &str, by: &PersonId) -> Result<Kept<Visit>, OfficeError> {
        let kept: Kept<Visit> = self.get(&new.id).await?;
        let mut new = new;
        new.home = kept.record.home.clone();
        new.area.clone_from(&kept.record.area);
        new.organisation.clone_from(&kept.record.organisation);
        new.form.number = kept.record.form.number;
        new.form.mode = new.form.mode.or(Some(new.mode));
        new.form.date = new.form.date.or(Some(local_day(new.start, self.zone)));
        let correction = Correction { at: self.now(), by: by.clone(), reason: reason.trim().to_owned() };
        let policy = self.policy_of(&new)?;
        let corrected = kept.record.clone().correct(new, &policy, correction)?;
        let mut entries = vec![self.put_of(&corrected, kept.version, by.as_str())?];
        let opened_before = kept.record.opens();
        for entry in self.opened_by(&corrected, by)? {
            // What the version before has opened is there.
            let there = matches!(&entry, Put::Sheet(sheet) if opened_before.iter().any(|(_, row)| sheet.id == opened_id(&corrected.id, row) || sheet.id == follow_id(&corrected.id, row)));
            if !there {
                entries.push(entry);
            }
        }
        entries.push(self.audit(by.as_str(), "visit.correct", &corrected.id));
        self.write(entries).await?;
        self.get(&corrected.id).await
    }

    /// The version of the policy that judges a visit.
    pub(super) fn policy_of(&self, visit: &Visit) -> Result<std::sync::Arc<care::policy::Policy>, OfficeError> {
        self.policy_on(local_day(visit.start, self.zone))
    }

    /// The count of the elder's signed visits with this one, and the version it stands upon.
    async fn counted(&self, visit: &Visit) -> Result<(VisitCount, u32), OfficeError> {
        let elder = &visit.elder;
        let (last, before) = match self.find::<VisitCount>(elder.as_str()).await? {
            Some(kept) => (kept.record.last, kept.version),
            None => {
                // signed before they were counted
                let visits: Vec<Kept<Visit>> = self.all(SheetAsk::of(Visit::KIND).elder(elder)).await?;
                let signed = visits.iter().filter(|kept| kept.record.signed_at.is_some());
                (signed.filter_map(|kept| kept.record.form.number).max().unwrap_or(0), 0)
            }
        };
        let (home, area) = (visit.home.clone(), visit.area.clone());
        Ok((VisitCount { id: elder.as_str().to_owned(), elder: elder.clone(), home, area, last: last.saturating_add(1), at: self.now() }, before))
    }

    /// What bad answers open (R54), with the follow-ups that come of it (R46).
    fn opened_by(&self, visit: &Visit, by: &PersonId) -> Result<Vec<Put>, OfficeError> {
        let policy = self.policy_of(visit)?;
        let today = self.today();
        let mut entries = Vec::new();
        let words = visit.form.needs.clone().unwrap_or_default();
        for (opens, row) in visit.opens() {
            let id = opened_id(&visit.id, row);
            let kind = match opens {
                Opens::Hazard => {
                    let due = FollowUpKind::Hazard.due_days(&policy);
                    let hazard = Hazard {
                        id: id.clone(),
                        elder: visit.elder.clone(),
                        home: visit.home.clone(),
                        area: visit.area.clone(),
                        kind: hazard_kind(row),
                        place: String::new(),
                        words: format!("{row}：不安全或较差。{words}"),
                        found_at: visit.start,
                        found_by: visit.visitor.clone(),
                        visit: Some(visit.id.clone()),
                        state: HazardState::Open,
                        recheck_on: plus_days(today, i64::from(due)),
                        log: Vec::new(),
                    };
                    entries.push(self.put_of(&hazard, 0, by.as_str())?);
                    Some(FollowUpKind::Hazard)
                }
                Opens::Need => {
                    let urgent = row == "疾病状况";
                    let need = Need {
                        id: id.clone(),
                        elder: visit.elder.clone(),
                        home: visit.home.clone(),
                        area: visit.area.clone(),
                        kind: need_kind(row),
                        words: format!("{row}：较差。{words}"),
                        urgent,
                        found_at: visit.start,
                        found_by: visit.visitor.clone(),
                        visit: Some(visit.id.clone()),
                        state: NeedState::Open,
                        log: Vec::new(),
                    };
                    entries.push(self.put_of(&need, 0, by.as_str())?);
                    urgent.then_some(FollowUpKind::Hardship)
                }
            };
            if let Some(kind) = kind {
                let follow = FollowUp {
                    id: follow_id(&visit.id, row),
                    elder: visit.elder.clone(),
                    home: visit.home.clone(),
                    area: visit.area.clone(),
                    kind,
                    about: id,
                    due_on: plus_days(today, i64::from(kind.due_days(&policy))),
                    done: None,
                    settled: None,
                    evidence: String::new(),
                };
                entries.push(self.put_of(&follow, 0, by.as_str())?);
            }
        }
        Ok(entries)
    }

    /// Other records that look like the same visit: two liaisons who both wrote it down see each other's.
    ///
    /// # Errors
    /// If the register fails.
    pub async fn twins(&self, visit: &Visit) -> Result<Vec<Visit>, OfficeError> {
        let around = TimeDelta::hours(12);
        let ask = SheetAsk::of(Visit::KIND).elder(&visit.elder).from(visit.start - around).to(visit.end.unwrap_or(visit.start) + around);
        let near: Vec<Kept<Visit>> = self.all(ask).await?;
        Ok(near.into_iter().map(|kept| kept.record).filter(|other| other.twin_of(visit)).collect())
    }

    /// Visits of an area in a month, drafts included.
    ///
    /// # Errors
    /// If the register fails.
    pub async fn visits_of_month(&self, month: Month, area: &str) -> Result<Vec<Kept<Visit>>, OfficeError> {
        let (from, to) = (start_of_day(month.first(), self.zone), end_of_day(month.last(), self.zone));
        self.all(SheetAsk::of(Visit::KIND).area(area).from(from).to(to)).await
    }

    /// What is odd about the visits of a month in an area (R80): flagged, never left out.
    ///
    /// # Errors
    /// If the register fails.
    pub async fn flagged(&self, month: Month, area: &str) -> Result<Vec<Flag>, OfficeError> {
        let visits = self.visits_of_month(month, area).await?;
        let suspended: BTreeSet<PersonId> = self
            .all::<Visitor>(SheetAsk::of(Visitor::KIND).state("suspended"))
            .await?
            .into_iter()
            .map(|kept| kept.record.id)
            .collect();
        let signed: Vec<&Visit> = visits.iter().map(|kept| &kept.record).filter(|visit| visit.signed_at.is_some()).collect();
        let records: Vec<_> = signed.iter().map(|visit| visit.guarded()).collect();
        let mut found = flags(&records, &self.rules().guards, self.zone);
        let mut by_elder: BTreeMap<&ElderId, Vec<&Visit>> = BTreeMap::new();
        for visit in &signed {
            if suspended.contains(&visit.visitor) {
                found.push(Flag { record: visit.id.clone(), why: Reason::new("flag_suspended") });
            }
            if visit.check_in.is_some_and(|proof| (proof.came - visit.start).abs() > TimeDelta::minutes(30)) {
                found.push(Flag { record: visit.id.clone(), why: Reason::new("flag_check_in") });
            }
            by_elder.entry(&visit.elder).or_default().push(visit);
        }
        for visits in by_elder.values() {
            for visit in visits {
                if let Some(twin) = visits.iter().find(|other| other.twin_of(visit)) {
                    found.push(Flag { record: visit.id.clone(), why: Reason::new("flag_twin").text("other", &twin.id) });
                }
            }
        }
        found.sort_by(|a, b| (&a.record, &a.why.code).cmp(&(&b.record, &b.why.code)));
        Ok(found)
    }

    /// Marks a remote visit as looked at by a named person, where the policy asks for it.
    ///
    /// # Errors
    /// If it is no remote visit, or was looked at already.
    pub async fn look_at_remote(&self, id: &str, words: &str, by: &PersonId) -> Result<Kept<Visit>, OfficeError> {
        let kept: Kept<Visit> = self.get(id).await?;
        if kept.record.mode != Mode::Remote || kept.record.reviewed.is_some() {
            return Err(Refused::new("不是待查看的远程监测记录", "this is no remote visit that waits to be looked at").into());
        }
        let mut visit = kept.record;
        visit.reviewed = Some(care::office::Done { at: self.now(), by: by.clone(), words: words.trim().to_owned() });
        self.put(&visit, kept.version, by.as_str()).await?;
        self.get(id).await
    }
}

/// The name of what a row of a visit opens: the row by its place, for names are plain letters.
fn opened_id(visit: &str, row: &str) -> String {
    let place = care::visit::form::VisitForm::default().open_rows().iter().position(|name| *name == row).unwrap_or_default();
    format!("{visit}.{place}")
}

fn follow_id(visit: &str, row: &str) -> String {
    format!("{}.f", opened_id(visit, row))
}
