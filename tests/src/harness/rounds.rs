//! Rounds: few in the short form, many in the long one, which goes on where it was stopped.

use std::path::PathBuf;

/// Whether the long form of this name is asked for (`scripts/test --long NAME`).
pub fn is_long(name: &str) -> bool {
    std::env::var("HEARTHLINE_LONG").is_ok_and(|asked| asked == name)
}

/// The rounds that are still to be run.
pub struct Rounds {
    next: usize,
    all: usize,
    file: Option<PathBuf>,
}

impl Rounds {
    /// `short` rounds, or `long` ones in the long form of `name`. `part` names the test within it.
    pub fn of(name: &str, part: &str, short: usize, long: usize) -> Self {
        if !is_long(name) {
            return Self {
                next: 0,
                all: short,
                file: None,
            };
        }
        let folder = super::binary::target_dir().join("long");
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("{name}-{part}"));
        let next = std::fs::read_to_string(&file)
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(0);
        if next > 0 {
            println!("{name} {part}: goes on at round {} of {long}", next + 1);
        }
        Self {
            next,
            all: long,
            file: Some(file),
        }
    }
}

impl Iterator for Rounds {
    type Item = usize;

    /// The number of the next round. Asking for it says that the one before has passed.
    fn next(&mut self) -> Option<usize> {
        if let Some(file) = &self.file {
            if self.next >= self.all {
                drop(std::fs::remove_file(file));
            } else {
                std::fs::write(file, self.next.to_string()).unwrap();
            }
        }
        (self.next < self.all).then(|| {
            self.next += 1;
            self.next - 1
        })
    }
}
