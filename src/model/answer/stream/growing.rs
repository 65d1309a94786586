//! JSON that grows by deltas.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

/// How deep a delta is taken apart; what stands deeper is kept as it is written.
const DEPTH: usize = 16;

/// The texts that come piece by piece. Any other text comes whole, and providers repeat it.
const IN_PIECES: [&str; 12] = [
    "content",
    "refusal",
    "reasoning",
    "reasoning_content",
    "thinking",
    "text",
    "summary",
    "arguments",
    "data",
    "transcript",
    "partial_json",
    "delta",
];

/// A JSON value that deltas are added to.
#[derive(Debug, Clone)]
pub(super) enum Growing {
    /// A text in WTF-8: half of a surrogate pair may come alone, the other half in the next delta.
    Text(Vec<u8>),
    /// A list.
    List(Vec<Self>),
    /// An object, its members in order.
    Object(Vec<(String, Self)>),
    /// A number, a word, or something nested deep: as it is written.
    Other(Box<RawValue>),
}

/// The members of a JSON object in order, each value as it is written.
#[derive(Debug)]
pub struct Members<'a>(pub Vec<(String, &'a RawValue)>);

impl<'a> Members<'a> {
    /// The members of a text that is an object.
    ///
    /// # Errors
    /// Fails where it is no JSON, or no object.
    pub fn parse(json: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }

    /// The members of a value; none of one that is no object.
    #[must_use]
    pub fn of(raw: &'a RawValue) -> Self {
        serde_json::from_str(raw.get()).unwrap_or(Self(Vec::new()))
    }

    /// The member of a name, the first one where there are several.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }

    /// The text of a member, where it is one.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.get(name).and_then(|raw| serde_json::from_str(raw.get()).ok())
    }

    /// The number of a member, where it is a whole one.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        self.get(name).and_then(|raw| raw.get().parse().ok())
    }
}

impl Growing {
    /// An object without members.
    pub(super) const fn object() -> Self {
        Self::Object(Vec::new())
    }

    /// What a delta says.
    pub(super) fn read(raw: &RawValue) -> Self {
        Self::read_at(raw, DEPTH)
    }

