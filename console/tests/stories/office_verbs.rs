//! Stories of what people do on the office's pages: what is found, corrected, put right, paired, surveyed, handed over, held,
//! erased; and how a policy is changed by two.

use crate::office::{enrolled, signed, visit};
use crate::office_pages::{form, look, send};
use crate::support::{House, text};
use axum::http::StatusCode;
use care::office::{Finding, Hazard, Incident, LegalHold, PaperCopy, Pairing, Proposal, Record, Referral, Survey, Visit, Visitor};
use care::office::{ElderFile, Need};
use console::office::{Office, OfficeError, Rules};
use serde_json::json;
use std::sync::Arc;
use store::Register;
use store::sheet::SheetAsk;

/// Sends a form and expects to be led back.
async fn done(house: &House, who: &str, path: &str, pairs: &[(&str, &str)]) -> String {
    let response = send(house, who, path, form(pairs)).await;
    let (status, to) = (response.status(), response.headers().get("location").map(|to| to.to_str().unwrap().to_owned()));
    assert_eq!(status, StatusCode::SEE_OTHER, "{path}: {}", text(response).await);
    to.unwrap()
}

async fn status(house: &House, who: &str, path: &str, pairs: &[(&str, &str)]) -> StatusCode {
    send(house, who, path, form(pairs)).await.status()
}

async fn all<R: Record>(house: &House) -> Vec<R> {
    house.office.all::<R>(SheetAsk::of(R::KIND)).await.unwrap().into_iter().map(|kept| kept.record).collect()
}

async fn audited(house: &House, who: &str, action: &str) -> usize {
    let lines = house.ledger.audit(0, 1_000).await.unwrap();
    lines.iter().filter(|line| line.who == who && line.action == action).count()
}

