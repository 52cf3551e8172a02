//! Local days and hours of a home, with the zone as an argument.

use crate::Timestamp;
use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;

/// The local day (days since 1970-01-01) and the second of it.
pub(super) fn local(zone: Tz, at: Timestamp) -> (i64, i64) {
    let offset = i64::from(zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc());
    let local = at.timestamp() + offset;
    (local.div_euclid(86_400), local.rem_euclid(86_400))
}

/// The whole second that an instant lies in: what is said in the same second is said at once.
pub(super) fn second(at: Timestamp) -> Timestamp {
    DateTime::from_timestamp(at.timestamp(), 0).unwrap_or(at)
}
