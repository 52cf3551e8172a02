//! Brokers that devices speak to already, read by many nodes at once: a press that the broker has taken is one alarm, whoever of us
//! reads it, and also if the one that would have read it has died.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use acceptance::harness::Client;
use acceptance::harness::cluster::Town;
use acceptance::harness::run;
use acceptance::harness::servers::{Broker, until_async};

fn bridge(broker: &Broker, node: usize, more: &str) -> String {
    format!("[[mqtt.bridge]]\nbroker = \"{}\"\nclient_id = \"hearthline-{node}\"\n{more}", broker.address)
}

/// Presses in these homes by way of the broker, and waits until each is one alarm of one press and was called.
async fn presses(town: &Town, broker: &Broker, of: &str, count: usize) {
    let mut button = Client::connect(&broker.address, &format!("buttons-{of}"), "", "").await.unwrap();
    let homes: Vec<String> = (0..count).map(|n| format!("{of}-{n:03}")).collect();
    for home in &homes {
        button.press(home, "first").await.unwrap();
    }
    town.all_told(&homes, of).await;
    let rows = town.sql(&format!("SELECT count(*), sum((body::json->>'presses')::INT) FROM alarm WHERE home LIKE '{of}-%'"));
    assert_eq!(rows, format!("{count}|{count}"), "{of}: each press is one alarm");
}

/// Waits until so many of our nodes are connected there, and a press comes through.
async fn read_by(town: &Town, broker: &Broker, readers: usize) {
    until_async("the nodes read the broker", async || town.nodes.iter().filter(|node| node.has_said("connected to the broker")).count() >= readers)
        .await;
    // Connected is not yet subscribed: what comes before that is nobody's.
    let mut n = 0;
    until_async("a press comes through the broker", async || {
        n += 1;
        let mut button = Client::connect(&broker.address, "warm", "", "").await.unwrap();
        button.press(&format!("warm-{n}"), "first").await.unwrap();
        !town.receiver.homes_told().is_empty()
    })
    .await;
}

#[test]
fn nodes_share_a_subscription_and_what_a_dead_one_was_given_is_not_lost() {
    run(async {
        let broker = Broker::mosquitto();
        let mut town = Town::start_with(2, 4, |node| bridge(&broker, node, "share = \"hearthline\"\n")).await;
        town.owned().await;
        read_by(&town, &broker, 2).await;
        presses(&town, &broker, "both", 40).await;
        town.nodes[0].kill();
        let mut button = Client::connect(&broker.address, "buttons-late", "", "").await.unwrap();
        let homes: Vec<String> = (0..20).map(|n| format!("late-{n:03}")).collect();
        for home in &homes {
            button.press(home, "first").await.unwrap();
        }
        // What the broker holds for the dead reader comes when it is back.
        town.nodes[0].start().await;
        town.all_told(&homes, "late").await;
        assert_eq!(town.sql("SELECT count(*), sum((body::json->>'presses')::INT) FROM alarm WHERE home LIKE 'late-%'"), "20|20");
    });
}

#[test]
fn nodes_that_each_read_everything_count_a_press_once_and_let_nothing_wait_for_a_dead_one() {
    run(async {
        let broker = Broker::mosquitto();
        let mut town = Town::start_with(2, 4, |node| bridge(&broker, node, "")).await;
        town.owned().await;
        read_by(&town, &broker, 2).await;
        presses(&town, &broker, "twice", 20).await;
        town.nodes[0].kill();
        presses(&town, &broker, "alone", 20).await;
    });
}

#[test]
fn the_mqtt_door_of_nats_is_read_like_any_broker() {
    run(async {
        let broker = Broker::nats();
        // MQTT 3.1.1 alone, and nothing is shared: one node reads it.
        let town = Town::start_with(1, 4, |node| bridge(&broker, node, "")).await;
        town.owned().await;
        read_by(&town, &broker, 1).await;
        presses(&town, &broker, "nats", 20).await;
    });
}
