//! A client's bytes, read as a connection reads them, without a connection: for the fuzzer and its kept corpus.

use crate::codec::{Framer, Raw, Version};

/// Largest packet, bytes: that of a device.
const PACKET_BYTES_MAX: u32 = 65_536;

/// Reads a stream that came in two parts, the first of `cut` bytes. Returns the number of packets that were understood.
///
/// # Errors
/// The number of packets before the fault, and the fault as MQTT 5 names it (`0x81` malformed, `0x82` protocol, ...).
pub fn packets(stream: &[u8], cut: usize) -> Result<usize, (usize, u8)> {
    let (first, second) = stream.split_at(cut.min(stream.len()));
    let (mut framer, mut version, mut understood) = (Framer::new(PACKET_BYTES_MAX), None, 0);
    for part in [first, second] {
        let mut whole = Vec::new();
        let fed = framer.feed(part, |raw| whole.push(raw));
        for raw in &whole {
            version = Some(read(raw, version).map_err(|fault| (understood, fault))?);
            understood += 1;
        }
        fed.map_err(|fault| (understood, fault.0))?;
    }
    Ok(understood)
}

fn read(raw: &Raw, version: Option<Version>) -> Result<Version, u8> {
    match version {
        None => raw.connect().map(|connect| connect.version).map_err(|(_, fault)| fault.0),
        Some(version) => raw.packet(version).map(|_| version).map_err(|fault| fault.0),
    }
}
