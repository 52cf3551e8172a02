//! Bytes to packets: `mqtt-protocol-core`'s packet builder and parsers, nothing else of that crate.
//! What its parsers leave open (flags, packet id 0, topic syntax, property values) is checked here, and
//! both protocol versions come out as one [`Packet`]. The way back is `encode`.

use mqtt_protocol_core::mqtt::common::{ArcPayload, Cursor, IntoPayload};
use mqtt_protocol_core::mqtt::connection::{PacketBuildResult, PacketBuilder, PacketData, RawPacket};
use mqtt_protocol_core::mqtt::packet::prelude::PropertyValueAccess;
use mqtt_protocol_core::mqtt::packet::{self, Property, RetainHandling, SubEntry, v3_1_1, v5_0};
use mqtt_protocol_core::mqtt::result_code::MqttError;
use std::sync::Arc;

/// Protocol versions that the door speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// MQTT 3.1.1.
    V3,
    /// MQTT 5.
    V5,
}

/// Delivery promises of MQTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Qos {
    /// At most once.
    Zero,
    /// At least once.
    One,
    /// Exactly once.
    Two,
}

impl Qos {
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Zero => 0,
            Self::One => 1,
            Self::Two => 2,
        }
    }
}

impl From<packet::Qos> for Qos {
    fn from(qos: packet::Qos) -> Self {
        match qos {
            packet::Qos::AtMostOnce => Self::Zero,
            packet::Qos::AtLeastOnce => Self::One,
            packet::Qos::ExactlyOnce => Self::Two,
        }
    }
}

/// Why the door ends a connection, with the reason code that MQTT 5 tells the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault(pub(crate) u8);

impl Fault {
    pub(crate) const MALFORMED: Self = Self(0x81);
    pub(crate) const PROTOCOL: Self = Self(0x82);
    pub(crate) const IMPLEMENTATION: Self = Self(0x83);
    pub(crate) const VERSION: Self = Self(0x84);
    pub(crate) const CLIENT_ID: Self = Self(0x85);
    pub(crate) const BAD_LOGIN: Self = Self(0x86);
    pub(crate) const NOT_AUTHORIZED: Self = Self(0x87);
    pub(crate) const BUSY: Self = Self(0x89);
    pub(crate) const SHUTTING_DOWN: Self = Self(0x8b);
    pub(crate) const BAD_METHOD: Self = Self(0x8c);
    pub(crate) const KEEP_ALIVE: Self = Self(0x8d);
    pub(crate) const TAKEN_OVER: Self = Self(0x8e);
    pub(crate) const TOPIC_FILTER: Self = Self(0x8f);
    pub(crate) const TOPIC_NAME: Self = Self(0x90);
    pub(crate) const RECEIVE_MAXIMUM: Self = Self(0x93);
    pub(crate) const TOPIC_ALIAS: Self = Self(0x94);
    pub(crate) const TOO_LARGE: Self = Self(0x95);
    pub(crate) const QUOTA: Self = Self(0x97);
    pub(crate) const ADMINISTRATIVE: Self = Self(0x98);
}

impl From<MqttError> for Fault {
    fn from(error: MqttError) -> Self {
        if error == MqttError::PacketTooLarge {
            Self::TOO_LARGE
        } else if error == MqttError::MalformedPacket {
            Self::MALFORMED
        } else if error == MqttError::UnsupportedProtocolVersion {
            Self::VERSION
        } else if error == MqttError::TopicAliasInvalid {
            Self::TOPIC_ALIAS
        } else if error == MqttError::BadUserNameOrPassword || error == MqttError::ClientIdentifierNotValid {
            Self::MALFORMED
        } else {
            Self::PROTOCOL
        }
    }
}

/// The properties of MQTT 5 that travel with a message from sender to receiver.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Forwarded {
    pub(crate) payload_format: Option<u8>,
    pub(crate) content_type: Option<String>,
    pub(crate) response_topic: Option<String>,
    pub(crate) correlation: Option<Vec<u8>>,
    pub(crate) user: Vec<(String, String)>,
}

/// The bytes of a message: shared, never copied between receivers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Payload(ArcPayload);

