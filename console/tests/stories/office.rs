//! The office over the API and its desk: nobody forgotten, nothing counted that was not, nothing lost, nothing shown
//! that need not be.

use crate::support::House;
use axum::http::StatusCode;
use care::calendar::{Month, plus_days, start_of_day};
use care::office::elder::SourceKind;
use care::office::privacy::Retention;
use care::office::{Consent, ConsentState, ConsentStep, ElderFile, Hazard, Proof, Visit};
use care::policy::{Colour, Mode};
use care::visit::remote::DayEvidence;
use care::visit::warning::{MessageKind, Warning, WarningName};
use care::{ElderId, HomeId, TimeDelta};
use chrono::NaiveDate;
use console::office::{HomeDay, OfficeError, WarningTaken};
use serde_json::{Value, json};
use store::Register;
use store::sheet::SheetAsk;

const NUMBER: &str = "11010519491231002X";

pub(crate) fn file(elder: &str, home: &str, area: &str) -> Value {
    json!({
        "id": elder, "home": home, "area": area, "filed_on": "2026-01-10", "enrolled_on": "2026-01-10", "name": "陈秀英", "born": "1940-03-02",
        "no_id": "遗失补办中", "phone": "13800001234",
        "circumstances": { "spouse": false, "children": false, "cared_for": false, "can_work": false, "has_livelihood": false },
        "extended": { "medicines": "华法林" },
        "reviewed_on": "2026-08-01",
    })
}

/// An elder who stands in tier `key`: 孤寡 by the facts.
pub(crate) async fn enrolled(house: &House) {
    for (elder, home, area) in [("elder-1", "home-0001", "350582/meiling/guishan"), ("elder-2", "home-0002", "350582/dongshi")] {
        let (status, answer) = house.post("city", "/api/v1/elders", &json!({ "record": file(elder, home, area) }).to_string()).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
}

pub(crate) fn visit(id: &str, visitor: &str, start: &str) -> Value {
    let end = start.parse::<care::Timestamp>().unwrap() + TimeDelta::minutes(25);
    json!({
        "id": id, "elder": "elder-1", "home": "home-0001", "area": "", "visitor": visitor, "mode": "home", "origin": "regular", "start": start, "end": end,
        "outcome": "met", "recorded_at": start, "recorded_by": visitor,
        "form": { "people": "same", "speech": "same", "movement": "same", "illness": "same", "mood": "same", "gas": "safe", "water": "safe",
                  "electricity": "safe", "personal_hygiene": "same", "home_hygiene": "same", "rooms": "same", "needs": "无",
                  "visitor": { "screen": "s1" }, "elder": { "missing": "cannot_sign" } },
    })
}

pub(crate) async fn signed(house: &House, who: &str, visit: Value) -> (StatusCode, Value) {
    house.post(who, "/api/v1/visits", &json!({ "record": visit, "sign": true }).to_string()).await
}

fn today(house: &House) -> NaiveDate {
    house.office.today()
}

#[tokio::test]
async fn an_elder_is_filed_tiered_by_facts_and_shown_masked() {
    let house = House::new().await;
    enrolled(&house).await;
    let (status, answer) = house.get("liaison", "/api/v1/elders/elder-1").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["computed_tier"], "key", "孤寡 is decided from spouse, children, care, work: {answer}");
    assert_eq!(answer["may_be_destitute"], true);
    assert_eq!(answer["record"]["phone"], "138****1234");
    assert_eq!(answer["record"]["extended"]["medicines"], "***");
    assert_eq!(answer["record"]["sources"]["circumstances"]["by"], "city");
    let decided: Vec<(&str, &str)> = answer["decisions"].as_array().unwrap().iter().map(|d| (d["category"].as_str().unwrap(), d["verdict"].as_str().unwrap())).collect();
    assert_eq!(decided[0], ("no_kin", "yes"));
    assert_eq!(decided[1], ("living_alone", "yes"), "every 孤寡 elder is 独居");
    assert_eq!(decided[3], ("left_behind", "no"));
    assert_eq!(decided[6], ("special_family", "unknown"));
    // The elders' desk record follows, for the alarm desk.
    let desk = house.ledger.elders_of(&"home-0001".into()).await.unwrap();
    assert_eq!((desk[0].tier.as_str(), desk[0].born_year), ("key", Some(1940)));
    // What came masked and goes back masked is not changed.
    let mut record = answer["record"].clone();
    record["name"] = "陈秀瑛".into();
    let (status, _) = house.post("liaison", "/api/v1/elders", &json!({ "version": 1, "record": record }).to_string()).await;
    assert_eq!(status, StatusCode::OK);
    let (_, shown) = house.post("liaison", "/api/v1/elders/elder-1/reveal", r#"{"field":"phone","reason":"visit"}"#).await;
    assert_eq!(shown["value"], "13800001234");
    let lines = house.ledger.audit(0, 100).await.unwrap();
    assert!(lines.iter().any(|line| line.who == "liaison" && line.action == "elder.reveal" && line.subject == "elder-1/phone/visit"));
    // A second writer who has not seen the first is told.
    let (status, answer) = house.post("liaison", "/api/v1/elders", &json!({ "version": 1, "record": record }).to_string()).await;
    assert_eq!((status, answer["code"].as_str()), (StatusCode::CONFLICT, Some("changed")));
    // Nobody without a first contact is forgotten.
    let (_, list) = house.get("guide", "/api/v1/elders?list=no_first_contact").await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "the town's own elder only: {list}");
}

