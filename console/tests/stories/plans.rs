//! Stories of plans of action, rotas, daily calls and the worklist of plans that reach too few.

use crate::support::House;
use axum::http::StatusCode;
use care::{Cause, Level};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::register::{ContactRecord, Credential, CredentialRights, Put};
use store::{Ledger, Register};

fn contact(id: &str, relation: &str, number: &str) -> Put {
    Put::Contact(ContactRecord {
        id: id.into(),
        home: None,
        name: id.into(),
        relation: relation.into(),
        addresses: BTreeMap::from([("voice".to_owned(), number.to_owned())]),
        language: "zh".into(),
    })
}

fn plan(scope: Value, contacts: &[&str]) -> String {
    let contacts: Vec<_> = contacts.iter().map(|c| json!({ "contact": c, "channels": ["voice"] })).collect();
    let rungs = json!([{ "contacts": contacts, "order": "at_once", "wait_s": 30 }]);
    let plan = json!({ "rungs": rungs, "round_pause_s": 60, "round_pause_max_s": 600, "report_within_s": 900, "close_within_s": 28800 });
    json!({ "scope": scope, "home": "home-0001", "plan": plan }).to_string()
}

async fn house() -> House {
    let house = House::new().await;
    let people = [("p1", "son"), ("p2", "daughter"), ("p3", "neighbour"), ("centre", "duty_phone"), ("liaison", "village_liaison")];
    let mut puts: Vec<Put> = people.iter().enumerate().map(|(i, (id, relation))| contact(id, relation, &format!("+861380000000{i}"))).collect();
    puts.push(contact("fire", "fire", "119"));
    house.ledger.put(puts).await.unwrap();
    house
}

#[tokio::test]
async fn a_credential_is_revoked_by_whoever_keeps_the_plans_and_the_audit_says_who() {
    let house = house().await;
    let rights = CredentialRights::Hub { home: "home-0001".into() };
    let credential = Credential { name: "hub-1".into(), secret_hash: String::new(), rights, revoked_at: None };
    house.ledger.put(vec![Put::Credential(credential)]).await.unwrap();
    let revoke = "/api/v1/credentials/hub-1/revoke";
    assert_eq!(house.post("linxiao", revoke, "").await.0, StatusCode::FORBIDDEN);
    assert_eq!(house.ledger.credential("hub-1").await.unwrap().unwrap().revoked_at, None);
    for _ in 0..2 {
        assert_eq!(house.post("lead", revoke, "").await.0, StatusCode::NO_CONTENT);
    }
    assert!(house.ledger.credential("hub-1").await.unwrap().unwrap().revoked_at.is_some());
    assert_eq!(house.post("lead", "/api/v1/credentials/nobody/revoke", "").await.0, StatusCode::NOT_FOUND);
    let (_, audit) = house.get("lead", "/api/v1/audit?action=credential.").await;
    assert_eq!(audit["items"].as_array().unwrap().len(), 1, "{audit}");
}

#[tokio::test]
async fn a_plan_of_an_elder_needs_three_people_or_one_round_the_clock() {
    let house = house().await;
    let elder = house.ledger.elder_ids_of(&"home-0001".into()).await.unwrap()[0].to_string();
    let scope = json!({ "kind": "elder", "id": elder });
    let put = async |contacts: &[&str]| house.post("lead", "/api/v1/plans", &plan(scope.clone(), contacts)).await.0;
    assert_eq!(put(&["p1", "p2"]).await, StatusCode::UNPROCESSABLE_ENTITY, "too few");
    assert_eq!(put(&["p1", "p2", "nobody"]).await, StatusCode::UNPROCESSABLE_ENTITY, "not in the register");
    assert_eq!(put(&["p1", "p2", "fire"]).await, StatusCode::UNPROCESSABLE_ENTITY, "an authority is dialled by a person");
    assert_eq!(put(&["p1", "p2", "p3"]).await, StatusCode::NO_CONTENT);
    assert_eq!(put(&["centre"]).await, StatusCode::NO_CONTENT);
    let holds = house.ledger.plan(&"home-0001".into(), &Cause::Call, Level::Red).await.unwrap();
    assert_eq!(holds.rungs[0].contacts[0].contact.as_str(), "centre", "the elder's own is the nearest");
    let (_, listed) = house.get("lead", "/api/v1/plans?home=home-0001").await;
    assert!(listed["items"].as_array().unwrap().iter().any(|p| p["scope"] == scope), "{listed}");
    let end = json!({ "scope": scope, "home": "home-0001" }).to_string();
    assert_eq!(house.post("lead", "/api/v1/plans/end", &end).await.0, StatusCode::NO_CONTENT);
    assert_eq!(house.post("lead", "/api/v1/plans/end", &end).await.0, StatusCode::NOT_FOUND);
    let city = json!({ "scope": { "kind": "city" } }).to_string();
    assert_eq!(house.post("lead", "/api/v1/plans/end", &city).await.0, StatusCode::UNPROCESSABLE_ENTITY, "the last net stays");
    assert_eq!(house.post("linxiao", "/api/v1/plans", &plan(json!({ "kind": "city" }), &["centre"])).await.0, StatusCode::FORBIDDEN);
    let (_, audit) = house.get("lead", "/api/v1/audit?action=plan.").await;
    assert_eq!(audit["items"].as_array().unwrap().len(), 3, "{audit}");
}

