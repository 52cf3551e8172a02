//! The daily call of elders who asked for it: "press 1 if all is well". Tried five times within the hour, then the
//! circle is called. The key "I am well", pressed in the home that day, spares the call.

use care::alarm::{WELL_AT, WELL_CALL};
use care::cause::Raise;
use care::{Alarm, AlarmId, Cause, ElderId, HomeId, Level, Reason, TimeDelta, Timestamp};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;
use store::desk::{self, DeskError};
use store::sheet::SheetAsk;
use store::{Clock, Fence, Ledger, LedgerError, Register, Tx};
use tokio::sync::watch;

/// The kind of sheet that holds an elder's wish, by the elder's identifier; its state is [`ON`] while it holds.
pub const SHEET: &str = "well_call";
/// The wish holds.
pub const ON: &str = "on";
/// The wish was taken back.
pub const OFF: &str = "off";
/// How often the wishes are looked through.
const LOOK_EVERY: TimeDelta = TimeDelta::seconds(30);
/// A call whose hour passed while the platform was down is still made within this.
const LATE_MAX: TimeDelta = TimeDelta::hours(1);

/// An elder's wish for a daily call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// Minute of the local day at which the first call is made, 0 to 1439.
    pub minute: u32,
}

/// Makes the daily calls.
pub struct WellCalls {
    ledger: Arc<dyn Ledger>,
    register: Arc<dyn Register>,
    clock: Arc<dyn Clock>,
    zone: Tz,
    duty: watch::Receiver<Option<Fence>>,
}

impl WellCalls {
    /// Calls by these wishes, in this zone's time, while `duty` says that it is this process that calls: of many processes one.
    pub fn new(ledger: Arc<dyn Ledger>, register: Arc<dyn Register>, clock: Arc<dyn Clock>, zone: Tz, duty: watch::Receiver<Option<Fence>>) -> Self {
        Self { ledger, register, clock, zone, duty }
    }

