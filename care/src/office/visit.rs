//! A visit: the record of Annex 2, when it began and ended, who, where, and what proves it. Signed, it never changes:
//! a correction is a new version with its reason, the old ones stay (R56). What a person did not see is not guessed.

use super::{Refused, about_an_elder};
use crate::policy::{Mode, Outcome, Policy, words};
use crate::visit::form::{Opens, VisitForm};
use crate::visit::guard::VisitRecord;
use crate::visit::remote::RemoteVisit;
use crate::visit::{Contact, Moment};
use crate::{AlarmId, ElderId, HomeId, PersonId, TimeDelta, Timestamp};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

words! {
    /// In what course a contact was made.
    Origin {
        /// On its own.
        Regular = "regular", "例行探访", "regular";
        /// Because of an event.
        Extra = "extra", "加访", "extra";
        /// In the course of other work (R22).
        OtherWork = "other_work", "随其他工作开展", "in the course of other work";
        /// An alarm was taken care of (R77).
        Alarm = "alarm", "处置报警", "an alarm was handled";
        /// A check call (R77).
        CheckCall = "check_call", "核实电话", "check call";
        /// Somebody went to look (R77).
        WelfareCheck = "welfare_check", "上门核实", "welfare check";
        /// The devices (R75).
        Devices = "devices", "远程监测", "remote monitoring";
    }
}

/// What Annex 2 has no row for (R36 to R42). `None`: not asked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// 反应能力: as quick as before?
    pub reaction_worse: Option<bool>,
    /// Difficulty with clothes, food, dwelling, travel, medicine.
    pub hardship: String,
    /// Benefits received as they should be.
    pub benefits_in_order: Option<bool>,
    /// The family sees to its duty.
    pub family_cares: Option<bool>,
    /// The family visits or calls often.
    pub family_in_touch: Option<bool>,
    /// What was reminded of about house, water, power, gas.
    pub reminded: String,
    /// Told of what may be applied for.
    pub told: String,
    /// Helped with an application.
    pub helped: String,
}

/// What a device says about a visit's times: `check_in` and `check_out`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckIn {
    /// Came.
    pub came: Timestamp,
    /// Went.
    #[serde(default)]
    pub went: Option<Timestamp>,
}

/// Why a version stands in the place of the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: PersonId,
    /// Why.
    pub reason: String,
}

/// What was done when nobody answered: look, call, ask, until somebody has seen the elder.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NoAnswer {
    /// The elder was called.
    pub called_elder: bool,
    /// Family or emergency contact was called.
    pub called_family: bool,
    /// Neighbours were asked.
    pub asked_neighbours: bool,
    /// The village liaison was told.
    pub told_liaison: bool,
    /// What came of it.
    pub result: String,
    /// The elder is safe: known from whom.
    pub safe_by: String,
}

/// A visit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Visit {
    /// The identifier that the visitor's phone or the platform gave it: sent twice, it is one visit.
    pub id: String,
    /// Who was visited.
    pub elder: ElderId,
    /// Where the elder lives.
    pub home: HomeId,
    /// The area path at that time.
    pub area: String,
    /// Who visited.
    pub visitor: PersonId,
    /// Where the visitor works, as it was then.
    #[serde(default)]
    pub organisation: String,
    /// How.
    pub mode: Mode,
    /// In what course.
    pub origin: Origin,
    /// When it began.
    pub start: Timestamp,
    /// When it ended.
    #[serde(default)]
    pub end: Option<Timestamp>,
    /// How it ended.
    pub outcome: Outcome,
    /// Annex 2.
    #[serde(default)]
    pub form: VisitForm,
    /// What the form has no row for.
    #[serde(default)]
    pub asked: Asked,
    /// What was done when nobody answered.
    #[serde(default)]
    pub no_answer: Option<NoAnswer>,
    /// How far from the home it was entered, metres.
    #[serde(default)]
    pub distance_m: Option<f64>,
    /// The devices' word for its times.
    #[serde(default)]
    pub check_in: Option<CheckIn>,
    /// When the platform got it.
    pub recorded_at: Timestamp,
    /// Who entered it.
    pub recorded_by: PersonId,
    /// Signed, or closed with what may stand in the place of a signature; from then on it does not change.
    #[serde(default)]
    pub signed_at: Option<Timestamp>,
    /// Why this version stands in the place of the one before, oldest first.
    #[serde(default)]
    pub corrections: Vec<Correction>,
    /// The alarm it belongs to.
    #[serde(default)]
    pub alarm: Option<AlarmId>,
    /// What a remote visit rests on.
    #[serde(default)]
    pub evidence: Option<RemoteVisit>,
    /// Who has looked at a remote visit, where the policy asks for it.
    #[serde(default)]
    pub reviewed: Option<super::Done>,
}

