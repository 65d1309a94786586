//! From what a file holds to exchanges.

use std::collections::HashMap;

use bytes::Bytes;

use crate::gateway::{classify, kept_header};
use crate::model::{
    Attempt, BodyShape, Chunk, Class, End, Endpoint, Exchange, Header, Key, KeyRules, Reply, Request, Timing, gunzip,
};
use crate::price::cost_of;

use super::credentials::RecordedCredentials;
use super::doubt::doubt;
use super::endpoint_of::{call_of, query_of};
use super::found::{Found, FoundReply};
use super::{ImportFormat, Imported, Note, Place, Skipped};

/// Takes interactions, and numbers those that ask the same.
#[derive(Debug, Default)]
pub(super) struct Taker {
    exchanges: Vec<Exchange>,
    skipped: Vec<Skipped>,
    notes: Vec<Note>,
    asked: HashMap<Key, u32>,
    credentials: RecordedCredentials,
}

impl Taker {
    /// Takes an interaction, or notes why not.
    pub(super) fn take(&mut self, mut found: Found) {
        self.credentials.extend(std::mem::take(&mut found.credentials));
        let place = found.place.clone();
        match self.exchange(found) {
            Ok(exchange) => self.push(&place, exchange),
            Err(why) => self.skipped.push(Skipped { place, why }),
        }
    }

    /// Takes an exchange as it is, less the headers that no server can send.
    pub(super) fn push(&mut self, place: &Place, mut exchange: Exchange) {
        if let Ok(reply) = &mut exchange.attempt.reply {
            for Header { name, .. } in reply.headers.extract_if(.., |header| !is_sendable(&header.value)) {
                let why = "its value has a character that HTTP has no place for";
                let what = format!("its response header {name} is left out: {why}");
                self.notes.push(Note { place: place.clone(), what });
            }
        }
        self.exchanges.push(exchange);
    }

    pub(super) fn skip(&mut self, skipped: Skipped) {
        self.skipped.push(skipped);
    }

    pub(super) fn finish(self, format: ImportFormat) -> Imported {
        let Self { exchanges, skipped, notes, credentials, .. } = self;
        Imported { format, exchanges, skipped, notes, credentials }
    }

    fn exchange(&mut self, found: Found) -> Result<Exchange, String> {
        if let Some(damage) = found.damage {
            return Err(damage);
        }
        let call = call_of(&found.place.method, &found.url)?;
        let body =
            if call.endpoint == Endpoint::Models { Ok(query_of(&found.url).into_bytes()) } else { found.request }?;
        let request = request(call.endpoint, call.deployment.as_deref(), body)?;
        let reply = found.reply?;
        let doubt = doubt(&reply);
        let (attempt, no_answer) = attempt(call.endpoint, reply, (found.sent_at_ms, found.timing));
        for what in found.notes.into_iter().chain(doubt.or(no_answer)) {
            self.notes.push(Note { place: found.place.clone(), what });
        }
        let asked = self.asked.entry(request.key).or_default();
        let occurrence = *asked;
        *asked += 1;
        Ok(Exchange { request, session: None, occurrence, attempt })
    }
}

/// Whether a server can send a header's value: one with a line break none can.
fn is_sendable(value: &str) -> bool {
    !value.contains(|character: char| character.is_ascii_control() && character != '\t')
}

fn request(endpoint: Endpoint, deployment: Option<&str>, body: Vec<u8>) -> Result<Request, String> {
    let body = gunzip(&body).unwrap_or_else(|| Bytes::from(body));
    if body.trim_ascii().is_empty() {
        return Err("it has no request body".to_owned());
    }
    let body = match deployment {
        Some(deployment) => Request::naming_model(body, deployment),
        None => body,
    };
    Request::of_body(endpoint, body, &KeyRules::default()).map_err(|error| format!("its request body is {error}"))
}

/// What a response means today, and what is to be said of one that means nothing.
fn attempt(endpoint: Endpoint, found: FoundReply, (sent_at_ms, timing): (i64, Timing)) -> (Attempt, Option<String>) {
    let headers = found.headers.iter().filter(|(name, value)| is_true(name, value, &found.body));
    let headers: Vec<Header> = headers.filter_map(|(name, value)| kept_header(name, value)).collect();
    let mut reply =
        Reply { status: found.status, headers, body: found.body.into(), chunks: Vec::new(), end: End::Complete };
    if reply.shape() == BodyShape::Events {
        reply.chunks = chunks(&reply.body, timing);
    }
    let reply = Ok(reply);
    let verdict = classify(endpoint, &reply, true);
    let cost_usd = cost_of(&reply, verdict.class, verdict.answer.as_ref().map(|answer| &answer.usage), None);
    let message = verdict.message.filter(|_| verdict.class == Class::BadBody);
    let no_answer = message.map(|message| format!("its response is no answer: {message}"));
    let attempt =
        Attempt { number: 1, sent_at_ms, timing, reply, class: verdict.class, cost_usd, assumed_cost_usd: None };
    (attempt, no_answer)
}

