//! What goes wrong with an input, and where.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::{Place, Problem, excerpt};

/// What goes wrong with an input, and where: `questions.csv:7312:14: <problem>: <value>; <hint>`.
///
/// The text is whole but for an I/O error's own, which is the [`Error::source`].
#[derive(Debug)]
pub struct InputError(Box<Parts>);

#[derive(Debug)]
struct Parts {
    place: Place,
    problem: Problem,
    value: Option<Box<str>>,
    hint: Option<Box<str>>,
    fatal: bool,
}

impl InputError {
    /// A problem at a place.
    pub(super) fn new(place: Place, problem: Problem) -> Self {
        let fatal = problem.is_fatal();
        Self(Box::new(Parts { place, problem, value: None, hint: None, fatal }))
    }

    /// A problem of a file as a whole.
    pub(super) fn of_file(file: &Arc<str>, problem: Problem) -> Self {
        Self::new(Place::file(file), problem)
    }

    /// The same, on another line.
    pub(super) fn on_line(mut self, line: u64) -> Self {
        self.0.place.line = Some(line);
        self
    }

    /// The same, where no row can be read without what it speaks of.
    pub(super) fn into_fatal(mut self) -> Self {
        self.0.fatal = true;
        self
    }

    /// Adds the value in question, shortened.
    pub(super) fn value_text(self, value: &str) -> Self {
        self.value_excerpt(excerpt::quoted(value))
    }

    /// Adds the value in question as it is to be shown.
    pub(super) fn value_excerpt(mut self, value: String) -> Self {
        self.0.value = Some(value.into());
        self
    }

    /// Adds what to do about it.
    pub(super) fn hinted(mut self, hint: impl Into<Box<str>>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds what to do about it, where there is something to say.
    pub(super) fn hinted_maybe(self, hint: Option<String>) -> Self {
        match hint {
            Some(hint) => self.hinted(hint),
            None => self,
        }
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.0.place
    }

    /// The path as the caller gave it, or `stdin`.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.0.place.file
    }

    /// The physical line of the decompressed file, from 1.
    #[must_use]
    pub fn line(&self) -> Option<u64> {
        self.0.place.line
    }

    /// The character on that line, from 1.
    #[must_use]
    pub fn column(&self) -> Option<u64> {
        self.0.place.column
    }

    /// What is wrong.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        &self.0.problem
    }

    /// The value in question, shortened and in quotes.
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        self.0.value.as_deref()
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Whether no row can be read any more. After any other error the next row can be.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        self.0.fatal
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.place, self.0.problem)?;
        self.value().map_or(Ok(()), |value| write!(f, ": {value}"))?;
        self.hint().map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

impl Error for InputError {
    /// The problem's own source: the problem itself is part of this error's text already.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.problem.source()
    }
}
