//! SMS by SMPP 3.4 (SMS Forum): a small client of our own. One bound connection, kept by `enquire_link`, made anew when
//! it breaks; a message is one `submit_sm` a part, UCS-2. Delivery reports are answered and are no acknowledgement
//! (ALM-3).

use super::{digits, parts, reference};
use crate::channel::{Channel, Delivery, EffectKey, Errand, Failures, Health, Job, Reconciled, Take};
use async_trait::async_trait;
use care::alarm::AttemptOutcome;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

/// Largest PDU that is read (LIM-1).
const PDU_BYTES_MAX: u32 = 16 * 1024;
/// A connection that was not used for this long is tried by `enquire_link` before a message is trusted to it.
const IDLE_MAX: Duration = Duration::from_secs(20);

const SUBMIT_SM: u32 = 0x0000_0004;
const DELIVER_SM: u32 = 0x0000_0005;
const UNBIND: u32 = 0x0000_0006;
const BIND_TRANSCEIVER: u32 = 0x0000_0009;
const ENQUIRE_LINK: u32 = 0x0000_0015;
const RESPONSE: u32 = 0x8000_0000;

/// An account at a message centre.
#[derive(Clone)]
pub struct SmppSettings {
    /// `host:port`.
    pub centre: String,
    /// `system_id`.
    pub user: String,
    /// At most 8 characters. Never logged.
    pub password: String,
    /// The sender: a number, or a word.
    pub sender: String,
    /// How long the centre may take for one answer.
    pub answer_within: Duration,
}

/// One PDU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pdu {
    /// What it is.
    pub command: u32,
    /// 0 = good.
    pub status: u32,
    /// The number that question and answer share.
    pub sequence: u32,
    /// The rest.
    pub body: Vec<u8>,
}

impl Pdu {
    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        let length = u32::try_from(self.body.len() + 16).unwrap_or(u32::MAX);
        let head = [length, self.command, self.status, self.sequence].map(u32::to_be_bytes).concat();
        [head, self.body.clone()].concat()
    }
}

/// What went wrong with a message centre.
#[derive(Debug, thiserror::Error)]
pub enum SmppError {
    /// The connection broke.
    #[error("the message centre cannot be reached")]
    Io(#[from] std::io::Error),
    /// It does not answer.
    #[error("the message centre does not answer in time")]
    Silent,
    /// It said no; its `command_status`.
    #[error("the message centre refused with status {0:#x}")]
    Refused(u32),
    /// What it said is no SMPP.
    #[error("the message centre talks nonsense")]
    Nonsense,
}

fn c_string(text: &str, most: usize) -> Vec<u8> {
    let mut out: Vec<u8> = text.bytes().filter(|b| *b != 0).take(most).collect();
    out.push(0);
    out
}

/// The body of `bind_transceiver`.
pub fn bind(user: &str, password: &str) -> Vec<u8> {
    [c_string(user, 15), c_string(password, 8), c_string("", 0), vec![0x34, 0, 0], c_string("", 0)].concat()
}

/// The body of `submit_sm` for one part in UCS-2. `None` if the number is none.
pub fn submit(sender: &str, number: &str, part: &[u8], has_header: bool) -> Option<Vec<u8>> {
    let (digits_to, international) = digits(number)?;
    // Type of number: international, national, or a word; numbering plan: telephone or unknown.
    let from = match digits(sender) {
        Some((number, true)) => [vec![1, 1], c_string(&number, 20)].concat(),
        Some((number, false)) => [vec![0, 1], c_string(&number, 20)].concat(),
        None => [vec![5, 0], c_string(sender, 20)].concat(),
    };
    let to = [vec![u8::from(international), 1], c_string(&digits_to, 20)].concat();
    let class = if has_header { 0x40 } else { 0x00 };
    // esm_class, protocol, priority 3, no schedule, no validity, no report, no replace, UCS-2, no canned message.
    let middle = vec![class, 0, 3, 0, 0, 0, 0, 8, 0, u8::try_from(part.len()).ok()?];
    Some([c_string("", 0), from, to, middle, part.to_vec()].concat())
}

struct Session {
    stream: TcpStream,
    sequence: u32,
    used: tokio::time::Instant,
}

impl Session {
    async fn open(settings: &SmppSettings) -> Result<Self, SmppError> {
        let stream = within(settings, TcpStream::connect(&settings.centre)).await?;
        stream.set_nodelay(true)?;
        let mut session = Self { stream, sequence: 0, used: tokio::time::Instant::now() };
        session.ask(settings, BIND_TRANSCEIVER, bind(&settings.user, &settings.password)).await?;
        Ok(session)
    }

