//! One plan of action: where it holds, its rungs, waits and hours. What is refused comes back as it was written.

use super::{CAUSES, LEVELS, level_code, level_of, meant, page_of, people_choices, people_of, scope_of, scope_parts, scope_text, words, wrong};
use crate::api::plans::{EndBody, PlanShape, end as end_plan, may, put};
use crate::extract::Body;
use crate::messages::fill;
use crate::pages::office::{Cell, Desk, Field, Fields, Form, Listing, Page, Section, back, choices, encode, query_value};
use crate::pages::say;
use crate::problem::Problem;
use axum::extract::State;
use axum::response::Response;
use care::plan::{ChannelName, CheckCall, Hours, Order, Plan, RUNGS_MAX, Rung, RungContact};
use care::reason::cause_name;
use care::{Cause, HomeId, Level, TimeDelta};
use store::register::{ContactRecord, PlanRecord, PlanScope, nearest};

/// Where a plan holds.
struct Place {
    scope: PlanScope,
    home: Option<String>,
    cause: Option<Cause>,
    level: Option<Level>,
}

impl Place {
    /// As addresses and forms say it; `None` if that is no place.
    fn read(desk: &Desk, get: impl Fn(&str) -> String) -> Option<Self> {
        let scope = scope_of(&get("kind"), &get("id"))?;
        let home = match &scope {
            PlanScope::Home(home) => Some(home.to_string()),
            // The elder's file knows the home.
            PlanScope::Elder(id) => Some(get("home")).filter(|home| !home.is_empty()).or_else(|| desk.app.parts.office.brief_now(id).map(|brief| brief.home.to_string())),
            PlanScope::Area(_) | PlanScope::City => None,
        };
        Some(Self { scope, home, cause: Cause::parse(&get("cause")), level: level_of(&get("level")) })
    }

    fn hidden(&self) -> Vec<Field> {
        let (kind, id) = scope_parts(&self.scope);
        let hide = |name: &str, value: String| Field::of("hidden", name, "", value);
        vec![
            hide("kind", kind.to_owned()),
            hide("id", id),
            hide("home", self.home.clone().unwrap_or_default()),
            hide("cause", self.cause.as_ref().map(ToString::to_string).unwrap_or_default()),
            hide("level", self.level.map(level_code).unwrap_or_default().to_owned()),
        ]
    }

    fn list(&self) -> String {
        self.home.as_ref().map_or_else(|| "/plans?kept".to_owned(), |home| format!("/plans?home={}&kept", encode(home)))
    }
}

/// Where shall it hold?
fn choose(desk: Desk, said: String) -> Response {
    let p = words(&desk);
    let get = |name: &str| query_value(&desk.query, name).unwrap_or_default();
    let kinds = [("home", p.kind_home), ("elder", p.kind_elder), ("area", p.kind_area), ("city", p.kind_city)];
    let causes: Vec<(String, String)> = CAUSES.iter().map(|cause| (cause.to_string(), cause_name(cause, desk.look.language))).collect();
    let levels = LEVELS.map(|level| (level_code(level), say::level_word(desk.look.words(), level)));
    let fields = vec![
        Field::select("kind", p.kind, choices(kinds, &get("kind"), None)),
        Field::of("text", "id", p.id, get("id")).hint(p.id_hint),
        Field::of("text", "home", p.id_home, get("home")).hint(p.id_home_hint),
        Field::select("cause", p.cause, choices(causes.iter().map(|(code, text)| (code.as_str(), text.as_str())), &get("cause"), Some(p.every_cause))),
        Field::select("level", p.level, choices(levels, &get("level"), Some(p.every_level))),
    ];
    let mut page = page_of("plans", p.new);
    page.wrong = said;
    page.forms.push(Form { method: "get", ..Form::act(p.choose, "/plans/edit", p.go_on, fields) });
    super::shown(desk, page)
}

