//! The parts that pages of the office are made of.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use wire::workbook::{self, Table};

/// A link, and whether it leads here.
pub(crate) struct Link {
    pub(crate) href: String,
    pub(crate) text: String,
    pub(crate) here: bool,
}

/// A cell of a table.
#[derive(Default)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) href: Option<String>,
    pub(crate) chip: &'static str,
    pub(crate) class: &'static str,
    /// Where a button of this cell leads, and what it does in full words.
    pub(crate) act: Option<(String, String)>,
    number: Option<f64>,
}

impl Cell {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    pub(crate) fn wide(text: impl Into<String>) -> Self {
        Self { text: text.into(), class: "wide", ..Self::default() }
    }

    pub(crate) fn link(text: impl Into<String>, href: impl Into<String>) -> Self {
        Self { text: text.into(), href: Some(href.into()), ..Self::default() }
    }

    pub(crate) fn chip(chip: &'static str, text: impl Into<String>) -> Self {
        Self { text: text.into(), chip, ..Self::default() }
    }

    /// A button that does something with its row: what it says, where it leads, what it does in full words.
    pub(crate) fn button(text: impl Into<String>, action: impl Into<String>, label: impl Into<String>) -> Self {
        Self { text: text.into(), act: Some((action.into(), label.into())), ..Self::default() }
    }

    /// A share as it is printed.
    pub(crate) fn figure(text: impl Into<String>) -> Self {
        Self { text: text.into(), class: "number", ..Self::default() }
    }

    pub(crate) fn count(n: u32) -> Self {
        Self { text: n.to_string(), class: "number", number: Some(f64::from(n)), ..Self::default() }
    }
}

/// A table, which is also a file.
#[derive(Default)]
pub(crate) struct Listing {
    /// Its name in addresses.
    pub(crate) id: &'static str,
    pub(crate) title: String,
    pub(crate) heading: Vec<String>,
    pub(crate) rows: Vec<Vec<Cell>>,
    /// Where the next page is.
    pub(crate) next: Option<String>,
    /// The address of its file, up to the format.
    pub(crate) file: String,
}

impl Listing {
    pub(crate) fn new(id: &'static str, title: impl Into<String>, heading: &[&str]) -> Self {
        Self { id, title: title.into(), heading: heading.iter().map(|name| (*name).to_owned()).collect(), ..Self::default() }
    }

    /// The class of a column's heading: that of its cells.
    pub(crate) fn class(&self, column: &usize) -> &'static str {
        self.rows.first().and_then(|row| row.get(*column)).map(|cell| cell.class).filter(|class| *class == "number").unwrap_or_default()
    }

    /// The same as a table to be written.
    fn table(&self, notes: &[String]) -> Table {
        let cell = |cell: &Cell| if cell.act.is_some() { workbook::Cell::text("") } else { cell.number.map_or_else(|| workbook::Cell::text(&cell.text), workbook::Cell::Number) };
        Table {
            name: self.title.clone(),
            heading: self.heading.clone(),
            rows: self.rows.iter().map(|row| row.iter().map(cell).collect()).collect(),
            notes: notes.to_vec(),
        }
    }

    pub(crate) fn to_file(&self, format: &str, notes: &[String]) -> Option<Response> {
        file(self.id, &self.table(notes), format)
    }
}

/// A table as a file to be saved.
pub(crate) fn file(name: &str, table: &Table, format: &str) -> Option<Response> {
    let (kind, content) = match format {
        "xlsx" => ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", table.xlsx()),
        "csv" => ("text/csv; charset=utf-8", table.csv()),
        "json" => ("application/json", table.json().to_string().into_bytes()),
        _ => return None,
    };
    let disposition = format!("attachment; filename=\"{name}.{format}\"");
    Some((StatusCode::OK, [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)], content).into_response())
}

/// A name and what stands beside it.
pub(crate) type Fact = (String, String);

/// Facts under a heading.
pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) facts: Vec<Fact>,
}

/// A choice: value, text, chosen.
pub(crate) type Choice = (String, String, bool);

/// A field of a form.
#[derive(Default)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) label: String,
    /// `text`, `date`, `month`, `number`, `tel`, `datetime-local`, `textarea`, `select`, `checks`, `hidden`, `heading`.
    pub(crate) kind: &'static str,
    pub(crate) value: String,
    pub(crate) options: Vec<Choice>,
    pub(crate) required: bool,
    pub(crate) hint: String,
    /// What a browser may fill in by itself; empty: not said.
    pub(crate) autocomplete: &'static str,
}

impl Field {
    pub(crate) fn of(kind: &'static str, name: &str, label: &str, value: impl Into<String>) -> Self {
        Self { kind, name: name.to_owned(), label: label.to_owned(), value: value.into(), ..Self::default() }
    }

    pub(crate) fn heading(label: &str) -> Self {
        Self::of("heading", "", label, "")
    }

    pub(crate) fn select(name: &str, label: &str, options: Vec<Choice>) -> Self {
        Self { options, ..Self::of("select", name, label, "") }
    }

    pub(crate) fn required(self) -> Self {
        Self { required: true, ..self }
    }

