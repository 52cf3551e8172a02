//! A recording of a simulated home's days, in the format that real ones come in.

use crate::recording::Recorded;
use crate::resident::{PLACES, Resident};
use crate::seed::Seed;
use chrono::{Days, NaiveDate, NaiveTime};

/// The days of the resident of this seed, in order of time.
pub fn record(seed: &Seed, first: NaiveDate, days: u16) -> Vec<Recorded> {
    let resident = Resident::new(seed);
    let mut events = Vec::new();
    for number in 0..u64::from(days) {
        let Some(date) = first.checked_add_days(Days::new(number)) else {
            break;
        };
        let midnight = date.and_time(NaiveTime::MIN);
        for happening in resident.day(date) {
            let Some(place) = PLACES.get(happening.sense.index()) else {
                continue;
            };
            events.push(Recorded {
                ts: midnight + happening.at,
                sensor: place.device.to_owned(),
                kind: place.kind,
                room: place.room.to_owned(),
                value: happening.value,
                label: happening.doing.to_owned(),
            });
        }
    }
    events.sort_by_key(|event| event.ts);
    events
}