    /// Asks and waits for the answer; what the centre says in between is answered.
    async fn ask(&mut self, settings: &SmppSettings, command: u32, body: Vec<u8>) -> Result<(), SmppError> {
        self.sequence = self.sequence.wrapping_add(1).max(1);
        let question = Pdu { command, status: 0, sequence: self.sequence, body };
        self.stream.write_all(&question.encode()).await?;
        let stop = tokio::time::Instant::now() + settings.answer_within;
        loop {
            let heard = tokio::time::timeout_at(stop, read(&mut self.stream)).await.map_err(|_| SmppError::Silent)??;
            if heard.command == (command | RESPONSE) && heard.sequence == self.sequence {
                self.used = tokio::time::Instant::now();
                return if heard.status == 0 { Ok(()) } else { Err(SmppError::Refused(heard.status)) };
            }
            match heard.command {
                DELIVER_SM => self.answer(&heard, vec![0]).await?,
                ENQUIRE_LINK => self.answer(&heard, Vec::new()).await?,
                UNBIND => {
                    self.answer(&heard, Vec::new()).await?;
                    return Err(SmppError::Io(std::io::ErrorKind::ConnectionAborted.into()));
                }
                _ => {} // an answer that came too late, or something newer than 3.4
            }
        }
    }

    async fn answer(&mut self, to: &Pdu, body: Vec<u8>) -> Result<(), SmppError> {
        let answer = Pdu { command: to.command | RESPONSE, status: 0, sequence: to.sequence, body };
        Ok(self.stream.write_all(&answer.encode()).await?)
    }
}

async fn within<T>(settings: &SmppSettings, work: impl Future<Output = std::io::Result<T>>) -> Result<T, SmppError> {
    Ok(tokio::time::timeout(settings.answer_within, work).await.map_err(|_| SmppError::Silent)??)
}

/// Reads one PDU.
///
/// # Errors
/// If the connection ends or the length cannot be.
pub async fn read(from: &mut (impl tokio::io::AsyncRead + Unpin)) -> Result<Pdu, SmppError> {
    let length = from.read_u32().await?;
    if !(16..=PDU_BYTES_MAX).contains(&length) {
        return Err(SmppError::Nonsense);
    }
    let (command, status, sequence) = (from.read_u32().await?, from.read_u32().await?, from.read_u32().await?);
    let mut body = vec![0; usize::try_from(length - 16).unwrap_or_default()];
    from.read_exact(&mut body).await?;
    Ok(Pdu { command, status, sequence, body })
}

/// The channel driver `sms_smpp`.
pub struct Smpp {
    settings: SmppSettings,
    session: Mutex<Option<Session>>,
    failures: Failures,
}

impl Smpp {
    /// With this account. Connects with the first message.
    pub fn new(settings: SmppSettings) -> Self {
        Self { settings, session: Mutex::default(), failures: Failures::default() }
    }

    async fn send(&self, number: &str, text: &str, reference: u8) -> Result<(), SmppError> {
        let mut kept = self.session.lock().await;
        // A session whose call was dropped in the middle is not used again.
        let mut session = match kept.take() {
            Some(mut session) if session.used.elapsed() > IDLE_MAX => match session.ask(&self.settings, ENQUIRE_LINK, Vec::new()).await {
                Ok(()) => session,
                Err(_) => Session::open(&self.settings).await?,
            },
            Some(session) => session,
            None => Session::open(&self.settings).await?,
        };
        let parts = parts(text, reference);
        for part in &parts {
            let body = submit(&self.settings.sender, number, part, parts.len() > 1).ok_or(SmppError::Nonsense)?;
            match session.ask(&self.settings, SUBMIT_SM, body).await {
                Ok(()) => {}
                Err(error @ SmppError::Refused(_)) => {
                    *kept = Some(session);
                    return Err(error);
                }
                Err(error) => return Err(error),
            }
        }
        *kept = Some(session);
        Ok(())
    }
}

#[async_trait]
impl Channel for Smpp {
    fn name(&self) -> &str {
        "sms_smpp"
    }

    fn is_simulated(&self) -> bool {
        false
    }

    async fn deliver(&self, job: &Job, take: &dyn Take) -> Delivery {
        let Errand::Notify { address, words, .. } = &job.errand else { return Delivery::Ended(AttemptOutcome::Unreachable) };
        if digits(address).is_none() {
            return Delivery::Ended(AttemptOutcome::Unreachable);
        }
        match self.send(address, &words.message, reference(&job.key)).await {
            Ok(()) => {
                self.failures.worked();
                take.reached();
                Delivery::Ended(AttemptOutcome::Delivered)
            }
            // Invalid destination: address, type of number, numbering plan.
            Err(SmppError::Refused(0x0B | 0x50 | 0x51)) => Delivery::Ended(AttemptOutcome::Unreachable),
            // The queue is full, or too many messages a second.
            Err(SmppError::Refused(0x14 | 0x58)) => Delivery::Again(None),
            Err(error) => {
                self.failures.failed();
                tracing::warn!(%error, "a message centre did not take a message");
                Delivery::Down
            }
        }
    }

    async fn release(&self, _key: &EffectKey) {}

    async fn reconcile(&self, _key: &EffectKey) -> Reconciled {
        Reconciled::NotKnown
    }

    fn health(&self) -> Health {
        self.failures.health(1, "messages")
    }

    fn deliver_within(&self) -> Duration {
        // Connection, bind and six parts.
        self.settings.answer_within.saturating_mul(8)
    }
}

#[cfg(test)]
mod tests;
