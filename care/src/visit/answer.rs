//! What is owed as JSON, in the form that test vectors and other programs compare.

use super::{Because, ElderOwed, Facts};
use crate::Language;
use crate::policy::{PolicySet, unconfirmed_notes};
use chrono::NaiveDate;
use serde::Serialize;

/// The whole answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer<'a> {
    /// The day at whose end this is known.
    pub as_of: NaiveDate,
    /// The versions that judged.
    pub policies: Vec<Version<'a>>,
    /// The elders, in the order of their ids.
    pub elders: Vec<ElderAnswer<'a>>,
    /// Readings of the document that no office has confirmed.
    pub unconfirmed: Vec<String>,
}

/// A version of a policy, named beyond doubt.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Version<'a> {
    /// The policy.
    pub id: &'a str,
    /// The version.
    pub version: &'a str,
    /// SHA-256 of its file.
    pub hash: &'a str,
}

/// An elder.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ElderAnswer<'a> {
    /// Who.
    pub id: &'a str,
    /// The tier on the day; null: in none.
    pub tier: Option<&'a str>,
    /// Every window begun between enrolment and the day.
    pub obligations: Vec<OwedAnswer<'a>>,
}

/// One window of one obligation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OwedAnswer<'a> {
    /// The obligation or extra.
    pub id: &'a str,
    /// The tier that it goes by.
    pub tier: &'a str,
    /// First and last day.
    pub window: [NaiveDate; 2],
    /// Enough contacts counted.
    pub met: bool,
    /// Which.
    pub counted: Vec<&'a str>,
    /// `met`, `due`, `overdue` or `exempt`.
    pub state: &'static str,
    /// Why, in words.
    pub reason: String,
    /// What set off an extra: an event's id, or a festival and its date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// Holes between contacts: shown, not failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Contacts that count and were entered late.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub late: Vec<&'a str>,
}

impl<'a> Answer<'a> {
    /// Puts what is owed into words.
    pub fn new(
        set: &'a PolicySet,
        facts: &'a Facts,
        as_of: NaiveDate,
        elders: &'a [ElderOwed<'a>],
        language: Language,
    ) -> Self {
        let versions = set.versions().iter();
        let policies = versions.map(|p| Version { id: &p.id, version: &p.version, hash: &p.hash }).collect();
        let unconfirmed = set.on(as_of).map(|policy| unconfirmed_notes(policy, language)).unwrap_or_default();
        let elders = elders.iter().map(|elder| ElderAnswer::new(facts, elder, language)).collect();
        Self { as_of, policies, elders, unconfirmed }
    }
}

impl<'a> ElderAnswer<'a> {
    /// Puts what is owed to one elder into words.
    pub fn new(facts: &'a Facts, of: &'a ElderOwed<'a>, language: Language) -> Self {
        let ids = |places: &[u32]| -> Vec<&'a str> {
            let at = |place: &u32| facts.contacts.get(usize::try_from(*place).ok()?).map(|contact| contact.id.as_str());
            places.iter().filter_map(at).collect()
        };
        let obligations = of.owed.iter().map(|owed| {
            let zone = owed.policy.zone;
            let reasons: Vec<String> = owed.reasons().iter().map(|reason| reason.render(language, zone)).collect();
            let space = match language {
                Language::Zh => "",
                Language::En => " ",
            };
            OwedAnswer {
                id: owed.duty.id(),
                tier: owed.tier_code(),
                window: [owed.window.first, owed.window.last],
                met: owed.met(),
                counted: ids(&owed.counted),
                state: owed.state.code(),
                reason: reasons.join(space),
                event: owed.because.map(|because| match because {
                    Because::Festival(festival, day) => format!("{} {day}", festival.code()),
                    Because::Event(event) => event.id.clone(),
                }),
                warnings: owed.gap_reason().iter().map(|reason| reason.render(language, zone)).collect(),
                late: ids(&owed.late),
            }
        });
        Self { id: of.elder.id.as_str(), tier: of.tier, obligations: obligations.collect() }
    }
}
