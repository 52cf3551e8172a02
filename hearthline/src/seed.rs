//! A made-up town: nobody in it exists. The same number of homes gives the same town.

use care::plan::{CheckCall, Order, Plan, Rung, RungContact};
use care::{ContactId, ElderId, HomeId, Level, TimeDelta, Timestamp};
use std::collections::BTreeMap;
use store::register::{Area, ContactRecord, DeviceRecord, ElderRecord, HomeRecord, PlanRecord, PlanScope, Put};

const SURNAMES: [&str; 20] = ["陈", "林", "黄", "张", "李", "王", "吴", "蔡", "刘", "杨", "许", "郑", "谢", "郭", "洪", "曾", "邱", "苏", "庄", "施"];
const GIVEN_F: [&str; 12] = ["秀英", "丽珍", "玉兰", "金枝", "美华", "淑贞", "桂香", "阿梅", "月娥", "素琴", "宝珠", "彩云"];
const GIVEN_M: [&str; 12] = ["建国", "志强", "阿土", "火旺", "明德", "国栋", "天赐", "文辉", "永福", "金水", "清源", "添丁"];
const TOWNS: [(&str, &str); 6] = [("qingyang", "青阳街道"), ("meiling", "梅岭街道"), ("anhai", "安海镇"), ("dongshi", "东石镇"), ("jinjing", "金井镇"), ("yinglin", "英林镇")];
const VILLAGES: [(&str, &str); 4] = [("v1", "一村"), ("v2", "二村"), ("v3", "三村"), ("v4", "四村")];

/// The city's path in the area tree.
pub const CITY: &str = "demo-city";

fn pick<T: Copy>(list: &[T], n: usize) -> Option<T> {
    list.get(n % list.len().max(1)).copied()
}

/// The identifier of the n-th home, from 1: `home-0001`.
pub fn home_id(n: usize) -> HomeId {
    HomeId::new(format!("home-{n:04}"))
}

fn contact_id(n: usize, which: &str) -> ContactId {
    ContactId::new(format!("home-{n:04}.{which}"))
}

/// The areas of the town.
pub fn areas() -> Vec<Put> {
    let mut out = vec![Put::Area(Area { id: CITY.into(), name: "示例市".into() })];
    for (town, name) in TOWNS {
        out.push(Put::Area(Area { id: format!("{CITY}/{town}"), name: name.into() }));
        for (village, village_name) in VILLAGES {
            out.push(Put::Area(Area { id: format!("{CITY}/{town}/{village}"), name: format!("{name}{village_name}") }));
        }
    }
    out
}

/// Everything the register knows of the n-th home (from 1): elder, contacts, devices, plans.
/// `webhook` adds a contact that is told by a signed request.
pub fn home(n: usize, webhook: bool, now: Timestamp) -> Vec<Put> {
    let home = home_id(n);
    let (town, town_name) = pick(&TOWNS, n).unwrap_or_default();
    let (village, village_name) = pick(&VILLAGES, n / TOWNS.len()).unwrap_or_default();
    let female = !n.is_multiple_of(3);
    let surname = pick(&SURNAMES, n * 7 + n / 20).unwrap_or_default();
    let given = if female { pick(&GIVEN_F, n * 5 + n / 12) } else { pick(&GIVEN_M, n * 5 + n / 12) }.unwrap_or_default();
    let age = 68 + i32::try_from(n * 13 % 27).unwrap_or_default();
    let born = chrono::Datelike::year(&now.date_naive()) - age;
    // What a simulated phone does depends on the last digit of its number: some children do not answer, some have a voicemail.
    let manner = |k: usize| match (k, n % 5) {
        (1, 3) => 7,
        (1, 4) => 6,
        (2, 3) => 8,
        (k, _) => k,
    };
    let phone = |k: usize| format!("+86138{:07}{}", n % 10_000_000, manner(k));
    let child = pick(&["陈丽", "林伟", "黄敏", "张强"], n).unwrap_or_default();
    let contact = |which: &str, name: &str, relation: &str, k: usize| {
        Put::Contact(ContactRecord {
            id: contact_id(n, which),
            home: Some(home.clone()),
            name: name.to_owned(),
            relation: relation.to_owned(),
            addresses: BTreeMap::from([("voice".to_owned(), phone(k))]),
            language: "zh".to_owned(),
        })
    };
    let mut out = vec![
        Put::Home(HomeRecord {
            id: home.clone(),
            area: format!("{CITY}/{town}/{village}"),
            address: format!("{town_name}{village_name}长兴路 {} 号 {} 楼 {}02", n % 180 + 1, n % 6 + 1, n % 6 + 1),
            access_notes: pick(&["钥匙在楼下便利店", "门向内开", "家有一只狗", "电梯需刷卡，物业 24 小时"], n).unwrap_or_default().to_owned(),
        }),
        Put::Elder(ElderRecord {
            id: ElderId::new(format!("elder-{n:04}")),
            home: home.clone(),
            name: format!("{surname}{given}"),
            born_year: Some(born),
            sex: if female { "female" } else { "male" }.to_owned(),
            phone: phone(0),
            id_number: String::new(),
            health_notes: pick(&["高血压", "糖尿病", "冠心病，随身带药", ""], n).unwrap_or_default().to_owned(),
            tier: if age >= 80 { "key" } else { "general" }.to_owned(),
            speech_notes: pick(&["听力差，请说慢", "说闽南话", ""], n).unwrap_or_default().to_owned(),
        }),
        contact("child", child, if n.is_multiple_of(2) { "daughter" } else { "son" }, 1),
        contact("neighbour", "林伯", "neighbour", 2),
        contact("liaison", "黄志强", "village_liaison", 3),
        contact("doctor", "苏医生", "family_doctor", 4),
    ];
    for (id, kind, room, exit) in [
        ("button", "button", "卧室", false),
        ("motion-bedroom", "motion", "卧室", false),
        ("motion-kitchen", "motion", "厨房", false),
        ("motion-bathroom", "motion", "卫生间", false),
        ("motion-living", "motion", "客厅", false),
        ("motion-hall", "motion", "过道", false),
        ("bed-1", "bed", "卧室", false),
        ("seat-1", "seat", "客厅", false),
        ("fridge", "contact", "厨房", false),
        ("kettle", "power", "厨房", false),
        ("water-1", "water", "卫生间", false),
        ("leak-1", "water_leak", "卫生间", false),
        ("fall-1", "fall", "客厅", false),
        ("door", "door", "门口", true),
        ("smoke", "smoke", "厨房", false),
        ("gas", "gas", "厨房", false),
        ("hub", "hub", "", false),
    ] {
        out.push(Put::Device(DeviceRecord { home: home.clone(), id: id.into(), kind: kind.into(), room: room.into(), exit_door: exit, enrolled_at: now, retired_at: None }));
    }
    out.extend(plans(n, webhook).into_iter().map(Put::Plan));
    out
}

