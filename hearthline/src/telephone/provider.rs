//! `[[voice_provider]]`: accounts that place calls over HTTP, after every trunk has failed or without one. Each is off until it is
//! configured; none was tried with a real account.

use super::default_channels;
use alerts::voice::VoiceRoute;
use alerts::voice::http::acs::{AcsSettings, AcsVoice};
use alerts::voice::http::{HttpVoice, HttpVoiceSettings};
use alerts::voice::number::DialPlan;
use anyhow::Context;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long a provider may take to answer a request.
const WITHIN: Duration = Duration::from_secs(8);

/// Whose interface an account speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interface {
    /// Twilio's calls, and what is compatible with them.
    #[default]
    Twilio,
    /// Alibaba Cloud's voice service.
    Acs,
}

/// `[[voice_provider]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    /// Its name in alarms.
    pub name: String,
    /// Whose interface it speaks.
    #[serde(default)]
    pub interface: Interface,
    /// The service; left out: the interface's own.
    #[serde(default)]
    pub api: String,
    /// The account; with `acs` the AccessKey's identifier.
    pub account: String,
    /// A file that holds its secret.
    pub secret_file: PathBuf,
    /// The number that calls come from: in E.164, with `acs` as it was bought.
    pub caller: String,
    /// Where the provider reaches `listen`: `https://care.example`. With `acs` it is entered in the provider's console instead, followed
    /// by `/acs/` and the push secret.
    #[serde(default)]
    pub public: String,
    /// Where its callbacks are received; TLS is a proxy's.
    pub listen: SocketAddr,
    /// Calls at once.
    #[serde(default = "default_channels")]
    pub channels: usize,
    /// `acs`: a file that holds the secret part of the address that is pushed to, 32 letters and digits or more.
    #[serde(default)]
    pub push_secret_file: Option<PathBuf>,
    /// `acs`: the template that is spoken first.
    #[serde(default)]
    pub brief: String,
    /// `acs`: the template after key 1.
    #[serde(default)]
    pub noted: String,
    /// `acs`: the variable of that template that takes the details, if it has one.
    #[serde(default)]
    pub noted_variable: Option<String>,
    /// `acs`: the template after key 2.
    #[serde(default)]
    pub passed_on: String,
    /// `acs`: the template of a second call that says the details, with the variable `words`; left out: no second call.
    #[serde(default)]
    pub details: Option<String>,
}

/// An account, ready to be opened.
#[derive(Clone)]
pub enum Account {
    /// Twilio's calls.
    Twilio(HttpVoiceSettings),
    /// Alibaba Cloud's voice service.
    Acs(AcsSettings),
}

impl Account {
    /// Opens the port of its callbacks.
    ///
    /// # Errors
    /// If it cannot be had.
    pub(super) async fn open(self, plan: &DialPlan) -> anyhow::Result<Arc<dyn VoiceRoute>> {
        Ok(match self {
            Self::Twilio(settings) => Arc::new(HttpVoice::open(settings, plan.clone()).await?),
            Self::Acs(settings) => Arc::new(AcsVoice::open(settings, plan.clone()).await?),
        })
    }
}

fn secret(file: &Path) -> anyhow::Result<String> {
    Ok(std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?.trim().to_owned())
}

impl ProviderConfig {
    fn api(&self) -> &str {
        match (self.api.is_empty(), self.interface) {
            (false, _) => &self.api,
            (true, Interface::Twilio) => "https://api.twilio.com",
            (true, Interface::Acs) => "https://dyvmsapi.aliyuncs.com",
        }
    }

    /// The account with its secrets.
    ///
    /// # Errors
    /// If a file of it cannot be read.
    pub(super) fn account(&self) -> anyhow::Result<Account> {
        let api = self.api().parse().with_context(|| format!("voice_provider {}: api", self.name))?;
        Ok(match self.interface {
            Interface::Twilio => Account::Twilio(HttpVoiceSettings {
                name: self.name.clone(),
                api,
                account: self.account.clone(),
                secret: secret(&self.secret_file)?,
                caller: self.caller.clone(),
                public: self.public.trim_end_matches('/').to_owned(),
                listen: self.listen,
                channels: self.channels,
                within: WITHIN,
            }),
            Interface::Acs => Account::Acs(AcsSettings {
                name: self.name.clone(),
                api,
                key_id: self.account.clone(),
                secret: secret(&self.secret_file)?,
                caller: self.caller.clone(),
                push_secret: secret(self.push_secret_file.as_deref().context("push_secret_file")?)?,
                listen: self.listen,
                brief: self.brief.clone(),
                noted: self.noted.clone(),
                noted_variable: self.noted_variable.clone(),
                passed_on: self.passed_on.clone(),
                details: self.details.clone(),
                channels: self.channels,
                within: WITHIN,
            }),
        })
    }