#[tokio::test]
async fn what_is_found_at_an_elders_is_entered_on_the_spot() {
    let house = House::new().await;
    enrolled(&house).await;
    let (_, page) = look(&house, "liaison", "/office/elders/elder-1/found").await;
    for words in ["突发事件或重大问题", "安全隐患", "服务需求", "转介"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    done(&house, "liaison", "/office/hazards", &[("elder", "elder-1"), ("kind", "gas"), ("place", "厨房"), ("words", "软管老化")]).await;
    done(&house, "liaison", "/office/needs", &[("elder", "elder-1"), ("kind", "medical"), ("words", "血压不稳"), ("urgent.yes", "1")]).await;
    let need = all::<Need>(&house).await.remove(0);
    assert!(need.urgent);
    let (_, page) = look(&house, "liaison", "/office/elders/elder-1/found").await;
    assert!(page.contains(&format!("value=\"{}\"", need.id)), "an open need can be referred");
    done(&house, "liaison", "/office/referrals", &[("elder", "elder-1"), ("to", "health"), ("about", &need.id), ("words", "请家庭医生上门")]).await;
    assert_eq!(all::<Referral>(&house).await[0].about, Some(need.id.clone()));
    assert_eq!(all::<Need>(&house).await[0].state(), "referred");
    assert_eq!(all::<Hazard>(&house).await[0].place, "厨房");
    let follow_ups = all::<care::office::FollowUp>(&house).await;
    assert_eq!(follow_ups.len(), 3, "each is followed up: {follow_ups:?}");
    // Not in somebody else's area, and a word that is none is refused.
    assert_eq!(status(&house, "liaison", "/office/hazards", &[("elder", "elder-2"), ("kind", "gas"), ("words", "x")]).await, StatusCode::NOT_FOUND);
    assert_eq!(status(&house, "liaison", "/office/hazards", &[("elder", "elder-1"), ("kind", "magic"), ("words", "x")]).await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(status(&house, "linxiao", "/office/referrals", &[("elder", "elder-1"), ("to", "health"), ("words", "x")]).await, StatusCode::FORBIDDEN);
}

/// R43 to R47: numbers to dial by hand and the address first, the seconds kept; without a call, why.
#[tokio::test]
async fn an_incident_begins_with_the_emergency_call_by_a_person() {
    let house = House::new().await;
    enrolled(&house).await;
    let at = done(&house, "liaison", "/office/incidents", &[("elder", "elder-1"), ("words", "跌倒，意识不清")]).await;
    let (_, page) = look(&house, "liaison", &at).await;
    for words in ["href=\"tel:120\"", "href=\"tel:119\"", "href=\"tel:110\"", "长兴路 12 号 3 楼 302", "系统不会自动拨打", "data-since="] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("value=\"close\""), "nothing is closed before the call");
    let refused = send(&house, "liaison", &at, form(&[("did", "close"), ("words", "已送医")])).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(text(refused).await.contains("先登记紧急求助电话"));
    house.pass(care::TimeDelta::seconds(35));
    done(&house, "liaison", &at, &[("did", "emergency_call"), ("number", "120")]).await;
    done(&house, "liaison", &at, &[("did", "called"), ("whom", "女儿"), ("outcome", "在路上")]).await;
    done(&house, "liaison", &at, &[("did", "party"), ("party", "村委会")]).await;
    done(&house, "liaison", &at, &[("did", "note"), ("words", "陪同上车")]).await;
    let (_, page) = look(&house, "liaison", &at).await;
    assert!(!page.contains("tel:120") && page.contains("35 秒") && page.contains("女儿") && page.contains("村委会") && page.contains("陪同上车"), "{page}");
    done(&house, "liaison", &at, &[("did", "close"), ("words", "骨折，住院")]).await;
    let incident = all::<Incident>(&house).await.remove(0);
    assert_eq!((incident.state(), incident.until_call().unwrap().num_seconds()), ("closed", 35));
    // A grave one is the city's; no call is needed where a person says why.
    let grave = done(&house, "liaison", "/office/incidents", &[("elder", "elder-1"), ("words", "敲门无应答"), ("grave.yes", "1")]).await;
    done(&house, "liaison", &grave, &[("did", "no_call"), ("words", "120 已在现场")]).await;
    assert_eq!(status(&house, "liaison", &grave, &[("did", "review"), ("words", "x")]).await, StatusCode::FORBIDDEN);
    assert!(!look(&house, "guide", &grave).await.1.contains("value=\"close\""));
    done(&house, "city", &grave, &[("did", "review"), ("words", "增设设备")]).await;
    done(&house, "guide", &grave, &[("did", "close"), ("words", "已妥善处理")]).await;
    let (_, list) = look(&house, "liaison", "/office/incidents").await;
    assert!(list.contains(&format!("href=\"{grave}\"")) && list.contains("120 已在现场"), "{list}");
}

#[tokio::test]
async fn a_signed_visit_is_corrected_beside_the_one_that_was_signed() {
    let house = House::new().await;
    enrolled(&house).await;
    assert_eq!(signed(&house, "liaison", visit("v1", "liaison", "2026-11-20T01:00:00Z")).await.0, StatusCode::OK);
    let (_, page) = look(&house, "liaison", "/office/visits/v1").await;
    for words in ["燃气安全", "无变化", "屏幕签字", "本人无法签字", "/office/visits/v1/correct"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let (_, page) = look(&house, "liaison", "/office/visits/v1/correct").await;
    assert!(page.contains("value=\"2026-11-20T09:00\""), "local time: {page}");
    let with = |version: &'static str, reason: &'static str, gas: &'static str| {
        [
            ("version", version), ("reason", reason), ("mode", "home"), ("outcome", "met"), ("start", "2026-11-20T09:00"), ("end", "2026-11-20T09:40"),
            ("people", "fewer"), ("people_n", "1"), ("speech", "same"), ("movement", "same"), ("illness", "same"), ("mood", "same"), ("gas", gas), ("water", "safe"),
            ("electricity", "safe"), ("personal_hygiene", "same"), ("home_hygiene", "same"), ("rooms", "same"), ("needs", "更换软管"), ("hardship", ""), ("result", ""),
        ]
    };
    let path = "/office/visits/v1/correct";
    assert_eq!(status(&house, "liaison", path, &with("1", "", "unsafe")).await, StatusCode::UNPROCESSABLE_ENTITY, "not without a reason");
    assert_eq!(status(&house, "liaison", path, &with("1", "漏填", "")).await, StatusCode::UNPROCESSABLE_ENTITY, "a row is open");
    assert_eq!(status(&house, "linxiao", path, &with("1", "我来改", "unsafe")).await, StatusCode::NOT_FOUND, "whose it is, or who keeps the register");
    done(&house, "liaison", path, &with("1", "漏填燃气隐患", "unsafe")).await;
    let versions = house.office.versions::<Visit>("v1").await.unwrap();
    assert_eq!(versions.len(), 2);
    let (old, new) = (&versions[0].record, &versions[1].record);
    assert_eq!(old.form.gas, Some(care::visit::form::Safety::Safe), "what was signed stays");
    assert_eq!((new.start, new.form.visitor.clone(), new.form.number), (old.start, old.form.visitor.clone(), Some(1)));
    assert_eq!(new.end.unwrap().to_rfc3339(), "2026-11-20T01:40:00+00:00");
    assert_eq!((new.corrections[0].by.as_str(), new.corrections[0].reason.as_str()), ("liaison", "漏填燃气隐患"));
    assert_eq!(all::<Hazard>(&house).await.len(), 1, "what the correction says opens its hazard");
    let (_, page) = look(&house, "liaison", "/office/visits/v1").await;
    assert!(page.contains("漏填燃气隐患") && page.contains("燃气安全：安全 → 不安全"), "{page}");
    assert_eq!(status(&house, "liaison", path, &with("1", "再改", "safe")).await, StatusCode::CONFLICT, "somebody was faster");
}

#[tokio::test]
async fn a_problem_goes_round_until_another_person_is_content() {
    let house = House::new().await;
    enrolled(&house).await;
    let raise = [("area", "350582/meiling"), ("about", "elder-1"), ("due_on", "2026-12-01"), ("words", "登记表缺联系人")];
    assert_eq!(status(&house, "liaison", "/office/findings", &raise).await, StatusCode::FORBIDDEN);
    done(&house, "guide", "/office/findings", &raise).await;
    let id = all::<Finding>(&house).await.remove(0).id;
    let (_, page) = look(&house, "liaison", "/office/findings").await;
    assert!(page.contains("登记整改") && !page.contains("复核整改") && !page.contains("/office/samples"), "{page}");
    done(&house, "guide", "/office/findings/one/fix", &[("id", &id), ("words", "已补")]).await;
    assert_eq!(status(&house, "guide", "/office/findings/one/check", &[("id", &id), ("accepted", "yes")]).await, StatusCode::UNPROCESSABLE_ENTITY, "not by oneself");
    done(&house, "city", "/office/findings/one/check", &[("id", &id), ("accepted", "no"), ("words", "仍缺电话")]).await;
    done(&house, "liaison", "/office/findings/one/fix", &[("id", &id), ("words", "补电话")]).await;
    done(&house, "city", "/office/findings/one/check", &[("id", &id), ("accepted", "yes"), ("words", "合格")]).await;
    assert_eq!(all::<Finding>(&house).await[0].state(), "closed");
    assert!(look(&house, "city", "/office/findings").await.1.contains("仍缺电话"), "every round is told");
}

/// PRV-1: reading is in the audit before it is shown; a copy; a hold; an erasure that is typed twice.
#[tokio::test]
async fn the_rights_of_the_person_have_their_buttons() {
    let house = House::new().await;
    enrolled(&house).await;
    signed(&house, "liaison", visit("v1", "liaison", "2026-11-20T01:00:00Z")).await;
    let at = |verb: &str| format!("/office/elders/elder-1/{verb}");
    let (_, page) = look(&house, "liaison", &at("rights")).await;
    assert!(page.contains("查看完整内容") && !page.contains("13800001234") && !page.contains("/erase") && !page.contains("/copy\""), "{page}");
    let shown = send(&house, "liaison", &at("reveal"), form(&[("field", "phone"), ("reason", "visit")])).await;
    assert!(text(shown).await.contains("13800001234"));
    assert_eq!(audited(&house, "liaison", "elder.reveal").await, 1);
    assert_eq!(status(&house, "liaison", &at("reveal"), &[("field", "phone"), ("reason", "curious")]).await, StatusCode::UNPROCESSABLE_ENTITY);
    let copy = send(&house, "guide", &at("copy"), form(&[])).await;
    assert!(copy.headers()["content-disposition"].to_str().unwrap().contains("elder-1.json"));
    let copy: serde_json::Value = serde_json::from_str(&text(copy).await).unwrap();
    assert_eq!(copy["records"]["visit"].as_array().unwrap().len(), 1);
    assert_eq!(audited(&house, "guide", "elder.copy").await, 1);
    for (who, verb) in [("liaison", "copy"), ("guide", "hold"), ("guide", "erase")] {
        assert_eq!(status(&house, who, &at(verb), &[("reason", "x"), ("confirm", "elder-1")]).await, StatusCode::FORBIDDEN, "{who} {verb}");
    }
    done(&house, "city", &at("hold"), &[("reason", "法院 2026-11")]).await;
    let (_, page) = look(&house, "city", &at("rights")).await;
    assert!(page.contains("依法保全（city：法院 2026-11）") && !page.contains("/erase"), "{page}");
    assert_eq!(status(&house, "city", &at("erase"), &[("reason", "本人要求"), ("confirm", "elder-1")]).await, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(house.office.get::<ElderFile>("elder-1").await.is_ok(), "nothing is erased while it stands");
    done(&house, "city", &at("lift-hold"), &[("reason", "结案")]).await;
    assert!(!all::<LegalHold>(&house).await[0].stands());
    assert_eq!(status(&house, "city", &at("erase"), &[("reason", "本人要求"), ("confirm", "elder-2")]).await, StatusCode::UNPROCESSABLE_ENTITY);
    let page = text(send(&house, "city", &at("erase"), form(&[("reason", "本人要求"), ("confirm", "elder-1")])).await).await;
    assert!(page.contains("已删除 elder-1"), "{page}");
    assert_eq!(look(&house, "city", "/office/elders/elder-1").await.0, StatusCode::NOT_FOUND);
    assert!(house.office.find::<Visit>("v1").await.unwrap().is_none());
}

#[tokio::test]
async fn visitors_are_entered_trained_paired_and_suspended() {
    let house = House::new().await;
    enrolled(&house).await;
    let new = [
        ("id", "visitor"), ("name", "王社工"), ("kind", "social_work"), ("organisation", "梅岭社工站"), ("phone", "13800008888"), ("area", "350582/meiling"),
        ("since", "2026-10-01"), ("contract", "HT-1"), ("contract_from", "2026-10-01"), ("yuan_a_visit", "35.5"),
    ];
    assert_eq!(status(&house, "liaison", "/office/visitors", &new).await, StatusCode::FORBIDDEN);
    let at = done(&house, "guide", "/office/visitors", &new).await;
    assert_eq!(at, "/office/visitors/visitor");
    assert_eq!(status(&house, "guide", "/office/visitors", &new).await, StatusCode::CONFLICT, "there is one of that name");
    let (_, page) = look(&house, "guide", &at).await;
    assert!(page.contains("138****8888") && !page.contains("13800008888") && page.contains("社工站"), "{page}");
    let list = look(&house, "guide", "/office/visitors").await.1;
    assert!(care::office::visitor::VisitorKind::ALL.iter().all(|kind| list.contains(&format!("value=\"{}\"", kind.code()))), "ten kinds and another");
    done(&house, "guide", &format!("{at}/training"), &[("on", "2026-11-01"), ("topic", "探访礼仪"), ("hours", "1.5"), ("by", "民政局")]).await;
    // What stood masked stays; trainings stay; the contract may change.
    let mut changed = new.to_vec();
    changed.retain(|(name, _)| !["id", "phone", "yuan_a_visit"].contains(name));
    changed.extend([("version", "2"), ("phone", "138****8888"), ("yuan_a_visit", "40")]);
    done(&house, "guide", &at, &changed).await;
    let visitor = all::<Visitor>(&house).await.remove(0);
    assert_eq!((visitor.phone.as_str(), visitor.trainings.len(), visitor.contract.unwrap().cents_a_visit), ("13800008888", 1, Some(4_000)));
    assert_eq!(status(&house, "guide", &at, &changed).await, StatusCode::CONFLICT);
    assert_eq!(look(&house, "visitor", "/office/elders/elder-1").await.0, StatusCode::NOT_FOUND, "not paired: not seen");
    done(&house, "liaison", &format!("{at}/pair"), &[("elder", "elder-1"), ("from", "2026-11-01")]).await;
    assert_eq!(status(&house, "liaison", &format!("{at}/pair"), &[("elder", "elder-1"), ("from", "2026-11-02")]).await, StatusCode::UNPROCESSABLE_ENTITY, "once is enough");
    assert_eq!(look(&house, "visitor", "/office/elders/elder-1").await.0, StatusCode::OK);
    let pair = all::<Pairing>(&house).await.remove(0).id;
    done(&house, "liaison", &format!("{at}/unpair"), &[("id", &pair), ("to", "2026-11-22")]).await;
    assert_eq!(look(&house, "visitor", "/office/elders/elder-1").await.0, StatusCode::NOT_FOUND);
    assert_eq!(status(&house, "guide", &format!("{at}/suspend"), &[("reason", "")]).await, StatusCode::UNPROCESSABLE_ENTITY);
    done(&house, "guide", &format!("{at}/suspend"), &[("reason", "记录不实")]).await;
    assert!(look(&house, "guide", &at).await.1.contains("记录不实"));
    done(&house, "guide", &format!("{at}/resume"), &[]).await;
    assert_eq!(all::<Visitor>(&house).await[0].state(), "active");
}

/// R14: a whole area is laid out; what was written without signal is taken once, and one refusal keeps no other back.
#[tokio::test]
async fn homes_are_surveyed_by_area_and_nobody_is_left_out_because_nobody_was_in() {
    let house = House::new().await;
    done(&house, "liaison", "/office/surveys", &[("do", "area"), ("area", "350582/meiling"), ("due_on", "2026-12-20")]).await;
    let homes: Vec<String> = all::<Survey>(&house).await.iter().map(|survey| survey.home.to_string()).collect();
    assert_eq!(homes, ["home-0001", "home-0003"], "those of the area");
    done(&house, "liaison", "/office/surveys", &[("do", "home"), ("home", "home-new"), ("area", "350582/meiling/guishan"), ("address", "桂山社区 99 号"), ("due_on", "2026-12-20")]).await;
    done(&house, "liaison", "/office/surveys", &[("do", "area"), ("area", "350582/meiling"), ("due_on", "2027-01-20")]).await;
    assert!(all::<Survey>(&house).await.iter().all(|survey| survey.due_on.to_string() == "2026-12-20"), "laid out once");
    let (_, page) = look(&house, "liaison", "/office/surveys").await;
    assert!(page.contains("桂山社区 99 号") && page.contains("data-home=\"home-0001\"") && page.contains("surveys.js"), "{page}");
    let went = |id: &str, home: &str, nobody: bool, words: &str| json!({ "id": id, "home": home, "at": "2026-11-22T02:00:00Z", "nobody_in": nobody, "found": 2, "words": words });
    let body = json!({ "surveys": [went("s-1", "home-0001", false, "两位老人"), went("s-2", "home-0002", false, "别的镇"), went("s-3", "home-0003", true, ""), went("s-4", "home-new", false, "")] });
    for round in 1..=2 {
        let (status, answer) = house.post("liaison", "/api/v1/surveys/sync", &body.to_string()).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let items = answer["items"].as_array().unwrap();
        assert_eq!((items[0]["stored"].as_bool(), items[0]["again"].as_bool(), items[0]["state"].as_str()), (Some(true), Some(round == 2), Some("done")));
        assert_eq!(items[1]["status"], 404, "another town's");
        assert_eq!(items[2]["state"], "again", "nobody was in: to be gone to again");
        assert_eq!(items[3]["status"], 422, "what was seen is missing");
    }
    let kept = house.office.get::<Survey>("home-0001").await.unwrap();
    assert_eq!((kept.version, kept.record.went.len()), (2, 1), "written once");
    let (_, page) = look(&house, "liaison", "/office/surveys?state=again").await;
    assert!(page.contains("已去 1 次无人"), "{page}");
}

/// R72: who holds which copy.
#[tokio::test]
async fn each_copy_on_paper_has_its_place_and_its_history() {
    let house = House::new().await;
    enrolled(&house).await;
    signed(&house, "liaison", visit("v1", "liaison", "2026-11-20T01:00:00Z")).await;
    let at = "/office/elders/elder-1/copies";
    let (_, page) = look(&house, "liaison", at).await;
    assert_eq!(page.matches("<span class=\"chip urgent\">未移交</span>").count(), 5, "two of Annex 1, three of Annex 2: {page}");
    done(&house, "liaison", at, &[("copy", "annex-2 v1 2"), ("place", "梅岭街道 3 号柜")]).await;
    done(&house, "liaison", at, &[("copy", "annex-2 v1 2"), ("place", "梅岭街道 5 号柜")]).await;
    for copy in ["annex-2 v1 4", "annex-2 v9 1", "annex-1 elder-2 1", "annex-3 v1 1", "x"] {
        let status = status(&house, "liaison", at, &[("copy", copy), ("place", "柜")]).await;
        assert!(status == StatusCode::UNPROCESSABLE_ENTITY || status == StatusCode::NOT_FOUND, "{copy} {status}");
    }
    let (_, page) = look(&house, "liaison", "/office/copies").await;
    assert!(page.contains("5 号柜") && page.contains("3 号柜"), "where it lies, and where it lay: {page}");
    let destroy = [("copy", "annex-2.v1.2"), ("ground", "保存期满")];
    assert_eq!(status(&house, "liaison", "/office/copies/destroy", &destroy).await, StatusCode::FORBIDDEN);
    done(&house, "guide", "/office/copies/destroy", &destroy).await;
    assert_eq!(all::<PaperCopy>(&house).await[0].state(), "gone");
    house.office.erase_elder(&"elder-1".into(), "本人要求", &"city".into()).await.unwrap();
    assert!(all::<PaperCopy>(&house).await.is_empty(), "goes with the elder");
}

const POLICY: &str = include_str!("../../../docs/policies/jinjiang.toml");

/// A version from the next year on, with another rule.
fn next_version() -> String {
    let of = care::policy::Policy::load(POLICY).unwrap().policy;
    let changed = POLICY.replacen(&format!("version = \"{}\"", of.version), "version = \"2027-1\"", 1).replacen("effective_from = 2023-08-08", "effective_from = 2027-01-01", 1);
    let changed = changed.replacen("period_days = 7", "period_days = 10", 1);
    assert_ne!(care::policy::Policy::load(&changed).unwrap().policy.counts.remote.period_days, of.counts.remote.period_days);
    changed
}

#[tokio::test]
async fn a_policy_is_proposed_by_one_and_activated_by_another() {
    let house = House::new().await;
    enrolled(&house).await;
    let first = house.office.policy().unwrap().version.clone();
    let propose = |text: &str| form(&[("text", text), ("words", "新一年的要求")]);
    assert_eq!(send(&house, "guide", "/office/policy", propose(&next_version())).await.status(), StatusCode::FORBIDDEN);
    // What is wrong is said line by line, and nothing is kept.
    let refused = send(&house, "city", "/office/policy", propose(&next_version().replace("schema = 1", "schema = 9"))).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(send(&house, "city", "/office/policy", propose(POLICY)).await.status(), StatusCode::UNPROCESSABLE_ENTITY, "this version is there");
    assert!(all::<Proposal>(&house).await.is_empty());
    let response = send(&house, "city", "/office/policy", propose(&next_version())).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER, "{}", text(response).await);
    let id = all::<Proposal>(&house).await.remove(0).id();
    let at = format!("/office/policy/{id}");
    let (_, page) = look(&house, "city", &at).await;
    assert!(page.contains("7 → 10") || page.contains("10"), "{page}");
    assert!(page.contains("须由您以外的另一人启用") && !page.contains("/activate"), "{page}");
    assert_eq!(status(&house, "city", &format!("{at}/activate"), &[]).await, StatusCode::UNPROCESSABLE_ENTITY, "not by whoever proposed it");
    assert_eq!(house.office.rules().policies.versions().len(), 1, "nothing has changed");
    assert!(look(&house, "root", &at).await.1.contains("/activate"));
    done(&house, "root", &format!("{at}/activate"), &[("words", "同意")]).await;
    let versions = house.office.rules().policies.versions().to_vec();
    assert_eq!(versions.iter().map(|one| one.version.as_str()).collect::<Vec<_>>(), [first.as_str(), "2027-1"]);
    assert_eq!(versions[0].effective_to.unwrap().to_string(), "2026-12-31", "the one before ends the day before");
    assert_eq!(house.office.policy_on("2026-12-31".parse().unwrap()).unwrap().version, first);
    assert_eq!(house.office.policy_on("2027-01-01".parse().unwrap()).unwrap().counts.remote.period_days, 10);
    assert_eq!((audited(&house, "city", "policy.propose").await, audited(&house, "root", "policy.activate").await), (1, 1));
    assert!(house.office.brief(&"elder-1".into()).await.unwrap().is_some(), "the picture was made anew");
    // Another process, or this one after a restart, goes by it too.
    let settings = Rules::new(care::policy::Policy::load(POLICY).unwrap().policy);
    let other = Office::new(Arc::<store::MemoryLedger>::clone(&house.ledger), Arc::<crate::support::HandClock>::clone(&house.clock), settings);
    other.refresh().await.unwrap();
    assert_eq!(other.rules().policies, house.office.rules().policies);
    assert!(other.brief(&"elder-1".into()).await.unwrap().is_some());
}

#[tokio::test]
async fn no_policy_reaches_back_into_a_closed_month_and_one_may_be_taken_back() {
    let house = House::new().await;
    enrolled(&house).await;
    let early = next_version().replacen("2027-01-01", "2026-11-01", 1);
    let proposed = house.office.propose(&early, "提前", &"city".into()).await.unwrap();
    house.pass(care::TimeDelta::days(20));
    house.office.close_month("2026-11".parse().unwrap(), &"city".into()).await.unwrap();
    let refused = house.office.activate(&proposed.record.id(), "", &"root".into()).await;
    assert!(matches!(&refused, Err(OfficeError::Refused(why)) if why[0].zh.contains("已结账")), "{refused:?}");
    assert_eq!(house.office.rules().policies.versions().len(), 1);
    house.office.refuse_policy(&proposed.record.id(), "已结账", &"city".into()).await.unwrap();
    assert!(house.office.activate(&proposed.record.id(), "", &"root".into()).await.is_err(), "what is decided stays so");
    // A closed month can be worked out again, beside the closed one.
    assert_eq!(status(&house, "city", "/office/months/2026-11/restate", &[("reason", "")]).await, StatusCode::UNPROCESSABLE_ENTITY);
    done(&house, "city", "/office/months/2026-11/restate", &[("reason", "补录")]).await;
    assert_eq!(house.office.closed_months().await.unwrap()[0].1, 1);
}

#[tokio::test]
async fn who_opened_a_file_is_in_the_audit() {
    let house = House::new().await;
    enrolled(&house).await;
    look(&house, "liaison", "/office/elders/elder-1").await;
    house.get("guide", "/api/v1/elders/elder-1").await;
    assert_eq!(look(&house, "liaison", "/office/elders/elder-2").await.0, StatusCode::NOT_FOUND);
    assert_eq!((audited(&house, "liaison", "elder.read").await, audited(&house, "guide", "elder.read").await), (1, 1));
    assert_eq!(house.ledger.verify_audit().await.unwrap(), None);
}

/// The days are those of the settings, the backups' among them.
#[tokio::test]
async fn the_page_of_retention_says_what_the_settings_say() {
    let house = House::new().await;
    let (_, page) = look(&house, "city", "/office/retention").await;
    let kept = house.office.rules().retention.clone();
    for days in [house.office.rules().raw_days, kept.home_days, kept.drafts, kept.after_leaving, kept.backups] {
        assert!(page.contains(&format!("<td>{days} 天</td>")), "{days}: {page}");
    }
    enrolled(&house).await;
    assert!(look(&house, "city", "/office/elders/elder-1/rights").await.1.contains(&format!("最迟 {} 天后", kept.backups)));
}

#[tokio::test]
async fn suspensions_a_stricter_tier_and_leaving_are_entered_with_their_proof() {
    let house = House::new().await;
    enrolled(&house).await;
    let at = "/office/elders/elder-1/standing";
    let file = async || house.office.get::<ElderFile>("elder-1").await.unwrap();
    let suspend = |version: &'static str, proof: &'static str| [("do", "suspend"), ("version", version), ("reason", "hospital"), ("from", "2026-11-20"), ("proof", proof)];
    assert_eq!(status(&house, "liaison", at, &suspend("1", "")).await, StatusCode::UNPROCESSABLE_ENTITY, "not without its proof");
    done(&house, "liaison", at, &suspend("1", "住院证明")).await;
    assert_eq!(status(&house, "liaison", at, &suspend("1", "住院证明")).await, StatusCode::CONFLICT);
    assert!(look(&house, "liaison", at).await.1.contains("住院证明"));
    done(&house, "liaison", at, &[("do", "resume"), ("version", "2"), ("which", "0"), ("to", "2026-11-22")]).await;
    assert_eq!(file().await.record.suspensions[0].to.unwrap().to_string(), "2026-11-22");
    assert_eq!(status(&house, "liaison", at, &[("do", "tier"), ("version", "3"), ("tier", "general")]).await, StatusCode::UNPROCESSABLE_ENTITY, "only stricter");
    assert_eq!(status(&house, "liaison", at, &[("do", "leave"), ("version", "3"), ("left_on", "2027-01-01")]).await, StatusCode::UNPROCESSABLE_ENTITY);
    done(&house, "liaison", at, &[("do", "leave"), ("version", "3"), ("left_on", "2026-11-23")]).await;
    assert!(look(&house, "city", "/office/elders?list=left").await.1.contains("陈秀英"));
}
