//! Who gets in, and how the door answers those who do not.

use crate::support::{House, PASSWORD, answer, from, text};
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use care::TimeDelta;
use console::Need::{self, Wall, Act, Audit, City, Family, Loopback, Nothing, Office, People, Plan, Refer, See, Signed, SignedIn, Supervise, Visit};
use console::Route;
use serde_json::Value;
use std::collections::BTreeSet;
use store::register::{PersonRecord, Put, Role};
use store::Register;

/// Every route with what it needs. A new route fails this test until it has its row here.
const TABLE: &[(&str, &str, Need)] = &[
    ("GET", "/", See),
    ("GET", "/api/v1/alarms", See),
    ("GET", "/api/v1/alarms/{id}", See),
    ("GET", "/api/v1/people", People),
    ("POST", "/api/v1/people", People),
    ("POST", "/api/v1/people/{id}/let-go", People),
    ("POST", "/api/v1/people/{id}/unlock", People),
    ("POST", "/api/v1/people/{id}/second-factor/reset", People),
    ("POST", "/api/v1/people/{id}/elders", People),
    ("GET", "/api/v1/family", Family),
    ("GET", "/api/v1/first-steps", People),
    ("GET", "/api/v1/sessions", People),
    ("POST", "/api/v1/sessions/{id}/end", People),
    ("GET", "/api/v1/me/sessions", SignedIn),
    ("POST", "/api/v1/me/sessions/{id}/end", SignedIn),
    ("POST", "/api/v1/me/password", SignedIn),
    ("GET", "/api/v1/me/second-factor", SignedIn),
    ("POST", "/api/v1/me/second-factor", SignedIn),
    ("POST", "/api/v1/me/second-factor/confirm", SignedIn),
    ("POST", "/api/v1/me/second-factor/off", SignedIn),
    ("GET", "/api/v1/areas", SignedIn),
    ("POST", "/api/v1/areas", People),
    ("GET", "/api/v1/audit", Audit),
    ("GET", "/api/v1/audit/verification", Audit),
    ("GET", "/api/v1/events", See),
    ("GET", "/api/v1/homes", See),
    ("GET", "/api/v1/homes/{id}", See),
    ("GET", "/api/v1/me", SignedIn),
    ("GET", "/api/v1/openapi.json", SignedIn),
    ("GET", "/api/v1/outage-worklist", See),
    ("GET", "/l/{token}", Nothing),
    ("POST", "/l/{token}", Nothing),
    ("POST", "/api/v1/dispatch/states", Signed),
    ("GET", "/api/v1/hubs", See),
    ("POST", "/api/v1/hubs", Plan),
    ("GET", "/api/v1/plans", See),
    ("GET", "/api/v1/rotas", See),
    ("GET", "/api/v1/well-calls", See),
    ("GET", "/api/v1/worklists/plans", See),
    ("POST", "/api/v1/plans", Plan),
    ("POST", "/api/v1/plans/end", Plan),
    ("POST", "/api/v1/credentials/{id}/revoke", Plan),
    ("POST", "/api/v1/rotas", Plan),
    ("POST", "/api/v1/well-calls", Plan),
    ("GET", "/api/v1/quarantine", See),
    ("GET", "/api/v1/unknown-devices", See),
    ("GET", "/assets/{version}/{file}", Nothing),
    ("GET", "/desk/alarms/{id}", See),
    ("GET", "/desk/queue", See),
    ("GET", "/healthz", Loopback),
    ("GET", "/homes", See),
    ("GET", "/homes/{id}/routine", See),
    ("POST", "/homes/{id}/routine", Act),
    ("GET", "/homes/{id}", See),
    ("GET", "/devices", See),
    ("GET", "/devices/unknown", See),
    ("GET", "/devices/import", Plan),
    ("POST", "/devices/import", Plan),
    ("GET", "/homes/{id}/devices/new", Plan),
    ("POST", "/homes/{id}/devices", Plan),
    ("GET", "/homes/{id}/devices/{device}", See),
    ("POST", "/homes/{id}/devices/{device}", Plan),
    ("POST", "/homes/{id}/devices/{device}/test", Act),
    ("GET", "/api/v1/devices", See),
    ("POST", "/api/v1/devices/import", Plan),
    ("POST", "/api/v1/enrolment", Signed),
    ("POST", "/api/v1/homes/{id}/devices", Plan),
    ("GET", "/api/v1/homes/{id}/devices/{device}", See),
    ("POST", "/api/v1/homes/{id}/devices/{device}/replace", Plan),
    ("POST", "/api/v1/homes/{id}/devices/{device}/code", Plan),
    ("POST", "/api/v1/homes/{id}/devices/{device}/test", Act),
    ("POST", "/api/v1/homes/{id}/devices/{device}/test-over", Act),
    // a retired device gets no code: last
    ("POST", "/api/v1/homes/{id}/devices/{device}/retire", Plan),
    ("GET", "/plans", See),
    ("GET", "/plans/edit", Plan),
    ("GET", "/plans/lacking", See),
    ("GET", "/rotas", See),
    ("GET", "/rotas/edit", Plan),
    ("GET", "/well-calls", See),
    ("POST", "/plans/edit", Plan),
    ("POST", "/plans/end", Plan),
    ("POST", "/rotas/away", Plan),
    ("POST", "/rotas/edit", Plan),
    ("POST", "/well-calls", Plan),
    ("GET", "/metrics", Loopback),
    ("GET", "/readyz", Loopback),
    ("GET", "/sign-in", Nothing),
    ("POST", "/api/v1/alarms/{id}/claim", Act),
    ("POST", "/api/v1/alarms/{id}/close", Act),
    ("POST", "/api/v1/alarms/{id}/hand-over", Act),
    ("POST", "/api/v1/alarms/{id}/let-go", Act),
    ("POST", "/api/v1/alarms/{id}/notes", Act),
    ("POST", "/api/v1/alarms/{id}/on-the-way", Act),
    ("POST", "/api/v1/alarms/{id}/report", Act),
    ("POST", "/api/v1/alarms/{id}/skip", Act),
    ("POST", "/api/v1/alarms/{id}/connect", Act),
    ("POST", "/api/v1/alarms/{id}/stop", Act),
    ("POST", "/api/v1/alarms/{id}/call-now", Act),
    ("POST", "/api/v1/alarms/{id}/steps", Act),
    ("POST", "/api/v1/homes/{id}/contacts/{contact}/reveal", Act),
    ("GET", "/api/v1/homes/{id}/routine", See),
    ("POST", "/api/v1/homes/{id}/away", Act),
    ("POST", "/api/v1/homes/{id}/back", Act),
    ("POST", "/api/v1/homes/{id}/normal", Act),
    ("POST", "/api/v1/homes/{id}/rules", Act),
    ("POST", "/api/v1/homes/{id}/rules/trial", Act),
    ("POST", "/api/v1/homes/{id}/pets", Act),
    ("POST", "/api/v1/homes/{id}/elders/{elder}/reveal", Act),
    ("POST", "/preferences", Nothing),
    ("POST", "/sign-in", Nothing),
    ("GET", "/sign-in/code", Nothing),
    ("POST", "/sign-in/code", Nothing),
    ("GET", "/sign-in/provider", Nothing),
    ("GET", "/sign-in/provider/done", Nothing),
    ("POST", "/sign-out", SignedIn),
];