#[tokio::test]
async fn what_is_wrong_with_a_file_is_said_all_at_once() {
    let house = House::new().await;
    enrolled(&house).await;
    let mut wrong = file("elder-3", "home-0003", "350582/meiling/guishan");
    wrong["id_number"] = "110105194912310021".into();
    wrong["filed_on"] = "2027-01-01".into();
    wrong["entered"] = json!(["no_such"]);
    let (status, answer) = house.post("city", "/api/v1/elders", &json!({ "record": wrong }).to_string()).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let fields: Vec<&str> = answer["refused"].as_array().unwrap().iter().map(|one| one["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["filed_on", "id_number", "entered"]);
    for (elder, home) in [("elder-3", "home-0003"), ("elder-4", "home-0003")] {
        let mut record = file(elder, home, "350582/meiling/guishan");
        record["id_number"] = NUMBER.into();
        record["born"] = "1949-12-31".into();
        let (status, answer) = house.post("city", "/api/v1/elders", &json!({ "record": record }).to_string()).await;
        let expected = if elder == "elder-3" { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        assert_eq!(status, expected, "{answer}");
    }
    assert_eq!(house.office.elder_with_number(NUMBER).await.unwrap(), Some("elder-3".into()));
}

#[tokio::test]
async fn a_signed_visit_is_kept_once_never_changes_and_is_corrected_beside() {
    let house = House::new().await;
    enrolled(&house).await;
    let start = "2026-11-20T01:00:00Z";
    let mut open = visit("v1", "liaison", start);
    open["form"]["gas"] = Value::Null;
    let (status, answer) = signed(&house, "liaison", open.clone()).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer["detail"].as_str().unwrap().contains("燃气安全"), "{answer}");
    let (status, _) = house.post("liaison", "/api/v1/visits", &json!({ "record": open }).to_string()).await;
    assert_eq!(status, StatusCode::OK, "a draft may be open");
    let mut done = visit("v1", "liaison", start);
    done["form"]["gas"] = "unsafe".into();
    let (status, answer) = signed(&house, "liaison", done.clone()).await;
    assert_eq!((status, answer["again"].as_bool()), (StatusCode::OK, Some(false)), "{answer}");
    assert_eq!(answer["visit"]["record"]["form"]["number"], 1);
    let (_, answer) = signed(&house, "liaison", done.clone()).await;
    assert_eq!((answer["again"].as_bool(), answer["visit"]["version"].as_u64()), (Some(true), Some(2)), "sent again, stored once");
    let mut other = done.clone();
    other["form"]["gas"] = "safe".into();
    assert_eq!(signed(&house, "liaison", other.clone()).await.0, StatusCode::UNPROCESSABLE_ENTITY, "signed is signed");
    // 不安全 opened a hazard with its follow-up in seven days.
    let (_, hazards) = house.get("guide", "/api/v1/hazards?state=open").await;
    assert_eq!(hazards["items"][0]["record"]["kind"], "gas");
    let (_, follow_ups) = house.get("guide", "/api/v1/follow-ups?state=open").await;
    assert_eq!(follow_ups["items"][0]["record"]["due_on"], plus_days(today(&house), 7).to_string());
    let (status, _) = house.post("liaison", "/api/v1/visits/v1/correct", &json!({ "record": other, "reason": "" }).to_string()).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "a correction has a reason");
    let (status, answer) = house.post("liaison", "/api/v1/visits/v1/correct", &json!({ "record": other, "reason": "误填" }).to_string()).await;
    assert_eq!((status, answer["state"].as_str()), (StatusCode::OK, Some("corrected")), "{answer}");
    let versions: Vec<_> = house.office.versions::<Visit>("v1").await.unwrap();
    assert_eq!(versions.len(), 3);
    let as_signed = serde_json::to_value(&versions[1].record).unwrap();
    assert_eq!(as_signed["form"]["gas"], "unsafe", "the signed version stays as it was");
    assert_eq!(versions[2].record.corrections[0].reason, "误填");
}

#[tokio::test]
async fn two_liaisons_who_wrote_down_the_same_visit_see_each_other() {
    let house = House::new().await;
    enrolled(&house).await;
    signed(&house, "liaison", visit("a", "liaison", "2026-11-20T01:00:00Z")).await;
    let (status, answer) = signed(&house, "guide", visit("b", "guide", "2026-11-20T01:10:00Z")).await;
    assert_eq!((status, answer["twins"][0]["id"].as_str()), (StatusCode::OK, Some("a")), "{answer}");
    let (_, first) = house.get("liaison", "/api/v1/visits/a").await;
    assert_eq!(first["twins"][0]["visitor"], "guide");
    let (_, flags) = house.get("city", "/api/v1/visits/flags?month=2026-11").await;
    let codes: Vec<&str> = flags["items"].as_array().unwrap().iter().map(|flag| flag["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"flag_twin"), "flagged for the supervisor, not deleted: {flags}");
}

#[tokio::test]
async fn what_was_written_without_signal_is_stored_once_and_one_refusal_keeps_no_other_back() {
    let house = House::new().await;
    enrolled(&house).await;
    let mut bad = visit("bad", "liaison", "2026-11-20T03:00:00Z");
    bad["start"] = "2027-01-01T00:00:00Z".into();
    bad["end"] = "2027-01-01T00:20:00Z".into();
    let body = json!({ "visits": [
        { "record": visit("one", "liaison", "2026-11-20T01:00:00Z"), "sign": true },
        { "record": bad, "sign": true },
        { "record": visit("two", "liaison", "2026-11-21T01:00:00Z"), "sign": true },
    ] })
    .to_string();
    for again in [false, true] {
        let (status, answer) = house.post("liaison", "/api/v1/visits/sync", &body).await;
        assert_eq!(status, StatusCode::OK);
        let stored: Vec<bool> = answer["items"].as_array().unwrap().iter().map(|item| item["stored"].as_bool().unwrap()).collect();
        assert_eq!(stored, [true, false, true]);
        assert_eq!(answer["items"][0]["again"], again);
    }
    let kept: Vec<_> = house.office.all::<Visit>(SheetAsk::of("visit")).await.unwrap();
    assert_eq!(kept.len(), 2);
}

#[tokio::test]
async fn a_visitor_sees_who_is_paired_a_guide_the_town_a_department_its_referrals() {
    let house = House::new().await;
    enrolled(&house).await;
    assert_eq!(house.get("guide", "/api/v1/elders/elder-2").await.0, StatusCode::NOT_FOUND, "another town");
    assert_eq!(house.get("visitor", "/api/v1/elders/elder-1").await.0, StatusCode::NOT_FOUND, "not paired");
    let pairing = json!({ "record": { "id": "", "elder": "elder-1", "home": "", "area": "", "visitor": "visitor", "from": "2026-11-01" } });
    let (status, answer) = house.post("guide", "/api/v1/pairings", &pairing.to_string()).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(house.get("visitor", "/api/v1/elders/elder-1").await.0, StatusCode::OK);
    let (_, due) = house.get("visitor", "/api/v1/due").await;
    assert_eq!((due["total"].as_u64(), due["items"][0]["elder"]["id"].as_str()), (Some(1), Some("elder-1")));
    assert_eq!(due["items"][0]["by"], "2026-11-30", "the half-month's end");
    let mut foreign = visit("x", "someone", "2026-11-20T01:00:00Z");
    foreign["visitor"] = "someone".into();
    assert_eq!(signed(&house, "visitor", foreign).await.0, StatusCode::UNPROCESSABLE_ENTITY, "one's own visits only");
    // Departments.
    assert_eq!(house.get("housing", "/api/v1/referrals").await.0, StatusCode::NOT_FOUND, "nobody has said which department");
    house.post("city", "/api/v1/departments", r#"{"person":"housing","department":"housing","since":"2026-01-01"}"#).await;
    for to in ["housing", "health"] {
        let body = json!({ "elder": "elder-1", "to": to, "words": "更换燃气软管" }).to_string();
        let (status, answer) = house.post("guide", "/api/v1/referrals", &body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    let (_, own) = house.get("housing", "/api/v1/referrals").await;
    assert_eq!(own["items"].as_array().unwrap().len(), 1);
    let id = own["items"][0]["record"]["id"].as_str().unwrap();
    assert_eq!(house.post("housing", &format!("/api/v1/referrals/{id}"), r#"{"step":"done"}"#).await.0, StatusCode::UNPROCESSABLE_ENTITY, "an outcome has words");
    let (status, answer) = house.post("housing", &format!("/api/v1/referrals/{id}"), r#"{"step":"done","words":"已更换"}"#).await;
    assert_eq!((status, answer["record"]["outcome"].as_str()), (StatusCode::OK, Some("已更换")));
    let (status, figures) = house.get("housing", "/api/v1/months/2026-11/figures").await;
    assert_eq!((status, figures["figures"]["referrals"]["housing"]["done"].as_u64()), (StatusCode::OK, Some(1)), "{figures}");
    assert!(figures["figures"]["categories"].as_object().unwrap().is_empty(), "a department gets its own part: {figures}");
    let (_, all) = house.get("city", "/api/v1/months/2026-11/figures").await;
    assert_eq!(all["figures"]["categories"]["no_kin"], 2);
    // Followed up by a person, again if it is not so.
    let (_, follow_ups) = house.get("guide", "/api/v1/follow-ups?state=open").await;
    let follow = follow_ups["items"].as_array().unwrap().iter().find(|item| item["record"]["about"] == id).unwrap()["record"]["id"].as_str().unwrap().to_owned();
    let (status, _) = house.post("guide", &format!("/api/v1/follow-ups/{follow}"), r#"{"settled":false,"words":"还在漏"}"#).await;
    assert_eq!(status, StatusCode::OK);
    let (_, next) = house.get("guide", "/api/v1/follow-ups?state=open").await;
    assert!(next["items"].as_array().unwrap().iter().any(|item| item["record"]["id"] == format!("{follow}~2")), "{next}");
}

#[tokio::test]
async fn a_closed_month_never_changes_and_a_later_reading_stands_beside_it() {
    let house = House::new().await;
    enrolled(&house).await;
    signed(&house, "liaison", visit("v1", "liaison", "2026-11-03T01:00:00Z")).await;
    let (status, answer) = house.post("city", "/api/v1/months/2026-11/close", "").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "the month is not over: {answer}");
    let (_, forecast) = house.get("guide", "/api/v1/months/2026-11/forecast").await;
    assert_eq!(forecast["will_miss"][0]["name"], "陈秀英", "named: {forecast}");
    house.pass(TimeDelta::days(10));
    assert_eq!(house.post("guide", "/api/v1/months/2026-11/close", "").await.0, StatusCode::FORBIDDEN);
    let (status, closed) = house.post("city", "/api/v1/months/2026-11/close", "").await;
    assert_eq!(status, StatusCode::OK, "{closed}");
    let (_, before) = house.get("city", "/api/v1/months/2026-11/report").await;
    assert_eq!(before["total"]["home_rate"], "0.0%", "one of the two half-months is not enough, and nobody went to the other: {before}");
    assert_eq!(before["total"]["reach_rate"], "50.0%");
    assert_eq!(before["home_missed"].as_array().unwrap().len(), 2);
    // A visit that is entered now changes the facts, and not the closed month.
    signed(&house, "liaison", visit("v2", "liaison", "2026-11-20T01:00:00Z")).await;
    let (_, after) = house.get("city", "/api/v1/months/2026-11/report").await;
    assert_eq!(serde_json::to_string(&before).unwrap(), serde_json::to_string(&after).unwrap());
    assert_eq!(house.post("city", "/api/v1/months/2026-11/close", "").await.0, StatusCode::UNPROCESSABLE_ENTITY, "once");
    let (_, town) = house.get("guide", "/api/v1/months/2026-11/report").await;
    assert_eq!((town["total"]["elders"].as_u64(), town["home_missed"][0]["id"].as_str()), (Some(1), Some("elder-1")), "{town}");
    let (_, league) = house.get("city", "/api/v1/months/2026-11/league").await;
    assert_eq!((league["items"][0]["area"].as_str(), league["items"][0]["place"].as_u64()), (Some("350582/meiling"), Some(1)));
    assert_eq!(house.post("city", "/api/v1/months/2026-11/restate", "{}").await.0, StatusCode::UNPROCESSABLE_ENTITY, "why");
    let (status, restated) = house.post("city", "/api/v1/months/2026-11/restate", r#"{"reason":"补录"}"#).await;
    assert_eq!((status, restated["total"]["home_rate"].as_str()), (StatusCode::OK, Some("50.0%")));
    let parts = house.office.closed_parts("2026-11".parse().unwrap()).await.unwrap();
    let first = parts.iter().find(|part| part.record.restated == 0 && part.record.area.is_empty()).unwrap();
    assert_eq!((first.record.seal.as_str(), first.version), (closed["seal"].as_str().unwrap(), 1));
    assert!(parts.iter().all(|part| part.record.is_intact()));
}

fn good_day(day: NaiveDate) -> DayEvidence {
    DayEvidence { day, coverage_pct: 96.0, presence_events: 14, longest_gap_hours: 9.0, devices: vec!["pir-bedroom".into()], signs_at: Vec::new() }
}

async fn consent(house: &House, state: ConsentState, at: &str) {
    let step = ConsentStep {
        state,
        at: at.parse().unwrap(),
        said_by: "本人".into(),
        taken_by: "liaison".into(),
        proof: Some(Proof::Paper("柜 3".into())),
        reason: "不想再用".into(),
        ask_again_on: None,
    };
    house.office.consent(&"elder-1".into(), "remote", step, &"liaison".into()).await.unwrap();
}

#[tokio::test]
async fn remote_monitoring_records_itself_with_evidence_and_never_counts_as_a_home_visit() {
    let house = House::new().await;
    enrolled(&house).await;
    let last = plus_days(today(&house), -1);
    let days: Vec<_> = (0..14).map(|n| (HomeId::from("home-0001"), good_day(plus_days(last, -n)))).collect();
    house.office.keep_days(days.clone()).await.unwrap();
    assert_eq!(house.office.keep_days(days).await.unwrap(), 0, "a day is kept once");
    assert!(house.office.record_remote(last).await.unwrap().is_empty(), "without consent nothing is recorded");
    consent(&house, ConsentState::Given, "2026-11-12T02:00:00Z").await;
    let recorded = house.office.record_remote(last).await.unwrap();
    assert_eq!(recorded.len(), 1);
    assert!(house.office.record_remote(last).await.unwrap().is_empty(), "once");
    assert!(house.office.record_remote(plus_days(last, -3)).await.unwrap().is_empty(), "periods do not overlap");
    let visit = house.office.get::<Visit>(&recorded[0]).await.unwrap().record;
    assert!(visit.evidence.as_ref().unwrap().is_intact());
    assert_eq!(visit.evidence.unwrap().days.len(), 7);
    let (_, report) = house.get("guide", "/api/v1/months/2026-11/report").await;
    assert_eq!((report["total"]["remote_only"].as_u64(), report["remote_only"][0]["id"].as_str()), (Some(1), Some("elder-1")), "{report}");
    assert_eq!((report["total"]["home_met"].as_u64(), report["total"]["cover"]["covered"].as_u64()), (Some(0), Some(14)));
    // Nobody types one in.
    let mut typed = self::visit("typed", "liaison", "2026-11-20T01:00:00Z");
    typed["mode"] = "remote".into();
    assert_eq!(signed(&house, "liaison", typed).await.0, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_doubtful_day_proposes_a_visit_and_a_chosen_tier_is_the_stricter_one() {
    let house = House::new().await;
    enrolled(&house).await;
    let yesterday = plus_days(today(&house), -1);
    let quiet = DayEvidence { presence_events: 1, longest_gap_hours: 19.0, ..good_day(yesterday) };
    house.office.keep_days(vec![("home-0001".into(), quiet)]).await.unwrap();
    let row = house.office.due("350582/meiling", None).await.unwrap().remove(0);
    assert_eq!((row.elder.id.as_str(), row.proposed), ("elder-1", Some(yesterday)));
    signed(&house, "liaison", visit("look", "liaison", "2026-11-23T01:00:00Z")).await;
    assert!(house.office.due("350582/meiling", None).await.unwrap().iter().all(|row| row.proposed.is_none()), "somebody went");
    let mut general = file("elder-3", "home-0003", "350582/meiling/guishan");
    general["circumstances"] = json!({});
    general["entered"] = json!(["empty_nest"]);
    general["chosen_tier"] = "key".into();
    let (status, answer) = house.post("city", "/api/v1/elders", &json!({ "record": general }).to_string()).await;
    assert_eq!((status, answer["computed_tier"].as_str()), (StatusCode::OK, Some("general")), "{answer}");
    let rows = house.office.due("350582/meiling", None).await.unwrap();
    let chosen = rows.iter().find(|row| row.elder.id.as_str() == "elder-3").unwrap();
    assert_eq!(chosen.tier.as_deref(), Some("key"));
    assert!(chosen.duties.iter().any(|duty| duty.id == "home-key"));
}

#[tokio::test]
async fn after_a_withdrawal_nothing_more_is_recorded_and_the_home_is_told() {
    let house = House::new().await;
    enrolled(&house).await;
    consent(&house, ConsentState::Given, "2026-11-01T02:00:00Z").await;
    assert_eq!(house.office.monitored().await.unwrap().get(&HomeId::from("home-0001")), Some(&true));
    consent(&house, ConsentState::Withdrawn, "2026-11-22T02:00:00Z").await;
    assert_eq!(house.office.monitored().await.unwrap().get(&HomeId::from("home-0001")), Some(&false));
    let last = plus_days(today(&house), -1);
    house.office.keep_days((0..7).map(|n| (HomeId::from("home-0001"), good_day(plus_days(last, -n)))).collect()).await.unwrap();
    assert!(house.office.record_remote(last).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_alarm_that_a_person_took_care_of_is_a_contact_of_its_real_mode() {
    let house = House::new().await;
    enrolled(&house).await;
    let id = house.press("home-0001").await;
    for (verb, body) in [("claim", "{}"), ("report", r#"{"text":"通话正常"}"#), ("close", r#"{"outcome":"help_given","text":"送药"}"#)] {
        let (status, answer) = house.post("linxiao", &format!("/api/v1/alarms/{id}/{verb}"), body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    let alarm = store::Ledger::alarm(&*house.ledger, &id).await.unwrap().unwrap().value;
    let recorded = house.office.record_handled(&alarm).await.unwrap();
    assert_eq!(recorded.len(), 1);
    assert!(house.office.record_handled(&alarm).await.unwrap().is_empty(), "once");
    let visit = house.office.get::<Visit>(&recorded[0]).await.unwrap();
    assert_eq!((visit.record.mode, visit.record.visitor.as_str()), (Mode::Phone, "linxiao"));
    assert_eq!(visit.record.signed_at, None, "this policy asks for the record of Annex 2: a draft waits for it");
}

fn warning(identifier: &str, kind: MessageKind, references: &[&str], level: Colour) -> Warning {
    let name = |identifier: &str| WarningName { sender: "met@example.cn".into(), identifier: identifier.into() };
    Warning {
        name: name(identifier),
        kind,
        sent: "2026-11-23T00:00:00Z".parse().unwrap(),
        references: references.iter().map(|one| name(one)).collect(),
        event: "typhoon".into(),
        level: Some(level),
        areas: vec!["350582".into()],
        onset: None,
        expires: None,
    }
}

#[tokio::test]
async fn a_warning_asks_for_visits_an_update_amends_and_a_cancellation_withdraws() {
    use care::office::event::Way;
    let house = House::new().await;
    enrolled(&house).await;
    let take = async |warning: Warning| house.office.take_warning(&warning, Way::Push, "met").await.unwrap();
    let owed = async || {
        let rows = house.office.due("350582/meiling", None).await.unwrap();
        rows.iter().flat_map(|row| &row.duties).filter(|duty| duty.id == "weather").count()
    };
    assert!(matches!(take(warning("1", MessageKind::Alert, &[], Colour::Orange)).await, WarningTaken::Standing { .. }));
    assert_eq!(take(warning("1", MessageKind::Alert, &[], Colour::Orange)).await, WarningTaken::Copy);
    assert_eq!(owed().await, 1);
    let mut elsewhere = warning("9", MessageKind::Alert, &[], Colour::Red);
    elsewhere.areas = vec!["110105".into()];
    assert_eq!(take(elsewhere).await, WarningTaken::Elsewhere);
    let WarningTaken::Standing { amends, .. } = take(warning("2", MessageKind::Update, &["1"], Colour::Red)).await else { panic!("not standing") };
    assert_eq!((amends.len(), owed().await), (1, 1));
    // A cancellation that overtakes what it cancels.
    assert_eq!(take(warning("4", MessageKind::Cancel, &["3", "2"], Colour::Red)).await, WarningTaken::Withdrew(vec![console::office::event_id(&warning("2", MessageKind::Alert, &[], Colour::Red).name)]));
    assert_eq!(take(warning("3", MessageKind::Alert, &[], Colour::Red)).await, WarningTaken::Superseded);
    assert_eq!(owed().await, 0);
    // By hand, for an office without a line; for one elder.
    let (status, answer) = house.post("guide", "/api/v1/extra-events", r#"{"kind":"weather","event":"typhoon","level":"orange"}"#).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(owed().await, 1);
    let id = answer["record"]["id"].as_str().unwrap();
    house.post("guide", &format!("/api/v1/extra-events/{id}/withdraw"), "{}").await;
    assert_eq!(owed().await, 0);
}

#[tokio::test]
async fn a_sample_is_called_back_and_what_is_false_goes_round_until_it_is_right() {
    let house = House::new().await;
    enrolled(&house).await;
    signed(&house, "liaison", visit("v1", "liaison", "2026-11-20T01:00:00Z")).await;
    let (status, sample) = house.post("city", "/api/v1/samples", r#"{"month":"2026-11","n":5}"#).await;
    assert_eq!((status, sample["record"]["items"][0]["visit"].as_str()), (StatusCode::OK, Some("v1")), "{sample}");
    let id = sample["record"]["id"].as_str().unwrap();
    let (status, answer) = house.post("city", &format!("/api/v1/samples/{id}/called-back"), r#"{"visit":"v1","verdict":"false","words":"老人说没人来过"}"#).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let (_, findings) = house.get("guide", "/api/v1/findings?state=problem").await;
    let finding = findings["items"][0]["record"]["id"].as_str().unwrap().to_owned();
    house.post("guide", &format!("/api/v1/findings/{finding}/fix"), r#"{"words":"已补访并批评教育"}"#).await;
    let own = house.post("guide", &format!("/api/v1/findings/{finding}/check"), r#"{"accepted":true}"#).await;
    assert_eq!(own.0, StatusCode::UNPROCESSABLE_ENTITY, "nobody checks what they did themselves");
    let (status, closed) = house.post("city", &format!("/api/v1/findings/{finding}/check"), r#"{"accepted":true,"words":"属实"}"#).await;
    assert_eq!((status, closed["state"].as_str()), (StatusCode::OK, Some("closed")));
}

#[tokio::test]
async fn a_grave_incident_is_the_citys_until_it_is_reviewed() {
    let house = House::new().await;
    enrolled(&house).await;
    let (status, incident) = house.post("liaison", "/api/v1/incidents", r#"{"elder":"elder-1","words":"敲门无应答，屋内有异味","grave":true}"#).await;
    assert_eq!((status, incident["state"].as_str()), (StatusCode::OK, Some("grave")), "{incident}");
    let path = format!("/api/v1/incidents/{}", incident["record"]["id"].as_str().unwrap());
    assert_eq!(house.post("liaison", &path, r#"{"did":"emergency_call","number":"999"}"#).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    house.pass(TimeDelta::seconds(40));
    let (_, called) = house.post("liaison", &path, r#"{"did":"emergency_call","number":"120"}"#).await;
    assert_eq!(called["record"]["emergency"]["number"], "120");
    assert_eq!(house.post("liaison", &path, r#"{"did":"close","words":"送医"}"#).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(house.post("liaison", &path, r#"{"did":"review","words":"复盘"}"#).await.0, StatusCode::FORBIDDEN);
    house.post("city", &path, r#"{"did":"review","words":"已复盘"}"#).await;
    assert_eq!(house.post("liaison", &path, r#"{"did":"close","words":"送医"}"#).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_person_gets_a_copy_and_is_erased_unless_a_hold_stands() {
    let house = House::new().await;
    enrolled(&house).await;
    signed(&house, "liaison", visit("v1", "liaison", "2026-11-20T01:00:00Z")).await;
    consent(&house, ConsentState::Given, "2026-11-01T02:00:00Z").await;
    let home = HomeId::from("home-0001");
    house.office.keep_days(vec![(home.clone(), good_day("2026-11-20".parse().unwrap()))]).await.unwrap();
    let (status, copy) = house.get("guide", "/api/v1/elders/elder-1/copy").await;
    assert_eq!(status, StatusCode::OK);
    let text = copy.to_string();
    for part in ["陈秀英", "13800001234", "cannot_sign", "柜 3", "华法林", "pir-bedroom", "13812342201"] {
        assert!(text.contains(part), "{part} is missing in the copy");
    }
    assert_eq!(house.post("city", "/api/v1/elders/elder-1/hold", r#"{"reason":"法院（2026）1 号"}"#).await.0, StatusCode::OK);
    assert_eq!(house.post("city", "/api/v1/elders/elder-1/erase", r#"{"reason":"本人要求"}"#).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    house.pass(TimeDelta::days(500));
    assert_eq!(house.office.expire(&Retention::default()).await.unwrap(), 0, "a hold keeps the days of the home");
    let lift = house.post("city", "/api/v1/elders/elder-1/lift-hold", r#"{"reason":"结案"}"#).await;
    assert_eq!(lift.0, StatusCode::UNAUTHORIZED, "a token of last year has ended");
    house.office.lift_hold(&"elder-1".into(), "结案", &"city".into()).await.unwrap();
    let gone = house.office.erase_elder(&"elder-1".into(), "本人要求", &"city".into()).await.unwrap();
    assert!(gone >= 4, "{gone}");
    assert_eq!(house.office.find::<ElderFile>("elder-1").await.unwrap(), None);
    assert!(house.office.all::<Consent>(SheetAsk::of("consent")).await.unwrap().is_empty());
    assert!(house.office.all::<Visit>(SheetAsk::of("visit")).await.unwrap().is_empty());
    assert!(house.office.all::<HomeDay>(SheetAsk::of("home_day")).await.unwrap().is_empty());
    assert_eq!(house.office.brief(&"elder-1".into()).await.unwrap(), None, "the read model has forgotten, too");
    let desk = house.ledger.elders_of(&home).await.unwrap();
    assert_eq!((desk[0].name.as_str(), desk[0].phone.as_str(), desk[0].id_number.as_str()), ("", "", ""));
    assert!(house.ledger.contacts_of(&home).await.unwrap().iter().filter(|c| c.home.is_some()).all(|c| c.name.is_empty() && c.addresses.is_empty()));
}

#[tokio::test]
async fn what_has_been_kept_long_enough_is_erased_by_itself() {
    let house = House::new().await;
    enrolled(&house).await;
    let old = plus_days(today(&house), -401);
    house.office.keep_days(vec![("home-0001".into(), good_day(old)), ("home-0001".into(), good_day(plus_days(old, 2)))]).await.unwrap();
    house.post("liaison", "/api/v1/visits", &json!({ "record": visit("draft", "liaison", "2026-06-01T01:00:00Z") }).to_string()).await;
    assert_eq!(house.office.expire(&Retention::default()).await.unwrap(), 2, "the day and the draft");
    let days = house.office.all::<HomeDay>(SheetAsk::of("home_day")).await.unwrap();
    assert_eq!(days.len(), 1);
    assert_eq!(house.office.expire(&Retention::default()).await.unwrap(), 0);
}

#[tokio::test]
async fn the_read_model_is_the_sheets_whatever_the_order_they_are_read_in() {
    let house = House::new().await;
    enrolled(&house).await;
    for (id, start) in [("a", "2026-11-02T01:00:00Z"), ("b", "2026-11-18T01:00:00Z")] {
        signed(&house, "liaison", visit(id, "liaison", start)).await;
    }
    let month: Month = "2026-11".parse().unwrap();
    let known = house.office.report(month, "").await.unwrap().report.seal();
    // A second office over the same sheets: the model is built anew.
    let fresh = console::office::Office::new(house.ledger.clone(), house.clock.clone(), house.office.rules().clone());
    assert_eq!(fresh.report(month, "").await.unwrap().report.seal(), known);
    assert_eq!(house.office.report(month, "").await.unwrap().report.total.home_met, 1);
    assert!(matches!(house.office.get::<Hazard>("none").await, Err(OfficeError::NotFound)));
    assert!(start_of_day(month.first(), house.office.zone()) < house.office.now());
    assert_eq!(house.office.decisions(&ElderId::from("elder-1")).await.unwrap().len(), 7);
    let mut file = house.office.get::<ElderFile>("elder-1").await.unwrap();
    file.record.past_illness = "冠心病".into();
    let review = house.office.review_elder(file.record, file.version, &"liaison".into()).await.unwrap();
    assert_eq!(review.changes.iter().map(|change| change.field.as_str()).collect::<Vec<_>>(), ["past_illness"]);
    let again = house.office.get::<ElderFile>("elder-1").await.unwrap();
    assert_eq!((again.record.reviewed_on, again.record.sources["past_illness"].from), (Some(today(&house)), SourceKind::Survey));
}
