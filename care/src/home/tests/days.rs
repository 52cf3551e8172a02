//! Days, water, company: the rules beside silence that need more than one message.

use super::*;
use crate::home::{Rules, Switch, WaterRule, trial};

fn with(rules: Rules) -> Story {
    let mut story = Story::new();
    story.settings.rules = rules;
    story
}

/// The lines that are not about silence.
fn rules_told(story: &mut Story) -> Vec<String> {
    std::mem::take(&mut story.log).into_iter().filter(|line| line.contains("anomaly/")).collect()
}

impl Story {
    fn say(&mut self, kind: SignalKind, device: &str, value: Value, when: Timestamp) {
        self.pass(when);
        self.step(Input::Heard(&Signal { value, ..signal(kind, device, when) }), when);
    }
}

#[test]
fn a_day_that_does_not_begin_is_a_check_call_and_only_after_a_week() {
    let mut story = with(Rules { no_morning: Switch::On, ..Rules::default() });
    story.days(1, 14, &[]);
    assert!(rules_told(&mut story).is_empty());
    let usual = story.home.routine_view(&story.settings, story.now).usual_start.unwrap();
    // up at seven: the third piece with somebody about in it is at 7:40
    assert!((455.0..465.0).contains(&usual.minute), "{usual:?}");
    story.pass(at("03-15 12:00:00"));
    let told = rules_told(&mut story);
    assert_eq!(told, ["03-15 09:10 anomaly/no_morning attention"]);
    // late, but up: said once
    for minute in [0, 20, 40] {
        story.hear(SignalKind::Motion, "kitchen-1", at("03-15 12:00:00") + TimeDelta::minutes(minute));
    }
    story.pass(at("03-15 23:00:00"));
    assert!(rules_told(&mut story).is_empty());
    // not for somebody who is out
    story.hear(SignalKind::Door, "door-1", at("03-15 23:00:00"));
    story.pass(at("03-16 18:00:00"));
    assert!(rules_told(&mut story).is_empty());
    let mut new = with(Rules { no_morning: Switch::On, ..Rules::default() });
    new.days(1, 4, &[]);
    new.pass(at("03-05 11:00:00"));
    assert!(rules_told(&mut new).is_empty(), "nothing is usual yet");
}

#[test]
fn a_night_unlike_the_others_is_for_the_next_visit() {
    for (switch, told) in [(Switch::Off, vec![]), (Switch::On, vec!["03-21 01:39 anomaly/restless_night notice"])] {
        let mut story = with(Rules { restless_night: switch, ..Rules::default() });
        story.days(1, 20, &[]);
        for n in 0..8 {
            story.hear(SignalKind::Motion, "bathroom-1", at("03-21 00:15:00") + TimeDelta::minutes(n * 21));
        }
        assert_eq!(rules_told(&mut story), told);
    }
}

#[test]
fn a_kitchen_that_is_used_less_and_less_is_for_the_next_visit() {
    let mut story = with(Rules { decline: Switch::On, ..Rules::default() });
    story.days(1, 30, &[]);
    assert!(rules_told(&mut story).is_empty(), "a steady life is no decline");
    story.days(31, 40, &["kitchen-1"]);
    // the day begins with the kitchen, too: without it, it begins later
    let told = rules_told(&mut story);
    assert_eq!(told, ["04-03 03:00 anomaly/decline_kitchen notice", "04-03 03:00 anomaly/decline_start notice"]);
}

#[test]
fn little_water_is_remarkable_only_with_somebody_at_home() {
    let mut story = with(Rules { water_use: Switch::On, ..Rules::default() });
    story.beating.clear();
    let use_water = |story: &mut Story, litres, when: &str| story.say(SignalKind::Water, "water-1", Value::Number(litres), at(when));
    use_water(&mut story, 6.0, "03-02 08:00:00");
    use_water(&mut story, 6.0, "03-02 09:00:00");
    use_water(&mut story, 6.0, "03-02 12:00:00");
    use_water(&mut story, 5.0, "03-02 13:00:00");
    for hour in 14..24 {
        story.hear(SignalKind::Motion, "living-1", at("03-02 00:00:00") + TimeDelta::hours(hour));
    }
    story.pass(at("03-02 23:50:00"));
    assert!(rules_told(&mut story).is_empty());
    story.pass(at("03-03 02:00:00"));
    assert_eq!(rules_told(&mut story), ["03-03 00:00 anomaly/water_unused attention"]);
    // out of the house nobody can use any
    use_water(&mut story, 12.0, "03-03 08:00:00");
    story.hear(SignalKind::Door, "door-1", at("03-03 08:05:00"));
    story.hear(SignalKind::Motion, "living-1", at("03-03 22:00:00"));
    story.pass(at("03-03 22:30:00"));
    assert!(rules_told(&mut story).is_empty());
}