    fn read_at(raw: &RawValue, depth: usize) -> Self {
        let other = || Self::Other(raw.to_owned());
        match (raw.get().as_bytes().first(), depth.checked_sub(1)) {
            (Some(b'"'), _) => text_bytes(raw).map_or_else(other, Self::Text),
            (Some(b'['), Some(depth)) => match serde_json::from_str::<Vec<&RawValue>>(raw.get()) {
                Ok(items) => Self::List(items.into_iter().map(|item| Self::read_at(item, depth)).collect()),
                Err(_) => other(),
            },
            (Some(b'{'), Some(depth)) => match serde_json::from_str::<Members<'_>>(raw.get()) {
                Ok(Members(members)) => {
                    Self::Object(members.into_iter().map(|(name, value)| (name, Self::read_at(value, depth))).collect())
                }
                Err(_) => other(),
            },
            _ => other(),
        }
    }

    /// A member of an object.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().find(|(known, _)| known == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// A member of an object, to be changed. One that is not there is `null` first.
    pub(super) fn member(&mut self, name: &str) -> &mut Self {
        if !matches!(self, Self::Object(_)) {
            *self = Self::object();
        }
        let Self::Object(members) = self else { unreachable!("it has just become an object") };
        let found = members.iter().position(|(known, _)| known == name);
        let index = found.unwrap_or_else(|| {
            members.push((name.to_owned(), Self::null()));
            members.len() - 1
        });
        &mut members[index].1
    }

    /// Adds a delta to the member of a name.
    pub(super) fn grow(&mut self, name: &str, delta: Self) {
        if !delta.is_null() {
            self.member(name).merge(name, delta);
        }
    }

    /// Replaces the member of a name.
    pub(super) fn set(&mut self, name: &str, value: Self) {
        *self.member(name) = value;
    }

    fn merge(&mut self, name: &str, delta: Self) {
        match (self, delta) {
            (_, delta) if delta.is_null() => {}
            (Self::Text(text), Self::Text(delta)) if IN_PIECES.contains(&name) => text.extend(delta),
            (Self::Text(text), Self::Text(_)) if !text.is_empty() => {}
            (this @ Self::Object(_), Self::Object(members)) => {
                for (name, delta) in members {
                    this.grow(&name, delta);
                }
            }
            (Self::List(list), Self::List(items)) => items.into_iter().for_each(|item| add(name, list, item)),
            // A text may follow parts: it is one more of them.
            (Self::List(list), text @ Self::Text(_)) => add(name, list, text.into_part()),
            (this @ Self::Text(_), Self::List(items)) if this.is_filled() => {
                let text = std::mem::replace(this, Self::List(Vec::new()));
                this.merge(name, Self::List(vec![text.into_part()]));
                this.merge(name, Self::List(items));
            }
            (this, delta) => *this = delta,
        }
    }

    /// Whether there is anything in it.
    pub(super) fn is_filled(&self) -> bool {
        match self {
            Self::Text(text) => !text.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Object(members) => !members.is_empty(),
            Self::Other(_) => !self.is_null(),
        }
    }

    /// The text of it, where it is one.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(decoded(text)),
            _ => None,
        }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Other(raw) if raw.get() == "null")
    }

    /// A text as a part among others.
    fn into_part(self) -> Self {
        Self::Object(vec![("type".to_owned(), Self::Text(b"text".to_vec())), ("text".to_owned(), self)])
    }

    fn null() -> Self {
        Self::Other(RawValue::NULL.to_owned())
    }

    fn number(&self) -> Option<u64> {
        match self {
            Self::Other(raw) => raw.get().parse().ok(),
            _ => None,
        }
    }

    fn filled_text(&self, name: &str) -> Option<&[u8]> {
        match self.get(name) {
            Some(Self::Text(text)) if !text.is_empty() => Some(text),
            _ => None,
        }
    }
}

/// Adds an item to a list: to the item that it goes on with, where there is one.
fn add(name: &str, list: &mut Vec<Growing>, item: Growing) {
    let index = item.get("index").and_then(Growing::number);
    let same = match index {
        Some(_) => list.iter().rposition(|known| known.get("index").and_then(Growing::number) == index),
        // Some servers leave the index out where there is one call at a time.
        None if name == "tool_calls" || is_text_part(&item) => list.len().checked_sub(1),
        None => None,
    };
    match same.filter(|at| goes_on(&list[*at], &item)) {
        Some(at) => list[at].merge(name, item),
        None => list.push(item),
    }
}

/// Whether an item goes on with a known one. Some servers number all calls 0, so that a new id with
/// a name is a new call; some give each delta a new id, so that an id alone is not.
fn goes_on(known: &Growing, item: &Growing) -> bool {
    let differs = |name: &str| matches!((known.filled_text(name), item.filled_text(name)), (Some(known), Some(item)) if known != item);
    let is_named = item.get("function").is_some_and(|function| function.filled_text("name").is_some());
    let is_another = differs("type") || (differs("id") && is_named);
    !is_another && is_text_part(known) == is_text_part(item)
}

fn is_text_part(item: &Growing) -> bool {
    item.get("index").is_none() && item.filled_text("type") == Some(b"text")
}

/// The bytes of a JSON string in WTF-8: half of a surrogate pair may stand alone in it. `None`
/// where it is no string.
fn text_bytes(raw: &RawValue) -> Option<Vec<u8>> {
    struct Bytes;

    impl Visitor<'_> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_owned())
        }
    }

    // Taken as bytes, a string may have surrogates that stand alone.
    serde_json::Deserializer::from_str(raw.get()).deserialize_bytes(Bytes).ok()
}

