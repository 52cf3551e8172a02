//! The operators' own line, and what of the telephone the duty desk shows.

use alerts::voice::leg::LegPhase;
use alerts::voice::{Connect, Connected, Voice};
use care::reason::Language;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::ledger::{Tx, Write};

/// The operators' own line: their phone rings first.
pub(crate) struct Line {
    voice: Arc<Voice>,
    handsets: BTreeMap<String, String>,
    ledger: Arc<dyn store::Ledger>,
    clock: Arc<dyn store::Clock>,
}

impl Line {
    pub(crate) fn new(voice: Arc<Voice>, handsets: BTreeMap<String, String>, ledger: Arc<dyn store::Ledger>, clock: Arc<dyn store::Clock>) -> Self {
        Self { voice, handsets, ledger, clock }
    }
}

impl console::Switchboard for Line {
    fn connect(&self, ask: console::Connection) -> Result<(), console::NoConnection> {
        let first = [ask.operator.as_str(), &ask.operator_name].iter().find_map(|name| self.handsets.get(*name)).cloned().ok_or(console::NoConnection::NoHandset)?;
        let (voice, ledger, clock) = (self.voice.clone(), self.ledger.clone(), self.clock.clone());
        tokio::spawn(async move {
            let connect = Connect { alarm: ask.alarm.clone(), home: ask.home, level: ask.level, first, second: ask.number, language: Language::Zh };
            let came = voice.connect(&connect).await;
            let now = clock.now();
            let note = Write::Note { alarm: ask.alarm.clone(), at: now, by: ask.operator.as_str().to_owned(), kind: "call".into(), text: told(&ask.to, &came) };
            let audit = Write::Audit { at: now, who: ask.operator.as_str().to_owned(), action: format!("alarm.connect.{}", came.word()), subject: format!("{}/{}", ask.alarm, ask.to) };
            if let Err(error) = ledger.commit(Tx { fence: None, writes: vec![note, audit] }).await {
                tracing::error!(alarm.id = %ask.alarm, %error, "how a call of the desk ended could not be stored");
            }
        });
        Ok(())
    }
}

/// What is noted at the alarm: whom, how it ended, and for a conversation its length in seconds. The console says it in words.
fn told(to: &console::Party, came: &Connected) -> String {
    match came {
        Connected::Spoke(length) => format!("{to} spoke {}", length.as_secs()),
        Connected::FirstNotReached(why) => format!("{to} own_phone {}", why.word()),
        Connected::SecondNotReached(why) => format!("{to} not_reached {}", why.word()),
        Connected::GivenUp => format!("{to} given_up"),
        Connected::NotDialled => format!("{to} not_dialled"),
        Connected::NoLine => format!("{to} no_line"),
    }
}

/// The operators' own line of a demo: the phones are the simulated exchange's, and no real person is ever reached.
pub(crate) struct DemoLine {
    exchange: Arc<alerts::exchange::Exchange>,
    ledger: Arc<dyn store::Ledger>,
    clock: Arc<dyn store::Clock>,
}

impl DemoLine {
    pub(crate) fn new(exchange: Arc<alerts::exchange::Exchange>, ledger: Arc<dyn store::Ledger>, clock: Arc<dyn store::Clock>) -> Self {
        Self { exchange, ledger, clock }
    }
}

/// How long a simulated conversation takes, and how long a simulated phone rings in vain.
const DEMO_CALL: (i64, i64) = (12, 6);

impl console::Switchboard for DemoLine {
    fn connect(&self, ask: console::Connection) -> Result<(), console::NoConnection> {
        use alerts::exchange::Manner;
        let answered = match &ask.to {
            console::Party::Authority(_) => true,
            console::Party::Elder(_) | console::Party::Contact(_) => match self.exchange.manner(&ask.number) {
                Manner::Takes | Manner::PassesOn => true,
                Manner::Voicemail | Manner::NoAnswer | Manner::Busy | Manner::Off | Manner::Waits => false,
            },
        };
        let (ledger, clock) = (self.ledger.clone(), self.clock.clone());
        tokio::spawn(async move {
            let (talk, ring) = DEMO_CALL;
            let length = if answered { talk } else { ring };
            clock.sleep_until(clock.now() + care::TimeDelta::seconds(length)).await;
            let text = if answered { format!("{} spoke {length}", ask.to) } else { format!("{} not_reached no_answer", ask.to) };
            let note = Write::Note { alarm: ask.alarm.clone(), at: clock.now(), by: ask.operator.as_str().to_owned(), kind: "call".into(), text };
            if let Err(error) = ledger.commit(Tx { fence: None, writes: vec![note] }).await {
                tracing::error!(alarm.id = %ask.alarm, %error, "how a call of the desk ended could not be stored");
            }
        });
        Ok(())
    }
}

/// What of the telephone the desk shows: simulated calls, or real ones.
pub(crate) struct Calls {
    pub(crate) exchange: crate::pulse::ExchangeDoing,
    pub(crate) voice: Option<Arc<Voice>>,
}

impl console::Doing for Calls {
    fn underway(&self, alarm: &care::AlarmId) -> Vec<console::Underway> {
        let mut out = self.exchange.underway(alarm);
        let real = self.voice.as_ref().map(|v| v.underway()).unwrap_or_default();
        out.extend(real.into_iter().filter(|c| c.alarm == *alarm).map(|c| console::Underway {
            contact: c.contact,
            channel: "voice".into(),
            phase: match c.phase {
                LegPhase::Dialling => console::Phase::Dialling,
                LegPhase::Ringing => console::Phase::Ringing,
                LegPhase::Talking | LegPhase::Details => console::Phase::Answered,
            },
            since: c.since,
        }));
        out
    }
}
