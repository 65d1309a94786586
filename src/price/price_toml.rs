//! Price tables in TOML.

use std::collections::BTreeMap;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::price_table::nearest;
use super::{Price, PriceError};

const PROMPT: &str = "prompt_usd_per_million";
const COMPLETION: &str = "completion_usd_per_million";
const REQUEST: &str = "request_usd";
const CACHE_READ: &str = "cache_read_usd_per_million";
const CACHE_WRITE: &str = "cache_write_usd_per_million";
const MOST: &str = "max_completion_tokens";
const KEYS: [&str; 6] = [PROMPT, COMPLETION, REQUEST, CACHE_READ, CACHE_WRITE, MOST];

/// Reads the prices by model.
pub(super) fn parse(text: &str, path: &Path) -> Result<BTreeMap<String, Price>, PriceError> {
    let source = Source { text, path };
    let table = DeTable::parse(text).map_err(|error| {
        let hint = if error.message().contains("key") {
            "; a model's name stands in quotes: [\"openai/gpt-5-mini\"]"
        } else {
            ""
        };
        source.error(error.span().map_or(0, |span| span.start), format!("not TOML: {}{hint}", error.message()))
    })?;
    let models = table.into_inner().into_iter().map(|(model, value)| {
        let (at, model) = (model.span().start, model.into_inner().into_owned());
        let DeValue::Table(keys) = value.into_inner() else {
            let problem = format!("{model:?} must be a table: [{model:?}], and under it {PROMPT} = 0.25");
            return Err(source.error(at, problem));
        };
        Ok((model.clone(), source.price(&model, at, keys)?))
    });
    models.collect()
}

/// The text, for turning offsets into places.
struct Source<'a> {
    text: &'a str,
    path: &'a Path,
}

impl Source<'_> {
    fn error(&self, offset: usize, problem: String) -> PriceError {
        let before = &self.text[..self.text.floor_char_boundary(offset)];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.matches('\n').count() + 1;
        let column = before[line_start..].chars().count() + 1;
        PriceError::Toml { path: self.path.to_owned(), line, column, problem }
    }

    fn price(&self, model: &str, at: usize, keys: DeTable<'_>) -> Result<Price, PriceError> {
        let (mut amounts, mut max_completion_tokens) = (BTreeMap::new(), None);
        for (key, value) in keys {
            let (key_at, key) = (key.span().start, key.into_inner().into_owned());
            let Some(known) = KEYS.into_iter().find(|known| *known == key) else {
                return Err(self.error(key_at, unknown(model, &key, value.get_ref())));
            };
            if known == MOST {
                max_completion_tokens = Some(self.tokens(&value)?);
            } else {
                amounts.insert(known, self.amount(known, &value)?);
            }
        }
        let required = |key: &str| {
            let missing = || self.error(at, format!("{model:?} has no {key}; write {key} = 0.0 where it is free"));
            amounts.get(key).map(|amount| amount / 1e6).ok_or_else(missing)
        };
        Ok(Price {
            prompt_usd: required(PROMPT)?,
            completion_usd: required(COMPLETION)?,
            request_usd: amounts.get(REQUEST).copied().unwrap_or_default(),
            cache_read_usd: amounts.get(CACHE_READ).map(|amount| amount / 1e6),
            cache_write_usd: amounts.get(CACHE_WRITE).map(|amount| amount / 1e6),
            max_completion_tokens,
        })
    }

    fn tokens(&self, value: &Spanned<DeValue<'_>>) -> Result<u64, PriceError> {
        let tokens = match value.get_ref() {
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str().replace('_', "").parse().ok(),
            _ => None,
        };
        let tokens = tokens.filter(|tokens| *tokens > 0);
        tokens.ok_or_else(|| self.error(value.span().start, format!("{MOST} must be a number of tokens, 1 or more")))
    }

    fn amount(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Result<f64, PriceError> {
        let amount = match value.get_ref() {
            DeValue::Float(float) => float.as_str().replace('_', "").parse().ok(),
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str().replace('_', "").parse().ok(),
            _ => None,
        };
        let amount = amount.filter(|amount: &f64| amount.is_finite() && *amount >= 0.0);
        amount.ok_or_else(|| self.error(value.span().start, format!("{key} must be a number of USD, 0 or more")))
    }
}

