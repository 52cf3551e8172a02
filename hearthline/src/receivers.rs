//! The receivers beside MQTT, from the configuration: `[dc09]` and `[scaip]` with their accounts.

use anyhow::{Context, bail};
use care::HomeId;
use gateway::receiver::dc09::{Account, Dc09Settings};
use gateway::receiver::scaip::{ScaipSettings, Style};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use wire::dc09::{Key, account_key};

/// `[dc09]`: panels and dispersed alarms that speak SIA DC-09.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dc09Config {
    /// Where panels connect by TCP.
    pub tcp: Option<SocketAddr>,
    /// Where their datagrams arrive.
    pub udp: Option<SocketAddr>,
    /// DC-09 has no TLS, and without keys no encryption: why a port is open beyond this machine all the same.
    pub waiver: String,
    /// The panels.
    pub account: Vec<AccountConfig>,
}

/// `[[dc09.account]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountConfig {
    /// The account as the panel sends it; leading zeros do not matter.
    pub account: String,
    /// The home that it reports for.
    pub home: String,
    /// A file with the key in hexadecimal, 128, 192 or 256 bits.
    pub key_file: Option<PathBuf>,
}

impl Dc09Config {
    /// What is wrong with it, each with its remedy.
    pub fn wrong(&self) -> Vec<String> {
        let mut out = Vec::new();
        for (name, at) in [("tcp", self.tcp), ("udp", self.udp)] {
            if let Some(at) = at.filter(|at| !at.ip().is_loopback() && self.waiver.trim().is_empty()) {
                out.push(format!("dc09.{name} = \"{at}\" is open beyond this machine, and DC-09 knows no TLS: give every account a key and write into dc09.waiver who takes the risk"));
            }
        }
        for account in &self.account {
            if !care::id::well_formed(&account.home) {
                out.push(format!("dc09.account {}: home = \"{}\" is no identifier of a home", account.account, account.home));
            }
            if let Some(file) = account.key_file.as_ref().filter(|file| !file.is_file()) {
                out.push(format!("dc09.account {}: key_file = \"{}\": there is no such file", account.account, file.display()));
            }
        }
        out
    }

    /// The receiver's settings; `None` = no port is configured.
    ///
    /// # Errors
    /// If a key cannot be read.
    pub fn settings(&self) -> anyhow::Result<Option<Dc09Settings>> {
        if self.tcp.is_none() && self.udp.is_none() {
            return Ok(None);
        }
        let mut settings = Dc09Settings { tcp: self.tcp, udp: self.udp, ..Dc09Settings::default() };
        for account in &self.account {
            let key = match &account.key_file {
                Some(file) => {
                    let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
                    match Key::from_hex(text.trim()) {
                        Some(key) => Some(key),
                        None => bail!("{}: a key has 32, 48 or 64 hexadecimal digits", file.display()),
                    }
                }
                None => None,
            };
            let name = account_key(&account.account);
            if settings.accounts.insert(name, Account { home: HomeId::from(account.home.as_str()), key }).is_some() {
                bail!("dc09.account {} stands twice", account.account);
            }
        }
        Ok(Some(settings))
    }
}

/// `[scaip]`: social alarms that speak SCAIP.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScaipConfig {
    /// Where datagrams arrive.
    pub udp: Option<SocketAddr>,
    /// Where controllers connect by TCP.
    pub tcp: Option<SocketAddr>,
    /// The receiver has no TLS: why a port is open beyond this machine all the same.
    pub waiver: String,
    /// How answers travel: `inside` the 200 OK, or as a `message` of their own; left out: as the request's dialect has it.
    pub answer: Option<AnswerStyle>,
    /// The interval of heartbeats, minutes (1 to 1440), told to controllers that let it be set.
    pub heartbeat_minutes: Option<u16>,
    /// The controllers.
    pub account: Vec<ControllerConfig>,
}

/// How answers travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnswerStyle {
    /// In the 200 OK.
    Inside,
    /// As a MESSAGE of their own.
    Message,
}

/// `[[scaip.account]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControllerConfig {
    /// The account (`cid`), digits as the controller sends them.
    pub account: String,
    /// The home that it reports for.
    pub home: String,
}

