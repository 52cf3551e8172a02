//! `hearthline hub`: the home hub's configuration, and its process. What a hub does is in the crate `hub`.

use crate::config::Wrong;
use crate::demo::until_told_to_end;
use anyhow::Context;
use care::id::well_formed;
use gateway::{
    BridgeSettings, BrokerVersion, Credential, Homes, Listener, Lodger, Protection, Rights, Tls,
    Welcome,
};
use hub::settings::{Door, Path as Way, Unheard};
use hub::spool::Room;
use hub::tls::Identity;
use hub::{Hub, Settings};
use serde::Deserialize;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tracing::warn;

/// `hearthline hub`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration file.
    #[arg(long)]
    pub config: PathBuf,
    /// Check the configuration, say all that is wrong, and end.
    #[arg(long)]
    pub check: bool,
}

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Version of the form of this file: 1.
    schema: u32,
    /// The home that this hub speaks for.
    home: String,
    /// The hub's name among the home's devices.
    #[serde(default = "default_name")]
    name: String,
    /// The folder of the spool.
    data_dir: PathBuf,
    /// How often it says that it lives, seconds. 10 to 3600.
    #[serde(default = "default_heartbeat")]
    heartbeat_s: u32,
    /// The ways to the platform, the preferred one first.
    #[serde(default)]
    path: Vec<PathConfig>,
    /// How it proves who it is.
    #[serde(default)]
    login: LoginConfig,
    /// A door of its own for the home's devices.
    #[serde(default)]
    door: Option<DoorConfig>,
    /// The home's broker.
    #[serde(default)]
    broker: Option<BrokerConfig>,
    /// How much is kept.
    #[serde(default)]
    spool: SpoolConfig,
    /// What happens when nobody can hear the home.
    #[serde(default)]
    unheard: UnheardConfig,
    /// What devices are, where they cannot know.
    #[serde(default)]
    device: Vec<DeviceConfig>,
}

/// `[[path]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct PathConfig {
    /// `wired`, `4g`.
    name: String,
    /// `host:port`.
    platform: String,
    /// The authorities that vouch for the platform, PEM.
    #[serde(default)]
    authorities: Option<PathBuf>,
    /// Why this way may go without TLS beyond this machine: a written waiver, told at each start.
    #[serde(default)]
    waiver: String,
    /// The network interface that it goes through.
    #[serde(default)]
    interface: Option<String>,
    /// The address of ours that it leaves from.
    #[serde(default)]
    from: Option<IpAddr>,
}

/// `[login]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LoginConfig {
    /// The name of the credential.
    user: String,
    /// A file that holds its password.
    password_file: Option<PathBuf>,
    /// The client certificate, PEM.
    certificate: Option<PathBuf>,
    /// Its key, PEM.
    key: Option<PathBuf>,
}

/// `[door]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct DoorConfig {
    /// Where devices connect.
    listen: SocketAddr,
    /// The certificate chain for TLS, PEM.
    #[serde(default)]
    certificate: Option<PathBuf>,
    /// Its key, PEM.
    #[serde(default)]
    key: Option<PathBuf>,
    /// Why devices may connect without TLS: a written waiver, told at each start.
    #[serde(default)]
    waiver: String,
    /// Who may come in.
    #[serde(default)]
    login: Vec<DoorLogin>,
}

/// `[[door.login]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct DoorLogin {
    /// The user name.
    user: String,
    /// A file that holds the password.
    password_file: PathBuf,
    /// The one device that it speaks for, in the native language; left out: the whole home, in any language.
    #[serde(default)]
    device: Option<String>,
}

/// `[broker]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct BrokerConfig {
    /// `host:port`.
    address: String,
    /// User name.
    #[serde(default)]
    user: String,
    /// A file that holds the password.
    #[serde(default)]
    password_file: Option<PathBuf>,
    /// TLS by the authorities in this PEM file.
    #[serde(default)]
    authorities: Option<PathBuf>,
    /// Topic filters beside the native language's.
    #[serde(default = "default_topics")]
    topics: Vec<String>,
}