impl Payload {
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.0.as_slice()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl From<&[u8]> for Payload {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into_payload())
    }
}

/// A PUBLISH from a client.
#[derive(Debug)]
pub(crate) struct Publish {
    /// Empty if an alias stands for it.
    pub(crate) topic: String,
    pub(crate) payload: Payload,
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    /// 0 with QoS 0 only.
    pub(crate) id: u16,
    pub(crate) alias: Option<u16>,
    pub(crate) expiry_s: Option<u32>,
    pub(crate) properties: Option<Box<Forwarded>>,
}

/// When retained messages come with a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replay {
    /// At every SUBSCRIBE.
    Always,
    /// Only if the subscription is new.
    IfNew,
    /// Never.
    Never,
}

/// One line of a SUBSCRIBE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) filter: String,
    pub(crate) qos: Qos,
    pub(crate) no_local: bool,
    pub(crate) retain_as_published: bool,
    pub(crate) replay: Replay,
}

/// A packet from a client that is already connected.
#[derive(Debug)]
pub(crate) enum Packet {
    Publish(Box<Publish>),
    Puback(u16),
    /// The code is 0x80 or more if the receiver refuses the message.
    Pubrec(u16, u8),
    Pubrel(u16),
    Pubcomp(u16),
    Subscribe {
        id: u16,
        wishes: Vec<Wish>,
        identifier: Option<u32>,
    },
    Unsubscribe {
        id: u16,
        filters: Vec<String>,
    },
    Ping,
    /// Reason code and a new session expiry, seconds.
    Disconnect(u8, Option<u32>),
}

/// A last will.
#[derive(Debug, Clone)]
pub(crate) struct Testament {
    pub(crate) topic: String,
    pub(crate) payload: Payload,
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    pub(crate) delay_s: u32,
    pub(crate) expiry_s: Option<u32>,
    pub(crate) properties: Option<Box<Forwarded>>,
}

/// The first packet of a connection.
#[derive(Debug)]
pub(crate) struct Connect {
    pub(crate) version: Version,
    pub(crate) client_id: String,
    pub(crate) clean_start: bool,
    pub(crate) keep_alive_s: u16,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Vec<u8>>,
    pub(crate) will: Option<Box<Testament>>,
    /// Seconds; `u32::MAX` = never.
    pub(crate) session_expiry_s: u32,
    pub(crate) receive_maximum: u16,
    pub(crate) packet_bytes_max: u32,
    pub(crate) alias_maximum: u16,
    pub(crate) wants_response_information: bool,
    /// An extended authentication method was asked for.
    pub(crate) authentication_method: bool,
}

/// Cuts a stream into packets.
pub(crate) struct Framer {
    builder: PacketBuilder,
    partial_bytes: usize,
}

/// One packet, not yet looked into.
pub(crate) struct Raw(RawPacket);

impl Framer {
    pub(crate) fn new(packet_bytes_max: u32) -> Self {
        Self { builder: PacketBuilder::with_maximum_packet_size(packet_bytes_max), partial_bytes: 0 }
    }

    /// Bytes of a packet that has not come whole yet.
    pub(crate) fn partial_bytes(&self) -> usize {
        self.partial_bytes
    }

    pub(crate) fn limit(&mut self, packet_bytes_max: u32) {
        self.builder.set_maximum_packet_size(packet_bytes_max);
    }

    /// Hands each whole packet in `bytes` to `take` and keeps the rest for the next call.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut take: impl FnMut(Raw)) -> Result<(), Fault> {
        let mut cursor = Cursor::new(bytes);
        let mut whole = 0;
        loop {
            match self.builder.feed(&mut cursor) {
                PacketBuildResult::Complete(packet) => {
                    take(Raw(packet));
                    whole = usize::try_from(cursor.position()).unwrap_or(usize::MAX);
                    self.partial_bytes = 0;
                }
                PacketBuildResult::Incomplete => {
                    self.partial_bytes += bytes.len().saturating_sub(whole);
                    return Ok(());
                }
                PacketBuildResult::Error(error) => return Err(error.into()),
            }
        }
    }
}

