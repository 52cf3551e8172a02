//! The engine dropped at every await: what it began is reconciled or repeated, and nothing is lost.

use super::outcomes;
use crate::testing::{Mode, World, millis, plan, rung, seconds};
use care::alarm::{AttemptOutcome, Claimant, Input, State};
use care::{Level, TimeDelta};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use store::{Clock, Ledger};

/// Polls `future` at most `polls` times, then drops it: a crash.
async fn polled(future: impl Future<Output = ()>, polls: u32) -> bool {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(true),
            Poll::Pending if left == 0 => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_await_loses_no_call() {
    for polls in 1..40 {
        let mut world = World::new(plan(vec![rung(&["daughter", "son"], &["voice"])])).await;
        let voice = world.scripted("voice", Mode::Takes);
        world.scripted("device", Mode::Delivers);
        let id = world.raise("home-1", Level::Red).await;
        let engine = world.engine();
        tokio::select! {
            _ended = polled(engine.run(world.stop.subscribe()), polls) => {}
            () = seconds(5) => {}
        }
        let (_engine, running) = world.start();
        seconds(30).await;
        let alarm = world.alarm(&id).await;
        assert!(matches!(alarm.state, State::Claimed { .. }), "{polls} polls: {:?}", alarm.state);
        assert!(alarm.attempts.iter().all(|a| !a.is_open()), "{polls} polls: {:?}", alarm.attempts);
        assert_eq!(world.ledger.next_effect().await.unwrap(), None, "{polls} polls: the outbox is empty");
        assert!(world.ledger.effects_trying().await.unwrap().is_empty(), "{polls} polls");
        assert!(voice.seen().len() <= 4, "{polls} polls: each is called twice at most, {}", voice.seen().len());
        running.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_cut_off_by_a_crash_is_repeated_unless_its_outcome_is_known() {
    for known in [None, Some(AttemptOutcome::NoAnswer), Some(AttemptOutcome::Accepted)] {
        let mut world = World::new(plan(vec![rung(&["daughter"], &["voice"])])).await;
        let voice = world.scripted("voice", Mode::Hangs);
        let id = world.raise("home-1", Level::Red).await;
        let (_engine, running) = world.start();
        seconds(1).await;
        running.abort();
        let key = voice.seen()[0].1.clone();
        voice.set(Mode::Delivers);
        if let Some(outcome) = known.clone() {
            voice.known.lock().unwrap().insert(key.clone(), outcome);
        }
        let (_engine, _running) = world.start();
        seconds(1).await;
        let alarm = world.alarm(&id).await;
        match known {
            None => assert_eq!(outcomes(&alarm), [("daughter".to_owned(), Some(AttemptOutcome::Delivered))]),
            Some(AttemptOutcome::Accepted) => {
                assert_eq!(alarm.claimant(), Some(&Claimant::Contact("daughter".into())));
                assert_eq!(voice.seen().len(), 1, "not called again");
            }
            Some(outcome) => assert_eq!(alarm.attempts[0].outcome, Some(outcome)),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn overdue_deadlines_have_fired_when_recovery_returns() {
    let mut world = World::new(plan(vec![rung(&["daughter"], &["voice"]), rung(&["son"], &["voice"])])).await;
    world.scripted("voice", Mode::Hangs);
    let mut ids = Vec::new();
    for i in 0..200 {
        ids.push(world.raise(&format!("home-{i}"), Level::Red).await);
    }
    seconds(86_400).await;
    let engine = world.engine();
    engine.recover().await;
    let now = world.clock.now();
    for id in &ids {
        let alarm = world.alarm(id).await;
        assert!(alarm.next_step_at.unwrap() > now);
        assert!(alarm.attempts.iter().any(|a| a.contact.as_str() == "son"), "the next rung is asked for");
    }
}

#[tokio::test(start_paused = true)]
async fn what_happens_while_the_engine_is_down_is_done_when_it_is_back() {
    let mut world = World::new(plan(vec![rung(&["daughter"], &["voice"])])).await;
    let voice = world.scripted("voice", Mode::Hangs);
    let id = world.raise("home-1", Level::Red).await;
    let (_engine, running) = world.start();
    seconds(1).await;
    running.abort();
    millis(10).await;
    world.give(&id, Input::Claim { by: World::operator() }).await;
    let (_engine, _running) = world.start();
    seconds(1).await;
    assert_eq!(voice.released(), 1, "the phone that may still ring is hung up");
    assert_eq!(voice.seen().len(), 1, "and not rung again");
    let alarm = world.alarm(&id).await;
    assert_eq!(alarm.attempts[0].outcome, Some(AttemptOutcome::Released));
    assert!(alarm.next_step_at.unwrap() - world.clock.now() <= TimeDelta::minutes(15));
}
