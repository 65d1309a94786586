//! What an answer costs.

use serde::Serialize;

/// The price of a token of a prompt, in billionths of a USD.
pub(super) const PROMPT_NANO_USD: u64 = 250;
/// The price of a token of an answer, in billionths of a USD.
pub(super) const COMPLETION_NANO_USD: u64 = 2000;

/// Bytes in a token.
pub(super) const TOKEN_BYTES: usize = 4;

/// Tokens and cost of one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in super::super) struct Usage {
    pub(in super::super) prompt_tokens: u64,
    pub(in super::super) completion_tokens: u64,
    pub(super) prompt_nano_usd: u64,
    pub(super) completion_nano_usd: u64,
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

impl Usage {
    /// What an answer of a model costs; a `:free` one costs nothing.
    pub(super) fn of(model: &str, prompt_tokens: u64, completion_tokens: u64) -> Self {
        let paid = u64::from(!model.ends_with(":free"));
        Self {
            prompt_tokens,
            completion_tokens,
            prompt_nano_usd: prompt_tokens * PROMPT_NANO_USD * paid,
            completion_nano_usd: completion_tokens * COMPLETION_NANO_USD * paid,
        }
    }

    pub(in super::super) const fn nano_usd(&self) -> u64 {
        self.prompt_nano_usd + self.completion_nano_usd
    }

    pub(super) const fn total_tokens(&self) -> u64 {
        self.prompt_tokens + self.completion_tokens
    }

    /// As chat and text completions and embeddings write it.
    pub(super) fn chat(&self) -> ChatUsage {
        ChatUsage {
            prompt_tokens: self.prompt_tokens,
            completion_tokens: self.completion_tokens,
            total_tokens: self.total_tokens(),
            cost: usd(self.nano_usd()),
            is_byok: false,
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
            cost: usd(self.nano_usd()),
            is_byok: false,
            cost_details: self.cost_details(),
        }
    }

    fn cost_details(&self) -> CostDetails {
        CostDetails {
            upstream_inference_cost: usd(self.nano_usd()),
            upstream_inference_prompt_cost: usd(self.prompt_nano_usd),
            upstream_inference_completions_cost: usd(self.completion_nano_usd),
        }
    }
}

#[derive(Serialize)]
pub(super) struct ChatUsage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    cost: f64,
    is_byok: bool,
    prompt_tokens_details: PromptDetails,
    cost_details: CostDetails,
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
    cost: f64,
    is_byok: bool,
    cost_details: CostDetails,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_started_quarters_of_the_bytes() {
        assert_eq!([0, 1, 4, 5].map(tokens), [0, 1, 1, 2]);
    }

    #[test]
    fn a_free_model_costs_nothing() {
        assert_eq!(Usage::of("a/b:free", 10, 10).nano_usd(), 0);
        assert_eq!(Usage::of("a/b", 10, 10).nano_usd(), 22_500);
        assert_eq!(serde_json::to_value(Usage::of("a/b", 10, 10).chat()).unwrap()["cost"], 2.25e-5);
    }
}
