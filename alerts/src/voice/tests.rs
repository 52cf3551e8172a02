//! Stories of the channel in paused time: scripted people at the phones of scripted trunks.

use super::audio::Pcm;
use super::keys::Via;
use super::leg::{Failure, LegReport, LegRequest, LegTimers, Order, Told, Wire, WireFacts};
use super::number::{DialPlan, NumberForm};
use super::runtime::VoiceRuntime;
use super::speech::{Pack, Speech, SpeechSettings};
use super::talk::{Line, Script, Talk};
use super::*;
use crate::channel::{Channel, Taken};
use crate::directory::{ContactFacts, Directory, HomeFacts};
use crate::engine::{Engine, EngineSettings};
use crate::testing::{Mode, Scripted, TestClock, World, plan, rung, seconds};
use care::alarm::{AttemptOutcome, Claimant, State};
use care::{Alarm, AlarmId, ContactId, HomeId};
use std::sync::atomic::{AtomicUsize, Ordering};
use store::LedgerError;
use tokio::sync::mpsc;

/// Contact `c1` has the number 13800000001, and so on.
struct Numbers;

#[async_trait]
impl Directory for Numbers {
    async fn contact(&self, id: &ContactId) -> Result<Option<ContactFacts>, LedgerError> {
        let digit = id.as_str().trim_start_matches('c');
        let addresses = BTreeMap::from([("voice".to_owned(), format!("1380000000{digit}")), ("sms".to_owned(), format!("1380000000{digit}"))]);
        Ok(Some(ContactFacts { addresses, language: "en".into() }))
    }

    async fn home(&self, _id: &HomeId) -> Result<HomeFacts, LedgerError> {
        Ok(HomeFacts { elders: vec!["Li Ming".into()], address: "3 Lake Road".into(), ..HomeFacts::default() })
    }

    fn zone(&self) -> chrono_tz::Tz {
        chrono_tz::Asia::Shanghai
    }
}

/// What the person at a number does.
#[derive(Clone, Default)]
struct Person {
    /// Answers after this long; never if `None`.
    answers_s: Option<u64>,
    /// Keys, each so long after the answer.
    keys: Vec<(u64, char, Via)>,
    fails: Option<Failure>,
    /// Hangs up so long after the answer.
    hangs_up_s: Option<u64>,
}

fn takes(answers_s: u64, after_s: u64) -> Person {
    Person { answers_s: Some(answers_s), keys: vec![(after_s, '1', Via::Rfc4733)], ..Person::default() }
}

/// A trunk whose people are scripted.
struct Phones {
    name: &'static str,
    people: Mutex<BTreeMap<String, Person>>,
    dialled: Mutex<Vec<(tokio::time::Instant, String)>>,
    down: Mutex<Option<String>>,
    health: Mutex<Health>,
    /// Calls under way and how many there were at most.
    busy: AtomicUsize,
    most: AtomicUsize,
    reports: Mutex<Vec<LegReport>>,
}

impl Phones {
    fn new(name: &'static str) -> Arc<Self> {
        Arc::new(Self {
            name,
            people: Mutex::default(),
            dialled: Mutex::default(),
            down: Mutex::default(),
            health: Mutex::new(Health::Up),
            busy: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            reports: Mutex::default(),
        })
    }

    fn at(&self, digit: u32, person: Person) {
        self.people.lock().unwrap().insert(format!("1380000000{digit}"), person);
    }

    fn calls(&self) -> usize {
        self.dialled.lock().unwrap().len()
    }
}

