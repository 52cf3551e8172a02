//! What the office goes by: the policy in plain words, and what is kept for how long.

use super::{Cell, Desk, Listing, Page};
use crate::problem::Problem;
use axum::response::Response;
use care::office::privacy::Retention;
use care::policy::show;

pub(crate) async fn policy(desk: Desk) -> Result<Response, Problem> {
    let o = desk.o;
    let office = desk.app.parts.office.clone();
    let policy = office.policy()?;
    let mut page = Page::new("policy", o.tab_policy).link("/office/retention", o.retention);
    let mut versions = Listing::new("versions", o.versions, &[o.version, o.from, o.hash]);
    for one in office.rules().policies.versions() {
        versions.rows.push(vec![Cell::text(&one.version), Cell::text(one.effective_from.to_string()), Cell::text(&one.hash)]);
    }
    let mut readings = Listing::new("readings", o.readings, &["", o.quote, o.question, o.chosen, o.decided_col]);
    for one in &policy.interpretations {
        let decided = if one.confirmed() { Cell::chip("ok", o.confirmed) } else { Cell::chip("urgent", o.unconfirmed) };
        readings.rows.push(vec![Cell::text(&one.id), Cell::wide(&one.quote), Cell::wide(&one.question), Cell::wide(&one.chosen), decided]);
    }
    page.tables.extend([readings, versions]);
    page.text = show(policy, desk.look.language);
    Ok(desk.show(page))
}

pub(crate) async fn retention(desk: Desk) -> Result<Response, Problem> {
    let o = desk.o;
    let policy = desk.app.parts.office.policy()?;
    let kept = Retention::default();
    let mut page = Page::new("policy", o.retention).link("/office/policy", o.tab_policy);
    let mut table = Listing::new("retention", o.retention, &[o.what, o.kept_for]);
    let days = |n: u32| crate::messages::fill(o.n_days, &[("n", &n.to_string())]);
    table.rows = vec![
        vec![Cell::text(o.keep_home_days), Cell::text(days(kept.home_days))],
        vec![Cell::text(o.keep_drafts), Cell::text(days(kept.drafts))],
        vec![Cell::text(o.keep_after), Cell::text(days(kept.after_leaving))],
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
