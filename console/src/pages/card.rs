//! The card of one alarm: who, where, why, what the platform is doing, what has happened, what can be done.

use super::frame::epoch;
use super::presence::Presence;
use super::queue::{age, contact_name, doing, who};
use super::say;
use super::steps::{self, Steps};
use crate::api::alarms::called_up_of;
use crate::app::App;
use crate::caller::Caller;
use crate::look::Look;
use crate::messages::{Words, fill};
use crate::places::Place;
use crate::ports::{Phase, Underway};
use crate::problem::Problem;
use askama::Template;
use care::alarm::{Claimant, ENDS_AFTER, Ladder, STOPPED_FOR, State};
use care::plan::{Order, Plan};
use care::reason::{Param, cause_name};
use care::{Alarm, ContactId, TimeDelta, Timestamp};
use store::ledger::Note;

/// What can be done by this caller in this state.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Acts {
    pub(crate) claim: bool,
    pub(crate) report: bool,
    pub(crate) close: bool,
    pub(crate) hand_over: bool,
    pub(crate) let_go: bool,
    pub(crate) on_the_way: bool,
    pub(crate) skip: bool,
    /// The calls can be stopped.
    pub(crate) stop: bool,
    pub(crate) note: bool,
}

/// A line of what is being done now.
pub(crate) struct Now {
    pub(crate) text: String,
    /// Since when, as seconds since 1970.
    pub(crate) since: i64,
}

/// What comes next if nobody acts.
pub(crate) struct Next {
    pub(crate) text: String,
    /// When, as seconds since 1970.
    pub(crate) until: i64,
    /// How long the step takes in all, seconds.
    pub(crate) whole: i64,
    pub(crate) left: String,
}

/// A line of what has happened.
pub(crate) struct Event {
    pub(crate) at: String,
    pub(crate) mark: &'static str,
    pub(crate) what: String,
    pub(crate) words: String,
    pub(crate) by: String,
}

/// The card of one alarm.
#[derive(Template)]
#[template(path = "card.html")]
pub(crate) struct Card {
    pub(crate) t: &'static Words,
    pub(crate) id: String,
    pub(crate) home: String,
    pub(crate) class: &'static str,
    pub(crate) mark: &'static str,
    pub(crate) level: &'static str,
    pub(crate) cause: String,
    pub(crate) who: String,
    pub(crate) about: String,
    pub(crate) since: i64,
    pub(crate) wait: String,
    pub(crate) is_open: bool,
    pub(crate) raised_at: String,
    pub(crate) address: String,
    pub(crate) access: String,
    pub(crate) reason: String,
    pub(crate) pressed: String,
    pub(crate) cancelled: String,
    /// Why the cause is over, if it is.
    pub(crate) over: String,
    /// The homes that an alarm about an area stands for.
    pub(crate) under: Vec<super::district::Under>,
    pub(crate) test: bool,
    pub(crate) state: &'static str,
    pub(crate) stands: String,
    pub(crate) now: Vec<Now>,
    pub(crate) next: Option<Next>,
    pub(crate) hint: String,
    pub(crate) acts: Acts,
    /// The calls are stopped: to skip is to go on.
    pub(crate) stopped: bool,
    /// Whom a red alarm has gone to and will go to while nobody takes it: text and until when, if still to come.
    pub(crate) called_up: Vec<(String, Option<i64>)>,
    pub(crate) steps: Steps,
    pub(crate) timeline: Vec<Event>,
}

/// The panel beside it.
#[derive(Template)]
#[template(path = "side.html")]
pub(crate) struct Side {
    pub(crate) presence: Presence,
}

/// An alarm that is looked at.
pub(crate) struct Opened {
    pub(crate) card: Card,
    pub(crate) side: Side,
}

fn acts(alarm: &Alarm, caller: &Caller) -> Acts {
    if !caller.acts() {
        return Acts::default();
    }
    let mine = alarm.claimant() == Some(&caller.claimant());
    let by_contact = matches!(alarm.claimant(), Some(Claimant::Contact(_)));
    let lead = caller.role != store::register::Role::Operator;
    match &alarm.state {
        State::Raised => Acts { claim: true, skip: true, stop: matches!(alarm.ladder, Ladder::Calling { .. }), note: true, ..Acts::default() },
        // What a contact took by phone the desk may take over; what a colleague took, the colleague or the lead works on.
        State::Claimed { .. } | State::Reported { .. } if mine || by_contact || lead => {
            Acts { claim: by_contact, report: true, close: true, hand_over: true, let_go: true, on_the_way: true, note: true, skip: false, stop: false }
        }
        State::Claimed { .. } | State::Reported { .. } | State::Closed { .. } => Acts { note: true, ..Acts::default() },
    }
}

