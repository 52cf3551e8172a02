//! Keys that the other end presses: telephone events in RTP (RFC 4733), SIP INFO, and tones in the sound itself, which
//! are listened for only where telephone-event was not negotiated.

use super::audio::RATE;
use std::f64::consts::PI;

/// The way a key came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// A telephone event in RTP.
    Rfc4733,
    /// A SIP INFO request.
    SipInfo,
    /// A tone in the sound: asked twice.
    InBand,
    /// The HTTP provider says so.
    Provider,
}

/// The key of an event's number.
pub fn key_of_event(event: u8) -> Option<char> {
    "0123456789*#ABCD".chars().nth(usize::from(event))
}

/// The key in the body of a SIP INFO request: `Signal=1` (dtmf-relay) or the key alone (dtmf).
pub fn key_of_info(content_type: &str, body: &str) -> Option<char> {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let word = match kind.as_str() {
        "application/dtmf-relay" => body.lines().find_map(|l| l.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("signal")).map(|(_, v)| v.trim()))?,
        "application/dtmf" => body.trim(),
        _ => return None,
    };
    match word {
        "10" => Some('*'),
        "11" => Some('#'),
        one if one.chars().count() == 1 => one.chars().next().map(|c| c.to_ascii_uppercase()).filter(|c| "0123456789*#ABCD".contains(*c)),
        _ => None,
    }
}

/// Samples of one look: the length at which the eight tones fall well between each other.
const BLOCK: usize = 205;
const ROWS: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS: [f64; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
const KEYS: [&str; 4] = ["123A", "456B", "789C", "*0#D"];
/// Mean power below this is silence: -42 dB of the full range.
const POWER_MIN: f64 = 32_768.0 * 32_768.0 * 0.5 * 6.3e-5;
/// How much of the power the two tones must have together.
const SHARE_MIN: f64 = 0.80;
/// How much stronger than its neighbours a tone must be.
const ABOVE: f64 = 6.3;
/// How far apart the two tones may be in power: 8 dB.
const TWIST: f64 = 6.3;

/// Listens for the tones of keys. A key counts once it has stood for two looks in a row, and again only after a pause.
#[derive(Debug, Default)]
pub struct Detector {
    left: Vec<f64>,
    last: Option<char>,
    told: bool,
}

fn power_at(block: &[f64], hertz: f64) -> f64 {
    let c = 2.0 * (2.0 * PI * hertz / f64::from(RATE)).cos();
    let (mut a, mut b) = (0.0, 0.0);
    for x in block {
        let next = x + c * a - b;
        b = a;
        a = next;
    }
    a * a + b * b - c * a * b
}

/// The strongest of four, if it stands out.
fn strongest(block: &[f64], of: &[f64; 4]) -> Option<(usize, f64)> {
    let powers = of.map(|hertz| power_at(block, hertz));
    let (at, most) = powers.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
    powers.iter().enumerate().all(|(i, p)| i == at || p * ABOVE < most).then_some((at, most))
}

fn key_in(block: &[f64]) -> Option<char> {
    let n = 205.0;
    let all: f64 = block.iter().map(|x| x * x).sum();
    if all / n < POWER_MIN {
        return None;
    }
    let (row, low) = strongest(block, &ROWS)?;
    let (column, high) = strongest(block, &COLUMNS)?;
    if low > high * TWIST || high > low * TWIST {
        return None;
    }
    if (low + high) * 2.0 / n < all * SHARE_MIN {
        return None;
    }
    KEYS.get(row).and_then(|keys| keys.chars().nth(column))
}

impl Detector {
    /// Hears some more; returns the keys that were pressed.
    pub fn hear(&mut self, samples: &[i16]) -> Vec<char> {
        self.left.extend(samples.iter().map(|s| f64::from(*s)));
        let mut out = Vec::new();
        while self.left.len() >= BLOCK {
            let rest = self.left.split_off(BLOCK);
            let block = std::mem::replace(&mut self.left, rest);
            let key = key_in(&block);
            if key != self.last {
                self.last = key;
                self.told = false;
            } else if let (Some(key), false) = (key, self.told) {
                self.told = true;
                out.push(key);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::voice::audio::{Law, silence, tone};
    use std::time::Duration;

    fn press(key: char, ms: u64) -> Vec<i16> {
        let (row, column) = KEYS.iter().enumerate().find_map(|(r, keys)| keys.find(key).map(|c| (r, c))).unwrap();
        tone(&[ROWS[row], COLUMNS[column]], Duration::from_millis(ms))
    }

    #[test]
    fn every_key_is_heard_once_through_both_laws_and_at_any_phase() {
        for law in [Law::A, Law::U] {
            for key in "0123456789*#ABCD".chars() {
                for shift in 0..5 {
                    let mut detector = Detector::default();
                    let mut sound = silence(Duration::from_millis(40 + shift * 7));
                    sound.extend(press(key, 120));
                    sound.extend(silence(Duration::from_millis(80)));
                    sound.extend(press(key, 120));
                    sound.extend(silence(Duration::from_millis(60)));
                    let heard: Vec<char> = law.decode(&law.encode(&sound)).chunks(160).flat_map(|c| detector.hear(c)).collect();
                    assert_eq!(heard, [key, key], "{law:?} {key} {shift}");
                }
            }
        }
    }

    #[test]
    fn one_tone_noise_and_a_short_click_are_no_keys() {
        let mut x = 12_345u32;
        let noise: Vec<i16> = (0..80_000)
            .map(|_| {
                x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                i16::from_ne_bytes((x >> 16).to_ne_bytes()[..2].try_into().unwrap()) / 4
            })
            .collect();
        let second = Duration::from_secs(1);
        for sound in [noise, tone(&[770.0], second), tone(&[1209.0], second), tone(&[697.0, 770.0, 1209.0], second), press('1', 20), tone(&[440.0, 480.0], second)] {
            assert_eq!(Detector::default().hear(&sound), Vec::<char>::new());
        }
    }

    #[test]
    fn info_is_read_in_both_its_forms() {
        assert_eq!(key_of_info("application/dtmf-relay", "Signal=1\r\nDuration=160\r\n"), Some('1'));
        assert_eq!(key_of_info("Application/DTMF-Relay; x=y", "duration=10\nsignal = #"), Some('#'));
        assert_eq!(key_of_info("application/dtmf", "9\r\n"), Some('9'));
        assert_eq!(key_of_info("application/dtmf", "11"), Some('#'));
        assert_eq!(key_of_info("text/plain", "1"), None);
        assert_eq!(key_of_info("application/dtmf-relay", "Signal=banana"), None);
        assert_eq!(key_of_event(11), Some('#'));
        assert_eq!(key_of_event(16), None);
    }
}
