//! The events of a stream.

use bytes::Bytes;
use serde::Serialize;

/// The comment that keeps a slow stream alive.
pub(in super::super) const PROCESSING: &[u8] = b": OPENROUTER PROCESSING\n\n";
/// What ends a stream.
pub(super) const DONE: &[u8] = b"data: [DONE]\n\n";

/// How many pieces a text is sent in at most.
const MOST_PIECES: usize = 64;
/// How many bytes a piece has at least.
const LEAST_BYTES: usize = 16;

/// An event that has data alone.
pub(super) fn data(value: &impl Serialize) -> Bytes {
    event(b"data: ", value)
}

/// An event with a name.
pub(super) fn named(name: &str, value: &impl Serialize) -> Bytes {
    event(format!("event: {name}\ndata: ").as_bytes(), value)
}

fn event(start: &[u8], value: &impl Serialize) -> Bytes {
    let mut event = start.to_vec();
    serde_json::to_writer(&mut event, value).expect("events have string keys alone");
    event.extend_from_slice(b"\n\n");
    event.into()
}

/// The pieces in which a text is sent; none of an empty text.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let bytes = text.len().div_ceil(MOST_PIECES).max(LEAST_BYTES);
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (piece, tail) = rest.split_at(rest.ceil_char_boundary(bytes.min(rest.len())));
        rest = tail;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_the_text_and_not_too_many() {
        for text in ["", "a", "ééééééééééééééééé", &"word ".repeat(10_000)] {
            let pieces: Vec<_> = pieces(text).collect();
            assert_eq!(pieces.concat(), text);
            assert!(pieces.len() <= MOST_PIECES && !pieces.contains(&""));
        }
    }
}
