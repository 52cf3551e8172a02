//! Events that ask for extra visits (R32): what stands, and what is entered by hand.

use super::around::events_table;
use super::matters::{Found, MatterAsked, named, records_that};
use super::part::choices;
use super::{Desk, Field, Fields, Form, Listing, Page, back};
use crate::api::office::matters::event_concerns;
use crate::api::office::{area_of, elder_of, one as kept_one};
use crate::caller::Need;
use crate::extract::{Asked, Id};
use crate::problem::Problem;
use axum::response::Response;
use care::office::ExtraEvent;
use care::office::event::{EventState, Way};
use care::policy::{Colour, event_name};
use store::sheet::SheetAsk;

pub(crate) async fn events(desk: Desk, Asked(asked): Asked<MatterAsked>) -> Result<Response, Problem> {
    let (o, l) = (desk.o, desk.look.language);
    // What concerns the whole city concerns everybody in it.
    let area = area_of(&desk.caller, Some(&asked.area))?;
    let concerns = |event: &ExtraEvent| event_concerns(&area, event);
    let Found { records: found, next } = records_that::<ExtraEvent>(&desk, &asked, "all", SheetAsk::default().newest_first(), concerns).await?;
    let standing: Vec<_> = found
        .iter()
        .map(|kept| &kept.record)
        .filter(|it| it.state == EventState::Standing)
        .map(|it| (it.id.clone(), format!("{} {}", event_name(it.event.as_deref().unwrap_or(&it.kind), l), desk.when(it.start)), false))
        .collect();
    let events: Vec<ExtraEvent> = found.into_iter().map(|kept| kept.record).collect();
    let table = events_table(&desk, "events", o.tab_events, &events);
    let mut page = Page::new("events", o.tab_events);
    page.lead.push(o.events_lead.to_owned());
    page.tables.push(Listing { next, ..table });
    if desk.may(Need::Supervise) {
        let kinds = ["weather", "festival", "major_change", "outage", "epidemic"].map(|kind| (kind, event_name(kind, l)));
        let events = ["typhoon", "rainstorm", "heat", "cold_wave", "snowstorm", "gale", "fog"].map(|event| (event, event_name(event, l)));
        page.forms.push(Form::act(
            o.declare,
            "/office/events",
            o.declare_go,
            vec![
                Field::select("kind", o.kind, choices(kinds.iter().map(|(code, name)| (*code, name.as_str())), "weather", None)),
                Field::select("event", o.event, choices(events.iter().map(|(code, name)| (*code, name.as_str())), "", Some("—"))),
                Field::select("level", o.level, choices(Colour::ALL.iter().map(|colour| (colour.code(), colour.name(l))), "orange", Some("—"))),
                desk.area_field(&desk.caller.area),
                Field::of("text", "words", o.words, ""),
            ],
        ));
        if !standing.is_empty() {
            page.forms.push(Form { class: "danger", ..Form::act(o.withdraw, "/office/events/one/withdraw", o.withdraw, vec![Field::select("id", o.which, standing)]) });
        }
    }
    Ok(desk.show(page))
}

pub(crate) async fn declare(desk: Desk, fields: Fields) -> Result<Response, Problem> {
    let elder = match fields.text("elder") {
        "" => None,
        elder => Some(elder_of(&desk.app, &desk.caller, elder).await?),
    };
    let area = match &elder {
        Some(elder) => elder.area.clone(),
        None => area_of(&desk.caller, Some(fields.text("area")))?,
    };
    let to = elder.as_ref().map_or_else(|| "/office/events".to_owned(), |elder| format!("/office/elders/{}", elder.id));
    let event = ExtraEvent {
        id: desk.app.parts.office.new_id(),
        kind: fields.own("kind"),
        event: Some(fields.own("event")).filter(|event| !event.is_empty()),
        level: Colour::from_code(fields.text("level")),
        codes: Vec::new(),
        area,
        elder: elder.map(|elder| elder.id),
        start: desk.app.now(),
        end: None,
        words: fields.own("words"),
        way: Way::Hand,
        taken_at: desk.app.now(),
        by: String::new(),
        state: EventState::Standing,
        replaced_by: None,
    };
    desk.app.parts.office.declare(event, desk.caller.person.as_str()).await?;
    Ok(back(&to))
}

pub(crate) async fn withdraw(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    let id = named(id, &fields);
    kept_one::<ExtraEvent>(&desk.app, &desk.caller, &id).await?;
    desk.app.parts.office.withdraw_event(&id, desk.caller.person.as_str()).await?;
    Ok(back("/office/events"))
}
