//! The people who sign in: who they are, what proves it, where they are signed in, where they may look, and what they
//! have read. The API and the pages both stand on this room.

pub(crate) mod areas;
pub(crate) mod audit;
pub(crate) mod factor;
pub(crate) mod family;
pub(crate) mod half;
mod id_token;
pub(crate) mod provider;
pub(crate) mod reads;
pub(crate) mod roll;
pub(crate) mod sessions;
pub(crate) mod steps;
pub(crate) mod totp;

use crate::app::App;
use crate::caller::Caller;
use store::register::Put;

/// A line of the audit by the caller.
fn said(app: &App, caller: &Caller, action: &str, subject: impl Into<String>) -> Put {
    Put::Audit { at: app.now(), who: caller.person.as_str().to_owned(), action: action.to_owned(), subject: subject.into() }
}
