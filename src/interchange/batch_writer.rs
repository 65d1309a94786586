//! Writing `OpenAI` Batch files.

use std::io::{self, Write};

use serde_json::Value;
use serde_json::value::RawValue;

use crate::model::{BodyShape, Endpoint, Exchange, Reply, Streamed};

/// Which file of a batch is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchPart {
    /// The requests.
    Input,
    /// Their results.
    Output,
}

/// Writes exchanges as one of the two files of an `OpenAI` batch. In both an exchange has the same
/// `custom_id`, made of its session, its key and its occurrence.
///
/// A batch has no streams: a stream is written as the response that it adds up to. What it has no
/// place for is left out: lists of models, faults, and responses that are no JSON.
#[derive(Debug)]
pub struct BatchWriter<W> {
    out: W,
    part: BatchPart,
}

#[derive(serde::Serialize)]
struct InputLine<'a> {
    custom_id: String,
    method: &'static str,
    url: String,
    body: &'a RawValue,
}

#[derive(serde::Serialize)]
struct OutputLine<'a> {
    id: String,
    custom_id: String,
    response: Response<'a>,
    error: Option<Value>,
}

#[derive(serde::Serialize)]
struct Response<'a> {
    status_code: u16,
    request_id: &'a str,
    body: Box<RawValue>,
}

impl<W: Write> BatchWriter<W> {
    /// A writer of one of the files.
    pub const fn new(out: W, part: BatchPart) -> Self {
        Self { out, part }
    }

    /// Writes an exchange; says whether the file has a place for it.
    ///
    /// # Errors
    /// Fails if it cannot be written.
    pub fn write(&mut self, exchange: &Exchange) -> io::Result<bool> {
        let endpoint = exchange.request.endpoint;
        let Some((body, reply)) = parts(exchange) else { return Ok(false) };
        let custom_id = custom_id(exchange);
        match self.part {
            BatchPart::Input => {
                let url = format!("/v1/{endpoint}");
                serde_json::to_writer(&mut self.out, &InputLine { custom_id, method: "POST", url, body: &body })?;
            }
            BatchPart::Output => {
                let Some(answer) = whole(reply) else { return Ok(false) };
                let request_id = reply.header("x-request-id").unwrap_or_default();
                let response = Response { status_code: reply.status, request_id, body: answer };
                let id = format!("batch_req_{custom_id}");
                serde_json::to_writer(&mut self.out, &OutputLine { id, custom_id, response, error: None })?;
            }
        }
        self.out.write_all(b"\n")?;
        Ok(true)
    }

    /// Ends the file; gives what it was written to.
    ///
    /// # Errors
    /// Fails if the end cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

/// The request and the response of an exchange that a batch has a place for.
fn parts(exchange: &Exchange) -> Option<(Box<RawValue>, &Reply)> {
    let reply = exchange.attempt.reply.as_ref().ok()?;
    let asks = exchange.request.endpoint != Endpoint::Models && whole(reply).is_some();
    let body = one_line(&exchange.request.body)?;
    asks.then_some((body, reply))
}

/// The JSON of a response in one piece.
fn whole(reply: &Reply) -> Option<Box<RawValue>> {
    let plain = reply.uncompressed();
    let reply = plain.as_ref().unwrap_or(reply);
    match reply.shape() {
        BodyShape::Json(body) => one_line(body),
        BodyShape::Events => one_line(&Streamed::read(&reply.body).body),
    }
}

/// JSON in one line. Line ends within it stand between its values alone, and mean nothing there.
fn one_line(json: &[u8]) -> Option<Box<RawValue>> {
    let json = std::str::from_utf8(json).ok()?.trim().replace(['\n', '\r'], " ");
    RawValue::from_string(json).ok()
}

fn custom_id(exchange: &Exchange) -> String {
    let key = exchange.request.key.to_string();
    let session = exchange.session.as_deref().map(|session| format!("{session}/")).unwrap_or_default();
    format!("{session}{}-{}", &key[..16], exchange.occurrence)
}
