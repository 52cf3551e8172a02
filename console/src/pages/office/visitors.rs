//! The register of visitors (R21 to R27, R70): ten kinds, trainings, contract, suspension, and whom each is paired with.

use super::matters::{Found, MatterAsked, records};
use super::part::choices;
use super::{Cell, Desk, Field, Fields, Form, Listing, Page, Section, back};
use crate::api::office::{elder_of, elders as api, inside, one as kept_one};
use crate::caller::Need;
use crate::extract::{Asked, Body, Id};
use crate::messages::fill;
use crate::office::{Kept, Worklist};
use crate::problem::Problem;
use axum::extract::State;
use axum::response::Response;
use care::office::visitor::{Contract, Training, VisitorKind};
use care::office::{Pairing, Record, Refused, Visitor};
use care::{HomeId, PersonId};
use chrono::NaiveDate;
use store::sheet::Order;

/// Most pairings of one visitor that a page shows.
const PAIRS: usize = 200;

fn state(desk: &Desk, visitor: &Visitor) -> Cell {
    match visitor.state() {
        "suspended" => Cell::chip("red", desk.o.suspended),
        "left" => Cell::chip("", desk.o.visitor_left),
        _ => Cell::chip("ok", desk.o.visitor_active),
    }
}

pub(crate) async fn list(desk: Desk, Asked(asked): Asked<MatterAsked>) -> Result<Response, Problem> {
    let (o, l) = (desk.o, desk.look.language);
    let Found { records: found, next } = records::<Visitor>(&desk, &asked, "all", Order::OldestFirst).await?;
    let mut table = Listing::new("visitors", o.tab_visitors, &[o.name, o.kind, o.organisation, o.area, o.training_hours, o.contract, o.state]);
    for kept in &found {
        let it = &kept.record;
        table.rows.push(vec![
            Cell::link(&it.name, format!("/office/visitors/{}", it.id)),
            Cell::text(it.kind.name(l)),
            Cell::text(&it.organisation),
            Cell::text(desk.place(&it.area)),
            Cell::figure(format!("{:.1}", it.training_hours())),
            Cell::text(it.contract.as_ref().map(|contract| contract.number.clone()).unwrap_or_default()),
            state(&desk, it),
        ]);
    }
    let states = choices([("active", o.visitor_active), ("suspended", o.suspended), ("left", o.visitor_left)], &asked.state, Some(o.all));
    let mut page = Page::new("visitors", o.tab_visitors);
    page.search.push(Form::search("/office/visitors", o.search, vec![Field::select("state", o.state, states), desk.area_field(&asked.area)]));
    page.tables.push(Listing { next, ..table });
    if desk.may(Need::Supervise) {
        let today = desk.app.parts.office.today();
        let mut fields = vec![Field::of("text", "id", o.visitor_id, "").hint(o.visitor_id_hint).required()];
        fields.extend(basics(&desk, None, today));
        page.forms.push(Form::act(o.visitor_new, "/office/visitors", o.save, fields));
    }
    Ok(desk.show(page))
}

fn basics(desk: &Desk, visitor: Option<&Visitor>, today: NaiveDate) -> Vec<Field> {
    let (o, l) = (desk.o, desk.look.language);
    let text = |value: fn(&Visitor) -> &str| visitor.map(value).unwrap_or_default().to_owned();
    let contract = visitor.and_then(|visitor| visitor.contract.as_ref());
    let day = |day: Option<NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
    vec![
        Field::of("text", "name", o.name, text(|visitor| &visitor.name)).required(),
        Field::select("kind", o.kind, choices(VisitorKind::ALL.iter().map(|kind| (kind.code(), kind.name(l))), visitor.map_or("", |visitor| visitor.kind.code()), None)),
        Field::of("text", "organisation", o.organisation, text(|visitor| &visitor.organisation)),
        Field::of("tel", "phone", o.phone, visitor.map(|visitor| crate::mask::phone(&visitor.phone)).unwrap_or_default()).hint(o.masked_hint),
        desk.area_field(visitor.map_or(&desk.caller.area, |visitor| &visitor.area)),
        Field::of("date", "since", o.visitor_since, visitor.map_or(today, |visitor| visitor.since).to_string()).required(),
        Field::of("text", "contract", o.contract, contract.map(|contract| contract.number.clone()).unwrap_or_default()),
        Field::of("date", "contract_from", o.contract_from, day(contract.map(|contract| contract.from))),
        Field::of("date", "contract_to", o.contract_to, day(contract.and_then(|contract| contract.to))),
        Field::of("text", "yuan_a_visit", o.yuan_a_visit, contract.and_then(|contract| contract.cents_a_visit).map(yuan).unwrap_or_default()),
        Field::of("date", "left_on", o.visitor_left_on, day(visitor.and_then(|visitor| visitor.left_on))),
    ]
}

