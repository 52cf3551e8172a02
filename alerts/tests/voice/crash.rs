//! Killed in every state of a leg: the next life calls again, and a key that was confirmed aloud is still there. A life is
//! this test program once more, told by its environment where the ledger is and whom to call.

use crate::sipp::{Dir, PATIENCE, Sipp, answer, bye, installed, invite, ok, pause, play, receive, recorded};
use crate::world::{Wall, open, runtime, trunk_to};
use alerts::directory::{ContactFacts, HomeFacts};
use alerts::voice::leg::{LegPhase, LegTimers};
use alerts::voice::speech::{Speech, SpeechSettings};
use alerts::voice::{Voice, VoiceParts, VoiceSettings};
use alerts::{Directory, Engine, EngineSettings};
use async_trait::async_trait;
use care::alarm::State;
use care::cause::Raise;
use care::plan::{Order, Plan, Rung, RungContact};
use care::{Alarm, AlarmId, Cause, ContactId, HomeId, Level, Reason, TimeDelta};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use store::register::{PlanRecord, PlanScope, Put};
use store::sqlite::{DataDir, LedgerOptions, SqliteLedger};
use store::{Clock, Ledger, LedgerError, Register, Tx, desk};

const DIR: &str = "HEARTHLINE_VOICE_LIFE_DIR";
const PORT: &str = "HEARTHLINE_VOICE_LIFE_PORT";

struct Daughter;

#[async_trait]
impl Directory for Daughter {
    async fn contact(&self, _id: &ContactId) -> Result<Option<ContactFacts>, LedgerError> {
        Ok(Some(ContactFacts { addresses: [("voice".to_owned(), "13800000001".to_owned())].into(), language: "en".into() }))
    }

    async fn home(&self, _id: &HomeId) -> Result<HomeFacts, LedgerError> {
        Ok(HomeFacts::default())
    }

    fn zone(&self) -> chrono_tz::Tz {
        chrono_tz::Asia::Shanghai
    }
}

fn plan() -> Plan {
    let contacts = vec![RungContact { contact: "daughter".into(), channels: vec!["voice".into()] }];
    Plan { rungs: vec![Rung { contacts, order: Order::AtOnce, wait: TimeDelta::seconds(30) }], ..Plan::default() }
}

