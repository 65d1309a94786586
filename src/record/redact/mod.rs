//! Striking secrets and what a job's rules name from bodies, before key and store alike.

mod closed;
mod credential;
mod escape;
mod json;
mod reading;
mod readings;
mod replacement;
mod rule;
mod stream;
#[cfg(test)]
mod tests;

use std::{fmt, iter};

use bytes::Bytes;

use crate::model::{Attempt, BodyShape, Chunk, Coding, Fault, Reply};
use crate::store::Facts;

use credential::Credentials;
use readings::Readings;
use replacement::{Finder, replaced};
use rule::Rule;

pub use rule::RedactError;

/// How often a body may be compressed. Some are, for ever.
const LAYERS: usize = 8;

/// Strikes known credentials and what the job's rules match.
#[derive(Clone, Default)]
pub struct Redactor {
    credentials: Credentials,
    rules: Vec<Rule>,
}

/// A place of a text that something else has taken: from where to where, and how long that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Edit {
    start: usize,
    end: usize,
    length: usize,
}

impl Redactor {
    /// A redactor for known credentials and for rules of a pattern and what stands in its place
    /// (`$1` is the pattern's first group).
    ///
    /// A credential is found as it is, and as JSON and URLs escape it; what several of them cover is
    /// struck as one. Then each rule is applied in its order. Both look into the bytes of a body, into
    /// what each string with an escape of its JSON stands for, into the texts that the deltas of a stream
    /// add up to, and in the same way into the JSON that such a text has, as a tool's arguments are. JSON
    /// may be all of a text, or lines of it, or stand among other words, and it may break off. Of matches
    /// that overlap one is made, with what takes the place of the longest. It is escaped as the JSON string
    /// that it comes to stand in needs it, and all around it stays as it is.
    ///
    /// In what a string stands for, `^` and `$` are its ends, and half of a surrogate pair is U+FFFD. A
    /// match of a rule that has but a part of an escape of its string is none; that of a credential, or one
    /// that goes beyond the string, takes all of the escape. Where a text is no JSON, nobody knows whether a
    /// backslash is one: it is looked into as it is and as what its escapes stand for, and what is matched in
    /// either way is struck, though it be a part of what may be an escape.
    ///
    /// # Errors
    /// Fails if a pattern is no regular expression.
    pub fn new<'a>(
        secrets: impl IntoIterator<Item = &'a str>,
        rules: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, RedactError> {
        let rules = (1..).zip(rules).map(|(number, (pattern, with))| Rule::new(number, pattern, with));
        Ok(Self { credentials: Credentials::default().with(secrets), rules: rules.collect::<Result<_, _>>()? })
    }

