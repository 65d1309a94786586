//! Bodies as recordings hold them.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Serialize};

/// Base64 as people write it: with padding, or without.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The bytes of a base64 text, which may be broken into lines.
pub(super) fn from_base64(text: &str) -> Result<Vec<u8>, String> {
    let packed: String = text.split_ascii_whitespace().collect();
    BASE64.decode(packed).map_err(|error| format!("its body is no base64: {error}"))
}

/// A body in JSON: its text, or base64 where it is not UTF-8.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Written {
    Text(String),
    Base64(String),
}

impl Written {
    pub(super) fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Base64(BASE64.encode(bytes)),
        }
    }

    pub(super) fn bytes(self) -> Result<Vec<u8>, String> {
        match self {
            Self::Text(text) => Ok(text.into_bytes()),
            Self::Base64(text) => from_base64(&text),
        }
    }
}
