//! A text in which `${NAME}` stands for a variable of the environment.

use super::setting::Setting;
use super::{JobError, Place};

/// A text in which `${NAME}` stands for a variable of the environment.
///
/// It is kept as it was written and resolved when it is needed, so that a job loads and replays
/// where the variable is not set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvText {
    text: String,
    key: String,
    place: Place,
}

impl EnvText {
    /// The default of a key: `${name}`.
    pub(super) fn variable(name: &str, key: &str, place: Place) -> Self {
        Self { text: format!("${{{name}}}"), key: key.to_owned(), place }
    }

    pub(super) fn read(setting: Setting) -> Result<Self, JobError> {
        let (key, place) = (setting.key.clone(), setting.place.clone());
        let text = Self { text: setting.filled_text()?, key, place };
        text.replace(|_| Ok(String::new()))?;
        Ok(text)
    }

    /// The text as it was written.
    #[must_use]
    pub fn as_written(&self) -> &str {
        &self.text
    }

    /// The text with the values of its variables, without white space around them.
    ///
    /// # Errors
    /// Fails where a variable is not set, or is blank.
    pub fn resolve(&self, env: &dyn Fn(&str) -> Option<String>) -> Result<String, JobError> {
        self.replace(|name| {
            let value = env(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
            value.ok_or_else(|| JobError::UnsetVariable {
                place: self.place.clone(),
                key: self.key.clone(),
                name: name.to_owned(),
                help: format!(
                    "export {name}=…, or give --set {}=…; commands that send, such as run, take --base-url URL too",
                    self.key
                ),
            })
        })
    }

    fn replace(&self, value: impl Fn(&str) -> Result<String, JobError>) -> Result<String, JobError> {
        let mut replaced = String::new();
        let mut rest = self.text.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            let name = after.split_once('}').filter(|(name, _)| is_variable_name(name));
            let (name, tail) = name.ok_or_else(|| JobError::Value {
                place: self.place.clone(),
                key: self.key.clone(),
                problem: "has a \"${\" that is not the start of a ${NAME}".to_owned(),
            })?;
            replaced.push_str(before);
            replaced.push_str(&value(name)?);
            rest = tail;
        }
        replaced.push_str(rest);
        Ok(replaced)
    }
}

/// Whether a shell could export a variable of this name.
pub(super) fn is_variable_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
