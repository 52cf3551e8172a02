//! A contact who missed the call rings back: they reach the open alarm that they were called for, and still only a key takes
//! it. A number is not a proof of who calls: nothing personal is said before the key, and only a number that was called for
//! an alarm which is still open is answered at all.

use super::phrases::Phrase;
use super::sip::Incoming;
use super::talk::{Line, Script, Talk};
use super::{Voice, audio};
use crate::channel::{Take, Taken};
use crate::directory::Directory;
use crate::words::{language_of, words};
use async_trait::async_trait;
use care::alarm::{Claimant, Input, State};
use care::{Alarm, AlarmId, ContactId};
use std::sync::Arc;
use store::ledger::Which;
use store::{Ledger, desk};
use tokio::sync::{mpsc, watch};

/// Open alarms that are looked through for the caller.
const OPEN_MAX: usize = 500;
/// Calls that come in at a time; more are engaged.
const AT_ONCE: usize = 20;

/// Who rings back takes the alarm as the contact.
struct TakesBack<'a> {
    voice: &'a Voice,
    alarm: AlarmId,
    contact: ContactId,
}

#[async_trait]
impl Take for TakesBack<'_> {
    async fn accept(&self) -> Taken {
        let by = Claimant::Contact(self.contact.clone());
        let parts = &self.voice.parts;
        match desk::give(&*parts.ledger, &self.alarm, Input::Claim { by: by.clone() }, Vec::new(), parts.clock.now()).await {
            Ok(alarm) => match &alarm.state {
                State::Claimed { by: holder, .. } | State::Reported { by: holder, .. } if *holder == by => Taken::Yours,
                State::Claimed { .. } | State::Reported { .. } | State::Closed { .. } | State::Raised => Taken::TooLate,
            },
            Err(desk::DeskError::Refused(_) | desk::DeskError::Unknown) => Taken::TooLate,
            Err(desk::DeskError::Ledger(error)) => {
                tracing::error!(alarm.id = %self.alarm, %error, "an acceptance could not be stored");
                Taken::NotStored
            }
        }
    }

    fn reached(&self) {}
}

impl Voice {
    /// Answers who rings back, until the trunks are gone.
    pub async fn answer_callers(self: Arc<Self>, directory: Arc<dyn Directory>, mut incoming: mpsc::UnboundedReceiver<Incoming>) {
        let seats = Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
        while let Some(call) = incoming.recv().await {
            let Ok(seat) = seats.clone().try_acquire_owned() else { continue };
            let (voice, directory) = (self.clone(), directory.clone());
            tokio::spawn(async move {
                voice.answer(&*directory, call).await;
                drop(seat);
            });
        }
    }

    /// The gravest open alarm for which the caller was called.
    async fn called_for(&self, directory: &dyn Directory, from: &str) -> Option<(Alarm, ContactId, String)> {
        let plan = &self.settings.plan;
        let caller = plan.number(from).ok()?;
        let mut open = self.open_alarms(&*self.parts.ledger).await;
        open.sort_by_key(|a| (a.level, a.raised_at));
        for alarm in open.into_iter().filter(|a| !a.test) {
            let mut seen = std::collections::BTreeSet::new();
            for contact in alarm.attempts.iter().rev().map(|a| &a.contact).filter(|c| seen.insert((*c).clone())) {
                let Ok(Some(facts)) = directory.contact(contact).await else { continue };
                let address = facts.addresses.get(care::plan::ChannelName::VOICE);
                if address.and_then(|a| plan.number(a).ok()).is_some_and(|n| n == caller) {
                    let contact = contact.clone();
                    return Some((alarm, contact, facts.language));
                }
            }
        }
        None
    }

    async fn answer(&self, directory: &dyn Directory, mut call: Incoming) {
        let found = self.called_for(directory, &call.from).await;
        let speech = &self.parts.speech;
        let Some((alarm, contact, tongue)) = found else {
            // Strangers hear an engaged line: who is not known is told nothing.
            return;
        };
        let language = language_of(&tongue);
        let Ok(home) = directory.home(&alarm.home).await else { return };
        let said = words(&alarm, &home, language, directory.zone(), self.parts.clock.now());
        let taken = matches!(&alarm.state, State::Claimed { .. } | State::Reported { .. });
        let line = |text: &str| speech.line(&tongue, language, text);
        let phrase = |p| speech.phrase(&tongue, language, p);
        let script = Script {
            brief: if taken { phrase(Phrase::NothingOpen) } else { line(&said.brief) },
            attention: Line::ready("(tone)", audio::attention()),
            once_more: phrase(Phrase::OnceMore),
            not_stored: phrase(Phrase::NotStored),
            confirmed: line(&said.confirmed),
            full: line(&said.full),
            ask_desk: phrase(Phrase::AskDesk),
            too_late: line(&said.too_late),
            offer_desk: None,
            offer_home: None,
        };
        let take = TakesBack { voice: self, alarm: alarm.id.clone(), contact: contact.clone() };
        let (_keep, released) = watch::channel(false);
        call.answer();
        let talk = Talk { script: &script, timers: &self.settings.timers, take: &take, released, clock: self.parts.clock.clone(), bridge: None, progress: None };
        let report = talk.hold(call.wire).await;
        tracing::info!(alarm.id = %alarm.id, contact.id = %contact, outcome = report.outcome.word(), "a contact has rung back");
    }

    async fn open_alarms(&self, ledger: &dyn Ledger) -> Vec<Alarm> {
        match ledger.alarms(Which::Open, None, OPEN_MAX).await {
            Ok(found) => found.into_iter().map(|s| s.value).collect(),
            Err(error) => {
                tracing::error!(%error, "who rings back cannot be told of an alarm");
                Vec::new()
            }
        }
    }
}
