//! A text as what it has in common with others: its words, each with the one before it.

/// So many words at the beginning of a text count by three characters at a time too: in a short text
/// a word that was misspelled is half of what there is.
const SPELLED: usize = 4;
/// So many bytes at either end of a text count in full. What lies between them is sampled: a feature
/// counts or not by what it is, so that two texts that share it both have it, or neither.
const END: usize = 256 << 10;
/// One feature of so many is in the sample.
const SAMPLED: u32 = 16;
/// What stands before a word and behind it.
const EDGE: char = ' ';

/// Where the characters lie of scripts that put no blanks between words: from where to where.
const WITHOUT_BLANKS: [(char, char); 8] = [
    // Thai, Lao, Tibetan and Burmese.
    ('\u{e00}', '\u{109f}'),
    // Khmer.
    ('\u{1780}', '\u{17ff}'),
    // Hiragana and Katakana, Bopomofo.
    ('\u{3040}', '\u{312f}'),
    // The characters of Chinese and Japanese.
    ('\u{3400}', '\u{4dbf}'),
    ('\u{4e00}', '\u{9fff}'),
    ('\u{f900}', '\u{faff}'),
    ('\u{ff66}', '\u{ff9f}'),
    ('\u{20000}', '\u{3ffff}'),
];

/// Tells the hash of each word of a text, of each two in a row, and of what the first few are spelled
/// of. A word is a run of letters and digits; where a script has no blanks it is a character.
pub(super) fn each_feature(text: &str, mut tell: impl FnMut(u32)) {
    let (mut told, mut before) = (0, 0);
    let last = text.len().saturating_sub(END);
    each_word(text, |at, word| {
        if told < SPELLED {
            each_spelling(word, &mut tell);
        }
        let word = hash(word);
        let features = [word, mix(before, word)].into_iter();
        features.filter(|feature| at < END || at >= last || is_sampled(*feature)).for_each(&mut tell);
        (before, told) = (word, told + 1);
    });
}

/// Whether some of a text is sampled.
pub(super) const fn is_long(text: &str) -> bool {
    text.len() > 2 * END
}

/// Whether a feature counts where not all of them do.
pub(super) const fn is_sampled(feature: u32) -> bool {
    feature < u32::MAX / SAMPLED
}

/// Tells each word of a text, and where it stands.
fn each_word<'a>(text: &'a str, mut tell: impl FnMut(usize, &'a str)) {
    let mut start = None;
    for (at, character) in text.char_indices() {
        let is_part = character.is_ascii_alphanumeric() || !character.is_ascii() && character.is_alphanumeric();
        let stands_alone = is_part && stands_alone(character);
        if is_part && !stands_alone {
            start.get_or_insert(at);
            continue;
        }
        if let Some(start) = start.take() {
            tell(start, &text[start..at]);
        }
        if stands_alone {
            tell(at, &text[at..at + character.len_utf8()]);
        }
    }
    if let Some(start) = start {
        tell(start, &text[start..]);
    }
}

fn each_spelling(word: &str, mut tell: impl FnMut(u32)) {
    let (mut first, mut second) = (EDGE, EDGE);
    for character in word.chars().chain([EDGE]) {
        tell(mix(mix(mix(1, first.into()), second.into()), character.into()));
        (first, second) = (second, character);
    }
}

/// The hash of a text as a whole.
pub(super) fn hash(text: &str) -> u32 {
    let step = |hash: u64, number: u64| (hash.rotate_left(23) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (numbers, rest) = text.as_bytes().as_chunks::<8>();
    let hash = numbers.iter().fold(text.len() as u64, |hash, number| step(hash, u64::from_le_bytes(*number)));
    let rest = rest.iter().fold(0, |rest, byte| rest << 8 | u64::from(*byte));
    (step(hash, rest) >> 32) as u32
}

/// A hash that goes on with something more.
pub(super) const fn mix(hash: u32, more: u32) -> u32 {
    let mixed = (hash.rotate_left(5) ^ more.wrapping_add(1)).wrapping_mul(0x9e37_79b1);
    mixed ^ (mixed >> 15)
}

fn stands_alone(character: char) -> bool {
    !character.is_ascii() && WITHOUT_BLANKS.iter().any(|(first, last)| (*first..=*last).contains(&character))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(text: &str) -> Vec<u32> {
        let mut features = Vec::new();
        each_feature(text, |feature| features.push(feature));
        features.sort_unstable();
        features
    }

    #[test]
    fn words_are_what_letters_and_digits_make() {
        for (one, other, alike) in [
            ("the sky", "the  sky!", true),
            ("the sky", "sky the", false),
            ("the sky", "the Sky", false),
            ("天空是蓝的", "天空,是蓝的。", true),
            ("天空是蓝的", "天空是红的", false),
            ("ab", "a b", false),
            ("?!", "", true),
        ] {
            assert_eq!(features(one) == features(other), alike, "{one} / {other}");
        }
    }

    #[test]
    fn a_character_of_a_script_without_blanks_is_a_word() {
        let common = |one: &str, other: &str| {
            let other = features(other);
            features(one).iter().filter(|feature| other.contains(feature)).count()
        };
        for (one, other, expected) in [("天空是蓝的", "天空是红的", 4 + 3), ("ท้องฟ้า", "ท้องน้ำ", 4), ("天", "地", 0)]
        {
            assert!(common(one, other) >= expected, "{one} / {other}: {}", common(one, other));
        }
    }
}
