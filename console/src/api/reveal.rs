//! Showing what is masked: asked for one field at a time, with a reason, and written to the audit before it is shown
//! (PRV-1).

use super::openapi::{Refusals, VerbRefusals};
use crate::app::App;
use crate::caller::Caller;
use crate::extract::{Body, Ids};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use care::{ContactId, ElderId, HomeId};
use serde::{Deserialize, Serialize};
use store::ledger::{Tx, Write};
use utoipa::ToSchema;

/// Why it must be seen.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RevealReason {
    /// An open alarm is being worked on.
    Alarm,
    /// A call back or a check call.
    CallBack,
    /// Who is on the line must be made sure.
    Identity,
    /// The record is being corrected.
    Correction,
}

impl RevealReason {
    fn name(self) -> &'static str {
        match self {
            Self::Alarm => "alarm",
            Self::CallBack => "call_back",
            Self::Identity => "identity",
            Self::Correction => "correction",
        }
    }
}

/// What of an elder.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ElderField {
    /// The phone number.
    Phone,
    /// The health notes.
    HealthNotes,
    /// The number of the identity card.
    IdNumber,
}

/// Which field of an elder, and why.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct RevealElderBody {
    field: ElderField,
    reason: RevealReason,
}

/// Which address of a contact, and why.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct RevealContactBody {
    /// The channel: `voice`, ...
    channel: String,
    reason: RevealReason,
}

/// What was masked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Revealed {
    value: String,
}

async fn record(app: &App, caller: &Caller, action: &str, subject: String) -> Result<(), Problem> {
    let write = Write::Audit { at: app.now(), who: caller.person.as_str().to_owned(), action: action.to_owned(), subject };
    Ok(app.parts.ledger.commit(Tx { fence: None, writes: vec![write] }).await?)
}

/// Show a masked field of an elder. Goes into the audit.
#[utoipa::path(post, path = "/api/v1/homes/{id}/elders/{elder}/reveal", tag = "homes", params(("id" = String, Path), ("elder" = String, Path)),
    request_body = RevealElderBody, responses((status = 200, body = Revealed), Refusals, VerbRefusals))]
pub(crate) async fn elder(State(app): State<App>, caller: Caller, Ids(home, elder): Ids, Body(body): Body<RevealElderBody>) -> Result<Json<Revealed>, Problem> {
    let home = HomeId::new(home);
    if !app.sees(&caller, &home).await? {
        return Err(Problem::NotFound);
    }
    let elder = ElderId::new(elder);
    let record_of = app.parts.register.elders_of(&home).await?.into_iter().find(|e| e.id == elder).ok_or(Problem::NotFound)?;
    let (field, value) = match body.field {
        ElderField::Phone => ("phone", record_of.phone),
        ElderField::HealthNotes => ("health_notes", record_of.health_notes),
        ElderField::IdNumber => ("id_number", record_of.id_number),
    };
    record(&app, &caller, "elder.reveal", format!("{elder}/{field}/{}", body.reason.name())).await?;
    Ok(Json(Revealed { value }))
}

/// Show where a contact is reached. Goes into the audit.
#[utoipa::path(post, path = "/api/v1/homes/{id}/contacts/{contact}/reveal", tag = "homes", params(("id" = String, Path), ("contact" = String, Path)),
    request_body = RevealContactBody, responses((status = 200, body = Revealed), Refusals, VerbRefusals))]
pub(crate) async fn contact(
    State(app): State<App>,
    caller: Caller,
    Ids(home, contact): Ids,
    Body(body): Body<RevealContactBody>,
) -> Result<Json<Revealed>, Problem> {
    let home = HomeId::new(home);
    if !app.sees(&caller, &home).await? {
        return Err(Problem::NotFound);
    }
    let contact = ContactId::new(contact);
    let found = app.parts.register.contacts_of(&home).await?.into_iter().find(|c| c.id == contact).ok_or(Problem::NotFound)?;
    let Some((channel, value)) = found.addresses.into_iter().find(|(channel, _)| *channel == body.channel) else {
        return Err(Problem::Invalid { field: "channel", what: |w| w.invalid_field });
    };
    record(&app, &caller, "contact.reveal", format!("{contact}/{channel}/{}", body.reason.name())).await?;
    Ok(Json(Revealed { value }))
}
