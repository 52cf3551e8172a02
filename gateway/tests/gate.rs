//! The contract of the gate (ACK-1): nothing is acknowledged that is not durable, and acknowledgements go out
//! in the order of the messages.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test")]


mod peer;

use gateway::Limits;
use peer::*;
use store::LogError;

async fn a_blocked_commit_blocks_the_ack(level: u8) {
    let house = house().await;
    let mut client = Client::connect(house.open, &hi(level, "c")).await;
    house.log.block();
    for (first, id) in [(2u8, 1u16), (2, 2), (4, 3), (2, 4)] {
        client.send_publish(first, "care/v1/h1/d/motion", id, &[], b"{}").await;
    }
    client.ping().await;
    client.ping().await;
    client.quiet().await;
    house.log.release();
    client.expect_ack("PUBACK", 1).await;
    client.expect_ack("PUBACK", 2).await;
    client.expect_ack("PUBREC", 3).await;
    client.expect_ack("PUBACK", 4).await;
    assert_eq!(house.log.topics().len(), 4);
}

#[tokio::test]
async fn a_blocked_commit_blocks_puback_and_pubrec_while_pingresp_flows() {
    a_blocked_commit_blocks_the_ack(V3).await;
    a_blocked_commit_blocks_the_ack(V5).await;
}

#[tokio::test]
async fn a_refused_commit_closes_the_connection_without_an_ack() {
    for (error, reason) in [(LogError::Failed("broken".into()), 0x83), (LogError::DiskFull, 0x97)] {
        for (level, first) in [(V3, 2), (V3, 4), (V5, 2), (V5, 4)] {
            let house = house().await;
            house.log.refuse(Some(error.clone()));
            let mut client = Client::connect(house.open, &hi(level, "c")).await;
            client.send_publish(first, "a", 1, &[], b"x").await;
            match client.hear().await {
                None => assert_eq!(level, V3),
                Some(heard) => assert_eq!((heard.first, heard.body[0], level), (0xe0, reason, V5)),
            }
            assert_eq!(client.hear().await, None);
            until(|| house.door.counters().refused == 1).await;
        }
    }
}

#[tokio::test]
async fn what_was_stored_before_the_refusal_is_acknowledged_and_nothing_after_it() {
    let house = house().await;
    let mut client = Client::connect(house.open, &hi(V5, "c")).await;
    client.publish("a", "1", 1).await;
    house.log.refuse(Some(LogError::Busy));
    for id in 2..20 {
        client.send_publish(2, "a", id, &[], b"x").await;
    }
    assert_eq!(client.closed().await, Some(0x97));
    assert_eq!(house.log.topics().len(), 1);
}

#[tokio::test]
async fn acks_keep_the_order_of_the_messages_although_red_is_stored_first() {
    let house = house().await;
    let mut client = Client::connect(house.open, &hi(V3, "c")).await;
    house.log.block();
    client.send_publish(2, "care/v1/h1/d/motion", 1, &[], b"{}").await;
    client.send_publish(2, "care/v1/h1/d/motion", 2, &[], b"{}").await;
    client.send_publish(2, "care/v1/h1/d/call", 3, &[], b"{}").await;
    client.ping().await;
    house.log.release();
    for id in 1..=3 {
        client.expect_ack("PUBACK", id).await;
    }
    assert_eq!(house.log.topics()[0], "care/v1/h1/d/call");
}

#[tokio::test]
async fn a_message_is_passed_on_only_after_its_commit_even_if_its_sender_is_gone() {
    let house = house().await;
    let mut listener = Client::connect(house.open, &hi(V5, "listener")).await;
    listener.subscribe("a", 1).await;
    house.log.block();
    let mut sender = Client::connect(house.open, &hi(V3, "sender")).await;
    sender.send_publish(2, "a", 1, &[], b"x").await;
    sender.ping().await;
    drop(sender);
    listener.quiet().await;
    house.log.release();
    assert_eq!(listener.take().await.payload, "x");
}

