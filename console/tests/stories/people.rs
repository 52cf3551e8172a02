//! Stories of the people who sign in.

use crate::support::House;
use axum::http::StatusCode;
use serde_json::json;
use store::register::{PersonRecord, Put, Role};

const PATH: &str = "/api/v1/people";

async fn house() -> House {
    let house = House::new().await;
    let admin = PersonRecord { id: "admin".into(), name: "管理员".into(), role: Role::Administrator, area: String::new(), password_hash: "x".into(), active: true };
    use store::Register;
    house.ledger.put(vec![Put::Person(admin)]).await.unwrap();
    house
}

#[tokio::test]
async fn somebody_is_added_signs_in_and_is_let_go_at_once() {
    let house = house().await;
    let new = json!({ "id": "chenhui", "name": "陈慧", "role": "operator", "password": "a long enough one" });
    let (status, person) = house.post("admin", PATH, &new.to_string()).await;
    assert_eq!((status, person["role"].as_str(), person["active"].as_bool()), (StatusCode::OK, Some("operator"), Some(true)));
    assert_eq!(house.get("chenhui", "/api/v1/alarms").await.0, StatusCode::OK);
    let (_, people) = house.get("admin", PATH).await;
    assert!(people["items"].as_array().unwrap().iter().any(|p| p["id"] == "chenhui"));
    assert!(!people.to_string().contains("argon2"), "no hash leaves the house");
    let (_, changed) = house.post("admin", PATH, &json!({ "id": "chenhui", "name": "陈慧", "role": "shift_lead" }).to_string()).await;
    assert_eq!(changed["role"], "shift_lead");
    assert_eq!(house.post("admin", &format!("{PATH}/chenhui/let-go"), "{}").await.0, StatusCode::OK);
    assert_eq!(house.get("chenhui", "/api/v1/alarms").await.0, StatusCode::UNAUTHORIZED);
    let (_, audit) = house.get("lead", "/api/v1/audit?action=person.").await;
    assert_eq!(audit["items"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_nobody_raises_themselves() {
    let house = house().await;
    let body = |change: serde_json::Value| {
        let mut body = json!({ "id": "new", "name": "新人", "role": "operator", "password": "a long enough one" });
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        body.to_string()
    };
    for (change, field) in [
        (json!({ "id": "not/a name" }), "id"),
        (json!({ "password": "short" }), "password"),
        (json!({ "password": null }), "password"),
        (json!({ "area": "no/such/area" }), "area"),
        (json!({ "id": "admin", "role": "operator" }), "role"),
    ] {
        let (status, problem) = house.post("admin", PATH, &body(change)).await;
        assert_eq!((status, problem["field"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some(field)), "{problem}");
    }
    assert_eq!(house.post("admin", PATH, &body(json!({ "role": "emperor" }))).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(house.post("admin", &format!("{PATH}/admin/let-go"), "{}").await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(house.post("lead", PATH, &body(json!({}))).await.0, StatusCode::FORBIDDEN);
}
