//! What a city costs on disk: reading a list of its elders and importing them, taking a month's visits, starting anew, the month report.
//! `cargo bench -p console --bench office [ELDERS]`

#![expect(clippy::unwrap_used, reason = "a bench may stop")]

use care::calendar::Month;
use care::office::elder::SourceKind;
use care::office::{ElderFile, Visit};
use care::{TimeDelta, Timestamp};
use console::office::{Office, Rules, Worklist};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;
use store::register::{Area, HomeRecord, Put};
use store::sqlite::{DataDir, LedgerOptions, SqliteLedger};
use store::{Clock, Register};

struct Fixed(Timestamp);

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        self.0
    }

    fn sleep_until<'a>(&'a self, _: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(std::future::pending())
    }
}

const AT_ONCE: usize = 500;

fn main() {
    let elders: usize = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(100_000);
    tokio::runtime::Runtime::new().unwrap().block_on(run(elders));
}

async fn run(elders: usize) {
    let folder = tempfile::tempdir().unwrap();
    let now: Timestamp = "2026-11-28T02:00:00Z".parse().unwrap();
    let dir = DataDir::open(folder.path()).unwrap();
    let (ledger, _) = SqliteLedger::open(&dir, &LedgerOptions::default(), now).unwrap();
    let ledger = Arc::new(ledger);
    let policy = care::policy::Policy::load(include_str!("../../docs/policies/jinjiang.toml")).unwrap().policy;
    let rules = Rules::new(policy);
    let office = Office::new(ledger.clone(), Arc::new(Fixed(now)), rules.clone());
    let area = |n: usize| format!("350582/town-{:02}/v{:02}", n % 19, n % 31);
    ledger.put((0..19 * 31).map(|n| Put::Area(Area { id: area(n), name: area(n) })).collect()).await.unwrap();
    for from in (0..elders).step_by(2_000) {
        let homes = (from..elders.min(from + 2_000)).map(|n| Put::Home(HomeRecord { id: format!("h{n:06}").as_str().into(), area: area(n), address: String::new(), access_notes: String::new() }));
        ledger.put(homes.collect()).await.unwrap();
    }

    let list = std::iter::once("姓名,出生日期,联系电话,居住地址,对象类型\n".to_owned());
    let list: String = list.chain((0..elders).map(|n| format!("陈{n},{}-03-02,13800001234,长兴路 {n} 号,独居\n", 1930 + n % 34))).collect();
    let begin = Instant::now();
    let read = wire::sheet::read_elders(list.as_bytes(), office.today()).unwrap().elders.len();
    println!("a list of {read} rows read: {:.2} s", begin.elapsed().as_secs_f64());

    let begin = Instant::now();
    for from in (0..elders).step_by(AT_ONCE) {
        let mut entries = Vec::new();
        for n in from..elders.min(from + AT_ONCE) {
            let (_, put) = office.elder_entries(file(n, &area(n)), 0, &"import".into(), SourceKind::Health, Some(("batch-1", 1))).await.unwrap();
            entries.extend(put);
        }
        office.write(entries).await.unwrap();
    }
    let took = begin.elapsed().as_secs_f64();
    println!("import of {elders} rows, checked and written: {took:.1} s, {:.0} rows/s", elders as f64 / took);

    let begin = Instant::now();
    for from in (0..elders).step_by(AT_ONCE) {
        let visits: Vec<Visit> = (from..elders.min(from + AT_ONCE)).map(|n| visit(n, &area(n), now)).collect();
        office.write_new(&visits, "bench").await.unwrap();
    }
    println!("{elders} visits written: {:.1} s", begin.elapsed().as_secs_f64());

    let fresh = Office::new(ledger.clone(), Arc::new(Fixed(now)), rules);
    let begin = Instant::now();
    fresh.refresh().await.unwrap();
    println!("read model of {} sheets built anew: {:.1} s", 2 * elders, begin.elapsed().as_secs_f64());
    let month: Month = "2026-11".parse().unwrap();
    let begin = Instant::now();
    let report = fresh.report(month, "").await.unwrap().report;
    println!("month report of {} elders: {:.2} s", report.total.elders, begin.elapsed().as_secs_f64());
    let begin = Instant::now();
    fresh.report(month, "").await.unwrap();
    println!("the same again: {:.4} s", begin.elapsed().as_secs_f64());
    let begin = Instant::now();
    let due = fresh.due("350582/town-01", None).await.unwrap().len();
    println!("due list of a town, {due} rows: {:.2} s", begin.elapsed().as_secs_f64());
    let begin = Instant::now();
    let found = fresh.elders("", Worklist::NoFirstContact, "", None, 500).await.unwrap().len();
    println!("worklist, {found} rows: {:.3} s", begin.elapsed().as_secs_f64());
}

fn file(n: usize, area: &str) -> ElderFile {
    let category = ["no_kin", "living_alone", "empty_nest"].get(n % 3).copied().unwrap_or("no_kin");
    serde_json::from_value(serde_json::json!({
        "id": format!("e{n:06}"), "home": format!("h{n:06}"), "area": area, "filed_on": "2026-01-10", "enrolled_on": "2026-01-10",
        "name": "陈秀英", "born": format!("{}-03-02", 1930 + n % 34), "no_id": "补办中", "phone": "13800001234",
        "entered": [category], "past_illness": "高血压",
    }))
    .unwrap()
}

fn visit(n: usize, area: &str, now: Timestamp) -> Visit {
    let start = now - TimeDelta::days(i64::try_from(n % 27).unwrap());
    serde_json::from_value(serde_json::json!({
        "id": format!("v{n:06}"), "elder": format!("e{n:06}"), "home": format!("h{n:06}"), "area": area, "visitor": format!("p{:03}", n % 500),
        "mode": "home", "origin": "regular", "start": start, "end": start + TimeDelta::minutes(20), "outcome": "met", "recorded_at": start,
        "recorded_by": "bench", "signed_at": start,
        "form": { "number": 1, "mode": "home", "people": "same", "speech": "same", "movement": "same", "illness": "same", "mood": "same", "gas": "safe",
                  "water": "safe", "electricity": "safe", "personal_hygiene": "same", "home_hygiene": "same", "rooms": "same", "needs": "无",
                  "visitor": { "screen": "s" }, "elder": { "screen": "s" }, "date": "2026-11-01" },
    }))
    .unwrap()
}
