//! Who signs in: the list, somebody's page, and what each role may do.

use super::{HouseWords, house, refuse, role_code, role_name, show, span};
use crate::caller::Need;
use crate::extract::{Asked, Id};
use crate::messages::fill;
use crate::pages::office::{Cell, Desk, Field, Fields, Form, Listing, Page, Section, back};
use crate::people::factor::{self, Standing};
use crate::people::{family, roll, sessions};
use crate::problem::Problem;
use axum::response::Response;
use care::PersonId;
use serde::Deserialize;
use store::register::{PersonRecord, Role};

#[derive(Debug, Default, Deserialize)]
pub(crate) struct PeopleAsked {
    #[serde(default)]
    text: String,
    #[serde(default)]
    role: String,
}

fn role_field(desk: &Desk, chosen: &str, open: Option<&str>) -> Field {
    let codes: Vec<(String, &str)> = Role::ALL.iter().map(|role| (role_code(*role), role_name(desk.look.language, *role))).collect();
    let all = crate::pages::office::choices(codes.iter().map(|(code, name)| (code.as_str(), *name)), chosen, open);
    Field::select("role", house(desk).role, all)
}

fn role_of(code: &str) -> Option<Role> {
    Role::ALL.into_iter().find(|role| role_code(*role) == code)
}

fn place(desk: &Desk, area: &str) -> String {
    if area.is_empty() { house(desk).everywhere.to_owned() } else { desk.place(area) }
}

async fn list_page(desk: &Desk, asked: &PeopleAsked, typed: Option<&Fields>) -> Result<Page, Problem> {
    let h = house(desk);
    let text = |name: &str| typed.map(|fields| fields.own(name)).unwrap_or_default();
    let mut page = Page::new("people", h.tab_people);
    page.search.push(Form::search(
        "/people",
        h.find,
        vec![Field::of("text", "text", h.find_hint, asked.text.clone()), role_field(desk, &asked.role, Some(desk.o.all))],
    ));
    let mut table = Listing::new("people", h.tab_people, &[h.sign_in_name, h.name, h.role, h.area, h.factor, h.state]);
    let wanted = asked.text.trim().to_lowercase();
    for person in roll::list(&desk.app, &desk.caller).await? {
        let fits = wanted.is_empty() || person.name.to_lowercase().contains(&wanted) || person.id.as_str().to_lowercase().contains(&wanted);
        if !fits || (!asked.role.is_empty() && role_code(person.role) != asked.role) {
            continue;
        }
        let factor = if factor::on(&desk.app, &person.id).await? { "✓" } else { "" };
        let (chip, state) = match (person.active, roll::locked_for(&desk.app, &person.id)) {
            (false, _) => ("", h.let_go_state.to_owned()),
            (true, Some(wait)) => ("urgent", fill(h.locked, &[("wait", &span(desk, wait))])),
            (true, None) => ("ok", h.active.to_owned()),
        };
        table.rows.push(vec![
            Cell::link(person.id.as_str(), format!("/people/{}", person.id)),
            Cell::text(&person.name),
            Cell::text(role_name(desk.look.language, person.role)),
            Cell::text(place(desk, &person.area)),
            Cell::text(factor),
            Cell::chip(chip, state),
        ]);
    }
    page.tables.push(table);
    page.forms.push(Form::act(
        h.new_person,
        "/people",
        h.save,
        vec![
            Field::of("text", "id", h.sign_in_name, text("id")).required().hint(h.sign_in_name_hint),
            Field::of("text", "name", h.name, text("name")).required(),
            role_field(desk, &text("role"), None),
            desk.area_field(&text("area")),
            Field::of("password", "password", h.password, "").required().hint(h.password_hint),
        ],
    ));
    Ok(page)
}

pub(crate) async fn list(desk: Desk, Asked(asked): Asked<PeopleAsked>) -> Result<Response, Problem> {
    let page = list_page(&desk, &asked, None).await?;
    Ok(show(desk, page))
}

