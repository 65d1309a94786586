//! The signals that whoever started this process has it ignore: `nohup` those of a terminal that
//! hangs up, a shell the Ctrl-C that is not meant for what runs behind it.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::Origin;

/// The signals that end a process.
const ENDING: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];

/// The signals that were ignored when this process was started, a bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ignored(u64);

impl Ignored {
    /// Asks the system. It must be asked before any signal is taken over. A system that does not
    /// say ignores none.
    pub(crate) fn now() -> Self {
        Self::of_status(&std::fs::read_to_string("/proc/self/status").unwrap_or_default())
    }

    fn of_status(status: &str) -> Self {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        Self(mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default())
    }

    const fn has(self, signal: i32) -> bool {
        self.0 >> (signal - 1) & 1 == 1
    }

    /// The signals that are taken over where a command runs. An ignored one is left alone, since a
    /// command would not inherit that it is ignored from a process that hears it.
    pub(crate) fn for_command(self) -> Vec<i32> {
        ENDING.into_iter().filter(|signal| !self.has(*signal)).collect()
    }

    /// The signals that are taken over where nothing else runs.
    pub(crate) fn alone(self) -> Vec<i32> {
        ENDING.into_iter().filter(|signal| !self.has(*signal) || *signal == SIGINT).collect()
    }

    /// Whether a signal that was taken over is meant for this process. Shells start whatever stands
    /// before `&` with Ctrl-C ignored; that of the terminal is, while another process that sends it
    /// means it.
    pub(crate) fn hears(self, signal: i32, origin: Origin) -> bool {
        !self.has(signal) || (signal == SIGINT && origin == Origin::Process)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn bit(signal: i32) -> u64 {
        1 << (signal - 1)
    }

    #[test]
    fn what_is_ignored_is_read_from_the_system() {
        for (status, expected) in [
            ("Name:\tx\nSigBlk:\t0000000000000007\nSigIgn:\t0000000000001003\nSigCgt:\t0\n", 0x1003),
            ("SigIgn:\tnonsense\n", 0),
            ("", 0),
        ] {
            assert_eq!(Ignored::of_status(status), Ignored(expected));
        }
    }

    #[test]
    fn an_ignored_signal_stays_ignored_but_for_an_interrupt_that_a_process_sends() {
        use Origin::{Process, Terminal};
        let all = bit(SIGINT) | bit(SIGTERM) | bit(SIGHUP);
        for (ignored, with_command, alone) in [
            (0, vec![SIGINT, SIGTERM, SIGHUP], vec![SIGINT, SIGTERM, SIGHUP]),
            (bit(SIGHUP), vec![SIGINT, SIGTERM], vec![SIGINT, SIGTERM]),
            (bit(SIGINT), vec![SIGTERM, SIGHUP], vec![SIGINT, SIGTERM, SIGHUP]),
            (all, vec![], vec![SIGINT]),
        ] {
            assert_eq!((Ignored(ignored).for_command(), Ignored(ignored).alone()), (with_command, alone));
        }
        for (ignored, signal, origin, heard) in [
            (0, SIGINT, Terminal, true),
            (0, SIGHUP, Process, true),
            (all, SIGINT, Terminal, false),
            (all, SIGINT, Process, true),
            (all, SIGHUP, Terminal, false),
            (all, SIGHUP, Process, false),
            (all, SIGTERM, Process, false),
        ] {
            assert_eq!(Ignored(ignored).hears(signal, origin), heard, "{ignored:b} {signal} {origin:?}");
        }
    }
}
