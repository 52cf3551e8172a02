//! One's own account: the password, the second factor, where one is signed in. And everybody's sign-ins, for who keeps
//! the people.

use super::{HouseWords, house, refuse, role_name, show, span, text_of};
use crate::extract::Id;
use crate::messages::fill;
use crate::pages::office::{Cell, Desk, Field, Fields, Form, Listing, Page, Section, back};
use crate::pages::qr;
use crate::people::factor::{self, Standing};
use crate::people::sessions::{self, Session};
use crate::people::{half, roll, totp};
use crate::problem::Problem;
use axum::response::Response;

/// The columns of sign-ins.
pub(super) fn heading(h: &HouseWords) -> [&'static str; 7] {
    [h.whose, h.kind, h.began, h.used, h.idle_ends, h.ends, ""]
}

/// A sign-in as a row, with the button that ends it.
pub(super) fn row(desk: &Desk, session: &Session, base: &str) -> Vec<Cell> {
    let h = house(desk);
    let kind = match (session.own, session.program) {
        (true, _) => Cell::chip("ok", h.this_one),
        (false, true) => Cell::text(h.program),
        (false, false) => Cell::text(h.browser),
    };
    let end = if session.own {
        Cell::text("")
    } else {
        let label = fill(h.end_of, &[("who", session.person.as_str()), ("id", &session.id)]);
        Cell::button(h.end, format!("{base}/{}/end", session.id), label)
    };
    vec![
        Cell::text(session.person.as_str()),
        kind,
        Cell::text(desk.when(session.began)),
        Cell::text(desk.when(session.used)),
        Cell::text(session.idle_ends.map(|at| desk.when(at)).unwrap_or_default()),
        Cell::text(desk.when(session.ends)),
        end,
    ]
}

fn lifetimes(desk: &Desk) -> String {
    let settings = &desk.app.settings;
    fill(house(desk).sessions_lead, &[("idle", &span(desk, settings.session_idle)), ("life", &span(desk, settings.session_lifetime))])
}

pub(crate) async fn everybodys(desk: Desk) -> Result<Response, Problem> {
    let h = house(&desk);
    let mut page = Page::new("sessions", h.tab_sessions);
    page.lead.push(lifetimes(&desk));
    let mut table = Listing::new("sessions", h.sessions, &heading(h));
    table.rows = sessions::list(&desk.app, &desk.caller, None).await?.iter().map(|session| row(&desk, session, "/sessions")).collect();
    page.tables.push(table);
    Ok(show(desk, page))
}

pub(crate) async fn end_anybodys(desk: Desk, Id(id): Id) -> Result<Response, Problem> {
    sessions::end(&desk.app, &desk.caller, None, &id).await?;
    Ok(back("/sessions"))
}

pub(crate) async fn end_own(desk: Desk, Id(id): Id) -> Result<Response, Problem> {
    sessions::end(&desk.app, &desk.caller, Some(&desk.caller.person), &id).await?;
    Ok(back("/account"))
}

