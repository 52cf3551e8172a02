//! A device's way in and out from the command line against a running platform: entered, given its credential for a code,
//! heard, shown out when its secret changes and when it is retired; and a secret that is used in two places is told.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use acceptance::harness::binary::find;
use acceptance::harness::http::Api;
use acceptance::harness::mqtt::{Client, Packet};
use acceptance::harness::{Demo, Options, home, run, until};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// A revoked credential is outside so long after the click.
const SHOWN_OUT_WITHIN: Duration = Duration::from_secs(5);

struct Line<'a> {
    api: &'a Api,
    token_file: &'a Path,
}

impl Line<'_> {
    /// `hearthline device WORDS`: whether it went well, and what it printed.
    fn device(&self, words: &[&str]) -> (bool, String) {
        let mut command = Command::new(find("hearthline"));
        command.arg("device").args(["--url", &format!("http://{}", self.api.address)]).arg("--token-file").arg(self.token_file).args(words);
        let out = command.output().unwrap();
        (out.status.success(), format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr)))
    }

    fn done(&self, words: &[&str]) -> String {
        let (well, said) = self.device(words);
        assert!(well, "{words:?}: {said}");
        said
    }

    /// A code from the command line, given for a credential: user name, password, what its topics begin with.
    async fn enter(&self, home: &str, device: &str) -> [String; 3] {
        let said = self.done(&["code", home, device]);
        let code = said.split('\t').next().unwrap();
        let entry: Value = self.api.post("/api/v1/enrolment", &json!({"code": code})).await;
        ["user", "password", "topic"].map(|name| entry[name].as_str().unwrap().to_owned())
    }
}

/// How long the door takes to end a connection, from now.
async fn shown_out(client: &mut Client) -> Duration {
    let begin = Instant::now();
    while let Ok(packet) = tokio::time::timeout(SHOWN_OUT_WITHIN * 4, client.read()).await.expect("it is still connected") {
        assert!(!matches!(packet, Packet::ConnAck(_)), "{packet:?}");
    }
    begin.elapsed()
}

#[test]
fn a_device_is_entered_heard_and_shown_out_from_the_command_line() {
    run(async {
        let demo = Demo::start(Options::homes(5)).await;
        let (api, home) = (demo.api(), home(2));
        let folder = tempfile::tempdir().unwrap();
        let token_file = folder.path().join("token");
        std::fs::write(&token_file, &api.token).unwrap();
        let line = Line { api: &api, token_file: &token_file };

        line.done(&["enrol", &home, "pendant-9", "--kind", "pendant", "--room", "bath", "--every-minutes", "60"]);
        assert!(line.done(&["list", "--text", "pendant-9"]).starts_with(&format!("{home}\tpendant-9\tnever\tpendant\tbath\t")));
        let picture = line.done(&["code", &home, "pendant-9", "--qr"]);
        assert_eq!(picture.lines().count(), 16, "the code and its picture: {picture}");

        let [user, password, topic] = line.enter(&home, "pendant-9").await;
        assert_eq!(topic, format!("care/v1/{home}/pendant-9/"));
        let mut first = Client::connect(&demo.ready.mqtt, "pendant", &user, &password).await.unwrap();
        let id = first.publish(&format!("{topic}call"), br#"{"id":"p1"}"#).await.unwrap();
        assert_eq!(first.read().await.unwrap(), Packet::PubAck(id));
        until("its call is an alarm", Duration::from_secs(10), async || (!api.calls_of(&home).await.is_empty()).then_some(())).await;

        // another secret: the one before is outside, and does not come in again
        let [newer, secret, _] = line.enter(&home, "pendant-9").await;
        let took = shown_out(&mut first).await;
        assert!(took < SHOWN_OUT_WITHIN, "shown out after {took:?}");
        println!("a changed secret is shown out after {took:?}");
        assert!(Client::connect(&demo.ready.mqtt, "pendant", &user, &password).await.is_err());
        let mut second = Client::connect(&demo.ready.mqtt, "pendant", &newer, &secret).await.unwrap();

        line.done(&["retire", &home, "pendant-9"]);
        let took = shown_out(&mut second).await;
        assert!(took < SHOWN_OUT_WITHIN, "shown out after {took:?}");
        println!("a retired device is shown out after {took:?}");
        assert!(Client::connect(&demo.ready.mqtt, "pendant", &newer, &secret).await.is_err());
        let (well, said) = line.device(&["code", &home, "pendant-9"]);
        assert!(!well && said.contains("404"), "a retired device gets no code: {said}");
    });
}

#[test]
fn a_secret_that_is_used_in_two_places_is_told_and_its_calls_are_still_answered() {
    run(async {
        let demo = Demo::start(Options::homes(5)).await;
        let (api, home) = (demo.api(), home(1));
        let folder = tempfile::tempdir().unwrap();
        let token_file = folder.path().join("token");
        std::fs::write(&token_file, &api.token).unwrap();
        let line = Line { api: &api, token_file: &token_file };
        line.done(&["enrol", &home, "pendant-9", "--kind", "pendant"]);
        let [user, password, topic] = line.enter(&home, "pendant-9").await;
        let mut last = None;
        for _ in 0..14 {
            last = Some(Client::connect(&demo.ready.mqtt, "pendant", &user, &password).await.unwrap());
        }
        let told = |alarms: Vec<Value>| alarms.into_iter().find(|alarm| alarm["cause"] == "technical/credential_shared");
        let alarm = until("two places are told", Duration::from_secs(10), async || told(api.alarms("all").await)).await;
        assert_eq!((&alarm["home"], &alarm["level"]), (&json!(home), &json!("technical")));
        let mut last = last.unwrap();
        let id = last.publish(&format!("{topic}call"), br#"{"id":"p1"}"#).await.unwrap();
        assert_eq!(last.read().await.unwrap(), Packet::PubAck(id));
        until("its call is an alarm", Duration::from_secs(10), async || (!api.calls_of(&home).await.is_empty()).then_some(())).await;
    });
}
