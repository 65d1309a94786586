//! What other tools have recorded, and what they can read: cassettes, HAR, batch files, JSON lines.
//!
//! [`read`] makes exchanges of a file of recordings, whatever tool has written it, and says what it
//! leaves out and why. A request is taken where its URL ends in a call that nightreel knows,
//! whatever stands before it. Of a response its status, its body byte for byte, and the headers
//! that nightreel keeps are taken; of a request its body alone, since the rest may hold
//! credentials.
//!
//! The writers turn exchanges into files: [`ExchangeWriter`] (JSON lines, without loss),
//! [`HarWriter`] (HAR 1.2, with what HAR has no place for in a member of its own), and
//! [`BatchWriter`] (`OpenAI` Batch).

mod attachments;
mod batch;
mod batch_writer;
mod body;
mod circumstances;
mod credentials;
mod detect;
mod doubt;
mod endpoint_of;
mod exchange_line;
mod found;
mod go_vcr;
mod har;
mod har_own;
mod har_writer;
mod headers;
mod httpmock;
mod import_error;
mod import_format;
mod imported;
mod json;
mod node;
mod polly;
mod python_json;
mod read;
mod ruby_vcr;
mod source;
mod take;
#[cfg(test)]
mod tests;
mod vcrpy;
mod yaml;

pub use batch_writer::{BatchPart, BatchWriter};
pub use credentials::RecordedCredentials;
pub use exchange_line::ExchangeWriter;
pub use har_writer::HarWriter;
pub use import_error::ImportError;
pub use import_format::{ImportFormat, UnknownImportFormat};
pub use imported::{Imported, Note, Place, Skipped};
pub use read::{read, read_batch};
pub use source::Source;
