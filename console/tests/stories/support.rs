//! A house for the console's tests and its example: memory ledger, a clock that is set by hand, three homes, and
//! people of several roles.

#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(unreachable_pub, reason = "a module that several programs include")]
#![allow(clippy::unwrap_used, reason = "tests")]

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use care::cause::{Cause, Raise};
use care::home::{Cover, Deadline, DeviceHealth, DeviceView, LastActivity, Occupancy, RoutineView, Rules, Switch, Told, TrendView, Trial, View};
use care::plan::{Order, Plan, Rung, RungContact};
use care::{Alarm, AlarmId, HomeId, Level, PersonId, Reason, TimeDelta, Timestamp};
use console::office::{Office, Rules as OfficeRules};
use console::{Console, ConsoleSettings, Doing, Feed, FeedKind, FeedState, Feeds, Figure, Homes, Metrics, Parts, Underway};
use serde_json::Value;
use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use store::ledger::{Tx, Write};
use store::memory::MemoryLedger;
use store::register::{Area, ContactRecord, DeviceRecord, ElderRecord, HomeRecord, PersonRecord, PlanRecord, PlanScope, Put, Role};
use store::{Clock, Ledger, Register};
use tower::ServiceExt;

/// A clock that is set by hand.
pub struct HandClock(pub Mutex<Timestamp>);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn sleep_until<'a>(&'a self, _: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(std::future::pending())
    }
}

/// What the ingest would know.
#[derive(Default)]
pub struct FakeHomes(pub Mutex<BTreeMap<HomeId, View>>, pub Mutex<Vec<(HomeId, Told)>>);

#[async_trait]
impl Homes for FakeHomes {
    async fn routine(&self, home: &HomeId) -> Option<RoutineView> {
        self.0.lock().unwrap().get(home)?;
        Some(care::home::Home::new(home.clone(), Timestamp::default()).routine_view(&care::home::Settings::default(), Timestamp::default()))
    }

    async fn tell(&self, home: &HomeId, told: Told) -> Result<(), String> {
        self.1.lock().unwrap().push((home.clone(), told));
        Ok(())
    }

    async fn trial(&self, _: &HomeId, rules: Rules, _: u32) -> Result<Vec<Trial>, String> {
        let at = Timestamp::default();
        let would = Trial { at, cause: Cause::Anomaly("bed_left".into()), reason: Reason::new("bed_left").time("since", at).span("span", TimeDelta::minutes(30)) };
        Ok(if rules.bed_left == Switch::On { vec![would] } else { Vec::new() })
    }

    async fn messages(&self, home: &HomeId, device: &care::DeviceId) -> Vec<console::RawMessage> {
        let payload = br#"{"id":"7","value":true,"battery":81,"phone":"13812342201","note":"my name is here"}"#.to_vec();
        vec![console::RawMessage { topic: format!("care/v1/{home}/{device}/motion"), payload, heard_at: start() }]
    }

    async fn view(&self, home: &HomeId) -> Option<View> {
        self.0.lock().unwrap().get(home).cloned()
    }

    async fn outage_worklist(&self, max: usize) -> Vec<View> {
        self.0.lock().unwrap().values().filter(|v| v.outage_worklist).take(max).cloned().collect()
    }
}

pub struct FakeFeeds(pub Mutex<Vec<Feed>>);

impl Feeds for FakeFeeds {
    fn feeds(&self) -> Vec<Feed> {
        self.0.lock().unwrap().clone()
    }
}

pub struct FakeMetrics;

impl Metrics for FakeMetrics {
    fn text(&self) -> String {
        "# TYPE hearthline_presses_total counter\nhearthline_presses_total 7\n".into()
    }
}

/// No weather service.
pub struct NoWarnings;

impl console::Warnings for NoWarnings {
    fn read(&self, _: &[u8]) -> Result<Vec<care::visit::warning::Warning>, (String, String)> {
        Err(("无法解读".into(), "cannot be read".into()))
    }
}

