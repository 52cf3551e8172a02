//! The wall board: figures to be read across a room, and nobody's name. It draws itself anew every few seconds.

use super::watch::waited;
use super::{assets, html, say};
use crate::api::watch::{WallShape, on_the_wall};
use crate::app::App;
use crate::caller::{Caller, Need};
use crate::look::Look;
use crate::messages::{Words, fill};
use crate::problem::Problem;
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use care::reason::cause_name;

/// An alarm on the wall.
struct Row {
    class: &'static str,
    mark: &'static str,
    level: &'static str,
    cause: String,
    area: String,
    raised: bool,
    state: &'static str,
    since: i64,
    wait: String,
    test: bool,
}

#[derive(Template)]
#[template(path = "wall.html")]
struct Page {
    look: Look,
    t: &'static Words,
    v: &'static str,
    now_ms: i64,
    clock: String,
    board: WallShape,
    /// The caller sees more than the wall: there is a way back.
    sees: bool,
    oldest: Option<(i64, String)>,
    within_60: String,
    within_180: String,
    share_60: String,
    share_180: String,
    /// Percent, 0 to 100, for the bars.
    bar_60: u32,
    bar_180: u32,
    drill: String,
    rows: Vec<Row>,
}

fn percent(part: u32, whole: u32) -> u32 {
    part.saturating_mul(100).checked_div(whole).unwrap_or(100)
}

pub(crate) async fn page(State(app): State<App>, caller: Caller, headers: HeaderMap) -> Result<Response, Problem> {
    let look = Look::of(&app, &headers);
    let w = look.words();
    let now = app.now();
    let board = on_the_wall(&app, &caller).await?;
    let rows = board
        .rows
        .iter()
        .filter_map(|row| {
            let (level, cause) = row.of.as_ref()?;
            let (class, mark) = say::level(*level);
            let raised = row.state == crate::shape::StateName::Raised;
            Some(Row {
                class,
                mark,
                level: say::level_word(w, *level),
                cause: cause_name(cause, look.language),
                area: row.area.clone(),
                raised,
                state: if raised { w.state_raised } else { w.wall_taken },
                since: row.raised_at.timestamp(),
                wait: waited(&look, row.raised_at, now),
                test: row.test,
            })
        })
        .collect();
    let share = |part: u32| if board.today == 0 { "–".to_owned() } else { format!("{} %", percent(part, board.today)) };
    let page = Page {
        look,
        t: w,
        v: assets::version(),
        now_ms: now.timestamp_millis(),
        clock: now.with_timezone(&look.zone).format("%H:%M").to_string(),
        oldest: board.oldest.map(|at| (at.timestamp(), waited(&look, at, now))),
        within_60: fill(w.wall_within, &[("n", "60")]),
        within_180: fill(w.wall_within, &[("n", "180")]),
        share_60: share(board.within_60_s),
        share_180: share(board.within_180_s),
        bar_60: percent(board.within_60_s, board.today),
        bar_180: percent(board.within_180_s, board.today),
        drill: board.drill_until.map(|at| fill(w.wall_drill, &[("at", &say::minute(&look, at, now))])).unwrap_or_default(),
        rows,
        sees: Need::See.met_by(caller.role),
        board,
    };
    Ok(html(StatusCode::OK, &page))
}
