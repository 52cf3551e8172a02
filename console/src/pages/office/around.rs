//! What stands around an elder's file: what was owed and why, events that ask for extra visits, what was found, the family's
//! contacts, the reviews with what changed.

use super::part::choices;
use super::{Cell, Desk, Field, Fields, Form, Listing, Page, back};
use crate::api::office::elder_of;
use crate::caller::Need;
use crate::extract::Id;
use crate::office::changes_masked;
use crate::problem::Problem;
use axum::response::Response;
use care::ElderId;
use care::office::matter::{NeedState, ReferralState};
use care::office::{ExtraEvent, FamilyContact, FollowUp, Hazard, Incident, Need as NeedRecord, Record, Referral, Review};
use care::policy::{Mode, event_name};
use care::visit::{Because, State};
use store::sheet::SheetAsk;

/// Rows of a table here: the newest; the whole list has its own page.
const ROWS: usize = 30;

/// Puts it all under an elder's file.
pub(super) async fn add(desk: &Desk, page: &mut Page, id: &ElderId) -> Result<(), Problem> {
    page.tables.push(duties(desk, id).await?);
    page.tables.push(events_table(desk, "events", desk.o.events_about, &desk.app.parts.office.events_about(id).await?));
    page.tables.push(found(desk, id).await?);
    page.tables.push(family_contacts(desk, id).await?);
    page.tables.push(reviews(desk, id).await?);
    page.forms.push(family_form(desk, id));
    if desk.may(Need::Supervise) {
        page.forms.push(event_form(desk, id));
    }
    Ok(())
}

async fn newest<R: Record>(desk: &Desk, id: &ElderId) -> Result<Vec<R>, Problem> {
    let ask = SheetAsk::default().elder(id).newest_first().max(ROWS);
    Ok(desk.app.parts.office.page::<R>(ask).await?.records.into_iter().map(|kept| kept.record).collect())
}

async fn duties(desk: &Desk, id: &ElderId) -> Result<Listing, Problem> {
    let (o, l, zone) = (desk.o, desk.look.language, desk.look.zone);
    let mut table = Listing::new("duties", o.duties, &[o.window, o.modes, o.state, o.why, o.counted]);
    let rows = desk.app.parts.office.duties_of(id, move |facts, of| {
        let contact = |place: &u32| facts.contacts.get(usize::try_from(*place).ok()?);
        let row = |owed: &care::visit::Owed<'_>| {
            let modes = Mode::ALL.iter().filter(|mode| owed.duty.modes().has(**mode)).map(|mode| mode.name(l)).collect::<Vec<_>>().join("/");
            let because = owed.because.map(|because| match because {
                Because::Festival(festival, _) => event_name(festival.code(), l),
                Because::Event(event) => event_name(event.event.as_deref().unwrap_or(&event.kind), l),
            });
            let (chip, state) = match owed.state {
                State::Met => ("ok", o.state_met),
                State::Due => ("attention", o.state_due),
                State::Overdue => ("red", o.state_overdue),
                State::Exempt => ("", o.state_exempt),
            };
            let why = owed.reasons().into_iter().chain(owed.gap_reason()).map(|reason| reason.render(l, zone)).collect::<Vec<_>>().join(" ");
            let counted = owed.counted.iter().filter_map(contact).map(|contact| care::calendar::local_day(contact.start, zone).format("%m-%d").to_string());
            let kind = because.map_or_else(|| modes.clone(), |because| format!("{because} · {modes}"));
            let cells = vec![
                Cell::text(format!("{} – {}", owed.window.first, owed.window.last)),
                Cell::text(kind),
                Cell::chip(chip, state),
                Cell::wide(why),
                Cell::text(counted.collect::<Vec<_>>().join(" ")),
            ];
            (owed.window, cells)
        };
        let mut rows: Vec<_> = of.owed.iter().map(row).collect();
        rows.sort_by_key(|(one, _)| std::cmp::Reverse((one.last, one.first)));
        rows
    });
    table.rows = rows.await?.unwrap_or_default().into_iter().map(|(_, cells)| cells).collect();
    Ok(table)
}

