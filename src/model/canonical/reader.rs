//! Reads a JSON text and writes it again, in order.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::{Canonical, CanonicalError, Step, string};
use crate::model::IgnorePath;
use crate::model::normalise::Rewrite;

/// How deep arrays and objects may be nested.
const MAX_DEPTH: usize = 128;

/// More members than most bodies have at a time.
const USUAL_MEMBERS: usize = 16;

/// A member of an object, and where it was written.
struct Member<'a> {
    name: Cow<'a, [u8]>,
    start: usize,
    value: usize,
    end: usize,
}

/// Reads a text, and writes the canonical form of what it has read.
pub(super) struct Reader<'a, 'r> {
    pub(super) json: &'a [u8],
    /// Up to where it is UTF-8.
    pub(super) utf8_to: usize,
    pub(super) at: usize,
    pub(super) out: Vec<u8>,
    depth: usize,
    ignore: &'r [IgnorePath],
    rewrite: Option<&'r Rewrite<'r>>,
    /// Where it is in the value, for those who ask: nobody does where nothing is ignored or rewritten.
    path: Vec<Step<'a>>,
    /// The members of the objects that it is in, those of the innermost last.
    members: Vec<Member<'a>>,
    /// What was written of an object, while that is put in order.
    unsorted: Vec<u8>,
    /// Where the value of the whole text's member `model` begins.
    model_at: Option<usize>,
}

impl<'a, 'r> Reader<'a, 'r> {
    pub(super) fn new(json: &'a [u8], ignore: &'r [IgnorePath], rewrite: Option<&'r Rewrite<'r>>) -> Self {
        Self {
            json,
            utf8_to: str::from_utf8(json).map_or_else(|error| error.valid_up_to(), str::len),
            at: 0,
            out: Vec::with_capacity(json.len()),
            depth: 0,
            ignore,
            rewrite,
            path: Vec::new(),
            members: Vec::with_capacity(USUAL_MEMBERS),
            unsorted: Vec::new(),
            model_at: None,
        }
    }