#[tokio::test]
async fn a_message_followed_at_once_by_the_end_is_stored() {
    let house = house().await;
    let mut bytes = hi(V3, "battery").bytes();
    bytes.extend_from_slice(b"\x32\x17\0\x13care/v1/h1/d/motion\0\x01");
    bytes.extend_from_slice(&[0xe0, 0]);
    let mut client = Client::socket(house.open, V3).await;
    client.send(&bytes).await;
    drop(client);
    house.log.until_stored(1).await;
    assert_eq!(house.log.topics(), ["care/v1/h1/d/motion"]);
}

#[tokio::test]
async fn qos_0_is_stored_too_and_everything_bears_its_source_and_home() {
    let house = house().await;
    let mut client = Client::connect(house.keyed, &hi(V3, "c").login("device")).await;
    client.publish("care/v1/h1/button/call", "{}", 0).await;
    client.ping().await;
    house.log.until_stored(1).await;
    let record = &house.log.stored()[0];
    assert_eq!((record.source.as_str(), record.home.as_str(), record.lane), ("device", "h1", care::Lane::Red));
    assert_eq!(record.heard_at, store::Clock::now(&TestClock));
}

#[tokio::test]
async fn a_message_of_qos_2_that_comes_twice_is_stored_once_even_across_a_reconnection() {
    for level in [V3, V5] {
        let house = house().await;
        let mut client = Client::connect(house.open, &hi(level, "c").keep()).await;
        client.send_publish(4, "a", 7, &[], b"x").await;
        client.expect_ack("PUBREC", 7).await;
        client.send_publish(4 | 8, "a", 7, &[], b"x").await;
        client.expect_ack("PUBREC", 7).await;
        drop(client);
        let (mut client, connack) = Client::enter(house.open, &hi(level, "c").keep()).await;
        assert_eq!(connack.body[0], 1);
        client.send_publish(4 | 8, "a", 7, &[], b"x").await;
        client.expect_ack("PUBREC", 7).await;
        client.send(&packet(0x62, &[0, 7])).await;
        client.expect_ack("PUBCOMP", 7).await;
        client.publish("b", "y", 2).await;
        assert_eq!(house.log.topics(), ["a", "b"]);
    }
}

#[tokio::test]
async fn a_repeated_message_of_qos_2_waits_for_the_commit_of_the_first() {
    let house = house().await;
    let mut first = Client::connect(house.open, &hi(V3, "c").keep()).await;
    house.log.block();
    first.send_publish(4, "a", 7, &[], b"x").await;
    first.ping().await;
    let mut second = Client::connect(house.open, &hi(V3, "c").keep()).await;
    assert_eq!(first.hear().await, None);
    second.send_publish(4 | 8, "a", 7, &[], b"x").await;
    second.ping().await;
    second.quiet().await;
    house.log.release();
    second.expect_ack("PUBREC", 7).await;
    assert_eq!(house.log.topics(), ["a"]);
}

#[tokio::test]
async fn an_identifier_used_twice_with_qos_1_is_acknowledged_twice() {
    let house = house().await;
    let mut client = Client::connect(house.open, &hi(V3, "c")).await;
    house.log.block();
    client.send_publish(2, "a", 5, &[], b"x").await;
    client.send_publish(2 | 8, "a", 5, &[], b"x").await;
    client.ping().await;
    house.log.release();
    client.expect_ack("PUBACK", 5).await;
    client.expect_ack("PUBACK", 5).await;
    assert_eq!(house.log.topics().len(), 2, "rather twice than never");
}

#[tokio::test]
async fn wills_go_through_the_log_and_are_tried_again_when_it_refuses() {
    let house = house().await;
    let will = TestWill { topic: "care/v1/h1/d/status", payload: "offline", qos: 1, ..TestWill::default() };
    let mut listener = Client::connect(house.open, &hi(V3, "listener")).await;
    listener.subscribe("care/v1/h1/d/status", 1).await;
    house.log.refuse(Some(LogError::Busy));
    let client = Client::connect(house.open, &hi(V3, "c").will(will)).await;
    drop(client);
    until(|| house.door.counters().refused == 1).await;
    listener.quiet().await;
    house.log.refuse(None);
    assert_eq!(listener.take().await.payload, "offline");
    assert_eq!(house.log.topics(), ["care/v1/h1/d/status"]);
    assert_eq!(house.door.counters().wills, 1);
}

