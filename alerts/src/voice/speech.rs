//! From words to sound. Recordings of a prompt pack where there are any, a speech program for the rest: never linked, its
//! text on standard input, killed when it takes too long. Everything is made ahead and kept; an alarm never waits for it.

use super::audio::{Pcm, read_wav, silence};
use super::phrases;
use super::runtime::VoiceRuntime;
use super::talk::Line;
use super::tts::{Service, TtsSettings};
use care::reason::Language;
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::sync::{Semaphore, watch};

/// Speech programs at work at a time.
const PROGRAMS: usize = 2;
/// Longest text of one line, in characters; the rest is not spoken (LIM-1).
const TEXT_MAX: usize = 2_000;
/// Pause between two sentences.
const BREATH: Duration = Duration::from_millis(150);
/// Longest output of the speech program, bytes.
const OUTPUT_MAX: usize = 32 << 20;

/// How words become sound.
#[derive(Debug, Clone)]
pub struct SpeechSettings {
    /// The speech program: `espeak-ng`. `None` = recordings and tones alone.
    pub program: Option<PathBuf>,
    /// Words a minute. An elder's daughter in a noisy street.
    pub speed: u32,
    /// How long the program may take.
    pub within: Duration,
    /// Samples kept of what was made, in millions.
    pub kept_million: usize,
    /// Prompt packs.
    pub packs: Vec<Pack>,
    /// A speech service over HTTP that is asked before the program; `None` = none.
    pub service: Option<TtsSettings>,
}

impl Default for SpeechSettings {
    fn default() -> Self {
        Self { program: Some("espeak-ng".into()), speed: 140, within: Duration::from_secs(10), kept_million: 32, packs: Vec::new(), service: None }
    }
}

/// Recordings in one language or dialect: written phrases and how they sound.
#[derive(Debug, Clone, Default)]
pub struct Pack {
    /// The name that the register has for the language: `nan` (Minnan), `yue`, `zh`.
    pub tongue: String,
    /// The sound of each phrase, the longest phrase first.
    phrases: Vec<(String, Pcm)>,
}

/// Why a pack cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// A file is missing or unreadable.
    #[error("{0}: {1}")]
    File(PathBuf, String),
    /// A line that is not `file.wav<TAB>phrase`.
    #[error("{0}, line {1}: not `file.wav`, a tab, and the phrase")]
    Line(PathBuf, usize),
}

impl Pack {
    /// Reads a pack: a directory named for its language with `phrases.tsv` (`file.wav`, a tab, the phrase as written)
    /// and the recordings.
    ///
    /// # Errors
    /// If anything of it is missing.
    pub fn read(dir: &Path) -> Result<Self, PackError> {
        let tongue = dir.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let list = dir.join("phrases.tsv");
        let text = std::fs::read_to_string(&list).map_err(|e| PackError::File(list.clone(), e.to_string()))?;
        let mut phrases = Vec::new();
        for (n, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty() && !l.starts_with('#')) {
            let (file, phrase) = line.split_once('\t').filter(|(f, p)| !f.trim().is_empty() && !p.trim().is_empty() && !f.contains(['/', '\\'])).ok_or(PackError::Line(list.clone(), n + 1))?;
            let path = dir.join(file.trim());
            let bytes = std::fs::read(&path).map_err(|e| PackError::File(path.clone(), e.to_string()))?;
            let sound = read_wav(&bytes).map_err(|e| PackError::File(path, e.to_string()))?;
            phrases.push((phrase.trim().to_owned(), Pcm::from(sound)));
        }
        Ok(Self::of(tongue, phrases))
    }

    /// A pack of these recordings.
    pub fn of(tongue: impl Into<String>, mut phrases: Vec<(String, Pcm)>) -> Self {
        phrases.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.0.cmp(&b.0)));
        Self { tongue: tongue.into(), phrases }
    }

    /// Phrases of a language that this pack has no recording for.
    pub fn missing(&self, language: Language) -> Vec<String> {
        phrases::fixed(language).into_iter().filter(|p| pieces(p, Some(self)).iter().any(|piece| matches!(piece, Piece::Text(_)))).collect()
    }
}

