//! Alarms of the platform about itself: raised on a home of its own name, once for each cause.

use care::cause::Raise;
use care::{Alarm, AlarmId, Cause, HomeId, Level, Reason, Timestamp};
use store::desk::{self, DeskError};
use store::{Fence, Ledger};

/// The home that stands for the platform itself.
pub const PLATFORM: &str = "platform";

/// Raises a technical alarm about the platform, or leaves the open one of this cause as it is.
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
            return Ok((Vec::new(), open.value.id));
        }
        let plan = ledger.plan(home, cause, Level::Technical).await?;
        let key = format!("{PLATFORM}/{cause}/{}", now.timestamp_millis());
        let id = AlarmId::derive(now, &key);
        let raise = Raise { cause: cause.clone(), level: Level::Technical, reason: reason.clone(), key, device: None };
        let (alarm, effects) = Alarm::raise(id.clone(), home.clone(), Vec::new(), raise, false, &plan, now);
        Ok((desk::writes(None, &alarm, &effects, now), id))
    })
    .await
}
