//! An estimate for people.

use nightreel::price::{Price, Prices};

use super::super::count::{count, counted};
use super::super::money::usd;
use super::super::page::Page;
use super::super::table::{Align, Table};
use super::super::terminal_text::{one_line, shortened};
use super::command::{Estimate, Lane};
use super::forecast::Forecast;
use super::lesson::Lesson;
use super::range::Range;
use super::source::{CostSource, LikelySource};

/// How wide a model's name may be.
const MODEL: usize = 60;
/// What stands where nothing is known.
const UNKNOWN: &str = "?";

/// An estimate: a table of the models, where the numbers come from, and what to know beside.
pub(super) fn text(estimate: &Estimate) -> String {
    let requests: u64 = estimate.lanes.iter().map(|lane| lane.requests).sum();
    let mut page = Page::default();
    page.line(format_args!(
        "{}: {}, {}, {}; nothing was sent\n",
        one_line(&estimate.job_file),
        counted(estimate.rows, "row"),
        counted(estimate.items, "item"),
        counted(requests, "request")
    ));
    page.text(&table(&estimate.lanes));
    page.line("\nwhere the numbers come from");
    for (models, forecast) in alike(&estimate.lanes) {
        sources(&mut page, &models, forecast);
    }
    if !estimate.notes.is_empty() {
        page.line("");
    }
    for note in &estimate.notes {
        page.line(format_args!("note: {}", one_line(note)));
    }
    page.finish()
}

fn table(lanes: &[Lane]) -> String {
    let right = |name| (name, Align::Right);
    let mut columns = vec![("model", Align::Left)];
    columns.extend(["requests", "prompt tokens", "answer tokens: likely", "at most"].map(right));
    columns.extend(["cost: at least", "likely", "at most"].map(right));
    let mut table = Table::new(&columns);
    for lane in lanes {
        let Forecast { prompt, answer, cost, .. } = lane.forecast;
        table.row(cells(&shortened(&lane.model, MODEL), lane.requests, [prompt, answer, cost]));
    }
    if lanes.len() > 1 {
        let (requests, sums) = sums(lanes);
        table.row(cells("all", requests, sums));
    }
    table.render("  ")
}

/// Requests, and tokens of prompts and answers and costs, over all models.
pub(super) fn sums(lanes: &[Lane]) -> (u64, [Range; 3]) {
    let zero = [Range::ZERO; 3];
    let add = |[prompt, answer, cost]: [Range; 3], lane: &Lane| {
        let forecast = &lane.forecast;
        [prompt + forecast.prompt, answer + forecast.answer, cost + forecast.cost]
    };
    (lanes.iter().map(|lane| lane.requests).sum(), lanes.iter().fold(zero, add))
}

fn cells(model: &str, requests: u64, [prompt, answer, cost]: [Range; 3]) -> [String; 8] {
    let prompts = match (prompt.likely, prompt.low) {
        (Some(likely), _) => tokens(Some(likely)),
        (None, low) => format!("≥ {}", tokens(low)),
    };
    let dollars = |amount: Option<f64>| amount.map_or_else(|| UNKNOWN.to_owned(), usd);
    [
        model.to_owned(),
        count(requests),
        prompts,
        tokens(answer.likely),
        tokens(answer.high),
        dollars(cost.low),
        dollars(cost.likely),
        dollars(cost.high),
    ]
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "tokens are not negative, and saturate")]
fn tokens(number: Option<f64>) -> String {
    number.map_or_else(|| UNKNOWN.to_owned(), |number| count(number.round() as u64))
}

/// The models by where their numbers come from.
fn alike(lanes: &[Lane]) -> Vec<(Vec<&str>, &Forecast)> {
    let mut groups: Vec<(Vec<&str>, &Forecast)> = Vec::new();
    for lane in lanes {
        let forecast = &lane.forecast;
        match groups.iter_mut().find(|(_, other)| has_same_sources(other, forecast)) {
            Some((models, _)) => models.push(&lane.model),
            None => groups.push((vec![&lane.model], forecast)),
        }
    }
    groups
}

fn has_same_sources(left: &Forecast, right: &Forecast) -> bool {
    (left.prompt_source, left.likely_source) == (right.prompt_source, right.likely_source)
        && (left.most_source, left.cost_source) == (right.most_source, right.cost_source)
}

fn sources(page: &mut Page, models: &[&str], forecast: &Forecast) {
    let models: Vec<String> = models.iter().map(|model| shortened(model, MODEL)).collect();
    page.line(format_args!("  {}", models.join(", ")));
    page.line(format_args!("    prompt tokens  {}", forecast.prompt_source));
    if forecast.likely_source == LikelySource::NoAnswers {
        page.line(format_args!("    answer tokens  {}", forecast.likely_source));
    } else {
        page.line(format_args!("    answer tokens  likely: {}", forecast.likely_source));
        page.line(format_args!("                   at most: {}", forecast.most_source));
    }
    page.line(format_args!("    cost           {}", forecast.cost_source));
}

