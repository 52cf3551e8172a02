//! What was learned of a home, made visible: how long it may be quiet at which hour and what was usual; the rules beside
//! silence, tried on the past before they are switched on; and what people tell about the home.

use super::frame::{Frame, path_of};
use super::{html, say};
use crate::api::detection::{tell, tried};
use crate::api::homes::find;
use crate::app::App;
use crate::caller::{Caller, Need};
use crate::extract::Id;
use crate::look::Look;
use crate::messages::{Words, fill};
use crate::problem::Problem;
use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use care::{Cause, HomeId};
use care::home::{Pets, RoutineView, Rules, Switch, Told};
use care::reason::{cause_name, span};
use chrono::{LocalResult, NaiveDate, NaiveTime, TimeZone};
use serde::Deserialize;

/// How far back a rule is tried from this page, days.
const TRIAL_DAYS: u32 = 60;
/// Height of the picture for twelve hours of silence, and the width of an hour.
const HEIGHT: f64 = 144.0;
const HOUR: f64 = 24.0;
const CAP_S: f64 = 12.0 * 3600.0;

/// One hour of the picture.
struct Bar {
    x: f64,
    label: Option<u8>,
    attention_y: f64,
    attention_height: f64,
    urgent_y: f64,
    longest_y: Option<f64>,
    title: String,
    now: bool,
}

/// A rule, as the form shows it.
struct Choice {
    name: &'static str,
    title: &'static str,
    what: &'static str,
    on: bool,
}

/// What the rules would have said.
struct Trial {
    head: String,
    rows: Vec<(String, String, String)>,
}

#[derive(Template)]
#[template(path = "routine.html")]
struct Page {
    look: Look,
    t: &'static Words,
    v: &'static str,
    frame: Frame,
    home: String,
    who: String,
    heard: bool,
    learned: String,
    start: String,
    bars: Vec<Bar>,
    lines: [(f64, u8); 4],
    choices: Vec<Choice>,
    trial: Option<Trial>,
    pets: bool,
    acts: bool,
    wrong: &'static str,
    told: &'static str,
}

/// What the forms of the page send.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Sent {
    /// `try`, `save`, `away`, `back`, `pets`.
    #[serde(rename = "do", default)]
    verb: String,
    #[serde(default)]
    until: String,
    #[serde(default)]
    pets: String,
    bed_left: Option<String>,
    door_night: Option<String>,
    running_long: Option<String>,
    temperature: Option<String>,
    no_morning: Option<String>,
    restless_night: Option<String>,
    water_use: Option<String>,
    door_unused: Option<String>,
    decline: Option<String>,
}

impl Sent {
    fn rules(&self) -> Rules {
        let switch = |field: &Option<String>| if field.is_some() { Switch::On } else { Switch::Off };
        Rules {
            bed_left: switch(&self.bed_left),
            door_night: switch(&self.door_night),
            running_long: switch(&self.running_long),
            temperature: switch(&self.temperature),
            no_morning: switch(&self.no_morning),
            restless_night: switch(&self.restless_night),
            water_use: switch(&self.water_use),
            door_unused: switch(&self.door_unused),
            decline: switch(&self.decline),
        }
    }
}

fn words_of(w: &'static Words, name: &str) -> (&'static str, &'static str) {
    match name {
        "bed_left" => (w.rule_bed_left, w.rule_bed_left_what),
        "door_night" => (w.rule_door_night, w.rule_door_night_what),
        "running_long" => (w.rule_running_long, w.rule_running_long_what),
        "temperature" => (w.rule_temperature, w.rule_temperature_what),
        "no_morning" => (w.rule_no_morning, w.rule_no_morning_what),
        "restless_night" => (w.rule_restless_night, w.rule_restless_night_what),
        "water_use" => (w.rule_water_use, w.rule_water_use_what),
        "door_unused" => (w.rule_door_unused, w.rule_door_unused_what),
        _ => (w.rule_decline, w.rule_decline_what),
    }
}

fn choices(w: &'static Words, rules: &Rules) -> Vec<Choice> {
    rules
        .all()
        .into_iter()
        .map(|(name, switch)| {
            let (title, what) = words_of(w, name);
            Choice { name, title, what, on: switch == Switch::On }
        })
        .collect()
}

fn bars(view: &RoutineView, look: &Look, hour_now: u32) -> Vec<Bar> {
    let w = look.words();
    let y = |seconds: i64| {
        #[expect(clippy::cast_precision_loss, reason = "at most a few days of seconds")]
        let share = (seconds as f64 / CAP_S).clamp(0.0, 1.0);
        HEIGHT - HEIGHT * share
    };
    (0u8..)
        .zip(&view.hours)
        .map(|(hour, h)| {
            let attention_y = y(h.attention.num_seconds());
            let longest = h.longest.map(|l| l.num_seconds());
            let say = |seconds: i64| span(seconds, look.language);
            let longest_text = longest.map_or_else(|| "–".to_owned(), say);
            let title = fill(w.routine_hour, &[("hour", &hour.to_string()), ("attention", &say(h.attention.num_seconds())), ("urgent", &say(h.urgent.num_seconds())), ("longest", &longest_text)]);
            Bar {
                x: f64::from(hour) * HOUR,
                label: (hour % 3 == 0).then_some(hour),
                attention_y,
                attention_height: HEIGHT - attention_y,
                urgent_y: y(h.urgent.num_seconds()),
                longest_y: longest.map(y),
                title,
                now: u32::from(hour) == hour_now,
            }
        })
        .collect()
}