    /// The redactor that strikes some more credentials beside what this one does.
    #[must_use]
    pub fn with_secrets<'a>(&self, secrets: impl IntoIterator<Item = &'a str>) -> Self {
        Self { credentials: self.credentials.with(secrets), rules: self.rules.clone() }
    }

    /// The body with everything struck that must not be kept; the same bytes where there is nothing.
    #[must_use]
    pub fn strike(&self, body: &Bytes) -> Bytes {
        self.strike_noting(body, false, |_| {})
    }

    /// Strikes what must not be kept from what an attempt brought back.
    pub fn strike_attempt(&self, attempt: &mut Attempt) {
        self.strike_answer(&mut attempt.reply);
    }

    /// Strikes what must not be kept from what came back.
    pub fn strike_answer(&self, answer: &mut Result<Reply, Fault>) {
        match answer {
            Ok(reply) => self.strike_reply(reply),
            Err(fault) => fault.message = self.strike_text(&fault.message),
        }
    }

    /// Strikes what must not be kept from what is told of an answer: a server may put anything
    /// into a name.
    pub fn strike_facts(&self, facts: &mut Facts) {
        let texts = [&mut facts.served_model, &mut facts.provider, &mut facts.finish_reason];
        for text in texts.into_iter().flatten() {
            *text = self.strike_text(text);
        }
    }

    fn strike_reply(&self, reply: &mut Reply) {
        if self.is_empty() {
            return;
        }
        self.strike_body(reply, LAYERS);
        for header in &mut reply.headers {
            header.value = self.strike_text(&header.value);
        }
    }

    /// Strikes the body of a reply. Where something must be struck from one that came compressed, the plain
    /// one is kept in its place; what it is compressed to stays, for no text stands there.
    fn strike_body(&self, reply: &mut Reply, layers: usize) {
        let unpacked = reply.uncompressed_as_far_as_it_goes();
        if let Some((mut plain, layers)) = unpacked.zip(layers.checked_sub(1)) {
            let whole = plain.body.clone();
            self.strike_body(&mut plain, layers);
            if plain.body != whole {
                *reply = plain;
            }
        } else if !is_compressed(reply) {
            let is_stream = reply.shape() == BodyShape::Events;
            let chunks = &mut reply.chunks;
            reply.body = self.strike_noting(&reply.body, is_stream, |edits| recut(chunks, edits));
        }
    }

    /// What finds what is to be struck: all credentials at once, and then each rule in what is left.
    fn finders(&self) -> impl Iterator<Item = &dyn Finder> {
        let credentials: &dyn Finder = &self.credentials;
        iter::once(credentials).chain(self.rules.iter().map(|rule| -> &dyn Finder { rule }))
    }

    /// Strikes a body, which may be a stream of events, and tells of each finder's edits.
    fn strike_noting(&self, body: &Bytes, is_stream: bool, mut note: impl FnMut(&[Edit])) -> Bytes {
        let mut body = body.clone();
        // Most bodies have nothing of it, and to read all that one says takes many times as long.
        if !is_stream && self.rules.is_empty() && self.credentials.are_absent(&body) {
            return body;
        }
        let mut finders = self.finders().peekable();
        while finders.peek().is_some() {
            let readings = Readings::of(&body, is_stream);
            let Some(found) = finders.by_ref().map(|finder| readings.found(finder)).find(|found| !found.is_empty())
            else {
                break;
            };
            let (struck, edits) = replaced(&body, &found);
            note(&edits);
            body = struck.into();
        }
        body
    }

    /// A text with everything struck that must not be kept.
    #[must_use]
    pub fn strike_text(&self, text: &str) -> String {
        if self.is_empty() {
            return text.to_owned();
        }
        String::from_utf8_lossy(&self.strike(&Bytes::copy_from_slice(text.as_bytes()))).into_owned()
    }

    /// Whether there is nothing to strike.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.credentials.len() == 0 && self.rules.is_empty()
    }
}

/// Whether a body that cannot be unpacked is compressed nevertheless. A header may say so of a text that
/// somebody has unpacked.
fn is_compressed(reply: &Reply) -> bool {
    let is_text = || match str::from_utf8(&reply.body) {
        Ok(_) => true,
        // A text may be cut within its last character.
        Err(error) => error.error_len().is_none() && error.valid_up_to() > 0,
    };
    Coding::of_beginning(&reply.body).is_some() || reply.has_unread_coding() && !is_text()
}

impl fmt::Debug for Redactor {
    /// Shows how much is struck, and nothing of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("rules", &(self.credentials.len() + self.rules.len())).finish_non_exhaustive()
    }
}

/// Cuts the pieces of a body anew after edits to it, so that they still add up to it. What takes
/// the place of something that was split over pieces counts with the last of them.
fn recut(chunks: &mut Vec<Chunk>, edits: &[Edit]) {
    let mut edits = edits.iter().peekable();
    let (mut end, mut cut, mut removed, mut added) = (0, 0, 0, 0);
    for chunk in chunks.iter_mut() {
        end += chunk.length;
        while let Some(edit) = edits.next_if(|edit| edit.end <= end) {
            removed += edit.end - edit.start;
            added += edit.length;
        }
        let within = edits.peek().map_or(0, |edit| end.saturating_sub(edit.start));
        let new_end = end - within + added - removed;
        chunk.length = new_end - cut;
        cut = new_end;
    }
    chunks.retain(|chunk| chunk.length > 0);
}
