//! Response bodies as the adapters of `PollyJS` keep them in an archive.
//!
//! A body that came with a `content-encoding` is a JSON array of the chunks that it came in. Older
//! versions write bytes in hexadecimal digits under `_isBinary`, newer ones base64 with the
//! `encoding` that HAR has for it.

use super::body::{Side, from_base64};
use super::node::{Content, Node};

/// How the pieces of a body are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    Hex,
    Base64,
}

/// The body of a `content`; `None` where it is none of these.
///
/// # Errors
/// Why it is one and cannot be read.
pub(super) fn body(content: &Node, headers: &[(String, String)]) -> Result<Option<Vec<u8>>, String> {
    let is_binary = content.text_of("_isBinary").as_deref() == Some("true");
    let is_encoded = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-encoding"));
    let Some(Content::Text { value: text, .. }) = content.get("text").map(|text| &text.content) else {
        return Ok(None);
    };
    let is_base64 = content.text_of("encoding").is_some_and(|encoding| encoding.eq_ignore_ascii_case("base64"));
    let pieces = if is_encoded || is_binary { serde_json::from_str::<Vec<String>>(text).ok() } else { None };
    let pieces = match pieces {
        Some(pieces) => pieces,
        None if is_binary && !is_base64 => vec![text.clone()],
        None => return Ok(None),
    };
    let ways: &[Written] = if is_base64 { &[Written::Base64] } else { &[Written::Hex, Written::Base64] };
    let joined = ways.iter().find_map(|written| joined(&pieces, *written));
    let lost = || {
        let known = if is_base64 { "no base64" } else { "neither hexadecimal digits nor base64" };
        format!("its {} body is in pieces, of which one is {known}", Side::Response.member())
    };
    joined.map(Some).ok_or_else(lost)
}

fn joined(pieces: &[String], written: Written) -> Option<Vec<u8>> {
    let pieces: Option<Vec<Vec<u8>>> = pieces.iter().map(|piece| bytes(piece, written)).collect();
    Some(pieces?.concat())
}

fn bytes(piece: &str, written: Written) -> Option<Vec<u8>> {
    match written {
        Written::Base64 => from_base64(piece).ok(),
        Written::Hex if !piece.len().is_multiple_of(2) => None,
        Written::Hex => piece.as_bytes().chunks(2).map(|pair| Some(digit(pair[0])? * 16 + digit(pair[1])?)).collect(),
    }
}

/// The value of a hexadecimal digit.
const fn digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
