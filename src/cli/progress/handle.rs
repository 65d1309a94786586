//! The display of a run, as the command holds it.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread;
use std::time::Duration;

use nightreel::engine::Monitor;

use super::super::context::complain;
use super::bar_view::BarView;
use super::board::{Board, Ending};
use super::drawer::Drawer;
use super::json_view::JsonView;
use super::kind::Display;
use super::line_view::LineView;
use super::paint::Paint;
use super::sink::Sink;
use super::terminal::Size;
use super::watcher::{Telling, Watcher};
use super::{Message, ProgressKind, Terminal, View};

/// How many lines may wait to be shown.
const LINES: usize = 1024;
/// How many events may wait to be shown as JSON: each settled item is one.
const EVENTS: usize = 65_536;
/// How long a reader that takes nothing is waited for at the end.
const PATIENCE: Duration = Duration::from_secs(1);

/// Shows how a run goes. Standard error belongs to it until it is finished.
#[derive(Debug)]
pub(crate) struct Progress {
    board: Arc<Board>,
    telling: Telling,
    patience: Duration,
}

/// What a display is made of.
pub(super) struct Setup {
    pub(super) display: Display,
    /// Whether warnings alone are wanted.
    pub(super) quiet: bool,
    pub(super) paint: Paint,
    /// How many messages may wait to be shown.
    pub(super) capacity: usize,
    pub(super) writer: Box<dyn Write + Send>,
    /// How large the terminal is now.
    pub(super) size: fn() -> Size,
    pub(super) patience: Duration,
}

impl Progress {
    /// Begins to show. Quiet asks for warnings alone.
    pub(crate) fn start(kind: ProgressKind, quiet: bool, terminal: &Terminal) -> Self {
        let display = kind.display(quiet, terminal);
        Self::with(Setup {
            display,
            quiet,
            capacity: if display == Display::Json { EVENTS } else { LINES },
            paint: Paint { color: terminal.can_draw() && !terminal.no_color },
            writer: Box::new(io::stderr()),
            size: Size::of_stderr,
            patience: PATIENCE,
        })
    }

    pub(super) fn with(setup: Setup) -> Self {
        let telling = match setup.display {
            _ if setup.quiet => Telling::Warnings,
            Display::Json => Telling::Each,
            Display::Bar | Display::Lines | Display::Silent => Telling::Sums,
        };
        let (board, messages) = Board::new(setup.capacity);
        let (quiet, patience) = (setup.quiet, setup.patience);
        let view = view(setup, Arc::clone(&board.pieces));
        let drawer = Drawer::new(Arc::clone(&board), messages, view, quiet);
        let thread = thread::Builder::new().name("progress".to_owned()).spawn(move || drawer.run());
        if thread.is_err() {
            // A system without room for a thread shows no progress, and nobody waits for it.
            drop(Ending(Arc::clone(&board)));
        }
        Self { board, telling, patience }
    }

    /// Who tells the display what the engine does.
    pub(crate) fn monitor(&self) -> impl Monitor + 'static {
        Watcher::new(Arc::clone(&self.board), self.telling)
    }

    /// Says a line, or several, in order with the others; quiet leaves it out.
    pub(crate) fn say(&self, line: &str) {
        if self.telling != Telling::Warnings {
            self.board.queue.offer(Message::Line(line.to_owned()));
        }
    }

    /// Says something that the user should know, quiet or not.
    pub(crate) fn warn(&self, line: &str) {
        self.board.queue.offer(Message::Warning(line.to_owned()));
    }

    /// Shows what is left and clears the bar. Returns whether all of it was written; where not,
    /// standard error takes nothing for a second, and whoever writes there now waits for its reader.
    pub(crate) fn finish(self) -> bool {
        self.end()
    }

    /// Shows what is left, and then what came of it all: as an event among the others where a
    /// program reads along. Where standard error takes nothing any more, it is left unsaid.
    pub(crate) fn conclude(self, text: Option<&str>) {
        let Some(text) = text else {
            self.finish();
            return;
        };
        if self.telling == Telling::Each {
            self.say(text);
            self.finish();
        } else if self.finish() {
            complain(text);
        }
    }

    fn end(&self) -> bool {
        self.board.finish(self.patience)
    }
}

impl Drop for Progress {
    /// A command that ends early leaves no bar behind.
    fn drop(&mut self) {
        if !self.board.is_finished() {
            self.end();
        }
    }
}

fn view(setup: Setup, pieces: Arc<AtomicU64>) -> Box<dyn View> {
    let sink = Sink::new(setup.writer, pieces);
    match setup.display {
        Display::Bar => Box::new(BarView::new(sink, setup.paint, setup.size)),
        Display::Lines => Box::new(LineView::scheduled(sink, setup.paint, time_of_day)),
        Display::Silent => Box::new(LineView::silent(sink, setup.paint)),
        Display::Json => Box::new(JsonView::new(sink)),
    }
}

fn time_of_day() -> String {
    jiff::Zoned::now().strftime("%H:%M:%S").to_string()
}
