//! The names of the input's columns, in the order they first appear.

use std::collections::HashSet;

use serde_json::{Map, Value};

/// How many columns are told apart: a file whose every row has names of its own must not fill the
/// memory.
const MOST: usize = 10_000;

/// The union of the fields of many rows.
#[derive(Debug, Default)]
pub(super) struct Columns {
    names: Vec<String>,
    known: HashSet<String>,
}

impl Columns {
    pub(super) fn add(&mut self, fields: &Map<String, Value>) {
        for name in fields.keys() {
            if !self.known.contains(name) && self.names.len() < MOST {
                self.known.insert(name.clone());
                self.names.push(name.clone());
            }
        }
    }

    pub(super) fn into_names(self) -> Vec<String> {
        self.names
    }
}