/// What to do about a model without a price.
pub(super) fn unpriced(model: &str, forecast: &Forecast, prices: Option<&Prices>) -> Option<String> {
    if forecast.cost_source == CostSource::Prices {
        return None;
    }
    let near = prices.and_then(|prices| prices.nearest(model));
    let near = near.map(|near| format!("; the table has {near}")).unwrap_or_default();
    match (forecast.cost_source, prices) {
        (CostSource::Unknown, None) => {
            Some(format!("no price for {model}: give --prices FILE, or run a few rows first with --limit 10"))
        }
        (CostSource::Unknown, Some(_)) => Some(format!(
            "no price for {model}: add it to the price table{near}, or run a few rows first with --limit 10"
        )),
        (_, Some(_)) => {
            Some(format!("{model} is not in the price table{near}: its cost is taken from earlier answers"))
        }
        (_, None) => None,
    }
}

/// What to do about a price that earlier answers have passed.
pub(super) fn underpriced(model: &str, lesson: &Lesson, price: &Price) -> Option<String> {
    let (cost_usd, by_price_usd) = lesson.beyond(price)?;
    Some(format!(
        "earlier answers of {model} cost {}, and {} at most by the price table: the estimate is as much too low as the \
         price; correct it",
        usd(cost_usd),
        usd(by_price_usd)
    ))
}

/// What the numbers leave out, or guess at.
pub(super) fn left_out(attachments: u64, carried: u64) -> Vec<String> {
    let mut notes = Vec::new();
    if attachments > 0 {
        let attachments = counted(attachments, "attachment");
        notes.push(format!("{attachments} (images, sounds, files) are not in the tokens: only text is counted"));
    }
    if carried > 0 {
        notes.push(
            "the later turns of a conversation carry the answers before them: these prompts grow with the answers"
                .to_owned(),
        );
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::super::asked::Asked;
    use super::super::recorded::Recorded;
    use super::*;
    use nightreel::store::Learned;

    fn lane(model: &str, price: Option<Price>) -> Lane {
        let asked = Asked { requests: 817, bytes: 49_380, answers: 817, limit_tokens: 209_152, ..Asked::default() };
        let forecast = Forecast::new(&asked, &Lesson::default(), price);
        Lane { model: model.to_owned(), requests: 817, forecast }
    }

    fn estimate() -> Estimate {
        let price = Price { prompt_usd: 0.000_000_25, completion_usd: 0.000_002, ..Price::default() };
        Estimate {
            job_file: "jobs/truthful.toml".to_owned(),
            job: "truthful".to_owned(),
            rows: 817,
            items: 1634,
            lanes: vec![lane("a", Some(price)), lane("b", None)],
            recorded: Recorded::Nothing,
            notes: vec!["look".to_owned()],
        }
    }

    #[test]
    fn what_is_known_and_what_is_not_stand_in_one_table() {
        let expected = "\
jobs/truthful.toml: 817 rows, 1,634 items, 1,634 requests; nothing was sent

  model  requests  prompt tokens  answer tokens: likely  at most  cost: at least  likely  at most
  a           817         12,345                      ?  209,152        $0.00309       ?   $0.421
  b           817         12,345                      ?  209,152               ?       ?        ?
  all       1,634         24,690                      ?  418,304               ?       ?        ?

where the numbers come from
  a
    prompt tokens  guessed: 4 bytes of text a token, and 4 tokens a message
    answer tokens  likely: not known: no earlier answers
                   at most: max_tokens of each request
    cost           the price table; at least: the prompts alone
  b
    prompt tokens  guessed: 4 bytes of text a token, and 4 tokens a message
    answer tokens  likely: not known: no earlier answers
                   at most: max_tokens of each request
    cost           not known: no price, and no earlier answers that said what they cost

note: look
";
        assert_eq!(text(&estimate()), expected);
    }

    #[test]
    fn models_whose_numbers_come_from_the_same_places_are_told_together() {
        let lanes = [lane("a", None), lane("b", None)];
        let groups = alike(&lanes);
        assert_eq!((groups.len(), &groups[0].0), (1, &vec!["a", "b"]));
    }

    #[test]
    fn a_price_that_is_too_low_is_named_with_what_answers_have_cost() {
        let learned = Learned { answers: 1, completion_tokens: 50, cost_usd: 0.02, ..Learned::default() };
        let lesson = Lesson { learned, ..Lesson::default() };
        let price = |completion_usd| Price { completion_usd, ..Price::default() };
        assert_eq!(
            underpriced("m", &lesson, &price(0.000_012)).unwrap(),
            "earlier answers of m cost $0.0200, and $0.000600 at most by the price table: the estimate is as much too \
             low as the price; correct it"
        );
        assert_eq!(underpriced("m", &lesson, &price(0.000_4)), None);
    }

    #[test]
    fn a_model_without_a_price_is_named_with_what_to_do() {
        let lane = lane("b", None);
        assert_eq!(
            unpriced("b", &lane.forecast, None).unwrap(),
            "no price for b: give --prices FILE, or run a few rows first with --limit 10"
        );
    }
}
