//! TLS at the door, client certificates, and the refusal to listen unprotected.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test")]


mod peer;

use gateway::*;
use peer::*;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

struct Authority {
    certificate: rcgen::Certificate,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
}

fn authority() -> Authority {
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    parameters.distinguished_name.push(rcgen::DnType::CommonName, "authority");
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    Authority { certificate, issuer: rcgen::Issuer::new(parameters, key) }
}

impl Authority {
    fn sign(&self, name: &str, host: &[&str]) -> (rcgen::Certificate, rcgen::KeyPair) {
        let hosts: Vec<String> = host.iter().map(|h| (*h).to_owned()).collect();
        let mut parameters = rcgen::CertificateParams::new(hosts).unwrap();
        parameters.distinguished_name.push(rcgen::DnType::OrganizationName, "Office");
        parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = rcgen::KeyPair::generate().unwrap();
        (parameters.signed_by(&key, &self.issuer).unwrap(), key)
    }
}

struct Secure {
    house: House,
    door: DoorHandle,
    address: std::net::SocketAddr,
    authority: Authority,
}

async fn secure() -> Secure {
    let house = house().await;
    let authority = authority();
    let (certificate, key) = authority.sign("server", &["localhost"]);
    let tls = Tls {
        chain_pem: certificate.pem().into_bytes(),
        key_pem: key.serialize_pem().into_bytes(),
        client_authorities_pem: Some(authority.certificate.pem().into_bytes()),
    };
    assert!(!format!("{tls:?}").contains("PRIVATE"));
    let listener =
        Listener { address: "127.0.0.1:0".parse().unwrap(), protection: Protection::Tls(tls), welcome: Welcome::Keys };
    let keys = ListedKeys::new([
        credential("device", Rights::Device { home: "h1".into(), device: "button".into() }),
        credential("hub", Rights::Hub { home: "h1".into() }),
    ]);
    let settings = DoorSettings { listeners: vec![listener], limits: Limits::default() };
    let door = Door::open(settings, house.log.clone(), Arc::new(keys), Arc::new(TestClock), Arc::new(PlainLanes)).await;
    let door = door.unwrap();
    let address = door.local_addrs()[0];
    Secure { house, door, address, authority }
}

impl Secure {
    async fn client(
        &self,
        level: u8,
        identity: Option<(rcgen::Certificate, rcgen::KeyPair)>,
    ) -> Client<TlsStream<TcpStream>> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.authority.certificate.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = vec![CertificateDer::from(certificate.der().to_vec())];
                builder.with_client_auth_cert(chain, PrivateKeyDer::try_from(key.serialize_der()).unwrap()).unwrap()
            }
        };
        let socket = TcpStream::connect(self.address).await.unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        let stream = connector.connect(ServerName::try_from("localhost").unwrap(), socket).await.unwrap();
        Client { stream, level, last_id: 0 }
    }
}

#[tokio::test]
async fn a_press_over_tls_is_stored_and_acknowledged() {
    let secure = secure().await;
    let mut client = secure.client(V5, None).await;
    client.send(&hi(V5, "c").login("device").bytes()).await;
    assert_eq!(client.expect("CONNACK").await.body[1], 0);
    client.subscribe("care/v1/h1/button/cmd", 1).await;
    client.publish("care/v1/h1/button/call", "{}", 1).await;
    let large = "x".repeat(60_000);
    for _ in 0..20 {
        client.publish("care/v1/h1/button/motion", &large, 2).await;
    }
    assert_eq!(secure.house.log.topics().len(), 21);
    client.send_publish(0, "a/#", 0, &[], b"").await;
    assert_eq!(client.closed().await, Some(0x90));
}

#[tokio::test]
async fn a_client_certificate_in_the_name_of_a_credential_stands_for_its_password() {
    let secure = secure().await;
    let identity = secure.authority.sign("device", &[]);
    let mut client = secure.client(V3, Some(identity)).await;
    client.send(&hi(V3, "c").bytes()).await;
    assert_eq!(client.expect("CONNACK").await.body, [0, 0]);
    client.publish("care/v1/h1/button/call", "{}", 1).await;
    assert_eq!(secure.house.log.stored()[0].source, "device");
    // For another credential it does not.
    let identity = secure.authority.sign("device", &[]);
    let mut client = secure.client(V3, Some(identity)).await;
    let mut hello = hi(V3, "c").login("hub");
    hello.password = None;
    client.send(&hello.bytes()).await;
    assert_eq!(client.expect("CONNACK").await.body, [0, 4]);
}

#[tokio::test]
async fn a_certificate_of_a_stranger_does_not_come_in() {
    let secure = secure().await;
    let identity = authority().sign("device", &[]);
    let mut client = secure.client(V3, Some(identity)).await;
    let _refused_meanwhile = tokio::io::AsyncWriteExt::write_all(&mut client.stream, &hi(V3, "c").bytes()).await;
    assert_eq!(client.hear().await, None);
}

