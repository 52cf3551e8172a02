//! One frame: bytes to fields and back, and the answers to it.

use super::FRAME_BYTES_MAX;
use super::cipher::{Key, unhex};
use care::Timestamp;
use chrono::NaiveDateTime;
use std::fmt::Write as _;

/// What a frame is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// Contact ID.
    AdmCid,
    /// SIA DC-03 blocks.
    SiaDcs,
    /// A link test without an event.
    Null,
    /// A link test with extended data.
    ExtendedNull,
    /// Received.
    Ack,
    /// Not accepted: the time is off.
    Nak,
    /// Understood, but it cannot be handled.
    Duh,
    /// Received, with a word back.
    Rsp,
    /// Another token, by its name.
    Other(String),
}

impl Token {
    /// The name on the wire, without the star of encryption.
    pub fn name(&self) -> &str {
        match self {
            Self::AdmCid => "ADM-CID",
            Self::SiaDcs => "SIA-DCS",
            Self::Null => "NULL",
            Self::ExtendedNull => "XNM",
            Self::Ack => "ACK",
            Self::Nak => "NAK",
            Self::Duh => "DUH",
            Self::Rsp => "RSP",
            Self::Other(name) => name,
        }
    }

    fn parse(name: &str) -> Self {
        [Self::AdmCid, Self::SiaDcs, Self::Null, Self::ExtendedNull, Self::Ack, Self::Nak, Self::Duh, Self::Rsp]
            .into_iter()
            .find(|token| token.name() == name)
            .unwrap_or_else(|| Self::Other(name.chars().take(32).collect()))
    }
}

/// A frame, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub token: Token,
    /// Whether its content was, or is to be, encrypted.
    pub encrypted: bool,
    /// The sequence number: 1 to 9999, 0 for link tests and NAK.
    pub seq: u16,
    /// The receiver number (`R`), if given.
    pub receiver: Option<String>,
    /// The line or account prefix (`L`), if given.
    pub line: Option<String>,
    /// The account as it was written. Compare by [`account_key`]: some senders drop leading zeros.
    pub account: String,
    /// The data between the brackets, without the account.
    pub data: String,
    /// Extended data, by its letter.
    pub extended: Vec<(char, String)>,
    /// The sender's time.
    pub sent_at: Option<Timestamp>,
}

/// Why bytes are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameFault {
    /// Not of the form of a frame.
    #[error("the bytes have not the form of a frame")]
    Form,
    /// The length field differs from the length.
    #[error("the frame's length is not what it says")]
    Length,
    /// The check sum differs.
    #[error("the frame's check sum does not fit")]
    CheckSum,
    /// Encrypted, and no key is known for the account, or it is the wrong one.
    #[error("the frame could not be decrypted")]
    Encrypted,
}

/// What stands at the beginning of a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// A frame of so many bytes after `skip` bytes of something else.
    Frame {
        /// Bytes before the frame.
        skip: usize,
        /// Bytes of the frame, LF and CR included.
        length: usize,
    },
    /// The frame is not complete yet; so many bytes before it can go.
    More {
        /// Bytes before its beginning.
        skip: usize,
    },
}

/// Finds the next frame in what has been received. A beginning that grows beyond
/// [`FRAME_BYTES_MAX`] without an end is dropped.
pub fn take(buffer: &[u8]) -> Taken {
    let Some(mut skip) = buffer.iter().position(|b| *b == b'\n') else { return Taken::More { skip: buffer.len() } };
    let rest = buffer.get(skip..).unwrap_or_default();
    match rest.iter().position(|b| *b == b'\r') {
        Some(end) => {
            // A beginning inside of what looked like a frame: the first one was cut off.
            let inner = rest.get(..end).and_then(|body| body.iter().rposition(|b| *b == b'\n')).unwrap_or(0);
            skip += inner;
            Taken::Frame { skip, length: end + 1 - inner }
        }
        None if rest.len() > FRAME_BYTES_MAX => Taken::More { skip: buffer.len() },
        None => Taken::More { skip },
    }
}

/// The token that was received alone, without a frame around it: some centres refuse an account so that they do not know. It has no number
/// and no check sum, and proves nothing.
pub fn bare(buffer: &[u8]) -> Option<Token> {
    let name = std::str::from_utf8(buffer).ok()?.trim().strip_prefix('"')?.strip_suffix('"')?;
    (!name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')).then(|| Token::parse(name))
}

/// An account without its leading zeros and in capitals, for comparing.
pub fn account_key(account: &str) -> String {
    let bare = account.trim().trim_start_matches('0');
    if bare.is_empty() { "0".into() } else { bare.to_ascii_uppercase() }
}

/// CRC-16/ARC.
fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xA001 } else { crc >> 1 })
    })
}

fn hex4(bytes: &[u8]) -> Option<u16> {
    u16::from_str_radix(std::str::from_utf8(bytes).ok()?, 16).ok()
}