/// The watch: shifts, drills, figures, the wall.
const WATCH: &[(&str, &str, Need)] = &[
    ("GET", "/api/v1/alarm-quality", See),
    ("GET", "/api/v1/drill", See),
    ("GET", "/api/v1/shifts", See),
    ("GET", "/api/v1/wall", Wall),
    ("POST", "/api/v1/drill/alarms", Plan),
    ("POST", "/api/v1/drill/end", Plan),
    ("POST", "/api/v1/drill/start", Plan),
    ("POST", "/api/v1/hand-overs/{id}/take", Act),
    ("POST", "/api/v1/shifts/end", Act),
    ("POST", "/api/v1/shifts/start", Act),
    ("GET", "/watch/drill", See),
    ("GET", "/watch/outage", See),
    ("GET", "/watch/quality", See),
    ("GET", "/watch/quarantine", See),
    ("GET", "/watch/shift", See),
    ("GET", "/wall", Wall),
    ("POST", "/watch/drill", Plan),
    ("POST", "/watch/drill/alarms", Plan),
    ("POST", "/watch/drill/end", Plan),
    ("POST", "/watch/shift/end", Act),
    ("POST", "/watch/shift/take/{id}", Act),
];

/// The pages of the people.
const PEOPLE_PAGES: &[(&str, &str, Need)] = &[
    ("GET", "/account", SignedIn),
    ("POST", "/account/password", SignedIn),
    ("POST", "/account/second-factor", SignedIn),
    ("POST", "/account/second-factor/confirm", SignedIn),
    ("POST", "/account/second-factor/off", SignedIn),
    ("POST", "/account/sessions/{id}/end", SignedIn),
    ("GET", "/areas", People),
    ("POST", "/areas", People),
    ("GET", "/audit", Audit),
    ("GET", "/family", Family),
    ("GET", "/first-steps", People),
    ("GET", "/people", People),
    ("POST", "/people/{id}/elders", People),
    ("POST", "/people", People),
    ("GET", "/people/{id}", People),
    ("POST", "/people/{id}", People),
    ("POST", "/people/{id}/let-go", People),
    ("POST", "/people/{id}/second-factor/reset", People),
    ("POST", "/people/{id}/unlock", People),
    ("GET", "/roles", People),
    ("GET", "/sessions", People),
    ("POST", "/sessions/{id}/end", People),
];

