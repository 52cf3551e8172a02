//! The pages of the watch: shift and hand-over, figures of the alarms, homes not heard since an outage, what could not be
//! understood, drills.

use super::office::{Cell, Desk, Field, Fields, Form, Link, Listing, Page, Section, back};
use super::say;
use crate::api::watch::{QualityAsked, operators};
use crate::caller::Need;
use crate::extract::{Asked, Id, words_or_none};
use crate::limits::PAGE_MAX;
use crate::look::Look;
use crate::messages::{Words, fill};
use crate::problem::Problem;
use crate::routes::Table;
use crate::shape::last_seen;
use crate::watch::{drill, quality, shift};
use axum::response::Response;
use care::alarm::Answers;
use care::reason::cause_name;
use care::{Cause, HomeId, PersonId, TimeDelta};

/// The routes of the pages.
pub(crate) fn routes(table: Table) -> Table {
    use Need::{Act, Plan, See, Wall};
    table
        .get("/wall", Wall, super::wall::page)
        .get("/watch/shift", See, shift_page)
        .post("/watch/shift/end", Act, shift_end)
        .post("/watch/shift/take/{id}", Act, shift_take)
        .get("/watch/quality", See, quality_page)
        .get("/watch/outage", See, outage)
        .get("/watch/quarantine", See, quarantine)
        .get("/watch/drill", See, drill_page)
        .post("/watch/drill", Plan, drill_start)
        .post("/watch/drill/end", Plan, drill_end)
        .post("/watch/drill/alarms", Plan, drill_alarm)
}

/// The tabs of these pages; none of them, if `here` is a page of another room.
pub(crate) fn tabs(look: &Look, here: &str) -> Option<Vec<Link>> {
    let w = look.words();
    let all = [
        ("shift", "/watch/shift", w.tab_shift),
        ("quality", "/watch/quality", w.tab_quality),
        ("outage", "/watch/outage", w.tab_outage),
        ("quarantine", "/watch/quarantine", w.tab_quarantine),
        ("drill", "/watch/drill", w.tab_drill),
        ("wall", "/wall", w.tab_wall),
    ];
    let known = all.iter().any(|(name, _, _)| *name == here);
    known.then(|| all.into_iter().map(|(name, href, text)| Link { href: href.to_owned(), text: text.to_owned(), here: name == here }).collect())
}

fn alarm_link(id: &str, text: String) -> Cell {
    Cell::link(text, format!("/?alarm={id}"))
}

/// The name of a cause by its code.
fn cause_of(look: &Look, code: &str) -> String {
    Cause::parse(code).map_or_else(|| code.to_owned(), |cause| cause_name(&cause, look.language))
}

fn state_of<'a>(w: &'a Words, code: &'a str) -> &'a str {
    match code {
        "raised" => w.state_raised,
        "claimed" => w.word_claimed,
        "reported" => w.word_reported,
        other => other,
    }
}

