//! The devices: the list, one of them, a new one, those that nobody has enrolled, and whole lists of them.

use super::office::{Cell, Desk, Field, Fields, Form, Link, Listing, Page, Section, back, choices, query_value};
use super::{qr, say};
use crate::api::devices::{DevicesAsked, imported};
use crate::caller::Need;
use crate::devices::{self, KINDS, Known, State, Test, Wanted};
use crate::extract::{Asked, Id, Ids, cursor, limit};
use crate::mask;
use crate::messages::{Words, fill};
use crate::problem::Problem;
use axum::response::Response;
use care::{HomeId, Timestamp};

fn words(desk: &Desk) -> &'static Words {
    desk.look.words()
}

fn tabs(desk: &Desk, here: &str) -> Vec<Link> {
    let w = words(desk);
    let all = [
        ("devices", "/devices", w.devices_tab, Need::See),
        ("unknown", "/devices/unknown", w.devices_unknown_tab, Need::See),
        ("import", "/devices/import", w.devices_import_tab, Need::Plan),
    ];
    let mine = all.into_iter().filter(|(_, _, _, need)| desk.may(*need));
    mine.map(|(name, href, text, _)| Link { href: href.to_owned(), text: text.to_owned(), here: name == here }).collect()
}

fn show(desk: Desk, page: Page) -> Response {
    let (room, tabs) = (words(&desk).nav_devices, tabs(&desk, page.here));
    desk.show_in("devices", room, tabs, page)
}

fn ago(desk: &Desk, at: Option<Timestamp>) -> String {
    at.map_or_else(|| words(desk).never.to_owned(), |at| say::ago(&desk.look, at, desk.app.now()))
}

fn when(desk: &Desk, at: Option<Timestamp>) -> String {
    at.map_or_else(|| "—".to_owned(), |at| desk.when(at))
}

fn battery(w: &Words, known: &Known) -> String {
    let trend = known.view.as_ref().map(|view| view.trend).unwrap_or_default();
    let percent = trend.battery_percent.map(|percent| format!("{percent} %")).unwrap_or_default();
    match trend.replace_within_days {
        Some(days) if days < 365 => format!("{percent} · {}", fill(w.device_replace_within, &[("n", &days.to_string())])),
        Some(_) | None => percent,
    }
}

fn link(w: &Words, known: &Known) -> String {
    let trend = known.view.as_ref().map(|view| view.trend).unwrap_or_default();
    match (trend.link_percent, trend.link_usual_percent) {
        (Some(now), Some(usual)) if now + 15 < usual => format!("{now} % · {}", fill(w.device_link_usual, &[("n", &usual.to_string())])),
        (Some(now), _) => format!("{now} %"),
        (None, _) => String::new(),
    }
}

fn every(desk: &Desk, known: &Known) -> String {
    let s = known.view.as_ref().and_then(|view| view.supervision).map_or(known.file.every_s, |s| s.every_s);
    if s == 0 { words(desk).device_no_interval.to_owned() } else { care::reason::span(i64::from(s), desk.look.language) }
}

fn href(known: &Known) -> String {
    format!("/homes/{}/devices/{}", known.home, known.id)
}

pub(crate) async fn list(desk: Desk, Asked(asked): Asked<DevicesAsked>) -> Result<Response, Problem> {
    let w = words(&desk);
    let wish = asked.wish()?;
    let after = cursor(asked.cursor)?.map(HomeId::new);
    let (found, next) = devices::list(&desk.app, &desk.caller, &wish, after, limit(asked.limit)?).await?;
    let mut table = Listing::new(
        "devices",
        "",
        &[w.device_column, w.column_elder, w.device_kind, w.device_room, w.device_state, w.last_seen, w.device_every, w.device_battery, w.device_link, w.device_tested],
    );
    for (place, known) in &found {
        let who = place.place.names();
        let state = known.state();
        let supervision = known.view.as_ref().and_then(|view| view.supervision);
        table.rows.push(vec![
            Cell::link(known.id.as_str(), href(known)),
            Cell::link(if who.is_empty() { known.home.as_str().to_owned() } else { who }, format!("/homes/{}", known.home)),
            Cell::text(say::kind(w, known.kind())),
            Cell::text(known.room()),
            Cell::chip(state.class(), state.word(w)),
            Cell::text(ago(&desk, known.heard_at())),
            Cell::text(every(&desk, known)),
            Cell::text(battery(w, known)),
            Cell::text(link(w, known)),
            Cell::text(supervision.and_then(|s| s.proved_at.max(s.tested_at)).map(|at| desk.when(at)).unwrap_or_default()),
        ]);
    }
    let kept = super::office::query_without(&desk.query, &["cursor"]);
    table.next = next.map(|id| format!("/devices?{kept}{}cursor={id}", if kept.is_empty() { "" } else { "&" }));
    let mut page = Page::new("devices", w.devices_title);
    // the list of one home: there a device can be added
    if desk.may(Need::Plan) && care::id::well_formed(&wish.text) && desk.app.places.of(&HomeId::from(wish.text.as_str())).await?.record.is_some() {
        page = page.link(format!("/homes/{}/devices/new", wish.text), w.device_enrol);
    }
    let states = State::ALL.map(|state| (state.code(), state.word(w)));
    page.search.push(Form::search(
        "/devices",
        w.devices_search,
        vec![
            Field::of("text", "text", w.devices_text, wish.text.clone()),
            Field::select("state", w.device_state, choices(states, wish.state.map_or("", State::code), Some(w.devices_in_service))),
            Field::select("kind", w.device_kind, choices(KINDS.iter().map(|kind| (*kind, say::kind(w, kind))), &wish.kind, Some(w.devices_every_kind))),
        ],
    ));
    page.tables.push(table);
    Ok(show(desk, page))
}