/// The office's routes.
const OFFICE: &[(&str, &str, Need)] = &[
    ("GET", "/api/v1/consents", Office),
    ("GET", "/api/v1/departments", City),
    ("GET", "/api/v1/due", Visit),
    ("GET", "/api/v1/elders", Visit),
    ("GET", "/api/v1/elders/{id}", Visit),
    ("GET", "/api/v1/elders/{id}/copy", Supervise),
    ("GET", "/api/v1/elders/{id}/duties", Visit),
    ("GET", "/api/v1/elders/{id}/versions", Office),
    ("GET", "/api/v1/exports/{target}", Office),
    ("GET", "/api/v1/extra-events", Visit),
    ("GET", "/api/v1/facts", City),
    ("GET", "/api/v1/family-contacts", Office),
    ("GET", "/api/v1/findings", Office),
    ("GET", "/api/v1/follow-ups", Office),
    ("GET", "/api/v1/hazards", Visit),
    ("GET", "/api/v1/imports/{id}", Office),
    ("GET", "/api/v1/incidents", Visit),
    ("GET", "/api/v1/months", Office),
    ("GET", "/api/v1/months/{month}/figures", Refer),
    ("GET", "/api/v1/months/{month}/forecast", Office),
    ("GET", "/api/v1/months/{month}/league", Office),
    ("GET", "/api/v1/months/{month}/report", Office),
    ("GET", "/api/v1/needs", Visit),
    ("GET", "/api/v1/pairings", Office),
    ("GET", "/api/v1/referrals", Refer),
    ("GET", "/api/v1/reviews", Office),
    ("GET", "/api/v1/samples", Supervise),
    ("GET", "/api/v1/surveys", Office),
    ("GET", "/api/v1/visitors", Office),
    ("GET", "/api/v1/visits", Visit),
    ("GET", "/api/v1/visits/flags", Supervise),
    ("GET", "/api/v1/visits/{id}", Visit),
    ("POST", "/api/v1/departments", City),
    ("POST", "/api/v1/elders", Office),
    ("POST", "/api/v1/elders/{id}/consents/{purpose}", Visit),
    ("POST", "/api/v1/elders/{id}/erase", City),
    ("POST", "/api/v1/elders/{id}/hold", City),
    ("POST", "/api/v1/elders/{id}/lift-hold", City),
    ("POST", "/api/v1/elders/{id}/reveal", Visit),
    ("POST", "/api/v1/elders/{id}/review", Office),
    ("POST", "/api/v1/exports/{target}", Supervise),
    ("POST", "/api/v1/exports/{target}/receipt", Supervise),
    ("POST", "/api/v1/extra-events", Supervise),
    ("POST", "/api/v1/extra-events/{id}/withdraw", Supervise),
    ("POST", "/api/v1/family-contacts", Visit),
    ("POST", "/api/v1/findings", Supervise),
    ("POST", "/api/v1/findings/{id}/check", Supervise),
    ("POST", "/api/v1/findings/{id}/fix", Office),
    ("POST", "/api/v1/follow-ups/{id}", Office),
    ("POST", "/api/v1/hazards", Visit),
    ("POST", "/api/v1/hazards/{id}", Visit),
    ("POST", "/api/v1/imports", Office),
    ("POST", "/api/v1/imports/preview", Office),
    ("POST", "/api/v1/incidents", Visit),
    ("POST", "/api/v1/incidents/{id}", Visit),
    ("POST", "/api/v1/months/{month}/close", City),
    ("POST", "/api/v1/months/{month}/restate", City),
    ("POST", "/api/v1/needs", Visit),
    ("POST", "/api/v1/needs/{id}", Visit),
    ("POST", "/api/v1/pairings", Office),
    ("POST", "/api/v1/referrals", Office),
    ("POST", "/api/v1/referrals/{id}", Refer),
    ("POST", "/api/v1/samples", Supervise),
    ("POST", "/api/v1/samples/{id}/called-back", Supervise),
    ("POST", "/api/v1/surveys", Office),
    ("POST", "/api/v1/surveys/lay-out", Office),
    ("POST", "/api/v1/surveys/sync", Office),
    ("GET", "/api/v1/paper-copies", Office),
    ("POST", "/api/v1/paper-copies", Office),
    ("POST", "/api/v1/paper-copies/destroy", Supervise),
    ("GET", "/api/v1/policy", Visit),
    ("GET", "/api/v1/retention", Office),
    ("GET", "/api/v1/policies", City),
    ("POST", "/api/v1/policies", City),
    ("GET", "/api/v1/policies/{id}/trial", City),
    ("POST", "/api/v1/policies/{id}/activate", City),
    ("POST", "/api/v1/policies/{id}/refuse", City),
    ("POST", "/api/v1/visitors", Supervise),
    ("POST", "/api/v1/visitors/{id}/resume", Supervise),
    ("POST", "/api/v1/visitors/{id}/suspend", Supervise),
    ("POST", "/api/v1/visits", Visit),
    ("POST", "/api/v1/visits/sync", Visit),
    ("POST", "/api/v1/visits/{id}/correct", Visit),
    ("POST", "/api/v1/visits/{id}/look", Office),
    ("POST", "/api/v1/warnings", Supervise),
];

