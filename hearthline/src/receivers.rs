//! The receivers beside MQTT, from the configuration: `[dc09]` and its accounts.

use anyhow::{Context, bail};
use care::HomeId;
use gateway::receiver::dc09::{Account, Dc09Settings};
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

#[cfg(test)]
mod tests {
    use super::*;

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
