//! What of a body tells how alike it is to another.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::words::{each_feature, hash, mix};
use crate::record::compare::PROMPTS;

/// So much of a body counts, in features: it bounds the memory that it takes.
const MOST: usize = 1 << 17;
/// The mark of a part that holds texts.
const TEXT: u32 = 1 << 31;
/// A string of the prompt that is longer than this and has no blanks in it is no text, but a file.
const LONGEST_WORD: usize = 200;

/// What of a body tells how alike it is to another: hashes of its values, by the parts that they
/// stand in.
///
/// Each member at the top is a part, with all that is in it, whatever the order. The texts of a prompt
/// are parts of their own, one for each role.
#[derive(Debug, Default)]
pub(super) struct Profile {
    /// The part and the hash.
    features: Vec<u64>,
}

impl Profile {
    pub(super) fn of(body: &[u8]) -> Self {
        let mut profile = Self::default();
        profile.read(body);
        profile
    }

    /// Takes up another body in place of the one before.
    pub(super) fn read(&mut self, body: &[u8]) {
        self.features.clear();
        let mut reader = serde_json::Deserializer::from_slice(body);
        let top = Place { part: None, path: 0, kind: Kind::Value };
        if (Walk { features: &mut self.features, place: top }).deserialize(&mut reader).is_err() {
            self.features.clear();
            add_text(&mut self.features, TEXT, &String::from_utf8_lossy(body));
        }
    }

    /// All that it has; what is there twice is told twice.
    pub(super) fn features(&self) -> &[u64] {
        &self.features
    }
}

/// The part that a feature belongs to.
pub(super) const fn part(feature: u64) -> u32 {
    (feature >> 32) as u32
}

/// Whether a part holds texts.
pub(super) const fn holds_texts(part: u32) -> bool {
    part & TEXT != 0
}

fn add(features: &mut Vec<u64>, part: u32, feature: u32) {
    if features.len() < MOST {
        features.push(u64::from(part) << 32 | u64::from(feature));
    }
}

fn add_text(features: &mut Vec<u64>, part: u32, text: &str) {
    each_feature(text, |feature| add(features, part, feature));
}

/// Where a value stands.
#[derive(Clone, Copy)]
struct Place {
    /// The member at the top, as a part; none for the body itself.
    part: Option<u32>,
    /// The way from there, as a hash; elements of one array are at one place.
    path: u32,
    kind: Kind,
}

/// What the strings at a place are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Values, of which each is another.
    Value,
    /// What is asked.
    Prompt,
    /// A value within the prompt: a role, a type.
    Label,
}

/// The name of a member.
#[derive(Clone, Copy)]
struct Name {
    hash: u32,
    is_prompt: bool,
    is_role: bool,
    is_label: bool,
}

impl Name {
    fn of(name: &str) -> Self {
        let is_role = name == "role";
        Self { hash: hash(name), is_prompt: PROMPTS.contains(&name), is_role, is_label: is_role || name == "type" }
    }
}

impl Place {
    const fn member(self, name: Name) -> Self {
        if self.part.is_none() {
            let kind = if name.is_prompt { Kind::Prompt } else { Kind::Value };
            return Self { part: Some(name.hash & !TEXT), path: 0, kind };
        }
        let kind = if matches!(self.kind, Kind::Prompt) && name.is_label { Kind::Label } else { self.kind };
        Self { path: mix(self.path, name.hash), kind, ..self }
    }

    /// The part that texts belong to which stand here, unless they have a role.
    fn of_texts(self) -> u32 {
        self.part.unwrap_or_default() | TEXT
    }
}

/// Goes through a value. What comes of it is the hash of a string, and nothing of anything else.
struct Walk<'a> {
    features: &'a mut Vec<u64>,
    place: Place,
}

impl Walk<'_> {
    fn note(self, kind: char, value: u32) {
        if let Some(part) = self.place.part {
            add(self.features, part, mix(mix(self.place.path, u32::from(kind)), value));
        }
    }

    fn note_number(self, number: f64) {
        let bits = number.to_bits();
        self.note('0', mix((bits >> 32) as u32, (bits & 0xffff_ffff) as u32));
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = u32;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u32, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = u32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<u32, E> {
        self.note('n', 0);
        Ok(0)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<u32, E> {
        self.note('b', u32::from(value));
        Ok(0)
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers that are that near are alike")]
    fn visit_i64<E: Error>(self, value: i64) -> Result<u32, E> {
        self.note_number(value as f64);
        Ok(0)
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers that are that near are alike")]
    fn visit_u64<E: Error>(self, value: u64) -> Result<u32, E> {
        self.note_number(value as f64);
        Ok(0)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<u32, E> {
        self.note_number(value);
        Ok(0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u32, E> {
        let is_file = || text.len() > LONGEST_WORD && !text.contains([' ', '\n']) && text.is_ascii();
        if self.place.kind == Kind::Prompt && !is_file() {
            add_text(self.features, self.place.of_texts(), text);
            return Ok(0);
        }
        let hash = hash(text);
        self.note('s', hash);
        Ok(hash)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<u32, A::Error> {
        let Self { features, place } = self;
        Walk { features, place }.note('[', 0);
        let place = Place { path: mix(place.path, 0), ..place };
        while elements.next_element_seed(Walk { features, place })?.is_some() {}
        Ok(0)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<u32, A::Error> {
        let Self { features, place } = self;
        Walk { features, place }.note('{', 0);
        let (start, mut role) = (features.len(), None);
        while let Some(name) = members.next_key_seed(Named)? {
            let value = members.next_value_seed(Walk { features, place: place.member(name) })?;
            if name.is_role && place.kind == Kind::Prompt {
                role = Some(value | TEXT);
            }
        }
        if let Some(role) = role {
            // A role may stand behind the text that it is of.
            let texts = features[start..].iter_mut().filter(|feature| part(**feature) == place.of_texts());
            texts.for_each(|feature| *feature = u64::from(role) << 32 | *feature & 0xffff_ffff);
        }
        Ok(0)
    }
}

/// Reads the name of a member.
struct Named;

impl<'de> DeserializeSeed<'de> for Named {
    type Value = Name;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Name, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Named {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Name, E> {
        Ok(Name::of(name))
    }
}
