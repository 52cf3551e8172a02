//! The MQTT client towards a broker, in both versions behind one face.

use super::{BridgeError, BridgeSettings, BrokerVersion};
use crate::tls;
use rumqttc as v4;
use rumqttc_v5 as v5;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Largest packet that is read, bytes: brokers let more pass than the event log takes.
const PACKET_BYTES_MAX: u32 = 4 * 1024 * 1024;

/// What a connection brings.
pub(super) enum Event {
    /// The broker accepted us.
    Connected,
    /// The broker refused a subscription.
    Denied,
    /// A message.
    Heard(Heard),
}

/// A message from the broker.
pub(super) struct Heard {
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
    pub(super) retained: bool,
    pub(super) token: Token,
}

/// What acknowledges a message; nothing for QoS 0.
pub(super) enum Token {
    V4(Option<v4::ManualAck>),
    V5(Option<v5::ManualAck>),
}

/// Says things to the broker, never waiting.
#[derive(Clone)]
pub(super) enum Mouth {
    V4(v4::AsyncClient),
    V5(v5::AsyncClient),
}

/// Hears the broker.
pub(super) enum Reader {
    V4(v4::AsyncClient, Box<v4::EventLoop>),
    V5(v5::AsyncClient, Box<v5::EventLoop>),
}

/// A client for one connection.
pub(super) fn open(settings: &BridgeSettings, inflight: u16) -> Result<(Mouth, Reader), BridgeError> {
    // Room for every acknowledgement that can be due, and as many words again.
    let capacity = usize::from(inflight) * 4;
    let tls = match &settings.authorities_pem {
        None => None,
        Some(pem) => Some(Arc::new(tls::client_config(pem).map_err(BridgeError::Tls)?)),
    };
    let unfit = |error: &dyn std::fmt::Display| BridgeError::Settings(error.to_string());
    match settings.version {
        BrokerVersion::V3 => {
            let mut options = v4::MqttOptions::new(&settings.client_id, (settings.host.as_str(), settings.port));
            options
                .set_keep_alive(30)
                .set_session_mode(v4::SessionMode::Persistent)
                .set_ack_mode(v4::AckMode::Manual)
                .set_max_packet_size(usize::try_from(PACKET_BYTES_MAX).unwrap_or(usize::MAX), 256 * 1024);
            if let Some((user, password)) = &settings.login {
                options.set_credentials(user, password.clone());
            }
            if let Some(tls) = tls {
                options.set_transport(v4::Transport::Tls(v4::TlsConfiguration::Rustls(tls)));
            }
            let builder = v4::AsyncClient::builder(options).capacity(capacity);
            let (client, events) = builder.try_build().map_err(|error| unfit(&error))?;
            Ok((Mouth::V4(client.clone()), Reader::V4(client, Box::new(events))))
        }
        BrokerVersion::V5 { .. } => {
            let mut options = v5::MqttOptions::new(&settings.client_id, (settings.host.as_str(), settings.port));
            let expiry_s = u32::try_from(settings.session_expiry.as_secs()).unwrap_or(u32::MAX);
            options
                .set_keep_alive(30)
                .set_session_mode(v5::SessionMode::Persistent)
                .set_broker_session_resume_policy(v5::BrokerSessionResumePolicy::AllowBrokerOnly)
                .set_session_expiry_interval(Some(expiry_s))
                .set_receive_maximum(Some(inflight))
                .set_max_packet_size(Some(PACKET_BYTES_MAX))
                .set_ack_mode(v5::AckMode::Manual);
            if let Some((user, password)) = &settings.login {
                options.set_credentials(user, password.clone());
            }
            if let Some(tls) = tls {
                options.set_transport(v5::Transport::Tls(v5::TlsConfiguration::Rustls(tls)));
            }
            let builder = v5::AsyncClient::builder(options).capacity(capacity);
            let (client, events) = builder.try_build().map_err(|error| unfit(&error))?;
            Ok((Mouth::V5(client.clone()), Reader::V5(client, Box::new(events))))
        }
    }
}

