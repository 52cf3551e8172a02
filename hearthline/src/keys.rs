//! Who may come in at the devices' door: the credentials of the register.

use async_trait::async_trait;
use care::HomeId;
use gateway::{Grant, Hello, Homes, Keys, Passwords, Refused, Rights};
use std::collections::BTreeSet;
use std::sync::Arc;
use store::Register;
use store::register::CredentialRights;

/// The register's credentials as keys to the door. A revoked credential is refused at once; device secrets
/// are made by the platform, so a salted hash keeps them and thousands of returning devices cost little.
pub struct RegisterKeys {
    register: Arc<dyn Register>,
    passwords: Passwords,
}

impl RegisterKeys {
    /// Keys over a register.
    pub fn new(register: Arc<dyn Register>) -> Self {
        Self { register, passwords: Passwords::default() }
    }
}

#[async_trait]
impl Keys for RegisterKeys {
    async fn admit(&self, hello: Hello) -> Result<Grant, Refused> {
        let name = hello.certificate_name.clone().or(hello.user.clone()).ok_or(Refused::BadLogin)?;
        let credential = self.register.credential(&name).await.map_err(|_| Refused::Busy)?.ok_or(Refused::BadLogin)?;
        if credential.revoked_at.is_some() {
            return Err(Refused::Blocked);
        }
        if hello.certificate_name.is_none() {
            let password = hello.password.as_deref().ok_or(Refused::BadLogin)?;
            self.passwords.check(&credential.secret_hash, password).await?;
        }
        let rights = match credential.rights {
            CredentialRights::Device { home, device } => Rights::Device { home, device },
            CredentialRights::Hub { home } => Rights::Hub { home },
            CredentialRights::Bridge { homes } if homes.iter().any(|h| h == "*") => Rights::Bridge { homes: Homes::All },
            CredentialRights::Bridge { homes } => {
                let homes: BTreeSet<HomeId> = homes.into_iter().map(HomeId::new).collect();
                Rights::Bridge { homes: Homes::Listed(Arc::new(homes)) }
            }
        };
        Ok(Grant { name: credential.name, rights })
    }
}
