//! An elder's file: every field of Annex 1 (特殊困难老年人信息登记表), what the form lacks and the office needs beside it,
//! and where each field came from.

use super::{Record, Since, order_of};
use crate::person::Sex;
use crate::policy::{Ability, words};
use crate::{ElderId, HomeId, PersonId, Timestamp};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

words! {
    /// 经济情况: the one box of the form.
    Economy {
        /// 特困人员.
        Destitute = "destitute", "特困人员", "destitute";
        /// 低保、低保边缘.
        MinimumIncome = "minimum_income", "低保、低保边缘", "on or near minimum allowance";
    }
}

words! {
    /// The kind of household registration.
    Hukou {
        /// 农村户籍.
        Rural = "rural", "农村户籍", "rural";
        /// 城镇户籍.
        Urban = "urban", "城镇户籍", "urban";
    }
}

words! {
    /// 开展帮扶单位(组织).
    Helper {
        /// 党政机关、群团组织.
        Government = "government", "党政机关、群团组织", "government or mass organisation";
        /// 乡镇(街道)、村(居)委员会.
        Village = "village", "乡镇（街道）、村（居）委员会", "town or village committee";
        /// 企业.
        Company = "company", "企业", "company";
        /// 社会组织.
        Society = "society", "社会组织", "social organisation";
        /// 专业社会工作者.
        SocialWorker = "social_worker", "专业社会工作者", "professional social worker";
        /// 志愿者.
        Volunteer = "volunteer", "志愿者", "volunteer";
        /// 其他.
        Other = "other", "其他", "other";
    }
}

words! {
    /// From where a field was taken (R13).
    SourceKind {
        /// 卫健委.
        Health = "health", "卫健委", "health commission";
        /// 残联.
        Disabled = "disabled", "残联", "disabled persons' federation";
        /// 村(居)委会和网格员.
        Village = "village", "村（居）委会、网格员", "village committee, grid worker";
        /// 民政.
        CivilAffairs = "civil_affairs", "民政", "civil affairs";
        /// 入户调查.
        Survey = "survey", "入户调查", "survey at home";
        /// 其他渠道.
        Other = "other", "其他渠道", "other";
    }
}

/// Where a field's value came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Whose data.
    pub from: SourceKind,
    /// The import's name; empty for what was typed in.
    #[serde(default)]
    pub batch: String,
    /// Its row in the import, from 1.
    #[serde(default)]
    pub row: Option<u32>,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: PersonId,
}

/// A place as the form writes it, and as the ambulance needs it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Address {
    /// 乡镇(街道).
    pub town: String,
    /// 村(社区).
    pub village: String,
    /// Road, number, floor.
    pub detail: String,
}

/// 紧急联系人. The form has room for the first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EmergencyContact {
    /// 姓名.
    pub name: String,
    /// 性别.
    pub sex: Option<Sex>,
    /// 联系电话.
    pub phone: String,
    /// What the contact is to the elder; not on the form.
    pub relation: String,
}

/// 二 家庭成员: a row.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FamilyMember {
    /// 姓名.
    pub name: String,
    /// 性别.
    pub sex: Option<Sex>,
    /// 与户主关系.
    pub relation: String,
    /// 居民身份证号码.
    pub id_number: String,
    /// 健康状况.
    pub health: String,
    /// 是否经常探访.
    pub visits_often: Option<bool>,
    /// 联系电话; not on the form.
    pub phone: String,
    /// A child of the elder.
    pub child: bool,
    /// Lives in the elder's home.
    pub lives_here: bool,
    /// The town where the person lives, as its area path; empty: not known.
    pub town: String,
    /// Away for work or trade since this day (R7).
    pub away_since: Option<NaiveDate>,
}

/// 三 家庭生活条件.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Living {
    /// 饮水是否安全.
    pub water_safe: Option<bool>,
    /// 生活用电是否安全.
    pub electricity_safe: Option<bool>,
    /// 住房是否安全.
    pub housing_safe: Option<bool>,
    /// 家庭月收入（元）.
    pub family_income: Option<u32>,
    /// 有领取养老保险，每月__元: 0 stands for 无养老保险; `None` is not asked.
    pub pension: Option<u32>,
    /// 享受社会救助和社会福利补贴项目.
    pub benefits: Vec<Benefit>,
}

