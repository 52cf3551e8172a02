//! Sound as a telephone carries it: 8 kHz, one channel. G.711 in both laws, tones, WAV files, and the way from any rate to 8 kHz.

use audio_codec_algorithms::{decode_alaw, decode_ulaw, encode_alaw, encode_ulaw};
use std::f64::consts::PI;
use std::sync::Arc;
use std::time::Duration;

/// Samples per second on the wire.
pub const RATE: u32 = 8_000;
/// Samples of one packet of 20 ms.
pub const FRAME: usize = 160;
/// Longest sound that is read from a file or a speech program: four minutes (LIM-1).
const SAMPLES_MAX: usize = 4 * 60 * 48_000;

/// A piece of sound at 8 kHz.
pub type Pcm = Arc<[i16]>;

/// The two laws of G.711.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Law {
    /// A-law, RTP payload type 8: Europe and China.
    A,
    /// µ-law, RTP payload type 0: North America and Japan.
    U,
}

impl Law {
    /// The static RTP payload type (RFC 3551).
    pub fn payload_type(self) -> u8 {
        match self {
            Self::A => 8,
            Self::U => 0,
        }
    }

    /// The law of a static payload type.
    pub fn of(payload_type: u8) -> Option<Self> {
        match payload_type {
            8 => Some(Self::A),
            0 => Some(Self::U),
            _ => None,
        }
    }

    /// Samples to bytes.
    pub fn encode(self, samples: &[i16]) -> Vec<u8> {
        match self {
            Self::A => samples.iter().map(|s| encode_alaw(*s)).collect(),
            Self::U => samples.iter().map(|s| encode_ulaw(*s)).collect(),
        }
    }

    /// Bytes to samples.
    pub fn decode(self, bytes: &[u8]) -> Vec<i16> {
        match self {
            Self::A => bytes.iter().map(|b| decode_alaw(*b)).collect(),
            Self::U => bytes.iter().map(|b| decode_ulaw(*b)).collect(),
        }
    }
}

/// A sample out of a number, cut at the ends of its range.
#[expect(clippy::cast_possible_truncation, reason = "clamped to the range before")]
fn sample(x: f64) -> i16 {
    x.round().clamp(f64::from(i16::MIN), f64::from(i16::MAX)) as i16
}

/// How many samples a length of time has.
pub fn samples_of(length: Duration) -> usize {
    usize::try_from(length.as_millis().saturating_mul(u128::from(RATE)) / 1000).unwrap_or(usize::MAX)
}

/// How long a sound is.
pub fn length_of(samples: &[i16]) -> Duration {
    Duration::from_micros(u64::try_from(samples.len()).unwrap_or(u64::MAX).saturating_mul(125))
}

/// Silence.
pub fn silence(length: Duration) -> Vec<i16> {
    vec![0; samples_of(length)]
}

/// Tones that sound together, each at a quarter of the full range, with soft ends.
pub fn tone(hertz: &[f64], length: Duration) -> Vec<i16> {
    let n = samples_of(length);
    (0..n)
        .map(|i| {
            let t = as_f64(i) / f64::from(RATE);
            let sum: f64 = hertz.iter().map(|f| (2.0 * PI * f * t).sin()).sum();
            let edge = as_f64(i.min(n - 1 - i)) / 40.0;
            sample(sum * 8_000.0 * edge.min(1.0))
        })
        .collect()
}

/// The built-in call for attention where nothing can be spoken: three rising tones, then a knock for each key to press.
pub fn attention() -> Vec<i16> {
    let mut out = Vec::new();
    for hertz in [700.0, 900.0, 1_150.0] {
        out.extend(tone(&[hertz], Duration::from_millis(330)));
        out.extend(silence(Duration::from_millis(40)));
    }
    out.extend(silence(Duration::from_millis(400)));
    out.extend(tone(&[500.0], Duration::from_millis(120)));
    out
}

