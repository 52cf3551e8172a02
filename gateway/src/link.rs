//! What others may do to a connection: wake it, ask it to close, and tell it that a message is durable.
//!
//! The gate keeps one slot for each message handed to the event log, in the order of arrival. Commits may come
//! back in any order (red ones first); the connection takes them from the front only, so that
//! acknowledgements go out in the order of the PUBLISHes (MQTT-4.6.0-2).

use crate::codec::Fault;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use store::LogError;
use tokio::sync::Notify;

/// How a commit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Stored,
    Refused(Fault),
}

#[derive(Debug, Default)]
struct Gate {
    base: u64,
    slots: VecDeque<Option<Verdict>>,
}

/// A connection as others see it.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) id: u64,
    /// The credential's name.
    pub(crate) name: Arc<str>,
    wake: Notify,
    close: AtomicU8,
    gate: Mutex<Gate>,
}

/// The right to settle one slot of a gate, once. Dropped unused, it settles as refused: what is never answered
/// is never acknowledged, and nobody waits for it for ever.
pub(crate) struct Slot {
    link: Arc<Link>,
    ordinal: u64,
    settled: bool,
}

impl Link {
    pub(crate) fn new(id: u64, name: Arc<str>) -> Arc<Self> {
        Arc::new(Self { id, name, wake: Notify::new(), close: AtomicU8::new(0), gate: Mutex::default() })
    }

    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Asks the connection to close; the first reason stands.
    pub(crate) fn close(&self, fault: Fault) {
        let _first_stands = self.close.compare_exchange(0, fault.0, Ordering::AcqRel, Ordering::Acquire);
        self.wake();
    }

    pub(crate) fn closing(&self) -> Option<Fault> {
        match self.close.load(Ordering::Acquire) {
            0 => None,
            code => Some(Fault(code)),
        }
    }

    /// A slot behind all others.
    pub(crate) fn slot(self: &Arc<Self>) -> Slot {
        let mut gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        let ordinal = gate.base + u64::try_from(gate.slots.len()).unwrap_or(u64::MAX);
        gate.slots.push_back(None);
        Slot { link: Arc::clone(self), ordinal, settled: false }
    }

    /// Takes the verdicts that stand at the front, up to the first that is still open.
    pub(crate) fn take(&self, verdicts: &mut VecDeque<Verdict>) {
        let mut gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(Some(verdict)) = gate.slots.front().copied() {
            gate.slots.pop_front();
            gate.base += 1;
            verdicts.push_back(verdict);
        }
        if gate.slots.is_empty() && gate.slots.capacity() > 64 {
            gate.slots = VecDeque::new();
        }
    }

    fn settle(&self, ordinal: u64, verdict: Verdict) {
        let mut gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        let at = usize::try_from(ordinal.saturating_sub(gate.base)).unwrap_or(usize::MAX);
        if let Some(slot) = gate.slots.get_mut(at) {
            *slot = Some(verdict);
        }
        drop(gate);
        if at == 0 {
            self.wake();
        }
    }
}

impl Slot {
    /// Tells the connection how its message fared.
    pub(crate) fn settle(mut self, result: Result<(), LogError>) {
        let verdict = match result {
            Ok(()) => Verdict::Stored,
            Err(LogError::Busy | LogError::DiskFull) => Verdict::Refused(Fault::QUOTA),
            Err(LogError::TooLarge) => Verdict::Refused(Fault::TOO_LARGE),
            Err(LogError::Failed(_) | LogError::Closed) => Verdict::Refused(Fault::IMPLEMENTATION),
        };
        self.settled = true;
        self.link.settle(self.ordinal, verdict);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if !self.settled {
            self.link.settle(self.ordinal, Verdict::Refused(Fault::IMPLEMENTATION));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_taken_in_the_order_of_arrival_however_they_come() {
        let link = Link::new(1, "x".into());
        let (first, second, third) = (link.slot(), link.slot(), link.slot());
        let mut taken = VecDeque::new();
        second.settle(Ok(()));
        link.take(&mut taken);
        assert!(taken.is_empty());
        first.settle(Ok(()));
        link.take(&mut taken);
        assert_eq!(taken.len(), 2);
        drop(third);
        link.take(&mut taken);
        assert_eq!(taken.back(), Some(&Verdict::Refused(Fault::IMPLEMENTATION)));
    }
}
