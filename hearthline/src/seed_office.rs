//! The made-up town's office: files, consents, visits, matters, closed months. Nobody in it exists and no number in it is
//! anybody's; the same town on the same day has the same office.

use crate::seed::{CITY, home_id};
use anyhow::Context;
use care::calendar::{Month, plus_days, start_of_day};
use care::office::elder::{Economy, ElderFile, EmergencyContact, FamilyMember, FirstContact, Hukou, OnlyChild};
use care::office::incident::{EmergencyCall, Incident};
use care::office::matter::{FollowUp, FollowUpKind, Hazard, HazardKind, HazardState, Need, NeedKind, NeedState, Referral, ReferralState};
use care::office::visit::{Asked, NoAnswer, Origin};
use care::office::visitor::VisitorKind;
use care::office::{Consent, ConsentState, ConsentStep, Done, Pairing, Proof, Since, Visit, Visitor};
use care::policy::{Ability, Mode, Outcome};
use care::visit::form::{Change, Illness, People, Safety, Signature, VisitForm};
use care::visit::remote::DayEvidence;
use care::{ElderId, PersonId, TimeDelta, Timestamp};
use chrono::NaiveDate;
use console::office::Office;
use store::Register;
use store::register::Put;

/// Homes of the town that the office has files of; the others are in the alarm service only.
const ELDERS_MAX: usize = 400;
/// Sheets written in one transaction.
const AT_ONCE: usize = 400;
const BY: &str = "operator";

/// The visitors of the town: sign-in name, name, kind, organisation.
const VISITORS: [(&str, &str, VisitorKind, &str); 6] = [
    ("visitor-1", "王晓燕", VisitorKind::SocialWork, "示例社工站"),
    ("visitor-2", "许国强", VisitorKind::GridWorker, "网格"),
    ("visitor-3", "蔡明珠", VisitorKind::CareHome, "示例日间照料中心"),
    ("visitor-4", "郑建华", VisitorKind::OldFriends, "老年协会"),
    ("visitor-5", "庄雅琴", VisitorKind::FamilyDoctor, "社区卫生服务中心"),
    ("visitor-6", "施文博", VisitorKind::Property, "示例物业"),
];

