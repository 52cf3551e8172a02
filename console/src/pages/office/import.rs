//! Lists in: an import is shown beside the register before anything is written, with its mistakes and its conflicts; then it is
//! written in the background, and how far it has come is seen.

use super::Desk;
use super::part::{Choice, choices};
use crate::api::office::{area_of, inside};
use crate::app::App;
use crate::caller::Caller;
use crate::extract::{Asked, Id};
use crate::imports::Progress;
use crate::look::Look;
use crate::messages::fill;
use crate::office::{Kept, Office};
use crate::pages::html;
use crate::problem::Problem;
use askama::Template;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::Response;
use care::office::elder::{ElderFile, Source, SourceKind};
use care::office::export::Target;
use care::office::import::{Conflict, Field as Named, Offer, compare, create, take};
use care::{ElderId, HomeId};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::register::{HomeRecord, Put};
use wire::sheet::{Cost, Import, RowProblem, SheetProblem, read_elders};

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
async fn matched(app: &App, caller: &Caller, offer: &Offer) -> Result<Meant, Problem> {
    let office = &app.parts.office;
    let id = match &offer.id_number {
        Some(number) => office.elder_with_number(number.reveal()).await?,
        None => match offer.born {
            Some(born) => office.elder_named(&offer.name, born).await?,
            None => None,
        },
    };
    let Some(id) = id else { return Ok(Meant::New) };
    let kept: Kept<ElderFile> = office.get(id.as_str()).await?;
    if !caller.sees_area(&kept.record.area) {
        return Ok(Meant::Elsewhere);
    }
    let compared = compare(&kept.record, offer, office.today());
    Ok(Meant::Known { kept: Box::new(kept), fills: compared.fills, conflicts: compared.conflicts })
}

fn refused(problem: &SheetProblem) -> Problem {
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
    /// The import that is at work.
    running: Option<String>,
    looked: usize,
    of: usize,
}

impl Preview {
    fn empty(o: &'static super::OfficeWords) -> Self {
        Self {
            o,
            summary: Vec::new(),
            problems: Vec::new(),
            conflicts: Vec::new(),
            unread: String::new(),
            may_apply: false,
            done: String::new(),
            running: None,
            looked: 0,
            of: 0,
        }
    }
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
    read.map_err(|problem| refused(&problem))
}

