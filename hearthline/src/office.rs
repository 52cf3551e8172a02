//! The office at work without anybody at a desk: consents take effect, days become remote visits, handled alarms become
//! contacts, warnings are picked up from their folder, and what has been kept long enough is erased.

use anyhow::Context;
use care::home::{Monitoring, Told};
use care::office::event::Way;
use care::office::privacy::Retention;
use care::policy::{Policy, PolicySet};
use care::visit::warning::Warning;
use care::{AlarmId, HomeId, TimeDelta, Timestamp};
use chrono::NaiveDate;
use console::office::{Office, Rules};
use ingest::Days;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store::ledger::{Which, Write};
use store::{Clock, EventLog, Fence, Ledger, Tx};
use tokio::sync::watch;
use tracing::{info, warn};
use wire::cap::{CapProblem, Reading};

/// The city's rules that come with the program, until an office names its own.
const BUILT_IN: &str = include_str!("../../docs/policies/jinjiang.toml");

/// How often consents, alarms and the folder are looked at. A withdrawal takes effect within this (VIS-3: 5 min).
const LOOK_EVERY: Duration = Duration::from_secs(20);
/// How often what has expired is looked for.
const EXPIRE_EVERY: TimeDelta = TimeDelta::hours(6);
/// The setting that holds the homes which are not monitored, a JSON list.
const MONITORING_OFF: &str = "monitoring_off";
/// Closed alarms looked at in one go; contacts are recorded within a turn or two of closing.
const ALARMS: usize = 500;
/// Largest file of the folder that is read.
const FILE_BYTES_MAX: u64 = 2 << 20;

/// What the office is set up with.
#[derive(Debug, Clone)]
pub struct OfficeBlueprint {
    /// The versions of the city's policy.
    pub policies: PolicySet,
    /// Where warnings are dropped as files.
    pub warnings: Option<PathBuf>,
    /// How long records are kept.
    pub retention: Retention,
}

impl OfficeBlueprint {
    /// With the policies of these files, or the built-in ones.
    ///
    /// # Errors
    /// If a file cannot be read or is refused, or they are not versions of one policy.
    pub fn new(policies: &[PathBuf], warnings: Option<PathBuf>, retention: Retention) -> anyhow::Result<Self> {
        let mut versions = Vec::new();
        for file in policies {
            let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
            versions.push(Policy::load(&text).with_context(|| format!("{}", file.display()))?.policy);
        }
        if versions.is_empty() {
            versions.push(Policy::load(BUILT_IN).context("the built-in policy")?.policy);
        }
        Ok(Self { policies: PolicySet::new(versions).context("[office] policies")?, warnings, retention })
    }

    /// The rules for the console's office.
    pub fn rules(&self) -> Rules {
        Rules { retention: self.retention.clone(), ..Rules::new(self.policies.clone()) }
    }
}

/// Reads warnings: strictly, else in the dialect.
#[derive(Debug, Clone, Copy)]
pub struct Cap;

impl console::Warnings for Cap {
    fn read(&self, message: &[u8]) -> Result<Vec<Warning>, (String, String)> {
        match wire::cap::read(message, Reading::Strict) {
            Ok(warnings) => Ok(warnings),
            Err(CapProblem::NotAWarning(what)) => Err((format!("{what}：不是实际预警"), CapProblem::NotAWarning(what).to_string())),
            Err(strict) => wire::cap::read(message, Reading::Lenient).map_err(|lenient| {
                (format!("预警无法解读：按 CAP 1.2：{strict}；按国内格式：{lenient}"), format!("by CAP 1.2: {strict}; by the Chinese dialect: {lenient}"))
            }),
        }
    }
}

/// The jobs. The read model is kept by every process; the rest by the one that is on duty.
pub struct Jobs {
    office: Arc<Office>,
    ledger: Arc<dyn Ledger>,
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    homes: care::home::Settings,
    blueprint: OfficeBlueprint,
    duty: watch::Receiver<Option<Fence>>,
    shift: Option<Shift>,
}

