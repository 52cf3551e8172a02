//! What is under way to the platform, pure: two windows, so that a call never waits behind telemetry, and the place
//! up to which everything has been acknowledged.
//!
//! ```text
//!  spool ──read after `sent`──▶ under way ──PUBACK──▶ done up to the first gap ──▶ spool lets go
//!                ▲                  │ connection lost: everything after `done` is under way no more
//!                └──────────────────┘
//! ```

use care::Lane;
use std::collections::BTreeMap;

/// Records under way at the same time: red, and the rest.
pub const WINDOW: (usize, usize) = (16, 32);

#[derive(Debug, Clone, Default)]
struct Track {
    /// Everything up to here is with the platform.
    done: u64,
    /// Everything up to here has been handed over on this connection.
    sent: u64,
    /// Handed over after `done`: since when (milliseconds), and whether it is acknowledged.
    under_way: BTreeMap<u64, (i64, Acked)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Acked {
    No,
    Yes,
}

/// The state of forwarding.
#[derive(Debug, Clone, Default)]
pub struct Forward {
    red: Track,
    routine: Track,
}

impl Forward {
    /// Begins where the spool says that each lane is done.
    pub fn new(red_done: u64, routine_done: u64) -> Self {
        let track = |done| Track {
            done,
            sent: done,
            under_way: BTreeMap::new(),
        };
        Self {
            red: track(red_done),
            routine: track(routine_done),
        }
    }

    fn track(&mut self, lane: Lane) -> &mut Track {
        match lane {
            Lane::Red => &mut self.red,
            Lane::Routine => &mut self.routine,
        }
    }

    /// A connection began or ended: nothing is under way any more.
    pub fn start_over(&mut self) {
        for track in [&mut self.red, &mut self.routine] {
            track.under_way.clear();
            track.sent = track.done;
        }
    }

    /// What to read from the spool: after which record, and how many at most. `None` if the lane's window is full.
    pub fn wants(&self, lane: Lane) -> Option<(u64, usize)> {
        let (track, window) = match lane {
            Lane::Red => (&self.red, WINDOW.0),
            Lane::Routine => (&self.routine, WINDOW.1),
        };
        let open = track
            .under_way
            .values()
            .filter(|(_, acked)| *acked == Acked::No)
            .count();
        // What was acknowledged behind a gap is held, too: the gap must close first.
        let room = window
            .saturating_sub(open)
            .min((4 * window).saturating_sub(track.under_way.len()));
        (room > 0).then_some((track.sent, room))
    }

    /// A record was handed to the connection at `now_ms`.
    pub fn handed(&mut self, lane: Lane, seq: u64, now_ms: i64) {
        let track = self.track(lane);
        track.sent = track.sent.max(seq);
        track.under_way.insert(seq, (now_ms, Acked::No));
    }

    /// The platform has a record. Up to where the lane is done now, if that has moved.
    pub fn acked(&mut self, lane: Lane, seq: u64) -> Option<u64> {
        let track = self.track(lane);
        // A PUBACK of a connection that is over comes for something that is not under way.
        let (_, acked) = track.under_way.get_mut(&seq)?;
        *acked = Acked::Yes;
        let before = track.done;
        while let Some(first) = track
            .under_way
            .first_entry()
            .filter(|entry| entry.get().1 == Acked::Yes)
        {
            track.done = track.done.max(*first.key());
            first.remove();
        }
        (track.done > before).then_some(track.done)
    }

    /// Since when the oldest record that is not acknowledged has been under way, in milliseconds.
    pub fn oldest_ms(&self) -> Option<i64> {
        let all = self
            .red
            .under_way
            .values()
            .chain(self.routine.under_way.values());
        all.filter(|(_, acked)| *acked == Acked::No)
            .map(|(at, _)| *at)
            .min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spool_lets_go_only_up_to_the_first_gap() {
        let mut forward = Forward::new(0, 0);
        for seq in 1..=3 {
            forward.handed(Lane::Routine, seq, 10 + i64::try_from(seq).unwrap());
        }
        assert_eq!(forward.acked(Lane::Routine, 2), None);
        assert_eq!(forward.oldest_ms(), Some(11));
        assert_eq!(forward.acked(Lane::Routine, 1), Some(2));
        assert_eq!(forward.acked(Lane::Routine, 1), None);
        assert_eq!(forward.acked(Lane::Routine, 3), Some(3));
        assert_eq!(forward.oldest_ms(), None);
    }

    #[test]
    fn a_full_window_of_telemetry_leaves_the_red_one_open() {
        let mut forward = Forward::new(0, 0);
        while let Some((after, _)) = forward.wants(Lane::Routine) {
            forward.handed(Lane::Routine, after + 1, 0);
        }
        assert_eq!(forward.wants(Lane::Red), Some((0, WINDOW.0)));
    }

    #[test]
    fn after_a_broken_connection_everything_unacknowledged_is_sent_again() {
        let mut forward = Forward::new(5, 0);
        forward.handed(Lane::Red, 6, 0);
        forward.handed(Lane::Red, 7, 0);
        forward.acked(Lane::Red, 7);
        forward.start_over();
        assert_eq!(forward.wants(Lane::Red), Some((5, WINDOW.0)));
        assert_eq!(
            forward.acked(Lane::Red, 6),
            None,
            "an acknowledgement of the old connection counts for nothing"
        );
    }

    #[test]
    fn a_gap_that_does_not_close_stops_the_window() {
        let mut forward = Forward::new(0, 0);
        forward.handed(Lane::Red, 1, 0);
        let mut seq = 1;
        while let Some((after, _)) = forward.wants(Lane::Red) {
            seq = after + 1;
            forward.handed(Lane::Red, seq, 0);
            forward.acked(Lane::Red, seq);
        }
        assert_eq!(seq, 4 * u64::try_from(WINDOW.0).unwrap());
    }
}
