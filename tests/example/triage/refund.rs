//! Drafting an answer to who wants money back.

use serde_json::{Value, json};

use super::{Model, ModelError, Ticket};

/// The most turns that a conversation may take.
const TURNS: usize = 4;

/// Drafts an answer. The model looks orders up by calling a tool, which is `look_up` here.
pub(crate) async fn draft_refund(
    model: &Model,
    ticket: &Ticket,
    look_up: impl Fn(&str) -> Value,
) -> Result<String, ModelError> {
    let mut messages = vec![
        json!({"role": "system", "content": "Draft a short answer. Look the order up first."}),
        json!({"role": "user", "content": ticket.text}),
    ];
    for _ in 0..TURNS {
        let message = model.message(&Model::body(&json!(messages), &json!({"tools": [tool()]}))).await?;
        let Some(calls) = message["tool_calls"].as_array() else {
            return Ok(message["content"].as_str().unwrap_or_default().to_owned());
        };
        let results: Vec<Value> = calls.iter().map(|call| result(call, &look_up)).collect();
        messages.push(message.clone());
        messages.extend(results);
    }
    Err(ModelError::Unreadable("it calls tools again and again".to_owned()))
}

fn tool() -> Value {
    let parameters = json!({"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]});
    json!({"type": "function", "function": {
        "name": "look_up", "description": "Looks an order up by its number.", "parameters": parameters,
    }})
}

fn result(call: &Value, look_up: impl Fn(&str) -> Value) -> Value {
    let arguments = call["function"]["arguments"].as_str().unwrap_or_default();
    let arguments: Value = serde_json::from_str(arguments).unwrap_or_default();
    let found = look_up(arguments["order"].as_str().unwrap_or_default());
    json!({"role": "tool", "tool_call_id": call["id"], "content": found.to_string()})
}
