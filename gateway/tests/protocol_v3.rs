//! MQTT 3.1.1, by the names of the Eclipse Paho interoperability suite's checks, and by some more.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test")]


mod peer;

use peer::*;

fn three(all: &[(&str, &str, u8)]) -> Vec<(String, String, u8)> {
    all.iter().map(|(topic, payload, qos)| ((*topic).to_owned(), (*payload).to_owned(), *qos)).collect()
}

#[tokio::test]
async fn basic() {
    let house = house().await;
    let mut client = Client::connect(house.open, &hi(V3, "basic")).await;
    client.subscribe("TopicA", 2).await;
    for qos in 0..3 {
        client.send_publish(qos << 1, "TopicA", 10 + u16::from(qos), &[], format!("qos {qos}").as_bytes()).await;
    }
    let mut got = Vec::new();
    while got.len() < 3 {
        let heard = client.hear().await.unwrap();
        match kind(heard.first) {
            "PUBLISH" => {
                let message = client.open(&heard);
                match message.qos {
                    1 => client.send(&packet(0x40, &message.id.to_be_bytes())).await,
                    2 => client.send(&packet(0x50, &message.id.to_be_bytes())).await,
                    _ => {}
                }
                got.push((message.payload, message.qos, message.retain));
            }
            "PUBREC" => client.send(&packet(0x62, &heard.body[..2])).await,
            "PUBREL" => client.send(&packet(0x70, &heard.body[..2])).await,
            "PUBACK" | "PUBCOMP" => {}
            other => panic!("{other}"),
        }
    }
    let wanted = [("qos 0", 0), ("qos 1", 1), ("qos 2", 2)].map(|(text, qos)| (text.to_owned(), qos, false));
    assert_eq!(got, wanted);
    assert_eq!(house.log.topics(), ["TopicA", "TopicA", "TopicA"]);

    // A second CONNECT on a connection is a fault.
    let mut client = Client::connect(house.open, &hi(V3, "basic")).await;
    client.send(&hi(V3, "basic").bytes()).await;
    assert_eq!(client.hear().await, None);
}

#[tokio::test]
async fn wrong_protocol_names_and_levels_are_refused() {
    let house = house().await;
    let mut client = Client::socket(house.open, V3).await;
    let mut bytes = hi(V3, "x").bytes();
    bytes[8] = 6;
    client.send(&bytes).await;
    assert_eq!(client.expect("CONNACK").await.body, [0, 1]);
    assert_eq!(client.hear().await, None);
    let mut client = Client::socket(house.open, V3).await;
    let mut bytes = hi(V3, "x").bytes();
    bytes[5] = b'X';
    client.send(&bytes).await;
    assert_eq!(client.hear().await, None);
    let mut client = Client::socket(house.open, V3).await;
    client.send(&[0xc0, 0]).await;
    assert_eq!(client.hear().await, None, "the first packet has to be a CONNECT");
}

#[tokio::test]
async fn retained_messages() {
    let house = house().await;
    let mut client = Client::connect(house.open, &hi(V3, "c")).await;
    for (topic, qos) in [("fromb/qos 0", 0), ("fromb/qos 1", 1), ("fromb/qos2", 2)] {
        client.retain(topic, topic, qos).await;
    }
    until(|| house.door.retained().0 == 3).await;
    let mut other = Client::connect(house.open, &hi(V3, "d")).await;
    other.subscribe("fromb/+", 2).await;
    let mut kept = Vec::new();
    for _ in 0..3 {
        let message = other.take().await;
        assert!(message.retain);
        kept.push((message.topic, message.payload, message.qos));
    }
    assert_eq!(
        kept,
        three(&[("fromb/qos 0", "fromb/qos 0", 0), ("fromb/qos 1", "fromb/qos 1", 1), ("fromb/qos2", "fromb/qos2", 2)])
    );
    // To those who listen already it comes as any message.
    client.retain("fromb/qos 1", "new", 1).await;
    let message = other.take().await;
    assert_eq!((message.payload.as_str(), message.retain), ("new", false));
    // Subscribing again brings them again, and an empty one clears.
    client.retain("fromb/qos 0", "", 1).await;
    client.retain("fromb/qos2", "", 0).await;
    assert_eq!(other.take_all(2).await.len(), 2);
    other.subscribe("fromb/+", 1).await;
    assert_eq!(other.take_all(1).await, three(&[("fromb/qos 1", "new", 1)]));
    other.quiet().await;
}

