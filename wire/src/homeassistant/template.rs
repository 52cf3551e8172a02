//! A safe subset of value templates: one value in, one value out. No loops, no calls, no access to
//! anything but the message; a limit on length and nesting. What is outside of it is refused when
//! the entity is learned, so that nothing is guessed later.

use crate::json;
use serde_json::{Map, Value as Json};

/// Longest template that is read, in bytes.
pub(crate) const BYTES_MAX: usize = 2048;

/// Deepest nesting of an expression.
const DEPTH_MAX: usize = 24;

/// A template outside the subset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outside;

/// A template that was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    Show(Expr),
    Set(String, Expr),
    If(Vec<(Expr, Vec<Part>)>, Vec<Part>),
}

#[derive(Debug, Clone, PartialEq)]
enum Expr {
    Constant(Json),
    Name(String),
    Member(Box<Expr>, Box<Expr>),
    List(Vec<Expr>),
    Not(Box<Expr>),
    Minus(Box<Expr>),
    Two(&'static str, Box<Expr>, Box<Expr>),
    Choose(Box<Expr>, Box<Expr>, Box<Expr>),
    Filter(String, Box<Expr>, Vec<Expr>),
    Is(String, Box<Expr>),
}

impl Template {
    /// Reads a template.
    pub(crate) fn parse(source: &str) -> Result<Self, Outside> {
        if source.len() > BYTES_MAX {
            return Err(Outside);
        }
        let mut pieces = split(source)?.into_iter().peekable();
        let (parts, end) = parts(&mut pieces, 0)?;
        if end.is_some() { Err(Outside) } else { Ok(Self(parts)) }
    }

    /// What it makes of a payload: `None` if that says nothing (a key is not there).
    pub(crate) fn render(&self, payload: &[u8]) -> Result<Option<Json>, Outside> {
        let text = String::from_utf8_lossy(payload).into_owned();
        let mut names = Map::new();
        if let (Some(body), _) = json::read(payload, crate::PAYLOAD_BYTES_MAX) {
            names.insert("value_json".into(), body);
        }
        names.insert("value".into(), Json::String(text));
        let mut shown = Vec::new();
        run(&self.0, &mut names, &mut shown)?;
        let blank = |shown: &Shown| matches!(shown, Shown::Text(text) if text.trim().is_empty());
        shown.retain(|shown| !blank(shown));
        match shown.as_slice() {
            [] => Ok(None),
            [Shown::Value(one)] => Ok(one.clone()),
            all => {
                let text: String = all
                    .iter()
                    .map(|shown| match shown {
                        Shown::Text(text) => text.clone(),
                        Shown::Value(value) => value.as_ref().map(text_of).unwrap_or_default(),
                    })
                    .collect();
                Ok(Some(Json::String(text.trim().to_owned())))
            }
        }
    }

    /// The last key that the template reads from the message: what the entity is about.
    pub(crate) fn key(&self) -> Option<&str> {
        fn of(expr: &Expr) -> Option<&str> {
            match expr {
                Expr::Member(_, key) => {
                    if let Expr::Constant(Json::String(key)) = key.as_ref() { Some(key) } else { None }
                }
                Expr::Filter(_, inner, _) | Expr::Is(_, inner) | Expr::Not(inner) | Expr::Minus(inner) => of(inner),
                Expr::Two(_, left, right) => of(left).or_else(|| of(right)),
                Expr::Choose(condition, yes, _) => of(condition).or_else(|| of(yes)),
                Expr::Constant(_) | Expr::Name(_) | Expr::List(_) => None,
            }
        }
        fn first(parts: &[Part]) -> Option<&str> {
            parts.iter().find_map(|part| match part {
                Part::Text(_) => None,
                Part::Show(expr) | Part::Set(_, expr) => of(expr),
                Part::If(arms, otherwise) => {
                    arms.iter().find_map(|(condition, then)| of(condition).or_else(|| first(then))).or_else(|| first(otherwise))
                }
            })
        }
        first(&self.0)
    }
}

/// The first key that a template reads, found without understanding the template.
pub(crate) fn first_key(source: &str) -> Option<&str> {
    let (_, rest) = source.split_once("value_json")?;
    let rest = rest.trim_start_matches(['.', '[', '"', '\'']);
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    rest.get(..end).filter(|key| !key.is_empty())
}

enum Shown {
    Text(String),
    Value(Option<Json>),
}

enum Piece {
    Text(String),
    Show(String),
    Tag(String),
}

/// Takes text, `{{ }}` and `{% %}` apart; comments fall out.
fn split(source: &str) -> Result<Vec<Piece>, Outside> {
    let mut pieces = Vec::new();
    let mut rest = source;
    loop {
        let Some((text, after)) = rest.split_once('{') else {
            pieces.push(Piece::Text(rest.to_owned()));
            return Ok(pieces);
        };
        let (close, make): (&str, fn(String) -> Piece) = match after.chars().next() {
            Some('{') => ("}}", Piece::Show),
            Some('%') => ("%}", Piece::Tag),
            Some('#') => ("#}", |_| Piece::Text(String::new())),
            Some(_) | None => {
                pieces.push(Piece::Text(format!("{text}{{")));
                rest = after;
                continue;
            }
        };
        pieces.push(Piece::Text(text.to_owned()));
        let inside = after.get(1..).unwrap_or_default();
        let end = closing(inside, close).ok_or(Outside)?;
        let body = inside.get(..end).unwrap_or_default();
        pieces.push(make(body.trim_matches('-').trim().to_owned()));
        rest = inside.get(end + close.len()..).unwrap_or_default();
    }
}

/// Where a tag ends: not inside of a quoted word.
fn closing(text: &str, close: &str) -> Option<usize> {
    let mut quote = None;
    for (i, c) in text.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None if text.get(i..).is_some_and(|rest| rest.starts_with(close)) => return Some(i),
            None => {}
        }
    }
    None
}

