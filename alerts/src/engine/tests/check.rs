//! The check call and rotas through the engine.

use super::*;
use crate::directory::{ContactFacts, Directory, HomeFacts};
use crate::engine::{Engine, EngineSettings};
use care::cause::Raise;
use care::plan::{CheckCall, Plan};
use care::{AlarmId, ContactId, HomeId, Reason};
use std::collections::BTreeMap;
use store::ledger::Tx;
use store::{LedgerError, desk};

/// The elder `li` has a phone; the rota has `lin` on duty, whom nobody can reach by voice, and the deputy.
struct Town;

#[async_trait::async_trait]
impl Directory for Town {
    async fn contact(&self, id: &ContactId) -> Result<Option<ContactFacts>, LedgerError> {
        let channel = if id.as_str() == "lin" { "fax" } else { "voice" };
        Ok(Some(ContactFacts { addresses: BTreeMap::from([(channel.to_owned(), format!("tel-{id}"))]), language: "en".to_owned() }))
    }

    async fn standing_for(&self, id: &ContactId, _alarm: &care::Alarm) -> Result<Vec<ContactId>, LedgerError> {
        Ok(if id.as_str() == "rota.guishan" { vec!["lin".into(), "deputy".into()] } else { vec![id.clone()] })
    }

    async fn elder(&self, _home: &HomeId, id: &ContactId) -> Result<Option<ContactFacts>, LedgerError> {
        Ok(Some(ContactFacts { addresses: BTreeMap::from([("voice".to_owned(), format!("tel-{id}"))]), language: "zh".to_owned() }))
    }

    async fn home(&self, _id: &HomeId) -> Result<HomeFacts, LedgerError> {
        Ok(HomeFacts::default())
    }

    fn zone(&self) -> chrono_tz::Tz {
        chrono_tz::Asia::Shanghai
    }
}

async fn raise(world: &World) -> AlarmId {
    let now = world.clock.now();
    let plan = world.ledger.plan(&"home-1".into(), &Cause::Inactivity, Level::Attention).await.unwrap();
    let wish = Raise { cause: Cause::Inactivity, level: Level::Attention, reason: Reason::new("device_signal"), key: "1".into(), device: None };
    let (alarm, effects) = care::Alarm::raise(AlarmId::derive(now, "1"), "home-1".into(), vec!["li".into()], wish, false, &plan, now);
    world.ledger.commit(Tx { fence: None, writes: desk::writes(None, &alarm, &effects, now) }).await.unwrap();
    alarm.id
}

async fn world(manner: Manner) -> (World, Arc<Exchange>) {
    let ladder = Plan { check_call: Some(CheckCall::default()), ..plan(vec![rung(&["rota.guishan"], &["voice"])]) };
    let mut world = World::new(ladder).await;
    let exchange = Arc::new(Exchange::new(world.clock.clone(), 1));
    exchange.set_manner("tel-li", manner);
    exchange.set_manner("tel-deputy", Manner::Takes);
    world.channels.push(exchange.clone());
    let engine = Arc::new(Engine::new(Arc::new(world.ledger.clone()), Arc::new(Town), world.channels.clone(), world.clock.clone(), EngineSettings::default()));
    let stop = world.stop.subscribe();
    tokio::spawn(async move { engine.run(stop).await });
    (world, exchange)
}

#[tokio::test(start_paused = true)]
async fn the_elder_says_that_all_is_well_and_nobody_else_is_called() {
    let (world, _exchange) = world(Manner::Takes).await;
    let id = raise(&world).await;
    seconds(3_600).await;
    let alarm = world.alarm(&id).await;
    assert_eq!(alarm.state_name(), "reported");
    assert_eq!(alarm.claimant(), Some(&Claimant::Contact("li".into())));
    assert_eq!(alarm.attempts.len(), 1, "the circle sleeps");
}

#[tokio::test(start_paused = true)]
async fn a_voicemail_is_no_word_and_the_stand_in_of_the_rota_takes_it() {
    let (world, _exchange) = world(Manner::Voicemail).await;
    let id = raise(&world).await;
    seconds(899).await;
    assert!(world.alarm(&id).await.is_checking());
    seconds(120).await;
    let alarm = world.alarm(&id).await;
    assert_eq!(alarm.level, Level::Urgent);
    assert_eq!(alarm.claimant(), Some(&Claimant::Contact("rota.guishan".into())));
    let note = world.ledger.notes(&id).await.unwrap().into_iter().find(|n| n.kind == "on_duty").unwrap();
    assert_eq!(note.text, "deputy", "who it was stands on the alarm");
}