/// Cents as yuan.
fn yuan(cents: u32) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// Yuan with at most two places as cents.
fn cents(text: &str) -> Option<u32> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || part.len() > 2 || !digits(whole) || !digits(part) {
        return None;
    }
    let part: u32 = format!("{part:0<2}").parse().ok()?;
    whole.parse::<u32>().ok()?.checked_mul(100)?.checked_add(part)
}

/// A visitor as the form says, with what the form has no field for as it was.
fn read(desk: &Desk, fields: &Fields, id: PersonId, before: Option<Visitor>) -> Result<Visitor, Problem> {
    let invalid = |field: &'static str| Problem::Invalid { field, what: |w| w.invalid_field };
    let optional_day = |name: &'static str| match fields.text(name) {
        "" => Ok(None),
        _ => fields.day(name).map(Some).ok_or_else(|| invalid(name)),
    };
    let name = fields.own("name");
    if name.is_empty() {
        return Err(invalid("name"));
    }
    let contract = match fields.own("contract") {
        number if number.is_empty() => None,
        number => Some(Contract {
            number,
            from: fields.day("contract_from").ok_or_else(|| invalid("contract_from"))?,
            to: optional_day("contract_to")?,
            cents_a_visit: match fields.text("yuan_a_visit") {
                "" => None,
                text => Some(cents(text).ok_or_else(|| invalid("yuan_a_visit"))?),
            },
        }),
    };
    let typed = fields.own("phone");
    let phone = match &before {
        Some(before) if typed == crate::mask::phone(&before.phone) => before.phone.clone(),
        Some(_) | None => typed,
    };
    let area = fields.own("area");
    inside(&desk.caller, &area)?;
    Ok(Visitor {
        id,
        name,
        phone,
        organisation: fields.own("organisation"),
        kind: VisitorKind::from_code(fields.text("kind")).ok_or_else(|| invalid("kind"))?,
        area,
        since: fields.day("since").ok_or_else(|| invalid("since"))?,
        trainings: before.as_ref().map(|before| before.trainings.clone()).unwrap_or_default(),
        contract,
        suspended: before.and_then(|before| before.suspended),
        left_on: optional_day("left_on")?,
    })
}

pub(crate) async fn create(desk: Desk, fields: Fields) -> Result<Response, Problem> {
    let id = fields.own("id");
    if !care::id::well_formed(&id) {
        return Err(Problem::Invalid { field: "id", what: |w| w.invalid_field });
    }
    let visitor = read(&desk, &fields, PersonId::new(&id), None)?;
    desk.app.parts.office.put(&visitor, 0, desk.caller.person.as_str()).await?;
    Ok(back(&format!("/office/visitors/{id}")))
}

