//! What the content of an answer derives from.

use serde_json::{Value, json};

use super::super::cost::Billing;
use super::super::digest::BodyDigest;
use super::super::draw::{Draw, Purpose};
use super::super::reply_length::ReplyTokens;
use super::answered::Content;
use super::ask::{Ask, Invalid};
use super::format::Format;
use super::usage::TOKEN_BYTES;
use super::{embeddings, schema, text, tools};
use crate::model::Endpoint;

/// What the content of an answer derives from.
#[derive(Clone, Copy)]
pub(in super::super) struct Source<'a> {
    pub(in super::super) seed: u64,
    pub(in super::super) digest: &'a BodyDigest,
    /// How long a text is, in bytes, where that is wished.
    pub(in super::super) reply_bytes: Option<usize>,
    /// How long it is, in tokens, where that is wished.
    pub(in super::super) reply_tokens: Option<ReplyTokens>,
    pub(in super::super) billing: Billing,
}

impl Source<'_> {
    /// What the answer to a request says.
    ///
    /// # Errors
    /// Fails where the request wants a tool or a format that it does not describe.
    pub(super) fn content(self, ask: &Ask<'_>) -> Result<Content, Invalid> {
        if ask.endpoint == Endpoint::Embeddings {
            return Ok(Content::Vectors(embeddings::vectors(ask, self.seed)));
        }
        let draw = &mut Draw::new(self.seed, self.digest, Purpose::Answer);
        let reply_bytes = self.reply_bytes.or_else(|| {
            let tokens = usize::try_from(self.reply_tokens?.draw(draw)).ok()?;
            tokens.checked_mul(TOKEN_BYTES)
        });
        if let Some(tool) = tools::wanted(ask, draw)? {
            let arguments = Some(schema::instance(&tool.schema, draw)).filter(Value::is_object);
            let arguments = arguments.unwrap_or_else(|| json!({})).to_string();
            return Ok(Content::ToolCall { id: format!("{:016x}", draw.next()), name: tool.name, arguments });
        }
        Ok(Content::Text(match Format::of(ask)? {
            Format::Schema(schema) => schema::instance(&schema, draw).to_string(),
            Format::Object => json!({"simulated": true, "answer": text::text(draw, reply_bytes)}).to_string(),
            Format::Text => text::text(draw, reply_bytes),
        }))
    }
}
