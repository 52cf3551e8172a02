//! A person who lives alone, day by day: rises, washes, cooks, sits, goes out and comes back, sleeps,
//! and gets up at night. The same seed and date give the same day.

use crate::seed::Seed;
use care::{SignalKind, TimeDelta, Value};
use chrono::{Datelike, NaiveDate};

/// A sensor of the home: its name, what it senses, and the room that it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The device's name within the home.
    pub device: &'static str,
    /// What it senses.
    pub kind: SignalKind,
    /// The room.
    pub room: &'static str,
}

const fn place(device: &'static str, kind: SignalKind, room: &'static str) -> Place {
    Place { device, kind, room }
}

/// The sensors that a resident's day touches, in the order of [`Sense`].
pub const PLACES: [Place; 11] = [
    place("motion-bedroom", SignalKind::Motion, "bedroom"),
    place("motion-bathroom", SignalKind::Motion, "bathroom"),
    place("motion-kitchen", SignalKind::Motion, "kitchen"),
    place("motion-living", SignalKind::Motion, "living"),
    place("motion-hall", SignalKind::Motion, "hall"),
    place("door", SignalKind::Door, "hall"),
    place("bed-1", SignalKind::Bed, "bedroom"),
    place("seat-1", SignalKind::Seat, "living"),
    place("fridge", SignalKind::Contact, "kitchen"),
    place("water-1", SignalKind::Water, "bathroom"),
    place("kettle", SignalKind::Power, "kitchen"),
];

/// One of [`PLACES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are those of PLACES")]
pub enum Sense {
    Bedroom,
    Bathroom,
    Kitchen,
    Living,
    Hall,
    ExitDoor,
    Bed,
    Seat,
    Fridge,
    Water,
    Kettle,
}

impl Sense {
    /// Its index in [`PLACES`].
    pub fn index(self) -> usize {
        match self {
            Self::Bedroom => 0,
            Self::Bathroom => 1,
            Self::Kitchen => 2,
            Self::Living => 3,
            Self::Hall => 4,
            Self::ExitDoor => 5,
            Self::Bed => 6,
            Self::Seat => 7,
            Self::Fridge => 8,
            Self::Water => 9,
            Self::Kettle => 10,
        }
    }
}

/// Something that the home notices.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Happening {
    /// When, from local midnight of its day; may lie beyond the day's end.
    pub at: TimeDelta,
    /// Where.
    pub sense: Sense,
    /// What.
    pub value: Value,
    /// What the person is doing: an annotation for people and evaluators, never sent.
    pub doing: &'static str,
}

/// A person with habits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resident {
    seed: Seed,
    rises_min: i64,
    retires_min: i64,
    outing_permille: u16,
    night_trips_max: i64,
}

impl Resident {
    /// The person of this seed.
    pub fn new(seed: &Seed) -> Self {
        let mut habits = seed.branch(0);
        Self {
            seed: seed.clone(),
            rises_min: habits.about(6 * 60 + 30, 60),
            retires_min: habits.about(21 * 60 + 30, 60),
            outing_permille: u16::try_from(habits.between(350, 900)).unwrap_or(600),
            night_trips_max: habits.between(1, 2),
        }
    }

    /// What the home notices on this local day, in order of time.
    pub fn day(&self, date: NaiveDate) -> Vec<Happening> {
        let seed = self
            .seed
            .branch(u64::from(date.num_days_from_ce().unsigned_abs()));
        let mut day = Day {
            seed,
            now: 0,
            happenings: Vec::with_capacity(256),
        };
        day.night(self.night_trips_max);
        day.until(self.rises_min, 20);
        day.rise();
        day.bathroom("washing", 9);
        day.kitchen("breakfast", 25);
        day.living("morning", 60 * 9 + 15);
        if day.seed.chance(self.outing_permille) {
            day.out(35, 110);
        }
        day.living("morning", 60 * 11 + 20);
        day.kitchen("lunch", 40);
        day.bathroom("toilet", 4);
        day.nap();
        day.living("afternoon", 60 * 15 + 30);
        if day.seed.chance(self.outing_permille / 2) {
            day.out(20, 80);
        }
        day.living("afternoon", 60 * 17 + 40);
        day.kitchen("supper", 40);
        day.living("evening", self.retires_min);
        day.bathroom("washing", 10);
        day.retire();
        day.happenings
    }
}

