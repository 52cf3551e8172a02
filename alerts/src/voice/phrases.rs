//! The fixed words of a call, in both languages. `hearthline voice phrases` prints them for whoever records a prompt pack.

use care::reason::Language;

/// What is said beside the words of the alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phrase {
    /// A tone sounded like a key.
    OnceMore,
    /// The key could not be stored.
    NotStored,
    /// The details are not there.
    AskDesk,
    /// Key 3.
    OfferDesk,
    /// Key 4.
    OfferHome,
    /// The conversation is recorded.
    Recorded,
    /// To the operator whose handset rings first.
    Connecting,
    /// To a contact who rings back and has no open alarm.
    NothingOpen,
    /// The words of a test call.
    Test,
}

/// All of them.
pub const ALL: &[Phrase] =
    &[Phrase::OnceMore, Phrase::NotStored, Phrase::AskDesk, Phrase::OfferDesk, Phrase::OfferHome, Phrase::Recorded, Phrase::Connecting, Phrase::NothingOpen, Phrase::Test];

impl Phrase {
    /// Its words.
    pub fn text(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::OnceMore, Language::Zh) => "请再按一次。",
            (Self::OnceMore, Language::En) => "Please press it once more.",
            (Self::NotStored, Language::Zh) => "系统没有记下您的按键，请再按 1。",
            (Self::NotStored, Language::En) => "Your key was not stored. Please press 1 again.",
            (Self::AskDesk, Language::Zh) => "详情请问值班台。",
            (Self::AskDesk, Language::En) => "Please ask the duty desk for the details.",
            (Self::OfferDesk, Language::Zh) => "接通值班台请按 3，重听请按 9。",
            (Self::OfferDesk, Language::En) => "Press 3 to speak to the duty desk, 9 to hear again.",
            (Self::OfferHome, Language::Zh) => "与老人家中通话请按 4。",
            (Self::OfferHome, Language::En) => "Press 4 to speak into the home.",
            (Self::Recorded, Language::Zh) => "本次通话将被录音。",
            (Self::Recorded, Language::En) => "This call is recorded.",
            (Self::Connecting, Language::Zh) => "守望平台正在为您接通。",
            (Self::Connecting, Language::En) => "Hearthline is connecting you.",
            (Self::NothingOpen, Language::Zh) => "目前没有需要您处理的报警，谢谢。",
            (Self::NothingOpen, Language::En) => "There is no open alarm for you. Thank you.",
            (Self::Test, Language::Zh) => "守望平台测试电话。请按 1 确认，重听请按 9。",
            (Self::Test, Language::En) => "This is a test call from Hearthline. Press 1 to confirm, 9 to hear again.",
        }
    }
}

/// Every sentence that calls say whatever the alarm is, for recording.
pub fn fixed(language: Language) -> Vec<String> {
    let mut out: Vec<String> = crate::words::fixed(language);
    out.extend(ALL.iter().map(|p| p.text(language).to_owned()));
    out
}
