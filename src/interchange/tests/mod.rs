//! Recordings of every format, and what becomes of them.

mod batch;
mod go_vcr;
mod har;
mod httpmock;
mod round_trip;
mod ruby_vcr;
mod trouble;
mod vcrpy;
mod yaml;

use std::io::Write;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use crate::model::{Exchange, Reply};

use super::{ImportError, ImportFormat, Imported, Source, read};

/// A request body that is taken.
const ASKED: &str = r#"{"model":"m","messages":[]}"#;
/// A response body that is an answer.
const ANSWER: &str = r#"{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}"#;

/// A directory with a file in it.
struct File {
    directory: TempDir,
    name: &'static str,
}

impl File {
    fn new(name: &'static str, content: impl AsRef<[u8]>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(name), content).unwrap();
        Self { directory, name }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join(self.name)
    }

    fn read(&self) -> Result<Imported, ImportError> {
        self.read_as(None)
    }

    fn read_as(&self, format: Option<ImportFormat>) -> Result<Imported, ImportError> {
        read(self.source(), format)
    }

    fn source(&self) -> Source {
        Source::open(&self.path()).unwrap()
    }

    /// What is wrong with it, less the directory's name.
    fn problem(&self) -> String {
        let problem = self.read().unwrap_err().to_string();
        problem.replace(&format!("{}/", self.directory.path().display()), "")
    }
}

/// What came of a file that can be read.
fn imported(name: &'static str, content: impl AsRef<[u8]>) -> Imported {
    File::new(name, content).read().unwrap()
}

fn reply(exchange: &Exchange) -> &Reply {
    exchange.attempt.reply.as_ref().unwrap()
}

fn body_text(exchange: &Exchange) -> &str {
    std::str::from_utf8(&reply(exchange).body).unwrap()
}

fn request_text(exchange: &Exchange) -> &str {
    std::str::from_utf8(&exchange.request.body).unwrap()
}

/// Name and value of each header.
fn headers(exchange: &Exchange) -> Vec<(&str, &str)> {
    reply(exchange).headers.iter().map(|header| (header.name.as_str(), header.value.as_str())).collect()
}

/// The reasons why interactions were left out, with their places.
fn left_out(imported: &Imported) -> Vec<String> {
    imported.skipped.iter().map(ToString::to_string).collect()
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}