/// Whether a header says what is so: most tools keep a body as they have decoded it beside a
/// `content-encoding` that says how it came.
fn is_true(name: &str, value: &str, body: &[u8]) -> bool {
    if !name.eq_ignore_ascii_case("content-encoding") {
        return true;
    }
    match value.trim().to_ascii_lowercase().as_str() {
        "gzip" | "x-gzip" => body.starts_with(b"\x1f\x8b"),
        "zstd" => body.starts_with(b"\x28\xb5\x2f\xfd"),
        _ => std::str::from_utf8(body).is_err(),
    }
}

/// The pieces of an event stream: each ends behind a blank line. Where the file knows the times of
/// the first byte and of the last one, the first pieces have the one and the last piece the other.
fn chunks(body: &[u8], timing: Timing) -> Vec<Chunk> {
    let mut chunks: Vec<Chunk> =
        pieces(body).into_iter().map(|length| Chunk { offset_us: timing.first_byte_us, length }).collect();
    if let Some(last) = chunks.last_mut() {
        last.offset_us = timing.total_us;
    }
    chunks
}

/// The lengths of the pieces. More blank lines belong to the event behind them.
fn pieces(body: &[u8]) -> Vec<usize> {
    let (mut pieces, mut start, mut has_text, mut line_is_blank) = (Vec::new(), 0, false, true);
    for (index, byte) in body.iter().enumerate() {
        let is_first_half = *byte == b'\r' && body.get(index + 1) == Some(&b'\n');
        match byte {
            _ if is_first_half => {}
            b'\n' | b'\r' if line_is_blank && has_text => {
                pieces.push(index + 1 - start);
                (start, has_text) = (index + 1, false);
            }
            b'\n' | b'\r' => line_is_blank = true,
            _ => (line_is_blank, has_text) = (false, true),
        }
    }
    match pieces.last_mut() {
        Some(last) if !has_text => *last += body.len() - start,
        _ if body.len() > start => pieces.push(body.len() - start),
        _ => {}
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_cut_behind_each_blank_line() {
        for (body, expected) in [
            ("", vec![]),
            ("data: 1\n\n", vec!["data: 1\n\n"]),
            (": c\n\ndata: 1\n\n", vec![": c\n\n", "data: 1\n\n"]),
            ("event: a\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n", vec!["event: a\r\ndata: 1\r\n\r\n", "data: 2\r\n\r\n"]),
            ("data: 1\r\rdata: 2\r\r", vec!["data: 1\r\r", "data: 2\r\r"]),
            ("\n\ndata: 1\n\n\n\ndata: 2", vec!["\n\ndata: 1\n\n", "\n\ndata: 2"]),
            ("data: 1\n\n\n\n", vec!["data: 1\n\n\n\n"]),
            ("data: 1\n", vec!["data: 1\n"]),
            ("\n", vec!["\n"]),
        ] {
            let mut rest = body;
            let mut cut = Vec::new();
            for length in pieces(body.as_bytes()) {
                cut.push(&rest[..length]);
                rest = &rest[length..];
            }
            assert_eq!((cut, rest), (expected, ""), "{body:?}");
        }
    }

    #[test]
    fn a_content_encoding_is_kept_where_the_body_has_it() {
        for (encoding, body, expected) in [
            ("gzip", b"\x1f\x8b\x08".as_slice(), true),
            ("GZIP", b"{}", false),
            ("gzip", b"", false),
            ("zstd", b"\x28\xb5\x2f\xfd", true),
            ("zstd", b"{}", false),
            ("br", b"\x0b\xff\x80", true),
            ("br", b"{\"a\":1}", false),
            ("identity", b"{}", false),
        ] {
            assert_eq!(is_true("Content-Encoding", encoding, body), expected, "{encoding} {body:?}");
        }
        assert!(is_true("content-type", "gzip", b"{}"));
    }
}
