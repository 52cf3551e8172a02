//! Calls to parties that are not ours: SIPp and baresip answer, press keys, are engaged, do not answer.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod acs;
mod baresip;
mod bridge;
mod crash;
mod http;
mod legs;
mod ringback;
mod sipp;
mod telephone;
mod trunks;
mod world;
