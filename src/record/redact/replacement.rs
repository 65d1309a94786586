//! What takes the place of something in a text.

use std::ops::Range;

use super::Edit;

/// A place of a text, and what takes it.
pub(super) struct Replacement {
    pub(super) place: Range<usize>,
    pub(super) with: Vec<u8>,
    /// How long that is which goes: it may stand in other places too.
    pub(super) length: usize,
}

/// Finds what must not be kept.
pub(super) trait Finder {
    /// The places of a text. What takes one that stands within a string of JSON is escaped as that string
    /// needs it.
    fn find(&self, text: &[u8], is_in_string: &dyn Fn(&Range<usize>) -> bool) -> Vec<Replacement>;

    /// Whether what it finds goes even where it has but a part of an escape, and the rest of that with it.
    fn is_strict(&self) -> bool;
}

/// Replacements in order and apart from each other, of some that may overlap: those that do are one,
/// and the longest of them says what takes its place, of the same place the later one.
pub(super) fn apart(mut found: Vec<Replacement>) -> Vec<Replacement> {
    found.sort_by_key(|replacement| (replacement.place.start, replacement.place.end));
    let (mut apart, mut longest) = (Vec::<Replacement>::with_capacity(found.len()), 0);
    for next in found {
        let length = next.length;
        match apart.last_mut() {
            Some(last) if next.place.start < last.place.end || next.place == last.place => {
                last.place.end = last.place.end.max(next.place.end);
                if length >= longest {
                    (last.with, longest) = (next.with, length);
                }
            }
            _ => {
                apart.push(next);
                longest = length;
            }
        }
    }
    apart
}

/// A text with everything replaced, and where it differs.
pub(super) fn replaced(text: &[u8], replacements: &[Replacement]) -> (Vec<u8>, Vec<Edit>) {
    let (mut out, mut edits, mut copied) = (Vec::with_capacity(text.len()), Vec::new(), 0);
    for Replacement { place, with, .. } in replacements {
        out.extend_from_slice(&text[copied..place.start]);
        out.extend_from_slice(with);
        edits.push(Edit { start: place.start, end: place.end, length: with.len() });
        copied = place.end;
    }
    out.extend_from_slice(&text[copied..]);
    (out, edits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacements_that_overlap_are_one_and_others_stay_apart() {
        for (found, expected) in [
            (vec![(5..8, "b"), (0..3, "a")], vec![(0..3, "a"), (5..8, "b")]),
            (vec![(0..3, "a"), (3..5, "b")], vec![(0..3, "a"), (3..5, "b")]),
            (vec![(0..3, "a"), (0..3, "b")], vec![(0..3, "b")]),
            (vec![(0..9, "a"), (2..4, "b"), (6..8, "c")], vec![(0..9, "a")]),
            (vec![(2..4, "a"), (6..8, "b"), (2..8, "c")], vec![(2..8, "c")]),
            (vec![(0..4, "a"), (2..9, "b"), (8..10, "c")], vec![(0..10, "b")]),
            (vec![(0..0, "a"), (0..0, "b"), (0..2, "c"), (1..1, "d")], vec![(0..0, "b"), (0..2, "c")]),
            (vec![], vec![]),
        ] {
            let one = |(place, with): (Range<usize>, &str)| {
                let length = place.len();
                Replacement { place, with: with.into(), length }
            };
            let apart = apart(found.iter().cloned().map(one).collect());
            let apart: Vec<_> =
                apart.iter().map(|one| (one.place.clone(), str::from_utf8(&one.with).unwrap())).collect();
            assert_eq!(apart, expected, "{found:?}");
        }
    }
}