/// `[spool]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SpoolConfig {
    /// Most of the disk that it takes, MB. 1 to 65536.
    size_mb: u32,
    /// Put aside for calls on a full disk, KB. 64 to 65536.
    ballast_kb: u32,
}

impl Default for SpoolConfig {
    fn default() -> Self {
        Self {
            size_mb: 64,
            ballast_kb: 2_048,
        }
    }
}

/// `[unheard]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct UnheardConfig {
    /// After so long a silence of the platform the home is told, seconds. 30 to 86400, and more than two heartbeats.
    after_s: u32,
    /// A program that is run with `unheard` or `heard` as its last argument.
    command: Vec<String>,
    /// Messages to devices of the home.
    publish: Vec<UnheardPublish>,
}

impl Default for UnheardConfig {
    fn default() -> Self {
        Self {
            after_s: 150,
            command: Vec::new(),
            publish: Vec::new(),
        }
    }
}

/// `[[unheard.publish]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct UnheardPublish {
    /// Where.
    topic: String,
    /// When nobody can hear the home.
    unheard: String,
    /// When it is heard again.
    heard: String,
}

/// `[[device]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeviceConfig {
    /// The device.
    id: String,
    /// What it is, in the register's words: `call_button`, `contact`, `bed`, `chair`.
    kind: String,
    /// True if it hangs on the exit door.
    #[serde(default)]
    exit_door: bool,
}

fn default_name() -> String {
    "hub".into()
}

fn default_heartbeat() -> u32 {
    60
}

fn default_topics() -> Vec<String> {
    vec!["zigbee2mqtt/#".into(), "homeassistant/#".into()]
}

fn host_port(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Some((host.to_owned(), port.parse().ok()?)).filter(|(host, _)| !host.is_empty())
}

