//! A run with its sums, as commands tell of it.

use std::fmt::Write as _;

use nightreel::store::{Reader, Run, StoreError, Totals};
use serde::Serialize;

use super::local_time::utc;
use super::run_state::RunState;

/// A run, how it stands, and what came of it so far.
#[derive(Debug)]
pub(crate) struct RunFacts {
    pub(crate) run: Run,
    pub(crate) state: RunState,
    pub(crate) totals: Totals,
}

impl RunFacts {
    /// Reads how a run stands.
    pub(crate) fn read(reader: &Reader, run: Run) -> Result<Self, StoreError> {
        Ok(Self { state: RunState::read(reader, &run)?, totals: reader.totals(run.id)?, run })
    }

    /// Items that are settled, and not well.
    pub(crate) fn failed(&self) -> u64 {
        self.totals.settled() - self.totals.succeeded()
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
            ok: totals.succeeded(),
            failed: self.failed(),
            sent: totals.sent(),
            replayed: totals.replayed,
            prompt_tokens,
            completion_tokens,
            cost_usd: totals.cost_usd(),
            unknown_costs: totals.unknown_costs(),
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
    ok: u64,
    failed: u64,
    /// Attempts that were sent.
    sent: u64,
    /// Exchanges that an earlier recording answered.
    replayed: u64,
    prompt_tokens: u64,
    completion_tokens: u64,
    /// As far as replies said so.
    cost_usd: f64,
    /// Replies that may have cost something and did not say what.
    unknown_costs: u64,
}
