//! nightreel's own format: an exchange a line, without loss.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use crate::model::{Endpoint, Exchange};

use super::body::Written;
use super::circumstances::Circumstances;

/// A line: `endpoint` and `request`, then `status`, `headers` and `body` where a response came, and
/// the circumstances beside. A body is `{"text": …}`, its very bytes as a JSON string, or
/// `{"base64": …}` where they are no UTF-8.
#[derive(Debug, Serialize, Deserialize)]
struct ExchangeLine {
    endpoint: String,
    request: Written,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// Names in lower case with their values, in the order they came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headers: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<Written>,
    #[serde(flatten)]
    circumstances: Circumstances,
}

/// Writes exchanges as JSON lines, which [`read`](super::read) gives back as they were.
#[derive(Debug)]
pub struct ExchangeWriter<W> {
    out: W,
}

impl<W: Write> ExchangeWriter<W> {
    /// A writer of exchanges.
    pub const fn new(out: W) -> Self {
        Self { out }
    }

    /// Writes an exchange.
    ///
    /// # Errors
    /// Fails if it cannot be written.
    pub fn write(&mut self, exchange: &Exchange) -> io::Result<()> {
        let reply = exchange.attempt.reply.as_ref().ok();
        let headers = reply.map(|reply| reply.headers.iter());
        let line = ExchangeLine {
            endpoint: exchange.request.endpoint.path().to_owned(),
            request: Written::of(&exchange.request.body),
            status: reply.map(|reply| reply.status),
            headers: headers.into_iter().flatten().map(|header| (header.name.clone(), header.value.clone())).collect(),
            body: reply.map(|reply| Written::of(&reply.body)),
            circumstances: Circumstances::of(exchange),
        };
        serde_json::to_writer(&mut self.out, &line)?;
        self.out.write_all(b"\n")
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

/// Why a line is no exchange.
pub(super) enum LineProblem {
    Json(serde_json::Error),
    Content(String),
}

/// The exchange of a line.
pub(super) fn exchange(line: &str) -> Result<Exchange, LineProblem> {
    let line: ExchangeLine = serde_json::from_str(line).map_err(LineProblem::Json)?;
    of_line(line).map_err(LineProblem::Content)
}

fn of_line(line: ExchangeLine) -> Result<Exchange, String> {
    let endpoint =
        Endpoint::from_path(&line.endpoint).ok_or_else(|| format!("there is no endpoint {:?}", line.endpoint))?;
    let body = line.body.map(Written::bytes).transpose()?.unwrap_or_default();
    let reply = line.status.map(|status| (status, line.headers, body));
    line.circumstances.exchange(endpoint, line.request.bytes()?, reply)
}