/// What the process that is on duty keeps in mind from turn to turn. All of it is found again by the next one.
struct Shift {
    fence: Fence,
    office: Office,
    ledger: Arc<dyn Ledger>,
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    blueprint: OfficeBlueprint,
    days: Days,
    /// Homes that are not monitored, as the ledger has it.
    off: BTreeSet<HomeId>,
    /// Those of them that were told so on this duty.
    told_off: BTreeSet<HomeId>,
    /// Closed alarms that were looked at on this duty: at most as many as are asked for.
    handled: BTreeSet<AlarmId>,
    expired_at: Option<Timestamp>,
    /// The day that the files were brought up to.
    settled_on: Option<NaiveDate>,
}

impl Jobs {
    /// Gets ready. `duty` says while this process is the one that does them.
    pub fn new(
        office: Arc<Office>,
        ledger: Arc<dyn Ledger>,
        log: Arc<dyn EventLog>,
        clock: Arc<dyn Clock>,
        homes: care::home::Settings,
        blueprint: OfficeBlueprint,
        duty: watch::Receiver<Option<Fence>>,
    ) -> Self {
        Self { office, ledger, log, clock, homes, blueprint, duty, shift: None }
    }

    /// Works until told to stop.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            self.turn().await;
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// One turn: each job by itself; one that fails keeps no other back and is tried again in the next.
    pub async fn turn(&mut self) {
        self.tell("read model", self.office.refresh().await.map_err(anyhow::Error::from));
        let Some(fence) = *self.duty.borrow_and_update() else {
            self.shift = None;
            return;
        };
        let mut shift = match self.shift.take() {
            Some(shift) if shift.fence == fence => shift,
            Some(_) | None => match self.begin(fence).await {
                Ok(shift) => shift,
                Err(error) => return self.tell("beginning", Err(error)),
            },
        };
        for (what, result) in [
            ("consents", shift.consents().await),
            ("alarms", shift.alarms().await),
            ("warnings", shift.warnings().await),
            ("days", shift.days().await),
            ("files", shift.files().await),
            ("expiry", shift.expire().await),
        ] {
            self.tell(what, result);
        }
        self.shift = Some(shift);
    }

    fn tell(&self, what: &str, result: anyhow::Result<()>) {
        if let Err(error) = result {
            warn!(what, error = format!("{error:#}"), "a job of the office failed and is tried again");
        }
    }

    async fn begin(&self, fence: Fence) -> anyhow::Result<Shift> {
        let days = Days::resume(self.log.clone(), self.ledger.clone(), self.homes.clone(), fence).await?;
        let off = match self.ledger.setting(MONITORING_OFF).await? {
            Some(text) => serde_json::from_str(&text).context("reading which homes are not monitored")?,
            None => BTreeSet::new(),
        };
        Ok(Shift {
            fence,
            office: self.office.on_duty(fence),
            ledger: self.ledger.clone(),
            log: self.log.clone(),
            clock: self.clock.clone(),
            blueprint: self.blueprint.clone(),
            days,
            off,
            told_off: BTreeSet::new(),
            handled: BTreeSet::new(),
            expired_at: None,
            settled_on: None,
        })
    }
}

impl Shift {
    /// What was said about remote monitoring takes effect in the homes (VIS-3). Red alarms are answered all the same.
    /// Which homes are off is written down before they are told so, and taken back after they were told to go on: whoever
    /// succeeds tells again what may not have been told, and a home takes it twice as once.
    async fn consents(&mut self) -> anyhow::Result<()> {
        let holds = self.office.monitored().await?;
        let news: Vec<_> = holds.into_iter().filter(|(home, may)| *may == self.off.contains(home) || (!may && !self.told_off.contains(home))).collect();
        if news.is_empty() {
            return Ok(());
        }
        self.off.extend(news.iter().filter(|(_, may)| !may).map(|(home, _)| home.clone()));
        // Also what says that this process is on duty still.
        self.keep_off().await?;
        let mut on_again = Vec::new();
        for (home, may) in news {
            let state = if may { Monitoring::On } else { Monitoring::Off };
            ingest::tell(&*self.log, &home, &Told::Consent(state), self.clock.now()).await?;
            if may {
                self.told_off.remove(&home);
                on_again.push(home);
            } else {
                ingest::tell(&*self.log, &home, &Told::Forget, self.clock.now()).await?;
                self.days.forget(&home);
                self.told_off.insert(home);
            }
        }
        if !on_again.is_empty() {
            self.off.retain(|home| !on_again.contains(home));
            self.keep_off().await?;
        }
        Ok(())
    }