/// Events as a table.
pub(super) fn events_table(desk: &Desk, id: &'static str, title: &str, events: &[ExtraEvent]) -> Listing {
    use care::office::event::EventState;
    let (o, l) = (desk.o, desk.look.language);
    let mut table = Listing::new(id, title, &[o.kind, o.event, o.level, o.whom, o.when, o.way, o.words, o.state]);
    for it in events {
        let chip = match it.state {
            EventState::Standing => "urgent",
            EventState::Amended | EventState::Withdrawn => "",
        };
        table.rows.push(vec![
            Cell::text(event_name(&it.kind, l)),
            Cell::text(it.event.as_deref().map(|event| event_name(event, l)).unwrap_or_default()),
            Cell::text(it.level.map_or("", |level| level.name(l))),
            it.elder.as_ref().map_or_else(|| Cell::text(if it.area.is_empty() { o.all.to_owned() } else { desk.place(&it.area) }), |elder| desk.elder(elder)),
            Cell::text(desk.when(it.start)),
            Cell::text(it.way.name(l)),
            Cell::wide(&it.words),
            Cell::chip(chip, it.state.name(l)),
        ]);
    }
    table
}

async fn found(desk: &Desk, id: &ElderId) -> Result<Listing, Problem> {
    let (o, l) = (desk.o, desk.look.language);
    let mut rows: Vec<(care::Timestamp, Vec<Cell>)> = Vec::new();
    let mut add = |at: care::Timestamp, what: Cell, words: String, chip: &'static str, state: &str| {
        rows.push((at, vec![Cell::text(desk.when(at)), what, Cell::wide(words), Cell::chip(chip, state)]));
    };
    for it in newest::<Hazard>(desk, id).await? {
        let chip = if it.state == care::office::matter::HazardState::Checked { "ok" } else { "urgent" };
        add(it.found_at, Cell::link(format!("{} · {}", o.hazards, it.kind.name(l)), "/office/hazards"), format!("{} {}", it.place, it.words), chip, it.state.name(l));
    }
    for it in newest::<NeedRecord>(desk, id).await? {
        let chip = if matches!(it.state, NeedState::Met | NeedState::Declined) { "ok" } else { "attention" };
        add(it.found_at, Cell::link(format!("{} · {}", o.needs, it.kind.name(l)), "/office/needs"), it.words, chip, it.state.name(l));
    }
    for it in newest::<Incident>(desk, id).await? {
        let (chip, state) = if it.closed.is_some() { ("ok", o.closed) } else { ("red", o.open) };
        add(it.found_at, Cell::link(o.incidents, format!("/office/incidents/{}", it.id)), it.words, chip, state);
    }
    if desk.may(Need::Office) {
        for it in newest::<Referral>(desk, id).await? {
            let chip = if it.state == ReferralState::Done { "ok" } else { "attention" };
            let what = Cell::link(format!("{} · {}", o.tab_referrals, it.to.name(l)), "/office/referrals");
            add(it.sent_at, what, format!("{} {}", it.words, it.outcome), chip, it.state.name(l));
        }
        for it in newest::<FollowUp>(desk, id).await? {
            let (chip, state) = if it.done.is_some() { ("ok", o.closed) } else { ("attention", o.open) };
            let words = it.done.as_ref().map(|done| done.words.clone()).unwrap_or_default();
            let what = Cell::link(format!("{} · {} {}", o.follow_ups, it.kind.name(l), it.due_on), "/office/follow-ups");
            add(it.at(), what, words, chip, state);
        }
    }
    rows.sort_by(|(a, _), (b, _)| b.cmp(a));
    let mut table = Listing::new("found", o.found_here, &[o.when, o.what, o.words, o.state]);
    table.rows = rows.into_iter().map(|(_, cells)| cells).collect();
    Ok(table)
}

