//! What was found and what became of it, as lists with their next step: hazards, needs, referrals, follow-ups.

use super::form::{encode, query_without};
use super::part::{Choice, choices};
use super::{Cell, Desk, Field, Fields, Form, Listing, Page, back};
use crate::api::office::{area_of, cursor_of, cursor_text, department, one as kept_one, only};
use crate::caller::Need;
use crate::extract::{Asked, Id};
use crate::limits::FILE_ROWS_MAX;
use crate::messages::fill;
use crate::office::Kept;
use crate::problem::Problem;
use axum::response::Response;
use care::office::matter::{HazardState, HazardStep, NeedState, ReferralState};
use care::office::{FollowUp, Hazard, Need as NeedRecord, Record, Referral};
use care::ElderId;
use serde::Deserialize;
use store::sheet::{Order, SheetAsk};

/// Records of a list on a page of it.
const ROWS: usize = 200;

#[derive(Debug, Default, Deserialize)]
pub(crate) struct MatterAsked {
    #[serde(default)]
    pub(super) state: String,
    #[serde(default)]
    pub(super) area: String,
    #[serde(default)]
    pub(super) month: String,
    #[serde(default)]
    pub(super) format: String,
    #[serde(default)]
    pub(super) cursor: String,
}

/// What a page of a list shows, and the address of the page after it.
pub(super) struct Found<R> {
    pub(super) records: Vec<Kept<R>>,
    pub(super) next: Option<String>,
}

/// Records of the caller's area; where no state is asked for, those of the `standard` one.
pub(super) async fn records<R: Record>(desk: &Desk, asked: &MatterAsked, standard: &str, order: Order) -> Result<Found<R>, Problem> {
    let area = area_of(&desk.caller, Some(&asked.area))?;
    records_that(desk, asked, standard, SheetAsk { order, area: Some(area), ..SheetAsk::default() }, |_| true).await
}

/// The same of what is asked for, and of that what is wanted only.
pub(super) async fn records_that<R: Record>(desk: &Desk, asked: &MatterAsked, standard: &str, ask: SheetAsk, wanted: impl Fn(&R) -> bool) -> Result<Found<R>, Problem> {
    let state = if asked.state.is_empty() { standard } else { &asked.state };
    let mut ask = SheetAsk { kind: R::KIND.to_owned(), after: cursor_of(Some(&asked.cursor))?, max: 500, ..ask };
    ask.state = Some(state.to_owned()).filter(|state| state != "all" && !state.is_empty());
    let most = if asked.format.is_empty() { ROWS } else { FILE_ROWS_MAX };
    let own = only(&desk.app, &desk.caller).await?;
    let mine = |record: &R| own.as_ref().is_none_or(|own| record.elder().is_some_and(|elder| own.contains(elder))) && wanted(record);
    let (mut records, mut next): (Vec<Kept<R>>, _) = (Vec::new(), None);
    loop {
        let page = desk.app.parts.office.page::<R>(ask.clone()).await?;
        records.extend(page.records.into_iter().filter(|kept| mine(&kept.record)));
        if records.len() > most {
            records.truncate(most);
            next = records.last().map(|last| (last.record.at(), last.record.id()));
            break;
        }
        match page.next {
            Some(after) => ask.after = Some(after),
            None => break,
        }
    }
    let base = desk.path.split('?').next().unwrap_or_default();
    let next = next.map(|next| format!("{base}?{}&cursor={}", query_without(&desk.query, &["cursor", "format", "table"]), encode(&cursor_text(&next))));
    Ok(Found { records, next })
}

pub(super) const SISTERS: [&str; 5] = ["/office/follow-ups", "/office/hazards", "/office/needs", "/office/incidents", "/office/findings"];

pub(super) fn matters(desk: &Desk, title: &str, here: &str, states: Vec<Choice>) -> Page {
    let o = desk.o;
    let names = [o.follow_ups, o.hazards, o.needs, o.incidents, o.findings];
    let the_offices = |href: &str| href == SISTERS[0] || href == SISTERS[4];
    let sisters: Vec<(&str, &str)> = SISTERS.into_iter().zip(names).filter(|(href, _)| !the_offices(href) || desk.may(Need::Office)).collect();
    let mut page = Page::new("matters", title).sisters(&sisters, here);
    page.search.push(Form::search(here, o.search, vec![Field::select("state", o.state, states), desk.area_field("")]));
    page
}

