//! The configuration file of `hearthline run`: TOML, unknown keys refused with their line. What is wrong is said
//! with its remedy, all at once, before anything starts.

use anyhow::Context;
use care::home::WaterRule;
use crate::channels::MessagesConfig;
use crate::telephone::{ProviderConfig, TrunkConfig, VoiceConfig};
use care::TimeDelta;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Version of the form of this file: 1.
    pub schema: u32,
    /// The platform itself.
    pub platform: PlatformConfig,
    /// The devices' door.
    pub mqtt: MqttConfig,
    /// The people's door.
    pub console: ConsoleConfig,
    /// The event log.
    #[serde(default)]
    pub log: LogConfig,
    /// The detector.
    #[serde(default)]
    pub detector: DetectorConfig,
    /// The office: visits, registers, reports.
    #[serde(default)]
    pub office: OfficeConfig,
    /// The ways out of the building.
    #[serde(default)]
    pub channels: ChannelsConfig,
    /// Messages: SMS, e-mail, push, robots, CAP; links, limits, consents.
    #[serde(default)]
    pub messages: MessagesConfig,
    /// Panels that speak SIA DC-09.
    #[serde(default)]
    pub dc09: crate::receivers::Dc09Config,
    /// Social alarms that speak SCAIP.
    #[serde(default)]
    pub scaip: crate::receivers::ScaipConfig,
    /// How the platform telephones.
    #[serde(default)]
    pub voice: VoiceConfig,
    /// The lines that it telephones by, the preferred one first.
    #[serde(default)]
    pub trunk: Vec<TrunkConfig>,
    /// Measurements for charts.
    #[serde(default)]
    pub telemetry: Option<TelemetryConfig>,
    /// More than one machine; left out: this one alone.
    #[serde(default)]
    pub cluster: Option<ClusterConfig>,
    /// Voice providers over HTTP, after the trunks.
    #[serde(default)]
    pub voice_provider: Vec<ProviderConfig>,
}

/// `[office]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OfficeConfig {
    /// The files of the city's policy, one for each version. Left out: the one that comes with the program.
    pub policies: Vec<PathBuf>,
    /// A folder where weather warnings are dropped as files (CAP 1.2 or the Chinese dialect).
    pub warnings: Option<PathBuf>,
    /// Days that the evidence of remote monitoring is kept. 32 to 3650.
    pub keep_home_days: u32,
    /// Days that a visit's draft is kept which nobody signs. 7 to 3650.
    pub keep_drafts: u32,
    /// Days that everything about an elder is kept after the elder left the register. 30 to 36500.
    pub keep_after_leaving: u32,
    /// Days after which the office deletes a backup: stated to whoever asks for a deletion. 1 to 3650.
    pub keep_backups: u32,
}

impl Default for OfficeConfig {
    fn default() -> Self {
        let retention = care::office::privacy::Retention::default();
        Self {
            policies: Vec::new(),
            warnings: None,
            keep_home_days: retention.home_days,
            keep_drafts: retention.drafts,
            keep_after_leaving: retention.after_leaving,
            keep_backups: retention.backups,
        }
    }
}

impl OfficeConfig {
    /// How long records are kept.
    pub fn retention(&self) -> care::office::privacy::Retention {
        care::office::privacy::Retention { home_days: self.keep_home_days, drafts: self.keep_drafts, after_leaving: self.keep_after_leaving, backups: self.keep_backups }
    }
}

/// `[telemetry]`: a server that takes InfluxDB 2's write calls.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetryConfig {
    /// `http://host:port`.
    pub url: String,
    /// Organisation.
    #[serde(default)]
    pub org: String,
    /// Bucket.
    #[serde(default = "default_bucket")]
    pub bucket: String,
    /// A file that holds the token; left out: none.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
}

