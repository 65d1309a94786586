//! An estimate for programs.

use serde::Serialize;

use super::command::{Estimate, Lane};
use super::estimate_text::sums;
use super::range::Range;
use super::recorded::Recorded;

/// One JSON object.
pub(super) fn json(estimate: &Estimate) -> String {
    let (requests, [prompt, answer, cost]) = sums(&estimate.lanes);
    let (settled_run, settled) = match &estimate.recorded {
        Recorded::Settled { run, settled, .. } => (Some(run.0), *settled),
        _ => (None, 0),
    };
    let view = EstimateJson {
        file: &estimate.job_file,
        job: &estimate.job,
        rows: estimate.rows,
        items: estimate.items,
        requests,
        prompt_tokens: prompt.rounded(),
        completion_tokens: answer.rounded(),
        cost_usd: cost,
        settled_run,
        settled,
        models: estimate.lanes.iter().map(lane).collect(),
        notes: &estimate.notes,
    };
    let json = serde_json::to_string_pretty(&view).expect("plain values are JSON");
    format!("{json}\n")
}

#[derive(Serialize)]
struct EstimateJson<'a> {
    file: &'a str,
    job: &'a str,
    rows: u64,
    items: u64,
    requests: u64,
    /// `null` in a range is what is not known.
    prompt_tokens: Range,
    completion_tokens: Range,
    cost_usd: Range,
    /// The run that goes on.
    settled_run: Option<u32>,
    /// Items that it has settled already; they are in the numbers all the same.
    settled: u64,
    models: Vec<LaneJson<'a>>,
    notes: &'a [String],
}

#[derive(Serialize)]
struct LaneJson<'a> {
    model: &'a str,
    requests: u64,
    prompt_tokens: Range,
    completion_tokens: Range,
    cost_usd: Range,
    sources: Sources,
}

/// Where the numbers come from, for people.
#[derive(Serialize)]
struct Sources {
    prompt_tokens: String,
    completion_tokens_likely: String,
    completion_tokens_high: String,
    cost_usd: String,
}

fn lane(lane: &Lane) -> LaneJson<'_> {
    let forecast = &lane.forecast;
    LaneJson {
        model: &lane.model,
        requests: lane.requests,
        prompt_tokens: forecast.prompt.rounded(),
        completion_tokens: forecast.answer.rounded(),
        cost_usd: forecast.cost,
        sources: Sources {
            prompt_tokens: forecast.prompt_source.to_string(),
            completion_tokens_likely: forecast.likely_source.to_string(),
            completion_tokens_high: forecast.most_source.to_string(),
            cost_usd: forecast.cost_source.to_string(),
        },
    }
}
