//! The checks of sheets.

use super::at;
use crate::ledger::LedgerError;
use crate::register::{Area, Put, Register};
use crate::sheet::{Sheet, SheetAsk};

fn sheet(id: &str, version: u32, seconds: i64) -> Sheet {
    Sheet {
        kind: "visit".into(),
        id: id.into(),
        version,
        area: "350582/meiling".into(),
        home: Some("home-1".into()),
        elder: Some("e1".into()),
        at: at(seconds),
        state: "open".into(),
        body: serde_json::json!({"notes": "𬭎老师的药在抽屉里", "n": version}),
        written_at: at(1_000 + seconds),
        written_by: "liaison-1".into(),
    }
}

async fn ids(register: &dyn Register, ask: SheetAsk) -> Vec<String> {
    register.sheets(&ask).await.unwrap().into_iter().map(|s| s.id).collect()
}

/// Every check of sheets.
pub(super) async fn sheets(register: &dyn Register) {
    versions_follow_each_other(register).await;
    what_is_asked_for_is_found(register).await;
    who_follows_sees_every_version(register).await;
    what_is_erased_is_gone(register).await;
}

async fn versions_follow_each_other(register: &dyn Register) {
    let refused = [sheet("v", 2, 10), Sheet { kind: "Not a kind".into(), ..sheet("v", 1, 10) }, sheet("", 1, 10), sheet("v", 0, 10)];
    for wrong in refused {
        assert!(register.put(vec![Put::Sheet(wrong)]).await.is_err());
    }
    register.put(vec![Put::Sheet(sheet("v", 1, 10))]).await.unwrap();
    assert_eq!(register.put(vec![Put::Sheet(sheet("v", 1, 10))]).await, Err(LedgerError::Conflict));
    assert_eq!(register.put(vec![Put::Sheet(sheet("v", 3, 10))]).await, Err(LedgerError::Conflict));
    let second = Sheet { state: "signed".into(), ..sheet("v", 2, 11) };
    register.put(vec![Put::Sheet(second.clone())]).await.unwrap();
    assert_eq!(register.sheet("visit", "v").await.unwrap(), Some(second.clone()));
    assert_eq!(register.sheet("hazard", "v").await.unwrap(), None);
    assert_eq!(register.sheet_versions("visit", "v").await.unwrap(), [sheet("v", 1, 10), second]);
    // All or nothing.
    let beside = Put::Area(Area { id: "350582/nowhere".into(), name: "无".into() });
    assert_eq!(register.put(vec![beside, Put::Sheet(sheet("v", 2, 10))]).await, Err(LedgerError::Conflict));
    assert!(register.areas().await.unwrap().iter().all(|a| a.id != "350582/nowhere"));
}

async fn what_is_asked_for_is_found(register: &dyn Register) {
    let elsewhere = Sheet { area: "350582/meiling2".into(), home: None, elder: Some("e2".into()), ..sheet("w3", 1, 30) };
    let other = Sheet { kind: "visits".into(), ..sheet("w1", 1, 20) };
    let entries = [sheet("w2", 1, 20), sheet("w1", 1, 20), elsewhere, Sheet { area: String::new(), ..sheet("w4", 1, 40) }, other];
    register.put(entries.map(Put::Sheet).into()).await.unwrap();
    let all = || SheetAsk::of("visit");
    assert_eq!(ids(register, all()).await, ["v", "w1", "w2", "w3", "w4"]);
    assert_eq!(ids(register, all().max(2)).await, ["v", "w1"]);
    let first = register.sheets(&all().max(2)).await.unwrap();
    assert_eq!(ids(register, all().after(first.last().unwrap())).await, ["w2", "w3", "w4"]);
    assert_eq!(ids(register, all().newest_first().max(2)).await, ["w4", "w3"]);
    let newest = register.sheets(&all().newest_first().max(2)).await.unwrap();
    assert_eq!(ids(register, all().newest_first().after(newest.last().unwrap())).await, ["w2", "w1", "v"]);
    assert_eq!(ids(register, all().home(&"home-1".into())).await, ["v", "w1", "w2", "w4"]);
    assert_eq!(ids(register, all().elder(&"e2".into())).await, ["w3"]);
    assert_eq!(ids(register, all().area("350582/meiling")).await, ["v", "w1", "w2"]);
    assert_eq!(ids(register, all().area("350582")).await, ["v", "w1", "w2", "w3"]);
    assert_eq!(ids(register, all().area("")).await.len(), 5);
    assert_eq!(ids(register, all().state("signed")).await, ["v"]);
    assert_eq!(ids(register, all().from(at(20)).to(at(30))).await, ["w1", "w2"]);
    assert_eq!(ids(register, all().from(at(20)).state("open").elder(&"e1".into()).max(1)).await, ["w1"]);
}

async fn who_follows_sees_every_version(register: &dyn Register) {
    let all = register.sheets_since(0, 10_000).await.unwrap();
    let told: Vec<_> = all.iter().map(|(_, s)| (s.kind.as_str(), s.id.as_str(), s.version)).collect();
    let v = "visit";
    assert_eq!(told, [(v, "v", 1), (v, "v", 2), (v, "w2", 1), (v, "w1", 1), (v, "w3", 1), (v, "w4", 1), ("visits", "w1", 1)]);
    assert!(all.windows(2).all(|w| w[0].0 < w[1].0));
    let third = all[2].0;
    assert_eq!(register.sheets_since(third, 2).await.unwrap(), all[3..5]);
    assert!(register.sheets_since(all[6].0, 10).await.unwrap().is_empty());
}

async fn what_is_erased_is_gone(register: &dyn Register) {
    register.put(vec![Put::EraseSheet { kind: "visit".into(), id: "v".into() }]).await.unwrap();
    assert_eq!(register.sheet("visit", "v").await.unwrap(), None);
    assert!(register.sheet_versions("visit", "v").await.unwrap().is_empty());
    // What is written next is a new sheet, and whoever follows is told of it.
    let last = register.sheets_since(0, 10_000).await.unwrap().last().unwrap().0;
    register.put(vec![Put::Sheet(sheet("v", 1, 50))]).await.unwrap();
    assert_eq!(register.sheets_since(last, 10).await.unwrap().len(), 1);
}
