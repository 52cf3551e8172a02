//! What a browser's form brings, and queries of addresses.

use crate::problem::Problem;
use axum::extract::{Form, FromRequest, Request};
use chrono::NaiveDate;
use std::collections::BTreeMap;

/// The fields of a form by their names; what is not there is empty.
pub(crate) struct Fields(BTreeMap<String, String>);

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let Form(pairs) = Form::<Vec<(String, String)>>::from_request(request, state).await.map_err(|rejection| Problem::Malformed(rejection.body_text()))?;
        Ok(Self(pairs.into_iter().map(|(name, value)| (name, value.trim().replace('\r', ""))).collect()))
    }
}

impl Fields {
    /// True if the form has such a field.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A field's text.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// The text of an owned field.
    pub(crate) fn own(&self, name: &str) -> String {
        self.text(name).to_owned()
    }

    /// True if a box is ticked.
    pub(crate) fn ticked(&self, name: &str) -> bool {
        !self.text(name).is_empty()
    }

    /// A day; none if it is empty or no day.
    pub(crate) fn day(&self, name: &str) -> Option<NaiveDate> {
        self.text(name).parse().ok()
    }

    /// A whole number.
    pub(crate) fn number(&self, name: &str) -> Option<u32> {
        self.text(name).parse().ok()
    }

    /// Yes, no, or not said.
    pub(crate) fn answer(&self, name: &str) -> Option<bool> {
        match self.text(name) {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        }
    }

    /// Lines with their parts, which are separated by `|`; empty lines are left out.
    pub(crate) fn lines(&self, name: &str) -> Vec<Vec<String>> {
        let parts = |line: &str| line.split(['|', '｜']).map(|part| part.trim().to_owned()).collect();
        self.text(name).lines().filter(|line| !line.trim().is_empty()).map(parts).collect()
    }
}

/// A value of a query.
pub(crate) fn query_value(query: &str, name: &str) -> Option<String> {
    pairs(query).into_iter().find(|(key, _)| key == name).map(|(_, value)| value).filter(|value| !value.is_empty())
}

/// A query without some of its names.
pub(crate) fn query_without(query: &str, names: &[&str]) -> String {
    let kept = query.split('&').filter(|pair| !pair.is_empty() && !names.contains(&pair.split('=').next().unwrap_or_default()));
    kept.collect::<Vec<_>>().join("&")
}

fn pairs(query: &str) -> Vec<(String, String)> {
    let split = |pair: &str| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key), decode(value))
    };
    query.split('&').filter(|pair| !pair.is_empty()).map(split).collect()
}

/// Percent signs and pluses as they were meant.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let two = [rest.next(), rest.next()].into_iter().flatten().map(char::from).collect::<String>();
                if two.len() == 2 {
                    bytes.extend(u8::from_str_radix(&two, 16));
                }
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A text as it may stand in a query.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_as_it_was_meant() {
        let query = format!("area={}&text=a+b&empty=&format=csv", encode("晋江市/梅岭街道"));
        assert_eq!(query_value(&query, "area").unwrap(), "晋江市/梅岭街道");
        assert_eq!(query_value(&query, "text").unwrap(), "a b");
        assert_eq!(query_value(&query, "empty"), None);
        assert_eq!(query_without(&query, &["format", "area"]), "text=a+b&empty=");
        assert_eq!(query_value("x=%zz%4", "x"), None);
    }
}
