//! The register: who is in it, and an elder's file to be read and changed.

use super::form::{encode, query_without};
use super::part::{Choice, choices};
use super::{Cell, Desk, Fact, Field, Fields, Form, Listing, Page, Section, around, back, due};
use crate::api::office::{area_of, elder_of, only};
use crate::caller::Need;
use crate::extract::{Asked, Id};
use crate::messages::fill;
use crate::office::{Kept, Worklist, masked};
use crate::people::reads;
use crate::problem::Problem;
use axum::response::Response;
use care::office::category::{self, Verdict};
use care::office::elder::{Address, Benefit, Economy, ElderFile, EmergencyContact, FamilyMember, FirstContact, Source, SourceKind};
use care::office::import::{Offer, create};
use care::office::visit::Visit;
use care::office::{Consent, ConsentState, ConsentStep, Proof, Since};
use care::person::Sex;
use care::policy::{Ability, Policy};
use care::{ElderId, HomeId};
use serde::Deserialize;
use store::sheet::SheetAsk;

/// Elders on a page.
const ROWS: usize = 100;
/// Visits under an elder's file, the newest; all of them are in the booklet.
const VISITS: usize = 100;
/// Elders in a file.
const FILE_ROWS: usize = 200_000;

#[derive(Debug, Default, Deserialize)]
pub(crate) struct ElderAsked {
    #[serde(default)]
    text: String,
    #[serde(default)]
    area: String,
    #[serde(default)]
    list: String,
    #[serde(default)]
    cursor: String,
    #[serde(default)]
    format: String,
}

const LISTS: &[(&str, Worklist)] = &[
    ("no_first_contact", Worklist::NoFirstContact),
    ("review_due", Worklist::ReviewDue),
    ("card_ends", Worklist::CardEnds),
    ("no_tier", Worklist::NoTier),
    ("left", Worklist::Left),
];

pub(crate) async fn list(desk: Desk, Asked(asked): Asked<ElderAsked>) -> Result<Response, Problem> {
    let o = desk.o;
    let area = area_of(&desk.caller, Some(&asked.area))?;
    let own = only(&desk.app, &desk.caller).await?;
    let office = &desk.app.parts.office;
    let which = LISTS.iter().find(|(name, _)| *name == asked.list).map_or(Worklist::All, |(_, list)| *list);
    let after = Some(ElderId::new(&asked.cursor)).filter(|_| !asked.cursor.is_empty());
    // A file holds the whole list, a page a part of it.
    let max = if asked.format.is_empty() { ROWS } else { FILE_ROWS };
    let found = office.elders(&area, which, asked.text.trim(), after.as_ref(), max).await?;
    let next = (found.len() == max && asked.format.is_empty()).then(|| found.last().map(|last| last.id.clone())).flatten();
    let in_force = office.policy()?;
    let policy = &*in_force;
    let mut table = Listing::new("elders", o.tab_elders, &[o.name, o.age, o.area, o.tier, o.categories, o.review_due, o.first_contact]);
    let today = office.today();
    table.rows = found
        .iter()
        .filter(|brief| own.as_ref().is_none_or(|own| own.contains(&brief.id)))
        .map(|brief| {
            let names: Vec<String> = brief.categories.iter().map(|code| category_name(policy, code)).collect();
            let review = if brief.review_due <= today { Cell::chip("urgent", brief.review_due.to_string()) } else { Cell::text(brief.review_due.to_string()) };
            vec![
                Cell::link(&brief.name, format!("/office/elders/{}", brief.id)),
                Cell::count(u32::try_from(care::calendar::age_on(brief.born, today)).unwrap_or(0)),
                Cell::text(desk.place(&brief.area)),
                Cell::text(brief.tier.as_deref().map(|code| due::tier_name(Some(policy), code)).unwrap_or_default()),
                Cell::wide(names.join("、")),
                review,
                if brief.has_first_contact { Cell::text("✓") } else { Cell::chip("red", o.missing) },
            ]
        })
        .collect();
    if let Some(next) = next {
        let query = query_without(&desk.query, &["cursor", "format"]);
        table.next = Some(format!("/office/elders?{query}&cursor={}", encode(next.as_str())));
    }
    let lists = [
        ("no_first_contact", o.list_no_first_contact),
        ("review_due", o.list_review_due),
        ("card_ends", o.list_card_ends),
        ("no_tier", o.list_no_tier),
        ("left", o.list_left),
    ];
    let mut page = Page::new("elders", o.tab_elders);
    if desk.may(Need::Office) {
        page = page.link("/office/elders/new", o.new_elder).link("/office/blank/annex-1", o.blank_annex_1).link("/office/blank/annex-2", o.blank_annex_2);
    }
    page.search.push(Form::search(
        "/office/elders",
        o.search,
        vec![
            Field::of("search", "text", o.search_name, &asked.text),
            desk.area_field(&area),
            Field::select("list", o.show, choices(lists, &asked.list, Some(o.all))),
        ],
    ));
    page.tables.push(table);
    Ok(desk.show(page))
}

