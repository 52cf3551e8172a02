//! The office of a made-up town, to look at and for the browser's tests: `cargo run -p console --example office -- 127.0.0.1:8091`,
//! then sign in as `liaison`, `guide` or `city` with the password `correct horse`.

#![allow(clippy::unwrap_used, reason = "a trial with made-up elders")]

#[path = "../tests/stories/support.rs"]
mod support;

use care::office::elder::{EmergencyContact, FirstContact, Source, SourceKind};
use care::office::import::{Offer, create};
use care::policy::Ability;
use care::{ElderId, HomeId, PersonId, TimeDelta, Timestamp};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use support::{House, area};

fn wall() -> Timestamp {
    SystemTime::now().into()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let addr: SocketAddr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8091".into()).parse()?;
    let more = vec![area("350582", "晋江市"), area("350582/meiling", "梅岭街道"), area("350582/meiling/guishan", "桂山社区")];
    let house = House::with(|s| s.addr = addr, more).await;
    *house.clock.0.lock().unwrap() = wall();
    let today = house.office.today();
    let names = ["陈秀英", "林喆堃", "许金枝", "蔡火旺", "王阿珍", "林进财", "黄秀英", "洪金水", "吴美珠", "郑文德", "陈𬭎", "施阿梅"];
    for (n, name) in names.iter().enumerate() {
        let by = PersonId::from("city");
        let source = Source { from: SourceKind::Village, batch: String::new(), row: None, at: wall(), by: by.clone() };
        let offer = Offer {
            name: (*name).to_owned(),
            born: today.checked_sub_signed(TimeDelta::days(365 * (66 + 2 * i64::try_from(n)?) + 40)),
            address: Some(format!("长兴路 {} 号", n + 3)),
            categories: vec![if n % 3 == 1 { "empty_nest" } else { "living_alone" }],
            ability: Some(if n % 4 == 0 { Ability::Moderate } else { Ability::None }),
            enrolled_on: today.checked_sub_signed(TimeDelta::days(200)),
            ..Offer::default()
        };
        let mut file = create(&offer, ElderId::new(format!("elder-{n:02}")), HomeId::new(format!("home-9{n:03}")), "350582/meiling/guishan", &source, today)?;
        file.phone = format!("1380000{:04}", n * 37);
        file.emergency = vec![EmergencyContact { name: "陈丽".into(), phone: "13900001234".into(), relation: "女儿".into(), ..EmergencyContact::default() }];
        if n % 3 != 1 {
            file.first_contact = Some(FirstContact { name: "黄志强".into(), relation: "联络员".into(), phone: "13700001111".into(), child_near: false, appointed_by: Some(by.clone()), since: today });
        }
        house.office.save_elder(file, 0, &by, SourceKind::Village, None).await?;
    }
    let clock = Arc::clone(&house.clock);
    let bound = house.console.bind().await?;
    println!("http://{}  (liaison, guide, city / {})", bound.addr(), support::PASSWORD);
    let ticking = async {
        loop {
            tokio::time::sleep(Duration::from_millis(200)).await;
            *clock.0.lock().unwrap() = wall();
        }
    };
    tokio::select! { () = bound.serve(std::future::pending()) => {}, () = ticking => {} }
    Ok(())
}
