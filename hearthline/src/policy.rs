//! `hearthline policy`: check, show, compare, try and evaluate policy files. Reads files, prints answers;
//! every rule is in `care`. Exit status: 0 done, 1 refused with reasons, 2 wrong usage.

use care::Language;
use care::calendar::Month;
use care::policy::{self, Policy, PolicySet, Problem};
use care::visit::answer::Answer;
use care::visit::report::MonthReport;
use care::visit::trial::{Moved, moved, standing};
use care::visit::{Facts, FactsRead, evaluate};
use chrono::NaiveDate;
use clap::{Subcommand, ValueEnum};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The visit policy: check, show, diff, try, evaluate, report.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    /// The language of what is printed.
    #[arg(long, global = true, value_enum, default_value_t = Words::Zh)]
    language: Words,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Words {
    /// Chinese.
    Zh,
    /// English.
    En,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check policy files; those of the same id are checked as versions of one policy.
    Check {
        /// The files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The text of the document: every quoted basis has to stand in it.
        #[arg(long)]
        document: Option<PathBuf>,
        /// The last closed month (2026-10): a version that begins in or before it is refused.
        #[arg(long)]
        closed: Option<Month>,
        /// Let a version judge closed months again; the old results stay beside the new.
        #[arg(long)]
        restate: bool,
    },
    /// Show a policy in plain words.
    Show {
        /// The file.
        file: PathBuf,
    },
    /// Show what changes from one policy file to another.
    Diff {
        /// The file now.
        from: PathBuf,
        /// The file to be.
        to: PathBuf,
    },
    /// Judge a month by a policy that is not in force, and show who changes state.
    Try {
        /// The file to be tried.
        file: PathBuf,
        /// The month (2026-11).
        #[arg(long)]
        month: Month,
        /// The facts, as for `evaluate`.
        #[arg(long)]
        facts: PathBuf,
        /// The file in force now; without it, the outcome is shown and not compared.
        #[arg(long)]
        current: Option<PathBuf>,
    },
    /// The report of a month: home visits, reached, remote only, cover; by area, with the names of the missing.
    Report {
        /// The policy files, then the facts.
        #[arg(required = true, num_args = 2.., value_names = ["POLICY.toml", "FACTS.json"])]
        files: Vec<PathBuf>,
        /// The month (2026-11).
        #[arg(long)]
        month: Month,
        /// The day at whose end the facts are known, if the facts do not say it themselves.
        #[arg(long)]
        as_of: Option<NaiveDate>,
        /// As JSON, with its seal.
        #[arg(long)]
        json: bool,
    },
    /// Evaluate facts by a policy (one file, or several versions of it): what is owed, what was done, why. JSON.
    Evaluate {
        /// The policy files, then the facts.
        #[arg(required = true, num_args = 2.., value_names = ["POLICY.toml", "FACTS.json"])]
        files: Vec<PathBuf>,
        /// The day at whose end the facts are known, if the facts do not say it themselves.
        #[arg(long)]
        as_of: Option<NaiveDate>,
    },
}

/// Why a command ends without an answer.
enum Stop {
    /// Refused, with reasons.
    Refused(Vec<String>),
    /// Called in a way that cannot work.
    Usage(String),
    /// Whoever read the answer has stopped reading (`| head`).
    NobodyReads,
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::NobodyReads;
        }
        Self::Usage(format!("writing the answer: {error}"))
    }
}

/// Runs the subcommand.
pub fn run(args: Args) -> ExitCode {
    let language = match args.language {
        Words::Zh => Language::Zh,
        Words::En => Language::En,
    };
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let done = run_command(args.command, language, &mut out).and_then(|()| Ok(out.flush()?));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stop::Refused(reasons)) => {
            for reason in reasons {
                eprintln!("{reason}");
            }
            ExitCode::from(1)
        }
        Err(Stop::NobodyReads) => ExitCode::SUCCESS,
        Err(Stop::Usage(reason)) => {
            eprintln!("{reason}");
            ExitCode::from(2)
        }
    }
}

