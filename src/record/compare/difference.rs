//! One place where two bodies differ.

use std::fmt;

use super::Shown;

/// One place where two bodies differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The path of the place, such as `$.messages[0].content`, in the body that is asked now; in
    /// the recorded one where that has no such place.
    pub path: String,
    /// What was recorded there; `None` where there was nothing.
    pub recorded: Option<Shown>,
    /// What is asked there now; `None` where there is nothing.
    pub asked: Option<Shown>,
    /// For two texts, how many characters of them are the same before they differ.
    pub at: Option<usize>,
}

impl fmt::Display for Difference {
    /// `$.messages[0].content: recorded "the sky is »blue«", asked "the sky is »red«"`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let marked = |side: &Option<Shown>| side.as_ref().map_or_else(|| "nothing".to_owned(), Shown::marked);
        write!(f, "{}: recorded {}, asked {}", self.path, marked(&self.recorded), marked(&self.asked))
    }
}
