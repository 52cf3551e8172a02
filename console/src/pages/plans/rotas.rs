//! Rotas: who is on duty now, who stands in, and the shifts.

use super::edit::named_table;
use super::{Names, meant, page_of, people_choices, people_of, told, words, wrong};
use crate::api::plans::{RotaShape, put_rota, rotas as all_rotas};
use crate::caller::Need;
use crate::extract::Body;
use crate::messages::fill;
use crate::pages::office::{Cell, Desk, Field, Fields, Form, Listing, back, choices, encode, query_value};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use care::plan::{Rota, Shift};
use care::{ContactId, TimeDelta, Timestamp};
use chrono::{LocalResult, NaiveDateTime, TimeZone};
use store::register::ContactRecord;

/// How an instant is written in a line of a rota.
const WRITTEN: &str = "%Y-%m-%d %H:%M";

pub(crate) async fn page(desk: Desk) -> Result<Response, Problem> {
    let p = words(&desk);
    let now = desk.app.now();
    let Json(found) = all_rotas(State(desk.app.clone()), desk.caller.clone()).await?;
    let mut page = page_of("rotas", p.tab_rotas);
    if desk.may(Need::Plan) {
        page = page.link("/rotas/edit", p.new_rota);
    }
    page.told = told(&desk);
    page.lead.push(p.rotas_lead.to_owned());
    let mut names = Names::default();
    let mut table = Listing::new("rotas", p.tab_rotas, &[p.rota, p.area, p.on_duty, p.until, p.lack]);
    for item in &found.items {
        let duty = item.rota.on_duty(now);
        names.learn(&desk, &duty).await?;
        let rota = if desk.may(Need::Plan) { Cell::link(item.name.clone(), format!("/rotas/edit?name={}", encode(&item.name))) } else { Cell::text(item.name.clone()) };
        let who: Vec<String> = duty.iter().map(|id| names.of(&desk, id)).collect();
        let who = if who.is_empty() { Cell::chip("red", p.nobody_on_duty) } else { Cell::wide(who.join(" → ")) };
        let change = item.rota.shifts.iter().flat_map(|shift| [shift.from, shift.to]).filter(|at| *at > now).min();
        let whole = if item.rota.is_whole(now, now + TimeDelta::days(7)) { Cell::chip("ok", p.gap_free) } else { Cell::chip("urgent", p.gaps) };
        table.rows.push(vec![rota, Cell::text(desk.place(&item.area)), who, Cell::text(change.map(|at| desk.when(at)).unwrap_or_default()), whole]);
    }
    page.tables.push(table);
    Ok(desk.show(page))
}

/// The rota of this name; an empty one if there is none, or none that the caller may see.
async fn known(desk: &Desk, name: &str) -> Result<RotaShape, Problem> {
    let Json(found) = all_rotas(State(desk.app.clone()), desk.caller.clone()).await?;
    let empty = || RotaShape { name: String::new(), area: desk.caller.area.clone(), version: 0, rota: Rota::default(), on_duty: Vec::new() };
    Ok(found.items.into_iter().find(|item| item.name == name).unwrap_or_else(empty))
}

pub(crate) async fn edit(desk: Desk) -> Result<Response, Problem> {
    let name = query_value(&desk.query, "name").unwrap_or_default();
    let rota = known(&desk, &name).await?;
    if !name.is_empty() && rota.version == 0 {
        return Err(Problem::NotFound);
    }
    let lines = lines(&desk, &rota.rota);
    draw(desk, &rota, &lines, String::new()).await
}

fn lines(desk: &Desk, rota: &Rota) -> String {
    let at = |at: Timestamp| at.with_timezone(&desk.look.zone).format(WRITTEN).to_string();
    let line = |shift: &Shift| {
        let stand_in = shift.stand_in.as_ref().map(ToString::to_string).unwrap_or_default();
        format!("{} | {} | {} | {stand_in} | {}", shift.contact, at(shift.from), at(shift.to), if shift.away { "away" } else { "" })
    };
    rota.shifts.iter().map(line).collect::<Vec<_>>().join("\n")
}

