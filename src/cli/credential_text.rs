//! Texts that a person is shown, less the credentials that may have got into them.

use std::borrow::Cow;
use std::ops::Range;

/// How the names of variables end that hold credentials.
const NAMES: [&str; 4] = ["KEY", "TOKEN", "SECRET", "PASSWORD"];
/// A credential shorter than this is not searched for: it would strike words from messages.
const SHORTEST: usize = 8;
/// How a provider key begins.
const KEY_START: &str = "sk-";
/// A word that begins like a key is one from so many characters on.
const KEY_LENGTH: usize = 16;
const STRUCK: &str = "[redacted]";

/// A text without the values of variables that hold credentials, and without what looks like a
/// key: a message may repeat what it was given.
pub(crate) fn without_credentials(text: &str) -> String {
    strike(text, variables())
}

/// The values of variables that hold credentials.
pub(crate) fn credentials() -> Vec<String> {
    of_variables(variables()).collect()
}

fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

fn of_variables(variables: impl Iterator<Item = (String, String)>) -> impl Iterator<Item = String> {
    variables
        .filter(|(name, _)| NAMES.iter().any(|end| name.to_ascii_uppercase().ends_with(end)))
        .map(|(_, value)| nightreel::gateway::Secret::bare(&value).to_owned())
        .filter(|value| value.len() >= SHORTEST)
}

fn strike(text: &str, variables: impl Iterator<Item = (String, String)>) -> String {
    let mut struck = String::new();
    let mut copied = 0;
    for place in places(text, variables) {
        struck.push_str(&text[copied..place.start]);
        struck.push_str(STRUCK);
        copied = place.end;
    }
    struck.push_str(&text[copied..]);
    without_keys(&struck).into_owned()
}

/// What any of the credentials covers, in order: they may overlap, or one begin as another does.
fn places(text: &str, variables: impl Iterator<Item = (String, String)>) -> Vec<Range<usize>> {
    let of_one = |credential: String| {
        let starts: Vec<usize> = text.match_indices(&credential).map(|(start, _)| start).collect();
        starts.into_iter().map(move |start| start..start + credential.len())
    };
    let mut found: Vec<Range<usize>> = of_variables(variables).flat_map(of_one).collect();
    found.sort_unstable_by_key(|place| place.start);
    let mut places: Vec<Range<usize>> = Vec::new();
    for place in found {
        match places.last_mut() {
            Some(last) if place.start < last.end => last.end = last.end.max(place.end),
            _ => places.push(place),
        }
    }
    places
}

/// A text without words that look like a key.
fn without_keys(text: &str) -> Cow<'_, str> {
    let of_key = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
    let mut struck = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(KEY_START) {
        let (before, from) = rest.split_at(start);
        let length = from.find(|character| !of_key(character)).unwrap_or(from.len());
        let is_key = length >= KEY_LENGTH && !before.ends_with(|character: char| character.is_ascii_alphanumeric());
        struck.push_str(before);
        struck.push_str(if is_key { STRUCK } else { &from[..length] });
        rest = &from[length..];
    }
    if struck.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(struck + rest) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_variables_hold_and_what_looks_like_a_key_is_struck() {
        let variables = [
            ("OPENROUTER_API_KEY", "Bearer canary-1"),
            ("cf_aig_token", "canary-token"),
            ("EDITOR_KEY", "vi"),
            ("TEAM_KEY", "teamkey1"),
            ("MEMBER_KEY", "teamkey1-9f8e7d6c"),
            ("OTHER_KEY", "7d6c-and-more"),
            ("HOME", "/home/someone"),
        ];
        for (text, struck) in [
            ("no canary-1 here", "no [redacted] here"),
            ("canary-token,canary-token", "[redacted],[redacted]"),
            ("vi /home/someone", "vi /home/someone"),
            ("teamkey1-9f8e7d6c of teamkey1", "[redacted] of [redacted]"),
            ("of teamkey1-9f8e7d6c-and-more", "of [redacted]"),
            ("teamkey1teamkey1", "[redacted][redacted]"),
            ("--set x=sk-or-v1-0123456789: no", "--set x=[redacted]: no"),
            ("unexpected argument '--sk-or-v1-0123456789'", "unexpected argument '--[redacted]'"),
            ("keys begin with sk-or-", "keys begin with sk-or-"),
            ("task-oriented-programming", "task-oriented-programming"),
            ("sk-sk-sk-sk-sk-sk-", "[redacted]"),
        ] {
            let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            assert_eq!(strike(text, variables), struck, "{text}");
        }
    }
}
