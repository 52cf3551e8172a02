//! The binary as a process: found, started until it listens, killed, stopped, started again on the same data.

use super::http::Api;
use super::mqtt::Client;
use serde::Deserialize;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a start may take before a test fails on it.
const START_MAX: Duration = Duration::from_secs(60);

/// How a demo is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many homes.
    pub homes: usize,
    /// More arguments.
    pub more: Vec<String>,
    /// More of the environment.
    pub env: Vec<(String, String)>,
    /// Where the data is, if not in a folder of its own.
    pub data: Option<PathBuf>,
}

impl Options {
    /// A quiet demo of so many homes.
    pub fn homes(homes: usize) -> Self {
        Self {
            homes,
            more: Vec::new(),
            env: Vec::new(),
            data: None,
        }
    }

    /// With more arguments.
    #[must_use]
    pub fn with(mut self, more: &[&str]) -> Self {
        self.more
            .extend(more.iter().map(|argument| (*argument).to_owned()));
        self
    }

    /// With its data here.
    #[must_use]
    pub fn on(mut self, data: &Path) -> Self {
        self.data = Some(data.to_owned());
        self
    }
}

/// What the ready file says.
#[derive(Debug, Clone, Deserialize)]
pub struct Ready {
    /// The console's URL.
    pub console: String,
    /// The door, `host:port`.
    pub mqtt: String,
    /// An API token.
    pub api_token: String,
    /// A bridge's credential.
    pub mqtt_user: String,
    /// Its password.
    pub mqtt_password: String,
}

/// A running (or killed) demo.
pub struct Demo {
    options: Options,
    folder: tempfile::TempDir,
    child: Option<Child>,
    /// What the ready file of the last start says.
    pub ready: Ready,
    /// How long the last start took.
    pub started_in: Duration,
    lives: u32,
}

/// The target folder of the build that this test belongs to.
pub fn target_dir() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors()
        .find(|folder| folder.join(".rustc_info.json").exists())
        .map_or_else(|| test.clone(), Path::to_path_buf)
}

/// One of our binaries: `HEARTHLINE_BIN` (for hearthline), else beside this test.
pub fn find(name: &str) -> PathBuf {
    if name == "hearthline"
        && let Some(path) = std::env::var_os("HEARTHLINE_BIN")
    {
        return path.into();
    }
    let test = std::env::current_exe().unwrap();
    let found = test
        .ancestors()
        .skip(1)
        .take(3)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!(
            "{name} is not built: cargo build -p hearthline -p firmware-sim (or set HEARTHLINE_BIN)"
        )
    })
}

impl Demo {
    /// Starts one and waits until it is ready.
    pub async fn start(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let nothing = String::new;
        let ready = Ready {
            console: nothing(),
            mqtt: nothing(),
            api_token: nothing(),
            mqtt_user: nothing(),
            mqtt_password: nothing(),
        };
        let mut demo = Self {
            options,
            folder,
            child: None,
            ready,
            started_in: Duration::ZERO,
            lives: 0,
        };
        demo.start_again().await;
        demo
    }

    /// Its data.
    pub fn data(&self) -> PathBuf {
        self.options
            .data
            .clone()
            .unwrap_or_else(|| self.folder.path().join("data"))
    }

    /// How it will be started next time.
    pub fn options(&mut self) -> &mut Options {
        &mut self.options
    }

    /// Starts it on the data that is there.
    pub async fn start_again(&mut self) {
        assert!(self.child.is_none(), "it is running");
        self.lives += 1;
        let ready_file = self
            .folder
            .path()
            .join(format!("ready-{}.json", self.lives));
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_file())
            .unwrap();
        let binary = find("hearthline");
        let mut command = Command::new(&binary);
        command
            .args([
                "demo",
                "--quiet",
                "--http",
                "127.0.0.1:0",
                "--mqtt",
                "127.0.0.1:0",
            ])
            .args(["--homes", &self.options.homes.to_string()])
            .arg("--data")
            .arg(self.data())
            .arg("--ready-file")
            .arg(&ready_file)
            .args(&self.options.more)
            .envs(self.options.env.iter().cloned())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let start = Instant::now();
        self.child = Some(
            command
                .spawn()
                .unwrap_or_else(|error| panic!("starting {}: {error}", binary.display())),
        );
        loop {
            if let Ok(text) = std::fs::read_to_string(&ready_file)
                && let Ok(ready) = serde_json::from_str(&text)
            {
                self.ready = ready;
                break;
            }
            if let Some(status) = self.exited() {
                panic!(
                    "it ended before it was ready ({status}): {}",
                    self.log_tail()
                );
            }
            assert!(
                start.elapsed() < START_MAX,
                "not ready after {START_MAX:?}: {}",
                self.log_tail()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.started_in = start.elapsed();
    }

    /// SIGKILL, at once.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// SIGTERM, and waits for its end.
    pub async fn terminate(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it is running");
        let done = Command::new("kill")
            .args(["-TERM", &child.id().to_string()])
            .status()
            .unwrap();
        assert!(done.success());
        let start = Instant::now();
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            if start.elapsed() > Duration::from_secs(30) {
                child.kill().unwrap();
                panic!("it does not end on SIGTERM: {}", self.log_tail());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// How it ended, if it did.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child
            .as_mut()
            .and_then(|child| child.try_wait().unwrap())
    }

    /// Fails if the process is gone, or has used more memory than it may.
    pub fn is_sound(&mut self) {
        if let Some(status) = self.exited() {
            panic!("the process has ended ({status}): {}", self.log_tail());
        }
        let peak = self.memory_mb("VmHWM");
        assert!(
            peak <= super::MEMORY_MB_MAX,
            "{peak} MB of memory at the peak, {} may be",
            super::MEMORY_MB_MAX
        );
    }

    /// Its memory: `VmRSS` now, `VmHWM` at the peak.
    pub fn memory_mb(&self, which: &str) -> u64 {
        self.memory_kb(which) / 1024
    }

    /// The same in kilobytes.
    pub fn memory_kb(&self, which: &str) -> u64 {
        let id = self.child.as_ref().expect("it is running").id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with(which)).unwrap();
        line.split_whitespace()
            .nth(1)
            .and_then(|text| text.parse().ok())
            .unwrap()
    }

    /// Its API.
    pub fn api(&self) -> Api {
        let address = self
            .ready
            .console
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .to_owned();
        Api {
            address,
            token: self.ready.api_token.clone(),
        }
    }

    /// A connection with the bridge's credential.
    pub async fn bridge(&self, client_id: &str) -> Client {
        self.try_bridge(client_id)
            .await
            .unwrap_or_else(|error| panic!("connecting {client_id}: {error}; {}", self.log_tail()))
    }

    /// The same, where it may fail.
    pub async fn try_bridge(&self, client_id: &str) -> io::Result<Client> {
        Client::connect(
            &self.ready.mqtt,
            client_id,
            &self.ready.mqtt_user,
            &self.ready.mqtt_password,
        )
        .await
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// The end of what it has said.
    pub fn log_tail(&self) -> String {
        let text = std::fs::read(self.log_file()).unwrap_or_default();
        let from = text.len().saturating_sub(4000);
        String::from_utf8_lossy(&text[from..]).into_owned()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the binary's last words: {}", self.log_tail());
        }
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}
