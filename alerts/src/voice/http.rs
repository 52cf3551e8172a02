//! A voice provider over HTTP: calls without a trunk. The provider speaks the words and tells the keys by callbacks, each
//! signed. Its signatures are held to published vectors and its dialogue to a stub; a real account was not tried.
//!
//! What is said goes to the provider as text, the details after the key among it: a trunk of one's own keeps them here.

pub mod acs;
mod callbacks;
pub mod sign;

use super::leg::{LegOutcome, LegPhase, LegReport, LegRequest};
use super::number::{DialPlan, NumberForm};
use super::runtime::random;
use super::talk::{Talk, told_released};
use super::{Health, VoiceRoute, keys::Via};
use crate::channel::{Failures, Taken};
use async_trait::async_trait;
use callbacks::plain;
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use reqwest::Url;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;

/// How long a callback may wait for its answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(12);
/// Failures in a row after which the provider counts as down.
const FAILURES_MAX: u32 = 3;

/// An account at a provider that is compatible with Twilio's calls.
#[derive(Clone)]
pub struct HttpVoiceSettings {
    /// Its name in alarms.
    pub name: String,
    /// `https://api.twilio.com`
    pub api: Url,
    /// The account.
    pub account: String,
    /// Its secret: signs requests and callbacks. Never logged.
    pub secret: String,
    /// The number that calls come from.
    pub caller: String,
    /// Where the provider reaches [`HttpVoiceSettings::listen`], without a slash at its end.
    pub public: String,
    /// Where callbacks are received; TLS is a proxy's.
    pub listen: SocketAddr,
    /// Calls at once.
    pub channels: usize,
    /// How long the provider may take to answer a request.
    pub within: Duration,
}

struct Callback {
    what: String,
    form: BTreeMap<String, String>,
    reply: oneshot::Sender<String>,
}

type Pending = Arc<Mutex<BTreeMap<String, mpsc::Sender<Callback>>>>;

