//! What people are told of retries: what they are about, not each of them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use nightreel::model::Class;

use super::number::counted;
use super::paint::{cut, one_line};
use super::schedule::period;
use super::span::{span, wait};

/// How many messages that differ are told in full.
const TOLD: usize = 5;
/// How far two of them are apart.
const APART: Duration = Duration::from_secs(1);
/// How many characters of a message are shown.
const MESSAGE_CHARS: usize = 200;

/// The retries of a run, for people: the first few messages that differ at one a second, and then
/// sums now and then.
#[derive(Debug, Default)]
pub(super) struct RetryLog {
    began: Option<Instant>,
    told: Vec<(Class, String)>,
    waiting: VecDeque<String>,
    last_told: Option<Instant>,
    sum: Option<Sum>,
}

/// The retries since the last sum was told.
#[derive(Debug)]
struct Sum {
    since: Instant,
    by_class: Vec<(Class, u64)>,
    /// Whether there was one among them that is not told in full.
    news: bool,
}

impl RetryLog {
    /// Takes note of a retry.
    pub(super) fn note(&mut self, now: Instant, row_id: &str, class: Class, message: &str, after: Duration) {
        self.began.get_or_insert(now);
        let is_new = self.told.len() < TOLD && !self.told.iter().any(|(of, told)| *of == class && told == message);
        if is_new {
            self.told.push((class, message.to_owned()));
            self.waiting.push_back(retry_line(row_id, class, message, after));
        }
        let sum = self.sum.get_or_insert_with(|| Sum { since: now, by_class: Vec::new(), news: false });
        sum.news |= !is_new;
        match sum.by_class.iter_mut().find(|(of, _)| *of == class) {
            Some((_, count)) => *count += 1,
            None => sum.by_class.push((class, 1)),
        }
    }

    /// The lines that are due.
    pub(super) fn lines(&mut self, now: Instant) -> Vec<String> {
        let mut lines = Vec::new();
        if self.last_told.is_none_or(|last| now.saturating_duration_since(last) >= APART)
            && let Some(line) = self.waiting.pop_front()
        {
            self.last_told = Some(now);
            lines.push(line);
        }
        let age = self.began.map_or(Duration::ZERO, |began| now.saturating_duration_since(began));
        let is_due = |sum: &mut Sum| now.saturating_duration_since(sum.since) >= period(age);
        if let Some(sum) = self.sum.take_if(is_due)
            && sum.news
        {
            lines.push(sum.line(now));
        }
        lines
    }
}

impl Sum {
    fn line(mut self, now: Instant) -> String {
        self.by_class.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let all = self.by_class.iter().map(|(_, count)| count).sum();
        let classes: Vec<_> =
            self.by_class.iter().map(|(class, count)| format!("{} {count}", class.as_str())).collect();
        let elapsed = span(now.saturating_duration_since(self.since));
        format!("{} in the last {elapsed}: {}", counted(all, "retry"), classes.join(", "))
    }
}

fn retry_line(row_id: &str, class: Class, message: &str, after: Duration) -> String {
    let (row_id, message) = (cut(&one_line(row_id), 60), cut(&one_line(message), MESSAGE_CHARS));
    format!("row {row_id}: {}: {message}; next attempt in {}", class.as_str(), wait(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn messages_that_differ_are_told_at_one_a_second() {
        let (mut log, start) = (RetryLog::default(), Instant::now());
        for number in 0..20 {
            log.note(start, "r1", Class::ServerError, &format!("message {number}"), SECOND);
            log.note(start, "r2", Class::ServerError, &format!("message {number}"), SECOND);
        }
        assert_eq!(log.lines(start), ["row r1: server_error: message 0; next attempt in 1.0s"]);
        assert!(log.lines(start + SECOND / 2).is_empty());
        let told: usize = (1..=9).map(|second| log.lines(start + SECOND * second).len()).sum();
        assert_eq!(told, TOLD - 1, "the rest is summed up");
    }

    #[test]
    fn what_is_not_told_is_summed_up() {
        let (mut log, start) = (RetryLog::default(), Instant::now());
        for class in
            [Class::ServerError, Class::RateLimited, Class::RateLimited, Class::ServerError, Class::RateLimited]
        {
            log.note(start, "r", class, "busy", SECOND);
        }
        let lines: Vec<_> = (0..=10).flat_map(|second| log.lines(start + SECOND * second)).collect();
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert_eq!(lines[2], "5 retries in the last 10s: rate_limited 3, server_error 2");
        assert!(log.lines(start + SECOND * 60).is_empty(), "a sum is told once");
    }

    #[test]
    fn what_is_told_in_full_needs_no_sum() {
        let (mut log, start) = (RetryLog::default(), Instant::now());
        log.note(start, "r", Class::TimedOut, "slow", SECOND);
        let lines: Vec<_> = (0..=30).flat_map(|second| log.lines(start + SECOND * second)).collect();
        assert_eq!(lines.len(), 1);
    }

    #[test]
    fn a_message_is_one_line_of_bounded_length() {
        let line = retry_line("a\nb", Class::BadBody, &format!("x\x1b[2J{}", "y".repeat(5_000)), SECOND);
        assert!(line.len() < 400 && !line.contains(char::is_control), "{line}");
    }
}
