//! A bar on a terminal, with lines above it that stay.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::message::lost;
use super::paint::Paint;
use super::screen::Screen;
use super::sink::Sink;
use super::status::{Phase, Status};
use super::terminal::Size;
use super::{Message, View, announce};

/// How often a second the picture is drawn at most.
const HERTZ: u8 = 20;

/// Draws the run's bar, a line of detail below it, and a line a model.
#[derive(Debug)]
pub(super) struct BarView {
    sink: Sink,
    paint: Paint,
    size: fn() -> Size,
    screen: Screen,
    picture: MultiProgress,
    /// The lines of the picture. One line is that of the check; a run has two or more.
    bars: Vec<ProgressBar>,
    /// What was said since the last flush.
    said: Vec<String>,
}

impl BarView {
    pub(super) fn new(sink: Sink, paint: Paint, size: fn() -> Size) -> Self {
        let screen = Screen::new(sink.clone(), size());
        let picture = MultiProgress::with_draw_target(target(&screen));
        Self { sink, paint, size, screen, picture, bars: Vec::new(), said: Vec::new() }
    }

    /// Makes the picture have these lines.
    fn lay_out(&mut self, templates: &[String]) {
        if self.bars.len() == templates.len() {
            return;
        }
        for bar in self.bars.drain(..) {
            bar.finish_and_clear();
            self.picture.remove(&bar);
        }
        self.bars.extend(templates.iter().map(|template| {
            let style = ProgressStyle::with_template(template).expect("the templates are constants that parse");
            let bar = self.picture.add(ProgressBar::no_length());
            bar.set_style(style.progress_chars("━━╌"));
            bar
        }));
    }

    fn checking(&mut self, rows: u64) {
        self.lay_out(&["{spinner} {wide_msg}".to_owned()]);
        self.bars[0].tick();
        self.bars[0].set_message(announce::checking(rows));
    }

    fn running(&mut self, status: &Status) {
        let head = self.paint.cyan("{bar:20}") + " {wide_msg}";
        let rest = std::iter::repeat_n("{wide_msg}".to_owned(), 1 + status.lanes.len());
        self.lay_out(&std::iter::once(head).chain(rest).collect::<Vec<_>>());
        self.bars[0].set_length(status.items);
        self.bars[0].set_position(status.done());
        self.bars[0].set_message(status.head(self.paint));
        self.bars[1].set_message(status.detail());
        for (bar, lane) in self.bars[2..].iter().zip(&status.lanes) {
            bar.set_message(status.lane(lane, self.paint));
        }
    }

    fn resize(&mut self) {
        let size = (self.size)();
        if size != self.screen.size() {
            let lines = self.bars.len().min(usize::from(self.screen.size().height));
            self.screen.resize(lines, size);
            // A new target forgets what the old one has drawn.
            self.picture.set_draw_target(target(&self.screen));
        }
    }
}

impl View for BarView {
    fn message(&mut self, message: Message) {
        self.said.extend(message.lines(self.paint));
    }

    fn frame(&mut self, phase: &Phase) {
        self.resize();
        match phase {
            Phase::Idle => {}
            Phase::Checking { rows, .. } => self.checking(*rows),
            Phase::Running(status) => self.running(status),
        }
    }

    fn lost(&mut self, count: u64) {
        self.said.push(lost(count));
    }

    fn flush(&mut self) {
        if self.said.is_empty() {
            return;
        }
        let said = std::mem::take(&mut self.said);
        // Not indicatif's `println`, which fills each line up with blanks to the terminal's edge.
        self.picture.suspend(|| said.iter().for_each(|line| self.sink.line(line)));
        self.sink.flush();
    }

    fn close(&mut self, _phase: &Phase) {
        self.flush();
        self.lay_out(&[]);
        self.sink.flush();
    }
}

fn target(screen: &Screen) -> ProgressDrawTarget {
    ProgressDrawTarget::term_like_with_hz(Box::new(screen.clone()), HERTZ)
}
