//! Texts from files and servers, made fit for a terminal: nothing in them moves the cursor, changes
//! colours or turns the direction of writing.

use std::fmt::Write as _;

/// A text as one line: line ends and all other control characters are escaped.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        push(character, &mut line);
    }
    line
}

/// A text as one line of so many characters at most.
pub(crate) fn shortened(text: &str, characters: usize) -> String {
    let line = one_line(text);
    if line.chars().nth(characters).is_none() {
        return line;
    }
    let kept = characters.saturating_sub(1);
    let end = line.char_indices().nth(kept).map_or(line.len(), |(at, _)| at);
    format!("{}…", &line[..end])
}

/// A text as one line of so many characters at most, of which a longer one has its beginning and its end.
pub(crate) fn shortened_within(text: &str, characters: usize) -> String {
    let line = one_line(text);
    let all = line.chars().count();
    if all <= characters {
        return line;
    }
    let kept = characters.saturating_sub(1);
    let (first, last) = (kept / 2, kept - kept / 2);
    let beginning: String = line.chars().take(first).collect();
    beginning + "…" + &line.chars().skip(all - last).collect::<String>()
}

/// A text as one line within quotation marks, in which its own are escaped.
pub(crate) fn quoted_line(text: &str) -> String {
    format!("\"{}\"", one_line(&text.replace('\\', r"\\").replace('"', "\\\"")))
}

/// Bytes as lines: tabs and line ends stay, other control characters and bytes that are not UTF-8
/// are escaped.
pub(crate) fn lines(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        let valid = chunk.valid();
        for (at, character) in valid.char_indices() {
            match character {
                '\n' | '\t' => text.push(character),
                '\r' if valid[at + 1..].starts_with('\n') => {}
                other => push(other, &mut text),
            }
        }
        for byte in chunk.invalid() {
            write!(text, "\\x{byte:02x}").expect("a String takes all");
        }
    }
    text
}

fn push(character: char, text: &mut String) {
    if steers(character) {
        text.extend(character.escape_default());
    } else {
        text.push(character);
    }
}

/// Whether a terminal would do something else with a character than show it.
pub(crate) fn steers(character: char) -> bool {
    character.is_control() || turns_direction(character)
}

/// Marks that change the direction in which a terminal writes.
const fn turns_direction(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_that_steers_it() {
        assert_eq!(one_line("a\nb\u{1b}[31mc\u{202e}d\u{85}"), "a\\nb\\u{1b}[31mc\\u{202e}d\\u{85}");
        assert_eq!(lines(b"a\r\nb\tc\rd\x00\xff\xc3\xa9"), "a\nb\tc\\rd\\u{0}\\xffé");
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        assert_eq!(shortened("äöü", 3), "äöü");
        assert_eq!(shortened("äöüß", 3), "äö…");
        assert_eq!(shortened("", 0), "");
        for (characters, expected) in [(5, "äöüßé"), (4, "ä…ßé"), (3, "ä…é"), (2, "…é"), (1, "…")] {
            assert_eq!(shortened_within("äöüßé", characters), expected);
        }
    }

    #[test]
    fn a_quoted_line_ends_where_its_text_does() {
        assert_eq!(quoted_line("say \"a\\b\"\n"), r#""say \"a\\b\"\n""#);
    }
}
