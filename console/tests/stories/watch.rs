//! Stories of the watch: steps and calls of an operator, being called up, shifts and hand-overs, drills, figures, the wall.

use crate::support::{House, text};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use care::cause::Cause;
use care::home::Cover;
use care::{Reason, TimeDelta};
use serde_json::{Value, json};
use store::Ledger;
use store::ledger::{Tx, Which, Write};

const OK: StatusCode = StatusCode::OK;
const CONFLICT: StatusCode = StatusCode::CONFLICT;
const UNPROCESSABLE: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;
const NO_CONTENT: StatusCode = StatusCode::NO_CONTENT;

/// The console has read the ledger, and who is on shift, at least once after now.
async fn settled(house: &House, holds: impl AsyncFn() -> bool) {
    for _ in 0..2_000 {
        if holds().await {
            return;
        }
        tokio::task::yield_now().await;
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    unreachable!("it never came to hold at {}", house.now());
}

async fn form(house: &House, cookie: &str, path: &str, body: &str) -> StatusCode {
    let request = Request::post(path)
        .header(header::COOKIE, cookie)
        .header("host", "h")
        .header("origin", "http://h")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(body.to_owned()))
        .unwrap();
    house.send(request).await.status()
}

#[tokio::test]
async fn each_step_has_a_key_and_keeps_who_did_it_and_what_came_of_it() {
    let house = House::new().await;
    house.follow();
    let id = house.press("home-0001").await;
    let at = format!("/api/v1/alarms/{id}");
    let (_, detail) = house.get("linxiao", &at).await;
    let steps: Vec<&str> = detail["steps"].as_array().unwrap().iter().map(|s| s["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["elder/elder-1", "authority/120", "contact/c-daughter", "contact/c-liaison", "contact/c-neighbour", "back/elder-1"]);
    let post = async |person: &str, body: Value| house.post(person, &format!("{at}/steps"), &body.to_string()).await.0;
    assert_eq!(post("linxiao", json!({"step": "elder/elder-1", "outcome": "needs_help", "words": "有喘息声"})).await, OK);
    assert_eq!(post("linxiao", json!({"step": "contact/c-daughter", "outcome": "coming"})).await, OK);
    for wrong in [
        json!({"step": "contact/c-nobody", "outcome": "coming"}),
        json!({"step": "elder/elder-1", "outcome": "sent"}),
        json!({"step": "authority/12345", "outcome": "sent"}),
        json!({"step": "nonsense", "outcome": "well"}),
    ] {
        assert_eq!(post("linxiao", wrong.clone()).await, UNPROCESSABLE, "{wrong}");
    }
    let cookie = house.session("linxiao").await;
    let (_, card) = house.page(&cookie, &format!("/desk/alarms/{id}")).await;
    for words in ["data-step=\"1\"", "已通话，需要帮助 · 有喘息声 · 林晓", "正在赶来 · 林晓", "data-sheet=\"e\"", "立即拨打 120 急救", "长兴路 12 号 3 楼 302", "data-connect=\"contact\" data-id=\"c-daughter\""] {
        assert!(card.contains(words), "{words}\n{card}");
    }
    assert!(!card.contains("13812342201") && !card.contains("华法林"), "numbers and health are shown on asking only");
    let (_, audit) = house.get("lead", "/api/v1/audit?action=alarm.step").await;
    assert_eq!(audit["items"].as_array().unwrap().len(), 2);
    house.post("linxiao", &format!("{at}/claim"), "").await;
    house.post("linxiao", &format!("{at}/report"), r#"{"text":"x"}"#).await;
    house.post("linxiao", &format!("{at}/close"), r#"{"outcome":"help_given"}"#).await;
    assert_eq!(post("linxiao", json!({"step": "elder/elder-1", "outcome": "well"})).await, CONFLICT, "a closed alarm takes no more steps");
}

#[tokio::test]
async fn an_operator_stops_the_calls_asks_for_one_and_each_is_kept_with_who() {
    let house = House::new().await;
    house.follow();
    let id = house.press("home-0001").await;
    let at = format!("/api/v1/alarms/{id}");
    let (status, now) = house.post("linxiao", &format!("{at}/call-now"), r#"{"contact":"c-neighbour"}"#).await;
    assert_eq!((status, now["attempts"][1]["contact"].as_str()), (OK, Some("c-neighbour")));
    assert_eq!(house.post("linxiao", &format!("{at}/call-now"), r#"{"contact":"c-stranger"}"#).await.0, UNPROCESSABLE);
    let (status, stopped) = house.post("zhoumin", &format!("{at}/stop"), "").await;
    assert_eq!((status, stopped["state"].as_str(), stopped["next_step_at"].as_str()), (OK, Some("raised"), Some("2026-11-23T01:43:13Z")));
    assert_eq!(house.post("zhoumin", &format!("{at}/stop"), "").await.0, UNPROCESSABLE, "there is nothing to stop twice");
    let cookie = house.session("linxiao").await;
    let (_, card) = house.page(&cookie, &format!("/desk/alarms/{id}")).await;
    for words in ["自动呼叫已停止", "继续呼叫", "停止自动呼叫", "要求立即呼叫", "邻居 林伯"] {
        assert!(card.contains(words), "{words}\n{card}");
    }
    assert_eq!(house.post("linxiao", &format!("{at}/skip"), "").await.0, OK);
    house.post("linxiao", &format!("{at}/claim"), "").await;
    assert_eq!(house.post("zhoumin", &format!("{at}/stop"), "").await.0, CONFLICT);
    let (_, audit) = house.get("lead", "/api/v1/audit?action=alarm.").await;
    let lines: Vec<String> = audit["items"].as_array().unwrap().iter().map(|l| format!("{} {}", l["who"].as_str().unwrap(), l["action"].as_str().unwrap())).collect();
    assert_eq!(lines, ["linxiao alarm.call_now", "zhoumin alarm.stop", "linxiao alarm.skip", "linxiao alarm.claim"]);
}

#[tokio::test]
async fn an_authority_is_dialled_only_by_a_person_and_the_end_of_the_call_is_said_in_words() {
    let house = House::new().await;
    let id = house.press("home-0001").await;
    let at = format!("/api/v1/alarms/{id}/connect");
    assert_eq!(house.post("linxiao", &at, r#"{"to":"authority","id":"120"}"#).await.0, StatusCode::ACCEPTED);
    assert_eq!(house.post("linxiao", &at, r#"{"to":"authority","id":"10086"}"#).await.0, UNPROCESSABLE);
    assert_eq!(house.switchboard.0.lock().unwrap().as_slice(), [("linxiao".to_owned(), "authority/120".to_owned(), "120".to_owned())]);
    let note = |text: &str| Write::Note { alarm: id.clone(), at: house.now(), by: "linxiao".into(), kind: "call".into(), text: text.into() };
    house.ledger.commit(Tx { fence: None, writes: vec![note("authority/120 spoke 94"), note("contact/c-daughter own_phone no_answer")] }).await.unwrap();
    let cookie = house.session("linxiao").await;
    let (_, card) = house.page(&cookie, &format!("/desk/alarms/{id}")).await;
    for words in ["拨打 120 急救</strong> 通话 1:34", "与女儿 陈丽通话</strong> 您的话机没有接听"] {
        assert!(card.contains(words), "{words}\n{card}");
    }
}

#[tokio::test]
async fn a_red_alarm_that_nobody_takes_goes_to_one_on_shift_a_second_one_and_the_lead() {
    let house = House::new().await;
    house.follow();
    for person in ["linxiao", "zhoumin", "dongshi"] {
        assert_eq!(house.post(person, "/api/v1/shifts/start", "").await.0, NO_CONTENT);
        assert_eq!(house.post(person, "/api/v1/shifts/start", "").await.0, NO_CONTENT, "twice is once");
    }
    let (_, shifts) = house.get("lead", "/api/v1/shifts").await;
    assert_eq!(shifts["on"].as_array().unwrap().len(), 3);
    let id = house.press("home-0001").await;
    let (_, detail) = house.get("linxiao", &format!("/api/v1/alarms/{id}")).await;
    let after: Vec<i64> = detail["called_up"].as_array().unwrap().iter().map(|c| c["after_s"].as_i64().unwrap()).collect();
    let who: Vec<&str> = detail["called_up"].as_array().unwrap().iter().map(|c| c["person"].as_str().unwrap()).collect();
    assert_eq!(after, [0, 60, 180]);
    assert!(who.contains(&"linxiao") && who.contains(&"zhoumin") && who[2] == "lead", "{who:?}: whoever's area it is not is not called up");
    let cookie = house.session("linxiao").await;
    settled(&house, async || house.page(&cookie, "/desk/queue").await.1.contains(id.as_str())).await;
    let (_, queue) = house.page(&cookie, "/desk/queue").await;
    assert!(queue.contains(&format!("data-up=\"0:{} 60:{} 180:lead\"", who[0], who[1])), "{queue}");
    house.pass(TimeDelta::seconds(61));
    let (_, card) = house.page(&cookie, &format!("/desk/alarms/{id}")).await;
    assert!(card.contains("已叫") && card.contains("后再叫 班长 接手"), "{card}");
    // What the platform itself does about it stands in the alarm's log, with its reason.
    store::desk::give(&*house.ledger, &id, care::alarm::Input::TimePassed, Vec::new(), house.now()).await.unwrap();
    let (_, card) = house.page(&cookie, &format!("/desk/alarms/{id}")).await;
    assert!(card.contains("第二位值班人") && card.contains("1 分钟 无人接手，叫第二位值班人。"), "{card}");
    house.post("linxiao", &format!("/api/v1/alarms/{id}/claim"), "").await;
    let (_, detail) = house.get("linxiao", &format!("/api/v1/alarms/{id}")).await;
    assert_eq!(detail["called_up"], json!([]));
    assert!(detail["attempts"].as_array().unwrap().iter().any(|a| a["contact"] == "shift.second" && a["why"]["code"] == "call_up_second"), "{detail}");
}

#[tokio::test]
async fn a_shift_is_handed_over_with_what_is_open_and_signed_by_both() {
    let house = House::new().await;
    house.follow();
    house.post("linxiao", "/api/v1/shifts/start", "").await;
    let id = house.press("home-0001").await;
    house.post("linxiao", &format!("/api/v1/alarms/{id}/claim"), "").await;
    settled(&house, async || house.get("lead", "/api/v1/wall").await.1["red_taken"] == 1).await;
    let (status, given) = house.post("linxiao", "/api/v1/shifts/end", r#"{"notes":"女儿今晚到"}"#).await;
    assert_eq!((status, given["open"][0]["alarm"].as_str(), given["open"][0]["state"].as_str()), (OK, Some(id.as_str()), Some("claimed")));
    let take = format!("/api/v1/hand-overs/{}/take", given["id"].as_str().unwrap());
    let on = async || house.get("lead", "/api/v1/shifts").await.1["on"].as_array().unwrap().iter().map(|o| o["person"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(on().await, ["linxiao"], "with an open alarm nobody is gone before somebody has come");
    assert_eq!(house.post("linxiao", &take, "").await.0, UNPROCESSABLE, "nobody signs for both");
    assert_eq!(house.post("dongshi", &take, "").await.0, StatusCode::NOT_FOUND, "nor somebody of another area");
    let cookie = house.session("zhoumin").await;
    let (_, page) = house.page(&cookie, "/watch/shift").await;
    assert!(page.contains("接 林晓 的班") && page.contains("女儿今晚到") && page.contains("等待接班人签字"), "{page}");
    let (status, taken) = house.post("zhoumin", &take, r#"{"answer":"好"}"#).await;
    assert_eq!((status, taken["taken_by"].as_str(), taken["answer"].as_str()), (OK, Some("zhoumin"), Some("好")));
    assert_eq!(house.post("lead", &take, "").await.0, CONFLICT, "it is signed once");
    assert_eq!(on().await, ["zhoumin"]);
    let (_, alarm) = house.get("zhoumin", &format!("/api/v1/alarms/{id}")).await;
    assert_eq!(alarm["claimed_by"], "zhoumin");
    house.post("zhoumin", &format!("/api/v1/alarms/{id}/close"), r#"{"outcome":"help_given"}"#).await;
    settled(&house, async || house.get("lead", "/api/v1/wall").await.1["red_taken"] == 0).await;
    assert_eq!(form(&house, &cookie, "/watch/shift/end", "notes=&to=").await, StatusCode::SEE_OTHER);
    assert_eq!(on().await, Vec::<String>::new(), "with nothing open the shift ends at once");
}

#[tokio::test]
async fn a_drill_is_marked_everywhere_ends_by_itself_and_leaves_real_presses_alone() {
    let house = House::new().await;
    house.follow();
    assert_eq!(house.post("lead", "/api/v1/drill/alarms", r#"{"cause":"call"}"#).await.0, UNPROCESSABLE, "no drill is on");
    for minutes in [0, 31] {
        assert_eq!(house.post("lead", "/api/v1/drill/start", &json!({"minutes": minutes}).to_string()).await.0, UNPROCESSABLE);
    }
    assert_eq!(house.post("lead", "/api/v1/drill/start", r#"{"minutes":20}"#).await.0, OK);
    assert_eq!(house.post("root", "/api/v1/drill/start", r#"{"minutes":20}"#).await.0, CONFLICT);
    let (status, drill) = house.post("lead", "/api/v1/drill/alarms", r#"{"cause":"call"}"#).await;
    assert_eq!((status, drill["test"].as_bool(), drill["home"].as_str()), (OK, Some(true), Some("drill-1")));
    let (_, second) = house.post("lead", "/api/v1/drill/alarms", r#"{"cause":"call"}"#).await;
    assert_eq!(second["home"], "drill-2", "a home has one alarm of a cause");
    let practised = drill["id"].as_str().unwrap();
    for body in [r#"{"to":"authority","id":"120"}"#, r#"{"to":"contact","id":"c-liaison"}"#] {
        assert_eq!(house.post("linxiao", &format!("/api/v1/alarms/{practised}/connect"), body).await.0, UNPROCESSABLE, "no real person is reached by a drill");
    }
    assert!(house.switchboard.0.lock().unwrap().is_empty());
    let real = house.press("home-0001").await;
    let (_, real_alarm) = house.get("linxiao", &format!("/api/v1/alarms/{real}")).await;
    assert_eq!((real_alarm["test"].as_bool(), real_alarm["attempts"][0]["contact"].as_str()), (Some(false), Some("c-daughter")));
    let cookie = house.session("linxiao").await;
    settled(&house, async || house.page(&cookie, "/").await.1.contains(drill["id"].as_str().unwrap())).await;
    for path in ["/", "/homes", "/watch/quality", "/homes/home-0001"] {
        let (_, page) = house.page(&cookie, path).await;
        assert!(page.contains("id=\"drill\"") && page.contains("10:01"), "{path}");
    }
    assert!(house.page(&cookie, "/").await.1.contains("演练家庭 drill-1"));
    house.pass(TimeDelta::minutes(20));
    settled(&house, async || {
        let open = house.ledger.alarms(Which::Open, None, 10).await.unwrap();
        open.len() == 1 && open[0].value.id == real
    })
    .await;
    let (_, ended) = house.get("linxiao", &format!("/api/v1/alarms/{}", drill["id"].as_str().unwrap())).await;
    assert_eq!((ended["state"].as_str(), ended["outcome"].as_str()), (Some("closed"), Some("test")));
    assert!(!house.page(&cookie, "/").await.1.contains("id=\"drill\""));
    let (_, figures) = house.get("lead", "/api/v1/alarm-quality").await;
    assert_eq!(figures["answers"][0]["alarms"], 1, "drills are not counted");
}

#[tokio::test]
async fn the_figures_of_the_alarms_are_a_page_a_file_and_json() {
    let house = House::new().await;
    house.follow();
    for n in 0..3 {
        let id = house.press("home-0001").await;
        house.pass(TimeDelta::seconds(if n == 0 { 30 } else { 100 }));
        house.post("linxiao", &format!("/api/v1/alarms/{id}/claim"), "").await;
        house.post("linxiao", &format!("/api/v1/alarms/{id}/close"), r#"{"outcome":"false_press"}"#).await;
    }
    house.raise("home-0002", Cause::WaterLeak, Reason::new("x")).await;
    let (status, q) = house.get("lead", "/api/v1/alarm-quality?operators=1").await;
    assert_eq!(status, OK);
    let red = q["answers"].as_array().unwrap().iter().find(|a| a["level"] == "red").unwrap();
    assert_eq!((&red["alarms"], &red["within_60_s"], &red["within_180_s"], &red["median_s"]), (&json!(3), &json!(1), &json!(3), &json!(100)));
    assert_eq!((&q["chattering"][0]["home"], &q["top_homes"][0]["count"], &q["false_ones"], &q["closed"]), (&json!("home-0001"), &json!(3), &json!(3), &json!(3)));
    let (_, own) = house.get("dongshi", "/api/v1/alarm-quality").await;
    assert_eq!(own["answers"][0]["alarms"], 1, "of the caller's area");
    for wrong in ["?from=2026-11-24&to=2026-11-23", "?from=2026-01-01&to=2026-11-23", "?operators=0", "?to=%2B262142-12-31", "?to=-262143-01-01"] {
        assert_eq!(house.get("lead", &format!("/api/v1/alarm-quality{wrong}")).await.0, UNPROCESSABLE, "{wrong}");
    }
    let cookie = house.session("lead").await;
    let (_, page) = house.page(&cookie, "/watch/quality").await;
    assert!(page.contains("33.3 %") && page.contains("100.0 %") && page.contains("误按"), "{page}");
    let (_, csv) = house.page(&cookie, "/watch/quality?table=homes&format=csv").await;
    assert!(csv.contains("home-0001") && csv.contains('3'), "{csv}");
}

#[tokio::test]
async fn the_wall_says_how_many_and_nobodys_name() {
    let house = House::new().await;
    house.follow();
    house.press("home-0001").await;
    let taken = house.raise("home-0003", Cause::Smoke, Reason::new("x")).await;
    house.post("linxiao", &format!("/api/v1/alarms/{taken}/claim"), "").await;
    house.raise("home-0002", Cause::WaterLeak, Reason::new("x")).await;
    house.pass(TimeDelta::seconds(75));
    settled(&house, async || house.get("wall", "/api/v1/wall").await.1["urgent"] == 1).await;
    let (status, board) = house.get("wall", "/api/v1/wall").await;
    assert_eq!(status, OK);
    assert_eq!((&board["red_unclaimed"], &board["red_taken"], &board["urgent"], &board["today"], &board["within_60_s"]), (&json!(1), &json!(1), &json!(1), &json!(3), &json!(1)));
    assert_eq!((&board["homes_heard"], &board["parts_down"], &board["oldest"]), (&json!(1204), &json!(1), &json!("2026-11-23T01:41:13Z")));
    let cookie = house.session("wall").await;
    let (status, page) = house.page(&cookie, "/wall").await;
    assert_eq!(status, OK);
    assert!(page.contains("紧急呼叫") && page.contains("梅岭街道") && page.contains("1:15"), "{page}");
    for hidden in ["陈秀英", "陈**", "长兴路", "home-0001", "elder-1", "桂山社区"] {
        assert!(!page.contains(hidden) && !board.to_string().contains(hidden), "{hidden}");
    }
    assert_eq!(house.page(&cookie, "/").await.0, StatusCode::FORBIDDEN, "the wall's account opens nothing else");
}

#[tokio::test]
async fn homes_not_heard_since_an_outage_are_a_list_to_work_off() {
    let house = House::new().await;
    let mut silent = crate::support::view("home-0002", TimeDelta::hours(3), Cover::Degraded, house.now());
    silent.outage_worklist = true;
    house.homes.0.lock().unwrap().insert("home-0002".into(), silent);
    let cookie = house.session("linxiao").await;
    let (status, page) = house.page(&cookie, "/watch/outage").await;
    assert_eq!(status, OK);
    assert!(page.contains("吴阿土") && page.contains("/homes/home-0002") && !page.contains("陈秀英"), "{page}");
    let unknown = Write::UnknownDevice { home: "home-0001".into(), device: "stranger".into(), at: house.now() };
    house.ledger.commit(Tx { fence: None, writes: vec![unknown] }).await.unwrap();
    let (_, page) = house.page(&cookie, "/watch/quarantine").await;
    assert!(page.contains("stranger"), "{page}");
    let request = Request::get("/watch/quarantine?format=csv&table=unknown").header(header::COOKIE, &cookie).body(Body::empty()).unwrap();
    let response = house.send(request).await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/csv; charset=utf-8");
    assert!(text(response).await.contains("stranger"));
}