/// One life; ends only by being killed. Without its environment it is no life at all.
#[tokio::test(flavor = "multi_thread")]
async fn a_life() {
    let (Some(dir), Some(port)) = (std::env::var_os(DIR), std::env::var(PORT).ok().and_then(|p| p.parse().ok())) else { return };
    let dir = DataDir::open(Path::new(&dir)).unwrap();
    let (ledger, _) = SqliteLedger::open(&dir, &LedgerOptions::default(), Wall.now()).unwrap();
    let ledger = Arc::new(ledger);
    let clock: Arc<dyn Clock> = Arc::new(Wall);
    let (home, now) = (HomeId::from("home-1"), clock.now());
    let id = match ledger.open_alarm(&home, &Cause::Call).await.unwrap() {
        Some(open) => open.value.id,
        None => {
            ledger.put(vec![Put::Plan(PlanRecord { scope: PlanScope::City, cause: None, level: None, plan: plan() })]).await.unwrap();
            let raise = Raise { cause: Cause::Call, level: Level::Red, reason: Reason::new("device_signal"), key: "k".into(), device: None };
            let id = AlarmId::derive(now, "k");
            let (alarm, effects) = Alarm::raise(id.clone(), home.clone(), Vec::new(), raise, false, &plan(), now);
            ledger.commit(Tx { fence: None, writes: desk::writes(None, &alarm, &effects, now) }).await.unwrap();
            id
        }
    };
    let speech = Speech::new(SpeechSettings { program: None, ..SpeechSettings::default() }, runtime());
    let timers = LegTimers { no_word: Duration::from_secs(30), gap: Duration::from_millis(300), repeats: 1_000, ..LegTimers::default() };
    let parts = VoiceParts { ledger: ledger.clone(), register: ledger.clone(), clock: clock.clone(), speech };
    let voice = Arc::new(Voice::new(vec![Arc::new(open(trunk_to(port)).await)], VoiceSettings { timers, ..VoiceSettings::default() }, parts));
    let claimed = |alarm: &Alarm| matches!(alarm.state, State::Claimed { .. });
    if claimed(&ledger.alarm(&id).await.unwrap().unwrap().value) {
        println!("\nlife: taken before");
    }
    let engine = Arc::new(Engine::new(ledger.clone(), Arc::new(Daughter), vec![voice.clone()], clock, EngineSettings::default()));
    let (_keep, stop) = tokio::sync::watch::channel(false);
    tokio::spawn(async move { engine.run(stop).await });
    let (mut last, mut told) = (None, false);
    loop {
        let phase = voice.underway().first().map(|c| c.phase);
        if phase != last {
            println!("\nlife: {phase:?}");
            last = phase;
        }
        let alarm = ledger.alarm(&id).await.unwrap().unwrap().value;
        // An open alarm always has a next step.
        assert!(alarm.next_step_at.is_some() || matches!(alarm.state, State::Closed { .. }), "no next step: {:?}", alarm.state);
        if claimed(&alarm) && !told {
            println!("\nlife: taken");
            told = true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

struct Life {
    child: Child,
    told: mpsc::Receiver<String>,
}

impl Drop for Life {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Life {
    fn begin(dir: &Path, port: u16) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::a_life", "--nocapture", "--test-threads=1"])
            .env(DIR, dir)
            .env(PORT, port.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let (tell, told) = mpsc::channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if let Some(word) = line.strip_prefix("life: ")
                    && tell.send(word.to_owned()).is_err()
                {
                    return;
                }
            }
        });
        Self { child, told }
    }

    /// Waits for a word; returns all that were said on the way.
    fn until(&self, what: impl Fn(&str) -> bool) -> Vec<String> {
        let start = Instant::now();
        let mut all = Vec::new();
        loop {
            let word = self.told.recv_timeout(PATIENCE.saturating_sub(start.elapsed())).unwrap_or_else(|_| panic!("it does not come to it: {all:?}"));
            let found = what(&word);
            all.push(word);
            if found {
                return all;
            }
        }
    }
}

/// Killed in this state, and after this much more time.
fn round(state: LegPhase, later: Duration) {
    let dir = Dir::new("life");
    let steps = [invite(), answer("100 Trying"), pause(300), answer("180 Ringing"), pause(700), ok(true), receive("ACK"), pause(900), play(&recorded("dtmf_2833_1.pcap")), bye()];
    let party = Sipp::start("life", &steps, 1_000, &[]);
    let life = Life::begin(&dir.0, party.port);
    let word = format!("Some({state:?})");
    let mut said = life.until(|w| w == word || w == "taken");
    std::thread::sleep(later);
    said.extend(life.told.try_iter());
    drop(life);
    // The key that the details follow upon is stored.
    let was_confirmed = said.iter().any(|w| w == "taken" || w == "Some(Details)");
    let life = Life::begin(&dir.0, party.port);
    let said = life.until(|w| w == "taken" || w == "taken before");
    if was_confirmed {
        assert_eq!(said.last().map(String::as_str), Some("taken before"), "a key that was confirmed is lost");
    }
}

#[test]
fn killed_in_any_state_the_contact_is_called_again_and_a_confirmed_key_is_kept() {
    if !installed("sipp") {
        return;
    }
    let long = std::env::var("HEARTHLINE_LONG").is_ok_and(|l| l == "voice");
    let states = [LegPhase::Dialling, LegPhase::Ringing, LegPhase::Talking, LegPhase::Details];
    for n in 0..if long { 100u64 } else { 4 } {
        let state = states[usize::try_from(n % 4).unwrap()];
        // Spread over the state: a key may just be on its way to the disk.
        let later = Duration::from_millis(if long { (n * 37) % 1_000 } else { 0 });
        round(state, later);
        if long {
            println!("round {n}: killed {later:?} after {state:?}");
        }
    }
}
