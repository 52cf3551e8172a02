//! What was found and what became of it, as lists with their next step: hazards, needs, referrals, follow-ups,
//! incidents; samples and findings; flags; extra events; and the page of one visit.

use super::part::{Choice, choices};
use super::{Cell, Desk, Field, Fields, Form, Listing, Page, Section, back, elders};
use crate::api::office::{area_of, department, elder_of, one as kept_one, only};
use crate::caller::Need;
use crate::extract::{Asked, Id};
use crate::messages::fill;
use crate::office::Kept;
use crate::problem::Problem;
use axum::response::Response;
use care::calendar::Month;
use care::office::event::{EventState, Way};
use care::office::matter::{HazardState, HazardStep, NeedState, ReferralState};
use care::office::sample::Verdict;
use care::office::visit::Visit;
use care::office::{ExtraEvent, Finding, FollowUp, Hazard, Incident, Need as NeedRecord, Record, Referral, Sample};
use care::policy::Colour;
use care::ElderId;
use serde::Deserialize;
use store::sheet::SheetAsk;

/// Records of a list on its page; a file has up to as many as a register may hold.
const ROWS: usize = 200;
const FILE_ROWS: usize = 100_000;

#[derive(Debug, Default, Deserialize)]
pub(crate) struct MatterAsked {
    #[serde(default)]
    state: String,
    #[serde(default)]
    area: String,
    #[serde(default)]
    month: String,
    #[serde(default)]
    format: String,
}

/// Records of the caller's area, newest last, and those of a state first asked for.
async fn records<R: Record>(desk: &Desk, asked: &MatterAsked, standard: &str) -> Result<Vec<Kept<R>>, Problem> {
    let area = area_of(&desk.caller, Some(&asked.area))?;
    let state = if asked.state.is_empty() { standard } else { &asked.state };
    let mut ask = SheetAsk::of(R::KIND);
    ask.area = Some(area).filter(|area| !area.is_empty());
    ask.state = Some(state.to_owned()).filter(|state| state != "all" && !state.is_empty());
    ask.max = 500;
    let most = if asked.format.is_empty() { ROWS } else { FILE_ROWS };
    let own = only(&desk.app, &desk.caller).await?;
    let mut found: Vec<Kept<R>> = Vec::new();
    loop {
        let page = desk.app.parts.office.page::<R>(ask.clone()).await?;
        found.extend(page.records.into_iter().filter(|kept| own.as_ref().is_none_or(|own| kept.record.elder().is_some_and(|elder| own.contains(elder)))));
        match page.next {
            Some(next) if found.len() < most => ask.after = Some(next),
            Some(_) | None => break,
        }
    }
    found.truncate(most);
    Ok(found)
}

const SISTERS: [&str; 4] = ["/office/follow-ups", "/office/hazards", "/office/needs", "/office/incidents"];

fn matters(desk: &Desk, title: &str, here: &str, states: Vec<Choice>) -> Page {
    let o = desk.o;
    let names = [o.follow_ups, o.hazards, o.needs, o.incidents];
    let sisters: Vec<(&str, &str)> = SISTERS.into_iter().zip(names).filter(|(href, _)| *href != "/office/follow-ups" || desk.may(Need::Office)).collect();
    let mut page = Page::new("matters", title).sisters(&sisters, here);
    page.search.push(Form::search(here, o.search, vec![Field::select("state", o.state, states), desk.area_field("")]));
    page
}

/// A form that takes one of the listed records a step further.
fn step_form(desk: &Desk, title: &str, at: &str, rows: Vec<Choice>, steps: Vec<Choice>, more: Vec<Field>) -> Option<Form> {
    if rows.is_empty() {
        return None;
    }
    let o = desk.o;
    let mut fields = vec![Field::select("id", o.which, rows), Field::select("step", o.step, steps), Field::of("textarea", "words", o.words, "")];
    fields.extend(more);
    Some(Form::act(title, format!("{at}/one"), o.save, fields))
}

