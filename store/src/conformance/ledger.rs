//! The checks of the ledger and of the ownership of shards.

use super::{Ledgers, at};
use crate::ledger::{Decided, Ledger, LedgerError, Quarantined, Stored, Tx, Which, Write, each_open};
use crate::log::{Offset, Shard};
use crate::ownership::Fence;
use crate::register::{Area, Put};
use care::alarm::{Attempt, AttemptOutcome, Claimant, Effect, EffectKind, Help, State};
use care::cause::Raise;
use care::plan::Plan;
use care::{Alarm, AlarmId, Cause, EventId, HomeId, Lane, Level, Reason, Timestamp};
use std::collections::BTreeMap;
use std::future::Future;

pub(super) fn alarm(home: &str, cause: &Cause, raised_at: Timestamp) -> Alarm {
    let id = AlarmId::derive(raised_at, &format!("{home} {cause}"));
    let reason = Reason::new("device_signal").text("device", "button").number("n", 0.1).time("at", raised_at).cause("cause", cause);
    let raise = Raise { cause: cause.clone(), level: cause.level(), reason, key: "k".into(), device: Some("button".into()) };
    Alarm::raise(id, home.into(), vec!["elder-1".into()], raise, false, &Plan::default(), raised_at).0
}

fn closed(mut alarm: Alarm) -> Alarm {
    alarm.state = State::Closed { by: Claimant::Person("op".into()), at: alarm.raised_at, outcome: "test".into() };
    alarm.next_step_at = None;
    alarm
}

pub(super) fn put(alarm: &Alarm, expected: u64) -> Write {
    Write::PutAlarm { alarm: Box::new(alarm.clone()), expected }
}

fn effect(alarm: &Alarm, no: u32, due_at: Timestamp) -> Write {
    let effect = Effect { no, kind: EffectKind::Lamp { device: "button".into(), help: Help::Taken } };
    Write::Effect { alarm: alarm.id.clone(), home: alarm.home.clone(), level: alarm.level, test: false, effect, due_at }
}

async fn commit(ledger: &dyn Ledger, writes: Vec<Write>) -> Result<(), LedgerError> {
    ledger.commit(Tx { fence: None, writes }).await
}

fn setting(key: &str, value: &str) -> Write {
    Write::Setting { key: key.into(), value: value.into() }
}

