//! Copies of the register for other systems (R20): each with its own columns and codes. No system offers a public
//! interface: what is made here is a file, and a receipt says that it arrived.

use super::Since;
use super::category;
use super::elder::{Address, Economy, ElderFile, Exported};
use crate::person::{Phone, Sex};
use crate::policy::{Ability, words};
use crate::{PersonId, Timestamp};
use chrono::NaiveDate;
use sha2::{Digest, Sha256};

words! {
    /// A system that keeps a copy.
    Target {
        /// 智慧网格.
        SmartGrid = "smart_grid", "智慧网格", "smart grid";
        /// 金民工程.
        Jinmin = "jinmin", "金民工程", "Jinmin";
        /// 省养老服务综合信息平台.
        Province = "province", "省养老服务综合信息平台", "provincial platform";
    }
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Name,
    Sex,
    SexCode,
    IdNumber,
    BornPlain,
    Phone,
    Area,
    LivesAt,
    RegisteredAt,
    Categories,
    CategoryCodes,
    Tier,
    Ability,
    AbilityCode,
    DisabilityLevel,
    Economy,
    Income,
    FirstContact,
    FirstContactPhone,
    Emergency,
    EmergencyPhone,
    FiledOn,
    State,
}

type Map = &'static [(&'static str, Column)];

const SMART_GRID: Map = &[
    ("姓名", Column::Name),
    ("性别", Column::Sex),
    ("公民身份号码", Column::IdNumber),
    ("联系电话", Column::Phone),
    ("所属网格", Column::Area),
    ("现住地址", Column::LivesAt),
    ("人员类别", Column::Categories),
    ("关注等级", Column::Tier),
    ("第一探访联系人", Column::FirstContact),
    ("联系人电话", Column::FirstContactPhone),
    ("状态", Column::State),
];

const JINMIN: Map = &[
    ("XM", Column::Name),
    ("XBDM", Column::SexCode),
    ("SFZJH", Column::IdNumber),
    ("CSRQ", Column::BornPlain),
    ("HJDZ", Column::RegisteredAt),
    ("JZDZ", Column::LivesAt),
    ("DXLB", Column::CategoryCodes),
    ("SNDJ", Column::AbilityCode),
    ("CJDJ", Column::DisabilityLevel),
    ("JDRQ", Column::FiledOn),
];

const PROVINCE: Map = &[
    ("老人姓名", Column::Name),
    ("身份证号", Column::IdNumber),
    ("性别", Column::Sex),
    ("能力等级", Column::Ability),
    ("服务对象类型", Column::Categories),
    ("对象等级", Column::Tier),
    ("经济状况", Column::Economy),
    ("月收入", Column::Income),
    ("联系电话", Column::Phone),
    ("紧急联系人", Column::Emergency),
    ("紧急联系人电话", Column::EmergencyPhone),
    ("居住地址", Column::LivesAt),
    ("建档日期", Column::FiledOn),
];

/// Whether what is personal stands whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// As the other system needs it.
    Whole,
    /// Numbers and phones with stars.
    Masked,
}

impl Target {
    fn map(self) -> Map {
        match self {
            Self::SmartGrid => SMART_GRID,
            Self::Jinmin => JINMIN,
            Self::Province => PROVINCE,
        }
    }

