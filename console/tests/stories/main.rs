//! Stories of the people's door, told through its router: one program, so that it is linked once.

mod api;
mod support;
