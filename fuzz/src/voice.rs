//! Single files of the telephone's room: those that read what the other end sends.

#![allow(dead_code, reason = "a part of them is used")]

#[path = "../../alerts/src/voice/audio.rs"]
pub mod audio;
#[path = "../../alerts/src/voice/keys.rs"]
pub mod keys;
#[path = "../../alerts/src/voice/number.rs"]
pub mod number;
#[path = "../../alerts/src/voice/rtp.rs"]
pub mod rtp;
#[path = "../../alerts/src/voice/sdp.rs"]
pub mod sdp;
