//! Homes to be surveyed, as cards for a phone (R14): once the page is there, what was seen is written without signal too, and sent
//! once. Laying out a whole area is the office's.

use super::matters::{Found, MatterAsked, records};
use super::part::{Door, Doors, choices};
use super::{Cell, Desk, Field, Fields, Form, Listing, Page, back};
use crate::api::office::{area_of, inside};
use crate::caller::Need;
use crate::extract::Asked;
use crate::messages::fill;
use crate::problem::Problem;
use axum::response::Response;
use care::HomeId;
use care::calendar::plus_days;
use care::office::{Record, Survey};
use store::register::HomeRecord;
use store::sheet::Order;

/// Days that a survey is given where nobody says otherwise.
const SURVEY_DAYS: i64 = 30;
/// Cards on a page.
const CARDS: usize = 200;

pub(crate) async fn page(desk: Desk, Asked(asked): Asked<MatterAsked>) -> Result<Response, Problem> {
    let o = desk.o;
    let today = desk.app.parts.office.today();
    let state = if asked.state.is_empty() { "open" } else { asked.state.as_str() };
    let Found { records: found, next } = records::<Survey>(&desk, &asked, "open", Order::OldestFirst).await?;
    let mut page = Page::new("surveys", o.tab_surveys);
    page.lead.push(fill(o.survey_lead, &[("n", &found.len().to_string())]));
    let states = choices([("open", o.survey_open), ("again", o.survey_again), ("done", o.survey_done), ("all", o.all)], state, None);
    page.search.push(Form::search("/office/surveys", o.search, vec![Field::select("state", o.state, states), desk.area_field(&asked.area)]));
    let mut table = Listing::new("surveys", o.tab_surveys, &[o.address, o.area, o.due_on, o.state, o.survey_found, o.words, o.when, o.who]);
    let mut doors = Vec::new();
    for kept in &found {
        let it = &kept.record;
        let address = desk.app.parts.register.home(&it.home).await?.map(|home| home.address).filter(|address| !address.is_empty()).unwrap_or_else(|| it.home.to_string());
        let late = it.state() != "done" && it.due_on < today;
        let (chip, name) = match it.state() {
            "done" => ("ok", o.survey_done),
            "again" => ("urgent", o.survey_again),
            _ => ("attention", o.survey_open),
        };
        let last = it.went.last();
        table.rows.push(vec![
            Cell::text(&address),
            Cell::text(desk.place(&it.area)),
            if late { Cell::chip("red", it.due_on.to_string()) } else { Cell::text(it.due_on.to_string()) },
            Cell::chip(chip, name),
            Cell::count(last.map_or(0, |went| u32::from(went.found))),
            Cell::wide(it.done.as_ref().map(|done| done.words.clone()).unwrap_or_default()),
            Cell::text(it.done.as_ref().map(|done| desk.when(done.at)).unwrap_or_default()),
            Cell::text(it.done.as_ref().map(|done| done.by.to_string()).unwrap_or_default()),
        ]);
        if it.state() != "done" && doors.len() < CARDS {
            let tried = it.went.iter().filter(|went| went.nobody_in).count();
            doors.push(Door {
                home: it.home.to_string(),
                address,
                place: desk.place(&it.area),
                late,
                chip,
                state: name.to_owned(),
                due: fill(o.survey_due, &[("day", &it.due_on.to_string())]),
                tried: if tried == 0 { String::new() } else { fill(o.survey_tried, &[("n", &tried.to_string())]) },
            });
        }
    }
    page.doors = Some(Doors { me: desk.caller.person.to_string(), doors });
    // Cards on the phone, the table for what is done and as a file.
    page.tables.push(Listing { next, ..table });
    if desk.may(Need::Office) {
        let due = || Field::of("date", "due_on", o.due_on, plus_days(today, SURVEY_DAYS).to_string()).required();
        page.forms.push(Form::act(o.survey_lay_out, "/office/surveys", o.survey_lay_out_go, vec![Field::of("hidden", "do", "", "area"), desk.area_field(&desk.caller.area), due()]));
        let home = vec![
            Field::of("hidden", "do", "", "home"),
            Field::of("text", "home", o.home, format!("home-{}", desk.app.parts.office.new_id())).required(),
            Field::of("text", "address", o.address, "").required(),
            desk.area_field(&desk.caller.area),
            due(),
        ];
        page.forms.push(Form::act(o.survey_home, "/office/surveys", o.save, home));
    }
    Ok(desk.show(page))
}

pub(crate) async fn lay_out(desk: Desk, fields: Fields) -> Result<Response, Problem> {
    let area = area_of(&desk.caller, Some(fields.text("area")))?;
    let due = fields.day("due_on").ok_or(Problem::Invalid { field: "due_on", what: |w| w.invalid_field })?;
    let office = &desk.app.parts.office;
    if fields.text("do") == "home" {
        inside(&desk.caller, &area)?;
        let id = Some(fields.own("home")).filter(|home| care::id::well_formed(home)).ok_or(Problem::Invalid { field: "home", what: |w| w.invalid_field })?;
        let home = HomeRecord { id: HomeId::new(id), area, address: fields.own("address"), access_notes: String::new() };
        office.survey_home(home, due, &desk.caller.person).await?;
    } else {
        office.lay_out_surveys(&area, due, &desk.caller.person).await?;
    }
    Ok(back("/office/surveys"))
}
