//! The field of a JSON line that names its row.

use serde_json::{Map, Value};

use super::line::Line;
use super::{InputError, Problem, names};

/// The name of a field, or a path with dots to one within it.
#[derive(Debug, Clone)]
pub(super) struct IdPath(pub(super) Box<str>);

impl IdPath {
    /// The id that a line's fields give.
    pub(super) fn read(&self, line: &Line<'_>, fields: &Map<String, Value>) -> Result<String, InputError> {
        match self.find(fields) {
            Some(Value::String(id)) if id.trim().is_empty() => Err(line.error(Problem::EmptyId(self.0.clone()))),
            Some(Value::String(id)) => Ok(id.clone()),
            Some(Value::Number(id)) => Ok(id.to_string()),
            Some(other) => {
                Err(line.error(Problem::IdKind { path: self.0.clone(), found: super::excerpt::kind(other) }))
            }
            None => {
                let hint = names::hint(
                    "the fields",
                    &self.0,
                    fields.keys().map(String::as_str).collect::<Vec<_>>().into_iter(),
                );
                Err(line.error(Problem::NoId(self.0.clone())).hinted_maybe(hint))
            }
        }
    }

    /// A field of the whole name comes before a path.
    fn find<'v>(&self, fields: &'v Map<String, Value>) -> Option<&'v Value> {
        if let Some(value) = fields.get(&*self.0) {
            return Some(value);
        }
        let mut steps = self.0.split('.');
        let first = fields.get(steps.next()?)?;
        steps.try_fold(first, |value, step| match value {
            Value::Object(members) => members.get(step),
            Value::Array(items) => items.get(step.parse::<usize>().ok()?),
            _ => None,
        })
    }
}