pub(crate) async fn one(desk: Desk, Id(id): Id) -> Result<Response, Problem> {
    let (o, l) = (desk.o, desk.look.language);
    let kept: Kept<Visitor> = kept_one(&desk.app, &desk.caller, &id).await?;
    let it = &kept.record;
    let office = desk.app.parts.office.clone();
    let today = office.today();
    let mut page = Page::new("visitors", &it.name).link("/office/visitors", o.tab_visitors);
    let suspended = it.suspended.as_ref().map(|line| format!("{} {} {}", desk.when(line.at), line.by, line.words)).unwrap_or_default();
    page.sections.push(Section {
        title: o.basics.to_owned(),
        facts: vec![
            (o.visitor_id.to_owned(), it.id.to_string()),
            (o.kind.to_owned(), it.kind.name(l).to_owned()),
            (o.organisation.to_owned(), it.organisation.clone()),
            (o.phone.to_owned(), crate::mask::phone(&it.phone)),
            (o.area.to_owned(), desk.place(&it.area)),
            (o.visitor_since.to_owned(), it.since.to_string()),
            (o.state.to_owned(), state(&desk, it).text),
            (o.suspended.to_owned(), suspended),
            (o.training_hours.to_owned(), format!("{:.1}", it.training_hours())),
        ],
    });
    let mut trainings = Listing::new("trainings", o.trainings, &[o.when, o.topic, o.hours, o.taught_by]);
    trainings.rows = it.trainings.iter().map(|one| vec![Cell::text(one.on.to_string()), Cell::wide(&one.topic), Cell::figure(format!("{:.1}", one.hours)), Cell::text(&one.by)]).collect();
    let mut pairs = Listing::new("pairs", o.pairs, &[o.name, o.area, o.from, o.until_day]);
    let mut standing = Vec::new();
    for pair in pairings(&desk, &it.id).await? {
        if pair.to.is_none_or(|to| to >= today) {
            standing.push((pair.id.clone(), desk.elder(&pair.elder).text, false));
        }
        pairs.rows.push(vec![
            desk.elder(&pair.elder),
            Cell::text(desk.place(&pair.area)),
            Cell::text(pair.from.to_string()),
            Cell::text(pair.to.map(|to| to.to_string()).unwrap_or_default()),
        ]);
    }
    page.tables.extend([pairs, trainings]);
    if it.left_on.is_none() {
        // Those of the visitor's own area stand in the list; any other is typed.
        let elders = office.elders(&it.area, Worklist::All, "", None, PAIRS).await?;
        let names: Vec<(String, String)> = elders.iter().map(|brief| (brief.id.to_string(), format!("{} · {}", brief.name, desk.place_name(&brief.area)))).collect();
        let field = if names.is_empty() || names.len() >= PAIRS {
            Field::of("text", "elder", o.elder_id, "").required()
        } else {
            Field::select("elder", o.name, choices(names.iter().map(|(id, name)| (id.as_str(), name.as_str())), "", None))
        };
        page.forms.push(Form::act(o.pair, format!("/office/visitors/{id}/pair"), o.save, vec![field, Field::of("date", "from", o.from, today.to_string()).required()]));
    }
    if !standing.is_empty() {
        let fields = vec![Field::select("id", o.name, standing), Field::of("date", "to", o.last_day, today.to_string()).required()];
        page.forms.push(Form::act(o.pair_end, format!("/office/visitors/{id}/unpair"), o.save, fields));
    }
    if desk.may(Need::Supervise) {
        page.forms.push(Form::act(
            o.training_new,
            format!("/office/visitors/{id}/training"),
            o.save,
            vec![
                Field::of("date", "on", o.when, today.to_string()).required(),
                Field::of("text", "topic", o.topic, "").required(),
                Field::of("text", "hours", o.hours, "2").required(),
                Field::of("text", "by", o.taught_by, ""),
            ],
        ));
        let mut fields = vec![Field::of("hidden", "version", "", kept.version.to_string())];
        fields.extend(basics(&desk, Some(it), today));
        page.forms.push(Form::act(o.edit, format!("/office/visitors/{id}"), o.save, fields));
        if it.suspended.is_some() {
            page.forms.push(Form::act(o.resume, format!("/office/visitors/{id}/resume"), o.resume, Vec::new()));
        } else {
            let reason = vec![Field::of("text", "reason", o.reason, "").required()];
            page.forms.push(Form { class: "danger", ..Form::act(o.suspend, format!("/office/visitors/{id}/suspend"), o.suspend, reason) });
        }
    }
    Ok(desk.show(page))
}

/// The pairings of a visitor within the caller's area.
async fn pairings(desk: &Desk, visitor: &PersonId) -> Result<Vec<Pairing>, Problem> {
    let all = desk.app.parts.office.pairings_of(visitor).await?;
    Ok(all.into_iter().filter(|pair| desk.caller.sees_area(&pair.area)).take(PAIRS).collect())
}

