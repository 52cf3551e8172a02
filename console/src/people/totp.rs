//! One-time codes by the clock: TOTP of RFC 6238 over HOTP of RFC 4226. Six digits, 30 s, SHA-1, which every
//! authenticator understands.

use care::Timestamp;
use ring::hmac;

/// How long a code stands, seconds.
const STEP_S: i64 = 30;
/// Digits of a code.
const DIGITS: u32 = 6;
/// Steps before and after now whose codes are taken too: clocks differ, people are slow (RFC 6238, 5.2).
const DRIFT: i64 = 1;
/// Bytes of a secret: as many as SHA-1 has (RFC 4226, R6).
pub(crate) const SECRET_BYTES: usize = 20;

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// HOTP of RFC 4226, 5.3, cut to its last `digits`.
fn hotp(secret: &[u8], counter: i64, digits: u32) -> u32 {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &counter.to_be_bytes());
    let bytes = tag.as_ref();
    let offset = usize::from(bytes.last().copied().unwrap_or_default() & 0x0f);
    let four = bytes.iter().skip(offset).take(4).fold(0_u32, |sum, byte| (sum << 8) | u32::from(*byte));
    (four & 0x7fff_ffff) % 10_u32.pow(digits)
}

/// The step whose code this is, if it stands now and comes after the last one that was used: no code is taken twice.
pub(crate) fn step_of(secret: &[u8], code: &str, now: Timestamp, last: i64) -> Option<i64> {
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    if code.len() != DIGITS as usize || !code.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let code: u32 = code.parse().ok()?;
    let at = now.timestamp().div_euclid(STEP_S);
    // Every step is computed, whichever fits: the time it takes says nothing.
    let fits: Vec<i64> = (at - DRIFT..=at + DRIFT).filter(|step| hotp(secret, *step, DIGITS) == code).collect();
    fits.into_iter().find(|step| *step > last)
}

/// The code that stands at an instant.
#[cfg(test)]
pub(crate) fn code_at(secret: &[u8], now: Timestamp) -> String {
    format!("{:06}", hotp(secret, now.timestamp().div_euclid(STEP_S), DIGITS))
}

/// Base 32 of RFC 4648 without padding.
pub(crate) fn base32(bytes: &[u8]) -> String {
    let mut out = String::new();
    let (mut held, mut bits) = (0_u32, 0);
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            out.push(letter(held >> bits));
            held &= (1 << bits) - 1;
        }
    }
    if bits > 0 {
        out.push(letter(held << (5 - bits)));
    }
    out
}

fn letter(five: u32) -> char {
    ALPHABET.get((five & 31) as usize).map_or('A', |byte| char::from(*byte))
}

/// The bytes that a text in base 32 stands for; none if it is not one.
pub(crate) fn from_base32(text: &str) -> Option<Vec<u8>> {
    let (mut out, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    for byte in text.bytes() {
        let five = ALPHABET.iter().position(|letter| *letter == byte.to_ascii_uppercase())?;
        held = (held << 5) | u32::try_from(five).ok()?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from((held >> bits) & 0xff).ok()?);
            held &= (1 << bits) - 1;
        }
    }
    Some(out)
}

/// What an authenticator reads: the key URI that all of them share.
pub(crate) fn address(person: &str, secret: &str) -> String {
    format!("otpauth://totp/Hearthline:{person}?secret={secret}&issuer=Hearthline&algorithm=SHA1&digits={DIGITS}&period={STEP_S}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_timestamp(second, 0).unwrap()
    }

    #[test]
    fn the_codes_are_those_of_rfc_4226_and_rfc_6238() {
        // RFC 4226, appendix D.
        let counted = [755_224, 287_082, 359_152, 969_429, 338_314, 254_676, 287_922, 162_583, 399_871, 520_489];
        for (counter, code) in (0..).zip(counted) {
            assert_eq!(hotp(SECRET, counter, 6), code, "{counter}");
        }
        // RFC 6238, appendix B, SHA-1, eight digits.
        for (second, code) in
            [(59, 94_287_082), (1_111_111_109, 7_081_804), (1_111_111_111, 14_050_471), (1_234_567_890, 89_005_924), (2_000_000_000, 69_279_037), (20_000_000_000, 65_353_130)]
        {
            assert_eq!(hotp(SECRET, second / STEP_S, 8), code, "{second}");
        }
        assert_eq!(code_at(SECRET, at(59)), "287082");
    }

    #[test]
    fn a_code_stands_for_its_step_and_its_neighbours_and_is_taken_once() {
        assert_eq!(step_of(SECRET, "287082", at(59), 0), Some(1));
        assert_eq!(step_of(SECRET, " 287 082 ", at(89), 0), Some(1), "a step late");
        assert_eq!(step_of(SECRET, "287082", at(30 * 3), 0), None, "too late");
        assert_eq!(step_of(SECRET, "287082", at(59), 1), None, "used");
        for wrong in ["287083", "", "28708", "94287082", "２８７０８２", "-87082"] {
            assert_eq!(step_of(SECRET, wrong, at(59), 0), None, "{wrong}");
        }
    }

    #[test]
    fn base_32_is_that_of_rfc_4648() {
        for (bytes, text) in [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("fooba", "MZXW6YTB"), ("foobar", "MZXW6YTBOI")] {
            assert_eq!(base32(bytes.as_bytes()), text);
            assert_eq!(from_base32(text).unwrap(), bytes.as_bytes());
        }
        assert_eq!(from_base32("mzxw6ytboi").unwrap(), b"foobar");
        assert_eq!(from_base32("1"), None);
    }
}
