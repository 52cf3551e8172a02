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
}

fn main() -> ExitCode {
    match Cli::parse().command {
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
