//! Daily "I am well" calls: who has asked for one, at what time.

use super::edit::minute_of;
use super::{page_of, told, words, wrong};
use crate::api::plans::{WellCallShape, put_well_call, well_calls};
use crate::caller::Need;
use crate::extract::Body;
use crate::pages::office::{Cell, Desk, Field, Fields, Form, Listing, back, choices, query_value};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use care::{ElderId, HomeId};

pub(crate) async fn page(desk: Desk) -> Result<Response, Problem> {
    let asked = [query_value(&desk.query, "home"), query_value(&desk.query, "elder")].map(Option::unwrap_or_default);
    draw(desk, asked, String::new()).await
}

async fn draw(desk: Desk, [home, elder]: [String; 2], said: String) -> Result<Response, Problem> {
    let p = words(&desk);
    let Json(found) = well_calls(State(desk.app.clone()), desk.caller.clone()).await?;
    let mut page = page_of("well", p.tab_well);
    page.told = told(&desk);
    page.wrong = said;
    page.lead.push(p.well_lead.to_owned());
    let mut table = Listing::new("well", p.tab_well, &[p.well_at, p.well_who, p.home]);
    let mut pairs = Vec::new();
    for item in &found.items {
        let place = desk.app.places.seen_by(&desk.caller, &HomeId::from(item.home.as_str())).await?;
        let id = ElderId::from(item.elder.as_str());
        let name = place.elders.iter().find(|elder| elder.id == id).map_or_else(|| item.elder.clone(), |elder| elder.name.clone());
        let at = format!("{:02}:{:02}", item.minute / 60, item.minute % 60);
        pairs.push((format!("{}|{}", item.home, item.elder), format!("{at} {name}")));
        table.rows.push(vec![Cell::text(at), Cell::text(name), Cell::link(item.home.clone(), format!("/homes/{}", item.home))]);
    }
    table.rows.sort_by(|a, b| a.first().map(|c| &c.text).cmp(&b.first().map(|c| &c.text)));
    page.tables.push(table);
    if desk.may(Need::Plan) {
        let fields = vec![
            Field::of("text", "home", p.home, home).required(),
            Field::of("text", "elder", p.well_elder, elder).hint(p.well_elder_hint),
            Field::of("time", "at", p.well_at, "09:00").required(),
        ];
        page.forms.push(Form { id: "begin".into(), ..Form::act(p.well_new, "/well-calls", p.well_go, fields) });
        if !pairs.is_empty() {
            let which = Field::select("which", p.well_who, choices(pairs.iter().map(|(id, text)| (id.as_str(), text.as_str())), "", None));
            page.forms.push(Form { class: "danger", id: "end".into(), ..Form::act(p.well_end, "/well-calls", p.well_end_go, vec![which]) });
        }
    }
    Ok(desk.show(page))
}

pub(crate) async fn save(desk: Desk, fields: Fields) -> Result<Response, Problem> {
    let p = words(&desk);
    let (home, mut elder) = match fields.text("which").split_once('|') {
        Some((home, elder)) => (home.to_owned(), elder.to_owned()),
        None => (fields.own("home"), fields.own("elder")),
    };
    let on = fields.text("which").is_empty();
    if elder.is_empty() && care::id::well_formed(&home) {
        let id = HomeId::from(home.as_str());
        // Who lives there is told to those only who may see the home.
        let ids = if desk.app.sees(&desk.caller, &id).await? { desk.app.parts.register.elder_ids_of(&id).await? } else { Vec::new() };
        match ids.as_slice() {
            [only] => elder = only.to_string(),
            [] => {}
            [_, _, ..] => return draw(desk, [home, String::new()], p.which_elder.to_owned()).await,
        }
    }
    let Some(minute) = (if on { minute_of(fields.text("at")) } else { Some(0) }) else {
        return draw(desk, [home, elder], p.bad_time.to_owned()).await;
    };
    let body = WellCallShape { home: home.clone(), elder: elder.clone(), minute, on };
    match put_well_call(State(desk.app.clone()), desk.caller.clone(), Body(body)).await {
        Ok(_) => Ok(back("/well-calls?kept")),
        Err(problem) => {
            let said = wrong(&desk, problem)?;
            draw(desk, [home, elder], said).await
        }
    }
}
