//! What is said to the drawing thread.

use std::time::Duration;

use nightreel::engine::{ItemSettled, RunBegun};
use nightreel::model::Class;

use super::announce;
use super::number::counted;
use super::paint::{Paint, one_line};

/// Something to be shown once. Large ones are boxed: a queue has room for many.
#[derive(Debug)]
pub(super) enum Message {
    /// So many rows have been checked. For programs alone.
    Checking(u64),
    /// The run has begun, or goes on.
    Begun(Box<RunBegun>),
    /// An item has settled. For programs alone.
    Item(Box<ItemSettled>),
    /// An attempt failed, and another one follows. For programs alone.
    Retry(Box<Retry>),
    /// What people are told of retries.
    Retries(String),
    /// A line, or several.
    Line(String),
    /// Something that the user should know.
    Warning(String),
    /// The run stops.
    Stopping(Box<Stopping>),
    /// Nothing: there is something else to look at.
    Wake,
}

/// An attempt failed, and another one follows.
#[derive(Debug)]
pub(super) struct Retry {
    pub(super) row_id: String,
    pub(super) class: Class,
    pub(super) message: String,
    pub(super) after: Duration,
}

/// The run stops.
#[derive(Debug)]
pub(super) struct Stopping {
    /// Why, in the store's words.
    pub(super) reason: &'static str,
    /// Why, for people.
    pub(super) message: String,
    /// How many requests are in flight.
    pub(super) in_flight: usize,
    /// How long they are waited for.
    pub(super) deadline: Duration,
}

impl Message {
    /// What people read of it, line by line.
    pub(super) fn lines(&self, paint: Paint) -> Vec<String> {
        match self {
            Self::Begun(begun) => announce::begun(begun),
            Self::Stopping(stopping) => vec![paint.yellow(&announce::stopping(stopping))],
            Self::Retries(line) => vec![line.clone()],
            Self::Line(text) => lines(text).collect(),
            Self::Warning(text) => {
                let mut warning: Vec<_> = lines(text).collect();
                warning[0].insert_str(0, &paint.yellow("warning: "));
                warning
            }
            Self::Checking(_) | Self::Item(_) | Self::Retry(_) | Self::Wake => Vec::new(),
        }
    }
}

/// The lines of a text, at least one.
fn lines(text: &str) -> impl Iterator<Item = String> {
    text.strip_suffix('\n').unwrap_or(text).split('\n').map(one_line)
}

/// What is said where messages found no room.
pub(super) fn lost(count: u64) -> String {
    format!("… {} not shown", counted(count, "more line"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_its_lines_and_loses_what_drives_a_terminal() {
        for (text, said) in [
            ("", vec![""]),
            ("one\n", vec!["one"]),
            ("one\n\ntwo\x1b[31m", vec!["one", "", "two [31m"]),
            ("one\r\ntwo", vec!["one", "two"]),
        ] {
            assert_eq!(Message::Line(text.to_owned()).lines(Paint::PLAIN), said, "{text:?}");
        }
        assert_eq!(Message::Warning("a\nb".to_owned()).lines(Paint::PLAIN), ["warning: a", "b"]);
    }

    #[test]
    fn what_found_no_room_is_counted() {
        assert_eq!(lost(1), "… 1 more line not shown");
        assert_eq!(lost(1_234), "… 1,234 more lines not shown");
    }
}
