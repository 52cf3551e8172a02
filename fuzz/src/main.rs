//! One binary for all targets: `HEARTHLINE_FUZZ` names the one to run, the arguments are libFuzzer's.
//!
//! ```text
//!  libFuzzer ─▶ target ─▶ panic?  hang? (libFuzzer's -timeout)  memory?
//!                            └─ more at once than the target's limit, or more kept than twice what the first ones left
//! ```
//! `fuzz --targets` lists them with the longest input, `fuzz --unpack TARGET DIR` lays the kept corpus out as files,
//! `fuzz --pack TARGET DIR` takes the files of a minimised corpus back.

#![no_main]

#[path = "../../gateway/src/codec.rs"]
#[allow(dead_code, reason = "the reader of packets without the connections around it")]
mod codec;
mod memory;
#[path = "../../gateway/src/probe.rs"]
mod probe;
mod targets;
mod voice;

/// What the targets take from rooms that as a whole would take ten minutes to build with their libraries.
mod rooms {
    pub(crate) use crate::{probe, voice};
}

use libfuzzer_sys::fuzz_target;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use targets::{Target, kept, target};

/// Executions after which what is kept in memory has to stand still.
const WARM: u64 = 10_000;
/// What may be kept beyond twice the bytes at [`WARM`]: tables that are made when they are first needed.
const KEPT_BYTES_MAX: usize = 64 * 1024;

static TARGET: OnceLock<&'static Target> = OnceLock::new();
static RUNS: AtomicU64 = AtomicU64::new(0);
static WARM_BYTES: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn chosen() -> &'static Target {
    let name = std::env::var("HEARTHLINE_FUZZ").expect("HEARTHLINE_FUZZ names the target");
    target(&name).expect("a target of this name")
}

fn tools() -> bool {
    let words: Vec<String> = std::env::args().collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[1..] {
        ["--targets"] => targets::TARGETS.iter().for_each(|t| println!("{} {}", t.name, t.input_bytes_max)),
        ["--unpack", name, to] => {
            std::fs::create_dir_all(to).expect("the folder");
            for (i, input) in kept(Path::new("corpus"), name).iter().enumerate() {
                std::fs::write(Path::new(to).join(format!("kept-{i:04}")), input).expect("a file");
            }
        }
        ["--pack", name, from] => {
            let files = std::fs::read_dir(from).expect("the folder").flatten();
            let mut inputs: Vec<Vec<u8>> = files.map(|file| std::fs::read(file.path()).expect("a file")).collect();
            // The small ones tell the most for their length.
            inputs.sort_by_key(|input| (input.len(), input.clone()));
            targets::keep(Path::new("corpus"), name, &inputs);
        }
        _ => return false,
    }
    true
}

fuzz_target!(
    init: {
        if tools() {
            std::process::exit(0);
        }
        TARGET.get_or_init(chosen);
    },
    |input: &[u8]| {
        let target = TARGET.get().expect("chosen at the start");
        let peak = memory::peak_of(|| (target.run)(input));
        assert!(peak <= target.memory_bytes_max, "{}: {peak} bytes of memory for {} bytes of input", target.name, input.len());
        let runs = RUNS.fetch_add(1, Relaxed) + 1;
        if PEAK.fetch_max(peak, Relaxed) < peak && runs > WARM {
            eprintln!("memory: {} peak {peak} bytes (input {})", target.name, input.len());
        }
        if runs == WARM {
            WARM_BYTES.store(memory::live(), Relaxed);
            eprintln!("memory: {} peak {} bytes, kept {}", target.name, PEAK.load(Relaxed), memory::live());
        } else if runs > WARM {
            let most = 2 * WARM_BYTES.load(Relaxed) + KEPT_BYTES_MAX;
            assert!(memory::live() <= most, "{}: {} bytes are kept, more than {most}", target.name, memory::live());
            if runs % 1_000_000 == 0 {
                eprintln!("memory: {} peak {} bytes, kept {}, after {runs}", target.name, PEAK.load(Relaxed), memory::live());
            }
        }
    }
);
