//! The command that would record what a replay has not.

use std::ffi::{OsStr, OsString};

/// What a shell takes as it is, beside letters and digits.
const PLAIN: &str = "_@%+=:,./-";

/// From so many bytes on, what is run against the server is told by its name alone.
const LONG: usize = 600;

/// The command that was called, with the mode that records what is not there yet. `words` are those
/// behind the program's name.
pub(super) fn recording_command(words: impl IntoIterator<Item = OsString>) -> String {
    let mut told = vec!["nightreel".to_owned()];
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        if word == "--" {
            told.push("--".to_owned());
            break;
        }
        if word == "--mode" {
            // Its value goes with it.
            words.next();
        } else if !word.as_encoded_bytes().starts_with(b"--mode=") {
            told.push(quoted(&word));
        }
    }
    let command: Vec<String> = words.map(|word| quoted(&word)).collect();
    let is_long = command.iter().map(String::len).sum::<usize>() > LONG;
    told.extend(command.into_iter().take(if is_long { 1 } else { usize::MAX }));
    told.extend(is_long.then(|| "…".to_owned()));
    let behind_command = told.len().min(2);
    told.splice(behind_command..behind_command, ["--mode", "auto"].map(str::to_owned));
    told.join(" ")
}

/// A word as a shell takes it.
fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let is_plain = |character: char| character.is_ascii_alphanumeric() || PLAIN.contains(character);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_the_one_that_was_called_in_the_mode_that_records() {
        for (words, expected) in [
            (["serve"].as_slice(), "nightreel serve --mode auto"),
            (&["serve", "--mode", "replay", "--store", "a.db"], "nightreel serve --mode auto --store a.db"),
            (&["serve", "--store=a b.db", "--mode=replay"], "nightreel serve --mode auto '--store=a b.db'"),
            (
                &["serve", "--ignore", "$.user", "--", "pytest", "-k", "it's", "--mode", "x", ""],
                r"nightreel serve --mode auto --ignore '$.user' -- pytest -k 'it'\''s' --mode x ''",
            ),
            (&["serve", "--mode"], "nightreel serve --mode auto"),
        ] {
            assert_eq!(recording_command(words.iter().map(OsString::from)), expected);
        }
        let script = "x".repeat(LONG);
        let words = ["serve", "--quiet", "--", "sh", "-c", &script].map(OsString::from);
        assert_eq!(recording_command(words), "nightreel serve --mode auto --quiet -- sh …");
    }
}
