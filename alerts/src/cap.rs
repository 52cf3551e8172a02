//! CAP 1.2 (OASIS), out: one alarm as a private alert to an emergency centre, posted as `application/cap+xml`.
//! Identifiers and the cause go along; names and addresses only with [`Details::Full`].

use crate::channel::Job;
use crate::poster::{Form, Post, To};
use crate::webhook::Details;
use care::plan::ChannelName;
use care::reason::{Language, cause_name};
use care::{Cause, Level, TimeDelta, Timestamp};
use chrono::FixedOffset;
use reqwest::Url;

/// An alert that nobody repeats holds this long.
const EXPIRES: TimeDelta = TimeDelta::hours(2);

/// The channel `cap`: addresses are URLs.
#[derive(Debug, Clone)]
pub struct Cap {
    /// `sender`: unique, no spaces, commas, `<` or `&`: `hearthline@city.example`.
    pub sender: String,
    /// Whether the words with name and address go along.
    pub details: Details,
}

/// Text as XML: what XML has no room for is left out.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push(c),
            c if c < ' ' || ('\u{fffe}'..='\u{ffff}').contains(&c) => {}
            c => out.push(c),
        }
    }
    out
}

/// CAP wants an offset and refuses `Z`; UTC is written `-00:00` there, Beijing time is unambiguous as well.
fn instant(at: Timestamp) -> String {
    let beijing = FixedOffset::east_opt(8 * 3600).map(|zone| at.with_timezone(&zone).format("%Y-%m-%dT%H:%M:%S%:z").to_string());
    beijing.unwrap_or_else(|| at.format("%Y-%m-%dT%H:%M:%S-00:00").to_string())
}

fn category(cause: &Cause) -> &'static str {
    match cause {
        Cause::Call | Cause::Fall | Cause::Inactivity | Cause::Anomaly(_) => "Health",
        Cause::Smoke => "Fire",
        Cause::Gas | Cause::CarbonMonoxide => "CBRNE",
        Cause::WaterLeak => "Safety",
        Cause::Technical(_) => "Infra",
    }
}

impl Cap {
    /// The document.
    pub fn document(&self, job: &Job, to: &To<'_>, now: Timestamp) -> String {
        let (urgency, severity) = match job.level {
            Level::Red => ("Immediate", "Extreme"),
            Level::Urgent => ("Immediate", "Severe"),
            Level::Attention => ("Expected", "Moderate"),
            Level::Technical => ("Expected", "Minor"),
        };
        let status = if job.test { "Test" } else { "Actual" };
        let (language, headline) = match to.language {
            Language::Zh => ("zh-CN", format!("守望：{}", cause_name(&job.cause, to.language))),
            Language::En => ("en-US", format!("Hearthline: {}", cause_name(&job.cause, to.language))),
        };
        let description = match self.details {
            Details::Brief => to.words.reason.clone(),
            Details::Full => to.words.full.clone(),
        };
        let web = to.words.link.as_ref().map(|l| format!("<web>{}</web>", escape(l))).unwrap_or_default();
        let sender: String = self.sender.chars().filter(|c| !matches!(c, ' ' | ',' | '<' | '&')).collect();
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<alert xmlns=\"urn:oasis:names:tc:emergency:cap:1.2\"><identifier>{id}</identifier>\
             <sender>{sender}</sender><sent>{sent}</sent><status>{status}</status><msgType>Alert</msgType><scope>Private</scope>\
             <addresses>{to}</addresses><incidents>{alarm}</incidents><info><language>{language}</language><category>{category}</category>\
             <event>{cause}</event><responseType>Assess</responseType><urgency>{urgency}</urgency><severity>{severity}</severity>\
             <certainty>Observed</certainty><onset>{onset}</onset><expires>{expires}</expires><headline>{headline}</headline>\
             <description>{description}</description>{web}<parameter><valueName>home</valueName><value>{home}</value></parameter>\
             <parameter><valueName>presses</valueName><value>{presses}</value></parameter>\
             <area><areaDesc>{home}</areaDesc></area></info></alert>\n",
            id = escape(&job.key.to_string()),
            sender = escape(&sender),
            sent = instant(now),
            to = escape(to.contact.as_str()),
            alarm = escape(job.key.alarm.as_str()),
            category = category(&job.cause),
            cause = escape(&job.cause.name()),
            onset = instant(job.raised_at),
            expires = instant(now + EXPIRES),
            headline = escape(&headline),
            description = escape(&description),
            home = escape(job.home.as_str()),
            presses = job.presses,
        )
    }
}

impl Form for Cap {
    fn name(&self) -> &str {
        ChannelName::CAP
    }

    fn write(&self, job: &Job, to: &To<'_>, now: Timestamp) -> Option<Post> {
        let url = Url::parse(to.address).ok()?;
        let headers = vec![("content-type", "application/cap+xml; charset=utf-8".to_owned())];
        Some(Post { url, headers, body: self.document(job, to, now).into_bytes() })
    }
}
