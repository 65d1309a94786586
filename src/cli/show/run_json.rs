//! A run for programs.

use std::collections::BTreeMap;
use std::path::Path;

use nightreel::store::{FailureGroup, LaneTotals, LimitChange, ServedGroup};
use serde::Serialize;

use super::super::local_time::utc;
use super::super::money::known;
use super::super::run_command::RunCommand;
use super::super::run_facts::{RunJson, hexadecimal};
use super::command::RunView;
use super::hint::{AskedBy, hint};
use super::refused::Refused;

/// One JSON object.
pub(super) fn json(view: &RunView, store: &Path) -> String {
    let RunView { facts, failures, refused, changes, who_answered } = view;
    let begun = &facts.run.begun;
    let command = RunCommand::of_run(begun, store);
    let json = RunWhole {
        run: facts.json(),
        input_sha256: hexadecimal(&begun.input_hash),
        continues: begun.continues.map(|run| run.0),
        version: &facts.run.version,
        models: facts.totals.lanes.iter().map(lane).collect(),
        attempts: facts.totals.attempts.iter().map(|(class, count)| (class.as_str(), *count)).collect(),
        may_be_billed: facts.totals.may_be_billed(),
        limit_changes: changes.iter().map(limit_change).collect(),
        failures: failures.iter().map(|group| failure(group, AskedBy::of(begun))).collect(),
        refused,
        served: who_answered.groups.iter().map(served).collect(),
        warnings: who_answered.warnings.iter().map(|warning| command.warned(warning)).collect(),
    };
    let json = serde_json::to_string_pretty(&json).expect("plain values are JSON");
    format!("{json}\n")
}

#[derive(Serialize)]
struct RunWhole<'a> {
    #[serde(flatten)]
    run: RunJson<'a>,
    input_sha256: String,
    continues: Option<u32>,
    version: &'a str,
    models: Vec<Lane<'a>>,
    /// Attempts by class.
    attempts: BTreeMap<&'static str, u64>,
    /// Requests that brought no answer and may have been billed all the same.
    may_be_billed: u64,
    limit_changes: Vec<Change<'a>>,
    failures: Vec<Failure<'a>>,
    /// What was refused for good, so that its items are left for the next run.
    refused: &'a [Refused],
    /// Who gave the answers.
    served: Vec<GroupJson<'a>>,
    /// What should be known of who gave them.
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct GroupJson<'a> {
    model: &'a str,
    served_model: Option<&'a str>,
    provider: Option<&'a str>,
    answers: u64,
}

/// A limit that changed while the run went on.
#[derive(Serialize)]
struct Change<'a> {
    at: String,
    /// `null`: of the whole run.
    model: Option<&'a str>,
    limit: &'static str,
    /// `null`: no limit.
    was: Option<f64>,
    now: Option<f64>,
    reason: &'a str,
}

#[derive(Serialize)]
struct Lane<'a> {
    model: &'a str,
    settled: u64,
    outcomes: BTreeMap<&'static str, u64>,
    prompt_tokens: u64,
    completion_tokens: u64,
    cost_usd: Option<f64>,
    cost_is_lower_bound: bool,
    assumed_cost_usd: f64,
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
        cost_usd: known(lane.cost_usd, lane.may_cost_more()),
        cost_is_lower_bound: lane.may_cost_more(),
        assumed_cost_usd: lane.assumed_cost_usd,
        unknown_costs: lane.unknown_costs,
    }
}

fn limit_change(change: &LimitChange) -> Change<'_> {
    Change {
        at: utc(change.at_ms),
        model: change.lane.as_deref(),
        limit: change.what.as_str(),
        was: change.was,
        now: change.now,
        reason: &change.reason,
    }
}

fn served(group: &ServedGroup) -> GroupJson<'_> {
    GroupJson {
        model: &group.model,
        served_model: group.served_model.as_deref(),
        provider: group.provider.as_deref(),
        answers: group.answers,
    }
}

fn failure(group: &FailureGroup, asked_by: AskedBy) -> Failure<'_> {
    Failure {
        outcome: group.outcome.as_str(),
        count: group.count,
        error: group.error.as_deref(),
        hint: hint(group.outcome, asked_by),
        example_row: &group.example_row_id,
        example_position: group.example.position(),
    }
}
