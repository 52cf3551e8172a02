//! How an elder lives, as far as the seven categories are decided by it (R4 to R8, R10): the family with who lives where, what is
//! known of the circumstances, assessments of the ability; and the help that is given already (Annex 1, part four; R3).

use super::part::{Choice, choices};
use super::{Cell, Desk, Field, Fields, Form, Listing, Page, back};
use crate::api::office::elder_of;
use crate::extract::Id;
use crate::office::{Kept, masked};
use crate::problem::Problem;
use axum::response::Response;
use care::office::Since;
use care::office::category::town;
use care::office::elder::{Assessment, Circumstances, ElderFile, FamilyMember, Help, Helper, Hukou, OnlyChild, SourceKind};
use care::person::Sex;
use care::policy::Ability;

/// The standard that assessments go by where nobody says otherwise.
const STANDARD: &str = "GB/T 42195-2022";
/// A place outside the city, where a town is asked for.
const ELSEWHERE: &str = "elsewhere";

/// Questions of the circumstances: name, text, answer.
fn asks<'a>(desk: &Desk, facts: &'a Circumstances) -> [(&'static str, &'static str, &'a Option<bool>); 7] {
    let o = desk.o;
    [
        ("spouse", o.has_spouse, &facts.spouse),
        ("children", o.has_children, &facts.children),
        ("family_complete", o.family_complete, &facts.family_complete),
        ("cared_for", o.cared_for, &facts.cared_for),
        ("carer_lives_in", o.carer_lives_in, &facts.carer_lives_in),
        ("can_work", o.can_work, &facts.can_work),
        ("has_livelihood", o.has_livelihood, &facts.has_livelihood),
    ]
}

fn yes_no(desk: &Desk, answer: Option<bool>) -> Vec<Choice> {
    let chosen = answer.map_or("", |answer| if answer { "yes" } else { "no" });
    choices([("yes", desk.o.yes), ("no", desk.o.no)], chosen, Some("—"))
}

/// The towns of the city, and elsewhere.
async fn towns(desk: &Desk, chosen: &str) -> Result<Vec<Choice>, Problem> {
    let areas = desk.app.parts.register.areas().await?;
    let towns: Vec<(String, String)> = areas.into_iter().filter(|area| area.id.matches('/').count() == 1).map(|area| (area.id, area.name)).collect();
    let known = chosen.is_empty() || chosen == ELSEWHERE || towns.iter().any(|(id, _)| id == chosen);
    let mut offered = choices(towns.iter().map(|(id, name)| (id.as_str(), name.as_str())).chain([(ELSEWHERE, desk.o.elsewhere)]), chosen, Some("—"));
    if !known {
        offered.push((chosen.to_owned(), chosen.to_owned(), true));
    }
    Ok(offered)
}

async fn member_fields(desk: &Desk, one: &FamilyMember) -> Result<Vec<Field>, Problem> {
    let o = desk.o;
    let sex = match one.sex {
        Some(Sex::Male) => "male",
        Some(Sex::Female) => "female",
        None => "",
    };
    let text = |name: &str, label: &str, value: &str| Field::of("text", name, label, value);
    Ok(vec![
        text("name", o.name, &one.name).required(),
        Field::select("sex", o.sex, choices([("male", o.male), ("female", o.female)], sex, Some("—"))),
        text("relation", o.relation, &one.relation).required(),
        text("id_number", o.id_number, &one.id_number).hint(o.masked_hint),
        Field::of("tel", "phone", o.phone, &one.phone).hint(o.masked_hint),
        text("health", o.health, &one.health),
        Field::select("visits_often", o.visits_often, yes_no(desk, one.visits_often)),
        Field::select("child", o.is_child, choices([("no", o.no), ("yes", o.yes)], if one.child { "yes" } else { "no" }, None)),
        Field::select("lives_here", o.lives_here, choices([("no", o.no), ("yes", o.yes)], if one.lives_here { "yes" } else { "no" }, None)),
        Field::select("town", o.lives_in_town, towns(desk, &one.town).await?),
        Field::of("date", "away_since", o.away_since, one.away_since.map(|day| day.to_string()).unwrap_or_default()),
    ])
}

pub(crate) async fn page(desk: Desk, Id(id): Id) -> Result<Response, Problem> {
    let (o, l) = (desk.o, desk.look.language);
    elder_of(&desk.app, &desk.caller, &id).await?;
    let kept: Kept<ElderFile> = desk.app.parts.office.get(&id).await?;
    let file = masked(&kept.record);
    let today = desk.app.parts.office.today();
    let mut page = Page::new("elders", format!("{} · {}", file.name, o.life)).link(format!("/office/elders/{id}"), o.elder_file);
    page.lead.push(o.life_lead.to_owned());
    let act = |what: &str, title: &str, mut fields: Vec<Field>| {
        fields.insert(0, Field::of("hidden", "do", "", what));
        fields.insert(1, Field::of("hidden", "version", "", kept.version.to_string()));
        Form::act(title, format!("/office/elders/{id}/life"), o.save, fields)
    };
    let facts = &file.circumstances;
    let mut fields: Vec<Field> = asks(&desk, facts).into_iter().map(|(name, text, answer)| Field::select(name, text, yes_no(&desk, *answer))).collect();
    let hukou = choices(Hukou::ALL.iter().map(|one| (one.code(), one.name(l))), facts.hukou.map_or("", Hukou::code), Some("—"));
    fields.push(Field::select("hukou", o.hukou, hukou));
    let child = facts.only_child.as_ref();
    fields.push(Field::select("only_child_died", o.only_child_died, yes_no(&desk, child.map(|child| child.died))));
    let level = child.and_then(|child| child.disability_level).map(|level| level.to_string()).unwrap_or_default();
    fields.push(Field::select("only_child_level", o.only_child_level, choices(["1", "2", "3", "4"].map(|n| (n, n)), &level, Some("—"))));
    fields.push(Field::select("another_child", o.another_child, yes_no(&desk, child.map(|child| child.another_child))));
    page.forms.push(act("circumstances", o.circumstances, fields));
    for (n, one) in file.family.iter().enumerate() {
        let mut fields = member_fields(&desk, one).await?;
        fields.push(Field::of("hidden", "which", "", n.to_string()));
        fields.push(Field { options: vec![("yes".to_owned(), o.member_gone.to_owned(), false)], ..Field::of("checks", "gone", o.take_off, "") });
        page.forms.push(act("member", &format!("{} · {}", o.family_member, one.name), fields));
    }
    page.forms.push(act("member", o.member_new, member_fields(&desk, &FamilyMember::default()).await?));
    let mut assessed = Listing::new("assessments", o.assessments, &[o.when, o.ability, o.standard, o.score, o.assessor]);
    for one in file.assessments.iter().rev() {
        assessed.rows.push(vec![
            Cell::text(one.on.to_string()),
            Cell::text(one.ability.name(l)),
            Cell::text(&one.standard),
            Cell::text(one.score.map(|score| score.to_string()).unwrap_or_default()),
            Cell::text(&one.assessor),
        ]);
    }
    page.tables.push(assessed);
    page.forms.push(act(
        "assessment",
        o.assessment_new,
        vec![
            Field::select("ability", o.ability, choices(Ability::ALL.iter().map(|one| (one.code(), one.name(l))), "", None)),
            Field::of("text", "standard", o.standard, STANDARD).required(),
            Field::of("number", "score", o.score, ""),
            Field::of("text", "assessor", o.assessor, "").required(),
            Field::of("date", "on", o.when, today.to_string()).required(),
        ],
    ));
    let mut help = Listing::new("help", o.help, &[o.helped_by, o.who, o.measures, o.from, o.last_day]);
    let mut running = Vec::new();
    for (n, one) in file.help.iter().enumerate() {
        if one.until.is_none_or(|until| until >= today) {
            running.push((n.to_string(), one.measures.clone(), false));
        }
        help.rows.push(vec![
            Cell::wide(one.by.iter().map(|by| by.name(l)).collect::<Vec<_>>().join("、")),
            Cell::text(&one.responsible),
            Cell::wide(&one.measures),
            Cell::text(one.on.map(|on| on.to_string()).unwrap_or_default()),
            Cell::text(one.until.map(|until| until.to_string()).unwrap_or_default()),
        ]);
    }
    page.tables.push(help);
    page.forms.push(act(
        "help",
        o.help_new,
        vec![
            Field { options: Helper::ALL.iter().map(|one| (one.code().to_owned(), one.name(l).to_owned(), false)).collect(), ..Field::of("checks", "by", o.helped_by, "") },
            Field::of("text", "responsible", o.help_responsible, "").required(),
            Field::of("textarea", "measures", o.measures, "").required(),
            Field::of("text", "signed_by", o.help_signed, ""),
            Field::of("date", "on", o.from, today.to_string()).required(),
        ],
    ));
    if !running.is_empty() {
        page.forms.push(act("help_ends", o.help_ends, vec![Field::select("which", o.which, running), Field::of("date", "until", o.last_day, today.to_string()).required()]));
    }
    Ok(desk.show(page))
}

fn member(fields: &Fields, home: &str) -> FamilyMember {
    let lives_here = fields.answer("lives_here") == Some(true);
    FamilyMember {
        name: fields.own("name"),
        sex: match fields.text("sex") {
            "male" => Some(Sex::Male),
            "female" => Some(Sex::Female),
            _ => None,
        },
        relation: fields.own("relation"),
        id_number: fields.own("id_number"),
        phone: fields.own("phone"),
        health: fields.own("health"),
        visits_often: fields.answer("visits_often"),
        child: fields.answer("child") == Some(true),
        lives_here,
        town: if lives_here { home.to_owned() } else { fields.own("town") },
        away_since: fields.day("away_since"),
    }
}

pub(crate) async fn save(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    elder_of(&desk.app, &desk.caller, &id).await?;
    let office = desk.app.parts.office.clone();
    let kept: Kept<ElderFile> = office.get(&id).await?;
    if fields.number("version") != Some(kept.version) {
        return Err(Problem::Changed);
    }
    let today = office.today();
    let invalid = |field: &'static str| Problem::Invalid { field, what: |w| w.invalid_field };
    let needed = |field: &'static str| if fields.text(field).is_empty() { Err(Problem::Invalid { field, what: |w| w.invalid_text_empty }) } else { Ok(fields.own(field)) };
    let day = |field: &'static str| fields.day(field).filter(|day| *day <= today).ok_or_else(|| invalid(field));
    let which = || fields.number("which").and_then(|n| usize::try_from(n).ok());
    // What stands with stars comes back with stars, and is what it was.
    let mut file = masked(&kept.record);
    match fields.text("do") {
        "circumstances" => {
            let facts = &mut file.circumstances;
            for (name, answer) in [
                ("spouse", &mut facts.spouse),
                ("children", &mut facts.children),
                ("family_complete", &mut facts.family_complete),
                ("cared_for", &mut facts.cared_for),
                ("carer_lives_in", &mut facts.carer_lives_in),
                ("can_work", &mut facts.can_work),
                ("has_livelihood", &mut facts.has_livelihood),
            ] {
                *answer = fields.answer(name);
            }
            facts.hukou = Hukou::from_code(fields.text("hukou"));
            let level = fields.number("only_child_level").and_then(|level| u8::try_from(level).ok());
            facts.only_child = match (fields.answer("only_child_died"), fields.answer("another_child")) {
                (None, None) if level.is_none() => None,
                (died, another) => Some(OnlyChild { died: died == Some(true), disability_level: level, another_child: another == Some(true) }),
            };
        }
        "member" => {
            needed("name")?;
            let home = town(&file.area).to_owned();
            match which() {
                Some(n) if fields.ticked("gone.yes") && n < file.family.len() => drop(file.family.remove(n)),
                Some(n) => *file.family.get_mut(n).ok_or_else(|| invalid("which"))? = member(&fields, &home),
                None => file.family.push(member(&fields, &home)),
            }
        }
        "assessment" => {
            let ability = Ability::from_code(fields.text("ability")).ok_or_else(|| invalid("ability"))?;
            let (on, score) = (day("on")?, fields.number("score").and_then(|score| u16::try_from(score).ok()));
            file.assessments.push(Assessment { ability, standard: needed("standard")?, score, assessor: needed("assessor")?, on });
            file.assessments.sort_by_key(|one| one.on);
            // Duties of the past stay as they were.
            if file.assessments.last().is_some_and(|last| last.on == on) {
                Since::note(&mut file.ability, today, ability);
            }
        }
        "help" => {
            let by: Vec<Helper> = Helper::ALL.iter().copied().filter(|one| fields.ticked(&format!("by.{}", one.code()))).collect();
            let on = Some(day("on")?);
            file.help.push(Help { by, responsible: needed("responsible")?, measures: needed("measures")?, signed_by: fields.own("signed_by"), on, until: None });
        }
        "help_ends" => {
            let help = which().and_then(|n| file.help.get_mut(n)).ok_or_else(|| invalid("which"))?;
            help.until = Some(fields.day("until").ok_or_else(|| invalid("until"))?);
        }
        _ => return Err(invalid("do")),
    }
    office.save_elder(file, kept.version, &desk.caller.person, SourceKind::Survey, None).await?;
    Ok(back(&format!("/office/elders/{id}/life")))
}
