//! Words between processes that need not be kept: questions about homes, lamps at another's door, the canary's call, and who is
//! alive. By the log's servers, without its streams; what gets lost is asked again, or told by the ledger.

use super::House;
use crate::lamp::Lamps;
use crate::pulse::{Elsewhere, Workers};
use alerts::canary::{Canary, CanaryChannel};
use alerts::{Channel, Delivery, EffectKey, Engine, Health, Job, Reconciled, Take};
use async_nats::Client;
use async_trait::async_trait;
use bytes::Bytes;
use care::home::{RoutineView, View};
use care::{Cause, HomeId, Reason};
use futures_util::StreamExt;
use gateway::Retain;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use store::ledger::{Tx, Write};
use store::postgres::{MemberView, PgLedger};
use store::{Clock, Ledger, Shard};
use tokio::sync::watch;
use tracing::{debug, error, warn};

/// How long another process may take to answer about a home.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// How often it is looked for what a process that has ended had begun.
const ADOPT_EVERY: Duration = Duration::from_secs(1);
/// How often a process says that it lives.
const ALIVE_EVERY: Duration = Duration::from_secs(2);
/// A process must have been heard anew before so many looks into a ledger that does not know it, before it counts as a copy's; one
/// that was not heard before so many looks is forgotten.
const STRANGE_LOOKS: u32 = 5;

/// A question to the owner of a shard.
#[derive(Debug, Serialize, Deserialize)]
enum Ask {
    View(HomeId),
    Routine(HomeId),
    Worklist,
}

/// A word for a device.
#[derive(Debug, Serialize, Deserialize)]
struct Down {
    topic: String,
    payload: Vec<u8>,
    retain: bool,
}

/// Asks the owner of a shard.
pub(super) struct Asking {
    pub(super) client: Client,
    pub(super) prefix: String,
}

impl Asking {
    async fn ask<T: DeserializeOwned>(&self, shard: Shard, ask: &Ask) -> Option<T> {
        let subject = format!("{}.ask.{}", self.prefix, shard.0);
        let question = serde_json::to_vec(ask).ok()?;
        let answer = tokio::time::timeout(ANSWER_WITHIN, self.client.request(subject, Bytes::from(question))).await;
        match answer {
            Ok(Ok(message)) => serde_json::from_slice(&message.payload).ok(),
            Ok(Err(error)) => {
                debug!(%error, shard = shard.0, "nobody answers for this shard");
                None
            }
            Err(_) => {
                debug!(shard = shard.0, "nobody answers for this shard in time");
                None
            }
        }
    }
}

#[async_trait]
impl Elsewhere for Asking {
    async fn view(&self, shard: Shard, home: &HomeId) -> Option<View> {
        self.ask::<Option<View>>(shard, &Ask::View(home.clone())).await.flatten()
    }

    async fn routine(&self, shard: Shard, home: &HomeId) -> Option<RoutineView> {
        self.ask::<Option<RoutineView>>(shard, &Ask::Routine(home.clone())).await.flatten()
    }

    async fn outage_worklist(&self, shard: Shard) -> Vec<View> {
        self.ask(shard, &Ask::Worklist).await.unwrap_or_default()
    }
}

async fn answer(homes: &Workers, shard: Shard, question: &[u8]) -> Option<Vec<u8>> {
    let worker = homes.post(shard)?;
    match serde_json::from_slice(question).ok()? {
        Ask::View(home) => serde_json::to_vec(&worker.view(&home).await).ok(),
        Ask::Routine(home) => serde_json::to_vec(&worker.routine(&home).await).ok(),
        Ask::Worklist => serde_json::to_vec(&worker.outage_worklist().await).ok(),
    }
}

