//! Stories of a home, and what must hold in every story.

use super::*;
use crate::{Language, SignalKind, Value};
use proptest::prelude::*;

mod days;
mod over;
mod supervise;

fn at(text: &str) -> Timestamp {
    format!("2026-{}Z", text.replace(' ', "T")).parse().unwrap()
}

fn signal(kind: SignalKind, device: &str, when: Timestamp) -> Signal {
    let room = device.split('-').next().map(str::to_owned);
    let (said_at, heard_at) = (Some(when), when);
    let value = if kind == SignalKind::Door { Value::Open } else { Value::None };
    Signal { home: "h".into(), device: device.into(), kind, value, room, event: None, said_at, heard_at }
}

/// A home on a simulated clock: what it asks for, in one line each.
struct Story {
    home: Home,
    settings: Settings,
    now: Timestamp,
    log: Vec<String>,
    /// Sensors that send heartbeats every hour.
    beating: Vec<&'static str>,
}

impl Story {
    fn new() -> Self {
        let now = at("03-01 00:00:00");
        let settings = Settings { zone: chrono_tz::UTC, ..Settings::default() };
        Self { home: Home::new("h".into(), now), settings, now, log: Vec::new(), beating: vec!["bedroom-1", "kitchen-1", "living-1"] }
    }

    fn step(&mut self, input: Input<'_>, now: Timestamp) {
        let (home, effects) = self.home.clone().step(input, &self.settings, now);
        self.home = Home::decode("h".into(), &home.encode()).unwrap();
        assert_eq!(self.home.deadline(), home.deadline(), "a restart must not move the deadline");
        for effect in effects {
            let (what, level) = match &effect {
                Effect::Raise(raise) => (raise.cause.name(), format!("{:?}", raise.level).to_lowercase()),
                Effect::Notice(notice) => (notice.cause.name(), "notice".to_owned()),
                Effect::Over { cause, .. } => (cause.name(), "over".to_owned()),
            };
            self.log.push(format!("{} {what} {level}", now.format("%m-%d %H:%M")));
        }
    }

    fn pass(&mut self, until: Timestamp) {
        let mut beat = Timestamp::from(clock::Second::from(self.now)) + TimeDelta::seconds(3_600 - self.now.timestamp().rem_euclid(3_600));
        while beat <= until {
            self.wait(beat);
            for device in self.beating.clone() {
                self.step(Input::Heard(&signal(SignalKind::Heartbeat, device, beat)), beat);
            }
            beat += TimeDelta::hours(1);
        }
        self.wait(until);
    }

    fn wait(&mut self, until: Timestamp) {
        while let Some(deadline) = self.home.deadline().filter(|deadline| *deadline <= until) {
            self.step(Input::TimePassed, deadline.max(self.now));
            self.now = self.now.max(deadline);
        }
        self.now = until;
    }

    fn hear(&mut self, kind: SignalKind, device: &str, when: Timestamp) {
        self.pass(when);
        self.step(Input::Heard(&signal(kind, device, when)), when);
    }

    /// An ordinary day: up at 7, about the flat every 20 minutes, a walk from 10 to 11, to bed at 22, up once at 3.
    fn day(&mut self, day: u32, without: &[&str]) {
        self.part(day, 1440, without);
    }

    fn part(&mut self, day: u32, minutes: i64, without: &[&str]) {
        let midnight = at("03-01 00:00:00") + TimeDelta::days(i64::from(day) - 1);
        for minute in 0..minutes {
            let when = midnight + TimeDelta::minutes(minute);
            let hour = minute / 60;
            let mut say = |kind: SignalKind, device: &str| {
                if !without.contains(&device) {
                    self.hear(kind, device, when);
                }
            };
            match minute {
                180 => say(SignalKind::Motion, "bedroom-1"),
                600 | 660 => say(SignalKind::Door, "door-1"),
                _ if hour == 10 => {}
                _ if (7..22).contains(&hour) && minute % 20 == 0 => say(SignalKind::Motion, ["kitchen-1", "living-1", "bedroom-1"][usize::try_from(minute / 20 % 3).unwrap()]),
                _ => {}
            }
        }
    }

    fn days(&mut self, from: u32, to: u32, without: &[&str]) {
        for day in from..=to {
            self.day(day, without);
        }
    }

    fn told(&mut self) -> String {
        std::mem::take(&mut self.log).join("; ")
    }
}