/// The office's pages.
const OFFICE_PAGES: &[(&str, &str, Need)] = &[
    ("GET", "/office", SignedIn),
    ("GET", "/office/blank/annex-1", Visit),
    ("GET", "/office/blank/annex-2", Visit),
    ("GET", "/office/copies", Office),
    ("GET", "/office/department", Refer),
    ("GET", "/office/desks", City),
    ("GET", "/office/due", Visit),
    ("GET", "/office/elders", Visit),
    ("GET", "/office/elders/new", Office),
    ("GET", "/office/elders/{id}", Visit),
    ("GET", "/office/elders/{id}/annex-1", Office),
    ("GET", "/office/elders/{id}/booklet", Office),
    ("GET", "/office/elders/{id}/copies", Office),
    ("GET", "/office/elders/{id}/edit", Office),
    ("GET", "/office/elders/{id}/found", Visit),
    ("GET", "/office/elders/{id}/life", Office),
    ("GET", "/office/elders/{id}/rights", Visit),
    ("GET", "/office/elders/{id}/standing", Office),
    ("POST", "/office/elders/{id}/standing", Office),
    ("GET", "/office/events", Visit),
    ("GET", "/office/export/{target}", Office),
    ("GET", "/office/facts", City),
    ("GET", "/office/figures", Refer),
    ("GET", "/office/findings", Office),
    ("GET", "/office/flags", Supervise),
    ("GET", "/office/follow-ups", Office),
    ("GET", "/office/hazards", Visit),
    ("GET", "/office/import", Office),
    ("GET", "/office/import/{id}", Office),
    ("GET", "/office/incidents", Visit),
    ("GET", "/office/incidents/{id}", Visit),
    ("GET", "/office/months", Office),
    ("GET", "/office/months/{month}", Office),
    ("GET", "/office/months/{month}/forecast", Office),
    ("GET", "/office/months/{month}/league", Office),
    ("GET", "/office/needs", Visit),
    ("GET", "/office/policy", Visit),
    ("GET", "/office/policy/{id}", City),
    ("GET", "/office/referrals", Refer),
    ("GET", "/office/retention", Office),
    ("GET", "/office/samples", Supervise),
    ("GET", "/office/surveys", Office),
    ("GET", "/office/visitors", Office),
    ("GET", "/office/visitors/{id}", Office),
    ("GET", "/office/visits/{id}", Visit),
    ("GET", "/office/visits/{id}/annex-2", Visit),
    ("GET", "/office/visits/{id}/correct", Visit),
    ("POST", "/office/copies/destroy", Supervise),
    ("POST", "/office/desks", City),
    ("POST", "/office/elders/{id}/consent", Visit),
    ("POST", "/office/elders/{id}/copies", Office),
    ("POST", "/office/elders/{id}/copy", Supervise),
    ("POST", "/office/elders/{id}/edit", Office),
    ("POST", "/office/elders/{id}/erase", City),
    ("POST", "/office/elders/{id}/family", Visit),
    ("POST", "/office/elders/{id}/hold", City),
    ("POST", "/office/elders/{id}/life", Office),
    ("POST", "/office/elders/{id}/lift-hold", City),
    ("POST", "/office/elders/{id}/reveal", Visit),
    ("POST", "/office/elders/{id}/review", Office),
    ("POST", "/office/events", Supervise),
    ("POST", "/office/events/{id}/withdraw", Supervise),
    ("POST", "/office/export/{target}/receipt", Supervise),
    ("POST", "/office/findings", Supervise),
    ("POST", "/office/findings/{id}/check", Supervise),
    ("POST", "/office/findings/{id}/fix", Office),
    ("POST", "/office/follow-ups/{id}", Office),
    ("POST", "/office/hazards", Visit),
    ("POST", "/office/hazards/{id}", Visit),
    ("POST", "/office/import", Office),
    ("POST", "/office/import/apply", Office),
    ("POST", "/office/incidents", Visit),
    ("POST", "/office/incidents/{id}", Visit),
    ("POST", "/office/months/{month}/close", City),
    ("POST", "/office/months/{month}/restate", City),
    ("POST", "/office/needs", Visit),
    ("POST", "/office/needs/{id}", Visit),
    ("POST", "/office/policy", City),
    ("POST", "/office/policy/{id}/activate", City),
    ("POST", "/office/policy/{id}/refuse", City),
    ("POST", "/office/referrals", Office),
    ("POST", "/office/referrals/{id}", Refer),
    ("POST", "/office/samples", Supervise),
    ("POST", "/office/samples/{id}", Supervise),
    ("POST", "/office/surveys", Office),
    ("POST", "/office/visitors", Supervise),
    ("POST", "/office/visitors/{id}", Supervise),
    ("POST", "/office/visitors/{id}/pair", Office),
    ("POST", "/office/visitors/{id}/resume", Supervise),
    ("POST", "/office/visitors/{id}/suspend", Supervise),
    ("POST", "/office/visitors/{id}/training", Supervise),
    ("POST", "/office/visitors/{id}/unpair", Office),
    ("POST", "/office/visits/{id}/correct", Visit),
    ("POST", "/office/visits/{id}/look", Office),
];

/// A row: method, path, what it needs.
pub(crate) type Row = (&'static str, &'static str, Need);

/// Every row.
pub(crate) fn rows() -> impl Iterator<Item = &'static Row> {
    TABLE.iter().chain(WATCH).chain(OFFICE).chain(OFFICE_PAGES).chain(PEOPLE_PAGES)
}

