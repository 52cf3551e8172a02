//! Lists in and out: an import is shown beside the register before anything is written, with its mistakes and its
//! conflicts; a copy for another system is a file with that system's columns, and its receipt.

use super::part::{Choice, choices, file as as_file};
use super::{Cell, Desk, Field, Fields, Form, Listing, Page, back};
use crate::api::office::{area_of, inside};
use crate::caller::Need;
use crate::extract::{Asked, Id};
use crate::look::Look;
use crate::messages::fill;
use crate::office::{Kept, Worklist};
use crate::pages::html;
use crate::problem::Problem;
use askama::Template;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::Response;
use care::office::elder::{ElderFile, Source, SourceKind};
use care::office::export::{Shown, Target};
use care::office::import::{Conflict, Field as Named, Offer, compare, create, take};
use care::{ElderId, HomeId};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use store::register::{HomeRecord, Put};
use store::sheet::SheetAsk;
use wire::sheet::{Cost, Import, RowProblem, SheetProblem, read_elders};
use wire::workbook::Table;

/// Rows of conflicts and mistakes that a page shows; the counts are whole.
const SHOWN: usize = 500;
/// Elders that are written in one transaction.
const TOGETHER: usize = 50;

#[derive(Template)]
#[template(path = "office/import.html")]
struct Shell {
    look: Look,
    t: &'static crate::messages::Words,
    o: &'static super::OfficeWords,
    v: &'static str,
    frame: super::Frame,
    tabs: Vec<super::Link>,
    sources: Vec<Choice>,
    area: String,
    exports: Vec<(&'static str, &'static str)>,
}

pub(crate) async fn page(desk: Desk) -> Result<Response, Problem> {
    let l = desk.look.language;
    let shell = Shell {
        look: desk.look,
        t: desk.look.words(),
        o: desk.o,
        v: super::assets::version(),
        tabs: desk.tabs("import"),
        sources: choices(SourceKind::ALL.iter().map(|one| (one.code(), one.name(l))), "village", None),
        area: desk.caller.area.clone(),
        exports: Target::ALL.iter().map(|target| (target.code(), target.name(l))).collect(),
        frame: super::Frame::new(&desk.app, &desk.caller, desk.look, "office", "/office/import".to_owned()),
    };
    Ok(html(StatusCode::OK, &shell))
}

/// A row of a list and what it means for the register.
enum Meant {
    /// Nobody like that is in the register.
    New,
    /// The register has this person.
    Known { kept: Box<Kept<ElderFile>>, fills: Vec<Named>, conflicts: Vec<Conflict> },
    /// The person is in the register of an area that is not the caller's.
    Elsewhere,
}

/// Finds the person of a row: by identity number; without one by the same name and date of birth.
async fn matched(desk: &Desk, offer: &Offer) -> Result<Meant, Problem> {
    let office = &desk.app.parts.office;
    let id = match &offer.id_number {
        Some(number) => office.elder_with_number(number.reveal()).await?,
        None => {
            let same = office.elders("", Worklist::All, &offer.name, None, 200).await?;
            same.into_iter().find(|brief| brief.name == offer.name && Some(brief.born) == offer.born).map(|brief| brief.id)
        }
    };
    let Some(id) = id else { return Ok(Meant::New) };
    let kept: Kept<ElderFile> = office.get(id.as_str()).await?;
    if !desk.caller.sees_area(&kept.record.area) {
        return Ok(Meant::Elsewhere);
    }
    let compared = compare(&kept.record, offer, office.today());
    Ok(Meant::Known { kept: Box::new(kept), fills: compared.fills, conflicts: compared.conflicts })
}

fn refused(desk: &Desk, problem: &SheetProblem) -> Problem {
    let _ = desk;
    Problem::Refused(vec![care::office::Refused::field("file", problem.zh(), problem.to_string())])
}

