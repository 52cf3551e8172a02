//! The command line of Hearthline. Exit status: 0 done, 1 refused with reasons, 2 wrong usage.

use clap::{Parser, Subcommand};
use hearthline::config::Config;
use std::path::PathBuf;
use std::process::ExitCode;

/// Hearthline 守望: telecare and remote monitoring on one machine or many.
#[derive(Parser)]
#[command(name = "hearthline", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check a configuration file and say all that is wrong with it.
    Check {
        /// The file.
        #[arg(long)]
        config: PathBuf,
    },
    /// Show what is understood of a device's messages (JSON lines).
    Decode(hearthline::decode::Args),
    /// The visit policy: check, show, diff, try, evaluate.
    Policy(hearthline::policy::Args),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Decode(args) => hearthline::decode::run(&args).unwrap_or_else(|wrong| {
            eprintln!("{wrong:#}");
            ExitCode::FAILURE
        }),
        Command::Policy(args) => hearthline::policy::run(args),
        Command::Check { config } => match Config::read(&config) {
            Ok(_) => {
                println!("{}: good", config.display());
                ExitCode::SUCCESS
            }
            Err(wrong) => {
                eprintln!("{wrong}");
                ExitCode::FAILURE
            }
        },
    }
}
