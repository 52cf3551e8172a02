//! Stories of supervised devices, and a thousand of them at once.

use super::*;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

fn supervise(story: &mut Story, device: &str, minutes: u32, part: Part) {
    let now = story.now;
    story.step(Input::Told(Told::Supervise { device: device.into(), every_s: minutes * 60, part }), now);
}

fn quiet_story() -> Story {
    let mut story = Story::new();
    story.beating.clear();
    story
}

fn seen(story: &Story, device: &str) -> DeviceView {
    story.home.view(&story.settings, story.now).devices.into_iter().find(|d| d.device.as_str() == device).unwrap()
}

#[test]
fn a_device_that_is_never_heard_after_it_was_enrolled_is_named_and_so_is_one_that_falls_silent() {
    let mut story = quiet_story();
    for (device, minutes) in [("smoke", 60), ("door", 10), ("bed", 1_440)] {
        supervise(&mut story, device, minutes, Part::Sensor);
    }
    story.hear(SignalKind::Heartbeat, "door", at("03-01 00:10:00"));
    story.pass(at("03-01 00:40:29"));
    assert_eq!(story.told(), "");
    story.pass(at("03-01 04:00:00"));
    assert_eq!(story.told(), "03-01 00:40 technical/device_silent technical; 03-01 03:00 technical/hub_offline technical; 03-01 03:00 technical/device_silent technical");
    assert_eq!(seen(&story, "door").health, DeviceHealth::Silent);
    story.hear(SignalKind::Heartbeat, "door", at("03-01 04:00:00"));
    assert_eq!(seen(&story, "door").health, DeviceHealth::Working);
    assert_eq!(seen(&story, "door").supervision.unwrap().due_at, Some(at("03-01 04:30:30")));
    story.pass(at("03-01 05:00:00"));
    assert_eq!(story.told(), "03-01 04:00 technical/device_silent over; 03-01 04:00 technical/hub_offline over; 03-01 04:30 technical/hub_offline technical; 03-01 04:30 technical/device_silent technical");
}

#[test]
fn a_silent_device_says_how_often_it_should_be_heard_and_since_when_it_was_not() {
    let mut story = quiet_story();
    supervise(&mut story, "smoke", 60, Part::Sensor);
    let (_, effects) = story.home.step(Input::TimePassed, &story.settings, at("03-01 03:00:30"));
    let reasons: Vec<String> = effects.iter().filter_map(|e| if let Effect::Raise(raise) = e { Some(raise.reason.render(Language::En, chrono_tz::UTC)) } else { None }).collect();
    assert_eq!(reasons, ["Device smoke should be heard every 1 h; nothing since 00:00 (3 h)."]);
}

#[test]
fn what_stands_behind_a_hub_that_is_gone_is_not_accused_and_is_counted_anew_when_the_hub_is_back() {
    let mut story = quiet_story();
    supervise(&mut story, "hub", 5, Part::Hub);
    for device in ["a", "b", "c"] {
        supervise(&mut story, device, 1, Part::Sensor);
    }
    for minute in 1..=30 {
        let when = at("03-01 00:00:00") + TimeDelta::minutes(minute);
        for device in ["a", "b", "c"] {
            story.hear(SignalKind::Heartbeat, device, when);
        }
        if minute % 5 == 0 {
            story.hear(SignalKind::Heartbeat, "hub", when);
        }
    }
    assert_eq!(story.told(), "");
    // all are gone, but only the hub is the cause
    story.pass(at("03-01 06:00:00"));
    assert_eq!(story.told(), "03-01 00:33 technical/hub_offline technical");
    assert_eq!(story.home.view(&story.settings, story.now).cover, Cover::Unprotected);
    // it is back, and c stays away
    for minute in 0..10 {
        let when = at("03-01 06:00:00") + TimeDelta::minutes(minute);
        story.hear(SignalKind::Heartbeat, if minute == 0 { "hub" } else { "a" }, when);
        story.hear(SignalKind::Heartbeat, "b", when);
        if minute == 5 {
            story.hear(SignalKind::Heartbeat, "hub", when);
        }
    }
    assert_eq!(story.told(), "03-01 06:00 technical/hub_offline over; 03-01 06:03 technical/device_silent technical");
    assert_eq!(seen(&story, "c").health, DeviceHealth::Silent);
}

