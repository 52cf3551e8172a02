//! What was found and what became of it: hazards of a house, needs, referrals to departments, follow-ups with their due
//! days. Nothing here is closed by a timer; every step has a name and a time.

use super::{Done, Line, Record, Refused, order_of};
use crate::policy::{Policy, words};
use crate::{ElderId, HomeId, PersonId, Timestamp};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

words! {
    /// What kind of hazard.
    HazardKind {
        /// 燃气.
        Gas = "gas", "燃气", "gas";
        /// 用电.
        Electricity = "electricity", "用电", "electricity";
        /// 水暖.
        Water = "water", "水暖", "water and heating";
        /// 消防.
        Fire = "fire", "消防", "fire";
        /// 房屋.
        Building = "building", "房屋", "building";
        /// 防滑防跌.
        Falls = "falls", "防滑防跌", "slips and falls";
        /// 居住环境.
        Rooms = "rooms", "居住环境", "rooms";
        /// 其他.
        Other = "other", "其他", "other";
    }
}

words! {
    /// How it stands with a hazard.
    HazardState {
        /// Found.
        Open = "open", "待提醒", "open";
        /// 已提醒 (R17).
        Reminded = "reminded", "已提醒", "reminded";
        /// Said to be removed; to be looked at again.
        Removed = "removed", "已整改，待复查", "removed, to be checked";
        /// Looked at again: gone.
        Checked = "checked", "已复查", "checked";
    }
}

words! {
    /// The kinds of need (R40): five and emergency rescue; application for benefits beside them (R41).
    NeedKind {
        /// 生活照料.
        DailyCare = "daily_care", "生活照料", "daily care";
        /// 康复护理.
        Nursing = "nursing", "康复护理", "rehabilitation and nursing";
        /// 精神慰藉.
        Comfort = "comfort", "精神慰藉", "comfort";
        /// 居家适老化改造.
        HomeAdaptation = "home_adaptation", "居家适老化改造", "adaptation of the home";
        /// 紧急救援.
        Rescue = "rescue", "紧急救援", "emergency rescue";
        /// 医疗健康.
        Medical = "medical", "医疗健康", "medical";
        /// 政策待遇.
        Benefit = "benefit", "政策待遇申请", "benefit to apply for";
        /// 其他.
        Other = "other", "其他", "other";
    }
}

words! {
    /// How it stands with a need.
    NeedState {
        /// Found.
        Open = "open", "待处理", "open";
        /// 已告知.
        Told = "told", "已告知", "told";
        /// 已协助申请.
        Applied = "applied", "已协助申请", "applied";
        /// 已转介.
        Referred = "referred", "已转介", "referred";
        /// 已满足.
        Met = "met", "已满足", "met";
        /// The elder does not want it.
        Declined = "declined", "本人不需要", "declined";
    }
}

words! {
    /// The units of Annex 3.
    Department {
        /// 养老服务联席会议成员单位.
        JointMeeting = "joint_meeting", "养老服务联席会议成员单位", "joint meeting";
        /// 政法委.
        PoliticalLegal = "political_legal", "市委政法委", "political and legal committee";
        /// 文明办.
        Civilization = "civilization", "市委文明办", "civilization office";
        /// 民政局.
        CivilAffairs = "civil_affairs", "市民政局", "civil affairs";
        /// 教育局.
        Education = "education", "市教育局", "education";
        /// 财政局.
        Finance = "finance", "市财政局", "finance";
        /// 住建局.
        Housing = "housing", "市住建局", "housing";
        /// 农业农村局.
        Agriculture = "agriculture", "市农业农村局", "agriculture";
        /// 卫健委.
        Health = "health", "市卫健委", "health commission";
        /// 残联.
        Disabled = "disabled", "市残联", "disabled persons' federation";
        /// A provider or anybody else.
        Provider = "provider", "服务机构", "provider";
    }
}

words! {
    /// How it stands with a referral.
    ReferralState {
        /// Sent.
        Sent = "sent", "已转出", "sent";
        /// Taken on.
        Accepted = "accepted", "已受理", "accepted";
        /// Done.
        Done = "done", "已办结", "done";
        /// Sent back.
        Returned = "returned", "已退回", "returned";
    }
}

words! {
    /// The three kinds of follow-up (R46).
    FollowUpKind {
        /// 风险隐患排除.
        Hazard = "hazard", "风险隐患排除", "hazard removed";
        /// 急需困难缓解.
        Hardship = "hardship", "急需困难缓解", "hardship eased";
        /// 转介服务落实.
        Referral = "referral", "转介服务落实", "referral carried out";
    }
}

impl FollowUpKind {
    /// Days until it is due: as the policy says, or 7, 15, 30 (I-10).
    pub fn due_days(self, policy: &Policy) -> u16 {
        let by_policy = policy.risk.follow_up.iter().find(|kind| kind.kind == self.zh() || kind.kind == self.code());
        by_policy.map_or(
            match self {
                Self::Hazard => 7,
                Self::Hardship => 15,
                Self::Referral => 30,
            },
            |kind| kind.due_days,
        )
    }
}