fn label(desk: &Desk, elder: &ElderId, what: &str) -> String {
    format!("{} · {what}", desk.elder(elder).text)
}

/// The record that a form names: in the path, or chosen in the form.
fn named(id: String, fields: &Fields) -> String {
    if id == "one" { fields.own("id") } else { id }
}

pub(crate) async fn follow_ups(desk: Desk, Asked(asked): Asked<MatterAsked>) -> Result<Response, Problem> {
    let o = desk.o;
    let found = records::<FollowUp>(&desk, &asked, "open").await?;
    let today = desk.app.parts.office.today();
    let mut table = Listing::new("follow_ups", o.follow_ups, &[o.name, o.area, o.kind, o.due_on, o.result, o.who]);
    let mut open = Vec::new();
    for kept in &found {
        let it = &kept.record;
        let due = if it.done.is_none() && it.due_on < today { Cell::chip("red", it.due_on.to_string()) } else { Cell::text(it.due_on.to_string()) };
        let result = match (&it.done, it.settled) {
            (None, _) => Cell::chip("attention", o.open),
            (Some(done), Some(true)) => Cell::chip("ok", format!("{} {}", o.settled, done.words)),
            (Some(done), _) => Cell::chip("urgent", format!("{} {}", o.not_settled, done.words)),
        };
        if it.done.is_none() {
            open.push((it.id.clone(), label(&desk, &it.elder, it.kind.name(desk.look.language)), false));
        }
        table.rows.push(vec![
            desk.elder(&it.elder),
            Cell::text(desk.place(&it.area)),
            Cell::text(it.kind.name(desk.look.language)),
            due,
            result,
            Cell::text(it.done.as_ref().map(|done| done.by.to_string()).unwrap_or_default()),
        ]);
    }
    let states = choices([("open", o.open), ("settled", o.settled), ("again", o.not_settled), ("all", o.all)], &asked.state, None);
    let mut page = matters(&desk, o.follow_ups, SISTERS[0], states);
    page.tables.push(table);
    let steps = choices([("yes", o.settled), ("no", o.not_settled)], "yes", None);
    page.forms.extend(step_form(&desk, o.follow_up_done, "/office/follow-ups", open, steps, vec![Field::of("text", "evidence", o.evidence, "")]));
    Ok(desk.show(page))
}

pub(crate) async fn finish_follow_up(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    let id = named(id, &fields);
    kept_one::<FollowUp>(&desk.app, &desk.caller, &id).await?;
    let settled = fields.answer("step") == Some(true);
    desk.app.parts.office.finish_follow_up(&id, settled, fields.text("words"), fields.text("evidence"), &desk.caller.person).await?;
    Ok(back("/office/follow-ups"))
}

pub(crate) async fn hazards(desk: Desk, Asked(asked): Asked<MatterAsked>) -> Result<Response, Problem> {
    let (o, l) = (desk.o, desk.look.language);
    let found = records::<Hazard>(&desk, &asked, "all").await?;
    let mut table = Listing::new("hazards", o.hazards, &[o.name, o.area, o.kind, o.words, o.found, o.recheck, o.state]);
    let mut open = Vec::new();
    for kept in found.iter().rev() {
        let it = &kept.record;
        let chip = match it.state {
            HazardState::Open => "red",
            HazardState::Reminded => "urgent",
            HazardState::Removed => "attention",
            HazardState::Checked => "ok",
        };
        if it.state != HazardState::Checked {
            open.push((it.id.clone(), label(&desk, &it.elder, it.kind.name(l)), false));
        }
        table.rows.push(vec![
            desk.elder(&it.elder),
            Cell::text(desk.place(&it.area)),
            Cell::text(it.kind.name(l)),
            Cell::wide(format!("{} {}", it.place, it.words)),
            Cell::text(desk.when(it.found_at)),
            Cell::text(it.recheck_on.to_string()),
            Cell::chip(chip, it.state.name(l)),
        ]);
    }
    let states = choices(HazardState::ALL.iter().map(|state| (state.code(), state.name(l))), &asked.state, Some(o.all));
    let mut page = matters(&desk, o.hazards, SISTERS[1], states);
    page.tables.push(table);
    let steps = choices([("remind", o.hazard_remind), ("remove", o.hazard_remove), ("confirm", o.hazard_confirm), ("reopen", o.hazard_reopen)], "", None);
    page.forms.extend(step_form(&desk, o.next_step, SISTERS[1], open, steps, Vec::new()));
    Ok(desk.show(page))
}