    /// Runs until `stop` turns true. Keeps nothing that hangs on it: a call is known by elder and day.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        let mut done = BTreeSet::new();
        loop {
            let now = self.clock.now();
            if let Err(error) = self.look(now, &mut done).await {
                tracing::error!(%error, "the daily calls could not be looked through: trying again");
            }
            tokio::select! {
                biased;
                alive = stop.changed() => if alive.is_err() || *stop.borrow() { return },
                () = self.clock.sleep_until(now + LOOK_EVERY) => {}
            }
        }
    }

    /// Makes the calls that are due at `now`.
    ///
    /// # Errors
    /// If the ledger fails; what is due is found again at the next look.
    pub async fn look(&self, now: Timestamp, done: &mut BTreeSet<(ElderId, chrono::NaiveDate)>) -> Result<(), DeskError> {
        let today = now.with_timezone(&self.zone).date_naive();
        done.retain(|(_, day)| *day >= today);
        let Some(fence) = *self.duty.borrow() else { return Ok(()) };
        let mut ask = SheetAsk::of(SHEET).state(ON);
        loop {
            let page = self.register.sheets(&ask).await.map_err(DeskError::Ledger)?;
            for sheet in &page {
                let (Some(home), Some(elder)) = (&sheet.home, &sheet.elder) else { continue };
                let Ok(wish) = serde_json::from_value::<Wish>(sheet.body.clone()) else { continue };
                let Some(due) = self.due(wish, today).filter(|due| *due <= now && now - *due < LATE_MAX) else { continue };
                let once = (elder.clone(), today);
                if !done.contains(&once) {
                    if !self.is_well(home, today).await? {
                        self.call(home, elder, due, fence, now).await?;
                    }
                    done.insert(once);
                }
            }
            match page.last() {
                Some(last) if page.len() >= ask.limit() => ask = ask.after(last),
                Some(_) | None => return Ok(()),
            }
        }
    }

    fn due(&self, wish: Wish, today: chrono::NaiveDate) -> Option<Timestamp> {
        let local = today.and_hms_opt(wish.minute / 60, wish.minute % 60, 0)?;
        Some(local.and_local_timezone(self.zone).earliest()?.to_utc())
    }

    async fn is_well(&self, home: &HomeId, today: chrono::NaiveDate) -> Result<bool, DeskError> {
        let pressed = self.ledger.setting(&format!("{WELL_AT}{home}")).await.map_err(DeskError::Ledger)?;
        let at = pressed.and_then(|text| text.parse::<Timestamp>().ok());
        Ok(at.is_some_and(|at| at.with_timezone(&self.zone).date_naive() == today))
    }

    async fn call(&self, home: &HomeId, elder: &ElderId, due: Timestamp, fence: Fence, now: Timestamp) -> Result<(), DeskError> {
        let cause = Cause::Anomaly(WELL_CALL.to_owned());
        let key = format!("{WELL_CALL}/{elder}/{}", due.timestamp());
        let id = AlarmId::derive(due, &key);
        let known = self.ledger.alarm(&id).await.map_err(DeskError::Ledger)?.is_some();
        // Yesterday's is still open: a person is looking into it.
        if known || self.ledger.open_alarm(home, &cause).await.map_err(DeskError::Ledger)?.is_some() {
            return Ok(());
        }
        let plan = self.ledger.plan(home, &cause, Level::Attention).await.map_err(DeskError::Ledger)?;
        let raise = Raise { cause, level: Level::Attention, reason: Reason::new("well_call").time("at", due), key, device: None };
        let (alarm, effects) = Alarm::raise(id, home.clone(), vec![elder.clone()], raise, false, &plan, now);
        match self.ledger.commit(Tx { fence: Some(fence), writes: desk::writes(None, &alarm, &effects, now) }).await {
            // Somebody was faster: it is raised.
            Ok(()) | Err(LedgerError::Conflict) => Ok(()),
            Err(error @ (LedgerError::Fenced | LedgerError::DiskFull | LedgerError::Failed(_))) => Err(DeskError::Ledger(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, plan, rung, seconds, start_of_time};
    use store::{Ownership, Shard, Write};
    use store::ledger::Which;
    use store::register::{ElderRecord, Put};
    use store::sheet::Sheet;

    /// 08:00 in Shanghai is the start of the tests' time.
    async fn world(minute: u32) -> (World, Arc<WellCalls>, watch::Sender<Option<Fence>>) {
        let world = World::new(plan(vec![rung(&["son"], &["voice"])])).await;
        let elder = ElderRecord {
            id: "li".into(),
            home: "home-1".into(),
            name: "Li Ming".into(),
            born_year: None,
            sex: String::new(),
            phone: "+8613800000001".into(),
            id_number: String::new(),
            health_notes: String::new(),
            tier: String::new(),
            speech_notes: String::new(),
        };
        let sheet = Sheet {
            kind: SHEET.into(),
            id: "li".into(),
            version: 1,
            area: String::new(),
            home: Some("home-1".into()),
            elder: Some("li".into()),
            at: start_of_time(),
            state: ON.into(),
            body: serde_json::json!({ "minute": minute }),
            written_at: start_of_time(),
            written_by: "test".into(),
        };
        world.ledger.put(vec![Put::Elder(elder), Put::Sheet(sheet)]).await.unwrap();
        let ledger = Arc::new(world.ledger.clone());
        let (duty, held) = watch::channel(Some(ledger.take(Shard::OFFICE).await.unwrap()));
        let calls = Arc::new(WellCalls::new(ledger.clone(), ledger, world.clock.clone(), chrono_tz::Asia::Shanghai, held));
        let (running, stop) = (calls.clone(), world.stop.subscribe());
        tokio::spawn(async move { running.run(stop).await });
        (world, calls, duty)
    }

    async fn raised(world: &World) -> Vec<Alarm> {
        world.ledger.alarms(Which::All, None, 100).await.unwrap().into_iter().map(|s| s.value).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn the_elder_is_called_once_a_day_at_the_hour() {
        let (world, calls, _duty) = world(9 * 60).await;
        seconds(3590).await;
        assert_eq!(raised(&world).await.len(), 0);
        seconds(60).await;
        let alarms = raised(&world).await;
        assert_eq!(alarms.len(), 1);
        assert!(alarms[0].is_checking());
        assert_eq!(alarms[0].attempts[0].contact.as_str(), "li");
        // A platform started anew knows that it has called.
        calls.look(world.clock.now(), &mut BTreeSet::new()).await.unwrap();
        seconds(7200).await;
        assert_eq!(raised(&world).await.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_not_on_duty_does_not_call_and_who_was_is_fenced_off() {
        let (world, calls, duty) = world(9 * 60).await;
        let first = duty.send_replace(None);
        seconds(3700).await;
        assert_eq!(raised(&world).await.len(), 0, "somebody else's duty");
        // It wakes and takes itself for the one on duty still: another has taken it.
        let second = world.ledger.take(Shard::OFFICE).await.unwrap();
        duty.send_replace(first);
        let looked = calls.look(world.clock.now(), &mut BTreeSet::new()).await;
        assert!(matches!(looked, Err(DeskError::Ledger(LedgerError::Fenced))), "{looked:?}");
        assert_eq!(raised(&world).await.len(), 0);
        duty.send_replace(Some(second));
        calls.look(world.clock.now(), &mut BTreeSet::new()).await.unwrap();
        assert_eq!(raised(&world).await.len(), 1, "within the hour it is made up for");
    }

    #[tokio::test(start_paused = true)]
    async fn the_key_of_that_day_spares_the_call_and_that_of_the_day_before_does_not() {
        let (world, _calls, _duty) = world(9 * 60).await;
        let press = async |at: Timestamp| {
            let write = Write::Setting { key: format!("{WELL_AT}home-1"), value: at.to_rfc3339() };
            world.ledger.commit(Tx { fence: None, writes: vec![write] }).await.unwrap();
        };
        press(start_of_time()).await;
        seconds(3 * 3600).await;
        assert_eq!(raised(&world).await.len(), 0);
        seconds(24 * 3600).await;
        assert_eq!(raised(&world).await.len(), 1, "the next day it is made again");
    }
}
