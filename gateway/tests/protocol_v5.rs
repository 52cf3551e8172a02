//! MQTT 5, by the names of the Eclipse Paho interoperability suite's checks, and by some more.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test")]


mod peer;

use peer::*;
use std::time::{Duration, Instant};

fn properties_of(connack: &Heard) -> Vec<(u8, Vec<u8>)> {
    connack_properties(connack)
}

fn property(connack: &Heard, id: u8) -> Option<Vec<u8>> {
    properties_of(connack).into_iter().find(|(found, _)| *found == id).map(|(_, value)| value)
}

#[tokio::test]
async fn basic() {
    let house = house().await;
    let mut client = Client::connect(house.open, &hi(V5, "basic")).await;
    client.subscribe("TopicA", 2).await;
    let mut sender = Client::connect(house.open, &hi(V5, "sender")).await;
    for qos in 0..3 {
        sender.publish("TopicA", &format!("qos {qos}"), qos).await;
        let message = client.take().await;
        assert_eq!((message.payload, message.qos, message.retain), (format!("qos {qos}"), qos, false));
    }
    client.send(&hi(V5, "basic").bytes()).await;
    assert_eq!(client.closed().await, Some(0x82), "a second CONNECT");
}

#[tokio::test]
async fn session_expiry() {
    let house = house().await;
    // No expiry given: the session ends with the connection.
    let mut hello = hi(V5, "c");
    hello.clean = false;
    let mut client = Client::connect(house.open, &hello).await;
    client.subscribe("a", 1).await;
    client.bye().await;
    let (client, connack) = Client::enter(house.open, &hello.clone().with(p32(0x11, 1))).await;
    assert_eq!(connack.body[0], 0);
    // Within its time it is there, after it gone.
    client.bye().await;
    let (client, connack) = Client::enter(house.open, &hello.clone().with(p32(0x11, 1))).await;
    assert_eq!(connack.body[0], 1);
    client.bye().await;
    assert_eq!(house.door.counters().sessions, 1);
    until(|| house.door.counters().sessions == 0).await;
    let (mut client, connack) = Client::enter(house.open, &hello.clone().with(p32(0x11, 3_600))).await;
    assert_eq!(connack.body[0], 0);
    // DISCONNECT may shorten it ...
    client.send(&packet(0xe0, &[0, 5, 0x11, 0, 0, 0, 0])).await;
    assert_eq!(client.hear().await, None);
    until(|| house.door.counters().sessions == 0).await;
    // ... but not give life to one that had none.
    let mut client = Client::connect(house.open, &hello).await;
    client.send(&packet(0xe0, &[0, 5, 0x11, 0, 0, 0, 9])).await;
    assert_eq!(client.closed().await, Some(0x82));
    // More than the door keeps is told.
    let (_, connack) = Client::enter(house.open, &hello.with(p32(0x11, u32::MAX))).await;
    assert_eq!(property(&connack, 0x11), Some((7 * 24 * 3_600u32).to_be_bytes().to_vec()));
}

