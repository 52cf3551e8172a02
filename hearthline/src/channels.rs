//! The ways out of the building beside webhooks and voice: what can be said under `[messages]`, what is wrong with it, and the
//! channels it makes. All are off unless configured; `docs/channels.md` says how each was tried.

use alerts::cap::Cap;
use alerts::dc09::{Dc09, Dc09Settings};
use alerts::email::{Email, EmailSettings, Protection};
use alerts::engine::Limits;
use alerts::ntfy::Ntfy;
use alerts::poster::{Patience, Poster};
use alerts::push::Push;
use alerts::robot::Robot;
use alerts::sms::Sms;
use alerts::sms::http::{Account, Encoding, Provider};
use alerts::sms::modem::Modem;
use alerts::sms::smpp::{Smpp, SmppSettings};
use alerts::webhook::{Details, Webhook, WebhookSettings};
use alerts::Channel;
use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store::Clock;
use store::link::Links;

/// The channels that lead out of the building, but for the telephone: for `run`, for `check`, and for a test message.
/// Nothing is listened on and nobody is connected to.
///
/// # Errors
/// What is wrong with a secret, a file or an address of theirs.
pub(crate) fn outward(webhook: Option<&WebhookSettings>, messages: &MessagesConfig, clock: &Arc<dyn Clock>) -> anyhow::Result<Vec<Arc<dyn Channel>>> {
    let mut out = messages.build(clock).context("setting up [messages]")?;
    if let Some(settings) = webhook {
        out.push(Arc::new(Webhook::open(settings, clock.clone()).context("setting up webhooks")?));
    }
    Ok(out)
}

/// `[messages]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MessagesConfig {
    /// Text messages.
    pub sms: Option<SmsConfig>,
    /// E-mail.
    pub email: Option<EmailConfig>,
    /// Web Push.
    pub push: Option<PushConfig>,
    /// Push by an ntfy server.
    pub ntfy: Option<NtfyConfig>,
    /// Group robots of WeCom, DingTalk, Feishu: untested against the real services.
    pub robot: Option<RobotConfig>,
    /// CAP 1.2 to an emergency centre.
    pub cap: Option<CapConfig>,
    /// Reports to a receiving centre, by SIA DC-09.
    pub dc09: Option<Dc09OutConfig>,
    /// One-time links in messages.
    pub links: Option<LinksConfig>,
    /// Rates and budgets by channel name.
    pub limits: BTreeMap<String, LimitsConfig>,
    /// Numbers of authorities that have agreed in writing to be called by a machine.
    pub consents: Vec<ConsentConfig>,
}

/// `[messages.sms]`: the drivers are tried in this order.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SmsConfig {
    /// A provider's HTTP interface.
    pub http: Option<SmsHttpConfig>,
    /// A message centre by SMPP 3.4.
    pub smpp: Option<SmppConfig>,
    /// A GSM modem.
    pub modem: Option<ModemConfig>,
}

/// `[messages.sms.http]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmsHttpConfig {
    /// Where messages are posted.
    pub url: String,
    /// The account's user; left out: the secret is a bearer token.
    #[serde(default)]
    pub user: String,
    /// A file that holds the password or token.
    pub secret_file: PathBuf,
    /// The sender: a number, or an approved signature.
    pub sender: String,
    /// `form` or `json`.
    #[serde(default = "form")]
    pub encoding: String,
    /// Names of the fields: recipient, sender, text.
    #[serde(default = "twilio_fields")]
    pub fields: [String; 3],
    /// A field of the JSON answer and the value it must have: `["code", "0"]`.
    #[serde(default)]
    pub success: Option<(String, String)>,
}

/// `[messages.sms.smpp]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmppConfig {
    /// `host:port`.
    pub centre: String,
    /// `system_id`.
    pub user: String,
    /// A file that holds the password.
    pub password_file: PathBuf,
    /// The sender.
    pub sender: String,
}

