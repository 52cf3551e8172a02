//! Annex 1, 特殊困难老年人信息登记表: every field in its place (R48), a continuation sheet for a larger family (R49),
//! 完全失能 as 重度失能 with a note (R50).

use super::{boxes, date, escape, line, remark, short, tick};
use crate::office::category;
use crate::office::elder::{Address, Economy, ElderFile, FamilyMember, Helper};
use crate::person::Sex;
use crate::policy::Ability;
use chrono::NaiveDate;

const TITLE: &str = "特殊困难老年人信息登记表";

/// Rows that the form has for the family.
const FAMILY_ROWS: usize = 4;
/// Rows of a continuation sheet.
const CONTINUED_ROWS: usize = 20;

/// The boxes of 对象类型, in the form's order and words.
const CATEGORIES: &[(&str, &str)] = &[
    (category::NO_KIN, "孤寡老年人"),
    (category::LIVING_ALONE, "独居老年人"),
    (category::EMPTY_NEST, "空巢老年人"),
    (category::LEFT_BEHIND, "留守老年人"),
    (category::CARE_DEPENDENT, "失能老年人（包括中、重）"),
    (category::SEVERE_DISABILITY, "重残老年人"),
    (category::SPECIAL_FAMILY, "计划生育特殊家庭老年人"),
];

/// What is printed.
#[derive(Debug, Clone, Copy)]
pub struct Registration<'a> {
    /// The file; none prints the form blank.
    pub file: Option<&'a ElderFile>,
    /// The tier on that day, by its code: `key` ticks 重点对象, any other one 一般对象.
    pub tier: Option<&'a str>,
    /// The day of the print.
    pub today: NaiveDate,
    /// Who keeps copies.
    pub copies: &'a [String],
}

fn sex(sex: Option<Sex>) -> &'static str {
    match sex {
        Some(Sex::Male) => "男",
        Some(Sex::Female) => "女",
        None => "",
    }
}

fn address(address: &Address) -> String {
    format!("{}乡镇（街道）{}村（社区）{}", line(&address.town), line(&address.village), escape(&address.detail))
}

fn yes_no(answer: Option<bool>) -> &'static str {
    match answer {
        Some(true) => "是",
        Some(false) => "否",
        None => "",
    }
}

fn yuan(amount: Option<u32>) -> String {
    amount.map(|yuan| yuan.to_string()).unwrap_or_default()
}