fn fields(desk: &Desk, wanted: &Wanted, kind: bool) -> Vec<Field> {
    let w = words(desk);
    let mut fields = vec![Field::of("text", "device", w.device_id, wanted.id.clone()).required().hint(w.device_id_hint)];
    if kind {
        fields.push(Field::select("kind", w.device_kind, choices(KINDS.iter().map(|kind| (*kind, say::kind(w, kind))), &wanted.kind, None)));
        fields.push(Field::of("text", "room", w.device_room, wanted.room.clone()));
        fields.push(Field::select("exit_door", w.device_exit_door, choices([("", w.device_no), ("yes", w.device_yes)], if wanted.exit_door { "yes" } else { "" }, None)));
        let every = wanted.every_minutes.map(|every| every.to_string()).unwrap_or_default();
        fields.push(Field::of("number", "every_minutes", w.device_every_minutes, every).hint(w.device_every_hint));
    }
    fields.push(Field::of("text", "model", w.device_model, wanted.model.clone()));
    fields.push(Field::of("text", "serial", w.device_serial, wanted.serial.clone()));
    fields.push(Field::of("text", "note", w.device_note, wanted.note.clone()));
    fields
}

fn sent(fields: &Fields) -> Result<Wanted, Problem> {
    let every = fields.text("every_minutes");
    let every_minutes = match every {
        "" => None,
        text => Some(text.parse().map_err(|_| Problem::Invalid { field: "every_minutes", what: |w| w.invalid_every })?),
    };
    Ok(Wanted {
        id: fields.own("device"),
        kind: fields.own("kind"),
        room: fields.own("room"),
        exit_door: fields.ticked("exit_door"),
        every_minutes,
        model: fields.own("model"),
        serial: fields.own("serial"),
        note: fields.own("note"),
    })
}

/// A device to be enrolled in a home: one that speaks already, or one that is still in its box.
pub(crate) async fn new(desk: Desk, Id(home): Id) -> Result<Response, Problem> {
    let w = words(&desk);
    let found = crate::api::homes::find(&desk.app, &desk.caller, HomeId::from(home.as_str())).await?;
    let id = query_value(&desk.query, "device").unwrap_or_default();
    let wanted = Wanted { id, kind: "button".to_owned(), ..Wanted::default() };
    let who = found.place.names();
    let mut page = Page::new("devices", fill(w.device_new_title, &[("who", if who.is_empty() { &home } else { &who })]));
    page.forms.push(Form::act(w.device_enrol, format!("/homes/{home}/devices"), w.device_enrol, fields(&desk, &wanted, true)));
    Ok(show(desk, page))
}

pub(crate) async fn enrol(desk: Desk, Id(home): Id, fields: Fields) -> Result<Response, Problem> {
    let (found, id) = devices::enrol(&desk.app, &desk.caller, &home, &sent(&fields)?).await?;
    Ok(back(&format!("/homes/{}/devices/{id}", found.id)))
}

