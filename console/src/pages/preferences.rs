//! Language and theme: two cookies, set by two small forms on every page.

use super::sign_in::own_path;
use crate::app::App;
use crate::look::{LANGUAGE_COOKIE, THEME_COOKIE};
use axum::Form;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

/// What is to change, and where to go on.
#[derive(Debug, Deserialize)]
pub(crate) struct Wish {
    language: Option<String>,
    theme: Option<String>,
    #[serde(default)]
    next: String,
}

pub(crate) async fn change(State(app): State<App>, Form(wish): Form<Wish>) -> Response {
    let secure = if app.secure() { "; Secure" } else { "" };
    let mut response = Redirect::to(own_path(&wish.next)).into_response();
    let language = wish.language.as_deref().filter(|l| ["zh", "en"].contains(l)).map(|l| (LANGUAGE_COOKIE, l));
    let theme = wish.theme.as_deref().filter(|t| ["light", "dark", "auto"].contains(t)).map(|t| (THEME_COOKIE, t));
    for (name, value) in [language, theme].into_iter().flatten() {
        let cookie = format!("{name}={value}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly{secure}");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}
