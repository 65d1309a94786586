//! How fast a streamed answer came.

use super::{Answer, TokenPlaces};
use crate::model::{Chunk, Reply};

/// How fast a streamed answer came. It is derived from the recorded pieces, so that a replay says
/// what the recording did.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Speed {
    /// Microseconds from the send to the piece that completes the first event with content,
    /// reasoning, a refusal or a tool call; `None` where no such event came, or the pieces are
    /// not known.
    pub first_token_us: Option<u64>,
    /// Tokens of the answer by the time from its first to its last; `None` where the usage does
    /// not count them, or all of it came in one piece. Reasoning that was not streamed does not
    /// count.
    pub tokens_per_second: Option<f64>,
}

impl Answer {
    /// How fast the answer came in a reply; `None` where it was not streamed.
    #[must_use]
    pub fn speed(&self, reply: &Reply) -> Option<Speed> {
        Some(speed(self.streamed?, &reply.chunks, self.usage.completion_tokens))
    }
}

fn speed(places: TokenPlaces, chunks: &[Chunk], completion_tokens: Option<u64>) -> Speed {
    let arrived = |place: Option<usize>| place.and_then(|place| arrival_us(chunks, place));
    let (first_token_us, last_token_us) = (arrived(places.first), arrived(places.last));
    let tokens = completion_tokens.map(|tokens| tokens.saturating_sub(places.hidden)).filter(|tokens| *tokens > 0);
    let took_us = first_token_us.zip(last_token_us).map(|(first, last)| last.saturating_sub(first));
    let tokens_per_second = tokens.zip(took_us.filter(|took_us| *took_us > 0)).map(|(tokens, took_us)| {
        #[expect(clippy::cast_precision_loss, reason = "tokens and times have far fewer than 53 bits")]
        let per_second = tokens as f64 * 1e6 / took_us as f64;
        // More digits than that say nothing.
        (per_second * 1e3).round() / 1e3
    });
    Speed { first_token_us, tokens_per_second }
}

/// When the piece came with which so many bytes were there.
fn arrival_us(chunks: &[Chunk], bytes: usize) -> Option<u64> {
    let mut received = 0;
    let piece = chunks.iter().find(|chunk| {
        received += chunk.length;
        received >= bytes
    });
    piece.map(|piece| piece.offset_us)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pieces_say_when_the_tokens_came() {
        let chunks = [(1_000, 10), (3_000, 5), (5_000, 5)].map(|(offset_us, length)| Chunk { offset_us, length });
        let places = |first, last, hidden| TokenPlaces { first: Some(first), last: Some(last), hidden };
        for (places, tokens, first_token_us, tokens_per_second) in [
            (places(10, 20, 0), Some(40), Some(1_000), Some(10_000.0)),
            (places(11, 20, 0), Some(40), Some(3_000), Some(20_000.0)),
            (places(11, 20, 30), Some(40), Some(3_000), Some(5_000.0)),
            (places(11, 20, 50), Some(40), Some(3_000), None),
            (places(1, 9, 0), Some(40), Some(1_000), None),
            (places(10, 20, 0), None, Some(1_000), None),
            (places(10, 21, 0), Some(40), Some(1_000), None),
            (TokenPlaces::default(), Some(40), None, None),
        ] {
            let expected = Speed { first_token_us, tokens_per_second };
            assert_eq!(speed(places, &chunks, tokens), expected, "{places:?}");
            assert_eq!(speed(places, &[], tokens), Speed::default(), "{places:?}");
        }
    }
}
