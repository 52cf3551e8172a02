//! Everything that can go wrong at the people's door, as a status and a sentence that a person can act on: problem
//! details by RFC 9457 for programs, a page for people.

use crate::limits::BODY_BYTES_MAX;
use crate::messages::{Words, fill, words};
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use crate::office::OfficeError;
use care::alarm::Refusal;
use care::office::Refused;
use care::{Language, TimeDelta};
use serde::Serialize;
use store::LedgerError;
use store::desk::DeskError;
use utoipa::ToSchema;

/// What went wrong.
#[derive(Debug, Clone)]
pub(crate) enum Problem {
    /// The request could not be read.
    Malformed(String),
    /// No valid session or token.
    NotSignedIn,
    /// The role is not enough.
    Forbidden,
    /// A second factor is asked of the caller, who has none yet.
    FactorMissing,
    /// A cookie came along with a request that another site made.
    CrossSite,
    /// No such thing, or outside the caller's area.
    NotFound,
    /// The path is there, the method is not.
    Method,
    /// Somebody else has the alarm.
    Claimed {
        /// Identifier.
        by: String,
        /// The name to show.
        name: String,
    },
    /// Nobody has the alarm.
    NotClaimed,
    /// The alarm is closed.
    Closed,
    /// The body is larger than [`BODY_BYTES_MAX`].
    TooLarge,
    /// A field of the request is not acceptable.
    Invalid {
        /// Its name.
        field: &'static str,
        /// What is wrong, out of the table of words.
        what: fn(&Words) -> &'static str,
    },
    /// The ledger did not take the step, or did not answer.
    Unavailable,
    /// A limit on what may be open at once is reached.
    Full,
    /// Too many guesses: to be tried again after so long.
    Guessed(TimeDelta),
    /// The rules of the office refuse it.
    Refused(Vec<Refused>),
    /// Somebody else has changed it meanwhile.
    Changed,
}

/// Problem details (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// `urn:hearthline:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// The kind of problem, for people.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What to do about it, for people.
    detail: String,
    /// The kind of problem, for programs.
    code: &'static str,
    /// Who has the alarm, if that is the problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    claimed_by: Option<String>,
    /// The field of the request that is not acceptable.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'static str>,
    /// Everything that the rules of the office refuse.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<RefusedShape>,
}

/// Something that the rules of the office refuse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct RefusedShape {
    /// The field that is wrong, or empty.
    field: String,
    /// What is wrong, for people.
    text: String,
}

/// The media type of problem details.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

