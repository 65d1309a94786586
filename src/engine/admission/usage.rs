//! What a lane's requests have used, and what the next one may.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::model::{Endpoint, Request};

/// Tokens of a prompt for each of its bytes, before any reply has told: a little more than English
/// has, and JSON around it.
const TOKENS_A_BYTE: f64 = 0.3;
/// Text with longer tokens on the average is not met with.
const MOST_BYTES_A_TOKEN: usize = 6;
/// Tokens of an answer before any reply has told, where the request does not limit them.
const ANSWER_TOKENS: f64 = 500.0;
/// After so many replies the older ones count half: a job's rows may change in kind.
const REPLIES: f64 = 1_000.0;
/// How far a prompt may be beyond its estimate in a worst case.
const PROMPT_MARGIN: f64 = 1.5;
/// Beyond the dearest answer seen: while few have been seen, and later.
const DEAREST_MARGIN: (f64, f64) = (2.0, 1.25);
/// What few are.
pub(super) const FEW: u32 = 20;

/// What a request asks of the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    /// Bytes of its body.
    pub bytes: usize,
    /// The most tokens that it lets its answers have, all of them, where it says so.
    pub max_tokens: Option<u64>,
    /// How many answers it asks for; 0 is one.
    pub answers: u64,
}

/// What of a request's body says how much is answered.
#[derive(Deserialize, Default)]
struct Body {
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
    max_output_tokens: Option<u64>,
    n: Option<u64>,
    best_of: Option<u64>,
    prompt: Option<Prompts>,
}

/// The prompts of a completion: each is answered.
#[derive(Deserialize)]
#[serde(untagged)]
enum Prompts {
    /// One, as tokens.
    Tokens(#[expect(dead_code, reason = "what it is made of tells it from the others")] Vec<u64>),
    /// Texts, or tokens of each.
    Many(Vec<IgnoredAny>),
    /// One text.
    One(IgnoredAny),
}

/// How many replies of a lane have told what they cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Told {
    /// Those that did.
    pub(super) priced: u32,
    /// Those of a cache.
    pub(super) cached: u32,
    /// Those that tell nothing of the price: it alone says what they cost, or they were free though it
    /// says otherwise.
    pub(super) untold: u32,
}

/// What a lane has learned from its replies.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Usage {
    replies: f64,
    bytes: f64,
    prompt_tokens: f64,
    completion_tokens: f64,
    /// How many replies of this session have told what they cost.
    pub(super) told: Told,
    /// What the dearest answer has cost, in this session or an earlier one, in USD.
    pub(super) dearest_seen_usd: Option<f64>,
    /// Whether an answer of the run did not say what it cost, and no price told it either.
    pub(super) is_cost_unknown: bool,
}

#[expect(clippy::cast_precision_loss, reason = "estimates need no 53 bits")]
impl Usage {
    /// Learns from a reply what it has used.
    pub(super) fn learn(&mut self, size: Size, prompt_tokens: u64, completion_tokens: u64) {
        if self.replies >= REPLIES {
            for sum in [&mut self.replies, &mut self.bytes, &mut self.prompt_tokens, &mut self.completion_tokens] {
                *sum /= 2.0;
            }
        }
        self.replies += 1.0;
        self.bytes += size.bytes as f64;
        self.prompt_tokens += prompt_tokens as f64;
        self.completion_tokens += completion_tokens as f64;
    }

    /// Learns what a reply has cost, in USD.
    pub(super) fn learn_cost(&mut self, cost_usd: f64) {
        self.told.priced = self.told.priced.saturating_add(1);
        self.know_cost(cost_usd);
    }

    /// Learns that a cache has replied.
    pub(super) fn learn_cached(&mut self) {
        self.told.cached = self.told.cached.saturating_add(1);
    }

    /// Learns that a reply tells nothing of the price.
    pub(super) fn learn_untold(&mut self) {
        self.told.untold = self.told.untold.saturating_add(1);
    }

    /// Takes over what some reply has cost, in USD: of how many others that is true says nothing where
    /// they are of another session, since the job may have changed.
    pub(super) fn know_cost(&mut self, cost_usd: f64) {
        self.dearest_seen_usd = Some(self.dearest_seen_usd.map_or(cost_usd, |dearest| dearest.max(cost_usd)));
    }

    /// What the next prompt is likely to have.
    pub(super) fn prompt_tokens(&self, size: Size) -> f64 {
        let ratio = if self.bytes > 0.0 { self.prompt_tokens / self.bytes } else { TOKENS_A_BYTE };
        size.bytes as f64 * ratio
    }

    /// What the next request is likely to use, prompt and answer.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float is clamped when it is cast")]
    pub(super) fn tokens(&self, size: Size) -> u32 {
        let answer = if self.replies > 0.0 { self.completion_tokens / self.replies } else { ANSWER_TOKENS };
        let answer = size.max_tokens.map_or(answer, |most| answer.min(most as f64));
        (self.prompt_tokens(size) + answer).ceil() as u32
    }

