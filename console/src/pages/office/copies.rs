//! Who holds which copy on paper (R72): of one elder, with what is still to be handed over; and of a whole area, as a file.

use super::matters::{Found, MatterAsked, records};
use super::part::choices;
use super::{Cell, Desk, Field, Fields, Form, Listing, Page, back};
use crate::api::office::{elder_of, one as kept_one};
use crate::caller::Need;
use crate::extract::{Asked, Id};
use crate::problem::Problem;
use axum::response::Response;
use care::office::Record;
use care::office::copy::{Form as Paper, PaperCopy};
use store::sheet::Order;

fn history(desk: &Desk, copy: &PaperCopy) -> String {
    let did = |did: &str| match did {
        "handed_over" => desk.o.copy_handed,
        "moved" => desk.o.copy_moved,
        _ => desk.o.copy_destroyed,
    };
    copy.log.iter().map(|line| format!("{} {} {} {}", desk.when(line.at), did(&line.did), line.words, line.by)).collect::<Vec<_>>().join("；")
}

fn state(desk: &Desk, copy: &PaperCopy) -> Cell {
    if copy.gone { Cell::chip("", desk.o.copy_destroyed) } else { Cell::chip("ok", &copy.place) }
}

/// The copies of an area.
pub(crate) async fn list(desk: Desk, Asked(asked): Asked<MatterAsked>) -> Result<Response, Problem> {
    let (o, l) = (desk.o, desk.look.language);
    let Found { records: found, next } = records::<PaperCopy>(&desk, &asked, "kept", Order::NewestFirst).await?;
    let mut table = Listing::new("copies", o.copies, &[o.name, o.area, o.paper, o.visit, o.keepers, o.place_kept, o.history]);
    for kept in &found {
        let it = &kept.record;
        let subject = match it.form {
            Paper::Registration => Cell::text(""),
            Paper::Visit => Cell::link(&it.subject, format!("/office/visits/{}", it.subject)),
        };
        table.rows.push(vec![
            desk.elder(&it.elder),
            Cell::text(desk.place(&it.area)),
            Cell::text(it.form.name(l)),
            subject,
            Cell::text(&it.keeper),
            state(&desk, it),
            Cell::wide(history(&desk, it)),
        ]);
    }
    let states = choices([("kept", o.copy_kept), ("gone", o.copy_destroyed), ("all", o.all)], if asked.state.is_empty() { "kept" } else { &asked.state }, None);
    let mut page = Page::new("policy", o.copies).link("/office/retention", o.retention);
    page.search.push(Form::search("/office/copies", o.search, vec![Field::select("state", o.state, states), desk.area_field(&asked.area)]));
    page.tables.push(Listing { next, ..table });
    Ok(desk.show(page))
}

/// The copies of one elder's papers.
pub(crate) async fn of_elder(desk: Desk, Id(id): Id) -> Result<Response, Problem> {
    let (o, l) = (desk.o, desk.look.language);
    let elder = elder_of(&desk.app, &desk.caller, &id).await?;
    let due = desk.app.parts.office.copies_of(&elder.id).await?;
    let mut table = Listing::new("copies", o.copies, &[o.paper, o.visit, o.keepers, o.place_kept, o.history]);
    let (mut open, mut kept) = (Vec::new(), Vec::new());
    for one in &due {
        let label = format!("{} {} · {}", one.form.name(l), if one.form == Paper::Visit { one.subject.as_str() } else { "" }, one.keeper);
        let subject = match one.form {
            Paper::Registration => Cell::text(""),
            Paper::Visit => Cell::link(&one.subject, format!("/office/visits/{}", one.subject)),
        };
        let (at, past) = match &one.kept {
            Some(copy) => (state(&desk, copy), history(&desk, copy)),
            None => (Cell::chip("urgent", o.copy_open), String::new()),
        };
        if one.kept.as_ref().is_none_or(|copy| !copy.gone) {
            open.push((format!("{} {} {}", one.form.code(), one.subject, one.number), label.clone(), false));
        }
        if let Some(copy) = one.kept.as_ref().filter(|copy| !copy.gone) {
            kept.push((copy.id(), label, false));
        }
        table.rows.push(vec![Cell::text(one.form.name(l)), subject, Cell::text(&one.keeper), at, Cell::wide(past)]);
    }
    let mut page = Page::new("elders", format!("{} · {}", elder.name, o.copies)).link(format!("/office/elders/{id}"), o.elder_file);
    page.tables.push(table);
    if !open.is_empty() {
        let fields = vec![Field::select("copy", o.which, open), Field::of("text", "place", o.place_kept, "").required()];
        page.forms.push(Form::act(o.copy_shelve, format!("/office/elders/{id}/copies"), o.save, fields));
    }
    if !kept.is_empty() && desk.may(Need::Supervise) {
        let fields = vec![Field::select("copy", o.which, kept), Field::of("text", "ground", o.ground, "").required()];
        page.forms.push(Form { class: "danger", ..Form::act(o.copy_destroy, "/office/copies/destroy", o.copy_destroy, fields) });
    }
    Ok(desk.show(page))
}

pub(crate) async fn shelve(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    let elder = elder_of(&desk.app, &desk.caller, &id).await?;
    let invalid = || Problem::Invalid { field: "copy", what: |w| w.invalid_field };
    let parts: Vec<&str> = fields.text("copy").split(' ').collect();
    let [form, subject, number] = parts.as_slice() else { return Err(invalid()) };
    let (form, number) = (Paper::from_code(form).ok_or_else(invalid)?, number.parse::<u8>().map_err(|_| invalid())?);
    desk.app.parts.office.shelve_copy(&elder.id, form, subject, number, fields.text("place"), &desk.caller.person).await?;
    Ok(back(&format!("/office/elders/{id}/copies")))
}

pub(crate) async fn destroy(desk: Desk, fields: Fields) -> Result<Response, Problem> {
    let name = fields.own("copy");
    let kept = kept_one::<PaperCopy>(&desk.app, &desk.caller, &name).await?;
    desk.app.parts.office.destroy_copy(&name, fields.text("ground"), &desk.caller.person).await?;
    Ok(back(&format!("/office/elders/{}/copies", kept.record.elder)))
}