pub(crate) fn met(need: Need, role: Role) -> bool {
    use Role::{Administrator, CitySupervisor, Department, Operator, Responder, ShiftLead, TownGuide, VillageLiaison, Visitor};
    match need {
        Nothing | Loopback | SignedIn => true,
        Signed => false, // no sign-in helps
        Wall => met(See, role) || role == Role::WallBoard,
        See => [Operator, ShiftLead, VillageLiaison, TownGuide, CitySupervisor, Responder, Administrator].contains(&role),
        Act => [Operator, ShiftLead, Administrator].contains(&role),
        Visit => [Operator, ShiftLead, VillageLiaison, TownGuide, CitySupervisor, Visitor, Administrator].contains(&role),
        Office => [VillageLiaison, TownGuide, CitySupervisor, Administrator].contains(&role),
        Supervise => [TownGuide, CitySupervisor, Administrator].contains(&role),
        City => [CitySupervisor, Administrator].contains(&role),
        Refer => [VillageLiaison, TownGuide, CitySupervisor, Department, Administrator].contains(&role),
        People => role == Administrator,
        Family => role == Role::Family,
        Plan | Audit => [ShiftLead, CitySupervisor, Administrator].contains(&role),
    }
}

/// A request to a route, its variable parts filled with what exists.
fn request(method: &str, path: &str, alarm: &str) -> axum::http::request::Builder {
    let id = if path.contains("/homes/") { "home-0001" } else { alarm };
    let path = path.replace("{id}", id).replace("{elder}", "elder-1").replace("{device}", "button-bed").replace("{target}", "jinmin").replace("{contact}", "c-daughter").replace("{month}", "2026-11").replace("{purpose}", "remote").replace("{version}", "0").replace("{token}", "x").replace("{file}", "console.css");
    Request::builder().method(method).uri(path)
}

#[tokio::test]
async fn every_route_stands_in_the_table_with_what_it_needs() {
    let house = House::new().await;
    let served: BTreeSet<Route> = house.console.routes().iter().cloned().collect();
    let expected: BTreeSet<Route> = rows().map(|(method, path, need)| Route { method, path, need: *need }).collect();
    assert_eq!(served.difference(&expected).collect::<Vec<_>>(), Vec::<&Route>::new(), "routes without a row");
    assert_eq!(expected.difference(&served).collect::<Vec<_>>(), Vec::<&Route>::new(), "rows without a route");
}

#[tokio::test]
async fn nobody_gets_in_without_a_sign_in_and_each_role_where_it_may() {
    let house = House::new().await;
    house.follow();
    let alarm = house.press("home-0001").await;
    for (method, path, need) in rows() {
        let bare = house.send(request(method, path, alarm.as_str()).body(Body::empty()).unwrap()).await;
        match need {
            Nothing => assert_ne!(bare.status(), StatusCode::UNAUTHORIZED, "{path}"),
            Loopback | Signed | SignedIn | See | Wall | Act | Plan | People | Family | Audit | Visit | Office | Supervise | City | Refer => assert_eq!(bare.status(), StatusCode::UNAUTHORIZED, "{path}"),
        }
        for secret in ["wrong", "", "a b"] {
            let tried = request(method, path, alarm.as_str()).header("authorization", format!("Bearer {secret}")).header("cookie", format!("hearthline={secret}"));
            let status = house.send(tried.body(Body::empty()).unwrap()).await.status();
            assert!(*need == Nothing || status == StatusCode::UNAUTHORIZED, "{path} {secret}");
        }
        for role in Role::ALL {
            let id = format!("role-{role:?}").to_lowercase();
            let person = PersonRecord { id: id.as_str().into(), name: id.clone(), role, area: String::new(), password_hash: String::new(), active: true };
            house.ledger.put(vec![Put::Person(person)]).await.unwrap();
            let token = house.token(&id).await;
            if *path == "/sign-out" {
                continue; // it would end the token
            }
            let request = request(method, path, alarm.as_str()).header("authorization", format!("Bearer {token}"));
            let status = house.send(request.body(Body::empty()).unwrap()).await.status();
            let refused = status == StatusCode::FORBIDDEN || status == StatusCode::UNAUTHORIZED;
            if *need != Nothing {
                assert_eq!(refused, !met(*need, role), "{method} {path} {role:?}: {status}");
            }
        }
    }
}

