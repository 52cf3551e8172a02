//! Signatures of voice providers, held to the vectors that they publish.

use base64::Engine as _;
use ring::{digest, hmac};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What the `X-Twilio-Signature` of a callback must be: HMAC-SHA1 over the address and every field by name, in base64.
pub fn twilio(secret: &str, url: &str, form: &BTreeMap<String, String>) -> String {
    let mut text = url.to_owned();
    for (name, value) in form {
        text.push_str(name);
        text.push_str(value);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    base64::engine::general_purpose::STANDARD.encode(hmac::sign(&key, text.as_bytes()))
}

/// Compares without telling by its time how much is right.
pub fn same(one: &str, other: &str) -> bool {
    one.len() == other.len() && !one.is_empty() && one.bytes().zip(other.bytes()).fold(0u8, |d, (a, b)| d | (a ^ b)) == 0
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, b| {
        let _never_fails = write!(text, "{b:02x}");
        text
    })
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// As RFC 3986 wants it.
pub fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, b| {
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(b));
        } else {
            let _never_fails = write!(out, "%{b:02X}");
        }
        out
    })
}

/// A request to be signed by ACS3-HMAC-SHA256 (Alibaba Cloud).
#[derive(Debug, Clone)]
pub struct Acs3<'a> {
    /// `POST`
    pub method: &'a str,
    /// The host of the service.
    pub host: &'a str,
    /// `IvrCall`
    pub action: &'a str,
    /// `2017-05-25`
    pub version: &'a str,
    /// `2026-11-23T01:41:13Z`
    pub date: &'a str,
    /// Different in every request.
    pub nonce: &'a str,
    /// The parameters.
    pub query: &'a BTreeMap<String, String>,
}

impl Acs3<'_> {
    /// The query as it is sent and signed.
    pub fn query_string(&self) -> String {
        self.query.iter().map(|(k, v)| format!("{}={}", escaped(k), escaped(v))).collect::<Vec<_>>().join("&")
    }

    /// The headers to send, `authorization` among them.
    pub fn headers(&self, key_id: &str, secret: &str) -> Vec<(&'static str, String)> {
        let body = sha256(b"");
        let headers: Vec<(&'static str, String)> = vec![
            ("host", self.host.to_owned()),
            ("x-acs-action", self.action.to_owned()),
            ("x-acs-content-sha256", body.clone()),
            ("x-acs-date", self.date.to_owned()),
            ("x-acs-signature-nonce", self.nonce.to_owned()),
            ("x-acs-version", self.version.to_owned()),
        ];
        let names = headers.iter().map(|(n, _)| *n).collect::<Vec<_>>().join(";");
        let lines: String = headers.iter().map(|(n, v)| format!("{n}:{}\n", v.trim())).collect();
        let canonical = format!("{}\n/\n{}\n{lines}\n{names}\n{body}", self.method, self.query_string());
        let text = format!("ACS3-HMAC-SHA256\n{}", sha256(canonical.as_bytes()));
        let signature = hex(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), text.as_bytes()).as_ref());
        let mut out = headers;
        out.push(("authorization", format!("ACS3-HMAC-SHA256 Credential={key_id},SignedHeaders={names},Signature={signature}")));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callback_is_signed_as_the_provider_publishes() {
        let form = [("CallSid", "CA1234567890ABCDE"), ("Caller", "+14158675309"), ("Digits", "1234"), ("From", "+14158675309"), ("To", "+18005551212")];
        let form: BTreeMap<String, String> = form.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        assert_eq!(twilio("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", &form), "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
        assert!(same("abc", "abc") && !same("abc", "abd") && !same("", "") && !same("abc", "ab"));
    }

    #[test]
    fn a_request_is_signed_as_the_provider_publishes() {
        let query = BTreeMap::from([
            ("ImageId".to_owned(), "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd".to_owned()),
            ("RegionId".to_owned(), "cn-shanghai".to_owned()),
        ]);
        let request = Acs3 {
            method: "POST",
            host: "ecs.cn-shanghai.aliyuncs.com",
            action: "RunInstances",
            version: "2014-05-26",
            date: "2023-10-26T10:22:32Z",
            nonce: "3156853299f313e23d1673dc12e1703d",
            query: &query,
        };
        let headers = request.headers("YourAccessKeyId", "YourAccessKeySecret");
        let authorization = &headers.last().unwrap().1;
        assert!(authorization.ends_with("Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"), "{authorization}");
    }
}
