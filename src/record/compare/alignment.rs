//! Which elements of two arrays belong together.

use serde_json::Value;

/// Beyond so many pairs the elements between the first and the last difference go by their index:
/// comparing each with each would take too long.
const MOST_PAIRS: usize = 40_000;

/// Elements that belong together: their indexes in the recorded and in the asked array. One that is
/// alone was left out, or came in.
pub(super) type Pair = (Option<usize>, Option<usize>);

/// Pairs the elements of two arrays: equal ones first, then those of one kind between them, such as
/// two messages of one role. All of them are there, in order.
pub(super) fn align(recorded: &[Value], asked: &[Value]) -> Vec<Pair> {
    let front = recorded.iter().zip(asked).take_while(|(old, new)| old == new).count();
    let (old, new) = (&recorded[front..], &asked[front..]);
    let back = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
    let (old, new) = (&old[..old.len() - back], &new[..new.len() - back]);
    let same = (0..front).map(|index| (Some(index), Some(index)));
    let mut pairs: Vec<Pair> = same.collect();
    pairs.extend(between(old, new).into_iter().map(|(old, new)| (old.map(|at| at + front), new.map(|at| at + front))));
    let rest = (recorded.len() - back..recorded.len()).zip(asked.len() - back..asked.len());
    pairs.extend(rest.map(|(old, new)| (Some(old), Some(new))));
    pairs
}

fn between(old: &[Value], new: &[Value]) -> Vec<Pair> {
    if old.len().saturating_mul(new.len()) > MOST_PAIRS {
        return (0..old.len().max(new.len())).map(|at| (index(at, old.len()), index(at, new.len()))).collect();
    }
    let mut pairs = Vec::new();
    for gap in gaps(&longest_common(old, new, |old, new| old == new), old.len(), new.len()) {
        let (olds, news) = (&old[gap.old.clone()], &new[gap.new.clone()]);
        for inner in gaps(&longest_common(olds, news, one_kind), olds.len(), news.len()) {
            pairs.extend(inner.old.map(|at| (Some(at + gap.old.start), None)));
            pairs.extend(inner.new.map(|at| (None, Some(at + gap.new.start))));
            pairs.extend(inner.then.map(|(old, new)| (Some(old + gap.old.start), Some(new + gap.new.start))));
        }
        pairs.extend(gap.then.map(|(old, new)| (Some(old), Some(new))));
    }
    pairs
}

fn index(at: usize, length: usize) -> Option<usize> {
    (at < length).then_some(at)
}

/// What lies between two pairs, and the pair behind it; none behind the last.
struct Gap {
    old: std::ops::Range<usize>,
    new: std::ops::Range<usize>,
    then: Option<(usize, usize)>,
}

fn gaps(pairs: &[(usize, usize)], old: usize, new: usize) -> Vec<Gap> {
    let mut start = (0, 0);
    let mut gaps = Vec::with_capacity(pairs.len() + 1);
    for &(at_old, at_new) in pairs {
        gaps.push(Gap { old: start.0..at_old, new: start.1..at_new, then: Some((at_old, at_new)) });
        start = (at_old + 1, at_new + 1);
    }
    gaps.push(Gap { old: start.0..old, new: start.1..new, then: None });
    gaps
}

/// The indexes of a longest sequence of pairs that belong together.
fn longest_common(old: &[Value], new: &[Value], same: impl Fn(&Value, &Value) -> bool) -> Vec<(usize, usize)> {
    let width = new.len() + 1;
    let mut lengths = vec![0_u32; (old.len() + 1) * width];
    let mut together = vec![false; old.len() * new.len()];
    for at_old in (0..old.len()).rev() {
        for at_new in (0..new.len()).rev() {
            let here = at_old * width + at_new;
            let pair = same(&old[at_old], &new[at_new]);
            together[at_old * new.len() + at_new] = pair;
            lengths[here] =
                if pair { lengths[here + width + 1] + 1 } else { lengths[here + width].max(lengths[here + 1]) };
        }
    }
    let (mut at_old, mut at_new, mut pairs) = (0, 0, Vec::new());
    while at_old < old.len() && at_new < new.len() {
        let here = at_old * width + at_new;
        if together[at_old * new.len() + at_new] {
            pairs.push((at_old, at_new));
            (at_old, at_new) = (at_old + 1, at_new + 1);
        } else if lengths[here + width] >= lengths[here + 1] {
            at_old += 1;
        } else {
            at_new += 1;
        }
    }
    pairs
}

/// Whether two elements that differ may be one that was changed: messages of one role, parts of one
/// type, values of one kind.
fn one_kind(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            ["role", "type"].iter().all(|name| old.get(*name) == new.get(*name))
        }
        _ => std::mem::discriminant(old) == std::mem::discriminant(new),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(recorded: &Value, asked: &Value) -> String {
        let pairs = align(recorded.as_array().unwrap(), asked.as_array().unwrap());
        let side = |index: Option<usize>| index.map_or("-".to_owned(), |index| index.to_string());
        pairs.iter().map(|(old, new)| format!("{}{}", side(*old), side(*new))).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn elements_that_belong_together_are_paired() {
        let message = |role: &str, content: &str| json!({ "role": role, "content": content });
        let (system, user, answer) = (message("system", "s"), message("user", "u"), message("assistant", "a"));
        let other = message("user", "v");
        for (recorded, asked, expected) in [
            (json!([1, 2, 3]), json!([1, 2, 3]), "00 11 22"),
            (json!([1, 2]), json!([0, 1, 2]), "-0 01 12"),
            (json!([1, 2, 3]), json!([1, 3]), "00 1- 21"),
            (json!([]), json!([]), ""),
            (json!([1]), json!([]), "0-"),
            (json!([user, answer]), json!([system, user, answer]), "-0 01 12"),
            (json!([user]), json!([system, other]), "-0 01"),
            (json!([system, user, answer, user]), json!([system, other, answer, user]), "00 11 22 33"),
            (json!([user, answer]), json!([system, other]), "-0 01 1-"),
            (json!([1, 1, 1]), json!([1, 1]), "00 11 2-"),
        ] {
            assert_eq!(told(&recorded, &asked), expected, "{recorded} → {asked}");
        }
    }

    #[test]
    fn long_arrays_go_by_index() {
        let recorded = json!((0..1000).collect::<Vec<_>>());
        let asked = json!((1000..2500).collect::<Vec<_>>());
        assert!(told(&recorded, &asked).starts_with("00 11 22"));
        assert!(told(&recorded, &asked).ends_with("-1498 -1499"));
    }
}
