//! Stories of the people's door, told through its router: one program, so that it is linked once.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod api;
mod attacks;
mod browser;
mod detection;
mod devices;
mod district;
mod guide;
mod door;
mod doorway;
mod events;
mod office;
mod office_around;
mod office_pages;
mod office_verbs;
mod pages;
mod people;
mod links;
mod plan_pages;
mod plans;
mod provider;
mod scope;
mod search;
mod support;
mod town;
mod watch;
