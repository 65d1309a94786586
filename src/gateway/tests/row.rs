//! A reply and what it means, as a row of a table; and the bodies that gateway and router write.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::gateway::Stops;
use crate::gateway::classify::classify_at;
use crate::model::{Class, End, Endpoint, Header, Reply};

use Class::Answered;

/// A reply, what it means at the beginning of a run, and what it means once something was answered.
pub(super) struct Row {
    name: &'static str,
    status: u16,
    body: Vec<u8>,
    first: (Class, Stops),
    later: (Class, Stops),
}

#[expect(clippy::needless_pass_by_value, reason = "a table reads better without a borrow in every row")]
pub(super) fn row(name: &'static str, status: u16, body: impl ToString, class: Class, stops: Stops) -> Row {
    Row { name, status, body: body.to_string().into_bytes(), first: (class, stops), later: (class, stops) }
}

impl Row {
    /// Once something was answered, it means something else.
    pub(super) const fn later(mut self, class: Class, stops: Stops) -> Self {
        self.later = (class, stops);
        self
    }

    pub(super) fn check(&self) {
        for (run_has_answers, expected) in [(false, self.first), (true, self.later)] {
            let body = Bytes::copy_from_slice(&self.body);
            let header = Header { name: "content-type".to_owned(), value: "application/json".to_owned() };
            let reply = Reply { status: self.status, headers: vec![header], body, chunks: vec![], end: End::Complete };
            let now = "2026-11-22T12:00:00Z".parse().unwrap();
            let verdict = classify_at(now, Endpoint::ChatCompletions, &Ok(reply), run_has_answers);
            let meant = (verdict.class, verdict.stops);
            assert_eq!(meant, expected, "{}, answers before: {run_has_answers}: {:?}", self.name, verdict.message);
            assert_eq!(verdict.answer.is_some(), verdict.class == Answered, "{}", self.name);
        }
    }
}

pub(super) fn gateway(http: u16, code: u32, message: &str) -> Value {
    json!({"success": false, "result": [], "messages": [], "error": [{"code": code, "message": message}],
           "name": "AiGatewayError", "httpCode": http, "internalCode": code})
}

pub(super) fn api(code: u32) -> Value {
    json!({"success": false, "errors": [{"code": code, "message": "m"}], "messages": [], "result": null})
}

pub(super) fn router(code: impl Into<Value>, message: &str, metadata: &Value) -> Value {
    json!({"error": {"code": code.into(), "message": message, "metadata": metadata}, "user_id": "user_1"})
}

pub(super) fn answer(content: &Value, finish: &Value, tokens: &Value) -> Value {
    json!({"id": "gen-1", "object": "chat.completion", "model": "m", "choices": [
        {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish}
    ], "usage": {"prompt_tokens": 3, "completion_tokens": tokens, "total_tokens": tokens}})
}