pub(crate) async fn page(desk: Desk) -> Result<Response, Problem> {
    if query_value(&desk.query, "kind").is_none() {
        return Ok(choose(desk, String::new()));
    }
    let place = Place::read(&desk, |name| query_value(&desk.query, name).unwrap_or_default());
    let Some(place) = place else {
        let said = desk.look.words().invalid_scope.to_owned();
        return Ok(choose(desk, said));
    };
    if let Err(problem) = may(&desk.app, &desk.caller, &place.scope, place.home.as_deref()).await {
        let said = wrong(&desk, problem)?;
        return Ok(choose(desk, said));
    }
    let known = desk.app.parts.register.plans().await?;
    let this = known.iter().find(|record| record.scope == place.scope && record.cause == place.cause && record.level == place.level);
    let (plan, is_new) = match this {
        Some(record) => (record.plan.clone(), false),
        None => (holding(&desk, &place, &known).await?, true),
    };
    draw(desk, &place, &plan, is_new, String::new()).await
}

/// What holds there at present: what a new plan begins with.
async fn holding(desk: &Desk, place: &Place, known: &[PlanRecord]) -> Result<Plan, Problem> {
    let register = &desk.app.parts.register;
    let home = HomeId::new(place.home.clone().unwrap_or_else(|| "-".to_owned()));
    let area = match &place.scope {
        PlanScope::Area(path) => Some(path.clone()),
        PlanScope::Elder(_) | PlanScope::Home(_) | PlanScope::City => register.home(&home).await?.map(|record| record.area),
    };
    let elders = register.elder_ids_of(&home).await?;
    let cause = place.cause.clone().unwrap_or(Cause::Call);
    let level = place.level.unwrap_or_else(|| cause.level());
    Ok(nearest(known, &home, &elders, area.as_deref(), &cause, level).map(|record| record.plan.clone()).unwrap_or_default())
}

async fn draw(desk: Desk, place: &Place, plan: &Plan, is_new: bool, said: String) -> Result<Response, Problem> {
    let p = words(&desk);
    let home = place.home.as_deref().filter(|home| care::id::well_formed(home)).map(HomeId::new);
    let people = people_of(&desk, home.as_ref()).await?;
    let mut page = page_of("plans", fill(p.plan_of, &[("place", &scope_text(&desk, &place.scope))]));
    page.wrong = said;
    if is_new {
        page.lead.push(p.begins_with.to_owned());
    }
    let cause = place.cause.as_ref().map_or_else(|| p.every_cause.to_owned(), |cause| cause_name(cause, desk.look.language));
    let level = place.level.map_or(p.every_level, |level| say::level_word(desk.look.words(), level)).to_owned();
    page.sections.push(Section { title: p.where_.to_owned(), facts: vec![(p.where_.to_owned(), scope_text(&desk, &place.scope)), (p.cause.to_owned(), cause), (p.level.to_owned(), level)] });
    let mut fields = place.hidden();
    fields.extend(rungs(&desk, &people, plan));
    fields.extend(times(&desk, plan));
    page.forms.push(Form::act("", "/plans/edit", p.save, fields));
    if !is_new {
        page.forms.push(Form { class: "danger", ..Form::act(p.end, "/plans/end", p.end_go, place.hidden()) });
    }
    named_table(&desk, &people, &mut page);
    Ok(super::shown(desk, page))
}

fn rungs(desk: &Desk, people: &(Vec<ContactRecord>, Vec<String>), plan: &Plan) -> Vec<Field> {
    let p = words(desk);
    let mut fields = Vec::new();
    // One rung more than there are, and one person more on each: the next to be named.
    for r in 0..(plan.rungs.len() + 1).clamp(2, RUNGS_MAX) {
        let rung = plan.rungs.get(r);
        let order = if rung.is_some_and(|rung| rung.order == Order::InTurn) { "in_turn" } else { "at_once" };
        let wait = rung.map_or(30, |rung| rung.wait.num_seconds());
        fields.push(Field::heading(&fill(p.rung, &[("n", &(r + 1).to_string())])));
        fields.push(Field::select(&format!("order.{r}"), p.order, choices([("at_once", p.at_once), ("in_turn", p.in_turn)], order, None)));
        fields.push(Field::of("number", &format!("wait.{r}"), p.wait_s, wait.to_string()));
        let there = rung.map(|rung| rung.contacts.as_slice()).unwrap_or_default();
        for s in 0..(there.len() + 1).clamp(3, RUNGS_MAX) {
            let entry = there.get(s);
            let chosen = entry.map(|entry| entry.contact.as_str()).unwrap_or_default();
            let channels = entry.map_or_else(|| ChannelName::VOICE.to_owned(), |entry| entry.channels.iter().map(|c| c.as_str()).collect::<Vec<_>>().join(", "));
            fields.push(Field::select(&format!("contact.{r}.{s}"), &fill(p.contact, &[("n", &(s + 1).to_string())]), people_choices(desk, people, chosen)));
            fields.push(Field::of("text", &format!("channels.{r}.{s}"), p.channels, channels).hint(p.channels_hint));
        }
    }
    fields
}

