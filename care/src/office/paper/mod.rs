//! The city's forms on paper: Annex 1 and Annex 2 exactly, filled in or blank, a labelled sheet for each who keeps a
//! copy. HTML for A4; whatever has a browser prints it.

mod annex1;
mod annex2;

pub use annex1::Registration;
pub use annex2::{Heading, visit_sheets};

/// The style of the sheets: paged A4, no colours.
pub const STYLE: &str = include_str!("paper.css");

/// A page of its own, with its style inside, to be saved or sent.
pub fn page(title: &str, sheets: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"zh-CN\"><head><meta charset=\"utf-8\"><title>{}</title><style>{STYLE}</style></head><body class=\"paper\">{sheets}</body></html>\n",
        escape(title)
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A box of the form, ticked or not, with its name.
fn tick(name: &str, ticked: bool) -> String {
    format!("<span class=\"box\">{}{name}</span>", if ticked { '☑' } else { '☐' })
}

fn boxes(options: &[(&str, bool)]) -> String {
    options.iter().map(|(name, ticked)| tick(name, *ticked)).collect()
}

/// A line to write on, with what is written.
fn line(text: &str) -> String {
    format!("<span class=\"line\">{}</span>", escape(text))
}

/// The same for a figure.
fn short(text: &str) -> String {
    format!("<span class=\"line short\">{}</span>", escape(text))
}

/// 年 月 日, filled in or to be written on.
fn date(day: Option<chrono::NaiveDate>) -> String {
    use chrono::Datelike;
    match day {
        Some(day) => format!("{} 年 {} 月 {} 日", day.year(), day.month(), day.day()),
        None => "&emsp;&emsp;&emsp;年&emsp;&emsp;月&emsp;&emsp;日".to_owned(),
    }
}

/// 一份, 两份, 三份 as the forms write it.
fn copies_in_words(copies: usize) -> String {
    match copies {
        1 => "一".to_owned(),
        2 => "两".to_owned(),
        3 => "三".to_owned(),
        4 => "四".to_owned(),
        n => n.to_string(),
    }
}

/// 备注: who keeps a copy.
fn remark(copies: &[String]) -> String {
    let keepers = copies.iter().map(|copy| escape(copy)).collect::<Vec<_>>().join("、");
    format!("<p>备注：此表一式{}份，{keepers}各存档一份。</p>", copies_in_words(copies.len()))
}