/// `[cluster]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterConfig {
    /// The stable name of this node, different on each.
    pub node: String,
    /// True if it decides about homes and calls people; false: doors only.
    #[serde(default = "yes")]
    pub worker: bool,
    /// Groups of homes that workers share; fixed for the life of the streams. 1 to 512.
    #[serde(default = "default_shards")]
    pub shards: u16,
    /// The key file of sealed columns, the same on every node; left out: `keys/seal.key` in the data directory.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// The ledger.
    pub postgres: PostgresConfig,
    /// The event log.
    pub nats: NatsConfig,
}

/// `[cluster.postgres]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresConfig {
    /// A file that holds the address with its password.
    #[serde(default)]
    pub url_file: Option<PathBuf>,
    /// The address, if there is no password in it.
    #[serde(default)]
    pub url: String,
    /// A read replica for reports.
    #[serde(default)]
    pub replica_url_file: Option<PathBuf>,
    /// Authorities (PEM): then TLS is required.
    #[serde(default)]
    pub authorities: Option<PathBuf>,
    /// Connections of this node. 4 to 200.
    #[serde(default = "default_pool")]
    pub connections: usize,
}

/// `[cluster.nats]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NatsConfig {
    /// `nats://a:4222,nats://b:4222,nats://c:4222`.
    pub urls: String,
    /// A file that holds `user:password`.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// Authorities (PEM): then TLS is required.
    #[serde(default)]
    pub authorities: Option<PathBuf>,
    /// The name before every stream: one for each cell.
    #[serde(default = "default_prefix")]
    pub prefix: String,
    /// Copies of each stream. 3 or 5; 1 only for trying things out.
    #[serde(default = "default_replicas")]
    pub replicas: usize,
}

/// `[platform]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlatformConfig {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// The local time of the city: `Asia/Shanghai`.
    #[serde(default = "default_zone")]
    pub zone: String,
}

/// `[mqtt]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MqttConfig {
    /// Where devices connect.
    pub listen: SocketAddr,
    /// The certificate chain and key for TLS, PEM.
    #[serde(default)]
    pub tls: Option<TlsConfig>,
    /// Why this port may be open beyond this machine without TLS: a written waiver, printed at each start.
    #[serde(default)]
    pub waiver: String,
    /// Connections at most.
    #[serde(default = "default_connections")]
    pub connections_max: usize,
    /// Existing brokers to read beside the own door.
    #[serde(default)]
    pub bridge: Vec<BridgeConfig>,
}

/// `[mqtt.tls]` and `[console.tls]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// Certificate chain, PEM.
    pub certificate: PathBuf,
    /// Private key, PEM.
    pub key: PathBuf,
    /// Authority whose client certificates name devices, PEM.
    #[serde(default)]
    pub client_authority: Option<PathBuf>,
}

/// `[[mqtt.bridge]]`: an existing broker.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BridgeConfig {
    /// `host:port`.
    pub broker: String,
    /// The fixed client id that the broker keeps the session for.
    pub client_id: String,
    /// User name.
    #[serde(default)]
    pub user: String,
    /// A file that holds the password.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// Topic filters, `care/v1/#` if left out.
    #[serde(default)]
    pub topics: Vec<String>,
    /// Speak MQTT 5 and share the subscription with the other readers of this name. Left out: MQTT 3.1.1.
    #[serde(default)]
    pub share: Option<String>,
    /// TLS by the authorities in this PEM file.
    #[serde(default)]
    pub authorities: Option<PathBuf>,
    /// The homes that native messages are taken for; left out: every home.
    #[serde(default)]
    pub homes: Vec<String>,
    /// Topics in other languages and the home each belongs to.
    #[serde(default)]
    pub lodger: Vec<LodgerConfig>,
}

impl BridgeConfig {
    /// Host and port of the broker, if it is written as both.
    pub fn address(&self) -> Option<(String, u16)> {
        let (host, port) = self.broker.rsplit_once(':')?;
        Some((host.to_owned(), port.parse().ok()?)).filter(|(host, _)| !host.is_empty())
    }
}

