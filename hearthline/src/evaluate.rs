//! `hearthline evaluate`: what the detector would have said about recorded homes. Histories are replayed
//! through the very code that watches live homes, on a simulated clock, unchanged and with collapses.

pub mod baseline;
pub mod draws;
pub mod recording;
pub mod replay;
pub mod report;
pub mod score;
#[cfg(test)]
mod tests;

use anyhow::{Context, Result, bail};
use baseline::{Baseline, Line};
use care::home::Settings;
use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use recording::Recording;
use replay::{Draw, Outcome, Product, Tier, replay};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// `hearthline evaluate ...`
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// What to evaluate.
    #[command(subcommand)]
    pub what: What,
}

/// What can be evaluated.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Silence: false alarms on unchanged histories, and hours from a collapse to the first alert.
    Inactivity(Inactivity),
}

/// `hearthline evaluate inactivity DATA_DIR OUT_DIR`
#[derive(Debug, ClapArgs)]
pub struct Inactivity {
    /// Where the histories lie: `HOME.csv.gz` or `HOME.csv` with the columns ts, sensor, kind, room, value;
    /// and `draws.csv` with the collapses to simulate, if there is one.
    pub data_dir: PathBuf,
    /// Where the results go.
    pub out_dir: PathBuf,
    /// Only these homes.
    #[arg(long, value_delimiter = ',')]
    pub homes: Vec<String>,
    /// Days at the beginning that are for learning only, and not scored.
    #[arg(long, default_value_t = 14)]
    pub learn_days: u32,
    /// The detector.
    #[arg(long, value_enum, default_value_t = Method::Product)]
    pub method: Method,
    /// Draw the collapses afresh, 20 per hour of the day in the ten days after learning, cut each history
    /// there, and write the draws to this file.
    #[arg(long)]
    pub draws: Option<PathBuf>,
}

/// Detectors that can be evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Method {
    /// The detector of the product.
    Product,
    /// Twelve hours, always.
    Fixed12,
    /// Cuddihy and others 2007, scaled to the budgets on the development homes.
    Cuddihy,
    /// Floeck and Litz 2009, with the margins that meet the budgets on the development homes.
    Floeck,
    /// Wilhelm and Wahl 2024, scaled to the budgets on the development homes.
    Wilhelm,
}

/// Days after learning that are kept when the collapses are drawn afresh.
const FRESH_DAYS: u32 = 10;

/// Runs the command.
pub fn run(args: &Args) -> Result<()> {
    match &args.what {
        What::Inactivity(args) => inactivity(args),
    }
}

fn inactivity(args: &Inactivity) -> Result<()> {
    let given = args.data_dir.join("draws.csv");
    let mut draws = if given.exists() { draws::read(&given)? } else { BTreeMap::new() };
    let homes = homes(args, &draws)?;
    let mut recordings = Vec::new();
    for home in &homes {
        let mut recording = Recording::read(&args.data_dir, home)?;
        if args.draws.is_some() {
            recording.cut(args.learn_days + FRESH_DAYS);
        }
        recordings.push(recording);
    }
    if let Some(path) = &args.draws {
        draws = recordings.iter().map(|recording| (recording.home.clone(), draws::make(recording, args.learn_days))).collect();
        draws::write(path, &draws, &recordings)?;
    }
    let settings = Settings { zone: chrono_tz::UTC, ..Settings::default() };
    let mut outcomes = Vec::new();
    for recording in &recordings {
        let of_home = draws.get(&recording.home).map(Vec::as_slice).unwrap_or_default();
        outcomes.push(play(args.method, recording, of_home, &settings));
    }
    for tier in Tier::ALL {
        write_tier(&args.out_dir, tier, &recordings, &outcomes)?;
        print_tier(tier, &recordings, &draws, &outcomes, args.learn_days);
    }
    report::write(&args.out_dir, &recordings, &outcomes)
}

