//! A run for programs.

use std::collections::BTreeMap;

use nightreel::engine::WhoAnswered;
use nightreel::store::{FailureGroup, LaneTotals, ServedGroup};
use serde::Serialize;

use super::super::run_facts::{RunFacts, RunJson, hexadecimal};
use super::hint::hint;

/// One JSON object.
pub(super) fn json(facts: &RunFacts, failures: &[FailureGroup], who_answered: &WhoAnswered) -> String {
    let begun = &facts.run.begun;
    let view = RunView {
        run: facts.json(),
        input_sha256: hexadecimal(&begun.input_hash),
        continues: begun.continues.map(|run| run.0),
        version: &facts.run.version,
        models: facts.totals.lanes.iter().map(lane).collect(),
        attempts: facts.totals.attempts.iter().map(|(class, count)| (class.as_str(), *count)).collect(),
        may_be_billed: facts.totals.may_be_billed(),
        failures: failures.iter().map(failure).collect(),
        served: who_answered.groups.iter().map(served).collect(),
        warnings: &who_answered.warnings,
    };
    let json = serde_json::to_string_pretty(&view).expect("plain values are JSON");
    format!("{json}\n")
}

#[derive(Serialize)]
struct RunView<'a> {
    #[serde(flatten)]
    run: RunJson<'a>,
    input_sha256: String,
    continues: Option<u32>,
    version: &'a str,
    models: Vec<Lane<'a>>,
    /// Attempts by class.
    attempts: BTreeMap<&'static str, u64>,
    /// Attempts that brought no answer and may have been billed all the same.
    may_be_billed: u64,
    failures: Vec<Failure<'a>>,
    /// Who gave the answers.
    served: Vec<Served<'a>>,
    /// What should be known of who gave them.
    warnings: &'a [String],
}

#[derive(Serialize)]
struct Served<'a> {
    model: &'a str,
    served_model: Option<&'a str>,
    provider: Option<&'a str>,
    answers: u64,
}

#[derive(Serialize)]
struct Lane<'a> {
    model: &'a str,
    settled: u64,
    outcomes: BTreeMap<&'static str, u64>,
    prompt_tokens: u64,
    completion_tokens: u64,
    cost_usd: f64,
    unknown_costs: u64,
}

#[derive(Serialize)]
struct Failure<'a> {
    outcome: &'static str,
    count: u64,
    error: Option<&'a str>,
    hint: Option<&'static str>,
    example_row: &'a str,
    example_position: u32,
}

fn lane(lane: &LaneTotals) -> Lane<'_> {
    Lane {
        model: &lane.model,
        settled: lane.settled(),
        outcomes: lane.outcomes.iter().map(|(outcome, count)| (outcome.as_str(), *count)).collect(),
        prompt_tokens: lane.prompt_tokens,
        completion_tokens: lane.completion_tokens,
        cost_usd: lane.cost_usd,
        unknown_costs: lane.unknown_costs,
    }
}

fn served(group: &ServedGroup) -> Served<'_> {
    Served {
        model: &group.model,
        served_model: group.served_model.as_deref(),
        provider: group.provider.as_deref(),
        answers: group.answers,
    }
}

fn failure(group: &FailureGroup) -> Failure<'_> {
    Failure {
        outcome: group.outcome.as_str(),
        count: group.count,
        error: group.error.as_deref(),
        hint: hint(group.outcome),
        example_row: &group.example_row_id,
        example_position: group.example.position(),
    }
}
