//! What a template sees of a row.

use std::collections::HashSet;
use std::sync::Arc;

use minijinja::value::{Object, Value};
use serde_json::Value as Json;

use crate::model::Row;

/// What a template sees beside the row's fields. A field of the same name wins.
pub(super) const EXTRAS: [&str; 4] = ["row", "model", "row_number", "id"];

/// The variables of one row: those alone that the templates could ask for.
#[derive(Debug)]
pub(super) struct Context {
    values: Vec<(Arc<str>, Value)>,
}

impl Context {
    pub(super) fn new(row: &Row, model: &str, wanted: &HashSet<Arc<str>>) -> Self {
        let fields = row.fields.iter();
        let mut values: Vec<_> = fields
            .filter_map(|(name, json)| wanted.get(name.as_str()).map(|name| (name.clone(), value(json))))
            .collect();
        for name in EXTRAS.iter().filter(|name| !row.fields.contains_key(**name)) {
            if let Some(name) = wanted.get(*name) {
                values.push((name.clone(), extra(name, row, model)));
            }
        }
        Self { values }
    }
}

impl Object for Context {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.values.iter().find(|(name, _)| **name == *key).map(|(_, value)| value.clone())
    }
}

fn extra(name: &str, row: &Row, model: &str) -> Value {
    match name {
        "row" => Value::from_pairs(row.fields.iter().map(|(name, json)| (name.as_str(), value(json)))),
        "model" => Value::from(model),
        "row_number" => Value::from(row.number),
        _ => Value::from(row.id.as_str()),
    }
}

/// A JSON value as the engine has it.
fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(boolean) => Value::from(*boolean),
        Json::Number(number) => number
            .as_i64()
            .map(Value::from)
            .or_else(|| number.as_u64().map(Value::from))
            .unwrap_or_else(|| Value::from(number.as_f64())),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => items.iter().map(value).collect(),
        Json::Object(members) => Value::from_pairs(members.iter().map(|(name, json)| (name.as_str(), value(json)))),
    }
}
