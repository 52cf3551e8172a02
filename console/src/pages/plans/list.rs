//! The plans that hold, for everywhere or for one home; and the homes whose plan reaches too few people.

use super::{CAUSES, Names, ladder, level_code, page_of, scope_parts, scope_text, told, words};
use crate::api::plans::{LackName, PlanShape, PlansAsked, People, WorklistAsked, lacking as lacking_homes, list};
use crate::caller::Need;
use crate::extract::Asked;
use crate::messages::fill;
use crate::pages::office::{Cell, Desk, Field, Form, Listing, encode, query_value};
use crate::pages::say;
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use care::plan::{Lack, Plan, lack};
use care::reason::cause_name;
use care::{Cause, ContactId, HomeId, Level};
use store::register::{PlanRecord, nearest};

/// Plans on one page.
const PAGE: usize = 100;

/// Where a plan is changed.
pub(super) fn edit_address(plan: &PlanShape) -> String {
    let (kind, id) = scope_parts(&plan.scope);
    let cause = plan.cause.as_ref().map(ToString::to_string).unwrap_or_default();
    let level = plan.level.map(level_code).unwrap_or_default();
    format!("/plans/edit?kind={kind}&id={}&home={}&cause={}&level={level}", encode(&id), encode(plan.home.as_deref().unwrap_or_default()), encode(&cause))
}

fn cells(desk: &Desk, names: &Names, plan: &PlanShape) -> Vec<Cell> {
    let p = words(desk);
    let place = scope_text(desk, &plan.scope);
    let place = if desk.may(Need::Plan) { Cell::link(place, edit_address(plan)) } else { Cell::text(place) };
    let cause = plan.cause.as_ref().map_or_else(|| p.every_cause.to_owned(), |cause| cause_name(cause, desk.look.language));
    let level = plan.level.map_or(p.every_level, |level| say::level_word(desk.look.words(), level));
    let asked = plan.plan.check_call.as_ref().map(|check| fill(p.asked_within, &[("n", &check.within.num_minutes().to_string())])).unwrap_or_default();
    vec![place, Cell::text(cause), Cell::text(level), Cell::wide(ladder(desk, names, &plan.plan)), Cell::text(asked)]
}

pub(crate) async fn page(desk: Desk) -> Result<Response, Problem> {
    let p = words(&desk);
    let home = query_value(&desk.query, "home");
    let from: usize = query_value(&desk.query, "from").and_then(|n| n.parse().ok()).unwrap_or(0);
    let Json(found) = list(State(desk.app.clone()), desk.caller.clone(), Asked(PlansAsked { home: home.clone() })).await?;
    let mut page = page_of("plans", p.tab_plans);
    if desk.may(Need::Plan) {
        page = page.link("/plans/edit", p.new);
    }
    page.told = told(&desk);
    page.lead.push(p.lead.to_owned());
    page.search.push(Form::search("/plans", p.show, vec![Field::of("text", "home", p.home, home.clone().unwrap_or_default())]));
    let mut names = Names::default();
    if let Some(home) = home.filter(|home| care::id::well_formed(home)) {
        page.tables.push(holding(&desk, &mut names, &HomeId::new(home), &found.items).await?);
    }
    let shown: Vec<&PlanShape> = found.items.iter().skip(from).take(PAGE).collect();
    let everybody: Vec<ContactId> = shown.iter().flat_map(|plan| callees(&plan.plan)).collect();
    names.learn(&desk, &everybody).await?;
    let mut table = Listing::new("plans", p.tab_plans, &[p.where_, p.cause, p.level, p.ladder, p.check_call]);
    table.rows = shown.iter().map(|plan| cells(&desk, &names, plan)).collect();
    table.next = (found.items.len() > from + PAGE).then(|| format!("/plans?from={}", from + PAGE));
    page.tables.push(table);
    Ok(desk.show(page))
}

fn callees(plan: &Plan) -> Vec<ContactId> {
    plan.rungs.iter().flat_map(|rung| &rung.contacts).map(|entry| entry.contact.clone()).collect()
}

/// For each cause the plan that counts for a home.
async fn holding(desk: &Desk, names: &mut Names, home: &HomeId, plans: &[PlanShape]) -> Result<Listing, Problem> {
    let p = words(desk);
    let register = &desk.app.parts.register;
    let (elders, area) = (register.elder_ids_of(home).await?, register.home(home).await?.map(|record| record.area));
    let records: Vec<PlanRecord> =
        plans.iter().map(|plan| PlanRecord { scope: plan.scope.clone(), cause: plan.cause.clone(), level: plan.level, plan: plan.plan.clone() }).collect();
    let mut table = Listing::new("holds", p.holds, &[p.cause, p.level, p.where_, p.ladder, p.lack]);
    let asked: Vec<(&Cause, Level)> = CAUSES.iter().map(|cause| (cause, cause.level())).chain([(&Cause::Inactivity, Level::Urgent)]).collect();
    for (cause, level) in asked {
        let Some(record) = nearest(&records, home, &elders, area.as_deref(), cause, level) else { continue };
        names.learn(desk, &callees(&record.plan)).await?;
        let people = People::of(&desk.app, &record.plan).await?;
        let lacks = match lack(&record.plan, |c| people.round_the_clock(c)) {
            None => Cell::chip("ok", p.enough),
            Some(Lack::NoRungs) => Cell::chip("red", p.lack_no_rungs),
            Some(Lack::TooFew) => Cell::chip("urgent", p.lack_too_few),
        };
        let level = say::level_word(desk.look.words(), level);
        table.rows.push(vec![
            Cell::text(cause_name(cause, desk.look.language)),
            Cell::text(level),
            Cell::text(scope_text(desk, &record.scope)),
            Cell::wide(ladder(desk, names, &record.plan)),
            lacks,
        ]);
    }
    Ok(table)
}

pub(crate) async fn lacking(desk: Desk) -> Result<Response, Problem> {
    let p = words(&desk);
    let asked = WorklistAsked { cursor: query_value(&desk.query, "cursor"), limit: Some(PAGE) };
    let Json(found) = lacking_homes(State(desk.app.clone()), desk.caller.clone(), Asked(asked)).await?;
    let mut page = page_of("lacking", p.tab_lacking);
    page.lead.push(p.lacking_lead.to_owned());
    let mut table = Listing::new("lacking", p.tab_lacking, &[p.home, p.elders, p.lack, ""]);
    for item in &found.items {
        let home = HomeId::from(item.home.as_str());
        let place = desk.app.places.seen_by(&desk.caller, &home).await?;
        let lacks = match item.lack {
            LackName::NoRungs => Cell::chip("red", p.lack_no_rungs),
            LackName::TooFew => Cell::chip("urgent", p.lack_too_few),
        };
        let go = if desk.may(Need::Plan) { Cell::link(p.make_plan, format!("/plans/edit?kind=home&id={home}&home={home}&level=red")) } else { Cell::text("") };
        table.rows.push(vec![Cell::link(item.home.clone(), format!("/homes/{home}")), Cell::text(place.names()), lacks, go]);
    }
    table.next = found.next.map(|next| format!("/plans/lacking?cursor={next}"));
    page.tables.push(table);
    Ok(desk.show(page))
}