/// `[[mqtt.bridge.lodger]]`: topics without a home in their name.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LodgerConfig {
    /// The topic filter: `zigbee2mqtt/#`.
    pub topics: String,
    /// The home that they belong to.
    pub home: String,
}

/// `[console]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsoleConfig {
    /// Where people connect.
    pub listen: SocketAddr,
    /// TLS of its own. Left out: a proxy in front brings it, or loopback only.
    #[serde(default)]
    pub tls: Option<TlsConfig>,
    /// Why this port may be open beyond this machine without TLS: a written waiver, printed at each start.
    #[serde(default)]
    pub waiver: String,
    /// Hours after which a browser's sign-in ends whatever happens. 1 to 168.
    #[serde(default = "session_hours")]
    pub session_hours: u32,
    /// Minutes without a request after which a browser's sign-in ends. 5 to 1440.
    #[serde(default = "session_idle_min")]
    pub session_idle_min: u32,
    /// Who has to show a second factor: `optional`, `administrators` or `everybody`.
    #[serde(default)]
    pub second_factor: console::SecondFactor,
    /// The city's identity provider; left out: people sign in by password.
    #[serde(default)]
    pub provider: Option<crate::identity::ProviderConfig>,
}

fn session_hours() -> u32 {
    16
}

fn session_idle_min() -> u32 {
    720
}

/// `[log]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// Days that raw messages are kept. 2 to 3650.
    pub keep_days: u32,
    /// Size of the reserve that red alarms draw on when the disk is full, MB. 8 to 4096.
    pub reserve_mb: u32,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { keep_days: 90, reserve_mb: 64 }
    }
}

/// `[detector]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DetectorConfig {
    /// The longest silence at home, whatever the routine. 1 to 48 h.
    pub silence_max_h: f64,
    /// False check calls that a home may cost in 30 days. 0.05 to 10.
    pub attention_per_month: f64,
    /// False urgent alarms that a home may cost in 30 days. 0.05 to 10.
    pub urgent_per_month: f64,
    /// Grace after an outage of ours, minutes. 1 to 240.
    pub outage_grace_min: u32,
    /// What the city takes for too little and too much water: `shanghai`, `jingan`, `longgang`, `haishu`, `zhenhai`.
    pub water: String,
    /// The rules beside silence that hold in homes of which nobody has chosen otherwise. All off.
    pub rules: care::home::Rules,
}

impl Default for DetectorConfig {
    fn default() -> Self {
        Self { silence_max_h: 12.0, attention_per_month: 1.0, urgent_per_month: 0.25, outage_grace_min: 15, water: "shanghai".into(), rules: care::home::Rules::default() }
    }
}

/// `[channels]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChannelsConfig {
    /// Signed webhooks.
    pub webhook: Option<WebhookConfig>,
    /// The demo's telephone exchange: refused by `run`.
    pub exchange: Option<toml::Value>,
}

/// `[channels.webhook]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// A file that holds the signing secret (`whsec_...`, Standard Webhooks).
    pub secret_file: PathBuf,
    /// Plain `http://` addresses are taken only beside this machine or with this set.
    #[serde(default)]
    pub allow_plain_http: bool,
}

impl WebhookConfig {
    /// With the secret read.
    ///
    /// # Errors
    /// If its file cannot be read.
    pub fn settings(&self) -> anyhow::Result<alerts::webhook::WebhookSettings> {
        let secret = std::fs::read_to_string(&self.secret_file).with_context(|| format!("reading {}", self.secret_file.display()))?;
        Ok(alerts::webhook::WebhookSettings::new(secret.trim()))
    }
}

fn yes() -> bool {
    true
}

fn default_bucket() -> String {
    "hearthline".into()
}

fn default_prefix() -> String {
    "hearthline".into()
}

fn default_shards() -> u16 {
    16
}

fn default_pool() -> usize {
    16
}

fn default_replicas() -> usize {
    3
}

fn default_zone() -> String {
    "Asia/Shanghai".into()
}

fn default_connections() -> usize {
    60_000
}

