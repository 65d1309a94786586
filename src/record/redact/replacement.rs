//! What takes the place of something in a text.

use std::ops::Range;

use super::Edit;

/// A place of a text, and what takes it.
pub(super) struct Replacement {
    pub(super) place: Range<usize>,
    pub(super) with: Vec<u8>,
}

/// Finds what must not be kept. The places are in order and apart from each other.
pub(super) trait Finder {
    /// The places of a body. What takes one within a JSON string is escaped as the string needs it.
    fn in_body(&self, body: &[u8]) -> Vec<Replacement>;

    /// The places of a text that is no JSON itself, though it may be written as a part of some.
    fn in_text(&self, text: &[u8]) -> Vec<Replacement>;
}

/// A text with everything replaced, and where it differs.
pub(super) fn replaced(text: &[u8], replacements: &[Replacement]) -> (Vec<u8>, Vec<Edit>) {
    let (mut out, mut edits, mut copied) = (Vec::with_capacity(text.len()), Vec::new(), 0);
    for Replacement { place, with } in replacements {
        out.extend_from_slice(&text[copied..place.start]);
        out.extend_from_slice(with);
        edits.push(Edit { start: place.start, end: place.end, length: with.len() });
        copied = place.end;
    }
    out.extend_from_slice(&text[copied..]);
    (out, edits)
}
