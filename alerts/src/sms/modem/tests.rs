//! The modem: published PDUs, and a stub that answers as modems do.

use super::*;
use std::sync::{Arc, Mutex as StdMutex};
use tokio::io::{AsyncBufReadExt, BufReader, DuplexStream};

#[test]
fn a_pdu_is_as_the_standard_has_it() {
    // The address of 3GPP TS 23.040's usual example, +46708251358, with the text "hi" in UCS-2.
    let (hex, length) = pdu("+46708251358", &parts("hi", 0)[0], false).unwrap();
    assert_eq!(hex, "0001000B916407281553F800080400680069");
    assert_eq!(length, hex.len() / 2 - 1);
    assert_eq!(pdu("not a number", b"", false), None);
    let (chinese, _) = pdu("10086", &parts("紧急", 0)[0], false).unwrap();
    assert_eq!(chinese, "0001000581".to_owned() + "0180F6" + "0008" + "04" + "7D276025");
}

#[test]
fn a_long_text_has_parts_and_no_character_is_torn() {
    let text = "守望平台紧急报警".repeat(12);
    let cut = parts(&text, 7);
    assert_eq!(cut.len(), 2);
    assert_eq!(&cut[0][..6], [5, 0, 3, 7, 2, 1]);
    assert!(cut.iter().all(|p| p.len() <= 140));
    let back: Vec<u16> = cut.iter().flat_map(|p| p[6..].chunks(2).map(|b| u16::from_be_bytes([b[0], b[1]]))).collect();
    assert_eq!(String::from_utf16(&back).unwrap(), text);
    let torn = format!("{}😀{}", "a".repeat(66), "b".repeat(20));
    let units = |p: &[u8]| p[6..].chunks(2).map(|b| u16::from_be_bytes([b[0], b[1]])).collect::<Vec<_>>();
    assert!(parts(&torn, 1).iter().all(|p| String::from_utf16(&units(p)).is_ok()));
    assert!(parts(&"长".repeat(5_000), 1).len() <= 6, "a limit on what is sent");
}

/// A modem that answers every line as `script` says, and keeps what it heard.
fn stub(mut answer: impl FnMut(&str) -> Option<&'static str> + Send + 'static) -> (DuplexStream, Arc<StdMutex<Vec<String>>>) {
    let (ours, theirs) = tokio::io::duplex(4096);
    let heard = Arc::new(StdMutex::new(Vec::new()));
    let kept = heard.clone();
    tokio::spawn(async move {
        let (read, mut write) = tokio::io::split(theirs);
        let mut read = BufReader::new(read);
        loop {
            let mut line = Vec::new();
            // A command ends with a return, a PDU with Ctrl-Z.
            loop {
                let Ok(byte) = read.fill_buf().await.map(|b| b.first().copied()) else { return };
                let Some(byte) = byte else { return };
                read.consume(1);
                if byte == b'\r' || byte == 0x1a {
                    break;
                }
                line.push(byte);
            }
            let line = String::from_utf8(line).unwrap();
            let said = answer(&line);
            kept.lock().unwrap().push(line);
            match said {
                Some(said) => write.write_all(said.as_bytes()).await.unwrap(),
                None => std::future::pending::<()>().await,
            }
        }
    });
    (ours, heard)
}

fn polite(line: &str) -> Option<&'static str> {
    Some(if line.starts_with("AT+CMGS") { "\r\n> " } else if line.starts_with("AT") { "\r\nOK\r\n" } else { "\r\n+CMGS: 7\r\n\r\nOK\r\n" })
}

#[tokio::test]
async fn a_message_is_handed_to_the_modem_part_by_part() {
    let (mut line, heard) = stub(polite);
    send(&mut line, "+8613800000001", &"守".repeat(100), 9).await.unwrap();
    let heard = heard.lock().unwrap().clone();
    assert_eq!(heard.iter().filter(|l| l.starts_with("AT+CMGS=")).count(), 2);
    assert!(heard[3].starts_with("004100"), "{heard:?}");
}

#[tokio::test]
async fn a_refusal_and_a_modem_that_says_nothing_are_told_apart() {
    let (mut line, _) = stub(|line| if line.starts_with("00") { Some("\r\n+CMS ERROR: 21\r\n") } else { polite(line) });
    assert!(matches!(send(&mut line, "+8613800000001", "x", 1).await, Err(ModemError::Refused(Some(21)))));
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_hangs_is_given_up() {
    let (mut line, _) = stub(|line| if line.starts_with("00") { None } else { polite(line) });
    assert!(matches!(send(&mut line, "+8613800000001", "x", 1).await, Err(ModemError::Silent)));
}

#[test]
fn a_report_of_delivery_takes_no_alarm() {
    let failures = Failures::default();
    assert_eq!(judge(Ok(()), &crate::testing::TakesNothing, &failures), Delivery::Ended(AttemptOutcome::Delivered));
    assert_eq!(judge(Err(ModemError::Refused(Some(1))), &crate::testing::TakesNothing, &failures), Delivery::Ended(AttemptOutcome::Unreachable));
    assert_eq!(judge(Err(ModemError::Silent), &crate::testing::TakesNothing, &failures), Delivery::Down);
}