/// A number from 0 to 99 that depends on nothing but its arguments.
fn chance(n: usize, k: usize) -> usize {
    let mix = (n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (k as u64).wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
    usize::try_from((mix ^ (mix >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 33).unwrap_or_default() % 100
}

/// Fills the office for the first homes of a town that is in the register already.
///
/// # Errors
/// If the register fails.
pub async fn fill(office: &Office, register: &dyn Register, homes: usize) -> anyhow::Result<()> {
    let today = office.today();
    let month = Month::of(today);
    let earliest = Month::of(plus_days(Month::of(plus_days(month.first(), -1)).first(), -1));
    let enrolled = earliest.first();
    let mut entries: Vec<Put> = Vec::new();
    for (id, name, kind, organisation) in VISITORS {
        let visitor = Visitor {
            id: id.into(),
            name: name.to_owned(),
            phone: String::new(),
            organisation: organisation.to_owned(),
            kind,
            area: CITY.to_owned(),
            since: enrolled,
            trainings: Vec::new(),
            contract: None,
            suspended: None,
            left_on: None,
        };
        entries.push(office.put_of(&visitor, 0, BY)?);
    }
    let mut days = Vec::new();
    for n in 1..=homes.min(ELDERS_MAX) {
        let home = register.home(&home_id(n)).await?.context("a home of the town is not there")?;
        let elder = register.elders_of(&home.id).await?.into_iter().next().context("an elder of the town is not there")?;
        let mut file = file(n, &home, &elder, enrolled);
        file.settle(enrolled);
        entries.push(office.put_of(&file, 0, BY)?);
        for purpose in ["enrolment", "remote"] {
            if purpose == "remote" && n.is_multiple_of(5) {
                continue;
            }
            entries.push(office.put_of(&consent(&file, purpose, office, enrolled)?, 0, BY)?);
        }
        let visitor = VISITORS.get(n % VISITORS.len()).map_or("visitor-1", |(id, ..)| *id);
        let pairing = Pairing {
            id: format!("pair-{n:04}"),
            elder: file.id.clone(),
            home: file.home.clone(),
            area: file.area.clone(),
            visitor: visitor.into(),
            from: enrolled,
            to: None,
        };
        entries.push(office.put_of(&pairing, 0, BY)?);
        entries.extend(visits(office, n, &file, visitor, enrolled, today)?);
        entries.extend(matters(office, n, &file, today)?);
        if n.is_multiple_of(2) && !n.is_multiple_of(5) {
            let first = enrolled.max(plus_days(today, -21));
            let mut day = first;
            while day < today {
                days.push((file.home.clone(), evidence(n, day, office)));
                day = plus_days(day, 1);
            }
        }
    }
    for some in entries.chunks(AT_ONCE) {
        office.write(some.to_vec()).await.context("filling the office")?;
    }
    office.keep_days(days).await.context("filling the office")?;
    for back in [15, 8, 1] {
        office.record_remote(plus_days(today, -back)).await.context("filling the office")?;
    }
    for closed in [earliest, earliest.next()] {
        office.close_month(closed, &BY.into()).await.context("closing a month of the demo")?;
    }
    Ok(())
}

fn file(n: usize, home: &store::register::HomeRecord, elder: &store::register::ElderRecord, enrolled: NaiveDate) -> ElderFile {
    let born_year = elder.born_year.unwrap_or(1945);
    let born = NaiveDate::from_ymd_opt(born_year, 1 + u32::try_from(n % 12).unwrap_or_default(), 1 + u32::try_from(n % 28).unwrap_or_default()).unwrap_or(enrolled);
    let town = care::office::category::town(&home.area).to_owned();
    let kind = n % 7;
    let away = format!("{CITY}/{}", if town.ends_with("anhai") { "qingyang" } else { "anhai" });
    let mut file = ElderFile {
        id: elder.id.clone(),
        home: home.id.clone(),
        area: home.area.clone(),
        filed_on: enrolled,
        enrolled_on: enrolled,
        name: elder.name.clone(),
        sex: if elder.sex == "female" { Some(care::person::Sex::Female) } else { Some(care::person::Sex::Male) },
        id_number: String::new(),
        no_id: "演示数据，无证件".to_owned(),
        born,
        phone: elder.phone.clone(),
        emergency: vec![EmergencyContact { name: "林伯".to_owned(), relation: "neighbour".to_owned(), ..EmergencyContact::default() }],
        registered_at: Default::default(),
        lives_at: care::office::elder::Address { town: town.rsplit('/').next().unwrap_or_default().to_owned(), village: String::new(), detail: home.address.clone() },
        ability: Vec::new(),
        assessments: Vec::new(),
        past_illness: elder.health_notes.clone(),
        economy: n.is_multiple_of(9).then_some(Economy::MinimumIncome),
        income: None,
        income_source: "养老金".to_owned(),
        disability_card: String::new(),
        card_valid_to: None,
        disability_level: Vec::new(),
        entered: Vec::new(),
        categories: Vec::new(),
        chosen_tier: None,
        chosen: Vec::new(),
        circumstances: Default::default(),
        family: Vec::new(),
        living: Default::default(),
        help: Vec::new(),
        first_contact: (!n.is_multiple_of(11)).then(|| FirstContact {
            name: "黄志强".to_owned(),
            relation: "village_liaison".to_owned(),
            phone: String::new(),
            child_near: false,
            appointed_by: Some(BY.into()),
            since: enrolled,
        }),
        suspensions: Vec::new(),
        extended: Default::default(),
        reviewed_on: Some(plus_days(enrolled, -i64::try_from(n % 150).unwrap_or_default())),
        sources: Default::default(),
        exported: Default::default(),
        left_on: None,
    };
    let child = |town: &str| FamilyMember {
        name: "（子女）".to_owned(),
        relation: "子女".to_owned(),
        child: true,
        town: town.to_owned(),
        ..FamilyMember::default()
    };
    let facts = &mut file.circumstances;
    facts.hukou = Some(if n.is_multiple_of(2) { Hukou::Rural } else { Hukou::Urban });
    facts.family_complete = Some(true);
    facts.carer_lives_in = Some(false);
    match kind {
        0 => {
            (facts.spouse, facts.children, facts.cared_for, facts.can_work) = (Some(false), Some(false), Some(false), Some(false));
        }
        1 | 2 => {
            (facts.spouse, facts.children) = (Some(false), Some(true));
            file.family.push(child(&away));
        }
        3 => {
            (facts.spouse, facts.children) = (Some(true), Some(true));
            file.ability.push(Since { from: enrolled, is: if n.is_multiple_of(2) { Ability::Moderate } else { Ability::Severe } });
            file.family.push(child(&town));
        }
        4 => {
            (facts.spouse, facts.children) = (Some(true), Some(true));
            file.disability_card = "99999919400101001942".to_owned();
            file.family.push(child(&town));
        }
        5 => {
            (facts.spouse, facts.children) = (Some(true), Some(true));
            file.family.push(child(&away));
        }
        _ => {
            (facts.spouse, facts.children) = (Some(true), Some(false));
            facts.only_child = Some(OnlyChild { died: true, disability_level: None, another_child: false });
        }
    }
    if file.circumstances.spouse == Some(true) {
        file.family.insert(0, FamilyMember { name: "（老伴）".to_owned(), relation: "配偶".to_owned(), lives_here: true, town, ..FamilyMember::default() });
    }
    file
}

fn consent(file: &ElderFile, purpose: &str, office: &Office, on: NaiveDate) -> anyhow::Result<Consent> {
    let step = ConsentStep {
        state: ConsentState::Given,
        at: start_of_day(on, office.zone()) + TimeDelta::hours(1),
        said_by: "本人".to_owned(),
        taken_by: BY.into(),
        proof: Some(Proof::Paper("档案柜".to_owned())),
        reason: String::new(),
        ask_again_on: None,
    };
    Ok(Consent::new(file.id.clone(), file.home.clone(), file.area.clone(), purpose.to_owned()).step(step)?)
}

/// Two visits a month, some forgotten, some late, some by phone, some to a closed door.
fn visits(office: &Office, n: usize, file: &ElderFile, visitor: &str, from: NaiveDate, today: NaiveDate) -> anyhow::Result<Vec<Put>> {
    let mut entries = Vec::new();
    let (mut half, mut k, mut number) = (from, 0, 0);
    while half < today {
        let length = if half == Month::of(half).first() { 15 } else { (Month::of(half).last() - half).num_days() + 1 };
        let lot = chance(n, k);
        let day = plus_days(half, i64::try_from(chance(n, k + 1_000)).unwrap_or_default() % length);
        if lot >= 7 && day < today {
            let (mode, outcome) = match lot {
                7..=14 => (Mode::Phone, Outcome::Met),
                15..=19 => (Mode::Home, Outcome::NoAnswer),
                _ => (Mode::Home, Outcome::Met),
            };
            let minutes = i64::try_from(chance(n, k + 2_000)).unwrap_or_default();
            let start = start_of_day(day, office.zone()) + TimeDelta::hours(9) + TimeDelta::minutes(minutes * 5);
            number += u32::from(outcome == Outcome::Met);
            let visit = visit(format!("seed-{n:04}-{k:02}"), file, visitor, (mode, outcome), start, number, day);
            entries.push(office.put_of(&visit, 0, visitor)?);
        }
        half = plus_days(half, length);
        k += 1;
    }
    Ok(entries)
}

fn visit(id: String, file: &ElderFile, visitor: &str, how: (Mode, Outcome), start: Timestamp, number: u32, day: NaiveDate) -> Visit {
    let (mode, outcome) = how;
    let end = start + TimeDelta::minutes(if mode == Mode::Home { 28 } else { 6 });
    let met = outcome == Outcome::Met;
    let form = VisitForm {
        number: met.then_some(number),
        mode: Some(mode),
        people: Some(People::Same),
        speech: Some(Change::Same),
        movement: Some(Change::Same),
        illness: Some(Illness::Same),
        mood: Some(Change::Same),
        gas: Some(Safety::Safe),
        water: Some(Safety::Safe),
        electricity: Some(Safety::Safe),
        personal_hygiene: Some(Change::Same),
        home_hygiene: Some(Change::Same),
        rooms: Some(Change::Same),
        needs: Some("无".to_owned()),
        visitor: (mode == Mode::Home).then(|| Signature::Screen("demo".to_owned())),
        elder: (mode == Mode::Home).then(|| Signature::Screen("demo".to_owned())),
        date: Some(day),
    };
    Visit {
        id,
        elder: file.id.clone(),
        home: file.home.clone(),
        area: file.area.clone(),
        visitor: visitor.into(),
        organisation: String::new(),
        mode,
        origin: Origin::Regular,
        start,
        end: Some(end),
        outcome,
        form: if met { form } else { VisitForm { mode: Some(mode), date: Some(day), ..VisitForm::default() } },
        asked: Asked::default(),
        no_answer: (!met).then(|| NoAnswer {
            called_elder: true,
            called_family: true,
            result: "家属告知老人在医院复诊".to_owned(),
            safe_by: "家属".to_owned(),
            ..NoAnswer::default()
        }),
        distance_m: None,
        check_in: None,
        recorded_at: end,
        recorded_by: visitor.into(),
        signed_at: Some(end),
        corrections: Vec::new(),
        alarm: None,
        evidence: None,
        reviewed: None,
    }
}

/// A few hazards, needs, referrals, follow-ups and incidents, each at another point of its life.
fn matters(office: &Office, n: usize, file: &ElderFile, today: NaiveDate) -> anyhow::Result<Vec<Put>> {
    let (elder, home, area): (ElderId, _, _) = (file.id.clone(), file.home.clone(), file.area.clone());
    let by = PersonId::from(BY);
    let at = start_of_day(plus_days(today, -5), office.zone()) + TimeDelta::hours(10);
    let mut entries = Vec::new();
    let follow = |kind: FollowUpKind, about: &str, due: i64| FollowUp {
        id: format!("{about}.f"),
        elder: elder.clone(),
        home: home.clone(),
        area: area.clone(),
        kind,
        about: about.to_owned(),
        due_on: plus_days(today, due),
        done: None,
        settled: None,
        evidence: String::new(),
    };
    if n.is_multiple_of(8) {
        let id = format!("seed-hazard-{n:04}");
        let hazard = Hazard {
            id: id.clone(),
            elder: elder.clone(),
            home: home.clone(),
            area: area.clone(),
            kind: if n.is_multiple_of(16) { HazardKind::Gas } else { HazardKind::Electricity },
            place: "厨房".to_owned(),
            words: "燃气软管老化".to_owned(),
            found_at: at,
            found_by: by.clone(),
            visit: None,
            state: if n.is_multiple_of(24) { HazardState::Reminded } else { HazardState::Open },
            recheck_on: plus_days(today, 2),
            log: Vec::new(),
        };
        entries.push(office.put_of(&hazard, 0, BY)?);
        entries.push(office.put_of(&follow(FollowUpKind::Hazard, &id, 2), 0, BY)?);
    }
    if n % 10 == 3 {
        let need_id = format!("seed-need-{n:04}");
        let need = Need {
            id: need_id.clone(),
            elder: elder.clone(),
            home: home.clone(),
            area: area.clone(),
            kind: NeedKind::HomeAdaptation,
            words: "卫生间加装扶手".to_owned(),
            urgent: false,
            found_at: at,
            found_by: by.clone(),
            visit: None,
            state: NeedState::Referred,
            log: Vec::new(),
        };
        let id = format!("seed-referral-{n:04}");
        let referral = Referral {
            id: id.clone(),
            elder: elder.clone(),
            home: home.clone(),
            area: area.clone(),
            to: care::office::matter::Department::CivilAffairs,
            provider: String::new(),
            about: Some(need_id),
            words: "居家适老化改造：卫生间扶手".to_owned(),
            sent_at: at,
            sent_by: by.clone(),
            state: if n.is_multiple_of(2) { ReferralState::Sent } else { ReferralState::Accepted },
            outcome: String::new(),
            log: Vec::new(),
        };
        entries.push(office.put_of(&need, 0, BY)?);
        entries.push(office.put_of(&referral, 0, BY)?);
        entries.push(office.put_of(&follow(FollowUpKind::Referral, &id, 25), 0, BY)?);
    }
    if n % 50 == 9 {
        let incident = Incident {
            id: format!("seed-incident-{n:04}"),
            elder,
            home,
            area,
            words: "在卫生间滑倒，已送医".to_owned(),
            grave: false,
            found_at: at,
            found_by: by.clone(),
            from: None,
            emergency: Some(EmergencyCall { number: "120".to_owned(), at: at + TimeDelta::seconds(35), by: by.clone() }),
            no_call: None,
            called: Vec::new(),
            parties: vec!["村委会".to_owned()],
            log: Vec::new(),
            reviewed: None,
            closed: n.is_multiple_of(2).then(|| Done { at: at + TimeDelta::hours(8), by, words: "骨折，住院".to_owned() }),
        };
        entries.push(office.put_of(&incident, 0, BY)?);
    }
    Ok(entries)
}

fn evidence(n: usize, day: NaiveDate, office: &Office) -> DayEvidence {
    let k = usize::try_from(day.signed_duration_since(NaiveDate::MIN).num_days()).unwrap_or_default();
    let dead = chance(n, k) < 5;
    let start = start_of_day(day, office.zone());
    DayEvidence {
        day,
        coverage_pct: if dead { 41.6 } else { 97.9 },
        presence_events: if dead { 0 } else { 40 },
        longest_gap_hours: if dead { 24.0 } else { 8.5 },
        devices: vec!["motion-bedroom".to_owned(), "motion-kitchen".to_owned(), "door".to_owned()],
        signs_at: if dead { Vec::new() } else { vec![start + TimeDelta::hours(7), start + TimeDelta::hours(12), start + TimeDelta::hours(19)] },
    }
}
