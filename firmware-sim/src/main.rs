//! `firmware-sim`: a town, a recording, a press, against a real door; or a recording made.

use anyhow::{Context, Result, bail};
use care::id::well_formed;
use care::{DeviceId, HomeId, SignalKind, TimeDelta};
use chrono::NaiveDate;
use clap::{Args, Parser, Subcommand, ValueEnum};
use firmware_sim::replay::{Align, Settings, Summary};
use firmware_sim::town::home_id;
use firmware_sim::{
    Access, Address, Clock, Faults, Live, Progress, Seed, TownPlan, clock, press, record,
    recording, replay,
};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Homes without hardware, over real MQTT.
#[derive(Parser)]
#[command(name = "firmware-sim", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// A town of homes with residents, sensors and buttons, until Ctrl-C.
    Town {
        #[command(flatten)]
        door: Door,
        /// How many homes: home-0001 and so on.
        #[arg(long, default_value_t = 100)]
        homes: usize,
        /// Everything random comes from here.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Seconds between two emergencies in the whole town, on average; 0 for a town in peace.
        #[arg(long, default_value_t = 0)]
        emergency_every: u32,
        /// What goes wrong on the way.
        #[arg(long, value_enum, default_value_t = FaultLevel::None)]
        faults: FaultLevel,
        /// How many times as fast as the wall clock the town lives.
        #[arg(long, default_value_t = 1)]
        rate: u32,
    },
    /// Sends a recording (CSV or CSV.gz: ts,sensor,kind,room,value,label) for one home.
    Replay {
        /// The recording.
        file: PathBuf,
        #[command(flatten)]
        door: Door,
        /// The home to speak for.
        #[arg(long)]
        home: String,
        /// Recorded seconds per second; 0 is as fast as the acks allow.
        #[arg(long, default_value_t = 0)]
        speed: u32,
        /// Which event is at "now".
        #[arg(long, value_enum, default_value_t = AlignOn::Last)]
        align: AlignOn,
        /// Only the last so many days.
        #[arg(long)]
        last_days: Option<u16>,
        /// Most messages without a PUBACK.
        #[arg(long, default_value_t = 64)]
        window: u16,
        /// Tells the messages of this replay from those of another one.
        #[arg(long)]
        run: Option<String>,
    },
    /// Presses a button (or sets off a detector).
    Press {
        #[command(flatten)]
        door: Door,
        /// The home.
        #[arg(long)]
        home: String,
        /// The device.
        #[arg(long, default_value = "button")]
        device: String,
        /// What it says.
        #[arg(long, default_value = "call")]
        signal: String,
        /// The message's name; a new one if left out.
        #[arg(long)]
        id: Option<String>,
        /// How often the message is sent under this name.
        #[arg(long, default_value_t = 1)]
        copies: u32,
        /// How many seconds to watch the lamp afterwards.
        #[arg(long, default_value_t = 2)]
        watch: u64,
    },
    /// Makes a recording of a simulated home.
    Record {
        /// Where to; packed if it ends in .gz.
        file: PathBuf,
        /// How many days.
        #[arg(long, default_value_t = 28)]
        days: u16,
        /// The first day.
        #[arg(long, default_value = "2026-01-01")]
        first: NaiveDate,
        /// The resident.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

#[derive(Args)]
struct Door {
    /// The door's MQTT listener.
    #[arg(long, default_value = "127.0.0.1:1883")]
    mqtt: Address,
    /// The credential's name.
    #[arg(long)]
    user: Option<String>,
    /// Its password.
    #[arg(long, default_value = "")]
    password: String,
}

impl Door {
    fn access(self, client: &str) -> Access {
        let client_id = format!("{client}-{}", std::process::id());
        Access {
            address: self.mqtt,
            credentials: self.user.map(|user| (user, self.password)),
            client_id,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum FaultLevel {
    None,
    Everyday,
    Harsh,
}

#[derive(Clone, Copy, ValueEnum)]
enum AlignOn {
    Last,
    First,
}

fn home(text: &str) -> Result<HomeId> {
    if !well_formed(text) {
        bail!("--home {text:?}: letters, digits, - _ . and : only, at most 64");
    }
    Ok(HomeId::from(text))
}

/// A number that is larger at every start: the devices' boot counter, the name of a replay.
fn start_number() -> u32 {
    u32::try_from(clock::wall().timestamp()).unwrap_or(u32::MAX)
}

#[tokio::main]
async fn main() -> Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| "warn,firmware_sim=info".into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    match Cli::parse().command {
        Command::Town {
            door,
            homes,
            seed,
            emergency_every,
            faults,
            rate,
        } => {
            let faults = match faults {
                FaultLevel::None => Faults::none(),
                FaultLevel::Everyday => Faults::everyday(),
                FaultLevel::Harsh => Faults::harsh(),
            };
            let plan = TownPlan {
                homes: (1..=homes).map(home_id).collect(),
                emergency_every: (emergency_every > 0)
                    .then(|| TimeDelta::seconds(i64::from(emergency_every))),
                faults,
                boot: start_number(),
                ..TownPlan::of(0, seed)
            };
            town(Live {
                access: door.access("town"),
                plan,
                clock: Clock::starting(clock::wall(), rate),
            })
            .await
        }
        Command::Replay {
            file,
            door,
            home: name,
            speed,
            align,
            last_days,
            window,
            run,
        } => {
            let mut events =
                recording::read(&file).with_context(|| format!("recording {}", file.display()))?;
            if let Some(days) = last_days {
                events = replay::last_days(events, days);
            }
            let settings = Settings {
                access: door.access("replay"),
                home: home(&name)?,
                speed,
                align: match align {
                    AlignOn::Last => Align::Last,
                    AlignOn::First => Align::First,
                },
                window,
                run: run.unwrap_or_else(|| format!("r{}", clock::wall().timestamp_millis())),
            };
            let mut shown = 0;
            let report = |summary: Summary| {
                if summary.acked >= shown {
                    eprintln!("{} of {} acked", summary.acked, summary.events);
                    shown = summary.acked + summary.events / 20 + 1;
                }
            };
            let done = replay::replay(&settings, &events, report).await?;
            println!(
                "{}",
                serde_json::json!({
                    "events": done.events, "acked": done.acked, "repeated": done.repeated, "connections": done.connections, "run": settings.run,
                })
            );
            Ok(())
        }
        Command::Press {
            door,
            home: name,
            device,
            signal,
            id,
            copies,
            watch,
        } => {
            if !well_formed(&device) {
                bail!("--device {device:?}: letters, digits, - _ . and : only, at most 64");
            }
            let press = press::Press {
                access: door.access("press"),
                home: home(&name)?,
                device: DeviceId::from(device.as_str()),
                kind: SignalKind::parse(&signal)
                    .with_context(|| format!("--signal {signal:?} is none that a device says"))?,
                id: id.unwrap_or_else(|| {
                    format!(
                        "p{}-{}",
                        clock::wall().timestamp_micros(),
                        std::process::id()
                    )
                }),
                copies,
                watch: Duration::from_secs(watch),
            };
            println!("{}", serde_json::json!({"id": press.id}));
            press::press(&press, |seen| match seen {
                press::Seen::Acked(after) => println!("{}", serde_json::json!({"puback_ms": after.as_secs_f64() * 1e3})),
                press::Seen::Said(down, after) => {
                    println!("{}", serde_json::json!({"said": format!("{down:?}"), "after_ms": after.as_secs_f64() * 1e3}));
                }
            })
            .await?;
            Ok(())
        }
        Command::Record {
            file,
            days,
            first,
            seed,
        } => {
            let events = record::record(&Seed::new(seed), first, days);
            let count = events.len();
            recording::write(&file, events)
                .with_context(|| format!("recording {}", file.display()))?;
            println!("{count} events of {days} days in {}", file.display());
            Ok(())
        }
    }
}

async fn town(live: Live) -> Result<()> {
    let progress = Arc::new(Progress::default());
    let told = Arc::clone(&progress);
    let teller = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_secs(10));
        loop {
            ticks.tick().await;
            let read = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
            eprintln!(
                "published {} acked {} held back {} presses {} others {} words back {}",
                read(&told.published),
                read(&told.acked),
                read(&told.held_back),
                read(&told.pressed),
                read(&told.befallen),
                read(&told.commands),
            );
        }
    });
    let stop = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let done = live.run(&progress, stop).await;
    teller.abort();
    Ok(done?)
}
