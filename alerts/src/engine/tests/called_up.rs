//! A red alarm that nobody takes, without any console open: the platform itself calls up whoever is on shift.

use super::*;
use crate::directory::{ROTA_SHEET, RegisterDirectory};
use crate::engine::{Engine, EngineSettings};
use care::plan::Plan;
use store::register::{ContactRecord, HomeRecord, PersonRecord, Role};
use store::sheet::Sheet;
use store::shift::SHIFT;

/// One shift lead with a phone, an operator of another town, a rota for who is second, and whoever `on` says on shift.
async fn world(on: &[&str]) -> World {
    let world = World::new(Plan { call_up: vec!["voice".into(), "sms".into()], ..plan(vec![rung(&["daughter"], &["voice"])]) }).await;
    let now = world.clock.now();
    let person = |id: &str, role, area: &str| {
        Put::Person(PersonRecord { id: id.into(), name: id.into(), role, area: area.into(), password_hash: String::new(), active: true })
    };
    let contact = |id: &str, channel: &str| {
        let addresses = [(channel.to_owned(), format!("tel-{id}"))].into();
        Put::Contact(ContactRecord { id: id.into(), home: None, name: id.into(), relation: "staff".into(), addresses, language: "en".into() })
    };
    let sheet = |kind: &str, id: &str, body| {
        Put::Sheet(Sheet {
            kind: kind.into(),
            id: id.into(),
            version: 1,
            area: String::new(),
            home: None,
            elder: None,
            at: now,
            state: "on".into(),
            body,
            written_at: now,
            written_by: "test".into(),
        })
    };
    let mut entries = vec![
        Put::Home(HomeRecord { id: "home-1".into(), area: "here/village".into(), address: String::new(), access_notes: String::new() }),
        contact("daughter", "voice"),
        person("lead", Role::ShiftLead, "here"),
        contact("lead", "sms"),
        person("first", Role::Operator, "here"),
        person("other", Role::Operator, "here"),
        contact("first", "voice"),
        contact("other", "voice"),
        person("elsewhere", Role::Operator, "there"),
        contact("elsewhere", "voice"),
        contact("night", "voice"),
        sheet(ROTA_SHEET, "second", serde_json::json!({ "shifts": [], "otherwise": "night" })),
    ];
    entries.extend(on.iter().map(|id| sheet(SHIFT, id, serde_json::json!({}))));
    world.ledger.put(entries).await.unwrap();
    world
}

/// Everything that rang, as `seconds:channel:address`, with a crash at 55 s of which the engine comes back at `back_at`.
async fn rang(mut world: World, back_at: u64) -> Vec<String> {
    let (voice, sms) = (world.scripted("voice", Mode::Delivers), world.scripted("sms", Mode::Delivers));
    world.scripted("device", Mode::Delivers);
    let start = || {
        let ledger = Arc::new(world.ledger.clone());
        let directory = RegisterDirectory::new(ledger.clone(), chrono_tz::Asia::Shanghai, world.clock.clone());
        let engine = Engine::new(ledger, Arc::new(directory), world.channels.clone(), world.clock.clone(), EngineSettings::default());
        let stop = world.stop.subscribe();
        tokio::spawn(async move { engine.run(stop).await })
    };
    let running = start();
    let began = world.clock.now();
    let id = world.raise("home-1", Level::Red).await;
    seconds(55).await;
    running.abort();
    seconds(back_at - 55).await;
    let _running = start();
    seconds(200 - back_at).await;
    let alarm = world.alarm(&id).await;
    assert!(alarm.attempts.iter().filter(|a| a.contact.as_str().starts_with("shift.")).any(|a| a.why.is_some()), "the log says why");
    let mut out: Vec<(i64, String)> = Vec::new();
    for (channel, scripted) in [("voice", voice), ("sms", sms)] {
        out.extend(scripted.seen().into_iter().filter_map(|(at, _, errand)| match errand {
            Errand::Notify { address, .. } if address != "tel-daughter" => Some(((at - began).num_seconds(), format!("{channel}:{address}"))),
            Errand::Notify { .. } | Errand::Lamp { .. } => None,
        }));
    }
    out.sort();
    out.into_iter().map(|(at, what)| format!("{at}:{what}")).collect()
}

#[tokio::test(start_paused = true)]
async fn the_second_person_on_shift_is_called_at_60_seconds_and_the_lead_at_180_by_the_channel_that_each_has() {
    let rang = rang(world(&["first", "other", "elsewhere"]).await, 56).await;
    let who = rang.first().unwrap().clone();
    assert!(["60:voice:tel-first", "60:voice:tel-other"].contains(&who.as_str()), "{rang:?}");
    assert!(rang.contains(&"180:sms:tel-lead".to_owned()), "{rang:?}");
    assert!(!rang.iter().any(|r| r.ends_with("elsewhere")), "{rang:?}");
}

#[tokio::test(start_paused = true)]
async fn what_came_due_while_the_platform_was_down_is_called_at_once_after_the_start() {
    let rang = rang(world(&["first", "other"]).await, 190).await;
    assert!(rang.iter().any(|r| r.starts_with("190:voice:tel-")), "{rang:?}");
    assert!(rang.contains(&"190:sms:tel-lead".to_owned()), "{rang:?}");
    assert!(!rang.iter().any(|r| !r.starts_with("19")), "{rang:?}");
}

#[tokio::test(start_paused = true)]
async fn with_nobody_on_shift_the_lead_is_called_already_as_the_second_and_who_the_rota_says_by_the_other_channel() {
    // The lead has no telephone: the rota's second is the first of them who has one.
    let rang = rang(world(&[]).await, 56).await;
    assert_eq!(rang.first().map(String::as_str), Some("60:voice:tel-night"), "{rang:?}");
    assert!(rang.contains(&"180:sms:tel-lead".to_owned()), "{rang:?}");
}
