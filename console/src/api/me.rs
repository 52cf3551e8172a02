//! Who am I, and what may I do.

use super::openapi::Refusals;
use crate::caller::{Caller, Need};
use axum::Json;
use serde::Serialize;
use store::register::Role;
use utoipa::ToSchema;

/// The one who asks.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Me {
    /// The sign-in name.
    id: String,
    /// The display name.
    name: String,
    /// The role.
    #[schema(value_type = RoleName)]
    role: Role,
    /// The area it holds in; empty: everywhere.
    area: String,
    /// May take alarms and reveal what is masked.
    acts: bool,
    /// May read the audit.
    audits: bool,
}

/// Roles.
#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "stands for the document only: the register's own type is serialised")]
pub(crate) enum RoleName {
    Operator,
    ShiftLead,
    VillageLiaison,
    TownGuide,
    CitySupervisor,
    Department,
    Visitor,
    Family,
    Responder,
    WallBoard,
    Administrator,
}

/// Who am I, and what may I do.
#[utoipa::path(get, path = "/api/v1/me", tag = "people", responses((status = 200, body = Me), Refusals))]
pub(crate) async fn me(caller: Caller) -> Json<Me> {
    Json(Me {
        id: caller.person.as_str().to_owned(),
        acts: Need::Act.met_by(caller.role),
        audits: Need::Audit.met_by(caller.role),
        name: caller.name,
        role: caller.role,
        area: caller.area,
    })
}
