//! Looks whether many homes that cannot be heard have one cause, a power cut of their area, and tells the operators
//! of the area. The homes' own alarms stay; the duty desk shows them under it.

use crate::patrol::Patrol;
use crate::platform;
use async_trait::async_trait;
use care::district::{Blind, Dark, District, area_of, dark, districts};
use care::{Cause, HomeId, Reason, TimeDelta, Timestamp};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use store::desk::DeskError;
use store::ledger::each_open;
use store::register::within;
use store::{Clock, Fence, Ledger, LedgerError, Register};

/// How often it looks.
const EVERY: TimeDelta = TimeDelta::seconds(15);
/// For how long it is taken as known where the homes lie.
const PLACES_FOR: TimeDelta = TimeDelta::minutes(10);
/// Open alarms looked at (LIM-1).
const ALARMS_MAX: usize = 50_000;
const HOMES_PAGE: usize = 10_000;

/// Where every home lies.
struct Places {
    at: Timestamp,
    areas: HashMap<HomeId, String>,
    watched: BTreeMap<String, usize>,
}

/// The watch.
pub struct DistrictWatch {
    ledger: Arc<dyn Ledger>,
    register: Arc<dyn Register>,
    clock: Arc<dyn Clock>,
    places: Option<Places>,
}

impl DistrictWatch {
    /// A watch over this ledger's open alarms.
    pub fn new(
        ledger: Arc<dyn Ledger>,
        register: Arc<dyn Register>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            ledger,
            register,
            clock,
            places: None,
        }
    }

    /// One look; each district is raised, or its open alarm left as it is.
    async fn look_and_tell(&mut self, fence: Fence) -> Result<Vec<District>, LedgerError> {
        let (blind, about) = self.open().await?;
        if blind.is_empty() && about.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.clock.now();
        let places = match self.places.take().filter(|places| now - places.at < PLACES_FOR) {
            Some(places) => places,
            None => self.look_up_places(now).await?,
        };
        let blind: Vec<Blind> = blind
            .into_iter()
            .filter_map(|(home, (since, dark))| places.areas.get(&home).map(|area| Blind { area: area.clone(), since, dark }))
            .collect();
        let found = districts(&blind, &places.watched);
        self.places = Some(places);
        for cause in about {
            let lit = area_of(&cause).is_some_and(|area| !blind.iter().any(|home| within(&home.area, area)));
            if lit {
                let reason = Reason::new("over_district").time("at", now);
                platform::over_by(fence, &*self.ledger, cause, reason, now).await.map_err(DeskError::of_ledger)?;
            }
        }
        for district in &found {
            let cause = district.cause();
            let name = self.name_of(&district.area).await?;
            platform::raise_by(Some(fence), &*self.ledger, cause, district.reason(&name), now).await.map_err(DeskError::of_ledger)?;
        }
        Ok(found)
    }

    /// The homes that open alarms say cannot be heard or have no mains power, since when they say so, and what is known; and
    /// the areas that open alarms are about.
    async fn open(&self) -> Result<(BTreeMap<HomeId, (Timestamp, Dark)>, Vec<Cause>), LedgerError> {
        let mut out: BTreeMap<HomeId, (Timestamp, Dark)> = BTreeMap::new();
        let mut about = Vec::new();
        each_open(&*self.ledger, ALARMS_MAX, |stored| {
            let alarm = stored.value;
            if alarm.cause_over().is_some() {
                return;
            }
            if area_of(&alarm.cause).is_some() {
                about.push(alarm.cause);
            } else if let Some(dark) = dark(&alarm.cause).filter(|_| !alarm.test) {
                // one home is one home, whatever it says
                let known = out.entry(alarm.home).or_insert((alarm.raised_at, dark));
                *known = (known.0.min(alarm.raised_at), known.1.max(dark));
            }
        })
        .await?;
        Ok((out, about))
    }

    async fn look_up_places(&self, at: Timestamp) -> Result<Places, LedgerError> {
        let (mut areas, mut watched, mut after) = (HashMap::new(), BTreeMap::new(), None);
        loop {
            let page = self.register.homes(after.as_ref(), HOMES_PAGE).await?;
            for id in &page {
                if let Some(record) = self.register.home(id).await? {
                    *watched.entry(record.area.clone()).or_default() += 1;
                    areas.insert(id.clone(), record.area);
                }
            }
            match page.last() {
                Some(last) if page.len() == HOMES_PAGE => after = Some(last.clone()),
                Some(_) | None => return Ok(Places { at, areas, watched }),
            }
        }
    }

    /// The names from the top of the tree down, `Meiling · Guishan`.
    async fn name_of(&self, path: &str) -> Result<String, LedgerError> {
        let mut around: Vec<_> = self
            .register
            .areas()
            .await?
            .into_iter()
            .filter(|area| within(path, &area.id))
            .collect();
        around.sort_by_key(|area| area.id.len());
        let names: Vec<String> = around
            .into_iter()
            .map(|area| area.name)
            .filter(|name| !name.is_empty())
            .collect();
        Ok(if names.is_empty() {
            path.to_owned()
        } else {
            names.join(" · ")
        })
    }
}

