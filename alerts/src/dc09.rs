//! SIA DC-09, out: one alarm as a Contact ID report to a receiving centre that exists already. Its ACK means that the
//! centre has the report, and nothing more: it never acknowledges an alarm (ALM-3).
//!
//! ```text
//!  report, sequence number of the effect ─▶ ACK        ─▶ delivered
//!                                        ├▶ NAK, time  ─▶ once more, with the centre's time
//!                                        ├▶ NAK alone  ─▶ the centre does not know the account: the next channel
//!                                        ├▶ DUH        ─▶ declined
//!                                        └▶ silence    ─▶ again: the same number, so that the centre can tell a copy
//! ```

use crate::channel::{Channel, Delivery, EffectKey, Errand, Failures, Health, Job, Reconciled, Take};
use async_trait::async_trait;
use care::alarm::AttemptOutcome;
use care::plan::ChannelName;
use care::{Cause, HomeId, TimeDelta, Timestamp};
use ring::rand::{SecureRandom, SystemRandom};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use store::Clock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wire::dc09::{Frame, Key, Taken, Token, bare, parse, take};

/// Most that is read of an answer, bytes.
const ANSWER_BYTES_MAX: usize = 4 * 1024;
/// How far the time in an encrypted answer may be from that of the report: an older one was recorded.
const ANSWER_AGE_MAX: TimeDelta = TimeDelta::minutes(2);

/// How reports are sent.
#[derive(Clone)]
pub struct Dc09Settings {
    /// The key of the frames; `None` = in the clear.
    pub key: Option<Key>,
    /// The receiver number (`R`): some centres answer nonsense without one.
    pub receiver: String,
    /// The line or account prefix (`L`).
    pub line: String,
    /// The account of each home; a home that has none reports by the account of the address.
    pub accounts: BTreeMap<HomeId, String>,
    /// How long the connection may take.
    pub connect_within: Duration,
    /// How long the centre may take for its answer.
    pub answer_within: Duration,
}

impl Default for Dc09Settings {
    fn default() -> Self {
        let (connect_within, answer_within) = (Duration::from_secs(5), Duration::from_secs(10));
        Self { key: None, receiver: "1".into(), line: "0".into(), accounts: BTreeMap::new(), connect_within, answer_within }
    }
}

/// The channel `dc09`: addresses are `host:port/account`, by TCP.
pub struct Dc09 {
    settings: Dc09Settings,
    clock: Arc<dyn Clock>,
    random: SystemRandom,
    failures: Failures,
}

/// What an exchange came to.
enum Answer {
    Taken,
    /// Not taken: with the centre's time because ours is wrong, without it because it does not know the account.
    Refused(Option<Timestamp>),
    NotUnderstood,
}

/// Whether an acknowledgement is the centre's own to this report: the report's number and, where the report was encrypted, encrypted
/// with the key at about the time of the report. Anybody can say it in the clear, or again.
fn proves(answer: &Frame, report: &Frame) -> bool {
    let fresh = || answer.sent_at.zip(report.sent_at).is_some_and(|(theirs, ours)| (theirs - ours).abs() <= ANSWER_AGE_MAX);
    answer.seq == report.seq && answer.encrypted == report.encrypted && (!report.encrypted || fresh())
}

/// The Contact ID code of a cause. Sources: SIA DC-05, and Climax's manual for inactivity (641) and a lost sensor (147).
pub fn code(cause: &Cause) -> &'static str {
    match cause {
        Cause::Call => "101",
        // 102 is "fall" in pendants, but "failed to report" in the standard: a fall calls for help.
        Cause::Fall => "100",
        Cause::Smoke => "111",
        Cause::Gas => "151",
        Cause::CarbonMonoxide => "162",
        Cause::WaterLeak => "154",
        Cause::Inactivity | Cause::Anomaly(_) => "641",
        // A district in the dark: mains lost.
        Cause::Technical(_) if care::district::area_of(cause).is_some() => "301",
        Cause::Technical(what) => match what.as_str() {
            "device_silent" | "hub_offline" => "147",
            "battery_low" => "384",
            "tamper" => "137",
            "power_cut" => "301",
            _ => "300",
        },
    }
}

/// The sequence number of an effect, 1 to 9999: the same however often it is tried.
fn sequence(key: &EffectKey) -> u16 {
    let hash = key.to_string().bytes().fold(0x811c_9dc5u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    u16::try_from(hash % 9_999).unwrap_or(0) + 1
}

fn address(text: &str) -> Option<(&str, &str)> {
    let (centre, account) = text.trim().rsplit_once('/')?;
    let sound = (1..=16).contains(&account.len()) && account.bytes().all(|byte| byte.is_ascii_hexdigit());
    (sound && centre.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())).then_some((centre, account))
}

impl Dc09 {
    /// With these settings. Connects anew for each report, as panels do.
    pub fn new(settings: Dc09Settings, clock: Arc<dyn Clock>) -> Self {
        Self { settings, clock, random: SystemRandom::new(), failures: Failures::default() }
    }

