//! Rows from files: CSV, TSV, JSON lines, chat bodies, `OpenAI` and Anthropic batch files.
//!
//! [`Input`] is an opened file, or standard input; [`Input::rows`] streams its rows, and may be
//! called again for a second pass. A file is never held in memory: one row is, up to
//! [`Options::max_row_bytes`]. `.gz` and `.zst` are read through, by their content and not only by
//! their name.
//!
//! A row that cannot be read right is an [`InputError`] that names the file, the line, the column
//! and the value. Reading goes on behind it unless [`InputError::is_fatal`] says otherwise.
//!
//! ```text
//! Source → Compression → Stream (bytes, hash, BOM) → Records or lines → Row
//! ```

mod anthropic_batch;
mod anthropic_message;
mod anthropic_tool;
mod compression;
mod dialect;
mod excerpt;
mod file_format;
mod id_path;
#[expect(clippy::module_inception, reason = "the file is named after its noun, as every file is")]
mod input;
mod input_error;
mod json;
mod json_lines;
mod line;
mod members;
mod names;
mod openai_batch;
mod options;
mod place;
mod problem;
mod record;
mod requests;
mod row_reader;
mod shape;
mod source;
mod stream;
mod table;
#[cfg(test)]
mod tests;

pub use compression::Compression;
pub use input::Input;
pub use input_error::InputError;
pub use options::Options;
pub use place::Place;
pub use problem::Problem;
pub use row_reader::RowReader;
