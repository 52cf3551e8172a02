//! The JSON API under `/api/v1`. One file for each thing it speaks about.

pub(crate) mod alarms;
pub(crate) mod audit;
pub(crate) mod connect;
pub(crate) mod credentials;
pub(crate) mod detection;
pub(crate) mod dispatch;
pub(crate) mod events;
pub(crate) mod homes;
pub(crate) mod hubs;
pub(crate) mod me;
pub(crate) mod office;
pub(crate) mod openapi;
pub(crate) mod people;
pub(crate) mod plans;
pub(crate) mod reveal;
pub(crate) mod verbs;
pub(crate) mod watch;
pub(crate) mod worklists;
