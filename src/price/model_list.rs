//! `OpenRouter`'s list of models, as a price table.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::{Price, PriceError};

#[derive(Deserialize)]
struct List {
    data: Vec<Value>,
}

/// Reads the prices by model. A model without a price, or with one that depends on where it is
/// routed (`-1`), is left out.
pub(super) fn parse(text: &str, path: &Path) -> Result<BTreeMap<String, Price>, PriceError> {
    let refuse = |problem: String| PriceError::Json { path: path.to_owned(), problem };
    let list: List = serde_json::from_str(text).map_err(|error| refuse(format!("not a list of models: {error}")))?;
    let prices: BTreeMap<String, Price> = list.data.iter().filter_map(priced).collect();
    if prices.is_empty() { Err(refuse("no model in it has a price".to_owned())) } else { Ok(prices) }
}

fn priced(model: &Value) -> Option<(String, Price)> {
    let pricing = model.get("pricing")?;
    let price = Price {
        prompt_usd: amount(pricing.get("prompt")?)?,
        completion_usd: amount(pricing.get("completion")?)?,
        request_usd: pricing.get("request").map_or(Some(0.0), amount)?,
        cache_read_usd: pricing.get("input_cache_read").and_then(amount),
        cache_write_usd: pricing.get("input_cache_write").and_then(amount),
        max_completion_tokens: model["top_provider"]["max_completion_tokens"].as_u64().filter(|tokens| *tokens > 0),
    };
    Some((model.get("id")?.as_str()?.to_owned(), price))
}

fn amount(value: &Value) -> Option<f64> {
    let amount = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    (amount.is_finite() && amount >= 0.0).then_some(amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_texts_or_numbers_and_those_that_depend_are_left_out() {
        let text = r#"{"data":[
            {"id":"a","pricing":{"prompt":"0.00000025","completion":0.000002,"request":"0.01","image":"x",
                "input_cache_read":"0.0000001"},"top_provider":{"max_completion_tokens":1000},"more":1},
            {"id":"free","pricing":{"prompt":"0","completion":"0"}},
            {"id":"auto","pricing":{"prompt":"-1","completion":"-1"}},
            {"id":"unpriced"}, {"pricing":{"prompt":"0","completion":"0"}}, 7]}"#;
        let prices = parse(text, Path::new("models.json")).unwrap();
        assert_eq!(prices.keys().collect::<Vec<_>>(), ["a", "free"]);
        let price = Price {
            prompt_usd: 0.000_000_25,
            completion_usd: 0.000_002,
            request_usd: 0.01,
            cache_read_usd: Some(0.000_000_1),
            cache_write_usd: None,
            max_completion_tokens: Some(1_000),
        };
        assert_eq!(prices["a"], price);
    }

    #[test]
    fn a_file_that_is_no_list_is_refused_with_where_to_get_one() {
        for text in ["", "[]", "{\"data\":[]}", "{\"data\":{}}"] {
            let message = parse(text, Path::new("models.json")).unwrap_err().to_string();
            assert!(message.starts_with("models.json: "), "{message}");
            assert!(message.ends_with("`curl https://openrouter.ai/api/v1/models` gives"), "{message}");
        }
    }
}
