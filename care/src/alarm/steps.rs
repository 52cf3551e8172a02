//! The steps of an operator for one alarm: whom to speak to, in which order, each with one key and an outcome. What the
//! platform calls by itself is the plan's ladder; these are the calls that a person makes.

use super::Alarm;
use crate::plan::Plan;
use crate::reason::Row;
use crate::{Cause, ContactId, ElderId, Level};
use std::fmt;

/// Most steps: each has a key from 1 to 9.
pub const STEPS_MAX: usize = 9;

/// Whom a step is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Speak with the elder.
    Elder(ElderId),
    /// An authority by its number: 110, 119, 120.
    Authority(String),
    /// Speak with a contact.
    Contact(ContactId),
    /// Speak with the elder again, once somebody is there.
    Back(ElderId),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elder(id) => write!(f, "elder/{id}"),
            Self::Authority(number) => write!(f, "authority/{number}"),
            Self::Contact(id) => write!(f, "contact/{id}"),
            Self::Back(id) => write!(f, "back/{id}"),
        }
    }
}

impl Step {
    /// The reverse of its text: `elder/ID`, `authority/NUMBER`, `contact/ID`, `back/ID`.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, id) = text.split_once('/')?;
        if !crate::id::well_formed(id) {
            return None;
        }
        Some(match kind {
            "elder" => Self::Elder(ElderId::new(id)),
            "authority" => Self::Authority(id.to_owned()),
            "contact" => Self::Contact(ContactId::new(id)),
            "back" => Self::Back(ElderId::new(id)),
            _ => return None,
        })
    }
}

/// How a step ended: code, Chinese, English.
pub const STEP_OUTCOMES: &[Row] = &[
    ("well", "已通话，平安", "Spoke: all is well"),
    ("needs_help", "已通话，需要帮助", "Spoke: needs help"),
    ("coming", "正在赶来", "On the way"),
    ("spoke", "已通话", "Spoke"),
    ("sent", "已受理，正在派出", "Taken up, sending"),
    ("no_answer", "无人接听", "No answer"),
    ("busy", "占线", "Engaged"),
    ("cannot", "来不了", "Cannot come"),
    ("not_needed", "不需要", "Not needed"),
];

/// The outcomes that a step can have.
pub fn step_outcomes(step: &Step) -> &'static [&'static str] {
    match step {
        Step::Elder(_) | Step::Back(_) => &["well", "needs_help", "no_answer", "busy", "not_needed"],
        Step::Contact(_) => &["coming", "spoke", "no_answer", "busy", "cannot", "not_needed"],
        Step::Authority(_) => &["sent", "no_answer", "not_needed"],
    }
}

/// A step that was done. On the alarm it is a note of the kind `step`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepDone {
    /// Which.
    pub step: Step,
    /// A code of [`STEP_OUTCOMES`].
    pub outcome: String,
    /// A few words, or none.
    pub words: String,
}

impl StepDone {
    /// As the text of its note: `elder/ID OUTCOME WORDS`.
    pub fn to_note(&self) -> String {
        format!("{} {} {}", self.step, self.outcome, self.words).trim_end().to_owned()
    }

    /// The reverse.
    pub fn from_note(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ' ');
        let step = Step::parse(parts.next()?)?;
        let outcome = parts.next()?.to_owned();
        let known = step_outcomes(&step).contains(&outcome.as_str());
        known.then(|| Self { step, outcome, words: parts.next().unwrap_or_default().to_owned() })
    }
}

/// The authority for a cause: fire and gas 119, a person 120, otherwise none.
fn authority(cause: &Cause, level: Level) -> Option<&'static str> {
    match cause {
        Cause::Smoke | Cause::Gas | Cause::CarbonMonoxide => Some("119"),
        Cause::Call | Cause::Fall => Some("120"),
        Cause::Inactivity | Cause::Anomaly(_) if level <= Level::Urgent => Some("120"),
        Cause::Inactivity | Cause::Anomaly(_) | Cause::WaterLeak | Cause::Technical(_) => None,
    }
}

