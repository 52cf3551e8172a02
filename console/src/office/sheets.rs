//! Records in and out of sheets, in their own types.

use super::Office;
use care::office::{Record, Refused};
use store::register::Put;
use store::sheet::{Sheet, SheetAsk};
use care::Timestamp;
use store::LedgerError;

/// Why something was not done.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OfficeError {
    /// There is no such record.
    #[error("no such record")]
    NotFound,
    /// The rules refuse it, with everything that is wrong.
    #[error("refused: {}", .0.iter().map(Refused::to_string).collect::<Vec<_>>().join("; "))]
    Refused(Vec<Refused>),
    /// Somebody else has changed it meanwhile: read again.
    #[error("the record has changed since it was read")]
    Conflict,
    /// The office has no policy file.
    #[error("no policy is loaded")]
    NoPolicy,
    /// A kept record cannot be read.
    #[error("a record of kind {kind} cannot be read: {id}")]
    Unreadable {
        /// Its kind.
        kind: &'static str,
        /// Its identifier.
        id: String,
    },
    /// The register failed.
    #[error("the register failed")]
    Register(#[source] LedgerError),
}

impl From<LedgerError> for OfficeError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Conflict => Self::Conflict,
            LedgerError::Fenced | LedgerError::DiskFull | LedgerError::Failed(_) => Self::Register(error),
        }
    }
}

impl From<Refused> for OfficeError {
    fn from(refused: Refused) -> Self {
        Self::Refused(vec![refused])
    }
}

impl From<Vec<Refused>> for OfficeError {
    fn from(refused: Vec<Refused>) -> Self {
        Self::Refused(refused)
    }
}

/// A record as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept<R> {
    /// The record.
    pub record: R,
    /// Its version, from 1.
    pub version: u32,
    /// When this version was written.
    pub written_at: Timestamp,
    /// By whom.
    pub written_by: String,
}

/// A page of records, and where the next one begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<R> {
    /// The records, in the order of their instant.
    pub records: Vec<Kept<R>>,
    /// Where the next page begins; none: this was the last.
    pub next: Option<(Timestamp, String)>,
}

/// A sheet as its record.
pub(super) fn read<R: Record>(sheet: Sheet) -> Result<Kept<R>, OfficeError> {
    let Sheet { id, version, body, written_at, written_by, .. } = sheet;
    let record = serde_json::from_value(body).map_err(|error| {
        tracing::error!(kind = R::KIND, sheet.id = %id, %error, "a kept record cannot be read");
        OfficeError::Unreadable { kind: R::KIND, id }
    })?;
    Ok(Kept { record, version, written_at, written_by })
}

impl Office {
    /// A record as the version after `before` (0: it is new), to be written with others in one transaction.
    ///
    /// # Errors
    /// [`OfficeError::Refused`] if its identifier cannot be kept.
    pub fn put_of<R: Record>(&self, record: &R, before: u32, by: &str) -> Result<Put, OfficeError> {
        let sheet = Sheet {
            kind: R::KIND.to_owned(),
            id: record.id(),
            version: before.saturating_add(1),
            area: record.area().to_owned(),
            home: record.home().cloned(),
            elder: record.elder().cloned(),
            at: record.at(),
            state: record.state().to_owned(),
            body: serde_json::to_value(record).map_err(|_| OfficeError::Unreadable { kind: R::KIND, id: record.id() })?,
            written_at: self.now(),
            written_by: by.to_owned(),
        };
        match sheet.fault() {
            Some(fault) => Err(Refused::field("id", "编号不合规", fault).into()),
            None => Ok(Put::Sheet(sheet)),
        }
    }

    /// Writes a record as the version after `before` (0: it is new), with a line in the audit.
    ///
    /// # Errors
    /// [`OfficeError::Conflict`] if somebody was faster.
    pub async fn put<R: Record>(&self, record: &R, before: u32, by: &str) -> Result<(), OfficeError> {
        let put = self.put_of(record, before, by)?;
        let action = if before == 0 { "create" } else { "change" };
        let audit = self.audit(by, &format!("{}.{action}", R::KIND), &record.id());
        self.write(vec![put, audit]).await
    }

    /// A line for the audit.
    pub fn audit(&self, by: &str, action: &str, subject: &str) -> Put {
        Put::Audit { at: self.now(), who: by.to_owned(), action: action.to_owned(), subject: subject.to_owned() }
    }

    /// Writes several entries as one.
    ///
    /// # Errors
    /// [`OfficeError::Conflict`] if somebody was faster with one of them; then none is written.
    pub async fn write(&self, mut entries: Vec<Put>) -> Result<(), OfficeError> {
        entries.extend(self.fence.map(Put::Fence));
        Ok(self.register.put(entries).await?)
    }

    /// The newest version of a record.
    ///
    /// # Errors
    /// If the register fails or the record cannot be read.
    pub async fn find<R: Record>(&self, id: &str) -> Result<Option<Kept<R>>, OfficeError> {
        self.register.sheet(R::KIND, id).await?.map(read).transpose()
    }

    /// The newest version of a record that must be there.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`].
    pub async fn get<R: Record>(&self, id: &str) -> Result<Kept<R>, OfficeError> {
        self.find(id).await?.ok_or(OfficeError::NotFound)
    }

    /// Every version of a record, oldest first.
    ///
    /// # Errors
    /// If the register fails or one cannot be read.
    pub async fn versions<R: Record>(&self, id: &str) -> Result<Vec<Kept<R>>, OfficeError> {
        self.register.sheet_versions(R::KIND, id).await?.into_iter().map(read).collect()
    }

    /// A page of records.
    ///
    /// # Errors
    /// If the register fails or one cannot be read.
    pub async fn page<R: Record>(&self, ask: SheetAsk) -> Result<Page<R>, OfficeError> {
        let ask = SheetAsk { kind: R::KIND.to_owned(), ..ask };
        let limit = ask.limit();
        let sheets = self.register.sheets(&ask).await?;
        let next = if sheets.len() < limit { None } else { sheets.last().map(|last| (last.at, last.id.clone())) };
        let records = sheets.into_iter().map(read).collect::<Result<_, _>>()?;
        Ok(Page { records, next })
    }

    /// All records that are asked for, whatever their number: for exports and jobs.
    ///
    /// # Errors
    /// If the register fails or one cannot be read.
    pub async fn all<R: Record>(&self, ask: SheetAsk) -> Result<Vec<Kept<R>>, OfficeError> {
        let mut records = Vec::new();
        let mut after = None;
        loop {
            let page = self.page(SheetAsk { after: after.take(), ..ask.clone() }).await?;
            records.extend(page.records);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(records),
            }
        }
    }
}
