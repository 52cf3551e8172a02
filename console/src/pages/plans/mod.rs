//! Plans of action, rotas and daily calls, for people: which plan holds where, who is on duty now, whose plan reaches too few.
//! Every page works through the handlers of its twin in the API, so that both refuse the same.

mod edit;
mod list;
mod rotas;
mod well;
mod words;

use words::PlanWords;

use super::office::{Desk, Link, Page, choices};
use super::say;
use crate::api::plans::ROTA;
use crate::messages::fill;
use crate::mask;
use crate::problem::Problem;
use crate::routes::Table;
use axum::response::Response;
use care::plan::{Order, Plan, SPEAKING_DEVICE, rota_of};
use care::{Cause, ContactId, HomeId, Language, Level};
use std::collections::BTreeMap;
use store::register::{ContactRecord, PlanScope};
use store::sheet::SheetAsk;

/// The causes that a plan can be made for by itself.
static CAUSES: [Cause; 7] = [Cause::Call, Cause::Fall, Cause::Smoke, Cause::Gas, Cause::CarbonMonoxide, Cause::WaterLeak, Cause::Inactivity];
/// The levels, the gravest first.
const LEVELS: [Level; 4] = [Level::Red, Level::Urgent, Level::Attention, Level::Technical];

/// The routes of the pages.
pub(crate) fn routes(table: Table) -> Table {
    use crate::caller::Need::{Plan, See};
    table
        .get("/plans", See, list::page)
        .get("/plans/lacking", See, list::lacking)
        .get("/plans/edit", Plan, edit::page)
        .post("/plans/edit", Plan, edit::save)
        .post("/plans/end", Plan, edit::end)
        .get("/rotas", See, rotas::page)
        .get("/rotas/edit", Plan, rotas::edit)
        .post("/rotas/edit", Plan, rotas::save)
        .post("/rotas/away", Plan, rotas::away)
        .get("/well-calls", See, well::page)
        .post("/well-calls", Plan, well::save)
}

/// The tabs above them.
pub(crate) fn tabs(language: Language, here: &str) -> Vec<Link> {
    let p = PlanWords::of(language);
    let all = [("plans", "/plans", p.tab_plans), ("lacking", "/plans/lacking", p.tab_lacking), ("rotas", "/rotas", p.tab_rotas), ("well", "/well-calls", p.tab_well)];
    all.into_iter().map(|(name, href, text)| Link { href: href.to_owned(), text: text.to_owned(), here: name == here }).collect()
}

fn words(desk: &Desk) -> &'static PlanWords {
    PlanWords::of(desk.look.language)
}

fn page_of(here: &'static str, title: impl Into<String>) -> Page {
    Page::new(here, title)
}

fn shown(desk: Desk, page: Page) -> Response {
    let (room, tabs) = (words(&desk).nav_label, tabs(desk.look.language, page.here));
    desk.show_in("plans", room, tabs, page)
}

/// The name of a level in addresses and forms.
fn level_code(level: Level) -> &'static str {
    match level {
        Level::Red => "red",
        Level::Urgent => "urgent",
        Level::Attention => "attention",
        Level::Technical => "technical",
    }
}

fn level_of(code: &str) -> Option<Level> {
    LEVELS.into_iter().find(|level| level_code(*level) == code)
}

/// Kind and identifier of a scope, as forms and addresses have them.
fn scope_parts(scope: &PlanScope) -> (&'static str, String) {
    match scope {
        PlanScope::Elder(id) => ("elder", id.to_string()),
        PlanScope::Home(id) => ("home", id.to_string()),
        PlanScope::Area(path) => ("area", path.clone()),
        PlanScope::City => ("city", String::new()),
    }
}

fn scope_of(kind: &str, id: &str) -> Option<PlanScope> {
    match kind {
        "elder" if care::id::well_formed(id) => Some(PlanScope::Elder(id.into())),
        "home" if care::id::well_formed(id) => Some(PlanScope::Home(id.into())),
        "area" if !id.is_empty() => Some(PlanScope::Area(id.to_owned())),
        "city" => Some(PlanScope::City),
        _ => None,
    }
}

fn scope_text(desk: &Desk, scope: &PlanScope) -> String {
    let p = words(desk);
    match scope {
        PlanScope::Elder(id) => fill(p.scope_elder, &[("id", &desk.elder(id).text)]),
        PlanScope::Home(id) => fill(p.scope_home, &[("id", id.as_str())]),
        PlanScope::Area(path) => desk.place(path),
        PlanScope::City => p.city.to_owned(),
    }
}

/// Who the contacts of plans and rotas are.
#[derive(Default)]
struct Names(BTreeMap<ContactId, (String, String)>);