#[tokio::test]
async fn will_delay() {
    let house = house().await;
    let mut listener = Client::connect(house.open, &hi(V5, "listener")).await;
    listener.subscribe("will", 2).await;
    let will = |delay| TestWill {
        topic: "will",
        payload: "gone",
        qos: 1,
        properties: vec![p32(0x18, delay), ppair("k", "v"), pstr(0x03, "text")],
        ..TestWill::default()
    };
    let begun = Instant::now();
    drop(Client::connect(house.open, &hi(V5, "c").keep().will(will(1))).await);
    let message = listener.take().await;
    let after = begun.elapsed().as_secs_f64();
    assert!((0.95..5.0).contains(&after), "{after}");
    assert_eq!(message.property(0x03), Some(&b"\0\x04text"[..]));
    assert_eq!(message.property(0x26), Some(&b"\0\x01k\0\x01v"[..]));
    // Back in time: no will. With a clean start the old session's will is said.
    drop(Client::connect(house.open, &hi(V5, "c").keep().will(will(1))).await);
    let client = Client::connect(house.open, &hi(V5, "c").keep().will(will(60))).await;
    assert!(tokio::time::timeout(Duration::from_millis(1_300), listener.hear()).await.is_err());
    drop(client);
    until(|| house.door.connections() == 1).await;
    let client = Client::connect(house.open, &hi(V5, "c")).await;
    assert_eq!(listener.take().await.payload, "gone");
    client.bye().await;
    // The end of the session ends the delay.
    let begun = Instant::now();
    drop(Client::connect(house.open, &hi(V5, "c").with(p32(0x11, 1)).will(will(60))).await);
    listener.take().await;
    assert!(begun.elapsed() < Duration::from_secs(20));
    // DISCONNECT with the will.
    let mut client = Client::connect(house.open, &hi(V5, "c").will(will(0))).await;
    client.send(&packet(0xe0, &[0x04])).await;
    listener.take().await;
}

#[tokio::test]
async fn flow_control_towards_the_client() {
    let house = house().await;
    let mut client = Client::connect(house.open, &hi(V5, "c").keep().with(p16(0x21, 2))).await;
    client.subscribe("a", 2).await;
    let mut sender = Client::connect(house.open, &hi(V5, "sender")).await;
    for n in 0..4 {
        sender.publish("a", &n.to_string(), if n % 2 == 0 { 2 } else { 1 }).await;
    }
    let (first, second) = (client.message().await, client.message().await);
    client.quiet().await;
    client.answer(&second).await;
    let third = client.message().await;
    // PUBREC alone makes no room.
    client.send(&packet(0x50, &first.id.to_be_bytes())).await;
    client.expect_ack("PUBREL", first.id).await;
    client.quiet().await;
    client.send(&packet(0x70, &first.id.to_be_bytes())).await;
    assert_eq!(client.message().await.payload, "3");
    // After a reconnection the window holds for what is repeated too.
    drop(client);
    let mut client = Client::connect(house.open, &hi(V5, "c").keep().with(p16(0x21, 2))).await;
    sender.publish("a", "4", 1).await;
    assert_eq!(client.message().await.id, third.id);
    let fourth = client.message().await;
    client.quiet().await;
    client.answer(&fourth).await;
    assert_eq!(client.message().await.payload, "4");
    let mut client = Client::socket(house.open, V5).await;
    client.send(&hi(V5, "zero").with(p16(0x21, 0)).bytes()).await;
    assert_eq!(client.expect("CONNACK").await.body[1], 0x82, "a Receive Maximum of 0");
}

#[tokio::test]
async fn flow_control_towards_the_door() {
    let house = house().await;
    let (mut client, connack) = Client::enter(house.open, &hi(V5, "c")).await;
    let maximum = property(&connack, 0x21).map(|v| u16::from_be_bytes([v[0], v[1]])).unwrap();
    for id in 1..=maximum {
        client.send_publish(4, "a", id, &[], b"x").await;
    }
    for id in 1..=maximum {
        client.expect_ack("PUBREC", id).await;
    }
    client.send_publish(4, "a", maximum + 1, &[], b"too many").await;
    assert_eq!(client.closed().await, Some(0x93));
    // Released ones make room.
    let mut client = Client::connect(house.open, &hi(V5, "c")).await;
    for _ in 0..20 {
        client.publish("a", "x", 2).await;
    }
}

