//! One message of a prompt.

use serde_json::Value;

use super::JobError;
use super::setting::{Section, Setting};

const KEYS: [&str; 2] = ["role", "content"];

const ROLES: [&str; 5] = ["system", "developer", "user", "assistant", "tool"];

/// One message of a prompt: an element of `request.messages`.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageSpec {
    /// Who speaks: `system`, `developer`, `user`, `assistant` or `tool`.
    pub role: String,
    /// A template, or a list of content parts in which every string is a template.
    pub content: Value,
}

impl MessageSpec {
    pub(super) fn read(setting: Setting) -> Result<Self, JobError> {
        let mut section = setting.section(&KEYS)?;
        let role = required(&mut section, "role", "write role = \"user\"")?.word::<Role>(&ROLES)?.0;
        let content = required(&mut section, "content", "write content = \"{{ column }}\"")?;
        let refusal = content.refuse("must be a string or a list of content parts");
        let content = content.json()?;
        if content.is_string() || content.is_array() { Ok(Self { role, content }) } else { Err(refusal) }
    }

    /// Whether this message instructs the model, instead of being part of the talk.
    #[must_use]
    pub fn is_system(&self) -> bool {
        matches!(self.role.as_str(), "system" | "developer")
    }
}

struct Role(String);

impl std::str::FromStr for Role {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        ROLES.contains(&name).then(|| Self(name.to_owned())).ok_or(())
    }
}

fn required(section: &mut Section, name: &str, help: &'static str) -> Result<Setting, JobError> {
    section.take(name).ok_or_else(|| section.missing(name, help))
}