/// True if a connection to this host never leaves the machine.
fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn is_waived(text: &str) -> bool {
    text.trim().len() >= 20
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// All that is wrong with it, with line and remedy.
    pub fn read(path: &Path) -> Result<Self, Wrong> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| Wrong(vec![format!("{}: cannot be read: {e}", path.display())]))?;
        let config: Self =
            toml::from_str(&text).map_err(|e| Wrong(vec![format!("{}: {e}", path.display())]))?;
        let wrong = config.wrong();
        if wrong.is_empty() {
            Ok(config)
        } else {
            Err(Wrong(wrong))
        }
    }

    fn wrong(&self) -> Vec<String> {
        let mut out = Vec::new();
        let mut say = |sentence: String| out.push(sentence);
        if self.schema != 1 {
            say(format!(
                "schema = {}: this version reads schema 1",
                self.schema
            ));
        }
        for (what, id) in [("home", &self.home), ("name", &self.name)] {
            if !well_formed(id) {
                say(format!(
                    "{what} = \"{id}\": 1 to 64 letters, digits and -_.:"
                ));
            }
        }
        let ranges = [
            ("heartbeat_s", self.heartbeat_s, 10, 3_600),
            ("spool.size_mb", self.spool.size_mb, 1, 65_536),
            ("spool.ballast_kb", self.spool.ballast_kb, 64, 65_536),
            ("unheard.after_s", self.unheard.after_s, 30, 86_400),
        ];
        for (name, value, least, most) in ranges {
            if !(least..=most).contains(&value) {
                say(format!("{name} = {value}: must be {least} to {most}"));
            }
        }
        if self.unheard.after_s <= 2 * self.heartbeat_s {
            say(format!(
                "unheard.after_s = {}: must be more than two heartbeats ({} s), or every lost packet is told as a silence",
                self.unheard.after_s,
                2 * self.heartbeat_s
            ));
        }
        self.wrong_paths().into_iter().for_each(&mut say);
        self.wrong_doors().into_iter().for_each(&mut say);
        for publish in self
            .unheard
            .publish
            .iter()
            .filter(|p| p.topic.is_empty() || p.topic.contains(['+', '#']))
        {
            say(format!(
                "unheard.publish.topic = \"{}\": a topic, not a filter",
                publish.topic
            ));
        }
        for device in self.device.iter().filter(|d| {
            !well_formed(&d.id) || wire::Role::registered(&d.kind, d.exit_door).is_none()
        }) {
            say(format!(
                "device \"{}\" of kind \"{}\": give its identifier and what it is: call_button, contact, bed, chair, or exit_door = true",
                device.id, device.kind
            ));
        }
        out
    }

    fn wrong_paths(&self) -> Vec<String> {
        let mut out = Vec::new();
        if self.path.is_empty() {
            out.push("path: there is no way to the platform; give at least one [[path]] with name, platform and authorities".into());
        }
        let mut names = std::collections::BTreeSet::new();
        for path in &self.path {
            if path.name.is_empty() || !names.insert(path.name.as_str()) {
                out.push(format!(
                    "path.name = \"{}\": every path has a name of its own",
                    path.name
                ));
            }
            match host_port(&path.platform) {
                None => out.push(format!("path.platform = \"{}\": write host:port", path.platform)),
                Some((host, _)) if path.authorities.is_none() && !is_here(&host) && !is_waived(&path.waiver) => out.push(format!(
                    "path \"{}\" goes to {host} without TLS: give authorities (PEM), or say in waiver (20 letters or more) who takes the risk and why",
                    path.name
                )),
                Some(_) => {}
            }
        }
        let login = &self.login;
        if login.certificate.is_some() != login.key.is_some() {
            out.push("login: certificate and key come together".into());
        }
        if login.user.is_empty() != login.password_file.is_none() {
            out.push("login: user and password_file come together".into());
        }
        if login.user.is_empty() && login.certificate.is_none() {
            out.push(
                "login: give a certificate with its key, or a user with a password_file".into(),
            );
        }
        let files = self
            .path
            .iter()
            .map(|path| ("path.authorities", &path.authorities));
        let files = files.chain([
            ("login.password_file", &login.password_file),
            ("login.certificate", &login.certificate),
            ("login.key", &login.key),
        ]);
        out.extend(missing(files));
        out
    }

    fn wrong_doors(&self) -> Vec<String> {
        let mut out = Vec::new();
        if self.door.is_none() && self.broker.is_none() {
            out.push("neither [door] nor [broker]: nothing could be heard".into());
        }
        if let Some(door) = &self.door {
            if door.certificate.is_some() != door.key.is_some() {
                out.push("door: certificate and key come together".into());
            }
            if !door.listen.ip().is_loopback()
                && door.certificate.is_none()
                && !is_waived(&door.waiver)
            {
                out.push(format!("door.listen = \"{}\" is open to the home's network without TLS: give certificate and key, or say in door.waiver (20 letters or more) who takes the risk and why", door.listen));
            }
            if door.login.is_empty() {
                out.push("door.login: nobody may come in; give a [[door.login]]".into());
            }
            for device in door
                .login
                .iter()
                .filter_map(|login| login.device.as_ref())
                .filter(|device| !well_formed(device))
            {
                out.push(format!(
                    "door.login.device = \"{device}\": 1 to 64 letters, digits and -_.:"
                ));
            }
            out.extend(missing([
                ("door.certificate", &door.certificate),
                ("door.key", &door.key),
            ]));
            out.extend(
                door.login
                    .iter()
                    .filter(|l| !l.password_file.is_file())
                    .map(|l| {
                        format!(
                            "door.login.password_file = \"{}\": there is no such file",
                            l.password_file.display()
                        )
                    }),
            );
        }
        if let Some(broker) = &self.broker {
            if host_port(&broker.address).is_none() {
                out.push(format!(
                    "broker.address = \"{}\": write host:port",
                    broker.address
                ));
            }
            out.extend(missing([
                ("broker.password_file", &broker.password_file),
                ("broker.authorities", &broker.authorities),
            ]));
        }
        out
    }

    /// What the hub is started with.
    ///
    /// # Errors
    /// A file that cannot be read, or a certificate that cannot be used.
    pub fn settings(&self) -> anyhow::Result<Settings> {
        let identity = match (&self.login.certificate, &self.login.key) {
            (Some(certificate), Some(key)) => Some(Identity {
                chain_pem: read(certificate)?,
                key_pem: read(key)?,
            }),
            (Some(_) | None, _) => None,
        };
        let login = match &self.login.password_file {
            Some(file) => Some((self.login.user.clone(), password(file)?)),
            None => None,
        };
        let mut paths = Vec::new();
        for path in &self.path {
            let (host, port) = host_port(&path.platform).context("path.platform")?;
            let tls = match &path.authorities {
                Some(file) => Some(
                    hub::tls::client(&read(file)?, identity.as_ref())
                        .with_context(|| format!("path \"{}\"", path.name))?,
                ),
                None => None,
            };
            paths.push(Way {
                name: path.name.clone(),
                host,
                port,
                tls,
                interface: path.interface.clone(),
                from: path.from,
            });
        }
        Ok(Settings {
            home: self.home.as_str().into(),
            name: self.name.as_str().into(),
            folder: self.data_dir.clone(),
            room: Room {
                bytes: u64::from(self.spool.size_mb) << 20,
                ballast_bytes: u64::from(self.spool.ballast_kb) << 10,
            },
            paths,
            login,
            door: self.door.as_ref().map(|door| self.door(door)).transpose()?,
            broker: self
                .broker
                .as_ref()
                .map(|broker| self.broker(broker))
                .transpose()?,
            declared: self
                .device
                .iter()
                .map(|d| (d.id.clone(), d.kind.clone(), d.exit_door))
                .collect(),
            heartbeat: Duration::from_secs(u64::from(self.heartbeat_s)),
            unheard: Unheard {
                after: Duration::from_secs(u64::from(self.unheard.after_s)),
                publish: self
                    .unheard
                    .publish
                    .iter()
                    .map(|p| (p.topic.clone(), p.unheard.clone(), p.heard.clone()))
                    .collect(),
                command: self.unheard.command.clone(),
            },
        })
    }

    fn door(&self, door: &DoorConfig) -> anyhow::Result<Door> {
        let protection = match (&door.certificate, &door.key) {
            (Some(certificate), Some(key)) => Protection::Tls(Tls {
                chain_pem: read(certificate)?,
                key_pem: read(key)?,
                client_authorities_pem: None,
            }),
            (Some(_) | None, _) if door.listen.ip().is_loopback() => Protection::Loopback,
            (Some(_) | None, _) => Protection::Waived, // written: the configuration was refused otherwise
        };
        let mut credentials = Vec::new();
        for login in &door.login {
            let home = self.home.as_str().into();
            let rights = match &login.device {
                Some(device) => Rights::Device {
                    home,
                    device: device.as_str().into(),
                },
                None => Rights::Hub { home },
            };
            let secret = password(&login.password_file)?;
            // The password stands in a file beside it: a slow hash would only cost the board 19 MB.
            credentials.push(Credential {
                user: login.user.clone(),
                hash: crate::secret::hash(&secret),
                rights,
            });
        }
        Ok(Door {
            listener: Listener {
                address: door.listen,
                protection,
                welcome: Welcome::Keys,
            },
            credentials,
        })
    }

    fn broker(&self, broker: &BrokerConfig) -> anyhow::Result<BridgeSettings> {
        let (host, port) = host_port(&broker.address).context("broker.address")?;
        let home = care::HomeId::from(self.home.as_str());
        let mut filters = vec![format!("care/v1/{home}/#")];
        filters.extend(broker.topics.iter().cloned());
        let login = match &broker.password_file {
            Some(file) => Some((broker.user.clone(), password(file)?)),
            None => None,
        };
        Ok(BridgeSettings {
            name: "broker".into(),
            host,
            port,
            authorities_pem: broker.authorities.as_deref().map(read).transpose()?,
            login,
            client_id: format!("hearthline-{}-{}", self.home, self.name),
            version: BrokerVersion::V3,
            filters,
            homes: Homes::Listed(std::sync::Arc::new([home.clone()].into())),
            lodgers: broker
                .topics
                .iter()
                .map(|topics| Lodger {
                    filter: topics.clone(),
                    home: home.clone(),
                })
                .collect(),
            session_expiry: Duration::from_secs(7 * 24 * 3600),
        })
    }
}

