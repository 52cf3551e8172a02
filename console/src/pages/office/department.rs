//! A department's desk: what Annex 3 makes its business, its part of a month's figures, and the referrals to it, those of the month
//! and whatever is still open. A department sees its own, the office every one. And who answers for which department.

use super::figures::{month_field, month_of, tables};
use super::matters::{referral_form, referral_table};
use super::part::choices;
use super::{Cell, Desk, Field, Fields, Form, Listing, Page, back};
use crate::api::office::{area_of, department};
use crate::caller::Need;
use crate::extract::Asked;
use crate::problem::Problem;
use axum::response::Response;
use care::calendar::local_day;
use care::office::matter::{Department, ReferralState};
use care::office::{DepartmentDesk, Referral};
use care::PersonId;
use serde::Deserialize;
use store::register::Role;
use store::sheet::SheetAsk;

#[derive(Debug, Default, Deserialize)]
pub(crate) struct DepartmentAsked {
    #[serde(default)]
    department: String,
    #[serde(default)]
    month: String,
    #[serde(default)]
    area: String,
}

pub(crate) async fn page(desk: Desk, Asked(asked): Asked<DepartmentAsked>) -> Result<Response, Problem> {
    let (o, l) = (desk.o, desk.look.language);
    let own = department(&desk.app, &desk.caller).await?;
    let which = own.or_else(|| Department::from_code(&asked.department)).unwrap_or(Department::CivilAffairs);
    let area = area_of(&desk.caller, Some(&asked.area))?;
    let month = month_of(&desk, &asked.month)?;
    let office = desk.app.parts.office.clone();
    let mut page = Page::new("department", format!("{} · {month}", which.name(l)));
    page.lead.extend(which.duties().iter().map(|words| (*words).to_owned()));
    let mut fields = vec![month_field(&desk, month), desk.area_field(&area)];
    if own.is_none() {
        fields.insert(0, Field::select("department", o.referred_to, choices(Department::ALL.iter().map(|one| (one.code(), one.name(l))), which.code(), None)));
        if desk.may(Need::City) {
            page = page.link("/office/desks", o.desks);
        }
    }
    page.search.push(Form::search("/office/department", o.show, fields));
    let zone = office.zone();
    let referrals = office.all::<Referral>(SheetAsk { area: Some(area.clone()), ..SheetAsk::default() }.newest_first()).await?;
    let wanted = |it: &&Referral| {
        let open = matches!(it.state, ReferralState::Sent | ReferralState::Accepted);
        it.to == which && (month.window().contains(local_day(it.sent_at, zone)) || (open && local_day(it.sent_at, zone) <= month.last()))
    };
    let (table, open) = referral_table(&desk, referrals.iter().map(|kept| &kept.record).filter(wanted));
    page.tables.push(table);
    tables(&desk, &*office.policy()?, &office.figures(month, &area).await?.of(which), &mut page);
    page.forms.extend(referral_form(&desk, open));
    page.notes.push(o.f_lead.to_owned());
    Ok(desk.show(page))
}

/// Who answers for which department.
pub(crate) async fn desks(desk: Desk) -> Result<Response, Problem> {
    let (o, l) = (desk.o, desk.look.language);
    let kept = desk.app.parts.office.all::<DepartmentDesk>(SheetAsk::default()).await?;
    let mut table = Listing::new("desks", o.desks, &[o.who, o.referred_to, o.from]);
    table.rows = kept.iter().map(|kept| &kept.record).map(|it| vec![Cell::text(it.person.to_string()), Cell::text(it.department.name(l)), Cell::text(it.since.to_string())]).collect();
    let mut page = Page::new("department", o.desks).link("/office/department", o.tab_department);
    page.lead.push(o.desks_lead.to_owned());
    page.tables.push(table);
    let departments = choices(Department::ALL.iter().filter(|one| **one != Department::Provider).map(|one| (one.code(), one.name(l))), "", None);
    let fields = vec![Field::of("text", "person", o.visitor_id, "").required(), Field::select("department", o.referred_to, departments)];
    page.forms.push(Form::act(o.desk_new, "/office/desks", o.save, fields));
    Ok(desk.show(page))
}

pub(crate) async fn name(desk: Desk, fields: Fields) -> Result<Response, Problem> {
    let invalid = |field: &'static str| Problem::Invalid { field, what: |w| w.invalid_field };
    let office = desk.app.parts.office.clone();
    let person = PersonId::new(fields.text("person"));
    let known = desk.app.parts.register.person(&person).await?;
    if known.is_none_or(|known| known.role != Role::Department) {
        return Err(invalid("person"));
    }
    let department = Department::from_code(fields.text("department")).ok_or_else(|| invalid("department"))?;
    let before = office.find::<DepartmentDesk>(person.as_str()).await?.map_or(0, |kept| kept.version);
    let entry = DepartmentDesk { person, department, since: office.today() };
    office.put(&entry, before, desk.caller.person.as_str()).await?;
    Ok(back("/office/desks"))
}
