//! A duty desk with made-up homes, to look at: `cargo run -p console --example desk -- 127.0.0.1:8090`, then sign in as
//! `linxiao` with the password `correct horse`.

#![allow(clippy::unwrap_used, reason = "a trial with made-up homes")]

#[path = "../tests/stories/support.rs"]
mod support;

use care::alarm::Input;
use care::cause::Cause;
use care::home::Cover;
use care::{Reason, TimeDelta, Timestamp};
use console::{Phase, Underway};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use store::{Clock, Ledger};
use support::{House, elder, home, view};

fn wall() -> Timestamp {
    SystemTime::now().into()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let addr: SocketAddr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8090".into()).parse()?;
    let names = ["许金枝", "蔡火旺", "王阿珍", "林进财", "黄秀英", "洪金水", "吴美珠", "郑文德"];
    let mut more = Vec::new();
    for (i, name) in names.iter().enumerate() {
        let id = format!("home-01{i:02}");
        more.push(home(&id, "350582/dongshi", &format!("东石镇 海滨路 {} 号", i + 20), ""));
        more.push(elder(&format!("elder-1{i:02}"), &id, name));
    }
    let house = House::with(|s| s.addr = addr, more).await;
    let set = |ago: i64| *house.clock.0.lock().unwrap() = wall() - TimeDelta::seconds(ago);

    set(5_400);
    house.raise("home-0107", Cause::Technical("battery_low".into()), reason(&house, "Battery")).await;
    set(850);
    house.raise("home-0101", Cause::Anomaly("door_night".into()), reason(&house, "Door")).await;
    set(690);
    house.raise("home-0100", Cause::Anomaly("no_morning".into()), reason(&house, "Morning")).await;
    set(365);
    house.raise("home-0002", Cause::WaterLeak, reason(&house, "Leak")).await;
    set(192);
    let smoke = house.raise("home-0003", Cause::Smoke, reason(&house, "Smoke")).await;
    set(170);
    house.post("zhoumin", &format!("/api/v1/alarms/{smoke}/claim"), "").await;
    set(47);
    let call = house.press("home-0001").await;
    let again = care::cause::Raise {
        cause: Cause::Call,
        level: Cause::Call.level(),
        reason: reason(&house, "again"),
        key: "again".into(),
        device: Some("button-bed".into()),
    };
    set(12);
    store::desk::give(house.ledger.as_ref(), &call, Input::Again(again), Vec::new(), house.clock.now()).await?;
    store::desk::give(house.ledger.as_ref(), &call, Input::AttemptStarted { attempt: 1 }, Vec::new(), house.clock.now()).await?;
    let ringing = Underway { contact: "c-daughter".into(), channel: "voice".into(), phase: Phase::Ringing, since: house.clock.now() };
    house.doing.0.lock().unwrap().insert(call, vec![ringing]);
    set(0);
    for (i, minutes) in [3i64, 340, 12, 55, 8, 20, 75, 140].into_iter().enumerate() {
        let id = format!("home-01{i:02}");
        let cover = if i == 3 { Cover::Unprotected } else { Cover::Protected };
        house.homes.0.lock().unwrap().insert(id.as_str().into(), view(&id, TimeDelta::minutes(minutes), cover, wall()));
    }
    house.homes.0.lock().unwrap().insert("home-0001".into(), view("home-0001", TimeDelta::minutes(3), Cover::Protected, wall()));
    house.homes.0.lock().unwrap().insert("home-0002".into(), view("home-0002", TimeDelta::minutes(340), Cover::Degraded, wall()));

    let (ledger, clock) = (Arc::clone(&house.ledger), Arc::clone(&house.clock));
    let bound = house.console.bind().await?;
    println!("http://{}  (linxiao / {})", bound.addr(), support::PASSWORD);
    let steps = async {
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            *clock.0.lock().unwrap() = wall();
            for id in ledger.due(wall(), 100).await.unwrap_or_default() {
                let given = store::desk::give(ledger.as_ref(), &id, Input::TimePassed, Vec::new(), wall()).await;
                drop(given);
            }
        }
    };
    tokio::select! { () = bound.serve(std::future::pending()) => {}, () = steps => {} }
    Ok(())
}

fn reason(house: &House, device: &str) -> Reason {
    let cause = Cause::Technical("device_silent".into());
    Reason::new("device_signal").text("device", device).cause("cause", &cause).time("at", house.clock.now())
}
