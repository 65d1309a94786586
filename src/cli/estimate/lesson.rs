//! What earlier runs teach of a model.

use nightreel::store::{Learned, Reader, StoreError};

use super::request_weight::RequestWeight;

/// How many answers are enough to learn from.
const ENOUGH: u64 = 20;
/// How many prompts are weighed.
const WEIGHED: usize = 200;

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
