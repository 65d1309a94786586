//! A miss as a few lines for people.

use super::reason::ordinal;
use super::{Miss, Nearest};

/// How many differences the message tells; the body has more.
const TOLD: usize = 2;

impl Miss {
    /// Two to five lines: why, what was asked, the nearest recording with where it differs, and how
    /// to record it.
    #[must_use]
    pub fn message(&self) -> String {
        let mut lines = vec![format!("not recorded: {}", self.reason.worded(self.wording)), self.asked()];
        lines.extend(self.nearest.first().map(|first| nearest(first, self.newest)));
        if !self.record_with.is_empty() {
            lines.push(format!("record it with: {}", self.record_with));
        }
        lines.join("\n")
    }

    fn asked(&self) -> String {
        let mut asked = format!("asked: {}", self.endpoint);
        if !self.model.is_empty() {
            asked += &format!(", model {:?}", self.model);
        }
        if !self.session.is_empty() {
            asked += &format!(", session {:?}", self.session);
        }
        asked + &format!(", for the {} time, key {}", ordinal(self.occurrence.saturating_add(1)), self.key)
    }
}

fn nearest(nearest: &Nearest, newest: Option<usize>) -> String {
    let comparison = &nearest.comparison;
    let told: Vec<_> = comparison.differences.iter().take(TOLD).map(ToString::to_string).collect();
    let more = comparison.count() - told.len();
    let among = newest.map_or_else(String::new, |newest| format!(" of the newest {newest} recordings"));
    let mut text = format!("nearest{among}: {nearest}");
    if !told.is_empty() {
        text += &format!("; {}", told.join("; "));
    }
    if more > 0 {
        text += &format!("; and {more} more");
    }
    text
}