async fn draw(desk: Desk, home: &str, device: &str, code: Option<(String, Timestamp)>) -> Result<Response, Problem> {
    let w = words(&desk);
    let (found, known) = devices::one(&desk.app, &desk.caller, home, device).await?;
    let state = known.state();
    let view = known.view.as_ref();
    let supervision = view.and_then(|view| view.supervision);
    let until = found.view.as_ref().and_then(|view| view.test_until);
    let who = found.place.names();
    let mut page = Page::new("devices", format!("{} · {}", known.id, if who.is_empty() { home } else { &who }));
    page = page.link(format!("/homes/{home}"), w.device_home);
    if let Some(until) = until {
        page.told = fill(w.device_test_on, &[("until", &say::minute(&desk.look, until, desk.app.now()))]);
    }
    if let Some((code, expires)) = &code {
        page.told = fill(w.device_code_told, &[("code", code), ("until", &desk.when(*expires))]);
    }
    let fact = |name: &str, text: String| (name.to_owned(), text);
    let mut doing = vec![
        fact(w.device_state, state.word(w).to_owned()),
        fact(w.last_seen, known.heard_at().map_or_else(|| w.never.to_owned(), |at| format!("{} · {}", desk.when(at), ago(&desk, Some(at))))),
        fact(w.device_every, every(&desk, &known)),
        fact(w.device_due, when(&desk, supervision.and_then(|s| s.due_at))),
        fact(w.device_battery, battery(w, &known)),
        fact(w.device_link, link(w, &known)),
    ];
    if supervision.is_some_and(|s| s.test_due_at.is_some()) {
        doing.push(fact(w.device_tested, when(&desk, supervision.and_then(|s| s.tested_at))));
        doing.push(fact(w.device_proved, when(&desk, supervision.and_then(|s| s.proved_at))));
        doing.push(fact(w.device_test_due, when(&desk, supervision.and_then(|s| s.test_due_at))));
    }
    page.sections.push(Section { title: w.device_doing.to_owned(), facts: doing });
    let record = known.record.as_ref();
    let mut about = vec![
        fact(w.device_kind, say::kind(w, known.kind()).to_owned()),
        fact(w.device_room, known.room().to_owned()),
        fact(w.device_model, known.file.model.clone()),
        fact(w.device_serial, known.file.serial.clone()),
        fact(w.device_note, known.file.note.clone()),
        fact(w.device_enrolled, when(&desk, record.map(|r| r.enrolled_at))),
        fact(w.device_credential, known.file.credential.clone().unwrap_or_else(|| "—".to_owned())),
    ];
    for (name, other) in [(w.device_replaces, &known.file.replaces), (w.device_replaced_by, &known.file.replaced_by)] {
        about.extend(other.as_ref().map(|other| fact(name, other.clone())));
    }
    page.sections.push(Section { title: w.device_about.to_owned(), facts: about });
    let mut table = Listing::new("messages", w.device_messages, &[w.column_when, w.device_topic, w.device_payload]);
    for message in desk.app.parts.homes.messages(&found.id, &known.id).await {
        table.rows.push(vec![Cell::text(desk.when(message.heard_at)), Cell::text(message.topic), Cell::wide(mask::payload(&message.payload))]);
    }
    page.tables.push(table);
    page.notes.push(w.device_messages_note.to_owned());
    let at = href(&known);
    let verb = |title: &str, what: &str, path: &str, mut more: Vec<Field>| {
        more.push(Field::of("hidden", "do", "", what));
        Form::act(title, format!("{at}{path}"), title, more)
    };
    if desk.may(Need::Act) && matches!(state, State::Working | State::Silent | State::Offline | State::Never) {
        let (title, what) = if until.is_some() { (w.device_test_end, "end") } else { (w.device_test_begin, "begin") };
        page.forms.push(verb(title, what, "/test", Vec::new()));
    }
    if desk.may(Need::Plan) {
        let wanted = Wanted {
            id: known.id.as_str().to_owned(),
            kind: if known.kind().is_empty() { "button".to_owned() } else { known.kind().to_owned() },
            room: known.room().to_owned(),
            exit_door: record.is_some_and(|r| r.exit_door),
            every_minutes: (known.version > 0).then_some(known.file.every_s / 60),
            model: known.file.model.clone(),
            serial: known.file.serial.clone(),
            note: known.file.note.clone(),
        };
        match state {
            State::Unregistered | State::Retired => page.forms.push(Form::act(w.device_enrol, format!("/homes/{home}/devices"), w.device_enrol, fields(&desk, &wanted, true))),
            State::Working | State::Silent | State::Offline | State::Never => {
                // capital letters make the smaller picture, and are read as small ones
                let picture = code.as_ref().map(|(code, _)| qr::picture(&code.to_ascii_uppercase(), w.device_code_picture)).unwrap_or_default();
                page.forms.push(verb(w.device_code_make, "code", "", Vec::new()).figure(picture));
                page.forms.push(Form::act(w.device_change, format!("/homes/{home}/devices"), w.device_change, fields(&desk, &wanted, true)));
                let by = Wanted { model: wanted.model.clone(), ..Wanted::default() };
                page.forms.push(verb(w.device_replace, "replace", "", fields(&desk, &by, false)));
                page.forms.push(Form { class: "danger", ..verb(w.device_retire, "retire", "", Vec::new()) });
            }
        }
    }
    Ok(show(desk, page))
}

