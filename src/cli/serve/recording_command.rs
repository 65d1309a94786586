//! The command that would record what a replay has not.

use std::ffi::OsString;

use serde_json::Value;

use super::super::shell_word::quoted;

/// The variable of the key that is sent to `OpenRouter` without being named.
const OPENROUTER_KEY: &str = "OPENROUTER_API_KEY";

/// From so many bytes on, what is run against the server is told by its name alone.
const LONG: usize = 600;

/// What stands for its words then: no shell runs it, and whoever reads it knows what to put there.
const REST: &str = "<THE REST OF THE COMMAND, AS IT WAS CALLED>";

/// What stands for the URL that nobody knows.
const UNKNOWN: &str = "URL";

/// The flags that say where to send, for a command line that does not: to where the recordings come
/// from, by the settings of the gateway that they were recorded at; else to what is to be filled in.
pub(super) fn upstream_flags(recorded_at: Option<&Value>) -> Vec<String> {
    let text = |name: &str| recorded_at.and_then(|gateway| gateway[name].as_str()).filter(|text| !text.is_empty());
    let base_url = text("base_url");
    let mut flags = vec!["--base-url".to_owned(), base_url.unwrap_or(UNKNOWN).to_owned()];
    let key = text("api_key_env").filter(|name| base_url.is_some() && *name != OPENROUTER_KEY);
    flags.extend(key.into_iter().flat_map(|name| ["--api-key-env".to_owned(), name.to_owned()]));
    flags
}

/// The command that was called, with the mode that records what is not there yet, and with flags
/// that it lacks for that. `words` are those behind the program's name.
pub(super) fn recording_command(words: impl IntoIterator<Item = OsString>, lacking: &[String]) -> String {
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
    told.extend(is_long.then(|| REST.to_owned()));
    let behind_command = told.len().min(2);
    let added = ["--mode", "auto"].map(str::to_owned).into_iter();
    let added = added.chain(lacking.iter().map(|word| quoted(word.as_ref())));
    told.splice(behind_command..behind_command, added);
    told.join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
            assert_eq!(recording_command(words.iter().map(OsString::from), &[]), expected);
        }
        let script = "x".repeat(LONG);
        let words = ["serve", "--quiet", "--", "sh", "-c", &script].map(OsString::from);
        assert_eq!(
            recording_command(words, &[]),
            "nightreel serve --mode auto --quiet -- sh <THE REST OF THE COMMAND, AS IT WAS CALLED>"
        );
    }

    #[test]
    fn where_nobody_says_where_to_send_the_recordings_do() {
        let recorded = |base_url, key| json!({"base_url": base_url, "api_key_env": key});
        for (recorded_at, expected) in [
            (None, "--base-url URL"),
            (Some(recorded(None, Some("MY_KEY"))), "--base-url URL"),
            (Some(recorded(Some("https://a/v1"), Some(""))), "--base-url https://a/v1"),
            (Some(recorded(Some("https://a/v1"), Some("MY_KEY"))), "--base-url https://a/v1 --api-key-env MY_KEY"),
            (Some(recorded(Some("https://a/v1"), Some(OPENROUTER_KEY))), "--base-url https://a/v1"),
        ] {
            let flags = upstream_flags(recorded_at.as_ref());
            assert_eq!(flags.join(" "), expected);
            let words = ["serve", "--", "pytest"].map(OsString::from);
            assert_eq!(recording_command(words, &flags), format!("nightreel serve --mode auto {expected} -- pytest"));
        }
        let odd = ["--base-url".to_owned(), "https://a/${X}/v1".to_owned()];
        let words = ["serve".into()];
        assert_eq!(recording_command(words, &odd), "nightreel serve --mode auto --base-url 'https://a/${X}/v1'");
    }
}