async fn family_contacts(desk: &Desk, id: &ElderId) -> Result<Listing, Problem> {
    let o = desk.o;
    let mut table = Listing::new("family_contacts", o.family_contacts, &[o.when, o.whom, o.by_what, o.state, o.who]);
    for it in newest::<FamilyContact>(desk, id).await? {
        let state = if it.reminded { Cell::chip("attention", o.family_reminded) } else { Cell::chip("ok", o.family_in_touch) };
        table.rows.push(vec![Cell::text(it.on.to_string()), Cell::text(&it.whom), Cell::text(&it.how), state, Cell::text(it.by.to_string())]);
    }
    Ok(table)
}

async fn reviews(desk: &Desk, id: &ElderId) -> Result<Listing, Problem> {
    let o = desk.o;
    let mut table = Listing::new("reviews", o.reviews, &[o.when, o.who, o.what_changed]);
    for mut it in newest::<Review>(desk, id).await? {
        changes_masked(&mut it.changes);
        let said = |value: &serde_json::Value| value.as_str().map_or_else(|| if value.is_null() { "—".to_owned() } else { value.to_string() }, str::to_owned);
        let changes: Vec<String> = it.changes.iter().map(|one| format!("{}：{} → {}", one.field, said(&one.before), said(&one.after))).collect();
        table.rows.push(vec![
            Cell::text(it.on.to_string()),
            Cell::text(it.by.to_string()),
            Cell::wide(if changes.is_empty() { o.nothing_changed.to_owned() } else { changes.join("；") }),
        ]);
    }
    Ok(table)
}

fn family_form(desk: &Desk, id: &ElderId) -> Form {
    let o = desk.o;
    let today = desk.app.parts.office.today();
    let did = choices([("in_touch", o.family_in_touch), ("reminded", o.family_reminded)], "in_touch", None);
    let fields = vec![
        Field::select("did", o.what, did),
        Field::of("text", "whom", o.whom, "").required(),
        Field::of("text", "how", o.by_what, "").required(),
        Field::of("date", "on", o.when, today.to_string()).required(),
    ];
    Form::act(o.family_contact_new, format!("/office/elders/{id}/family"), o.save, fields).lead(o.family_contact_lead)
}

fn event_form(desk: &Desk, id: &ElderId) -> Form {
    let (o, l) = (desk.o, desk.look.language);
    let kinds = ["major_change", "outage"].map(|kind| (kind, event_name(kind, l)));
    let fields = vec![
        Field::of("hidden", "elder", "", id.as_str()),
        Field::select("kind", o.kind, choices(kinds.iter().map(|(code, name)| (*code, name.as_str())), "major_change", None)),
        Field::of("text", "words", o.words, "").required(),
    ];
    Form::act(o.event_here, "/office/events", o.declare_go, fields)
}

/// Notes that family was in touch, or was reminded to be (R25).
pub(crate) async fn family(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    let elder = elder_of(&desk.app, &desk.caller, &id).await?;
    let office = desk.app.parts.office.clone();
    let on = fields.day("on").filter(|on| *on <= office.today()).ok_or(Problem::Invalid { field: "on", what: |w| w.invalid_field })?;
    if fields.text("whom").is_empty() || fields.text("how").is_empty() {
        return Err(Problem::Invalid { field: "whom", what: |w| w.invalid_text_empty });
    }
    let contact = FamilyContact {
        id: office.new_id(),
        elder: elder.id,
        home: elder.home,
        area: elder.area,
        whom: fields.own("whom"),
        how: fields.own("how"),
        reminded: fields.text("did") == "reminded",
        on,
        by: desk.caller.person.clone(),
    };
    office.put(&contact, 0, desk.caller.person.as_str()).await?;
    Ok(back(&format!("/office/elders/{id}")))
}