#[derive(Default)]
pub struct FakeDoing(pub Mutex<BTreeMap<AlarmId, Vec<Underway>>>);

impl Doing for FakeDoing {
    fn underway(&self, alarm: &AlarmId) -> Vec<Underway> {
        self.0.lock().unwrap().get(alarm).cloned().unwrap_or_default()
    }
}

/// Connects nobody, and remembers who asked for whom. The administrator has no phone.
#[derive(Default)]
pub struct FakeSwitchboard(pub Mutex<Vec<(String, String, String)>>);

impl console::Switchboard for FakeSwitchboard {
    fn connect(&self, ask: console::Connection) -> Result<(), console::NoConnection> {
        if ask.operator_name == "管理员" || ask.operator.as_str() == "root" {
            return Err(console::NoConnection::NoHandset);
        }
        self.0.lock().unwrap().push((ask.operator.as_str().to_owned(), ask.to.to_string(), ask.number));
        Ok(())
    }
}

pub struct House {
    pub ledger: Arc<MemoryLedger>,
    pub clock: Arc<HandClock>,
    pub homes: Arc<FakeHomes>,
    pub feeds: Arc<FakeFeeds>,
    pub doing: Arc<FakeDoing>,
    pub switchboard: Arc<FakeSwitchboard>,
    pub office: Arc<Office>,
    pub console: Console,
    pub router: Router,
    tokens: Mutex<BTreeMap<String, String>>,
}

pub fn start() -> Timestamp {
    "2026-11-23T01:41:13Z".parse().unwrap()
}

/// Everybody's password: the hash is made once, it costs.
pub const PASSWORD: &str = "correct horse";

fn person(id: &str, name: &str, role: Role, area: &str) -> Put {
    static HASH: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| console::password::hash(PASSWORD).unwrap());
    Put::Person(PersonRecord { id: id.into(), name: name.into(), role, area: area.into(), password_hash: HASH.clone(), active: true })
}

fn contact(id: &str, home: Option<&str>, name: &str, relation: &str, phone: &str) -> Put {
    Put::Contact(ContactRecord {
        id: id.into(),
        home: home.map(HomeId::from),
        name: name.into(),
        relation: relation.into(),
        addresses: [("voice".to_owned(), phone.to_owned())].into(),
        language: "zh".into(),
    })
}

fn rung(contacts: &[&str], order: Order) -> Rung {
    let contacts = contacts.iter().map(|c| RungContact { contact: (*c).into(), channels: vec!["voice".into()] }).collect();
    Rung { contacts, order, wait: TimeDelta::seconds(30) }
}

pub fn area(id: &str, name: &str) -> Put {
    Put::Area(Area { id: id.into(), name: name.into() })
}

pub fn elder(id: &str, home: &str, name: &str) -> Put {
    Put::Elder(ElderRecord {
        id: id.into(),
        home: home.into(),
        name: name.into(),
        born_year: Some(1944),
        sex: "female".into(),
        phone: "13800001234".into(),
        id_number: "350582194401010000".into(),
        health_notes: "高血压，服用华法林".into(),
        tier: "key".into(),
        speech_notes: "听力差，请说慢、说闽南话".into(),
    })
}

pub fn home(id: &str, area: &str, address: &str, access: &str) -> Put {
    Put::Home(HomeRecord { id: id.into(), area: area.into(), address: address.into(), access_notes: access.into() })
}

fn device(home: &str, id: &str, kind: &str, room: &str) -> Put {
    Put::Device(DeviceRecord {
        home: home.into(),
        id: id.into(),
        kind: kind.into(),
        room: room.into(),
        exit_door: kind == "door",
        enrolled_at: start() - TimeDelta::days(90),
        retired_at: None,
    })
}

