//! How a browser wants to see things: language and theme, kept in two cookies.

use crate::app::App;
use crate::caller::cookie;
use crate::messages::{Words, words};
use axum::http::{HeaderMap, header};
use care::Language;
use chrono_tz::Tz;

/// The theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Theme {
    /// As the browser prefers.
    Auto,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// Language, theme and zone of an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) language: Language,
    pub(crate) theme: Theme,
    pub(crate) zone: Tz,
}

/// The cookie that holds the language.
pub(crate) const LANGUAGE_COOKIE: &str = "hearthline-language";
/// The cookie that holds the theme.
pub(crate) const THEME_COOKIE: &str = "hearthline-theme";

impl Look {
    /// By the cookies; programs may ask for a language by Accept-Language. Chinese if nothing is said.
    pub(crate) fn of(app: &App, headers: &HeaderMap) -> Self {
        let language = match cookie(headers, LANGUAGE_COOKIE) {
            Some("en") => Language::En,
            Some("zh") => Language::Zh,
            Some(_) | None => {
                let is_page = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).is_some_and(|v| v.contains("text/html"));
                let asked = headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).unwrap_or_default();
                let zh_first = asked.trim_start().to_ascii_lowercase().starts_with("zh");
                if is_page || zh_first { Language::Zh } else { Language::En }
            }
        };
        let theme = match cookie(headers, THEME_COOKIE) {
            Some("light") => Theme::Light,
            Some("dark") => Theme::Dark,
            Some(_) | None => Theme::Auto,
        };
        Self { language, theme, zone: app.settings.zone }
    }

    pub(crate) fn words(&self) -> &'static Words {
        words(self.language)
    }

    /// The language as HTML names it.
    pub(crate) fn html_language(&self) -> &'static str {
        match self.language {
            Language::Zh => "zh-CN",
            Language::En => "en",
        }
    }
}
