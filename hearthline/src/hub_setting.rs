//! Tells the hubs in the homes what they are set to: the word is retained at every door, so that a hub that connects
//! later learns it, too.

use care::{DeviceId, HomeId, Timestamp};
use console::HUB_SETTING;
use gateway::{DoorHandle, Retain};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use store::Register;
use store::ledger::LedgerError;
use store::sheet::{Sheet, SheetAsk};
use tracing::warn;

/// How often the register is asked for what is new.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// Settings read in one go.
const PAGE: usize = 500;

/// Keeps telling until it is dropped.
pub async fn tell_hubs(register: Arc<dyn Register>, door: DoorHandle) {
    let mut known = Known::default();
    loop {
        match known.news(&*register).await {
            Ok(news) => {
                for (topic, payload) in news {
                    door.publish(&topic, &payload, Retain::Yes);
                }
            }
            Err(error) => warn!(%error, "what hubs are set to could not be read: asked again"),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What has been told.
#[derive(Default)]
struct Known {
    newest: Option<Timestamp>,
    told: BTreeMap<String, u32>,
}

impl Known {
    /// Topics and words that have not been told yet.
    async fn news(
        &mut self,
        register: &dyn Register,
    ) -> Result<Vec<(String, Vec<u8>)>, LedgerError> {
        let mut ask = SheetAsk::of(HUB_SETTING).max(PAGE);
        ask.from = self.newest;
        let mut news = Vec::new();
        loop {
            let page = register.sheets(&ask).await?;
            for sheet in &page {
                self.newest = self.newest.max(Some(sheet.at));
                if self.told.insert(sheet.id.clone(), sheet.version) != Some(sheet.version) {
                    news.extend(word(sheet));
                }
            }
            match page.last() {
                Some(last) if page.len() == PAGE => ask = ask.after(last),
                Some(_) | None => return Ok(news),
            }
        }
    }
}

/// The word that tells a hub its setting.
fn word(sheet: &Sheet) -> Option<(String, Vec<u8>)> {
    let (home, hub) = sheet.id.split_once('/')?;
    let mut body = serde_json::json!({ "version": sheet.version });
    for field in ["heartbeat_s", "unheard_after_s", "path"] {
        if let (Some(value), Some(body)) = (
            sheet.body.get(field).filter(|value| !value.is_null()),
            body.as_object_mut(),
        ) {
            body.insert(field.to_owned(), value.clone());
        }
    }
    let topic = wire::native::cmd_topic(&HomeId::from(home), &DeviceId::from(hub));
    Some((
        topic,
        serde_json::json!({ "hub": body }).to_string().into_bytes(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::memory::MemoryLedger;
    use store::register::Put;

    #[tokio::test]
    async fn a_hub_is_told_each_version_once_and_in_a_form_that_it_takes() {
        let register = MemoryLedger::new();
        let at: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let sheet = |version: u32, heartbeat: u32| Sheet {
            kind: HUB_SETTING.to_owned(),
            id: "home-1/hub".to_owned(),
            version,
            area: String::new(),
            home: Some("home-1".into()),
            elder: None,
            at: at + care::TimeDelta::seconds(i64::from(version)),
            state: "on".to_owned(),
            body: serde_json::json!({ "home": "home-1", "hub": "hub", "version": 0, "heartbeat_s": heartbeat, "path": null }),
            written_at: at,
            written_by: "lead".to_owned(),
        };
        let mut known = Known::default();
        for (version, heartbeat) in [(1, 30), (2, 40)] {
            register
                .put(vec![Put::Sheet(sheet(version, heartbeat))])
                .await
                .unwrap();
            let news = known.news(&register).await.unwrap();
            let [(topic, payload)] = &news[..] else {
                panic!("{news:?}")
            };
            assert_eq!(topic, "care/v1/home-1/hub/cmd");
            let taken = hub::remote::Remote::parse(payload, &[]).unwrap().unwrap();
            assert_eq!(
                (taken.version, taken.heartbeat_s, taken.path),
                (u64::from(version), Some(heartbeat), None)
            );
            assert_eq!(known.news(&register).await.unwrap(), []);
        }
    }
}
