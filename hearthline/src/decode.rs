//! `hearthline decode LANGUAGE`: what the platform understands of a device's messages, tried out
//! without a device. JSON lines in, JSON lines out, one for one.
//!
//! ```text
//! zigbee2mqtt     {"exposes":[...],"payload":{...}}                        (and "description", if known)
//! homeassistant   {"configs":[{"topic":"...","payload":{...}}],"topic":"...","payload":{...}}
//! the others      {"topic":"...","payload":{...}}
//! out             {"signals":["smoke"]}      with "fault" beside it if the message would be in quarantine
//! ```

use anyhow::Context;
use care::{HomeId, Timestamp};
use serde_json::{Value as Json, json};
use std::io::{BufRead, Read, Write};
use std::process::ExitCode;
use wire::{Decoded, Language, Learned, Message, Retained};

/// Longest line that is read, in bytes.
const LINE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Show what is understood of a device's messages: JSON lines from standard input, one answer a line.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The device language.
    #[arg(value_parser = language)]
    pub language: Language,
}

fn language(name: &str) -> Result<Language, String> {
    let names = || Language::ALL.map(Language::name).join(", ");
    Language::parse(name).ok_or_else(|| format!("the languages are {}", names()))
}

/// Reads standard input to its end.
///
/// # Errors
/// If standard input or output breaks. A line that cannot be read is answered with its `error`.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    answer_all(args.language, &mut std::io::stdin().lock(), &mut std::io::stdout().lock())?;
    Ok(ExitCode::SUCCESS)
}

fn answer_all(language: Language, input: &mut impl BufRead, output: &mut impl Write) -> anyhow::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = input.take(LINE_BYTES_MAX).read_until(b'\n', &mut line).context("reading a line")?;
        if read == 0 {
            return Ok(());
        }
        writeln!(output, "{}", answer(language, &line)).context("writing an answer")?;
    }
}

fn answer(language: Language, line: &[u8]) -> Json {
    let Ok(line) = serde_json::from_slice::<Json>(line) else { return json!({"signals": [], "error": "the line is not JSON"}) };
    let mut learned = Learned::default();
    for config in line.get("configs").and_then(Json::as_array).into_iter().flatten() {
        if let (Some(topic), Some(payload)) = (config.get("topic").and_then(Json::as_str), config.get("payload")) {
            hear(&mut learned, topic, payload);
        }
    }
    let mut topic = line.get("topic").and_then(Json::as_str);
    if let (Language::Zigbee2mqtt, Some(exposes)) = (language, line.get("exposes")) {
        let text = |key: &str| line.get(key).cloned().unwrap_or(Json::from(""));
        let definition = json!({"vendor": text("vendor"), "model": text("model"), "description": text("description"), "exposes": exposes});
        let device = json!({"ieee_address": "0x0000000000000001", "friendly_name": "device", "definition": definition});
        hear(&mut learned, "zigbee2mqtt/bridge/devices", &json!([device]));
        topic = Some("zigbee2mqtt/device");
    }
    let (Some(topic), Some(payload)) = (topic, line.get("payload")) else {
        return json!({"signals": [], "error": "the line needs `payload`, and `topic` or `exposes`"});
    };
    let decoded = hear(&mut learned, topic, payload);
    let mut answer = json!({"signals": wire::told(decoded.signals())});
    if let (Decoded::Quarantine { fault, .. }, Some(answer)) = (&decoded, answer.as_object_mut()) {
        answer.insert("fault".into(), Json::from(fault.code()));
    }
    answer
}

/// A payload that is JSON text goes out as the bare text: `"ON"` is ON.
fn hear(learned: &mut Learned, topic: &str, payload: &Json) -> Decoded {
    let home = HomeId::from("home");
    let payload = payload.as_str().map_or_else(|| payload.to_string(), str::to_owned);
    let message =
        Message { home: Some(&home), topic, payload: payload.as_bytes(), heard_at: Timestamp::UNIX_EPOCH, retained: Retained::No };
    wire::decode(&message, learned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(language: &str, input: &str, expected: &str) {
        let mut output = Vec::new();
        answer_all(Language::parse(language).unwrap(), &mut input.as_bytes(), &mut output).unwrap();
        assert_eq!(String::from_utf8(output).unwrap(), expected);
    }

    #[test]
    fn every_line_in_is_one_line_out() {
        check(
            "zigbee2mqtt",
            concat!(
                r#"{"exposes":[{"type":"binary","name":"smoke","property":"smoke","access":1,"value_on":true,"value_off":false}],"payload":{"smoke":true}}"#,
                "\n\nnot json\n",
                r#"{"exposes":[],"payload":{"smoke":true}}"#,
            ),
            concat!(
                r#"{"signals":["smoke"]}"#,
                "\n",
                r#"{"error":"the line is not JSON","signals":[]}"#,
                "\n",
                r#"{"error":"the line is not JSON","signals":[]}"#,
                "\n",
                r#"{"signals":[]}"#,
                "\n",
            ),
        );
    }

    #[test]
    fn descriptions_can_come_with_the_line() {
        check(
            "homeassistant",
            r#"{"configs":[{"topic":"homeassistant/binary_sensor/d/smoke/config","payload":{"device_class":"smoke","state_topic":"d/s","device":{"identifiers":["d"]}}}],"topic":"d/s","payload":"ON"}"#,
            "{\"signals\":[\"smoke\"]}\n",
        );
        check("native", r#"{"topic":"care/v1/h/d/call","payload":"help!"}"#, "{\"fault\":\"not_json\",\"signals\":[\"call\"]}\n");
    }
}
