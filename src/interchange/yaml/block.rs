//! Literal and folded blocks, with the line breaks of YAML 1.1 in them.

use super::line_breaks::BREAKS;

/// What the header of a block begins with.
const INDICATORS: [char; 2] = ['|', '>'];

/// A literal or folded block in a text.
pub(super) struct Block<'a> {
    text: &'a str,
    /// Where its header begins, which is its indicator.
    start: usize,
    /// How many spaces its lines begin with that are none of its text.
    indent: usize,
}

impl<'a> Block<'a> {
    /// The block whose first line with a text begins at a place behind so many spaces. One that has
    /// no such line has no indent, and is at or before the place.
    pub(super) fn find(text: &'a str, place: usize, indent: Option<usize>) -> Option<Self> {
        let Some(indent) = indent else {
            let start = if text[place..].starts_with(INDICATORS) { place } else { header_before(text, place)? };
            return Some(Self { text, start, indent: usize::MAX });
        };
        Some(Self { text, start: header_before(text, place)?, indent })
    }

    pub(super) const fn start(&self) -> usize {
        self.start
    }

    /// Its text, in the way libyaml reads it.
    pub(super) fn read(&self, folds: bool) -> String {
        let source = &self.text[self.start..];
        let (header, lines) = source.split_at(source.find(BREAKS).unwrap_or(source.len()));
        let mut lines = Lines(lines);
        lines.next();
        let (mut text, leading, trailing) = content(lines, self.indent, folds);
        let indicators = header.split([' ', '\t', '#']).next().unwrap_or_default();
        if !indicators.contains('-') {
            text.extend(leading);
        }
        if indicators.contains('+') {
            text.push_str(&trailing);
        }
        text
    }
}

/// Where the header begins of the block that has nothing but blank lines before a place.
fn header_before(text: &str, place: usize) -> Option<usize> {
    let end = text[..place].trim_end_matches([' ', BREAKS[0], BREAKS[1], BREAKS[2]]).len();
    let line_start = text[..end].rfind(BREAKS).map_or(0, |start| text.ceil_char_boundary(start + 1));
    let line = &text[line_start..end];
    let header = line.match_indices(INDICATORS).find(|(start, _)| is_header(&line[start + 1..]));
    header.map(|(start, _)| line_start + start)
}

/// Whether what stands behind an indicator ends a header.
fn is_header(rest: &str) -> bool {
    let rest = rest.trim_start_matches(|character: char| character.is_ascii_digit() || matches!(character, '+' | '-'));
    let bare = rest.trim_start_matches([' ', '\t']);
    bare.is_empty() || (bare.starts_with('#') && bare.len() < rest.len())
}

/// The text of a block's lines, its last line break, and those of the blank lines behind it.
fn content(lines: Lines<'_>, indent: usize, folds: bool) -> (String, Option<char>, String) {
    let (mut out, mut leading, mut trailing, mut was_blank) = (String::new(), None, String::new(), false);
    for (line, line_break) in lines {
        let content = line.trim_start_matches(' ');
        let spaces = line.len() - content.len();
        if content.is_empty() && spaces <= indent {
            trailing.extend(line_break);
            continue;
        }
        if spaces < indent {
            break;
        }
        let content = &line[indent..];
        let is_blank = content.starts_with([' ', '\t']);
        match leading {
            Some('\n') if folds && !was_blank && !is_blank => out.push_str(if trailing.is_empty() { " " } else { "" }),
            leading => out.extend(leading),
        }
        out.push_str(&trailing);
        out.push_str(content);
        trailing.clear();
        (leading, was_blank) = (line_break, is_blank);
    }
    (out, leading, trailing)
}

/// Lines without their line breaks, and these; the last one may have none.
struct Lines<'a>(&'a str);

impl<'a> Iterator for Lines<'a> {
    type Item = (&'a str, Option<char>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let (line, rest) = self.0.split_at(self.0.find(BREAKS).unwrap_or(self.0.len()));
        let mut characters = rest.chars();
        let line_break = characters.next();
        self.0 = characters.as_str();
        Some((line, line_break))
    }
}
