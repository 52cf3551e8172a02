//! Stories of the city's identity provider: a sign-in that goes well, and providers, tokens and browsers that lie.

use crate::support::{House, text};
use async_trait::async_trait;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use care::TimeDelta;
use console::{Fetch, Provider, Question, SecondFactor};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex};
use store::register::{PersonRecord, Put, Role};

const ISSUER: &str = "https://id.example";

fn key() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let bytes = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes.as_ref(), &random).unwrap()
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn signed(key: &EcdsaKeyPair, head: &Value, body: &Value) -> String {
    let what = format!("{}.{}", part(head), part(body));
    let signature = key.sign(&SystemRandom::new(), what.as_bytes()).unwrap();
    format!("{what}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}

type Forge = Box<dyn Fn(&EcdsaKeyPair, Value) -> String + Send + Sync>;

/// A provider that holds one key, checks the verifier of each code, and answers with what a test makes of the claims.
struct Fake {
    key: EcdsaKeyPair,
    description: Mutex<Value>,
    claims: Mutex<Value>,
    forge: Mutex<Option<Forge>>,
    challenge: Mutex<String>,
    form: Mutex<Vec<(String, String)>>,
    down: Mutex<bool>,
}

impl Fake {
    fn keys(&self) -> Value {
        let point = self.key.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..65]));
        json!({ "keys": [{ "kty": "oct", "kid": "k" }, { "kty": "EC", "crv": "P-256", "kid": "k", "use": "sig", "alg": "ES256", "x": x, "y": y }] })
    }
}

#[async_trait]
impl Fetch for Fake {
    async fn ask(&self, question: Question<'_>) -> Result<(u16, Vec<u8>), String> {
        if *self.down.lock().unwrap() {
            return Err("no route".into());
        }
        let answer = match question {
            Question::Get("https://id.example/.well-known/openid-configuration") => self.description.lock().unwrap().clone(),
            Question::Get("https://id.example/keys") => self.keys(),
            Question::Form { address: "https://id.example/token", body, login } => {
                assert_eq!(login.as_deref(), Some("Basic aGVhcnRobGluZTpzJTIwZWNyZXQ="));
                let form: Vec<_> = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&format!("/?{body}").parse().unwrap()).unwrap().0;
                let of = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap();
                let right = URL_SAFE_NO_PAD.encode(Sha256::digest(of("code_verifier"))) == *self.challenge.lock().unwrap();
                self.form.lock().unwrap().clone_from(&form);
                if of("code") != "good" || !right {
                    return Ok((400, br#"{"error":"invalid_grant"}"#.to_vec()));
                }
                let claims = self.claims.lock().unwrap().clone();
                let plain = |key: &EcdsaKeyPair, claims: Value| signed(key, &json!({ "alg": "ES256", "kid": "k" }), &claims);
                let token = self.forge.lock().unwrap().as_ref().map_or_else(|| plain(&self.key, claims.clone()), |forge| forge(&self.key, claims.clone()));
                json!({ "access_token": "a", "token_type": "Bearer", "id_token": token })
            }
            Question::Get(_) | Question::Form { .. } => return Err("nobody is at that address".into()),
        };
        Ok((200, answer.to_string().into_bytes()))
    }
}

struct City {
    house: House,
    fake: Arc<Fake>,
}

/// What a browser holds on its way to the provider.
struct Begun {
    cookie: String,
    state: String,
}

fn cookies(response: &Response<Body>) -> Vec<String> {
    response.headers().get_all(header::SET_COOKIE).iter().map(|c| c.to_str().unwrap().split(';').next().unwrap().to_owned()).collect()
}

async fn city() -> City {
    let description = json!({
        "issuer": ISSUER, "authorization_endpoint": "https://id.example/authorize", "token_endpoint": "https://id.example/token",
        "jwks_uri": "https://id.example/keys", "end_session_endpoint": "https://id.example/end",
    });
    let fake = Arc::new(Fake {
        key: key(), description: Mutex::new(description), claims: Mutex::new(Value::Null), forge: Mutex::default(), challenge: Mutex::default(), form: Mutex::default(), down: Mutex::new(false),
    });
    let fetch: Arc<dyn Fetch> = Arc::<Fake>::clone(&fake);
    let provider = Provider {
        name: "晋江统一认证".into(), issuer: ISSUER.into(), client: "hearthline".into(), secret: "s ecret".into(), own: "https://desk.example".into(),
        claim: "preferred_username".into(), scopes: vec!["profile".into()], fetch,
    };
    let gone = PersonRecord { id: "gone".into(), name: "离职".into(), role: Role::Operator, area: String::new(), password_hash: String::new(), active: false };
    let house = House::with(|settings| { settings.provider = Some(provider); settings.second_factor = SecondFactor::Everybody; }, vec![Put::Person(gone)]).await;
    City { house, fake }
}

impl City {
    async fn get(&self, path: &str, cookie: &str) -> Response<Body> {
        self.house.send(Request::get(path).header(header::COOKIE, cookie).header(header::ACCEPT, "text/html").body(Body::empty()).unwrap()).await
    }

