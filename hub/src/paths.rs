//! Which way to the platform, pure: the paths in their order, over to the next at once when one fails, and back to a
//! better one once it has answered twice. Times are milliseconds of this life.
//!
//! ```text
//!  try 0 ──fails──▶ try 1 ──fails──▶ pause (1 s, doubling to 30 s) ──▶ try 0 …
//!                     │ connected
//!                     ▼ every minute: does 0 answer?  twice in a row ──▶ change over ──fails──▶ back to 1, ask half as often
//! ```

/// The first pause after all paths have failed, milliseconds.
const PAUSE_MS: (i64, i64) = (1_000, 30_000);
/// How often a better path is asked, milliseconds; doubled each time that changing over to it fails.
const ASK_MS: (i64, i64) = (60_000, 15 * 60_000);
/// A connection that lasted less than this was none worth trying again at once, milliseconds.
const LASTED_MS: i64 = 5_000;
/// Answers in a row before a change.
const ANSWERS: u32 = 2;

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Connect on this path.
    Connect(usize),
    /// Nothing before this time.
    Wait(i64),
}

/// The choice of the path.
#[derive(Debug, Clone)]
pub struct Paths {
    count: usize,
    next: usize,
    not_before: i64,
    pause: i64,
    /// The path that is connected, and since when.
    on: Option<usize>,
    since: i64,
    ask_at: i64,
    ask_every: i64,
    answers: u32,
    /// The path that a change over is being tried to.
    changing: Option<usize>,
    fixed: Option<usize>,
}

impl Paths {
    /// For so many paths, the preferred one first.
    pub fn new(count: usize) -> Self {
        Self {
            count: count.max(1),
            next: 0,
            not_before: 0,
            pause: PAUSE_MS.0,
            on: None,
            since: 0,
            ask_at: 0,
            ask_every: ASK_MS.0,
            answers: 0,
            changing: None,
            fixed: None,
        }
    }

    /// Only this path, or (with `None`) the order again.
    pub fn fix(&mut self, path: Option<usize>) {
        self.fixed = path.filter(|path| *path < self.count);
        if let Some(path) = self.fixed {
            self.next = path;
        }
    }

    /// True if the path that is connected is not one that may be used now.
    pub fn must_leave(&self) -> bool {
        matches!((self.on, self.fixed), (Some(on), Some(fixed)) if on != fixed)
    }

    /// The path that is connected.
    pub fn on(&self) -> Option<usize> {
        self.on
    }

    /// What to do while nothing is connected.
    pub fn step(&self, now: i64) -> Step {
        if now < self.not_before {
            Step::Wait(self.not_before)
        } else {
            Step::Connect(self.next)
        }
    }

    /// A path is connected.
    pub fn connected(&mut self, path: usize, now: i64) {
        self.on = Some(path);
        self.since = now;
        self.pause = PAUSE_MS.0;
        self.answers = 0;
        if self.changing.take() == Some(path) || path == 0 {
            self.ask_every = ASK_MS.0;
        }
        self.ask_at = now.saturating_add(self.ask_every);
    }

    /// A path could not be connected, or its connection ended.
    pub fn failed(&mut self, path: usize, now: i64) {
        let lasted = self.on.take() == Some(path) && now.saturating_sub(self.since) >= LASTED_MS;
        if self.changing.take() == Some(path) {
            self.ask_every = (self.ask_every * 2).min(ASK_MS.1);
        }
        self.answers = 0;
        self.next = match self.fixed {
            Some(fixed) => fixed,
            None => (path + 1) % self.count,
        };
        let all_tried = self.fixed.is_some() || self.next == 0;
        if all_tried && !(lasted && self.count == 1) {
            self.not_before = now.saturating_add(self.pause);
            self.pause = (self.pause * 2).min(PAUSE_MS.1);
        }
    }

    /// A better path that should be asked now whether it answers.
    pub fn ask(&self, now: i64) -> Option<usize> {
        let on = self.on.filter(|_| self.fixed.is_none())?;
        (on > 0 && now >= self.ask_at).then_some(0)
    }

    /// When a better path is to be asked.
    pub fn ask_at(&self) -> Option<i64> {
        self.on
            .filter(|on| *on > 0 && self.fixed.is_none())
            .map(|_| self.ask_at)
    }

