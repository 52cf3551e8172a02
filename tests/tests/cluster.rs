//! More than one machine, with faults for real: processes are killed and paused by their pid, and hosts cut off, while presses go on.
//! After each fault the checker asks: has every press that was acknowledged exactly one alarm, has each a next step, was each called.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use acceptance::harness::Client;
use acceptance::harness::cluster::{DATABASE, Doors, Node, Town, admin, said};
use acceptance::harness::hosts::Hosts;
use acceptance::harness::servers::{signal, until_async};
use acceptance::harness::{Rounds, is_long, run};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The first call after the end of a fault, for every press that was acknowledged by then.
const CALL_WITHIN: Duration = Duration::from_secs(10);

/// Presses one home after another, each until it is acknowledged, at whatever door opens.
struct Presses {
    acked: Arc<Mutex<BTreeMap<String, Instant>>>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Presses {
    fn begin(doors: Doors, of: &str) -> Self {
        let acked: Arc<Mutex<BTreeMap<String, Instant>>> = Arc::default();
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(press(doors, of.to_owned(), acked.clone(), stopped));
        Self { acked, stop, task }
    }

    fn count(&self) -> usize {
        self.acked.lock().unwrap().len()
    }

    async fn more(&self, n: usize, what: &str) {
        let from = self.count();
        until_async(what, async || self.count() >= from + n).await;
    }

    async fn end(self) -> BTreeMap<String, Instant> {
        self.stop.send(true).unwrap();
        self.task.await.unwrap();
        self.acked.lock().unwrap().clone()
    }
}

async fn press(doors: Doors, of: String, acked: Arc<Mutex<BTreeMap<String, Instant>>>, stopped: watch::Receiver<bool>) {
    let mut connection = None;
    let mut n = 0;
    while !*stopped.borrow() {
        n += 1;
        let home = format!("{of}-{n:05}");
        loop {
            if connection.is_none() {
                connection = doors.connect(n, &format!("presses-{of}")).await;
            }
            let Some(client) = &mut connection else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            // A device waits and then tries again, at another door if need be: the same press, by its id.
            if let Ok(Ok(())) = tokio::time::timeout(Duration::from_secs(4), client.press(&home, &format!("press-{n}"))).await {
                acked.lock().unwrap().insert(home, Instant::now());
                break;
            }
            connection = None;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Every acknowledged press has one alarm, was called in time after the fault's end, and has left nothing half done.
async fn check(town: &Town, of: &str, acked: &BTreeMap<String, Instant>, fault_end: Instant) -> Duration {
    let homes: Vec<String> = acked.keys().cloned().collect();
    town.all_told(&homes, of).await;
    let mut first: BTreeMap<String, Instant> = BTreeMap::new();
    for got in town.receiver.got().into_iter().filter(|g| g.taken) {
        if let Some(home) = acceptance::harness::webhook::home_in(&got.body) {
            first.entry(home).or_insert(got.at);
        }
    }
    let latest = acked.iter().map(|(home, at)| first[home].saturating_duration_since((*at).max(fault_end))).max().unwrap_or_default();
    let rows = town.sql(&format!("SELECT home, count(*), sum((body::json->>'presses')::INT) FROM alarm WHERE home LIKE '{of}-%' GROUP BY home"));
    let alarms: BTreeMap<&str, &str> = rows.lines().filter_map(|line| line.split_once('|')).collect();
    for home in acked.keys() {
        assert_eq!(alarms.get(home.as_str()), Some(&"1|1"), "{of}: {home} has one alarm of one press");
    }
    // What was not acknowledged may be there as well, but at most once.
    assert!(alarms.values().all(|v| *v == "1|1"), "{of}: no press is two alarms");
    assert_eq!(town.sql("SELECT count(*) FROM alarm WHERE open AND next_step_at IS NULL"), "0", "{of}: no alarm without a next step");
    let begun = format!("SELECT count(*) FROM effect WHERE home LIKE '{of}-%' AND done_at IS NULL");
    until_async(&format!("{of}: what was begun has ended"), async || town.sql(&begun) == "0").await;
    // A call that nobody knows the outcome of is made again, by the same attempt; another attempt follows only one that failed.
    let well = "body::json->>'outcome' NOT IN ('channel_down', 'unknown')";
    let odd = town.sql(&format!(
        "SELECT home, count(attempt.no) FROM alarm LEFT JOIN (SELECT * FROM attempt WHERE {well}) attempt ON attempt.alarm = alarm.id \
         WHERE home LIKE '{of}-%' GROUP BY home HAVING count(attempt.no) <> 1"
    ));
    assert_eq!(odd, "", "{of}: each alarm has exactly one call that was made");
    let late = if is_long("faults") { CALL_WITHIN } else { CALL_WITHIN * 6 };
    assert!(latest <= late, "{of}: the last call came {latest:?} after the fault's end");
    latest
}

/// The faults of processes, in turn.
const FAULTS: [&str; 7] = ["worker", "leader", "two", "all", "postgres", "paused", "charts"];
/// The hosts that are cut off, in turn: two with a node and a server of the log each, one with a server of the log.
const CUTS: [&str; 3] = ["host 0 cut off", "host 1 cut off", "host 2 cut off"];

async fn fault(town: &mut Town, which: &str, round: usize, presses: &Presses) {
    let node = round % town.nodes.len();
    match which {
        "worker" => {
            town.nodes[node].kill();
            presses.more(10, "presses are acknowledged without a worker").await;
            town.nodes[node].start().await;
        }
        "leader" => {
            let leader = town.nats.leader().unwrap();
            town.nats.kill(leader);
            presses.more(10, "presses are acknowledged without the log's leader").await;
            town.nats.up(leader);
        }
        "two" => {
            for i in [round % 3, (round + 1) % 3] {
                town.nats.kill(i);
                presses.more(5, "presses are acknowledged without one of the log's servers").await;
                town.nats.up(i);
                town.nats.ready();
            }
        }
        "all" => {
            (0..3).for_each(|i| town.nats.kill(i));
            (0..3).for_each(|i| town.nats.up(i));
            town.nats.ready();
        }
        "postgres" => {
            town.postgres.kill();
            // The log takes presses while the ledger is away.
            presses.more(3, "presses are acknowledged without the ledger").await;
            town.postgres.up();
        }
        "charts" => {
            signal(town.victoria.pid(), "STOP");
            presses.more(20, "presses are acknowledged beside a chart server that hangs").await;
            signal(town.victoria.pid(), "CONT");
        }
        "paused" => {
            let pid = town.nodes[node].pid();
            signal(pid, "STOP");
            owns_nothing(town, node).await;
            presses.more(5, "presses are acknowledged beside a paused owner").await;
            signal(pid, "CONT");
        }
        _ => {
            let (hosts, host) = (town.hosts.clone().unwrap(), round % CUTS.len());
            hosts.cut(host);
            if host < town.nodes.len() {
                owns_nothing(town, host).await;
            }
            presses.more(5, "presses are acknowledged beside a host that is cut off").await;
            hosts.mend(host);
        }
    }
}

/// Waits until the others have a node's shards.
async fn owns_nothing(town: &Town, node: usize) {
    let sql = format!("SELECT count(*) FROM owner JOIN member ON member.id = owner.member WHERE member.node = '{}'", town.nodes[node].name);
    until_async("the others take its shards", async || town.sql(&sql) == "0").await;
}

/// One round: presses go on, something breaks and comes back, and then everything is as promised.
async fn round(town: &mut Town, which: &str, round: usize) {
    let of = format!("r{round}-{}", which.replace(' ', "-"));
    let presses = Presses::begin(town.doors(), &of);
    presses.more(20, "presses are acknowledged").await;
    fault(town, which, round, &presses).await;
    let fault_end = Instant::now();
    presses.more(20, "presses are acknowledged after the fault").await;
    let acked = presses.end().await;
    let latest = check(town, &of, &acked, fault_end).await;
    town.owned().await;
    println!(
        "round {round}: {which}: {} presses acknowledged, each one alarm; the last first call {:.1} s after the fault's end",
        acked.len(),
        latest.as_secs_f64()
    );
}

#[test]
fn what_was_acknowledged_is_called_once_whatever_dies() {
    run(async {
        let mut town = Town::start(2, 4).await;
        town.owned().await;
        for n in Rounds::of("faults", "dies", FAULTS.len(), 42) {
            round(&mut town, FAULTS[n % FAULTS.len()], n).await;
        }
        topology_says_who_owns_what(&town);
        nodes_that_leave_hand_over_and_come_back(&mut town).await;
    });
}

#[test]
fn what_was_acknowledged_is_called_once_whoever_is_cut_off() {
    run(async {
        let Some(hosts) = Hosts::new(3) else { return };
        let mut town = Town::start_on(Some(Arc::new(hosts)), 2, 4).await;
        town.owned().await;
        for n in Rounds::of("faults", "cut", CUTS.len(), 12) {
            round(&mut town, CUTS[n % CUTS.len()], n).await;
        }
    });
}

/// The value of `a.b` in a chart's values.
fn value(values: &str, name: &str) -> String {
    let (section, key) = name.split_once('.').map_or((None, name), |(section, key)| (Some(section), key));
    let mut lines = values.lines();
    if let Some(section) = section {
        lines.find(|line| *line == format!("{section}:")).unwrap_or_else(|| panic!("the values have no {section}"));
    }
    let indented = if section.is_some() { format!("  {key}: ") } else { format!("{key}: ") };
    let line = lines.find_map(|line| line.strip_prefix(&indented)).unwrap_or_else(|| panic!("the values have no {name}"));
    line.trim_matches('"').to_owned()
}

/// The node's configuration as the chart makes it of its own values.
fn of_the_chart(folder: &Path) -> String {
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let (template, values) = (read("templates/nodes.yaml"), read("values.yaml"));
    let (_, from) = template.split_once("node.toml: |\n").unwrap();
    let (config, _) = from.split_once("---").unwrap();
    let mut text = String::new();
    for line in config.lines().filter(|line| !line.trim_start().starts_with("{{-")) {
        let mut line = line.trim_start().replace("{{ . }}", "pg-ca.pem").replace("@NODE@", "node-0");
        while let Some((before, rest)) = line.clone().split_once("{{ .Values.") {
            let (name, after) = rest.split_once(" }}").unwrap();
            let value = match name.strip_suffix(" | quote") {
                Some(name) => format!("\"{}\"", value(&values, name)),
                None => value(&values, name),
            };
            line = format!("{before}{value}{after}");
        }
        text += &format!("{line}\n");
    }
    text
}

/// Each configuration that we show, on engines of this test's own.
#[test]
fn every_example_configuration_is_good() {
    run(async {
        let town = Town::start(0, 4).await;
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
        let compose = read("deploy/compose/etc/node-1.toml");
        let docs = read("docs/cluster.md");
        let (_, block) = docs.split_once("```toml\n").unwrap();
        let (shown, _) = block.split_once("```").unwrap();
        let (alone, _) = compose.split_once("[cluster]").unwrap();
        let chart = of_the_chart(&root.join("deploy/helm/hearthline"));
        let examples = [("compose, 1", compose.clone()), ("compose, 2", read("deploy/compose/etc/node-2.toml")), ("docs", alone.to_owned() + shown), ("chart", chart)];
        for (name, text) in examples {
            let said = town.check(&text);
            assert!(said.is_ok(), "{name}: {said:?}\n{text}");
        }
        let wrong = town.check(&compose.replace("urls =", "url =")).unwrap_err();
        assert!(wrong.contains("unknown field `url`"), "{wrong}");
    });
}

fn topology_says_who_owns_what(town: &Town) {
    let out = town.command(&["topology"], 0).output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{said}{}", String::from_utf8_lossy(&out.stderr));
    assert!(said.contains("node-0") && said.contains("node-1"), "{said}");
    assert!(said.contains("the daily calls: node-"), "{said}");
}

/// As in a rollout: a newer version has added to the schema what this one bears with, and one node after the other ends in order
/// and starts again.
async fn nodes_that_leave_hand_over_and_come_back(town: &mut Town) {
    town.sql("INSERT INTO schema_step (number, readable_from) VALUES (98, 1)");
    let presses = Presses::begin(town.doors(), "leaving");
    presses.more(10, "presses are acknowledged").await;
    let mut fault_end = Instant::now();
    for (leaves, stays) in [(1, "node-0"), (0, "node-1")] {
        town.nodes[leaves].terminate().await;
        assert_eq!(town.sql("SELECT string_agg(node, ',') FROM member"), stays);
        presses.more(10, "presses are acknowledged by who stays").await;
        town.nodes[leaves].start().await;
        town.owned().await;
        fault_end = Instant::now();
    }
    presses.more(10, "presses are acknowledged by both").await;
    let acked = presses.end().await;
    check(town, "leaving", &acked, fault_end).await;
}

/// How often each home was called.
fn calls(town: &Town) -> BTreeMap<String, usize> {
    let mut out = BTreeMap::new();
    for home in town.receiver.got().iter().filter_map(|got| acceptance::harness::webhook::home_in(&got.body)) {
        *out.entry(home).or_default() += 1;
    }
    out
}

/// From now on every one of these homes is called again.
async fn each_rings_on(town: &Town, homes: &[String], what: &str) {
    let before = calls(town);
    until_async(what, async || {
        let now = calls(town);
        homes.iter().all(|home| now.get(home) > before.get(home))
    })
    .await;
}

async fn press_all(node: &Node, password: &str, homes: &[String]) {
    let mut button = Client::connect(&node.mqtt, "buttons", "bridge-1", password).await.unwrap();
    for home in homes {
        button.press(home, "first").await.unwrap();
    }
}

#[test]
fn a_town_moves_from_one_machine_to_many_and_back_and_every_open_alarm_rings_on() {
    run(async {
        let town = Town::start(1, 1).await;
        let mut alone = town.another("alone", None);
        {
            use store::Register;
            use store::register::Put;
            use store::sqlite::{DataDir, LedgerOptions, SqliteLedger};
            let dir = DataDir::open(&alone.data).unwrap();
            let now = care::Timestamp::from(std::time::SystemTime::now());
            let (ledger, _) = SqliteLedger::open(&dir, &LedgerOptions::default(), now).unwrap();
            ledger.put(vec![Put::Person(admin())]).await.unwrap();
            ledger.close();
        }
        let password = town.fill(&alone, 5);
        let homes: Vec<String> = (0..8).map(|n| format!("moving-{n}")).collect();
        alone.start().await;
        press_all(&alone, &password, &homes).await;
        each_rings_on(&town, &homes, "the alarms ring on one machine").await;
        let backup = alone.data.join("backup");
        let words = said(town.of(&alone, &["backup"]).arg("--to").arg(&backup));
        assert!(words.contains("files in"), "{words}");
        alone.terminate().await;

        town.postgres.database("moved");
        let mut many = town.another("many", Some(("moved", "moved")));
        let migrate = |from: &Node, to: &Node| {
            let mut command = std::process::Command::new(acceptance::harness::binary::find("hearthline"));
            command.args(["migrate", "--from"]).arg(&from.config).arg("--to").arg(&to.config);
            said(&mut command)
        };
        let words = migrate(&alone, &many);
        assert!(words.contains("Calling is held"), "{words}");
        let moved = |sql: &str| town.postgres.sql("moved", sql).unwrap();
        assert_eq!(moved("SELECT count(*) FROM alarm WHERE open AND NOT test AND home LIKE 'moving-%'"), "8");
        assert_eq!(moved("SELECT value FROM setting WHERE key = 'calling'"), "held");
        many.start().await;
        said(town.of(&many, &["calling"]).arg("release"));
        each_rings_on(&town, &homes, "the alarms ring on more than one machine").await;
        // What is pressed again there is the same alarm; what is new is another.
        press_all(&many, &password, &["moving-new".to_owned()]).await;
        until_async("a new press is an alarm", async || calls(&town).contains_key("moving-new")).await;
        many.terminate().await;

        let mut back = town.another("back", None);
        let words = migrate(&many, &back);
        assert!(words.contains("Calling is held"), "{words}");
        said(town.of(&back, &["calling"]).arg("release"));
        back.start().await;
        each_rings_on(&town, &homes, "the alarms ring on one machine again").await;
        each_rings_on(&town, &["moving-new".to_owned()], "and the one that was raised on the other side").await;
        back.terminate().await;

        // The backup from the beginning, into an empty directory: it starts held.
        let restored = town.another("restored", None);
        let words = said(town.of(&restored, &["restore"]).arg("--from").arg(&backup));
        assert!(words.contains("Calling is held"), "{words}");
        let again = town.of(&restored, &["restore"]).arg("--from").arg(&backup).output().unwrap();
        assert!(!again.status.success(), "nothing is written over");
    });
}

/// ALM-8: a dump of the ledger is restored beside it, and somebody starts a node on it while the first one is at work.
#[test]
fn a_second_live_copy_is_noticed_and_calls_nobody_until_an_operator_says_so() {
    run(async {
        let town = Town::start(1, 1).await;
        town.owned().await;
        town.postgres.copy(DATABASE, "copy");
        let mut copy = town.another("copy", Some(("copy", "hearthline")));
        let shards = std::fs::read_to_string(&copy.config).unwrap().replace("shards = 4", "shards = 1");
        std::fs::write(&copy.config, shards).unwrap();
        copy.start().await;
        let calling = "SELECT value FROM setting WHERE key = 'calling'";
        assert_eq!(town.postgres.sql("copy", calling).unwrap(), "held", "a copy starts held");
        until_async("the first one holds calling, too", async || town.sql(calling) == "held").await;
        until_async("the operators are told", async || town.sql("SELECT count(*) FROM alarm WHERE open AND cause = 'technical/second_copy'") == "1").await;
        let home = "copied-1".to_owned();
        press_all(&town.nodes[0], town.password(), std::slice::from_ref(&home)).await;
        until_async("it is an alarm", async || town.sql("SELECT count(*) FROM alarm WHERE home = 'copied-1' AND open") == "1").await;
        copy.kill();
        assert!(!town.receiver.homes_told().contains(&home), "nobody is called while calling is held");
        said(town.command(&["calling"], 0).arg("release"));
        town.all_told(&[home], "released").await;
    });
}
