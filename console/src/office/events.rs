//! Events that ask for extra visits: warnings by CAP (a file, a push), and whatever is entered by hand. A warning comes
//! any number of times and in any order: it is one event, amended by updates and withdrawn by cancellations (R32).

use super::sheets::Kept;
use super::{Office, OfficeError};
use care::office::event::{EventState, ExtraEvent, Way};
use care::office::{Record, Refused};
use care::visit::warning::{MessageKind, Warning, WarningName, concerns};
use sha2::{Digest, Sha256};

/// What became of a warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WarningTaken {
    /// It asks for visits from now on, in the place of these, if any.
    Standing {
        /// Its event.
        event: String,
        /// What it amends.
        amends: Vec<String>,
    },
    /// It withdrew these.
    Withdrew(Vec<String>),
    /// It was taken before.
    Copy,
    /// It is over already.
    Expired,
    /// Something later stands in its place already.
    Superseded,
    /// It concerns other places.
    Elsewhere,
}

/// The identifier of a warning's event.
pub fn event_id(name: &WarningName) -> String {
    let digest = Sha256::digest(format!("{}\n{}", name.sender, name.identifier).as_bytes());
    format!("cap.{}", digest.iter().take(12).map(|b| format!("{b:02x}")).collect::<String>())
}

impl Office {
    /// The area that a warning concerns: `None` elsewhere; the empty path for the whole city. Codes are compared with the
    /// city's code in the policy's identifier (`cn-350582-visit`), and with the last parts of area paths.
    async fn area_of(&self, codes: &[String]) -> Result<Option<String>, OfficeError> {
        let city: String = self.rules().policies.versions().last().map(|policy| policy.id.chars().filter(char::is_ascii_digit).collect()).unwrap_or_default();
        if codes.is_empty() || (!city.is_empty() && codes.iter().any(|code| concerns(code, &city))) {
            return Ok(Some(String::new()));
        }
        let areas = self.register.areas().await?;
        let named = areas.into_iter().find(|area| area.id.rsplit('/').next().is_some_and(|last| codes.iter().any(|code| code == last)));
        Ok(named.map(|area| area.id))
    }

    /// The weather warnings that hold now, in words; none if they cannot be read.
    pub async fn warnings_now(&self) -> Vec<String> {
        if self.refresh().await.is_err() {
            return Vec::new();
        }
        let now = self.now();
        let holds = |event: &&ExtraEvent| {
            let over = event.end.unwrap_or(event.start + care::TimeDelta::hours(24)) < now;
            event.kind == "weather" && event.elder.is_none() && event.state == EventState::Standing && event.start <= now && !over
        };
        let say = |event: &ExtraEvent| if event.words.is_empty() { event.event.clone().unwrap_or_default() } else { event.words.clone() };
        self.look(|model| model.events.values().filter(holds).map(say).filter(|words| !words.is_empty()).take(5).collect())
    }

    /// Takes a warning.
    ///
    /// # Errors
    /// If the register fails.
    pub async fn take_warning(&self, warning: &Warning, way: Way, by: &str) -> Result<WarningTaken, OfficeError> {
        let now = self.now();
        let id = event_id(&warning.name);
        if let Some(kept) = self.find::<ExtraEvent>(&id).await? {
            return Ok(if kept.record.state == EventState::Standing { WarningTaken::Copy } else { WarningTaken::Superseded });
        }
        let Some(area) = self.area_of(&warning.areas).await? else { return Ok(WarningTaken::Elsewhere) };
        let blank = |id: String, state: EventState, start| ExtraEvent {
            id,
            kind: "weather".into(),
            event: Some(warning.event.clone()),
            level: warning.level,
            codes: warning.areas.clone(),
            area: area.clone(),
            elder: None,
            start,
            end: warning.expires,
            words: String::new(),
            way,
            taken_at: now,
            by: by.to_owned(),
            state,
            replaced_by: None,
        };
        let own_start = warning.onset.unwrap_or(warning.sent);
        let mut entries = Vec::new();
        let mut replaced = Vec::new();
        let mut start = own_start;
        if warning.kind != MessageKind::Alert {
            let state = if warning.kind == MessageKind::Cancel { EventState::Withdrawn } else { EventState::Amended };
            for name in &warning.references {
                let before = event_id(name);
                match self.find::<ExtraEvent>(&before).await? {
                    Some(Kept { mut record, version, .. }) => {
                        if record.state == EventState::Standing {
                            // An update does not push the deadline away, unless things are worse than before.
                            if warning.level <= record.level && record.event.as_ref() == Some(&warning.event) {
                                start = start.min(record.start);
                            }
                            record.state = state;
                            record.replaced_by = Some(id.clone());
                            entries.push(self.put_of(&record, version, by)?);
                            replaced.push(before);
                        }
                    }
                    // What it refers to may still be on its way: it is replaced before it comes.
                    None => {
                        let mut unseen = blank(before, state, own_start);
                        unseen.replaced_by = Some(id.clone());
                        entries.push(self.put_of(&unseen, 0, by)?);
                    }
                }
            }
        }
        let expired = warning.expires.is_some_and(|expires| expires <= now);
        let (state, taken) = match warning.kind {
            MessageKind::Cancel => (EventState::Withdrawn, WarningTaken::Withdrew(replaced)),
            MessageKind::Alert | MessageKind::Update if expired => (EventState::Withdrawn, WarningTaken::Expired),
            MessageKind::Alert | MessageKind::Update => (EventState::Standing, WarningTaken::Standing { event: id.clone(), amends: replaced }),
        };
        entries.push(self.put_of(&blank(id.clone(), state, start), 0, by)?);
        entries.push(self.audit(by, "event.warning", &id));
        self.write(entries).await?;
        Ok(taken)
    }

    /// Enters an event by hand: an offline office must be able to declare a typhoon.
    ///
    /// # Errors
    /// If it has no kind, or the policy knows nothing that it would ask for.
    pub async fn declare(&self, mut event: ExtraEvent, by: &str) -> Result<Kept<ExtraEvent>, OfficeError> {
        if event.kind.trim().is_empty() {
            return Err(Refused::field("kind", "请选择事件类别", "the kind is missing").into());
        }
        event.way = Way::Hand;
        event.taken_at = self.now();
        by.clone_into(&mut event.by);
        event.state = EventState::Standing;
        event.replaced_by = None;
        self.put(&event, 0, by).await?;
        self.get(&event.id()).await
    }

    /// Takes back an event. Visits that it asked for are owed no more; those that were made stay.
    ///
    /// # Errors
    /// If it does not stand.
    pub async fn withdraw_event(&self, id: &str, by: &str) -> Result<Kept<ExtraEvent>, OfficeError> {
        let kept: Kept<ExtraEvent> = self.get(id).await?;
        if kept.record.state != EventState::Standing {
            return Err(Refused::new("该事件已失效", "this event does not stand any more").into());
        }
        let mut event = kept.record;
        event.state = EventState::Withdrawn;
        self.put(&event, kept.version, by).await?;
        self.get(id).await
    }
}
