//! Stories of the pages about plans of action, rotas and daily calls: what people see, what they change, and what is refused.

use crate::office_pages::{form, look, send};
use crate::support::{House, text};
use axum::http::StatusCode;
use care::plan::Order;
use care::{Cause, Level, TimeDelta};
use store::{Ledger, Register};

const NUMBERS: [(&str, &str); 4] = [("round_pause", "60"), ("round_pause_max", "600"), ("report_within", "15"), ("close_within", "480")];

/// The form of a home's plan with these people on its first rung.
fn plan(home: &str, people: &[&str], more: &[(&str, &str)]) -> String {
    let slots: Vec<(String, &str)> = people.iter().enumerate().map(|(n, id)| (format!("contact.0.{n}"), *id)).collect();
    let channels: Vec<(String, &str)> = (0..people.len()).map(|n| (format!("channels.0.{n}"), "voice, sms")).collect();
    let mut pairs: Vec<(&str, &str)> = vec![("kind", "home"), ("id", home), ("home", home), ("cause", ""), ("level", "red"), ("order.0", "in_turn"), ("wait.0", "40"), ("check", "no")];
    pairs.extend(NUMBERS);
    pairs.extend(slots.iter().chain(&channels).map(|(name, value)| (name.as_str(), *value)));
    pairs.extend(more);
    form(&pairs)
}

