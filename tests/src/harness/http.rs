//! The console's API as somebody outside sees it. HTTP/1.1 by hand: a request, an answer, no pool, so that a
//! killed server leaves nothing behind.

use serde_json::Value;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An API with its token.
#[derive(Debug, Clone)]
pub struct Api {
    /// `host:port`.
    pub address: String,
    /// For `Authorization: Bearer`.
    pub token: String,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; fails with the answer if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("no JSON ({}): {}", self.status, self.text()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Api {
    /// One request.
    pub async fn request(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> io::Result<Answer> {
        let ask = async {
            let mut socket = TcpStream::connect(&self.address).await?;
            let body = body.map(Value::to_string).unwrap_or_default();
            let kind = if body.is_empty() {
                ""
            } else {
                "Content-Type: application/json\r\n"
            };
            let head = format!(
                "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n{kind}Content-Length: {}\r\n\r\n",
                self.address,
                self.token,
                body.len()
            );
            socket.write_all(format!("{head}{body}").as_bytes()).await?;
            let mut all = Vec::new();
            socket.read_to_end(&mut all).await?;
            parse(&all)
        };
        tokio::time::timeout(Duration::from_secs(20), ask)
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    /// GET that must succeed.
    pub async fn get(&self, path: &str) -> Value {
        let answer = self
            .request("GET", path, None)
            .await
            .unwrap_or_else(|error| panic!("GET {path}: {error}"));
        assert_eq!(answer.status, 200, "GET {path}: {}", answer.text());
        answer.json()
    }

    /// GET of text that must succeed.
    pub async fn text(&self, path: &str) -> String {
        let answer = self
            .request("GET", path, None)
            .await
            .unwrap_or_else(|error| panic!("GET {path}: {error}"));
        assert_eq!(answer.status, 200, "GET {path}: {}", answer.text());
        answer.text()
    }

    /// POST that must succeed.
    pub async fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self
            .request("POST", path, Some(body))
            .await
            .unwrap_or_else(|error| panic!("POST {path}: {error}"));
        assert!(
            (200..300).contains(&answer.status),
            "POST {path}: {} {}",
            answer.status,
            answer.text()
        );
        if answer.body.is_empty() {
            Value::Null
        } else {
            answer.json()
        }
    }

    /// All alarms of a state (`open`, `closed`, `all`), page by page, but those of the platform about itself.
    pub async fn alarms(&self, state: &str) -> Vec<Value> {
        let mut alarms = Vec::new();
        let mut cursor = String::new();
        for _ in 0..10_000 {
            let page = self
                .get(&format!("/api/v1/alarms?state={state}{cursor}"))
                .await;
            alarms.extend(
                page["items"]
                    .as_array()
                    .unwrap_or_else(|| panic!("no items: {page}"))
                    .iter()
                    .cloned(),
            );
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        alarms.retain(|alarm| {
            alarm["home"]
                .as_str()
                .is_some_and(|home| home.starts_with("home-"))
        });
        alarms
    }

    /// The alarms about a call from this home.
    pub async fn calls_of(&self, home: &str) -> Vec<Value> {
        let mut alarms = self.alarms("all").await;
        alarms.retain(|alarm| {
            alarm["home"] == home && alarm["cause"].as_str().is_none_or(|cause| cause == "call")
        });
        alarms
    }
}

fn parse(all: &[u8]) -> io::Result<Answer> {
    let bad = || io::Error::new(io::ErrorKind::InvalidData, "no HTTP answer");
    let end = all
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .ok_or_else(bad)?;
    let head = String::from_utf8_lossy(&all[..end]).to_ascii_lowercase();
    let status = head
        .split_whitespace()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .ok_or_else(bad)?;
    let rest = &all[end + 4..];
    let body = if head.contains("transfer-encoding: chunked") {
        unchunk(rest).ok_or_else(bad)?
    } else {
        rest.to_vec()
    };
    Ok(Answer { status, body })
}

fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n")?;
        let size = usize::from_str_radix(
            std::str::from_utf8(&rest[..line])
                .ok()?
                .split(';')
                .next()?
                .trim(),
            16,
        )
        .ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(line + 2..line + 2 + size)?);
        rest = rest.get(line + 4 + size..)?;
    }
}