#[tokio::test]
async fn offline_message_queueing() {
    let house = house().await;
    let mut client = Client::connect(house.open, &hi(V3, "sleeper").keep()).await;
    client.subscribe("+/+", 2).await;
    client.bye().await;
    let mut sender = Client::connect(house.open, &hi(V3, "sender")).await;
    sender.publish("a/b", "0", 0).await;
    sender.publish("a/b", "1", 1).await;
    sender.publish("a/b", "2", 2).await;
    sender.ping().await;
    let (mut client, connack) = Client::enter(house.open, &hi(V3, "sleeper").keep()).await;
    assert_eq!(connack.body, [1, 0]);
    assert_eq!(client.take_all(2).await, three(&[("a/b", "1", 1), ("a/b", "2", 2)]), "QoS 0 does not wait");
    client.bye().await;
    // A clean session forgets.
    let (client, connack) = Client::enter(house.open, &hi(V3, "sleeper")).await;
    assert_eq!(connack.body, [0, 0]);
    client.bye().await;
    sender.publish("a/b", "3", 1).await;
    let (mut client, connack) = Client::enter(house.open, &hi(V3, "sleeper").keep()).await;
    assert_eq!(connack.body, [0, 0]);
    client.quiet().await;
}

#[tokio::test]
async fn will() {
    let house = house().await;
    let mut listener = Client::connect(house.open, &hi(V3, "listener")).await;
    listener.subscribe("will", 2).await;
    let testament = TestWill { topic: "will", payload: "gone", qos: 2, ..TestWill::default() };
    let client = Client::connect(house.open, &hi(V3, "c").will(testament.clone())).await;
    drop(client);
    assert_eq!(listener.take_all(1).await, three(&[("will", "gone", 2)]));
    let client = Client::connect(house.open, &hi(V3, "c").will(testament.clone())).await;
    client.bye().await;
    listener.quiet().await;
    // Taken over: the first connection was lost.
    let mut first = Client::connect(house.open, &hi(V3, "c").will(testament.clone())).await;
    let second = Client::connect(house.open, &hi(V3, "c")).await;
    assert_eq!(first.hear().await, None);
    assert_eq!(listener.take().await.payload, "gone");
    second.bye().await;
    // A will can be retained.
    let kept = TestWill { retain: true, ..testament };
    drop(Client::connect(house.open, &hi(V3, "c").will(kept)).await);
    assert_eq!(listener.take().await.payload, "gone");
    let mut late = Client::connect(house.open, &hi(V3, "late")).await;
    late.subscribe("will", 0).await;
    assert!(late.take().await.retain);
}

#[tokio::test]
async fn overlapping_subscriptions_give_one_copy_of_the_best_quality() {
    let house = house().await;
    let mut client = Client::connect(house.open, &hi(V3, "c")).await;
    let codes = client.subscribe_with(&[("a/#", 2), ("a/+", 1), ("a/b", 0)], &[]).await;
    assert_eq!(codes, [2, 1, 0]);
    let mut sender = Client::connect(house.open, &hi(V3, "sender")).await;
    sender.publish("a/b", "x", 2).await;
    assert_eq!(client.take_all(1).await, three(&[("a/b", "x", 2)]));
    client.quiet().await;
}

#[tokio::test]
async fn keepalive() {
    let house = house().await;
    let mut listener = Client::connect(house.open, &hi(V3, "listener")).await;
    listener.subscribe("will", 1).await;
    let testament = TestWill { topic: "will", payload: "silent", ..TestWill::default() };
    let begun = std::time::Instant::now();
    let mut client = Client::connect(house.open, &hi(V3, "c").keep_alive(1).will(testament)).await;
    assert_eq!(client.hear().await, None);
    let after = begun.elapsed().as_secs_f64();
    assert!((1.4..5.0).contains(&after), "{after}");
    assert_eq!(listener.take().await.payload, "silent");
    assert_eq!(house.door.counters().keep_alive_timeouts, 1);
}

