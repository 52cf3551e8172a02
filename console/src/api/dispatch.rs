//! What a dispatch centre says about an alarm that a webhook told it of: accepted, rejected, on the way, on scene, closed.
//! Every word is signed (Standard Webhooks) with the webhook's secret; the answer 2xx to the webhook itself is only a
//! receipt (ALM-3). "Closed" is a report: a person of the centre closes the alarm.

use super::openapi::Refusals;
use crate::app::App;
use crate::problem::Problem;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use care::alarm::{Claimant, Input};
use care::{AlarmId, ContactId};
use serde::Deserialize;
use store::LedgerError;
use store::desk::{self, DeskError};
use store::ledger::{Tx, Write};
use store::register::Put;
use store::sheet::Sheet;
use utoipa::ToSchema;

/// The kind of sheet that remembers which words were heard.
const HEARD: &str = "dispatch_word";
/// Longest words beside a state, characters.
const NOTE_MAX: usize = 1_000;

/// Where a responder stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ResponderState {
    /// A person has taken the alarm.
    Accepted,
    /// It is not taken: the next contact is called.
    Rejected,
    /// Somebody is on the way.
    OnTheWay,
    /// Somebody has arrived.
    OnScene,
    /// It is done; what was done stands in the note.
    Closed,
}

/// The body.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct StateBody {
    data: StateData,
}

/// What it says.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct StateData {
    /// `data.alarm` of the webhook.
    alarm: String,
    /// `data.attempt` of the webhook.
    attempt: u32,
    state: ResponderState,
    /// In words.
    #[serde(default)]
    note: String,
}

/// A dispatch centre says where its responder stands. Signed with the webhook's secret by the Standard Webhooks headers.
#[utoipa::path(post, path = "/api/v1/dispatch/states", tag = "alarms", request_body = StateBody, responses((status = 204), Refusals), security(()))]
pub(crate) async fn state(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Result<StatusCode, Problem> {
    let verifier = app.settings.dispatch_secret.as_deref().and_then(|s| standardwebhooks::Webhook::new(s).ok()).ok_or(Problem::NotSignedIn)?;
    let now = app.now();
    // By the platform's clock, not the machine's: a stored word played back later is refused.
    let at = headers.get("webhook-timestamp").and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<i64>().ok()).ok_or(Problem::NotSignedIn)?;
    let id = headers.get("webhook-id").and_then(|v| v.to_str().ok()).filter(|id| (1..=120).contains(&id.len())).ok_or(Problem::NotSignedIn)?;
    let wanted = verifier.sign(id, at, &body).map_err(|_| Problem::NotSignedIn)?;
    let signatures = headers.get("webhook-signature").and_then(|v| v.to_str().ok()).unwrap_or_default();
    if (now.timestamp() - at).abs() > 300 || !signatures.split(' ').any(|signature| same(signature, &wanted)) {
        return Err(Problem::NotSignedIn);
    }
    if app.parts.register.sheet(HEARD, id).await?.is_some() {
        return Ok(StatusCode::NO_CONTENT);
    }
    let StateBody { data } = serde_json::from_slice(&body).map_err(|e| Problem::Malformed(e.to_string()))?;
    if data.note.chars().count() > NOTE_MAX || !care::id::well_formed(&data.alarm) {
        return Err(Problem::Invalid { field: "note", what: |w| w.invalid_text_long });
    }
    let alarm = app.parts.ledger.alarm(&AlarmId::new(data.alarm)).await?.ok_or(Problem::NotFound)?.value;
    let attempt = alarm.attempts.iter().find(|a| a.no == data.attempt && a.channel.as_str() == "webhook").ok_or(Problem::NotFound)?;
    let contact = attempt.contact.clone();
    let by = Claimant::Contact(contact.clone());
    let holds = alarm.claimant() == Some(&by);
    let (kind, input) = match data.state {
        ResponderState::Accepted if holds => ("claim", None),
        ResponderState::Accepted => ("claim", Some(Input::Claim { by })),
        ResponderState::Rejected if holds => ("let_go", Some(Input::LetGo { by })),
        ResponderState::Rejected => ("rejected", Some(Input::Skip)),
        ResponderState::OnTheWay if holds => ("on_the_way", Some(Input::OnTheWay { by })),
        ResponderState::Closed if holds => ("report", Some(Input::Report { by })),
        // Somebody else has it: the word stands beside the alarm and moves nothing.
        ResponderState::OnTheWay => ("on_the_way", None),
        ResponderState::Closed => ("report", None),
        ResponderState::OnScene => ("on_scene", None),
    };
    let also = vec![
        Write::Note { alarm: alarm.id.clone(), at: now, by: contact.to_string(), kind: kind.to_owned(), text: data.note },
        Write::Audit { at: now, who: contact.to_string(), action: format!("dispatch.{kind}"), subject: alarm.id.to_string() },
    ];
    let given = match input {
        Some(input) => desk::give(app.parts.ledger.as_ref(), &alarm.id, input, also.clone(), now).await.map(|_| ()),
        None => Err(DeskError::Refused(care::alarm::Refusal::NotClaimed)),
    };
    match given {
        Ok(()) => {}
        // Rejecting what somebody has already is no news; taking it is.
        Err(DeskError::Refused(refusal)) if data.state == ResponderState::Accepted && !holds => return Err(DeskError::Refused(refusal).into()),
        Err(DeskError::Refused(_)) => app.parts.ledger.commit(Tx { fence: None, writes: also }).await?,
        Err(error) => return Err(error.into()),
    }
    remember(&app, id, &contact).await
}

/// Compared without telling by the time where they differ.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0u8, |sum, (a, b)| sum | (a ^ b)) == 0
}

/// Heard once is enough; if this cannot be written the word may be heard twice, which every step bears.
async fn remember(app: &App, id: &str, contact: &ContactId) -> Result<StatusCode, Problem> {
    let now = app.now();
    let sheet = Sheet {
        kind: HEARD.to_owned(),
        id: id.to_owned(),
        version: 1,
        area: String::new(),
        home: None,
        elder: None,
        at: now,
        state: "heard".to_owned(),
        body: serde_json::Value::Null,
        written_at: now,
        written_by: contact.to_string(),
    };
    match app.parts.register.put(vec![Put::Sheet(sheet)]).await {
        Ok(()) | Err(LedgerError::Conflict) => Ok(StatusCode::NO_CONTENT),
        Err(error) => Err(error.into()),
    }
}
