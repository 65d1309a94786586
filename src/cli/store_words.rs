//! The words of a command that name a store.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::command_line::CommandLine;
use super::context::env_os;
use super::store_args::{DEFAULT_STORE, STORE_VARIABLE};

/// The flag that names a store, with a space before it; nothing where a command finds it without.
pub(crate) fn store_flag(store: &Path) -> String {
    let mut line = CommandLine::default();
    for word in store_words(store) {
        line.word("--store", &word);
    }
    if line.untold.is_empty() { line.text } else { " (with --store, which cannot be shown)".to_owned() }
}

/// The words that name a store; none where a command finds it without.
pub(crate) fn store_words(store: &Path) -> Vec<OsString> {
    words_unless_default(store, env_os(STORE_VARIABLE).as_deref())
}

fn words_unless_default(store: &Path, variable: Option<&OsStr>) -> Vec<OsString> {
    let default = Path::new(DEFAULT_STORE);
    if store == default && variable.is_none_or(|variable| Path::new(variable) == default) {
        return Vec::new();
    }
    named_store(store)
}

/// The same, wherever a command looks for one.
pub(crate) fn named_store(store: &Path) -> Vec<OsString> {
    if store.as_os_str().as_encoded_bytes().starts_with(b"-") {
        let mut word = OsString::from("--store=");
        word.push(store);
        return vec![word];
    }
    vec!["--store".into(), store.into()]
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    #[test]
    fn a_store_is_named_unless_a_command_finds_it_without() {
        for (store, variable, expected) in [
            ("nightreel.db", None, ""),
            ("nightreel.db", Some("nightreel.db"), ""),
            ("nightreel.db", Some("other.db"), "--store nightreel.db"),
            ("other.db", Some("other.db"), "--store other.db"),
            ("-x.db", None, "--store=-x.db"),
        ] {
            let words = words_unless_default(Path::new(store), variable.map(OsStr::new));
            assert_eq!(words.join(OsStr::new(" ")), expected, "{store} {variable:?}");
        }
        assert_eq!(store_flag(Path::new("my store.db")), " --store 'my store.db'");
        assert_eq!(store_flag(Path::new(OsStr::from_bytes(b"\xc3.db"))), r#" --store "$(printf '\303.db')""#);
        assert!(!store_flag(Path::new("a\n")).contains("--store "));
    }
}