type Pieces = std::iter::Peekable<std::vec::IntoIter<Piece>>;

/// Parts up to the end or to an `elif`, `else` or `endif`, which is handed back.
fn parts(pieces: &mut Pieces, depth: usize) -> Result<(Vec<Part>, Option<String>), Outside> {
    if depth > DEPTH_MAX {
        return Err(Outside);
    }
    let mut parts = Vec::new();
    while let Some(piece) = pieces.next() {
        match piece {
            Piece::Text(text) if text.is_empty() => {}
            Piece::Text(text) => parts.push(Part::Text(text)),
            Piece::Show(source) => parts.push(Part::Show(Parser::whole(&source)?)),
            Piece::Tag(tag) => {
                let (word, rest) = tag.split_once(char::is_whitespace).unwrap_or((&tag, ""));
                match word {
                    "if" => parts.push(branch(rest, pieces, depth)?),
                    "set" => {
                        let (name, source) = rest.split_once('=').ok_or(Outside)?;
                        parts.push(Part::Set(name.trim().to_owned(), Parser::whole(source)?));
                    }
                    "elif" | "else" | "endif" => return Ok((parts, Some(tag))),
                    _ => return Err(Outside),
                }
            }
        }
    }
    Ok((parts, None))
}

fn branch(condition: &str, pieces: &mut Pieces, depth: usize) -> Result<Part, Outside> {
    let (mut arms, mut condition) = (Vec::new(), Some(Parser::whole(condition)?));
    loop {
        let (then, end) = parts(pieces, depth + 1)?;
        let end = end.ok_or(Outside)?;
        let otherwise = match condition.take() {
            Some(condition) => {
                arms.push((condition, then));
                Vec::new()
            }
            None => then,
        };
        match end.split_once(char::is_whitespace) {
            Some(("elif", rest)) if otherwise.is_empty() => condition = Some(Parser::whole(rest)?),
            None if end == "endif" => return Ok(Part::If(arms, otherwise)),
            None if end == "else" && otherwise.is_empty() => {}
            Some(_) | None => return Err(Outside),
        }
        if arms.len() > DEPTH_MAX {
            return Err(Outside);
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Number(f64),
    Sign(&'static str),
}

const SIGNS: [&str; 19] = ["==", "!=", "<=", ">=", "//", "<", ">", "(", ")", "[", "]", ",", ".", "|", "+", "-", "*", "/", "~"];

fn tokens(source: &str) -> Result<Vec<Token>, Outside> {
    let mut tokens = Vec::new();
    let mut rest = source.trim_start();
    while let Some(c) = rest.chars().next() {
        let cut = |n: usize| rest.get(n..).unwrap_or_default();
        if c == '"' || c == '\'' {
            let inside = cut(1);
            let end = inside.find(c).ok_or(Outside)?;
            let text = inside.get(..end).unwrap_or_default();
            if text.contains('\\') {
                return Err(Outside);
            }
            tokens.push(Token::Text(text.to_owned()));
            rest = inside.get(end + 1..).unwrap_or_default().trim_start();
            continue;
        }
        let length = |keep: fn(char) -> bool| rest.find(|c| !keep(c)).unwrap_or(rest.len());
        if c.is_ascii_digit() {
            let end = length(|c| c.is_ascii_digit() || c == '.');
            tokens.push(Token::Number(rest.get(..end).and_then(|n| n.parse().ok()).ok_or(Outside)?));
            rest = cut(end).trim_start();
        } else if c.is_alphabetic() || c == '_' {
            let end = length(|c| c.is_alphanumeric() || c == '_');
            tokens.push(Token::Word(rest.get(..end).unwrap_or_default().to_owned()));
            rest = cut(end).trim_start();
        } else {
            let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign)).ok_or(Outside)?;
            tokens.push(Token::Sign(sign));
            rest = cut(sign.len()).trim_start();
        }
    }
    Ok(tokens)
}

const FILTERS: [&str; 17] = [
    "float", "int", "round", "default", "d", "lower", "upper", "string", "bool", "trim", "abs", "is_defined", "title", "replace", "length", "iif",
    "truncate",
];

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    depth: usize,
}

