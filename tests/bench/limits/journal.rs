//! What the simulated gateway has written down.

use std::fs;
use std::path::Path;

use nightreel::simulate::JournalLine;

use crate::window::Moment;

/// The lines of a journal, their times counted from the first request.
pub(crate) struct Journal(pub(crate) Vec<JournalLine>);

impl Journal {
    /// Reads a journal; of a line that is being written nothing is taken.
    pub(crate) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let mut lines: Vec<JournalLine> = text.lines().map_while(|line| serde_json::from_str(line).ok()).collect();
        let first_us = lines.iter().map(|line| line.monotonic_us).min().unwrap_or(0);
        for line in &mut lines {
            line.monotonic_us -= first_us;
            line.answer_us = line.answer_us.map(|answer_us| answer_us - first_us);
        }
        Self(lines)
    }

    /// Requests by their arrival.
    pub(crate) fn arrivals(&self, is_one: impl Fn(&JournalLine) -> bool) -> Vec<Moment> {
        let lines = self.0.iter().filter(|line| is_one(line));
        lines.map(|line| Moment { at_us: line.monotonic_us, weight: 1 }).collect()
    }

    /// Answers by when they were given.
    pub(crate) fn answers(&self) -> Vec<Moment> {
        let answers = self.0.iter().filter(|line| line.billed.is_some()).filter_map(|line| line.answer_us);
        answers.map(|at_us| Moment { at_us, weight: 1 }).collect()
    }

    /// Tokens that were used, by a time of theirs.
    pub(crate) fn tokens(&self, at_us: impl Fn(&JournalLine) -> Option<u64>) -> Vec<Moment> {
        let moment = |line: &JournalLine| {
            Some(Moment { at_us: at_us(line)?, weight: line.prompt_tokens + line.completion_tokens })
        };
        self.0.iter().filter_map(moment).collect()
    }

    /// What was paid, in billionths of a USD.
    pub(crate) fn nano_usd(&self) -> u64 {
        self.0.iter().map(|line| line.nano_usd).sum()
    }

    /// How many requests asked what another one had asked.
    pub(crate) fn asked_again(&self) -> usize {
        let mut bodies: Vec<_> = self.0.iter().map(|line| &line.body_sha256).collect();
        bodies.sort();
        let all = bodies.len();
        bodies.dedup();
        all - bodies.len()
    }
}
