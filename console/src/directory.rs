//! Finding a home while somebody waits on the phone: by name, first letters in pinyin, the tail of a number, address or
//! identifier. The columns are sealed at rest; what a search looks at stands in memory, without any whole number.

use crate::app::App;
use crate::caller::Caller;
use crate::office::Finder;
use crate::problem::Problem;
use care::HomeId;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A reading older than this is replaced behind the back of the search that meets it.
const FRESH: Duration = Duration::from_secs(60);
/// Homes read from the register in one go.
const PAGE: usize = 500;
/// Most homes that are looked through (LIM-1).
const HOMES_MAX: usize = 200_000;

struct Entry {
    home: HomeId,
    area: String,
    names: String,
    finder: Finder,
}

/// A reading of the register, and when it was made.
type Reading = Arc<(Instant, Vec<Entry>)>;

/// The last reading.
#[derive(Default)]
pub(crate) struct Directory {
    read: Mutex<Option<Reading>>,
    reading: Arc<tokio::sync::Mutex<()>>,
}

/// Homes in the caller's area that a text leads to, at most `most`. Names, numbers and addresses lead there for those
/// who take alarms; for the others, the identifier alone.
pub(crate) async fn find(app: &App, caller: &Caller, text: &str, most: usize) -> Result<Vec<HomeId>, Problem> {
    let reading = reading(app).await?;
    let fits = |entry: &&Entry| {
        let by_people = || caller.acts() && (entry.names.contains(text) || entry.finder.fits(text));
        (caller.sees_everything() || caller.sees_area(&entry.area)) && (entry.home.as_str().contains(text) || by_people())
    };
    Ok(reading.1.iter().filter(fits).take(most).map(|entry| entry.home.clone()).collect())
}

fn last(app: &App) -> Option<Reading> {
    app.directory.read.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

async fn reading(app: &App) -> Result<Reading, Problem> {
    let Some(found) = last(app) else {
        let turn = app.directory.reading.lock().await;
        if let Some(found) = last(app) {
            return Ok(found);
        }
        let found = read(app).await;
        drop(turn);
        return found;
    };
    if found.0.elapsed() >= FRESH
        && let Ok(turn) = Arc::clone(&app.directory.reading).try_lock_owned()
    {
        let app = app.clone();
        drop(tokio::spawn(async move {
            if read(&app).await.is_err() {
                tracing::warn!("the homes could not be read for searching: older ones are searched");
            }
            drop(turn);
        }));
    }
    Ok(found)
}

async fn read(app: &App) -> Result<Reading, Problem> {
    let register = app.parts.register.as_ref();
    let began = Instant::now();
    let mut entries = Vec::new();
    let mut after = None;
    while entries.len() < HOMES_MAX {
        let page = register.homes(after.as_ref(), PAGE).await?;
        for home in &page {
            let Some(record) = register.home(home).await? else { continue };
            let elders = register.elders_of(home).await?;
            let contacts = register.contacts_of(home).await?;
            let names: Vec<&str> = elders.iter().map(|elder| elder.name.as_str()).collect();
            let own = contacts.iter().filter(|contact| contact.home.is_some()).filter_map(|contact| contact.addresses.get("voice"));
            let numbers = elders.iter().map(|elder| &elder.phone).chain(own);
            let finder = Finder::new(&names, numbers, &record.address);
            entries.push(Entry { home: home.clone(), area: record.area, names: names.join(" "), finder });
        }
        after = page.last().cloned();
        if page.len() < PAGE {
            break;
        }
    }
    let reading = Arc::new((began, entries));
    *app.directory.read.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&reading));
    Ok(reading)
}
