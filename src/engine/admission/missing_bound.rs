//! What is missing where nothing bounds the cost of a request.

/// What is missing where nothing bounds what a request of a model may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MissingBound {
    /// A price of the model.
    Price,
    /// How long an answer may be: there is a price.
    Length,
    /// Either.
    Both,
}

impl MissingBound {
    /// What a person has to do first, for people. A longest answer in the price table comes first: another
    /// `max_tokens` is another request, and what is settled would be asked again.
    pub(super) fn needs(self, model: &str) -> String {
        let bound = match self {
            Self::Price => format!("give a price table that has {model} (prices = \"…\" in the job or --prices)"),
            Self::Length => format!(
                "say how long an answer of {model} may be (max_completion_tokens in the price table, or max_tokens in \
                 request.params)"
            ),
            Self::Both => format!(
                "give a price table that has {model} (prices = \"…\" in the job or --prices) and says how long an answer \
                 may be (max_completion_tokens, or max_tokens in request.params)"
            ),
        };
        format!("{bound} or go on without the budget")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_and_nothing_else() {
        for (missing, names_prices, names_length) in
            [(MissingBound::Price, true, false), (MissingBound::Length, false, true), (MissingBound::Both, true, true)]
        {
            let needs = missing.needs("some/model");
            assert_eq!(needs.contains("--prices"), names_prices, "{needs}");
            assert_eq!(needs.contains("max_tokens"), names_length, "{needs}");
            assert!(needs.contains(" some/model ") && needs.ends_with(" or go on without the budget"), "{needs}");
        }
    }
}
