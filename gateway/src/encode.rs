//! Packets to bytes, written straight into a connection's outgoing buffer: an acknowledgement costs no
//! allocation. Only what a server sends.

use crate::codec::{Fault, Forwarded, Qos, Version};

/// The acknowledgements of the QoS flows, by their first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ack {
    Puback,
    Pubrec,
    Pubrel,
    Pubcomp,
}

/// What a PUBLISH to a client carries.
pub(crate) struct Outgoing<'a> {
    pub(crate) topic: &'a str,
    pub(crate) alias: Option<u16>,
    pub(crate) payload: &'a [u8],
    pub(crate) qos: Qos,
    pub(crate) dup: bool,
    pub(crate) retain: bool,
    pub(crate) id: u16,
    pub(crate) expiry_s: Option<u32>,
    pub(crate) identifiers: &'a [u32],
    pub(crate) properties: Option<&'a Forwarded>,
}

/// What the door tells a client of MQTT 5 when it lets it in.
pub(crate) struct Terms<'a> {
    pub(crate) session_present: bool,
    pub(crate) session_expiry_s: Option<u32>,
    pub(crate) receive_maximum: u16,
    pub(crate) packet_bytes_max: u32,
    pub(crate) alias_maximum: u16,
    pub(crate) assigned_client_id: Option<&'a str>,
    pub(crate) keep_alive_s: Option<u16>,
    pub(crate) response_information: Option<&'a str>,
}

