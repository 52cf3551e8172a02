//! The ways in beside MQTT, on the shipped binary run by its configuration: a panel's frame and a controller's document are alarms, and
//! `/metrics` counts them.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use acceptance::harness::{House, home, run, until};
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use wire::dc09::{Frame, Key, Token, parse};

const KEY: &str = "000102030405060708090a0b0c0d0e0f";
const PATIENCE: Duration = Duration::from_secs(60);

/// A port that is free for TCP and UDP.
fn free() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A panel's call for help, encrypted, and what is answered.
async fn panel_calls(port: u16, account: &str, token: Token) -> Token {
    let key = Key::from_hex(KEY).unwrap();
    let frame = Frame {
        token,
        encrypted: true,
        seq: 7,
        receiver: Some("1".into()),
        line: Some("0".into()),
        account: account.into(),
        data: "1101 00 003".into(),
        extended: Vec::new(),
        sent_at: Some(std::time::SystemTime::now().into()),
    };
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    socket.write_all(&frame.encode(Some(&key), &mut || 0xa7).unwrap()).await.unwrap();
    let mut answer = vec![0; 1_024];
    let read = tokio::time::timeout(PATIENCE, socket.read(&mut answer)).await.unwrap().unwrap();
    parse(&answer[..read], |_| Some(key.clone())).unwrap().token
}

/// A controller's document, and the whole answer.
async fn controller_says(port: u16, document: &str) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let us = socket.local_addr().unwrap();
    let message = format!(
        "MESSAGE sip:centre@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {us};branch=z9hG4bK1\r\nFrom: <sip:0123456@{us}>;tag=a\r\nTo: <sip:centre@127.0.0.1>\r\n\
         Call-ID: 1@{us}\r\nCSeq: 1 MESSAGE\r\nMax-Forwards: 70\r\nContent-Type: application/scaip+xml\r\nContent-Length: {}\r\n\r\n{document}",
        document.len()
    );
    socket.send_to(message.as_bytes(), ("127.0.0.1", port)).await.unwrap();
    let mut answer = vec![0; 4_096];
    let read = tokio::time::timeout(PATIENCE, socket.recv(&mut answer)).await.unwrap().unwrap();
    String::from_utf8(answer[..read].to_vec()).unwrap()
}

#[test]
fn a_panel_and_a_controller_raise_alarms_and_each_outcome_is_counted() {
    run(async {
        let (dc09, scaip) = (free(), free());
        let secrets = tempfile::tempdir().unwrap();
        let key = secrets.path().join("panel.key");
        std::fs::write(&key, KEY).unwrap();
        let more = format!(
            "[messages.robot]\n[dc09]\ntcp = \"127.0.0.1:{dc09}\"\n[[dc09.account]]\naccount = \"006969\"\nhome = \"{}\"\nkey_file = \"{}\"\n\
             [scaip]\nudp = \"127.0.0.1:{scaip}\"\nanswer = \"inside\"\n[[scaip.account]]\naccount = \"0123456\"\nhome = \"{}\"\n",
            home(1),
            key.display(),
            home(2)
        );
        let homes: Vec<_> = [1, 2].map(|n| json!({"id": home(n), "area": "350582", "address": "试村", "access_notes": ""})).into();
        let rungs = json!([{"contacts": [{"contact": "desk", "channels": ["robot"]}], "order": "at_once", "wait_s": 120}]);
        let plan = json!({"rungs": rungs, "round_pause_s": 60, "round_pause_max_s": 600, "report_within_s": 3600, "close_within_s": 28800});
        let plans = json!([{"scope": {"kind": "city"}, "cause": null, "level": null, "plan": plan}]);
        let mut house = House::make(&more, json!({ "homes": homes, "plans": plans }));
        house.start().await;

        assert_eq!(panel_calls(dc09, "6969", Token::AdmCid).await, Token::Ack);
        assert_eq!(panel_calls(dc09, "6969", Token::Other("XYZ".into())).await, Token::Duh);
        let answer = controller_says(scaip, "<mrq><ref>a1</ref><cid>0123456</cid><dty>0003</dty><did>pendant7</did><stc>0010</stc></mrq>").await;
        assert!(answer.starts_with("SIP/2.0 200") && answer.contains("<snu>0</snu>"), "{answer}");
        assert!(controller_says(scaip, "<mrq><ref>a2").await.contains("<snu>2</snu>"));
        for n in [1, 2] {
            until("the alarm", PATIENCE, async || (house.api().calls_of(&home(n)).await.len() == 1).then_some(())).await;
        }
        let metrics = house.api().text("/metrics").await;
        for line in ["dc09_stored_total 1", "dc09_other_tokens_total 1", "dc09_faults_total 0", "scaip_stored_total 1", "scaip_faults_total 1"] {
            assert!(metrics.contains(&format!("\nhearthline_{line}\n")), "{line}: {metrics}");
        }
        assert!(metrics.contains("# HELP hearthline_dc09_stored_total Frames stored.\n"), "{metrics}");
    });
}
