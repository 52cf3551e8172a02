//! What somebody with bad intent would try first, against every route of the table.

use crate::door::rows;
use crate::office::{enrolled, signed, visit};
use crate::support::{House, text};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use console::Need;
use store::ledger::{Quarantined, Tx, Write};
use store::register::{ContactRecord, DeviceRecord, PersonRecord, Put, Role};
use store::{Ledger, Register};

const BAD: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>";

/// A path with its variable parts filled.
fn filled(path: &str, with: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { with } else { part }).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn no_form_of_another_site_is_taken_by_any_route() {
    let house = House::new().await;
    let cookie = house.session("root").await;
    for (method, path, need) in rows() {
        if *method != "POST" || *need == Need::Signed {
            continue;
        }
        for origin in [None, Some("https://evil.example"), Some("null")] {
            let mut request = Request::post(filled(path, "home-0001")).header("host", "h").header("cookie", &cookie).header("content-type", "application/x-www-form-urlencoded");
            if let Some(origin) = origin {
                request = request.header("origin", origin);
            }
            let status = house.send(request.body(Body::from("name=x&password=y")).unwrap()).await.status();
            assert_eq!(status, StatusCode::FORBIDDEN, "{path} {origin:?}");
        }
    }
}

#[tokio::test]
async fn every_route_answers_with_the_strict_headers_whatever_it_answers() {
    let house = House::new().await;
    house.follow();
    let token = house.token("root").await;
    for (method, path, _) in rows() {
        if *path == "/sign-out" {
            continue;
        }
        for asked in [None, Some(format!("Bearer {token}"))] {
            let mut request = Request::builder().method(*method).uri(filled(path, "home-0001")).header("accept", "text/html");
            if let Some(token) = &asked {
                request = request.header("authorization", token);
            }
            let response = house.send(request.body(Body::empty()).unwrap()).await;
            let headers = response.headers();
            let has = |name: &str, value: &str| headers.get(name).is_some_and(|v| v.to_str().unwrap().contains(value));
            for (name, value) in [
                ("content-security-policy", "default-src 'none'"),
                ("content-security-policy", "frame-ancestors 'none'"),
                ("x-content-type-options", "nosniff"),
                ("x-frame-options", "DENY"),
                ("referrer-policy", "same-origin"),
                ("cross-origin-opener-policy", "same-origin"),
                ("cross-origin-resource-policy", "same-origin"),
                ("permissions-policy", "camera=()"),
            ] {
                assert!(has(name, value), "{method} {path} {name}");
            }
            assert!(!has("content-security-policy", "unsafe"), "{path}");
            assert!(headers.contains_key(header::CACHE_CONTROL), "{path}");
            assert!(!headers.contains_key("access-control-allow-origin"), "{path}: no other site reads");
        }
    }
}

