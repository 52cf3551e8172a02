//! The office's part of the OpenAPI document, made from its table: every route of [`super::routes`] has a row, which a
//! test holds. Records are described by the words that their closed sets allow.

use super::shapes;
use care::office::matter::Department;
use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Required, Response, ResponseBuilder};

/// Method, path, what it does, what the body holds.
type Row = (&'static str, &'static str, &'static str, &'static str);

const ROWS: &[Row] = &[
    ("get", "/api/v1/elders", "Elders of an area; list = all, no_first_contact, review_due, card_ends, no_tier, left", ""),
    ("post", "/api/v1/elders", "Write an elder's file", "version (0: new), source, record"),
    ("get", "/api/v1/elders/{id}", "An elder's file, masked, with what facts say about the categories, and the consents", ""),
    ("post", "/api/v1/elders/{id}/review", "The half-yearly review: the file as it is now", "version, record"),
    ("post", "/api/v1/elders/{id}/reveal", "Show a masked field; goes into the audit", "field, reason (alarm, call_back, identity, correction, visit, referral)"),
    ("get", "/api/v1/elders/{id}/versions", "Every version of a file, masked", ""),
    ("get", "/api/v1/elders/{id}/duties", "What was owed to an elder in the last half-year, window by window with the reasons, and the events that concern the elder", ""),
    ("post", "/api/v1/elders/{id}/consents/{purpose}", "A step of a consent", "state (given, refused, withdrawn), said_by, proof, reason, ask_again_on"),
    ("get", "/api/v1/elders/{id}/copy", "Everything that is kept about an elder; goes into the audit", ""),
    ("post", "/api/v1/elders/{id}/erase", "Erase everything about an elder", "reason"),
    ("post", "/api/v1/elders/{id}/hold", "Nothing is erased while a legal hold stands", "reason"),
    ("post", "/api/v1/elders/{id}/lift-hold", "Lift a legal hold", "reason"),
    ("get", "/api/v1/consents", "Consents; state = given, refused, withdrawn", ""),
    ("get", "/api/v1/reviews", "Half-yearly reviews with what changed", ""),
    ("get", "/api/v1/surveys", "Surveys of homes; state = open, again, done", ""),
    ("post", "/api/v1/surveys", "Write a survey", "version, record"),
    ("post", "/api/v1/surveys/lay-out", "Lay out a survey for every home of an area that has none", "area, due_on"),
    ("post", "/api/v1/surveys/sync", "Take what was seen at homes without signal, at most 20; sent twice it is one", "surveys: [{id, home, at, nobody_in, found, words}]"),
    ("get", "/api/v1/paper-copies", "Who holds which copy on paper; state = kept, gone", ""),
    ("post", "/api/v1/paper-copies", "A copy lies somewhere: handed over or moved", "elder, form (annex-1, annex-2), subject, number, place"),
    ("post", "/api/v1/paper-copies/destroy", "A copy was destroyed", "form, subject, number, ground"),
    ("get", "/api/v1/policy", "The policy in force in plain words, Chinese and English, with its readings of the document", ""),
    ("get", "/api/v1/retention", "What is kept for how many days (null: for good), and who holds a copy of which paper", ""),
    ("get", "/api/v1/policies", "Versions in force and proposed; state = proposed, activated, refused", ""),
    ("post", "/api/v1/policies", "Propose a version; nothing changes until another person activates it", "text (the TOML file), words"),
    ("get", "/api/v1/policies/{id}/trial", "Who would stand otherwise in a month", ""),
    ("post", "/api/v1/policies/{id}/activate", "Activate a proposed version: another person than who proposed it", "words"),
    ("post", "/api/v1/policies/{id}/refuse", "Refuse a proposed version, or take it back", "reason"),
    ("get", "/api/v1/family-contacts", "Family in touch or reminded to be", ""),
    ("post", "/api/v1/family-contacts", "Note that family was in touch", "version, record"),
    ("get", "/api/v1/visitors", "Visitors; state = active, suspended, left", ""),
    ("post", "/api/v1/visitors", "Write a visitor", "version, record"),
    ("post", "/api/v1/visitors/{id}/suspend", "Suspend a visitor", "reason"),
    ("post", "/api/v1/visitors/{id}/resume", "End a suspension", ""),
    ("get", "/api/v1/pairings", "Named helpers of elders", ""),
    ("post", "/api/v1/pairings", "Pair an elder with a helper", "version, record"),
    ("post", "/api/v1/imports/preview", "Hold a list of elders (xlsx, or CSV in UTF-8 or GB18030) against the register: nothing is written. In the address: source, area", "the file"),
    ("post", "/api/v1/imports", "Write a list of elders in the background", "a line of JSON (source, area, take: the conflicts in which the list is right), then the file"),
    ("get", "/api/v1/imports/{id}", "How far an import has come, for whoever began it", ""),
    ("get", "/api/v1/exports/{target}", "The copy for another system (smart_grid, jinmin, province), masked, and what that system is behind", ""),
    ("post", "/api/v1/exports/{target}", "Hand out the whole copy and note it; goes into the audit", "area, which (behind, all)"),
    ("post", "/api/v1/exports/{target}/receipt", "Note the receipt of what was handed out", "area, receipt"),
    ("get", "/api/v1/facts", "The facts behind the reports, for whoever works them out anew; goes into the audit", ""),
    ("get", "/api/v1/due", "Who is to be visited, the most urgent first", ""),
    ("get", "/api/v1/visits", "Visits; state = draft, signed, corrected", ""),
    ("post", "/api/v1/visits", "Take a visit; sent twice it is one", "record, sign"),
    ("post", "/api/v1/visits/sync", "Take visits that were written without signal, at most 20; each is answered by itself", "visits: [{record, sign}]"),
    ("get", "/api/v1/visits/flags", "What is odd about the visits of a month", ""),
    ("get", "/api/v1/visits/{id}", "A visit, its versions, and other records of the same visit", ""),
    ("post", "/api/v1/visits/{id}/correct", "Correct a signed visit: a new version with its reason", "record, reason"),
    ("post", "/api/v1/visits/{id}/look", "A named person has looked at a remote visit", "words"),
    ("get", "/api/v1/hazards", "Hazards; state = open, reminded, removed, checked", ""),
    ("post", "/api/v1/hazards", "Open a hazard", "elder, kind, place, words"),
    ("post", "/api/v1/hazards/{id}", "A step of a hazard", "step (remind, remove, confirm, reopen), words"),
    ("get", "/api/v1/needs", "Needs; state = open, told, applied, referred, met, declined", ""),
    ("post", "/api/v1/needs", "Open a need", "elder, kind, words, urgent"),
    ("post", "/api/v1/needs/{id}", "A step of a need", "step (a state), words"),
    ("get", "/api/v1/referrals", "Referrals; state = sent, accepted, done, returned; department = one of them; a department sees its own", ""),
    ("post", "/api/v1/referrals", "Refer to a department or provider", "elder, to, provider, about, words"),
    ("post", "/api/v1/referrals/{id}", "A step of a referral", "step (a state), words"),
    ("get", "/api/v1/follow-ups", "Follow-ups by their due day; state = open, settled, again", ""),
    ("post", "/api/v1/follow-ups/{id}", "The result of a follow-up", "settled, words, evidence"),
    ("get", "/api/v1/incidents", "Incidents; state = open, grave, closed", ""),
    ("post", "/api/v1/incidents", "Open an incident", "elder, words, grave, from, found_at"),
    ("post", "/api/v1/incidents/{id}", "What was done about it", "did (emergency_call, no_call, called, party, note, review, close) and its fields"),
    ("get", "/api/v1/samples", "Samples of visits to call back; state = open, done", ""),
    ("post", "/api/v1/samples", "Draw a sample", "month, area, n"),
    ("post", "/api/v1/samples/{id}/called-back", "What calling back showed", "visit, verdict (true, inexact, false, unknown), words"),
    ("get", "/api/v1/findings", "Problems to be put right; state = problem, fixed, again, closed", ""),
    ("post", "/api/v1/findings", "Raise a problem", "area, about, elder, words, due_on"),
    ("post", "/api/v1/findings/{id}/fix", "It was put right", "words"),
    ("post", "/api/v1/findings/{id}/check", "It was checked by another person", "accepted, words"),
    ("get", "/api/v1/extra-events", "Events that ask for extra visits; state = standing, amended, withdrawn", ""),
    ("post", "/api/v1/extra-events", "Enter an event by hand", "kind, event, level, area, elder, start, words"),
    ("post", "/api/v1/extra-events/{id}/withdraw", "Take an event back", ""),
    ("post", "/api/v1/warnings", "A weather warning by CAP 1.2 or in the Chinese dialect (XML)", "the message"),
    ("get", "/api/v1/departments", "Who answers for which department", ""),
    ("post", "/api/v1/departments", "Name who answers for a department", "person, department, since"),
    ("get", "/api/v1/months", "Closed months", ""),
    ("get", "/api/v1/months/{month}/report", "The month report: home visits, reach, remote only, device cover; by area; the missing by name", ""),
    ("get", "/api/v1/months/{month}/forecast", "Who will be missed if nobody goes", ""),
    ("get", "/api/v1/months/{month}/figures", "Figures of a month for the departments; department = the part of one; a department gets its own part", ""),
    ("get", "/api/v1/months/{month}/league", "The league table of the towns", ""),
    ("post", "/api/v1/months/{month}/close", "Close a month that is over", ""),
    ("post", "/api/v1/months/{month}/restate", "Work a closed month out again beside it", "reason"),
];