/// Calls by a provider.
pub struct HttpVoice {
    settings: HttpVoiceSettings,
    plan: DialPlan,
    client: reqwest::Client,
    pending: Pending,
    slots: Arc<Semaphore>,
    failures: Failures,
    local: SocketAddr,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for HttpVoice {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Why a provider cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum HttpVoiceError {
    /// The port of the callbacks is taken.
    #[error("voice provider {0}: the address for callbacks cannot be bound: {1}")]
    Bind(String, #[source] std::io::Error),
    /// The HTTP client cannot be built.
    #[error("voice provider {0}: {1}")]
    Client(String, #[source] reqwest::Error),
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// 128 random bits: who does not know them reaches no call.
fn token() -> Option<String> {
    let (one, two) = (random(), random());
    (one != 0 && two != 0).then(|| format!("{one:016x}{two:016x}"))
}

/// Text within XML.
fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A client that goes nowhere but where it is sent.
fn client(name: &str, within: Duration) -> Result<reqwest::Client, HttpVoiceError> {
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(within).no_proxy();
    builder.build().map_err(|e| HttpVoiceError::Client(name.to_owned(), e))
}

/// A call's place among those that wait for callbacks, left when dropped.
struct Waiting<'a, T>(&'a Mutex<BTreeMap<String, T>>, &'a str);

impl<T> Drop for Waiting<'_, T> {
    fn drop(&mut self) {
        locked(self.0).remove(self.1);
    }
}

impl HttpVoice {
    /// Opens the port of the callbacks.
    ///
    /// # Errors
    /// If it cannot be had.
    pub async fn open(settings: HttpVoiceSettings, plan: DialPlan) -> Result<Self, HttpVoiceError> {
        crate::tls::provide();
        let client = client(&settings.name, settings.within)?;
        let listener = TcpListener::bind(settings.listen).await.map_err(|e| HttpVoiceError::Bind(settings.name.clone(), e))?;
        let local = listener.local_addr().map_err(|e| HttpVoiceError::Bind(settings.name.clone(), e))?;
        let pending = Pending::default();
        let facts = Arc::new((settings.secret.clone(), settings.public.clone(), pending.clone()));
        let serving = tokio::spawn(callbacks::serve(listener, move |request| {
            let facts = facts.clone();
            async move { answer(request, &facts.0, &facts.1, &facts.2).await }
        }));
        let slots = Arc::new(Semaphore::new(settings.channels.max(1)));
        Ok(Self { settings, plan, client, pending, slots, failures: Failures::default(), local, serving })
    }

    /// Where callbacks are received.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    fn url(&self, path: &str) -> Option<Url> {
        self.settings.api.join(&format!("/2010-04-01/Accounts/{}/{path}", self.settings.account)).ok()
    }

    async fn post(&self, path: &str, form: &[(&str, String)]) -> Result<serde_json::Value, String> {
        let url = self.url(path).ok_or("the provider's address is none")?;
        let body = form.iter().map(|(k, v)| format!("{}={}", sign::escaped(k), sign::escaped(v))).collect::<Vec<_>>().join("&");
        let sent = self
            .client
            .post(url)
            .basic_auth(&self.settings.account, Some(&self.settings.secret))
            .header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body)
            .send()
            .await;
        // An address in an error may hold the account.
        let answer = sent.map_err(|e| if e.is_timeout() { "no answer".to_owned() } else { "no connection".to_owned() })?;
        let status = answer.status();
        if !status.is_success() {
            return Err(format!("status {}", status.as_u16()));
        }
        answer.json().await.map_err(|_| "an answer that is no JSON".to_owned())
    }

    fn says(&self, token: &str, words: &str, language: &str) -> String {
        let at = |what: &str| xml(&format!("{}/voice/{token}/{what}", self.settings.public));
        format!(
            "<Response><Gather input=\"dtmf\" numDigits=\"1\" timeout=\"5\" method=\"POST\" action=\"{}\"><Say language=\"{language}\">{}</Say></Gather><Redirect method=\"POST\">{}</Redirect></Response>",
            at("key"),
            xml(words),
            at("say")
        )
    }

    async fn hold(&self, talk: &mut Talk<'_>, token: &str, sid: &str, mut callbacks: mpsc::Receiver<Callback>, report: &mut LegReport) -> LegOutcome {
        let script = talk.script;
        let language = if script.brief.text.is_ascii() { "en-US" } else { "zh-CN" };
        let last = |words: &str| format!("<Response><Say language=\"{language}\">{}</Say><Hangup/></Response>", xml(words));
        let mut end = Instant::now() + talk.timers.no_word + talk.timers.ring;
        let (mut times, mut wrong, mut answered) = (0u32, 0u32, false);
        loop {
            let mut released = talk.released.clone();
            let callback = tokio::select! {
                biased;
                () = told_released(&mut released) => {
                    let _ended = self.post(&format!("Calls/{sid}.json"), &[("Status", "completed".into())]).await;
                    return LegOutcome::Released;
                }
                callback = callbacks.recv() => callback,
                () = tokio::time::sleep_until(end) => {
                    let _ended = self.post(&format!("Calls/{sid}.json"), &[("Status", "completed".into())]).await;
                    return match (answered, wrong) {
                        (false, _) => LegOutcome::NoAnswer,
                        (true, 0) => LegOutcome::NoKey,
                        (true, _) => LegOutcome::WrongKey,
                    };
                }
            };
            let Some(Callback { what, form, reply }) = callback else { return LegOutcome::RouteDown("callbacks have ended".into()) };
            let mut over = None;
            let text = match what.as_str() {
                "status" => {
                    match form.get("CallStatus").map(String::as_str) {
                        Some("ringing") => {
                            talk.take.reached();
                            report.rang_at = Some(talk.clock.now());
                            if let Some(tell) = talk.progress {
                                tell(LegPhase::Ringing);
                            }
                        }
                        Some("busy") => over = Some(LegOutcome::Busy),
                        Some("no-answer") => over = Some(LegOutcome::NoAnswer),
                        Some("failed") => over = Some(LegOutcome::Unreachable(0)),
                        Some("canceled") => over = Some(LegOutcome::NoAnswer),
                        Some("completed") => over = Some(if wrong > 0 { LegOutcome::WrongKey } else if answered { LegOutcome::NoKey } else { LegOutcome::NoAnswer }),
                        Some(_) | None => {}
                    }
                    String::new()
                }
                // The provider asks what to say: somebody or something has answered.
                "say" => {
                    if !answered {
                        answered = true;
                        talk.take.reached();
                        report.answered_at = Some(talk.clock.now());
                        end = Instant::now() + talk.timers.talk;
                        if let Some(tell) = talk.progress {
                            tell(LegPhase::Talking);
                        }
                    }
                    times += 1;
                    if times > talk.timers.repeats {
                        over = Some(if wrong > 0 { LegOutcome::WrongKey } else { LegOutcome::NoKey });
                        "<Response><Hangup/></Response>".to_owned()
                    } else {
                        report.said.push(script.brief.text.clone());
                        self.says(token, &script.brief.text, language)
                    }
                }
                "key" => {
                    let key = form.get("Digits").and_then(|d| d.chars().next());
                    report.keys.extend(key);
                    match key {
                        Some('1') if answered => match talk.take.accept().await {
                            Taken::Yours => {
                                report.key_at = Some(talk.clock.now());
                                over = Some(LegOutcome::Acknowledged(Via::Provider));
                                let words = format!("{} {} {}", script.confirmed.text, script.full.text, script.full.text);
                                report.said.push(words.clone());
                                last(&words)
                            }
                            Taken::TooLate => {
                                over = Some(LegOutcome::TooLate);
                                last(&script.too_late.text)
                            }
                            Taken::NotStored => self.says(token, &script.not_stored.text, language),
                        },
                        Some('2') if answered => {
                            over = Some(LegOutcome::PassedOn);
                            "<Response><Hangup/></Response>".to_owned()
                        }
                        Some('9') | None => self.says(token, &script.brief.text, language),
                        Some(_) => {
                            wrong += 1;
                            if wrong >= talk.timers.wrong_keys {
                                over = Some(LegOutcome::WrongKey);
                                "<Response><Hangup/></Response>".to_owned()
                            } else {
                                self.says(token, &script.brief.text, language)
                            }
                        }
                    }
                }
                _ => String::new(),
            };
            let _the_provider_left = reply.send(text).is_err();
            if let Some(outcome) = over {
                return outcome;
            }
        }
    }
}

#[async_trait]
impl VoiceRoute for HttpVoice {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn channels(&self) -> usize {
        self.settings.channels
    }

    async fn place(&self, leg: &LegRequest, mut talk: Talk<'_>) -> LegReport {
        let Ok(_slot) = self.slots.clone().try_acquire_owned() else { return LegReport::none(LegOutcome::RouteFull) };
        let Some(token) = token() else { return LegReport::none(LegOutcome::RouteDown("no randomness".into())) };
        let (send, callbacks) = mpsc::channel(8);
        locked(&self.pending).insert(token.clone(), send);
        let _waiting = Waiting(&self.pending, &token);
        let at = |what: &str| format!("{}/voice/{token}/{what}", self.settings.public);
        let form = [
            ("To", self.plan.dialled(&leg.number, NumberForm::E164, "")),
            ("From", self.settings.caller.clone()),
            ("Url", at("say")),
            ("Method", "POST".to_owned()),
            ("StatusCallback", at("status")),
            ("StatusCallbackEvent", "ringing".to_owned()),
            ("StatusCallbackEvent", "completed".to_owned()),
            ("Timeout", leg.timers.ring.as_secs().to_string()),
        ];
        let mut report = LegReport::none(LegOutcome::NoAnswer);
        let begun = self.post("Calls.json", &form).await;
        let sid = match begun.as_ref().map(|v| v.get("sid").and_then(|s| s.as_str())) {
            Ok(Some(sid)) if sid.chars().all(|c| c.is_ascii_alphanumeric()) => sid.to_owned(),
            Ok(_) => {
                self.failures.failed();
                report.outcome = LegOutcome::RouteDown("an answer without a call".into());
                return report;
            }
            Err(why) => {
                self.failures.failed();
                report.outcome = if why == "status 401" || why == "status 403" { LegOutcome::AuthFailed(401) } else { LegOutcome::RouteDown(why.clone()) };
                return report;
            }
        };
        self.failures.worked();
        report.wire.call_id.clone_from(&sid);
        report.outcome = self.hold(&mut talk, &token, &sid, callbacks, &mut report).await;
        report
    }

    fn health(&self) -> Health {
        self.failures.health(FAILURES_MAX, "calls")
    }
}

async fn answer(request: Request<Incoming>, secret: &str, public: &str, pending: &Pending) -> Response<String> {
    if request.method() != Method::POST {
        return plain(StatusCode::METHOD_NOT_ALLOWED);
    }
    let path = request.uri().path().to_owned();
    let signature = request.headers().get("x-twilio-signature").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let Some(bytes) = callbacks::body(request.into_body()).await else { return plain(StatusCode::PAYLOAD_TOO_LARGE) };
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(&bytes).into_owned().collect();
    // Nobody presses a key but the provider's caller.
    if !sign::same(&signature, &sign::twilio(secret, &format!("{public}{path}"), &form)) {
        tracing::warn!("a callback with a wrong signature was refused");
        return plain(StatusCode::FORBIDDEN);
    }
    let mut parts = path.trim_start_matches('/').split('/');
    let (Some("voice"), Some(token), Some(what), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else { return plain(StatusCode::NOT_FOUND) };
    let call = locked(pending).get(token).cloned();
    let Some(call) = call else { return plain(StatusCode::NOT_FOUND) };
    let (reply, replied) = oneshot::channel();
    if call.try_send(Callback { what: what.to_owned(), form, reply }).is_err() {
        return plain(StatusCode::SERVICE_UNAVAILABLE);
    }
    match tokio::time::timeout(ANSWER_WITHIN, replied).await {
        Ok(Ok(text)) => {
            let mut response = Response::new(text);
            response.headers_mut().insert(hyper::header::CONTENT_TYPE, hyper::header::HeaderValue::from_static("text/xml; charset=utf-8"));
            response
        }
        Ok(Err(_)) | Err(_) => plain(StatusCode::SERVICE_UNAVAILABLE),
    }
}
