//! Mode × recorded → what is done.

use crate::model::Mode;

/// What is done about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The recording answers it.
    Replay,
    /// It is sent, and recorded.
    Send,
    /// Nothing answers it: its item is `not_recorded`.
    Miss,
}

/// What a mode does about a request that is, or is not, recorded.
#[must_use]
pub const fn decide(mode: Mode, recorded: bool) -> Action {
    match (mode, recorded) {
        (Mode::Auto | Mode::Replay, true) => Action::Replay,
        (Mode::Auto, false) | (Mode::Record, _) => Action::Send,
        (Mode::Replay, false) => Action::Miss,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_does_what_its_table_says() {
        let table = [
            (Mode::Auto, true, Action::Replay),
            (Mode::Auto, false, Action::Send),
            (Mode::Record, true, Action::Send),
            (Mode::Record, false, Action::Send),
            (Mode::Replay, true, Action::Replay),
            (Mode::Replay, false, Action::Miss),
        ];
        for (mode, recorded, action) in table {
            assert_eq!(decide(mode, recorded), action, "{mode:?} {recorded}");
        }
    }
}
