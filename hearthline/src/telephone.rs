//! `[voice]` and `[[trunk]]`: real telephone calls. And `hearthline voice`: try a trunk with one call, say what a prompt
//! pack lacks.

mod line;
mod provider;

pub(crate) use line::{Calls, DemoLine, Line};
pub use provider::{Account, Interface, ProviderConfig};

use crate::config::{Config, Wrong};
use alerts::voice::leg::{LegOutcome, LegRequest, LegTimers};
use alerts::voice::number::{DialPlan, NumberForm};
use alerts::voice::phrases::{self, Phrase};
use alerts::voice::runtime::VoiceRuntime;
use alerts::voice::sip::{Incoming, SipTrunk, Transport, TrunkSettings};
use alerts::voice::speech::{Pack, Speech, SpeechSettings};
use alerts::voice::talk::{Line as Words, Script, Talk};
use alerts::voice::tts::TtsSettings;
use alerts::voice::{Health, Voice, VoiceParts, VoiceRoute, VoiceSettings, audio};
use alerts::{Take, Taken};
use anyhow::Context;
use care::Level;
use care::reason::Language;
use clap::Subcommand;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// `[voice]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VoiceConfig {
    /// The own country's code.
    pub country: String,
    /// Beginnings of numbers that may be dialled, in E.164: `+86`.
    pub allow: Vec<String>,
    /// Beginnings that may not, though they are within `allow`.
    pub deny: Vec<String>,
    /// Extensions and short numbers that may be dialled as they are.
    pub short: Vec<String>,
    /// Domains whose SIP addresses may be dialled, such as those of the homes' speaking devices.
    pub sip_domains: Vec<String>,
    /// Emergency numbers that the machine itself may dial: only with the authority's consent.
    pub emergency_consent: Vec<String>,
    /// Who gave that consent, when, and under which number: 20 letters or more.
    pub emergency_waiver: String,
    /// Calls an hour.
    pub calls_per_hour: u32,
    /// Calls an hour beyond it for red alarms, before operators are told that even those are spent.
    pub reserve_per_hour: u32,
    /// How long it rings, seconds. Shorter than the carrier forwards to its voicemail.
    pub ring_s: u64,
    /// How long a trunk may be silent before the next one is tried, seconds.
    pub no_word_s: u64,
    /// The speech program; empty = recordings and tones alone.
    pub speech: String,
    /// Words a minute.
    pub words_per_minute: u32,
    /// Directories of prompt packs, each named for its language.
    pub packs: Vec<PathBuf>,
    /// A speech service over HTTP; left out: the program alone.
    pub tts: Option<TtsConfig>,
    /// The desk's phone: key 3 connects to it.
    pub desk_phone: String,
    /// Operators' own phones, by sign-in name.
    pub handsets: BTreeMap<String, String>,
    /// Days that connected calls are kept as sound, announced to both; left out: nothing is recorded.
    pub record_days: Option<u32>,
}

impl Default for VoiceConfig {
    fn default() -> Self {
        let plan = DialPlan::default();
        Self {
            country: plan.country,
            allow: plan.allow,
            deny: plan.deny,
            short: Vec::new(),
            sip_domains: Vec::new(),
            emergency_consent: Vec::new(),
            emergency_waiver: String::new(),
            calls_per_hour: 600,
            reserve_per_hour: 300,
            ring_s: 28,
            no_word_s: 7,
            speech: "espeak-ng".into(),
            words_per_minute: 140,
            packs: Vec::new(),
            tts: None,
            desk_phone: String::new(),
            handsets: BTreeMap::new(),
            record_days: None,
        }
    }
}

/// `[voice.tts]`: a speech service that is compatible with OpenAI's `/v1/audio/speech`. Every sentence goes there as text.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TtsConfig {
    /// `https://speech.example/v1/audio/speech`; plain `http://` on this machine only.
    pub url: String,
    /// A file that holds the key; left out: none.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// The model's name there.
    pub model: String,
    /// The voice for each language: `zh = "..."`.
    pub voices: BTreeMap<String, String>,
    /// How long an answer may take, seconds. 1 to 30.
    #[serde(default = "default_tts_within")]
    pub within_s: u64,
}

