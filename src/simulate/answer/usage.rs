//! What an answer costs.

use serde::Serialize;

use super::super::cost::{Billing, CostTold, NanoUsd};

/// The price of a token of a prompt, in billionths of a USD.
pub(super) const PROMPT_NANO_USD: u64 = 250;
/// The price of a token of an answer, in billionths of a USD.
pub(super) const COMPLETION_NANO_USD: u64 = 2000;

/// What part of the cost the router takes where the key is the customer's own: a twentieth.
const BYOK_FEE_DIVISOR: u64 = 20;

/// Bytes in a token.
pub(super) const TOKEN_BYTES: usize = 4;

/// Tokens and cost of one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in super::super) struct Usage {
    pub(in super::super) prompt_tokens: u64,
    pub(in super::super) completion_tokens: u64,
    price: Price,
    told: CostTold,
}

/// What an answer is paid by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Price {
    #[default]
    Free,
    Tokens,
    Each(NanoUsd),
}

/// Tokens in so many bytes.
pub(super) fn tokens(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(TOKEN_BYTES)).expect("a length fits in 64 bits")
}

/// Billionths of a USD in USD.
pub(in super::super) fn usd(nano_usd: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a sum of billionths is exact up to nine million USD")]
    let nano_usd = nano_usd as f64;
    nano_usd / 1e9
}

impl Billing {
    /// What an answer of a model costs; a `:free` one costs nothing.
    pub(super) fn usage(self, model: &str, prompt_tokens: u64, completion_tokens: u64) -> Usage {
        let price = match self.each {
            _ if model.ends_with(":free") => Price::Free,
            Some(each) => Price::Each(each),
            None => Price::Tokens,
        };
        Usage { prompt_tokens, completion_tokens, price, told: self.told }
    }
}

impl Usage {
    /// The usage of the same request with an answer of another length.
    pub(super) const fn with_completion(self, completion_tokens: u64) -> Self {
        Self { completion_tokens, ..self }
    }

    /// The usage of a request that was not answered.
    pub(super) const fn nothing(self) -> Self {
        Self { prompt_tokens: 0, completion_tokens: 0, price: Price::Free, told: self.told }
    }

    /// The usage of a request whose prompt was counted, and nothing paid.
    pub(super) const fn prompt_alone(self) -> Self {
        Self { prompt_tokens: self.prompt_tokens, ..self.nothing() }
    }

    /// What prompt and answer cost, in billionths of a USD.
    const fn parts(&self) -> (u64, u64) {
        match self.price {
            Price::Free => (0, 0),
            Price::Tokens => (self.prompt_tokens * PROMPT_NANO_USD, self.completion_tokens * COMPLETION_NANO_USD),
            Price::Each(NanoUsd(nano_usd)) => (0, nano_usd),
        }
    }

    pub(in super::super) const fn nano_usd(&self) -> u64 {
        let (prompt, completion) = self.parts();
        prompt + completion
    }

    pub(in super::super) const fn total_tokens(&self) -> u64 {
        self.prompt_tokens + self.completion_tokens
    }

    /// As chat and text completions and embeddings write it.
    pub(super) fn chat(&self) -> ChatUsage {
        ChatUsage {
            prompt_tokens: self.prompt_tokens,
            completion_tokens: self.completion_tokens,
            total_tokens: self.total_tokens(),
            cost: self.cost(),
            is_byok: self.is_byok(),
            prompt_tokens_details: PromptDetails { cached_tokens: 0, cache_write_tokens: 0 },
            cost_details: self.cost_details(),
            completion_tokens_details: CompletionDetails { reasoning_tokens: 0 },
        }
    }

    /// As the Responses and the Messages write it.
    pub(super) fn input_output(&self) -> InputOutputUsage {
        InputOutputUsage {
            input_tokens: self.prompt_tokens,
            output_tokens: self.completion_tokens,
            total_tokens: self.total_tokens(),
            cost: self.cost(),
            is_byok: self.is_byok(),
            cost_details: self.cost_details(),
        }
    }

