//! Several machines on one: PostgreSQL, three NATS servers, VictoriaMetrics and some nodes of the shipped binary, each a process of
//! its own that can be killed or paused by its pid; on loopback, or on hosts that can be cut off.

use super::binary::find;
use super::hosts::Hosts;
use super::mqtt::Client;
use super::servers::{Nats, Place, Postgres, Victoria, comes_true, free_ports, listens_at, signal, until_async};
use super::webhook::Receiver;
use serde_json::json;
use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use store::Register;
use store::postgres::{PgLedger, PgSettings};
use store::register::{PersonRecord, Put, Role};
use store::sqlite::Keys;

/// The database of the town.
pub const DATABASE: &str = "town";
/// The bridge's credential.
const BRIDGE: &str = "bridge-1";

/// A node of the binary.
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its configuration.
    pub config: PathBuf,
    /// Its data directory.
    pub data: PathBuf,
    log: PathBuf,
    /// The devices' door, `host:port`.
    pub mqtt: String,
    /// The people's door, `host:port`.
    pub http: String,
    host: Option<(Arc<Hosts>, usize)>,
    child: Option<Child>,
}

impl Node {
    /// Starts it and waits until its doors are open.
    pub async fn start(&mut self) {
        let log = File::options().create(true).append(true).open(&self.log).unwrap();
        let binary = find("hearthline");
        let mut command = self.host.as_ref().map_or_else(|| Command::new(&binary), |(hosts, host)| hosts.on(*host, &binary));
        command.args(["run", "--config"]).arg(&self.config).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.child = Some(command.spawn().unwrap());
        until_async(&format!("the doors of {} are open: {}", self.name, self.log.display()), async || {
            listens_at(&self.mqtt) && listens_at(&self.http)
        })
        .await;
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// kill -9.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            signal(child.id(), "KILL");
            child.wait().unwrap();
        }
    }

    /// SIGTERM, and waits for its end.
    pub async fn terminate(&mut self) {
        if let Some(mut child) = self.child.take() {
            signal(child.id(), "TERM");
            until_async(&format!("{} ends", self.name), async || child.try_wait().unwrap().is_some()).await;
        }
    }

    /// True if these words stand in what it has said.
    pub fn has_said(&self, words: &str) -> bool {
        std::fs::read(&self.log).is_ok_and(|text| String::from_utf8_lossy(&text).contains(words))
    }

    /// The end of what it has said.
    pub fn log_tail(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&text[text.len().saturating_sub(6_000)..]).into_owned()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if std::thread::panicking() && self.child.is_some() {
            eprintln!("last words of {}: {}", self.name, self.log_tail());
        }
        self.kill();
    }
}

/// A town on several machines. Its parts end in this order, the folder with what they have said last.
pub struct Town {
    /// The nodes.
    pub nodes: Vec<Node>,
    /// The ledger itself, to look into.
    pub ledger: Arc<PgLedger>,
    /// Who is called.
    pub receiver: Receiver,
    /// The charts' engine.
    pub victoria: Victoria,
    /// The log's engine.
    pub nats: Nats,
    /// The ledger's engine.
    pub postgres: Postgres,
    /// The hosts that can be cut off: NATS server and node `i` stand on host `i`, everything else in the hall.
    pub hosts: Option<Arc<Hosts>>,
    /// The bridge's password.
    password: String,
    shards: u16,
    /// Never started: the configuration for commands.
    clerk: Node,
    folder: tempfile::TempDir,
}

/// A failed test leaves what everybody has said.
impl Drop for Town {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.folder.disable_cleanup(true);
            self.nats.keep_logs(self.folder.path());
            self.postgres.keep_log(self.folder.path());
            eprintln!("what the nodes and the engines have said is kept in {}", self.folder.path().display());
        }
    }
}

impl Town {
    /// Starts the engines and so many nodes, on loopback.
    pub async fn start(nodes: usize, shards: u16) -> Self {
        Self::start_on(None, nodes, shards).await
    }

    /// The same, with more at the end of each node's configuration.
    pub async fn start_with(nodes: usize, shards: u16, more: impl Fn(usize) -> String) -> Self {
        let mut town = Self::prepare(None, nodes, shards).await;
        for (i, node) in town.nodes.iter_mut().enumerate() {
            let text = std::fs::read_to_string(&node.config).unwrap();
            std::fs::write(&node.config, text + &more(i)).unwrap();
            node.start().await;
        }
        town
    }

