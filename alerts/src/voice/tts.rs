//! A speech service over HTTP, for voices that the speech program has not: `POST` of JSON with model, input, voice and
//! `response_format: wav`, as OpenAI's `/v1/audio/speech` and the servers that are compatible with it take it. Without it, or when
//! it fails, the speech program speaks. Every sentence goes there as text, details among them: best a server of one's own.

use super::audio::read_wav;
use reqwest::Url;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long a service that failed is left alone: what is said meanwhile must not wait for it.
const LEFT_ALONE: Duration = Duration::from_secs(60);
/// Largest answer, bytes (LIM-1).
const ANSWER_MAX: usize = 32 << 20;

/// A service.
#[derive(Clone)]
pub struct TtsSettings {
    /// `https://speech.example/v1/audio/speech`
    pub url: Url,
    /// For `Authorization: Bearer`; `None` = none. Never logged.
    pub key: Option<String>,
    /// The model's name there.
    pub model: String,
    /// The voice for each language as the register has it: `zh`, `en`, `nan`. A language that is not here is the program's.
    pub voices: BTreeMap<String, String>,
    /// How long an answer may take.
    pub within: Duration,
}

/// The key stays out of logs.
impl std::fmt::Debug for TtsSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TtsSettings").field("model", &self.model).field("voices", &self.voices).finish_non_exhaustive()
    }
}

/// The way to it.
pub(super) struct Service {
    settings: TtsSettings,
    client: reqwest::Client,
    failed_at: Mutex<Option<Instant>>,
}

impl Service {
    /// `None` if no client can be built; then the program speaks.
    pub(super) fn new(settings: TtsSettings) -> Option<Self> {
        crate::tls::provide();
        let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(settings.within).no_proxy();
        let client = builder.build().inspect_err(|error| tracing::error!(%error, "no client for the speech service: the program speaks")).ok()?;
        Some(Self { settings, client, failed_at: Mutex::default() })
    }

    /// The voice for a language, if the service has one.
    pub(super) fn voice(&self, tongue: &str) -> Option<&str> {
        self.settings.voices.get(tongue).map(String::as_str)
    }

