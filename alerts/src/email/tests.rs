//! E-mail against a server of bare SMTP lines that answers as it is told.

use super::*;
use crate::testing::{TakesNothing, message_job};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

/// A server that answers `verb` with `answer` (`None`: never), everything else well; returns what it was sent.
async fn server(verb: &'static str, answer: Option<&'static str>) -> (EmailSettings, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        let (mut heard, mut in_data) = (String::new(), false);
        write.write_all(b"220 test\r\n").await.unwrap();
        while let Ok(Some(line)) = lines.next_line().await {
            heard.push_str(&line);
            heard.push('\n');
            if in_data && line != "." {
                continue;
            }
            let is_end = in_data;
            in_data = false;
            let said = match line.split([' ', ':']).next().unwrap_or_default().to_uppercase() {
                v if v == verb => answer,
                _ if is_end => Some("250 taken"),
                v if v == "EHLO" => Some("250 test"),
                v if v == "DATA" => {
                    in_data = true;
                    Some("354 go on")
                }
                v if v == "QUIT" => Some("221 bye"),
                _ => Some("250 ok"),
            };
            match said {
                Some(said) => {
                    if write.write_all(format!("{said}\r\n").as_bytes()).await.is_err() {
                        break;
                    }
                    if is_end {
                        break;
                    }
                }
                None => while let Ok(Some(_)) = lines.next_line().await {},
            }
        }
        heard
    });
    let settings = EmailSettings {
        host: "127.0.0.1".into(),
        port,
        protection: Protection::Plain,
        account: None,
        from: "守望 <duty@city.example>".into(),
        authorities_pem: Vec::new(),
        answer_within: Duration::from_secs(20),
    };
    (settings, served)
}

#[tokio::test]
async fn a_mail_is_handed_over_and_takes_nothing() {
    let (settings, served) = server("", None).await;
    let delivery = Email::new(&settings).unwrap().deliver(&message_job("son@example.org", "守望平台紧急报警。请打开链接。"), &TakesNothing).await;
    assert_eq!(delivery, Delivery::Ended(AttemptOutcome::Delivered));
    let heard = served.await.unwrap();
    assert!(heard.contains("RCPT TO:<son@example.org>"), "{heard}");
    assert!(heard.contains("Message-ID: <01alarm-3@hearthline>"), "{heard}");
    assert!(!heard.contains("Lake Road"), "personal data in a mail");
}

#[tokio::test]
async fn every_refusal_has_its_meaning() {
    for (verb, answer, wanted) in [
        ("RCPT", "550 no such mailbox", Delivery::Ended(AttemptOutcome::Unreachable)),
        ("RCPT", "450 try later", Delivery::Again(None)),
        ("MAIL", "535 who are you", Delivery::Down),
    ] {
        let (settings, _) = server(verb, Some(answer)).await;
        let delivery = Email::new(&settings).unwrap().deliver(&message_job("son@example.org", "x"), &TakesNothing).await;
        assert_eq!(delivery, wanted, "{answer}");
    }
    let (settings, _) = server("", None).await;
    let email = Email::new(&settings).unwrap();
    assert_eq!(email.deliver(&message_job("not a mailbox", "x"), &TakesNothing).await, Delivery::Ended(AttemptOutcome::Unreachable));
    assert!(matches!(Email::new(&EmailSettings { from: "nobody".into(), ..settings }), Err(EmailError::From)));
}

#[tokio::test]
async fn a_server_that_hangs_or_is_not_there_counts_as_down() {
    let (mut settings, _) = server("MAIL", None).await;
    settings.answer_within = Duration::from_millis(300);
    let delivery = Email::new(&settings).unwrap().deliver(&message_job("son@example.org", "x"), &TakesNothing).await;
    assert_eq!(delivery, Delivery::Down);
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    settings.port = free.local_addr().unwrap().port();
    drop(free);
    assert_eq!(Email::new(&settings).unwrap().deliver(&message_job("son@example.org", "x"), &TakesNothing).await, Delivery::Down);
}