#[test]
fn a_quiet_elder_is_called_about_and_then_help_is_sent() {
    let mut story = Story::new();
    story.days(1, 20, &[]);
    assert_eq!(story.told(), "");
    story.part(21, 840, &[]);
    story.hear(SignalKind::Motion, "kitchen-1", at("03-21 14:05:00"));
    story.pass(at("03-22 12:00:00"));
    let told = story.told();
    let lines: Vec<&str> = told.split("; ").collect();
    assert!(lines[0].starts_with("03-21 1") && lines[0].ends_with("inactivity attention"), "{told}");
    assert!(lines[1].ends_with("inactivity urgent"), "{told}");
    assert_eq!(lines.len(), 2, "{told}");
}

#[test]
fn an_alarm_of_silence_says_why_in_both_languages() {
    let mut story = Story::new();
    story.days(1, 20, &[]);
    story.part(21, 840, &[]);
    story.hear(SignalKind::Motion, "kitchen-1", at("03-21 14:05:00"));
    let next = story.home.view(&story.settings, story.now).next.unwrap();
    assert_eq!(next.level, Level::Attention);
    let (en, zh) = (next.reason.render(Language::En, chrono_tz::UTC), next.reason.render(Language::Zh, chrono_tz::UTC));
    assert!(en.contains("since 14:05 (kitchen). The longest quiet at this hour in 20 days at home: 20 m. Expected about once in "), "{en}");
    assert!(zh.contains("自 14:05（kitchen）起已") && zh.contains("最长静默 20 分钟"), "{zh}");
}

#[test]
fn silence_in_a_new_home_is_capped_from_the_first_day() {
    let mut story = Story::new();
    story.hear(SignalKind::Motion, "kitchen-1", at("03-01 08:00:00"));
    story.pass(at("03-02 08:00:00"));
    assert_eq!(story.told(), "03-01 20:00 inactivity urgent");
}

#[test]
fn nobody_is_missed_who_is_out_and_an_overdue_absence_is_shown_once() {
    let mut story = Story::new();
    story.days(1, 20, &[]);
    story.part(21, 595, &[]);
    story.hear(SignalKind::Motion, "kitchen-1", at("03-21 09:58:00"));
    story.hear(SignalKind::Door, "door-1", at("03-21 10:00:00"));
    story.pass(at("03-23 02:00:00"));
    let told = story.told();
    assert_eq!(told.matches("away_overdue notice").count(), 1, "{told}");
    assert!(!told.contains("inactivity"), "{told}");
    story.hear(SignalKind::Door, "door-1", at("03-23 02:00:00"));
    assert_eq!(story.home.view(&story.settings, story.now).occupancy, Occupancy::Home);
    assert!(story.home.deadline().is_some());
}

#[test]
fn a_door_that_is_closed_long_after_it_was_opened_is_closed_by_somebody_who_has_come() {
    let told = |closed: &str| {
        let mut story = Story::new();
        story.days(1, 20, &[]);
        story.part(21, 595, &[]);
        story.hear(SignalKind::Door, "door-1", at("03-21 10:00:00"));
        story.pass(at(closed));
        story.step(Input::Heard(&Signal { value: Value::Closed, ..signal(SignalKind::Door, "door-1", at(closed)) }), at(closed));
        story.pass(at("03-21 22:30:00"));
        story.told()
    };
    assert_eq!(told("03-21 10:00:05"), "", "who leaves closes the door behind them");
    let late = told("03-21 10:09:00");
    assert!(late.contains("inactivity urgent"), "who has come and is not seen again is missed: {late}");
}

#[test]
fn a_holiday_is_an_absence_until_the_elder_is_back() {
    let mut story = Story::new();
    story.days(1, 20, &[]);
    story.step(Input::Told(Told::Holiday { until: at("03-28 12:00:00") }), at("03-21 08:00:00"));
    story.pass(at("03-29 11:00:00"));
    assert!(!story.told().contains("inactivity"));
    story.hear(SignalKind::Motion, "living-1", at("03-29 11:00:00"));
    assert_eq!(story.home.view(&story.settings, story.now).occupancy, Occupancy::Home);
}

#[test]
fn a_hub_that_is_off_for_six_hours_is_a_technical_alarm_and_no_silence() {
    let mut story = Story::new();
    story.hear(SignalKind::Online, "hub", at("03-01 00:00:00"));
    story.days(1, 20, &[]);
    story.part(21, 840, &[]);
    story.hear(SignalKind::Motion, "kitchen-1", at("03-21 14:05:00"));
    story.hear(SignalKind::Offline, "hub", at("03-21 14:20:00"));
    story.beating.clear();
    story.pass(at("03-21 20:20:00"));
    let told = story.told();
    assert_eq!(told, "03-21 14:25 technical/hub_offline technical", "{told}");
    let view = story.home.view(&story.settings, story.now);
    assert_eq!((view.occupancy, view.cover), (Occupancy::Unknown, Cover::Unprotected));
    story.hear(SignalKind::Online, "hub", at("03-21 20:20:00"));
    story.hear(SignalKind::Motion, "living-1", at("03-21 20:25:00"));
    assert_eq!(story.told(), "03-21 20:20 technical/hub_offline over");
    assert_eq!(story.home.view(&story.settings, story.now).occupancy, Occupancy::Home);
}

