//! What the office goes by: the policy in plain words, its versions, a version that is proposed with what it would change, and its
//! activation by another person; what is kept for how long.

use super::{Cell, Desk, Field, Fields, Form, Listing, Page, Section, back};
use crate::caller::Need;
use crate::extract::{Asked, Id};
use crate::messages::fill;
use crate::office::Kept;
use crate::problem::Problem;
use axum::response::Response;
use care::calendar::Month;
use care::office::{Proposal, Record};
use care::policy::{Policy, diff, show};
use serde::Deserialize;
use store::sheet::SheetAsk;

/// Elders who would stand otherwise, as a page shows them; the count is whole.
const MOVED: usize = 200;

fn state(desk: &Desk, proposal: &Proposal) -> Cell {
    match proposal.state() {
        "activated" => Cell::chip("ok", desk.o.policy_activated),
        "refused" => Cell::chip("", desk.o.policy_refused),
        _ => Cell::chip("urgent", desk.o.policy_proposed),
    }
}

pub(crate) async fn policy(desk: Desk) -> Result<Response, Problem> {
    let o = desk.o;
    let office = desk.app.parts.office.clone();
    office.refresh().await?;
    let policy = office.policy()?;
    let mut page = Page::new("policy", o.tab_policy).link("/office/retention", o.retention);
    let mut versions = Listing::new("versions", o.versions, &[o.version, o.from, o.until_day, o.hash]);
    for one in office.rules().policies.versions() {
        let name = if one.version == policy.version { Cell::chip("ok", format!("{} · {}", one.version, o.in_force)) } else { Cell::text(&one.version) };
        let until = one.effective_to.map(|to| to.to_string()).unwrap_or_default();
        versions.rows.push(vec![name, Cell::text(one.effective_from.to_string()), Cell::text(until), Cell::text(&one.hash)]);
    }
    let mut readings = Listing::new("readings", o.readings, &["", o.quote, o.question, o.chosen, o.decided_col]);
    for one in &policy.interpretations {
        let decided = if one.confirmed() { Cell::chip("ok", o.confirmed) } else { Cell::chip("urgent", o.unconfirmed) };
        readings.rows.push(vec![Cell::text(&one.id), Cell::wide(&one.quote), Cell::wide(&one.question), Cell::wide(&one.chosen), decided]);
    }
    let proposals: Vec<Kept<Proposal>> = office.all(SheetAsk::of(Proposal::KIND)).await?;
    let mut proposed = Listing::new("proposals", o.proposals, &[o.version, o.from, o.proposed_by, o.reason, o.state, o.who]);
    for kept in proposals.iter().rev() {
        let it = &kept.record;
        let name = if desk.may(Need::City) { Cell::link(&it.version, format!("/office/policy/{}", it.id())) } else { Cell::text(&it.version) };
        proposed.rows.push(vec![
            name,
            Cell::text(it.effective_from.to_string()),
            Cell::text(format!("{} {}", it.proposed.by, desk.when(it.proposed.at))),
            Cell::wide(&it.proposed.words),
            state(&desk, it),
            Cell::text(it.decided.as_ref().map(|done| format!("{} {} {}", done.by, desk.when(done.at), done.words)).unwrap_or_default()),
        ]);
    }
    page.tables.extend([readings, versions, proposed]);
    if desk.may(Need::City) {
        let file = Field::of("textarea", "text", o.policy_text, "").hint(o.policy_text_hint).required();
        page.forms.push(Form::act(o.policy_propose, "/office/policy", o.policy_propose_go, vec![file, Field::of("text", "words", o.reason, "").required()]));
    }
    page.text = show(&policy, desk.look.language);
    Ok(desk.show(page))
}

