//! What was found and what became of it: hazards of a house, needs, referrals to departments, follow-ups with their due
//! days. Nothing here is closed by a timer; every step has a name and a time.

use super::{Done, Line, Refused, about_an_elder, order_of};
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

impl Department {
    /// What Annex 3 makes its business, in the document's words.
    pub fn duties(self) -> &'static [&'static str] {
        match self {
            Self::JointMeeting => &["将特殊困难老年人探访关爱工作纳入基本养老服务体系建设重点任务，依托养老服务议事协调机制，整合政策资源，动员引导慈善组织提供捐赠。"],
            Self::PoliticalLegal => &["将特殊困难老年人探访关爱服务工作纳入平安建设重要任务。"],
            Self::Civilization => &[
                "将特殊困难老年人探访关爱作为新时代文明实践中心服务工作重要内容，丰富特殊困难老年人精神生活，倡导科学文明健康的生活方式，引导家庭成员向上向善、孝老爱亲。",
                "发挥新时代文明实践中心和“爱心城市”文明实践志愿服务团作用，将探访关爱服务作为宣传群众、教育群众、引领群众、服务群众的重要内容。",
            ],
            Self::CivilAffairs => &[
                "发挥养老服务机构专业优势，采取政府购买服务等方式，通过社区日间照料中心、农村幸福院等服务设施网络开展探访关爱服务。",
                "将特殊困难老年人探访关爱服务纳入乡镇（街道）社工站服务内容，发挥社会工作专业优势，提供专业精准服务。",
            ],
            Self::Education => &[
                "组织动员在校学生参与特殊困难老年人探访关爱。",
                "积极探索在校生志愿服务计学分活动，引导在校生积极参与特殊困难老年人探访关爱，进一步加强在校生尊老孝老敬老教育，不断培育和践行社会主义核心价值观。",
            ],
            Self::Finance => &["统筹现有渠道资金，积极支持特殊困难老年人探访关爱服务工作，指导有关部门依法依规开展政府购买服务。"],
            Self::Housing => &["引导物业服务企业参与做好特殊困难老年人探访关爱。鼓励物业服务企业在开展日常巡查、上门维修等服务中同步开展探访关爱服务。"],
            Self::Agriculture => &["负责协同建立农村留守老年人关爱服务工作机制，作为农业和农村规划重点任务，纳入乡村振兴考评，作为农村公共服务重要方面，推进农村养老提质升级。"],
            Self::Health => &[
                "提供计划生育特殊家庭老年人基本数据。结合计划生育特殊家庭社会关爱工作，依托一对联系人制度，及时沟通情况，了解需求，帮助计划生育特殊家庭老年人解决实际困难和后顾之忧，参与做好特殊困难老年人探访关爱。",
                "发挥家庭医生签约服务优势，通过开展上门巡诊、健康管理等及时了解掌握特殊困难老年人身体健康状况，做好慢病管理和健康监测。",
            ],
            Self::Disabled => &["提供残疾老年人基本信息。将对残疾老年人探访关爱纳入“关爱残疾人志愿服务活动”，帮助残疾老年人提高生活质量，积极参与做好残疾老年人探访关爱。"],
            Self::Provider => &[],
        }
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

about_an_elder!(Hazard = "hazard", it => it.found_at, it.state.code());

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

about_an_elder!(Need = "need", it => it.found_at, it.state.code());

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

about_an_elder!(Referral = "referral", it => it.sent_at, it.state.code());

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

about_an_elder!(FollowUp = "follow_up", it => order_of(it.due_on), match (&it.done, it.settled) {
    (None, _) => "open",
    (Some(_), Some(true)) => "settled",
    (Some(_), Some(false) | None) => "again",
});
