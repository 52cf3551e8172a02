//! Text messages. The channel `sms` has one or more drivers, the best first: if one is down the next is tried with the
//! same message. A delivery report is not an acknowledgement (ALM-3).

pub mod http;
pub mod modem;
pub mod smpp;

use crate::channel::{Channel, Delivery, EffectKey, Health, Job, Reconciled, Take};
use async_trait::async_trait;
use care::alarm::AttemptOutcome;
use care::plan::ChannelName;
use std::sync::Arc;
use std::time::Duration;

/// Longest message, in UTF-16 units: six parts of 67.
pub const UNITS_MAX: usize = 402;
/// Units in one message of UCS-2, and in each part of a longer one.
const SINGLE: usize = 70;
const PART: usize = 67;

/// The parts of a text in UCS-2, big-endian, each with its user data header if there are several. `reference` tells
/// the parts of two messages apart.
pub fn parts(text: &str, reference: u8) -> Vec<Vec<u8>> {
    let units: Vec<u16> = text.encode_utf16().take(UNITS_MAX).collect();
    let bytes = |units: &[u16]| units.iter().flat_map(|u| u.to_be_bytes()).collect::<Vec<u8>>();
    if units.len() <= SINGLE {
        return vec![bytes(&units)];
    }
    let mut chunks: Vec<&[u16]> = Vec::new();
    let mut rest = units.as_slice();
    while !rest.is_empty() {
        let mut cut = rest.len().min(PART);
        // A character outside the basic plane is not torn in two.
        if cut < rest.len() && rest.get(cut - 1).is_some_and(|u| (0xD800..0xDC00).contains(u)) {
            cut -= 1;
        }
        let (chunk, after) = rest.split_at(cut);
        chunks.push(chunk);
        rest = after;
    }
    let count = u8::try_from(chunks.len()).unwrap_or(u8::MAX);
    let number = |i: usize| u8::try_from(i + 1).unwrap_or(u8::MAX);
    chunks.iter().enumerate().map(|(i, chunk)| [vec![5, 0, 3, reference, count, number(i)], bytes(chunk)].concat()).collect()
}

/// The digits of a number that a message can be sent to, with `true` for an international one.
pub(crate) fn digits(number: &str) -> Option<(String, bool)> {
    let international = number.trim_start().starts_with('+');
    let digits: String = number.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '+')).collect();
    let sound = (3..=20).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    sound.then_some((digits, international))
}

/// A number that tells the parts of one message from those of another.
pub(crate) fn reference(key: &EffectKey) -> u8 {
    key.to_string().bytes().fold(17u8, |sum, b| sum.wrapping_mul(31).wrapping_add(b))
}

/// The channel `sms`.
pub struct Sms {
    drivers: Vec<Arc<dyn Channel>>,
}

impl Sms {
    /// Over these drivers, the best first.
    pub fn new(drivers: Vec<Arc<dyn Channel>>) -> Self {
        Self { drivers }
    }
}

#[async_trait]
impl Channel for Sms {
    fn name(&self) -> &str {
        ChannelName::SMS
    }

    fn is_simulated(&self) -> bool {
        self.drivers.iter().all(|d| d.is_simulated())
    }

    async fn deliver(&self, job: &Job, take: &dyn Take) -> Delivery {
        let mut last = Delivery::Down;
        for driver in &self.drivers {
            last = driver.deliver(job, take).await;
            match &last {
                Delivery::Ended(AttemptOutcome::ChannelDown) | Delivery::Again(_) | Delivery::Down | Delivery::Full => {}
                Delivery::Ended(_) => return last,
            }
        }
        last
    }

    async fn release(&self, key: &EffectKey) {
        for driver in &self.drivers {
            driver.release(key).await;
        }
    }

    async fn reconcile(&self, _key: &EffectKey) -> Reconciled {
        Reconciled::NotKnown
    }

    fn health(&self) -> Health {
        let down: Vec<String> = self.drivers.iter().filter_map(|d| if let Health::Down(why) = d.health() { Some(format!("{}: {why}", d.name())) } else { None }).collect();
        if down.is_empty() { Health::Up } else { Health::Down(down.join("; ")) }
    }

    fn deliver_within(&self) -> Duration {
        self.drivers.iter().map(|d| d.deliver_within()).sum::<Duration>() + Duration::from_secs(1)
    }
}
