//! Words of a command that is printed, as a shell takes them: on one line, with nothing in it that
//! steers a terminal.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::Path;

use super::terminal_text::steers;

/// What a shell takes as it is, beside letters and digits.
const PLAIN: &str = "_@%+=:,./-";
/// What stands for itself where `printf` writes a word, beside letters and digits.
const PRINTED: &str = "_@+=:,./ ";

/// A word as a shell takes it; `None` where no word of one line is that: `$(…)` loses line ends at its end.
pub(crate) fn quoted(word: &OsStr) -> Option<String> {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || PLAIN.contains(character);
    match word.to_str() {
        Some(text) if !text.is_empty() && text.chars().all(is_plain) => Some(text.to_owned()),
        Some(text) if !text.chars().any(steers) => Some(format!("'{}'", text.replace('\'', r"'\''"))),
        _ if word.as_encoded_bytes().ends_with(b"\n") => None,
        _ => Some(format!("\"$(printf '{}')\"", format_of(word.as_encoded_bytes()))),
    }
}

/// A path that stands where no flag does, as a shell takes it.
pub(crate) fn quoted_path(path: &Path) -> Option<String> {
    quoted(&without_dash(path))
}

/// A path that is no flag, whatever it begins with.
pub(crate) fn without_dash(path: &Path) -> OsString {
    let mut word = OsString::from(if path.as_os_str().as_encoded_bytes().starts_with(b"-") { "./" } else { "" });
    word.push(path);
    word
}

/// Bytes as the format that `printf` makes them of.
fn format_of(bytes: &[u8]) -> String {
    let mut format = String::new();
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '%' => format.push_str("%%"),
                _ if character.is_ascii_alphanumeric() || PRINTED.contains(character) => format.push(character),
                _ if !character.is_ascii() && !steers(character) => format.push(character),
                _ => push_octal(character.encode_utf8(&mut [0; 4]).as_bytes(), &mut format),
            }
        }
        push_octal(chunk.invalid(), &mut format);
    }
    format
}

fn push_octal(bytes: &[u8], format: &mut String) {
    for byte in bytes {
        write!(format, "\\{byte:03o}").expect("a String takes all");
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_word_is_quoted_where_a_shell_would_change_it() {
        for (word, expected) in [
            ("--rpm=60", "--rpm=60"),
            ("a b", "'a b'"),
            ("$HOME", "'$HOME'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
            ("a\nb", r#""$(printf 'a\012b')""#),
            ("100% é\t", r#""$(printf '100%% é\011')""#),
        ] {
            assert_eq!(quoted(word.as_ref()).as_deref(), Some(expected));
        }
        assert_eq!(quoted("a\n".as_ref()), None);
    }

    #[test]
    fn a_shell_reads_back_every_word_from_one_line() {
        let whole: Vec<u8> = (1..=255).collect();
        let words =
            [whole.as_slice(), b"-n\t", b"\n\nx", b"\x1b[31m'!\\n\"$x`y`", b"caf\xe9.db", b"%s%d\n0", b"\t 'a'"];
        for word in words {
            let line = quoted(OsStr::from_bytes(word)).unwrap();
            assert!(!line.chars().any(steers), "{line}");
            for shell in ["sh", "bash"] {
                let printed = Command::new(shell).arg("-c").arg(format!("printf %s {line}")).output().unwrap();
                assert_eq!(printed.stdout, word, "{shell}: {line}");
            }
        }
    }
}
