//! The pages for people. HTML is made on the server; a small script keeps it fresh. Every page has its twin in the API.

/// A part of the one table of words, kept apart for its length: a type whose fields are the rows, and both languages of it.
macro_rules! word_table {
    ($(#[$doc:meta])* $name:ident { $($key:ident: $zh:literal, $en:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub(crate) struct $name {
            $(#[doc = $en] pub(crate) $key: &'static str,)*
        }

        impl $name {
            const ZH: Self = Self { $($key: $zh,)* };
            const EN: Self = Self { $($key: $en,)* };

            /// The rows: key, Chinese, English.
            #[cfg(test)]
            pub(crate) const ROWS: &'static [(&'static str, &'static str, &'static str)] = &[$((stringify!($key), $zh, $en),)*];

            /// The words of a language.
            pub(crate) fn of(language: care::Language) -> &'static Self {
                match language {
                    care::Language::Zh => &Self::ZH,
                    care::Language::En => &Self::EN,
                }
            }
        }
    };
}

pub(crate) mod assets;
mod card;
pub(crate) mod desk;
pub(crate) mod district;
mod frame;
pub(crate) mod homes;
pub(crate) mod link;
pub(crate) mod office;
pub(crate) mod plans;
pub(crate) mod preferences;
mod presence;
pub(crate) mod problem;
mod queue;
mod say;
pub(crate) mod routine;
pub(crate) mod sign_in;
mod steps;
pub(crate) mod wall;
pub(crate) mod watch;

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

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

#[cfg(test)]
mod tests {
    use super::office::OfficeWords;
    use super::plans::PlanWords;

    #[test]
    fn both_languages_are_whole_and_fill_the_same_blanks() {
        let blanks = |text: &str| {
            let mut names: Vec<String> = text.split('{').skip(1).filter_map(|part| part.split('}').next()).map(str::to_owned).collect();
            names.sort();
            names
        };
        for (key, zh, en) in OfficeWords::ROWS.iter().chain(PlanWords::ROWS) {
            assert!(!zh.is_empty() && !en.is_empty(), "{key}");
            assert_eq!(blanks(zh), blanks(en), "{key}");
            assert!(!en.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{key}: {en}");
        }
    }
}
