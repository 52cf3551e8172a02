//! Bounded reading of JSON from strangers.

use crate::Fault;
use serde_json::Value;

/// Deepest nesting that is read.
pub(crate) const DEPTH_MAX: usize = 32;

/// Reads JSON of at most `bytes_max` bytes. Broken UTF-8 is read with replacement characters, and
/// the fault is told beside what could be read.
pub(crate) fn read(payload: &[u8], bytes_max: usize) -> (Option<Value>, Option<Fault>) {
    if payload.len() > bytes_max {
        return (None, Some(Fault::TooLarge { bytes: payload.len() }));
    }
    if depth(payload) > DEPTH_MAX {
        return (None, Some(Fault::TooDeep { max: DEPTH_MAX }));
    }
    match std::str::from_utf8(payload) {
        Ok(text) => match serde_json::from_str(text.trim_start_matches('\u{feff}')) {
            Ok(value) => (Some(value), None),
            Err(_) => (None, Some(Fault::NotJson)),
        },
        Err(_) => (serde_json::from_str(&String::from_utf8_lossy(payload)).ok(), Some(Fault::NotUtf8)),
    }
}

/// The deepest nesting of brackets outside strings.
fn depth(bytes: &[u8]) -> usize {
    let (mut now, mut deepest, mut in_string, mut escaped) = (0usize, 0usize, false, false);
    for byte in bytes {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                now += 1;
                deepest = deepest.max(now);
            }
            b'}' | b']' => now = now.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// A finite number, also one that came as text.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64().filter(|n| n.is_finite()),
        Value::String(text) => text.trim().parse::<f64>().ok().filter(|n| n.is_finite()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A plain yes or no in the spellings that firmware uses; `None` if it is neither.
pub(crate) fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::Number(number) => match number.as_f64() {
            Some(n) if n.to_bits() == 1f64.to_bits() => Some(true),
            Some(n) if n.abs().to_bits() == 0 => Some(false),
            Some(_) | None => None,
        },
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "on" | "yes" => Some(true),
            "false" | "0" | "off" | "no" => Some(false),
            _ => None,
        },
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_is_counted_outside_strings_only() {
        assert_eq!(depth(br#"{"a":"[[[[\"[[","b":[{}]}"#), 3);
        let deep = "[".repeat(100_000);
        assert_eq!(read(deep.as_bytes(), 1 << 20).1, Some(Fault::TooDeep { max: DEPTH_MAX }));
    }
}