/// A benefit and what it pays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Benefit {
    /// 项目.
    pub name: String,
    /// 每月补贴金额, yuan.
    pub monthly: Option<u32>,
    /// When it was applied for (R16, R41).
    pub applied_on: Option<NaiveDate>,
    /// What became of it.
    pub result: String,
}

/// 四 已享受帮扶情况.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Help {
    /// 开展帮扶单位(组织).
    pub by: Vec<Helper>,
    /// 帮扶责任人.
    pub responsible: String,
    /// 帮扶措施.
    pub measures: String,
    /// 工作人员签字.
    #[serde(default)]
    pub signed_by: String,
    /// 年月日.
    #[serde(default)]
    pub on: Option<NaiveDate>,
    /// The last day of the help; none: it goes on.
    #[serde(default)]
    pub until: Option<NaiveDate>,
}

/// What decides the seven categories (R4 to R10). `None`: not asked yet, which decides nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Circumstances {
    /// There is a living spouse.
    pub spouse: Option<bool>,
    /// There are living children; each stands among the family.
    pub children: Option<bool>,
    /// Whether everybody in question stands among the family, so that towns can be compared.
    pub family_complete: Option<bool>,
    /// Somebody cares for the elder.
    pub cared_for: Option<bool>,
    /// A carer who is no kin lives in (I-13).
    pub carer_lives_in: Option<bool>,
    /// The elder can still work.
    pub can_work: Option<bool>,
    /// There is a source of livelihood.
    pub has_livelihood: Option<bool>,
    /// Household registration.
    pub hukou: Option<Hukou>,
    /// An only child's fate (R10).
    pub only_child: Option<OnlyChild>,
}

/// What has become of an only child.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnlyChild {
    /// The child has died.
    pub died: bool,
    /// The level of the child's disability, 1 to 4.
    #[serde(default)]
    pub disability_level: Option<u8>,
    /// A child was born or adopted later.
    pub another_child: bool,
}

/// 第一探访联系人 (R24, R26).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstContact {
    /// Name.
    pub name: String,
    /// What the contact is to the elder.
    pub relation: String,
    /// Phone.
    pub phone: String,
    /// A child of the elder who lives in the same place (R24).
    pub child_near: bool,
    /// Who appointed the contact, where it is no such child (R26).
    #[serde(default)]
    pub appointed_by: Option<PersonId>,
    /// Since when.
    pub since: NaiveDate,
}

/// How the ability was assessed (R8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    /// The level.
    pub ability: Ability,
    /// The standard and its edition.
    pub standard: String,
    /// Points.
    #[serde(default)]
    pub score: Option<u16>,
    /// Who assessed.
    pub assessor: String,
    /// When.
    pub on: NaiveDate,
}

/// What the form has no row for.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Extended {
    /// Who has a key.
    pub key_holder: String,
    /// Door, stairs, lift, dog.
    pub access: String,
    /// How to find the house.
    pub landmark: String,
    /// Latitude and longitude, degrees.
    pub location: Option<(f64, f64)>,
    /// Language or dialect.
    pub dialect: String,
    /// Hearing and speech.
    pub hearing: String,
    /// Medicines.
    pub medicines: String,
    /// Allergies.
    pub allergies: String,
    /// Aids and devices: oxygen, wheelchair, pacemaker.
    pub aids: String,
    /// Pets.
    pub pets: String,
    /// Anything else.
    pub notes: String,
}

/// A span in which nothing is owed, with its proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspended {
    /// The reason, by the word of the policy.
    pub reason: String,
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    #[serde(default)]
    pub to: Option<NaiveDate>,
    /// What proves it.
    #[serde(default)]
    pub proof: String,
    /// Who entered it.
    pub by: PersonId,
}

/// A copy of the file in another system (R20).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exported {
    /// The version of the file that was exported.
    pub version: u32,
    /// When.
    pub at: Timestamp,
    /// The receipt, once somebody has confirmed that it arrived.
    #[serde(default)]
    pub receipt: String,
    /// Who confirmed it.
    #[serde(default)]
    pub confirmed_by: Option<PersonId>,
    /// A digest of what was exported: another one means that it is to be exported again.
    #[serde(default)]
    pub digest: String,
}

