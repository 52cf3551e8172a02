//! Telephone numbers: one form inside (E.164), the trunk's form outside, and a list of what may be dialled at all. Toll
//! fraud dials far away; a telecare platform dials its own country.

use std::fmt;

/// Longest number of E.164 with its country code, digits.
const DIGITS_MAX: usize = 15;
/// Numbers that are never dialled by the machine unless the configuration carries the authority's consent: police,
/// fire, ambulance, traffic police, and the government's line; and the emergency numbers of elsewhere.
pub const EMERGENCY: &[&str] = &["110", "119", "120", "122", "112", "911", "999", "12345"];

/// A number that may be dialled. Its display hides all but the last two digits: numbers are never logged.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number {
    digits: String,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// With its country code.
    World,
    /// An extension of the PBX, a short number, or a name that the PBX knows: dialled as it is.
    Short,
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = self.digits.chars().skip(self.digits.len().saturating_sub(2)).collect();
        write!(f, "Number(..{shown})")
    }
}

/// How a trunk wants a number of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NumberForm {
    /// `+8613800000001`.
    #[default]
    E164,
    /// `8613800000001`.
    Digits,
    /// As it is dialled at home: `13800000001`, `057112345678`; of other countries `00` and the number.
    National,
}

/// Why a number is not dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// No telephone number.
    #[error("not a telephone number")]
    NotANumber,
    /// Not in the dial plan's list.
    #[error("the dial plan does not allow this number")]
    NotAllowed,
    /// An emergency number without the authority's consent.
    #[error("an emergency number is dialled by a person")]
    Emergency,
}

/// What may be dialled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialPlan {
    /// The own country's code, digits.
    pub country: String,
    /// What begins a number with an area code when dialled at home: `0`.
    pub area_prefix: String,
    /// Beginnings, in E.164, of numbers that may be dialled: `+86`.
    pub allow: Vec<String>,
    /// Beginnings that may not, though they are within `allow`: paid services.
    pub deny: Vec<String>,
    /// Extensions and short numbers that may be dialled as they are.
    pub short: Vec<String>,
    /// Domains whose SIP addresses may be dialled: `sip:NAME@DOMAIN` is the name at the trunk, such as a home's speaking device.
    pub sip_domains: Vec<String>,
    /// Emergency numbers that the machine may dial, with the authority's consent.
    pub consent: Vec<String>,
}

impl Default for DialPlan {
    fn default() -> Self {
        Self {
            country: "86".into(),
            area_prefix: "0".into(),
            allow: vec!["+86".into()],
            // 168 and 400-like services are not people; 96xxx are enterprises' lines.
            deny: vec!["+86168".into(), "+86096".into(), "+86096168".into()],
            short: Vec::new(),
            sip_domains: Vec::new(),
            consent: Vec::new(),
        }
    }
}

impl DialPlan {
    /// Brings a number as people write it into one form, and says whether it may be dialled.
    ///
    /// # Errors
    /// If it is no number, or one that may not be dialled.
    pub fn number(&self, written: &str) -> Result<Number, NumberError> {
        let written = written.trim();
        if let Some(address) = written.strip_prefix("sip:") {
            return self.name(address);
        }
        let mut digits = String::new();
        for (i, c) in written.chars().enumerate() {
            match c {
                '0'..='9' => digits.push(c),
                // The wide digits of a Chinese keyboard.
                '\u{ff10}'..='\u{ff19}' => digits.extend(char::from_digit(u32::from(c) - 0xff10, 10)),
                '+' | '\u{ff0b}' if i == 0 => digits.push('+'),
                ' ' | '-' | '(' | ')' | '.' | '\u{a0}' | '\u{2013}' | '\u{ff08}' | '\u{ff09}' => {}
                _ => return Err(NumberError::NotANumber),
            }
        }
        let plain = digits.strip_prefix('+').unwrap_or(&digits);
        if plain.is_empty() || plain.contains('+') {
            return Err(NumberError::NotANumber);
        }
        // However it is dressed up: 86 110 and 0571 110 reach the police, too.
        if let Some(name) = EMERGENCY.iter().find(|e| self.reaches(plain, e)) {
            return if self.consent.iter().any(|c| c == name) && plain == *name { Ok(Number { digits, kind: Kind::Short }) } else { Err(NumberError::Emergency) };
        }
        if self.short.contains(&digits) {
            return Ok(Number { digits, kind: Kind::Short });
        }
        let world = if let Some(rest) = digits.strip_prefix('+') {
            rest.to_owned()
        } else if let Some(rest) = digits.strip_prefix("00") {
            rest.to_owned()
        } else if let Some(rest) = digits.strip_prefix(self.area_prefix.as_str()).filter(|_| !self.area_prefix.is_empty()) {
            format!("{}{rest}", self.country)
        } else {
            format!("{}{digits}", self.country)
        };
        let least = self.country.len() + 7;
        if world.len() > DIGITS_MAX || world.len() < least.min(8) || world.starts_with('0') {
            return Err(NumberError::NotANumber);
        }
        let full = format!("+{world}");
        let within = |list: &[String]| list.iter().any(|p| full.starts_with(p.as_str()));
        if !within(&self.allow) || within(&self.deny) {
            return Err(NumberError::NotAllowed);
        }
        Ok(Number { digits: world, kind: Kind::World })
    }

