//! Numbers that stand for people: identity documents with their check digit (GB 11643), disability
//! cards, telephone numbers. What is derived from a number is compared with what was typed, never trusted more.

use chrono::{Datelike, NaiveDate};
use std::fmt;

/// What kind of document a number belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentKind {
    /// 居民身份证.
    Citizen,
    /// 港澳台居民居住证 (numbers beginning with 81, 82, 83).
    ResidencePermit,
    /// 外国人永久居留身份证, the form of 2023 (18 digits beginning with 9).
    PermanentResident,
    /// 外国人永久居留身份证, the older form (three letters and twelve digits).
    PermanentResidentOld,
}

/// As the number says it (odd: male).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sex {
    /// 男.
    Male,
    /// 女.
    Female,
}

/// A checked identity number. Shows itself masked; the full text only by [`IdNumber::reveal`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct IdNumber {
    text: String,
}

/// Why a number is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdProblem {
    /// Not 18 characters (nor an older permanent-resident card).
    #[error("an identity number has 18 characters, this one has {0}")]
    Length(usize),
    /// A fifteen-digit number of the first generation, void since 2013.
    #[error("a fifteen-digit number is no longer valid: enter the 18-digit one")]
    FirstGeneration,
    /// Something other than digits (and an X at the end).
    #[error("character {0} is not a digit")]
    Character(usize),
    /// The area code begins with a digit that no area has.
    #[error("the area code is not one")]
    Area,
    /// Digits 7 to 14 are not a date.
    #[error("digits 7 to 14 are not a date of birth")]
    Born,
    /// The last character does not belong to the seventeen before it.
    #[error("the check digit does not fit: it should be {0}")]
    CheckDigit(char),
}

impl IdProblem {
    /// The same in Chinese.
    pub fn zh(&self) -> String {
        match self {
            Self::Length(n) => format!("身份证号码应为 18 位，现为 {n} 位"),
            Self::FirstGeneration => "15 位号码已停用，请填写 18 位号码".to_owned(),
            Self::Character(n) => format!("第 {n} 位不是数字"),
            Self::Area => "地区代码不存在".to_owned(),
            Self::Born => "第 7 至 14 位不是出生日期".to_owned(),
            Self::CheckDigit(c) => format!("校验码不符，应为 {c}"),
        }
    }
}

const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECK: [char; 11] = ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'];

/// The check digit that belongs to the first seventeen digits (GB 11643).
fn check_digit(digits: &[u32]) -> Option<char> {
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(digit, weight)| digit * weight).sum();
    CHECK.get(usize::try_from(sum % 11).ok()?).copied()
}

