//! Which outcomes count as success.

use super::Outcome;

/// Which outcomes count as success: `ok` always does, others where a job says so.
///
/// What came of an item stays what it is; this says what is made of it: exit codes, what counts as
/// failed, and what is asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Success {
    /// A bit for each of [`Success::CHOICES`].
    admitted: u8,
}

impl Success {
    /// The outcomes that a job may count as success: those with an answer that is not whole.
    pub const CHOICES: [Outcome; 4] = [Outcome::Truncated, Outcome::Filtered, Outcome::Refused, Outcome::Empty];

    /// The success that an outcome's name adds to `ok`; `None` where that can never be one.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        if name == Outcome::Ok.as_str() {
            return Some(Self::default());
        }
        let index = Self::CHOICES.iter().position(|outcome| outcome.as_str() == name)?;
        Some(Self { admitted: 1 << index })
    }

    /// What counts by either of two.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self { admitted: self.admitted | other.admitted }
    }

    /// Whether an item with this outcome counts as done well.
    #[must_use]
    pub fn contains(self, outcome: Outcome) -> bool {
        outcome == Outcome::Ok || self.chosen().any(|chosen| chosen == outcome)
    }

    /// The names of all outcomes that count as success, `ok` first.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        std::iter::once(Outcome::Ok).chain(self.chosen()).map(Outcome::as_str)
    }

    /// Whether `ok` alone counts.
    #[must_use]
    pub fn is_default(self) -> bool {
        self == Self::default()
    }

    fn chosen(self) -> impl Iterator<Item = Outcome> {
        let of = move |(index, outcome)| (self.admitted & (1_u8 << index) != 0).then_some(outcome);
        Self::CHOICES.into_iter().enumerate().filter_map(of)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Class;
    use super::*;

    fn all_of(names: &[&str]) -> Success {
        names.iter().map(|name| Success::of(name).unwrap()).fold(Success::default(), Success::or)
    }

    #[test]
    fn ok_is_always_success_and_others_are_where_they_were_chosen() {
        let (none, cut) = (Success::default(), all_of(&["truncated"]));
        let (some, all) =
            (all_of(&["ok", "empty", "filtered"]), all_of(&["truncated", "filtered", "refused", "empty"]));
        let table = [
            (Outcome::Ok, [true, true, true, true]),
            (Outcome::Truncated, [false, true, false, true]),
            (Outcome::Filtered, [false, false, true, true]),
            (Outcome::Refused, [false, false, false, true]),
            (Outcome::Empty, [false, false, true, true]),
            (Outcome::NotRecorded, [false; 4]),
        ];
        let failed = Class::ALL.map(|class| (Outcome::Failed(class), [false; 4]));
        for (outcome, expected) in table.into_iter().chain(failed) {
            assert_eq!([none, cut, some, all].map(|success| success.contains(outcome)), expected, "{outcome:?}");
        }
    }

    #[test]
    fn what_is_no_answer_can_be_no_success() {
        let failed = Class::ALL.map(Outcome::Failed).into_iter().chain([Outcome::NotRecorded]);
        for name in failed.map(Outcome::as_str).chain(["", "Truncated"]) {
            assert_eq!(Success::of(name), None, "{name}");
        }
    }

    #[test]
    fn the_names_make_the_same_success_again() {
        for names in [vec!["ok"], vec!["ok", "truncated"], vec!["ok", "filtered", "refused", "empty"]] {
            let success = all_of(&names);
            assert_eq!(success.names().collect::<Vec<_>>(), names);
            assert_eq!(success.is_default(), names.len() == 1);
        }
    }
}
