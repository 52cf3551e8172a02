//! The binary as it is run in earnest: `init`, `register`, `token`, `run --config`, with real ports and a register of its own.

use super::binary::find;
use super::http::Api;
use super::mqtt::Client;
use serde_json::Value;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a start may take before a test fails on it.
const START_MAX: Duration = Duration::from_secs(60);
/// The bridge's credential.
const BRIDGE: &str = "bridge-1";

/// A platform with a configuration.
pub struct House {
    folder: tempfile::TempDir,
    config: PathBuf,
    child: Option<Child>,
    mqtt: String,
    api: Api,
    password: String,
}

impl House {
    /// Makes one: `more` is what its configuration says beside the doors, `register` what stands in its register.
    pub fn make(more: &str, mut register: Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("house");
        said(Command::new(find("hearthline")).arg("init").arg(&at));
        let config = folder.path().join("run.toml");
        let text = format!(
            "schema = 1\n[platform]\ndata_dir = \"{}\"\n[mqtt]\nlisten = \"127.0.0.1:0\"\n[console]\nlisten = \"127.0.0.1:0\"\n{more}",
            at.join("data").display()
        );
        std::fs::write(&config, text).unwrap();
        register["credentials"] = serde_json::json!([{"name": BRIDGE, "rights": {"kind": "bridge", "homes": ["*"]}}]);
        let file = folder.path().join("register.json");
        std::fs::write(&file, register.to_string()).unwrap();
        let of = |words: &[&str]| {
            let mut command = Command::new(find("hearthline"));
            command.args(words).arg("--config").arg(&config);
            command
        };
        let password = last_word(&said(of(&["register"]).arg(&file)));
        let token = last_word(&said(of(&["token"]).arg("admin")));
        said(&mut of(&["check"]));
        Self { config, child: None, mqtt: String::new(), api: Api { address: String::new(), token }, password, folder }
    }

    /// Starts it and waits until its doors are open.
    pub async fn start(&mut self) {
        let out = self.folder.path().join("out");
        let log = File::options().create(true).append(true).open(self.log_file()).unwrap();
        let mut command = Command::new(find("hearthline"));
        command.args(["run", "--config"]).arg(&self.config).stdin(Stdio::null()).stdout(File::create(&out).unwrap()).stderr(log);
        self.child = Some(command.spawn().unwrap());
        let start = Instant::now();
        loop {
            // "MQTT 127.0.0.1:1883  console 127.0.0.1:8080"
            let text = std::fs::read_to_string(&out).unwrap_or_default();
            let words: Vec<&str> = text.lines().find(|line| line.starts_with("MQTT ")).map(|line| line.split_whitespace().collect()).unwrap_or_default();
            if let [_, mqtt, _, http] = words.as_slice() {
                self.mqtt = (*mqtt).to_owned();
                self.api.address = (*http).to_owned();
                return;
            }
            let ended = self.child.as_mut().and_then(|child| child.try_wait().unwrap());
            assert!(ended.is_none(), "it ended before its doors were open: {ended:?}");
            assert!(start.elapsed() < START_MAX, "its doors are not open after {START_MAX:?}");
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    /// Its API, as the administrator.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// A connection with the bridge's credential.
    pub async fn bridge(&self, client_id: &str) -> Client {
        Client::connect(&self.mqtt, client_id, BRIDGE, &self.password).await.unwrap()
    }

    /// A folder that goes with it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read(self.log_file()).unwrap_or_default();
            eprintln!("the binary's last words: {}", String::from_utf8_lossy(&log[log.len().saturating_sub(4000)..]));
        }
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// What a command says, if it succeeds.
fn said(command: &mut Command) -> String {
    let out = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{command:?}: {said}{}", String::from_utf8_lossy(&out.stderr));
    said
}

fn last_word(text: &str) -> String {
    text.split_whitespace().last().unwrap().to_owned()
}