/// Runs every check. `open` opens the ledger on one and the same storage again and again.
pub async fn ledger<F, Fut>(open: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Ledgers>,
{
    let all = open().await;
    let ledger = &*all.ledger;
    an_empty_ledger_has_nothing_to_do(ledger).await;
    alarms_are_written_from_the_version_that_was_read(ledger).await;
    a_home_has_one_open_alarm_of_a_cause(ledger).await;
    a_transaction_is_all_or_nothing(ledger).await;
    pages_of_alarms_go_from_new_to_old(ledger).await;
    every_open_alarm_is_read_over_several_pages(ledger).await;
    red_alarms_are_due_first(ledger).await;
    an_effect_waits_is_tried_and_leaves(ledger).await;
    an_event_is_counted_once(ledger).await;
    decided_places_never_go_back(ledger).await;
    snapshots_are_kept_by_home(ledger).await;
    notes_and_attempts_are_kept(ledger).await;
    an_old_keeper_of_the_office_writes_nothing_into_the_register(&all).await;
    an_old_owner_cannot_write(&all).await;
    watchers_are_woken_by_alarms_and_effects_alone(ledger).await;
    many_at_once_lose_nothing(&all).await;
    let before = digest(ledger).await;
    drop(all);
    let all = open().await;
    assert_eq!(digest(&*all.ledger).await, before, "opened again the ledger must be as it was");
    let fence = all.ownership.take(Shard(1)).await.unwrap();
    assert!(fence.epoch > 2, "epochs go on after opening again");
}

async fn digest(ledger: &dyn Ledger) -> String {
    let alarms = ledger.alarms(Which::All, None, 500).await.unwrap();
    let mut out = format!("{alarms:?}");
    for alarm in &alarms {
        out += &format!("{:?}", ledger.notes(&alarm.value.id).await.unwrap());
    }
    out += &format!("{:?}", ledger.effects_due(at(1_000_000), 1_000).await.unwrap());
    out += &format!("{:?}", ledger.effects_trying().await.unwrap());
    out += &format!("{:?}", ledger.snapshots(Shard(3)).await.unwrap());
    out += &format!("{:?}", ledger.decided(Shard(3)).await.unwrap());
    out
}

async fn an_empty_ledger_has_nothing_to_do(ledger: &dyn Ledger) {
    assert_eq!(ledger.next_deadline().await.unwrap(), None);
    assert_eq!(ledger.next_effect().await.unwrap(), None);
    assert!(ledger.due(at(0), 10).await.unwrap().is_empty());
    assert!(ledger.effects_trying().await.unwrap().is_empty());
    assert!(ledger.alarms(Which::All, None, 500).await.unwrap().is_empty());
    assert_eq!(ledger.alarm(&"none".into()).await.unwrap(), None);
    assert_eq!(ledger.setting("none").await.unwrap(), None);
    assert_eq!(ledger.decided(Shard(3)).await.unwrap(), Decided::default());
    assert_eq!(ledger.snapshots(Shard(3)).await.unwrap(), (Decided::default(), Vec::new()));
    assert_eq!(ledger.plan(&"home-x".into(), &Cause::Call, Level::Red).await.unwrap(), Plan::default());
    commit(ledger, vec![setting("a", "1"), setting("a", "2")]).await.unwrap();
    assert_eq!(ledger.setting("a").await.unwrap().as_deref(), Some("2"));
}

async fn alarms_are_written_from_the_version_that_was_read(ledger: &dyn Ledger) {
    let mut alarm = alarm("home-v", &Cause::Call, at(1));
    commit(ledger, vec![put(&alarm, 0)]).await.unwrap();
    assert_eq!(ledger.alarm(&alarm.id).await.unwrap(), Some(Stored { value: alarm.clone(), version: 1 }));
    assert!(matches!(commit(ledger, vec![put(&alarm, 0)]).await, Err(LedgerError::Conflict)), "it exists");
    alarm.presses = 2;
    alarm.cancelled_at = Some(at(2));
    alarm.state = State::Claimed { by: Claimant::Contact("daughter".into()), since: at(2) };
    commit(ledger, vec![put(&alarm, 1)]).await.unwrap();
    assert!(matches!(commit(ledger, vec![put(&alarm, 1)]).await, Err(LedgerError::Conflict)), "somebody else wrote first");
    assert!(matches!(commit(ledger, vec![put(&alarm, 9)]).await, Err(LedgerError::Conflict)), "a version that never was");
    assert_eq!(ledger.alarm(&alarm.id).await.unwrap(), Some(Stored { value: alarm.clone(), version: 2 }));
    commit(ledger, vec![put(&closed(alarm), 2)]).await.unwrap();
}

async fn a_home_has_one_open_alarm_of_a_cause(ledger: &dyn Ledger) {
    let home = HomeId::from("home-one");
    let (first, second) = (alarm("home-one", &Cause::Fall, at(10)), alarm("home-one", &Cause::Fall, at(11)));
    commit(ledger, vec![put(&first, 0)]).await.unwrap();
    assert!(matches!(commit(ledger, vec![put(&second, 0)]).await, Err(LedgerError::Conflict)));
    assert_eq!(ledger.open_alarm(&home, &Cause::Fall).await.unwrap().unwrap().value.id, first.id);
    assert_eq!(ledger.open_alarm(&home, &Cause::Call).await.unwrap(), None);
    // Another cause, with a name of its own, is another alarm.
    let other = alarm("home-one", &Cause::Anomaly("bed_left".into()), at(12));
    commit(ledger, vec![put(&other, 0)]).await.unwrap();
    // After closing, in one transaction even, there may be a new one.
    commit(ledger, vec![put(&closed(first.clone()), 1), put(&second, 0)]).await.unwrap();
    assert_eq!(ledger.open_alarm(&home, &Cause::Fall).await.unwrap().unwrap().value.id, second.id);
    assert!(matches!(commit(ledger, vec![put(&first, 2)]).await, Err(LedgerError::Conflict)), "nor may an old one open beside it");
    commit(ledger, vec![put(&closed(second), 1), put(&closed(other), 1)]).await.unwrap();
    assert_eq!(ledger.open_alarm(&home, &Cause::Fall).await.unwrap(), None);
}

async fn a_transaction_is_all_or_nothing(ledger: &dyn Ledger) {
    let alarm = alarm("home-atom", &Cause::Smoke, at(20));
    commit(ledger, vec![put(&alarm, 0), effect(&alarm, 1, at(20))]).await.unwrap();
    let mut changed = alarm.clone();
    changed.presses = 9;
    let writes = vec![
        put(&changed, 1),
        effect(&alarm, 2, at(20)),
        Write::EffectDone { alarm: alarm.id.clone(), no: 1, at: at(21) },
        Write::Seen { event: "e-atom".into(), at: at(20), alarm: None },
        Write::Decided { shard: Shard(9), lane: Lane::Red, offset: Offset(5) },
        Write::Snapshot { shard: Shard(9), as_of: Some((Offset(1), Offset(1))), homes: vec![("home-atom".into(), vec![1])] },
        Write::Quarantine(Quarantined { home: "h".into(), topic: "t".into(), payload: vec![], reason: "r".into(), heard_at: at(20) }),
        Write::UnknownDevice { home: "home-atom".into(), device: "d".into(), at: at(20) },
        Write::Note { alarm: alarm.id.clone(), at: at(20), by: "op".into(), kind: "note".into(), text: "x".into() },
        Write::Audit { at: at(20), who: "op".into(), action: "a".into(), subject: "s".into() },
        setting("atom", "1"),
        // And the last one fails.
        effect(&alarm, 2, at(20)),
    ];
    assert!(matches!(commit(ledger, writes).await, Err(LedgerError::Conflict)));
    assert_eq!(ledger.alarm(&alarm.id).await.unwrap(), Some(Stored { value: alarm.clone(), version: 1 }));
    let due = ledger.effects_due(at(20), 10).await.unwrap();
    assert_eq!(due.iter().map(|w| w.effect.no).collect::<Vec<_>>(), [1]);
    assert!(ledger.seen(&["e-atom".into()]).await.unwrap().is_empty());
    assert_eq!(ledger.decided(Shard(9)).await.unwrap(), Decided::default());
    assert_eq!(ledger.snapshots(Shard(9)).await.unwrap(), (Decided::default(), Vec::new()));
    assert!(ledger.notes(&alarm.id).await.unwrap().is_empty());
    assert_eq!(ledger.setting("atom").await.unwrap(), None);
    commit(ledger, vec![put(&closed(alarm.clone()), 1), Write::EffectDone { alarm: alarm.id, no: 1, at: at(21) }]).await.unwrap();
}

async fn pages_of_alarms_go_from_new_to_old(ledger: &dyn Ledger) {
    for n in 0..7 {
        let alarm = alarm(&format!("home-page-{n}"), &Cause::WaterLeak, at(30 + n));
        commit(ledger, vec![put(&if n % 2 == 0 { closed(alarm.clone()) } else { alarm }, 0)]).await.unwrap();
    }
    for which in [Which::All, Which::Open, Which::Closed] {
        let whole = ledger.alarms(which, None, 500).await.unwrap();
        assert!(whole.is_sorted_by(|a, b| a.value.id > b.value.id), "newest first");
        assert!(whole.iter().all(|a| which == Which::All || a.value.is_open() == (which == Which::Open)), "{which:?}");
        let (mut joined, mut after): (Vec<Stored<Alarm>>, Option<AlarmId>) = (Vec::new(), None);
        loop {
            let page = ledger.alarms(which, after.as_ref(), 2).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.value.id.clone());
            joined.extend(page);
        }
        assert_eq!(joined, whole, "{which:?}");
    }
    for open in ledger.alarms(Which::Open, None, 500).await.unwrap() {
        commit(ledger, vec![put(&closed(open.value), open.version)]).await.unwrap();
    }
}