/// What a form says of somebody.
fn wish(id: String, fields: &Fields) -> Result<roll::Wish, Problem> {
    let role = role_of(fields.text("role")).ok_or(Problem::Invalid { field: "role", what: |w| w.invalid_person_field })?;
    let password = Some(fields.own("password")).filter(|password| !password.is_empty());
    Ok(roll::Wish { id, name: fields.own("name"), role, area: fields.own("area"), password })
}

pub(crate) async fn add(desk: Desk, fields: Fields) -> Result<Response, Problem> {
    let id = fields.own("id");
    // The form that adds does not change who is there already.
    let taken = care::id::well_formed(&id) && desk.app.parts.register.person(&PersonId::new(&id)).await?.is_some_and(|person| person.active);
    let done = match wish(id.clone(), &fields) {
        Ok(_) if taken => Err(Problem::Invalid { field: "id", what: |w| w.invalid_person_taken }),
        Ok(wish) => roll::put(&desk.app, &desk.caller, wish).await,
        Err(problem) => Err(problem),
    };
    match done {
        Ok(_) => Ok(back(&format!("/people/{id}"))),
        Err(problem) => {
            let page = list_page(&desk, &PeopleAsked::default(), Some(&fields)).await?;
            Ok(refuse(desk, page, &problem))
        }
    }
}

fn standing_words(h: &HouseWords, standing: &Standing) -> String {
    match standing {
        Standing::Off => h.factor_off.to_owned(),
        Standing::Pending { .. } => h.factor_pending.to_owned(),
        Standing::On { recovery_left } => fill(h.factor_on, &[("n", &recovery_left.to_string())]),
    }
}

async fn one_page(desk: &Desk, person: &PersonRecord, typed: Option<&Fields>) -> Result<Page, Problem> {
    let h = house(desk);
    let id = person.id.as_str();
    let text = |name: &str, kept: &str| typed.filter(|fields| fields.has(name)).map_or_else(|| kept.to_owned(), |fields| fields.own(name));
    let mut page = Page::new("people", if person.name.is_empty() { id.to_owned() } else { person.name.clone() });
    let standing = factor::standing(&desk.app, &person.id).await?;
    let locked = roll::locked_for(&desk.app, &person.id);
    let state = match (person.active, locked) {
        (false, _) => h.let_go_state.to_owned(),
        (true, Some(wait)) => fill(h.locked, &[("wait", &span(desk, wait))]),
        (true, None) => h.active.to_owned(),
    };
    page.sections.push(Section {
        title: id.to_owned(),
        facts: vec![
            (h.role.to_owned(), role_name(desk.look.language, person.role).to_owned()),
            (h.area.to_owned(), place(desk, &person.area)),
            (h.factor.to_owned(), standing_words(h, &standing)),
            (h.state.to_owned(), state),
        ],
    });
    let mut change = Form::act(
        h.change_person,
        format!("/people/{id}"),
        h.save,
        vec![
            Field::of("text", "name", h.name, text("name", &person.name)).required(),
            role_field(desk, &text("role", &role_code(person.role)), None),
            desk.area_field(&text("area", &person.area)),
            Field::of("password", "password", h.password, "").hint(h.password_keep),
        ],
    );
    if !person.active {
        change.title = format!("{} · {}", h.change_person, h.come_back);
    }
    let mut rows = Listing::new("sessions", h.sessions, &super::account::heading(h));
    for session in sessions::list(&desk.app, &desk.caller, Some(&person.id)).await? {
        rows.rows.push(super::account::row(desk, &session, "/sessions"));
    }
    page.tables.push(rows);
    page.forms.push(change);
    if person.role == Role::Family {
        let bound = family::elders_of(&desk.app, &person.id).await?;
        let bound = bound.iter().map(care::ElderId::as_str).collect::<Vec<_>>().join(", ");
        let fields = vec![Field::of("text", "elders", h.family_elders, text("elders", &bound)).hint(h.family_elders_hint)];
        page.forms.push(Form::act(h.family_elders, format!("/people/{id}/elders"), h.save, fields));
    }
    if locked.is_some() {
        page.forms.push(Form::act(h.unlock, format!("/people/{id}/unlock"), h.unlock, Vec::new()));
    }
    if standing != Standing::Off && person.id != desk.caller.person {
        page.forms.push(Form::act(h.factor_reset, format!("/people/{id}/second-factor/reset"), h.factor_reset, Vec::new()));
    }
    if person.active && person.id != desk.caller.person {
        page.forms.push(Form { class: "danger", ..Form::act(h.let_go_title, format!("/people/{id}/let-go"), h.let_go, Vec::new()) });
    }
    Ok(page)
}