#[tokio::test]
async fn client_topic_alias() {
    let house = house().await;
    let (mut client, connack) = Client::enter(house.open, &hi(V5, "c")).await;
    let maximum = property(&connack, 0x22).map(|v| u16::from_be_bytes([v[0], v[1]])).unwrap();
    client.subscribe("#", 1).await;
    for (topic, alias, wanted) in [("a", 1, "a"), ("", 1, "a"), ("b", 1, "b"), ("", 1, "b"), ("c", maximum, "c")] {
        client.send_publish(0, topic, 0, &[p16(0x23, alias)], b"x").await;
        assert_eq!(client.take().await.topic, wanted);
    }
    for (topic, alias, reason) in [("a", 0, 0x94), ("a", maximum + 1, 0x94), ("", 2, 0x94)] {
        let mut client = Client::connect(house.open, &hi(V5, "c")).await;
        client.send_publish(2, topic, 1, &[p16(0x23, alias)], b"x").await;
        assert_eq!(client.closed().await, Some(reason), "{topic} {alias}");
    }
    let mut client = Client::connect(house.open, &hi(V5, "c")).await;
    client.send_publish(0, "", 0, &[p16(0x23, 1)], b"x").await;
    assert_eq!(client.closed().await, Some(0x94), "aliases end with their connection");
    assert_eq!(house.log.topics(), ["a", "a", "b", "b", "c"]);
}

#[tokio::test]
async fn server_topic_alias() {
    let house = house().await;
    let mut client = Client::connect(house.open, &hi(V5, "c").with(p16(0x22, 1))).await;
    client.subscribe("#", 2).await;
    let mut sender = Client::connect(house.open, &hi(V5, "sender")).await;
    for (qos, topic) in [(0, "a"), (1, "a"), (1, "b"), (0, "a")] {
        sender.publish(topic, "x", qos).await;
    }
    let mut seen = Vec::new();
    for _ in 0..4 {
        let message = client.take().await;
        seen.push((message.topic.clone(), message.property(0x23).map(|v| v[1])));
    }
    let wanted = [("a", Some(1)), ("", Some(1)), ("b", None), ("", Some(1))];
    assert_eq!(seen, wanted.map(|(topic, alias)| (topic.to_owned(), alias)));
    let mut client = Client::connect(house.open, &hi(V5, "c").with(p16(0x22, 0))).await;
    client.subscribe("a", 0).await;
    sender.publish("a", "x", 0).await;
    assert_eq!(client.take().await.property(0x23), None, "a maximum of 0 is legal and means none");
}

#[tokio::test]
async fn maximum_packet_size() {
    let house = house().await;
    let (mut client, connack) = Client::enter(house.open, &hi(V5, "c").with(p32(0x27, 64))).await;
    let ours = property(&connack, 0x27).map(|v| u32::from_be_bytes([v[0], v[1], v[2], v[3]])).unwrap();
    assert_eq!(ours, 65_536);
    client.subscribe("#", 1).await;
    let mut sender = Client::connect(house.open, &hi(V5, "sender")).await;
    sender.publish("a", &"x".repeat(64), 1).await;
    sender.publish("a", "fits", 1).await;
    assert_eq!(client.take().await.payload, "fits");
    let fits = "x".repeat(65_536 - 1 - 3 - 2 - 1 - 2 - 1);
    sender.publish("a", &fits, 1).await;
    sender.send_publish(2, "a", 9, &[], format!("{fits}x").as_bytes()).await;
    assert_eq!(sender.closed().await, Some(0x95));
    assert_eq!(house.log.topics().len(), 3);
    let mut client = Client::socket(house.open, V5).await;
    client.send(&hi(V5, "zero").with(p32(0x27, 0)).bytes()).await;
    assert_eq!(client.expect("CONNACK").await.body[1], 0x82);
}

