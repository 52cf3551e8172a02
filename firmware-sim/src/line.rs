//! One MQTT connection that stays: QoS 1, a window, a PUBACK for each message handed back to the one who
//! sent it, and reconnection by itself.
//!
//! Limits: `window` messages without a PUBACK on the wire, [`REQUESTS_MAX`] waiting before it, [`SAID_MAX`]
//! words from the door that nobody has read (later ones are dropped: a lamp asks again with the next word).

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use rumqttc::{
    AsyncClient, ConnectionError, Event as Mqtt, EventLoop, MqttOptions, Packet, PublishOptions,
    QoS,
};
use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Most messages that wait for a place in the window.
pub const REQUESTS_MAX: usize = 65_536;

/// Most events that wait to be read.
pub const SAID_MAX: usize = 4_096;

/// Largest packet either way, in bytes.
const PACKET_BYTES_MAX: usize = 256 * 1024;

/// Where a door is: `host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// A text that is no `host:port`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an address is host:port, like 127.0.0.1:1883")]
pub struct BadAddress;

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let (host, port) = text.rsplit_once(':').ok_or(BadAddress)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(BadAddress);
        }
        Ok(Self {
            host: host.to_owned(),
            port: port.parse().map_err(|_| BadAddress)?,
        })
    }
}

/// How to come in.
#[derive(Clone)]
pub struct Access {
    /// Where.
    pub address: Address,
    /// Who, and the password; `None` for an open listener.
    pub credentials: Option<(String, String)>,
    /// The MQTT client id.
    pub client_id: String,
}

impl Access {
    /// Where, who and with which password; the client id is made of the name and this process.
    ///
    /// # Errors
    /// If the address is no `host:port`.
    pub fn new(address: &str, user: &str, password: &str) -> Result<Self, BadAddress> {
        let client_id = format!("{user}-{}", std::process::id());
        Ok(Self {
            address: address.parse()?,
            credentials: Some((user.to_owned(), password.to_owned())),
            client_id,
        })
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access")
            .field("address", &self.address)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// The door does not let us in: credentials.
    #[error("the door refuses: {0}")]
    Refused(String),
    /// Anything else; it is tried again.
    #[error("no connection: {0}")]
    Broken(String),
}

/// What a line tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<K> {
    /// Connected, and subscribed.
    Up,
    /// Not connected; tried again by itself.
    Down(Why),
    /// The PUBACK of this message came.
    Acked(K),
    /// This message was lost with its connection, perhaps after it arrived: send it again.
    Unsent(K),
    /// The door said something.
    Said {
        /// Where.
        topic: String,
        /// What.
        payload: Vec<u8>,
    },
}

struct Request<K> {
    key: K,
    topic: String,
    payload: Vec<u8>,
    options: PublishOptions,
}

/// A connection that stays. Dropped, it is gone at once.
#[derive(Debug)]
pub struct Line<K> {
    requests: mpsc::Sender<Request<K>>,
    events: mpsc::Receiver<Event<K>>,
    client: AsyncClient,
    tasks: JoinSet<()>,
}

impl<K: Send + 'static> Line<K> {
    /// Starts to connect. At most `window` messages are on the wire without a PUBACK.
    pub fn open(access: &Access, window: u16, subscriptions: Vec<String>) -> Self {
        let window = window.max(1);
        let broker = (access.address.host.clone(), access.address.port);
        let mut options = MqttOptions::new(access.client_id.clone(), broker);
        options
            .set_keep_alive(20)
            .set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX)
            .set_inflight(window);
        if let Some((user, password)) = &access.credentials {
            options.set_credentials(user.clone(), password.clone());
        }
        let (client, eventloop) = AsyncClient::builder(options)
            .capacity(usize::from(window) + 16)
            .build();
        let (requests, asked) = mpsc::channel(REQUESTS_MAX);
        let (tell, events) = mpsc::channel(SAID_MAX);
        let mut tasks = JoinSet::new();
        tasks.spawn(poll(eventloop, client.clone(), subscriptions, tell.clone()));
        tasks.spawn(publish(asked, client.clone(), usize::from(window), tell));
        Self {
            requests,
            events,
            client,
            tasks,
        }
    }

    /// Hands over a message; handed back if [`REQUESTS_MAX`] wait already.
    pub fn try_publish(
        &self,
        key: K,
        topic: String,
        payload: Vec<u8>,
        retain: Retain,
    ) -> Result<(), K> {
        let options = PublishOptions::new(QoS::AtLeastOnce).retain(retain == Retain::Yes);
        self.requests
            .try_send(Request {
                key,
                topic,
                payload,
                options,
            })
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(request)
                | mpsc::error::TrySendError::Closed(request) => request.key,
            })
    }

    /// The next event; never ends while the line is there.
    pub async fn next(&mut self) -> Option<Event<K>> {
        self.events.recv().await
    }

    /// Says good-bye, so that no last will speaks. What is not acked by now is not waited for.
    pub async fn close(mut self) {
        if self.client.try_disconnect_now().is_ok() {
            let gone = async {
                while self
                    .events
                    .recv()
                    .await
                    .is_some_and(|event| !matches!(event, Event::Down(_)))
                {}
            };
            drop(tokio::time::timeout(Duration::from_secs(1), gone).await);
        }
        self.tasks.abort_all();
    }
}