fn run_command(command: Command, language: Language, out: &mut impl Write) -> Result<(), Stop> {
    match command {
        Command::Check { files, document, closed, restate } => {
            check(&files, document.as_deref(), closed.filter(|_| !restate), language, out)
        }
        Command::Show { file } => Ok(write!(out, "{}", policy::show(&load(&file, language)?, language))?),
        Command::Diff { from, to } => diff(&load(&from, language)?, &load(&to, language)?, language, out),
        Command::Try { file, month, facts, current } => {
            let current = current.map(|current| load(&current, language)).transpose()?;
            try_month(load(&file, language)?, current, month, &facts, language, out)
        }
        Command::Report { files, month, as_of, json } => {
            let (set, facts, as_of) = set_and_facts(&files, as_of, language)?;
            let owed = evaluate(&set, &facts, as_of);
            let report = MonthReport::new(&set, &facts, &owed, month, as_of, &BTreeMap::new());
            if json {
                let sealed = serde_json::json!({ "report": report, "seal": report.seal() });
                serde_json::to_writer_pretty(&mut *out, &sealed).map_err(std::io::Error::from)?;
                return Ok(writeln!(out)?);
            }
            Ok(write!(out, "{}", report.show(language))?)
        }
        Command::Evaluate { files, as_of } => {
            let (set, facts, as_of) = set_and_facts(&files, as_of, language)?;
            let owed = evaluate(&set, &facts, as_of);
            let answer = Answer::new(&set, &facts, as_of, &owed, language);
            serde_json::to_writer_pretty(&mut *out, &answer).map_err(std::io::Error::from)?;
            Ok(writeln!(out)?)
        }
    }
}

fn read(path: &Path) -> Result<String, Stop> {
    let bytes = std::fs::read(path).map_err(|error| Stop::Usage(format!("{}: {error}", path.display())))?;
    String::from_utf8(bytes).map_err(|_| Stop::Refused(vec![format!("{}: not UTF-8", path.display())]))
}

fn named(path: &Path, problems: &[Problem], language: Language) -> Vec<String> {
    problems.iter().map(|problem| format!("{}: {}", path.display(), problem.text(language))).collect()
}

fn load(path: &Path, language: Language) -> Result<Policy, Stop> {
    match Policy::load(&read(path)?) {
        Ok(loaded) => Ok(loaded.policy),
        Err(refused) => Err(Stop::Refused(named(path, &refused.problems, language))),
    }
}

/// The policies and the facts of a command line: all files but the last are versions of the policy.
fn set_and_facts(
    files: &[PathBuf],
    as_of: Option<NaiveDate>,
    language: Language,
) -> Result<(PolicySet, Facts, NaiveDate), Stop> {
    let Some((facts, policies)) = files.split_last() else {
        return Err(Stop::Usage("POLICY.toml FACTS.json".to_owned()));
    };
    let set = set_of(policies, language)?;
    let facts = facts_of(facts, &set, language)?;
    let Some(as_of) = as_of.or(facts.as_of) else {
        return Err(Stop::Refused(vec![pick(language, "facts：缺 as_of", "facts: as_of is missing").to_owned()]));
    };
    Ok((set, facts, as_of))
}

fn set_of(files: &[PathBuf], language: Language) -> Result<PolicySet, Stop> {
    let policies: Result<Vec<Policy>, Stop> = files.iter().map(|file| load(file, language)).collect();
    PolicySet::new(policies?).map_err(|problem| Stop::Refused(vec![set_text(&problem, language)]))
}

fn facts_of(path: &Path, set: &PolicySet, language: Language) -> Result<Facts, Stop> {
    let FactsRead { facts, mut notes } = Facts::read(&read(path)?)
        .map_err(|refused| Stop::Refused(named(path, &refused.problems, language)))?;
    notes.extend(facts.notes_for(set));
    for note in named(path, &notes, language) {
        eprintln!("{note}");
    }
    Ok(facts)
}

fn set_text(problem: &policy::SetProblem, language: Language) -> String {
    match language {
        Language::Zh => problem.zh(),
        Language::En => problem.to_string(),
    }
}

fn pick<'a>(language: Language, zh: &'a str, en: &'a str) -> &'a str {
    match language {
        Language::Zh => zh,
        Language::En => en,
    }
}