const ASKED: &[(&str, &str)] = &[
    ("area", "An area path within the caller's"),
    ("state", "A state"),
    ("elder", "An elder's identifier"),
    ("from", "From this instant (RFC 3339)"),
    ("to", "Before this instant (RFC 3339)"),
    ("text", "Part of a name, its first letters in pinyin, the end of a phone number, part of an address"),
    ("list", "Which worklist"),
    ("month", "A month: 2026-11"),
    ("department", "A department, by its code"),
    ("limit", "Most items, 1 to 500"),
    ("cursor", "`next` of the page before"),
];

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::Type(Type::String))
}

/// The type of a value of a query.
fn asked(name: &str) -> ObjectBuilder {
    let format = |format| text().format(Some(SchemaFormat::KnownFormat(format)));
    match name {
        "from" | "to" => format(KnownFormat::DateTime),
        "month" => text().pattern(Some("^[0-9]{4}-(0[1-9]|1[0-2])$")),
        "department" => text().enum_values(Some(Department::ALL.iter().map(|one| one.code()))),
        "limit" => ObjectBuilder::new().schema_type(SchemaType::Type(Type::Integer)).minimum(Some(1)).maximum(Some(crate::limits::PAGE_MAX)),
        _ => text(),
    }
}

fn problem(description: &str) -> RefOr<Response> {
    let content = ContentBuilder::new().schema(Some(RefOr::<utoipa::openapi::Schema>::Ref(Ref::from_schema_name("Problem")))).build();
    RefOr::T(ResponseBuilder::new().description(description).content("application/problem+json", content).build())
}

