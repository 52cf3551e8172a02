//! The first steps after `hearthline init`: what is done, what comes next, and where.

use super::{house, show};
use crate::messages::fill;
use crate::pages::office::{Cell, Desk, Listing, Page};
use crate::people::steps::{self, Step};
use crate::problem::Problem;
use axum::response::Response;

pub(crate) async fn page(desk: Desk) -> Result<Response, Problem> {
    let h = house(&desk);
    let steps = steps::list(&desk.app, &desk.caller).await?;
    let done = steps.iter().filter(|(_, done)| *done).count();
    let mut page = Page::new("steps", h.tab_steps);
    page.lead.push(fill(h.steps_lead, &[("done", &done.to_string()), ("all", &steps.len().to_string())]));
    let mut table = Listing::new("steps", h.tab_steps, &["", h.step, h.step_how]);
    let next = steps.iter().find(|(_, done)| !done).map(|(step, _)| *step);
    for (step, done) in &steps {
        let (what, how, href) = match step {
            Step::Password => (h.step_password, h.step_password_how, "/account"),
            Step::Areas => (h.step_areas, h.step_areas_how, "/areas"),
            Step::Operators => (h.step_operators, h.step_operators_how, "/people"),
            Step::Plan => (h.step_plan, h.step_plan_how, ""),
            Step::Channel => (h.step_channel, h.step_channel_how, ""),
            Step::Home => (h.step_home, h.step_home_how, "/office/import"),
            Step::Contact => (h.step_contact, h.step_contact_how, ""),
            Step::Device => (h.step_device, h.step_device_how, "/homes"),
            Step::Press => (h.step_press, h.step_press_how, "/"),
            Step::Closed => (h.step_closed, h.step_closed_how, "/"),
        };
        let state = match (done, next == Some(*step)) {
            (true, _) => Cell::chip("ok", h.step_done),
            (false, true) => Cell::chip("attention", h.step_next),
            (false, false) => Cell::text("—"),
        };
        let what = if href.is_empty() { Cell::text(what) } else { Cell::link(what, href) };
        table.rows.push(vec![state, what, Cell::wide(how)]);
    }
    page.tables.push(table);
    Ok(show(desk, page))
}
