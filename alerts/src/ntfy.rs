//! Push by an ntfy server (https://docs.ntfy.sh/publish/), which a city can run itself: one POST to a topic. The topic's
//! address is a secret: whoever knows it reads it, so that the message holds no name and no address.

use crate::channel::Job;
use crate::poster::{Form, Post, To};
use care::plan::ChannelName;
use care::{Level, Timestamp};
use reqwest::Url;

/// The channel `ntfy`: addresses are topic URLs.
#[derive(Clone, Default)]
pub struct Ntfy {
    /// An access token of the server, or empty. Never logged.
    pub token: String,
}

impl Form for Ntfy {
    fn name(&self) -> &str {
        ChannelName::NTFY
    }

    fn write(&self, job: &Job, to: &To<'_>, _now: Timestamp) -> Option<Post> {
        let topic = Url::parse(to.address).ok()?;
        let name = topic.path_segments().and_then(|mut s| s.next_back()).filter(|s| !s.is_empty())?.to_owned();
        let mut server = topic.clone();
        server.set_path("/");
        server.set_query(None);
        server.set_fragment(None);
        let (priority, tag) = match job.level {
            Level::Red => (5, "rotating_light"),
            Level::Urgent => (4, "warning"),
            Level::Attention => (3, "eyes"),
            Level::Technical => (2, "wrench"),
        };
        let mut body = serde_json::json!({ "topic": name, "message": to.words.message, "title": "守望 Hearthline", "priority": priority, "tags": [tag] });
        if let (Some(link), Some(map)) = (&to.words.link, body.as_object_mut()) {
            map.insert("click".to_owned(), link.as_str().into());
        }
        let mut headers = vec![("content-type", "application/json".to_owned())];
        if !self.token.is_empty() {
            headers.push(("authorization", format!("Bearer {}", self.token)));
        }
        Some(Post { url: server, headers, body: body.to_string().into_bytes() })
    }
}
