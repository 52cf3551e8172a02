//! What the office goes by, and how it changes: a version of the policy is proposed by one person and activated by another. The
//! versions of the settings come first; activated ones follow them. Closed months are never judged again.

use super::sheets::Kept;
use super::{Office, OfficeError};
use care::calendar::Month;
use care::office::privacy::Retention;
use care::office::{Done, Proposal, Record, Refused};
use care::policy::{Policy, PolicySet};
use care::visit::guard::Guards;
use care::visit::trial::{Moved, moved, standing};
use care::PersonId;
use chrono::NaiveDate;
use std::sync::{Arc, PoisonError};
use store::sheet::SheetAsk;

/// Longest policy file, bytes: the longest of the examples has 14 kB.
const FILE_BYTES_MAX: usize = 256 << 10;

/// What the office goes by.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The versions of the city's policy.
    pub policies: PolicySet,
    /// When a visit record is looked at twice.
    pub guards: Guards,
    /// How long records are kept.
    pub retention: Retention,
    /// How long raw messages of devices are kept, days: the event log's setting.
    pub raw_days: u32,
}

impl Rules {
    /// A policy, with guards and retention as they are where nobody says otherwise.
    pub fn new(policies: impl Into<PolicySet>) -> Self {
        Self { policies: policies.into(), guards: Guards::default(), retention: Retention::default(), raw_days: 90 }
    }
}

/// The rules as they stand, with each version at hand.
pub(super) struct Standing {
    pub(super) rules: Arc<Rules>,
    versions: Vec<Arc<Policy>>,
}

impl Standing {
    pub(super) fn new(rules: Rules) -> Arc<Self> {
        let versions = rules.policies.versions().iter().cloned().map(Arc::new).collect();
        Arc::new(Self { rules: Arc::new(rules), versions })
    }
}

impl Office {
    fn standing(&self) -> Arc<Standing> {
        Arc::clone(&self.standing.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What it goes by.
    pub fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.standing().rules)
    }

    /// The version of the policy that is in force today.
    ///
    /// # Errors
    /// If there is none at all.
    pub fn policy(&self) -> Result<Arc<Policy>, OfficeError> {
        self.policy_on(self.today())
    }

    /// The version of the policy that judges a day.
    ///
    /// # Errors
    /// If there is none at all.
    pub fn policy_on(&self, day: NaiveDate) -> Result<Arc<Policy>, OfficeError> {
        let standing = self.standing();
        let version = &standing.rules.policies.on(day).ok_or(OfficeError::NoPolicy)?.version;
        standing.versions.iter().find(|policy| policy.version == *version).cloned().ok_or(OfficeError::NoPolicy)
    }

    /// Brings in the versions that were activated. True if that changed what the office goes by.
    pub(super) async fn take_up(&self) -> Result<bool, OfficeError> {
        let activated: Vec<Kept<Proposal>> = self.all(SheetAsk::of(Proposal::KIND).state("activated")).await?;
        let mut policies = self.settings.policies.clone();
        for kept in &activated {
            let proposal = &kept.record;
            if policies.versions().iter().any(|version| version.version == proposal.version) {
                continue; // the settings have it by now
            }
            let next = Policy::load(&proposal.text).map_err(|refused| refused.problems.iter().map(|one| one.en.clone()).collect::<Vec<_>>().join("; "));
            match next.and_then(|loaded| policies.followed_by(loaded.policy).map_err(|problem| problem.to_string())) {
                Ok(followed) => policies = followed,
                Err(why) => tracing::error!(policy.version = %proposal.version, why, "an activated policy does not fit the settings and is left out"),
            }
        }
        if self.rules().policies == policies {
            return Ok(false);
        }
        let standing = Standing::new(Rules { policies, ..Rules::clone(&self.settings) });
        *self.standing.write().unwrap_or_else(PoisonError::into_inner) = standing;
        // Tiers and contacts were judged by the versions before: the picture is made anew, and no report of before fits it.
        let mut model = self.model.write().unwrap_or_else(PoisonError::into_inner);
        *model = model.anew();
        Ok(true)
    }

