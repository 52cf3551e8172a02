//! SIPp as the called party: scenarios put together from steps, run as a process of their own.

use std::io::Write;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// Longest that anything outside may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// True if the program is installed. Where it must be (`CI=true`), its absence fails.
pub(crate) fn installed(program: &str) -> bool {
    let found = Command::new(program).arg("-h").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map(|mut c| c.wait()).is_ok();
    if !found {
        assert!(std::env::var_os("CI").is_none(), "{program} is not installed: scripts/test need_packages");
        eprintln!("skipped: {program} is not installed (scripts/test need_packages)");
    }
    found
}

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A block of ports below the range that the system gives out by itself.
pub(crate) fn ports(width: u16) -> u16 {
    let offset = u16::try_from(std::process::id() % 97).unwrap() * 100;
    for _ in 0..500 {
        let port = 12_000 + (offset + NEXT.fetch_add(width.next_multiple_of(2), Ordering::Relaxed)) % 18_000;
        if (port..port + width).all(|p| UdpSocket::bind(("127.0.0.1", p)).is_ok() && std::net::TcpListener::bind(("127.0.0.1", p)).is_ok()) {
            return port;
        }
    }
    panic!("no free ports");
}

/// Waits until a UDP port is taken by somebody.
pub(crate) fn until_bound(port: u16, child: &mut Child) {
    let start = Instant::now();
    while UdpSocket::bind(("127.0.0.1", port)).is_ok() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it listened");
        assert!(start.elapsed() < PATIENCE, "it does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A directory that goes with the test.
pub(crate) struct Dir(pub(crate) PathBuf);

impl Dir {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("hearthline-voice-{name}-{}-{}", std::process::id(), NEXT.fetch_add(2, Ordering::Relaxed)));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}

/// A running SIPp.
pub(crate) struct Sipp {
    child: Child,
    pub(crate) port: u16,
    dir: Dir,
}

impl Sipp {
    /// Starts a scenario that takes `calls` calls.
    pub(crate) fn start(name: &str, steps: &[String], calls: u32, more: &[&str]) -> Self {
        let dir = Dir::new(name);
        let file = dir.0.join("scenario.xml");
        let mut text = String::from("<?xml version=\"1.0\" encoding=\"ISO-8859-1\" ?>\n<scenario name=\"x\">\n");
        steps.iter().for_each(|s| text.push_str(s));
        text.push_str("</scenario>\n");
        std::fs::File::create(&file).unwrap().write_all(text.as_bytes()).unwrap();
        let port = ports(2);
        let media = ports(16);
        let log = std::fs::File::create(dir.0.join("log")).unwrap();
        let mut child = Command::new("sipp")
            .arg("-sf")
            .arg(&file)
            .args(["-i", "127.0.0.1", "-p", &port.to_string(), "-mi", "127.0.0.1", "-mp", &media.to_string()])
            .args(["-m", &calls.to_string(), "-nostdin", "-timeout", "110", "-timeout_error", "-trace_err", "-error_file"])
            .arg(dir.0.join("errors"))
            .args(more)
            .current_dir(&dir.0)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        if more.iter().any(|m| m.contains(':')) {
            // It calls: it may be over already.
        } else if more.contains(&"t1") {
            std::thread::sleep(Duration::from_millis(300));
        } else {
            until_bound(port, &mut child);
        }
        Self { child, port, dir }
    }

    /// The scenario went through to its end for every call.
    pub(crate) fn ends_well(mut self) {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                if !status.success() {
                    let tell = |name: &str| std::fs::read_to_string(self.dir.0.join(name)).unwrap_or_default();
                    panic!("sipp ended with {status}\n{}\n{}", tell("errors"), tell("log").lines().rev().take(40).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n"));
                }
                return;
            }
            assert!(start.elapsed() < PATIENCE, "sipp does not end");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// The recording of a key press that SIPp brings along.
pub(crate) fn recorded(name: &str) -> PathBuf {
    Path::new("/usr/share/sip-tester").join(name)
}

fn reply(status: &str, headers: &str, body: &str, cseq: &str, retrans: bool) -> String {
    let retrans = if retrans { " retrans=\"500\"" } else { "" };
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\n" };
    let length = if body.is_empty() { "0" } else { "[len]" };
    format!(
        "<send{retrans}><![CDATA[\n\nSIP/2.0 {status}\n[last_Via:]\n[last_From:]\n[last_To:];tag=[pid]callee[call_number]\n[last_Call-ID:]\n{cseq}\n\
         Contact: <sip:callee@127.0.0.1:[local_port];transport=[transport]>\n{headers}{kind}Content-Length: {length}\n\n{body}\n]]></send>\n"
    )
}

pub(crate) fn sdp(event: bool) -> String {
    let (list, map) = if event { ("8 101", "a=rtpmap:101 telephone-event/8000\na=fmtp:101 0-16\n") } else { ("8", "") };
    format!("v=0\no=u 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio [auto_media_port] RTP/AVP {list}\na=rtpmap:8 PCMA/8000\n{map}")
}

pub(crate) fn invite() -> String {
    // The caller's own From is kept for requests the other way.
    "<recv request=\"INVITE\"><action><ereg regexp=\".*\" search_in=\"hdr\" header=\"From:\" assign_to=\"caller\"/><log message=\"from [$caller]\"/></action></recv>\n".into()
}

pub(crate) fn answer(status: &str) -> String {
    reply(status, "", "", "[last_CSeq:]", false)
}

pub(crate) fn ok(event: bool) -> String {
    reply("200 OK", "", &sdp(event), "[last_CSeq:]", true)
}

pub(crate) fn progress() -> String {
    reply("183 Session Progress", "", &sdp(true), "[last_CSeq:]", false)
}

/// A final answer to the INVITE after another request has come.
pub(crate) fn late(status: &str, body: &str) -> String {
    reply(status, "", body, "CSeq: 1 INVITE", !body.is_empty())
}

pub(crate) fn challenge() -> String {
    reply("401 Unauthorized", "WWW-Authenticate: Digest realm=\"trunk.example\", nonce=\"7ab1c2\", qop=\"auth\", algorithm=MD5\n", "", "[last_CSeq:]", false)
}

pub(crate) fn pause(ms: u32) -> String {
    format!("<pause milliseconds=\"{ms}\"/>\n")
}

pub(crate) fn play(file: &Path) -> String {
    format!("<nop><action><exec play_pcap_audio=\"{}\"/></action></nop>\n", file.display())
}

pub(crate) fn receive(method: &str) -> String {
    format!("<recv request=\"{method}\"></recv>\n")
}

pub(crate) fn bye() -> String {
    // A key pressed while the last words are spoken is nobody's concern.
    receive("BYE") + &reply("200 OK", "", "", "[last_CSeq:]", false)
}

/// Rings, answers with audio.
pub(crate) fn picks_up(event: bool) -> Vec<String> {
    vec![invite(), answer("100 Trying"), answer("180 Ringing"), pause(200), ok(event), receive("ACK")]
}

pub(crate) fn info(body: &str) -> String {
    format!(
        "<send retrans=\"500\"><![CDATA[\n\nINFO sip:hearthline@127.0.0.1 SIP/2.0\nVia: SIP/2.0/[transport] 127.0.0.1:[local_port];branch=[branch]\n\
         From: <sip:callee@127.0.0.1>;tag=[pid]callee[call_number]\nTo:[$caller]\n[last_Call-ID:]\nCSeq: 7 INFO\nMax-Forwards: 70\n\
         Content-Type: application/dtmf-relay\nContent-Length: [len]\n\n{body}\n]]></send>\n<recv response=\"200\"></recv>\n"
    )
}

/// The called party hangs up.
pub(crate) fn hangs_up() -> String {
    "<send retrans=\"500\"><![CDATA[\n\nBYE sip:hearthline@127.0.0.1 SIP/2.0\nVia: SIP/2.0/[transport] 127.0.0.1:[local_port];branch=[branch]\n\
     From: <sip:callee@127.0.0.1>;tag=[pid]callee[call_number]\nTo:[$caller]\n[last_Call-ID:]\nCSeq: 9 BYE\nMax-Forwards: 70\nContent-Length: 0\n\n]]></send>\n\
     <recv response=\"200\"></recv>\n"
        .into()
}

/// A capture file with G.711 in RTP, as SIPp replays it.
pub(crate) fn capture(path: &Path, samples: &[i16]) {
    let mut out = Vec::new();
    for word in [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 65_535, 1] {
        out.extend(word.to_le_bytes());
    }
    for (n, frame) in samples.chunks(160).enumerate() {
        let n = u32::try_from(n).unwrap();
        let payload = alerts::voice::audio::Law::A.encode(frame);
        let rtp = alerts::voice::rtp::Packet { marker: n == 0, payload_type: 8, sequence: u16::try_from(n % 65_536).unwrap(), timestamp: n * 160, source: 77, payload: &payload }.write();
        let udp_len = u16::try_from(8 + rtp.len()).unwrap();
        let mut packet = vec![0u8; 12];
        packet.extend([8, 0]);
        packet.extend([0x45, 0]);
        packet.extend((20 + udp_len).to_be_bytes());
        packet.extend([0, 0, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]);
        packet.extend(4_000u16.to_be_bytes());
        packet.extend(4_002u16.to_be_bytes());
        packet.extend(udp_len.to_be_bytes());
        packet.extend([0, 0]);
        packet.extend(rtp);
        let us = n * 20_000;
        out.extend((1_700_000_000 + us / 1_000_000).to_le_bytes());
        out.extend((us % 1_000_000).to_le_bytes());
        let len = u32::try_from(packet.len()).unwrap();
        out.extend(len.to_le_bytes());
        out.extend(len.to_le_bytes());
        out.extend(packet);
    }
    std::fs::write(path, out).unwrap();
}
