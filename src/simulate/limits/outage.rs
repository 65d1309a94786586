//! A while in which one model answers nothing.

use std::str::FromStr;
use std::time::Duration;

use super::super::latency::duration;

/// A while in which a model answers 429, counted from the first request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// The model.
    pub model: String,
    /// When it begins.
    pub from: Duration,
    /// When it is over.
    pub to: Duration,
}

/// A text that says no outage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutageError {
    /// Another form.
    #[error("\"{0}\" is no outage; write the model and from when to when it lasts: openai/gpt-5-mini=30s..90s")]
    Form(String),
    /// An end before the beginning.
    #[error("the outage of {model} begins at {from:?} and ends before it, at {to:?}")]
    Order {
        /// The model.
        model: String,
        /// When it begins.
        from: Duration,
        /// When it is over.
        to: Duration,
    },
}

impl Outage {
    /// # Errors
    /// Fails where it is over before it begins.
    pub(in super::super) fn check(&self) -> Result<(), OutageError> {
        if self.from <= self.to {
            return Ok(());
        }
        Err(OutageError::Order { model: self.model.clone(), from: self.from, to: self.to })
    }

    pub(super) fn is_now(&self, model: &str, now: Duration) -> bool {
        self.model == model && (self.from..self.to).contains(&now)
    }
}

impl FromStr for Outage {
    type Err = OutageError;

    /// Takes `openai/gpt-5-mini=30s..90s`; a number without a unit is seconds.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = || OutageError::Form(text.to_owned());
        let (model, span) = text.rsplit_once('=').filter(|(model, _)| !model.is_empty()).ok_or_else(form)?;
        let (from, to) = span.split_once("..").ok_or_else(form)?;
        let (from, to) = (moment(from).ok_or_else(form)?, moment(to).ok_or_else(form)?);
        let outage = Self { model: model.to_owned(), from, to };
        outage.check().map(|()| outage)
    }
}

fn moment(text: &str) -> Option<Duration> {
    let seconds = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| format!("{text}s"));
    duration(seconds.as_deref().unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_names_a_model_and_a_while() {
        let outage: Outage = "a/b=30..1.5m".parse().unwrap();
        let (from, to) = (Duration::from_secs(30), Duration::from_secs(90));
        assert_eq!(outage, Outage { model: "a/b".to_owned(), from, to });
        let is_now = |model, seconds| outage.is_now(model, Duration::from_secs(seconds));
        assert_eq!([29, 30, 89, 90].map(|seconds| is_now("a/b", seconds)), [false, true, true, false]);
        assert!(!is_now("a/c", 40));
    }

    #[test]
    fn what_is_no_outage_is_named() {
        for text in ["", "a/b", "a/b=30", "=1..2", "a/b=x..2", "a/b=..2"] {
            assert_eq!(text.parse::<Outage>(), Err(OutageError::Form(text.to_owned())));
        }
        assert!(matches!("a/b=9..3".parse::<Outage>(), Err(OutageError::Order { .. })));
    }
}
