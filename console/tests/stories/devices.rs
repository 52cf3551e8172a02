//! Stories of devices: enrolled, heard, tried, replaced, retired, and how they come to their credential.

use crate::office_pages::send;
use crate::support::{House, answer, text};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use care::TimeDelta;
use care::cause::Cause;
use care::home::{Part, Told};
use care::Reason;
use serde_json::{Value, json};
use store::Register;
use store::register::CredentialRights;

const HALL: &str = "/api/v1/homes/home-0001/devices";

async fn enter(house: &House, code: &str) -> (StatusCode, Value) {
    let body = json!({ "code": code }).to_string();
    answer(house.send(Request::post("/api/v1/enrolment").body(Body::from(body)).unwrap()).await).await
}

fn told(house: &House) -> Vec<Told> {
    std::mem::take(&mut *house.homes.1.lock().unwrap()).into_iter().map(|(_, told)| told).collect()
}

async fn enrol(house: &House, device: &str, kind: &str, minutes: u32) {
    let body = json!({ "device": device, "kind": kind, "room": "客厅", "every_minutes": minutes, "model": "M-1", "serial": "S-1" });
    let (status, answer) = house.post("lead", HALL, &body.to_string()).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{answer}");
}

#[tokio::test]
async fn a_device_is_enrolled_listed_found_by_state_and_the_home_is_told_what_to_expect() {
    let house = House::new().await;
    enrol(&house, "pendant-1", "pendant", 60).await;
    assert_eq!(told(&house), [Told::Supervise { device: "pendant-1".into(), every_s: 3_600, part: Part::Button }]);
    let (_, page) = house.get("linxiao", "/api/v1/devices?kind=pendant").await;
    let item = &page["items"][0];
    assert_eq!((&item["id"], &item["state"], &item["every_s"], &item["serial"]), (&json!("pendant-1"), &json!("never"), &json!(3_600), &json!("S-1")));
    let (_, page) = house.get("linxiao", "/api/v1/devices?state=silent").await;
    let ids: Vec<&str> = page["items"].as_array().unwrap().iter().map(|d| d["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["pir-kitchen"]);
    let (_, page) = house.get("linxiao", "/api/v1/devices?state=unregistered").await;
    assert!(page["items"].as_array().unwrap().iter().all(|d| d["home"] == "home-0002"), "nothing of home-0002 is in the register");
    let (_, page) = house.get("dongshi", "/api/v1/devices?text=pendant").await;
    assert_eq!(page["items"], json!([]), "another area's");
    for (body, field) in [
        (json!({ "device": "a b", "kind": "button" }), "device"),
        (json!({ "device": "b", "kind": "toaster" }), "kind"),
        (json!({ "device": "b", "kind": "button", "every_minutes": 1_441 }), "every_minutes"),
    ] {
        let (status, answer) = house.post("lead", HALL, &body.to_string()).await;
        assert_eq!((status, &answer["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)));
    }
}

#[tokio::test]
async fn the_last_messages_of_a_device_are_shown_without_words_and_numbers_of_people() {
    let house = House::new().await;
    let (status, device) = house.get("linxiao", &format!("{HALL}/pir-bedroom")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(device["messages"][0]["payload"], r#"{"battery":81,"id":"7","note":"****","phone":"****","value":true}"#);
    let cookie = house.session("lead").await;
    let (status, page) = house.page(&cookie, "/homes/home-0001/devices/pir-bedroom").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("最近的原始消息") && !page.contains("13812342201"));
    for path in ["/devices", "/devices?state=silent&kind=motion&text=pir", "/devices/unknown", "/devices/import", "/homes/home-0001/devices/new?device=x"] {
        assert_eq!(house.page(&cookie, path).await.0, StatusCode::OK, "{path}");
        assert_eq!(house.page(&format!("{cookie}; hearthline-language=en"), path).await.0, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn a_code_gives_a_credential_once_and_a_new_one_revokes_the_old() {
    let house = House::new().await;
    enrol(&house, "pendant-1", "pendant", 60).await;
    let (_, first) = house.post("lead", &format!("{HALL}/pendant-1/code"), "{}").await;
    let code = first["code"].as_str().unwrap().to_owned();
    let (status, entry) = enter(&house, &code.to_uppercase()).await;
    assert_eq!(status, StatusCode::OK, "{entry}");
    assert_eq!((&entry["user"], &entry["topic"]), (&json!("home-0001.pendant-1.1"), &json!("care/v1/home-0001/pendant-1/")));
    let kept = house.ledger.credential("home-0001.pendant-1.1").await.unwrap().unwrap();
    assert_eq!(kept.rights, CredentialRights::Device { home: "home-0001".into(), device: "pendant-1".into() });
    assert_eq!(kept.secret_hash, format!("sha256${}", console::hash_of(entry["password"].as_str().unwrap())));
    assert_eq!(enter(&house, &code).await.0, StatusCode::UNAUTHORIZED, "used");
    // the next one shows the first out
    let (_, second) = house.post("lead", &format!("{HALL}/pendant-1/code"), "{}").await;
    let (_, entry) = enter(&house, second["code"].as_str().unwrap()).await;
    assert_eq!(entry["user"], "home-0001.pendant-1.2");
    assert!(house.ledger.credential("home-0001.pendant-1.1").await.unwrap().unwrap().revoked_at.is_some());
    // one that nobody used in time
    let (_, late) = house.post("lead", &format!("{HALL}/pendant-1/code"), "{}").await;
    house.pass(TimeDelta::hours(24));
    assert_eq!(enter(&house, late["code"].as_str().unwrap()).await.0, StatusCode::UNAUTHORIZED, "expired");
}

#[tokio::test]
async fn the_page_shows_a_new_code_also_as_a_picture_and_only_then() {
    let house = House::new().await;
    enrol(&house, "pendant-1", "pendant", 60).await;
    let (cookie, path) = (house.session("lead").await, "/homes/home-0001/devices/pendant-1");
    let (status, before) = house.page(&cookie, path).await;
    assert!(status == StatusCode::OK && !before.contains("<svg class=\"qr\""), "{status}");
    let page = text(send(&house, "lead", path, "do=code").await).await;
    let code = page.split("接入码 ").nth(1).and_then(|rest| rest.split('：').next()).unwrap_or_else(|| panic!("no code: {page}")).to_owned();
    assert_eq!(code.len(), 14, "{code}");
    let picture = qrcodegen::QrCode::encode_text(&code.to_uppercase(), qrcodegen::QrCodeEcc::Medium).unwrap();
    let dark = (0..picture.size()).flat_map(|y| (0..picture.size()).map(move |x| (x, y))).filter(|(x, y)| picture.get_module(*x, *y));
    let drawn: String = dark.map(|(x, y)| format!("M{} {}h1v1h-1z", x + 4, y + 4)).collect();
    assert!(page.contains(&format!("<path d=\"{drawn}\"")), "the picture holds the code");
    assert_eq!(enter(&house, &code).await.0, StatusCode::OK);
}

#[tokio::test]
async fn whoever_guesses_codes_has_to_wait() {
    let house = House::new().await;
    enrol(&house, "pendant-1", "pendant", 60).await;
    let (_, made) = house.post("lead", &format!("{HALL}/pendant-1/code"), "{}").await;
    for n in 0..10 {
        assert_eq!(enter(&house, &format!("abcd-efgh-{n}")).await.0, StatusCode::UNAUTHORIZED);
    }
    let code = made["code"].as_str().unwrap();
    assert_eq!(enter(&house, code).await.0, StatusCode::TOO_MANY_REQUESTS, "the right one, too");
    house.pass(TimeDelta::minutes(5));
    assert_eq!(enter(&house, code).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_replaced_device_keeps_its_place_and_its_history_and_loses_its_credential() {
    let house = House::new().await;
    enrol(&house, "door-1", "door", 120).await;
    let (_, made) = house.post("lead", &format!("{HALL}/door-1/code"), "{}").await;
    enter(&house, made["code"].as_str().unwrap()).await;
    told(&house);
    let (status, answer) = house.post("lead", &format!("{HALL}/door-1/replace"), r#"{"device":"door-2","serial":"S-2"}"#).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{answer}");
    assert_eq!(
        told(&house),
        [Told::Replace { old: "door-1".into(), new: "door-2".into() }, Told::Supervise { device: "door-2".into(), every_s: 7_200, part: Part::Sensor }]
    );
    let (_, new) = house.get("linxiao", &format!("{HALL}/door-2")).await;
    assert_eq!((&new["kind"], &new["room"], &new["replaces"], &new["serial"]), (&json!("door"), &json!("客厅"), &json!("door-1"), &json!("S-2")));
    let (_, old) = house.get("linxiao", &format!("{HALL}/door-1")).await;
    assert_eq!((&old["state"], &old["replaced_by"], &old["serial"]), (&json!("retired"), &json!("door-2"), &json!("S-1")));
    assert!(house.ledger.credential("home-0001.door-1.1").await.unwrap().unwrap().revoked_at.is_some());
    let versions = house.ledger.sheet_versions("device", "home-0001/door-1").await.unwrap();
    assert_eq!(versions.len(), 3, "enrolled, entered, retired");
    let (status, _) = house.post("lead", &format!("{HALL}/door-2/retire"), "{}").await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(told(&house), [Told::Release { device: "door-2".into() }]);
    let (status, _) = house.post("lead", &format!("{HALL}/door-2/code"), "{}").await;
    assert_eq!(status, StatusCode::NOT_FOUND, "a retired device gets no code");
}

#[tokio::test]
async fn a_test_is_told_to_the_home_and_a_call_closed_as_a_test_proves_the_whole_way() {
    let house = House::new().await;
    let (status, test) = house.post("linxiao", &format!("{HALL}/button-bed/test"), "{}").await;
    assert_eq!(status, StatusCode::OK, "{test}");
    assert_eq!(told(&house), [Told::Test { until: house.now() + TimeDelta::minutes(30) }]);
    let alarm = house.raise("home-0001", Cause::Call, Reason::new("device_signal_in_test")).await;
    house.post("linxiao", &format!("/api/v1/alarms/{alarm}/claim"), "{}").await;
    let (status, answer) = house.post("linxiao", &format!("/api/v1/alarms/{alarm}/close"), r#"{"outcome":"test"}"#).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(told(&house), [Told::Proved { device: "button-bed".into(), at: house.now() }]);
}

#[tokio::test]
async fn a_list_with_a_mistake_enrols_nobody_and_says_where_it_is() {
    let house = House::new().await;
    let bad = "home,device,kind\nhome-0001,a1,motion\nhome-0001,a2,toaster\nnowhere,a3,motion\n";
    let (status, answer) = house.post("lead", "/api/v1/devices/import?apply=true", bad).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let faults: Vec<(u64, &str)> = answer["faults"].as_array().unwrap().iter().map(|f| (f["row"].as_u64().unwrap(), f["column"].as_str().unwrap())).collect();
    assert_eq!((answer["enrolled"].as_u64(), faults), (Some(0), vec![(3, "kind"), (4, "home")]));
    assert_eq!(told(&house), []);
    let good = "家庭,设备,类型,间隔分钟\nhome-0001,a1,motion,30\nhome-0001,a2,hub,\n";
    let (_, looked) = house.post("lead", "/api/v1/devices/import", good).await;
    assert_eq!((looked["rows"].as_u64(), looked["enrolled"].as_u64()), (Some(2), Some(0)));
    let (_, done) = house.post("lead", "/api/v1/devices/import?apply=true", good).await;
    assert_eq!(done["enrolled"].as_u64(), Some(2), "{done}");
    assert_eq!(told(&house).len(), 2);
}

#[tokio::test]
async fn no_home_is_asked_to_supervise_more_than_it_can_remember() {
    let house = House::new().await;
    for n in 0..16 {
        enrol(&house, &format!("d-{n}"), "motion", 60).await;
    }
    let (status, answer) = house.post("lead", HALL, r#"{"device":"d-16","kind":"motion"}"#).await;
    assert_eq!((status, &answer["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("every_minutes")));
    let (status, _) = house.post("lead", HALL, r#"{"device":"d-16","kind":"motion","every_minutes":0}"#).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "unsupervised it may be there");
}
