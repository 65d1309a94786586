//! What a caller says about a file beyond its path.

use crate::model::Format;

/// The longest row that is read unless the caller says otherwise: 64 MiB.
const DEFAULT_MAX_ROW_BYTES: usize = 64 * 1024 * 1024;

/// What a caller says about a file beyond its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How the rows are written. `None` takes it from the file's name (`.csv`, `.tsv`, `.jsonl`,
    /// `.ndjson`), looking through `.gz` and `.zst`.
    pub format: Option<Format>,
    /// The column (CSV, TSV) or field (all others) whose value names a row.
    ///
    /// A field may be a path with dots, such as `metadata.row` or `turns.0`; a field whose name is
    /// the whole text comes first. `None` names a batch line by its `custom_id`, and every other
    /// row by its number.
    pub id: Option<String>,
    /// The ASCII byte between the cells of a CSV or TSV file.
    ///
    /// `None` is a tab for TSV. For CSV it is `,`, or `;` where the header has a `;` and no `,`. A
    /// header with neither, but with a tab or a `|`, is refused rather than guessed at.
    pub delimiter: Option<u8>,
    /// The most bytes that one row may have, without its line end. A longer row is an error, and
    /// is skipped without being kept.
    pub max_row_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { format: None, id: None, delimiter: None, max_row_bytes: DEFAULT_MAX_ROW_BYTES }
    }
}
