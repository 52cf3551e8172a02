//! What the workers must know of the register: who lives in a home and which devices belong there.

use async_trait::async_trait;
use care::{DeviceId, ElderId, HomeId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use store::ledger::LedgerError;
use store::register::DeviceRecord;
use store::Register;

/// The facts that a worker asks for.
#[async_trait]
pub trait Book: Send + Sync {
    /// The elders of a home (none if the home is not registered).
    async fn elders(&self, home: &HomeId) -> Result<Vec<ElderId>, LedgerError>;

    /// False if the home has registered devices and this is none of them.
    async fn knows(&self, home: &HomeId, device: &DeviceId) -> Result<bool, LedgerError>;

    /// What the registered devices of a home were declared to be; `None` takes an earlier declaration back.
    async fn roles(&self, _home: &HomeId) -> Result<Vec<(DeviceId, Option<wire::Role>)>, LedgerError> {
        Ok(Vec::new())
    }

    /// True for homes of drills and canaries, whose alarms never reach real contacts (ALM-8).
    fn is_test(&self, home: &HomeId) -> bool;
}

/// The register, with a small memory of the devices of homes that were asked for.
pub struct RegisterBook {
    register: Arc<dyn Register>,
    test_homes: BTreeSet<HomeId>,
    devices: Mutex<BTreeMap<HomeId, BTreeSet<DeviceId>>>,
}

/// Homes whose devices are remembered; when more are asked for, the memory starts anew (LIM-1).
const REMEMBERED_MAX: usize = 20_000;

impl RegisterBook {
    /// A book over a register. `test_homes` are drills and canaries.
    pub fn new(register: Arc<dyn Register>, test_homes: BTreeSet<HomeId>) -> Self {
        Self { register, test_homes, devices: Mutex::default() }
    }

    /// Forgets what it remembers of a home: its devices have changed.
    pub fn forget(&self, home: &HomeId) {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner).remove(home);
    }

    /// Remembers which devices belong to a home, and gives them back.
    fn remember(&self, home: &HomeId, devices: &[DeviceRecord]) -> BTreeSet<DeviceId> {
        let devices: BTreeSet<DeviceId> = devices.iter().filter(|d| d.retired_at.is_none()).map(|d| d.id.clone()).collect();
        let mut memory = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.len() >= REMEMBERED_MAX {
            memory.clear();
        }
        memory.insert(home.clone(), devices.clone());
        devices
    }
}

/// What a home's devices were declared to be; a retired one is nothing any more.
pub fn declared(devices: Vec<DeviceRecord>) -> Vec<(DeviceId, Option<wire::Role>)> {
    let role = |d: &DeviceRecord| wire::Role::registered(&d.kind, d.exit_door).filter(|_| d.retired_at.is_none());
    devices.into_iter().map(|d| (d.id.clone(), role(&d))).collect()
}

#[async_trait]
impl Book for RegisterBook {
    async fn elders(&self, home: &HomeId) -> Result<Vec<ElderId>, LedgerError> {
        self.register.elder_ids_of(home).await
    }

    async fn knows(&self, home: &HomeId, device: &DeviceId) -> Result<bool, LedgerError> {
        let known = |devices: &BTreeSet<DeviceId>| devices.is_empty() || devices.contains(device);
        if let Some(devices) = self.devices.lock().unwrap_or_else(PoisonError::into_inner).get(home) {
            return Ok(known(devices));
        }
        Ok(known(&self.remember(home, &self.register.devices_of(home).await?)))
    }

    async fn roles(&self, home: &HomeId) -> Result<Vec<(DeviceId, Option<wire::Role>)>, LedgerError> {
        let devices = self.register.devices_of(home).await?;
        self.remember(home, &devices);
        Ok(declared(devices))
    }

    fn is_test(&self, home: &HomeId) -> bool {
        self.test_homes.contains(home)
    }
}
