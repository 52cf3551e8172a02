//! A problem as a page.

use super::{assets, html};
use crate::look::Look;
use crate::messages::Words;
use crate::problem::Problem;
use askama::Template;
use axum::response::Response;

#[derive(Template)]
#[template(path = "problem.html")]
struct Page<'a> {
    look: &'a Look,
    t: &'static Words,
    v: &'static str,
    title: String,
    detail: String,
    status: u16,
}

pub(crate) fn page(look: &Look, problem: &Problem) -> Response {
    let (title, detail) = problem.text(look.language);
    let status = problem.status();
    html(status, &Page { look, t: look.words(), v: assets::version(), title, detail, status: status.as_u16() })
}