/// `[messages.sms.modem]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModemConfig {
    /// `/dev/ttyUSB0`.
    pub device: PathBuf,
}

/// `[messages.email]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmailConfig {
    /// The mail server.
    pub host: String,
    /// Its port.
    #[serde(default = "submission")]
    pub port: u16,
    /// `tls`, `starttls`, or `plain` for a relay on this machine.
    #[serde(default = "starttls")]
    pub protection: String,
    /// User, if the server wants one.
    #[serde(default)]
    pub user: String,
    /// A file that holds the password.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// `守望 <duty@city.example>`.
    pub from: String,
    /// Authorities beside the well-known ones, PEM.
    #[serde(default)]
    pub authorities: Option<PathBuf>,
}

/// `[messages.push]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushConfig {
    /// The application server's key: PKCS#8 of a P-256 key, base64. `hearthline notify key FILE` makes one.
    pub key_file: PathBuf,
    /// Whom a push service writes to: `mailto:duty@city.example`.
    pub subject: String,
}

/// `[messages.ntfy]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NtfyConfig {
    /// A file that holds an access token.
    pub token_file: Option<PathBuf>,
}

/// `[messages.robot]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RobotConfig {}

/// `[messages.cap]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapConfig {
    /// `sender` of the documents: `hearthline@city.example`.
    pub sender: String,
    /// Names and addresses go along.
    #[serde(default)]
    pub details: bool,
}

/// `[messages.dc09]`: addresses are `host:port/account`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dc09OutConfig {
    /// A file with the key in hexadecimal, 128, 192 or 256 bits; left out: in the clear.
    pub key_file: Option<PathBuf>,
    /// The receiver number (`R`); left out: 1.
    pub receiver: Option<String>,
    /// The line (`L`); left out: 0.
    pub line: Option<String>,
    /// The account of a home, where it is not that of the address: `home-0001 = "6969"`.
    pub accounts: BTreeMap<String, String>,
}

/// `[messages.links]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinksConfig {
    /// The console's address as contacts reach it: `https://care.city.example`.
    pub base: String,
    /// A file that holds 32 bytes, base64. `hearthline notify key FILE --link` makes one.
    pub key_file: PathBuf,
}

/// `[messages.limits.NAME]`
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Deliveries a minute, by the provider's rule.
    pub per_minute: Option<u32>,
    /// Deliveries an hour, by the budget; red alarms go beyond it.
    pub per_hour: Option<u32>,
}

/// `[[messages.consents]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentConfig {
    /// `120`.
    pub number: String,
    /// Who agreed, when, by which letter.
    pub agreed: String,
}

fn form() -> String {
    "form".into()
}

fn twilio_fields() -> [String; 3] {
    ["To", "From", "Body"].map(str::to_owned)
}

fn submission() -> u16 {
    587
}

fn starttls() -> String {
    "starttls".into()
}