#[test]
fn an_elder_who_was_quiet_before_the_hub_went_and_stays_quiet_is_missed_after_the_grace() {
    let mut story = Story::new();
    story.hear(SignalKind::Online, "hub", at("03-01 00:00:00"));
    story.days(1, 20, &[]);
    story.hear(SignalKind::Motion, "kitchen-1", at("03-21 08:00:00"));
    story.hear(SignalKind::Offline, "hub", at("03-21 08:20:00"));
    story.beating.clear();
    story.hear(SignalKind::Online, "hub", at("03-21 22:00:00"));
    story.beating.push("living-1");
    story.beating.push("kitchen-1");
    story.pass(at("03-21 22:16:00"));
    let told = story.told();
    assert!(told.ends_with("03-21 22:15 inactivity urgent"), "{told}");
}

#[test]
fn when_every_sensor_falls_silent_at_once_it_is_the_home_that_cannot_be_heard() {
    let mut story = Story::new();
    story.days(1, 20, &[]);
    story.pass(at("03-21 00:30:00"));
    story.beating.clear();
    story.pass(at("03-21 12:00:00"));
    assert_eq!(story.told(), "03-21 03:05 technical/hub_offline technical");
}

#[test]
fn a_sensor_dead_for_a_month_is_a_technical_alarm_and_the_rest_goes_on() {
    let mut story = Story::new();
    story.days(1, 20, &[]);
    story.beating.retain(|device| *device != "kitchen-1");
    story.days(21, 50, &["kitchen-1"]);
    let told = story.told();
    assert_eq!(told.matches("technical/device_silent").count(), 1, "{told}");
    assert!(!told.contains("inactivity"), "{told}");
    let view = story.home.view(&story.settings, story.now);
    assert_eq!(view.cover, Cover::Degraded);
}

#[test]
fn a_clock_that_is_wrong_by_an_hour_raises_nothing() {
    for wrong in [TimeDelta::hours(1), TimeDelta::hours(-1)] {
        let mut story = Story::new();
        story.days(1, 20, &[]);
        for minute in 0..(14 * 60) {
            if minute % 20 == 0 {
                let when = at("03-21 07:00:00") + TimeDelta::minutes(minute);
                story.pass(when);
                let said = Signal { said_at: Some(when + wrong), ..signal(SignalKind::Motion, "kitchen-1", when) };
                story.step(Input::Heard(&said), when);
            }
        }
        let told = story.told();
        assert!(!told.contains("inactivity"), "{told}");
    }
}

#[test]
fn summer_time_raises_nothing() {
    let mut story = Story::new();
    story.settings.zone = chrono_tz::Europe::Berlin;
    story.days(1, 45, &[]);
    assert_eq!(story.told(), "");
}

#[test]
fn our_own_short_outage_is_no_excuse_and_a_long_one_gives_each_home_a_grace() {
    let mut story = Story::new();
    story.beating.clear();
    story.hear(SignalKind::Motion, "kitchen-1", at("03-01 08:00:00"));
    let quiet = story.home.clone();
    story.step(Input::WeWereDown { from: at("03-01 19:59:00"), to: at("03-01 20:00:30") }, at("03-01 20:00:30"));
    assert!(story.home.deadline().unwrap() <= at("03-01 20:00:30"));
    story.home = quiet;
    story.step(Input::WeWereDown { from: at("03-01 18:00:00"), to: at("03-01 21:00:00") }, at("03-01 21:00:00"));
    assert_eq!(story.home.deadline(), Some(at("03-01 21:15:00")));
    assert!(story.home.view(&story.settings, at("03-01 21:00:00")).outage_worklist);
    story.pass(at("03-01 21:15:00"));
    assert_eq!(story.told(), "03-01 21:15 inactivity urgent");
    assert!(!story.home.view(&story.settings, at("03-01 21:16:00")).outage_worklist);
}