fn minute(minutes: f32) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "a minute of the day")]
    let minutes = minutes.round().clamp(0.0, 1439.0) as i64;
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// What the page shows beside the home itself.
#[derive(Default)]
struct Said {
    rules: Option<Rules>,
    trial: Option<Trial>,
    wrong: Option<fn(&Words) -> &'static str>,
    told: Option<fn(&Words) -> &'static str>,
}

async fn build(app: &App, caller: &Caller, headers: &HeaderMap, uri: &Uri, id: String, said: Said) -> Result<Response, Problem> {
    let look = Look::of(app, headers);
    let w = look.words();
    let found = find(app, caller, HomeId::new(id)).await?;
    let view = app.parts.homes.routine(&found.id).await;
    let names = found.place.names();
    let frame = Frame::new(app, caller, look, "homes", path_of(uri));
    let now = app.now().with_timezone(&look.zone);
    let learned = view.as_ref().map(|v| fill(w.routine_learned, &[("days", &format!("{:.0}", v.learned_days))])).unwrap_or_default();
    let start = view.as_ref().and_then(|v| v.usual_start).map_or_else(|| w.routine_start_unknown.to_owned(), |s| fill(w.routine_start, &[("usual", &minute(s.minute)), ("late", &minute(s.late))]));
    let rules = said.rules.or(view.as_ref().map(|v| v.rules)).unwrap_or_default();
    let page = Page {
        look,
        t: frame.t,
        v: frame.v,
        home: found.id.as_str().to_owned(),
        who: if names.is_empty() { found.id.as_str().to_owned() } else { names },
        heard: view.is_some(),
        learned,
        start,
        bars: view.as_ref().map(|v| bars(v, &look, chrono::Timelike::hour(&now))).unwrap_or_default(),
        lines: [(0.0, 12), (HEIGHT / 3.0, 8), (HEIGHT * 2.0 / 3.0, 4), (HEIGHT, 0)],
        choices: choices(w, &rules),
        trial: said.trial,
        pets: view.as_ref().is_some_and(|v| v.pets == Pets::SeenByMotion),
        acts: Need::Act.met_by(caller.role),
        wrong: said.wrong.map(|what| what(w)).unwrap_or_default(),
        told: said.told.map(|what| what(w)).unwrap_or_default(),
        frame,
    };
    Ok(html(StatusCode::OK, &page))
}

pub(crate) async fn page(State(app): State<App>, caller: Caller, headers: HeaderMap, uri: Uri, Id(id): Id) -> Result<Response, Problem> {
    let told: Option<fn(&Words) -> &'static str> = uri.query().is_some_and(|q| q == "kept").then_some(|w| w.routine_kept);
    build(&app, &caller, &headers, &uri, id, Said { told, ..Said::default() }).await
}

pub(crate) async fn sent(State(app): State<App>, caller: Caller, headers: HeaderMap, uri: Uri, Id(id): Id, Form(sent): Form<Sent>) -> Result<Response, Problem> {
    let told = match sent.verb.as_str() {
        "try" => {
            let look = Look::of(&app, &headers);
            let found = find(&app, &caller, HomeId::new(id.clone())).await?;
            let would = tried(&app, &found.id, sent.rules(), TRIAL_DAYS).await?;
            let head = fill(look.words().trial_head, &[("n", &would.items.len().to_string()), ("days", &TRIAL_DAYS.to_string())]);
            let now = app.now();
            let rows = would
                .items
                .into_iter()
                .map(|row| {
                    let text = if look.language == care::Language::Zh { row.reason.text.zh } else { row.reason.text.en };
                    let cause = Cause::parse(&row.cause).map_or(row.cause, |cause| cause_name(&cause, look.language));
                    (say::minute(&look, row.at, now), cause, text)
                })
                .collect();
            let said = Said { rules: Some(sent.rules()), trial: Some(Trial { head, rows }), ..Said::default() };
            return build(&app, &caller, &headers, &uri, id, said).await;
        }
        "save" => (Told::Rules(sent.rules()), "home.rules"),
        "away" => {
            let day: Option<NaiveDate> = sent.until.parse().ok();
            let noon = day.map(|day| app.settings.zone.from_local_datetime(&day.and_time(NaiveTime::default())));
            let until = match noon {
                Some(LocalResult::Single(at) | LocalResult::Ambiguous(at, _)) => at.to_utc() + chrono::TimeDelta::hours(20),
                Some(LocalResult::None) | None => return wrong(&app, &caller, &headers, &uri, id).await,
            };
            if until <= app.now() || until > app.now() + chrono::TimeDelta::days(400) {
                return wrong(&app, &caller, &headers, &uri, id).await;
            }
            (Told::Holiday { until }, "home.away")
        }
        "back" => (Told::BackHome, "home.back"),
        "pets" => (Told::Pets(if sent.pets == "yes" { Pets::SeenByMotion } else { Pets::None }), "home.pets"),
        _ => return Err(Problem::Invalid { field: "do", what: |w| w.invalid_field }),
    };
    let back = format!("/homes/{id}/routine?kept");
    tell(&app, &caller, id, told.0, told.1).await?;
    Ok(Redirect::to(&back).into_response())
}

async fn wrong(app: &App, caller: &Caller, headers: &HeaderMap, uri: &Uri, id: String) -> Result<Response, Problem> {
    build(app, caller, headers, uri, id, Said { wrong: Some(|w| w.invalid_until), ..Said::default() }).await
}
