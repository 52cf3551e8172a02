//! The audit as a page: filtered, newest first, and the chain verified on demand.

use super::{house, show};
use crate::extract::Asked;
use crate::limits::FILE_ROWS_MAX;
use crate::messages::fill;
use crate::pages::office::{Cell, Desk, Field, Form, Listing, Page, choices, query_without};
use crate::people::audit;
use crate::problem::Problem;
use axum::response::Response;
use care::calendar::start_of_day;
use chrono::{Days, NaiveDate};
use serde::Deserialize;
use store::register::AuditAsk;

/// Lines on a page.
const ROWS: usize = 200;

#[derive(Debug, Default, Deserialize)]
pub(crate) struct AuditAsked {
    #[serde(default)]
    who: String,
    #[serde(default)]
    action: String,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    before: Option<u64>,
    #[serde(default)]
    verify: String,
    #[serde(default)]
    format: String,
}

/// Beginnings of actions that are offered.
const GROUPS: &[&str] = &["alarm.", "home.", "elder.", "visit.", "contact.", "plan", "rota", "credential.", "person.", "second_factor.", "session.", "area.", "month.", "export.", "calling."];

pub(crate) async fn page(desk: Desk, Asked(asked): Asked<AuditAsked>) -> Result<Response, Problem> {
    let h = house(&desk);
    let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let day = |text: &str| text.parse::<NaiveDate>().ok();
    let zone = desk.look.zone;
    let ask = AuditAsk {
        before: asked.before,
        who: given(&asked.who),
        actions: audit::actions(asked.action.trim()),
        subject: given(&asked.subject),
        from: day(&asked.from).map(|day| start_of_day(day, zone)),
        to: day(&asked.to).and_then(|day| day.checked_add_days(Days::new(1))).map(|day| start_of_day(day, zone)),
    };
    let most = if asked.format.is_empty() { ROWS } else { FILE_ROWS_MAX };
    let (lines, next) = audit::latest(&desk.app, &ask, most).await?;
    let mut page = Page::new("audit", h.tab_audit);
    page.lead.push(h.audit_lead.to_owned());
    if !asked.verify.is_empty() {
        match desk.app.parts.register.verify_audit().await? {
            None => h.chain_whole.clone_into(&mut page.told),
            Some(line) => page.wrong = fill(h.chain_broken, &[("n", &line.to_string())]),
        }
    }
    let offered = std::iter::once(("reads", h.reads)).chain(GROUPS.iter().map(|start| (*start, *start)));
    page.search.push(Form::search(
        "/audit",
        h.show,
        vec![
            Field::select("action", h.action, choices(offered, &asked.action, Some(h.all_actions))),
            Field::of("text", "who", h.who, asked.who.clone()),
            Field::of("text", "subject", h.subject, asked.subject.clone()),
            Field::of("date", "from", h.from_day, asked.from.clone()),
            Field::of("date", "to", h.to_day, asked.to.clone()),
        ],
    ));
    let query = query_without(&desk.query, &["before", "verify", "format", "table"]);
    let more = |name: &str, value: &str| format!("/audit?{query}{}{name}={value}", if query.is_empty() { "" } else { "&" });
    page = page.link(more("verify", "1"), h.verify);
    let mut table = Listing::new("audit", h.tab_audit, &[h.seq, h.when, h.who, h.action, h.subject, h.hash]);
    for line in lines {
        table.rows.push(vec![
            Cell::figure(line.seq.to_string()),
            Cell::text(line.at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S").to_string()),
            Cell::text(&line.who),
            Cell::text(&line.action),
            Cell::wide(&line.subject),
            Cell::text(line.hash.chars().take(12).collect::<String>()),
        ]);
    }
    table.next = next.map(|seq| more("before", &seq.to_string()));
    page.tables.push(table);
    Ok(show(desk, page))
}
