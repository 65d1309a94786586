//! The numbers that stand for ids.

use std::collections::HashMap;

/// Stands before an id in a text that is being made: no UTF-8 has this byte.
const START: u8 = 0xff;
/// Stands behind an id.
const END: u8 = 0xfe;

/// What stands for an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::model) enum Numbering {
    /// `‹id:N›`: its number, by the order in which ids first come.
    ByAppearance,
    /// `‹id›`: the same for every id, where one that came in between must not change all others.
    None,
}

/// Marks an id, for [`number`] to find.
pub(super) fn mark(id: &[u8], out: &mut Vec<u8>) {
    out.push(START);
    out.extend(id.iter().filter(|byte| !matches!(**byte, START | END)));
    out.push(END);
}

/// The text with a placeholder for each id that is marked.
pub(in crate::model) fn number(text: &[u8], numbering: Numbering) -> Vec<u8> {
    let mut numbers: HashMap<&[u8], usize> = HashMap::new();
    let mut parts = text.split(|byte| *byte == START);
    let mut out = Vec::with_capacity(text.len());
    out.extend_from_slice(parts.next().unwrap_or_default());
    for part in parts {
        let end = part.iter().position(|byte| *byte == END).unwrap_or(part.len());
        let (id, rest) = part.split_at(end);
        let next = numbers.len() + 1;
        let number = numbers.entry(id).or_insert(next);
        match numbering {
            Numbering::ByAppearance => out.extend_from_slice(format!("‹id:{number}›").as_bytes()),
            Numbering::None => out.extend_from_slice("‹id›".as_bytes()),
        }
        out.extend_from_slice(rest.get(1..).unwrap_or_default());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_numbered_as_they_first_come() {
        let mut text = b"a ".to_vec();
        for id in ["x", "y", "x"] {
            mark(id.as_bytes(), &mut text);
            text.push(b' ');
        }
        assert_eq!(String::from_utf8(number(&text, Numbering::ByAppearance)).unwrap(), "a ‹id:1› ‹id:2› ‹id:1› ");
        assert_eq!(String::from_utf8(number(&text, Numbering::None)).unwrap(), "a ‹id› ‹id› ‹id› ");
        assert_eq!(number(b"none", Numbering::ByAppearance), b"none");
    }
}