/// A category by the name that the policy gives it.
pub(crate) fn category_name(policy: &Policy, code: &str) -> String {
    policy.category(code).and_then(|place| policy.categories.get(place)).map_or_else(|| code.to_owned(), |category| category.name.clone())
}

fn benefit_said(one: &Benefit) -> String {
    let applied = one.applied_on.map(|on| on.to_string()).unwrap_or_default();
    let more = [applied.as_str(), one.result.as_str()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    if more.is_empty() { one.name.clone() } else { format!("{}（{more}）", one.name) }
}

fn yes_no(desk: &Desk, answer: Option<bool>) -> String {
    match answer {
        Some(true) => desk.o.yes,
        Some(false) => desk.o.no,
        None => "—",
    }
    .to_owned()
}

fn or_dash(text: &str) -> String {
    if text.trim().is_empty() { "—".to_owned() } else { text.to_owned() }
}

fn written(address: &Address) -> String {
    or_dash([address.town.as_str(), &address.village, &address.detail].join(" ").trim())
}

pub(crate) async fn one(desk: Desk, Id(id): Id) -> Result<Response, Problem> {
    let o = desk.o;
    let brief = elder_of(&desk.app, &desk.caller, &id).await?;
    let office = desk.app.parts.office.clone();
    let kept: Kept<ElderFile> = office.get(&id).await?;
    reads::opened(&desk.app, &desk.caller, "elder.read", &id).await?;
    let file = masked(&kept.record);
    let in_force = office.policy()?;
    let policy = &*in_force;
    let today = office.today();
    let language = desk.look.language;
    let mut page = Page::new("elders", &file.name).link(format!("/office/elders/{id}/found"), o.found_new);
    if desk.may(Need::Office) {
        let annex = format!("/office/elders/{id}/annex-1");
        page = page.link(format!("/office/elders/{id}/edit"), o.edit).link(format!("/office/elders/{id}/life"), o.life).link(annex, o.annex_1).link(format!("/office/elders/{id}/booklet"), o.booklet).link(format!("/office/elders/{id}/standing"), o.standing).link(format!("/office/elders/{id}/copies"), o.copies);
    }
    page = page.link(format!("/office/elders/{id}/rights"), o.rights);
    let near = file.family.iter().find(|one| one.child && (one.lives_here || one.town == category::town(&file.area)));
    if let Some(child) = near.filter(|_| !file.first_contact.as_ref().is_some_and(|first| first.child_near)) {
        page.lead.push(fill(o.first_contact_child, &[("name", &child.name)]));
    }
    let source = |field: &str| file.sources.get(field).map(|source| format!("（{}）", source.from.name(language))).unwrap_or_default();
    let with = |label: &str, field: &str, text: String| -> Fact { (label.to_owned(), format!("{text}{}", source(field))) };
    let tier = brief.tier.as_deref().map(|code| due::tier_name(Some(policy), code)).unwrap_or_else(|| o.no_tier.to_owned());
    let names: Vec<String> = file.categories_on(today).iter().map(|code| category_name(policy, code)).collect();
    let sex = match file.sex {
        Some(Sex::Male) => o.male,
        Some(Sex::Female) => o.female,
        None => "—",
    };
    let emergency: Vec<String> = file.emergency.iter().map(|one| format!("{} {} {}", one.name, one.relation, one.phone)).collect();
    let age = care::calendar::age_on(file.born, today);
    page.sections.push(Section {
        title: o.basics.to_owned(),
        facts: vec![
            with(o.sex, "sex", sex.to_owned()),
            with(o.born, "born", format!("{} ({age})", file.born)),
            with(o.id_number, "id_number", or_dash(if file.id_number.is_empty() { &file.no_id } else { &file.id_number })),
            with(o.phone, "phone", or_dash(&file.phone)),
            with(o.emergency, "emergency", or_dash(&emergency.join("；"))),
            with(o.lives_at, "lives_at", written(&file.lives_at)),
            with(o.registered_at, "registered_at", written(&file.registered_at)),
            (o.area.to_owned(), desk.place(&file.area)),
            (o.tier.to_owned(), tier),
            with(o.categories, "entered", or_dash(&names.join("、"))),
            with(o.ability, "ability", Since::on(&file.ability, today).map_or("—", |ability| ability.name(language)).to_owned()),
            with(o.card, "disability_card", or_dash(&file.disability_card)),
            (o.first_contact.to_owned(), file.first_contact.as_ref().map_or_else(|| o.missing.to_owned(), |one| format!("{} {} {}", one.name, one.relation, one.phone))),
            (o.filed_on.to_owned(), file.filed_on.to_string()),
            (o.enrolled_on.to_owned(), file.enrolled_on.to_string()),
            (o.review_due.to_owned(), brief.review_due.to_string()),
        ],
    });
    page.sections.push(Section {
        title: o.living.to_owned(),
        facts: vec![
            with(o.past_illness, "past_illness", or_dash(&file.past_illness)),
            with(o.economy, "economy", file.economy.map_or("—", |one| one.name(language)).to_owned()),
            with(o.income, "income", file.income.map_or_else(|| "—".to_owned(), |yuan| yuan.to_string())),
            with(o.income_source, "income_source", or_dash(&file.income_source)),
            (o.water_safe.to_owned(), yes_no(&desk, file.living.water_safe)),
            (o.electricity_safe.to_owned(), yes_no(&desk, file.living.electricity_safe)),
            (o.housing_safe.to_owned(), yes_no(&desk, file.living.housing_safe)),
            (o.pension.to_owned(), file.living.pension.map_or_else(|| "—".to_owned(), |yuan| yuan.to_string())),
            (o.benefits.to_owned(), or_dash(&file.living.benefits.iter().map(benefit_said).collect::<Vec<_>>().join("、"))),
            (o.suggested.to_owned(), or_dash(&category::suggestions(&kept.record, today).join("、"))),
        ],
    });
    let mut family = Listing::new("family", o.family, &[o.name, o.sex, o.relation, o.id_number, o.health, o.visits_often]);
    family.rows = file
        .family
        .iter()
        .map(|one| {
            let sex = match one.sex {
                Some(Sex::Male) => o.male,
                Some(Sex::Female) => o.female,
                None => "",
            };
            vec![Cell::text(&one.name), Cell::text(sex), Cell::text(&one.relation), Cell::text(&one.id_number), Cell::text(&one.health), Cell::text(yes_no(&desk, one.visits_often))]
        })
        .collect();
    let mut facts = Listing::new("categories", o.decided, &[o.categories, o.verdict, o.why, o.entered]);
    facts.rows = category::decisions(&file, today)
        .iter()
        .map(|one| {
            let (chip, verdict) = match one.verdict {
                Verdict::Yes => ("ok", o.yes),
                Verdict::No => ("", o.no),
                Verdict::Unknown => ("attention", o.unknown),
            };
            let entered = if one.entered { o.yes } else { o.no };
            let entered = if one.differs() { Cell::chip("urgent", fill(o.differs, &[("is", entered)])) } else { Cell::text(entered) };
            vec![Cell::text(category_name(policy, one.category)), Cell::chip(chip, verdict), Cell::wide(one.why.render(language, desk.look.zone)), entered]
        })
        .collect();
    let visits = office.page::<Visit>(SheetAsk::default().elder(&brief.id).newest_first().max(VISITS)).await?.records;
    let mut record = Listing::new("visits", o.visits, &[o.when, o.mode, o.outcome, o.visitor, o.state]);
    record.rows = visits
        .iter()
        .map(|kept| {
            let visit = &kept.record;
            let (chip, state) = visit_state(&desk, visit);
            vec![
                Cell::link(desk.when(visit.start), format!("/office/visits/{}", visit.id)),
                Cell::text(visit.mode.name(language)),
                Cell::text(visit.outcome.name(language)),
                Cell::text(visit.visitor.to_string()),
                Cell::chip(chip, state),
            ]
        })
        .collect();
    let mut consents = Listing::new("consents", o.consents, &[o.purpose, o.state, o.when, o.said_by, o.reason]);
    for kept in office.consents_of(&brief.id).await? {
        let Consent { purpose, steps, .. } = kept.record;
        if let Some(step) = steps.last() {
            let (chip, state) = consent_state(&desk, step.state);
            consents.rows.push(vec![Cell::text(purpose_name(&desk, &purpose)), Cell::chip(chip, state), Cell::text(desk.when(step.at)), Cell::text(&step.said_by), Cell::wide(&step.reason)]);
        }
    }
    page.tables.extend([record, family, facts, consents]);
    around::add(&desk, &mut page, &brief.id).await?;
    let kinds: Vec<(String, String)> = policy.consent.kinds.iter().map(|kind| (kind.clone(), purpose_name(&desk, kind))).collect();
    let states = [("given", o.consent_given), ("refused", o.consent_refused), ("withdrawn", o.consent_withdrawn)];
    page.forms.push(Form::act(
        o.consent_new,
        format!("/office/elders/{id}/consent"),
        o.save,
        vec![
            Field::select("purpose", o.purpose, choices(kinds.iter().map(|(code, name)| (code.as_str(), name.as_str())), "", None)),
            Field::select("state", o.state, choices(states, "given", None)),
            Field::of("text", "said_by", o.said_by, &file.name).required(),
            Field::of("text", "proof", o.proof, ""),
            Field::of("text", "reason", o.reason, ""),
            Field::of("date", "ask_again_on", o.ask_again_on, "").hint(o.ask_again_hint),
        ],
    ));
    if desk.may(Need::Office) {
        page.forms.push(Form::act(o.review, format!("/office/elders/{id}/review"), o.review_go, vec![Field::of("hidden", "version", "", kept.version.to_string())]));
    }
    Ok(desk.show(page))
}

/// A visit's state in a word.
pub(crate) fn visit_state(desk: &Desk, visit: &Visit) -> (&'static str, &'static str) {
    match (visit.signed_at, visit.corrections.is_empty()) {
        (None, _) => ("attention", desk.o.visit_draft),
        (Some(_), true) => ("ok", desk.o.visit_signed),
        (Some(_), false) => ("urgent", desk.o.visit_corrected),
    }
}

fn consent_state(desk: &Desk, state: ConsentState) -> (&'static str, &'static str) {
    match state {
        ConsentState::Given => ("ok", desk.o.consent_given),
        ConsentState::Refused => ("urgent", desk.o.consent_refused),
        ConsentState::Withdrawn => ("urgent", desk.o.consent_withdrawn),
    }
}

fn purpose_name(desk: &Desk, purpose: &str) -> String {
    match purpose {
        "enrolment" => desk.o.purpose_enrolment,
        "remote" => desk.o.purpose_remote,
        "video" => desk.o.purpose_video,
        "share_family" => desk.o.purpose_family,
        "share_service" => desk.o.purpose_service,
        other => other,
    }
    .to_owned()
}

pub(crate) async fn consent(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    let brief = elder_of(&desk.app, &desk.caller, &id).await?;
    let state = match fields.text("state") {
        "given" => ConsentState::Given,
        "refused" => ConsentState::Refused,
        _ => ConsentState::Withdrawn,
    };
    let step = ConsentStep {
        state,
        at: desk.app.now(),
        said_by: fields.own("said_by"),
        taken_by: desk.caller.person.clone(),
        proof: Some(fields.own("proof")).filter(|proof| !proof.is_empty()).map(Proof::Paper),
        reason: fields.own("reason"),
        ask_again_on: fields.day("ask_again_on"),
    };
    desk.app.parts.office.consent(&brief.id, fields.text("purpose"), step, &desk.caller.person).await?;
    Ok(back(&format!("/office/elders/{id}")))
}

pub(crate) async fn review(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    elder_of(&desk.app, &desk.caller, &id).await?;
    let kept: Kept<ElderFile> = desk.app.parts.office.get(&id).await?;
    let version = fields.number("version").unwrap_or(kept.version);
    desk.app.parts.office.review_elder(kept.record, version, &desk.caller.person).await?;
    Ok(back(&format!("/office/elders/{id}")))
}

fn answers(desk: &Desk, answer: Option<bool>) -> Vec<Choice> {
    let chosen = match answer {
        Some(true) => "yes",
        Some(false) => "no",
        None => "",
    };
    choices([("yes", desk.o.yes), ("no", desk.o.no)], chosen, Some("—"))
}

fn sex_code(sex: Option<Sex>) -> &'static str {
    match sex {
        Some(Sex::Male) => "male",
        Some(Sex::Female) => "female",
        None => "",
    }
}