pub(crate) async fn one(desk: Desk, Id(id): Id) -> Result<Response, Problem> {
    let person = roll::one(&desk.app, &desk.caller, &PersonId::new(id)).await?;
    let page = one_page(&desk, &person, None).await?;
    Ok(show(desk, page))
}

pub(crate) async fn change(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    let person = roll::one(&desk.app, &desk.caller, &PersonId::new(&id)).await?;
    let done = match wish(id.clone(), &fields) {
        Ok(wish) => roll::put(&desk.app, &desk.caller, wish).await,
        Err(problem) => Err(problem),
    };
    match done {
        Ok(_) => Ok(back(&format!("/people/{id}"))),
        Err(problem) => {
            let page = one_page(&desk, &person, Some(&fields)).await?;
            Ok(refuse(desk, page, &problem))
        }
    }
}

/// Binds an account of a family to elders.
pub(crate) async fn bind(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    let person = roll::one(&desk.app, &desk.caller, &PersonId::new(&id)).await?;
    let elders: Vec<String> = fields.text("elders").split([',', '，', '、', ' ']).map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect();
    match family::bind(&desk.app, &desk.caller, &person.id, &elders).await {
        Ok(_) => Ok(back(&format!("/people/{id}"))),
        Err(problem) => {
            let page = one_page(&desk, &person, Some(&fields)).await?;
            Ok(refuse(desk, page, &problem))
        }
    }
}

pub(crate) async fn let_go(desk: Desk, Id(id): Id) -> Result<Response, Problem> {
    roll::let_go(&desk.app, &desk.caller, &PersonId::new(&id)).await?;
    Ok(back(&format!("/people/{id}")))
}

pub(crate) async fn unlock(desk: Desk, Id(id): Id) -> Result<Response, Problem> {
    roll::unlock(&desk.app, &desk.caller, &PersonId::new(&id)).await?;
    Ok(back(&format!("/people/{id}")))
}

pub(crate) async fn reset_factor(desk: Desk, Id(id): Id) -> Result<Response, Problem> {
    roll::reset_factor(&desk.app, &desk.caller, &PersonId::new(&id)).await?;
    Ok(back(&format!("/people/{id}")))
}

/// What each role may do, out of the rules themselves.
pub(crate) async fn roles(desk: Desk) -> Response {
    let h = house(&desk);
    let needs = [
        (Need::See, h.need_see),
        (Need::Act, h.need_act),
        (Need::Plan, h.need_plan),
        (Need::Visit, h.need_visit),
        (Need::Office, h.need_office),
        (Need::Supervise, h.need_supervise),
        (Need::City, h.need_city),
        (Need::Refer, h.need_refer),
        (Need::Audit, h.need_audit),
        (Need::People, h.need_people),
    ];
    let mut page = Page::new("roles", h.tab_roles);
    page.lead.push(h.roles_lead.to_owned());
    let heading: Vec<&str> = std::iter::once(h.role).chain(needs.iter().map(|(_, words)| *words)).collect();
    let mut table = Listing::new("roles", h.tab_roles, &heading);
    for role in Role::ALL {
        let mut row = vec![Cell::text(role_name(desk.look.language, role))];
        row.extend(needs.iter().map(|(need, _)| if need.met_by(role) { Cell::chip("ok", h.may) } else { Cell::text("—") }));
        table.rows.push(row);
    }
    page.tables.push(table);
    std::future::ready(show(desk, page)).await
}