/// aiosmtpd, with a certificate of its own authority.
struct MailServer {
    child: std::process::Child,
    said: std::io::BufReader<std::process::ChildStdout>,
    settings: EmailSettings,
    dir: std::path::PathBuf,
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
        let _gone = std::fs::remove_dir_all(&self.dir);
    }
}

impl MailServer {
    /// `None` where Python or aiosmtpd is missing.
    fn start(protection: Protection) -> Option<Self> {
        use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
        use std::io::BufRead as _;
        crate::testing::python("aiosmtpd", "", &[])?;
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        let mode = if protection == Protection::Tls { "tls" } else { "starttls" };
        let dir = std::env::temp_dir().join(format!("hearthline-mail-{}-{mode}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let pem = dir.join("server.pem");
        std::fs::write(&pem, format!("{}{}", key.serialize_pem(), certificate.pem())).unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/email/server.py");
        let mut child = std::process::Command::new("python3").args([script, mode]).arg(&pem).stdout(std::process::Stdio::piped()).spawn().unwrap();
        let mut said = std::io::BufReader::new(child.stdout.take().unwrap());
        let mut port = String::new();
        said.read_line(&mut port).unwrap();
        let settings = EmailSettings {
            host: "127.0.0.1".into(),
            port: port.trim().parse().unwrap(),
            protection,
            account: Some(("duty".into(), "p4ss".into())),
            from: "守望 <duty@city.example>".into(),
            authorities_pem: vec![issuer.pem().into_bytes()],
            answer_within: Duration::from_secs(20),
        };
        Some(Self { child, said, settings, dir })
    }

    async fn deliver(&self, settings: &EmailSettings, address: &str) -> Delivery {
        Email::new(settings).unwrap().deliver(&message_job(address, "守望平台紧急报警。请打开链接。"), &TakesNothing).await
    }

    /// The next message that it has taken.
    fn taken(&mut self) -> serde_json::Value {
        use std::io::BufRead as _;
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

#[tokio::test]
async fn a_server_of_another_language_takes_the_mail_over_tls_and_reads_what_we_wrote() {
    for protection in [Protection::StartTls, Protection::Tls] {
        let Some(mut server) = MailServer::start(protection) else { return };
        let delivery = server.deliver(&server.settings, "son@example.org").await;
        assert_eq!(delivery, Delivery::Ended(AttemptOutcome::Delivered), "{protection:?}");
        let mail = server.taken();
        assert_eq!((mail["from"].as_str(), mail["to"][0].as_str(), mail["user"].as_str()), (Some("duty@city.example"), Some("son@example.org"), Some("duty")));
        assert_eq!((mail["subject"].as_str(), mail["text"].as_str()), (Some("守望平台紧急报警"), Some("守望平台紧急报警。请打开链接。")), "{mail}");
        assert_eq!(mail["id"], "<01alarm-3@hearthline>");
    }
}

#[tokio::test]
async fn what_a_server_of_another_language_refuses_is_told_apart() {
    let Some(server) = MailServer::start(Protection::StartTls) else { return };
    assert_eq!(server.deliver(&server.settings, "nobody@example.org").await, Delivery::Ended(AttemptOutcome::Unreachable));
    assert_eq!(server.deliver(&server.settings, "later@example.org").await, Delivery::Again(None));
    let wrong = EmailSettings { account: Some(("duty".into(), "guess".into())), ..server.settings.clone() };
    assert_eq!(server.deliver(&wrong, "son@example.org").await, Delivery::Down, "a wrong password");
    let stranger = EmailSettings { authorities_pem: Vec::new(), ..server.settings.clone() };
    assert_eq!(server.deliver(&stranger, "son@example.org").await, Delivery::Down, "a certificate of nobody's");
    let plain = EmailSettings { protection: Protection::Plain, account: None, ..server.settings.clone() };
    assert_eq!(server.deliver(&plain, "son@example.org").await, Delivery::Down, "nothing goes without TLS where the server wants it");
}
