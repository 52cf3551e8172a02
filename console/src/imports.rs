//! Imports at work: how far each has come, for whoever began it. They live as long as the process: what was written is in the
//! register, and the same file once more is harmless.

use care::PersonId;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use wire::sheet::RowProblem;

/// Imports at work at the same time. Above it: 503.
const AT_ONCE: usize = 2;
/// Imports that are remembered, ended ones among them; the oldest go first.
const KEPT: usize = 50;
/// Mistakes that are remembered of one.
const PROBLEMS: usize = 500;

/// How far an import has come.
#[derive(Debug, Clone, Default)]
pub(crate) struct At {
    /// Rows looked at.
    pub(crate) looked: usize,
    /// Elders written.
    pub(crate) written: usize,
    /// The first mistakes.
    pub(crate) problems: Vec<RowProblem>,
    /// Its end: the batch, or why it stopped, in both languages.
    pub(crate) ended: Option<Result<String, (String, String)>>,
}

/// An import.
#[derive(Debug)]
pub(crate) struct Progress {
    /// Its name.
    pub(crate) id: String,
    /// Who began it.
    pub(crate) by: PersonId,
    /// Rows in all.
    pub(crate) of: usize,
    at: Mutex<At>,
}

impl Progress {
    fn change(&self, change: impl FnOnce(&mut At)) {
        change(&mut self.at.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Another row is looked at.
    pub(crate) fn look(&self) {
        self.change(|at| at.looked += 1);
    }

    /// So many elders more are written.
    pub(crate) fn wrote(&self, n: usize) {
        self.change(|at| at.written += n);
    }

    /// A mistake.
    pub(crate) fn wrong(&self, wrong: RowProblem) {
        self.change(|at| {
            if at.problems.len() < PROBLEMS {
                at.problems.push(wrong);
            }
        });
    }

    /// It is over.
    pub(crate) fn end(&self, how: Result<String, (String, String)>) {
        self.change(|at| at.ended = Some(how));
    }

    /// How far it is.
    pub(crate) fn now(&self) -> At {
        self.at.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Imports(Mutex<VecDeque<Arc<Progress>>>);

impl Imports {
    /// Begins one; none if too many are at work.
    pub(crate) fn begin(&self, by: &PersonId, of: usize) -> Option<Arc<Progress>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.iter().filter(|one| one.now().ended.is_none()).count() >= AT_ONCE {
            return None;
        }
        while all.len() >= KEPT {
            all.pop_front();
        }
        let progress = Arc::new(Progress { id: format!("{:032x}", rand::random::<u128>()), by: by.clone(), of, at: Mutex::default() });
        all.push_back(Arc::clone(&progress));
        Some(progress)
    }

    /// The one of that name.
    pub(crate) fn of(&self, id: &str) -> Option<Arc<Progress>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().find(|one| one.id == id).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_two_are_at_work_and_old_ones_are_forgotten() {
        let imports = Imports::default();
        let by = PersonId::from("guide");
        let first = imports.begin(&by, 3).unwrap();
        imports.begin(&by, 3).unwrap();
        assert!(imports.begin(&by, 3).is_none());
        first.look();
        first.wrote(1);
        first.end(Ok("batch".into()));
        assert_eq!(imports.of(&first.id).unwrap().now().written, 1);
        for _ in 0..KEPT {
            imports.begin(&by, 1).unwrap().end(Ok(String::new()));
        }
        assert!(imports.of(&first.id).is_none());
    }
}