pub fn view(home: &str, silence: TimeDelta, cover: Cover, now: Timestamp) -> View {
    let seen = |device: &str, room: &str, ago: TimeDelta, health| DeviceView {
        device: device.into(),
        room: Some(room.into()),
        last_seen: now - ago,
        heard_at: Some(now - ago),
        supervision: None,
        trend: TrendView::default(),
        health,
    };
    View {
        home: home.into(),
        occupancy: Occupancy::Home,
        since: Some(now - TimeDelta::hours(14)),
        last_activity: Some(LastActivity { device: Some("pir-bedroom".into()), room: Some("卧室".into()), at: now - silence }),
        signs: vec![(now - TimeDelta::hours(20), now - TimeDelta::hours(19)), (now - silence - TimeDelta::minutes(40), now - silence)],
        silence_s: Some(silence.num_seconds()),
        next: Some(Deadline { at: now - silence + TimeDelta::hours(5), level: Level::Attention, reason: Reason::new("cover_ok") }),
        devices: vec![
            seen("pir-bedroom", "卧室", silence, DeviceHealth::Working),
            seen("button-bed", "卧室", TimeDelta::minutes(12), DeviceHealth::Working),
            seen("door-front", "玄关", TimeDelta::hours(14), DeviceHealth::Working),
            seen("pir-kitchen", "厨房", TimeDelta::hours(20), DeviceHealth::Silent),
        ],
        cover,
        cover_reason: Reason::new("cover_outage"),
        learned_days: 43.0,
        outage_worklist: false,
        test_until: None,
    }
}

impl House {
    pub async fn new() -> Self {
        Self::with(|_| {}, Vec::new()).await
    }

