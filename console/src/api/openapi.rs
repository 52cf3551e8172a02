//! The OpenAPI document of the API. A test compares it with the table of routes.

use super::{account, alarms, areas, audit, connect, credentials, detection, devices, dispatch, events, family, homes, hubs, me, people, plans, reveal, steps, verbs, worklists};
use crate::probes;
use crate::problem::ProblemBody;
use axum::Json;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{IntoResponses, Modify, OpenApi};

/// What every route of the API may answer beside its own.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "stands for the document only; problems are made in `problem`")]
pub(crate) enum Refusals {
    /// The request could not be read.
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(ProblemBody),
    /// No valid session or token.
    #[response(status = 401, content_type = "application/problem+json")]
    NotSignedIn(ProblemBody),
    /// The role is not enough, or a cookie came with a request of another site.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemBody),
    /// No such thing, or outside the caller's area.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemBody),
    /// A field is not acceptable.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(ProblemBody),
    /// Not possible at the moment: try again.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(ProblemBody),
}

/// What a guess may be answered with beside that.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "stands for the document only; problems are made in `problem`")]
pub(crate) enum GuessRefusals {
    /// Too many guesses: `Retry-After` says when to try again.
    #[response(status = 429, content_type = "application/problem+json")]
    Guessed(ProblemBody),
}

/// What a verb may answer beside that.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "stands for the document only; problems are made in `problem`")]
pub(crate) enum VerbRefusals {
    /// Somebody else has it, nobody has it, or it is closed.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(ProblemBody),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(ProblemBody),
}

struct SignIn;

impl Modify for SignIn {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()));
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("hearthline"))));
    }
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Hearthline", description = "Alarms, homes and what the platform does about them.", license(name = "Apache-2.0")),
    paths(
        probes::healthz, probes::readyz, probes::metrics, document, me::me, alarms::list, alarms::one, verbs::claim, verbs::report, verbs::close,
        verbs::hand_over, verbs::let_go, verbs::on_the_way, verbs::skip, verbs::stop, verbs::call_now, verbs::step, verbs::note, connect::connect, homes::list, homes::one, detection::routine, detection::away,
        detection::back, detection::normal, detection::rules, detection::pets, detection::trial, people::list, people::put, people::let_go, people::unlock, people::reset_factor,
        account::everybodys, account::end_anybodys, account::own, account::end_own, account::password, account::factor_standing, account::factor_begin,
        account::factor_confirm, account::factor_off, areas::list, areas::put, family::view, family::bind, steps::list, reveal::elder, reveal::contact,
        devices::list, devices::one, devices::enrol, devices::replace, devices::retire, devices::test, devices::test_over, devices::code, devices::import, devices::enter,
        credentials::revoke, hubs::list, hubs::put, worklists::quarantine, worklists::unknown_devices, worklists::outage, dispatch::state, plans::list, plans::put, plans::end, plans::rotas, plans::put_rota, plans::well_calls, plans::put_well_call, plans::lacking,
        audit::list, audit::verify, events::stream
    ),
    components(schemas(alarms::WhichName, ProblemBody)),
    modifiers(&SignIn),
    security(("token" = []), ("session" = [])),
    tags((name = "alarms"), (name = "homes"), (name = "devices"), (name = "plans"), (name = "watch"), (name = "worklists"), (name = "audit"), (name = "people"), (name = "office"), (name = "probes"))
)]
struct Document;

/// The document as it is served.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    super::office::add_to_document(&mut document);
    super::watch::add_to_document(&mut document);
    document
}

/// This document.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "people", responses((status = 200, body = Object), Refusals))]
pub(crate) async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(openapi())
}