#[tokio::test]
async fn who_lacks_contacts_stands_in_the_worklist_until_the_plan_is_better() {
    let house = house().await;
    let lacking = async || {
        let (status, page) = house.get("lead", "/api/v1/worklists/plans").await;
        assert_eq!(status, StatusCode::OK);
        page["items"].as_array().unwrap().iter().map(|i| i["home"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(lacking().await, ["home-0002", "home-0003"]);
    let body = plan(json!({ "kind": "home", "id": "home-0002" }), &["p1", "p2", "p3"]);
    assert_eq!(house.post("lead", "/api/v1/plans", &body).await.0, StatusCode::NO_CONTENT);
    assert_eq!(lacking().await, ["home-0003"]);
}

#[tokio::test]
async fn a_rota_says_who_is_on_duty_and_a_lost_update_is_refused() {
    let house = house().await;
    let shift = json!({ "contact": "p1", "from": house.now(), "to": house.now() + care::TimeDelta::hours(8), "stand_in": "p2" });
    let body = |version: u32| json!({ "name": "guishan", "version": version, "rota": { "shifts": [shift], "otherwise": "centre" } }).to_string();
    assert_eq!(house.post("lead", "/api/v1/rotas", &body(0)).await.0, StatusCode::NO_CONTENT);
    assert_eq!(house.post("lead", "/api/v1/rotas", &body(0)).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(house.post("lead", "/api/v1/rotas", &body(1)).await.0, StatusCode::NO_CONTENT);
    let (_, page) = house.get("linxiao", "/api/v1/rotas").await;
    assert_eq!(page["items"][0]["on_duty"], json!(["p1", "p2", "centre"]));
    // A rota that has somebody at every hour is a net round the clock.
    let scope = json!({ "kind": "home", "id": "home-0001" });
    assert_eq!(house.post("lead", "/api/v1/plans", &plan(scope, &["rota.guishan"])).await.0, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn an_elders_daily_call_is_begun_and_ended() {
    let house = house().await;
    let elder = house.ledger.elder_ids_of(&"home-0001".into()).await.unwrap()[0].to_string();
    let body = |on: bool| json!({ "home": "home-0001", "elder": elder, "minute": 540, "on": on }).to_string();
    assert_eq!(house.post("lead", "/api/v1/well-calls", &body(true)).await.0, StatusCode::NO_CONTENT);
    let (_, page) = house.get("lead", "/api/v1/well-calls").await;
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    assert_eq!(house.post("lead", "/api/v1/well-calls", &body(false)).await.0, StatusCode::NO_CONTENT);
    let (_, page) = house.get("lead", "/api/v1/well-calls").await;
    assert_eq!(page["items"].as_array().unwrap().len(), 0);
    let other = json!({ "home": "home-0002", "elder": elder, "minute": 540, "on": true }).to_string();
    assert_eq!(house.post("lead", "/api/v1/well-calls", &other).await.0, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_hub_is_set_from_afar_within_its_ranges_and_a_lost_update_is_refused() {
    let house = house().await;
    let body = |version: u32, heartbeat: u32| json!({ "home": "home-0001", "hub": "hub", "version": version, "heartbeat_s": heartbeat }).to_string();
    assert_eq!(house.post("lead", "/api/v1/hubs", &body(0, 5)).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(house.post("lead", "/api/v1/hubs", &body(0, 30)).await.0, StatusCode::NO_CONTENT);
    assert_eq!(house.post("lead", "/api/v1/hubs", &body(0, 40)).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(house.post("lead", "/api/v1/hubs", &body(1, 40)).await.0, StatusCode::NO_CONTENT);
    let nobodys = json!({ "home": "home-none", "hub": "hub" }).to_string();
    assert_eq!(house.post("lead", "/api/v1/hubs", &nobodys).await.0, StatusCode::NOT_FOUND);
    let (_, page) = house.get("lead", "/api/v1/hubs").await;
    assert_eq!((page["items"][0]["version"].as_u64(), page["items"][0]["heartbeat_s"].as_u64()), (Some(2), Some(40)));
}
