//! A TOML document as a tree in which every key and value knows its place.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::place::Source;
use super::{JobError, Override, Place};

/// A value with its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) data: Data,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(super) enum Data {
    Text(String),
    Integer(i128),
    Float(f64),
    Boolean(bool),
    Date(String),
    List(Vec<Node>),
    /// In the order of the file, whatever the parser's map does.
    Table(Vec<Entry>),
}

/// A key with its place, and its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) node: Node,
}

impl Node {
    /// Parses the text of a job file.
    pub(super) fn parse(text: &str, path: &Path) -> Result<Self, JobError> {
        let source = Source::new(text, &path.display().to_string());
        let table = DeTable::parse(text).map_err(|error| syntax_error(&source, &error))?;
        let entries = entries(&source, table.into_inner())?;
        Ok(Self { place: Place::origin(&path.display().to_string()), data: Data::Table(entries) })
    }

    /// Puts the value of a flag where its key says, and makes the tables on the way.
    pub(super) fn set(&mut self, setting: &Override) -> Result<(), JobError> {
        let value = from_value(&setting.value, &Place::origin(&setting.origin));
        set(self, "", &setting.segments()?, value)
    }

    /// The place of the key that a dotted path names.
    pub(super) fn find(&self, path: &str) -> Option<&Place> {
        find(self, "", path)
    }
}

fn set(node: &mut Node, path: &str, segments: &[String], value: Node) -> Result<(), JobError> {
    let Some((name, rest)) = segments.split_first() else {
        *node = value;
        return Ok(());
    };
    let kind = node.data.kind();
    let Data::Table(entries) = &mut node.data else {
        let problem = format!("is {kind}, so nothing can be set in it");
        return Err(JobError::Value { place: value.place, key: path.to_owned(), problem });
    };
    let found = entries.iter().position(|entry| entry.name == *name);
    let index = found.unwrap_or_else(|| {
        let table = Node { place: value.place.clone(), data: Data::Table(Vec::new()) };
        entries.push(Entry { name: name.clone(), place: value.place.clone(), node: table });
        entries.len() - 1
    });
    let entry = &mut entries[index];
    if rest.is_empty() {
        entry.place = value.place.clone();
    }
    set(&mut entry.node, &dotted(path, name), rest, value)
}

fn find<'a>(node: &'a Node, above: &str, path: &str) -> Option<&'a Place> {
    let Data::Table(entries) = &node.data else { return None };
    entries.iter().find_map(|entry| {
        let here = dotted(above, &entry.name);
        if here == path { Some(&entry.place) } else { find(&entry.node, &here, path) }
    })
}

impl Data {
    /// What a value is, as a message says it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a number with a fraction",
            Self::Boolean(_) => "a boolean",
            Self::Date(_) => "a date or time without quotes",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// A path with one more name, quoted where TOML wants it.
pub(super) fn dotted(path: &str, name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    let name = if bare { name.to_owned() } else { format!("{name:?}") };
    if path.is_empty() { name } else { format!("{path}.{name}") }
}

fn syntax_error(source: &Source<'_>, error: &toml::de::Error) -> JobError {
    let problem = error.message().to_owned();
    match error.span() {
        Some(span) => {
            let place = source.place(span.start);
            JobError::Syntax { excerpt: source.excerpt(&place), place, problem }
        }
        None => JobError::Syntax { place: source.whole(), problem, excerpt: String::new() },
    }
}

fn entries(source: &Source<'_>, table: DeTable<'_>) -> Result<Vec<Entry>, JobError> {
    let mut members: Vec<_> = table.into_iter().collect();
    members.sort_by_key(|(key, _)| key.span().start);
    members
        .into_iter()
        .map(|(key, value)| {
            let place = source.place(key.span().start);
            let name = key.into_inner().into_owned();
            Ok(Entry { node: node(source, value)?, name, place })
        })
        .collect()
}

fn node(source: &Source<'_>, value: Spanned<DeValue<'_>>) -> Result<Node, JobError> {
    let place = source.place(value.span().start);
    let data = match value.into_inner() {
        DeValue::String(text) => Data::Text(text.into_owned()),
        DeValue::Integer(integer) => Data::Integer(whole_number(&integer, source, &place)?),
        // The parser has checked the digits; "1e999" becomes infinite and is refused where it is read.
        DeValue::Float(float) => Data::Float(float.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(boolean) => Data::Boolean(boolean),
        DeValue::Datetime(date) => Data::Date(date.to_string()),
        DeValue::Array(items) => {
            Data::List(items.into_iter().map(|item| node(source, item)).collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => Data::Table(entries(source, table)?),
    };
    Ok(Node { place, data })
}

fn whole_number(integer: &DeInteger<'_>, source: &Source<'_>, place: &Place) -> Result<i128, JobError> {
    i128::from_str_radix(integer.as_str(), integer.radix()).map_err(|_| JobError::Syntax {
        excerpt: source.excerpt(place),
        place: place.clone(),
        problem: "a whole number of more than 128 bits".to_owned(),
    })
}

fn from_value(value: &toml::Value, place: &Place) -> Node {
    let data = match value {
        toml::Value::String(text) => Data::Text(text.clone()),
        toml::Value::Integer(integer) => Data::Integer((*integer).into()),
        toml::Value::Float(float) => Data::Float(*float),
        toml::Value::Boolean(boolean) => Data::Boolean(*boolean),
        toml::Value::Datetime(date) => Data::Date(date.to_string()),
        toml::Value::Array(items) => Data::List(items.iter().map(|item| from_value(item, place)).collect()),
        toml::Value::Table(table) => Data::Table(
            table
                .iter()
                .map(|(name, value)| Entry { name: name.clone(), place: place.clone(), node: from_value(value, place) })
                .collect(),
        ),
    };
    Node { place: place.clone(), data }
}
