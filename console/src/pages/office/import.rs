//! Lists in: an import is shown beside the register before anything is written, with its mistakes and its conflicts; then it is
//! written in the background, and how far it has come is seen.

use super::Desk;
use super::part::{Choice, choices};
use crate::api::office::imports::{self, ImportAsked, SHOWN};
use crate::extract::{Asked, Id};
use crate::imports::Progress;
use crate::look::Look;
use crate::messages::fill;
use crate::pages::html;
use crate::problem::Problem;
use askama::Template;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::Response;
use care::office::elder::SourceKind;
use care::office::export::Target;
use wire::sheet::{Cost, RowProblem};

#[derive(Template)]
#[template(path = "office/import.html")]
struct Shell {
    look: Look,
    t: &'static crate::messages::Words,
    o: &'static super::OfficeWords,
    v: &'static str,
    frame: super::Frame,
    tabs: Vec<super::Link>,
    sources: Vec<Choice>,
    area: String,
    exports: Vec<(&'static str, &'static str)>,
}

pub(crate) async fn page(desk: Desk) -> Result<Response, Problem> {
    let l = desk.look.language;
    let shell = Shell {
        look: desk.look,
        t: desk.look.words(),
        o: desk.o,
        v: super::assets::version(),
        tabs: desk.tabs("import"),
        sources: choices(SourceKind::ALL.iter().map(|one| (one.code(), one.name(l))), "village", None),
        area: desk.caller.area.clone(),
        exports: Target::ALL.iter().map(|target| (target.code(), target.name(l))).collect(),
        frame: super::Frame::new(&desk.app, &desk.caller, desk.look, "office", "/office/import".to_owned()),
    };
    Ok(html(StatusCode::OK, &shell))
}

#[derive(Template)]
#[template(path = "office/preview.html")]
struct Preview {
    o: &'static super::OfficeWords,
    summary: Vec<String>,
    problems: Vec<(usize, String, &'static str, String)>,
    conflicts: Vec<(String, String, String, String, String, String)>,
    unread: String,
    may_apply: bool,
    done: String,
    /// The import that is at work.
    running: Option<String>,
    looked: usize,
    of: usize,
}

impl Preview {
    fn empty(o: &'static super::OfficeWords) -> Self {
        Self {
            o,
            summary: Vec::new(),
            problems: Vec::new(),
            conflicts: Vec::new(),
            unread: String::new(),
            may_apply: false,
            done: String::new(),
            running: None,
            looked: 0,
            of: 0,
        }
    }
}

fn said(desk: &Desk, problem: &RowProblem) -> (usize, String, &'static str, String) {
    let cost = match problem.cost {
        Cost::Row => desk.o.cost_row,
        Cost::Cell => desk.o.cost_cell,
        Cost::Nothing => desk.o.cost_nothing,
    };
    (problem.row, problem.column.clone(), cost, desk.pick(&problem.zh, &problem.en).to_owned())
}

pub(crate) async fn preview(desk: Desk, Asked(asked): Asked<ImportAsked>, bytes: Bytes) -> Result<Response, Problem> {
    let (o, l) = (desk.o, desk.look.language);
    let looked = imports::look(&desk.app, &desk.caller, &asked, bytes).await?;
    let conflicts = looked.differences.iter().map(|one| {
        let from = one.kept_from.map_or("—", |from| from.name(l)).to_owned();
        (format!("{}:{}", one.row, one.field.code()), format!("{} {}", one.row, one.name), one.field.name(l).to_owned(), one.kept.clone(), from, one.offered.clone())
    });
    let count = |text: &str, n: usize| fill(text, &[("n", &n.to_string())]);
    let preview = Preview {
        o,
        summary: vec![
            count(o.import_new, looked.new),
            count(o.import_filled, looked.filled),
            count(o.import_conflicts, looked.differing),
            count(o.import_same, looked.same),
            count(o.import_elsewhere, looked.elsewhere),
            count(o.import_bad, looked.bad()),
        ],
        problems: looked.import.problems.iter().take(SHOWN).map(|problem| said(&desk, problem)).collect(),
        conflicts: conflicts.collect(),
        unread: looked.import.unread.join("、"),
        may_apply: !looked.import.elders.is_empty(),
        ..Preview::empty(o)
    };
    Ok(html(StatusCode::OK, &preview))
}

pub(crate) async fn apply(desk: Desk, bytes: Bytes) -> Result<Response, Problem> {
    let progress = imports::begin(&desk.app, &desk.caller, bytes).await?;
    Ok(html(StatusCode::OK, &running(&desk, &progress)))
}

/// How an import stands, for whoever began it.
pub(crate) async fn progress(desk: Desk, Id(id): Id) -> Result<Response, Problem> {
    let progress = imports::begun(&desk.app, &desk.caller, &id)?;
    Ok(html(StatusCode::OK, &running(&desk, &progress)))
}

fn running(desk: &Desk, progress: &Progress) -> Preview {
    let o = desk.o;
    let at = progress.now();
    let preview = Preview { o, problems: at.problems.iter().map(|problem| said(desk, problem)).collect(), ..Preview::empty(o) };
    match at.ended {
        None => Preview { running: Some(progress.id.clone()), looked: at.looked, of: progress.of, done: fill(o.import_running, &[("n", &at.looked.to_string()), ("of", &progress.of.to_string())]), ..preview },
        Some(Ok(batch)) => Preview { done: fill(o.import_done, &[("n", &at.written.to_string()), ("batch", &batch)]), ..preview },
        Some(Err((zh, en))) => Preview { done: fill(o.import_stopped, &[("n", &at.written.to_string()), ("why", desk.pick(&zh, &en))]), ..preview },
    }
}
