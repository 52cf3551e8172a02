//! Two people in one call: the operator's phone first, then the other; what one says the other hears.

use crate::baresip::authority;
use crate::sipp::{Dir, Sipp, answer, bye, capture, hangs_up, installed, invite, pause, picks_up, play, receive, recorded};
use crate::telephone::{Baresip, correlation};
use crate::world::{Wall, open, runtime, timers, trunk_to, until_quiet};
use alerts::channel::{Errand, Job};
use alerts::voice::audio::{Law, silence};
use alerts::voice::leg::{LegOutcome, LegReport, LegRequest, LegTimers, Wire};
use alerts::voice::number::{DialPlan, Number};
use alerts::voice::sip::SipTrunk;
use alerts::voice::speech::{Speech, SpeechSettings};
use alerts::voice::talk::Talk;
use alerts::voice::{Connect, Connected, Health, RECORDING, SPEAKING_DEVICE, Voice, VoiceParts, VoiceRoute, VoiceSettings};
use alerts::{Channel, Delivery, EffectKey};
use async_trait::async_trait;
use base64::Engine as _;
use care::alarm::AttemptOutcome;
use care::reason::Language;
use care::{AlarmId, Cause, Level, Reason, TimeDelta};
use std::sync::Arc;
use std::time::Duration;
use store::memory::MemoryLedger;
use store::register::{ContactRecord, Put};
use store::{Clock, Register, SheetAsk};

/// A trunk behind which numbers that end in 1 are one party, and all others another.
struct Split {
    one: SipTrunk,
    two: SipTrunk,
}

impl Split {
    fn of(&self, number: &Number) -> &SipTrunk {
        if format!("{number:?}").ends_with("1)") { &self.one } else { &self.two }
    }
}

#[async_trait]
impl VoiceRoute for Split {
    fn name(&self) -> &str {
        "split"
    }

    fn channels(&self) -> usize {
        8
    }

    async fn place(&self, leg: &LegRequest, talk: Talk<'_>) -> LegReport {
        self.of(&leg.number).place(leg, talk).await
    }

    fn health(&self) -> Health {
        Health::Up
    }

    fn connect(&self, number: &Number, level: Level) -> Option<Wire> {
        self.of(number).connect(number, level)
    }
}

async fn house(one: u16, two: u16, settings: VoiceSettings) -> (Arc<Split>, Arc<Voice>, MemoryLedger) {
    let ledger = MemoryLedger::new();
    let speech = Speech::new(SpeechSettings { program: None, ..SpeechSettings::default() }, runtime());
    let parts = VoiceParts { ledger: Arc::new(ledger.clone()), register: Arc::new(ledger.clone()), clock: Arc::new(Wall), speech };
    let split = Arc::new(Split { one: open(trunk_to(one)).await, two: open(trunk_to(two)).await });
    let voice = Arc::new(Voice::new(vec![split.clone()], settings, parts));
    (split, voice, ledger)
}

/// Time enough after the details to press 3.
fn plain() -> VoiceSettings {
    VoiceSettings { timers: LegTimers { tail: Duration::from_secs(30), ..timers() }, ..VoiceSettings::default() }
}

fn ask() -> Connect {
    Connect {
        alarm: AlarmId::new("a-1"),
        home: "home-1".into(),
        level: Level::Red,
        first: "13800000001".into(),
        second: "13800000002".into(),
        language: Language::Zh,
    }
}

/// Something that is nowhere like itself.
fn noise(samples: usize) -> Vec<i16> {
    let (mut x, mut low) = (99u32, 0i32);
    (0..samples)
        .map(|_| {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            low = (low * 3 + i32::try_from(x >> 18).unwrap() - 8_192) / 4;
            i16::try_from(low * 2).unwrap_or(0)
        })
        .collect()
}

