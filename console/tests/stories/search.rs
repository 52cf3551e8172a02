//! Stories of finding a home while somebody waits on the phone.

use crate::support::{House, elder};
use axum::http::StatusCode;
use care::TimeDelta;
use store::Register;

/// Percent-encoded, as a browser sends it.
fn sent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

async fn found(house: &House, who: &str, text: &str) -> Vec<String> {
    let (status, page) = house.get(who, &format!("/api/v1/homes?text={}", sent(text))).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    assert!(page["next"].is_null());
    page["items"].as_array().unwrap().iter().map(|home| home["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_home_is_found_by_what_a_caller_says() {
    let house = House::new().await;
    // A name, a part of it, its first letters, the end of the daughter's number, the street, the identifier.
    for text in ["陈秀英", "秀英", "cxy", "CX", "2201", "长兴路", " 长兴路 12 号 ", "home-0001"] {
        assert_eq!(found(&house, "linxiao", text).await, ["home-0001"], "{text}");
    }
    assert_eq!(found(&house, "linxiao", "桂山社区").await, ["home-0001", "home-0003"]);
    for text in ["张", "5678", "zzz"] {
        assert!(found(&house, "linxiao", text).await.is_empty(), "{text}: the liaison's number stands for many homes");
    }
    assert_eq!(house.get("linxiao", &format!("/api/v1/homes?text={}", "x".repeat(65))).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let cookie = house.session("linxiao").await;
    let (_, page) = house.page(&cookie, "/homes?text=cxy").await;
    assert!(page.contains("陈秀英") && !page.contains("吴阿土"), "{page}");
    let (_, file) = house.page(&cookie, "/homes?text=cxy&format=csv").await;
    assert!(file.contains("home-0001,陈秀英,") && !file.contains("home-0002"), "{file}");
    let (_, file) = house.page(&cookie, "/homes?format=json").await;
    assert!(["home-0001", "home-0002", "home-0003"].iter().all(|home| file.contains(home)), "{file}");
    assert_eq!(house.page(&cookie, "/homes?format=exe").await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(house.page(&cookie, &format!("/homes?text={}", sent("查无此人"))).await.1.contains("没有找到"));
}

#[tokio::test]
async fn a_search_leads_nowhere_that_its_asker_may_not_look() {
    let house = House::new().await;
    assert!(found(&house, "dongshi", "cxy").await.is_empty(), "another town");
    assert_eq!(found(&house, "dongshi", "吴阿土").await, ["home-0002"]);
    // Who sees masked names is not told by a search what is behind the mask.
    for text in ["陈秀英", "cxy", "2201", "长兴路"] {
        assert!(found(&house, "liaison", text).await.is_empty(), "{text}");
    }
    assert_eq!(found(&house, "liaison", "home-0001").await, ["home-0001"]);
}

#[tokio::test(start_paused = true)]
async fn who_moves_in_is_found_within_a_minute_or_two() {
    let house = House::new().await;
    assert!(found(&house, "linxiao", "许金枝").await.is_empty());
    house.ledger.put(vec![elder("elder-9", "home-0002", "许金枝")]).await.unwrap();
    tokio::time::advance(TimeDelta::seconds(61).to_std().unwrap()).await;
    found(&house, "linxiao", "许金枝").await;
    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    assert_eq!(found(&house, "linxiao", "许金枝").await, ["home-0002"]);
}
