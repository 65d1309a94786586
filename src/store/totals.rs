//! Sums over a run: queries over its rows, never counters kept beside them.

use std::collections::BTreeMap;

use crate::model::{Class, Outcome, Success};

use super::column::class;
use super::spent::may_have_cost;
use super::{BudgetCorrection, ItemId, Items, Lost, Reader, StoreError};

/// What came of a run so far.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Totals {
    /// Settled items by model, in the models' order of first use.
    pub lanes: Vec<LaneTotals>,
    /// Attempts by class, each sent by this run, refused streams among them.
    pub attempts: Vec<(Class, u64)>,
    /// Exchanges that an earlier recording answered.
    pub replayed: u64,
    /// Requests of the run, whatever its items, of which nobody knows what came.
    pub lost: Lost,
    /// What a budget counts besides for requests of no known model whose cost nobody knows, in USD.
    pub corrected_usd: f64,
}

/// What came of one model's items.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LaneTotals {
    /// The model that was asked.
    pub model: String,
    /// Settled items by outcome.
    pub outcomes: Vec<(Outcome, u64)>,
    /// Tokens of the prompts that were sent.
    pub prompt_tokens: u64,
    /// Tokens of the answers that were sent back.
    pub completion_tokens: u64,
    /// What its attempts cost, where that is known, in USD.
    pub cost_usd: f64,
    /// What a budget has counted for those whose cost nobody knows, in USD, and besides for those whose
    /// cost a price said that has proved too low.
    pub assumed_cost_usd: f64,
    /// Whether the model's price has proved too low for attempts that were counted by it before.
    pub is_underpriced: bool,
    /// Attempts that may have cost something, and nobody knows what.
    pub unknown_costs: u64,
    /// Those among them that brought an answer: a price table would say what it cost.
    pub unpriced_answers: u64,
}

/// What is added up row by row: grouping in `SQLite` would sort a run's rows first.
#[derive(Default)]
struct Sums {
    lanes: Vec<(Option<i64>, LaneTotals)>,
    attempts: Vec<(Class, u64)>,
    replayed: u64,
}

impl Sums {
    /// The lane of a model. An attempt without a settled item counts with the first one: it was
    /// paid for all the same.
    fn lane(&mut self, model: Option<i64>) -> &mut LaneTotals {
        let known = self.lanes.iter().position(|(of, _)| *of == model);
        let index = match (known, model) {
            (Some(index), _) => index,
            (None, None) if !self.lanes.is_empty() => 0,
            (None, _) => {
                self.lanes.push((model, LaneTotals::default()));
                self.lanes.len() - 1
            }
        };
        &mut self.lanes[index].1
    }
}

/// Items that failed alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureGroup {
    /// What came of them.
    pub outcome: Outcome,
    /// What went wrong with the first of them.
    pub error: Option<String>,
    /// How many there are.
    pub count: u64,
    /// The first of them.
    pub example: ItemId,
    /// The id of its row.
    pub example_row_id: String,
}

/// What answers of a model have used before.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Learned {
    /// Answers that it was learned from.
    pub answers: u64,
    /// Tokens of all their prompts.
    pub prompt_tokens: u64,
    /// Tokens of all the answers.
    pub completion_tokens: u64,
    /// The most tokens of one answer.
    pub most_completion_tokens: u64,
    /// Answers that said what they cost.
    pub priced_answers: u64,
    /// What those cost together, in USD.
    pub cost_usd: f64,
    /// The least that one of them cost, in USD.
    pub least_cost_usd: f64,
    /// The most that one of them cost, in USD.
    pub most_cost_usd: f64,
}

/// How many groups of failures are told apart.
const FAILURE_GROUPS: usize = 200;

impl Totals {
    /// Items that are settled.
    #[must_use]
    pub fn settled(&self) -> u64 {
        self.lanes.iter().map(LaneTotals::settled).sum()
    }

    /// Items that count as done well.
    #[must_use]
    pub fn succeeded(&self, success: Success) -> u64 {
        self.lanes.iter().map(|lane| lane.succeeded(success)).sum()
    }

