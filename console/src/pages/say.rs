//! Facts in the words of a language: times, lengths, names of relations, kinds and outcomes.

use crate::look::Look;
use crate::messages::{Words, fill};
use care::alarm::{AttemptOutcome, OUTCOMES};
use care::home::{Cover, DeviceHealth, Occupancy};
use care::reason::span;
use care::{Alarm, Cause, Language, Level, TimeDelta, Timestamp};

/// A time of day with seconds, and the date if it is not today.
pub(crate) fn clock(look: &Look, at: Timestamp, now: Timestamp) -> String {
    let (local, today) = (at.with_timezone(&look.zone), now.with_timezone(&look.zone).date_naive());
    if local.date_naive() == today { local.format("%H:%M:%S").to_string() } else { local.format("%m-%d %H:%M").to_string() }
}

/// A time of day without seconds.
pub(crate) fn minute(look: &Look, at: Timestamp, now: Timestamp) -> String {
    let (local, today) = (at.with_timezone(&look.zone), now.with_timezone(&look.zone).date_naive());
    if local.date_naive() == today { local.format("%H:%M").to_string() } else { local.format("%m-%d %H:%M").to_string() }
}

/// A waiting time: `0:47`, above an hour in words. The scripts write it the same way.
pub(crate) fn wait(look: &Look, waited: TimeDelta) -> String {
    let seconds = waited.num_seconds().max(0);
    let w = look.words();
    match seconds {
        ..3_600 => format!("{}:{:02}", seconds / 60, seconds % 60),
        3_600..172_800 => fill(w.wait_hours, &[("h", &(seconds / 3_600).to_string()), ("m", &(seconds % 3_600 / 60).to_string())]),
        _ => fill(w.wait_days, &[("d", &(seconds / 86_400).to_string()), ("h", &(seconds % 86_400 / 3_600).to_string())]),
    }
}

/// How long ago.
pub(crate) fn ago(look: &Look, at: Timestamp, now: Timestamp) -> String {
    fill(look.words().ago, &[("span", &span((now - at).num_seconds().max(0), look.language))])
}

/// Shape and class of a level: colour, shape and word say the same.
pub(crate) fn level(level: Level) -> (&'static str, &'static str) {
    match level {
        Level::Red => ("red", "▲"),
        Level::Urgent => ("urgent", "◆"),
        Level::Attention => ("attention", "●"),
        Level::Technical => ("technical", "■"),
    }
}

/// How often it came: presses of a button, reports of whatever else. Nothing if it came once.
pub(crate) fn again(w: &Words, alarm: &Alarm) -> String {
    let words = if alarm.cause == Cause::Call { w.pressed } else { w.repeated };
    if alarm.presses > 1 { fill(words, &[("n", &alarm.presses.to_string())]) } else { String::new() }
}

pub(crate) fn level_word(w: &Words, level: Level) -> &'static str {
    match level {
        Level::Red => w.level_red,
        Level::Urgent => w.level_urgent,
        Level::Attention => w.level_attention,
        Level::Technical => w.level_technical,
    }
}

pub(crate) fn outcome(language: Language, code: &str) -> String {
    let row = OUTCOMES.iter().find(|(known, _, _)| *known == code);
    match (row, language) {
        (Some((_, zh, _)), Language::Zh) => (*zh).to_owned(),
        (Some((_, _, en)), Language::En) => (*en).to_owned(),
        (None, Language::Zh | Language::En) => code.to_owned(),
    }
}

pub(crate) fn attempt(w: &Words, outcome: &AttemptOutcome) -> &'static str {
    match outcome {
        AttemptOutcome::Accepted => w.attempt_accepted,
        AttemptOutcome::TooLate => w.attempt_too_late,
        AttemptOutcome::PassedOn => w.attempt_passed_on,
        AttemptOutcome::NoKey => w.attempt_no_key,
        AttemptOutcome::WrongKey => w.attempt_wrong_key,
        AttemptOutcome::NoAnswer => w.attempt_no_answer,
        AttemptOutcome::Busy => w.attempt_busy,
        AttemptOutcome::Declined => w.attempt_declined,
        AttemptOutcome::Unreachable => w.attempt_unreachable,
        AttemptOutcome::ChannelDown => w.attempt_channel_down,
        AttemptOutcome::Delivered => w.attempt_delivered,
        AttemptOutcome::Released => w.attempt_released,
        AttemptOutcome::Unknown => w.attempt_unknown,
    }
}

