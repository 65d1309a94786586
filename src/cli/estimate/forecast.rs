//! What a model's requests would take: ranges, and where they come from.

use nightreel::price::Price;

use super::asked::Asked;
use super::lesson::{Lesson, float};
use super::range::Range;
use super::source::{CostSource, LikelySource, MostSource, PromptSource};

/// Tokens of a byte of text where nothing is known of a model.
const TOKENS_PER_BYTE: f64 = 0.25;

/// What a model's requests would take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Forecast {
    /// Tokens of the prompts.
    pub(super) prompt: Range,
    /// Tokens of the answers.
    pub(super) answer: Range,
    /// What it costs, in USD.
    pub(super) cost: Range,
    /// Where the prompts' tokens come from.
    pub(super) prompt_source: PromptSource,
    /// Where the likely answers' tokens come from.
    pub(super) likely_source: LikelySource,
    /// Where the most answers' tokens come from.
    pub(super) most_source: MostSource,
    /// Where the cost comes from.
    pub(super) cost_source: CostSource,
}

impl Forecast {
    /// Reckons what is asked with what was learned, and with a price.
    pub(super) fn new(asked: &Asked, lesson: &Lesson, price: Option<Price>) -> Self {
        let (answer, likely_source, most_source) = answer(asked, lesson);
        let prompt = prompt(asked, lesson, answer);
        let (cost, cost_source) = cost(asked, lesson, price, prompt, answer);
        let prompt_source =
            lesson.prompts.map_or(PromptSource::Bytes, |weighed| PromptSource::Weighed(weighed.prompts));
        Self { prompt, answer, cost, prompt_source, likely_source, most_source, cost_source }
    }
}

fn answer(asked: &Asked, lesson: &Lesson) -> (Range, LikelySource, MostSource) {
    if asked.answers == 0 {
        return (Range::ZERO, LikelySource::NoAnswers, MostSource::Limits);
    }
    let limits = float(asked.limit_tokens);
    let (high, most_source) = match (asked.unlimited, lesson.longest_answer()) {
        (0, _) => (Some(limits), MostSource::Limits),
        (_, None) => (None, MostSource::Unknown),
        (unlimited, Some(longest)) => {
            let source = if unlimited == asked.answers { MostSource::Longest } else { MostSource::Both };
            (Some(float(unlimited).mul_add(longest, limits)), source)
        }
    };
    let (answers, of_job) = (lesson.learned.answers, lesson.of_job);
    let likely = lesson.average_answer().map(|average| average * float(asked.answers));
    let likely = likely.map(|likely| high.map_or(likely, |high| likely.min(high)));
    let likely_source = likely.map_or(LikelySource::Unknown, |_| LikelySource::Average { answers, of_job });
    (Range { low: Some(0.0), likely, high }, likely_source, most_source)
}

/// Tokens of the prompts, with the answers that the later turns of a conversation carry.
fn prompt(asked: &Asked, lesson: &Lesson, answer: Range) -> Range {
    let own = float(asked.bytes) * lesson.tokens_per_byte().unwrap_or(TOKENS_PER_BYTE);
    if asked.carried == 0 {
        return Range::exactly(own);
    }
    let share = float(asked.carried) / float(asked.answers.max(1));
    let with = |answers: Option<f64>| answers.map(|answers| answers.mul_add(share, own));
    Range { low: Some(own), likely: with(answer.likely), high: with(answer.high) }
}

fn cost(asked: &Asked, lesson: &Lesson, price: Option<Price>, prompt: Range, answer: Range) -> (Range, CostSource) {
    let requests = float(asked.requests);
    let learned = &lesson.learned;
    if let Some(price) = price {
        let of = |prompt: Option<f64>, answer: Option<f64>| {
            let tokens = prompt? * price.prompt_usd + answer? * price.completion_usd;
            Some(requests.mul_add(price.request_usd, tokens))
        };
        let range = Range {
            low: of(prompt.low, answer.low),
            likely: of(prompt.likely, answer.likely),
            high: of(prompt.high, answer.high),
        };
        return (range, CostSource::Prices);
    }
    if learned.priced_answers == 0 {
        return (Range::default(), CostSource::Unknown);
    }
    let average_usd = learned.cost_usd / float(learned.priced_answers);
    let high = growth(asked, lesson, prompt, answer).map(|growth| learned.most_cost_usd * requests * growth);
    let [low, likely] = [learned.least_cost_usd, average_usd].map(|usd| Some(usd * requests));
    let source = CostSource::Earlier { answers: learned.priced_answers, of_job: lesson.of_job };
    (Range { low, likely, high }, source)
}

/// How many times more than the dearest earlier answer one may cost, since prompts or answers may be
/// longer than any that was seen.
fn growth(asked: &Asked, lesson: &Lesson, prompt: Range, answer: Range) -> Option<f64> {
    let learned = &lesson.learned;
    let times = |tokens: f64, seen: f64| if seen > 0.0 { tokens / seen } else { 1.0 };
    let seen_prompts = float(learned.prompt_tokens) / float(learned.answers.max(1)) * float(asked.requests);
    let seen_answers = float(learned.most_completion_tokens) * float(asked.answers);
    Some(times(prompt.high?, seen_prompts).max(times(answer.high?, seen_answers)).max(1.0))
}

