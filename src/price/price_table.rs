//! What models cost.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::{PriceError, model_list, price_toml};

/// The most that is read of a file, in bytes.
const MAX_BYTES: u64 = 64 << 20;

/// What a model costs, in USD.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Price {
    /// For each token of a prompt.
    pub prompt_usd: f64,
    /// For each token of an answer.
    pub completion_usd: f64,
    /// For each request.
    pub request_usd: f64,
    /// For each token of a prompt that a prompt cache is read for; `None` is as for any other.
    pub cache_read_usd: Option<f64>,
    /// For each token of a prompt that is written to a prompt cache; `None` is as for any other.
    pub cache_write_usd: Option<f64>,
    /// The most tokens that the model answers with, where the table says so.
    pub max_completion_tokens: Option<u64>,
}

/// What models cost, by their names.
#[derive(Debug, Clone, PartialEq)]
pub struct Prices {
    by_model: BTreeMap<String, Price>,
}

impl Prices {
    /// Reads a price table: TOML, or `OpenRouter`'s list of models where the file ends in `.json`.
    ///
    /// # Errors
    /// Fails if the file cannot be read or is no price table.
    pub fn load(path: &Path) -> Result<Self, PriceError> {
        let text = read(path)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        let by_model = if is_json { model_list::parse(text, path) } else { price_toml::parse(text, path) }?;
        Ok(Self { by_model })
    }

    /// What an answer of a model costs: of the model that answered, where the table has it, else of
    /// the one that was asked.
    #[must_use]
    pub fn of_answer(&self, served: Option<&str>, asked: &str) -> Option<Price> {
        served.and_then(|served| self.of(served)).or_else(|| self.of(asked))
    }

    /// What a model costs.
    #[must_use]
    pub fn of(&self, model: &str) -> Option<Price> {
        self.by_model.get(model).copied()
    }

    /// The model of the table whose name is nearest to one that is not in it, if any is near.
    #[must_use]
    pub fn nearest(&self, model: &str) -> Option<&str> {
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
        let price = Price { prompt_usd: 0.000_001, completion_usd: 0.000_002, ..Price::default() };
        for (name, text) in [("prices.toml", toml), ("prices", toml), ("models.json", json), ("models.JSON", json)] {
            assert_eq!(load(name, text).unwrap().of("a/b"), Some(price), "{name}");
        }
    }

    #[test]
    fn an_answer_has_the_price_of_who_gave_it_where_that_is_known() {
        let model = |name: &str, usd: u32| {
            format!("[\"{name}\"]\nprompt_usd_per_million = {usd}\ncompletion_usd_per_million = 0\n")
        };
        let prices = load("prices.toml", &(model("asked", 1) + &model("other", 2))).unwrap();
        let usd = |served, asked| prices.of_answer(served, asked).map(|price| price.prompt_usd * 1e6);
        assert_eq!(usd(Some("other"), "asked"), Some(2.0));
        assert_eq!(usd(Some("asked-2025"), "asked"), Some(1.0));
        assert_eq!(usd(None, "asked"), Some(1.0));
        assert_eq!(usd(Some("asked-2025"), "unknown"), None);
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
