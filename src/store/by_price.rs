//! What is counted for the requests of a run by a price that may prove too low.

use std::collections::BTreeMap;

use super::{BudgetCorrection, Items, Reader, RunId, StoreError};

/// What a run has sent of one model whose cost no reply tells: a price says it, or a budget assumes it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ByPrice {
    /// The model that was asked.
    pub model: String,
    /// How many of them a price says the cost of.
    pub priced: u64,
    /// For how many a budget assumes it.
    pub assumed: u64,
    /// What those of a price cost by it, in USD.
    pub priced_usd: f64,
    /// What is counted for those that are assumed, in USD.
    pub assumed_usd: f64,
    /// What a budget counts besides for all of them, since the price has proved too low, in USD.
    pub corrected_usd: f64,
}

impl Reader {
    /// What is counted for the requests of a run whose cost no reply tells, by model. Those of items that
    /// are not settled are left out: nothing says which model was asked.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn by_price(&self, run: RunId) -> Result<Vec<ByPrice>, StoreError> {
        let mut by_model = BTreeMap::<i64, ByPrice>::new();
        let settling = "exchange e JOIN attempt a ON a.id = e.attempt_id AND a.exchange_id = e.id AND a.settling = 1 \
                        JOIN item i ON i.id = e.id >> 8 WHERE e.id >= ?1 AND e.id < ?2";
        let not_settling = "attempt a JOIN item i ON i.id = a.exchange_id >> 8 \
                            WHERE a.settling = 0 AND a.exchange_id >= ?1 AND a.exchange_id < ?2";
        for from in [settling, not_settling] {
            let sql = format!(
                "SELECT i.model, coalesce(a.by_price, 0), a.cost_usd, a.assumed_cost_usd FROM {from} \
                 AND (a.by_price = 1 OR (a.cost_usd IS NULL AND a.assumed_cost_usd IS NOT NULL))"
            );
            let mut statement = self.connection.prepare_cached(&sql)?;
            let mut rows = statement.query(Items::from(run).exchanges())?;
            while let Some(row) = rows.next()? {
                let of = by_model.entry(row.get(0)?).or_default();
                if row.get(1)? {
                    of.priced += 1;
                    of.priced_usd += row.get::<_, Option<f64>>(2)?.unwrap_or_default();
                } else {
                    of.assumed += 1;
                    of.assumed_usd += row.get::<_, Option<f64>>(3)?.unwrap_or_default();
                }
            }
        }
        for correction in BudgetCorrection::read(&self.connection, run)? {
            if let Some(model) = correction.model {
                by_model.entry(model).or_default().corrected_usd += correction.usd;
            }
        }
        let mut name_of = self.connection.prepare_cached("SELECT text FROM name WHERE id = ?1")?;
        let named = by_model.into_iter().map(|(model, of)| {
            let model = name_of.query_row([model], |row| row.get(0))?;
            Ok(ByPrice { model, ..of })
        });
        named.collect()
    }
}
