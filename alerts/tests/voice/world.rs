//! The calling side: a trunk towards a port of this machine, a person's key that is stored or not, short times.

use alerts::voice::audio;
use alerts::voice::leg::{LegReport, LegRequest, LegTimers};
use alerts::voice::number::{DialPlan, Number};
use alerts::voice::runtime::VoiceRuntime;
use alerts::voice::sip::{SipTrunk, TrunkSettings};
use alerts::voice::talk::{Line, Script, Talk};
use alerts::voice::VoiceRoute;
use alerts::{Take, Taken};
use care::{Level, Timestamp};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use store::Clock;
use tokio::sync::watch;

/// One voice runtime for all tests.
pub(crate) fn runtime() -> Arc<VoiceRuntime> {
    static RUNTIME: OnceLock<Arc<VoiceRuntime>> = OnceLock::new();
    RUNTIME.get_or_init(|| Arc::new(VoiceRuntime::start().unwrap())).clone()
}

pub(crate) struct Wall;

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Timestamp::from_timestamp(i64::try_from(since.as_secs()).unwrap(), since.subsec_nanos()).unwrap()
    }

    fn sleep_until<'a>(&'a self, at: Timestamp) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(tokio::time::sleep((at - self.now()).to_std().unwrap_or_default()))
    }
}

/// Stores every key.
#[derive(Default)]
pub(crate) struct Stores {
    pub(crate) accepted: AtomicUsize,
    pub(crate) reached: AtomicUsize,
}

#[async_trait::async_trait]
impl Take for Stores {
    async fn accept(&self) -> Taken {
        self.accepted.fetch_add(1, Ordering::SeqCst);
        Taken::Yours
    }

    fn reached(&self) {
        self.reached.fetch_add(1, Ordering::SeqCst);
    }
}

fn words(text: &str, hertz: f64, ms: u64) -> Line {
    Line::ready(text, audio::tone(&[hertz], Duration::from_millis(ms)))
}

/// Short sounds in place of words.
pub(crate) fn script() -> Script {
    Script {
        brief: words("brief", 440.0, 500),
        attention: words("attention", 800.0, 100),
        once_more: words("once more", 500.0, 200),
        not_stored: words("not stored", 520.0, 200),
        confirmed: words("confirmed", 600.0, 200),
        full: words("full", 650.0, 300),
        ask_desk: words("ask the desk", 700.0, 100),
        too_late: words("too late", 300.0, 200),
        offer_desk: None,
        offer_home: None,
    }
}

/// Patient where a busy machine may be slow, quick where nothing is waited for.
pub(crate) fn timers() -> LegTimers {
    LegTimers {
        no_word: Duration::from_secs(30),
        ring: Duration::from_secs(30),
        talk: Duration::from_secs(60),
        lead_in: Duration::from_millis(100),
        gap: Duration::from_millis(300),
        repeats: 1_000,
        tail: Duration::from_millis(500),
        details: Duration::from_secs(10),
        ..LegTimers::default()
    }
}

pub(crate) fn trunk_to(port: u16) -> TrunkSettings {
    TrunkSettings { bind: "127.0.0.1:0".parse().unwrap(), probe_every: Duration::ZERO, channels: 400, ..TrunkSettings::new("test", "127.0.0.1", port) }
}

pub(crate) async fn open(settings: TrunkSettings) -> SipTrunk {
    SipTrunk::open(settings, DialPlan::default(), runtime()).await.unwrap()
}

pub(crate) fn number() -> Number {
    DialPlan::default().number("13800000001").unwrap()
}

/// One call with this script; the key is always stored.
pub(crate) async fn call_with(trunk: &SipTrunk, script: &Script, timers: LegTimers, take: &Stores) -> LegReport {
    let (_keep, released) = watch::channel(false);
    let leg = LegRequest { number: number(), level: Level::Red, timers: timers.clone() };
    let talk = Talk { script, timers: &timers, take, released, clock: Arc::new(Wall), bridge: None, progress: None };
    trunk.place(&leg, talk).await
}

/// Waits until no call is kept any more.
pub(crate) async fn until_quiet(trunk: &SipTrunk) {
    let start = std::time::Instant::now();
    while trunk.dialogs() > 0 {
        assert!(start.elapsed() < Duration::from_secs(90), "{} calls are kept", trunk.dialogs());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