fn length(out: &mut Vec<u8>, mut value: usize) {
    loop {
        let low = (value & 0x7f).to_le_bytes()[0];
        value >>= 7;
        if value == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

fn length_size(value: usize) -> usize {
    match value {
        0..=0x7f => 1,
        0x80..=0x3fff => 2,
        0x4000..=0x1f_ffff => 3,
        _ => 4,
    }
}

/// Two bytes of length, then the bytes; what came in with two bytes of length always fits.
fn binary(out: &mut Vec<u8>, bytes: &[u8]) {
    let size = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&size.to_be_bytes());
    out.extend_from_slice(bytes.get(..usize::from(size)).unwrap_or(bytes));
}

pub(crate) fn connack_v3(out: &mut Vec<u8>, session_present: bool, code: u8) {
    out.extend_from_slice(&[0x20, 2, u8::from(session_present), code]);
}

/// The refusal of a client, in its own version's words.
pub(crate) fn refuse(out: &mut Vec<u8>, version: Version, fault: Fault) {
    match version {
        Version::V5 => out.extend_from_slice(&[0x20, 3, 0, fault.0, 0]),
        Version::V3 => {
            let code = match fault {
                Fault::VERSION => 1,
                Fault::CLIENT_ID => 2,
                Fault::BAD_LOGIN => 4,
                Fault::NOT_AUTHORIZED => 5,
                _ => 3,
            };
            connack_v3(out, false, code);
        }
    }
}

pub(crate) fn connack_v5(out: &mut Vec<u8>, terms: &Terms<'_>) {
    let mut properties = Vec::with_capacity(64);
    if let Some(expiry) = terms.session_expiry_s {
        properties.push(0x11);
        properties.extend_from_slice(&expiry.to_be_bytes());
    }
    properties.push(0x21);
    properties.extend_from_slice(&terms.receive_maximum.to_be_bytes());
    properties.push(0x27);
    properties.extend_from_slice(&terms.packet_bytes_max.to_be_bytes());
    properties.push(0x22);
    properties.extend_from_slice(&terms.alias_maximum.to_be_bytes());
    if let Some(id) = terms.assigned_client_id {
        properties.push(0x12);
        binary(&mut properties, id.as_bytes());
    }
    if let Some(keep_alive) = terms.keep_alive_s {
        properties.push(0x13);
        properties.extend_from_slice(&keep_alive.to_be_bytes());
    }
    if let Some(information) = terms.response_information {
        properties.push(0x1a);
        binary(&mut properties, information.as_bytes());
    }
    out.push(0x20);
    length(out, 2 + length_size(properties.len()) + properties.len());
    out.extend_from_slice(&[u8::from(terms.session_present), 0]);
    length(out, properties.len());
    out.extend_from_slice(&properties);
}

pub(crate) fn ack(out: &mut Vec<u8>, version: Version, kind: Ack, id: u16, reason: u8) {
    let first = match kind {
        Ack::Puback => 0x40,
        Ack::Pubrec => 0x50,
        Ack::Pubrel => 0x62,
        Ack::Pubcomp => 0x70,
    };
    let [high, low] = id.to_be_bytes();
    match (version, reason) {
        (Version::V5, 1..) => out.extend_from_slice(&[first, 3, high, low, reason]),
        (Version::V5, 0) | (Version::V3, _) => out.extend_from_slice(&[first, 2, high, low]),
    }
}

/// SUBACK (0x90) or UNSUBACK (0xb0) with one code for each line; v3's UNSUBACK has none.
pub(crate) fn codes(out: &mut Vec<u8>, version: Version, first: u8, id: u16, codes: &[u8]) {
    let codes = if version == Version::V3 && first == 0xb0 { &[] } else { codes };
    let property_bytes = usize::from(version == Version::V5);
    out.push(first);
    length(out, 2 + property_bytes + codes.len());
    out.extend_from_slice(&id.to_be_bytes());
    if version == Version::V5 {
        out.push(0);
    }
    out.extend_from_slice(codes);
}

pub(crate) fn pingresp(out: &mut Vec<u8>) {
    out.extend_from_slice(&[0xd0, 0]);
}

/// v5 only: a v3 server says nothing when it closes.
pub(crate) fn disconnect(out: &mut Vec<u8>, fault: Fault) {
    out.extend_from_slice(&[0xe0, 1, fault.0]);
}

fn forwarded_size(properties: &Forwarded) -> usize {
    let Forwarded { payload_format, content_type, response_topic, correlation, user } = properties;
    payload_format.map_or(0, |_| 2)
        + content_type.as_ref().map_or(0, |text| 3 + text.len())
        + response_topic.as_ref().map_or(0, |text| 3 + text.len())
        + correlation.as_ref().map_or(0, |bytes| 3 + bytes.len())
        + user.iter().map(|(key, value)| 5 + key.len() + value.len()).sum::<usize>()
}

fn forwarded(out: &mut Vec<u8>, properties: &Forwarded) {
    if let Some(format) = properties.payload_format {
        out.extend_from_slice(&[0x01, format]);
    }
    if let Some(text) = &properties.content_type {
        out.push(0x03);
        binary(out, text.as_bytes());
    }
    if let Some(text) = &properties.response_topic {
        out.push(0x08);
        binary(out, text.as_bytes());
    }
    if let Some(bytes) = &properties.correlation {
        out.push(0x09);
        binary(out, bytes);
    }
    for (key, value) in &properties.user {
        out.push(0x26);
        binary(out, key.as_bytes());
        binary(out, value.as_bytes());
    }
}

fn number(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn property_size(message: &Outgoing<'_>) -> usize {
    message.alias.map_or(0, |_| 3)
        + message.expiry_s.map_or(0, |_| 5)
        + message.identifiers.iter().map(|id| 1 + length_size(number(*id))).sum::<usize>()
        + message.properties.map_or(0, forwarded_size)
}

/// Bytes that a PUBLISH takes on the wire.
pub(crate) fn publish_size(version: Version, message: &Outgoing<'_>) -> usize {
    let rest = remaining(version, message);
    1 + length_size(rest) + rest
}

fn remaining(version: Version, message: &Outgoing<'_>) -> usize {
    let id = if message.qos == Qos::Zero { 0 } else { 2 };
    let base = 2 + message.topic.len() + id + message.payload.len();
    match version {
        Version::V3 => base,
        Version::V5 => {
            let properties = property_size(message);
            base + length_size(properties) + properties
        }
    }
}

pub(crate) fn publish(out: &mut Vec<u8>, version: Version, message: &Outgoing<'_>) {
    out.push(0x30 | (u8::from(message.dup) << 3) | (message.qos.number() << 1) | u8::from(message.retain));
    length(out, remaining(version, message));
    binary(out, message.topic.as_bytes());
    if message.qos != Qos::Zero {
        out.extend_from_slice(&message.id.to_be_bytes());
    }
    if version == Version::V5 {
        length(out, property_size(message));
        if let Some(alias) = message.alias {
            out.push(0x23);
            out.extend_from_slice(&alias.to_be_bytes());
        }
        if let Some(expiry) = message.expiry_s {
            out.push(0x02);
            out.extend_from_slice(&expiry.to_be_bytes());
        }
        for id in message.identifiers {
            out.push(0x0b);
            length(out, number(*id));
        }
        if let Some(properties) = message.properties {
            forwarded(out, properties);
        }
    }
    out.extend_from_slice(message.payload);
}

#[cfg(test)]
mod tests {
    use super::*;
    use mqtt_protocol_core::mqtt::packet::{v3_1_1, v5_0};
    use std::sync::Arc;

    fn body(bytes: &[u8]) -> (u8, Arc<[u8]>) {
        let mut rest = &bytes[1..];
        while rest[0] & 0x80 != 0 {
            rest = &rest[1..];
        }
        (bytes[0], Arc::from(&rest[1..]))
    }

    #[test]
    fn what_is_written_reads_back_with_the_librarys_own_parsers() {
        let properties = Forwarded {
            payload_format: Some(1),
            content_type: Some("text".into()),
            response_topic: Some("answer".into()),
            correlation: Some(vec![1, 2, 3]),
            user: vec![("k".into(), "v".into()), ("k".into(), "w".into())],
        };
        let payload = vec![b'x'; 300];
        let message = Outgoing {
            topic: "a/b",
            alias: Some(2),
            payload: &payload,
            qos: Qos::Two,
            dup: true,
            retain: true,
            id: 513,
            expiry_s: Some(77),
            identifiers: &[1, 200],
            properties: Some(&properties),
        };
        let mut out = Vec::new();
        publish(&mut out, Version::V5, &message);
        assert_eq!(out.len(), publish_size(Version::V5, &message));
        let (first, data) = body(&out);
        let (packet, _) = v5_0::Publish::parse(first & 15, data).unwrap();
        assert_eq!(
            (packet.topic_name(), packet.packet_id(), packet.dup(), packet.retain()),
            ("a/b", Some(513), true, true)
        );
        assert_eq!(packet.payload().as_slice(), payload);
        assert_eq!(packet.props.len(), 10);

        out.clear();
        publish(&mut out, Version::V3, &message);
        assert_eq!(out.len(), publish_size(Version::V3, &message));
        let (first, data) = body(&out);
        let (packet, _) = v3_1_1::Publish::parse(first & 15, data).unwrap();
        assert_eq!((packet.topic_name(), packet.payload().as_slice()), ("a/b", &payload[..]));
    }

    #[test]
    fn a_full_connack_reads_back() {
        let mut out = Vec::new();
        connack_v5(
            &mut out,
            &Terms {
                session_present: true,
                session_expiry_s: Some(9),
                receive_maximum: 1024,
                packet_bytes_max: 65_536,
                alias_maximum: 16,
                assigned_client_id: Some("auto-1"),
                keep_alive_s: Some(60),
                response_information: Some("response/"),
            },
        );
        let (packet, _) = v5_0::Connack::parse(&body(&out).1).unwrap();
        assert!(packet.session_present());
        assert_eq!(packet.props.len(), 7);
    }
}
