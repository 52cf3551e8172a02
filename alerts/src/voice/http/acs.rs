//! A Chinese voice provider: Alibaba Cloud's voice service (`IvrCall`, version 2017-05-25). It speaks templates that the provider
//! has approved, and pushes what happens as JSON arrays: `VoiceCallReport` for a key (status 300000), `VoiceReport` for the end.
//!
//! Three things differ from every other route, and shape it: what is spoken after a key is fixed when the call is placed, so
//! that the details can be said but nothing can be confirmed aloud that was not stored; the pushes carry no signature, so that a
//! secret stands in their address; and a call once placed cannot be taken back. Its requests are signed by published vectors and checked by a stub
//! in another language; a real account was not tried.

use super::callbacks::{self, plain};
use super::sign::{self, Acs3};
use super::{FAILURES_MAX, HttpVoiceError, Waiting, locked, token};
use crate::channel::{Failures, Taken};
use crate::voice::keys::Via;
use crate::voice::leg::{LegOutcome, LegPhase, LegReport, LegRequest};
use crate::voice::number::{DialPlan, NumberForm};
use crate::voice::talk::{Talk, told_released};
use crate::voice::{Health, VoiceRoute};
use async_trait::async_trait;
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use reqwest::Url;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;

/// The version of the interface.
const VERSION: &str = "2017-05-25";
/// A key was pressed.
const KEY: &str = "300000";
/// How long a push may wait until its key is stored. The provider gives up after 700 ms and pushes again.
const ANSWER_WITHIN: Duration = Duration::from_secs(12);
/// How long the provider waits for a key after the words, milliseconds.
const KEY_WITHIN_MS: &str = "5000";
/// Longest text that a template is filled with, in characters (LIM-1).
const WORDS_MAX: usize = 300;
/// Letters of the name by which pushes tell their call: the provider takes 15 bytes at most.
const OUT_ID_MAX: usize = 15;

/// An account.
#[derive(Clone)]
pub struct AcsSettings {
    /// Its name in alarms.
    pub name: String,
    /// `https://dyvmsapi.aliyuncs.com`
    pub api: Url,
    /// The AccessKey's identifier.
    pub key_id: String,
    /// The AccessKey's secret. Never logged.
    pub secret: String,
    /// The number that calls come from, as it was bought.
    pub caller: String,
    /// The secret part of the address that the provider pushes to: `/acs/SECRET`. Never logged.
    pub push_secret: String,
    /// Where pushes are received; TLS is a proxy's.
    pub listen: SocketAddr,
    /// The template that is spoken first: that there is an emergency alarm, and the keys. No name, no address.
    pub brief: String,
    /// The template after key 1: that the key was noted. Never that the alarm is theirs.
    pub noted: String,
    /// The variable of that template that takes the details: who, where, what, since when; `None` = it has none.
    pub noted_variable: Option<String>,
    /// The template after key 2.
    pub passed_on: String,
    /// The template of a second call that confirms and says the details, with the variable `words`; `None` = there is no second call.
    pub details: Option<String>,
    /// Calls at once.
    pub channels: usize,
    /// How long the provider may take to answer a request.
    pub within: Duration,
}

/// One entry of a push. What is not there is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Report {
    out_id: String,
    status_code: String,
    dtmf: String,
    /// Only the report of a call's end has it, as a number or as text.
    duration: Option<serde_json::Value>,
    /// When it was answered.
    start_time: String,
}

struct Push {
    report: Report,
    done: oneshot::Sender<()>,
}

type Pending = Arc<Mutex<BTreeMap<String, mpsc::Sender<Push>>>>;

