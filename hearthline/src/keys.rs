//! Who may come in at the devices' door: the credentials of the register.

use async_trait::async_trait;
use care::HomeId;
use care::home::Told;
use gateway::{DoorHandle, Grant, Hello, Homes, Keys, Passwords, Refused, Rights};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use store::{Clock, EventLog, Register};
use store::register::CredentialRights;
use tracing::{info, warn};

/// How often the credentials that are inside are looked up: a revoked one is outside within 5 s of the click.
const LOOK_EVERY: Duration = Duration::from_secs(2);
const _: () = assert!(2 * LOOK_EVERY.as_secs() < 5, "a look may have begun just before the click");

/// The register's credentials as keys to the door. A revoked credential is refused at once; device secrets
/// are made by the platform, so a salted hash keeps them and thousands of returning devices cost little.
pub struct RegisterKeys {
    register: Arc<dyn Register>,
    passwords: Passwords,
    /// Where it is told that a credential is used in two places.
    tells: Option<(Arc<dyn EventLog>, Arc<dyn Clock>)>,
}

impl RegisterKeys {
    /// Keys over a register.
    pub fn new(register: Arc<dyn Register>) -> Self {
        Self { register, passwords: Passwords::default(), tells: None }
    }

    /// Tells the home, through the log, if a credential of it is used in two places.
    #[must_use]
    pub fn telling(self, log: Arc<dyn EventLog>, clock: Arc<dyn Clock>) -> Self {
        Self { tells: Some((log, clock)), ..self }
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

    fn shared(&self, grant: &Grant) {
        warn!(credential = grant.name, "one credential is used in two places");
        let home = match &grant.rights {
            Rights::Device { home, .. } | Rights::Hub { home } => home.clone(),
            // it speaks for many: the log of the platform is where its operators look
            Rights::Bridge { .. } | Rights::Open => return,
        };
        let Some((log, clock)) = self.tells.clone() else { return };
        let told = Told::Shared { credential: grant.name.clone() };
        tokio::spawn(async move {
            if let Err(error) = ingest::tell(&*log, &home, &told, clock.now()).await {
                warn!(%error, "it could not be kept that a credential is used in two places");
            }
        });
    }
}

/// Ends the connections and sessions of credentials that were revoked while they were inside, whoever revoked them: the
/// register says so, on this machine or on another. New connections are refused by [`RegisterKeys`] from the same moment.
pub async fn end_revoked(register: Arc<dyn Register>, door: DoorHandle) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        for name in door.credentials() {
            match register.credential(&name).await {
                Ok(Some(credential)) if credential.revoked_at.is_some() => {
                    let connections = door.kick(&name);
                    if connections > 0 {
                        info!(connections, "a revoked credential was shown out");
                    }
                }
                Ok(Some(_) | None) => {}
                Err(error) => {
                    warn!(%error, "the register could not be asked who was revoked: asked again at once");
                    break;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::WallClock;
    use crate::lanes::LearnedLanes;
    use gateway::{Door, DoorSettings, Limits, Listener, Protection, Welcome};
    use store::memory::{MemoryLedger, MemoryLog};
    use store::register::{Credential, Put};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    const PATIENCE: Duration = Duration::from_secs(60);

    /// Says hello as `button` and gives the connection with the answer's return code.
    async fn enter(door: &DoorHandle) -> (TcpStream, u8) {
        let mut socket = TcpStream::connect(door.local_addrs()[0]).await.unwrap();
        let mut body = b"\0\x04MQTT\x04\xc2\0\0".to_vec();
        for text in ["c", "button", "secret"] {
            body.extend([0, u8::try_from(text.len()).unwrap()]);
            body.extend(text.as_bytes());
        }
        let head = [0x10, u8::try_from(body.len()).unwrap()];
        socket.write_all(&[&head[..], &body].concat()).await.unwrap();
        let mut answer = [0; 4];
        socket.read_exact(&mut answer).await.unwrap();
        (socket, answer[3])
    }

    #[tokio::test]
    async fn a_revoked_credential_is_shown_out_while_it_is_connected_and_does_not_come_in_again() {
        let register = Arc::new(MemoryLedger::new());
        let rights = CredentialRights::Device { home: "home-1".into(), device: "button".into() };
        let credential = Credential { name: "button".into(), secret_hash: crate::secret::hash("secret"), rights, revoked_at: None };
        register.put(vec![Put::Credential(credential.clone())]).await.unwrap();
        let here = Listener { address: ([127, 0, 0, 1], 0).into(), protection: Protection::Loopback, welcome: Welcome::Keys };
        let settings = DoorSettings { listeners: vec![here], limits: Limits::default() };
        let clock = Arc::new(WallClock::new(None, care::TimeDelta::zero(), 1));
        let keys = Arc::new(RegisterKeys::new(register.clone()));
        let door = Door::open(settings, Arc::new(MemoryLog::new(1)), keys, clock, Arc::new(LearnedLanes::default())).await.unwrap();
        let watch = tokio::spawn(end_revoked(register.clone(), door.clone()));

        let (mut socket, answer) = enter(&door).await;
        assert_eq!(answer, 0);
        let revoked = Credential { revoked_at: Some("2026-11-23T08:00:00Z".parse().unwrap()), ..credential };
        register.put(vec![Put::Credential(revoked)]).await.unwrap();
        let mut rest = Vec::new();
        tokio::time::timeout(PATIENCE, socket.read_to_end(&mut rest)).await.expect("the connection ends").unwrap_or_default();
        assert_ne!(enter(&door).await.1, 0);
        watch.abort();
        door.shutdown().await;
    }
}
