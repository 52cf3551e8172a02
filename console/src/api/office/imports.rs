//! Lists in, over the API and for the page: a list is held against the register before anything is written, with its mistakes and
//! its conflicts; then it is written in the background, and how far it has come can be asked.

use super::{area_of, inside};
use crate::app::App;
use crate::caller::Caller;
use crate::extract::{Asked, Id};
use crate::imports::Progress;
use crate::office::{Kept, Office};
use crate::problem::Problem;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use care::office::Refused;
use care::office::elder::{ElderFile, Source, SourceKind};
use care::office::import::{Conflict, Field as Named, Offer, compare, create, take};
use care::{ElderId, HomeId};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::register::{HomeRecord, Put};
use wire::sheet::{Cost, Import, RowProblem, read_elders};

/// Conflicts and mistakes that are told one by one; the counts are whole.
pub(crate) const SHOWN: usize = 500;
/// Elders that are written in one transaction.
const TOGETHER: usize = 50;

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

async fn read(app: &App, bytes: Bytes) -> Result<Import, Problem> {
    let today = app.parts.office.today();
    let read = tokio::task::spawn_blocking(move || read_elders(&bytes, today)).await.map_err(|_| Problem::Unavailable)?;
    read.map_err(|problem| Problem::Refused(vec![Refused::field("file", problem.zh(), problem.to_string())]))
}

/// From where a list comes, and where its people live.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ImportAsked {
    #[serde(default)]
    source: String,
    #[serde(default)]
    area: String,
}

/// Where a list and the register differ.
pub(crate) struct Difference {
    pub(crate) row: usize,
    pub(crate) name: String,
    pub(crate) field: Named,
    pub(crate) kept: String,
    pub(crate) kept_from: Option<SourceKind>,
    pub(crate) offered: String,
}

/// A list held against the register.
#[derive(Default)]
pub(crate) struct Looked {
    pub(crate) import: Import,
    pub(crate) new: usize,
    pub(crate) same: usize,
    pub(crate) filled: usize,
    pub(crate) elsewhere: usize,
    /// How many differences there are; the first of them one by one.
    pub(crate) differing: usize,
    pub(crate) differences: Vec<Difference>,
}

impl Looked {
    /// Rows that cannot be taken.
    pub(crate) fn bad(&self) -> usize {
        self.import.problems.iter().filter(|problem| problem.cost == Cost::Row).count()
    }
}

