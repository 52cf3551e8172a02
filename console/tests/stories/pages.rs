//! Stories of the pages.

use crate::support::{House, elder, home};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use care::TimeDelta;
use care::cause::Cause;
use care::{ContactId, Reason};
use console::{Phase, Underway};

fn plain(html: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                out.push(' ');
            }
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn the_desk_shows_who_where_why_and_what_is_being_done() {
    let house = House::new().await;
    house.follow();
    let alarm = house.press("home-0001").await;
    let ringing = Underway { contact: ContactId::from("c-daughter"), channel: "voice".into(), phase: Phase::Ringing, since: house.clock.0.lock().unwrap().to_owned() };
    house.doing.0.lock().unwrap().insert(alarm.clone(), vec![ringing]);
    house.pass(TimeDelta::seconds(12));
    let cookie = house.session("linxiao").await;
    let (status, page) = house.page(&cookie, &format!("/?alarm={alarm}")).await;
    assert_eq!(status, StatusCode::OK);
    let text = plain(&page);
    for words in [
        "陈秀英",
        "82 岁 · 女 · 重点对象 · 听力差，请说慢、说闽南话",
        "梅岭街道 桂山社区 长兴路 12 号 3 楼 302",
        "钥匙：楼下便利店 林伯",
        "09:41 设备 button-bed 报警：紧急呼叫。",
        "正在呼叫 女儿 陈丽 · 响铃",
        "0:18 后呼叫 联络员 黄志强、邻居 林伯",
        "接手 A",
        "138****2201",
        "未接手 1 · 处理中 0 · 最长等待 0:12",
        "接入 1204 户",
        "网络通知 降级 3 条待发",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    for secret in ["13812342201", "13800001234", "华法林", "350582194401010000"] {
        assert!(!page.contains(secret), "{secret}");
    }
    let english = format!("{cookie}; hearthline-language=en");
    let (_, page) = house.page(&english, &format!("/?alarm={alarm}")).await;
    let text = plain(&page);
    for words in ["Call for help at 09:41", "Calling daughter 陈丽 · ringing", "0:18 until village liaison 黄志强, neighbour 林伯 is called", "Claim A"] {
        assert!(text.contains(words), "{words}\n{text}");
    }
}

#[tokio::test]
async fn red_stands_on_top_then_who_has_waited_longest_and_the_claimed_below() {
    let house = House::new().await;
    house.follow();
    let mut expected = Vec::new();
    let technical = house.raise("home-0003", Cause::Technical("battery_low".into()), Reason::new("x")).await;
    house.pass(TimeDelta::seconds(1));
    let urgent = house.raise("home-0002", Cause::WaterLeak, Reason::new("x")).await;
    house.pass(TimeDelta::seconds(1));
    let taken = house.press("home-0003").await;
    house.pass(TimeDelta::seconds(1));
    expected.push(house.press("home-0001").await);
    house.pass(TimeDelta::seconds(1));
    expected.push(house.press("home-0002").await);
    expected.extend([taken.clone(), urgent, technical]);
    house.post("zhoumin", &format!("/api/v1/alarms/{taken}/claim"), "").await;
    let cookie = house.session("linxiao").await;
    let (_, queue) = house.page(&cookie, "/desk/queue").await;
    let ids: Vec<_> = queue.split("data-alarm=\"").skip(1).map(|part| part.split('"').next().unwrap().to_owned()).collect();
    assert_eq!(ids, expected.iter().map(|id| id.as_str().to_owned()).collect::<Vec<_>>());
    assert!(plain(&queue).contains("周敏 已接手"));
}

#[tokio::test]
async fn what_can_be_done_depends_on_who_has_it() {
    let house = House::new().await;
    house.follow();
    let alarm = house.press("home-0001").await;
    let (lin, zhou, liaison) = (house.session("linxiao").await, house.session("zhoumin").await, house.session("liaison").await);
    let path = format!("/desk/alarms/{alarm}");
    let has = async |cookie: &str| -> String {
        let (_, card) = house.page(cookie, &path).await;
        let verbs = ["verb=\"claim", "dialog=\"report", "dialog=\"close", "dialog=\"hand-over", "verb=\"let-go", "verb=\"skip", "dialog=\"notes"];
        verbs.iter().filter(|v| card.contains(**v)).map(|v| v.split('"').nth(1).unwrap()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(has(&lin).await, "claim skip notes");
    assert_eq!(has(&liaison).await, "", "a liaison looks on");
    house.post("linxiao", &format!("/api/v1/alarms/{alarm}/claim"), "").await;
    assert_eq!(has(&lin).await, "report close hand-over let-go notes");
    assert_eq!(has(&zhou).await, "notes");
    house.post("linxiao", &format!("/api/v1/alarms/{alarm}/report"), r#"{"text":"到家"}"#).await;
    house.post("linxiao", &format!("/api/v1/alarms/{alarm}/close"), r#"{"outcome":"help_given"}"#).await;
    assert_eq!(has(&lin).await, "notes");
    let (_, card) = house.page(&lin, &path).await;
    assert!(plain(&card).contains("林晓 已结束：已提供帮助"), "{}", plain(&card));
}

#[tokio::test]
async fn what_a_contact_took_by_phone_the_desk_may_take_over() {
    let house = House::new().await;
    house.follow();
    let alarm = house.press("home-0001").await;
    let now = house.clock.0.lock().unwrap().to_owned();
    store::desk::give(house.ledger.as_ref(), &alarm, care::alarm::Input::Accepted { attempt: 1 }, Vec::new(), now).await.unwrap();
    let cookie = house.session("linxiao").await;
    let (_, card) = house.page(&cookie, &format!("/desk/alarms/{alarm}")).await;
    assert!(plain(&card).contains("陈丽 已接手") && card.contains("data-verb=\"claim"), "{}", plain(&card));
    let (status, taken) = house.post("linxiao", &format!("/api/v1/alarms/{alarm}/claim"), "{}").await;
    assert_eq!((status, taken["claimed_by"].as_str(), taken["claimed_by_kind"].as_str()), (StatusCode::OK, Some("linxiao"), Some("person")));
}

#[tokio::test]
async fn five_thousand_open_alarms_are_counted_and_the_worst_two_hundred_drawn() {
    let house = House::new().await;
    for i in 0..5_000 {
        house.raise(&format!("home-{i:05}"), Cause::Technical("device_silent".into()), Reason::new("x")).await;
    }
    house.pass(TimeDelta::seconds(1));
    let red = house.press("home-0001").await;
    house.follow();
    let cookie = house.session("linxiao").await;
    house.page(&cookie, "/desk/queue").await;
    let began = std::time::Instant::now();
    let (status, queue) = house.page(&cookie, "/desk/queue").await;
    println!("queue page with 5,001 open alarms: {} ms, {} KB", began.elapsed().as_millis(), queue.len() / 1_024);
    assert_eq!(status, StatusCode::OK);
    let ids: Vec<_> = queue.split("data-alarm=\"").skip(1).map(|part| part.split('"').next().unwrap()).collect();
    assert_eq!((ids.len(), ids[0]), (200, red.as_str()));
    assert!(plain(&queue).contains("还有 4801 起未列出"));
}

#[tokio::test]
async fn a_name_cannot_bring_its_own_markup() {
    let evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
    let house = House::with(|_| {}, vec![home("home-0666", "350582/dongshi", evil, evil), elder("elder-666", "home-0666", evil)]).await;
    house.follow();
    let alarm = house.raise("home-0666", Cause::Technical(evil.into()), Reason::new("device_signal").text("device", evil)).await;
    let cookie = house.session("linxiao").await;
    house.post("linxiao", &format!("/api/v1/alarms/{alarm}/notes"), &serde_json::json!({"text": evil}).to_string()).await;
    for path in ["/", "/desk/queue", "/homes", "/homes/home-0666", &format!("/desk/alarms/{alarm}"), "/sign-in?next=/%22%3E%3Cscript%3E"] {
        for cookie in [cookie.as_str(), if path.starts_with("/sign-in") { "" } else { &cookie }] {
            let (_, page) = house.page(cookie, path).await;
            assert!(!page.contains("<script>") && !page.contains("<img") && !page.contains("onerror=alert(1)>"), "{path}\n{page}");
        }
    }
}

#[tokio::test]
async fn a_liaison_sees_masked_names_and_no_address() {
    let house = House::new().await;
    house.follow();
    let alarm = house.press("home-0001").await;
    let cookie = house.session("liaison").await;
    for path in ["/".to_owned(), format!("/desk/alarms/{alarm}"), "/homes".into(), "/homes/home-0001".into()] {
        let (status, page) = house.page(&cookie, &path).await;
        assert_eq!(status, StatusCode::OK);
        for hidden in ["陈秀英", "长兴路", "便利店", "闽南话", "陈丽"] {
            assert!(!page.contains(hidden), "{path}: {hidden}");
        }
        assert!(page.contains("陈**"), "{path}");
        assert!(!page.contains("data-reveal"), "{path}");
    }
}

#[tokio::test]
async fn homes_are_listed_and_shown_with_their_presence() {
    let house = House::new().await;
    house.follow();
    house.press("home-0001").await;
    let cookie = house.session("linxiao").await;
    let (status, list) = house.page(&cookie, "/homes").await;
    assert_eq!(status, StatusCode::OK);
    let text = plain(&list);
    assert!(text.contains("陈秀英 梅岭街道 桂山社区 ✓ 完整 在家 3 分钟 3 分钟前"), "{text}");
    assert!(text.contains("王建国 梅岭街道 桂山社区 ■ 未知 从未"), "{text}");
    let (_, list) = house.page(&cookie, "/homes?limit=2").await;
    assert!(list.contains("/homes?cursor=home-0002"));
    let (status, one) = house.page(&cookie, "/homes/home-0001").await;
    assert_eq!(status, StatusCode::OK);
    let text = plain(&one);
    for words in ["陈秀英", "最后活动 09:38:13 卧室", "安静时间 3 分钟", "下一个期限 14:38", "呼叫按钮 卧室 12 分钟前 正常", "人体感应 厨房 20 小时前 失联", "烟感 玄关 从未"] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    assert!(one.contains("class=\"deadline\"") && one.contains("class=\"silence\""));
    assert_eq!(one.matches("class=\"life\"").count(), 2, "when life was seen over the day");
    assert!(one.contains("有动静 ") && one.contains("–"), "{one}");
    let (status, never) = house.page(&cookie, "/homes/home-0003").await;
    assert_eq!(status, StatusCode::OK);
    assert!(plain(&never).contains("还没有收到过这户的信号"));
    assert_eq!(house.page(&cookie, "/homes/home-9999").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_device_that_nobody_registered_is_called_that() {
    let house = House::new().await;
    house.follow();
    let cookie = house.session("linxiao").await;
    for (home, words) in [("home-0001", "09:41 设备 button-bed 报警"), ("home-0003", "09:41 未登记的设备 button-bed 报警")] {
        let id = house.press(home).await;
        let (_, card) = house.page(&cookie, &format!("/desk/alarms/{id}")).await;
        assert!(plain(&card).contains(words), "{words}\n{card}");
    }
}

#[tokio::test]
async fn an_empty_desk_says_what_to_expect_and_preferences_stick() {
    let house = House::new().await;
    house.follow();
    let cookie = house.session("linxiao").await;
    let (_, page) = house.page(&cookie, "/").await;
    assert!(plain(&page).contains("没有待处理的报警"));
    let form = |body: &'static str| {
        Request::post("/preferences").header("host", "h").header("origin", "http://h").header("content-type", "application/x-www-form-urlencoded").body(Body::from(body)).unwrap()
    };
    let response = house.send(form("language=en&next=/homes")).await;
    assert_eq!((response.status(), response.headers()["location"].to_str().unwrap()), (StatusCode::SEE_OTHER, "/homes"));
    assert!(response.headers()["set-cookie"].to_str().unwrap().starts_with("hearthline-language=en;"));
    let response = house.send(form("theme=%3Bevil&language=fr&next=//evil.example")).await;
    assert_eq!((response.headers()["location"].to_str().unwrap(), response.headers().contains_key("set-cookie")), ("/", false));
    let (_, page) = house.page(&format!("{cookie}; hearthline-theme=dark; hearthline-language=en"), "/").await;
    assert!(page.contains("data-theme=\"dark\"") && plain(&page).contains("No open alarms"));
}
