//! The outermost layer: security headers on everything, and problems in the caller's language, as a page for people
//! and as JSON for programs.

use crate::app::App;
use crate::look::Look;
use crate::packed;
use crate::pages;
use crate::problem::{PROBLEM_JSON, Problem};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

/// Nothing from elsewhere, nothing inline, in nobody's frame.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

const HEADERS: &[(&str, &str)] = &[
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    // Not `no-referrer`: browsers then send `Origin: null` with forms, and nobody could tell whose form it was.
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
];

/// What the framework refused by itself, in its own words, as a problem like all others.
fn foreign(response: &Response) -> Option<Problem> {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let ours = ["text/html", "application/json", PROBLEM_JSON].iter().any(|own| kind.starts_with(own));
    let status = response.status();
    if ours || !(status.is_client_error() || status.is_server_error()) {
        return None;
    }
    Some(match status {
        StatusCode::NOT_FOUND => Problem::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => Problem::Method,
        StatusCode::PAYLOAD_TOO_LARGE => Problem::TooLarge,
        _ if status.is_client_error() => Problem::Malformed("form or path".to_owned()),
        _ => Problem::Unavailable,
    })
}

pub(crate) async fn finish(State(app): State<App>, request: Request, next: Next) -> Response {
    let look = Look::of(&app, request.headers());
    let path = request.uri().path().to_owned();
    let whole = request.uri().path_and_query().map(|p| p.as_str().to_owned()).unwrap_or_default();
    let is_get = request.method() == Method::GET;
    let accepts_html = request.headers().get(header::ACCEPT).and_then(|v| v.to_str().ok()).is_some_and(|v| v.contains("text/html"));
    let packs = is_get && packed::taken(request.headers());
    let wants_page = !path.starts_with("/api/") && accepts_html;
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>().or_else(|| foreign(&response)) {
        let allow = response.headers().get(header::ALLOW).cloned();
        response = if !wants_page {
            problem.json(look.language)
        } else if matches!(problem, Problem::NotSignedIn) && is_get {
            Redirect::to(&pages::sign_in::address(&whole)).into_response()
        } else if matches!(problem, Problem::FactorMissing) && is_get {
            Redirect::to("/account").into_response()
        } else {
            pages::problem::page(&look, &problem)
        };
        if wants_page && response.status() == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::REFRESH, HeaderValue::from_static("5")); // a desk comes back by itself
        }
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
    }
    if packs {
        response = packed::answer(response).await;
    }
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if app.secure() {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}
