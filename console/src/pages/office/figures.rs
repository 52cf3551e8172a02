//! The figures of a month for the departments: a department sees its own part, the office all of them.

use super::part::choices;
use super::{Cell, Desk, Field, Form, Listing, Page};
use crate::api::office::{area_of, department};
use crate::extract::Asked;
use crate::problem::Problem;
use axum::response::Response;
use care::calendar::Month;
use care::office::figures::{Figures, Work};
use care::office::matter::Department;
use care::office::visitor::VisitorKind;
use care::policy::{Ability, Policy};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Months that are offered.
const MONTHS: usize = 13;

#[derive(Debug, Default, Deserialize)]
pub(crate) struct FiguresAsked {
    #[serde(default)]
    month: String,
    #[serde(default)]
    area: String,
}

pub(crate) async fn page(desk: Desk, Asked(asked): Asked<FiguresAsked>) -> Result<Response, Problem> {
    let o = desk.o;
    let language = desk.look.language;
    let area = area_of(&desk.caller, Some(&asked.area))?;
    let office = desk.app.parts.office.clone();
    let policy = office.policy()?;
    let month = month_of(&desk, &asked.month)?;
    let own = department(&desk.app, &desk.caller).await?;
    let all = office.figures(month, &area).await?;
    let figures = match own {
        Some(department) => all.of(department),
        None => all,
    };
    let mut page = Page::new("figures", format!("{} · {month}", own.map_or(o.tab_figures, |department| department.name(language))));
    page.lead.push(o.f_lead.to_owned());
    page.search.push(Form::search("/office/figures", o.show, vec![month_field(&desk, month), desk.area_field(&area)]));

    tables(&desk, &policy, &figures, &mut page);
    if page.tables.is_empty() {
        page.lead.push(o.nothing.to_owned());
    }
    Ok(desk.show(page))
}

/// The month that is asked for; this one where none is.
pub(super) fn month_of(desk: &Desk, asked: &str) -> Result<Month, Problem> {
    if asked.is_empty() {
        return Ok(Month::of(desk.app.parts.office.today()));
    }
    asked.parse().map_err(|_| Problem::Invalid { field: "month", what: |w| w.invalid_field })
}

/// A choice of the last months.
pub(super) fn month_field(desk: &Desk, chosen: Month) -> Field {
    let this = Month::of(desk.app.parts.office.today());
    let months: Vec<String> = std::iter::successors(Some(this), |month| Some(month.previous())).take(MONTHS).map(|month| month.to_string()).collect();
    Field::select("month", desk.o.month, choices(months.iter().map(|month| (month.as_str(), month.as_str())), &chosen.to_string(), None))
}

/// Figures as tables, those that have something to say.
pub(super) fn tables(desk: &Desk, policy: &Policy, figures: &Figures, page: &mut Page) {
    let (o, language) = (desk.o, desk.look.language);
    let kinds = figures.kinds.iter().map(|(code, work)| (VisitorKind::from_code(code).map_or(code.as_str(), |kind| kind.name(language)).to_owned(), work));
    add(page, works(desk, "kinds", o.f_work, kinds));
    add(page, works(desk, "providers", o.f_providers, figures.providers.iter().map(|(name, work)| (name.clone(), work))));
    add(page, works(desk, "volunteers", o.f_volunteers, figures.volunteers.iter().map(|(id, work)| (id.to_string(), work))));
    let mut towns = Listing::new("towns", o.f_towns, &[o.area, o.f_hazards, o.f_settled, o.f_incidents, o.f_grave, o.f_closed]);
    for (town, of) in &figures.towns {
        let counts = [of.hazards, of.hazards_settled, of.incidents, of.grave, of.closed];
        towns.rows.push(std::iter::once(Cell::text(desk.place(town))).chain(counts.map(Cell::count)).collect());
    }
    add(page, towns);
    add(page, counts(desk, "property", o.f_property, &figures.property, |desk, town| desk.place(town)));
    add(page, counts(desk, "categories", o.f_categories, &figures.categories, |_, code| super::elders::category_name(policy, code)));
    add(page, counts(desk, "left_behind", o.f_left_behind, &figures.left_behind, |desk, town| desk.place(town)));
    let mut dependents = Listing::new("dependents", o.f_dependents, &[o.kind, o.f_number, o.f_helped]);
    for (ability, of) in &figures.dependents {
        dependents.rows.push(vec![Cell::text(Ability::from_code(ability).map_or(ability.as_str(), |one| one.name(language))), Cell::count(of.elders), Cell::count(of.helped)]);
    }
    add(page, dependents);
    let mut referrals = Listing::new("referrals", o.f_referrals, &[o.kind, o.f_sent, o.f_taken, o.f_done, o.f_returned]);
    for (code, of) in &figures.referrals {
        let name = Department::from_code(code).map_or(code.as_str(), |department| department.name(language));
        let counts = [of.sent, of.taken, of.done, of.returned];
        referrals.rows.push(std::iter::once(Cell::text(name)).chain(counts.map(Cell::count)).collect());
    }
    add(page, referrals);
    if figures.cards_ending > 0 {
        page.notes.push(format!("{}：{}", o.f_cards, figures.cards_ending));
    }
}

/// A table that has something to say.
fn add(page: &mut Page, table: Listing) {
    if !table.rows.is_empty() {
        page.tables.push(table);
    }
}

fn works<'a>(desk: &Desk, id: &'static str, title: &str, rows: impl Iterator<Item = (String, &'a Work)>) -> Listing {
    let o = desk.o;
    let mut table = Listing::new(id, title, &[o.kind, o.f_visits, o.f_counted, o.f_minutes, o.f_pay]);
    for (name, work) in rows {
        let pay = format!("{}.{:02}", work.cents / 100, work.cents % 100);
        table.rows.push(vec![Cell::text(name), Cell::count(work.visits), Cell::count(work.counted), Cell::count(work.minutes), Cell::figure(pay)]);
    }
    table
}

fn counts(desk: &Desk, id: &'static str, title: &str, rows: &BTreeMap<String, u32>, name: impl Fn(&Desk, &str) -> String) -> Listing {
    let mut table = Listing::new(id, title, &[desk.o.kind, desk.o.f_number]);
    table.rows = rows.iter().map(|(code, n)| vec![Cell::text(name(desk, code)), Cell::count(*n)]).collect();
    table
}
