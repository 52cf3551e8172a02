//! The visit record of Annex 2: every row has to be answered (R35), bad answers open a hazard or a need (R54),
//! a signature or the reason for a missing one (R55); and its print page, a sheet for each who keeps a copy (R52).

use crate::office::paper;
use crate::policy::Mode;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// Compared with the visit before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// 无变化.
    Same,
    /// 较好.
    Better,
    /// 较差.
    Worse,
}

/// How safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Safety {
    /// 安全.
    Safe,
    /// 较安全.
    FairlySafe,
    /// 不安全.
    Unsafe,
}

/// 人口变化.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum People {
    /// 无变化.
    Same,
    /// 增加 n 人.
    More(u8),
    /// 减少 n 人.
    Fewer(u8),
}

/// 疾病状况.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Illness {
    /// 无变化.
    Same,
    /// 严重疾病名称.
    Serious(String),
    /// 转好.
    Better,
}

/// A signature, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signature {
    /// Drawn on the screen; where the drawing is kept.
    Screen(String),
    /// A photo of the signed paper; where it is kept.
    Photo(String),
    /// Missing, for a reason that the policy may permit (`cannot_sign`, `declined_to_sign`).
    Missing(String),
}

/// Annex 2 as it is filled in: any row may still be open.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct VisitForm {
    /// 第 n 次.
    pub number: Option<u32>,
    /// 服务方式.
    pub mode: Option<Mode>,
    /// 家庭状况: 人口变化.
    pub people: Option<People>,
    /// 健康状况: 表达能力.
    pub speech: Option<Change>,
    /// 健康状况: 行动能力.
    pub movement: Option<Change>,
    /// 健康状况: 疾病状况.
    pub illness: Option<Illness>,
    /// 精神状态: 情绪状态.
    pub mood: Option<Change>,
    /// 安全情况: 燃气安全.
    pub gas: Option<Safety>,
    /// 安全情况: 水暖安全.
    pub water: Option<Safety>,
    /// 安全情况: 用电安全.
    pub electricity: Option<Safety>,
    /// 卫生状况: 个人卫生.
    pub personal_hygiene: Option<Change>,
    /// 卫生状况: 家庭卫生.
    pub home_hygiene: Option<Change>,
    /// 居住环境: 室内环境.
    pub rooms: Option<Change>,
    /// 关爱服务需求及落实情况; "无" where there is none.
    pub needs: Option<String>,
    /// 服务人员签字.
    pub visitor: Option<Signature>,
    /// 服务对象签字.
    pub elder: Option<Signature>,
    /// 年 月 日.
    pub date: Option<NaiveDate>,
}

/// What an answer opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opens {
    /// Something about the house that has to be removed.
    Hazard,
    /// Something that the elder needs.
    Need,
}