fn check(
    files: &[PathBuf],
    document: Option<&Path>,
    closed: Option<Month>,
    language: Language,
    out: &mut impl Write,
) -> Result<(), Stop> {
    let document = document.map(read).transpose()?;
    let (mut wrong, mut policies) = (Vec::new(), Vec::new());
    for path in files {
        let loaded = match Policy::load(&read(path)?) {
            Ok(loaded) => loaded,
            Err(refused) => {
                wrong.extend(named(path, &refused.problems, language));
                continue;
            }
        };
        let policy = loaded.policy;
        if let Some(document) = &document {
            for (id, quote) in policy::unreadable_quotes(&policy, document) {
                let words = pick(language, "所引文字不在文件中", "the quoted words do not stand in the document");
                wrong.push(format!("{}: {id}: {words}: {quote}", path.display()));
            }
        }
        if let Some(Err(problem)) = closed.map(|closed| PolicySet::not_before(&policy, closed)) {
            wrong.push(format!("{}: {}", path.display(), set_text(&problem, language)));
        }
        writeln!(
            out,
            "{}: {} {} {} {}",
            path.display(),
            pick(language, "通过", "good"),
            policy.id,
            policy.version,
            policy.hash
        )?;
        for note in loaded.notes {
            writeln!(out, "  {} {}", pick(language, "提示", "note"), note.text(language))?;
        }
        let unconfirmed = policy.unconfirmed().count();
        if unconfirmed > 0 {
            let words = pick(language, "处理解尚未经主管部门确认", "readings that no office has confirmed");
            writeln!(out, "  {} {unconfirmed} {words}", pick(language, "提示", "note"))?;
        }
        policies.push(policy);
    }
    let mut by_id: BTreeMap<String, Vec<Policy>> = BTreeMap::new();
    for policy in policies {
        by_id.entry(policy.id.clone()).or_default().push(policy);
    }
    for versions in by_id.into_values() {
        if let Err(problem) = PolicySet::new(versions) {
            wrong.push(set_text(&problem, language));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(Stop::Refused(wrong)) }
}

fn diff(from: &Policy, to: &Policy, language: Language, out: &mut impl Write) -> Result<(), Stop> {
    let changes = policy::diff(from, to);
    if changes.is_empty() {
        writeln!(out, "{}", pick(language, "规则没有变化", "no rule changes"))?;
    }
    for change in changes {
        writeln!(out, "{}", change.text(language))?;
    }
    Ok(())
}

fn try_month(
    tried: Policy,
    current: Option<Policy>,
    month: Month,
    facts: &Path,
    language: Language,
    out: &mut impl Write,
) -> Result<(), Stop> {
    let tried = PolicySet::from(tried.as_if_always_in_force());
    let current = current.map(|current| PolicySet::from(current.as_if_always_in_force()));
    let facts = facts_of(facts, &tried, language)?;
    let as_of = facts.as_of.map_or(month.last(), |as_of| as_of.min(month.last()));
    if as_of < month.first() {
        let words = pick(language, "事实截止日早于该月", "the facts end before that month");
        return Err(Stop::Refused(vec![words.to_owned()]));
    }
    let new = standing(&tried, &facts, month, as_of);
    let old = current.as_ref().map(|current| standing(current, &facts, month, as_of));
    let shown = match &old {
        Some(old) => moved(old, &new),
        // Nothing to compare with: everybody is shown.
        None => new.iter().map(|one| Moved { elder: one.elder.clone(), from: None, to: one.tier.clone(), gone: Vec::new(), new: one.owed.iter().cloned().collect() }).collect(),
    };
    for one in &shown {
        let was = old.as_ref().map(|_| format!("{} -> ", one.from.as_deref().unwrap_or("-"))).unwrap_or_default();
        writeln!(out, "{}: {was}{}", one.elder, one.to.as_deref().unwrap_or("-"))?;
        for gone in &one.gone {
            writeln!(out, "  - {gone}")?;
        }
        for new in &one.new {
            writeln!(out, "  + {new}")?;
        }
    }
    let changed = shown.len();
    let all = new.len();
    match (&old, language) {
        (Some(_), Language::Zh) => writeln!(out, "{month}：{all} 人中 {changed} 人的情况有变化（截至 {as_of}）")?,
        (Some(_), Language::En) => writeln!(out, "{month}: {changed} of {all} elders change (as of {as_of})")?,
        (None, Language::Zh) => writeln!(out, "{month}：{all} 人（截至 {as_of}）")?,
        (None, Language::En) => writeln!(out, "{month}: {all} elders (as of {as_of})")?,
    }
    Ok(())
}
