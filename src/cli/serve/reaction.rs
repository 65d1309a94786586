//! What is done about a signal while a command runs.

use std::time::Duration;

/// What is done about a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reaction {
    /// The command is sent it too.
    PassOn,
    /// Nothing: the command has it already, and its end is waited for.
    Wait,
    /// The command is killed.
    Kill,
    /// Everything ends at once.
    End,
}

/// Where a signal comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The terminal, which sends it to the command as well.
    Terminal,
    /// Another process.
    Process,
}

/// Within this time of the first signal another one is the same: whoever ends a process may send
/// one to it and one to its group.
const SAME: Duration = Duration::from_millis(200);

/// What is done about a signal: how many came before it, when the first of them did, and where
/// this one comes from.
pub(super) fn reaction(before: u32, since_first: Duration, origin: Origin) -> Reaction {
    match (before, origin) {
        (0, Origin::Terminal) => Reaction::Wait,
        (0, Origin::Process) => Reaction::PassOn,
        _ if since_first < SAME => Reaction::Wait,
        (1, _) => Reaction::Kill,
        _ => Reaction::End,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_signal_is_the_commands_and_the_second_ends_it() {
        use Origin::{Process, Terminal};
        let (at_once, later) = (Duration::from_millis(1), Duration::from_secs(1));
        for (before, since_first, origin, expected) in [
            (0, Duration::ZERO, Terminal, Reaction::Wait),
            (0, Duration::ZERO, Process, Reaction::PassOn),
            (1, at_once, Terminal, Reaction::Wait),
            (1, at_once, Process, Reaction::Wait),
            (1, later, Terminal, Reaction::Kill),
            (1, later, Process, Reaction::Kill),
            (2, at_once, Process, Reaction::Wait),
            (2, later, Terminal, Reaction::End),
            (7, later, Process, Reaction::End),
        ] {
            assert_eq!(reaction(before, since_first, origin), expected, "{before} {since_first:?} {origin:?}");
        }
    }
}
