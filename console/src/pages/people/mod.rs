//! The pages of the people: who signs in, as what and where; sign-ins that hold; the audit; and one's own account. Put
//! together from the same parts as the office's pages.

mod account;
mod areas;
mod audit;
mod family;
mod roll;
mod steps;
mod words;

pub(crate) use words::{HouseWords, role_code, role_name};

use super::office::{Desk, Link, Page};
use crate::caller::Need;
use crate::messages::words as general;
use crate::problem::Problem;
use crate::routes::Table;
use axum::http::StatusCode;
use axum::response::Response;

/// The words of these pages.
fn house(desk: &Desk) -> &'static HouseWords {
    HouseWords::of(desk.look.language)
}

/// The page, drawn in this room.
fn show(desk: Desk, page: Page) -> Response {
    let h = house(&desk);
    let all = [
        ("family", "/family", h.family_title, Need::Family),
        ("steps", "/first-steps", h.tab_steps, Need::People),
        ("people", "/people", h.tab_people, Need::People),
        ("roles", "/roles", h.tab_roles, Need::People),
        ("areas", "/areas", h.tab_areas, Need::People),
        ("sessions", "/sessions", h.tab_sessions, Need::People),
        ("audit", "/audit", h.tab_audit, Need::Audit),
        ("account", "/account", h.tab_account, Need::SignedIn),
    ];
    let here = page.here;
    let tabs = all.into_iter().filter(|(_, _, _, need)| desk.may(*need));
    let tabs = tabs.map(|(name, href, text, _)| Link { href: href.to_owned(), text: text.to_owned(), here: name == here }).collect();
    let (room, label) = match here {
        "account" => ("account", h.nav_label),
        "family" => ("family", h.family_title),
        _ => ("manage", h.nav_label),
    };
    desk.show_in(room, label, tabs, page)
}

/// The page again with what was wrong, and what was typed still in it.
fn refuse(desk: Desk, mut page: Page, problem: &Problem) -> Response {
    page.wrong = problem.text(desk.look.language).1;
    let mut response = show(desk, page);
    *response.status_mut() = match problem.status() {
        status if status.is_client_error() => status,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    response
}

/// A span in words.
fn span(desk: &Desk, span: care::TimeDelta) -> String {
    care::reason::span(span.num_seconds().max(0), desk.look.language)
}

/// The text of a problem of the general table.
fn text_of(desk: &Desk, pick: fn(&crate::messages::Words) -> &'static str) -> &'static str {
    pick(general(desk.look.language))
}

/// The routes of the pages.
pub(crate) fn routes(table: Table) -> Table {
    use Need::{Audit, People, SignedIn};
    table
        .get("/people", People, roll::list)
        .post("/people", People, roll::add)
        .get("/people/{id}", People, roll::one)
        .post("/people/{id}", People, roll::change)
        .post("/people/{id}/let-go", People, roll::let_go)
        .post("/people/{id}/unlock", People, roll::unlock)
        .post("/people/{id}/second-factor/reset", People, roll::reset_factor)
        .post("/people/{id}/elders", People, roll::bind)
        .get("/first-steps", People, steps::page)
        .get("/family", Need::Family, family::page)
        .get("/roles", People, roll::roles)
        .get("/areas", People, areas::page)
        .post("/areas", People, areas::put)
        .get("/sessions", People, account::everybodys)
        .post("/sessions/{id}/end", People, account::end_anybodys)
        .get("/audit", Audit, audit::page)
        .get("/account", SignedIn, account::page)
        .post("/account/password", SignedIn, account::password)
        .post("/account/second-factor", SignedIn, account::factor_begin)
        .post("/account/second-factor/confirm", SignedIn, account::factor_confirm)
        .post("/account/second-factor/off", SignedIn, account::factor_off)
        .post("/account/sessions/{id}/end", SignedIn, account::end_own)
}