    async fn begin(&self, next: &str) -> Begun {
        let response = self.get(&format!("/sign-in/provider?next={next}"), "").await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        let to: axum::http::Uri = response.headers()["location"].to_str().unwrap().parse().unwrap();
        assert_eq!((to.host(), to.path()), (Some("id.example"), "/authorize"));
        let asked: Vec<(String, String)> = axum::extract::Query::try_from_uri(&to).unwrap().0;
        let of = |name: &str| asked.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap();
        assert_eq!(
            [of("response_type"), of("client_id"), of("redirect_uri"), of("scope"), of("code_challenge_method")],
            ["code", "hearthline", "https://desk.example/sign-in/provider/done", "openid profile", "S256"]
        );
        *self.fake.challenge.lock().unwrap() = of("code_challenge");
        let now = self.house.now().timestamp();
        *self.fake.claims.lock().unwrap() = json!({
            "iss": ISSUER, "sub": "4711", "aud": "hearthline", "iat": now, "exp": now + 300, "nonce": of("nonce"), "preferred_username": "linxiao",
        });
        Begun { cookie: cookies(&response).remove(0), state: of("state") }
    }

    async fn done(&self, begun: &Begun, query: &str) -> Response<Body> {
        self.get(&format!("/sign-in/provider/done?state={}&{query}", begun.state), &begun.cookie).await
    }

