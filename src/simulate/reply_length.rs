//! How long answers are.

use std::str::FromStr;

use super::draw::Draw;

/// How many tokens answers have: between two bounds, by seed and body, so that each doubling is as
/// likely as the next. Most are short and a few are long, and nobody can know which before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyTokens {
    /// The fewest.
    pub min: u32,
    /// The most.
    pub max: u32,
}

/// A text that says no length of answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplyTokensError {
    /// Another form.
    #[error("\"{0}\" is no length of answers; write a number of tokens, or a range as 10..2000")]
    Form(String),
    /// A range that holds nothing.
    #[error("answers of {min} to {max} tokens cannot be; the range begins at 1 or more, and ends behind its beginning")]
    Range {
        /// The fewest.
        min: u32,
        /// The most.
        max: u32,
    },
}

impl ReplyTokens {
    /// # Errors
    /// Fails where the range holds nothing.
    pub(super) const fn check(self) -> Result<(), ReplyTokensError> {
        let Self { min, max } = self;
        if min == 0 || min > max { Err(ReplyTokensError::Range { min, max }) } else { Ok(()) }
    }

    pub(super) fn draw(self, draw: &mut Draw) -> u32 {
        let (min, max) = (f64::from(self.min), f64::from(self.max) + 1.0);
        let tokens = min * (max / min).powf(draw.unit());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between two u32")]
        let tokens = tokens as u32;
        tokens.clamp(self.min, self.max)
    }
}

impl FromStr for ReplyTokens {
    type Err = ReplyTokensError;

    /// Takes `500` and `10..2000`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |part: &str| part.trim().parse().map_err(|_| ReplyTokensError::Form(text.to_owned()));
        let (min, max) = text.split_once("..").unwrap_or((text, text));
        let tokens = Self { min: number(min)?, max: number(max)? };
        tokens.check().map(|()| tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::super::digest::BodyDigest;
    use super::super::draw::Purpose;
    use super::*;

    #[test]
    fn a_length_is_a_number_or_a_range() {
        assert_eq!("500".parse(), Ok(ReplyTokens { min: 500, max: 500 }));
        assert_eq!("10..2000".parse(), Ok(ReplyTokens { min: 10, max: 2000 }));
        for text in ["", "..", "10..", "x", "-1", "1.5"] {
            assert_eq!(text.parse::<ReplyTokens>(), Err(ReplyTokensError::Form(text.to_owned())));
        }
        for text in ["0", "0..10", "10..9"] {
            assert!(matches!(text.parse::<ReplyTokens>(), Err(ReplyTokensError::Range { .. })), "{text}");
        }
    }

    #[test]
    fn each_doubling_is_as_likely_as_the_next() {
        let tokens = ReplyTokens { min: 10, max: 2559 };
        let mut counts = [0_u32; 8];
        for number in 0..16_000_u32 {
            let mut draw = Draw::new(1, &BodyDigest::of(&number.to_le_bytes()), Purpose::Answer);
            counts[(tokens.draw(&mut draw) / 10).ilog2() as usize] += 1;
        }
        assert!(counts.iter().all(|count| count.abs_diff(2_000) < 200), "{counts:?}");
    }
}
