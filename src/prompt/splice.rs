//! The model of a body that must otherwise stay as it is, byte for byte.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The values of every top-level `model` of a JSON object, as the text has them.
///
/// There may be several, because a repeated member is no error in JSON and servers differ in
/// which one counts.
#[derive(Debug)]
pub(super) struct Models<'a> {
    body: &'a [u8],
    values: Vec<&'a RawValue>,
    empty: bool,
}

impl<'a> Models<'a> {
    /// Finds them.
    pub(super) fn find(body: &'a [u8]) -> Result<Self, serde_json::Error> {
        let Found { values, empty } = serde_json::from_slice(body)?;
        Ok(Self { body, values, empty })
    }

    /// The model that the body names; the last one counts, as in most parsers.
    pub(super) fn name(&self) -> Option<String> {
        let name: Option<String> = self.values.last().and_then(|value| serde_json::from_str(value.get()).ok());
        name.filter(|name| !name.is_empty())
    }

    /// The body with another model: each value replaced in its place, or put first where there is none.
    pub(super) fn replaced(&self, model: &str) -> Vec<u8> {
        let model = serde_json::Value::from(model).to_string();
        let mut body = Vec::with_capacity(self.body.len() + model.len() + 10);
        if self.values.is_empty() {
            self.insert(&model, &mut body);
            return body;
        }
        let mut copied = 0;
        for value in &self.values {
            // A borrowed raw value is a part of the body, so its address says where.
            let start = value.get().as_ptr() as usize - self.body.as_ptr() as usize;
            body.extend_from_slice(&self.body[copied..start]);
            body.extend_from_slice(model.as_bytes());
            copied = start + value.get().len();
        }
        body.extend_from_slice(&self.body[copied..]);
        body
    }

    fn insert(&self, model: &str, body: &mut Vec<u8>) {
        let brace = self.body.iter().position(|byte| *byte == b'{').map_or(0, |at| at + 1);
        body.extend_from_slice(&self.body[..brace]);
        body.extend_from_slice(b"\"model\":");
        body.extend_from_slice(model.as_bytes());
        if !self.empty {
            body.push(b',');
        }
        body.extend_from_slice(&self.body[brace..]);
    }
}

struct Found<'a> {
    values: Vec<&'a RawValue>,
    empty: bool,
}

impl<'de> Deserialize<'de> for Found<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FoundVisitor)
    }
}

struct FoundVisitor;

impl<'de> Visitor<'de> for FoundVisitor {
    type Value = Found<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = Found { values: Vec::new(), empty: true };
        while let Some(name) = map.next_key::<&RawValue>()? {
            found.empty = false;
            if is_model(name.get()) {
                found.values.push(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// Whether a member's name, as the text has it, is `model`; it may be written with escapes.
fn is_model(name: &str) -> bool {
    name == "\"model\""
        || (name.contains('\\') && serde_json::from_str::<String>(name).is_ok_and(|name| name == "model"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn replaced(body: &str) -> String {
        String::from_utf8(Models::find(body.as_bytes()).unwrap().replaced("a/\"b")).unwrap()
    }

    #[test]
    fn the_models_value_alone_is_replaced() {
        for (body, expected) in [
            (r#"{"model":"x"}"#, r#"{"model":"a/\"b"}"#),
            (r#" { "model" : "x" , "n":1 } "#, r#" { "model" : "a/\"b" , "n":1 } "#),
            (r#"{"n":1.0,"model":"x"}"#, r#"{"n":1.0,"model":"a/\"b"}"#),
            (r#"{"model":null}"#, r#"{"model":"a/\"b"}"#),
            (r#"{"model":{"model":"y"},"z":[]}"#, r#"{"model":"a/\"b","z":[]}"#),
            (
                r#"{"a":{"model":"y"},"b":"\"model\":\"}{"}"#,
                r#"{"model":"a/\"b","a":{"model":"y"},"b":"\"model\":\"}{"}"#,
            ),
            (r#"{"model":"x","model":"y"}"#, r#"{"model":"a/\"b","model":"a/\"b"}"#),
            (r#"{"mod\u0065l":"x"}"#, r#"{"mod\u0065l":"a/\"b"}"#),
            (r#"{"\ud800":1,"model":"\ud800"}"#, r#"{"\ud800":1,"model":"a/\"b"}"#),
            ("{}", r#"{"model":"a/\"b"}"#),
            ("{ }", r#"{"model":"a/\"b" }"#),
            ("\n{\n \"a\": 1}", "\n{\"model\":\"a/\\\"b\",\n \"a\": 1}"),
        ] {
            assert_eq!(replaced(body), expected);
        }
    }

    #[test]
    fn the_last_model_is_the_one_that_counts() {
        for (body, expected) in [
            (r#"{"model":"x"}"#, Some("x")),
            (r#"{"model":"x","model":"y"}"#, Some("y")),
            (r#"{"model":"x\u0041"}"#, Some("xA")),
            (r#"{"model":""}"#, None),
            (r#"{"model":1}"#, None),
            (r#"{"a":{"model":"x"}}"#, None),
        ] {
            assert_eq!(Models::find(body.as_bytes()).unwrap().name().as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for body in ["", "[]", "\"x\"", "{", "{}x", "{\"a\":}", "{\"a\":1,}", "{\"a\":\"\u{1}\"}", "nul"] {
            assert!(Models::find(body.as_bytes()).is_err(), "{body}");
        }
        assert!(Models::find(b"{\"model\":\"\xff\"}").is_err());
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
            Just(Value::from("\"model\":{")),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::vec(("model|.{0,4}", inner), 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn nothing_but_the_model_changes(
            members in proptest::collection::vec(("model|.{0,4}", json()), 0..6),
            model in ".*",
            pretty: bool,
        ) {
            let mut body = serde_json::Map::from_iter(members);
            let text = if pretty { format!("{:#}", Value::Object(body.clone())) } else { Value::Object(body.clone()).to_string() };
            let changed = Models::find(text.as_bytes()).unwrap().replaced(&model);
            let read: Value = serde_json::from_slice(&changed).unwrap();
            let position = body.keys().position(|name| name == "model").unwrap_or(0);
            body.shift_remove("model");
            body.shift_insert(position, "model".to_owned(), Value::from(model.clone()));
            prop_assert_eq!(read.to_string(), Value::Object(body).to_string());
            // Put back, it is the text it was.
            let models = Models::find(text.as_bytes()).unwrap();
            if let Some(name) = models.name() {
                prop_assert_eq!(models.replaced(&name), text.as_bytes());
            }
        }
    }
}
