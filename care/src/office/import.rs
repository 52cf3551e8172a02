//! Lists of others beside the register (R13): matched by identity number, every field compared. What is empty here is
//! filled, what differs is a conflict that a person decides, and every field keeps whose word it is.

use super::elder::{Address, Economy, ElderFile, EmergencyContact, Source};
use super::{Refused, Since};
use crate::person::{IdNumber, Phone, Sex};
use crate::policy::{Ability, words};
use crate::{ElderId, HomeId};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

words! {
    /// A field that a list may bring.
    Field {
        /// 姓名.
        Name = "name", "姓名", "name";
        /// 性别.
        Sex = "sex", "性别", "sex";
        /// 出生日期.
        Born = "born", "出生日期", "date of birth";
        /// 联系电话.
        Phone = "phone", "联系电话", "phone";
        /// 紧急联系人 with its phone.
        Emergency = "emergency", "紧急联系人", "emergency contact";
        /// 户籍地址.
        RegisteredAt = "registered_at", "户籍地址", "registered address";
        /// 居住地址.
        LivesAt = "lives_at", "居住地址", "address";
        /// 能力程度.
        Ability = "ability", "能力程度", "ability";
        /// 曾患病史.
        PastIllness = "past_illness", "曾患病史", "past illness";
        /// 经济情况.
        Economy = "economy", "经济情况", "economic situation";
        /// 月可支配收入.
        Income = "income", "月可支配收入", "monthly income";
        /// 经济来源.
        IncomeSource = "income_source", "经济来源", "source of income";
        /// 残疾证号.
        Card = "disability_card", "残疾证号", "disability card";
        /// 残疾证有效期.
        CardValidTo = "card_valid_to", "残疾证有效期至", "card valid to";
        /// 对象类型.
        Categories = "entered", "对象类型", "categories";
    }
}

/// An elder as a list has it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Offer {
    /// The row that it came from.
    pub row: usize,
    /// 姓名.
    pub name: String,
    /// 居民身份证号码; none: the person has none, and matching is by hand.
    pub id_number: Option<IdNumber>,
    /// From the number, or from the column 出生日期.
    pub born: Option<NaiveDate>,
    /// From the number, or from the column 性别.
    pub sex: Option<Sex>,
    /// 联系电话.
    pub phone: Option<Phone>,
    /// 紧急联系人.
    pub emergency_name: Option<String>,
    /// 紧急联系人电话.
    pub emergency_phone: Option<Phone>,
    /// 户籍地址.
    pub registered_address: Option<String>,
    /// 居住地址.
    pub address: Option<String>,
    /// 网格, as typed: a name or a path.
    pub grid: Option<String>,
    /// 对象类型, by the codes of policy files.
    pub categories: Vec<&'static str>,
    /// 能力程度.
    pub ability: Option<Ability>,
    /// 曾患病史.
    pub past_illness: Option<String>,
    /// 经济情况.
    pub economy: Option<Economy>,
    /// 月可支配收入, yuan.
    pub income: Option<u32>,
    /// 经济来源.
    pub income_source: Option<String>,
    /// 残疾证号.
    pub card: Option<String>,
    /// The level that it ends with.
    pub disability_level: Option<u8>,
    /// 残疾证有效期至.
    pub card_valid_to: Option<NaiveDate>,
    /// 建档日期.
    pub enrolled_on: Option<NaiveDate>,
}