#[test]
fn a_backlog_counts_at_its_own_time_and_raises_nothing_while_it_comes_in() {
    let mut story = Story::new();
    story.beating.clear();
    story.hear(SignalKind::Motion, "kitchen-1", at("03-01 08:00:00"));
    for hour in 9..19 {
        let when = at("03-01 19:55:00") + TimeDelta::seconds(hour);
        let said = at("03-01 00:00:00") + TimeDelta::hours(hour);
        story.step(Input::Heard(&Signal { said_at: Some(said), ..signal(SignalKind::Motion, "kitchen-1", when) }), when);
    }
    let view = story.home.view(&story.settings, at("03-01 20:00:00"));
    assert_eq!(view.last_activity.unwrap().at, at("03-01 18:00:00"));
    story.pass(at("03-02 05:00:00"));
    assert_eq!(story.told(), "");
}

#[test]
fn five_days_of_unexplained_silence_alarm_and_do_not_blind() {
    let mut story = Story::new();
    story.days(1, 20, &[]);
    story.pass(at("03-25 23:00:00"));
    assert!(story.told().contains("inactivity urgent"));
    story.days(26, 30, &[]);
    story.told();
    story.hear(SignalKind::Motion, "kitchen-1", at("03-31 14:05:00"));
    let next = story.home.view(&story.settings, story.now).next.unwrap();
    assert!(next.at < at("03-31 22:00:00"), "{next:?}");
}

#[test]
fn without_consent_nothing_is_judged_or_learned() {
    let mut story = Story::new();
    story.hear(SignalKind::Motion, "kitchen-1", at("03-01 08:00:00"));
    story.step(Input::Told(Told::Consent(Monitoring::Off)), at("03-01 09:00:00"));
    story.hear(SignalKind::Motion, "kitchen-1", at("03-01 10:00:00"));
    story.pass(at("03-03 00:00:00"));
    assert_eq!(story.told(), "");
    let view = story.home.view(&story.settings, story.now);
    assert_eq!((view.last_activity, view.cover), (None, Cover::Unprotected));
}

#[test]
fn an_encoded_home_stays_small_and_bad_bytes_are_refused() {
    let mut story = Story::new();
    for i in 0..40 {
        let long = format!("room-{i}-{}", "x".repeat(50));
        story.hear(SignalKind::Motion, &long, at("03-01 08:00:00") + TimeDelta::minutes(i));
    }
    let bytes = story.home.encode();
    assert!(bytes.len() <= ENCODED_BYTES_MAX, "{}", bytes.len());
    for cut in 0..bytes.len() {
        assert!(Home::decode("h".into(), &bytes[..cut]).is_err(), "{cut}");
    }
}

#[test]
fn of_a_newer_form_it_is_known_whether_the_home_is_monitored_and_nothing_else() {
    for monitoring in [Monitoring::On, Monitoring::Off] {
        let mut story = Story::new();
        story.hear(SignalKind::Motion, "kitchen-1", at("03-01 08:00:00"));
        story.step(Input::Told(Told::Consent(monitoring)), at("03-01 09:00:00"));
        let mut bytes = story.home.encode();
        assert_eq!(Home::of_a_newer_form("h".into(), &bytes), None, "this form is read whole");
        bytes[0] = u8::MAX;
        assert!(Home::decode("h".into(), &bytes).is_err());
        let home = Home::of_a_newer_form("h".into(), &bytes[..2]).unwrap();
        assert_eq!(home, Home { monitoring, ..Home::new("h".into(), story.now) });
    }
}

#[test]
fn the_rules_beside_silence_speak_only_when_switched_on() {
    for (switch, told) in [
        (Switch::Off, ""),
        (
            Switch::On,
            "03-05 02:30 anomaly/bed_left attention; 03-05 03:50 anomaly/door_night attention; 03-05 05:30 anomaly/too_cold attention; \
             03-05 09:00 anomaly/water_long attention",
        ),
    ] {
        let mut story = Story::new();
        let rules = &mut story.settings.rules;
        (rules.bed_left, rules.door_night, rules.running_long, rules.temperature) = (switch, switch, switch, switch);
        story.days(1, 4, &[]);
        let mut say = |kind, device, value, when: &str| {
            let when = at(when);
            story.pass(when);
            story.step(Input::Heard(&Signal { value, ..signal(kind, device, when) }), when);
        };
        // up and back in time, then up and nowhere
        say(SignalKind::Bed, "bed-1", Value::Bool(false), "03-05 01:00:00");
        say(SignalKind::Bed, "bed-1", Value::Bool(true), "03-05 01:20:00");
        say(SignalKind::Bed, "bed-1", Value::Bool(false), "03-05 02:00:00");
        say(SignalKind::Motion, "living-1", Value::Bool(true), "03-05 03:00:00");
        say(SignalKind::Door, "door-1", Value::Open, "03-05 03:30:00");
        say(SignalKind::Motion, "living-1", Value::Bool(true), "03-05 05:00:00");
        say(SignalKind::Temperature, "thermo-1", Value::Number(9.5), "03-05 05:30:00");
        say(SignalKind::Temperature, "thermo-1", Value::Number(9.0), "03-05 06:30:00");
        for minute in 0..=12 {
            let when = at("03-05 08:00:00") + TimeDelta::minutes(minute * 5);
            say(SignalKind::Water, "water-1", Value::Number(3.0), &when.format("%m-%d %H:%M:%S").to_string());
        }
        assert_eq!(story.told(), told);
    }
}

