//! Price tables: what models cost, as the user says it.
//!
//! A price table is a TOML file with a table for each model; its name stands in quotes, since it has
//! a slash in it:
//!
//! ```toml
//! ["openai/gpt-5-mini"]
//! prompt_usd_per_million = 0.25
//! completion_usd_per_million = 2.0
//! request_usd = 0.0        # for each request; may be left out
//! ```
//!
//! A `.json` file is `OpenRouter`'s list of models as `GET https://openrouter.ai/api/v1/models` gives
//! it: `{"data": [{"id": "…", "pricing": {"prompt": "0.00000025", "completion": "0.000002"}}]}`, the
//! prices in USD for one token. Of it, only what is used is read.

mod model_list;
mod price_error;
mod price_table;
mod price_toml;

pub(crate) use price_error::PriceError;
pub(crate) use price_table::{Price, Prices};
