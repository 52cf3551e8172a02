//! A contact who missed the call rings back.

use crate::sipp::{Sipp, installed, pause, play, ports, recorded};
use crate::world::{Wall, open, runtime, timers, trunk_to};
use alerts::directory::{ContactFacts, HomeFacts};
use alerts::voice::speech::{Speech, SpeechSettings};
use alerts::voice::{Voice, VoiceParts, VoiceSettings};
use alerts::Directory;
use async_trait::async_trait;
use care::alarm::{Claimant, State};
use care::cause::Raise;
use care::plan::{Order, Plan, Rung, RungContact};
use care::{Alarm, AlarmId, Cause, ContactId, HomeId, Level, Reason, TimeDelta};
use std::sync::Arc;
use store::memory::MemoryLedger;
use store::{Clock, Ledger, LedgerError, Tx, desk};
use tokio::sync::mpsc;

struct Daughter;

#[async_trait]
impl Directory for Daughter {
    async fn contact(&self, _id: &ContactId) -> Result<Option<ContactFacts>, LedgerError> {
        Ok(Some(ContactFacts { addresses: [("voice".to_owned(), "138 0000 0001".to_owned())].into(), language: "zh".into() }))
    }

    async fn home(&self, _id: &HomeId) -> Result<HomeFacts, LedgerError> {
        Ok(HomeFacts::default())
    }

    fn zone(&self) -> chrono_tz::Tz {
        chrono_tz::Asia::Shanghai
    }
}

/// A call from this number to the trunk's port at `to`.
fn rings(from: &str, answered: bool) -> Vec<String> {
    let head = format!(
        "Via: SIP/2.0/UDP 127.0.0.1:[local_port];branch=[branch]\nFrom: <sip:{from}@127.0.0.1:[local_port]>;tag=[pid]caller[call_number]\n"
    );
    let invite = format!(
        "<send retrans=\"500\"><![CDATA[\n\nINVITE sip:desk@[remote_ip]:[remote_port] SIP/2.0\n{head}To: <sip:desk@[remote_ip]>\nCall-ID: [call_id]\nCSeq: 1 INVITE\n\
         Contact: <sip:{from}@127.0.0.1:[local_port]>\nMax-Forwards: 70\nContent-Type: application/sdp\nContent-Length: [len]\n\n{}\n]]></send>\n",
        crate::sipp::sdp(true)
    );
    let ack = |cseq: &str| {
        format!("<send><![CDATA[\n\nACK sip:desk@[remote_ip]:[remote_port] SIP/2.0\n{head}[last_To:]\nCall-ID: [call_id]\nCSeq: 1 {cseq}\nMax-Forwards: 70\nContent-Length: 0\n\n]]></send>\n")
    };
    let provisional = "<recv response=\"100\" optional=\"true\"></recv>\n<recv response=\"180\" optional=\"true\"></recv>\n".to_owned();
    if answered {
        vec![
            invite,
            provisional,
            "<recv response=\"200\"></recv>\n".into(),
            ack("ACK"),
            pause(1_500),
            play(&recorded("dtmf_2833_1.pcap")),
            crate::sipp::bye(),
        ]
    } else {
        vec![invite, provisional, "<recv response=\"486\"></recv>\n".into(), ack("ACK")]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_rings_back_reaches_the_open_alarm_and_still_needs_the_key_and_a_stranger_hears_an_engaged_line() {
    if !installed("sipp") {
        return;
    }
    let ledger = Arc::new(MemoryLedger::new());
    let contacts = vec![RungContact { contact: "daughter".into(), channels: vec!["voice".into()] }];
    let plan = Plan { rungs: vec![Rung { contacts, order: Order::AtOnce, wait: TimeDelta::seconds(30) }], ..Plan::default() };
    let (id, now) = (AlarmId::derive(Wall.now(), "k"), Wall.now());
    let raise = Raise { cause: Cause::Call, level: Level::Red, reason: Reason::new("device_signal"), key: "k".into(), device: None };
    let (alarm, effects) = Alarm::raise(id.clone(), HomeId::from("home-1"), Vec::new(), raise, false, &plan, now);
    ledger.commit(Tx { fence: None, writes: desk::writes(None, &alarm, &effects, now) }).await.unwrap();
    let trunk = open(trunk_to(ports(2))).await;
    let (rung, incoming) = mpsc::unbounded_channel();
    trunk.take_incoming(rung);
    let port = trunk.local_addr().port();
    let speech = Speech::new(SpeechSettings { program: None, ..SpeechSettings::default() }, runtime());
    let parts = VoiceParts { ledger: ledger.clone(), register: ledger.clone(), clock: Arc::new(Wall), speech };
    let voice = Arc::new(Voice::new(vec![Arc::new(trunk)], VoiceSettings { timers: timers(), ..VoiceSettings::default() }, parts));
    tokio::spawn(voice.answer_callers(Arc::new(Daughter), incoming));
    let peer = format!("127.0.0.1:{port}");
    let stranger = Sipp::start("stranger", &rings("13900000009", false), 1, &[&peer]);
    tokio::task::spawn_blocking(|| stranger.ends_well()).await.unwrap();
    assert_eq!(ledger.alarm(&id).await.unwrap().unwrap().value.state, State::Raised);
    let daughter = Sipp::start("daughter", &rings("+8613800000001", true), 1, &[&peer]);
    tokio::task::spawn_blocking(|| daughter.ends_well()).await.unwrap();
    let state = ledger.alarm(&id).await.unwrap().unwrap().value.state;
    assert!(matches!(&state, State::Claimed { by: Claimant::Contact(c), .. } if c.as_str() == "daughter"), "{state:?}");
}
