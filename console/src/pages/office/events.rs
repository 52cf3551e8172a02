//! Events that ask for extra visits (R32): what stands, and what is entered by hand.

use super::matters::{MatterAsked, named, records};
use super::part::choices;
use super::{Cell, Desk, Field, Fields, Form, Listing, Page, back};
use crate::api::office::{area_of, one as kept_one};
use crate::caller::Need;
use crate::extract::{Asked, Id};
use crate::problem::Problem;
use axum::response::Response;
use care::office::ExtraEvent;
use care::office::event::{EventState, Way};
use care::policy::Colour;

pub(crate) async fn events(desk: Desk, Asked(asked): Asked<MatterAsked>) -> Result<Response, Problem> {
    let (o, l) = (desk.o, desk.look.language);
    let found = records::<ExtraEvent>(&desk, &asked, "all").await?;
    let mut table = Listing::new("events", o.tab_events, &[o.kind, o.event, o.level, o.area, o.when, o.way, o.words, o.state]);
    let mut standing = Vec::new();
    for kept in found.iter().rev() {
        let it = &kept.record;
        let event = it.event.as_deref().map(|event| care::policy::event_name(event, l)).unwrap_or_default();
        let chip = match it.state {
            EventState::Standing => "urgent",
            EventState::Amended | EventState::Withdrawn => "",
        };
        if it.state == EventState::Standing {
            standing.push((it.id.clone(), format!("{event} {}", desk.when(it.start)), false));
        }
        table.rows.push(vec![
            Cell::text(care::policy::event_name(&it.kind, l)),
            Cell::text(event),
            Cell::text(it.level.map_or("", |level| level.name(l))),
            Cell::text(desk.place(&it.area)),
            Cell::text(desk.when(it.start)),
            Cell::text(it.way.name(l)),
            Cell::wide(&it.words),
            Cell::chip(chip, it.state.name(l)),
        ]);
    }
    let mut page = Page::new("events", o.tab_events);
    page.lead.push(o.events_lead.to_owned());
    page.tables.push(table);
    if desk.may(Need::Supervise) {
        let kinds = ["weather", "festival", "major_change", "outage", "epidemic"].map(|kind| (kind, care::policy::event_name(kind, l)));
        let events = ["typhoon", "rainstorm", "heat", "cold_wave", "snowstorm", "gale", "fog"].map(|event| (event, care::policy::event_name(event, l)));
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
    let event = ExtraEvent {
        id: desk.app.parts.office.new_id(),
        kind: fields.own("kind"),
        event: Some(fields.own("event")).filter(|event| !event.is_empty()),
        level: Colour::from_code(fields.text("level")),
        codes: Vec::new(),
        area: area_of(&desk.caller, Some(fields.text("area")))?,
        elder: None,
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
    Ok(back("/office/events"))
}

pub(crate) async fn withdraw(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    let id = named(id, &fields);
    kept_one::<ExtraEvent>(&desk.app, &desk.caller, &id).await?;
    desk.app.parts.office.withdraw_event(&id, desk.caller.person.as_str()).await?;
    Ok(back("/office/events"))
}