/// The share of the pieces of a fifth of a second that are found in what was heard.
fn found(said: &[i16], heard: &[i16]) -> f64 {
    let pieces: Vec<_> = said.chunks_exact(1_600).collect();
    let good = pieces.iter().filter(|p| correlation(p, heard) > 0.9).count();
    f64::from(u32::try_from(good).unwrap()) / f64::from(u32::try_from(pieces.len()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_phone_rings_first_and_what_is_said_reaches_the_other_and_the_tape() {
    if !installed("sipp") || !installed("baresip") {
        return;
    }
    let dir = Dir::new("bridge");
    let file = dir.0.join("said.pcap");
    let said = noise(8_000 * 2);
    let mut sound = said.clone();
    sound.extend(silence(Duration::from_secs(1)));
    capture(&file, &sound);
    let mut steps = picks_up(true);
    steps.extend([pause(8_000), play(&file), pause(4_500), hangs_up()]);
    let operator = Sipp::start("operator", &steps, 1, &[]);
    let other = Baresip::start_as("+8613800000002", &authority().1);
    let settings = VoiceSettings { recording: Some(TimeDelta::days(1)), ..plain() };
    let (split, voice, ledger) = house(operator.port, other.port, settings).await;
    let came = voice.connect(&ask()).await;
    assert!(matches!(came, Connected::Spoke(length) if length > Duration::from_secs(3)), "{came:?}\n{}", other.log());
    tokio::task::spawn_blocking(|| operator.ends_well()).await.unwrap();
    until_quiet(&split.one).await;
    until_quiet(&split.two).await;
    other.until("terminated");
    let share = found(&said, &other.heard());
    assert!(share > 0.6, "of what was said {share} was heard");
    // The tape has it, too.
    let sheets = ledger.sheets(&SheetAsk::of(RECORDING).home(&"home-1".into())).await.unwrap();
    let tape: Vec<i16> = sheets.iter().flat_map(|s| Law::A.decode(&base64::engine::general_purpose::STANDARD.decode(s.body["sound"].as_str().unwrap()).unwrap())).collect();
    let share = found(&said, &tape);
    assert!(share > 0.6, "of what was said {share} is on the tape");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_answer_is_told_apart() {
    if !installed("sipp") {
        return;
    }
    let busy = || vec![invite(), answer("486 Busy Here"), receive("ACK")];
    // The operator's own phone is engaged: nobody else is called.
    let (operator, other) = (Sipp::start("op-busy", &busy(), 1, &[]), Sipp::start("never", &busy(), 1, &[]));
    let (_split, voice, _) = house(operator.port, other.port, plain()).await;
    assert_eq!(voice.connect(&ask()).await, Connected::FirstNotReached(LegOutcome::Busy));
    drop(other);
    // The other one is engaged: the operator hears so, and is hung up.
    let mut steps = picks_up(true);
    steps.push(bye());
    let (operator, other) = (Sipp::start("op", &steps, 1, &[]), Sipp::start("busy", &busy(), 1, &[]));
    let (_split, voice, _) = house(operator.port, other.port, plain()).await;
    assert_eq!(voice.connect(&ask()).await, Connected::SecondNotReached(LegOutcome::Busy));
    tokio::task::spawn_blocking(|| operator.ends_well()).await.unwrap();
    assert_eq!(voice.connect(&Connect { second: "110".into(), ..ask() }).await, Connected::NotDialled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_who_has_taken_the_alarm_is_connected_to_the_desk_by_key_3() {
    if !installed("sipp") || !installed("baresip") {
        return;
    }
    let desk = Baresip::start_as("+8657188888888", &authority().1);
    let settings = VoiceSettings { desk_phone: Some("0571-88888888".into()), ..plain() };
    connected_by_key("3", desk, settings).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_who_has_taken_the_alarm_speaks_into_the_home_by_key_4() {
    if !installed("sipp") || !installed("baresip") {
        return;
    }
    let device = Baresip::start_as("speaker-2", &authority().1);
    let plan = DialPlan { sip_domains: vec!["homes.example".into()], ..DialPlan::default() };
    connected_by_key("4", device, VoiceSettings { plan, ..plain() }).await;
}

/// A contact takes the alarm, presses this key, and the other party's phone is answered.
async fn connected_by_key(pressed: &str, other: Baresip, settings: VoiceSettings) {
    let mut steps = picks_up(true);
    let key = |k: &str| play(&recorded(&format!("dtmf_2833_{k}.pcap")));
    steps.extend([pause(800), key("1"), pause(1_500), key(pressed), pause(6_000), hangs_up()]);
    let contact = Sipp::start("contact", &steps, 1, &[]);
    let (_split, voice, ledger) = house(contact.port, other.port, settings).await;
    let device = ContactRecord {
        id: "speaker".into(),
        home: Some("home-1".into()),
        name: "speaker".into(),
        relation: SPEAKING_DEVICE.into(),
        addresses: [("voice".to_owned(), "sip:speaker-2@homes.example".to_owned())].into(),
        language: "zh".into(),
    };
    ledger.put(vec![Put::Contact(device)]).await.unwrap();
    let job = Job {
        key: EffectKey { alarm: AlarmId::new("a-1"), no: 1 },
        home: "home-1".into(),
        cause: Cause::Call,
        level: Level::Red,
        test: false,
        raised_at: Wall.now(),
        presses: 1,
        reason: Reason::new("device_signal").into(),
        tries: 1,
        errand: Errand::Notify {
            contact: "daughter".into(),
            address: "13800000001".into(),
            words: alerts::words::Words::default(),
            language: Language::En,
            tongue: "en".into(),
        },
    };
    let take = crate::world::Stores::default();
    let delivery = voice.deliver(&job, &take).await;
    assert_eq!(delivery, Delivery::Ended(AttemptOutcome::Accepted));
    other.until("Call established");
    other.until("terminated");
    tokio::task::spawn_blocking(|| contact.ends_well()).await.unwrap();
}
