//! What was paid for, and what became of it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::answer::Usage;
use super::limits::Limit;

/// How many models have an entry of their own; the others share one.
const MODELS: usize = 1_000;
/// The entry that they share.
const OTHER_MODELS: &str = "(others)";

/// What became of an answer that was paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// All of it was handed to the connection.
    Delivered,
    /// The connection was closed or reset before its end.
    Cut,
    /// Its end never came, and the connection stayed open.
    Hung,
    /// The client left before its end.
    Left,
}

impl Fate {
    /// The name that the journal uses.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Cut => "cut",
            Self::Hung => "hung",
            Self::Left => "left",
        }
    }
}

/// Answers that were paid for, added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Bill {
    /// How many.
    pub answers: u64,
    /// Tokens of their prompts.
    pub prompt_tokens: u64,
    /// Tokens of the answers.
    pub completion_tokens: u64,
    /// What they cost, in billionths of a USD.
    pub nano_usd: u64,
}

/// What one model was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ModelStats {
    /// Requests that named it.
    pub requests: u64,
    /// Answers of it that were paid for.
    pub billed: Bill,
}

/// What was paid for, what became of it, and what was refused.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger {
    pub(super) billed: Bill,
    pub(super) delivered: Bill,
    pub(super) cut: Bill,
    pub(super) hung: Bill,
    pub(super) left: Bill,
    pub(super) models: BTreeMap<String, ModelStats>,
    pub(super) limited: BTreeMap<&'static str, u64>,
}

impl Bill {
    fn add(&mut self, usage: &Usage) {
        self.answers += 1;
        self.prompt_tokens += usage.prompt_tokens;
        self.completion_tokens += usage.completion_tokens;
        self.nano_usd += usage.nano_usd();
    }
}

impl Ledger {
    /// Counts a request for a model, and what is paid for it.
    pub(super) fn asked(&mut self, model: &str, billed: Option<&Usage>) {
        let is_new = !self.models.contains_key(model);
        let name = if is_new && self.models.len() >= MODELS { OTHER_MODELS } else { model };
        if !self.models.contains_key(name) {
            self.models.insert(name.to_owned(), ModelStats::default());
        }
        let stats = self.models.get_mut(name).expect("it is there now");
        stats.requests += 1;
        if let Some(usage) = billed {
            stats.billed.add(usage);
            self.billed.add(usage);
        }
    }

    /// Counts what became of an answer that was paid for.
    pub(super) fn ended(&mut self, fate: Fate, usage: &Usage) {
        let bill = match fate {
            Fate::Delivered => &mut self.delivered,
            Fate::Cut => &mut self.cut,
            Fate::Hung => &mut self.hung,
            Fate::Left => &mut self.left,
        };
        bill.add(usage);
    }

    /// Counts a request that a limit refused.
    pub(super) fn refused(&mut self, limit: Limit) {
        *self.limited.entry(limit.as_str()).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_past_a_thousand_share_an_entry() {
        let mut ledger = Ledger::default();
        for number in 0..2_000 {
            ledger.asked(&format!("model {number}"), None);
        }
        ledger.asked("model 0", Some(&Usage::default()));
        assert_eq!(ledger.models.len(), MODELS + 1);
        assert_eq!(ledger.models[OTHER_MODELS].requests, 1_000);
        assert_eq!((ledger.models["model 0"].requests, ledger.billed.answers), (2, 1));
    }
}
