//! Stories of the people who sign in.

use crate::support::{House, PASSWORD, from, text};
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use care::TimeDelta;
use console::SecondFactor;
use serde_json::{Value, json};
use store::Register;
use store::register::{Area, PersonRecord, Put, Role};

const PATH: &str = "/api/v1/people";

async fn house() -> House {
    let house = House::new().await;
    let admin = PersonRecord { id: "admin".into(), name: "管理员".into(), role: Role::Administrator, area: String::new(), password_hash: "x".into(), active: true };
    house.ledger.put(vec![Put::Person(admin)]).await.unwrap();
    house
}

#[tokio::test]
async fn somebody_is_added_signs_in_and_is_let_go_at_once() {
    let house = house().await;
    let new = json!({ "id": "chenhui", "name": "陈慧", "role": "operator", "password": "a long enough one" });
    let (status, person) = house.post("admin", PATH, &new.to_string()).await;
    assert_eq!((status, person["role"].as_str(), person["active"].as_bool()), (StatusCode::OK, Some("operator"), Some(true)));
    assert_eq!(house.get("chenhui", "/api/v1/alarms").await.0, StatusCode::OK);
    let (_, people) = house.get("admin", PATH).await;
    assert!(people["items"].as_array().unwrap().iter().any(|p| p["id"] == "chenhui"));
    assert!(!people.to_string().contains("argon2"), "no hash leaves the house");
    let (_, changed) = house.post("admin", PATH, &json!({ "id": "chenhui", "name": "陈慧", "role": "shift_lead" }).to_string()).await;
    assert_eq!(changed["role"], "shift_lead");
    assert_eq!(house.post("admin", &format!("{PATH}/chenhui/let-go"), "{}").await.0, StatusCode::OK);
    assert_eq!(house.get("chenhui", "/api/v1/alarms").await.0, StatusCode::UNAUTHORIZED);
    let (_, audit) = house.get("lead", "/api/v1/audit?action=person.").await;
    assert_eq!(audit["items"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_nobody_raises_themselves() {
    let house = house().await;
    let body = |change: serde_json::Value| {
        let mut body = json!({ "id": "new", "name": "新人", "role": "operator", "password": "a long enough one" });
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        body.to_string()
    };
    for (change, field) in [
        (json!({ "id": "not/a name" }), "id"),
        (json!({ "password": "short" }), "password"),
        (json!({ "password": null }), "password"),
        (json!({ "area": "no/such/area" }), "area"),
        (json!({ "id": "admin", "role": "operator" }), "role"),
    ] {
        let (status, problem) = house.post("admin", PATH, &body(change)).await;
        assert_eq!((status, problem["field"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some(field)), "{problem}");
    }
    assert_eq!(house.post("admin", PATH, &body(json!({ "role": "emperor" }))).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(house.post("admin", &format!("{PATH}/admin/let-go"), "{}").await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(house.post("lead", PATH, &body(json!({}))).await.0, StatusCode::FORBIDDEN);
}

/// A form sent by a browser with these cookies.
async fn send(house: &House, cookie: &str, path: &str, fields: &[(&str, &str)]) -> Response<Body> {
    let encode = |text: &str| text.bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") }).collect::<String>();
    let body = fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&");
    let request = Request::post(path).header("host", "h").header("origin", "http://h").header("content-type", "application/x-www-form-urlencoded");
    let request = request.header("accept", "text/html").header("cookie", cookie).body(Body::from(body)).unwrap();
    house.send(from(request, "10.0.0.1:1")).await
}

/// The cookies that an answer sets, as a browser sends them back; those that it takes away are left out.
fn cookies(response: &Response<Body>) -> String {
    let set = response.headers().get_all(header::SET_COOKIE).iter().map(|v| v.to_str().unwrap().split(';').next().unwrap().to_owned());
    set.filter(|cookie| !cookie.ends_with('=')).collect::<Vec<_>>().join("; ")
}

fn to(response: &Response<Body>) -> &str {
    response.headers()["location"].to_str().unwrap()
}

/// The code that an authenticator shows: RFC 6238 worked out anew.
fn code(secret: &str, second: i64) -> String {
    use ring::hmac;
    let bits: String = secret.chars().map(|c| format!("{:05b}", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(c).unwrap())).collect();
    let key: Vec<u8> = bits.as_bytes().chunks_exact(8).map(|b| u8::from_str_radix(std::str::from_utf8(b).unwrap(), 2).unwrap()).collect();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key), &(second / 30).to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag[19] & 15);
    let four = u32::from_be_bytes(tag[at..at + 4].try_into().unwrap());
    format!("{:06}", (four & 0x7fff_ffff) % 1_000_000)
}

async fn sign_in(house: &House, name: &str) -> Response<Body> {
    send(house, "", "/sign-in", &[("name", name), ("password", PASSWORD), ("next", "/homes")]).await
}

/// Sets up a second factor for somebody signed in; its secret and recovery codes.
async fn set_up(house: &House, who: &str) -> (String, Vec<String>) {
    let (status, made) = house.post(who, "/api/v1/me/second-factor", "").await;
    assert_eq!(status, StatusCode::OK, "{made}");
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert!(made["address"].as_str().unwrap().starts_with(&format!("otpauth://totp/Hearthline:{who}?secret={secret}&")));
    let body = json!({ "code": code(&secret, house.now().timestamp()) }).to_string();
    let (status, codes) = house.post(who, "/api/v1/me/second-factor/confirm", &body).await;
    assert_eq!(status, StatusCode::OK, "{codes}");
    (secret, codes["recovery_codes"].as_array().unwrap().iter().map(|c| c.as_str().unwrap().to_owned()).collect())
}

#[tokio::test]
async fn a_second_factor_is_asked_for_after_the_password_and_each_code_opens_once() {
    let house = House::new().await;
    let (secret, recovery) = set_up(&house, "linxiao").await;
    house.pass(TimeDelta::minutes(2));
    let half = sign_in(&house, "linxiao").await;
    assert_eq!((half.status(), to(&half)), (StatusCode::SEE_OTHER, "/sign-in/code?next=/homes"));
    let half = cookies(&half);
    assert!(half.starts_with("hearthline-half="), "{half}");
    assert_eq!(house.page(&half, "/homes").await.0, StatusCode::SEE_OTHER, "half a sign-in opens nothing");
    assert_eq!(house.page(&half.replace("-half", ""), "/homes").await.0, StatusCode::SEE_OTHER, "under another name neither");
    assert_eq!(house.page(&half, "/sign-in/code").await.0, StatusCode::OK);
    let now = house.now().timestamp();
    for wrong in ["", "000000", &code(&secret, now - 120), &code(&secret, now + 120)] {
        assert_eq!(send(&house, &half, "/sign-in/code", &[("code", wrong), ("next", "/homes")]).await.status(), StatusCode::UNAUTHORIZED, "{wrong}");
    }
    let right = code(&secret, now);
    let whole = send(&house, &half, "/sign-in/code", &[("code", &right), ("next", "/homes")]).await;
    assert_eq!((whole.status(), to(&whole)), (StatusCode::SEE_OTHER, "/homes"));
    assert_eq!(house.page(&cookies(&whole), "/homes").await.0, StatusCode::OK);
    assert_eq!(to(&send(&house, &half, "/sign-in/code", &[("code", &right)]).await), "/sign-in", "the half is used up");
    // The same code, overheard, opens nothing; a recovery code does, once.
    let again = cookies(&sign_in(&house, "linxiao").await);
    assert_eq!(send(&house, &again, "/sign-in/code", &[("code", &right)]).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(send(&house, &again, "/sign-in/code", &[("code", &recovery[0].to_uppercase())]).await.status(), StatusCode::SEE_OTHER);
    let third = cookies(&sign_in(&house, "linxiao").await);
    assert_eq!(send(&house, &third, "/sign-in/code", &[("code", &recovery[0])]).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(house.get("linxiao", "/api/v1/me/second-factor").await.1["recovery_left"], 7);
    // Half a sign-in ends by itself.
    house.pass(TimeDelta::minutes(5));
    assert_eq!(to(&send(&house, &third, "/sign-in/code", &[("code", &recovery[1])]).await), "/sign-in");
    let (_, audit) = house.get("lead", "/api/v1/audit?action=second_factor.").await;
    let actions: Vec<_> = audit["items"].as_array().unwrap().iter().map(|l| l["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["second_factor.on", "second_factor.recovery_code"]);
    let (_, newest) = house.get("lead", "/api/v1/audit?action=second_factor.&order=newest&limit=1").await;
    assert_eq!(newest["items"][0]["action"], "second_factor.recovery_code");
}

#[tokio::test]
async fn guessing_codes_locks_and_an_administrator_unlocks() {
    let house = House::new().await;
    let (secret, _) = set_up(&house, "linxiao").await;
    house.pass(TimeDelta::minutes(2));
    let half = cookies(&sign_in(&house, "linxiao").await);
    for _ in 0..5 {
        assert_eq!(send(&house, &half, "/sign-in/code", &[("code", "000000")]).await.status(), StatusCode::UNAUTHORIZED);
    }
    let right = code(&secret, house.now().timestamp());
    let locked = send(&house, &half, "/sign-in/code", &[("code", &right)]).await;
    assert_eq!((locked.status(), locked.headers()["retry-after"].to_str().unwrap()), (StatusCode::TOO_MANY_REQUESTS, "900"));
    let admin = house.session("root").await;
    assert!(house.page(&admin, "/people/linxiao").await.1.contains("/people/linxiao/unlock"));
    assert!(house.page(&admin, "/people").await.1.contains("已锁定"));
    assert_eq!(house.get("lead", "/api/v1/audit?action=session.locked").await.1["items"][0]["subject"], "linxiao");
    assert_eq!(to(&send(&house, &admin, "/people/linxiao/unlock", &[]).await), "/people/linxiao");
    assert_eq!(send(&house, &half, "/sign-in/code", &[("code", &right)]).await.status(), StatusCode::SEE_OTHER);
    // Who has lost the phone and the codes is helped by an administrator.
    assert_eq!(house.post("root", "/api/v1/people/linxiao/second-factor/reset", "").await.0, StatusCode::OK);
    assert_eq!(to(&sign_in(&house, "linxiao").await), "/homes");
}

#[tokio::test]
async fn an_administrator_without_the_factor_that_is_asked_can_only_set_one_up() {
    let house = House::with(|s| s.second_factor = SecondFactor::Administrators, Vec::new()).await;
    let admin = house.session("root").await;
    for path in ["/", "/people", "/audit", "/office/months"] {
        let request = Request::get(path).header("cookie", &admin).header("accept", "text/html").body(Body::empty()).unwrap();
        let response = house.send(request).await;
        assert_eq!((response.status(), to(&response)), (StatusCode::SEE_OTHER, "/account"), "{path}");
    }
    let request = Request::get("/api/v1/people").header("cookie", &admin).body(Body::empty()).unwrap();
    let (status, problem) = crate::support::answer(house.send(request).await).await;
    assert_eq!((status, problem["code"].as_str()), (StatusCode::FORBIDDEN, Some("second_factor_missing")));
    assert!(house.page(&admin, "/account").await.1.contains("启用之前不能做其他事"));
    // By the page: begin, scan, type the code; the recovery codes stand on the page once.
    assert_eq!(to(&send(&house, &admin, "/account/second-factor", &[]).await), "/account");
    let page = house.page(&admin, "/account").await.1;
    let secret = page.split("手动输入密钥：").nth(1).unwrap().trim().chars().take_while(char::is_ascii_alphanumeric).collect::<String>();
    assert!(page.contains("<svg class=\"qr\"") && secret.len() == 32, "{secret}");
    let wrong = send(&house, &admin, "/account/second-factor/confirm", &[("code", "123")]).await;
    assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let on = send(&house, &admin, "/account/second-factor/confirm", &[("code", &code(&secret, house.now().timestamp()))]).await;
    assert_eq!(on.status(), StatusCode::OK);
    assert!(text(on).await.contains("恢复码"));
    assert_eq!(house.page(&admin, "/people").await.0, StatusCode::OK);
    let operator = house.session("linxiao").await;
    assert_eq!(house.page(&operator, "/homes").await.0, StatusCode::OK, "others are asked for nothing");
}

#[tokio::test]
async fn sessions_are_seen_and_ended_by_their_owner_and_by_an_administrator() {
    let house = House::new().await;
    let (here, there) = (house.session("linxiao").await, house.session("linxiao").await);
    let list = async |cookie: &str| {
        let request = Request::get("/api/v1/me/sessions").header("cookie", cookie).body(Body::empty()).unwrap();
        crate::support::answer(house.send(request).await).await.1["items"].as_array().unwrap().clone()
    };
    let own = list(&here).await;
    assert_eq!(own.len(), 2);
    let other = own.iter().find(|s| s["own"] == false).unwrap();
    let began = house.now();
    assert_eq!(other["ends_at"].as_str().unwrap().parse::<care::Timestamp>().unwrap(), began + TimeDelta::hours(16));
    assert_eq!(other["idle_ends_at"].as_str().unwrap().parse::<care::Timestamp>().unwrap(), began + TimeDelta::hours(12));
    let page = house.page(&here, "/account").await.1;
    assert!(page.contains("本次登录") && page.contains(&format!("/account/sessions/{}/end", other["id"].as_str().unwrap())));
    let secrets = [here.split_once('=').unwrap().1, there.split_once('=').unwrap().1];
    assert!(secrets.iter().all(|secret| !page.contains(secret)), "no secret stands on the page");
    let path = |s: &Value| format!("/account/sessions/{}/end", s["id"].as_str().unwrap());
    let stranger = house.session("zhoumin").await;
    assert_eq!(send(&house, &stranger, &path(other), &[]).await.status(), StatusCode::NOT_FOUND, "another's session is not found");
    assert_eq!(send(&house, &here, &path(other), &[]).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(house.page(&there, "/homes").await.0, StatusCode::SEE_OTHER);
    assert_eq!(house.page(&here, "/homes").await.0, StatusCode::OK);
    // An administrator ends the rest; one of another area does not even see it.
    let far = PersonRecord { id: "far".into(), name: "远".into(), role: Role::Administrator, area: "350582/dongshi".into(), password_hash: String::new(), active: true };
    house.ledger.put(vec![Put::Person(far)]).await.unwrap();
    let id = list(&here).await[0]["id"].as_str().unwrap().to_owned();
    assert!(!house.get("far", "/api/v1/sessions").await.1.to_string().contains(&id));
    assert_eq!(house.post("far", &format!("/api/v1/sessions/{id}/end"), "").await.0, StatusCode::NOT_FOUND);
    assert_eq!(house.post("root", &format!("/api/v1/sessions/{id}/end"), "").await.0, StatusCode::OK);
    assert_eq!(house.page(&here, "/homes").await.0, StatusCode::SEE_OTHER);
    assert_eq!(house.get("lead", "/api/v1/audit?action=session.revoke").await.1["items"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_new_password_needs_the_old_one_and_ends_every_other_session() {
    let house = House::new().await;
    let (here, there) = (house.session("linxiao").await, house.session("linxiao").await);
    let change = async |old: &str, new: &str, again: &str| send(&house, &here, "/account/password", &[("old", old), ("new", new), ("again", again)]).await.status();
    assert_eq!(change("wrong", "a long enough one", "a long enough one").await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(change(PASSWORD, "a long enough one", "another one here").await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(change(PASSWORD, "short", "short").await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(house.page(&there, "/homes").await.0, StatusCode::OK);
    assert_eq!(change(PASSWORD, "a long enough one", "a long enough one").await, StatusCode::OK);
    assert_eq!(house.page(&here, "/homes").await.0, StatusCode::OK);
    assert_eq!(house.page(&there, "/homes").await.0, StatusCode::SEE_OTHER);
    assert_eq!(sign_in(&house, "linxiao").await.status(), StatusCode::UNAUTHORIZED);
    let new = send(&house, "", "/sign-in", &[("name", "linxiao"), ("password", "a long enough one")]).await;
    assert_eq!(new.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn who_was_let_go_and_comes_back_has_no_old_session() {
    let house = House::new().await;
    let old = house.session("linxiao").await;
    let admin = house.session("root").await;
    assert_eq!(to(&send(&house, &admin, "/people/linxiao/let-go", &[]).await), "/people/linxiao");
    assert_eq!(house.page(&old, "/homes").await.0, StatusCode::SEE_OTHER);
    let back = [("name", "林晓"), ("role", "operator"), ("area", ""), ("password", "")];
    assert_eq!(to(&send(&house, &admin, "/people/linxiao", &back).await), "/people/linxiao");
    assert_eq!(house.page(&old, "/homes").await.0, StatusCode::SEE_OTHER);
    assert_eq!(to(&sign_in(&house, "linxiao").await), "/homes");
}

#[tokio::test]
async fn people_are_kept_by_pages_and_what_was_typed_stays_when_refused() {
    let house = House::new().await;
    let admin = house.session("root").await;
    let add = async |id: &str, password: &str| send(&house, &admin, "/people", &[("id", id), ("name", "<b>陈慧</b>"), ("role", "operator"), ("area", "350582/meiling"), ("password", password)]).await;
    let refused = add("chenhui", "short").await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let page = text(refused).await;
    assert!(page.contains("value=\"chenhui\"") && page.contains("role=\"alert\"") && !page.contains("<b>陈慧"), "{page}");
    assert_eq!(to(&add("chenhui", "a long enough one").await), "/people/chenhui");
    assert_eq!(add("chenhui", "a long enough one").await.status(), StatusCode::UNPROCESSABLE_ENTITY, "taken");
    let page = house.page(&admin, "/people?text=chenh").await.1;
    assert!(page.contains("/people/chenhui") && !page.contains("/people/linxiao"));
    assert!(house.page(&admin, "/people?table=people&format=csv").await.1.contains("chenhui"));
    assert!(house.page(&admin, "/roles").await.1.contains("值班长"));
    // Areas: below one that is there.
    assert_eq!(send(&house, &admin, "/areas", &[("id", "350582/new/x"), ("name", "新")]).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(send(&house, &admin, "/areas", &[("id", "350582/new"), ("name", "新镇")]).await.status(), StatusCode::SEE_OTHER);
    assert!(house.ledger.areas().await.unwrap().contains(&Area { id: "350582/new".into(), name: "新镇".into() }));
    assert!(house.get("guide", "/api/v1/areas").await.1["items"].as_array().unwrap().iter().all(|a| a["id"].as_str().unwrap().starts_with("350582/meiling")));
}

#[tokio::test]
async fn the_audit_page_filters_and_says_whether_the_chain_is_whole() {
    let house = House::new().await;
    let lead = house.session("lead").await;
    house.ledger.put(vec![Put::Audit { at: house.now(), who: "linxiao".into(), action: "elder.reveal".into(), subject: "elder-1/phone/call".into() }]).await.unwrap();
    house.ledger.put(vec![Put::Audit { at: house.now(), who: "zhoumin".into(), action: "plan.put".into(), subject: "city".into() }]).await.unwrap();
    let page = house.page(&lead, "/audit").await.1;
    assert!(page.contains("elder-1/phone/call") && page.contains("plan.put"));
    let page = house.page(&lead, "/audit?action=reads&subject=elder-1").await.1;
    assert!(page.contains("elder-1/phone/call") && !page.contains("plan.put"));
    assert!(!house.page(&lead, "/audit?who=zhoumin").await.1.contains("elder-1/phone/call"));
    assert!(!house.page(&lead, "/audit?to=2001-01-01").await.1.contains("plan.put"));
    assert!(house.page(&lead, "/audit?verify=1").await.1.contains("链条完整"));
    assert!(house.page(&lead, "/audit?table=audit&format=csv&who=zhoumin").await.1.contains("plan.put"));
    assert_eq!(house.get("lead", "/api/v1/audit?limit=1").await.1["next"].as_u64(), house.get("lead", "/api/v1/audit").await.1["items"][0]["seq"].as_u64());
}

#[tokio::test]
async fn a_family_sees_what_the_elder_shares_and_nothing_after_the_withdrawal() {
    let house = House::new().await;
    crate::office::enrolled(&house).await;
    let consent = async |elder: &str, state: &str| {
        let body = json!({ "state": state, "said_by": "本人", "proof": { "kind": "paper", "kept": "村委会" } }).to_string();
        let (status, said) = house.post("liaison", &format!("/api/v1/elders/{elder}/consents/share_family"), &body).await;
        assert_eq!(status, StatusCode::OK, "{said}");
    };
    let alarm = house.press("home-0001").await;
    let family = house.session("daughter").await;
    let look = async || house.page(&family, "/family").await;
    assert!(look().await.1.contains("还没有关联老人"));
    let admin = house.session("root").await;
    assert_eq!(send(&house, &admin, "/people/daughter/elders", &[("elders", "nobody")]).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(send(&house, &admin, "/people/linxiao/elders", &[("elders", "elder-1")]).await.status(), StatusCode::UNPROCESSABLE_ENTITY, "no family");
    assert_eq!(send(&house, &admin, "/people/daughter/elders", &[("elders", "elder-1")]).await.status(), StatusCode::SEE_OTHER);
    let (_, page) = look().await;
    assert!(page.contains("没有同意与家属分享") && !page.contains("紧急呼叫"), "{page}");
    consent("elder-1", "given").await;
    let (status, page) = look().await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("1 起报警正在处理") && page.contains("在家情况"), "{page}");
    let secrets = ["13812342201", "13800001234", "健康", "地址", "门牌", alarm.as_str()];
    assert!(secrets.iter().all(|secret| !page.contains(secret)), "{page}");
    let (_, seen) = house.get("daughter", "/api/v1/family").await;
    assert_eq!((seen["items"][0]["shared"].as_bool(), seen["items"][0]["alarms"][0]["closed"].as_bool()), (Some(true), Some(false)));
    // What sensors say, they say of everybody in the home.
    let other = PersonRecord { id: "son".into(), name: "儿子".into(), role: Role::Family, area: String::new(), password_hash: String::new(), active: true };
    house.ledger.put(vec![Put::Person(other)]).await.unwrap();
    assert_eq!(house.get("son", "/api/v1/family").await.1, json!({ "items": [] }), "another account sees nothing");
    for path in ["/", "/homes", "/api/v1/alarms", "/api/v1/homes/home-0001", "/office/elders/elder-1", "/api/v1/elders/elder-1"] {
        assert_eq!(house.get("daughter", path).await.0, StatusCode::FORBIDDEN, "{path}");
    }
    consent("elder-1", "withdrawn").await;
    let (_, page) = look().await;
    assert!(page.contains("没有同意与家属分享") && !page.contains("在家情况"), "{page}");
    let (_, reads) = house.get("lead", "/api/v1/audit?action=reads&subject=elder-1").await;
    assert!(reads["items"].as_array().unwrap().iter().any(|l| l["who"] == "daughter" && l["action"] == "elder.family"));
}

#[tokio::test]
async fn everybody_lands_on_a_page_that_is_theirs() {
    let house = House::new().await;
    house.follow();
    house.post("city", "/api/v1/departments", r#"{"person":"housing","department":"housing","since":"2026-01-01"}"#).await;
    for PersonRecord { id, role, .. } in house.ledger.people().await.unwrap() {
        let signed = send(&house, "", "/sign-in", &[("name", id.as_str()), ("password", PASSWORD)]).await;
        let cookie = cookies(&signed);
        let mut at = to(&signed).to_owned();
        let mut seen = vec![at.clone()];
        loop {
            let request = Request::get(&at).header("cookie", &cookie).header("accept", "text/html").body(Body::empty()).unwrap();
            let response = house.send(request).await;
            if response.status() != StatusCode::SEE_OTHER {
                assert_eq!(response.status(), StatusCode::OK, "{role:?} {seen:?}");
                break;
            }
            at = to(&response).to_owned();
            seen.push(at.clone());
            assert!(seen.len() < 5, "{role:?} {seen:?}");
        }
    }
}

#[tokio::test]
async fn the_first_steps_tick_themselves_off_by_the_facts() {
    let house = House::new().await;
    let done = async || -> Vec<(String, bool)> {
        let (_, steps) = house.get("root", "/api/v1/first-steps").await;
        steps["items"].as_array().unwrap().iter().map(|s| (s["step"].as_str().unwrap().to_owned(), s["done"].as_bool().unwrap())).collect()
    };
    let open = async || done().await.into_iter().filter(|(_, done)| !done).map(|(step, _)| step).collect::<Vec<_>>();
    assert_eq!(open().await, ["password", "press", "closed"]);
    assert!(house.page(&house.session("root").await, "/first-steps").await.1.contains("7 / 10"));
    let alarm = house.press("home-0001").await;
    assert_eq!(open().await, ["password", "closed"]);
    for (verb, body) in [("claim", "{}"), ("report", r#"{"text":"测试"}"#), ("close", r#"{"outcome":"test","text":"测试"}"#)] {
        assert_eq!(house.post("linxiao", &format!("/api/v1/alarms/{alarm}/{verb}"), body).await.0, StatusCode::OK, "{verb}");
    }
    let body = json!({ "old": PASSWORD, "new": "a long enough one" }).to_string();
    assert_eq!(house.post("root", "/api/v1/me/password", &body).await.0, StatusCode::OK);
    assert_eq!(open().await, Vec::<String>::new());
}
