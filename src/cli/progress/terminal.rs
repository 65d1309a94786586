//! What standard error is, captured once.

use std::ffi::OsStr;
use std::io::{self, IsTerminal};

use super::super::ci::is_ci;

/// What standard error is connected to, and what its user wants there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "standard error is a terminal or not, whatever this struct is called")]
pub(crate) struct Terminal {
    /// Whether standard error is a terminal.
    pub(crate) stderr_is_terminal: bool,
    /// Whether nothing can be drawn there: `TERM` is unset, empty or `dumb`, or `CI` says that what
    /// looks like a terminal is a log.
    pub(crate) term_is_dumb: bool,
    /// Whether `NO_COLOR` is set to something.
    pub(crate) no_color: bool,
}

/// The size of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) width: u16,
    pub(super) height: u16,
}

impl Terminal {
    /// Looks at standard error and at the environment.
    pub(crate) fn capture() -> Self {
        let env = |name: &str| std::env::var_os(name);
        Self {
            stderr_is_terminal: io::stderr().is_terminal(),
            term_is_dumb: is_dumb(env("TERM").as_deref()) || is_ci(env("CI").as_deref()),
            no_color: env("NO_COLOR").is_some_and(|value| !value.is_empty()),
        }
    }

    /// Whether a bar can be drawn.
    pub(super) const fn can_draw(&self) -> bool {
        self.stderr_is_terminal && !self.term_is_dumb
    }
}

impl Size {
    /// What is assumed of a terminal that does not say: a serial line, some containers.
    const DEFAULT: Self = Self { width: 80, height: 24 };
    /// Below this, a wide character finds no room at all.
    const MIN_WIDTH: u16 = 4;

    /// The size of the terminal at standard error. It is asked for each time something is drawn,
    /// which makes a handler of SIGWINCH needless.
    pub(super) fn of_stderr() -> Self {
        rustix::termios::tcgetwinsize(io::stderr())
            .map_or(Self::DEFAULT, |size| Self { width: size.ws_col, height: size.ws_row }.or_default())
    }

    fn or_default(self) -> Self {
        match self {
            Self { width: 0, .. } | Self { height: 0, .. } => Self::DEFAULT,
            Self { width, height } => Self { width: width.max(Self::MIN_WIDTH), height },
        }
    }
}

fn is_dumb(term: Option<&OsStr>) -> bool {
    term.is_none_or(|term| term.is_empty() || term == "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_that_cannot_draw_is_told_by_its_name() {
        for (term, dumb) in [(None, true), (Some(""), true), (Some("dumb"), true), (Some("xterm-256color"), false)] {
            assert_eq!(is_dumb(term.map(OsStr::new)), dumb, "{term:?}");
        }
    }

    #[test]
    fn a_terminal_that_tells_no_size_has_the_usual_one() {
        for (told, taken) in [((0, 0), (80, 24)), ((0, 50), (80, 24)), ((1, 50), (4, 50)), ((132, 50), (132, 50))] {
            let size = Size { width: told.0, height: told.1 }.or_default();
            assert_eq!((size.width, size.height), taken, "{told:?}");
        }
    }
}
