//! A thousand homes at once.

use super::*;
use crate::engine::{Engine, EngineSettings, Limits};
use crate::testing::Everybody;
use std::collections::{BTreeMap, BTreeSet};

/// An engine whose channel `voice` has these limits.
fn limited(world: &World, limits: Limits) -> Arc<Engine> {
    let settings = EngineSettings { limits: BTreeMap::from([("voice".to_owned(), limits)]), ..EngineSettings::default() };
    let engine = Arc::new(Engine::new(Arc::new(world.ledger.clone()), Arc::new(Everybody), world.channels.clone(), world.clock.clone(), settings));
    let (running, stop) = (engine.clone(), world.stop.subscribe());
    tokio::spawn(async move { running.run(stop).await });
    engine
}

#[tokio::test(start_paused = true)]
async fn a_thousand_homes_at_once_the_red_one_rings_within_a_second_and_nobody_is_rung_twice() {
    let mut world = World::new(plan(vec![rung(&["liaison"], &["voice"])])).await;
    let voice = world.scripted("voice", Mode::Takes);
    let (_engine, _running) = world.start();
    for i in 0..1_000 {
        world.raise(&format!("home-{i:04}"), Level::Urgent).await;
    }
    let raised_at = world.clock.now();
    let red = world.raise("home-red", Level::Red).await;
    seconds(1).await;
    let call = voice.seen().into_iter().find(|(_, key, _)| key.alarm == red).expect("the red one is being called");
    assert!(call.0 - raised_at <= TimeDelta::seconds(1));
    let Errand::Notify { words, .. } = &call.2 else { panic!() };
    assert!(!words.brief.contains("homes at once"), "a red alarm is single");
    seconds(60).await;
    let calls = voice.seen();
    assert!(calls.len() <= 6, "{} calls for one person instead of a thousand", calls.len());
    let keys: BTreeSet<_> = calls.iter().map(|(_, key, _)| key.clone()).collect();
    assert_eq!(keys.len(), calls.len(), "nothing was called twice");
    // One key took them all, and nobody is left without a person.
    let open = world.ledger.alarms(Which::Open, None, 500).await.unwrap();
    assert!(open.iter().all(|a| a.value.claimant() == Some(&Claimant::Contact("liaison".into()))));
    assert_eq!(world.ledger.next_effect().await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_one_person_is_told_as_one_and_says_how_many() {
    let mut world = World::new(plan(vec![rung(&["liaison"], &["voice"])])).await;
    let voice = world.scripted("voice", Mode::Takes);
    let (_engine, _running) = world.start();
    world.raise("home-0", Level::Urgent).await;
    millis(100).await;
    for i in 1..8 {
        world.raise(&format!("home-{i}"), Level::Urgent).await;
    }
    seconds(20).await;
    let told: Vec<_> = voice.seen().into_iter().map(|(_, _, e)| if let Errand::Notify { words, .. } = e { words.brief } else { String::new() }).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[1].contains("7 homes at once"), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_bundle_that_nobody_takes_goes_to_the_next_rung() {
    let mut world = World::new(plan(vec![rung(&["liaison"], &["voice"]), rung(&["doctor"], &["sms"])])).await;
    let _voice = world.scripted("voice", Mode::Delivers);
    let sms = world.scripted("sms", Mode::Takes);
    let (_engine, _running) = world.start();
    let mut ids = Vec::new();
    for i in 0..20 {
        ids.push(world.raise(&format!("home-{i}"), Level::Urgent).await);
    }
    seconds(90).await;
    assert!(!sms.seen().is_empty());
    for id in ids {
        assert_eq!(world.alarm(&id).await.claimant(), Some(&Claimant::Contact("doctor".into())));
    }
}

#[tokio::test(start_paused = true)]
async fn with_the_budget_spent_a_red_alarm_still_rings_and_the_operators_are_told() {
    let mut world = World::new(plan(vec![])).await;
    for i in 0..40 {
        let own = PlanRecord { scope: PlanScope::Home(format!("home-{i}").as_str().into()), cause: None, level: None, plan: plan(vec![rung(&[&format!("son-{i}")], &["voice"])]) };
        world.ledger.put(vec![Put::Plan(own)]).await.unwrap();
    }
    let voice = world.scripted("voice", Mode::Takes);
    let _engine = limited(&world, Limits { per_minute: None, per_hour: Some(8) });
    for i in 0..30 {
        world.raise(&format!("home-{i}"), Level::Urgent).await;
    }
    seconds(120).await;
    assert_eq!(voice.seen().len(), 6, "the budget is kept, but for the part of the red ones");
    for i in 30..40 {
        let red = world.raise(&format!("home-{i}"), Level::Red).await;
        seconds(1).await;
        assert!(voice.seen().iter().any(|(_, key, _)| key.alarm == red), "red alarm {i}");
    }
    let told = world.ledger.open_alarm(&"platform".into(), &Cause::Technical("budget_spent".into())).await.unwrap();
    assert!(told.is_some(), "operators are told");
    seconds(4_000).await;
    assert!(voice.seen().len() > 16, "the rest goes out with the next hour's budget");
}

#[tokio::test(start_paused = true)]
async fn a_providers_rate_is_kept() {
    let mut world = World::new(plan(vec![rung(&["hook"], &["webhook"])])).await;
    let hook = world.scripted("webhook", Mode::Delivers);
    let settings = EngineSettings { limits: BTreeMap::from([("webhook".to_owned(), Limits { per_minute: Some(20), per_hour: None })]), ..EngineSettings::default() };
    let engine = Arc::new(Engine::new(Arc::new(world.ledger.clone()), Arc::new(Everybody), world.channels.clone(), world.clock.clone(), settings));
    let stop = world.stop.subscribe();
    tokio::spawn(async move { engine.run(stop).await });
    for i in 0..60 {
        world.raise(&format!("home-{i}"), Level::Red).await;
    }
    seconds(300).await;
    let mut times: Vec<_> = hook.seen().into_iter().map(|(at, _, _)| at).collect();
    times.sort();
    assert!(times.len() >= 60);
    assert!(times.windows(21).all(|w| w[20] - w[0] >= TimeDelta::seconds(60)), "never more than 20 a minute");
}

#[tokio::test(start_paused = true)]
async fn the_number_of_an_authority_is_not_dialled_by_the_machine_without_its_consent() {
    for (consents, calls) in [(vec![], 0), (vec!["120".to_owned()], 1)] {
        let mut world = World::new(plan(vec![rung(&["ambulance"], &["voice"])])).await;
        let voice = world.scripted("voice", Mode::Takes);
        let settings = EngineSettings { consents: consents.into_iter().collect(), ..EngineSettings::default() };
        let engine = Arc::new(Engine::new(Arc::new(world.ledger.clone()), Arc::new(Ambulance), world.channels.clone(), world.clock.clone(), settings));
        let stop = world.stop.subscribe();
        tokio::spawn(async move { engine.run(stop).await });
        world.raise("home-1", Level::Red).await;
        seconds(5).await;
        assert_eq!(voice.seen().len(), calls);
    }
}

struct Ambulance;

#[async_trait::async_trait]
impl crate::directory::Directory for Ambulance {
    async fn contact(&self, _id: &care::ContactId) -> Result<Option<crate::directory::ContactFacts>, store::LedgerError> {
        let addresses = BTreeMap::from([("voice".to_owned(), "120".to_owned())]);
        Ok(Some(crate::directory::ContactFacts { addresses, language: "zh".to_owned() }))
    }

    async fn home(&self, _id: &care::HomeId) -> Result<crate::directory::HomeFacts, store::LedgerError> {
        Ok(crate::directory::HomeFacts::default())
    }

    fn zone(&self) -> chrono_tz::Tz {
        chrono_tz::Asia::Shanghai
    }
}
