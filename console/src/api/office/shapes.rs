//! What the bodies of the office's routes look like, for the OpenAPI document. Words come from their closed sets; a
//! record is described by an example that is read and written by the record's own type, so that it cannot drift.

use care::office::elder::SourceKind;
use care::office::matter::{Department, HazardKind, NeedKind, NeedState, ReferralState};
use care::office::sample::Verdict;
use care::office::visitor::DepartmentDesk;
use care::office::{ElderFile, FamilyContact, Pairing, Survey, Visit, Visitor};
use care::policy::Colour;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa::openapi::schema::{ArrayBuilder, KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr, Schema};

/// The type of a field.
pub(super) enum Kind {
    Text,
    Whole,
    Yes,
    Day,
    Instant,
    Month,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// One of a closed set.
    Word(fn() -> Vec<&'static str>),
    /// A record, by its name among the components.
    Record(&'static str),
    /// A list of things with fields.
    Many(&'static [Field]),
    /// Something with fields of its own.
    Part(&'static [Field]),
}

/// A field: name, needed, type.
pub(super) type Field = (&'static str, bool, Kind);

use Kind::{Day, Instant, Many, Month, OneOf, Part, Record, Text, Whole, Word, Yes};

macro_rules! codes {
    ($Type:ident) => {
        || $Type::ALL.iter().map(|word| word.code()).collect()
    };
}

const STATES: &[&str] = &["given", "refused", "withdrawn"];
const PROOF: &[Field] = &[("kind", true, OneOf(&["paper", "screen", "recording", "witness"])), ("kept", true, Text)];
const TAKE: &[Field] = &[("record", true, Record("Visit")), ("sign", false, Yes)];

/// The fields of the bodies, by path.
const BODIES: &[(&str, &[Field])] = &[
    ("/api/v1/elders", &[("version", false, Whole), ("source", false, Word(codes!(SourceKind))), ("record", true, Record("ElderFile"))]),
    ("/api/v1/elders/{id}/review", &[("version", false, Whole), ("record", true, Record("ElderFile"))]),
    ("/api/v1/elders/{id}/reveal", &[("field", true, Text), ("reason", true, OneOf(&["alarm", "call_back", "identity", "correction", "visit", "referral"]))]),
    (
        "/api/v1/elders/{id}/consents/{purpose}",
        &[("state", true, OneOf(STATES)), ("at", false, Instant), ("said_by", true, Text), ("proof", false, Part(PROOF)), ("reason", false, Text), ("ask_again_on", false, Day)],
    ),
    ("/api/v1/elders/{id}/erase", &[("reason", false, Text)]),
    ("/api/v1/elders/{id}/hold", &[("reason", false, Text)]),
    ("/api/v1/elders/{id}/lift-hold", &[("reason", false, Text)]),
    ("/api/v1/surveys", &[("version", false, Whole), ("record", true, Record("Survey"))]),
    ("/api/v1/family-contacts", &[("version", false, Whole), ("record", true, Record("FamilyContact"))]),
    ("/api/v1/visitors", &[("version", false, Whole), ("record", true, Record("Visitor"))]),
    ("/api/v1/visitors/{id}/suspend", &[("reason", false, Text)]),
    ("/api/v1/pairings", &[("version", false, Whole), ("record", true, Record("Pairing"))]),
    ("/api/v1/exports/{target}", &[("area", false, Text), ("which", false, OneOf(&["behind", "all"]))]),
    ("/api/v1/exports/{target}/receipt", &[("area", false, Text), ("receipt", true, Text)]),
    ("/api/v1/visits", TAKE),
    ("/api/v1/visits/sync", &[("visits", true, Many(TAKE))]),
    ("/api/v1/visits/{id}/correct", &[("record", true, Record("Visit")), ("reason", false, Text)]),
    ("/api/v1/visits/{id}/look", &[("words", false, Text)]),
    ("/api/v1/hazards", &[("elder", true, Text), ("kind", true, Word(codes!(HazardKind))), ("place", false, Text), ("words", false, Text)]),
    ("/api/v1/hazards/{id}", &[("step", true, OneOf(&["remind", "remove", "confirm", "reopen"])), ("words", false, Text)]),
    ("/api/v1/needs", &[("elder", true, Text), ("kind", true, Word(codes!(NeedKind))), ("words", false, Text), ("urgent", false, Yes)]),
    ("/api/v1/needs/{id}", &[("step", true, Word(codes!(NeedState))), ("words", false, Text)]),
    ("/api/v1/referrals", &[("elder", true, Text), ("to", true, Word(codes!(Department))), ("provider", false, Text), ("about", false, Text), ("words", true, Text)]),
    ("/api/v1/referrals/{id}", &[("step", true, Word(codes!(ReferralState))), ("words", false, Text)]),
    ("/api/v1/follow-ups/{id}", &[("settled", true, Yes), ("words", false, Text), ("evidence", false, Text)]),
    ("/api/v1/incidents", &[("elder", true, Text), ("words", true, Text), ("grave", false, Yes), ("from", false, Text), ("found_at", false, Instant)]),
    (
        "/api/v1/incidents/{id}",
        &[
            ("did", true, OneOf(&["emergency_call", "called", "party", "note", "review", "close"])),
            ("number", false, Text),
            ("whom", false, Text),
            ("outcome", false, Text),
            ("party", false, Text),
            ("words", false, Text),
        ],
    ),
    ("/api/v1/samples", &[("month", true, Month), ("area", false, Text), ("n", true, Whole)]),
    ("/api/v1/samples/{id}/called-back", &[("visit", true, Text), ("verdict", true, Word(codes!(Verdict))), ("words", false, Text)]),
    ("/api/v1/findings", &[("area", true, Text), ("about", true, Text), ("elder", false, Text), ("words", true, Text), ("due_on", true, Day)]),
    ("/api/v1/findings/{id}/fix", &[("words", false, Text)]),
    ("/api/v1/findings/{id}/check", &[("accepted", true, Yes), ("words", false, Text)]),
    (
        "/api/v1/extra-events",
        &[("kind", true, Text), ("event", false, Text), ("level", false, Word(codes!(Colour))), ("area", false, Text), ("elder", false, Text), ("start", false, Instant), ("words", false, Text)],
    ),
    ("/api/v1/departments", &[("person", true, Text), ("department", true, Word(codes!(Department))), ("since", true, Day)]),
    ("/api/v1/months/{month}/restate", &[("reason", false, Text)]),
];

/// The schema of a route's body. A route without a row here has its names alone.
pub(super) fn body(path: &str, names: &str) -> RefOr<Schema> {
    match BODIES.iter().find(|(known, _)| *known == path) {
        Some((_, fields)) => object(fields),
        None => {
            let name = |part: &str| part.split([' ', ':', '(']).find(|word| !word.is_empty()).map(str::to_owned);
            let known = names.split(',').filter_map(name).filter(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
            known.fold(ObjectBuilder::new().schema_type(Type::Object), |object, name| object.property(name, Schema::default())).build().into()
        }
    }
}

fn object(fields: &[Field]) -> RefOr<Schema> {
    let mut object = ObjectBuilder::new().schema_type(Type::Object);
    for (name, needed, kind) in fields {
        object = object.property(*name, schema(kind));
        if *needed {
            object = object.required(*name);
        }
    }
    object.build().into()
}

fn plain(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::Type(kind))
}

fn schema(kind: &Kind) -> RefOr<Schema> {
    let format = |format| plain(Type::String).format(Some(SchemaFormat::KnownFormat(format)));
    match kind {
        Text => plain(Type::String).build().into(),
        Whole => plain(Type::Integer).minimum(Some(0)).maximum(Some(u32::MAX)).build().into(),
        Yes => plain(Type::Boolean).build().into(),
        Day => format(KnownFormat::Date).build().into(),
        Instant => format(KnownFormat::DateTime).build().into(),
        Month => plain(Type::String).pattern(Some("^[0-9]{4}-(0[1-9]|1[0-2])$")).build().into(),
        OneOf(words) => plain(Type::String).enum_values(Some(words.iter().copied())).build().into(),
        Word(words) => plain(Type::String).enum_values(Some(words())).build().into(),
        Record(name) => RefOr::Ref(Ref::from_schema_name(*name)),
        Many(fields) => ArrayBuilder::new().items(object(fields)).build().into(),
        Part(fields) => object(fields),
    }
}

/// The name of a record, an example of it, and how its type writes it again.
type Example = (&'static str, &'static str, fn(&str) -> Option<Value>);

/// An example of each record, as short as it may be.
const EXAMPLES: &[Example] = &[
    (
        "ElderFile",
        r#"{"id":"elder-0001","home":"home-0001","area":"350582/meiling/guishan","filed_on":"2026-01-10","enrolled_on":"2026-01-10","name":"陈秀英","born":"1940-03-02","no_id":"遗失补办中","phone":"13800001234","reviewed_on":"2026-08-01"}"#,
        again::<ElderFile>,
    ),
    (
        "Visit",
        r#"{"id":"v-0001","elder":"elder-0001","home":"home-0001","area":"","visitor":"liaison","mode":"home","origin":"regular","start":"2026-11-20T01:00:00Z","end":"2026-11-20T01:25:00Z","outcome":"met","recorded_at":"2026-11-20T01:30:00Z","recorded_by":"liaison"}"#,
        again::<Visit>,
    ),
    ("Survey", r#"{"home":"home-0001","area":"350582/meiling/guishan","due_on":"2026-12-31"}"#, again::<Survey>),
    (
        "FamilyContact",
        r#"{"id":"","elder":"elder-0001","home":"","area":"","whom":"女儿","how":"电话","on":"2026-11-20","by":"liaison"}"#,
        again::<FamilyContact>,
    ),
    ("Visitor", r#"{"id":"wang","name":"王社工","kind":"family_doctor","area":"350582/meiling","since":"2026-01-01"}"#, again::<Visitor>),
    ("Pairing", r#"{"id":"","elder":"elder-0001","home":"","area":"","visitor":"wang","from":"2026-11-01"}"#, again::<Pairing>),
    ("DepartmentDesk", r#"{"person":"housing","department":"housing","since":"2026-01-01"}"#, again::<DepartmentDesk>),
];

/// An example as its type writes it again, with everything that was left out.
fn again<R: DeserializeOwned + Serialize>(text: &str) -> Option<Value> {
    let record: R = serde_json::from_str(text).ok()?;
    serde_json::to_value(record).ok()
}

/// The components of the records.
pub(super) fn records() -> Vec<(&'static str, RefOr<Schema>)> {
    let one = |(name, text, again): &Example| {
        let short: Value = serde_json::from_str(text).ok()?;
        let whole = again(text)?;
        let mut object = plain(Type::Object).examples([short]);
        for (field, value) in whole.as_object()? {
            object = object.property(field, by_example(value));
        }
        Some((*name, object.build().into()))
    };
    EXAMPLES.iter().filter_map(one).collect()
}

fn by_example(value: &Value) -> RefOr<Schema> {
    match value {
        // What may be missing says nothing about its type.
        Value::Null => Schema::default().into(),
        Value::Bool(_) => plain(Type::Boolean).build().into(),
        Value::Number(_) => plain(Type::Number).build().into(),
        Value::String(text) if text.parse::<chrono::NaiveDate>().is_ok() => schema(&Day),
        Value::String(text) if text.parse::<chrono::DateTime<chrono::Utc>>().is_ok() => schema(&Instant),
        Value::String(_) => plain(Type::String).build().into(),
        Value::Array(items) => ArrayBuilder::new().items(items.first().map_or_else(|| Schema::default().into(), by_example)).build().into(),
        Value::Object(fields) => {
            let object = plain(Type::Object);
            fields.iter().fold(object, |object, (name, value)| object.property(name, by_example(value))).build().into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_read_by_its_record_and_written_with_more() {
        for (name, text, again) in EXAMPLES {
            let whole = again(text).unwrap_or_else(|| panic!("{name}: the example is not one"));
            let short: Value = serde_json::from_str(text).unwrap();
            let lost: Vec<_> = short.as_object().unwrap().keys().filter(|key| whole.get(key).is_none()).collect();
            assert!(lost.is_empty(), "{name}: {lost:?}");
        }
        assert_eq!(records().len(), EXAMPLES.len());
    }

    #[test]
    fn a_body_without_a_row_still_has_its_names() {
        let text = serde_json::to_string(&body("/api/v1/none", "elder, form (annex-1, annex-2), words")).unwrap();
        assert!(text.contains("\"elder\"") && text.contains("\"form\"") && text.contains("\"words\""), "{text}");
    }
}
