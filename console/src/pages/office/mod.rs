//! The office's pages: registers, visits, matters, months, paper. A page is put together from the same few parts
//! (facts, tables, forms), so that every table is also a file and every form says what is wrong in the same way.

mod around;
mod copies;
mod department;
mod due;
mod elders;
mod events;
mod export;
mod figures;
mod form;
mod found;
mod import;
mod incidents;
mod life;
mod matters;
mod months;
mod paper;
mod part;
mod rights;
mod rules;
mod standing;
mod supervision;
mod surveys;
mod visit;
mod visitors;
mod words;

pub(crate) use form::{Fields, encode, query_value, query_without};
pub(crate) use part::{Cell, Entry, Fact, Field, Form, Link, Listing, Page, Section, Visits, choices};
pub(crate) use words::{OfficeWords, office_words};

use super::frame::{Frame, path_of};
use super::{assets, html};
use crate::app::App;
use crate::caller::{Caller, Need};
use crate::look::Look;
use crate::messages::Words;
use crate::problem::Problem;
use crate::routes::Table;
use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use std::collections::BTreeMap;
use store::register::Role;
use wire::workbook::FILE_BYTES_MAX;

/// A policy file as a form sends it: three bytes a byte at worst.
const POLICY_BYTES_MAX: usize = 1 << 20;

#[derive(Template)]
#[template(path = "office/page.html")]
struct Drawn {
    look: Look,
    t: &'static Words,
    o: &'static OfficeWords,
    v: &'static str,
    frame: Frame,
    page: Page,
}

/// What every handler of a page starts from.
pub(crate) struct Desk {
    pub(crate) app: App,
    pub(crate) caller: Caller,
    pub(crate) look: Look,
    pub(crate) o: &'static OfficeWords,
    pub(crate) path: String,
    pub(crate) query: String,
    areas: BTreeMap<String, String>,
}

impl axum::extract::FromRequestParts<App> for Desk {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut axum::http::request::Parts, app: &App) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let look = Look::of(app, &parts.headers);
        let path = path_of(&parts.uri);
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let areas = app.parts.register.areas().await?.into_iter().map(|area| (area.id, area.name)).collect();
        Ok(Self { app: app.clone(), caller, look, o: office_words(look.language), path, query, areas })
    }
}

impl Desk {
    /// True if the caller fulfils a need.
    pub(crate) fn may(&self, need: Need) -> bool {
        need.met_by(self.caller.role)
    }

    /// A choice of areas: the caller's and those within it. With very many, the path is typed.
    pub(crate) fn area_field(&self, chosen: &str) -> Field {
        const MOST: usize = 400;
        let own = &self.caller.area;
        let inside: Vec<(String, String)> = self.areas.keys().filter(|path| self.caller.sees_area(path)).take(MOST + 1).map(|path| (path.clone(), self.place(path))).collect();
        if inside.len() > MOST || inside.is_empty() {
            return Field::of("text", "area", self.o.area, chosen);
        }
        let whole = own.is_empty().then_some(self.o.all);
        Field::select("area", self.o.area, part::choices(inside.iter().map(|(path, name)| (path.as_str(), name.as_str())), chosen, whole))
    }

    /// The name of an area alone.
    pub(crate) fn place_name(&self, path: &str) -> String {
        self.areas.get(path).filter(|name| !name.is_empty()).cloned().unwrap_or_else(|| path.rsplit('/').next().unwrap_or(path).to_owned())
    }

    /// An area with the names of those that it lies in.
    pub(crate) fn place(&self, path: &str) -> String {
        let ends = path.match_indices('/').map(|(at, _)| at).chain(std::iter::once(path.len()));
        ends.filter_map(|end| path.get(..end)).filter(|path| !path.is_empty()).map(|path| self.place_name(path)).collect::<Vec<_>>().join(" ")
    }

    /// An instant as it is read here.
    pub(crate) fn when(&self, at: care::Timestamp) -> String {
        at.with_timezone(&self.look.zone).format("%Y-%m-%d %H:%M").to_string()
    }

    /// The elder's name, as far as the elder is still in the register, leading to the file.
    pub(crate) fn elder(&self, id: &care::ElderId) -> Cell {
        match self.app.parts.office.brief_now(id) {
            Some(brief) if self.may(Need::Visit) => Cell::link(brief.name, format!("/office/elders/{id}")),
            Some(brief) => Cell::text(crate::mask::name(&brief.name)),
            None => Cell::text(id.to_string()),
        }
    }

    /// A word pair in the caller's language.
    pub(crate) fn pick<'a>(&self, zh: &'a str, en: &'a str) -> &'a str {
        match self.look.language {
            care::Language::Zh => zh,
            care::Language::En => en,
        }
    }

    /// The page, drawn; or one of its tables as a file, if the query asks for a format.
    pub(crate) fn show(self, page: Page) -> Response {
        let (here, room, tabs) = match super::watch::tabs(&self.look, page.here) {
            Some(tabs) => ("watch", self.look.words().nav_watch, tabs),
            None => ("office", self.o.nav_label, self.tabs(page.here)),
        };
        self.show_in(here, room, tabs, page)
    }

