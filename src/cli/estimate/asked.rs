//! What a job asks of each model.

use std::collections::HashMap;
use std::sync::Arc;

use nightreel::input::InputError;
use nightreel::model::Endpoint;
use nightreel::prompt::{Draft, Prompt, PromptError};

use super::super::exit::Failure;
use super::super::plan::Plan;
use super::request_weight::RequestWeight;

/// What is asked of one model: sums over its requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Asked {
    /// Requests.
    pub(super) requests: u64,
    /// The weight of all prompts, without the answers that later turns carry.
    pub(super) bytes: u64,
    /// Images, sounds and files.
    pub(super) attachments: u64,
    /// Answers that are texts; an embedding is none.
    pub(super) answers: u64,
    /// Answers whose length the request does not limit.
    pub(super) unlimited: u64,
    /// The limits of the others, added up, in tokens.
    pub(super) limit_tokens: u64,
    /// How many times an earlier answer is carried in a prompt.
    pub(super) carried: u64,
}

impl Asked {
    /// Adds a request that is asked so many times, and carries so many earlier answers.
    fn add(&mut self, weight: RequestWeight, samples: u64, carried: u64, is_answered_in_text: bool) {
        self.requests += samples;
        self.bytes += weight.bytes * samples;
        self.attachments += weight.attachments * samples;
        self.carried += carried * samples;
        if is_answered_in_text {
            let answers = weight.choices.saturating_mul(samples);
            self.answers += answers;
            match weight.token_limit {
                Some(limit) => self.limit_tokens = self.limit_tokens.saturating_add(limit.saturating_mul(answers)),
                None => self.unlimited += answers,
            }
        }
    }
}

/// What a job asks, by model, in the order in which the models are first asked.
#[derive(Debug, Default)]
pub(super) struct AskedByModel {
    models: Vec<(Arc<str>, Asked)>,
    places: HashMap<Arc<str>, usize>,
}

impl AskedByModel {
    /// Measures every request of the first rows of a job's input.
    pub(super) fn measure(plan: &Plan, rows: u64) -> Result<Vec<(Arc<str>, Asked)>, Failure> {
        let mut asked = Self::default();
        let (prompt, mut left) = (&plan.prompt, rows);
        for row in plan.input.rows().map_err(unreadable)? {
            let Some(rest) = left.checked_sub(1) else { break };
            left = rest;
            for draft in prompt.drafts(&row.map_err(unreadable)?) {
                asked.draft(prompt, &draft.map_err(unaskable)?).map_err(unaskable)?;
            }
        }
        Ok(asked.models)
    }

    fn draft(&mut self, prompt: &Prompt, draft: &Draft) -> Result<(), PromptError> {
        let samples = u64::from(prompt.samples());
        let asked = self.of(&draft.model);
        let mut answers = Vec::new();
        for step in 0..draft.steps() {
            let request = draft.request(step, &answers)?;
            let weight = RequestWeight::of(&request.body);
            asked.add(weight, samples, step as u64, request.endpoint != Endpoint::Embeddings);
            answers.push(String::new());
        }
        Ok(())
    }

    fn of(&mut self, model: &Arc<str>) -> &mut Asked {
        let place = *self.places.entry(Arc::clone(model)).or_insert_with(|| {
            self.models.push((Arc::clone(model), Asked::default()));
            self.models.len() - 1
        });
        &mut self.models[place].1
    }
}

fn unreadable(error: InputError) -> Failure {
    Failure::usage(error)
}

fn unaskable(error: PromptError) -> Failure {
    Failure::usage(error)
}

#[cfg(test)]
mod tests {
    use nightreel::job::Job;
    use nightreel::model::Row;
    use serde_json::{Map, Value};

    use super::*;

    fn asked(request: &str) -> Vec<(String, Asked)> {
        let text = format!("[input]\npath = \"rows.csv\"\n[request]\n{request}\n");
        let prompt = Prompt::compile(&Job::from_text("j.toml".as_ref(), &text, &[]).unwrap()).unwrap();
        let fields = Map::from_iter([("q".to_owned(), Value::from("12345678"))]);
        let row = Row { number: 1, line: 2, id: "1".to_owned(), fields, request: None };
        let mut asked = AskedByModel::default();
        prompt.drafts(&row).for_each(|draft| asked.draft(&prompt, &draft.unwrap()).unwrap());
        asked.models.into_iter().map(|(model, asked)| (model.to_string(), asked)).collect()
    }

    #[test]
    fn each_model_is_asked_every_row_as_often_as_there_are_samples() {
        let asked = asked("models = [\"b\", \"a\"]\nprompt = \"{{ q }}\"\nsamples = 3\nparams = { max_tokens = 10 }");
        let expected = Asked { requests: 3, bytes: 72, answers: 3, limit_tokens: 30, ..Asked::default() };
        assert_eq!(asked, [("b".to_owned(), expected), ("a".to_owned(), expected)]);
    }

    #[test]
    fn a_later_turn_carries_every_turn_and_answer_before_it() {
        let asked = asked("models = [\"m\"]\nturns = [\"{{ q }}\", \"{{ q }}\", \"{{ q }}\"]");
        // A turn and an answer without text are a frame each: 1 + 3 + 5 frames, 1 + 2 + 3 texts.
        let expected =
            Asked { requests: 3, bytes: 9 * 16 + 6 * 8, answers: 3, unlimited: 3, carried: 3, ..Asked::default() };
        assert_eq!(asked, [("m".to_owned(), expected)]);
    }

    #[test]
    fn an_embedding_is_no_answer_of_tokens() {
        let asked = asked("models = [\"m\"]\nprompt = \"{{ q }}\"\nendpoint = \"embeddings\"");
        assert_eq!(asked[0].1, Asked { requests: 1, bytes: 8, ..Asked::default() });
    }
}