    /// What the rules would be with a proposed file.
    ///
    /// # Errors
    /// Everything that is wrong with it: the file itself, another policy or zone, a version that is there, a closed month.
    pub async fn fits(&self, text: &str) -> Result<(Policy, PolicySet), OfficeError> {
        if text.len() > FILE_BYTES_MAX {
            return Err(Refused::field("file", format!("政策文件超过 {FILE_BYTES_MAX} 字节"), format!("the file is longer than {FILE_BYTES_MAX} bytes")).into());
        }
        let policy = Policy::load(text)
            .map_err(|refused| refused.problems.iter().map(|one| Refused::field("file", one.text(care::Language::Zh), one.text(care::Language::En))).collect::<Vec<_>>())?
            .policy;
        if policy.zone != self.zone {
            return Err(Refused::field("file", "时区与现行政策不同", "its time zone is another one than that in force").into());
        }
        if let Some((closed, _)) = self.closed_months().await?.last() {
            PolicySet::not_before(&policy, *closed).map_err(|problem| Refused::field("file", problem.zh(), problem.to_string()))?;
        }
        let set = self.rules().policies.followed_by(policy.clone()).map_err(|problem| Refused::field("file", problem.zh(), problem.to_string()))?;
        Ok((policy, set))
    }

    /// Proposes a version. Nothing changes until another person activates it.
    ///
    /// # Errors
    /// As [`Office::fits`]; if the same file was proposed already.
    pub async fn propose(&self, text: &str, words: &str, by: &PersonId) -> Result<Kept<Proposal>, OfficeError> {
        let (policy, _) = self.fits(text).await?;
        let proposal = Proposal {
            policy: policy.id,
            version: policy.version,
            effective_from: policy.effective_from,
            hash: policy.hash,
            text: text.to_owned(),
            proposed: self.done(by, words),
            decided: None,
            activated: None,
        };
        let before = match self.find::<Proposal>(&proposal.id()).await? {
            Some(kept) if kept.record.state() == "refused" => kept.version,
            Some(_) => return Err(Refused::field("file", "同一文件已提出", "the same file is proposed already").into()),
            None => 0,
        };
        let entries = vec![self.put_of(&proposal, before, by.as_str())?, self.audit(by.as_str(), "policy.propose", &proposal.id())];
        self.write(entries).await?;
        self.get(&proposal.id()).await
    }

    /// Activates a proposed version, by another person than who proposed it: from the next look on, everywhere.
    ///
    /// # Errors
    /// By the same person; if it does not fit any more.
    pub async fn activate(&self, id: &str, words: &str, by: &PersonId) -> Result<Kept<Proposal>, OfficeError> {
        let kept: Kept<Proposal> = self.get(id).await?;
        let done: Done = self.done(by, words);
        let activated = kept.record.clone().activate(done)?;
        self.fits(&kept.record.text).await?;
        let entries = vec![self.put_of(&activated, kept.version, by.as_str())?, self.audit(by.as_str(), "policy.activate", id)];
        self.write(entries).await?;
        self.refresh().await?;
        self.get(id).await
    }

    /// Refuses a proposed version, or takes it back.
    ///
    /// # Errors
    /// Without a reason; if it is decided already.
    pub async fn refuse_policy(&self, id: &str, words: &str, by: &PersonId) -> Result<Kept<Proposal>, OfficeError> {
        let done = self.done(by, words);
        self.step(id, "policy.refuse", by, |proposal: Proposal| proposal.refuse(done)).await
    }

    /// Who would stand otherwise in a month if a file were in force in it, and how many there are in all.
    ///
    /// # Errors
    /// If the file is refused, or the month lies ahead.
    pub async fn try_policy(&self, text: &str, month: Month) -> Result<(Vec<Moved>, usize), OfficeError> {
        let tried = Policy::load(text)
            .map_err(|refused| refused.problems.iter().map(|one| Refused::field("file", one.text(care::Language::Zh), one.text(care::Language::En))).collect::<Vec<_>>())?
            .policy;
        self.refresh().await?;
        let as_of = month.last().min(self.today());
        if as_of < month.first() {
            return Err(Refused::field("month", "该月尚未开始", "this month has not begun").into());
        }
        let current = self.policy_on(month.first())?.as_ref().clone();
        let model = Arc::clone(&self.model);
        tokio::task::spawn_blocking(move || {
            let model = model.read().unwrap_or_else(PoisonError::into_inner);
            let of = |policy: Policy| standing(&PolicySet::from(policy.as_if_always_in_force()), &model.facts, month, as_of);
            let (before, after) = (of(current), of(tried));
            (moved(&before, &after), after.len())
        })
        .await
        .map_err(|_| OfficeError::NoPolicy)
    }
}