/// A hazard of a house.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hazard {
    /// The identifier.
    pub id: String,
    /// Whose house.
    pub elder: ElderId,
    /// Which.
    pub home: HomeId,
    /// The area path.
    pub area: String,
    /// What kind.
    pub kind: HazardKind,
    /// Where in the house.
    #[serde(default)]
    pub place: String,
    /// In what words.
    #[serde(default)]
    pub words: String,
    /// When it was found.
    pub found_at: Timestamp,
    /// By whom.
    pub found_by: PersonId,
    /// The visit that opened it.
    #[serde(default)]
    pub visit: Option<String>,
    /// How it stands.
    pub state: HazardState,
    /// The day by which to look again.
    pub recheck_on: NaiveDate,
    /// What was done.
    #[serde(default)]
    pub log: Vec<Line>,
}

/// What is done about a hazard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HazardStep {
    /// The elder or family was reminded.
    Remind,
    /// Somebody says that it is removed.
    Remove,
    /// Looked at again: gone.
    Confirm,
    /// Looked at again: still there.
    Reopen,
}

impl Hazard {
    /// Takes a step.
    ///
    /// # Errors
    /// A step that does not fit the state.
    pub fn step(mut self, step: HazardStep, by: &PersonId, words: &str, at: Timestamp) -> Result<Self, Refused> {
        use HazardState as S;
        let state = match (self.state, step) {
            (S::Open | S::Reminded, HazardStep::Remind) => S::Reminded,
            (S::Open | S::Reminded, HazardStep::Remove) => S::Removed,
            (S::Removed | S::Reminded | S::Open, HazardStep::Confirm) => S::Checked,
            (S::Removed | S::Checked, HazardStep::Reopen) => S::Open,
            (S::Removed | S::Checked, HazardStep::Remind | HazardStep::Remove)
            | (S::Checked, HazardStep::Confirm)
            | (S::Open | S::Reminded, HazardStep::Reopen) => {
                return Err(misfit(self.state.zh(), self.state.en()));
            }
        };
        self.state = state;
        self.log.push(Line { at, by: by.to_string(), did: state.code().into(), words: words.trim().into() });
        Ok(self)
    }
}

fn misfit(zh: &str, en: &str) -> Refused {
    Refused::new(format!("当前状态为“{zh}”，不能这样操作"), format!("it is \"{en}\": this does not fit"))
}

impl Record for Hazard {
    const KIND: &'static str = "hazard";

    fn id(&self) -> String {
        self.id.clone()
    }
    fn area(&self) -> &str {
        &self.area
    }
    fn home(&self) -> Option<&HomeId> {
        Some(&self.home)
    }
    fn elder(&self) -> Option<&ElderId> {
        Some(&self.elder)
    }
    fn at(&self) -> Timestamp {
        self.found_at
    }
    fn state(&self) -> &'static str {
        self.state.code()
    }
}

/// Something that an elder needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// The identifier.
    pub id: String,
    /// Who.
    pub elder: ElderId,
    /// Where.
    pub home: HomeId,
    /// The area path.
    pub area: String,
    /// What kind.
    pub kind: NeedKind,
    /// In what words.
    #[serde(default)]
    pub words: String,
    /// Urgent: followed up as a hardship.
    #[serde(default)]
    pub urgent: bool,
    /// When it was found.
    pub found_at: Timestamp,
    /// By whom.
    pub found_by: PersonId,
    /// The visit that opened it.
    #[serde(default)]
    pub visit: Option<String>,
    /// How it stands.
    pub state: NeedState,
    /// What was done.
    #[serde(default)]
    pub log: Vec<Line>,
}

impl Need {
    /// Goes on to another state: forward, or back to open.
    ///
    /// # Errors
    /// If it is settled already, or nothing changes.
    pub fn step(mut self, to: NeedState, by: &PersonId, words: &str, at: Timestamp) -> Result<Self, Refused> {
        let settled = matches!(self.state, NeedState::Met | NeedState::Declined);
        if to == self.state || (settled && to != NeedState::Open) {
            return Err(misfit(self.state.zh(), self.state.en()));
        }
        self.state = to;
        self.log.push(Line { at, by: by.to_string(), did: to.code().into(), words: words.trim().into() });
        Ok(self)
    }
}

impl Record for Need {
    const KIND: &'static str = "need";

    fn id(&self) -> String {
        self.id.clone()
    }
    fn area(&self) -> &str {
        &self.area
    }
    fn home(&self) -> Option<&HomeId> {
        Some(&self.home)
    }
    fn elder(&self) -> Option<&ElderId> {
        Some(&self.elder)
    }
    fn at(&self) -> Timestamp {
        self.found_at
    }
    fn state(&self) -> &'static str {
        self.state.code()
    }
}