impl Raw {
    /// Bytes that this packet holds in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.0.data.as_slice().len()
    }

    /// Reads the first packet of a connection. Anything but a CONNECT is a fault.
    pub(crate) fn connect(&self) -> Result<Connect, (Option<Version>, Fault)> {
        if self.0.packet_type() != 1 || self.0.flags() != 0 {
            return Err((None, Fault::PROTOCOL));
        }
        let data = self.0.data_as_slice();
        let version = match (data.get(..6), data.get(6)) {
            (Some([0, 4, b'M', b'Q', b'T', b'T']), Some(4)) => Version::V3,
            (Some([0, 4, b'M', b'Q', b'T', b'T']), Some(5)) => Version::V5,
            (Some([0, 4, b'M', b'Q', b'T', b'T']), Some(_)) | (Some([0, 6, b'M', b'Q', b'I', b's']), _) => {
                return Err((Some(Version::V3), Fault::VERSION));
            }
            _ => return Err((None, Fault::MALFORMED)),
        };
        self.read_connect(version, data).map_err(|fault| (Some(version), fault))
    }

    fn read_connect(&self, version: Version, data: &[u8]) -> Result<Connect, Fault> {
        let flags = *data.get(7).ok_or(Fault::MALFORMED)?;
        let will_bits = flags & 0b0011_1000;
        let has_will = flags & 0b100 != 0;
        if flags & 1 != 0 || flags & 0b0001_1000 == 0b0001_1000 || (!has_will && will_bits != 0) {
            return Err(Fault::MALFORMED);
        }
        match version {
            Version::V3 => {
                let packet = self.0.parse_exact(v3_1_1::Connect::parse)?;
                let will = match (packet.will_topic(), packet.will_payload()) {
                    (Some(topic), Some(payload)) => Some(Box::new(Testament {
                        topic: topic.to_owned(),
                        payload: payload.into(),
                        qos: packet.will_qos().into(),
                        retain: packet.will_retain(),
                        delay_s: 0,
                        expiry_s: None,
                        properties: None,
                    })),
                    _ => None,
                };
                Ok(Connect {
                    version,
                    client_id: packet.client_id().to_owned(),
                    clean_start: packet.clean_session(),
                    keep_alive_s: packet.keep_alive(),
                    user: packet.user_name().map(str::to_owned),
                    password: packet.password().map(<[u8]>::to_vec),
                    will,
                    session_expiry_s: if packet.clean_session() { 0 } else { u32::MAX },
                    receive_maximum: u16::MAX,
                    packet_bytes_max: u32::MAX,
                    alias_maximum: 0,
                    wants_response_information: false,
                    authentication_method: false,
                })
            }
            Version::V5 => {
                let packet = self.0.parse_exact(v5_0::Connect::parse)?;
                let will = match (packet.will_topic(), packet.will_payload()) {
                    (Some(topic), Some(payload)) => {
                        let mut will = Testament {
                            topic: topic.to_owned(),
                            payload: payload.into(),
                            qos: packet.will_qos().into(),
                            retain: packet.will_retain(),
                            delay_s: 0,
                            expiry_s: None,
                            properties: forwarded(&packet.will_props),
                        };
                        for property in &packet.will_props {
                            if let Property::WillDelayInterval(delay) = property {
                                will.delay_s = delay.val();
                            } else if let Property::MessageExpiryInterval(expiry) = property {
                                will.expiry_s = Some(expiry.val());
                            }
                        }
                        Some(Box::new(will))
                    }
                    _ => None,
                };
                let mut connect = Connect {
                    version,
                    client_id: packet.client_id().to_owned(),
                    clean_start: packet.clean_start(),
                    keep_alive_s: packet.keep_alive(),
                    user: packet.user_name().map(str::to_owned),
                    password: packet.password().map(<[u8]>::to_vec),
                    will,
                    session_expiry_s: 0,
                    receive_maximum: u16::MAX,
                    packet_bytes_max: u32::MAX,
                    alias_maximum: 0,
                    wants_response_information: false,
                    authentication_method: false,
                };
                for property in &packet.props {
                    if let Property::SessionExpiryInterval(value) = property {
                        connect.session_expiry_s = value.val();
                    } else if let Property::ReceiveMaximum(value) = property {
                        connect.receive_maximum = value.val();
                    } else if let Property::MaximumPacketSize(value) = property {
                        connect.packet_bytes_max = value.val();
                    } else if let Property::TopicAliasMaximum(value) = property {
                        connect.alias_maximum = value.val();
                    } else if let Property::RequestResponseInformation(value) = property {
                        connect.wants_response_information = value.val() == 1;
                    } else if let Property::AuthenticationMethod(_) = property {
                        connect.authentication_method = true;
                    }
                }
                if connect.receive_maximum == 0 || connect.packet_bytes_max == 0 {
                    return Err(Fault::PROTOCOL);
                }
                Ok(connect)
            }
        }
    }

    /// Reads a packet of a connected client.
    pub(crate) fn packet(&self, version: Version) -> Result<Packet, Fault> {
        let kind = self.0.packet_type();
        let flags_wanted = match kind {
            3 => self.0.flags(),
            6 | 8 | 10 => 2,
            _ => 0,
        };
        if self.0.flags() != flags_wanted {
            return Err(Fault::MALFORMED);
        }
        match (kind, version) {
            (3, _) => self.publish(version),
            (4, Version::V3) => Ok(Packet::Puback(self.0.parse_exact(v3_1_1::Puback::parse)?.packet_id())),
            (4, Version::V5) => Ok(Packet::Puback(self.0.parse_exact(v5_0::Puback::parse)?.packet_id())),
            (5, Version::V3) => Ok(Packet::Pubrec(self.0.parse_exact(v3_1_1::Pubrec::parse)?.packet_id(), 0)),
            (5, Version::V5) => {
                let packet = self.0.parse_exact(v5_0::Pubrec::parse)?;
                Ok(Packet::Pubrec(packet.packet_id(), packet.reason_code().map_or(0, |code| code as u8)))
            }
            (6, Version::V3) => Ok(Packet::Pubrel(self.0.parse_exact(v3_1_1::Pubrel::parse)?.packet_id())),
            (6, Version::V5) => Ok(Packet::Pubrel(self.0.parse_exact(v5_0::Pubrel::parse)?.packet_id())),
            (7, Version::V3) => Ok(Packet::Pubcomp(self.0.parse_exact(v3_1_1::Pubcomp::parse)?.packet_id())),
            (7, Version::V5) => Ok(Packet::Pubcomp(self.0.parse_exact(v5_0::Pubcomp::parse)?.packet_id())),
            (8, _) => self.subscribe(version),
            (10, Version::V3) => {
                let packet = self.0.parse_exact(v3_1_1::Unsubscribe::parse)?;
                let filters = packet.entries().iter().map(|filter| filter.as_str().to_owned()).collect();
                unsubscribe(packet.packet_id(), filters)
            }
            (10, Version::V5) => {
                let packet = self.0.parse_exact(v5_0::Unsubscribe::parse)?;
                let filters = packet.entries().iter().map(|filter| filter.as_str().to_owned()).collect();
                unsubscribe(packet.packet_id(), filters)
            }
            (12, _) if self.bytes() == 0 => Ok(Packet::Ping),
            (14, Version::V3) if self.bytes() == 0 => Ok(Packet::Disconnect(0, None)),
            (14, Version::V5) => {
                let packet = self.0.parse_exact(v5_0::Disconnect::parse)?;
                let expiry = packet.props().iter().flatten().find_map(|property| {
                    if let Property::SessionExpiryInterval(value) = property { Some(value.val()) } else { None }
                });
                Ok(Packet::Disconnect(packet.reason_code().map_or(0, |code| code as u8), expiry))
            }
            (12 | 14, _) => Err(Fault::MALFORMED),
            _ => Err(Fault::PROTOCOL),
        }
    }

    fn publish(&self, version: Version) -> Result<Packet, Fault> {
        let PacketData::Publish(data) = &self.0.data else {
            return Err(Fault::MALFORMED);
        };
        let mut publish = match version {
            Version::V3 => {
                let (packet, _) = v3_1_1::Publish::parse(self.0.flags(), Arc::clone(data))?;
                Publish {
                    topic: packet.topic_name().to_owned(),
                    payload: Payload(packet.payload().clone()),
                    qos: packet.qos().into(),
                    retain: packet.retain(),
                    id: packet.packet_id().unwrap_or(0),
                    alias: None,
                    expiry_s: None,
                    properties: None,
                }
            }
            Version::V5 => {
                let (packet, _) = v5_0::Publish::parse(self.0.flags(), Arc::clone(data)).map_err(|error| {
                    let alias_of_zero = error == MqttError::ProtocolError && data.windows(3).any(|w| w == [0x23, 0, 0]);
                    if alias_of_zero { Fault::TOPIC_ALIAS } else { error.into() }
                })?;
                let mut publish = Publish {
                    topic: packet.topic_name().to_owned(),
                    payload: Payload(packet.payload().clone()),
                    qos: packet.qos().into(),
                    retain: packet.retain(),
                    id: packet.packet_id().unwrap_or(0),
                    alias: None,
                    expiry_s: None,
                    properties: forwarded(&packet.props),
                };
                for property in &packet.props {
                    if let Property::TopicAlias(alias) = property {
                        publish.alias = Some(alias.val());
                    } else if let Property::MessageExpiryInterval(expiry) = property {
                        publish.expiry_s = Some(expiry.val());
                    } else if let Property::SubscriptionIdentifier(_) = property {
                        return Err(Fault::PROTOCOL);
                    }
                }
                publish
            }
        };
        if publish.qos == Qos::Zero {
            if self.0.flags() & 0b1000 != 0 {
                return Err(Fault::MALFORMED);
            }
            publish.id = 0;
        } else if publish.id == 0 {
            return Err(Fault::PROTOCOL);
        }
        if publish.topic.is_empty() && publish.alias.is_none() {
            return Err(Fault::PROTOCOL);
        }
        if publish.topic.bytes().any(|b| b == b'#' || b == b'+' || b == 0) {
            return Err(Fault::TOPIC_NAME);
        }
        Ok(Packet::Publish(Box::new(publish)))
    }

    fn subscribe(&self, version: Version) -> Result<Packet, Fault> {
        let (id, wishes, identifier) = match version {
            Version::V3 => {
                let packet = self.0.parse_exact(v3_1_1::Subscribe::parse)?;
                if packet.entries().iter().any(|entry| entry.sub_opts().to_buffer().iter().any(|b| b & !3 != 0)) {
                    return Err(Fault::MALFORMED);
                }
                (packet.packet_id(), packet.entries().iter().map(wish).collect::<Vec<_>>(), None)
            }
            Version::V5 => {
                let packet = self.0.parse_exact(v5_0::Subscribe::parse)?;
                let mut identifier = None;
                for property in packet.props() {
                    if let Property::SubscriptionIdentifier(value) = property
                        && (identifier.replace(value.val()).is_some() || value.val() == 0)
                    {
                        return Err(Fault::PROTOCOL);
                    }
                }
                (packet.packet_id(), packet.entries().iter().map(wish).collect(), identifier)
            }
        };
        if id == 0 || wishes.is_empty() {
            return Err(Fault::PROTOCOL);
        }
        Ok(Packet::Subscribe { id, wishes, identifier })
    }
}