/// Reads a frame; LF and CR may be there or not. `key` finds the key of an account, asked for encrypted frames only.
///
/// # Errors
/// A [`FrameFault`] that tells how to answer: not at all, with NAK, or with DUH.
pub fn parse(bytes: &[u8], key: impl Fn(&str) -> Option<Key>) -> Result<Frame, FrameFault> {
    let bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    if bytes.len() > FRAME_BYTES_MAX {
        return Err(FrameFault::Form);
    }
    let (head, body) = bytes.split_at_checked(8).ok_or(FrameFault::Form)?;
    let (sum, length) = head.split_at_checked(4).ok_or(FrameFault::Form)?;
    let (sum, length) = (hex4(sum).ok_or(FrameFault::Form)?, hex4(length).ok_or(FrameFault::Form)?);
    if body.first() != Some(&b'"') {
        return Err(FrameFault::Form);
    }
    if usize::from(length) != body.len() {
        return Err(FrameFault::Length);
    }
    if crc(body) != sum {
        return Err(FrameFault::CheckSum);
    }
    let open = body.iter().position(|b| *b == b'[').ok_or(FrameFault::Form)?;
    let (header, rest) = body.split_at_checked(open).ok_or(FrameFault::Form)?;
    let rest = rest.get(1..).unwrap_or_default();
    let header = std::str::from_utf8(header).map_err(|_| FrameFault::Form)?;
    let mut frame = head_of(header).ok_or(FrameFault::Form)?;
    let content = if frame.encrypted {
        let secret = unhex(rest).ok_or(FrameFault::Encrypted)?;
        let plain = key(&frame.account).and_then(|key| key.decrypt(&secret)).ok_or(FrameFault::Encrypted)?;
        // The padding is bytes, none of them a bar or a bracket: the content begins behind the first bar. An answer and a link test have no
        // data, and some write no bar before none: their content is the bracket and what follows it.
        let end = plain.iter().position(|b| matches!(b, b'|' | b']')).ok_or(FrameFault::Encrypted)?;
        let start = end + usize::from(plain.get(end) == Some(&b'|'));
        plain.get(start..).unwrap_or_default().to_vec()
    } else {
        rest.to_vec()
    };
    let wrong = if frame.encrypted { FrameFault::Encrypted } else { FrameFault::Form };
    content_of(&String::from_utf8_lossy(&content), &mut frame).ok_or(wrong)?;
    // A bracket alone is in every sixth text of a wrong key; a time behind it is in none.
    if frame.encrypted && content.first() == Some(&b']') && frame.sent_at.is_none() {
        return Err(FrameFault::Encrypted);
    }
    Ok(frame)
}

/// `"id"seqRnLn#account`, and the forms of NAK: `R0L0A0`, `L0R0A0`.
fn head_of(header: &str) -> Option<Frame> {
    let (name, rest) = header.strip_prefix('"')?.split_once('"')?;
    let (name, encrypted) = match name.strip_prefix('*') {
        Some(name) => (name, true),
        None => (name, false),
    };
    let (seq, rest) = rest.split_at_checked(4)?;
    let seq = if seq.bytes().all(|b| b.is_ascii_digit()) { seq.parse().ok()? } else { return None };
    let (places, account) = rest.split_once('#').or_else(|| rest.rsplit_once('A')).unwrap_or((rest, ""));
    let place = |letter: char, other: char| {
        let (_, value) = places.split_once(letter)?;
        value.split(other).next().map(str::to_owned)
    };
    if name.is_empty() || account.len() > 64 || !account.chars().all(|c| c.is_ascii_alphanumeric()) {
        return None;
    }
    Some(Frame {
        token: Token::parse(name),
        encrypted,
        seq,
        receiver: place('R', 'L'),
        line: place('L', 'R'),
        account: account.to_owned(),
        data: String::new(),
        extended: Vec::new(),
        sent_at: None,
    })
}

/// `#account|data][X...]_time`.
fn content_of(content: &str, frame: &mut Frame) -> Option<()> {
    let (data, mut rest) = content.split_once(']')?;
    match data.strip_prefix('#').and_then(|data| data.split_once('|')) {
        Some((account, data)) => {
            if frame.account.is_empty() {
                frame.account = account.chars().filter(char::is_ascii_alphanumeric).take(64).collect();
            }
            frame.data = data.to_owned();
        }
        // Without an account in front; a lone bar is an empty one.
        None => frame.data = data.strip_prefix('|').unwrap_or(data).to_owned(),
    }
    while let Some(block) = rest.strip_prefix('[') {
        let (block, after) = block.split_once(']')?;
        let mut letters = block.chars();
        if let Some(letter) = letters.next().filter(|_| frame.extended.len() < 32) {
            frame.extended.push((letter, letters.as_str().to_owned()));
        }
        rest = after;
    }
    // Extended data may hold brackets of its own (JSON): the time stands behind the last of all.
    let time = rest.strip_prefix('_').or_else(|| rest.rsplit_once("]_").map(|(_, time)| time));
    frame.sent_at = time.and_then(time_of);
    Some(())
}