/// Part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Recorded(Pcm),
    Text(String),
}

/// Cuts a text into recordings and sentences: the longest recording that fits wins.
fn pieces(text: &str, pack: Option<&Pack>) -> Vec<Piece> {
    let mut out = Vec::new();
    let mut plain = String::new();
    let flush = |plain: &mut String, out: &mut Vec<Piece>| {
        if plain.chars().any(char::is_alphanumeric) {
            out.push(Piece::Text(plain.trim().to_owned()));
        }
        plain.clear();
    };
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some((phrase, sound)) = pack.and_then(|p| p.phrases.iter().find(|(phrase, _)| rest.starts_with(phrase.as_str()))) {
            flush(&mut plain, &mut out);
            out.push(Piece::Recorded(sound.clone()));
            rest = rest.get(phrase.len()..).unwrap_or_default();
            continue;
        }
        plain.push(c);
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        // A full stop within a number is none.
        if matches!(c, '。' | '！' | '？' | '!' | '?' | ';' | '；') || (c == '.' && !rest.starts_with(|n: char| n.is_ascii_digit())) {
            flush(&mut plain, &mut out);
        }
    }
    flush(&mut plain, &mut out);
    out
}

#[derive(Default)]
struct Kept {
    sounds: BTreeMap<(String, String), Pcm>,
    order: VecDeque<(String, String)>,
    samples: usize,
}

struct Inside {
    settings: SpeechSettings,
    service: Option<Service>,
    kept: Mutex<Kept>,
    programs: Semaphore,
}

/// Makes sound of words.
#[derive(Clone)]
pub struct Speech {
    inside: Arc<Inside>,
    runtime: Arc<VoiceRuntime>,
}

/// The speech program's voice for a language.
fn voice_of(tongue: &str, language: Language) -> &'static str {
    match (tongue, language) {
        ("yue", _) => "yue",
        ("hak", _) => "hak",
        (_, Language::Zh) => "cmn",
        (_, Language::En) => "en",
    }
}

/// Who speaks, with which voice.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Voice {
    program: &'static str,
    /// The service's voice if there is one, else the program's: what sounds are kept by.
    name: String,
    by_service: bool,
}

impl Speech {
    /// Sets it up and begins to make what every call says.
    pub fn new(settings: SpeechSettings, runtime: Arc<VoiceRuntime>) -> Self {
        let service = settings.service.clone().and_then(Service::new);
        let speech = Self { inside: Arc::new(Inside { settings, service, kept: Mutex::default(), programs: Semaphore::new(PROGRAMS) }), runtime };
        for (tongue, language) in [("zh", Language::Zh), ("en", Language::En)] {
            for text in phrases::fixed(language) {
                speech.ahead(tongue, language, &text);
            }
        }
        speech
    }

    /// Makes a line now, so that it is there when it is needed.
    pub fn ahead(&self, tongue: &str, language: Language, text: &str) {
        let _made_and_kept = self.line(tongue, language, text);
    }

    /// A line. Its sound is there at once if all of it was made before; otherwise it comes as soon as it is made, or
    /// never. Whoever says it looks, and never waits.
    pub fn line(&self, tongue: &str, language: Language, text: &str) -> Line {
        let text: String = text.chars().take(TEXT_MAX).collect();
        let voice = self.inside.voice(tongue, language);
        let pack = self.inside.settings.packs.iter().find(|p| p.tongue == tongue);
        let parts = pieces(&text, pack);
        let known: Option<Vec<Pcm>> = parts
            .iter()
            .map(|part| match part {
                Piece::Recorded(sound) => Some(sound.clone()),
                Piece::Text(words) => self.inside.kept(&voice, words),
            })
            .collect();
        let (send, sound) = watch::channel(known.map(|sounds| join(&sounds)));
        if sound.borrow().is_none() && (self.inside.settings.program.is_some() || voice.by_service) {
            let inside = self.inside.clone();
            self.runtime.handle().spawn(async move {
                let mut sounds = Vec::with_capacity(parts.len());
                for part in parts {
                    match part {
                        Piece::Recorded(sound) => sounds.push(sound),
                        Piece::Text(words) => match inside.make(&voice, &words).await {
                            Some(sound) => sounds.push(sound),
                            None => return,
                        },
                    }
                }
                let _nobody_waits = send.send(Some(join(&sounds))).is_err();
            });
        }
        Line { text, sound }
    }