#[tokio::test]
async fn user_properties_payload_format_and_the_others_travel_in_order() {
    let house = house().await;
    let mut client = Client::connect(house.open, &hi(V5, "c")).await;
    client.subscribe("a", 2).await;
    let mut sender = Client::connect(house.open, &hi(V5, "sender")).await;
    let extra = [
        ppair("k", "1"),
        ppair("k", "2"),
        p8(0x01, 1),
        pstr(0x03, "my format"),
        pstr(0x08, "answer/here"),
        pstr(0x09, "\0\x01"),
        p32(0x02, 999),
    ];
    for qos in 0..3 {
        sender.publish_with("a", "x", qos, false, &extra).await;
        let message = client.take().await;
        let user: Vec<_> = message.properties.iter().filter(|(id, _)| *id == 0x26).map(|(_, v)| v[5]).collect();
        assert_eq!(user, *b"12");
        assert_eq!(message.property(0x01), Some(&[1][..]));
        assert_eq!(message.property(0x03), Some(&b"\0\x09my format"[..]));
        assert_eq!(message.property(0x08), Some(&b"\0\x0banswer/here"[..]));
        assert_eq!(message.property(0x09), Some(&b"\0\x02\0\x01"[..]));
        assert!(message.property(0x02).is_some());
    }
    sender.send_publish(2, "a", 9, &[p8(0x01, 2)], b"x").await;
    assert_eq!(sender.closed().await, Some(0x82), "no such payload format");
}

#[tokio::test]
async fn publication_expiry() {
    let house = house().await;
    let mut client = Client::connect(house.open, &hi(V5, "c").keep()).await;
    client.subscribe("a", 1).await;
    client.bye().await;
    let mut sender = Client::connect(house.open, &hi(V5, "sender")).await;
    sender.publish_with("a", "short", 1, false, &[p32(0x02, 1)]).await;
    sender.publish_with("a", "long", 1, false, &[p32(0x02, 60)]).await;
    sender.publish_with("a", "for ever", 1, false, &[]).await;
    sender.publish_with("kept", "short", 1, true, &[p32(0x02, 1)]).await;
    // The client comes back when the first has expired, which a keep-alive of one second tells.
    let mut watch = Client::connect(house.open, &hi(V5, "watch").keep_alive(1)).await;
    assert_eq!(watch.closed().await, Some(0x8d));
    let mut client = Client::connect(house.open, &hi(V5, "c").keep()).await;
    let message = client.take().await;
    assert_eq!(message.payload, "long");
    let left = message.property(0x02).map(|v| v[3]).unwrap();
    assert!((1..=59).contains(&left), "{left} s left");
    assert_eq!(client.take().await.payload, "for ever");
    client.subscribe("kept", 1).await;
    client.quiet().await;
}

#[tokio::test]
async fn subscribe_options() {
    let house = house().await;
    let mut client = Client::connect(house.open, &hi(V5, "c")).await;
    let mut sender = Client::connect(house.open, &hi(V5, "sender")).await;
    // No local.
    client.subscribe_with(&[("own", 2 | 4)], &[]).await;
    client.publish("own", "mine", 1).await;
    sender.publish("own", "theirs", 1).await;
    assert_eq!(client.take().await.payload, "theirs");
    // Retain as published.
    client.subscribe_with(&[("as/published", 1 | 8), ("as/usual", 1)], &[]).await;
    sender.retain("as/published", "x", 1).await;
    sender.retain("as/usual", "x", 1).await;
    assert!(client.take().await.retain);
    assert!(!client.take().await.retain);
    // Retain handling: 0 always, 1 only for a new one, 2 never.
    for (handling, first, second) in [(0u8, true, true), (1, true, false), (2, false, false)] {
        let mut client = Client::connect(house.open, &hi(V5, "fresh")).await;
        for wanted in [first, second] {
            client.subscribe_with(&[("as/usual", 1 | (handling << 4))], &[]).await;
            if wanted {
                assert!(client.take().await.retain);
            } else {
                client.quiet().await;
            }
        }
    }
    client.send(b"\x82\x07\0\x63\0\0\x01a\x31").await;
    assert_eq!(client.closed().await, Some(0x81), "no such retain handling");
}

