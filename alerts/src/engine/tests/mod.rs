//! The engine under paused time, over the ledger in memory.

mod called_up;
mod check;
mod crash;
mod outage;
mod storm;

use crate::channel::Errand;
use crate::exchange::{Exchange, Manner, Phase};
use crate::testing::{Mode, World, millis, plan, rung, seconds};
use care::alarm::{AttemptOutcome, Claimant, Help, Input, State};
use care::{Cause, Level, TimeDelta};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use store::ledger::Which;
use store::register::{PlanRecord, PlanScope, Put, Register};
use store::{Clock, Ledger};

fn outcomes(alarm: &care::Alarm) -> Vec<(String, Option<AttemptOutcome>)> {
    alarm.attempts.iter().map(|a| (a.contact.to_string(), a.outcome.clone())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_red_alarm_is_called_the_moment_it_is_stored() {
    let mut world = World::new(plan(vec![rung(&["daughter"], &["voice"])])).await;
    let voice = world.scripted("voice", Mode::Takes);
    let (_engine, _running) = world.start();
    seconds(1).await;
    let raised_at = world.clock.now();
    let id = world.raise("home-1", Level::Red).await;
    millis(1).await;
    assert_eq!(voice.seen().len(), 1);
    assert!(voice.seen()[0].0 - raised_at <= TimeDelta::milliseconds(1));
    seconds(5).await;
    let alarm = world.alarm(&id).await;
    assert_eq!(alarm.claimant(), Some(&Claimant::Contact("daughter".into())));
    assert_eq!(outcomes(&alarm), [("daughter".to_owned(), Some(AttemptOutcome::Accepted))]);
    assert_eq!(world.ledger.next_effect().await.unwrap(), None, "nothing is left in the outbox");
}

#[tokio::test(start_paused = true)]
async fn two_ring_at_once_the_first_who_presses_takes_it_and_the_other_is_told() {
    let mut world = World::new(plan(vec![rung(&["daughter", "neighbour"], &["voice"])])).await;
    let exchange = Arc::new(Exchange::new(world.clock.clone(), 1));
    exchange.set_manner("tel-daughter", Manner::Waits);
    exchange.set_manner("tel-neighbour", Manner::Waits);
    world.channels.push(exchange.clone());
    let lamp = world.scripted("device", Mode::Delivers);
    let (_engine, _running) = world.start();
    let id = world.raise("home-1", Level::Red).await;
    millis(5).await;
    assert_eq!(exchange.calls().iter().map(|c| c.phase).collect::<Vec<_>>(), [Phase::Ringing, Phase::Ringing]);
    exchange.press(&"neighbour".into(), '1').unwrap();
    millis(5).await;
    let phases: Vec<_> = exchange.calls().iter().map(|c| (c.contact.to_string(), c.phase)).collect();
    assert!(phases.contains(&("daughter".to_owned(), Phase::Released)), "{phases:?}");
    assert!(phases.contains(&("neighbour".to_owned(), Phase::Confirmed)), "{phases:?}");
    seconds(5).await;
    let alarm = world.alarm(&id).await;
    assert_eq!(alarm.claimant(), Some(&Claimant::Contact("neighbour".into())));
    let ended = outcomes(&alarm);
    assert!(ended.contains(&("daughter".to_owned(), Some(AttemptOutcome::Released))), "{ended:?}");
    assert!(exchange.calls().is_empty());
    let helps: Vec<_> = lamp.seen().into_iter().map(|(_, _, errand)| errand).collect();
    assert_eq!(helps, [Errand::Lamp { device: "button".into(), help: Help::Taken }]);
}

#[tokio::test(start_paused = true)]
async fn who_presses_second_is_told_that_it_is_too_late() {
    let mut world = World::new(plan(vec![rung(&["daughter", "neighbour"], &["voice"])])).await;
    let voice = world.scripted("voice", Mode::Takes); // both press after two seconds and hear no release
    let (_engine, _running) = world.start();
    let id = world.raise("home-1", Level::Red).await;
    seconds(10).await;
    let mut ended: Vec<_> = outcomes(&world.alarm(&id).await).into_iter().map(|(_, o)| o.unwrap()).collect();
    ended.sort_by_key(|o| format!("{o:?}"));
    assert_eq!(ended, [AttemptOutcome::Accepted, AttemptOutcome::TooLate]);
    assert_eq!(voice.seen().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_operators_claim_hangs_every_phone_up() {
    let mut world = World::new(plan(vec![rung(&["daughter", "son"], &["voice"])])).await;
    let voice = world.scripted("voice", Mode::Hangs);
    let (_engine, _running) = world.start();
    let id = world.raise("home-1", Level::Red).await;
    seconds(1).await;
    world.give(&id, Input::Claim { by: World::operator() }).await;
    seconds(7).await;
    assert_eq!(voice.released(), 2);
    let ended: Vec<_> = outcomes(&world.alarm(&id).await).into_iter().map(|(_, o)| o.unwrap()).collect();
    assert_eq!(ended, [AttemptOutcome::Released, AttemptOutcome::Released]);
    assert_eq!(world.ledger.next_effect().await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn what_was_claimed_before_its_call_began_is_not_called() {
    let mut world = World::new(plan(vec![rung(&["daughter"], &["voice"])])).await;
    let voice = world.scripted("voice", Mode::Takes);
    let id = world.raise("home-1", Level::Red).await;
    world.give(&id, Input::Claim { by: World::operator() }).await;
    let (_engine, _running) = world.start();
    seconds(3).await;
    assert_eq!(voice.seen().len(), 0);
    assert_eq!(outcomes(&world.alarm(&id).await), [("daughter".to_owned(), Some(AttemptOutcome::Released))]);
}

#[tokio::test(start_paused = true)]
async fn held_calling_calls_nobody_real_says_so_and_goes_on_when_released() {
    let mut world = World::new(plan(vec![rung(&["daughter"], &["voice"])])).await;
    let voice = world.scripted("voice", Mode::Delivers);
    world.set("calling", "held").await;
    let (engine, _running) = world.start();
    let real = world.raise("home-1", Level::Red).await;
    let drill = world.raise_as("home-2", Level::Red, true).await;
    seconds(600).await;
    assert!(engine.is_held());
    let called: Vec<_> = voice.seen().into_iter().map(|(_, key, _)| key.alarm).collect();
    assert!(called.contains(&drill) && !called.contains(&real), "{called:?}");
    let told = world.ledger.open_alarm(&"platform".into(), &Cause::Technical("calling_held".into())).await.unwrap();
    assert!(told.is_some(), "operators are told");
    world.give(&drill, Input::Claim { by: World::operator() }).await;
    let released_at = world.clock.now();
    world.set("calling", "free").await;
    seconds(2).await;
    let called: Vec<_> = voice.seen().into_iter().filter(|(at, _, _)| *at >= released_at).map(|(_, key, _)| key.alarm).collect();
    let count = called.iter().filter(|id| **id == real).count();
    assert_eq!(count, 1, "once, however often it was asked for meanwhile");
}

#[tokio::test(start_paused = true)]
async fn a_drill_reaches_no_real_channel() {
    let mut world = World::new(plan(vec![rung(&["daughter"], &["voice"])])).await;
    let real = world.scripted("voice", Mode::Takes);
    real.simulated.store(false, Ordering::Relaxed);
    let (_engine, _running) = world.start();
    world.raise_as("home-1", Level::Red, true).await;
    world.raise("canary", Level::Red).await;
    seconds(300).await;
    assert_eq!(real.seen().len(), 0);
    world.raise("home-2", Level::Red).await;
    seconds(1).await;
    assert_eq!(real.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn five_thousand_open_alarms_do_not_keep_a_red_one_waiting() {
    let mut world = World::new(plan(vec![rung(&["daughter"], &["webhook"])])).await;
    let voice = world.scripted("webhook", Mode::Hangs);
    let (_engine, _running) = world.start();
    for i in 0..5_000 {
        world.raise(&format!("home-{i:04}"), Level::Urgent).await;
    }
    seconds(3).await;
    assert_eq!(voice.seen().len(), 48, "the reserve is kept");
    let id = world.raise("home-red", Level::Red).await;
    millis(150).await;
    assert!(voice.seen().iter().any(|(_, key, _)| key.alarm == id), "a red one goes ahead");
}

#[tokio::test(start_paused = true)]
async fn a_full_channel_keeps_no_other_channel_waiting() {
    let by_sms = rung(&["son"], &["sms"]);
    let mut world = World::new(plan(vec![rung(&["daughter"], &["voice"])])).await;
    let (voice, sms) = (world.scripted("voice", Mode::Hangs), world.scripted("sms", Mode::Delivers));
    let (_engine, _running) = world.start();
    for i in 0..1_000 {
        world.raise(&format!("home-{i:04}"), Level::Red).await;
    }
    seconds(1).await;
    assert!(voice.seen().len() <= 64);
    let record = PlanRecord { scope: PlanScope::Home("home-sms".into()), cause: None, level: None, plan: plan(vec![by_sms]) };
    world.ledger.put(vec![Put::Plan(record)]).await.unwrap();
    world.raise("home-sms", Level::Red).await;
    millis(300).await;
    assert_eq!(sms.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn deadlines_fire_on_time_and_go_round_for_ever() {
    let mut world = World::new(plan(vec![rung(&["daughter"], &["voice"]), rung(&["son"], &["voice"])])).await;
    let voice = world.scripted("voice", Mode::Delivers);
    let (_engine, _running) = world.start();
    let id = world.raise("home-1", Level::Red).await;
    seconds(3600).await;
    let alarm = world.alarm(&id).await;
    assert_eq!(alarm.state, State::Raised);
    assert!(alarm.round >= 6, "round {}", alarm.round);
    assert!(alarm.next_step_at.unwrap() > world.clock.now());
    assert!(voice.seen().len() >= 12);
    let second = voice.seen()[1].0 - voice.seen()[0].0;
    assert!(second >= TimeDelta::seconds(30) && second < TimeDelta::milliseconds(30_050), "{second}");
    assert_eq!(world.ledger.alarms(Which::Open, None, 10).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lamp_never_says_what_is_no_longer_true() {
    let mut world = World::new(plan(vec![])).await;
    let lamp = world.scripted("device", Mode::Refuses);
    let (_engine, _running) = world.start();
    let id = world.raise("home-1", Level::Red).await;
    world.give(&id, Input::Claim { by: World::operator() }).await;
    millis(10).await;
    world.give(&id, Input::LetGo { by: World::operator() }).await;
    millis(10).await;
    lamp.set(Mode::Delivers);
    seconds(10).await;
    let said: Vec<_> = lamp.seen().into_iter().map(|(_, _, e)| e).collect();
    assert_eq!(said.last(), Some(&Errand::Lamp { device: "button".into(), help: Help::Waiting }));
    assert_eq!(world.ledger.next_effect().await.unwrap(), None);
}