async fn every_open_alarm_is_read_over_several_pages(ledger: &dyn Ledger) {
    let raised: Vec<Alarm> = (0..501).map(|n| alarm(&format!("home-each-{n}"), &Cause::WaterLeak, at(40))).collect();
    commit(ledger, raised.iter().map(|alarm| put(alarm, 0)).collect()).await.unwrap();
    let mut read: Vec<Stored<Alarm>> = Vec::new();
    each_open(ledger, usize::MAX, |stored| read.push(stored)).await.unwrap();
    assert!(raised.iter().all(|alarm| read.iter().filter(|stored| stored.value.id == alarm.id).count() == 1), "each once");
    let versions: BTreeMap<AlarmId, u64> = ledger.open_versions().await.unwrap().into_iter().collect();
    assert_eq!(versions, read.iter().map(|stored| (stored.value.id.clone(), stored.version)).collect(), "the version of each");
    let mut some = 0;
    each_open(ledger, 1, |_| some += 1).await.unwrap();
    assert_eq!(some, 500, "no page more than was asked for");
    let ends = read.into_iter().filter(|stored| raised.contains(&stored.value)).map(|stored| put(&closed(stored.value), stored.version));
    commit(ledger, ends.collect()).await.unwrap();
}

async fn red_alarms_are_due_first(ledger: &dyn Ledger) {
    let deadlines = [(Cause::WaterLeak, 100), (Cause::Call, 103), (Cause::Inactivity, 101), (Cause::Fall, 102), (Cause::Gas, 110)];
    let mut ids = Vec::new();
    for (cause, due) in &deadlines {
        let mut alarm = alarm("home-due", cause, at(50));
        alarm.next_step_at = Some(at(*due));
        commit(ledger, vec![put(&alarm, 0)]).await.unwrap();
        ids.push(alarm.id);
    }
    let ids = |which: &[usize]| which.iter().map(|i| ids[*i].clone()).collect::<Vec<_>>();
    assert_eq!(ledger.next_deadline().await.unwrap(), Some(at(100)));
    assert!(ledger.due(at(99), 10).await.unwrap().is_empty());
    assert_eq!(ledger.due(at(100), 10).await.unwrap(), ids(&[0]), "a deadline is due at its instant");
    assert_eq!(ledger.due(at(105), 10).await.unwrap(), ids(&[3, 1, 0, 2]));
    assert_eq!(ledger.due(at(105), 3).await.unwrap(), ids(&[3, 1, 0]));
    let mut later = ledger.alarm(&ids(&[0])[0]).await.unwrap().unwrap();
    later.value.next_step_at = Some(at(200));
    commit(ledger, vec![put(&later.value, 1)]).await.unwrap();
    assert_eq!(ledger.next_deadline().await.unwrap(), Some(at(101)));
    for open in ledger.alarms(Which::Open, None, 500).await.unwrap() {
        commit(ledger, vec![put(&closed(open.value), open.version)]).await.unwrap();
    }
    assert_eq!(ledger.next_deadline().await.unwrap(), None, "a closed alarm has no deadline");
}

