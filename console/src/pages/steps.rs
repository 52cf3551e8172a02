//! The steps of an operator on the card: one key each, the sheet that opens with it, and what is read out to an authority.

use super::queue::contact_name;
use super::say;
use crate::api::alarms::steps_of;
use crate::app::App;
use crate::look::Look;
use crate::messages::{Words, fill};
use crate::places::Place;
use crate::problem::Problem;
use askama::Template;
use care::alarm::{STEP_OUTCOMES, Step, step_outcomes};
use care::plan::Plan;
use care::{Alarm, Language, TimeDelta};
use store::ledger::Note;

/// A number that can be shown on asking: what of whom, and by which field.
pub(crate) struct Number {
    pub(crate) masked: String,
    /// The path of the reveal below the home: `elders/ID`, `contacts/ID`.
    pub(crate) reveal: String,
    /// `field="phone"` of an elder, `channel="voice"` of a contact.
    pub(crate) field: &'static str,
    pub(crate) channel: &'static str,
}

/// A step.
pub(crate) struct Line {
    /// 1 to 9, or `e` for the authorities.
    pub(crate) key: String,
    pub(crate) step: String,
    pub(crate) title: String,
    pub(crate) hint: String,
    /// `done`, `next` or nothing.
    pub(crate) class: &'static str,
    pub(crate) outcome: String,
    pub(crate) by: String,
    /// Code and words of each outcome.
    pub(crate) outcomes: Vec<(&'static str, &'static str)>,
    /// What is connected: `elder`, `contact`, and its identifier; none for an authority.
    pub(crate) connect: Option<(&'static str, String)>,
    /// The platform may be asked to call this contact.
    pub(crate) call_now: bool,
    pub(crate) number: Option<Number>,
    /// The authorities, the one that is meant first.
    pub(crate) authorities: Vec<(String, &'static str)>,
}

/// What is read out to an authority: name of the fact and the fact.
pub(crate) struct ReadOut {
    pub(crate) facts: Vec<(&'static str, String)>,
    /// Elders whose health notes can be shown.
    pub(crate) health: Vec<(String, String)>,
}

/// The steps with their sheets.
#[derive(Template)]
#[template(path = "steps.html")]
pub(crate) struct Steps {
    pub(crate) t: &'static Words,
    pub(crate) lines: Vec<Line>,
    /// The sheet of the authorities, opened by its own key.
    pub(crate) emergency: Line,
    pub(crate) read_out: ReadOut,
    pub(crate) acts: bool,
}

fn outcome_word(language: Language, code: &str) -> &'static str {
    let row = STEP_OUTCOMES.iter().find(|(known, _, _)| *known == code);
    match (row, language) {
        (Some((_, zh, _)), Language::Zh) => zh,
        (Some((_, _, en)), Language::En) => en,
        (None, Language::Zh | Language::En) => "",
    }
}

/// A step in words, as the timeline shows it.
pub(crate) fn title(look: &Look, place: &Place, step: &Step) -> String {
    let w = look.words();
    let elder = |id: &care::ElderId| place.elders.iter().find(|e| e.id == *id).map_or_else(|| id.as_str().to_owned(), |e| e.name.clone());
    match step {
        Step::Elder(id) => fill(w.step_elder, &[("who", &elder(id))]),
        Step::Back(id) => fill(w.step_back, &[("who", &elder(id))]),
        Step::Contact(id) => fill(w.step_contact, &[("who", &contact_name(look, place, id))]),
        Step::Authority(number) => fill(w.step_authority, &[("number", number), ("who", authority(w, number))]),
    }
}

fn authority(w: &Words, number: &str) -> &'static str {
    match number {
        "110" => w.authority_police,
        "119" => w.authority_fire,
        "120" => w.authority_ambulance,
        _ => "",
    }
}

/// What a step was done with, as the timeline shows it.
pub(crate) fn done_words(look: &Look, text: &str, place: &Place) -> Option<(String, String)> {
    let done = care::alarm::StepDone::from_note(text)?;
    let words = [outcome_word(look.language, &done.outcome), done.words.as_str()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ");
    Some((title(look, place, &done.step), words))
}

/// How a call of the operator's own line ended, as the timeline shows it: `elder/ID spoke 34`.
pub(crate) fn call_words(look: &Look, text: &str, place: &Place) -> Option<(String, String)> {
    let w = look.words();
    let mut parts = text.splitn(3, ' ');
    let step = Step::parse(parts.next()?)?;
    let (code, more) = (parts.next()?, parts.next().unwrap_or_default());
    let words = match code {
        "spoke" => fill(w.call_spoke, &[("span", &say::wait(look, TimeDelta::seconds(more.parse().ok()?)))]),
        "own_phone" => w.call_own_phone.to_owned(),
        "not_reached" => w.call_not_reached.to_owned(),
        "given_up" => w.call_given_up.to_owned(),
        "not_dialled" => w.call_not_dialled.to_owned(),
        "no_line" => w.call_no_line.to_owned(),
        _ => return None,
    };
    Some((title(look, place, &step), words))
}

fn authorities(w: &Words, first: &str) -> Vec<(String, &'static str)> {
    let mut all = crate::api::connect::AUTHORITIES.map(|number| (number.to_owned(), authority(w, number)));
    all.sort_by_key(|(number, _)| number != first);
    all.into()
}

fn number(place: &Place, step: &Step) -> Option<Number> {
    match step {
        Step::Elder(id) | Step::Back(id) => {
            let masked = place.elders.iter().find(|e| e.id == *id)?.phone_masked.clone();
            (!masked.is_empty()).then(|| Number { masked, reveal: format!("elders/{id}"), field: "phone", channel: "" })
        }
        Step::Contact(id) => {
            let (_, masked) = place.contact(id)?.addresses.iter().find(|(channel, _)| channel == "voice")?;
            Some(Number { masked: masked.clone(), reveal: format!("contacts/{id}"), field: "", channel: "voice" })
        }
        Step::Authority(_) => None,
    }
}

fn line(look: &Look, place: &Place, key: String, step: &Step) -> Line {
    let w = look.words();
    let number = number(place, step);
    let (connect, hint) = match step {
        Step::Elder(id) => (Some(("elder", id.as_str().to_owned())), place.elders.iter().find(|e| e.id == *id).map(|e| e.speech_notes.clone()).unwrap_or_default()),
        Step::Back(id) => (Some(("elder", id.as_str().to_owned())), w.step_back_hint.to_owned()),
        Step::Contact(id) => (Some(("contact", id.as_str().to_owned())), number.as_ref().map(|n| n.masked.clone()).unwrap_or_default()),
        Step::Authority(_) => (None, w.step_authority_hint.to_owned()),
    };
    Line {
        key,
        step: step.to_string(),
        title: title(look, place, step),
        hint,
        class: "",
        outcome: String::new(),
        by: String::new(),
        outcomes: step_outcomes(step).iter().map(|code| (*code, outcome_word(look.language, code))).collect(),
        connect,
        call_now: false,
        number,
        authorities: if let Step::Authority(number) = step { authorities(w, number) } else { Vec::new() },
    }
}

/// What is read out: where, how to get in, who, what happened. Nothing that must be asked for.
fn read_out(app: &App, look: &Look, alarm: &Alarm, place: &Place, reason: String) -> ReadOut {
    let w = look.words();
    let record = place.record.as_ref();
    let who = super::card::about(app, look, place);
    let names = super::queue::who(w, alarm, place);
    let facts = [
        (w.read_where, record.map(|r| r.address.clone()).filter(|a| !a.is_empty()).unwrap_or_else(|| place.area())),
        (w.read_access, record.map(|r| r.access_notes.clone()).unwrap_or_default()),
        (w.read_who, [names, who].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")),
        (w.read_what, reason),
        (w.read_since, say::clock(look, alarm.raised_at, app.now())),
    ];
    let health = place.elders.iter().filter(|e| e.has_health_notes).map(|e| (e.id.as_str().to_owned(), e.name.clone())).collect();
    ReadOut { facts: facts.into_iter().filter(|(_, fact)| !fact.is_empty()).collect(), health }
}

pub(crate) async fn build(app: &App, look: &Look, alarm: &Alarm, plan: &Plan, notes: &[Note], place: &Place, acts: bool) -> Result<Steps, Problem> {
    let w = look.words();
    let reason = super::card::reason(app, look, alarm).await?;
    let mut lines = Vec::new();
    let raised = alarm.state == care::alarm::State::Raised;
    let mut next_marked = !alarm.is_open();
    for (at, (step, done)) in steps_of(alarm, plan, notes).into_iter().enumerate() {
        // What was not done before the end is nothing to be done any more.
        if done.is_none() && !alarm.is_open() {
            continue;
        }
        let mut one = line(look, place, (at + 1).to_string(), &step);
        one.call_now = raised && matches!(&step, Step::Contact(id) if plan.rungs.iter().flat_map(|r| &r.contacts).any(|c| c.contact == *id));
        match done {
            Some((done, note)) => {
                one.class = "done";
                one.outcome = [outcome_word(look.language, &done.outcome), done.words.as_str()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ");
                one.by = format!("{} {}", app.places.person_name(&note.by).await, say::clock(look, note.at, app.now()));
            }
            None if !next_marked => {
                one.class = "next";
                next_marked = true;
            }
            None => {}
        }
        lines.push(one);
    }
    let first = lines.iter().find_map(|l| l.step.strip_prefix("authority/")).unwrap_or("120").to_owned();
    let emergency = Line { title: w.emergency_title.to_owned(), ..line(look, place, "e".to_owned(), &Step::Authority(first)) };
    Ok(Steps { t: w, lines, emergency, read_out: read_out(app, look, alarm, place, reason), acts: acts && alarm.is_open() })
}