pub(crate) async fn one(desk: Desk, Ids(home, device): Ids) -> Result<Response, Problem> {
    draw(desk, &home, &device, None).await
}

pub(crate) async fn act(desk: Desk, Ids(home, device): Ids, fields: Fields) -> Result<Response, Problem> {
    let at = format!("/homes/{home}/devices/");
    match fields.text("do") {
        "code" => {
            let code = devices::code(&desk.app, &desk.caller, &home, &device).await?;
            draw(desk, &home, &device, Some(code)).await
        }
        "replace" => {
            let new = devices::replace(&desk.app, &desk.caller, &home, &device, &sent(&fields)?).await?;
            Ok(back(&format!("{at}{new}")))
        }
        "retire" => {
            devices::retire(&desk.app, &desk.caller, &home, &device).await?;
            Ok(back(&format!("{at}{device}")))
        }
        _ => Err(Problem::Invalid { field: "do", what: |w| w.invalid_field }),
    }
}

pub(crate) async fn test(desk: Desk, Ids(home, device): Ids, fields: Fields) -> Result<Response, Problem> {
    let on = if fields.text("do") == "end" { Test::End } else { Test::Begin };
    devices::test(&desk.app, &desk.caller, &home, &device, on).await?;
    Ok(back(&format!("/homes/{home}/devices/{device}")))
}

/// Devices that spoke and that nobody has enrolled, latest first.
pub(crate) async fn unknown(desk: Desk) -> Result<Response, Problem> {
    let w = words(&desk);
    let mut table = Listing::new("unknown", "", &[w.device_column, w.device_home, w.device_first, w.last_seen, w.device_count]);
    for it in desk.app.parts.register.unknown_devices(crate::limits::PAGE_MAX).await? {
        if desk.app.sees(&desk.caller, &it.home).await? {
            let open = if desk.may(Need::Plan) { format!("/homes/{}/devices/new?device={}", it.home, it.device) } else { format!("/homes/{}", it.home) };
            table.rows.push(vec![
                Cell::link(it.device.as_str(), open),
                Cell::link(it.home.as_str(), format!("/homes/{}", it.home)),
                Cell::text(desk.when(it.first_at)),
                Cell::text(ago(&desk, Some(it.last_at))),
                Cell::count(u32::try_from(it.count).unwrap_or(u32::MAX)),
            ]);
        }
    }
    let mut page = Page::new("unknown", w.devices_unknown_title);
    page.lead.push(w.devices_unknown_lead.to_owned());
    page.tables.push(table);
    Ok(show(desk, page))
}

fn import_page(desk: &Desk, list: String) -> Page {
    let w = words(desk);
    let mut page = Page::new("import", w.devices_import_title);
    page.lead.push(w.devices_import_lead.to_owned());
    page.forms.push(Form::act(
        w.devices_import_title,
        "/devices/import",
        w.devices_import_go,
        vec![
            Field::of("textarea", "list", w.devices_import_list, list).required(),
            Field::select("do", w.devices_import_do, choices([("look", w.devices_import_look), ("apply", w.devices_import_apply)], "look", None)),
        ],
    ));
    page
}

pub(crate) async fn import(desk: Desk) -> Result<Response, Problem> {
    let page = import_page(&desk, "home,device,kind,room,exit_door,every_minutes,model,serial,note\n".to_owned());
    Ok(show(std::future::ready(desk).await, page))
}

pub(crate) async fn import_sent(desk: Desk, fields: Fields) -> Result<Response, Problem> {
    let w = words(&desk);
    let done = imported(&desk.app, &desk.caller, fields.text("list").as_bytes(), fields.text("do") == "apply").await?;
    let mut page = import_page(&desk, fields.own("list"));
    page.told = fill(w.devices_import_told, &[("n", &done.rows.to_string()), ("done", &done.enrolled.to_string()), ("faults", &done.faults.len().to_string())]);
    let mut table = Listing::new("faults", w.devices_import_faults, &[w.devices_import_row, w.devices_import_column, w.column_why]);
    for fault in &done.faults {
        table.rows.push(vec![Cell::count(u32::try_from(fault.row).unwrap_or_default()), Cell::text(&fault.column), Cell::wide(desk.pick(&fault.zh, &fault.en))]);
    }
    page.tables.push(table);
    Ok(show(desk, page))
}