#[tokio::test]
async fn a_token_ends_with_its_time_its_owner_and_its_revocation() {
    let house = House::new().await;
    assert_eq!(house.get("zhoumin", "/api/v1/me").await.0, StatusCode::OK);
    let mut person = house.ledger.person(&"zhoumin".into()).await.unwrap().unwrap();
    person.active = false;
    house.ledger.put(vec![Put::Person(person)]).await.unwrap();
    assert_eq!(house.get("zhoumin", "/api/v1/me").await.0, StatusCode::UNAUTHORIZED);
    let token = house.token("linxiao").await;
    assert_eq!(house.get("linxiao", "/api/v1/me").await.0, StatusCode::OK);
    house.ledger.put(vec![Put::EndToken(console::hash_of(&token))]).await.unwrap();
    assert_eq!(house.get("linxiao", "/api/v1/me").await.0, StatusCode::UNAUTHORIZED);
    house.get("root", "/api/v1/me").await;
    house.pass(TimeDelta::days(30));
    assert_eq!(house.get("root", "/api/v1/me").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_session_ends_when_idle_and_after_its_time_even_in_use() {
    let house = House::new().await;
    let used = house.session("linxiao").await;
    let idle = house.session("linxiao").await;
    for hour in 0..16 {
        let (status, _) = house.page(&used, "/homes").await;
        assert_eq!(status, StatusCode::OK, "hour {hour}");
        house.pass(TimeDelta::hours(1));
    }
    assert_eq!(house.page(&used, "/homes").await.0, StatusCode::SEE_OTHER);
    assert_eq!(house.page(&idle, "/homes").await.0, StatusCode::SEE_OTHER);
    let idle = house.session("linxiao").await;
    house.pass(TimeDelta::hours(12));
    assert_eq!(house.page(&idle, "/homes").await.0, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_session_is_no_api_token_and_the_other_way_round() {
    let house = House::new().await;
    let cookie = house.session("linxiao").await;
    let secret = cookie.strip_prefix("hearthline=").unwrap();
    let as_bearer = Request::get("/api/v1/me").header("authorization", format!("Bearer {secret}")).body(Body::empty()).unwrap();
    assert_eq!(house.send(as_bearer).await.status(), StatusCode::UNAUTHORIZED);
    let token = house.token("linxiao").await;
    let as_cookie = Request::get("/api/v1/me").header("cookie", format!("hearthline={token}")).body(Body::empty()).unwrap();
    assert_eq!(house.send(as_cookie).await.status(), StatusCode::UNAUTHORIZED);
    let with_cookie = Request::get("/api/v1/me").header("cookie", cookie).body(Body::empty()).unwrap();
    assert_eq!(house.send(with_cookie).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn another_site_cannot_act_with_somebodys_cookie() {
    let house = House::new().await;
    let alarm = house.press("home-0001").await;
    let cookie = house.session("linxiao").await;
    let send = async |headers: &[(&str, &str)]| {
        let mut request = Request::post(format!("/api/v1/alarms/{alarm}/claim")).header("host", "desk.example:8080").header("cookie", &cookie);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        house.send(request.body(Body::from("{}")).unwrap()).await.status()
    };
    for bad in [
        &[][..],
        &[("origin", "http://evil.example")],
        &[("origin", "null")],
        &[("origin", "https://desk.example:8080")],
        &[("origin", "http://desk.example:8080.evil.example")],
        &[("origin", "http://desk.example:8080"), ("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
    ] {
        assert_eq!(send(bad).await, StatusCode::FORBIDDEN, "{bad:?}");
    }
    assert_eq!(send(&[("origin", "http://desk.example:8080")]).await, StatusCode::OK);
    assert_eq!(send(&[("sec-fetch-site", "same-origin")]).await, StatusCode::OK);
}

fn form(path: &str, body: &str) -> Request<Body> {
    let request = Request::post(path).header("host", "h").header("origin", "http://h").header("content-type", "application/x-www-form-urlencoded");
    request.header("accept", "text/html").body(Body::from(body.to_owned())).unwrap()
}

fn cookie_of(response: &Response<Body>) -> String {
    response.headers()[header::SET_COOKIE].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn signing_in_gives_a_new_session_and_signing_out_ends_it() {
    let house = House::new().await;
    let body = format!("name=linxiao&password={}&next=%2Fhomes", PASSWORD.replace(' ', "+"));
    let old = house.session("linxiao").await;
    let mut request = form("/sign-in", &body);
    request.headers_mut().insert("cookie", old.parse().unwrap());
    let response = house.send(request).await;
    assert_eq!((response.status(), response.headers()["location"].to_str().unwrap()), (StatusCode::SEE_OTHER, "/homes"));
    let cookie = cookie_of(&response);
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"), "{cookie}");
    let session = cookie.split(';').next().unwrap().to_owned();
    assert_ne!(session, old);
    assert_eq!(house.page(&old, "/homes").await.0, StatusCode::SEE_OTHER, "the session before it has ended");
    assert_eq!(house.page(&session, "/homes").await.0, StatusCode::OK);
    let mut out = form("/sign-out", "");
    out.headers_mut().insert("cookie", session.parse().unwrap());
    assert_eq!(house.send(out).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(house.page(&session, "/homes").await.0, StatusCode::SEE_OTHER);
    let bad_next = form("/sign-in", &body.replace("%2Fhomes", "%2F%2Fevil.example"));
    assert_eq!(house.send(bad_next).await.headers()["location"], "/");
}

#[tokio::test]
async fn guessing_is_slowed_down_and_says_for_how_long() {
    let house = House::new().await;
    let guess = async |name: &str, password: &str, peer: &str| house.send(from(form("/sign-in", &format!("name={name}&password={password}")), peer)).await;
    for _ in 0..5 {
        let response = guess("linxiao", "wrong", "10.0.0.1:1").await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        let page = text(response).await;
        assert!(page.contains("用户名或密码不对") && !page.contains("value=\"wrong\""), "{page}");
    }
    let right = PASSWORD.replace(' ', "+");
    let response = guess("linxiao", &right, "10.0.0.1:2").await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers()["retry-after"], "300");
    assert_eq!(guess("linxiao", &right, "10.0.0.2:1").await.status(), StatusCode::SEE_OTHER, "from elsewhere the owner gets in");
    assert_eq!(guess("zhoumin", &right, "10.0.0.1:1").await.status(), StatusCode::SEE_OTHER, "somebody else does too");
    house.pass(TimeDelta::minutes(5));
    assert_eq!(guess("linxiao", &right, "10.0.0.1:1").await.status(), StatusCode::SEE_OTHER);
    assert_eq!(guess("nobody", "x", "10.0.0.3:1").await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(guess("%2e%2e%2f", "x", "10.0.0.3:1").await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn probes_answer_on_loopback_only_or_to_the_signed_in() {
    let house = House::new().await;
    let get = |path: &str, peer: &str| from(Request::get(path).body(Body::empty()).unwrap(), peer);
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(house.send(get(path, "127.0.0.1:5")).await.status(), StatusCode::OK, "{path}");
        assert_eq!(house.send(get(path, "[::1]:5")).await.status(), StatusCode::OK, "{path}");
        assert_eq!(house.send(get(path, "10.0.0.1:5")).await.status(), StatusCode::UNAUTHORIZED, "{path}");
        let mut proxied = get(path, "127.0.0.1:5");
        proxied.headers_mut().insert("x-forwarded-for", "10.0.0.1".parse().unwrap());
        assert_eq!(house.send(proxied).await.status(), StatusCode::UNAUTHORIZED, "{path} through a proxy");
        assert_eq!(house.get("linxiao", path).await.0, StatusCode::OK, "{path}");
    }
    let metrics = text(house.send(get("/metrics", "127.0.0.1:5")).await).await;
    assert!(metrics.contains("hearthline_presses_total 7\n") && metrics.contains("hearthline_console_streams 0\n"), "{metrics}");
    house.feeds.0.lock().unwrap()[0].state = console::FeedState::Down;
    let (status, body) = answer(house.send(get("/readyz", "127.0.0.1:5")).await).await;
    assert_eq!((status, body["ready"].clone(), body["parts"][0]["part"].clone()), (StatusCode::SERVICE_UNAVAILABLE, Value::Bool(false), "door".into()));
    house.feeds.0.lock().unwrap()[0].state = console::FeedState::Working;
    house.feeds.0.lock().unwrap()[2].state = console::FeedState::Down;
    assert_eq!(house.send(get("/readyz", "127.0.0.1:5")).await.status(), StatusCode::OK, "a channel that is down leaves the platform ready");
}

#[tokio::test]
async fn every_refusal_is_a_problem_with_its_status_in_the_callers_language() {
    let house = House::new().await;
    let token = house.token("linxiao").await;
    for (method, path, status) in [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/nothing", 404),
        ("DELETE", "/api/v1/alarms", 405),
        ("POST", "/api/v1/me", 405),
        ("PUT", "/healthz", 405),
        ("GET", "/api/v1/alarms/00000000000000000000000000", 404),
        ("GET", "/api/v1/alarms/%2e%2e%2fetc", 404),
        ("GET", "/api/v1/homes/home-9999", 404),
        ("GET", "/api/v1/alarms?limit=x", 400),
        ("POST", "/api/v1/alarms/00000000000000000000000000/claim", 404),
        ("GET", "/assets/0/../../Cargo.toml", 404),
        ("GET", "/assets/0/..%2f..%2fCargo.toml", 404),
    ] {
        for accept_language in ["en", "zh-CN,zh;q=0.9"] {
            let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {token}")).header("accept-language", accept_language);
            let response = house.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(response.status().as_u16(), status, "{method} {path}");
            assert_eq!(response.headers()["content-type"], "application/problem+json", "{method} {path}");
            assert!(status != 405 || response.headers().contains_key("allow"), "{method} {path}");
            let problem: Value = serde_json::from_str(&text(response).await).unwrap();
            assert_eq!(problem["status"], status);
            assert!(problem["type"].as_str().unwrap().starts_with("urn:hearthline:problem:"));
            let title = problem["title"].as_str().unwrap();
            assert_eq!(title.is_ascii(), accept_language == "en", "{title}");
            assert!(!problem["detail"].as_str().unwrap().is_empty());
        }
    }
    for (body, kind) in [("", "application/x-www-form-urlencoded"), ("name=x", "application/x-www-form-urlencoded"), ("{}", "application/json")] {
        let request = Request::post("/sign-in").header("host", "h").header("origin", "http://h").header("content-type", kind).body(Body::from(body)).unwrap();
        let (status, problem) = answer(house.send(request).await).await;
        assert_eq!((status, problem["code"].as_str()), (StatusCode::BAD_REQUEST, Some("malformed")), "{body} {kind}");
    }
    let page = Request::get("/nothing").header("accept", "text/html").body(Body::empty()).unwrap();
    let response = house.send(page).await;
    assert_eq!((response.status(), response.headers()["content-type"].to_str().unwrap()), (StatusCode::NOT_FOUND, "text/html; charset=utf-8"));
}

#[tokio::test]
async fn every_answer_carries_the_strict_headers() {
    let house = House::new().await;
    house.follow();
    let cookie = house.session("linxiao").await;
    for path in ["/", "/homes", "/sign-in", "/nothing", "/api/v1/me", "/assets/0/desk.js"] {
        let request = Request::get(path).header("cookie", &cookie).header("accept", "text/html").body(Body::empty()).unwrap();
        let response = house.send(request).await;
        let headers = response.headers();
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["cache-control"], if path.starts_with("/assets") { "no-cache" } else { "no-store" }, "{path}");
    }
    let (_, page) = house.page(&cookie, "/").await;
    assert!(!page.contains("<style") && !page.contains(" style=") && !page.contains("onclick"), "nothing inline");
    let asset = page.split("/assets/").nth(1).unwrap().split('"').next().unwrap();
    let response = house.send(Request::get(format!("/assets/{asset}")).body(Body::empty()).unwrap()).await;
    assert_eq!(response.headers()["cache-control"], "public, max-age=31536000, immutable");
}

#[tokio::test]
async fn a_browser_without_a_session_is_led_to_the_sign_in_and_back() {
    let house = House::new().await;
    let request = Request::get("/?alarm=abc").header("accept", "text/html").body(Body::empty()).unwrap();
    let response = house.send(request).await;
    assert_eq!((response.status(), response.headers()["location"].to_str().unwrap()), (StatusCode::SEE_OTHER, "/sign-in?next=/%3Falarm%3Dabc"));
    let (status, page) = house.page("", "/sign-in?next=/%3Falarm%3Dabc").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains(r#"name="next" value="/?alarm=abc""#), "{page}");
    assert!(!page.contains("演示"));
}

#[tokio::test]
async fn the_document_covers_every_route_of_the_api_and_publishes_its_enums() {
    let house = House::new().await;
    let (status, document) = house.get("linxiao", "/api/v1/openapi.json").await;
    assert_eq!(status, StatusCode::OK);
    let mut documented = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            documented.insert((method.to_uppercase(), path.clone()));
        }
    }
    let probes = ["/healthz", "/readyz", "/metrics"];
    let served: BTreeSet<_> = rows()
        .filter(|(_, path, _)| path.starts_with("/api/") || probes.contains(path))
        .map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned()))
        .collect();
    assert_eq!(documented, served);
    let values = |name: &str| -> Vec<String> {
        let schema = &document["components"]["schemas"][name];
        let one = |s: &Value| s["enum"].as_array().cloned().unwrap_or_default().into_iter().chain(s.get("const").cloned()).collect::<Vec<_>>();
        let mut all = one(schema);
        for part in schema["oneOf"].as_array().into_iter().flatten() {
            all.extend(one(part));
        }
        all.into_iter().map(|v| v.as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(values("LevelName"), ["red", "urgent", "attention", "technical"]);
    assert_eq!(values("StateName"), ["raised", "claimed", "reported", "closed"]);
    assert_eq!(values("WhichName"), ["open", "closed", "all"]);
    let outcomes: Vec<_> = care::alarm::OUTCOMES.iter().map(|(code, _, _)| *code).collect();
    assert_eq!(values("OutcomeName"), outcomes);
    for name in ["AttemptOutcomeName", "OccupancyName", "CoverName", "DeviceHealthName", "ClaimantKind", "PhaseName", "RoleName", "RevealReason", "ElderField"] {
        assert!(values(name).len() > 1, "{name}: {}", document["components"]["schemas"][name]);
    }
    assert!(document["components"]["schemas"]["Alarm"]["properties"]["presses"].is_object());
    assert!(document["components"]["schemas"]["Problem"]["properties"]["claimed_by"].is_object());
}

#[tokio::test]
async fn a_taken_port_is_a_sentence_that_names_the_address() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = taken.local_addr().unwrap();
    let house = House::with(|s| s.addr = addr, Vec::new()).await;
    let error = house.console.bind().await.unwrap_err();
    assert!(error.to_string().contains(&addr.to_string()), "{error}");
}

#[tokio::test]
async fn it_serves_on_a_socket_and_ends_when_told_even_with_a_stream_open() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let house = House::new().await;
    let token = house.token("linxiao").await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let bound = house.console.bind().await.unwrap();
    let addr = bound.addr();
    let serving = tokio::spawn(bound.serve(async {
        drop(stopped.await);
    }));
    let mut probe = tokio::net::TcpStream::connect(addr).await.unwrap();
    probe.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut said = String::new();
    probe.read_to_string(&mut said).await.unwrap();
    assert!(said.starts_with("HTTP/1.1 200") && said.ends_with("alive\n"), "{said}");
    let mut stream = tokio::net::TcpStream::connect(addr).await.unwrap();
    let request = format!("GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut buffer = [0; 1_024];
    assert!(stream.read(&mut buffer).await.unwrap() > 0);
    stop.send(()).unwrap();
    tokio::time::timeout(std::time::Duration::from_secs(10), serving).await.unwrap().unwrap();
}