    /// What is wrong with it, with the remedy. `names`: those that are taken.
    pub(super) fn wrong(&self, names: &mut BTreeSet<String>) -> Vec<String> {
        let (mut out, name) = (Vec::new(), &self.name);
        if !care::id::well_formed(name) || !names.insert(name.clone()) {
            out.push(format!("voice_provider.name = \"{name}\": letters, digits and - only, and each name once"));
        }
        if !self.secret_file.is_file() {
            out.push(format!("voice_provider {name}: secret_file = \"{}\": there is no such file", self.secret_file.display()));
        }
        if !self.api().starts_with("https://") {
            out.push(format!("voice_provider {name}: api must be https://"));
        }
        if self.account.is_empty() || !self.account.bytes().all(|b| b.is_ascii_alphanumeric()) {
            out.push(format!("voice_provider {name}: account: letters and digits"));
        }
        match self.interface {
            Interface::Twilio => {
                if !self.public.starts_with("https://") {
                    out.push(format!("voice_provider {name}: public must be https://, where the provider reaches `listen`"));
                }
            }
            Interface::Acs => {
                let long = self.push_secret_file.as_deref().and_then(|file| secret(file).ok()).is_some_and(|s| s.len() >= 32 && s.bytes().all(|b| b.is_ascii_alphanumeric()));
                if !long {
                    out.push(format!("voice_provider {name}: push_secret_file: a file with 32 letters and digits or more; they end the address that the provider pushes to"));
                }
                for (what, code) in [("brief", &self.brief), ("noted", &self.noted), ("passed_on", &self.passed_on)] {
                    if code.is_empty() {
                        out.push(format!("voice_provider {name}: {what}: the code of the template that the provider has approved, such as TTS_1234"));
                    }
                }
                if self.noted_variable.is_none() && self.details.is_none() {
                    out.push(format!("voice_provider {name}: nothing says who and where after key 1: name the variable of `noted` that takes it (noted_variable), or the template of a second call (details)"));
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong_of(text: &str) -> String {
        match toml::from_str::<ProviderConfig>(text) {
            Ok(config) => config.wrong(&mut BTreeSet::new()).join("\n"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn an_account_says_what_it_lacks() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("secret");
        std::fs::write(&file, "0123456789abcdef0123456789abcdef\n").unwrap();
        let at = file.display();
        let twilio = format!("name = \"p\"\naccount = \"AC1\"\nsecret_file = \"{at}\"\ncaller = \"+8657100000000\"\nlisten = \"127.0.0.1:9000\"\n");
        assert!(wrong_of(&twilio).contains("public must be https://"), "{}", wrong_of(&twilio));
        assert_eq!(wrong_of(&format!("{twilio}public = \"https://care.example\"\n")), "");
        let acs = format!("{twilio}interface = \"acs\"\n");
        for what in ["push_secret_file", "brief", "noted", "passed_on"] {
            assert!(wrong_of(&acs).contains(what), "{}", wrong_of(&acs));
        }
        let silent = format!("{acs}push_secret_file = \"{at}\"\nbrief = \"TTS_1\"\nnoted = \"TTS_2\"\npassed_on = \"TTS_3\"\n");
        assert!(wrong_of(&silent).contains("nothing says who and where after key 1"), "{}", wrong_of(&silent));
        assert_eq!(wrong_of(&format!("{silent}details = \"TTS_4\"\n")), "");
        let whole = format!("{silent}noted_variable = \"words\"\n");
        assert_eq!(wrong_of(&whole), "");
        let Account::Acs(settings) = toml::from_str::<ProviderConfig>(&whole).unwrap().account().unwrap() else { panic!("not acs") };
        assert_eq!((settings.api.as_str(), settings.push_secret.len()), ("https://dyvmsapi.aliyuncs.com/", 32));
        assert!(wrong_of(&format!("{whole}push_secret = 1\n")).contains("push_secret"));
    }
}