pub(crate) async fn step_hazard(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    let id = named(id, &fields);
    kept_one::<Hazard>(&desk.app, &desk.caller, &id).await?;
    let step = match fields.text("step") {
        "remind" => HazardStep::Remind,
        "remove" => HazardStep::Remove,
        "confirm" => HazardStep::Confirm,
        "reopen" => HazardStep::Reopen,
        _ => return Err(Problem::Invalid { field: "step", what: |w| w.invalid_field }),
    };
    desk.app.parts.office.step_hazard(&id, step, fields.text("words"), &desk.caller.person).await?;
    Ok(back(SISTERS[1]))
}

pub(crate) async fn needs(desk: Desk, Asked(asked): Asked<MatterAsked>) -> Result<Response, Problem> {
    let (o, l) = (desk.o, desk.look.language);
    let found = records::<NeedRecord>(&desk, &asked, "all").await?;
    let mut table = Listing::new("needs", o.needs, &[o.name, o.area, o.kind, o.words, o.found, o.state]);
    let mut open = Vec::new();
    for kept in found.iter().rev() {
        let it = &kept.record;
        let settled = matches!(it.state, NeedState::Met | NeedState::Declined);
        if !settled {
            open.push((it.id.clone(), label(&desk, &it.elder, it.kind.name(l)), false));
        }
        let chip = if settled { "ok" } else if it.urgent { "red" } else { "attention" };
        table.rows.push(vec![
            desk.elder(&it.elder),
            Cell::text(desk.place(&it.area)),
            Cell::text(it.kind.name(l)),
            Cell::wide(&it.words),
            Cell::text(desk.when(it.found_at)),
            Cell::chip(chip, it.state.name(l)),
        ]);
    }
    let states = || NeedState::ALL.iter().map(|state| (state.code(), state.name(l)));
    let mut page = matters(&desk, o.needs, SISTERS[2], choices(states(), &asked.state, Some(o.all)));
    page.tables.push(table);
    page.forms.extend(step_form(&desk, o.next_step, SISTERS[2], open, choices(states(), "told", None), Vec::new()));
    Ok(desk.show(page))
}

pub(crate) async fn step_need(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    let id = named(id, &fields);
    kept_one::<NeedRecord>(&desk.app, &desk.caller, &id).await?;
    let to = NeedState::from_code(fields.text("step")).ok_or(Problem::Invalid { field: "step", what: |w| w.invalid_field })?;
    desk.app.parts.office.step_need(&id, to, fields.text("words"), &desk.caller.person).await?;
    Ok(back(SISTERS[2]))
}

