//! The audit as it is asked for: by who, what, to whom and when; what was read alone; and whether the chain is whole.

use crate::app::App;
use crate::problem::Problem;
use store::register::{AuditAsk, AuditLine};

/// Actions by which somebody saw what is masked or sealed: the read log.
pub(crate) const READS: &[&str] = &["elder.reveal", "contact.reveal", "elder.read", "elder.copy", "elder.print", "elder.family", "elder.export", "visit.print"];

/// Lines, newest first, at most `max`, and the place to go on from.
pub(crate) async fn latest(app: &App, ask: &AuditAsk, max: usize) -> Result<(Vec<AuditLine>, Option<u64>), Problem> {
    let lines = app.parts.register.audit_latest(ask, max).await?;
    let next = if lines.len() == max { lines.last().map(|line| line.seq) } else { None };
    Ok((lines, next))
}

/// The actions that a word stands for: `reads` for all of [`READS`], else those that start with it.
pub(crate) fn actions(word: &str) -> Vec<String> {
    match word {
        "" => Vec::new(),
        "reads" => READS.iter().map(|action| (*action).to_owned()).collect(),
        start => vec![start.to_owned()],
    }
}

/// Lines that are looked at in one go, and at most for one answer.
const SCAN: usize = 1_000;
const SCANS_MAX: usize = 100;

/// Lines after `after`, oldest first, at most `max`, and the place to go on from. A filter that fits seldom may give a
/// short page with more behind it.
pub(crate) async fn oldest(app: &App, ask: &AuditAsk, mut after: u64, max: usize) -> Result<(Vec<AuditLine>, Option<u64>), Problem> {
    let mut found = Vec::new();
    for _ in 0..SCANS_MAX {
        let lines = app.parts.register.audit(after, SCAN).await?;
        let end = lines.len() < SCAN;
        for line in lines {
            after = line.seq;
            if ask.wants(&line) {
                found.push(line);
            }
            if found.len() == max {
                return Ok((found, Some(after)));
            }
        }
        if end {
            return Ok((found, None));
        }
    }
    Ok((found, Some(after)))
}