    /// The headings.
    pub fn heading(self) -> Vec<&'static str> {
        self.map().iter().map(|(name, _)| *name).collect()
    }

    /// An elder as this system has it.
    pub fn row(self, file: &ElderFile, tier: Option<&str>, today: NaiveDate, shown: Shown) -> Vec<String> {
        self.map().iter().map(|(_, column)| cell(*column, file, tier, today, shown)).collect()
    }

    /// The digest of what this system would have now: another one than that of the last export means that it is to be
    /// exported again.
    pub fn digest(self, file: &ElderFile, tier: Option<&str>, today: NaiveDate) -> String {
        let row = self.row(file, tier, today, Shown::Whole).join("\u{1f}");
        Sha256::digest(row.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// True if the system does not have the file as it is now.
    pub fn is_behind(self, file: &ElderFile, tier: Option<&str>, today: NaiveDate) -> bool {
        file.exported.get(self.code()).is_none_or(|copy| copy.digest != self.digest(file, tier, today))
    }

    /// Notes in the file that it was exported.
    pub fn note(self, file: &mut ElderFile, version: u32, tier: Option<&str>, today: NaiveDate, at: Timestamp) {
        let digest = self.digest(file, tier, today);
        file.exported.insert(self.code().to_owned(), Exported { version, at, receipt: String::new(), confirmed_by: None, digest });
    }

    /// Notes that the copy arrived. False if there is none without a receipt.
    pub fn confirm(self, file: &mut ElderFile, receipt: &str, by: &PersonId) -> bool {
        match file.exported.get_mut(self.code()).filter(|copy| copy.receipt.is_empty()) {
            Some(copy) => {
                receipt.clone_into(&mut copy.receipt);
                copy.confirmed_by = Some(by.clone());
                true
            }
            None => false,
        }
    }
}

fn stars(text: &str, head: usize) -> String {
    let n = text.chars().count();
    text.chars().enumerate().map(|(at, c)| if at < head || at + 4 >= n { c } else { '*' }).collect()
}

fn written(address: &Address) -> String {
    format!("{}{}{}", address.town, address.village, address.detail)
}

fn cell(column: Column, file: &ElderFile, tier: Option<&str>, today: NaiveDate, shown: Shown) -> String {
    let number = |text: &str, head: usize| match shown {
        Shown::Whole => text.to_owned(),
        Shown::Masked => stars(text, head),
    };
    let phone = |typed: &str| number(&Phone::parse(typed).map_or_else(|_| typed.to_owned(), |phone| phone.dialled.trim_start_matches("+86").to_owned()), 3);
    let held = file.categories_on(today);
    let names: &[(&str, &str, &str)] = &[
        (category::NO_KIN, "孤寡", "01"),
        (category::LIVING_ALONE, "独居", "02"),
        (category::EMPTY_NEST, "空巢", "03"),
        (category::LEFT_BEHIND, "留守", "04"),
        (category::CARE_DEPENDENT, "失能", "05"),
        (category::SEVERE_DISABILITY, "重残", "06"),
        (category::SPECIAL_FAMILY, "计划生育特殊家庭", "07"),
    ];
    let of = |pick: fn(&(&'static str, &'static str, &'static str)) -> &'static str| {
        names.iter().filter(|one| held.iter().any(|own| own == one.0)).map(pick).collect::<Vec<_>>().join("、")
    };
    let ability = Since::on(&file.ability, today).copied();
    let emergency = file.emergency.first();
    match column {
        Column::Name => file.name.clone(),
        Column::Sex => match file.sex {
            Some(Sex::Male) => "男",
            Some(Sex::Female) => "女",
            None => "",
        }
        .to_owned(),
        Column::SexCode => match file.sex {
            Some(Sex::Male) => "1",
            Some(Sex::Female) => "2",
            None => "9",
        }
        .to_owned(),
        Column::IdNumber => number(&file.id_number, 4),
        Column::BornPlain => file.born.format("%Y%m%d").to_string(),
        Column::Phone => phone(&file.phone),
        Column::Area => file.area.clone(),
        Column::LivesAt => written(&file.lives_at),
        Column::RegisteredAt => written(&file.registered_at),
        Column::Categories => of(|one| one.1),
        Column::CategoryCodes => of(|one| one.2).replace('、', ","),
        Column::Tier => match tier {
            Some("key") => "重点对象",
            Some(_) => "一般对象",
            None => "",
        }
        .to_owned(),
        Column::Ability => ability.map(|ability| ability.zh().to_owned()).unwrap_or_default(),
        Column::AbilityCode => ability
            .map(|ability| match ability {
                Ability::None => "0",
                Ability::Mild => "1",
                Ability::Moderate => "2",
                Ability::Severe => "3",
                Ability::Total => "4",
            })
            .unwrap_or_default()
            .to_owned(),
        Column::DisabilityLevel => Since::on(&file.disability_level, today).copied().flatten().map(|level| level.to_string()).unwrap_or_default(),
        Column::Economy => file.economy.map_or("", Economy::zh).to_owned(),
        Column::Income => file.income.map(|yuan| yuan.to_string()).unwrap_or_default(),
        Column::FirstContact => file.first_contact.as_ref().map(|one| one.name.clone()).unwrap_or_default(),
        Column::FirstContactPhone => file.first_contact.as_ref().map(|one| phone(&one.phone)).unwrap_or_default(),
        Column::Emergency => emergency.map(|one| one.name.clone()).unwrap_or_default(),
        Column::EmergencyPhone => emergency.map(|one| phone(&one.phone)).unwrap_or_default(),
        Column::FiledOn => file.filed_on.to_string(),
        Column::State => if file.left_on.is_some() { "注销" } else { "在册" }.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::office::elder::{Source, SourceKind};
    use crate::office::import::{Offer, create};
    use crate::person::IdNumber;
    use crate::{ElderId, HomeId};

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn file() -> ElderFile {
        let number = IdNumber::parse("11010519491231002X").unwrap();
        let offer = Offer {
            name: "陈阿婆".to_owned(),
            born: number.born(),
            sex: number.sex(),
            id_number: Some(number),
            phone: Phone::parse("138 0013 8000").ok(),
            categories: vec!["living_alone"],
            ability: Some(Ability::Severe),
            ..Offer::default()
        };
        let source = Source { from: SourceKind::Village, batch: String::new(), row: None, at: Timestamp::UNIX_EPOCH, by: PersonId::from("wang") };
        create(&offer, ElderId::from("e1"), HomeId::from("h1"), "晋江市/梅岭街道", &source, day("2026-11-30")).unwrap()
    }

    #[test]
    fn every_system_has_its_own_columns_and_codes() {
        let (file, today) = (file(), day("2026-11-30"));
        for target in Target::ALL {
            assert_eq!(target.heading().len(), target.row(&file, Some("key"), today, Shown::Whole).len());
        }
        let jinmin = Target::Jinmin.row(&file, Some("key"), today, Shown::Whole).join("|");
        assert_eq!(jinmin, "陈阿婆|2|11010519491231002X|19491231|||02,05|3||2026-11-30");
        let grid = Target::SmartGrid.row(&file, Some("key"), today, Shown::Masked).join("|");
        assert_eq!(grid, "陈阿婆|女|1101**********002X|138****8000|晋江市/梅岭街道||独居、失能|重点对象|||在册");
    }

    #[test]
    fn a_change_makes_a_copy_old_and_a_receipt_is_given_once() {
        let (mut file, today) = (file(), day("2026-11-30"));
        let province = Target::Province;
        assert!(province.is_behind(&file, Some("key"), today));
        assert!(!province.confirm(&mut file, "R-1", &PersonId::from("wang")), "nothing was exported yet");
        province.note(&mut file, 1, Some("key"), today, Timestamp::UNIX_EPOCH);
        assert!(!province.is_behind(&file, Some("key"), today));
        assert!(Target::Jinmin.is_behind(&file, Some("key"), today), "each system by itself");
        assert!(province.confirm(&mut file, "R-1", &PersonId::from("wang")));
        assert!(!province.confirm(&mut file, "R-2", &PersonId::from("wang")));
        file.past_illness = "高血压".to_owned();
        assert!(!province.is_behind(&file, Some("key"), today), "what the system does not hold makes no copy old");
        file.income = Some(900);
        assert!(province.is_behind(&file, Some("key"), today));
    }
}