/// Whole minutes, rounded up.
fn minutes(span: TimeDelta) -> String {
    ((span.num_seconds() + 59) / 60).to_string()
}

fn clock(minute: u32) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// A time of day as a minute, 0 to 1440.
pub(super) fn minute_of(text: &str) -> Option<u32> {
    let (hour, minute) = text.trim().split_once([':', '：'])?;
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    (minute < 60 && hour * 60 + minute <= 1_440).then_some(hour.checked_mul(60)? + minute)
}

fn times(desk: &Desk, plan: &Plan) -> Vec<Field> {
    let (p, o) = (words(desk), desk.o);
    let check = plan.check_call.clone();
    let asks = if check.is_some() { "yes" } else { "no" };
    let check = check.unwrap_or_default();
    let channels: Vec<&str> = check.channels.iter().map(|c| c.as_str()).collect();
    let hours: Vec<String> = plan
        .hours
        .iter()
        .flat_map(|(contact, spans)| {
            spans.iter().map(move |span| {
                let days: Vec<String> = span.days.iter().map(ToString::to_string).collect();
                format!("{contact} | {} | {} | {}", clock(span.from_min), clock(span.to_min), days.join(","))
            })
        })
        .collect();
    vec![
        Field::heading(p.times),
        Field::of("number", "round_pause", p.round_pause, plan.round_pause.num_seconds().to_string()),
        Field::of("number", "round_pause_max", p.round_pause_max, plan.round_pause_max.num_seconds().to_string()),
        Field::of("number", "report_within", p.report_within, minutes(plan.report_within)),
        Field::of("number", "close_within", p.close_within, minutes(plan.close_within)),
        Field::of("text", "call_up", p.call_up, plan.call_up.iter().map(ChannelName::as_str).collect::<Vec<_>>().join(", ")),
        Field::heading(p.check_call),
        Field::select("check", p.asks_elder, choices([("no", o.no), ("yes", o.yes)], asks, None)),
        Field::of("number", "check_within", p.within_min, minutes(check.within)),
        Field::of("number", "check_again", p.again_min, minutes(check.again)),
        Field::of("text", "check_channels", p.channels, channels.join(", ")).hint(p.channels_hint),
        Field::heading(p.hours),
        Field::of("textarea", "hours", p.hours, hours.join("\n")).hint(p.hours_hint),
        Field::of("hidden", "zone", "", plan.zone.clone()),
    ]
}

/// Whom a plan or a rota can name.
pub(super) fn named_table(desk: &Desk, people: &(Vec<ContactRecord>, Vec<String>), page: &mut Page) {
    let p = words(desk);
    let mut table = Listing::new("people", p.people, &[p.id, p.name, p.relation, p.reached_by]);
    table.rows = people
        .0
        .iter()
        .map(|record| {
            let (name, relation) = super::named(desk, record);
            let channels: Vec<&str> = record.addresses.keys().map(String::as_str).collect();
            vec![Cell::text(record.id.to_string()), Cell::text(name), Cell::text(relation), Cell::text(channels.join(", "))]
        })
        .collect();
    page.tables.push(table);
}

fn channels_of(text: &str) -> Vec<ChannelName> {
    text.split([',', '，', '、', '/', ' ']).filter(|name| !name.is_empty()).map(ChannelName::from).collect()
}