/// Begins to listen to the others, until `stop` turns true.
pub(super) async fn connect(client: &Client, prefix: &str, house: &House, stop: watch::Receiver<bool>) -> Result<(), async_nats::SubscribeError> {
    let mut questions = client.subscribe(format!("{prefix}.ask.*")).await?;
    let (homes, to) = (house.homes.clone(), client.clone());
    until(stop.clone(), async move {
        while let Some(message) = questions.next().await {
            let shard = message.subject.rsplit('.').next().and_then(|s| s.parse().ok()).map(Shard);
            let (Some(shard), Some(reply)) = (shard, message.reply.clone()) else { continue };
            // Only the owner answers.
            if let Some(answer) = answer(&homes, shard, &message.payload).await
                && let Err(error) = to.publish(reply, Bytes::from(answer)).await
            {
                debug!(%error, "an answer could not be sent");
            }
        }
    });
    let subject = format!("{prefix}.down");
    let mut words = client.subscribe(subject.clone()).await?;
    let lamps = house.lamps.clone();
    let me: [u8; 8] = rand::random();
    let me: String = me.iter().map(|b| format!("{b:02x}")).collect();
    tell_far(&lamps, client.clone(), subject, me.clone());
    until(stop.clone(), async move {
        while let Some(message) = words.next().await {
            let own = message.headers.as_ref().and_then(|h| h.get("from")).is_some_and(|from| from.as_str() == me);
            if own {
                continue;
            }
            if let Ok(Down { topic, payload, retain }) = serde_json::from_slice(&message.payload) {
                lamps.from_afar(&topic, &payload, if retain { Retain::Yes } else { Retain::No });
            }
        }
    });
    let mut calls = client.subscribe(format!("{prefix}.canary")).await?;
    let canary = house.canary.clone();
    until(stop, async move {
        while calls.next().await.is_some() {
            canary.came_through();
        }
    });
    Ok(())
}

fn until(mut stop: watch::Receiver<bool>, work: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(async move {
        tokio::select! {
            stopped = stop.wait_for(|s| *s) => { let _gone = stopped; }
            () = work => {}
        }
    });
}

fn tell_far(lamps: &Lamps, client: Client, subject: String, me: String) {
    let runtime = tokio::runtime::Handle::current();
    lamps.also_far(Box::new(move |topic, payload, retain| {
        let word = Down { topic: topic.to_owned(), payload: payload.to_vec(), retain: retain == Retain::Yes };
        let Ok(word) = serde_json::to_vec(&word) else { return };
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("from", me.as_str());
        let (client, subject) = (client.clone(), subject.clone());
        runtime.spawn(async move {
            if let Err(error) = client.publish_with_headers(subject, headers, Bytes::from(word)).await {
                debug!(%error, "a word for a device could not be passed on");
            }
        });
    }));
}

/// The canary's channel where any process may be the one that delivers: all are told.
pub(super) struct ToldCanary {
    inner: CanaryChannel,
    client: Client,
    subject: String,
}

impl ToldCanary {
    pub(super) fn new(canary: Arc<Canary>, client: Client, subject: String) -> Self {
        Self { inner: CanaryChannel(canary), client, subject }
    }
}

#[async_trait]
impl Channel for ToldCanary {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn is_simulated(&self) -> bool {
        self.inner.is_simulated()
    }

    async fn deliver(&self, job: &Job, take: &dyn Take) -> Delivery {
        let delivery = self.inner.deliver(job, take).await;
        if let Err(error) = self.client.publish(self.subject.clone(), Bytes::new()).await {
            debug!(%error, "the canary's call could not be told");
        }
        delivery
    }

    async fn release(&self, key: &EffectKey) {
        self.inner.release(key).await;
    }

    async fn reconcile(&self, key: &EffectKey) -> Reconciled {
        self.inner.reconcile(key).await
    }

    fn health(&self) -> Health {
        self.inner.health()
    }
}

/// Takes over what processes that have ended had begun, for good.
pub async fn adopt(engine: Arc<Engine>) {
    loop {
        tokio::time::sleep(ADOPT_EVERY).await;
        engine.adopt().await;
    }
}

/// Processes that are heard, by the looks into the ledger that did not know them. Not by the time between their words: where this
/// process was held up, the last words of one that has ended meanwhile are read long after the ones before.
#[derive(Default)]
struct Strangers(BTreeMap<String, Stranger>);

#[derive(Default)]
struct Stranger {
    /// Since the last look.
    heard: bool,
    /// Looks that found it unknown and heard anew.
    looks: u32,
    /// Looks since it was heard.
    silent: u32,
}

impl Strangers {
    fn hear(&mut self, id: String) {
        self.0.entry(id).or_default().heard = true;
    }

