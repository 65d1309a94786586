//! Bodies as recordings hold them.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Serialize};

use super::node::{Content, Node};

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
    BASE64.decode(packed).map_err(|error| format!("is no base64: {error}"))
}

/// Whose body one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Request,
    Response,
}

impl Side {
    /// The member of an interaction that it is in most formats.
    pub(super) const fn member(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
        }
    }

    /// The bytes of a scalar that is this body, or a part of it; `None` where there is none.
    ///
    /// # Errors
    /// Why it is none that could be taken.
    pub(super) fn bytes(self, of: Option<&Node>) -> Result<Option<Vec<u8>>, String> {
        let other = |kind: &str| Err(format!("its {} body is a {kind}, and no text", self.member()));
        match of.map(|of| &of.content) {
            None | Some(Content::Null) => Ok(None),
            Some(Content::Text { value, .. }) => Ok(Some(value.as_bytes().to_vec())),
            Some(Content::Bytes(bytes)) => Ok(Some(bytes.clone())),
            Some(Content::Broken(why) | Content::Halved { why, .. }) => Err(self.broken(why)),
            Some(Content::List(_)) => other("list"),
            Some(Content::Map(_)) => other("map"),
        }
    }

    /// The bytes of a scalar that may be in base64.
    ///
    /// # Errors
    /// Why it is none that could be taken.
    pub(super) fn base64(self, of: Option<&Node>) -> Result<Option<Vec<u8>>, String> {
        let packed = self.bytes(of)?.map(|bytes| from_base64(&String::from_utf8_lossy(&bytes)));
        packed.transpose().map_err(|why| format!("its {} body {why}", self.member()))
    }

    /// Why this body cannot be read.
    pub(super) fn broken(self, why: &str) -> String {
        format!("its {} body cannot be read: {why}", self.member())
    }

    /// A body that the recorder did not keep.
    pub(super) fn lost(self) -> String {
        format!("its {} body was not recorded", self.member())
    }
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
            Self::Base64(text) => from_base64(&text).map_err(|why| format!("its body {why}")),
        }
    }
}