/// How far into the future a start may lie: clocks of phones.
const AHEAD: TimeDelta = TimeDelta::minutes(10);

impl Visit {
    /// What keeps a visit from being kept at all.
    pub fn faults(&self, now: Timestamp) -> Vec<Refused> {
        let mut faults = Vec::new();
        let mut wrong = |field: &str, zh: &str, en: &str| faults.push(Refused::field(field, zh, en));
        if self.id.is_empty() || self.id.len() > 64 {
            wrong("id", "编号须为 1 至 64 个字符", "the identifier has 1 to 64 characters");
        }
        if self.start > now + AHEAD {
            wrong("start", "开始时间在将来", "it begins in the future");
        }
        if self.end.is_some_and(|end| end < self.start) {
            wrong("end", "结束早于开始", "it ends before it begins");
        }
        if self.end.is_some_and(|end| end > now + AHEAD) {
            wrong("end", "结束时间在将来", "it ends in the future");
        }
        if self.mode == Mode::Remote && self.origin != Origin::Devices {
            wrong("mode", "远程监测由平台自行记录，不得人工填报", "remote monitoring records itself: nobody types it in");
        }
        if self.form.mode.is_some_and(|mode| mode != self.mode) {
            wrong("form.mode", "服务方式与记录不一致", "the form's mode is another one than the record's");
        }
        faults
    }

    /// What is still open before it can be signed: rows of the form, the times, the words about nobody answering.
    pub fn open(&self, policy: &Policy) -> Vec<Refused> {
        let mut open = Vec::new();
        if self.end.is_none() {
            open.push(Refused::field("end", "未填结束时间", "when it ended is missing"));
        }
        match self.outcome {
            Outcome::Met | Outcome::Proxy => {
                let rows = self.form.open_rows();
                // Nobody can sign on the telephone.
                let remote = self.mode != Mode::Home;
                for row in rows.into_iter().filter(|row| !(remote && row.contains("签字"))) {
                    open.push(Refused::field("form", format!("“{row}”未填写"), format!("row {row} is open")));
                }
                if self.mode == Mode::Home && !self.is_signed(policy) {
                    open.push(Refused::field("form", "缺少签字或允许的未签原因", "a signature is missing without a permitted reason"));
                }
            }
            Outcome::NoAnswer => match &self.no_answer {
                None => open.push(Refused::field("no_answer", "无人应答：请填写处置经过", "nobody answered: say what was done")),
                Some(done) if done.result.trim().is_empty() => {
                    open.push(Refused::field("no_answer", "无人应答：请填写处置结果", "nobody answered: say what came of it"));
                }
                Some(_) => {}
            },
            Outcome::Refused => {}
        }
        open
    }

    /// True if the signatures that the policy asks for are there, or a permitted reason.
    pub fn is_signed(&self, policy: &Policy) -> bool {
        policy.count_rule(self.mode).is_none_or(|rule| self.form.is_signed(&rule.signatures, &rule.unsigned_ok))
    }

    /// Signs it: from now on it does not change.
    ///
    /// # Errors
    /// Everything that is still open; or that it is signed already.
    pub fn sign(mut self, policy: &Policy, now: Timestamp) -> Result<Self, Vec<Refused>> {
        if self.signed_at.is_some() {
            return Err(vec![Refused::new("已签字，不得更改：请作更正", "it is signed and does not change: correct it instead")]);
        }
        let mut open = self.faults(now);
        open.extend(self.open(policy));
        if !open.is_empty() {
            return Err(open);
        }
        self.signed_at = Some(now);
        Ok(self)
    }

    /// Changes a draft.
    ///
    /// # Errors
    /// If it is signed, or the new one is another visit.
    pub fn redraft(self, new: Self) -> Result<Self, Refused> {
        if self.signed_at.is_some() {
            return Err(Refused::new("已签字，不得更改：请作更正", "it is signed and does not change: correct it instead"));
        }
        if (&self.id, &self.elder) != (&new.id, &new.elder) {
            return Err(Refused::field("id", "不是同一次探访", "this is another visit"));
        }
        Ok(Self { recorded_at: self.recorded_at, recorded_by: self.recorded_by, ..new })
    }

