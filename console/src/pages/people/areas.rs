//! The tree of areas, with how many homes and people each has.

use super::{house, refuse, show};
use crate::pages::office::{Cell, Desk, Field, Fields, Form, Listing, Page, back};
use crate::people::{areas, roll};
use crate::problem::Problem;
use axum::response::Response;
use store::register::within;

async fn draw(desk: &Desk, typed: Option<&Fields>) -> Result<Page, Problem> {
    let h = house(desk);
    let text = |name: &str| typed.map(|fields| fields.own(name)).unwrap_or_default();
    let mut page = Page::new("areas", h.tab_areas);
    page.lead.push(h.areas_lead.to_owned());
    let people = roll::list(&desk.app, &desk.caller).await?;
    let elders = desk.app.parts.office.areas_of_elders();
    let mut table = Listing::new("areas", h.tab_areas, &[h.path, h.name, desk.o.elders, h.people]);
    for area in areas::list(&desk.app, &desk.caller).await? {
        let deep = area.id.matches('/').count();
        let count = |n: usize| Cell::count(u32::try_from(n).unwrap_or(u32::MAX));
        table.rows.push(vec![
            Cell::text(&area.id),
            Cell::text(format!("{}{}", "　".repeat(deep), area.name)),
            count(elders.iter().filter(|path| within(path, &area.id)).count()),
            count(people.iter().filter(|person| person.active && !person.area.is_empty() && within(&person.area, &area.id)).count()),
        ]);
    }
    page.tables.push(table);
    page.forms.push(Form::act(
        h.new_area,
        "/areas",
        h.save,
        vec![Field::of("text", "id", h.path, text("id")).required().hint(h.path_hint), Field::of("text", "name", h.name, text("name")).required()],
    ));
    Ok(page)
}

pub(crate) async fn page(desk: Desk) -> Result<Response, Problem> {
    let page = draw(&desk, None).await?;
    Ok(show(desk, page))
}

pub(crate) async fn put(desk: Desk, fields: Fields) -> Result<Response, Problem> {
    match areas::put(&desk.app, &desk.caller, fields.text("id"), fields.text("name")).await {
        Ok(_) => Ok(back("/areas")),
        Err(problem) => {
            let page = draw(&desk, Some(&fields)).await?;
            Ok(refuse(desk, page, &problem))
        }
    }
}