impl IdNumber {
    /// Reads a number: blanks are dropped, full-width digits and a small x are taken.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(typed: &str) -> Result<Self, IdProblem> {
        let text: String = typed.chars().filter(|c| !c.is_whitespace()).map(narrow).collect();
        let count = text.chars().count();
        let mut letters = text.chars();
        if count == 15 && letters.by_ref().take(3).all(|c| c.is_ascii_uppercase()) && letters.all(|c| c.is_ascii_digit()) {
            return Ok(Self { text });
        }
        if count == 15 && text.chars().all(|c| c.is_ascii_digit()) {
            return Err(IdProblem::FirstGeneration);
        }
        if count != 18 {
            return Err(IdProblem::Length(count));
        }
        let mut digits = Vec::with_capacity(17);
        let mut last = ' ';
        for (at, c) in text.chars().enumerate() {
            match c.to_digit(10) {
                Some(digit) if at < 17 => digits.push(digit),
                None if at < 17 => return Err(IdProblem::Character(at + 1)),
                Some(_) => last = c,
                None if c == 'X' => last = c,
                None => return Err(IdProblem::Character(at + 1)),
            }
        }
        if digits.first() == Some(&0) {
            return Err(IdProblem::Area);
        }
        let number = Self { text };
        number.born().ok_or(IdProblem::Born)?;
        match check_digit(&digits) {
            Some(wanted) if wanted == last => Ok(number),
            wanted => Err(IdProblem::CheckDigit(wanted.unwrap_or('?'))),
        }
    }

    /// The kind of document.
    pub fn kind(&self) -> DocumentKind {
        match self.text.get(..2) {
            _ if self.text.len() == 15 => DocumentKind::PermanentResidentOld,
            Some("81" | "82" | "83") => DocumentKind::ResidencePermit,
            Some(prefix) if prefix.starts_with('9') => DocumentKind::PermanentResident,
            Some(_) | None => DocumentKind::Citizen,
        }
    }

    /// The date of birth in the number; the older permanent-resident card shortens the year and gives none.
    pub fn born(&self) -> Option<NaiveDate> {
        if self.text.len() != 18 {
            return None;
        }
        let part = |from: usize, to: usize| self.text.get(from..to)?.parse::<u32>().ok();
        let year = i32::try_from(part(6, 10)?).ok()?;
        let born = NaiveDate::from_ymd_opt(year, part(10, 12)?, part(12, 14)?)?;
        (born.year() >= 1850).then_some(born)
    }

    /// The sex in the number.
    pub fn sex(&self) -> Option<Sex> {
        let digit = self.text.get(16..17).filter(|_| self.text.len() == 18)?.parse::<u32>().ok()?;
        Some(if digit % 2 == 1 { Sex::Male } else { Sex::Female })
    }

    /// The first six digits: where the document was first issued.
    pub fn area(&self) -> Option<&str> {
        self.text.get(..6).filter(|_| self.text.len() == 18)
    }

    /// The full number. Whoever shows it logs that it was shown (PRV-1).
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// The first four and the last four characters, with stars between.
    pub fn masked(&self) -> String {
        let n = self.text.chars().count();
        self.text.chars().enumerate().map(|(i, c)| if i < 4 || i + 4 >= n { c } else { '*' }).collect()
    }
}

impl fmt::Debug for IdNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdNumber({})", self.masked())
    }
}

/// Full-width digits and letters as ASCII, letters as capitals.
fn narrow(c: char) -> char {
    match c {
        '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ' => {
            char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c).to_ascii_uppercase()
        }
        _ => c.to_ascii_uppercase(),
    }
}

/// What a disability card's number says (20 digits: identity number, class, level; re-issued cards add a suffix).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisabilityCard {
    /// 1 to 4; 1 and 2 are 重残.
    pub level: u8,
    /// Things to look at that are no reason to refuse.
    pub doubts: Vec<CardDoubt>,
}

/// Something odd about a card's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardDoubt {
    /// Not 20 characters.
    Length,
    /// Its first 18 characters are another person's number.
    OtherPerson,
}

/// Reads a disability card's number beside its holder's identity number. None if no level can be read.
pub fn disability_card(typed: &str, holder: Option<&IdNumber>) -> Option<DisabilityCard> {
    let text: Vec<char> = typed.chars().filter(|c| !c.is_whitespace()).map(narrow).collect();
    let level = u8::try_from(text.get(19)?.to_digit(10)?).ok().filter(|level| (1..=4).contains(level))?;
    let mut doubts = Vec::new();
    if text.len() != 20 {
        doubts.push(CardDoubt::Length);
    }
    let own: String = text.iter().take(18).collect();
    if holder.is_some_and(|holder| holder.reveal() != own) {
        doubts.push(CardDoubt::OtherPerson);
    }
    Some(DisabilityCard { level, doubts })
}

/// A telephone number of China, as typed and as it is dialled.
#[derive(Clone, PartialEq, Eq)]
pub struct Phone {
    /// As somebody wrote it.
    pub typed: String,
    /// `+86…` for mobiles and land lines; the bare number for short numbers.
    pub dialled: String,
    /// What kind of line.
    pub kind: PhoneKind,
}

