//! The checks of the event log.

use super::at;
use crate::log::{Entry, EventLog, LogError, Offset, PAYLOAD_BYTES_MAX, Record, Shard, append, shard_of};
use care::{HomeId, Lane, TimeDelta};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex};

fn record(lane: Lane, home: &str, n: usize) -> Record {
    Record {
        lane,
        home: home.into(),
        source: "bridge-1".into(),
        topic: format!("care/v1/{home}/button/call"),
        payload: format!("{{\"id\":\"{n}\"}}").into_bytes(),
        heard_at: at(i64::try_from(n).unwrap()),
    }
}

async fn all(log: &dyn EventLog, shard: Shard, lane: Lane) -> Vec<Entry> {
    log.read(shard, lane, Offset(0), 100_000).await.unwrap()
}

/// Runs every check. `open` opens the log on one and the same storage again and again; it must have 4 shards.
pub async fn event_log<F, Fut>(open: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<dyn EventLog>>,
{
    let log = open().await;
    assert_eq!(log.shards(), 4, "the suite needs a log with 4 shards");
    empty_lanes_end_at_zero(&*log).await;
    records_come_back_in_order(&*log).await;
    too_large_is_refused(&*log).await;
    watchers_are_woken_by_their_lane_alone(&*log).await;
    pages_join_without_gap_or_overlap(&*log).await;
    midnight_does_not_change_the_order(&*log).await;
    let before = everything(&*log).await;
    drop(log);
    let log = open().await;
    assert_eq!(everything(&*log).await, before, "opened again the log must be as it was");
    places_go_on_after_opening_again(&*log).await;
}

async fn everything(log: &dyn EventLog) -> BTreeMap<(Lane, Shard), Vec<Entry>> {
    let mut out = BTreeMap::new();
    for shard in (0..log.shards()).map(Shard) {
        for lane in [Lane::Red, Lane::Routine] {
            let entries = all(log, shard, lane).await;
            assert_eq!(log.end(shard, lane).await.unwrap(), entries.last().map_or(Offset(0), |e| e.offset), "the end is the newest record");
            out.insert((lane, shard), entries);
        }
    }
    out
}

async fn empty_lanes_end_at_zero(log: &dyn EventLog) {
    for shard in (0..log.shards()).map(Shard) {
        assert_eq!(log.end(shard, Lane::Red).await.unwrap(), Offset(0));
        assert!(all(log, shard, Lane::Routine).await.is_empty());
    }
}

async fn records_come_back_in_order(log: &dyn EventLog) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let mut expected: BTreeMap<(Lane, Shard), Vec<Record>> = BTreeMap::new();
    for n in 0..2_000 {
        let lane = if n % 7 == 0 { Lane::Red } else { Lane::Routine };
        let record = record(lane, &format!("home-{:04}", n % 50), n);
        expected.entry((lane, shard_of(&record.home, 4))).or_default().push(record.clone());
        let (line, told) = ((lane, shard_of(&record.home, 4)), told.clone());
        log.submit(
            record,
            Box::new(move |result| {
                result.unwrap();
                told.lock().unwrap().push((line, n));
            }),
        );
    }
    // Behind these nothing of the loop is left in its line.
    for line in expected.keys().copied().collect::<Vec<_>>() {
        let home = (0..).map(|n| format!("home-last-{n}")).find(|home| shard_of(&HomeId::new(home.clone()), 4) == line.1).unwrap();
        let last = record(line.0, &home, 2_000);
        expected.entry(line).or_default().push(last.clone());
        append(log, last).await.unwrap();
        let order: Vec<_> = told.lock().unwrap().iter().filter(|(l, _)| *l == line).map(|(_, n)| *n).collect();
        assert!(order.is_sorted(), "submitters of one lane of a shard are told in the order of submission");
    }
    assert_eq!(told.lock().unwrap().len(), 2_000, "every submitter is told once");
    for ((lane, shard), records) in expected {
        let entries = all(log, shard, lane).await;
        assert!(entries.first().is_some_and(|e| e.offset > Offset(0)), "no record stands at 0");
        assert!(entries.is_sorted_by(|a, b| a.offset < b.offset), "places grow by every record");
        assert_eq!(entries.into_iter().map(|e| e.record).collect::<Vec<_>>(), records, "{lane:?} {shard:?}");
    }
}

