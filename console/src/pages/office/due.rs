//! Who is to be visited, as cards for a phone, with the form of Annex 2 in the same page: once the page is there, a visit
//! is written without signal too.

use super::{Desk, Entry, Field, Form, Page, Visits};
use crate::api::office::{area_of, only};
use crate::extract::Asked;
use crate::office::DueRow;
use crate::pages::office::part::choices;
use crate::problem::Problem;
use axum::response::Response;
use care::policy::{Mode, Outcome};
use care::visit::State;
use serde::Deserialize;

/// Cards on a page: a day's work of a liaison, many times over.
const CARDS_MAX: usize = 200;

#[derive(Debug, Default, Deserialize)]
pub(crate) struct DueAsked {
    #[serde(default)]
    area: String,
    #[serde(default)]
    show: String,
}

pub(crate) async fn page(desk: Desk, Asked(asked): Asked<DueAsked>) -> Result<Response, Problem> {
    let o = desk.o;
    let area = area_of(&desk.caller, Some(&asked.area))?;
    let own = only(&desk.app, &desk.caller).await?;
    let office = &desk.app.parts.office;
    let mut rows = office.due(&area, own.as_ref()).await?;
    let total = rows.len();
    if asked.show == "late" {
        rows.retain(|row| row.duties.iter().any(|duty| duty.state == State::Overdue));
    }
    let today = office.today();
    let people = rows.iter().take(CARDS_MAX).map(|row| entry(&desk, row, today)).collect();
    let mut page = Page::new("due", o.tab_due);
    page.lead.push(crate::messages::fill(o.due_lead, &[("n", &total.to_string()), ("day", &today.to_string())]));
    if rows.len() > CARDS_MAX {
        page.lead.push(crate::messages::fill(o.due_first, &[("n", &CARDS_MAX.to_string())]));
    }
    page.search.push(Form::search(
        "/office/due",
        o.search,
        vec![
            desk.area_field(&area),
            Field::select("show", o.show, choices([("late", o.due_late)], &asked.show, Some(o.all))),
        ],
    ));
    page.visits = Some(form(&desk, people));
    Ok(desk.show(page))
}

fn entry(desk: &Desk, row: &DueRow, today: chrono::NaiveDate) -> Entry {
    let o = desk.o;
    let policy = desk.app.parts.office.policy().ok();
    let late = row.duties.iter().any(|duty| duty.state == State::Overdue);
    let soon = row.by().is_some_and(|by| (by - today).num_days() <= 3);
    let duties = row
        .duties
        .iter()
        .map(|duty| {
            let modes = duty.modes.iter().map(|mode| mode.name(desk.look.language)).collect::<Vec<_>>().join("/");
            let (chip, state) = match duty.state {
                State::Overdue => ("red", o.state_overdue),
                State::Due => (if soon { "urgent" } else { "attention" }, o.state_due),
                State::Met => ("ok", o.state_met),
                State::Exempt => ("", o.state_exempt),
            };
            let why = duty.because.as_deref().map(|because| format!(" · {}", care::policy::event_name(because, desk.look.language))).unwrap_or_default();
            (chip, state.to_owned(), format!("{modes} · {} – {}{why}", duty.first, duty.last))
        })
        .collect();
    let tier = row.tier.as_deref().map(|code| tier_name(policy.as_deref(), code)).unwrap_or_default();
    let last = row.last_home_visit.map_or_else(|| o.no_home_visit.to_owned(), |day| crate::messages::fill(o.last_home_visit, &[("day", &day.to_string())]));
    Entry {
        id: row.elder.id.to_string(),
        home: row.elder.home.to_string(),
        area: row.elder.area.clone(),
        name: row.elder.name.clone(),
        tier,
        place: desk.place(&row.elder.area),
        urgency: if late { "late" } else if soon { "soon" } else { "" },
        duties,
        last,
    }
}

/// A tier by the name that the policy gives it.
pub(crate) fn tier_name(policy: Option<&care::policy::Policy>, code: &str) -> String {
    policy.and_then(|policy| policy.tiers.iter().find(|tier| tier.code == code)).map_or_else(|| code.to_owned(), |tier| tier.name.clone())
}

fn form(desk: &Desk, people: Vec<Entry>) -> Visits {
    let o = desk.o;
    let own = |pairs: &[(&'static str, &str)]| pairs.iter().map(|(value, text)| (*value, (*text).to_owned())).collect::<Vec<_>>();
    let change = [("same", o.v_same), ("better", o.v_better), ("worse", o.v_worse)];
    let safety = [("safe", o.v_safe), ("fairly_safe", o.v_fairly_safe), ("unsafe", o.v_unsafe)];
    let rows = [
        ("people", o.v_people, &[("same", o.v_same), ("more", o.v_more), ("fewer", o.v_fewer)]),
        ("speech", o.v_speech, &change),
        ("movement", o.v_movement, &change),
        ("illness", o.v_illness_row, &[("same", o.v_same), ("serious", o.v_serious), ("better", o.v_recovering)]),
        ("mood", o.v_mood, &change),
        ("gas", o.v_gas, &safety),
        ("water", o.v_water, &safety),
        ("electricity", o.v_electricity, &safety),
        ("personal_hygiene", o.v_personal_hygiene, &change),
        ("home_hygiene", o.v_home_hygiene, &change),
        ("rooms", o.v_rooms, &change),
    ];
    let by_people = Mode::ALL.iter().filter(|mode| **mode != Mode::Remote);
    Visits {
        me: desk.caller.person.to_string(),
        people,
        modes: by_people.map(|mode| (mode.code(), mode.name(desk.look.language).to_owned())).collect(),
        outcomes: Outcome::ALL.iter().map(|outcome| (outcome.code(), outcome.name(desk.look.language).to_owned())).collect(),
        rows: rows.into_iter().map(|(name, text, options)| (name, text.to_owned(), own(options))).collect(),
        asks: super::visit::asks(o).into_iter().map(|(name, text, yes, no)| (name, text.to_owned(), own(&[("no", no), ("yes", yes)]))).collect(),
        words: own(&super::visit::asked_words(o)),
        signers: own(&[("visitor", o.v_visitor_signs), ("elder", o.v_elder_signs)]),
        missing: own(&[("cannot_sign", o.v_cannot_sign), ("declined_to_sign", o.v_declined)]),
        tried: own(&[
            ("called_elder", o.v_called_elder),
            ("called_family", o.v_called_family),
            ("asked_neighbours", o.v_asked_neighbours),
            ("told_liaison", o.v_told_liaison),
        ]),
    }
}
