//! The members of a body that a key leaves out.

use std::str::FromStr;

use super::canonical::Step;

/// A `JSONPath` of names, indexes and wildcards: `$.user`, `$.messages[*].name`, `$['a.b'][0]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnorePath {
    segments: Vec<Segment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Name(String),
    Index(usize),
    Any,
}

/// A path that nightreel does not understand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{path}\" is not a path of names, indexes and *, such as $.user or $.messages[*].name: {problem}")]
pub struct IgnorePathError {
    /// The path as it was given.
    pub path: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl IgnorePath {
    /// Whether the reader stands on what this path names.
    pub(super) fn matches(&self, steps: &[Step<'_>]) -> bool {
        self.segments.len() == steps.len()
            && self.segments.iter().zip(steps).all(|(segment, step)| match (segment, step) {
                (Segment::Any, _) => true,
                (Segment::Name(name), Step::Member(member)) => name.as_bytes() == member.as_ref(),
                (Segment::Index(index), Step::Element(element)) => index == element,
                _ => false,
            })
    }
}

impl FromStr for IgnorePath {
    type Err = IgnorePathError;

    fn from_str(path: &str) -> Result<Self, Self::Err> {
        let segments = path
            .strip_prefix('$')
            .ok_or("it does not start with $")
            .and_then(segments)
            .and_then(|segments| if segments.is_empty() { Err("it names the whole body") } else { Ok(segments) })
            .map_err(|problem| IgnorePathError { path: path.to_owned(), problem })?;
        Ok(Self { segments })
    }
}

fn segments(mut rest: &str) -> Result<Vec<Segment>, &'static str> {
    let mut segments = Vec::new();
    while !rest.is_empty() {
        let (segment, tail) = match rest.strip_prefix('.') {
            Some(name) if name.starts_with('.') => return Err("'..' is not supported"),
            Some(name) => dotted(name)?,
            None => bracketed(rest)?,
        };
        segments.push(segment);
        rest = tail;
    }
    Ok(segments)
}

fn dotted(text: &str) -> Result<(Segment, &str), &'static str> {
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let (name, tail) = text.split_at(end);
    match name {
        "" => Err("a name is missing"),
        "*" => Ok((Segment::Any, tail)),
        name => Ok((Segment::Name(name.to_owned()), tail)),
    }
}

fn bracketed(text: &str) -> Result<(Segment, &str), &'static str> {
    let inner = text.strip_prefix('[').ok_or("'.' or '[' was expected")?;
    for quote in ['\'', '"'] {
        if let Some(quoted) = inner.strip_prefix(quote) {
            let (name, tail) = quoted.split_once(quote).ok_or("a quote is not closed")?;
            let tail = tail.strip_prefix(']').ok_or("']' was expected")?;
            return Ok((Segment::Name(name.to_owned()), tail));
        }
    }
    let (content, tail) = inner.split_once(']').ok_or("']' was expected")?;
    let segment = match content {
        "*" => Segment::Any,
        index => Segment::Index(index.parse().map_err(|_| "only a quoted name, an index or * may stand in []")?),
    };
    Ok((segment, tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_not_understood_is_refused() {
        for path in ["", "user", "$", "$.", "$..user", "$[", "$['a", "$[?(@.x)]", "$x"] {
            assert!(path.parse::<IgnorePath>().is_err(), "{path}");
        }
    }
}