    fn failed_at(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.failed_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The words as sound, 8000 samples a second; `None` if the service fails, or has just failed.
    pub(super) async fn speak(&self, voice: &str, words: &str) -> Option<Vec<i16>> {
        if self.failed_at().is_some_and(|at| at.elapsed() < LEFT_ALONE) {
            return None;
        }
        match self.ask(voice, words).await {
            Ok(sound) => Some(sound),
            Err(why) => {
                tracing::warn!(%why, "the speech service failed: the program speaks for the next minute");
                *self.failed_at() = Some(Instant::now());
                None
            }
        }
    }

    async fn ask(&self, voice: &str, words: &str) -> Result<Vec<i16>, String> {
        let body = serde_json::json!({ "model": self.settings.model, "input": words, "voice": voice, "response_format": "wav" });
        let mut request = self.client.post(self.settings.url.clone()).json(&body);
        if let Some(key) = &self.settings.key {
            request = request.bearer_auth(key);
        }
        let mut answer = request.send().await.map_err(|e| if e.is_timeout() { "no answer in time" } else { "no connection" })?;
        if !answer.status().is_success() {
            return Err(format!("status {}", answer.status().as_u16()));
        }
        let mut wav = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|_| "the answer broke off")? {
            wav.extend_from_slice(&part);
            if wav.len() > ANSWER_MAX {
                return Err("the answer is too large".into());
            }
        }
        read_wav(&wav).map_err(|e| e.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::super::audio::{tone, write_wav};
    use super::super::runtime::VoiceRuntime;
    use super::super::speech::{Speech, SpeechSettings};
    use super::*;
    use care::reason::Language;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    const PATIENCE: Duration = Duration::from_secs(60);

    /// A service that gives this answer every time; counts, and gives the last request.
    async fn service(status: &'static str, answer: Vec<u8>) -> (Url, Arc<AtomicUsize>, tokio::sync::watch::Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1/audio/speech", listener.local_addr().unwrap()).parse().unwrap();
        let count = Arc::new(AtomicUsize::new(0));
        let (tell, told) = tokio::sync::watch::channel(String::new());
        let counted = count.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut text = Vec::new();
                let mut buffer = [0; 4_096];
                loop {
                    let n = stream.read(&mut buffer).await.unwrap();
                    text.extend_from_slice(&buffer[..n]);
                    let all = String::from_utf8_lossy(&text).into_owned();
                    let Some((head, body)) = all.split_once("\r\n\r\n") else { continue };
                    let length: usize = head.lines().find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length:").map(|v| v.trim().parse().unwrap())).unwrap_or(0);
                    if body.len() >= length {
                        counted.fetch_add(1, Ordering::SeqCst);
                        tell.send_replace(all);
                        break;
                    }
                }
                let head = format!("HTTP/1.1 {status}\r\ncontent-type: audio/wav\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", answer.len());
                stream.write_all(head.as_bytes()).await.unwrap();
                stream.write_all(&answer).await.unwrap();
            }
        });
        (url, count, told)
    }

    fn speech(url: Url) -> Speech {
        let voices = [("zh".to_owned(), "xiaoyi".to_owned())].into();
        let service = TtsSettings { url, key: Some("k3y".into()), model: "tts-1".into(), voices, within: Duration::from_secs(30) };
        Speech::new(SpeechSettings { program: None, service: Some(service), ..SpeechSettings::default() }, Arc::new(VoiceRuntime::start().unwrap()))
    }

    async fn sound_of(speech: &Speech, tongue: &str, language: Language, words: &str) -> Option<usize> {
        let mut line = speech.line(tongue, language, words);
        if line.sound.borrow().is_none() {
            tokio::time::timeout(PATIENCE, line.sound.changed()).await.unwrap().ok()?;
        }
        let sound = line.sound.borrow().clone();
        sound.map(|s| s.len())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_service_makes_every_phrase_ahead_and_is_asked_once_for_each() {
        let (url, count, mut told) = service("200 OK", write_wav(&tone(&[440.0], Duration::from_millis(200)))).await;
        let speech = speech(url);
        // What every call says is made before there is a call.
        told.wait_for(|text| !text.is_empty()).await.unwrap();
        assert!(sound_of(&speech, "zh", Language::Zh, "陈秀英，长兴路 12 号。").await.is_some());
        let after = count.load(Ordering::SeqCst);
        assert_eq!(speech.line("zh", Language::Zh, "陈秀英，长兴路 12 号。").sound.borrow().as_ref().map(|s| s.len() > 1_000), Some(true), "kept");
        assert!(count.load(Ordering::SeqCst) >= after && after > 0);
        told.wait_for(|text| text.contains("xiaoyi")).await.unwrap();
        let asked = told.borrow().clone();
        for part in ["POST /v1/audio/speech", "k3y", "\"model\":\"tts-1\"", "\"response_format\":\"wav\""] {
            assert!(asked.contains(part), "{part}: {asked}");
        }
        // A language that the service has no voice for is the program's; here there is none.
        assert_eq!(sound_of(&speech, "en", Language::En, "Li Ming.").await, None);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_service_that_fails_is_left_alone_for_a_while_and_nobody_waits_for_it() {
        for (status, answer) in [("500 Internal Server Error", Vec::new()), ("200 OK", b"no sound at all".to_vec())] {
            let (url, count, mut told) = service(status, answer).await;
            let settings = TtsSettings { url, key: None, model: "m".into(), voices: BTreeMap::from([("zh".into(), "v".into())]), within: Duration::from_secs(30) };
            let service = Service::new(settings).unwrap();
            assert_eq!(service.speak("v", "你好").await, None);
            told.wait_for(|text| !text.is_empty()).await.unwrap();
            assert_eq!(service.speak("v", "再见").await, None);
            assert_eq!(count.load(Ordering::SeqCst), 1, "not asked again at once");
        }
    }
}
