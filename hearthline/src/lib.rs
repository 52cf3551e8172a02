//! Hearthline, the one binary: the composition root that knows every room of the house.

pub mod clock;
pub mod config;
pub mod decode;
pub mod policy;
pub mod seed;