    pub async fn with(change: impl FnOnce(&mut ConsoleSettings), more: Vec<Put>) -> Self {
        let ledger = Arc::new(MemoryLedger::new());
        let clock = Arc::new(HandClock(Mutex::new(start())));
        let homes = Arc::new(FakeHomes::default());
        let feeds = Arc::new(FakeFeeds(Mutex::new(vec![
            Feed { kind: FeedKind::Door, name: String::new(), state: FeedState::Working, figure: Some(Figure::Homes(1_204)) },
            Feed { kind: FeedKind::Ingest, name: String::new(), state: FeedState::Working, figure: Some(Figure::Behind(TimeDelta::zero())) },
            Feed { kind: FeedKind::Channel, name: "voice".into(), state: FeedState::Working, figure: None },
            Feed { kind: FeedKind::Channel, name: "webhook".into(), state: FeedState::Degraded, figure: Some(Figure::Waiting(3)) },
            Feed { kind: FeedKind::Canary, name: String::new(), state: FeedState::Working, figure: Some(Figure::Ago(TimeDelta::seconds(12))) },
        ])));
        let doing = Arc::new(FakeDoing::default());
        let plan = Plan { rungs: vec![rung(&["c-daughter"], Order::InTurn), rung(&["c-liaison", "c-neighbour"], Order::AtOnce)], ..Plan::default() };
        let common = Plan { rungs: vec![rung(&["c-liaison"], Order::InTurn)], ..Plan::default() };
        let mut puts = vec![
            area("350582", "晋江市"),
            area("350582/meiling", "梅岭街道"),
            area("350582/meiling/guishan", "桂山社区"),
            area("350582/dongshi", "东石镇"),
            home("home-0001", "350582/meiling/guishan", "梅岭街道 桂山社区 长兴路 12 号 3 楼 302", "钥匙：楼下便利店 林伯 · 门向内开 · 家有一只狗"),
            home("home-0002", "350582/dongshi", "东石镇 海滨路 8 号", ""),
            home("home-0003", "350582/meiling/guishan", "桂山社区 8 号", ""),
            elder("elder-1", "home-0001", "陈秀英"),
            elder("elder-2", "home-0002", "吴阿土"),
            elder("elder-3", "home-0003", "王建国"),
            contact("c-daughter", Some("home-0001"), "陈丽", "daughter", "13812342201"),
            contact("c-liaison", None, "黄志强", "village_liaison", "13900005678"),
            contact("c-neighbour", Some("home-0001"), "林伯", "neighbour", "13912340876"),
            device("home-0001", "button-bed", "button", "卧室"),
            device("home-0001", "pir-bedroom", "motion", "卧室"),
            device("home-0001", "pir-kitchen", "motion", "厨房"),
            device("home-0001", "door-front", "door", "玄关"),
            device("home-0001", "smoke-hall", "smoke", "玄关"),
            Put::Plan(PlanRecord { scope: PlanScope::City, cause: None, level: None, plan: common }),
            Put::Plan(PlanRecord { scope: PlanScope::Home("home-0001".into()), cause: None, level: None, plan }),
            person("linxiao", "林晓", Role::Operator, ""),
            person("zhoumin", "周敏", Role::Operator, ""),
            person("dongshi", "东石值守", Role::Operator, "350582/dongshi"),
            person("lead", "班长", Role::ShiftLead, ""),
            person("liaison", "联络员", Role::VillageLiaison, "350582/meiling"),
            person("guide", "指导员", Role::TownGuide, "350582/meiling"),
            person("city", "督导员", Role::CitySupervisor, "350582"),
            person("visitor", "王社工", Role::Visitor, "350582/meiling"),
            person("housing", "住建局", Role::Department, ""),
            person("daughter", "陈丽", Role::Family, ""),
            person("wall", "大屏", Role::WallBoard, ""),
            person("root", "管理员", Role::Administrator, ""),
        ];
        puts.extend(more);
        ledger.put(puts).await.unwrap();
        let now = start();
        {
            let mut views = homes.0.lock().unwrap();
            views.insert("home-0001".into(), view("home-0001", TimeDelta::minutes(3), Cover::Protected, now));
            views.insert("home-0002".into(), view("home-0002", TimeDelta::minutes(340), Cover::Degraded, now));
        }
        let mut settings = ConsoleSettings::new(([127, 0, 0, 1], 0).into());
        change(&mut settings);
        let policy = care::policy::Policy::load(include_str!("../../../docs/policies/jinjiang.toml")).unwrap().policy;
        let rules = OfficeRules::new(policy);
        let office = Arc::new(Office::new(Arc::<MemoryLedger>::clone(&ledger), Arc::<HandClock>::clone(&clock), rules));
        let switchboard = Arc::new(FakeSwitchboard::default());
        let parts = Parts {
            office: Arc::clone(&office),
            warnings: Arc::new(NoWarnings),
            ledger: Arc::<MemoryLedger>::clone(&ledger),
            register: Arc::<MemoryLedger>::clone(&ledger),
            clock: Arc::<HandClock>::clone(&clock),
            homes: Arc::<FakeHomes>::clone(&homes),
            feeds: Arc::<FakeFeeds>::clone(&feeds),
            metrics: Arc::new(FakeMetrics),
            doing: Arc::<FakeDoing>::clone(&doing),
            switchboard: Arc::<FakeSwitchboard>::clone(&switchboard),
        };
        let console = Console::new(settings, parts).unwrap();
        let router = console.router();
        Self { ledger, clock, homes, feeds, doing, switchboard, office, console, router, tokens: Mutex::default() }
    }

