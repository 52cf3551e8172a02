//! The pages for people. HTML is made on the server; a small script keeps it fresh. Every page has its twin in the API.

pub(crate) mod assets;
mod card;
pub(crate) mod devices;
pub(crate) mod desk;
pub(crate) mod district;
mod frame;
pub(crate) mod homes;
pub(crate) mod link;
pub(crate) mod office;
pub(crate) mod people;
pub(crate) mod plans;
pub(crate) mod preferences;
mod presence;
pub(crate) mod problem;
pub(crate) mod provider;
mod qr;
pub(crate) mod queue;
mod say;
pub(crate) mod routine;
pub(crate) mod sign_in;
mod steps;
pub(crate) mod wall;
pub(crate) mod watch;

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use store::register::Role;

/// Where somebody's work begins after the sign-in.
pub(crate) fn start_of(role: Role) -> &'static str {
    match role {
        Role::Operator | Role::ShiftLead | Role::VillageLiaison | Role::TownGuide | Role::CitySupervisor | Role::Responder | Role::Administrator => "/",
        Role::Department | Role::Visitor => "/office",
        Role::Family => "/family",
        Role::WallBoard => "/wall",
    }
}

/// A page, or a plain sentence if it could not be drawn.
pub(crate) fn html(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be drawn");
            (StatusCode::INTERNAL_SERVER_ERROR, "the page could not be drawn / 页面无法显示\n").into_response()
        }
    }
}
