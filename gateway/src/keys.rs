//! Who may come in, and what for: the [`Keys`] that the door asks, and the [`Rights`] that it holds every
//! topic against. A device speaks for its own home only.
//!
//! Topics outside the native language count for the home of the hub that brings them. To keep homes apart
//! they are routed under a name of their own (`\0{home}/{topic}`), which no client can write.

use async_trait::async_trait;
use care::{DeviceId, HomeId};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

/// What a client says about itself.
#[derive(Clone)]
pub struct Hello {
    /// The client identifier, as sent.
    pub client_id: String,
    /// The user name.
    pub user: Option<String>,
    /// The password.
    pub password: Option<Vec<u8>>,
    /// The common name of a client certificate that was verified.
    pub certificate_name: Option<String>,
    /// Where it comes from.
    pub peer: IpAddr,
}

impl std::fmt::Debug for Hello {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hello").field("client_id", &self.client_id).field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// The leave to come in.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The name of the credential: at most 128 bytes, no secret. Sessions and limits are kept by it.
    pub name: String,
    /// What it is good for.
    pub rights: Rights,
}

/// Homes that a bridge speaks for.
#[derive(Debug, Clone)]
pub enum Homes {
    /// These.
    Listed(Arc<BTreeSet<HomeId>>),
    /// Every one.
    All,
}

impl Homes {
    fn contains(&self, home: &str) -> bool {
        match self {
            Self::All => true,
            Self::Listed(homes) => homes.contains(&HomeId::new(home)),
        }
    }
}

/// What a credential is good for.
#[derive(Debug, Clone)]
pub enum Rights {
    /// One device of one home: says its own signals, hears its own commands.
    Device {
        /// Its home.
        home: HomeId,
        /// The device.
        device: DeviceId,
    },
    /// A home's hub: says anything for its home, in any language, and hears it.
    Hub {
        /// Its home.
        home: HomeId,
    },
    /// Another system that speaks the native language for many homes and hears their commands.
    Bridge {
        /// Which homes.
        homes: Homes,
    },
    /// The open listener for protocol suites: any topic. Never beyond loopback.
    Open,
}

/// Why somebody may not come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Unknown name or wrong password.
    #[error("unknown credential or wrong password")]
    BadLogin,
    /// Known, but blocked or revoked.
    #[error("the credential is blocked")]
    Blocked,
    /// Could not be decided now: come again.
    #[error("admission is overloaded or its register is out of reach")]
    Busy,
}

/// Decides who may come in.
#[async_trait]
pub trait Keys: Send + Sync {
    /// Answers within the door's `admit_within`, without blocking its thread.
    async fn admit(&self, hello: Hello) -> Result<Grant, Refused>;

    /// Two places use this leave at the same time and push each other out. Told once in five minutes; must not block.
    fn shared(&self, _grant: &Grant) {}
}

/// Lets everybody in with [`Rights::Open`]: for the open protocol listener.
#[derive(Debug, Clone, Copy)]
pub struct OpenKeys;

#[async_trait]
impl Keys for OpenKeys {
    async fn admit(&self, _hello: Hello) -> Result<Grant, Refused> {
        Ok(Grant { name: "open".to_owned(), rights: Rights::Open })
    }
}

/// A topic outside the rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Denied;

/// Where a permitted message belongs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The home it counts for.
    pub(crate) home: HomeId,
    /// The home that the topic's routing name is kept under.
    pub(crate) apart: Option<HomeId>,
}

const NATIVE: &str = "care/v1/";

/// Home, device and last part of a native topic, if it has exactly these.
fn native_parts(topic: &str) -> Option<(&str, &str, &str)> {
    let mut parts = topic.strip_prefix(NATIVE)?.split('/');
    let found = (parts.next()?, parts.next()?, parts.next()?);
    parts.next().is_none().then_some(found)
}

/// True for topics and filters of the native language, malformed ones too.
fn reserved(topic: &str) -> bool {
    topic == "care" || topic.starts_with("care/")
}

impl Rights {
    /// May a client with these rights publish to `topic`?
    pub(crate) fn publish(&self, topic: &str) -> Result<Place, Denied> {
        let native = |allowed: &dyn Fn(&str, &str) -> bool| {
            let (home, device, last) = native_parts(topic).ok_or(Denied)?;
            let ours = care::id::well_formed(home) && !device.is_empty() && last != "cmd" && allowed(home, device);
            ours.then(|| Place { home: HomeId::new(home), apart: None }).ok_or(Denied)
        };
        match self {
            Self::Device { home, device } => native(&|h, d| h == home.as_str() && d == device.as_str()),
            Self::Hub { home } if reserved(topic) => native(&|h, _| h == home.as_str()),
            Self::Hub { home } if !topic.starts_with('$') => {
                Ok(Place { home: home.clone(), apart: Some(home.clone()) })
            }
            Self::Hub { .. } => Err(Denied),
            Self::Bridge { homes } => native(&|h, _| homes.contains(h)),
            Self::Open => {
                let home = wire::home_of(topic).unwrap_or_else(|| HomeId::from("open"));
                Ok(Place { home, apart: None })
            }
        }
    }