fn default_tts_within() -> u64 {
    5
}

impl TtsConfig {
    fn settings(&self) -> anyhow::Result<TtsSettings> {
        let key = match &self.key_file {
            Some(file) => Some(std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?.trim().to_owned()),
            None => None,
        };
        let url = self.url.parse().context("voice.tts.url")?;
        Ok(TtsSettings { url, key, model: self.model.clone(), voices: self.voices.clone(), within: Duration::from_secs(self.within_s) })
    }

    fn wrong(&self) -> Vec<String> {
        let mut out = Vec::new();
        let near = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
        let is_near = |start: &&str| self.url.strip_prefix(*start).is_some_and(|rest| rest.starts_with([':', '/']));
        if !self.url.starts_with("https://") && !near.iter().any(is_near) {
            out.push(format!("voice.tts.url = \"{}\": names and addresses go there: https://, or a server on this machine", self.url));
        }
        if let Some(file) = self.key_file.as_ref().filter(|f| !f.is_file()) {
            out.push(format!("voice.tts.key_file = \"{}\": there is no such file", file.display()));
        }
        if self.voices.is_empty() {
            out.push("voice.tts.voices: name a voice for at least one language, such as zh = \"...\"".into());
        }
        if !(1..=30).contains(&self.within_s) {
            out.push(format!("voice.tts.within_s = {}: must be 1 to 30", self.within_s));
        }
        out
    }
}

/// How signalling travels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransportConfig {
    /// Datagrams.
    #[default]
    Udp,
    /// A stream.
    Tcp,
    /// An encrypted stream.
    Tls,
}

/// How the trunk wants numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FormConfig {
    /// `+8613800000001`
    #[default]
    E164,
    /// `8613800000001`
    Digits,
    /// `13800000001`
    National,
}

/// `[[trunk]]`: the preferred one first.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrunkConfig {
    /// Its name in alarms.
    pub name: String,
    /// `host:port` of the carrier or PBX.
    pub server: String,
    /// How signalling travels.
    #[serde(default)]
    pub transport: TransportConfig,
    /// The domain in addresses; left out: the server's name.
    #[serde(default)]
    pub domain: String,
    /// User name; left out: the trunk knows us by our address.
    #[serde(default)]
    pub user: String,
    /// The digest's user name, if it differs.
    #[serde(default)]
    pub auth_user: Option<String>,
    /// A file that holds the password.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// Register for so many seconds at a time; left out: no registration.
    #[serde(default)]
    pub register_s: Option<u64>,
    /// The number that calls come from.
    pub caller: String,
    /// The name shown with it.
    #[serde(default)]
    pub caller_name: String,
    /// Calls at once.
    #[serde(default = "default_channels")]
    pub channels: usize,
    /// How numbers are dialled.
    #[serde(default)]
    pub numbers: FormConfig,
    /// Dialled before every number.
    #[serde(default)]
    pub prefix: String,
    /// Authorities for TLS, PEM.
    #[serde(default)]
    pub authorities: Option<PathBuf>,
    /// The name in the trunk's certificate, if it is not the server's.
    #[serde(default)]
    pub certificate_name: String,
    /// The address and port bound for signalling.
    #[serde(default = "default_bind")]
    pub bind: SocketAddr,
    /// The address under which the trunk sees this machine, if that differs.
    #[serde(default)]
    pub public: Option<IpAddr>,
    /// First and last port for the sound; left out: any.
    #[serde(default)]
    pub rtp_ports: Option<(u16, u16)>,
    /// Seconds between two probes by OPTIONS; 0 = never, for trunks that do not answer it.
    #[serde(default = "default_probe")]
    pub probe_s: u64,
    /// Further addresses that the trunk's requests come from.
    #[serde(default)]
    pub from: Vec<IpAddr>,
    /// Headers that the carrier wants in each call.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

fn default_channels() -> usize {
    30
}