/// The plans of the n-th home: everybody close at once for red alarms, in turn for the rest, nobody for technical ones.
pub fn plans(n: usize, webhook: bool) -> Vec<PlanRecord> {
    let voice = |which: &str| RungContact { contact: contact_id(n, which), channels: vec!["voice".into()] };
    let rung = |contacts: Vec<RungContact>, order, wait| Rung { contacts, order, wait: TimeDelta::seconds(wait) };
    let mut first = vec![voice("child"), voice("neighbour")];
    let mut calm = vec![voice("child")];
    if webhook {
        let hook = RungContact { contact: WEBHOOK_CONTACT.into(), channels: vec!["webhook".into()] };
        first.insert(0, hook.clone());
        calm.insert(0, hook);
    }
    let second = rung(vec![voice("liaison"), voice("doctor")], Order::InTurn, 30);
    let scope = PlanScope::Home(home_id(n));
    let plan = |first: Vec<RungContact>, order| Plan { rungs: vec![rung(first, order, 30), second.clone()], ..Plan::default() };
    vec![
        PlanRecord { scope: scope.clone(), cause: None, level: Some(Level::Red), plan: plan(first.clone(), Order::AtOnce) },
        PlanRecord { scope: scope.clone(), cause: None, level: Some(Level::Urgent), plan: plan(first, Order::AtOnce) },
        // Doubt is asked about first: "press 1 if all is well".
        PlanRecord { scope, cause: None, level: Some(Level::Attention), plan: Plan { check_call: Some(CheckCall::default()), ..plan(calm, Order::AtOnce) } },
    ]
}

/// The contact behind `demo --webhook`.
pub const WEBHOOK_CONTACT: &str = "webhook";

/// What holds for homes without a plan of their own: red alarms reach the liaison on duty, and the rest the operators' queue.
pub fn city_plans(webhook: bool) -> Vec<Put> {
    let mut contacts = vec![RungContact { contact: DUTY_CONTACT.into(), channels: vec!["voice".into()] }];
    if webhook {
        contacts.insert(0, RungContact { contact: WEBHOOK_CONTACT.into(), channels: vec!["webhook".into()] });
    }
    let ringing = Plan { rungs: vec![Rung { contacts, order: Order::AtOnce, wait: TimeDelta::seconds(30) }], ..Plan::default() };
    let mut out: Vec<Put> = [Level::Red, Level::Urgent]
        .into_iter()
        .map(|level| Put::Plan(PlanRecord { scope: PlanScope::City, cause: None, level: Some(level), plan: ringing.clone() }))
        .collect();
    out.push(Put::Plan(PlanRecord { scope: PlanScope::City, cause: None, level: None, plan: Plan::default() }));
    out.push(Put::Contact(ContactRecord {
        id: DUTY_CONTACT.into(),
        home: None,
        name: "值班电话".into(),
        relation: "duty_phone".into(),
        addresses: BTreeMap::from([("voice".to_owned(), "+8613899999999".to_owned())]),
        language: "zh".into(),
    }));
    out
}

/// The duty phone of the demo's town.
pub const DUTY_CONTACT: &str = "duty-phone";

/// The contact behind `demo --webhook URL`.
pub fn webhook_contact(url: &str) -> Put {
    Put::Contact(ContactRecord {
        id: WEBHOOK_CONTACT.into(),
        home: None,
        name: "Webhook".into(),
        relation: "dispatch".into(),
        addresses: BTreeMap::from([("webhook".to_owned(), url.to_owned())]),
        language: "zh".into(),
    })
}
