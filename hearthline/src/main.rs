//! The command line of Hearthline. Exit status: 0 done, 1 refused with reasons, 2 wrong usage.

use clap::{Parser, Subcommand};
use hearthline::{clock, demo, init, run};
use std::future::Future;
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
    /// Show everything with a made-up town and simulated phones.
    Demo(demo::DemoArgs),
    /// Run for real.
    Run {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
    },
    /// Make a directory with a configuration, keys and the first administrator.
    Init {
        /// The directory; it is made if it is not there.
        dir: PathBuf,
    },
    /// Check a configuration and the register behind it; say all that is wrong.
    Check {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
    },
    /// Take homes, elders, contacts, devices, plans and credentials from a JSON file.
    Register {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
        /// The JSON file.
        file: PathBuf,
    },
    /// What the detector of silence would have said about recorded homes.
    Evaluate(hearthline::evaluate::Args),
    /// Show what is understood of a device's messages (JSON lines).
    Decode(hearthline::decode::Args),
    /// The home hub: hears a home's devices, keeps what they say, forwards it to the platform.
    Hub(hearthline::hub::Args),
    /// Telephone calls: try a trunk, list the phrases to record.
    #[command(subcommand)]
    Voice(hearthline::telephone::Command),
    /// The visit policy: check, show, diff, try, evaluate.
    Policy(hearthline::policy::Args),
    /// Hold or release the calling of real people, while the platform is stopped (a restored ledger starts with it held).
    Calling {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
        /// What it shall be.
        to: init::Calling,
    },
    /// Send a test message, or make the keys that channels need.
    #[command(subcommand)]
    Notify(hearthline::notify::Notify),
    /// Write a backup of the ledger into a new directory; the platform may be at work.
    Backup {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
        /// The new directory.
        #[arg(long)]
        to: PathBuf,
    },
    /// Restore a backup into an empty data directory or database; it starts with calling held.
    Restore {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
        /// The backup's directory.
        #[arg(long)]
        from: PathBuf,
        /// A copy of the key file.
        #[arg(long)]
        keys: Option<PathBuf>,
    },
    /// Move everything from one machine to many or back, with the platform stopped; it starts with calling held.
    #[cfg(feature = "cluster")]
    Migrate {
        /// The configuration of the old side.
        #[arg(long)]
        from: PathBuf,
        /// The configuration of the new side.
        #[arg(long)]
        to: PathBuf,
    },
    /// Show who owns which shard, how far each is behind, who is alive.
    #[cfg(feature = "cluster")]
    Topology {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
    },
    /// Make an API token and print it once.
    Token {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
        /// Whose token.
        person: String,
        /// For how many days.
        #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: u32,
    },
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    match command {
        Command::Decode(args) => hearthline::decode::run(&args).unwrap_or_else(|wrong| {
            eprintln!("{wrong:#}");
            ExitCode::FAILURE
        }),
        Command::Evaluate(args) => match hearthline::evaluate::run(&args) {
            Ok(()) => ExitCode::SUCCESS,
            Err(wrong) => {
                eprintln!("{wrong:#}");
                ExitCode::FAILURE
            }
        },
        Command::Voice(command) => service(hearthline::telephone::run(command), "error"),
        Command::Policy(args) => hearthline::policy::run(args),
        Command::Demo(args) => service(demo::run(args), "warn"),
        Command::Hub(args) => service(hearthline::hub::run(args), "info"),
        Command::Run { config } => service(async move { run::run(&config).await }, "info"),
        Command::Init { dir } => service(async move { init::init(&dir).await }, "warn"),
        Command::Register { config, file } => service(async move { init::register(&config, &file).await }, "warn"),
        Command::Calling { config, to } => service(async move { init::calling(&config, to).await }, "warn"),
        Command::Notify(what) => service(async move { hearthline::notify::notify(what).await }, "warn"),
        Command::Token { config, person, days } => service(async move { init::token(&config, &person, days, clock::wall()).await }, "warn"),
        Command::Backup { config, to } => service(async move { hearthline::carry::backup(&config, &to).await }, "warn"),
        Command::Restore { config, from, keys } => service(async move { hearthline::carry::restore(&config, &from, keys.as_deref()).await }, "warn"),
        #[cfg(feature = "cluster")]
        Command::Migrate { from, to } => service(async move { hearthline::cluster::migrate(&from, &to).await }, "warn"),
        #[cfg(feature = "cluster")]
        Command::Topology { config } => service(async move { hearthline::cluster::topology(&config).await }, "warn"),
        Command::Check { config } => service(
            async move {
                run::check(&config).await?;
                println!("{}: good", config.display());
                Ok(())
            },
            "warn",
        ),
    }
}

/// Runs something that needs the runtime; says what was refused.
fn service(work: impl Future<Output = anyhow::Result<()>>, logs: &str) -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(logs));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("hearthline: the runtime cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(work) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hearthline: {error:#}");
            ExitCode::FAILURE
        }
    }
}