pub(crate) async fn save(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    let kept: Kept<Visitor> = kept_one(&desk.app, &desk.caller, &id).await?;
    if fields.number("version") != Some(kept.version) {
        return Err(Problem::Changed);
    }
    let visitor = read(&desk, &fields, PersonId::new(&id), Some(kept.record))?;
    desk.app.parts.office.put(&visitor, kept.version, desk.caller.person.as_str()).await?;
    Ok(back(&format!("/office/visitors/{id}")))
}

pub(crate) async fn training(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    kept_one::<Visitor>(&desk.app, &desk.caller, &id).await?;
    let invalid = |field: &'static str| Problem::Invalid { field, what: |w| w.invalid_field };
    let training = Training {
        topic: Some(fields.own("topic")).filter(|topic| !topic.is_empty()).ok_or_else(|| invalid("topic"))?,
        on: fields.day("on").filter(|on| *on <= desk.app.parts.office.today()).ok_or_else(|| invalid("on"))?,
        hours: fields.text("hours").parse::<f32>().ok().filter(|hours| (0.1..=400.0).contains(hours)).ok_or_else(|| invalid("hours"))?,
        by: fields.own("by"),
    };
    let add = |mut visitor: Visitor| {
        visitor.trainings.push(training);
        Ok(visitor)
    };
    desk.app.parts.office.step(&id, "visitor.training", &desk.caller.person, add).await?;
    Ok(back(&format!("/office/visitors/{id}")))
}

pub(crate) async fn suspend(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    let body = api::ReasonBody { reason: fields.own("reason") };
    drop(api::suspend(State(desk.app.clone()), desk.caller.clone(), Id(id.clone()), Body(body)).await?);
    Ok(back(&format!("/office/visitors/{id}")))
}

pub(crate) async fn resume(desk: Desk, Id(id): Id) -> Result<Response, Problem> {
    drop(api::resume(State(desk.app.clone()), desk.caller.clone(), Id(id.clone())).await?);
    Ok(back(&format!("/office/visitors/{id}")))
}

pub(crate) async fn pair(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    kept_one::<Visitor>(&desk.app, &desk.caller, &id).await?;
    let from = fields.day("from").ok_or(Problem::Invalid { field: "from", what: |w| w.invalid_field })?;
    let elder = elder_of(&desk.app, &desk.caller, fields.text("elder")).await?;
    let visitor = PersonId::new(&id);
    if pairings(&desk, &visitor).await?.iter().any(|pair| pair.elder == elder.id && pair.on(from)) {
        let zh = fill("{name} 在该日已与其结对", &[("name", &elder.name)]);
        return Err(Problem::Refused(vec![Refused::field("elder", zh, "they are paired on that day already")]));
    }
    let record = Pairing { id: String::new(), elder: elder.id, home: HomeId::from(""), area: String::new(), visitor, from, to: None };
    drop(api::pairing(State(desk.app.clone()), desk.caller.clone(), Body(api::RecordBody { version: 0, record })).await?);
    Ok(back(&format!("/office/visitors/{id}")))
}

pub(crate) async fn unpair(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    let to = fields.day("to").ok_or(Problem::Invalid { field: "to", what: |w| w.invalid_field })?;
    let kept: Kept<Pairing> = kept_one(&desk.app, &desk.caller, fields.text("id")).await?;
    if kept.record.visitor.as_str() != id {
        return Err(Problem::NotFound);
    }
    if to < kept.record.from {
        return Err(Problem::Refused(vec![Refused::field("to", "结束早于开始", "it ends before it begins")]));
    }
    let record = Pairing { to: Some(to), ..kept.record };
    drop(api::pairing(State(desk.app.clone()), desk.caller.clone(), Body(api::RecordBody { version: kept.version, record })).await?);
    Ok(back(&format!("/office/visitors/{id}")))
}

#[cfg(test)]
mod tests {
    use super::{cents, yuan};

    #[test]
    fn yuan_are_cents_without_rounding() {
        for (text, is) in [("35", Some(3_500)), ("35.5", Some(3_550)), ("35.05", Some(3_505)), ("", None), ("3.505", None), ("-3", None), ("3,5", None), ("99999999999", None)] {
            assert_eq!(cents(text), is, "{text}");
        }
        assert_eq!(yuan(3_505), "35.05");
    }
}