#[tokio::test]
async fn an_expired_certificate_and_one_that_is_not_good_yet_do_not_come_in() {
    let secure = secure().await;
    for (from, to) in [(2019, 2020), (2990, 2999)] {
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, "device");
        parameters.not_before = rcgen::date_time_ymd(from, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(to, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        let identity = (parameters.signed_by(&key, &secure.authority.issuer).unwrap(), key);
        let mut client = secure.client(V3, Some(identity)).await;
        let _refused_meanwhile = tokio::io::AsyncWriteExt::write_all(&mut client.stream, &hi(V3, "c").bytes()).await;
        assert_eq!(client.hear().await, None, "{from} to {to}");
    }
    assert_eq!(secure.house.log.topics().len(), 0);
}

#[tokio::test]
async fn a_client_that_speaks_only_an_old_tls_is_refused_with_an_alert() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let secure = secure().await;
    for minor in [1, 2] {
        // TLS 1.0 and 1.1: version, random, no session, two suites, no compression, no extensions
        let mut hello = vec![3, minor];
        hello.extend([7; 32]);
        hello.extend([0, 0, 4, 0xc0, 0x13, 0x00, 0x2f, 1, 0]);
        let length = u8::try_from(hello.len()).unwrap();
        let record = [&[0x16, 3, 1, 0, length + 4, 1, 0, 0, length][..], &hello].concat();
        let mut socket = TcpStream::connect(secure.address).await.unwrap();
        socket.write_all(&record).await.unwrap();
        let mut answer = Vec::new();
        tokio::time::timeout(SOON, socket.read_to_end(&mut answer)).await.unwrap().unwrap_or_default();
        assert_eq!((answer[0], answer[5], answer.len()), (0x15, 2, 7), "a fatal alert and nothing else");
    }
    // and plain MQTT on the TLS port is no way round it
    let mut socket = TcpStream::connect(secure.address).await.unwrap();
    socket.write_all(&hi(V3, "c").login("device").bytes()).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(SOON, socket.read_to_end(&mut answer)).await.unwrap().unwrap_or_default();
    assert!(answer.first().is_none_or(|first| *first == 0x15), "{answer:?}");
    assert_eq!(secure.house.log.topics().len(), 0);
}

#[tokio::test]
async fn an_unprotected_port_beyond_loopback_is_refused_unless_waived() {
    let open = |address: &str, protection, welcome| {
        let listener = Listener { address: address.parse().unwrap(), protection, welcome };
        let settings = DoorSettings { listeners: vec![listener], limits: Limits::default() };
        Door::open(settings, TestLog::new(), Arc::new(OpenKeys), Arc::new(TestClock), Arc::new(PlainLanes))
    };
    let refused = open("0.0.0.0:0", Protection::Loopback, Welcome::Keys).await;
    assert!(matches!(refused, Err(DoorError::Unprotected(_))));
    let refused = open("0.0.0.0:0", Protection::Waived, Welcome::Open).await;
    assert!(matches!(refused, Err(DoorError::OpenBeyondLoopback(_))));
    assert!(open("0.0.0.0:0", Protection::Waived, Welcome::Keys).await.is_ok());
    assert!(open("[::1]:0", Protection::Loopback, Welcome::Open).await.is_ok());
    let nonsense = Tls { chain_pem: b"x".to_vec(), key_pem: b"x".to_vec(), client_authorities_pem: None };
    let refused = open("127.0.0.1:0", Protection::Tls(nonsense), Welcome::Keys).await;
    assert!(matches!(refused, Err(DoorError::Tls { .. })));
    let first = open("127.0.0.1:0", Protection::Loopback, Welcome::Keys).await.unwrap();
    let taken = open(&first.local_addrs()[0].to_string(), Protection::Loopback, Welcome::Keys).await;
    assert!(matches!(taken, Err(DoorError::Listen { .. })));
}

#[tokio::test]
async fn a_certificate_is_renewed_without_closing_anything() {
    let mut secure = secure().await;
    let mut old = secure.client(V3, None).await;
    old.send(&hi(V3, "old").login("device").bytes()).await;
    old.expect("CONNACK").await;
    let next = authority();
    let (certificate, key) = next.sign("server", &["localhost"]);
    let tls = Tls {
        chain_pem: certificate.pem().into_bytes(),
        key_pem: key.serialize_pem().into_bytes(),
        client_authorities_pem: None,
    };
    let broken = Tls { key_pem: b"x".to_vec(), ..tls.clone() };
    assert!(secure.door.renew(&broken).is_err());
    secure.door.renew(&tls).unwrap();
    old.publish("care/v1/h1/button/call", "{}", 1).await;
    // The new authority's client gets through now.
    secure.authority = next;
    let mut new = secure.client(V3, None).await;
    new.send(&hi(V3, "new").login("device").bytes()).await;
    new.expect("CONNACK").await;
}