fn default_bind() -> SocketAddr {
    SocketAddr::from(([0, 0, 0, 0], 5060))
}

fn default_probe() -> u64 {
    30
}

impl TrunkConfig {
    fn address(&self) -> Option<(String, u16)> {
        let (host, port) = self.server.rsplit_once(':')?;
        Some((host.to_owned(), port.parse().ok()?)).filter(|(host, _)| !host.is_empty())
    }

    fn settings(&self) -> anyhow::Result<TrunkSettings> {
        let (host, port) = self.address().context("trunk.server")?;
        let password = match &self.password_file {
            Some(file) => std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?.trim().to_owned(),
            None => String::new(),
        };
        let authorities = self.authorities.as_ref().map(|f| std::fs::read(f).with_context(|| format!("reading {}", f.display()))).transpose()?;
        let (first, last) = self.rtp_ports.unwrap_or((0, 0));
        Ok(TrunkSettings {
            transport: match self.transport {
                TransportConfig::Udp => Transport::Udp,
                TransportConfig::Tcp => Transport::Tcp,
                TransportConfig::Tls => Transport::Tls,
            },
            bind: self.bind,
            public: self.public,
            domain: self.domain.clone(),
            caller: self.caller.clone(),
            caller_name: self.caller_name.clone(),
            user: self.user.clone(),
            auth_user: self.auth_user.clone(),
            password,
            register: self.register_s.map(Duration::from_secs),
            channels: self.channels,
            authorities,
            tls_name: self.certificate_name.clone(),
            form: match self.numbers {
                FormConfig::E164 => NumberForm::E164,
                FormConfig::Digits => NumberForm::Digits,
                FormConfig::National => NumberForm::National,
            },
            prefix: self.prefix.clone(),
            probe_every: Duration::from_secs(self.probe_s),
            rtp_ports: first..=last,
            allowed: self.from.clone(),
            headers: self.headers.iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
            ..TrunkSettings::new(&self.name, &host, port)
        })
    }
}

/// What is wrong with the two sections, with the remedy.
pub(crate) fn wrong(voice: &VoiceConfig, trunks: &[TrunkConfig], providers: &[ProviderConfig]) -> Vec<String> {
    let mut out = Vec::new();
    let mut names = std::collections::BTreeSet::<String>::new();
    for trunk in trunks {
        let name = &trunk.name;
        if !care::id::well_formed(name) || !names.insert(name.clone()) {
            out.push(format!("trunk.name = \"{name}\": letters, digits and - only, and each name once"));
        }
        if trunk.address().is_none() {
            out.push(format!("trunk {name}: server = \"{}\": write host:port, most often port 5060, with TLS 5061", trunk.server));
        }
        if trunk.transport == TransportConfig::Tls && trunk.authorities.is_none() {
            out.push(format!("trunk {name}: TLS needs authorities = \"FILE.pem\"; the carriers' public ones are in /etc/ssl/certs/ca-certificates.crt"));
        }
        for (what, file) in [("password_file", &trunk.password_file), ("authorities", &trunk.authorities)] {
            if let Some(file) = file.as_ref().filter(|f| !f.is_file()) {
                out.push(format!("trunk {name}: {what} = \"{}\": there is no such file", file.display()));
            }
        }
        if !trunk.user.is_empty() && trunk.password_file.is_none() {
            out.push(format!("trunk {name}: a user needs password_file"));
        }
        if !(1..=1_000).contains(&trunk.channels) {
            out.push(format!("trunk {name}: channels = {}: must be 1 to 1000, as many as the carrier has sold", trunk.channels));
        }
        if let Some((first, last)) = trunk.rtp_ports
            && (first < 1_024 || last <= first)
        {
            out.push(format!("trunk {name}: rtp_ports = [{first}, {last}]: write the first and the last port, from 1024"));
        }
        if trunk.caller.is_empty() || !trunk.caller.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '_' | '.')) {
            out.push(format!("trunk {name}: caller = \"{}\": the number that the carrier has given", trunk.caller));
        }
    }
    for provider in providers {
        out.extend(provider.wrong(&mut names));
    }
    if !voice.emergency_consent.is_empty() && voice.emergency_waiver.trim().chars().count() < 20 {
        out.push("voice.emergency_consent: the machine dials emergency numbers only with the authority's consent; say in voice.emergency_waiver (20 letters or more) who gave it and when".into());
    }
    let ranges = [
        ("calls_per_hour", u64::from(voice.calls_per_hour), 1, 100_000),
        ("ring_s", voice.ring_s, 10, 60),
        ("no_word_s", voice.no_word_s, 3, 20),
        ("words_per_minute", u64::from(voice.words_per_minute), 80, 300),
    ];
    for (name, value, least, most) in ranges {
        if !(least..=most).contains(&value) {
            out.push(format!("voice.{name} = {value}: must be {least} to {most}"));
        }
    }
    out.extend(voice.tts.iter().flat_map(TtsConfig::wrong));
    for dir in voice.packs.iter().filter(|d| !d.join("phrases.tsv").is_file()) {
        out.push(format!("voice.packs: {} has no phrases.tsv; docs/calls.md says what a pack is", dir.display()));
    }
    out
}