/// The plan that a form describes, and the line of hours that cannot be read. Numbers that are none become nothing, which the
/// plan's own check refuses.
fn read(fields: &Fields, people: &(Vec<ContactRecord>, Vec<String>)) -> (Plan, Option<String>) {
    let number = |name: &str| i64::from(fields.number(name).unwrap_or(0));
    let mut plan = Plan {
        round_pause: TimeDelta::seconds(number("round_pause")),
        round_pause_max: TimeDelta::seconds(number("round_pause_max")),
        report_within: TimeDelta::minutes(number("report_within")),
        close_within: TimeDelta::minutes(number("close_within")),
        call_up: channels_of(fields.text("call_up")),
        ..Plan::default()
    };
    if !fields.text("zone").is_empty() {
        plan.zone = fields.own("zone");
    }
    for r in 0..RUNGS_MAX {
        let contacts: Vec<RungContact> = (0..RUNGS_MAX)
            .filter(|s| !fields.text(&format!("contact.{r}.{s}")).is_empty())
            .map(|s| RungContact { contact: fields.text(&format!("contact.{r}.{s}")).into(), channels: channels_of(fields.text(&format!("channels.{r}.{s}"))) })
            .collect();
        if !contacts.is_empty() {
            let order = if fields.text(&format!("order.{r}")) == "in_turn" { Order::InTurn } else { Order::AtOnce };
            plan.rungs.push(Rung { contacts, order, wait: TimeDelta::seconds(number(&format!("wait.{r}"))) });
        }
    }
    if fields.text("check") == "yes" {
        plan.check_call = Some(CheckCall {
            channels: channels_of(fields.text("check_channels")),
            within: TimeDelta::minutes(number("check_within")),
            again: TimeDelta::minutes(number("check_again")),
        });
    }
    let mut unread = None;
    for row in fields.lines("hours") {
        let part = |n: usize| row.get(n).map(String::as_str).unwrap_or_default();
        let days = part(3).split([',', '，', ' ']).filter(|day| !day.is_empty()).map(str::parse).collect::<Result<Vec<u32>, _>>();
        match (minute_of(part(1)), minute_of(part(2)), days) {
            (Some(from_min), Some(to_min), Ok(days)) => plan.hours.entry(meant(people, part(0))).or_default().push(Hours { from_min, to_min, days }),
            (_, _, _) => unread = Some(row.join(" | ")),
        }
    }
    (plan, unread)
}

pub(crate) async fn save(desk: Desk, fields: Fields) -> Result<Response, Problem> {
    let Some(place) = Place::read(&desk, |name| fields.own(name)) else {
        return Err(Problem::Invalid { field: "scope", what: |w| w.invalid_scope });
    };
    may(&desk.app, &desk.caller, &place.scope, place.home.as_deref()).await?;
    let home = place.home.as_deref().map(HomeId::new);
    let people = people_of(&desk, home.as_ref()).await?;
    let (plan, unread) = read(&fields, &people);
    if let Some(line) = unread {
        let said = format!("{}: {line}", words(&desk).bad_time);
        return draw(desk, &place, &plan, false, said).await;
    }
    let shape = PlanShape { scope: place.scope.clone(), home: place.home.clone(), cause: place.cause.clone(), level: place.level, plan: plan.clone() };
    let refused = put(State(desk.app.clone()), desk.caller.clone(), Body(shape)).await.err();
    match refused {
        None => Ok(back(&place.list())),
        Some(problem) => {
            let said = wrong(&desk, problem)?;
            draw(desk, &place, &plan, false, said).await
        }
    }
}

pub(crate) async fn end(desk: Desk, fields: Fields) -> Result<Response, Problem> {
    let Some(place) = Place::read(&desk, |name| fields.own(name)) else {
        return Err(Problem::Invalid { field: "scope", what: |w| w.invalid_scope });
    };
    let list = place.list();
    let body = EndBody { scope: place.scope, home: place.home, cause: place.cause, level: place.level };
    end_plan(State(desk.app), desk.caller, Body(body)).await?;
    Ok(back(&list))
}