    /// One of the fixed phrases.
    pub fn phrase(&self, tongue: &str, language: Language, phrase: phrases::Phrase) -> Line {
        self.line(tongue, language, phrase.text(language))
    }

    /// Samples kept.
    pub fn kept(&self) -> usize {
        self.inside.locked().samples
    }
}

fn join(sounds: &[Pcm]) -> Pcm {
    let breath = silence(BREATH);
    let parts: Vec<&[i16]> = sounds.iter().map(|s| &**s).collect();
    Pcm::from(parts.join(&breath[..]))
}

impl Inside {
    fn locked(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn voice(&self, tongue: &str, language: Language) -> Voice {
        let program = voice_of(tongue, language);
        match self.service.as_ref().and_then(|service| service.voice(tongue)) {
            Some(name) => Voice { program, name: name.to_owned(), by_service: true },
            None => Voice { program, name: program.to_owned(), by_service: false },
        }
    }

    fn kept(&self, voice: &Voice, words: &str) -> Option<Pcm> {
        self.locked().sounds.get(&(voice.name.clone(), words.to_owned())).cloned()
    }

    /// By the service if it has the voice and works, else by the program.
    async fn sound(&self, voice: &Voice, words: &str) -> Result<Vec<i16>, String> {
        if voice.by_service
            && let Some(service) = &self.service
            && let Some(sound) = service.speak(&voice.name, words).await
        {
            return Ok(sound);
        }
        match tokio::time::timeout(self.settings.within, self.speak(voice.program, words)).await {
            Ok(sound) => sound,
            Err(_) => Err("the speech program took too long and was ended".into()),
        }
    }

    /// Made once, and kept while there is room: the oldest goes first.
    async fn make(&self, voice: &Voice, words: &str) -> Option<Pcm> {
        let _turn = self.programs.acquire().await.ok()?;
        if let Some(sound) = self.kept(voice, words) {
            return Some(sound);
        }
        let sound = match self.sound(voice, words).await {
            Ok(sound) => Pcm::from(sound),
            Err(why) => {
                tracing::warn!(%why, "words could not be made to sound: tones and recordings serve");
                return None;
            }
        };
        let mut kept = self.locked();
        let name = (voice.name.clone(), words.to_owned());
        kept.samples += sound.len();
        if kept.sounds.insert(name.clone(), sound.clone()).is_none() {
            kept.order.push_back(name);
        }
        while kept.samples > self.settings.kept_million.saturating_mul(1_000_000)
            && let Some(oldest) = kept.order.pop_front()
        {
            let gone = kept.sounds.remove(&oldest).map_or(0, |s| s.len());
            kept.samples = kept.samples.saturating_sub(gone);
        }
        Some(sound)
    }

    async fn speak(&self, voice: &str, words: &str) -> Result<Vec<i16>, String> {
        let program = self.settings.program.as_ref().ok_or("no speech program")?;
        // Names and addresses go by standard input: arguments are seen by everybody on the machine.
        let mut child = tokio::process::Command::new(program)
            .args(["-v", voice, "-s", &self.settings.speed.to_string(), "--stdin", "--stdout"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| format!("{} cannot be started: {e}", program.display()))?;
        let mut input = child.stdin.take().ok_or("no standard input")?;
        input.write_all(words.as_bytes()).await.map_err(|e| e.to_string())?;
        drop(input);
        let output = child.wait_with_output().await.map_err(|e| e.to_string())?;
        if !output.status.success() || output.stdout.len() > OUTPUT_MAX {
            return Err(format!("{} ended with {}", program.display(), output.status));
        }
        let mut sound = read_wav(&output.stdout).map_err(|e| e.to_string())?;
        // The program leaves half a second of silence at the end of each sentence.
        let last = sound.iter().rposition(|s| s.unsigned_abs() > 60).map_or(0, |p| p + 400);
        sound.truncate(last.max(1));
        Ok(sound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime() -> Arc<VoiceRuntime> {
        Arc::new(VoiceRuntime::start().unwrap())
    }

    #[test]
    fn the_longest_recording_wins_and_the_rest_is_spoken_sentence_by_sentence() {
        let a: Pcm = Arc::from(vec![1i16; 3]);
        let b: Pcm = Arc::from(vec![2i16; 3]);
        let pack = Pack::of("nan", vec![("接手请按 1".into(), a.clone()), ("接手请按 1，转下一位请按 2".into(), b.clone())]);
        let text = |t: &str| Piece::Text(t.into());
        assert_eq!(pieces("守望平台报警。接手请按 1，转下一位请按 2，谢谢。", Some(&pack)), [text("守望平台报警。"), Piece::Recorded(b), text("，谢谢。")]);
        assert_eq!(pieces("接手请按 1。", Some(&pack)), [Piece::Recorded(a)]);
        assert_eq!(pieces("Li Ming. 3.5 hours! Go", None), [text("Li Ming."), text("3.5 hours!"), text("Go")]);
        assert_eq!(pieces("", None), []);
        assert!(pack.missing(Language::Zh).len() > 5);
    }

    #[tokio::test]
    async fn without_a_speech_program_there_is_no_sound_and_nobody_waits() {
        for program in [None, Some(PathBuf::from("/nonexistent/espeak")), Some(PathBuf::from("/bin/false"))] {
            let speech = Speech::new(SpeechSettings { program, ..SpeechSettings::default() }, runtime());
            let mut line = speech.line("zh", Language::Zh, "你好。");
            assert!(line.sound.borrow().is_none());
            let ended = tokio::time::timeout(Duration::from_secs(60), line.sound.changed()).await;
            assert!(ended.unwrap().is_err(), "the line never comes, and its end is seen");
        }
    }

    #[tokio::test]
    async fn a_program_that_hangs_is_ended() {
        let dir = std::env::temp_dir().join(format!("hearthline-speech-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let program = dir.join("slow");
        std::fs::write(&program, "#!/bin/sh\nexec sleep 600\n").unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let settings = SpeechSettings { program: Some(program), within: Duration::from_millis(200), ..SpeechSettings::default() };
        let speech = Speech::new(settings, runtime());
        let mut line = speech.line("en", Language::En, "Hello there.");
        assert!(tokio::time::timeout(Duration::from_secs(60), line.sound.changed()).await.unwrap().is_err());
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_pack_is_read_and_says_what_is_wrong_with_it() {
        let dir = std::env::temp_dir().join(format!("hearthline-pack-{}", std::process::id())).join("nan");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("a.wav"), super::super::audio::write_wav(&[5; 800])).unwrap();
        std::fs::write(dir.join("phrases.tsv"), "# made-up\na.wav\t已确认，由您接手。\n").unwrap();
        let pack = Pack::read(&dir).unwrap();
        assert_eq!((pack.tongue.as_str(), pack.phrases.len()), ("nan", 1));
        std::fs::write(dir.join("phrases.tsv"), "b.wav\t谢谢\n").unwrap();
        assert!(matches!(Pack::read(&dir), Err(PackError::File(..))));
        std::fs::write(dir.join("phrases.tsv"), "../a.wav\t谢谢\n").unwrap();
        assert!(matches!(Pack::read(&dir), Err(PackError::Line(_, 1))));
        std::fs::remove_dir_all(dir.parent().unwrap()).unwrap();
    }
}
