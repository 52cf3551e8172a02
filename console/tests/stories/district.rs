//! A district whose power is cut: one row, its homes under it, and one close for those that are heard again.

use crate::support::House;
use care::{Cause, Reason};
use serde_json::json;
use store::ledger::Which;
use store::Ledger;

async fn open(house: &House) -> Vec<String> {
    let mut open: Vec<String> = house.ledger.alarms(Which::Open, None, 500).await.unwrap().into_iter().map(|s| s.value.home.to_string()).collect();
    open.sort();
    open
}

#[tokio::test]
async fn homes_of_a_dark_village_are_one_row_and_are_closed_with_it_as_far_as_they_are_heard_again() {
    let house = House::new().await;
    house.follow();
    for home in ["home-0001", "home-0002", "home-0003"] {
        house.raise(home, Cause::Technical("hub_offline".into()), Reason::new("home_blind")).await;
    }
    let about = Cause::Technical("district_silent/350582/meiling".into());
    let id = house.raise("platform", about, Reason::new("district_silent")).await;
    let cookie = house.session("linxiao").await;
    let rows = async |html: &str| html.matches("data-alarm=").count();
    let mut queue = String::new();
    for _ in 0..2_000 {
        queue = house.page(&cookie, "/").await.1;
        if queue.contains("同一原因，共 2 户") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert!(queue.contains("同一原因，共 2 户") && queue.contains("片区失联"), "{queue}");
    assert!(queue.contains("吴阿土") && !queue.contains("王建国"), "the town by the sea is not dark: it keeps its row");
    let card = house.page(&cookie, &format!("/?alarm={id}")).await.1;
    assert!(card.contains("王建国") && card.contains("陈秀英") && rows(&card).await >= 2, "{card}");

    // one home is back, of the other nothing is heard yet
    let back = care::alarm::Over { device: None, at: house.now(), reason: Reason::new("over_home").time("at", house.now()) };
    let under = house.ledger.open_alarm(&"home-0001".into(), &Cause::Technical("hub_offline".into())).await.unwrap().unwrap().value.id;
    store::desk::give(&*house.ledger, &under, care::alarm::Input::Over(back), vec![], house.now()).await.unwrap();
    let card = house.page(&cookie, &format!("/?alarm={under}")).await.1;
    assert!(card.contains("又收到该户的消息") && card.contains("后自动结束"), "{card}");
    let shown = house.get("linxiao", &format!("/api/v1/alarms/{under}")).await.1;
    assert!(shown["over_at"].is_string() && shown["over_reason"]["code"] == "over_home" && shown["claimed_by"].is_null(), "{shown}");
    let at = format!("/api/v1/alarms/{id}");
    house.post("linxiao", &format!("{at}/claim"), "{}").await;
    house.post("linxiao", &format!("{at}/report"), &json!({"text": "供电局抢修，已恢复"}).to_string()).await;
    let (status, _) = house.post("linxiao", &format!("{at}/close"), &json!({"outcome": "device_fault", "reason": ""}).to_string()).await;
    assert_eq!(status, 200, "closed");
    assert_eq!(open(&house).await, ["home-0002", "home-0003"]);
}