    fn report(&self, job: &Job, account: &str) -> Frame {
        // 601 is a manual test: a drill must not call anybody out over there.
        let code = if job.test { "601" } else { code(&job.cause) };
        Frame {
            token: Token::AdmCid,
            encrypted: self.settings.key.is_some(),
            seq: sequence(&job.key),
            receiver: Some(self.settings.receiver.clone()),
            line: Some(self.settings.line.clone()),
            account: self.settings.accounts.get(&job.home).map_or(account, String::as_str).to_owned(),
            data: format!("1{code} 00 000"),
            extended: Vec::new(),
            sent_at: Some(self.clock.now()),
        }
    }

    fn byte(&self) -> u8 {
        let mut one = [0u8];
        match self.random.fill(&mut one) {
            Ok(()) => one[0],
            Err(_) => 0xa7,
        }
    }

    async fn exchange(&self, centre: &str, frame: &Frame) -> std::io::Result<Answer> {
        let late = |what: &'static str| move |_| std::io::Error::new(std::io::ErrorKind::TimedOut, what);
        let bytes = frame.encode(self.settings.key.as_ref(), &mut || self.byte()).ok_or_else(|| std::io::Error::other("the frame cannot be written"))?;
        let mut socket = tokio::time::timeout(self.settings.connect_within, TcpStream::connect(centre)).await.map_err(late("no connection"))??;
        let talk = async {
            socket.write_all(&bytes).await?;
            let mut heard = Vec::new();
            loop {
                if socket.read_buf(&mut heard).await? == 0 || heard.len() > ANSWER_BYTES_MAX {
                    return Err(std::io::Error::other("no answer"));
                }
                while let Taken::Frame { skip, length } = take(&heard) {
                    let answer: Vec<u8> = heard.drain(..skip + length).skip(skip).collect();
                    let Ok(answer) = parse(&answer, |_| self.settings.key.clone()) else { continue };
                    match answer.token {
                        Token::Ack | Token::Rsp if proves(&answer, frame) => return Ok(Answer::Taken),
                        Token::Nak => return Ok(Answer::Refused(answer.sent_at)),
                        Token::Duh => return Ok(Answer::NotUnderstood),
                        // An answer to something else, or anybody's.
                        Token::Ack | Token::Rsp | Token::AdmCid | Token::SiaDcs | Token::Null | Token::ExtendedNull | Token::Other(_) => {}
                    }
                }
                match bare(&heard) {
                    Some(Token::Nak) => return Ok(Answer::Refused(None)),
                    Some(Token::Duh) => return Ok(Answer::NotUnderstood),
                    // Without a number nothing is acknowledged.
                    Some(_) | None => {}
                }
            }
        };
        tokio::time::timeout(self.settings.answer_within, talk).await.map_err(late("no answer in time"))?
    }
}

#[async_trait]
impl Channel for Dc09 {
    fn name(&self) -> &str {
        ChannelName::DC09
    }

    fn is_simulated(&self) -> bool {
        false
    }

    async fn deliver(&self, job: &Job, take: &dyn Take) -> Delivery {
        let Errand::Notify { address: text, .. } = &job.errand else { return Delivery::Ended(AttemptOutcome::Unreachable) };
        let Some((centre, account)) = address(text) else { return Delivery::Ended(AttemptOutcome::Unreachable) };
        let mut frame = self.report(job, account);
        let mut answer = self.exchange(centre, &frame).await;
        if let Ok(Answer::Refused(Some(theirs))) = answer {
            // The centre believes its own clock: the report is not lost to a difference.
            let apart: TimeDelta = theirs - self.clock.now();
            tracing::debug!(apart_s = apart.num_seconds(), "the centre's clock differs from ours");
            frame.sent_at = Some(theirs);
            answer = self.exchange(centre, &frame).await;
        }
        let failed = |delivery| {
            self.failures.failed();
            delivery
        };
        match answer {
            Ok(Answer::Taken) => {
                self.failures.worked();
                take.reached();
                Delivery::Ended(AttemptOutcome::Delivered)
            }
            Ok(Answer::NotUnderstood) => {
                take.reached();
                Delivery::Ended(AttemptOutcome::Declined)
            }
            Ok(Answer::Refused(_)) => failed(Delivery::Down),
            Err(error) if error.kind() == std::io::ErrorKind::TimedOut => failed(Delivery::Down),
            Err(_) => failed(Delivery::Again(None)),
        }
    }

    async fn release(&self, _key: &EffectKey) {}

    async fn reconcile(&self, _key: &EffectKey) -> Reconciled {
        Reconciled::NotKnown
    }

    fn health(&self) -> Health {
        self.failures.health(1, "reports")
    }

    fn route(&self, text: &str) -> String {
        address(text).map(|(centre, _)| centre.to_owned()).unwrap_or_default()
    }

    fn deliver_within(&self) -> Duration {
        // Twice, if the centre's clock differs.
        (self.settings.answer_within + self.settings.connect_within) * 2 + Duration::from_secs(1)
    }
}

#[cfg(test)]
mod tests;
