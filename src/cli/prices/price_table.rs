//! What models cost.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::{PriceError, model_list, price_toml};

/// The most that is read of a file, in bytes.
const MAX_BYTES: u64 = 64 << 20;

/// What a model costs, in USD.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(clippy::struct_field_names, reason = "an amount has its unit in its name")]
pub(crate) struct Price {
    /// For each token of a prompt.
    pub(crate) prompt_usd: f64,
    /// For each token of an answer.
    pub(crate) completion_usd: f64,
    /// For each request.
    pub(crate) request_usd: f64,
}

/// What models cost, by their names.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Prices {
    by_model: BTreeMap<String, Price>,
}

impl Prices {
    /// Reads a price table: TOML, or `OpenRouter`'s list of models where the file ends in `.json`.
    pub(crate) fn load(path: &Path) -> Result<Self, PriceError> {
        let text = read(path)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        let by_model = if is_json { model_list::parse(text, path) } else { price_toml::parse(text, path) }?;
        Ok(Self { by_model })
    }

    /// What a model costs.
    pub(crate) fn of(&self, model: &str) -> Option<Price> {
        self.by_model.get(model).copied()
    }

    /// The model of the table whose name is nearest to one that is not in it, if any is near.
    pub(crate) fn nearest(&self, model: &str) -> Option<&str> {
        nearest(model, self.by_model.keys().map(String::as_str))
    }
}

/// The nearest of some names, if any is near.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distances = known.into_iter().map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate));
    let (distance, candidate) = distances.min()?;
    (distance * 3 <= name.chars().count().max(candidate.chars().count())).then_some(candidate)
}

fn read(path: &Path) -> Result<String, PriceError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|source| PriceError::Read { path: path.to_owned(), source })?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(PriceError::TooLarge { path: path.to_owned() });
    }
    String::from_utf8(bytes).map_err(|_| PriceError::Encoding { path: path.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(name: &str, text: &str) -> Result<Prices, PriceError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        Prices::load(&path)
    }

    #[test]
    fn the_extension_says_how_a_table_is_read() {
        let toml = "\u{feff}[\"a/b\"]\nprompt_usd_per_million = 1\ncompletion_usd_per_million = 2\n";
        let json = r#"{"data":[{"id":"a/b","pricing":{"prompt":"0.000001","completion":"0.000002"}}]}"#;
        let price = Price { prompt_usd: 0.000_001, completion_usd: 0.000_002, request_usd: 0.0 };
        for (name, text) in [("prices.toml", toml), ("prices", toml), ("models.json", json), ("models.JSON", json)] {
            assert_eq!(load(name, text).unwrap().of("a/b"), Some(price), "{name}");
        }
    }

    #[test]
    fn a_model_that_is_not_in_the_table_has_a_nearest_one() {
        let text = "[\"openai/gpt-5-mini\"]\nprompt_usd_per_million = 1\ncompletion_usd_per_million = 2\n";
        let prices = load("prices.toml", text).unwrap();
        assert_eq!(prices.of("openai/gpt5-mini"), None);
        assert_eq!(prices.nearest("openai/gpt5-mini"), Some("openai/gpt-5-mini"));
        assert_eq!(prices.nearest("mistral"), None);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let message = Prices::load(Path::new("/nowhere/prices.toml")).unwrap_err().to_string();
        assert!(message.starts_with("cannot read the price table /nowhere/prices.toml: "), "{message}");
    }
}
