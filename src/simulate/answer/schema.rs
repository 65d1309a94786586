//! JSON that fits a simple schema.

use serde_json::{Map, Number, Value};

use super::super::draw::Draw;
use super::text::phrase;

/// How deep optional properties and list items are still filled in.
const FILLED_DEPTH: usize = 8;
/// How deep anything is filled in: a schema that requires itself ends here.
const DEEPEST: usize = 32;
/// How many items or characters a minimum can ask for.
const LONGEST: usize = 1000;
/// How many values one answer holds: a schema that branches into itself ends here.
const VALUES: usize = 10_000;

/// A value that fits a schema: typed objects, lists, texts, numbers, `enum`, `const`, `anyOf`,
/// `oneOf`, `allOf` and references within the schema. Patterns and conditions are not looked at.
pub(super) fn instance(schema: &Value, draw: &mut Draw) -> Value {
    Writer { root: schema, draw, values_left: VALUES }.value(schema, 0)
}

struct Writer<'a> {
    root: &'a Value,
    draw: &'a mut Draw,
    values_left: usize,
}

impl<'a> Writer<'a> {
    fn value(&mut self, schema: &'a Value, depth: usize) -> Value {
        self.values_left = self.values_left.saturating_sub(1);
        if depth > DEEPEST || self.values_left == 0 {
            return Value::Null;
        }
        if let Some(target) = schema["$ref"].as_str() {
            let target = target.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
            return target.map_or(Value::Null, |target| self.value(target, depth + 1));
        }
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        if let Some(values) = schema["enum"].as_array().filter(|values| !values.is_empty()) {
            let values: Vec<&Value> = values.iter().collect();
            return self.draw.pick(&values).clone();
        }
        let alternatives = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array);
        if let Some(first) = alternatives.and_then(|list| list.first()) {
            return self.value(first, depth + 1);
        }
        if let Some(parts) = schema["allOf"].as_array() {
            return self.merged(parts, depth);
        }
        self.typed(schema, depth)
    }

    /// The objects of all parts in one; where they are no objects, the first part.
    fn merged(&mut self, parts: &'a [Value], depth: usize) -> Value {
        let mut values = parts.iter().map(|part| self.value(part, depth + 1)).collect::<Vec<_>>().into_iter();
        let mut merged = values.next().unwrap_or(Value::Null);
        if let Value::Object(fields) = &mut merged {
            values
                .filter_map(|value| if let Value::Object(more) = value { Some(more) } else { None })
                .for_each(|more| fields.extend(more));
        }
        merged
    }

    fn typed(&mut self, schema: &'a Value, depth: usize) -> Value {
        match kind(schema) {
            "object" => self.object(schema, depth),
            "array" => self.list(schema, depth),
            "integer" => self.integer(schema),
            "number" => self.number(schema),
            "boolean" => Value::Bool(self.draw.below(2) == 1),
            "null" => Value::Null,
            _ => self.string(schema).into(),
        }
    }

    fn object(&mut self, schema: &'a Value, depth: usize) -> Value {
        let required = |name: &String| schema["required"].as_array().is_some_and(|list| list.iter().any(|v| v == name));
        let properties = schema["properties"].as_object().into_iter().flatten();
        let filled = properties.filter(|(name, _)| depth < FILLED_DEPTH || required(name));
        Value::Object(filled.map(|(name, schema)| (name.clone(), self.value(schema, depth + 1))).collect::<Map<_, _>>())
    }

    fn list(&mut self, schema: &'a Value, depth: usize) -> Value {
        if let Some(places) = schema["prefixItems"].as_array() {
            return places.iter().map(|place| self.value(place, depth + 1)).collect();
        }
        let least = bound(schema, "minItems").unwrap_or(0);
        let most = bound(schema, "maxItems").unwrap_or(LONGEST).max(least);
        let wished = if depth < FILLED_DEPTH { 1 + usize::from(self.draw.below(2) == 1) } else { 0 };
        // `true` and an absent schema take anything; a text is something.
        let items = schema.get("items").unwrap_or(&Value::Null);
        let mut list = Vec::new();
        while list.len() < wished.clamp(least, most) && self.values_left > 0 {
            list.push(self.value(items, depth + 1));
        }
        list.into()
    }

    fn string(&mut self, schema: &Value) -> String {
        let text = match schema["format"].as_str() {
            Some("date") => return "2026-01-15".to_owned(),
            Some("date-time") => return "2026-01-15T12:00:00Z".to_owned(),
            Some("time") => return "12:00:00Z".to_owned(),
            Some("email") => return "simulated@example.com".to_owned(),
            Some("uri" | "url") => return "https://example.com/simulated".to_owned(),
            Some("uuid") => return format!("00000000-0000-4000-8000-{:012x}", self.draw.next() >> 16),
            _ => phrase(self.draw),
        };
        let least = bound(schema, "minLength").unwrap_or(0);
        let most = bound(schema, "maxLength").unwrap_or(usize::MAX).max(least);
        text.chars().chain(std::iter::repeat('.')).take(text.len().clamp(least, most)).collect()
    }

    fn integer(&mut self, schema: &Value) -> Value {
        let least = schema["minimum"].as_f64().map(f64::ceil);
        let least = least.or_else(|| schema["exclusiveMinimum"].as_f64().map(|limit| limit.floor() + 1.0));
        let most = schema["maximum"].as_f64().map(f64::floor);
        let most = most.or_else(|| schema["exclusiveMaximum"].as_f64().map(|limit| limit.ceil() - 1.0));
        let (least, most) = range(least, most);
        let step = schema["multipleOf"].as_f64().filter(|step| *step >= 1.0).unwrap_or(1.0);
        let number = least + (self.draw.unit() * (most - least + 1.0)).floor().min(most - least);
        let number = ((number / step).floor() * step).max((least / step).ceil() * step);
        #[expect(clippy::cast_possible_truncation, reason = "a number out of range stays at its end")]
        let number = number as i64;
        number.into()
    }

    fn number(&mut self, schema: &Value) -> Value {
        let least = schema["minimum"].as_f64().or_else(|| schema["exclusiveMinimum"].as_f64());
        let most = schema["maximum"].as_f64().or_else(|| schema["exclusiveMaximum"].as_f64());
        let (least, most) = range(least, most);
        // Neither end is hit, so that exclusive limits hold too.
        let number = least + (most - least) * (0.1 + 0.8 * self.draw.unit());
        let rounded = (number * 100.0).round() / 100.0;
        let number = if rounded > least && rounded < most { rounded } else { number };
        Number::from_f64(number).map_or(Value::Null, Value::Number)
    }
}

