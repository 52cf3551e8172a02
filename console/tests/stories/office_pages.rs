//! Stories of the office's pages: what a liaison, a guide and the city see and do in a browser.

use crate::office::{enrolled, signed, visit};
use crate::support::{House, text};
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use wire::workbook::{Cell, Table, grid};

pub(crate) async fn send(house: &House, who: &str, path: &str, body: impl Into<Body>) -> Response<Body> {
    let cookie = house.session(who).await;
    let request = Request::post(path)
        .header(header::COOKIE, cookie)
        .header(header::ACCEPT, "text/html")
        .header("sec-fetch-site", "same-origin")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(body.into())
        .unwrap();
    house.send(request).await
}

pub(crate) async fn look(house: &House, who: &str, path: &str) -> (StatusCode, String) {
    let cookie = house.session(who).await;
    house.page(&cookie, path).await
}

pub(crate) fn form(pairs: &[(&str, &str)]) -> String {
    let encode = |text: &str| text.bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") }).collect::<String>();
    pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect::<Vec<_>>().join("&")
}

#[tokio::test]
async fn every_page_of_the_office_is_there_in_both_languages_and_holds_nothing_inline() {
    let house = House::new().await;
    enrolled(&house).await;
    assert_eq!(signed(&house, "liaison", visit("v1", "liaison", "2026-11-20T01:00:00Z")).await.0, StatusCode::OK);
    let (_, incident) = house.post("city", "/api/v1/incidents", r#"{"elder":"elder-1","words":"跌倒"}"#).await;
    let incident = incident["record"]["id"].as_str().unwrap().to_owned();
    let visitor = r#"{"record":{"id":"visitor","name":"王社工","kind":"social_work","area":"350582/meiling","since":"2026-10-01"}}"#;
    assert_eq!(house.post("city", "/api/v1/visitors", visitor).await.0, StatusCode::OK);
    let next = include_str!("../../../docs/policies/jinjiang.toml").replacen("version = \"", "version = \"next-", 1).replacen("effective_from = 2023", "effective_from = 2027", 1);
    let proposed = house.office.propose(&next, "下一版", &"root".into()).await.unwrap();
    let proposed = care::office::Record::id(&proposed.record);
    let cookie = house.session("city").await;
    let paths = house.console.routes().iter().filter(|route| route.method == "GET" && route.path.starts_with("/office/") && !["/office/facts", "/office/import/{id}"].contains(&route.path)).map(|route| {
        let of = [("/visits/", "v1"), ("/incidents/", incident.as_str()), ("/visitors/", "visitor"), ("/policy/", proposed.as_str())];
        let id = of.iter().find(|(part, _)| route.path.contains(part)).map_or("elder-1", |(_, id)| *id);
        route.path.replace("{id}", id).replace("{target}", "jinmin").replace("{month}", "2026-11")
    });
    let mut seen = 0;
    for path in paths {
        for language in ["zh", "en"] {
            let (status, page) = house.page(&format!("{cookie}; hearthline-language={language}"), &path).await;
            assert_eq!(status, StatusCode::OK, "{path}: {page}");
            assert!(!page.contains(" style=") && !page.contains("<style") && !page.contains(" onclick"), "{path}");
            assert!(page.split("<script").skip(1).all(|script| script.starts_with(" type=\"module\" src=")), "{path}");
            assert!(page.contains("<h1"), "{path}");
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen}");
}

#[tokio::test]
async fn who_keeps_what_is_seen_by_whose_work_it_is() {
    let house = House::new().await;
    enrolled(&house).await;
    let cases = [
        ("city", "/office/months", StatusCode::OK),
        ("liaison", "/office/months", StatusCode::OK),
        ("liaison", "/office/samples", StatusCode::FORBIDDEN),
        ("linxiao", "/office/import", StatusCode::FORBIDDEN),
        ("linxiao", "/office/due", StatusCode::OK),
        ("liaison", "/office/elders/elder-2", StatusCode::NOT_FOUND),
        ("liaison", "/office/elders/elder-1", StatusCode::OK),
    ];
    for (who, path, expected) in cases {
        assert_eq!(look(&house, who, path).await.0, expected, "{who} {path}");
    }
    let (_, page) = look(&house, "liaison", "/office/elders/elder-1").await;
    for secret in ["13800001234", "华法林"] {
        assert!(!page.contains(secret), "{secret}");
    }
    assert!(page.contains("138****1234") && page.contains("孤寡"));
}

#[tokio::test]
async fn a_file_is_changed_in_a_form_and_what_stood_masked_stays() {
    let house = House::new().await;
    enrolled(&house).await;
    let (_, page) = look(&house, "liaison", "/office/elders/elder-1/edit").await;
    assert!(page.contains("name=\"version\" value=\"1\""));
    let fields = form(&[
        ("version", "1"), ("name", "陈喆"), ("born", "1940-03-02"), ("no_id", "遗失补办中"), ("phone", "138****1234"), ("home", "home-0001"),
        ("area", "350582/meiling/guishan"), ("enrolled_on", "2026-01-10"), ("spouse", "no"), ("children", "no"), ("cared_for", "no"), ("can_work", "no"),
        ("lives_town", "梅岭街道"), ("income", "820"), ("family", "陈丽 | 女 | 侄女 |  | 良好 | 是"), ("first_name", "黄志强"), ("first_phone", "13800005678"),
        ("category.empty_nest", "1"), ("economy", "minimum_income"), ("water_safe", "no"), ("benefits", "高龄补贴 | 100"),
    ]);
    let response = send(&house, "liaison", "/office/elders/elder-1/edit", fields.clone()).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER, "{}", text(response).await);
    let kept = house.office.get::<care::office::ElderFile>("elder-1").await.unwrap();
    let file = kept.record;
    assert_eq!((file.name.as_str(), file.phone.as_str(), file.income), ("陈喆", "13800001234", Some(820)));
    assert_eq!((file.family[0].name.as_str(), file.family[0].visits_often, file.living.water_safe), ("陈丽", Some(true), Some(false)));
    assert_eq!((file.living.benefits[0].monthly, file.first_contact.as_ref().unwrap().name.as_str()), (Some(100), "黄志强"));
    assert_eq!(file.extended.medicines, "华法林");
    assert_eq!(file.entered, ["empty_nest"]);
    let late = send(&house, "liaison", "/office/elders/elder-1/edit", fields).await;
    assert_eq!(late.status(), StatusCode::CONFLICT, "somebody was faster");
}

#[tokio::test]
async fn the_month_is_read_down_to_a_name_and_every_table_is_a_file() {
    let house = House::new().await;
    enrolled(&house).await;
    let (_, page) = look(&house, "city", "/office/months/2026-11?area=350582").await;
    for words in ["上门达标", "月探访（任一方式）", "其中仅远程", "设备在线覆盖", "/office/months/2026-11?area=350582/meiling", "I-05"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let (_, page) = look(&house, "city", "/office/months/2026-11?area=350582/meiling").await;
    assert!(page.contains("href=\"/office/elders/elder-1\">陈秀英"), "{page}");
    let cookie = house.session("city").await;
    let request = Request::get("/office/months/2026-11?area=350582&table=home_missed&format=xlsx").header(header::COOKIE, cookie).body(Body::empty()).unwrap();
    let response = house.send(request).await;
    assert!(response.headers()[header::CONTENT_DISPOSITION].to_str().unwrap().contains("home_missed.xlsx"));
    let bytes = axum::body::to_bytes(response.into_body(), 1_000_000).await.unwrap();
    let names: Vec<String> = grid(&bytes).unwrap().rows.iter().skip(1).take(2).map(|row| row.cells[0].clone()).collect();
    assert_eq!(names, ["陈秀英", "陈秀英"]);
    let (_, csv) = look(&house, "city", "/office/elders?table=elders&format=csv").await;
    assert!(csv.starts_with("\u{feff}姓名,年龄"), "{csv}");
    let (_, page) = look(&house, "liaison", "/office/months/2026-10").await;
    assert!(!page.contains("/close\""), "a liaison closes no month");
    assert_eq!(send(&house, "liaison", "/office/months/2026-10/close", "sure=yes").await.status(), StatusCode::FORBIDDEN);
    assert_eq!(send(&house, "city", "/office/months/2026-10/close", "sure=yes").await.status(), StatusCode::SEE_OTHER);
    let (_, page) = look(&house, "city", "/office/months/2026-10").await;
    assert!(page.contains("封签"));
}

/// Begins an import and looks until it is over: its last page.
async fn written(house: &House, body: Vec<u8>) -> String {
    let mut page = text(send(house, "guide", "/office/import/apply", body).await).await;
    for _ in 0..100_000 {
        let Some(id) = page.split("data-running=\"").nth(1).and_then(|rest| rest.split('"').next()).map(str::to_owned) else { return page };
        let path = format!("/office/import/{id}");
        assert_eq!(look(house, "liaison", &path).await.0, StatusCode::NOT_FOUND, "whoever began it");
        tokio::task::yield_now().await;
        page = look(house, "guide", &path).await.1;
    }
    unreachable!("it never ends: {page}");
}

#[tokio::test]
async fn a_list_is_looked_at_before_it_is_written_and_written_once() {
    let house = House::new().await;
    enrolled(&house).await;
    let list = |phone: &str| {
        let row = |cells: [&str; 5]| cells.map(Cell::text).to_vec();
        Table {
            heading: ["姓名", "身份证号码", "联系电话", "对象类型", "残疾证号"].map(str::to_owned).to_vec(),
            rows: vec![
                row(["林喆", "11010519491231002X", phone, "独居", "11010519491231002X42"]),
                row(["张伯", "110105194912310021", "", "", ""]),
                row(["李婶", "440524188001010014", "", "空巢", ""]),
            ],
            ..Table::default()
        }
        .xlsx()
    };
    let preview = send(&house, "guide", "/office/import?source=disabled&area=350582/meiling", list("13800001111")).await;
    let page = text(preview).await;
    for words in ["新增 2 人", "1 处错误", "校验码不符，应为 X", "<td>3</td><td>身份证号码</td>"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert_eq!(house.office.elder_with_number("11010519491231002X").await.unwrap(), None, "nothing is written yet");
    let decided = |take: &[&str], file: Vec<u8>| {
        let mut body = serde_json::json!({ "source": "disabled", "area": "350582/meiling", "take": take }).to_string().into_bytes();
        body.push(b'\n');
        body.extend(file);
        body
    };
    for (round, words) in [(1, "已写入 2 人"), (2, "已写入 0 人")] {
        let page = written(&house, decided(&[], list("13800001111"))).await;
        assert!(page.contains(words), "{round}: {page}");
    }
    let id = house.office.elder_with_number("11010519491231002X").await.unwrap().unwrap();
    let kept = house.office.get::<care::office::ElderFile>(id.as_str()).await.unwrap();
    assert_eq!(kept.record.sources["phone"].from.code(), "disabled");
    assert_eq!(kept.record.sources["phone"].row, Some(2));
    // Another list says another phone: shown, and taken only where somebody ticked it.
    let page = text(send(&house, "guide", "/office/import?source=village&area=350582/meiling", list("13800002222")).await).await;
    assert!(page.contains("不一致 1 处") && page.contains("data-take=\"2:phone\"") && page.contains("残联"), "{page}");
    assert!(!page.contains("13800001111"), "phones stand with stars");
    written(&house, decided(&[], list("13800002222"))).await;
    let phone = async || house.office.get::<care::office::ElderFile>(id.as_str()).await.unwrap().record.phone;
    assert_eq!(phone().await, "13800001111");
    written(&house, decided(&["2:phone"], list("13800002222"))).await;
    assert_eq!(phone().await, "13800002222");
    // A file that is no list is refused with a sentence.
    let response = send(&house, "guide", "/office/import?source=village&area=350582/meiling", "PK\u{3}\u{4}nothing").await;
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(text(response).await.contains("无法读取该工作簿"));
}

#[tokio::test]
async fn a_copy_for_another_system_is_masked_to_look_at_and_whole_for_those_who_hand_it_over() {
    let house = House::new().await;
    enrolled(&house).await;
    let (_, page) = look(&house, "liaison", "/office/export/province").await;
    assert!(page.contains("138****1234") && !page.contains("13800001234") && page.contains("须（重新）报送"), "{page}");
    assert_eq!(send(&house, "liaison", "/office/export/province/receipt", "do=export&format=csv").await.status(), StatusCode::FORBIDDEN);
    let export = async || text(send(&house, "guide", "/office/export/province/receipt", form(&[("do", "export"), ("format", "csv"), ("which", "behind")])).await).await;
    let csv = export().await;
    assert!(csv.contains("陈秀英") && csv.contains("13800001234"), "{csv}");
    assert!(!export().await.contains("陈秀英"), "nothing has changed since");
    let receipt = send(&house, "guide", "/office/export/province/receipt", form(&[("do", "receipt"), ("receipt", "HZ-2026-11")])).await;
    assert_eq!(receipt.status(), StatusCode::SEE_OTHER);
    let file = house.office.get::<care::office::ElderFile>("elder-1").await.unwrap();
    assert_eq!(file.record.exported["province"].receipt, "HZ-2026-11");
    let mut changed = file.record.clone();
    changed.income = Some(900);
    house.office.save_elder(changed, file.version, &"liaison".into(), care::office::elder::SourceKind::Survey, None).await.unwrap();
    assert!(export().await.contains("陈秀英"), "a change makes the copy old");
    let lines = store::Register::audit(house.ledger.as_ref(), 0, 200).await.unwrap();
    assert_eq!(lines.iter().filter(|line| line.action == "elder.export" && line.who == "guide").count(), 3);
}

#[tokio::test]
async fn the_forms_print_and_printing_is_reading() {
    let house = House::new().await;
    enrolled(&house).await;
    signed(&house, "liaison", visit("v1", "liaison", "2026-11-20T01:00:00Z")).await;
    let (_, page) = look(&house, "liaison", "/office/elders/elder-1/annex-1").await;
    assert!(page.contains("特殊困难老年人信息登记表") && page.contains("☑重点对象") && page.contains("paper.css"), "{page}");
    let (_, page) = look(&house, "liaison", "/office/visits/v1/annex-2").await;
    assert_eq!(page.matches("<section").count(), 3);
    assert!(page.contains("☑上门探访") && page.contains("第<br>1<br>次"), "{page}");
    let (_, page) = look(&house, "liaison", "/office/elders/elder-1/booklet").await;
    assert_eq!(page.matches("annex-2").count(), 1);
    let (_, page) = look(&house, "liaison", "/office/blank/annex-2").await;
    assert!(!page.contains('☑'));
    let lines = store::Register::audit(house.ledger.as_ref(), 0, 200).await.unwrap();
    assert!(lines.iter().any(|line| line.who == "liaison" && line.action == "elder.print" && line.subject == "elder-1"));
}

#[tokio::test]
async fn events_samples_and_follow_ups_are_worked_on_in_forms() {
    let house = House::new().await;
    enrolled(&house).await;
    let mut found = visit("v1", "liaison", "2026-11-20T01:00:00Z");
    found["form"]["gas"] = "unsafe".into();
    assert_eq!(signed(&house, "liaison", found).await.0, StatusCode::OK);
    let (_, page) = look(&house, "liaison", "/office/hazards").await;
    let id = page.split("name=\"id\"").nth(1).unwrap().split("value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let response = send(&house, "liaison", "/office/hazards/one", form(&[("id", &id), ("step", "remind"), ("words", "已提醒")])).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert!(look(&house, "liaison", "/office/hazards").await.1.contains("<span class=\"chip urgent\">已提醒</span>"));
    let (_, page) = look(&house, "guide", "/office/follow-ups").await;
    assert!(page.contains("风险隐患排除"), "{page}");
    let event = form(&[("kind", "weather"), ("event", "typhoon"), ("level", "orange"), ("area", "350582"), ("words", "台风橙色")]);
    assert_eq!(send(&house, "city", "/office/events", event).await.status(), StatusCode::SEE_OTHER);
    assert!(look(&house, "city", "/office/events").await.1.contains("台风橙色"));
    let (_, page) = look(&house, "liaison", "/office/due").await;
    assert!(page.contains("data-elder=\"elder-1\"") && page.contains("id=\"visit\"") && page.contains("data-record"), "{page}");
    let sample = form(&[("month", "2026-11"), ("area", "350582/meiling"), ("n", "5")]);
    assert_eq!(send(&house, "guide", "/office/samples", sample).await.status(), StatusCode::SEE_OTHER);
    let (_, page) = look(&house, "guide", "/office/samples").await;
    let id = page.split("<option value=\"").find(|part| part.contains(" v1\"")).unwrap().split('"').next().unwrap().to_owned();
    let called = send(&house, "guide", "/office/samples/one", form(&[("id", &id), ("step", "true"), ("words", "本人确认")])).await;
    assert_eq!(called.status(), StatusCode::SEE_OTHER, "{}", text(called).await);
    assert!(look(&house, "guide", "/office/samples").await.1.contains("属实"));
}

#[tokio::test]
async fn a_department_has_its_own_referrals_and_figures() {
    let house = House::new().await;
    enrolled(&house).await;
    house.post("city", "/api/v1/departments", r#"{"person":"housing","department":"housing","since":"2026-01-01"}"#).await;
    for to in ["housing", "health"] {
        let body = serde_json::json!({ "elder": "elder-1", "to": to, "words": "更换燃气软管" }).to_string();
        assert_eq!(house.post("guide", "/api/v1/referrals", &body).await.0, StatusCode::OK);
    }
    let (status, page) = look(&house, "housing", "/office/figures").await;
    assert_eq!(status, StatusCode::OK);
    let referrals = page.split("id=\"referrals\"").nth(1).unwrap_or_default();
    assert_eq!(referrals.matches("<tr>").count(), 2, "the heading and its own row: {referrals}");
    assert!(!page.contains("陈秀英") && page.contains("住建"), "{page}");
    let (_, all) = look(&house, "city", "/office/figures?month=2026-11").await;
    assert!(all.split("id=\"referrals\"").nth(1).unwrap_or_default().matches("<tr>").count() >= 2, "{all}");
    let (_, file) = look(&house, "housing", "/office/figures?table=referrals&format=csv").await;
    assert_eq!(file.trim().lines().count(), 2, "{file}");
    let (status, _) = look(&house, "linxiao", "/office/figures").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_policy_in_words_and_what_is_kept_how_long_are_there_as_json() {
    let house = House::new().await;
    let (status, policy) = house.get("liaison", "/api/v1/policy").await;
    assert_eq!(status, StatusCode::OK, "{policy}");
    let in_force = house.office.policy().unwrap();
    assert_eq!(policy["zh"], care::policy::show(&in_force, care::Language::Zh));
    assert_eq!(policy["en"], care::policy::show(&in_force, care::Language::En));
    assert_eq!(policy["readings"].as_array().unwrap().len(), in_force.interpretations.len());
    let (_, kept) = house.get("city", "/api/v1/retention").await;
    assert_eq!(kept["days"]["raw"], house.office.rules().raw_days);
    assert_eq!(kept["days"]["audit"], serde_json::Value::Null);
    assert!(!kept["copies"]["annex-1"].as_array().unwrap().is_empty());
}
