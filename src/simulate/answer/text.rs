//! The text of a simulated answer: plain sentences that say that they are simulated.

use std::fmt::Write as _;

use super::super::draw::Draw;

const ADJECTIVES: [&str; 16] = [
    "amber", "quiet", "narrow", "early", "copper", "distant", "patient", "hollow", "bright", "northern", "slow",
    "silver", "steep", "warm", "plain", "salty",
];
const NOUNS: [&str; 16] = [
    "river", "harbour", "lantern", "orchard", "signal", "ledger", "meadow", "engine", "window", "tunnel", "market",
    "compass", "bridge", "garden", "library", "anchor",
];
const VERBS: [&str; 16] = [
    "follows", "crosses", "mirrors", "carries", "outlasts", "answers", "circles", "shelters", "measures", "borders",
    "recalls", "steadies", "divides", "lights", "faces", "repeats",
];

/// One to three sentences, or as many bytes as are wished. It is ASCII and needs no escapes in JSON.
pub(super) fn text(draw: &mut Draw, bytes: Option<usize>) -> String {
    let mut text = String::with_capacity(bytes.map_or(192, |bytes| bytes + 64));
    write!(text, "Simulated answer {:08x}:", draw.next() >> 32).expect("a String takes all");
    let sentences = 1 + draw.below(3);
    match bytes {
        None => (0..sentences).for_each(|_| push_sentence(&mut text, draw)),
        Some(bytes) => {
            while text.len() < bytes {
                push_sentence(&mut text, draw);
            }
            text.truncate(bytes.max("Simulated".len()));
        }
    }
    text
}

/// A few words, for a string inside a JSON answer.
pub(super) fn phrase(draw: &mut Draw) -> String {
    format!("simulated {} {}", draw.pick(&ADJECTIVES), draw.pick(&NOUNS))
}

fn push_sentence(text: &mut String, draw: &mut Draw) {
    let words = [
        " the ",
        draw.pick(&ADJECTIVES),
        " ",
        draw.pick(&NOUNS),
        " ",
        draw.pick(&VERBS),
        " the ",
        draw.pick(&ADJECTIVES),
        " ",
        draw.pick(&NOUNS),
        ".",
    ];
    text.extend(words);
}

#[cfg(test)]
mod tests {
    use super::super::super::digest::BodyDigest;
    use super::super::super::draw::Purpose;
    use super::*;

    fn draw(number: u32) -> Draw {
        Draw::new(1, &BodyDigest::of(&number.to_le_bytes()), Purpose::Answer)
    }

    #[test]
    fn a_text_says_that_it_is_simulated() {
        for number in 0..100 {
            let text = text(&mut draw(number), None);
            assert!(text.starts_with("Simulated answer ") && text.ends_with('.'), "{text}");
            assert!((1..=3).contains(&text.matches('.').count()), "{text}");
        }
    }

    #[test]
    fn a_text_is_as_long_as_is_wished() {
        for bytes in [9, 10, 100, 5000] {
            assert_eq!(text(&mut draw(1), Some(bytes)).len(), bytes);
        }
        assert_eq!(text(&mut draw(1), Some(0)), "Simulated");
    }
}
