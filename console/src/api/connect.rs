//! The operator's own line: their phone rings first, then the elder or the contact is connected. How it ended lands on the
//! alarm as a note.

use super::alarms::seen;
use super::openapi::{Refusals, VerbRefusals};
use crate::app::App;
use crate::caller::Caller;
use crate::extract::{Body, Id};
use crate::ports::{Connection, NoConnection, Party};
use crate::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use care::{AlarmId, ContactId, ElderId};
use serde::Deserialize;
use store::ledger::{Tx, Write};
use utoipa::ToSchema;

/// The numbers of police, fire brigade and ambulance.
pub(crate) const AUTHORITIES: [&str; 3] = ["110", "119", "120"];

/// Who is called.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PartyKind {
    /// An elder of the alarm's home.
    Elder,
    /// A contact of the alarm's home.
    Contact,
    /// An authority: `id` is 110, 119 or 120.
    Authority,
}

/// Whom the operator wants to speak to.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ConnectBody {
    to: PartyKind,
    /// The identifier of the elder or contact, or the authority's number.
    id: String,
}

/// Ring the caller's own phone, then connect it with an elder or a contact of the alarm's home, or with an authority. Goes into the audit.
#[utoipa::path(post, path = "/api/v1/alarms/{id}/connect", tag = "alarms", params(("id" = String, Path)), request_body = ConnectBody,
    responses((status = 202, description = "the phone rings; how it ended is noted at the alarm"), Refusals, VerbRefusals))]
pub(crate) async fn connect(State(app): State<App>, caller: Caller, Id(id): Id, Body(body): Body<ConnectBody>) -> Result<StatusCode, Problem> {
    let alarm = seen(&app, &caller, &AlarmId::new(id)).await?;
    // A drill reaches no real person, not even by an operator's hand (ALM-8).
    if alarm.test {
        return Err(Problem::Invalid { field: "alarm", what: |w| w.drill_no_call });
    }
    let (to, number) = match body.to {
        PartyKind::Elder => {
            let elder = ElderId::new(body.id);
            let found = app.parts.register.elders_of(&alarm.home).await?.into_iter().find(|e| e.id == elder).ok_or(Problem::NotFound)?;
            (Party::Elder(elder), found.phone)
        }
        PartyKind::Contact => {
            let contact = ContactId::new(body.id);
            let found = app.parts.register.contacts_of(&alarm.home).await?.into_iter().find(|c| c.id == contact).ok_or(Problem::NotFound)?;
            (Party::Contact(contact), found.addresses.get("voice").cloned().unwrap_or_default())
        }
        PartyKind::Authority if AUTHORITIES.contains(&body.id.as_str()) => (Party::Authority(body.id.clone()), body.id),
        PartyKind::Authority => return Err(Problem::Invalid { field: "id", what: |w| w.invalid_authority }),
    };
    if number.is_empty() {
        return Err(Problem::Invalid { field: "id", what: |w| w.no_phone });
    }
    let subject = format!("{}/{to}", alarm.id);
    let ask = Connection { alarm: alarm.id, home: alarm.home, level: alarm.level, operator: caller.person.clone(), operator_name: caller.name.clone(), to, number };
    app.parts.switchboard.connect(ask).map_err(|why| match why {
        NoConnection::NoHandset => Problem::Invalid { field: "handset", what: |w| w.no_handset },
        NoConnection::NoTrunk => Problem::Invalid { field: "trunk", what: |w| w.no_trunk },
    })?;
    let write = Write::Audit { at: app.now(), who: caller.person.as_str().to_owned(), action: "alarm.connect".to_owned(), subject };
    app.parts.ledger.commit(Tx { fence: None, writes: vec![write] }).await?;
    Ok(StatusCode::ACCEPTED)
}
