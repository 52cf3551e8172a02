//! Signing in by somebody else's identity provider: the binary with its configuration, over real sockets, against
//! `oidc-provider-mock` (authlib), which knows nothing of us.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use acceptance::harness::{House, run, until};
use serde_json::json;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A browser's answer: status, where it leads, cookies, body.
struct Seen {
    status: u16,
    location: String,
    cookies: Vec<String>,
    body: String,
}

/// One request of a browser with its cookies; `form`: it is a POST of that.
async fn ask(address: &str, path: &str, cookie: &str, form: Option<&str>) -> std::io::Result<Seen> {
    let mut socket = TcpStream::connect(address).await?;
    let (method, body) = form.map_or(("GET", ""), |form| ("POST", form));
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nAccept: text/html\r\nCookie: {cookie}\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(format!("{head}{body}").as_bytes()).await?;
    let mut all = Vec::new();
    socket.read_to_end(&mut all).await?;
    let text = String::from_utf8_lossy(&all).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let of = |name: &str| head.lines().filter_map(|line| line.split_once(": ")).filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).collect::<Vec<_>>();
    Ok(Seen {
        status: head.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_default(),
        location: of("location").into_iter().next().unwrap_or_default(),
        cookies: of("set-cookie").iter().map(|cookie| cookie.split(';').next().unwrap_or_default().to_owned()).collect(),
        body: body.to_owned(),
    })
}

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn path_of(address: &str) -> &str {
    address.find("://").and_then(|at| address[at + 3..].find('/').map(|slash| &address[at + 3 + slash..])).unwrap_or("/")
}

#[test]
fn people_of_the_city_sign_in_by_its_own_provider() {
    let there = Command::new("python3").args(["-c", "import oidc_provider_mock"]).output().is_ok_and(|out| out.status.success());
    if !there {
        assert!(std::env::var_os("HEARTHLINE_PEERS").is_none(), "oidc-provider-mock is missing though scripts/test has installed it");
        eprintln!("python3 with oidc-provider-mock is missing: skipped");
        return;
    }
    run(async {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let user = |sub: &str, name: &str| json!({ "sub": sub, "preferred_username": name }).to_string();
        let mut command = Command::new("python3");
        command.args(["-m", "oidc_provider_mock", "-n", "-p", &port.to_string(), "--user-claims", &user("4711", "admin"), "--user-claims", &user("4712", "stranger")]);
        let _provider = Ended(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let provider = format!("127.0.0.1:{port}");
        until("the provider answers", Duration::from_secs(60), async || ask(&provider, "/.well-known/openid-configuration", "", None).await.ok().filter(|seen| seen.status == 200)).await;

        let secret = std::env::temp_dir().join(format!("hearthline-identity-{}", std::process::id()));
        std::fs::write(&secret, "a secret of ours\n").unwrap();
        // The example secret of the Standard Webhooks specification.
        let signing = std::env::temp_dir().join(format!("hearthline-identity-webhook-{}", std::process::id()));
        std::fs::write(&signing, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
        let (secret, signing) = (secret.display(), signing.display());
        let more = format!(
            "second_factor = \"administrators\"\n[console.provider]\nname = \"City ID\"\nissuer = \"http://{provider}\"\nclient_id = \"hearthline\"\nclient_secret_file = \"{secret}\"\nbase = \"https://console.example\"\n[channels.webhook]\nsecret_file = \"{signing}\"\n"
        );
        let rungs = json!([{ "contacts": [{ "contact": "centre", "channels": ["webhook"] }], "order": "at_once", "wait_s": 120 }]);
        let plan = json!({ "rungs": rungs, "round_pause_s": 60, "round_pause_max_s": 600, "report_within_s": 3600, "close_within_s": 28800 });
        let centre = json!({ "id": "centre", "home": null, "name": "Centre", "relation": "duty_phone", "addresses": { "webhook": "http://127.0.0.1:9/" }, "language": "en" });
        let mut house = House::make(&more, json!({ "contacts": [centre], "plans": [{ "scope": { "kind": "city" }, "cause": null, "level": null, "plan": plan }] }));
        house.start().await;
        let console = house.api().address.clone();
        let page = ask(&console, "/sign-in", "hearthline-language=en", None).await.unwrap();
        assert!(page.body.contains("Sign in with City ID"), "{}", page.body);

        for (sub, known) in [("4711", true), ("4712", false)] {
            let begun = ask(&console, "/sign-in/provider?next=/audit", "", None).await.unwrap();
            assert_eq!(begun.status, 303, "{}", begun.body);
            assert!(begun.location.starts_with(&format!("http://{provider}/oauth2/authorize?")), "{}", begun.location);
            let cookie = begun.cookies.first().unwrap();
            let agreed = ask(&provider, path_of(&begun.location), "", Some(&format!("sub={sub}"))).await.unwrap();
            assert!(agreed.location.starts_with("https://console.example/sign-in/provider/done?"), "{} {}", agreed.status, agreed.body);
            let back = path_of(&agreed.location);
            let done = ask(&console, back, cookie, None).await.unwrap();
            let session = done.cookies.iter().find(|cookie| cookie.starts_with("hearthline="));
            if known {
                assert_eq!((done.status, done.location.as_str()), (303, "/audit"), "{}", done.body);
                // Administrators need a second factor here; by the provider it is the provider's.
                assert_eq!(ask(&console, "/audit", session.unwrap(), None).await.unwrap().status, 200);
                assert_eq!(ask(&console, back, cookie, None).await.unwrap().status, 401, "the answer a second time");
                let out = ask(&console, "/sign-out", session.unwrap(), Some("")).await.unwrap();
                assert_eq!(out.location, "/sign-in?out=provider");
                assert!(ask(&console, &out.location, "", None).await.unwrap().body.contains(&format!("http://{provider}/oauth2/end_session?client_id=hearthline")));
                assert_eq!(ask(&console, "/audit", session.unwrap(), None).await.unwrap().status, 303);
            } else {
                assert_eq!((done.status, session), (403, None));
            }
        }
    });
}