async fn too_large_is_refused(log: &dyn EventLog) {
    let good = Record { payload: vec![0xff; PAYLOAD_BYTES_MAX], ..record(Lane::Red, "home-large", 1) };
    append(log, good.clone()).await.unwrap();
    let bad = Record { payload: vec![0; PAYLOAD_BYTES_MAX + 1], ..good.clone() };
    assert!(matches!(append(log, bad).await, Err(LogError::TooLarge)));
    let bad = Record { topic: "t".repeat(1_025), ..good.clone() };
    assert!(matches!(append(log, bad).await, Err(LogError::TooLarge)));
    let bad = Record { source: "s".repeat(129), ..good };
    assert!(matches!(append(log, bad).await, Err(LogError::TooLarge)));
}

async fn watchers_are_woken_by_their_lane_alone(log: &dyn EventLog) {
    let (mut red, mut routine) = (log.changed(Lane::Red), log.changed(Lane::Routine));
    red.mark_unchanged();
    routine.mark_unchanged();
    append(log, record(Lane::Red, "home-watch", 1)).await.unwrap();
    assert!(red.has_changed().unwrap(), "a commit wakes those who watch its lane, before or when its submitter is told");
    assert!(!routine.has_changed().unwrap(), "and nobody else");
}

async fn pages_join_without_gap_or_overlap(log: &dyn EventLog) {
    let shard = shard_of(&HomeId::from("home-0001"), 4);
    let whole = all(log, shard, Lane::Routine).await;
    for size in [1, 7, 100] {
        let (mut joined, mut after) = (Vec::new(), Offset(0));
        loop {
            let page = log.read(shard, Lane::Routine, after, size).await.unwrap();
            assert!(page.len() <= size);
            let Some(last) = page.last() else { break };
            after = last.offset;
            joined.extend(page);
        }
        assert_eq!(joined, whole, "pages of {size}");
    }
    let end = log.end(shard, Lane::Routine).await.unwrap();
    assert!(log.read(shard, Lane::Routine, end, 10).await.unwrap().is_empty());
    assert!(log.read(shard, Lane::Routine, Offset(end.0 + 1_000), 10).await.unwrap().is_empty());
}

async fn midnight_does_not_change_the_order(log: &dyn EventLog) {
    let shard = shard_of(&HomeId::from("home-night"), 4);
    let from = log.end(shard, Lane::Red).await.unwrap();
    for n in 0..6 {
        // A day further each time; the last one is a clock that went back.
        let days = if n == 5 { 1 } else { i64::try_from(n).unwrap() };
        let late = Record { heard_at: at(0) + TimeDelta::days(days), ..record(Lane::Red, "home-night", n) };
        append(log, late).await.unwrap();
    }
    let read = log.read(shard, Lane::Red, from, 100).await.unwrap();
    let payloads: Vec<_> = read.iter().map(|e| String::from_utf8(e.record.payload.clone()).unwrap()).collect();
    assert_eq!(payloads, (0..6).map(|n| format!("{{\"id\":\"{n}\"}}")).collect::<Vec<_>>());
    assert!(read.is_sorted_by(|a, b| a.offset < b.offset));
}

async fn places_go_on_after_opening_again(log: &dyn EventLog) {
    for shard in (0..log.shards()).map(Shard) {
        let home = (0..).map(|n| format!("home-{n}")).find(|h| shard_of(&HomeId::new(h.clone()), 4) == shard).unwrap();
        let before = log.end(shard, Lane::Routine).await.unwrap();
        append(log, record(Lane::Routine, &home, 9)).await.unwrap();
        assert!(log.end(shard, Lane::Routine).await.unwrap() > before);
        assert_eq!(log.read(shard, Lane::Routine, before, 10).await.unwrap().len(), 1);
    }
}
