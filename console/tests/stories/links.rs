//! Stories of one-time links and of what dispatch centres say back.

use crate::support::{House, answer, text};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use care::alarm::{Claimant, State};
use care::{AlarmId, TimeDelta};
use store::Ledger;
use store::link::Links;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

async fn house() -> (House, Links) {
    let links = Links::new("http://localhost", [7; 32]);
    let (mine, secret) = (links.clone(), SECRET.to_owned());
    let house = House::with(
        move |settings| {
            settings.links = Some(mine);
            settings.dispatch_secret = Some(secret);
        },
        Vec::new(),
    )
    .await;
    (house, links)
}

async fn alarm(house: &House, id: &AlarmId) -> care::Alarm {
    house.ledger.alarm(id).await.unwrap().unwrap().value
}

async fn ask(house: &House, method: &str, path: &str) -> (StatusCode, String) {
    let request = Request::builder().method(method).uri(path).header("host", "localhost").header("origin", "http://localhost");
    let response = house.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.headers()["cache-control"], "no-store");
    (response.status(), text(response).await)
}

#[tokio::test]
async fn opening_a_link_shows_and_only_the_button_takes_once() {
    let (house, links) = house().await;
    let id = house.press("home-0001").await;
    let first = alarm(&house, &id).await.attempts[0].clone();
    let path = links.mint(&id, first.no, house.now()).unwrap().replace("http://localhost", "");
    for _ in 0..3 {
        let (status, page) = ask(&house, "GET", &path).await;
        assert_eq!(status, StatusCode::OK);
        assert!(page.contains("<form method=\"post\"") && !page.contains("陈秀英") && !page.contains("长兴路"), "nothing personal before the button");
    }
    assert_eq!(alarm(&house, &id).await.state, State::Raised, "a preview takes nothing");
    let (status, page) = ask(&house, "POST", &path).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("陈秀英") && page.contains("长兴路"), "who and where, once it is taken");
    assert_eq!(alarm(&house, &id).await.claimant(), Some(&Claimant::Contact(first.contact)));
    let (status, page) = ask(&house, "POST", &path).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(!page.contains("陈秀英"), "a used link shows nothing more");
    let (_, page) = ask(&house, "GET", &path).await;
    assert!(!page.contains("<form method=\"post\" action=\"/l/"), "and has no button");
}

#[tokio::test]
async fn a_link_ends_with_its_time_and_a_forged_one_opens_nothing() {
    let (house, links) = house().await;
    let id = house.press("home-0001").await;
    let path = links.mint(&id, 1, house.now()).unwrap().replace("http://localhost", "");
    assert_eq!(ask(&house, "GET", &path.replace(".1.", ".2.")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(ask(&house, "POST", "/l/x").await.0, StatusCode::NOT_FOUND);
    house.pass(TimeDelta::minutes(61));
    assert_eq!(ask(&house, "POST", &path).await.0, StatusCode::NOT_FOUND);
    assert_eq!(alarm(&house, &id).await.state, State::Raised);
}

#[tokio::test]
async fn who_comes_second_by_a_link_is_told_so_and_another_site_cannot_press_the_button() {
    let (house, links) = house().await;
    let id = house.press("home-0001").await;
    let path = links.mint(&id, 1, house.now()).unwrap().replace("http://localhost", "");
    let foreign = Request::builder().method("POST").uri(&path).header("host", "localhost").header("origin", "https://evil.example");
    assert_eq!(house.send(foreign.body(Body::empty()).unwrap()).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(house.post("linxiao", &format!("/api/v1/alarms/{id}/claim"), "{}").await.0, StatusCode::OK);
    assert_eq!(ask(&house, "POST", &path).await.0, StatusCode::CONFLICT);
    assert_eq!(alarm(&house, &id).await.claimant().map(Claimant::id), Some("linxiao"));
}

async fn say(house: &House, word: &str, body: &str, secret: &str) -> StatusCode {
    let at = house.now().timestamp();
    let signature = standardwebhooks::Webhook::new(secret).unwrap().sign(word, at, body.as_bytes()).unwrap();
    let request = Request::builder()
        .method("POST")
        .uri("/api/v1/dispatch/states")
        .header("webhook-id", word)
        .header("webhook-timestamp", at.to_string())
        .header("webhook-signature", signature);
    answer(house.send(request.body(Body::from(body.to_owned())).unwrap()).await).await.0
}

#[tokio::test]
async fn a_dispatch_centre_says_where_its_responder_stands() {
    let (house, _) = house().await;
    let id = house.raise_by_webhook("home-0001").await;
    let no = alarm(&house, &id).await.attempts[0].no;
    let body = |state: &str| format!(r#"{{"type":"alarm.state","data":{{"alarm":"{id}","attempt":{no},"state":"{state}","note":"unit 7"}}}}"#);
    assert_eq!(say(&house, "w0", &body("accepted"), "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").await, StatusCode::UNAUTHORIZED);
    assert_eq!(alarm(&house, &id).await.state, State::Raised, "an unsigned word moves nothing");
    assert_eq!(say(&house, "w1", &body("accepted"), SECRET).await, StatusCode::NO_CONTENT);
    assert_eq!(alarm(&house, &id).await.claimant().map(Claimant::id), Some("dispatch"));
    for (word, state) in [("w2", "on_the_way"), ("w3", "on_scene"), ("w3", "on_scene"), ("w4", "closed")] {
        assert_eq!(say(&house, word, &body(state), SECRET).await, StatusCode::NO_CONTENT, "{state}");
    }
    let after = alarm(&house, &id).await;
    assert_eq!(after.state_name(), "reported", "a person of the centre closes it");
    let kinds: Vec<_> = house.ledger.notes(&id).await.unwrap().into_iter().map(|n| n.kind).collect();
    assert_eq!(kinds, ["claim", "on_the_way", "on_scene", "report"], "a repeated word is heard once");
    house.pass(TimeDelta::minutes(1));
    assert_eq!(say(&house, "w5", r#"{"data":{"alarm":"x","attempt":1,"state":"accepted"}}"#, SECRET).await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_dispatch_centre_that_rejects_lets_the_next_one_ring() {
    let (house, _) = house().await;
    let id = house.raise_by_webhook("home-0001").await;
    let before = alarm(&house, &id).await;
    let body = format!(r#"{{"data":{{"alarm":"{id}","attempt":{},"state":"rejected"}}}}"#, before.attempts[0].no);
    assert_eq!(say(&house, "w1", &body, SECRET).await, StatusCode::NO_CONTENT);
    let after = alarm(&house, &id).await;
    assert_eq!(after.state, State::Raised);
    assert_ne!(after.ladder, before.ladder, "the ladder goes on at once");
}