#[test]
fn too_much_water_and_a_leak_by_the_presets_of_cities() {
    let mut story = with(Rules { water_use: Switch::On, ..Rules::default() });
    story.beating.clear();
    story.settings.water = WaterRule { leak_after: WaterRule::LONGGANG.leak_after, ..WaterRule::ZHENHAI };
    for half in 0..52 {
        story.say(SignalKind::Water, "water-1", Value::Number(60.0), at("03-02 00:10:00") + TimeDelta::minutes(half * 30));
    }
    let told = rules_told(&mut story);
    assert_eq!(told, ["03-02 16:40 anomaly/water_much attention", "03-03 00:10 anomaly/water_leak_suspected attention"]);
    assert!(WaterRule::preset("nowhere").is_none());
    assert_eq!(WaterRule::preset("haishu"), Some(WaterRule::HAISHU));
}

#[test]
fn a_door_that_stays_shut_for_a_day_is_remarkable() {
    let mut story = with(Rules { door_unused: Switch::On, ..Rules::default() });
    story.days(1, 3, &[]);
    story.day(4, &["door-1"]);
    assert_eq!(rules_told(&mut story), ["03-04 11:00 anomaly/door_unused attention"]);
}

#[test]
fn two_people_in_two_rooms_are_company_and_their_silences_are_not_learned() {
    let mut story = Story::new();
    story.beating.clear();
    story.say(SignalKind::Bed, "bedroom-2", Value::Bool(true), at("03-02 22:00:00"));
    // the elder's own last steps to the bed
    story.hear(SignalKind::Motion, "living-1", at("03-02 22:00:30"));
    assert_eq!(story.home.view(&story.settings, story.now).occupancy, Occupancy::Home);
    story.hear(SignalKind::Motion, "kitchen-1", at("03-02 22:20:00"));
    assert_eq!(story.home.view(&story.settings, story.now).occupancy, Occupancy::Visitor);
    let before = story.home.routine.clone();
    story.hear(SignalKind::Motion, "kitchen-1", at("03-02 22:45:00"));
    assert_eq!(story.home.routine, before);
    story.say(SignalKind::Bed, "bedroom-2", Value::Bool(false), at("03-02 23:00:00"));
    story.hear(SignalKind::Motion, "kitchen-1", at("03-02 23:30:00"));
    assert_eq!(story.home.view(&story.settings, story.now).occupancy, Occupancy::Home);
    // an animal is no visitor
    story.step(Input::Told(Told::Pets(Pets::SeenByMotion)), at("03-03 00:00:00"));
    story.say(SignalKind::Bed, "bedroom-2", Value::Bool(true), at("03-03 00:10:00"));
    story.hear(SignalKind::Motion, "kitchen-1", at("03-03 02:00:00"));
    assert_eq!(story.home.view(&story.settings, story.now).occupancy, Occupancy::Home);
}

#[test]
fn rules_chosen_for_a_home_hold_against_those_of_the_town_and_survive() {
    let mut story = with(Rules::ON);
    story.step(Input::Told(Told::Rules(Rules { temperature: Switch::On, ..Rules::default() })), at("03-01 00:00:01"));
    story.days(1, 2, &["door-1"]);
    story.say(SignalKind::Temperature, "thermo-1", Value::Number(5.0), at("03-03 00:00:00"));
    assert_eq!(rules_told(&mut story), ["03-03 00:00 anomaly/too_cold attention"]);
    story.step(Input::Told(Told::Forget), at("03-03 00:00:01"));
    let rules = story.home.routine_view(&story.settings, story.now).rules;
    assert_eq!(rules, Rules { temperature: Switch::On, ..Rules::default() }, "a choice is not forgotten with what was learned");
    for bits in 0..512 {
        assert_eq!(Rules::from_bits(bits).bits(), bits);
    }
}

#[test]
fn a_rule_can_be_tried_on_the_past() {
    let mut heard = Vec::new();
    for day in 0..4 {
        let when = at("03-01 02:00:00") + TimeDelta::days(day);
        heard.push(Signal { value: Value::Bool(true), ..signal(SignalKind::Bed, "bed-1", when - TimeDelta::hours(3)) });
        heard.push(Signal { value: Value::Bool(false), ..signal(SignalKind::Bed, "bed-1", when) });
        let back = if day == 2 { 50 } else { 10 };
        heard.push(signal(SignalKind::Motion, "living-1", when + TimeDelta::minutes(back)));
    }
    let rules = Rules { bed_left: Switch::On, ..Rules::default() };
    let settings = Settings { zone: chrono_tz::UTC, ..Settings::default() };
    let would = trial(&"h".into(), &heard, rules, &settings, at("03-06 00:00:00"));
    let would: Vec<_> = would.iter().map(|t| (t.at, t.cause.name())).collect();
    assert_eq!(would, [(at("03-03 02:30:00"), "anomaly/bed_left".to_owned())]);
    assert!(trial(&"h".into(), &heard, Rules::default(), &settings, at("03-06 00:00:00")).is_empty());
}

#[test]
fn a_home_of_the_first_version_is_still_read() {
    let mut story = Story::new();
    story.days(1, 3, &[]);
    let mut old = story.home.encode();
    old[0] = 5;
    assert_eq!(Home::decode("h".into(), &old), Err(DecodeError::Version(5)));
    let first = include_bytes!("first_version.bin");
    let home = Home::decode("h".into(), first).unwrap();
    assert_eq!(home.view(&story.settings, at("03-04 00:00:00")).devices.len(), 4);
    assert_eq!(home.rules, None);
}