pub(crate) async fn build(app: &App, caller: &Caller, look: &Look, alarm: &Alarm) -> Result<Opened, Problem> {
    let now = app.now();
    let w = look.words();
    let place = app.places.seen_by(caller, &alarm.home).await.unwrap_or_default();
    let plan = app.parts.ledger.plan(&alarm.home, &alarm.cause, alarm.level).await?;
    let notes = app.parts.ledger.notes(&alarm.id).await?;
    let (class, mark) = say::level(alarm.level);
    let acts = acts(alarm, caller);
    let record = place.record.as_ref().filter(|r| !r.address.is_empty());
    let hint = match &alarm.state {
        _ if !caller.acts() => String::new(),
        State::Raised => w.claimed_first.to_owned(),
        State::Claimed { by, .. } if !acts.report => fill(w.with_other, &[("by", say::called_up(w, &app.places.person_name(by.id()).await))]),
        State::Claimed { .. } => w.claimed_steps.to_owned(),
        State::Reported { .. } if acts.close => w.reported_close.to_owned(),
        State::Reported { .. } => String::new(),
        State::Closed { .. } => w.closed_next.to_owned(),
    };
    let until = match &alarm.state {
        State::Closed { at, .. } => *at,
        State::Raised | State::Claimed { .. } | State::Reported { .. } => now,
    };
    let side = Side { presence: Presence::build(app, caller, look, &alarm.home, &place).await? };
    let card = Card {
        t: w,
        id: alarm.id.as_str().to_owned(),
        home: alarm.home.as_str().to_owned(),
        class,
        mark,
        level: say::level_word(w, alarm.level),
        cause: cause_name(&alarm.cause, look.language),
        who: who(w, alarm, &place),
        about: about(app, look, &place),
        since: epoch(alarm.raised_at),
        wait: say::wait(look, until - alarm.raised_at),
        is_open: alarm.is_open(),
        raised_at: fill(w.raised_at, &[("at", &say::clock(look, alarm.raised_at, now))]),
        address: record.map(|r| r.address.clone()).unwrap_or_else(|| place.area()),
        access: record.map(|r| r.access_notes.clone()).unwrap_or_default(),
        reason: reason(app, look, alarm).await?,
        pressed: say::again(w, alarm),
        cancelled: alarm.cancelled_at.map(|at| fill(w.cancelled, &[("at", &say::clock(look, at, now))])).unwrap_or_default(),
        over: alarm.cause_over().map(|over| over.reason.render(look.language, look.zone)).unwrap_or_default(),
        under: super::district::under(app, caller, alarm).await?,
        test: alarm.test,
        state: alarm.state_name(),
        stands: doing(app, look, alarm, &place).await?,
        now: underway(app, look, alarm, &place),
        next: next(look, alarm, &plan, &place, now),
        hint,
        acts,
        stopped: alarm.state == State::Raised && matches!(alarm.ladder, Ladder::Stopped { .. }),
        called_up: called_up(app, look, alarm).await?,
        steps: steps::build(app, look, alarm, &plan, &notes, &place, caller.acts()).await?,
        timeline: timeline(app, look, alarm, &notes, &place).await?,
    };
    Ok(Opened { card, side })
}

/// Whom a red alarm that nobody takes has gone to, and whom it goes to next.
async fn called_up(app: &App, look: &Look, alarm: &Alarm) -> Result<Vec<(String, Option<i64>)>, Problem> {
    let w = look.words();
    let now = app.now();
    let mut reached = Vec::new();
    let mut coming: Option<(TimeDelta, Vec<String>)> = None;
    for (after, person) in called_up_of(app, alarm).await? {
        let name = app.places.person_name(person.as_str()).await;
        if alarm.raised_at + after <= now {
            reached.push(name);
        } else if coming.as_ref().is_none_or(|(at, _)| *at == after) {
            coming.get_or_insert((after, Vec::new())).1.push(name);
        }
    }
    let mut out = Vec::new();
    if !reached.is_empty() {
        out.push((fill(w.called_up, &[("who", &reached.join(w.and_who))]), None));
    }
    if let Some((after, names)) = coming {
        out.push((fill(w.called_up_next, &[("who", &names.join(w.and_who))]), Some(epoch(alarm.raised_at + after))));
    }
    Ok(out)
}