    /// Items of an outcome.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> u64 {
        let outcomes = self.lanes.iter().flat_map(|lane| &lane.outcomes);
        outcomes.filter(|(of, _)| *of == outcome).map(|(_, count)| count).sum()
    }

    /// Requests that were sent, without the streams that a server refused unprocessed.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.attempts.iter().filter(|(class, _)| !class.is_unsent()).map(|(_, count)| count).sum()
    }

    /// Requests that brought no answer and may have been billed all the same: those that were lost
    /// among them.
    #[must_use]
    pub fn may_be_billed(&self) -> u64 {
        let attempts = self.attempts.iter().filter(|(class, _)| class.may_be_billed());
        attempts.map(|(_, count)| count).sum::<u64>() + self.lost.requests
    }

    /// What a budget counts for the requests whose cost nobody knows, in USD.
    #[must_use]
    pub fn assumed_cost_usd(&self) -> f64 {
        self.lanes.iter().map(|lane| lane.assumed_cost_usd).sum::<f64>() + self.lost.worst_usd + self.corrected_usd
    }

    /// What the run cost as far as it is known, in USD.
    #[must_use]
    pub fn cost_usd(&self) -> f64 {
        self.lanes.iter().map(|lane| lane.cost_usd).sum()
    }

    /// Whether the run may have cost more than what is known: nobody knows what some attempts cost, or
    /// a price has said it that has proved too low.
    #[must_use]
    pub fn may_cost_more(&self) -> bool {
        self.unknown_costs() > 0 || self.lanes.iter().any(LaneTotals::may_cost_more)
    }

    /// What a budget counts, in USD.
    #[must_use]
    pub fn counted_usd(&self) -> f64 {
        self.cost_usd() + self.assumed_cost_usd()
    }

    /// Requests that may have cost something, and nobody knows what: those that were lost among them.
    #[must_use]
    pub fn unknown_costs(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.unknown_costs).sum::<u64>() + self.lost.requests
    }

    /// Answers of which nobody knows what they cost: a price table would say so.
    #[must_use]
    pub fn unpriced_answers(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.unpriced_answers).sum()
    }

    /// Attempts that brought an answer.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.attempts.iter().filter(|(class, _)| *class == Class::Answered).map(|(_, count)| count).sum()
    }

    /// Tokens of all prompts and of all answers.
    #[must_use]
    pub fn tokens(&self) -> (u64, u64) {
        self.lanes.iter().fold((0, 0), |(prompt, completion), lane| {
            (prompt + lane.prompt_tokens, completion + lane.completion_tokens)
        })
    }
}

impl LaneTotals {
    /// Whether its attempts may have cost more than what is known.
    #[must_use]
    pub const fn may_cost_more(&self) -> bool {
        self.unknown_costs > 0 || self.is_underpriced
    }

    /// Counts what a budget counts besides.
    fn correct(&mut self, usd: f64) {
        self.assumed_cost_usd += usd;
        self.is_underpriced |= usd > 0.0;
    }

    /// Items that are settled.
    #[must_use]
    pub fn settled(&self) -> u64 {
        self.outcomes.iter().map(|(_, count)| count).sum()
    }

    /// Items that count as done well.
    #[must_use]
    pub fn succeeded(&self, success: Success) -> u64 {
        self.outcomes.iter().filter(|(outcome, _)| success.contains(*outcome)).map(|(_, count)| count).sum()
    }
}

/// What settled the exchanges of a run: its own attempts, and those that it took over.
const SETTLING: &str = "SELECT i.model, a.class, a.prompt_tokens, a.completion_tokens, a.cost_usd, \
                        a.exchange_id = e.id AND a.settling = 1, a.assumed_cost_usd, a.status \
                        FROM exchange e JOIN attempt a ON a.id = e.attempt_id LEFT JOIN item i ON i.id = e.id >> 8 \
                        WHERE e.id >= ?1 AND e.id < ?2";
