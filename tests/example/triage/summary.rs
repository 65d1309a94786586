//! Summing tickets up, told while it comes.

use serde_json::{Value, json};

use super::{Model, ModelError, Ticket};

/// Sums tickets up. Each piece of the text is told as soon as it is there.
pub(crate) async fn summarise(
    model: &Model,
    tickets: &[Ticket],
    mut tell: impl FnMut(&str),
) -> Result<String, ModelError> {
    let texts: Vec<&str> = tickets.iter().map(|ticket| ticket.text.as_str()).collect();
    let messages = json!([
        {"role": "system", "content": "Sum these tickets up in one sentence."},
        {"role": "user", "content": texts.join("\n---\n")},
    ]);
    let mut response = model.send(&Model::body(&messages, &json!({"stream": true}))).await?;
    let (mut lines, mut summary) = (Vec::new(), String::new());
    loop {
        let piece = match response.chunk().await {
            Ok(Some(piece)) => piece,
            Ok(None) | Err(_) => return Err(ModelError::BrokeOff(summary)),
        };
        lines.extend_from_slice(&piece);
        while let Some(end) = lines.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = lines.drain(..=end).collect();
            let Some(data) = line.trim_ascii().strip_prefix(b"data: ") else { continue };
            if data == b"[DONE]" {
                return Ok(summary);
            }
            let event: Value =
                serde_json::from_slice(data).map_err(|error| ModelError::Unreadable(error.to_string()))?;
            let text = event["choices"][0]["delta"]["content"].as_str().unwrap_or_default();
            tell(text);
            summary.push_str(text);
        }
    }
}