/// What is wrong with a configuration, in sentences with their remedies.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct Wrong(pub Vec<String>);

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// All that is wrong with it, with line and remedy.
    pub fn read(path: &Path) -> Result<Self, Wrong> {
        let text = std::fs::read_to_string(path).map_err(|e| Wrong(vec![format!("{}: cannot be read: {e}", path.display())]))?;
        let config: Self = toml::from_str(&text).map_err(|e| Wrong(vec![format!("{}: {e}", path.display())]))?;
        let wrong = config.wrong();
        if wrong.is_empty() { Ok(config) } else { Err(Wrong(wrong)) }
    }

    fn wrong(&self) -> Vec<String> {
        let mut out = Vec::new();
        let mut say = |sentence: String| out.push(sentence);
        if self.schema != 1 {
            say(format!("schema = {}: this version reads schema 1", self.schema));
        }
        if self.zone().is_none() {
            say(format!("platform.zone = \"{}\": not a time zone; write one like \"Asia/Shanghai\"", self.platform.zone));
        }
        let doors = [
            ("mqtt", self.mqtt.listen, &self.mqtt.tls, &self.mqtt.waiver),
            ("console", self.console.listen, &self.console.tls, &self.console.waiver),
        ];
        for (name, listen, tls, waiver) in doors {
            if !listen.ip().is_loopback() && tls.is_none() && waiver.trim().len() < 20 {
                say(format!(
                    "{name}.listen = \"{listen}\" is open beyond this machine without TLS: give [{name}.tls], or listen on 127.0.0.1, or say in {name}.waiver (20 letters or more) who takes the risk and why"
                ));
            }
            if let Some(tls) = tls {
                for (what, file) in [("certificate", Some(&tls.certificate)), ("key", Some(&tls.key)), ("client_authority", tls.client_authority.as_ref())] {
                    if let Some(file) = file.filter(|f| !f.is_file()) {
                        say(format!("{name}.tls.{what} = \"{}\": there is no such file", file.display()));
                    }
                }
            }
        }
        if self.channels.exchange.is_some() {
            say("channels.exchange: simulated telephones are for the demo only; take the section out".into());
        }
        if let Some(hook) = &self.channels.webhook {
            if !hook.secret_file.is_file() {
                say(format!("channels.webhook.secret_file = \"{}\": there is no such file; `hearthline init` makes one", hook.secret_file.display()));
            }
        } else if self.trunk.is_empty() && self.voice_provider.is_empty() && self.messages.names().is_empty() {
            say("channels: no real channel is configured, so nobody could be called; give a [[trunk]], [channels.webhook] or [messages]".into());
        }
        self.messages.wrong().into_iter().for_each(&mut say);
        self.console.provider.iter().flat_map(crate::identity::ProviderConfig::wrong).for_each(&mut say);
        let ranges = [
            ("detector.silence_max_h", self.detector.silence_max_h, 1.0, 48.0),
            ("detector.attention_per_month", self.detector.attention_per_month, 0.05, 10.0),
            ("detector.urgent_per_month", self.detector.urgent_per_month, 0.05, 10.0),
            ("console.session_hours", f64::from(self.console.session_hours), 1.0, 168.0),
            ("console.session_idle_min", f64::from(self.console.session_idle_min), 5.0, 1_440.0),
            ("detector.outage_grace_min", f64::from(self.detector.outage_grace_min), 1.0, 240.0),
            ("office.keep_home_days", f64::from(self.office.keep_home_days), 32.0, 3650.0),
            ("office.keep_drafts", f64::from(self.office.keep_drafts), 7.0, 3650.0),
            ("office.keep_after_leaving", f64::from(self.office.keep_after_leaving), 30.0, 36_500.0),
            ("office.keep_backups", f64::from(self.office.keep_backups), 1.0, 3650.0),
            ("log.keep_days", f64::from(self.log.keep_days), 2.0, 3650.0),
            ("log.reserve_mb", f64::from(self.log.reserve_mb), 8.0, 4096.0),
        ];
        for (name, value, least, most) in ranges {
            if !(least..=most).contains(&value) {
                say(format!("{name} = {value}: must be {least} to {most}"));
            }
        }
        for file in self.office.policies.iter().filter(|f| !f.is_file()) {
            say(format!("office.policies: there is no file \"{}\"", file.display()));
        }
        if let Some(folder) = self.office.warnings.as_ref().filter(|f| !f.is_dir()) {
            say(format!("office.warnings = \"{}\": there is no such folder", folder.display()));
        }
        for sentence in self.cluster.iter().flat_map(ClusterConfig::wrong).chain(self.telemetry.iter().flat_map(TelemetryConfig::wrong)) {
            say(sentence);
        }
        for bridge in &self.mqtt.bridge {
            if bridge.address().is_none() {
                say(format!("mqtt.bridge.broker = \"{}\": write host:port", bridge.broker));
            }
            for home in bridge.homes.iter().chain(bridge.lodger.iter().map(|l| &l.home)).filter(|h| !care::id::well_formed(h)) {
                say(format!("mqtt.bridge: `{home}` cannot be the identifier of a home"));
            }
            if let Some(file) = bridge.authorities.as_ref().filter(|f| !f.is_file()) {
                say(format!("mqtt.bridge.authorities = \"{}\": there is no such file", file.display()));
            }
            if bridge.client_id.is_empty() {
                say(format!("mqtt.bridge to {}: client_id must not be empty, or the broker keeps nothing for us", bridge.broker));
            }
            if let Some(file) = bridge.password_file.as_ref().filter(|f| !f.is_file()) {
                say(format!("mqtt.bridge.password_file = \"{}\": there is no such file", file.display()));
            }
        }
        out.extend(crate::telephone::wrong(&self.voice, &self.trunk, &self.voice_provider));
        out.extend(self.dc09.wrong());
        out.extend(self.scaip.wrong());
        if WaterRule::preset(&self.detector.water).is_none() {
            let known: Vec<_> = WaterRule::PRESETS.iter().map(|(name, _)| *name).collect();
            out.push(format!("detector.water = \"{}\" is none of {}", self.detector.water, known.join(", ")));
        }
        out
    }

    /// The local time of the city.
    pub fn zone(&self) -> Option<chrono_tz::Tz> {
        self.platform.zone.parse().ok()
    }

    /// The detector's settings.
    pub fn homes(&self) -> care::home::Settings {
        let hours = std::time::Duration::from_secs_f64(self.detector.silence_max_h.clamp(1.0, 48.0) * 3600.0);
        care::home::Settings {
            zone: self.zone().unwrap_or(chrono_tz::Asia::Shanghai),
            silence_max: TimeDelta::from_std(hours).unwrap_or(TimeDelta::hours(12)),
            false_alarms_per_month: care::home::Budgets { attention: self.detector.attention_per_month, urgent: self.detector.urgent_per_month },
            outage_grace: TimeDelta::minutes(i64::from(self.detector.outage_grace_min)),
            water: WaterRule::preset(&self.detector.water).unwrap_or(WaterRule::SHANGHAI),
            rules: self.detector.rules,
            ..care::home::Settings::default()
        }
    }
}