/// What the channel `voice` is made of.
#[derive(Clone)]
pub struct Telephone {
    /// The trunks, the preferred one first.
    pub trunks: Vec<TrunkSettings>,
    /// Providers over HTTP, after the trunks.
    pub providers: Vec<Account>,
    /// How calls go.
    pub voice: VoiceSettings,
    /// How they speak.
    pub speech: SpeechSettings,
    /// Operators' own phones, by sign-in name.
    pub handsets: BTreeMap<String, String>,
}

impl Telephone {
    /// Opens the trunks and makes the channel of them.
    ///
    /// # Errors
    /// If a trunk's port cannot be had.
    pub(crate) async fn open(self, ledger: &Arc<dyn store::LedgerKeeper>, clock: &Arc<dyn store::Clock>) -> anyhow::Result<(Voice, mpsc::UnboundedReceiver<Incoming>)> {
        let runtime = Arc::new(VoiceRuntime::start().context("starting the voice runtime")?);
        let speech = Speech::new(self.speech, runtime.clone());
        let mut routes: Vec<Arc<dyn VoiceRoute>> = Vec::new();
        let (rings, incoming) = mpsc::unbounded_channel();
        for settings in self.trunks {
            let trunk = SipTrunk::open(settings, self.voice.plan.clone(), runtime.clone()).await?;
            trunk.take_incoming(rings.clone());
            routes.push(Arc::new(trunk));
        }
        for account in self.providers {
            routes.push(account.open(&self.voice.plan).await?);
        }
        let parts = VoiceParts { ledger: ledger.clone(), register: ledger.clone(), clock: clock.clone(), speech };
        Ok((Voice::new(routes, self.voice, parts), incoming))
    }
}

/// Out of the configuration; `None` without a trunk.
///
/// # Errors
/// If a file of it cannot be read.
pub(crate) fn telephone(config: &Config) -> anyhow::Result<Option<Telephone>> {
    if config.trunk.is_empty() && config.voice_provider.is_empty() {
        return Ok(None);
    }
    let voice = &config.voice;
    let plan = DialPlan {
        country: voice.country.clone(),
        allow: voice.allow.clone(),
        deny: voice.deny.clone(),
        short: voice.short.clone(),
        sip_domains: voice.sip_domains.clone(),
        consent: voice.emergency_consent.clone(),
        ..DialPlan::default()
    };
    let timers = LegTimers { ring: Duration::from_secs(voice.ring_s), no_word: Duration::from_secs(voice.no_word_s), ..LegTimers::default() };
    let packs = voice.packs.iter().map(|d| Pack::read(d).map_err(anyhow::Error::from)).collect::<anyhow::Result<Vec<_>>>().context("voice.packs")?;
    Ok(Some(Telephone {
        providers: config.voice_provider.iter().map(ProviderConfig::account).collect::<anyhow::Result<_>>()?,
        trunks: config.trunk.iter().map(TrunkConfig::settings).collect::<anyhow::Result<_>>()?,
        voice: VoiceSettings {
            plan,
            timers,
            calls_per_hour: voice.calls_per_hour,
            reserve_per_hour: voice.reserve_per_hour,
            desk_phone: Some(voice.desk_phone.clone()).filter(|p| !p.is_empty()),
            recording: voice.record_days.map(|d| care::TimeDelta::days(i64::from(d))),
        },
        speech: SpeechSettings {
            program: Some(voice.speech.as_str()).filter(|p| !p.is_empty()).map(PathBuf::from),
            speed: voice.words_per_minute,
            packs,
            service: voice.tts.as_ref().map(TtsConfig::settings).transpose()?,
            ..SpeechSettings::default()
        },
        handsets: voice.handsets.clone(),
    }))
}

