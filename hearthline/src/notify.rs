//! `hearthline notify`: a test message by one channel, and the keys that channels need.

use crate::channels::{MessagesConfig, outward};
use crate::config::{Config, WebhookConfig};
use alerts::channel::{Channel, Delivery, EffectKey, Errand, Job, Take, Taken};
use alerts::push::Push;
use alerts::words::Words;
use anyhow::{Context, bail};
use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use care::reason::Language;
use care::{Cause, Level, Reason, TimeDelta};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::Clock;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum Notify {
    /// Send a test message by a configured channel and say what became of it.
    Test {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
        /// sms, email, push, ntfy, robot, cap, webhook.
        channel: String,
        /// The address on this channel.
        to: String,
    },
    /// Make the key of Web Push, or with --link that of one-time links. Never overwrites a file.
    Key {
        /// The file.
        file: PathBuf,
        /// For one-time links.
        #[arg(long)]
        link: bool,
    },
}

/// Nobody takes anything by a test.
struct Nobody;

#[async_trait]
impl Take for Nobody {
    async fn accept(&self) -> Taken {
        Taken::TooLate
    }

    fn reached(&self) {}
}

fn job(to: &str) -> Job {
    let message = "守望平台测试消息，无需处理。 Hearthline: a test message, nothing to do.".to_owned();
    Job {
        key: EffectKey { alarm: "test".into(), no: 1 },
        home: alerts::engine::CANARY.into(),
        cause: Cause::Technical("test".into()),
        level: Level::Technical,
        test: true,
        raised_at: crate::clock::wall(),
        presses: 1,
        reason: Reason::new("canary_missed").span("within", TimeDelta::zero()).into(),
        tries: 1,
        errand: Errand::Notify {
            contact: "test".into(),
            address: to.to_owned(),
            words: Words { brief: message.clone(), full: message.clone(), message, ..Words::default() },
            language: Language::Zh,
            tongue: "zh".into(),
        },
    }
}

/// Does it.
///
/// # Errors
/// What is wrong with the configuration, or that the message was not taken.
pub async fn notify(what: Notify) -> anyhow::Result<()> {
    match what {
        Notify::Test { config, channel, to } => test(&config, &channel, &to).await,
        Notify::Key { file, link } => key(&file, link),
    }
}

async fn test(file: &Path, channel: &str, to: &str) -> anyhow::Result<()> {
    let config = Config::read(file)?;
    let clock: Arc<dyn Clock> = Arc::new(crate::clock::WallClock::new(None, TimeDelta::zero(), 1));
    let channels = all(&config, &config.messages, &clock)?;
    let Some(found) = channels.iter().find(|c| c.name() == channel) else {
        let names: Vec<_> = channels.iter().map(|c| c.name().to_owned()).collect();
        bail!("{channel} is not configured; configured are: {}", names.join(", "));
    };
    match found.deliver(&job(to), &Nobody).await {
        Delivery::Ended(care::alarm::AttemptOutcome::Delivered) => {
            println!("handed over to {channel}; whether it arrived, look there: a receipt is not an acknowledgement");
            Ok(())
        }
        Delivery::Ended(outcome) => bail!("{channel} did not take it: {outcome:?}"),
        Delivery::Again(_) => bail!("{channel} cannot take it now: it asks to be tried again"),
        Delivery::Full => bail!("{channel} has reached its limit"),
        Delivery::Down => bail!("{channel} does not answer, or refused the account"),
    }
}

fn all(config: &Config, messages: &MessagesConfig, clock: &Arc<dyn Clock>) -> anyhow::Result<Vec<Arc<dyn Channel>>> {
    let webhook = config.channels.webhook.as_ref().map(WebhookConfig::settings).transpose()?;
    outward(webhook.as_ref(), messages, clock)
}

fn key(file: &Path, link: bool) -> anyhow::Result<()> {
    if file.exists() {
        bail!("{} is there already: a key is never overwritten", file.display());
    }
    let bytes = if link { rand::random::<[u8; 32]>().to_vec() } else { Push::new_key()? };
    crate::secret::write_file(file, STANDARD.encode(&bytes).as_bytes()).with_context(|| format!("writing {}", file.display()))?;
    if link {
        println!("{} written.", file.display());
    } else {
        println!("{} written. applicationServerKey: {}", file.display(), Push::new(&bytes, "mailto:")?.public_key());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_test_message_goes_out_by_the_channel_that_is_asked_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let topic = format!("http://{}/topic", listener.local_addr().unwrap());
        let served = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let (mut text, mut buffer) = (String::new(), [0u8; 4096]);
            while !text.contains("nothing to do") {
                let n = socket.read(&mut buffer).await.unwrap();
                text.push_str(&String::from_utf8_lossy(&buffer[..n]));
            }
            socket.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        });
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("hearthline.toml");
        let text = "schema = 1\n[platform]\ndata_dir = \"d\"\n[mqtt]\nlisten = \"127.0.0.1:1883\"\n[console]\nlisten = \"127.0.0.1:8080\"\n[messages.ntfy]\n";
        std::fs::write(&config, text).unwrap();
        test(&config, "ntfy", &topic).await.unwrap();
        served.await.unwrap();
        let wrong = test(&config, "sms", "+8613800000001").await.unwrap_err().to_string();
        assert!(wrong.contains("not configured") && wrong.contains("ntfy"), "{wrong}");
        let file = dir.path().join("push.key");
        key(&file, false).unwrap();
        assert!(key(&file, true).is_err(), "a key is never overwritten");
    }
}