/// Calls by such a provider.
pub struct AcsVoice {
    settings: AcsSettings,
    plan: DialPlan,
    client: reqwest::Client,
    pending: Pending,
    slots: Arc<Semaphore>,
    failures: Failures,
    local: SocketAddr,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for AcsVoice {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// How a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Failed {
    /// The key or its signature is refused.
    Auth,
    /// This number, and no other, is refused.
    Number,
    /// The provider's own limit: one call a minute to a number, calls at once.
    Limit(String),
    /// Anything else.
    Down(String),
}

/// What a code of the answer means. Codes: the provider's list of errors of `IvrCall`.
fn refusal(status: u16, code: &str) -> Failed {
    match code {
        "isv.MOBILE_NUMBER_ILLEGAL" | "isv.INVALID_PARAMETERS" | "isv.BLACK_KEY_CONTROL_LIMIT" => Failed::Number,
        "isv.BUSINESS_LIMIT_CONTROL" | "isv.OVER_CONCURRENCY" | "Throttling.User" | "Throttling" => Failed::Limit(code.to_owned()),
        "SignatureDoesNotMatch" | "IncompleteSignature" | "InvalidAccessKeyId.NotFound" | "InvalidAccessKeyId.Inactive" | "isp.RAM_PERMISSION_DENY" | "Forbidden.RAM" => Failed::Auth,
        _ if status == 401 || status == 403 => Failed::Auth,
        "" => Failed::Down(format!("status {status}")),
        other => Failed::Down(other.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_')).take(60).collect()),
    }
}

/// How a call ended by the code of its last report. `keys`: some key was pressed, though not one that counts.
fn ended(code: &str, keys: bool) -> LegOutcome {
    match code {
        "200000" | "200008" | "200100" => if keys { LegOutcome::WrongKey } else { LegOutcome::NoKey },
        "200001" => LegOutcome::HungUp,
        "200002" => LegOutcome::Busy,
        "200003" => LegOutcome::NoAnswer,
        "200004" | "200011" => LegOutcome::Unreachable(404),
        "200005" | "200007" | "200010" => LegOutcome::Unreachable(480),
        "200105" => LegOutcome::Unreachable(403),
        "200121" => LegOutcome::RouteFull,
        other => LegOutcome::RouteDown(format!("status {}", other.chars().filter(char::is_ascii_digit).take(6).collect::<String>())),
    }
}

/// A template's variable and what stands in it.
fn filled(variable: &str, words: &str) -> String {
    serde_json::json!({ variable: words.chars().take(WORDS_MAX).collect::<String>() }).to_string()
}

impl AcsVoice {
    /// Opens the port of the pushes.
    ///
    /// # Errors
    /// If it cannot be had.
    pub async fn open(settings: AcsSettings, plan: DialPlan) -> Result<Self, HttpVoiceError> {
        crate::tls::provide();
        let client = super::client(&settings.name, settings.within)?;
        let listener = TcpListener::bind(settings.listen).await.map_err(|e| HttpVoiceError::Bind(settings.name.clone(), e))?;
        let local = listener.local_addr().map_err(|e| HttpVoiceError::Bind(settings.name.clone(), e))?;
        let pending = Pending::default();
        let facts = Arc::new((settings.push_secret.clone(), pending.clone()));
        let serving = tokio::spawn(callbacks::serve(listener, move |request| {
            let facts = facts.clone();
            async move { answer(request, &facts.0, &facts.1).await }
        }));
        let slots = Arc::new(Semaphore::new(settings.channels.max(1)));
        Ok(Self { settings, plan, client, pending, slots, failures: Failures::default(), local, serving })
    }

    /// Where pushes are received.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Sends a request and gives the call's identifier.
    async fn ask(&self, action: &str, query: &BTreeMap<String, String>, talk: &Talk<'_>) -> Result<String, Failed> {
        let mut url = self.settings.api.clone();
        let host = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => return Err(Failed::Down("the provider's address is none".into())),
        };
        let Some(nonce) = token() else { return Err(Failed::Down("no randomness".into())) };
        let date = talk.clock.now().format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let signed = Acs3 { method: "POST", host: &host, action, version: VERSION, date: &date, nonce: &nonce, query };
        url.set_path("/");
        url.set_query(Some(&signed.query_string()));
        let mut request = self.client.post(url);
        for (name, value) in signed.headers(&self.settings.key_id, &self.settings.secret) {
            // The client writes the host itself, and the same.
            if name != "host" {
                request = request.header(name, value);
            }
        }
        // The address holds a number: it is not told on.
        let answer = request.send().await.map_err(|e| Failed::Down(if e.is_timeout() { "no answer".into() } else { "no connection".into() }))?;
        let status = answer.status().as_u16();
        let words: serde_json::Value = answer.json().await.map_err(|_| refusal(status, ""))?;
        let text = |name: &str| words.get(name).and_then(|v| v.as_str()).unwrap_or_default();
        match (text("Code"), text("CallId")) {
            ("OK", call) if !call.is_empty() => Ok(call.to_owned()),
            ("OK", _) => Err(Failed::Down("an answer without a call".into())),
            (code, _) => Err(refusal(status, code)),
        }
    }

    fn ivr(&self, leg: &LegRequest, out_id: &str, details: &str) -> BTreeMap<String, String> {
        let s = &self.settings;
        let key = |n: u32, key: &str, code: &str| [(format!("MenuKeyMap.{n}.Key"), key.to_owned()), (format!("MenuKeyMap.{n}.Code"), code.to_owned())];
        let mut query: BTreeMap<String, String> = [
            ("CalledShowNumber", s.caller.clone()),
            ("CalledNumber", self.plan.dialled(&leg.number, NumberForm::National, "")),
            ("StartCode", s.brief.clone()),
            ("PlayTimes", leg.timers.repeats.clamp(1, 3).to_string()),
            ("Timeout", KEY_WITHIN_MS.to_owned()),
            ("OutId", out_id.to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        query.extend(key(1, "1", &s.noted));
        query.extend(key(2, "2", &s.passed_on));
        if let Some(variable) = &s.noted_variable {
            query.insert("MenuKeyMap.1.TtsParams".to_owned(), filled(variable, details));
        }
        query
    }

    /// The second call: confirmed, and the details. The provider refuses it within a minute of the first, as often as not: the
    /// details are in the one-time link, too.
    async fn tell(&self, leg: &LegRequest, talk: &Talk<'_>, report: &mut LegReport) {
        let Some(template) = &self.settings.details else { return };
        let words = format!("{}{}", talk.script.confirmed.text, talk.script.full.text);
        let query: BTreeMap<String, String> = [
            ("CalledShowNumber", self.settings.caller.clone()),
            ("CalledNumber", self.plan.dialled(&leg.number, NumberForm::National, "")),
            ("TtsCode", template.clone()),
            ("TtsParam", filled("words", &words)),
            ("PlayTimes", "2".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        match self.ask("SingleCallByTts", &query, talk).await {
            Ok(_) => report.said.push(words),
            Err(why) => tracing::warn!(?why, "the call with the details could not be placed: they are in the message's link"),
        }
    }

    async fn hold(&self, talk: &mut Talk<'_>, mut pushes: mpsc::Receiver<Push>, report: &mut LegReport) -> LegOutcome {
        let timers = talk.timers;
        let mut end = Instant::now() + timers.no_word + timers.ring + timers.talk;
        let mut wrong = 0u32;
        loop {
            let mut released = talk.released.clone();
            let push = tokio::select! {
                biased;
                () = told_released(&mut released) => return LegOutcome::Released,
                push = pushes.recv() => push,
                () = tokio::time::sleep_until(end) => {
                    return match (report.answered_at.is_some(), wrong) {
                        (false, _) => LegOutcome::NoAnswer,
                        (true, 0) => LegOutcome::NoKey,
                        (true, _) => LegOutcome::WrongKey,
                    };
                }
            };
            let Some(Push { report: said, done }) = push else { return LegOutcome::RouteDown("pushes have ended".into()) };
            let over = self.heard(talk, &said, report, &mut wrong).await;
            // Only now the provider hears that it need not push again: what was pressed is stored, or cannot be.
            let _gave_up_waiting = done.send(()).is_err();
            if let Some(outcome) = over {
                return outcome;
            }
            if report.answered_at.is_some() && end > Instant::now() + timers.talk {
                end = Instant::now() + timers.talk;
            }
        }
    }

    async fn heard(&self, talk: &Talk<'_>, said: &Report, report: &mut LegReport, wrong: &mut u32) -> Option<LegOutcome> {
        let is_end = said.duration.is_some();
        let now = talk.clock.now();
        if (said.status_code == KEY || !said.start_time.is_empty()) && report.answered_at.is_none() {
            // Somebody has answered.
            talk.take.reached();
            report.answered_at = Some(now);
            if let Some(tell) = talk.progress {
                tell(LegPhase::Talking);
            }
        }
        for key in said.dtmf.chars().filter(char::is_ascii_graphic).take(8) {
            report.keys.push(key);
            match key {
                '1' => match talk.take.accept().await {
                    Taken::Yours => {
                        report.key_at = Some(talk.clock.now());
                        return Some(LegOutcome::Acknowledged(Via::Provider));
                    }
                    Taken::TooLate => return Some(LegOutcome::TooLate),
                    // Nothing can be said: the ladder goes on.
                    Taken::NotStored => tracing::error!("a key at the provider could not be stored: the ladder goes on"),
                },
                '2' => return Some(LegOutcome::PassedOn),
                _ => *wrong += 1,
            }
        }
        is_end.then(|| {
            let outcome = ended(&said.status_code, *wrong > 0);
            if !outcome.is_the_routes_fault() {
                talk.take.reached();
            }
            outcome
        })
    }
}

#[async_trait]
impl VoiceRoute for AcsVoice {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn channels(&self) -> usize {
        self.settings.channels
    }

    async fn place(&self, leg: &LegRequest, mut talk: Talk<'_>) -> LegReport {
        let Ok(_slot) = self.slots.clone().try_acquire_owned() else { return LegReport::none(LegOutcome::RouteFull) };
        let Some(mut out_id) = token() else { return LegReport::none(LegOutcome::RouteDown("no randomness".into())) };
        out_id.truncate(OUT_ID_MAX);
        let (send, pushes) = mpsc::channel(16);
        locked(&self.pending).insert(out_id.clone(), send);
        let _waiting = Waiting(&self.pending, &out_id);
        let mut report = LegReport::none(LegOutcome::NoAnswer);
        match self.ask("IvrCall", &self.ivr(leg, &out_id, &talk.script.full.text), &talk).await {
            Ok(call) => report.wire.call_id = call,
            Err(failed) => {
                // A limit of one number says nothing about the provider.
                if !matches!(failed, Failed::Number | Failed::Limit(_)) {
                    self.failures.failed();
                }
                report.outcome = match failed {
                    Failed::Auth => LegOutcome::AuthFailed(403),
                    Failed::Number => LegOutcome::Unreachable(404),
                    Failed::Limit(why) | Failed::Down(why) => LegOutcome::RouteDown(why),
                };
                return report;
            }
        }
        self.failures.worked();
        report.said.push(format!("(template {})", self.settings.brief));
        report.outcome = self.hold(&mut talk, pushes, &mut report).await;
        if matches!(report.outcome, LegOutcome::Acknowledged(_)) {
            report.said.extend(self.settings.noted_variable.is_some().then(|| talk.script.full.text.clone()));
            self.tell(leg, &talk, &mut report).await;
        }
        report
    }

    fn health(&self) -> Health {
        self.failures.health(FAILURES_MAX, "calls")
    }
}

/// A push: every entry goes to the call that it is about. What is about no call of ours needs not be pushed again.
async fn answer(request: Request<Incoming>, secret: &str, pending: &Pending) -> Response<String> {
    let token = request.uri().path().strip_prefix("/acs/").map(str::to_owned).unwrap_or_default();
    if !sign::same(&token, secret) {
        tracing::warn!("a push to an address without the secret was refused");
        return plain(StatusCode::FORBIDDEN);
    }
    if request.method() != Method::POST {
        return plain(StatusCode::METHOD_NOT_ALLOWED);
    }
    let Some(bytes) = callbacks::body(request.into_body()).await else { return plain(StatusCode::PAYLOAD_TOO_LARGE) };
    let Ok(reports) = serde_json::from_slice::<Vec<Report>>(&bytes) else { return plain(StatusCode::BAD_REQUEST) };
    for report in reports {
        let Some(call) = locked(pending).get(&report.out_id).cloned() else { continue };
        let (done, stored) = oneshot::channel();
        match call.try_send(Push { report, done }) {
            Ok(()) => {}
            // The call was over with an entry before.
            Err(mpsc::error::TrySendError::Closed(_)) => continue,
            Err(mpsc::error::TrySendError::Full(_)) => return plain(StatusCode::SERVICE_UNAVAILABLE),
        }
        if tokio::time::timeout(ANSWER_WITHIN, stored).await.is_err() {
            return plain(StatusCode::SERVICE_UNAVAILABLE);
        }
    }
    let mut response = Response::new(r#"{"code":0,"msg":"OK"}"#.to_owned());
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_as_the_provider_publishes_it() {
        // The forms of the provider's pages on VoiceCallReport and VoiceReport, numbers made up.
        let key = r#"[{"status_code":"300000","smart_status_code":"ANSWERED","dtmf":"1","status_time":"2023-03-06 16:21:12","out_id":"42","call_id":"1^2"}]"#;
        let read: Vec<Report> = serde_json::from_str(key).unwrap();
        assert_eq!((read[0].status_code.as_str(), read[0].dtmf.as_str(), read[0].duration.is_some()), (KEY, "1", false));
        let end = r#"[{"status_code":"200000","hangup_direction":"用户","callee":"13900000000","ring_time":"2023-03-13 11:18:24","duration":"7","voice_type":"voice","b_duration":7,"start_time":"2023-03-13 11:18:36","out_id":"42","call_id":"1^2"}]"#;
        let read: Vec<Report> = serde_json::from_str(end).unwrap();
        assert!(read[0].duration.is_some() && read[0].dtmf.is_empty());
    }

    #[test]
    fn the_providers_codes_are_told_apart() {
        for (code, outcome) in [
            ("200000", LegOutcome::NoKey),
            ("200001", LegOutcome::HungUp),
            ("200002", LegOutcome::Busy),
            ("200003", LegOutcome::NoAnswer),
            ("200004", LegOutcome::Unreachable(404)),
            ("200005", LegOutcome::Unreachable(480)),
            ("200010", LegOutcome::Unreachable(480)),
            ("200121", LegOutcome::RouteFull),
            ("200118", LegOutcome::RouteDown("status 200118".into())),
        ] {
            assert_eq!(ended(code, false), outcome);
        }
        assert_eq!(ended("200000", true), LegOutcome::WrongKey);
        assert_eq!(refusal(400, "isv.BUSINESS_LIMIT_CONTROL"), Failed::Limit("isv.BUSINESS_LIMIT_CONTROL".into()));
        assert_eq!(refusal(200, "isv.MOBILE_NUMBER_ILLEGAL"), Failed::Number);
        assert_eq!(refusal(403, ""), Failed::Auth);
        assert_eq!(refusal(500, ""), Failed::Down("status 500".into()));
    }
}
