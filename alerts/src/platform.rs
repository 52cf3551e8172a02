//! Alarms of the platform about itself: raised on a home of its own name, once for each cause.

use care::alarm::{Input, Over};
use care::cause::Raise;
use care::{Alarm, AlarmId, Cause, HomeId, Level, Reason, Timestamp};
use store::desk::{self, DeskError};
use store::ledger::{LedgerError, Stored};
use store::{Fence, Ledger, Write};

/// The home that stands for the platform itself.
pub const PLATFORM: &str = "platform";

/// Raises a technical alarm about the platform, or leaves the open one of this cause as it is, unless it was taken to be over.
///
/// # Errors
/// If the ledger does not take it: then nobody has been told.
pub async fn raise(ledger: &dyn Ledger, cause: Cause, reason: Reason, now: Timestamp) -> Result<AlarmId, DeskError> {
    raise_by(None, ledger, cause, reason, now).await
}

/// The same by a right: nothing is raised once another has taken it.
///
/// # Errors
/// If the ledger does not take it: then nobody has been told.
pub async fn raise_by(fence: Option<Fence>, ledger: &dyn Ledger, cause: Cause, reason: Reason, now: Timestamp) -> Result<AlarmId, DeskError> {
    let home = HomeId::from(PLATFORM);
    let (home, cause, reason) = (&home, &cause, &reason);
    desk::settle(ledger, fence, || async move {
        if let Some(open) = ledger.open_alarm(home, cause).await? {
            let again = open.value.cause_over().is_some().then(|| Input::Again(wish(cause, reason, now)));
            return Ok((step(ledger, &open, again, now).await?, open.value.id));
        }
        let plan = ledger.plan(home, cause, Level::Technical).await?;
        let raise = wish(cause, reason, now);
        let id = AlarmId::derive(now, &raise.key);
        let (alarm, effects) = Alarm::raise(id.clone(), home.clone(), Vec::new(), raise, false, &plan, now);
        Ok((desk::writes(None, &alarm, &effects, now), id))
    })
    .await
}

/// Tells the open alarm of this cause, if there is one, that it is over, by a right.
///
/// # Errors
/// If the ledger does not take it.
pub async fn over_by(fence: Fence, ledger: &dyn Ledger, cause: Cause, reason: Reason, now: Timestamp) -> Result<(), DeskError> {
    let home = HomeId::from(PLATFORM);
    let (home, cause, reason) = (&home, &cause, &reason);
    desk::settle(ledger, Some(fence), || async move {
        let Some(open) = ledger.open_alarm(home, cause).await? else { return Ok((Vec::new(), ())) };
        let told = open.value.cause_over().is_none().then(|| Input::Over(Over { device: None, at: now, reason: reason.clone() }));
        Ok((step(ledger, &open, told, now).await?, ()))
    })
    .await
}

async fn step(ledger: &dyn Ledger, open: &Stored<Alarm>, input: Option<Input>, now: Timestamp) -> Result<Vec<Write>, LedgerError> {
    let Some(input) = input else { return Ok(Vec::new()) };
    let plan = ledger.plan(&open.value.home, &open.value.cause, open.value.level).await?;
    let (alarm, effects) = open.value.clone().step(input, &plan, now);
    Ok(desk::writes(Some(open), &alarm, &effects, now))
}

fn wish(cause: &Cause, reason: &Reason, now: Timestamp) -> Raise {
    let key = format!("{PLATFORM}/{cause}/{}", now.timestamp_millis());
    Raise { cause: cause.clone(), level: Level::Technical, reason: reason.clone(), key, device: None }
}
