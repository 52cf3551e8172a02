//! What the acceptance tests share.

pub mod harness;
pub mod simulator;