/// The type of a schema: of several the first that is not null, of none what its keywords tell.
fn kind(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(kind) => kind,
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("null"),
        _ if schema.get("properties").is_some() => "object",
        _ if schema.get("items").is_some() => "array",
        _ => "string",
    }
}

fn bound(schema: &Value, keyword: &str) -> Option<usize> {
    let bound = usize::try_from(schema[keyword].as_u64()?).unwrap_or(usize::MAX);
    Some(bound.min(LONGEST))
}

/// Both ends of a range of which none, one or both are given.
fn range(least: Option<f64>, most: Option<f64>) -> (f64, f64) {
    match (least, most) {
        (Some(least), Some(most)) => (least, most.max(least)),
        (Some(least), None) => (least, least + 100.0),
        (None, Some(most)) if most < 0.0 => (most - 100.0, most),
        (None, Some(most)) => (0.0, most),
        (None, None) => (0.0, 100.0),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::digest::BodyDigest;
    use super::super::super::draw::Purpose;
    use super::*;

    fn nth_instance(schema: &Value, number: u32) -> Value {
        instance(schema, &mut Draw::new(5, &BodyDigest::of(&number.to_le_bytes()), Purpose::Answer))
    }

    fn instances(schema: &Value) -> Vec<Value> {
        (0..50).map(|number| nth_instance(schema, number)).collect()
    }

    #[test]
    fn an_object_has_its_typed_properties_in_order() {
        let schema = json!({"type": "object", "properties": {
            "verdict": {"enum": ["yes", "no"]}, "score": {"type": "integer", "minimum": 1, "maximum": 5},
            "share": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, "why": {"type": "string", "maxLength": 8},
            "sure": {"type": ["null", "boolean"]}, "tags": {"type": "array", "items": {"type": "string"}, "minItems": 3},
            "even": {"type": "integer", "minimum": 3, "multipleOf": 2},
        }});
        for value in instances(&schema) {
            let names: Vec<_> = value.as_object().unwrap().keys().collect();
            assert_eq!(names, ["verdict", "score", "share", "why", "sure", "tags", "even"]);
            assert!(value["verdict"] == "yes" || value["verdict"] == "no");
            assert!((1..=5).contains(&value["score"].as_i64().unwrap()), "{value}");
            let share = value["share"].as_f64().unwrap();
            assert!(share > 0.0 && share < 1.0, "{value}");
            assert_eq!(value["why"].as_str().unwrap().len(), 8);
            assert!(value["sure"].is_boolean());
            assert_eq!(value["tags"].as_array().unwrap().len(), 3);
            let even = value["even"].as_i64().unwrap();
            assert!(even >= 4 && even % 2 == 0, "{value}");
        }
    }

    #[test]
    fn one_sided_ranges_hold() {
        for (schema, least, most) in [
            (json!({"type": "integer", "maximum": -5}), i64::MIN, -5),
            (json!({"type": "integer", "maximum": 3}), 0, 3),
            (json!({"type": "integer", "minimum": 1000}), 1000, i64::MAX),
            (json!({"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 5}), 4, 4),
        ] {
            for value in instances(&schema) {
                assert!((least..=most).contains(&value.as_i64().unwrap()), "{schema}: {value}");
            }
        }
    }

    #[test]
    fn references_and_alternatives_are_followed() {
        let schema = json!({"$defs": {"leaf": {"const": 7}}, "allOf": [
            {"properties": {"a": {"$ref": "#/$defs/leaf"}}}, {"properties": {"b": {"anyOf": [{"type": "null"}]}}},
        ]});
        assert_eq!(nth_instance(&schema, 0), json!({"a": 7, "b": null}));
    }

    #[test]
    fn a_schema_that_contains_itself_ends() {
        let optional =
            json!({"type": "object", "properties": {"next": {"$ref": "#"}, "all": {"items": {"$ref": "#"}}}});
        let required = json!({"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]});
        let itself = json!({"$ref": "#"});
        let names = (0..100).map(|number| (number.to_string(), json!({"$ref": "#"})));
        let wide = json!({"properties": names.collect::<Map<_, _>>()});
        let long = json!({"items": {"$ref": "#"}, "minItems": 1_000_000_000});
        for schema in [optional, required, itself, wide, long, json!(true), json!(null), json!({"$ref": "#/none"})] {
            assert!(nth_instance(&schema, 0).to_string().len() < 1_000_000, "{schema}");
        }
    }
}