    /// A better path was asked. True if the connection is to change over to it now.
    pub fn answered(&mut self, path: usize, answered: Answer, now: i64) -> bool {
        self.ask_at = now.saturating_add(self.ask_every);
        self.answers = match answered {
            Answer::Yes => self.answers + 1,
            Answer::No => 0,
        };
        if self.answers < ANSWERS || self.on.is_none_or(|on| on <= path) {
            return false;
        }
        self.on = None;
        self.answers = 0;
        self.changing = Some(path);
        self.next = path;
        self.not_before = now;
        true
    }
}

/// Whether a path answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It did.
    Yes,
    /// It did not.
    No,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_wire_is_left_at_once_and_taken_again_when_it_has_answered_twice() {
        let mut paths = Paths::new(2);
        assert_eq!(paths.step(0), Step::Connect(0));
        paths.connected(0, 0);
        assert_eq!(paths.ask_at(), None);
        paths.failed(0, 1_000);
        assert_eq!(
            paths.step(1_000),
            Step::Connect(1),
            "no pause before the other way"
        );
        paths.connected(1, 2_000);
        assert_eq!((paths.ask(61_999), paths.ask(62_000)), (None, Some(0)));
        assert!(!paths.answered(0, Answer::Yes, 62_000));
        assert!(
            !paths.answered(0, Answer::No, 122_000),
            "an answer in between does not count"
        );
        assert!(!paths.answered(0, Answer::Yes, 182_000));
        assert!(paths.answered(0, Answer::Yes, 242_000));
        assert_eq!(paths.step(242_000), Step::Connect(0));
        paths.connected(0, 243_000);
        assert_eq!(paths.on(), Some(0));
    }

    #[test]
    fn a_wire_that_answers_and_does_not_carry_is_asked_less_and_less() {
        let mut paths = Paths::new(2);
        paths.failed(0, 0);
        paths.connected(1, 0);
        let mut now = 0;
        let mut gaps = Vec::new();
        for _ in 0..6 {
            let from = now;
            loop {
                now = paths.ask_at().unwrap();
                if paths.answered(0, Answer::Yes, now) {
                    break;
                }
            }
            gaps.push(now - from);
            paths.failed(0, now);
            assert_eq!(paths.step(now), Step::Connect(1));
            paths.connected(1, now);
        }
        assert_eq!(
            gaps,
            [120_000, 240_000, 480_000, 960_000, 1_800_000, 1_800_000]
        );
    }

    #[test]
    fn when_all_fail_the_pause_doubles_up_to_its_limit_and_starts_small_again() {
        let mut paths = Paths::new(2);
        let mut now = 0;
        let mut pauses = Vec::new();
        for _ in 0..7 {
            paths.failed(0, now);
            paths.failed(1, now);
            let Step::Wait(until) = paths.step(now) else {
                panic!("no pause")
            };
            pauses.push(until - now);
            now = until;
        }
        assert_eq!(pauses, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        paths.connected(0, now);
        paths.failed(0, now);
        paths.failed(1, now);
        assert_eq!(paths.step(now), Step::Wait(now + 1_000));
    }

    #[test]
    fn a_single_path_that_carried_for_a_while_is_tried_again_at_once_and_one_that_did_not_is_not() {
        let mut paths = Paths::new(1);
        paths.connected(0, 0);
        paths.failed(0, 10_000);
        assert_eq!(paths.step(10_000), Step::Connect(0));
        paths.failed(0, 10_000);
        assert_eq!(paths.step(10_000), Step::Wait(11_000));
        paths.connected(0, 11_000);
        paths.failed(0, 11_100);
        assert_eq!(paths.step(11_100), Step::Wait(12_100), "refused right after it was let in: no storm");
    }

    #[test]
    fn a_fixed_path_is_the_only_one() {
        let mut paths = Paths::new(2);
        paths.connected(0, 0);
        paths.fix(Some(1));
        assert!(paths.must_leave());
        paths.failed(0, 5);
        assert_eq!(paths.step(5_000), Step::Connect(1));
        paths.connected(1, 10);
        assert!(!paths.must_leave());
        assert_eq!(paths.ask_at(), None);
        paths.fix(None);
        assert!(paths.ask_at().is_some());
    }
}
