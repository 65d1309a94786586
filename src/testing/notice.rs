//! What people are told on standard error.

/// Tells people of something, on standard error.
#[expect(clippy::print_stderr, reason = "the test harness shows it with the test that fails")]
pub(super) fn tell(text: &str) {
    eprintln!("nightreel: {text}");
}
