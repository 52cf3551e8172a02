//! The desk: one input to one alarm in one transaction. Everybody who has something to say to an alarm
//! (a channel's result, an operator's claim, the clock) comes through here, so that nothing is lost when two
//! come at once.

use crate::ledger::{Ledger, LedgerError, Stored, Tx, Write};
use care::alarm::{Effect, Input, Refusal};
use care::{Alarm, AlarmId, Timestamp};

/// How often a step is decided anew when somebody else wrote first.
const CONFLICTS_MAX: u32 = 64;

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
    Ledger(#[source] LedgerError),
}

/// The writes that store one step of an alarm: the alarm, its attempts that changed, its effects.
pub fn writes(before: Option<&Stored<Alarm>>, alarm: &Alarm, effects: &[Effect], now: Timestamp) -> Vec<Write> {
    let old = before.map(|b| b.value.attempts.as_slice()).unwrap_or_default();
    let changed: Vec<_> = alarm.attempts.iter().filter(|a| !old.contains(a)).cloned().collect();
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
    for _ in 0..CONFLICTS_MAX {
        let stored = ledger.alarm(id).await.map_err(DeskError::Ledger)?.ok_or(DeskError::Unknown)?;
        if let Some(refusal) = stored.value.refuses(&input) {
            return Err(DeskError::Refused(refusal));
        }
        let plan = ledger.plan(&stored.value.home, &stored.value.cause, stored.value.level).await.map_err(DeskError::Ledger)?;
        let (alarm, effects) = stored.value.clone().step(input.clone(), &plan, now);
        let mut writes = if alarm == stored.value && effects.is_empty() { Vec::new() } else { writes(Some(&stored), &alarm, &effects, now) };
        writes.extend(also.iter().cloned());
        if writes.is_empty() {
            return Ok(alarm);
        }
        match ledger.commit(Tx { fence: None, writes }).await {
            Ok(()) => return Ok(alarm),
            Err(LedgerError::Conflict) => {}
            Err(error @ (LedgerError::Fenced | LedgerError::DiskFull | LedgerError::Failed(_))) => return Err(DeskError::Ledger(error)),
        }
    }
    Err(DeskError::Ledger(LedgerError::Conflict))
}
