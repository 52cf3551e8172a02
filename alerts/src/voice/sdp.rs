//! Session descriptions: the offer that is made, and what matters of the answer.

use super::audio::Law;
use std::net::{IpAddr, SocketAddr};

/// The payload type that is offered for telephone-event.
pub const EVENT: u8 = 101;

/// What the other end said to send it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Where to.
    pub to: SocketAddr,
    /// In which law.
    pub law: Law,
    /// The payload type of telephone-event, if it was negotiated.
    pub event: Option<u8>,
}

/// Why an answer cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer has no audio in G.711 at an address")]
pub struct NoAudio;

/// Our description: both laws and telephone-event. `version` counts from 1 within a session.
pub fn offer(at: SocketAddr, session: u64, version: u32) -> String {
    let family = if at.is_ipv4() { "IP4" } else { "IP6" };
    let (ip, port) = (at.ip(), at.port());
    format!(
        "v=0\r\no=hearthline {session} {version} IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8 0 {EVENT}\r\n\
         a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:{EVENT} telephone-event/8000\r\na=fmtp:{EVENT} 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    )
}

/// Reads the other end's description.
///
/// # Errors
/// If there is nothing in it that this side can speak.
pub fn answer(text: &str) -> Result<Answer, NoAudio> {
    let (mut session_ip, mut ip, mut port, mut law, mut event) = (None, None, None, None, None);
    let mut in_audio = false;
    for line in text.lines() {
        let line = line.trim_end();
        if let Some(media) = line.strip_prefix("m=") {
            if port.is_some() {
                break; // the first audio counts
            }
            let mut words = media.split_ascii_whitespace();
            in_audio = words.next() == Some("audio");
            if in_audio {
                port = words.next().and_then(|p| p.split('/').next()).and_then(|p| p.parse::<u16>().ok()).filter(|p| *p != 0);
                let secure = words.next() != Some("RTP/AVP");
                law = words.filter_map(|pt| pt.parse().ok()).find_map(Law::of).filter(|_| !secure);
            }
        } else if let Some(c) = line.strip_prefix("c=") {
            let found = c.split_ascii_whitespace().nth(2).and_then(|a| a.split('/').next()).and_then(|a| a.parse::<IpAddr>().ok());
            if in_audio { ip = found } else { session_ip = found }
        } else if let Some(map) = line.strip_prefix("a=rtpmap:").filter(|_| in_audio)
            && let Some((pt, name)) = map.split_once(' ')
            && name.trim().to_ascii_lowercase().starts_with("telephone-event/8000")
        {
            event = pt.trim().parse().ok();
        }
    }
    match (ip.or(session_ip), port, law) {
        (Some(ip), Some(port), Some(law)) => Ok(Answer { to: SocketAddr::new(ip, port), law, event }),
        _ => Err(NoAudio),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_and_what_cannot_be_spoken_is_said_so() {
        let text = "v=0\r\no=- 1 1 IN IP4 10.0.0.9\r\ns=-\r\nc=IN IP4 10.0.0.9\r\nt=0 0\r\nm=audio 4002 RTP/AVP 0 96\r\na=rtpmap:96 Telephone-Event/8000\r\n";
        let read = answer(text).unwrap();
        assert_eq!(read, Answer { to: "10.0.0.9:4002".parse().unwrap(), law: Law::U, event: Some(96) });
        let own = text.replace("RTP/AVP 0 96", "RTP/AVP 8").replace("a=rtpmap:96 Telephone-Event/8000", "c=IN IP4 10.0.0.7");
        assert_eq!(answer(&own).unwrap(), Answer { to: "10.0.0.7:4002".parse().unwrap(), law: Law::A, event: None });
        for bad in [text.replace("4002", "0"), text.replace("AVP 0 96", "AVP 18"), text.replace("RTP/AVP", "RTP/SAVP"), text.replace("c=IN", "x=IN"), String::new()] {
            assert_eq!(answer(&bad), Err(NoAudio), "{bad}");
        }
        assert_eq!(answer(&offer("127.0.0.1:4000".parse().unwrap(), 1, 1)).unwrap().event, Some(EVENT));
    }
}
