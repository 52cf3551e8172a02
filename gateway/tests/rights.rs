//! Who may say and hear what, over real sockets; the words back to devices; and what revoking does.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test")]


mod peer;

use gateway::{Retain, Rights};
use peer::*;

#[tokio::test]
async fn wrong_credentials_are_refused_in_each_versions_words() {
    let house = house().await;
    let mut wrong = hi(V3, "c").login("device");
    wrong.password = Some("guess");
    let (mut client, connack) = Client::enter(house.keyed, &wrong).await;
    assert_eq!(connack.body, [0, 4]);
    assert_eq!(client.hear().await, None);
    wrong.level = V5;
    let (mut client, connack) = Client::enter(house.keyed, &wrong).await;
    assert_eq!(connack.body[1], 0x86);
    assert_eq!(client.hear().await, None);
    let (_, connack) = Client::enter(house.keyed, &hi(V3, "c")).await;
    assert_eq!(connack.body, [0, 4]);
    assert_eq!(house.door.counters().logins_refused, 3);
}

#[tokio::test]
async fn a_publish_outside_the_rights_is_never_stored() {
    let house = house().await;
    let topic = "care/v1/h2/button/call";
    let mut client = Client::connect(house.keyed, &hi(V5, "c").login("device")).await;
    client.send_publish(2, topic, 1, &[], b"{}").await;
    assert_eq!(client.expect("PUBACK").await.body, [0, 1, 0x87]);
    client.send_publish(4, topic, 2, &[], b"{}").await;
    assert_eq!(client.expect("PUBREC").await.body, [0, 2, 0x87]);
    client.send_publish(0, topic, 0, &[], b"{}").await;
    client.publish("care/v1/h1/button/call", "{}", 1).await;
    let mut client = Client::connect(house.keyed, &hi(V3, "d").login("device")).await;
    client.send_publish(2, topic, 1, &[], b"{}").await;
    assert_eq!(client.hear().await, None);
    assert_eq!(house.log.topics(), ["care/v1/h1/button/call"]);
    assert_eq!(house.door.counters().denied, 4);
}

#[tokio::test]
async fn a_will_outside_the_rights_is_refused_at_the_door() {
    let house = house().await;
    let will = TestWill { topic: "care/v1/h2/button/call", payload: "{}", ..TestWill::default() };
    for (level, code) in [(V3, 5), (V5, 0x87)] {
        let (_, connack) = Client::enter(house.keyed, &hi(level, "c").login("device").will(will.clone())).await;
        assert_eq!(connack.body[1], code);
    }
    let own = TestWill { topic: "care/v1/h1/button/status", payload: "offline", ..TestWill::default() };
    drop(Client::connect(house.keyed, &hi(V3, "c").login("device").will(own)).await);
    house.log.until_stored(1).await;
    assert_eq!(house.log.topics(), ["care/v1/h1/button/status"]);
}

#[tokio::test]
async fn nobody_listens_to_another_home() {
    let house = house().await;
    let mut client = Client::connect(house.keyed, &hi(V5, "c").login("device")).await;
    let filters = [("#", 1), ("care/v1/h2/button/cmd", 1), ("care/v1/h1/button/cmd", 1), ("$share/g/#", 1)];
    assert_eq!(client.subscribe_with(&filters, &[]).await, [0x87, 0x87, 1, 0x87]);
    let mut client = Client::connect(house.keyed, &hi(V3, "d").login("bridge")).await;
    assert_eq!(client.subscribe_with(&[("care/v1/+/+/cmd", 1), ("care/v1/h2/+/cmd", 1)], &[]).await, [0x80, 1]);
    assert_eq!(house.door.counters().subscriptions_denied, 4);
}

#[tokio::test]
async fn foreign_languages_of_two_homes_are_kept_apart() {
    let house = house().await;
    let mut one = Client::connect(house.keyed, &hi(V5, "c").login("hub")).await;
    let mut two = Client::connect(house.keyed, &hi(V5, "c").login("hub2")).await;
    one.subscribe("#", 1).await;
    two.subscribe("zigbee2mqtt/#", 1).await;
    one.retain("zigbee2mqtt/button", "{}", 1).await;
    assert_eq!(one.take().await.topic, "zigbee2mqtt/button");
    two.quiet().await;
    two.subscribe("#", 1).await;
    two.quiet().await;
    let record = &house.log.stored()[0];
    assert_eq!((record.home.as_str(), record.topic.as_str()), ("h1", "zigbee2mqtt/button"));
}

#[tokio::test]
async fn the_same_client_id_with_another_credential_takes_nothing_over() {
    let house = house().await;
    let mut one = Client::connect(house.keyed, &hi(V3, "same").login("hub")).await;
    let mut two = Client::connect(house.keyed, &hi(V3, "same").login("hub2")).await;
    one.ping().await;
    two.ping().await;
}