/// A referral to a department or provider (R42).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Referral {
    /// The identifier.
    pub id: String,
    /// Whom it is about.
    pub elder: ElderId,
    /// Where.
    pub home: HomeId,
    /// The area path.
    pub area: String,
    /// To whom.
    pub to: Department,
    /// Which provider, where it is one.
    #[serde(default)]
    pub provider: String,
    /// The need or hazard that it is for.
    #[serde(default)]
    pub about: Option<String>,
    /// What is asked for.
    pub words: String,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// By whom.
    pub sent_by: PersonId,
    /// How it stands.
    pub state: ReferralState,
    /// What came of it.
    #[serde(default)]
    pub outcome: String,
    /// What was done.
    #[serde(default)]
    pub log: Vec<Line>,
}

impl Referral {
    /// Goes on to another state.
    ///
    /// # Errors
    /// A step that does not fit, or an end without an outcome.
    pub fn step(mut self, to: ReferralState, by: &PersonId, words: &str, at: Timestamp) -> Result<Self, Refused> {
        use ReferralState as S;
        let fits = match (self.state, to) {
            (S::Sent | S::Returned, S::Accepted) | (S::Sent | S::Accepted, S::Done | S::Returned) | (S::Returned | S::Done, S::Sent) => true,
            (S::Sent | S::Accepted | S::Done | S::Returned, S::Sent | S::Accepted | S::Done | S::Returned) => false,
        };
        if !fits {
            return Err(misfit(self.state.zh(), self.state.en()));
        }
        if matches!(to, S::Done | S::Returned) {
            if words.trim().is_empty() {
                return Err(Refused::field("words", "请写明结果", "say what came of it"));
            }
            self.outcome = words.trim().into();
        }
        self.state = to;
        self.log.push(Line { at, by: by.to_string(), did: to.code().into(), words: words.trim().into() });
        Ok(self)
    }
}

impl Record for Referral {
    const KIND: &'static str = "referral";

    fn id(&self) -> String {
        self.id.clone()
    }
    fn area(&self) -> &str {
        &self.area
    }
    fn home(&self) -> Option<&HomeId> {
        Some(&self.home)
    }
    fn elder(&self) -> Option<&ElderId> {
        Some(&self.elder)
    }
    fn at(&self) -> Timestamp {
        self.sent_at
    }
    fn state(&self) -> &'static str {
        self.state.code()
    }
}

/// 跟踪回访 (R46).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowUp {
    /// The identifier.
    pub id: String,
    /// Whom it is about.
    pub elder: ElderId,
    /// Where.
    pub home: HomeId,
    /// The area path.
    pub area: String,
    /// What kind.
    pub kind: FollowUpKind,
    /// The hazard, need or referral.
    pub about: String,
    /// The day by which to look.
    pub due_on: NaiveDate,
    /// Looked: settled or not, in what words; not settled opens the next one.
    #[serde(default)]
    pub done: Option<Done>,
    /// It is settled.
    #[serde(default)]
    pub settled: Option<bool>,
    /// What proves it.
    #[serde(default)]
    pub evidence: String,
}

impl FollowUp {
    /// Ends it with a result; one that is not settled gives the next.
    ///
    /// # Errors
    /// If it is done already, or the result has no words.
    pub fn finish(mut self, done: Done, settled: bool, evidence: &str, policy: &Policy, today: NaiveDate) -> Result<(Self, Option<Self>), Refused> {
        if self.done.is_some() {
            return Err(Refused::new("该回访已完成", "this follow-up is done already"));
        }
        if done.words.trim().is_empty() {
            return Err(Refused::field("words", "请写明回访结果", "say what was found"));
        }
        let next = (!settled).then(|| Self {
            id: next_id(&self.id),
            due_on: crate::calendar::plus_days(today, i64::from(self.kind.due_days(policy))),
            done: None,
            settled: None,
            evidence: String::new(),
            ..self.clone()
        });
        self.done = Some(done);
        self.settled = Some(settled);
        self.evidence = evidence.trim().into();
        Ok((self, next))
    }
}

/// `x` gives `x~2`, `x~2` gives `x~3`.
fn next_id(id: &str) -> String {
    match id.rsplit_once('~').and_then(|(base, n)| Some((base, n.parse::<u32>().ok()?))) {
        Some((base, n)) => format!("{base}~{}", n.saturating_add(1)),
        None => format!("{id}~2"),
    }
}

impl Record for FollowUp {
    const KIND: &'static str = "follow_up";

    fn id(&self) -> String {
        self.id.clone()
    }
    fn area(&self) -> &str {
        &self.area
    }
    fn home(&self) -> Option<&HomeId> {
        Some(&self.home)
    }
    fn elder(&self) -> Option<&ElderId> {
        Some(&self.elder)
    }
    fn at(&self) -> Timestamp {
        order_of(self.due_on)
    }
    fn state(&self) -> &'static str {
        match (&self.done, self.settled) {
            (None, _) => "open",
            (Some(_), Some(true)) => "settled",
            (Some(_), Some(false) | None) => "again",
        }
    }
}
