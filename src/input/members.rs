//! The members of a JSON object, taken one by one.

use serde_json::{Map, Value};

use super::InputError;
use super::line::Line;

/// The members of an object, taken one by one, so that those nobody took can be named.
#[derive(Debug)]
pub(super) struct Members<'l> {
    line: &'l Line<'l>,
    path: String,
    object: Map<String, Value>,
}

impl<'l> Members<'l> {
    /// The members of a value that must be an object.
    pub(super) fn of(line: &'l Line<'l>, path: String, value: Value) -> Result<Self, InputError> {
        match value {
            Value::Object(object) => Ok(Self { line, path, object }),
            other => Err(line.wrong_kind(&path, "an object", &other)),
        }
    }

    /// The line that the object stands on.
    pub(super) fn line(&self) -> &'l Line<'l> {
        self.line
    }

    /// A member's path from the top of the line.
    pub(super) fn path(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    /// A member is not taken.
    pub(super) fn refused(&self, name: &str, reason: &'static str) -> InputError {
        self.line.refused(&self.path(name), reason)
    }

    /// Takes a member; `null` is as good as none.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.object.shift_remove(name).filter(|value| !value.is_null())
    }

    /// Takes a member that must be there.
    pub(super) fn need(&mut self, name: &str) -> Result<Value, InputError> {
        self.take(name).ok_or_else(|| self.line.missing(&self.path(name)))
    }

    /// Takes a member that must be a string, where it is there.
    pub(super) fn take_string(&mut self, name: &str) -> Result<Option<String>, InputError> {
        self.take(name).map(|value| string(self.line, &self.path(name), value)).transpose()
    }

    /// Takes a member that must be there, and a string.
    pub(super) fn need_string(&mut self, name: &str) -> Result<String, InputError> {
        let value = self.need(name)?;
        string(self.line, &self.path(name), value)
    }

    /// Takes a member that must be `true` or `false`, where it is there.
    pub(super) fn take_bool(&mut self, name: &str) -> Result<Option<bool>, InputError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(value)),
            Some(other) => Err(self.line.wrong_kind(&self.path(name), "true or false", &other)),
        }
    }

    /// Takes a member that must be a number, where it is there.
    pub(super) fn take_number(&mut self, name: &str) -> Result<Option<Value>, InputError> {
        match self.take(name) {
            Some(value) if !value.is_number() => Err(self.line.wrong_kind(&self.path(name), "a number", &value)),
            value => Ok(value),
        }
    }

    /// Takes a member that must be an object, where it is there.
    pub(super) fn take_object(&mut self, name: &str) -> Result<Option<Self>, InputError> {
        self.take(name).map(|value| Self::of(self.line, self.path(name), value)).transpose()
    }

    /// Takes a member that must be a list, where it is there: its items with their paths.
    pub(super) fn take_list(&mut self, name: &str) -> Result<Option<Vec<(String, Value)>>, InputError> {
        self.take(name).map(|value| list(self.line, &self.path(name), value)).transpose()
    }

    /// Ends the taking: a member that is left has no counterpart.
    pub(super) fn finish(self) -> Result<(), InputError> {
        match self.object.iter().find(|(_, value)| !value.is_null()) {
            Some((name, _)) => Err(self.refused(name, "has no counterpart in chat/completions")),
            None => Ok(()),
        }
    }
}

/// A value that must be a string.
pub(super) fn string(line: &Line<'_>, path: &str, value: Value) -> Result<String, InputError> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(line.wrong_kind(path, "a string", &other)),
    }
}

/// The items of a value that must be a list, with their paths.
pub(super) fn list(line: &Line<'_>, path: &str, value: Value) -> Result<Vec<(String, Value)>, InputError> {
    match value {
        Value::Array(items) => {
            Ok(items.into_iter().enumerate().map(|(index, item)| (format!("{path}[{index}]"), item)).collect())
        }
        other => Err(line.wrong_kind(path, "a list", &other)),
    }
}