async fn an_effect_waits_is_tried_and_leaves(ledger: &dyn Ledger) {
    let (red, other) = (alarm("home-effect", &Cause::Call, at(60)), alarm("home-effect", &Cause::WaterLeak, at(60)));
    commit(ledger, vec![put(&red, 0), put(&other, 0), effect(&other, 1, at(61)), effect(&red, 2, at(63)), effect(&red, 1, at(62))]).await.unwrap();
    assert_eq!(ledger.next_effect().await.unwrap(), Some(at(61)));
    let order = |due: Vec<crate::ledger::Waiting>| due.into_iter().map(|w| (w.level, w.effect.no)).collect::<Vec<_>>();
    assert_eq!(order(ledger.effects_due(at(62), 10).await.unwrap()), [(Level::Red, 1), (Level::Urgent, 1)]);
    assert_eq!(order(ledger.effects_due(at(63), 2).await.unwrap()), [(Level::Red, 1), (Level::Red, 2)]);
    let key = |no| (red.id.clone(), no);
    let trying = |(alarm, no), second| Write::EffectTrying { alarm, no, at: at(second) };
    commit(ledger, vec![trying(key(1), 64)]).await.unwrap();
    assert_eq!(order(ledger.effects_due(at(70), 10).await.unwrap()), [(Level::Red, 2), (Level::Urgent, 1)], "what is tried is not due");
    let begun = ledger.effects_trying().await.unwrap();
    assert_eq!(begun.len(), 1);
    assert!(begun[0].trying && begun[0].tries == 1 && begun[0].home == red.home, "{:?}", begun[0]);
    let (alarm, no) = key(1);
    commit(ledger, vec![Write::EffectAgain { alarm, no, due_at: at(65) }]).await.unwrap();
    assert_eq!(ledger.effects_due(at(65), 1).await.unwrap()[0].effect.no, 2);
    commit(ledger, vec![trying(key(1), 66)]).await.unwrap();
    assert_eq!(ledger.effects_trying().await.unwrap()[0].tries, 2);
    let done = |no| Write::EffectDone { alarm: red.id.clone(), no, at: at(67) };
    commit(ledger, vec![done(1), done(2)]).await.unwrap();
    commit(ledger, vec![done(1)]).await.unwrap();
    assert!(ledger.effects_trying().await.unwrap().is_empty());
    assert!(matches!(commit(ledger, vec![trying(key(1), 68)]).await, Err(LedgerError::Conflict)), "its outcome is known");
    assert!(matches!(commit(ledger, vec![trying(key(77), 68)]).await, Err(LedgerError::Conflict)), "there is none");
    let (alarm, no) = key(1);
    commit(ledger, vec![Write::EffectAgain { alarm, no, due_at: at(60) }]).await.unwrap();
    assert!(matches!(commit(ledger, vec![effect(&red, 1, at(69))]).await, Err(LedgerError::Conflict)), "asked for twice, done once");
    assert_eq!(order(ledger.effects_due(at(70), 10).await.unwrap()), [(Level::Urgent, 1)]);
    commit(ledger, vec![put(&closed(red.clone()), 1), put(&closed(other.clone()), 1)]).await.unwrap();
}