#[tokio::test]
async fn a_stored_native_message_is_answered_on_the_devices_command_topic() {
    let house = house().await;
    let mut button = Client::connect(house.keyed, &hi(V3, "c").login("device")).await;
    button.subscribe("care/v1/h1/button/cmd", 1).await;
    house.log.block();
    button.send_publish(2, "care/v1/h1/button/call", 1, &[], br#"{"id":"press-1"}"#).await;
    button.send_publish(2, "care/v1/h1/button/call", 2, &[], br#"{"boot":3,"seq":4}"#).await;
    button.send_publish(2, "care/v1/h1/button/call", 3, &[], b"no name").await;
    button.ping().await;
    button.quiet().await;
    house.log.release();
    let mut acks = 0;
    let mut words = Vec::new();
    while acks < 3 || words.len() < 2 {
        let heard = button.hear().await.unwrap();
        if kind(heard.first) == "PUBACK" {
            acks += 1;
        } else {
            let message = button.open(&heard);
            assert_eq!((message.topic.as_str(), message.qos), ("care/v1/h1/button/cmd", 1));
            button.answer(&message).await;
            words.push(message.payload);
        }
    }
    assert_eq!(words, [r#"{"ack":"press-1"}"#, r#"{"ack":{"boot":3,"seq":4}}"#]);
    button.quiet().await;
}

#[tokio::test]
async fn words_to_devices_reach_who_listens_and_are_counted() {
    let house = house().await;
    let topic = "care/v1/h1/button/cmd";
    assert_eq!(house.door.publish(topic, b"{}", Retain::No), 0);
    let mut button = Client::connect(house.keyed, &hi(V3, "c").login("device")).await;
    button.subscribe(topic, 1).await;
    let mut bridge = Client::connect(house.keyed, &hi(V5, "c").login("all")).await;
    bridge.subscribe("care/v1/+/+/cmd", 1).await;
    assert_eq!(house.door.publish(topic, br#"{"help":"taken"}"#, Retain::Yes), 2);
    assert_eq!(button.take().await.payload, r#"{"help":"taken"}"#);
    assert_eq!(bridge.take().await.payload, r#"{"help":"taken"}"#);
    assert!(house.log.topics().is_empty(), "what we say is not what was heard");
    button.subscribe(topic, 1).await;
    assert!(button.take().await.retain);
}

#[tokio::test]
async fn a_revoked_credential_is_closed_at_once_and_leaves_nothing() {
    let house = house().await;
    let will = TestWill { topic: "care/v1/h1/button/status", payload: "offline", ..TestWill::default() };
    let mut client = Client::connect(house.keyed, &hi(V5, "c").login("device").keep().will(will)).await;
    let away = Client::connect(house.keyed, &hi(V5, "away").login("device").keep()).await;
    let mut other = Client::connect(house.keyed, &hi(V5, "c").login("hub")).await;
    away.bye().await;
    until(|| house.door.connections() == 2).await;
    assert!(house.door.credentials().contains("device"));
    assert_eq!(house.door.kick("device"), 1);
    assert_eq!(client.closed().await, Some(0x98));
    until(|| house.door.counters().sessions == 1).await;
    other.ping().await;
    assert!(house.log.topics().is_empty());
}

#[tokio::test]
async fn the_open_listener_alone_opens_everything() {
    struct Generous;
    #[async_trait::async_trait]
    impl gateway::Keys for Generous {
        async fn admit(&self, _: gateway::Hello) -> Result<gateway::Grant, gateway::Refused> {
            Ok(gateway::Grant { name: "x".into(), rights: Rights::Open })
        }
    }
    let door = door_with(std::sync::Arc::new(Generous)).await;
    let (_, connack) = Client::enter(door.local_addrs()[0], &hi(V3, "c")).await;
    assert_eq!(connack.body, [0, 5]);
}

#[tokio::test]
async fn shutting_down_tells_clients_and_says_no_wills() {
    let house = house().await;
    let will = TestWill { topic: "a", payload: "gone", ..TestWill::default() };
    let mut five = Client::connect(house.open, &hi(V5, "five").will(will.clone())).await;
    let mut three = Client::connect(house.open, &hi(V3, "three").will(will)).await;
    house.log.block();
    three.send_publish(2, "b", 1, &[], b"x").await;
    three.ping().await;
    let door = house.door.clone();
    let shut = tokio::spawn(door.shutdown());
    assert_eq!(five.closed().await, Some(0x8b));
    assert_eq!(three.closed().await, None);
    house.log.release();
    shut.await.unwrap();
    assert_eq!(house.log.topics(), ["b"], "what was handed in is awaited");
    assert!(tokio::net::TcpStream::connect(house.open).await.is_err());
}
