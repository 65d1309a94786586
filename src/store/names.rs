//! Texts that many rows share, each kept once.

use std::collections::HashMap;

use rusqlite::Connection;

use super::StoreError;

/// The ids of the texts that a writer has met.
#[derive(Debug, Default)]
pub(super) struct Names {
    ids: HashMap<String, i64>,
}

impl Names {
    /// The id of a text, which is written where it is not there yet.
    pub(super) fn id(&mut self, connection: &Connection, text: &str) -> Result<i64, StoreError> {
        if let Some(id) = self.ids.get(text) {
            return Ok(*id);
        }
        connection
            .prepare_cached("INSERT INTO name (text) VALUES (?1) ON CONFLICT (text) DO NOTHING")?
            .execute([text])?;
        let id =
            connection.prepare_cached("SELECT id FROM name WHERE text = ?1")?.query_row([text], |row| row.get(0))?;
        self.ids.insert(text.to_owned(), id);
        Ok(id)
    }

    /// The id of a text, where there is one.
    pub(super) fn optional_id(
        &mut self,
        connection: &Connection,
        text: Option<&str>,
    ) -> Result<Option<i64>, StoreError> {
        text.map(|text| self.id(connection, text)).transpose()
    }
}