pub(crate) async fn preview(desk: Desk, Asked(asked): Asked<ImportAsked>, bytes: Bytes) -> Result<Response, Problem> {
    let o = desk.o;
    area_of(&desk.caller, Some(&asked.area))?;
    SourceKind::from_code(&asked.source).ok_or(Problem::Invalid { field: "source", what: |w| w.invalid_field })?;
    let import = read(&desk, bytes).await?;
    let (mut new, mut same, mut filled, mut elsewhere, mut differing) = (0usize, 0usize, 0usize, 0usize, 0usize);
    let mut conflicts = Vec::new();
    for offer in &import.elders {
        match matched(&desk.app, &desk.caller, offer).await? {
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
        ..Preview::empty(o)
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
    let batch = format!("{}-{digest}", desk.app.parts.office.today());
    let import = read(&desk, content).await?;
    let mut chosen: BTreeMap<usize, BTreeSet<Named>> = BTreeMap::new();
    for word in &decided.take {
        if let Some((row, field)) = word.split_once(':')
            && let (Ok(row), Some(field)) = (row.parse(), Named::from_code(field))
        {
            chosen.entry(row).or_default().insert(field);
        }
    }
    let progress = desk.app.imports.begin(&desk.caller.person, import.elders.len()).ok_or(Problem::Full)?;
    let run = Run { app: desk.app.clone(), caller: desk.caller.clone(), o, language: desk.look.language, kind, area, batch, progress: Arc::clone(&progress) };
    // Goes on whether the page stays open or not; what is written stays written, and the same file once more is harmless.
    tokio::spawn(async move {
        if let Err(problem) = run.all(import, chosen).await {
            let (zh, en) = (problem.text(care::Language::Zh), problem.text(care::Language::En));
            run.progress.end(Err((zh.1, en.1)));
        }
    });
    Ok(html(StatusCode::OK, &running(&desk, &progress)))
}

/// How an import stands, for whoever began it.
pub(crate) async fn progress(desk: Desk, Id(id): Id) -> Result<Response, Problem> {
    let progress = desk.app.imports.of(&id).filter(|progress| progress.by == desk.caller.person).ok_or(Problem::NotFound)?;
    Ok(html(StatusCode::OK, &running(&desk, &progress)))
}

fn running(desk: &Desk, progress: &Progress) -> Preview {
    let o = desk.o;
    let at = progress.now();
    let preview = Preview { o, problems: at.problems, ..Preview::empty(o) };
    match at.ended {
        None => Preview { running: Some(progress.id.clone()), looked: at.looked, of: progress.of, done: fill(o.import_running, &[("n", &at.looked.to_string()), ("of", &progress.of.to_string())]), ..preview },
        Some(Ok(batch)) => Preview { done: fill(o.import_done, &[("n", &at.written.to_string()), ("batch", &batch)]), ..preview },
        Some(Err((zh, en))) => Preview { done: fill(o.import_stopped, &[("n", &at.written.to_string()), ("why", desk.pick(&zh, &en))]), ..preview },
    }
}

/// An import at work.
struct Run {
    app: App,
    caller: Caller,
    o: &'static super::OfficeWords,
    language: care::Language,
    kind: SourceKind,
    area: String,
    batch: String,
    progress: Arc<Progress>,
}

impl Run {
    async fn all(&self, import: Import, chosen: BTreeMap<usize, BTreeSet<Named>>) -> Result<(), Problem> {
        let office = self.app.parts.office.clone();
        let (today, areas) = (office.today(), self.app.parts.register.areas().await?);
        let (mut entries, mut waiting) = (Vec::<Put>::new(), 0usize);
        // Rows of one file that name the same person are written one after the other, each seeing the one before.
        let mut written_here: BTreeSet<String> = BTreeSet::new();
        for offer in &import.elders {
            let row = u32::try_from(offer.row).unwrap_or(u32::MAX);
            let source = Source { from: self.kind, batch: self.batch.clone(), row: Some(row), at: self.app.now(), by: self.caller.person.clone() };
            let name = offer.id_number.as_ref().map_or_else(|| format!("{} {:?}", offer.name, offer.born), |number| number.reveal().to_owned());
            if !written_here.insert(name) && waiting > 0 {
                self.write(&office, &mut entries, &mut waiting).await?;
            }
            self.progress.look();
            let (file, before) = match matched(&self.app, &self.caller, offer).await? {
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
                    let named = |one: &&store::register::Area| offer.grid.as_deref().is_some_and(|grid| one.id == grid || one.name == grid) && self.caller.sees_area(&one.id);
                    let place = areas.iter().find(named).map_or_else(|| self.area.clone(), |one| one.id.clone());
                    match create(offer, id, home.clone(), &place, &source, today) {
                        Ok(file) => {
                            let address = offer.address.clone().unwrap_or_default();
                            entries.push(Put::Home(HomeRecord { id: home, area: place, address, access_notes: String::new() }));
                            (file, 0)
                        }
                        Err(refused) => {
                            self.progress.wrong((offer.row, refused.field.clone(), self.o.cost_row, refused.text(self.language).to_owned()));
                            continue;
                        }
                    }
                }
            };
            inside(&self.caller, &file.area)?;
            match office.elder_entries(file, before, &self.caller.person, self.kind, Some((&self.batch, row))).await {
                Ok((_, puts)) => {
                    entries.extend(puts);
                    waiting += 1;
                }
                Err(crate::office::OfficeError::Refused(all)) => {
                    if before == 0 {
                        entries.pop();
                    }
                    for one in &all {
                        self.progress.wrong((offer.row, one.field.clone(), self.o.cost_row, one.text(self.language).to_owned()));
                    }
                }
                Err(other) => return Err(other.into()),
            }
            if waiting >= TOGETHER {
                self.write(&office, &mut entries, &mut waiting).await?;
            }
        }
        entries.push(office.audit(self.caller.person.as_str(), "elder.import", &self.batch));
        self.write(&office, &mut entries, &mut waiting).await?;
        self.progress.end(Ok(self.batch.clone()));
        Ok(())
    }

    async fn write(&self, office: &Office, entries: &mut Vec<Put>, waiting: &mut usize) -> Result<(), Problem> {
        office.write(std::mem::take(entries)).await?;
        self.progress.wrote(std::mem::take(waiting));
        Ok(())
    }
}
