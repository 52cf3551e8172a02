//! Stories of the event stream.

use crate::support::House;
use axum::body::{Body, BodyDataStream};
use axum::http::{Request, StatusCode};
use care::TimeDelta;
use futures_util::StreamExt;
use std::time::Duration;
use store::Register;
use store::register::Put;

struct Stream {
    body: BodyDataStream,
    rest: String,
}

/// One event: id, name, data.
#[derive(Debug, PartialEq)]
struct Event(String, String, String);

async fn open(house: &House, person: &str, last: Option<&str>) -> Stream {
    let mut request = Request::get("/api/v1/events").header("authorization", format!("Bearer {}", house.token(person).await));
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let response = house.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    Stream { body: response.into_body().into_data_stream(), rest: String::new() }
}

impl Stream {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.rest.split_once("\n\n").map(|(e, r)| (e.to_owned(), r.to_owned())) {
                self.rest = rest;
                let field = |name: &str| event.lines().find_map(|l| l.strip_prefix(name)).map(|v| v.trim_start_matches([':', ' ']).to_owned()).unwrap_or_default();
                return Some(Event(field("id"), field("event"), field("data")));
            }
            let chunk = tokio::time::timeout(Duration::from_secs(60), self.body.next()).await.unwrap()?;
            self.rest.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
        }
    }

    async fn alarm(&mut self) -> (String, String, String) {
        loop {
            let Event(id, name, data) = self.next().await.unwrap();
            if name == "alarm" {
                let alarm: serde_json::Value = serde_json::from_str(&data).unwrap();
                return (id, alarm["id"].as_str().unwrap().to_owned(), alarm["state"].as_str().unwrap().to_owned());
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_press_a_claim_and_a_close_come_by_themselves() {
    let house = House::new().await;
    house.follow();
    let mut stream = open(&house, "linxiao", None).await;
    let Event(id, name, data) = stream.next().await.unwrap();
    assert_eq!((name.as_str(), data.as_str()), ("reset", r#"{"now":"2026-11-23T01:41:13Z"}"#));
    assert!(id.ends_with("-0"), "{id}");
    tokio::time::sleep(Duration::from_millis(100)).await;
    let alarm = house.press("home-0001").await;
    let (_, id, state) = stream.alarm().await;
    assert_eq!((id.as_str(), state.as_str()), (alarm.as_str(), "raised"));
    house.post("zhoumin", &format!("/api/v1/alarms/{alarm}/claim"), "").await;
    assert_eq!(stream.alarm().await.2, "claimed");
    house.post("zhoumin", &format!("/api/v1/alarms/{alarm}/close"), r#"{"outcome":"test"}"#).await;
    assert_eq!(stream.alarm().await.2, "closed");
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_with_the_last_number_misses_nothing() {
    let house = House::new().await;
    house.follow();
    let mut stream = open(&house, "linxiao", None).await;
    stream.next().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let first = house.press("home-0001").await;
    let (last, id, _) = stream.alarm().await;
    assert_eq!(id, first.as_str());
    drop(stream);
    let mut missed = Vec::new();
    for i in 0..30 {
        house.pass(TimeDelta::seconds(1));
        missed.push(house.press(&format!("home-7{i:03}")).await.as_str().to_owned());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut stream = open(&house, "linxiao", Some(&last)).await;
    let Event(_, name, _) = stream.next().await.unwrap();
    assert_eq!(name, "beat", "nothing has to be read anew");
    let mut got = Vec::new();
    for _ in 0..30 {
        got.push(stream.alarm().await.1);
    }
    assert_eq!(got, missed);
    for foreign in ["deadbeef-3", "nonsense", "", "-", "1-99999999999999999999"] {
        let mut stream = open(&house, "linxiao", Some(foreign)).await;
        assert_eq!(stream.next().await.unwrap().1, "reset", "{foreign}: read everything anew");
    }
}

#[tokio::test(start_paused = true)]
async fn it_beats_and_ends_with_the_token() {
    let house = House::new().await;
    house.follow();
    let mut stream = open(&house, "linxiao", None).await;
    stream.next().await;
    let began = tokio::time::Instant::now();
    assert_eq!(stream.next().await.unwrap().1, "beat");
    assert!(began.elapsed() <= Duration::from_secs(11));
    let token = house.token("linxiao").await;
    house.ledger.put(vec![Put::EndToken(console::hash_of(&token))]).await.unwrap();
    assert_eq!(stream.next().await.unwrap().1, "signed_out");
    assert_eq!(stream.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_role_of_an_area_hears_of_its_area_only_and_nobody_of_the_canary() {
    let house = House::with(|s| s.canary_home = Some("canary".into()), Vec::new()).await;
    house.follow();
    let mut of_area = open(&house, "dongshi", None).await;
    let mut of_city = open(&house, "linxiao", None).await;
    of_area.next().await;
    of_city.next().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    house.press("canary").await;
    let meiling = house.press("home-0001").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let dongshi = house.press("home-0002").await;
    assert_eq!(of_area.alarm().await.1, dongshi.as_str());
    assert_eq!(of_city.alarm().await.1, meiling.as_str());
    assert_eq!(of_city.alarm().await.1, dongshi.as_str());
}