    /// Starts the engines and so many nodes, each with a NATS server on a host of its own.
    pub async fn start_on(hosts: Option<Arc<Hosts>>, nodes: usize, shards: u16) -> Self {
        let mut town = Self::prepare(hosts, nodes, shards).await;
        for node in &mut town.nodes {
            node.start().await;
        }
        town
    }

    async fn prepare(hosts: Option<Arc<Hosts>>, nodes: usize, shards: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let places = std::array::from_fn(|i| match hosts.clone() {
            Some(hosts) => Place { address: hosts.address(i), under: Box::new(move |program: &Path| hosts.on(i, program)) },
            None => Place::here(),
        });
        let hall = hosts.as_ref().map(|h| h.hall());
        let (postgres, nats, victoria) =
            (Postgres::start_at(hall.clone()), Nats::start_at(places), Victoria::start_at(hall.as_deref().unwrap_or("127.0.0.1")));
        let receiver = Receiver::start_at(hall.as_deref().unwrap_or("127.0.0.1")).await;
        let url = postgres.database(DATABASE);
        let key_file = folder.path().join("seal.key");
        Keys::create(&key_file).unwrap();
        let keys = Arc::new(Keys::read(&key_file).unwrap());
        let (ledger, _) = PgLedger::open(PgSettings { connections: 4, ..PgSettings::at(url.clone()) }, keys, now()).await.unwrap();
        let secret = folder.path().join("webhook.secret");
        std::fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let (urls, charts) = (nats.urls(), victoria.url.clone());
        let engines = Engines { url: &url, nats: &urls, victoria: &charts, shards };
        let clerk = node(folder.path(), "clerk", None, &engines);
        let nodes = (0..nodes).map(|i| node(folder.path(), &format!("node-{i}"), hosts.clone().map(|h| (h, i)), &engines)).collect();
        let mut town =
            Self { nodes, ledger: Arc::new(ledger), receiver, victoria, nats, postgres, hosts, password: String::new(), shards, clerk, folder };
        town.register().await;
        town
    }

    /// Another node: alone on a data directory, or over a database and streams of its own. Not started.
    pub fn another(&self, name: &str, over: Option<(&str, &str)>) -> Node {
        let mut node = node(self.folder.path(), name, None, &Engines { url: "", nats: "", victoria: &self.victoria.url, shards: 1 });
        let text = std::fs::read_to_string(&node.config).unwrap();
        let (alone, _) = text.split_once("[cluster]").unwrap();
        let mut text = alone.to_owned();
        if let Some((database, prefix)) = over {
            text += &format!(
                "[cluster]\nnode = \"{name}\"\nshards = 4\nkey_file = \"{}\"\n[cluster.postgres]\nurl = \"{}\"\n[cluster.nats]\nurls = \"{}\"\nprefix = \"{prefix}\"\n",
                self.folder.path().join("seal.key").display(),
                self.postgres.url(database),
                self.nats.urls(),
            );
        } else {
            // The same keys everywhere.
            let keys = node.data.join("keys");
            std::fs::create_dir_all(&keys).unwrap();
            std::fs::copy(self.folder.path().join("seal.key"), keys.join("seal.key")).unwrap();
        }
        std::fs::write(&node.config, text).unwrap();
        node.log = self.folder.path().join(format!("{name}.log"));
        node
    }

    /// Fills the register that a node's configuration names; the bridge's password.
    pub fn fill(&self, node: &Node, wait_s: i64) -> String {
        let file = self.folder.path().join("register.json");
        let contact = json!({"id": "duty", "home": null, "name": "值班", "relation": "village_liaison", "addresses": {"webhook": self.receiver.url()}, "language": "zh"});
        let plan = store::register::PlanRecord {
            scope: store::register::PlanScope::City,
            cause: None,
            level: None,
            plan: care::plan::Plan {
                rungs: vec![care::plan::Rung {
                    contacts: vec![care::plan::RungContact { contact: "duty".into(), channels: vec!["webhook".into()] }],
                    order: care::plan::Order::AtOnce,
                    wait: care::TimeDelta::seconds(wait_s),
                }],
                round_pause: care::TimeDelta::seconds(wait_s.max(10)),
                round_pause_max: care::TimeDelta::seconds(wait_s.max(10)),
                ..care::plan::Plan::default()
            },
        };
        let text = json!({
            "contacts": [contact],
            "plans": [plan],
            "credentials": [{"name": BRIDGE, "rights": {"kind": "bridge", "homes": ["*"]}}],
        });
        std::fs::write(&file, text.to_string()).unwrap();
        let said = said(self.of(node, &["register"]).arg(&file));
        said.split_whitespace().last().unwrap().to_owned()
    }

