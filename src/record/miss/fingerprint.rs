//! How near a body is to the one that is asked, without comparing them place by place.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::value::RawValue;

use crate::model::KeyRules;

/// What each part weighs beside its bytes: small members count too.
const PART: usize = 16;

/// What is compared of a body: its parts by their hashes, and its text.
#[derive(Debug)]
pub(super) struct Fingerprint {
    text: Vec<u8>,
    /// The hash of each part, in order, with its weight.
    parts: Vec<(u64, usize)>,
}

impl Fingerprint {
    /// The fingerprint of a body under some rules. A part is a member at the top, or an element of
    /// one that is an array: a message. What is no JSON has none.
    pub(super) fn of(rules: &KeyRules, body: &[u8]) -> Self {
        let text = rules.comparable(body).unwrap_or_else(|_| body.to_vec());
        let mut parts = parts(&text);
        parts.sort_unstable();
        Self { text, parts }
    }

    /// The text that is compared.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// How near two bodies are, from 0 to 2: by the parts that both have, and by how much their
    /// texts have in common before they differ and after.
    pub(super) fn closeness(&self, other: &Self) -> f64 {
        share(2 * self.parts_in_common(other), weight(&self.parts) + weight(&other.parts))
            + text_closeness(&self.text, &other.text)
    }

    fn parts_in_common(&self, other: &Self) -> usize {
        let (mut left, mut right) = (self.parts.iter().peekable(), other.parts.iter().peekable());
        let mut common = 0;
        while let (Some(one), Some(another)) = (left.peek(), right.peek()) {
            match one.cmp(another) {
                std::cmp::Ordering::Less => drop(left.next()),
                std::cmp::Ordering::Greater => drop(right.next()),
                std::cmp::Ordering::Equal => {
                    common += one.1;
                    left.next();
                    right.next();
                }
            }
        }
        common
    }
}

/// How much two texts have in common before they differ and after, from 0 to 1.
pub(super) fn text_closeness(one: &[u8], other: &[u8]) -> f64 {
    let front = one.iter().zip(other).take_while(|(left, right)| left == right).count();
    let (one_rest, other_rest) = (&one[front..], &other[front..]);
    let back = one_rest.iter().rev().zip(other_rest.iter().rev()).take_while(|(left, right)| left == right).count();
    share(front + back, one.len().max(other.len()))
}

fn share(part: usize, whole: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "no body has 2^53 bytes")]
    let share = part as f64 / whole.max(1) as f64;
    share
}

fn weight(parts: &[(u64, usize)]) -> usize {
    parts.iter().map(|(_, weight)| weight).sum()
}

fn parts(text: &[u8]) -> Vec<(u64, usize)> {
    let Ok(members) = serde_json::from_slice::<BTreeMap<String, &RawValue>>(text) else { return Vec::new() };
    let mut parts = Vec::new();
    for (name, value) in &members {
        match serde_json::from_str::<Vec<&RawValue>>(value.get()) {
            Ok(elements) => parts.extend(elements.iter().map(|element| part(name, element.get()))),
            Err(_) => parts.push(part(name, value.get())),
        }
    }
    parts
}

fn part(name: &str, value: &str) -> (u64, usize) {
    let mut hasher = DefaultHasher::new();
    (name, value).hash(&mut hasher);
    (hasher.finish(), value.len() + PART)
}
