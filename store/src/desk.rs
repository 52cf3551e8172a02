//! The desk: one input to one alarm in one transaction. Everybody who has something to say to an alarm
//! (a channel's result, an operator's claim, the clock) comes through here, so that nothing is lost when two
//! come at once.

use crate::Fence;
use crate::ledger::{Ledger, LedgerError, Stored, Tx, Write};
use care::alarm::{Effect, Input, Refusal};
use care::{Alarm, AlarmId, Timestamp};

/// How often something is decided anew when somebody else wrote first.
pub const CONFLICTS_MAX: u32 = 64;

/// Why an input could not be given to an alarm.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DeskError {
    /// There is no such alarm.
    #[error("there is no such alarm")]
    Unknown,
    /// The alarm cannot do that now.
    #[error("{0}")]
    Refused(#[source] Refusal),
    /// The ledger failed.
    #[error("the step could not be stored: {0}")]
    Ledger(#[from] LedgerError),
}

impl DeskError {
    /// What the ledger has to say to it: for whoever asks the ledger alone.
    pub fn of_ledger(self) -> LedgerError {
        match self {
            Self::Ledger(error) => error,
            other @ (Self::Unknown | Self::Refused(_)) => LedgerError::Failed(other.to_string()),
        }
    }
}

/// Decides on what the ledger holds now and stores what was decided, in one transaction; decides anew, at most
/// [`CONFLICTS_MAX`] times, while somebody else wrote first. A draft without writes is done at once.
///
/// # Errors
/// Those of the draft and of the ledger: then nothing of it has happened. [`LedgerError::Conflict`] if somebody else was
/// faster every time.
pub async fn settle<T, E, D>(ledger: &dyn Ledger, fence: Option<Fence>, draft: impl Fn() -> D) -> Result<T, E>
where
    E: From<LedgerError>,
    D: Future<Output = Result<(Vec<Write>, T), E>>,
{
    for _ in 0..CONFLICTS_MAX {
        let (writes, done) = draft().await?;
        if writes.is_empty() {
            return Ok(done);
        }
        match ledger.commit(Tx { fence, writes }).await {
            Ok(()) => return Ok(done),
            Err(LedgerError::Conflict) => {}
            Err(error @ (LedgerError::Fenced | LedgerError::DiskFull | LedgerError::Failed(_))) => return Err(error.into()),
        }
    }
    Err(LedgerError::Conflict.into())
}

/// The writes that store one step of an alarm: the alarm, its attempts that changed, its effects.
pub fn writes(before: Option<&Stored<Alarm>>, alarm: &Alarm, effects: &[Effect], now: Timestamp) -> Vec<Write> {
    let old = before.map(|b| b.value.attempts.as_slice()).unwrap_or_default();
    // They stand in the order of their numbers.
    let known = |no| old.binary_search_by_key(&no, |a| a.no).ok().and_then(|i| old.get(i));
    let changed: Vec<_> = alarm.attempts.iter().filter(|a| known(a.no) != Some(*a)).cloned().collect();
    let mut out = vec![Write::PutAlarm { alarm: Box::new(alarm.clone()), expected: before.map_or(0, |b| b.version) }];
    if !changed.is_empty() {
        out.push(Write::Attempts { alarm: alarm.id.clone(), attempts: changed });
    }
    out.extend(effects.iter().map(|effect| Write::Effect {
        alarm: alarm.id.clone(),
        home: alarm.home.clone(),
        level: alarm.level,
        test: alarm.test,
        effect: effect.clone(),
        due_at: now,
    }));
    out
}

/// Gives `input` to alarm `id` and stores what comes of it together with `also` (a note, the end of an effect, an
/// audit entry). An input that changes nothing and has nothing to store beside it is not written.
///
/// # Errors
/// [`DeskError::Refused`] if a person's wish does not fit the alarm's state, [`DeskError::Unknown`] for an unknown
/// alarm, [`DeskError::Ledger`] if the transaction failed: then nothing of it has happened.
pub async fn give(ledger: &dyn Ledger, id: &AlarmId, input: Input, also: Vec<Write>, now: Timestamp) -> Result<Alarm, DeskError> {
    let (input, also) = (&input, &also);
    settle(ledger, None, || async move {
        let stored = ledger.alarm(id).await?.ok_or(DeskError::Unknown)?;
        if let Some(refusal) = stored.value.refuses(input) {
            return Err(DeskError::Refused(refusal));
        }
        let plan = ledger.plan(&stored.value.home, &stored.value.cause, stored.value.level).await?;
        let (alarm, effects) = stored.value.clone().step(input.clone(), &plan, now);
        let mut writes = if alarm == stored.value && effects.is_empty() { Vec::new() } else { writes(Some(&stored), &alarm, &effects, now) };
        writes.extend(also.iter().cloned());
        Ok((writes, alarm))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryLedger;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// Somebody else is faster this often: how often it was decided, and what came of it.
    async fn check(faster: u32) -> (u32, Result<(), LedgerError>) {
        let (ledger, tries) = (MemoryLedger::new(), AtomicU32::new(0));
        let (ledger, counted) = (&ledger, &tries);
        let came = settle(ledger, None, || async move {
            let key = format!("try-{}", counted.load(Ordering::SeqCst));
            let write = Write::Setting { key: key.clone(), value: "here".into() };
            if counted.fetch_add(1, Ordering::SeqCst) < faster {
                // What this draft asks for is not there any more.
                return Ok((vec![write, Write::EffectTrying { alarm: AlarmId::new("gone"), no: 1, at: Timestamp::UNIX_EPOCH }], ()));
            }
            Ok::<_, LedgerError>((vec![write], ()))
        })
        .await;
        for n in 0..tries.load(Ordering::SeqCst) {
            let there = ledger.setting(&format!("try-{n}")).await.unwrap().is_some();
            assert_eq!(there, n >= faster, "of a draft that came too late nothing is stored, of the last one everything");
        }
        (tries.load(Ordering::SeqCst), came)
    }

    #[tokio::test]
    async fn who_comes_too_late_decides_anew_until_it_fits_or_the_limit_is_reached() {
        assert_eq!(check(0).await, (1, Ok(())));
        assert_eq!(check(CONFLICTS_MAX - 1).await, (CONFLICTS_MAX, Ok(())));
        assert_eq!(check(CONFLICTS_MAX).await, (CONFLICTS_MAX, Err(LedgerError::Conflict)));
    }
}