async fn an_event_is_counted_once(ledger: &dyn Ledger) {
    let event = EventId::named(&"h".into(), &"d".into(), "call", "1");
    let odd = EventId::from("not hexadecimal");
    let seen = |event: &EventId, alarm: Option<&str>| Write::Seen { event: event.clone(), at: at(80), alarm: alarm.map(AlarmId::from) };
    commit(ledger, vec![seen(&event, Some("a1")), seen(&odd, None)]).await.unwrap();
    assert!(matches!(commit(ledger, vec![seen(&event, Some("a2"))]).await, Err(LedgerError::Conflict)));
    let found = ledger.seen(&["other".into(), event.clone(), odd.clone()]).await.unwrap();
    assert_eq!(found, [(event, Some("a1".into())), (odd, None)]);
    assert!(ledger.seen(&[]).await.unwrap().is_empty());
}

async fn decided_places_never_go_back(ledger: &dyn Ledger) {
    let decided = |lane, n| Write::Decided { shard: Shard(3), lane, offset: Offset(n) };
    commit(ledger, vec![decided(Lane::Red, 5), decided(Lane::Routine, 7)]).await.unwrap();
    commit(ledger, vec![decided(Lane::Red, 4)]).await.unwrap();
    assert_eq!(ledger.decided(Shard(3)).await.unwrap(), Decided { red: Offset(5), routine: Offset(7) });
    assert_eq!(ledger.decided(Shard(4)).await.unwrap(), Decided::default());
}

async fn snapshots_are_kept_by_home(ledger: &dyn Ledger) {
    let snapshot = |as_of, homes: &[(&str, u8)]| Write::Snapshot {
        shard: Shard(3),
        as_of,
        homes: homes.iter().map(|(home, byte)| (HomeId::from(*home), vec![*byte; 1_500])).collect(),
    };
    commit(ledger, vec![snapshot(Some((Offset(1), Offset(2))), &[("b", 1), ("a", 2)])]).await.unwrap();
    commit(ledger, vec![snapshot(None, &[("b", 3)])]).await.unwrap();
    let (place, homes) = ledger.snapshots(Shard(3)).await.unwrap();
    assert_eq!(place, Decided { red: Offset(1), routine: Offset(2) }, "a part does not move the place");
    assert_eq!(homes, [("a".into(), vec![2; 1_500]), ("b".into(), vec![3; 1_500])]);
    commit(ledger, vec![snapshot(Some((Offset(3), Offset(4))), &[])]).await.unwrap();
    let (place, homes) = ledger.snapshots(Shard(3)).await.unwrap();
    assert_eq!((place, homes.len()), (Decided { red: Offset(3), routine: Offset(4) }, 2));
    assert!(ledger.snapshots(Shard(2)).await.unwrap().1.is_empty());
}

async fn notes_and_attempts_are_kept(ledger: &dyn Ledger) {
    let alarm = alarm("home-note", &Cause::Call, at(90));
    let attempt = |no, outcome| Attempt {
        no,
        contact: "daughter".into(),
        channel: "voice".into(),
        why: None,
        asked_at: at(90),
        started_at: None,
        ended_at: None,
        outcome,
    };
    let attempts = |attempts| Write::Attempts { alarm: alarm.id.clone(), attempts };
    let note = |second, text: &str| Write::Note { alarm: alarm.id.clone(), at: at(second), by: "op".into(), kind: "note".into(), text: text.into() };
    commit(ledger, vec![put(&closed(alarm.clone()), 0), attempts(vec![attempt(1, None), attempt(2, None)]), note(91, "门没锁"), note(91, "")])
        .await
        .unwrap();
    commit(ledger, vec![attempts(vec![attempt(1, Some(AttemptOutcome::NoAnswer))]), note(92, "third")]).await.unwrap();
    let notes = ledger.notes(&alarm.id).await.unwrap();
    assert_eq!(notes.iter().map(|n| n.text.as_str()).collect::<Vec<_>>(), ["门没锁", "", "third"]);
    assert_eq!((notes[0].at, notes[0].by.as_str(), notes[0].kind.as_str()), (at(91), "op", "note"));
}

