//! A document of YAML or JSON, free of which of them it was.

use std::borrow::Cow;
use std::collections::HashMap;

/// A value of a document, with the line that it begins on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    /// From 1.
    pub(super) line: usize,
    pub(super) content: Content,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    Null,
    /// A scalar.
    Text {
        value: String,
        style: Style,
    },
    Bytes(Vec<u8>),
    /// A text with half of a surrogate pair, which has no bytes: its UTF-16, and where the half is.
    Halved {
        utf16: Vec<u16>,
        why: String,
    },
    /// Something that cannot be read though the document can: why, and where.
    Broken(String),
    List(Vec<Node>),
    /// Made by [`Content::map`]: no name stands in it twice.
    Map(Vec<(String, Node)>),
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Without quotes or a tag: it may be a number or a word.
    Plain,
    /// As a text whose end is where others of its lines may follow.
    Open,
    /// Between quotes, which say where it ends.
    Quoted,
}

impl Content {
    /// A map. Of members with one name the last one counts, in the first one's place, as it is in
    /// the maps of Python and of Ruby.
    pub(super) fn map(members: impl IntoIterator<Item = (String, Node)>) -> Self {
        let (mut map, mut places) = (Vec::new(), HashMap::new());
        for (name, value) in members {
            let place = *places.entry(name.clone()).or_insert(map.len());
            match map.get_mut(place) {
                Some((_, first)) => *first = value,
                None => map.push((name, value)),
            }
        }
        Self::Map(map)
    }
}

impl Node {
    /// A member of a map. `None` for a null too.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        let member = self.members().iter().find(|(key, _)| key == name);
        member.map(|(_, value)| value).filter(|value| value.content != Content::Null)
    }

    /// Whether a map has a member of this name, be it null.
    pub(super) fn has(&self, name: &str) -> bool {
        self.members().iter().any(|(key, _)| key == name)
    }

    /// The members of a map; none of anything else.
    pub(super) fn members(&self) -> &[(String, Self)] {
        if let Content::Map(members) = &self.content { members } else { &[] }
    }

    /// The elements of a list.
    pub(super) const fn list(&self) -> Option<&Vec<Self>> {
        if let Content::List(elements) = &self.content { Some(elements) } else { None }
    }

    /// The text of a scalar, whatever its quotes.
    pub(super) fn text(&self) -> Option<Cow<'_, str>> {
        match &self.content {
            Content::Text { value, .. } => Some(Cow::Borrowed(value)),
            Content::Bytes(bytes) => Some(String::from_utf8_lossy(bytes)),
            _ => None,
        }
    }

    /// Why it cannot be read, whatever of its parts can.
    pub(super) fn problem(&self) -> Option<&str> {
        if let Content::Broken(why) | Content::Halved { why, .. } = &self.content { Some(why) } else { None }
    }

    /// The text of a member that is a scalar.
    pub(super) fn text_of(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get(name)?.text()
    }

    /// A member that is a number.
    pub(super) fn number_of(&self, name: &str) -> Option<f64> {
        self.text_of(name)?.trim().parse().ok()
    }

    /// A member that is a list.
    pub(super) fn list_of(&self, name: &str) -> Option<&Vec<Self>> {
        self.get(name)?.list()
    }
}
