//! Group robots of WeCom, DingTalk and Feishu. An address is the kind, the robot's URL, and for DingTalk and Feishu the
//! signing secret: `dingtalk https://oapi.dingtalk.com/robot/send?access_token=… SEC…`. A robot speaks to a group: the
//! message holds no name and no address.
//!
//! Untested against the real services: signatures and bodies follow their documents. Switched off unless configured.

use crate::channel::{Delivery, Job};
use crate::poster::{Form, Post, To};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use care::Timestamp;
use care::alarm::AttemptOutcome;
use care::plan::ChannelName;
use reqwest::Url;
use ring::hmac;
use serde_json::json;

/// The channel `robot`.
#[derive(Clone, Copy, Default)]
pub struct Robot;

/// DingTalk: the secret is the key, time in milliseconds and secret are the message.
pub fn dingtalk_sign(secret: &str, millis: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    STANDARD.encode(hmac::sign(&key, format!("{millis}\n{secret}").as_bytes()))
}

/// Feishu: time in seconds and secret are the key, the message is empty.
pub fn feishu_sign(secret: &str, seconds: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, format!("{seconds}\n{secret}").as_bytes());
    STANDARD.encode(hmac::sign(&key, b""))
}

impl Form for Robot {
    fn name(&self) -> &str {
        ChannelName::ROBOT
    }

    fn write(&self, _job: &Job, to: &To<'_>, now: Timestamp) -> Option<Post> {
        let mut words = to.address.split_whitespace();
        let (kind, address, secret) = (words.next()?, words.next()?, words.next());
        let mut url = Url::parse(address).ok()?;
        let text = to.words.message.as_str();
        let body = match kind {
            "wecom" => json!({ "msgtype": "text", "text": { "content": text } }),
            "dingtalk" => {
                if let Some(secret) = secret {
                    let millis = now.timestamp_millis();
                    url.query_pairs_mut().append_pair("timestamp", &millis.to_string()).append_pair("sign", &dingtalk_sign(secret, millis));
                }
                json!({ "msgtype": "text", "text": { "content": text } })
            }
            "feishu" => {
                let mut body = json!({ "msg_type": "text", "content": { "text": text } });
                if let (Some(secret), Some(map)) = (secret, body.as_object_mut()) {
                    let seconds = now.timestamp();
                    map.insert("timestamp".to_owned(), seconds.to_string().into());
                    map.insert("sign".to_owned(), feishu_sign(secret, seconds).into());
                }
                body
            }
            _ => return None,
        };
        Some(Post { url, headers: vec![("content-type", "application/json".to_owned())], body: body.to_string().into_bytes() })
    }

    /// All three refuse with a 200 and a code that is not 0. A rate that is exceeded is tried again.
    fn read(&self, body: &[u8]) -> Delivery {
        let answer: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let code = ["errcode", "code", "StatusCode"].iter().find_map(|k| answer.get(k)).and_then(serde_json::Value::as_i64);
        match code {
            Some(0) => Delivery::Ended(AttemptOutcome::Delivered),
            // WeCom 45009, DingTalk 130101, Feishu 11232 and 9499: too many messages a minute.
            Some(45009 | 130_101 | 11232 | 9499) => Delivery::Full,
            Some(_) | None => Delivery::Ended(AttemptOutcome::Declined),
        }
    }

    fn url(&self, address: &str) -> Option<Url> {
        Url::parse(address.split_whitespace().nth(1)?).ok()
    }
}
