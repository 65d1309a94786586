//! The line breaks that YAML 1.1 has and 1.2 has not: U+2028 and U+2029.
//!
//! libyaml and its ports write them raw, as the end of a line with the next line's indentation
//! behind it. A parser of YAML 1.2 would take that indentation as part of the text, or the line as
//! the end of it. So each run of line breaks with one of them in it becomes one line feed with
//! stand-ins before it, and the stand-ins become line breaks again in the scalars.

use std::fmt::Write;

/// The line breaks that stand-ins are made for.
const BREAKS: [char; 3] = ['\n', '\u{2028}', '\u{2029}'];
/// Where characters are that nobody has given a meaning.
const PRIVATE: std::ops::RangeInclusive<char> = '\u{e000}'..='\u{f8ff}';

/// A text without those line breaks, and how to get them back.
pub(super) struct LineBreaks {
    text: String,
    stand_ins: [char; 3],
}

impl LineBreaks {
    /// The text for the parser; `None` where it has no such line breaks.
    pub(super) fn of(text: &str) -> Option<Self> {
        if !text.contains(&BREAKS[1..]) {
            return None;
        }
        let mut free = PRIVATE.filter(|character| !text.contains(*character));
        let stand_ins = [free.next()?, free.next()?, free.next()?];
        Some(Self { text: replaced(text, stand_ins), stand_ins })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// A scalar with its line breaks. Those of a block are as they are; those of other scalars are
    /// folded, where the first line feed of a run goes.
    pub(super) fn restored(&self, value: &str, block: bool) -> String {
        let mut restored = String::with_capacity(value.len());
        let mut rest = value;
        while let Some(start) = rest.find(self.stand_ins) {
            restored.push_str(&rest[..start]);
            rest = &rest[start..];
            let end = rest.find(|character| !self.stand_ins.contains(&character)).unwrap_or(rest.len());
            let run: Vec<char> = rest[..end].chars().map(|stand_in| self.line_break(stand_in)).collect();
            let folded = usize::from(!block && run.len() > 1 && run[0] == '\n');
            restored.extend(&run[folded..]);
            // The line feed that stands for the run, folded or not.
            rest = rest[end..].strip_prefix(['\n', ' ']).unwrap_or(&rest[end..]);
        }
        restored.push_str(rest);
        restored
    }

    fn line_break(&self, stand_in: char) -> char {
        let index = self.stand_ins.iter().position(|known| *known == stand_in);
        BREAKS[index.expect("it was found as one of them")]
    }
}

fn replaced(text: &str, stand_ins: [char; 3]) -> String {
    let stand_in = |line_break: char| stand_ins[BREAKS.iter().position(|known| *known == line_break).unwrap_or(0)];
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(BREAKS) {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.find(|character| !BREAKS.contains(&character)).unwrap_or(rest.len());
        let (run, behind) = rest.split_at(end);
        rest = behind;
        if !run.contains(&BREAKS[1..]) {
            out.push_str(run);
        } else if let Some(run) = run.strip_prefix('\n').filter(|_| ends_in_block_header(&out)) {
            // The run is the beginning of a block, and stands on its first line.
            let indent = rest.len() - rest.trim_start_matches(' ').len();
            write!(out, "\n{}", &rest[..indent]).expect("a String takes all");
            out.extend(run.chars().map(stand_in));
            rest = &rest[indent..];
        } else {
            out.extend(run.chars().map(stand_in));
            out.push('\n');
        }
    }
    out.push_str(rest);
    out
}

/// Whether the last line of a text begins a block, such as `body: |2-`.
fn ends_in_block_header(text: &str) -> bool {
    let line = text.rsplit('\n').next().unwrap_or_default();
    let bare = line.trim_end_matches(|character: char| character.is_ascii_digit() || matches!(character, '+' | '-'));
    bare.ends_with(['|', '>'])
}
