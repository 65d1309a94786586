//! What is done about a signal while a command runs.

use super::super::signals::Origin;

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

/// What is done about a signal: the how-manieth it is, where it is no other's twin, and where it
/// comes from.
pub(super) const fn reaction(number: Option<u32>, origin: Origin) -> Reaction {
    match (number, origin) {
        (Some(0), Origin::Process) => Reaction::PassOn,
        (None, _) | (Some(0), Origin::Terminal) => Reaction::Wait,
        (Some(1), _) => Reaction::Kill,
        _ => Reaction::End,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_signal_is_the_commands_and_the_second_ends_it() {
        use Origin::{Process, Terminal};
        for (number, origin, expected) in [
            (Some(0), Terminal, Reaction::Wait),
            (Some(0), Process, Reaction::PassOn),
            (None, Terminal, Reaction::Wait),
            (None, Process, Reaction::Wait),
            (Some(1), Terminal, Reaction::Kill),
            (Some(1), Process, Reaction::Kill),
            (Some(2), Terminal, Reaction::End),
            (Some(7), Process, Reaction::End),
        ] {
            assert_eq!(reaction(number, origin), expected, "{number:?} {origin:?}");
        }
    }
}
