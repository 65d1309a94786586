//! Texts that a person is shown, less the credentials that may have got into them.

use std::borrow::Cow;
use std::sync::LazyLock;

use nightreel::record::Redactor;

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
    static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| redactor(variables()));
    strike(text, &REDACTOR)
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

/// What strikes the values of variables that hold credentials.
fn redactor(variables: impl Iterator<Item = (String, String)>) -> Redactor {
    let credentials: Vec<String> = of_variables(variables).collect();
    Redactor::default().with_secrets(credentials.iter().map(String::as_str))
}

fn strike(text: &str, redactor: &Redactor) -> String {
    without_keys(&redactor.strike_text(text)).into_owned()
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
            ("SLASH_SECRET", "slash/secret"),
            ("HOME", "/home/someone"),
        ];
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let redactor = redactor(variables);
        for (text, struck) in [
            ("no canary-1 here", "no [redacted] here"),
            ("canary-token,canary-token", "[redacted],[redacted]"),
            ("vi /home/someone", "vi /home/someone"),
            ("teamkey1-9f8e7d6c of teamkey1", "[redacted] of [redacted]"),
            ("of teamkey1-9f8e7d6c-and-more", "of [redacted]"),
            ("teamkey1teamkey1", "[redacted][redacted]"),
            ("at /?key=slash%2Fsecret", "at /?key=[redacted]"),
            ("--set x=sk-or-v1-0123456789: no", "--set x=[redacted]: no"),
            ("unexpected argument '--sk-or-v1-0123456789'", "unexpected argument '--[redacted]'"),
            ("keys begin with sk-or-", "keys begin with sk-or-"),
            ("task-oriented-programming", "task-oriented-programming"),
            ("sk-sk-sk-sk-sk-sk-", "[redacted]"),
        ] {
            assert_eq!(strike(text, &redactor), struck, "{text}");
        }
    }
}