impl Parser {
    fn whole(source: &str) -> Result<Expr, Outside> {
        let mut parser = Self { tokens: tokens(source)?.into_iter().peekable(), depth: 0 };
        let expr = parser.choose()?;
        if parser.tokens.next().is_some() { Err(Outside) } else { Ok(expr) }
    }

    fn sign(&mut self, sign: &'static str) -> bool {
        self.tokens.next_if(|token| *token == Token::Sign(sign)).is_some()
    }

    fn word(&mut self, word: &str) -> bool {
        self.tokens.next_if(|token| matches!(token, Token::Word(w) if w == word)).is_some()
    }

    fn must(&mut self, sign: &'static str) -> Result<(), Outside> {
        if self.sign(sign) { Ok(()) } else { Err(Outside) }
    }

    fn choose(&mut self) -> Result<Expr, Outside> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Outside);
        }
        let mut expr = self.or()?;
        if self.word("if") {
            let condition = self.or()?;
            let otherwise = if self.word("else") { self.choose()? } else { Expr::Name("undefined".into()) };
            expr = Expr::Choose(Box::new(condition), Box::new(expr), Box::new(otherwise));
        }
        self.depth -= 1;
        Ok(expr)
    }

    fn or(&mut self) -> Result<Expr, Outside> {
        let mut left = self.and()?;
        while self.word("or") {
            left = Expr::Two("or", Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expr, Outside> {
        let mut left = self.not()?;
        while self.word("and") {
            left = Expr::Two("and", Box::new(left), Box::new(self.not()?));
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Expr, Outside> {
        let mut turns = 0usize;
        while self.word("not") {
            turns += 1;
        }
        let expr = self.compare()?;
        Ok(if turns % 2 == 1 { Expr::Not(Box::new(expr)) } else { expr })
    }

    fn compare(&mut self) -> Result<Expr, Outside> {
        let mut left = self.sum()?;
        loop {
            if let Some(sign) = ["==", "!=", "<=", ">=", "<", ">"].into_iter().find(|sign| self.sign(sign)) {
                left = Expr::Two(sign, Box::new(left), Box::new(self.sum()?));
            } else if self.word("in") {
                left = Expr::Two("in", Box::new(left), Box::new(self.sum()?));
            } else if self.word("not") {
                if !self.word("in") {
                    return Err(Outside);
                }
                left = Expr::Not(Box::new(Expr::Two("in", Box::new(left), Box::new(self.sum()?))));
            } else if self.word("is") {
                let negated = self.word("not");
                let Some(Token::Word(test)) = self.tokens.next() else { return Err(Outside) };
                if !["defined", "undefined", "none", "number", "string"].contains(&test.as_str()) {
                    return Err(Outside);
                }
                left = Expr::Is(test, Box::new(left));
                if negated {
                    left = Expr::Not(Box::new(left));
                }
            } else {
                return Ok(left);
            }
        }
    }

    fn sum(&mut self) -> Result<Expr, Outside> {
        let mut left = self.product()?;
        while let Some(sign) = ["+", "-", "~"].into_iter().find(|sign| self.sign(sign)) {
            left = Expr::Two(sign, Box::new(left), Box::new(self.product()?));
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Expr, Outside> {
        let mut left = self.filtered()?;
        while let Some(sign) = ["*", "//", "/"].into_iter().find(|sign| self.sign(sign)) {
            left = Expr::Two(sign, Box::new(left), Box::new(self.filtered()?));
        }
        Ok(left)
    }

    fn filtered(&mut self) -> Result<Expr, Outside> {
        if self.sign("-") {
            self.depth += 1;
            if self.depth > DEPTH_MAX {
                return Err(Outside);
            }
            let inner = self.filtered()?;
            self.depth -= 1;
            return Ok(Expr::Minus(Box::new(inner)));
        }
        let mut expr = self.member()?;
        while self.sign("|") {
            let Some(Token::Word(name)) = self.tokens.next() else { return Err(Outside) };
            if !FILTERS.contains(&name.as_str()) {
                return Err(Outside);
            }
            let arguments = if self.sign("(") { self.arguments(")")? } else { Vec::new() };
            expr = Expr::Filter(name, Box::new(expr), arguments);
        }
        Ok(expr)
    }

    fn arguments(&mut self, close: &'static str) -> Result<Vec<Expr>, Outside> {
        let mut arguments = Vec::new();
        if self.sign(close) {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.choose()?);
            if arguments.len() > DEPTH_MAX {
                return Err(Outside);
            }
            if self.sign(close) {
                return Ok(arguments);
            }
            self.must(",")?;
        }
    }

    fn member(&mut self) -> Result<Expr, Outside> {
        let mut expr = match self.tokens.next().ok_or(Outside)? {
            Token::Text(text) => Expr::Constant(Json::String(text)),
            Token::Number(number) => Expr::Constant(plain_number(number)),
            Token::Sign("(") => {
                let inner = self.choose()?;
                self.must(")")?;
                inner
            }
            Token::Sign("[") => Expr::List(self.arguments("]")?),
            Token::Sign(_) => return Err(Outside),
            Token::Word(word) => match word.as_str() {
                "true" | "True" => Expr::Constant(Json::Bool(true)),
                "false" | "False" => Expr::Constant(Json::Bool(false)),
                "none" | "None" => Expr::Constant(Json::Null),
                "float" | "int" | "iif" if self.sign("(") => {
                    let mut arguments = self.arguments(")")?.into_iter();
                    let first = arguments.next().ok_or(Outside)?;
                    Expr::Filter(word, Box::new(first), arguments.collect())
                }
                // Anything else that is called reaches beyond the message.
                _ if self.tokens.peek() == Some(&Token::Sign("(")) => return Err(Outside),
                _ => Expr::Name(word),
            },
        };
        let mut steps = 0usize;
        loop {
            steps += 1;
            if steps > DEPTH_MAX {
                return Err(Outside);
            }
            if self.sign(".") {
                let Some(Token::Word(key)) = self.tokens.next() else { return Err(Outside) };
                if self.tokens.peek() == Some(&Token::Sign("(")) {
                    self.must("(")?;
                    expr = method(&key, expr, self.arguments(")")?)?;
                } else {
                    expr = Expr::Member(Box::new(expr), Box::new(Expr::Constant(Json::String(key))));
                }
            } else if self.sign("[") {
                let key = self.choose()?;
                self.must("]")?;
                expr = Expr::Member(Box::new(expr), Box::new(key));
            } else {
                return Ok(expr);
            }
        }
    }
}

/// `x.get("key", default)` and the like, as the members and filters that they are.
fn method(name: &str, on: Expr, arguments: Vec<Expr>) -> Result<Expr, Outside> {
    let mut arguments = arguments.into_iter();
    match name {
        "get" => {
            let key = arguments.next().ok_or(Outside)?;
            let member = Expr::Member(Box::new(on), Box::new(key));
            Ok(match arguments.next() {
                Some(default) => Expr::Filter("default".into(), Box::new(member), vec![default]),
                None => member,
            })
        }
        "lower" | "upper" => Ok(Expr::Filter(name.to_owned(), Box::new(on), Vec::new())),
        "strip" => Ok(Expr::Filter("trim".into(), Box::new(on), Vec::new())),
        _ => Err(Outside),
    }
}

fn plain_number(number: f64) -> Json {
    let text = format!("{number}");
    text.parse::<i64>().map_or_else(|_| serde_json::Number::from_f64(number).map_or(Json::Null, Json::Number), Json::from)
}

fn run(parts: &[Part], names: &mut Map<String, Json>, shown: &mut Vec<Shown>) -> Result<(), Outside> {
    for part in parts {
        match part {
            Part::Text(text) => shown.push(Shown::Text(text.clone())),
            Part::Show(expr) => shown.push(Shown::Value(value(expr, names)?)),
            Part::Set(name, expr) => {
                match value(expr, names)? {
                    Some(value) => names.insert(name.clone(), value),
                    None => names.remove(name),
                };
            }
            Part::If(arms, otherwise) => {
                let mut taken = otherwise;
                for (condition, then) in arms {
                    if truthy(value(condition, names)?.as_ref()) {
                        taken = then;
                        break;
                    }
                }
                run(taken, names, shown)?;
            }
        }
    }
    Ok(())
}

/// The value of an expression; `None` is what templates call undefined.
fn value(expr: &Expr, names: &Map<String, Json>) -> Result<Option<Json>, Outside> {
    Ok(match expr {
        Expr::Constant(value) => Some(value.clone()),
        Expr::Name(name) => names.get(name).cloned(),
        Expr::Member(of, key) => match (value(of, names)?, value(key, names)?) {
            (Some(of), Some(Json::String(key))) => of.get(&key).cloned(),
            (Some(of), Some(Json::Number(index))) => index.as_u64().and_then(|i| usize::try_from(i).ok()).and_then(|i| of.get(i)).cloned(),
            (_, _) => None,
        },
        Expr::List(items) => {
            let items: Result<Vec<Option<Json>>, Outside> = items.iter().map(|item| value(item, names)).collect();
            Some(Json::Array(items?.into_iter().flatten().collect()))
        }
        Expr::Not(inner) => Some(Json::Bool(!truthy(value(inner, names)?.as_ref()))),
        Expr::Minus(inner) => value(inner, names)?.as_ref().and_then(json::number).map(|n| plain_number(-n)),
        Expr::Choose(condition, yes, no) => value(if truthy(value(condition, names)?.as_ref()) { yes } else { no }, names)?,
        Expr::Is(test, inner) => {
            let value = value(inner, names)?;
            Some(Json::Bool(match test.as_str() {
                "defined" => value.is_some(),
                "undefined" => value.is_none(),
                "none" => value == Some(Json::Null),
                "number" => value.is_some_and(|v| v.is_number()),
                _ => value.is_some_and(|v| v.is_string()),
            }))
        }
        Expr::Two(sign, left, right) => two(sign, left, right, names)?,
        Expr::Filter(name, inner, arguments) => {
            let arguments: Result<Vec<Option<Json>>, Outside> = arguments.iter().map(|a| value(a, names)).collect();
            filter(name, value(inner, names)?, &arguments?)?
        }
    })
}

fn two(sign: &str, left: &Expr, right: &Expr, names: &Map<String, Json>) -> Result<Option<Json>, Outside> {
    let left = value(left, names)?;
    match sign {
        "and" if !truthy(left.as_ref()) => return Ok(left),
        "or" if truthy(left.as_ref()) => return Ok(left),
        "and" | "or" => return value(right, names),
        _ => {}
    }
    let right = value(right, names)?;
    let truth = |truth: bool| Ok(Some(Json::Bool(truth)));
    match sign {
        "==" => return truth(equal(left.as_ref(), right.as_ref())),
        "!=" => return truth(!equal(left.as_ref(), right.as_ref())),
        "in" => {
            return truth(match (&left, &right) {
                (Some(Json::String(part)), Some(Json::String(whole))) => whole.contains(part.as_str()),
                (Some(Json::String(key)), Some(Json::Object(map))) => map.contains_key(key),
                (Some(item), Some(Json::Array(list))) => list.iter().any(|other| equal(Some(item), Some(other))),
                (_, _) => false,
            });
        }
        "~" => {
            let text = |v: &Option<Json>| v.as_ref().map(text_of).unwrap_or_default();
            return bounded(format!("{}{}", text(&left), text(&right)));
        }
        _ => {}
    }
    // What is not there can be neither counted nor compared: the message says nothing.
    let (Some(left), Some(right)) = (left, right) else { return Ok(None) };
    let (Some(a), Some(b)) = (json::number(&left), json::number(&right)) else { return Err(Outside) };
    let number = match sign {
        "<" => return truth(a < b),
        ">" => return truth(a > b),
        "<=" => return truth(a <= b),
        ">=" => return truth(a >= b),
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" => a / b,
        "//" => (a / b).floor(),
        _ => return Err(Outside),
    };
    Ok(Some(plain_number(number)))
}

/// Text that grows without end is outside.
fn bounded(text: String) -> Result<Option<Json>, Outside> {
    if text.len() > crate::PAYLOAD_BYTES_MAX { Err(Outside) } else { Ok(Some(Json::String(text))) }
}

fn equal(left: Option<&Json>, right: Option<&Json>) -> bool {
    match (left, right) {
        (Some(Json::Number(a)), Some(Json::Number(b))) => a.as_f64().map(f64::to_bits) == b.as_f64().map(f64::to_bits),
        (left, right) => left == right,
    }
}

fn truthy(value: Option<&Json>) -> bool {
    match value {
        None | Some(Json::Null) => false,
        Some(Json::Bool(truth)) => *truth,
        Some(Json::Number(number)) => number.as_f64().is_some_and(|n| n.abs() > 0.0),
        Some(Json::String(text)) => !text.is_empty(),
        Some(Json::Array(list)) => !list.is_empty(),
        Some(Json::Object(map)) => !map.is_empty(),
    }
}

/// As templates write it: `True`, `False`, `None`.
fn text_of(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Bool(true) => "True".into(),
        Json::Bool(false) => "False".into(),
        Json::Null => "None".into(),
        Json::Number(_) | Json::Array(_) | Json::Object(_) => value.to_string(),
    }
}

fn filter(name: &str, value: Option<Json>, arguments: &[Option<Json>]) -> Result<Option<Json>, Outside> {
    let argument = |n: usize| arguments.get(n).cloned().flatten();
    let word = |change: fn(&str) -> String| Ok(value.as_ref().map(|v| Json::String(change(&text_of(v)))));
    let number = value.as_ref().and_then(json::number);
    match name {
        "default" | "d" if truthy(argument(1).as_ref()) => Ok(value.filter(|v| truthy(Some(v))).or_else(|| argument(0))),
        "default" | "d" => Ok(value.or_else(|| argument(0))),
        "truncate" => {
            let most = argument(0).as_ref().and_then(Json::as_u64).and_then(|n| usize::try_from(n).ok()).unwrap_or(255);
            Ok(value.map(|v| Json::String(text_of(&v).chars().take(most).collect())))
        }
        "is_defined" => Ok(value),
        "lower" => word(str::to_lowercase),
        "upper" => word(str::to_uppercase),
        "trim" => word(|text| text.trim().to_owned()),
        "string" => word(str::to_owned),
        "title" => word(|text| {
            let mut letters = text.chars();
            letters.next().map(|c| c.to_uppercase().chain(letters.flat_map(char::to_lowercase)).collect()).unwrap_or_default()
        }),
        "replace" => match (value, argument(0), argument(1)) {
            (Some(value), Some(Json::String(from)), Some(Json::String(to))) if !from.is_empty() && to.len() <= from.len() + 16 => {
                bounded(text_of(&value).replace(&from, &to))
            }
            (None, _, _) => Ok(None),
            (Some(_), _, _) => Err(Outside),
        },
        "length" => Ok(value.map(|v| match &v {
            Json::Array(list) => Json::from(list.len()),
            Json::Object(map) => Json::from(map.len()),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => Json::from(text_of(&v).chars().count()),
        })),
        "bool" => Ok(value.as_ref().and_then(json::truth).map(Json::Bool).or_else(|| argument(0))),
        "iif" => {
            let truth = truthy(value.as_ref());
            Ok(Some(argument(usize::from(!truth)).unwrap_or(Json::Bool(truth))))
        }
        _ if value.is_none() => Ok(argument(0)),
        "float" | "int" => match (number, argument(0)) {
            (Some(n), _) => Ok(Some(plain_number(if name == "int" { n.trunc() } else { n }))),
            (None, Some(default)) => Ok(Some(default)),
            (None, None) => Err(Outside),
        },
        "abs" => number.map(|n| Some(plain_number(n.abs()))).ok_or(Outside),
        "round" => {
            let digits = argument(0).as_ref().and_then(json::number).unwrap_or(0.0).clamp(0.0, 9.0);
            let scale = 10f64.powf(digits.trunc());
            number.map(|n| Some(plain_number((n * scale).round() / scale))).ok_or(Outside)
        }
        _ => Err(Outside),
    }
}
