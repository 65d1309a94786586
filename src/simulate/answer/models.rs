//! The list of models.

use serde_json::{Value, json};

use super::usage::{COMPLETION_NANO_USD, PROMPT_NANO_USD};

/// A few models that exist. Any other name is answered too, unless it starts with `no-such/`.
const MODELS: [&str; 4] =
    ["openai/gpt-5-mini", "anthropic/claude-haiku-4.5", "google/gemini-2.5-flash", "simulated/free:free"];

/// The body of `GET /models`. Prices are texts, in USD a token.
pub(in super::super) fn models() -> Value {
    json!({"data": MODELS.map(model), "total_count": MODELS.len(), "links": {"next": null}})
}

fn model(id: &str) -> Value {
    let price = |nano_usd: u64| if id.ends_with(":free") { "0".to_owned() } else { format!("0.{nano_usd:09}") };
    json!({
        "id": id, "canonical_slug": id, "name": format!("{id} (simulated)"), "created": 1_767_225_600,
        "description": "A simulated model: it is not asked, and costs nothing.",
        "context_length": 128_000,
        "pricing": {"prompt": price(PROMPT_NANO_USD), "completion": price(COMPLETION_NANO_USD), "request": "0", "image": "0"},
        "top_provider": {"context_length": 128_000, "max_completion_tokens": 16_384, "is_moderated": false},
        "supported_parameters": ["max_tokens", "response_format", "tools", "tool_choice", "temperature", "seed"],
        "per_request_limits": null,
    })
}
