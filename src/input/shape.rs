//! What a line looks like when it is not of the format it should have.

use serde_json::{Map, Value};

use crate::model::Format;

/// What to do about a line that seems to be of another format than the file's.
pub(super) fn hint(object: &Map<String, Value>, format: Format) -> Option<String> {
    let has = |names: &[&str]| names.iter().all(|name| object.contains_key(*name));
    let found = match () {
        () if has(&["custom_id", "response"]) || has(&["custom_id", "result"]) => {
            return Some("this line looks like a batch's result, not like its input".to_owned());
        }
        () if has(&["requests"]) => {
            return Some(
                "this looks like a whole batch: put one request a line, as jq -c '.requests[]' does".to_owned(),
            );
        }
        () if has(&["custom_id", "url"]) || has(&["custom_id", "method"]) => Format::OpenaiBatch,
        () if has(&["custom_id", "params"]) => Format::AnthropicBatch,
        () if has(&["custom_id", "body"]) => {
            return Some(r#"OpenRouter's batch lines need "method": "POST" and a "url" to be OpenAI's"#.to_owned());
        }
        () if has(&["custom_id"]) => return None,
        () if has(&["messages"]) => Format::Requests,
        () => Format::Jsonl,
    };
    (found != format).then(|| format!("this line looks like {}; set format = \"{}\"", title(found), found.as_str()))
}

const fn title(format: Format) -> &'static str {
    match format {
        Format::OpenaiBatch => "OpenAI Batch",
        Format::AnthropicBatch => "an Anthropic Message Batch",
        Format::Requests => "a chat body",
        Format::Jsonl | Format::Csv | Format::Tsv => "a row for a prompt",
    }
}