fn missing<'a>(files: impl IntoIterator<Item = (&'a str, &'a Option<PathBuf>)>) -> Vec<String> {
    let gone = files
        .into_iter()
        .filter_map(|(name, file)| Some((name, file.as_ref().filter(|file| !file.is_file())?)));
    gone.map(|(name, file)| format!("{name} = \"{}\": there is no such file", file.display()))
        .collect()
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("reading {}", file.display()))
}

fn password(file: &Path) -> anyhow::Result<String> {
    Ok(String::from_utf8_lossy(&read(file)?).trim().to_owned())
}

/// Runs until it is told to end, or only checks.
///
/// # Errors
/// All that is wrong with the configuration; or the part that could not start.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let config = Config::read(&args.config)?;
    let settings = config.settings()?;
    if args.check {
        println!("{}: good", args.config.display());
        return Ok(());
    }
    let waivers = config
        .path
        .iter()
        .map(|path| &path.waiver)
        .chain(config.door.iter().map(|door| &door.waiver));
    for waiver in waivers.filter(|waiver| !waiver.trim().is_empty()) {
        warn!(waiver, "open without TLS by written waiver");
    }
    let hub = Hub::start(settings, crate::clock::wall).await?;
    match hub.door() {
        Some(door) => println!("hub {} of {}  MQTT {door}", config.name, config.home),
        None => println!("hub {} of {}", config.name, config.home),
    }
    until_told_to_end().await?;
    hub.stop().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "schema = 1\nhome = \"home-1\"\ndata_dir = \"d\"\n[[path]]\nname = \"wired\"\nplatform = \"care.example:8883\"\nauthorities = \"Cargo.toml\"\n[login]\nuser = \"hub-1\"\npassword_file = \"Cargo.toml\"\n[broker]\naddress = \"127.0.0.1:1883\"\n";

    fn wrong(text: &str) -> String {
        match toml::from_str::<Config>(text) {
            Ok(config) => config.wrong().join("\n"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_small_configuration_is_enough() {
        assert_eq!(wrong(GOOD), "");
    }

    #[test]
    fn what_is_unsafe_or_cannot_work_is_refused_with_its_remedy() {
        for (change, to, says) in [
            ("authorities = \"Cargo.toml\"\n", "", "without TLS"),
            (
                "[login]\nuser = \"hub-1\"\npassword_file = \"Cargo.toml\"\n",
                "",
                "give a certificate",
            ),
            (
                "[broker]\naddress = \"127.0.0.1:1883\"\n",
                "",
                "nothing could be heard",
            ),
            (
                "[broker]",
                "[door]\nlisten = \"0.0.0.0:1883\"\n[broker]",
                "open to the home's network without TLS",
            ),
            (
                "[broker]",
                "[door]\nlisten = \"127.0.0.1:1883\"\n[broker]",
                "nobody may come in",
            ),
            ("home = \"home-1\"", "home = \"home/1\"", "letters, digits"),
            ("data_dir", "heartbeat_s = 100\ndata_dir", "two heartbeats"),
            ("data_dir", "heartbeat = 1\ndata_dir", "line 3"),
            (
                "[broker]",
                "[[device]]\nid = \"x\"\nkind = \"robot\"\n[broker]",
                "call_button",
            ),
            (
                "password_file = \"Cargo.toml\"",
                "password_file = \"nowhere\"",
                "no such file",
            ),
        ] {
            let text = GOOD.replace(change, to);
            assert_ne!(text, GOOD, "{change}");
            assert!(wrong(&text).contains(says), "{says}: {}", wrong(&text));
        }
    }

    #[test]
    fn the_example_that_is_shipped_can_be_read() {
        let example: Config = toml::from_str(include_str!("../hub.example.toml")).unwrap();
        let wrong = example.wrong();
        assert!(
            wrong
                .iter()
                .all(|sentence| sentence.contains("there is no such file")),
            "{wrong:?}"
        );
    }
}