/// `hearthline voice ...`
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Call a number and show every SIP message.
    TestCall {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
        /// By this trunk; left out: the first.
        #[arg(long)]
        trunk: Option<String>,
        /// Speak English.
        #[arg(long)]
        english: bool,
        /// The number to call.
        number: String,
    },
    /// Print the phrases that a prompt pack records, as lines for its phrases.tsv.
    Phrases {
        /// The English ones.
        #[arg(long)]
        english: bool,
        /// Only those that this pack lacks.
        #[arg(long)]
        pack: Option<PathBuf>,
    },
}

/// Runs one of them.
///
/// # Errors
/// If the configuration is wrong or the call cannot be placed.
pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::TestCall { config, trunk, english, number } => test_call(&config, trunk.as_deref(), language(english), &number).await,
        Command::Phrases { english, pack } => {
            let language = language(english);
            let list = match pack {
                Some(dir) => Pack::read(&dir)?.missing(language),
                None => phrases::fixed(language),
            };
            for (n, phrase) in list.iter().enumerate() {
                println!("{:02}.wav\t{phrase}", n + 1);
            }
            Ok(())
        }
    }
}

fn language(english: bool) -> Language {
    if english { Language::En } else { Language::Zh }
}

/// A key in a test call acknowledges nothing but the test.
struct JustATest;

#[async_trait::async_trait]
impl Take for JustATest {
    async fn accept(&self) -> Taken {
        Taken::Yours
    }

    fn reached(&self) {}
}