    pub(crate) fn hint(self, hint: &str) -> Self {
        Self { hint: hint.to_owned(), ..self }
    }
}

/// Choices out of pairs, one of them chosen; an empty one in front if `open`.
pub(crate) fn choices<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>, chosen: &str, open: Option<&str>) -> Vec<Choice> {
    let first = open.map(|text| (String::new(), text.to_owned(), chosen.is_empty()));
    first.into_iter().chain(pairs.into_iter().map(|(value, text)| (value.to_owned(), text.to_owned(), value == chosen))).collect()
}

/// A form.
#[derive(Default)]
pub(crate) struct Form {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) class: &'static str,
    pub(crate) method: &'static str,
    pub(crate) action: String,
    pub(crate) fields: Vec<Field>,
    pub(crate) submit: String,
    /// What stands above the fields.
    pub(crate) lead: String,
    /// A picture of our own making, as it stands in the page.
    pub(crate) figure: String,
}

impl Form {
    pub(crate) fn lead(self, lead: &str) -> Self {
        Self { lead: lead.to_owned(), ..self }
    }

    pub(crate) fn figure(self, figure: String) -> Self {
        Self { figure, ..self }
    }

    /// A form that asks for a list.
    pub(crate) fn search(action: &str, submit: &str, fields: Vec<Field>) -> Self {
        Self { class: "search", method: "get", action: action.to_owned(), submit: submit.to_owned(), title: submit.to_owned(), fields, ..Self::default() }
    }

    /// A form that does something.
    pub(crate) fn act(title: &str, action: impl Into<String>, submit: &str, fields: Vec<Field>) -> Self {
        Self { method: "post", action: action.into(), title: title.to_owned(), submit: submit.to_owned(), fields, ..Self::default() }
    }
}

/// Somebody on the due list.
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) home: String,
    pub(crate) area: String,
    pub(crate) name: String,
    pub(crate) tier: String,
    pub(crate) place: String,
    pub(crate) urgency: &'static str,
    /// Colour, state, what.
    pub(crate) duties: Vec<(&'static str, String, String)>,
    pub(crate) last: String,
}

type Pairs = Vec<(&'static str, String)>;

/// The due list with the form of a visit.
pub(crate) struct Visits {
    pub(crate) me: String,
    pub(crate) people: Vec<Entry>,
    pub(crate) modes: Pairs,
    pub(crate) outcomes: Pairs,
    pub(crate) rows: Vec<(&'static str, String, Pairs)>,
    /// What is asked beside the rows of the form, with its answers.
    pub(crate) asks: Vec<(&'static str, String, Pairs)>,
    /// What is written down beside them.
    pub(crate) words: Pairs,
    pub(crate) signers: Pairs,
    pub(crate) missing: Pairs,
    pub(crate) tried: Pairs,
}

/// The first step of an incident: numbers to dial by hand, and what to say.
pub(crate) struct Dial {
    pub(crate) lead: String,
    /// Number and what it is for.
    pub(crate) numbers: Vec<(String, String)>,
    /// The address as it is read out.
    pub(crate) read_out: String,
    /// Since when, seconds since 1970: its clock counts up.
    pub(crate) since: i64,
    pub(crate) since_text: String,
}

/// A home to be surveyed.
pub(crate) struct Door {
    pub(crate) home: String,
    pub(crate) address: String,
    pub(crate) place: String,
    pub(crate) late: bool,
    pub(crate) chip: &'static str,
    pub(crate) state: String,
    pub(crate) due: String,
    pub(crate) tried: String,
}

/// Homes to be surveyed, with a form for each.
pub(crate) struct Doors {
    pub(crate) me: String,
    pub(crate) doors: Vec<Door>,
}

/// A page.
#[derive(Default)]
pub(crate) struct Page {
    pub(crate) title: String,
    /// The tab it belongs to.
    pub(crate) here: &'static str,
    pub(crate) tabs: Vec<Link>,
    pub(crate) links: Vec<Link>,
    pub(crate) told: String,
    /// What was refused, and why.
    pub(crate) wrong: String,
    /// What its tabs are called.
    pub(crate) room: &'static str,
    pub(crate) lead: Vec<String>,
    pub(crate) search: Vec<Form>,
    pub(crate) sections: Vec<Section>,
    pub(crate) dial: Option<Dial>,
    pub(crate) doors: Option<Doors>,
    pub(crate) visits: Option<Visits>,
    pub(crate) tables: Vec<Listing>,
    pub(crate) forms: Vec<Form>,
    pub(crate) text: String,
    pub(crate) notes: Vec<String>,
}

impl Page {
    pub(crate) fn new(here: &'static str, title: impl Into<String>) -> Self {
        Self { here, title: title.into(), ..Self::default() }
    }

    pub(crate) fn link(mut self, href: impl Into<String>, text: &str) -> Self {
        self.links.push(Link { href: href.into(), text: text.to_owned(), here: false });
        self
    }

    /// Links to sister pages, one of them this.
    pub(crate) fn sisters(mut self, all: &[(&str, &str)], here: &str) -> Self {
        self.links.extend(all.iter().map(|(href, text)| Link { href: (*href).to_owned(), text: (*text).to_owned(), here: *href == here }));
        self
    }
}
