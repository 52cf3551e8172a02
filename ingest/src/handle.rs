//! Questions to a running worker: what a home looks like now.

use care::home::{RoutineView, View};
use care::{DeviceId, HomeId, Lane, Timestamp};
use store::Offset;
use tokio::sync::{mpsc, oneshot};

/// A question or a word to a worker.
#[derive(Debug)]
pub enum Request {
    /// How a home looks.
    View(HomeId, oneshot::Sender<Option<View>>),
    /// The homes that have not been heard since an outage of ours and have not fired either (SIL-2).
    OutageWorklist(oneshot::Sender<Vec<View>>),
    /// What was learned of a home.
    Routine(HomeId, oneshot::Sender<Option<RoutineView>>),
    /// Where the last messages of a device stand in the log.
    Recent(HomeId, DeviceId, oneshot::Sender<Vec<(Lane, Offset)>>),
    /// How many homes, and the place up to which everything has been read.
    Lag(oneshot::Sender<Lag>),
}

/// How far a worker is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lag {
    /// Homes in memory.
    pub homes: usize,
    /// Records of the red lane not decided yet.
    pub red: u64,
    /// Records of the routine lane not decided yet.
    pub routine: u64,
    /// When the last record that was read had reached us.
    pub last_heard_at: Option<Timestamp>,
}

/// The way to a worker. Cheap to clone; answers `None` once the worker is gone.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(crate) requests: mpsc::Sender<Request>,
}

impl Handle {
    async fn ask<T>(&self, make: impl FnOnce(oneshot::Sender<T>) -> Request) -> Option<T> {
        let (tell, told) = oneshot::channel();
        self.requests.send(make(tell)).await.ok()?;
        told.await.ok()
    }

    /// How a home looks now; `None` if nothing was ever heard of it.
    pub async fn view(&self, home: &HomeId) -> Option<View> {
        self.ask(|tell| Request::View(home.clone(), tell)).await.flatten()
    }

    /// The homes in the outage worklist.
    pub async fn outage_worklist(&self) -> Vec<View> {
        self.ask(Request::OutageWorklist).await.unwrap_or_default()
    }

    /// What was learned of a home; `None` if nothing was ever heard of it.
    pub async fn routine(&self, home: &HomeId) -> Option<RoutineView> {
        self.ask(|tell| Request::Routine(home.clone(), tell)).await.flatten()
    }

    /// Where the last messages of a device stand in the log, newest first.
    pub async fn recent(&self, home: &HomeId, device: &DeviceId) -> Vec<(Lane, Offset)> {
        self.ask(|tell| Request::Recent(home.clone(), device.clone(), tell)).await.unwrap_or_default()
    }

    /// How far the worker is behind.
    pub async fn lag(&self) -> Option<Lag> {
        self.ask(Request::Lag).await
    }
}