pub(crate) async fn referrals(desk: Desk, Asked(asked): Asked<MatterAsked>) -> Result<Response, Problem> {
    let (o, l) = (desk.o, desk.look.language);
    let own = department(&desk.app, &desk.caller).await?;
    let mut found = records::<Referral>(&desk, &asked, "all").await?;
    found.retain(|kept| own.is_none_or(|own| own == kept.record.to));
    let mut table = Listing::new("referrals", o.tab_referrals, &[o.name, o.area, o.referred_to, o.words, o.when, o.state, o.result]);
    let mut open = Vec::new();
    for kept in found.iter().rev() {
        let it = &kept.record;
        let chip = match it.state {
            ReferralState::Sent => "urgent",
            ReferralState::Accepted => "attention",
            ReferralState::Done => "ok",
            ReferralState::Returned => "red",
        };
        if it.state != ReferralState::Done {
            open.push((it.id.clone(), label(&desk, &it.elder, &it.words), false));
        }
        table.rows.push(vec![
            desk.elder(&it.elder),
            Cell::text(desk.place(&it.area)),
            Cell::text(format!("{} {}", it.to.name(l), it.provider)),
            Cell::wide(&it.words),
            Cell::text(desk.when(it.sent_at)),
            Cell::chip(chip, it.state.name(l)),
            Cell::wide(&it.outcome),
        ]);
    }
    let states = || ReferralState::ALL.iter().map(|state| (state.code(), state.name(l)));
    let mut page = Page::new("referrals", o.tab_referrals);
    if let Some(own) = own {
        page.lead.push(fill(o.own_department, &[("name", own.name(l))]));
    }
    page.search.push(Form::search("/office/referrals", o.search, vec![Field::select("state", o.state, choices(states(), &asked.state, Some(o.all)))]));
    page.tables.push(table);
    page.forms.extend(step_form(&desk, o.next_step, "/office/referrals", open, choices(states(), "accepted", None), Vec::new()));
    Ok(desk.show(page))
}

pub(crate) async fn step_referral(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    let id = named(id, &fields);
    let kept = kept_one::<Referral>(&desk.app, &desk.caller, &id).await?;
    if department(&desk.app, &desk.caller).await?.is_some_and(|own| own != kept.record.to) {
        return Err(Problem::NotFound);
    }
    let to = ReferralState::from_code(fields.text("step")).ok_or(Problem::Invalid { field: "step", what: |w| w.invalid_field })?;
    desk.app.parts.office.step_referral(&id, to, fields.text("words"), &desk.caller.person).await?;
    Ok(back("/office/referrals"))
}

pub(crate) async fn incidents(desk: Desk, Asked(asked): Asked<MatterAsked>) -> Result<Response, Problem> {
    let o = desk.o;
    let found = records::<Incident>(&desk, &asked, "all").await?;
    let mut table = Listing::new("incidents", o.incidents, &[o.name, o.area, o.words, o.found, o.until_call, o.called, o.state]);
    for kept in found.iter().rev() {
        let it = &kept.record;
        let until = it.until_call().map_or_else(|| Cell::chip("red", o.not_called), |span| Cell::text(care::reason::span(span.num_seconds().max(0), desk.look.language)));
        let (chip, state) = match (&it.closed, it.grave, &it.reviewed) {
            (Some(_), _, _) => ("ok", o.closed),
            (None, true, None) => ("red", o.grave),
            (None, _, _) => ("urgent", o.open),
        };
        table.rows.push(vec![
            desk.elder(&it.elder),
            Cell::text(desk.place(&it.area)),
            Cell::wide(&it.words),
            Cell::text(desk.when(it.found_at)),
            until,
            Cell::count(u32::try_from(it.called.len()).unwrap_or(u32::MAX)),
            Cell::chip(chip, state),
        ]);
    }
    let states = choices([("open", o.open), ("grave", o.grave), ("closed", o.closed)], &asked.state, Some(o.all));
    let mut page = matters(&desk, o.incidents, SISTERS[3], states);
    page.tables.push(table);
    Ok(desk.show(page))
}

const SUPERVISION: [&str; 3] = ["/office/samples", "/office/findings", "/office/flags"];

fn supervision(desk: &Desk, title: &str, here: &str) -> Page {
    let sisters: Vec<(&str, &str)> = SUPERVISION.into_iter().zip([desk.o.samples, desk.o.findings, desk.o.flags]).collect();
    Page::new("supervision", title).sisters(&sisters, here)
}

