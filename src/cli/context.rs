//! What surrounds the command: its environment, captured once.

use std::ffi::OsString;
use std::io::{self, Write};

use super::credential_text::without_credentials;

/// Looks a variable of the environment up; one that is not UTF-8 counts as not set.
pub(crate) fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Looks a variable of the environment up, whatever bytes it holds.
pub(crate) fn env_os(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// Writes a text to standard output. A reader that has gone away (`| head`) ends nothing but the
/// output.
///
/// # Errors
/// Fails if the output cannot be written for another reason, such as a full disk.
pub(crate) fn print(text: &str) -> io::Result<()> {
    print_bytes(text.as_bytes())
}

/// Writes bytes to standard output, as [`print`] does.
///
/// # Errors
/// Fails if the output cannot be written for another reason than a reader that has gone away.
pub(crate) fn print_bytes(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(io::Error::new(error.kind(), format!("cannot write to standard output: {error}"))),
        Ok(()) => Ok(()),
    }
}

/// Writes a line to standard error, less the credentials that may have got into it. Nobody can be
/// told that it could not be written.
pub(crate) fn complain(line: &str) {
    let _nobody_to_tell = writeln!(io::stderr().lock(), "{}", without_credentials(line));
}
