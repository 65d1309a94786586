//! What an answer has used.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};

/// How a usage is announced. Within a text of the answer the quotes would be escaped.
const NAME: &[u8] = b"\"usage\"";

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
    /// Tokens of the prompt that a provider's prompt cache was read for.
    pub cache_read_tokens: Option<u64>,
    /// Tokens of the prompt that were written to a provider's prompt cache.
    pub cache_write_tokens: Option<u64>,
    /// Tokens of the prompt that no cache had to do with.
    pub uncached_tokens: Option<u64>,
}

impl Usage {
    /// The usage in a body that need be no answer: one with an error in it, an event stream, or
    /// JSON that breaks off. Of several usages the last one counts, since a stream's tokens add up.
    #[must_use]
    pub fn in_body(body: &[u8]) -> Option<Self> {
        if let Ok(whole) = serde_json::from_slice::<Whole>(body) {
            return whole.usage.map(|usage| UsageBody::usage(Some(usage)));
        }
        let mut places = body.windows(NAME.len()).enumerate().rev().filter(|(_, window)| *window == NAME);
        places.find_map(|(at, _)| {
            let value = body[at + NAME.len()..].trim_ascii_start().strip_prefix(b":")?;
            let parsed = serde_json::Deserializer::from_slice(value).into_iter::<UsageBody>().next()?;
            parsed.ok().map(|usage| UsageBody::usage(Some(usage)))
        })
    }
}

/// A body that is whole, whatever else is in it.
#[derive(Deserialize)]
struct Whole {
    usage: Option<UsageBody>,
}

#[derive(Deserialize)]
pub(super) struct UsageBody {
    #[serde(alias = "input_tokens", default)]
    prompt_tokens: Number,
    #[serde(alias = "output_tokens", default)]
    completion_tokens: Number,
    #[serde(default)]
    cost: Number,
    is_byok: Option<bool>,
    cost_details: Option<CostDetails>,
    #[serde(alias = "input_tokens_details")]
    prompt_tokens_details: Option<PromptDetails>,
    #[serde(default)]
    cache_read_input_tokens: Number,
    #[serde(default)]
    cache_creation_input_tokens: Number,
}

#[derive(Deserialize)]
struct CostDetails {
    #[serde(default)]
    upstream_inference_cost: Number,
}

#[derive(Deserialize)]
struct PromptDetails {
    #[serde(default)]
    cached_tokens: Number,
    #[serde(default)]
    cache_write_tokens: Number,
}

impl UsageBody {
    pub(super) fn usage(usage: Option<Self>) -> Usage {
        let Some(usage) = usage else { return Usage::default() };
        let upstream = usage.cost_details.as_ref().and_then(|details| details.upstream_inference_cost.amount());
        let cost_usd = match (usage.cost.amount(), upstream) {
            (Some(cost), Some(upstream)) if usage.is_byok == Some(true) => Some(cost + upstream),
            (cost, _) => cost,
        };
        let prompt_tokens = usage.prompt_tokens.count();
        let details = usage.prompt_tokens_details.as_ref();
        let within = |tokens: fn(&PromptDetails) -> &Number| details.and_then(|details| tokens(details).count());
        // Anthropic counts its cache's tokens beside those of the input, the others within them.
        let beside = (usage.cache_read_input_tokens.count(), usage.cache_creation_input_tokens.count());
        let is_beside = beside.0.or(beside.1).is_some();
        let (read, write) =
            if is_beside { beside } else { (within(|d| &d.cached_tokens), within(|d| &d.cache_write_tokens)) };
        let cached = if is_beside { 0 } else { read.unwrap_or(0) + write.unwrap_or(0) };
        Usage {
            prompt_tokens,
            completion_tokens: usage.completion_tokens.count(),
            cost_usd,
            cache_read_tokens: read,
            cache_write_tokens: write,
            uncached_tokens: prompt_tokens.map(|tokens| tokens.saturating_sub(cached)),
        }
    }
}

/// A number, or one in digits. Anything else says nothing: an answer that was paid for must not be
/// lost over how it counts.
#[derive(Default)]
struct Number(Option<f64>);

impl Number {
    /// An amount of money: nothing that is below zero or not finite.
    fn amount(&self) -> Option<f64> {
        self.0.filter(|amount| amount.is_finite() && *amount >= 0.0)
    }

    /// A number of tokens.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the number is not negative")]
    fn count(&self) -> Option<u64> {
        self.amount().map(|count| count as u64)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor).map(Self)
    }
}

struct NumberVisitor;

impl<'de> Visitor<'de> for NumberVisitor {
    type Value = Option<f64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Some(number))
    }

    #[expect(clippy::cast_precision_loss, reason = "a number of tokens has far fewer than 53 bits")]
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(number as f64))
    }

    #[expect(clippy::cast_precision_loss, reason = "what is negative is not used")]
    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(number as f64))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(text.trim().parse().ok())
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}
