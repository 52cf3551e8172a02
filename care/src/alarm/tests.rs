//! Stories of an alarm.
