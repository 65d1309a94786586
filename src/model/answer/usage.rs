//! What an answer has used.

use serde::Deserialize;

/// Tokens and cost of one answer; `None` is what the reply does not say.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Usage {
    /// Tokens of the prompt, by the model's own tokenizer.
    pub prompt_tokens: Option<u64>,
    /// Tokens of the answer, by the model's own tokenizer.
    pub completion_tokens: Option<u64>,
    /// What it cost, in USD. With a key of one's own at the provider (BYOK) the upstream's price
    /// is added to the fee; otherwise the upstream's price is a part of it already.
    pub cost_usd: Option<f64>,
}

#[derive(Deserialize)]
pub(super) struct UsageBody {
    #[serde(alias = "input_tokens")]
    prompt_tokens: Option<u64>,
    #[serde(alias = "output_tokens")]
    completion_tokens: Option<u64>,
    cost: Option<f64>,
    is_byok: Option<bool>,
    cost_details: Option<CostDetails>,
}

#[derive(Deserialize)]
struct CostDetails {
    upstream_inference_cost: Option<f64>,
}

impl UsageBody {
    pub(super) fn usage(usage: Option<Self>) -> Usage {
        let Some(usage) = usage else { return Usage::default() };
        let upstream = usage.cost_details.and_then(|details| details.upstream_inference_cost);
        let cost_usd = match (usage.cost, upstream) {
            (Some(cost), Some(upstream)) if usage.is_byok == Some(true) => Some(cost + upstream),
            (cost, _) => cost,
        };
        Usage { prompt_tokens: usage.prompt_tokens, completion_tokens: usage.completion_tokens, cost_usd }
    }
}