fn unknown(model: &str, key: &str, value: &DeValue<'_>) -> String {
    if matches!(value, DeValue::Table(_)) {
        return format!(
            "{key:?} is a table in the table {model:?}; put the model's whole name in quotes: [\"{model}.{key}\"]"
        );
    }
    let hint = nearest(key, KEYS)
        .map_or_else(|| format!("known are {}", KEYS.join(", ")), |near| format!("did you mean {near}?"));
    format!("unknown key {key} of {model:?}; {hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<BTreeMap<String, Price>, String> {
        parse(text, Path::new("prices.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn prices_are_for_a_million_tokens_and_for_a_request() {
        let text = "[\"openai/gpt-5-mini\"]\nprompt_usd_per_million = 0.25\ncompletion_usd_per_million = 2_0\n\
                    request_usd = 0.01\ncache_read_usd_per_million = 0.125\ncache_write_usd_per_million = 0.5\n\
                    max_completion_tokens = 128_000\n";
        let price = Price {
            prompt_usd: 0.000_000_25,
            completion_usd: 0.000_02,
            request_usd: 0.01,
            cache_read_usd: Some(0.000_000_125),
            cache_write_usd: Some(0.000_000_5),
            max_completion_tokens: Some(128_000),
        };
        assert_eq!(parsed(text).unwrap()["openai/gpt-5-mini"], price);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let model = "[\"m\"]\nprompt_usd_per_million = 1\n";
        for (text, expected) in [
            (
                format!("{model}completion_usd_per_milion = 2\n"),
                "prices.toml:3:1: unknown key completion_usd_per_milion of \"m\"; did you mean completion_usd_per_million?",
            ),
            (
                format!("{model}colour = 2\n"),
                "prices.toml:3:1: unknown key colour of \"m\"; known are prompt_usd_per_million, \
                 completion_usd_per_million, request_usd, cache_read_usd_per_million, cache_write_usd_per_million, \
                 max_completion_tokens",
            ),
            (
                model.to_owned(),
                "prices.toml:1:2: \"m\" has no completion_usd_per_million; \
                 write completion_usd_per_million = 0.0 where it is free",
            ),
            (
                "[\"m\"]\nprompt_usd_per_million = -1\n".to_owned(),
                "prices.toml:2:26: prompt_usd_per_million must be a number of USD, 0 or more",
            ),
            (
                "[\"m\"]\nprompt_usd_per_million = \"1\"\n".to_owned(),
                "prices.toml:2:26: prompt_usd_per_million must be a number of USD, 0 or more",
            ),
            (
                "[\"m\"]\nprompt_usd_per_million = nan\n".to_owned(),
                "prices.toml:2:26: prompt_usd_per_million must be a number of USD, 0 or more",
            ),
            (
                "[\"m\"]\nmax_completion_tokens = 0\n".to_owned(),
                "prices.toml:2:25: max_completion_tokens must be a number of tokens, 1 or more",
            ),
            (
                "[gpt-4.1]\nprompt_usd_per_million = 1\n".to_owned(),
                "prices.toml:1:8: \"1\" is a table in the table \"gpt-4\"; \
                 put the model's whole name in quotes: [\"gpt-4.1\"]",
            ),
            (
                "m = 1\n".to_owned(),
                "prices.toml:1:1: \"m\" must be a table: [\"m\"], and under it prompt_usd_per_million = 0.25",
            ),
        ] {
            assert_eq!(parsed(&text).unwrap_err(), expected);
        }
    }

    #[test]
    fn a_name_without_quotes_is_refused_with_a_hint() {
        let message = parsed("[openai/gpt-5-mini]\nprompt_usd_per_million = 1\n").unwrap_err();
        assert!(message.starts_with("prices.toml:1:"), "{message}");
        assert!(message.contains("in quotes"), "{message}");
    }
}
