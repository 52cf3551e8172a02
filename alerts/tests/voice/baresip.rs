//! A telephone of another house as the called party, over UDP and over TLS.

use crate::sipp::{PATIENCE, installed};
use crate::telephone::{Baresip, correlation};
use crate::world::{Stores, call_with, open, runtime, script, timers, trunk_to, until_quiet};
use alerts::voice::audio::length_of;
use alerts::voice::keys::Via;
use alerts::voice::leg::{LegOutcome, LegTimers};
use alerts::voice::sip::{SipTrunk, Transport, TrunkSettings};
use alerts::voice::speech::{Speech, SpeechSettings};
use alerts::voice::talk::Script;
use alerts::voice::{Health, VoiceRoute};
use care::reason::Language;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::time::{Duration, Instant};

/// The phone that is called.
const NUMBER: &str = "+8613800000001";

/// A certificate authority, and the key and certificate of a trunk by it.
pub(crate) fn authority() -> (Vec<u8>, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["trunk.example".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    (issuer.pem().into_bytes(), format!("{}{}", key.serialize_pem(), certificate.pem()))
}

/// The person hears the brief words to their end, and presses 1.
async fn pressed(party: Baresip, trunk: &SipTrunk, script: &Script) -> (alerts::voice::leg::LegReport, Baresip) {
    let brief = script.brief.sound.borrow().as_ref().map(|s| length_of(s)).unwrap_or_default();
    let presser = tokio::task::spawn_blocking(move || {
        party.until("Call established");
        std::thread::sleep(brief + Duration::from_secs(3));
        party.press('1');
        party
    });
    let report = call_with(trunk, script, LegTimers { talk: Duration::from_secs(90), ..timers() }, &Stores::default()).await;
    (report, presser.await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_hears_the_words_and_its_key_takes_the_alarm() {
    if !installed("baresip") || !installed("espeak-ng") {
        return;
    }
    let speech = Speech::new(SpeechSettings::default(), runtime());
    let mut line = speech.line("zh", Language::Zh, "守望平台紧急报警。接手请按 1，转下一位请按 2，重听请按 9。");
    if line.sound.borrow().is_none() {
        tokio::time::timeout(PATIENCE, line.sound.changed()).await.unwrap().unwrap();
    }
    let prompt = line.sound.borrow().clone().unwrap();
    assert!(prompt.len() > 16_000, "the words are {} samples long", prompt.len());
    let script = Script { brief: line, ..script() };
    let party = Baresip::start_as(NUMBER, &authority().1);
    let trunk = open(trunk_to(party.port)).await;
    let (report, party) = pressed(party, &trunk, &script).await;
    assert_eq!(report.outcome, LegOutcome::Acknowledged(Via::Rfc4733), "{}", party.log());
    until_quiet(&trunk).await;
    party.until("terminated");
    let heard = party.heard();
    println!("{:?} were said, {:?} heard", length_of(&prompt), length_of(&heard));
    let found = correlation(&prompt, &heard);
    assert!(found > 0.99, "what the telephone heard is not what was said: {found}");
}

fn tls(port: u16, authorities: Vec<u8>) -> TrunkSettings {
    TrunkSettings {
        transport: Transport::Tls,
        authorities: Some(authorities),
        tls_name: "trunk.example".into(),
        probe_every: Duration::from_secs(1),
        probe_within: Duration::from_secs(30),
        ..trunk_to(port + 1)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_the_right_authority_carries_the_call_and_a_wrong_one_is_named() {
    if !installed("baresip") {
        return;
    }
    let (authorities, pem) = authority();
    let party = Baresip::start_as(NUMBER, &pem);
    let port = party.port;
    let trunk = open(tls(port, authorities)).await;
    let (report, party) = pressed(party, &trunk, &script()).await;
    assert_eq!(report.outcome, LegOutcome::Acknowledged(Via::Rfc4733), "{}", party.log());
    assert_eq!(trunk.health(), Health::Up);
    drop(trunk);
    let trunk = open(tls(port, authority().0)).await;
    let start = Instant::now();
    while trunk.health() == Health::Up {
        assert!(start.elapsed() < PATIENCE, "a wrong certificate is not noticed");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(matches!(trunk.health(), Health::Down(why) if why.contains("TLS was refused")), "{:?}", trunk.health());
    let report = call_with(&trunk, &script(), LegTimers { no_word: Duration::from_secs(3), ..timers() }, &Stores::default()).await;
    assert!(matches!(report.outcome, LegOutcome::RouteDown(_)), "{:?}", report.outcome);
    assert!(matches!(SipTrunk::open(TrunkSettings { authorities: None, ..tls(port, Vec::new()) }, Default::default(), runtime()).await.err(), Some(error) if error.to_string().contains("authorities")));
}
