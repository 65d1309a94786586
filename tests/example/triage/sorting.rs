//! What a ticket is about.

use serde::Deserialize;
use serde_json::{Value, json};

use super::model::message_of;
use super::{Model, ModelError, Ticket};

/// What a ticket is about, as the model says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Sorting {
    pub(crate) category: Category,
    pub(crate) urgent: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Category {
    Refund,
    Account,
    Other,
}

/// Asks what a ticket is about.
pub(crate) async fn sort(model: &Model, ticket: &Ticket) -> Result<Sorting, ModelError> {
    Sorting::of_message(&model.message(&Sorting::request(ticket)).await?)
}

impl Sorting {
    /// The request: the answer has a schema.
    pub(crate) fn request(ticket: &Ticket) -> Value {
        let messages = json!([
            {"role": "system", "content": "Sort this support ticket."},
            {"role": "user", "content": ticket.text},
        ]);
        let properties = json!({
            "category": {"type": "string", "enum": ["refund", "account", "other"]},
            "urgent": {"type": "boolean"},
        });
        let schema = json!({
            "type": "object", "properties": properties, "required": ["category", "urgent"], "additionalProperties": false,
        });
        let format =
            json!({"type": "json_schema", "json_schema": {"name": "sorting", "strict": true, "schema": schema}});
        Model::body(&messages, &json!({"response_format": format}))
    }

    /// The answer in the body of a reply.
    pub(crate) fn of_reply(body: &[u8]) -> Result<Self, ModelError> {
        Self::of_message(&message_of(body)?)
    }

    fn of_message(message: &Value) -> Result<Self, ModelError> {
        let content = message["content"].as_str().unwrap_or_default();
        serde_json::from_str(content).map_err(|error| ModelError::Unreadable(error.to_string()))
    }
}