fn sex_of(word: &str) -> Option<Sex> {
    match word.trim() {
        "male" | "男" | "M" | "m" => Some(Sex::Male),
        "female" | "女" | "F" | "f" => Some(Sex::Female),
        _ => None,
    }
}

fn edit_form(desk: &Desk, file: &ElderFile, version: u32, is_new: bool, policy: &Policy) -> Form {
    let o = desk.o;
    let language = desk.look.language;
    let today = desk.app.parts.office.today();
    let text = |name: &str, label: &str, value: &str| Field::of("text", name, label, value);
    let lines = |rows: Vec<Vec<&str>>| rows.into_iter().map(|row| row.join(" | ")).collect::<Vec<_>>().join("\n");
    let emergency = lines(file.emergency.iter().map(|one| vec![one.name.as_str(), zh_sex(one.sex), &one.phone, &one.relation]).collect());
    let family = lines(
        file.family
            .iter()
            .map(|one| {
                let often = match one.visits_often {
                    Some(true) => "是",
                    Some(false) => "否",
                    None => "",
                };
                vec![one.name.as_str(), zh_sex(one.sex), &one.relation, &one.id_number, &one.health, often]
            })
            .collect(),
    );
    let benefit = |one: &Benefit| {
        let (monthly, applied) = (one.monthly.map(|yuan| yuan.to_string()), one.applied_on.map(|on| on.to_string()));
        let row = format!("{} | {} | {} | {}", one.name, monthly.unwrap_or_default(), applied.unwrap_or_default(), one.result);
        row.trim_end_matches(['|', ' ']).to_owned()
    };
    let benefits = file.living.benefits.iter().map(benefit).collect::<Vec<_>>().join("\n");
    let number = |value: Option<u32>| value.map(|n| n.to_string()).unwrap_or_default();
    let day = |value: Option<chrono::NaiveDate>| value.map(|day| day.to_string()).unwrap_or_default();
    let ability = Since::on(&file.ability, today).map_or("", |ability| ability.code());
    let first = file.first_contact.as_ref();
    let mut fields = vec![Field::of("hidden", "version", "", version.to_string())];
    if is_new {
        fields.push(text("id", o.elder_id, file.id.as_str()).required());
    }
    fields.extend([
        Field::heading(o.basics),
        text("name", o.name, &file.name).required(),
        Field::select("sex", o.sex, choices([("male", o.male), ("female", o.female)], sex_code(file.sex), Some("—"))),
        text("id_number", o.id_number, &file.id_number).hint(o.masked_hint),
        text("no_id", o.no_id, &file.no_id),
        Field::of("date", "born", o.born, file.born.to_string()).required(),
        Field::of("tel", "phone", o.phone, &file.phone),
        text("home", o.home, file.home.as_str()).required(),
        text("area", o.area, &file.area).required().hint(o.area_hint),
        Field::of("date", "enrolled_on", o.enrolled_on, file.enrolled_on.to_string()).required(),
        Field::of("textarea", "emergency", o.emergency, emergency).hint(o.emergency_hint),
        Field::heading(o.lives_at),
        text("lives_town", o.town, &file.lives_at.town),
        text("lives_village", o.village, &file.lives_at.village),
        text("lives_detail", o.detail, &file.lives_at.detail),
        Field::heading(o.registered_at),
        text("registered_town", o.town, &file.registered_at.town),
        text("registered_village", o.village, &file.registered_at.village),
        text("registered_detail", o.detail, &file.registered_at.detail),
        Field::heading(o.categories),
        Field::select("ability", o.ability, choices(Ability::ALL.iter().map(|one| (one.code(), one.name(language))), ability, Some("—"))),
        text("disability_card", o.card, &file.disability_card),
        Field::of("date", "card_valid_to", o.card_valid_to, day(file.card_valid_to)),
        Field {
            options: policy.categories.iter().map(|one| (one.code.clone(), one.name.clone(), file.entered.contains(&one.code))).collect(),
            ..Field::of("checks", "category", o.entered, "")
        },
        Field::heading(o.living),
        text("past_illness", o.past_illness, &file.past_illness),
        Field::select("economy", o.economy, choices(Economy::ALL.iter().map(|one| (one.code(), one.name(language))), file.economy.map_or("", Economy::code), Some("—"))),
        Field::of("number", "income", o.income, number(file.income)),
        text("income_source", o.income_source, &file.income_source),
        Field::select("water_safe", o.water_safe, answers(desk, file.living.water_safe)),
        Field::select("electricity_safe", o.electricity_safe, answers(desk, file.living.electricity_safe)),
        Field::select("housing_safe", o.housing_safe, answers(desk, file.living.housing_safe)),
        Field::of("number", "family_income", o.family_income, number(file.living.family_income)),
        Field::of("number", "pension", o.pension, number(file.living.pension)),
        Field::of("textarea", "benefits", o.benefits, benefits).hint(o.benefits_hint),
        Field::heading(o.family),
        Field::of("textarea", "family", o.family, family).hint(o.family_hint),
        Field::select("spouse", o.has_spouse, answers(desk, file.circumstances.spouse)),
        Field::select("children", o.has_children, answers(desk, file.circumstances.children)),
        Field::select("cared_for", o.cared_for, answers(desk, file.circumstances.cared_for)),
        Field::select("can_work", o.can_work, answers(desk, file.circumstances.can_work)),
        Field::heading(o.first_contact),
        text("first_name", o.name, first.map_or("", |one| one.name.as_str())),
        text("first_relation", o.relation, first.map_or("", |one| one.relation.as_str())),
        Field::of("tel", "first_phone", o.phone, first.map_or("", |one| one.phone.as_str())),
        Field::select("first_near", o.child_near, answers(desk, first.map(|one| one.child_near))),
        Field::heading(o.beyond_the_form),
        text("key_holder", o.key_holder, &file.extended.key_holder),
        text("access", o.access, &file.extended.access),
        text("landmark", o.landmark, &file.extended.landmark),
        text("dialect", o.dialect, &file.extended.dialect),
        text("hearing", o.hearing, &file.extended.hearing),
        text("medicines", o.medicines, &file.extended.medicines).hint(o.masked_hint),
        text("allergies", o.allergies, &file.extended.allergies).hint(o.masked_hint),
        text("aids", o.aids, &file.extended.aids),
        text("pets", o.pets, &file.extended.pets),
        Field::of("textarea", "notes", o.notes_free, &file.extended.notes),
    ]);
    let action = if is_new { "/office/elders/new/edit".to_owned() } else { format!("/office/elders/{}/edit", file.id) };
    Form::act("", action, o.save, fields)
}

