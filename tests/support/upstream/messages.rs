//! The messages endpoint.

use serde_json::{Value, json};

use super::super::Ends;
use super::events::{stream, typed_event};
use super::json::Layout;
use super::{Play, json_answer};

/// The answer to a message; `times` counts the requests that were the same.
pub(super) fn answer(asked: &Value, times: usize) -> Play {
    let busy = asked["messages"][0]["content"] == "Be busy once." && times == 1;
    if busy {
        let error = json!({"type": "rate_limit_error", "message": "the provider is busy"});
        return Play::Answer(429, "retry-after: 1\r\n", json!({"type": "error", "error": error}).to_string());
    }
    if asked["stream"] == true { stream(events(), Ends::Well) } else { json_answer(Layout::Plain, &message("Hello.")) }
}

fn message(text: &str) -> Value {
    json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "author/small",
        "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "stop_sequence": null,
        "usage": {"input_tokens": 4, "output_tokens": 2}})
}

fn events() -> Vec<String> {
    let mut started = message("");
    started["content"] = json!([]);
    started["stop_reason"] = Value::Null;
    let delta =
        |text: &str| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}});
    let events = [
        json!({"type": "message_start", "message": started}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "ping"}),
        delta("Hel"),
        delta("lo."),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null},
            "usage": {"output_tokens": 2}}),
        json!({"type": "message_stop"}),
    ];
    events.iter().map(typed_event).collect()
}
