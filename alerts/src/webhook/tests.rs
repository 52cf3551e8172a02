//! The channel against a bare socket that answers as it is told.

use super::*;
use crate::channel::{Channel, Delivery};
use crate::testing::{TakesNothing, WallTime, message_job, python};
use care::alarm::AttemptOutcome;
use reqwest::header::HeaderMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Sends one job to a receiver that answers with `answer`, or never; returns the request too.
async fn send(answer: Option<&'static str>) -> (Delivery, String) {
    let receiver = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/alarms?key=1", receiver.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let (mut socket, _) = receiver.accept().await.unwrap();
        let mut text = Vec::new();
        let mut buffer = [0u8; 4096];
        loop {
            let n = socket.read(&mut buffer).await.unwrap();
            text.extend_from_slice(&buffer[..n]);
            let all = String::from_utf8_lossy(&text).into_owned();
            let Some((head, body)) = all.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ").map(|v| v.parse::<usize>().unwrap())).unwrap();
            if body.len() >= length {
                break;
            }
        }
        match answer {
            Some(answer) => socket.write_all(format!("HTTP/1.1 {answer}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").as_bytes()).await.unwrap(),
            None => {
                // Holds the connection until the sender gives up.
                while socket.read(&mut buffer).await.unwrap_or(0) > 0 {}
            }
        }
        String::from_utf8(text).unwrap()
    });
    let mut settings = WebhookSettings::new(SECRET);
    settings.answer_within = Duration::from_millis(300);
    let webhook = Webhook::open(&settings, Arc::new(WallTime)).unwrap();
    let delivery = webhook.deliver(&message_job(&url, "an alarm"), &TakesNothing).await;
    (delivery, served.await.unwrap())
}

#[tokio::test]
async fn a_request_verifies_with_the_standard_library_and_names_its_effect() {
    let (delivery, request) = send(Some("204 No Content")).await;
    assert_eq!(delivery, Delivery::Ended(AttemptOutcome::Delivered));
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut headers = HeaderMap::new();
    for line in head.lines().skip(1) {
        let (name, value) = line.split_once(": ").unwrap();
        headers.insert(name.parse::<reqwest::header::HeaderName>().unwrap(), value.parse().unwrap());
    }
    standardwebhooks::Webhook::new(SECRET).unwrap().verify(body.as_bytes(), &headers).unwrap();
    assert_eq!(headers["webhook-id"], "01alarm-3");
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["type"], "alarm.calling");
    assert_eq!(body["data"]["cause"], "call");
    assert!(!request.contains("Lake Road"), "personal data without being asked for");
}

#[tokio::test]
async fn every_answer_has_its_meaning() {
    let ended = |o| Delivery::Ended(o);
    for (answer, wanted) in [
        ("200 OK", ended(AttemptOutcome::Delivered)),
        ("301 Moved\r\nlocation: http://127.0.0.1:1/", ended(AttemptOutcome::Unreachable)),
        ("400 Bad Request", ended(AttemptOutcome::Declined)),
        ("401 Unauthorized", ended(AttemptOutcome::Declined)),
        ("410 Gone", ended(AttemptOutcome::Unreachable)),
        ("429 Too Many Requests\r\nretry-after: 7", Delivery::Again(Some(Duration::from_secs(7)))),
        ("500 Oops", Delivery::Again(None)),
        ("503 Unavailable\r\nretry-after: 86400", Delivery::Again(Some(Duration::from_secs(60)))),
    ] {
        assert_eq!(send(Some(answer)).await.0, wanted, "{answer}");
    }
}

#[tokio::test]
async fn a_receiver_that_hangs_counts_as_down() {
    assert_eq!(send(None).await.0, Delivery::Down);
}

#[tokio::test]
async fn a_refused_connection_is_tried_again_and_a_bad_address_is_not() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", free.local_addr().unwrap());
    drop(free);
    let webhook = Webhook::open(&WebhookSettings::new(SECRET), Arc::new(WallTime)).unwrap();
    assert_eq!(webhook.deliver(&message_job(&url, "an alarm"), &TakesNothing).await, Delivery::Again(None));
    for bad in ["", "not a url", "file:///etc/passwd"] {
        assert_eq!(webhook.deliver(&message_job(bad, "an alarm"), &TakesNothing).await, Delivery::Ended(AttemptOutcome::Unreachable), "{bad}");
    }
    assert!(matches!(Webhook::open(&WebhookSettings::new("whsec_???"), Arc::new(WallTime)), Err(WebhookError::Secret)));
    assert_eq!(webhook.route("https://a.example:8443/x?token=1"), "https://a.example:8443");
}

/// `standardwebhooks` of PyPI verifies what we sign. Skipped where it is not installed.
#[tokio::test]
async fn a_request_verifies_with_a_library_of_another_language() {
    let (_, request) = send(Some("204 No Content")).await;
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let header = |name: &str| head.lines().find_map(|l| l.to_lowercase().starts_with(name).then(|| l.split_once(": ").unwrap().1.to_owned())).unwrap();
    let script = "import sys\nfrom standardwebhooks.webhooks import Webhook, WebhookVerificationError\nw = Webhook(sys.argv[1])\n\
        h = {'webhook-id': sys.argv[2], 'webhook-timestamp': sys.argv[3], 'webhook-signature': sys.argv[4]}\n\
        print(w.verify(sys.argv[5], h)['type'])\n\
        try:\n    w.verify(sys.argv[5] + ' ', h)\n    print('forged')\nexcept WebhookVerificationError:\n    print('refused')\n";
    let args = [SECRET, &header("webhook-id"), &header("webhook-timestamp"), &header("webhook-signature"), body];
    let Some(said) = python("standardwebhooks", script, &args) else { return };
    assert_eq!(said.split_whitespace().collect::<Vec<_>>(), ["alarm.calling", "refused"]);
}
