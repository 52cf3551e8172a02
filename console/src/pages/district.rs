//! Many homes that cannot be heard for one cause: the alarm about their area stands for theirs. They are shown under
//! it, and closed with it as far as they are over.

use crate::app::App;
use crate::caller::Caller;
use crate::problem::Problem;
use care::district::{area_of, is_symptom};
use care::{Alarm, AlarmId};
use std::collections::HashMap;
use std::sync::Arc;
use store::register::within;

/// Homes that the card of an alarm about an area lists (LIM-1).
const LISTED_MAX: usize = 500;

/// A home under the alarm about its area.
pub(crate) struct Under {
    pub(crate) id: String,
    pub(crate) who: String,
    pub(crate) place: String,
}

/// Takes out the alarms that an open alarm about an area stands for, and counts them for it. The selected one stays.
pub(crate) async fn fold(app: &App, alarms: Vec<Arc<Alarm>>, selected: Option<&str>) -> Result<(Vec<Arc<Alarm>>, HashMap<AlarmId, usize>), Problem> {
    let areas: Vec<(AlarmId, String)> = alarms.iter().filter_map(|a| Some((a.id.clone(), area_of(&a.cause)?.to_owned()))).collect();
    let mut under = HashMap::new();
    if areas.is_empty() {
        return Ok((alarms, under));
    }
    let mut shown = Vec::new();
    for alarm in alarms {
        let over = if is_symptom(&alarm.cause) { lies_in(app, &alarm, &areas).await? } else { None };
        match over {
            Some(district) if selected != Some(alarm.id.as_str()) => *under.entry(district).or_default() += 1,
            Some(_) | None => shown.push(alarm),
        }
    }
    Ok((shown, under))
}

async fn lies_in(app: &App, alarm: &Alarm, areas: &[(AlarmId, String)]) -> Result<Option<AlarmId>, Problem> {
    let place = app.places.of(&alarm.home).await?;
    let Some(home) = &place.record else { return Ok(None) };
    Ok(areas.iter().find(|(_, area)| within(&home.area, area)).map(|(id, _)| id.clone()))
}

/// The open alarms that an alarm about an area stands for, of homes that the caller sees.
pub(crate) async fn symptoms(app: &App, caller: &Caller, district: &Alarm) -> Result<Vec<Arc<Alarm>>, Problem> {
    let Some(area) = area_of(&district.cause) else { return Ok(Vec::new()) };
    let areas = [(district.id.clone(), area.to_owned())];
    let mut out = Vec::new();
    for alarm in app.live.open().await? {
        if is_symptom(&alarm.cause) && app.sees(caller, &alarm.home).await? && lies_in(app, &alarm, &areas).await?.is_some() {
            out.push(alarm);
        }
    }
    Ok(out)
}

/// The homes under an alarm about an area, for its card.
pub(crate) async fn under(app: &App, caller: &Caller, district: &Alarm) -> Result<Vec<Under>, Problem> {
    let mut out = Vec::new();
    for alarm in symptoms(app, caller, district).await?.into_iter().take(LISTED_MAX) {
        let place = app.places.seen_by(caller, &alarm.home).await?;
        let names = place.names();
        let who = if names.is_empty() { alarm.home.as_str().to_owned() } else { names };
        out.push(Under { id: alarm.id.as_str().to_owned(), who, place: place.area() });
    }
    Ok(out)
}
