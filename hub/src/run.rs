//! Puts a hub together and lets it run.

use crate::disk::{Disk, Folder};
use crate::heard::Standing;
use crate::intake::Intake;
use crate::local::Local;
use crate::settings::Settings;
use crate::spool::{Count, Spool};
use crate::uplink::{State, Uplink};
use crate::writer::{Clocks, LESSONS, Writer};
use care::{TimeDelta, Timestamp};
use gateway::{
    BridgeError, BridgeHandle, Door, DoorError, DoorHandle, DoorSettings, Limits, ListedKeys,
};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Why a hub cannot run.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// Its folder cannot be used.
    #[error("opening the spool")]
    Spool(#[source] io::Error),
    /// Its door cannot be opened.
    #[error("opening the door of the home")]
    Door(#[source] DoorError),
    /// Its broker's settings cannot be used.
    #[error("preparing the way to the home's broker")]
    Broker(#[source] BridgeError),
}

/// The hub's time for its door: the wall clock, put right by the platform once it has told its time.
struct DoorClock {
    writer: Writer,
}

impl store::Clock for DoorClock {
    fn now(&self) -> Timestamp {
        self.writer.now()
    }

    fn sleep_until<'a>(&'a self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        let left = (at - self.now()).to_std().unwrap_or_default();
        Box::pin(tokio::time::sleep(
            left.min(TimeDelta::hours(1).to_std().unwrap_or_default()),
        ))
    }
}

/// A hub at work.
pub struct Hub {
    writer: Writer,
    door: Option<DoorHandle>,
    broker: Option<BridgeHandle>,
    stop: watch::Sender<bool>,
    state: watch::Receiver<State>,
    uplink: JoinHandle<()>,
    teller: JoinHandle<()>,
}

impl Hub {
    /// Opens the spool, then the ways in, then the way out. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// What could not be opened.
    pub async fn start(settings: Settings, wall: fn() -> Timestamp) -> Result<Self, HubError> {
        let clocks = Clocks::start(wall);
        let disk: Box<dyn Disk> =
            Box::new(Folder::open(&settings.folder).map_err(HubError::Spool)?);
        let spool =
            Spool::open(disk, settings.room, wall().timestamp_millis()).map_err(HubError::Spool)?;
        let found = spool.count();
        tracing::info!(
            red = found.red,
            routine = found.routine,
            torn_bytes = found.torn_bytes,
            damaged = found.damaged,
            "the spool is open"
        );
        let learned = spool
            .kept(LESSONS)
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        let mut intake = Intake::new(
            settings.home.clone(),
            settings.name.clone(),
            spool.lives().mark(),
            learned,
        );
        for (device, kind, exit_door) in &settings.declared {
            intake.declare(device, kind, *exit_door);
        }
        let writer = Writer::start(spool, intake, clocks).map_err(HubError::Spool)?;
        let (log, lanes) = (Arc::new(writer.clone()), Arc::new(writer.clone()));
        let clock = Arc::new(DoorClock {
            writer: writer.clone(),
        });
        let door = match settings.door {
            None => None,
            Some(door) => {
                let keys = Arc::new(ListedKeys::new(door.credentials));
                // A home has tens of devices, not thousands.
                let limits = Limits {
                    connections: 256,
                    connects_per_second: 50,
                    sessions: 256,
                    retained: 2_000,
                    retained_bytes: 4 << 20,
                    queued_bytes: 4 << 20,
                    partial_bytes: 2 << 20,
                    ..Limits::default()
                };
                let door = DoorSettings {
                    listeners: vec![door.listener],
                    limits,
                };
                Some(
                    Door::open(door, log.clone(), keys, clock.clone(), lanes.clone())
                        .await
                        .map_err(HubError::Door)?,
                )
            }
        };
        let broker = settings
            .broker
            .map(|broker| BridgeHandle::start(broker, log, clock, lanes))
            .transpose()
            .map_err(HubError::Broker)?;
        let unheard_after = settings.unheard.after;
        let local = Arc::new(Local {
            home: settings.home.clone(),
            name: settings.name.clone(),
            door: door.clone(),
            broker: broker.clone(),
            unheard: settings.unheard,
        });
        let (stop, stopped) = watch::channel(false);
        let (tell, told) = watch::channel(None);
        let (state_to, state) = watch::channel(State {
            path: None,
            standing: None,
            red: found.red,
            routine: found.routine,
        });
        let uplink = Uplink {
            home: settings.home,
            name: settings.name,
            ways: settings.paths,
            login: settings.login,
            heartbeat: settings.heartbeat,
            unheard_after,
            writer: writer.clone(),
            local: Arc::clone(&local),
            tell,
            state: state_to,
        };
        let teller = tokio::spawn(tell_the_home(local, told));
        let uplink = tokio::spawn(uplink.run(stopped));
        Ok(Self {
            writer,
            door,
            broker,
            stop,
            state,
            uplink,
            teller,
        })
    }

    /// Where its door listens.
    pub fn door(&self) -> Option<SocketAddr> {
        self.door
            .as_ref()
            .and_then(|door| door.local_addrs().first().copied())
    }

    /// How it is, now and later.
    pub fn state(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// What the spool counts.
    pub fn count(&self) -> Count {
        self.writer.spool().count()
    }

    /// The spool as an event log: what is submitted is answered when it survives a power cut.
    pub fn log(&self) -> impl store::EventLog + use<> {
        self.writer.clone()
    }

    /// Ends: the ways in first, then the way out, then the spool. What was acknowledged is on the disk already.
    pub async fn stop(self) {
        if let Some(door) = self.door {
            door.shutdown().await;
        }
        if let Some(broker) = self.broker {
            broker.shutdown().await;
        }
        let _gone = self.stop.send(true);
        let _ended = tokio::time::timeout(Duration::from_secs(5), self.uplink).await;
        self.teller.abort();
        let writer = self.writer;
        let _closed = tokio::task::spawn_blocking(move || writer.close()).await;
    }
}

/// Tells the home how things stand; what has changed again meanwhile is told once.
async fn tell_the_home(local: Arc<Local>, mut told: watch::Receiver<Option<(Standing, u64)>>) {
    while told.changed().await.is_ok() {
        let news = *told.borrow_and_update();
        if let Some((standing, calls)) = news {
            local.tell(standing, calls).await;
        }
    }
}
