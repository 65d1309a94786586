//! Who gave the answers of a run: a query over its rows.

use std::collections::HashMap;

use super::{ExchangeId, Items, Reader, StoreError};

/// Answers of one model that came from the same place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedGroup {
    /// The model that was asked.
    pub model: String,
    /// The model that answered, as replies name it.
    pub served_model: Option<String>,
    /// The provider that answered, as replies name it.
    pub provider: Option<String>,
    /// How many answers there are.
    pub answers: u64,
    /// The first of them.
    pub example: ExchangeId,
}

impl Reader {
    /// Who gave the answers of a run, or of some of its items; those of earlier runs that it takes
    /// over are among them. In the order of each group's first answer.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn served(&self, items: impl Into<Items>) -> Result<Vec<ServedGroup>, StoreError> {
        // Added up row by row: grouping in SQLite would sort a run's rows first.
        let mut statement = self.connection.prepare(
            "SELECT i.model, a.served_model, a.provider, e.id FROM exchange e \
             JOIN attempt a ON a.id = e.attempt_id JOIN item i ON i.id = e.id >> 8 \
             WHERE e.id >= ?1 AND e.id < ?2 AND a.class = 'answered' ORDER BY e.id",
        )?;
        let mut rows = statement.query(items.into().exchanges())?;
        let mut groups = HashMap::<(i64, Option<i64>, Option<i64>), (u64, i64)>::new();
        while let Some(row) = rows.next()? {
            let example = row.get(3)?;
            let group = groups.entry((row.get(0)?, row.get(1)?, row.get(2)?)).or_insert((0, example));
            group.0 += 1;
        }
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_by_key(|(_, (_, example))| *example);
        groups
            .into_iter()
            .map(|((model, served_model, provider), (answers, example))| {
                Ok(ServedGroup {
                    model: self.name(model)?,
                    served_model: served_model.map(|id| self.name(id)).transpose()?,
                    provider: provider.map(|id| self.name(id)).transpose()?,
                    answers,
                    example: ExchangeId::from_rowid(example),
                })
            })
            .collect()
    }

    fn name(&self, id: i64) -> Result<String, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT text FROM name WHERE id = ?1")?;
        Ok(statement.query_row([id], |row| row.get(0))?)
    }
}