    /// The name in a SIP address of one of the plan's domains. A name holds a letter: a number in disguise is none.
    fn name(&self, address: &str) -> Result<Number, NumberError> {
        let (name, domain) = address.split_once('@').ok_or(NumberError::NotANumber)?;
        let plain = name.len() <= 64 && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')) && name.chars().any(|c| c.is_ascii_alphabetic());
        if !plain {
            return Err(NumberError::NotANumber);
        }
        if !self.sip_domains.iter().any(|known| known.eq_ignore_ascii_case(domain)) {
            return Err(NumberError::NotAllowed);
        }
        Ok(Number { digits: name.to_owned(), kind: Kind::Short })
    }

    fn reaches(&self, digits: &str, emergency: &str) -> bool {
        let Some(before) = digits.strip_suffix(emergency) else { return false };
        let before = before.strip_prefix("00").unwrap_or(before);
        let before = before.strip_prefix(self.country.as_str()).unwrap_or(before);
        // Nothing before it, or an area code.
        before.is_empty() || before == self.area_prefix || (before.len() <= 4 && !self.area_prefix.is_empty() && before.starts_with(self.area_prefix.as_str()))
    }

    /// The number as a trunk wants it.
    pub fn dialled(&self, number: &Number, form: NumberForm, prefix: &str) -> String {
        if number.kind == Kind::Short {
            return number.digits.clone();
        }
        let digits = &number.digits;
        let core = match form {
            NumberForm::E164 => format!("+{digits}"),
            NumberForm::Digits => digits.clone(),
            NumberForm::National => match digits.strip_prefix(self.country.as_str()) {
                // A Chinese mobile number has no area code: 11 digits from 13 to 19.
                Some(rest) if self.country == "86" && rest.len() == 11 && rest.starts_with('1') => rest.to_owned(),
                Some(rest) => format!("{}{rest}", self.area_prefix),
                None => format!("00{digits}"),
            },
        };
        format!("{prefix}{core}")
    }

    /// Two ways of writing one number are the same.
    pub fn same(&self, one: &str, other: &str) -> bool {
        matches!((self.number(one), self.number(other)), (Ok(a), Ok(b)) if a == b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> DialPlan {
        DialPlan { short: vec!["8001".into()], ..DialPlan::default() }
    }

    #[test]
    fn one_number_has_one_form_however_it_is_written() {
        let plan = plan();
        let one = plan.number("13800000001").unwrap();
        for written in ["+86 138 0000 0001", "0086-138-0000-0001", "138 0000 0001", "１３８０００００００１", " (138) 00000001"] {
            assert_eq!(plan.number(written).as_ref(), Ok(&one), "{written}");
        }
        assert_eq!(plan.dialled(&one, NumberForm::E164, ""), "+8613800000001");
        assert_eq!(plan.dialled(&one, NumberForm::Digits, "9"), "98613800000001");
        assert_eq!(plan.dialled(&one, NumberForm::National, ""), "13800000001");
        let landline = plan.number("0571-8888 8888").unwrap();
        assert_eq!(plan.dialled(&landline, NumberForm::E164, ""), "+8657188888888");
        assert_eq!(plan.dialled(&landline, NumberForm::National, ""), "057188888888");
        assert_eq!(plan.dialled(&plan.number("8001").unwrap(), NumberForm::E164, "9"), "8001");
        assert_eq!(format!("{one:?}"), "Number(..01)");
    }

    #[test]
    fn what_is_far_away_paid_or_nonsense_is_not_dialled() {
        let plan = plan();
        for (written, why) in [
            ("+1 900 555 0100", NumberError::NotAllowed),
            ("0088216 1234567", NumberError::NotAllowed),
            ("16812345678", NumberError::NotAllowed),
            ("8002", NumberError::NotANumber),
            ("", NumberError::NotANumber),
            ("+", NumberError::NotANumber),
            ("sip:eve@example.com", NumberError::NotAllowed),
            ("138;phone-context=x", NumberError::NotANumber),
            ("+8613800000001234567", NumberError::NotANumber),
        ] {
            assert_eq!(plan.number(written), Err(why), "{written}");
        }
    }

    #[test]
    fn a_name_is_dialled_in_the_plans_domains_and_a_number_is_never_one() {
        let plan = DialPlan { sip_domains: vec!["pbx.example".into()], ..plan() };
        let speaker = plan.number("sip:speaker-0001@PBX.example").unwrap();
        assert_eq!(plan.dialled(&speaker, NumberForm::E164, "9"), "speaker-0001");
        for (written, why) in [
            ("sip:speaker-0001@elsewhere.example", NumberError::NotAllowed),
            ("sip:110@pbx.example", NumberError::NotANumber),
            ("sip:+19005550100@pbx.example", NumberError::NotANumber),
            ("sip:a;phone-context=b@pbx.example", NumberError::NotANumber),
            ("sip:speaker-0001", NumberError::NotANumber),
            ("sip:@pbx.example", NumberError::NotANumber),
        ] {
            assert_eq!(plan.number(written), Err(why), "{written}");
        }
    }

    #[test]
    fn emergency_numbers_are_dialled_by_people_unless_the_authority_consents() {
        let mut plan = plan();
        for written in ["110", "119", "120", "12345", "+86110", "0086 120", "0571110", "0571-119"] {
            assert_eq!(plan.number(written), Err(NumberError::Emergency), "{written}");
        }
        plan.consent.push("120".into());
        assert!(plan.number("120").is_ok());
        assert_eq!(plan.number("110"), Err(NumberError::Emergency));
        // A longer number that happens to end so is a person's.
        assert!(plan.number("13800000110").is_ok());
    }
}