impl Names {
    /// Looks up everybody who is not known yet.
    async fn learn(&mut self, desk: &Desk, ids: &[ContactId]) -> Result<(), Problem> {
        for id in ids {
            if rota_of(id).is_none()
                && !self.0.contains_key(id)
                && let Some(record) = desk.app.parts.register.contact(id).await?
            {
                self.0.insert(id.clone(), named(desk, &record));
            }
        }
        Ok(())
    }

    /// The name to show, with what the contact is to the elder.
    fn of(&self, desk: &Desk, id: &ContactId) -> String {
        if let Some(rota) = rota_of(id) {
            return fill(words(desk).rota_of, &[("name", rota)]);
        }
        match self.0.get(id) {
            Some((name, relation)) if relation.is_empty() || relation == name => name.clone(),
            Some((name, relation)) => format!("{name} {relation}"),
            None => id.to_string(),
        }
    }
}

/// Name and relation as the caller may see them.
fn named(desk: &Desk, record: &ContactRecord) -> (String, String) {
    let name = if desk.caller.acts() || record.home.is_none() { record.name.clone() } else { mask::name(&record.name) };
    let name = if name.is_empty() { record.id.to_string() } else { name };
    (name, say::relation(desk.look.words(), &record.relation).to_owned())
}

/// The ladder of a plan in words.
fn ladder(desk: &Desk, names: &Names, plan: &Plan) -> String {
    let p = words(desk);
    if plan.rungs.is_empty() {
        return p.nobody.to_owned();
    }
    let comma = desk.pick("、", ", ");
    let rung = |(n, rung): (usize, &care::plan::Rung)| {
        let who: Vec<String> = rung
            .contacts
            .iter()
            .map(|entry| {
                let channels: Vec<&str> = entry.channels.iter().map(|c| say::channel(desk.look.words(), c.as_str())).collect();
                format!("{} [{}]", names.of(desk, &entry.contact), channels.join(comma))
            })
            .collect();
        let order = match rung.order {
            Order::AtOnce => p.at_once,
            Order::InTurn => p.in_turn,
        };
        fill(p.rung_text, &[("n", &(n + 1).to_string()), ("who", &who.join(comma)), ("order", order), ("wait", &rung.wait.num_seconds().to_string())])
    };
    let mut out: Vec<String> = plan.rungs.iter().enumerate().map(rung).collect();
    if !plan.hours.is_empty() {
        out.push(p.by_hours.to_owned());
    }
    out.join(" → ")
}

/// Whom a plan or a rota of this place can name: the home's contacts and those shared by all, then the rotas of the caller's area.
async fn people_of(desk: &Desk, home: Option<&HomeId>) -> Result<(Vec<ContactRecord>, Vec<String>), Problem> {
    // No home has this name: what is left are the contacts shared by all.
    let nobody = HomeId::from("-");
    let mut contacts = desk.app.parts.register.contacts_of(home.unwrap_or(&nobody)).await?;
    contacts.retain(|contact| contact.relation != SPEAKING_DEVICE);
    let rotas = desk.app.parts.register.sheets(&SheetAsk::of(ROTA).area(&desk.caller.area).max(500)).await?;
    Ok((contacts, rotas.into_iter().map(|sheet| sheet.id).collect()))
}

/// A choice of them, with whoever is chosen already.
fn people_choices(desk: &Desk, people: &(Vec<ContactRecord>, Vec<String>), chosen: &str) -> Vec<(String, String, bool)> {
    let p = words(desk);
    let mut pairs: Vec<(String, String)> = people
        .0
        .iter()
        .map(|record| {
            let (name, relation) = named(desk, record);
            (record.id.to_string(), if relation.is_empty() { name } else { format!("{name} {relation}") })
        })
        .collect();
    pairs.extend(people.1.iter().map(|name| (format!("{}{name}", care::plan::ROTA), fill(p.rota_of, &[("name", name)]))));
    if !chosen.is_empty() && !pairs.iter().any(|(id, _)| id == chosen) {
        pairs.push((chosen.to_owned(), chosen.to_owned()));
    }
    choices(pairs.iter().map(|(id, text)| (id.as_str(), text.as_str())), chosen, Some(p.no_one))
}

/// The contact that a person means: an identifier, or the name of exactly one of them.
fn meant(people: &(Vec<ContactRecord>, Vec<String>), written: &str) -> ContactId {
    let mut of_name = people.0.iter().filter(|record| record.name == written);
    match (of_name.next(), of_name.next()) {
        (Some(record), None) => record.id.clone(),
        (Some(_) | None, _) => ContactId::new(written),
    }
}

/// What is wrong, in words; other problems are not for the form.
fn wrong(desk: &Desk, problem: Problem) -> Result<String, Problem> {
    if let Problem::Invalid { what, .. } = &problem {
        return Ok(what(desk.look.words()).to_owned());
    }
    Err(problem)
}

/// `?kept` says that something was saved.
fn told(desk: &Desk) -> String {
    let kept = desk.query.split('&').any(|part| part == "kept");
    if kept { words(desk).kept.to_owned() } else { String::new() }
}
