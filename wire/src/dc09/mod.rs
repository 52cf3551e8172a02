//! SIA DC-09: the frames by which alarm panels and dispersed alarms report to a receiving centre.
//!
//! ```text
//! LF crc(4 hex) len(4 hex) "id"seq Rreceiver Lline #account [#account|data][X...]_HH:MM:SS,MM-DD-YYYY CR
//!                          ^------------- crc and len cover from here to before CR -----------------^
//! ```
//! `id` with a `*`: what follows `[` is AES-CBC in hexadecimal, behind a padding of random *bytes*:
//! so it is read as bytes, never as text. Implements the frame format; tested against other
//! implementations' frames, certified by nobody.

mod cipher;
pub mod codes;
mod frame;
#[cfg(test)]
mod tests;

pub use cipher::Key;
pub use codes::{Meaning, Report, reports, signals};
pub use frame::{Frame, FrameFault, Taken, Token, account_key, bare, parse, take};

use care::{TimeDelta, Timestamp};

/// Longest frame that is read, in bytes.
pub const FRAME_BYTES_MAX: usize = 16 * 1024;

/// How a panel's clock stands to ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// Within the window that the standard accepts, or not told.
    Good,
    /// Outside: the panel is told our time by a NAK. What it said counts all the same.
    Off(TimeDelta),
}

/// Compares a frame's time with ours: 20 s ahead and 40 s behind are accepted.
pub fn clock(frame: &Frame, now: Timestamp) -> Clock {
    match frame.sent_at.map(|sent| sent - now) {
        Some(ahead) if ahead > TimeDelta::seconds(20) || ahead < TimeDelta::seconds(-40) => Clock::Off(ahead),
        Some(_) | None => Clock::Good,
    }
}
