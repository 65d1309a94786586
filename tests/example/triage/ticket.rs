//! What customers write.

use std::io::Read;

use serde::Deserialize;

/// What a customer wrote.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Ticket {
    pub(crate) id: String,
    pub(crate) text: String,
}

impl Ticket {
    /// Reads a CSV file with the columns `id` and `text`.
    pub(crate) fn read_all(file: impl Read) -> Result<Vec<Self>, csv::Error> {
        csv::Reader::from_reader(file).into_deserialize().collect()
    }
}
