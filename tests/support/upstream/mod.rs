//! A gateway in front of a router, as it answers the scripts of `tests/clients`.

mod chat;
mod events;
mod json;
mod messages;
mod responses;

use serde_json::{Value, json};

use super::{FaultyGateway, Play};
use json::{Layout, compressed, json_answer, refused};

/// A gateway that answers the scripts of `tests/clients`.
pub(crate) fn upstream() -> FaultyGateway {
    FaultyGateway::new(|received| {
        let asked: Value = serde_json::from_slice(&received.body).unwrap_or_default();
        let path = received.head.split(' ').nth(1).unwrap();
        match path.split('?').next().unwrap().strip_prefix("/v1/").unwrap() {
            "models" => json_answer(Layout::Indented, &models()),
            "embeddings" => json_answer(Layout::Plain, &embeddings(&asked)),
            "completions" => json_answer(Layout::Padded, &completion()),
            "chat/completions" => chat::answer(&asked, received.times),
            "responses" => responses::answer(&asked),
            "messages" => messages::answer(&asked, received.times),
            other => refused(404, "", &format!("no route {other}")),
        }
    })
}

fn models() -> Value {
    let models = ["author/large", "author/small"].map(|id| {
        json!({"id": id, "object": "model", "created": 1_700_000_000, "owned_by": "author", "context_length": 8192})
    });
    json!({"object": "list", "data": models})
}

/// Two vectors of numbers that 32 bits hold exactly.
fn embeddings(asked: &Value) -> Value {
    let base64 = asked["encoding_format"] == "base64";
    let [first, second] = if base64 {
        [json!("AAAAPwAAgL4AAAA+"), json!("AACAvwAAAEAAAEA/")]
    } else {
        [json!([0.5, -0.25, 0.125]), json!([-1.0, 2.0, 0.75])]
    };
    json!({"object": "list", "model": "author/vectors", "data": [
        {"object": "embedding", "index": 0, "embedding": first},
        {"object": "embedding", "index": 1, "embedding": second},
    ], "usage": {"prompt_tokens": 4, "total_tokens": 4}})
}

fn completion() -> Value {
    json!({"id": "cmpl-1", "object": "text_completion", "created": 1_700_000_000, "model": "author/small",
        "choices": [{"index": 0, "text": " a time", "finish_reason": "stop", "logprobs": null}],
        "usage": {"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4}})
}