#[tokio::test]
async fn redelivery_on_reconnect() {
    let house = house().await;
    let mut client = Client::connect(house.open, &hi(V3, "c").keep()).await;
    client.subscribe("#", 2).await;
    let mut sender = Client::connect(house.open, &hi(V3, "sender")).await;
    sender.publish("a", "1", 1).await;
    sender.publish("a", "2", 2).await;
    let (first, second) = (client.message().await, client.message().await);
    assert!(!first.dup && !second.dup);
    drop(client);
    let mut client = Client::connect(house.open, &hi(V3, "c").keep()).await;
    let (again, again_too) = (client.message().await, client.message().await);
    assert_eq!((again.id, again.dup, again.payload.as_str()), (first.id, true, "1"));
    assert_eq!((again_too.id, again_too.dup), (second.id, true));
    client.answer(&again).await;
    client.send(&packet(0x50, &again_too.id.to_be_bytes())).await;
    client.expect_ack("PUBREL", again_too.id).await;
    drop(client);
    // From there on only the PUBREL is repeated.
    let mut client = Client::connect(house.open, &hi(V3, "c").keep()).await;
    client.expect_ack("PUBREL", again_too.id).await;
    client.send(&packet(0x70, &again_too.id.to_be_bytes())).await;
    client.quiet().await;
}

#[tokio::test]
async fn zero_length_client_id() {
    let house = house().await;
    let (mut client, connack) = Client::enter(house.open, &hi(V3, "").keep()).await;
    assert_eq!(connack.body, [0, 2]);
    assert_eq!(client.hear().await, None);
    let first = Client::connect(house.open, &hi(V3, "")).await;
    let mut second = Client::connect(house.open, &hi(V3, "")).await;
    second.ping().await;
    first.bye().await;
}

#[tokio::test]
async fn dollar_topics_are_not_matched_by_wildcards_at_the_front() {
    let house = house().await;
    let mut client = Client::connect(house.open, &hi(V3, "c")).await;
    client.subscribe("#", 1).await;
    client.subscribe("+/x", 1).await;
    let mut sender = Client::connect(house.open, &hi(V3, "sender")).await;
    sender.publish("$TopicA/x", "hidden", 1).await;
    client.quiet().await;
    client.subscribe("$TopicA/+", 1).await;
    sender.publish("$TopicA/x", "asked for", 1).await;
    assert_eq!(client.take().await.payload, "asked for");
}

#[tokio::test]
async fn subscribe_failure() {
    let house = house().await;
    let mut client = Client::connect(house.open, &hi(V3, "c")).await;
    assert_eq!(client.subscribe_with(&[("test/nosubscribe", 2), ("a", 1)], &[]).await, [0x80, 1]);
    client.publish("a", "x", 1).await;
    assert_eq!(client.take().await.payload, "x");
}

#[tokio::test]
async fn unsubscribing_stops_messages() {
    let house = house().await;
    let mut client = Client::connect(house.open, &hi(V3, "c")).await;
    client.subscribe_with(&[("a", 1), ("b", 1), ("c/#", 1)], &[]).await;
    assert_eq!(client.unsubscribe(&["a", "c/#", "never"]).await, Vec::<u8>::new());
    let mut sender = Client::connect(house.open, &hi(V3, "sender")).await;
    for topic in ["a", "c/x", "b"] {
        sender.publish(topic, topic, 1).await;
    }
    assert_eq!(client.take().await.topic, "b");
    client.quiet().await;
    assert_eq!(house.door.counters().subscriptions, 1);
}

#[tokio::test]
async fn a_second_connection_of_a_client_takes_over() {
    for level in [V3, V5] {
        let house = house().await;
        let mut first = Client::connect(house.open, &hi(level, "c").keep()).await;
        first.subscribe("a", 1).await;
        let mut second = Client::connect(house.open, &hi(level, "c").keep()).await;
        assert_eq!(first.closed().await, (level == V5).then_some(0x8e));
        second.publish("a", "x", 1).await;
        assert_eq!(second.take().await.payload, "x");
        until(|| house.door.connections() == 1).await;
        let count = house.door.counters();
        assert_eq!((count.sessions, count.takeovers), (1, 1));
    }
}

#[tokio::test]
async fn broken_filters_and_topics_close_the_connection() {
    for bytes in [
        &b"\x82\x09\0\x01\0\x04a#/b\0"[..],
        b"\x82\x05\0\x01\0\0\0",
        b"\x82\x06\0\x01\0\x01a\x03",
        b"\x82\x02\0\x01",
        b"\x32\x07\0\x03a/#\0\x01",
        b"\x30\x02\0\0",
        b"\x30\x04\0\x02\xff\xfe",
        b"\x30\x03\0\x01\0",
        b"\xa2\x02\0\x01",
        b"\x20\x02\0\0",
        b"\xf0\x00",
    ] {
        let house = house().await;
        let mut client = Client::connect(house.open, &hi(V3, "c")).await;
        client.send(bytes).await;
        assert_eq!(client.hear().await, None, "{bytes:?}");
        assert!(house.log.topics().is_empty());
    }
}
