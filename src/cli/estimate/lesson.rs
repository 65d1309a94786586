//! What earlier runs teach of a model.

use nightreel::price::{Price, worst_case};
use nightreel::store::{Learned, Reader, StoreError};

use super::request_weight::RequestWeight;

/// How many answers are enough to learn from.
const ENOUGH: u64 = 20;
/// How many prompts are weighed.
const WEIGHED: usize = 200;
/// What is this much beyond its price, as a share of it, is rounded otherwise and no more.
const ROUNDING: f64 = 0.01;

/// What earlier runs teach of a model. Simulated runs teach nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Lesson {
    /// What earlier answers used.
    pub(super) learned: Learned,
    /// Whether they are all of this job, and not of any job of the store.
    pub(super) of_job: bool,
    /// What prompts weigh for the model's own tokenizer, where there are enough of them.
    pub(super) prompts: Option<Weighed>,
}

/// What prompts weigh for a model's own tokenizer.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Weighed {
    /// How many were weighed.
    pub(super) prompts: u64,
    /// Their tokens together.
    pub(super) tokens: u64,
    /// Their bytes together.
    pub(super) bytes: u64,
}

impl Lesson {
    /// Reads what the store teaches of a model: from this job's runs where they have enough answers.
    pub(super) fn read(reader: &mut Reader, job: &str, model: &str) -> Result<Self, StoreError> {
        let (of_job, of_all) = (reader.learned_of_job(model, job)?, reader.learned(model, false)?);
        let job_is_enough = of_job.answers >= ENOUGH || of_job.answers == of_all.answers;
        let learned = if job_is_enough { of_job } else { of_all };
        Ok(Self { learned, of_job: job_is_enough, prompts: weigh(reader, model)? })
    }

    /// How many tokens an answer had on average.
    pub(super) fn average_answer(&self) -> Option<f64> {
        (self.learned.answers > 0).then(|| float(self.learned.completion_tokens) / float(self.learned.answers))
    }

    /// How many tokens the longest answer had.
    pub(super) fn longest_answer(&self) -> Option<f64> {
        (self.learned.answers > 0).then(|| float(self.learned.most_completion_tokens))
    }

    /// What earlier answers cost, and what a price makes at most of all their tokens, in USD: where
    /// that is less, and so the price too low.
    pub(super) fn beyond(&self, price: &Price) -> Option<(f64, f64)> {
        let Learned { answers, prompt_tokens, completion_tokens, cost_usd, .. } = self.learned;
        let tokens = Price { request_usd: 0.0, ..*price };
        let of_tokens = worst_case(&tokens, prompt_tokens, Some(completion_tokens))?;
        let by_price_usd = float(answers).mul_add(price.request_usd, of_tokens);
        (cost_usd > by_price_usd * (1.0 + ROUNDING)).then_some((cost_usd, by_price_usd))
    }

    /// How many tokens a byte of a prompt has.
    pub(super) fn tokens_per_byte(&self) -> Option<f64> {
        self.prompts.map(|weighed| float(weighed.tokens) / float(weighed.bytes))
    }
}

/// Weighs the newest prompts that were answered. Those with images or files count by something else
/// than their text.
fn weigh(reader: &mut Reader, model: &str) -> Result<Option<Weighed>, StoreError> {
    let mut weighed = Weighed::default();
    for (exchange, tokens) in reader.answered_prompts(model, WEIGHED)? {
        let weight = RequestWeight::of(&reader.request(exchange)?.unwrap_or_default());
        if weight.attachments == 0 {
            weighed = Weighed {
                prompts: weighed.prompts + 1,
                tokens: weighed.tokens + tokens,
                bytes: weighed.bytes + weight.bytes,
            };
        }
    }
    Ok((weighed.prompts >= ENOUGH && weighed.bytes > 0).then_some(weighed))
}

/// A count as a number to reckon with.
#[expect(clippy::cast_precision_loss, reason = "an estimate needs no more than 53 bits")]
pub(super) const fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_too_low_where_earlier_answers_cost_more_than_all_their_tokens() {
        let price = Price { prompt_usd: 0.001, completion_usd: 0.01, request_usd: 0.5, ..Price::default() };
        for (answers, cost_usd, expected) in
            [(2, 2.2, None), (2, 2.21, None), (2, 4.4, Some((4.4, 2.2))), (2, 0.0, None), (0, 0.0, None)]
        {
            let learned = Learned {
                answers,
                prompt_tokens: answers * 500,
                completion_tokens: answers * 10,
                priced_answers: answers,
                cost_usd,
                ..Learned::default()
            };
            let lesson = Lesson { learned, ..Lesson::default() };
            assert_eq!(lesson.beyond(&price), expected, "{answers} answers for {cost_usd}");
        }
    }
}