/// The text that WTF-8 stands for: surrogates that have met become a character, others U+FFFD.
fn decoded(bytes: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    let (mut units, mut rest) = (Vec::with_capacity(bytes.len()), bytes);
    while let Some(at) = rest.windows(3).position(|three| three[0] == 0xed && three[1] >= 0xa0) {
        units.extend(String::from_utf8_lossy(&rest[..at]).encode_utf16());
        units.push(0xd000 | u16::from(rest[at + 1] & 0x3f) << 6 | u16::from(rest[at + 2] & 0x3f));
        rest = &rest[at + 3..];
    }
    units.extend(String::from_utf8_lossy(rest).encode_utf16());
    String::from_utf16_lossy(&units)
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

impl Serialize for Growing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(&decoded(text)),
            Self::List(list) => list.serialize(serializer),
            Self::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
            Self::Other(raw) => raw.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What deltas of one member grow to.
    fn grown(name: &str, deltas: &[&str]) -> String {
        let mut object = Growing::object();
        for delta in deltas {
            object.grow(name, Growing::read(serde_json::from_str(delta).unwrap()));
        }
        serde_json::to_string(object.member(name)).unwrap()
    }

    #[test]
    fn texts_in_pieces_are_joined_and_others_are_kept() {
        for (name, deltas, expected) in [
            ("content", [r#""a""#, "null", r#""b""#], r#""ab""#),
            ("role", [r#""""#, r#""assistant""#, r#""assistant""#], r#""assistant""#),
            ("content", [r#""é\ud83d""#, r#""\ude00""#, r#""!""#], r#""é😀!""#),
            ("content", [r#""\ud83d""#, r#""x""#, "null"], "\"\u{fffd}x\""),
            (
                "content",
                [r#""""#, r#"[{"type":"thinking","thinking":"t"}]"#, r#""a""#],
                r#"[{"type":"thinking","thinking":"t"},{"type":"text","text":"a"}]"#,
            ),
            (
                "content",
                [r#"[{"type":"text","text":"a"}]"#, r#"[{"type":"text","text":"b"}]"#, r#""c""#],
                r#"[{"type":"text","text":"abc"}]"#,
            ),
            ("cost", ["1", "0.10", "null"], "0.10"),
            ("seed", ["18446744073709551617", "null", "null"], "18446744073709551617"),
        ] {
            assert_eq!(grown(name, &deltas), expected);
        }
    }

    #[test]
    fn calls_are_told_apart_by_index_by_id_and_by_order() {
        let call = |index: &str, id: &str, name: &str, arguments: &str| {
            format!(r#"[{{{index}{id}"function":{{{name}"arguments":"{arguments}"}}}}]"#)
        };
        let (zero, one) = (r#""index":0,"#, r#""index":1,"#);
        let (a, b, f) = (r#""id":"a","#, r#""id":"b","#, r#""name":"f","#);
        let two = r#"[{"index":0,"id":"a","function":{"name":"f","arguments":"12"}},{"index":1,"id":"b","function":{"name":"f","arguments":"34"}}]"#;
        for (deltas, expected) in [
            (
                [call(zero, a, f, "1"), call(one, b, f, "3"), call(zero, "", "", "2"), call(one, "", "", "4")],
                two.to_owned(),
            ),
            // An id that is repeated, and one that changes with each delta.
            (
                [call(zero, a, f, "1"), call(zero, a, f, "2"), call(one, b, f, "3"), call(one, a, "", "4")],
                two.to_owned(),
            ),
            // Two calls of one index.
            (
                [call(zero, a, f, "1"), call(zero, "", "", "2"), call(zero, b, f, "3"), call(zero, "", "", "4")],
                two.replace("\"index\":1", "\"index\":0"),
            ),
            // No index at all.
            (
                [call("", a, f, "1"), call("", "", "", "2"), call("", b, f, "3"), call("", b, "", "4")],
                two.replace("\"index\":0,", "").replace("\"index\":1,", ""),
            ),
        ] {
            let deltas: Vec<&str> = deltas.iter().map(String::as_str).collect();
            assert_eq!(grown("tool_calls", &deltas), expected);
        }
    }

    #[test]
    fn what_is_nested_deep_is_kept_as_it_is() {
        let deep = format!("{}1.0{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(grown("content", &[&deep]), deep);
    }
}