    /// A look: one that goes on being heard. The last words of one that has left or been succeeded, however late they come, are none.
    fn copy_lives(&mut self, members: &[MemberView]) -> Option<&str> {
        self.0.retain(|id, stranger| {
            if std::mem::take(&mut stranger.heard) {
                (stranger.looks, stranger.silent) = (stranger.looks + 1, 0);
            } else {
                stranger.silent += 1;
            }
            stranger.silent < STRANGE_LOOKS && members.iter().all(|m| m.id != *id)
        });
        self.0.iter().find(|(_, stranger)| stranger.looks >= STRANGE_LOOKS).map(|(id, _)| id.as_str())
    }
}

/// Says every two seconds that this process lives, and listens to the others. One that is heard and is not in our ledger works
/// on a copy of it: then nobody real is called until an operator has looked (ALM-8).
pub(super) async fn watch_copies(client: Client, subject: String, ledger: Arc<PgLedger>, node: String, clock: Arc<dyn Clock>) {
    let mut strangers = Strangers::default();
    let mut told = false;
    loop {
        let mut others = match client.subscribe(subject.clone()).await {
            Ok(others) => others,
            Err(error) => {
                warn!(%error, "copies of this ledger cannot be listened for");
                tokio::time::sleep(ALIVE_EVERY).await;
                continue;
            }
        };
        let mut tick = tokio::time::interval(ALIVE_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                // Everything that was said before a look belongs to it.
                biased;
                message = others.next() => {
                    let Some(message) = message else { break };
                    if let Ok(id) = String::from_utf8(message.payload.to_vec()) {
                        strangers.hear(id);
                    }
                }
                _ = tick.tick() => {
                    if let Err(error) = client.publish(subject.clone(), Bytes::from(ledger.id().to_owned())).await {
                        debug!(%error, node, "the others could not be told that this process lives");
                    }
                    let Ok(members) = ledger.members().await else { continue };
                    if let Some(id) = strangers.copy_lives(&members) {
                        error!(id, "another process works on a copy of this ledger: calling is held until an operator releases it");
                        strangers = Strangers::default();
                        told = told || hold(&ledger, &*clock).await;
                    }
                }
            }
        }
    }
}

async fn hold(ledger: &PgLedger, clock: &dyn Clock) -> bool {
    let writes = vec![
        Write::Setting { key: alerts::engine::CALLING.0.into(), value: alerts::engine::CALLING.1.into() },
        Write::Audit { at: clock.now(), who: "platform".into(), action: "ledger.second_copy".into(), subject: "platform".into() },
    ];
    let held = ledger.commit(Tx { fence: None, writes }).await;
    let raised = alerts::platform::raise(ledger, Cause::Technical("second_copy".into()), Reason::new("second_copy"), clock.now()).await;
    held.is_ok() && raised.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::postgres::Member;

    fn members(id: &str) -> [MemberView; 1] {
        let member = Member { node: "n".into(), version: String::new(), duties: String::new(), address: String::new() };
        [MemberView { id: id.into(), member, lease_ms: 4_000 }]
    }

    #[test]
    fn only_who_goes_on_being_heard_and_is_not_in_the_ledger_works_on_a_copy() {
        let mut strangers = Strangers::default();
        // The life before has said that it lives, and was killed; its name has a new life now.
        strangers.hear("old life".into());
        for look in 1..40 {
            strangers.hear("new life".into());
            assert_eq!(strangers.copy_lives(&members("new life")), None, "look {look}");
        }
        // A copy goes on; not each of its words comes before a look of its own.
        let found = (1..20).find(|look| {
            if look % 3 != 0 {
                strangers.hear("copy".into());
            }
            strangers.copy_lives(&members("new life")).is_some()
        });
        assert_eq!(found, Some(7));
    }

    /// Seen: a node was held up for twelve seconds while another one was killed and started again. It held the calling of all.
    #[test]
    fn the_last_words_of_a_life_that_ended_while_this_process_was_held_up_are_no_copys() {
        let mut strangers = Strangers::default();
        strangers.hear("old life".into());
        // The look takes long, and fails. What was said meanwhile is read after it.
        (0..6).for_each(|_| strangers.hear("old life".into()));
        for look in 0..10 {
            assert_eq!(strangers.copy_lives(&members("new life")), None, "look {look}");
        }
        assert!(strangers.0.is_empty(), "and it is forgotten");
    }
}
