//! Stories of what stands around an elder and a department: what was owed and why, what was found, whom it concerns; lists that
//! lose nothing however long they grow; and the same by program.

use crate::office::{enrolled, file, signed, visit};
use crate::office_pages::{form, look, send};
use crate::support::{House, text};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use care::office::Hazard;
use serde_json::{Value, json};
use store::Register;

async fn done(house: &House, who: &str, path: &str, pairs: &[(&str, &str)]) {
    let response = send(house, who, path, form(pairs)).await;
    let status = response.status();
    assert_eq!(status, StatusCode::SEE_OTHER, "{path}: {}", text(response).await);
}

#[tokio::test]
async fn an_elders_page_says_what_was_owed_and_why_and_what_asks_for_more() {
    let house = House::new().await;
    enrolled(&house).await;
    assert_eq!(signed(&house, "liaison", visit("v1", "liaison", "2026-11-20T01:00:00Z")).await.0, StatusCode::OK);
    let typhoon = json!({ "kind": "weather", "event": "typhoon", "level": "orange", "area": "350582/meiling", "words": "台风橙色预警" });
    assert_eq!(house.post("guide", "/api/v1/extra-events", &typhoon.to_string()).await.0, StatusCode::OK);
    done(&house, "guide", "/office/events", &[("elder", "elder-1"), ("kind", "major_change"), ("words", "老伴去世")]).await;
    assert_eq!(send(&house, "guide", "/office/events", form(&[("elder", "elder-2"), ("kind", "major_change")])).await.status(), StatusCode::NOT_FOUND);
    done(&house, "liaison", "/office/elders/elder-1/family", &[("did", "reminded"), ("whom", "女儿"), ("how", "微信"), ("on", "2026-11-20")]).await;
    assert_eq!(send(&house, "liaison", "/office/elders/elder-2/family", form(&[("whom", "女儿"), ("how", "微信"), ("on", "2026-11-20")])).await.status(), StatusCode::NOT_FOUND);
    let tomorrow = care::calendar::plus_days(house.office.today(), 1).to_string();
    assert_eq!(send(&house, "liaison", "/office/elders/elder-1/family", form(&[("whom", "女儿"), ("how", "微信"), ("on", &tomorrow)])).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let (_, page) = look(&house, "liaison", "/office/elders/elder-1").await;
    for words in ["2026-11-16 – 2026-11-30", "2026-11-01 – 2026-11-15", "逾期", "台风", "台风橙色预警", "老伴去世", "已提醒其联系", "女儿", "11-20"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("登记本人的重大变化"), "a liaison declares nothing");
    // The same by program; the reasons in the language that is asked for.
    let (status, answer) = house.get("liaison", "/api/v1/elders/elder-1/duties").await;
    assert_eq!(status, StatusCode::OK);
    let owed = answer["owed"]["obligations"].as_array().unwrap();
    let second = owed.iter().find(|one| one["id"] == "home-key" && one["window"][0] == "2026-11-16").unwrap();
    assert_eq!((second["met"].as_bool(), second["counted"][0].as_str()), (Some(true), Some("v1")));
    assert!(owed.iter().any(|one| one["id"] == "weather" && one["event"].is_string()), "{answer}");
    assert_eq!(answer["events"].as_array().unwrap().len(), 2);
    assert_eq!(house.get("liaison", "/api/v1/elders/elder-2/duties").await.0, StatusCode::NOT_FOUND);
    let (_, far) = look(&house, "city", "/office/elders/elder-2").await;
    assert!(!far.contains("老伴去世") && !far.contains("台风橙色预警"), "it concerns another town");
}

#[tokio::test]
async fn a_review_says_what_changed_and_shows_nothing_that_stands_masked() {
    let house = House::new().await;
    enrolled(&house).await;
    let mut record = file("elder-1", "home-0001", "350582/meiling/guishan");
    (record["phone"], record["income"], record["extended"]["medicines"]) = ("13800009999".into(), 820.into(), "阿司匹林".into());
    let (status, answer) = house.post("liaison", "/api/v1/elders/elder-1/review", &json!({ "version": 1, "record": record }).to_string()).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let (_, list) = house.get("liaison", "/api/v1/reviews?elder=elder-1").await;
    let (_, page) = look(&house, "liaison", "/office/elders/elder-1").await;
    for said in [answer.to_string(), list.to_string(), page] {
        for secret in ["13800009999", "13800001234", "华法林", "阿司匹林"] {
            assert!(!said.contains(secret), "{secret}: {said}");
        }
        assert!(said.contains("income") && said.contains("820") && said.contains("phone"), "{said}");
    }
    // What was kept is whole.
    let kept = house.office.all::<care::office::Review>(store::sheet::SheetAsk::default()).await.unwrap();
    assert!(kept[0].record.changes.iter().any(|change| change.after == "13800009999"));
}

#[tokio::test]
async fn a_list_that_has_grown_long_shows_the_newest_first_and_loses_none() {
    let house = House::new().await;
    enrolled(&house).await;
    for n in 0..205 {
        let hazard: Hazard = serde_json::from_value(json!({
            "id": format!("h{n:03}"), "elder": "elder-1", "home": "home-0001", "area": "350582/meiling/guishan", "kind": "gas", "words": format!("第{n}处"),
            "found_at": house.now() + care::TimeDelta::seconds(n), "found_by": "liaison", "state": "open", "recheck_on": "2026-12-01",
        }))
        .unwrap();
        house.office.put(&hazard, 0, "liaison").await.unwrap();
    }
    let (_, page) = look(&house, "liaison", "/office/hazards").await;
    assert!(page.contains("第204处") && page.contains("第5处") && !page.contains("第4处"), "the newest two hundred");
    assert!(page.find("第204处") < page.find("第203处"));
    let next = page.split("rel=\"next\"").next().unwrap().rsplit("href=\"").next().unwrap().split('"').next().unwrap().replace("&amp;", "&").replace("&#38;", "&");
    let (_, page) = look(&house, "liaison", &next).await;
    assert!(page.contains("第4处") && page.contains("第0处") && !page.contains("第5处") && !page.contains("rel=\"next\""), "{next}: {page}");
    let (_, csv) = look(&house, "liaison", "/office/hazards?format=csv").await;
    assert_eq!(csv.lines().count(), 206, "a file is whole");
}

#[tokio::test]
async fn a_department_sees_its_own_referrals_and_figures_of_a_month_and_nobody_elses() {
    let house = House::new().await;
    enrolled(&house).await;
    assert_eq!(look(&house, "housing", "/office/department").await.0, StatusCode::NOT_FOUND, "nobody has said which department");
    assert_eq!(send(&house, "city", "/office/desks", form(&[("person", "liaison"), ("department", "housing")])).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(send(&house, "guide", "/office/desks", form(&[("person", "housing"), ("department", "housing")])).await.status(), StatusCode::FORBIDDEN);
    done(&house, "city", "/office/desks", &[("person", "housing"), ("department", "housing")]).await;
    for (to, words) in [("housing", "更换燃气软管"), ("health", "请家庭医生上门")] {
        let (status, _) = house.post("guide", "/api/v1/referrals", &json!({ "elder": "elder-1", "to": to, "words": words }).to_string()).await;
        assert_eq!(status, StatusCode::OK);
    }
    let (status, page) = look(&house, "housing", "/office/department?department=health").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("市住建局") && page.contains("引导物业服务企业") && page.contains("更换燃气软管"), "{page}");
    assert!(!page.contains("家庭医生") && !page.contains("陈秀英"), "its own alone, and names with stars: {page}");
    let (_, before) = look(&house, "housing", "/office/department?month=2026-10").await;
    assert!(!before.contains("更换燃气软管"), "it was sent later");
    let (_, page) = look(&house, "city", "/office/department?department=health").await;
    assert!(page.contains("一对联系人") && page.contains("请家庭医生上门") && !page.contains("更换燃气软管"), "{page}");
    // The same by program.
    let month = care::calendar::Month::of(house.office.today());
    let (_, list) = house.get("city", "/api/v1/referrals?department=health").await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    let (_, own) = house.get("housing", "/api/v1/referrals?department=health").await;
    assert_eq!(own["items"][0]["record"]["to"], "housing");
    let (_, figures) = house.get("city", &format!("/api/v1/months/{month}/figures?department=health")).await;
    assert_eq!((figures["department"].as_str(), figures["figures"]["referrals"]["health"]["sent"].as_u64()), (Some("health"), Some(1)));
    assert!(figures["figures"]["referrals"]["housing"].is_null());
}

async fn sent(house: &House, who: &str, path: &str, body: Vec<u8>) -> (StatusCode, Value) {
    let token = house.token(who).await;
    let request = Request::post(path).header("authorization", format!("Bearer {token}")).body(Body::from(body)).unwrap();
    let response = house.send(request).await;
    let status = response.status();
    (status, serde_json::from_str(&text(response).await).unwrap_or_default())
}

#[tokio::test]
async fn lists_come_in_and_copies_go_out_by_program_too() {
    let house = House::new().await;
    enrolled(&house).await;
    let list = "姓名,身份证号码,联系电话,对象类型\n李阿婶,11010519491231002X,13800007777,独居\n错号,110105194912310021,,\n";
    let preview = "/api/v1/imports/preview?source=village&area=350582/meiling";
    let (status, looked) = sent(&house, "guide", preview, list.into()).await;
    assert_eq!(status, StatusCode::OK, "{looked}");
    assert_eq!((looked["new"].as_u64(), looked["bad"].as_u64(), looked["problems"][0]["row"].as_u64()), (Some(1), Some(1), Some(3)), "{looked}");
    assert_eq!(sent(&house, "guide", "/api/v1/imports/preview?source=village&area=350582/dongshi", list.into()).await.0, StatusCode::NOT_FOUND);
    let body = |take: &str| format!("{{\"source\":\"village\",\"area\":\"350582/meiling\",\"take\":[{take}]}}\n{}", list.replace("7777", "8888"));
    for (body, phone) in [(format!("{{\"source\":\"village\",\"area\":\"350582/meiling\"}}\n{list}"), "13800007777"), (body(""), "13800007777"), (body("\"2:phone\""), "13800008888")] {
        let (status, begun) = sent(&house, "guide", "/api/v1/imports", body.into()).await;
        assert_eq!(status, StatusCode::OK, "{begun}");
        let path = format!("/api/v1/imports/{}", begun["id"].as_str().unwrap());
        let mut at = Value::Null;
        while at["ended"].is_null() {
            tokio::task::yield_now().await;
            at = house.get("guide", &path).await.1;
        }
        assert!(at["ended"]["batch"].is_string(), "{at}");
        assert_eq!(house.get("city", &path).await.0, StatusCode::NOT_FOUND, "whoever began it");
        let id = house.office.elder_with_number("11010519491231002X").await.unwrap().unwrap();
        assert_eq!(house.office.get::<care::office::ElderFile>(id.as_str()).await.unwrap().record.phone, phone);
    }
    let (_, state) = house.get("guide", "/api/v1/exports/jinmin").await;
    assert_eq!((state["behind"].as_u64(), state["rows"].as_array().unwrap().len()), (Some(2), 2));
    assert!(!state.to_string().contains("11010519491231002X") && !state.to_string().contains("13800008888"), "masked: {state}");
    assert_eq!(house.post("liaison", "/api/v1/exports/jinmin", "{}").await.0, StatusCode::FORBIDDEN);
    let (_, copy) = house.post("guide", "/api/v1/exports/jinmin", "{}").await;
    assert!(copy["rows"].as_array().unwrap().len() == 2 && copy.to_string().contains("11010519491231002X"), "{copy}");
    let (_, receipt) = house.post("guide", "/api/v1/exports/jinmin/receipt", r#"{"receipt":"JM-1"}"#).await;
    assert_eq!(receipt["confirmed"], 2);
    let (_, state) = house.get("guide", "/api/v1/exports/jinmin").await;
    assert_eq!((state["behind"].as_u64(), state["unconfirmed"].as_u64()), (Some(0), Some(0)));
    let (_, facts) = house.get("city", "/api/v1/facts").await;
    assert_eq!(facts["elders"].as_array().unwrap().len(), 3);
    let lines = house.ledger.audit(0, 1_000).await.unwrap();
    for action in ["elder.import", "elder.export", "elder.export.receipt", "facts.export"] {
        assert!(lines.iter().any(|line| line.action == action), "{action}");
    }
}

#[tokio::test]
async fn how_an_elder_lives_is_entered_on_a_page_and_decides_the_categories() {
    let house = House::new().await;
    enrolled(&house).await;
    let save = async |pairs: &[(&str, &str)]| {
        let version = house.office.get::<care::office::ElderFile>("elder-1").await.unwrap().version.to_string();
        let pairs: Vec<(&str, &str)> = [("version", version.as_str())].into_iter().chain(pairs.iter().copied()).collect();
        done(&house, "liaison", "/office/elders/elder-1/life", &pairs).await;
        let (_, answer) = house.get("liaison", "/api/v1/elders/elder-1").await;
        let held = answer["decisions"].as_array().unwrap().iter().filter(|one| one["verdict"] == "yes").map(|one| one["category"].as_str().unwrap().to_owned());
        held.collect::<Vec<_>>()
    };
    let facts = [("do", "circumstances"), ("spouse", "no"), ("children", "yes"), ("family_complete", "yes"), ("carer_lives_in", "no"), ("hukou", "rural")];
    assert_eq!(save(&facts).await, Vec::<String>::new(), "a child who stands nowhere decides nothing");
    let child = [("do", "member"), ("name", "陈丽"), ("relation", "女儿"), ("child", "yes"), ("lives_here", "no"), ("town", "350582/dongshi"), ("phone", "13800004321")];
    assert_eq!(save(&child).await, ["living_alone", "empty_nest"]);
    let away: Vec<_> = child.iter().copied().chain([("which", "0"), ("away_since", "2026-01-05")]).collect();
    assert_eq!(save(&away).await, ["living_alone", "empty_nest", "left_behind"]);
    let here = [("do", "member"), ("which", "0"), ("name", "陈丽"), ("relation", "女儿"), ("child", "yes"), ("lives_here", "yes"), ("phone", "138****4321")];
    assert_eq!(save(&here).await, Vec::<String>::new());
    let (_, page) = look(&house, "liaison", "/office/elders/elder-1").await;
    assert!(page.contains("陈丽住在本镇（街道），应列为第一探访联系人"), "{page}");
    let assessed = [("do", "assessment"), ("ability", "severe"), ("standard", "GB/T 42195-2022"), ("score", "38"), ("assessor", "市评估中心"), ("on", "2026-11-02")];
    assert_eq!(save(&assessed).await, ["care_dependent"]);
    save(&[("do", "help"), ("by.village", "1"), ("responsible", "王主任"), ("measures", "每日送餐"), ("on", "2026-11-01")]).await;
    let kept = house.office.get::<care::office::ElderFile>("elder-1").await.unwrap().record;
    assert_eq!((kept.family[0].phone.as_str(), kept.assessments[0].score, kept.extended.medicines.as_str()), ("13800004321", Some(38), "华法林"));
    let (_, paper) = look(&house, "liaison", "/office/elders/elder-1/annex-1").await;
    assert!(paper.contains("每日送餐") && paper.contains("王主任"), "{paper}");
    assert_eq!(save(&[("do", "member"), ("which", "0"), ("name", "陈丽"), ("gone.yes", "1")]).await, ["care_dependent"]);
    assert!(house.office.get::<care::office::ElderFile>("elder-1").await.unwrap().record.family.is_empty());
    let stale = send(&house, "liaison", "/office/elders/elder-1/life", form(&[("version", "1"), ("do", "circumstances")])).await;
    assert_eq!(stale.status(), StatusCode::CONFLICT);
}
