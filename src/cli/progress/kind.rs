//! Which display the user asks for, and which one it comes to.

use super::Terminal;

/// How a run shows its progress.
#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ProgressKind {
    /// A bar on a terminal, lines elsewhere.
    #[default]
    Auto,
    /// A bar; lines where nothing can be drawn.
    Bar,
    /// A line now and then, for logs.
    Lines,
    /// An event a line, as JSON, for programs.
    Json,
    /// No progress; what is said is shown.
    None,
}

/// The display that it comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Display {
    /// A bar that is drawn anew.
    Bar,
    /// Lines on a schedule.
    Lines,
    /// Events as JSON.
    Json,
    /// Nothing but what is said.
    Silent,
}

impl ProgressKind {
    /// The display for a terminal. Quiet asks for warnings alone, in whatever form was chosen.
    pub(super) const fn display(self, quiet: bool, terminal: &Terminal) -> Display {
        match self {
            Self::Json => Display::Json,
            _ if quiet => Display::Silent,
            Self::Auto | Self::Bar if terminal.can_draw() => Display::Bar,
            Self::Auto | Self::Bar | Self::Lines => Display::Lines,
            Self::None => Display::Silent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_drawn_only_where_that_is_possible() {
        use ProgressKind as Kind;
        let able = Terminal { stderr_is_terminal: true, term_is_dumb: false, no_color: false };
        let dumb = Terminal { term_is_dumb: true, ..able };
        let pipe = Terminal { stderr_is_terminal: false, ..able };
        for (kind, terminal, loud, quiet) in [
            (Kind::Auto, &able, Display::Bar, Display::Silent),
            (Kind::Auto, &dumb, Display::Lines, Display::Silent),
            (Kind::Auto, &pipe, Display::Lines, Display::Silent),
            (Kind::Bar, &able, Display::Bar, Display::Silent),
            (Kind::Bar, &dumb, Display::Lines, Display::Silent),
            (Kind::Bar, &pipe, Display::Lines, Display::Silent),
            (Kind::Lines, &able, Display::Lines, Display::Silent),
            (Kind::Json, &able, Display::Json, Display::Json),
            (Kind::Json, &pipe, Display::Json, Display::Json),
            (Kind::None, &able, Display::Silent, Display::Silent),
        ] {
            assert_eq!(kind.display(false, terminal), loud, "{kind:?} {terminal:?}");
            assert_eq!(kind.display(true, terminal), quiet, "{kind:?} {terminal:?} quiet");
        }
    }
}
