//! What was sent and what it cost: what quotas and budgets go on from.

use std::collections::HashMap;

use crate::model::Class;

use super::column::class;
use super::{BudgetCorrection, Items, Lost, Reader, RunId, StoreError};

/// How much later than it ended an attempt may be written, in milliseconds. Rows are written in the
/// order in which attempts ended, give or take this.
const WRITTEN_LATE_MS: i64 = 10 * 60 * 1000;

/// What the requests that a run sent itself have cost.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Spent {
    /// What those cost whose cost is known, in USD.
    pub known_usd: f64,
    /// What a budget counts for those whose cost nobody knows, in USD.
    pub assumed_usd: f64,
    /// How many it is counted for.
    pub assumed: u64,
    /// Requests that may have cost something, for which neither is known.
    pub unknown: u64,
}

/// Requests that were sent since some moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SentSince {
    /// How many of each model, for those whose items are settled.
    pub by_model: HashMap<String, u64>,
    /// How many of items that are not settled yet: they may be of any model.
    pub of_unknown_model: u64,
    /// The newest attempt that was looked at: what to ask for next is what comes after it.
    pub last: i64,
}

/// What the dearest answer of a model has cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Dearest {
    /// The model that was asked.
    pub model: String,
    /// Answers that said what they cost.
    pub answers: u64,
    /// What the dearest of them cost, in USD.
    pub cost_usd: f64,
    /// The tokens of its prompt and of itself, where it said so.
    pub tokens: Option<(u64, u64)>,
}

/// Whose requests are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentBy {
    /// Those of simulated runs, or else those of real ones.
    pub simulated: bool,
    /// A run whose requests are left out.
    pub but: Option<RunId>,
}

impl Spent {
    /// Adds an attempt.
    pub(super) fn add(
        &mut self,
        (class, status): (Class, Option<u16>),
        cost_usd: Option<f64>,
        assumed_cost_usd: Option<f64>,
    ) {
        match (cost_usd, assumed_cost_usd) {
            (Some(known), _) => self.known_usd += known,
            (None, Some(assumed_usd)) => {
                self.assumed_usd += assumed_usd;
                self.assumed += 1;
            }
            (None, None) => self.unknown += u64::from(may_have_cost(class, status)),
        }
    }
}

/// Whether an attempt may have cost something that has no cost. A failure that was told by its status
/// is free, since stores of version 1 say no more of it; later ones say of all that is free that it is,
/// and leave open what an error cost in a stream that had begun to answer.
pub(super) fn may_have_cost(class: Class, status: Option<u16>) -> bool {
    class.may_cost() || status.is_some_and(|status| status < 400)
}

