//! How alike two bodies are: one scale for all that looks for the nearest recordings.

use super::profile::{Profile, holds_texts, part};

/// What the texts of a prompt weigh; the rest is what the other members do, each as much as another.
const TEXTS: f64 = 0.8;

/// How alike two bodies are.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Likeness {
    /// From 0, where they have nothing in common, to 1, where they are the same.
    pub(super) similarity: f64,
    /// Of how many of the roles the texts are the very same, from 0 to 1. Among prompts that are made
    /// of one long template all are alike, and this tells which one it was.
    pub(super) same_texts: f64,
}

/// A body that many others are compared with, one after another.
#[derive(Debug)]
pub(super) struct Likened {
    /// The features, each in the first place that was free from where its hash leads to.
    slots: Vec<Slot>,
    parts: Vec<Part>,
    /// The number of the body that it is compared with.
    round: u32,
}

/// A feature of the body.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    feature: u64,
    /// How often it is there; 0 where the place is free.
    count: u32,
    /// How often the other body had it, in the round that this is of.
    met: u32,
    round: u32,
}

/// How many features two bodies have of a part.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    number: u32,
    own: u32,
    others: u32,
    common: u32,
}

impl Likened {
    pub(super) fn new(profile: &Profile) -> Self {
        let room = (profile.features().len() * 2 + 1).next_power_of_two();
        let mut likened = Self { slots: vec![Slot::default(); room], parts: Vec::new(), round: 0 };
        for feature in profile.features() {
            let at = likened.find(*feature);
            let slot = &mut likened.slots[at];
            *slot = Slot { feature: *feature, count: slot.count + 1, ..*slot };
            likened.part_of(*feature).own += 1;
        }
        likened
    }

    /// How alike another body is. It is the same the other way round.
    pub(super) fn likeness(&mut self, other: &Profile) -> Likeness {
        self.round += 1;
        self.parts.retain(|part| part.own > 0);
        self.parts.iter_mut().for_each(|part| (part.others, part.common) = (0, 0));
        for feature in other.features() {
            let is_common = self.meet(*feature);
            let part = self.part_of(*feature);
            part.others += 1;
            part.common += u32::from(is_common);
        }
        self.parts.sort_unstable_by_key(|part| part.number);
        likeness(&self.parts)
    }

    /// Whether the body has a feature, as often as it was met.
    fn meet(&mut self, feature: u64) -> bool {
        let (at, round) = (self.find(feature), self.round);
        let slot = &mut self.slots[at];
        if slot.round != round {
            (slot.round, slot.met) = (round, 0);
        }
        slot.met += 1;
        slot.met <= slot.count
    }

    /// Where a feature is, or would be.
    fn find(&self, feature: u64) -> usize {
        let last = self.slots.len() - 1;
        let hash = (feature ^ feature >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut at = usize::try_from(hash >> 32).unwrap_or_default() & last;
        while self.slots[at].count > 0 && self.slots[at].feature != feature {
            at = (at + 1) & last;
        }
        at
    }

    fn part_of(&mut self, feature: u64) -> &mut Part {
        let number = part(feature);
        // What stands together was told together.
        let at = self.parts.iter().rposition(|known| known.number == number).unwrap_or_else(|| {
            self.parts.push(Part { number, ..Part::default() });
            self.parts.len() - 1
        });
        &mut self.parts[at]
    }
}

fn likeness(parts: &[Part]) -> Likeness {
    let (mut texts, mut same_texts, mut members) = (Mean::default(), Mean::default(), Mean::default());
    for part in parts {
        if holds_texts(part.number) {
            // A long text says more than a short one, but not as many times more as it is longer.
            texts.add(part.closeness(), f64::from(part.own.max(part.others)).ln_1p());
            same_texts.add(f64::from(u8::from(part.is_same())), 1.0);
        } else {
            members.add(part.closeness(), 1.0);
        }
    }
    let similarity = match (texts.value(), members.value()) {
        (Some(texts), Some(members)) => TEXTS * texts + (1.0 - TEXTS) * members,
        (texts, members) => texts.or(members).unwrap_or(1.0),
    };
    Likeness { similarity: similarity.clamp(0.0, 1.0), same_texts: same_texts.value().unwrap_or_default() }
}

impl Part {
    /// The mean of what both share of both, and of the smaller one: a text that another begins with is
    /// nearer to it than its length says.
    fn closeness(&self) -> f64 {
        let (common, smaller) = (f64::from(self.common), f64::from(self.own.min(self.others).max(1)));
        common / f64::from(self.own + self.others) + common / smaller / 2.0
    }

    const fn is_same(&self) -> bool {
        self.common == self.own && self.common == self.others
    }
}

/// A mean of values that weigh something.
#[derive(Default)]
struct Mean {
    sum: f64,
    weight: f64,
}

impl Mean {
    fn add(&mut self, value: f64, weight: f64) {
        self.sum += value * weight;
        self.weight += weight;
    }

    fn value(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }
}