fn homes(args: &Inactivity, draws: &BTreeMap<String, Vec<Draw>>) -> Result<Vec<String>> {
    if !args.homes.is_empty() {
        return Ok(args.homes.clone());
    }
    if !draws.is_empty() {
        return Ok(draws.keys().cloned().collect());
    }
    let mut homes = Vec::new();
    let dir = std::fs::read_dir(&args.data_dir).with_context(|| format!("reading {}", args.data_dir.display()))?;
    for entry in dir {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if let Some(home) = name.strip_suffix(".csv.gz").or_else(|| name.strip_suffix(".csv")) {
            homes.push(home.to_owned());
        }
    }
    homes.sort();
    homes.dedup();
    if homes.is_empty() {
        bail!("no history HOME.csv.gz or HOME.csv in {}", args.data_dir.display());
    }
    Ok(homes)
}

fn play(method: Method, recording: &Recording, draws: &[Draw], settings: &Settings) -> Outcome {
    let Some(first) = recording.signals.first() else { return Outcome::default() };
    let line = match method {
        Method::Product => None,
        Method::Fixed12 => Some(Line::Fixed(12.0)),
        Method::Cuddihy => Some(Line::Cuddihy([1.4, 1.7])),
        Method::Floeck => Some(Line::Floeck([0.1, 0.2])),
        Method::Wilhelm => Some(Line::Wilhelm([3.0, 5.25])),
    };
    match line {
        Some(line) => replay(Baseline::new(line), recording, draws),
        None => replay(Product::new(&recording.home, settings, first.heard_at), recording, draws),
    }
}

fn write_tier(out_dir: &Path, tier: Tier, recordings: &[Recording], outcomes: &[Outcome]) -> Result<()> {
    let dir = out_dir.join(tier.name());
    std::fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
    let mut untouched = csv::Writer::from_path(dir.join("untouched.csv"))?;
    untouched.write_record(["home", "alert_ts", "class"])?;
    let mut drawn = csv::Writer::from_path(dir.join("draws_out.csv"))?;
    drawn.write_record(["draw_id", "alert_ts", "class"])?;
    for (recording, outcome) in recordings.iter().zip(outcomes) {
        for (_, alert) in outcome.untouched.iter().filter(|(of, _)| *of == tier) {
            untouched.write_record([&recording.home, &recording::text(alert.at), alert.class.name()])?;
        }
        for (id, _, at) in outcome.draws.iter().filter(|(_, of, _)| *of == tier) {
            match at {
                Some(at) => drawn.write_record([id.as_str(), &recording::text(*at), "inactivity"])?,
                None => drawn.write_record([id.as_str(), "", ""])?,
            }
        }
    }
    untouched.flush()?;
    drawn.flush()?;
    Ok(())
}

fn print_tier(
    tier: Tier,
    recordings: &[Recording],
    draws: &BTreeMap<String, Vec<Draw>>,
    outcomes: &[Outcome],
    learn_days: u32,
) {
    let mut scores = Vec::new();
    println!("{}", tier.name());
    for (recording, outcome) in recordings.iter().zip(outcomes) {
        let of_home = draws.get(&recording.home).map(Vec::as_slice).unwrap_or_default();
        let score = score::score(recording, of_home, outcome, tier, learn_days);
        let one = score::total(std::slice::from_ref(&score));
        println!(
            "  {:14} {:3} false in {:6.1} d, {} long silences, {} away; median {:5.2} h, p90 {:5.2} h, most {:5.2} h",
            recording.home, one.false_alarms, one.days, one.must, one.away, one.median_h, one.p90_h, one.most_h
        );
        scores.push(score);
    }
    let all = score::total(&scores);
    println!(
        "  all: {} false in {:.1} d = {:.2} per home and 30 d; median {:.2} h, p90 {:.2} h; within 2 4 8 12 24 h: {}",
        all.false_alarms,
        all.days,
        all.per_month,
        all.median_h,
        all.p90_h,
        all.within.map(|share| format!("{:.0} %", share * 100.0)).join(" ")
    );
}