/// The steps for an alarm, at most [`STEPS_MAX`]: fire and gas begin with 119; everything else with the elder, then 120 for
/// what may be a matter of life, then the contacts in the order of the plan, and the elder again at the end.
pub fn steps(alarm: &Alarm, plan: &Plan) -> Vec<Step> {
    let authority = authority(&alarm.cause, alarm.level).map(|number| Step::Authority(number.to_owned()));
    let elders = alarm.elders.iter().cloned().map(Step::Elder);
    let (first, then) = match alarm.cause {
        Cause::Smoke | Cause::Gas | Cause::CarbonMonoxide => (authority, None),
        Cause::Call | Cause::Fall | Cause::WaterLeak | Cause::Inactivity | Cause::Anomaly(_) | Cause::Technical(_) => (None, authority),
    };
    let back = alarm.elders.first().cloned().filter(|_| alarm.level <= Level::Urgent).map(Step::Back);
    let mut out: Vec<Step> = Vec::new();
    let contacts = plan.rungs.iter().flat_map(|rung| &rung.contacts).filter(|c| !alarm.is_elder(&c.contact)).map(|c| Step::Contact(c.contact.clone()));
    for step in first.into_iter().chain(elders).chain(then).chain(contacts) {
        if !out.contains(&step) {
            out.push(step);
        }
    }
    out.truncate(STEPS_MAX - usize::from(back.is_some()));
    out.extend(back);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Order, Rung, RungContact};
    use crate::{Reason, TimeDelta};

    fn list(cause: Cause, elders: &[&str], contacts: usize) -> String {
        let contacts = (0..contacts).map(|n| RungContact { contact: format!("c{}", n % 12).as_str().into(), channels: vec!["voice".into()] }).collect();
        let plan = Plan { rungs: vec![Rung { contacts, order: Order::InTurn, wait: TimeDelta::seconds(30) }], ..Plan::default() };
        let level = cause.level();
        let raise = crate::cause::Raise { cause, level, reason: Reason::new("x"), key: "k".into(), device: None };
        let now = chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let elders = elders.iter().map(|e| ElderId::from(*e)).collect();
        let (alarm, _) = Alarm::raise("a".into(), "h".into(), elders, raise, false, &plan, now);
        steps(&alarm, &plan).iter().map(Step::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn fire_begins_with_119_a_call_with_the_elder_and_a_fault_calls_no_authority() {
        assert_eq!(list(Cause::Smoke, &["li"], 2), "authority/119 elder/li contact/c0 contact/c1 back/li");
        assert_eq!(list(Cause::Call, &["li"], 2), "elder/li authority/120 contact/c0 contact/c1 back/li");
        assert_eq!(list(Cause::Inactivity, &["li"], 1), "elder/li contact/c0");
        assert_eq!(list(Cause::Technical("battery_low".into()), &["li"], 1), "elder/li contact/c0");
    }

    #[test]
    fn there_are_never_more_steps_than_keys_and_nobody_stands_twice() {
        let many = list(Cause::Call, &["li", "wang"], 30);
        assert_eq!(many.split(' ').count(), STEPS_MAX);
        assert!(many.ends_with("back/li"), "{many}");
        assert_eq!(list(Cause::Call, &[], 0), "authority/120");
    }

    #[test]
    fn a_done_step_reads_back_from_its_note_and_nonsense_does_not() {
        let done = StepDone { step: Step::Contact("c1".into()), outcome: "coming".into(), words: "25 分钟后到".into() };
        assert_eq!(StepDone::from_note(&done.to_note()), Some(done));
        let bare = StepDone { step: Step::Authority("120".into()), outcome: "sent".into(), words: String::new() };
        assert_eq!(StepDone::from_note(&bare.to_note()), Some(bare));
        for nonsense in ["", "elder/li", "elder/li sent", "nobody/li well", "elder/../x well", "contact/c1 well"] {
            assert_eq!(StepDone::from_note(nonsense), None, "{nonsense}");
        }
        for step in ["elder/a", "authority/120", "contact/a", "back/a"] {
            for outcome in step_outcomes(&Step::parse(step).unwrap()) {
                assert!(STEP_OUTCOMES.iter().any(|(code, _, _)| code == outcome), "{outcome} has no words");
            }
        }
    }
}