    pub(super) fn whole(mut self) -> Result<Canonical<'a>, CanonicalError> {
        self.value()?;
        self.skip_space();
        if self.at < self.json.len() {
            return Err(self.error("text after the value"));
        }
        let model = self.model();
        Ok(Canonical { text: self.out, model })
    }

    fn model(&mut self) -> Option<Cow<'a, str>> {
        self.at = self.model_at?;
        self.skip_space();
        if self.peek() != Some(b'"') {
            return None;
        }
        match self.string().ok()? {
            Cow::Borrowed(name) => str::from_utf8(name).ok().map(Cow::Borrowed),
            Cow::Owned(name) => String::from_utf8(name).ok().map(Cow::Owned),
        }
    }

    pub(super) fn error(&self, problem: &'static str) -> CanonicalError {
        CanonicalError { problem, offset: self.at }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.json.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Result<(), CanonicalError> {
        if self.depth >= MAX_DEPTH {
            return Err(self.error("nested too deep"));
        }
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => self.text(),
            Some(b'-' | b'0'..=b'9') => {
                let start = self.out.len();
                self.number()?;
                let number = &self.out[start..];
                if let Some(placeholder) = self.rewrite.and_then(|rewrite| rewrite.number(&self.path, number)) {
                    self.out.truncate(start);
                    string::write(placeholder.as_bytes(), &mut self.out);
                }
                Ok(())
            }
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            Some(b'n') => self.word(b"null"),
            _ => Err(self.error("a value was expected")),
        }
    }

    fn text(&mut self) -> Result<(), CanonicalError> {
        if let Some(rewrite) = self.rewrite {
            let text = self.string()?;
            string::write(&rewrite.string(&self.path, text), &mut self.out);
        } else if !self.copied_string() {
            let text = self.string()?;
            string::write(&text, &mut self.out);
        }
        Ok(())
    }

    fn word(&mut self, word: &'static [u8]) -> Result<(), CanonicalError> {
        if !self.json[self.at..].starts_with(word) {
            return Err(self.error("a value was expected"));
        }
        self.at += word.len();
        self.out.extend_from_slice(word);
        Ok(())
    }

    /// Reads the value of a member or an element, and writes it; says whether it is left out.
    fn inner(&mut self, step: impl FnOnce() -> Step<'a>) -> Result<bool, CanonicalError> {
        let is_asked_for = self.rewrite.is_some() || !self.ignore.is_empty();
        if is_asked_for {
            self.path.push(step());
        }
        self.depth += 1;
        self.value()?;
        self.depth -= 1;
        let is_ignored = self.ignore.iter().any(|path| path.matches(&self.path));
        if is_asked_for {
            self.path.pop();
        }
        Ok(is_ignored)
    }

    /// Moves on behind a member or an element; says whether another one follows.
    fn goes_on(&mut self, end: u8, problem: &'static str) -> Result<bool, CanonicalError> {
        self.skip_space();
        let next = self.peek().filter(|byte| *byte == b',' || *byte == end).ok_or_else(|| self.error(problem))?;
        self.at += 1;
        Ok(next == b',')
    }

    fn object(&mut self) -> Result<(), CanonicalError> {
        self.at += 1;
        self.out.push(b'{');
        let (first, start, mut ids) = (self.members.len(), self.out.len(), Vec::new());
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            self.out.push(b'}');
            return Ok(());
        }
        loop {
            let name = self.name()?;
            if self.rewrite.is_some() && *name == *b"id" {
                ids.push((self.members.len(), self.at));
            }
            if self.depth == 0 && *name == *b"model" {
                self.model_at = Some(self.at);
            }
            let before = self.out.len();
            self.separate(start);
            let start = self.out.len();
            string::write(&name, &mut self.out);
            self.out.push(b':');
            let value = self.out.len();
            if self.inner(|| Step::Member(name.clone()))? {
                self.out.truncate(before);
            } else {
                self.members.push(Member { name, start, value, end: self.out.len() });
            }
            if !self.goes_on(b'}', "',' or '}' was expected")? {
                break;
            }
        }
        let is_rewritten = self.tool_call_ids(&ids, first)?;
        if is_rewritten || !self.members[first..].is_sorted_by(|left, right| order(left, right).is_le()) {
            self.sort(first, start);
        }
        self.members.truncate(first);
        self.out.push(b'}');
        Ok(())
    }

    fn name(&mut self) -> Result<Cow<'a, [u8]>, CanonicalError> {
        self.skip_space();
        if self.peek() != Some(b'"') {
            return Err(self.error("a member's name was expected"));
        }
        let name = self.string()?;
        self.skip_space();
        if self.peek() != Some(b':') {
            return Err(self.error("':' was expected"));
        }
        self.at += 1;
        Ok(name)
    }

    /// Writes a comma, unless nothing was written since the start.
    fn separate(&mut self, start: usize) {
        if self.out.len() > start {
            self.out.push(b',');
        }
    }

    /// Puts the members of an object in order, which were written from `start` on.
    fn sort(&mut self, first: usize, start: usize) {
        self.unsorted.clear();
        self.unsorted.reserve(self.json.len());
        self.unsorted.extend_from_slice(&self.out[start..]);
        self.out.truncate(start);
        self.members[first..].sort_by(order);
        for member in &self.members[first..] {
            if self.out.len() > start {
                self.out.push(b',');
            }
            self.out.extend_from_slice(&self.unsorted[member.start - start..member.end - start]);
        }
    }

    /// Rewrites the `id`s of an object, which are known by their index and where they stand: what
    /// they are only the whole object tells. Says whether there were any.
    fn tool_call_ids(&mut self, ids: &[(usize, usize)], first: usize) -> Result<bool, CanonicalError> {
        let texts = self.members[first..].iter().map(|member| (&*member.name, &self.out[member.value..member.end]));
        let Some(_) = self.rewrite.filter(|rewrite| !ids.is_empty() && rewrite.is_tool_call(texts)) else {
            return Ok(false);
        };
        let end = self.at;
        for (index, at) in ids {
            self.at = *at;
            self.skip_space();
            // An id that is ignored is no member, and another may have its index.
            let is_id = self.members.get(*index).is_some_and(|member| *member.name == *b"id");
            if is_id && self.peek() == Some(b'"') {
                let start = self.out.len();
                self.out.extend_from_slice(b"\"id\":");
                let value = self.out.len();
                let id = Rewrite::tool_call_id(self.string()?);
                string::write(&id, &mut self.out);
                let name = Cow::Borrowed(&b"id"[..]);
                self.members[*index] = Member { name, start, value, end: self.out.len() };
            }
        }
        self.at = end;
        Ok(true)
    }

    fn array(&mut self) -> Result<(), CanonicalError> {
        self.at += 1;
        self.out.push(b'[');
        let start = self.out.len();
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            self.out.push(b']');
            return Ok(());
        }
        for index in 0.. {
            let before = self.out.len();
            self.separate(start);
            if self.inner(|| Step::Element(index))? {
                self.out.truncate(before);
            }
            if !self.goes_on(b']', "',' or ']' was expected")? {
                break;
            }
        }
        self.out.push(b']');
        Ok(())
    }
}

fn order(left: &Member<'_>, right: &Member<'_>) -> Ordering {
    compare_utf16(&left.name, &right.name)
}

/// RFC 8785 sorts names by UTF-16 code units. That is the order of the bytes, but for characters
/// past the basic plane, whose surrogates sort below U+E000.
fn compare_utf16(left: &[u8], right: &[u8]) -> Ordering {
    let rank = |byte: u8| match byte {
        0xee | 0xef => u16::from(byte) + 0x100,
        other => u16::from(other),
    };
    let differing = left.iter().zip(right).find(|(left, right)| left != right);
    differing.map_or_else(|| left.len().cmp(&right.len()), |(left, right)| rank(*left).cmp(&rank(*right)))
}
