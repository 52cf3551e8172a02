//! Whether a plan of action reaches enough people: three contacts, or one who answers round the clock.

use super::{Plan, rota_of};
use crate::{ContactId, Timestamp};
use serde::Serialize;
use std::collections::BTreeSet;

/// Contacts that a plan needs if nobody on it answers round the clock.
pub const CONTACTS_MIN: usize = 3;
/// Relations of contacts that answer round the clock.
pub const ROUND_THE_CLOCK: [&str; 6] = ["duty_phone", "centre", "property_24h", "dispatch", "fire", "ambulance"];
/// The relation of a contact that is no person: the device in a home that one can speak through. No plan calls it.
pub const SPEAKING_DEVICE: &str = "speaking_device";
/// Numbers of the authorities in China that a machine dials only with their consent.
pub const AUTHORITY_NUMBERS: [&str; 6] = ["110", "119", "120", "122", "12345", "999"];

/// What is lacking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lack {
    /// There is no rung: only the operators' queue.
    NoRungs,
    /// Fewer than [`CONTACTS_MIN`] people, and nobody round the clock.
    TooFew,
}

/// What the plan lacks. `round_the_clock` says of a contact whether somebody answers there day and night.
pub fn lack(plan: &Plan, round_the_clock: impl Fn(&ContactId) -> bool) -> Option<Lack> {
    let people: BTreeSet<&ContactId> = plan.rungs.iter().flat_map(|r| &r.contacts).map(|c| &c.contact).collect();
    if people.is_empty() {
        return Some(Lack::NoRungs);
    }
    let always = |c: &ContactId| !plan.hours.contains_key(c) && round_the_clock(c);
    if people.len() >= CONTACTS_MIN || people.into_iter().any(always) { None } else { Some(Lack::TooFew) }
}

/// The relation of a contact that stands for a rota is the rota's own coverage from `now` on.
pub fn is_round_the_clock(contact: &ContactId, relation: &str, rota: Option<&super::Rota>, now: Timestamp) -> bool {
    match (rota_of(contact), rota) {
        (Some(_), Some(rota)) => rota.is_whole(now, now + crate::TimeDelta::days(7)),
        (Some(_), None) => false,
        (None, _) => ROUND_THE_CLOCK.contains(&relation),
    }
}

/// True for a number that only an operator dials, unless the authority has agreed: 110, 119, 120, also with a trunk
/// prefix, a country code or separators.
pub fn is_authority_number(number: &str) -> bool {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let bare = digits.strip_prefix("0086").or_else(|| digits.strip_prefix("86")).unwrap_or(&digits);
    let is_one = |n: &str| AUTHORITY_NUMBERS.contains(&n);
    is_one(&digits) || is_one(bare) || bare.strip_prefix('0').is_some_and(is_one) || bare.strip_prefix('9').is_some_and(is_one)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Hours, Order, Rung, RungContact};
    use crate::TimeDelta;

    fn plan(contacts: &[&str]) -> Plan {
        let contacts = contacts.iter().map(|c| RungContact { contact: (*c).into(), channels: vec!["voice".into()] }).collect();
        Plan { rungs: vec![Rung { contacts, order: Order::AtOnce, wait: TimeDelta::seconds(30) }], ..Plan::default() }
    }

    #[test]
    fn three_people_or_one_round_the_clock() {
        let nobody = |_: &ContactId| false;
        let duty = |c: &ContactId| c.as_str() == "duty";
        assert_eq!(lack(&Plan::default(), nobody), Some(Lack::NoRungs));
        assert_eq!(lack(&plan(&["a", "b"]), nobody), Some(Lack::TooFew));
        assert_eq!(lack(&plan(&["a", "a", "a"]), nobody), Some(Lack::TooFew), "one person three times is one person");
        assert_eq!(lack(&plan(&["a", "b", "c"]), nobody), None);
        assert_eq!(lack(&plan(&["duty"]), duty), None);
        let mut by_day = plan(&["duty"]);
        by_day.hours.insert("duty".into(), vec![Hours { from_min: 480, to_min: 1200, days: vec![] }]);
        assert_eq!(lack(&by_day, duty), Some(Lack::TooFew), "who is called by day only does not answer round the clock");
    }

    #[test]
    fn the_authorities_are_known_however_they_are_written() {
        for number in ["110", "119", "120", "+86 120", "0120", "9119", "008611 0", "1-2-0"] {
            assert!(is_authority_number(number), "{number}");
        }
        for number in ["+8613800001120", "1100", "0592-120120", ""] {
            assert!(!is_authority_number(number), "{number}");
        }
    }
}