pub(crate) fn note(w: &Words, kind: &str) -> String {
    match kind {
        "claim" => w.note_claim,
        "report" => w.note_report,
        "note" => w.note_note,
        "close" => w.note_close,
        "hand_over" => w.note_hand_over,
        "let_go" => w.note_let_go,
        "on_the_way" => w.note_on_the_way,
        "skip" => w.note_skip,
        "stop" => w.note_stop,
        "call_now" => w.note_call_now,
        "call" => w.note_call,
        "step" => w.note_step,
        "rejected" => w.note_rejected,
        "on_scene" => w.note_on_scene,
        "on_duty" => w.note_on_duty,
        other => other,
    }
    .to_owned()
}

pub(crate) fn channel<'a>(w: &'a Words, name: &'a str) -> &'a str {
    match name {
        "voice" => w.channel_voice,
        "webhook" => w.channel_webhook,
        "sms" => w.channel_sms,
        "push" => w.channel_push,
        "email" => w.channel_email,
        "device" => w.channel_device,
        other => other,
    }
}

pub(crate) fn relation<'a>(w: &'a Words, code: &'a str) -> &'a str {
    match code {
        "elder" => w.relation_elder,
        "daughter" => w.relation_daughter,
        "son" => w.relation_son,
        "spouse" => w.relation_spouse,
        "neighbour" => w.relation_neighbour,
        "village_liaison" => w.relation_village_liaison,
        "family_doctor" => w.relation_family_doctor,
        "duty_phone" => w.relation_duty_phone,
        "speaking_device" => w.relation_speaking_device,
        other => other,
    }
}

/// Of those to whom a red alarm goes that nobody takes; every other name as it is.
pub(crate) fn called_up<'a>(w: &'a Words, id: &'a str) -> &'a str {
    match id {
        care::alarm::SECOND => w.call_up_second,
        care::alarm::LEAD => w.call_up_lead,
        other => other,
    }
}

pub(crate) fn kind<'a>(w: &'a Words, code: &'a str) -> &'a str {
    match code {
        "button" | "call" => w.kind_button,
        "motion" => w.kind_motion,
        "door" => w.kind_door,
        "smoke" => w.kind_smoke,
        "gas" => w.kind_gas,
        "carbon_monoxide" => w.kind_carbon_monoxide,
        "water_leak" => w.kind_water_leak,
        "fall" => w.kind_fall,
        "bed" => w.kind_bed,
        "seat" => w.kind_seat,
        "contact" => w.kind_contact,
        "water" => w.kind_water,
        "power" => w.kind_power,
        "hub" => w.kind_hub,
        "pendant" => w.kind_pendant,
        "presence" => w.kind_presence,
        "temperature" => w.kind_temperature,
        other => other,
    }
}

pub(crate) fn sex(w: &Words, code: &str) -> &'static str {
    match code {
        "female" => w.sex_female,
        "male" => w.sex_male,
        _ => "",
    }
}

pub(crate) fn tier(w: &Words, code: &str) -> &'static str {
    match code {
        "key" => w.tier_key,
        "general" => w.tier_general,
        _ => "",
    }
}

/// Class, shape and word of a cover state.
pub(crate) fn cover(w: &Words, cover: Option<Cover>) -> (&'static str, &'static str, &'static str) {
    match cover {
        Some(Cover::Protected) => ("ok", "✓", w.cover_protected),
        Some(Cover::Degraded) => ("urgent", "◆", w.cover_degraded),
        Some(Cover::Unprotected) => ("red", "▲", w.cover_unprotected),
        None => ("technical", "■", w.cover_unknown),
    }
}

pub(crate) fn occupancy(w: &Words, occupancy: Occupancy) -> &'static str {
    match occupancy {
        Occupancy::Home => w.occupancy_home,
        Occupancy::Away => w.occupancy_away,
        Occupancy::Visitor => w.occupancy_visitor,
        Occupancy::Unknown => w.occupancy_unknown,
    }
}

/// Class and word of a device's health.
pub(crate) fn health(w: &Words, health: DeviceHealth) -> (&'static str, &'static str) {
    match health {
        DeviceHealth::Working => ("ok", w.device_working),
        DeviceHealth::Silent => ("urgent", w.device_silent),
        DeviceHealth::Offline => ("red", w.device_offline),
    }
}
