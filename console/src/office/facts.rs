//! The facts behind the reports, handed out: whoever has them and the policy file can work the reports out anew.

use super::{Office, OfficeError};
use serde_json::Value;

impl Office {
    /// The facts of the whole city as they are known now: identifiers, no names.
    ///
    /// # Errors
    /// If the register fails.
    pub async fn facts(&self) -> Result<Value, OfficeError> {
        self.refresh().await?;
        let today = self.today();
        Ok(self.look(|model| model.facts.to_json(today)))
    }
}