pub(crate) async fn shift_page(desk: Desk) -> Result<Response, Problem> {
    let (app, look, w) = (desk.app.clone(), desk.look, desk.look.words());
    crate::watch::refresh(&app, true).await?;
    let me = desk.caller.person.clone();
    let mut page = Page::new("shift", w.tab_shift);
    page.lead.push(w.shift_lead.to_owned());
    let on = app.watch.on_shift();
    let facts = on.iter().map(|one| (one.name.clone(), fill(w.since, &[("at", &say::minute(&look, one.since, app.now()))]))).collect::<Vec<_>>();
    let nobody = vec![(w.shift_nobody.to_owned(), w.shift_nobody_hint.to_owned())];
    page.sections.push(Section { title: w.shift_on_title.to_owned(), facts: if facts.is_empty() { nobody } else { facts } });

    let mut open = Listing::new("open", w.hand_over_open, &[w.column_elder, w.column_cause, w.column_state, w.column_waits]);
    let mut alarms = app.live.open().await?;
    alarms.sort_by_cached_key(|a| (a.level, a.raised_at, a.id.clone()));
    for alarm in alarms.iter().filter(|a| !app.is_canary(&a.home)).take(PAGE_MAX) {
        if !app.sees(&desk.caller, &alarm.home).await? {
            continue;
        }
        let place = app.places.seen_by(&desk.caller, &alarm.home).await?;
        open.rows.push(vec![
            alarm_link(alarm.id.as_str(), super::queue::who(w, alarm, &place)),
            Cell::chip(say::level(alarm.level).0, cause_name(&alarm.cause, look.language)),
            Cell::text(super::queue::doing(&app, &look, alarm, &place).await?),
            Cell::figure(say::wait(&look, app.now() - alarm.raised_at)),
        ]);
    }
    page.tables.push(open);

    let found = shift::hand_overs(&app, &desk.caller).await?;
    let mut past = Listing::new("hand-overs", w.hand_overs_title, &[w.hand_over_from, w.hand_over_notes, w.hand_over_open_then, w.hand_over_taken, w.hand_over_answer]);
    for one in &found {
        let open: Vec<String> = one.open.iter().map(|it| format!("{} ({})", cause_of(&look, &it.cause), state_of(w, &it.state))).collect();
        let taken = match (&one.taken_by, one.taken_at) {
            (Some(by), Some(at)) => Cell::text(format!("{} {}", app.places.person_name(by).await, say::minute(&look, at, app.now()))),
            _ => Cell::chip("urgent", w.hand_over_waits),
        };
        past.rows.push(vec![
            Cell::text(format!("{} {}", app.places.person_name(&one.from).await, say::minute(&look, one.given_at, app.now()))),
            Cell::wide(&one.notes),
            Cell::wide(if open.is_empty() { w.hand_over_none_open.to_owned() } else { open.join("、") }),
            taken,
            Cell::wide(&one.answer),
        ]);
    }
    if desk.may(Need::Act) {
        for one in found.iter().filter(|one| one.taken_by.is_none() && one.from != me.as_str()) {
            let title = fill(w.hand_over_take_title, &[("who", &app.places.person_name(&one.from).await)]);
            let field = Field::of("textarea", "answer", w.hand_over_answer, "").hint(&one.notes);
            page.forms.push(Form { id: format!("take-{}", one.id), ..Form::act(&title, format!("/watch/shift/take/{}", one.id), w.hand_over_take, vec![field]) });
        }
        let mut others: Vec<(String, String)> = Vec::new();
        for person in app.parts.register.people().await? {
            if person.active && Need::Act.met_by(person.role) && person.id != me {
                others.push((person.id.as_str().to_owned(), if person.name.is_empty() { person.id.as_str().to_owned() } else { person.name }));
            }
        }
        if on.iter().any(|one| one.person == me) {
            let to = super::office::choices(others.iter().map(|(id, name)| (id.as_str(), name.as_str())), "", Some(w.hand_over_anybody));
            let fields = vec![Field::of("textarea", "notes", w.hand_over_notes, "").hint(w.hand_over_notes_hint), Field::select("to", w.hand_over_to, to)];
            page.forms.push(Form { id: "end".to_owned(), ..Form::act(w.shift_end_title, "/watch/shift/end", w.shift_end, fields) });
        }
    }
    page.tables.push(past);
    Ok(desk.show(page))
}

pub(crate) async fn shift_end(desk: Desk, fields: Fields) -> Result<Response, Problem> {
    let notes = words_or_none("notes", fields.text("notes"))?;
    let to = Some(fields.text("to")).filter(|to| care::id::well_formed(to)).map(PersonId::new);
    shift::end(&desk.app, &desk.caller, notes, to).await?;
    Ok(back("/watch/shift"))
}

pub(crate) async fn shift_take(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    let answer = words_or_none("answer", fields.text("answer"))?;
    shift::take(&desk.app, &desk.caller, &id, answer).await?;
    Ok(back("/watch/shift"))
}

fn share(part: u32, whole: u32) -> String {
    if whole == 0 { "–".to_owned() } else { format!("{:.1} %", f64::from(part) * 100.0 / f64::from(whole)) }
}

fn seconds(look: &Look, value: Option<i64>) -> String {
    value.map_or_else(|| "–".to_owned(), |s| say::wait(look, TimeDelta::seconds(s)))
}

fn answers_row(look: &Look, name: Cell, it: &Answers) -> Vec<Cell> {
    vec![
        name,
        Cell::count(it.alarms),
        Cell::count(it.answered),
        Cell::figure(share(it.within_60_s, it.alarms)),
        Cell::figure(share(it.within_180_s, it.alarms)),
        Cell::figure(seconds(look, it.median_s)),
        Cell::figure(seconds(look, it.p90_s)),
    ]
}

