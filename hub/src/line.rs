//! One connection to the platform: what is said on it, what comes of it, and whether another path would answer.

use crate::paths::Answer;
use crate::settings::Path;
use crate::uplink::End;
use care::Lane;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use gateway::Retain;
use rumqttc::{AsyncClient, Event as Mqtt, EventLoop, Packet, PublishOptions, QoS};
use std::time::Duration;
use tokio::net::TcpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long a better path may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// What a connection brings.
pub(crate) enum Event {
    Up,
    Said { topic: String, payload: Vec<u8> },
    Ended(String),
}

/// What was acknowledged.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Key {
    Record(Lane, u64),
    /// Status or heartbeat.
    Life,
}

/// Ends a task with its holder.
pub(crate) struct Task<T>(pub(crate) JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub(crate) type Acks = FuturesUnordered<BoxFuture<'static, (Key, bool)>>;

/// One connection.
pub(crate) struct Line {
    pub(crate) path: usize,
    pub(crate) client: AsyncClient,
    pub(crate) acks: Acks,
    pub(crate) began: i64,
    pub(crate) up_since: Option<i64>,
    pub(crate) next_beat: i64,
}

impl Line {
    /// Hands a message over; its acknowledgement comes out of `acks`.
    pub(crate) fn publish(
        &mut self,
        key: Key,
        topic: String,
        payload: Vec<u8>,
        retain: Retain,
    ) -> Result<(), End> {
        let options = PublishOptions::new(QoS::AtLeastOnce).retain(retain == Retain::Yes);
        let notice = self
            .client
            .try_publish_tracked(topic, payload, options)
            .map_err(|error| End::Lost(error.to_string()))?;
        self.acks.push(Box::pin(async move {
            (key, notice.wait_completion_async().await.is_ok())
        }));
        Ok(())
    }
}

/// Says goodbye, so that no last will speaks.
pub(crate) async fn goodbye(client: AsyncClient) {
    if client.try_disconnect_now().is_ok() {
        // The reader has to be polled once more to send it.
        let _late = timeout(Duration::from_millis(200), std::future::pending::<()>()).await;
    }
}

/// Reads a connection to its end.
pub(crate) async fn read(mut events: EventLoop, tell: mpsc::Sender<Event>) {
    loop {
        let event = match events.poll().await {
            Ok(Mqtt::Incoming(Packet::ConnAck(_))) => Event::Up,
            Ok(Mqtt::Incoming(Packet::Publish(publish))) => Event::Said {
                topic: String::from_utf8_lossy(&publish.topic).into_owned(),
                payload: publish.payload.to_vec(),
            },
            Ok(Mqtt::Incoming(_) | Mqtt::Outgoing(_)) => continue,
            Err(error) => {
                let _nobody_waits = tell.send(Event::Ended(error.to_string())).await;
                return;
            }
        };
        if tell.send(event).await.is_err() {
            return;
        }
    }
}

/// Whether a path answers: a TCP connection, nothing said.
pub(crate) async fn answers(way: &Path) -> Answer {
    let tried = timeout(ANSWER_WITHIN, async {
        let addresses = tokio::net::lookup_host((way.host.as_str(), way.port))
            .await
            .ok()?;
        for address in addresses {
            let socket = if address.is_ipv4() {
                TcpSocket::new_v4()
            } else {
                TcpSocket::new_v6()
            };
            let Ok(socket) = socket else { continue };
            #[cfg(target_os = "linux")]
            if let Some(interface) = &way.interface
                && socket.bind_device(Some(interface.as_bytes())).is_err()
            {
                continue;
            }
            if let Some(from) = way.from
                && socket.bind((from, 0).into()).is_err()
            {
                continue;
            }
            if socket.connect(address).await.is_ok() {
                return Some(());
            }
        }
        None
    });
    match tried.await {
        Ok(Some(())) => Answer::Yes,
        Ok(None) | Err(_) => Answer::No,
    }
}
