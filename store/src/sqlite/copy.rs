//! A copy of a data directory while it is in use: each file as of one moment, whole and synced.

use super::dir::{OpenError, sync_dir};
use super::open_reader;
use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Copies the ledger and then every day file of the log into a directory. In this order a restored ledger finds in its log
/// everything that it has decided, and decides the rest again. The keys are not copied. Returns the names of the files.
///
/// # Errors
/// [`OpenError`] if a file cannot be read or written, or is there already.
pub fn copy(data: &Path, to: &Path) -> Result<Vec<String>, OpenError> {
    let io = |what: &str| {
        let what = what.to_owned();
        move |e| OpenError::Io(what, e)
    };
    let mut days: Vec<String> = std::fs::read_dir(data)
        .map_err(io("list the data directory"))?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with("log-") && name.ends_with(".db"))
        .collect();
    days.sort();
    let mut out = Vec::new();
    for name in std::iter::once("ledger.db".to_owned()).chain(days) {
        let (from, into): (PathBuf, PathBuf) = (data.join(&name), to.join(&name));
        let failed = |e| OpenError::Sqlite(format!("copy {name}"), e);
        if into.exists() {
            return Err(OpenError::Io(format!("write {}", into.display()), std::io::ErrorKind::AlreadyExists.into()));
        }
        let db = open_reader(&from).map_err(failed)?;
        db.pragma_update(None, "query_only", false).map_err(failed)?;
        db.execute("VACUUM INTO ?1", [into.to_string_lossy()]).map_err(failed)?;
        let sync = || -> std::io::Result<()> {
            std::fs::set_permissions(&into, std::fs::Permissions::from_mode(0o600))?;
            File::open(&into)?.sync_all()
        };
        sync().map_err(io("make the copy durable"))?;
        out.push(name);
    }
    sync_dir(to).map_err(io("make the copies' names durable"))?;
    Ok(out)
}
