//! What a request says, read with limits and with refusals that a person can act on.

use crate::limits::{BODY_BYTES_MAX, PAGE_DEFAULT, PAGE_MAX, TEXT_CHARS_MAX};
use crate::problem::Problem;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A JSON body. An empty one is `{}`.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            if rejection.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE { Problem::TooLarge } else { Problem::Malformed(rejection.body_text()) }
        })?;
        if bytes.len() > BODY_BYTES_MAX {
            return Err(Problem::TooLarge);
        }
        let bytes: &[u8] = if bytes.iter().all(u8::is_ascii_whitespace) { b"{}" } else { &bytes };
        serde_json::from_slice(bytes).map(Self).map_err(|e| Problem::Malformed(e.to_string()))
    }
}

/// Nothing: `{}` or an empty body; unknown fields are ignored.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
pub(crate) struct Nothing {}

/// An identifier in the path. What cannot be one is not found.
pub(crate) struct Id(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(id) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| Problem::NotFound)?;
        if care::id::well_formed(&id) { Ok(Self(id)) } else { Err(Problem::NotFound) }
    }
}

/// Two identifiers in the path.
pub(crate) struct Ids(pub(crate) String, pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Ids {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path((one, two)) = Path::<(String, String)>::from_request_parts(parts, state).await.map_err(|_| Problem::NotFound)?;
        if care::id::well_formed(&one) && care::id::well_formed(&two) { Ok(Self(one, two)) } else { Err(Problem::NotFound) }
    }
}

/// The query of the URL.
pub(crate) struct Asked<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(asked) = Query::<T>::from_request_parts(parts, state).await.map_err(|rejection| Problem::Malformed(rejection.body_text()))?;
        Ok(Self(asked))
    }
}

/// The size of a page.
pub(crate) fn limit(asked: Option<usize>) -> Result<usize, Problem> {
    match asked {
        None => Ok(PAGE_DEFAULT),
        Some(n) if (1..=PAGE_MAX).contains(&n) => Ok(n),
        Some(_) => Err(Problem::Invalid { field: "limit", what: |w| w.invalid_limit }),
    }
}

/// A cursor that is an identifier.
pub(crate) fn cursor(asked: Option<String>) -> Result<Option<String>, Problem> {
    match asked {
        None => Ok(None),
        Some(text) if text.is_empty() => Ok(None),
        Some(text) if care::id::well_formed(&text) => Ok(Some(text)),
        Some(_) => Err(Problem::Invalid { field: "cursor", what: |w| w.invalid_cursor }),
    }
}

/// Words that must be there.
pub(crate) fn words(field: &'static str, text: &str) -> Result<String, Problem> {
    let text = words_or_none(field, text)?;
    if text.is_empty() { Err(Problem::Invalid { field, what: |w| w.invalid_text_empty }) } else { Ok(text) }
}

/// Words that may be missing.
pub(crate) fn words_or_none(field: &'static str, text: &str) -> Result<String, Problem> {
    let text = text.trim();
    if text.chars().count() > TEXT_CHARS_MAX {
        return Err(Problem::Invalid { field, what: |w| w.invalid_text_long });
    }
    Ok(text.to_owned())
}