/// Kinds of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhoneKind {
    /// 1[3-9] and nine digits.
    Mobile,
    /// Area code and seven or eight digits.
    LandLine,
    /// 110, 119, 120, 12345, 95…, 400….
    Service,
}

/// The text is no telephone number of China.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a telephone number: 11 digits for a mobile, area code and number for a land line")]
pub struct NotAPhone;

impl Phone {
    /// Reads a number with blanks, dashes, brackets, `+86` or `0086`, and an extension after `转` or `-`.
    ///
    /// # Errors
    /// [`NotAPhone`] if it is none.
    pub fn parse(typed: &str) -> Result<Self, NotAPhone> {
        let (main, extension) = match typed.split_once(['转', 'x', 'X', ',']) {
            Some((main, extension)) => (main, extension.trim()),
            None => (typed, ""),
        };
        if !extension.chars().all(|c| c.is_ascii_digit()) {
            return Err(NotAPhone);
        }
        let mut digits = String::new();
        for c in main.chars().map(narrow) {
            match c {
                '0'..='9' => digits.push(c),
                '+' | '-' | ' ' | '(' | ')' | '（' | '）' | '－' | '—' | '\u{3000}' => {}
                _ => return Err(NotAPhone),
            }
        }
        let national = digits.strip_prefix("0086").or_else(|| digits.strip_prefix("86").filter(|rest| rest.len() >= 10));
        let national = national.unwrap_or(&digits);
        let national = match national.strip_prefix("01") {
            Some(rest) if national.len() == 12 && rest.starts_with(['3', '4', '5', '6', '7', '8', '9']) => {
                national.get(1..).unwrap_or(national) // a trunk 0 before a mobile
            }
            Some(_) | None => national,
        };
        let (dialled, kind) = if national.len() == 11 && national.starts_with('1') && national.get(1..2) >= Some("3") {
            (format!("+86{national}"), PhoneKind::Mobile)
        } else if (10..=12).contains(&national.len()) && national.starts_with('0') && national.get(1..2) != Some("0") {
            (format!("+86{}", national.get(1..).unwrap_or_default()), PhoneKind::LandLine)
        } else if service(national) {
            (national.to_owned(), PhoneKind::Service)
        } else {
            return Err(NotAPhone);
        };
        Ok(Self { typed: typed.trim().to_owned(), dialled, kind })
    }

    /// The last four digits, the rest as stars.
    pub fn masked(&self) -> String {
        let n = self.dialled.chars().count();
        self.dialled.chars().enumerate().map(|(i, c)| if i + 4 >= n { c } else { '*' }).collect()
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Phone({})", self.masked())
    }
}