#[test]
fn a_falling_battery_is_named_once_before_it_is_empty_and_a_new_one_starts_anew() {
    let mut story = quiet_story();
    let say = |story: &mut Story, when: Timestamp, percent: f64| {
        let signal = Signal { value: Value::Number(percent), ..signal(SignalKind::Battery, "door", when) };
        story.pass(when);
        story.step(Input::Heard(&signal), when);
    };
    let day = |n: i64| at("03-01 08:00:00") + TimeDelta::days(n);
    for n in 0..=40 {
        say(&mut story, day(n), 80.0 - n as f64);
    }
    assert_eq!(story.told(), "", "thirty days are left");
    let trend = seen(&story, "door").trend;
    assert_eq!((trend.battery_percent, trend.replace_within_days), (Some(40), Some(30)));
    for n in 41..=60 {
        say(&mut story, day(n), 80.0 - n as f64);
    }
    assert_eq!(story.told(), "04-26 08:00 technical/battery_replace notice");
    say(&mut story, day(61), 100.0);
    assert_eq!(seen(&story, "door").trend.replace_within_days, None);
    assert_eq!(story.told(), "05-01 08:00 technical/battery_replace over");
}

#[test]
fn a_link_that_grows_weak_is_seen_beside_what_is_usual() {
    let mut story = quiet_story();
    for minute in 0..200 {
        let when = at("03-01 00:00:00") + TimeDelta::minutes(minute);
        let percent = if minute < 180 { 80.0 } else { 10.0 };
        let signal = Signal { value: Value::Number(percent), ..signal(SignalKind::Link, "door", when) };
        story.step(Input::Heard(&signal), when);
    }
    let trend = seen(&story, "door").trend;
    assert!(trend.link_percent.unwrap() < 15 && trend.link_usual_percent.unwrap() > 55, "{trend:?}");
}

#[test]
fn a_test_ends_by_itself_after_half_an_hour_and_a_press_in_it_is_the_months_test() {
    let mut story = quiet_story();
    supervise(&mut story, "button", 1_440, Part::Button);
    let test = Told::Test { until: at("03-02 00:00:00") };
    story.step(Input::Told(test), at("03-01 00:00:00"));
    assert_eq!(story.home.test_until(at("03-01 00:29:59")), Some(at("03-01 00:30:00")));
    assert_eq!(story.home.test_until(at("03-01 00:30:00")), None);
    story.hear(SignalKind::Call, "button", at("03-01 00:10:00"));
    let supervision = seen(&story, "button").supervision.unwrap();
    assert_eq!((supervision.tested_at, supervision.test_due_at), (Some(at("03-01 00:10:00")), Some(at("03-31 00:10:00"))));
    // a press without a test is none
    for day in 1..30 {
        story.hear(SignalKind::Call, "button", at("03-01 02:00:00") + TimeDelta::days(day));
    }
    assert_eq!(seen(&story, "button").supervision.unwrap().tested_at, Some(at("03-01 00:10:00")));
    story.hear(SignalKind::Heartbeat, "button", at("03-31 01:00:00"));
    let told: Vec<String> = story.told().split("; ").filter(|line| line.contains("test_due")).map(str::to_owned).collect();
    assert_eq!(told, ["03-31 00:10 technical/test_due notice"]);
    let (now, told) = (story.now, Told::Proved { device: "button".into(), at: at("03-31 00:50:00") });
    story.step(Input::Told(told), now);
    assert_eq!(seen(&story, "button").supervision.unwrap().test_due_at, Some(at("04-30 00:50:00")));
}

#[test]
fn a_replaced_device_is_the_same_to_its_home_and_a_released_one_is_nobody() {
    let mut story = quiet_story();
    supervise(&mut story, "old", 60, Part::Sensor);
    story.hear(SignalKind::Motion, "old", at("03-01 00:30:00"));
    let now = story.now;
    story.step(Input::Told(Told::Replace { old: "old".into(), new: "new".into() }), now);
    let view = story.home.view(&story.settings, story.now);
    assert_eq!(view.devices.iter().map(|d| d.device.as_str()).collect::<Vec<_>>(), ["new"]);
    assert_eq!(view.last_activity.unwrap().device, Some("new".into()));
    assert_eq!(seen(&story, "new").supervision.unwrap().every_s, 3_600);
    story.step(Input::Told(Told::Release { device: "new".into() }), now);
    story.pass(at("03-01 08:00:00"));
    assert_eq!(story.told(), "");
}

