//! What this machine does not let a test prove.

/// Says that something is not tested, and why: a test must not pass in silence.
#[expect(clippy::print_stdout, reason = "the test harness shows it")]
pub(crate) fn not_tested(why: &str) {
    println!("not tested: {why}");
}
