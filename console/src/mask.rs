//! Personal data as it is shown before somebody has asked for it (PRV-1).

/// A phone number with its middle hidden: `138****2201`. Short numbers are hidden wholly; an empty one stays empty.
pub(crate) fn phone(number: &str) -> String {
    let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
    match digits.len() {
        0 if number.is_empty() => String::new(),
        0..8 => "****".to_owned(),
        n => {
            let head: String = digits.iter().take(3).collect();
            let tail: String = digits.iter().skip(n - 4).collect();
            format!("{head}****{tail}")
        }
    }
}

/// An address on a channel: telephone numbers as [`phone`] shows them, of a URL only the host, anything else hidden.
pub(crate) fn address(channel: &str, address: &str) -> String {
    if let Some((_, rest)) = address.split_once("://") {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        return host.rsplit('@').next().unwrap_or_default().to_owned();
    }
    match channel {
        "webhook" => "****".to_owned(),
        _ => phone(address),
    }
}

/// A name with all but its first character hidden: `陈**`.
pub(crate) fn name(name: &str) -> String {
    name.chars().enumerate().map(|(i, c)| if i == 0 || c == ' ' { c } else { '*' }).collect()
}

/// Most characters of a message that are shown.
const SHOWN_CHARS: usize = 600;
/// Most letters of a word in a message that is no sentence, and digits in a row that are no phone or card number.
const WORD_CHARS: usize = 40;
const DIGITS: usize = 7;

/// A device's message as it may be shown: numbers, truths and short words as they came; sentences, names in Chinese, long runs
/// of digits and whatever is called a secret or a place hidden.
pub(crate) fn payload(bytes: &[u8]) -> String {
    let shown = match serde_json::from_slice::<serde_json::Value>(bytes) {
        Ok(mut json) => {
            hide(&mut json);
            json.to_string()
        }
        Err(_) => word(&String::from_utf8_lossy(bytes)),
    };
    shown.chars().take(SHOWN_CHARS).collect()
}

fn hide(json: &mut serde_json::Value) {
    use serde_json::Value;
    match json {
        Value::String(text) => *text = word(text),
        Value::Array(all) => all.iter_mut().for_each(hide),
        Value::Object(all) => {
            for (name, value) in all {
                let name = name.to_lowercase();
                let secret = ["pass", "token", "key", "secret", "ssid", "phone", "tel", "name", "lat", "lon", "lng", "gps", "address", "imei", "iccid"];
                if secret.iter().any(|part| name.contains(part)) && !matches!(value, Value::Bool(_) | Value::Null) {
                    *value = Value::String("****".to_owned());
                } else {
                    hide(value);
                }
            }
        }
        // a phone is a number of eleven digits; what is measured has fewer before its point
        Value::Number(number) if number.to_string().split('.').next().is_some_and(|whole| digits(whole) > 10) => *json = Value::String("****".to_owned()),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn digits(text: &str) -> usize {
    text.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or_default()
}

fn word(text: &str) -> String {
    let plain = text.len() <= WORD_CHARS && text.bytes().all(|b| b.is_ascii_graphic()) && digits(text) < DIGITS;
    if plain { text.to_owned() } else { "****".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_keep_head_and_tail_only() {
        assert_eq!(phone("13812342201"), "138****2201");
        assert_eq!(phone("+86 138 1234 2201"), "861****2201");
        assert_eq!(phone("110"), "****");
        assert_eq!(phone(""), "");
        assert_eq!(phone("secret"), "****");
    }

    #[test]
    fn addresses_lose_their_secrets() {
        assert_eq!(address("webhook", "https://user:pw@hooks.example.org/T0/secret?x=1"), "hooks.example.org");
        assert_eq!(address("voice", "13812342201"), "138****2201");
        assert_eq!(address("webhook", "secret"), "****");
    }

    #[test]
    fn a_message_keeps_what_it_measures_and_loses_who_and_where() {
        let shown = payload(r#"{"id":"a-7","value":true,"battery":81,"at":"2026-11-23T01:41:13Z","phone":"x","text":"陈秀英","n":{"ssid":"home","to":"13812342201","say":"two words"}}"#.as_bytes());
        assert_eq!(shown, r#"{"at":"2026-11-23T01:41:13Z","battery":81,"id":"a-7","n":{"say":"****","ssid":"****","to":"****"},"phone":"****","text":"****","value":true}"#);
        assert_eq!((payload(b"ON").as_str(), payload(b"13812342201").as_str()), ("ON", "\"****\""));
    }

    #[test]
    fn names_keep_their_first_character() {
        assert_eq!(name("陈秀英"), "陈**");
        assert_eq!(name(""), "");
    }
}
