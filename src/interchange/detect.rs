//! What a file of recordings is, by what stands in it.

use crate::model::Members;

use super::node::Node;
use super::{ImportFormat, vcrpy};

/// What the lines of a file are, where each is a value of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lines {
    Exchanges,
    BatchInput,
    BatchOutput,
    /// Results of Anthropic's batches.
    AnthropicOutput,
}

/// What a file of JSON lines is, by its first line; `None` where it is something else.
pub(super) fn of_lines(text: &str) -> Option<Lines> {
    let first = text.lines().find(|line| !line.trim().is_empty())?;
    let first = Members::parse(first.as_bytes()).ok()?;
    let has = |name: &str| first.0.iter().any(|(known, _)| known == name);
    match () {
        () if has("custom_id") && (has("response") || has("error")) => Some(Lines::BatchOutput),
        () if has("custom_id") && has("result") => Some(Lines::AnthropicOutput),
        () if has("custom_id") => Some(Lines::BatchInput),
        () if has("endpoint") && has("request") => Some(Lines::Exchanges),
        () => None,
    }
}

/// Whether each line of a text is a JSON value of its own, by the first one that has a text.
pub(super) fn is_json_lines(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().is_some_and(|first| serde_json::from_str::<serde::de::IgnoredAny>(first).is_ok());
    first && lines.next().is_some_and(|second| second.starts_with(['{', '[']))
}

/// What documents are, by the first that is one of recordings; `None` where they are no recordings.
pub(super) fn of_documents(documents: &[Node]) -> Option<ImportFormat> {
    documents.iter().find_map(of_document)
}

fn of_document(document: &Node) -> Option<ImportFormat> {
    if document.has("http_interactions") {
        return Some(ImportFormat::Vcr);
    }
    if document.get("log").is_some_and(|log| log.has("entries")) {
        return Some(ImportFormat::Har);
    }
    if document.has("when") && document.has("then") {
        return Some(ImportFormat::Httpmock);
    }
    if document.has("interactions") {
        return Some(of_interactions(document));
    }
    if vcrpy::lists(document).is_some() {
        return Some(ImportFormat::Vcrpy);
    }
    let is_of_vcr = |node: &Node| node.get("request").is_some_and(|request| request.has("uri")) && node.has("response");
    document.list().filter(|list| list.first().is_some_and(is_of_vcr)).map(|_| ImportFormat::Vcr)
}

/// Go writes a `url` where Python writes a `uri`; an empty cassette has its version alone.
fn of_interactions(document: &Node) -> ImportFormat {
    let first = document.list_of("interactions").and_then(|list| list.first());
    let request = first.and_then(|first| first.get("request"));
    match request {
        Some(request) if request.has("uri") => ImportFormat::Vcrpy,
        Some(request) if request.has("url") => ImportFormat::GoVcr,
        _ if document.text_of("version").as_deref() == Some("2") => ImportFormat::GoVcr,
        _ => ImportFormat::Vcrpy,
    }
}
