//! Where an elder stands: suspensions with their proof, a tier that is stricter than the facts ask for, leaving the register.

use super::part::choices;
use super::{Cell, Desk, Field, Fields, Form, Listing, Page, back, due};
use crate::api::office::elder_of;
use crate::extract::Id;
use crate::office::Kept;
use crate::problem::Problem;
use axum::response::Response;
use care::office::elder::{ElderFile, SourceKind, Suspended};
use care::policy::reason_name;

pub(crate) async fn page(desk: Desk, Id(id): Id) -> Result<Response, Problem> {
    let (o, l) = (desk.o, desk.look.language);
    elder_of(&desk.app, &desk.caller, &id).await?;
    let office = desk.app.parts.office.clone();
    let kept: Kept<ElderFile> = office.get(&id).await?;
    let file = &kept.record;
    let (policy, today) = (office.policy()?, office.today());
    let mut page = Page::new("elders", format!("{} · {}", file.name, o.standing)).link(format!("/office/elders/{id}"), o.elder_file);
    let mut table = Listing::new("suspensions", o.suspensions, &[o.why, o.from, o.last_day, o.proof, o.who]);
    let mut open = Vec::new();
    for (n, one) in file.suspensions.iter().enumerate() {
        let reason = reason_name(&one.reason, l);
        if one.to.is_none_or(|to| to >= today) {
            open.push((n.to_string(), format!("{reason} {}", one.from), false));
        }
        table.rows.push(vec![
            Cell::text(reason),
            Cell::text(one.from.to_string()),
            Cell::text(one.to.map(|to| to.to_string()).unwrap_or_default()),
            Cell::wide(&one.proof),
            Cell::text(one.by.to_string()),
        ]);
    }
    page.tables.push(table);
    let action = format!("/office/elders/{id}/standing");
    let act = |what: &str, title: &str, mut fields: Vec<Field>| {
        fields.insert(0, Field::of("hidden", "do", "", what));
        fields.insert(1, Field::of("hidden", "version", "", kept.version.to_string()));
        Form::act(title, action.clone(), o.save, fields)
    };
    let names: Vec<(String, String)> = policy.suspend.reasons.iter().map(|code| (code.clone(), reason_name(code, l))).collect();
    page.forms.push(act(
        "suspend",
        o.suspension_new,
        vec![
            Field::select("reason", o.why, choices(names.iter().map(|(code, name)| (code.as_str(), name.as_str())), "", None)),
            Field::of("date", "from", o.from, today.to_string()).required(),
            Field::of("date", "to", o.last_day, ""),
            Field::of("text", "proof", o.proof, "").required(),
        ],
    ));
    if !open.is_empty() {
        page.forms.push(act("resume", o.suspension_end, vec![Field::select("which", o.which, open), Field::of("date", "to", o.last_day, today.to_string()).required()]));
    }
    let computed = file.computed_tier(&policy, today).map_or_else(|| o.no_tier.to_owned(), |code| due::tier_name(Some(&policy), code));
    let tiers = choices(policy.tiers.iter().map(|tier| (tier.code.as_str(), tier.name.as_str())), file.chosen_tier.as_deref().unwrap_or_default(), Some(o.as_facts_say));
    page.lead.push(format!("{}：{computed}", o.decided));
    page.forms.push(act("tier", o.tier_choose, vec![Field::select("tier", o.tier, tiers)]));
    let leave = vec![Field::of("date", "left_on", o.left_on, file.left_on.map(|day| day.to_string()).unwrap_or_default()).hint(o.left_hint)];
    page.forms.push(Form { class: "danger", ..act("leave", o.leave, leave) });
    Ok(desk.show(page))
}

pub(crate) async fn save(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    elder_of(&desk.app, &desk.caller, &id).await?;
    let office = desk.app.parts.office.clone();
    let kept: Kept<ElderFile> = office.get(&id).await?;
    if fields.number("version") != Some(kept.version) {
        return Err(Problem::Changed);
    }
    let invalid = |field: &'static str| Problem::Invalid { field, what: |w| w.invalid_field };
    let day = |name: &'static str| fields.day(name).ok_or_else(|| invalid(name));
    let optional = |name: &'static str| if fields.text(name).is_empty() { Ok(None) } else { day(name).map(Some) };
    let mut file = kept.record;
    match fields.text("do") {
        "suspend" => {
            let by = desk.caller.person.clone();
            file.suspensions.push(Suspended { reason: fields.own("reason"), from: day("from")?, to: optional("to")?, proof: fields.own("proof"), by });
        }
        "resume" => {
            let which = fields.number("which").and_then(|n| usize::try_from(n).ok()).and_then(|n| file.suspensions.get_mut(n)).ok_or_else(|| invalid("which"))?;
            which.to = Some(day("to")?);
        }
        "tier" => file.chosen_tier = Some(fields.own("tier")).filter(|tier| !tier.is_empty()),
        "leave" => {
            file.left_on = optional("left_on")?;
            if file.left_on.is_some_and(|on| on > office.today()) {
                return Err(invalid("left_on"));
            }
        }
        _ => return Err(invalid("do")),
    }
    office.save_elder(file, kept.version, &desk.caller.person, SourceKind::Survey, None).await?;
    Ok(back(&format!("/office/elders/{id}/standing")))
}