impl Mouth {
    /// Asks for everything that is to be read. Asked at every connection: it changes nothing where the broker
    /// has kept the session, and heals everything where it has not.
    pub(super) fn subscribe(&self, settings: &BridgeSettings) -> bool {
        match self {
            Self::V4(client) => {
                let all = settings.filters.iter().cloned();
                let all = all.map(|filter| v4::SubscribeFilter::new(filter, v4::QoS::AtLeastOnce));
                client.try_subscribe_many(all).is_ok()
            }
            Self::V5(client) => {
                let all = settings.filters.iter().map(|filter| {
                    let path = match &settings.version {
                        BrokerVersion::V5 { group: Some(group) } => format!("$share/{group}/{filter}"),
                        BrokerVersion::V5 { group: None } | BrokerVersion::V3 => filter.clone(),
                    };
                    let mut filter = v5::SubscribeFilter::new(path, v5::QoS::AtLeastOnce);
                    filter.retain_forward_rule = v5::RetainForwardRule::OnNewSubscribe;
                    filter
                });
                client.try_subscribe_many(all).is_ok()
            }
        }
    }

    /// Acknowledges a message. False if that was not possible, and the connection has to end.
    pub(super) fn acknowledge(&self, token: Token) -> bool {
        match (self, token) {
            (Self::V4(client), Token::V4(Some(ack))) => client.try_manual_ack(ack).is_ok(),
            (Self::V5(client), Token::V5(Some(ack))) => client.try_manual_ack(ack).is_ok(),
            (Self::V4(_) | Self::V5(_), Token::V4(_) | Token::V5(_)) => true,
        }
    }

    /// Publishes with QoS 1. False if there is no room.
    pub(super) fn publish(&self, topic: &str, payload: &[u8]) -> bool {
        match self {
            Self::V4(client) => {
                let options = v4::PublishOptions::new(v4::QoS::AtLeastOnce);
                client.try_publish(topic, payload.to_vec(), options).is_ok()
            }
            Self::V5(client) => {
                let options = v5::PublishOptions::new(v5::QoS::AtLeastOnce);
                client.try_publish(topic, payload.to_vec(), options).is_ok()
            }
        }
    }
}

impl Reader {
    /// Reads until the connection ends; the answer says why.
    pub(super) async fn read(self, tell: mpsc::Sender<Event>) -> String {
        match self {
            Self::V4(client, mut events) => loop {
                let event = match events.poll().await {
                    Ok(v4::Event::Incoming(v4::Packet::ConnAck(_))) => Event::Connected,
                    Ok(v4::Event::Incoming(v4::Packet::SubAck(ack)))
                        if ack.return_codes.contains(&v4::SubscribeReasonCode::Failure) =>
                    {
                        Event::Denied
                    }
                    Ok(v4::Event::Incoming(v4::Packet::Publish(publish))) => Event::Heard(Heard {
                        topic: String::from_utf8_lossy(&publish.topic).into_owned(),
                        payload: publish.payload.to_vec(),
                        retained: publish.retain,
                        token: Token::V4(client.prepare_ack(&publish)),
                    }),
                    Ok(v4::Event::Incoming(_) | v4::Event::Outgoing(_)) => continue,
                    Err(error) => return error.to_string(),
                };
                if tell.send(event).await.is_err() {
                    return "stopped".to_owned();
                }
            },
            Self::V5(client, mut events) => loop {
                let event = match events.poll().await {
                    Ok(v5::Event::Incoming(v5::Packet::ConnAck(_))) => Event::Connected,
                    Ok(v5::Event::Incoming(v5::Packet::SubAck(ack)))
                        if ack.return_codes.iter().any(|code| !matches!(code, v5::SubscribeReasonCode::Success(_))) =>
                    {
                        Event::Denied
                    }
                    Ok(v5::Event::Incoming(v5::Packet::Publish(publish))) => Event::Heard(Heard {
                        topic: String::from_utf8_lossy(&publish.topic).into_owned(),
                        payload: publish.payload.to_vec(),
                        retained: publish.retain,
                        token: Token::V5(client.prepare_ack(&publish)),
                    }),
                    Ok(v5::Event::Incoming(_) | v5::Event::Outgoing(_) | v5::Event::Auth(_)) => continue,
                    Err(error) => return error.to_string(),
                };
                if tell.send(event).await.is_err() {
                    return "stopped".to_owned();
                }
            },
        }
    }
}
