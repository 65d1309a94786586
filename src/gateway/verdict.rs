//! What a reply or a fault means.

use std::time::Duration;

use crate::model::{Answer, Class};

/// What a reply or a fault means for its item, its lane and its run.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// What it is.
    pub class: Class,
    /// The answer, where it is one.
    pub answer: Option<Answer>,
    /// One line for people where it is none: who says what, with the provider's own reason where
    /// there is one, and what to do about it.
    pub message: Option<String>,
    /// How long the server asks to be left alone; `None` where it does not say.
    pub wait: Option<Duration>,
    /// How much of the run it makes pointless.
    pub stops: Stops,
    /// Whether it would stop the run if the same credentials had not worked in it before: where
    /// nothing else comes for a while, they no longer do.
    pub in_doubt: bool,
}

/// How much of a run an answer makes pointless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Stops {
    /// Nothing beyond its own item.
    #[default]
    Nothing,
    /// Every request to the same model would be answered the same.
    Lane,
    /// Every request of the run would be answered the same.
    Run,
}

/// What is made of an error, before it is put into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ruling {
    pub(super) class: Class,
    pub(super) stops: Stops,
    /// What to do about it; empty where nothing can be done but wait.
    pub(super) advice: &'static str,
}

impl Ruling {
    pub(super) const fn new(class: Class, stops: Stops, advice: &'static str) -> Self {
        Self { class, stops, advice }
    }

    /// One that stops nothing and advises nothing.
    pub(super) const fn of(class: Class) -> Self {
        Self::new(class, Stops::Nothing, "")
    }
}

impl Verdict {
    pub(super) fn answered(answer: Answer) -> Self {
        Self {
            class: Class::Answered,
            answer: Some(answer),
            message: None,
            wait: None,
            stops: Stops::Nothing,
            in_doubt: false,
        }
    }

    pub(super) fn failed(class: Class, message: String) -> Self {
        Self { class, answer: None, message: Some(message), wait: None, stops: Stops::Nothing, in_doubt: false }
    }
}

/// Text of a server's on one line: no line breaks, no control characters, at most 400 characters.
pub(super) fn one_line(text: &str) -> String {
    const LONGEST: usize = 400;
    let shown = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut line = String::new();
    for (count, c) in shown.skip_while(|c| c.is_whitespace()).enumerate() {
        if count >= LONGEST {
            line.push('…');
            break;
        }
        if !(c.is_whitespace() && line.ends_with(' ')) {
            line.push(if c.is_whitespace() { ' ' } else { c });
        }
    }
    line.truncate(line.trim_end().len());
    line
}