pub(crate) async fn propose(desk: Desk, fields: Fields) -> Result<Response, Problem> {
    let text = fields.own("text");
    let kept = desk.app.parts.office.propose(&format!("{text}\n"), fields.text("words"), &desk.caller.person).await?;
    Ok(back(&format!("/office/policy/{}", kept.record.id())))
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct TryAsked {
    #[serde(default)]
    month: String,
}

pub(crate) async fn proposal(desk: Desk, Id(id): Id, Asked(asked): Asked<TryAsked>) -> Result<Response, Problem> {
    let (o, l) = (desk.o, desk.look.language);
    let office = desk.app.parts.office.clone();
    let kept: Kept<Proposal> = office.get(&id).await?;
    let it = &kept.record;
    let tried = Policy::load(&it.text).map_err(|_| Problem::Unavailable)?.policy;
    let mut page = Page::new("policy", format!("{} {}", o.tab_policy, it.version)).link("/office/policy", o.tab_policy);
    page.sections.push(Section {
        title: o.policy_proposed.to_owned(),
        facts: vec![
            (o.version.to_owned(), it.version.clone()),
            (o.from.to_owned(), it.effective_from.to_string()),
            (o.hash.to_owned(), it.hash.clone()),
            (o.proposed_by.to_owned(), format!("{} {} {}", it.proposed.by, desk.when(it.proposed.at), it.proposed.words)),
            (o.state.to_owned(), state(&desk, it).text),
            (o.who.to_owned(), it.decided.as_ref().map(|done| format!("{} {} {}", done.by, desk.when(done.at), done.words)).unwrap_or_default()),
        ],
    });
    let mut changes = Listing::new("changes", o.policy_changes, &[o.changed]);
    changes.rows = diff(&*office.policy_on(it.effective_from)?, &tried).iter().map(|change| vec![Cell::wide(change.text(l))]).collect();
    page.tables.push(changes);
    let month: Month = asked.month.parse().unwrap_or(Month::of(office.today()).previous());
    page.search.push(Form::search(&format!("/office/policy/{id}"), o.policy_try, vec![Field::of("month", "month", o.policy_try, month.to_string())]));
    let (moved, of) = office.try_policy(&it.text, month).await?;
    let title = fill(o.policy_moved, &[("month", &month.to_string()), ("n", &moved.len().to_string()), ("of", &of.to_string())]);
    let mut table = Listing::new("moved", title, &[o.name, o.tier, o.policy_gone, o.policy_new]);
    let tier = |code: &Option<String>| code.as_deref().map_or_else(|| "—".to_owned(), |code| super::due::tier_name(Some(&tried), code));
    table.rows = moved
        .iter()
        .take(MOVED)
        .map(|one| {
            let tiers = if one.from == one.to { tier(&one.to) } else { format!("{} → {}", tier(&one.from), tier(&one.to)) };
            vec![desk.elder(&one.elder), Cell::text(tiers), Cell::wide(one.gone.join("；")), Cell::wide(one.new.join("；"))]
        })
        .collect();
    page.tables.push(table);
    if it.decided.is_none() {
        if it.proposed.by == desk.caller.person {
            page.lead.push(o.policy_four_eyes.to_owned());
        } else {
            let words = vec![Field::of("text", "words", o.words, "")];
            page.forms.push(Form { class: "danger", ..Form::act(o.policy_activate, format!("/office/policy/{id}/activate"), o.policy_activate, words) });
        }
        let reason = vec![Field::of("text", "words", o.reason, "").required()];
        page.forms.push(Form::act(o.policy_refuse, format!("/office/policy/{id}/refuse"), o.policy_refuse, reason));
    }
    page.text = show(&tried, l);
    Ok(desk.show(page))
}

pub(crate) async fn activate(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    desk.app.parts.office.activate(&id, fields.text("words"), &desk.caller.person).await?;
    Ok(back("/office/policy"))
}

pub(crate) async fn refuse(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    desk.app.parts.office.refuse_policy(&id, fields.text("words"), &desk.caller.person).await?;
    Ok(back("/office/policy"))
}

pub(crate) async fn retention(desk: Desk) -> Result<Response, Problem> {
    let o = desk.o;
    let policy = desk.app.parts.office.policy()?;
    let rules = desk.app.parts.office.rules();
    let kept = &rules.retention;
    let mut page = Page::new("policy", o.retention).link("/office/policy", o.tab_policy).link("/office/copies", o.copies);
    let mut table = Listing::new("retention", o.retention, &[o.what, o.kept_for]);
    let days = |n: u32| fill(o.n_days, &[("n", &n.to_string())]);
    table.rows = vec![
        vec![Cell::text(o.keep_raw), Cell::text(days(rules.raw_days))],
        vec![Cell::text(o.keep_home_days), Cell::text(days(kept.home_days))],
        vec![Cell::text(o.keep_drafts), Cell::text(days(kept.drafts))],
        vec![Cell::text(o.keep_after), Cell::text(days(kept.after_leaving))],
        vec![Cell::text(o.keep_backups), Cell::text(days(kept.backups))],
        vec![Cell::text(o.keep_audit), Cell::text(o.keep_for_ever)],
    ];
    let mut copies = Listing::new("copies", o.copies, &[o.what, o.keepers]);
    for (what, form) in [(o.annex_1, &policy.registration_form), (o.annex_2, &policy.visit_form)] {
        copies.rows.push(vec![Cell::text(what), Cell::wide(form.copies.join("、"))]);
    }
    page.tables.extend([table, copies]);
    page.notes.push(o.retention_note.to_owned());
    Ok(desk.show(page))
}