    /// The same in another room of pages, with the tabs of that room.
    pub(crate) fn show_in(self, here: &'static str, room: &'static str, tabs: Vec<Link>, mut page: Page) -> Response {
        if let Some(format) = form::query_value(&self.query, "format") {
            let which = form::query_value(&self.query, "table").unwrap_or_default();
            let table = page.tables.iter().find(|table| which.is_empty() || table.id == which);
            if let Some(file) = table.and_then(|table| table.to_file(&format, &page.notes)) {
                return file;
            }
        }
        page.tabs = tabs;
        page.room = room;
        for table in &mut page.tables {
            let query = form::query_without(&self.query, &["format", "table"]);
            let base = self.path.split('?').next().unwrap_or_default();
            table.file = format!("{base}?{query}{}table={}&", if query.is_empty() { "" } else { "&" }, table.id);
        }
        let frame = Frame::new(&self.app, &self.caller, self.look, here, self.path);
        let status = if page.wrong.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        html(status, &Drawn { look: self.look, t: frame.t, o: self.o, v: assets::version(), frame, page })
    }

    fn tabs(&self, here: &str) -> Vec<Link> {
        let o = self.o;
        let all = [
            ("due", "/office/due", o.tab_due, Need::Visit),
            ("elders", "/office/elders", o.tab_elders, Need::Visit),
            ("surveys", "/office/surveys", o.tab_surveys, Need::Office),
            ("visitors", "/office/visitors", o.tab_visitors, Need::Office),
            ("months", "/office/months", o.tab_months, Need::Office),
            ("matters", "/office/follow-ups", o.tab_matters, Need::Office),
            ("department", "/office/department", o.tab_department, Need::Refer),
            ("referrals", "/office/referrals", o.tab_referrals, Need::Refer),
            ("figures", "/office/figures", o.tab_figures, Need::Refer),
            ("supervision", "/office/samples", o.tab_supervision, Need::Supervise),
            ("events", "/office/events", o.tab_events, Need::Visit),
            ("import", "/office/import", o.tab_import, Need::Office),
            ("policy", "/office/policy", o.tab_policy, Need::Visit),
        ];
        all.into_iter()
            .filter(|(_, _, _, need)| self.may(*need))
            .map(|(name, href, text, _)| Link { href: href.to_owned(), text: text.to_owned(), here: name == here })
            .collect()
    }
}

