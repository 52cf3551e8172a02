//! A webhook receiver: a real HTTP server that counts what it gets, and can be made to refuse, to fail or to hang.

use serde_json::Value;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How it behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// 200.
    Well,
    /// This status.
    Status(u16),
    /// Takes the request and never answers.
    Hanging,
}

/// A request that came.
#[derive(Debug, Clone)]
pub struct Got {
    /// When its last byte came.
    pub at: Instant,
    /// `webhook-id`: the same for the same effect.
    pub id: String,
    /// True if it was answered with 2xx.
    pub taken: bool,
    /// The body.
    pub body: Value,
}

struct Shared {
    mood: Mutex<Mood>,
    got: Mutex<Vec<Got>>,
}

/// The receiver.
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: Option<JoinHandle<()>>,
}

impl Receiver {
    /// Starts one on a port of its own.
    pub async fn start() -> Self {
        Self::start_at("127.0.0.1").await
    }

    /// Starts one at this address of ours.
    pub async fn start_at(host: &str) -> Self {
        let listener = TcpListener::bind((host, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            mood: Mutex::new(Mood::Well),
            got: Mutex::new(Vec::new()),
        });
        let server = Some(tokio::spawn(serve(listener, Arc::clone(&shared))));
        Self {
            address,
            shared,
            server,
        }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// How it behaves from now on, on new requests.
    pub fn be(&self, mood: Mood) {
        *self.shared.mood.lock().unwrap() = mood;
    }

    /// Closes the port: connections are refused.
    pub async fn close(&mut self) {
        if let Some(server) = self.server.take() {
            server.abort();
            drop(server.await);
        }
    }

    /// Opens the port again.
    pub async fn open(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.server = Some(tokio::spawn(serve(listener, Arc::clone(&self.shared))));
    }

    /// What came so far.
    pub fn got(&self) -> Vec<Got> {
        self.shared.got.lock().unwrap().clone()
    }

    /// How many requests came so far.
    pub fn count(&self) -> usize {
        self.shared.got.lock().unwrap().len()
    }

    /// The homes whose alarm was delivered (answered with 2xx), by what the body says about the home.
    pub fn homes_told(&self) -> std::collections::BTreeSet<String> {
        self.got()
            .into_iter()
            .filter(|got| got.taken)
            .filter_map(|got| home_in(&got.body))
            .collect()
    }
}

/// The home that a body names, wherever it stands.
pub fn home_in(body: &Value) -> Option<String> {
    match body {
        Value::Object(map) => match map
            .get("home")
            .or_else(|| map.get("home_id"))
            .and_then(Value::as_str)
        {
            Some(home) => Some(home.to_owned()),
            None => map.values().find_map(home_in),
        },
        Value::Array(items) => items.iter().find_map(home_in),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    // Connections die with the server: a closed port answers nobody.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        if let Ok((socket, _)) = listener.accept().await {
            connections.spawn(answer(socket, Arc::clone(&shared)));
        }
    }
}

async fn answer(mut socket: TcpStream, shared: Arc<Shared>) {
    let mut buffer = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if socket.read_buf(&mut buffer).await.unwrap_or(0) == 0 {
                return;
            }
        };
        let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
        let field = |name: &str| {
            head.lines().find_map(|line| {
                line.split_once(':')
                    .filter(|(key, _)| *key == name)
                    .map(|(_, value)| value.trim().to_owned())
            })
        };
        let length: usize = field("content-length")
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        while buffer.len() < end + 4 + length {
            if socket.read_buf(&mut buffer).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let body =
            serde_json::from_slice(&buffer[end + 4..end + 4 + length]).unwrap_or(Value::Null);
        buffer.drain(..end + 4 + length);
        let mood = *shared.mood.lock().unwrap();
        let got = Got {
            at: Instant::now(),
            id: field("webhook-id").unwrap_or_default(),
            taken: mood == Mood::Well,
            body,
        };
        shared.got.lock().unwrap().push(got);
        let status = match mood {
            Mood::Well => 200,
            Mood::Status(status) => status,
            Mood::Hanging => std::future::pending().await,
        };
        let text = format!("HTTP/1.1 {status} Said\r\nContent-Length: 0\r\n\r\n");
        if socket.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}