    /// Writes down which homes are off.
    async fn keep_off(&self) -> anyhow::Result<()> {
        let write = Write::Setting { key: MONITORING_OFF.into(), value: serde_json::to_string(&self.off)? };
        self.ledger.commit(Tx { fence: Some(self.fence), writes: vec![write] }).await.context("writing which homes are not monitored")
    }

    async fn alarms(&mut self) -> anyhow::Result<()> {
        let closed = self.ledger.alarms(Which::Closed, None, ALARMS).await?;
        let ids: BTreeSet<AlarmId> = closed.iter().map(|stored| stored.value.id.clone()).collect();
        self.handled.retain(|id| ids.contains(id));
        for stored in closed {
            self.days.explain(&stored.value.home, stored.value.raised_at);
            if self.handled.contains(&stored.value.id) {
                continue;
            }
            for id in self.office.record_handled(&stored.value).await? {
                info!(visit.id = %id, alarm.id = %stored.value.id, "a handled alarm is a contact");
            }
            self.handled.insert(stored.value.id);
        }
        Ok(())
    }

    async fn warnings(&mut self) -> anyhow::Result<()> {
        let Some(folder) = self.blueprint.warnings.clone() else { return Ok(()) };
        for file in waiting(&folder)? {
            let taken = self.take(&file).await;
            let (into, result) = match &taken {
                Ok(()) => ("done", "taken"),
                Err(error) => {
                    warn!(file = %file.display(), error = format!("{error:#}"), "a warning's file was refused");
                    ("refused", "refused")
                }
            };
            let place = folder.join(into);
            std::fs::create_dir_all(&place).with_context(|| format!("making {}", place.display()))?;
            if let Some(name) = file.file_name() {
                std::fs::rename(&file, place.join(name)).with_context(|| format!("moving {}", file.display()))?;
            }
            info!(file = %file.display(), result, "a warning's file was read");
        }
        Ok(())
    }

    async fn take(&self, file: &Path) -> anyhow::Result<()> {
        if std::fs::metadata(file)?.len() > FILE_BYTES_MAX {
            anyhow::bail!("larger than {FILE_BYTES_MAX} bytes");
        }
        let bytes = std::fs::read(file)?;
        let warnings = console::Warnings::read(&Cap, &bytes).map_err(|(_, en)| anyhow::anyhow!(en))?;
        for warning in &warnings {
            self.office.take_warning(warning, Way::File, "platform").await?;
        }
        Ok(())
    }

    async fn days(&mut self) -> anyhow::Result<()> {
        self.days.read(&self.off).await?;
        for (day, homes) in self.days.over(self.clock.now()) {
            let days: Vec<_> = homes.into_iter().filter(|closed| !self.off.contains(&closed.home)).map(|closed| (closed.home, closed.evidence)).collect();
            let kept = self.office.keep_days(days).await?;
            let visits = self.office.record_remote(day).await?;
            self.days.closed(day).await?;
            if kept > 0 {
                info!(%day, homes = kept, visits = visits.len(), "a day of the homes is closed");
            }
        }
        Ok(())
    }

    /// A new day may make a card run out, or a tier another one.
    async fn files(&mut self) -> anyhow::Result<()> {
        let today = self.office.today();
        if self.settled_on == Some(today) {
            return Ok(());
        }
        let changed = self.office.settle_files().await?;
        self.settled_on = Some(today);
        if changed > 0 {
            info!(%today, elders = changed, "a new day changed elders' files");
        }
        Ok(())
    }

    async fn expire(&mut self) -> anyhow::Result<()> {
        let now = self.clock.now();
        if self.expired_at.is_some_and(|last| now - last < EXPIRE_EVERY) {
            return Ok(());
        }
        self.office.expire(&self.blueprint.retention).await?;
        self.expired_at = Some(now);
        Ok(())
    }
}

/// The files that wait in a folder, by name: half-written ones (`.part`, `.tmp`) wait for their end.
fn waiting(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        if path.is_file() && path.extension().is_some_and(|kind| kind.eq_ignore_ascii_case("xml") || kind.eq_ignore_ascii_case("cap")) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests;