/// Adds the office's routes.
pub(crate) fn add_to(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    for (name, schema) in shapes::records() {
        components.schemas.insert(name.to_owned(), schema);
    }
    for (method, path, does, body) in ROWS {
        let object = ContentBuilder::new().schema(Some(ObjectBuilder::new().schema_type(SchemaType::Type(Type::Object)).build())).build();
        let mut operation = OperationBuilder::new()
            .tag("office")
            .operation_id(Some(format!("{method}{}", path.replace("/api/v1", "").replace(['/', '{', '}', '-'], "_"))))
            .summary(Some(*does))
            .response("200", ResponseBuilder::new().description(*does).content("application/json", object.clone()).build());
        for (status, description) in [
            ("400", "The request could not be read"),
            ("401", "No valid session or token"),
            ("403", "The role is not enough"),
            ("404", "No such thing, or outside the caller's area"),
            ("413", "The body is too large"),
            ("409", "Somebody else has changed it meanwhile"),
            ("422", "The rules refuse it, with every reason"),
            ("503", "Not possible at the moment"),
        ] {
            operation = operation.response(status, problem(description));
        }
        for name in path.split('/').filter_map(|part| part.strip_prefix('{').and_then(|part| part.strip_suffix('}'))) {
            operation = operation.parameter(ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path).required(Required::True).schema(Some(text())).build());
        }
        if *method == "get" {
            for (name, description) in ASKED {
                operation = operation.parameter(
                    ParameterBuilder::new()
                        .name(*name)
                        .parameter_in(ParameterIn::Query)
                        .required(Required::False)
                        .description(Some(*description))
                        .schema(Some(asked(name)))
                        .build(),
                );
            }
        }
        if !body.is_empty() {
            let media = if *path == "/api/v1/warnings" { "application/cap+xml" } else { "application/json" };
            let content = ContentBuilder::new().schema(Some(if media == "application/json" { shapes::body(path, body) } else { text().build().into() })).build();
            operation = operation.request_body(Some(RequestBodyBuilder::new().description(Some(*body)).content(media, content).build()));
        }
        let operation = operation.build();
        let item = document.paths.paths.entry((*path).to_owned()).or_default();
        if *method == "get" {
            item.get = Some(operation);
        } else {
            item.post = Some(operation);
        }
    }
}
