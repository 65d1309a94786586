//! One setting on its way from a tree into a plain value.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;

use serde_json::{Map, Number, Value};

use super::document::{Data, Entry, Node, dotted};
use super::nearest::nearest;
use super::{JobError, Place};

/// A value with its dotted key, still to be read as what it must be.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) key: String,
    pub(super) place: Place,
    data: Data,
}

/// A table whose keys have been checked.
#[derive(Debug)]
pub(super) struct Section {
    key: String,
    place: Place,
    entries: Vec<Entry>,
    /// Where each key of the table stands, for errors after it has been taken.
    places: Vec<(String, Place)>,
}

impl Setting {
    pub(super) fn root(node: Node) -> Self {
        Self { key: String::new(), place: node.place, data: node.data }
    }

    pub(super) fn refuse(&self, problem: impl Into<String>) -> JobError {
        JobError::Value { place: self.place.clone(), key: self.key.clone(), problem: problem.into() }
    }

    fn must_be(&self, what: &str) -> JobError {
        self.refuse(format!("must be {what}, not {}", self.data.kind()))
    }

    pub(super) fn text(mut self) -> Result<String, JobError> {
        match &mut self.data {
            Data::Text(text) => Ok(std::mem::take(text)),
            _ => Err(self.must_be("a string")),
        }
    }

    /// A string that is not empty.
    pub(super) fn filled_text(self) -> Result<String, JobError> {
        match &self.data {
            Data::Text(text) if text.is_empty() => Err(self.refuse("is empty")),
            _ => self.text(),
        }
    }

    pub(super) fn boolean(&self) -> Result<bool, JobError> {
        match self.data {
            Data::Boolean(boolean) => Ok(boolean),
            _ => Err(self.must_be("true or false")),
        }
    }

    pub(super) fn is_text(&self) -> bool {
        matches!(self.data, Data::Text(_))
    }

    /// A whole number in a range.
    pub(super) fn whole(&self, range: RangeInclusive<u32>) -> Result<u32, JobError> {
        let Data::Integer(integer) = self.data else { return Err(self.must_be("a whole number")) };
        u32::try_from(integer).ok().filter(|number| range.contains(number)).ok_or_else(|| {
            self.refuse(format!("must be a whole number from {} to {}, not {integer}", range.start(), range.end()))
        })
    }

    /// A whole number from 1 on.
    pub(super) fn positive(&self, most: u32) -> Result<NonZeroU32, JobError> {
        let number = self.whole(1..=most)?;
        Ok(NonZeroU32::new(number).expect("a number from 1 on is not zero"))
    }

    /// A finite number of zero or more.
    pub(super) fn amount(&self) -> Result<f64, JobError> {
        let amount = match self.data {
            #[expect(clippy::cast_precision_loss, reason = "nobody's budget has more than 53 bits")]
            Data::Integer(integer) => integer as f64,
            Data::Float(float) => float,
            _ => return Err(self.must_be("a number")),
        };
        if amount.is_finite() && amount >= 0.0 {
            Ok(amount)
        } else {
            Err(self.refuse(format!("must be a number of zero or more, not {amount}")))
        }
    }

    /// One of the known words.
    pub(super) fn word<T: std::str::FromStr>(self, known: &[&str]) -> Result<T, JobError> {
        let Data::Text(word) = &self.data else { return Err(self.must_be("a string")) };
        word.parse().map_err(|_| {
            let guess = nearest(word, known.iter().copied()).map(|name| format!("; did you mean \"{name}\"?"));
            let hint = guess.unwrap_or_else(|| format!("; known are {}", known.join(", ")));
            self.refuse(format!("cannot be \"{word}\"{hint}"))
        })
    }

    pub(super) fn list(self) -> Result<Vec<Self>, JobError> {
        let Data::List(items) = self.data else { return Err(self.must_be("a list")) };
        let element = |(index, node): (usize, Node)| Self {
            key: format!("{}[{index}]", self.key),
            place: node.place,
            data: node.data,
        };
        Ok(items.into_iter().enumerate().map(element).collect())
    }

    /// A list of strings none of which is empty.
    pub(super) fn texts(self) -> Result<Vec<String>, JobError> {
        if self.is_text() {
            return Err(self.refuse("must be a list of strings, not a string; put it in [ ]"));
        }
        self.list()?.into_iter().map(Self::filled_text).collect()
    }