/// The other end of a wire: a second of sound takes a second.
async fn person(person: Person, mut orders: mpsc::UnboundedReceiver<Order>, tell: mpsc::UnboundedSender<Told>) {
    let say = |told| tell.send(told).is_ok();
    say(Told::Trying);
    if let Some(failure) = person.fails {
        say(Told::Failed(failure));
        return;
    }
    say(Told::Ringing);
    let start = tokio::time::Instant::now();
    let mut news: Vec<(tokio::time::Instant, Told)> = Vec::new();
    if let Some(s) = person.answers_s {
        let answered = start + Duration::from_secs(s);
        news.push((answered, Told::Answered));
        news.extend(person.keys.iter().map(|(s, key, via)| (answered + Duration::from_secs(*s), Told::Key(*key, *via))));
        news.extend(person.hangs_up_s.map(|s| (answered + Duration::from_secs(s), Told::HungUp)));
    }
    loop {
        let next = news.iter().map(|(at, _)| *at).min();
        tokio::select! {
            biased;
            order = orders.recv() => match order {
                None | Some(Order::HangUp) => return,
                Some(Order::Say { no, what }) => {
                    news.retain(|(_, told)| !matches!(told, Told::Said(_)));
                    news.push((tokio::time::Instant::now() + audio::length_of(&what), Told::Said(no)));
                }
                Some(Order::Hear(_) | Order::Pass(_)) => {}
            },
            () = tokio::time::sleep_until(next.unwrap_or(start + Duration::from_secs(100_000))) => {
                let now = tokio::time::Instant::now();
                news.sort_by_key(|(at, _)| *at);
                while news.first().is_some_and(|(at, _)| *at <= now) {
                    let (_, told) = news.remove(0);
                    if !say(told) {
                        return;
                    }
                }
            }
        }
    }
}

#[async_trait]
impl VoiceRoute for Phones {
    fn name(&self) -> &str {
        self.name
    }

    fn channels(&self) -> usize {
        50
    }

    async fn place(&self, leg: &LegRequest, talk: Talk<'_>) -> LegReport {
        let number = DialPlan::default().dialled(&leg.number, NumberForm::National, "");
        self.dialled.lock().unwrap().push((tokio::time::Instant::now(), number.clone()));
        if let Some(why) = self.down.lock().unwrap().clone() {
            return LegReport::none(LegOutcome::RouteDown(why));
        }
        let busy = self.busy.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(busy, Ordering::SeqCst);
        let who = self.people.lock().unwrap().get(&number).cloned().unwrap_or_default();
        let (orders, taken) = mpsc::unbounded_channel();
        let (tell, told) = mpsc::unbounded_channel();
        tokio::spawn(person(who, taken, tell));
        let report = talk.hold(Wire { orders, told, facts: Arc::new(Mutex::new(WireFacts::default())) }).await;
        self.busy.fetch_sub(1, Ordering::SeqCst);
        self.reports.lock().unwrap().push(report.clone());
        report
    }

    fn health(&self) -> Health {
        self.health.lock().unwrap().clone()
    }
}

/// Recordings of everything that calls say, half a second each.
fn speech() -> Speech {
    let sound: Pcm = Arc::from(vec![9i16; 4_000]);
    let phrases = phrases::fixed(Language::En).into_iter().map(|p| (p, sound.clone())).collect();
    let packs = vec![Pack::of("en", phrases)];
    Speech::new(SpeechSettings { program: None, packs, ..SpeechSettings::default() }, Arc::new(VoiceRuntime::start().unwrap()))
}

struct House {
    world: World,
    voice: Arc<Voice>,
    sms: Arc<Scripted>,
}

impl House {
    async fn new(plan: care::plan::Plan, routes: &[Arc<Phones>], settings: VoiceSettings) -> Self {
        let mut world = World::new(plan).await;
        let sms = world.scripted("sms", Mode::Delivers);
        let parts = VoiceParts { ledger: Arc::new(world.ledger.clone()), register: Arc::new(world.ledger.clone()), clock: world.clock.clone(), speech: speech() };
        let routes = routes.iter().map(|r| r.clone() as Arc<dyn VoiceRoute>).collect();
        let voice = Arc::new(Voice::new(routes, settings, parts));
        world.channels.push(voice.clone());
        let engine = Arc::new(Engine::new(Arc::new(world.ledger.clone()), Arc::new(Numbers), world.channels.clone(), world.clock.clone(), EngineSettings::default()));
        let stop = world.stop.subscribe();
        tokio::spawn(async move { engine.run(stop).await });
        let (watching, stop) = (voice.clone(), world.stop.subscribe());
        tokio::spawn(async move { watching.run(stop).await });
        Self { world, voice, sms }
    }

    async fn alarm(&self, id: &AlarmId) -> Alarm {
        self.world.alarm(id).await
    }

    /// The platform's own open alarm of this cause.
    async fn told(&self, what: &str) -> bool {
        let home = HomeId::from(crate::platform::PLATFORM);
        self.world.ledger.open_alarm(&home, &Cause::Technical(what.into())).await.unwrap().is_some()
    }
}

fn claimed_by(alarm: &Alarm, contact: &str) -> bool {
    matches!(&alarm.state, State::Claimed { by: Claimant::Contact(c), .. } if c.as_str() == contact)
}

