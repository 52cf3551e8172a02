//! Identifiers: one newtype for each thing that has a name of its own.

use sha2::{Digest, Sha256};

/// Longest identifier accepted anywhere, in bytes.
pub const ID_BYTES_MAX: usize = 64;

/// A name of its own type. Its text is shared, for names are copied all the time (an alarm has dozens of them) and never changed.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// Takes the text as it is; the doors check it with [`crate::id::well_formed`] first.
            pub fn new(text: impl AsRef<str>) -> Self {
                Self(text.as_ref().into())
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from).map(Self::new)
            }
        }
    };
}
pub(crate) use id;

id!(/// A dwelling: the unit that sensors, alarms and partitions belong to.
    HomeId);
id!(/// A person in our care.
    ElderId);
id!(/// A sensor, button, hub or other sender, unique within its home.
    DeviceId);
id!(/// One alarm: 26 characters, sorts by the time it was raised.
    AlarmId);
id!(/// Somebody who can be called about an alarm.
    ContactId);
id!(/// Somebody with a sign-in: operator, liaison, visitor.
    PersonId);
id!(/// One event, however often and on whatever path it was delivered (ACK-2): 32 hex digits.
    EventId);

/// True if the text can be an identifier in a topic and in a URL: 1 to [`ID_BYTES_MAX`] bytes of
/// ASCII letters, digits, `-`, `_`, `.`, `:`, and neither `.` nor `..`.
pub fn well_formed(text: &str) -> bool {
    (1..=ID_BYTES_MAX).contains(&text.len())
        && text != "."
        && text != ".."
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
}

/// Number of logical partitions that homes hash to. Fixed for good: changing it moves every home.
pub const PARTITIONS: u16 = 4096;

/// The partition of a home, 0 to [`PARTITIONS`] - 1, the same in every adapter and on every machine.
pub fn partition(home: &HomeId) -> u16 {
    let digest = Sha256::digest(home.as_str().as_bytes());
    let [a, b, ..] = digest.0;
    u16::from_be_bytes([a, b]) % PARTITIONS
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

impl EventId {
    /// The identity of a message that names itself (`id`, or boot and sequence): the same sender,
    /// signal and name give the same event on every path, for ever.
    pub fn named(home: &HomeId, device: &DeviceId, signal: &str, name: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [home.as_str(), device.as_str(), signal, name] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let digest = hash.finalize();
        Self::new(hex(digest.get(..16).unwrap_or_default()))
    }
}

impl AlarmId {
    /// An identifier that depends on nothing but the cause of the alarm, so that a replayed event
    /// asks for the same alarm again: 10 characters of time, 16 of hash (Crockford's base 32).
    pub fn derive(raised_at: crate::Timestamp, seed: &str) -> Self {
        const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
        let digest = Sha256::digest(seed.as_bytes());
        let millis = u128::from(raised_at.timestamp_millis().unsigned_abs()) & ((1 << 50) - 1);
        let hash = digest.iter().take(10).fold(0u128, |acc, b| (acc << 8) | u128::from(*b));
        let all = (millis << 80) | hash;
        let text: String = (0..26)
            .rev()
            .filter_map(|i| DIGITS.get(((all >> (i * 5)) & 31) as usize).map(|d| char::from(*d)))
            .collect();
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    #[test]
    fn the_same_name_is_the_same_event_and_another_signal_is_not() {
        let (home, device) = (HomeId::from("home-1"), DeviceId::from("button"));
        assert_eq!(EventId::named(&home, &device, "call", "7"), EventId::named(&home, &device, "call", "7"));
        assert_ne!(EventId::named(&home, &device, "call", "7"), EventId::named(&home, &device, "motion", "7"));
        assert_ne!(
            EventId::named(&"a".into(), &"bc".into(), "call", "7"),
            EventId::named(&"ab".into(), &"c".into(), "call", "7")
        );
    }

    #[test]
    fn alarm_ids_sort_by_time() {
        let at = |s| DateTime::from_timestamp(s, 0).unwrap();
        assert!(AlarmId::derive(at(1_800_000_000), "z") < AlarmId::derive(at(1_800_000_001), "a"));
        assert_eq!(AlarmId::derive(at(1), "a").as_str().len(), 26);
    }

    #[test]
    fn partitions_are_fixed_for_good() {
        assert_eq!(partition(&"home-0001".into()), partition(&"home-0001".into()));
        let mut seen = std::collections::BTreeSet::new();
        for i in 0..10_000 {
            seen.insert(partition(&HomeId::new(format!("home-{i:04}"))));
        }
        assert!(seen.len() > 3_600, "10,000 homes must spread over nearly all partitions: {}", seen.len());
    }

    #[test]
    fn identifiers_cannot_carry_wildcards_or_paths() {
        for bad in ["", "#", "+", "a/b", "..", "a b", "é", &"x".repeat(65)] {
            assert!(!well_formed(bad), "{bad}");
        }
        assert!(well_formed("home-0001"));
    }
}