#[test]
fn sixteen_wanted_devices_with_long_names_fit_and_no_stranger_takes_the_place_of_one() {
    let mut story = quiet_story();
    for n in 0..DEVICES_MAX {
        supervise(&mut story, &format!("0x00158d00045{n:02}ab"), 60, Part::Sensor);
        let when = at("03-01 00:10:00");
        let signal = Signal { value: Value::Number(90.0), ..signal(SignalKind::Battery, &format!("0x00158d00045{n:02}ab"), when) };
        story.step(Input::Heard(&signal), when);
    }
    for n in 0..40 {
        story.hear(SignalKind::Heartbeat, &format!("stranger-{n}"), at("03-01 00:20:00") + TimeDelta::seconds(n));
    }
    let view = story.home.view(&story.settings, story.now);
    assert!(story.home.encode().len() <= ENCODED_BYTES_MAX + WANTED_BYTES_MAX, "{}", story.home.encode().len());
    assert_eq!(view.devices.iter().filter(|d| d.supervision.is_some()).count(), DEVICES_MAX);
}

#[test]
fn forgetting_a_home_keeps_what_the_register_wants() {
    let mut story = quiet_story();
    supervise(&mut story, "button", 60, Part::Button);
    story.hear(SignalKind::Call, "button", at("03-01 00:30:00"));
    story.step(Input::Told(Told::Forget), at("03-01 00:31:00"));
    assert_eq!(seen(&story, "button").supervision.unwrap().every_s, 3_600);
    assert_eq!(story.home.view(&story.settings, story.now).last_activity, None);
}

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn between(&mut self, low: f64, high: f64) -> i64 {
        whole(low + self.next() * (high - low))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "some days in seconds")]
fn whole(number: f64) -> i64 {
    number.round() as i64
}

/// One of the thousand.
struct Played {
    home: usize,
    id: String,
    every_s: i64,
    dies: Option<Timestamp>,
    /// Its clock is wrong by so much.
    clock_off: TimeDelta,
    heard: Timestamp,
    declared: Vec<Timestamp>,
}

/// A hundred homes on a platform that restarts, is down for two hours, and has its clock set back.
struct City {
    homes: Vec<Home>,
    devices: Vec<Played>,
    by_name: BTreeMap<(usize, String), usize>,
    settings: Settings,
}

impl City {
    fn step(&mut self, home: usize, input: Input<'_>, now: Timestamp) {
        let before = std::mem::replace(&mut self.homes[home], Home::new("h".into(), now));
        let (after, effects) = before.step(input, &self.settings, now);
        self.homes[home] = after;
        for effect in effects {
            if let Effect::Raise(Raise { cause: Cause::Technical(what), device: Some(device), .. }) = effect
                && what == "device_silent"
            {
                let index = self.by_name[&(home, device.as_str().to_owned())];
                self.devices[index].declared.push(now);
            }
        }
    }

    /// What is due by then fires when it is due.
    fn wait(&mut self, home: usize, until: Timestamp, not_before: Timestamp) {
        while let Some(due) = self.homes[home].deadline().filter(|due| *due <= until) {
            self.step(home, Input::TimePassed, due.max(not_before));
        }
    }
}