fn outcomes(alarm: &Alarm) -> Vec<(String, Option<AttemptOutcome>)> {
    alarm.attempts.iter().map(|a| (a.contact.to_string(), a.outcome.clone())).collect()
}

#[tokio::test(start_paused = true)]
async fn two_ring_at_once_the_first_takes_it_and_the_other_hears_so() {
    let phones = Phones::new("one");
    phones.at(1, takes(6, 4));
    phones.at(2, Person { answers_s: Some(3), ..Person::default() });
    let house = House::new(plan(vec![rung(&["c1", "c2"], &["voice"])]), std::slice::from_ref(&phones), VoiceSettings::default()).await;
    let id = house.world.raise("home-1", Level::Red).await;
    seconds(120).await;
    let alarm = house.alarm(&id).await;
    assert_eq!(phones.most.load(Ordering::SeqCst), 2);
    assert!(claimed_by(&alarm, "c1"), "{:?}", alarm.state);
    assert_eq!(outcomes(&alarm), [("c1".into(), Some(AttemptOutcome::Accepted)), ("c2".into(), Some(AttemptOutcome::Released))]);
    let reports = phones.reports.lock().unwrap().clone();
    assert!(reports.iter().any(|r| r.outcome == LegOutcome::Released && r.said.last().is_some_and(|s| s.contains("Somebody else"))), "{reports:?}");
}

#[tokio::test(start_paused = true)]
async fn nobody_answers_for_ten_minutes_and_the_calling_goes_on() {
    let phones = Phones::new("one");
    let house = House::new(plan(vec![rung(&["c1"], &["voice"]), rung(&["c2"], &["voice"])]), std::slice::from_ref(&phones), VoiceSettings::default()).await;
    let id = house.world.raise("home-1", Level::Red).await;
    let mut seen = 0;
    for minute in 1..=10 {
        seconds(60).await;
        let alarm = house.alarm(&id).await;
        assert_eq!(alarm.state, State::Raised);
        assert!(alarm.next_step_at.is_some(), "minute {minute}: there is no next step");
        if minute % 5 == 0 {
            assert!(phones.calls() > seen, "nobody was called in five minutes");
            seen = phones.calls();
        }
    }
    phones.at(2, takes(2, 2));
    seconds(600).await;
    assert!(claimed_by(&house.alarm(&id).await, "c2"));
}

#[tokio::test(start_paused = true)]
async fn when_trunk_1_is_down_trunk_2_takes_the_call_and_operators_are_told() {
    let (one, two) = (Phones::new("one"), Phones::new("two"));
    *one.down.lock().unwrap() = Some("no response".into());
    two.at(1, takes(2, 2));
    let house = House::new(plan(vec![rung(&["c1"], &["voice"])]), &[one.clone(), two.clone()], VoiceSettings::default()).await;
    let id = house.world.raise("home-1", Level::Red).await;
    seconds(30).await;
    assert!(claimed_by(&house.alarm(&id).await, "c1"));
    assert_eq!((one.calls(), two.calls()), (1, 1));
    // The probe finds it down: it is tried last from now on.
    *one.health.lock().unwrap() = Health::Down("no answer to OPTIONS".into());
    seconds(10).await;
    assert!(house.told("trunk_down/one").await && !house.told("voice_none").await);
    house.world.raise("home-2", Level::Red).await;
    seconds(30).await;
    // The operators' own alarm calls, too.
    assert!(one.calls() == 1 && two.calls() >= 2, "{} {}", one.calls(), two.calls());
}

#[tokio::test(start_paused = true)]
async fn when_both_trunks_are_down_messages_go_and_operators_are_told() {
    for is_probed in [true, false] {
        let (one, two) = (Phones::new("one"), Phones::new("two"));
        for phones in [&one, &two] {
            *phones.down.lock().unwrap() = Some("no response".into());
            if is_probed {
                *phones.health.lock().unwrap() = Health::Down("no answer to OPTIONS".into());
            }
        }
        let house = House::new(plan(vec![rung(&["c1"], &["voice", "sms"])]), &[one, two], VoiceSettings::default()).await;
        let id = house.world.raise("home-1", Level::Red).await;
        seconds(20).await;
        assert!(!house.sms.seen().is_empty());
        assert!(house.told("voice_none").await, "probed: {is_probed}");
        assert_eq!(house.alarm(&id).await.state, State::Raised);
        let names_both = matches!(house.voice.health(), Health::Down(why) if why.contains("one") && why.contains("two"));
        assert_eq!(names_both, is_probed);
    }
}

