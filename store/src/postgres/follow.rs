//! Hears of the other processes' commits: `LISTEN` for speed, and a look once a second because a notification may be lost.

use super::PgLedger;
use super::apply::CHANNEL;
use futures_util::future::poll_fn;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio_postgres::{AsyncMessage, Client, Connection};

/// How often whoever waits is woken, whatever was heard.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Pause before listening again after a broken connection.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

impl PgLedger {
    /// Wakes the holders of `changed` after commits of every process, until `stop` turns true.
    pub async fn follow(&self, mut stop: watch::Receiver<bool>) {
        let listen = async {
            loop {
                if let Err(error) = self.listen().await {
                    tracing::warn!(%error, "other processes' commits are not heard: looking once a second meanwhile");
                }
                tokio::time::sleep(AGAIN_AFTER).await;
            }
        };
        let look = async {
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                self.tell_changed();
            }
        };
        tokio::select! {
            stopped = stop.wait_for(|s| *s) => { let _gone = stopped; }
            () = listen => {}
            () = look => {}
        }
    }

    async fn listen(&self) -> Result<(), super::PgError> {
        let failed = super::PgError::asking("connect to listen");
        let config = super::pool::config(&self.settings.url, self.settings.authorities.is_some())?;
        match self.settings.authorities.as_deref() {
            Some(authorities) => {
                let tls = super::tls::connector(authorities).map_err(super::PgError::Tls)?;
                let (client, connection) = config.connect(tls).await.map_err(failed)?;
                self.hear(client, connection).await.map_err(super::PgError::asking("listen"))
            }
            None => {
                let (client, connection) = config.connect(tokio_postgres::NoTls).await.map_err(failed)?;
                self.hear(client, connection).await.map_err(super::PgError::asking("listen"))
            }
        }
    }

    async fn hear<S, T>(&self, client: Client, mut connection: Connection<S, T>) -> Result<(), tokio_postgres::Error>
    where
        S: AsyncRead + AsyncWrite + Unpin,
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let sql = format!("LISTEN {CHANNEL}");
        let begin = client.batch_execute(&sql);
        tokio::pin!(begin);
        let mut listening = false;
        loop {
            tokio::select! {
                begun = &mut begin, if !listening => {
                    begun?;
                    listening = true;
                    // What was committed before is not told any more.
                    self.tell_changed();
                }
                message = poll_fn(|cx| connection.poll_message(cx)) => match message {
                    Some(Ok(AsyncMessage::Notification(note))) if note.payload() != self.me => self.tell_changed(),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(error),
                    None => return Ok(()),
                },
            }
        }
    }
}
