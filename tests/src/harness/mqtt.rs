//! A raw MQTT 3.1.1 client: every byte and every moment is the test's. It acks nothing and repeats nothing
//! by itself but the QoS 1 messages that it reads.

use serde_json::json;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long an answer may take before a test fails on it.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What the door said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// The return code.
    ConnAck(u8),
    /// The packet id.
    PubAck(u16),
    /// The return codes.
    SubAck(Vec<u8>),
    /// A message.
    Publish {
        /// Where.
        topic: String,
        /// What.
        payload: Vec<u8>,
    },
    /// Alive.
    PingResp,
    /// Anything else, by its type.
    Other(u8),
}

/// A connection.
pub struct Client {
    socket: TcpStream,
    buffer: Vec<u8>,
    start: usize,
    next_id: u16,
}

fn text(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend_from_slice(&u16::try_from(bytes.len()).unwrap().to_be_bytes());
    to.extend_from_slice(bytes);
}

/// A packet of a first byte and a body.
pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut all = vec![first];
    let mut length = body.len();
    loop {
        let byte = (length % 128) as u8;
        length /= 128;
        all.push(if length > 0 { byte | 0x80 } else { byte });
        if length == 0 {
            break;
        }
    }
    all.extend_from_slice(body);
    all
}

/// CONNECT with a clean session.
pub fn connect_packet(client_id: &str, user: &str, password: &str) -> Vec<u8> {
    let mut body = Vec::new();
    text(&mut body, b"MQTT");
    let with = if user.is_empty() { 0 } else { 0xc0 };
    body.extend_from_slice(&[4, 0x02 | with, 0, 60]);
    text(&mut body, client_id.as_bytes());
    if !user.is_empty() {
        text(&mut body, user.as_bytes());
        text(&mut body, password.as_bytes());
    }
    packet(0x10, &body)
}

/// PUBLISH, QoS 1.
pub fn publish_packet(topic: &[u8], id: u16, payload: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(topic.len() + payload.len() + 4);
    text(&mut body, topic);
    body.extend_from_slice(&id.to_be_bytes());
    body.extend_from_slice(payload);
    packet(0x32, &body)
}

/// The topic and the payload of a press of a home's button with this name.
pub fn press_of(home: &str, id: &str) -> (String, Vec<u8>) {
    (
        format!("care/v1/{home}/button/call"),
        json!({"id": id}).to_string().into_bytes(),
    )
}

impl Client {
    /// Connects and waits for a CONNACK that says yes.
    pub async fn connect(
        address: &str,
        client_id: &str,
        user: &str,
        password: &str,
    ) -> io::Result<Self> {
        let mut client = Self::dial(address).await?;
        client
            .send(&connect_packet(client_id, user, password))
            .await?;
        let answer = client.read().await?;
        if answer == Packet::ConnAck(0) {
            Ok(client)
        } else {
            Err(io::Error::new(
                io::ErrorKind::ConnectionRefused,
                format!("{answer:?}"),
            ))
        }
    }

