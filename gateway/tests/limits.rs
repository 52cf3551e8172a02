//! What happens at the limits (LIM-1), over real sockets.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test")]


mod peer;

use gateway::{Limits, Rate, Share};
use peer::*;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

#[tokio::test]
async fn a_payload_of_a_megabyte_is_refused_and_the_next_client_is_served() {
    let house = house().await;
    for (level, reason) in [(V3, None), (V5, Some(0x95))] {
        let mut client = Client::connect(house.open, &hi(level, "c")).await;
        let mut body = b"\0\x01a\0\x01".to_vec();
        body.resize(1 << 20, b'x');
        let _closed_meanwhile = client.stream.write_all(&packet(0x32, &body)).await;
        assert_eq!(client.closed().await, reason);
    }
    Client::connect(house.open, &hi(V3, "next")).await.publish("a", "x", 1).await;
    assert_eq!(house.log.topics(), ["a"]);
}

#[tokio::test]
async fn a_bridge_that_describes_a_large_home_in_one_retained_message_is_stored_and_goes_on() {
    let house = house().await;
    let devices = format!("[{}]", "{\"friendly_name\":\"x\"},".repeat(90_000).trim_end_matches(','));
    assert!(devices.len() > 1_900_000);
    for level in [V3, V5] {
        let mut hub = Client::connect(house.keyed, &hi(level, "zigbee2mqtt").login("hub")).await;
        hub.retain("zigbee2mqtt/bridge/devices", &devices, 1).await;
        hub.publish("zigbee2mqtt/button", r#"{"action":"single"}"#, 1).await;
    }
    assert_eq!(house.log.topics(), ["zigbee2mqtt/bridge/devices", "zigbee2mqtt/button"].repeat(2));
    assert!(house.log.stored().iter().all(|record| record.payload.len() < 64 * 1024), "what says the same again and again is packed");
}

#[tokio::test]
async fn a_client_that_does_not_connect_in_time_is_closed() {
    let house = house_with(limits(|l| l.connect_within = Duration::from_millis(200))).await;
    let begun = Instant::now();
    let mut silent = Client::socket(house.open, V3).await;
    assert_eq!(silent.hear().await, None);
    let mut slow = Client::socket(house.open, V3).await;
    slow.send(&[0x10, 30, 0]).await;
    assert_eq!(slow.hear().await, None);
    assert!(begun.elapsed() < SOON);
    until(|| house.door.connections() == 0).await;
}

#[tokio::test]
async fn connections_of_a_credential_are_counted_and_a_takeover_is_not_a_second_one() {
    let house = house_with(limits(|l| l.device.connections = 2)).await;
    let _one = Client::connect(house.keyed, &hi(V5, "1").login("device")).await;
    let two = Client::connect(house.keyed, &hi(V5, "2").login("device")).await;
    let (_, connack) = Client::enter(house.keyed, &hi(V5, "3").login("device")).await;
    assert_eq!(connack.body[1], 0x97);
    let (_, connack) = Client::enter(house.keyed, &hi(V3, "3").login("device")).await;
    assert_eq!(connack.body, [0, 3]);
    let again = Client::connect(house.keyed, &hi(V5, "1").login("device")).await;
    two.bye().await;
    drop(again);
    until(|| house.door.connections() == 0).await;
    let _three = Client::connect(house.keyed, &hi(V5, "3").login("device")).await;
}

#[tokio::test]
async fn connections_in_all_are_limited_and_places_come_back() {
    let house = house_with(limits(|l| l.connections = 2)).await;
    let one = Client::connect(house.open, &hi(V3, "1")).await;
    let _two = Client::connect(house.open, &hi(V3, "2")).await;
    let mut three = Client::socket(house.open, V3).await;
    assert_eq!(three.hear().await, None);
    one.bye().await;
    until(|| house.door.connections() == 1).await;
    let _four = Client::connect(house.open, &hi(V3, "4")).await;
}

#[tokio::test]
async fn more_connects_than_the_pace_allows_wait_and_none_is_refused() {
    let house = house_with(limits(|l| l.connects_per_second = 100)).await;
    let begun = Instant::now();
    let address = house.open;
    let all: Vec<_> = (0..60)
        .map(|n| tokio::spawn(async move { Client::connect(address, &hi(V3, &n.to_string())).await.ping().await }))
        .collect();
    for one in all {
        one.await.unwrap();
    }
    let after = begun.elapsed().as_secs_f64();
    assert!(after > 0.3, "60 connects at 100 per second with a burst of 20 took {after} s");
}

#[tokio::test]
async fn two_thousand_clients_that_come_back_at_once_are_all_served() {
    let house = house().await;
    let address = house.keyed;
    let all: Vec<_> = (0..2_000)
        .map(|n| {
            tokio::spawn(async move {
                let mut client = Client::connect(address, &hi(V3, &n.to_string()).login("all")).await;
                client.publish(&format!("care/v1/home-{n}/d/motion"), "{}", 1).await;
                client
            })
        })
        .collect();
    let mut clients = Vec::new();
    for one in all {
        clients.push(one.await.unwrap());
    }
    assert_eq!(house.door.connections(), 2_000);
    assert_eq!(house.log.topics().len(), 2_000);
}

#[tokio::test]
async fn a_client_that_never_reads_is_closed_and_stops_nobody() {
    let house = house_with(limits(|l| l.write_within = Duration::from_millis(300))).await;
    let mut deaf = Client::connect(house.open, &hi(V3, "deaf")).await;
    deaf.subscribe("a", 0).await;
    let mut sender = Client::connect(house.open, &hi(V3, "sender")).await;
    let payload = "x".repeat(60_000);
    for _ in 0..200 {
        sender.publish("a", &payload, 1).await;
    }
    until(|| house.door.counters().write_timeouts == 1).await;
    until(|| house.door.connections() == 1).await;
    assert!(house.door.counters().deliveries_dropped > 0);
    sender.publish("a", "still served", 1).await;
}

#[tokio::test]
async fn reading_stops_while_too_much_is_not_durable_and_goes_on_afterwards() {
    let house = house_with(limits(|l| l.inflight = 4)).await;
    let mut client = Client::connect(house.open, &hi(V3, "c")).await;
    house.log.block();
    for id in 1..=20 {
        client.send_publish(2, "a", id, &[], b"x").await;
    }
    until(|| house.log.waiting() == 4).await;
    client.quiet().await;
    assert_eq!(house.log.waiting(), 4);
    house.log.release();
    for id in 1..=20 {
        client.expect_ack("PUBACK", id).await;
    }
}

#[tokio::test]
async fn a_flood_is_slowed_down_and_never_mutes_a_call() {
    let rate = Rate { per_second: 20, burst: 10 };
    let house = house_with(limits(|l| l.device = Share { routine: Some(rate), ..l.device.clone() })).await;
    let mut client = Client::connect(house.keyed, &hi(V3, "c").login("device")).await;
    let begun = Instant::now();
    for id in 1..=30 {
        client.send_publish(2, "care/v1/h1/button/motion", id, &[], b"{}").await;
    }
    client.send_publish(2, "care/v1/h1/button/call", 31, &[], b"{}").await;
    until(|| house.log.topics().iter().any(|topic| topic.ends_with("call"))).await;
    assert!(house.log.topics().len() < 30, "the call does not wait for the flood");
    for id in 1..=31 {
        client.expect_ack("PUBACK", id).await;
    }
    assert!(begun.elapsed() > Duration::from_millis(700));
    let count = house.door.counters();
    assert_eq!(house.log.topics().len(), 31);
    assert!(count.paced > 0);
    // Without a promise nothing waits: it is dropped and counted.
    for _ in 0..30 {
        client.send_publish(0, "care/v1/h1/button/motion", 0, &[], b"{}").await;
    }
    client.ping().await;
    assert!(house.door.counters().paced_dropped > 10);
}

#[tokio::test]
async fn subscriptions_of_a_session_are_limited() {
    let house = house_with(limits(|l| l.open.subscriptions = 2)).await;
    for (level, code) in [(V3, 0x80), (V5, 0x97)] {
        let mut client = Client::connect(house.open, &hi(level, "c")).await;
        assert_eq!(client.subscribe_with(&[("a", 0), ("b", 0), ("c", 0), ("a", 1)], &[]).await, [0, 0, code, 1]);
        client.unsubscribe(&["a"]).await;
        assert_eq!(client.subscribe_with(&[("c", 0)], &[]).await, [0]);
    }
}

#[tokio::test]
async fn the_oldest_words_give_way_when_a_client_is_away_for_long() {
    let house = house_with(limits(|l| l.open.queued_messages = 3)).await;
    let mut client = Client::connect(house.open, &hi(V3, "c").keep()).await;
    client.subscribe("a", 1).await;
    client.bye().await;
    let mut sender = Client::connect(house.open, &hi(V3, "sender")).await;
    for n in 0..10 {
        sender.publish("a", &n.to_string(), 1).await;
    }
    let mut client = Client::connect(house.open, &hi(V3, "c").keep()).await;
    for wanted in ["7", "8", "9"] {
        assert_eq!(client.take().await.payload, wanted);
    }
    assert_eq!(house.door.counters().deliveries_dropped, 7);
}

#[tokio::test]
async fn sessions_without_a_connection_are_limited() {
    let house = house_with(limits(|l| l.sessions = 2)).await;
    for id in ["1", "2", "3"] {
        Client::connect(house.open, &hi(V3, id).keep()).await.bye().await;
        until(|| house.door.connections() == 0).await;
    }
    assert_eq!(house.door.counters().sessions, 2);
    let (_, connack) = Client::enter(house.open, &hi(V3, "3").keep()).await;
    assert_eq!(connack.body[0], 0);
}

#[tokio::test]
async fn unfinished_packets_are_limited_in_all() {
    let house = house_with(limits(|l| l.partial_bytes = 20_000)).await;
    let mut clients = Vec::new();
    for n in 0..4 {
        let mut client = Client::connect(house.open, &hi(V5, &n.to_string())).await;
        let mut begun = vec![0x30, 0xc0, 0xb8, 0x02, 0, 1, b'a'];
        begun.resize(12_000, b'x');
        client.send(&begun).await;
        clients.push(client);
    }
    let mut closed = 0;
    for client in &mut clients {
        if let Ok(heard) = tokio::time::timeout(QUIET * 2, client.closed()).await {
            assert_eq!(heard, Some(0x89));
            closed += 1;
        }
    }
    assert_eq!(closed, 2);
}

#[tokio::test]
async fn topics_longer_than_the_log_takes_are_refused() {
    let house = house().await;
    let mut client = Client::connect(house.open, &hi(V5, "c")).await;
    client.publish(&"t".repeat(1_024), "x", 1).await;
    client.send_publish(2, &"t".repeat(1_025), 9, &[], b"x").await;
    assert_eq!(client.closed().await, Some(0x90));
    let mut client = Client::connect(house.open, &hi(V5, "c")).await;
    client.send_publish(2, &"/".repeat(500), 9, &[], b"x").await;
    assert_eq!(client.closed().await, Some(0x90), "hundreds of levels");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_takeovers_leaves_one_connection_and_one_session() {
    let house = house().await;
    let address = house.open;
    let storm: Vec<_> = (0..100)
        .map(|n| {
            tokio::spawn(async move {
                let level = if n % 2 == 0 { V3 } else { V5 };
                let will = TestWill { topic: "w", payload: "x", ..TestWill::default() };
                let hello = if n % 3 == 0 { hi(level, "same").will(will) } else { hi(level, "same").keep() };
                let mut client = Client::socket(address, level).await;
                let mut bytes = hello.bytes();
                let options: &[u8] = if level == V5 { b"\0\x01\0\0\x01a\x01" } else { b"\0\x01\0\x01a\x01" };
                bytes.extend(packet(0x82, options));
                let _taken_over_meanwhile = client.stream.write_all(&bytes).await;
                client.closed().await
            })
        })
        .collect();
    until(|| house.door.counters().takeovers >= 99).await;
    until(|| house.door.connections() == 1).await;
    assert!(house.door.counters().sessions == 1);
    let last = Client::connect(house.open, &hi(V3, "same")).await;
    for one in storm {
        one.await.unwrap();
    }
    last.bye().await;
    until(|| house.door.connections() == 0).await;
    let count = house.door.counters();
    assert_eq!((count.sessions, count.subscriptions), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_come_and_go_leave_nothing_behind() {
    let house = house().await;
    let address = house.open;
    let all: Vec<_> = (0..20)
        .map(|n| {
            tokio::spawn(async move {
                for round in 0..10 {
                    let level = if (n + round) % 2 == 0 { V3 } else { V5 };
                    let mut client = Client::connect(address, &hi(level, &format!("c{n}"))).await;
                    client.subscribe(&format!("own/{n}/+"), 2).await;
                    client.subscribe(&format!("own/{n}/x"), 1).await;
                    client.publish(&format!("own/{n}/x"), "hello", 1).await;
                    if round % 2 == 0 {
                        client.bye_whatever_comes().await;
                    }
                }
            })
        })
        .collect();
    for one in all {
        one.await.unwrap();
    }
    until(|| house.door.connections() == 0).await;
    let count = house.door.counters();
    assert_eq!((count.sessions, count.subscriptions, count.faults), (0, 0, 0));
    assert_eq!(count.stored, 200);
}
