//! What nightreel knows of an exchange beside its request and its response.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::gateway::kept_header;
use crate::model::{
    Attempt, Chunk, Class, End, Endpoint, Exchange, Fault, FaultKind, Key, KeyRules, Reply, Request, Timing,
};

use super::found::final_status;

/// What nightreel knows of an exchange beside its request and its response. Times are in
/// microseconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Circumstances {
    model: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    #[serde(default)]
    occurrence: u32,
    /// The key in hexadecimal digits, where a job's rules have made another one than the body has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(default = "one")]
    attempt: u32,
    #[serde(default)]
    sent_at_ms: i64,
    #[serde(default)]
    queued_us: u64,
    #[serde(default)]
    first_byte_us: u64,
    #[serde(default)]
    total_us: u64,
    class: String,
    #[serde(default)]
    cost_usd: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    assumed_cost_usd: Option<f64>,
    /// The pieces of the body: when each came after the send, and its length in bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    chunks: Vec<(u64, usize)>,
    /// How the body ended; none where a fault came instead of a response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fault: Option<FaultText>,
}

/// Why a send brought no response.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct FaultText {
    kind: String,
    message: String,
}

/// A response as a file has it: status, header lines, body.
pub(super) type Written = (u16, Vec<(String, String)>, Vec<u8>);

const fn one() -> u32 {
    1
}

impl Circumstances {
    pub(super) fn of(exchange: &Exchange) -> Self {
        let Exchange { request, session, occurrence, attempt } = exchange;
        let plain = Key::of(request.endpoint, &request.body, &KeyRules::default());
        let reply = attempt.reply.as_ref();
        let fault =
            reply.err().map(|fault| FaultText { kind: fault.kind.as_str().to_owned(), message: fault.message.clone() });
        let chunks = reply.map(|reply| reply.chunks.iter().map(|chunk| (chunk.offset_us, chunk.length)).collect());
        Self {
            model: request.model.to_string(),
            session: session.as_deref().map(ToOwned::to_owned),
            occurrence: *occurrence,
            key: (plain.as_ref() != Ok(&request.key)).then(|| request.key.to_string()),
            attempt: attempt.number,
            sent_at_ms: attempt.sent_at_ms,
            queued_us: attempt.timing.queued_us,
            first_byte_us: attempt.timing.first_byte_us,
            total_us: attempt.timing.total_us,
            class: attempt.class.as_str().to_owned(),
            cost_usd: attempt.cost_usd,
            assumed_cost_usd: attempt.assumed_cost_usd,
            chunks: chunks.unwrap_or_default(),
            end: reply.ok().map(|reply| reply.end.as_str().to_owned()),
            fault,
        }
    }

    /// Forgets the pieces that a body came in.
    pub(super) fn forget_pieces(&mut self) {
        self.chunks.clear();
    }

    /// Whether a fault came instead of a response.
    pub(super) const fn is_fault(&self) -> bool {
        self.fault.is_some()
    }

    /// The exchange that these are the circumstances of.
    ///
    /// # Errors
    /// What does not fit together.
    pub(super) fn exchange(
        self,
        endpoint: Endpoint,
        body: Vec<u8>,
        reply: Option<Written>,
    ) -> Result<Exchange, String> {
        let mut request = Request::new(endpoint, self.model.as_str().into(), body.into(), &KeyRules::default())
            .map_err(|error| format!("its request body is {error}"))?;
        if let Some(key) = &self.key {
            request.key = key_of(key).ok_or("its key is not 64 hexadecimal digits")?;
        }
        let session = self.session.as_deref().map(session).transpose()?;
        let class = Class::from_name(&self.class).ok_or_else(|| format!("there is no class {:?}", self.class))?;
        let timing = Timing { queued_us: self.queued_us, first_byte_us: self.first_byte_us, total_us: self.total_us };
        let attempt = Attempt {
            number: self.attempt,
            sent_at_ms: self.sent_at_ms,
            timing,
            class,
            cost_usd: cost(self.cost_usd)?,
            assumed_cost_usd: cost(self.assumed_cost_usd)?,
            reply: self.reply(reply)?,
        };
        Ok(Exchange { request, session, occurrence: self.occurrence, attempt })
    }

    fn reply(&self, written: Option<Written>) -> Result<Result<Reply, Fault>, String> {
        if let Some(fault) = &self.fault {
            let kind =
                FaultKind::from_name(&fault.kind).ok_or_else(|| format!("there is no fault {:?}", fault.kind))?;
            return Ok(Err(Fault { kind, message: fault.message.clone() }));
        }
        let (status, headers, body) = written.ok_or("it has neither a response nor a fault")?;
        let status = final_status(status)?;
        let end = self.end.as_deref().map_or(Some(End::Complete), End::from_name);
        let end = end.ok_or_else(|| format!("a body does not end {:?}", self.end.as_deref().unwrap_or_default()))?;
        let chunks = self.chunks.iter().map(|&(offset_us, length)| Chunk { offset_us, length }).collect::<Vec<_>>();
        let length = chunks.iter().try_fold(0_usize, |sum, chunk| sum.checked_add(chunk.length));
        if !chunks.is_empty() && length != Some(body.len()) {
            return Err("its chunks do not add up to its body".to_owned());
        }
        let headers = headers.iter().filter_map(|(name, value)| kept_header(name, value)).collect();
        Ok(Ok(Reply { status, headers, body: Bytes::from(body), chunks, end }))
    }
}

/// The session of a name. A server takes none that is longer than its longest.
fn session(name: &str) -> Result<Arc<str>, String> {
    match name.len() {
        length if length > Exchange::LONGEST_SESSION => {
            Err(format!("its session's name has {length} bytes, and may have {}", Exchange::LONGEST_SESSION))
        }
        _ => Ok(name.into()),
    }
}

/// What something cost, if that is known.
fn cost(usd: Option<f64>) -> Result<Option<f64>, String> {
    match usd {
        Some(usd) if !usd.is_finite() || usd < 0.0 => Err(format!("nothing costs {usd} USD")),
        usd => Ok(usd),
    }
}

fn key_of(digits: &str) -> Option<Key> {
    let mut bytes = [0; 32];
    if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(Key::from_bytes(bytes))
}
