//! One line of input.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::{Endpoint, Request};

/// One line of input, with the place it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The row's number among the data rows, from 1; a CSV header is not counted.
    pub number: u64,
    /// The line of the (decompressed) file on which the row starts, from 1.
    pub line: u64,
    /// The value of the job's id column or field, else the row's number.
    pub id: String,
    /// The row's columns or fields, in the file's order. A CSV cell is always a string.
    pub fields: Map<String, Value>,
    /// The request that the line itself is ("requests" and batch files).
    pub request: Option<RowRequest>,
}

/// A request that a line of input brings with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowRequest {
    /// The endpoint that the line names; a plain chat body names none.
    pub endpoint: Option<Endpoint>,
    /// The body, byte for byte as the file has it.
    pub body: Bytes,
}

impl RowRequest {
    /// Whether it asks for its answer in pieces.
    #[must_use]
    pub fn asks_for_stream(&self) -> bool {
        Request::asks_for_stream(&self.body)
    }
}