#[derive(Template)]
#[template(path = "office/preview.html")]
struct Preview {
    o: &'static super::OfficeWords,
    summary: Vec<String>,
    problems: Vec<(usize, String, &'static str, String)>,
    conflicts: Vec<(String, String, String, String, String, String)>,
    unread: String,
    may_apply: bool,
    done: String,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct ImportAsked {
    #[serde(default)]
    source: String,
    #[serde(default)]
    area: String,
}

fn said(desk: &Desk, problem: &RowProblem) -> (usize, String, &'static str, String) {
    let cost = match problem.cost {
        Cost::Row => desk.o.cost_row,
        Cost::Cell => desk.o.cost_cell,
        Cost::Nothing => desk.o.cost_nothing,
    };
    (problem.row, problem.column.clone(), cost, desk.pick(&problem.zh, &problem.en).to_owned())
}

async fn read(desk: &Desk, bytes: Bytes) -> Result<Import, Problem> {
    let today = desk.app.parts.office.today();
    let read = tokio::task::spawn_blocking(move || read_elders(&bytes, today)).await.map_err(|_| Problem::Unavailable)?;
    read.map_err(|problem| refused(desk, &problem))
}

pub(crate) async fn preview(desk: Desk, Asked(asked): Asked<ImportAsked>, bytes: Bytes) -> Result<Response, Problem> {
    let o = desk.o;
    area_of(&desk.caller, Some(&asked.area))?;
    SourceKind::from_code(&asked.source).ok_or(Problem::Invalid { field: "source", what: |w| w.invalid_field })?;
    let import = read(&desk, bytes).await?;
    let (mut new, mut same, mut filled, mut elsewhere, mut differing) = (0usize, 0usize, 0usize, 0usize, 0usize);
    let mut conflicts = Vec::new();
    for offer in &import.elders {
        match matched(&desk, offer).await? {
            Meant::New => new += 1,
            Meant::Elsewhere => elsewhere += 1,
            Meant::Known { fills, conflicts: found, kept } => {
                same += usize::from(fills.is_empty() && found.is_empty());
                filled += usize::from(!fills.is_empty());
                differing += found.len();
                for conflict in found {
                    if conflicts.len() < SHOWN {
                        let from = conflict.kept_from.as_deref().and_then(SourceKind::from_code).map_or("—", |from| from.name(desk.look.language));
                        conflicts.push((
                            format!("{}:{}", offer.row, conflict.field.code()),
                            format!("{} {}", offer.row, kept.record.name),
                            conflict.field.name(desk.look.language).to_owned(),
                            hidden(conflict.field, &conflict.kept),
                            from.to_owned(),
                            hidden(conflict.field, &conflict.offered),
                        ));
                    }
                }
            }
        }
    }
    let count = |text: &str, n: usize| fill(text, &[("n", &n.to_string())]);
    let bad = import.problems.iter().filter(|problem| problem.cost == Cost::Row).count();
    let preview = Preview {
        o,
        summary: vec![
            count(o.import_new, new),
            count(o.import_filled, filled),
            count(o.import_conflicts, differing),
            count(o.import_same, same),
            count(o.import_elsewhere, elsewhere),
            count(o.import_bad, bad),
        ],
        problems: import.problems.iter().take(SHOWN).map(|problem| said(&desk, problem)).collect(),
        conflicts,
        unread: import.unread.join("、"),
        may_apply: !import.elders.is_empty(),
        done: String::new(),
    };
    Ok(html(StatusCode::OK, &preview))
}

/// Phones stand with stars, as everywhere before somebody asks.
fn hidden(field: Named, text: &str) -> String {
    match field {
        Named::Phone | Named::Emergency => text.split(' ').map(|part| if part.starts_with(['+', '0', '1', '4', '9']) { crate::mask::phone(part) } else { part.to_owned() }).collect::<Vec<_>>().join(" "),
        Named::Card => text.chars().enumerate().map(|(n, c)| if (4..16).contains(&n) { '*' } else { c }).collect(),
        Named::Name
        | Named::Sex
        | Named::Born
        | Named::RegisteredAt
        | Named::LivesAt
        | Named::Ability
        | Named::PastIllness
        | Named::Economy
        | Named::Income
        | Named::IncomeSource
        | Named::CardValidTo
        | Named::Categories => text.to_owned(),
    }
}

#[derive(Debug, Deserialize)]
struct Decided {
    source: String,
    #[serde(default)]
    area: String,
    /// `row:field` of the conflicts in which the list is right.
    #[serde(default)]
    take: Vec<String>,
}

pub(crate) async fn apply(desk: Desk, bytes: Bytes) -> Result<Response, Problem> {
    let o = desk.o;
    let malformed = || Problem::Malformed("a line of decisions, then the file".to_owned());
    let end = bytes.iter().position(|byte| *byte == b'\n').ok_or_else(malformed)?;
    let decided: Decided = serde_json::from_slice(bytes.get(..end).unwrap_or_default()).map_err(|error| Problem::Malformed(error.to_string()))?;
    let kind = SourceKind::from_code(&decided.source).ok_or(Problem::Invalid { field: "source", what: |w| w.invalid_field })?;
    let area = area_of(&desk.caller, Some(&decided.area))?;
    let content = bytes.slice(end + 1..);
    let digest: String = Sha256::digest(&content).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let office = desk.app.parts.office.clone();
    let today = office.today();
    let batch = format!("{today}-{digest}");
    let import = read(&desk, content).await?;
    let mut chosen: BTreeMap<usize, BTreeSet<Named>> = BTreeMap::new();
    for word in &decided.take {
        if let Some((row, field)) = word.split_once(':')
            && let (Ok(row), Some(field)) = (row.parse(), Named::from_code(field))
        {
            chosen.entry(row).or_default().insert(field);
        }
    }
    let areas = desk.app.parts.register.areas().await?;
    let (mut entries, mut waiting, mut written) = (Vec::<Put>::new(), 0usize, 0usize);
    let mut problems: Vec<(usize, String, &'static str, String)> = Vec::new();
    for offer in &import.elders {
        let row = u32::try_from(offer.row).unwrap_or(u32::MAX);
        let source = Source { from: kind, batch: batch.clone(), row: Some(row), at: desk.app.now(), by: desk.caller.person.clone() };
        let (file, before) = match matched(&desk, offer).await? {
            Meant::Elsewhere => continue,
            Meant::Known { fills, conflicts, kept } => {
                let won = chosen.get(&offer.row);
                let mut fields: BTreeSet<Named> = fills.into_iter().collect();
                fields.extend(conflicts.iter().map(|conflict| conflict.field).filter(|field| won.is_some_and(|won| won.contains(field))));
                if fields.is_empty() {
                    continue;
                }
                let mut file = kept.record;
                take(&mut file, offer, &fields, &source, today);
                (file, kept.version)
            }
            Meant::New => {
                let id = ElderId::new(office.new_id());
                let home = HomeId::new(format!("home-{}", id.as_str()));
                let place = offer.grid.as_deref().and_then(|grid| areas.iter().find(|one| (one.id == grid || one.name == grid) && desk.caller.sees_area(&one.id))).map_or_else(|| area.clone(), |one| one.id.clone());
                match create(offer, id, home.clone(), &place, &source, today) {
                    Ok(file) => {
                        let address = offer.address.clone().unwrap_or_default();
                        entries.push(Put::Home(HomeRecord { id: home, area: place, address, access_notes: String::new() }));
                        (file, 0)
                    }
                    Err(refused) => {
                        problems.push((offer.row, refused.field.clone(), o.cost_row, refused.text(desk.look.language).to_owned()));
                        continue;
                    }
                }
            }
        };
        inside(&desk.caller, &file.area)?;
        match office.elder_entries(file, before, &desk.caller.person, kind, Some((&batch, row))).await {
            Ok((_, puts)) => {
                entries.extend(puts);
                waiting += 1;
            }
            Err(crate::office::OfficeError::Refused(all)) => {
                if before == 0 {
                    entries.pop();
                }
                problems.extend(all.iter().map(|one| (offer.row, one.field.clone(), o.cost_row, one.text(desk.look.language).to_owned())));
            }
            Err(other) => return Err(other.into()),
        }
        if waiting >= TOGETHER {
            office.write(std::mem::take(&mut entries)).await?;
            written += waiting;
            waiting = 0;
        }
    }
    entries.push(office.audit(desk.caller.person.as_str(), "elder.import", &batch));
    office.write(entries).await?;
    written += waiting;
    let preview = Preview {
        o,
        summary: Vec::new(),
        problems,
        conflicts: Vec::new(),
        unread: String::new(),
        may_apply: false,
        done: fill(o.import_done, &[("n", &written.to_string()), ("batch", &batch)]),
    };
    Ok(html(StatusCode::OK, &preview))
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct ExportAsked {
    #[serde(default)]
    area: String,
}

fn target(id: &str) -> Result<Target, Problem> {
    Target::from_code(id).ok_or(Problem::NotFound)
}

async fn files(desk: &Desk, area: &str) -> Result<Vec<Kept<ElderFile>>, Problem> {
    let mut ask = SheetAsk::of("elder");
    ask.area = Some(area.to_owned()).filter(|area| !area.is_empty());
    ask.max = 500;
    Ok(desk.app.parts.office.all::<ElderFile>(ask).await?)
}

/// What a system has and has not, and the copy to look at: masked.
pub(crate) async fn export(desk: Desk, Id(id): Id, Asked(asked): Asked<ExportAsked>) -> Result<Response, Problem> {
    let (o, l) = (desk.o, desk.look.language);
    let target = target(&id)?;
    let area = area_of(&desk.caller, Some(&asked.area))?;
    let office = desk.app.parts.office.clone();
    let (policy, today) = (office.policy()?, office.today());
    let all = files(&desk, &area).await?;
    let mut table = Listing::new("export", target.name(l), &target.heading());
    let (mut behind, mut unconfirmed) = (0u32, 0u32);
    for kept in &all {
        let tier = kept.record.computed_tier(policy, today);
        behind += u32::from(target.is_behind(&kept.record, tier, today));
        unconfirmed += u32::from(kept.record.exported.get(target.code()).is_some_and(|copy| copy.receipt.is_empty()));
        table.rows.push(target.row(&kept.record, tier, today, Shown::Masked).into_iter().map(Cell::text).collect());
    }
    if super::form::query_value(&desk.query, "format").is_none() {
        table.rows.truncate(SHOWN);
    }
    let mut page = Page::new("import", target.name(l)).link("/office/import", o.tab_import);
    page.lead.push(fill(o.export_state, &[("n", &all.len().to_string()), ("behind", &behind.to_string()), ("open", &unconfirmed.to_string())]));
    page.lead.push(o.export_no_interface.to_owned());
    page.tables.push(table);
    page.notes.push(o.export_masked.to_owned());
    if desk.may(Need::Supervise) {
        page.forms.push(Form::act(
            o.export_whole,
            format!("/office/export/{id}/receipt"),
            o.export_go,
            vec![
                Field::of("hidden", "do", "", "export"),
                Field::of("hidden", "area", "", &area),
                Field::select("format", o.format, choices([("xlsx", "xlsx"), ("csv", "CSV"), ("json", "JSON")], "xlsx", None)),
                Field::select("which", o.show, choices([("behind", o.export_behind), ("all", o.all)], "behind", None)),
            ],
        ));
        page.forms.push(Form::act(
            o.receipt,
            format!("/office/export/{id}/receipt"),
            o.save,
            vec![Field::of("hidden", "do", "", "receipt"), Field::of("hidden", "area", "", &area), Field::of("text", "receipt", o.receipt_no, "").required()],
        ));
    }
    Ok(desk.show(page))
}

/// Hands out the whole copy and notes it, or notes its receipt.
pub(crate) async fn receipt(desk: Desk, Id(id): Id, fields: Fields) -> Result<Response, Problem> {
    let target = target(&id)?;
    let area = area_of(&desk.caller, Some(fields.text("area")))?;
    let office = desk.app.parts.office.clone();
    let (policy, today, by) = (office.policy()?, office.today(), desk.caller.person.clone());
    let exports = fields.text("do") == "export";
    if !exports && fields.text("receipt").is_empty() {
        return Err(Problem::Invalid { field: "receipt", what: |w| w.invalid_text_empty });
    }
    let mut table = Table { name: target.zh().to_owned(), heading: target.heading().into_iter().map(str::to_owned).collect(), ..Table::default() };
    let mut entries = Vec::new();
    for kept in files(&desk, &area).await? {
        let mut file = kept.record;
        let tier = file.computed_tier(policy, today);
        if exports {
            if fields.text("which") == "behind" && !target.is_behind(&file, tier, today) {
                continue;
            }
            table.rows.push(target.row(&file, tier, today, Shown::Whole).into_iter().map(wire::workbook::Cell::text).collect());
            target.note(&mut file, kept.version, tier, today, desk.app.now());
        } else if !target.confirm(&mut file, fields.text("receipt"), &by) {
            continue;
        }
        entries.push(office.put_of(&file, kept.version, by.as_str())?);
        if entries.len() >= TOGETHER {
            office.write(std::mem::take(&mut entries)).await?;
        }
    }
    let action = if exports { "elder.export" } else { "elder.export.receipt" };
    entries.push(office.audit(by.as_str(), action, target.code()));
    office.write(entries).await?;
    if exports {
        // Whoever holds the file can be told from it.
        table.notes.push(format!("{} {} {}", desk.when(desk.app.now()), by, target.zh()));
        return as_file(target.code(), &table, fields.text("format")).ok_or(Problem::Invalid { field: "format", what: |w| w.invalid_field });
    }
    Ok(back(&format!("/office/export/{id}")))
}