/// Why an alarm was raised; a device that nobody has registered is called that.
pub(crate) async fn reason(app: &App, look: &Look, alarm: &Alarm) -> Result<String, Problem> {
    let w = look.words();
    let mut text = alarm.reason.render(look.language, look.zone);
    if let Some(Param::Text(device)) = alarm.reason.params.get("device") {
        let registered = app.parts.register.devices_of(&alarm.home).await?;
        if !registered.iter().any(|known| known.id.as_str() == device) {
            text = text.replacen(&fill(w.device_plain, &[("device", device)]), &fill(w.device_nobodys, &[("device", device)]), 1);
        }
    }
    Ok(text)
}

/// Age, sex, tier, how to speak: one line about who lives there.
pub(crate) fn about(app: &App, look: &Look, place: &Place) -> String {
    let w = look.words();
    let Some(elder) = place.elders.first() else { return String::new() };
    let age = elder.born_year.map(|born| fill(w.age, &[("n", &age(app, look, born).to_string())])).unwrap_or_default();
    let parts = [age.as_str(), say::sex(w, &elder.sex), say::tier(w, &elder.tier), elder.speech_notes.as_str()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

/// What is being done at this moment: as the channels say, else as the alarm itself knows.
fn underway(app: &App, look: &Look, alarm: &Alarm, place: &Place) -> Vec<Now> {
    let w = look.words();
    let stopped = alarm.state == State::Raised && matches!(alarm.ladder, Ladder::Stopped { .. });
    let mut said: Vec<Underway> = app.parts.doing.underway(&alarm.id);
    said.sort_by_key(|u| u.since);
    let mut out: Vec<Now> = said
        .iter()
        .map(|u| {
            let phase = match u.phase {
                _ if stopped => w.now_hanging_up,
                Phase::Dialling => w.now_dialling,
                Phase::Ringing => w.now_ringing,
                Phase::Answered => w.now_answered,
            };
            let who = contact_name(look, place, &u.contact);
            Now { text: format!("{} · {phase}", fill(w.now_calling, &[("who", &who)])), since: epoch(u.since) }
        })
        .collect();
    let open = alarm.attempts.iter().filter(|a| a.is_open() && !said.iter().any(|u| u.contact == a.contact));
    out.extend(open.map(|a| {
        let who = contact_name(look, place, &a.contact);
        let phase = if stopped { w.now_hanging_up } else if a.started_at.is_some() { say::channel(w, a.channel.as_str()) } else { w.now_asked };
        Now { text: format!("{} · {phase}", fill(w.now_calling, &[("who", &who)])), since: epoch(a.started_at.unwrap_or(a.asked_at)) }
    }));
    out
}

/// Who is called next if nobody takes it.
fn after(alarm: &Alarm, plan: &Plan) -> Vec<ContactId> {
    let at = |rung: usize, place: Option<usize>| -> Vec<ContactId> {
        let Some(rung) = plan.rungs.get(rung) else { return Vec::new() };
        match (rung.order, place) {
            (Order::AtOnce, _) => rung.contacts.iter().map(|c| c.contact.clone()).collect(),
            (Order::InTurn, place) => rung.contacts.get(place.unwrap_or(0)).map(|c| c.contact.clone()).into_iter().collect(),
        }
    };
    match alarm.ladder {
        Ladder::Resting | Ladder::Checking { .. } => at(0, None),
        Ladder::Stopped { rung, place } => at(rung as usize, Some(place as usize)),
        Ladder::Calling { rung, place } => {
            let (rung, place) = (rung as usize, place as usize);
            let in_turn = plan.rungs.get(rung).is_some_and(|r| r.order == Order::InTurn && place + 1 < r.contacts.len());
            if in_turn { at(rung, Some(place + 1)) } else { at(rung + 1, None) }
        }
    }
}

fn next(look: &Look, alarm: &Alarm, plan: &Plan, place: &Place, now: Timestamp) -> Option<Next> {
    let w = look.words();
    let until = alarm.next_step_at?;
    let (text, whole) = match &alarm.state {
        State::Raised if alarm.ends_at().is_some() => (w.next_end.to_owned(), ENDS_AFTER),
        State::Raised if plan.rungs.is_empty() => (w.no_plan.to_owned(), plan.round_pause),
        State::Raised => {
            let names: Vec<String> = after(alarm, plan).iter().map(|c| contact_name(look, place, c)).collect();
            let wait = match alarm.ladder {
                Ladder::Calling { rung, .. } => plan.rungs.get(rung as usize).map_or(plan.round_pause, |r| r.wait),
                Ladder::Resting => plan.pause_before(alarm.round),
                Ladder::Stopped { .. } => STOPPED_FOR,
                Ladder::Checking { until } => until - alarm.raised_at,
            };
            let text = if names.is_empty() { w.next_round.to_owned() } else { fill(w.next_call, &[("who", &names.join(w.and_who))]) };
            (text, wait)
        }
        State::Claimed { .. } => (w.next_report.to_owned(), plan.report_within),
        State::Reported { .. } => (w.next_close.to_owned(), plan.close_within),
        State::Closed { .. } => return None,
    };
    let left = say::wait(look, (until - now).max(TimeDelta::zero()));
    Some(Next { text, until: epoch(until), whole: whole.num_seconds().max(1), left })
}

async fn timeline(app: &App, look: &Look, alarm: &Alarm, notes: &[Note], place: &Place) -> Result<Vec<Event>, Problem> {
    let w = look.words();
    let now = app.now();
    let raised = (alarm.raised_at, 0, Event { at: String::new(), mark: "▲", what: w.timeline_raised.to_owned(), words: String::new(), by: String::new() });
    let mut lines = vec![raised];
    for a in &alarm.attempts {
        let words = match &a.outcome {
            Some(outcome) => say::attempt(w, outcome),
            None => w.timeline_calling,
        };
        let mark = if a.is_open() { "◌" } else if words == w.attempt_accepted { "✓" } else { "·" };
        let by = say::channel(w, a.channel.as_str()).to_owned();
        let why = a.why.as_ref().map(|why| format!(" · {}", why.render(look.language, look.zone))).unwrap_or_default();
        let event = Event { at: String::new(), mark, what: contact_name(look, place, &a.contact), words: format!("{words}{why}"), by };
        lines.push((a.started_at.unwrap_or(a.asked_at), 1, event));
    }
    for over in &alarm.over {
        let words = over.reason.render(look.language, look.zone);
        lines.push((over.at, 2, Event { at: String::new(), mark: "○", what: w.timeline_over.to_owned(), words, by: String::new() }));
    }
    if let State::Closed { by, at, outcome } = &alarm.state
        && by.is_platform()
    {
        let (what, words) = (say::note(w, "close"), say::outcome(look.language, outcome));
        lines.push((*at, 3, Event { at: String::new(), mark: "✓", what, words, by: w.by_platform.to_owned() }));
    }
    for note in notes {
        let by = if note.by == "platform" { w.by_platform.to_owned() } else { app.places.person_name(&note.by).await };
        let told = match note.kind.as_str() {
            "step" => steps::done_words(look, &note.text, place),
            "call" => steps::call_words(look, &note.text, place),
            "hand_over" => Some((say::note(w, &note.kind), app.places.person_name(&note.text).await)),
            "call_now" => Some((say::note(w, &note.kind), contact_name(look, place, &note.text.as_str().into()))),
            _ => None,
        };
        let (what, words) = told.unwrap_or_else(|| (say::note(w, &note.kind), note.text.clone()));
        let mark = if note.kind == "call" { "☎" } else { "✎" };
        lines.push((note.at, 2, Event { at: String::new(), mark, what, words, by }));
    }
    lines.sort_by_key(|(at, order, _)| (*at, *order));
    Ok(lines.into_iter().map(|(at, _, event)| Event { at: say::clock(look, at, now), ..event }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use care::plan::{Rung, RungContact};
    use care::{Cause, Level, Reason};

    fn rung(contacts: &[&str], order: Order) -> Rung {
        let contacts = contacts.iter().map(|c| RungContact { contact: (*c).into(), channels: vec!["voice".into()] }).collect();
        Rung { contacts, order, wait: TimeDelta::seconds(30) }
    }

    #[test]
    fn the_desk_says_who_is_called_next() {
        let plan = Plan { rungs: vec![rung(&["a", "b"], Order::InTurn), rung(&["c", "d"], Order::AtOnce)], ..Plan::default() };
        let now = "2026-11-23T01:00:00Z".parse().unwrap();
        let raise = care::cause::Raise { cause: Cause::Call, level: Level::Red, reason: Reason::new("x"), key: "k".into(), device: None };
        let (mut alarm, _) = Alarm::raise("1".into(), "h".into(), vec![], raise, false, &plan, now);
        let names = |alarm: &Alarm| after(alarm, &plan).iter().map(|c| c.as_str().to_owned()).collect::<Vec<_>>().join(",");
        for (ladder, next) in [
            (Ladder::Calling { rung: 0, place: 0 }, "b"),
            (Ladder::Calling { rung: 0, place: 1 }, "c,d"),
            (Ladder::Calling { rung: 1, place: 0 }, ""),
            (Ladder::Resting, "a"),
        ] {
            alarm.ladder = ladder;
            assert_eq!(names(&alarm), next, "{ladder:?}");
        }
    }
}