async fn test_call(file: &Path, name: Option<&str>, language: Language, written: &str) -> anyhow::Result<()> {
    let config = Config::read(file)?;
    let telephone = telephone(&config)?.ok_or_else(|| Wrong(vec!["there is no [[trunk]] in the configuration".into()]))?;
    let plan = telephone.voice.plan.clone();
    let number = plan.number(written).context("the number")?;
    let mut settings = telephone
        .trunks
        .into_iter()
        .find(|t| name.is_none_or(|n| n == t.name))
        .ok_or_else(|| Wrong(vec![format!("there is no trunk of the name {}", name.unwrap_or_default())]))?;
    // The platform may be running: it has the port.
    settings.bind.set_port(0);
    settings.register = None;
    let (within, probe_within) = (settings.probe_every, settings.probe_within);
    let runtime = Arc::new(VoiceRuntime::start().context("starting the voice runtime")?);
    let speech = Speech::new(telephone.speech, runtime.clone());
    let mut words = speech.phrase(if language == Language::En { "en" } else { "zh" }, language, Phrase::Test);
    if words.sound.borrow().is_none() && tokio::time::timeout(Duration::from_secs(12), words.sound.changed()).await.is_err() {
        eprintln!("the words were not ready in time");
    }
    if words.sound.borrow().is_none() {
        eprintln!("no speech program and no recording: the call has tones alone");
    }
    let trunk = SipTrunk::open(settings, plan, runtime).await?;
    let (show, mut shown) = mpsc::unbounded_channel::<String>();
    trunk.show_trace(show);
    let printing = tokio::spawn(async move {
        while let Some(message) = shown.recv().await {
            println!("{message}");
        }
    });
    let tone = |text: &str| Words::ready(text, audio::tone(&[880.0], Duration::from_millis(300)));
    let script = Script {
        brief: words.clone(),
        attention: Words::ready("(tone)", audio::attention()),
        once_more: tone("(once more)"),
        not_stored: tone("(once more)"),
        confirmed: tone("(confirmed)"),
        full: tone("(end)"),
        ask_desk: tone("(end)"),
        too_late: tone("(end)"),
        offer_desk: None,
        offer_home: None,
    };
    let (_keep, released) = watch::channel(false);
    let leg = LegRequest { number, level: Level::Red, timers: telephone.voice.timers.clone() };
    let talk = Talk { script: &script, timers: &leg.timers, take: &JustATest, released, clock: Arc::new(crate::clock::WallClock::new(None, care::TimeDelta::zero(), 1)), bridge: None, progress: None };
    let report = trunk.place(&leg, talk).await;
    if matches!(report.outcome, LegOutcome::RouteDown(_)) && !within.is_zero() {
        // What further up looks like a time-out has a reason: the probe knows it.
        let start = std::time::Instant::now();
        while trunk.health() == Health::Up && start.elapsed() < probe_within * 3 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    printing.abort();
    println!("outcome   {}", report.outcome.word());
    match (&report.outcome, trunk.health()) {
        (LegOutcome::RouteDown(why), Health::Up) => println!("why       {why}"),
        (_, Health::Down(why)) => println!("trunk     {why}"),
        (_, Health::Up) => {}
    }
    println!("keys      {}", if report.keys.is_empty() { "none" } else { &report.keys });
    let wire = &report.wire;
    println!("status    {}   call-id {}", wire.status, wire.call_id);
    println!("sound     {} packets sent, {} received, {} lost, {}", wire.sent, wire.received, wire.lost, if wire.heard_audio { "something was heard" } else { "nothing was heard" });
    match report.outcome {
        LegOutcome::RouteDown(_) | LegOutcome::AuthFailed(_) | LegOutcome::RouteFull => anyhow::bail!("the trunk did not carry the call"),
        LegOutcome::Acknowledged(_)
        | LegOutcome::TooLate
        | LegOutcome::PassedOn
        | LegOutcome::WrongKey
        | LegOutcome::NoKey
        | LegOutcome::HungUp
        | LegOutcome::Busy
        | LegOutcome::Declined
        | LegOutcome::NoAnswer
        | LegOutcome::Unreachable(_)
        | LegOutcome::Released => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong_of(text: &str) -> String {
        #[derive(Deserialize)]
        struct Part {
            #[serde(default)]
            voice: VoiceConfig,
            #[serde(default)]
            trunk: Vec<TrunkConfig>,
        }
        match toml::from_str::<Part>(text) {
            Ok(part) => wrong(&part.voice, &part.trunk, &[]).join("\n"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_trunk_of_three_lines_is_enough_and_mistakes_are_told_with_their_remedy() {
        let good = "[[trunk]]\nname = \"carrier\"\nserver = \"sip.example:5060\"\ncaller = \"+8657100000000\"\n";
        assert_eq!(wrong_of(good), "");
        for (text, words) in [
            (good.replace(":5060", ""), "write host:port"),
            (format!("{good}transport = \"tls\"\n"), "TLS needs authorities"),
            (format!("{good}user = \"u\"\n"), "a user needs password_file"),
            (format!("{good}channels = 0\n"), "as many as the carrier has sold"),
            (format!("{good}rtp_ports = [80, 90]\n"), "from 1024"),
            (format!("{good}{good}"), "each name once"),
            (format!("[voice]\nemergency_consent = [\"120\"]\n{good}"), "authority's consent"),
            (format!("[voice]\nring_s = 300\n{good}"), "must be 10 to 60"),
            (format!("{good}chanels = 3\n"), "chanels"),
            (format!("[voice.tts]\nurl = \"http://speech.example/\"\nmodel = \"m\"\nvoices = {{}}\n{good}"), "https://, or a server on this machine"),
        ] {
            let told = wrong_of(&text);
            assert!(told.contains(words), "{text}: {told}");
        }
    }
}