#[async_trait]
impl Patrol for DistrictWatch {
    fn name(&self) -> &'static str {
        "districts that cannot be heard"
    }

    fn every(&self) -> TimeDelta {
        EVERY
    }

    async fn round(&mut self, fence: Fence) -> Result<(), LedgerError> {
        self.look_and_tell(fence).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, plan};
    use care::cause::Raise;
    use care::reason::Language;
    use care::{Alarm, AlarmId, Cause, Level, Reason};
    use store::ledger::Which;
    use store::register::{Area, HomeRecord, Put};
    use crate::patrol::walk;
    use store::{Ownership, Shard, Tx, desk};
    use tokio::sync::watch;

    /// Ten homes in one village, ten in the next.
    async fn town() -> World {
        let world = World::new(plan(Vec::new())).await;
        let mut entries: Vec<Put> = [("c", "City"), ("c/east", "East"), ("c/west", "West")]
            .map(|(id, name)| {
                Put::Area(Area {
                    id: id.to_owned(),
                    name: name.to_owned(),
                })
            })
            .into();
        for n in 0..20 {
            let area = if n < 10 { "c/east" } else { "c/west" };
            let record = HomeRecord {
                id: home(n),
                area: area.to_owned(),
                address: String::new(),
                access_notes: String::new(),
            };
            entries.push(Put::Home(record));
        }
        world.ledger.put(entries).await.unwrap();
        world
    }

    fn home(n: usize) -> HomeId {
        HomeId::new(format!("district-{n:02}"))
    }

    async fn lose(world: &World, n: usize) {
        lose_by(world, n, "hub_offline").await;
    }

    async fn lose_by(world: &World, n: usize, cause: &str) {
        let (now, cause) = (world.clock.now(), Cause::Technical(cause.into()));
        let raise = Raise {
            cause: cause.clone(),
            level: Level::Technical,
            reason: Reason::new("home_blind"),
            key: format!("lost-{n}-{}", cause.name()),
            device: None,
        };
        let id = AlarmId::derive(now, &raise.key);
        let (alarm, effects) = Alarm::raise(
            id,
            home(n),
            Vec::new(),
            raise,
            false,
            &plan(Vec::new()),
            now,
        );
        world
            .ledger
            .commit(Tx {
                fence: None,
                writes: desk::writes(None, &alarm, &effects, now),
            })
            .await
            .unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_home_that_says_that_its_mains_are_gone_counts_once_and_names_the_power() {
        let world = town().await;
        let mut watch = DistrictWatch::new(Arc::new(world.ledger.clone()), Arc::new(world.ledger.clone()), world.clock.clone());
        let duty = world.ledger.take(Shard::OFFICE).await.unwrap();
        for n in 0..5 {
            lose_by(&world, n, "power_cut").await;
            lose(&world, n).await;
        }
        assert_eq!(watch.look_and_tell(duty).await.unwrap(), [], "five homes of ten, said twice, are not most");
        lose_by(&world, 5, "power_cut").await;
        let found = watch.look_and_tell(duty).await.unwrap();
        assert_eq!(found.iter().map(|d| (d.count, d.watched, d.no_mains)).collect::<Vec<_>>(), [(6, 10, 6)]);
        let said = about_areas(&world).await.first().unwrap().reason.render(Language::En, chrono_tz::UTC);
        assert!(said.starts_with("City · East: 6 of 10 homes have no mains power or cannot be heard since "), "{said}");
    }

    async fn about_areas(world: &World) -> Vec<Alarm> {
        let open = world.ledger.alarms(Which::Open, None, 500).await.unwrap();
        open.into_iter()
            .map(|stored| stored.value)
            .filter(|alarm| care::district::area_of(&alarm.cause).is_some())
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_power_cut_of_a_village_is_told_once_and_names_it() {
        let world = town().await;
        let mut watch = DistrictWatch::new(
            Arc::new(world.ledger.clone()),
            Arc::new(world.ledger.clone()),
            world.clock.clone(),
        );
        let duty = world.ledger.take(Shard::OFFICE).await.unwrap();
        for n in [0, 11] {
            lose(&world, n).await;
        }
        assert_eq!(
            watch.look_and_tell(duty).await.unwrap(),
            [],
            "two homes of two villages are no cut"
        );
        for n in 1..8 {
            lose(&world, n).await;
        }
        for _ in 0..3 {
            assert_eq!(watch.look_and_tell(duty).await.unwrap().len(), 1);
        }
        let told = about_areas(&world).await;
        assert_eq!(told.len(), 1, "told once, however often it is seen");
        let said = told
            .first()
            .unwrap()
            .reason
            .render(Language::En, chrono_tz::UTC);
        assert!(
            said.starts_with("City · East: 8 of 10 homes cannot be heard since "),
            "{said}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_area_of_which_every_home_is_back_is_over_until_it_is_dark_again() {
        let world = town().await;
        let mut watch = DistrictWatch::new(Arc::new(world.ledger.clone()), Arc::new(world.ledger.clone()), world.clock.clone());
        let duty = world.ledger.take(Shard::OFFICE).await.unwrap();
        for n in 0..8 {
            lose(&world, n).await;
        }
        watch.look_and_tell(duty).await.unwrap();
        let is_over = async || about_areas(&world).await.first().unwrap().cause_over().is_some();
        for n in 0..8 {
            assert!(!is_over().await, "{n} of 8 are back");
            let alarm = world.ledger.open_alarm(&home(n), &Cause::Technical("hub_offline".into())).await.unwrap().unwrap().value;
            let over = care::alarm::Over { device: None, at: world.clock.now(), reason: Reason::new("over_home") };
            desk::give(&world.ledger, &alarm.id, care::alarm::Input::Over(over), Vec::new(), world.clock.now()).await.unwrap();
            watch.look_and_tell(duty).await.unwrap();
        }
        assert!(is_over().await);
        for n in 0..8 {
            let alarm = world.ledger.open_alarm(&home(n), &Cause::Technical("hub_offline".into())).await.unwrap().unwrap().value;
            let raise = Raise { cause: alarm.cause, level: Level::Technical, reason: (*alarm.reason).clone(), key: "again".into(), device: None };
            desk::give(&world.ledger, &alarm.id, care::alarm::Input::Again(raise), Vec::new(), world.clock.now()).await.unwrap();
        }
        watch.look_and_tell(duty).await.unwrap();
        assert!(!is_over().await && about_areas(&world).await.len() == 1, "the same row");
    }

    #[tokio::test(start_paused = true)]
    async fn the_watch_runs_by_itself() {
        let world = town().await;
        let districts = DistrictWatch::new(
            Arc::new(world.ledger.clone()),
            Arc::new(world.ledger.clone()),
            world.clock.clone(),
        );
        for n in 10..20 {
            lose(&world, n).await;
        }
        let (_duty, held) = watch::channel(Some(world.ledger.take(Shard::OFFICE).await.unwrap()));
        tokio::spawn(walk(districts, world.clock.clone(), held, world.stop.subscribe()));
        crate::testing::seconds(31).await;
        assert_eq!(about_areas(&world).await.len(), 1);
    }
}