impl Reader {
    /// What the dearest answers have cost that the runs of a job, real or simulated, were sent, by
    /// the model that was asked.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn dearest(&self, job: &str, simulated: bool) -> Result<Vec<Dearest>, StoreError> {
        // In this order it is one pass over each run: left to itself, SQLite compares every attempt
        // with every item.
        // The tokens are those of the row that has the most.
        let sql = "SELECT n.text, count(*), max(a.cost_usd), a.prompt_tokens, a.completion_tokens FROM run r \
                   CROSS JOIN item i ON i.id >= r.id << 32 AND i.id < (r.id + 1) << 32 \
                   CROSS JOIN exchange e ON e.id >= i.id << 8 AND e.id < (i.id + 1) << 8 \
                   CROSS JOIN attempt a ON a.id = e.attempt_id AND a.exchange_id = e.id \
                   CROSS JOIN name n ON n.id = i.model \
                   WHERE r.job = ?1 AND r.simulated = ?2 AND a.class = 'answered' AND a.cost_usd IS NOT NULL \
                   GROUP BY i.model";
        let mut statement = self.connection.prepare(sql)?;
        let dearest = statement.query_map((job, simulated), |row| {
            let (answers, prompt, completion): (i64, Option<i64>, Option<i64>) =
                (row.get(1)?, row.get(3)?, row.get(4)?);
            let tokens = prompt.zip(completion).map(|(prompt, answer)| (prompt.unsigned_abs(), answer.unsigned_abs()));
            Ok(Dearest { model: row.get(0)?, answers: answers.unsigned_abs(), cost_usd: row.get(2)?, tokens })
        })?;
        Ok(dearest.collect::<Result<_, _>>()?)
    }

    /// The models of which an answer that a run was sent did not say what it cost.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn cost_unknown(&self, run: RunId) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT DISTINCT n.text FROM exchange e \
                   JOIN attempt a ON a.id = e.attempt_id AND a.exchange_id = e.id AND a.settling = 1 \
                   JOIN item i ON i.id = e.id >> 8 JOIN name n ON n.id = i.model \
                   WHERE e.id >= ?1 AND e.id < ?2 \
                   AND a.class = 'answered' AND a.cost_usd IS NULL";
        let mut statement = self.connection.prepare(sql)?;
        let models = statement.query_map(Items::from(run).exchanges(), |row| row.get(0))?;
        Ok(models.collect::<Result<_, _>>()?)
    }

    /// What a run has spent so far: with every attempt that it sent itself, in all its sessions, and
    /// with what was lost at the end of one.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn spent(&self, run: RunId) -> Result<Spent, StoreError> {
        // Attempts of an exchange are found by the exchange: those that settle it have no index.
        let sql = "SELECT a.class, a.status, a.cost_usd, a.assumed_cost_usd FROM ";
        let settling = "exchange e JOIN attempt a ON a.id = e.attempt_id AND a.exchange_id = e.id AND a.settling = 1 \
                        WHERE e.id >= ?1 AND e.id < ?2";
        let not_settling = "attempt a WHERE a.settling = 0 AND a.exchange_id >= ?1 AND a.exchange_id < ?2";
        let lost = Lost::read(&self.connection, run)?;
        let corrections = BudgetCorrection::read(&self.connection, run)?;
        let corrected: u64 = corrections.iter().map(|correction| correction.requests).sum();
        let mut spent = Spent {
            known_usd: 0.0,
            assumed_usd: lost.worst_usd + corrections.iter().map(|correction| correction.usd).sum::<f64>(),
            assumed: lost.requests.saturating_sub(lost.unpriced) + corrected,
            unknown: lost.unpriced,
        };
        for from in [settling, not_settling] {
            let mut statement = self.connection.prepare_cached(&format!("{sql}{from}"))?;
            let mut rows = statement.query(Items::from(run).exchanges())?;
            while let Some(row) = rows.next()? {
                spent.add((class(row, 0)?, row.get(1)?), row.get(2)?, row.get(3)?);
            }
        }
        spent.unknown = spent.unknown.saturating_sub(corrected);
        Ok(spent)
    }

    /// How many requests all runs of the store have sent since a moment, by model; of the attempts
    /// behind `after` alone, so that it can be asked again at little cost. Neither a refused stream
    /// nor a send without a connection counts.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn sent_since(&self, since_ms: i64, by: SentBy, after: i64) -> Result<SentSince, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT a.id, a.sent_at_ms, a.sent_at_ms + a.total_us / 1000, a.settling = 2, n.text, \
             r.simulated = ?2 AND r.id IS NOT ?3 AND a.class NOT IN ('refused_stream', 'not_connected') \
             FROM attempt a CROSS JOIN run r ON r.id = a.exchange_id >> 40 \
             LEFT JOIN item i ON i.id = a.exchange_id >> 8 LEFT JOIN name n ON n.id = i.model \
             WHERE a.id > ?1 ORDER BY a.id DESC",
        )?;
        let mut rows = statement.query((after, by.simulated, by.but.map(|run| run.0)))?;
        let mut sent = SentSince { last: after, ..SentSince::default() };
        while let Some(row) = rows.next()? {
            sent.last = sent.last.max(row.get(0)?);
            let (sent_at_ms, ended_at_ms, copied): (i64, i64, bool) = (row.get(1)?, row.get(2)?, row.get(3)?);
            if copied {
                continue;
            }
            if ended_at_ms < since_ms.saturating_sub(WRITTEN_LATE_MS) {
                break;
            }
            if sent_at_ms < since_ms || !row.get::<_, bool>(5)? {
                continue;
            }
            match row.get::<_, Option<String>>(4)? {
                Some(model) => *sent.by_model.entry(model).or_default() += 1,
                None => sent.of_unknown_model += 1,
            }
        }
        Ok(sent)
    }
}