fn service(digits: &str) -> bool {
    matches!(digits, "110" | "119" | "120" | "122" | "12345" | "12349")
        || (digits.starts_with("95") && (5..=8).contains(&digits.len()))
        || (digits.starts_with("400") && digits.len() == 10)
        || (digits.starts_with("800") && digits.len() == 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_numbers_pass_and_a_changed_digit_is_named() {
        let number = IdNumber::parse("11010519491231002x").unwrap();
        assert_eq!(number.born(), NaiveDate::from_ymd_opt(1949, 12, 31));
        assert_eq!((number.sex(), number.area()), (Some(Sex::Female), Some("110105")));
        assert_eq!(number.kind(), DocumentKind::Citizen);
        assert_eq!(IdNumber::parse("440524188001010014").unwrap().sex(), Some(Sex::Male));
        assert_eq!(IdNumber::parse("110105194912310021"), Err(IdProblem::CheckDigit('X')));
        assert_eq!(IdNumber::parse(" １１０１０５ 19491231 002X").unwrap(), number);
    }

    #[test]
    fn every_wrong_number_says_what_is_wrong() {
        assert_eq!(IdNumber::parse("1101051949123100"), Err(IdProblem::Length(16)));
        assert_eq!(IdNumber::parse("110105491231002"), Err(IdProblem::FirstGeneration));
        assert_eq!(IdNumber::parse("11010519491331002X"), Err(IdProblem::Born));
        assert_eq!(IdNumber::parse("1101051949123100二X"), Err(IdProblem::Character(17)));
        assert_eq!(IdNumber::parse("01010519491231002X"), Err(IdProblem::Area));
        assert_eq!(IdNumber::parse(""), Err(IdProblem::Length(0)));
    }

    #[test]
    fn every_single_wrong_digit_is_found() {
        let good = "11010519491231002X";
        for at in 0..17 {
            for digit in '0'..='9' {
                let changed: String = good.chars().enumerate().map(|(i, c)| if i == at { digit } else { c }).collect();
                if changed != good {
                    assert!(IdNumber::parse(&changed).is_err(), "{changed}");
                }
            }
        }
    }

    #[test]
    fn residence_permits_and_permanent_residents_are_accepted() {
        let with_check = |seventeen: &str| {
            let digits: Vec<u32> = seventeen.chars().map(|c| c.to_digit(10).unwrap()).collect();
            format!("{seventeen}{}", check_digit(&digits).unwrap())
        };
        let permit = IdNumber::parse(&with_check("83000019500101001")).unwrap();
        assert_eq!(permit.kind(), DocumentKind::ResidencePermit);
        assert_eq!(IdNumber::parse(&with_check("91112419500101001")).unwrap().kind(), DocumentKind::PermanentResident);
        let old = IdNumber::parse("GBR110050010101").unwrap();
        assert_eq!((old.kind(), old.born(), old.sex()), (DocumentKind::PermanentResidentOld, None, None));
    }

    #[test]
    fn a_number_never_shows_itself_whole() {
        let number = IdNumber::parse("11010519491231002X").unwrap();
        assert_eq!(number.masked(), "1101**********002X");
        assert_eq!(format!("{number:?}"), "IdNumber(1101**********002X)");
        assert_eq!(format!("{:?}", Phone::parse("138 0013 8000").unwrap()), "Phone(**********8000)");
    }

    #[test]
    fn the_last_digit_of_a_disability_card_is_its_level() {
        let holder = IdNumber::parse("11010519491231002X").unwrap();
        let card = disability_card("11010519491231002X41", Some(&holder)).unwrap();
        assert_eq!((card.level, card.doubts), (1, vec![]));
        let card = disability_card("440524188001010014 42B1", Some(&holder)).unwrap();
        assert_eq!((card.level, card.doubts), (2, vec![CardDoubt::Length, CardDoubt::OtherPerson]));
        assert_eq!(disability_card("11010519491231002X4", None), None);
        assert_eq!(disability_card("11010519491231002X49", None), None);
    }

    #[test]
    fn telephone_numbers_are_read_as_people_write_them() {
        let check = |typed: &str, dialled: &str, kind: PhoneKind| {
            let phone = Phone::parse(typed).unwrap();
            assert_eq!((phone.dialled.as_str(), phone.kind), (dialled, kind), "{typed}");
        };
        check("138-0013-8000", "+8613800138000", PhoneKind::Mobile);
        check("+86 138 0013 8000", "+8613800138000", PhoneKind::Mobile);
        check("013800138000", "+8613800138000", PhoneKind::Mobile);
        check("（0595）8567 1234", "+8659585671234", PhoneKind::LandLine);
        check("010-65001234转8", "+861065001234", PhoneKind::LandLine);
        check("120", "120", PhoneKind::Service);
        check("12345", "12345", PhoneKind::Service);
        check("400-800-1234", "4008001234", PhoneKind::Service);
        for bad in ["", "138001380", "1200138000a", "0000000000", "12", "张三"] {
            assert!(Phone::parse(bad).is_err(), "{bad}");
        }
    }
}
