//! Stories of what people tell about a home, and of its rules.

use crate::support::House;
use axum::http::StatusCode;
use care::cause::Cause;
use care::home::{Pets, Rules, Switch, Told};
use care::{Reason, TimeDelta};
use serde_json::json;

const DONE: StatusCode = StatusCode::NO_CONTENT;

fn told(house: &House) -> Vec<Told> {
    house.homes.1.lock().unwrap().drain(..).map(|(_, told)| told).collect()
}

#[tokio::test]
async fn what_people_tell_about_a_home_reaches_it_and_the_audit() {
    let house = House::new().await;
    let until = house.now() + TimeDelta::days(3);
    let home = "/api/v1/homes/home-0001";
    assert_eq!(house.post("linxiao", &format!("{home}/away"), &json!({ "until": until }).to_string()).await.0, DONE);
    assert_eq!(house.post("linxiao", &format!("{home}/back"), "{}").await.0, DONE);
    let rules = r#"{"bed_left":true,"no_morning":true}"#;
    assert_eq!(house.post("linxiao", &format!("{home}/rules"), rules).await.0, DONE);
    assert_eq!(house.post("linxiao", &format!("{home}/pets"), r#"{"pets":true}"#).await.0, DONE);
    let chosen = Rules { bed_left: Switch::On, no_morning: Switch::On, ..Rules::default() };
    assert_eq!(told(&house), [Told::Holiday { until }, Told::BackHome, Told::Rules(chosen), Told::Pets(Pets::SeenByMotion)]);
    let (_, audit) = house.get("lead", "/api/v1/audit?action=home.").await;
    let lines: Vec<_> = audit["items"].as_array().unwrap().iter().filter_map(|l| l["action"].as_str()).collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    // What cannot be is refused, and nothing is told.
    let past = json!({ "until": house.now() - TimeDelta::days(1) }).to_string();
    for (verb, body) in [("away", past.as_str()), ("rules", r#"{"no_such_rule":true}"#), ("normal", r#"{"from":"2026-11-22T10:00:00Z","to":"2026-11-22T09:00:00Z"}"#)] {
        let (status, _) = house.post("linxiao", &format!("{home}/{verb}"), body).await;
        assert!(status.is_client_error(), "{verb}: {status}");
    }
    assert_eq!(house.post("linxiao", "/api/v1/homes/home-9999/back", "{}").await.0, StatusCode::NOT_FOUND);
    assert!(told(&house).is_empty());
}

#[tokio::test]
async fn how_an_alarm_was_closed_is_a_lesson_for_its_home() {
    let house = House::new().await;
    let since = house.now() - TimeDelta::hours(4);
    for (outcome, cause) in [
        ("normal", Cause::Inactivity),
        ("true_emergency", Cause::Call),
        ("normal", Cause::Call),
        ("true_emergency", Cause::Technical("hub_offline".into())),
    ] {
        house.pass(TimeDelta::minutes(1));
        let lesson = match (outcome, &cause) {
            ("normal", Cause::Inactivity) => Some(Told::Normal { from: since, to: house.now() }),
            ("true_emergency", Cause::Call) => Some(Told::Emergency { at: house.now() }),
            _ => None,
        };
        let id = house.raise("home-0001", cause, Reason::new("quiet_cap").time("since", since).span("silence", TimeDelta::hours(4))).await;
        house.post("linxiao", &format!("/api/v1/alarms/{id}/claim"), "{}").await;
        let (status, _) = house.post("linxiao", &format!("/api/v1/alarms/{id}/close"), &json!({ "outcome": outcome }).to_string()).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(told(&house), Vec::from_iter(lesson));
    }
}

#[tokio::test]
async fn the_routine_is_shown_and_a_rule_can_be_tried() {
    let house = House::new().await;
    let (status, routine) = house.get("linxiao", "/api/v1/homes/home-0001/routine").await;
    assert_eq!((status, routine["hours"].as_array().map(Vec::len)), (StatusCode::OK, Some(24)));
    assert_eq!(routine["rules"]["bed_left"], false);
    let path = "/api/v1/homes/home-0001/rules/trial";
    let (status, would) = house.post("linxiao", path, r#"{"rules":{"bed_left":true},"days":60}"#).await;
    assert_eq!((status, would["items"][0]["cause"].as_str()), (StatusCode::OK, Some("anomaly/bed_left")));
    assert!(would["items"][0]["reason"]["text"]["zh"].as_str().is_some_and(|t| t.contains("离床")));
    assert_eq!(house.post("linxiao", path, r#"{"rules":{},"days":0}"#).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(told(&house).is_empty(), "a trial changes nothing");
}