#[tokio::test]
async fn subscription_identifiers() {
    let house = house().await;
    let mut client = Client::connect(house.open, &hi(V5, "c")).await;
    client.subscribe_with(&[("a/b", 2)], &[pvar(0x0b, 1)]).await;
    client.subscribe_with(&[("a/+", 1), ("a/#", 0)], &[pvar(0x0b, 2)]).await;
    client.subscribe_with(&[("+/+", 0)], &[]).await;
    client.publish("x", "nobody", 1).await;
    let mut sender = Client::connect(house.open, &hi(V5, "sender")).await;
    sender.publish("a/b", "x", 2).await;
    let message = client.take().await;
    assert_eq!((message.identifiers(), message.qos), (vec![1, 2, 2], 2), "one copy with all identifiers");
    client.quiet().await;
    // A new identifier replaces the old one, and comes with retained messages too.
    sender.retain("r", "x", 1).await;
    client.subscribe_with(&[("r", 1)], &[pvar(0x0b, 7)]).await;
    assert_eq!(client.take().await.identifiers(), [7]);
    client.subscribe_with(&[("r", 1)], &[pvar(0x0b, 8)]).await;
    assert_eq!(client.take().await.identifiers(), [8]);
    for bad in [vec![pvar(0x0b, 0)], vec![pvar(0x0b, 1), pvar(0x0b, 2)]] {
        let mut client = Client::connect(house.open, &hi(V5, "d")).await;
        client
            .send(&packet(
                0x82,
                &[&[0, 1, u8::try_from(bad.concat().len()).unwrap()][..], &bad.concat(), b"\0\x01a\0"].concat(),
            ))
            .await;
        assert_eq!(client.closed().await, Some(0x82));
    }
    sender.send_publish(0, "a", 0, &[pvar(0x0b, 1)], b"x").await;
    assert_eq!(sender.closed().await, Some(0x82), "a client does not send identifiers");
}

#[tokio::test]
async fn request_response() {
    let house = house().await;
    let (mut asker, connack) = Client::enter(house.open, &hi(V5, "asker").with(p8(0x19, 1))).await;
    let prefix = property(&connack, 0x1a).map(|v| String::from_utf8(v[2..].to_vec()).unwrap()).unwrap();
    let answer_topic = format!("{prefix}question");
    asker.subscribe(&answer_topic, 1).await;
    let mut answerer = Client::connect(house.open, &hi(V5, "answerer")).await;
    answerer.subscribe("question", 1).await;
    asker.publish_with("question", "?", 1, false, &[pstr(0x08, &answer_topic), pstr(0x09, "7")]).await;
    let question = answerer.take().await;
    let back = String::from_utf8(question.property(0x08).unwrap()[2..].to_vec()).unwrap();
    answerer.publish_with(&back, "!", 1, false, &[pstr(0x09, "7")]).await;
    let answer = asker.take().await;
    assert_eq!((answer.payload.as_str(), answer.property(0x09)), ("!", Some(&b"\0\x017"[..])));
    let (_, connack) = Client::enter(house.open, &hi(V5, "other")).await;
    assert_eq!(property(&connack, 0x1a), None, "only for those who ask");
}

#[tokio::test]
async fn server_keep_alive() {
    let house = house().await;
    for (asked, told) in [(120u16, Some(60u8)), (0, Some(60)), (60, None), (30, None)] {
        let (_, connack) = Client::enter(house.open, &hi(V5, "c").keep_alive(asked)).await;
        assert_eq!(property(&connack, 0x13), told.map(|s| vec![0, s]));
    }
    let mut client = Client::connect(house.open, &hi(V5, "c").keep_alive(1)).await;
    assert_eq!(client.closed().await, Some(0x8d));
}

