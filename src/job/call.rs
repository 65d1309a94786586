//! How a command was called, as a store keeps it beside the job.

use serde_json::{Value, json};

const CALLED_AT_MS: &str = "called_at_ms";

/// How the command was called that runs a job, by which others can call it again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Call {
    /// The directory that relative paths begin in; `None` where nobody knows it.
    pub directory: Option<String>,
    /// The flags, in words.
    pub flags: Vec<String>,
    /// The names of flags whose values are not kept, such as `--set gateway.base_url`.
    pub withheld: Vec<String>,
    /// When: milliseconds since 1970-01-01 UTC; `None` where nobody knows it.
    pub at_ms: Option<i64>,
}

impl Call {
    /// The call of a run, by its description in a store; empty where an earlier nightreel described it.
    #[must_use]
    pub fn described(description: &str) -> Self {
        let description: Value = serde_json::from_str(description).unwrap_or_default();
        let texts = |name: &str| {
            let texts = description[name].as_array().into_iter().flatten();
            texts.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        Self {
            directory: description["directory"].as_str().map(str::to_owned),
            flags: texts("flags"),
            withheld: texts("withheld"),
            at_ms: description[CALLED_AT_MS].as_i64(),
        }
    }

    /// Adds what there is of it to a description.
    pub(super) fn describe(&self, description: &mut Value) {
        if let Some(directory) = &self.directory {
            description["directory"] = json!(directory);
        }
        if let Some(at_ms) = self.at_ms {
            description[CALLED_AT_MS] = json!(at_ms);
        }
        for (name, texts) in [("flags", &self.flags), ("withheld", &self.withheld)] {
            if !texts.is_empty() {
                description[name] = json!(texts);
            }
        }
    }
}