async fn draw(desk: &Desk) -> Result<Page, Problem> {
    let h = house(desk);
    let mut page = Page::new("account", h.tab_account);
    let standing = factor::standing(&desk.app, &desk.caller.person).await?;
    let must = desk.app.settings.second_factor.asked_of(desk.caller.role);
    if must && !matches!(standing, Standing::On { .. }) {
        h.factor_must.clone_into(&mut page.wrong);
    }
    let place = if desk.caller.area.is_empty() { h.everywhere.to_owned() } else { desk.place(&desk.caller.area) };
    page.sections.push(Section {
        title: desk.caller.person.as_str().to_owned(),
        facts: vec![
            (h.name.to_owned(), desk.caller.name.clone()),
            (h.role.to_owned(), role_name(desk.look.language, desk.caller.role).to_owned()),
            (h.area.to_owned(), place),
        ],
    });
    let code = |label: &str| Field { autocomplete: "one-time-code", ..Field::of("text", "code", label, "").required() };
    match &standing {
        Standing::Off => page.forms.push(Form::act(h.factor, "/account/second-factor", h.factor_begin, Vec::new()).lead(h.factor_lead)),
        Standing::Pending { secret } => {
            page.forms.push(
                Form::act(h.factor, "/account/second-factor/confirm", h.factor_confirm, vec![code(h.factor_code)])
                    .lead(&format!("{} {secret}", h.factor_scan))
                    .figure(qr::picture(&totp::address(desk.caller.person.as_str(), secret), h.qr_label)),
            );
            page.forms.push(Form::act("", "/account/second-factor", h.factor_again, Vec::new()));
        }
        Standing::On { recovery_left } => {
            let off = Form::act(h.factor, "/account/second-factor/off", h.factor_turn_off, vec![code(h.factor_code)]);
            page.forms.push(off.lead(&fill(h.factor_on, &[("n", &recovery_left.to_string())])));
        }
    }
    let password = |name: &str, label: &str, kind: &'static str| Field { autocomplete: kind, ..Field::of("password", name, label, "").required() };
    page.forms.push(Form::act(
        h.change_password,
        "/account/password",
        h.save,
        vec![
            password("old", h.old_password, "current-password"),
            password("new", h.new_password, "new-password"),
            password("again", h.new_again, "new-password"),
        ],
    ));
    let mut table = Listing::new("sessions", h.sessions, &heading(h));
    table.rows = sessions::list(&desk.app, &desk.caller, Some(&desk.caller.person)).await?.iter().map(|session| row(desk, session, "/account/sessions")).collect();
    page.tables.push(table);
    page.notes.push(lifetimes(desk));
    Ok(page)
}

pub(crate) async fn page(desk: Desk) -> Result<Response, Problem> {
    let page = draw(&desk).await?;
    Ok(show(desk, page))
}

/// The account again, with what was done, or with what was wrong.
async fn again(desk: Desk, done: Result<&str, Problem>) -> Result<Response, Problem> {
    let mut page = draw(&desk).await?;
    match done {
        Ok(told) => {
            told.clone_into(&mut page.told);
            Ok(show(desk, page))
        }
        Err(problem) => Ok(refuse(desk, page, &problem)),
    }
}

pub(crate) async fn password(desk: Desk, fields: Fields) -> Result<Response, Problem> {
    let told = house(&desk).password_changed;
    if fields.text("new") != fields.text("again") {
        return again(desk, Err(Problem::Invalid { field: "again", what: |w| w.invalid_again })).await;
    }
    let done = roll::change_password(&desk.app, &desk.caller, fields.own("old"), fields.own("new")).await;
    again(desk, done.map(|()| told)).await
}

pub(crate) async fn factor_begin(desk: Desk) -> Result<Response, Problem> {
    factor::begin(&desk.app, &desk.caller).await?;
    Ok(back("/account"))
}

pub(crate) async fn factor_confirm(desk: Desk, fields: Fields) -> Result<Response, Problem> {
    let h = house(&desk);
    match factor::confirm(&desk.app, &desk.caller, fields.text("code")).await {
        Ok(codes) => {
            let mut page = Page::new("account", h.factor);
            h.factor_is_on.clone_into(&mut page.told);
            page.lead.push(h.recovery_title.to_owned());
            page.text = codes.join("\n");
            page.notes.push(h.recovery_note.to_owned());
            page = page.link("/account", text_of(&desk, |w| w.my_account));
            Ok(show(desk, page))
        }
        Err(problem) => again(desk, Err(problem)).await,
    }
}

pub(crate) async fn factor_off(desk: Desk, fields: Fields) -> Result<Response, Problem> {
    let told = house(&desk).factor_off;
    let done = half::turn_off(&desk.app, &desk.caller, fields.text("code")).await;
    again(desk, done.map(|()| told)).await
}
