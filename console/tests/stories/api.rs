//! Stories of the JSON API.

use axum::http::StatusCode;
use care::cause::Cause;
use care::{Reason, TimeDelta};
use serde_json::{Value, json};
use crate::support::House;

const OK: StatusCode = StatusCode::OK;
const CONFLICT: StatusCode = StatusCode::CONFLICT;
const NOT_FOUND: StatusCode = StatusCode::NOT_FOUND;
const UNPROCESSABLE: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

#[tokio::test]
async fn a_press_is_listed_claimed_reported_and_closed() {
    let house = House::new().await;
    let id = house.press("home-0001").await;
    let (status, page) = house.get("linxiao", "/api/v1/alarms").await;
    assert_eq!((status, page["next"].clone()), (OK, Value::Null));
    let alarm = &page["items"][0];
    assert_eq!(alarm["id"], id.as_str());
    let facts = json!([
        alarm["home"], alarm["elders"], alarm["cause"], alarm["level"], alarm["state"], alarm["rung"], alarm["presses"], alarm["copies"], alarm["claimed_by"],
        alarm["closed_at"], alarm["outcome"], alarm["test"], alarm["reason"]["code"], alarm["attempts"][0]["contact"], alarm["attempts"][0]["outcome"]
    ]);
    assert_eq!(
        facts,
        json!(["home-0001", ["elder-1"], "call", "red", "raised", 0, 1, 0, null, null, null, false, "device_signal", "c-daughter", null])
    );
    assert_eq!(alarm["reason"]["text"]["zh"], "09:41 设备 button-bed 报警：紧急呼叫。");
    assert_eq!(alarm["reason"]["text"]["en"], "Call for help at 09:41, device button-bed.");

    let path = format!("/api/v1/alarms/{id}");
    let (status, claimed) = house.post("linxiao", &format!("{path}/claim"), "{}").await;
    assert_eq!((status, claimed["state"].as_str(), claimed["claimed_by"].as_str()), (OK, Some("claimed"), Some("linxiao")));
    let (status, _) = house.post("linxiao", &format!("{path}/on-the-way"), "").await;
    assert_eq!(status, OK);
    let (status, reported) = house.post("linxiao", &format!("{path}/report"), r#"{"text":"女儿已到家"}"#).await;
    assert_eq!((status, reported["state"].as_str()), (OK, Some("reported")));
    house.pass(TimeDelta::minutes(5));
    let (status, closed) = house.post("linxiao", &format!("{path}/close"), r#"{"outcome":"help_given","reason":"送医"}"#).await;
    assert_eq!((status, closed["state"].as_str(), closed["outcome"].as_str()), (OK, Some("closed"), Some("help_given")));
    assert_eq!((closed["closed_at"].as_str(), &closed["next_step_at"]), (Some("2026-11-23T01:46:13Z"), &Value::Null));

    let (_, open) = house.get("linxiao", "/api/v1/alarms?state=open").await;
    assert_eq!(open["items"], json!([]));
    let (_, done) = house.get("linxiao", "/api/v1/alarms?state=closed").await;
    assert_eq!(done["items"][0]["id"], id.as_str());
    let (_, detail) = house.get("linxiao", &path).await;
    let notes: Vec<_> = detail["notes"].as_array().unwrap().iter().map(|n| format!("{} {}: {}", n["by"], n["kind"], n["text"])).collect();
    assert_eq!(
        notes,
        [
            r#""linxiao" "claim": """#,
            r#""linxiao" "on_the_way": """#,
            r#""linxiao" "report": "女儿已到家""#,
            r#""linxiao" "close": "送医""#
        ]
    );
    let (_, audit) = house.get("lead", "/api/v1/audit?action=alarm.").await;
    let actions: Vec<_> = audit["items"].as_array().unwrap().iter().map(|l| l["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["alarm.claim", "alarm.on_the_way", "alarm.report", "alarm.close"]);
    let (_, verified) = house.get("lead", "/api/v1/audit/verification").await;
    assert_eq!(verified, json!({"whole": true, "broken_at": null}));
}

#[tokio::test]
async fn of_two_claims_at_once_one_wins_and_the_other_hears_who() {
    for _ in 0..20 {
        let house = House::new().await;
        let id = house.press("home-0001").await;
        let path = format!("/api/v1/alarms/{id}/claim");
        let (a, b) = tokio::join!(house.post("linxiao", &path, "{}"), house.post("zhoumin", &path, "{}"));
        let (winner, loser, name) = if a.0 == OK { (a, b, "林晓") } else { (b, a, "周敏") };
        assert_eq!((winner.0, loser.0), (OK, CONFLICT));
        assert_eq!(loser.1["claimed_by"], winner.1["claimed_by"]);
        assert_eq!(loser.1["code"], "claimed");
        assert!(loser.1["detail"].as_str().unwrap().contains(name), "{}", loser.1);
    }
}

#[tokio::test]
async fn who_claims_twice_has_it_once() {
    let house = House::new().await;
    let id = house.press("home-0001").await;
    for _ in 0..2 {
        assert_eq!(house.post("linxiao", &format!("/api/v1/alarms/{id}/claim"), "").await.0, OK);
    }
    let (_, detail) = house.get("linxiao", &format!("/api/v1/alarms/{id}")).await;
    assert_eq!(detail["notes"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_does_not_fit_the_state_is_refused_in_words() {
    let house = House::new().await;
    let id = house.press("home-0001").await;
    let at = |verb: &str| format!("/api/v1/alarms/{id}/{verb}");
    for (verb, body) in [("report", r#"{"text":"x"}"#), ("close", r#"{"outcome":"test"}"#), ("let-go", "{}"), ("on-the-way", "{}"), ("hand-over", r#"{"to":"zhoumin"}"#)] {
        let (status, problem) = house.post("linxiao", &at(verb), body).await;
        assert_eq!((status, problem["code"].as_str()), (CONFLICT, Some("not_claimed")), "{verb}");
    }
    house.post("linxiao", &at("claim"), "").await;
    let (status, problem) = house.post("zhoumin", &at("skip"), "").await;
    assert_eq!((status, problem["claimed_by"].as_str()), (CONFLICT, Some("linxiao")));
    house.post("linxiao", &at("close"), r#"{"outcome":"false_press"}"#).await;
    for verb in ["claim", "let-go", "skip"] {
        let (status, problem) = house.post("linxiao", &at(verb), "{}").await;
        assert_eq!((status, problem["code"].as_str()), (CONFLICT, Some("closed")), "{verb}");
    }
    let (status, notes) = house.post("zhoumin", &at("notes"), r#"{"text":"补充：已回访"}"#).await;
    assert_eq!((status, notes.as_array().unwrap().last().unwrap()["text"].as_str()), (OK, Some("补充：已回访")));
}

#[tokio::test]
async fn an_operator_is_connected_with_an_elder_or_a_contact_of_the_home_and_with_nobody_else() {
    let house = House::new().await;
    let id = house.press("home-0001").await;
    let at = format!("/api/v1/alarms/{id}/connect");
    let begun = house.post("linxiao", &at, r#"{"to":"contact","id":"c-daughter"}"#).await;
    assert_eq!(begun.0.as_u16(), 202);
    let asked = house.switchboard.0.lock().unwrap().clone();
    assert_eq!(asked.len(), 1);
    assert_eq!((asked[0].1.as_str(), asked[0].2.as_str()), ("contact/c-daughter", "13812342201"));
    for (who, body, status) in [
        ("linxiao", r#"{"to":"contact","id":"c-nobody"}"#, 404),
        ("linxiao", r#"{"to":"elder","id":"e-nobody"}"#, 404),
        ("linxiao", r#"{"to":"police","id":"110"}"#, 400),
        ("root", r#"{"to":"contact","id":"c-daughter"}"#, 403),
    ] {
        let (got, problem) = house.post(who, &at, body).await;
        assert!(got.as_u16() == status || (who == "root" && got.is_client_error()), "{body}: {got} {problem}");
    }
    assert_eq!(house.switchboard.0.lock().unwrap().len(), 1);
    // It stands in the audit, without a number.
    let (_, audit) = house.get("root", "/api/v1/audit").await;
    let text = audit.to_string();
    assert!(text.contains("alarm.connect") && !text.contains("13812342201"), "{text}");
}

#[tokio::test]
async fn bad_bodies_are_refused_with_the_field_that_is_wrong() {
    let house = House::new().await;
    let id = house.press("home-0001").await;
    house.post("linxiao", &format!("/api/v1/alarms/{id}/claim"), "").await;
    let long = format!(r#"{{"text":"{}"}}"#, "x".repeat(4_001));
    for (verb, body, status, field) in [
        ("report", r#"{"text":"  "}"#, 422, json!("text")),
        ("report", long.as_str(), 422, json!("text")),
        ("report", "{", 400, Value::Null),
        ("report", "{}", 400, Value::Null),
        ("report", r#"{"text":7}"#, 400, Value::Null),
        ("close", r#"{"outcome":"party"}"#, 422, json!("outcome")),
        ("close", r#"{"outcome":"other"}"#, 422, json!("reason")),
        ("hand-over", r#"{"to":"nobody"}"#, 422, json!("to")),
        ("hand-over", r#"{"to":"daughter"}"#, 422, json!("to")),
        ("hand-over", r#"{"to":"dongshi"}"#, 422, json!("to")),
        ("hand-over", r#"{"to":"../x"}"#, 422, json!("to")),
    ] {
        let (got, problem) = house.post("linxiao", &format!("/api/v1/alarms/{id}/{verb}"), body).await;
        assert_eq!((got.as_u16(), problem["field"].clone()), (status, field), "{verb} {body} {problem}");
        assert_eq!(problem["status"], status);
    }
    let (status, problem) = house.post("linxiao", &format!("/api/v1/alarms/{id}/report"), &" ".repeat(40_000)).await;
    assert_eq!((status, problem["code"].as_str()), (StatusCode::PAYLOAD_TOO_LARGE, Some("too_large")));
}

#[tokio::test]
async fn an_alarm_is_handed_over_and_let_go() {
    let house = House::new().await;
    let id = house.press("home-0001").await;
    let at = |verb: &str| format!("/api/v1/alarms/{id}/{verb}");
    house.post("linxiao", &at("claim"), "").await;
    let (status, alarm) = house.post("linxiao", &at("hand-over"), r#"{"to":"zhoumin"}"#).await;
    assert_eq!((status, alarm["claimed_by"].as_str()), (OK, Some("zhoumin")));
    let (status, alarm) = house.post("zhoumin", &at("let-go"), "").await;
    assert_eq!((status, alarm["state"].as_str(), &alarm["claimed_by"]), (OK, Some("raised"), &Value::Null));
    let (status, alarm) = house.post("zhoumin", &at("skip"), "").await;
    assert_eq!((status, alarm["rung"].as_u64()), (OK, Some(1)));
}

#[tokio::test]
async fn a_role_of_an_area_sees_its_area_only() {
    let house = House::new().await;
    let meiling = house.press("home-0001").await;
    house.pass(TimeDelta::seconds(1));
    let dongshi = house.raise("home-0002", Cause::Inactivity, Reason::new("x")).await;
    house.pass(TimeDelta::seconds(1));
    let platform = house.raise("platform", Cause::Technical("self_audit".into()), Reason::new("x")).await;
    let ids = |page: Value| -> Vec<String> { page["items"].as_array().unwrap().iter().map(|a| a["id"].as_str().unwrap().to_owned()).collect() };
    assert_eq!(ids(house.get("dongshi", "/api/v1/alarms").await.1), [platform.as_str(), dongshi.as_str()]);
    assert_eq!(ids(house.get("liaison", "/api/v1/alarms").await.1), [meiling.as_str()]);
    assert_eq!(house.get("dongshi", &format!("/api/v1/alarms/{meiling}")).await.0, NOT_FOUND);
    assert_eq!(house.post("dongshi", &format!("/api/v1/alarms/{meiling}/claim"), "").await.0, NOT_FOUND);
    assert_eq!(house.get("dongshi", "/api/v1/homes/home-0001").await.0, NOT_FOUND);
    let reveal = "/api/v1/homes/home-0001/elders/elder-1/reveal";
    assert_eq!(house.post("dongshi", reveal, r#"{"field":"phone","reason":"alarm"}"#).await.0, NOT_FOUND);
    let (_, homes) = house.get("dongshi", "/api/v1/homes").await;
    assert_eq!(ids(homes), ["home-0002"]);
}

#[tokio::test]
async fn pages_go_on_where_the_one_before_ended() {
    let house = House::new().await;
    let mut all = Vec::new();
    for i in 0..7 {
        all.push(house.press(&format!("home-9{i:03}")).await.as_str().to_owned());
        house.pass(TimeDelta::seconds(1));
    }
    all.reverse();
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = house.get("linxiao", &format!("/api/v1/alarms?limit=3&cursor={cursor}")).await;
        assert_eq!(status, OK);
        seen.extend(page["items"].as_array().unwrap().iter().map(|a| a["id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, all);
    for (query, field) in [("limit=0", "limit"), ("limit=501", "limit"), ("state=party", "state"), ("cursor=a/b", "cursor")] {
        let (status, problem) = house.get("linxiao", &format!("/api/v1/alarms?{query}")).await;
        assert_eq!((status, problem["field"].as_str()), (UNPROCESSABLE, Some(field)));
    }
    assert_eq!(house.get("linxiao", "/api/v1/alarms?limit=many").await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_home_is_shown_masked_and_a_reveal_stands_in_the_audit() {
    let house = House::new().await;
    let (status, home) = house.get("linxiao", "/api/v1/homes/home-0001").await;
    assert_eq!(status, OK);
    let text = home.to_string();
    for secret in ["13800001234", "13812342201", "13912340876", "350582194401010000", "华法林"] {
        assert!(!text.contains(secret), "{secret}");
    }
    assert_eq!(home["elders"][0]["phone_masked"], "138****1234");
    assert_eq!(home["contacts"].as_array().unwrap().len(), 3);
    assert_eq!(home["presence"]["silence_s"], 180);
    assert_eq!((home["occupancy"].as_str(), home["cover"].as_str()), (Some("home"), Some("protected")));
    assert_eq!(home["last_seen_at"], "2026-11-23T01:38:13Z");
    let never: Vec<_> = home["devices"].as_array().unwrap().iter().filter(|d| d["last_seen_at"].is_null()).map(|d| d["id"].as_str().unwrap()).collect();
    assert_eq!(never, ["smoke-hall"]);
    let (_, masked) = house.get("liaison", "/api/v1/homes/home-0001").await;
    assert_eq!((masked["elders"][0]["name"].as_str(), masked["address"].as_str()), (Some("陈**"), Some("")));

    let (status, shown) = house.post("linxiao", "/api/v1/homes/home-0001/elders/elder-1/reveal", r#"{"field":"health_notes","reason":"alarm"}"#).await;
    assert_eq!((status, shown["value"].as_str()), (OK, Some("高血压，服用华法林")));
    let (status, shown) = house.post("linxiao", "/api/v1/homes/home-0001/contacts/c-daughter/reveal", r#"{"channel":"voice","reason":"call_back"}"#).await;
    assert_eq!((status, shown["value"].as_str()), (OK, Some("13812342201")));
    for (path, body, status) in [
        ("/api/v1/homes/home-0001/elders/elder-2/reveal", r#"{"field":"phone","reason":"alarm"}"#, NOT_FOUND),
        ("/api/v1/homes/home-0001/elders/elder-1/reveal", r#"{"field":"phone"}"#, StatusCode::BAD_REQUEST),
        ("/api/v1/homes/home-0001/contacts/c-daughter/reveal", r#"{"channel":"fax","reason":"alarm"}"#, UNPROCESSABLE),
    ] {
        assert_eq!(house.post("linxiao", path, body).await.0, status, "{path}");
    }
    let (_, audit) = house.get("lead", "/api/v1/audit").await;
    let lines: Vec<_> = audit["items"].as_array().unwrap().iter().map(|l| format!("{} {} {}", l["who"], l["action"], l["subject"])).collect();
    assert_eq!(lines, [
        r#""linxiao" "elder.reveal" "elder-1/health_notes/alarm""#,
        r#""linxiao" "contact.reveal" "c-daughter/voice/call_back""#
    ]);
}

#[tokio::test]
async fn worklists_answer() {
    let house = House::new().await;
    house.homes.0.lock().unwrap().get_mut(&"home-0002".into()).unwrap().outage_worklist = true;
    let (status, page) = house.get("linxiao", "/api/v1/outage-worklist").await;
    assert_eq!((status, page["items"][0]["home"].as_str()), (OK, Some("home-0002")));
    assert_eq!(house.get("linxiao", "/api/v1/quarantine").await, (OK, json!({"items": []})));
    assert_eq!(house.get("linxiao", "/api/v1/unknown-devices").await, (OK, json!({"items": []})));
    let (_, me) = house.get("linxiao", "/api/v1/me").await;
    assert_eq!(me, json!({"id": "linxiao", "name": "林晓", "role": "operator", "area": "", "acts": true, "audits": false}));
}