    /// May a client with these rights listen to `filter` (without a share's prefix)? The answer is the home
    /// that the filter's routing name is kept under.
    pub(crate) fn subscribe(&self, filter: &str) -> Result<Option<HomeId>, Denied> {
        let mut parts = filter.split('/');
        let head = (parts.next(), parts.next(), parts.next(), parts.next());
        let allowed = match (self, head) {
            (Self::Device { home, device }, (Some("care"), Some("v1"), Some(h), Some(d))) => {
                h == home.as_str() && d == device.as_str()
            }
            (Self::Device { .. }, _) => false,
            (Self::Hub { home }, (Some("care"), Some("v1"), Some(h), Some(_))) => h == home.as_str(),
            (Self::Hub { home }, _) if !reserved(filter) && !filter.starts_with('$') => {
                return Ok(Some(home.clone()));
            }
            (Self::Hub { .. }, _) => false,
            (Self::Bridge { homes: Homes::All }, (Some("care"), Some("v1"), Some(_), _)) => true,
            (Self::Bridge { homes }, (Some("care"), Some("v1"), Some(h), Some(_))) => h != "+" && homes.contains(h),
            (Self::Bridge { .. }, _) => false,
            (Self::Open, _) => filter != "test/nosubscribe",
        };
        if allowed { Ok(None) } else { Err(Denied) }
    }
}

/// The name that a topic or filter is routed under.
pub(crate) fn routing_name(apart: Option<&HomeId>, topic: &str) -> (String, usize) {
    match apart {
        None => (topic.to_owned(), 0),
        Some(home) => (format!("\0{home}/{topic}"), home.as_str().len() + 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rights: &Rights, publish: &[(&str, bool)], subscribe: &[(&str, bool)]) {
        for (topic, allowed) in publish {
            assert_eq!(rights.publish(topic).is_ok(), *allowed, "publish {topic} with {rights:?}");
        }
        for (filter, allowed) in subscribe {
            assert_eq!(rights.subscribe(filter).is_ok(), *allowed, "subscribe {filter} with {rights:?}");
        }
    }

    #[test]
    fn a_device_speaks_for_itself_only() {
        check(
            &Rights::Device { home: "h1".into(), device: "button".into() },
            &[
                ("care/v1/h1/button/call", true),
                ("care/v1/h1/button/status", true),
                ("care/v1/h1/button/cmd", false),
                ("care/v1/h1/other/call", false),
                ("care/v1/h2/button/call", false),
                ("care/v1/h1/button", false),
                ("care/v1/h1/button/call/x", false),
                ("zigbee2mqtt/x", false),
                ("$SYS/x", false),
            ],
            &[
                ("care/v1/h1/button/cmd", true),
                ("care/v1/h1/button/#", true),
                ("care/v1/h1/+/cmd", false),
                ("care/v1/+/button/cmd", false),
                ("care/v1/h2/button/cmd", false),
                ("#", false),
                ("care/#", false),
            ],
        );
    }

    #[test]
    fn a_hub_speaks_any_language_for_its_home_and_hears_no_other() {
        let rights = Rights::Hub { home: "h1".into() };
        check(
            &rights,
            &[
                ("care/v1/h1/any/call", true),
                ("care/v1/h2/any/call", false),
                ("care/v2/h1/any/call", false),
                ("care", false),
                ("zigbee2mqtt/button", true),
                ("$SYS/x", false),
            ],
            &[
                ("care/v1/h1/+/cmd", true),
                ("care/v1/h1/#", true),
                ("care/v1/+/x/cmd", false),
                ("care/v1/#", false),
                ("zigbee2mqtt/#", true),
                ("#", true),
                ("$SYS/#", false),
            ],
        );
        let place = rights.publish("zigbee2mqtt/button").unwrap();
        assert_eq!(routing_name(place.apart.as_ref(), "zigbee2mqtt/button"), ("\0h1/zigbee2mqtt/button".to_owned(), 4));
        assert_eq!(rights.subscribe("#").unwrap(), Some("h1".into()));
    }

    #[test]
    fn a_bridge_speaks_for_its_listed_homes() {
        let homes = Homes::Listed(Arc::new(BTreeSet::from(["h1".into(), "h2".into()])));
        check(
            &Rights::Bridge { homes },
            &[("care/v1/h1/d/call", true), ("care/v1/h3/d/call", false), ("care/v1/h1/d/cmd", false), ("x", false)],
            &[("care/v1/h2/+/cmd", true), ("care/v1/h3/+/cmd", false), ("care/v1/+/+/cmd", false), ("#", false)],
        );
        check(
            &Rights::Bridge { homes: Homes::All },
            &[("care/v1/h3/d/call", true), ("care/v1/h 3/d/call", false)],
            &[("care/v1/+/+/cmd", true), ("care/v1/#", true), ("#", false)],
        );
    }

    #[test]
    fn the_open_listener_refuses_the_one_filter_that_suites_ask_for() {
        check(&Rights::Open, &[("any", true), ("$SYS/x", true)], &[("#", true), ("test/nosubscribe", false)]);
    }
}
