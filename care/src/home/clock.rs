//! Instants and local days of a home, with the zone as an argument.

use crate::{TimeDelta, Timestamp};
use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;
use std::num::NonZeroU32;
use std::ops::{Add, AddAssign, Sub};

/// An instant to the second, in four bytes, so that a home is small: 1970 to 2106, and what lies beyond is taken for the
/// nearest of these. What is said in the same second is said at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Second(NonZeroU32);

impl Second {
    /// Seconds since 1970; the last one stands for "never" where a home is written.
    pub(super) fn new(timestamp: i64) -> Self {
        let seconds = u32::try_from(timestamp.max(1)).unwrap_or(u32::MAX).min(u32::MAX - 1);
        Self(NonZeroU32::new(seconds).unwrap_or(NonZeroU32::MIN))
    }

    /// Seconds since 1970.
    pub(super) fn timestamp(self) -> i64 {
        i64::from(self.0.get())
    }
}

impl From<Timestamp> for Second {
    fn from(at: Timestamp) -> Self {
        Self::new(at.timestamp())
    }
}

impl From<Second> for Timestamp {
    fn from(at: Second) -> Self {
        DateTime::from_timestamp(at.timestamp(), 0).unwrap_or(DateTime::UNIX_EPOCH)
    }
}

impl Add<TimeDelta> for Second {
    type Output = Self;

    fn add(self, span: TimeDelta) -> Self {
        Self::new(self.timestamp().saturating_add(span.num_seconds()))
    }
}

impl AddAssign<TimeDelta> for Second {
    fn add_assign(&mut self, span: TimeDelta) {
        *self = *self + span;
    }
}

impl Sub<TimeDelta> for Second {
    type Output = Self;

    fn sub(self, span: TimeDelta) -> Self {
        Self::new(self.timestamp().saturating_sub(span.num_seconds()))
    }
}

impl Sub for Second {
    type Output = TimeDelta;

    fn sub(self, other: Self) -> TimeDelta {
        TimeDelta::seconds(self.timestamp() - other.timestamp())
    }
}

/// The local day (days since 1970-01-01) and the second of it.
pub(super) fn local(zone: Tz, at: Second) -> (i64, i64) {
    let offset = i64::from(zone.offset_from_utc_datetime(&Timestamp::from(at).naive_utc()).fix().local_minus_utc());
    let local = at.timestamp() + offset;
    (local.div_euclid(86_400), local.rem_euclid(86_400))
}