#[tokio::test]
async fn names_and_payloads_are_shown_as_text_on_every_page() {
    let house = House::new().await;
    house.follow();
    enrolled(&house).await;
    signed(&house, "liaison", visit("v1", "liaison", "2026-11-20T01:00:00Z")).await;
    let kept: console::office::Kept<care::office::ElderFile> = house.office.get("elder-1").await.unwrap();
    let mut file = kept.record;
    for field in [&mut file.name, &mut file.lives_at.detail, &mut file.lives_at.town] {
        BAD.clone_into(field);
    }
    house.office.save_elder(file, kept.version, &"liaison".into(), care::office::elder::SourceKind::Survey, None).await.unwrap();
    let mut elder = house.ledger.elders_of(&"home-0001".into()).await.unwrap().remove(0);
    for field in [&mut elder.name, &mut elder.speech_notes] {
        BAD.clone_into(field);
    }
    let mut home = house.ledger.home(&"home-0001".into()).await.unwrap().unwrap();
    (home.address, home.access_notes) = (BAD.into(), BAD.into());
    let contact = ContactRecord { id: "c-bad".into(), home: Some("home-0001".into()), name: BAD.into(), relation: BAD.into(), addresses: [(BAD.to_owned(), BAD.to_owned())].into(), language: "zh".into() };
    let device = DeviceRecord { home: "home-0001".into(), id: "pir-bedroom".into(), kind: BAD.into(), room: BAD.into(), exit_door: false, enrolled_at: house.now(), retired_at: None };
    let person = PersonRecord { id: "bad".into(), name: BAD.into(), role: Role::Operator, area: BAD.into(), password_hash: String::new(), active: true };
    let audit = Put::Audit { at: house.now(), who: BAD.into(), action: BAD.into(), subject: BAD.into() };
    let area = Put::Area(store::register::Area { id: "350582/bad".into(), name: BAD.into() });
    house.ledger.put(vec![Put::Elder(elder), Put::Home(home), Put::Contact(contact), Put::Device(device), Put::Person(person), audit, area]).await.unwrap();
    let bad = Quarantined { home: "home-0001".into(), topic: format!("care/v1/{BAD}"), payload: BAD.into(), reason: BAD.into(), heard_at: house.now() };
    let spoke = Write::UnknownDevice { home: "home-0001".into(), device: "strange".into(), at: house.now() };
    house.ledger.commit(Tx { fence: None, writes: vec![Write::Quarantine(bad), spoke] }).await.unwrap();
    let alarm = house.press("home-0001").await;
    let note = serde_json::json!({ "text": BAD }).to_string();
    house.post("linxiao", &format!("/api/v1/alarms/{alarm}/notes"), &note).await;
    let cookie = house.session("root").await;
    let mut shown = 0;
    for (method, path, _) in rows() {
        if *method != "GET" || path.starts_with("/api/") || path.starts_with("/assets/") {
            continue;
        }
        let with = match *path {
            path if path.contains("alarms") => alarm.as_str(),
            path if path.contains("homes") => "home-0001",
            path if path.contains("visits") => "v1",
            path if path.contains("months") => "2026-11",
            path if path.contains("people") => "bad",
            _ => "elder-1",
        };
        let (_, page) = house.page(&cookie, &filled(path, with)).await;
        assert!(!page.contains("<script>alert") && !page.contains("<img src=x"), "{path}: {page}");
        shown += usize::from(page.contains("&#60;script&#62;alert") || page.contains("&lt;script&gt;alert"));
    }
    let (_, desk) = house.page(&cookie, &format!("/?alarm={alarm}&x=%22%3E%3Cscript%3Ealert(1)")).await;
    assert!(!desk.contains("<script>alert"), "{desk}");
    assert!(shown >= 8, "the names do stand on pages, as text: {shown}");
    // As JSON it is data, and no browser takes it for anything else.
    let token = house.token("root").await;
    let request = Request::get("/api/v1/quarantine").header("authorization", format!("Bearer {token}")).header("accept", "text/html").body(Body::empty()).unwrap();
    let response = house.send(request).await;
    assert_eq!((response.headers()["content-type"].to_str().unwrap(), response.headers()["x-content-type-options"].to_str().unwrap()), ("application/json", "nosniff"));
    assert!(text(response).await.contains("<script>"));
}

#[tokio::test]
async fn no_path_leads_out_of_the_house() {
    let house = House::new().await;
    house.follow();
    let token = house.token("root").await;
    let long = "a".repeat(4_000);
    for (method, path, need) in rows() {
        if !path.contains('{') || *need == Need::Signed {
            continue;
        }
        for with in ["..%2f..%2f..%2fetc%2fpasswd", "%2e%2e", "..%5c..%5cwindows", "%00", "%ff", "'%20OR%201=1--", "%252e%252e%252f", long.as_str()] {
            let request = Request::builder().method(*method).uri(filled(path, with)).header("authorization", format!("Bearer {token}"));
            let response = house.send(request.body(Body::empty()).unwrap()).await;
            let status = response.status();
            assert!(status.is_client_error(), "{method} {path} {with}: {status}");
            let said = text(response).await;
            assert!(!said.contains("root:") && !said.contains("panicked"), "{path} {with}: {said}");
        }
    }
}
