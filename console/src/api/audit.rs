//! The audit: who did what, in a chain that shows if a line was changed.

use super::openapi::Refusals;
use crate::app::App;
use crate::extract::{Asked, limit};
use crate::people::audit;
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use store::register::{AuditAsk, AuditLine};
use utoipa::{IntoParams, ToSchema};

/// Which lines.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditAsked {
    /// `next` of the page before.
    #[param(maximum = 9223372036854775807i64)]
    cursor: Option<u64>,
    /// Most lines.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<usize>,
    /// Only actions that start with this: `elder.reveal`, `alarm.`, ... `reads`: all by which somebody saw what is masked.
    action: Option<String>,
    /// Only what this one did.
    who: Option<String>,
    /// Only what was done to this, or to a part of it.
    subject: Option<String>,
    /// At this instant or later.
    from: Option<DateTime<Utc>>,
    /// Before this instant.
    to: Option<DateTime<Utc>>,
    /// Which come first.
    #[serde(default)]
    #[param(inline)]
    order: Order,
}

/// Which lines come first.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// In the order of the chain.
    #[default]
    Oldest,
    /// The other way round.
    Newest,
}

/// A line of the audit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditLineShape {
    seq: u64,
    at: DateTime<Utc>,
    who: String,
    action: String,
    subject: String,
    /// SHA-256 over the line and the hash of the one before, hex.
    hash: String,
}

/// A page of the audit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditPage {
    items: Vec<AuditLineShape>,
    /// The cursor of the next page; null: this was the last one.
    next: Option<u64>,
}

/// Whether the chain is whole.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Verification {
    whole: bool,
    /// The first line that does not fit.
    broken_at: Option<u64>,
}

/// Lines of the audit, oldest first, or newest first if so asked.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(AuditAsked), responses((status = 200, body = AuditPage), Refusals))]
pub(crate) async fn list(State(app): State<App>, Asked(asked): Asked<AuditAsked>) -> Result<Json<AuditPage>, Problem> {
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let most = limit(asked.limit)?;
    let ask = AuditAsk {
        before: None,
        who: given(asked.who),
        actions: audit::actions(&given(asked.action).unwrap_or_default()),
        subject: given(asked.subject),
        from: asked.from,
        to: asked.to,
    };
    let (lines, next) = match asked.order {
        Order::Oldest => audit::oldest(&app, &ask, asked.cursor.unwrap_or(0), most).await?,
        Order::Newest => audit::latest(&app, &AuditAsk { before: asked.cursor, ..ask }, most).await?,
    };
    let shape = |l: AuditLine| AuditLineShape { seq: l.seq, at: l.at, who: l.who, action: l.action, subject: l.subject, hash: l.hash };
    Ok(Json(AuditPage { items: lines.into_iter().map(shape).collect(), next }))
}

/// Checks the whole chain.
#[utoipa::path(get, path = "/api/v1/audit/verification", tag = "audit", responses((status = 200, body = Verification), Refusals))]
pub(crate) async fn verify(State(app): State<App>) -> Result<Json<Verification>, Problem> {
    let broken_at = app.parts.register.verify_audit().await?;
    Ok(Json(Verification { whole: broken_at.is_none(), broken_at }))
}