    /// A TCP connection and nothing said yet.
    pub async fn dial(address: &str) -> io::Result<Self> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        Ok(Self {
            socket,
            buffer: Vec::new(),
            start: 0,
            next_id: 0,
        })
    }

    /// Sends bytes as they are.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.write_all(bytes).await
    }

    /// Sends a PUBLISH, QoS 1, and does not wait; its packet id.
    pub async fn publish(&mut self, topic: &str, payload: &[u8]) -> io::Result<u16> {
        self.next_id = self.next_id.checked_add(1).unwrap_or(1);
        let bytes = publish_packet(topic.as_bytes(), self.next_id, payload);
        self.send(&bytes).await?;
        Ok(self.next_id)
    }

    /// Publishes and waits for the PUBACK.
    pub async fn publish_acked(&mut self, topic: &str, payload: &[u8]) -> io::Result<()> {
        let id = self.publish(topic, payload).await?;
        loop {
            if self.read().await? == Packet::PubAck(id) {
                return Ok(());
            }
        }
    }

    /// A press of a home's button, acked.
    pub async fn press(&mut self, home: &str, id: &str) -> io::Result<()> {
        let (topic, payload) = press_of(home, id);
        self.publish_acked(&topic, &payload).await
    }

    /// Subscribes; the return code.
    pub async fn subscribe(&mut self, filter: &str) -> io::Result<u8> {
        let mut body = vec![0, 1];
        text(&mut body, filter.as_bytes());
        body.push(1);
        self.send(&packet(0x82, &body)).await?;
        loop {
            if let Packet::SubAck(codes) = self.read().await? {
                return Ok(codes.first().copied().unwrap_or(0x80));
            }
        }
    }

    /// Says good-bye.
    pub async fn disconnect(mut self) -> io::Result<()> {
        self.send(&[0xe0, 0]).await
    }

    /// The next packet; QoS 1 messages are acked. An end of the connection is an error.
    pub async fn read(&mut self) -> io::Result<Packet> {
        match tokio::time::timeout(PATIENCE, self.read_patiently()).await {
            Ok(done) => done,
            Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut)),
        }
    }

    /// True if the door closes the connection within the patience of the tests.
    pub async fn is_closed_by_door(&mut self) -> bool {
        loop {
            match self.read().await {
                Ok(_) => {}
                Err(error) => return error.kind() != io::ErrorKind::TimedOut,
            }
        }
    }

    /// A packet that is here in whole already.
    fn take(&mut self) -> Option<(u8, std::ops::Range<usize>)> {
        let here = &self.buffer[self.start..];
        let first = *here.first()?;
        let (mut length, mut shift, mut at) = (0usize, 0, 1);
        loop {
            let byte = *here.get(at)?;
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            at += 1;
            if byte & 0x80 == 0 {
                break;
            }
        }
        (here.len() >= at + length).then(|| {
            let body = self.start + at..self.start + at + length;
            self.start = body.end;
            (first, body)
        })
    }

    async fn read_patiently(&mut self) -> io::Result<Packet> {
        loop {
            if let Some((first, range)) = self.take() {
                let (packet, ack) = parse(first, &self.buffer[range])?;
                if let Some(ack) = ack {
                    self.send(&ack).await?;
                }
                return Ok(packet);
            }
            self.buffer.drain(..self.start);
            self.start = 0;
            self.buffer.reserve(16 * 1024);
            if self.socket.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
            }
        }
    }

    /// A packet that has been received already, without waiting; messages are not acked on this way.
    pub fn read_here(&mut self) -> Option<Packet> {
        let (first, range) = self.take()?;
        parse(first, &self.buffer[range])
            .ok()
            .map(|(packet, _)| packet)
    }
}

/// What a packet says, and the ack that it is owed.
fn parse(first: u8, body: &[u8]) -> io::Result<(Packet, Option<Vec<u8>>)> {
    let short = || io::Error::new(io::ErrorKind::InvalidData, "a short packet");
    let id = |at: usize| {
        body.get(at..at + 2)
            .map(|two| u16::from_be_bytes([two[0], two[1]]))
            .ok_or_else(short)
    };
    let mut ack = None;
    let said = match first >> 4 {
        2 => Packet::ConnAck(*body.get(1).ok_or_else(short)?),
        4 => Packet::PubAck(id(0)?),
        9 => Packet::SubAck(body.get(2..).ok_or_else(short)?.to_vec()),
        13 => Packet::PingResp,
        3 => {
            let end = 2 + usize::from(id(0)?);
            let topic = String::from_utf8_lossy(body.get(2..end).ok_or_else(short)?).into_owned();
            let qos = (first >> 1) & 3;
            let at = if qos > 0 { end + 2 } else { end };
            if qos == 1 {
                ack = Some(packet(0x40, &id(end)?.to_be_bytes()));
            }
            Packet::Publish {
                topic,
                payload: body.get(at..).ok_or_else(short)?.to_vec(),
            }
        }
        other => Packet::Other(other),
    };
    Ok((said, ack))
}