    /// A table in which only the known keys may stand.
    pub(super) fn section(self, known: &[&str]) -> Result<Section, JobError> {
        let section = self.open_section()?;
        match section.entries.iter().find(|entry| !known.contains(&entry.name.as_str())) {
            Some(entry) => Err(section.unknown(entry, known)),
            None => Ok(section),
        }
    }

    /// A table in which any key may stand.
    pub(super) fn open_section(self) -> Result<Section, JobError> {
        match self.data {
            Data::Table(entries) => {
                let places = entries.iter().map(|entry| (entry.name.clone(), entry.place.clone())).collect();
                Ok(Section { key: self.key, place: self.place, entries, places })
            }
            _ => Err(self.must_be("a table")),
        }
    }

    /// Any value that JSON has.
    pub(super) fn json(self) -> Result<Value, JobError> {
        let value = match &self.data {
            Data::Boolean(boolean) => Value::Bool(*boolean),
            Data::Integer(integer) => Value::Number(self.json_integer(*integer)?),
            Data::Float(float) => Value::Number(
                Number::from_f64(*float).ok_or_else(|| self.refuse("must be a finite number: JSON has no other"))?,
            ),
            Data::Date(date) => {
                return Err(self.refuse(format!("is a date or time, which JSON has not; put it in quotes: \"{date}\"")));
            }
            Data::Text(_) => Value::String(self.text()?),
            Data::List(_) => Value::Array(self.list()?.into_iter().map(Self::json).collect::<Result<_, _>>()?),
            Data::Table(_) => Value::Object(self.open_section()?.json()?),
        };
        Ok(value)
    }

    fn json_integer(&self, integer: i128) -> Result<Number, JobError> {
        let signed = i64::try_from(integer).ok().map(Number::from);
        signed
            .or_else(|| u64::try_from(integer).ok().map(Number::from))
            .ok_or_else(|| self.refuse("must be a whole number of 64 bits at most"))
    }
}

impl Section {
    /// Takes the value of a key out of the table.
    pub(super) fn take(&mut self, name: &str) -> Option<Setting> {
        let index = self.entries.iter().position(|entry| entry.name == name)?;
        let entry = self.entries.remove(index);
        Some(Setting { key: dotted(&self.key, name), place: entry.node.place, data: entry.node.data })
    }

    /// Takes the value of a key and reads it, where it is there.
    pub(super) fn read<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Setting) -> Result<T, JobError>,
    ) -> Result<Option<T>, JobError> {
        self.take(name).map(read).transpose()
    }

    /// Takes the table of a key; one that is not there is empty.
    pub(super) fn subsection(&mut self, name: &str, known: &[&str]) -> Result<Self, JobError> {
        let empty = Setting { key: dotted(&self.key, name), place: self.place.clone(), data: Data::Table(vec![]) };
        self.take(name).unwrap_or(empty).section(known)
    }

    /// Every value with its name, in the file's order.
    pub(super) fn into_settings(self) -> impl Iterator<Item = (String, Setting)> {
        let key = self.key;
        self.entries.into_iter().map(move |entry| {
            let key = dotted(&key, &entry.name);
            (entry.name, Setting { key, place: entry.node.place, data: entry.node.data })
        })
    }

    /// The table as JSON, in the file's order.
    pub(super) fn json(self) -> Result<Map<String, Value>, JobError> {
        self.into_settings().map(|(name, setting)| Ok((name, setting.json()?))).collect()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.places.iter().any(|(known, _)| known == name)
    }

    /// Whether a flag gave this key, and not the file.
    pub(super) fn is_flag(&self, name: &str) -> bool {
        self.has(name) && self.place_of(name).line().is_none()
    }

    /// Where a key stands, taken or not; the table's place where it is not there.
    pub(super) fn place_of(&self, name: &str) -> Place {
        let found = self.places.iter().find(|(known, _)| known == name);
        found.map_or_else(|| self.place.clone(), |(_, place)| place.clone())
    }

    pub(super) fn refuse(&self, name: &str, problem: impl Into<String>) -> JobError {
        JobError::Value { place: self.place_of(name), key: dotted(&self.key, name), problem: problem.into() }
    }

    pub(super) fn missing(&self, name: &str, help: &'static str) -> JobError {
        JobError::MissingKey { place: self.place.clone(), key: dotted(&self.key, name), help }
    }

    fn unknown(&self, entry: &Entry, known: &[&str]) -> JobError {
        JobError::UnknownKey {
            place: entry.place.clone(),
            key: dotted(&self.key, &entry.name),
            nearest: nearest(&entry.name, known.iter().copied()).map(ToOwned::to_owned),
            known: known.join(", "),
        }
    }
}