/// A sheet of paper: no frame, the style of the forms.
pub(crate) fn sheets(title: &str, back: (&str, &str), sheets: &str) -> Response {
    let v = assets::version();
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let page = format!(
        "<!doctype html>\n<html lang=\"zh-CN\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{}</title><link rel=\"icon\" href=\"/assets/{v}/icon.svg\" type=\"image/svg+xml\"><link rel=\"stylesheet\" href=\"/assets/{v}/paper.css\"></head><body class=\"paper\"><p class=\"bar\"><a href=\"{}\">{}</a></p><main>{sheets}</main></body></html>\n",
        escape(title),
        escape(back.0),
        escape(back.1),
    );
    (StatusCode::OK, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
}

/// Back to a page after something was done there.
pub(crate) fn back(path: &str) -> Response {
    Redirect::to(path).into_response()
}

/// Where a role's work begins.
async fn start(caller: Caller) -> Redirect {
    std::future::ready(Redirect::to(match caller.role {
        Role::Department => "/office/department",
        Role::TownGuide | Role::CitySupervisor | Role::Administrator => "/office/months",
        Role::Operator | Role::ShiftLead | Role::VillageLiaison | Role::Visitor => "/office/due",
        Role::Family | Role::Responder | Role::WallBoard => super::start_of(caller.role),
    }))
    .await
}

/// The routes of the pages.
pub(crate) fn routes(table: Table) -> Table {
    use Need::{City, Office, Refer, SignedIn, Supervise, Visit};
    table
        .get("/office", SignedIn, start)
        .get("/office/due", Visit, due::page)
        .get("/office/elders", Visit, elders::list)
        .get("/office/elders/new", Office, elders::new)
        .get("/office/elders/{id}", Visit, elders::one)
        .get("/office/elders/{id}/edit", Office, elders::edit)
        .post("/office/elders/{id}/edit", Office, elders::save)
        .post("/office/elders/{id}/review", Office, elders::review)
        .post("/office/elders/{id}/consent", Visit, elders::consent)
        .post("/office/elders/{id}/family", Visit, around::family)
        .get("/office/elders/{id}/standing", Office, standing::page)
        .post("/office/elders/{id}/standing", Office, standing::save)
        .get("/office/elders/{id}/life", Office, life::page)
        .post("/office/elders/{id}/life", Office, life::save)
        .get("/office/elders/{id}/found", Visit, found::page)
        .get("/office/elders/{id}/rights", Visit, rights::page)
        .post("/office/elders/{id}/reveal", Visit, rights::reveal)
        .post("/office/elders/{id}/copy", Supervise, rights::copy)
        .post("/office/elders/{id}/hold", City, rights::hold)
        .post("/office/elders/{id}/lift-hold", City, rights::lift_hold)
        .post("/office/elders/{id}/erase", City, rights::erase)
        .get("/office/elders/{id}/copies", Office, copies::of_elder)
        .post("/office/elders/{id}/copies", Office, copies::shelve)
        .get("/office/copies", Office, copies::list)
        .post("/office/copies/destroy", Supervise, copies::destroy)
        .get("/office/surveys", Office, surveys::page)
        .post("/office/surveys", Office, surveys::lay_out)
        .get("/office/visitors", Office, visitors::list)
        .post("/office/visitors", Supervise, visitors::create)
        .get("/office/visitors/{id}", Office, visitors::one)
        .post("/office/visitors/{id}", Supervise, visitors::save)
        .post("/office/visitors/{id}/training", Supervise, visitors::training)
        .post("/office/visitors/{id}/suspend", Supervise, visitors::suspend)
        .post("/office/visitors/{id}/resume", Supervise, visitors::resume)
        .post("/office/visitors/{id}/pair", Office, visitors::pair)
        .post("/office/visitors/{id}/unpair", Office, visitors::unpair)
        .get("/office/elders/{id}/annex-1", Office, paper::registration)
        .get("/office/elders/{id}/booklet", Office, paper::booklet)
        .get("/office/visits/{id}", Visit, visit::page)
        .get("/office/visits/{id}/correct", Visit, visit::correction)
        .post("/office/visits/{id}/correct", Visit, visit::correct)
        .post("/office/visits/{id}/look", Office, visit::look)
        .get("/office/visits/{id}/annex-2", Visit, paper::visit)
        .get("/office/blank/annex-1", Visit, paper::blank_registration)
        .get("/office/blank/annex-2", Visit, paper::blank_visit)
        .get("/office/import", Office, import::page)
        .post_file("/office/import", Office, FILE_BYTES_MAX, import::preview)
        .post_file("/office/import/apply", Office, FILE_BYTES_MAX + 1_000_000, import::apply)
        .get("/office/import/{id}", Office, import::progress)
        .get("/office/export/{target}", Office, export::export)
        .post("/office/export/{target}/receipt", Supervise, export::receipt)
        .get("/office/months", Office, months::list)
        .get("/office/months/{month}", Office, months::one)
        .post("/office/months/{month}/close", City, months::close)
        .post("/office/months/{month}/restate", City, months::restate)
        .get("/office/facts", City, months::facts)
        .get("/office/months/{month}/league", Office, months::league)
        .get("/office/months/{month}/forecast", Office, months::forecast)
        .get("/office/follow-ups", Office, matters::follow_ups)
        .post("/office/follow-ups/{id}", Office, matters::finish_follow_up)
        .get("/office/hazards", Visit, matters::hazards)
        .post("/office/hazards", Visit, found::hazard)
        .post("/office/hazards/{id}", Visit, matters::step_hazard)
        .get("/office/needs", Visit, matters::needs)
        .post("/office/needs", Visit, found::need)
        .post("/office/needs/{id}", Visit, matters::step_need)
        .get("/office/referrals", Refer, matters::referrals)
        .post("/office/referrals", Office, found::referral)
        .post("/office/referrals/{id}", Refer, matters::step_referral)
        .get("/office/figures", Refer, figures::page)
        .get("/office/department", Refer, department::page)
        .get("/office/desks", City, department::desks)
        .post("/office/desks", City, department::name)
        .get("/office/incidents", Visit, incidents::list)
        .post("/office/incidents", Visit, found::incident)
        .get("/office/incidents/{id}", Visit, incidents::one)
        .post("/office/incidents/{id}", Visit, incidents::step)
        .get("/office/samples", Supervise, supervision::samples)
        .post("/office/samples", Supervise, supervision::draw)
        .post("/office/samples/{id}", Supervise, supervision::called_back)
        .get("/office/findings", Office, supervision::findings)
        .post("/office/findings", Supervise, supervision::raise)
        .post("/office/findings/{id}/fix", Office, supervision::fix)
        .post("/office/findings/{id}/check", Supervise, supervision::check)
        .get("/office/flags", Supervise, supervision::flags)
        .get("/office/events", Visit, events::events)
        .post("/office/events", Supervise, events::declare)
        .post("/office/events/{id}/withdraw", Supervise, events::withdraw)
        .get("/office/policy", Visit, rules::policy)
        .post_file("/office/policy", City, POLICY_BYTES_MAX, rules::propose)
        .get("/office/policy/{id}", City, rules::proposal)
        .post("/office/policy/{id}/activate", City, rules::activate)
        .post("/office/policy/{id}/refuse", City, rules::refuse)
        .get("/office/retention", Office, rules::retention)
}