/// Whether the door is asked to keep a message for later subscribers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retain {
    /// No.
    No,
    /// Yes.
    Yes,
}

async fn poll<K>(
    mut eventloop: EventLoop,
    client: AsyncClient,
    subscriptions: Vec<String>,
    tell: mpsc::Sender<Event<K>>,
) {
    let mut pause = Duration::from_millis(100);
    loop {
        let event = match eventloop.poll().await {
            Ok(Mqtt::Incoming(Packet::ConnAck(_))) => {
                pause = Duration::from_millis(100);
                for filter in &subscriptions {
                    if client
                        .try_subscribe(filter.clone(), QoS::AtLeastOnce)
                        .is_err()
                    {
                        tracing::warn!(filter, "could not subscribe: the queue is full");
                    }
                }
                Event::Up
            }
            Ok(Mqtt::Incoming(Packet::Publish(publish))) => {
                let topic = String::from_utf8_lossy(&publish.topic).into_owned();
                // Never waited for: an unread word must not hold up the PUBACKs.
                drop(tell.try_send(Event::Said {
                    topic,
                    payload: publish.payload.to_vec(),
                }));
                continue;
            }
            Ok(Mqtt::Incoming(_) | Mqtt::Outgoing(_)) => continue,
            Err(ConnectionError::RequestsDone) => return,
            Err(error) => {
                let why = if let ConnectionError::ConnectionRefused(code) = &error {
                    Why::Refused(format!("{code:?}"))
                } else {
                    Why::Broken(error.to_string())
                };
                if tell.send(Event::Down(why)).await.is_err() {
                    return;
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(5));
                continue;
            }
        };
        if tell.send(event).await.is_err() {
            return;
        }
    }
}

type Waiting<K> = Pin<Box<dyn Future<Output = Event<K>> + Send>>;

async fn publish<K: Send + 'static>(
    mut asked: mpsc::Receiver<Request<K>>,
    client: AsyncClient,
    window: usize,
    tell: mpsc::Sender<Event<K>>,
) {
    let mut under_way: FuturesUnordered<Waiting<K>> = FuturesUnordered::new();
    loop {
        tokio::select! {
            request = asked.recv(), if under_way.len() < window => {
                let Some(Request { key, topic, payload, options }) = request else { return };
                match client.publish_tracked(topic, payload, options).await {
                    Ok(notice) => under_way.push(Box::pin(async move {
                        match notice.wait_completion_async().await {
                            Ok(()) => Event::Acked(key),
                            Err(_) => Event::Unsent(key),
                        }
                    })),
                    Err(_) => {
                        if tell.send(Event::Unsent(key)).await.is_err() {
                            return;
                        }
                    }
                }
            }
            Some(event) = under_way.next(), if !under_way.is_empty() => {
                if tell.send(event).await.is_err() {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_host_and_port() {
        assert_eq!(
            "127.0.0.1:1883".parse(),
            Ok(Address {
                host: "127.0.0.1".into(),
                port: 1883
            })
        );
        assert_eq!(
            "[::1]:1883".parse(),
            Ok(Address {
                host: "::1".into(),
                port: 1883
            })
        );
        for bad in ["", "localhost", ":1883", "host:port", "host:99999"] {
            assert_eq!(bad.parse::<Address>(), Err(BadAddress), "{bad}");
        }
    }

    #[test]
    fn access_never_shows_its_password() {
        let address = Address {
            host: "localhost".into(),
            port: 1,
        };
        let access = Access {
            address,
            credentials: Some(("bridge".into(), "secret".into())),
            client_id: "c".into(),
        };
        assert!(!format!("{access:?}").contains("secret"));
    }
}