fn zh_sex(sex: Option<Sex>) -> &'static str {
    match sex {
        Some(Sex::Male) => "男",
        Some(Sex::Female) => "女",
        None => "",
    }
}

/// An empty file to be filled in.
fn empty(desk: &Desk, id: ElderId) -> Result<ElderFile, Problem> {
    let today = desk.app.parts.office.today();
    let offer = Offer { born: Some(today), ..Offer::default() };
    let source = Source { from: SourceKind::Survey, batch: String::new(), row: None, at: desk.app.now(), by: desk.caller.person.clone() };
    let home = HomeId::new(format!("home-{}", id.as_str()));
    let mut file = create(&offer, id, home, &desk.caller.area, &source, today).map_err(|refused| Problem::Refused(vec![refused]))?;
    file.no_id.clear();
    file.sources.clear();
    Ok(file)
}

pub(crate) async fn new(desk: Desk) -> Result<Response, Problem> {
    let file = empty(&desk, ElderId::new(desk.app.parts.office.new_id()))?;
    let policy = desk.app.parts.office.policy()?;
    let mut page = Page::new("elders", desk.o.new_elder);
    page.forms.push(edit_form(&desk, &file, 0, true, &policy));
    Ok(desk.show(page))
}

pub(crate) async fn edit(desk: Desk, Id(id): Id) -> Result<Response, Problem> {
    elder_of(&desk.app, &desk.caller, &id).await?;
    let office = desk.app.parts.office.clone();
    let kept: Kept<ElderFile> = office.get(&id).await?;
    reads::opened(&desk.app, &desk.caller, "elder.read", &id).await?;
    let file = masked(&kept.record);
    let mut page = Page::new("elders", format!("{} · {}", file.name, desk.o.edit)).link(format!("/office/elders/{id}"), desk.o.cancel);
    page.forms.push(edit_form(&desk, &file, kept.version, false, &*office.policy()?));
    Ok(desk.show(page))
}