#[tokio::test(start_paused = true)]
async fn the_second_who_presses_1_hears_that_it_is_taken() {
    let phones = Phones::new("one");
    // Both press in the same second.
    phones.at(1, takes(5, 5));
    phones.at(2, takes(5, 5));
    let house = House::new(plan(vec![rung(&["c1", "c2"], &["voice"])]), std::slice::from_ref(&phones), VoiceSettings::default()).await;
    let id = house.world.raise("home-1", Level::Red).await;
    seconds(120).await;
    let alarm = house.alarm(&id).await;
    let mut ended: Vec<_> = outcomes(&alarm).into_iter().filter_map(|(_, o)| o).collect();
    ended.sort_by_key(|o| format!("{o:?}"));
    assert!(ended.contains(&AttemptOutcome::Accepted), "{ended:?}");
    assert!(ended.contains(&AttemptOutcome::TooLate) || ended.contains(&AttemptOutcome::Released), "{ended:?}");
    let reports = phones.reports.lock().unwrap().clone();
    assert_eq!(reports.iter().filter(|r| r.said.iter().any(|s| s.starts_with("Confirmed"))).count(), 1, "{reports:?}");
}

#[tokio::test(start_paused = true)]
async fn a_spent_budget_sends_others_to_their_next_channel_and_a_red_alarm_still_rings() {
    let phones = Phones::new("one");
    for digit in 1..=9 {
        phones.at(digit, takes(1, 1));
    }
    let settings = VoiceSettings { calls_per_hour: 2, reserve_per_hour: 1, ..VoiceSettings::default() };
    let house = House::new(plan(vec![rung(&["c1"], &["voice", "sms"])]), std::slice::from_ref(&phones), settings).await;
    for home in ["h1", "h2"] {
        house.world.raise(home, Level::Urgent).await;
        seconds(20).await;
    }
    assert_eq!((phones.calls(), house.sms.seen().len()), (2, 0));
    let third = house.world.raise("h3", Level::Urgent).await;
    seconds(20).await;
    assert_eq!(phones.calls(), 2);
    assert!(house.sms.seen().iter().any(|(_, key, _)| key.alarm == third), "its next channel");
    let red: Vec<AlarmId> = [house.world.raise("h4", Level::Red).await, house.world.raise("h5", Level::Red).await].into();
    seconds(40).await;
    for id in red {
        assert!(claimed_by(&house.alarm(&id).await, "c1"));
    }
    assert!(house.told("call_budget").await);
}

#[tokio::test(start_paused = true)]
async fn what_was_said_is_kept_beside_the_attempt() {
    let phones = Phones::new("one");
    phones.at(1, takes(2, 2));
    let house = House::new(plan(vec![rung(&["c1"], &["voice"])]), std::slice::from_ref(&phones), VoiceSettings::default()).await;
    house.world.raise("home-1", Level::Red).await;
    seconds(200).await;
    let sheets = house.world.ledger.sheets(&store::SheetAsk::of(CALL).home(&"home-1".into())).await.unwrap();
    assert_eq!(sheets.len(), 1);
    let leg = &sheets[0].body["legs"][0];
    assert_eq!((leg["outcome"].as_str(), leg["keys"].as_str(), leg["trunk"].as_str()), (Some("acknowledged"), Some("1"), Some("one")));
    let said: Vec<_> = leg["said"].as_array().unwrap().iter().filter_map(|s| s.as_str()).collect();
    assert!(said[0].starts_with("Hearthline: emergency alarm."), "{said:?}");
    // Before the key neither name nor address.
    let confirmed = said.iter().position(|s| s.starts_with("Confirmed")).unwrap();
    assert!(said[..confirmed].iter().all(|s| !s.contains("Li Ming") && !s.contains("Lake")), "{said:?}");
}

/// Stores a key as often as the list says.
struct Stubborn(Mutex<Vec<Taken>>, Mutex<Vec<Taken>>);

#[async_trait]
impl Take for Stubborn {
    async fn accept(&self) -> Taken {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let taken = self.0.lock().unwrap().remove(0);
        self.1.lock().unwrap().push(taken);
        taken
    }

    fn reached(&self) {}
}

