//! Every route, and who gets in where.

use crate::support::House;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use console::Need::{self, Wall, Act, Audit, City, Family, Loopback, Nothing, Office, People, Plan, Refer, See, Signed, SignedIn, Supervise, Visit};
use console::Route;
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