    fn cost(&self) -> Option<f64> {
        match self.told {
            CostTold::Cost => Some(usd(self.nano_usd())),
            CostTold::Byok => Some(usd(self.nano_usd() - self.upstream().iter().sum::<u64>())),
            CostTold::Nothing => None,
        }
    }

    fn is_byok(&self) -> Option<bool> {
        (self.told != CostTold::Nothing).then_some(self.told == CostTold::Byok)
    }

    /// What the provider gets for prompt and answer: what is left of each without the router's fee.
    fn upstream(&self) -> [u64; 2] {
        let (prompt, completion) = self.parts();
        let fee = |part: u64| if self.told == CostTold::Byok { part / BYOK_FEE_DIVISOR } else { 0 };
        [prompt, completion].map(|part| part - fee(part))
    }

    fn cost_details(&self) -> Option<CostDetails> {
        let [prompt, completion] = self.upstream();
        (self.told != CostTold::Nothing).then(|| CostDetails {
            upstream_inference_cost: usd(prompt + completion),
            upstream_inference_prompt_cost: usd(prompt),
            upstream_inference_completions_cost: usd(completion),
        })
    }
}

#[derive(Serialize)]
pub(super) struct ChatUsage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_byok: Option<bool>,
    prompt_tokens_details: PromptDetails,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_details: Option<CostDetails>,
    completion_tokens_details: CompletionDetails,
}

#[derive(Serialize)]
struct PromptDetails {
    cached_tokens: u64,
    cache_write_tokens: u64,
}

#[derive(Serialize)]
struct CompletionDetails {
    reasoning_tokens: u64,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "these are the names on the wire")]
struct CostDetails {
    upstream_inference_cost: f64,
    upstream_inference_prompt_cost: f64,
    upstream_inference_completions_cost: f64,
}

#[derive(Serialize)]
pub(super) struct InputOutputUsage {
    input_tokens: u64,
    output_tokens: u64,
    total_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_byok: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_details: Option<CostDetails>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn usage(model: &str, each: Option<NanoUsd>, told: CostTold) -> Usage {
        Billing { each, told }.usage(model, 10, 10)
    }

    #[test]
    fn tokens_are_started_quarters_of_the_bytes() {
        assert_eq!([0, 1, 4, 5].map(tokens), [0, 1, 1, 2]);
    }

    #[test]
    fn answers_cost_what_their_tokens_do_or_what_each_does_and_free_ones_nothing() {
        let each = Some("0.0137".parse().unwrap());
        for (model, each, nano_usd) in
            [("a/b", None, 22_500), ("a/b", each, 13_700_000), ("a/b:free", None, 0), ("a/b:free", each, 0)]
        {
            let usage = usage(model, each, CostTold::Cost);
            assert_eq!(usage.nano_usd(), nano_usd, "{model}");
            assert_eq!(serde_json::to_value(usage.chat()).unwrap()["cost"], usd(nano_usd));
        }
        assert_eq!(serde_json::to_string(&usd(13_700_000)).unwrap(), "0.0137");
    }

    #[test]
    fn a_cost_is_told_whole_in_two_parts_or_not_at_all() {
        let told = |told| serde_json::to_value(usage("a/b", "0.02".parse().ok(), told).input_output()).unwrap();
        let whole = told(CostTold::Cost);
        assert_eq!((&whole["cost"], &whole["is_byok"]), (&json!(0.02), &json!(false)));
        assert_eq!(whole["cost_details"]["upstream_inference_cost"], 0.02);
        let byok = told(CostTold::Byok);
        assert_eq!((&byok["cost"], &byok["is_byok"]), (&json!(0.001), &json!(true)));
        assert_eq!(byok["cost_details"]["upstream_inference_cost"], 0.019);
        let nothing = told(CostTold::Nothing);
        assert_eq!(nothing, json!({"input_tokens": 10, "output_tokens": 10, "total_tokens": 20}));
    }
}