    /// A command of the binary with a node's configuration.
    pub fn of(&self, node: &Node, words: &[&str]) -> Command {
        let mut command = Command::new(find("hearthline"));
        command.args(words).arg("--config").arg(&node.config).stdin(Stdio::null());
        command
    }

    async fn register(&mut self) {
        self.ledger.put(vec![Put::Person(admin())]).await.unwrap();
        self.password = self.fill(&self.clerk, 600);
    }

    /// A command of the binary with a node's configuration.
    pub fn command(&self, words: &[&str], node: usize) -> Command {
        let mut command = Command::new(find("hearthline"));
        command.args(words).arg("--config").arg(&self.nodes[node].config).stdin(Stdio::null());
        command
    }

    /// What `hearthline check` says to a configuration, with this town's engines and files put in the place of those that it names.
    pub fn check(&self, config: &str) -> Result<(), String> {
        let etc = self.folder.path().join("etc");
        std::fs::create_dir_all(&etc).unwrap();
        let door = rcgen::generate_simple_self_signed(["door".to_owned()]).unwrap();
        for (name, text) in [("postgres.url", self.postgres.url(DATABASE)), ("door.pem", door.cert.pem()), ("door.key", door.signing_key.serialize_pem())] {
            std::fs::write(etc.join(name), text).unwrap();
        }
        for name in ["seal.key", "webhook.secret"] {
            std::fs::copy(self.folder.path().join(name), etc.join(name)).unwrap();
        }
        let mut text = String::new();
        for line in config.lines() {
            text += &match line.split_once('=').map(|(key, _)| key.trim()) {
                Some("urls") => format!("urls = \"{}\"", self.nats.urls()),
                // These engines speak without TLS.
                Some("authorities") => String::new(),
                _ => line.to_owned(),
            };
            text += "\n";
        }
        let here = format!("{}/", etc.display());
        text = text.replace("/var/lib/hearthline", &format!("{here}data"));
        for place in ["/etc/hearthline/secret/", "/etc/hearthline/", "/run/hearthline/"] {
            text = text.replace(place, &here);
        }
        let file = etc.join("example.toml");
        std::fs::write(&file, text).unwrap();
        let out = Command::new(find("hearthline")).args(["check", "--config"]).arg(&file).output().unwrap();
        if out.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&out.stderr).into_owned()) }
    }

    /// A connection to a node's door.
    pub async fn bridge(&self, node: usize, client_id: &str) -> std::io::Result<Client> {
        Client::connect(&self.nodes[node].mqtt, client_id, BRIDGE, &self.password).await
    }

    /// The bridge's password.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The ways to all doors, for a task of its own.
    pub fn doors(&self) -> Doors {
        Doors { addresses: self.nodes.iter().map(|n| n.mqtt.clone()).collect(), password: self.password.clone() }
    }

    /// A question to the database.
    pub fn sql(&self, sql: &str) -> String {
        self.postgres.sql(DATABASE, sql).unwrap_or_default()
    }

    /// Waits until all these homes have been told; otherwise fails with all that is known about those that have not.
    pub async fn all_told(&self, homes: &[String], what: &str) {
        let untold = || {
            let told = self.receiver.homes_told();
            homes.iter().filter(|home| !told.contains(*home)).collect::<Vec<_>>()
        };
        if !comes_true(async || untold().is_empty()).await {
            let untold = untold();
            let mut known = String::new();
            for home in untold.iter().take(5) {
                write!(known, "\n{}", self.known_of(home)).unwrap();
            }
            let topology = self.of(&self.clerk, &["topology"]).output().map(|out| String::from_utf8_lossy(&out.stdout).into_owned());
            panic!("{what}: {} of {} homes were not called; {known}\n{}", untold.len(), homes.len(), topology.unwrap_or_default());
        }
    }

    /// All that the ledger holds about a home's alarms.
    fn known_of(&self, home: &str) -> String {
        let alarm = self.sql(&format!("SELECT id, open, next_step_at, claimed_by, body FROM alarm WHERE home = '{home}'"));
        let effects =
            self.sql(&format!("SELECT no, tries, trying, adopted, due_at, tried_at, done_at, claimed_by, body FROM effect WHERE home = '{home}'"));
        let members = self.sql("SELECT id, node, lease_until > clock_timestamp() FROM member");
        format!("{home} (shard {}): alarm [{alarm}] effects [{effects}] members [{members}]", store::log::shard_of(&home.into(), self.shards).0)
    }

    /// Waits until every shard has a living owner.
    pub async fn owned(&self) {
        let sql = "SELECT count(*) FROM owner WHERE member IS NULL OR NOT member_lives(member)";
        until_async("every shard has an owner", async || self.sql(sql) == "0").await;
    }
}

