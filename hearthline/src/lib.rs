//! Hearthline, the one binary: the composition root that knows every room of the house.

mod asking;
pub mod authority;
pub mod canary;
pub mod carry;
pub mod clock;
pub mod channels;
#[cfg(feature = "cluster")]
pub mod cluster;
pub mod config;
pub mod decode;
pub mod demo;
pub mod device;
pub mod duty;
pub mod evaluate;
pub mod hub;
pub mod hub_setting;
pub mod identity;
pub mod init;
pub mod keys;
pub mod lamp;
pub mod lanes;
pub mod office;
pub mod notify;
pub mod platform;
pub mod policy;
pub mod pulse;
pub mod receivers;
pub mod run;
pub mod secret;
pub mod telemetry;
pub mod seed;
pub mod seed_office;
pub mod telephone;
