//! The XML of workbooks as a run of tags and texts: no tree, no entities of its own, no fetching.

use std::borrow::Cow;

/// A piece of a document.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// A tag that opens; `closed` if it closes itself.
    Open {
        /// Its name without a prefix.
        name: &'a str,
        /// What stands behind the name.
        attributes: &'a str,
        /// `<a/>`.
        closed: bool,
    },
    /// A tag that closes, without a prefix.
    Close(&'a str),
    /// Text.
    Text(Cow<'a, str>),
}

/// Reads a document piece by piece; stops at what is no XML.
pub(super) struct Pieces<'a> {
    rest: &'a str,
}

impl<'a> Pieces<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { rest: text }
    }
}

fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let Some(tag) = self.rest.strip_prefix('<') else {
                let end = self.rest.find('<').unwrap_or(self.rest.len());
                let (text, rest) = self.rest.split_at_checked(end)?;
                self.rest = rest;
                return Some(Piece::Text(unescape(text)));
            };
            if let Some(data) = tag.strip_prefix("![CDATA[") {
                let (text, rest) = data.split_once("]]>")?;
                self.rest = rest;
                return Some(Piece::Text(Cow::Borrowed(text)));
            }
            if let Some(comment) = tag.strip_prefix("!--") {
                self.rest = comment.split_once("-->")?.1;
                continue;
            }
            if tag.starts_with(['?', '!']) {
                self.rest = tag.split_once('>')?.1;
                continue;
            }
            let end = end_of_tag(tag)?;
            let (inside, rest) = (tag.get(..end)?, tag.get(end + 1..)?);
            self.rest = rest;
            if let Some(name) = inside.strip_prefix('/') {
                return Some(Piece::Close(local(name.trim_end())));
            }
            let (inside, closed) = inside.strip_suffix('/').map_or((inside, false), |inside| (inside, true));
            let split = inside.find(|c: char| c.is_ascii_whitespace()).unwrap_or(inside.len());
            let (name, attributes) = inside.split_at_checked(split)?;
            return Some(Piece::Open { name: local(name), attributes, closed });
        }
    }
}

/// Where a tag ends: at the first `>` that stands in no quotes.
fn end_of_tag(tag: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in tag.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

/// An attribute by its name without a prefix.
pub(super) fn attribute<'a>(attributes: &'a str, wanted: &str) -> Option<Cow<'a, str>> {
    let mut rest = attributes.trim_start();
    while let Some((name, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, next) = after.get(1..)?.split_once(quote)?;
        if local(name.trim()) == wanted {
            return Some(unescape(value));
        }
        rest = next.trim_start();
    }
    None
}

fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let Some((name, next)) = after.split_once(';').filter(|(name, _)| name.len() <= 8) else {
            out.push('&');
            rest = after;
            continue;
        };
        let number = |digits: &str, base| u32::from_str_radix(digits, base).ok().and_then(char::from_u32);
        let meant = match name {
            "lt" => Some('<'),
            "gt" => Some('>'),
            "amp" => Some('&'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => match (name.strip_prefix("#x"), name.strip_prefix('#')) {
                (Some(digits), _) => number(digits, 16),
                (None, Some(digits)) => number(digits, 10),
                (None, None) => None,
            },
        };
        out.push(meant.unwrap_or('\u{fffd}'));
        rest = next;
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Text as it may stand in a document: what XML cannot hold is left out.
pub(super) fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' => out.push(c),
            '\r' => out.push_str("&#13;"),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_read_in_order_and_what_is_no_xml_ends_the_reading() {
        let text = "<?xml version='1.0'?><!-- <no> --><x:a b='1>2' n:c=\"&lt;&#x5586;\">t&amp;<![CDATA[<raw>]]><e/></x:a>";
        let pieces: Vec<_> = Pieces::of(text).collect();
        assert_eq!(pieces.len(), 5);
        let Piece::Open { name: "a", attributes, closed: false } = pieces[0] else { panic!("{pieces:?}") };
        assert_eq!(attribute(attributes, "c").unwrap(), "<喆");
        assert_eq!(attribute(attributes, "b").unwrap(), "1>2");
        assert_eq!(attribute(attributes, "d"), None);
        assert_eq!(pieces[1], Piece::Text("t&".into()));
        assert_eq!(pieces[2], Piece::Text("<raw>".into()));
        assert_eq!(pieces[3], Piece::Open { name: "e", attributes: "", closed: true });
        assert_eq!(pieces[4], Piece::Close("a"));
        for end in text.char_indices().map(|(at, _)| at) {
            for piece in Pieces::of(&text[..end]) {
                drop(piece);
            }
        }
    }
}
