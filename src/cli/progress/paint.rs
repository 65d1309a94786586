//! Text for a terminal: its colours, and what must not reach it.

/// Colours, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Paint {
    pub(super) color: bool,
}

impl Paint {
    pub(super) const PLAIN: Self = Self { color: false };

    pub(super) fn red(self, text: &str) -> String {
        self.wrapped("31", text)
    }

    pub(super) fn yellow(self, text: &str) -> String {
        self.wrapped("33", text)
    }

    pub(super) fn cyan(self, text: &str) -> String {
        self.wrapped("36", text)
    }

    fn wrapped(self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// A text as one line without control characters. Messages of a gateway and names of a job are
/// others' words: an escape sequence among them would drive the terminal.
pub(super) fn one_line(text: &str) -> String {
    text.trim_end().chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

/// A text cut to so many characters.
pub(super) fn cut(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_words_cannot_drive_the_terminal() {
        assert_eq!(one_line("a\x1b[2Jb\r\nc\td\u{9b}e\n"), "a [2Jb  c d e");
    }

    #[test]
    fn a_cut_falls_between_characters() {
        for (text, chars, cut_text) in [("", 3, ""), ("abc", 3, "abc"), ("äöüß", 3, "äöü…"), ("abc", 0, "…")]
        {
            assert_eq!(cut(text, chars), cut_text);
        }
    }

    #[test]
    fn without_colours_text_stays_as_it_is() {
        assert_eq!(Paint::PLAIN.red("x"), "x");
        assert_eq!(Paint { color: true }.red("x"), "\x1b[31mx\x1b[0m");
    }
}
