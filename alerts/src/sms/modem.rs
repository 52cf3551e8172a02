//! SMS by a GSM modem (3GPP TS 27.005, PDU mode, UCS-2): works while the Internet does not. One message at a time.
//!
//! Untested against a real modem: the tests hold the PDU against published ones and the dialogue against a stub.

use super::{digits, parts, reference};
use crate::channel::{Channel, Delivery, EffectKey, Errand, Failures, Health, Job, Reconciled, Take};
use async_trait::async_trait;
use care::alarm::AttemptOutcome;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Mutex;

/// Longest answer that is read before the modem counts as talking nonsense.
const ANSWER_BYTES_MAX: usize = 4_096;
/// How long a plain command may take.
const COMMAND_WITHIN: Duration = Duration::from_secs(5);
/// How long the network may take for one part.
const SEND_WITHIN: Duration = Duration::from_secs(30);

/// The channel driver `sms_modem`.
pub struct Modem {
    device: PathBuf,
    busy: Mutex<()>,
    failures: Failures,
}

/// What went wrong with a modem.
#[derive(Debug, thiserror::Error)]
pub enum ModemError {
    /// The device cannot be opened, read or written.
    #[error("the modem cannot be spoken to")]
    Io(#[from] std::io::Error),
    /// It does not answer.
    #[error("the modem does not answer in time")]
    Silent,
    /// It said no; its code, if it gave one.
    #[error("the modem refused")]
    Refused(Option<u32>),
}

/// One part as an SMS-SUBMIT in hexadecimal, and the length that `AT+CMGS` wants. `None` if the number is none.
pub fn pdu(number: &str, part: &[u8], has_header: bool) -> Option<(String, usize)> {
    let (digits, international) = digits(number)?;
    let mut tpdu = vec![if has_header { 0x41 } else { 0x01 }, 0x00, u8::try_from(digits.len()).ok()?, if international { 0x91 } else { 0x81 }];
    for pair in digits.as_bytes().chunks(2) {
        let low = pair.first()? - b'0';
        let high = pair.get(1).map_or(0x0F, |b| b - b'0');
        tpdu.push(high << 4 | low);
    }
    tpdu.extend([0x00, 0x08, u8::try_from(part.len()).ok()?]); // protocol, UCS-2, length
    tpdu.extend(part);
    let hex: String = tpdu.iter().map(|b| format!("{b:02X}")).collect();
    Some((format!("00{hex}"), tpdu.len()))
}

/// Sends a text over an open line.
///
/// # Errors
/// If the modem does not take it; some parts may have gone out.
pub async fn send(line: &mut (impl AsyncRead + AsyncWrite + Unpin), number: &str, text: &str, reference: u8) -> Result<(), ModemError> {
    command(line, "ATE0\r", "OK", COMMAND_WITHIN).await?;
    command(line, "AT+CMGF=0\r", "OK", COMMAND_WITHIN).await?;
    let parts = parts(text, reference);
    let several = parts.len() > 1;
    for part in &parts {
        let (hex, length) = pdu(number, part, several).ok_or(ModemError::Refused(None))?;
        command(line, &format!("AT+CMGS={length}\r"), ">", COMMAND_WITHIN).await?;
        command(line, &format!("{hex}\u{1a}"), "OK", SEND_WITHIN).await?;
    }
    Ok(())
}

async fn command(line: &mut (impl AsyncRead + AsyncWrite + Unpin), text: &str, wanted: &str, within: Duration) -> Result<(), ModemError> {
    line.write_all(text.as_bytes()).await?;
    line.flush().await?;
    let answer = async {
        let mut heard = Vec::new();
        let mut buffer = [0u8; 256];
        loop {
            let n = line.read(&mut buffer).await?;
            if n == 0 {
                return Err(ModemError::Io(std::io::ErrorKind::UnexpectedEof.into()));
            }
            heard.extend_from_slice(buffer.get(..n).unwrap_or_default());
            let said = String::from_utf8_lossy(&heard);
            let mut lines = said.split(['\r', '\n']).map(str::trim);
            if let Some(error) = lines.clone().find(|l| *l == "ERROR" || l.starts_with("+CMS ERROR") || l.starts_with("+CME ERROR")) {
                return Err(ModemError::Refused(error.rsplit(' ').next().and_then(|code| code.parse().ok())));
            }
            if lines.any(|l| l == wanted) {
                return Ok(());
            }
            if heard.len() > ANSWER_BYTES_MAX {
                return Err(ModemError::Silent);
            }
        }
    };
    tokio::time::timeout(within, answer).await.map_err(|_| ModemError::Silent)?
}

impl Modem {
    /// Over this serial device, `/dev/ttyUSB0`, whose speed and raw mode are set already (`stty -F … raw -echo`).
    pub fn new(device: PathBuf) -> Self {
        Self { device, busy: Mutex::default(), failures: Failures::default() }
    }

    async fn try_send(&self, number: &str, text: &str, reference: u8) -> Result<(), ModemError> {
        let _alone = self.busy.lock().await;
        let reader = tokio::fs::OpenOptions::new().read(true).write(true).open(&self.device).await?;
        let writer = reader.try_clone().await?;
        send(&mut tokio::io::join(reader, writer), number, text, reference).await
    }
}

#[async_trait]
impl Channel for Modem {
    fn name(&self) -> &str {
        "sms_modem"
    }

    fn is_simulated(&self) -> bool {
        false
    }

    async fn deliver(&self, job: &Job, take: &dyn Take) -> Delivery {
        let Errand::Notify { address, words, .. } = &job.errand else { return Delivery::Ended(AttemptOutcome::Unreachable) };
        if digits(address).is_none() {
            return Delivery::Ended(AttemptOutcome::Unreachable);
        }
        let sent = self.try_send(address, &words.message, reference(&job.key)).await;
        judge(sent, take, &self.failures)
    }

    async fn release(&self, _key: &EffectKey) {}

    async fn reconcile(&self, _key: &EffectKey) -> Reconciled {
        Reconciled::NotKnown
    }

    fn health(&self) -> Health {
        self.failures.health(1, "messages")
    }

    fn seats(&self) -> Option<usize> {
        Some(2)
    }
}

/// What an attempt to send means.
fn judge(sent: Result<(), ModemError>, take: &dyn Take, failures: &Failures) -> Delivery {
    match sent {
        Ok(()) => {
            failures.worked();
            take.reached();
            Delivery::Ended(AttemptOutcome::Delivered)
        }
        // 1, 8, 10, 21, 28: the number is unassigned, barred, rejected, unidentified (3GPP TS 24.011 Annex E).
        Err(ModemError::Refused(Some(1 | 8 | 10 | 21 | 28))) => Delivery::Ended(AttemptOutcome::Unreachable),
        Err(error) => {
            failures.failed();
            tracing::warn!(%error, "a modem did not take a message");
            Delivery::Down
        }
    }
}

#[cfg(test)]
mod tests;