#[cfg(test)]
mod tests {
    use nightreel::store::Learned;

    use super::super::lesson::Weighed;
    use super::*;

    const ASKED: Asked =
        Asked { requests: 10, bytes: 4_000, attachments: 0, answers: 10, unlimited: 0, limit_tokens: 500, carried: 0 };
    const PRICE: Price = Price {
        prompt_usd: 0.001,
        completion_usd: 0.01,
        request_usd: 0.5,
        cache_read_usd: None,
        cache_write_usd: None,
        max_completion_tokens: None,
    };

    fn lesson() -> Lesson {
        let learned = Learned {
            answers: 4,
            prompt_tokens: 800,
            completion_tokens: 80,
            most_completion_tokens: 60,
            priced_answers: 2,
            cost_usd: 0.04,
            least_cost_usd: 0.01,
            most_cost_usd: 0.03,
        };
        Lesson { learned, of_job: true, prompts: Some(Weighed { prompts: 30, tokens: 100, bytes: 200 }) }
    }

    fn range(low: f64, likely: f64, high: f64) -> Range {
        Range { low: Some(low), likely: Some(likely), high: Some(high) }
    }

    #[test]
    fn without_earlier_runs_the_bounds_come_from_bytes_and_limits() {
        let forecast = Forecast::new(&ASKED, &Lesson::default(), Some(PRICE));
        assert_eq!(forecast.prompt, Range::exactly(1_000.0));
        assert_eq!(forecast.answer, Range { likely: None, ..range(0.0, 0.0, 500.0) });
        assert_eq!(forecast.cost, Range { likely: None, ..range(6.0, 0.0, 11.0) });
        assert_eq!((forecast.prompt_source, forecast.most_source), (PromptSource::Bytes, MostSource::Limits));
    }

    #[test]
    fn earlier_answers_say_what_is_likely() {
        let forecast = Forecast::new(&ASKED, &lesson(), Some(PRICE));
        assert_eq!(forecast.prompt, Range::exactly(2_000.0));
        assert_eq!(forecast.answer, range(0.0, 200.0, 500.0));
        assert_eq!(forecast.cost, range(7.0, 9.0, 12.0));
        assert_eq!(forecast.likely_source, LikelySource::Average { answers: 4, of_job: true });
    }

    #[test]
    fn what_is_likely_is_not_more_than_the_limits() {
        let asked = Asked { limit_tokens: 50, ..ASKED };
        assert_eq!(Forecast::new(&asked, &lesson(), None).answer, range(0.0, 50.0, 50.0));
    }

    #[test]
    fn what_nothing_limits_is_as_long_as_the_longest_answer_so_far() {
        let asked = Asked { unlimited: 10, limit_tokens: 0, ..ASKED };
        let forecast = Forecast::new(&asked, &lesson(), None);
        assert_eq!((forecast.answer.high, forecast.most_source), (Some(600.0), MostSource::Longest));
        let mixed = Forecast::new(&Asked { unlimited: 4, ..ASKED }, &lesson(), None);
        assert_eq!((mixed.answer.high, mixed.most_source), (Some(740.0), MostSource::Both));
        let unknown = Forecast::new(&asked, &Lesson::default(), Some(PRICE));
        assert_eq!((unknown.answer.high, unknown.cost.high), (None, None));
        assert_eq!((unknown.cost.low, unknown.most_source), (Some(6.0), MostSource::Unknown));
    }

    #[test]
    fn later_turns_carry_the_answers_before_them() {
        let asked = Asked { carried: 5, ..ASKED };
        let forecast = Forecast::new(&asked, &lesson(), None);
        assert_eq!(forecast.prompt, range(2_000.0, 2_100.0, 2_250.0));
    }

    #[test]
    fn without_a_price_earlier_answers_say_what_one_costs() {
        let forecast = Forecast::new(&ASKED, &lesson(), None);
        assert_eq!(forecast.cost, range(0.1, 0.2, 0.3));
        assert_eq!(forecast.cost_source, CostSource::Earlier { answers: 2, of_job: true });
        let longer = Forecast::new(&Asked { limit_tokens: 1_200, ..ASKED }, &lesson(), None);
        assert_eq!(longer.cost, range(0.1, 0.2, 0.6));
        let unknown = Forecast::new(&ASKED, &Lesson::default(), None);
        assert_eq!((unknown.cost, unknown.cost_source), (Range::default(), CostSource::Unknown));
    }

    #[test]
    fn embeddings_have_no_answer_tokens() {
        let asked = Asked { answers: 0, limit_tokens: 0, ..ASKED };
        let forecast = Forecast::new(&asked, &Lesson::default(), Some(PRICE));
        assert_eq!((forecast.answer, forecast.cost), (Range::ZERO, Range::exactly(6.0)));
    }
}
