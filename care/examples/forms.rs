//! Writes Annex 1 and Annex 2, filled in for a made-up elder and blank, as pages to be printed:
//! `cargo run -p care --example forms -- FOLDER`. The pictures of `docs/forms.md` are made from them.

#![allow(clippy::unwrap_used, reason = "an example")]

use care::office::elder::{Address, Benefit, Economy, EmergencyContact, FamilyMember, Help, Helper, Living, Source, SourceKind};
use care::office::import::{Offer, create};
use care::office::paper::{Heading, Registration, page, visit_sheets};
use care::person::{IdNumber, Sex};
use care::policy::{Ability, Mode};
use care::visit::form::{Change, Illness, People, Safety, Signature, VisitForm};
use care::{ElderId, HomeId, PersonId, Timestamp};
use chrono::NaiveDate;
use std::fs::write;
use std::path::Path;

fn main() {
    let folder = std::env::args().nth(1).expect("the folder to write to");
    let folder = Path::new(&folder);
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let number = IdNumber::parse("11010519491231002X").unwrap();
    let offer = Offer {
        name: "林喆堃".to_owned(),
        born: number.born(),
        sex: number.sex(),
        id_number: Some(number),
        categories: vec!["living_alone"],
        ability: Some(Ability::Total),
        economy: Some(Economy::MinimumIncome),
        income: Some(820),
        income_source: Some("养老金、子女赡养".to_owned()),
        past_illness: Some("高血压、冠心病".to_owned()),
        card: Some("11010519491231002X42".to_owned()),
        enrolled_on: Some(day("2026-03-02")),
        ..Offer::default()
    };
    let source = Source { from: SourceKind::Survey, batch: String::new(), row: None, at: Timestamp::UNIX_EPOCH, by: PersonId::from("wang") };
    let mut file = create(&offer, ElderId::from("e-1"), HomeId::from("home-1"), "晋江市/梅岭街道/桂山社区", &source, day("2026-03-02")).unwrap();
    file.phone = "13800138000".to_owned();
    let place = |detail: &str| Address { town: "梅岭街道".to_owned(), village: "桂山社区".to_owned(), detail: detail.to_owned() };
    (file.registered_at, file.lives_at) = (place("长兴路 12 号"), place("长兴路 14 号 3 楼 302"));
    file.emergency = vec![EmergencyContact { name: "陈𬭎".to_owned(), sex: Some(Sex::Male), phone: "0595-85671234".to_owned(), relation: "儿子".to_owned() }];
    file.family = ["陈𬭎", "陈丽", "陈志明", "陈志强", "陈秀", "陈小宝"]
        .iter()
        .enumerate()
        .map(|(n, name)| FamilyMember {
            name: (*name).to_owned(),
            sex: Some(if n == 1 || n == 4 { Sex::Female } else { Sex::Male }),
            relation: if n < 4 { "子女" } else { "孙辈" }.to_owned(),
            id_number: "440524188001010014".to_owned(),
            health: "良好".to_owned(),
            visits_often: Some(n < 2),
            ..FamilyMember::default()
        })
        .collect();
    let benefit = |name: &str, monthly| Benefit { name: name.to_owned(), monthly: Some(monthly), ..Benefit::default() };
    file.living = Living {
        water_safe: Some(true),
        electricity_safe: Some(false),
        housing_safe: Some(true),
        family_income: Some(1_600),
        pension: Some(230),
        benefits: vec![benefit("高龄补贴", 100), benefit("低保金", 590)],
    };
    file.help = vec![Help {
        by: vec![Helper::Village, Helper::Volunteer],
        responsible: "黄志强".to_owned(),
        measures: "每周送餐两次，陪同就医；更换燃气软管。".to_owned(),
        signed_by: "王敏".to_owned(),
        on: Some(day("2026-03-05")),
        until: None,
    }];
    let two = words(&["市民政局", "镇（街道）"]);
    let three = words(&["市民政局", "镇（街道）", "服务力量所在单位"]);
    let today = day("2026-11-30");
    let annex_1 = Registration { file: Some(&file), tier: Some("key"), today, copies: &two };
    let form = VisitForm {
        number: Some(12),
        mode: Some(Mode::Home),
        people: Some(People::Fewer(1)),
        speech: Some(Change::Same),
        movement: Some(Change::Worse),
        illness: Some(Illness::Serious("冠心病".to_owned())),
        mood: Some(Change::Better),
        gas: Some(Safety::Unsafe),
        water: Some(Safety::FairlySafe),
        electricity: Some(Safety::Safe),
        personal_hygiene: Some(Change::Same),
        home_hygiene: Some(Change::Same),
        rooms: Some(Change::Worse),
        needs: Some("燃气软管老化，已提醒并约定 11 月 5 日更换（喆、堃、𬭎 三字照印）。".to_owned()),
        visitor: Some(Signature::Screen("s1".to_owned())),
        elder: Some(Signature::Missing("cannot_sign".to_owned())),
        date: Some(day("2026-11-03")),
    };
    let heading = Heading { name: "林喆堃", times: "2026-11-03 09:10 至 09:45", visitor: "黄志强", city: "晋江市" };
    let blank_1 = Registration { file: None, tier: None, today, copies: &two };
    for (name, sheets) in [
        ("annex-1", annex_1.sheets()),
        ("annex-1-blank", blank_1.sheets()),
        ("annex-2", visit_sheets(&form, heading, &three)),
        ("annex-2-blank", visit_sheets(&VisitForm::default(), Heading::default(), &three)),
    ] {
        write(folder.join(format!("{name}.html")), page(name, &sheets)).expect("the page is written");
    }
}