fn unsubscribe(id: u16, filters: Vec<String>) -> Result<Packet, Fault> {
    if id == 0 || filters.is_empty() {
        return Err(Fault::PROTOCOL);
    }
    Ok(Packet::Unsubscribe { id, filters })
}

fn wish(entry: &SubEntry) -> Wish {
    let options = entry.sub_opts();
    Wish {
        filter: entry.topic_filter().to_owned(),
        qos: options.qos().into(),
        no_local: options.nl(),
        retain_as_published: options.rap(),
        replay: match options.rh() {
            RetainHandling::SendRetained => Replay::Always,
            RetainHandling::SendRetainedIfNotExists => Replay::IfNew,
            RetainHandling::DoNotSendRetained => Replay::Never,
        },
    }
}

/// The travelling properties, `None` if there are none.
fn forwarded(properties: &[Property]) -> Option<Box<Forwarded>> {
    let mut all = Forwarded::default();
    for property in properties {
        if let Property::PayloadFormatIndicator(value) = property {
            all.payload_format = Some(value.val());
        } else if let Property::ContentType(value) = property {
            all.content_type = Some(value.val().to_owned());
        } else if let Property::ResponseTopic(value) = property {
            all.response_topic = Some(value.val().to_owned());
        } else if let Property::CorrelationData(value) = property {
            all.correlation = Some(value.val().to_vec());
        } else if let Property::UserProperty(_) = property
            && let Some((key, value)) = property.as_key_value()
        {
            all.user.push((key.to_owned(), value.to_owned()));
        }
    }
    (all != Forwarded::default()).then(|| Box::new(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(bytes: &[u8]) -> Vec<Raw> {
        let mut all = Vec::new();
        Framer::new(65_536).feed(bytes, |raw| all.push(raw)).unwrap();
        all
    }

    #[test]
    fn packets_are_cut_wherever_the_stream_breaks() {
        let stream = [0x32, 6, 0, 1, b'a', 0, 7, b'x', 0xc0, 0];
        for cut in 0..stream.len() {
            let mut framer = Framer::new(100);
            let mut all = Vec::new();
            framer.feed(&stream[..cut], |raw| all.push(raw)).unwrap();
            framer.feed(&stream[cut..], |raw| all.push(raw)).unwrap();
            assert_eq!(all.len(), 2);
            let Packet::Publish(publish) = all[0].packet(Version::V3).unwrap() else { panic!() };
            assert_eq!((publish.topic.as_str(), publish.id, publish.payload.as_slice()), ("a", 7, &b"x"[..]));
        }
    }

    #[test]
    fn a_declared_length_over_the_limit_is_refused_before_it_is_sent() {
        let mut framer = Framer::new(65_536);
        assert_eq!(framer.feed(&[0x30, 0x80, 0x80, 0x40], |_| ()), Err(Fault::TOO_LARGE));
    }

    #[test]
    fn a_topic_alias_maximum_of_zero_is_a_legal_packet() {
        let bytes = [0x10, 17, 0, 4, b'M', b'Q', b'T', b'T', 5, 2, 0, 60, 3, 0x22, 0, 0, 0, 1, b'c'];
        let connect = frames(&bytes)[0].connect().unwrap();
        assert_eq!((connect.version, connect.alias_maximum, connect.client_id.as_str()), (Version::V5, 0, "c"));
    }

    #[test]
    fn wrong_flags_ids_and_topics_are_faults() {
        let faults = [
            (&[0x32u8, 5, 0, 1, b'a', 0, 0][..], Fault::PROTOCOL),
            (&[0x36, 5, 0, 1, b'a', 0, 1], Fault::MALFORMED),
            (&[0x38, 3, 0, 1, b'a'], Fault::MALFORMED),
            (&[0x30, 3, 0, 1, b'#'], Fault::TOPIC_NAME),
            (&[0x80, 6, 0, 1, 0, 1, b'a', 0], Fault::MALFORMED),
            (&[0x82, 6, 0, 0, 0, 1, b'a', 0], Fault::PROTOCOL),
            (&[0x82, 2, 0, 1], Fault::PROTOCOL),
            (&[0xc0, 1, 0], Fault::MALFORMED),
            (&[0x20, 2, 0, 0], Fault::PROTOCOL),
        ];
        for (bytes, fault) in faults {
            assert_eq!(frames(bytes)[0].packet(Version::V3).unwrap_err(), fault, "{bytes:?}");
        }
    }

    #[test]
    fn a_will_of_quality_three_is_a_fault_and_not_a_crash() {
        let bytes = [0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 4, 0b0001_1110, 0, 60, 0, 1, b'c'];
        assert_eq!(frames(&bytes)[0].connect().unwrap_err(), (Some(Version::V3), Fault::MALFORMED));
    }

    #[test]
    fn a_topic_alias_of_zero_is_named_as_the_fault() {
        let bytes = [0x30, 8, 0, 1, b'a', 3, 0x23, 0, 0, b'x'];
        assert_eq!(frames(&bytes)[0].packet(Version::V5).unwrap_err(), Fault::TOPIC_ALIAS);
    }
}
