//! The family's page: is all well, when was there a last sign of life, who visited, what happened. It asks for nothing.

use super::{house, show};
use crate::messages::{fill, words};
use crate::pages::office::{Cell, Desk, Listing, Page, Section};
use crate::pages::say;
use crate::people::family::{self, Seen};
use crate::problem::Problem;
use axum::response::Response;
use care::reason::cause_name;

pub(crate) async fn page(desk: Desk) -> Result<Response, Problem> {
    let h = house(&desk);
    let mut page = Page::new("family", h.family_title);
    let elders = family::view(&desk.app, &desk.caller).await?;
    if elders.is_empty() {
        page.lead.push(h.family_nobody.to_owned());
    }
    for seen in &elders {
        add(&desk, &mut page, seen);
    }
    page.notes.push(h.family_note.to_owned());
    Ok(show(desk, page))
}

fn add(desk: &Desk, page: &mut Page, seen: &Seen) {
    let h = house(desk);
    let w = words(desk.look.language);
    let now = desk.app.now();
    let mut facts = Vec::new();
    if !seen.shared {
        facts.push((h.family_state.to_owned(), h.family_not_shared.to_owned()));
    } else if !seen.home_shared {
        facts.push((h.family_state.to_owned(), h.family_home_not_shared.to_owned()));
    } else if let Some(life) = &seen.life {
        let open = seen.alarms.iter().filter(|alarm| alarm.is_open()).count();
        let state = match (open, life.today) {
            (0, true) => h.family_well.to_owned(),
            (0, false) => h.family_quiet.to_owned(),
            (n, _) => fill(h.family_open, &[("n", &n.to_string())]),
        };
        let (_, mark, cover) = say::cover(w, Some(life.cover));
        facts.push((h.family_state.to_owned(), state));
        let last = life.last.map_or_else(|| h.family_never.to_owned(), |at| format!("{}（{}）", desk.when(at), say::ago(&desk.look, at, now)));
        facts.push((h.family_last.to_owned(), last));
        facts.push((h.family_where.to_owned(), say::occupancy(w, life.occupancy).to_owned()));
        facts.push((h.family_cover.to_owned(), format!("{mark} {cover}")));
    } else {
        facts.push((h.family_state.to_owned(), h.family_never.to_owned()));
    }
    page.sections.push(Section { title: seen.name.clone(), facts });
    if !seen.shared {
        return;
    }
    let mut visits = Listing::new("visits", format!("{} · {}", seen.name, desk.o.visits), &[desk.o.when, desk.o.mode, desk.o.outcome]);
    for visit in &seen.visits {
        visits.rows.push(vec![Cell::text(desk.when(visit.start)), Cell::text(visit.mode.name(desk.look.language)), Cell::text(visit.outcome.name(desk.look.language))]);
    }
    page.tables.push(visits);
    if seen.home_shared {
        let mut alarms = Listing::new("alarms", format!("{} · {}", seen.name, h.family_alarms), &[desk.o.when, desk.o.what, h.family_ended]);
        for alarm in &seen.alarms {
            let ended = match crate::api::family::outcome_of(alarm) {
                Some(code) => Cell::text(say::outcome(desk.look.language, code)),
                None => Cell::chip("urgent", h.family_in_hand),
            };
            alarms.rows.push(vec![Cell::text(desk.when(alarm.raised_at)), Cell::text(cause_name(&alarm.cause, desk.look.language)), ended]);
        }
        page.tables.push(alarms);
    }
}