fn lines() -> Script {
    let line = |text: &str| Line::ready(text, vec![3; 4_000]);
    Script {
        brief: line("brief"),
        attention: line("attention"),
        once_more: line("once more"),
        not_stored: line("not stored"),
        confirmed: line("confirmed"),
        full: line("full"),
        ask_desk: line("ask the desk"),
        too_late: line("too late"),
        offer_desk: None,
        offer_home: None,
    }
}

async fn talked(script: &Script, who: Person, takes: Vec<Taken>) -> (LegReport, Vec<Taken>) {
    let (orders, taken) = mpsc::unbounded_channel();
    let (tell, told) = mpsc::unbounded_channel();
    tokio::spawn(person(who, taken, tell));
    let (_keep, released) = watch::channel(false);
    let take = Stubborn(Mutex::new(takes), Mutex::default());
    let timers = LegTimers::default();
    let talk = Talk { script, timers: &timers, take: &take, released, clock: Arc::new(TestClock::new()), bridge: None, progress: None };
    let report = talk.hold(Wire { orders, told, facts: Arc::default() }).await;
    let given = take.1.lock().unwrap().clone();
    (report, given)
}

#[tokio::test(start_paused = true)]
async fn a_key_is_stored_before_it_is_confirmed_aloud() {
    let keys = vec![(2, '1', Via::Rfc4733), (8, '1', Via::Rfc4733)];
    let person = Person { answers_s: Some(1), keys, ..Person::default() };
    let (report, given) = talked(&lines(), person, vec![Taken::NotStored, Taken::Yours]).await;
    assert_eq!(given, [Taken::NotStored, Taken::Yours]);
    assert_eq!(report.outcome, LegOutcome::Acknowledged(Via::Rfc4733));
    let at = |text: &str| report.said.iter().position(|s| s == text);
    assert!(at("not stored") < at("confirmed"), "{:?}", report.said);
    assert_eq!(report.said.iter().filter(|s| *s == "confirmed").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_alarm_never_waits_for_its_words() {
    let (_send, never) = watch::channel(None);
    let silent = |text: &str| Line { text: text.into(), sound: never.clone() };
    let script = Script { brief: silent("brief"), full: silent("full"), ..lines() };
    let (report, _) = talked(&script, takes(1, 3), vec![Taken::Yours]).await;
    assert_eq!(report.outcome, LegOutcome::Acknowledged(Via::Rfc4733));
    assert_eq!((report.said[0].as_str(), &report.said[report.said.len() - 3..]), ("attention", &["confirmed", "ask the desk", "ask the desk"].map(str::to_owned)[..]));
    assert!(!report.said.contains(&"brief".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn the_keys_of_the_menu() {
    let at = |keys: Vec<(u64, char, Via)>| Person { answers_s: Some(1), keys, ..Person::default() };
    for (keys, outcome) in [
        (vec![(2, '2', Via::Rfc4733)], LegOutcome::PassedOn),
        (vec![(2, '9', Via::Rfc4733), (5, '1', Via::SipInfo)], LegOutcome::Acknowledged(Via::SipInfo)),
        (vec![(2, '4', Via::Rfc4733), (3, '5', Via::Rfc4733), (4, '6', Via::Rfc4733)], LegOutcome::WrongKey),
        (vec![(2, '4', Via::Rfc4733)], LegOutcome::WrongKey),
        (vec![(2, '1', Via::InBand)], LegOutcome::NoKey),
        (vec![(2, '1', Via::InBand), (4, '2', Via::InBand)], LegOutcome::NoKey),
        (vec![(2, '1', Via::InBand), (4, '1', Via::InBand)], LegOutcome::Acknowledged(Via::InBand)),
        (vec![], LegOutcome::NoKey),
    ] {
        let (report, given) = talked(&lines(), at(keys.clone()), vec![Taken::Yours]).await;
        assert_eq!(report.outcome, outcome, "{keys:?}");
        assert_eq!(given.len(), usize::from(matches!(outcome, LegOutcome::Acknowledged(_))), "{keys:?}");
    }
    let (report, _) = talked(&lines(), Person { answers_s: Some(1), hangs_up_s: Some(3), ..Person::default() }, vec![]).await;
    assert_eq!(report.outcome, LegOutcome::HungUp);
    let (report, _) = talked(&lines(), takes(1, 2), vec![Taken::TooLate]).await;
    assert_eq!((report.outcome, report.said.last().map(String::as_str)), (LegOutcome::TooLate, Some("too late")));
}