async fn draw(desk: Desk, rota: &RotaShape, lines: &str, said: String) -> Result<Response, Problem> {
    let p = words(&desk);
    let people = people_of(&desk, None).await?;
    let is_new = rota.version == 0;
    let mut page = page_of("rotas", if is_new { p.new_rota.to_owned() } else { fill(p.rota_of, &[("name", &rota.name)]) });
    page.wrong = said;
    let otherwise = rota.rota.otherwise.as_ref().map(ContactId::as_str).unwrap_or_default();
    // A rota names people, no other rotas.
    let just_people = (people.0, Vec::new());
    let name = if is_new { Field::of("text", "name", p.rota_name, rota.name.clone()).required() } else { Field::of("hidden", "name", "", rota.name.clone()) };
    let fields = vec![
        name,
        Field::of("hidden", "version", "", rota.version.to_string()),
        desk.area_field(&rota.area),
        Field::select("otherwise", p.otherwise, people_choices(&desk, &just_people, otherwise)),
        Field::of("textarea", "shifts", p.shifts, lines).hint(p.shifts_hint),
    ];
    page.forms.push(Form { id: "rota".into(), ..Form::act("", "/rotas/edit", p.save_rota, fields) });
    let now = desk.app.now();
    let mut coming: Vec<&Shift> = rota.rota.shifts.iter().filter(|shift| shift.to > now).collect();
    coming.sort_by_key(|shift| shift.from);
    if !is_new && !coming.is_empty() {
        let mut names = Names::default();
        let everybody: Vec<ContactId> = coming.iter().map(|shift| shift.contact.clone()).collect();
        names.learn(&desk, &everybody).await?;
        let pairs: Vec<(String, String)> = coming
            .iter()
            .take(60)
            .map(|shift| {
                let state = if shift.away { p.is_away } else { p.is_here };
                (shift_key(shift), format!("{} {} – {} ({state})", names.of(&desk, &shift.contact), desk.when(shift.from), desk.when(shift.to)))
            })
            .collect();
        let fields = vec![
            Field::of("hidden", "name", "", rota.name.clone()),
            Field::of("hidden", "version", "", rota.version.to_string()),
            Field::select("shift", p.away_which, choices(pairs.iter().map(|(key, text)| (key.as_str(), text.as_str())), "", None)),
            Field::select("away", p.away_is, choices([("yes", p.is_away), ("no", p.is_here)], "yes", None)),
        ];
        page.forms.push(Form { id: "away".into(), ..Form::act(p.away, "/rotas/away", p.away_go, fields) });
    }
    named_table(&desk, &just_people, &mut page);
    Ok(desk.show(page))
}

/// What tells a shift from the others of its rota.
fn shift_key(shift: &Shift) -> String {
    format!("{}|{}", shift.from.timestamp(), shift.contact)
}

/// A shift out of a line; `None` if it is none.
fn shift(desk: &Desk, people: &(Vec<ContactRecord>, Vec<String>), row: &[String]) -> Option<Shift> {
    let part = |n: usize| row.get(n).map(String::as_str).unwrap_or_default();
    let at = |text: &str| match desk.look.zone.from_local_datetime(&NaiveDateTime::parse_from_str(text, WRITTEN).ok()?) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Some(at.to_utc()),
        LocalResult::None => None,
    };
    let who = |text: &str| Some(meant(people, text)).filter(|id| care::id::well_formed(id.as_str()));
    let stand_in = match part(3) {
        "" => None,
        text => Some(who(text)?),
    };
    let away = match part(4) {
        "" => false,
        "away" | "不在岗" | "请假" => true,
        _ => return None,
    };
    Some(Shift { contact: who(part(0))?, from: at(part(1))?, to: at(part(2))?, stand_in, away })
}

pub(crate) async fn save(desk: Desk, fields: Fields) -> Result<Response, Problem> {
    let people = people_of(&desk, None).await?;
    let mut rota = Rota { shifts: Vec::new(), otherwise: Some(fields.text("otherwise")).filter(|id| !id.is_empty()).map(ContactId::from) };
    let mut unread = None;
    for row in fields.lines("shifts") {
        match shift(&desk, &people, &row) {
            Some(shift) => rota.shifts.push(shift),
            None => unread = Some(row.join(" | ")),
        }
    }
    let shape = RotaShape { name: fields.own("name"), area: fields.own("area"), version: fields.number("version").unwrap_or(0), rota, on_duty: Vec::new() };
    let said = match unread {
        Some(line) => format!("{}: {line}", words(&desk).bad_shift),
        None => match put_rota(State(desk.app.clone()), desk.caller.clone(), Body(shape.clone())).await {
            Ok(_) => return Ok(back("/rotas?kept")),
            Err(problem) => wrong(&desk, problem)?,
        },
    };
    draw(desk, &shape, fields.text("shifts"), said).await
}

pub(crate) async fn away(desk: Desk, fields: Fields) -> Result<Response, Problem> {
    let mut rota = known(&desk, fields.text("name")).await?;
    let Some(shift) = rota.rota.shifts.iter_mut().find(|shift| shift_key(shift) == fields.text("shift")) else {
        return Err(Problem::NotFound);
    };
    shift.away = fields.text("away") == "yes";
    // Against the version that was looked at: a change in between is not overwritten.
    rota.version = fields.number("version").unwrap_or(0);
    let said = match put_rota(State(desk.app.clone()), desk.caller.clone(), Body(rota.clone())).await {
        Ok(_) => return Ok(back("/rotas?kept")),
        Err(problem) => wrong(&desk, problem)?,
    };
    let lines = lines(&desk, &rota.rota);
    draw(desk, &rota, &lines, said).await
}