pub(crate) async fn quality_page(desk: Desk, Asked(asked): Asked<QualityAsked>) -> Result<Response, Problem> {
    let (app, look, w) = (desk.app.clone(), desk.look, desk.look.words());
    let operators = operators(&app, asked.operators)?;
    let days = quality::days(&app, asked.from, asked.to)?;
    let quality::Counted { days, quality: q, cut } = quality::count(&app, &desk.caller, days, operators).await?;
    let mut page = Page::new("quality", w.tab_quality);
    page.lead.push(w.quality_lead.to_owned());
    let fields = vec![
        Field::of("date", "from", w.quality_from, days.from.to_string()),
        Field::of("date", "to", w.quality_to, days.to.to_string()),
        Field::of("number", "operators", w.quality_operators, operators.to_string()),
    ];
    page.search.push(Form::search("/watch/quality", w.quality_show, fields));
    if cut {
        page.notes.push(w.quality_cut.to_owned());
    }
    let fact = |name: &str, value: String| (name.to_owned(), value);
    page.sections.push(Section {
        title: w.quality_rates.to_owned(),
        facts: vec![
            fact(w.quality_peak_10, q.peak_10_min.to_string()),
            fact(w.quality_peak_hour, q.peak_hour.to_string()),
            fact(w.quality_crowded, format!("{} / {}", q.crowded_windows, q.busy_windows)),
            fact(w.quality_floods, q.floods.len().to_string()),
            fact(w.quality_stale, q.stale.to_string()),
            fact(w.quality_false, format!("{} / {} = {}", q.false_ones, q.closed, share(q.false_ones, q.closed))),
        ],
    });
    let heading = [w.column_level, w.column_alarms, w.quality_answered, "≤ 60 s", "≤ 180 s", w.quality_median, w.quality_p90];
    let mut answers = Listing::new("answers", w.quality_answers, &heading);
    answers.rows.push(answers_row(&look, Cell::text(w.quality_all), &q.all));
    answers.rows.extend(q.levels.iter().map(|(level, it)| answers_row(&look, Cell::chip(say::level(*level).0, say::level_word(w, *level)), it)));
    let home = |id: &HomeId| Cell::link(id.as_str(), format!("/homes/{id}"));
    let mut top = Listing::new("homes", w.quality_top, &[w.nav_homes, w.column_alarms]);
    top.rows = q.top_homes.iter().map(|(id, n)| vec![home(id), Cell::count(*n)]).collect();
    let mut chatter = Listing::new("chattering", w.quality_chatter, &[w.nav_homes, w.column_cause, w.column_alarms, w.quality_presses]);
    chatter.rows = q.chattering.iter().map(|c| vec![home(&c.home), Cell::text(cause_name(&c.cause, look.language)), Cell::count(c.alarms), Cell::count(c.presses)]).collect();
    let mut floods = Listing::new("floods", w.quality_floods, &[w.quality_from, w.quality_to, w.column_alarms]);
    floods.rows = q.floods.iter().map(|f| vec![Cell::text(desk.when(f.from)), Cell::text(desk.when(f.to)), Cell::count(f.alarms)]).collect();
    let mut outcomes = Listing::new("outcomes", w.quality_outcomes, &[w.close_outcome, w.column_alarms]);
    outcomes.rows = q.outcomes.iter().map(|(code, n)| vec![Cell::text(say::outcome(look.language, code)), Cell::count(*n)]).collect();
    page.tables.extend([answers, top, chatter, floods, outcomes]);
    page.notes.push(w.quality_sources.to_owned());
    Ok(desk.show(page))
}

pub(crate) async fn outage(desk: Desk) -> Result<Response, Problem> {
    let (app, look, w) = (desk.app.clone(), desk.look, desk.look.words());
    let now = app.now();
    let mut page = Page::new("outage", w.tab_outage);
    page.lead.push(w.outage_lead.to_owned());
    let mut table = Listing::new("outage", w.tab_outage, &[w.column_elder, w.column_area, w.last_seen, w.outage_due, w.cover]);
    for view in app.parts.homes.outage_worklist(PAGE_MAX).await {
        if !app.sees(&desk.caller, &view.home).await? {
            continue;
        }
        let place = app.places.seen_by(&desk.caller, &view.home).await?;
        let names = place.names();
        let (class, mark, cover) = say::cover(w, Some(view.cover));
        table.rows.push(vec![
            Cell::link(if names.is_empty() { view.home.as_str().to_owned() } else { names }, format!("/homes/{}", view.home)),
            Cell::text(place.area()),
            Cell::text(last_seen(&view).map_or_else(|| w.never.to_owned(), |at| say::ago(&look, at, now))),
            Cell::text(view.next.as_ref().map(|next| say::minute(&look, next.at, now)).unwrap_or_default()),
            Cell::chip(class, format!("{mark} {cover}")),
        ]);
    }
    page.tables.push(table);
    Ok(desk.show(page))
}