/// A form that takes one of the listed records a step further.
pub(super) fn step_form(desk: &Desk, title: &str, at: &str, rows: Vec<Choice>, steps: Vec<Choice>, more: Vec<Field>) -> Option<Form> {
    if rows.is_empty() {
        return None;
    }
    let o = desk.o;
    let mut fields = vec![Field::select("id", o.which, rows), Field::select("step", o.step, steps), Field::of("textarea", "words", o.words, "")];
    fields.extend(more);
    Some(Form::act(title, format!("{at}/one"), o.save, fields))
}

pub(super) fn label(desk: &Desk, elder: &ElderId, what: &str) -> String {
    format!("{} · {what}", desk.elder(elder).text)
}

/// The record that a form names: in the path, or chosen in the form.
pub(super) fn named(id: String, fields: &Fields) -> String {
    if id == "one" { fields.own("id") } else { id }
}

pub(crate) async fn follow_ups(desk: Desk, Asked(asked): Asked<MatterAsked>) -> Result<Response, Problem> {
    let o = desk.o;
    let Found { records: found, next } = records::<FollowUp>(&desk, &asked, "open", Order::OldestFirst).await?;
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
    page.tables.push(Listing { next, ..table });
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
    let Found { records: found, next } = records::<Hazard>(&desk, &asked, "all", Order::NewestFirst).await?;
    let mut table = Listing::new("hazards", o.hazards, &[o.name, o.area, o.kind, o.words, o.found, o.recheck, o.state]);
    let mut open = Vec::new();
    for kept in &found {
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
    page.tables.push(Listing { next, ..table });
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
    let Found { records: found, next } = records::<NeedRecord>(&desk, &asked, "all", Order::NewestFirst).await?;
    let mut table = Listing::new("needs", o.needs, &[o.name, o.area, o.kind, o.words, o.found, o.state]);
    let mut open = Vec::new();
    for kept in &found {
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
    page.tables.push(Listing { next, ..table });
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
    let area = area_of(&desk.caller, Some(&asked.area))?;
    let ask = SheetAsk { area: Some(area), ..SheetAsk::default() }.newest_first();
    let Found { records: found, next } = records_that::<Referral>(&desk, &asked, "all", ask, |referral| own.is_none_or(|own| own == referral.to)).await?;
    let (table, open) = referral_table(&desk, found.iter().map(|kept| &kept.record));
    let states = || ReferralState::ALL.iter().map(|state| (state.code(), state.name(l)));
    let mut page = Page::new("referrals", o.tab_referrals);
    if let Some(own) = own {
        page.lead.push(fill(o.own_department, &[("name", own.name(l))]));
    }
    page.search.push(Form::search("/office/referrals", o.search, vec![Field::select("state", o.state, choices(states(), &asked.state, Some(o.all)))]));
    page.tables.push(Listing { next, ..table });
    page.forms.extend(referral_form(&desk, open));
    Ok(desk.show(page))
}

/// Referrals as a table, and those that may go a step further.
pub(super) fn referral_table<'a>(desk: &Desk, referrals: impl Iterator<Item = &'a Referral>) -> (Listing, Vec<Choice>) {
    let (o, l) = (desk.o, desk.look.language);
    let mut table = Listing::new("referrals", o.tab_referrals, &[o.name, o.area, o.referred_to, o.words, o.when, o.state, o.result]);
    let mut open = Vec::new();
    for it in referrals {
        let chip = match it.state {
            ReferralState::Sent => "urgent",
            ReferralState::Accepted => "attention",
            ReferralState::Done => "ok",
            ReferralState::Returned => "red",
        };
        if it.state != ReferralState::Done {
            open.push((it.id.clone(), label(desk, &it.elder, &it.words), false));
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
    (table, open)
}

/// The form that takes a referral a step further.
pub(super) fn referral_form(desk: &Desk, open: Vec<Choice>) -> Option<Form> {
    let l = desk.look.language;
    let steps = choices(ReferralState::ALL.iter().map(|state| (state.code(), state.name(l))), "accepted", None);
    step_form(desk, desk.o.next_step, "/office/referrals", open, steps, Vec::new())
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
