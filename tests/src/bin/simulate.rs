//! Tells the stories of the seeded simulator: `simulate --seeds 0..1000000`, or one seed to see it fail again.

use acceptance::simulator::tell_all;
use clap::Parser;
use std::time::Instant;

/// The seeded simulator.
#[derive(Parser)]
struct Arguments {
    /// `A..B`, or one seed.
    #[arg(long, default_value = "0..2000")]
    seeds: String,
    /// Threads; all the cores if left out.
    #[arg(long)]
    threads: Option<usize>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let (from, to) = match arguments.seeds.split_once("..") {
        Some((from, to)) => (from.parse()?, to.parse()?),
        None => {
            let seed: u64 = arguments.seeds.parse()?;
            (seed, seed + 1)
        }
    };
    let threads = arguments.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let start = Instant::now();
    let mut broken = 0;
    let mut at = from;
    // In parts, so that a long run says how far it is.
    while at < to {
        let end = to.min(at + 50_000);
        let tally = tell_all(at..end, threads);
        broken += tally.broken.len();
        print!("seeds {at}..{end}: {}", tally.report());
        println!("{:.1} s so far", start.elapsed().as_secs_f64());
        if broken > 0 {
            break;
        }
        at = end;
    }
    anyhow::ensure!(broken == 0, "{broken} seeds break a promise");
    println!("all promises kept");
    Ok(())
}
