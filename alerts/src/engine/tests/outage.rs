//! Channels that are down, hang, refuse or crash: no call is lost and no storm follows.

use super::outcomes;
use crate::testing::{Mode, World, plan, rung, seconds};
use care::alarm::{AttemptOutcome, State};
use care::{Cause, Level, TimeDelta};
use store::{Clock, Ledger};

/// Two hundred alarms while the only channel is in `mode` for ten minutes; then it works again.
async fn ten_minutes_of(mode: Mode) {
    const ALARMS: usize = 200;
    let mut world = World::new(plan(vec![rung(&["dispatch"], &["webhook"])])).await;
    let webhook = world.scripted("webhook", mode);
    let (_engine, _running) = world.start();
    let mut ids = Vec::new();
    for i in 0..ALARMS {
        ids.push(world.raise(&format!("home-{i:03}"), Level::Red).await);
        if i % 20 == 0 {
            seconds(30).await;
        }
    }
    seconds(300).await;
    let tried = webhook.seen().len();
    assert!(tried < ALARMS * 2, "{mode:?}: {tried} requests to a dead channel in ten minutes");
    let down = Cause::Technical("channel_down".into());
    assert!(world.ledger.open_alarm(&"platform".into(), &down).await.unwrap().is_some(), "{mode:?}: operators are told");
    let back_at = world.clock.now();
    webhook.set(Mode::Delivers);
    seconds(60).await;
    let mut lost = 0;
    for id in &ids {
        let alarm = world.alarm(id).await;
        assert_eq!(alarm.state, State::Raised, "a receipt is not an acknowledgement");
        lost += usize::from(!alarm.attempts.iter().any(|a| a.outcome == Some(AttemptOutcome::Delivered)));
    }
    assert_eq!(lost, 0, "{mode:?}: alarms without their call a minute after the channel is back");
    let after = webhook.seen_since(back_at);
    assert!(after <= ALARMS * 3, "{mode:?}: {after} requests within a minute afterwards");
}

#[tokio::test(start_paused = true)]
async fn ten_minutes_of_refusals_lose_no_call_and_make_no_storm() {
    ten_minutes_of(Mode::Refuses).await;
}

#[tokio::test(start_paused = true)]
async fn ten_minutes_of_hanging_lose_no_call_and_make_no_storm() {
    ten_minutes_of(Mode::Hangs).await;
}

#[tokio::test(start_paused = true)]
async fn ten_minutes_down_lose_no_call_and_make_no_storm() {
    ten_minutes_of(Mode::Down).await;
}

#[tokio::test(start_paused = true)]
async fn a_driver_that_crashes_takes_nothing_else_down() {
    ten_minutes_of(Mode::Crashes).await;
}

#[tokio::test(start_paused = true)]
async fn a_contact_whose_channel_is_down_is_tried_by_the_next_one_at_once() {
    let mut world = World::new(plan(vec![rung(&["daughter"], &["voice", "sms"])])).await;
    let (voice, sms) = (world.scripted("voice", Mode::Down), world.scripted("sms", Mode::Delivers));
    let (_engine, _running) = world.start();
    let id = world.raise("home-1", Level::Red).await;
    seconds(1).await;
    assert_eq!((voice.seen().len(), sms.seen().len()), (1, 1));
    let wanted = [("daughter".to_owned(), Some(AttemptOutcome::ChannelDown)), ("daughter".to_owned(), Some(AttemptOutcome::Delivered))];
    assert_eq!(outcomes(&world.alarm(&id).await), wanted);
}

#[tokio::test(start_paused = true)]
async fn one_call_that_failed_in_passing_does_not_wait_for_the_end_of_the_pause() {
    let mut patient = plan(vec![rung(&["dispatch"], &["webhook"])]);
    (patient.round_pause, patient.round_pause_max) = (TimeDelta::minutes(10), TimeDelta::minutes(10));
    let mut world = World::new(patient).await;
    let webhook = world.scripted("webhook", Mode::Delivers);
    let (_engine, _running) = world.start();
    world.raise("home-0", Level::Red).await;
    seconds(1).await;
    // One request fails; the channel is far from counting as down.
    webhook.set(Mode::Down);
    let id = world.raise("home-1", Level::Red).await;
    while webhook.seen().len() < 2 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    webhook.set(Mode::Delivers);
    seconds(5).await;
    let wanted = [("dispatch".to_owned(), Some(AttemptOutcome::ChannelDown)), ("dispatch".to_owned(), Some(AttemptOutcome::Delivered))];
    assert_eq!(outcomes(&world.alarm(&id).await), wanted);
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_is_not_configured_is_a_channel_that_is_down() {
    let mut world = World::new(plan(vec![rung(&["daughter"], &["pigeon", "sms"])])).await;
    let sms = world.scripted("sms", Mode::Delivers);
    let (_engine, _running) = world.start();
    world.raise("home-1", Level::Red).await;
    seconds(1).await;
    assert_eq!(sms.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn five_seconds_of_refusals_are_bridged_by_trying_again() {
    let mut world = World::new(plan(vec![rung(&["dispatch"], &["webhook"])])).await;
    let webhook = world.scripted("webhook", Mode::Refuses);
    let (_engine, _running) = world.start();
    let id = world.raise("home-1", Level::Red).await;
    seconds(5).await;
    webhook.set(Mode::Delivers);
    seconds(60).await;
    let alarm = world.alarm(&id).await;
    assert!(alarm.attempts.iter().any(|a| a.outcome == Some(AttemptOutcome::Delivered)), "{:?}", alarm.attempts);
}
