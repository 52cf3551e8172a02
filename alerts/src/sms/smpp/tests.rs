//! The client against a message centre of bare bytes, and its PDUs against a library of another language.

use super::*;
use crate::testing::{TakesNothing, message_job};
use std::sync::Arc;
use std::sync::Mutex as StdMutex;
use tokio::net::TcpListener;

/// A centre that answers `submit_sm` with these statuses in turn (the last one for good), or never (`None`).
async fn centre(bind_status: u32, statuses: Vec<Option<u32>>) -> (SmppSettings, Arc<StdMutex<Vec<Pdu>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let heard = Arc::new(StdMutex::new(Vec::new()));
    let kept = heard.clone();
    tokio::spawn(async move {
        let mut statuses = statuses.into_iter();
        let mut status = Some(0);
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            while let Ok(pdu) = read(&mut stream).await {
                kept.lock().unwrap().push(pdu.clone());
                let answer = match pdu.command {
                    BIND_TRANSCEIVER => Some(bind_status),
                    SUBMIT_SM => {
                        status = statuses.next().unwrap_or(status);
                        // A delivery report in between: it is answered, and acknowledges nothing.
                        let report = Pdu { command: DELIVER_SM, status: 0, sequence: 9_000, body: vec![0; 20] };
                        stream.write_all(&report.encode()).await.unwrap();
                        status
                    }
                    ENQUIRE_LINK => Some(0),
                    _ => continue,
                };
                if let Some(status) = answer {
                    let answer = Pdu { command: pdu.command | RESPONSE, status, sequence: pdu.sequence, body: vec![0] };
                    stream.write_all(&answer.encode()).await.unwrap();
                }
            }
        }
    });
    let settings = SmppSettings { centre: address, user: "hearth".into(), password: "secret".into(), sender: "+8610".into(), answer_within: Duration::from_millis(400) };
    (SmppSettings { sender: "+861012345".into(), ..settings }, heard)
}

#[tokio::test]
async fn a_message_is_submitted_on_one_bound_connection_and_a_report_takes_nothing() {
    let (mut settings, heard) = centre(0, vec![Some(0)]).await;
    settings.answer_within = Duration::from_secs(20);
    let smpp = Smpp::new(settings);
    for _ in 0..2 {
        let delivery = smpp.deliver(&message_job("+8613800000001", &"守".repeat(100)), &TakesNothing).await;
        assert_eq!(delivery, Delivery::Ended(AttemptOutcome::Delivered));
    }
    let heard = heard.lock().unwrap().clone();
    let of = |command| heard.iter().filter(|p| p.command == command).count();
    assert_eq!((of(BIND_TRANSCEIVER), of(SUBMIT_SM)), (1, 4));
    assert!(of(DELIVER_SM | RESPONSE) >= 3, "every report but perhaps the last is answered");
}

#[tokio::test]
async fn every_refusal_has_its_meaning() {
    for (status, wanted) in [
        (0x0B, Delivery::Ended(AttemptOutcome::Unreachable)),
        (0x14, Delivery::Again(None)),
        (0x58, Delivery::Again(None)),
        (0x45, Delivery::Down),
    ] {
        let (mut settings, _) = centre(0, vec![Some(status)]).await;
        settings.answer_within = Duration::from_secs(20);
        assert_eq!(Smpp::new(settings).deliver(&message_job("+8613800000001", "x"), &TakesNothing).await, wanted, "{status:#x}");
    }
    let (settings, _) = centre(0x0D, vec![]).await;
    assert_eq!(Smpp::new(settings).deliver(&message_job("+8613800000001", "x"), &TakesNothing).await, Delivery::Down, "a wrong password");
    let (settings, _) = centre(0, vec![]).await;
    assert_eq!(Smpp::new(settings).deliver(&message_job("Li Ming", "x"), &TakesNothing).await, Delivery::Ended(AttemptOutcome::Unreachable));
}

#[tokio::test]
async fn a_centre_that_hangs_or_is_not_there_counts_as_down_and_comes_back() {
    let (settings, _) = centre(0, vec![None, Some(0)]).await;
    let smpp = Smpp::new(settings);
    assert_eq!(smpp.deliver(&message_job("+8613800000001", "x"), &TakesNothing).await, Delivery::Down);
    assert_eq!(smpp.deliver(&message_job("+8613800000001", "x"), &TakesNothing).await, Delivery::Ended(AttemptOutcome::Delivered));
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = SmppSettings { centre: free.local_addr().unwrap().to_string(), user: "u".into(), password: "p".into(), sender: "s".into(), answer_within: Duration::from_millis(400) };
    drop(free);
    assert_eq!(Smpp::new(gone).deliver(&message_job("+8613800000001", "x"), &TakesNothing).await, Delivery::Down);
}

/// `smpplib` (PyPI) reads what we write. Skipped where it is not installed.
#[test]
fn our_pdus_are_read_by_a_library_of_another_language() {
    let bind = Pdu { command: BIND_TRANSCEIVER, status: 0, sequence: 1, body: bind("hearth", "secret") };
    let submit = Pdu { command: SUBMIT_SM, status: 0, sequence: 2, body: submit("+861012345", "+8613800000001", &parts("紧急", 1)[0], false).unwrap() };
    let hex = |p: &Pdu| p.encode().iter().map(|b| format!("{b:02x}")).collect::<String>();
    let script = "import sys\nfrom smpplib import smpp, client, consts\nc = client.Client('127.0.0.1', 1, allow_unknown_opt_params=True)\n\
        b = smpp.parse_pdu(bytes.fromhex(sys.argv[1]), client=c, allow_unknown_opt_params=True)\n\
        s = smpp.parse_pdu(bytes.fromhex(sys.argv[2]), client=c, allow_unknown_opt_params=True)\n\
        print(b.command, b.system_id.decode(), b.password.decode(), s.command, s.destination_addr.decode(), s.dest_addr_ton, s.data_coding, s.short_message.decode('utf-16-be'))";
    let Some(said) = crate::testing::python("smpplib", script, &[&hex(&bind), &hex(&submit)]) else { return };
    assert_eq!(said.trim(), "bind_transceiver hearth secret submit_sm 8613800000001 1 8 紧急");
}
