//! In and out of area: every route that is about something, asked by every role that may ask, once from the area where the
//! thing lies and once from another. From outside it is not there: not in a list, not by its identifier, not to be changed.

use crate::door::{Row, met, rows};
use crate::office::{enrolled, file, visit};
use crate::support::{House, text};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use console::Need;
use serde_json::{Value, json};
use store::Register;
use store::register::{Credential, CredentialRights, PersonRecord, PlanRecord, PlanScope, Put, Role};

/// What is only in the inner area, as it would stand in an answer.
const MARKS: &[&str] = &["home-0001", "elder-1", "甄独特", "13899990001", "13812342201"];

/// Lists that go over all areas, and why.
const WHOLE: &[(&str, &str)] = &[
    ("/api/v1/audit", "the audit is one chain: who may read it reads identifiers of all areas"),
    ("/audit", "the same"),
    ("/api/v1/quarantine", "a message that nobody can place belongs to no area; it is shown to who takes alarms"),
    ("/watch/quarantine", "the same"),
    ("/api/v1/openapi.json", "examples, of nobody"),
    ("/api/v1/events", "a stream that does not end: its own story holds it to the area"),
];

/// What exists in the inner area.
struct World {
    house: House,
    alarm: String,
    ids: Vec<(&'static str, String)>,
}

async fn made(house: &House, who: &str, path: &str, body: Value) -> String {
    let (status, answer) = house.post(who, path, &body.to_string()).await;
    assert_eq!(status, StatusCode::OK, "{path} {answer}");
    let record = if answer["record"].is_object() { &answer["record"] } else { &answer };
    record["id"].as_str().unwrap_or_default().to_owned()
}

async fn world() -> World {
    let house = House::new().await;
    house.follow();
    enrolled(&house).await;
    let kept: console::office::Kept<care::office::ElderFile> = house.office.get("elder-1").await.unwrap();
    let marked = care::office::ElderFile { name: "甄独特".into(), phone: "13899990001".into(), ..kept.record };
    house.office.save_elder(marked, kept.version, &"liaison".into(), care::office::elder::SourceKind::Survey, None).await.unwrap();
    let alarm = house.press("home-0001").await.as_str().to_owned();
    for (id, role, area) in people() {
        let person = PersonRecord { id: id.as_str().into(), name: id.clone(), role, area: area.into(), password_hash: String::new(), active: true };
        house.ledger.put(vec![Put::Person(person)]).await.unwrap();
        if role == Role::Department {
            made(&house, "city", "/api/v1/departments", json!({ "person": id, "department": "housing", "since": "2026-01-01" })).await;
        }
        if role == Role::Visitor && area == INSIDE {
            made(&house, "guide", "/api/v1/visitors", json!({ "record": { "id": id, "name": "王社工", "kind": "family_doctor", "area": "350582/meiling", "since": "2026-01-01" } })).await;
            made(&house, "guide", "/api/v1/pairings", json!({ "record": { "id": "", "elder": "elder-1", "home": "", "area": "", "visitor": id, "from": "2026-11-01" } })).await;
        }
    }
    let plan = house.ledger.plans().await.unwrap().into_iter().find(|plan| plan.scope == PlanScope::Home("home-0001".into())).unwrap();
    let bound = Credential { name: "cred-1".into(), secret_hash: String::new(), rights: CredentialRights::Hub { home: "home-0001".into() }, revoked_at: None };
    house.ledger.put(vec![Put::Plan(PlanRecord { scope: PlanScope::Elder("elder-1".into()), ..plan }), Put::Credential(bound)]).await.unwrap();
    made(&house, "liaison", "/api/v1/visits", json!({ "record": visit("v1", "liaison", "2026-11-20T01:00:00Z"), "sign": true })).await;
    let hazard = made(&house, "liaison", "/api/v1/hazards", json!({ "elder": "elder-1", "kind": "gas", "words": "软管老化" })).await;
    let need = made(&house, "liaison", "/api/v1/needs", json!({ "elder": "elder-1", "kind": "daily_care", "words": "助餐" })).await;
    let referral = made(&house, "guide", "/api/v1/referrals", json!({ "elder": "elder-1", "to": "housing", "words": "更换燃气软管" })).await;
    let incident = made(&house, "liaison", "/api/v1/incidents", json!({ "elder": "elder-1", "words": "敲门无应答", "grave": true })).await;
    let event = made(&house, "guide", "/api/v1/extra-events", json!({ "kind": "weather", "event": "typhoon", "level": "orange" })).await;
    let sample = made(&house, "guide", "/api/v1/samples", json!({ "month": "2026-11", "n": 5, "area": "350582/meiling" })).await;
    let finding = made(&house, "guide", "/api/v1/findings", json!({ "area": "350582/meiling/guishan", "about": "visit", "elder": "elder-1", "words": "补访", "due_on": "2026-12-20" })).await;
    house.post("housing", &format!("/api/v1/referrals/{referral}"), r#"{"step":"done","words":"已更换"}"#).await;
    // Nobody is erased by a test that goes over every role.
    made(&house, "city", "/api/v1/elders/elder-1/hold", json!({ "reason": "核查" })).await;
    let (_, follow) = house.get("guide", "/api/v1/follow-ups").await;
    let follow = follow["items"][0]["record"]["id"].as_str().unwrap_or("none").to_owned();
    house.token("inside-villageliaison").await;
    let (_, sessions) = house.get("root", "/api/v1/sessions").await;
    let session = sessions["items"].as_array().unwrap().iter().find(|s| s["person"] == "inside-villageliaison").map_or("none".into(), |s| s["id"].as_str().unwrap().to_owned());
    let ids = vec![
        ("/api/v1/alarms/", alarm.clone()),
        ("/desk/alarms/", alarm.clone()),
        ("homes/", "home-0001".to_owned()),
        ("credentials/", "cred-1".to_owned()),
        ("elders/{id}", "elder-1".to_owned()),
        ("visits/", "v1".to_owned()),
        ("hazards/", hazard),
        ("needs/", need),
        ("referrals/", referral),
        ("incidents/", incident),
        ("extra-events/", event.clone()),
        ("/office/events/", event),
        ("samples/", sample),
        ("findings/", finding),
        ("follow-ups/", follow),
        ("visitors/", "inside-visitor".to_owned()),
        ("people/", "inside-villageliaison".to_owned()),
        ("sessions/", session),
    ];
    World { house, alarm, ids }
}

const INSIDE: &str = "350582/meiling";
const OUTSIDE: &str = "350582/dongshi";

/// Somebody of every role in each of the two areas.
fn people() -> Vec<(String, Role, &'static str)> {
    let both = [("inside", INSIDE), ("outside", OUTSIDE)];
    both.iter().flat_map(|(name, area)| Role::ALL.into_iter().map(move |role| (format!("{name}-{role:?}").to_lowercase(), role, *area))).collect()
}

/// What a request to a route says, so that in its area it is understood.
fn body(path: &str, world: &World) -> String {
    let body = match path {
        "/api/v1/alarms/{id}/report" | "/api/v1/alarms/{id}/notes" => json!({ "text": "已联系" }),
        "/api/v1/alarms/{id}/steps" => json!({ "step": "elder/elder-1", "outcome": "answered" }),
        "/api/v1/alarms/{id}/call-now" => json!({ "contact": "c-daughter" }),
        "/api/v1/alarms/{id}/close" => json!({ "outcome": "test" }),
        "/api/v1/alarms/{id}/hand-over" => json!({ "to": "inside-operator" }),
        "/api/v1/alarms/{id}/connect" => json!({ "to": "elder", "id": "elder-1" }),
        "/api/v1/homes/{id}/away" => json!({ "until": world.house.now() + care::TimeDelta::hours(8) }),
        "/api/v1/homes/{id}/normal" => json!({ "from": "2026-11-22T01:00:00Z", "to": "2026-11-22T02:00:00Z" }),
        "/api/v1/homes/{id}/rules/trial" => json!({ "rules": {}, "days": 30 }),
        "/api/v1/homes/{id}/pets" => json!({ "pets": true }),
        "/api/v1/homes/{id}/elders/{elder}/reveal" => json!({ "field": "phone", "reason": "alarm" }),
        "/api/v1/homes/{id}/contacts/{contact}/reveal" => json!({ "channel": "voice", "reason": "alarm" }),
        "/api/v1/elders/{id}/reveal" => json!({ "field": "phone", "reason": "visit" }),
        "/api/v1/elders/{id}/hold" | "/api/v1/elders/{id}/lift-hold" | "/api/v1/visitors/{id}/suspend" | "/api/v1/extra-events/{id}/withdraw" => json!({ "reason": "核查" }),
        "/api/v1/elders/{id}/erase" => json!({ "reason": "本人要求" }),
        "/api/v1/elders/{id}/consents/{purpose}" => json!({ "state": "given", "said_by": "本人", "proof": { "kind": "paper", "kept": "村委会" } }),
        "/api/v1/elders/{id}/review" => json!({ "version": 2, "record": file("elder-1", "home-0001", "350582/meiling/guishan") }),
        "/api/v1/hazards/{id}" => json!({ "step": "remind", "words": "已提醒" }),
        "/api/v1/needs/{id}" => json!({ "step": "told", "words": "已告知" }),
        "/api/v1/referrals/{id}" => json!({ "step": "accepted", "words": "已接收" }),
        "/api/v1/follow-ups/{id}" => json!({ "settled": false, "words": "还在漏" }),
        "/api/v1/incidents/{id}" => json!({ "did": "note", "words": "再次敲门" }),
        "/api/v1/findings/{id}/fix" => json!({ "words": "已补访" }),
        "/api/v1/findings/{id}/check" => json!({ "accepted": true, "words": "属实" }),
        "/api/v1/samples/{id}/called-back" => json!({ "visit": "v1", "verdict": "true", "words": "属实" }),
        "/api/v1/visits/{id}/correct" => json!({ "record": visit("v1", "liaison", "2026-11-20T01:00:00Z"), "reason": "误填" }),
        "/api/v1/visits/{id}/look" => json!({ "words": "看过" }),
        "/api/v1/people/{id}/elders" => json!({ "elders": [] }),
        path if path.starts_with("/api/") => json!({}),
        "/office/samples/{id}" => {
            let sample = world.ids.iter().find(|(part, _)| *part == "samples/").map_or("none", |(_, id)| id.as_str());
            return format!("id={sample}+v1&step=true&words=x");
        }
        "/homes/{id}/routine" => return "do=back".to_owned(),
        "/people/{id}" => return "name=x&role=operator&area=".to_owned(),
        "/office/hazards/{id}" | "/office/needs/{id}" | "/office/referrals/{id}" | "/office/follow-ups/{id}" => return "step=accepted&words=x".to_owned(),
        "/office/elders/{id}/consent" => return "purpose=remote&state=withdrawn&said_by=x".to_owned(),
        _ => return "words=x".to_owned(),
    };
    body.to_string()
}

/// The address of a route in the inner area. What the world has nothing for leads to nothing.
fn address(path: &str, world: &World) -> String {
    let id = world.ids.iter().find(|(part, _)| path.contains(part)).map_or("none", |(_, id)| id.as_str());
    let fixed = [("{elder}", "elder-1"), ("{contact}", "c-daughter"), ("{device}", "button-bed"), ("{purpose}", "remote"), ("{month}", "2026-11"), ("{target}", "jinmin"), ("{version}", "0"), ("{file}", "console.css"), ("{token}", "x")];
    let filled = fixed.iter().fold(path.to_owned(), |path, (name, value)| path.replace(name, value));
    filled.replace("{id}", id)
}

async fn ask(world: &World, (method, path, _): &Row, who: &str) -> (StatusCode, String) {
    let at = address(path, world);
    let token = world.house.token(who).await;
    let kind = if path.starts_with("/api/") { "application/json" } else { "application/x-www-form-urlencoded" };
    let body = if *method == "POST" { body(path, world) } else { String::new() };
    let request = Request::builder().method(*method).uri(&at).header("authorization", format!("Bearer {token}")).header("accept", "text/html").header("content-type", kind);
    let response = world.house.send(request.body(Body::from(body)).unwrap()).await;
    let status = response.status();
    if response.headers().get("content-type").is_some_and(|kind| kind.to_str().unwrap().contains("event-stream")) {
        return (status, String::new());
    }
    (status, text(response).await)
}

/// Rows with something in their path that lies in an area. One's own sessions and a month do not.
fn about_something(row: &Row) -> bool {
    let (_, path, need) = row;
    let own = path.starts_with("/api/v1/me/") || path.starts_with("/account/");
    *need != Need::Nothing && *need != Need::Signed && path.contains("{id}") && !own
}

#[tokio::test]
async fn from_another_area_nothing_is_found_and_nothing_is_changed() {
    let world = world().await;
    let before = world.house.ledger.audit(0, 10_000).await.unwrap().len();
    let mut asked = 0;
    for row in rows().filter(|row| about_something(row)) {
        for (who, role, area) in people() {
            if area != OUTSIDE || !met(row.2, role) {
                continue;
            }
            let (status, said) = ask(&world, row, &who).await;
            // Where nothing is written here of what to say, not being understood is as good as not being found.
            let bare = row.0 == "POST" && ["{}", "words=x"].contains(&body(row.1, &world).as_str());
            let refused = bare && [StatusCode::BAD_REQUEST, StatusCode::UNPROCESSABLE_ENTITY].contains(&status);
            assert!(status == StatusCode::NOT_FOUND || refused, "{} {} {who} {status}: {said}", row.0, row.1);
            assert!(MARKS.iter().chain([&world.alarm.as_str()]).all(|mark| !said.contains(mark)), "{} {} {who}: {said}", row.0, row.1);
            asked += 1;
        }
    }
    assert!(asked > 150, "{asked}");
    let lines = world.house.ledger.audit(0, 10_000).await.unwrap();
    assert_eq!(lines[before..].iter().map(|line| format!("{} {}", line.who, line.action)).collect::<Vec<_>>(), Vec::<String>::new(), "nothing was done");
}

#[tokio::test]
async fn lists_of_another_area_name_nobody() {
    let world = world().await;
    for row in rows().filter(|(method, path, need)| *method == "GET" && !path.contains("{id}") && *need != Need::Nothing && *need != Need::Signed) {
        if WHOLE.iter().any(|(path, _)| *path == row.1) {
            continue;
        }
        for (who, role, area) in people() {
            if area != OUTSIDE || !met(row.2, role) {
                continue;
            }
            let (status, said) = ask(&world, row, &who).await;
            assert!(!status.is_server_error(), "{} {who}: {said}", row.1);
            for mark in MARKS.iter().chain([&world.alarm.as_str()]) {
                assert!(!said.contains(mark), "{} {who} reads of {mark}: {said}", row.1);
            }
        }
    }
}

#[tokio::test]
async fn in_its_area_everything_is_found_by_whoever_may() {
    let world = world().await;
    // What is asked for is understood and found; what it then says (done already, not the right step) is its own business.
    for row in rows().filter(|row| about_something(row)) {
        for (who, role, area) in people() {
            // Everything but people is asked for in the area itself; a credential, sessions and people once only, for they end.
            let once = row.1.contains("let-go") || row.1.contains("sessions/") || row.1 == "/people/{id}";
            let nothing = address(row.1, &world).split('/').any(|part| part == "none");
            // Who is no office corrects what is one's own; of somebody else's visit nothing is said.
            let anothers = row.1.ends_with("/correct") && [Role::Operator, Role::ShiftLead, Role::Visitor].contains(&role);
            if area != INSIDE || !met(row.2, role) || once || nothing || anothers {
                continue;
            }
            let (status, said) = ask(&world, row, &who).await;
            let bare = row.0 == "POST" && ["{}", "words=x"].contains(&body(row.1, &world).as_str());
            let fine = status != StatusCode::NOT_FOUND && (bare || status != StatusCode::BAD_REQUEST) && status != StatusCode::UNAUTHORIZED && !status.is_server_error();
            // A form that is lacking a field may be refused; a department's referral moves on by its own desk.
            assert!(fine, "{} {} {who} {status}: {said}", row.0, row.1);
        }
    }
}
