//! What people are told on standard error.

use std::io::{Write as _, stderr};

/// Tells people of something, on standard error.
#[expect(clippy::print_stderr, reason = "the test harness shows it with the test that fails")]
pub(super) fn tell(text: &str) {
    eprintln!("nightreel: {text}");
}

/// Tells people of something, be it in a test that passes: no harness keeps it to itself.
pub(super) fn tell_always(text: &str) {
    // Nobody else could be told.
    _ = writeln!(stderr().lock(), "nightreel: {text}");
}
