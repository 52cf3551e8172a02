//! Who is on shift, as the register's sheets say it: the console writes them, and whoever calls somebody up reads them.

use crate::LedgerError;
use crate::register::{PersonRecord, Register, Role, within};
use crate::sheet::SheetAsk;
use care::{Alarm, PersonId, TimeDelta, Timestamp};

/// The kind of the sheets that say who is on shift; the identifier is the person's.
pub const SHIFT: &str = "shift";
/// A shift that was forgotten no longer counts after this.
pub const SHIFT_MAX: TimeDelta = TimeDelta::hours(16);

/// True if a role works on alarms at the desk.
pub fn is_at_the_desk(role: Role) -> bool {
    match role {
        Role::Operator | Role::ShiftLead | Role::Administrator => true,
        Role::VillageLiaison
        | Role::TownGuide
        | Role::CitySupervisor
        | Role::Department
        | Role::Visitor
        | Role::Family
        | Role::Responder
        | Role::WallBoard => false,
    }
}

/// Those on shift at `now` and since when, whoever came first first.
///
/// # Errors
/// The register's.
pub async fn on_shift(register: &dyn Register, now: Timestamp) -> Result<Vec<(PersonRecord, Timestamp)>, LedgerError> {
    let mut out = Vec::new();
    for sheet in register.sheets(&SheetAsk::of(SHIFT).state("on").from(now - SHIFT_MAX)).await? {
        let found = register.person(&PersonId::new(sheet.id)).await?;
        out.extend(found.filter(|p| p.active && is_at_the_desk(p.role)).map(|p| (p, sheet.at)));
    }
    out.sort_by(|a, b| (a.1, &a.0.id).cmp(&(b.1, &b.0.id)));
    Ok(out)
}

/// The leads of shifts, with their areas.
///
/// # Errors
/// The register's.
pub async fn leads(register: &dyn Register) -> Result<Vec<(PersonId, String)>, LedgerError> {
    let people = register.people().await?;
    Ok(people.into_iter().filter(|p| p.active && p.role == Role::ShiftLead).map(|p| (p.id, p.area)).collect())
}

/// Whom a red alarm goes to that nobody takes, and after how long, of those whose area holds its home; `area`: of its home,
/// or none for a home that nobody has entered: then everybody.
pub fn called_up<'a>(
    alarm: &Alarm,
    area: Option<&str>,
    on: impl Iterator<Item = (&'a PersonId, &'a str)>,
    leads: &[(PersonId, String)],
) -> Vec<(TimeDelta, PersonId)> {
    let covers = |own: &str| area.is_none_or(|area| within(area, own));
    let on: Vec<PersonId> = on.filter(|(_, own)| covers(own)).map(|(person, _)| person.clone()).collect();
    let leads: Vec<PersonId> = leads.iter().filter(|(_, own)| covers(own)).map(|(person, _)| person.clone()).collect();
    care::alarm::called_up(alarm, &on, &leads)
}
