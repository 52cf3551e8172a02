//! baresip as the called party: a real telephone program that records what it hears, over UDP and over TLS.

use crate::sipp::{Dir, PATIENCE, installed, ports, until_bound};
use crate::world::{Stores, call_with, open, runtime, script, timers, trunk_to, until_quiet};
use alerts::voice::audio::{length_of, read_wav};
use alerts::voice::keys::Via;
use alerts::voice::leg::{LegOutcome, LegTimers};
use alerts::voice::sip::{SipTrunk, Transport, TrunkSettings};
use alerts::voice::speech::{Speech, SpeechSettings};
use alerts::voice::talk::Script;
use alerts::voice::{Health, VoiceRoute};
use care::reason::Language;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) struct Baresip {
    child: Child,
    pub(crate) port: u16,
    ctrl: u16,
    dir: Dir,
}

impl Drop for Baresip {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Baresip {
    /// Answers every call by itself. `pem`: key and certificate for TLS on the next port.
    fn start(pem: &str) -> Self {
        Self::start_as("+8613800000001", pem)
    }

    /// As the phone of this number.
    pub(crate) fn start_as(number: &str, pem: &str) -> Self {
        let dir = Dir::new("baresip");
        let at = dir.0.display();
        let port = ports(8);
        let (ctrl, rtp) = (port + 4, ports(64));
        std::fs::create_dir_all(dir.0.join("rec")).unwrap();
        std::fs::write(dir.0.join("key.pem"), pem).unwrap();
        std::fs::write(dir.0.join("source.wav"), alerts::voice::audio::write_wav(&vec![0; 8_000 * 60])).unwrap();
        let config = format!(
            "sip_listen 127.0.0.1:{port}\nsip_certificate {at}/key.pem\naudio_player aufile,{at}/out.wav\naudio_source aufile,{at}/source.wav\n\
             audio_alert aufile,{at}/alert.wav\naudio_srate 8000-8000\naudio_channels 1-1\nrtp_ports {rtp}-{}\nnet_interface 127.0.0.1\n\
             module_path /usr/lib/baresip/modules\nmodule g711.so\nmodule aufile.so\nmodule sndfile.so\nmodule_tmp account.so\nmodule_app menu.so\n\
             module_app ctrl_tcp.so\nctrl_tcp_listen 127.0.0.1:{ctrl}\nsnd_path {at}/rec\n",
            rtp + 60
        );
        std::fs::write(dir.0.join("config"), config).unwrap();
        std::fs::write(dir.0.join("accounts"), format!("<sip:{number}@127.0.0.1:{port}>;regint=0;answermode=auto;audio_codecs=PCMA\n")).unwrap();
        let log = std::fs::File::create(dir.0.join("log")).unwrap();
        let mut child = Command::new("baresip").arg("-f").arg(&dir.0).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        until_bound(port, &mut child);
        Self { child, port, ctrl, dir }
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.dir.0.join("log")).unwrap_or_default()).into_owned()
    }

    pub(crate) fn until(&self, words: &str) {
        let start = Instant::now();
        while !self.log().contains(words) {
            assert!(start.elapsed() < PATIENCE, "baresip never says {words:?}: {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The person at it presses a key.
    fn press(&self, key: char) {
        let start = Instant::now();
        let mut stream = loop {
            match std::net::TcpStream::connect(("127.0.0.1", self.ctrl)) {
                Ok(stream) => break stream,
                Err(error) => assert!(start.elapsed() < PATIENCE, "baresip takes no orders: {error}"),
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        let order = format!("{{\"command\":\"sndcode\",\"params\":\"{key}\"}}");
        stream.write_all(format!("{}:{order},", order.len()).as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let _its_answer = stream.read(&mut [0; 512]);
    }

    /// What it heard, once the file is whole.
    pub(crate) fn heard(&self) -> Vec<i16> {
        let files = std::fs::read_dir(self.dir.0.join("rec")).unwrap();
        let file = files.map(|f| f.unwrap().path()).find(|p| p.to_string_lossy().ends_with("-dec.wav")).expect("baresip has recorded nothing");
        read_wav(&std::fs::read(file).unwrap()).unwrap()
    }
}

/// The best correlation of a prompt with a part of what was heard.
pub(crate) fn correlation(prompt: &[i16], heard: &[i16]) -> f64 {
    let at = |lag: usize, step: usize| {
        let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
        for (x, y) in prompt.iter().zip(heard.get(lag..).unwrap_or_default()).step_by(step) {
            let (x, y) = (f64::from(*x), f64::from(*y));
            xy += x * y;
            xx += x * x;
            yy += y * y;
        }
        if xx == 0.0 || yy == 0.0 { 0.0 } else { xy / (xx * yy).sqrt() }
    };
    let lags = heard.len().saturating_sub(prompt.len() / 2);
    let rough = (0..lags).map(|lag| (lag, at(lag, 23))).max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(lag, _)| lag);
    (rough.saturating_sub(40)..rough + 40).map(|lag| at(lag, 1)).fold(0.0, f64::max)
}

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
    let party = Baresip::start(&authority().1);
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
    let party = Baresip::start(&pem);
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