impl VisitForm {
    /// The rows that are not answered yet, by their names on the form; empty: it can be signed and kept.
    pub fn open_rows(&self) -> Vec<&'static str> {
        let needs = self.needs.as_ref().is_some_and(|needs| !needs.trim().is_empty());
        let named = |illness: &Illness| !matches!(illness, Illness::Serious(name) if name.trim().is_empty());
        let rows = [
            ("次数", self.number.is_some()),
            ("服务方式", self.mode.is_some()),
            ("人口变化", self.people.is_some()),
            ("表达能力", self.speech.is_some()),
            ("行动能力", self.movement.is_some()),
            ("疾病状况", self.illness.as_ref().is_some_and(named)),
            ("情绪状态", self.mood.is_some()),
            ("燃气安全", self.gas.is_some()),
            ("水暖安全", self.water.is_some()),
            ("用电安全", self.electricity.is_some()),
            ("个人卫生", self.personal_hygiene.is_some()),
            ("家庭卫生", self.home_hygiene.is_some()),
            ("室内环境", self.rooms.is_some()),
            ("关爱服务需求及落实情况", needs),
            ("服务人员签字", self.visitor.is_some()),
            ("服务对象签字", self.elder.is_some()),
            ("日期", self.date.is_some()),
        ];
        rows.into_iter().filter(|(_, answered)| !answered).map(|(name, _)| name).collect()
    }

    /// True if the signatures that a policy asks for are there, or a reason that it permits.
    pub fn is_signed(&self, signatures: &[String], unsigned_ok: &[String]) -> bool {
        signatures.iter().all(|who| {
            let signature = match who.as_str() {
                "worker" => &self.visitor,
                "elder" => &self.elder,
                _ => &None,
            };
            match signature {
                Some(Signature::Screen(_) | Signature::Photo(_)) => true,
                Some(Signature::Missing(reason)) => unsigned_ok.contains(reason),
                None => false,
            }
        })
    }

    /// The hazards and needs that the answers open, by the names of their rows.
    pub fn opens(&self) -> Vec<(Opens, &'static str)> {
        let worse = |answer: Option<Change>| answer == Some(Change::Worse);
        let not_safe = |answer: Option<Safety>| answer == Some(Safety::Unsafe);
        let rows = [
            (Opens::Need, "表达能力", worse(self.speech)),
            (Opens::Need, "行动能力", worse(self.movement)),
            (Opens::Need, "疾病状况", matches!(self.illness, Some(Illness::Serious(_)))),
            (Opens::Need, "情绪状态", worse(self.mood)),
            (Opens::Hazard, "燃气安全", not_safe(self.gas)),
            (Opens::Hazard, "水暖安全", not_safe(self.water)),
            (Opens::Hazard, "用电安全", not_safe(self.electricity)),
            (Opens::Need, "个人卫生", worse(self.personal_hygiene)),
            (Opens::Need, "家庭卫生", worse(self.home_hygiene)),
            (Opens::Hazard, "室内环境", worse(self.rooms)),
        ];
        rows.into_iter().filter(|(_, _, opened)| *opened).map(|(opens, row, _)| (opens, row)).collect()
    }

    /// The print page: A4, a sheet for each copy with the name of who keeps it. An empty form prints blank.
    pub fn html(&self, copies: &[String]) -> String {
        paper::page("特殊困难老年人探访关爱服务记录表", &paper::visit_sheets(self, paper::Heading::default(), copies))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled() -> VisitForm {
        VisitForm {
            number: Some(12),
            mode: Some(Mode::Home),
            people: Some(People::Fewer(1)),
            speech: Some(Change::Same),
            movement: Some(Change::Worse),
            illness: Some(Illness::Serious("冠心病 <急>".to_owned())),
            mood: Some(Change::Better),
            gas: Some(Safety::Unsafe),
            water: Some(Safety::FairlySafe),
            electricity: Some(Safety::Safe),
            personal_hygiene: Some(Change::Same),
            home_hygiene: Some(Change::Same),
            rooms: Some(Change::Worse),
            needs: Some("更换燃气软管；喆堃𬭎".to_owned()),
            visitor: Some(Signature::Screen("s1".to_owned())),
            elder: Some(Signature::Missing("cannot_sign".to_owned())),
            date: NaiveDate::from_ymd_opt(2026, 11, 3),
        }
    }

    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn every_row_has_to_be_answered() {
        assert_eq!(VisitForm::default().open_rows().len(), 17);
        assert!(filled().open_rows().is_empty());
        let mut form = filled();
        form.illness = Some(Illness::Serious(" ".to_owned()));
        form.needs = Some(String::new());
        assert_eq!(form.open_rows(), ["疾病状况", "关爱服务需求及落实情况"]);
    }

    #[test]
    fn bad_answers_open_hazards_and_needs() {
        use Opens::{Hazard, Need};
        assert_eq!(
            filled().opens(),
            [(Need, "行动能力"), (Need, "疾病状况"), (Hazard, "燃气安全"), (Hazard, "室内环境")]
        );
    }

    #[test]
    fn a_missing_signature_needs_a_permitted_reason() {
        let (who, permitted) = (words(&["worker", "elder"]), words(&["cannot_sign"]));
        assert!(filled().is_signed(&who, &permitted));
        assert!(!filled().is_signed(&who, &[]));
        assert!(!VisitForm { visitor: None, ..filled() }.is_signed(&who, &permitted));
    }

    #[test]
    fn the_page_has_a_sheet_for_each_copy_and_every_row_of_the_form() {
        let copies = words(&["市民政局", "镇（街道）", "服务力量所在单位"]);
        let page = filled().html(&copies);
        assert_eq!(page.matches("<section").count(), 3);
        for text in [
            "存：镇（街道）", "第<br>12<br>次", "☑上门探访", "☑减少<span class=\"line short\">1</span>人", "☑较差", "☑不安全", "冠心病 &lt;急&gt;", "更换燃气软管；喆堃𬭎",
            "（已电子签字）", "（本人无法签字）", "2026 年 11 月 3 日", "一式三份，市民政局、镇（街道）、服务力量所在单位各存档一份",
        ] {
            assert!(page.contains(text), "{text}");
        }
        let blank = VisitForm::default().html(&copies);
        assert!(!blank.contains('☑'));
        for row in VisitForm::default().open_rows().into_iter().filter(|row| !["次数", "日期"].contains(row)) {
            let row = row.replace("签字", "（签字）");
            assert!(blank.contains(&row), "{row}");
        }
    }
}
