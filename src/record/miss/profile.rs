//! What of a body tells how alike it is to another.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::words::{each_feature, hash, is_long, is_sampled, mix};
use crate::record::compare::PROMPTS;

/// So many features of a body count in full, and a sample of those beyond.
const FULL: usize = 1 << 19;
/// So many of each text do, wherever it stands: what is asked may stand behind long texts.
const FULL_OF_TEXT: usize = 64;
/// So many count at most: it bounds the memory that a body takes.
const MOST: usize = 1 << 21;
/// The mark of a part that holds texts.
const TEXT: u32 = 1 << 31;
/// A string of the prompt that is longer than this and all of digits of one kind is no text, but a file.
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
    if features.len() < FULL || is_sampled(feature) {
        push(features, part, feature);
    }
}

fn push(features: &mut Vec<u64>, part: u32, feature: u32) {
    if features.len() < MOST {
        features.push(u64::from(part) << 32 | u64::from(feature));
    }
}

fn add_text(features: &mut Vec<u64>, part: u32, text: &str) {
    let start = features.len();
    each_feature(text, |feature| {
        let is_of_first = features.len() < start + FULL_OF_TEXT;
        if is_of_first { push(features, part, feature) } else { add(features, part, feature) }
    });
    // What features do not tell apart is told apart by the whole.
    if features.len() == start || is_long(text) {
        push(features, part, hash(text));
    }
}

/// Whether a string of the prompt is a file: a URL that has it all in it, or what files are encoded as.
fn is_file(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=');
    text.len() > LONGEST_WORD && (text.starts_with("data:") && !text.contains(' ') || text.bytes().all(is_digit))
}

/// Gives texts of a part a role.
fn give_role(features: &mut [u64], texts: u32, role: u32) {
    let texts = features.iter_mut().filter(|feature| part(**feature) == texts);
    texts.for_each(|feature| *feature = u64::from(role | TEXT) << 32 | *feature & 0xffff_ffff);
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
    /// Whose texts stand in it that have no role: an SDK sends a bare text for a message of one.
    role: Option<u32>,
}

impl Name {
    fn of(name: &str) -> Self {
        let is_role = name == "role";
        let role = match name {
            "input" | "prompt" => Some("user"),
            "instructions" | "system" => Some("system"),
            _ => None,
        };
        Self {
            hash: hash(name),
            is_prompt: PROMPTS.contains(&name),
            is_role,
            is_label: is_role || name == "type",
            role: role.map(hash),
        }
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
        if self.place.kind == Kind::Prompt && !is_file(text) {
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
            let (at, member) = (features.len(), place.member(name));
            let value = members.next_value_seed(Walk { features, place: member })?;
            if name.is_role && place.kind == Kind::Prompt {
                role = Some(value);
            }
            if let Some(role) = name.role.filter(|_| place.part.is_none()) {
                give_role(&mut features[at..], member.of_texts(), role);
            }
        }
        if let Some(role) = role {
            // A role may stand behind the text that it is of.
            give_role(&mut features[start..], place.of_texts(), role);
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