fn as_f64(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

/// A sound at another rate brought to 8 kHz by a windowed sinc that cuts what 8 kHz cannot carry.
pub fn resample(input: &[i16], from: u32) -> Vec<i16> {
    if from == RATE || from == 0 {
        return input.to_vec();
    }
    let ratio = f64::from(from) / f64::from(RATE);
    let cut = 0.46 * f64::min(1.0, 1.0 / ratio);
    let half = (16.0 * ratio.max(1.0)).ceil();
    let count = input.len().saturating_mul(usize::try_from(RATE).unwrap_or(0)) / usize::try_from(from).unwrap_or(usize::MAX);
    (0..count)
        .map(|n| {
            let centre = as_f64(n) * ratio;
            let first = (centre - half).ceil().max(0.0);
            let (mut sum, mut weight) = (0.0, 0.0);
            for (k, x) in input.iter().enumerate().skip(index(first)).take(index(2.0 * half) + 1) {
                let d = as_f64(k) - centre;
                let window = 0.5 + 0.5 * (PI * d / (half + 1.0)).cos();
                let w = window * if d.abs() < 1e-9 { 2.0 * cut } else { (2.0 * PI * cut * d).sin() / (PI * d) };
                sum += w * f64::from(*x);
                weight += w;
            }
            sample(if weight.abs() < 1e-6 { 0.0 } else { sum / weight })
        })
        .collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative, and far below the range of usize")]
fn index(x: f64) -> usize {
    x.max(0.0) as usize
}

/// Why a WAV file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WavError {
    /// Not a RIFF file with a format and data.
    #[error("not a WAV file")]
    NotWav,
    /// Anything but 16 bit PCM.
    #[error("only 16 bit PCM is read")]
    NotPcm16,
    /// Longer than four minutes.
    #[error("longer than four minutes")]
    TooLong,
}

fn number(bytes: &[u8], at: usize, len: usize) -> Option<u32> {
    let part = bytes.get(at..at.checked_add(len)?)?;
    Some(part.iter().rev().fold(0u32, |n, b| n << 8 | u32::from(*b)))
}

/// Reads a WAV file and brings it to 8 kHz and one channel. The length of the data is taken from the file's end: speech
/// programs that write into a pipe do not know it when they write the header.
///
/// # Errors
/// If it is something else, or too long.
pub fn read_wav(bytes: &[u8]) -> Result<Vec<i16>, WavError> {
    if bytes.get(..4) != Some(b"RIFF") || bytes.get(8..12) != Some(b"WAVE") {
        return Err(WavError::NotWav);
    }
    let (mut at, mut form) = (12usize, None);
    loop {
        let name = bytes.get(at..at + 4).ok_or(WavError::NotWav)?;
        let size = usize::try_from(number(bytes, at + 4, 4).ok_or(WavError::NotWav)?).map_err(|_| WavError::NotWav)?;
        let body = at + 8;
        if name == b"fmt " {
            let field = |offset, len| number(bytes, body + offset, len).ok_or(WavError::NotWav);
            form = Some((field(0, 2)?, field(2, 2)?, field(4, 4)?, field(14, 2)?));
        } else if name == b"data" {
            let Some((code, channels, rate, bits)) = form else { return Err(WavError::NotWav) };
            // 0xfffe: the extensible form, which says the same in more words.
            if !(code == 1 || code == 0xfffe) || bits != 16 || channels == 0 || rate == 0 {
                return Err(WavError::NotPcm16);
            }
            let data = bytes.get(body..body.saturating_add(size).min(bytes.len())).unwrap_or_default();
            let all: Vec<i16> = data.chunks_exact(2).map(|b| i16::from_le_bytes([b.first().copied().unwrap_or(0), b.get(1).copied().unwrap_or(0)])).collect();
            if all.len() > SAMPLES_MAX {
                return Err(WavError::TooLong);
            }
            let width = usize::try_from(channels).unwrap_or(1);
            let one: Vec<i16> = all.chunks_exact(width).map(|c| sample(c.iter().map(|s| f64::from(*s)).sum::<f64>() / f64::from(channels))).collect();
            return Ok(resample(&one, rate));
        }
        at = body.saturating_add(size).saturating_add(size % 2);
    }
}

/// A WAV file at 8 kHz with these samples.
pub fn write_wav(samples: &[i16]) -> Vec<u8> {
    let len = u32::try_from(samples.len().saturating_mul(2)).unwrap_or(u32::MAX - 36);
    let mut out = Vec::with_capacity(samples.len() * 2 + 44);
    out.extend(b"RIFF");
    out.extend((36 + len).to_le_bytes());
    out.extend(b"WAVEfmt ");
    out.extend(16u32.to_le_bytes());
    out.extend(1u16.to_le_bytes());
    out.extend(1u16.to_le_bytes());
    out.extend(RATE.to_le_bytes());
    out.extend((RATE * 2).to_le_bytes());
    out.extend(2u16.to_le_bytes());
    out.extend(16u16.to_le_bytes());
    out.extend(b"data");
    out.extend(len.to_le_bytes());
    out.extend(samples.iter().flat_map(|s| s.to_le_bytes()));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_laws_give_back_what_was_said_within_their_steps() {
        for law in [Law::A, Law::U] {
            for x in (-32_000..32_000).step_by(37) {
                let back = law.decode(&law.encode(&[x]))[0];
                let error = (f64::from(back) - f64::from(x)).abs();
                assert!(error <= 40.0 + f64::from(x).abs() * 0.05, "{law:?} {x} {back}");
            }
            assert_eq!(Law::of(law.payload_type()), Some(law));
        }
    }

    #[test]
    fn a_tone_keeps_its_pitch_and_loudness_at_8_khz_and_what_8_khz_cannot_carry_is_gone() {
        let at = |hertz: f64| (0..22_050).map(|i| sample((2.0 * PI * hertz * f64::from(i) / 22_050.0).sin() * 10_000.0)).collect::<Vec<_>>();
        let power = |x: &[i16]| x[500..7_000].iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / 6_500.0;
        let low = resample(&at(1_000.0), 22_050);
        assert_eq!(low.len(), 8_000);
        assert!((power(&low) / 5e7 - 1.0).abs() < 0.02, "{}", power(&low));
        let crossings = low.windows(2).filter(|w| w[0] < 0 && w[1] >= 0).count();
        assert!((998..=1_001).contains(&crossings), "{crossings}");
        assert!(power(&resample(&at(6_000.0), 22_050)) < 5e7 * 1e-4);
    }

    #[test]
    fn a_wav_is_read_whatever_its_header_says_of_its_length() {
        let samples: Vec<i16> = (0..400).map(|i| i * 50).collect();
        let mut wav = write_wav(&samples);
        assert_eq!(read_wav(&wav).unwrap(), samples);
        wav[40..44].copy_from_slice(&0x7fff_f000u32.to_le_bytes());
        assert_eq!(read_wav(&wav).unwrap(), samples);
        assert_eq!(read_wav(&wav[..30]), Err(WavError::NotWav));
        wav[34] = 8;
        assert_eq!(read_wav(&wav), Err(WavError::NotPcm16));
        for cut in 0..wav.len() {
            let _any_answer_but_no_panic = read_wav(&wav[..cut]);
        }
    }
}