impl Offer {
    /// What it says of a field; none: nothing.
    pub fn says(&self, field: Field) -> Option<String> {
        let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        match field {
            Field::Name => Some(self.name.clone()).filter(|name| !name.is_empty()),
            Field::Sex => self.sex.map(sex),
            Field::Born => self.born.map(|day| day.to_string()),
            Field::Phone => self.phone.as_ref().map(|phone| phone.dialled.clone()),
            Field::Emergency => {
                let phone = self.emergency_phone.as_ref().map(|phone| phone.dialled.as_str());
                join(self.emergency_name.as_deref(), phone)
            }
            Field::RegisteredAt => text(&self.registered_address),
            Field::LivesAt => text(&self.address),
            Field::Ability => self.ability.map(|ability| ability.zh().to_owned()),
            Field::PastIllness => text(&self.past_illness),
            Field::Economy => self.economy.map(|economy| economy.zh().to_owned()),
            Field::Income => self.income.map(|income| income.to_string()),
            Field::IncomeSource => text(&self.income_source),
            Field::Card => text(&self.card),
            Field::CardValidTo => self.card_valid_to.map(|day| day.to_string()),
            Field::Categories => (!self.categories.is_empty()).then(|| self.categories.join(" ")),
        }
    }
}

fn sex(sex: Sex) -> String {
    match sex {
        Sex::Male => "男",
        Sex::Female => "女",
    }
    .to_owned()
}

fn join(name: Option<&str>, phone: Option<&str>) -> Option<String> {
    let parts: Vec<&str> = [name, phone].into_iter().flatten().filter(|part| !part.is_empty()).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

fn dialled(typed: &str) -> String {
    Phone::parse(typed).map_or_else(|_| typed.to_owned(), |phone| phone.dialled)
}

/// An address without what people write or leave out at will.
fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

fn written(address: &Address) -> String {
    [&address.town, &address.village, &address.detail].into_iter().filter(|part| !part.is_empty()).cloned().collect()
}

/// What the file says of a field; none: nothing.
pub fn kept(file: &ElderFile, field: Field, today: NaiveDate) -> Option<String> {
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    match field {
        Field::Name => text(&file.name),
        Field::Sex => file.sex.map(sex),
        Field::Born => Some(file.born.to_string()),
        Field::Phone => text(&dialled(&file.phone)),
        Field::Emergency => {
            let first = file.emergency.first()?;
            join(Some(&first.name), Some(&dialled(&first.phone)))
        }
        Field::RegisteredAt => text(&written(&file.registered_at)),
        Field::LivesAt => text(&written(&file.lives_at)),
        Field::Ability => Since::on(&file.ability, today).map(|ability| ability.zh().to_owned()),
        Field::PastIllness => text(&file.past_illness),
        Field::Economy => file.economy.map(|economy| economy.zh().to_owned()),
        Field::Income => file.income.map(|income| income.to_string()),
        Field::IncomeSource => text(&file.income_source),
        Field::Card => text(&file.disability_card),
        Field::CardValidTo => file.card_valid_to.map(|day| day.to_string()),
        Field::Categories => (!file.entered.is_empty()).then(|| file.entered.join(" ")),
    }
}

/// A field on which the register and the list differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// Which.
    pub field: Field,
    /// What the register says.
    pub kept: String,
    /// Whose word that is, by the code of its source.
    pub kept_from: Option<String>,
    /// What the list says.
    pub offered: String,
}

/// A row of a list beside the register.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Compared {
    /// Fields that are empty in the register, or that only add to it.
    pub fills: Vec<Field>,
    /// Fields that differ: a person decides.
    pub conflicts: Vec<Conflict>,
}

/// Compares a row with the file of the same person.
pub fn compare(file: &ElderFile, offer: &Offer, today: NaiveDate) -> Compared {
    let mut compared = Compared::default();
    for field in Field::ALL.iter().copied() {
        let Some(offered) = offer.says(field) else { continue };
        // Categories of several sources stand side by side: another one adds, none is taken away.
        if field == Field::Categories {
            if offer.categories.iter().any(|code| !file.entered.iter().any(|own| own == code)) {
                compared.fills.push(field);
            }
            continue;
        }
        match kept(file, field, today) {
            None => compared.fills.push(field),
            Some(kept) if squeezed(&kept) == squeezed(&offered) => {}
            Some(kept) => {
                let kept_from = file.sources.get(field.code()).map(|source| source.from.code().to_owned());
                compared.conflicts.push(Conflict { field, kept, kept_from, offered });
            }
        }
    }
    compared
}

