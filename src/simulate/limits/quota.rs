//! A quota of one model.

use std::str::FromStr;

/// How many requests a model takes in a minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelQuota {
    /// The model.
    pub model: String,
    /// Requests in a minute.
    pub requests_per_minute: u32,
}

/// A text that says no quota of a model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no quota of a model; write openai/gpt-5-mini=600")]
pub struct ModelQuotaError(String);

impl FromStr for ModelQuota {
    type Err = ModelQuotaError;

    /// Takes `openai/gpt-5-mini=600`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let quota = text.rsplit_once('=').filter(|(model, _)| !model.is_empty());
        let quota = quota.and_then(|(model, number)| Some((model.to_owned(), number.parse().ok()?)));
        let (model, requests_per_minute) = quota.ok_or_else(|| ModelQuotaError(text.to_owned()))?;
        Ok(Self { model, requests_per_minute })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_names_a_model_and_a_number() {
        let quota = ModelQuota { model: "a/b=c".to_owned(), requests_per_minute: 600 };
        assert_eq!("a/b=c=600".parse(), Ok(quota));
        for text in ["", "600", "=600", "a/b=", "a/b=-1", "a/b=1.5"] {
            assert_eq!(text.parse::<ModelQuota>(), Err(ModelQuotaError(text.to_owned())));
        }
    }
}
