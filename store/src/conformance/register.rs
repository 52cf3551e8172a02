//! The checks of the register.

use super::{Ledgers, at};
use crate::ledger::{Quarantined, Tx, Write};
use crate::register::{
    Area, AuditAsk, ContactRecord, Credential, CredentialRights, DeviceRecord, ElderRecord, HomeRecord, PersonRecord, PlanRecord, PlanScope, Put, Register,
    Role, Token,
};
use care::plan::{Order, Plan, Rung, RungContact};
use care::{Cause, HomeId, Level, TimeDelta};
use std::future::Future;

/// Runs every check. `open` opens the register on one and the same storage again and again.
pub async fn register<F, Fut>(open: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Ledgers>,
{
    let all = open().await;
    places_and_people_come_back_as_they_were(&*all.register).await;
    the_nearest_plan_wins(&all).await;
    devices_and_credentials(&*all.register).await;
    sign_ins_and_tokens(&*all.register).await;
    what_nobody_knows_is_kept(&all).await;
    super::sheet::sheets(&*all.register).await;
    alarms_of_a_home_go_from_new_to_old(&all).await;
    the_audit_is_a_chain(&all).await;
    let before = digest(&*all.register).await;
    drop(all);
    assert_eq!(digest(&*open().await.register).await, before, "opened again the register must be as it was");
}

async fn digest(register: &dyn Register) -> String {
    let mut out = format!("{:?}{:?}{:?}", register.areas().await.unwrap(), register.plans().await.unwrap(), register.people().await.unwrap());
    for home in register.homes(None, 10_000).await.unwrap() {
        out += &format!("{:?}", register.home(&home).await.unwrap());
        out += &format!("{:?}", register.elders_of(&home).await.unwrap());
        out += &format!("{:?}", register.contacts_of(&home).await.unwrap());
        out += &format!("{:?}", register.devices_of(&home).await.unwrap());
    }
    out += &format!("{:?}", register.sheets_since(0, 10_000).await.unwrap());
    out + &format!("{:?}{:?}", register.audit(0, 1_000).await.unwrap(), register.quarantined(100).await.unwrap())
}

fn home(id: &str, area: &str) -> HomeRecord {
    HomeRecord { id: id.into(), area: area.into(), address: format!("梅岭街道 {id} 号"), access_notes: "钥匙在邻居家".into() }
}

fn elder(id: &str, home: &str) -> ElderRecord {
    ElderRecord {
        id: id.into(),
        home: home.into(),
        name: "王喆堃".into(),
        born_year: Some(1941),
        sex: "female".into(),
        phone: "+8613900000000".into(),
        id_number: "350582194101010000".into(),
        health_notes: "diabetes".into(),
        tier: "key".into(),
        speech_notes: String::new(),
    }
}

fn contact(id: &str, home: Option<&str>) -> ContactRecord {
    ContactRecord {
        id: id.into(),
        home: home.map(HomeId::from),
        name: "王女士".into(),
        relation: "daughter".into(),
        addresses: [("voice".to_owned(), "+8613900000001".to_owned()), ("webhook".to_owned(), "https://example.org/x".to_owned())].into(),
        language: "zh".into(),
    }
}

async fn places_and_people_come_back_as_they_were(register: &dyn Register) {
    let areas = [("350582", "晋江市"), ("350582/meiling", "梅岭街道")].map(|(id, name)| Area { id: id.into(), name: name.into() });
    let mut entries: Vec<_> = areas.iter().cloned().map(Put::Area).collect();
    for n in 0..5 {
        entries.push(Put::Home(home(&format!("home-{n}"), "350582/meiling/guishan/g03")));
    }
    entries.extend([elder("e2", "home-1"), elder("e1", "home-1"), elder("e3", "home-2")].map(Put::Elder));
    entries.extend([contact("c2", Some("home-1")), contact("a-shared", None), contact("c3", Some("home-2"))].map(Put::Contact));
    register.put(entries).await.unwrap();
    assert_eq!(register.areas().await.unwrap(), areas);
    assert_eq!(register.home(&"home-1".into()).await.unwrap(), Some(home("home-1", "350582/meiling/guishan/g03")));
    assert_eq!(register.home(&"nowhere".into()).await.unwrap(), None);
    let first = register.homes(None, 2).await.unwrap();
    assert_eq!(first, ["home-0".into(), "home-1".into()]);
    assert_eq!(register.homes(first.last(), 100).await.unwrap().len(), 3);
    assert_eq!(register.elders_of(&"home-1".into()).await.unwrap(), [elder("e1", "home-1"), elder("e2", "home-1")]);
    assert_eq!(register.elder_ids_of(&"home-1".into()).await.unwrap(), ["e1".into(), "e2".into()]);
    assert_eq!(register.contacts_of(&"home-1".into()).await.unwrap(), [contact("a-shared", None), contact("c2", Some("home-1"))]);
    assert_eq!(register.contact(&"c3".into()).await.unwrap(), Some(contact("c3", Some("home-2"))));
    // Written again it is changed, not doubled; moving house takes the elder along.
    let moved = ElderRecord { home: "home-2".into(), phone: String::new(), ..elder("e2", "home-1") };
    register.put(vec![Put::Elder(moved.clone())]).await.unwrap();
    assert_eq!(register.elders_of(&"home-2".into()).await.unwrap(), [moved, elder("e3", "home-2")]);
    assert_eq!(register.elder_ids_of(&"home-1".into()).await.unwrap(), ["e1".into()]);
}

/// A plan that can be told from others by its only contact.
fn plan(name: &str) -> Plan {
    let contacts = vec![RungContact { contact: name.into(), channels: vec!["voice".into()] }];
    Plan { rungs: vec![Rung { contacts, order: Order::AtOnce, wait: TimeDelta::seconds(30) }], ..Plan::default() }
}

async fn the_nearest_plan_wins(all: &Ledgers) {
    let area = |path: &str| PlanScope::Area(path.into());
    let put = |scope, cause: Option<Cause>, level, name: &str| Put::Plan(PlanRecord { scope, cause, level, plan: plan(name) });
    let ask = async |home: &str, cause: &Cause, level| {
        let plan = all.ledger.plan(&home.into(), cause, level).await.unwrap();
        plan.rungs.first().map(|r| r.contacts[0].contact.to_string()).unwrap_or_default()
    };
    assert_eq!(ask("home-1", &Cause::Call, Level::Red).await, "");
    let city = vec![
        put(PlanScope::City, None, None, "city"),
        put(PlanScope::City, None, Some(Level::Technical), "city technical"),
        put(PlanScope::City, Some(Cause::Fall), None, "city fall"),
    ];
    all.register.put(city).await.unwrap();
    assert_eq!(ask("home-1", &Cause::Call, Level::Red).await, "city", "a new plan holds at once");
    assert_eq!(ask("home-1", &Cause::Technical("x".into()), Level::Technical).await, "city technical");
    assert_eq!(ask("home-1", &Cause::Fall, Level::Technical).await, "city fall", "the cause comes before the level");
    let areas = vec![
        put(area("350582/meiling"), None, None, "town"),
        put(area("350582/meiling/guishan"), None, None, "village"),
        put(area("350582/mei"), None, None, "another town"),
    ];
    all.register.put(areas).await.unwrap();
    assert_eq!(ask("home-1", &Cause::Fall, Level::Red).await, "village", "the nearer place comes before the cause");
    assert_eq!(ask("home-unknown", &Cause::Fall, Level::Red).await, "city fall");
    all.register.put(vec![put(PlanScope::Home("home-1".into()), Some(Cause::Call), None, "home call")]).await.unwrap();
    assert_eq!(ask("home-1", &Cause::Call, Level::Red).await, "home call");
    assert_eq!(ask("home-1", &Cause::Fall, Level::Red).await, "village");
    all.register.put(vec![Put::Home(home("home-1", "350582/mei"))]).await.unwrap();
    assert_eq!(ask("home-1", &Cause::Fall, Level::Red).await, "another town", "and a home that moves");
    let tenant = |home: &str| Put::Elder(ElderRecord { home: home.into(), ..elder("tenant", home) });
    all.register.put(vec![put(PlanScope::Elder("tenant".into()), None, None, "elder"), tenant("home-1")]).await.unwrap();
    assert_eq!(ask("home-1", &Cause::Call, Level::Red).await, "elder", "the elder's own comes before the home's");
    all.register.put(vec![tenant("home-2")]).await.unwrap();
    assert_eq!(ask("home-1", &Cause::Call, Level::Red).await, "home call", "and moves with the elder");
    assert_eq!(ask("home-2", &Cause::Call, Level::Red).await, "elder");
    let kept = all.register.plans().await.unwrap();
    assert!(kept.iter().any(|p| p.scope == PlanScope::Elder("tenant".into())));
    all.register.put(vec![Put::EndPlan { scope: PlanScope::Elder("tenant".into()), cause: None, level: None }]).await.unwrap();
    assert_eq!(all.register.plans().await.unwrap().len(), kept.len() - 1);
    assert_ne!(ask("home-2", &Cause::Call, Level::Red).await, "elder", "an ended plan no longer holds");
    all.register.put(vec![put(area("350582/mei"), None, None, "another town, later")]).await.unwrap();
    assert_eq!(ask("home-1", &Cause::Fall, Level::Red).await, "another town, later");
    assert_eq!(all.register.plans().await.unwrap().len(), 7, "a plan of the same scope, cause and level is replaced");
}

async fn devices_and_credentials(register: &dyn Register) {
    let device = DeviceRecord {
        home: "home-1".into(),
        id: "door".into(),
        kind: "door".into(),
        room: "hall".into(),
        exit_door: true,
        enrolled_at: at(1),
        retired_at: None,
    };
    let button = DeviceRecord { id: "button".into(), exit_door: false, retired_at: Some(at(5)), ..device.clone() };
    register.put(vec![Put::Device(device.clone()), Put::Device(button.clone())]).await.unwrap();
    assert_eq!(register.devices_of(&"home-1".into()).await.unwrap(), [button, device]);
    assert!(register.devices_of(&"home-2".into()).await.unwrap().is_empty());
    let rights = [
        CredentialRights::Device { home: "home-1".into(), device: "button".into() },
        CredentialRights::Hub { home: "home-1".into() },
        CredentialRights::Bridge { homes: vec!["home-*".into()] },
    ];
    for (n, rights) in rights.into_iter().enumerate() {
        let credential = Credential { name: format!("c{n}"), secret_hash: "$argon2id$".into(), rights, revoked_at: None };
        register.put(vec![Put::Credential(credential.clone())]).await.unwrap();
        assert_eq!(register.credential(&credential.name).await.unwrap(), Some(credential.clone()));
        let revoked = Credential { revoked_at: Some(at(9)), ..credential };
        register.put(vec![Put::Credential(revoked.clone())]).await.unwrap();
        assert_eq!(register.credential(&revoked.name).await.unwrap(), Some(revoked));
    }
    assert_eq!(register.credential("nobody").await.unwrap(), None);
}

async fn sign_ins_and_tokens(register: &dyn Register) {
    let person =
        PersonRecord { id: "op".into(), name: "李".into(), role: Role::ShiftLead, area: "350582".into(), password_hash: "$".into(), active: true };
    register.put(vec![Put::Person(person.clone())]).await.unwrap();
    assert_eq!(register.person(&"op".into()).await.unwrap(), Some(person.clone()));
    assert_eq!(register.people().await.unwrap(), [person]);
    let token = Token { hash: "abc".into(), person: "op".into(), kind: "session".into(), created_at: at(1), expires_at: at(100), used_at: at(1) };
    register.put(vec![Put::Token(token.clone())]).await.unwrap();
    let used = Token { used_at: at(50), ..token };
    register.put(vec![Put::Token(used.clone())]).await.unwrap();
    assert_eq!(register.token("abc").await.unwrap(), Some(used.clone()));
    let (of_another, earlier) = (Token { hash: "b".into(), person: "liaison".into(), ..used.clone() }, Token { hash: "c".into(), used_at: at(40), ..used.clone() });
    register.put(vec![Put::Token(of_another.clone()), Put::Token(earlier.clone())]).await.unwrap();
    assert_eq!(register.tokens(None, 10).await.unwrap(), [used.clone(), of_another, earlier.clone()]);
    assert_eq!(register.tokens(Some(&"op".into()), 10).await.unwrap(), [used.clone(), earlier]);
    assert_eq!(register.tokens(Some(&"op".into()), 1).await.unwrap(), [used]);
    assert_eq!(register.tokens(Some(&"nobody".into()), 10).await.unwrap(), []);
    register.put(vec![Put::EndToken("abc".into()), Put::EndToken("abc".into()), Put::EndToken("b".into()), Put::EndToken("c".into())]).await.unwrap();
    assert_eq!(register.token("abc").await.unwrap(), None);
}

async fn what_nobody_knows_is_kept(all: &Ledgers) {
    let spoke = |device: &str, second| Write::UnknownDevice { home: "home-3".into(), device: device.into(), at: at(second) };
    let message =
        |n: u8| Quarantined { home: "home-3".into(), topic: format!("t/{n}"), payload: vec![n; 5_000], reason: "bad".into(), heard_at: at(n.into()) };
    let writes = vec![spoke("x", 1), spoke("y", 2), spoke("x", 3), Write::Quarantine(message(1)), Write::Quarantine(message(2))];
    all.ledger.commit(Tx { fence: None, writes }).await.unwrap();
    let unknown = all.register.unknown_devices(10).await.unwrap();
    assert_eq!(unknown.iter().map(|d| (d.device.as_str(), d.count)).collect::<Vec<_>>(), [("x", 2), ("y", 1)]);
    assert_eq!((unknown[0].first_at, unknown[0].last_at), (at(1), at(3)));
    assert_eq!(all.register.unknown_devices(1).await.unwrap().len(), 1);
    let kept = all.register.quarantined(10).await.unwrap();
    assert_eq!(kept.iter().map(|q| q.topic.as_str()).collect::<Vec<_>>(), ["t/2", "t/1"]);
    assert_eq!(kept[0].payload, vec![2; 4_096], "cut at 4 KB");
    let device = DeviceRecord {
        home: "home-3".into(),
        id: "x".into(),
        kind: String::new(),
        room: String::new(),
        exit_door: false,
        enrolled_at: at(4),
        retired_at: None,
    };
    all.register.put(vec![Put::Device(device)]).await.unwrap();
    assert_eq!(all.register.unknown_devices(10).await.unwrap().len(), 1, "who is registered is known");
}

async fn the_audit_is_a_chain(all: &Ledgers) {
    let action = |n: u32| format!("elder.reveal.{n}");
    for n in 0..3 {
        let audit = Put::Audit { at: at(n.into()), who: "op".into(), action: action(n), subject: "e1".into() };
        all.register.put(vec![audit]).await.unwrap();
    }
    let writes = (3..6).map(|n| Write::Audit { at: at(n.into()), who: "platform".into(), action: action(n), subject: "e1".into() }).collect();
    all.ledger.commit(Tx { fence: None, writes }).await.unwrap();
    let lines = all.register.audit(0, 100).await.unwrap();
    let last = lines.len() - 6;
    assert_eq!(lines[last..].iter().map(|l| l.action.clone()).collect::<Vec<_>>(), (0..6).map(action).collect::<Vec<_>>());
    assert!(lines.is_sorted_by(|a, b| a.seq + 1 == b.seq));
    assert_eq!(all.register.audit(lines[1].seq, 2).await.unwrap(), lines[2..4]);
    assert_eq!(all.register.verify_audit().await.unwrap(), None);
    let said = Put::Audit { at: at(9), who: "lead".into(), action: "session.begin".into(), subject: "e1/phone".into() };
    all.register.put(vec![said, Put::Audit { at: at(9), who: "lead".into(), action: "session.end".into(), subject: "e12".into() }]).await.unwrap();
    let everything = all.register.audit(0, 1_000).await.unwrap();
    let of = |who: &str| Some(who.to_owned());
    for ask in [
        AuditAsk::default(),
        AuditAsk { who: of("lead"), ..AuditAsk::default() },
        AuditAsk { actions: vec!["session.".into(), "elder.reveal.4".into()], ..AuditAsk::default() },
        AuditAsk { subject: of("e1"), before: Some(everything.last().unwrap().seq), ..AuditAsk::default() },
        AuditAsk { from: Some(at(4)), to: Some(at(9)), ..AuditAsk::default() },
    ] {
        let expected: Vec<_> = everything.iter().rev().filter(|l| ask.wants(l)).cloned().collect();
        assert_eq!(all.register.audit_latest(&ask, 1_000).await.unwrap(), expected, "{ask:?}");
        assert_eq!(all.register.audit_latest(&ask, 1).await.unwrap(), expected[..1], "{ask:?}");
    }
    let under_e1 = AuditAsk { subject: of("e1"), ..AuditAsk::default() };
    assert_eq!(all.register.audit_latest(&under_e1, 1_000).await.unwrap().len(), 7, "its parts, and not what only begins alike");
}

async fn alarms_of_a_home_go_from_new_to_old(all: &Ledgers) {
    let raised = [(Cause::Call, "home-8", 201), (Cause::Fall, "home-9", 202), (Cause::Gas, "home-8", 203)];
    let alarms: Vec<_> = raised.iter().map(|(cause, home, second)| super::ledger::alarm(home, cause, at(*second))).collect();
    all.ledger.commit(Tx { fence: None, writes: alarms.iter().map(|alarm| super::ledger::put(alarm, 0)).collect() }).await.unwrap();
    assert_eq!(all.register.alarms_of(&"home-8".into(), 10).await.unwrap(), [alarms[2].clone(), alarms[0].clone()]);
    assert_eq!(all.register.alarms_of(&"home-8".into(), 1).await.unwrap(), [alarms[2].clone()]);
    assert_eq!(all.register.alarms_of(&"home-7".into(), 10).await.unwrap(), []);
}