pub(crate) async fn samples(desk: Desk, Asked(asked): Asked<MatterAsked>) -> Result<Response, Problem> {
    let (o, l) = (desk.o, desk.look.language);
    let found = records::<Sample>(&desk, &asked, "all").await?;
    let mut page = supervision(&desk, o.samples, SUPERVISION[0]);
    let mut table = Listing::new("samples", o.samples, &[o.month, o.area, o.name, o.visit, o.result, o.who, o.words]);
    let mut open = Vec::new();
    for kept in found.iter().rev() {
        for item in &kept.record.items {
            let (chip, verdict) = match item.verdict {
                None => ("attention", o.not_called_back),
                Some(Verdict::True) => ("ok", Verdict::True.name(l)),
                Some(other) => ("red", other.name(l)),
            };
            if item.verdict.is_none() {
                open.push((format!("{} {}", kept.record.id, item.visit), label(&desk, &item.elder, &item.visit), false));
            }
            table.rows.push(vec![
                Cell::text(kept.record.month.to_string()),
                Cell::text(desk.place(&kept.record.area)),
                desk.elder(&item.elder),
                Cell::link(&item.visit, format!("/office/visits/{}", item.visit)),
                Cell::chip(chip, verdict),
                Cell::text(item.called.as_ref().map(|done| done.by.to_string()).unwrap_or_default()),
                Cell::wide(item.called.as_ref().map(|done| done.words.clone()).unwrap_or_default()),
            ]);
        }
    }
    page.tables.push(table);
    let steps = choices(Verdict::ALL.iter().map(|verdict| (verdict.code(), verdict.name(l))), "", None);
    page.forms.extend(step_form(&desk, o.call_back, SUPERVISION[0], open, steps, Vec::new()));
    let last = Month::of(desk.app.parts.office.today()).previous();
    page.forms.push(Form::act(
        o.draw_sample,
        SUPERVISION[0],
        o.draw_go,
        vec![Field::of("month", "month", o.month, last.to_string()), desk.area_field(&desk.caller.area), Field::of("number", "n", o.how_many, "10")],
    ));
    Ok(desk.show(page))
}

pub(crate) async fn draw(desk: Desk, fields: Fields) -> Result<Response, Problem> {
    let area = area_of(&desk.caller, Some(fields.text("area")))?;
    let month: Month = fields.text("month").parse().map_err(|_| Problem::Invalid { field: "month", what: |w| w.invalid_field })?;
    let n = fields.number("n").and_then(|n| usize::try_from(n).ok()).unwrap_or(10).clamp(1, 500);
    desk.app.parts.office.draw_sample(month, &area, n, &desk.caller.person).await?;
    Ok(back(SUPERVISION[0]))
}

pub(crate) async fn called_back(desk: Desk, Id(_): Id, fields: Fields) -> Result<Response, Problem> {
    let (sample, visit) = fields.text("id").split_once(' ').ok_or(Problem::NotFound)?;
    kept_one::<Sample>(&desk.app, &desk.caller, sample).await?;
    let verdict = Verdict::from_code(fields.text("step")).ok_or(Problem::Invalid { field: "step", what: |w| w.invalid_field })?;
    desk.app.parts.office.called_back(sample, visit, verdict, fields.text("words"), &desk.caller.person).await?;
    Ok(back(SUPERVISION[0]))
}

pub(crate) async fn findings(desk: Desk, Asked(asked): Asked<MatterAsked>) -> Result<Response, Problem> {
    let o = desk.o;
    let found = records::<Finding>(&desk, &asked, "all").await?;
    let mut page = supervision(&desk, o.findings, SUPERVISION[1]);
    let mut table = Listing::new("findings", o.findings, &[o.area, o.words, o.due_on, o.who, o.rounds, o.state]);
    for kept in found.iter().rev() {
        let it = &kept.record;
        let (chip, state) = match it.state() {
            "closed" => ("ok", o.closed),
            "fixed" => ("attention", o.to_be_checked),
            "again" => ("red", o.not_settled),
            _ => ("urgent", o.open),
        };
        table.rows.push(vec![
            Cell::text(desk.place(&it.area)),
            Cell::wide(format!("{} {}", it.about, it.problem.words)),
            Cell::text(it.due_on.to_string()),
            Cell::text(it.problem.by.to_string()),
            Cell::count(u32::try_from(it.rounds.len()).unwrap_or(u32::MAX)),
            Cell::chip(chip, state),
        ]);
    }
    page.tables.push(table);
    Ok(desk.show(page))
}