#[test]
fn a_thousand_devices_through_restarts_an_outage_and_clocks_set_back_every_dead_one_declared_in_time_and_not_one_false() {
    let zero = at("03-01 00:00:00");
    let mut dice = Dice(20_261_201);
    let mut city = City {
        homes: (0..100).map(|n| Home::new(HomeId::new(format!("home-{n}")), zero)).collect(),
        devices: Vec::new(),
        by_name: BTreeMap::new(),
        settings: Settings { zone: chrono_tz::UTC, ..Settings::default() },
    };
    let mut beats = BinaryHeap::new();
    for index in 0..1_000usize {
        let home = index / 10;
        // from a minute to a day, as many between 1 and 10 as between 10 and 100
        let every_s = match index {
            0 => 60,
            1 => 86_400,
            _ if index % 20 == 10 => 300,
            _ => whole(60.0 * 1_440f64.powf(dice.next().sqrt())),
        };
        // every second home has a hub; hubs live, the fate of those behind them is another story
        let part = if index % 20 == 10 { Part::Hub } else { Part::Sensor };
        let dies = (part == Part::Sensor && dice.next() < 0.1).then(|| zero + TimeDelta::seconds(dice.between(20_000.0, 260_000.0)));
        let clock_off = if index % 7 == 0 { TimeDelta::seconds(dice.between(-90_000.0, 0.0)) } else { TimeDelta::zero() };
        let id = format!("d{index}");
        city.by_name.insert((home, id.clone()), index);
        city.devices.push(Played { home, id: id.clone(), every_s, dies, clock_off, heard: zero, declared: Vec::new() });
        city.step(home, Input::Told(Told::Supervise { device: DeviceId::new(id), every_s: u32::try_from(every_s).unwrap(), part }), zero);
        beats.push(Reverse((zero + TimeDelta::seconds(dice.between(1.0, every_s as f64)), index)));
    }
    let dead = city.devices.iter().filter(|d| d.dies.is_some()).count();
    assert!((70..=130).contains(&dead), "{dead} of 1,000 die");

    // when we are down, on the true clock: a dozen restarts, and two hours
    let mut downs: Vec<(Timestamp, TimeDelta)> = (0..12).map(|n| (zero + TimeDelta::seconds(30_000 + n * 40_000 + dice.between(0.0, 9_000.0)), TimeDelta::seconds(dice.between(5.0, 90.0)))).collect();
    downs.push((zero + TimeDelta::seconds(190_007), TimeDelta::hours(2)));
    downs.sort();
    let end = zero + TimeDelta::hours(156);
    // the platform's own time stands still while it is down with its clock set back: it never runs backwards
    let (mut behind, mut down, mut stopped) = (TimeDelta::zero(), downs.into_iter().peekable(), Vec::new());
    while let Some(Reverse((when, index))) = beats.pop() {
        if when > end {
            continue;
        }
        while let Some((from, long)) = down.next_if(|(from, _)| *from <= when) {
            let set_back = stopped.len() % 5 == 4;
            let (from_shown, to) = (from - behind, from + long);
            if set_back {
                behind += long;
            }
            let to_shown = to - behind;
            for home in 0..city.homes.len() {
                city.wait(home, from_shown, zero);
                let bytes = city.homes[home].encode();
                city.homes[home] = Home::decode(HomeId::new(format!("home-{home}")), &bytes).unwrap();
                // the last sign that we lived is up to five seconds old
                let alive = from_shown - TimeDelta::seconds(4);
                if alive < to_shown {
                    city.step(home, Input::WeWereDown { from: alive, to: to_shown }, to_shown);
                }
                city.wait(home, to_shown, to_shown);
            }
            stopped.push((from, to, from_shown - TimeDelta::seconds(4), to_shown));
        }
        let lost = dice.next() < 0.003;
        let device = &city.devices[index];
        if device.dies.is_some_and(|dies| dies <= when) {
            continue;
        }
        beats.push(Reverse((when + TimeDelta::seconds(device.every_s + dice.between(-3.0, 5.0)), index)));
        if lost || stopped.iter().any(|(from, to, _, _)| (*from..*to).contains(&when)) {
            continue;
        }
        let (home, shown) = (device.home, when - behind);
        let said_at = Some(shown + device.clock_off);
        let signal = Signal { said_at, ..signal(SignalKind::Heartbeat, &device.id.clone(), shown) };
        city.devices[index].heard = shown;
        city.wait(home, shown, zero);
        city.step(home, Input::Heard(&signal), shown);
    }
    let end_shown = end - behind;
    for home in 0..city.homes.len() {
        city.wait(home, end_shown, zero);
    }
    let missed = i64::from(city.settings.heartbeats_missed_max);
    for device in &city.devices {
        let declared = device.declared.first();
        let Some(_) = device.dies else {
            assert_eq!(declared, None, "{} of {} s lives and was last heard {}", device.id, device.every_s, device.heard);
            continue;
        };
        let mut by = device.heard + TimeDelta::seconds(device.every_s * missed + 60);
        for (_, _, from, to) in &stopped {
            if *to > device.heard && *from < by {
                by += *to - (*from).max(device.heard);
            }
        }
        assert!(declared.is_some_and(|at| *at <= by), "{} of {} s, last heard {}, to be declared by {by}: {declared:?}", device.id, device.every_s, device.heard);
        assert_eq!(device.declared.len(), 1, "{}", device.id);
    }
}
