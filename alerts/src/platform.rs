//! Alarms of the platform about itself: raised on a home of its own name, once for each cause.

use care::cause::Raise;
use care::{Alarm, AlarmId, Cause, HomeId, Level, Reason, Timestamp};
use store::desk::{self, DeskError};
use store::{Ledger, LedgerError, Tx};

/// The home that stands for the platform itself.
pub const PLATFORM: &str = "platform";
/// How often a raise is decided anew when somebody else wrote first.
const CONFLICTS_MAX: u32 = 16;

/// Raises a technical alarm about the platform, or leaves the open one of this cause as it is.
///
/// # Errors
/// If the ledger does not take it: then nobody has been told.
pub async fn raise(ledger: &dyn Ledger, cause: Cause, reason: Reason, now: Timestamp) -> Result<AlarmId, DeskError> {
    let home = HomeId::from(PLATFORM);
    for _ in 0..CONFLICTS_MAX {
        if let Some(open) = ledger.open_alarm(&home, &cause).await.map_err(DeskError::Ledger)? {
            return Ok(open.value.id);
        }
        let plan = ledger.plan(&home, &cause, Level::Technical).await.map_err(DeskError::Ledger)?;
        let key = format!("{PLATFORM}/{cause}/{}", now.timestamp_millis());
        let id = AlarmId::derive(now, &key);
        let raise = Raise { cause: cause.clone(), level: Level::Technical, reason: reason.clone(), key, device: None };
        let (alarm, effects) = Alarm::raise(id.clone(), home.clone(), Vec::new(), raise, false, &plan, now);
        match ledger.commit(Tx { fence: None, writes: desk::writes(None, &alarm, &effects, now) }).await {
            Ok(()) => return Ok(id),
            Err(LedgerError::Conflict) => {}
            Err(error @ (LedgerError::Fenced | LedgerError::DiskFull | LedgerError::Failed(_))) => return Err(DeskError::Ledger(error)),
        }
    }
    Err(DeskError::Ledger(LedgerError::Conflict))
}