pub(crate) async fn quarantine(desk: Desk) -> Result<Response, Problem> {
    let (app, w) = (desk.app.clone(), desk.look.words());
    let mut page = Page::new("quarantine", w.tab_quarantine);
    page.lead.push(w.quarantine_lead.to_owned());
    let mut unknown = Listing::new("unknown", w.unknown_title, &[w.nav_homes, w.devices, w.unknown_first, w.unknown_last, w.unknown_count]);
    for it in app.parts.register.unknown_devices(PAGE_MAX).await? {
        if app.sees(&desk.caller, &it.home).await? {
            let count = u32::try_from(it.count).unwrap_or(u32::MAX);
            let home = Cell::link(it.home.as_str(), format!("/homes/{}", it.home));
            unknown.rows.push(vec![home, Cell::text(it.device.as_str()), Cell::text(desk.when(it.first_at)), Cell::text(desk.when(it.last_at)), Cell::count(count)]);
        }
    }
    let mut kept = Listing::new("quarantine", w.quarantine_title, &[w.column_when, w.nav_homes, w.quarantine_topic, w.column_why, w.quarantine_payload]);
    for it in app.parts.register.quarantined(PAGE_MAX).await? {
        if app.sees(&desk.caller, &it.home).await? {
            let why = care::Reason::new(&it.reason).render(desk.look.language, desk.look.zone);
            let payload: String = String::from_utf8_lossy(&it.payload).chars().take(200).collect();
            kept.rows.push(vec![Cell::text(desk.when(it.heard_at)), Cell::text(it.home.as_str()), Cell::text(&it.topic), Cell::wide(why), Cell::wide(payload)]);
        }
    }
    page.tables.extend([unknown, kept]);
    Ok(desk.show(page))
}

/// What a drill can be about.
const DRILLS: [Cause; 5] = [Cause::Call, Cause::Fall, Cause::Smoke, Cause::Gas, Cause::WaterLeak];

pub(crate) async fn drill_page(desk: Desk) -> Result<Response, Problem> {
    let (app, look, w) = (desk.app.clone(), desk.look, desk.look.words());
    crate::watch::refresh(&app, true).await?;
    let mut page = Page::new("drill", w.tab_drill);
    page.lead.push(w.drill_lead.to_owned());
    if !desk.may(Need::Plan) {
        page.lead.push(w.drill_who.to_owned());
    }
    let on = app.watch.drill(app.now());
    let facts = match &on {
        Some(on) => vec![(w.drill_by.to_owned(), app.places.person_name(on.by.as_str()).await), (w.drill_until.to_owned(), say::minute(&look, on.until, app.now()))],
        None => vec![(w.drill_state.to_owned(), w.drill_off.to_owned())],
    };
    page.sections.push(Section { title: w.tab_drill.to_owned(), facts });
    if desk.may(Need::Plan) {
        if on.is_some() {
            let causes: Vec<(String, String)> = DRILLS.iter().map(|cause| (cause.name(), cause_name(cause, look.language))).collect();
            let choices = super::office::choices(causes.iter().map(|(code, name)| (code.as_str(), name.as_str())), "call", None);
            page.forms.push(Form { id: "alarm".to_owned(), ..Form::act(w.drill_alarm_title, "/watch/drill/alarms", w.drill_alarm, vec![Field::select("cause", w.column_cause, choices)]) });
            page.forms.push(Form { id: "end".to_owned(), ..Form::act(w.drill_end_title, "/watch/drill/end", w.drill_end, Vec::new()) });
        } else {
            let most = drill::DRILL_MAX.num_minutes().to_string();
            let field = Field::of("number", "minutes", w.drill_minutes, "15").required().hint(&fill(w.drill_minutes_hint, &[("most", &most)]));
            page.forms.push(Form { id: "start".to_owned(), ..Form::act(w.drill_start_title, "/watch/drill", w.drill_start, vec![field]) });
        }
    }
    Ok(desk.show(page))
}

pub(crate) async fn drill_start(desk: Desk, fields: Fields) -> Result<Response, Problem> {
    drill::start(&desk.app, &desk.caller, fields.number("minutes").unwrap_or_default()).await?;
    Ok(back("/watch/drill"))
}

pub(crate) async fn drill_end(desk: Desk) -> Result<Response, Problem> {
    if let Some(on) = desk.app.watch.drill(desk.app.now()) {
        drill::finish(&desk.app, &on, Some(&desk.caller)).await?;
    }
    Ok(back("/watch/drill"))
}

pub(crate) async fn drill_alarm(desk: Desk, fields: Fields) -> Result<Response, Problem> {
    let cause = Cause::parse(fields.text("cause")).ok_or(Problem::Invalid { field: "cause", what: |w| w.invalid_field })?;
    let alarm = drill::raise(&desk.app, &desk.caller, cause).await?;
    Ok(back(&format!("/?alarm={}", alarm.id)))
}

/// How far back something lies, for the wall.
pub(crate) fn waited(look: &Look, since: care::Timestamp, now: care::Timestamp) -> String {
    say::wait(look, (now - since).max(TimeDelta::zero()))
}