#[tokio::test]
async fn assigned_client_id() {
    let house = house().await;
    let (first, connack) = Client::enter(house.open, &hi(V5, "").keep()).await;
    let id = property(&connack, 0x12).map(|v| String::from_utf8(v[2..].to_vec()).unwrap()).unwrap();
    let (_other, connack) = Client::enter(house.open, &hi(V5, "")).await;
    assert_ne!(property(&connack, 0x12).unwrap()[2..], *id.as_bytes());
    first.bye().await;
    let (_, connack) = Client::enter(house.open, &hi(V5, &id).keep()).await;
    assert_eq!((connack.body[0], property(&connack, 0x12)), (1, None));
}

#[tokio::test]
async fn shared_subscriptions() {
    let house = house().await;
    let mut members = Vec::new();
    for id in ["one", "two"] {
        let mut member = Client::connect(house.open, &hi(V5, id)).await;
        member.subscribe("$share/group/t/+", 1).await;
        members.push(member);
    }
    let mut plain = Client::connect(house.open, &hi(V5, "plain")).await;
    plain.subscribe("t/+", 1).await;
    let mut sender = Client::connect(house.open, &hi(V5, "sender")).await;
    for n in 0..10 {
        sender.publish("t/x", &n.to_string(), 1).await;
    }
    let mut seen = Vec::new();
    for member in &mut members {
        let part = member.take_all(5).await;
        seen.extend(part.into_iter().map(|(_, payload, _)| payload));
        member.quiet().await;
    }
    seen.sort();
    assert_eq!(seen, (0..10).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(plain.take_all(10).await.len(), 10);
    // Those who are gone get nothing; retained messages do not come with a share.
    assert_eq!(members[0].unsubscribe(&["$share/group/t/+", "$share/other/t/+"]).await, [0, 0x11]);
    for n in 0..4 {
        sender.publish("t/x", &n.to_string(), 1).await;
    }
    assert_eq!(members[1].take_all(4).await.len(), 4);
    members[0].quiet().await;
    sender.retain("t/kept", "x", 1).await;
    members[1].take().await;
    members[0].subscribe("$share/group/t/+", 1).await;
    members[0].quiet().await;
    let id = [0, 77, 0];
    members[0].send(&packet(0x82, &[&id[..], b"\0\x0a$share/g/a\x05"].concat())).await;
    assert_eq!(members[0].closed().await, Some(0x82), "no-local on a share");
}

#[tokio::test]
async fn reason_codes() {
    let house = house().await;
    let mut client = Client::connect(house.open, &hi(V5, "c")).await;
    let codes = client.subscribe_with(&[("a", 0), ("b/#", 1), ("test/nosubscribe", 2), ("bad#", 1)], &[]).await;
    assert_eq!(codes, [0, 1, 0x80, 0x8f]);
    assert_eq!(client.unsubscribe(&["a", "never", "b/#"]).await, [0, 0x11, 0]);
    client.send(&packet(0x62, &[0, 99])).await;
    assert_eq!(client.expect("PUBCOMP").await.body, [0, 99, 0x92]);
    client.send(&packet(0x50, &[0, 98])).await;
    assert_eq!(client.expect("PUBREL").await.body, [0, 98, 0x92]);
    client.send(&packet(0xf0, &[])).await;
    assert_eq!(client.closed().await, Some(0x82));
    let mut client = Client::socket(house.open, V5).await;
    client.send(&hi(V5, "c").with(pstr(0x15, "SCRAM")).bytes()).await;
    assert_eq!(client.expect("CONNACK").await.body[1], 0x8c, "no such authentication method");
}

#[tokio::test]
async fn a_receiver_that_refuses_a_message_of_qos_2_is_done_with_it() {
    let house = house().await;
    let mut client = Client::connect(house.open, &hi(V5, "c").keep().with(p16(0x21, 1))).await;
    client.subscribe("a", 2).await;
    let mut sender = Client::connect(house.open, &hi(V5, "sender")).await;
    sender.publish("a", "1", 2).await;
    sender.publish("a", "2", 2).await;
    let first = client.message().await;
    let [high, low] = first.id.to_be_bytes();
    client.send(&packet(0x50, &[high, low, 0x97])).await;
    assert_eq!(client.take().await.payload, "2");
}

#[tokio::test]
async fn retained_messages_and_offline_queueing_hold_in_version_5_too() {
    let house = house().await;
    let mut client = Client::connect(house.open, &hi(V5, "c").keep()).await;
    client.subscribe("a/#", 2).await;
    client.bye().await;
    let mut sender = Client::connect(house.open, &hi(V5, "sender")).await;
    sender.publish_with("a/1", "1", 1, false, &[ppair("k", "v")]).await;
    sender.publish("a/2", "2", 2).await;
    sender.retain("kept", "x", 1).await;
    let (mut client, connack) = Client::enter(house.open, &hi(V5, "c").keep()).await;
    assert_eq!(connack.body[0], 1);
    assert!(client.take().await.property(0x26).is_some());
    assert_eq!(client.take().await.payload, "2");
    client.subscribe("kept", 1).await;
    assert!(client.take().await.retain);
    client.retain("kept", "", 1).await;
    client.take().await;
    client.subscribe("kept", 1).await;
    client.quiet().await;
}

#[tokio::test]
async fn redelivery_on_reconnect_holds_in_version_5_too() {
    let house = house().await;
    let mut client = Client::connect(house.open, &hi(V5, "c").keep()).await;
    client.subscribe("#", 2).await;
    let mut sender = Client::connect(house.open, &hi(V5, "sender")).await;
    sender.publish_with("a", "1", 1, false, &[ppair("k", "v")]).await;
    sender.publish("a", "2", 2).await;
    let (first, second) = (client.message().await, client.message().await);
    assert!(!first.dup && !second.dup);
    drop(client);
    let mut client = Client::connect(house.open, &hi(V5, "c").keep()).await;
    let (again, again_too) = (client.message().await, client.message().await);
    assert_eq!((again.id, again.dup, again.property(0x26)), (first.id, true, Some(&b"\0\x01k\0\x01v"[..])));
    assert_eq!((again_too.id, again_too.dup, again_too.payload.as_str()), (second.id, true, "2"));
    client.answer(&again).await;
    client.send(&packet(0x50, &again_too.id.to_be_bytes())).await;
    client.expect_ack("PUBREL", again_too.id).await;
    drop(client);
    let mut client = Client::connect(house.open, &hi(V5, "c").keep()).await;
    client.expect_ack("PUBREL", again_too.id).await;
    client.send(&packet(0x70, &again_too.id.to_be_bytes())).await;
    client.quiet().await;
}

#[tokio::test]
async fn dollar_topics_are_not_matched_by_wildcards_at_the_front_in_version_5_either() {
    let house = house().await;
    let mut client = Client::connect(house.open, &hi(V5, "c")).await;
    for filter in ["#", "+/x", "$share/g/#"] {
        client.subscribe(filter, 1).await;
    }
    let mut sender = Client::connect(house.open, &hi(V5, "sender")).await;
    sender.publish("$TopicA/x", "hidden", 1).await;
    client.quiet().await;
    client.subscribe("$TopicA/+", 1).await;
    sender.publish("$TopicA/x", "asked for", 1).await;
    assert_eq!(client.take().await.payload, "asked for");
}

#[tokio::test]
async fn a_subscription_made_anew_takes_the_place_of_the_old_one() {
    let house = house().await;
    let mut client = Client::connect(house.open, &hi(V5, "c")).await;
    client.subscribe("a", 2).await;
    client.subscribe("a", 0).await;
    let mut sender = Client::connect(house.open, &hi(V5, "sender")).await;
    sender.publish("a", "x", 2).await;
    assert_eq!(client.take().await.qos, 0);
    client.quiet().await;
    assert_eq!(client.unsubscribe(&["a"]).await, [0]);
    sender.publish("a", "y", 2).await;
    client.quiet().await;
}