/// A day under way. Times in seconds from midnight.
struct Day {
    seed: Seed,
    now: i64,
    happenings: Vec<Happening>,
}

impl Day {
    fn notice(&mut self, sense: Sense, value: Value, doing: &'static str) {
        self.happenings.push(Happening {
            at: TimeDelta::seconds(self.now),
            sense,
            value,
            doing,
        });
    }

    fn seen(&mut self, sense: Sense, doing: &'static str) {
        self.notice(sense, Value::Bool(true), doing);
    }

    fn pass(&mut self, low_s: i64, high_s: i64) {
        self.now += self.seed.between(low_s, high_s);
    }

    /// Lets time pass until about this minute of the day; nothing if it is later already.
    fn until(&mut self, minute: i64, spread_min: i64) {
        self.now = self.now.max(self.seed.about(minute * 60, spread_min * 60));
    }

    /// In a room until `end`, moving every so often.
    fn stay(&mut self, sense: Sense, doing: &'static str, end: i64, gap_s: i64) {
        self.seen(sense, doing);
        loop {
            self.pass(gap_s / 3, gap_s + gap_s / 2);
            if self.now >= end {
                self.now = end;
                return;
            }
            self.seen(sense, doing);
        }
    }

    fn through_hall(&mut self, doing: &'static str) {
        self.seen(Sense::Hall, doing);
        self.pass(4, 12);
    }

    fn night(&mut self, trips_max: i64) {
        let trips = self.seed.between(0, trips_max);
        for trip in 0..trips {
            self.until(60 + 30 + trip * 140, 50);
            self.notice(Sense::Bed, Value::Bool(false), "night toilet");
            self.pass(3, 20);
            self.seen(Sense::Bedroom, "night toilet");
            self.bathroom("night toilet", 4);
            self.lie_down("sleep");
        }
    }

    fn rise(&mut self) {
        self.notice(Sense::Bed, Value::Bool(false), "rising");
        self.pass(5, 60);
        self.seen(Sense::Bedroom, "rising");
        self.pass(20, 200);
        self.seen(Sense::Bedroom, "rising");
        self.pass(10, 60);
    }

    fn lie_down(&mut self, doing: &'static str) {
        self.seen(Sense::Bedroom, doing);
        self.pass(10, 90);
        self.notice(Sense::Bed, Value::Bool(true), doing);
        self.pass(30, 120);
    }

    fn retire(&mut self) {
        self.through_hall("sleep");
        self.lie_down("sleep");
    }

    fn bathroom(&mut self, doing: &'static str, minutes: i64) {
        self.through_hall(doing);
        let end = self.now + self.seed.about(minutes * 60, minutes * 20);
        self.stay(Sense::Bathroom, doing, end, 90);
        let litres = self.seed.between(60, 60 + minutes * 30);
        self.notice(
            Sense::Water,
            Value::Number(f64::from(u16::try_from(litres).unwrap_or(60)) / 10.0),
            doing,
        );
        self.pass(5, 20);
        self.through_hall(doing);
    }

