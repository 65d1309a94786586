//! The line breaks that YAML 1.1 has and 1.2 has not: U+0085, U+2028 and U+2029.
//!
//! libyaml and its ports write them raw, as the end of a line with the next line's indentation
//! behind it. For a parser of YAML 1.2 they are letters. So it is given a text in which each is a
//! line feed, character for character, and what U+2028 and U+2029 are within a scalar is read from
//! the text as it was, in the way libyaml does.

use granit_parser::{Event, Marker, Parser, ScalarStyle, Span};

use super::block::Block;

/// Those that stay what they are in a scalar; U+0085 becomes a line feed.
pub(super) const KEPT: [char; 2] = ['\u{2028}', '\u{2029}'];
/// Every line break of a text whose U+0085 and carriage returns have become line feeds.
pub(super) const BREAKS: [char; 3] = ['\n', KEPT[0], KEPT[1]];
const NEXT_LINE: char = '\u{85}';
const BLANKS: [char; 2] = [' ', '\t'];
/// So many characters lie between the places that are known.
const STEP: usize = 4096;

/// A text with those line breaks.
pub(super) struct LineBreaks {
    /// With a line feed in the place of U+0085, carriage return, and both of CRLF.
    original: String,
    /// The same with a line feed in the place of every line break.
    parsed: String,
    /// Where every [`STEP`]th character of the original is: its byte and its line.
    places: Vec<(usize, usize)>,
}

impl LineBreaks {
    /// What is to be done about a text; `None` where it has no such line breaks.
    pub(super) fn of(text: &str) -> Option<Self> {
        if !text.contains(KEPT) && !text.contains(NEXT_LINE) {
            return None;
        }
        let original = text.replace("\r\n", "\n").replace(['\r', NEXT_LINE], "\n");
        let parsed = original.replace(KEPT, "\n");
        let (mut places, mut line) = (Vec::new(), 1);
        for (index, (byte, character)) in original.char_indices().enumerate() {
            if index % STEP == 0 {
                places.push((byte, line));
            }
            line += usize::from(character == '\n');
        }
        Some(Self { original, parsed, places })
    }

    /// The text for the parser.
    pub(super) fn text(&self) -> &str {
        &self.parsed
    }

    /// The line of a place, as editors count them.
    pub(super) fn line_of(&self, marker: &Marker) -> usize {
        let (from, line) = self.known_before(marker.index());
        line + self.original[from..self.byte_of(marker.index())].matches('\n').count()
    }

    /// The text of a scalar; `None` where it is what the parser has made of it.
    pub(super) fn scalar(&self, span: Span, style: ScalarStyle, value: &str) -> Option<String> {
        let (start, end) = (self.byte_of(span.start.index()), self.byte_of(span.end.index()));
        if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
            let is_blank = value.chars().all(|character| character == '\n');
            let block = Block::find(&self.original, start, (!is_blank).then_some(span.start.col()))?;
            return self
                .original
                .get(block.start()..end)?
                .contains(KEPT)
                .then(|| block.read(style == ScalarStyle::Folded));
        }
        let source = self.original.get(start..end).filter(|source| source.contains(KEPT))?;
        match style {
            ScalarStyle::SingleQuoted => Some(folded(within(source, '\'')?, false).replace("''", "'")),
            ScalarStyle::DoubleQuoted => unescaped(&folded(within(source, '"')?, true)),
            _ => Some(folded(source.trim_end_matches(BLANKS).trim_end_matches(BREAKS), false)),
        }
    }

    fn known_before(&self, index: usize) -> (usize, usize) {
        self.places.get(index / STEP).copied().unwrap_or((self.original.len(), 1))
    }

    fn byte_of(&self, index: usize) -> usize {
        let (from, _) = self.known_before(index);
        let within = self.original[from..].char_indices().nth(index % STEP);
        within.map_or(self.original.len(), |(byte, _)| from + byte)
    }
}

fn within(source: &str, quote: char) -> Option<&str> {
    source.strip_prefix(quote)?.strip_suffix(quote)
}

/// The text of a scalar that is no block: of each run of line breaks and the blanks around them the
/// line breaks stay, less one line feed at their beginning; a line feed alone is a space.
fn folded(source: &str, escapes: bool) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find(BREAKS) {
        out.push_str(&rest[..start]);
        let is_text = |character: char| !BREAKS.contains(&character) && !BLANKS.contains(&character);
        let end = rest[start..].find(is_text).map_or(rest.len(), |length| start + length);
        let run: Vec<char> = rest[start..end].chars().filter(|character| BREAKS.contains(character)).collect();
        rest = &rest[end..];
        let bare = out.trim_end_matches(BLANKS).len();
        let is_escaped =
            escapes && out[..bare].chars().rev().take_while(|character| *character == '\\').count() % 2 == 1;
        // A backslash keeps the blank behind it, and takes the line break behind it away.
        let (kept, is_joined) = match (is_escaped, bare == out.len()) {
            (true, true) => (bare - 1, true),
            (true, false) => (bare + 1, false),
            (false, _) => (bare, false),
        };
        out.truncate(kept);
        let run = match run.as_slice() {
            [_, more @ ..] if is_joined => more.iter().collect(),
            ['\n'] => " ".to_owned(),
            ['\n', more @ ..] => more.iter().collect(),
            all => all.iter().collect::<String>(),
        };
        out.push_str(&if escapes { escaped(&run) } else { run });
    }
    out + rest
}

/// Line breaks and spaces as a double-quoted scalar of one line has them.
fn escaped(run: &str) -> String {
    run.replace('\n', "\\n").replace(' ', "\\x20").replace(KEPT[0], "\\L").replace(KEPT[1], "\\P")
}

/// What the escapes in a double-quoted scalar of one line stand for.
fn unescaped(source: &str) -> Option<String> {
    let quoted = format!("\"{source}\"");
    let mut scalars = Parser::new_from_str(&quoted).filter_map(|event| match event.ok()?.0 {
        Event::Scalar(value, ..) => Some(value.into_owned()),
        _ => None,
    });
    scalars.next()
}