    /// The prompt's tokens at worst: as many as it has bytes, before any reply has told.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float is clamped when it is cast")]
    pub(super) fn most_prompt_tokens(&self, size: Size) -> u64 {
        if self.bytes > 0.0 { (self.prompt_tokens(size) * PROMPT_MARGIN).ceil() as u64 } else { size.bytes as u64 }
    }

    /// What the next request may cost by what was seen; `None` where nothing was.
    pub(super) fn dearest_usd(&self) -> Option<f64> {
        let margin = if self.told.priced < FEW { DEAREST_MARGIN.0 } else { DEAREST_MARGIN.1 };
        self.dearest_seen_usd.map(|dearest| dearest * margin)
    }
}

impl Size {
    /// The size of a request.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        let bytes = request.body.len();
        if request.endpoint == Endpoint::Embeddings {
            return Self { bytes, max_tokens: Some(0), answers: 1 };
        }
        // A body of another shape limits nothing; its server says what is wrong with it.
        let body: Body = serde_json::from_slice(&request.body).unwrap_or_default();
        let most = body.max_completion_tokens.or(body.max_tokens).or(body.max_output_tokens);
        let answers = body.answers();
        Self { bytes, max_tokens: most.map(|most| most.saturating_mul(answers)), answers }
    }

    /// The fewest tokens that a prompt of so many bytes is likely to have: a request with more of
    /// them than a quota has in a minute would never fit in one.
    #[must_use]
    pub const fn fewest_tokens(self) -> u64 {
        (self.bytes / MOST_BYTES_A_TOKEN) as u64
    }
}

impl Body {
    /// How many answers are generated: those that are not the best of a prompt's are billed too.
    fn answers(&self) -> u64 {
        let prompts = match &self.prompt {
            Some(Prompts::Many(prompts)) => prompts.len() as u64,
            Some(Prompts::Tokens(_) | Prompts::One(_)) | None => 1,
        };
        let of_each = self.n.max(self.best_of).unwrap_or(1).max(1);
        prompts.saturating_mul(of_each)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Key;

    #[test]
    fn every_answer_that_a_request_asks_for_counts() {
        for (endpoint, body, max_tokens, answers) in [
            (Endpoint::Completions, r#"{"max_tokens":100,"prompt":"a"}"#, Some(100), 1),
            (Endpoint::Completions, r#"{"max_tokens":100,"prompt":["a","b","c"]}"#, Some(300), 3),
            (Endpoint::Completions, r#"{"max_tokens":100,"prompt":[["a"],[1,2]],"n":2}"#, Some(400), 4),
            (Endpoint::Completions, r#"{"max_tokens":100,"prompt":[[1,2],[3,4]]}"#, Some(200), 2),
            (Endpoint::Completions, r#"{"max_tokens":100,"prompt":[1,2,3]}"#, Some(100), 1),
            (Endpoint::Completions, r#"{"max_tokens":100,"prompt":[]}"#, Some(100), 1),
            (Endpoint::Completions, r#"{"max_tokens":100,"prompt":null,"best_of":3}"#, Some(300), 3),
            (Endpoint::Completions, r#"{"max_tokens":100,"prompt":["a","b"],"n":2,"best_of":5}"#, Some(1_000), 10),
            (Endpoint::Completions, r#"{"prompt":["a","b"]}"#, None, 2),
            (Endpoint::ChatCompletions, r#"{"max_completion_tokens":7,"max_tokens":9,"n":3}"#, Some(21), 3),
            (Endpoint::ChatCompletions, r#"{"max_tokens":9,"n":0}"#, Some(9), 1),
            (Endpoint::Embeddings, r#"{"input":["a","b"],"max_tokens":9}"#, Some(0), 1),
        ] {
            let request = Request {
                endpoint,
                model: "m".into(),
                body: body.as_bytes().to_vec().into(),
                key: Key::from_bytes([0; 32]),
            };
            let expected = Size { bytes: body.len(), max_tokens, answers };
            assert_eq!(Size::of(&request), expected, "{body}");
        }
    }

    #[test]
    fn estimates_follow_what_replies_tell() {
        let mut usage = Usage::default();
        let size = Size { bytes: 1_000, ..Size::default() };
        assert_eq!(usage.tokens(size), 800);
        assert_eq!(usage.tokens(Size { max_tokens: Some(50), ..size }), 350);
        for _ in 0..5_000 {
            usage.learn(size, 250, 40);
        }
        assert_eq!(usage.tokens(size), 290);
        assert_eq!(usage.most_prompt_tokens(size), 375);
        for _ in 0..5_000 {
            usage.learn(size, 250, 80);
        }
        assert!(usage.tokens(size) >= 325, "{}", usage.tokens(size));
    }

    #[test]
    fn a_cost_is_taken_from_the_dearest_answer() {
        let mut usage = Usage::default();
        assert_eq!(usage.dearest_usd(), None);
        usage.learn_cost(0.02);
        usage.learn_cost(0.01);
        assert_eq!(usage.dearest_usd(), Some(0.04));
        (0..20).for_each(|_| usage.learn_cost(0.0));
        assert_eq!(usage.dearest_usd(), Some(0.025));
    }
}
