//! How one signs in and out, how long that holds, and what the door says to everybody else.

use crate::door::rows;
use crate::support::{House, PASSWORD, answer, from, text};
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use care::TimeDelta;
use serde_json::Value;
use std::collections::BTreeSet;
use store::register::Put;
use store::Register;

#[tokio::test]
async fn a_token_ends_with_its_time_its_owner_and_its_revocation() {
    let house = House::new().await;
    assert_eq!(house.get("zhoumin", "/api/v1/me").await.0, StatusCode::OK);
    let mut person = house.ledger.person(&"zhoumin".into()).await.unwrap().unwrap();
    person.active = false;
    house.ledger.put(vec![Put::Person(person)]).await.unwrap();
    assert_eq!(house.get("zhoumin", "/api/v1/me").await.0, StatusCode::UNAUTHORIZED);
    let token = house.token("linxiao").await;
    assert_eq!(house.get("linxiao", "/api/v1/me").await.0, StatusCode::OK);
    house.ledger.put(vec![Put::EndToken(console::hash_of(&token))]).await.unwrap();
    assert_eq!(house.get("linxiao", "/api/v1/me").await.0, StatusCode::UNAUTHORIZED);
    house.get("root", "/api/v1/me").await;
    house.pass(TimeDelta::days(30));
    assert_eq!(house.get("root", "/api/v1/me").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_session_ends_when_idle_and_after_its_time_even_in_use() {
    let house = House::new().await;
    let used = house.session("linxiao").await;
    let idle = house.session("linxiao").await;
    for hour in 0..16 {
        let (status, _) = house.page(&used, "/homes").await;
        assert_eq!(status, StatusCode::OK, "hour {hour}");
        house.pass(TimeDelta::hours(1));
    }
    assert_eq!(house.page(&used, "/homes").await.0, StatusCode::SEE_OTHER);
    assert_eq!(house.page(&idle, "/homes").await.0, StatusCode::SEE_OTHER);
    let idle = house.session("linxiao").await;
    house.pass(TimeDelta::hours(12));
    assert_eq!(house.page(&idle, "/homes").await.0, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_session_is_no_api_token_and_the_other_way_round() {
    let house = House::new().await;
    let cookie = house.session("linxiao").await;
    let secret = cookie.strip_prefix("hearthline=").unwrap();
    let as_bearer = Request::get("/api/v1/me").header("authorization", format!("Bearer {secret}")).body(Body::empty()).unwrap();
    assert_eq!(house.send(as_bearer).await.status(), StatusCode::UNAUTHORIZED);
    let token = house.token("linxiao").await;
    let as_cookie = Request::get("/api/v1/me").header("cookie", format!("hearthline={token}")).body(Body::empty()).unwrap();
    assert_eq!(house.send(as_cookie).await.status(), StatusCode::UNAUTHORIZED);
    let with_cookie = Request::get("/api/v1/me").header("cookie", cookie).body(Body::empty()).unwrap();
    assert_eq!(house.send(with_cookie).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn another_site_cannot_act_with_somebodys_cookie() {
    let house = House::new().await;
    let alarm = house.press("home-0001").await;
    let cookie = house.session("linxiao").await;
    let send = async |headers: &[(&str, &str)]| {
        let mut request = Request::post(format!("/api/v1/alarms/{alarm}/claim")).header("host", "desk.example:8080").header("cookie", &cookie);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        house.send(request.body(Body::from("{}")).unwrap()).await.status()
    };
    for bad in [
        &[][..],
        &[("origin", "http://evil.example")],
        &[("origin", "null")],
        &[("origin", "https://desk.example:8080")],
        &[("origin", "http://desk.example:8080.evil.example")],
        &[("origin", "http://desk.example:8080"), ("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
    ] {
        assert_eq!(send(bad).await, StatusCode::FORBIDDEN, "{bad:?}");
    }
    assert_eq!(send(&[("origin", "http://desk.example:8080")]).await, StatusCode::OK);
    assert_eq!(send(&[("sec-fetch-site", "same-origin")]).await, StatusCode::OK);
}

fn form(path: &str, body: &str) -> Request<Body> {
    let request = Request::post(path).header("host", "h").header("origin", "http://h").header("content-type", "application/x-www-form-urlencoded");
    request.header("accept", "text/html").body(Body::from(body.to_owned())).unwrap()
}

fn cookie_of(response: &Response<Body>) -> String {
    response.headers()[header::SET_COOKIE].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn signing_in_gives_a_new_session_and_signing_out_ends_it() {
    let house = House::new().await;
    let body = format!("name=linxiao&password={}&next=%2Fhomes", PASSWORD.replace(' ', "+"));
    let old = house.session("linxiao").await;
    let mut request = form("/sign-in", &body);
    request.headers_mut().insert("cookie", old.parse().unwrap());
    let response = house.send(request).await;
    assert_eq!((response.status(), response.headers()["location"].to_str().unwrap()), (StatusCode::SEE_OTHER, "/homes"));
    let cookie = cookie_of(&response);
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"), "{cookie}");
    let session = cookie.split(';').next().unwrap().to_owned();
    assert_ne!(session, old);
    assert_eq!(house.page(&old, "/homes").await.0, StatusCode::SEE_OTHER, "the session before it has ended");
    assert_eq!(house.page(&session, "/homes").await.0, StatusCode::OK);
    let mut out = form("/sign-out", "");
    out.headers_mut().insert("cookie", session.parse().unwrap());
    assert_eq!(house.send(out).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(house.page(&session, "/homes").await.0, StatusCode::SEE_OTHER);
    let bad_next = form("/sign-in", &body.replace("%2Fhomes", "%2F%2Fevil.example"));
    assert_eq!(house.send(bad_next).await.headers()["location"], "/");
}

#[tokio::test]
async fn guessing_is_slowed_down_and_says_for_how_long() {
    let house = House::new().await;
    let guess = async |name: &str, password: &str, peer: &str| house.send(from(form("/sign-in", &format!("name={name}&password={password}")), peer)).await;
    for _ in 0..5 {
        let response = guess("linxiao", "wrong", "10.0.0.1:1").await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        let page = text(response).await;
        assert!(page.contains("用户名或密码不对") && !page.contains("value=\"wrong\""), "{page}");
    }
    let right = PASSWORD.replace(' ', "+");
    let response = guess("linxiao", &right, "10.0.0.1:2").await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers()["retry-after"], "300");
    assert_eq!(guess("linxiao", &right, "10.0.0.2:1").await.status(), StatusCode::SEE_OTHER, "from elsewhere the owner gets in");
    assert_eq!(guess("zhoumin", &right, "10.0.0.1:1").await.status(), StatusCode::SEE_OTHER, "somebody else does too");
    house.pass(TimeDelta::minutes(5));
    assert_eq!(guess("linxiao", &right, "10.0.0.1:1").await.status(), StatusCode::SEE_OTHER);
    assert_eq!(guess("nobody", "x", "10.0.0.3:1").await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(guess("%2e%2e%2f", "x", "10.0.0.3:1").await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn probes_answer_on_loopback_only_or_to_the_signed_in() {
    let house = House::new().await;
    let get = |path: &str, peer: &str| from(Request::get(path).body(Body::empty()).unwrap(), peer);
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(house.send(get(path, "127.0.0.1:5")).await.status(), StatusCode::OK, "{path}");
        assert_eq!(house.send(get(path, "[::1]:5")).await.status(), StatusCode::OK, "{path}");
        assert_eq!(house.send(get(path, "10.0.0.1:5")).await.status(), StatusCode::UNAUTHORIZED, "{path}");
        let mut proxied = get(path, "127.0.0.1:5");
        proxied.headers_mut().insert("x-forwarded-for", "10.0.0.1".parse().unwrap());
        assert_eq!(house.send(proxied).await.status(), StatusCode::UNAUTHORIZED, "{path} through a proxy");
        assert_eq!(house.get("linxiao", path).await.0, StatusCode::OK, "{path}");
    }
    let metrics = text(house.send(get("/metrics", "127.0.0.1:5")).await).await;
    assert!(metrics.contains("hearthline_presses_total 7\n") && metrics.contains("hearthline_console_streams 0\n"), "{metrics}");
    house.feeds.0.lock().unwrap()[0].state = console::FeedState::Down;
    let (status, body) = answer(house.send(get("/readyz", "127.0.0.1:5")).await).await;
    assert_eq!((status, body["ready"].clone(), body["parts"][0]["part"].clone()), (StatusCode::SERVICE_UNAVAILABLE, Value::Bool(false), "door".into()));
    house.feeds.0.lock().unwrap()[0].state = console::FeedState::Working;
    house.feeds.0.lock().unwrap()[2].state = console::FeedState::Down;
    assert_eq!(house.send(get("/readyz", "127.0.0.1:5")).await.status(), StatusCode::OK, "a channel that is down leaves the platform ready");
}

#[tokio::test]
async fn every_refusal_is_a_problem_with_its_status_in_the_callers_language() {
    let house = House::new().await;
    let token = house.token("linxiao").await;
    for (method, path, status) in [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/nothing", 404),
        ("DELETE", "/api/v1/alarms", 405),
        ("POST", "/api/v1/me", 405),
        ("PUT", "/healthz", 405),
        ("GET", "/api/v1/alarms/00000000000000000000000000", 404),
        ("GET", "/api/v1/alarms/%2e%2e%2fetc", 404),
        ("GET", "/api/v1/homes/home-9999", 404),
        ("GET", "/api/v1/alarms?limit=x", 400),
        ("POST", "/api/v1/alarms/00000000000000000000000000/claim", 404),
        ("GET", "/assets/0/../../Cargo.toml", 404),
        ("GET", "/assets/0/..%2f..%2fCargo.toml", 404),
    ] {
        for accept_language in ["en", "zh-CN,zh;q=0.9"] {
            let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {token}")).header("accept-language", accept_language);
            let response = house.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(response.status().as_u16(), status, "{method} {path}");
            assert_eq!(response.headers()["content-type"], "application/problem+json", "{method} {path}");
            assert!(status != 405 || response.headers().contains_key("allow"), "{method} {path}");
            let problem: Value = serde_json::from_str(&text(response).await).unwrap();
            assert_eq!(problem["status"], status);
            assert!(problem["type"].as_str().unwrap().starts_with("urn:hearthline:problem:"));
            let title = problem["title"].as_str().unwrap();
            assert_eq!(title.is_ascii(), accept_language == "en", "{title}");
            assert!(!problem["detail"].as_str().unwrap().is_empty());
        }
    }
    for (body, kind) in [("", "application/x-www-form-urlencoded"), ("name=x", "application/x-www-form-urlencoded"), ("{}", "application/json")] {
        let request = Request::post("/sign-in").header("host", "h").header("origin", "http://h").header("content-type", kind).body(Body::from(body)).unwrap();
        let (status, problem) = answer(house.send(request).await).await;
        assert_eq!((status, problem["code"].as_str()), (StatusCode::BAD_REQUEST, Some("malformed")), "{body} {kind}");
    }
    let page = Request::get("/nothing").header("accept", "text/html").body(Body::empty()).unwrap();
    let response = house.send(page).await;
    assert_eq!((response.status(), response.headers()["content-type"].to_str().unwrap()), (StatusCode::NOT_FOUND, "text/html; charset=utf-8"));
}

#[tokio::test]
async fn every_answer_carries_the_strict_headers() {
    let house = House::new().await;
    house.follow();
    let cookie = house.session("linxiao").await;
    for path in ["/", "/homes", "/sign-in", "/nothing", "/api/v1/me", "/assets/0/desk.js"] {
        let request = Request::get(path).header("cookie", &cookie).header("accept", "text/html").body(Body::empty()).unwrap();
        let response = house.send(request).await;
        let headers = response.headers();
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["cache-control"], if path.starts_with("/assets") { "no-cache" } else { "no-store" }, "{path}");
    }
    let (_, page) = house.page(&cookie, "/").await;
    assert!(!page.contains("<style") && !page.contains(" style=") && !page.contains("onclick"), "nothing inline");
    let asset = page.split("/assets/").nth(1).unwrap().split('"').next().unwrap();
    let response = house.send(Request::get(format!("/assets/{asset}")).body(Body::empty()).unwrap()).await;
    assert_eq!(response.headers()["cache-control"], "public, max-age=31536000, immutable");
}

#[tokio::test]
async fn a_browser_without_a_session_is_led_to_the_sign_in_and_back() {
    let house = House::new().await;
    let request = Request::get("/?alarm=abc").header("accept", "text/html").body(Body::empty()).unwrap();
    let response = house.send(request).await;
    assert_eq!((response.status(), response.headers()["location"].to_str().unwrap()), (StatusCode::SEE_OTHER, "/sign-in?next=/%3Falarm%3Dabc"));
    let (status, page) = house.page("", "/sign-in?next=/%3Falarm%3Dabc").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains(r#"name="next" value="/?alarm=abc""#), "{page}");
    assert!(!page.contains("演示"));
}

#[tokio::test]
async fn the_document_covers_every_route_of_the_api_and_publishes_its_enums() {
    let house = House::new().await;
    let (status, document) = house.get("linxiao", "/api/v1/openapi.json").await;
    assert_eq!(status, StatusCode::OK);
    let mut documented = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            documented.insert((method.to_uppercase(), path.clone()));
        }
    }
    let probes = ["/healthz", "/readyz", "/metrics"];
    let served: BTreeSet<_> = rows()
        .filter(|(_, path, _)| path.starts_with("/api/") || probes.contains(path))
        .map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned()))
        .collect();
    assert_eq!(documented, served);
    let values = |name: &str| -> Vec<String> {
        let schema = &document["components"]["schemas"][name];
        let one = |s: &Value| s["enum"].as_array().cloned().unwrap_or_default().into_iter().chain(s.get("const").cloned()).collect::<Vec<_>>();
        let mut all = one(schema);
        for part in schema["oneOf"].as_array().into_iter().flatten() {
            all.extend(one(part));
        }
        all.into_iter().map(|v| v.as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(values("LevelName"), ["red", "urgent", "attention", "technical"]);
    assert_eq!(values("StateName"), ["raised", "claimed", "reported", "closed"]);
    assert_eq!(values("WhichName"), ["open", "closed", "all"]);
    let outcomes: Vec<_> = care::alarm::OUTCOMES.iter().map(|(code, _, _)| *code).collect();
    assert_eq!(values("OutcomeName"), outcomes);
    for name in ["AttemptOutcomeName", "OccupancyName", "CoverName", "DeviceHealthName", "ClaimantKind", "PhaseName", "RoleName", "RevealReason", "ElderField"] {
        assert!(values(name).len() > 1, "{name}: {}", document["components"]["schemas"][name]);
    }
    assert!(document["components"]["schemas"]["Alarm"]["properties"]["presses"].is_object());
    assert!(document["components"]["schemas"]["Problem"]["properties"]["claimed_by"].is_object());
}

#[tokio::test]
async fn a_taken_port_is_a_sentence_that_names_the_address() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = taken.local_addr().unwrap();
    let house = House::with(|s| s.addr = addr, Vec::new()).await;
    let error = house.console.bind().await.unwrap_err();
    assert!(error.to_string().contains(&addr.to_string()), "{error}");
}

#[tokio::test]
async fn it_serves_on_a_socket_and_ends_when_told_even_with_a_stream_open() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let house = House::new().await;
    let token = house.token("linxiao").await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let bound = house.console.bind().await.unwrap();
    let addr = bound.addr();
    let serving = tokio::spawn(bound.serve(async {
        drop(stopped.await);
    }));
    let mut probe = tokio::net::TcpStream::connect(addr).await.unwrap();
    probe.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut said = String::new();
    probe.read_to_string(&mut said).await.unwrap();
    assert!(said.starts_with("HTTP/1.1 200") && said.ends_with("alive\n"), "{said}");
    let mut stream = tokio::net::TcpStream::connect(addr).await.unwrap();
    let request = format!("GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut buffer = [0; 1_024];
    assert!(stream.read(&mut buffer).await.unwrap() > 0);
    stop.send(()).unwrap();
    tokio::time::timeout(std::time::Duration::from_secs(10), serving).await.unwrap().unwrap();
}