pub(crate) async fn flags(desk: Desk, Asked(asked): Asked<MatterAsked>) -> Result<Response, Problem> {
    let o = desk.o;
    let area = area_of(&desk.caller, Some(&asked.area))?;
    let office = desk.app.parts.office.clone();
    let month = asked.month.parse().unwrap_or(Month::of(office.today()));
    let mut page = supervision(&desk, o.flags, SUPERVISION[2]);
    page.lead.push(o.flags_lead.to_owned());
    page.search.push(Form::search(SUPERVISION[2], o.show_month, vec![Field::of("month", "month", o.month, month.to_string())]));
    let mut table = Listing::new("flags", format!("{} {month}", o.flags), &[o.visit, o.why]);
    table.rows = office
        .flagged(month, &area)
        .await?
        .iter()
        .map(|flag| vec![Cell::link(&flag.record, format!("/office/visits/{}", flag.record)), Cell::wide(flag.why.render(desk.look.language, desk.look.zone))])
        .collect();
    page.tables.push(table);
    Ok(desk.show(page))
}

pub(crate) async fn events(desk: Desk, Asked(asked): Asked<MatterAsked>) -> Result<Response, Problem> {
    let (o, l) = (desk.o, desk.look.language);
    let found = records::<ExtraEvent>(&desk, &asked, "all").await?;
    let mut table = Listing::new("events", o.tab_events, &[o.kind, o.event, o.level, o.area, o.when, o.way, o.words, o.state]);
    let mut standing = Vec::new();
    for kept in found.iter().rev() {
        let it = &kept.record;
        let event = it.event.as_deref().map(|event| care::policy::event_name(event, l)).unwrap_or_default();
        let chip = match it.state {
            EventState::Standing => "urgent",
            EventState::Amended | EventState::Withdrawn => "",
        };
        if it.state == EventState::Standing {
            standing.push((it.id.clone(), format!("{event} {}", desk.when(it.start)), false));
        }
        table.rows.push(vec![
            Cell::text(care::policy::event_name(&it.kind, l)),
            Cell::text(event),
            Cell::text(it.level.map_or("", |level| level.name(l))),
            Cell::text(desk.place(&it.area)),
            Cell::text(desk.when(it.start)),
            Cell::text(it.way.name(l)),
            Cell::wide(&it.words),
            Cell::chip(chip, it.state.name(l)),
        ]);
    }
    let mut page = Page::new("events", o.tab_events);
    page.lead.push(o.events_lead.to_owned());
    page.tables.push(table);
    if desk.may(Need::Supervise) {
        let kinds = ["weather", "festival", "major_change", "outage", "epidemic"].map(|kind| (kind, care::policy::event_name(kind, l)));
        let events = ["typhoon", "rainstorm", "heat", "cold_wave", "snowstorm", "gale", "fog"].map(|event| (event, care::policy::event_name(event, l)));
        page.forms.push(Form::act(
            o.declare,
            "/office/events",
            o.declare_go,
            vec![
                Field::select("kind", o.kind, choices(kinds.iter().map(|(code, name)| (*code, name.as_str())), "weather", None)),
                Field::select("event", o.event, choices(events.iter().map(|(code, name)| (*code, name.as_str())), "", Some("—"))),
                Field::select("level", o.level, choices(Colour::ALL.iter().map(|colour| (colour.code(), colour.name(l))), "orange", Some("—"))),
                desk.area_field(&desk.caller.area),
                Field::of("text", "words", o.words, ""),
            ],
        ));
        if !standing.is_empty() {
            page.forms.push(Form { class: "danger", ..Form::act(o.withdraw, "/office/events/one/withdraw", o.withdraw, vec![Field::select("id", o.which, standing)]) });
        }
    }
    Ok(desk.show(page))
}