impl ScaipConfig {
    /// What is wrong with it, each with its remedy.
    pub fn wrong(&self) -> Vec<String> {
        let mut out = Vec::new();
        for (name, at) in [("udp", self.udp), ("tcp", self.tcp)] {
            if let Some(at) = at.filter(|at| !at.ip().is_loopback() && self.waiver.trim().is_empty()) {
                out.push(format!("scaip.{name} = \"{at}\" is open beyond this machine, without TLS: put a SIP server with TLS before it, or write into scaip.waiver who takes the risk"));
            }
        }
        if let Some(minutes) = self.heartbeat_minutes.filter(|minutes| !(1..=1440).contains(minutes)) {
            out.push(format!("scaip.heartbeat_minutes = {minutes}: a heartbeat comes every 1 to 1440 minutes"));
        }
        let mut seen = std::collections::BTreeSet::new();
        for account in &self.account {
            let digits = (1..=32).contains(&account.account.len()) && account.account.bytes().all(|byte| byte.is_ascii_digit());
            if !digits {
                out.push(format!("scaip.account \"{}\": an account has 1 to 32 digits", account.account));
            }
            if !seen.insert(&account.account) {
                out.push(format!("scaip.account {} stands twice", account.account));
            }
            if !care::id::well_formed(&account.home) {
                out.push(format!("scaip.account {}: home = \"{}\" is no identifier of a home", account.account, account.home));
            }
        }
        out
    }

    /// The receiver's settings; `None` = no port is configured.
    pub fn settings(&self) -> Option<ScaipSettings> {
        if self.udp.is_none() && self.tcp.is_none() {
            return None;
        }
        let style = self.answer.map(|answer| match answer {
            AnswerStyle::Inside => Style::Inside,
            AnswerStyle::Message => Style::Message,
        });
        let accounts = self.account.iter().map(|account| (account.account.clone(), HomeId::from(account.home.as_str()))).collect();
        Some(ScaipSettings { udp: self.udp, tcp: self.tcp, accounts, style, heartbeat_minutes: self.heartbeat_minutes, ..ScaipSettings::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controllers_are_read_and_what_cannot_be_is_said() {
        let config: ScaipConfig = toml::from_str(
            "udp = \"127.0.0.1:5080\"\nanswer = \"inside\"\nheartbeat_minutes = 60\n[[account]]\naccount = \"0123\"\nhome = \"home-1\"\n",
        )
        .unwrap();
        assert!(config.wrong().is_empty());
        let settings = config.settings().unwrap();
        assert_eq!((settings.accounts["0123"].as_str(), settings.style, settings.heartbeat_minutes), ("home-1", Some(Style::Inside), Some(60)));
        let wrong: ScaipConfig = toml::from_str(
            "tcp = \"0.0.0.0:5080\"\nheartbeat_minutes = 0\n[[account]]\naccount = \"+1\"\nhome = \"a b\"\n[[account]]\naccount = \"+1\"\nhome = \"h\"\n",
        )
        .unwrap();
        let told = wrong.wrong().join("\n");
        for word in ["scaip.waiver", "1 to 1440", "1 to 32 digits", "stands twice", "no identifier"] {
            assert!(told.contains(word), "{word}: {told}");
        }
        assert!(ScaipConfig::default().settings().is_none());
    }

    #[test]
    fn accounts_are_read_with_their_keys_and_an_open_port_needs_a_waiver() {
        let dir = tempfile::tempdir().unwrap();
        let key = dir.path().join("key");
        std::fs::write(&key, "000102030405060708090a0b0c0d0e0f\n").unwrap();
        let text = format!("udp = \"0.0.0.0:9999\"\n[[account]]\naccount = \"006969\"\nhome = \"home-1\"\nkey_file = \"{}\"\n", key.display());
        let config: Dc09Config = toml::from_str(&text).unwrap();
        assert!(config.wrong().join("\n").contains("dc09.waiver"));
        let settings = config.settings().unwrap().unwrap();
        assert!(settings.accounts["6969"].key.is_some());
        let twice: Dc09Config = toml::from_str(&format!("{text}[[account]]\naccount = \"6969\"\nhome = \"home-2\"\n")).unwrap();
        assert!(twice.settings().unwrap_err().to_string().contains("stands twice"));
        assert!(Dc09Config::default().settings().unwrap().is_none());
        assert!(toml::from_str::<Dc09Config>("port = 1").is_err());
    }
}
