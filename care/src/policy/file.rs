//! The policy file as it is written, schema 1: every key that may stand in it, and nothing else. The
//! rules across keys are in `check`.

use super::words::{Ability, Colour, Force, Mode, OnRefusal, Outcome, PerElder};
use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) schema: Spanned<i64>,
    pub(super) policy: Head,
    #[serde(default)]
    pub(super) category: Vec<Category>,
    #[serde(default)]
    pub(super) tier: Vec<Tier>,
    #[serde(default)]
    pub(super) obligation: Vec<Obligation>,
    #[serde(default)]
    pub(super) extra: Vec<Extra>,
    #[serde(default)]
    pub(super) counts: Counts,
    pub(super) ledger: Option<Ledger>,
    pub(super) consent: Option<Consent>,
    pub(super) suspend: Option<Suspend>,
    pub(super) overrides: Option<Overrides>,
    pub(super) risk: Option<Risk>,
    pub(super) supervision: Option<Supervision>,
    #[serde(default)]
    pub(super) forms: Forms,
    #[serde(default)]
    pub(super) interpretation: Vec<Interpretation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    pub(super) id: Spanned<String>,
    pub(super) version: Spanned<String>,
    pub(super) title: String,
    pub(super) document: Option<String>,
    #[serde(default)]
    pub(super) upper: Vec<String>,
    pub(super) effective_from: Spanned<Datetime>,
    pub(super) effective_to: Option<Spanned<Datetime>>,
    pub(super) timezone: Spanned<String>,
    pub(super) locale: String,
    pub(super) elder_age_min: Spanned<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Category {
    pub(super) code: Spanned<String>,
    pub(super) name: String,
    #[serde(default)]
    pub(super) needs: Needs,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Needs {
    pub(super) ability_in: Option<Vec<Ability>>,
    pub(super) disability_level_in: Option<Vec<u8>>,
    pub(super) field: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tier {
    pub(super) code: Spanned<String>,
    pub(super) name: String,
    pub(super) any: Vec<Spanned<Condition>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Condition {
    pub(super) category: Option<Spanned<String>>,
    pub(super) any_category: Option<bool>,
    pub(super) age_min: Option<i32>,
    pub(super) age_max: Option<i32>,
    pub(super) ability_in: Option<Vec<Ability>>,
    pub(super) disability_level_in: Option<Vec<u8>>,
    pub(super) number: Option<String>,
    pub(super) at_least: Option<f64>,
    pub(super) at_most: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Obligation {
    pub(super) id: Spanned<String>,
    pub(super) tier: Vec<Spanned<String>>,
    pub(super) modes: Spanned<Vec<Mode>>,
    pub(super) min: Spanned<u32>,
    pub(super) window: Spanned<Window>,
    pub(super) warn_gap_days: Option<Spanned<u16>>,
    pub(super) target_pct: Option<Spanned<f64>>,
    pub(super) basis: Option<Spanned<String>>,
    pub(super) force: Force,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Window {
    pub(super) kind: WindowKind,
    pub(super) days: Option<u16>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum WindowKind {
    Day,
    Week,
    HalfMonth,
    Month,
    Quarter,
    Rolling,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Extra {
    pub(super) id: Spanned<String>,
    pub(super) on: Spanned<On>,
    pub(super) tier: Vec<Spanned<String>>,
    pub(super) modes: Spanned<Vec<Mode>>,
    pub(super) min: Option<Spanned<u32>>,
    pub(super) within_hours: Option<Spanned<u16>>,
    pub(super) days_before: Option<Spanned<u16>>,
    pub(super) basis: Option<Spanned<String>>,
    pub(super) force: Force,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct On {
    pub(super) cap_event_in: Option<Vec<String>>,
    pub(super) level_min: Option<Colour>,
    pub(super) festival_in: Option<Vec<String>>,
    pub(super) event_in: Option<Vec<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Counts {
    pub(super) home: Option<CountRule>,
    pub(super) video: Option<CountRule>,
    pub(super) phone: Option<CountRule>,
    pub(super) other: Option<CountRule>,
    pub(super) remote: Option<Remote>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CountRule {
    pub(super) outcome_in: Option<Vec<Outcome>>,
    pub(super) record: Option<String>,
    #[serde(default)]
    pub(super) signatures: Vec<String>,
    #[serde(default)]
    pub(super) unsigned_ok: Vec<String>,
    pub(super) late_entry_after_days: Option<u16>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Remote {
    #[serde(default)]
    pub(super) satisfies: Vec<Spanned<String>>,
    pub(super) requires: Option<Vec<Spanned<String>>>,
    pub(super) period_days: Option<Spanned<u16>>,
    pub(super) min_valid_days: Option<Spanned<u16>>,
    pub(super) valid_day: Option<Spanned<ValidDay>>,
    pub(super) report: Option<String>,
    pub(super) form_mode: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ValidDay {
    pub(super) min_coverage_pct: Option<f64>,
    pub(super) min_presence_events: Option<u32>,
    pub(super) max_gap_hours: Option<u16>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ledger {
    pub(super) review_every_months: Option<Spanned<u32>>,
    pub(super) basis: Option<String>,
    #[serde(default)]
    pub(super) sync_to: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Consent {
    pub(super) kinds: Option<Vec<String>>,
    pub(super) on_refusal: Option<OnRefusal>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Suspend {
    pub(super) reasons: Option<Vec<String>>,
    pub(super) evidence: Option<bool>,
    pub(super) first_window: Option<Spanned<FirstWindow>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FirstWindow {
    pub(super) rule: FirstWindowRule,
    pub(super) pct: Option<f64>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum FirstWindowRule {
    DueIfRemainingPct,
    Due,
    Grace,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Overrides {
    pub(super) per_elder: PerElder,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Risk {
    pub(super) first_step: Option<String>,
    pub(super) numbers: Option<Vec<String>>,
    pub(super) then: Option<Vec<String>>,
    #[serde(default)]
    pub(super) follow_up: Vec<FollowUp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FollowUp {
    pub(super) kind: String,
    pub(super) due_days: Spanned<u16>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Supervision {
    pub(super) levels: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Forms {
    pub(super) registration: Option<Form>,
    pub(super) visit: Option<Form>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Form {
    pub(super) template: String,
    pub(super) copies: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Interpretation {
    pub(super) id: Spanned<String>,
    pub(super) quote: String,
    pub(super) question: String,
    pub(super) options: Vec<String>,
    pub(super) chosen: Spanned<String>,
    #[serde(default)]
    pub(super) decided_by: String,
    pub(super) decided_on: Option<Spanned<Datetime>>,
}
