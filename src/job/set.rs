//! A setting given by a flag.

use toml::de::DeTable;

use super::JobError;
use super::secret_line::without_secret;

/// A setting given by a flag; it beats the job file.
#[derive(Debug, Clone, PartialEq)]
pub struct Override {
    /// The dotted key, with quotes where TOML wants them: `limits.model."openai/gpt-5-mini".in_flight`.
    pub key: String,
    /// The value.
    pub value: toml::Value,
    /// The flag as messages name it: `--set`, `--rpm`.
    pub origin: String,
}

impl Override {
    /// A setting given by a flag of its own, such as `--rpm 600`.
    pub fn new(key: impl Into<String>, value: impl Into<toml::Value>, origin: impl Into<String>) -> Self {
        Self { key: key.into(), value: value.into(), origin: origin.into() }
    }

    /// Reads the `key=value` of `--set`. The value is TOML; a text that is no TOML and does not
    /// begin like a string, list or table is taken as a string.
    ///
    /// # Errors
    /// Fails where there is no `=`, the key is no dotted key, or the value is a broken string,
    /// list or table.
    pub fn parse_set(text: &str) -> Result<Self, JobError> {
        let refuse =
            |problem: &str| JobError::Set { text: without_secret(text).into_owned(), problem: problem.to_owned() };
        let at = equals_sign(text).ok_or_else(|| refuse("there is no '='; write --set key=value"))?;
        let (key, value) = (text[..at].trim(), text[at + 1..].trim());
        let value = match parse_value(value) {
            Ok(value) => value,
            Err(_) if !value.starts_with(['"', '\'', '[', '{']) => toml::Value::String(value.to_owned()),
            Err(error) => return Err(refuse(&format!("the value is not TOML: {}", error.message()))),
        };
        let setting = Self::new(key, value, "--set");
        setting.segments()?;
        Ok(setting)
    }

    /// The names of the dotted key.
    pub(super) fn segments(&self) -> Result<Vec<String>, JobError> {
        let refuse = || JobError::Set {
            text: without_secret(&self.key).into_owned(),
            problem: "this is not a dotted key; a name with other signs than letters, digits, _ and - needs quotes, \
                      as in limits.model.\"openai/gpt-5-mini\".in_flight"
                .to_owned(),
        };
        let line = format!("{} = 0", self.key);
        let mut table = DeTable::parse(&line).map_err(|_| refuse())?.into_inner();
        let mut segments = Vec::new();
        loop {
            let mut entries = table.into_iter();
            let (Some((name, value)), None) = (entries.next(), entries.next()) else { return Err(refuse()) };
            segments.push(name.into_inner().into_owned());
            match value.into_inner() {
                toml::de::DeValue::Table(inner) => table = inner,
                toml::de::DeValue::Integer(_) => return Ok(segments),
                _ => return Err(refuse()),
            }
        }
    }
}

/// Where the `=` between key and value is; one inside of quotes is part of the key.
fn equals_sign(text: &str) -> Option<usize> {
    let mut quote = None;
    text.char_indices().find_map(|(at, sign)| {
        match (quote, sign) {
            (None, '=') => return Some(at),
            (None, '"' | '\'') => quote = Some(sign),
            (Some(open), sign) if open == sign => quote = None,
            _ => {}
        }
        None
    })
}

fn parse_value(text: &str) -> Result<toml::Value, toml::de::Error> {
    serde::Deserialize::deserialize(toml::de::ValueDeserializer::parse(text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_toml_and_a_bare_text_is_a_string() {
        for (text, key, value) in [
            ("request.samples=3", "request.samples", toml::Value::Integer(3)),
            ("request.params.temperature = 0.5", "request.params.temperature", toml::Value::Float(0.5)),
            ("request.stream=true", "request.stream", toml::Value::Boolean(true)),
            ("request.prompt=Say {{ x }} = 1", "request.prompt", toml::Value::String("Say {{ x }} = 1".into())),
            ("name=\"a b\"", "name", toml::Value::String("a b".into())),
            ("name=1\nb=2", "name", toml::Value::String("1\nb=2".into())),
            ("name=3x", "name", toml::Value::String("3x".into())),
            ("gateway.token_env=", "gateway.token_env", toml::Value::String(String::new())),
            ("request.models=[\"m\"]", "request.models", toml::Value::Array(vec!["m".into()])),
            ("a.\"x=y\".b=1", "a.\"x=y\".b", toml::Value::Integer(1)),
        ] {
            assert_eq!(Override::parse_set(text).unwrap(), Override::new(key, value, "--set"), "{text}");
        }
    }

    #[test]
    fn what_is_no_setting_is_refused_with_what_to_do() {
        let not_dotted = "this is not a dotted key; a name with other signs than letters, digits, _ and - needs \
                          quotes, as in limits.model.\"openai/gpt-5-mini\".in_flight";
        for (text, expected) in [
            ("request.samples", "--set request.samples: there is no '='; write --set key=value".to_owned()),
            ("=3", format!("--set : {not_dotted}")),
            ("limits.model.openai/gpt.in_flight=3", format!("--set limits.model.openai/gpt.in_flight: {not_dotted}")),
            ("a\nb=2", format!("--set a\nb: {not_dotted}")),
            (
                "request.models=[\"m\"",
                "--set request.models=[\"m\": the value is not TOML: unclosed array, expected `]`".to_owned(),
            ),
        ] {
            assert_eq!(Override::parse_set(text).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn a_key_is_split_as_toml_splits_it() {
        let set = Override::parse_set("limits.model.\"openai/gpt-4.1\".in_flight=3").unwrap();
        assert_eq!(set.segments().unwrap(), ["limits", "model", "openai/gpt-4.1", "in_flight"]);
    }
}
