//! What the platform may set from afar: a small object on the hub's `cmd` topic, kept on the disk. Unknown or
//! impossible values change nothing and are told back with the next heartbeat.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// The file beside the records.
pub(crate) const FILE: &str = "remote";

/// What can be set. Everything left out is as the hub's own file says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Remote {
    /// Which setting this is: told back with every heartbeat.
    pub version: u64,
    /// How often the hub says that it lives, seconds. 10 to 3600.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat_s: Option<u32>,
    /// After which silence the home is told that nobody hears it, seconds. 30 to 86400, and more than two heartbeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unheard_after_s: Option<u32>,
    /// Only this path, by its name; left out: all in their order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// Why a setting was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// Not of the form.
    #[error("not a setting of this version: {0}")]
    Form(String),
    /// Out of range.
    #[error("{0} is out of range")]
    Range(&'static str),
    /// No such path.
    #[error("there is no path of this name")]
    Path,
}

impl Remote {
    /// Reads `{"hub":{…}}`; `None` if a command is about something else.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn parse(payload: &[u8], paths: &[String]) -> Option<Result<Self, Wrong>> {
        let body: Json = serde_json::from_slice(payload).ok()?;
        let hub = body.get("hub")?.clone();
        Some(
            serde_json::from_value(hub)
                .map_err(|error| Wrong::Form(error.to_string()))
                .and_then(|remote: Self| remote.checked(paths)),
        )
    }

    /// The same, if it can be used with these paths.
    ///
    /// # Errors
    /// Why not.
    pub fn checked(self, paths: &[String]) -> Result<Self, Wrong> {
        if self.heartbeat_s.is_some_and(|s| !(10..=3_600).contains(&s)) {
            return Err(Wrong::Range("heartbeat_s"));
        }
        if self
            .unheard_after_s
            .is_some_and(|s| !(30..=86_400).contains(&s))
        {
            return Err(Wrong::Range("unheard_after_s"));
        }
        if self.path.as_ref().is_some_and(|path| !paths.contains(path)) {
            return Err(Wrong::Path);
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_refused_and_what_is_about_something_else_is_none() {
        let paths = ["wired".to_owned(), "4g".to_owned()];
        let parse = |text: &str| Remote::parse(text.as_bytes(), &paths);
        assert_eq!(parse(r#"{"ack":"7"}"#), None);
        assert_eq!(parse("{"), None);
        let good = parse(r#"{"hub":{"version":3,"heartbeat_s":30,"path":"4g"}}"#)
            .unwrap()
            .unwrap();
        assert_eq!(
            good,
            Remote {
                version: 3,
                heartbeat_s: Some(30),
                unheard_after_s: None,
                path: Some("4g".into())
            }
        );
        assert_eq!(
            parse(r#"{"hub":{"heartbeat_s":5}}"#),
            Some(Err(Wrong::Range("heartbeat_s")))
        );
        assert_eq!(
            parse(r#"{"hub":{"path":"satellite"}}"#),
            Some(Err(Wrong::Path))
        );
        assert!(matches!(
            parse(r#"{"hub":{"heartbeet_s":5}}"#),
            Some(Err(Wrong::Form(_)))
        ));
    }
}