/// The attempts of a run that a retry followed, or that nothing followed yet.
const NOT_SETTLING: &str = "SELECT i.model, a.class, a.prompt_tokens, a.completion_tokens, a.cost_usd, 1, \
                            a.assumed_cost_usd, a.status FROM attempt a LEFT JOIN item i ON i.id = a.exchange_id >> 8 \
                            WHERE a.settling = 0 AND a.exchange_id >= ?1 AND a.exchange_id < ?2";

impl Reader {
    /// What came of a run, or of some of its items, so far.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn totals(&self, items: impl Into<Items>) -> Result<Totals, StoreError> {
        let items = items.into();
        let mut sums = Sums::default();
        self.add_outcomes(items, &mut sums)?;
        self.add_attempts(SETTLING, items, &mut sums)?;
        self.add_attempts(NOT_SETTLING, items, &mut sums)?;
        let lost = Lost::read(&self.connection, items.run)?;
        let mut corrected_usd = 0.0;
        for correction in BudgetCorrection::read(&self.connection, items.run)? {
            match correction.model {
                Some(model) => sums.lane(Some(model)).correct(correction.usd),
                None => corrected_usd += correction.usd,
            }
        }
        Ok(Totals { lost, corrected_usd, ..self.name_lanes(sums)? })
    }

    fn add_outcomes(&self, items: Items, sums: &mut Sums) -> Result<(), StoreError> {
        let sql = "SELECT model, outcome FROM item WHERE id >= ?1 AND id < ?2 ORDER BY id";
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query(items.ids())?;
        while let Some(row) = rows.next()? {
            let name = row.get_ref(1)?.as_str().map_err(|_| StoreError::Damaged("an outcome"))?;
            let outcome = Outcome::from_name(name).ok_or(StoreError::Damaged("an unknown outcome"))?;
            let outcomes = &mut sums.lane(Some(row.get(0)?)).outcomes;
            match outcomes.iter_mut().find(|(known, _)| *known == outcome) {
                Some((_, count)) => *count += 1,
                None => outcomes.push((outcome, 1)),
            }
        }
        Ok(())
    }

    fn add_attempts(&self, sql: &str, items: Items, sums: &mut Sums) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query(items.exchanges())?;
        while let Some(row) = rows.next()? {
            if !row.get::<_, bool>(5)? {
                sums.replayed += 1;
                continue;
            }
            let class = class(row, 1)?;
            match sums.attempts.iter_mut().find(|(known, _)| *known == class) {
                Some((_, count)) => *count += 1,
                None => sums.attempts.push((class, 1)),
            }
            let tokens = |column| row.get::<_, Option<i64>>(column).map(|tokens| tokens.unwrap_or(0).unsigned_abs());
            let cost_usd: Option<f64> = row.get(4)?;
            let lane = sums.lane(row.get(0)?);
            lane.prompt_tokens += tokens(2)?;
            lane.completion_tokens += tokens(3)?;
            lane.cost_usd += cost_usd.unwrap_or(0.0);
            if cost_usd.is_none() {
                lane.assumed_cost_usd += row.get::<_, Option<f64>>(6)?.unwrap_or(0.0);
                lane.unknown_costs += u64::from(may_have_cost(class, row.get(7)?));
                lane.unpriced_answers += u64::from(class == Class::Answered);
            }
        }
        Ok(())
    }

    fn name_lanes(&self, sums: Sums) -> Result<Totals, StoreError> {
        let mut statement = self.connection.prepare("SELECT text FROM name WHERE id = ?1")?;
        let mut lanes = Vec::new();
        for (model, mut lane) in sums.lanes {
            if let Some(model) = model {
                lane.model = statement.query_row([model], |row| row.get(0))?;
            }
            lanes.push(lane);
        }
        let mut attempts = sums.attempts;
        attempts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        Ok(Totals { lanes, attempts, replayed: sums.replayed, ..Totals::default() })
    }

    /// The items that did not end well, grouped by cause, the largest group first.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn failures(&self, items: impl Into<Items>, success: Success) -> Result<Vec<FailureGroup>, StoreError> {
        let well = success.names().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
        let mut statement = self.connection.prepare(&format!(
            "SELECT i.id, w.row_id, i.outcome, i.error FROM item i \
             JOIN input_row w ON w.id = (i.id >> 32 << 32 | i.row_number) \
             WHERE i.id >= ?1 AND i.id < ?2 AND i.outcome NOT IN ({well}) ORDER BY i.id",
        ))?;
        let mut rows = statement.query(items.into().ids())?;
        let mut groups = BTreeMap::<(String, String), FailureGroup>::new();
        while let Some(row) = rows.next()? {
            let (outcome, error): (String, Option<String>) = (row.get(2)?, row.get(3)?);
            let mut cause = (outcome, alike(error.as_deref().unwrap_or_default()));
            if groups.len() >= FAILURE_GROUPS && !groups.contains_key(&cause) {
                cause.1.clear();
            }
            if let Some(group) = groups.get_mut(&cause) {
                group.count += 1;
                continue;
            }
            let group = FailureGroup {
                outcome: Outcome::from_name(&cause.0).ok_or(StoreError::Damaged("an unknown outcome"))?,
                error,
                count: 1,
                example: ItemId::from_rowid(row.get(0)?),
                example_row_id: row.get(1)?,
            };
            groups.insert(cause, group);
        }
        let mut groups: Vec<FailureGroup> = groups.into_values().collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.count));
        Ok(groups)
    }

    /// What answers of a model have used in all real runs of the store, or in all simulated ones.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn learned(&self, model: &str, simulated: bool) -> Result<Learned, StoreError> {
        self.learned_from(model, simulated, None)
    }

    /// What answers of a model have used in the real runs of one job.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn learned_of_job(&self, model: &str, job: &str) -> Result<Learned, StoreError> {
        self.learned_from(model, false, Some(job))
    }

    fn learned_from(&self, model: &str, simulated: bool, job: Option<&str>) -> Result<Learned, StoreError> {
        // The order of the joins and the rowids of items are what makes this one pass over a run:
        // left to itself, SQLite compares every attempt with every item of the model.
        let sql = "SELECT count(*), sum(a.prompt_tokens), sum(a.completion_tokens), max(a.completion_tokens), \
                   count(a.cost_usd), sum(a.cost_usd), min(a.cost_usd), max(a.cost_usd) \
                   FROM run r CROSS JOIN item i ON i.id >= r.id << 32 AND i.id < (r.id + 1) << 32 \
                   CROSS JOIN exchange e ON e.id >= i.id << 8 AND e.id < (i.id + 1) << 8 \
                   CROSS JOIN attempt a ON a.id = e.attempt_id AND a.exchange_id = e.id \
                   WHERE r.simulated = ?2 AND +i.model = (SELECT id FROM name WHERE text = ?1) \
                   AND a.class = 'answered' AND (?3 IS NULL OR r.job = ?3)";
        let learned = self.connection.query_row(sql, (model, simulated, job), |row| {
            let sum = |column| row.get::<_, Option<i64>>(column).map(|sum| sum.unwrap_or(0).unsigned_abs());
            let usd = |column| row.get::<_, Option<f64>>(column).map(Option::unwrap_or_default);
            Ok(Learned {
                answers: sum(0)?,
                prompt_tokens: sum(1)?,
                completion_tokens: sum(2)?,
                most_completion_tokens: sum(3)?,
                priced_answers: sum(4)?,
                cost_usd: usd(5)?,
                least_cost_usd: usd(6)?,
                most_cost_usd: usd(7)?,
            })
        })?;
        Ok(learned)
    }
}

/// An error's text less what differs from item to item: numbers, and ids that have digits in them.
fn alike(error: &str) -> String {
    let words = error
        .split_whitespace()
        .map(|word| if word.chars().any(|character| character.is_ascii_digit()) { "#" } else { word });
    words.collect::<Vec<_>>().join(" ")
}
