//! What requests cost: by what their replies say, else by a price table that the user gives.
//!
//! A price table is a TOML file with a table for each model; its name stands in quotes, since it has
//! a slash in it:
//!
//! ```toml
//! ["openai/gpt-5-mini"]
//! prompt_usd_per_million = 0.25
//! completion_usd_per_million = 2.0
//! # These may be left out:
//! request_usd = 0.0                    # for each request
//! cache_read_usd_per_million = 0.025   # tokens read from a prompt cache; else as the prompt's
//! cache_write_usd_per_million = 0.3    # tokens written to a prompt cache; else as the prompt's
//! max_completion_tokens = 128_000      # the most that the model answers with
//! ```
//!
//! A `.json` file is `OpenRouter`'s list of models as `GET https://openrouter.ai/api/v1/models` gives
//! it: `{"data": [{"id": "…", "pricing": {"prompt": "0.00000025", "completion": "0.000002"}}]}`, the
//! prices in USD for one token. Of it, only what is used is read: `request`, `input_cache_read` and
//! `input_cache_write` beside those two, and `top_provider.max_completion_tokens`.

mod cost;
mod model_list;
mod price_error;
mod price_table;
mod price_toml;
mod usd;

pub use cost::{cost_of, worst_case};
pub use price_error::PriceError;
pub use price_table::{Price, Prices};
pub use usd::{usd, usd_at_least};