#[tokio::test]
async fn a_log_that_never_answers_is_a_refusal() {
    struct Forgetful;
    #[async_trait::async_trait]
    impl store::EventLog for Forgetful {
        fn submit(&self, _: store::Record, done: store::Done) {
            drop(done);
        }
        async fn read(
            &self,
            _: store::Shard,
            _: care::Lane,
            _: store::Offset,
            _: usize,
        ) -> Result<Vec<store::Entry>, LogError> {
            Ok(Vec::new())
        }
        async fn end(&self, _: store::Shard, _: care::Lane) -> Result<store::Offset, LogError> {
            Ok(store::Offset(0))
        }
        fn changed(&self, _: care::Lane) -> tokio::sync::watch::Receiver<u64> {
            tokio::sync::watch::channel(0).1
        }
        fn shards(&self) -> u16 {
            1
        }
    }
    let listener = gateway::Listener {
        address: "127.0.0.1:0".parse().unwrap(),
        protection: gateway::Protection::Loopback,
        welcome: gateway::Welcome::Open,
    };
    let settings = gateway::DoorSettings { listeners: vec![listener], limits: gateway::Limits::default() };
    let (log, keys) = (std::sync::Arc::new(Forgetful), std::sync::Arc::new(gateway::OpenKeys));
    let (clock, lanes) = (std::sync::Arc::new(TestClock), std::sync::Arc::new(gateway::PlainLanes));
    let door = gateway::Door::open(settings, log, keys, clock, lanes).await.unwrap();
    let mut client = Client::connect(door.local_addrs()[0], &hi(V5, "c")).await;
    client.send_publish(2, "a", 1, &[], b"x").await;
    assert_eq!(client.closed().await, Some(0x83));
}

#[tokio::test]
async fn a_call_behind_a_refused_message_is_stored_all_the_same() {
    for level in [V3, V5] {
        let house = house_with(gateway::Limits { inflight: 2, ..gateway::Limits::default() }).await;
        let mut client = Client::connect(house.open, &hi(level, "hub")).await;
        house.log.refuse_routine(Some(LogError::DiskFull));
        house.log.block();
        let mut bytes = Vec::new();
        for id in 1..=20u8 {
            let topic: &[u8] = if id == 20 { b"\0\x11care/v1/h1/d/call" } else { b"\0\x11care/v1/h1/d/door" };
            let extra: &[u8] = if level == V5 { &[0, id, 0] } else { &[0, id] };
            bytes.extend(packet(0x32, &[topic, extra].concat()));
        }
        client.send(&bytes).await;
        until(|| house.log.waiting() == 2).await;
        house.log.release();
        client.closed().await;
        house.log.until_stored(1).await;
        assert_eq!(house.log.topics(), ["care/v1/h1/d/call"]);
    }
}

/// Whoever says its last words and is gone does not hear our answers, and what it said with QoS 0 is not said again: everything
/// that reached us before the end of the connection is stored.
#[tokio::test]
async fn last_words_are_stored_although_nobody_is_there_to_hear_our_answers() {
    let house = house_with(Limits { inflight: 10, ..Limits::default() }).await;
    let mut client = Client::connect(house.open, &hi(V3, "c")).await;
    // More than the door reads at once (and less than a socket holds), and no commit yet: a part of it still lies in the socket when our answers find nobody.
    house.log.block();
    let mut bytes = Vec::new();
    for id in 1..=120u16 {
        bytes.extend(packet(0x32, &[&[0, 1, b'a'], &id.to_be_bytes()[..], &[b'x'; 400]].concat()));
        bytes.extend(packet(0x30, &[&[0, 1, b'b'][..], &[b'x'; 400]].concat()));
    }
    client.send(&bytes).await;
    drop(client);
    house.log.release();
    house.log.until_stored(240).await;
    assert_eq!(house.log.topics().iter().filter(|t| *t == "b").count(), 120);
}
