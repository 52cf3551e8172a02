//! The first steps after `hearthline init`. A step is done when the facts say so, not when somebody ticks it.

use crate::app::App;
use crate::caller::Caller;
use crate::ports::{FeedKind, FeedState};
use crate::problem::Problem;
use care::HomeId;
use serde::Serialize;
use store::ledger::Which;
use store::register::{AuditAsk, PlanScope, Role};
use utoipa::ToSchema;

/// Homes that are looked at for the first device.
const HOMES: usize = 200;
/// Alarms that are looked at for the first press.
const ALARMS: usize = 200;

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = StepName)]
pub(crate) enum Step {
    /// The password that `init` printed is changed.
    Password,
    /// The city and its towns are entered.
    Areas,
    /// Somebody besides the administrator takes alarms.
    Operators,
    /// There is a plan for the whole city.
    Plan,
    /// A channel to people works.
    Channel,
    /// A home is entered, with who lives there.
    Home,
    /// Somebody can be called for it.
    Contact,
    /// A device of a home was heard.
    Device,
    /// Somebody pressed a button, and it became an alarm.
    Press,
    /// The alarm was handled and closed.
    Closed,
}

/// Every step with whether it is done, in their order.
pub(crate) async fn list(app: &App, caller: &Caller) -> Result<Vec<(Step, bool)>, Problem> {
    let register = &app.parts.register;
    let own = AuditAsk { who: Some(caller.person.as_str().to_owned()), actions: vec!["person.password".to_owned()], ..AuditAsk::default() };
    let password = !register.audit_latest(&own, 1).await?.is_empty();
    let areas = !register.areas().await?.is_empty();
    let takes = |role: Role| matches!(role, Role::Operator | Role::ShiftLead);
    let operators = register.people().await?.iter().any(|person| person.active && takes(person.role));
    let plan = register.plans().await?.iter().any(|plan| plan.scope == PlanScope::City && !plan.plan.rungs.is_empty());
    let channel = app.parts.feeds.feeds().iter().any(|feed| feed.kind == FeedKind::Channel && feed.state == FeedState::Working);
    let homes: Vec<HomeId> = register.homes(None, HOMES).await?.into_iter().filter(|home| !app.is_canary(home)).collect();
    let (mut lived_in, mut contact, mut heard) = (false, false, false);
    for home in &homes {
        if lived_in && contact && heard {
            break;
        }
        lived_in |= !register.elder_ids_of(home).await?.is_empty();
        contact |= !register.contacts_of(home).await?.is_empty();
        heard |= app.parts.homes.view(home).await.is_some_and(|view| !view.devices.is_empty());
    }
    let alarms = app.parts.ledger.alarms(Which::All, None, ALARMS).await?;
    let mut real = alarms.iter().map(|stored| &stored.value).filter(|alarm| !app.is_canary(&alarm.home)).peekable();
    let press = real.peek().is_some();
    let closed = real.any(|alarm| !alarm.is_open());
    Ok(vec![
        (Step::Password, password),
        (Step::Areas, areas),
        (Step::Operators, operators),
        (Step::Plan, plan),
        (Step::Channel, channel),
        (Step::Home, lived_in),
        (Step::Contact, contact),
        (Step::Device, heard),
        (Step::Press, press),
        (Step::Closed, closed),
    ])
}