    /// A correction: the new version with its reason. The old one stays as it is, beside it.
    ///
    /// # Errors
    /// Without a reason, of what is not signed, of a remote visit, or if something in it is wrong.
    pub fn correct(self, new: Self, policy: &Policy, correction: Correction) -> Result<Self, Vec<Refused>> {
        if self.signed_at.is_none() {
            return Err(vec![Refused::new("尚未签字：请直接修改", "it is not signed yet: change it")]);
        }
        if self.mode == Mode::Remote || new.mode == Mode::Remote {
            return Err(vec![Refused::new("远程监测记录不可更正", "a remote visit is evidence and is not corrected")]);
        }
        if correction.reason.trim().is_empty() {
            return Err(vec![Refused::field("reason", "更正须写明原因", "a correction needs its reason")]);
        }
        let at = correction.at;
        let mut corrections = self.corrections.clone();
        corrections.push(correction);
        let corrected = Self {
            corrections,
            recorded_at: self.recorded_at,
            recorded_by: self.recorded_by.clone(),
            signed_at: None,
            alarm: self.alarm.clone(),
            ..self.redraft_of(new)?
        };
        corrected.sign(policy, at)
    }

    fn redraft_of(&self, new: Self) -> Result<Self, Vec<Refused>> {
        if (&self.id, &self.elder) == (&new.id, &new.elder) {
            Ok(new)
        } else {
            Err(vec![Refused::field("id", "不是同一次探访", "this is another visit")])
        }
    }

    /// The hazards and needs that its answers open (R54), by the rows of the form.
    pub fn opens(&self) -> Vec<(Opens, &'static str)> {
        if self.signed_at.is_none() || self.outcome == Outcome::NoAnswer {
            return Vec::new();
        }
        self.form.opens()
    }

    /// As duties count it. A draft counts for nothing: it is not known yet.
    pub fn contact(&self, policy: &Policy) -> Option<Contact> {
        self.signed_at?;
        Some(Contact {
            id: self.id.clone(),
            elder: self.elder.clone(),
            mode: self.mode,
            start: self.start,
            outcome: self.outcome,
            signed: self.is_signed(policy),
            reviewed: self.reviewed.is_some(),
            recorded_at: Some(Moment::At(self.recorded_at)),
        })
    }

    /// As the guards look at it.
    pub fn guarded(&self) -> VisitRecord {
        let mut words = self.form.needs.clone().unwrap_or_default();
        words.push_str(&self.asked.hardship);
        VisitRecord {
            id: self.id.clone(),
            elder: self.elder.clone(),
            visitor: self.visitor.clone(),
            mode: self.mode,
            start: self.start,
            end: self.end,
            recorded_at: self.recorded_at,
            words,
            distance_m: self.distance_m,
        }
    }

    /// True if two records look like one visit entered twice: the same elder and mode, on one local day, at times that
    /// touch or lie within the hour, under different identifiers.
    pub fn twin_of(&self, other: &Self) -> bool {
        let span = |visit: &Self| (visit.start - TimeDelta::minutes(30), visit.end.unwrap_or(visit.start) + TimeDelta::minutes(30));
        let ((from, to), (other_from, other_to)) = (span(self), span(other));
        self.id != other.id && self.elder == other.elder && self.mode == other.mode && self.mode != Mode::Remote && from <= other_to && other_from <= to
    }

    /// The local day it belongs to.
    pub fn day(&self, zone: chrono_tz::Tz) -> NaiveDate {
        crate::calendar::local_day(self.start, zone)
    }
}

/// How many signed visits an elder has had: written with each signature, so that no two are the same 第 N 次 (R53, I-11).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitCount {
    /// The elder's, too.
    pub id: String,
    /// Whose visits are counted.
    pub elder: ElderId,
    /// The elder's home.
    pub home: HomeId,
    /// The path of the home's area.
    pub area: String,
    /// The number of the last one.
    pub last: u32,
    /// When that was signed.
    pub at: Timestamp,
}

about_an_elder!(VisitCount = "visit_count", it => it.at, if it.last == 0 { "none" } else { "counted" });

about_an_elder!(Visit = "visit", it => it.start, match (it.signed_at, it.corrections.is_empty()) {
    (None, _) => "draft",
    (Some(_), true) => "signed",
    (Some(_), false) => "corrected",
});