impl MessagesConfig {
    /// The names of the channels that reach a real person or centre.
    pub fn names(&self) -> Vec<&'static str> {
        let all = [
            ("sms", self.sms.is_some()),
            ("email", self.email.is_some()),
            ("push", self.push.is_some()),
            ("ntfy", self.ntfy.is_some()),
            ("robot", self.robot.is_some()),
            ("cap", self.cap.is_some()),
            ("dc09", self.dc09.is_some()),
        ];
        all.into_iter().filter(|(_, on)| *on).map(|(name, _)| name).collect()
    }

    /// What is wrong, with remedies.
    pub fn wrong(&self) -> Vec<String> {
        let mut out = Vec::new();
        let mut file = |what: &str, path: Option<&PathBuf>| {
            if let Some(path) = path.filter(|p| !p.is_file()) {
                out.push(format!("messages.{what} = \"{}\": there is no such file", path.display()));
            }
        };
        let sms = self.sms.as_ref();
        file("sms.http.secret_file", sms.and_then(|s| s.http.as_ref()).map(|h| &h.secret_file));
        file("sms.smpp.password_file", sms.and_then(|s| s.smpp.as_ref()).map(|s| &s.password_file));
        file("email.password_file", self.email.as_ref().and_then(|e| e.password_file.as_ref()));
        file("email.authorities", self.email.as_ref().and_then(|e| e.authorities.as_ref()));
        file("push.key_file", self.push.as_ref().map(|p| &p.key_file));
        file("ntfy.token_file", self.ntfy.as_ref().and_then(|n| n.token_file.as_ref()));
        file("dc09.key_file", self.dc09.as_ref().and_then(|d| d.key_file.as_ref()));
        file("links.key_file", self.links.as_ref().map(|l| &l.key_file));
        if let Some(sms) = sms {
            if sms.http.is_none() && sms.smpp.is_none() && sms.modem.is_none() {
                out.push("messages.sms: give at least one of [messages.sms.http], [messages.sms.smpp], [messages.sms.modem]".into());
            }
            if let Some(http) = &sms.http {
                if reqwest::Url::parse(&http.url).is_err() {
                    out.push(format!("messages.sms.http.url = \"{}\": write an https:// address", http.url));
                }
                if !["form", "json"].contains(&http.encoding.as_str()) {
                    out.push(format!("messages.sms.http.encoding = \"{}\": write form or json", http.encoding));
                }
            }
        }
        if let Some(email) = &self.email {
            match email.protection.as_str() {
                "tls" | "starttls" => {}
                "plain" if ["127.0.0.1", "::1", "localhost"].contains(&email.host.as_str()) => {}
                "plain" => out.push("messages.email.protection = \"plain\" is for a relay on this machine; write starttls or tls".into()),
                other => out.push(format!("messages.email.protection = \"{other}\": write tls, starttls or plain")),
            }
        }
        if let Some(dc09) = &self.dc09 {
            for (what, value) in [("receiver", &dc09.receiver), ("line", &dc09.line)] {
                if let Some(value) = value.as_ref().filter(|v| !hexadecimal(v, 6)) {
                    out.push(format!("messages.dc09.{what} = \"{value}\": up to 6 hexadecimal digits"));
                }
            }
            for (home, account) in &dc09.accounts {
                if !care::id::well_formed(home) || !hexadecimal(account, 16) {
                    out.push(format!("messages.dc09.accounts: {home} = \"{account}\": a home's identifier and an account of up to 16 hexadecimal digits"));
                }
            }
        }
        if let Some(links) = &self.links
            && !links.base.starts_with("https://")
            && !links.base.starts_with("http://127.0.0.1")
        {
            out.push(format!("messages.links.base = \"{}\": a link is a secret, write the https:// address of the console", links.base));
        }
        for (name, limits) in &self.limits {
            if limits.per_minute == Some(0) || limits.per_hour == Some(0) {
                out.push(format!("messages.limits.{name}: a limit of 0 would let nothing out but red alarms; take the channel out of the plans instead"));
            }
        }
        for consent in &self.consents {
            if !care::plan::is_authority_number(&consent.number) {
                out.push(format!("messages.consents: {} is no number of an authority; only those need a consent", consent.number));
            }
            if consent.agreed.trim().chars().count() < 10 {
                out.push(format!("messages.consents of {}: say in `agreed` (10 letters or more) who agreed, when, by which letter", consent.number));
            }
        }
        out
    }

    /// The channels.
    ///
    /// # Errors
    /// What cannot be read or set up.
    fn build(&self, clock: &Arc<dyn Clock>) -> anyhow::Result<Vec<Arc<dyn Channel>>> {
        let mut out: Vec<Arc<dyn Channel>> = Vec::new();
        if let Some(sms) = &self.sms {
            let mut drivers: Vec<Arc<dyn Channel>> = Vec::new();
            if let Some(http) = &sms.http {
                let secret = secret(&http.secret_file)?;
                let provider = Provider {
                    url: reqwest::Url::parse(&http.url).context("messages.sms.http.url")?,
                    account: if http.user.is_empty() { Account::Bearer(secret) } else { Account::Basic(http.user.clone(), secret) },
                    encoding: if http.encoding == "json" { Encoding::Json } else { Encoding::Form },
                    fields: http.fields.clone(),
                    sender: http.sender.clone(),
                    success: http.success.clone(),
                };
                drivers.push(Arc::new(Poster::new(provider, Patience::default(), clock.clone())?));
            }
            if let Some(smpp) = &sms.smpp {
                drivers.push(Arc::new(Smpp::new(SmppSettings {
                    centre: smpp.centre.clone(),
                    user: smpp.user.clone(),
                    password: secret(&smpp.password_file)?,
                    sender: smpp.sender.clone(),
                    answer_within: Duration::from_secs(10),
                })));
            }
            if let Some(modem) = &sms.modem {
                drivers.push(Arc::new(Modem::new(modem.device.clone())));
            }
            out.push(Arc::new(Sms::new(drivers)));
        }
        if let Some(email) = &self.email {
            let password = email.password_file.as_deref().map(secret).transpose()?.unwrap_or_default();
            let authorities = email.authorities.as_deref().map(std::fs::read).transpose().context("reading channels.email.authorities")?;
            let settings = EmailSettings {
                host: email.host.clone(),
                port: email.port,
                protection: match email.protection.as_str() {
                    "tls" => Protection::Tls,
                    "plain" => Protection::Plain,
                    _ => Protection::StartTls,
                },
                account: (!email.user.is_empty()).then(|| (email.user.clone(), password)),
                from: email.from.clone(),
                authorities_pem: authorities.into_iter().collect(),
                answer_within: Duration::from_secs(10),
            };
            out.push(Arc::new(Email::new(&settings).context("setting up e-mail")?));
        }
        if let Some(push) = &self.push {
            let key = STANDARD.decode(secret(&push.key_file)?).context("messages.push.key_file is not base64")?;
            out.push(Arc::new(Poster::new(Push::new(&key, &push.subject).context("messages.push.key_file")?, Patience::default(), clock.clone())?));
        }
        if let Some(ntfy) = &self.ntfy {
            let token = ntfy.token_file.as_deref().map(secret).transpose()?.unwrap_or_default();
            out.push(Arc::new(Poster::new(Ntfy { token }, Patience::default(), clock.clone())?));
        }
        if let Some(RobotConfig {}) = &self.robot {
            out.push(Arc::new(Poster::new(Robot, Patience::default(), clock.clone())?));
        }
        if let Some(cap) = &self.cap {
            let details = if cap.details { Details::Full } else { Details::Brief };
            out.push(Arc::new(Poster::new(Cap { sender: cap.sender.clone(), details }, Patience::default(), clock.clone())?));
        }
        if let Some(dc09) = &self.dc09 {
            let key = match &dc09.key_file {
                Some(file) => Some(wire::dc09::Key::from_hex(&secret(file)?).context("messages.dc09.key_file: a key has 32, 48 or 64 hexadecimal digits")?),
                None => None,
            };
            let defaults = Dc09Settings::default();
            let settings = Dc09Settings {
                key,
                receiver: dc09.receiver.clone().unwrap_or(defaults.receiver),
                line: dc09.line.clone().unwrap_or(defaults.line),
                accounts: dc09.accounts.iter().map(|(home, account)| (home.as_str().into(), account.clone())).collect(),
                connect_within: defaults.connect_within,
                answer_within: defaults.answer_within,
            };
            out.push(Arc::new(Dc09::new(settings, clock.clone())));
        }
        Ok(out)
    }

    /// One-time links, if they are configured.
    ///
    /// # Errors
    /// If the key cannot be read.
    pub fn links(&self) -> anyhow::Result<Option<Links>> {
        let Some(links) = &self.links else { return Ok(None) };
        let key = STANDARD.decode(secret(&links.key_file)?).context("messages.links.key_file is not base64")?;
        let key: [u8; 32] = key.try_into().ok().context("messages.links.key_file does not hold 32 bytes")?;
        Ok(Some(Links::new(&links.base, key)))
    }

    /// Rates and budgets for the engine.
    pub fn limits(&self) -> BTreeMap<String, Limits> {
        self.limits.iter().map(|(name, l)| (name.clone(), Limits { per_minute: l.per_minute, per_hour: l.per_hour })).collect()
    }

    /// Numbers of authorities that have agreed.
    pub fn consents(&self) -> Vec<String> {
        self.consents.iter().map(|c| c.number.clone()).collect()
    }
}