impl TelemetryConfig {
    fn wrong(&self) -> Vec<String> {
        let mut out = Vec::new();
        if !cfg!(feature = "influxdb") {
            out.push("telemetry: this program was built without the feature `influxdb`; build it with `--features influxdb`, or take the section out".into());
        }
        if let Some(file) = self.token_file.as_ref().filter(|f| !f.is_file()) {
            out.push(format!("telemetry.token_file = \"{}\": there is no such file", file.display()));
        }
        out
    }
}

impl ClusterConfig {
    fn wrong(&self) -> Vec<String> {
        let mut out = Vec::new();
        if !cfg!(feature = "cluster") {
            out.push("cluster: this program was built without the feature `cluster`; build it with `--features cluster`, or take the section out".into());
        }
        if !care::id::well_formed(&self.node) {
            out.push(format!("cluster.node = \"{}\": 1 to 64 letters, digits and -_.:, different on each node", self.node));
        }
        if !(1..=512).contains(&self.shards) {
            out.push(format!("cluster.shards = {}: must be 1 to 512", self.shards));
        }
        if self.postgres.url_file.is_some() != self.postgres.url.is_empty() {
            out.push("cluster.postgres: give either url_file (a file with the address and its password) or url".into());
        }
        if !(4..=200).contains(&self.postgres.connections) {
            out.push(format!("cluster.postgres.connections = {}: must be 4 to 200", self.postgres.connections));
        }
        if !matches!(self.nats.replicas, 1 | 3 | 5) {
            out.push(format!("cluster.nats.replicas = {}: must be 3 or 5 (1 only for trying things out)", self.nats.replicas));
        }
        if self.nats.prefix.is_empty() || !self.nats.prefix.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
            out.push(format!("cluster.nats.prefix = \"{}\": letters, digits, - and _", self.nats.prefix));
        }
        let files = [
            ("cluster.key_file", &self.key_file),
            ("cluster.postgres.url_file", &self.postgres.url_file),
            ("cluster.postgres.replica_url_file", &self.postgres.replica_url_file),
            ("cluster.postgres.authorities", &self.postgres.authorities),
            ("cluster.nats.password_file", &self.nats.password_file),
            ("cluster.nats.authorities", &self.nats.authorities),
        ];
        for (name, file) in files {
            if let Some(file) = file.as_ref().filter(|f| !f.is_file()) {
                out.push(format!("{name} = \"{}\": there is no such file", file.display()));
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        match toml::from_str::<Config>(text) {
            Ok(config) => config.wrong().join("\n"),
            Err(error) => error.to_string(),
        }
    }

    const GOOD: &str = "schema = 1\n[platform]\ndata_dir = \"d\"\n[mqtt]\nlisten = \"127.0.0.1:1883\"\n[console]\nlisten = \"127.0.0.1:8080\"\n[channels.webhook]\nsecret_file = \"Cargo.toml\"\n";

    #[test]
    fn a_small_configuration_is_enough() {
        assert_eq!(wrong(GOOD), "");
    }

    #[test]
    fn an_open_port_without_tls_needs_a_written_waiver() {
        let open = GOOD.replace("127.0.0.1:1883", "0.0.0.0:1883");
        assert!(wrong(&open).contains("mqtt.listen = \"0.0.0.0:1883\" is open beyond this machine without TLS"));
        let waived = open.replace("[console]", "waiver = \"closed network of the test lab, Lin takes the risk\"\n[console]");
        assert_eq!(wrong(&waived), "");
    }

    #[test]
    fn an_identity_provider_is_asked_by_tls_only() {
        let with = |issuer: &str| GOOD.replace("[channels", &format!("[console.provider]\nname = \"City ID\"\nissuer = \"{issuer}\"\nclient_id = \"h\"\nbase = \"https://h.example\"\n[channels"));
        assert_eq!(wrong(&with("https://id.example")), "");
        assert!(wrong(&with("http://id.example")).contains("console.provider.issuer = \"http://id.example\": write an https:// address"));
        assert!(wrong(&with("https://id.example").replace("\"h\"", "\" \"")).contains("console.provider.client_id is empty"));
    }

    #[test]
    fn simulated_telephones_and_a_plan_without_a_real_channel_are_refused() {
        assert!(wrong(&format!("{GOOD}[channels.exchange]\n")).contains("simulated telephones"));
        let (without, _) = GOOD.split_once("[channels.webhook]").unwrap();
        assert!(wrong(without).contains("no real channel"));
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let text = wrong(&GOOD.replace("[console]", "lisen = 1\n[console]"));
        assert!(text.contains("line 6") && text.contains("lisen"), "{text}");
    }
}
