//! Several machines on one: PostgreSQL, three NATS servers and some nodes of the shipped binary, each a process of its own that
//! can be killed or paused by its pid.

use super::binary::find;
use super::mqtt::Client;
use super::servers::{Nats, Postgres, free_ports, listens, signal, until_async};
use super::webhook::Receiver;
use serde_json::json;
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
    /// The devices' door.
    pub mqtt: u16,
    /// The people's door.
    pub http: u16,
    child: Option<Child>,
}

impl Node {
    /// Starts it and waits until its doors are open.
    pub async fn start(&mut self) {
        let log = File::options().create(true).append(true).open(&self.log).unwrap();
        let mut command = Command::new(find("hearthline"));
        command.args(["run", "--config"]).arg(&self.config).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.child = Some(command.spawn().unwrap());
        let (mqtt, http) = (self.mqtt, self.http);
        until_async(&format!("the doors of {} are open: {}", self.name, self.log.display()), async || listens(mqtt) && listens(http)).await;
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

    /// The end of what it has said.
    pub fn log_tail(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&text[text.len().saturating_sub(6_000)..]).into_owned()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("last words of {}: {}", self.name, self.log_tail());
        }
        self.kill();
    }
}

/// A town on several machines.
pub struct Town {
    folder: tempfile::TempDir,
    /// The ledger's engine.
    pub postgres: Postgres,
    /// The log's engine.
    pub nats: Nats,
    /// Who is called.
    pub receiver: Receiver,
    /// The nodes.
    pub nodes: Vec<Node>,
    /// The ledger itself, to look into.
    pub ledger: Arc<PgLedger>,
    /// The bridge's password.
    password: String,
}

impl Town {
    /// Starts the engines and so many nodes.
    pub async fn start(nodes: usize, shards: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (postgres, nats) = (Postgres::start(), Nats::start());
        let receiver = Receiver::start().await;
        let url = postgres.database(DATABASE);
        let key_file = folder.path().join("seal.key");
        Keys::create(&key_file).unwrap();
        let keys = Arc::new(Keys::read(&key_file).unwrap());
        let (ledger, _) = PgLedger::open(PgSettings { connections: 4, ..PgSettings::at(url.clone()) }, keys, now()).await.unwrap();
        let secret = folder.path().join("webhook.secret");
        std::fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let nodes = (0..nodes).map(|i| node(folder.path(), &format!("node-{i}"), &url, &nats.urls(), shards)).collect();
        let mut town = Self { folder, postgres, nats, receiver, nodes, ledger: Arc::new(ledger), password: String::new() };
        town.register().await;
        for node in &mut town.nodes {
            node.start().await;
        }
        town
    }

    /// Another node: alone on a data directory, or over a database and streams of its own. Not started.
    pub fn another(&self, name: &str, over: Option<(&str, &str)>) -> Node {
        let mut node = node(self.folder.path(), name, "", "", 1);
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
        self.password = self.fill(&self.nodes[0], 600);
    }

    /// A command of the binary with a node's configuration.
    pub fn command(&self, words: &[&str], node: usize) -> Command {
        let mut command = Command::new(find("hearthline"));
        command.args(words).arg("--config").arg(&self.nodes[node].config).stdin(Stdio::null());
        command
    }

    /// A connection to a node's door.
    pub async fn bridge(&self, node: usize, client_id: &str) -> std::io::Result<Client> {
        Client::connect(&format!("127.0.0.1:{}", self.nodes[node].mqtt), client_id, BRIDGE, &self.password).await
    }

    /// The ways to all doors, for a task of its own.
    pub fn doors(&self) -> Doors {
        Doors { ports: self.nodes.iter().map(|n| n.mqtt).collect(), password: self.password.clone() }
    }

    /// A question to the database.
    pub fn sql(&self, sql: &str) -> String {
        self.postgres.sql(DATABASE, sql).unwrap_or_default()
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
    ports: Vec<u16>,
    password: String,
}

impl Doors {
    /// Connects to the first door that opens, beginning with this one.
    pub async fn connect(&self, from: usize, client_id: &str) -> Option<Client> {
        for i in 0..self.ports.len() {
            let port = self.ports[(from + i) % self.ports.len()];
            let address = format!("127.0.0.1:{port}");
            let dial = Client::connect(&address, client_id, BRIDGE, &self.password);
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

fn node(folder: &Path, name: &str, url: &str, nats: &str, shards: u16) -> Node {
    let [mqtt, http] = free_ports();
    let data = folder.join(name);
    std::fs::create_dir_all(&data).unwrap();
    let config = folder.join(format!("{name}.toml"));
    let text = format!(
        "schema = 1\n[platform]\ndata_dir = \"{data}\"\n[mqtt]\nlisten = \"127.0.0.1:{mqtt}\"\n[console]\nlisten = \"127.0.0.1:{http}\"\n\
         [channels.webhook]\nsecret_file = \"{folder}/webhook.secret\"\n\
         [cluster]\nnode = \"{name}\"\nshards = {shards}\nkey_file = \"{folder}/seal.key\"\n\
         [cluster.postgres]\nurl = \"{url}\"\n[cluster.nats]\nurls = \"{nats}\"\n",
        data = data.display(),
        folder = folder.display(),
    );
    std::fs::write(&config, text).unwrap();
    Node { name: name.to_owned(), config, data, log: folder.join(format!("{name}.log")), mqtt, http, child: None }
}