async fn an_old_owner_cannot_write(all: &Ledgers) {
    let old = all.ownership.take(Shard(1)).await.unwrap();
    let write = |fence| Tx { fence: Some(fence), writes: vec![setting("owner", &format!("{fence:?}"))] };
    all.ledger.commit(write(old)).await.unwrap();
    let new = all.ownership.take(Shard(1)).await.unwrap();
    assert!(new.epoch > old.epoch);
    assert!(matches!(all.ledger.commit(write(old)).await, Err(LedgerError::Fenced)));
    all.ledger.commit(write(new)).await.unwrap();
    assert_eq!(all.ledger.setting("owner").await.unwrap(), Some(format!("{new:?}")));
    let never = Fence { shard: Shard(2), epoch: 1 };
    assert!(matches!(all.ledger.commit(write(never)).await, Err(LedgerError::Fenced)));
}

async fn an_old_keeper_of_the_office_writes_nothing_into_the_register(all: &Ledgers) {
    let area = |id: &str| Put::Area(Area { id: id.into(), name: id.into() });
    let old = all.ownership.take(Shard::OFFICE).await.unwrap();
    all.register.put(vec![Put::Fence(old), area("fence/old")]).await.unwrap();
    let new = all.ownership.take(Shard::OFFICE).await.unwrap();
    assert!(new.epoch > old.epoch);
    // All or nothing, wherever the fence stands.
    for entries in [vec![Put::Fence(old), area("fence/late")], vec![area("fence/late"), Put::Fence(old)]] {
        assert!(matches!(all.register.put(entries).await, Err(LedgerError::Fenced)));
    }
    all.register.put(vec![Put::Fence(new), area("fence/new")]).await.unwrap();
    let mut there: Vec<_> = all.register.areas().await.unwrap().into_iter().map(|a| a.id).filter(|id| id.starts_with("fence/")).collect();
    there.sort();
    assert_eq!(there, ["fence/new", "fence/old"]);
    // An empty transaction asks whether one is still the owner.
    let still = |fence| all.ledger.commit(Tx { fence: Some(fence), writes: Vec::new() });
    assert!(matches!(still(old).await, Err(LedgerError::Fenced)));
    still(new).await.unwrap();
}

async fn watchers_are_woken_by_alarms_and_effects_alone(ledger: &dyn Ledger) {
    let mut changed = ledger.changed();
    changed.mark_unchanged();
    commit(ledger, vec![setting("quiet", "1")]).await.unwrap();
    assert!(!changed.has_changed().unwrap());
    let alarm = alarm("home-watch", &Cause::Call, at(95));
    commit(ledger, vec![put(&alarm, 0)]).await.unwrap();
    assert!(changed.has_changed().unwrap());
    changed.mark_unchanged();
    commit(ledger, vec![put(&closed(alarm), 1)]).await.unwrap();
    assert!(changed.has_changed().unwrap());
}

async fn many_at_once_lose_nothing(all: &Ledgers) {
    // Everybody wants to write the same alarm: one of them at a time succeeds, nobody is lost.
    let alarm = alarm("home-many", &Cause::Call, at(98));
    commit(&*all.ledger, vec![put(&alarm, 0)]).await.unwrap();
    let mut tasks = Vec::new();
    for n in 0..16 {
        let (ledger, id) = (all.ledger.clone(), alarm.id.clone());
        tasks.push(tokio::spawn(async move {
            loop {
                let mut stored = ledger.alarm(&id).await.unwrap().unwrap();
                stored.value.presses += 1;
                match commit(&*ledger, vec![put(&stored.value, stored.version), setting(&format!("many-{n}"), "1")]).await {
                    Ok(()) => break,
                    Err(LedgerError::Conflict) => {}
                    Err(other) => panic!("{other}"),
                }
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let end = all.ledger.alarm(&alarm.id).await.unwrap().unwrap();
    assert_eq!((end.value.presses, end.version), (17, 17));
    for n in 0..16 {
        assert!(all.ledger.setting(&format!("many-{n}")).await.unwrap().is_some());
    }
    commit(&*all.ledger, vec![put(&closed(end.value), 17)]).await.unwrap();
}
