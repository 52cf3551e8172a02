//! The forms on paper: a page without a frame, to be printed. Who prints a file has seen it whole: it goes into the audit.

use super::{Desk, sheets};
use crate::api::office::{elder_of, one as kept_one};
use crate::extract::Id;
use crate::office::Kept;
use crate::problem::Problem;
use axum::response::Response;
use care::office::elder::ElderFile;
use care::office::paper::{Heading, Registration, visit_sheets};
use care::office::visit::Visit;
use care::visit::form::VisitForm;
use store::sheet::SheetAsk;

async fn read(desk: &Desk, what: &str, subject: &str) -> Result<(), Problem> {
    let audit = desk.app.parts.office.audit(desk.caller.person.as_str(), what, subject);
    Ok(desk.app.parts.office.write(vec![audit]).await?)
}

pub(crate) async fn registration(desk: Desk, Id(id): Id) -> Result<Response, Problem> {
    elder_of(&desk.app, &desk.caller, &id).await?;
    let office = desk.app.parts.office.clone();
    let kept: Kept<ElderFile> = office.get(&id).await?;
    let (policy, today) = (office.policy()?, office.today());
    let tier = kept.record.chosen_tier.as_deref().or(kept.record.computed_tier(&policy, today));
    read(&desk, "elder.print", &id).await?;
    let print = Registration { file: Some(&kept.record), tier, today, copies: &policy.registration_form.copies };
    Ok(sheets(desk.o.annex_1, (&format!("/office/elders/{id}"), desk.o.back), &print.sheets()))
}

pub(crate) async fn blank_registration(desk: Desk) -> Result<Response, Problem> {
    let office = desk.app.parts.office.clone();
    let policy = office.policy()?;
    let print = Registration { file: None, tier: None, today: office.today(), copies: &policy.registration_form.copies };
    Ok(sheets(desk.o.annex_1, ("/office/elders", desk.o.back), &print.sheets()))
}

pub(crate) async fn blank_visit(desk: Desk) -> Result<Response, Problem> {
    let office = desk.app.parts.office.clone();
    let print = visit_sheets(&VisitForm::default(), Heading::default(), &office.policy()?.visit_form.copies);
    Ok(sheets(desk.o.annex_2, ("/office/elders", desk.o.back), &print))
}

fn printed(desk: &Desk, visit: &Visit, name: &str, copies: &[String]) -> String {
    let end = visit.end.map(|end| format!(" 至 {}", end.with_timezone(&desk.look.zone).format("%H:%M"))).unwrap_or_default();
    let times = format!("{}{end}", desk.when(visit.start));
    visit_sheets(&visit.form, Heading { name, times: &times, visitor: visit.visitor.as_str(), city: "" }, copies)
}

pub(crate) async fn visit(desk: Desk, Id(id): Id) -> Result<Response, Problem> {
    let kept: Kept<Visit> = kept_one(&desk.app, &desk.caller, &id).await?;
    let name = elder_of(&desk.app, &desk.caller, kept.record.elder.as_str()).await?.name;
    let office = desk.app.parts.office.clone();
    let print = printed(&desk, &kept.record, &name, &office.policy()?.visit_form.copies);
    read(&desk, "visit.print", &id).await?;
    Ok(sheets(desk.o.annex_2, (&format!("/office/visits/{id}"), desk.o.back), &print))
}

/// An elder's visits of a year as one booklet, a sheet each (R52).
pub(crate) async fn booklet(desk: Desk, Id(id): Id) -> Result<Response, Problem> {
    let brief = elder_of(&desk.app, &desk.caller, &id).await?;
    let office = desk.app.parts.office.clone();
    let since = desk.app.now() - care::TimeDelta::days(366);
    let visits = office.all::<Visit>(SheetAsk::of("visit").elder(&brief.id).from(since)).await?;
    let one = ["档案".to_owned()];
    let print: String = visits.iter().filter(|kept| kept.record.signed_at.is_some()).map(|kept| printed(&desk, &kept.record, &brief.name, &one)).collect();
    read(&desk, "visit.print", &id).await?;
    let print = if print.is_empty() { format!("<section class=\"sheet\"><p>{}</p></section>", desk.o.nothing) } else { print };
    Ok(sheets(desk.o.booklet, (&format!("/office/elders/{id}"), desk.o.back), &print))
}