/// Takes fields of a row into a file, each with its source.
pub fn take(file: &mut ElderFile, offer: &Offer, fields: &BTreeSet<Field>, source: &Source, today: NaiveDate) {
    let address = |text: &Option<String>| Address { detail: text.clone().unwrap_or_default(), ..Address::default() };
    for field in fields {
        if offer.says(*field).is_none() {
            continue;
        }
        match field {
            Field::Name => file.name.clone_from(&offer.name),
            Field::Sex => file.sex = offer.sex,
            Field::Born => file.born = offer.born.unwrap_or(file.born),
            Field::Phone => file.phone = offer.phone.as_ref().map(|phone| phone.typed.clone()).unwrap_or_default(),
            Field::Emergency => {
                let first = EmergencyContact {
                    name: offer.emergency_name.clone().unwrap_or_default(),
                    phone: offer.emergency_phone.as_ref().map(|phone| phone.typed.clone()).unwrap_or_default(),
                    ..EmergencyContact::default()
                };
                file.emergency.retain(|contact| contact.name != first.name);
                file.emergency.insert(0, first);
            }
            Field::RegisteredAt => file.registered_at = address(&offer.registered_address),
            Field::LivesAt => file.lives_at = address(&offer.address),
            Field::Ability => {
                if let Some(ability) = offer.ability {
                    Since::note(&mut file.ability, today, ability);
                }
            }
            Field::PastIllness => file.past_illness = offer.past_illness.clone().unwrap_or_default(),
            Field::Economy => file.economy = offer.economy,
            Field::Income => file.income = offer.income,
            Field::IncomeSource => file.income_source = offer.income_source.clone().unwrap_or_default(),
            Field::Card => file.disability_card = offer.card.clone().unwrap_or_default(),
            Field::CardValidTo => file.card_valid_to = offer.card_valid_to,
            Field::Categories => {
                for code in &offer.categories {
                    if !file.entered.iter().any(|own| own == code) {
                        file.entered.push((*code).to_owned());
                    }
                }
            }
        }
        file.sources.insert(field.code().to_owned(), source.clone());
    }
    file.settle(today);
}

