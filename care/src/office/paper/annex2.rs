//! Annex 2, 特殊困难老年人探访关爱服务记录表: every row in its place, a labelled sheet for each copy (R52).

use super::{boxes, date, escape, line, remark, short, tick};
use crate::policy::Mode;
use crate::visit::form::{Change, Illness, People, Safety, Signature, VisitForm};

/// What stands above the form, which has no row for a name: whose record it is, and when it began and ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Heading<'a> {
    /// The elder's name; empty: none is printed.
    pub name: &'a str,
    /// Begin and end, as they are read.
    pub times: &'a str,
    /// Who wrote it.
    pub visitor: &'a str,
    /// Where the city's name stands in the title.
    pub city: &'a str,
}

/// A sheet for each who keeps a copy. An empty form prints blank.
pub fn visit_sheets(form: &VisitForm, heading: Heading<'_>, copies: &[String]) -> String {
    copies.iter().map(|keeper| sheet(form, heading, keeper, copies)).collect()
}

fn sheet(form: &VisitForm, heading: Heading<'_>, keeper: &str, copies: &[String]) -> String {
    let number = form.number.map_or_else(|| "&emsp;".to_owned(), |number| number.to_string());
    // The form has no box for remote monitoring: 其他, and the words beside it.
    let remote = form.mode == Some(Mode::Remote);
    let mut modes = boxes(&[
        ("上门探访", form.mode == Some(Mode::Home)),
        ("电话探访", form.mode == Some(Mode::Phone)),
        ("互联网音（视）频探访", form.mode == Some(Mode::Video)),
        ("其他", remote || form.mode == Some(Mode::Other)),
    ]);
    if remote {
        modes.push_str("（远程监测）");
    }
    let (more, fewer) = match form.people {
        Some(People::More(n)) => (n.to_string(), String::new()),
        Some(People::Fewer(n)) => (String::new(), n.to_string()),
        Some(People::Same) | None => Default::default(),
    };
    let people = [
        tick("无变化", form.people == Some(People::Same)),
        tick(&format!("增加{}人", short(&more)), matches!(form.people, Some(People::More(_)))),
        tick(&format!("减少{}人", short(&fewer)), matches!(form.people, Some(People::Fewer(_)))),
    ]
    .concat();
    let serious = match &form.illness {
        Some(Illness::Serious(name)) => name.as_str(),
        Some(Illness::Same | Illness::Better) | None => "",
    };
    let illness = [
        tick("无变化", form.illness == Some(Illness::Same)),
        tick(&format!("严重疾病名称：{}", line(serious)), matches!(form.illness, Some(Illness::Serious(_)))),
        tick("转好", form.illness == Some(Illness::Better)),
    ]
    .concat();
    let rows = [
        ("家庭状况", vec![("人口变化", people)]),
        ("健康状况", vec![("表达能力", change(form.speech)), ("行动能力", change(form.movement)), ("疾病状况", illness)]),
        ("精神状态", vec![("情绪状态", change(form.mood))]),
        ("安全情况", vec![("燃气安全", safety(form.gas)), ("水暖安全", safety(form.water)), ("用电安全", safety(form.electricity))]),
        ("卫生状况", vec![("个人卫生", change(form.personal_hygiene)), ("家庭卫生", change(form.home_hygiene))]),
        ("居住环境", vec![("室内环境", change(form.rooms))]),
    ];
    let mut body = String::new();
    for (group, lines) in rows {
        let span = lines.len();
        for (n, (name, answer)) in lines.into_iter().enumerate() {
            let head = if n == 0 { format!("<th rowspan=\"{span}\">{group}</th>") } else { String::new() };
            body.push_str(&format!("<tr>{head}<th>{name}</th><td>{answer}</td></tr>"));
        }
    }
    // Upright, as the form has it.
    let upright = format!("第<br>{number}<br>次<br>探<br>访<br>关<br>爱<br>服<br>务");
    let whose = [("姓名", heading.name), ("时间", heading.times), ("服务人员", heading.visitor)];
    let whose: Vec<String> = whose.iter().filter(|(_, text)| !text.is_empty()).map(|(what, text)| format!("{what}：{}", escape(text))).collect();
    let city = if heading.city.is_empty() { "晋江市" } else { heading.city };
    format!(
        "<section class=\"sheet annex-2\"><p class=\"keeper\"><span>附件 2</span><span>存：{}</span></p><h1>{}特殊困难老年人探访关爱服务记录表</h1><p>{}</p>\
<table><colgroup><col class=\"upright\"><col class=\"name\"><col class=\"name\"><col></colgroup><tr><th class=\"middle\" rowspan=\"12\">{upright}</th><th colspan=\"2\">服务方式</th><td>{modes}</td></tr>{body}</table>\
<table><tr><td class=\"tall\" colspan=\"2\">关爱服务需求及落实情况：{}</td></tr><tr><td>服务人员（签字）：{}</td><td>服务对象（签字）：{}</td></tr></table><p class=\"right\">{}</p>{}</section>",
        escape(keeper),
        escape(city),
        whose.join("　"),
        form.needs.as_deref().map(escape).unwrap_or_default(),
        signature(form.visitor.as_ref()),
        signature(form.elder.as_ref()),
        date(form.date),
        remark(copies),
    )
}

fn change(answer: Option<Change>) -> String {
    boxes(&[
        ("无变化", answer == Some(Change::Same)),
        ("较好", answer == Some(Change::Better)),
        ("较差", answer == Some(Change::Worse)),
    ])
}

fn safety(answer: Option<Safety>) -> String {
    boxes(&[
        ("安全", answer == Some(Safety::Safe)),
        ("较安全", answer == Some(Safety::FairlySafe)),
        ("不安全", answer == Some(Safety::Unsafe)),
    ])
}

fn signature(signature: Option<&Signature>) -> String {
    match signature {
        None => String::new(),
        Some(Signature::Screen(_)) => "（已电子签字）".to_owned(),
        Some(Signature::Photo(_)) => "（签字见照片）".to_owned(),
        Some(Signature::Missing(reason)) => match reason.as_str() {
            "cannot_sign" => "（本人无法签字）".to_owned(),
            "declined_to_sign" => "（本人不愿签字）".to_owned(),
            other => format!("（未签：{}）", escape(other)),
        },
    }
}