impl Problem {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::NotSignedIn => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::FactorMissing | Self::CrossSite => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Claimed { .. } | Self::NotClaimed | Self::Closed | Self::Changed => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Invalid { .. } | Self::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Guessed(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable | Self::Full => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::NotSignedIn => "not_signed_in",
            Self::Forbidden => "forbidden",
            Self::FactorMissing => "second_factor_missing",
            Self::CrossSite => "cross_site",
            Self::NotFound => "not_found",
            Self::Method => "method_not_allowed",
            Self::Claimed { .. } => "claimed",
            Self::NotClaimed => "not_claimed",
            Self::Closed => "closed",
            Self::TooLarge => "too_large",
            Self::Invalid { .. } => "invalid",
            Self::Unavailable => "unavailable",
            Self::Full => "full",
            Self::Guessed(_) => "too_many_guesses",
            Self::Refused(_) => "refused",
            Self::Changed => "changed",
        }
    }

    /// Title and detail in a language.
    pub(crate) fn text(&self, language: Language) -> (String, String) {
        let w = words(language);
        let (title, detail) = match self {
            Self::Malformed(what) => (w.problem_malformed, fill(w.problem_malformed_detail, &[("what", what)])),
            Self::NotSignedIn => (w.problem_not_signed_in, w.problem_not_signed_in_detail.to_owned()),
            Self::Forbidden => (w.problem_forbidden, w.problem_forbidden_detail.to_owned()),
            Self::FactorMissing => (w.problem_factor, w.problem_factor_detail.to_owned()),
            Self::CrossSite => (w.problem_cross_site, w.problem_cross_site_detail.to_owned()),
            Self::NotFound => (w.problem_not_found, w.problem_not_found_detail.to_owned()),
            Self::Method => (w.problem_method, w.problem_method_detail.to_owned()),
            Self::Claimed { name, .. } => (w.problem_claimed, fill(w.problem_claimed_detail, &[("by", name)])),
            Self::NotClaimed => (w.problem_not_claimed, w.problem_not_claimed_detail.to_owned()),
            Self::Closed => (w.problem_closed, w.problem_closed_detail.to_owned()),
            Self::TooLarge => (w.problem_too_large, fill(w.problem_too_large_detail, &[("most", &BODY_BYTES_MAX.to_string())])),
            Self::Invalid { field, what } => (w.problem_invalid, fill(w.problem_invalid_detail, &[("field", field), ("what", what(w))])),
            Self::Unavailable => (w.problem_unavailable, w.problem_unavailable_detail.to_owned()),
            Self::Full => (w.problem_full, w.problem_full_detail.to_owned()),
            Self::Guessed(wait) => (w.problem_guessed, fill(w.sign_in_wait, &[("wait", &care::reason::span(wait.num_seconds().max(1), language))])),
            Self::Refused(refused) => (w.problem_refused, refused.iter().map(|one| one.text(language)).collect::<Vec<_>>().join("；")),
            Self::Changed => (w.problem_changed, w.problem_changed_detail.to_owned()),
        };
        (title.to_owned(), detail)
    }

    /// The answer for a program.
    pub(crate) fn json(&self, language: Language) -> Response {
        let (title, detail) = self.text(language);
        let body = ProblemBody {
            kind: format!("urn:hearthline:problem:{}", self.code()),
            title,
            status: self.status().as_u16(),
            detail,
            code: self.code(),
            claimed_by: if let Self::Claimed { by, .. } = self { Some(by.clone()) } else { None },
            field: if let Self::Invalid { field, .. } = self { Some(*field) } else { None },
            refused: if let Self::Refused(refused) = self {
                refused.iter().map(|one| RefusedShape { field: one.field.clone(), text: one.text(language).to_owned() }).collect()
            } else {
                Vec::new()
            },
        };
        let mut response = (self.status(), Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Self::Guessed(wait) = self {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.num_seconds().max(1)));
        }
        if matches!(self, Self::NotSignedIn) {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// The problem travels in the response's extensions to the outermost layer, which knows the caller's language and
/// whether a person or a program asked.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.json(Language::En);
        response.extensions_mut().insert(self);
        response
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        tracing::error!(%error, "the ledger did not answer a question of the console");
        Self::Unavailable
    }
}

impl From<OfficeError> for Problem {
    fn from(error: OfficeError) -> Self {
        match error {
            OfficeError::NotFound => Self::NotFound,
            OfficeError::Refused(refused) => Self::Refused(refused),
            OfficeError::Conflict => Self::Changed,
            OfficeError::NoPolicy | OfficeError::Unreadable { .. } => {
                tracing::error!(%error, "the office could not answer");
                Self::Unavailable
            }
            OfficeError::Register(error) => error.into(),
        }
    }
}

impl From<DeskError> for Problem {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::Unknown => Self::NotFound,
            DeskError::Refused(Refusal::Closed) => Self::Closed,
            DeskError::Refused(Refusal::NotClaimed) => Self::NotClaimed,
            DeskError::Refused(Refusal::NotCalling) => Self::Invalid { field: "alarm", what: |w| w.not_calling },
            DeskError::Refused(Refusal::ClaimedBy(by)) => Self::Claimed { by: by.id().to_owned(), name: by.id().to_owned() },
            DeskError::Ledger(error) => {
                tracing::error!(%error, "a step that an operator asked for was not stored");
                Self::Unavailable
            }
        }
    }
}