    fn kitchen(&mut self, doing: &'static str, minutes: i64) {
        self.through_hall(doing);
        let end = self.now + self.seed.about(minutes * 60, minutes * 15);
        self.seen(Sense::Kitchen, doing);
        self.pass(10, 60);
        self.notice(Sense::Fridge, Value::Open, doing);
        self.pass(5, 40);
        self.notice(Sense::Fridge, Value::Closed, doing);
        self.pass(10, 120);
        self.notice(Sense::Kettle, Value::Number(1800.0), doing);
        self.pass(150, 260);
        self.seen(Sense::Kitchen, doing);
        self.notice(Sense::Kettle, Value::Number(0.0), doing);
        self.pass(5, 30);
        self.stay(Sense::Kitchen, doing, end.max(self.now), 150);
    }

    /// In the living room until about this minute of the day, in the chair for the most, now and then to the toilet.
    fn living(&mut self, doing: &'static str, until_min: i64) {
        let end = self.seed.about(until_min * 60, 15 * 60);
        while self.now + 300 < end {
            self.seen(Sense::Living, doing);
            self.pass(20, 120);
            self.notice(Sense::Seat, Value::Bool(true), doing);
            let sit = self.now + self.seed.between(35 * 60, 150 * 60);
            self.stay(Sense::Living, doing, sit.min(end), 14 * 60);
            self.notice(Sense::Seat, Value::Bool(false), doing);
            self.pass(5, 30);
            self.seen(Sense::Living, doing);
            if self.now + 600 < end {
                self.bathroom("toilet", 4);
            }
        }
    }

    fn nap(&mut self) {
        self.through_hall("nap");
        self.lie_down("nap");
        let sleep = self.seed.about(55 * 60, 30 * 60);
        self.now += sleep;
        self.rise();
    }

    fn door(&mut self, doing: &'static str) {
        self.notice(Sense::ExitDoor, Value::Open, doing);
        self.pass(4, 15);
        self.notice(Sense::ExitDoor, Value::Closed, doing);
        self.pass(3, 20);
    }

    fn out(&mut self, low_min: i64, high_min: i64) {
        self.through_hall("going out");
        self.pass(20, 120);
        self.door("going out");
        self.pass(low_min * 60, high_min * 60);
        self.door("coming home");
        self.through_hall("coming home");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, day).unwrap()
    }

    #[test]
    fn a_day_is_the_same_again_and_another_day_is_not() {
        let resident = Resident::new(&Seed::new(5));
        assert_eq!(resident.day(date(1)), resident.day(date(1)));
        assert_ne!(resident.day(date(1)), resident.day(date(2)));
        assert_ne!(
            resident.day(date(1)),
            Resident::new(&Seed::new(6)).day(date(1))
        );
    }

    #[test]
    fn every_day_of_a_hundred_people_is_in_order_and_ends_in_bed_before_the_next_begins() {
        for person in 0..100 {
            let resident = Resident::new(&Seed::new(person));
            for day in 1..8 {
                let happenings = resident.day(date(day));
                assert!(
                    happenings.is_sorted_by_key(|happening| happening.at),
                    "person {person} day {day}"
                );
                let last = happenings.last().unwrap();
                assert_eq!((last.sense, last.value), (Sense::Bed, Value::Bool(true)));
                assert!(
                    last.at < TimeDelta::minutes(24 * 60 + 60),
                    "person {person} day {day}: {}",
                    last.at
                );
                assert!(
                    (60..400).contains(&happenings.len()),
                    "{}",
                    happenings.len()
                );
            }
        }
    }

    #[test]
    fn nobody_moves_inside_between_going_out_and_coming_home() {
        let resident = Resident::new(&Seed::new(11));
        let days: Vec<_> = (1..28).flat_map(|day| resident.day(date(day))).collect();
        let outings = days
            .windows(2)
            .filter(|pair| pair[0].doing == "going out" && pair[1].doing == "coming home")
            .map(|pair| {
                assert_eq!(
                    (pair[0].sense, pair[1].sense),
                    (Sense::ExitDoor, Sense::ExitDoor)
                );
                assert!(pair[1].at - pair[0].at >= TimeDelta::minutes(20));
            })
            .count();
        assert!(outings >= 5, "{outings}");
    }
}
