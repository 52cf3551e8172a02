//! A message on its way to subscribers: shared between all of them.

use crate::codec::{Forwarded, Payload, Qos};
use tokio::time::Instant;

/// A message that is durable and may be passed on.
#[derive(Debug)]
pub(crate) struct Message {
    name: String,
    topic_at: usize,
    pub(crate) payload: Payload,
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    pub(crate) expires_at: Option<Instant>,
    pub(crate) properties: Option<Box<Forwarded>>,
}

impl Message {
    /// `name` is the routing name; the topic that clients see begins at `topic_at`.
    pub(crate) fn new(name: (String, usize), payload: Payload, qos: Qos, retain: bool) -> Self {
        Self { name: name.0, topic_at: name.1, payload, qos, retain, expires_at: None, properties: None }
    }

    /// The name that it is routed under.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The topic as clients see it.
    pub(crate) fn topic(&self) -> &str {
        self.name.get(self.topic_at..).unwrap_or_default()
    }

    /// Seconds until it expires; 0 if it has expired, `None` if it never does.
    pub(crate) fn expiry_s(&self, now: Instant) -> Option<u32> {
        let left = self.expires_at?.saturating_duration_since(now);
        Some(u32::try_from(left.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX))
    }

    /// What it costs against the budgets.
    pub(crate) fn bytes(&self) -> usize {
        let properties = self.properties.as_ref().map_or(0, |p| {
            p.content_type.as_ref().map_or(0, String::len)
                + p.response_topic.as_ref().map_or(0, String::len)
                + p.correlation.as_ref().map_or(0, Vec::len)
                + p.user.iter().map(|(k, v)| 48 + k.len() + v.len()).sum::<usize>()
        });
        128 + self.name.len() + self.payload.len() + properties
    }
}