const TIME: &str = "%H:%M:%S,%m-%d-%Y";

fn time_of(text: &str) -> Option<Timestamp> {
    NaiveDateTime::parse_from_str(text.trim(), TIME).ok().map(|at| at.and_utc())
}

impl Frame {
    /// Extended data of a letter.
    pub fn extension(&self, letter: char) -> Option<&str> {
        self.extended.iter().find(|(l, _)| *l == letter).map(|(_, text)| text.as_str())
    }

    /// When it happened: the time of occurrence if given, else the time of sending.
    pub fn happened_at(&self) -> Option<Timestamp> {
        self.extension('H').and_then(time_of).or(self.sent_at)
    }

    /// True if the other is the same message sent again: sequence, account and data are the same.
    pub fn repeats(&self, other: &Self) -> bool {
        self.seq == other.seq
            && self.token == other.token
            && account_key(&self.account) == account_key(&other.account)
            && self.line == other.line
            && self.data == other.data
    }

    fn answer(&self, token: Token, sent_at: Option<Timestamp>) -> Self {
        Self { token, data: String::new(), extended: Vec::new(), sent_at, ..self.clone() }
    }

    /// Stored: the panel may forget it.
    pub fn ack(&self, now: Timestamp) -> Self {
        // A link test in the clear is answered without a time, as it came.
        let timed = self.encrypted || self.sent_at.is_some();
        self.answer(Token::Ack, timed.then_some(now))
    }

    /// Understood as a frame, but not to be handled: the panel need not send it again.
    pub fn duh(&self, now: Timestamp) -> Self {
        self.answer(Token::Duh, self.encrypted.then_some(now))
    }

    /// Like [`Frame::nak`], with the account of this frame: some senders understand no other form.
    pub fn nak_to(&self, now: Timestamp) -> Self {
        Self { encrypted: false, seq: 0, ..self.answer(Token::Nak, Some(now)) }
    }

    /// The panel's clock is off: our time is in the answer. Never encrypted, always sequence 0.
    pub fn nak(now: Timestamp) -> Self {
        Self {
            token: Token::Nak,
            encrypted: false,
            seq: 0,
            receiver: Some("0".into()),
            line: Some("0".into()),
            account: String::new(),
            data: String::new(),
            extended: Vec::new(),
            sent_at: Some(now),
        }
    }

    /// The bytes of the frame. `pad` gives random bytes for encryption; without a key an encrypted
    /// frame cannot be written: `None`.
    pub fn encode(&self, key: Option<&Key>, pad: &mut dyn FnMut() -> u8) -> Option<Vec<u8>> {
        let clean = |text: &str| text.chars().filter(|c| !matches!(c, '[' | ']' | '\n' | '\r')).collect::<String>();
        let mut content = String::new();
        if !self.data.is_empty() {
            content = format!("#{}|{}", clean(&self.account), clean(&self.data));
        }
        content.push(']');
        for (letter, text) in &self.extended {
            // Writing to a string cannot fail.
            let _written = write!(content, "[{letter}{}]", clean(text));
        }
        if let Some(at) = self.sent_at {
            let _written = write!(content, "_{}", at.format(TIME));
        }
        let star = if self.encrypted { "*" } else { "" };
        let place = |letter: char, value: &Option<String>| value.as_ref().map(|v| format!("{letter}{}", clean(v))).unwrap_or_default();
        let account = match (&self.token, self.account.is_empty()) {
            (Token::Nak, true) => "A0".to_owned(),
            (_, _) => format!("#{}", clean(&self.account)),
        };
        let (receiver, line) = (place('R', &self.receiver), place('L', &self.line));
        let mut body = format!("\"{star}{}\"{:04}{receiver}{line}{account}[", self.token.name(), self.seq % 10_000);
        if self.encrypted {
            for byte in key?.encrypt(&padded(&content, pad)) {
                let _written = write!(body, "{byte:02x}");
            }
        } else {
            body.push_str(&content);
        }
        let length = u16::try_from(body.len()).ok().filter(|_| body.len() <= FRAME_BYTES_MAX)?;
        Some(format!("\n{:04X}{length:04X}{body}\r", crc(body.as_bytes())).into_bytes())
    }
}

/// 16 to 31 random bytes, a bar, the content: whole blocks.
fn padded(content: &str, random: &mut dyn FnMut() -> u8) -> Vec<u8> {
    let least = 16 + 1 + content.len();
    let count = 16 + (16 - least % 16) % 16;
    let mut plain = Vec::with_capacity(count + 1 + content.len());
    while plain.len() < count {
        // A source that only ever gives forbidden bytes must not hang us.
        let byte = random();
        plain.push(if matches!(byte, b'[' | b']' | b'|') { byte ^ 0x80 } else { byte });
    }
    plain.push(b'|');
    plain.extend_from_slice(content.as_bytes());
    plain
}