#[tokio::test]
async fn the_pages_are_there_in_both_languages_and_say_who_is_called() {
    let house = House::new().await;
    let cookie = house.session("lead").await;
    for path in ["/plans", "/plans?home=home-0001", "/plans/lacking", "/plans/edit", "/plans/edit?kind=home&id=home-0001", "/plans/edit?kind=city", "/rotas", "/rotas/edit", "/well-calls"] {
        for language in ["zh", "en"] {
            let (status, page) = house.page(&format!("{cookie}; hearthline-language={language}"), path).await;
            assert_eq!(status, StatusCode::OK, "{path}: {page}");
            assert!(page.contains("<h1") && !page.contains(" style=") && !page.contains(" onclick"), "{path}");
            assert!(page.contains("href=\"/plans\" aria-current=\"page\""), "{path} stands in the navigation");
        }
    }
    let (_, page) = look(&house, "lead", "/plans?home=home-0001").await;
    for words in ["这一家目前适用", "1. 陈丽 女儿", "2. 黄志强 联络员", "同时", "紧急呼叫", "家庭 home-0001", "全市"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    // Who takes no alarms sees no whole names of families.
    let (_, page) = look(&house, "liaison", "/plans?home=home-0001").await;
    assert!(page.contains("陈*") && !page.contains("陈丽"), "{page}");
    assert!(!page.contains("/plans/edit"), "nor what may not be changed");
    assert_eq!(look(&house, "liaison", "/plans/edit").await.0, StatusCode::FORBIDDEN);
    assert_eq!(look(&house, "dongshi", "/plans?home=home-0001").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_plan_is_made_in_a_form_what_is_refused_comes_back_as_written_and_an_ended_one_makes_way() {
    let house = House::new().await;
    let (_, page) = look(&house, "lead", "/plans/lacking").await;
    assert!(page.contains("/plans/edit?kind=home&amp;id=home-0002") || page.contains("/plans/edit?kind=home&#38;id=home-0002"), "{page}");
    let refused = send(&house, "lead", "/plans/edit", plan("home-0001", &["c-daughter", "c-liaison"], &[])).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let page = text(refused).await;
    assert!(page.contains("至少要有三位联系人") && page.contains("value=\"40\""), "{page}");
    let hours = ("hours", "陈丽 | 8 Uhr | 20:00");
    let refused = text(send(&house, "lead", "/plans/edit", plan("home-0001", &["c-daughter", "c-liaison", "c-neighbour"], &[hours])).await).await;
    assert!(refused.contains("时间写法不对") && refused.contains("8 Uhr"), "{refused}");
    let hours = ("hours", "陈丽 | 08:00 | 20:00 | 1,2,3");
    let taken = send(&house, "lead", "/plans/edit", plan("home-0001", &["c-daughter", "c-liaison", "c-neighbour"], &[hours])).await;
    assert_eq!(taken.status(), StatusCode::SEE_OTHER, "{}", text(taken).await);
    let holds = house.ledger.plan(&"home-0001".into(), &Cause::Call, Level::Red).await.unwrap();
    assert_eq!((holds.rungs.len(), holds.rungs[0].order, holds.rungs[0].wait), (1, Order::InTurn, TimeDelta::seconds(40)));
    assert_eq!(holds.rungs[0].contacts[1].channels.iter().map(|c| c.as_str()).collect::<Vec<_>>(), ["voice", "sms"]);
    let span = &holds.hours[&"c-daughter".into()][0];
    assert_eq!((span.from_min, span.to_min, span.days.as_slice()), (480, 1200, [1, 2, 3].as_slice()), "a name stands for its contact");
    let (_, page) = look(&house, "lead", "/plans/edit?kind=home&id=home-0001&level=red").await;
    assert!(page.contains("c-daughter | 08:00 | 20:00 | 1,2,3") && page.contains("/plans/end"), "{page}");

    let place = form(&[("kind", "home"), ("id", "home-0001"), ("home", "home-0001"), ("level", "red")]);
    assert_eq!(send(&house, "lead", "/plans/end", place).await.status(), StatusCode::SEE_OTHER);
    let holds = house.ledger.plan(&"home-0001".into(), &Cause::Call, Level::Red).await.unwrap();
    assert_eq!(holds.rungs.len(), 2, "the home's plan for every level holds again");
    // Outside one's area there is nothing to make a plan for.
    let elsewhere = form(&[("kind", "area"), ("id", "110000")]);
    assert_eq!(send(&house, "city", "/plans/edit", elsewhere).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_plan_for_an_elder_finds_the_home_and_asks_the_elder_first_if_so_wanted() {
    let house = House::new().await;
    let mut pairs = vec![("kind", "elder"), ("id", "elder-1"), ("home", "home-0001"), ("cause", "inactivity"), ("level", "attention"), ("order.0", "at_once"), ("wait.0", "30"), ("contact.0.0", "c-daughter"), ("channels.0.0", "voice")];
    pairs.extend(NUMBERS);
    pairs.extend([("check", "yes"), ("check_within", "15"), ("check_again", "5"), ("check_channels", "voice")]);
    let taken = send(&house, "lead", "/plans/edit", form(&pairs)).await;
    assert_eq!(taken.status(), StatusCode::SEE_OTHER, "{}", text(taken).await);
    let holds = house.ledger.plan(&"home-0001".into(), &Cause::Inactivity, Level::Attention).await.unwrap();
    assert_eq!(holds.check_call.unwrap().within, TimeDelta::minutes(15));
    let (_, page) = look(&house, "lead", "/plans?home=home-0001").await;
    assert!(page.contains("15 分钟内按 1"), "{page}");
}

#[tokio::test]
async fn a_rota_shows_who_is_on_duty_and_the_stand_in_takes_over_when_the_person_is_away() {
    let house = House::new().await;
    let local = |hours: i64| (house.now() + TimeDelta::hours(hours)).with_timezone(&chrono_tz::Asia::Shanghai).format("%Y-%m-%d %H:%M").to_string();
    let shifts = format!("黄志强 | {} | {} | c-neighbour", local(-1), local(7));
    let rota = |version: &str, shifts: &str| form(&[("name", "guishan"), ("version", version), ("area", "350582/meiling/guishan"), ("otherwise", ""), ("shifts", shifts)]);
    let refused = text(send(&house, "lead", "/rotas/edit", rota("0", "黄志强 | heute | morgen")).await).await;
    assert!(refused.contains("班次写法不对") && refused.contains("heute"), "{refused}");
    let taken = send(&house, "lead", "/rotas/edit", rota("0", &shifts)).await;
    assert_eq!(taken.status(), StatusCode::SEE_OTHER, "{}", text(taken).await);
    let (_, page) = look(&house, "linxiao", "/rotas").await;
    assert!(page.contains("黄志强 联络员 → 林伯 邻居") && page.contains("七天内有空档"), "{page}");
    let sheet = house.ledger.sheet("rota", "guishan").await.unwrap().unwrap();
    let from = sheet.body["shifts"][0]["from"].as_str().unwrap().parse::<care::Timestamp>().unwrap().timestamp();
    let away = form(&[("name", "guishan"), ("version", "1"), ("shift", &format!("{from}|c-liaison")), ("away", "yes")]);
    assert_eq!(send(&house, "lead", "/rotas/away", away.clone()).await.status(), StatusCode::SEE_OTHER);
    let (_, page) = look(&house, "linxiao", "/rotas").await;
    assert!(page.contains("林伯 邻居") && !page.contains("黄志强"), "{page}");
    let late = send(&house, "lead", "/rotas/away", away).await;
    assert_eq!(late.status(), StatusCode::UNPROCESSABLE_ENTITY, "somebody has changed it meanwhile");
    assert_eq!(look(&house, "lead", "/rotas/edit?name=nobody").await.0, StatusCode::NOT_FOUND);
    // The plan's form offers it.
    let (_, page) = look(&house, "lead", "/plans/edit?kind=home&id=home-0001").await;
    assert!(page.contains("value=\"rota.guishan\""), "{page}");
}

#[tokio::test]
async fn a_daily_call_is_entered_changed_and_ended_on_its_page() {
    let house = House::new().await;
    let begin = |at: &str| form(&[("home", "home-0001"), ("elder", ""), ("at", at)]);
    let refused = text(send(&house, "lead", "/well-calls", begin("nine")).await).await;
    assert!(refused.contains("时间写法不对") && refused.contains("value=\"home-0001\""), "{refused}");
    for at in ["09:00", "08:30"] {
        assert_eq!(send(&house, "lead", "/well-calls", begin(at)).await.status(), StatusCode::SEE_OTHER);
    }
    let (_, page) = look(&house, "lead", "/well-calls").await;
    assert!(page.contains("08:30") && page.contains("陈秀英") && !page.contains("<td>09:00"), "{page}");
    let other = form(&[("home", "home-0001"), ("elder", "elder-2"), ("at", "09:00")]);
    assert_eq!(send(&house, "lead", "/well-calls", other).await.status(), StatusCode::UNPROCESSABLE_ENTITY, "who does not live there");
    let end = form(&[("which", "home-0001|elder-1")]);
    assert_eq!(send(&house, "lead", "/well-calls", end).await.status(), StatusCode::SEE_OTHER);
    let (_, page) = look(&house, "lead", "/well-calls").await;
    assert!(!page.contains("08:30"), "{page}");
}