fn taught() -> Story {
    let mut story = Story::new();
    story.beating.clear();
    story.days(1, 15, &[]);
    story.told();
    story
}

/// The instants, in seconds of the 16th, at which alarms of silence come if nothing more is heard.
fn dues(story: &Story, events: &[(i64, usize)]) -> (Option<clock::Second>, Option<clock::Second>) {
    let mut home = story.home.clone();
    for (second, device) in events {
        let when = at("03-16 00:00:00") + TimeDelta::seconds(*second);
        let device = ["kitchen-1", "living-1", "bedroom-1"][*device];
        home = home.step(Input::Heard(&signal(SignalKind::Motion, device, when)), &story.settings, when).0;
    }
    (home.quiet.map(|quiet| quiet.attention), home.quiet.map(|quiet| quiet.urgent))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn more_evidence_of_life_never_brings_an_alarm_nearer(
        mut events in prop::collection::vec((25_200i64..79_200, 0usize..3), 1..30),
        more in prop::collection::vec((25_200i64..79_200, 0usize..3), 1..5),
    ) {
        let story = taught();
        events.sort();
        let few = dues(&story, &events);
        events.extend(more);
        events.sort();
        let many = dues(&story, &events);
        prop_assert!(many.0 >= few.0 && many.1 >= few.1, "{few:?} {many:?}");
    }

    #[test]
    fn the_order_of_events_in_one_second_does_not_matter(
        events in prop::collection::vec((0i64..20, 0usize..4), 2..12),
    ) {
        let play = |events: &[(i64, usize)]| {
            let mut home = Story::new().home;
            let settings = Settings { zone: chrono_tz::UTC, ..Settings::default() };
            for (step, what) in events {
                let when = at("03-16 08:00:00") + TimeDelta::seconds(*step * 400);
                let (kind, device) = [
                    (SignalKind::Motion, "kitchen-1"), (SignalKind::Door, "door-1"), (SignalKind::Motion, "living-1"), (SignalKind::Bed, "bed-1"),
                ][*what];
                home = home.step(Input::Heard(&signal(kind, device, when)), &settings, when).0;
            }
            (home.life, home.life_device.clone(), home.exit, home.quiet, home.returned, home.routine.clone())
        };
        let mut forward = events.clone();
        forward.sort_by_key(|(step, _)| *step);
        let mut backward = events;
        backward.reverse();
        backward.sort_by_key(|(step, _)| *step);
        prop_assert_eq!(play(&forward), play(&backward));
    }

    #[test]
    fn a_replay_asks_for_the_same_as_live(
        events in prop::collection::vec((0i64..172_800, 0usize..3), 1..40),
    ) {
        let mut events = events;
        events.sort();
        let settings = Settings { zone: chrono_tz::UTC, ..Settings::default() };
        // live: woken at every deadline; replay: told of time only by the events themselves
        let play = |woken: bool| {
            let mut home = Story::new().home;
            let mut keys = Vec::new();
            for (second, device) in &events {
                let when = at("03-16 00:00:00") + TimeDelta::seconds(*second);
                if woken {
                    while let Some(deadline) = home.deadline().filter(|deadline| *deadline <= when) {
                        let (next, effects) = home.step(Input::TimePassed, &settings, deadline);
                        home = next;
                        keys.extend(effects.into_iter().map(|effect| match effect {
                            Effect::Raise(raise) => raise.key,
                            Effect::Notice(notice) => notice.key,
                            Effect::Over { cause, key, .. } => format!("{cause} over {key}"),
                        }));
                    }
                }
                let device = ["kitchen-1", "living-1", "bedroom-1"][*device];
                let (next, effects) = home.step(Input::Heard(&signal(SignalKind::Motion, device, when)), &settings, when);
                home = next;
                keys.extend(effects.into_iter().map(|effect| match effect {
                    Effect::Raise(raise) => raise.key,
                    Effect::Notice(notice) => notice.key,
                    Effect::Over { cause, key, .. } => format!("{cause} over {key}"),
                }));
            }
            (keys, home.deadline(), home.encode())
        };
        prop_assert_eq!(play(true), play(false));
    }
}
