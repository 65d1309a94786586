//! Answers in one piece.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::Play;

/// How a body of JSON is laid out.
#[derive(Debug, Clone, Copy)]
pub(super) enum Layout {
    /// As short as it can be.
    Plain,
    /// Over several lines.
    Indented,
    /// Behind the white space that the router sends while a model thinks.
    Padded,
}

const HEADERS: &str = "cf-aig-cache-status: MISS\r\nx-generation-id: gen-1\r\n";

/// A good answer.
pub(super) fn json_answer(layout: Layout, body: &Value) -> Play {
    let body = match layout {
        Layout::Plain => body.to_string(),
        Layout::Indented => format!("{body:#}\n"),
        Layout::Padded => format!("\n         \n\n         \n{body}\r\n"),
    };
    Play::Answer(200, HEADERS, body)
}

/// A good answer, compressed.
pub(super) fn compressed(body: &Value) -> Play {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body.to_string().as_bytes()).unwrap();
    let body = encoder.finish().unwrap();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        body.len()
    );
    Play::Raw([head.into_bytes(), body].concat())
}

/// An error as the router words it.
pub(super) fn refused(status: u16, headers: &'static str, message: &str) -> Play {
    let error = json!({"error": {"message": message, "code": status, "metadata": {"provider_name": "Nobody"}}});
    Play::Answer(status, headers, error.to_string())
}