fn hexadecimal(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn secret(file: &Path) -> anyhow::Result<String> {
    Ok(std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        match toml::from_str::<MessagesConfig>(text) {
            Ok(config) => config.wrong().join("\n"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_remedy() {
        assert_eq!(wrong(""), "");
        assert!(wrong("[sms]\n").contains("give at least one of"));
        assert!(wrong("[email]\nhost = \"mail.example\"\nprotection = \"plain\"\nfrom = \"a@b.example\"\n").contains("relay on this machine"));
        assert!(wrong("[links]\nbase = \"http://care.example\"\nkey_file = \"Cargo.toml\"\n").contains("a link is a secret"));
        assert!(wrong("[limits.voice]\nper_hour = 0\n").contains("a limit of 0"));
        assert!(wrong("[[consents]]\nnumber = \"120\"\nagreed = \"yes\"\n").contains("who agreed"));
        assert!(wrong("[[consents]]\nnumber = \"+8613800000001\"\nagreed = \"letter of 2026-11-01\"\n").contains("no number of an authority"));
        assert!(wrong("[push]\nkey_file = \"no such file\"\nsubject = \"mailto:a@b.example\"\n").contains("no such file"));
        assert!(wrong("[dc09]\nline = \"x\"\naccounts = { home-1 = \"12 3\" }\n").matches("hexadecimal").count() == 2);
        assert_eq!(wrong("[[consents]]\nnumber = \"120\"\nagreed = \"letter 7 of 2026-11-01\"\n"), "");
    }

    #[tokio::test]
    async fn every_section_makes_its_channel() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let (secret, push) = (file("secret", "s"), file("push", &STANDARD.encode(Push::new_key().unwrap())));
        let text = format!(
            "ntfy = {{}}\nrobot = {{}}\n[sms.http]\nurl = \"https://sms.example\"\nsecret_file = \"{secret}\"\nsender = \"+1\"\n\
             [sms.smpp]\ncentre = \"smsc.example:2775\"\nuser = \"u\"\npassword_file = \"{secret}\"\nsender = \"10\"\n[sms.modem]\ndevice = \"/dev/ttyUSB0\"\n\
             [email]\nhost = \"mail.example\"\nfrom = \"duty@city.example\"\n[push]\nkey_file = \"{push}\"\nsubject = \"mailto:a@b.example\"\n\
             [cap]\nsender = \"h@city.example\"\n[dc09]\nline = \"7\"\n[limits.voice]\nper_hour = 200\n"
        );
        let config: MessagesConfig = toml::from_str(&text).unwrap();
        assert_eq!(config.wrong(), Vec::<String>::new());
        let clock: Arc<dyn Clock> = Arc::new(crate::clock::WallClock::new(None, care::TimeDelta::zero(), 1));
        let channels = config.build(&clock).unwrap();
        assert_eq!(channels.iter().map(|c| c.name().to_owned()).collect::<Vec<_>>(), config.names());
        assert!(channels.iter().all(|c| !c.is_simulated()));
    }
}