pub(crate) async fn declare(desk: Desk, fields: Fields) -> Result<Response, Problem> {
    let event = ExtraEvent {
        id: desk.app.parts.office.new_id(),
        kind: fields.own("kind"),
        event: Some(fields.own("event")).filter(|event| !event.is_empty()),
        level: Colour::from_code(fields.text("level")),
        codes: Vec::new(),
        area: area_of(&desk.caller, Some(fields.text("area")))?,
        elder: None,
        start: desk.app.now(),
        end: None,
        words: fields.own("words"),
        way: Way::Hand,
        taken_at: desk.app.now(),
        by: String::new(),
        state: EventState::Standing,
        replaced_by: None,
    };
    desk.app.parts.office.declare(event, desk.caller.person.as_str()).await?;
    Ok(back("/office/events"))
}

pub(crate) async fn withdraw(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    let id = named(id, &fields);
    kept_one::<ExtraEvent>(&desk.app, &desk.caller, &id).await?;
    desk.app.parts.office.withdraw_event(&id, desk.caller.person.as_str()).await?;
    Ok(back("/office/events"))
}

pub(crate) async fn visit(desk: Desk, Id(id): Id) -> Result<Response, Problem> {
    let (o, l) = (desk.o, desk.look.language);
    let kept: Kept<Visit> = kept_one(&desk.app, &desk.caller, &id).await?;
    let visit = &kept.record;
    let office = desk.app.parts.office.clone();
    let name = elder_of(&desk.app, &desk.caller, visit.elder.as_str()).await?.name;
    let (_, state) = elders::visit_state(&desk, visit);
    let mut page = Page::new("elders", format!("{name} · {}", desk.when(visit.start))).link(format!("/office/elders/{}", visit.elder), o.elder_file);
    page = page.link(format!("/office/visits/{id}/annex-2"), o.annex_2);
    let end = visit.end.map(|end| desk.when(end)).unwrap_or_default();
    page.sections.push(Section {
        title: o.visit.to_owned(),
        facts: vec![
            (o.mode.to_owned(), visit.mode.name(l).to_owned()),
            (o.outcome.to_owned(), visit.outcome.name(l).to_owned()),
            (o.v_start.to_owned(), desk.when(visit.start)),
            (o.v_end.to_owned(), end),
            (o.visitor.to_owned(), format!("{} {}", visit.visitor, visit.organisation)),
            (o.state.to_owned(), state.to_owned()),
            (o.recorded.to_owned(), format!("{} {}", desk.when(visit.recorded_at), visit.recorded_by)),
            (o.v_needs.to_owned(), visit.form.needs.clone().unwrap_or_default()),
            (o.opened.to_owned(), visit.opens().iter().map(|(_, row)| *row).collect::<Vec<_>>().join("、")),
        ],
    });
    let mut twins = Listing::new("twins", o.twins, &[o.when, o.mode, o.visitor]);
    twins.rows = office
        .twins(visit)
        .await?
        .iter()
        .map(|twin| vec![Cell::link(desk.when(twin.start), format!("/office/visits/{}", twin.id)), Cell::text(twin.mode.name(l)), Cell::text(format!("{} {}", twin.visitor, twin.organisation))])
        .collect();
    let mut versions = Listing::new("versions", o.versions, &[o.version, o.when, o.who, o.reason]);
    versions.rows = office
        .versions::<Visit>(&id)
        .await?
        .iter()
        .map(|one| {
            let reason = one.record.corrections.last().map(|correction| correction.reason.clone()).unwrap_or_default();
            vec![Cell::count(one.version), Cell::text(desk.when(one.written_at)), Cell::text(&one.written_by), Cell::wide(reason)]
        })
        .collect();
    if !twins.rows.is_empty() {
        page.tables.push(twins);
    }
    page.tables.push(versions);
    Ok(desk.show(page))
}
