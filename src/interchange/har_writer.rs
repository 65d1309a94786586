//! Writing HTTP Archive 1.2.

use std::io::{self, Write};

use base64::Engine;
use serde_json::{Value, json};

use crate::model::{Endpoint, Exchange, Reply};

use super::body::BASE64;
use super::har_own::{self, Own, models_url, plain_body, query_pairs};

/// Where the requests of a log go: a host that is none, since an exchange does not know its own.
const BASE_URL: &str = "https://nightreel.invalid/v1";

/// Writes exchanges as HTTP Archive 1.2.
///
/// What HAR has no place for (pieces of a stream, how it ended, sessions, costs) stands in a member
/// of each entry, `_nightreel`, so that nothing is lost where nightreel reads it again.
#[derive(Debug)]
pub struct HarWriter<W> {
    out: W,
    is_first: bool,
}

impl<W: Write> HarWriter<W> {
    /// Begins a log.
    ///
    /// # Errors
    /// Fails if it cannot be written.
    pub fn new(mut out: W) -> io::Result<Self> {
        let creator = json!({ "name": "nightreel", "version": env!("CARGO_PKG_VERSION") });
        write!(out, "{{\"log\":{{\"version\":\"1.2\",\"creator\":{creator},\"entries\":[")?;
        Ok(Self { out, is_first: true })
    }

    /// Writes an exchange.
    ///
    /// # Errors
    /// Fails if it cannot be written.
    pub fn write(&mut self, exchange: &Exchange) -> io::Result<()> {
        self.out.write_all(if self.is_first { b"\n" } else { b",\n" })?;
        self.is_first = false;
        serde_json::to_writer(&mut self.out, &entry(exchange))?;
        Ok(())
    }

    /// Ends the log; gives what it was written to.
    ///
    /// # Errors
    /// Fails if the end cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.write_all(b"\n]}}\n")?;
        self.out.flush()?;
        Ok(self.out)
    }
}

fn entry(exchange: &Exchange) -> Value {
    let attempt = &exchange.attempt;
    let started = jiff::Timestamp::from_millisecond(attempt.sent_at_ms).unwrap_or_default();
    let timing = attempt.timing;
    let receive_us = timing.total_us.saturating_sub(timing.first_byte_us);
    let mut entry = json!({
        "startedDateTime": format!("{started:.3}"),
        "time": millis(timing.first_byte_us + receive_us),
        "request": request(exchange),
        "response": response(attempt.reply.as_ref().ok()),
        "cache": {},
        "timings": { "send": 0, "wait": millis(timing.first_byte_us), "receive": millis(receive_us) },
    });
    entry[har_own::NAME] = serde_json::to_value(Own::of(exchange)).expect("plain values are JSON");
    entry
}

#[expect(clippy::cast_precision_loss, reason = "a time has far fewer than 53 bits")]
fn millis(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}

fn request(exchange: &Exchange) -> Value {
    let request = &exchange.request;
    let mut har = json!({
        "method": "POST",
        "url": format!("{BASE_URL}/{}", request.endpoint),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": [{ "name": "content-type", "value": "application/json" }],
        "queryString": [],
        "headersSize": -1,
        "bodySize": request.body.len(),
    });
    if request.endpoint == Endpoint::Models {
        let pairs = query_pairs(&request.body).into_iter().map(|(name, value)| json!({ "name": name, "value": value }));
        har["method"] = "GET".into();
        har["url"] = format!("{BASE_URL}/{}", models_url(&request.body)).into();
        har["queryString"] = pairs.collect();
        har["headers"] = json!([]);
        har["bodySize"] = 0.into();
        return har;
    }
    let mut posted = text(&request.body);
    posted["mimeType"] = "application/json".into();
    har["postData"] = posted;
    har
}

/// A response; one that did not come has the status 0, as browsers have it.
fn response(reply: Option<&Reply>) -> Value {
    let body = reply.map(|reply| reply.body.clone()).unwrap_or_default();
    let headers = reply.map(|reply| reply.headers.as_slice()).unwrap_or_default();
    let headers: Vec<Value> =
        headers.iter().map(|header| json!({ "name": header.name, "value": header.value })).collect();
    // HAR has bodies as they were before they were compressed.
    let plain = reply.and_then(plain_body);
    let shown = plain.as_ref().unwrap_or(&body);
    let mut content = text(shown);
    content["size"] = shown.len().into();
    if plain.is_some() {
        content["compression"] =
            json!(i128::try_from(shown.len()).unwrap_or_default() - i128::try_from(body.len()).unwrap_or_default());
    }
    content["mimeType"] = reply.and_then(|reply| reply.header("content-type")).unwrap_or_default().into();
    let status = reply.map_or(0, |reply| reply.status);
    let reason = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    json!({
        "status": status,
        "statusText": reason.unwrap_or_default(),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": headers,
        "content": content,
        "redirectURL": reply.and_then(|reply| reply.header("location")).unwrap_or_default(),
        "headersSize": -1,
        "bodySize": body.len(),
    })
}

/// A body as a text, or in base64 where it is no UTF-8.
fn text(body: &[u8]) -> Value {
    match std::str::from_utf8(body) {
        Ok(text) => json!({ "text": text }),
        Err(_) => json!({ "text": BASE64.encode(body), "encoding": "base64" }),
    }
}
