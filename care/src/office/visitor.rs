//! Visitors (服务力量): ten kinds of the document and whatever the city adds, trained, contracted, paired with elders,
//! suspended when they cannot be relied on (R21 to R23, R27, R70).

use super::{Line, Record, Refused, about_an_elder, order_of};
use crate::policy::words;
use crate::{ElderId, HomeId, PersonId, Timestamp};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

words! {
    /// The ten kinds of the document (四(二)1), and one for what a city adds.
    VisitorKind {
        /// 养老服务机构、日间照料中心、农村幸福院、“食堂+学堂”.
        CareHome = "care_home", "养老服务机构（日间照料中心、农村幸福院、“食堂+学堂”）", "care provider";
        /// 文明实践志愿服务团.
        Volunteers = "volunteers", "文明实践志愿服务团", "volunteer team";
        /// 网格员.
        GridWorker = "grid_worker", "网格员", "grid worker";
        /// 家庭医生.
        FamilyDoctor = "family_doctor", "家庭医生", "family doctor";
        /// 社工站.
        SocialWork = "social_work", "社工站", "social work station";
        /// 老年协会“老伙伴”.
        OldFriends = "old_friends", "老年协会“老伙伴”", "elders' association";
        /// 助老公益性岗位.
        PublicPost = "public_post", "助老公益性岗位", "public welfare post";
        /// 党员干部结对.
        Cadre = "cadre", "党员干部结对", "paired party member or cadre";
        /// 学生志愿者.
        Student = "student", "学生志愿者", "student volunteer";
        /// 物业.
        Property = "property", "物业", "property staff";
        /// 其他.
        Other = "other", "其他", "other";
    }
}

/// A training that a visitor has had.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// What about.
    pub topic: String,
    /// When.
    pub on: NaiveDate,
    /// How long, hours.
    pub hours: f32,
    /// Who taught.
    pub by: String,
}

/// What a provider was contracted for (R61, R63).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contract {
    /// Its number.
    pub number: String,
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    #[serde(default)]
    pub to: Option<NaiveDate>,
    /// What a counted visit pays, in 分 (1/100 yuan).
    #[serde(default)]
    pub cents_a_visit: Option<u32>,
}

/// A visitor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Visitor {
    /// The identifier: the sign-in name where there is one.
    pub id: PersonId,
    /// Name.
    pub name: String,
    /// Phone.
    #[serde(default)]
    pub phone: String,
    /// Where the visitor works: 服务力量所在单位.
    #[serde(default)]
    pub organisation: String,
    /// Which kind.
    pub kind: VisitorKind,
    /// The area path where the visitor goes.
    pub area: String,
    /// Since when.
    pub since: NaiveDate,
    /// Trainings.
    #[serde(default)]
    pub trainings: Vec<Training>,
    /// The contract.
    #[serde(default)]
    pub contract: Option<Contract>,
    /// Suspended: why, by whom, since when. Visits are still taken, and flagged.
    #[serde(default)]
    pub suspended: Option<Line>,
    /// The last day.
    #[serde(default)]
    pub left_on: Option<NaiveDate>,
}

impl Visitor {
    /// Suspends a visitor (R27).
    ///
    /// # Errors
    /// Without a reason, or if it is so already.
    pub fn suspend(mut self, by: &PersonId, words: &str, at: Timestamp) -> Result<Self, Refused> {
        if self.suspended.is_some() {
            return Err(Refused::new("该探访人员已暂停", "this visitor is suspended already"));
        }
        if words.trim().is_empty() {
            return Err(Refused::field("words", "请写明暂停原因", "say why"));
        }
        self.suspended = Some(Line { at, by: by.to_string(), did: "suspended".into(), words: words.trim().into() });
        Ok(self)
    }

    /// Ends the suspension.
    ///
    /// # Errors
    /// If there is none.
    pub fn resume(mut self) -> Result<Self, Refused> {
        self.suspended.take().ok_or_else(|| Refused::new("该探访人员未暂停", "this visitor is not suspended"))?;
        Ok(self)
    }

    /// Hours of training in all.
    pub fn training_hours(&self) -> f32 {
        self.trainings.iter().map(|training| training.hours).sum()
    }
}

impl Record for Visitor {
    const KIND: &'static str = "visitor";

    fn id(&self) -> String {
        self.id.to_string()
    }
    fn area(&self) -> &str {
        &self.area
    }
    fn at(&self) -> Timestamp {
        order_of(self.since)
    }
    fn state(&self) -> &'static str {
        match (&self.left_on, &self.suspended) {
            (Some(_), _) => "left",
            (None, Some(_)) => "suspended",
            (None, None) => "active",
        }
    }
}

/// A named helper for an elder (结对帮扶, R23).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pairing {
    /// The identifier.
    pub id: String,
    /// The elder.
    pub elder: ElderId,
    /// Where the elder lives.
    pub home: HomeId,
    /// The area path.
    pub area: String,
    /// The visitor.
    pub visitor: PersonId,
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    #[serde(default)]
    pub to: Option<NaiveDate>,
}

impl Pairing {
    /// True if it holds on a day.
    pub fn on(&self, day: NaiveDate) -> bool {
        self.from <= day && self.to.is_none_or(|to| day <= to)
    }
}

about_an_elder!(Pairing = "pairing", it => order_of(it.from), if it.to.is_some() { "ended" } else { "open" });

/// Who answers for a department: sees its referrals and its figures, and nothing else (Annex 3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepartmentDesk {
    /// The sign-in name.
    pub person: PersonId,
    /// The department.
    pub department: super::matter::Department,
    /// Since when.
    pub since: NaiveDate,
}

impl Record for DepartmentDesk {
    const KIND: &'static str = "department_desk";

    fn id(&self) -> String {
        self.person.to_string()
    }
    fn area(&self) -> &str {
        ""
    }
    fn at(&self) -> Timestamp {
        order_of(self.since)
    }
    fn state(&self) -> &'static str {
        self.department.code()
    }
}