pub(crate) async fn save(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    let office = desk.app.parts.office.clone();
    let version = fields.number("version").unwrap_or(0);
    let mut file = if version == 0 {
        let id = fields.own("id");
        if !care::id::well_formed(&id) || office.brief(&ElderId::new(&id)).await?.is_some() {
            return Err(Problem::Invalid { field: "id", what: |w| w.invalid_field });
        }
        empty(&desk, ElderId::new(id))?
    } else {
        elder_of(&desk.app, &desk.caller, &id).await?;
        masked(&office.get::<ElderFile>(&id).await?.record)
    };
    fill_in(&desk, &mut file, &fields, &*office.policy()?)?;
    crate::api::office::inside(&desk.caller, &file.area)?;
    let id = file.id.clone();
    office.save_elder(file, version, &desk.caller.person, SourceKind::Survey, None).await?;
    Ok(back(&format!("/office/elders/{id}")))
}

fn fill_in(desk: &Desk, file: &mut ElderFile, fields: &Fields, policy: &Policy) -> Result<(), Problem> {
    let today = desk.app.parts.office.today();
    let invalid = |field: &'static str| Problem::Invalid { field, what: |w| w.invalid_field };
    file.name = fields.own("name");
    file.sex = sex_of(fields.text("sex"));
    file.id_number = fields.own("id_number");
    file.no_id = fields.own("no_id");
    file.born = fields.day("born").ok_or_else(|| invalid("born"))?;
    file.phone = fields.own("phone");
    file.home = Some(fields.own("home")).filter(|home| care::id::well_formed(home)).map(HomeId::new).ok_or_else(|| invalid("home"))?;
    file.area = fields.own("area");
    file.enrolled_on = fields.day("enrolled_on").ok_or_else(|| invalid("enrolled_on"))?;
    let part = |row: &[String], n: usize| row.get(n).cloned().unwrap_or_default();
    file.emergency = fields
        .lines("emergency")
        .iter()
        .map(|row| EmergencyContact { name: part(row, 0), sex: sex_of(&part(row, 1)), phone: part(row, 2), relation: part(row, 3) })
        .collect();
    let place = |of: &str| Address { town: fields.own(&format!("{of}_town")), village: fields.own(&format!("{of}_village")), detail: fields.own(&format!("{of}_detail")) };
    file.lives_at = place("lives");
    file.registered_at = place("registered");
    if let Some(ability) = Ability::from_code(fields.text("ability")) {
        Since::note(&mut file.ability, today, ability);
    }
    file.disability_card = fields.own("disability_card");
    file.card_valid_to = fields.day("card_valid_to");
    file.entered = policy.categories.iter().filter(|one| fields.ticked(&format!("category.{}", one.code))).map(|one| one.code.clone()).collect();
    file.past_illness = fields.own("past_illness");
    file.economy = Economy::from_code(fields.text("economy"));
    file.income = fields.number("income");
    file.income_source = fields.own("income_source");
    file.living.water_safe = fields.answer("water_safe");
    file.living.electricity_safe = fields.answer("electricity_safe");
    file.living.housing_safe = fields.answer("housing_safe");
    file.living.family_income = fields.number("family_income");
    file.living.pension = fields.number("pension");
    let benefit = |row: &Vec<String>| Benefit { name: part(row, 0), monthly: part(row, 1).parse().ok(), applied_on: part(row, 2).parse().ok(), result: part(row, 3) };
    file.living.benefits = fields.lines("benefits").iter().map(benefit).collect();
    // What the form has no column for stays with its row.
    let rows = fields.lines("family");
    let member = |(n, row): (usize, &Vec<String>)| {
        let known = file.family.get(n).filter(|known| known.name == part(row, 0)).or_else(|| file.family.iter().find(|known| known.name == part(row, 0)));
        FamilyMember {
            name: part(row, 0),
            sex: sex_of(&part(row, 1)),
            relation: part(row, 2),
            id_number: part(row, 3),
            health: part(row, 4),
            visits_often: match part(row, 5).as_str() {
                "是" | "yes" => Some(true),
                "否" | "no" => Some(false),
                _ => None,
            },
            ..known.cloned().unwrap_or_default()
        }
    };
    file.family = rows.iter().enumerate().map(member).collect();
    file.circumstances.spouse = fields.answer("spouse");
    file.circumstances.children = fields.answer("children");
    file.circumstances.cared_for = fields.answer("cared_for");
    file.circumstances.can_work = fields.answer("can_work");
    // What a form of before does not ask for stays as it is.
    let said = |name: &str, before: &mut String| {
        if let Some(text) = fields.given(name) {
            text.clone_into(before);
        }
    };
    let beyond = &mut file.extended;
    for (name, of) in [
        ("key_holder", &mut beyond.key_holder),
        ("access", &mut beyond.access),
        ("landmark", &mut beyond.landmark),
        ("dialect", &mut beyond.dialect),
        ("hearing", &mut beyond.hearing),
        ("medicines", &mut beyond.medicines),
        ("allergies", &mut beyond.allergies),
        ("aids", &mut beyond.aids),
        ("pets", &mut beyond.pets),
        ("notes", &mut beyond.notes),
    ] {
        said(name, of);
    }
    let first = fields.own("first_name");
    file.first_contact = (!first.is_empty()).then(|| {
        let near = fields.answer("first_near") == Some(true);
        let known = file.first_contact.clone();
        FirstContact {
            relation: fields.own("first_relation"),
            phone: fields.own("first_phone"),
            child_near: near,
            appointed_by: (!near).then(|| desk.caller.person.clone()),
            since: known.filter(|known| known.name == first).map_or(today, |known| known.since),
            name: first,
        }
    });
    Ok(())
}
