//! A run with its sums, as commands tell of it.

use std::fmt::Write as _;

use nightreel::job::described_success;
use nightreel::model::Success;
use nightreel::store::{Reader, Run, StoreError, Totals};
use serde::Serialize;

use super::local_time::utc;
use super::money::known;
use super::run_state::RunState;

/// A run, how it stands, and what came of it so far.
#[derive(Debug)]
pub(crate) struct RunFacts {
    pub(crate) run: Run,
    pub(crate) state: RunState,
    pub(crate) totals: Totals,
    /// Which outcomes the job counts as success.
    pub(crate) success: Success,
}

impl RunFacts {
    /// Reads how a run stands.
    pub(crate) fn read(reader: &Reader, run: Run) -> Result<Self, StoreError> {
        let success = described_success(&run.begun.job_description);
        Ok(Self { state: RunState::read(reader, &run)?, totals: reader.totals(run.id)?, success, run })
    }

    /// Items that are settled well.
    pub(crate) fn succeeded(&self) -> u64 {
        self.totals.succeeded(self.success)
    }

    /// Items that are settled, and not well.
    pub(crate) fn failed(&self) -> u64 {
        self.totals.settled() - self.succeeded()
    }

    /// What programs read of it.
    pub(crate) fn json(&self) -> RunJson<'_> {
        let (run, totals) = (&self.run, &self.totals);
        let (prompt_tokens, completion_tokens) = totals.tokens();
        RunJson {
            run: run.id.0,
            job: &run.begun.job,
            job_file: &run.begun.job_file,
            input: &run.begun.input,
            mode: &run.begun.mode,
            simulated: run.begun.simulated,
            state: self.state.as_str(),
            reason: self.state.reason(),
            started_at: utc(run.begun.started_at_ms),
            ended_at: run.ended_at_ms.map(utc),
            rows: run.begun.row_count,
            items: run.begun.item_count,
            settled: totals.settled(),
            ok: self.succeeded(),
            failed: self.failed(),
            sent: totals.sent(),
            replayed: totals.replayed,
            prompt_tokens,
            completion_tokens,
            cost_usd: known(totals.cost_usd(), totals.may_cost_more()),
            cost_is_lower_bound: totals.may_cost_more(),
            assumed_cost_usd: totals.assumed_cost_usd(),
            unknown_costs: totals.unknown_costs(),
            lost_requests: totals.lost.requests,
            lost_cost_usd: totals.lost.worst_usd,
            success: self.success.names().collect(),
        }
    }
}

/// The bytes of a hash, or of its beginning.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes all");
        text
    })
}

/// What programs read of a run.
#[derive(Debug, Serialize)]
pub(crate) struct RunJson<'a> {
    run: u32,
    job: &'a str,
    job_file: &'a str,
    input: &'a str,
    mode: &'a str,
    simulated: bool,
    /// `running`, `complete`, `stopped` or `killed`.
    state: &'static str,
    /// Why it stopped.
    reason: Option<&'a str>,
    started_at: String,
    ended_at: Option<String>,
    rows: u64,
    items: u64,
    settled: u64,
    /// Items whose outcome counts as success.
    ok: u64,
    failed: u64,
    /// Attempts that were sent.
    sent: u64,
    /// Exchanges that an earlier recording answered.
    replayed: u64,
    prompt_tokens: u64,
    completion_tokens: u64,
    /// As far as it is known; `null` where nothing of it is.
    cost_usd: Option<f64>,
    /// Whether it may have cost more: of some requests nobody knows it, or a price says it that has proved
    /// too low.
    cost_is_lower_bound: bool,
    /// What a budget counts for the requests whose cost nobody knows, and besides for those whose price
    /// has proved too low.
    assumed_cost_usd: f64,
    /// Requests that may have cost something, and nobody knows what.
    unknown_costs: u64,
    /// Those among them that were in flight when the process ended that had sent them.
    lost_requests: u64,
    /// What a budget counts for those.
    lost_cost_usd: f64,
    /// The outcomes that count as success.
    success: Vec<&'static str>,
}