    fn say(&self, name: &str, value: Value) {
        self.fake.claims.lock().unwrap()[name] = value;
    }
}

/// Nobody was signed in.
fn nobody(response: &Response<Body>, why: &str) {
    assert!(response.status().is_client_error() || response.status().is_server_error(), "{why}: {}", response.status());
    assert!(cookies(response).iter().all(|cookie| cookie == "hearthline-provider="), "{why}: {:?}", cookies(response));
}

#[tokio::test]
async fn who_is_known_by_the_provider_is_signed_in_as_the_register_says() {
    let city = city().await;
    let page = text(city.get("/sign-in?next=/homes", "").await).await;
    assert!(page.contains("用 晋江统一认证 登录") && page.contains("/sign-in/provider?next=/homes"), "{page}");
    let old = city.house.session("zhoumin").await;
    let begun = city.begin("/homes").await;
    let both = Begun { cookie: format!("{}; {old}", begun.cookie), ..begun };
    let response = city.done(&both, "code=good&iss=https://id.example").await;
    assert_eq!((response.status(), response.headers()["location"].to_str().unwrap()), (StatusCode::SEE_OTHER, "/homes"));
    let session = cookies(&response).into_iter().find(|cookie| cookie.starts_with("hearthline=")).unwrap();
    // A second factor is asked of everybody here; whoever comes by the provider has brought the provider's.
    let me = city.get("/api/v1/me", &session).await;
    let me: Value = serde_json::from_str(&text(me).await).unwrap();
    assert_eq!((me["id"].as_str(), me["role"].as_str()), (Some("linxiao"), Some("operator")), "{me}");
    assert_eq!(city.get("/homes", &session).await.status(), StatusCode::OK);
    assert_eq!(city.get("/homes", &old).await.status(), StatusCode::SEE_OTHER, "the session before it has ended");
    assert!(city.fake.form.lock().unwrap().iter().any(|(key, value)| key == "redirect_uri" && value == "https://desk.example/sign-in/provider/done"));
    // It ends like any other: by itself, by the list, and by its owner, who is shown the way out at the provider.
    let sessions: Value = serde_json::from_str(&text(city.get("/api/v1/me/sessions", &session).await).await).unwrap();
    assert_eq!(sessions["items"].as_array().unwrap().iter().filter(|one| one["own"] == true && one["idle_ends_at"].is_string()).count(), 1, "{sessions}");
    let out = Request::post("/sign-out").header("host", "h").header("origin", "http://h").header(header::COOKIE, &session).body(Body::empty()).unwrap();
    let out = city.house.send(out).await;
    assert_eq!(out.headers()["location"], "/sign-in?out=provider");
    assert_eq!(city.get("/homes", &session).await.status(), StatusCode::SEE_OTHER);
    let page = text(city.get("/sign-in?out=provider", "").await).await;
    assert!(page.contains("https://id.example/end?client_id=hearthline&#38;post_logout_redirect_uri=https%3A//desk.example/sign-in"), "{page}");
}

#[tokio::test]
async fn it_is_off_until_it_is_configured() {
    let house = House::new().await;
    for path in ["/sign-in/provider", "/sign-in/provider/done?state=a&code=b"] {
        assert_eq!(house.page("", path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    assert!(!house.page("", "/sign-in").await.1.contains("/sign-in/provider"));
}

#[tokio::test]
async fn an_idle_session_of_the_provider_ends() {
    let city = city().await;
    let begun = city.begin("/").await;
    let session = cookies(&city.done(&begun, "code=good").await).into_iter().find(|cookie| cookie.starts_with("hearthline=")).unwrap();
    city.house.pass(TimeDelta::hours(13));
    assert_eq!(city.get("/homes", &session).await.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn claims_that_are_not_for_this_sign_in_are_not_believed() {
    let city = city().await;
    let now = city.house.now().timestamp();
    for (name, value) in [
        ("nonce", json!("0".repeat(64))),
        ("nonce", Value::Null),
        ("aud", json!("somebody-else")),
        ("aud", json!(["somebody-else"])),
        ("aud", json!(["hearthline", "somebody-else"])),
        ("aud", Value::Null),
        ("azp", json!("somebody-else")),
        ("iss", json!("https://id.example.evil")),
        ("iss", json!("https://id.example/")),
        ("exp", json!(now - 120)),
        ("exp", json!("tomorrow")),
        ("exp", Value::Null),
        ("iat", json!(now + 600)),
        ("iat", Value::Null),
        ("nbf", json!(now + 600)),
        ("preferred_username", Value::Null),
        ("preferred_username", json!("nobody-here")),
        ("preferred_username", json!("gone")),
        ("preferred_username", json!("../linxiao")),
        ("preferred_username", json!(["linxiao"])),
    ] {
        let begun = city.begin("/").await;
        city.say(name, value.clone());
        nobody(&city.done(&begun, "code=good").await, &format!("{name} = {value}"));
    }
    let begun = city.begin("/").await;
    city.say("aud", json!(["hearthline", "other"]));
    city.say("azp", json!("hearthline"));
    assert_eq!(city.done(&begun, "code=good").await.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn signatures_that_are_not_the_providers_are_not_believed() {
    let city = city().await;
    let foreign = key();
    let shared = |secret: &[u8], what: &str| URL_SAFE_NO_PAD.encode(ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret), what.as_bytes()));
    let forged: Vec<(&str, Forge)> = vec![
        ("no signature", Box::new(|_, claims| format!("{}.{}.", part(&json!({ "alg": "none" })), part(&claims)))),
        ("none, with a signature", Box::new(|key, claims| signed(key, &json!({ "alg": "none", "kid": "k" }), &claims))),
        ("a foreign key", Box::new(move |_, claims| signed(&foreign, &json!({ "alg": "ES256", "kid": "k" }), &claims))),
        ("a key of its own in its head", Box::new(|_, claims| { let own = key(); signed(&own, &json!({ "alg": "ES256", "jwk": { "kty": "EC" } }), &claims) })),
        ("another key's name", Box::new(|key, claims| signed(key, &json!({ "alg": "ES256", "kid": "other" }), &claims))),
        ("another algorithm's name", Box::new(|key, claims| signed(key, &json!({ "alg": "RS256", "kid": "k" }), &claims))),
        ("the client's secret", Box::new(move |_, claims| {
            let what = format!("{}.{}", part(&json!({ "alg": "HS256", "kid": "k" })), part(&claims));
            let signature = shared(b"s ecret", &what);
            format!("{what}.{signature}")
        })),
        ("an extension that must be known", Box::new(|key, claims| signed(key, &json!({ "alg": "ES256", "kid": "k", "crit": ["b64"], "b64": false }), &claims))),
        ("other claims under the signature", Box::new(|key, mut claims| {
            let token = signed(key, &json!({ "alg": "ES256", "kid": "k" }), &claims);
            claims["preferred_username"] = json!("root");
            let parts: Vec<_> = token.split('.').collect();
            format!("{}.{}.{}", parts[0], part(&claims), parts[2])
        })),
        ("no token", Box::new(|_, _| "not a token".into())),
        ("four parts", Box::new(|key, claims| format!("{}.x", signed(key, &json!({ "alg": "ES256", "kid": "k" }), &claims)))),
        ("too long", Box::new(|key, mut claims| { claims["more"] = json!("x".repeat(20_000)); signed(key, &json!({ "alg": "ES256", "kid": "k" }), &claims) })),
    ];
    for (why, forge) in forged {
        let begun = city.begin("/").await;
        *city.fake.forge.lock().unwrap() = Some(forge);
        nobody(&city.done(&begun, "code=good").await, why);
        city.house.pass(TimeDelta::minutes(1));
    }
}

#[tokio::test]
async fn an_answer_is_taken_once_and_by_the_browser_that_asked() {
    let city = city().await;
    let (mine, theirs) = (city.begin("/").await, city.begin("/").await);
    nobody(&city.get(&format!("/sign-in/provider/done?state={}&code=good", mine.state), "").await, "no cookie");
    nobody(&city.done(&Begun { cookie: theirs.cookie.clone(), state: mine.state.clone() }, "code=good").await, "another browser's cookie");
    nobody(&city.done(&Begun { cookie: "hearthline-provider=.".into(), state: theirs.state.clone() }, "code=good").await, "an empty secret");
    nobody(&city.done(&mine, "code=good").await, "the verifier of another sign-in");
    assert_eq!(city.done(&theirs, "code=good").await.status(), StatusCode::SEE_OTHER);
    nobody(&city.done(&theirs, "code=good").await, "a second time");
    for query in ["code=bad", "error=access_denied", "code=", "code=good&iss=https://other.example"] {
        let begun = city.begin("/").await;
        nobody(&city.done(&begun, query).await, query);
    }
    let begun = city.begin("//evil.example").await;
    assert_eq!(city.done(&begun, "code=good").await.headers()["location"], "/");
}

#[tokio::test]
async fn a_provider_that_lies_or_is_away_signs_nobody_in() {
    let city = city().await;
    *city.fake.down.lock().unwrap() = true;
    let away = city.get("/sign-in/provider", "").await;
    assert_eq!(away.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(text(away).await.contains("统一身份服务暂时没有响应"));
    *city.fake.down.lock().unwrap() = false;
    for (name, value) in [("issuer", "https://other.example"), ("token_endpoint", "http://id.example/token"), ("jwks_uri", "ftp://id.example")] {
        let right = city.fake.description.lock().unwrap()[name].take();
        city.fake.description.lock().unwrap()[name] = json!(value);
        let response = city.get("/sign-in/provider", "").await;
        assert!(response.headers().get("location").is_none() && !response.status().is_success(), "{name}");
        city.fake.description.lock().unwrap()[name] = right;
    }
    assert_eq!(city.get("/sign-in/provider", "").await.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn guessing_answers_is_slowed_down() {
    let city = city().await;
    let mut last = StatusCode::OK;
    for _ in 0..51 {
        last = city.get("/sign-in/provider/done?state=x&code=y", "hearthline-provider=x.Lw").await.status();
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
}