impl Registration<'_> {
    /// A sheet for each who keeps a copy, each with its continuation sheets.
    pub fn sheets(&self) -> String {
        self.copies.iter().map(|keeper| self.sheet(keeper) + &self.continued(keeper)).collect()
    }

    /// A whole page to be saved or sent.
    pub fn html(&self) -> String {
        super::page(TITLE, &self.sheets())
    }

    fn keeper(keeper: &str) -> String {
        format!("<p class=\"keeper\"><span>附件 1</span><span>存：{}</span></p>", escape(keeper))
    }

    fn sheet(&self, keeper: &str) -> String {
        let filed = self.file.map(|file| file.filed_on);
        format!(
            "<section class=\"sheet annex-1\">{}<h1>{TITLE}</h1><p class=\"right\">建档日期：{}</p><h2>一、服务对象基本情况</h2>{}<h2>二、家庭成员</h2>{}<h2>三、家庭生活条件</h2>{}<h2>四、已享受帮扶情况</h2>{}{}</section>",
            Self::keeper(keeper),
            date(filed),
            self.person(),
            self.family(0, FAMILY_ROWS),
            self.living(),
            self.help(),
            remark(self.copies),
        )
    }

    fn person(&self) -> String {
        let file = self.file;
        let text = |field: fn(&ElderFile) -> &str| file.map(|file| escape(field(file))).unwrap_or_default();
        let first = file.and_then(|file| file.emergency.first());
        let of = |field: fn(&crate::office::elder::EmergencyContact) -> &str| first.map(|contact| escape(field(contact))).unwrap_or_default();
        let blank = Address::default();
        // The number stands whole on the paper: who prints it is entitled to, and the print is in the read log.
        let number = file.map_or(String::new(), |file| if file.id_number.is_empty() { escape(&file.no_id) } else { escape(&file.id_number) });
        let ability = file.and_then(|file| crate::office::Since::on(&file.ability, self.today).copied());
        let severe = matches!(ability, Some(Ability::Severe | Ability::Total));
        let total = if ability == Some(Ability::Total) { "（完全失能）" } else { "" };
        let held = file.map(|file| file.categories_on(self.today)).unwrap_or_default();
        let kinds: String = CATEGORIES
            .iter()
            .map(|(code, name)| {
                let ticked = held.iter().any(|own| own == code);
                if *code == category::SEVERE_DISABILITY {
                    let card = file.map(|file| file.disability_card.as_str()).unwrap_or_default();
                    return tick(&format!("{name}（残疾证号：{}）", line(card)), ticked);
                }
                tick(name, ticked)
            })
            .collect();
        let economy = file.and_then(|file| file.economy);
        format!(
            "<table><colgroup><col class=\"label\"><col><col class=\"sex\"><col class=\"sex\"><col class=\"label\"><col class=\"number\"><col class=\"label\"><col class=\"phone\"></colgroup>\
<tr><th>姓名</th><td>{}</td><th>性别</th><td>{}</td><th>居民身份证号码</th><td>{number}</td><th>联系电话</th><td>{}</td></tr>\
<tr><th>紧急联系人</th><td>{}</td><th>性别</th><td>{}</td><th>联系电话</th><td colspan=\"3\">{}</td></tr>\
<tr><th>户籍地址</th><td colspan=\"7\">{}</td></tr><tr><th>居住地址</th><td colspan=\"7\">{}</td></tr>\
<tr><th rowspan=\"2\">健康情况</th><td colspan=\"7\">能力程度：{}{total}</td></tr><tr><td colspan=\"7\">曾患病史：{}</td></tr>\
<tr><th rowspan=\"3\">经济情况</th><td colspan=\"7\">{}</td></tr><tr><td colspan=\"7\">月可支配收入：{}</td></tr><tr><td colspan=\"7\">经济来源：{}</td></tr>\
<tr><th rowspan=\"2\">类别</th><th rowspan=\"2\">对象类型</th><td colspan=\"6\">{kinds}</td></tr><tr><td colspan=\"6\">{}</td></tr></table>",
            text(|file| &file.name),
            sex(file.and_then(|file| file.sex)),
            text(|file| &file.phone),
            of(|contact| &contact.name),
            sex(first.and_then(|contact| contact.sex)),
            of(|contact| &contact.phone),
            address(file.map_or(&blank, |file| &file.registered_at)),
            address(file.map_or(&blank, |file| &file.lives_at)),
            boxes(&[
                ("能力完好", ability == Some(Ability::None)),
                ("轻度失能", ability == Some(Ability::Mild)),
                ("中度失能", ability == Some(Ability::Moderate)),
                ("重度失能", severe),
            ]),
            text(|file| &file.past_illness),
            boxes(&[("特困人员", economy == Some(Economy::Destitute)), ("低保、低保边缘", economy == Some(Economy::MinimumIncome))]),
            file.and_then(|file| file.income).map(|income| format!("{income} 元")).unwrap_or_default(),
            text(|file| &file.income_source),
            boxes(&[("重点对象", self.tier == Some("key")), ("一般对象", self.tier.is_some_and(|tier| tier != "key"))]),
        )
    }

    fn family(&self, from: usize, rows: usize) -> String {
        let members = self.file.map(|file| file.family.as_slice()).unwrap_or_default();
        let row = |n: usize| {
            let member = members.get(n);
            let of = |field: fn(&FamilyMember) -> &str| member.map(|member| escape(field(member))).unwrap_or_default();
            format!(
                "<tr><td class=\"middle\">{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                n + 1,
                of(|member| &member.name),
                sex(member.and_then(|member| member.sex)),
                of(|member| &member.relation),
                of(|member| &member.id_number),
                of(|member| &member.health),
                yes_no(member.and_then(|member| member.visits_often)),
            )
        };
        let lines: String = (from..from + rows).map(row).collect();
        format!(
            "<table><colgroup><col class=\"upright\"><col class=\"name\"><col class=\"upright\"><col class=\"name\"><col><col class=\"name\"><col class=\"name\"></colgroup><tr><th>序号</th><th>姓名</th><th>性别</th><th>与户主关系</th><th>居民身份证号码</th><th>健康状况</th><th>是否经常探访</th></tr>{lines}</table>"
        )
    }

    fn living(&self) -> String {
        let living = self.file.map(|file| file.living.clone()).unwrap_or_default();
        let pays = living.pension.filter(|yuan| *yuan > 0);
        let names = living.benefits.iter().map(|benefit| benefit.name.as_str()).collect::<Vec<_>>().join("、");
        let sum: Option<u32> = living.benefits.iter().filter_map(|benefit| benefit.monthly).reduce(u32::saturating_add);
        format!(
            "<table><colgroup><col><col><col></colgroup><tr><th>饮水是否安全</th><td colspan=\"2\">{}</td></tr><tr><th>生活用电是否安全</th><td colspan=\"2\">{}</td></tr><tr><th>住房是否安全</th><td colspan=\"2\">{}</td></tr><tr><th>家庭月收入（元）</th><td colspan=\"2\">{}</td></tr>\
<tr><th rowspan=\"2\">家庭每月领取养老保险、社会救助和社会福利补贴等情况</th><td>{}</td><td>{}</td></tr><tr><td colspan=\"2\">享受社会救助和社会福利补贴项目{} 每月补贴金额{}</td></tr></table>",
            yes_no(living.water_safe),
            yes_no(living.electricity_safe),
            yes_no(living.housing_safe),
            yuan(living.family_income),
            tick(&format!("有领取养老保险，每月{}元", short(&yuan(pays))), pays.is_some()),
            tick("无养老保险", living.pension == Some(0)),
            line(&names),
            short(&yuan(sum)),
        )
    }

    fn help(&self) -> String {
        let given = |file: &ElderFile| file.help.iter().rev().find(|help| help.until.is_none_or(|last| self.today <= last)).cloned();
        let help = self.file.and_then(given);
        let has = |kind: Helper| help.as_ref().is_some_and(|help| help.by.contains(&kind));
        let organisations = boxes(&[
            ("党政机关、群团组织", has(Helper::Government)),
            ("乡镇（街道）、村（居）委员会", has(Helper::Village)),
            ("企业", has(Helper::Company)),
            ("社会组织", has(Helper::Society)),
            ("专业社会工作者", has(Helper::SocialWorker)),
            ("志愿者", has(Helper::Volunteer)),
            ("其他", has(Helper::Other)),
        ]);
        let text = |field: fn(&crate::office::elder::Help) -> &str| help.as_ref().map(|help| escape(field(help))).unwrap_or_default();
        format!(
            "<table><colgroup><col class=\"name\"><col><col class=\"name\"><col class=\"name\"></colgroup><tr><th>开展帮扶单位（组织）</th><td>{organisations}</td><th>帮扶责任人</th><td>{}</td></tr><tr><th>帮扶措施</th><td colspan=\"3\" class=\"tall-2\">{}<p class=\"sign\"><span>工作人员签字：{}</span><span>{}</span></p></td></tr></table>",
            text(|help| &help.responsible),
            text(|help| &help.measures),
            text(|help| &help.signed_by),
            date(help.as_ref().and_then(|help| help.on)),
        )
    }

    /// The family beyond the form's rows.
    fn continued(&self, keeper: &str) -> String {
        let count = self.file.map_or(0, |file| file.family.len());
        let mut sheets = String::new();
        let mut from = FAMILY_ROWS;
        while from < count {
            let rows = (count - from).min(CONTINUED_ROWS);
            let name = self.file.map(|file| escape(&file.name)).unwrap_or_default();
            sheets.push_str(&format!(
                "<section class=\"sheet annex-1\">{}<h1>{TITLE}（续页）</h1><p>姓名：{name}</p><h2>二、家庭成员（续）</h2>{}{}</section>",
                Self::keeper(keeper),
                self.family(from, rows),
                remark(self.copies)
            ));
            from += rows;
        }
        sheets
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::office::elder::{Benefit, Circumstances, EmergencyContact, Extended, Help, Living};
    use crate::office::Since;
    use crate::{ElderId, HomeId};

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn file() -> ElderFile {
        let address = |detail: &str| Address { town: "梅岭街道".to_owned(), village: "桂山社区".to_owned(), detail: detail.to_owned() };
        let mut file = ElderFile {
            id: ElderId::from("e-1"),
            home: HomeId::from("home-1"),
            area: "晋江市/梅岭街道/桂山社区".to_owned(),
            filed_on: day("2026-03-02"),
            enrolled_on: day("2026-03-02"),
            name: "林喆堃".to_owned(),
            sex: Some(Sex::Female),
            id_number: "11010519491231002X".to_owned(),
            no_id: String::new(),
            born: day("1949-12-31"),
            phone: "13800138000".to_owned(),
            emergency: vec![EmergencyContact { name: "陈𬭎".to_owned(), sex: Some(Sex::Male), phone: "0595-85671234".to_owned(), relation: "儿子".to_owned() }],
            registered_at: address("长兴路 12 号"),
            lives_at: address("长兴路 14 号 <3 楼>"),
            ability: vec![Since { from: day("2026-03-02"), is: Ability::Total }],
            assessments: Vec::new(),
            past_illness: "高血压、冠心病".to_owned(),
            economy: Some(Economy::MinimumIncome),
            income: Some(820),
            income_source: "养老金".to_owned(),
            disability_card: "11010519491231002X42".to_owned(),
            card_valid_to: None,
            disability_level: Vec::new(),
            entered: vec!["living_alone".to_owned()],
            categories: Vec::new(),
            chosen_tier: None,
            chosen: Vec::new(),
            circumstances: Circumstances::default(),
            family: (1..=6)
                .map(|n| FamilyMember {
                    name: format!("家人{n}"),
                    sex: Some(Sex::Male),
                    relation: "子".to_owned(),
                    id_number: "440524188001010014".to_owned(),
                    health: "良好".to_owned(),
                    visits_often: Some(n % 2 == 1),
                    ..FamilyMember::default()
                })
                .collect(),
            living: Living {
                water_safe: Some(true),
                electricity_safe: Some(false),
                housing_safe: Some(true),
                family_income: Some(1_600),
                pension: Some(230),
                benefits: vec![Benefit { name: "高龄补贴".to_owned(), monthly: Some(100), ..Benefit::default() }, Benefit { name: "低保金".to_owned(), monthly: Some(590), ..Benefit::default() }],
            },
            help: vec![Help {
                by: vec![Helper::Village, Helper::Volunteer],
                responsible: "黄志强".to_owned(),
                measures: "每周送餐两次，陪同就医".to_owned(),
                signed_by: "王敏".to_owned(),
                on: Some(day("2026-03-05")),
                until: None,
            }],
            first_contact: None,
            suspensions: Vec::new(),
            extended: Extended::default(),
            reviewed_on: None,
            sources: std::collections::BTreeMap::new(),
            exported: std::collections::BTreeMap::new(),
            left_on: None,
        };
        file.settle(day("2026-03-02"));
        file
    }

    fn copies() -> Vec<String> {
        ["市民政局", "镇（街道）"].map(str::to_owned).to_vec()
    }

    #[test]
    fn every_field_stands_in_its_place_on_each_copy() {
        let (file, copies) = (file(), copies());
        let page = Registration { file: Some(&file), tier: Some("key"), today: day("2026-11-30"), copies: &copies }.html();
        assert_eq!(page.matches("<section").count(), 4, "two copies, each with a continuation sheet");
        for text in [
            "存：市民政局", "存：镇（街道）", "建档日期：2026 年 3 月 2 日", "<th>姓名</th><td>林喆堃</td>", "<td>女</td>", "11010519491231002X", "陈𬭎",
            "梅岭街道", "长兴路 14 号 &lt;3 楼&gt;", "☑重度失能</span>（完全失能）", "曾患病史：高血压、冠心病", "☑低保、低保边缘", "月可支配收入：820 元",
            "☑独居老年人", "☑失能老年人（包括中、重）", "☑重残老年人（残疾证号：<span class=\"line\">11010519491231002X42</span>）", "☐孤寡老年人", "☑重点对象", "☐一般对象",
            "家人4", "家人6", "（续页）", "生活用电是否安全</th><td colspan=\"2\">否", "☑有领取养老保险，每月<span class=\"line short\">230</span>元",
            "高龄补贴、低保金", "690", "☑乡镇（街道）、村（居）委员会", "☑志愿者", "☐企业", "黄志强", "每周送餐两次，陪同就医", "工作人员签字：王敏", "2026 年 3 月 5 日",
            "此表一式两份，市民政局、镇（街道）各存档一份",
        ] {
            assert!(page.contains(text), "{text}");
        }
    }

    #[test]
    fn the_blank_form_has_every_field_and_no_tick() {
        let copies = copies();
        let page = Registration { file: None, tier: None, today: day("2026-11-30"), copies: &copies }.html();
        assert_eq!(page.matches("<section").count(), 2);
        assert!(!page.contains('☑'));
        // The words of the document, in its order.
        let words = [
            "特殊困难老年人信息登记表", "建档日期", "一、服务对象基本情况", "姓名", "性别", "居民身份证号码", "联系电话", "紧急联系人", "性别", "联系电话", "户籍地址",
            "乡镇（街道）", "村（社区）", "居住地址", "乡镇（街道）", "村（社区）", "健康情况", "能力程度：", "能力完好", "轻度失能", "中度失能", "重度失能", "曾患病史：", "经济情况",
            "特困人员", "低保、低保边缘", "月可支配收入：", "经济来源：", "类别", "对象类型", "孤寡老年人", "独居老年人", "空巢老年人", "留守老年人", "失能老年人（包括中、重）",
            "重残老年人（残疾证号：", "计划生育特殊家庭老年人", "重点对象", "一般对象", "二、家庭成员", "序号", "姓名", "性别", "与户主关系", "居民身份证号码", "健康状况", "是否经常探访",
            "三、家庭生活条件", "饮水是否安全", "生活用电是否安全", "住房是否安全", "家庭月收入（元）", "家庭每月领取养老保险、社会救助和社会福利补贴等情况", "有领取养老保险，每月", "无养老保险",
            "享受社会救助和社会福利补贴项目", "每月补贴金额", "四、已享受帮扶情况", "开展帮扶单位（组织）", "党政机关、群团组织", "乡镇（街道）、村（居）委员会", "企业", "社会组织", "专业社会工作者",
            "志愿者", "其他", "帮扶责任人", "帮扶措施", "工作人员签字：", "年", "月", "日", "备注：此表一式两份，市民政局、镇（街道）各存档一份。",
        ];
        let mut rest = page.split("</style>").nth(1).unwrap();
        for word in words {
            rest = rest.split_once(word).unwrap_or_else(|| panic!("{word} is not where the document has it")).1;
        }
    }
}
