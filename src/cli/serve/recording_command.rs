//! The command that would record what a replay has not.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use nightreel::job::may_be_shown;
use serde_json::Value;

use super::super::shell_word::quoted;
use super::super::store_words::store_words;

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
pub(super) fn upstream_flags(recorded_at: Option<&Value>) -> Vec<OsString> {
    let text = |name: &str| recorded_at.and_then(|gateway| gateway[name].as_str()).filter(|text| !text.is_empty());
    let base_url = text("base_url");
    let mut flags = vec!["--base-url".into(), base_url.unwrap_or(UNKNOWN).into()];
    let key = text("api_key_env").filter(|name| base_url.is_some() && *name != OPENROUTER_KEY);
    flags.extend(key.into_iter().flat_map(|name| ["--api-key-env".into(), name.into()]));
    flags
}

/// The flag that names the store, for a command line that leaves it to a variable.
pub(super) fn lacking_store(words: &[OsString], store: &Path) -> Vec<OsString> {
    let own = words.iter().take_while(|word| *word != "--");
    let is_named = own.map(|word| name_of(word)).any(|name| name == b"--store");
    if is_named { Vec::new() } else { store_words(store) }
}

/// The command that was called, with the mode that records what is not there yet, and with flags
/// that it lacks for that, in the place of those that do not serve. `words` are those behind the
/// program's name. `None` where one of them cannot be told.
pub(super) fn recording_command(words: impl IntoIterator<Item = OsString>, lacking: &[OsString]) -> Option<String> {
    let mut words = words.into_iter();
    let own: Vec<OsString> = words.by_ref().take_while(|word| word != "--").collect();
    let command: Vec<OsString> = words.collect();
    let (name, flags) = own.split_first().map_or((None, own.as_slice()), |(name, flags)| (Some(name), flags));
    let added = ["--mode".into(), "auto".into()];
    let kept = kept_flags(flags, lacking);
    if !settings(&kept).all(may_be_shown) {
        return None;
    }
    let program = OsString::from("nightreel");
    let words = [Some(&program), name].into_iter().flatten().chain(&added).chain(lacking).chain(kept);
    let mut told = words.map(|word| quoted(word)).collect::<Option<Vec<_>>>()?;
    told.extend(told_command(&command)?);
    Some(told.join(" "))
}

/// The flags that stay: without the mode, and without those that others stand in for.
fn kept_flags<'a>(flags: &'a [OsString], lacking: &[OsString]) -> Vec<&'a OsString> {
    let replaced: Vec<&[u8]> = lacking.iter().map(|word| name_of(word)).chain([b"--mode".as_slice()]).collect();
    let mut flags = flags.iter();
    let mut kept = Vec::new();
    while let Some(word) = flags.next() {
        let name = name_of(word);
        if !(name.starts_with(b"--") && replaced.contains(&name)) {
            kept.push(word);
        } else if name == word.as_encoded_bytes() {
            // Its value goes with it.
            flags.next();
        }
    }
    kept
}

/// What `--set` is given.
fn settings<'a>(flags: &[&'a OsString]) -> impl Iterator<Item = &'a str> {
    let joined = flags.iter().filter_map(|word| word.to_str()?.strip_prefix("--set="));
    let apart = flags.iter().zip(flags.iter().skip(1)).filter(|(name, _)| **name == "--set");
    joined.chain(apart.filter_map(|(_, value)| value.to_str())).collect::<Vec<_>>().into_iter()
}

/// What is run against the server, with the dashes before it.
fn told_command(command: &[OsString]) -> Option<Vec<String>> {
    if command.is_empty() {
        return Some(Vec::new());
    }
    let words = command.iter().map(|word| quoted(word)).collect::<Option<Vec<_>>>()?;
    let is_long = words.iter().map(String::len).sum::<usize>() > LONG;
    let told = words.into_iter().take(if is_long { 1 } else { usize::MAX });
    Some(["--".to_owned()].into_iter().chain(told).chain(is_long.then(|| REST.to_owned())).collect())
}

/// The name of a flag, which may have its value joined to it.
fn name_of(word: &OsStr) -> &[u8] {
    word.as_encoded_bytes().split(|byte| *byte == b'=').next().unwrap_or_default()
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
            (
                &["serve", "--set", "gateway.base_url=http://a"],
                "nightreel serve --mode auto --set gateway.base_url=http://a",
            ),
        ] {
            assert_eq!(recording_command(words.iter().map(OsString::from), &[]).as_deref(), Some(expected));
        }
        let script = "x".repeat(LONG);
        let words = ["serve", "--quiet", "--", "sh", "-c", &script].map(OsString::from);
        assert_eq!(
            recording_command(words, &[]).as_deref(),
            Some("nightreel serve --mode auto --quiet -- sh <THE REST OF THE COMMAND, AS IT WAS CALLED>")
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
            assert_eq!(flags.join(OsStr::new(" ")), expected);
            let told = format!("nightreel serve --mode auto {expected} -- pytest");
            for line in ["serve -- pytest", "serve --base-url https://u:p@a -- pytest", "serve --base-url=a -- pytest"]
            {
                let words = line.split(' ').map(OsString::from);
                assert_eq!(recording_command(words, &flags).as_deref(), Some(told.as_str()), "{line}");
            }
        }
        let odd = ["--base-url", "https://a/${X}/v1"].map(OsString::from);
        let told = recording_command(["serve".into()], &odd);
        assert_eq!(told.as_deref(), Some("nightreel serve --mode auto --base-url 'https://a/${X}/v1'"));
    }

    #[test]
    fn a_store_that_a_variable_names_is_named() {
        for (line, expected) in [
            ("serve --quiet", "--store a.db"),
            ("serve --quiet -- x --store b.db", "--store a.db"),
            ("serve --store a.db", ""),
            ("serve --store=a.db", ""),
        ] {
            let words: Vec<_> = line.split(' ').map(OsString::from).collect();
            assert_eq!(lacking_store(&words, Path::new("a.db")).join(OsStr::new(" ")), expected, "{line}");
        }
    }

    #[test]
    fn no_command_is_told_that_does_something_else_or_tells_a_credential() {
        for words in [
            ["serve", "--set", "gateway.base_url=https://u:p@a"].as_slice(),
            &["serve", "--set=gateway.base_url=https://u:p@a"],
            &["serve", "--name", "a\n"],
        ] {
            assert_eq!(recording_command(words.iter().map(OsString::from), &[]), None, "{words:?}");
        }
    }
}