/// A new file from a row.
///
/// # Errors
/// If a field without which there is no file is missing.
pub fn create(offer: &Offer, id: ElderId, home: HomeId, area: &str, source: &Source, today: NaiveDate) -> Result<ElderFile, Refused> {
    let born = offer.born.ok_or_else(|| Refused::field("born", "缺出生日期：既无身份证号码，又未填出生日期", "neither an identity number nor a date of birth"))?;
    let enrolled_on = offer.enrolled_on.unwrap_or(today);
    let mut file = ElderFile {
        id,
        home,
        area: area.to_owned(),
        filed_on: today,
        enrolled_on,
        name: offer.name.clone(),
        sex: offer.sex,
        id_number: offer.id_number.as_ref().map(|number| number.reveal().to_owned()).unwrap_or_default(),
        no_id: if offer.id_number.is_none() { "名单中无号码".to_owned() } else { String::new() },
        born,
        phone: String::new(),
        emergency: Vec::new(),
        registered_at: Address::default(),
        lives_at: Address::default(),
        ability: Vec::new(),
        assessments: Vec::new(),
        past_illness: String::new(),
        economy: None,
        income: None,
        income_source: String::new(),
        disability_card: String::new(),
        card_valid_to: None,
        disability_level: Vec::new(),
        entered: Vec::new(),
        categories: Vec::new(),
        chosen_tier: None,
        chosen: Vec::new(),
        circumstances: super::elder::Circumstances::default(),
        family: Vec::new(),
        living: super::elder::Living::default(),
        help: Vec::new(),
        first_contact: None,
        suspensions: Vec::new(),
        extended: super::elder::Extended::default(),
        reviewed_on: None,
        sources: std::collections::BTreeMap::new(),
        exported: std::collections::BTreeMap::new(),
        left_on: None,
    };
    if !file.id_number.is_empty() {
        file.sources.insert("id_number".to_owned(), source.clone());
    }
    // The ability of a list holds from the enrolment on, not from today.
    if let Some(ability) = offer.ability {
        Since::note(&mut file.ability, enrolled_on, ability);
    }
    take(&mut file, offer, &Field::ALL.iter().copied().collect(), source, today);
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PersonId;
    use crate::office::elder::SourceKind;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn source(from: SourceKind, row: u32) -> Source {
        Source { from, batch: "b1".to_owned(), row: Some(row), at: crate::Timestamp::UNIX_EPOCH, by: PersonId::from("wang") }
    }

    fn offer() -> Offer {
        let number = IdNumber::parse("11010519491231002X").unwrap();
        Offer {
            row: 2,
            name: "陈阿婆".to_owned(),
            born: number.born(),
            sex: number.sex(),
            id_number: Some(number),
            phone: Phone::parse("138 0013 8000").ok(),
            address: Some("长兴路 12 号".to_owned()),
            categories: vec!["living_alone"],
            ability: Some(Ability::Mild),
            enrolled_on: Some(day("2026-03-01")),
            ..Offer::default()
        }
    }

    fn file() -> ElderFile {
        create(&offer(), ElderId::from("e1"), HomeId::from("h1"), "晋江市/梅岭街道", &source(SourceKind::Village, 2), day("2026-11-30")).unwrap()
    }

    #[test]
    fn a_new_file_keeps_the_source_of_every_field() {
        let file = file();
        assert_eq!((file.name.as_str(), file.id_number.as_str()), ("陈阿婆", "11010519491231002X"));
        assert_eq!(file.ability_on(day("2026-03-02")), Ability::Mild, "it holds from the enrolment on");
        assert_eq!(file.categories_on(day("2026-03-02")), ["care_dependent", "living_alone"].map(String::from).iter().rev().cloned().collect::<Vec<_>>());
        for field in ["name", "sex", "born", "phone", "lives_at", "ability", "entered", "id_number"] {
            assert_eq!(file.sources[field].from, SourceKind::Village, "{field}");
        }
        assert!(!file.sources.contains_key("income"));
        let nothing = Offer { name: "无名".to_owned(), ..Offer::default() };
        assert_eq!(create(&nothing, ElderId::from("e"), HomeId::from("h"), "", &source(SourceKind::Other, 1), day("2026-11-30")).unwrap_err().field, "born");
    }

    #[test]
    fn what_differs_is_shown_and_what_is_empty_is_filled() {
        let file = file();
        let again = compare(&file, &offer(), day("2026-11-30"));
        assert_eq!(again, Compared::default(), "the same row again changes nothing");
        let other = Offer {
            phone: Phone::parse("138-0013-8001").ok(),
            address: Some("长兴路12号".to_owned()),
            categories: vec!["severe_disability"],
            card: Some("11010519491231002X41".to_owned()),
            ..offer()
        };
        let compared = compare(&file, &other, day("2026-11-30"));
        assert_eq!(compared.fills, [Field::Card, Field::Categories]);
        assert_eq!(
            compared.conflicts,
            [Conflict { field: Field::Phone, kept: "+8613800138000".to_owned(), kept_from: Some("village".to_owned()), offered: "+8613800138001".to_owned() }]
        );
    }

    #[test]
    fn only_what_was_chosen_is_taken() {
        let mut file = file();
        let other = Offer { phone: Phone::parse("13800138001").ok(), card: Some("11010519491231002X41".to_owned()), name: "陈".to_owned(), ..offer() };
        take(&mut file, &other, &BTreeSet::from([Field::Card]), &source(SourceKind::Disabled, 9), day("2026-11-30"));
        assert_eq!((file.name.as_str(), file.phone.as_str()), ("陈阿婆", "138 0013 8000"));
        assert_eq!(file.sources["disability_card"].from, SourceKind::Disabled);
        assert_eq!(Since::on(&file.disability_level, day("2026-11-30")), Some(&Some(1)));
        assert!(file.categories_on(day("2026-11-30")).contains(&"severe_disability".to_owned()), "the card decides");
    }
}