    /// Lets the console follow the ledger in the background.
    pub fn follow(&self) {
        drop(tokio::spawn(self.console.follow()));
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn pass(&self, span: TimeDelta) {
        *self.clock.0.lock().unwrap() += span;
    }

    /// An API token of somebody.
    pub async fn token(&self, person: &str) -> String {
        if let Some(token) = self.tokens.lock().unwrap().get(person) {
            return token.clone();
        }
        let (secret, token) = console::new_token(&PersonId::from(person), console::API, self.clock.now(), TimeDelta::days(30));
        self.ledger.put(vec![Put::Token(token)]).await.unwrap();
        self.tokens.lock().unwrap().insert(person.to_owned(), secret.clone());
        secret
    }

    /// A browser session of somebody: the cookie's text.
    pub async fn session(&self, person: &str) -> String {
        let (secret, token) = console::new_token(&PersonId::from(person), console::SESSION, self.clock.now(), TimeDelta::hours(16));
        self.ledger.put(vec![Put::Token(token)]).await.unwrap();
        format!("hearthline={secret}")
    }

    /// Raises an alarm as the ingest does.
    pub async fn raise(&self, home: &str, cause: Cause, reason: Reason) -> AlarmId {
        let now = self.clock.now();
        let home = HomeId::from(home);
        let raise = Raise { level: cause.level(), key: now.to_string(), device: Some("button-bed".into()), cause: cause.clone(), reason };
        let plan = self.ledger.plan(&home, &cause, raise.level).await.unwrap();
        let id = AlarmId::derive(now, &format!("{home}{cause}{now}"));
        let elders = self.ledger.elder_ids_of(&home).await.unwrap();
        let (alarm, effects) = Alarm::raise(id.clone(), home, elders, raise, false, &plan, now);
        let writes: Vec<Write> = store::desk::writes(None, &alarm, &effects, now);
        self.ledger.commit(Tx { fence: None, writes }).await.unwrap();
        id
    }

    pub async fn press(&self, home: &str) -> AlarmId {
        let reason = Reason::new("device_signal").text("device", "button-bed").cause("cause", &Cause::Call).time("at", self.clock.now());
        self.raise(home, Cause::Call, reason).await
    }

    /// Raises an alarm whose plan tells a dispatch centre first.
    pub async fn raise_by_webhook(&self, home: &str) -> AlarmId {
        let rung = |contact: &str, channel: &str| Rung {
            contacts: vec![RungContact { contact: contact.into(), channels: vec![channel.into()] }],
            order: Order::InTurn,
            wait: TimeDelta::seconds(30),
        };
        let plan = Plan { rungs: vec![rung("dispatch", "webhook"), rung("c-daughter", "voice")], ..Plan::default() };
        self.ledger.put(vec![Put::Plan(PlanRecord { scope: PlanScope::Home(home.into()), cause: None, level: None, plan })]).await.unwrap();
        self.press(home).await
    }

    pub async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub async fn get(&self, person: &str, path: &str) -> (StatusCode, Value) {
        let token = self.token(person).await;
        answer(self.send(Request::get(path).header(header::AUTHORIZATION, format!("Bearer {token}")).body(Body::empty()).unwrap()).await).await
    }

    pub async fn post(&self, person: &str, path: &str, body: &str) -> (StatusCode, Value) {
        let token = self.token(person).await;
        let request = Request::post(path).header(header::AUTHORIZATION, format!("Bearer {token}")).body(Body::from(body.to_owned())).unwrap();
        answer(self.send(request).await).await
    }

    /// A page as a browser of somebody sees it.
    pub async fn page(&self, cookie: &str, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).header(header::COOKIE, cookie).header(header::ACCEPT, "text/html").body(Body::empty()).unwrap();
        let response = self.send(request).await;
        (response.status(), text(response).await)
    }
}

pub async fn text(response: Response<Body>) -> String {
    String::from_utf8(to_bytes(response.into_body(), 10_000_000).await.unwrap().to_vec()).unwrap()
}

pub async fn answer(response: Response<Body>) -> (StatusCode, Value) {
    let status = response.status();
    let body = text(response).await;
    (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
}

/// As if the request came in on a socket.
pub fn from(mut request: Request<Body>, peer: &str) -> Request<Body> {
    let peer: SocketAddr = peer.parse().unwrap();
    request.extensions_mut().insert(axum::extract::ConnectInfo(peer));
    request
}