/// Holds a list against the register. Nothing is written.
pub(crate) async fn look(app: &App, caller: &Caller, asked: &ImportAsked, bytes: Bytes) -> Result<Looked, Problem> {
    area_of(caller, Some(&asked.area))?;
    SourceKind::from_code(&asked.source).ok_or(Problem::Invalid { field: "source", what: |w| w.invalid_field })?;
    let mut looked = Looked { import: read(app, bytes).await?, ..Looked::default() };
    for offer in &looked.import.elders {
        match matched(app, caller, offer).await? {
            Meant::New => looked.new += 1,
            Meant::Elsewhere => looked.elsewhere += 1,
            Meant::Known { fills, conflicts: found, kept } => {
                looked.same += usize::from(fills.is_empty() && found.is_empty());
                looked.filled += usize::from(!fills.is_empty());
                looked.differing += found.len();
                let left = SHOWN.saturating_sub(looked.differences.len());
                looked.differences.extend(found.into_iter().take(left).map(|one| Difference {
                    row: offer.row,
                    name: kept.record.name.clone(),
                    field: one.field,
                    kept: hidden(one.field, &one.kept),
                    kept_from: one.kept_from.as_deref().and_then(SourceKind::from_code),
                    offered: hidden(one.field, &one.offered),
                }));
            }
        }
    }
    Ok(looked)
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

/// Begins to write a list: the body is a line of decisions, then the file.
pub(crate) async fn begin(app: &App, caller: &Caller, bytes: Bytes) -> Result<Arc<Progress>, Problem> {
    let malformed = || Problem::Malformed("a line of decisions, then the file".to_owned());
    let end = bytes.iter().position(|byte| *byte == b'\n').ok_or_else(malformed)?;
    let decided: Decided = serde_json::from_slice(bytes.get(..end).unwrap_or_default()).map_err(|error| Problem::Malformed(error.to_string()))?;
    let kind = SourceKind::from_code(&decided.source).ok_or(Problem::Invalid { field: "source", what: |w| w.invalid_field })?;
    let area = area_of(caller, Some(&decided.area))?;
    let content = bytes.slice(end + 1..);
    let digest: String = Sha256::digest(&content).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let batch = format!("{}-{digest}", app.parts.office.today());
    let import = read(app, content).await?;
    let mut chosen: BTreeMap<usize, BTreeSet<Named>> = BTreeMap::new();
    for word in &decided.take {
        if let Some((row, field)) = word.split_once(':')
            && let (Ok(row), Some(field)) = (row.parse(), Named::from_code(field))
        {
            chosen.entry(row).or_default().insert(field);
        }
    }
    let progress = app.imports.begin(&caller.person, import.elders.len()).ok_or(Problem::Full)?;
    let run = Run { app: app.clone(), caller: caller.clone(), kind, area, batch, progress: Arc::clone(&progress) };
    // Goes on whether anybody waits or not; what is written stays written, and the same file once more is harmless.
    tokio::spawn(async move {
        if let Err(problem) = run.all(import, chosen).await {
            let (zh, en) = (problem.text(care::Language::Zh), problem.text(care::Language::En));
            run.progress.end(Err((zh.1, en.1)));
        }
    });
    Ok(progress)
}

/// An import, for whoever began it.
pub(crate) fn begun(app: &App, caller: &Caller, id: &str) -> Result<Arc<Progress>, Problem> {
    app.imports.of(id).filter(|progress| progress.by == caller.person).ok_or(Problem::NotFound)
}

fn not_taken(row: usize, refused: Refused) -> RowProblem {
    RowProblem { row, column: refused.field, cost: Cost::Row, zh: refused.zh, en: refused.en }
}

fn told(problem: &RowProblem) -> Value {
    let cost = match problem.cost {
        Cost::Row => "row",
        Cost::Cell => "cell",
        Cost::Nothing => "nothing",
    };
    json!({ "row": problem.row, "column": problem.column, "cost": cost, "zh": problem.zh, "en": problem.en })
}

pub(crate) async fn preview(State(app): State<App>, caller: Caller, Asked(asked): Asked<ImportAsked>, bytes: Bytes) -> Result<Json<Value>, Problem> {
    let looked = look(&app, &caller, &asked, bytes).await?;
    let differences: Vec<Value> = looked
        .differences
        .iter()
        .map(|one| json!({ "take": format!("{}:{}", one.row, one.field.code()), "name": one.name, "kept": one.kept, "kept_from": one.kept_from, "offered": one.offered }))
        .collect();
    Ok(Json(json!({
        "new": looked.new, "same": looked.same, "filled": looked.filled, "elsewhere": looked.elsewhere, "bad": looked.bad(), "differing": looked.differing,
        "differences": differences, "problems": looked.import.problems.iter().take(SHOWN).map(told).collect::<Vec<_>>(), "unread": looked.import.unread,
    })))
}

pub(crate) async fn apply(State(app): State<App>, caller: Caller, bytes: Bytes) -> Result<Json<Value>, Problem> {
    let progress = begin(&app, &caller, bytes).await?;
    Ok(Json(json!({ "id": progress.id, "of": progress.of })))
}

pub(crate) async fn progress(State(app): State<App>, caller: Caller, Id(id): Id) -> Result<Json<Value>, Problem> {
    let progress = begun(&app, &caller, &id)?;
    let at = progress.now();
    let ended = at.ended.map(|ended| match ended {
        Ok(batch) => json!({ "batch": batch }),
        Err((zh, en)) => json!({ "stopped": { "zh": zh, "en": en } }),
    });
    Ok(Json(json!({ "looked": at.looked, "of": progress.of, "written": at.written, "problems": at.problems.iter().map(told).collect::<Vec<_>>(), "ended": ended })))
}

/// An import at work.
struct Run {
    app: App,
    caller: Caller,
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
                            self.progress.wrong(not_taken(offer.row, refused));
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
                    all.into_iter().for_each(|one| self.progress.wrong(not_taken(offer.row, one)));
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