/// What a command says, if it succeeds.
pub fn said(command: &mut Command) -> String {
    let out = command.output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{command:?}: {said}{}", String::from_utf8_lossy(&out.stderr));
    said
}

/// An administrator, so that a register is whole.
pub fn admin() -> PersonRecord {
    PersonRecord {
        id: "admin".into(),
        name: "Administrator".into(),
        role: Role::Administrator,
        area: String::new(),
        password_hash: "$argon2id$none".into(),
        active: true,
    }
}

/// The ways to all doors.
#[derive(Clone)]
pub struct Doors {
    addresses: Vec<String>,
    password: String,
}

impl Doors {
    /// Connects to the first door that opens, beginning with this one.
    pub async fn connect(&self, from: usize, client_id: &str) -> Option<Client> {
        for i in 0..self.addresses.len() {
            let address = &self.addresses[(from + i) % self.addresses.len()];
            let dial = Client::connect(address, client_id, BRIDGE, &self.password);
            if let Ok(Ok(client)) = tokio::time::timeout(std::time::Duration::from_secs(3), dial).await {
                return Some(client);
            }
        }
        None
    }
}

fn now() -> care::Timestamp {
    care::Timestamp::from(std::time::SystemTime::now())
}

/// What a node is told of the engines.
struct Engines<'a> {
    url: &'a str,
    nats: &'a str,
    victoria: &'a str,
    shards: u16,
}

fn node(folder: &Path, name: &str, host: Option<(Arc<Hosts>, usize)>, engines: &Engines<'_>) -> Node {
    let [mqtt, http] = free_ports();
    let data = folder.join(name);
    std::fs::create_dir_all(&data).unwrap();
    let config = folder.join(format!("{name}.toml"));
    let address = host.as_ref().map_or_else(|| "127.0.0.1".to_owned(), |(hosts, host)| hosts.address(*host));
    let waiver = if host.is_some() { "waiver = \"a network of this test's own, on one machine\"\n" } else { "" };
    let Engines { url, nats, victoria, shards } = engines;
    let text = format!(
        "schema = 1\n[platform]\ndata_dir = \"{data}\"\n[mqtt]\nlisten = \"{address}:{mqtt}\"\n{waiver}[console]\nlisten = \"{address}:{http}\"\n{waiver}\
         [channels.webhook]\nsecret_file = \"{folder}/webhook.secret\"\n[telemetry]\nurl = \"{victoria}\"\n\
         [cluster]\nnode = \"{name}\"\nshards = {shards}\nkey_file = \"{folder}/seal.key\"\n\
         [cluster.postgres]\nurl = \"{url}\"\n[cluster.nats]\nurls = \"{nats}\"\n",
        data = data.display(),
        folder = folder.display(),
    );
    std::fs::write(&config, text).unwrap();
    Node {
        name: name.to_owned(),
        config,
        data,
        log: folder.join(format!("{name}.log")),
        mqtt: format!("{address}:{mqtt}"),
        http: format!("{address}:{http}"),
        host,
        child: None,
    }
}