/// The file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ElderFile {
    /// The identifier.
    pub id: ElderId,
    /// Where the elder lives.
    pub home: HomeId,
    /// The area path of that place.
    pub area: String,
    /// 建档日期.
    pub filed_on: NaiveDate,
    /// From this day on visits are owed.
    pub enrolled_on: NaiveDate,
    /// 姓名.
    pub name: String,
    /// 性别.
    #[serde(default)]
    pub sex: Option<Sex>,
    /// 居民身份证号码; empty: none, with the reason in `no_id`.
    #[serde(default)]
    pub id_number: String,
    /// Why there is no number.
    #[serde(default)]
    pub no_id: String,
    /// Date of birth.
    pub born: NaiveDate,
    /// 联系电话.
    #[serde(default)]
    pub phone: String,
    /// 紧急联系人.
    #[serde(default)]
    pub emergency: Vec<EmergencyContact>,
    /// 户籍地址.
    #[serde(default)]
    pub registered_at: Address,
    /// 居住地址.
    #[serde(default)]
    pub lives_at: Address,
    /// 能力程度 with its history.
    #[serde(default)]
    pub ability: Vec<Since<Ability>>,
    /// How it was assessed, the latest last.
    #[serde(default)]
    pub assessments: Vec<Assessment>,
    /// 曾患病史.
    #[serde(default)]
    pub past_illness: String,
    /// 经济情况.
    #[serde(default)]
    pub economy: Option<Economy>,
    /// 月可支配收入, yuan.
    #[serde(default)]
    pub income: Option<u32>,
    /// 经济来源.
    #[serde(default)]
    pub income_source: String,
    /// 残疾证号.
    #[serde(default)]
    pub disability_card: String,
    /// The card's last valid day.
    #[serde(default)]
    pub card_valid_to: Option<NaiveDate>,
    /// The level of the valid card, with its history.
    #[serde(default)]
    pub disability_level: Vec<Since<Option<u8>>>,
    /// Categories that people have entered.
    #[serde(default)]
    pub entered: Vec<String>,
    /// 对象类型 as it holds, with its history: what was entered and what the circumstances decide.
    #[serde(default)]
    pub categories: Vec<Since<Vec<String>>>,
    /// The tier that the office chose, where it is stricter than the one that follows from the facts.
    #[serde(default)]
    pub chosen_tier: Option<String>,
    /// What was chosen, with its history.
    #[serde(default)]
    pub chosen: Vec<Since<Option<String>>>,
    /// What decides the categories.
    #[serde(default)]
    pub circumstances: Circumstances,
    /// 家庭成员.
    #[serde(default)]
    pub family: Vec<FamilyMember>,
    /// 家庭生活条件.
    #[serde(default)]
    pub living: Living,
    /// 已享受帮扶情况.
    #[serde(default)]
    pub help: Vec<Help>,
    /// 第一探访联系人; empty puts the elder on a worklist.
    #[serde(default)]
    pub first_contact: Option<FirstContact>,
    /// Spans without duties.
    #[serde(default)]
    pub suspensions: Vec<Suspended>,
    /// What the form has no row for.
    #[serde(default)]
    pub extended: Extended,
    /// The last half-yearly review.
    #[serde(default)]
    pub reviewed_on: Option<NaiveDate>,
    /// Where each field came from, by its name in this struct.
    #[serde(default)]
    pub sources: BTreeMap<String, Source>,
    /// Copies in other systems, by their names.
    #[serde(default)]
    pub exported: BTreeMap<String, Exported>,
    /// Discharged: out of the register on this day, for the reason of the last suspension.
    #[serde(default)]
    pub left_on: Option<NaiveDate>,
}

impl Record for ElderFile {
    const KIND: &'static str = "elder";

    fn id(&self) -> String {
        self.id.to_string()
    }
    fn area(&self) -> &str {
        &self.area
    }
    fn home(&self) -> Option<&HomeId> {
        Some(&self.home)
    }
    fn elder(&self) -> Option<&ElderId> {
        Some(&self.id)
    }
    fn at(&self) -> Timestamp {
        order_of(self.filed_on)
    }
    fn state(&self) -> &'static str {
        if self.left_on.is_some() { "left" } else { "enrolled" }
    }
}
